//! Stateless security groups on real traffic: each packet needs a rule, conntrack sees none of it, and ports with state
//! beside them keep theirs.
#![allow(clippy::unwrap_used)]

mod network_common;

use std::net::{IpAddr, SocketAddr, UdpSocket};

use linux::Netns;
use linux::conntrack::Conntrack;
use model::host::*;
use model::{NetworkId, SecurityGroupId};
use network_common::probe::*;
use network_common::*;

const TCP: u8 = 6;
const UDP: u8 = 17;

/// Any ICMP.
const ICMP: ProtocolMatch = ProtocolMatch::Icmp { kind: None, code: None };

/// What lets answers in: to the ports that clients are given.
fn answers(protocol: u8) -> ProtocolMatch {
    ports(protocol, 32_768, 60_999)
}

fn stateless(cloud: &mut Cloud, network: NetworkId, rules: Vec<FilterRule>) -> SecurityGroupId {
    let group = cloud.group(network, rules);
    cloud.edit(network, |n| n.stateless.insert(group));
    group
}

/// How many flows conntrack knows in a network's namespace, besides what its bridge says to multicast groups.
fn tracked(cloud: &Cloud, network: NetworkId) -> usize {
    let mut table = Conntrack::open(&cloud.network_ns(network)).unwrap();
    let flows = table.flows(|_| true).unwrap();
    let unicast = flows.iter().filter(|flow| !flow.original.destination.is_multicast());
    unicast.count()
}

fn datagram(from: (&Netns, SocketAddr), to: (&Netns, SocketAddr), expected: bool) -> bool {
    let receiver = to.0.run(|| UdpSocket::bind(to.1)).unwrap().unwrap();
    let sender = from.0.run(|| UdpSocket::bind(from.1)).unwrap().unwrap();
    sender.send_to(b"x", to.1).unwrap();
    let within = if expected { PATIENCE } else { SILENCE };
    receiver.set_read_timeout(Some(within)).unwrap();
    receiver.recv(&mut [0; 8]).is_ok()
}

#[test]
fn each_packet_needs_a_rule_and_none_is_tracked() {
    let mut cloud = Cloud::new();
    let network = cloud.network(&["10.1.0.0/24", "fd00:1::/64"]);
    let deaf = stateless(&mut cloud, network, all_out());
    let hears = [
        allow_in(answers(TCP)),
        allow_in(answers(UDP)),
        allow_in(ICMP),
        allow_in6(answers(TCP)),
    ];
    let hears = stateless(&mut cloud, network, with(all_out(), hears));
    let serves = [
        allow_in(ports(TCP, 22, 22)),
        allow_in(ports(UDP, 53, 53)),
        allow_in(ICMP),
        allow_in6(ports(TCP, 22, 22)),
    ];
    let serves = stateless(&mut cloud, network, with(all_out(), serves));
    let mute = stateless(&mut cloud, network, vec![allow_in(ports(TCP, 22, 22))]);
    let a = cloud.vm(network, 10, &[deaf]);
    let b = cloud.vm(network, 11, &[serves]);
    let c = cloud.vm(network, 12, &[hears]);
    let d = cloud.vm(network, 13, &[mute]);
    cloud.apply();
    let (b4, b6) = (b.ip, b.ip6.unwrap());
    let mut checks = Checks::default();
    checks.check("TCP whose answers no rule lets in", !tcp(&a.ns, &b.ns, b4, 22, false));
    checks.check("UDP whose answer no rule lets in", !udp(&a.ns, &b.ns, b4, 53, false));
    checks.check("ping whose answer no rule lets in", !ping(&a.ns, b4, false));
    checks.check("TCP with a rule for either way", tcp(&c.ns, &b.ns, b4, 22, true));
    checks.check("UDP with a rule for either way", udp(&c.ns, &b.ns, b4, 53, true));
    checks.check("ping with a rule for either way", ping(&c.ns, b4, true));
    checks.check("fragments: a ping of 3000 bytes", ping_of(&c.ns, b4, 3000, true));
    checks.check("a TCP port that no rule names", !tcp(&c.ns, &b.ns, b4, 23, false));
    checks.check("a server that may not answer", !tcp(&c.ns, &d.ns, d.ip, 22, false));
    checks.check("IPv6 with a rule for either way", tcp(&c.ns, &b.ns, b6, 22, true));
    checks.check("IPv6 whose answers no rule lets in", !tcp(&a.ns, &b.ns, b6, 22, false));
    checks.check("no rule for ICMPv6, whatever discovery does", !ping(&c.ns, b6, false));
    cloud.regroup(&a, &[deaf, hears]);
    checks.check("several groups add up", tcp(&a.ns, &b.ns, b4, 22, true));
    let count = tracked(&cloud, network);
    checks.check(&format!("no flow is tracked, and {count} are"), count == 0);
    checks.finish();
}

