//! Questions by chance, and the real packets that answer them.

use std::fmt;
use std::mem::MaybeUninit;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use ipnet::IpNet;
use linux::Netns;
use model::reach::{Assumptions, End, Flow, Protocol, Start, Walk, walk};
use socket2::{Domain, SockAddr, Socket, Type};

use crate::config::{network_id, port_id, router_id};
use crate::network_common::probe::SILENCE;
use crate::network_common::{net, nth};
use crate::stage::Stage;
use crate::topology::*;

/// How long an answer may take that should come: TCP asks again after a second.
const PATIENCE: Duration = Duration::from_millis(2500);

/// Source ports and echo numbers: no two questions have the same.
static FRESH: AtomicU16 = AtomicU16::new(0);

/// Who asks, by tag.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Who {
    Port(usize, IpAddr),
    Router(usize),
    Network(usize),
    Host,
    Outside(IpAddr),
}

#[derive(Clone, Copy, Debug)]
pub struct Question {
    pub who: Who,
    pub destination: IpAddr,
    pub protocol: Protocol,
}

impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} asks {} by {:?}", self.who, self.destination, self.protocol)
    }
}

impl Question {
    /// A question by chance; none if who or whom the dice name can't be had.
    pub fn throw(dice: &mut Dice, topology: &Topology) -> Option<Self> {
        let who = who(dice, topology)?;
        let destination = whom(dice, topology)?;
        let protocol = match dice.below(3) {
            0 => Protocol::Icmp,
            1 if dice.chance(5) => Protocol::Tcp(9697),
            1 => Protocol::Tcp(*dice.pick(&TCP_PORTS)),
            _ => Protocol::Udp(*dice.pick(&UDP_PORTS)),
        };
        let v4 = match who {
            Who::Port(_, address) | Who::Outside(address) => address.is_ipv4(),
            _ => destination.is_ipv4(),
        };
        // Nobody tells the model what a machine has that it may not send from.
        let own = matches!(who, Who::Port(tag, _) if topology.ports.iter().any(|port| {
            port.tag == tag && topology.machine(port).iter().any(|part| part.more.contains(&destination))
        }));
        (v4 == destination.is_ipv4() && !own).then_some(Self {
            who,
            destination,
            protocol,
        })
    }

    pub fn flow(&self, stage: &Stage) -> Flow {
        let start = match self.who {
            Who::Port(tag, address) => Start::Port {
                id: port_id(tag),
                address,
            },
            Who::Router(tag) => Start::Router(router_id(tag)),
            Who::Network(tag) => Start::Network(network_id(tag)),
            Who::Host => Start::Host,
            Who::Outside(address) => Start::Outside {
                network: stage.external,
                address,
            },
        };
        Flow {
            start,
            destination: self.destination,
            protocol: self.protocol,
        }
    }

    /// What the model says.
    pub fn walk(&self, stage: &Stage) -> Walk {
        let assume = Assumptions {
            host_forwards: true,
            outsiders: BESIDE.iter().map(|address| net(address).addr()).collect(),
            ..Assumptions::default()
        };
        walk(&stage.cloud.config, &self.flow(stage), &assume)
    }

    /// Whether an answer is to come, by the model. Behind the host there is one machine only.
    pub fn expects(&self, walk: &Walk) -> bool {
        let world = WORLD.iter().any(|address| net(address).addr() == self.destination);
        walk.is_answered() && (walk.arrival != Some(End::Beyond) || world)
    }

    /// Whether an answer comes, really.
    pub fn is_answered(&self, stage: &Stage, expected: bool) -> bool {
        let start = self.flow(stage).start;
        let source = match start {
            Start::Port { address, .. } | Start::Outside { address, .. } => Some(address),
            _ => None,
        };
        passes(stage.place(start), source, self.destination, self.protocol, expected)
    }
}

