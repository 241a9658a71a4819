//! Whatever is done, in whatever order, and whatever of it is refused: the tables stay in order.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::host::{Direction, EtherType, Ipv6Mode};
use crate::network::floating_ip::{self, FloatingIpSpec};
use crate::network::port::FixedIpSpec;
use crate::network::security_group::{self, RuleSpec, SecurityGroupSpec};
use crate::network::trunk::{self, Segmentation, SubportSpec, TrunkSpec};
use crate::network::{FloatingIp, SecurityGroup, SecurityGroupRule, Trunk, agent, device_owner, segment};
use crate::{HostId, PortId, Row};

/// A step: what, and three numbers that choose among what is there.
#[derive(Debug, Clone)]
struct Step(u8, u8, u8, u8);

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = (0..27_u8, any::<u8>(), any::<u8>(), any::<u8>()).prop_map(|(what, a, b, c)| Step(what, a, b, c));
    prop::collection::vec(step, 1..120)
}

/// One of the rows there are; an id that is not there when there is none.
fn nth<R: Row>(cloud: &Cloud, n: u8) -> R::Id {
    let rows = R::table(cloud);
    match rows.iter().nth(usize::from(n) % rows.len().max(1)) {
        Some(row) => row.id(),
        None => nobody::<R::Id>(),
    }
}

fn nobody<T: std::str::FromStr>() -> T {
    match "00000000-0000-0000-0000-00000000000f".parse() {
        Ok(id) => id,
        Err(_) => panic!("every id here is a UUID"),
    }
}

