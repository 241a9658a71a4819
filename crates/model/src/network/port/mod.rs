//! Neutron's port: a place on a network where something can be plugged in.

mod addresses;
mod attachment;
mod change;
mod create;
pub mod dhcp;
mod server;
mod spec;
mod validate;

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

pub(super) use addresses::reallocate;
pub use attachment::{attach_namespace, detach_namespace};
pub use change::{delete, update};
pub use create::create;
pub(super) use create::{OwnPort, create_own};
pub use server::{ServerBinding, ServerNic, create_for_server, release_from_server};
pub use spec::{FixedIpSpec, PortSpec};

use super::access::Resource;
use super::{Network, Standard, Status};
use crate::address::MacAddress;
use crate::cloud::{Lookups, Row};
use crate::host::ExtraDhcpOpt;
use crate::{Actor, Cloud, Error, HostId, NetworkId, PortId, ProjectId, QosPolicyId, SecurityGroupId, SubnetId};

/// Values of `device_owner` that mean something to Neutron.
pub mod device_owner {
    /// The network's DHCP, DNS and metadata address.
    pub const DHCP: &str = "network:dhcp";
    /// A router's leg.
    pub const ROUTER_INTERFACE: &str = "network:router_interface";
    /// A router's gateway.
    pub const ROUTER_GATEWAY: &str = "network:router_gateway";
    /// Holds a floating IP's address.
    pub const FLOATING_IP: &str = "network:floatingip";
    /// A server's NIC: this and the availability zone.
    pub const COMPUTE_PREFIX: &str = "compute:";
    /// A port that a trunk carries.
    pub const TRUNK_SUBPORT: &str = "trunk:subport";
}

/// A port: a place on a network where something can be plugged in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Port {
    /// Its id.
    pub id: PortId,
    /// Owner, name and so on.
    #[serde(flatten)]
    pub standard: Standard,
    /// The network.
    pub network_id: NetworkId,
    /// Its MAC.
    pub mac_address: MacAddress,
    /// Its addresses.
    pub fixed_ips: Vec<FixedIp>,
    /// What it is plugged into: a server's or router's id, or any text.
    pub device_id: String,
    /// What kind of thing that is (see [`device_owner`]).
    pub device_owner: String,
    /// `false`: no packet passes.
    pub admin_state_up: bool,
    /// As reported.
    pub status: Status,
    /// Whether spoofing is stopped and security groups hold.
    pub port_security_enabled: bool,
    /// Its groups.
    #[serde(default)]
    pub security_groups: BTreeSet<SecurityGroupId>,
    /// Further senders it may speak as.
    #[serde(default)]
    pub allowed_address_pairs: Vec<AllowedAddressPair>,
    /// DHCP options of its own.
    #[serde(default)]
    pub extra_dhcp_opts: Vec<ExtraDhcpOpt>,
    /// Its name in DNS.
    #[serde(default)]
    pub dns_name: String,
    /// The host it is bound to.
    #[serde(default)]
    pub host_id: Option<HostId>,
    /// `binding:vnic_type`.
    #[serde(default = "normal")]
    pub vnic_type: String,
    /// `binding:profile`, kept as given.
    #[serde(default)]
    pub binding_profile: serde_json::Map<String, serde_json::Value>,
    /// An existing namespace plugged into it by `maru port attach`.
    #[serde(default)]
    pub attachment: Option<NamespaceAttachment>,
    /// Made by Nova for a server (not given to it by the user): it is deleted with the server.
    #[serde(default)]
    pub made_for_server: bool,
    /// Its own QoS policy.
    #[serde(default)]
    pub qos_policy_id: Option<QosPolicyId>,
}

fn normal() -> String {
    "normal".to_owned()
}

/// An address of a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FixedIp {
    /// The subnet it is from.
    pub subnet_id: SubnetId,
    /// The address.
    pub ip_address: IpAddr,
}

/// A further sender that a port may speak as.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct AllowedAddressPair {
    /// The addresses.
    pub ip_address: IpNet,
    /// The MAC; the port's own when `None`.
    pub mac_address: Option<MacAddress>,
}

/// A namespace plugged into a port.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamespaceAttachment {
    /// Its name below `/run/netns`.
    pub netns: String,
    /// The interface's name inside.
    pub ifname: String,
}

impl Port {
    /// Whether it is the cloud's own (router, DHCP, floating IP) and not a user's.
    pub fn is_network_owned(&self) -> bool {
        self.device_owner.starts_with("network:")
    }

    /// Whether it is a router's leg on a self-service network.
    pub fn is_router_owned(&self) -> bool {
        self.device_owner == device_owner::ROUTER_INTERFACE
    }

    /// Its first IPv4 address.
    pub fn first_ipv4(&self) -> Option<std::net::Ipv4Addr> {
        self.fixed_ips.iter().find_map(|fixed| match fixed.ip_address {
            IpAddr::V4(ip) => Some(ip),
            IpAddr::V6(_) => None,
        })
    }
}

impl Resource for Port {
    const NAME: &'static str = "port";
    fn standard(&self) -> &Standard {
        &self.standard
    }
    fn standard_mut(&mut self) -> &mut Standard {
        &mut self.standard
    }
    fn visible_to(&self, cloud: &Cloud, actor: &Actor) -> bool {
        let of_network = |network: &Arc<Network>| actor.can_see(&network.standard.project_id);
        actor.can_see(&self.standard.project_id) || cloud.networks.get(&self.network_id).is_some_and(of_network)
    }
}

/// Ports that the caller may see with this id or name.
pub fn find<'a>(cloud: &'a Cloud, actor: &Actor, id_or_name: &str) -> Vec<&'a Arc<Port>> {
    if let Some(port) = id_or_name.parse().ok().and_then(|id| cloud.ports.get(&id)) {
        return Vec::from_iter(port.visible_to(cloud, actor).then_some(port));
    }
    cloud
        .ports
        .iter()
        .filter(|port| port.standard.name == id_or_name && port.visible_to(cloud, actor))
        .collect()
}

impl Row for Port {
    type Id = PortId;
    const KIND: &'static str = "port";
    crate::table!(Port, ports);
    fn id(&self) -> PortId {
        self.id
    }
    fn not_found(id: &PortId) -> Error {
        Error::not_found("PortNotFound", format!("Port {id} could not be found."))
    }
    fn project(&self) -> Option<&ProjectId> {
        Some(&self.standard.project_id)
    }
    fn index(&self, lookups: &mut Lookups, present: bool) {
        if let Some(policy) = self.qos_policy_id {
            lookups.ports_by_qos.set(policy, self.id, present);
        }
        lookups.ports_by_network.set(self.network_id, self.id, present);
        lookups
            .ports_by_mac
            .set((self.network_id, self.mac_address), self.id, present);
        if !self.device_id.is_empty() {
            lookups.ports_by_device.set(self.device_id.clone(), self.id, present);
        }
        let is_dhcp = self.device_owner == device_owner::DHCP;
        if present && is_dhcp && dhcp::is_wanted(self) != (self.status == Status::Active) {
            lookups.pending_dhcp_ports.insert(self.id);
        } else {
            lookups.pending_dhcp_ports.remove(&self.id);
        }
        for group in &self.security_groups {
            lookups.ports_by_group.set(*group, self.id, present);
        }
        for fixed in &self.fixed_ips {
            let key = (fixed.subnet_id, fixed.ip_address);
            if present {
                lookups.addresses.insert(key, self.id);
            } else {
                lookups.addresses.remove(&key);
            }
        }
    }
}
