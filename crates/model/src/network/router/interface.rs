//! A router's interfaces on self-service networks.

use std::net::IpAddr;
use std::sync::Arc;

use super::{Router, connected, interfaces, overlaps};
use crate::network::access::{Resource, bad_request, get_changeable, get_visible, touch};
use crate::network::port::{FixedIpSpec, OwnPort, create_own};
use crate::network::{FixedIp, FloatingIp, Network, Port, Subnet, device_owner, ndp_proxy, trunk};
use crate::{Actor, Cloud, Error, NetworkId, PortId, ProjectId, Result, RouterId, SubnetId, Tx};

/// Which interface is meant.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct InterfaceSpec {
    /// By subnet.
    pub subnet_id: Option<SubnetId>,
    /// By port.
    pub port_id: Option<PortId>,
}

/// An interface that was added or removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouterInterface {
    /// The router.
    pub router_id: RouterId,
    /// The port's project.
    pub project_id: ProjectId,
    /// The port.
    pub port_id: PortId,
    /// The network.
    pub network_id: NetworkId,
    /// The subnets it was added to, or removed from.
    pub subnet_ids: Vec<SubnetId>,
}

/// Gives a router a leg on a subnet (with the subnet's gateway address), or makes a port its leg.
///
/// # Errors
/// `RouterNotFound`, `SubnetNotFound`, `PortNotFound`, `PortInUse`, `BadRequest` (no gateway address, overlapping subnets,
/// somebody else's subnet, a provider network), `IpAddressAlreadyAllocated`.
pub fn add_interface(tx: &mut Tx<'_>, actor: &Actor, id: RouterId, spec: InterfaceSpec) -> Result<RouterInterface> {
    let router = get_changeable::<Router>(tx.cloud(), actor, &id, "add_router_interface")?;
    let interface = match (spec.subnet_id, spec.port_id) {
        (Some(_), Some(_)) => {
            return Err(bad_request("router", "Cannot specify both subnet-id and port-id"));
        }
        (None, None) => {
            return Err(bad_request("router", "Either subnet_id or port_id must be specified"));
        }
        (Some(subnet_id), None) => add_by_subnet(tx, actor, &router, subnet_id)?,
        (None, Some(port_id)) => add_by_port(tx, actor, &router, port_id)?,
    };
    touch::<Router>(tx, &id);
    Ok(interface)
}

fn add_by_subnet(tx: &mut Tx<'_>, actor: &Actor, router: &Router, subnet_id: SubnetId) -> Result<RouterInterface> {
    let subnet = get_visible::<Subnet>(tx.cloud(), actor, &subnet_id)?;
    let Some(gateway) = subnet.gateway_ip else {
        return Err(bad_request(
            "router",
            "Subnet for router interface must have a gateway IP",
        ));
    };
    if !actor.can_see(&subnet.standard.project_id) {
        return Err(bad_request(
            "router",
            format!(
                "Cannot add interface to router because subnet {subnet_id} is not owned by project making the request"
            ),
        ));
    }
    check_subnets(tx.cloud(), router, std::slice::from_ref(&subnet))?;
    let wanted = FixedIpSpec {
        subnet_id: Some(subnet_id),
        ip_address: Some(gateway),
    };
    // Prefixes of one network share a leg, so that one router advertises them all.
    let leg = if subnet.is_ipv6() {
        interfaces(tx.cloud(), router.id)
            .find(|port| port.network_id == subnet.network_id && has_ipv6(port))
            .cloned()
    } else {
        None
    };
    let port = match leg {
        Some(port) => extend(tx, &port, &subnet, gateway)?,
        None => create_own(
            tx,
            OwnPort {
                network_id: subnet.network_id,
                project_id: router.standard.project_id.clone(),
                device_id: router.id.to_string(),
                device_owner: device_owner::ROUTER_INTERFACE,
                fixed_ips: Some(&[wanted]),
            },
        )?,
    };
    Ok(interface_of(router.id, &port, vec![subnet_id]))
}

fn extend(tx: &mut Tx<'_>, port: &Port, subnet: &Subnet, address: IpAddr) -> Result<Arc<Port>> {
    if tx.cloud().lookups.addresses.contains_key(&(subnet.id, address)) {
        return Err(Error::conflict(
            "IpAddressAlreadyAllocated",
            format!("IP address {address} already allocated in subnet {}", subnet.id),
        ));
    }
    if !subnet.cidr.contains(&address) {
        return Err(Error::invalid(
            "InvalidIpForSubnet",
            format!("IP address {address} is not a valid IP for the specified subnet."),
        ));
    }
    let (now, subnet_id) = (tx.now(), subnet.id);
    tx.update::<Port>(&port.id, |port| {
        port.fixed_ips.push(FixedIp {
            subnet_id,
            ip_address: address,
        });
        port.standard.touch(now);
    })
}

