//! Routers on real traffic: translation, floating IPs, hairpins, overlapping tenants, what moves and what is forgotten.
#![allow(clippy::unwrap_used)]

mod network_common;

use std::net::{IpAddr, TcpStream, UdpSocket};

use linux::netlink::{AddressFlags, Route as KernelRoute, Rtnl};
use linux::{Netns, sysctl};
use model::host::*;
use model::{NetworkId, RouterId};
use network_common::probe::*;
use network_common::*;

/// Two tenants with the same addresses behind a provider network; the host stands for the world outside.
struct Stage {
    cloud: Cloud,
    routers: [RouterId; 2],
    networks: [NetworkId; 2],
    /// Two servers of the first tenant, one of the second.
    a: Vm,
    b: Vm,
    c: Vm,
    /// The world behind the provider network: 198.51.100.1.
    world: Netns,
}

impl Stage {
    fn new() -> Self {
        let mut cloud = Cloud::new();
        let public = cloud.external("br-ex", &["172.24.4.1/24", "2001:db8::2/64"]);
        let networks = [
            cloud.network(&["10.1.0.0/24", "fd00:1::/64"]),
            cloud.network(&["10.1.0.0/24"]),
        ];
        let rules = [
            allow_in(ports(6, 22, 22)),
            allow_in(ProtocolMatch::Icmp { kind: None, code: None }),
            allow_in6(ports(6, 22, 22)),
        ];
        let groups = networks.map(|network| cloud.group(network, with(all_out(), rules.clone())));
        let a = cloud.vm(networks[0], 10, &[groups[0]]);
        let b = cloud.vm(networks[0], 11, &[groups[0]]);
        let c = cloud.vm(networks[1], 10, &[groups[1]]);
        let first: (NetworkId, &[&str], &[&str]) = (
            public,
            &["172.24.4.10/24", "2001:db8::10/64"],
            &["172.24.4.1", "2001:db8::2"],
        );
        let second: (NetworkId, &[&str], &[&str]) = (public, &["172.24.4.20/24"], &["172.24.4.1"]);
        let routers = [
            cloud.router(&[networks[0]], Some(first)),
            cloud.router(&[networks[1]], Some(second)),
        ];
        cloud.edit(networks[0], |_| {});
        let world = world_behind(&mut cloud);
        cloud.apply();
        let mut host = Rtnl::open(&cloud.host).unwrap();
        let bridge = host.link("br-ex").unwrap().index;
        // The provider routes the first tenant's IPv6 prefix to its router.
        let route = KernelRoute::via(
            "fd00:1::/64".parse().unwrap(),
            "2001:db8::10".parse().unwrap(),
            Some(bridge),
        );
        host.replace_route(&route).unwrap();
        Self {
            cloud,
            routers,
            networks,
            a,
            b,
            c,
            world,
        }
    }

    fn gateway(&self, index: usize) -> Netns {
        self.cloud.part.router_netns(self.routers[index]).unwrap()
    }
}

/// A namespace behind the host, which forwards to it: 198.51.100.1.
fn world_behind(cloud: &mut Cloud) -> Netns {
    let (_, world) = cloud.place();
    let mut host = Rtnl::open(&cloud.host).unwrap();
    let end = |name| linux::netlink::VethEnd {
        name,
        mac: None,
        group: None,
    };
    let veth = linux::netlink::Veth {
        near: end("world"),
        master: None,
        far: end("eth0"),
        far_netns: Some(&world),
        mtu: Some(1400),
    };
    host.create_veth(&veth).unwrap();
    let near = host.link("world").unwrap().index;
    host.add_address(near, net("198.51.100.254/24"), AddressFlags::default())
        .unwrap();
    sysctl::write(&cloud.host, &[("net/ipv4/ip_forward", "1")]).unwrap();
    let mut nl = Rtnl::open(&world).unwrap();
    let far = nl.link("eth0").unwrap().index;
    nl.set_up(far).unwrap();
    nl.add_address(far, net("198.51.100.1/24"), AddressFlags::default())
        .unwrap();
    let default = KernelRoute::via("0.0.0.0/0".parse().unwrap(), "198.51.100.254".parse().unwrap(), None);
    nl.add_route(&default).unwrap();
    world
}

