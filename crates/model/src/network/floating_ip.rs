//! Neutron's floating IP.

use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize};

use super::{Standard, Status};
use crate::cloud::{Lookups, Row};
use crate::{Error, FloatingIpId, NetworkId, PortId, ProjectId, RouterId};

/// An address of a provider network that leads to a port.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FloatingIp {
    /// Its id.
    pub id: FloatingIpId,
    /// Owner, description and so on; the name is not used.
    #[serde(flatten)]
    pub standard: Standard,
    /// The provider network it is from.
    pub floating_network_id: NetworkId,
    /// The address.
    pub floating_ip_address: Ipv4Addr,
    /// The port of device owner `network:floatingip` that holds the address.
    pub floating_port_id: PortId,
    /// Where it leads.
    pub port_id: Option<PortId>,
    /// The address of that port it leads to.
    pub fixed_ip_address: Option<Ipv4Addr>,
    /// The router that translates it.
    pub router_id: Option<RouterId>,
    /// As reported.
    pub status: Status,
    /// Its name in DNS.
    #[serde(default)]
    pub dns_name: String,
    /// Its domain in DNS.
    #[serde(default)]
    pub dns_domain: String,
}

impl Row for FloatingIp {
    type Id = FloatingIpId;
    const KIND: &'static str = "floating_ip";
    crate::table!(FloatingIp, floating_ips);
    fn id(&self) -> FloatingIpId {
        self.id
    }
    fn not_found(id: &FloatingIpId) -> Error {
        Error::not_found("FloatingIPNotFound", format!("Floating IP {id} could not be found"))
    }
    fn project(&self) -> Option<&ProjectId> {
        Some(&self.standard.project_id)
    }
    fn index(&self, lookups: &mut Lookups, present: bool) {
        lookups
            .floating_ips_by_network
            .set(self.floating_network_id, self.id, present);
        if let Some(port_id) = self.port_id {
            lookups.floating_ips_by_port.set(port_id, self.id, present);
        }
        if present && self.router_id.is_some() && self.status != Status::Active {
            lookups.pending_floating_ips.insert(self.id);
        } else {
            lookups.pending_floating_ips.remove(&self.id);
        }
        if let Some(router_id) = self.router_id {
            lookups.floating_ips_by_router.set(router_id, self.id, present);
        }
    }
}
