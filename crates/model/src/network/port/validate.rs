//! What a port's attributes may be.

use std::collections::BTreeSet;

use super::{AllowedAddressPair, Port, device_owner};
use crate::address::MacAddress;
use crate::host::ExtraDhcpOpt;
use crate::network::access::{Resource, invalid_input};
use crate::network::{SecurityGroup, security_group, subnet};
use crate::{Actor, Cloud, Error, NetworkId, ProjectId, Result, SecurityGroupId};

/// Neutron's `max_allowed_address_pair`: each pair costs entries in the host's filter.
const MAX_ADDRESS_PAIRS: usize = 10;
/// DHCP options of a port at most.
const MAX_DHCP_OPTS: usize = 32;
/// A DHCP option's value at most, bytes: the length field of DHCPv4 has one byte.
const MAX_DHCP_VALUE: usize = 255;

/// Groups that a port of `project` may be in.
///
/// # Errors
/// `SecurityGroupNotFound`, `SecurityGroupConflict`.
pub(super) fn check_groups(
    cloud: &Cloud,
    actor: &Actor,
    project: &ProjectId,
    groups: &[SecurityGroupId],
) -> Result<BTreeSet<SecurityGroupId>> {
    for id in groups {
        let group = cloud.get::<SecurityGroup>(id)?;
        if group.standard.project_id != *project && !group.visible_to(cloud, actor) {
            return Err(<SecurityGroup as crate::Row>::not_found(id));
        }
    }
    let groups = groups.iter().copied().collect();
    security_group::check_together(cloud, &groups)?;
    Ok(groups)
}

/// Checks that the port's parts go together.
///
/// # Errors
/// `PortSecurityAndIPRequiredForSecurityGroups`, `AddressPairAndPortSecurityRequired`,
/// `PortSecurityPortHasSecurityGroup`.
pub(super) fn check_port_security(port: &Port, groups_asked_for: bool) -> Result<()> {
    if port.port_security_enabled {
        return Ok(());
    }
    if !port.security_groups.is_empty() {
        if groups_asked_for {
            return Err(invalid_input(
                "PortSecurityAndIPRequiredForSecurityGroups",
                "Port security must be enabled and port must have an IP address in order to use security groups",
            ));
        }
        return Err(Error::conflict(
            "PortSecurityPortHasSecurityGroup",
            "Port has security group associated. Cannot disable port security or IP address until security group is removed.",
        ));
    }
    if !port.allowed_address_pairs.is_empty() {
        return Err(Error::conflict(
            "AddressPairAndPortSecurityRequired",
            "Port Security must be enabled in order to have allowed address pairs on a port.",
        ));
    }
    Ok(())
}

/// Checks further senders.
///
/// # Errors
/// `AllowedAddressPairExhausted`, `DuplicateAddressPairInRequest`.
pub(super) fn check_pairs(pairs: &[AllowedAddressPair], own: MacAddress) -> Result<()> {
    if pairs.len() > MAX_ADDRESS_PAIRS {
        return Err(Error::invalid(
            "AllowedAddressPairExhausted",
            format!("The number of allowed address pair exceeds the maximum {MAX_ADDRESS_PAIRS}."),
        ));
    }
    let mut seen = BTreeSet::new();
    for pair in pairs {
        let mac = pair.mac_address.unwrap_or(own);
        if !seen.insert((mac, pair.ip_address)) {
            return Err(invalid_input(
                "DuplicateAddressPairInRequest",
                format!(
                    "Request contains duplicate address pair: mac_address {mac} ip_address {}",
                    pair.ip_address
                ),
            ));
        }
    }
    Ok(())
}

/// Enters DHCP options: those with a value are set, those without removed.
///
/// # Errors
/// `HTTPBadRequest`.
pub(super) fn merge_dhcp_opts(own: &mut Vec<ExtraDhcpOpt>, changes: Vec<ExtraDhcpOpt>) -> Result<()> {
    for change in changes {
        check_dhcp_opt(&change)?;
        own.retain(|opt| (&opt.name, opt.ip_version) != (&change.name, change.ip_version));
        if change.value.is_some() {
            own.push(change);
        }
    }
    if own.len() > MAX_DHCP_OPTS {
        return Err(Error::invalid(
            "HTTPBadRequest",
            format!("Invalid input for extra_dhcp_opts. Reason: a port has at most {MAX_DHCP_OPTS} DHCP options."),
        ));
    }
    Ok(())
}