/// Does a step; refusals are fine, what they leave behind is checked afterwards.
fn take(world: &mut World, Step(what, a, b, c): &Step) {
    let (a, b, c) = (*a, *b, *c);
    let who = if c & 1 == 0 { member("demo") } else { member("other") };
    let cloud = world.cloud.clone();
    let network = nth::<Network>(&cloud, a);
    let subnet_id = nth::<Subnet>(&cloud, b);
    let port_id = nth::<Port>(&cloud, b);
    let router_id = nth::<Router>(&cloud, a);
    let group = nth::<SecurityGroup>(&cloud, a);
    let trunk_id = nth::<Trunk>(&cloud, a);
    let subports = [SubportSpec {
        port_id: nth::<Port>(&cloud, c),
        segmentation: Some(Segmentation::Named {
            kind: "vlan".to_owned(),
            id: i64::from(c % 4) + 1,
        }),
    }];
    let _ = match what {
        0 => world.run(|tx| network::create(tx, &who, NetworkSpec::default()).map(drop)),
        1 => world.run(|tx| {
            let spec = NetworkSpec {
                external: Some(true),
                ..NetworkSpec::default()
            };
            network::create(tx, &admin(), spec).map(drop)
        }),
        2 => world.run(|tx| {
            let spec = NetworkSpec {
                shared: Some(b & 1 == 0),
                ..NetworkSpec::default()
            };
            network::update(tx, &admin(), network, spec).map(drop)
        }),
        3 | 4 => world.run(|tx| {
            let spec = SubnetSpec {
                enable_dhcp: Some(c & 2 == 0),
                ..of(&format!("10.0.{}.0/28", b % 8))
            };
            subnet::create(tx, &admin(), network, spec).map(drop)
        }),
        5 => world.run(|tx| {
            let spec = SubnetSpec {
                ipv6_address_mode: (c & 2 == 0).then_some(Ipv6Mode::Slaac),
                ..of(&format!("fd00:{}::/64", b % 8))
            };
            subnet::create(tx, &admin(), network, spec).map(drop)
        }),
        6 => world.run(|tx| subnet::delete(tx, &admin(), subnet_id)),
        7 => world.run(|tx| {
            let spec = SubnetSpec {
                enable_dhcp: Some(c & 2 == 0),
                ..SubnetSpec::default()
            };
            subnet::update(tx, &admin(), subnet_id, spec).map(drop)
        }),
        8..=10 => world.run(|tx| port::create(tx, &who, network, PortSpec::default()).map(drop)),
        11 => world.run(|tx| {
            let fixed = FixedIpSpec {
                subnet_id: Some(subnet_id),
                ip_address: None,
            };
            let spec = PortSpec {
                fixed_ips: Some(vec![fixed; usize::from(c % 4)]),
                ..PortSpec::default()
            };
            port::create(tx, &admin(), network, spec).map(drop)
        }),
        12 => world.run(|tx| {
            let fixed = FixedIpSpec {
                subnet_id: Some(nth::<Subnet>(&cloud, a)),
                ip_address: None,
            };
            let spec = PortSpec {
                fixed_ips: Some(vec![fixed; usize::from(c % 3)]),
                mac_address: (c & 4 == 0).then_some(crate::address::MacAddress([2, 0, 0, 0, 0, a])),
                ..PortSpec::default()
            };
            port::update(tx, &admin(), port_id, spec).map(drop)
        }),
        13 => world.run(|tx| port::delete(tx, &admin(), port_id)),
        14 => world.run(|tx| router::create(tx, &who, RouterSpec::default()).map(drop)),
        15 => world.run(|tx| {
            let wanted = (c & 2 == 0).then(|| gateway(nth::<Network>(&cloud, b)));
            let spec = RouterSpec {
                gateway: Some(wanted),
                ..RouterSpec::default()
            };
            router::update(tx, &admin(), router_id, spec).map(drop)
        }),
        16 => world.run(|tx| router::add_interface(tx, &admin(), router_id, by_subnet(subnet_id)).map(drop)),
        17 => world.run(|tx| {
            let spec = InterfaceSpec {
                subnet_id: None,
                port_id: Some(port_id),
            };
            router::add_interface(tx, &admin(), router_id, spec).map(drop)
        }),
        18 => world.run(|tx| router::remove_interface(tx, &admin(), router_id, by_subnet(subnet_id)).map(drop)),
        19 => world.run(|tx| match c & 2 {
            0 => router::delete(tx, &admin(), router_id),
            _ => network::delete(tx, &admin(), network),
        }),
        20 => world.run(|tx| {
            let spec = FloatingIpSpec {
                port_id: (c & 2 == 0).then_some(Some(port_id)),
                project_id: Some("demo".into()),
                ..FloatingIpSpec::default()
            };
            floating_ip::create(tx, &admin(), network, spec).map(drop)
        }),
        21 => world.run(|tx| {
            let spec = FloatingIpSpec {
                port_id: Some((c & 2 == 0).then_some(port_id)),
                ..FloatingIpSpec::default()
            };
            floating_ip::update(tx, &admin(), nth::<FloatingIp>(&cloud, a), spec).map(drop)
        }),
        22 => world.run(|tx| floating_ip::delete(tx, &admin(), nth::<FloatingIp>(&cloud, a))),
        23 => world.run(|tx| {
            let spec = TrunkSpec {
                project_id: None,
                name: String::new(),
                description: String::new(),
                admin_state_up: true,
                port_id,
                sub_ports: if c & 2 == 0 { subports.to_vec() } else { Vec::new() },
                tags: BTreeSet::new(),
            };
            trunk::create(tx, &admin(), spec).map(drop)
        }),
        24 => world.run(|tx| match b % 4 {
            0 | 1 => trunk::add_subports(tx, &admin(), trunk_id, &subports).map(drop),
            2 => trunk::remove_subports(tx, &admin(), trunk_id, &[subports[0].port_id]).map(drop),
            _ => trunk::delete(tx, &admin(), trunk_id),
        }),
        25 => world.run(|tx| {
            let host = HostId::from("host");
            let dhcp = agent::id_of(&host, agent::Kind::Dhcp);
            match c & 2 {
                0 => agent::add_network(tx, &host, dhcp, network),
                _ => agent::remove_network(tx, &host, dhcp, network),
            }
        }),
        _ => world.run(|tx| match c % 4 {
            0 => security_group::create(tx, &who, SecurityGroupSpec::default()).map(drop),
            1 => security_group::delete(tx, &admin(), group),
            2 => {
                let rule = RuleSpec {
                    remote_group_id: Some(nth::<SecurityGroup>(&cloud, b)),
                    ..RuleSpec::new(group, Direction::Ingress, EtherType::IPv4)
                };
                security_group::create_rule(tx, &admin(), rule).map(drop)
            }
            _ => security_group::delete_rule(tx, &admin(), nth::<SecurityGroupRule>(&cloud, b)),
        }),
    };
}

