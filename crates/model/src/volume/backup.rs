//! Cinder's backup: a volume's content, kept apart from the volume.
//!
//! ```text
//!            made              restore                 volume made
//!  creating ──────► available ─────────► restoring ─────────────────► available
//!                       │ delete
//!                       ▼
//!                   deleting ──► (the row goes when the host has freed the space)
//! ```
//!
//! A row's data is a file on its host, named by [`VolumeBackup::data_id`]. A record that was exported and imported again is
//! another row with the same data, which goes with the last of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::snapshot::{self, SnapshotStatus};
use super::{Place, SourceWish, Volume, VolumeSource, VolumeStatus, create, invalid_volume, rules, service};
use crate::cloud::{Lookups, Row};
use crate::compute::ServerImage;
use crate::quota::{allows, limit};
use crate::{
    Actor, BackupId, Cloud, Error, HostId, ProjectId, Result, Timestamp, Tx, UserId, VolumeId, VolumeSnapshotId,
};

/// Cinder's `status` of a backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BackupStatus {
    /// Its host makes it.
    Creating,
    /// Ready.
    Available,
    /// A volume is being filled from it.
    Restoring,
    /// Being removed.
    Deleting,
    /// It could not be made, or was set so by hand.
    Error,
    /// It could not be removed.
    ErrorDeleting,
}

impl BackupStatus {
    const ALL: [Self; 6] = [
        Self::Creating,
        Self::Available,
        Self::Restoring,
        Self::Deleting,
        Self::Error,
        Self::ErrorDeleting,
    ];

    /// As the API writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Creating => "creating",
            Self::Available => "available",
            Self::Restoring => "restoring",
            Self::Deleting => "deleting",
            Self::Error => "error",
            Self::ErrorDeleting => "error_deleting",
        }
    }

    /// From the API's word.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }
}

/// What a restored volume gets back besides its bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct VolumeWords {
    /// The volume's name.
    pub name: Option<String>,
    /// Its description.
    pub description: Option<String>,
    /// Its metadata.
    pub metadata: BTreeMap<String, String>,
    /// What is known of the image in it.
    pub image_metadata: BTreeMap<String, String>,
    /// Whether a server may boot from it.
    pub bootable: bool,
}

/// A backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VolumeBackup {
    /// Its id.
    pub id: BackupId,
    /// The name of its data: its own id, or that of the row that it was imported from.
    pub data_id: BackupId,
    /// Its name.
    pub name: Option<String>,
    /// Free text.
    pub description: Option<String>,
    /// The project.
    pub project_id: ProjectId,
    /// Who made it.
    pub user_id: UserId,
    /// The volume that it is of.
    pub volume_id: VolumeId,
    /// The volume's snapshot that it was made from.
    #[serde(default)]
    pub snapshot_id: Option<VolumeSnapshotId>,
    /// The backup that this one holds the differences to.
    #[serde(default)]
    pub parent_id: Option<BackupId>,
    /// What its maker calls the place it is in.
    #[serde(default)]
    pub container: Option<String>,
    /// The volume's size, GiB.
    pub size_gib: u64,
    /// What it is, or what is being done to it.
    pub status: BackupStatus,
    /// Why it is in error.
    #[serde(default)]
    pub fail_reason: Option<String>,
    /// Key/value metadata.
    #[serde(default)]
    pub metadata: BTreeMap<String, String>,
    /// What its volume was called, and so on.
    #[serde(default)]
    pub volume: VolumeWords,
    /// The host that holds it.
    pub host: HostId,
    /// Its zone.
    pub availability_zone: String,
    /// Whether its host has it.
    #[serde(default)]
    pub is_made: bool,
    /// Its host is to remove it.
    #[serde(default)]
    pub is_leaving: bool,
    /// When the volume was as it is kept here.
    pub data_timestamp: Timestamp,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When it last changed.
    #[serde(default)]
    pub updated_at: Option<Timestamp>,
}

impl Row for VolumeBackup {
    type Id = BackupId;
    const KIND: &'static str = "volume_backup";
    crate::table!(VolumeBackup, volume_backups);
    fn id(&self) -> BackupId {
        self.id
    }
    fn not_found(id: &BackupId) -> Error {
        Error::not_found("BackupNotFound", format!("Backup {id} could not be found."))
    }
    fn project(&self) -> Option<&ProjectId> {
        Some(&self.project_id)
    }
    fn index(&self, lookups: &mut Lookups, present: bool) {
        lookups.backups_by_volume.set(self.volume_id, self.id, present);
        lookups.backups_by_data.set(self.data_id, self.id, present);
        lookups
            .backups_by_project
            .set(self.project_id.clone(), self.id, present);
        if present && (self.status == BackupStatus::Creating || self.is_leaving) {
            lookups.busy_backups.insert(self.id);
        } else {
            lookups.busy_backups.remove(&self.id);
        }
    }
}

