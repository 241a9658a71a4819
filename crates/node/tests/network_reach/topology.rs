//! Clouds by chance: small ones, in which everything that may stand in a packet's way occurs.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use model::host::{Direction, EtherType, ProtocolMatch};

use crate::network_common::{net, nth, ports};
use crate::plug::{Machine, share};

/// Numbers from a seed (SplitMix64): the same ones again from the same seed.
pub struct Dice(pub u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below a limit.
    pub fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit.max(1) as u64) as usize
    }

    /// True so many times of a hundred.
    pub fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    /// One of several.
    pub fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }
}

#[derive(Clone, Debug, Default)]
pub struct Topology {
    pub networks: Vec<Network>,
    pub routers: Vec<Router>,
    pub groups: Vec<Group>,
    pub ports: Vec<Port>,
}

/// Everything has a tag, by which others name it: it stays when something else is taken away.
#[derive(Clone, Debug)]
pub struct Network {
    pub tag: usize,
    pub subnets: Vec<Subnet>,
}

#[derive(Clone, Debug)]
pub struct Subnet {
    pub cidr: IpNet,
    pub gateway: Option<IpAddr>,
    /// The second address is the services' if so.
    pub dhcp: bool,
    pub host_routes: Vec<(IpNet, IpAddr)>,
}

#[derive(Clone, Debug)]
pub struct Router {
    pub tag: usize,
    pub up: bool,
    pub gateway: Vec<IpNet>,
    pub snat: bool,
    pub legs: Vec<Leg>,
    pub floating: Vec<Floating>,
    pub forwardings: Vec<Forwarding>,
    pub routes: Vec<(IpNet, IpAddr)>,
    pub proxies: Option<Vec<Ipv6Addr>>,
    pub scope: Scope,
}

/// Address scopes, IPv4's and IPv6's.
pub type Scope = (Option<u8>, Option<u8>);

#[derive(Clone, Debug)]
pub struct Leg {
    pub network: usize,
    pub addresses: Vec<IpNet>,
    pub up: bool,
    pub scope: Scope,
}

#[derive(Clone, Debug)]
pub struct Floating {
    pub floating: Ipv4Addr,
    pub fixed: Ipv4Addr,
    pub port: usize,
}

#[derive(Clone, Debug)]
pub struct Forwarding {
    pub floating: Ipv4Addr,
    pub protocol: u8,
    pub external: (u16, u16),
    pub fixed: Ipv4Addr,
    pub internal: (u16, u16),
}

#[derive(Clone, Debug)]
pub struct Group {
    pub tag: usize,
    pub stateless: bool,
    pub rules: Vec<Rule>,
}

#[derive(Clone, Debug)]
pub struct Rule {
    pub direction: Direction,
    pub ethertype: EtherType,
    pub protocol: ProtocolMatch,
    pub remote: Remote,
}

#[derive(Clone, Debug)]
pub enum Remote {
    Any,
    Prefix(IpNet),
    Group(usize),
}

#[derive(Clone, Debug)]
pub struct Port {
    pub tag: usize,
    pub network: usize,
    pub fixed: Vec<IpNet>,
    /// Whether there is a machine; if not, it is a server's that is off.
    pub plugged: bool,
    /// Of which machine it is.
    pub of: Machine,
    pub up: bool,
    pub secure: bool,
    pub groups: Vec<usize>,
    /// Allowed address pairs, with the port's own MAC.
    pub pairs: Vec<IpNet>,
    /// Further addresses that the machine has: allowed by the pairs, or by nothing.
    pub more: Vec<IpAddr>,
}

pub const TCP: u8 = 6;
pub const UDP: u8 = 17;
/// Where machines listen.
pub const TCP_PORTS: [u16; 4] = [22, 80, 8080, 2222];
pub const UDP_PORTS: [u16; 3] = [53, 5000, 5353];
/// What the host has on the provider network, and a machine beside it.
pub const HOST: [&str; 2] = ["172.24.4.1/24", "2001:db8::1/64"];
pub const BESIDE: [&str; 2] = ["172.24.4.99/24", "2001:db8::99/64"];
/// A link behind the host, and a machine there.
pub const UPLINK: [&str; 2] = ["198.51.100.254/24", "2001:db8:ffff::254/64"];
pub const WORLD: [&str; 2] = ["198.51.100.1/24", "2001:db8:ffff::1/64"];

