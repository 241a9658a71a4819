//! Cinder's volume: the row, and what may be done to it; how one is made is in [`super::create`].

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::backup::Restore;
use super::{attachment, growth, invalid_volume, quota, snapshot, types, wrong_state};
use crate::cloud::{Lookups, Row};
use crate::compute::ServerImage;
use crate::{
    Actor, BackupId, Cloud, Error, HostId, ImageId, ProjectId, Result, Timestamp, Tx, UserId, VolumeGroupId, VolumeId,
    VolumeSnapshotId, VolumeTypeId,
};

/// Cinder's `status` of a volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum VolumeStatus {
    /// Its host makes it.
    Creating,
    /// Ready, attached to nothing.
    Available,
    /// Held for an attachment that is to come.
    Reserved,
    /// Being plugged into a server.
    Attaching,
    /// Attached.
    InUse,
    /// Being unplugged.
    Detaching,
    /// Growing.
    Extending,
    /// Being copied into an image.
    Uploading,
    /// Its content is being replaced by an image's.
    Downloading,
    /// Being copied into a backup.
    BackingUp,
    /// Its content is being replaced by a backup's.
    RestoringBackup,
    /// Offered to another project.
    AwaitingTransfer,
    /// Changes its type.
    Retyping,
    /// Under maintenance (set by hand).
    Maintenance,
    /// Being removed from its host.
    Deleting,
    /// It could not be made, or was set so by hand.
    Error,
    /// It could not be removed.
    ErrorDeleting,
    /// It could not grow; it is what it was.
    ErrorExtending,
    /// A backup could not be read; it is what it was.
    ErrorRestoring,
}

impl VolumeStatus {
    /// Every status.
    pub const ALL: [Self; 19] = [
        Self::Creating,
        Self::Available,
        Self::Reserved,
        Self::Attaching,
        Self::InUse,
        Self::Detaching,
        Self::Extending,
        Self::Uploading,
        Self::Downloading,
        Self::BackingUp,
        Self::RestoringBackup,
        Self::AwaitingTransfer,
        Self::Retyping,
        Self::Maintenance,
        Self::Deleting,
        Self::Error,
        Self::ErrorDeleting,
        Self::ErrorExtending,
        Self::ErrorRestoring,
    ];

    /// As the API writes it (Cinder mixes `-` and `_`).
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Creating => "creating",
            Self::Available => "available",
            Self::Reserved => "reserved",
            Self::Attaching => "attaching",
            Self::InUse => "in-use",
            Self::Detaching => "detaching",
            Self::Extending => "extending",
            Self::Uploading => "uploading",
            Self::Downloading => "downloading",
            Self::BackingUp => "backing-up",
            Self::RestoringBackup => "restoring-backup",
            Self::AwaitingTransfer => "awaiting-transfer",
            Self::Retyping => "retyping",
            Self::Maintenance => "maintenance",
            Self::Deleting => "deleting",
            Self::Error => "error",
            Self::ErrorDeleting => "error_deleting",
            Self::ErrorExtending => "error_extending",
            Self::ErrorRestoring => "error_restoring",
        }
    }

    /// From the API's word.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }
}

/// What a volume starts as.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VolumeSource {
    /// Zeros.
    Blank,
    /// An image, as it was.
    Image(ServerImage),
    /// A snapshot.
    Snapshot(VolumeSnapshotId),
    /// Another volume as it is now.
    Volume(VolumeId),
    /// A backup.
    Backup(BackupId),
}

/// A volume's copy into an image that its host makes a file for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VolumeUpload {
    /// The image.
    pub image_id: ImageId,
    /// The image's format (Glance's `disk_format`).
    pub format: String,
}

