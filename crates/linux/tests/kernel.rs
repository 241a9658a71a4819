//! Each verb against the real kernel, in fresh namespaces. Run as root.
#![allow(clippy::unwrap_used)]

use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use linux::conntrack::Conntrack;
use linux::netlink::{AddressFlags, Bridge, BridgePort, LinkChange, Monitor, Route, RouteKind, Rtnl, Veth, VethEnd};
use linux::nft::{Generation, Nft};
use linux::packet::{self, PacketSocket};
use linux::process::{Process, Spawn};
use linux::tap::{self, TapOptions};
use linux::{Error, Mac, Netns, sysctl};

/// A namespace with a name that no other test has; the name goes away with it.
struct Named {
    name: String,
    ns: Netns,
}

impl Named {
    fn new(what: &str) -> Self {
        let name = format!("marutest-{}-{what}", std::process::id());
        Self {
            ns: Netns::create(&name).unwrap(),
            name,
        }
    }
}

impl Drop for Named {
    fn drop(&mut self) {
        let _ = Netns::delete(&self.name);
    }
}

/// Two namespaces with a veth pair between them, 10.9.0.1/24 and 10.9.0.2/24.
fn pair() -> (Netns, Netns) {
    let (a, b) = (Netns::anonymous().unwrap(), Netns::anonymous().unwrap());
    let mut nl = Rtnl::open(&a).unwrap();
    let end = |name| VethEnd {
        name,
        mac: None,
        group: None,
    };
    let veth = Veth {
        near: end("va"),
        master: None,
        far: end("vb"),
        far_netns: Some(&b),
        mtu: Some(1400),
    };
    nl.create_veth(&veth).unwrap();
    for (ns, name, net) in [(&a, "va", "10.9.0.1/24"), (&b, "vb", "10.9.0.2/24")] {
        let mut nl = Rtnl::open(ns).unwrap();
        let index = nl.link(name).unwrap().index;
        nl.set_up(index).unwrap();
        nl.add_address(index, net.parse().unwrap(), AddressFlags::default())
            .unwrap();
    }
    (a, b)
}

#[test]
fn a_named_namespace_is_listed_and_its_name_can_be_lost_and_mounted_again() {
    let named = Named::new("again");
    assert!(Netns::list().unwrap().contains(&named.name));
    assert_eq!(Netns::id_of(&named.name), Some(named.ns.id()));
    assert!(Netns::create(&named.name).unwrap_err().is_already_exists());
    assert_ne!(Netns::current().unwrap().id(), named.ns.id());

    assert!(Netns::delete(&named.name).unwrap());
    assert!(!Netns::exists(&named.name));
    assert!(Netns::open(&named.name).unwrap_err().is_not_found());
    named.ns.remount(&named.name).unwrap();
    assert_eq!(Netns::id_of(&named.name), Some(named.ns.id()));

    // Somebody else makes a namespace of the same name: ours takes the name back.
    Netns::delete(&named.name).unwrap();
    let other = Netns::create(&named.name).unwrap();
    assert_ne!(other.id(), named.ns.id());
    named.ns.remount(&named.name).unwrap();
    assert_eq!(Netns::id_of(&named.name), Some(named.ns.id()));
}

#[test]
fn a_left_over_name_is_replaced_and_odd_names_are_refused() {
    let name = format!("marutest-{}-stale", std::process::id());
    std::fs::create_dir_all("/run/netns").unwrap();
    std::fs::write(format!("/run/netns/{name}"), "").unwrap();
    assert!(!Netns::exists(&name));
    let (_, made) = Netns::ensure(&name).unwrap();
    assert!(made);
    assert!(!Netns::delete_dead(&name).unwrap(), "it lives");
    Netns::delete(&name).unwrap();
    assert!(!Netns::delete(&name).unwrap());
    std::fs::write(format!("/run/netns/{name}"), "").unwrap();
    assert!(Netns::delete_dead(&name).unwrap());
    assert!(!Netns::delete_dead(&name).unwrap());
    for bad in ["", "..", "a/b"] {
        assert!(Netns::create(bad).is_err(), "{bad:?}");
    }
}

