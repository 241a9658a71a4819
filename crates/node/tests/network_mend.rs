//! The host is kept as it should be: over restarts of the program, and against people who delete things.
#![allow(clippy::unwrap_used)]

mod network_common;

use std::net::{IpAddr, TcpStream};
use std::time::{Duration, Instant};

use linux::netlink::{AddressFlags, LinkChange, Rtnl};
use linux::nft::Nft;
use linux::{Netns, sysctl};
use model::host::*;
use model::{NetworkId, RouterId, ServerId};
use network_common::probe::*;
use network_common::*;
use node::network::names::{gateway_device, network_namespace, router_device, router_namespace, tap_device};

/// A tenant behind a router, a server with a floating IP, a connection by it that must live through everything.
struct Stage {
    cloud: Cloud,
    network: NetworkId,
    router: RouterId,
    vm: Vm,
    client: TcpStream,
    served: TcpStream,
}

const FLOATING: &str = "172.24.4.50";

impl Stage {
    fn new() -> Self {
        let mut cloud = Cloud::new();
        let public = cloud.external("br-ex", &["172.24.4.1/24"]);
        let network = cloud.network(&["10.1.0.0/24", "fd00:1::/64"]);
        let group = cloud.group(network, with(all_out(), [allow_in(ports(6, 22, 22))]));
        let vm = cloud.vm(network, 10, &[group]);
        let gateway: (NetworkId, &[&str], &[&str]) = (public, &["172.24.4.10/24"], &["172.24.4.1"]);
        let router = cloud.router(&[network], Some(gateway));
        cloud.floating_ip(router, FLOATING, &vm);
        cloud.apply();
        let listener = listen(&vm.ns, "0.0.0.0:22");
        let client = connect(&cloud.host, &format!("{FLOATING}:22"), true).unwrap();
        let served = listener.accept().unwrap().0;
        Self {
            cloud,
            network,
            router,
            vm,
            client,
            served,
        }
    }

    fn flows(&self) -> bool {
        arrives(&self.client, &self.served, true) && arrives(&self.served, &self.client, true)
    }

    fn network_ns(&self) -> Netns {
        self.cloud.network_ns(self.network)
    }

    fn router_ns(&self) -> Netns {
        self.cloud.part.router_netns(self.router).unwrap()
    }

    /// What is found wrong now; afterwards nothing more is.
    fn mend(&mut self) -> Vec<String> {
        let found = self.cloud.part.audit();
        let again = self.cloud.part.audit();
        assert!(again.is_empty(), "once is enough: {again:#?}");
        assert!(self.cloud.failures().is_empty(), "{:#?}", self.cloud.failures());
        found
    }

    fn gateway(&self) -> String {
        gateway_device(
            self.cloud.config.routers[&self.router]
                .gateway
                .as_ref()
                .unwrap()
                .port_id,
        )
    }

    fn leg(&self) -> String {
        router_device(self.cloud.config.routers[&self.router].legs[0].port_id)
    }
}

fn links(ns: &Netns) -> Vec<(u32, String)> {
    Rtnl::open(ns)
        .unwrap()
        .links()
        .unwrap()
        .into_iter()
        .map(|link| (link.index, link.name))
        .collect()
}

#[test]
fn a_restart_disturbs_nothing() {
    let mut stage = Stage::new();
    assert!(stage.flows());
    let spaces = [
        stage.cloud.host.clone(),
        stage.network_ns(),
        stage.router_ns(),
        stage.vm.ns.clone(),
    ];
    let before: Vec<_> = spaces.iter().map(links).collect();
    stage.cloud.restart();
    stage.cloud.apply();
    assert!(stage.flows(), "the connection lives on");
    let after: Vec<_> = spaces.iter().map(links).collect();
    assert_eq!(before, after, "every link is the same one");
    assert_eq!(stage.cloud.part.audit(), Vec::<String>::new());
}

#[test]
fn what_changed_while_the_program_was_away_is_put_right_at_its_start() {
    let mut stage = Stage::new();
    let (network, router) = (stage.network, stage.router);
    let other = stage.cloud.network(&["10.9.0.0/24"]);
    let gone = stage.cloud.vm(network, 11, &[]);
    stage.cloud.apply();
    stage.cloud.restart();
    // Meanwhile a network, a port, a rule and the floating IP were deleted.
    stage.cloud.config.networks.remove(&other);
    stage.cloud.edit(network, |n| n.ports.remove(&gone.port));
    let group = *stage.cloud.config.networks[&network].groups.keys().next().unwrap();
    stage.cloud.set_group(network, group, all_out());
    stage.cloud.drop_floating_ip(router, FLOATING);
    // Killed while it deleted this one, the program left the name without its namespace.
    let half_gone = format!("/run/netns/{}", router_namespace(RouterId(fresh())));
    std::fs::write(&half_gone, "").unwrap();
    stage.cloud.apply();
    stage.cloud.part.settle();
    assert!(!Netns::exists(&network_namespace(other)));
    assert!(!std::path::Path::new(&half_gone).exists());
    let devices: Vec<String> = links(&stage.network_ns()).into_iter().map(|(_, name)| name).collect();
    assert!(!devices.contains(&tap_device(gone.port)), "{devices:?}");
    assert!(
        !arrives(&stage.client, &stage.served, false),
        "the flow that no rule allows any more is cut"
    );
    assert!(!ping(&stage.cloud.host, FLOATING.parse().unwrap(), false));
}

