//! Neutron's NDP proxies: single IPv6 addresses of servers that a router answers for on its provider network, as if they
//! were there. IPv6's counterpart of floating IPs, without translation.
//!
//! A router does so once it is switched on (`enable_ndp_proxy`), which a gateway with an IPv6 address on a network in an
//! address scope allows: within a scope no two subnets overlap, so that nobody takes somebody else's address. From then on
//! nothing else of its networks is reached from there. Switched off, its proxies stay, and hold again when it is on.

use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::access::{Resource, bad_request, get_changeable, get_visible, owner};
use super::router::{connected, gateway_port};
use super::{FixedIp, GatewayInfo, Port, Router, Standard, address_scope};
use crate::cloud::{Lookups, Row};
use crate::{Actor, AddressScopeId, Cloud, Error, NdpProxyId, PortId, ProjectId, Result, RouterId, SubnetId, Tx};

/// An address of a port that a router answers for on its provider network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NdpProxy {
    /// Its id.
    pub id: NdpProxyId,
    /// Owner, name and so on.
    #[serde(flatten)]
    pub standard: Standard,
    /// The router.
    pub router_id: RouterId,
    /// The port.
    pub port_id: PortId,
    /// Which of its addresses.
    pub ip_address: Ipv6Addr,
}

impl Row for NdpProxy {
    type Id = NdpProxyId;
    const KIND: &'static str = "ndp_proxy";
    crate::table!(NdpProxy, ndp_proxies);
    fn id(&self) -> NdpProxyId {
        self.id
    }
    fn not_found(id: &NdpProxyId) -> Error {
        Error::not_found("NDPProxyNotFound", format!("NDP proxy {id} could not be found."))
    }
    fn project(&self) -> Option<&ProjectId> {
        Some(&self.standard.project_id)
    }
    fn index(&self, lookups: &mut Lookups, present: bool) {
        lookups.ndp_proxies_by_router.set(self.router_id, self.id, present);
        lookups.ndp_proxies_by_port.set(self.port_id, self.id, present);
    }
}

impl Resource for NdpProxy {
    const NAME: &'static str = "ndp_proxy";
    fn standard(&self) -> &Standard {
        &self.standard
    }
    fn standard_mut(&mut self) -> &mut Standard {
        &mut self.standard
    }
}

/// What a proxy is asked to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NdpProxySpec {
    /// Its owner; `None`: the caller's project.
    pub project_id: Option<ProjectId>,
    /// Name and free text.
    pub words: Words,
    /// The router.
    pub router_id: RouterId,
    /// The port.
    pub port_id: PortId,
    /// Which of its addresses; the first one that the router reaches if none is named.
    pub ip_address: Option<IpAddr>,
}

/// What of a proxy can be changed. `None`: nothing, or (in an update) as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Words {
    /// Its name.
    pub name: Option<String>,
    /// Free text.
    pub description: Option<String>,
}

/// The proxies of a router.
pub fn of_router(cloud: &Cloud, id: RouterId) -> impl Iterator<Item = &Arc<NdpProxy>> + '_ {
    let ids = cloud.lookups.ndp_proxies_by_router.of(&id);
    ids.filter_map(|id| cloud.ndp_proxies.get(id))
}

/// The proxies of a port's addresses.
pub fn of_port(cloud: &Cloud, id: PortId) -> impl Iterator<Item = &Arc<NdpProxy>> + '_ {
    let ids = cloud.lookups.ndp_proxies_by_port.of(&id);
    ids.filter_map(|id| cloud.ndp_proxies.get(id))
}

/// Lets a router answer for an address of a port.
///
/// # Errors
/// `RouterNotFound`, `PortNotFound`, `PortUnreachableRouter`, `RouterNDPProxyNotEnable`, `BadRequest` (a port without IPv6),
/// `InvalidAddress`, `AddressScopeConflict`, `NeutronDbObjectDuplicateEntry`.
pub fn create(tx: &mut Tx<'_>, actor: &Actor, spec: NdpProxySpec) -> Result<Arc<NdpProxy>> {
    let project_id = owner(actor, spec.project_id.as_ref())?;
    let router = get_visible::<Router>(tx.cloud(), actor, &spec.router_id)?;
    let port = get_visible::<Port>(tx.cloud(), actor, &spec.port_id)?;
    let ip_address = address(tx.cloud(), &router, &port, spec.ip_address)?;
    check_scope(tx.cloud(), &router, &port)?;
    if of_router(tx.cloud(), router.id).any(|other| other.ip_address == ip_address) {
        return Err(Error::conflict(
            "NeutronDbObjectDuplicateEntry",
            format!(
                "Failed to create a duplicate NDPProxy: for attribute(s) ['router_id', 'ip_address'] with value(s) {}-{ip_address}",
                router.id
            ),
        ));
    }
    let mut standard = Standard::new(project_id, spec.words.name.unwrap_or_default(), tx.now());
    standard.description = spec.words.description.unwrap_or_default();
    let proxy = NdpProxy {
        id: tx.new_id(),
        standard,
        router_id: router.id,
        port_id: port.id,
        ip_address,
    };
    Ok(tx.put(proxy))
}