/// The address under which a connection from one namespace arrives at another.
fn seen_as(from: &Netns, to: &Netns, address: &str, port: u16) -> Option<IpAddr> {
    let at = format!("{address}:{port}");
    let listener = to
        .run(|| std::net::TcpListener::bind(("0.0.0.0", port)))
        .unwrap()
        .unwrap();
    let _stream: TcpStream = connect(from, &at, true)?;
    Some(listener.accept().unwrap().1.ip())
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

#[test]
fn translation_and_floating_ips() {
    let mut stage = Stage::new();
    let host = stage.cloud.host.clone();
    let (a, b, c) = (stage.a.clone(), stage.b.clone(), stage.c.clone());
    let mut checks = Checks::default();
    let outside = "198.51.100.1";
    let world = &stage.world;
    checks.check("the host reaches the router", ping(&host, ip("172.24.4.10"), true));
    checks.check("a server reaches the host", ping(&a.ns, ip("172.24.4.1"), true));
    checks.check(
        "tenant 1 leaves under its router's address",
        seen_as(&a.ns, world, outside, 80) == Some(ip("172.24.4.10")),
    );
    checks.check(
        "tenant 2, same address, under its own",
        seen_as(&c.ns, world, outside, 80) == Some(ip("172.24.4.20")),
    );
    checks.check("two tenants with the same addresses do not meet", !stage_meets(&a, &c));
    checks.check("UDP with its answer", udp(&a.ns, world, ip(outside), 53, true));

    stage.cloud.floating_ip(stage.routers[0], "172.24.4.50", &a);
    stage.cloud.floating_ip(stage.routers[0], "172.24.4.51", &b);
    stage.cloud.floating_ip(stage.routers[1], "172.24.4.60", &c);
    stage.cloud.apply();
    checks.check(
        "floating IP: in",
        seen_as(world, &a.ns, "172.24.4.50", 22) == Some(ip(outside)),
    );
    checks.check(
        "floating IP: out",
        seen_as(&a.ns, world, outside, 80) == Some(ip("172.24.4.50")),
    );
    checks.check("floating IP: ping", ping(&host, ip("172.24.4.50"), true));
    checks.check(
        "floating IP: a denied port stays denied",
        connect(world, "172.24.4.50:23", false).is_none(),
    );
    checks.check(
        "hairpin to a neighbour: under the caller's floating IP",
        seen_as(&a.ns, &b.ns, "172.24.4.51", 22) == Some(ip("172.24.4.50")),
    );
    checks.check(
        "hairpin to oneself",
        seen_as(&a.ns, &a.ns, "172.24.4.50", 22) == Some(ip("172.24.4.50")),
    );
    checks.check(
        "tenant 1 to tenant 2 by floating IP",
        seen_as(&a.ns, &c.ns, "172.24.4.60", 22) == Some(ip("172.24.4.50")),
    );
    checks.check(
        "tenant 2 to tenant 1 by floating IP",
        seen_as(&c.ns, &b.ns, "172.24.4.51", 22) == Some(ip("172.24.4.60")),
    );
    stage.cloud.drop_floating_ip(stage.routers[0], "172.24.4.50");
    stage.cloud.apply();
    checks.check(
        "hairpin of a server without one: under the router's address",
        seen_as(&a.ns, &b.ns, "172.24.4.51", 22) == Some(ip("172.24.4.10")),
    );
    checks.check(
        "the router itself reaches a floating IP of its own",
        ping(&stage.gateway(0), ip("172.24.4.51"), true),
    );

    let exceeded = icmp(&a.ns, ip(outside), 8, 12, 1, PATIENCE);
    checks.check(
        "time exceeded comes from the router's leg",
        exceeded == Some((ip("10.1.0.1"), 11)),
    );
    let exceeded = icmp(&a.ns, ip(outside), 8, 12, 2, PATIENCE);
    checks.check(
        "time exceeded comes back through translation",
        exceeded == Some((ip("172.24.4.1"), 11)),
    );
    checks.check(
        "path MTU errors come back through translation",
        path_mtu(&a.ns, outside) == Some(1400),
    );

    checks.check(
        "IPv6 in, without translation",
        tcp(&host, &a.ns, a.ip6.unwrap(), 22, true),
    );
    checks.check("IPv6 in, denied", !tcp(&host, &a.ns, a.ip6.unwrap(), 23, false));
    checks.check("IPv6 out", ping(&a.ns, ip("2001:db8::2"), true));

    let metadata = stage
        .gateway(0)
        .run(|| std::net::TcpListener::bind("0.0.0.0:9697"))
        .unwrap()
        .unwrap();
    let asked = connect(&a.ns, "169.254.169.254:80", true);
    checks.check("metadata by the router", asked.is_some());
    checks.check(
        "which sees the server's address",
        metadata.accept().unwrap().1.ip() == a.ip,
    );
    checks.check(
        "its port is closed from outside",
        connect(&host, "172.24.4.10:9697", false).is_none(),
    );
    checks.check("and from inside", connect(&a.ns, "10.1.0.1:9697", false).is_none());

    stage
        .cloud
        .edit_router(stage.routers[1], |r| r.gateway.as_mut().unwrap().enable_snat = false);
    stage.cloud.drop_floating_ip(stage.routers[1], "172.24.4.60");
    stage.cloud.apply();
    let route = KernelRoute::via("10.1.0.0/24".parse().unwrap(), ip("172.24.4.20"), None);
    Rtnl::open(&host).unwrap().add_route(&route).unwrap();
    checks.check(
        "without SNAT the source stays",
        seen_as(&c.ns, world, outside, 80) == Some(c.ip),
    );
    checks.finish();
}

fn stage_meets(a: &Vm, c: &Vm) -> bool {
    // 10.1.0.10 is both of them: each reaches its own neighbours only.
    connect(&c.ns, &format!("{}:22", "10.1.0.11"), false).is_some() || a.ip != c.ip
}

/// What the kernel learns about the path to a place behind a link with an MTU of 1400. (Our own network has 1450.)
fn path_mtu(from: &Netns, to: &str) -> Option<u32> {
    let socket = from.run(|| UdpSocket::bind("0.0.0.0:0")).unwrap().unwrap();
    socket.connect((to, 9)).unwrap();
    discover_path_mtu(&socket);
    let mut mtu = None;
    eventually(|| {
        let _ = socket.send(&[0; 1420]);
        mtu = known_mtu(&socket);
        mtu == Some(1400)
    });
    mtu
}

#[allow(unsafe_code)]
fn discover_path_mtu(socket: &UdpSocket) {
    use std::os::fd::AsRawFd;
    let always: libc::c_int = libc::IP_PMTUDISC_DO;
    // SAFETY: the pointer and the length describe `always`.
    let status = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::IPPROTO_IP,
            libc::IP_MTU_DISCOVER,
            (&raw const always).cast(),
            4,
        )
    };
    assert_eq!(status, 0);
}