/// A name is a word or a number, a value one printable line: nothing in it can become another option.
fn check_dhcp_opt(opt: &ExtraDhcpOpt) -> Result<()> {
    let bad = |reason: String| {
        Err(Error::invalid(
            "HTTPBadRequest",
            format!("Invalid input for extra_dhcp_opts. Reason: {reason}."),
        ))
    };
    let word = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b':' | b',' | b'.');
    if opt.name.is_empty() || opt.name.len() > 64 || !opt.name.bytes().all(word) {
        return bad(format!(
            "'{}' is not a DHCP option's name or number",
            opt.name.escape_default()
        ));
    }
    if opt.ip_version != 4 && opt.ip_version != 6 {
        return bad(format!("ip_version {} is not 4 or 6", opt.ip_version));
    }
    let Some(value) = &opt.value else { return Ok(()) };
    if value.is_empty() || value.len() > MAX_DHCP_VALUE {
        return bad(format!(
            "the value of '{}' must have 1 to {MAX_DHCP_VALUE} bytes",
            opt.name
        ));
    }
    if value.chars().any(char::is_control) {
        return bad(format!("the value of '{}' has a control character", opt.name));
    }
    Ok(())
}

/// A name in DNS: one label, or a full name.
///
/// # Errors
/// `HTTPBadRequest`.
pub(super) fn check_dns_name(name: String) -> Result<String> {
    let bare = name.strip_suffix('.').unwrap_or(&name);
    if name.is_empty() || subnet::is_dns_name(bare) {
        return Ok(name.to_lowercase());
    }
    Err(Error::invalid(
        "HTTPBadRequest",
        format!(
            "Invalid input for dns_name. Reason: '{}' not a valid PQDN or FQDN. Reason: each label may have letters, digits and \
             '-' only, at most 63.",
            name.escape_default()
        ),
    ))
}

/// Nobody makes by hand what Maru makes itself: a router's leg, a gateway, a floating IP's holder, a DHCP port. Other
/// `network:` owners are the administrator's.
///
/// # Errors
/// `PolicyNotAuthorized`, `BadRequest`.
pub(super) fn check_device_owner(actor: &Actor, owner: &str, verb: &str) -> Result<()> {
    let own = [
        device_owner::DHCP,
        device_owner::FLOATING_IP,
        device_owner::ROUTER_GATEWAY,
        device_owner::ROUTER_INTERFACE,
    ];
    if owner.starts_with("network:") {
        crate::network::access::require(actor.is_admin(), &format!("{verb}_port:device_owner"))?;
    }
    if own.contains(&owner) {
        return Err(crate::network::access::bad_request(
            "port",
            format!(
                "ports of device_owner {owner} are made with the router, subnet or floating IP they are for, never by hand"
            ),
        ));
    }
    Ok(())
}

/// Virtual NICs are plain taps: no other kind can be plugged in.
///
/// # Errors
/// `HTTPBadRequest`.
pub(super) fn check_vnic_type(vnic_type: &str) -> Result<()> {
    if vnic_type == "normal" {
        return Ok(());
    }
    Err(Error::invalid(
        "HTTPBadRequest",
        format!(
            "Invalid input for binding:vnic_type. Reason: '{}' is not in ['normal'].",
            vnic_type.escape_default()
        ),
    ))
}

/// A MAC that is not taken on the network.
///
/// # Errors
/// `MacAddressInUse`, `HTTPBadRequest`.
pub(super) fn check_mac(cloud: &Cloud, network: NetworkId, mac: MacAddress) -> Result<()> {
    if !mac.is_unicast() {
        return Err(Error::invalid(
            "HTTPBadRequest",
            format!("Invalid input for mac_address. Reason: '{mac}' is not a valid MAC address of one station."),
        ));
    }
    if cloud.lookups.ports_by_mac.first(&(network, mac)).is_none() {
        return Ok(());
    }
    Err(Error::conflict(
        "MacAddressInUse",
        format!("Unable to complete operation for network {network}. The mac address {mac} is in use."),
    ))
}
