//! Plugging an existing network namespace of the host (a container, a test) into a port.

use std::sync::Arc;

use super::{NamespaceAttachment, Port, device_owner};
use crate::network::access::{Resource, bad_request};
use crate::network::{Network, Status, trunk};
use crate::{Actor, Error, PortId, Result, Tx};

/// The kernel's limit of a device name without its closing zero (`IFNAMSIZ` - 1).
const MAX_IFNAME: usize = 15;
/// A file name's limit (`NAME_MAX`).
const MAX_NETNS: usize = 255;

/// Gives a namespace a leg on a port, with the same rules, DHCP and metadata as a server's.
///
/// # Errors
/// `PortNotFound`, `PortInUse` when something else is plugged in, `InvalidInput`.
pub fn attach_namespace(
    tx: &mut Tx<'_>,
    actor: &Actor,
    id: PortId,
    attachment: NamespaceAttachment,
) -> Result<Arc<Port>> {
    let port = own_port(tx, actor, id)?;
    check_names(&attachment)?;
    if port.attachment.as_ref() == Some(&attachment) {
        return Ok(port);
    }
    let busy = port.is_network_owned()
        || !port.device_id.is_empty()
        || port.device_owner.starts_with(device_owner::COMPUTE_PREFIX)
        || port.attachment.is_some();
    if busy {
        return Err(Error::conflict(
            "PortInUse",
            format!(
                "Unable to complete operation on port {id} for network {}. Port already has an attached device {}.",
                port.network_id,
                port.attachment
                    .as_ref()
                    .map_or(port.device_id.as_str(), |attachment| attachment.netns.as_str())
            ),
        ));
    }
    trunk::check_not_in_trunk(tx.cloud(), &port)?;
    if tx.get::<Network>(&port.network_id)?.external {
        return Err(bad_request(
            "port",
            "nothing can be plugged into a provider network: attach it to a self-service network and use a floating IP",
        ));
    }
    let now = tx.now();
    tx.update::<Port>(&id, |port| {
        port.attachment = Some(attachment);
        port.standard.touch(now);
    })
}

/// Takes the namespace's leg away; nothing happens when there is none.
///
/// # Errors
/// `PortNotFound`.
pub fn detach_namespace(tx: &mut Tx<'_>, actor: &Actor, id: PortId) -> Result<Arc<Port>> {
    let port = own_port(tx, actor, id)?;
    if port.attachment.is_none() {
        return Ok(port);
    }
    let now = tx.now();
    tx.update::<Port>(&id, |port| {
        port.attachment = None;
        port.status = Status::Down;
        port.standard.touch(now);
    })
}

fn own_port(tx: &Tx<'_>, actor: &Actor, id: PortId) -> Result<Arc<Port>> {
    let port = tx.get::<Port>(&id)?;
    if actor.can_see(&port.standard().project_id) {
        Ok(port)
    } else {
        Err(<Port as crate::Row>::not_found(&id))
    }
}

/// Names as the kernel takes them: no slash, no space, not `.` or `..`.
fn check_names(attachment: &NamespaceAttachment) -> Result<()> {
    let plain = |name: &str, limit: usize| {
        !name.is_empty()
            && name.len() <= limit
            && name != "."
            && name != ".."
            && name.bytes().all(|b| b.is_ascii_graphic() && b != b'/')
    };
    let bad = |what: &str, name: &str, limit: usize| {
        Err(super::super::access::invalid_input(
            "InvalidInput",
            format!(
                "'{}' is not the name of {what}: 1 to {limit} printable characters without '/' and spaces",
                name.escape_default()
            ),
        ))
    };
    if !plain(&attachment.netns, MAX_NETNS) {
        return bad("a network namespace", &attachment.netns, MAX_NETNS);
    }
    if !plain(&attachment.ifname, MAX_IFNAME) || attachment.ifname.contains([':', '%']) || attachment.ifname == "lo" {
        return bad("an interface", &attachment.ifname, MAX_IFNAME);
    }
    Ok(())
}