fn add_by_port(tx: &mut Tx<'_>, actor: &Actor, router: &Router, port_id: PortId) -> Result<RouterInterface> {
    let port = get_visible::<Port>(tx.cloud(), actor, &port_id)?;
    if !actor.can_see(&port.standard().project_id) {
        return Err(<Port as crate::Row>::not_found(&port_id));
    }
    check_port(&port)?;
    trunk::check_not_in_trunk(tx.cloud(), &port)?;
    let subnets: Vec<Arc<Subnet>> = port
        .fixed_ips
        .iter()
        .filter_map(|fixed| tx.cloud().find::<Subnet>(&fixed.subnet_id).cloned())
        .collect();
    check_subnets(tx.cloud(), router, &subnets)?;
    if has_ipv6(&port)
        && let Some(other) =
            interfaces(tx.cloud(), router.id).find(|other| other.network_id == port.network_id && has_ipv6(other))
    {
        return Err(bad_request(
            "router",
            format!(
                "Router already contains IPv6 port {} belonging to network id {}. Only one IPv6 port from the same network subnet \
                 can be connected to a router.",
                other.id, port.network_id
            ),
        ));
    }
    let (now, router_id) = (tx.now(), router.id);
    let port = tx.update::<Port>(&port_id, |port| {
        port.device_id = router_id.to_string();
        port.device_owner = device_owner::ROUTER_INTERFACE.to_owned();
        // A router forwards for others: neither anti-spoofing nor groups fit it.
        port.port_security_enabled = false;
        port.security_groups.clear();
        port.allowed_address_pairs.clear();
        port.standard.touch(now);
    })?;
    let subnet_ids = subnets.iter().map(|subnet| subnet.id).collect();
    Ok(interface_of(router.id, &port, subnet_ids))
}

/// A port that may become a leg.
fn check_port(port: &Port) -> Result<()> {
    if !port.device_id.is_empty() || port.is_network_owned() || port.attachment.is_some() {
        return Err(Error::conflict(
            "PortInUse",
            format!(
                "Unable to complete operation on port {} for network {}. Port already has an attached device {}.",
                port.id, port.network_id, port.device_id
            ),
        ));
    }
    if port.fixed_ips.is_empty() {
        return Err(bad_request("router", "Router port must have at least one fixed IP"));
    }
    if port.fixed_ips.iter().filter(|fixed| fixed.ip_address.is_ipv4()).count() > 1 {
        return Err(bad_request(
            "router",
            "Cannot have multiple IPv4 subnets on router port",
        ));
    }
    Ok(())
}

/// New legs must not be on a provider network, nor overlap with what the router is connected to.
fn check_subnets(cloud: &Cloud, router: &Router, subnets: &[Arc<Subnet>]) -> Result<()> {
    for subnet in subnets {
        if cloud.get::<Network>(&subnet.network_id)?.external {
            return Err(bad_request(
                "router",
                format!(
                    "Subnet {} is of an external network: set it as the router's gateway ('openstack router set \
                     --external-gateway {} {}')",
                    subnet.id, subnet.network_id, router.id
                ),
            ));
        }
        if connected(cloud, router).any(|(other, _)| other.id == subnet.id) {
            return Err(bad_request(
                "router",
                format!("Router already has a port on subnet {}", subnet.id),
            ));
        }
        if let Some((other, _)) = connected(cloud, router).find(|(other, _)| overlaps(&other.cidr, &subnet.cidr)) {
            return Err(bad_request(
                "router",
                format!(
                    "Cidr {} of subnet {} overlaps with cidr {} of subnet {}",
                    subnet.cidr, subnet.id, other.cidr, other.id
                ),
            ));
        }
    }
    Ok(())
}

/// Takes a leg, or one subnet of it, away. A leg's port is deleted with it.
///
/// # Errors
/// `RouterInterfaceNotFound`, `RouterInterfaceNotFoundForSubnet`, `SubnetMismatchForPort`,
/// `RouterInterfaceInUseByFloatingIP`, `RouterInterfaceInUseByNDPProxy`, `RouterInterfaceInUseByRoute`.
pub fn remove_interface(tx: &mut Tx<'_>, actor: &Actor, id: RouterId, spec: InterfaceSpec) -> Result<RouterInterface> {
    get_changeable::<Router>(tx.cloud(), actor, &id, "remove_router_interface")?;
    let (port, subnet_ids) = match (spec.port_id, spec.subnet_id) {
        (Some(port_id), subnet_id) => leg_by_port(tx.cloud(), id, port_id, subnet_id)?,
        (None, Some(subnet_id)) => leg_by_subnet(tx.cloud(), actor, id, subnet_id)?,
        (None, None) => {
            return Err(bad_request("router", "Either subnet_id or port_id must be specified"));
        }
    };
    for subnet_id in &subnet_ids {
        check_not_needed(tx.cloud(), id, *subnet_id)?;
    }
    if port.fixed_ips.iter().all(|fixed| subnet_ids.contains(&fixed.subnet_id)) {
        ndp_proxy::forget_port(tx, port.id);
        tx.delete::<Port>(&port.id);
    } else {
        let now = tx.now();
        let left = tx.update::<Port>(&port.id, |port| {
            port.fixed_ips.retain(|fixed| !subnet_ids.contains(&fixed.subnet_id));
            port.standard.touch(now);
        })?;
        ndp_proxy::drop_lost(tx, &left);
    }
    touch::<Router>(tx, &id);
    Ok(interface_of(id, &port, subnet_ids))
}

