//! Neutron's floating IP: an address of a provider network that leads to a port.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::access::{Resource, bad_request, get_changeable, get_visible, owner, require};
use super::port::{FixedIpSpec, OwnPort, create_own};
use super::{
    FixedIp, Network, Port, Router, Standard, Status, Subnet, device_owner, network, port_forwarding, qos, quota,
    router, tag,
};
use crate::cloud::{Lookups, Row};
use crate::{
    Actor, Cloud, Error, FloatingIpId, NetworkId, PortId, ProjectId, QosPolicyId, Result, RouterId, SubnetId,
    Timestamp, Tx,
};

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
    /// The QoS policy that limits what goes through it (`qos-fip`).
    #[serde(default)]
    pub qos_policy_id: Option<QosPolicyId>,
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
        if let Some(policy) = self.qos_policy_id {
            lookups.floating_ips_by_qos.set(policy, self.id, present);
        }
    }
}

impl Resource for FloatingIp {
    const NAME: &'static str = "floatingip";
    fn standard(&self) -> &Standard {
        &self.standard
    }
    fn standard_mut(&mut self) -> &mut Standard {
        &mut self.standard
    }
}

impl FloatingIp {
    /// Lets it lead nowhere.
    pub(super) fn clear_association(&mut self, now: Timestamp) {
        self.port_id = None;
        self.fixed_ip_address = None;
        self.router_id = None;
        self.status = Status::Down;
        self.standard.touch(now);
    }
}

/// What a floating IP is asked to be. `None`: the default, or (in an update) as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FloatingIpSpec {
    /// Owner of a new one.
    pub project_id: Option<ProjectId>,
    /// Free text.
    pub description: Option<String>,
    /// Subnet of the provider network that a new one is from.
    pub subnet_id: Option<SubnetId>,
    /// Address of a new one.
    pub floating_ip_address: Option<IpAddr>,
    /// Where it leads; `Some(None)`: nowhere.
    pub port_id: Option<Option<PortId>>,
    /// Which of the port's addresses; needed when it has several.
    pub fixed_ip_address: Option<IpAddr>,
    /// Its name in DNS.
    pub dns_name: Option<String>,
    /// Its domain in DNS.
    pub dns_domain: Option<String>,
    /// Its QoS policy; `Some(None)`: none.
    pub qos_policy_id: Option<Option<QosPolicyId>>,
    /// Labels of a new one.
    pub tags: Option<BTreeSet<String>>,
}

/// Takes an address of a provider network, and lets it lead to a port if one is named.
///
/// # Errors
/// `NetworkNotFound`, `BadRequest` (not external), `OverQuota`, `PolicyNotAuthorized`, `QosPolicyNotFound`, the errors of
/// addresses and those of association.
pub fn create(tx: &mut Tx<'_>, actor: &Actor, network_id: NetworkId, spec: FloatingIpSpec) -> Result<Arc<FloatingIp>> {
    let network = get_visible::<Network>(tx.cloud(), actor, &network_id)?;
    network::check_external(tx.cloud(), actor, &network, "floatingip")?;
    require(
        spec.floating_ip_address.is_none() || actor.is_admin() || actor.has_role("manager"),
        "create_floatingip:floating_ip_address",
    )?;
    let project_id = owner(actor, spec.project_id.as_ref())?;
    quota::enforce::<FloatingIp>(tx.cloud(), &project_id, "floatingip")?;
    let id: FloatingIpId = tx.new_id();
    let holder = hold_address(tx, &network, id, &spec)?;
    let floating_ip_address = holder.first_ipv4().ok_or_else(|| {
        Error::invalid(
            "ExternalIpAddressExhausted",
            format!("Unable to find any IP address on external network {network_id}."),
        )
    })?;
    let mut standard = Standard::new(project_id, "", tx.now());
    standard.description = spec.description.unwrap_or_default();
    standard.tags = spec.tags.unwrap_or_default();
    tag::check_count(&standard.tags)?;
    let mut floating_ip = FloatingIp {
        id,
        standard,
        floating_network_id: network_id,
        floating_ip_address,
        floating_port_id: holder.id,
        port_id: None,
        fixed_ip_address: None,
        router_id: None,
        status: Status::Down,
        dns_name: spec.dns_name.unwrap_or_default(),
        dns_domain: spec.dns_domain.unwrap_or_default(),
        qos_policy_id: qos::choose(tx.cloud(), actor, spec.qos_policy_id, None)?,
    };
    associate(tx.cloud(), actor, &mut floating_ip, spec.port_id, spec.fixed_ip_address)?;
    Ok(tx.put(floating_ip))
}

