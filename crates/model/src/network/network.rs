//! Neutron's network.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::access::{self, Resource, get_changeable, invalid_input, owner, require, touch};
use super::agent::DhcpPlace;
use super::{
    Port, Router, Standard, Status, Subnet, auto_allocation, device_owner, floating_ip, port, qos, quota, rbac,
    segment, subnet, tag,
};
use crate::cloud::{Lookups, Row};
use crate::{Actor, Cloud, Error, NetworkId, PortId, ProjectId, QosPolicyId, Result, Tx};

/// MTU of a self-service network: what VXLAN leaves of 1500 bytes, so that a network made on one host still fits when a
/// second host joins.
pub const SELF_SERVICE_MTU: u32 = 1450;
/// MTU of a provider network.
pub const PROVIDER_MTU: u32 = 1500;
/// Smallest MTU of IPv4 (RFC 791).
pub const MIN_MTU: u32 = 68;
/// Smallest MTU of IPv6 (RFC 8200).
pub const MIN_MTU_IPV6: u32 = 1280;
/// Largest MTU: that of the provider networks, which packets leave through.
pub const MAX_MTU: u32 = PROVIDER_MTU;

/// A network: a broadcast domain of its own, or (external) a provider network of the host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Network {
    /// Its id.
    pub id: NetworkId,
    /// Owner, name and so on.
    #[serde(flatten)]
    pub standard: Standard,
    /// `false`: no packet passes.
    pub admin_state_up: bool,
    /// As reported.
    pub status: Status,
    /// Every project may use it; single ones may by [`rbac`].
    pub shared: bool,
    /// Routers may have their gateway on it, and floating IPs come from it.
    pub external: bool,
    /// Used for external gateways when none is named.
    #[serde(default)]
    pub is_default: bool,
    /// Largest IP packet, bytes.
    pub mtu: u32,
    /// What new ports take over.
    pub port_security_enabled: bool,
    /// Domain of its ports' names with trailing dot, or empty for the default.
    #[serde(default)]
    pub dns_domain: String,
    /// The bridge of a provider network (`flat` on `public`); `None` for a self-service one.
    #[serde(default)]
    pub physical_network: Option<String>,
    /// The VXLAN id of a self-service network.
    #[serde(default)]
    pub segmentation_id: Option<u32>,
    /// The QoS policy of its ports that have none of their own.
    #[serde(default)]
    pub qos_policy_id: Option<QosPolicyId>,
    /// The DHCP agent that serves it.
    #[serde(default)]
    pub dhcp_place: DhcpPlace,
}

impl Row for Network {
    type Id = NetworkId;
    const KIND: &'static str = "network";
    crate::table!(Network, networks);
    fn id(&self) -> NetworkId {
        self.id
    }
    fn not_found(id: &NetworkId) -> Error {
        Error::not_found("NetworkNotFound", format!("Network {id} could not be found."))
    }
    fn project(&self) -> Option<&ProjectId> {
        Some(&self.standard.project_id)
    }
    fn index(&self, lookups: &mut Lookups, present: bool) {
        if let Some(policy) = self.qos_policy_id {
            lookups.networks_by_qos.set(policy, self.id, present);
        }
        if let Some(segmentation_id) = self.segmentation_id {
            lookups.networks_by_segment.set(segmentation_id, self.id, present);
        }
        if let Some(physical_network) = &self.physical_network {
            lookups
                .networks_by_physical
                .set(physical_network.clone(), self.id, present);
        }
        if self.external {
            lookups.external_networks.set((), self.id, present);
        }
    }
}

impl Resource for Network {
    const NAME: &'static str = "network";
    fn standard(&self) -> &Standard {
        &self.standard
    }
    fn standard_mut(&mut self) -> &mut Standard {
        &mut self.standard
    }
    fn visible_to(&self, cloud: &Cloud, actor: &Actor) -> bool {
        let project = actor.project_id();
        actor.can_see(&self.standard.project_id)
            || rbac::is_shared_with(cloud, self, project)
            || rbac::is_external_for(cloud, self, project)
    }
}

impl Network {
    /// `flat` (on a provider bridge) or `vxlan`: `provider:network_type`.
    pub fn network_type(&self) -> &'static str {
        if self.physical_network.is_some() {
            "flat"
        } else {
            "vxlan"
        }
    }
}

