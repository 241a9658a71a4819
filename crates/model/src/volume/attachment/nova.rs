//! Nova's side: volumes of servers, attached and detached by the servers' hosts.

use std::sync::Arc;

use super::*;
use crate::compute::server::admission::Operation;
use crate::compute::server::{act, get_visible as visible_server};
use crate::compute::{ActionLog, VmState};

/// How a volume is to be attached to a server.
#[derive(Debug, Clone)]
pub struct ServerDisk {
    /// The volume.
    pub volume_id: VolumeId,
    /// The device asked for.
    pub device: Option<String>,
    /// Place in the boot order.
    pub boot_index: Option<u32>,
    /// The volume goes with the server.
    pub delete_on_termination: bool,
    /// Device tag.
    pub tag: Option<String>,
}

/// Attaches a volume to a server that exists.
///
/// # Errors
/// `InstanceNotFound`, `VolumeNotFound`; what `admission` denies; `InvalidVolume` in another state; a device in use (409).
pub fn to_server(
    tx: &mut Tx<'_>,
    actor: &Actor,
    server_id: ServerId,
    disk: &ServerDisk,
    request_id: uuid::Uuid,
) -> Result<Arc<VolumeAttachment>> {
    let server = visible_server(tx.cloud(), actor, server_id)?;
    let volume = rules::get_visible(tx.cloud(), actor, disk.volume_id)?;
    act::admit_for(&server, actor, Operation::AttachVolume)?;
    if server.vm_state == VmState::ShelvedOffloaded {
        shelved::check(&volume, disk.tag.as_deref())?;
    }
    let attachment = enter(tx, &server, &volume, disk)?;
    ActionLog::new("attach_volume", request_id)
        .at_once()
        .record(tx, actor, &server);
    // A server that is off gets it with its next start; nobody has to wait for that.
    let is_off = matches!(
        server.vm_state,
        VmState::Stopped | VmState::Shelved | VmState::ShelvedOffloaded
    );
    if is_off && server.task_state.is_none() {
        return attached(tx, attachment.id);
    }
    Ok(attachment)
}

/// Enters an attachment to a server that may only just come to be.
pub(crate) fn enter(
    tx: &mut Tx<'_>,
    server: &Server,
    volume: &Volume,
    disk: &ServerDisk,
) -> Result<Arc<VolumeAttachment>> {
    if volume.project_id != server.project_id {
        return Err(Volume::not_found(&volume.id));
    }
    if volume.status != VolumeStatus::Creating {
        check_attachable(volume, "attached")?;
    }
    let present = of_server(tx.cloud(), server.id);
    if present.iter().any(|each| each.volume_id == volume.id) {
        return Err(invalid_volume(format!(
            "volume {} is attached to this server already.",
            volume.id
        )));
    }
    let device = choose_device(server, &present, disk.device.as_deref())?;
    let attachment = VolumeAttachment {
        id: tx.new_id(),
        volume_id: volume.id,
        project_id: volume.project_id.clone(),
        server_id: Some(server.id),
        is_local: true,
        host_name: server.host.as_ref().map(ToString::to_string),
        device: Some(device),
        status: AttachmentStatus::Attaching,
        mode: if volume.is_read_only() {
            AttachMode::Ro
        } else {
            AttachMode::Rw
        },
        connector: None,
        boot_index: disk.boot_index,
        delete_on_termination: disk.delete_on_termination,
        tag: disk.tag.clone(),
        created_at: tx.now(),
        attached_at: None,
    };
    let attachment = tx.put(attachment);
    settle(tx, volume.id)?;
    Ok(attachment)
}

/// `/dev/vda`, `/dev/vdb` … `/dev/vdz`.
fn device_name(index: usize) -> Option<String> {
    let letter = u8::try_from(index).ok().filter(|index| *index < 26)?;
    Some(format!("/dev/vd{}", char::from(b'a' + letter)))
}

/// How many disks the flavor and image give a server.
fn own_disks(server: &Server) -> usize {
    usize::from(server.image.is_some())
        + usize::from(server.flavor.ephemeral_gib > 0)
        + usize::from(server.flavor.swap_mib > 0)
}

fn choose_device(server: &Server, present: &[Arc<VolumeAttachment>], wanted: Option<&str>) -> Result<String> {
    let own = own_disks(server);
    let taken = |name: &str| {
        (0..own).any(|index| device_name(index).as_deref() == Some(name))
            || present.iter().any(|each| each.device.as_deref() == Some(name))
    };
    if let Some(wanted) = wanted {
        let wanted = if wanted.starts_with("/dev/") {
            wanted.to_owned()
        } else {
            format!("/dev/{wanted}")
        };
        if taken(&wanted) {
            return Err(Error::conflict(
                "DevicePathInUse",
                format!("The supplied device path ({wanted}) is in use."),
            ));
        }
        return Ok(wanted);
    }
    (own..26)
        .filter_map(device_name)
        .find(|name| !taken(name))
        .ok_or_else(|| Error::forbidden("TooManyDiskDevices", "The server has no room for another disk."))
}