fn leg_by_port(
    cloud: &Cloud,
    id: RouterId,
    port_id: PortId,
    subnet_id: Option<SubnetId>,
) -> Result<(Arc<Port>, Vec<SubnetId>)> {
    let port = interfaces(cloud, id).find(|port| port.id == port_id).cloned();
    let port = port.ok_or_else(|| {
        Error::not_found(
            "RouterInterfaceNotFound",
            format!("Router {id} does not have an interface with id {port_id}"),
        )
    })?;
    let subnet_ids: Vec<SubnetId> = port.fixed_ips.iter().map(|fixed| fixed.subnet_id).collect();
    match subnet_id {
        Some(subnet_id) if !subnet_ids.contains(&subnet_id) => Err(Error::invalid(
            "SubnetMismatchForPort",
            format!("Subnet on port {port_id} does not match the requested subnet {subnet_id}."),
        )),
        _ => Ok((port, subnet_ids)),
    }
}

fn leg_by_subnet(
    cloud: &Cloud,
    actor: &Actor,
    id: RouterId,
    subnet_id: SubnetId,
) -> Result<(Arc<Port>, Vec<SubnetId>)> {
    get_visible::<Subnet>(cloud, actor, &subnet_id)?;
    let port = interfaces(cloud, id)
        .find(|port| port.fixed_ips.iter().any(|fixed| fixed.subnet_id == subnet_id))
        .cloned();
    let port = port.ok_or_else(|| {
        Error::not_found(
            "RouterInterfaceNotFoundForSubnet",
            format!("Router {id} has no interface on subnet {subnet_id}"),
        )
    })?;
    Ok((port, vec![subnet_id]))
}

/// The floating IPs that lead through a router to one of its subnets, as a whole or by port forwardings.
pub fn floating_ips_on(cloud: &Cloud, id: RouterId, subnet_id: SubnetId) -> impl Iterator<Item = &Arc<FloatingIp>> {
    let leads_there = move |floating_ip: &&Arc<FloatingIp>| {
        let port = floating_ip.port_id.and_then(|port_id| cloud.ports.get(&port_id));
        port.is_some_and(|port| {
            port.fixed_ips.iter().any(|fixed| {
                fixed.subnet_id == subnet_id && Some(fixed.ip_address) == floating_ip.fixed_ip_address.map(IpAddr::V4)
            })
        }) || crate::network::port_forwarding::leads_to_subnet(cloud, floating_ip.id, subnet_id)
    };
    let ids = cloud.lookups.floating_ips_by_router.of(&id);
    ids.filter_map(|floating_ip| cloud.floating_ips.get(floating_ip))
        .filter(leads_there)
}

/// A leg that floating IPs, NDP proxies or extra routes go through stays.
fn check_not_needed(cloud: &Cloud, id: RouterId, subnet_id: SubnetId) -> Result<()> {
    let subnet = cloud.get::<Subnet>(&subnet_id)?;
    if floating_ips_on(cloud, id, subnet_id).next().is_some() {
        return Err(Error::conflict(
            "RouterInterfaceInUseByFloatingIP",
            format!(
                "Router interface for subnet {subnet_id} on router {id} cannot be deleted, as it is required by one or more floating \
                 IPs."
            ),
        ));
    }
    ndp_proxy::check_leg_unused(cloud, id, subnet_id)?;
    let routes = &cloud.get::<Router>(&id)?.routes;
    if routes.iter().any(|route| subnet.cidr.contains(&route.nexthop)) {
        return Err(Error::conflict(
            "RouterInterfaceInUseByRoute",
            format!(
                "Router interface for subnet {subnet_id} on router {id} cannot be deleted, as it is required by one or more routes."
            ),
        ));
    }
    Ok(())
}

fn has_ipv6(port: &Port) -> bool {
    port.fixed_ips.iter().any(|fixed| fixed.ip_address.is_ipv6())
}

fn interface_of(router_id: RouterId, port: &Port, subnet_ids: Vec<SubnetId>) -> RouterInterface {
    RouterInterface {
        router_id,
        project_id: port.standard.project_id.clone(),
        port_id: port.id,
        network_id: port.network_id,
        subnet_ids,
    }
}