#[test]
fn a_deleted_namespace_name_comes_back_and_nothing_stops() {
    let mut stage = Stage::new();
    for name in [network_namespace(stage.network), router_namespace(stage.router)] {
        assert!(Netns::delete(&name).unwrap());
        assert!(stage.flows());
        let found = stage.mend();
        assert!(found.iter().any(|sentence| sentence.contains(&name)), "{found:?}");
        assert!(Netns::exists(&name));
        assert!(stage.flows());
    }
    // Somebody even makes another namespace of the name.
    let name = network_namespace(stage.network);
    Netns::delete(&name).unwrap();
    Netns::create(&name).unwrap();
    stage.mend();
    assert_eq!(Netns::id_of(&name), Some(stage.network_ns().id()));
}

/// A person did it, or the program was killed between a bridge's birth and its first IPv6 address.
#[test]
fn a_device_without_ipv6_gets_it_back() {
    let mut stage = Stage::new();
    let devices = [
        (stage.cloud.host.clone(), "br-ex".to_owned()),
        (stage.network_ns(), "br0".to_owned()),
        (stage.router_ns(), stage.leg()),
    ];
    for (ns, device) in devices {
        let mut nl = Rtnl::open(&ns).unwrap();
        let index = nl.link(&device).unwrap().index;
        let mut addresses = || -> Vec<ipnet::IpNet> {
            let listed = nl.addresses().unwrap();
            let of_device = listed.into_iter().filter(|address| address.link == index);
            of_device
                .map(|address| address.net)
                .filter(|net| net.addr().is_ipv6())
                .collect()
        };
        let before = addresses();
        let key = format!("net/ipv6/conf/{device}/disable_ipv6");
        sysctl::write(&ns, &[(key.as_str(), "1")]).unwrap();
        assert_eq!(addresses(), [], "{device}");
        let wanted = before
            .iter()
            .any(|net| net.prefix_len() != 64 || !net.addr().to_string().starts_with("fe80"));
        stage.mend();
        if wanted {
            assert_eq!(sysctl::read(&ns, &key).unwrap(), "0", "{device}");
            assert!(
                before.iter().all(|net| addresses().contains(net)),
                "{device}: {before:?}, {:?}",
                addresses()
            );
        }
        assert!(stage.flows(), "{device}");
    }
}

#[test]
fn a_deleted_bridge_or_link_or_address_comes_back() {
    let mut stage = Stage::new();
    let (network, router, host) = (stage.network_ns(), stage.router_ns(), stage.cloud.host.clone());
    let damage: [(&str, &Netns, String); 6] = [
        ("the tenant's bridge", &network, "br0".into()),
        ("the provider bridge", &host, "br-ex".into()),
        ("a server's link", &network, tap_device(stage.vm.port)),
        ("the router's inner leg", &router, stage.leg()),
        ("the router's outer leg", &router, stage.gateway()),
        (
            "the bridge's end of the router's leg",
            &network,
            format!("tap{}", &stage.leg()[3..]),
        ),
    ];
    for (what, ns, name) in damage {
        delete_link(ns, &name);
        let found = stage.mend();
        assert!(!found.is_empty(), "{what}");
        assert!(stage.flows(), "{what}: the connection goes on");
    }
    let wanted: [(&Netns, &str, &str); 4] = [
        (&host, "br-ex", "172.24.4.1/24"),
        (&network, "br0", "10.1.0.2/24"),
        (&network, "br0", "169.254.169.254/32"),
        (&network, "br0", "fd00:1::2/64"),
    ];
    for (ns, link, address) in wanted {
        let mut nl = Rtnl::open(ns).unwrap();
        let index = nl.link(link).unwrap().index;
        assert!(nl.delete_address(index, net(address)).unwrap(), "{address}");
        let found = stage.mend();
        assert!(found.iter().any(|sentence| sentence.contains(address)), "{found:?}");
    }
    let mut nl = Rtnl::open(&router).unwrap();
    let gateway = nl.link(&stage.gateway()).unwrap().index;
    nl.delete_address(gateway, net(FLOATING)).unwrap();
    nl.add_address(gateway, net("172.24.4.99"), AddressFlags::default())
        .unwrap();
    assert_eq!(stage.mend().len(), 2, "one missing, one not wanted");
    let default = nl
        .routes()
        .unwrap()
        .into_iter()
        .find(|r| r.destination.prefix_len() == 0)
        .unwrap();
    nl.delete_route(&default).unwrap();
    assert_eq!(stage.mend().len(), 1);
    let down = LinkChange {
        up: Some(false),
        ..Default::default()
    };
    let mut nl = Rtnl::open(&network).unwrap();
    let bridge = nl.link("br0").unwrap().index;
    nl.change_link(bridge, &down).unwrap();
    assert!(!stage.mend().is_empty());
    assert!(stage.flows());
}

