//! A network as the services look at it: the fragment with the look-ups that answering needs.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use imbl::OrdMap;
use imbl::ordmap::DiffItem;
use ipnet::{IpNet, Ipv4Net};
use model::address::MacAddress;
use model::host::{FixedIpConfig, NetworkConfig, PortBinding, PortConfig, SubnetConfig};

/// One network's fragment and its indexes, shared by the network's sockets. When the fragment changes a new one is made
/// of the one before, at the cost of the change.
#[derive(Debug)]
pub struct NetworkView {
    /// The fragment it was made of.
    pub config: Arc<NetworkConfig>,
    by_mac: OrdMap<MacAddress, Arc<PortConfig>>,
    by_address: OrdMap<IpAddr, Arc<PortConfig>>,
    names_by_address: OrdMap<IpAddr, BTreeSet<String>>,
}

impl NetworkView {
    /// Builds the look-ups. Routers' legs are no clients and are left out.
    pub fn new(config: Arc<NetworkConfig>) -> Self {
        let empty = Self {
            config: Arc::new(NetworkConfig {
                ports: OrdMap::new(),
                names: OrdMap::new(),
                ..(*config).clone()
            }),
            by_mac: OrdMap::new(),
            by_address: OrdMap::new(),
            names_by_address: OrdMap::new(),
        };
        empty.changed(config)
    }

    /// The view of a newer fragment of the same network.
    pub fn changed(&self, config: Arc<NetworkConfig>) -> Self {
        let mut new = Self {
            config: Arc::clone(&config),
            by_mac: self.by_mac.clone(),
            by_address: self.by_address.clone(),
            names_by_address: self.names_by_address.clone(),
        };
        let (mut left, mut entered) = (Vec::new(), Vec::new());
        for item in self.config.ports.diff(&config.ports) {
            let (old, now) = match item {
                DiffItem::Add(_, now) => (None, Some(now)),
                DiffItem::Remove(_, old) => (Some(old), None),
                DiffItem::Update {
                    old: (_, old),
                    new: (_, now),
                } => (Some(old), Some(now)),
            };
            left.extend(old);
            entered.extend(now);
        }
        // All leave before any enters: one may take over what another had.
        left.into_iter().for_each(|port| new.leave(port));
        entered.into_iter().for_each(|port| new.enter(port));
        for item in self.config.names.diff(&config.names) {
            let none = BTreeSet::new();
            let (name, old, now) = match item {
                DiffItem::Add(name, now) => (name, &none, now),
                DiffItem::Remove(name, old) => (name, old, &none),
                DiffItem::Update {
                    old: (name, old),
                    new: (_, now),
                } => (name, old, now),
            };
            old.difference(now).for_each(|ip| new.unname(name, ip));
            for ip in now.difference(old) {
                new.names_by_address.entry(*ip).or_default().insert(name.clone());
            }
        }
        new
    }

    fn enter(&mut self, port: &Arc<PortConfig>) {
        if matches!(port.binding, PortBinding::Router(_)) {
            return;
        }
        self.by_mac.insert(port.mac, Arc::clone(port));
        for fixed in &port.fixed_ips {
            self.by_address.insert(fixed.address.addr(), Arc::clone(port));
        }
    }

    fn leave(&mut self, port: &PortConfig) {
        let is_its = |found: Option<&Arc<PortConfig>>| found.is_some_and(|found| found.id == port.id);
        if is_its(self.by_mac.get(&port.mac)) {
            self.by_mac.remove(&port.mac);
        }
        for address in port.fixed_ips.iter().map(|fixed| fixed.address.addr()) {
            if is_its(self.by_address.get(&address)) {
                self.by_address.remove(&address);
            }
        }
    }

    fn unname(&mut self, name: &str, ip: &IpAddr) {
        if let Some(names) = self.names_by_address.get_mut(ip) {
            names.remove(name);
            if names.is_empty() {
                self.names_by_address.remove(ip);
            }
        }
    }

