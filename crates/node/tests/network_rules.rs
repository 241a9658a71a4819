//! Security groups on real traffic: what passes, what does not, and what becomes of flows when rules change.
#![allow(clippy::unwrap_used)]

mod network_common;

use std::net::SocketAddr;

use linux::{packet, sysctl};
use model::host::*;
use network_common::frame::{ethernet, passes, udp4, v4};
use network_common::probe::*;
use network_common::*;

const TCP: u8 = 6;
const UDP: u8 = 17;

#[test]
fn rules_let_pass_what_they_say_and_nothing_else() {
    let mut cloud = Cloud::new();
    let network = cloud.network(&["10.1.0.0/24", "fd00:1::/64"]);
    let open = cloud.group(network, all_out());
    let server_rules = [
        allow_in(ports(TCP, 22, 22)),
        allow_in(ports(TCP, 8000, 8010)),
        allow_in(ports(UDP, 53, 53)),
        allow_in(ProtocolMatch::Icmp {
            kind: Some(8),
            code: None,
        }),
        allow_in6(ports(TCP, 22, 22)),
    ];
    let server = cloud.group(network, with(all_out(), server_rules));
    let out = |protocol| rule(Direction::Egress, EtherType::IPv4, protocol, Remote::Any);
    let restricted = cloud.group(network, vec![out(ports(TCP, 22, 22))]);
    let multicast_rules = with(all_out(), [allow_in(ports(UDP, 5000, 5000))]);
    let hears = cloud.group(network, multicast_rules);
    let a = cloud.vm(network, 10, &[open]);
    let b = cloud.vm(network, 11, &[server]);
    let c = cloud.vm(network, 12, &[restricted]);
    let d = cloud.vm(network, 13, &[]);
    let e = cloud.vm(network, 14, &[open, hears]);
    cloud.apply();
    let services = cloud.network_ns(network);
    let service: std::net::IpAddr = "10.1.0.2".parse().unwrap();
    let (b4, b6) = (b.ip, b.ip6.unwrap());

    let mut checks = Checks::default();
    checks.check("ingress is denied by default: TCP", !tcp(&b.ns, &a.ns, a.ip, 22, false));
    checks.check("ingress is denied by default: ping", !ping(&b.ns, a.ip, false));
    checks.check("a TCP port that is allowed", tcp(&a.ns, &b.ns, b4, 22, true));
    checks.check("a TCP port that is not", !tcp(&a.ns, &b.ns, b4, 23, false));
    checks.check("the first port of a range", tcp(&a.ns, &b.ns, b4, 8000, true));
    checks.check("the last port of a range", tcp(&a.ns, &b.ns, b4, 8010, true));
    checks.check("the port behind a range", !tcp(&a.ns, &b.ns, b4, 8011, false));
    checks.check("UDP that is allowed, with its answer", udp(&a.ns, &b.ns, b4, 53, true));
    checks.check("UDP that is not", !udp(&a.ns, &b.ns, b4, 54, false));
    checks.check("ping that is allowed", ping(&a.ns, b4, true));
    checks.check(
        "another ICMP type is not",
        icmp(&a.ns, b4, 13, 12, 64, SILENCE).is_none(),
    );
    checks.check("fragments: a ping of 3000 bytes", ping_of(&a.ns, b4, 3000, true));
    checks.check("egress that is allowed", tcp(&c.ns, &b.ns, b4, 22, true));
    checks.check("egress that is not", !tcp(&c.ns, &b.ns, b4, 8000, false));
    checks.check(
        "egress to the services of the network is filtered too",
        !tcp(&c.ns, &services, service, 80, false),
    );
    checks.check(
        "services of the network are reached",
        tcp(&a.ns, &services, service, 80, true),
    );
    checks.check("services reach a server", tcp(&services, &a.ns, a.ip, 9000, true));
    checks.check("a port without groups cannot send", !tcp(&d.ns, &b.ns, b4, 22, false));
    checks.check(
        "a port without groups cannot receive",
        !tcp(&a.ns, &d.ns, d.ip, 22, false),
    );
    checks.check("IPv6 TCP that is allowed", tcp(&a.ns, &b.ns, b6, 22, true));
    checks.check("an IPv4 rule is none for IPv6", !tcp(&a.ns, &b.ns, b6, 8000, false));
    checks.check(
        "IPv6 ping is denied though neighbour discovery works",
        !ping(&a.ns, b6, false),
    );
    let heard =
        |from: &Vm, to: &Vm, port, expected| multicast((&from.ns, v4(from.ip)), (&to.ns, v4(to.ip)), port, expected);
    checks.check("multicast is filtered", !heard(&a, &b, 5000, false));
    checks.check("multicast that a rule allows", heard(&a, &e, 5000, true));
    checks.check("several groups add up", tcp(&e.ns, &b.ns, b4, 22, true));
    let unreachable = SocketAddr::new(b4, 53);
    checks.check(
        "an ICMP error of an allowed flow comes back",
        udp_refused(&a.ns, unreachable, true),
    );
    checks.finish();
}