/// Cinder's `InvalidBackup`.
fn invalid(reason: impl std::fmt::Display) -> Error {
    Error::invalid("InvalidBackup", format!("Invalid backup: {reason}"))
}

/// The backup, if the caller may see it.
///
/// # Errors
/// `BackupNotFound`, the same for one that is another project's.
pub fn get_visible(cloud: &Cloud, actor: &Actor, id: BackupId) -> Result<Arc<VolumeBackup>> {
    cloud
        .find::<VolumeBackup>(&id)
        .filter(|backup| actor.can_see(&backup.project_id))
        .cloned()
        .ok_or_else(|| VolumeBackup::not_found(&id))
}

/// The backups of a volume.
pub fn of_volume(cloud: &Cloud, id: VolumeId) -> impl Iterator<Item = &Arc<VolumeBackup>> {
    let ids = cloud.lookups.backups_by_volume.of(&id);
    ids.filter_map(|id| cloud.volume_backups.get(id))
}

/// Whether others hold only their differences to this one.
pub fn has_dependents(cloud: &Cloud, backup: &VolumeBackup) -> bool {
    of_volume(cloud, backup.volume_id).any(|each| each.parent_id == Some(backup.id))
}

/// What a new backup is asked to be.
#[derive(Debug, Clone)]
pub struct NewBackup {
    /// The volume.
    pub volume_id: VolumeId,
    /// A snapshot of it to take the bytes from.
    pub snapshot_id: Option<VolumeSnapshotId>,
    /// Its name.
    pub name: Option<String>,
    /// Free text.
    pub description: Option<String>,
    /// What its maker calls the place.
    pub container: Option<String>,
    /// Only the differences to the volume's newest backup.
    pub incremental: bool,
    /// Also of a volume in use.
    pub force: bool,
    /// Key/value metadata.
    pub metadata: BTreeMap<String, String>,
}

/// Makes a backup; its host copies the volume as it is.
///
/// # Errors
/// `VolumeNotFound`, `SnapshotNotFound`, `InvalidVolume` and `InvalidSnapshot` in another state, `InvalidBackup` for a
/// difference to nothing, quotas (413).
pub fn create_backup(tx: &mut Tx<'_>, actor: &Actor, new: NewBackup, place: &Place) -> Result<Arc<VolumeBackup>> {
    let volume = rules::get_visible(tx.cloud(), actor, new.volume_id)?;
    if let Some(id) = new.snapshot_id {
        check_snapshot(tx.cloud(), actor, &volume, id)?;
    } else {
        check_volume(&volume, new.force)?;
    }
    let host = volume.host.clone().unwrap_or_else(|| place.host.clone());
    if service::of(tx.cloud(), service::BACKUP, &host).is_some_and(|service| service.disabled) {
        return Err(Error::unavailable(
            "ServiceUnavailable",
            format!("Service is unavailable at this time: the backup service of host {host} is disabled."),
        ));
    }
    let parent = if new.incremental {
        Some(
            newest(tx.cloud(), &volume)
                .ok_or_else(|| invalid("No backups available to do an incremental backup: make a full one first."))?,
        )
    } else {
        None
    };
    check_quota(tx.cloud(), &volume.project_id, volume.size_gib)?;
    let (id, now) = (tx.new_id(), tx.now());
    let row = VolumeBackup {
        id,
        data_id: id,
        name: new.name,
        description: new.description,
        project_id: volume.project_id.clone(),
        user_id: actor.user_id.clone(),
        volume_id: volume.id,
        snapshot_id: new.snapshot_id,
        parent_id: parent,
        container: new.container,
        size_gib: volume.size_gib,
        status: BackupStatus::Creating,
        fail_reason: None,
        metadata: new.metadata,
        volume: VolumeWords {
            name: volume.name.clone(),
            description: volume.description.clone(),
            metadata: volume.metadata.clone(),
            image_metadata: volume.image_metadata.clone(),
            bootable: volume.bootable,
        },
        host,
        availability_zone: place.zone.clone(),
        is_made: false,
        is_leaving: false,
        data_timestamp: now,
        created_at: now,
        updated_at: None,
    };
    if new.snapshot_id.is_none() {
        tx.update::<Volume>(&volume.id, |volume| {
            volume.previous_status = Some(volume.status);
            volume.status = VolumeStatus::BackingUp;
            volume.updated_at = Some(now);
        })?;
    }
    Ok(tx.put(row))
}

