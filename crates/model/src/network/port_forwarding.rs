//! Neutron's port forwardings: single ports of a floating IP that lead to ports of servers, so that several share one
//! address.
//!
//! A floating IP either leads to a port as a whole or has forwardings. With its first forwarding it goes through the
//! router of the port that is forwarded to; with its last one it leaves that router again.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::access::{Resource, bad_request, get_changeable, get_visible};
use super::floating_ip::router_for;
use super::{FloatingIp, Port, Standard, Status};
use crate::cloud::{Lookups, Row};
use crate::{
    Actor, Cloud, Error, FloatingIpId, PortForwardingId, PortId, ProjectId, Result, RouterId, SubnetId, Timestamp, Tx,
};

/// The protocols that have ports to forward, as Neutron names them.
pub const PROTOCOLS: [&str; 5] = ["tcp", "udp", "sctp", "dccp", "udplite"];

/// First and last port.
pub type PortRange = (u16, u16);

/// Ports of a floating IP that lead to a port.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PortForwarding {
    /// Its id.
    pub id: PortForwardingId,
    /// Its owner, which is the floating IP's, and description.
    #[serde(flatten)]
    pub standard: Standard,
    /// The floating IP.
    pub floating_ip_id: FloatingIpId,
    /// One of [`PROTOCOLS`].
    pub protocol: String,
    /// Ports outside.
    pub external_ports: PortRange,
    /// Where it leads.
    pub internal_port_id: PortId,
    /// Which of that port's addresses.
    pub internal_ip_address: Ipv4Addr,
    /// Ports inside: as many as outside, one each, or a single one for all of them.
    pub internal_ports: PortRange,
}

impl Row for PortForwarding {
    type Id = PortForwardingId;
    const KIND: &'static str = "port_forwarding";
    crate::table!(PortForwarding, port_forwardings);
    fn id(&self) -> PortForwardingId {
        self.id
    }
    fn not_found(id: &PortForwardingId) -> Error {
        Error::not_found(
            "PortForwardingNotFound",
            format!("Port Forwarding {id} could not be found."),
        )
    }
    fn project(&self) -> Option<&ProjectId> {
        Some(&self.standard.project_id)
    }
    fn index(&self, lookups: &mut Lookups, present: bool) {
        lookups
            .forwardings_by_floating_ip
            .set(self.floating_ip_id, self.id, present);
        lookups.forwardings_by_port.set(self.internal_port_id, self.id, present);
    }
}

impl Resource for PortForwarding {
    const NAME: &'static str = "port_forwarding";
    fn standard(&self) -> &Standard {
        &self.standard
    }
    fn standard_mut(&mut self) -> &mut Standard {
        &mut self.standard
    }
}

/// What a forwarding is asked to be. `None`: the default, or (in an update) as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PortForwardingSpec {
    /// One of [`PROTOCOLS`].
    pub protocol: Option<String>,
    /// Ports outside.
    pub external_ports: Option<PortRange>,
    /// Where it leads.
    pub internal_port_id: Option<PortId>,
    /// Which of that port's addresses; the first one if none is named.
    pub internal_ip_address: Option<IpAddr>,
    /// Ports inside.
    pub internal_ports: Option<PortRange>,
    /// Free text.
    pub description: Option<String>,
}

/// The forwardings of a floating IP.
pub fn of_floating_ip(cloud: &Cloud, id: FloatingIpId) -> impl Iterator<Item = &Arc<PortForwarding>> + '_ {
    let ids = cloud.lookups.forwardings_by_floating_ip.of(&id);
    ids.filter_map(|id| cloud.port_forwardings.get(id))
}

