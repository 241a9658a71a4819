//! The rulesets as text, and which flows they would let go on. No kernel needed.
//!
//! A wanted change of a ruleset: run with `MARU_BLESS=1`, read the difference, commit it.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;
use linux::conntrack::Tuple;
use model::address::MacAddress;
use model::host::*;
use model::{FloatingIpId, NetworkId, PortId, RouterId, SecurityGroupId, SecurityGroupRuleId, ServerId, SubnetId};
use node::network::flows::Judge;
use node::network::table::Table;
use node::network::{filter, nat};
use uuid::Uuid;

fn id(number: u128) -> Uuid {
    Uuid::from_u128(0x0000_0000_0000_4000_8000_0000_0000_0000 | (number << 96) | number)
}

fn net(text: &str) -> IpNet {
    text.parse()
        .unwrap_or_else(|_| IpNet::from(text.parse::<IpAddr>().unwrap()))
}

fn rule(direction: Direction, ethertype: EtherType, protocol: ProtocolMatch, remote: Remote) -> FilterRule {
    FilterRule {
        id: SecurityGroupRuleId(id(9)),
        direction,
        ethertype,
        protocol,
        remote,
    }
}

fn subnet(number: u128, cidr: &str) -> SubnetConfig {
    SubnetConfig {
        id: SubnetId(id(number)),
        cidr: net(cidr),
        gateway: None,
        dhcp: true,
        dns_nameservers: vec![],
        host_routes: vec![],
        ipv6: None,
    }
}

fn port(number: u128, addresses: &[&str], groups: &[SecurityGroupId]) -> PortConfig {
    PortConfig {
        id: PortId(id(number)),
        network_id: NetworkId(id(1)),
        mac: MacAddress([0xfa, 0x16, 0x3e, 0, 0, number as u8]),
        fixed_ips: addresses
            .iter()
            .map(|a| FixedIpConfig {
                subnet_id: SubnetId(id(2)),
                address: net(a),
            })
            .collect(),
        binding: PortBinding::Server(ServerId(id(number))),
        admin_state_up: true,
        port_security: true,
        allowed_address_pairs: vec![],
        security_groups: groups.iter().copied().collect(),
        dns_name: None,
        extra_dhcp_opts: vec![],
        qos: None,
    }
}

const WEB: u128 = 0x10;
const DATABASE: u128 = 0x11;