/// What a network is asked to be. `None`: the default, or (in an update) as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NetworkSpec {
    /// Owner of a new one.
    pub project_id: Option<ProjectId>,
    /// Its name.
    pub name: Option<String>,
    /// Free text.
    pub description: Option<String>,
    /// `false`: no packet passes.
    pub admin_state_up: Option<bool>,
    /// Every project may use it.
    pub shared: Option<bool>,
    /// A provider network: `router:external`.
    pub external: Option<bool>,
    /// The default for external gateways.
    pub is_default: Option<bool>,
    /// Largest IP packet, bytes.
    pub mtu: Option<u32>,
    /// What new ports take over.
    pub port_security_enabled: Option<bool>,
    /// Domain of its ports' names.
    pub dns_domain: Option<String>,
    /// `provider:network_type`.
    pub network_type: Option<String>,
    /// `provider:physical_network`.
    pub physical_network: Option<String>,
    /// `provider:segmentation_id`.
    pub segmentation_id: Option<u32>,
    /// The QoS policy of its ports that have none of their own; `Some(None)`: none.
    pub qos_policy_id: Option<Option<QosPolicyId>>,
    /// Labels of a new one.
    pub tags: Option<BTreeSet<String>>,
}

impl NetworkSpec {
    /// Attributes that only an administrator may set. When a network is made, asking for what it would be anyway is
    /// nothing (Horizon always sends `shared`); in an update their presence alone counts.
    fn check_policy(&self, actor: &Actor, verb: &str) -> Result<()> {
        if actor.is_admin() {
            return Ok(());
        }
        let update = verb == "update";
        let set = |value: Option<bool>| value.is_some_and(|value| value || update);
        let guarded = [
            ("shared", set(self.shared)),
            ("router:external", set(self.external)),
            ("is_default", set(self.is_default)),
            ("provider:network_type", self.network_type.is_some()),
            ("provider:physical_network", self.physical_network.is_some()),
            ("provider:segmentation_id", self.segmentation_id.is_some()),
        ];
        guarded
            .iter()
            .try_for_each(|(name, set)| require(!set, &format!("{verb}_network:{name}")))
    }
}

/// Makes a network.
///
/// # Errors
/// `PolicyNotAuthorized`, `OverQuota`, `FlatNetworkInUse`, `TunnelIdInUse`, `InvalidInput`, `DefaultExternalNetworkExists`.
pub fn create(tx: &mut Tx<'_>, actor: &Actor, spec: NetworkSpec) -> Result<Arc<Network>> {
    spec.check_policy(actor, "create")?;
    let project_id = owner(actor, spec.project_id.as_ref())?;
    quota::enforce::<Network>(tx.cloud(), &project_id, "network")?;
    let external = spec.external.unwrap_or(false);
    let (physical_network, segmentation_id) = provider(tx, &spec)?;
    let is_provider = external || physical_network.is_some();
    let mtu = match spec.mtu {
        Some(mtu) if mtu > 0 => mtu,
        _ if is_provider => PROVIDER_MTU,
        _ => SELF_SERVICE_MTU,
    };
    check_mtu(mtu)?;
    let is_default = spec.is_default.unwrap_or(false);
    if is_default {
        check_default(tx.cloud(), external, None)?;
    }
    let dns_domain = check_dns_domain(spec.dns_domain.unwrap_or_default())?;
    let default_qos = qos::default_of(tx.cloud(), &project_id).map(|policy| policy.id);
    let qos_policy_id = match spec.qos_policy_id {
        None => default_qos,
        wanted => qos::choose(tx.cloud(), actor, wanted, None)?,
    };
    let mut standard = Standard::new(project_id, spec.name.unwrap_or_default(), tx.now());
    standard.description = spec.description.unwrap_or_default();
    standard.tags = spec.tags.unwrap_or_default();
    tag::check_count(&standard.tags)?;
    let network = Network {
        id: tx.new_id(),
        standard,
        admin_state_up: spec.admin_state_up.unwrap_or(true),
        // There is nothing to build before it has a subnet or a port; a host that can't make it says so.
        status: Status::Active,
        shared: spec.shared.unwrap_or(false),
        external,
        is_default,
        mtu,
        port_security_enabled: spec.port_security_enabled.unwrap_or(true),
        dns_domain,
        physical_network,
        segmentation_id,
        qos_policy_id,
        dhcp_place: DhcpPlace::default(),
    };
    rbac::follow(tx, &network);
    segment::make_own(tx, &network);
    Ok(tx.put(network))
}

