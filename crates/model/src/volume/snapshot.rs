//! Cinder's snapshot: a volume as it was at a moment.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{VolumeSource, VolumeStatus, VolumeType, invalid_volume, quota, rules};
use crate::cloud::{Lookups, Row};
use crate::{
    Actor, Cloud, Error, GroupSnapshotId, HostId, ProjectId, Result, Timestamp, Tx, UserId, VolumeId, VolumeSnapshotId,
};

/// Cinder's `status` of a snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SnapshotStatus {
    /// Its host makes it.
    Creating,
    /// Ready.
    Available,
    /// Being removed.
    Deleting,
    /// It could not be made, or was set so by hand.
    Error,
    /// It could not be removed.
    ErrorDeleting,
}

impl SnapshotStatus {
    /// As the API writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Creating => "creating",
            Self::Available => "available",
            Self::Deleting => "deleting",
            Self::Error => "error",
            Self::ErrorDeleting => "error_deleting",
        }
    }

    /// From the API's word.
    pub fn parse(text: &str) -> Option<Self> {
        [
            Self::Creating,
            Self::Available,
            Self::Deleting,
            Self::Error,
            Self::ErrorDeleting,
        ]
        .into_iter()
        .find(|status| status.as_str() == text)
    }
}

/// A snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VolumeSnapshot {
    /// Its id.
    pub id: VolumeSnapshotId,
    /// The volume.
    pub volume_id: VolumeId,
    /// Its name.
    pub name: Option<String>,
    /// Free text.
    pub description: Option<String>,
    /// The project.
    pub project_id: ProjectId,
    /// Who made it.
    pub user_id: UserId,
    /// The volume's size at the time, GiB.
    pub size_gib: u64,
    /// The group's snapshot that it belongs to.
    #[serde(default)]
    pub group_snapshot_id: Option<GroupSnapshotId>,
    /// The host that holds it.
    pub host: Option<HostId>,
    /// What it is, or what is being done to it.
    pub status: SnapshotStatus,
    /// Whether its host has it.
    #[serde(default)]
    pub is_made: bool,
    /// Its host is to remove it.
    #[serde(default)]
    pub is_leaving: bool,
    /// What an administrator says of how far it is (`os-update_snapshot_status`).
    #[serde(default)]
    pub progress: Option<String>,
    /// Key/value metadata.
    #[serde(default)]
    pub metadata: BTreeMap<String, String>,
    /// Why it is in error.
    #[serde(default)]
    pub fault: Option<String>,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When it last changed.
    #[serde(default)]
    pub updated_at: Option<Timestamp>,
}

impl Row for VolumeSnapshot {
    type Id = VolumeSnapshotId;
    const KIND: &'static str = "volume_snapshot";
    crate::table!(VolumeSnapshot, volume_snapshots);
    fn id(&self) -> VolumeSnapshotId {
        self.id
    }
    fn not_found(id: &VolumeSnapshotId) -> Error {
        Error::not_found("SnapshotNotFound", format!("Snapshot {id} could not be found."))
    }
    fn project(&self) -> Option<&ProjectId> {
        Some(&self.project_id)
    }
    fn index(&self, lookups: &mut Lookups, present: bool) {
        lookups
            .snapshots_by_project
            .set(self.project_id.clone(), self.id, present);
        lookups.snapshots_by_volume.set(self.volume_id, self.id, present);
        if let Some(of_group) = self.group_snapshot_id {
            lookups.snapshots_by_group_snapshot.set(of_group, self.id, present);
        }
        if present && (self.status == SnapshotStatus::Creating || self.is_leaving) {
            lookups.busy_snapshots.insert(self.id);
        } else {
            lookups.busy_snapshots.remove(&self.id);
        }
    }
}

/// The snapshot, if the caller may see it.
///
/// # Errors
/// `SnapshotNotFound`.
pub fn get_visible(cloud: &Cloud, actor: &Actor, id: VolumeSnapshotId) -> Result<Arc<VolumeSnapshot>> {
    cloud
        .find::<VolumeSnapshot>(&id)
        .filter(|snapshot| actor.can_see(&snapshot.project_id))
        .cloned()
        .ok_or_else(|| VolumeSnapshot::not_found(&id))
}

/// What a new snapshot is asked to be.
#[derive(Debug, Clone)]
pub struct NewSnapshot {
    /// The volume.
    pub volume_id: VolumeId,
    /// Its name.
    pub name: Option<String>,
    /// Free text.
    pub description: Option<String>,
    /// Key/value metadata.
    pub metadata: BTreeMap<String, String>,
    /// Also of a volume in use.
    pub may_be_used: bool,
}

