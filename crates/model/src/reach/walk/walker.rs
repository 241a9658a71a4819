//! The packet on its way: who has it, where it goes next, and what was noted of that.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::hop::{End, Event, Hop, Neighbour, Place, RouteBy, Verdict, Way};
use super::obstacle::Obstacle;
use super::tracking::Tracking;
use super::{Assumptions, Blocked, Walk};
use crate::host::{HostConfig, NetworkConfig, PortConfig};
use crate::reach::flow::{Flow, Packet, Start};
use crate::{NetworkId, PortId};

/// A step of the packet; the obstacle that stopped it is noted already.
pub type Step<T> = Result<T, Obstacle>;

/// A link that packets cross.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Link {
    /// A self-service network's bridge.
    Network(NetworkId),
    /// A provider network's bridge.
    External(NetworkId),
}

/// A packet that somebody puts on a link.
#[derive(Debug, Clone, Copy)]
pub struct Onward {
    /// Who does.
    pub sender: Neighbour,
    /// The link.
    pub link: Link,
    /// To whom on the link.
    pub nexthop: IpAddr,
    /// Why.
    pub by: RouteBy,
}

/// What becomes of a packet that somebody has got or made.
#[derive(Debug, Clone, Copy)]
pub enum Next {
    /// It is where it was sent to.
    End(End),
    /// It is sent on.
    Onward(Onward),
}

/// A walk that is being made.
pub struct Walker<'a> {
    pub config: &'a HostConfig,
    pub flow: &'a Flow,
    pub assume: &'a Assumptions,
    pub tracking: Tracking,
    pub way: Way,
    pub packet: Packet,
    hops: Vec<Hop>,
    /// Who has forwarded which packet already.
    seen: BTreeSet<(Place, Packet)>,
}

impl<'a> Walker<'a> {
    pub fn new(config: &'a HostConfig, flow: &'a Flow, assume: &'a Assumptions) -> Self {
        let source = match (flow.start, flow.destination) {
            (Start::Port { address, .. } | Start::Outside { address, .. }, _) => address,
            // Which one it is, is said by the route.
            (_, IpAddr::V4(_)) => Ipv4Addr::UNSPECIFIED.into(),
            (_, IpAddr::V6(_)) => Ipv6Addr::UNSPECIFIED.into(),
        };
        Self {
            config,
            flow,
            assume,
            tracking: Tracking::default(),
            way: Way::Request,
            packet: Packet::first(source, flow.destination, flow.protocol),
            hops: Vec::new(),
            seen: BTreeSet::new(),
        }
    }

    /// Walks there and back.
    pub fn run(mut self) -> Walk {
        let blocked = |way, obstacle| Some(Blocked { way, obstacle });
        let arrival = match self.there() {
            Ok(end) => end,
            Err(obstacle) => {
                return Walk {
                    request: self.hops,
                    reply: Vec::new(),
                    arrival: None,
                    blocked: blocked(Way::Request, obstacle),
                };
            }
        };
        let request = std::mem::take(&mut self.hops);
        let answered = self.back(arrival, request.first());
        Walk {
            request,
            reply: self.hops,
            arrival: Some(arrival),
            blocked: answered.err().and_then(|obstacle| blocked(Way::Reply, obstacle)),
        }
    }

    fn there(&mut self) -> Step<End> {
        let first = match self.flow.start {
            Start::Port { id, .. } => self.leave_port(id)?,
            Start::Router(id) => self.leave_router(id)?,
            Start::Network(id) => self.leave_services(id)?,
            Start::Host => self.leave_host()?,
            Start::Outside { network, address } => self.leave_outside(network, address)?,
        };
        self.go(first)
    }

    /// The answer. `first` is the first hop of what is answered: what its sender waits for.
    fn back(&mut self, from: End, first: Option<&Hop>) -> Step<()> {
        let sent = first.map_or(self.packet, |hop| hop.before);
        self.way = Way::Reply;
        self.packet = self.packet.answer();
        self.seen.clear();
        let first = match from {
            End::Port { port, .. } => self.leave_port(port)?,
            End::Router(id) | End::Metadata(Place::Router(id)) => self.leave_router(id)?,
            End::Services(id) | End::Metadata(Place::Network(id)) => self.leave_services(id)?,
            End::Outside { network, address } => self.leave_outside(network, address)?,
            End::Beyond => self.leave_beyond()?,
            End::Host | End::Metadata(_) => self.leave_host()?,
        };
        let end = self.go(first)?;
        let place = self.place_of(end);
        if !self.is_start(end) {
            return Err(self.stop(place, Event::Arrived(end), Obstacle::AnswerAstray { end }));
        }
        let awaited = sent.answer();
        if (awaited.source, awaited.ports) != (self.packet.source, self.packet.ports) {
            let obstacle = Obstacle::ForeignAnswer {
                awaited: awaited.source,
                source: self.packet.source,
            };
            self.unless_assumed(place, Event::Arrived(end), obstacle)?;
        }
        Ok(())
    }