/// A cloud by chance.
pub fn generate(dice: &mut Dice) -> Topology {
    let mut topology = Topology::default();
    for tag in 0..1 + dice.below(3) {
        let network = network(dice, tag);
        topology.networks.push(network);
    }
    for tag in 0..dice.below(3) {
        let router = router(dice, &topology, tag);
        topology.routers.push(router);
    }
    for tag in 0..1 + dice.below(4) {
        let group = group(dice, &topology, tag);
        topology.groups.push(group);
    }
    for tag in 0..2 + dice.below(5) {
        let port = port(dice, &topology, tag);
        topology.ports.push(port);
    }
    share(dice, &mut topology);
    for index in 0..topology.routers.len() {
        add_floating(dice, &mut topology, index);
        add_routes(dice, &mut topology, index);
    }
    add_host_routes(dice, &mut topology);
    topology
}

fn network(dice: &mut Dice, tag: usize) -> Network {
    // Two tenants may have the same addresses.
    let number = if tag > 0 && dice.chance(15) { tag } else { tag + 1 };
    let mut cidrs = Vec::new();
    if dice.chance(92) {
        cidrs.push(format!("10.{number}.0.0/24"));
    }
    if dice.chance(25) {
        cidrs.push(format!("10.1{number}.0.0/24"));
    }
    if dice.chance(60) || cidrs.is_empty() {
        cidrs.push(format!("2001:db8:{}::/64", tag + 1));
    }
    let subnets = cidrs.iter().map(|cidr| {
        let cidr = net(cidr);
        let gateway = match dice.below(20) {
            0 => None,
            1 | 2 => Some(nth(cidr, 254).addr()),
            _ => Some(nth(cidr, 1).addr()),
        };
        Subnet {
            cidr,
            gateway,
            dhcp: dice.chance(80),
            host_routes: Vec::new(),
        }
    });
    Network {
        tag,
        subnets: subnets.collect(),
    }
}

fn scope(dice: &mut Dice) -> Scope {
    let one = |dice: &mut Dice| dice.chance(60).then(|| dice.below(2) as u8);
    (one(dice), one(dice))
}

fn router(dice: &mut Dice, topology: &Topology, tag: usize) -> Router {
    let scoped = dice.chance(15);
    let own = |dice: &mut Dice| if scoped { scope(dice) } else { (None, None) };
    let mut legs: Vec<Leg> = Vec::new();
    for network in &topology.networks {
        if !dice.chance(75) {
            continue;
        }
        let taken = topology
            .routers
            .iter()
            .flat_map(|router| &router.legs)
            .any(|leg| leg.network == network.tag);
        let number = if taken { 254 } else { 1 };
        let known: Vec<IpNet> = legs.iter().flat_map(|leg| &leg.addresses).map(IpNet::trunc).collect();
        let subnets = network
            .subnets
            .iter()
            .filter(|subnet| !known.contains(&subnet.cidr) && dice.chance(90));
        let addresses: Vec<IpNet> = subnets.map(|subnet| nth(subnet.cidr, number)).collect();
        let (scope, up) = (own(dice), dice.chance(95));
        let leg = |addresses| Leg {
            network: network.tag,
            addresses,
            up,
            scope,
        };
        match dice.chance(50) {
            true => legs.extend(addresses.into_iter().map(|address| leg(vec![address]))),
            false if addresses.is_empty() => {}
            false => legs.push(leg(addresses)),
        }
    }
    let mut gateway = Vec::new();
    if dice.chance(80) {
        gateway.push(net(&format!("172.24.4.{}/24", 10 + tag)));
        if dice.chance(80) {
            gateway.push(net(&format!("2001:db8::{}/64", 10 + tag)));
        }
    }
    Router {
        tag,
        up: dice.chance(93),
        gateway,
        snat: dice.chance(80),
        legs,
        floating: Vec::new(),
        forwardings: Vec::new(),
        routes: Vec::new(),
        proxies: dice.chance(12).then(Vec::new),
        scope: own(dice),
    }
}

fn group(dice: &mut Dice, topology: &Topology, tag: usize) -> Group {
    let rule = |direction, ethertype, protocol, remote| Rule {
        direction,
        ethertype,
        protocol,
        remote,
    };
    let mut rules = Vec::new();
    // As a new group of Neutron has it; and sometimes everything in.
    let (all_out, all_in) = (dice.chance(80), dice.chance(25));
    for ethertype in [EtherType::IPv4, EtherType::IPv6] {
        if all_in {
            rules.push(rule(Direction::Ingress, ethertype, ProtocolMatch::Any, Remote::Any));
        }
        if all_out {
            rules.push(rule(Direction::Egress, ethertype, ProtocolMatch::Any, Remote::Any));
        }
    }
    for _ in 0..1 + dice.below(7) {
        let direction = if dice.chance(75) {
            Direction::Ingress
        } else {
            Direction::Egress
        };
        let ethertype = if dice.chance(65) {
            EtherType::IPv4
        } else {
            EtherType::IPv6
        };
        let protocol = protocol(dice);
        let remote = match dice.below(10) {
            0..5 => Remote::Any,
            5..8 => Remote::Prefix(prefix(dice, topology, ethertype)),
            _ => Remote::Group(dice.below(4)),
        };
        rules.push(rule(direction, ethertype, protocol, remote));
    }
    Group {
        tag,
        stateless: dice.chance(20),
        rules,
    }
}

