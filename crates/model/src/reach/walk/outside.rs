//! What is outside of the cloud's networks: the host with its provider networks, and machines beside and behind it.

use std::net::IpAddr;

use ipnet::IpNet;

use super::hop::{End, Event, Neighbour, Place, RouteBy, Way};
use super::obstacle::Obstacle;
use super::router::has_floating;
use super::walker::{Link, Next, Onward, Step, Walker};
use crate::NetworkId;
use crate::host::{ExternalNetworkConfig, RouterConfig};
use crate::reach::flow::Start;

impl<'a> Walker<'a> {
    /// The host itself sends the packet.
    pub fn leave_host(&mut self) -> Step<Next> {
        let destination = self.packet.destination;
        let way = self.host_way(destination);
        if self.packet.source.is_unspecified() {
            match &way {
                Some((_, own)) => self.packet.source = *own,
                None if self.is_hosts(destination) => self.packet.source = destination,
                None => {}
            }
        }
        self.pass(Place::Host, Event::Sent);
        match way {
            _ if self.is_hosts(destination) => Ok(Next::End(End::Host)),
            Some((onward, _)) => Ok(self.onward(Place::Host, onward)),
            None => self.leave_by_uplink(),
        }
    }

    /// The packet has come to the host.
    pub fn enter_host(&mut self) -> Step<Next> {
        let destination = self.packet.destination;
        if self.is_hosts(destination) {
            return Ok(Next::End(End::Host));
        }
        self.forward(Place::Host)?;
        self.unless_assumed(Place::Host, Event::Sent, Obstacle::HostForwarding)?;
        match self.host_way(destination) {
            Some((onward, _)) => Ok(self.onward(Place::Host, onward)),
            None => self.leave_by_uplink(),
        }
    }

    /// Somebody behind the host's uplinks sends the packet.
    pub fn leave_beyond(&mut self) -> Step<Next> {
        self.pass(Place::Beyond, Event::Sent);
        self.pass(Place::Beyond, Event::Routed(RouteBy::Uplink));
        self.enter_host()
    }

    /// A machine on a provider network sends the packet, or, if its address is on none of the network's prefixes, one behind
    /// the host.
    pub fn leave_outside(&mut self, network: NetworkId, address: IpAddr) -> Step<Next> {
        let place = Place::Outside { network, address };
        let Some(external) = self.config.externals.get(&network) else {
            return Err(self.stop(place, Event::Sent, Obstacle::NetworkMissing { network }));
        };
        let Some(net) = external.host_addresses.iter().find(|net| net.contains(&address)) else {
            return self.leave_beyond();
        };
        self.pass(place, Event::Sent);
        let destination = self.packet.destination;
        if destination == address {
            return Ok(Next::End(End::Outside { network, address }));
        }
        if destination.is_ipv4() != address.is_ipv4() {
            return Err(self.stop(place, Event::Sent, Obstacle::NoRoute { place, destination }));
        }
        let (nexthop, by) = match net.contains(&destination) {
            true => (destination, RouteBy::Connected { network, port: None }),
            false => (
                net.addr(),
                RouteBy::Default {
                    nexthop: net.addr(),
                    port: None,
                },
            ),
        };
        let onward = Onward {
            sender: Neighbour::Outside(address),
            link: Link::External(network),
            nexthop,
            by,
        };
        Ok(self.onward(place, onward))
    }

    /// The packet has come to a machine on a provider network.
    pub fn enter_outside(&mut self, address: IpAddr, link: Link) -> Step<Next> {
        let (Link::Network(network) | Link::External(network)) = link;
        let place = Place::Outside { network, address };
        let destination = self.packet.destination;
        match destination == address {
            true => Ok(Next::End(End::Outside { network, address })),
            false => Err(self.stop(place, Event::Sent, Obstacle::NoRoute { place, destination })),
        }
    }

    fn onward(&mut self, place: Place, onward: Onward) -> Next {
        self.pass(place, Event::Routed(onward.by));
        Next::Onward(onward)
    }

    /// Beyond what the cloud knows. The answer to somebody inside is lost there, and so is what is for a tenant's address.
    fn leave_by_uplink(&mut self) -> Step<Next> {
        let (place, destination) = (Place::Host, self.packet.destination);
        let from_beyond = matches!(self.flow.start, Start::Outside { address, .. } if address == destination);
        if self.way == Way::Reply && !from_beyond {
            let obstacle = Obstacle::NotTranslated {
                place,
                source: destination,
            };
            return Err(self.stop(place, Event::Sent, obstacle));
        }
        let inside = |net: IpNet| net.contains(&destination);
        let mut subnets = self.config.networks.values().flat_map(|network| &network.subnets);
        if !from_beyond && subnets.any(|subnet| inside(subnet.cidr)) {
            return Err(self.stop(place, Event::Sent, Obstacle::NoRoute { place, destination }));
        }
        self.pass(place, Event::Routed(RouteBy::Uplink));
        Ok(Next::End(End::Beyond))
    }