fn check_snapshot(cloud: &Cloud, actor: &Actor, volume: &Volume, id: VolumeSnapshotId) -> Result<()> {
    let snapshot = snapshot::get_visible(cloud, actor, id)?;
    if snapshot.volume_id != volume.id {
        return Err(Error::invalid(
            "InvalidSnapshot",
            format!("Invalid snapshot: snapshot {id} is not of volume {}.", volume.id),
        ));
    }
    if snapshot.status != SnapshotStatus::Available {
        return Err(Error::invalid(
            "InvalidSnapshot",
            format!(
                "Invalid snapshot: Snapshot to be backed up must be available, but the current status is \"{}\".",
                snapshot.status.as_str()
            ),
        ));
    }
    Ok(())
}

fn check_volume(volume: &Volume, force: bool) -> Result<()> {
    if !volume.is_made || !matches!(volume.status, VolumeStatus::Available | VolumeStatus::InUse) {
        return Err(invalid_volume(format!(
            "Volume to be backed up must be available or in-use, but the current status is \"{}\".",
            volume.status.as_str()
        )));
    }
    if volume.status == VolumeStatus::InUse && !force {
        return Err(invalid_volume(format!(
            "volume {} is in-use: backing up an in-use volume must use the force flag.",
            volume.id
        )));
    }
    Ok(())
}

/// The backup that a difference is taken to: the newest that is there.
fn newest(cloud: &Cloud, volume: &Volume) -> Option<BackupId> {
    of_volume(cloud, volume.id)
        .filter(|each| each.is_made && each.project_id == volume.project_id)
        .filter(|each| matches!(each.status, BackupStatus::Available | BackupStatus::Restoring))
        .max_by_key(|each| (each.data_timestamp, each.created_at, each.id))
        .map(|each| each.id)
}

/// Backups of a project and their size, GiB.
pub fn usage(cloud: &Cloud, project: &ProjectId) -> (u64, u64) {
    let ids = cloud.lookups.backups_by_project.of(project);
    let backups = ids.filter_map(|id| cloud.volume_backups.get(id));
    backups.fold((0, 0), |(count, gib), each| (count + 1, gib + each.size_gib))
}

fn check_quota(cloud: &Cloud, project: &ProjectId, gib: u64) -> Result<()> {
    let (count, used) = usage(cloud, project);
    let most = limit(cloud, project, "backups");
    if !allows(most, count, 1) {
        return Err(Error::over_limit(
            "BackupLimitExceeded",
            format!("Maximum number of backups allowed ({most}) exceeded"),
        ));
    }
    let most = limit(cloud, project, "backup_gigabytes");
    if !allows(most, used, gib) {
        return Err(Error::over_limit(
            "VolumeBackupSizeExceedsAvailableQuota",
            format!(
                "Requested backup exceeds allowed Backup gigabytes quota. Requested {gib}G, quota is {most}G and {used}G \
                 has been consumed."
            ),
        ));
    }
    Ok(())
}

/// Changes a backup's own words or state.
///
/// # Errors
/// `BackupNotFound`.
pub fn edit(
    tx: &mut Tx<'_>,
    actor: &Actor,
    id: BackupId,
    change: impl FnOnce(&mut VolumeBackup),
) -> Result<Arc<VolumeBackup>> {
    get_visible(tx.cloud(), actor, id)?;
    let now = tx.now();
    tx.update::<VolumeBackup>(&id, |backup| {
        change(backup);
        backup.updated_at = Some(now);
    })
}

