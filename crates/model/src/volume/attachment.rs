//! A volume's attachment, to one of the cloud's servers or to something outside.
//!
//! One made by Nova ([`to_server`], `server_id` with `is_local`) is carried out by the server's host: the row is `attaching`
//! until the host reports that the server has it, and goes when the host reports that nothing holds it any more. One made
//! through Cinder alone only records what its caller does.

mod nova;

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Deletion, Volume, VolumeStatus, invalid_volume, rules, shelved, wrong_state};
use crate::cloud::{Lookups, Row};
use crate::compute::Server;
use crate::{Actor, AttachmentId, Cloud, Error, ProjectId, Result, ServerId, Timestamp, Tx, VolumeId};

pub use nova::{ServerDisk, find, from_server, set_delete_on_termination, to_server};
pub(crate) use nova::{attached, detached, enter, release_all};

/// Cinder's `attach_status`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttachmentStatus {
    /// The volume is held for it.
    Reserved,
    /// Being made.
    Attaching,
    /// Made.
    Attached,
    /// Being ended.
    Detaching,
}

impl AttachmentStatus {
    /// As the API writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Reserved => "reserved",
            Self::Attaching => "attaching",
            Self::Attached => "attached",
            Self::Detaching => "detaching",
        }
    }
}

/// How it may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttachMode {
    /// Read and written.
    Rw,
    /// Read.
    Ro,
}

impl AttachMode {
    /// As the API writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Rw => "rw",
            Self::Ro => "ro",
        }
    }
}

/// An attachment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VolumeAttachment {
    /// Its id.
    pub id: AttachmentId,
    /// The volume.
    pub volume_id: VolumeId,
    /// The project.
    pub project_id: ProjectId,
    /// The server, or whatever its caller calls one.
    pub server_id: Option<ServerId>,
    /// Whether the server's host is to carry it out.
    pub is_local: bool,
    /// The host it was made on, as its caller names it.
    pub host_name: Option<String>,
    /// Its device's name in the server (`/dev/vdb`).
    pub device: Option<String>,
    /// What it is, or what is being done to it.
    pub status: AttachmentStatus,
    /// How it may be used.
    pub mode: AttachMode,
    /// What its caller told of the host that wants it.
    #[serde(default)]
    pub connector: Option<serde_json::Map<String, serde_json::Value>>,
    /// Place in the server's boot order, 0 first.
    #[serde(default)]
    pub boot_index: Option<u32>,
    /// The volume goes with the server.
    #[serde(default)]
    pub delete_on_termination: bool,
    /// Device tag.
    #[serde(default)]
    pub tag: Option<String>,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When it was made.
    #[serde(default)]
    pub attached_at: Option<Timestamp>,
}

impl Row for VolumeAttachment {
    type Id = AttachmentId;
    const KIND: &'static str = "volume_attachment";
    crate::table!(VolumeAttachment, volume_attachments);
    fn id(&self) -> AttachmentId {
        self.id
    }
    fn not_found(id: &AttachmentId) -> Error {
        Error::not_found(
            "VolumeAttachmentNotFound",
            format!("Volume attachment could not be found with filter: attachment_id = {id}."),
        )
    }
    fn index(&self, lookups: &mut Lookups, present: bool) {
        lookups.attachments_by_volume.set(self.volume_id, self.id, present);
        if let Some(server) = self.server_id {
            lookups.attachments_by_server.set(server, self.id, present);
        }
        let waits = matches!(self.status, AttachmentStatus::Attaching | AttachmentStatus::Detaching);
        if present && self.is_local && waits {
            lookups.busy_attachments.insert(self.id);
        } else {
            lookups.busy_attachments.remove(&self.id);
        }
    }
}

/// The attachments of a volume, oldest first.
pub fn of_volume(cloud: &Cloud, id: VolumeId) -> Vec<Arc<VolumeAttachment>> {
    let ids = cloud.lookups.attachments_by_volume.of(&id);
    let mut all: Vec<_> = ids.filter_map(|id| cloud.volume_attachments.get(id).cloned()).collect();
    all.sort_by_key(|each| (each.created_at, each.id));
    all
}