/// A volume.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Volume {
    /// Its id.
    pub id: VolumeId,
    /// Its name; need not be unique.
    pub name: Option<String>,
    /// Free text.
    pub description: Option<String>,
    /// The project.
    pub project_id: ProjectId,
    /// Who made it.
    pub user_id: UserId,
    /// Its size, GiB.
    pub size_gib: u64,
    /// What it is, or what is being done to it.
    pub status: VolumeStatus,
    /// What it was before the task that runs now.
    #[serde(default)]
    pub previous_status: Option<VolumeStatus>,
    /// Its type.
    pub type_id: VolumeTypeId,
    /// What it started as.
    pub source: VolumeSource,
    /// Whether a server may boot from it.
    pub bootable: bool,
    /// Key/value metadata.
    #[serde(default)]
    pub metadata: BTreeMap<String, String>,
    /// What is known of the image in it (`volume_image_metadata`).
    #[serde(default)]
    pub image_metadata: BTreeMap<String, String>,
    /// Whether several servers may have it at once.
    #[serde(default)]
    pub multiattach: bool,
    /// Whether servers may only read it; `None` while nobody ever said (`os-update_readonly_flag`).
    #[serde(default)]
    pub read_only: Option<bool>,
    /// Its zone.
    pub availability_zone: String,
    /// The backup or image that replaces its content.
    #[serde(default)]
    pub restore: Option<Restore>,
    /// The copy into an image that its host makes.
    #[serde(default)]
    pub upload: Option<VolumeUpload>,
    /// The group that it is in.
    #[serde(default)]
    pub group_id: Option<VolumeGroupId>,
    /// The host that holds it.
    pub host: Option<HostId>,
    /// Whether its host has it: until then only deleting it makes sense.
    #[serde(default)]
    pub is_made: bool,
    /// Its host is to remove it. A status that was set by hand says nothing about that.
    #[serde(default)]
    pub is_leaving: bool,
    /// The request that made it.
    #[serde(default)]
    pub request_id: String,
    /// Why it is in error, for its users.
    #[serde(default)]
    pub fault: Option<String>,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When it last changed.
    #[serde(default)]
    pub updated_at: Option<Timestamp>,
    /// When it first was ready.
    #[serde(default)]
    pub launched_at: Option<Timestamp>,
}

impl Row for Volume {
    type Id = VolumeId;
    const KIND: &'static str = "volume";
    crate::table!(Volume, volumes);
    fn id(&self) -> VolumeId {
        self.id
    }
    fn not_found(id: &VolumeId) -> Error {
        Error::not_found("VolumeNotFound", format!("Volume {id} could not be found."))
    }
    fn project(&self) -> Option<&ProjectId> {
        Some(&self.project_id)
    }
    fn index(&self, lookups: &mut Lookups, present: bool) {
        lookups
            .volumes_by_project
            .set(self.project_id.clone(), self.id, present);
        if let Some(group) = self.group_id {
            lookups.volumes_by_group.set(group, self.id, present);
        }
        if let Some(upload) = &self.upload {
            lookups.volumes_by_upload.set(upload.image_id, self.id, present);
        }
        let waits = matches!(
            self.status,
            VolumeStatus::Creating
                | VolumeStatus::Extending
                | VolumeStatus::RestoringBackup
                | VolumeStatus::Downloading
        );
        // An order stays until it is known to be done, whatever status was set by hand.
        if present && (waits || self.restore.is_some() || self.is_leaving) {
            lookups.busy_volumes.insert(self.id);
        } else {
            lookups.busy_volumes.remove(&self.id);
        }
    }
}

impl Volume {
    /// Whether servers may only read it.
    pub fn is_read_only(&self) -> bool {
        self.read_only == Some(true)
    }

    /// Whether its host must keep a file for it.
    pub fn is_wanted(&self) -> bool {
        !self.is_leaving
    }
}

/// The volume, if the caller may see it.
///
/// # Errors
/// `VolumeNotFound`, the same for one that is another project's.
pub fn get_visible(cloud: &Cloud, actor: &Actor, id: VolumeId) -> Result<Arc<Volume>> {
    cloud
        .find::<Volume>(&id)
        .filter(|volume| actor.can_see(&volume.project_id))
        .cloned()
        .ok_or_else(|| Volume::not_found(&id))
}

/// Changes to a volume's own words; `None` leaves a field as it is.
#[derive(Debug, Clone, Default)]
pub struct VolumeEdit {
    /// A new name; `Some(None)` takes it away.
    pub name: Option<Option<String>>,
    /// A new description.
    pub description: Option<Option<String>>,
    /// New metadata in place of the old.
    pub metadata: Option<BTreeMap<String, String>>,
}

/// Changes a volume's own words.
///
/// # Errors
/// `VolumeNotFound`.
pub fn update(tx: &mut Tx<'_>, actor: &Actor, id: VolumeId, edit: VolumeEdit) -> Result<Arc<Volume>> {
    change(tx, actor, id, |volume| {
        volume.name = edit.name.unwrap_or_else(|| volume.name.take());
        volume.description = edit.description.unwrap_or_else(|| volume.description.take());
        volume.metadata = edit.metadata.unwrap_or_else(|| std::mem::take(&mut volume.metadata));
        Ok(())
    })
}

/// Changes a visible volume in place.
pub(super) fn change(
    tx: &mut Tx<'_>,
    actor: &Actor,
    id: VolumeId,
    edit: impl FnOnce(&mut Volume) -> Result<()>,
) -> Result<Arc<Volume>> {
    let mut volume = Volume::clone(&*get_visible(tx.cloud(), actor, id)?);
    edit(&mut volume)?;
    volume.updated_at = Some(tx.now());
    Ok(tx.put(volume))
}