/// Changes a network.
///
/// # Errors
/// `NetworkNotFound`, `PolicyNotAuthorized`, `InvalidSharedSetting`, `ExternalNetworkInUse`, `NetworkInUse`,
/// `NetworkMTUSubnetConflict`, `InvalidInput`.
pub fn update(tx: &mut Tx<'_>, actor: &Actor, id: NetworkId, spec: NetworkSpec) -> Result<Arc<Network>> {
    let mut network = Network::clone(&*get_changeable::<Network>(tx.cloud(), actor, &id, "update")?);
    spec.check_policy(actor, "update")?;
    if spec.network_type.is_some() || spec.physical_network.is_some() || spec.segmentation_id.is_some() {
        return Err(invalid_input(
            "InvalidInput",
            "the provider attributes of a network can't be changed: make another network",
        ));
    }
    if let Some(mtu) = spec.mtu {
        check_mtu(mtu)?;
        for subnet in tx.cloud().subnets_of_network(id) {
            check_mtu_for(&network, mtu, subnet.is_ipv6())?;
        }
        if tx.cloud().lookups.ports_by_network.first(&id).is_some() {
            check_mtu_for(&network, mtu, false)?;
        }
        network.mtu = mtu;
    }
    if let Some(shared) = spec.shared {
        if network.shared && !shared {
            check_unshare(tx.cloud(), &network)?;
        }
        network.shared = shared;
    }
    if let Some(external) = spec.external {
        change_external(tx, &mut network, external)?;
    }
    if let Some(is_default) = spec.is_default {
        if is_default {
            check_default(tx.cloud(), network.external, Some(id))?;
        }
        network.is_default = is_default;
    }
    if let Some(dns_domain) = spec.dns_domain {
        network.dns_domain = check_dns_domain(dns_domain)?;
    }
    network.qos_policy_id = qos::choose(tx.cloud(), actor, spec.qos_policy_id, network.qos_policy_id)?;
    let standard = &mut network.standard;
    standard.name = spec.name.unwrap_or_else(|| std::mem::take(&mut standard.name));
    standard.description = spec
        .description
        .unwrap_or_else(|| std::mem::take(&mut standard.description));
    network.admin_state_up = spec.admin_state_up.unwrap_or(network.admin_state_up);
    network.port_security_enabled = spec.port_security_enabled.unwrap_or(network.port_security_enabled);
    rbac::follow(tx, &network);
    put_changed(tx, network)?;
    tx.get::<Network>(&id)
}

/// Puts a network that was changed.
pub(super) fn put_changed(tx: &mut Tx<'_>, mut network: Network) -> Result<()> {
    network.standard.touch(tx.now());
    let id = tx.put(network).id;
    // The service port depends on whether the network is external.
    port::dhcp::sync(tx, id).map(drop)
}

/// Removes a network with its subnets and its DHCP port; from a provider network go the floating IPs that lead nowhere.
///
/// # Errors
/// `NetworkNotFound`, `NetworkInUse` while other ports are on it.
pub fn delete(tx: &mut Tx<'_>, actor: &Actor, id: NetworkId) -> Result<()> {
    let network = get_changeable::<Network>(tx.cloud(), actor, &id, "delete")?;
    floating_ip::drop_idle(tx, id);
    let (own, foreign): (Vec<_>, Vec<_>) = tx
        .cloud()
        .ports_of_network(id)
        .partition(|port| port.device_owner == device_owner::DHCP);
    if !foreign.is_empty() {
        let ids: Vec<String> = foreign.iter().take(10).map(|port| port.id.to_string()).collect();
        return Err(Error::conflict(
            "NetworkInUse",
            format!(
                "Unable to complete operation on network {id}. There are one or more ports still in use on the network, id for \
                 these ports are: {}.",
                ids.join(",")
            ),
        ));
    }
    let ports: Vec<PortId> = own.iter().map(|port| port.id).collect();
    let subnets: Vec<_> = tx.cloud().subnets_of_network(id).map(|subnet| subnet.id).collect();
    for port_id in ports {
        tx.delete::<Port>(&port_id);
    }
    for subnet_id in subnets {
        tx.delete::<Subnet>(&subnet_id);
    }
    rbac::forget(tx, id);
    auto_allocation::forget_network(tx, &network);
    segment::forget(tx, id);
    tx.delete::<Network>(&id);
    Ok(())
}

/// The network that is used when a gateway or floating IP names none: the default one, else the only one.
pub fn default_external(cloud: &Cloud) -> Option<&Arc<Network>> {
    let externals = || {
        cloud
            .lookups
            .external_networks
            .of(&())
            .filter_map(|id| cloud.networks.get(id))
    };
    externals().find(|network| network.is_default).or_else(|| {
        let mut all = externals();
        all.next().filter(|_| all.next().is_none())
    })
}