#[test]
fn remote_groups_and_prefixes() {
    let mut cloud = Cloud::new();
    let network = cloud.network(&["10.1.0.0/24", "fd00:1::/64"]);
    let clients = cloud.group(network, all_out());
    let others = cloud.group(network, all_out());
    let from = |ethertype, remote| rule(Direction::Ingress, ethertype, ports(TCP, 5432, 5432), remote);
    let rules = [
        from(EtherType::IPv4, Remote::Group(clients)),
        from(EtherType::IPv6, Remote::Group(clients)),
        rule(
            Direction::Ingress,
            EtherType::IPv4,
            ports(TCP, 80, 80),
            Remote::Prefix(net("10.1.0.10/32")),
        ),
        rule(
            Direction::Ingress,
            EtherType::IPv4,
            ports(TCP, 81, 81),
            Remote::Prefix(net("0.0.0.0/0")),
        ),
        rule(
            Direction::Ingress,
            EtherType::IPv4,
            ProtocolMatch::Number(47),
            Remote::Any,
        ),
    ];
    let database = cloud.group(network, with(all_out(), rules));
    cloud.set_members(network, clients, &["10.1.0.10", "fd00:1::a"]);
    let a = cloud.vm(network, 10, &[clients]);
    let b = cloud.vm(network, 11, &[others]);
    let db = cloud.vm(network, 12, &[database]);
    cloud.apply();
    let mut checks = Checks::default();
    let (to4, to6) = (db.ip, db.ip6.unwrap());
    checks.check("a member of the remote group", tcp(&a.ns, &db.ns, to4, 5432, true));
    checks.check(
        "a member of the remote group by IPv6",
        tcp(&a.ns, &db.ns, to6, 5432, true),
    );
    checks.check("no member of the remote group", !tcp(&b.ns, &db.ns, to4, 5432, false));
    checks.check(
        "no member of the remote group by IPv6",
        !tcp(&b.ns, &db.ns, to6, 5432, false),
    );
    checks.check("an address in the prefix", tcp(&a.ns, &db.ns, to4, 80, true));
    checks.check("an address outside the prefix", !tcp(&b.ns, &db.ns, to4, 80, false));
    checks.check("the prefix of everything", tcp(&b.ns, &db.ns, to4, 81, true));

    cloud.set_members(network, clients, &["10.1.0.10", "10.1.0.11"]);
    cloud.apply();
    checks.check("a new member", tcp(&b.ns, &db.ns, to4, 5432, true));
    let (client, served) = established(&b.ns, &db.ns, to4, 5432);
    cloud.set_members(network, clients, &["10.1.0.10"]);
    cloud.apply();
    checks.check(
        "a member that left cannot connect",
        !tcp(&b.ns, &db.ns, to4, 5432, false),
    );
    checks.check("and its connection is cut", !arrives(&client, &served, false));
    cloud.set_members(network, clients, &["10.1.0.0/25", "10.1.0.10"]);
    cloud.apply();
    checks.check("members by prefix", tcp(&b.ns, &db.ns, to4, 5432, true));
    checks.check("its old connection lives again", arrives(&client, &served, true));
    cloud.set_members(network, clients, &["10.0.0.0/8", "10.1.0.0/25"]);
    cloud.apply();
    checks.check("overlapping prefixes", tcp(&b.ns, &db.ns, to4, 5432, true));
    cloud.set_members(network, clients, &[]);
    cloud.apply();
    checks.check("no members at all", !tcp(&a.ns, &db.ns, to4, 5432, false));
    checks.finish();
}

