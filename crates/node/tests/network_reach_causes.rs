//! Causes of the catalogue that are met on the way, each made on the real kernel and told by its name: what a probe comes to,
//! neighbours, what guests agree upon with DHCP, and tables without room. Guests are namespaces here;
//! `network_reach_guests` has whole ones.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod network_common;
mod reach_common;

use std::net::IpAddr;
use std::process::Command;

use dhcproto::v4;
use linux::Netns;
use linux::nft::Nft;
use model::reach::look::Source;
use model::reach::names::Object;
use model::reach::{Flow, Protocol, Start};
use network_common::probe::{connect, listen, ping};
use network_common::*;
use reach_common::look::{Eyes, Served, Told, flow};
use reach_common::{FLOATING, Stage};

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// Does by hand what a person would.
fn hand(ns: &Netns, command: &str) {
    let words: Vec<&str> = command.split_whitespace().collect();
    let run = || Command::new(words[0]).args(&words[1..]).output();
    let output = ns.run(run).unwrap().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command}: {errors}");
}

fn rules(ns: &Netns, text: &str) {
    Nft::open(ns).unwrap().run(text).unwrap();
}

/// From the host to the server's floating IP.
fn from_host(protocol: Protocol) -> Flow {
    flow(Start::Host, ip(FLOATING), protocol)
}

/// A cloud, and who looks at it.
fn seen() -> (Stage, Eyes) {
    let stage = Stage::new();
    let eyes = Eyes::of(&stage.cloud);
    (stage, eyes)
}

#[test]
fn what_the_guest_does_with_a_probe() {
    let (stage, eyes) = seen();
    let port = Some(Object::Port(stage.vm.port));
    let probe = |flow| eyes.probe(&stage.cloud.config, flow);
    let listener = listen(&stage.vm.ns, "0.0.0.0:22");
    probe(from_host(Protocol::Tcp(22))).expect_nothing();
    drop(listener);
    probe(from_host(Protocol::Tcp(22))).expect_only("PORT_CLOSED", Source::Probed, port);
    probe(from_host(Protocol::Udp(53))).expect_only("PORT_CLOSED", Source::Probed, port);
    rules(
        &stage.vm.ns,
        "table inet deaf { chain in { type filter hook input priority 0; policy drop; }; }",
    );
    for protocol in [Protocol::Tcp(22), Protocol::Icmp] {
        probe(from_host(protocol)).expect_only("GUEST_FIREWALL", Source::Probed, port);
    }
    // Many services do not answer a datagram that they don't understand.
    probe(from_host(Protocol::Udp(53))).expect_only("GUEST_SILENT", Source::Probed, port);
}

#[test]
fn a_guest_that_does_not_have_its_address() {
    let (stage, eyes) = seen();
    hand(&stage.vm.ns, "ip addr flush dev eth0");
    let asked = flow(Start::Router(stage.router), stage.vm.ip, Protocol::Tcp(22));
    let told = eyes.probe(&stage.cloud.config, asked);
    let port = Some(Object::Port(stage.vm.port));
    told.expect("ARP_UNANSWERED", Source::Probed, port);
    // The router still waits for an answer, or has given up.
    told.expect("NEIGHBOUR_FAILED", Source::Observed, port);
}

#[test]
fn a_router_that_does_not_have_its_address() {
    let (stage, eyes) = seen();
    let gateway = stage.cloud.config.routers[&stage.router].gateway.as_ref().unwrap();
    let device = node::network::names::gateway_device(gateway.port_id);
    hand(&stage.router_ns(), &format!("ip addr del {FLOATING}/32 dev {device}"));
    let told = eyes.probe(&stage.cloud.config, from_host(Protocol::Icmp));
    told.expect("NEIGHBOUR_FAILED", Source::Probed, None);
    let router = Some(Object::Router(stage.router));
    told.expect("NEIGHBOUR_FAILED", Source::Observed, router);
    let floating = stage.cloud.config.routers[&stage.router].floating_ips[0].id;
    told.expect(
        "FIP_ADDRESS_MISSING",
        Source::Programmed,
        Some(Object::FloatingIp(floating)),
    );
}

#[test]
fn somebody_else_answers_for_an_address() {
    let mut stage = Stage::new();
    let group = stage.group;
    let thief = stage
        .cloud
        .vm_with(stage.network, 30, &[group], |port| port.port_security = false);
    stage.cloud.apply();
    let eyes = Eyes::of(&stage.cloud);
    let asked = flow(Start::Router(stage.router), stage.vm.ip, Protocol::Icmp);
    eyes.look(&stage.cloud.config, asked).expect_nothing();
    hand(&stage.vm.ns, "ip addr flush dev eth0");
    hand(&thief.ns, &format!("ip addr add {}/24 dev eth0", stage.vm.ip));
    assert!(ping(&stage.router_ns(), stage.vm.ip, true), "the other one answers");
    let told = eyes.look(&stage.cloud.config, asked);
    told.expect_only("ADDRESS_TAKEN", Source::Observed, Some(Object::Port(stage.vm.port)));
}