/// Networks that the caller may see with this id or name.
pub fn find<'a>(cloud: &'a Cloud, actor: &Actor, id_or_name: &str) -> Vec<&'a Arc<Network>> {
    if let Some(network) = id_or_name.parse().ok().and_then(|id| cloud.networks.get(&id)) {
        return Vec::from_iter(network.visible_to(cloud, actor).then_some(network));
    }
    cloud
        .networks
        .iter()
        .filter(|network| network.standard.name == id_or_name && network.visible_to(cloud, actor))
        .collect()
}

/// Notes a change of something on the network.
pub(crate) fn bump(tx: &mut Tx<'_>, id: NetworkId) {
    touch::<Network>(tx, &id);
}

/// Where the network is in the physical world: the provider bridge's name, or a VXLAN id.
fn provider(tx: &mut Tx<'_>, spec: &NetworkSpec) -> Result<(Option<String>, Option<u32>)> {
    match spec.network_type.as_deref() {
        Some("flat") => {
            let physical_network = flat(tx.cloud(), spec.physical_network.as_deref(), spec.segmentation_id)?;
            Ok((Some(physical_network), None))
        }
        Some("vxlan") | None => {
            if spec.physical_network.is_some() {
                return Err(invalid_input(
                    "InvalidInput",
                    "physical_network needs network_type 'flat': a vxlan network has none",
                ));
            }
            Ok((None, Some(vxlan_id(tx, spec.segmentation_id)?)))
        }
        Some(other) => Err(unknown_type(other)),
    }
}

pub(super) fn unknown_type(other: &str) -> Error {
    invalid_input(
        "InvalidInput",
        format!("Unknown network type '{other}': 'flat' and 'vxlan' are supported"),
    )
}

/// The provider bridge of a new flat network.
pub(super) fn flat(cloud: &Cloud, physical_network: Option<&str>, segmentation_id: Option<u32>) -> Result<String> {
    let physical_network = physical_network
        .map(str::to_owned)
        .ok_or_else(|| invalid_input("InvalidInput", "physical_network required for flat provider network"))?;
    if segmentation_id.is_some() {
        return Err(invalid_input(
            "InvalidInput",
            "segmentation_id prohibited for flat provider network",
        ));
    }
    if cloud.lookups.networks_by_physical.first(&physical_network).is_some() {
        return Err(Error::conflict(
            "FlatNetworkInUse",
            format!("Unable to create the flat network. Physical network {physical_network} is in use."),
        ));
    }
    Ok(physical_network)
}

/// A VXLAN id that no other network has.
pub(super) fn vxlan_id(tx: &mut Tx<'_>, wanted: Option<u32>) -> Result<u32> {
    let in_use = |tx: &Tx<'_>, id: u32| {
        let lookups = &tx.cloud().lookups;
        lookups.networks_by_segment.first(&id).is_some() || lookups.segments_by_vxlan_id.first(&id).is_some()
    };
    if let Some(id) = wanted {
        if id == 0 || id >= 1 << 24 {
            return Err(invalid_input(
                "InvalidInput",
                format!("segmentation_id {id} is not a VXLAN id: it must be 1 to 16777215"),
            ));
        }
        if in_use(tx, id) {
            return Err(Error::conflict(
                "TunnelIdInUse",
                format!("Unable to create the network. The tunnel ID {id} is in use."),
            ));
        }
        return Ok(id);
    }
    for _ in 0..64 {
        let bytes = tx.random_bytes();
        let id = u32::from_be_bytes([0, bytes[0], bytes[1], bytes[2]]);
        if id != 0 && !in_use(tx, id) {
            return Ok(id);
        }
    }
    Err(Error::unavailable(
        "NoNetworkAvailable",
        "Unable to create the network. No tenant network is available for allocation.",
    ))
}

/// One below IPv4's minimum is taken as long as nothing that could be made on a host is on the network.
fn check_mtu(mtu: u32) -> Result<()> {
    if mtu <= MAX_MTU {
        return Ok(());
    }
    Err(invalid_input(
        "InvalidInput",
        format!("Requested MTU is too big, maximum is {MAX_MTU}"),
    ))
}