/// Changes where a floating IP leads.
///
/// # Errors
/// `FloatingIPNotFound`, `PortNotFound`, `ExternalGatewayForFloatingIPNotFound`, `FloatingIPPortAlreadyAssociated`,
/// `FipInUseByPortForwarding`, `BadRequest`, and those of choosing a QoS policy.
pub fn update(tx: &mut Tx<'_>, actor: &Actor, id: FloatingIpId, spec: FloatingIpSpec) -> Result<Arc<FloatingIp>> {
    let before = get_changeable::<FloatingIp>(tx.cloud(), actor, &id, "update")?;
    let mut floating_ip = FloatingIp::clone(&before);
    if spec.port_id.flatten().is_some() {
        port_forwarding::check_unused(tx.cloud(), id)?;
    }
    if tx.cloud().lookups.forwardings_by_floating_ip.first(&id).is_none() {
        associate(tx.cloud(), actor, &mut floating_ip, spec.port_id, spec.fixed_ip_address)?;
    }
    floating_ip.qos_policy_id = qos::choose(tx.cloud(), actor, spec.qos_policy_id, floating_ip.qos_policy_id)?;
    if let Some(description) = spec.description {
        floating_ip.standard.description = description;
    }
    if floating_ip.port_id != before.port_id || floating_ip.fixed_ip_address != before.fixed_ip_address {
        // The host says when it works.
        floating_ip.status = Status::Down;
    }
    floating_ip.standard.touch(tx.now());
    Ok(tx.put(floating_ip))
}

/// Gives the address back.
///
/// # Errors
/// `FloatingIPNotFound`, `FipInUseByPortForwarding`.
pub fn delete(tx: &mut Tx<'_>, actor: &Actor, id: FloatingIpId) -> Result<()> {
    let floating_ip = get_changeable::<FloatingIp>(tx.cloud(), actor, &id, "delete")?;
    port_forwarding::check_unused(tx.cloud(), id)?;
    tx.delete::<FloatingIp>(&id);
    tx.delete::<Port>(&floating_ip.floating_port_id);
    Ok(())
}

/// The floating IP with this address, among those the caller may see.
pub fn find_by_address<'a>(cloud: &'a Cloud, actor: &Actor, address: Ipv4Addr) -> Option<&'a Arc<FloatingIp>> {
    cloud
        .floating_ips
        .iter()
        .find(|row| row.floating_ip_address == address && row.visible_to(cloud, actor))
}

/// Floating IPs whose fixed address their port no longer has lead nowhere.
pub(super) fn drop_lost(tx: &mut Tx<'_>, port: &Port) {
    let cloud = tx.cloud();
    let has = |ip: Option<Ipv4Addr>| {
        port.fixed_ips
            .iter()
            .any(|fixed| Some(fixed.ip_address) == ip.map(IpAddr::V4))
    };
    let lost: Vec<FloatingIpId> = cloud
        .lookups
        .floating_ips_by_port
        .of(&port.id)
        .filter(|id| cloud.floating_ips.get(id).is_some_and(|row| !has(row.fixed_ip_address)))
        .copied()
        .collect();
    let now = tx.now();
    for id in lost {
        // Found in this very transaction.
        let _ = tx.update::<FloatingIp>(&id, |row| row.clear_association(now));
    }
}