#[test]
fn a_closure_runs_inside_and_the_caller_stays_outside() {
    let before = Netns::current().unwrap().id();
    let ns = Netns::anonymous().unwrap();
    assert_eq!(ns.run(|| Netns::current().unwrap().id()).unwrap(), ns.id());
    assert_eq!(Netns::current().unwrap().id(), before);
    let panicked = std::panic::catch_unwind(|| ns.run(|| panic!("passed on")));
    assert!(panicked.is_err());
}

#[test]
fn a_veth_into_a_bridge_is_made_by_one_request_with_all_it_was_asked_for() {
    let (ns, other) = (Netns::anonymous().unwrap(), Netns::anonymous().unwrap());
    let mut nl = Rtnl::open(&ns).unwrap();
    let mac: Mac = "fa:16:3e:00:00:01".parse().unwrap();
    nl.create_bridge(&Bridge {
        name: "br0",
        mac: Some(mac),
        mtu: Some(1450),
        multicast_snooping: false,
    })
    .unwrap();
    let bridge = nl.link("br0").unwrap();
    assert_eq!(
        (bridge.kind.as_deref(), bridge.mac, bridge.mtu, bridge.up),
        (Some("bridge"), Some(mac), 1450, true)
    );
    let port_mac: Mac = "fa:16:3e:00:00:02".parse().unwrap();
    let near = VethEnd {
        name: "near",
        mac: None,
        group: Some(7),
    };
    let far = VethEnd {
        name: "far",
        mac: Some(port_mac),
        group: None,
    };
    let veth = Veth {
        near,
        master: Some(bridge.index),
        far,
        far_netns: Some(&other),
        mtu: Some(1450),
    };
    nl.create_veth(&veth).unwrap();
    let mut far_nl = Rtnl::open(&other).unwrap();
    let far_index = far_nl.link("far").unwrap().index;
    far_nl.set_up(far_index).unwrap();
    let near = nl.link("near").unwrap();
    assert_eq!(
        (near.master, near.up, near.mtu, near.group),
        (Some(bridge.index), true, 1450, 7)
    );
    assert!(near.peer_elsewhere && near.carrier);
    let far = Rtnl::open(&other).unwrap().link("far").unwrap();
    assert_eq!(
        (far.mac, far.up, far.mtu, far.index),
        (Some(port_mac), true, 1450, near.peer.unwrap())
    );

    assert!(nl.create_veth(&veth).unwrap_err().is_already_exists());
    assert!(nl.link("nothing").unwrap_err().is_not_found());
    assert_eq!(nl.find_link("nothing").unwrap(), None);
    nl.set_bridge_port(
        near.index,
        BridgePort {
            isolated: Some(true),
            ..Default::default()
        },
    )
    .unwrap();
    let change = LinkChange {
        alias: Some("port 1"),
        mtu: Some(1400),
        mac: Some(port_mac),
        ..Default::default()
    };
    nl.change_link(
        near.index,
        &LinkChange {
            master: Some(0),
            up: Some(false),
            ..change
        },
    )
    .unwrap();
    nl.change_link(
        near.index,
        &LinkChange {
            name: Some("renamed"),
            ..Default::default()
        },
    )
    .unwrap();
    let near = nl.link("renamed").unwrap();
    assert_eq!(
        (near.alias.as_deref(), near.mtu, near.mac, near.master, near.up),
        (Some("port 1"), 1400, Some(port_mac), None, false)
    );
    let isolated = ns.run(|| std::fs::read_to_string("/sys/class/net/renamed/brport/isolated"));
    assert!(isolated.is_ok());
    nl.set_netns(near.index, &other).unwrap();
    assert!(nl.find_link("renamed").unwrap().is_none());
    assert!(Rtnl::open(&other).unwrap().link("renamed").is_ok());
}