/// Whether a packet is answered. `expected` only says how long to wait.
pub fn passes(ns: &Netns, source: Option<IpAddr>, to: IpAddr, protocol: Protocol, expected: bool) -> bool {
    let within = if expected { PATIENCE } else { SILENCE };
    match protocol {
        Protocol::Icmp => echoes(ns, source, to, within),
        Protocol::Tcp(port) => connects(ns, source, SocketAddr::new(to, port), within),
        Protocol::Udp(port) => answers(ns, source, SocketAddr::new(to, port), within),
        Protocol::Other(_) => panic!("no question is of that kind"),
    }
}

fn who(dice: &mut Dice, topology: &Topology) -> Option<Who> {
    let outside = |dice: &mut Dice, of: [&str; 2]| Who::Outside(net(of[dice.below(of.len())]).addr());
    Some(match dice.below(20) {
        0..12 => {
            let machines: Vec<&Port> = topology.ports.iter().filter(|port| port.plugged).collect();
            let port = machines.get(dice.below(machines.len()))?;
            let own: Vec<IpAddr> = port
                .fixed
                .iter()
                .map(IpNet::addr)
                .chain(port.more.iter().copied())
                .collect();
            Who::Port(port.tag, *dice.pick(&own))
        }
        12 | 13 => Who::Host,
        14 | 15 => outside(dice, BESIDE),
        16 | 17 => outside(dice, WORLD),
        18 => Who::Network(dice.pick(&topology.networks).tag),
        _ => {
            // One that is down answers itself or not, depending on the kernel.
            let up: Vec<&Router> = topology
                .routers
                .iter()
                .filter(|router| router.up && router.stands())
                .collect();
            Who::Router(up.get(dice.below(up.len()))?.tag)
        }
    })
}

impl Router {
    fn stands(&self) -> bool {
        !self.legs.is_empty() || !self.gateway.is_empty()
    }
}

fn whom(dice: &mut Dice, topology: &Topology) -> Option<IpAddr> {
    let one = |dice: &mut Dice, all: Vec<IpAddr>| all.get(dice.below(all.len())).copied();
    let floating = |router: &Router| -> Vec<IpAddr> {
        let own = router.floating.iter().map(|each| each.floating);
        own.chain(router.forwardings.iter().map(|each| each.floating))
            .map(IpAddr::V4)
            .collect()
    };
    match dice.below(20) {
        0..8 => {
            let ports = topology.ports.iter();
            one(dice, ports.flat_map(|port| &port.fixed).map(IpNet::addr).collect())
        }
        8..12 => one(dice, topology.routers.iter().flat_map(floating).collect()),
        // What a machine has besides. One without port security would answer to what nobody knows of.
        12 => {
            let known = topology
                .ports
                .iter()
                .filter(|port| port.secure || !port.pairs.is_empty());
            one(dice, known.flat_map(|port| port.more.iter().copied()).collect())
        }
        13 => {
            let own = topology.routers.iter().filter(|router| router.stands());
            let own = own.flat_map(|router| router.legs.iter().flat_map(|leg| &leg.addresses).chain(&router.gateway));
            one(dice, own.map(IpNet::addr).collect())
        }
        14 => {
            let served = topology
                .networks
                .iter()
                .flat_map(|network| &network.subnets)
                .filter(|subnet| subnet.dhcp);
            one(dice, served.map(|subnet| nth(subnet.cidr, 2).addr()).collect())
        }
        15 => Some(Ipv4Addr::new(169, 254, 169, 254).into()),
        16 => {
            let near = HOST.iter().chain(&BESIDE);
            one(dice, near.map(|address| net(address).addr()).collect())
        }
        17 | 18 => one(dice, WORLD.iter().map(|address| net(address).addr()).collect()),
        _ => {
            let subnets = topology.networks.iter().flat_map(|network| &network.subnets);
            let mut nobodys: Vec<IpAddr> = subnets.map(|subnet| nth(subnet.cidr, 77).addr()).collect();
            nobodys.extend(
                ["172.24.4.200", "2001:db8::200", "192.0.2.250", "10.99.0.1"]
                    .map(|text| text.parse::<IpAddr>().unwrap()),
            );
            one(dice, nobodys)
        }
    }
}

