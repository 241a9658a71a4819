//! Machines of a cloud by chance, beside it and behind it, and what answers in them.

use std::collections::BTreeSet;
use std::net::{IpAddr, TcpListener, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use ipnet::IpNet;
use linux::netlink::{AddressFlags, Route as KernelRoute, Rtnl, Veth, VethEnd};
use linux::{Netns, sysctl};

use crate::config::{ifname, network_id, port_id};
use crate::network_common::switch::{Switch, interface};
use crate::network_common::{Cloud, net, nth};
use crate::plug::Machine;
use crate::topology::*;

/// What a machine must not do by itself: forward, be told routes by neighbours, drop what comes by another way than it
/// would answer; ask for neighbours under an address of another link, which the guard there drops, so that all that waits for
/// the neighbour is lost with it.
pub const QUIET: [(&str, &str); 11] = [
    ("net/ipv4/conf/all/arp_announce", "2"),
    ("net/ipv4/conf/all/arp_ignore", "1"),
    ("net/ipv4/ip_forward", "0"),
    ("net/ipv4/conf/all/rp_filter", "0"),
    ("net/ipv4/conf/default/rp_filter", "0"),
    ("net/ipv4/conf/all/accept_redirects", "0"),
    ("net/ipv4/conf/default/accept_redirects", "0"),
    ("net/ipv6/conf/all/accept_redirects", "0"),
    ("net/ipv6/conf/default/accept_redirects", "0"),
    ("net/ipv6/conf/all/accept_ra", "0"),
    ("net/ipv6/conf/default/accept_ra", "0"),
];

/// Gives the machine of a port what a guest's VLANs are.
pub fn join(cloud: &mut Cloud, topology: &Topology, parent: &Port, ns: &Netns) -> Switch {
    let tap = cloud.part.tap(port_id(parent.tag)).unwrap();
    let interfaces = topology.machine(parent).into_iter().map(|port| {
        let vlan = match port.of {
            Machine::Vlan(_, vlan) => vlan,
            _ => 0,
        };
        let mac = cloud.config.networks[&network_id(port.network)].ports[&port_id(port.tag)].mac;
        (vlan, interface(ns, &ifname(topology, port), mac, &port.fixed))
    });
    Switch::start(tap, interfaces.collect())
}

/// Gives a machine the routes that DHCP (or whoever sets it up) tells it by each of its ports, and its further addresses.
pub fn set_up_machine(topology: &Topology, first: &Port, ns: &Netns) {
    let mut nl = Rtnl::open(ns).unwrap();
    for route in nl.routes().unwrap() {
        if route.gateway.is_some() && !route.by_kernel {
            nl.delete_route(&route).unwrap();
        }
    }
    for port in topology.machine(first) {
        let link = nl.link(&ifname(topology, port)).unwrap().index;
        set_up_nic(topology, port, &mut nl, link);
    }
}

fn set_up_nic(topology: &Topology, port: &Port, nl: &mut Rtnl, link: u32) {
    let network = topology
        .networks
        .iter()
        .find(|network| network.tag == port.network)
        .unwrap();
    for v4 in [true, false] {
        let first = port.fixed.iter().find(|net| net.addr().is_ipv4() == v4);
        let subnet = first.and_then(|net| network.subnets.iter().find(|subnet| subnet.cidr == net.trunc()));
        let Some(subnet) = subnet else { continue };
        let mut routes = subnet.host_routes.clone();
        if v4 && subnet.dhcp {
            routes.push((net("169.254.169.254/32"), nth(subnet.cidr, 2).addr()));
            for other in network.subnets.iter().filter(|other| other.cidr.addr().is_ipv4()) {
                let _ = nl.add_route(&KernelRoute::on(other.cidr, link));
            }
        }
        let any = if v4 { net("0.0.0.0/0") } else { net("::/0") };
        routes.extend(subnet.gateway.map(|gateway| (any, gateway)));
        // The first one told to somewhere is taken, even where the kernel refuses it: its next hop may be nowhere.
        let mut told = BTreeSet::new();
        for (destination, nexthop) in routes {
            if told.insert(destination) {
                let _ = nl.add_route(&KernelRoute::via(destination, nexthop, Some(link)));
            }
        }
    }
    add_addresses(nl, link, port.more.iter().map(|address| IpNet::from(*address)));
}

fn add_addresses(nl: &mut Rtnl, link: u32, addresses: impl Iterator<Item = IpNet>) {
    let flags = AddressFlags {
        no_dad: true,
        ..AddressFlags::default()
    };
    for address in addresses {
        nl.add_address(link, address, flags).unwrap();
    }
}

/// A machine beside the host on the provider network, or one behind it. Either sends everything else to the host.
pub fn outsider(cloud: &mut Cloud, addresses: [&str; 2], beside: bool) -> Netns {
    let (_, ns) = cloud.place();
    sysctl::write(&ns, &QUIET).unwrap();
    let mut host = Rtnl::open(&cloud.host).unwrap();
    let near = if beside { "beside" } else { "uplink" };
    let end = |name| VethEnd {
        name,
        mac: None,
        group: None,
    };
    let veth = Veth {
        near: end(near),
        master: beside.then(|| host.link("br-ex").unwrap().index),
        far: end("eth0"),
        far_netns: Some(&ns),
        mtu: None,
    };
    host.create_veth(&veth).unwrap();
    if !beside {
        let link = host.link(near).unwrap().index;
        host.set_up(link).unwrap();
        add_addresses(&mut host, link, UPLINK.iter().map(|address| net(address)));
    }
    let mut nl = Rtnl::open(&ns).unwrap();
    let link = nl.link("eth0").unwrap().index;
    nl.set_up(link).unwrap();
    add_addresses(&mut nl, link, addresses.iter().map(|address| net(address)));
    let gateways = if beside { HOST } else { UPLINK };
    for (any, gateway) in ["0.0.0.0/0", "::/0"].iter().zip(gateways) {
        nl.add_route(&KernelRoute::via(net(any), net(gateway).addr(), Some(link)))
            .unwrap();
    }
    ns
}

pub fn listeners(ns: &Netns) -> Vec<TcpListener> {
    let open = || {
        let ports = TCP_PORTS.iter().chain(&[9697]);
        ports.map(|port| TcpListener::bind(("::", *port)).unwrap()).collect()
    };
    ns.run(open).unwrap()
}

/// Sockets that answer from the very address that was asked. An address of a device that is down can't be had.
pub fn echo_sockets(ns: &Netns, address: IpAddr) -> Vec<UdpSocket> {
    let open = || {
        UDP_PORTS
            .iter()
            .filter_map(|port| UdpSocket::bind((address, *port)).ok())
            .collect()
    };
    ns.run(open).unwrap()
}

/// Sends every datagram back, as long as it lives.
#[derive(Default)]
pub struct Echo {
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Echo {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

impl Echo {
    pub fn start(sockets: Vec<UdpSocket>) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&over);
        sockets.iter().for_each(|socket| socket.set_nonblocking(true).unwrap());
        let thread = std::thread::spawn(move || {
            while !told.load(Ordering::Relaxed) {
                send_back(&sockets);
            }
        });
        Self {
            over,
            thread: Some(thread),
        }
    }
}

/// Waits for datagrams for a moment, and sends them back.
fn send_back(sockets: &[UdpSocket]) {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let mut waiting: Vec<PollFd<'_>> = sockets
        .iter()
        .map(|socket| PollFd::new(socket, PollFlags::IN))
        .collect();
    let pause = Timespec {
        tv_sec: 0,
        tv_nsec: 50_000_000,
    };
    if poll(&mut waiting, Some(&pause)).unwrap_or(0) == 0 {
        return;
    }
    let mut buffer = [0; 64];
    for (socket, _) in sockets
        .iter()
        .zip(&waiting)
        .filter(|(_, each)| !each.revents().is_empty())
    {
        while let Ok((length, peer)) = socket.recv_from(&mut buffer) {
            let _ = socket.send_to(&buffer[..length], peer);
        }
    }
}
