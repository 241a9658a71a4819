//! The machine behind a port, and a network's own services: where they send, and what is theirs.
//!
//! A machine has its port's fixed IPs, and the routes that the cloud tells it: its first subnet's gateway and host routes, and
//! with DHCP what `node` puts into option 121. It answers whoever asks, and forwards nothing.
//!
//! One with several ports has one routing table, as Linux has unless somebody sets up more: all that each port was told, and of
//! several ways to the same prefix that of the first port. So what came by the second port may leave by the first, under an
//! address that the first must not send from. A guest may do otherwise, which nobody here can know: [`Event::OtherPort`] says so.

use std::net::IpAddr;

use ipnet::IpNet;

use super::bridge::METADATA;
use super::hop::{End, Event, Neighbour, Place, RouteBy};
use super::machine::Nic;
use super::obstacle::Obstacle;
use super::rules::stands_for;
use super::walker::{Link, Next, Onward, Step, Walker};
use crate::host::{NetworkConfig, PortConfig, SubnetConfig};
use crate::{NetworkId, PortId};

/// The prefix length of link-local addresses (RFC 4291, 2.5.6).
const LINK_LOCAL_PREFIX: u8 = 64;

/// A way out of a machine.
struct Route {
    destination: IpNet,
    nexthop: IpAddr,
    by: RouteBy,
}

/// A way out of a machine by one of its ports.
struct Out<'a> {
    nic: Nic<'a>,
    /// Length of the prefix that it is for.
    length: u8,
    nexthop: IpAddr,
    by: RouteBy,
}

impl Walker<'_> {
    /// The machine behind a port sends the packet.
    pub fn leave_port(&mut self, id: PortId) -> Step<Next> {
        let place = Place::Port(id);
        let machine = self.machine(id);
        let Some(first) = machine.iter().find(|nic| nic.port.id == id) else {
            return Err(self.stop(place, Event::Sent, Obstacle::PortMissing { port: id }));
        };
        self.pass(place, Event::Sent);
        let (source, destination) = (self.packet.source, self.packet.destination);
        if self.is_machines(id, destination) {
            return Ok(Next::End(self.end_at(id)));
        }
        match way_out(&machine, source, destination) {
            Some(out) => {
                let port = out.nic.port.id;
                if port != id {
                    self.pass(place, Event::OtherPort { port });
                }
                self.pass(place, Event::Routed(out.by));
                Ok(Next::Onward(Onward {
                    sender: Neighbour::Port(port),
                    link: Link::Network(out.nic.network.id),
                    nexthop: out.nexthop,
                    by: out.by,
                }))
            }
            None => {
                let obstacle = no_way_out(first.network, first.port, source, destination);
                Err(self.stop(place, Event::Sent, obstacle))
            }
        }
    }

    /// The packet has come to the machine behind a port.
    pub fn enter_port(&mut self, id: PortId) -> Step<Next> {
        let place = Place::Port(id);
        let destination = self.packet.destination;
        match self.port(id) {
            Some((_, port)) if self.is_machines(id, destination) || stands_for(port, destination) => {
                Ok(Next::End(self.end_at(id)))
            }
            _ => {
                let obstacle = Obstacle::GuestForwarding { port: id, destination };
                Err(self.stop(place, Event::Plugged { port: id }, obstacle))
            }
        }
    }

    fn end_at(&self, port: PortId) -> End {
        let server = self.server_behind(port);
        End::Port { port, server }
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

/// Which of a network's services has an address.
fn services_end(network: &NetworkConfig, address: IpAddr) -> Option<End> {
    if METADATA.contains(&address) {
        return Some(End::Metadata(Place::Network(network.id)));
    }
    let port = network.service_port.as_ref()?;
    let own = port.addresses.iter().any(|net| net.addr() == address) || address == IpAddr::V6(port.mac.link_local());
    own.then_some(End::Services(network.id))
}

/// Where a machine sends what is for a destination: by the longest prefix, as its kernel does, and of several ports by the first
/// one. What is on a link comes before a route to the same prefix.
fn way_out<'a>(machine: &[Nic<'a>], source: IpAddr, destination: IpAddr) -> Option<Out<'a>> {
    if source.is_ipv4() != destination.is_ipv4() {
        return None;
    }
    let mut best: Option<Out<'a>> = None;
    for nic in machine {
        let (near, far) = ways_by(*nic, destination);
        for way in near.into_iter().chain(far) {
            if best.as_ref().is_none_or(|best| way.length > best.length) {
                best = Some(way);
            }
        }
    }
    best
}

/// The best way on the link of a port, and the best of the routes that it was told by it.
fn ways_by<'a>(nic: Nic<'a>, destination: IpAddr) -> (Option<Out<'a>>, Option<Out<'a>>) {
    let Nic { network, port } = nic;
    let connected = RouteBy::Connected {
        network: network.id,
        port: None,
    };
    let near = on_link(network, port, destination).map(|length| Out {
        nic,
        length,
        nexthop: destination,
        by: connected,
    });
    let routes = routes(network, port, destination.is_ipv4());
    let usable = routes.into_iter().filter(|route| {
        // A next hop that is not on the link is refused by whoever sets the routes, and so is oneself with IPv6.
        let is_usable = route.nexthop.is_ipv4() || !is_mine(port, route.nexthop);
        is_usable && route.destination.contains(&destination) && on_link(network, port, route.nexthop).is_some()
    });
    let far = usable.rev().max_by_key(|route| route.destination.prefix_len());
    let far = far.map(|route| {
        // Linux takes a route by an address of its own as one to the link (`fib_check_nh`).
        let (nexthop, by) = match is_mine(port, route.nexthop) {
            true => (destination, connected),
            false => (route.nexthop, route.by),
        };
        let length = route.destination.prefix_len();
        Out {
            nic,
            length,
            nexthop,
            by,
        }
    });
    (near, far)
}

fn is_mine(port: &PortConfig, address: IpAddr) -> bool {
    port.fixed_ips.iter().any(|fixed| fixed.address.addr() == address)
}

/// The length of the prefix by which a machine takes an address to be on a port's link: one of its own subnets, by DHCP the
/// network's others, or link-local addresses of IPv6.
fn on_link(network: &NetworkConfig, port: &PortConfig, address: IpAddr) -> Option<u8> {
    let own = port.fixed_ips.iter().map(|fixed| fixed.address);
    let leased = first_subnet(network, port, true).is_some_and(|subnet| lease_server(network, subnet).is_some());
    let told = network.subnets.iter().map(|subnet| subnet.cidr);
    let told = told.filter(|_| leased && address.is_ipv4());
    let near = own
        .chain(told)
        .filter(|net| net.contains(&address))
        .map(|net| net.prefix_len());
    let local = matches!(address, IpAddr::V6(v6) if v6.is_unicast_link_local()).then_some(LINK_LOCAL_PREFIX);
    near.chain(local).max()
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
    let default = subnet
        .gateway
        .filter(|gateway| !is_mine(port, *gateway))
        .map(|nexthop| Route {
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