#[test]
fn what_the_host_does_with_a_probe() {
    let (stage, eyes) = seen();
    let _ssh = listen(&stage.vm.ns, "0.0.0.0:22");
    let (ns, config) = (stage.router_ns(), &stage.cloud.config);
    let router = Some(Object::Router(stage.router));
    let probe = || -> Told { eyes.probe(config, from_host(Protocol::Tcp(22))) };
    probe().expect_nothing();
    hand(&ns, "sysctl -q -w net.ipv4.ip_forward=0");
    let told = probe();
    told.expect("LOST_ON_HOST", Source::Probed, router);
    told.expect("NS_FORWARD_OFF", Source::Programmed, router);
    hand(&ns, "sysctl -q -w net.ipv4.ip_forward=1");

    hand(&ns, &format!("ip route add prohibit {}/32", stage.vm.ip));
    let told = probe();
    told.expect("UNREACHABLE_ON_WAY", Source::Probed, None);
    told.expect("ROUTE_BLACKHOLE", Source::Programmed, router);
    hand(&ns, &format!("ip route del prohibit {}/32", stage.vm.ip));

    rules(&ns, &format!("delete element ip dpr fip {{ {FLOATING} }}"));
    let told = probe();
    // The router itself refuses what it was not told to translate.
    told.expect("ADDRESS_TAKEN", Source::Probed, Some(Object::Port(stage.vm.port)));
    let floating = config.routers[&stage.router].floating_ips[0].id;
    told.expect(
        "DNAT_RULE_MISSING",
        Source::Programmed,
        Some(Object::FloatingIp(floating)),
    );
    rules(
        &ns,
        &format!("add element ip dpr fip {{ {FLOATING} : {} }}", stage.vm.ip),
    );

    rules(
        &stage.cloud.host,
        "table ip wall { chain out { type filter hook output priority 0; tcp dport 22 drop; }; }",
    );
    probe().expect("HOST_FIREWALL", Source::Probed, None);
    rules(&stage.cloud.host, "delete table ip wall");
    probe().expect_nothing();
}

/// What a guest and the DHCP service have agreed upon: nothing yet, an address, another one than it wanted, nothing more.
#[test]
fn what_a_guest_asked_of_dhcp() {
    let stage = Stage::new();
    let (config, vm) = (&stage.cloud.config, &stage.vm);
    let served = Served::new(&stage.cloud);
    served.serve(&stage.cloud, config);
    let eyes = served.eyes(&stage.cloud);
    let port = Some(Object::Port(vm.port));
    let look = || eyes.look(config, flow(Start::Router(stage.router), vm.ip, Protocol::Icmp));
    let exchange = |kind, options: &[v4::DhcpOption]| {
        let message = dhcp::dhcp_message(vm, kind, options);
        let (answer, _) = dhcp::exchange(vm, &message, true).expect("an answer");
        answer.opts().msg_type().unwrap()
    };
    let wants = |address: &str| [v4::DhcpOption::RequestedIpAddress(address.parse().unwrap())];
    look().expect_nothing();
    assert_eq!(exchange(v4::MessageType::Discover, &[]), v4::MessageType::Offer);
    look().expect_only("DHCP_NO_LEASE", Source::Observed, port);
    let own = vm.ip.to_string();
    assert_eq!(exchange(v4::MessageType::Request, &wants(&own)), v4::MessageType::Ack);
    look().expect_nothing();
    let other = wants("10.1.0.77");
    assert_eq!(exchange(v4::MessageType::Request, &other), v4::MessageType::Nak);
    look().expect_only("WRONG_ADDRESS_IN_GUEST", Source::Observed, port);
}

/// A router that tracks as many flows as it may takes no new ones.
#[test]
fn a_router_without_room_for_flows() {
    let (stage, eyes) = seen();
    let (ns, config) = (stage.router_ns(), &stage.cloud.config);
    let _ssh = listen(&stage.vm.ns, "0.0.0.0:22");
    let to = format!("{FLOATING}:22");
    assert!(connect(&stage.cloud.host, &to, true).is_some());
    eyes.look(config, from_host(Protocol::Tcp(22))).expect_nothing();
    flows::fill(&ns, 100);
    assert!(connect(&stage.cloud.host, &to, false).is_none(), "there is no room");
    let told = eyes.look(config, from_host(Protocol::Tcp(22)));
    told.expect_only("CONNTRACK_FULL", Source::Programmed, Some(Object::Router(stage.router)));
}

/// A kernel that knows as many neighbours as it may learns of no more. They are the whole machine's, so that for some
/// moments nobody else on it learns of any either: in the long suite alone.
#[test]
fn a_machine_without_room_for_neighbours() {
    if std::env::var_os("MARU_TEST_LONG").is_none() {
        return;
    }
    let (stage, eyes) = seen();
    let asked = from_host(Protocol::Icmp);
    eyes.look(&stage.cloud.config, asked).expect_nothing();
    let crowd = neighbours::Crowd::new();
    let told = eyes.look(&stage.cloud.config, asked);
    drop(crowd);
    told.expect_only("NEIGH_TABLE_FULL", Source::Programmed, None);
    eyes.look(&stage.cloud.config, asked).expect_nothing();
}