#[test]
fn links_are_deleted_by_group_and_deleting_twice_is_no_error() {
    let ns = Netns::anonymous().unwrap();
    let mut nl = Rtnl::open(&ns).unwrap();
    let mut indexes = Vec::new();
    for n in 0..5 {
        let (near, far) = (format!("n{n}"), format!("f{n}"));
        let end = |name| VethEnd {
            name,
            mac: None,
            group: None,
        };
        nl.create_veth(&Veth {
            near: end(&near),
            master: None,
            far: end(&far),
            far_netns: None,
            mtu: None,
        })
        .unwrap();
        indexes.push(nl.link(&near).unwrap().index);
    }
    assert_eq!(nl.links().unwrap().len(), 11);
    nl.set_group(&indexes[..4], 99).unwrap();
    assert!(nl.delete_group(99).unwrap());
    assert_eq!(nl.links().unwrap().len(), 3);
    assert!(!nl.delete_group(99).unwrap());
    assert!(nl.delete_link(indexes[4]).unwrap());
    assert!(!nl.delete_link(indexes[4]).unwrap());
}

#[test]
fn addresses_routes_and_neighbours_of_both_families() {
    let (a, _b) = pair();
    let mut nl = Rtnl::open(&a).unwrap();
    let link = nl.link("va").unwrap().index;
    let no_dad = AddressFlags {
        no_dad: true,
        no_prefix_route: false,
    };
    let net6 = "2001:db8::1/64".parse().unwrap();
    assert!(nl.ensure_address(link, net6, no_dad).unwrap());
    assert!(!nl.ensure_address(link, net6, no_dad).unwrap());
    let found = nl.addresses().unwrap().into_iter().find(|x| x.net == net6).unwrap();
    assert!(!found.tentative);
    nl.add_address(
        link,
        "10.8.0.1/24".parse().unwrap(),
        AddressFlags {
            no_prefix_route: true,
            no_dad: false,
        },
    )
    .unwrap();
    assert!(
        !nl.routes()
            .unwrap()
            .iter()
            .any(|r| r.destination.to_string() == "10.8.0.0/24")
    );
    assert!(nl.delete_address(link, "10.8.0.1/24".parse().unwrap()).unwrap());
    assert!(!nl.delete_address(link, "10.8.0.1/24".parse().unwrap()).unwrap());

    let default = Route::via("0.0.0.0/0".parse().unwrap(), "10.9.0.2".parse().unwrap(), None);
    nl.add_route(&default).unwrap();
    assert!(nl.add_route(&default).unwrap_err().is_already_exists());
    let other = Route::via("0.0.0.0/0".parse().unwrap(), "10.9.0.3".parse().unwrap(), None);
    nl.replace_route(&other).unwrap();
    let routes = nl.routes().unwrap();
    let gateways: Vec<_> = routes.iter().filter_map(|r| r.gateway).collect();
    assert_eq!(gateways, ["10.9.0.3".parse::<IpAddr>().unwrap()]);
    let onlink = Route {
        onlink: true,
        ..Route::via("10.7.0.0/16".parse().unwrap(), "192.0.2.1".parse().unwrap(), Some(link))
    };
    nl.add_route(&onlink).unwrap();
    assert!(
        nl.routes()
            .unwrap()
            .iter()
            .any(|r| r.destination == onlink.destination && r.onlink)
    );
    let direct = Route::on("2001:db8:1::/64".parse().unwrap(), link);
    nl.add_route(&direct).unwrap();
    let hole = Route {
        kind: RouteKind::Blackhole,
        link: None,
        ..Route::on("10.6.0.0/16".parse().unwrap(), 0)
    };
    nl.add_route(&hole).unwrap();
    assert!(nl.routes().unwrap().iter().any(|r| r.kind == RouteKind::Blackhole));
    for route in [&other, &onlink, &direct, &hole] {
        assert!(nl.delete_route(route).unwrap(), "{route:?}");
        assert!(!nl.delete_route(route).unwrap(), "{route:?}");
    }
    let unreachable = Route::via("10.5.0.0/16".parse().unwrap(), "198.51.100.1".parse().unwrap(), None);
    assert!(nl.add_route(&unreachable).is_err());

    let mac: Mac = "fa:16:3e:00:00:09".parse().unwrap();
    for address in ["10.9.0.9", "2001:db8::9"] {
        let address = address.parse().unwrap();
        nl.set_neighbour(link, address, mac).unwrap();
        let all = nl.neighbours().unwrap();
        assert!(
            all.iter()
                .any(|n| n.address == address && n.mac == Some(mac) && n.permanent)
        );
        assert!(nl.delete_neighbour(link, address).unwrap());
        assert!(!nl.delete_neighbour(link, address).unwrap());
    }
}

