//! What a hostile guest puts on the wire, and what must pass all the same.
#![allow(clippy::unwrap_used)]

mod network_common;

use std::net::{Ipv4Addr, Ipv6Addr};

use linux::Netns;
use linux::netlink::Rtnl;
use linux::packet::{self, PacketSocket};
use model::address::MacAddress;
use model::host::*;
use network_common::frame::*;
use network_common::probe::*;
use network_common::*;

const ANY4: Ipv4Addr = Ipv4Addr::UNSPECIFIED;
const ANY6: Ipv6Addr = Ipv6Addr::UNSPECIFIED;
const NOBODY: MacAddress = MacAddress([0; 6]);

/// Two servers that may exchange everything, on a network of both families.
struct Stage {
    cloud: Cloud,
    a: Vm,
    b: Vm,
    network: model::NetworkId,
}

impl Stage {
    fn new() -> Self {
        let mut cloud = Cloud::new();
        let network = cloud.network(&["10.1.0.0/24", "fd00:1::/64"]);
        let rules = [allow_in(ProtocolMatch::Any), allow_in6(ProtocolMatch::Any)];
        let open = cloud.group(network, with(all_out(), rules));
        let (a, b) = (cloud.vm(network, 10, &[open]), cloud.vm(network, 11, &[open]));
        cloud.apply();
        Self { cloud, a, b, network }
    }

    /// Whether a frame that `a` sends comes in at `b`.
    fn reaches_b(&self, frame: &[u8], token: &[u8], expected: bool) -> bool {
        passes(&self.a.ns, (&self.b.ns, "eth0"), frame, token, expected)
    }
}