/// A number that no other question has: a source port, of those that Linux gives out, or an echo's.
fn number() -> u16 {
    33_000 + FRESH.fetch_add(1, Ordering::Relaxed) % 27_000
}

/// A socket that sends from an address, if one is told.
fn socket(ns: &Netns, source: Option<IpAddr>, like: IpAddr, (kind, protocol): (Type, u8), port: u16) -> Option<Socket> {
    let domain = if like.is_ipv4() { Domain::IPV4 } else { Domain::IPV6 };
    let open = || Socket::new(domain, kind, Some(i32::from(protocol).into()));
    let socket = ns.run(open).unwrap().unwrap();
    let any = if like.is_ipv4() { "0.0.0.0" } else { "::" }.parse().unwrap();
    // The address of a device that is down can't be had.
    socket.bind(&SocketAddr::new(source.unwrap_or(any), port).into()).ok()?;
    Some(socket)
}

fn connects(ns: &Netns, source: Option<IpAddr>, to: SocketAddr, within: Duration) -> bool {
    let socket = socket(ns, source, to.ip(), (Type::STREAM, TCP), number());
    socket.is_some_and(|socket| socket.connect_timeout(&to.into(), within).is_ok())
}

fn answers(ns: &Netns, source: Option<IpAddr>, to: SocketAddr, within: Duration) -> bool {
    let Some(socket) = socket(ns, source, to.ip(), (Type::DGRAM, UDP), number()) else {
        return false;
    };
    let asked = socket.connect(&to.into()).and_then(|()| socket.send(b"question"));
    socket.set_read_timeout(Some(within)).unwrap();
    asked.is_ok() && socket.recv(&mut [MaybeUninit::uninit(); 16]).is_ok()
}

/// Whether an echo comes back, and from who was asked.
fn echoes(ns: &Netns, source: Option<IpAddr>, to: IpAddr, within: Duration) -> bool {
    let (v4, id) = (to.is_ipv4(), number().to_be_bytes());
    let (protocol, kind, reply) = if v4 { (1, 8, 0) } else { (58, 128, 129) };
    let Some(socket) = socket(ns, source, to, (Type::RAW, protocol), 0) else {
        return false;
    };
    let mut message = vec![kind, 0, 0, 0, id[0], id[1], 0, 1];
    if v4 {
        let sum = linux::packet::checksum(&message);
        message[2..4].copy_from_slice(&sum.to_be_bytes());
    }
    if socket.send_to(&message, &SocketAddr::new(to, 0).into()).is_err() {
        return false;
    }
    let deadline = Instant::now() + within;
    while let Some(left) = deadline
        .checked_duration_since(Instant::now())
        .filter(|left| !left.is_zero())
    {
        socket.set_read_timeout(Some(left)).unwrap();
        let Some((seen, from)) = receive(&socket) else {
            continue;
        };
        let seen = if v4 {
            &seen[usize::from(seen[0] & 15) * 4..]
        } else {
            &seen[..]
        };
        let from = from.as_socket().map(|from| from.ip());
        if seen[0] == reply && seen[4..6] == id && from == Some(to) {
            return true;
        }
    }
    false
}

fn receive(socket: &Socket) -> Option<(Vec<u8>, SockAddr)> {
    let mut buffer = [MaybeUninit::uninit(); 2048];
    let (length, from) = socket.recv_from(&mut buffer).ok()?;
    // SAFETY: recv_from has filled the first `length` bytes.
    #[allow(unsafe_code)]
    let bytes = buffer[..length].iter().map(|byte| unsafe { byte.assume_init() });
    Some((bytes.collect(), from))
}
