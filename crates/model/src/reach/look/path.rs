//! The way that a question's packets take, as what is found on the host is laid beside it.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::super::flow::{Flow, Start};
use super::super::observed::Asked;
use super::super::programmed::{Device, DeviceRole, Place as HostPlace, Scope};
use super::super::walk::{End, Event, Grant, Hop, Neighbour, Place, RouteBy, Translation, Walk, Way};
use crate::host::{HostConfig, PortBinding, PortConfig};
use crate::{FloatingIpId, NetworkId, PortId, SecurityGroupRuleId, ServerId};

/// One step of the first packet or of its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Spot {
    /// Which of the two.
    pub way: Way,
    /// Which step, from 0.
    pub index: usize,
}

/// The steps of both.
pub struct Path<'a> {
    pub config: &'a HostConfig,
    pub flow: &'a Flow,
    pub walk: &'a Walk,
}

impl<'a> Path<'a> {
    /// Every step with where it is.
    pub fn hops(&self) -> impl Iterator<Item = (Spot, &'a Hop)> + use<'a> {
        let request = self.walk.request.iter().enumerate();
        let reply = self.walk.reply.iter().enumerate();
        let of = |way| move |(index, hop)| (Spot { way, index }, hop);
        request.map(of(Way::Request)).chain(reply.map(of(Way::Reply)))
    }

    /// Whether the packets are IPv4's.
    pub fn is_v4(&self) -> bool {
        self.flow.destination.is_ipv4()
    }

    /// The first step for which that is so.
    pub fn find(&self, is: impl Fn(&Hop) -> bool) -> Option<Spot> {
        self.hops().find(|(_, hop)| is(hop)).map(|(spot, _)| spot)
    }

    /// The first step in a namespace.
    pub fn at(&self, place: HostPlace) -> Option<Spot> {
        match place {
            HostPlace::Attached(port) => self.of_port(port),
            HostPlace::Host => self.find(|hop| matches!(hop.place, Place::Host | Place::External(_))),
            HostPlace::Network(id) => self.find(|hop| hop.place == Place::Network(id)),
            HostPlace::Router(id) => self.find(|hop| hop.place == Place::Router(id)),
        }
    }

    /// The first step that a namespace takes by a route which a destination is for.
    pub fn routed(&self, place: HostPlace, destination: IpNet) -> Option<Spot> {
        self.find(|hop| {
            let Event::Routed(by) = &hop.event else { return false };
            let is_default = matches!(by, RouteBy::Default { .. } | RouteBy::Uplink);
            let fits = destination.contains(&hop.after.destination);
            host_place(&hop.place) == Some(place) && fits && (destination.prefix_len() > 0 || is_default)
        })
    }

    /// The first step that has to do with a port's device.
    pub fn of_port(&self, port: PortId) -> Option<Spot> {
        self.find(|hop| ports_of(hop).any(|each| each == port))
            .or_else(|| self.find(|hop| ports_of(hop).any(|each| self.parent(each) == Some(port))))
    }

    /// The port of the trunk that a subport is on.
    fn parent(&self, port: PortId) -> Option<PortId> {
        match self.port(port)?.binding {
            PortBinding::Trunk(trunk) => self.config.trunks.get(&trunk).map(|trunk| trunk.parent),
            _ => None,
        }
    }

    /// A port of the host.
    pub fn port(&self, id: PortId) -> Option<&'a PortConfig> {
        let mut networks = self.config.networks.values();
        networks.find_map(|network| network.ports.get(&id)).map(|port| &**port)
    }

    /// The first step that has to do with a device.
    pub fn of_device(&self, device: &Device) -> Option<Spot> {
        match device.role {
            DeviceRole::Loopback | DeviceRole::Stranger => self.at(device.place),
            DeviceRole::ExternalBridge(network) => self.find(|hop| hop.place == Place::External(network)),
            DeviceRole::NetworkBridge(network) => self.at(HostPlace::Network(network)),
            DeviceRole::Port(port)
            | DeviceRole::Intermediate(port)
            | DeviceRole::TrunkEnd(port)
            | DeviceRole::Leg(port)
            | DeviceRole::Gateway(port)
            | DeviceRole::GatewayEnd(port)
            | DeviceRole::Attached(port) => self.of_port(port),
        }
    }

    /// The first step where somebody is asked for an address on a link.
    pub fn resolved(&self, address: IpAddr) -> Option<Spot> {
        self.find(|hop| matches!(hop.event, Event::NeighbourResolution { address: asked, .. } if asked == address))
    }

    /// The first step with a packet from or to an address.
    pub fn with_address(&self, address: IpAddr) -> Option<Spot> {
        self.resolved(address).or_else(|| {
            self.find(|hop| {
                let packets = [&hop.before, &hop.after];
                packets
                    .iter()
                    .any(|packet| packet.source == address || packet.destination == address)
            })
        })
    }

