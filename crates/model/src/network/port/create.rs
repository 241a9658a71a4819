//! Making ports: for users, and for the cloud's own use.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{FixedIpSpec, Port, PortSpec, addresses, device_owner, validate};
use crate::address::MacAddress;
use crate::network::access::{get_visible, owner, require};
use crate::network::{Network, Standard, Status, network, qos, quota, rbac, security_group, tag};
use crate::{Actor, Error, NetworkId, ProjectId, Result, Tx};

/// Makes a port.
///
/// # Errors
/// `NetworkNotFound`, `PolicyNotAuthorized`, `OverQuota`, `MacAddressInUse`, `SecurityGroupNotFound`, `SecurityGroupConflict`, the errors of
/// addresses (`IpAddressGenerationFailure`, `IpAddressAlreadyAllocated`, `InvalidIpForSubnet` …) and of port security.
pub fn create(tx: &mut Tx<'_>, actor: &Actor, network_id: NetworkId, spec: PortSpec) -> Result<Arc<Port>> {
    let network = get_visible::<Network>(tx.cloud(), actor, &network_id)?;
    // A provider network can be seen by everybody but used only through routers and floating IPs.
    require(
        actor.can_see(&network.standard.project_id) || rbac::is_shared_with(tx.cloud(), &network, actor.project_id()),
        "create_port",
    )?;
    spec.check_policy(tx.cloud(), actor, &network, "create")?;
    network::check_mtu_for(&network, network.mtu, false)?;
    let device_owner = spec.device_owner.clone().unwrap_or_default();
    validate::check_device_owner(actor, &device_owner, "create")?;
    let project_id = owner(actor, spec.project_id.as_ref())?;
    quota::enforce::<Port>(tx.cloud(), &project_id, "port")?;
    let port = build(tx, actor, &network, project_id, device_owner, spec)?;
    Ok(tx.put(port))
}

fn build(
    tx: &mut Tx<'_>,
    actor: &Actor,
    network: &Network,
    project_id: ProjectId,
    device_owner: String,
    spec: PortSpec,
) -> Result<Port> {
    let mac_address = match spec.mac_address {
        Some(mac) => {
            validate::check_mac(tx.cloud(), network.id, mac)?;
            mac
        }
        None => fresh_mac(tx, network.id)?,
    };
    let fixed_ips = addresses::allocate(
        tx,
        &addresses::Request {
            network_id: network.id,
            mac: mac_address,
            device_owner: &device_owner,
            wanted: spec.fixed_ips.as_deref(),
        },
    )?;
    let is_own = device_owner.starts_with("network:");
    let port_security_enabled = spec
        .port_security_enabled
        .unwrap_or(network.port_security_enabled && !is_own);
    let groups_asked_for = spec.security_groups.as_ref().is_some_and(|groups| !groups.is_empty());
    let security_groups = match &spec.security_groups {
        Some(groups) => validate::check_groups(tx.cloud(), actor, &project_id, groups)?,
        None if port_security_enabled => BTreeSet::from([security_group::ensure_default(tx, &project_id).id]),
        None => BTreeSet::new(),
    };
    let allowed_address_pairs = spec.allowed_address_pairs.unwrap_or_default();
    validate::check_pairs(&allowed_address_pairs, mac_address)?;
    let mut extra_dhcp_opts = Vec::new();
    validate::merge_dhcp_opts(&mut extra_dhcp_opts, spec.extra_dhcp_opts.unwrap_or_default())?;
    let vnic_type = spec.vnic_type.unwrap_or_else(super::normal);
    validate::check_vnic_type(&vnic_type)?;
    let mut standard = Standard::new(project_id, spec.name.unwrap_or_default(), tx.now());
    standard.description = spec.description.unwrap_or_default();
    standard.tags = spec.tags.unwrap_or_default();
    tag::check_count(&standard.tags)?;
    let port = Port {
        id: tx.new_id(),
        standard,
        network_id: network.id,
        mac_address,
        fixed_ips,
        device_id: spec.device_id.unwrap_or_default(),
        device_owner,
        admin_state_up: spec.admin_state_up.unwrap_or(true),
        status: Status::Down,
        port_security_enabled,
        security_groups,
        allowed_address_pairs,
        extra_dhcp_opts,
        dns_name: validate::check_dns_name(spec.dns_name.unwrap_or_default())?,
        host_id: spec.host_id.flatten(),
        vnic_type,
        binding_profile: spec.binding_profile.unwrap_or_default(),
        attachment: None,
        made_for_server: false,
        qos_policy_id: qos::choose(tx.cloud(), actor, spec.qos_policy_id, None)?,
    };
    validate::check_port_security(&port, groups_asked_for)?;
    Ok(port)
}

/// A port that the cloud makes for itself: no quota, no groups, nobody's policy.
pub(in crate::network) struct OwnPort<'a> {
    pub network_id: NetworkId,
    /// Empty for what no project sees (gateways, floating IPs).
    pub project_id: ProjectId,
    pub device_id: String,
    pub device_owner: &'static str,
    /// `None`: one of each IP version.
    pub fixed_ips: Option<&'a [FixedIpSpec]>,
}

/// Makes a port of the cloud's own.
///
/// # Errors
/// Those of addresses.
pub(in crate::network) fn create_own(tx: &mut Tx<'_>, own: OwnPort<'_>) -> Result<Arc<Port>> {
    let mac_address = fresh_mac(tx, own.network_id)?;
    let fixed_ips = addresses::allocate(
        tx,
        &addresses::Request {
            network_id: own.network_id,
            mac: mac_address,
            device_owner: own.device_owner,
            wanted: own.fixed_ips,
        },
    )?;
    let status = match own.device_owner {
        device_owner::FLOATING_IP => Status::NotApplicable,
        _ => Status::Down,
    };
    let port = Port {
        id: tx.new_id(),
        standard: Standard::new(own.project_id, "", tx.now()),
        network_id: own.network_id,
        mac_address,
        fixed_ips,
        device_id: own.device_id,
        device_owner: own.device_owner.to_owned(),
        admin_state_up: true,
        status,
        port_security_enabled: false,
        security_groups: BTreeSet::new(),
        allowed_address_pairs: Vec::new(),
        extra_dhcp_opts: Vec::new(),
        dns_name: String::new(),
        host_id: None,
        vnic_type: super::normal(),
        binding_profile: serde_json::Map::new(),
        attachment: None,
        made_for_server: false,
        qos_policy_id: None,
    };
    Ok(tx.put(port))
}

/// A random MAC that nobody has on the network.
///
/// # Errors
/// `NetworkMacAddressGenerationFailure`.
pub(super) fn fresh_mac(tx: &mut Tx<'_>, network_id: NetworkId) -> Result<MacAddress> {
    for _ in 0..32 {
        let mac = MacAddress::from_random(tx.random_bytes());
        if tx.cloud().lookups.ports_by_mac.first(&(network_id, mac)).is_none() {
            return Ok(mac);
        }
    }
    Err(Error::unavailable(
        "NetworkMacAddressGenerationFailure",
        format!("Unable to generate unique mac on network {network_id}."),
    ))
}