#[test]
fn a_change_of_rules_holds_for_the_next_packet() {
    let mut cloud = Cloud::new();
    let network = cloud.network(&["10.1.0.0/24"]);
    let ssh = allow_in(ports(TCP, 22, 22));
    let hears = stateless(&mut cloud, network, with(all_out(), [allow_in(answers(TCP))]));
    let serves = stateless(&mut cloud, network, with(all_out(), [ssh.clone()]));
    let deaf = stateless(&mut cloud, network, all_out());
    let stateful = cloud.group(network, all_out());
    let a = cloud.vm(network, 10, &[hears]);
    let b = cloud.vm(network, 11, &[serves]);
    cloud.apply();
    let mut checks = Checks::default();
    let (client, served) = established(&a.ns, &b.ns, b.ip, 22);
    let both = |expected| arrives(&client, &served, expected) && arrives(&served, &client, expected);
    checks.check("the connection stands", both(true));

    cloud.set_group(network, serves, all_out());
    cloud.apply();
    checks.check("the server's rule is gone", !arrives(&client, &served, false));
    checks.check("what it pushes opens nothing", !arrives(&client, &served, false));
    cloud.set_group(network, serves, with(all_out(), [ssh.clone()]));
    cloud.apply();
    checks.check("the server's rule is back", both(true));

    cloud.regroup(&a, &[deaf]);
    checks.check("the client's rule is gone", !arrives(&served, &client, false));
    cloud.regroup(&a, &[hears]);
    checks.check("the client's rule is back", both(true));

    cloud.set_group(network, serves, vec![ssh]);
    cloud.apply();
    checks.check("the server may not send any more", !arrives(&served, &client, false));
    cloud.set_group(network, serves, with(all_out(), [allow_in(ports(TCP, 22, 22))]));
    cloud.apply();
    checks.check("the server may send again", both(true));

    // Answers to a port with state need no rule, from the first packet that it sends on.
    cloud.regroup(&a, &[stateful]);
    checks.check("the client has state now", arrives(&client, &served, true));
    checks.check("and hears answers without a rule", arrives(&served, &client, true));
    checks.check("its flow is tracked", tracked(&cloud, network) != 0);
    cloud.regroup(&a, &[hears]);
    checks.check("the client has none any more", both(true));
    checks.check(
        "and its flow is forgotten",
        eventually(|| tracked(&cloud, network) == 0),
    );
    checks.finish();
}

