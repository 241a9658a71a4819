//! Neutron's router: joins self-service networks with one another and, by its gateway, with a provider network.

mod change;
mod gateway;
mod interface;
mod routes;

use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

pub use change::{RouterSpec, create, delete, update};
pub use gateway::GatewaySpec;
pub use interface::{InterfaceSpec, RouterInterface, add_interface, floating_ips_on, remove_interface};
pub use routes::{add_extra_routes, remove_extra_routes};

use super::access::Resource;
use super::{Port, Standard, Status, Subnet, device_owner, subnet};
use crate::cloud::{Lookups, Row};
use crate::host::Route;
use crate::{Actor, Cloud, Error, NetworkId, PortId, ProjectId, QosPolicyId, RouterId, ServiceFlavorId, SubnetId};

/// A router. Its legs are ports with its id as `device_id`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Router {
    /// Its id.
    pub id: RouterId,
    /// Owner, name and so on.
    #[serde(flatten)]
    pub standard: Standard,
    /// `false`: its interfaces are down.
    pub admin_state_up: bool,
    /// As reported.
    pub status: Status,
    /// Its way out.
    pub gateway: Option<GatewayInfo>,
    /// Extra routes.
    #[serde(default)]
    pub routes: Vec<Route>,
    /// Whether it answers on its provider network for addresses behind it (see [`super::ndp_proxy`]), and lets nothing
    /// else of IPv6 in from there.
    #[serde(default)]
    pub enable_ndp_proxy: bool,
    /// The flavor it was made by (`l3-flavors`).
    #[serde(default)]
    pub flavor_id: Option<ServiceFlavorId>,
    /// Whether it is scheduled to the host's L3 agent; `false`: it is on no host.
    #[serde(default = "hosted")]
    pub is_hosted: bool,
}

fn hosted() -> bool {
    true
}

/// A router's gateway on a provider network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GatewayInfo {
    /// The provider network.
    pub network_id: NetworkId,
    /// The port that holds its addresses there.
    pub port_id: PortId,
    /// Whether servers without floating IP leave under the router's address.
    pub enable_snat: bool,
    /// The QoS policy that limits what goes by the router's own addresses there (`qos-gateway-ip`).
    #[serde(default)]
    pub qos_policy_id: Option<QosPolicyId>,
}

impl Row for Router {
    type Id = RouterId;
    const KIND: &'static str = "router";
    crate::table!(Router, routers);
    fn id(&self) -> RouterId {
        self.id
    }
    fn not_found(id: &RouterId) -> Error {
        Error::not_found("RouterNotFound", format!("Router {id} could not be found"))
    }
    fn project(&self) -> Option<&ProjectId> {
        Some(&self.standard.project_id)
    }
    fn index(&self, lookups: &mut Lookups, present: bool) {
        if let Some(policy) = self.gateway.as_ref().and_then(|gateway| gateway.qos_policy_id) {
            lookups.routers_by_qos.set(policy, self.id, present);
        }
    }
}

impl Resource for Router {
    const NAME: &'static str = "router";
    fn standard(&self) -> &Standard {
        &self.standard
    }
    fn standard_mut(&mut self) -> &mut Standard {
        &mut self.standard
    }
}

/// The router's legs on self-service networks.
pub fn interfaces(cloud: &Cloud, id: RouterId) -> impl Iterator<Item = &Arc<Port>> + '_ {
    cloud
        .ports_of_device(&id.to_string())
        .filter(|port| port.device_owner == device_owner::ROUTER_INTERFACE)
}

/// The port that holds the router's addresses on its provider network.
pub fn gateway_port<'a>(cloud: &'a Cloud, router: &Router) -> Option<&'a Arc<Port>> {
    cloud.ports.get(&router.gateway.as_ref()?.port_id)
}

/// Routers with a leg on a subnet, and the leg's address there; the one that is the subnet's gateway first, found without
/// a walk. It may come again later.
pub(crate) fn legs_on_subnet(cloud: &Cloud, subnet_id: SubnetId) -> impl Iterator<Item = (&Arc<Router>, IpAddr)> + '_ {
    let gateway = cloud.subnets.get(&subnet_id).and_then(|subnet| subnet.gateway_ip);
    let by_gateway = gateway.and_then(|address| {
        let port_id = cloud.lookups.addresses.get(&(subnet_id, address))?;
        Some((address, *port_id))
    });
    by_gateway
        .into_iter()
        .chain(subnet::addresses_in_use(cloud, subnet_id))
        .filter_map(|(address, port_id)| {
            let port = cloud.ports.get(&port_id).filter(|port| port.is_router_owned())?;
            let router = cloud.routers.get(&port.device_id.parse().ok()?)?;
            Some((router, address))
        })
}

/// Subnets that the router has a leg on, its gateway's included, with the leg's address.
pub fn connected<'a>(cloud: &'a Cloud, router: &Router) -> impl Iterator<Item = (&'a Arc<Subnet>, IpAddr)> + use<'a> {
    cloud
        .ports_of_device(&router.id.to_string())
        .filter(|port| port.is_network_owned())
        .flat_map(|port| port.fixed_ips.iter())
        .filter_map(|fixed| Some((cloud.subnets.get(&fixed.subnet_id)?, fixed.ip_address)))
}

/// Whether prefixes share addresses: no router joins two that do.
pub fn overlaps(a: &IpNet, b: &IpNet) -> bool {
    a.contains(b) || b.contains(a)
}

/// Routers that the caller may see with this id or name.
pub fn find<'a>(cloud: &'a Cloud, actor: &Actor, id_or_name: &str) -> Vec<&'a Arc<Router>> {
    if let Some(router) = id_or_name.parse().ok().and_then(|id| cloud.routers.get(&id)) {
        return Vec::from_iter(router.visible_to(cloud, actor).then_some(router));
    }
    cloud
        .routers
        .iter()
        .filter(|router| router.standard.name == id_or_name && router.visible_to(cloud, actor))
        .collect()
}