#[test]
fn a_changed_ruleset_is_loaded_again() {
    let mut stage = Stage::new();
    for (ns, text) in [
        (stage.network_ns(), "flush ruleset"),
        (stage.network_ns(), "flush chain bridge dp pre"),
        (stage.network_ns(), "delete table inet dpct"),
        (stage.router_ns(), "flush ruleset"),
    ] {
        Nft::open(&ns).unwrap().run(text).unwrap();
        let found = stage.mend();
        assert!(
            found.iter().any(|sentence| sentence.contains("ruleset")),
            "{text}: {found:?}"
        );
        assert!(stage.flows(), "{text}");
    }
    sysctl::write(&stage.network_ns(), &[("net/bridge/bridge-nf-call-iptables", "0")]).unwrap();
    sysctl::write(&stage.router_ns(), &[("net/ipv4/ip_forward", "0")]).unwrap();
    let found: Vec<String> = (0..12).flat_map(|_| stage.cloud.part.audit()).collect();
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(stage.flows());
}

#[test]
fn a_large_network_is_looked_through_piece_by_piece() {
    let mut cloud = Cloud::new();
    let network = cloud.network(&["10.1.0.0/24"]);
    let open = cloud.group(network, all_out());
    let mut vms: Vec<Vm> = (10..80).map(|number| cloud.vm(network, number, &[open])).collect();
    cloud.apply();
    vms.sort_by_key(|vm| vm.port);
    // What happens at the far end, in somebody else's namespace, is not told to ours.
    let mut disturb = || {
        for place in [0, 35, 69] {
            let mut far = Rtnl::open(&vms[place].ns).unwrap();
            let other = LinkChange {
                mac: Some(linux::Mac([2, 0, 0, 0, 0, 1])),
                ..LinkChange::default()
            };
            let index = far.link("eth0").unwrap().index;
            far.change_link(index, &other).unwrap();
        }
        let found: Vec<Vec<String>> = (0..64).map(|_| cloud.part.audit()).collect();
        let mended: Vec<&String> = found.iter().flatten().collect();
        assert_eq!(mended.len(), 3, "each once: {mended:?}");
        for place in [0, 35, 69] {
            let device = tap_device(vms[place].port);
            assert!(mended.iter().any(|sentence| sentence.contains(&device)), "{mended:?}");
        }
        assert!(cloud.failures().is_empty());
        found.iter().all(|sentences| sentences.len() <= 1)
    };
    // All are looked at together as long as the kernel tells of what was just made: the bridge gets an address when it has
    // a carrier, up to a second later.
    let mut tries = (0..10).map(|n| std::thread::sleep(Duration::from_millis(500 * n)));
    assert!(tries.any(|()| disturb()), "each in its own turn");
}

#[test]
fn a_stranger_on_the_bridge_goes() {
    let mut stage = Stage::new();
    let mut nl = Rtnl::open(&stage.network_ns()).unwrap();
    let bridge = nl.link("br0").unwrap().index;
    let end = |name| linux::netlink::VethEnd {
        name,
        mac: None,
        group: None,
    };
    let (near, far) = (end("tap00000000-00"), end("far"));
    let veth = linux::netlink::Veth {
        near,
        master: Some(bridge),
        far,
        far_netns: None,
        mtu: None,
    };
    nl.create_veth(&veth).unwrap();
    let found = stage.cloud.part.audit();
    assert!(
        found.iter().any(|sentence| sentence.contains("tap00000000-00")),
        "{found:?}"
    );
    stage.cloud.part.settle();
    assert!(nl.find_link("tap00000000-00").unwrap().is_none());
}