/// Begins a backup's deletion.
///
/// # Errors
/// `InvalidBackup` in another state, while others hold their differences to it, or while a volume is being made from it.
pub fn delete(tx: &mut Tx<'_>, actor: &Actor, id: BackupId, force: bool) -> Result<()> {
    let backup = get_visible(tx.cloud(), actor, id)?;
    let may = matches!(
        backup.status,
        BackupStatus::Available | BackupStatus::Error | BackupStatus::ErrorDeleting
    );
    if (!may && !force) || backup.is_leaving {
        return Err(invalid(format!(
            "Backup status must be available or error; that of backup {id} is {}.",
            backup.status.as_str()
        )));
    }
    if has_dependents(tx.cloud(), &backup) {
        return Err(invalid("Incremental backups exist for this backup: delete them first."));
    }
    if filled_from(tx.cloud(), id).next().is_some() {
        return Err(invalid(format!(
            "a volume is being filled from backup {id}: wait until it is."
        )));
    }
    let now = tx.now();
    let of_data = tx.cloud().lookups.backups_by_data.of(&backup.data_id);
    let is_shared = of_data
        .filter_map(|other| tx.cloud().volume_backups.get(other))
        .any(|other| other.id != id && !other.is_leaving);
    if is_shared {
        tx.delete::<VolumeBackup>(&id);
        return Ok(());
    }
    tx.update::<VolumeBackup>(&id, |backup| {
        backup.status = BackupStatus::Deleting;
        backup.is_leaving = true;
        backup.updated_at = Some(now);
    })?;
    end_of_copy(tx, &backup)
}

/// The volumes that are being filled from a backup.
fn filled_from(cloud: &Cloud, id: BackupId) -> impl Iterator<Item = &Arc<Volume>> {
    let busy = cloud.lookups.busy_volumes.iter();
    busy.filter_map(|volume| cloud.volumes.get(volume))
        .filter(move |volume| {
            let is_made_from = volume.source == VolumeSource::Backup(id) && !volume.is_made && volume.is_wanted();
            let is_restored = volume
                .restore
                .as_ref()
                .is_some_and(|restore| restore.backup_id() == Some(id));
            is_made_from || is_restored
        })
}

/// New content for a volume that was there before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restore {
    /// Where it comes from.
    #[serde(flatten)]
    pub source: Refill,
    /// The order's own id: the host tells which one it carried out.
    pub order: uuid::Uuid,
}

/// Where a volume's new content comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refill {
    /// A backup.
    BackupId(BackupId),
    /// An image.
    Image {
        /// The image, as it was.
        image: ServerImage,
        /// What the volume will know of it.
        words: BTreeMap<String, String>,
    },
}

impl Restore {
    /// The backup that it is from.
    pub(crate) fn backup_id(&self) -> Option<BackupId> {
        match self.source {
            Refill::BackupId(id) => Some(id),
            Refill::Image { .. } => None,
        }
    }
}

/// What a backup is restored into.
#[derive(Debug, Clone)]
pub enum RestoreTarget {
    /// This volume.
    Volume(VolumeId),
    /// A new one, with a name of its own if one was asked for.
    New(Option<String>),
}

/// Begins to fill a volume from a backup. Gives the volume.
///
/// # Errors
/// `InvalidBackup` in another state, `InvalidVolume` for one that is not available or too small; as [`create()`].
pub fn restore(
    tx: &mut Tx<'_>,
    actor: &Actor,
    id: BackupId,
    target: RestoreTarget,
    place: &Place,
    request_id: &str,
) -> Result<Arc<Volume>> {
    let backup = get_visible(tx.cloud(), actor, id)?;
    if backup.status != BackupStatus::Available || !backup.is_made {
        return Err(invalid(format!(
            "Backup status must be available; that of backup {id} is {}.",
            backup.status.as_str()
        )));
    }
    let volume = match target {
        RestoreTarget::New(name) => {
            let new = super::NewVolume {
                name: Some(name.unwrap_or_else(|| format!("restore_backup_{id}"))),
                description: backup.volume.description.clone(),
                size_gib: None,
                source: SourceWish::Backup(id),
                volume_type: None,
                metadata: BTreeMap::new(),
                multiattach: false,
                group_id: None,
                request_id: request_id.to_owned(),
            };
            create(tx, actor, &new, place)?
        }
        RestoreTarget::Volume(volume) => begin_overwriting(tx, actor, &backup, volume)?,
    };
    Ok(volume)
}