/// Forwards ports of a floating IP.
///
/// # Errors
/// `FloatingIPNotFound`, `PortNotFound`, `BadRequest` (ports that are forwarded already, an address that the port does not
/// have, a port that the provider network does not reach), `PortHasBindingFloatingIP`, `FloatingIPPortAlreadyAssociated`.
pub fn create(
    tx: &mut Tx<'_>,
    actor: &Actor,
    floating_ip_id: FloatingIpId,
    spec: PortForwardingSpec,
) -> Result<Arc<PortForwarding>> {
    let floating_ip = get_changeable::<FloatingIp>(tx.cloud(), actor, &floating_ip_id, "update")?;
    let needed = |name: &str| bad_request("port_forwarding", format!("'{name}' is missing: name it"));
    let internal_port_id = spec.internal_port_id.ok_or_else(|| needed("internal_port_id"))?;
    let port = get_visible::<Port>(tx.cloud(), actor, &internal_port_id)?;
    let (subnet_id, internal_ip_address) = inner_address(&port, spec.internal_ip_address)?;
    let mut standard = Standard::new(floating_ip.standard.project_id.clone(), "", tx.now());
    standard.description = spec.description.unwrap_or_default();
    let forwarding = PortForwarding {
        id: tx.new_id(),
        standard,
        floating_ip_id,
        protocol: spec.protocol.ok_or_else(|| needed("protocol"))?,
        external_ports: spec.external_ports.ok_or_else(|| needed("external_port"))?,
        internal_port_id,
        internal_ip_address,
        internal_ports: spec.internal_ports.ok_or_else(|| needed("internal_port"))?,
    };
    check_ports(tx.cloud(), &forwarding)?;
    check_port_free(tx.cloud(), &forwarding)?;
    if floating_ip.port_id.is_some() {
        return Err(Error::conflict(
            "FloatingIPPortAlreadyAssociated",
            format!(
                "Cannot associate floating IP {} ({floating_ip_id}) with port {internal_port_id} using fixed IP \
                 {internal_ip_address}, as that floating IP already leads to a port as a whole: take it off there first.",
                floating_ip.floating_ip_address
            ),
        ));
    }
    let router_id = reach(tx.cloud(), &floating_ip, &port, subnet_id)?;
    if floating_ip.router_id.is_none() {
        let now = tx.now();
        tx.update::<FloatingIp>(&floating_ip_id, |row| {
            row.router_id = Some(router_id);
            // The host says when it works.
            row.status = Status::Down;
            row.standard.touch(now);
        })?;
    }
    Ok(tx.put(forwarding))
}

/// Changes a forwarding.
///
/// # Errors
/// `PortForwardingNotFound` and those of [`create`].
pub fn update(
    tx: &mut Tx<'_>,
    actor: &Actor,
    id: PortForwardingId,
    spec: PortForwardingSpec,
) -> Result<Arc<PortForwarding>> {
    let mut forwarding = PortForwarding::clone(&*get_changeable::<PortForwarding>(tx.cloud(), actor, &id, "update")?);
    let moves = spec
        .internal_port_id
        .is_some_and(|port_id| port_id != forwarding.internal_port_id);
    if moves || spec.internal_ip_address.is_some() {
        let port_id = spec.internal_port_id.unwrap_or(forwarding.internal_port_id);
        let port = get_visible::<Port>(tx.cloud(), actor, &port_id)?;
        let (subnet_id, address) = inner_address(&port, spec.internal_ip_address)?;
        let floating_ip = tx.get::<FloatingIp>(&forwarding.floating_ip_id)?;
        forwarding.internal_port_id = port_id;
        forwarding.internal_ip_address = address;
        reach(tx.cloud(), &floating_ip, &port, subnet_id)?;
    }
    forwarding.protocol = spec.protocol.unwrap_or(forwarding.protocol);
    forwarding.external_ports = spec.external_ports.unwrap_or(forwarding.external_ports);
    forwarding.internal_ports = spec.internal_ports.unwrap_or(forwarding.internal_ports);
    let standard = &mut forwarding.standard;
    standard.description = spec
        .description
        .unwrap_or_else(|| std::mem::take(&mut standard.description));
    standard.touch(tx.now());
    check_ports(tx.cloud(), &forwarding)?;
    check_port_free(tx.cloud(), &forwarding)?;
    Ok(tx.put(forwarding))
}