#[test]
fn a_listing_of_many_links_is_complete() {
    let ns = Netns::anonymous().unwrap();
    let mut nl = Rtnl::open(&ns).unwrap();
    for n in 0..150 {
        let name = format!("bridge-{n:03}");
        nl.create_bridge(&Bridge {
            name: &name,
            mac: None,
            mtu: None,
            multicast_snooping: true,
        })
        .unwrap();
    }
    assert_eq!(nl.links().unwrap().len(), 151);
}

#[test]
fn a_ruleset_is_loaded_in_its_namespace_from_any_thread() {
    let (ns, other) = (Netns::anonymous().unwrap(), Netns::anonymous().unwrap());
    let nft = Nft::open(&ns).unwrap();
    let other = Nft::open(&other).unwrap();
    let mut generation = Generation::open(&ns).unwrap();
    let first = generation.read().unwrap();
    nft.run("table bridge t { set s { type ether_addr; elements = { fa:16:3e:00:00:01 }; }; }")
        .unwrap();
    assert_ne!(generation.read().unwrap(), first);
    // libnftables cannot use descriptors above 1023: that there are so many must not matter.
    let many: Vec<_> = (0..1100).map(|_| std::fs::File::open("/dev/null").unwrap()).collect();
    let nft = std::thread::spawn(move || {
        nft.run("add element bridge t s { fa:16:3e:00:00:02 }").unwrap();
        nft
    })
    .join()
    .unwrap();
    assert!(
        many.iter().all(|file| file.metadata().is_ok()),
        "our own are still open"
    );
    let text = nft.list().unwrap();
    assert!(text.contains("fa:16:3e:00:00:02"), "{text}");
    assert_eq!(other.list().unwrap(), "");
    let nft = Nft::open(&ns).unwrap();
    nft.run("add chain bridge t c; add rule bridge t c counter drop")
        .unwrap();
    assert!(nft.list().unwrap().contains("counter drop"), "without what it counted");
    assert!(nft.list_counted().unwrap().contains("counter packets 0 bytes 0 drop"));
}

#[test]
fn a_wrong_ruleset_changes_nothing_and_says_why() {
    let ns = Netns::anonymous().unwrap();
    let nft = Nft::open(&ns).unwrap();
    let mut generation = Generation::open(&ns).unwrap();
    let before = generation.read().unwrap();
    let error = nft
        .run("table ip t { chain c { }; }\nadd rule ip t c bogus\n")
        .unwrap_err();
    assert!(
        matches!(&error, Error::Nft { message } if message.contains("syntax error")),
        "{error}"
    );
    assert!(nft.run("add element ip t nothing { 1 }").is_err());
    assert!(nft.run("zero\0byte").is_err());
    assert_eq!((nft.list().unwrap().as_str(), generation.read().unwrap()), ("", before));
}

#[test]
fn settings_belong_to_the_namespace_they_are_written_in() {
    let (a, b) = (Netns::anonymous().unwrap(), Netns::anonymous().unwrap());
    sysctl::write(
        &a,
        &[("net/ipv4/ip_forward", "1"), ("net/ipv6/conf/all/forwarding", "1")],
    )
    .unwrap();
    assert_eq!(sysctl::read(&a, "net/ipv4/ip_forward").unwrap(), "1");
    assert_eq!(sysctl::read(&b, "net/ipv4/ip_forward").unwrap(), "0");
    assert!(
        sysctl::read(&a, "net/ipv4/conf/nothing/forwarding")
            .unwrap_err()
            .is_not_found()
    );
    assert!(sysctl::write(&a, &[("net/ipv4/ip_forward", "many")]).is_err());
}