/// A network with what rules can say.
fn network() -> NetworkConfig {
    use Direction::{Egress, Ingress};
    use EtherType::{IPv4, IPv6};
    let (web, database) = (SecurityGroupId(id(WEB)), SecurityGroupId(id(DATABASE)));
    let ports = |protocol, range| ProtocolMatch::Ports { protocol, range };
    let web_rules = vec![
        rule(Egress, IPv4, ProtocolMatch::Any, Remote::Any),
        rule(Egress, IPv6, ProtocolMatch::Any, Remote::Any),
        rule(Ingress, IPv4, ports(6, Some((80, 80))), Remote::Any),
        rule(
            Ingress,
            IPv4,
            ports(6, Some((8000, 8010))),
            Remote::Prefix(net("192.0.2.0/24")),
        ),
        rule(Ingress, IPv6, ports(6, Some((80, 80))), Remote::Prefix(net("::/0"))),
        rule(
            Ingress,
            IPv4,
            ProtocolMatch::Icmp {
                kind: Some(8),
                code: Some(0),
            },
            Remote::Any,
        ),
        rule(
            Ingress,
            IPv6,
            ProtocolMatch::Icmp { kind: None, code: None },
            Remote::Any,
        ),
        rule(Ingress, IPv4, ProtocolMatch::Number(47), Remote::Any),
        rule(Ingress, IPv4, ports(132, None), Remote::Any),
        // A prefix of the other family, which the API refuses: it must let nothing pass.
        rule(Ingress, IPv4, ProtocolMatch::Any, Remote::Prefix(net("2001:db8::/32"))),
    ];
    let database_rules = vec![
        rule(Ingress, IPv4, ports(6, Some((5432, 5432))), Remote::Group(web)),
        rule(Ingress, IPv6, ports(6, Some((5432, 5432))), Remote::Group(web)),
        // A group without members on record.
        rule(
            Ingress,
            IPv4,
            ProtocolMatch::Any,
            Remote::Group(SecurityGroupId(id(0x12))),
        ),
    ];
    let mut paired = port(5, &["10.1.0.14/24"], &[database, web]);
    paired.allowed_address_pairs = vec![
        (net("10.1.0.200"), paired.mac),
        (net("192.168.0.0/16"), paired.mac),
        (net("fd00:50::/64"), paired.mac),
    ];
    let mut router = port(6, &["10.1.0.1/24"], &[]);
    router.binding = PortBinding::Router(RouterId(id(1)));
    router.port_security = false;
    let mut free = port(7, &["10.1.0.15/24"], &[web]);
    free.port_security = false;
    let mut down = port(8, &["10.1.0.16/24"], &[web]);
    down.admin_state_up = false;
    let all = [
        port(3, &["10.1.0.10/24", "fd00:1::a/64"], &[web]),
        port(4, &["10.1.0.11/24", "fd00:1::b/64"], &[database]),
        paired,
        router,
        free,
        down,
        port(9, &["10.1.0.17/24"], &[]),
    ];
    let members: BTreeSet<IpNet> = ["10.1.0.10", "fd00:1::a", "192.168.0.0/16", "192.168.5.0/24"]
        .iter()
        .map(|m| net(m))
        .collect();
    let mut config = NetworkConfig {
        id: NetworkId(id(1)),
        mtu: 1450,
        dns_domain: "openstacklocal".into(),
        subnets: vec![subnet(2, "10.1.0.0/24"), subnet(3, "fd00:1::/64")],
        service_port: Some(ServicePort {
            id: PortId(id(2)),
            mac: MacAddress([0xfa, 0x16, 0x3e, 0, 0, 2]),
            addresses: vec![net("10.1.0.2/24"), net("fd00:1::2/64")],
        }),
        ports: all.into_iter().map(|port| (port.id, Arc::new(port))).collect(),
        groups: [(web, Arc::new(web_rules)), (database, Arc::new(database_rules))]
            .into_iter()
            .collect(),
        stateless: Default::default(),
        members: Default::default(),
        names: Default::default(),
    };
    config.members.insert(web, members.into_iter().collect());
    config
}

fn router() -> RouterConfig {
    let floating = |number: u8| FloatingIpConfig {
        id: FloatingIpId(id(number.into())),
        floating: [172, 24, 4, 50 + number].into(),
        fixed: [10, 1, 0, 10 + number].into(),
        port_id: PortId(id(3)),
    };
    RouterConfig {
        id: RouterId(id(1)),
        admin_state_up: true,
        legs: vec![RouterLeg {
            port_id: PortId(id(6)),
            network_id: NetworkId(id(1)),
            mac: MacAddress([0xfa, 0x16, 0x3e, 0, 0, 6]),
            addresses: vec![net("10.1.0.1/24"), net("fd00:1::1/64")],
            mtu: 1450,
            advertise: vec![],
            advertise_dns: vec![],
        }],
        gateway: Some(GatewayLeg {
            port_id: PortId(id(0x20)),
            network_id: NetworkId(id(0x21)),
            mac: MacAddress([0xfa, 0x16, 0x3e, 0, 0, 0x20]),
            addresses: vec![net("172.24.4.10/24"), net("2001:db8::10/64")],
            gateways: vec!["172.24.4.1".parse().unwrap()],
            enable_snat: true,
            mtu: 1500,
        }),
        floating_ips: vec![floating(0), floating(1)],
        forwardings: vec![],
        routes: vec![],
        scopes: Default::default(),
        limits: vec![],
        ndp_proxies: None,
        meters: Default::default(),
    }
}