    /// Whether an address is the host's own on one of its provider networks' bridges, or the one of an uplink that it begins
    /// with.
    fn is_hosts(&self, address: IpAddr) -> bool {
        if self.way == Way::Reply && self.flow.start == Start::Host && address.is_unspecified() {
            return true;
        }
        let mut nets = self
            .config
            .externals
            .values()
            .flat_map(|external| &external.host_addresses);
        nets.any(|net| net.addr() == address)
    }

    /// Where the host sends what is for an address, and its own address there: on a link of a provider network, or by a route
    /// to what is behind a router.
    fn host_way(&self, destination: IpAddr) -> Option<(Onward, IpAddr)> {
        let onward = |network, nexthop, by| Onward {
            sender: Neighbour::Host,
            link: Link::External(network),
            nexthop,
            by,
        };
        let near = self.on_link(destination);
        let routes = self.config.externals.values().flat_map(|external| {
            let routes = external.host_routes.iter();
            routes.map(move |route| (external.id, route))
        });
        let far = routes.filter(|(_, route)| route.destination.contains(&destination));
        let far = far.max_by_key(|(_, route)| route.destination.prefix_len());
        let length = near.map(|(_, net)| net.prefix_len());
        if let Some((network, route)) = far.filter(|(_, route)| Some(route.destination.prefix_len()) > length) {
            let (_, net) = self.on_link(route.nexthop)?;
            let by = RouteBy::Route {
                destination: route.destination,
                nexthop: route.nexthop,
            };
            return Some((onward(network, route.nexthop, by), net.addr()));
        }
        let (network, net) = near?;
        let by = RouteBy::Connected { network, port: None };
        Some((onward(network, destination, by), net.addr()))
    }

    /// The provider network on whose link an address is, with the host's own address there.
    fn on_link(&self, address: IpAddr) -> Option<(NetworkId, IpNet)> {
        let externals = self.config.externals.values();
        let nets = externals.flat_map(|external| external.host_addresses.iter().map(|net| (external.id, *net)));
        let near = nets.filter(|(_, net)| net.contains(&address));
        near.max_by_key(|(_, net)| net.prefix_len())
    }

    /// Takes the packet over a provider network's bridge to whoever has the next hop's address.
    pub fn cross_external(&mut self, id: NetworkId, onward: &Onward) -> Step<Neighbour> {
        let place = Place::External(id);
        let Some(external) = self.config.externals.get(&id) else {
            return Err(self.stop(place, Event::Sent, Obstacle::NetworkMissing { network: id }));
        };
        let address = onward.nexthop;
        let found = self.neighbour(external, address);
        let neighbour = found.map(|(neighbour, _)| neighbour);
        let event = Event::NeighbourResolution { address, neighbour };
        let Some((neighbour, router)) = found else {
            let obstacle = match onward.by {
                RouteBy::Connected { .. } | RouteBy::Uplink => Obstacle::NoAddress { network: id, address },
                RouteBy::Route { .. } | RouteBy::Default { .. } => {
                    let place = self.sender_place(onward.sender);
                    Obstacle::NextHopUnanswered {
                        place,
                        network: id,
                        nexthop: address,
                    }
                }
            };
            return Err(self.stop(place, event, obstacle));
        };
        match router.filter(|router| !router.admin_state_up) {
            Some(router) => self.unless_assumed(place, event, Obstacle::RouterAdminDown { router: router.id })?,
            None => self.pass(place, event),
        }
        Ok(neighbour)
    }

    /// Who answers for an address on a provider network's bridge, which several of them may share.
    fn neighbour(
        &self,
        external: &ExternalNetworkConfig,
        address: IpAddr,
    ) -> Option<(Neighbour, Option<&'a RouterConfig>)> {
        let beside = |id: NetworkId| {
            let other = self.config.externals.get(&id);
            other.is_some_and(|other| other.bridge == external.bridge)
        };
        let externals = &self.config.externals;
        let sharing = || externals.values().filter(|other| other.bridge == external.bridge);
        if sharing().any(|other| other.host_addresses.iter().any(|net| net.addr() == address)) {
            return Some((Neighbour::Host, None));
        }
        let mut routers = self
            .config
            .routers
            .values()
            .filter_map(|router| Some((&**router, router.gateway.as_ref()?)));
        let router = routers.find(|(router, gateway)| {
            let own = gateway.addresses.iter().any(|net| net.addr() == address);
            let proxied = router.ndp_proxies.as_ref().is_some_and(|proxies| match address {
                IpAddr::V6(address) => proxies.contains(&address),
                IpAddr::V4(_) => false,
            });
            (own || proxied || has_floating(router, address)) && beside(gateway.network_id)
        });
        if let Some((router, gateway)) = router {
            let neighbour = Neighbour::Router {
                router: router.id,
                port: gateway.port_id,
            };
            return Some((neighbour, Some(router)));
        }
        match self.flow.start {
            Start::Outside {
                network,
                address: start,
            } if start == address && beside(network) => Some((Neighbour::Outside(address), None)),
            // Outside somebody may have it, on the link of those prefixes.
            _ => {
                let mut nets = sharing().flat_map(|other| &other.host_addresses);
                let is_there = self.assume.outsiders.contains(&address) && nets.any(|net| net.contains(&address));
                is_there.then_some((Neighbour::Outside(address), None))
            }
        }
    }
}