fn protocol(dice: &mut Dice) -> ProtocolMatch {
    let icmp = |kind| ProtocolMatch::Icmp { kind, code: None };
    let whole = |protocol| ProtocolMatch::Ports { protocol, range: None };
    *dice.pick(&[
        ProtocolMatch::Any,
        ProtocolMatch::Any,
        icmp(None),
        icmp(None),
        icmp(Some(8)),
        icmp(Some(128)),
        icmp(Some(0)),
        ProtocolMatch::Icmp {
            kind: Some(8),
            code: Some(0),
        },
        whole(TCP),
        whole(UDP),
        ports(TCP, 22, 22),
        ports(TCP, 1, 1024),
        ports(TCP, 8080, 9000),
        ports(TCP, 32_768, 60_999),
        ports(UDP, 53, 53),
        ports(UDP, 5000, 5999),
        ports(UDP, 32_768, 60_999),
        ProtocolMatch::Number(TCP),
        ProtocolMatch::Number(1),
    ])
}

fn prefix(dice: &mut Dice, topology: &Topology, ethertype: EtherType) -> IpNet {
    let v4 = ethertype == EtherType::IPv4;
    let subnets = topology.networks.iter().flat_map(|network| &network.subnets);
    let mut all: Vec<IpNet> = subnets.map(|subnet| subnet.cidr).collect();
    all.extend([HOST, WORLD].into_iter().flatten().map(|address| net(address).trunc()));
    all.extend([net("0.0.0.0/0"), net("::/0")]);
    all.retain(|net| net.addr().is_ipv4() == v4);
    let whole = *dice.pick(&all);
    match dice.below(4) {
        // The half with the low addresses; a single one.
        0 if v4 && whole.prefix_len() > 0 => IpNet::new(whole.addr(), 25).unwrap(),
        1 if whole.prefix_len() > 0 => IpNet::from(nth(whole, 10).addr()),
        _ => whole,
    }
}

fn port(dice: &mut Dice, topology: &Topology, tag: usize) -> Port {
    let network = dice.pick(&topology.networks);
    let number = 10 + tag as u32;
    let mut subnets: Vec<&Subnet> = network.subnets.iter().filter(|_| dice.chance(75)).collect();
    if subnets.is_empty() {
        subnets.push(&network.subnets[0]);
    }
    let fixed: Vec<IpNet> = subnets.iter().map(|subnet| nth(subnet.cidr, number)).collect();
    let first = subnets[0].cidr;
    let stateless = topology.groups.iter().any(|group| group.stateless) && dice.chance(50);
    let groups = topology
        .groups
        .iter()
        .filter(|group| group.stateless == stateless && dice.chance(60));
    let groups: Vec<usize> = groups.map(|group| group.tag).collect();
    let (mut pairs, mut more) = (Vec::new(), Vec::new());
    match dice.below(6) {
        0 => {
            let own = nth(first, 100 + tag as u32).addr();
            pairs.push(IpNet::from(own));
            more.push(own);
        }
        1 => {
            let own = net(&format!("192.0.2.{}/28", 16 * (tag + 1)));
            pairs.push(own);
            more.push(nth(own, 1).addr());
        }
        2 => more.push(nth(first, 200 + tag as u32).addr()),
        _ => {}
    }
    Port {
        tag,
        network: network.tag,
        fixed,
        plugged: dice.chance(95),
        of: Machine::Own,
        up: dice.chance(93),
        secure: dice.chance(85),
        groups,
        pairs,
        more,
    }
}

/// Floating IPs and port forwardings of ports behind a router, and sometimes elsewhere.
fn add_floating(dice: &mut Dice, topology: &mut Topology, index: usize) {
    let router = &mut topology.routers[index];
    if router.gateway.is_empty() {
        return;
    }
    for port in &topology.ports {
        let here = router.legs.iter().any(|leg| leg.network == port.network);
        let fixed = port.fixed.iter().find_map(|net| match net.addr() {
            IpAddr::V4(address) => Some(address),
            IpAddr::V6(_) => None,
        });
        let Some(fixed) = fixed.filter(|_| here || dice.chance(5)) else {
            continue;
        };
        let floating = Ipv4Addr::new(172, 24, 4, (50 + 20 * router.tag + port.tag) as u8);
        if dice.chance(50) {
            router.floating.push(Floating {
                floating,
                fixed,
                port: port.tag,
            });
        } else if dice.chance(40) {
            router.forwardings.push(forwarding(dice, floating, fixed));
        }
    }
    let proxied: Vec<Ipv6Addr> = topology
        .ports
        .iter()
        .filter(|_| dice.chance(50))
        .flat_map(six)
        .collect();
    if let Some(proxies) = &mut router.proxies {
        *proxies = proxied;
    }
}

