//! Crossing a self-service network: spoofing guard, neighbours, connection state, rules. This is what the ruleset that
//! `node` renders of a network does, in the same order.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::hop::{Event, Grant, Neighbour, Place, RouteBy};
use super::obstacle::Obstacle;
use super::rules::{is_stateless, is_unfiltered, judge, may_send_as};
use super::tracking::State;
use super::walker::{Onward, Step, Walker};
use crate::address::MacAddress;
use crate::host::{DesiredPower, Direction, NetworkConfig, PortBinding, PortConfig};
use crate::reach::flow::Start;
use crate::{NetworkId, PortId};

/// The metadata service's addresses on every network: that of EC2, and Neutron's for IPv6.
pub const METADATA: [IpAddr; 2] = [
    IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254)),
    IpAddr::V6(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0xa9fe, 0xa9fe)),
];

/// Where a packet enters or leaves a network's bridge.
#[derive(Clone, Copy)]
enum Side<'a> {
    Port(&'a PortConfig),
    Services,
}

impl Side<'_> {
    fn is_unfiltered(self) -> bool {
        matches!(self, Side::Port(port) if is_unfiltered(port))
    }

    fn is_stateless(self, network: &NetworkConfig) -> bool {
        matches!(self, Side::Port(port) if is_stateless(network, port))
    }

    /// The MAC that packets to it are sent to; the bridge's own is no port's.
    fn mac(self) -> Option<MacAddress> {
        match self {
            Side::Port(port) => Some(port.mac),
            Side::Services => None,
        }
    }
}

impl<'a> Walker<'a> {
    /// Takes the packet over a network's bridge to whoever has the next hop's address.
    pub fn cross_network(&mut self, id: NetworkId, onward: &Onward) -> Step<Neighbour> {
        let place = Place::Network(id);
        let network = match self.config.networks.get(&id) {
            Some(network) => &**network,
            None => return Err(self.stop(place, Event::Sent, Obstacle::NetworkMissing { network: id })),
        };
        let from = self.enter_bridge(network, onward.sender)?;
        let neighbour = self.resolve(network, onward)?;
        let to = self.side(network, neighbour)?;
        let state = self.state(network, from, to);
        match (from, to) {
            (Side::Port(port), Side::Services) => self.ask_services(network, port, state)?,
            (Side::Services, Side::Port(port)) => self.by_services(network, port)?,
            (Side::Port(from), Side::Port(to)) => self.between(network, from, to, state)?,
            (Side::Services, Side::Services) => {}
        }
        Ok(neighbour)
    }