/// Whether a subnet of this IP version (or any port: a device's MTU has IPv4's minimum) fits the network's MTU.
pub(super) fn check_mtu_for(network: &Network, mtu: u32, ipv6: bool) -> Result<()> {
    let minimum = if ipv6 { MIN_MTU_IPV6 } else { MIN_MTU };
    if mtu >= minimum {
        return Ok(());
    }
    Err(Error::conflict(
        "NetworkMTUSubnetConflict",
        format!(
            "MTU of {} is not valid, subnet requires a minimum of {minimum}",
            network.id
        ),
    ))
}

fn check_default(cloud: &Cloud, external: bool, own: Option<NetworkId>) -> Result<()> {
    if !external {
        return Err(invalid_input(
            "InvalidInput",
            "only an external network can be the default: set router:external too",
        ));
    }
    let other = cloud
        .lookups
        .external_networks
        .of(&())
        .find(|id| Some(**id) != own && cloud.networks.get(id).is_some_and(|network| network.is_default));
    other.map_or(Ok(()), |id| {
        Err(Error::conflict(
            "DefaultExternalNetworkExists",
            format!("A default external network already exists: {id}."),
        ))
    })
}

fn check_unshare(cloud: &Cloud, network: &Network) -> Result<()> {
    let foreign = cloud.ports_of_network(network.id).any(|port| {
        let project = &port.standard.project_id;
        let by_policy = rbac::of_network(cloud, network.id).any(|policy| policy.target.as_ref() == Some(project));
        !project.as_str().is_empty() && *project != network.standard.project_id && !by_policy
    });
    if foreign {
        return Err(Error::conflict(
            "InvalidSharedSetting",
            format!(
                "Unable to reconfigure sharing settings for network {}. Multiple projects are using it.",
                network.id
            ),
        ));
    }
    Ok(())
}

/// Makes a self-service network a provider network or the other way round: only while nothing that works differently is
/// on it.
pub(super) fn change_external(tx: &Tx<'_>, network: &mut Network, external: bool) -> Result<()> {
    if network.external == external {
        return Ok(());
    }
    let cloud = tx.cloud();
    if network.external {
        let gateways = |port: &Arc<Port>| {
            port.device_owner == device_owner::ROUTER_GATEWAY || port.device_owner == device_owner::FLOATING_IP
        };
        if cloud.ports_of_network(network.id).any(gateways) {
            return Err(Error::conflict(
                "ExternalNetworkInUse",
                format!(
                    "External network {} cannot be updated to be made non-external, since it has existing gateway ports.",
                    network.id
                ),
            ));
        }
        network.is_default = false;
    } else if let Some(port) = cloud
        .ports_of_network(network.id)
        .find(|port| port.device_owner != device_owner::DHCP)
    {
        return Err(Error::conflict(
            "NetworkInUse",
            format!(
                "Unable to complete operation on network {}. Port {} is on it, and what is on an external network can't be \
                 plugged in: remove it first.",
                network.id, port.id
            ),
        ));
    }
    network.external = external;
    Ok(())
}

/// A domain name with or without the dot at its end, as DNS takes it.
fn check_dns_domain(domain: String) -> Result<String> {
    if domain.is_empty() || (domain.len() <= 254 && subnet::is_dns_name(domain.trim_end_matches('.'))) {
        return Ok(domain);
    }
    Err(Error::invalid(
        "HTTPBadRequest",
        format!(
            "Invalid input for dns_domain. Reason: '{domain}' not a valid PQDN or FQDN. Reason: each label may have letters, \
             digits and '-' only, at most 63."
        ),
    ))
}

/// Whether a router's gateway may be on this network, for a caller who can see it.
///
/// # Errors
/// `BadRequest`.
pub(super) fn check_external(cloud: &Cloud, actor: &Actor, network: &Network, resource: &str) -> Result<()> {
    if network.external
        && (actor.can_see(&network.standard.project_id) || rbac::is_external_for(cloud, network, actor.project_id()))
    {
        return Ok(());
    }
    let message = match resource {
        "router" => format!("Network {} is not an external network", network.id),
        _ => format!("Network {} is not a valid external network", network.id),
    };
    Err(access::bad_request(resource, message))
}

/// Routers whose gateway is on a network.
pub fn gateway_routers(cloud: &Cloud, id: NetworkId) -> impl Iterator<Item = &Arc<Router>> + '_ {
    cloud
        .ports_of_network(id)
        .filter(|port| port.device_owner == device_owner::ROUTER_GATEWAY)
        .filter_map(|port| port.device_id.parse().ok().and_then(|id| cloud.routers.get(&id)))
}