fn six(port: &Port) -> impl Iterator<Item = Ipv6Addr> + '_ {
    port.fixed.iter().filter_map(|net| match net.addr() {
        IpAddr::V6(address) => Some(address),
        IpAddr::V4(_) => None,
    })
}

fn forwarding(dice: &mut Dice, floating: Ipv4Addr, fixed: Ipv4Addr) -> Forwarding {
    let (protocol, external, internal) = *dice.pick(&[
        (TCP, (2222, 2222), (22, 22)),
        (TCP, (8080, 8081), (80, 80)),
        (TCP, (2221, 2223), (21, 23)),
        (UDP, (5353, 5353), (53, 53)),
        (UDP, (5000, 5001), (5000, 5001)),
    ]);
    Forwarding {
        floating,
        protocol,
        external,
        fixed,
        internal,
    }
}

/// Somewhere to go: a machine's or a router's address on a network, or nobody's.
fn next_hop(dice: &mut Dice, topology: &Topology, network: usize, v4: bool) -> Option<IpAddr> {
    let ports = topology
        .ports
        .iter()
        .filter(|port| port.network == network)
        .flat_map(|port| &port.fixed);
    let legs = topology.routers.iter().flat_map(|router| &router.legs);
    let legs = legs.filter(|leg| leg.network == network).flat_map(|leg| &leg.addresses);
    let mut all: Vec<IpAddr> = ports
        .chain(legs)
        .map(IpNet::addr)
        .filter(|address| address.is_ipv4() == v4)
        .collect();
    if v4 {
        all.push("203.0.113.9".parse().unwrap());
    }
    (!all.is_empty()).then(|| *dice.pick(&all))
}

/// A place to lead to: another network, an appliance's own prefix, everywhere.
fn far(dice: &mut Dice, topology: &Topology) -> IpNet {
    let subnets = topology.networks.iter().flat_map(|network| &network.subnets);
    let mut all: Vec<IpNet> = subnets.map(|subnet| subnet.cidr).collect();
    all.extend([
        net("192.0.2.0/24"),
        net("192.0.2.0/24"),
        net("0.0.0.0/0"),
        net("198.51.100.0/24"),
    ]);
    let whole = *dice.pick(&all);
    // Half of a network is nearer than the whole.
    match whole.prefix_len() {
        24 if dice.chance(25) => IpNet::new(whole.addr(), 25).unwrap(),
        _ => whole,
    }
}

fn add_routes(dice: &mut Dice, topology: &mut Topology, index: usize) {
    for _ in 0..dice.below(3) {
        if !dice.chance(40) || topology.routers[index].legs.is_empty() {
            continue;
        }
        let network = topology.routers[index].legs[0].network;
        let destination = far(dice, topology);
        let router = &topology.routers[index];
        let mut own = router.legs.iter().flat_map(|leg| &leg.addresses);
        let connected = own.any(|net| net.trunc() == destination);
        let known = router.routes.iter().any(|(other, _)| *other == destination);
        let nexthop = next_hop(dice, topology, network, destination.addr().is_ipv4());
        let router = &mut topology.routers[index];
        let mut own = router.legs.iter().flat_map(|leg| &leg.addresses);
        if let Some(nexthop) = nexthop.filter(|nexthop| !own.any(|net| net.addr() == *nexthop))
            && !connected
            && !known
        {
            router.routes.push((destination, nexthop));
        }
    }
}

fn add_host_routes(dice: &mut Dice, topology: &mut Topology) {
    for network in 0..topology.networks.len() {
        for subnet in 0..topology.networks[network].subnets.len() {
            if !dice.chance(15) {
                continue;
            }
            let destination = far(dice, topology);
            let own = topology.networks[network].subnets[subnet].cidr;
            let nexthop = next_hop(
                dice,
                topology,
                topology.networks[network].tag,
                destination.addr().is_ipv4(),
            );
            let fits = destination.addr().is_ipv4() == own.addr().is_ipv4() && destination != own;
            if let Some(nexthop) = nexthop.filter(|_| fits) {
                topology.networks[network].subnets[subnet]
                    .host_routes
                    .push((destination, nexthop));
            }
        }
    }
}