#[test]
fn a_tap_lives_with_its_descriptor_and_can_be_given_back_to_it() {
    let ns = Netns::anonymous().unwrap();
    let mut nl = Rtnl::open(&ns).unwrap();
    let fd = tap::open(&ns, "tap0", TapOptions::default()).unwrap();
    let link = nl.link("tap0").unwrap();
    assert_eq!(link.kind.as_deref(), Some("tun"));
    assert!(tap::open(&ns, "tap0", TapOptions::default()).is_err(), "in use");
    nl.delete_link(link.index).unwrap();
    tap::attach(&fd, "tap0").unwrap(); // from a thread outside: it is made where it was first
    assert!(nl.find_link("tap0").unwrap().is_some());
    drop(fd);
    assert!(nl.find_link("tap0").unwrap().is_none());

    drop(
        tap::open(
            &ns,
            "tap1",
            TapOptions {
                persist: true,
                owner: Some(65534),
            },
        )
        .unwrap(),
    );
    assert!(nl.find_link("tap1").unwrap().is_some());
    assert!(tap::open(&ns, "a-name-that-is-too-long", TapOptions::default()).is_err());
}

#[test]
fn flows_are_listed_marked_and_forgotten() {
    let (a, b) = pair();
    Nft::open(&a)
        .unwrap()
        .run("table ip t { chain c { type filter hook output priority 0; ct state new accept; }; }")
        .unwrap();
    let listener = b.run(|| TcpListener::bind("10.9.0.2:7000")).unwrap().unwrap();
    let _client = a.run(|| TcpStream::connect("10.9.0.2:7000")).unwrap().unwrap();
    let _server = listener.accept().unwrap();
    let udp = a.run(|| UdpSocket::bind("10.9.0.1:0")).unwrap().unwrap();
    udp.send_to(b"x", "10.9.0.2:9").unwrap();

    let mut ct = Conntrack::open(&a).unwrap();
    let to_b = |f: &linux::conntrack::Flow| f.original.destination == Ipv4Addr::new(10, 9, 0, 2);
    let flows = ct.flows(to_b).unwrap();
    assert_eq!(flows.len(), 2);
    let tcp = flows.iter().find(|f| f.original.protocol == 6).unwrap();
    assert_eq!(
        (tcp.original.destination_port, tcp.reply.source_port, tcp.mark),
        (Some(7000), Some(7000), 0)
    );
    assert_eq!(ct.set_mark(&flows, 1).unwrap(), 2);
    assert_eq!(ct.flows(|f| f.mark == 1).unwrap().len(), 2);
    assert_eq!(ct.set_mark(std::slice::from_ref(tcp), 0).unwrap(), 1);
    assert_eq!(ct.flows(|f| f.mark == 1).unwrap().len(), 1);
    assert_eq!(ct.delete(&flows).unwrap(), 2);
    assert_eq!(ct.delete(&flows).unwrap(), 0);
    assert_eq!(ct.flows(to_b).unwrap().len(), 0);
    assert_eq!(Conntrack::open(&b).unwrap().flows(|_| true).unwrap().len(), 0);
}

#[test]
fn an_announcement_moves_the_neighbours_entry() {
    let (a, b) = pair();
    let frames = PacketSocket::open(&b, "vb", packet::ALL).unwrap();
    let mac: Mac = "fa:16:3e:00:00:77".parse().unwrap();
    packet::announce(&a, "va", mac, "10.9.0.1".parse().unwrap()).unwrap();
    packet::announce(&a, "va", mac, "2001:db8::1".parse().unwrap()).unwrap();
    let mut seen = Vec::new();
    let deadline = Instant::now() + Duration::from_secs(5);
    while seen.len() < 2 && Instant::now() < deadline {
        let frame = frames.receive(Duration::from_secs(1)).unwrap();
        seen.extend(
            frame
                .filter(|f| f[6..12] == mac.0)
                .map(|f| u16::from_be_bytes([f[12], f[13]])),
        );
    }
    assert_eq!(seen, [packet::ARP, packet::IPV6]);
    assert!(frames.receive(Duration::ZERO).is_ok());
}

