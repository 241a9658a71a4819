//! Cinder's generic groups: volumes of one project that are created, snapshotted and deleted together.
//!
//! A group's status follows its members' where it waits for them ([`settle`]): one made from another is `creating` until its
//! last volume is made, one that goes with its volumes is `deleting` until the last of them is gone.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::create::Place;
use super::{Deletion, NewVolume, SourceWish, Volume, VolumeStatus, create, group_snapshot, rules, types};
use crate::cloud::{Lookups, Row};
use crate::quota::{allows, limit};
use crate::{
    Actor, Cloud, Error, GroupSnapshotId, GroupTypeId, HostId, ProjectId, Result, Timestamp, Tx, UserId, VolumeGroupId,
    VolumeId, VolumeTypeId,
};

/// What a group spec must say for a group to be snapshotted at one moment, which no host here can.
const CONSISTENT: (&str, &str) = ("consistent_group_snapshot_enabled", "<is> True");

/// Cinder's `status` of a group or of a group's snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GroupStatus {
    /// Its members are being made.
    Creating,
    /// Ready.
    Available,
    /// Set by hand only: here a change of members is over at once.
    Updating,
    /// Its members are being removed.
    Deleting,
    /// A member could not be made, or it was set so by hand.
    Error,
    /// Set by hand only.
    ErrorDeleting,
}

impl GroupStatus {
    /// Every status.
    const ALL: [Self; 6] = [
        Self::Creating,
        Self::Available,
        Self::Updating,
        Self::Deleting,
        Self::Error,
        Self::ErrorDeleting,
    ];

    /// As the API writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Creating => "creating",
            Self::Available => "available",
            Self::Updating => "updating",
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

/// A kind of groups.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupType {
    /// Its id.
    pub id: GroupTypeId,
    /// Its name, which is unique.
    pub name: String,
    /// Free text.
    pub description: Option<String>,
    /// Whether others than administrators may use it.
    pub is_public: bool,
    /// What it asks of a host.
    #[serde(default)]
    pub group_specs: BTreeMap<String, String>,
    /// When it was made.
    pub created_at: Timestamp,
}

impl Row for GroupType {
    type Id = GroupTypeId;
    const KIND: &'static str = "volume_group_type";
    crate::table!(GroupType, group_types);
    fn id(&self) -> GroupTypeId {
        self.id
    }
    fn not_found(id: &GroupTypeId) -> Error {
        no_type(&id.to_string())
    }
}

fn no_type(name: &str) -> Error {
    Error::not_found("GroupTypeNotFound", format!("Group type {name} could not be found."))
}

/// A group type by id or name, if the caller may see it.
///
/// # Errors
/// `GroupTypeNotFound`.
pub fn find_type(cloud: &Cloud, actor: &Actor, id_or_name: &str) -> Result<Arc<GroupType>> {
    let by_id = id_or_name
        .parse()
        .ok()
        .and_then(|id: GroupTypeId| cloud.group_types.get(&id));
    by_id
        .or_else(|| cloud.group_types.iter().find(|each| each.name == id_or_name))
        .filter(|each| each.is_public || actor.is_admin())
        .cloned()
        .ok_or_else(|| no_type(id_or_name))
}

fn check_type_name(cloud: &Cloud, name: &str, but: Option<GroupTypeId>) -> Result<()> {
    let mut others = cloud.group_types.iter().filter(|each| Some(each.id) != but);
    if others.any(|each| each.name == name) {
        return Err(Error::conflict(
            "GroupTypeExists",
            format!("Group Type {name} already exists."),
        ));
    }
    Ok(())
}

/// Makes a group type.
///
/// # Errors
/// `GroupTypeExists`.
pub fn create_type(
    tx: &mut Tx<'_>,
    name: String,
    description: Option<String>,
    is_public: bool,
    group_specs: BTreeMap<String, String>,
) -> Result<Arc<GroupType>> {
    check_type_name(tx.cloud(), &name, None)?;
    let group_type = GroupType {
        id: tx.new_id(),
        name,
        description,
        is_public,
        group_specs,
        created_at: tx.now(),
    };
    Ok(tx.put(group_type))
}

