//! What a person asks: can this reach that? And what packets that means.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde::{Deserialize, Serialize};

use super::flow::{Flow, Protocol, Start};
use crate::host::HostConfig;
use crate::network::{FloatingIp, Port, network};
use crate::{Cloud, FloatingIpId, NetworkId, PortId, RouterId, ServerId};

/// Who asks to reach somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// A machine outside the cloud; without an address, one somewhere behind the host.
    Outside {
        /// Its address.
        address: Option<IpAddr>,
    },
    /// The cloud's host.
    Host,
    /// A router's namespace; without an id, the router of the target's network.
    Router {
        /// The router.
        id: Option<RouterId>,
    },
    /// A network's own namespace, where DHCP is; without an id, that of the target's network.
    Network {
        /// The network.
        id: Option<NetworkId>,
    },
    /// What is plugged into a port.
    Port {
        /// The port.
        id: PortId,
    },
    /// A server, by its first port.
    Server {
        /// The server.
        id: ServerId,
    },
}

/// Who is to be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// A server.
    Server {
        /// The server.
        id: ServerId,
    },
    /// What is plugged into a port.
    Port {
        /// The port.
        id: PortId,
    },
    /// Whoever a floating IP leads to.
    FloatingIp {
        /// The floating IP.
        id: FloatingIpId,
    },
    /// Whoever has an address.
    Address {
        /// The address.
        address: IpAddr,
    },
}

/// Which of a target's addresses.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Which {
    /// The one that whoever asks would use: from outside and from the host the floating IP, else the fixed one.
    #[default]
    Usual,
    /// The one on its own network.
    Fixed,
    /// The floating one.
    Floating,
}

/// A question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// Who asks to reach.
    pub from: Origin,
    /// Whom.
    pub to: Target,
    /// By which of their addresses.
    #[serde(default)]
    pub which: Which,
    /// With what.
    pub protocol: Protocol,
    /// By which IP version (4 or 6); 4 if the target has an address of it.
    #[serde(default)]
    pub ip_version: Option<u8>,
}

/// Why a question can't be put as packets: something that has to be there is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lack {
    /// A server has no port.
    Port {
        /// The server.
        server: ServerId,
    },
    /// A port has no address of the IP version.
    Address {
        /// The port.
        port: PortId,
        /// 4 or 6.
        ip_version: u8,
    },
    /// No floating IP leads to a port.
    FloatingIp {
        /// The port.
        port: PortId,
    },
    /// A floating IP leads nowhere.
    Association {
        /// The floating IP.
        floating_ip: FloatingIpId,
    },
    /// No router has a leg on the network.
    Router {
        /// The network.
        network: NetworkId,
    },
    /// There is no provider network.
    ExternalNetwork,
}

/// The address of a machine outside that nobody named: one of those that documentation uses (RFC 5737, RFC 3849), so that no
/// rule about real neighbours is meant by accident.
fn somebody(is_v4: bool) -> IpAddr {
    match is_v4 {
        true => IpAddr::V4(Ipv4Addr::new(203, 0, 113, 10)),
        false => IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0xffff, 0, 0, 0, 0, 0x10)),
    }
}