/// Ends a forwarding.
///
/// # Errors
/// `PortForwardingNotFound`.
pub fn delete(tx: &mut Tx<'_>, actor: &Actor, id: PortForwardingId) -> Result<()> {
    let forwarding = get_changeable::<PortForwarding>(tx.cloud(), actor, &id, "delete")?;
    remove(tx, &forwarding)
}

/// Ends the forwardings to a port whose address it no longer has.
pub(super) fn drop_lost(tx: &mut Tx<'_>, port: &Port) -> Result<()> {
    let has = |address: Ipv4Addr| {
        port.fixed_ips
            .iter()
            .any(|fixed| fixed.ip_address == IpAddr::V4(address))
    };
    drop_where(tx, port.id, |forwarding| !has(forwarding.internal_ip_address))
}

/// Ends the forwardings to a port that goes.
pub(super) fn forget_port(tx: &mut Tx<'_>, id: PortId) -> Result<()> {
    drop_where(tx, id, |_| true)
}

/// A floating IP with forwardings neither goes nor leads anywhere else.
///
/// # Errors
/// `FipInUseByPortForwarding`.
pub(super) fn check_unused(cloud: &Cloud, id: FloatingIpId) -> Result<()> {
    if cloud.lookups.forwardings_by_floating_ip.first(&id).is_none() {
        return Ok(());
    }
    Err(Error::conflict(
        "FipInUseByPortForwarding",
        format!("Floating IP {id} in use by Port Forwarding resources. Delete its port forwardings first."),
    ))
}

/// Whether a floating IP forwards to an address of a subnet.
pub(super) fn leads_to_subnet(cloud: &Cloud, id: FloatingIpId, subnet_id: SubnetId) -> bool {
    of_floating_ip(cloud, id).any(|forwarding| {
        let port = cloud.ports.get(&forwarding.internal_port_id);
        port.is_some_and(|port| {
            port.fixed_ips.iter().any(|fixed| {
                fixed.subnet_id == subnet_id && fixed.ip_address == IpAddr::V4(forwarding.internal_ip_address)
            })
        })
    })
}

fn drop_where(tx: &mut Tx<'_>, port_id: PortId, lost: impl Fn(&PortForwarding) -> bool) -> Result<()> {
    let cloud = tx.cloud();
    let ids = cloud.lookups.forwardings_by_port.of(&port_id);
    let rows: Vec<Arc<PortForwarding>> = ids
        .filter_map(|id| cloud.port_forwardings.get(id))
        .filter(|forwarding| lost(forwarding))
        .cloned()
        .collect();
    rows.iter().try_for_each(|forwarding| remove(tx, forwarding))
}

fn remove(tx: &mut Tx<'_>, forwarding: &PortForwarding) -> Result<()> {
    tx.delete::<PortForwarding>(&forwarding.id);
    let id = forwarding.floating_ip_id;
    if tx.cloud().lookups.forwardings_by_floating_ip.first(&id).is_none() {
        let now: Timestamp = tx.now();
        tx.update::<FloatingIp>(&id, |row| row.clear_association(now))?;
    }
    Ok(())
}

/// Which address of the port is meant.
fn inner_address(port: &Port, wanted: Option<IpAddr>) -> Result<(SubnetId, Ipv4Addr)> {
    let mut own = port.fixed_ips.iter().filter_map(|fixed| match fixed.ip_address {
        IpAddr::V4(address) => Some((fixed.subnet_id, address)),
        IpAddr::V6(_) => None,
    });
    let found = match wanted {
        None => own.next(),
        Some(wanted) => own.find(|(_, address)| IpAddr::V4(*address) == wanted),
    };
    found.ok_or_else(|| {
        let why = match wanted {
            None => format!("Requested internal port {} must allocate an IPv4 address at least", port.id),
            Some(wanted) => format!(
                "Requested internal IP address {wanted} is not suitable for internal neutron port {}, which does not have it",
                port.id
            ),
        };
        bad_request("port_forwarding", why)
    })
}