fn begin_overwriting(tx: &mut Tx<'_>, actor: &Actor, backup: &VolumeBackup, id: VolumeId) -> Result<Arc<Volume>> {
    let volume = rules::get_visible(tx.cloud(), actor, id)?;
    if volume.status != VolumeStatus::Available || volume.host.as_ref() != Some(&backup.host) {
        return Err(invalid_volume(format!(
            "Volume to be restored to must be available; that of volume {id} is {}.",
            volume.status.as_str()
        )));
    }
    if volume.size_gib < backup.size_gib {
        return Err(invalid_volume(format!(
            "volume size {} is too small to restore backup of size {}.",
            volume.size_gib, backup.size_gib
        )));
    }
    tx.update::<VolumeBackup>(&backup.id, |backup| backup.status = BackupStatus::Restoring)?;
    let (now, order) = (
        tx.now(),
        uuid::Builder::from_random_bytes(tx.random_bytes()).into_uuid(),
    );
    let words = backup.volume.clone();
    tx.update::<Volume>(&id, |volume| {
        volume.status = VolumeStatus::RestoringBackup;
        volume.restore = Some(Restore {
            source: Refill::BackupId(backup.id),
            order,
        });
        volume.bootable = words.bootable;
        volume.image_metadata = words.image_metadata;
        volume.metadata.extend(words.metadata);
        volume.updated_at = Some(now);
    })
}

/// No volume is being filled from it any more.
pub(crate) fn end_restore(tx: &mut Tx<'_>, id: BackupId) -> Result<()> {
    let is_restoring = tx
        .cloud()
        .find::<VolumeBackup>(&id)
        .is_some_and(|backup| backup.status == BackupStatus::Restoring);
    if !is_restoring || filled_from(tx.cloud(), id).next().is_some() {
        return Ok(());
    }
    let now = tx.now();
    tx.update::<VolumeBackup>(&id, |backup| {
        backup.status = BackupStatus::Available;
        backup.updated_at = Some(now);
    })
    .map(drop)
}

/// The copy of its volume is over, however it went: the volume is what it was.
pub(crate) fn end_of_copy(tx: &mut Tx<'_>, backup: &VolumeBackup) -> Result<()> {
    let id = backup.volume_id;
    let is_waiting = tx
        .cloud()
        .find::<Volume>(&id)
        .is_some_and(|volume| volume.status == VolumeStatus::BackingUp);
    if backup.snapshot_id.is_some() || backup.is_made || !is_waiting {
        return Ok(());
    }
    let now = tx.now();
    tx.update::<Volume>(&id, |volume| {
        volume.status = volume.previous_status.take().unwrap_or(VolumeStatus::Available);
        volume.updated_at = Some(now);
    })?;
    super::attachment::settle(tx, id)
}

/// Enters a record that was exported before, as the caller's project's. Its host looks whether the data is there.
///
/// # Errors
/// `InvalidBackup` for a record of a backup that is known; quotas (413).
pub fn import(tx: &mut Tx<'_>, actor: &Actor, record: VolumeBackup) -> Result<Arc<VolumeBackup>> {
    let project_id = actor
        .project_id()
        .cloned()
        .ok_or_else(|| Error::forbidden("Forbidden", "A backup needs a project: use a token scoped to one."))?;
    if tx.cloud().find::<VolumeBackup>(&record.id).is_some() {
        return Err(invalid(format!("Backup {} already exists in database.", record.id)));
    }
    check_quota(tx.cloud(), &project_id, record.size_gib)?;
    let now = tx.now();
    // What another record knows to be there needs no look.
    let is_known = is_there(tx.cloud(), record.data_id);
    let row = VolumeBackup {
        project_id,
        user_id: actor.user_id.clone(),
        status: if is_known {
            BackupStatus::Available
        } else {
            BackupStatus::Creating
        },
        fail_reason: None,
        // What is not there can't be made anew: its host says so.
        is_made: true,
        is_leaving: false,
        updated_at: Some(now),
        ..record
    };
    Ok(tx.put(row))
}

/// Whether a record says that data is on its host, and stays.
fn is_there(cloud: &Cloud, data: BackupId) -> bool {
    let ids = cloud.lookups.backups_by_data.of(&data);
    ids.filter_map(|id| cloud.volume_backups.get(id))
        .any(|backup| backup.is_made && !backup.is_leaving)
}

/// Whether a snapshot is being copied into a backup.
pub(super) fn is_copied(cloud: &Cloud, snapshot: VolumeSnapshotId) -> bool {
    let busy = cloud.lookups.busy_backups.iter();
    busy.filter_map(|id| cloud.volume_backups.get(id))
        .any(|backup| backup.snapshot_id == Some(snapshot) && !backup.is_made && !backup.is_leaving)
}

/// How much of a resource of backups a project uses; `None` for other resources.
pub(super) fn in_use(cloud: &Cloud, project: &ProjectId, name: &str) -> Option<u64> {
    let (count, gib) = usage(cloud, project);
    match name {
        "backups" => Some(count),
        "backup_gigabytes" => Some(gib),
        _ => None,
    }
}