#[test]
fn ports_with_and_without_state_side_by_side() {
    let mut cloud = Cloud::new();
    let network = cloud.network(&["10.1.0.0/24", "fd00:1::/64"]);
    let in22 = [
        allow_in(ports(TCP, 22, 22)),
        allow_in6(ports(TCP, 22, 22)),
        allow_in(ports(UDP, 53, 53)),
    ];
    let stateful = cloud.group(network, with(all_out(), in22.clone()));
    let serves_rules = with(all_out(), in22);
    let serves = stateless(&mut cloud, network, serves_rules.clone());
    let hears = stateless(&mut cloud, network, with(all_out(), [allow_in(answers(TCP))]));
    let s = cloud.vm(network, 10, &[stateful]);
    let t = cloud.vm(network, 11, &[stateful]);
    let l = cloud.vm(network, 12, &[serves]);
    let m = cloud.vm(network, 13, &[hears]);
    cloud.apply();
    let mut checks = Checks::default();
    checks.check("stateful to stateful", tcp(&s.ns, &t.ns, t.ip, 22, true));
    checks.check("stateful to stateful, denied", !tcp(&s.ns, &t.ns, t.ip, 23, false));
    checks.check("stateful to stateless", tcp(&s.ns, &l.ns, l.ip, 22, true));
    checks.check("stateful to stateless, UDP", udp(&s.ns, &l.ns, l.ip, 53, true));
    checks.check(
        "stateful to stateless, IPv6",
        tcp(&s.ns, &l.ns, l.ip6.unwrap(), 22, true),
    );
    checks.check("stateful to stateless, denied", !tcp(&s.ns, &l.ns, l.ip, 23, false));
    checks.check(
        "stateless to stateful, answers denied",
        !tcp(&l.ns, &s.ns, s.ip, 22, false),
    );
    checks.check(
        "stateless to stateful, answers allowed",
        tcp(&m.ns, &s.ns, s.ip, 22, true),
    );
    checks.check("stateless to stateful, denied", !tcp(&m.ns, &s.ns, s.ip, 23, false));
    checks.check("stateless to stateless", tcp(&m.ns, &l.ns, l.ip, 22, true));

    let (client, served) = established(&s.ns, &l.ns, l.ip, 22);
    let both = |expected| arrives(&client, &served, expected) && arrives(&served, &client, expected);
    checks.check("a connection of the one with state to the other", both(true));
    let (between, beside) = established(&s.ns, &t.ns, t.ip, 22);
    let out = |rules: &[FilterRule]| -> Vec<FilterRule> {
        let of = |rule: &&FilterRule| rule.direction == Direction::Ingress;
        rules.iter().filter(of).cloned().collect()
    };
    cloud.set_group(network, serves, out(&serves_rules));
    cloud.apply();
    checks.check("established or not: it may not send", !arrives(&served, &client, false));
    cloud.set_group(network, serves, all_out());
    cloud.apply();
    checks.check("nor receive", !arrives(&client, &served, false));
    cloud.set_group(network, serves, serves_rules);
    cloud.apply();
    checks.check("until its rules are back", both(true));
    checks.check(
        "the two with state noticed nothing",
        arrives(&between, &beside, true) && arrives(&beside, &between, true),
    );

    // The last stateless ports go, and with them all that was there for them.
    for vm in [&l, &m] {
        cloud.edit(network, |n| n.ports.remove(&vm.port));
    }
    cloud.edit(network, |n| n.stateless.clear());
    cloud.apply();
    checks.check("without stateless ports: established", arrives(&beside, &between, true));
    checks.check("without stateless ports: allowed", tcp(&t.ns, &s.ns, s.ip, 22, true));
    checks.check("without stateless ports: denied", !tcp(&t.ns, &s.ns, s.ip, 23, false));
    checks.finish();
}

#[test]
fn of_the_networks_services_only_dhcp_needs_no_rule() {
    let mut cloud = Cloud::new();
    let network = cloud.network(&["10.1.0.0/24", "fd00:1::/64"]);
    let deaf = stateless(&mut cloud, network, all_out());
    let service: IpAddr = "10.1.0.2".parse().unwrap();
    let service6: IpAddr = "fd00:1::2".parse().unwrap();
    let answered = [
        rule(
            Direction::Ingress,
            EtherType::IPv4,
            ProtocolMatch::Ports {
                protocol: TCP,
                range: None,
            },
            Remote::Prefix(net("10.1.0.2/32")),
        ),
        allow_in(answers(UDP)),
    ];
    let hears = stateless(&mut cloud, network, with(all_out(), answered));
    let open = stateless(&mut cloud, network, with(all_out(), [allow_in(ProtocolMatch::Any)]));
    let a = cloud.vm(network, 10, &[deaf]);
    let b = cloud.vm(network, 11, &[hears]);
    let c = cloud.vm(network, 12, &[open]);
    cloud.apply();
    let services = cloud.network_ns(network);
    let at = |ip: IpAddr, port| SocketAddr::new(ip, port);
    let mut checks = Checks::default();
    checks.check(
        "DHCP's question",
        datagram((&a.ns, at(a.ip, 68)), (&services, at(service, 67)), true),
    );
    checks.check(
        "DHCP's answer",
        datagram((&services, at(service, 67)), (&a.ns, at(a.ip, 68)), true),
    );
    let a6 = a.ip6.unwrap();
    checks.check(
        "DHCPv6's answer",
        datagram((&services, at(service6, 547)), (&a.ns, at(a6, 546)), true),
    );
    checks.check(
        "DHCP's answer from another server",
        !datagram((&a.ns, at(a.ip, 67)), (&c.ns, at(c.ip, 68)), false),
    );
    checks.check("DNS without a rule", !udp(&a.ns, &services, service, 53, false));
    checks.check("DNS with a rule", udp(&b.ns, &services, service, 53, true));
    checks.check("metadata without a rule", !tcp(&a.ns, &services, service, 80, false));
    checks.check("metadata with a rule", tcp(&b.ns, &services, service, 80, true));
    checks.check("ping of the service without a rule", !ping(&a.ns, service, false));
    checks.check("ping of the service with a rule", ping(&c.ns, service, true));
    let count = tracked(&cloud, network);
    checks.check(&format!("no flow is tracked, and {count} are"), count == 0);
    checks.finish();
}