/// The volumes that Nova attached to a server, in the order of their devices.
pub fn of_server(cloud: &Cloud, id: ServerId) -> Vec<Arc<VolumeAttachment>> {
    let ids = cloud.lookups.attachments_by_server.of(&id);
    let all = ids.filter_map(|id| cloud.volume_attachments.get(id).cloned());
    let mut all: Vec<_> = all.filter(|each| each.is_local).collect();
    all.sort_by(|a, b| device_order(a).cmp(&device_order(b)));
    all
}

fn device_order(attachment: &VolumeAttachment) -> (usize, &str, AttachmentId) {
    let device = attachment.device.as_deref().unwrap_or("");
    (device.len(), device, attachment.id)
}

/// The attachment, if the caller may see its volume.
///
/// # Errors
/// `VolumeAttachmentNotFound`.
pub fn get_visible(cloud: &Cloud, actor: &Actor, id: AttachmentId) -> Result<Arc<VolumeAttachment>> {
    cloud
        .find::<VolumeAttachment>(&id)
        .filter(|attachment| actor.can_see(&attachment.project_id))
        .cloned()
        .ok_or_else(|| VolumeAttachment::not_found(&id))
}

/// Brings a volume's status in line with its attachments, where nothing else is being done to it.
pub(crate) fn settle(tx: &mut Tx<'_>, id: VolumeId) -> Result<()> {
    let Some(volume) = tx.cloud().find::<Volume>(&id).cloned() else {
        return Ok(());
    };
    let follows = matches!(
        volume.status,
        VolumeStatus::Available
            | VolumeStatus::Reserved
            | VolumeStatus::Attaching
            | VolumeStatus::InUse
            | VolumeStatus::Detaching
    );
    if !follows {
        return Ok(());
    }
    let status = status_by_attachments(tx.cloud(), id);
    if status != volume.status {
        let now = tx.now();
        tx.update::<Volume>(&id, |volume| {
            volume.status = status;
            volume.updated_at = Some(now);
        })?;
    }
    Ok(())
}

/// What a volume is by its attachments alone.
pub(crate) fn status_by_attachments(cloud: &Cloud, id: VolumeId) -> VolumeStatus {
    let all: BTreeSet<_> = of_volume(cloud, id).iter().map(|each| each.status as u8).collect();
    let has = |status: AttachmentStatus| all.contains(&(status as u8));
    // One of several servers that lets go of it shows, as in Cinder: who waits for `in-use` waits for the end of that.
    if has(AttachmentStatus::Detaching) {
        VolumeStatus::Detaching
    } else if has(AttachmentStatus::Attached) {
        VolumeStatus::InUse
    } else if has(AttachmentStatus::Attaching) {
        VolumeStatus::Attaching
    } else if has(AttachmentStatus::Reserved) {
        VolumeStatus::Reserved
    } else {
        VolumeStatus::Available
    }
}

fn set_status(tx: &mut Tx<'_>, id: VolumeId, status: VolumeStatus) -> Result<()> {
    let now = tx.now();
    tx.update::<Volume>(&id, |volume| {
        volume.status = status;
        volume.updated_at = Some(now);
    })?;
    Ok(())
}

/// `os-reserve`: nobody else may attach it now.
///
/// # Errors
/// `InvalidVolume` in another state.
pub fn reserve(tx: &mut Tx<'_>, actor: &Actor, id: VolumeId) -> Result<()> {
    let volume = rules::get_visible(tx.cloud(), actor, id)?;
    check_attachable(&volume, "reserved")?;
    if volume.status == VolumeStatus::Available {
        set_status(tx, id, VolumeStatus::Attaching)?;
    }
    Ok(())
}

/// `os-unreserve`: ends a reservation.
///
/// # Errors
/// `VolumeNotFound`.
pub fn unreserve(tx: &mut Tx<'_>, actor: &Actor, id: VolumeId) -> Result<()> {
    rules::get_visible(tx.cloud(), actor, id)?;
    settle(tx, id)
}