    fn go(&mut self, mut next: Next) -> Step<End> {
        loop {
            let onward = match next {
                Next::Onward(onward) => onward,
                Next::End(end) => {
                    let place = self.place_of(end);
                    self.pass(place, Event::Arrived(end));
                    return Ok(end);
                }
            };
            let neighbour = match onward.link {
                Link::Network(network) => self.cross_network(network, &onward)?,
                Link::External(network) => self.cross_external(network, &onward)?,
            };
            next = match neighbour {
                Neighbour::Port(port) => self.enter_port(port)?,
                Neighbour::Router { router, port } => self.enter_router(router, port)?,
                Neighbour::Services(network) => self.enter_services(network)?,
                Neighbour::Host => self.enter_host()?,
                Neighbour::Outside(address) => self.enter_outside(address, onward.link)?,
            };
        }
    }

    /// Whether the answer came to who waits for it.
    fn is_start(&self, end: End) -> bool {
        match (self.flow.start, end) {
            (Start::Port { id, .. }, End::Port { port, .. }) => self.is_same_machine(id, port),
            (Start::Router(id), End::Router(router)) => id == router,
            (Start::Network(id), End::Services(network) | End::Metadata(Place::Network(network))) => id == network,
            (Start::Outside { address, .. }, End::Outside { address: at, .. }) => address == at,
            (Start::Host, End::Host) | (Start::Outside { .. }, End::Beyond) => true,
            _ => false,
        }
    }

    fn place_of(&self, end: End) -> Place {
        match end {
            End::Port { port, .. } => Place::Port(port),
            End::Router(router) => Place::Router(router),
            End::Metadata(place) => place,
            End::Services(network) => Place::Network(network),
            End::Host => Place::Host,
            End::Outside { network, address } => Place::Outside { network, address },
            End::Beyond => Place::Beyond,
        }
    }

    /// A port of the host, and its network.
    pub fn port(&self, id: PortId) -> Option<(&'a NetworkConfig, &'a PortConfig)> {
        let mut networks = self.config.networks.values();
        networks.find_map(|network| Some((&**network, &**network.ports.get(&id)?)))
    }

    /// Notes that somebody forwards the packet.
    pub fn forward(&mut self, place: Place) -> Step<()> {
        match self.seen.insert((place, self.packet)) {
            true => Ok(()),
            false => Err(self.stop(place, Event::Sent, Obstacle::Loop { place })),
        }
    }

    /// Notes a step that the packet passed.
    pub fn pass(&mut self, place: Place, event: Event) {
        self.note(place, event, self.packet, Verdict::Passed);
    }

    /// Notes a step that made another packet of this one.
    pub fn change(&mut self, place: Place, event: Event, after: Packet) {
        if after != self.packet {
            self.note(place, event, after, Verdict::Passed);
            self.packet = after;
        }
    }

    /// Notes what ends the packet's way, whatever is assumed.
    pub fn stop(&mut self, place: Place, event: Event, obstacle: Obstacle) -> Obstacle {
        self.note(place, event, self.packet, Verdict::Stopped(obstacle.clone()));
        obstacle
    }

    /// Notes what stops the packet, unless that is assumed to be overcome.
    pub fn unless_assumed(&mut self, place: Place, event: Event, obstacle: Obstacle) -> Step<()> {
        let given = obstacle == Obstacle::HostForwarding && self.assume.host_forwards;
        if given {
            return Ok(());
        }
        if self.assume.overcome.contains(&obstacle) {
            self.note(place, event, self.packet, Verdict::Assumed(obstacle));
            return Ok(());
        }
        Err(self.stop(place, event, obstacle))
    }

    fn note(&mut self, place: Place, event: Event, after: Packet, verdict: Verdict) {
        self.hops.push(Hop {
            place,
            event,
            before: self.packet,
            after,
            verdict,
        });
    }
}