#[test]
fn routers_translate_for_ports_without_state() {
    let mut cloud = Cloud::new();
    let public = cloud.external("br-ex", &["172.24.4.1/24"]);
    let network = cloud.network(&["10.1.0.0/24"]);
    let both = cloud.network(&["10.3.0.0/24", "10.4.0.0/24"]);
    let rules = [
        allow_in(ports(TCP, 22, 22)),
        allow_in(ports(UDP, 53, 53)),
        allow_in(answers(TCP)),
        allow_in(ICMP),
    ];
    let group = stateless(&mut cloud, network, with(all_out(), rules.clone()));
    let routed = stateless(&mut cloud, both, with(all_out(), rules));
    let stateful = cloud.group(both, all_out());
    let a = cloud.vm(network, 10, &[group]);
    let b = cloud.vm(network, 11, &[group]);
    let one_subnet = |index: usize| move |port: &mut PortConfig| port.fixed_ips = vec![port.fixed_ips[index].clone()];
    let c = cloud.vm_with(both, 10, &[stateful], one_subnet(0));
    let d = cloud.vm_with(both, 11, &[routed], one_subnet(1));
    let gateway: (NetworkId, &[&str], &[&str]) = (public, &["172.24.4.10/24"], &["172.24.4.1"]);
    let router = cloud.router(&[network, both], Some(gateway));
    cloud.floating_ip(router, "172.24.4.50", &a);
    cloud.apply();
    let host = cloud.host.clone();
    let mut checks = Checks::default();
    let listener = listen(&a.ns, "10.1.0.10:22");
    let client = connect(&host, "172.24.4.50:22", true);
    checks.check("in by the floating IP", client.is_some());
    let served = listener.accept().unwrap().0;
    let client = client.unwrap();
    checks.check(
        "and back",
        arrives(&client, &served, true) && arrives(&served, &client, true),
    );
    checks.check(
        "ping by the floating IP",
        ping(&host, "172.24.4.50".parse().unwrap(), true),
    );
    checks.check(
        "a denied port stays denied",
        connect(&host, "172.24.4.50:23", false).is_none(),
    );
    let world = listen(&host, "172.24.4.1:7000");
    for (vm, expected) in [(&a, "172.24.4.50"), (&b, "172.24.4.10")] {
        let stream = connect(&vm.ns, "172.24.4.1:7000", true);
        let seen = stream.map(|_| world.accept().unwrap().1.ip().to_string());
        checks.check(&format!("out as {expected}"), seen.as_deref() == Some(expected));
    }
    let count = tracked(&cloud, network);
    checks.check(&format!("the network tracks nothing, and has {count}"), count == 0);
    // Packets between two subnets cross their network twice; only the second time is anybody with state at an end.
    checks.check("stateful to stateless by a router", tcp(&c.ns, &d.ns, d.ip, 22, true));
    checks.check("the same by UDP", udp(&c.ns, &d.ns, d.ip, 53, true));
    checks.check("the same, denied", !tcp(&c.ns, &d.ns, d.ip, 23, false));
    checks.check(
        "stateless to stateful by a router, denied",
        !tcp(&d.ns, &c.ns, c.ip, 22, false),
    );
    checks.finish();
}
