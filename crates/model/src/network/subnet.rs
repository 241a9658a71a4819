//! Neutron's subnet.

use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::Standard;
use crate::address::AddressRange;
use crate::cloud::{Lookups, Row};
use crate::host::{Ipv6Mode, Route};
use crate::{Error, NetworkId, ProjectId, SubnetId};

/// A subnet: a prefix of a network and how its addresses are given out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subnet {
    /// Its id.
    pub id: SubnetId,
    /// Owner, name and so on.
    #[serde(flatten)]
    pub standard: Standard,
    /// The network it is of.
    pub network_id: NetworkId,
    /// Its prefix.
    pub cidr: IpNet,
    /// The gateway, unless it has none.
    pub gateway_ip: Option<IpAddr>,
    /// Where addresses are taken from.
    pub allocation_pools: Vec<AddressRange>,
    /// Whether DHCP answers.
    pub enable_dhcp: bool,
    /// Resolvers for its hosts.
    #[serde(default)]
    pub dns_nameservers: Vec<IpAddr>,
    /// Further routes for its hosts.
    #[serde(default)]
    pub host_routes: Vec<Route>,
    /// Who advertises an IPv6 subnet; `None`: nobody of ours.
    #[serde(default)]
    pub ipv6_ra_mode: Option<Ipv6Mode>,
    /// How addresses are made in an IPv6 subnet.
    #[serde(default)]
    pub ipv6_address_mode: Option<Ipv6Mode>,
    /// Device owners whose ports take addresses here first (`network:floatingip` …).
    #[serde(default)]
    pub service_types: Vec<String>,
}

impl Subnet {
    /// Whether ports make their address here from their MAC.
    pub fn is_slaac(&self) -> bool {
        matches!(
            self.ipv6_address_mode,
            Some(Ipv6Mode::Slaac | Ipv6Mode::Dhcpv6Stateless)
        )
    }
}

impl Row for Subnet {
    type Id = SubnetId;
    const KIND: &'static str = "subnet";
    crate::table!(Subnet, subnets);
    fn id(&self) -> SubnetId {
        self.id
    }
    fn not_found(id: &SubnetId) -> Error {
        Error::not_found("SubnetNotFound", format!("Subnet {id} could not be found."))
    }
    fn project(&self) -> Option<&ProjectId> {
        Some(&self.standard.project_id)
    }
    fn index(&self, lookups: &mut Lookups, present: bool) {
        lookups.subnets_by_network.set(self.network_id, self.id, present);
    }
}