#[test]
fn forged_senders_are_stopped() {
    let stage = Stage::new();
    let (a, b) = (&stage.a, &stage.b);
    let other: MacAddress = "fa:16:3e:99:99:99".parse().unwrap();
    let (a4, b4, a6, b6) = (v4(a.ip), v4(b.ip), v6(a.ip6.unwrap()), v6(b.ip6.unwrap()));
    let local = a.mac.link_local();
    let mut checks = Checks::default();
    let mut check = |what: &str, frame: Vec<u8>, token: &[u8], expected: bool| {
        checks.check(what, stage.reaches_b(&frame, token, expected) == expected);
    };
    let udp = |from, data: &[u8]| udp4((from, 1000), (b4, 1000), data);
    check(
        "IPv4, honest",
        ethernet(a.mac, b.mac, packet::IPV4, &udp(a4, b"honest-4")),
        b"honest-4",
        true,
    );
    check(
        "IPv4, forged MAC",
        ethernet(other, b.mac, packet::IPV4, &udp(a4, b"forged-mac")),
        b"forged-mac",
        false,
    );
    let forged = udp("10.1.0.99".parse().unwrap(), b"forged-ip");
    check(
        "IPv4, forged address",
        ethernet(a.mac, b.mac, packet::IPV4, &forged),
        b"forged-ip",
        false,
    );
    let stolen = udp(b4, b"stolen-ip");
    check(
        "IPv4, a neighbour's address",
        ethernet(a.mac, b.mac, packet::IPV4, &stolen),
        b"stolen-ip",
        false,
    );

    let six = |from, data: &[u8]| udp6((from, 1000), (b6, 1000), data);
    check(
        "IPv6, honest",
        ethernet(a.mac, b.mac, packet::IPV6, &six(a6, b"honest-6")),
        b"honest-6",
        true,
    );
    check(
        "IPv6, link-local",
        ethernet(a.mac, b.mac, packet::IPV6, &six(local, b"local-6")),
        b"local-6",
        true,
    );
    let forged = six("fd00:1::99".parse().unwrap(), b"forged-6");
    check(
        "IPv6, forged address",
        ethernet(a.mac, b.mac, packet::IPV6, &forged),
        b"forged-6",
        false,
    );
    let forged = six("fe80::99".parse().unwrap(), b"forged-local-6");
    check(
        "IPv6, forged link-local",
        ethernet(a.mac, b.mac, packet::IPV6, &forged),
        b"forged-local-6",
        false,
    );

    let reply = |mac, ip: Ipv4Addr| arp(2, (mac, ip), (b.mac, b4));
    let honest = reply(a.mac, a4);
    check(
        "ARP, honest",
        ethernet(a.mac, b.mac, packet::ARP, &honest),
        &honest,
        true,
    );
    let forged = reply(a.mac, "10.1.0.1".parse().unwrap());
    check(
        "ARP, forged sender address",
        ethernet(a.mac, b.mac, packet::ARP, &forged),
        &forged,
        false,
    );
    let forged = reply(other, a4);
    check(
        "ARP, forged sender MAC",
        ethernet(a.mac, b.mac, packet::ARP, &forged),
        &forged,
        false,
    );
    check(
        "ARP, forged Ethernet source",
        ethernet(other, b.mac, packet::ARP, &honest),
        &honest,
        false,
    );
    let probe = arp(1, (a.mac, ANY4), (NOBODY, "10.1.0.77".parse().unwrap()));
    check(
        "ARP probe before an address is used",
        ethernet(a.mac, BROADCAST, packet::ARP, &probe),
        &probe,
        true,
    );
    let probe = arp(2, (a.mac, ANY4), (NOBODY, "10.1.0.78".parse().unwrap()));
    check(
        "ARP reply from nobody",
        ethernet(a.mac, BROADCAST, packet::ARP, &probe),
        &probe,
        false,
    );

    let honest = advertisement(a6, b6, a6, a.mac);
    check(
        "neighbour advertisement, honest",
        ethernet(a.mac, b.mac, packet::IPV6, &honest),
        &honest,
        true,
    );
    let stolen = advertisement(a6, b6, "fd00:1::1".parse().unwrap(), a.mac);
    check(
        "neighbour advertisement for another's address",
        ethernet(a.mac, b.mac, packet::IPV6, &stolen),
        &stolen,
        false,
    );
    let probe = solicitation(ANY6, b6, a6);
    check(
        "duplicate address detection of its own",
        ethernet(a.mac, b.mac, packet::IPV6, &probe),
        &probe,
        true,
    );
    let probe = solicitation(ANY6, b6, b6);
    check(
        "duplicate address detection of another's",
        ethernet(a.mac, b.mac, packet::IPV6, &probe),
        &probe,
        false,
    );
    let ask = solicitation(a6, b6, b6);
    check(
        "neighbour solicitation",
        ethernet(a.mac, b.mac, packet::IPV6, &ask),
        &ask,
        true,
    );

    let strange = b"a frame of a type that nobody knows, long enough for Ethernet...";
    check(
        "unknown Ethernet type",
        ethernet(a.mac, b.mac, 0x88b5, strange),
        strange,
        false,
    );
    let tagged = tagged(&ethernet(a.mac, b.mac, packet::IPV4, &udp(a4, b"in-a-vlan")), 5);
    check("VLAN tag", tagged, b"in-a-vlan", false);
    checks.finish();
}

