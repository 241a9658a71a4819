//! A network as the services look at it: the fragment with the look-ups that answering needs.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use ipnet::{IpNet, Ipv4Net};
use model::address::MacAddress;
use model::host::{FixedIpConfig, NetworkConfig, PortBinding, PortConfig, SubnetConfig};

/// One network's fragment and its indexes. Made anew when the fragment changes, shared by the network's sockets.
#[derive(Debug)]
pub struct NetworkView {
    /// The fragment it was made of.
    pub config: Arc<NetworkConfig>,
    by_mac: HashMap<MacAddress, Arc<PortConfig>>,
    by_address: HashMap<IpAddr, Arc<PortConfig>>,
    names_by_address: HashMap<IpAddr, String>,
}

impl NetworkView {
    /// Builds the look-ups. Routers' legs are no clients and are left out.
    pub fn new(config: Arc<NetworkConfig>) -> Self {
        let clients = || {
            config
                .ports
                .values()
                .filter(|port| !matches!(port.binding, PortBinding::Router(_)))
        };
        let by_mac = clients().map(|port| (port.mac, Arc::clone(port))).collect();
        let by_address = clients()
            .flat_map(|port| {
                port.fixed_ips
                    .iter()
                    .map(move |fixed| (fixed.address.addr(), Arc::clone(port)))
            })
            .collect();
        // The first name in order wins where an address has several, so that the answer does not change by chance.
        let mut names_by_address = HashMap::new();
        for (name, addresses) in &config.names {
            for address in addresses {
                names_by_address.entry(*address).or_insert_with(|| name.clone());
            }
        }
        Self {
            by_mac,
            by_address,
            names_by_address,
            config,
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

    /// The DNS name (without domain) of an address.
    pub fn name_of(&self, address: IpAddr) -> Option<&str> {
        self.names_by_address.get(&address).map(String::as_str)
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
        self.config
            .service_port
            .iter()
            .flat_map(|port| port.addresses.iter().map(IpNet::addr))
    }
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