/// Changes a group type.
///
/// # Errors
/// `GroupTypeNotFound`, `GroupTypeExists`; what `change` says.
pub fn edit_type(
    tx: &mut Tx<'_>,
    id: GroupTypeId,
    change: impl FnOnce(&mut GroupType) -> Result<()>,
) -> Result<Arc<GroupType>> {
    let mut group_type = GroupType::clone(&*tx.get::<GroupType>(&id)?);
    change(&mut group_type)?;
    check_type_name(tx.cloud(), &group_type.name, Some(id))?;
    Ok(tx.put(group_type))
}

/// Deletes a group type.
///
/// # Errors
/// `GroupTypeNotFound`; `GroupTypeInUse` (400) while groups are of it.
pub fn delete_type(tx: &mut Tx<'_>, id: GroupTypeId) -> Result<()> {
    tx.get::<GroupType>(&id)?;
    if tx.cloud().volume_groups.iter().any(|group| group.group_type_id == id) {
        return Err(Error::invalid(
            "GroupTypeInUse",
            format!("Target group type is still in use: {id}. Delete its groups first."),
        ));
    }
    tx.delete::<GroupType>(&id);
    Ok(())
}

/// A group of volumes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VolumeGroup {
    /// Its id.
    pub id: VolumeGroupId,
    /// Its name.
    pub name: Option<String>,
    /// Free text.
    pub description: Option<String>,
    /// The project.
    pub project_id: ProjectId,
    /// Who made it.
    pub user_id: UserId,
    /// Its type.
    pub group_type_id: GroupTypeId,
    /// Of which types its volumes may be.
    pub volume_types: Vec<VolumeTypeId>,
    /// Its zone.
    pub availability_zone: String,
    /// The host that holds its volumes.
    pub host: HostId,
    /// What it is, or what is being done to it.
    pub status: GroupStatus,
    /// The snapshot that it was made from.
    #[serde(default)]
    pub group_snapshot_id: Option<GroupSnapshotId>,
    /// The group that it was made from.
    #[serde(default)]
    pub source_group_id: Option<VolumeGroupId>,
    /// When it was asked for.
    pub created_at: Timestamp,
}

impl Row for VolumeGroup {
    type Id = VolumeGroupId;
    const KIND: &'static str = "volume_group";
    crate::table!(VolumeGroup, volume_groups);
    fn id(&self) -> VolumeGroupId {
        self.id
    }
    fn not_found(id: &VolumeGroupId) -> Error {
        Error::not_found("GroupNotFound", format!("Group {id} could not be found."))
    }
    fn project(&self) -> Option<&ProjectId> {
        Some(&self.project_id)
    }
    fn index(&self, _lookups: &mut Lookups, _present: bool) {}
}

/// Cinder's `InvalidGroup`.
pub(super) fn invalid_group(reason: impl std::fmt::Display) -> Error {
    Error::invalid("InvalidGroup", format!("Invalid Group: {reason}"))
}

/// The group, if the caller may see it.
///
/// # Errors
/// `GroupNotFound`, the same for one that is another project's.
pub fn get_visible(cloud: &Cloud, actor: &Actor, id: VolumeGroupId) -> Result<Arc<VolumeGroup>> {
    cloud
        .find::<VolumeGroup>(&id)
        .filter(|group| actor.can_see(&group.project_id))
        .cloned()
        .ok_or_else(|| VolumeGroup::not_found(&id))
}

/// The volumes of a group, oldest first.
pub fn volumes(cloud: &Cloud, id: VolumeGroupId) -> Vec<Arc<Volume>> {
    let ids = cloud.lookups.volumes_by_group.of(&id);
    let mut all: Vec<_> = ids.filter_map(|id| cloud.volumes.get(id).cloned()).collect();
    all.sort_by_key(|volume| (volume.created_at, volume.id));
    all
}

/// What a new group is asked to be.
#[derive(Debug, Clone)]
pub struct NewGroup {
    /// Its name.
    pub name: Option<String>,
    /// Free text.
    pub description: Option<String>,
    /// A group type's id or name.
    pub group_type: String,
    /// Ids or names of volume types.
    pub volume_types: Vec<String>,
}