    fn side(&mut self, network: &'a NetworkConfig, neighbour: Neighbour) -> Step<Side<'a>> {
        let (Neighbour::Port(id) | Neighbour::Router { port: id, .. }) = neighbour else {
            return Ok(Side::Services);
        };
        match network.ports.get(&id) {
            Some(port) => Ok(Side::Port(port)),
            None => {
                let place = Place::Network(network.id);
                Err(self.stop(place, Event::Plugged { port: id }, Obstacle::PortMissing { port: id }))
            }
        }
    }

    /// The sender's side: whether anything comes in there, and whether it may come with its address.
    fn enter_bridge(&mut self, network: &'a NetworkConfig, sender: Neighbour) -> Step<Side<'a>> {
        let side = self.side(network, sender)?;
        let Side::Port(port) = side else {
            return Ok(side);
        };
        let place = Place::Network(network.id);
        let in_the_way = self.unplugged(port);
        self.pass_all(place, &Event::Plugged { port: port.id }, in_the_way)?;
        if is_unfiltered(port) {
            return Ok(side);
        }
        let (event, source) = (Event::SpoofingGuard { port: port.id }, self.packet.source);
        match may_send_as(port, source) {
            true => self.pass(place, event),
            false => self.unless_assumed(place, event, Obstacle::SpoofingGuard { port: port.id, source })?,
        }
        Ok(side)
    }

    /// Notes a step that some things, or none, stand in the way of.
    fn pass_all(&mut self, place: Place, event: &Event, in_the_way: Vec<Obstacle>) -> Step<()> {
        if in_the_way.is_empty() {
            self.pass(place, event.clone());
        }
        in_the_way
            .into_iter()
            .try_for_each(|obstacle| self.unless_assumed(place, event.clone(), obstacle))
    }

    /// Why nothing passes the device of a port; nothing if everything does.
    fn unplugged(&self, port: &PortConfig) -> Vec<Obstacle> {
        let down = (!port.admin_state_up).then_some(Obstacle::PortAdminDown { port: port.id });
        down.into_iter().chain(self.unplugged_behind(port)).collect()
    }

    /// The same of what is plugged in.
    fn unplugged_behind(&self, port: &PortConfig) -> Vec<Obstacle> {
        let unbound = vec![Obstacle::PortUnbound { port: port.id }];
        match &port.binding {
            PortBinding::Namespace { .. } => Vec::new(),
            PortBinding::Server(server) => match self.config.servers.get(server).map(|server| server.power) {
                None => unbound,
                Some(DesiredPower::On) => Vec::new(),
                Some(power) => vec![Obstacle::ServerNotRunning {
                    port: port.id,
                    server: *server,
                    power,
                }],
            },
            PortBinding::Router(id) => match self.config.routers.get(id) {
                Some(router) if router.legs.iter().any(|leg| leg.port_id == port.id) => {
                    let down = (!router.admin_state_up).then_some(Obstacle::RouterAdminDown { router: *id });
                    down.into_iter().collect()
                }
                _ => unbound,
            },
            PortBinding::Trunk(id) => {
                let trunk = self.config.trunks.get(id);
                let parent = trunk.and_then(|trunk| self.port(trunk.parent));
                match parent {
                    Some((_, parent)) if !matches!(parent.binding, PortBinding::Trunk(_)) => self.unplugged(parent),
                    _ => unbound,
                }
            }
        }
    }

    /// Asks the link for the next hop's address.
    fn resolve(&mut self, network: &'a NetworkConfig, onward: &Onward) -> Step<Neighbour> {
        let place = Place::Network(network.id);
        let address = onward.nexthop;
        let neighbour = self.holder(network, address);
        let event = Event::NeighbourResolution { address, neighbour };
        let Some(neighbour) = neighbour else {
            let obstacle = self.nobody(network, onward);
            return Err(self.stop(place, event, obstacle));
        };
        let in_the_way = match self.side(network, neighbour)? {
            Side::Port(port) => self.unplugged(port),
            Side::Services => Vec::new(),
        };
        self.pass_all(place, &event, in_the_way)?;
        Ok(neighbour)
    }

    /// Who answers for an address on a network.
    fn holder(&self, network: &NetworkConfig, address: IpAddr) -> Option<Neighbour> {
        let services = network.service_port.as_ref();
        let own = services
            .into_iter()
            .flat_map(|port| &port.addresses)
            .any(|net| net.addr() == address);
        let local = services.is_some_and(|port| IpAddr::V6(port.mac.link_local()) == address);
        if own || local || METADATA.contains(&address) {
            return Some(Neighbour::Services(network.id));
        }
        if let Start::Port { id, address: start } = self.flow.start
            && start == address
            && network.ports.contains_key(&id)
        {
            return Some(Neighbour::Port(id));
        }
        // As keepalived does: an address of nobody's, in an allowed address pair of its own.
        let pair = |port: &PortConfig| {
            let mut pairs = port.allowed_address_pairs.iter();
            pairs
                .any(|(net, mac)| *mac == port.mac && net.prefix_len() == net.max_prefix_len() && net.addr() == address)
        };
        let ports = || network.ports.values();
        let port = ports()
            .find(|port| self.has(port, address))
            .or_else(|| ports().find(|port| pair(port)))?;
        Some(match &port.binding {
            PortBinding::Router(router) => Neighbour::Router {
                router: *router,
                port: port.id,
            },
            _ => Neighbour::Port(port.id),
        })
    }

    /// What it means that nobody has the address of a next hop.
    fn nobody(&self, network: &NetworkConfig, onward: &Onward) -> Obstacle {
        let (address, place) = (onward.nexthop, self.sender_place(onward.sender));
        match onward.by {
            RouteBy::Connected { .. } | RouteBy::Uplink => Obstacle::NoAddress {
                network: network.id,
                address,
            },
            RouteBy::Route { .. } => Obstacle::NextHopUnanswered {
                place,
                network: network.id,
                nexthop: address,
            },
            RouteBy::Default { .. } => {
                let subnet = network.subnets.iter().find(|subnet| subnet.gateway == Some(address));
                match subnet {
                    Some(subnet) => Obstacle::NoRouterOnSubnet {
                        network: network.id,
                        subnet: subnet.id,
                        gateway: address,
                    },
                    None => Obstacle::NextHopUnanswered {
                        place,
                        network: network.id,
                        nexthop: address,
                    },
                }
            }
        }
    }

    /// Where a sender is.
    pub fn sender_place(&self, sender: Neighbour) -> Place {
        match (sender, self.flow.start) {
            (Neighbour::Port(port), _) => Place::Port(port),
            (Neighbour::Router { router, .. }, _) => Place::Router(router),
            (Neighbour::Services(network), _) => Place::Network(network),
            (Neighbour::Outside(address), Start::Outside { network, .. }) => Place::Outside { network, address },
            (Neighbour::Host | Neighbour::Outside(_), _) => Place::Host,
        }
    }

    /// What conntrack takes the packet for, if it sees it.
    fn state(&mut self, network: &NetworkConfig, from: Side<'_>, to: Side<'_>) -> State {
        if !network.stateless.is_empty() && !is_tracked(network, from, to) {
            return State::Untracked;
        }
        let (packet, way) = (self.packet, self.way);
        self.tracking.see(Place::Network(network.id), &packet, way).0
    }

    /// Stops what conntrack can't place.
    fn must_be_valid(&mut self, network: &NetworkConfig, state: State) -> Step<()> {
        if state != State::Invalid {
            return Ok(());
        }
        let place = Place::Network(network.id);
        self.unless_assumed(place, Event::ConnectionTracking, Obstacle::InvalidState { place })
    }

    /// To DHCP, DNS and metadata: chain `cinp`.
    fn ask_services(&mut self, network: &NetworkConfig, from: &PortConfig, state: State) -> Step<()> {
        if state == State::Established && !is_stateless(network, from) {
            self.granted(network, from, Direction::Egress, Grant::Established);
            return Ok(());
        }
        self.must_be_valid(network, state)?;
        self.judge(network, from, Direction::Egress)
    }

    /// From DHCP, DNS and metadata: chain `cout`, which is there for stateless ports only.
    fn by_services(&mut self, network: &NetworkConfig, to: &PortConfig) -> Step<()> {
        if is_stateless(network, to) {
            return self.judge(network, to, Direction::Ingress);
        }
        let grant = if is_unfiltered(to) {
            Grant::Unfiltered
        } else {
            Grant::Services
        };
        self.granted(network, to, Direction::Ingress, grant);
        Ok(())
    }

    /// From port to port: chains `cfwd`, `half` and `new`.
    fn between(&mut self, network: &NetworkConfig, from: &PortConfig, to: &PortConfig, state: State) -> Step<()> {
        let are_judged = !(is_unfiltered(from) && is_unfiltered(to));
        if are_judged {
            self.must_be_valid(network, state)?;
        }
        // A state that was assumed to be in order is that of an answer.
        let is_known = state == State::Established || (state == State::Invalid && are_judged);
        for (port, direction) in [(from, Direction::Egress), (to, Direction::Ingress)] {
            match is_known && !is_stateless(network, port) {
                true => self.granted(network, port, direction, Grant::Established),
                false => self.judge(network, port, direction)?,
            }
        }
        Ok(())
    }

    fn judge(&mut self, network: &NetworkConfig, port: &PortConfig, direction: Direction) -> Step<()> {
        if is_unfiltered(port) {
            self.granted(network, port, direction, Grant::Unfiltered);
            return Ok(());
        }
        match judge(network, port, direction, &self.packet) {
            Ok(rule) => {
                self.granted(network, port, direction, Grant::Rule(rule));
                Ok(())
            }
            Err(nearest) => {
                let obstacle = match direction {
                    Direction::Egress => Obstacle::EgressRules { port: port.id, nearest },
                    Direction::Ingress => Obstacle::IngressRules { port: port.id, nearest },
                };
                self.unless_assumed(Place::Network(network.id), judged(port.id, direction, None), obstacle)
            }
        }
    }

    fn granted(&mut self, network: &NetworkConfig, port: &PortConfig, direction: Direction, grant: Grant) {
        self.pass(Place::Network(network.id), judged(port.id, direction, Some(grant)));
    }

    /// Whether the machine behind a port has an address: a fixed IP, the link-local one, or the one that it begins with.
    pub fn has(&self, port: &PortConfig, address: IpAddr) -> bool {
        let started =
            matches!(self.flow.start, Start::Port { id, address: start } if id == port.id && start == address);
        let fixed = port.fixed_ips.iter().any(|fixed| fixed.address.addr() == address);
        started || fixed || address == IpAddr::V6(port.mac.link_local())
    }
}

fn judged(port: PortId, direction: Direction, grant: Option<Grant>) -> Event {
    match direction {
        Direction::Egress => Event::EgressRules { port, grant },
        Direction::Ingress => Event::IngressRules { port, grant },
    }
}

/// Whether conntrack sees what goes from one side to the other, in a network with stateless groups: not what a stateless port
/// takes part in, unless one with state may be meant, by its own MAC or by one that ports share.
fn is_tracked(network: &NetworkConfig, from: Side<'_>, to: Side<'_>) -> bool {
    if matches!(from, Side::Services) {
        return !to.is_stateless(network);
    }
    let to_stateful = matches!(to, Side::Port(port) if !is_unfiltered(port) && !is_stateless(network, port));
    if to_stateful || to.mac().is_some_and(|mac| is_shared(network, mac)) {
        return true;
    }
    let untracked = from.is_stateless(network) || (from.is_unfiltered() && to.is_stateless(network));
    !untracked
}

/// Whether a port has the MAC in an allowed address pair without its being the port's own.
fn is_shared(network: &NetworkConfig, mac: MacAddress) -> bool {
    let mut filtered = network
        .ports
        .values()
        .filter(|port| port.admin_state_up && !is_unfiltered(port));
    filtered.any(|port| {
        let mut pairs = port.allowed_address_pairs.iter();
        port.mac != mac && pairs.any(|(_, other)| *other == mac)
    })
}