#[test]
fn dhcp_and_router_advertisements_come_from_the_network_only() {
    let mut stage = Stage::new();
    let (a, b) = (stage.a.clone(), stage.b.clone());
    let (a4, b4, local) = (v4(a.ip), v4(b.ip), a.mac.link_local());
    let services = stage.cloud.network_ns(stage.network);
    let all = Ipv4Addr::BROADCAST;
    let servers: Ipv6Addr = "ff02::1:2".parse().unwrap();
    let mut checks = Checks::default();
    {
        let mut check = |what: &str, frame: Vec<u8>, token: &[u8], expected: bool| {
            checks.check(what, stage.reaches_b(&frame, token, expected) == expected);
        };
        let offer = udp4((a4, 67), (b4, 68), b"offer-of-a-guest");
        check(
            "a DHCP answer of a server",
            ethernet(a.mac, b.mac, packet::IPV4, &offer),
            b"offer-of-a-guest",
            false,
        );
        let answer = udp6((local, 547), (b.mac.link_local(), 546), b"dhcpv6-of-a-guest");
        check(
            "a DHCPv6 answer of a server",
            ethernet(a.mac, b.mac, packet::IPV6, &answer),
            b"dhcpv6-of-a-guest",
            false,
        );
        let advert = router_advertisement(local);
        check(
            "a router advertisement of a server",
            ethernet(a.mac, b.mac, packet::IPV6, &advert),
            &advert[40..],
            false,
        );
        let advert = hidden_router_advertisement(local);
        check(
            "the same behind an extension header",
            ethernet(a.mac, b.mac, packet::IPV6, &advert),
            &advert[40..],
            false,
        );
    }
    // A server without any rule still gets its address.
    let silent = stage.cloud.vm(stage.network, 12, &[]);
    let router = stage.cloud.router(&[stage.network], None);
    stage.cloud.apply();
    let to_services = |from: &Vm, frame: Vec<u8>, token: &[u8], expected| {
        passes_to_stack(&from.ns, &services, frame, token, expected)
    };
    let discover = ethernet(
        silent.mac,
        BROADCAST,
        packet::IPV4,
        &udp4((ANY4, 68), (all, 67), b"discover"),
    );
    checks.check(
        "DHCP from a server without egress rules",
        to_services(&silent, discover.clone(), b"discover", true),
    );
    let heard = passes(&silent.ns, (&b.ns, "eth0"), &discover, b"discover", true);
    checks.check("which other servers hear only if their rules say so", heard);
    let heard = passes(&b.ns, (&silent.ns, "eth0"), &discover_of(&b), b"discover", false);
    checks.check("and not if not", !heard);
    let solicit = udp6((silent.mac.link_local(), 546), (servers, 547), b"solicit");
    let multicast = MacAddress(linux::Mac::of_multicast6(servers).0);
    let solicit = ethernet(silent.mac, multicast, packet::IPV6, &solicit);
    checks.check(
        "DHCPv6 from a server without egress rules",
        to_services(&silent, solicit, b"solicit", true),
    );

    let bridge = PacketSocket::open(&services, "br0", 0).unwrap();
    let service_mac = stage.cloud.config.networks[&stage.network]
        .service_port
        .as_ref()
        .unwrap()
        .mac;
    for (what, mac, address) in [("unicast", silent.mac, v4(silent.ip)), ("broadcast", BROADCAST, all)] {
        let receiver = PacketSocket::open(&silent.ns, "eth0", packet::ALL).unwrap();
        let token = format!("offer-{what}");
        let offer = udp4(("10.1.0.2".parse().unwrap(), 67), (address, 68), token.as_bytes());
        bridge.send(&ethernet(service_mac, mac, packet::IPV4, &offer)).unwrap();
        checks.check(
            &format!("a DHCP answer of the network, {what}"),
            hears(&receiver, token.as_bytes()),
        );
    }
    let gateway = stage.cloud.part.router_netns(router).unwrap();
    let leg = &stage.cloud.config.routers[&router].legs[0];
    let device = node::network::names::router_device(leg.port_id);
    let advert = router_advertisement(leg.mac.link_local());
    let receiver = PacketSocket::open(&silent.ns, "eth0", packet::ALL).unwrap();
    let everybody: MacAddress = "33:33:00:00:00:01".parse().unwrap();
    PacketSocket::open(&gateway, &device, 0)
        .unwrap()
        .send(&ethernet(leg.mac, everybody, packet::IPV6, &advert))
        .unwrap();
    checks.check("a router advertisement of the router", hears(&receiver, &advert[40..]));
    checks.finish();
}

fn discover_of(vm: &Vm) -> Vec<u8> {
    ethernet(
        vm.mac,
        BROADCAST,
        packet::IPV4,
        &udp4((ANY4, 68), (Ipv4Addr::BROADCAST, 67), b"discover"),
    )
}

fn hears(receiver: &PacketSocket, token: &[u8]) -> bool {
    let deadline = std::time::Instant::now() + PATIENCE;
    while let Some(left) = deadline.checked_duration_since(std::time::Instant::now()) {
        match receiver.receive(left).unwrap() {
            Some(frame) if frame.windows(token.len()).any(|w| w == token) => return true,
            _ => {}
        }
    }
    false
}

/// Whether a frame gets past the filter to the namespace's own services, i.e. to its bridge device.
fn passes_to_stack(from: &Netns, services: &Netns, frame: Vec<u8>, token: &[u8], expected: bool) -> bool {
    passes(from, (services, "br0"), &frame, token, expected)
}