fn check_quota(cloud: &Cloud, project: &ProjectId) -> Result<()> {
    let limit = limit(cloud, project, "groups");
    if allows(limit, cloud.count::<VolumeGroup>(project), 1) {
        return Ok(());
    }
    Err(Error::over_limit(
        "GroupLimitExceeded",
        format!("Maximum number of groups allowed ({limit}) exceeded."),
    ))
}

fn own_project(actor: &Actor) -> Result<ProjectId> {
    actor
        .project_id()
        .cloned()
        .ok_or_else(|| Error::forbidden("Forbidden", "A group needs a project: use a token scoped to one."))
}

/// Makes an empty group.
///
/// # Errors
/// Unknown types (404, 400), the quota (413).
pub fn create_empty(tx: &mut Tx<'_>, actor: &Actor, new: NewGroup, place: &Place) -> Result<Arc<VolumeGroup>> {
    let project_id = own_project(actor)?;
    let group_type = find_type(tx.cloud(), actor, &new.group_type)?;
    let mut volume_types = Vec::new();
    for wanted in &new.volume_types {
        let found = types::find(tx.cloud(), actor, wanted).map_err(|_| {
            Error::invalid(
                "InvalidInput",
                format!("Invalid input received: Invalid volume type {wanted}."),
            )
        })?;
        if !volume_types.contains(&found.id) {
            volume_types.push(found.id);
        }
    }
    check_quota(tx.cloud(), &project_id)?;
    // Cinder's scheduler finds no place for what no host can do, and says so by the status.
    let is_consistent = group_type
        .group_specs
        .get(CONSISTENT.0)
        .is_some_and(|value| value == CONSISTENT.1);
    let group = VolumeGroup {
        id: tx.new_id(),
        name: new.name,
        description: new.description,
        project_id,
        user_id: actor.user_id.clone(),
        group_type_id: group_type.id,
        volume_types,
        availability_zone: place.zone.clone(),
        host: place.host.clone(),
        status: if is_consistent {
            GroupStatus::Error
        } else {
            GroupStatus::Available
        },
        group_snapshot_id: None,
        source_group_id: None,
        created_at: tx.now(),
    };
    Ok(tx.put(group))
}

/// What a group is made from.
#[derive(Debug, Clone, Copy)]
pub enum GroupSource {
    /// A snapshot of a group.
    Snapshot(GroupSnapshotId),
    /// Another group as it is now.
    Group(VolumeGroupId),
}

/// Makes a group with a copy of every volume of another, or of another's snapshot.
///
/// # Errors
/// An unknown or empty source, one in another state, quotas (413).
pub fn create_from(
    tx: &mut Tx<'_>,
    actor: &Actor,
    name: Option<String>,
    description: Option<String>,
    source: GroupSource,
    request_id: &str,
) -> Result<Arc<VolumeGroup>> {
    let project_id = own_project(actor)?;
    let (origin, wishes) = read_source(tx.cloud(), actor, source)?;
    if wishes.is_empty() {
        return Err(invalid_group("the source has no volumes: no group is created from it."));
    }
    check_quota(tx.cloud(), &project_id)?;
    let group = VolumeGroup {
        id: tx.new_id(),
        name,
        description,
        project_id,
        user_id: actor.user_id.clone(),
        status: GroupStatus::Creating,
        group_snapshot_id: match source {
            GroupSource::Snapshot(id) => Some(id),
            GroupSource::Group(_) => None,
        },
        source_group_id: match source {
            GroupSource::Group(id) => Some(id),
            GroupSource::Snapshot(_) => None,
        },
        created_at: tx.now(),
        ..VolumeGroup::clone(&origin)
    };
    let group = tx.put(group);
    let place = Place {
        host: group.host.clone(),
        zone: group.availability_zone.clone(),
    };
    for (wish, volume_type) in wishes {
        let new = NewVolume {
            name: None,
            description: None,
            size_gib: None,
            source: wish,
            volume_type: Some(volume_type.to_string()),
            metadata: BTreeMap::new(),
            multiattach: false,
            group_id: Some(group.id),
            request_id: request_id.to_owned(),
        };
        create(tx, actor, &new, &place)?;
    }
    settle(tx, group.id)?;
    Ok(group)
}