#[test]
fn a_started_process_has_what_it_was_given_and_is_found_again() {
    let directory = tempfile::tempdir().unwrap();
    let output = directory.path().join("out");
    let mut inherited = tempfile::tempfile().unwrap();
    inherited.write_all(b"kept").unwrap();
    let mut spawn = Spawn::new("/bin/sh", ["-c".to_owned()]);
    let number = spawn.inherit(inherited.into());
    spawn.arg(format!("echo uid=$(id -u) groups=$(id -G) sid=$(ps -o sid= -p $$) fd=$(readlink /proc/self/fd/{number} | wc -l); exec sleep 60"));
    spawn
        .user(65534, 65534)
        .directory("/")
        .output(std::fs::File::create(&output).unwrap());
    let process = spawn.start().unwrap();
    let id = process.id();
    let deadline = Instant::now() + Duration::from_secs(20);
    let text = loop {
        let text = std::fs::read_to_string(&output).unwrap();
        if text.ends_with('\n') || Instant::now() > deadline {
            break text;
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    assert!(text.starts_with("uid=65534 groups=65534"), "{text}");
    assert!(
        text.contains(&format!("sid={}", id.pid)) || text.contains(&format!("sid= {}", id.pid)),
        "{text}"
    );
    assert!(text.trim_end().ends_with("fd=1"), "{text}");
    while process.command_line().unwrap() != ["sleep", "60"] && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(process.command_line().unwrap(), ["sleep", "60"]);
    assert!(Process::find(id).unwrap().is_some());
    let stranger = linux::process::ProcessId {
        start_time: id.start_time + 1,
        ..id
    };
    assert!(Process::find(stranger).unwrap().is_none());
    assert!(process.is_running());
    assert!(!process.wait(Duration::from_millis(1)).unwrap());
    assert!(process.kill().unwrap());
    assert!(process.wait(Duration::from_secs(20)).unwrap());
    assert!(Process::find(id).unwrap().is_none(), "reaped");
    assert!(!process.kill().unwrap());
    assert!(Spawn::new("/no/such/program", []).start().unwrap_err().is_not_found());
}

#[test]
fn a_tap_is_copied_out_of_the_process_that_holds_it() {
    let ns = Netns::anonymous().unwrap();
    let fd = tap::open(&ns, "held0", TapOptions::default()).unwrap();
    let mut spawn = Spawn::new("/bin/sleep", ["60".to_owned()]);
    spawn.inherit(fd);
    let process = spawn.start().unwrap();
    let copy = process.tap("held0").unwrap().unwrap();
    assert!(process.tap("other").unwrap().is_none());
    process.kill().unwrap();
    process.wait(Duration::from_secs(20)).unwrap();
    let mut nl = Rtnl::open(&ns).unwrap();
    assert!(nl.find_link("held0").unwrap().is_some(), "the copy keeps it");
    assert!(copy.as_fd().try_clone_to_owned().is_ok());
    drop(copy);
    assert!(nl.find_link("held0").unwrap().is_none());
}

#[test]
fn a_control_group_holds_its_processes_and_ends_them_all() {
    let group = match linux::cgroup::Cgroup::create(&format!("marutest-{}/one", std::process::id())) {
        Ok(group) => group,
        Err(Error::Unavailable { .. }) => return, // a host without version 2 says so
        Err(error) => panic!("{error}"),
    };
    let limits = linux::cgroup::Limits {
        memory_bytes: Some(64 << 20),
        threads: Some(10),
        ..Default::default()
    };
    for controller in group.limit(&limits).unwrap() {
        assert!(["memory", "pids"].contains(&controller));
    }
    let mut spawn = Spawn::new("/bin/sleep", ["60".to_owned()]);
    spawn.cgroup(group.clone()).user(65534, 65534);
    let process = spawn.start().unwrap();
    assert_eq!(group.processes().unwrap(), [process.id().pid]);
    let _ = group.usage();
    group.kill().unwrap();
    assert!(process.wait(Duration::from_secs(20)).unwrap());
    assert!(group.remove().unwrap());
    assert!(!group.remove().unwrap());
    std::fs::remove_dir(group.path().parent().unwrap()).unwrap();
}

#[test]
fn the_host_tells_what_it_has() {
    let facts = linux::host::facts().unwrap();
    assert!(facts.cpus >= 1 && facts.memory_bytes >= facts.memory_available_bytes);
    assert!(facts.memory_available_bytes > 0 && !facts.kernel.is_empty());
    assert!(linux::host::disk(std::path::Path::new("/")).unwrap().total_bytes > 0);
    let names = Netns::list().unwrap();
    let can = linux::host::capabilities().unwrap();
    assert_eq!(can.nftables, Ok(()));
    assert!(can.br_netfilter && can.tap);
    assert_eq!(can.programs, Ok(()));
    assert!(
        Netns::list().unwrap().iter().filter(|n| n.starts_with("probe")).count() == 0,
        "{names:?}"
    );
}

#[test]
fn sockets_made_inside_serve_from_outside() {
    let (a, b) = pair();
    let server = b.run(|| UdpSocket::bind("10.9.0.2:5000")).unwrap().unwrap();
    let client = a.run(|| UdpSocket::bind("10.9.0.1:0")).unwrap().unwrap();
    server.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    client
        .send_to(b"hello", "10.9.0.2:5000".parse::<SocketAddr>().unwrap())
        .unwrap();
    let mut buffer = [0; 16];
    assert_eq!(server.recv_from(&mut buffer).unwrap().0, 5);
}

#[test]
fn the_limit_of_descriptors_is_raised_to_what_is_allowed() {
    let limit = linux::process::raise_descriptor_limit().unwrap();
    let text = std::fs::read_to_string("/proc/self/limits").unwrap();
    let line = text.lines().find(|line| line.starts_with("Max open files")).unwrap();
    let soft: u64 = line.split_ascii_whitespace().nth(3).unwrap().parse().unwrap();
    assert_eq!(soft, limit);
}

#[test]
fn what_happens_in_a_namespace_is_told_before_it_is_acknowledged() {
    // Nothing but the loopback device: what has a carrier gets words of it up to a second later, by itself.
    let a = Netns::anonymous().unwrap();
    let mut nl = Rtnl::open(&a).unwrap();
    let mut monitor = Monitor::open(&a, true).unwrap();
    assert!(monitor.look().unwrap().is_none());
    let bridge = Bridge {
        name: "br0",
        mac: None,
        mtu: Some(1400),
        multicast_snooping: false,
    };
    nl.create_bridge(&bridge).unwrap();
    let index = nl.link("br0").unwrap().index;
    let news = monitor.look().unwrap();
    let told = news.links["br0"].as_ref().unwrap();
    assert_eq!((told.index, told.mtu, told.up), (index, 1400, true));

    nl.add_address(index, "10.8.0.1/24".parse().unwrap(), AddressFlags::default())
        .unwrap();
    assert!(monitor.look().unwrap().more, "an address");
    nl.delete_link(index).unwrap();
    assert_eq!(monitor.look().unwrap().links["br0"], None, "it is gone");

    // More than a socket's queue holds: what is lost is not passed over in silence.
    let loopback = nl.link("lo").unwrap().index;
    let mut changes = |count: u32| {
        for n in 0..count {
            let change = LinkChange {
                mtu: Some(1400 + n % 2),
                ..LinkChange::default()
            };
            nl.change_link(loopback, &change).unwrap();
        }
    };
    changes(500);
    let news = monitor.look().unwrap();
    assert!(news.links.contains_key("lo") && !news.more, "that many it holds");
    changes(5000);
    assert!(monitor.look().unwrap().more);
    assert!(monitor.look().unwrap().is_none());
}

#[test]
fn huge_pages_are_asked_for() {
    let mut memory = Vec::<u64>::with_capacity(1 << 20);
    linux::process::use_huge_pages(memory.spare_capacity_mut());
    linux::process::use_huge_pages(&mut [std::mem::MaybeUninit::<u8>::uninit(); 3]);
    let middle = memory.as_ptr() as usize + (4 << 20);
    let text = std::fs::read_to_string("/proc/self/smaps").unwrap();
    let mut inside = false;
    for line in text.lines() {
        let range = line.split_once(' ').and_then(|(range, _)| range.split_once('-'));
        let hex = |text| usize::from_str_radix(text, 16).ok();
        if let Some((Some(from), Some(to))) = range.map(|(from, to)| (hex(from), hex(to))) {
            inside = (from..to).contains(&middle);
        }
        if let Some(flags) = line.strip_prefix("VmFlags:").filter(|_| inside) {
            assert!(flags.split_whitespace().any(|flag| flag == "hg"), "{flags}");
            return;
        }
    }
    panic!("the memory is in no mapping:\n{text}");
}
