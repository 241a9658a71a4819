//! Changing and removing ports.

use std::sync::Arc;

use super::create::fresh_mac;
use super::{Port, PortSpec, addresses, device_owner, dhcp, server, validate};
use crate::network::access::{Resource, get_changeable, get_visible, require};
use crate::network::{FloatingIp, Network, Router, floating_ip, ndp_proxy, port_forwarding, qos, trunk};
use crate::{Actor, Error, PortId, Result, RouterId, Tx};

/// Changes a port.
///
/// # Errors
/// `PortNotFound`, `PolicyNotAuthorized`, `PortBound`, `IPAddressChangeNotAllowed` and the errors of [`super::create`].
pub fn update(tx: &mut Tx<'_>, actor: &Actor, id: PortId, spec: PortSpec) -> Result<Arc<Port>> {
    let before = get_changeable_port(tx, actor, id, "update")?;
    let network = tx.get::<Network>(&before.network_id)?;
    spec.check_policy(tx.cloud(), actor, &network, "update")?;
    let mut port = Port::clone(&before);
    change_device(tx, actor, &mut port, &spec)?;
    change_addresses(tx, &mut port, &spec)?;
    change_security(tx, actor, &mut port, &spec)?;
    if let Some(vnic_type) = spec.vnic_type {
        validate::check_vnic_type(&vnic_type)?;
        port.vnic_type = vnic_type;
    }
    if let Some(dns_name) = spec.dns_name {
        port.dns_name = validate::check_dns_name(dns_name)?;
    }
    validate::merge_dhcp_opts(&mut port.extra_dhcp_opts, spec.extra_dhcp_opts.unwrap_or_default())?;
    port.binding_profile = spec.binding_profile.unwrap_or(port.binding_profile);
    port.qos_policy_id = qos::choose(tx.cloud(), actor, spec.qos_policy_id, port.qos_policy_id)?;
    port.host_id = spec.host_id.unwrap_or(port.host_id);
    port.admin_state_up = spec.admin_state_up.unwrap_or(port.admin_state_up);
    let standard = &mut port.standard;
    standard.name = spec.name.unwrap_or_else(|| std::mem::take(&mut standard.name));
    standard.description = spec
        .description
        .unwrap_or_else(|| std::mem::take(&mut standard.description));
    standard.touch(tx.now());
    let port = tx.put(port);
    if port.fixed_ips != before.fixed_ips {
        floating_ip::drop_lost(tx, &port);
        port_forwarding::drop_lost(tx, &port)?;
        ndp_proxy::drop_lost(tx, &port);
    }
    tx.get::<Port>(&id)
}

fn change_device(tx: &Tx<'_>, actor: &Actor, port: &mut Port, spec: &PortSpec) -> Result<()> {
    if let Some(owner) = &spec.device_owner
        && *owner != port.device_owner
    {
        if port.is_network_owned() {
            return Err(own_port(port, "device_owner"));
        }
        validate::check_device_owner(actor, owner, "update")?;
        port.device_owner.clone_from(owner);
    }
    if let Some(device_id) = &spec.device_id
        && *device_id != port.device_id
    {
        if port.is_network_owned() {
            return Err(own_port(port, "device_id"));
        }
        check_device_id(tx, actor, device_id)?;
        port.device_id.clone_from(device_id);
    }
    Ok(())
}

/// What a router or network is plugged into is changed through the router or network.
fn own_port(port: &Port, attribute: &str) -> Error {
    Error::conflict(
        "UnsupportedPortDeviceOwner",
        format!(
            "Operation update of {attribute} is not supported for device_owner {} on port {}.",
            port.device_owner, port.id
        ),
    )
}

/// Somebody else's router is not a device of yours (OSSA-2014-008).
fn check_device_id(tx: &Tx<'_>, actor: &Actor, device_id: &str) -> Result<()> {
    let router = device_id
        .parse::<RouterId>()
        .ok()
        .and_then(|id| tx.cloud().find::<Router>(&id));
    match router {
        Some(router) if !actor.can_see(&router.standard.project_id) => Err(Error::conflict(
            "DeviceIDNotOwnedByTenant",
            format!(
                "The following device_id {device_id} is not owned by your tenant or matches another tenants router."
            ),
        )),
        _ => Ok(()),
    }
}