/// `os-begin_detaching` and `os-roll_detaching`.
///
/// # Errors
/// `InvalidVolume` in another state.
pub fn set_detaching(tx: &mut Tx<'_>, actor: &Actor, id: VolumeId, begins: bool) -> Result<()> {
    let volume = rules::get_visible(tx.cloud(), actor, id)?;
    let (from, to) = if begins {
        (VolumeStatus::InUse, VolumeStatus::Detaching)
    } else {
        (VolumeStatus::Detaching, VolumeStatus::InUse)
    };
    if volume.status == from {
        return set_status(tx, id, to);
    }
    if begins {
        return Err(wrong_state(id, volume.status, "detached", "in-use"));
    }
    Ok(())
}

fn check_attachable(volume: &Volume, action: &str) -> Result<()> {
    let may = volume.status == VolumeStatus::Available || (volume.multiattach && volume.status == VolumeStatus::InUse);
    if may {
        return Ok(());
    }
    Err(wrong_state(volume.id, volume.status, action, "available"))
}

/// An attachment that somebody else carries out.
#[derive(Debug, Clone, Default)]
pub struct NewAttachment {
    /// The server, or whatever the caller calls one.
    pub server_id: Option<ServerId>,
    /// Where.
    pub host_name: Option<String>,
    /// Its device there.
    pub device: Option<String>,
    /// Only read.
    pub read_only: bool,
    /// What wants it.
    pub connector: Option<serde_json::Map<String, serde_json::Value>>,
}

/// `os-attach`: records that a volume was attached.
///
/// # Errors
/// `InvalidVolume` in another state.
pub fn record(tx: &mut Tx<'_>, actor: &Actor, id: VolumeId, new: NewAttachment) -> Result<Arc<VolumeAttachment>> {
    let volume = rules::get_visible(tx.cloud(), actor, id)?;
    if volume.status != VolumeStatus::Attaching {
        check_attachable(&volume, "attached")?;
    }
    let attachment = add(tx, &volume, new, AttachmentStatus::Attached);
    set_status(tx, id, VolumeStatus::InUse)?;
    Ok(attachment)
}

fn add(tx: &mut Tx<'_>, volume: &Volume, new: NewAttachment, status: AttachmentStatus) -> Arc<VolumeAttachment> {
    let now = tx.now();
    let attachment = VolumeAttachment {
        id: tx.new_id(),
        volume_id: volume.id,
        project_id: volume.project_id.clone(),
        server_id: new.server_id,
        is_local: false,
        host_name: new.host_name,
        device: new.device,
        status,
        mode: if new.read_only { AttachMode::Ro } else { AttachMode::Rw },
        connector: new.connector,
        boot_index: None,
        delete_on_termination: false,
        tag: None,
        created_at: now,
        attached_at: (status == AttachmentStatus::Attached).then_some(now),
    };
    tx.put(attachment)
}

/// `os-detach`: records that a volume was detached. With `force`, as an administrator does it, a volume that is in error is
/// usable again afterwards.
///
/// # Errors
/// `InvalidVolume` when it is ambiguous which attachment ends; a conflict for one that a server of this cloud has, which
/// only Nova may end.
pub fn forget(
    tx: &mut Tx<'_>,
    actor: &Actor,
    id: VolumeId,
    attachment: Option<AttachmentId>,
    force: bool,
) -> Result<()> {
    let volume = rules::get_visible(tx.cloud(), actor, id)?;
    let all = of_volume(tx.cloud(), id);
    let found = match (attachment, all.as_slice()) {
        (Some(wanted), _) => all.iter().find(|each| each.id == wanted),
        (None, [only]) => Some(only),
        (None, []) => None,
        (None, _) => {
            return Err(invalid_volume(format!(
                "volume {} is attached several times: name the attachment_id.",
                volume.id
            )));
        }
    };
    if let Some(found) = found {
        refuse_local(found)?;
        tx.delete::<VolumeAttachment>(&found.id);
    } else if let Some(wanted) = attachment {
        if tx.cloud().volume_attachments.get(&wanted).is_some() {
            return Err(invalid_volume(format!(
                "attachment {wanted} is of another volume than {id}."
            )));
        }
        return Err(Error::not_found(
            "VolumeAttachmentNotFound",
            format!("Volume attachment could not be found with filter: volume_id = {id}."),
        ));
    }
    if force && volume.is_made && volume.status == VolumeStatus::Error {
        let status = status_by_attachments(tx.cloud(), id);
        return set_status(tx, id, status);
    }
    settle(tx, id)
}