/// Removes the floating IPs of a provider network that lead nowhere, before the network goes.
pub(super) fn drop_idle(tx: &mut Tx<'_>, network_id: NetworkId) {
    let cloud = tx.cloud();
    let idle: Vec<Arc<FloatingIp>> = cloud
        .lookups
        .floating_ips_by_network
        .of(&network_id)
        .filter_map(|id| cloud.floating_ips.get(id))
        .filter(|row| row.port_id.is_none() && row.router_id.is_none())
        .cloned()
        .collect();
    for row in idle {
        tx.delete::<FloatingIp>(&row.id);
        tx.delete::<Port>(&row.floating_port_id);
    }
}

/// The hidden port that holds the outer address.
fn hold_address(tx: &mut Tx<'_>, network: &Network, id: FloatingIpId, spec: &FloatingIpSpec) -> Result<Arc<Port>> {
    let mut subnets = tx
        .cloud()
        .subnets_of_network(network.id)
        .filter(|subnet| !subnet.is_ipv6())
        .map(|subnet| subnet.id)
        .peekable();
    if subnets.peek().is_none() {
        return Err(bad_request(
            "floatingip",
            format!("Network {} does not contain any IPv4 subnet", network.id),
        ));
    }
    let subnets: Vec<SubnetId> = subnets.collect();
    let make = |tx: &mut Tx<'_>, subnet_id: Option<SubnetId>| {
        create_own(
            tx,
            OwnPort {
                network_id: network.id,
                project_id: ProjectId::from(""),
                device_id: id.to_string(),
                device_owner: device_owner::FLOATING_IP,
                fixed_ips: Some(&[FixedIpSpec {
                    subnet_id,
                    ip_address: spec.floating_ip_address,
                }]),
            },
        )
    };
    if spec.subnet_id.is_some() || spec.floating_ip_address.is_some() {
        return make(tx, spec.subnet_id);
    }
    for subnet_id in subnets {
        match make(tx, Some(subnet_id)) {
            Err(error) if error.code == "IpAddressGenerationFailure" => {}
            other => return other,
        }
    }
    Err(Error::conflict(
        "IpAddressGenerationFailure",
        format!(
            "No more IP addresses available on network {}. Delete floating IPs that are not used.",
            network.id
        ),
    ))
}

/// Lets a floating IP lead to a port (`Some(Some)`), nowhere (`Some(None)`), or to another address of the port it has.
fn associate(
    cloud: &Cloud,
    actor: &Actor,
    floating_ip: &mut FloatingIp,
    port_id: Option<Option<PortId>>,
    fixed_ip_address: Option<IpAddr>,
) -> Result<()> {
    let port_id = port_id.unwrap_or(floating_ip.port_id);
    let Some(port_id) = port_id else {
        if fixed_ip_address.is_some() {
            return Err(bad_request(
                "floatingip",
                "fixed_ip_address cannot be specified without a port_id",
            ));
        }
        (floating_ip.port_id, floating_ip.fixed_ip_address, floating_ip.router_id) = (None, None, None);
        return Ok(());
    };
    let port = get_visible::<Port>(cloud, actor, &port_id)?;
    if port.standard.project_id != floating_ip.standard.project_id && !actor.is_admin() {
        return Err(bad_request(
            "floatingip",
            format!(
                "Cannot process floating IP association with Port {port_id}, since that port is owned by a different project"
            ),
        ));
    }
    if port.is_network_owned() {
        return Err(bad_request(
            "floatingip",
            format!("Port {port_id} is unable to be assigned a floating IP"),
        ));
    }
    let same_port = floating_ip.port_id == Some(port_id);
    let (subnet_id, fixed) = inner_address(
        &port,
        fixed_ip_address,
        floating_ip.fixed_ip_address.filter(|_| same_port),
    )?;
    check_free(cloud, floating_ip, &port, fixed)?;
    let router_id = router_for(cloud, floating_ip.floating_network_id, &port, subnet_id)?;
    floating_ip.port_id = Some(port_id);
    floating_ip.fixed_ip_address = Some(fixed);
    floating_ip.router_id = Some(router_id);
    Ok(())
}