/// Makes a snapshot; its host copies the volume as it is.
///
/// # Errors
/// `VolumeNotFound`, `InvalidVolume` in another state, quotas (413).
pub fn create(tx: &mut Tx<'_>, actor: &Actor, new: NewSnapshot) -> Result<Arc<VolumeSnapshot>> {
    let volume = rules::get_visible(tx.cloud(), actor, new.volume_id)?;
    let may = volume.status == VolumeStatus::Available || (volume.status == VolumeStatus::InUse && new.may_be_used);
    if !may || !volume.is_made {
        return Err(invalid_volume(format!(
            "volume {} is {}: a snapshot needs it to be available, or in-use with 'force'.",
            volume.id,
            volume.status.as_str()
        )));
    }
    let volume_type = tx.get::<VolumeType>(&volume.type_id)?;
    quota::check_snapshot(tx.cloud(), &volume.project_id, &volume_type, volume.size_gib)?;
    let snapshot = VolumeSnapshot {
        id: tx.new_id(),
        volume_id: volume.id,
        name: new.name,
        description: new.description,
        project_id: volume.project_id.clone(),
        user_id: actor.user_id.clone(),
        size_gib: volume.size_gib,
        group_snapshot_id: None,
        host: volume.host.clone(),
        status: SnapshotStatus::Creating,
        is_made: false,
        is_leaving: false,
        progress: None,
        metadata: new.metadata,
        fault: None,
        created_at: tx.now(),
        updated_at: None,
    };
    Ok(tx.put(snapshot))
}

/// Changes a snapshot's own words or state.
///
/// # Errors
/// `SnapshotNotFound`; what `edit` says.
pub fn edit(
    tx: &mut Tx<'_>,
    actor: &Actor,
    id: VolumeSnapshotId,
    edit: impl FnOnce(&mut VolumeSnapshot) -> Result<()>,
) -> Result<Arc<VolumeSnapshot>> {
    let mut snapshot = VolumeSnapshot::clone(&*get_visible(tx.cloud(), actor, id)?);
    edit(&mut snapshot)?;
    snapshot.updated_at = Some(tx.now());
    Ok(tx.put(snapshot))
}

/// Begins a snapshot's deletion.
///
/// # Errors
/// `InvalidSnapshot` in another state, or while a volume is being made from it.
pub fn delete(tx: &mut Tx<'_>, actor: &Actor, id: VolumeSnapshotId, force: bool) -> Result<()> {
    let snapshot = get_visible(tx.cloud(), actor, id)?;
    let may = matches!(
        snapshot.status,
        SnapshotStatus::Available | SnapshotStatus::Error | SnapshotStatus::ErrorDeleting
    );
    if !may && !force {
        return Err(Error::invalid(
            "InvalidSnapshot",
            format!(
                "Invalid snapshot: Snapshot {id} is {}: it must be available or error to be deleted.",
                snapshot.status.as_str()
            ),
        ));
    }
    if let Some(of_group) = snapshot.group_snapshot_id.filter(|_| !force) {
        return Err(Error::invalid(
            "InvalidSnapshot",
            format!("Invalid snapshot: Snapshot {id} belongs to group snapshot {of_group}: delete that."),
        ));
    }
    check_not_copied(tx.cloud(), id)?;
    begin_deletion(tx, id)
}

/// What is being copied from it must be there until the copy is.
pub(super) fn check_not_copied(cloud: &Cloud, id: VolumeSnapshotId) -> Result<()> {
    let copies = cloud.lookups.busy_volumes.iter();
    let mut copies = copies.filter_map(|copy| cloud.volumes.get(copy));
    if super::backup::is_copied(cloud, id) {
        return Err(Error::invalid(
            "InvalidSnapshot",
            format!("Invalid snapshot: a backup is being made from snapshot {id}: wait until it is available."),
        ));
    }
    if copies.any(|copy| copy.source == VolumeSource::Snapshot(id) && copy.is_wanted() && !copy.is_made) {
        return Err(Error::invalid(
            "InvalidSnapshot",
            format!("Invalid snapshot: a volume is being made from snapshot {id}: wait until it is available."),
        ));
    }
    Ok(())
}

/// Marks it as leaving: the row goes once its host has freed the space.
pub(super) fn begin_deletion(tx: &mut Tx<'_>, id: VolumeSnapshotId) -> Result<()> {
    let now = tx.now();
    tx.update::<VolumeSnapshot>(&id, |snapshot| {
        snapshot.status = SnapshotStatus::Deleting;
        snapshot.is_leaving = true;
        snapshot.updated_at = Some(now);
    })?;
    Ok(())
}