/// Changes a proxy's name and description.
///
/// # Errors
/// `NDPProxyNotFound`.
pub fn update(tx: &mut Tx<'_>, actor: &Actor, id: NdpProxyId, words: Words) -> Result<Arc<NdpProxy>> {
    let mut proxy = NdpProxy::clone(&*get_changeable::<NdpProxy>(tx.cloud(), actor, &id, "update")?);
    let standard = &mut proxy.standard;
    standard.name = words.name.unwrap_or_else(|| std::mem::take(&mut standard.name));
    standard.description = words
        .description
        .unwrap_or_else(|| std::mem::take(&mut standard.description));
    standard.touch(tx.now());
    Ok(tx.put(proxy))
}

/// Ends a proxy.
///
/// # Errors
/// `NDPProxyNotFound`.
pub fn delete(tx: &mut Tx<'_>, actor: &Actor, id: NdpProxyId) -> Result<()> {
    get_changeable::<NdpProxy>(tx.cloud(), actor, &id, "delete")?;
    tx.delete::<NdpProxy>(&id);
    Ok(())
}

/// Which address of the port is meant.
fn address(cloud: &Cloud, router: &Router, port: &Port, wanted: Option<IpAddr>) -> Result<Ipv6Addr> {
    let reached: Vec<SubnetId> = connected(cloud, router).map(|(subnet, _)| subnet.id).collect();
    let on_networks = cloud.ports_of_device(&router.id.to_string());
    if !on_networks.map(|leg| leg.network_id).any(|id| id == port.network_id) {
        return Err(unreachable(router, port));
    }
    if !router.enable_ndp_proxy {
        return Err(Error::conflict(
            "RouterNDPProxyNotEnable",
            format!(
                "The enable_ndp_proxy parameter of router {} must be set as True while create ndp proxy entry on it.",
                router.id
            ),
        ));
    }
    let own: Vec<(SubnetId, Ipv6Addr)> = port
        .fixed_ips
        .iter()
        .filter_map(|fixed| match fixed.ip_address {
            IpAddr::V6(address) => Some((fixed.subnet_id, address)),
            IpAddr::V4(_) => None,
        })
        .collect();
    if own.is_empty() {
        return Err(bad_request(
            NdpProxy::NAME,
            format!("Requested port {} must allocate one IPv6 address at least", port.id),
        ));
    }
    let is_reached = |(subnet, _): &&(SubnetId, Ipv6Addr)| reached.contains(subnet);
    let Some(wanted) = wanted else {
        let found = own.iter().find(is_reached);
        return found
            .map(|(_, address)| *address)
            .ok_or_else(|| unreachable(router, port));
    };
    let invalid = |reason: String| {
        Err(Error::invalid(
            "InvalidAddress",
            format!("The address {wanted} is invalid, reason: {reason}."),
        ))
    };
    match own.iter().find(|(_, address)| IpAddr::V6(*address) == wanted) {
        None => invalid(format!("This address not belong to the port {}", port.id)),
        Some(found) if !is_reached(&found) => invalid(format!("This address cannot reach the router {}", router.id)),
        Some((_, address)) => Ok(*address),
    }
}

fn unreachable(router: &Router, port: &Port) -> Error {
    Error::conflict(
        "PortUnreachableRouter",
        format!(
            "The port {} cannot reach the router {} by IPv6 subnet.",
            port.id, router.id
        ),
    )
}

/// Between scopes nothing is routed, so nothing would come to that address.
fn check_scope(cloud: &Cloud, router: &Router, port: &Port) -> Result<()> {
    let outer = router.gateway.as_ref().map(|gateway| gateway.network_id);
    let outer = outer.and_then(|network| address_scope::of_network(cloud, network).1);
    let inner = address_scope::of_network(cloud, port.network_id).1;
    if outer == inner {
        return Ok(());
    }
    let shown = |scope: Option<AddressScopeId>| scope.map_or_else(|| "None".to_owned(), |id| id.to_string());
    Err(Error::conflict(
        "AddressScopeConflict",
        format!(
            "The IPv6 address scope {} of external network conflict with internal network's IPv6 address scope {}.",
            shown(outer),
            shown(inner)
        ),
    ))
}

