//! The machine behind a port, which may be behind others too: a server's NICs, a trunk's subports, and, where a namespace
//! stands for a machine, whatever else is plugged into it.

use std::net::IpAddr;

use super::walker::Walker;
use crate::host::{NetworkConfig, PortBinding, PortConfig};
use crate::{PortId, ServerId, TrunkId};

/// A port of a machine.
#[derive(Clone, Copy)]
pub struct Nic<'a> {
    /// The port's network.
    pub network: &'a NetworkConfig,
    /// The port.
    pub port: &'a PortConfig,
}

impl<'a> Walker<'a> {
    /// All ports of the machine behind a port, in the order in which its NICs are, subports last by VLAN ID; none if the port
    /// is not on the host.
    pub fn machine(&self, id: PortId) -> Vec<Nic<'a>> {
        let Some(own) = self.nic(id) else {
            return Vec::new();
        };
        let all = match &own.port.binding {
            PortBinding::Server(server) => self.server_ports(*server),
            PortBinding::Namespace { netns, .. } => self.namespace_ports(netns),
            PortBinding::Trunk(trunk) => self.trunk_ports(*trunk),
            PortBinding::Router(_) => Vec::new(),
        };
        match all.iter().any(|nic| nic.port.id == id) {
            true => all,
            false => vec![own],
        }
    }

    /// Whether two ports are of one machine.
    pub fn is_same_machine(&self, one: PortId, other: PortId) -> bool {
        one == other || self.machine(one).iter().any(|nic| nic.port.id == other)
    }

    /// Whether an address is the machine's behind a port, by whichever of its ports. A link-local one is known on its own link
    /// only.
    pub fn is_machines(&self, id: PortId, address: IpAddr) -> bool {
        let is_own = |nic: &Nic<'_>| {
            let is_local = address == IpAddr::V6(nic.port.mac.link_local());
            self.has(nic.port, address) && (nic.port.id == id || !is_local)
        };
        self.machine(id).iter().any(is_own)
    }

    /// The server of the machine behind a port, if it is one's.
    pub fn server_behind(&self, id: PortId) -> Option<ServerId> {
        self.machine(id).iter().find_map(|nic| match nic.port.binding {
            PortBinding::Server(server) => Some(server),
            _ => None,
        })
    }

    fn nic(&self, id: PortId) -> Option<Nic<'a>> {
        self.port(id).map(|(network, port)| Nic { network, port })
    }

    fn server_ports(&self, server: ServerId) -> Vec<Nic<'a>> {
        let Some(config) = self.config.servers.get(&server) else {
            return Vec::new();
        };
        let mut all: Vec<Nic<'a>> = config.nics.iter().filter_map(|nic| self.nic(nic.port_id)).collect();
        let parents: Vec<PortId> = all.iter().map(|nic| nic.port.id).collect();
        let trunks = self
            .config
            .trunks
            .values()
            .filter(|trunk| parents.contains(&trunk.parent));
        all.extend(
            trunks
                .flat_map(|trunk| trunk.subports.values())
                .filter_map(|subport| self.nic(subport.port_id)),
        );
        all
    }

    fn trunk_ports(&self, trunk: TrunkId) -> Vec<Nic<'a>> {
        let Some(config) = self.config.trunks.get(&trunk) else {
            return Vec::new();
        };
        let parent = self.nic(config.parent);
        if let Some(PortBinding::Server(server)) = parent.map(|nic| &nic.port.binding)
            && self.config.servers.contains_key(server)
        {
            return self.server_ports(*server);
        }
        let subports = config.subports.values().filter_map(|subport| self.nic(subport.port_id));
        parent.into_iter().chain(subports).collect()
    }

    /// By the names of their devices: `eth0` comes before `eth1`.
    fn namespace_ports(&self, place: &str) -> Vec<Nic<'a>> {
        let networks = self.config.networks.values();
        let all = networks.flat_map(|network| network.ports.values().map(move |port| Nic { network, port }));
        let mut named: Vec<(&str, Nic<'a>)> = all
            .filter_map(|nic| match &nic.port.binding {
                PortBinding::Namespace { netns, ifname } if netns == place => Some((ifname.as_str(), nic)),
                _ => None,
            })
            .collect();
        named.sort_by_key(|(name, _)| *name);
        named.into_iter().map(|(_, nic)| nic).collect()
    }
}