type Wishes = Vec<(SourceWish, VolumeTypeId)>;

fn read_source(cloud: &Cloud, actor: &Actor, source: GroupSource) -> Result<(Arc<VolumeGroup>, Wishes)> {
    match source {
        GroupSource::Group(id) => {
            let group = get_visible(cloud, actor, id)?;
            check_available(&group, "copied")?;
            let all = volumes(cloud, id);
            let wishes = all
                .iter()
                .map(|each| (SourceWish::Volume(each.id), each.type_id))
                .collect();
            Ok((group, wishes))
        }
        GroupSource::Snapshot(id) => {
            let snapshot = group_snapshot::get_visible(cloud, actor, id)?;
            if snapshot.status != GroupStatus::Available {
                return Err(group_snapshot::invalid(format!(
                    "group snapshot {id} is {}: its status must be available.",
                    snapshot.status.as_str()
                )));
            }
            let group = cloud.get::<VolumeGroup>(&snapshot.group_id)?;
            let members = group_snapshot::snapshots(cloud, id);
            let wishes = members
                .iter()
                .filter_map(|each| {
                    let volume = cloud.volumes.get(&each.volume_id)?;
                    Some((SourceWish::Snapshot(each.id), volume.type_id))
                })
                .collect();
            Ok((group, wishes))
        }
    }
}

pub(super) fn check_available(group: &VolumeGroup, action: &str) -> Result<()> {
    if group.status == GroupStatus::Available {
        return Ok(());
    }
    Err(invalid_group(format!(
        "group {} is {} and can't be {action}: its status must be available.",
        group.id,
        group.status.as_str()
    )))
}

/// Whether a new volume may come into a group.
///
/// # Errors
/// `GroupNotFound`; a type that is not among the group's (400).
pub(super) fn check_new_member(
    cloud: &Cloud,
    actor: &Actor,
    id: VolumeGroupId,
    is_type_named: bool,
    of_type: VolumeTypeId,
) -> Result<()> {
    let group = get_visible(cloud, actor, id)?;
    if group.status == GroupStatus::Deleting {
        return Err(invalid_group(format!("group {id} is being deleted.")));
    }
    if !is_type_named {
        return Err(Error::invalid(
            "InvalidInput",
            "Invalid input received: volume_type must be provided when creating a volume in a group.",
        ));
    }
    check_type(&group, of_type)
}

fn check_type(group: &VolumeGroup, of_type: VolumeTypeId) -> Result<()> {
    if group.volume_types.contains(&of_type) {
        return Ok(());
    }
    Err(Error::invalid(
        "InvalidVolumeType",
        format!(
            "Invalid volume type: group {} has no volumes of type {of_type}: {:?} are its types.",
            group.id, group.volume_types
        ),
    ))
}

/// Changes to a group.
#[derive(Debug, Clone, Default)]
pub struct GroupEdit {
    /// A new name.
    pub name: Option<Option<String>>,
    /// A new description.
    pub description: Option<Option<String>>,
    /// Volumes that enter it.
    pub add: Vec<VolumeId>,
    /// Volumes that leave it.
    pub remove: Vec<VolumeId>,
}