    /// The client port with this MAC.
    pub fn port_by_mac(&self, mac: MacAddress) -> Option<&Arc<PortConfig>> {
        self.by_mac.get(&mac)
    }

    /// The client port that owns this address: a fixed IP, or the link-local address that its MAC makes. The filter lets
    /// a port send from no other addresses, so this is who is asking.
    pub fn port_by_address(&self, address: IpAddr) -> Option<&Arc<PortConfig>> {
        match address {
            IpAddr::V6(address) if address.is_unicast_link_local() => self.port_by_mac(mac_of_link_local(address)?),
            _ => self.by_address.get(&address),
        }
    }

    /// The DNS name (without domain) of an address. The first in order where it has several, so that the answer does not
    /// change by chance.
    pub fn name_of(&self, address: IpAddr) -> Option<&str> {
        self.names_by_address.get(&address)?.first().map(String::as_str)
    }

    /// The subnet a fixed IP is from.
    pub fn subnet_of(&self, fixed: &FixedIpConfig) -> Option<&SubnetConfig> {
        self.config.subnets.iter().find(|subnet| subnet.id == fixed.subnet_id)
    }

    /// Whether an address may be a host of this network.
    pub fn is_on_link(&self, address: IpAddr) -> bool {
        match address {
            IpAddr::V6(address) if address.is_unicast_link_local() => true,
            _ => self.config.subnets.iter().any(|subnet| subnet.cidr.contains(&address)),
        }
    }

    /// The IPv4 service address in a subnet: who answers DHCP there.
    pub fn service_address_in(&self, subnet: Ipv4Net) -> Option<Ipv4Addr> {
        self.service_addresses().find_map(|address| match address {
            IpAddr::V4(address) if subnet.contains(&address) => Some(address),
            _ => None,
        })
    }

    /// The IPv6 service address in a subnet.
    pub fn service_address6_in(&self, subnet: &IpNet) -> Option<Ipv6Addr> {
        self.service_addresses().find_map(|address| match address {
            IpAddr::V6(v6) if subnet.contains(&address) => Some(v6),
            _ => None,
        })
    }

    /// All addresses at which the network's own services answer.
    pub fn service_addresses(&self) -> impl Iterator<Item = IpAddr> + '_ {
        service_addresses(&self.config)
    }
}

/// All addresses at which a network's own services answer.
pub fn service_addresses(config: &NetworkConfig) -> impl Iterator<Item = IpAddr> + '_ {
    let port = config.service_port.iter();
    port.flat_map(|port| port.addresses.iter().map(IpNet::addr))
}

/// The MAC in an EUI-64 link-local address; `None` if the address was made another way.
pub fn mac_of_link_local(address: Ipv6Addr) -> Option<MacAddress> {
    let b = address.octets();
    let eui64 = b[..8] == [0xfe, 0x80, 0, 0, 0, 0, 0, 0] && b[11..13] == [0xff, 0xfe];
    eui64.then(|| MacAddress([b[8] ^ 2, b[9], b[10], b[13], b[14], b[15]]))
}

/// The host name of a port: its DNS name, or the one Neutron makes of the address (`host-10-0-0-5`).
pub fn host_name(port: &PortConfig, address: IpAddr) -> String {
    match &port.dns_name {
        Some(name) if !name.is_empty() => name.clone(),
        _ => format!("host-{}", address.to_string().replace(['.', ':'], "-")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_local_address_tells_its_mac() {
        let mac: MacAddress = "fa:16:3e:01:02:03".parse().unwrap();
        assert_eq!(mac_of_link_local(mac.link_local()), Some(mac));
        assert_eq!(mac_of_link_local("fe80::1".parse().unwrap()), None);
        assert_eq!(mac_of_link_local("fe80:1::f816:3eff:fe01:203".parse().unwrap()), None);
    }
}