#[test]
fn allowed_address_pairs_and_ports_without_security() {
    let mut stage = Stage::new();
    let b = stage.b.clone();
    let network = stage.network;
    let groups: Vec<_> = stage.cloud.config.networks[&network].groups.keys().copied().collect();
    let vrrp: MacAddress = "00:00:5e:00:01:07".parse().unwrap();
    let paired = stage.cloud.vm_with(network, 20, &groups, |port| {
        port.allowed_address_pairs = vec![
            (net("10.1.0.200"), port.mac),
            (net("10.1.0.201"), vrrp),
            (net("192.168.50.0/24"), port.mac),
            (net("fd00:50::/64"), port.mac),
            (net("fd00:1::200"), port.mac),
        ];
    });
    let free = stage.cloud.vm_with(network, 21, &[], |port| port.port_security = false);
    let down = stage
        .cloud
        .vm_with(network, 22, &groups, |port| port.admin_state_up = false);
    stage.cloud.apply();
    let mut checks = Checks::default();
    let mut check = |what: &str, from: &Vm, frame: Vec<u8>, token: &[u8], expected: bool| {
        checks.check(
            what,
            passes(&from.ns, (&b.ns, "eth0"), &frame, token, expected) == expected,
        );
    };
    let udp = |mac, from: &str, data: &[u8]| {
        ethernet(
            mac,
            b.mac,
            packet::IPV4,
            &udp4((from.parse().unwrap(), 1), (v4(b.ip), 1), data),
        )
    };
    let six = |mac, from: &str, data: &[u8]| {
        ethernet(
            mac,
            b.mac,
            packet::IPV6,
            &udp6((from.parse().unwrap(), 1), (v6(b.ip6.unwrap()), 1), data),
        )
    };
    check(
        "a pair's address",
        &paired,
        udp(paired.mac, "10.1.0.200", b"pair-1"),
        b"pair-1",
        true,
    );
    check(
        "a pair's address and MAC",
        &paired,
        udp(vrrp, "10.1.0.201", b"pair-2"),
        b"pair-2",
        true,
    );
    check(
        "a pair's address, wrong MAC",
        &paired,
        udp(paired.mac, "10.1.0.201", b"pair-3"),
        b"pair-3",
        false,
    );
    check(
        "a pair's prefix",
        &paired,
        udp(paired.mac, "192.168.50.9", b"pair-4"),
        b"pair-4",
        true,
    );
    check(
        "outside a pair's prefix",
        &paired,
        udp(paired.mac, "192.168.51.9", b"pair-5"),
        b"pair-5",
        false,
    );
    check(
        "a pair's IPv6 prefix",
        &paired,
        six(paired.mac, "fd00:50::9", b"pair-6"),
        b"pair-6",
        true,
    );
    check(
        "outside a pair's IPv6 prefix",
        &paired,
        six(paired.mac, "fd00:51::9", b"pair-7"),
        b"pair-7",
        false,
    );
    let announce = |mac, ip: &str| {
        let ip: Ipv4Addr = ip.parse().unwrap();
        arp(1, (mac, ip), (NOBODY, ip))
    };
    let arp_of = |mac, ip: &str| ethernet(mac, BROADCAST, packet::ARP, &announce(mac, ip));
    check(
        "ARP for a pair",
        &paired,
        arp_of(vrrp, "10.1.0.201"),
        &announce(vrrp, "10.1.0.201"),
        true,
    );
    let frame = arp_of(paired.mac, "192.168.50.7");
    check(
        "ARP for a pair's prefix",
        &paired,
        frame,
        &announce(paired.mac, "192.168.50.7"),
        true,
    );
    let frame = arp_of(paired.mac, "192.168.51.7");
    check(
        "ARP outside of it",
        &paired,
        frame,
        &announce(paired.mac, "192.168.51.7"),
        false,
    );
    for (what, target, expected) in [
        ("advertisement of a pair's address", "fd00:1::200", true),
        ("advertisement inside a pair's prefix", "fd00:50::77", true),
        ("advertisement outside of it", "fd00:51::77", false),
    ] {
        let advert = advertisement(
            v6(paired.ip6.unwrap()),
            v6(b.ip6.unwrap()),
            target.parse().unwrap(),
            paired.mac,
        );
        check(
            what,
            &paired,
            ethernet(paired.mac, b.mac, packet::IPV6, &advert),
            &advert,
            expected,
        );
    }
    let any: MacAddress = "fa:16:3e:77:77:77".parse().unwrap();
    check(
        "no port security: any sender",
        &free,
        udp(any, "172.20.0.1", b"free-1"),
        b"free-1",
        true,
    );
    check(
        "administratively down: nothing out",
        &down,
        udp(down.mac, "10.1.0.22", b"down-1"),
        b"down-1",
        false,
    );
    let into_free = ethernet(
        b.mac,
        free.mac,
        packet::IPV4,
        &udp4((v4(b.ip), 1), (v4(free.ip), 1), b"free-2"),
    );
    let (to, token) = ((&free.ns, "eth0"), b"free-2");
    checks.check(
        "no port security: everything comes in",
        passes(&b.ns, to, &into_free, token, true),
    );
    let into_down = ethernet(
        b.mac,
        down.mac,
        packet::IPV4,
        &udp4((v4(b.ip), 1), (v4(down.ip), 1), b"down-2"),
    );
    let to = (&down.ns, "eth0");
    checks.check(
        "administratively down: nothing in",
        !passes(&b.ns, to, &into_down, b"down-2", false),
    );
    assert_eq!(stage.cloud.report().ports[&down.port], PortReport::Down);

    // A port that somebody plugs in by hand is in no set.
    let (name, stranger) = stage.cloud.place();
    let services = stage.cloud.network_ns(network);
    let mut nl = Rtnl::open(&services).unwrap();
    let bridge = nl.link("br0").unwrap().index;
    let end = |name| linux::netlink::VethEnd {
        name,
        mac: None,
        group: None,
    };
    let veth = linux::netlink::Veth {
        near: end("by-hand"),
        master: Some(bridge),
        far: end("eth0"),
        far_netns: Some(&stranger),
        mtu: None,
    };
    nl.create_veth(&veth).unwrap();
    let mut far = Rtnl::open(&stranger).unwrap();
    let eth0 = far.link("eth0").unwrap();
    far.set_up(eth0.index).unwrap();
    let mac = MacAddress(eth0.mac.unwrap().0);
    let out = udp(mac, "10.1.0.66", b"by-hand-out");
    checks.check(
        "a port not programmed: nothing out",
        !passes(&stranger, (&b.ns, "eth0"), &out, b"by-hand-out", false),
    );
    let into = ethernet(
        b.mac,
        mac,
        packet::IPV4,
        &udp4((v4(b.ip), 1), ("10.1.0.66".parse().unwrap(), 1), b"by-hand-in"),
    );
    checks.check(
        "a port not programmed: nothing in",
        !passes(&b.ns, (&stranger, "eth0"), &into, b"by-hand-in", false),
    );
    drop(name);
    checks.finish();
}

#[test]
fn with_bridge_filtering_switched_off_by_mistake_nothing_new_opens() {
    let stage = Stage::new();
    let services = stage.cloud.network_ns(stage.network);
    linux::sysctl::write(&services, &[("net/bridge/bridge-nf-call-iptables", "0")]).unwrap();
    let open: Vec<_> = stage.cloud.config.networks[&stage.network]
        .groups
        .keys()
        .copied()
        .collect();
    let mut cloud = stage.cloud;
    // Only the way there is allowed: the answer would need connection state.
    let one_way = with(all_out(), [allow_in(ports(6, 22, 22))]);
    cloud.set_group(stage.network, open[0], one_way);
    cloud.apply();
    assert!(
        !tcp(&stage.a.ns, &stage.b.ns, stage.b.ip, 22, false),
        "closed, allowed or not"
    );
    linux::sysctl::write(&services, &[("net/bridge/bridge-nf-call-iptables", "1")]).unwrap();
    assert!(tcp(&stage.a.ns, &stage.b.ns, stage.b.ip, 22, true), "open again");
}
