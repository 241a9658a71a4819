//! Cinder's group snapshots: a snapshot of every volume of a group, kept and deleted together.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::group::{self, GroupStatus, VolumeGroup};
use super::snapshot::{self, NewSnapshot, SnapshotStatus, VolumeSnapshot};
use crate::cloud::{Lookups, Row};
use crate::{
    Actor, Cloud, Error, GroupSnapshotId, GroupTypeId, ProjectId, Result, Timestamp, Tx, UserId, VolumeGroupId,
};

/// A snapshot of a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupSnapshot {
    /// Its id.
    pub id: GroupSnapshotId,
    /// Its name.
    pub name: Option<String>,
    /// Free text.
    pub description: Option<String>,
    /// The project.
    pub project_id: ProjectId,
    /// Who made it.
    pub user_id: UserId,
    /// The group.
    pub group_id: VolumeGroupId,
    /// The group's type.
    pub group_type_id: GroupTypeId,
    /// What it is, or what is being done to it.
    pub status: GroupStatus,
    /// When it was asked for.
    pub created_at: Timestamp,
}

impl Row for GroupSnapshot {
    type Id = GroupSnapshotId;
    const KIND: &'static str = "volume_group_snapshot";
    crate::table!(GroupSnapshot, group_snapshots);
    fn id(&self) -> GroupSnapshotId {
        self.id
    }
    fn not_found(id: &GroupSnapshotId) -> Error {
        Error::not_found(
            "GroupSnapshotNotFound",
            format!("GroupSnapshot {id} could not be found."),
        )
    }
    fn project(&self) -> Option<&ProjectId> {
        Some(&self.project_id)
    }
    fn index(&self, lookups: &mut Lookups, present: bool) {
        lookups.group_snapshots_by_group.set(self.group_id, self.id, present);
    }
}

/// Cinder's `InvalidGroupSnapshot`.
pub(super) fn invalid(reason: impl std::fmt::Display) -> Error {
    Error::invalid("InvalidGroupSnapshot", format!("Invalid GroupSnapshot: {reason}"))
}

/// The snapshot, if the caller may see it.
///
/// # Errors
/// `GroupSnapshotNotFound`.
pub fn get_visible(cloud: &Cloud, actor: &Actor, id: GroupSnapshotId) -> Result<Arc<GroupSnapshot>> {
    cloud
        .find::<GroupSnapshot>(&id)
        .filter(|snapshot| actor.can_see(&snapshot.project_id))
        .cloned()
        .ok_or_else(|| GroupSnapshot::not_found(&id))
}

/// The snapshots of its volumes, oldest first.
pub fn snapshots(cloud: &Cloud, id: GroupSnapshotId) -> Vec<Arc<VolumeSnapshot>> {
    let ids = cloud.lookups.snapshots_by_group_snapshot.of(&id);
    let mut all: Vec<_> = ids.filter_map(|id| cloud.volume_snapshots.get(id).cloned()).collect();
    all.sort_by_key(|each| (each.created_at, each.id));
    all
}

/// Takes a snapshot of every volume of a group.
///
/// # Errors
/// `GroupNotFound`, `InvalidGroup` in another state or without volumes; what a volume's snapshot is denied by.
pub fn create(
    tx: &mut Tx<'_>,
    actor: &Actor,
    group_id: VolumeGroupId,
    name: Option<String>,
    description: Option<String>,
) -> Result<Arc<GroupSnapshot>> {
    let group = group::get_visible(tx.cloud(), actor, group_id)?;
    let members = group::snapshot_members(tx.cloud(), &group)?;
    let row = GroupSnapshot {
        id: tx.new_id(),
        name,
        description,
        project_id: group.project_id.clone(),
        user_id: actor.user_id.clone(),
        group_id,
        group_type_id: group.group_type_id,
        status: GroupStatus::Creating,
        created_at: tx.now(),
    };
    let row = tx.put(row);
    for volume in members {
        let new = NewSnapshot {
            volume_id: volume.id,
            name: row.name.clone(),
            description: row.description.clone(),
            metadata: BTreeMap::new(),
            may_be_used: true,
        };
        let made = snapshot::create(tx, actor, new)?;
        tx.update::<VolumeSnapshot>(&made.id, |snapshot| snapshot.group_snapshot_id = Some(row.id))?;
    }
    Ok(row)
}

/// Changes its words.
///
/// # Errors
/// `GroupSnapshotNotFound`.
pub fn edit(
    tx: &mut Tx<'_>,
    actor: &Actor,
    id: GroupSnapshotId,
    change: impl FnOnce(&mut GroupSnapshot),
) -> Result<Arc<GroupSnapshot>> {
    get_visible(tx.cloud(), actor, id)?;
    tx.update::<GroupSnapshot>(&id, change)
}

/// Begins its deletion, and that of its volumes' snapshots.
///
/// # Errors
/// `InvalidGroupSnapshot` in another state, or while a group is being made from it.
pub fn delete(tx: &mut Tx<'_>, actor: &Actor, id: GroupSnapshotId) -> Result<()> {
    let row = get_visible(tx.cloud(), actor, id)?;
    if !matches!(row.status, GroupStatus::Available | GroupStatus::Error) {
        return Err(invalid(format!(
            "group snapshot {id} is {}: it must be available or error to be deleted.",
            row.status.as_str()
        )));
    }
    let is_copied = |group: &VolumeGroup| group.group_snapshot_id == Some(id) && group.status == GroupStatus::Creating;
    if tx.cloud().volume_groups.iter().any(|group| is_copied(group)) {
        return Err(invalid(format!(
            "a group is being made from group snapshot {id}: wait until it is available."
        )));
    }
    for member in snapshots(tx.cloud(), id) {
        snapshot::check_not_copied(tx.cloud(), member.id)?;
        snapshot::begin_deletion(tx, member.id)?;
    }
    tx.update::<GroupSnapshot>(&id, |row| row.status = GroupStatus::Deleting)?;
    settle(tx, id)
}

/// Brings one that waits for its members in line with them.
pub(crate) fn settle(tx: &mut Tx<'_>, id: GroupSnapshotId) -> Result<()> {
    let Some(row) = tx.cloud().find::<GroupSnapshot>(&id).cloned() else {
        return Ok(());
    };
    let members = snapshots(tx.cloud(), id);
    let status = match row.status {
        GroupStatus::Deleting if members.is_empty() => {
            tx.delete::<GroupSnapshot>(&id);
            return Ok(());
        }
        GroupStatus::Creating if members.iter().any(|each| each.status == SnapshotStatus::Error) => GroupStatus::Error,
        GroupStatus::Creating if members.iter().all(|each| each.is_made) => GroupStatus::Available,
        _ => return Ok(()),
    };
    tx.update::<GroupSnapshot>(&id, |row| row.status = status).map(drop)
}