#[allow(unsafe_code)]
fn known_mtu(socket: &UdpSocket) -> Option<u32> {
    use std::os::fd::AsRawFd;
    let mut mtu: libc::c_int = 0;
    let mut size = 4;
    // SAFETY: the pointers describe `mtu` and `size`.
    let status = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::IPPROTO_IP,
            libc::IP_MTU,
            (&raw mut mtu).cast(),
            &raw mut size,
        )
    };
    (status == 0).then_some(mtu as u32)
}

#[test]
fn floating_ips_are_associated_moved_and_forgotten() {
    let mut stage = Stage::new();
    let host = stage.cloud.host.clone();
    let (a, b, c) = (stage.a.clone(), stage.b.clone(), stage.c.clone());
    let [first, second] = stage.routers;
    let fip = ip("172.24.4.50");
    let mut checks = Checks::default();
    stage.cloud.floating_ip(first, "172.24.4.50", &a);
    stage.cloud.apply();
    let (client, served) = from_host(&host, &a.ns, "172.24.4.50");
    checks.check(
        "a flow by floating IP stands",
        arrives(&client, &served, true) && arrives(&served, &client, true),
    );
    let entry = |host: &Netns| {
        let all = Rtnl::open(host).unwrap().neighbours().unwrap();
        all.into_iter().find(|n| n.address == fip).and_then(|n| n.mac)
    };
    let mac = |cloud: &Cloud, id: RouterId| cloud.config.routers[&id].gateway.as_ref().unwrap().mac.0;
    checks.check(
        "the host knows it at the first router",
        entry(&host).map(|m| m.0) == Some(mac(&stage.cloud, first)),
    );

    stage.cloud.drop_floating_ip(first, "172.24.4.50");
    stage.cloud.apply();
    checks.check(
        "disassociated: the flow ends, outside in",
        !arrives(&client, &served, false),
    );
    checks.check(
        "disassociated: the flow ends, inside out",
        !arrives(&served, &client, false),
    );
    checks.check("disassociated: no answer any more", !ping(&host, fip, false));

    stage.cloud.floating_ip(second, "172.24.4.50", &c);
    stage.cloud.apply();
    let told = eventually(|| entry(&host).map(|m| m.0) == Some(mac(&stage.cloud, second)));
    checks.check("moved to another router: the host is told", told);
    checks.check(
        "moved to another router: it answers there",
        tcp_at(&host, &c.ns, "172.24.4.50"),
    );

    stage.cloud.edit_router(first, |router| router.admin_state_up = false);
    stage.cloud.drop_floating_ip(second, "172.24.4.50");
    stage.cloud.floating_ip(first, "172.24.4.50", &a);
    stage.cloud.apply();
    stage.cloud.edit_router(first, |router| router.admin_state_up = true);
    stage.cloud.apply();
    let told = eventually(|| entry(&host).map(|m| m.0) == Some(mac(&stage.cloud, first)));
    checks.check(
        "moved to a router that was down, and is up again: the host is told",
        told,
    );
    stage.cloud.drop_floating_ip(first, "172.24.4.50");
    stage.cloud.floating_ip(second, "172.24.4.50", &c);
    stage.cloud.apply();

    stage.cloud.drop_floating_ip(second, "172.24.4.50");
    stage.cloud.floating_ip(first, "172.24.4.50", &a);
    stage.cloud.apply();
    checks.check("moved back in one step", tcp_at(&host, &a.ns, "172.24.4.50"));
    let (client, served) = from_host(&host, &a.ns, "172.24.4.50");
    stage.cloud.drop_floating_ip(first, "172.24.4.50");
    stage.cloud.floating_ip(first, "172.24.4.50", &b);
    stage.cloud.apply();
    checks.check(
        "given to another server: the old flow ends",
        !arrives(&client, &served, false),
    );
    checks.check(
        "given to another server: it leads there",
        tcp_at(&host, &b.ns, "172.24.4.50"),
    );
    let outside = "198.51.100.1";
    checks.check(
        "the former holder leaves under the router's address",
        seen_as(&a.ns, &stage.world, outside, 80) == Some(ip("172.24.4.10")),
    );

    stage.cloud.drop_floating_ip(first, "172.24.4.50");
    stage.cloud.edit_router(first, |r| r.gateway = None);
    stage.cloud.apply();
    checks.check(
        "gateway cleared: nothing leaves",
        connect(&a.ns, &format!("{outside}:80"), false).is_none(),
    );
    checks.check(
        "gateway cleared: the router is gone from outside",
        !ping(&host, ip("172.24.4.10"), false),
    );
    let _ = &stage.networks;
    checks.finish();
}