/// Whether the connection of a volume to a host may be ended by a user.
///
/// # Errors
/// `ConflictNovaUsingAttachment` when a server of this cloud has it.
pub fn check_disconnect(cloud: &Cloud, id: VolumeId) -> Result<()> {
    of_volume(cloud, id).iter().try_for_each(|each| refuse_local(each))
}

/// A volume that a server of this cloud has can't be taken from under it (CVE-2023-2088).
fn refuse_local(attachment: &VolumeAttachment) -> Result<()> {
    match attachment.server_id.filter(|_| attachment.is_local) {
        Some(server) => Err(Error::conflict(
            "ConflictNovaUsingAttachment",
            format!("Detach volume from instance {server} using the Compute API"),
        )),
        None => Ok(()),
    }
}

/// Takes away what was only recorded, as an administrator who resets a volume wants it.
pub(super) fn forget_external(tx: &mut Tx<'_>, id: VolumeId) {
    for each in of_volume(tx.cloud(), id).iter().filter(|each| !each.is_local) {
        tx.delete::<VolumeAttachment>(&each.id);
    }
}

/// `POST /attachments`: reserves a volume, or with a connector begins to attach it.
///
/// # Errors
/// `InvalidVolume` in another state.
pub fn create(tx: &mut Tx<'_>, actor: &Actor, id: VolumeId, new: NewAttachment) -> Result<Arc<VolumeAttachment>> {
    let volume = rules::get_visible(tx.cloud(), actor, id)?;
    let is_reserved = volume.multiattach && matches!(volume.status, VolumeStatus::Reserved | VolumeStatus::Attaching);
    if !is_reserved {
        check_attachable(&volume, "attached")?;
    }
    let status = if new.connector.is_some() {
        AttachmentStatus::Attaching
    } else {
        AttachmentStatus::Reserved
    };
    let attachment = add(tx, &volume, new, status);
    settle(tx, id)?;
    Ok(attachment)
}

/// `PUT /attachments/{id}` with a connector, and `os-complete`.
///
/// # Errors
/// `VolumeAttachmentNotFound`; as `ConflictNovaUsingAttachment`.
pub fn advance(
    tx: &mut Tx<'_>,
    actor: &Actor,
    id: AttachmentId,
    connector: Option<serde_json::Map<String, serde_json::Value>>,
) -> Result<Arc<VolumeAttachment>> {
    let attachment = get_visible(tx.cloud(), actor, id)?;
    refuse_local(&attachment)?;
    let now = tx.now();
    let attachment = tx.update::<VolumeAttachment>(&id, |attachment| match connector {
        Some(connector) => {
            let text = |name: &str| connector.get(name).and_then(|value| value.as_str()).map(str::to_owned);
            attachment.host_name = text("host").or(attachment.host_name.take());
            attachment.device = text("mountpoint").or(attachment.device.take());
            attachment.connector = Some(connector);
            attachment.status = AttachmentStatus::Attaching;
        }
        None => {
            attachment.status = AttachmentStatus::Attached;
            attachment.attached_at = Some(now);
        }
    })?;
    settle(tx, attachment.volume_id)?;
    Ok(attachment)
}

/// `DELETE /attachments/{id}`.
///
/// # Errors
/// As [`advance`].
pub fn delete(tx: &mut Tx<'_>, actor: &Actor, id: AttachmentId) -> Result<Arc<VolumeAttachment>> {
    let attachment = get_visible(tx.cloud(), actor, id)?;
    refuse_local(&attachment)?;
    tx.delete::<VolumeAttachment>(&id);
    settle(tx, attachment.volume_id)?;
    Ok(attachment)
}