/// Changes a group's words and members, all or nothing.
///
/// # Errors
/// `GroupNotFound`, `InvalidGroup` in another state, `InvalidVolume` for a volume that can't enter or is not in it.
pub fn update(tx: &mut Tx<'_>, actor: &Actor, id: VolumeGroupId, edit: GroupEdit) -> Result<Arc<VolumeGroup>> {
    let group = get_visible(tx.cloud(), actor, id)?;
    check_available(&group, "changed")?;
    if let Some(both) = edit.add.iter().find(|volume| edit.remove.contains(volume)) {
        return Err(super::invalid_volume(format!(
            "volume {both} is to enter and to leave the group."
        )));
    }
    for volume in edit.remove {
        let found = rules::get_visible(tx.cloud(), actor, volume).ok();
        if found.is_none_or(|found| found.group_id != Some(id)) {
            return Err(super::invalid_volume(format!(
                "cannot remove volume {volume} from group {id}: it is not in the group."
            )));
        }
        tx.update::<Volume>(&volume, |volume| volume.group_id = None)?;
    }
    for volume in edit.add {
        let found = rules::get_visible(tx.cloud(), actor, volume)?;
        if let Some(other) = found.group_id.filter(|other| *other != id) {
            return Err(super::invalid_volume(format!(
                "volume {volume} is in group {other} already."
            )));
        }
        check_type(&group, found.type_id)?;
        let may = matches!(found.status, VolumeStatus::Available | VolumeStatus::InUse);
        if !may || found.project_id != group.project_id {
            return Err(super::wrong_state(
                volume,
                found.status,
                "added to a group",
                "available or in-use, and its project the group's",
            ));
        }
        tx.update::<Volume>(&volume, |volume| volume.group_id = Some(id))?;
    }
    tx.update::<VolumeGroup>(&id, |group| {
        group.name = edit.name.unwrap_or_else(|| group.name.take());
        group.description = edit.description.unwrap_or_else(|| group.description.take());
    })
}

/// Begins a group's deletion; with `delete_volumes` its volumes go along.
///
/// # Errors
/// `InvalidGroup` in another state, with volumes that may not go, or with snapshots; what a volume's deletion is denied by.
pub fn delete(tx: &mut Tx<'_>, actor: &Actor, id: VolumeGroupId, delete_volumes: bool) -> Result<()> {
    let group = get_visible(tx.cloud(), actor, id)?;
    if !matches!(group.status, GroupStatus::Available | GroupStatus::Error) {
        return Err(invalid_group(format!(
            "group {id} is {}: it must be available or error to be deleted.",
            group.status.as_str()
        )));
    }
    if tx.cloud().lookups.group_snapshots_by_group.count(&id) > 0 {
        return Err(invalid_group(format!("group {id} has snapshots: delete them first.")));
    }
    let members = volumes(tx.cloud(), id);
    if !members.is_empty() && !delete_volumes {
        return Err(invalid_group(format!(
            "group {id} has {} volumes: take them out, or delete it with 'delete-volumes'.",
            members.len()
        )));
    }
    let how = Deletion {
        cascade: false,
        force: false,
    };
    for volume in &members {
        rules::begin_deletion(tx, volume, how)?;
    }
    tx.update::<VolumeGroup>(&id, |group| group.status = GroupStatus::Deleting)?;
    settle(tx, id)
}

/// Sets a group's state by hand (`reset_status`).
///
/// # Errors
/// `GroupNotFound`.
pub fn reset_status(tx: &mut Tx<'_>, actor: &Actor, id: VolumeGroupId, status: GroupStatus) -> Result<()> {
    get_visible(tx.cloud(), actor, id)?;
    tx.update::<VolumeGroup>(&id, |group| group.status = status).map(drop)
}

/// Brings a group that waits for its volumes in line with them.
pub(crate) fn settle(tx: &mut Tx<'_>, id: VolumeGroupId) -> Result<()> {
    let Some(group) = tx.cloud().find::<VolumeGroup>(&id).cloned() else {
        return Ok(());
    };
    let members = volumes(tx.cloud(), id);
    let status = match group.status {
        GroupStatus::Deleting if members.is_empty() => {
            tx.delete::<VolumeGroup>(&id);
            return Ok(());
        }
        GroupStatus::Creating if members.iter().any(|each| each.status == VolumeStatus::Error) => GroupStatus::Error,
        GroupStatus::Creating if !members.is_empty() && members.iter().all(|each| each.is_made) => {
            GroupStatus::Available
        }
        _ => return Ok(()),
    };
    tx.update::<VolumeGroup>(&id, |group| group.status = status).map(drop)
}

/// Whether a group's snapshot may be taken; gives its volumes.
pub(super) fn snapshot_members(cloud: &Cloud, group: &VolumeGroup) -> Result<Vec<Arc<Volume>>> {
    check_available(group, "snapshotted")?;
    let members = volumes(cloud, group.id);
    if members.is_empty() {
        return Err(invalid_group(format!("group {} has no volumes to snapshot.", group.id)));
    }
    Ok(members)
}