/// Which address of the port is meant.
fn inner_address(port: &Port, wanted: Option<IpAddr>, current: Option<Ipv4Addr>) -> Result<(SubnetId, Ipv4Addr)> {
    let id = port.id;
    let own: Vec<(SubnetId, Ipv4Addr)> = port
        .fixed_ips
        .iter()
        .filter_map(|FixedIp { subnet_id, ip_address }| match ip_address {
            IpAddr::V4(ip) => Some((*subnet_id, *ip)),
            IpAddr::V6(_) => None,
        })
        .collect();
    let wanted = match wanted {
        Some(IpAddr::V6(ip)) => {
            return Err(bad_request(
                "floatingip",
                format!("Cannot process floating IP association with {ip}, since that is not an IPv4 address"),
            ));
        }
        Some(IpAddr::V4(ip)) => Some(ip),
        None => current,
    };
    if let Some(wanted) = wanted {
        return own
            .into_iter()
            .find(|(_, ip)| *ip == wanted)
            .ok_or_else(|| bad_request("floatingip", format!("Port {id} does not have fixed ip {wanted}")));
    }
    match own.as_slice() {
        [] => Err(bad_request(
            "floatingip",
            format!("Cannot add floating IP to port {id} that has no fixed IPv4 addresses"),
        )),
        [one] => Ok(*one),
        _ => Err(bad_request(
            "floatingip",
            format!(
                "Port {id} has multiple fixed IPv4 addresses.  Must provide a specific IPv4 address when assigning a floating IP"
            ),
        )),
    }
}

/// An inner address has at most one floating IP of a provider network.
fn check_free(cloud: &Cloud, floating_ip: &FloatingIp, port: &Port, fixed: Ipv4Addr) -> Result<()> {
    let other = cloud.lookups.floating_ips_by_port.of(&port.id).any(|id| {
        *id != floating_ip.id
            && cloud.floating_ips.get(id).is_some_and(|row| {
                row.fixed_ip_address == Some(fixed) && row.floating_network_id == floating_ip.floating_network_id
            })
    });
    if !other {
        return Ok(());
    }
    Err(Error::conflict(
        "FloatingIPPortAlreadyAssociated",
        format!(
            "Cannot associate floating IP {} ({}) with port {} using fixed IP {fixed}, as that fixed IP already has a floating IP \
             on external network {}.",
            floating_ip.floating_ip_address, floating_ip.id, port.id, floating_ip.floating_network_id
        ),
    ))
}

/// The router between the port's subnet and the provider network; the one that is the subnet's gateway if there are several.
///
/// # Errors
/// `ExternalGatewayForFloatingIPNotFound`, `SubnetNotFound`.
pub fn router_for(cloud: &Cloud, external: NetworkId, port: &Port, subnet_id: SubnetId) -> Result<RouterId> {
    let subnet = cloud.get::<Subnet>(&subnet_id)?;
    let leads_out = |router: &Arc<Router>| {
        router
            .gateway
            .as_ref()
            .is_some_and(|gateway| gateway.network_id == external)
    };
    let legs = router::legs_on_subnet(cloud, subnet_id);
    let mut found = None;
    for (router, address) in legs.filter(|(router, _)| leads_out(router)) {
        if Some(address) == subnet.gateway_ip {
            return Ok(router.id);
        }
        found = found.or(Some(router.id));
    }
    found.ok_or_else(|| {
        Error::not_found(
            "ExternalGatewayForFloatingIPNotFound",
            format!(
                "External network {external} is not reachable from subnet {subnet_id}.  Therefore, cannot associate Port {} with a \
                 Floating IP. Give a router its gateway on that network and an interface on that subnet first: 'openstack router \
                 set --external-gateway {external} ROUTER' and 'openstack router add subnet ROUTER {subnet_id}'.",
                port.id
            ),
        )
    })
}