fn from_host(host: &Netns, vm: &Netns, address: &str) -> (TcpStream, TcpStream) {
    let listener = listen(vm, "0.0.0.0:22");
    let client = connect(host, &format!("{address}:22"), true).expect("the floating IP answers");
    (client, listener.accept().unwrap().0)
}

fn tcp_at(host: &Netns, vm: &Netns, address: &str) -> bool {
    let _listener = listen(vm, "0.0.0.0:22");
    connect(host, &format!("{address}:22"), true).is_some()
}

#[test]
fn extra_routes_lead_through_servers() {
    let mut cloud = Cloud::new();
    let network = cloud.network(&["10.1.0.0/24"]);
    let far = cloud.network(&["10.2.0.0/24"]);
    let open = cloud.group(network, with(all_out(), [allow_in(ProtocolMatch::Any)]));
    let far_open = cloud.group(far, with(all_out(), [allow_in(ProtocolMatch::Any)]));
    // An appliance that routes 192.0.2.0/24 (itself, here).
    let appliance = cloud.vm_with(network, 5, &[open], |port| {
        port.allowed_address_pairs = vec![(net("192.0.2.0/24"), port.mac)];
    });
    let client = cloud.vm(far, 10, &[far_open]);
    let router = cloud.router(&[network, far], None);
    let route = |nexthop: &str| Route {
        destination: net("192.0.2.0/24"),
        nexthop: ip(nexthop),
    };
    cloud.edit_router(router, |r| {
        r.routes = vec![
            route("10.1.0.5"),
            Route {
                destination: net("192.0.3.0/24"),
                nexthop: ip("203.0.113.9"),
            },
        ];
    });
    cloud.apply();
    let mut nl = Rtnl::open(&appliance.ns).unwrap();
    let eth0 = nl.link("eth0").unwrap().index;
    nl.add_address(eth0, net("192.0.2.1"), AddressFlags::default()).unwrap();
    assert!(
        ping(&client.ns, ip("192.0.2.1"), true),
        "by the extra route, although another one is impossible"
    );
    cloud.edit_router(router, |r| r.routes.clear());
    cloud.apply();
    assert!(!ping(&client.ns, ip("192.0.2.1"), false), "the route is gone");
}