/// Whether a volume may be taken from a server now: not while something is done to it there.
pub(super) fn check_detachable(volume: &Volume) -> Result<()> {
    match volume.status {
        VolumeStatus::Extending | VolumeStatus::Downloading => {
            Err(wrong_state(volume.id, volume.status, "detached", "in-use"))
        }
        _ => Ok(()),
    }
}

/// Changes a volume's metadata or what it knows of its image.
///
/// # Errors
/// `VolumeNotFound`; what `edit` says; `InvalidVolume` while it is in maintenance.
pub fn edit(
    tx: &mut Tx<'_>,
    actor: &Actor,
    id: VolumeId,
    edit: impl FnOnce(&mut Volume) -> Result<()>,
) -> Result<Arc<Volume>> {
    change(tx, actor, id, edit)
}

/// How a volume is deleted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Deletion {
    /// Its snapshots go with it.
    pub cascade: bool,
    /// In whatever state it is (administrators).
    pub force: bool,
}

/// Begins a volume's deletion: the row goes once its host has freed the space.
///
/// # Errors
/// `InvalidVolume` while it is in use, has snapshots, or is being copied.
pub fn delete(tx: &mut Tx<'_>, actor: &Actor, id: VolumeId, how: Deletion) -> Result<()> {
    let volume = get_visible(tx.cloud(), actor, id)?;
    if let Some(group) = volume.group_id.filter(|_| !how.force) {
        return Err(invalid_volume(format!(
            "volume {id} is in group {group}: take it out of it first, or delete the group with its volumes."
        )));
    }
    begin_deletion(tx, &volume, how)
}

/// As [`delete`], whoever asks.
pub(super) fn begin_deletion(tx: &mut Tx<'_>, volume: &Volume, how: Deletion) -> Result<()> {
    let id = volume.id;
    if volume.is_leaving && !how.force {
        return Err(wrong_state(id, volume.status, "deleted", "available or error"));
    }
    let may = matches!(
        volume.status,
        VolumeStatus::Available
            | VolumeStatus::Error
            | VolumeStatus::ErrorDeleting
            | VolumeStatus::ErrorExtending
            | VolumeStatus::ErrorRestoring
    );
    if !may && !how.force {
        return Err(wrong_state(
            id,
            volume.status,
            "deleted",
            "available, error, error_deleting, error_extending or error_restoring",
        ));
    }
    if tx.cloud().lookups.attachments_by_volume.count(&id) > 0 {
        return Err(invalid_volume(format!(
            "volume {id} is still attached: detach it first."
        )));
    }
    let snapshots: Vec<_> = tx.cloud().lookups.snapshots_by_volume.of(&id).copied().collect();
    if !snapshots.is_empty() && !how.cascade {
        return Err(invalid_volume(format!(
            "volume {id} still has {} dependent snapshots: delete them first, or delete it with 'cascade'.",
            snapshots.len()
        )));
    }
    check_not_copied(tx.cloud(), id)?;
    for snapshot in snapshots {
        snapshot::begin_deletion(tx, snapshot)?;
    }
    remove_offers(tx, id);
    if volume.host.is_none() {
        tx.delete::<Volume>(&id);
        return Ok(());
    }
    let now = tx.now();
    tx.update::<Volume>(&id, |volume| {
        volume.status = VolumeStatus::Deleting;
        volume.is_leaving = true;
        volume.updated_at = Some(now);
    })?;
    Ok(())
}

fn remove_offers(tx: &mut Tx<'_>, id: VolumeId) {
    let offers: Vec<_> = tx.cloud().lookups.transfers_by_volume.of(&id).copied().collect();
    for offer in offers {
        tx.delete::<super::VolumeTransfer>(&offer);
    }
}

/// What is being copied from it must be there until the copy is.
fn check_not_copied(cloud: &Cloud, id: VolumeId) -> Result<()> {
    let copies = cloud
        .lookups
        .busy_volumes
        .iter()
        .filter_map(|copy| cloud.volumes.get(copy));
    let mut copies = copies.filter(|copy| copy.source == VolumeSource::Volume(id) && copy.is_wanted() && !copy.is_made);
    match copies.next() {
        Some(copy) => Err(invalid_volume(format!(
            "volume {} is being made from volume {id}: wait until it is available.",
            copy.id
        ))),
        None => Ok(()),
    }
}

