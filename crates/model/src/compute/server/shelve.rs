//! Shelving: the server is shut down, kept as an image, and leaves its host at once (Nova's `shelved_offload_time = 0`);
//! unshelving makes it again from that image (or from the volumes that it boots from, which are not copied), with the same id, ports and addresses.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::admission::Operation;
use super::create::Hosts;
use super::works::Purpose;
use super::{PowerState, Server, TaskState, VmState, act, boot_image, get_visible, snapshot};
use crate::compute::ActionLog;
use crate::compute::schedule::{self, Claim};
use crate::host::DesiredPower;
use crate::network::{Port, Status};
use crate::{Actor, Error, HostId, Result, ServerId, Tx};

/// Begins to shelve a server.
///
/// # Errors
/// `InstanceNotFound`; what admission denies; quotas of images.
pub fn shelve(tx: &mut Tx<'_>, actor: &Actor, id: ServerId, request_id: uuid::Uuid) -> Result<()> {
    let server = get_visible(tx.cloud(), actor, id)?;
    act::admit_for(&server, actor, Operation::Shelve)?;
    if server.image.is_none() {
        // Its volumes keep what it is: nothing has to be copied before it leaves its host.
        let mut server = Server::clone(&server);
        server.desired = DesiredPower::Off;
        server.task_state = Some(TaskState::ShelvingOffloading);
        server.updated_at = tx.now();
        ActionLog::new("shelve", request_id).record(tx, actor, &server);
        tx.put(server);
        return Ok(());
    }
    let name = format!("{}-shelved", server.name);
    let purpose = Purpose::Shelve { was: server.vm_state };
    let ordered = snapshot::register(tx, actor, &server, &name, &BTreeMap::new(), purpose)?;
    let mut server = Server::clone(&server);
    server.works.snapshot = Some(ordered);
    server.desired = DesiredPower::Off;
    server.task_state = Some(TaskState::Shelving);
    server.updated_at = tx.now();
    ActionLog::new("shelve", request_id).record(tx, actor, &server);
    tx.put(server);
    Ok(())
}

/// Takes a shelved server from its host.
///
/// # Errors
/// `InstanceNotFound`; what admission denies.
pub fn offload(tx: &mut Tx<'_>, actor: &Actor, id: ServerId, request_id: uuid::Uuid) -> Result<()> {
    let server = get_visible(tx.cloud(), actor, id)?;
    act::admit_for(&server, actor, Operation::ShelveOffload)?;
    let mut server = Server::clone(&server);
    leave_host(tx, &mut server)?;
    server.updated_at = tx.now();
    ActionLog::new("shelveOffload", request_id)
        .at_once()
        .record(tx, actor, &server);
    tx.put(server);
    Ok(())
}

/// The server is on no host any more; its ports stay its own.
pub(crate) fn leave_host(tx: &mut Tx<'_>, server: &mut Server) -> Result<()> {
    server.vm_state = VmState::ShelvedOffloaded;
    server.power_state = PowerState::Shutdown;
    server.desired = DesiredPower::Off;
    server.host = None;
    bind_ports(tx, server, None)
}

fn bind_ports(tx: &mut Tx<'_>, server: &Server, host: Option<&HostId>) -> Result<()> {
    let own = server.id.to_string();
    for id in &server.ports {
        if tx.cloud().find::<Port>(id).is_none_or(|port| port.device_id != own) {
            continue;
        }
        tx.update::<Port>(id, |port| {
            port.host_id = host.cloned();
            port.status = Status::Down;
        })?;
    }
    Ok(())
}

/// Makes a shelved server again.
///
/// # Errors
/// `InstanceNotFound`; what admission denies; its image is gone; no host has room.
pub fn unshelve(
    tx: &mut Tx<'_>,
    actor: &Actor,
    id: ServerId,
    to: Option<&HostId>,
    hosts: &Hosts,
    request_id: uuid::Uuid,
) -> Result<Arc<Server>> {
    let server = get_visible(tx.cloud(), actor, id)?;
    act::admit_for(&server, actor, Operation::Unshelve)?;
    if let Some(host) = to.filter(|host| !hosts.has(host)) {
        return Err(Error::invalid(
            "ComputeHostNotFound",
            format!("Compute host {host} could not be found."),
        ));
    }
    let mut server = Server::clone(&server);
    if server.host.is_none() {
        if let Some(image) = server.works.shelved_image {
            server.image = boot_image::look_up(tx.cloud(), actor, image, &server.flavor)?.image;
        }
        let request = schedule::Request {
            claim: Claim::of_server(&server),
            host: to.cloned(),
            ..schedule::Request::default()
        };
        let chosen = schedule::choose(&hosts.candidates(tx.cloud()), &hosts.policy, &request);
        let host = chosen
            .map_err(|no_host| Error::invalid("NoValidHost", format!("{} {}", no_host.message(), no_host.details())))?;
        bind_ports(tx, &server, Some(&host))?;
        server.host = Some(host);
    }
    server.desired = DesiredPower::On;
    server.hard_reboots += 1;
    server.task_state = Some(TaskState::Unshelving);
    server.updated_at = tx.now();
    ActionLog::new("unshelve", request_id).record(tx, actor, &server);
    Ok(tx.put(server))
}