impl Question {
    /// The port that is asked for, if it is one of the cloud's.
    pub fn target_port<'a>(&self, cloud: &'a Cloud) -> Option<&'a Port> {
        let id = match self.to {
            Target::Server { id } => return first_port(cloud, id),
            Target::Port { id } => id,
            Target::FloatingIp { id } => cloud.floating_ips.get(&id)?.port_id?,
            Target::Address { address } => {
                let found = cloud
                    .floating_ips
                    .iter()
                    .find(|floating_ip| IpAddr::V4(floating_ip.floating_ip_address) == address);
                found?.port_id?
            }
        };
        cloud.ports.get(&id).map(|port| port.as_ref())
    }

    /// Whether it asks from the router or the network of a target that is none of the cloud's, and so has neither.
    pub fn is_vague(&self, cloud: &Cloud) -> bool {
        let is_by_target = matches!(self.from, Origin::Router { id: None } | Origin::Network { id: None });
        is_by_target
            && matches!(self.to, Target::Address { .. })
            && self.unassociated(cloud).is_none()
            && self.target_port(cloud).is_none()
    }

    /// The floating IP that is asked for by its address, if it leads nowhere.
    fn unassociated(&self, cloud: &Cloud) -> Option<FloatingIpId> {
        let Target::Address { address } = self.to else {
            return None;
        };
        let mut all = cloud.floating_ips.iter();
        let found = all.find(|floating_ip| IpAddr::V4(floating_ip.floating_ip_address) == address)?;
        found.port_id.is_none().then_some(found.id)
    }

    /// The IP version that its packets have, or would have.
    pub fn version(&self, cloud: &Cloud) -> u8 {
        match self.destination(cloud) {
            Ok(IpAddr::V4(_)) => 4,
            Ok(IpAddr::V6(_)) => 6,
            Err(_) => self.ip_version.unwrap_or(4),
        }
    }

    /// The packets that are meant.
    ///
    /// # Errors
    /// What has to be there first.
    pub fn flow(&self, cloud: &Cloud, config: &HostConfig) -> Result<Flow, Lack> {
        let destination = self.destination(cloud)?;
        Ok(Flow {
            start: self.start(cloud, config, destination)?,
            destination,
            protocol: self.protocol,
        })
    }

    fn destination(&self, cloud: &Cloud) -> Result<IpAddr, Lack> {
        let port = match self.to {
            Target::Address { address } => return Ok(address),
            Target::FloatingIp { id } => {
                let floating_ip = cloud.floating_ips.get(&id).filter(|found| found.port_id.is_some());
                let found = floating_ip.ok_or(Lack::Association { floating_ip: id })?;
                return Ok(IpAddr::V4(found.floating_ip_address));
            }
            Target::Server { id } => first_port(cloud, id).ok_or(Lack::Port { server: id })?,
            Target::Port { id } => match cloud.ports.get(&id) {
                Some(port) => port,
                None => {
                    return Err(Lack::Address {
                        port: id,
                        ip_version: 4,
                    });
                }
            },
        };
        let has_v4 = port.first_ipv4().is_some();
        let is_v4 = self.ip_version.map_or(has_v4, |version| version == 4);
        let usually_floating = is_v4 && matches!(self.from, Origin::Outside { .. } | Origin::Host);
        let is_floating = match self.which {
            Which::Usual => usually_floating,
            Which::Fixed => false,
            Which::Floating => is_v4,
        };
        if is_floating {
            let found = floating_ip_of(cloud, port).ok_or(Lack::FloatingIp { port: port.id })?;
            return Ok(IpAddr::V4(found.floating_ip_address));
        }
        address_of(port, is_v4).ok_or(Lack::Address {
            port: port.id,
            ip_version: if is_v4 { 4 } else { 6 },
        })
    }

    fn start(&self, cloud: &Cloud, config: &HostConfig, destination: IpAddr) -> Result<Start, Lack> {
        let is_v4 = destination.is_ipv4();
        let port = match self.from {
            Origin::Host => return Ok(Start::Host),
            Origin::Outside { address } => {
                let network = self.external(cloud, config).ok_or(Lack::ExternalNetwork)?;
                let address = address.unwrap_or_else(|| somebody(is_v4));
                return Ok(Start::Outside { network, address });
            }
            Origin::Router { id: Some(id) } => return Ok(Start::Router(id)),
            Origin::Network { id: Some(id) } => return Ok(Start::Network(id)),
            Origin::Router { id: None } => {
                let network = self.target_network(cloud);
                let router = network.and_then(|network| router_on(config, network));
                return match (router, network) {
                    (Some(router), _) => Ok(Start::Router(router)),
                    (None, Some(network)) => Err(Lack::Router { network }),
                    (None, None) => Err(self.nobody(cloud)),
                };
            }
            Origin::Network { id: None } => {
                let network = self.target_network(cloud);
                return network.map(Start::Network).ok_or_else(|| self.nobody(cloud));
            }
            Origin::Port { id } => cloud.ports.get(&id).ok_or(Lack::Address {
                port: id,
                ip_version: 4,
            })?,
            Origin::Server { id } => first_port(cloud, id).ok_or(Lack::Port { server: id })?,
        };
        let address = address_of(port, is_v4).ok_or(Lack::Address {
            port: port.id,
            ip_version: if is_v4 { 4 } else { 6 },
        })?;
        Ok(Start::Port { id: port.id, address })
    }

    /// What lacks where the target has no port.
    fn nobody(&self, cloud: &Cloud) -> Lack {
        let leads_nowhere = self.unassociated(cloud);
        leads_nowhere.map_or(Lack::ExternalNetwork, |floating_ip| Lack::Association { floating_ip })
    }

    fn target_network(&self, cloud: &Cloud) -> Option<NetworkId> {
        self.target_port(cloud).map(|port| port.network_id)
    }

    /// The provider network that a machine outside comes by.
    fn external(&self, cloud: &Cloud, config: &HostConfig) -> Option<NetworkId> {
        if let Target::FloatingIp { id } = self.to {
            return cloud
                .floating_ips
                .get(&id)
                .map(|floating_ip| floating_ip.floating_network_id);
        }
        let by_router = || {
            let router = router_on(config, self.target_network(cloud)?)?;
            config
                .routers
                .get(&router)?
                .gateway
                .as_ref()
                .map(|gateway| gateway.network_id)
        };
        let first = || cloud.lookups.external_networks.first(&()).copied();
        let default = || network::default_external(cloud).map(|network| network.id);
        by_router().or_else(default).or_else(first)
    }
}

/// A server's first port: the one with an IPv4 address, if any has.
pub(super) fn first_port(cloud: &Cloud, server: ServerId) -> Option<&Port> {
    let ports = || cloud.ports_of_device(&server.to_string()).map(|port| port.as_ref());
    ports()
        .find(|port| port.first_ipv4().is_some())
        .or_else(|| ports().next())
}

/// The floating IP that leads to a port.
pub(super) fn floating_ip_of<'a>(cloud: &'a Cloud, port: &Port) -> Option<&'a FloatingIp> {
    let id = cloud.lookups.floating_ips_by_port.first(&port.id)?;
    cloud.floating_ips.get(id).map(|floating_ip| floating_ip.as_ref())
}

fn address_of(port: &Port, is_v4: bool) -> Option<IpAddr> {
    let addresses = port.fixed_ips.iter().map(|fixed| fixed.ip_address);
    addresses.into_iter().find(|address| address.is_ipv4() == is_v4)
}

/// A router with a leg on a network: one with a gateway first.
fn router_on(config: &HostConfig, network: NetworkId) -> Option<RouterId> {
    let on = || {
        config
            .routers
            .values()
            .filter(move |router| router.legs.iter().any(|leg| leg.network_id == network))
    };
    let with_gateway = on().find(|router| router.gateway.is_some());
    with_gateway.or_else(|| on().next()).map(|router| router.id)
}