/// What must hold at any time.
fn check(cloud: &Cloud) {
    check_ports(cloud);
    check_dhcp(cloud);
    check_routers(cloud);
    check_floating_ips(cloud);
    check_groups(cloud);
    check_trunks(cloud);
}

fn check_trunks(cloud: &Cloud) {
    let mut ports = BTreeSet::new();
    for trunk in cloud.trunks.iter() {
        assert!(cloud.ports.contains(&trunk.port_id), "a trunk without its parent");
        assert!(ports.insert(trunk.port_id), "a port in two trunks");
        let mut tags = BTreeSet::new();
        for subport in &trunk.sub_ports {
            let port = cloud.ports.get(&subport.port_id).expect("a subport is a port");
            assert_eq!(port.device_owner, device_owner::TRUNK_SUBPORT);
            assert!(ports.insert(port.id), "a port in two trunks");
            assert!(tags.insert(subport.segmentation_id), "a tag twice");
        }
        for id in ports.iter() {
            assert!(!cloud.ports.get(id).unwrap().is_network_owned());
        }
    }
    let marked = cloud
        .ports
        .iter()
        .filter(|port| port.device_owner == device_owner::TRUNK_SUBPORT);
    for port in marked {
        assert!(trunk::of_subport(cloud, port.id).is_some(), "a mark of no trunk");
    }
}

fn check_ports(cloud: &Cloud) {
    let mut addresses: BTreeSet<(NetworkId, IpAddr)> = BTreeSet::new();
    let mut macs = BTreeSet::new();
    for port in cloud.ports.iter() {
        assert!(cloud.networks.contains(&port.network_id), "a port without network");
        assert!(
            macs.insert((port.network_id, port.mac_address)),
            "a MAC twice on a network"
        );
        for fixed in &port.fixed_ips {
            let subnet = cloud
                .subnets
                .get(&fixed.subnet_id)
                .expect("an address of a subnet that is there");
            assert_eq!(subnet.network_id, port.network_id);
            assert!(subnet.cidr.contains(&fixed.ip_address));
            assert!(
                addresses.insert((port.network_id, fixed.ip_address)),
                "{} twice",
                fixed.ip_address
            );
        }
        for group in &port.security_groups {
            assert!(cloud.security_groups.contains(group));
        }
    }
    assert_eq!(cloud.lookups.addresses.len(), addresses.len());
}

fn check_dhcp(cloud: &Cloud) {
    for network in cloud.networks.iter() {
        let ports: Vec<_> = cloud
            .ports_of_network(network.id)
            .filter(|port| port.device_owner == device_owner::DHCP)
            .collect();
        let served: BTreeSet<SubnetId> = cloud
            .subnets_of_network(network.id)
            .filter(|subnet| subnet.enable_dhcp && !network.external)
            .map(|subnet| subnet.id)
            .collect();
        let is_nowhere = network.dhcp_place == agent::DhcpPlace::Nowhere;
        let wanted = usize::from(!served.is_empty());
        assert!(
            ports.len() == wanted || (is_nowhere && ports.is_empty()),
            "one DHCP port where DHCP is asked for"
        );
        assert!(
            ports.iter().all(|port| port::dhcp::is_wanted(port) != is_nowhere),
            "and it works, unless no agent has the network"
        );
        assert_eq!(
            agent::hosts_network(cloud, network) && wanted == 1,
            !is_nowhere && wanted == 1
        );
        let segments = segment::of_network(cloud, network.id).count();
        assert_eq!(segments, 1, "every network has its segment");
        for port in ports {
            let has: BTreeSet<SubnetId> = port.fixed_ips.iter().map(|fixed| fixed.subnet_id).collect();
            assert!(served.is_subset(&has), "the DHCP port is in every subnet it serves");
        }
    }
}