/// Sets a volume's state by hand (`os-reset_status`).
///
/// # Errors
/// `VolumeNotFound`.
pub fn reset_status(
    tx: &mut Tx<'_>,
    actor: &Actor,
    id: VolumeId,
    status: Option<VolumeStatus>,
    detach: bool,
) -> Result<Arc<Volume>> {
    if detach {
        attachment::forget_external(tx, id);
    }
    get_visible(tx.cloud(), actor, id)?;
    growth::end(tx, id, Some("The volume's state was set by hand."));
    change(tx, actor, id, |volume| {
        volume.status = status.unwrap_or(volume.status);
        volume.previous_status = None;
        Ok(())
    })
}

/// Gives a volume another type (`os-retype`); all types are kept in the same place, so nothing moves.
///
/// # Errors
/// `InvalidVolume` in another state, or when the types differ in what can't be changed while it is in use.
pub fn retype(tx: &mut Tx<'_>, actor: &Actor, id: VolumeId, new_type: &str) -> Result<Arc<Volume>> {
    let volume = get_visible(tx.cloud(), actor, id)?;
    if !matches!(volume.status, VolumeStatus::Available | VolumeStatus::InUse) {
        return Err(wrong_state(id, volume.status, "retyped", "available or in-use"));
    }
    let new = types::choose(tx.cloud(), actor, Some(new_type), None)
        .map_err(|error| Error::invalid(error.code, error.message))?;
    if new.id == volume.type_id {
        return Err(Error::invalid(
            "InvalidInput",
            format!("Invalid input received: New volume_type same as original: {new_type}."),
        ));
    }
    if volume.status == VolumeStatus::InUse && new.is_multiattach() != volume.multiattach {
        return Err(Error::invalid(
            "InvalidInput",
            "Invalid input received: Changing the multiattach capability of a volume needs it to be available.",
        ));
    }
    if let Some(reason) = types::unsatisfied(&new) {
        return Err(Error::invalid("InvalidInput", reason));
    }
    quota::check_type(tx.cloud(), &volume.project_id, &new, 1, volume.size_gib)?;
    change(tx, actor, id, |volume| {
        volume.type_id = new.id;
        volume.multiattach = new.is_multiattach();
        Ok(())
    })
}

/// Begins a volume's copy into an image (`os-volume_upload_image`).
///
/// # Errors
/// `InvalidVolume` in another state, or in use without `force`.
pub fn begin_upload(tx: &mut Tx<'_>, actor: &Actor, id: VolumeId, force: bool) -> Result<Arc<Volume>> {
    let volume = get_visible(tx.cloud(), actor, id)?;
    let may = volume.status == VolumeStatus::Available || (volume.status == VolumeStatus::InUse && force);
    if !may {
        return Err(wrong_state(
            id,
            volume.status,
            "copied into an image",
            "available (or in-use, with 'force')",
        ));
    }
    change(tx, actor, id, |volume| {
        volume.previous_status = Some(volume.status);
        volume.status = VolumeStatus::Uploading;
        Ok(())
    })
}

/// Orders the file that becomes the data of an image.
///
/// # Errors
/// `VolumeNotFound`; `InvalidVolume` when it is not being copied any more.
pub fn order_upload(tx: &mut Tx<'_>, id: VolumeId, image_id: ImageId, format: String) -> Result<()> {
    let volume = tx.get::<Volume>(&id)?;
    if volume.status != VolumeStatus::Uploading {
        return Err(wrong_state(id, volume.status, "copied into an image", "uploading"));
    }
    tx.update::<Volume>(&id, |volume| volume.upload = Some(VolumeUpload { image_id, format }))
        .map(drop)
}

/// Ends a volume's copy into an image, however it went.
pub fn end_upload(tx: &mut Tx<'_>, id: VolumeId) -> Result<()> {
    let Some(volume) = tx.cloud().find::<Volume>(&id) else {
        return Ok(());
    };
    if volume.status != VolumeStatus::Uploading {
        if volume.upload.is_some() {
            tx.update::<Volume>(&id, |volume| volume.upload = None)?;
        }
        return Ok(());
    }
    let now = tx.now();
    tx.update::<Volume>(&id, |volume| {
        volume.status = volume.previous_status.take().unwrap_or(VolumeStatus::Available);
        volume.upload = None;
        volume.updated_at = Some(now);
    })?;
    Ok(())
}

/// Ends copies that a stop of the program cut off.
pub fn reset_interrupted_uploads(tx: &mut Tx<'_>) -> Result<()> {
    let uploading = tx
        .cloud()
        .volumes
        .iter()
        .filter(|volume| volume.status == VolumeStatus::Uploading);
    let ids: Vec<VolumeId> = uploading.map(|volume| volume.id).collect();
    ids.into_iter().try_for_each(|id| end_upload(tx, id))
}
