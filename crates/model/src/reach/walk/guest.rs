//! The machine behind a port, and a network's own services: where they send, and what is theirs.
//!
//! A machine has its port's fixed IPs, and the routes that the cloud tells it: its first subnet's gateway and host routes, and
//! with DHCP what `node` puts into option 121. It answers whoever asks, and forwards nothing.

use std::net::IpAddr;

use ipnet::IpNet;

use super::bridge::METADATA;
use super::hop::{End, Event, Neighbour, Place, RouteBy};
use super::obstacle::Obstacle;
use super::rules::stands_for;
use super::walker::{Link, Next, Onward, Step, Walker};
use crate::host::{NetworkConfig, PortBinding, PortConfig, SubnetConfig};
use crate::{NetworkId, PortId};

/// A way out of a machine.
struct Route {
    destination: IpNet,
    nexthop: IpAddr,
    by: RouteBy,
}

impl Walker<'_> {
    /// The machine behind a port sends the packet.
    pub fn leave_port(&mut self, id: PortId) -> Step<Next> {
        let place = Place::Port(id);
        let Some((network, port)) = self.port(id) else {
            return Err(self.stop(place, Event::Sent, Obstacle::PortMissing { port: id }));
        };
        self.pass(place, Event::Sent);
        let destination = self.packet.destination;
        if self.has(port, destination) {
            return Ok(Next::End(end_of(port)));
        }
        match way_out(network, port, self.packet.source, destination) {
            Some((nexthop, by)) => {
                self.pass(place, Event::Routed(by));
                Ok(Next::Onward(Onward {
                    sender: Neighbour::Port(id),
                    link: Link::Network(network.id),
                    nexthop,
                    by,
                }))
            }
            None => {
                let obstacle = no_way_out(network, port, self.packet.source, destination);
                Err(self.stop(place, Event::Sent, obstacle))
            }
        }
    }

    /// The packet has come to the machine behind a port.
    pub fn enter_port(&mut self, id: PortId) -> Step<Next> {
        let place = Place::Port(id);
        let destination = self.packet.destination;
        match self.port(id) {
            Some((_, port)) if self.has(port, destination) || stands_for(port, destination) => {
                Ok(Next::End(end_of(port)))
            }
            _ => {
                let obstacle = Obstacle::GuestForwarding { port: id, destination };
                Err(self.stop(place, Event::Plugged { port: id }, obstacle))
            }
        }
    }

    /// A network's own namespace sends the packet. It knows the subnets where its service port has an address.
    pub fn leave_services(&mut self, id: NetworkId) -> Step<Next> {
        let place = Place::Network(id);
        let Some(network) = self.config.networks.get(&id) else {
            return Err(self.stop(place, Event::Sent, Obstacle::NetworkMissing { network: id }));
        };
        let destination = self.packet.destination;
        let own = network.service_port.iter().flat_map(|port| &port.addresses);
        let near = own
            .filter(|net| net.contains(&destination))
            .max_by_key(|net| net.prefix_len());
        let end = services_end(network, destination);
        if self.packet.source.is_unspecified() {
            let own = end.map(|_| destination).or_else(|| near.map(|net| net.addr()));
            self.packet.source = own.unwrap_or(self.packet.source);
        }
        self.pass(place, Event::Sent);
        if let Some(end) = end {
            return Ok(Next::End(end));
        }
        if near.is_none() {
            return Err(self.stop(place, Event::Sent, Obstacle::NoRoute { place, destination }));
        }
        let by = RouteBy::Connected {
            network: id,
            port: None,
        };
        self.pass(place, Event::Routed(by));
        Ok(Next::Onward(Onward {
            sender: Neighbour::Services(id),
            link: Link::Network(id),
            nexthop: destination,
            by,
        }))
    }

    /// The packet has come to a network's own namespace.
    pub fn enter_services(&mut self, id: NetworkId) -> Step<Next> {
        let (place, destination) = (Place::Network(id), self.packet.destination);
        let network = self.config.networks.get(&id);
        match network.and_then(|network| services_end(network, destination)) {
            Some(end) => Ok(Next::End(end)),
            None => {
                let obstacle = Obstacle::ServicesForwarding {
                    network: id,
                    destination,
                };
                Err(self.stop(place, Event::Sent, obstacle))
            }
        }
    }
}

fn end_of(port: &PortConfig) -> End {
    let server = match port.binding {
        PortBinding::Server(server) => Some(server),
        _ => None,
    };
    End::Port { port: port.id, server }
}