/// Switches a router's proxying on or off as `asked`. `None`: as it is; with a gateway on another network, as far as that
/// lets it. `former` is the gateway that it had, and what it has by now is what it is to have.
///
/// # Errors
/// `RouterGatewayNotValid`.
pub(super) fn switch(
    cloud: &Cloud,
    former: Option<&GatewayInfo>,
    router: &mut Router,
    asked: Option<bool>,
) -> Result<()> {
    let network = |gateway: &GatewayInfo| gateway.network_id;
    let has_moved = former.map(network) != router.gateway.as_ref().map(network);
    router.enable_ndp_proxy = match asked {
        Some(true) if !is_possible(cloud, router) => {
            return Err(Error::conflict(
                "RouterGatewayNotValid",
                format!(
                    "Can not enable ndp proxy on router {}, The router has no external gateway or the external gateway port \
                     has no IPv6 address or IPv6 address scope.",
                    router.id
                ),
            ));
        }
        Some(asked) => asked,
        None => router.enable_ndp_proxy && (!has_moved || is_possible(cloud, router)),
    };
    Ok(())
}

/// Whether the router's gateway has an IPv6 address, on a network in an address scope.
fn is_possible(cloud: &Cloud, router: &Router) -> bool {
    let network = router.gateway.as_ref().map(|gateway| gateway.network_id);
    let scope = network.and_then(|network| address_scope::of_network(cloud, network).1);
    scope.is_some() && gateway_port(cloud, router).is_some_and(|port| has_ipv6(&port.fixed_ips))
}

fn has_ipv6(addresses: &[FixedIp]) -> bool {
    addresses.iter().any(|fixed| fixed.ip_address.is_ipv6())
}

/// The gateway of a router that proxies keeps an IPv6 address.
///
/// # Errors
/// `RouterIPv6GatewayInUse`.
pub(super) fn check_gateway_addresses(id: RouterId, addresses: &[FixedIp]) -> Result<()> {
    if has_ipv6(addresses) {
        return Ok(());
    }
    Err(Error::conflict(
        "RouterIPv6GatewayInUse",
        format!(
            "Can't remove the IPv6 subnet from external gateway of router {id}, the IPv6 subnet in use by the router's ndp proxy."
        ),
    ))
}

/// A gateway by which addresses are proxied stays.
///
/// # Errors
/// `RouterGatewayInUseByNDPProxy`.
pub(super) fn check_gateway_unused(cloud: &Cloud, id: RouterId) -> Result<()> {
    if of_router(cloud, id).next().is_none() {
        return Ok(());
    }
    Err(Error::conflict(
        "RouterGatewayInUseByNDPProxy",
        format!(
            "Unable to unset external gateway of router {id}, There are one or more ndp proxies still in use on the router."
        ),
    ))
}

/// A leg by which proxied addresses are reached stays.
///
/// # Errors
/// `RouterInterfaceInUseByNDPProxy`.
pub(super) fn check_leg_unused(cloud: &Cloud, id: RouterId, subnet_id: SubnetId) -> Result<()> {
    let is_on_subnet = |proxy: &Arc<NdpProxy>| {
        let port = cloud.ports.get(&proxy.port_id);
        port.is_some_and(|port| {
            let mut own = port.fixed_ips.iter();
            own.any(|fixed| fixed.subnet_id == subnet_id && fixed.ip_address == IpAddr::V6(proxy.ip_address))
        })
    };
    if !of_router(cloud, id).any(is_on_subnet) {
        return Ok(());
    }
    Err(Error::conflict(
        "RouterInterfaceInUseByNDPProxy",
        format!(
            "Unable to remove subnet {subnet_id} from router {id}, There are one or more ndp proxies still in use on the subnet."
        ),
    ))
}

/// Ends the proxies of addresses that a port no longer has.
pub(super) fn drop_lost(tx: &mut Tx<'_>, port: &Port) {
    let has = |address: Ipv6Addr| {
        let mut own = port.fixed_ips.iter();
        own.any(|fixed| fixed.ip_address == IpAddr::V6(address))
    };
    drop_where(tx, port.id, |proxy| !has(proxy.ip_address));
}

/// Ends the proxies of a port that goes.
pub(super) fn forget_port(tx: &mut Tx<'_>, id: PortId) {
    drop_where(tx, id, |_| true);
}

fn drop_where(tx: &mut Tx<'_>, port_id: PortId, is_lost: impl Fn(&NdpProxy) -> bool) {
    let lost: Vec<NdpProxyId> = of_port(tx.cloud(), port_id)
        .filter(|proxy| is_lost(proxy))
        .map(|proxy| proxy.id)
        .collect();
    for id in lost {
        tx.delete::<NdpProxy>(&id);
    }
}