/// The host has it in the server.
pub(crate) fn attached(tx: &mut Tx<'_>, id: AttachmentId) -> Result<Arc<VolumeAttachment>> {
    let now = tx.now();
    let attachment = tx.update::<VolumeAttachment>(&id, |attachment| {
        attachment.status = AttachmentStatus::Attached;
        attachment.attached_at = Some(now);
    })?;
    settle(tx, attachment.volume_id)?;
    Ok(attachment)
}

/// The attachment of a volume to a server.
///
/// # Errors
/// `VolumeAttachmentNotFound`-like, in Nova's words.
pub fn find(cloud: &Cloud, server: ServerId, volume: VolumeId) -> Result<Arc<VolumeAttachment>> {
    let found = of_server(cloud, server)
        .into_iter()
        .find(|each| each.volume_id == volume);
    found.ok_or_else(|| {
        Error::not_found(
            "VolumeBDMNotFound",
            format!("Instance {server} is not attached to volume {volume}."),
        )
    })
}

/// Begins to detach a volume from a server.
///
/// # Errors
/// `InstanceNotFound`; what `admission` denies; not attached (404); its boot disk (400).
pub fn from_server(
    tx: &mut Tx<'_>,
    actor: &Actor,
    server_id: ServerId,
    volume_id: VolumeId,
    request_id: uuid::Uuid,
) -> Result<()> {
    let server = visible_server(tx.cloud(), actor, server_id)?;
    let attachment = find(tx.cloud(), server_id, volume_id)?;
    act::admit_for(&server, actor, Operation::DetachVolume)?;
    if attachment.boot_index == Some(0) {
        return Err(Error::invalid(
            "HTTPBadRequest",
            format!("Cannot detach a root device volume: server {server_id} boots from it."),
        ));
    }
    rules::check_detachable(&*tx.get::<Volume>(&volume_id)?)?;
    match attachment.status {
        AttachmentStatus::Attached => {}
        AttachmentStatus::Detaching => {
            return Err(wrong_state(volume_id, VolumeStatus::Detaching, "detached", "in-use"));
        }
        AttachmentStatus::Attaching | AttachmentStatus::Reserved => {
            return Err(wrong_state(volume_id, VolumeStatus::Attaching, "detached", "in-use"));
        }
    }
    ActionLog::new("detach_volume", request_id)
        .at_once()
        .record(tx, actor, &server);
    if server.host.is_none() {
        // No machine has it.
        return release(tx, &attachment);
    }
    tx.update::<VolumeAttachment>(&attachment.id, |attachment| {
        attachment.status = AttachmentStatus::Detaching
    })?;
    settle(tx, volume_id)
}

/// Nothing holds it any more: the attachment goes.
pub(crate) fn detached(tx: &mut Tx<'_>, id: AttachmentId) -> Result<()> {
    let Some(attachment) = tx.delete::<VolumeAttachment>(&id) else {
        return Ok(());
    };
    settle(tx, attachment.volume_id)
}

/// A server is gone: its volumes are free again, or go too.
pub(crate) fn release_all(tx: &mut Tx<'_>, server: ServerId) -> Result<()> {
    for attachment in of_server(tx.cloud(), server) {
        release(tx, &attachment)?;
    }
    Ok(())
}

/// No machine has it: the volume is free again, or goes too.
fn release(tx: &mut Tx<'_>, attachment: &VolumeAttachment) -> Result<()> {
    detached(tx, attachment.id)?;
    let volume = tx.cloud().find::<Volume>(&attachment.volume_id).cloned();
    if let Some(volume) = volume.filter(|_| attachment.delete_on_termination) {
        let how = Deletion {
            cascade: false,
            force: true,
        };
        // One that has snapshots, or that another server has too, stays, as in Cinder: the server is gone all the same.
        let _ = rules::begin_deletion(tx, &volume, how);
    }
    Ok(())
}

/// Sets whether a volume goes with its server (microversion 2.85).
///
/// # Errors
/// `InstanceNotFound`; not attached (404).
pub fn set_delete_on_termination(
    tx: &mut Tx<'_>,
    actor: &Actor,
    server_id: ServerId,
    volume_id: VolumeId,
    delete: bool,
) -> Result<()> {
    visible_server(tx.cloud(), actor, server_id)?;
    let attachment = find(tx.cloud(), server_id, volume_id)?;
    tx.update::<VolumeAttachment>(&attachment.id, |attachment| attachment.delete_on_termination = delete)?;
    Ok(())
}