#[test]
fn a_flow_is_cut_when_its_rule_goes_and_lives_when_the_rule_comes_back() {
    let mut cloud = Cloud::new();
    let network = cloud.network(&["10.1.0.0/24"]);
    let open = cloud.group(network, all_out());
    let ssh = allow_in(ports(TCP, 22, 22));
    let server = cloud.group(network, with(all_out(), [ssh.clone()]));
    let a = cloud.vm(network, 10, &[open]);
    let b = cloud.vm(network, 11, &[server]);
    cloud.apply();
    let mut checks = Checks::default();
    let (client, served) = established(&a.ns, &b.ns, b.ip, 22);
    checks.check(
        "the flow stands",
        arrives(&client, &served, true) && arrives(&served, &client, true),
    );

    cloud.set_group(network, server, all_out());
    cloud.apply();
    checks.check(
        "rule gone: from the client nothing arrives",
        !arrives(&client, &served, false),
    );
    checks.check(
        "the server's push does not open it again",
        !arrives(&served, &client, false),
    );
    checks.check(
        "nor does it on a second try",
        !arrives(&client, &served, false) && !arrives(&served, &client, false),
    );

    cloud.set_group(network, server, with(all_out(), [ssh.clone()]));
    cloud.apply();
    checks.check("rule back: the flow lives again", arrives(&client, &served, true));

    cloud.edit_port(&b, |port| port.security_groups = [open].into());
    cloud.apply();
    checks.check("group taken from the port: cut", !arrives(&client, &served, false));
    cloud.edit_port(&b, |port| port.security_groups = [open, server].into());
    cloud.apply();
    checks.check("group given back: lives", arrives(&client, &served, true));

    // The same address for another port: what the old one had open is not open for the new one.
    cloud.edit(network, |n| {
        n.ports.remove(&b.port);
    });
    cloud.apply();
    checks.check("port deleted: cut", !arrives(&client, &served, false));
    checks.finish();
}

#[test]
fn two_subnets_of_one_network_are_routed_by_a_router_and_filtered() {
    let mut cloud = Cloud::new();
    let network = cloud.network(&["10.1.0.0/24"]);
    let second = cloud.network(&["10.2.0.0/24", "fd00:2::/64"]);
    let first_group = cloud.group(network, with(all_out(), [allow_in(ports(TCP, 22, 22))]));
    let group = cloud.group(
        second,
        with(all_out(), [allow_in(ports(TCP, 22, 22)), allow_in(ports(UDP, 53, 53))]),
    );
    // One network with two subnets: each server is on one of them.
    let both = cloud.network(&["10.3.0.0/24", "10.4.0.0/24"]);
    let both_group = cloud.group(
        both,
        with(all_out(), [allow_in(ports(TCP, 22, 22)), allow_in(ports(UDP, 53, 53))]),
    );
    let one_subnet = |index: usize| move |port: &mut PortConfig| port.fixed_ips = vec![port.fixed_ips[index].clone()];
    let a = cloud.vm(network, 10, &[first_group]);
    let b = cloud.vm(second, 10, &[group]);
    let c = cloud.vm_with(both, 10, &[both_group], one_subnet(0));
    let d = cloud.vm_with(both, 11, &[both_group], one_subnet(1));
    let router = cloud.router(&[network, second, both], None);
    cloud.apply();
    let gateway = cloud.part.router_netns(router).unwrap();
    let mut checks = Checks::default();
    checks.check("from network to network, allowed", tcp(&a.ns, &b.ns, b.ip, 22, true));
    checks.check("from network to network, denied", !tcp(&a.ns, &b.ns, b.ip, 23, false));
    checks.check("the other way", tcp(&b.ns, &a.ns, a.ip, 22, true));
    checks.check(
        "from the router to a server, allowed",
        tcp(&gateway, &b.ns, b.ip, 22, true),
    );
    checks.check("from the router to a server, denied", !ping(&gateway, b.ip, false));
    checks.check(
        "from a server to its router",
        ping(&a.ns, "10.1.0.1".parse().unwrap(), true),
    );
    checks.check(
        "between two subnets of a network, TCP",
        tcp(&c.ns, &d.ns, d.ip, 22, true),
    );
    checks.check(
        "between two subnets of a network, UDP",
        udp(&c.ns, &d.ns, d.ip, 53, true),
    );
    checks.check(
        "between two subnets of a network, denied",
        !tcp(&c.ns, &d.ns, d.ip, 23, false),
    );
    cloud.edit_router(router, |r| r.admin_state_up = false);
    cloud.apply();
    checks.check(
        "a router that is down routes nothing",
        !tcp(&a.ns, &b.ns, b.ip, 22, false),
    );
    cloud.edit_router(router, |r| r.admin_state_up = true);
    cloud.apply();
    checks.check("and does so again when up", tcp(&a.ns, &b.ns, b.ip, 22, true));
    checks.finish();
}