fn change_addresses(tx: &mut Tx<'_>, port: &mut Port, spec: &PortSpec) -> Result<()> {
    let wanted = match spec.random_mac {
        true => Some(fresh_mac(tx, port.network_id)?),
        false => spec.mac_address,
    };
    let mac = match wanted {
        Some(mac) if mac != port.mac_address => {
            let is_bound = trunk::host_of(tx.cloud(), port).is_some();
            if is_bound || port.is_network_owned() || port.attachment.is_some() {
                return Err(Error::conflict(
                    "PortBound",
                    format!(
                        "Unable to complete operation on port {}, port is already bound, port type: tap, old_mac {}, new_mac {mac}.",
                        port.id, port.mac_address
                    ),
                ));
            }
            validate::check_mac(tx.cloud(), port.network_id, mac)?;
            mac
        }
        _ => port.mac_address,
    };
    if spec.fixed_ips.is_some() || mac != port.mac_address {
        let keep: Vec<_>;
        let wanted = match &spec.fixed_ips {
            Some(wanted) => wanted,
            None => {
                keep = port
                    .fixed_ips
                    .iter()
                    .map(|fixed| super::FixedIpSpec {
                        subnet_id: Some(fixed.subnet_id),
                        ip_address: Some(fixed.ip_address),
                    })
                    .collect();
                &keep
            }
        };
        let fixed_ips = addresses::reallocate(tx, port, mac, wanted)?;
        let pinned = matches!(
            port.device_owner.as_str(),
            device_owner::ROUTER_INTERFACE
                | device_owner::ROUTER_GATEWAY
                | device_owner::FLOATING_IP
                | device_owner::DHCP
        );
        if pinned && fixed_ips != port.fixed_ips {
            return Err(Error::invalid(
                "IPAddressChangeNotAllowed",
                format!(
                    "IP updates for port {} are not allowed: it belongs to a {}. Change the router, floating IP or subnet \
                     instead.",
                    port.id, port.device_owner
                ),
            ));
        }
        port.fixed_ips = fixed_ips;
        port.mac_address = mac;
    }
    Ok(())
}

fn change_security(tx: &mut Tx<'_>, actor: &Actor, port: &mut Port, spec: &PortSpec) -> Result<()> {
    if port.is_network_owned() {
        let asks = spec.port_security_enabled == Some(true)
            || spec.security_groups.as_ref().is_some_and(|groups| !groups.is_empty())
            || spec
                .allowed_address_pairs
                .as_ref()
                .is_some_and(|pairs| !pairs.is_empty());
        if asks {
            return Err(own_port(port, "port security"));
        }
        return Ok(());
    }
    port.port_security_enabled = spec.port_security_enabled.unwrap_or(port.port_security_enabled);
    if let Some(groups) = &spec.security_groups {
        port.security_groups = validate::check_groups(tx.cloud(), actor, &port.standard.project_id, groups)?;
    }
    if let Some(pairs) = &spec.allowed_address_pairs {
        validate::check_pairs(pairs, port.mac_address)?;
        port.allowed_address_pairs.clone_from(pairs);
    }
    let groups_asked_for = spec.security_groups.as_ref().is_some_and(|groups| !groups.is_empty());
    validate::check_port_security(port, groups_asked_for)
}

/// Removes a port; floating IPs that lead to it lead nowhere then. A DHCP port comes back at once with a new address, as
/// with Neutron's agents.
///
/// # Errors
/// `PortNotFound`, `PolicyNotAuthorized`, `ServicePortInUse` for a router's or floating IP's port; `PortInUseAsTrunkParent` and
/// `PortInUseAsSubPort` for one in a trunk.
pub fn delete(tx: &mut Tx<'_>, actor: &Actor, id: PortId) -> Result<()> {
    let port = get_visible::<Port>(tx.cloud(), actor, &id)?;
    let service = [
        device_owner::ROUTER_INTERFACE,
        device_owner::ROUTER_GATEWAY,
        device_owner::FLOATING_IP,
    ];
    if service.contains(&port.device_owner.as_str()) {
        return Err(Error::conflict(
            "ServicePortInUse",
            format!(
                "Port {id} cannot be deleted directly via the port API: has device owner {}.",
                port.device_owner
            ),
        ));
    }
    trunk::check_deletable(tx.cloud(), id)?;
    remove(tx, &port)?;
    if port.device_owner == device_owner::DHCP {
        dhcp::sync(tx, port.network_id)?;
    }
    Ok(())
}

/// Removes a port and what leads to it.
pub(super) fn remove(tx: &mut Tx<'_>, port: &Port) -> Result<()> {
    disassociate_floating_ips(tx, port.id)?;
    port_forwarding::forget_port(tx, port.id)?;
    ndp_proxy::forget_port(tx, port.id);
    server::forget_nic(tx, port);
    tx.delete::<Port>(&port.id);
    Ok(())
}

/// Makes every floating IP that leads to a port lead nowhere.
fn disassociate_floating_ips(tx: &mut Tx<'_>, id: PortId) -> Result<()> {
    let floating_ips: Vec<_> = tx.cloud().lookups.floating_ips_by_port.of(&id).copied().collect();
    let now = tx.now();
    for floating_ip in floating_ips {
        tx.update::<FloatingIp>(&floating_ip, |row| row.clear_association(now))?;
    }
    Ok(())
}

/// A port that the caller may change: its project's, not just its network's.
fn get_changeable_port(tx: &Tx<'_>, actor: &Actor, id: PortId, verb: &str) -> Result<Arc<Port>> {
    let port = get_changeable::<Port>(tx.cloud(), actor, &id, verb)?;
    require(actor.can_see(&port.standard().project_id), &format!("{verb}_port"))?;
    Ok(port)
}