/// Which of a network's services has an address.
fn services_end(network: &NetworkConfig, address: IpAddr) -> Option<End> {
    if METADATA.contains(&address) {
        return Some(End::Metadata(Place::Network(network.id)));
    }
    let port = network.service_port.as_ref()?;
    let own = port.addresses.iter().any(|net| net.addr() == address) || address == IpAddr::V6(port.mac.link_local());
    own.then_some(End::Services(network.id))
}

/// Where a machine sends what is for a destination.
fn way_out(
    network: &NetworkConfig,
    port: &PortConfig,
    source: IpAddr,
    destination: IpAddr,
) -> Option<(IpAddr, RouteBy)> {
    if source.is_ipv4() != destination.is_ipv4() {
        return None;
    }
    let connected = RouteBy::Connected {
        network: network.id,
        port: None,
    };
    if is_on_link(network, port, destination) {
        return Some((destination, connected));
    }
    let routes = routes(network, port, destination.is_ipv4());
    let usable = routes.iter().filter(|route| {
        // A next hop that is not on the link is refused by whoever sets the routes.
        route.destination.contains(&destination) && is_on_link(network, port, route.nexthop)
    });
    let best = usable.rev().max_by_key(|route| route.destination.prefix_len())?;
    Some((best.nexthop, best.by))
}

/// The prefixes that a machine takes to be on its link: its own subnets, by DHCP the network's others, and link-local
/// addresses of IPv6.
fn is_on_link(network: &NetworkConfig, port: &PortConfig, address: IpAddr) -> bool {
    let own = port.fixed_ips.iter().any(|fixed| fixed.address.contains(&address));
    let local = matches!(address, IpAddr::V6(v6) if v6.is_unicast_link_local());
    let told = || {
        let leased = first_subnet(network, port, true).is_some_and(|subnet| lease_server(network, subnet).is_some());
        leased && address.is_ipv4() && network.subnets.iter().any(|subnet| subnet.cidr.contains(&address))
    };
    own || local || told()
}

/// The subnet of a port's first address of an IP version: the one that tells its machine the routes.
fn first_subnet<'a>(network: &'a NetworkConfig, port: &PortConfig, v4: bool) -> Option<&'a SubnetConfig> {
    let fixed = port
        .fixed_ips
        .iter()
        .find(|fixed| fixed.address.addr().is_ipv4() == v4)?;
    network.subnets.iter().find(|subnet| subnet.id == fixed.subnet_id)
}

/// The service address that leases a subnet's IPv4 addresses.
fn lease_server(network: &NetworkConfig, subnet: &SubnetConfig) -> Option<IpAddr> {
    let addresses = network.service_port.as_ref().filter(|_| subnet.dhcp)?.addresses.iter();
    let mut near = addresses
        .map(|net| net.addr())
        .filter(|address| subnet.cidr.contains(address));
    near.find(IpAddr::is_ipv4)
}

/// What a machine is told: host routes, the way to the metadata service, the gateway.
fn routes(network: &NetworkConfig, port: &PortConfig, v4: bool) -> Vec<Route> {
    let Some(subnet) = first_subnet(network, port, v4) else {
        return Vec::new();
    };
    let of = |destination: IpNet, nexthop| Route {
        destination,
        nexthop,
        by: RouteBy::Route { destination, nexthop },
    };
    let told = subnet
        .host_routes
        .iter()
        .filter(|route| route.destination.addr().is_ipv4() == v4);
    let mut routes: Vec<Route> = told.map(|route| of(route.destination.trunc(), route.nexthop)).collect();
    let metadata = lease_server(network, subnet).map(|server| of(IpNet::from(METADATA[0]), server));
    let any = IpNet::new_assert(if v4 { [0; 4].into() } else { [0; 16].into() }, 0);
    let mine = |address: &IpAddr| port.fixed_ips.iter().any(|fixed| fixed.address.addr() == *address);
    let default = subnet.gateway.filter(|gateway| !mine(gateway)).map(|nexthop| Route {
        destination: any,
        nexthop,
        by: RouteBy::Default { nexthop, port: None },
    });
    // A user's own route to the same place wins.
    for route in metadata.into_iter().chain(default) {
        if routes.iter().all(|other| other.destination != route.destination) {
            routes.push(route);
        }
    }
    routes
}

/// Why a machine has no way to a destination.
fn no_way_out(network: &NetworkConfig, port: &PortConfig, source: IpAddr, destination: IpAddr) -> Obstacle {
    match first_subnet(network, port, destination.is_ipv4()) {
        Some(subnet) if subnet.gateway.is_none() && source.is_ipv4() == destination.is_ipv4() => {
            Obstacle::SubnetWithoutGateway {
                network: network.id,
                subnet: subnet.id,
                destination,
            }
        }
        _ => Obstacle::NoRoute {
            place: Place::Port(port.id),
            destination,
        },
    }
}