fn golden(name: &str, tables: &[Table]) {
    let text: String = tables.iter().map(Table::render).collect();
    let path = format!("{}/tests/network_golden/{name}.nft", env!("CARGO_MANIFEST_DIR"));
    if std::env::var_os("MARU_BLESS").is_some() {
        std::fs::create_dir_all(std::path::Path::new(&path).parent().unwrap()).unwrap();
        std::fs::write(&path, &text).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(text, expected, "the ruleset is not that of {path}");
}

#[test]
fn a_networks_ruleset() {
    golden("network", &filter::tables(&network()));
}

#[test]
fn a_ruleset_with_stateless_ports() {
    let mut config = network();
    config.stateless.insert(SecurityGroupId(id(DATABASE)));
    // One more pair, with a MAC that is not the port's own.
    let mut paired = port(5, &["10.1.0.14/24"], &[SecurityGroupId(id(WEB))]);
    paired.allowed_address_pairs = vec![(net("10.1.0.200"), MacAddress([0, 0, 0x5e, 0, 1, 1]))];
    config.ports.insert(paired.id, Arc::new(paired));
    golden("network_with_stateless", &filter::tables(&config));
}

#[test]
fn flows_of_stateless_ports_are_not_tracked() {
    let mut config = network();
    config.stateless.insert(SecurityGroupId(id(DATABASE)));
    let mut paired = port(5, &["10.1.0.14/24"], &[SecurityGroupId(id(DATABASE))]);
    paired.allowed_address_pairs = vec![(net("192.168.0.0/16"), paired.mac)];
    config.ports.insert(paired.id, Arc::new(paired));
    let judge = Judge::new(&config);
    for (what, source, destination, expected) in [
        ("of a stateful port", "10.1.0.10", "198.51.100.7", true),
        ("to a stateful port", "198.51.100.7", "10.1.0.10", true),
        ("of a stateless port", "10.1.0.11", "198.51.100.7", false),
        ("to a stateless port", "198.51.100.7", "10.1.0.11", false),
        ("to a stateless port by IPv6", "2001:db8::7", "fd00:1::b", false),
        ("by a stateless port's pair", "198.51.100.7", "192.168.3.3", false),
        ("of two stateless ports", "10.1.0.11", "10.1.0.14", false),
        ("of a stateful port to a stateless one", "10.1.0.10", "10.1.0.11", true),
        ("of a stateless port to a stateful one", "10.1.0.11", "10.1.0.10", true),
        ("of a stateless port to a router", "10.1.0.11", "10.1.0.1", false),
        ("of a stateless port to the services", "10.1.0.11", "10.1.0.2", false),
        ("of nobody here", "198.51.100.7", "198.51.100.8", true),
    ] {
        assert_eq!(judge.tracks(&flow(source, destination, 6, 80)), expected, "{what}");
    }
}

#[test]
fn a_routers_ruleset() {
    golden("router", &nat::tables(&router()));
    let mut config = router();
    let forwarding = |external, internal| ForwardingConfig {
        floating_ip_id: FloatingIpId(id(9)),
        floating: [172, 24, 4, 60].into(),
        protocol: 6,
        external,
        fixed: [10, 1, 0, 10].into(),
        internal,
    };
    config.forwardings = vec![forwarding((2222, 2222), (22, 22)), forwarding((8000, 8002), (80, 82))];
    golden("router_with_forwardings", &nat::tables(&config));
    let mut config = router();
    config.ndp_proxies = Some(
        ["fd00:1::a", "fd00:1::b"]
            .map(|address| address.parse().unwrap())
            .into(),
    );
    golden("router_with_ndp_proxies", &nat::tables(&config));
    let mut config = router();
    config.gateway.as_mut().unwrap().enable_snat = false;
    golden("router_without_snat", &nat::tables(&config));
    config.gateway = None;
    config.floating_ips.clear();
    golden("router_without_gateway", &nat::tables(&config));
}

#[test]
fn one_more_port_is_some_elements_and_nothing_else() {
    let old = network();
    let mut new = old.clone();
    let mut added = port(0x0a, &["10.1.0.20/24"], &[SecurityGroupId(id(WEB))]);
    added.network_id = old.id;
    new.ports.insert(added.id, Arc::new(added));
    let tables = filter::tables(&new);
    let text: String = tables
        .iter()
        .zip(&filter::tables(&old))
        .map(|(new, old)| new.difference(old).unwrap())
        .collect();
    let kinds: BTreeSet<&str> = text.lines().map(|line| line.split_once(" bridge").unwrap().0).collect();
    // The chain is the guard of its neighbour advertisements.
    assert_eq!(kinds, ["add chain", "add element", "add rule"].into());
    assert_eq!(text.lines().filter(|line| line.starts_with("add element")).count(), 6);
}

fn flow(source: &str, destination: &str, protocol: u8, port: u16) -> Tuple {
    Tuple {
        source: source.parse().unwrap(),
        destination: destination.parse().unwrap(),
        protocol,
        source_port: Some(40_000),
        destination_port: Some(port),
        icmp: None,
    }
}

#[test]
fn flows_are_judged_as_the_ruleset_would() {
    let config = network();
    let judge = Judge::new(&config);
    let icmp = |kind, code| Tuple {
        source_port: None,
        destination_port: None,
        icmp: Some((kind, code)),
        ..flow("198.51.100.7", "10.1.0.10", 1, 0)
    };
    let cases = [
        ("an allowed port", flow("198.51.100.7", "10.1.0.10", 6, 80), true),
        ("another port", flow("198.51.100.7", "10.1.0.10", 6, 81), false),
        ("a range, right prefix", flow("192.0.2.9", "10.1.0.10", 6, 8005), true),
        ("a range, wrong prefix", flow("192.0.3.9", "10.1.0.10", 6, 8005), false),
        ("IPv6", flow("2001:db8::7", "fd00:1::a", 6, 80), true),
        (
            "a prefix of the other family",
            flow("198.51.100.7", "10.1.0.10", 17, 9),
            false,
        ),
        (
            "all of a protocol with ports",
            flow("198.51.100.7", "10.1.0.10", 132, 9),
            true,
        ),
        ("a protocol by number", flow("198.51.100.7", "10.1.0.10", 47, 0), true),
        ("ICMP of the right type and code", icmp(8, 0), true),
        ("ICMP of another code", icmp(8, 1), false),
        ("ICMP of another type", icmp(13, 0), false),
        (
            "a member of the remote group",
            flow("10.1.0.10", "10.1.0.11", 6, 5432),
            true,
        ),
        ("a member by prefix", flow("192.168.7.7", "10.1.0.11", 6, 5432), true),
        ("no member", flow("10.1.0.15", "10.1.0.11", 6, 5432), false),
        (
            "from a port without egress rules",
            flow("10.1.0.11", "198.51.100.7", 6, 80),
            false,
        ),
        (
            "from a port with egress rules",
            flow("10.1.0.10", "198.51.100.7", 6, 80),
            true,
        ),
        ("to a port without security", flow("10.1.0.10", "10.1.0.15", 6, 9), true),
        ("to a port that is down", flow("10.1.0.10", "10.1.0.16", 6, 80), false),
        ("to a port without groups", flow("10.1.0.10", "10.1.0.17", 6, 80), false),
        (
            "to an address of a pair",
            flow("198.51.100.7", "10.1.0.200", 6, 80),
            true,
        ),
        (
            "to an address in a pair's prefix",
            flow("198.51.100.7", "192.168.9.9", 6, 81),
            false,
        ),
        ("of nobody here", flow("198.51.100.7", "198.51.100.8", 6, 80), true),
        (
            "of the network's own services",
            flow("10.1.0.2", "10.1.0.17", 6, 9),
            true,
        ),
    ];
    for (what, flow, expected) in cases {
        assert_eq!(judge.allows(&flow), expected, "{what}");
    }
    let dhcp = Tuple {
        source_port: Some(68),
        ..flow("10.1.0.11", "10.1.0.2", 17, 67)
    };
    assert!(judge.allows(&dhcp), "DHCP needs no rule");
}