/// The router that the floating IP comes through, if it reaches the port's subnet.
fn reach(cloud: &Cloud, floating_ip: &FloatingIp, port: &Port, subnet_id: SubnetId) -> Result<RouterId> {
    let external = floating_ip.floating_network_id;
    let router_id = router_for(cloud, external, port, subnet_id).map_err(|_| {
        bad_request(
            "port_forwarding",
            format!(
                "External network {external} is not reachable from subnet {subnet_id}. Cannot set Port forwarding for port {} \
                 with Floating IP {}",
                port.id, floating_ip.id
            ),
        )
    })?;
    match floating_ip.router_id {
        Some(own) if own != router_id => Err(bad_request(
            "port_forwarding",
            format!(
                "The Floating IP {} had been set on router {own}, the internal Neutron port {} can not reach it",
                floating_ip.id, port.id
            ),
        )),
        _ => Ok(router_id),
    }
}

/// No port leads to two places, and no place is led to twice.
fn check_ports(cloud: &Cloud, forwarding: &PortForwarding) -> Result<()> {
    let count = |(first, last): PortRange| last - first;
    if count(forwarding.internal_ports) > 0 && count(forwarding.internal_ports) != count(forwarding.external_ports) {
        return Err(bad_request(
            "port_forwarding",
            "Invalid ranges of internal and/or external ports. The relation between internal and external ports must be N-N \
             or 1-N",
        ));
    }
    let others = |ids: Vec<PortForwardingId>| -> Vec<&Arc<PortForwarding>> {
        ids.iter()
            .filter(|id| **id != forwarding.id)
            .filter_map(|id| cloud.port_forwardings.get(id))
            .filter(|other| other.protocol == forwarding.protocol)
            .collect()
    };
    let lookups = &cloud.lookups;
    let same_target = others(
        lookups
            .forwardings_by_port
            .of(&forwarding.internal_port_id)
            .copied()
            .collect(),
    );
    let inside = same_target
        .into_iter()
        .filter(|other| other.internal_ip_address == forwarding.internal_ip_address)
        .map(|other| ("internal_port_range", other.internal_ports, forwarding.internal_ports));
    let same_source = others(
        lookups
            .forwardings_by_floating_ip
            .of(&forwarding.floating_ip_id)
            .copied()
            .collect(),
    );
    let outside = same_source
        .into_iter()
        .map(|other| ("external_port_range", other.external_ports, forwarding.external_ports));
    let collides = |(_, a, b): &(&str, PortRange, PortRange)| a.0 <= b.1 && b.0 <= a.1;
    match inside.chain(outside).find(collides) {
        None => Ok(()),
        Some((name, (a, b), (c, d))) => Err(bad_request(
            "port_forwarding",
            format!("There is a port collision with the {name}. The following ranges collide: {a}:{b} and {c}:{d}"),
        )),
    }
}

/// A port with a floating IP of its own needs no forwarding, and its answers would leave under the wrong address.
fn check_port_free(cloud: &Cloud, forwarding: &PortForwarding) -> Result<()> {
    let port_id = forwarding.internal_port_id;
    let first = cloud.lookups.floating_ips_by_port.first(&port_id);
    match first.and_then(|id| cloud.floating_ips.get(id)) {
        None => Ok(()),
        Some(other) => Err(Error::conflict(
            "PortHasBindingFloatingIP",
            format!(
                "Cannot create port forwarding to floating IP {} ({}) with port {port_id} using fixed IP {}, as that port \
                 already has a binding floating IP.",
                other.floating_ip_address, other.id, forwarding.internal_ip_address
            ),
        )),
    }
}