#[test]
fn an_extra_default_route_wins_over_the_gateway_s() {
    let mut cloud = Cloud::new();
    let public = cloud.external("br-ex", &["172.24.4.1/24"]);
    let network = cloud.network(&["10.1.0.0/24"]);
    let far = cloud.network(&["10.2.0.0/24"]);
    let open = cloud.group(network, with(all_out(), [allow_in(ProtocolMatch::Any)]));
    let far_open = cloud.group(far, with(all_out(), [allow_in(ProtocolMatch::Any)]));
    let appliance = cloud.vm_with(network, 5, &[open], |port| {
        port.allowed_address_pairs = vec![(net("192.0.2.0/24"), port.mac)];
    });
    let client = cloud.vm(far, 10, &[far_open]);
    let router = cloud.router(&[network, far], Some((public, &["172.24.4.10/24"], &["172.24.4.1"])));
    cloud.edit_router(router, |router| {
        router.routes = vec![Route {
            destination: net("0.0.0.0/0"),
            nexthop: ip("10.1.0.5"),
        }];
    });
    cloud.apply();
    let mut nl = Rtnl::open(&appliance.ns).unwrap();
    let eth0 = nl.link("eth0").unwrap().index;
    nl.add_address(eth0, net("192.0.2.1"), AddressFlags::default()).unwrap();
    assert!(ping(&client.ns, ip("192.0.2.1"), true), "by the next hop behind a leg");
    cloud.edit_router(router, |router| router.routes.clear());
    cloud.apply();
    assert!(!ping(&client.ns, ip("192.0.2.1"), false), "by the gateway again");
    assert!(ping(&client.ns, ip("172.24.4.1"), true), "to which there is a way");
}