#[test]
fn one_broken_fragment_stops_no_other() {
    let mut cloud = Cloud::new();
    let (good, bad) = (cloud.network(&["10.1.0.0/24"]), cloud.network(&["10.2.0.0/24"]));
    let open = cloud.group(good, with(all_out(), [allow_in(ProtocolMatch::Any)]));
    let (a, b) = (cloud.vm(good, 10, &[open]), cloud.vm(good, 11, &[open]));
    let lost = cloud.vm(bad, 10, &[]);
    linux::Netns::delete(&lost.name).unwrap();
    let unknown = model::NetworkId(fresh());
    let router = cloud.router(&[good], None);
    let first = cloud.config.routers[&router].legs[0].clone();
    let leg = RouterLeg {
        network_id: unknown,
        port_id: model::PortId(fresh()),
        ..first
    };
    cloud.edit_router(router, |r| r.legs.push(leg));
    cloud.apply_anyhow();
    assert!(ping(&a.ns, b.ip, true), "the good network works");
    assert!(ping(&a.ns, "10.1.0.1".parse().unwrap(), true), "the good leg works");
    let report = cloud.report();
    assert!(matches!(&report.ports[&lost.port], PortReport::Failed(why) if why.contains(&lost.name)));
    assert!(matches!(&report.routers[&router], FragmentStatus::Failed(why) if why.contains(&unknown.to_string())));
    assert_eq!(report.ports[&a.port], PortReport::Up);

    // What was missing comes: the next pass heals.
    let again = linux::Netns::create(&lost.name).unwrap();
    cloud.edit_router(router, |r| {
        r.legs.pop();
    });
    cloud.apply();
    drop(again);
    assert_eq!(cloud.report().ports[&lost.port], PortReport::Up);
}

#[test]
fn the_services_namespace_is_no_way_around_the_rules() {
    let mut cloud = Cloud::new();
    let network = cloud.network(&["10.1.0.0/24"]);
    let closed = cloud.group(network, all_out());
    let (a, b) = (cloud.vm(network, 10, &[closed]), cloud.vm(network, 11, &[closed]));
    cloud.apply();
    // Where the host forwards, a new namespace does.
    let services = cloud.network_ns(network);
    sysctl::write(&services, &[("net/ipv4/ip_forward", "1")]).unwrap();
    let found: Vec<String> = (0..8).flat_map(|_| cloud.part.audit()).collect();
    // A packet for the neighbour, put into a frame for the bridge itself: forwarded, it would come from no port.
    let bridge = cloud.config.networks[&network].service_port.as_ref().unwrap().mac;
    let round = udp4((v4(a.ip), 1000), (v4(b.ip), 1000), b"the way around");
    let frame = ethernet(a.mac, bridge, packet::IPV4, &round);
    assert!(!passes(&a.ns, (&b.ns, "eth0"), &frame, b"the way around", false));
    assert!(
        found.iter().any(|sentence| sentence.contains("ip_forward")),
        "{found:?}"
    );
}