    /// Where a floating IP is translated.
    pub fn translated(&self, id: FloatingIpId) -> Option<Spot> {
        self.find(|hop| {
            let Event::Translated(translation) = hop.event else {
                return false;
            };
            matches!(translation, Translation::FloatingIp(each) | Translation::PortForwarding(each)
                | Translation::FromFloatingIp(each) if each == id)
        })
    }

    /// Where the packet leaves under the router's own address.
    pub fn masqueraded(&self) -> Option<Spot> {
        self.find(|hop| matches!(hop.event, Event::Translated(Translation::Snat(_))))
    }

    /// Where a rule lets the packet pass.
    pub fn granted(&self, rule: SecurityGroupRuleId) -> Option<Spot> {
        self.find(|hop| match hop.event {
            Event::IngressRules { grant, .. } | Event::EgressRules { grant, .. } => grant == Some(Grant::Rule(rule)),
            _ => false,
        })
    }

    /// Where a port's rules judge the packet, of the ports that fit.
    pub fn judged(&self, fits: impl Fn(PortId) -> bool) -> Option<Spot> {
        self.find(|hop| match hop.event {
            Event::IngressRules { port, .. } | Event::EgressRules { port, .. } => fits(port),
            _ => false,
        })
    }

    /// The first step that has to do with a server.
    pub fn of_server(&self, server: ServerId) -> Option<Spot> {
        let is_its = |port: PortId| self.server_of(port) == Some(server);
        self.find(|hop| ports_of(hop).any(is_its))
    }

    /// The server that a port, or the trunk that it is on, is plugged into.
    pub fn server_of(&self, port: PortId) -> Option<ServerId> {
        match &self.port(port)?.binding {
            PortBinding::Server(server) => Some(*server),
            PortBinding::Trunk(_) => self.server_of(self.parent(port)?),
            _ => None,
        }
    }

    /// Where the host passes packets on between its links.
    pub fn forwarded_by_host(&self) -> Option<Spot> {
        let ends_here = self.flow.start == Start::Host || self.walk.arrival == Some(End::Host);
        self.find(|hop| hop.place == Place::Host).filter(|_| !ends_here)
    }

    /// Where the host itself sends or gets a packet.
    pub fn at_host_itself(&self) -> Option<Spot> {
        let ends_here = self.flow.start == Start::Host || self.walk.arrival == Some(End::Host);
        self.find(|hop| hop.place == Place::Host).filter(|_| ends_here)
    }

    /// What is to be looked at on the host.
    pub fn asked(&self) -> Asked {
        let mut scope = Scope::default();
        let mut addresses = BTreeSet::new();
        for (_, hop) in self.hops() {
            for packet in [&hop.before, &hop.after] {
                addresses.extend([packet.source, packet.destination]);
            }
            if let Event::NeighbourResolution { address, .. } = hop.event {
                addresses.insert(address);
            }
            match hop.place {
                Place::External(network) | Place::Outside { network, .. } => drop(scope.externals.insert(network)),
                Place::Network(network) => drop(scope.networks.insert(network)),
                Place::Router(router) => drop(scope.routers.insert(router)),
                Place::Host | Place::Beyond => scope.externals.extend(self.config.externals.keys()),
                Place::Port(_) => {}
            }
            for port in ports_of(hop).filter(|port| self.port(*port).is_some()) {
                scope.ports.insert(port);
                scope.servers.extend(self.server_of(port));
            }
        }
        addresses.retain(|address| !address.is_unspecified());
        Asked { scope, addresses }
    }

    /// The port that the packet arrives at, with its network and the address that it goes to there.
    pub fn arrival(&self) -> Option<(NetworkId, PortId, IpAddr)> {
        let Some(End::Port { port, .. }) = self.walk.arrival else {
            return None;
        };
        let last = self.walk.request.last()?;
        Some((self.port(port)?.network_id, port, last.after.destination))
    }
}

/// The namespace that a step is taken in; `None`: somebody else's machine.
pub fn host_place(place: &Place) -> Option<HostPlace> {
    match place {
        Place::Host | Place::External(_) => Some(HostPlace::Host),
        Place::Network(id) => Some(HostPlace::Network(*id)),
        Place::Router(id) => Some(HostPlace::Router(*id)),
        Place::Outside { .. } | Place::Beyond | Place::Port(_) => None,
    }
}

/// The ports whose devices a step has to do with.
pub fn ports_of(hop: &Hop) -> impl Iterator<Item = PortId> + use<> {
    let by_place = match hop.place {
        Place::Port(port) => Some(port),
        _ => None,
    };
    let by_event = match hop.event {
        Event::Plugged { port }
        | Event::SpoofingGuard { port }
        | Event::EgressRules { port, .. }
        | Event::IngressRules { port, .. }
        | Event::Arrived(End::Port { port, .. })
        | Event::NeighbourResolution {
            neighbour: Some(Neighbour::Port(port) | Neighbour::Router { port, .. }),
            ..
        }
        | Event::Routed(RouteBy::Connected { port: Some(port), .. } | RouteBy::Default { port: Some(port), .. }) => {
            Some(port)
        }
        _ => None,
    };
    by_place.into_iter().chain(by_event)
}
