//! Neutron's subnet: a prefix of a network and how its addresses are given out.

mod change;
mod range;
mod validate;

use std::net::IpAddr;
use std::ops::Bound;
use std::sync::Arc;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

pub use change::{SubnetSpec, create, delete, drop_auto_addresses, spread_auto_addresses, update};
pub(super) use range::free_address;
pub use range::pool_size;
pub use validate::forbidden_range;
pub(super) use validate::{host_range, is_dns_name};

use super::access::Resource;
use super::{Network, Standard};
use crate::address::AddressRange;
use crate::cloud::{Lookups, Row};
use crate::host::{Ipv6Mode, Route};
use crate::{Actor, Cloud, Error, NetworkId, PortId, ProjectId, SegmentId, SubnetId, SubnetPoolId};

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
    /// The pool its prefix is from.
    #[serde(default)]
    pub subnetpool_id: Option<SubnetPoolId>,
    /// The segment of its network that it is in.
    #[serde(default)]
    pub segment_id: Option<SegmentId>,
}

impl Subnet {
    /// Whether ports make their address here from their MAC.
    pub fn is_slaac(&self) -> bool {
        matches!(
            self.ipv6_address_mode,
            Some(Ipv6Mode::Slaac | Ipv6Mode::Dhcpv6Stateless)
        )
    }

    /// Whether it is of IP version 6.
    pub fn is_ipv6(&self) -> bool {
        matches!(self.cidr, IpNet::V6(_))
    }

    /// 4 or 6.
    pub fn ip_version(&self) -> u8 {
        if self.is_ipv6() { 6 } else { 4 }
    }
}

/// Neutron's name of an IPv6 mode.
pub fn ipv6_mode_name(mode: Ipv6Mode) -> &'static str {
    match mode {
        Ipv6Mode::Slaac => "slaac",
        Ipv6Mode::Dhcpv6Stateless => "dhcpv6-stateless",
        Ipv6Mode::Dhcpv6Stateful => "dhcpv6-stateful",
    }
}

/// The addresses of a subnet in use, in order, and by which port.
pub fn addresses_in_use(cloud: &Cloud, id: SubnetId) -> impl Iterator<Item = (IpAddr, PortId)> + '_ {
    let (first, last) = (range::LOWEST, range::HIGHEST);
    cloud
        .lookups
        .addresses
        .range((Bound::Included((id, first)), Bound::Included((id, last))))
        .map(|((_, address), port_id)| (*address, *port_id))
}

/// Subnets that the caller may see with this id or name.
pub fn find<'a>(cloud: &'a Cloud, actor: &Actor, id_or_name: &str) -> Vec<&'a Arc<Subnet>> {
    if let Some(subnet) = id_or_name.parse().ok().and_then(|id| cloud.subnets.get(&id)) {
        return Vec::from_iter(subnet.visible_to(cloud, actor).then_some(subnet));
    }
    cloud
        .subnets
        .iter()
        .filter(|subnet| subnet.standard.name == id_or_name && subnet.visible_to(cloud, actor))
        .collect()
}

impl Resource for Subnet {
    const NAME: &'static str = "subnet";
    fn standard(&self) -> &Standard {
        &self.standard
    }
    fn standard_mut(&mut self) -> &mut Standard {
        &mut self.standard
    }
    fn visible_to(&self, cloud: &Cloud, actor: &Actor) -> bool {
        let of_network = |network: &Arc<Network>| network.visible_to(cloud, actor);
        actor.can_see(&self.standard.project_id) || cloud.networks.get(&self.network_id).is_some_and(of_network)
    }
    fn changeable_by(&self, cloud: &Cloud, actor: &Actor) -> bool {
        let owned = |network: &Arc<Network>| actor.can_see(&network.standard.project_id);
        actor.can_see(&self.standard.project_id) || cloud.networks.get(&self.network_id).is_some_and(owned)
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
        if let Some(pool) = self.subnetpool_id {
            lookups.subnets_by_pool.set(pool, self.id, present);
        }
    }
}