fn check_routers(cloud: &Cloud) {
    for router in cloud.routers.iter() {
        let owned: Vec<_> = cloud
            .ports_of_device(&router.id.to_string())
            .filter(|port| port.is_network_owned())
            .collect();
        let gateways: Vec<PortId> = owned
            .iter()
            .filter(|port| port.device_owner == device_owner::ROUTER_GATEWAY)
            .map(|port| port.id)
            .collect();
        assert_eq!(
            gateways,
            Vec::from_iter(router.gateway.as_ref().map(|gateway| gateway.port_id))
        );
        // One leg may well have two addresses of the same subnet.
        let subnets_of = |port: &Port| -> BTreeSet<SubnetId> { port.fixed_ips.iter().map(|ip| ip.subnet_id).collect() };
        let cidrs: Vec<_> = owned
            .iter()
            .flat_map(|port| subnets_of(port))
            .map(|id| cloud.subnets.get(&id).unwrap().cidr)
            .collect();
        for (index, a) in cidrs.iter().enumerate() {
            let overlaps = |b: &ipnet::IpNet| a.contains(b) || b.contains(a);
            assert!(
                !cidrs[index + 1..].iter().any(overlaps),
                "a router with overlapping legs"
            );
        }
        for port in owned.iter().filter(|port| port.is_router_owned()) {
            assert!(!cloud.networks.get(&port.network_id).unwrap().external);
        }
    }
    for port in cloud.ports.iter().filter(|port| port.is_router_owned()) {
        assert!(
            cloud.routers.contains(&port.device_id.parse().unwrap()),
            "a leg without router"
        );
    }
}

fn check_floating_ips(cloud: &Cloud) {
    for fip in cloud.floating_ips.iter() {
        let holder = cloud
            .ports
            .get(&fip.floating_port_id)
            .expect("a floating IP has its port");
        assert_eq!(holder.first_ipv4(), Some(fip.floating_ip_address));
        assert_eq!(fip.port_id.is_some(), fip.router_id.is_some());
        assert_eq!(fip.port_id.is_some(), fip.fixed_ip_address.is_some());
        let (Some(port_id), Some(router_id)) = (fip.port_id, fip.router_id) else {
            continue;
        };
        let port = cloud.ports.get(&port_id).expect("it leads to a port that is there");
        assert!(
            port.fixed_ips
                .iter()
                .any(|f| Some(f.ip_address) == fip.fixed_ip_address.map(IpAddr::V4))
        );
        let router = cloud.routers.get(&router_id).expect("through a router that is there");
        assert_eq!(
            router.gateway.as_ref().map(|g| g.network_id),
            Some(fip.floating_network_id)
        );
    }
}

fn check_groups(cloud: &Cloud) {
    let mut defaults: BTreeMap<&ProjectId, usize> = BTreeMap::new();
    for group in cloud.security_groups.iter().filter(|group| group.is_default) {
        *defaults.entry(&group.standard.project_id).or_default() += 1;
    }
    assert!(
        defaults.values().all(|count| *count == 1),
        "two default groups in a project"
    );
    for rule in cloud.security_group_rules.iter() {
        assert!(cloud.security_groups.contains(&rule.security_group_id));
        assert!(
            rule.remote_group_id
                .is_none_or(|id| cloud.security_groups.contains(&id))
        );
    }
}

/// The look-ups say what the tables say: a cloud loaded from its rows has the same.
fn check_lookups(cloud: &Cloud) {
    let mut loaded = Cloud::default();
    for row in cloud.rows() {
        assert!(loaded.load(row.kind(), &row.to_json().unwrap()).unwrap());
    }
    assert_eq!(loaded.lookups.counts, cloud.lookups.counts);
    assert_eq!(loaded.lookups.addresses, cloud.lookups.addresses);
    for network in cloud.networks.iter() {
        let ids = |cloud: &Cloud| -> Vec<PortId> { cloud.ports_of_network(network.id).map(|port| port.id).collect() };
        assert_eq!(ids(&loaded), ids(cloud));
    }
}

/// How many cases are tried: 20 times as many in `make test-long`.
fn cases(usual: u32) -> u32 {
    if std::env::var_os("MARU_TEST_LONG").is_some() {
        20 * usual
    } else {
        usual
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(48), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_tables_stay_in_order(steps in steps()) {
        let mut world = World::new();
        for _ in 0..2 {
            world.network(&member("demo"), NetworkSpec::default());
        }
        world.public("172.24.4.0/28");
        world.private("10.0.200.0/28");
        for step in &steps {
            take(&mut world, step);
            check(&world.cloud);
        }
        check_lookups(&world.cloud);
    }
}