#[test]
fn a_servers_tap_is_handed_out_kept_and_taken_back() {
    let mut cloud = Cloud::new();
    let network = cloud.network(&["10.1.0.0/24"]);
    let open = cloud.group(network, all_out());
    let server = PortBinding::Server(ServerId(fresh()));
    let vm = cloud.vm_with(network, 10, &[open], |port| port.binding = server.clone());
    let attached = cloud.vm(network, 11, &[open]);
    cloud.apply();
    let ns = cloud.network_ns(network);
    let device = tap_device(vm.port);
    let link = || Rtnl::open(&ns).unwrap().link(&device).unwrap();
    assert_eq!(
        cloud.report().ports[&vm.port],
        PortReport::Down,
        "nothing is plugged in"
    );
    let first = link();
    assert_eq!((first.mtu, first.up, first.carrier), (1450, true, false));

    let fd = cloud.part.tap(vm.port).unwrap();
    assert!(link().carrier);
    assert_eq!(cloud.report().ports[&vm.port], PortReport::Up);
    assert!(cloud.part.tap(vm.port).is_err(), "one process at a time");
    assert!(cloud.part.tap(attached.port).is_err(), "not a server's");
    assert!(cloud.part.tap(model::PortId(fresh())).is_err());
    cloud.restart();
    cloud.apply();
    assert_eq!(
        (link().index, link().carrier),
        (first.index, true),
        "the same tap, still held"
    );
    assert_eq!(cloud.report().ports[&vm.port], PortReport::Up);

    drop(fd);
    // The kernel tells of carriers up to a second later.
    let deadline = Instant::now() + Duration::from_secs(10);
    while cloud.report().ports[&vm.port] != PortReport::Down {
        assert!(Instant::now() < deadline, "its process ended");
        std::thread::sleep(Duration::from_millis(10));
        assert_eq!(cloud.part.audit(), Vec::<String>::new());
    }
    drop(cloud.part.tap(vm.port).unwrap());
    assert_eq!(link().index, first.index, "the tap stays for the next process");

    // Removed and added again at once: the name is used anew.
    let port = cloud.config.networks[&network].ports[&vm.port].clone();
    cloud.edit(network, |n| n.ports.remove(&vm.port));
    cloud.apply();
    cloud.edit(network, |n| n.ports.insert(vm.port, port));
    cloud.apply();
    cloud.part.settle();
    assert_ne!(link().index, first.index);
    assert!(cloud.part.audit().is_empty());
}

#[test]
fn everything_goes_and_what_is_not_ours_stays() {
    let mut stage = Stage::new();
    let theirs = Cloud::new();
    // A namespace of another cloud on this machine, and one of a real OpenStack.
    let mut neighbour = Cloud::new();
    let other = neighbour.network(&["10.1.0.0/24"]);
    neighbour.apply();
    let openstack = network_namespace(NetworkId(fresh()));
    let unmarked = Netns::create(&openstack).unwrap();
    let mut host = Rtnl::open(&stage.cloud.host).unwrap();
    let bridge = linux::netlink::Bridge {
        name: "br-own",
        mac: None,
        mtu: None,
        multicast_snooping: true,
    };
    host.create_bridge(&bridge).unwrap();

    stage.cloud.restart(); // a purge by a program that knows nothing
    stage.cloud.part.purge();
    assert!(!Netns::exists(&network_namespace(stage.network)));
    assert!(!Netns::exists(&router_namespace(stage.router)));
    let names: Vec<String> = links(&stage.cloud.host).into_iter().map(|(_, name)| name).collect();
    assert_eq!(names, ["lo", "br-own"]);
    assert!(Netns::exists(&network_namespace(other)), "another cloud's");
    assert!(Netns::exists(&openstack), "nobody's we know");
    Netns::delete(&openstack).unwrap();
    drop((unmarked, theirs));

    // A bridge that a person made is used, and left.
    let public = stage.cloud.external("br-own", &["172.24.4.1/24"]);
    stage.cloud.config.routers = Default::default();
    stage.cloud.config.networks = Default::default();
    stage.cloud.config.externals = stage
        .cloud
        .config
        .externals
        .iter()
        .filter(|(id, _)| **id == public)
        .map(|(id, c)| (*id, c.clone()))
        .collect();
    stage.cloud.apply();
    let on_bridge = |address: &str| {
        let mut nl = Rtnl::open(&stage.cloud.host).unwrap();
        nl.addresses()
            .unwrap()
            .iter()
            .any(|a| a.net.addr() == address.parse::<IpAddr>().unwrap())
    };
    assert!(on_bridge("172.24.4.1"));
    stage.cloud.part.purge();
    assert!(
        Rtnl::open(&stage.cloud.host)
            .unwrap()
            .find_link("br-own")
            .unwrap()
            .is_some()
    );
}
