//! Cinder's quotas: what a project's volumes and snapshots take, altogether and by type.

use std::collections::BTreeMap;

use super::{Volume, VolumeSnapshot, VolumeType};
use crate::quota::{Quota, allows, limit, own_limit};
use crate::{Cloud, Error, ProjectId, Result, Tx};

/// Names of a quota set besides those of types.
pub const RESOURCES: [&str; 7] = [
    "volumes",
    "snapshots",
    "gigabytes",
    "per_volume_gigabytes",
    "backups",
    "backup_gigabytes",
    "groups",
];

/// What a project takes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Volumes.
    pub volumes: u64,
    /// Snapshots.
    pub snapshots: u64,
    /// Size of both, GiB.
    pub gigabytes: u64,
    /// Size of the volumes alone, GiB.
    pub volume_gigabytes: u64,
}

impl Usage {
    /// Of a project, of all types or of one.
    pub fn of_project(cloud: &Cloud, project: &ProjectId, of_type: Option<&VolumeType>) -> Self {
        let volumes = cloud
            .lookups
            .volumes_by_project
            .of(project)
            .filter_map(|id| cloud.volumes.get(id));
        let snapshots = cloud
            .lookups
            .snapshots_by_project
            .of(project)
            .filter_map(|id| cloud.volume_snapshots.get(id));
        let is_counted = |volume: &Volume| of_type.is_none_or(|wanted| wanted.id == volume.type_id);
        let mut usage = Self::default();
        for volume in volumes.filter(|volume| is_counted(volume)) {
            usage.volumes += 1;
            usage.volume_gigabytes += volume.size_gib;
        }
        usage.gigabytes = usage.volume_gigabytes;
        for snapshot in snapshots {
            if cloud
                .volumes
                .get(&snapshot.volume_id)
                .is_some_and(|volume| is_counted(volume))
            {
                usage.snapshots += 1;
                usage.gigabytes += snapshot.size_gib;
            }
        }
        usage
    }

    fn of(&self, resource: &str) -> u64 {
        match resource {
            "volumes" => self.volumes,
            "snapshots" => self.snapshots,
            "gigabytes" => self.gigabytes,
            _ => 0,
        }
    }
}

/// The names of a cloud's quota sets: the fixed ones, and three for every type.
pub fn names(cloud: &Cloud) -> Vec<String> {
    let fixed = RESOURCES.iter().map(|name| (*name).to_owned());
    let of_types = cloud
        .volume_types
        .iter()
        .flat_map(|each| ["volumes", "gigabytes", "snapshots"].map(|name| format!("{name}_{}", each.name)));
    fixed.chain(of_types).collect()
}

/// How much of a resource a project uses.
pub fn in_use(cloud: &Cloud, project: &ProjectId, name: &str) -> u64 {
    let split = ["volumes_", "gigabytes_", "snapshots_"].into_iter().find_map(|prefix| {
        let type_name = name.strip_prefix(prefix)?;
        let found = cloud.volume_types.iter().find(|each| each.name == type_name)?;
        Some((prefix.trim_end_matches('_'), found))
    });
    match split {
        Some((resource, of_type)) => Usage::of_project(cloud, project, Some(of_type)).of(resource),
        None if name == "groups" => cloud.count::<super::VolumeGroup>(project),
        None => super::backup::in_use(cloud, project, name)
            .unwrap_or_else(|| Usage::of_project(cloud, project, None).of(name)),
    }
}

/// The limit of a project without its own.
pub fn default_limit(cloud: &Cloud, name: &str) -> i64 {
    own_limit(cloud, &crate::quota::class("default"), name)
}

/// Whether more volumes of a type fit.
///
/// # Errors
/// `VolumeLimitExceeded` and `VolumeSizeExceedsAvailableQuota` (413), with the figures.
pub fn check(cloud: &Cloud, project: &ProjectId, of_type: &VolumeType, volumes: u64, gib: u64) -> Result<()> {
    let usage = Usage::of_project(cloud, project, None);
    check_volumes(limit(cloud, project, "volumes"), usage.volumes, volumes, "volumes")?;
    check_size(limit(cloud, project, "gigabytes"), usage.gigabytes, gib, "gigabytes")?;
    check_type(cloud, project, of_type, volumes, gib)
}

/// Whether more volumes fit under the limits of their type.
///
/// # Errors
/// As [`check`].
pub fn check_type(cloud: &Cloud, project: &ProjectId, of_type: &VolumeType, volumes: u64, gib: u64) -> Result<()> {
    let (volumes_name, size_name) = (
        format!("volumes_{}", of_type.name),
        format!("gigabytes_{}", of_type.name),
    );
    let (volume_limit, size_limit) = (limit(cloud, project, &volumes_name), limit(cloud, project, &size_name));
    if volume_limit < 0 && size_limit < 0 {
        return Ok(());
    }
    let usage = Usage::of_project(cloud, project, Some(of_type));
    check_volumes(volume_limit, usage.volumes, volumes, &volumes_name)?;
    check_size(size_limit, usage.gigabytes, gib, &size_name)
}

/// Whether one volume may be so large.
///
/// # Errors
/// `VolumeSizeExceedsLimit`.
pub fn check_one(cloud: &Cloud, project: &ProjectId, gib: u64) -> Result<()> {
    let limit = limit(cloud, project, "per_volume_gigabytes");
    if allows(limit, 0, gib) {
        return Ok(());
    }
    Err(Error::over_limit(
        "VolumeSizeExceedsLimit",
        format!("Requested volume size {gib}G is larger than maximum allowed limit {limit}G."),
    ))
}

/// Whether another snapshot fits.
///
/// # Errors
/// `SnapshotLimitExceeded`, `VolumeSizeExceedsAvailableQuota` (413).
pub fn check_snapshot(cloud: &Cloud, project: &ProjectId, of_type: &VolumeType, gib: u64) -> Result<()> {
    let all = Usage::of_project(cloud, project, None);
    let typed = Usage::of_project(cloud, project, Some(of_type));
    let typed_name = |name: &str| format!("{name}_{}", of_type.name);
    for (name, used) in [
        ("snapshots".to_owned(), all.snapshots),
        (typed_name("snapshots"), typed.snapshots),
    ] {
        let limit = limit(cloud, project, &name);
        if !allows(limit, used, 1) {
            return Err(Error::over_limit(
                "SnapshotLimitExceeded",
                format!("Maximum number of snapshots allowed ({limit}) exceeded for quota '{name}'."),
            ));
        }
    }
    check_size(limit(cloud, project, "gigabytes"), all.gigabytes, gib, "gigabytes")?;
    let name = typed_name("gigabytes");
    check_size(limit(cloud, project, &name), typed.gigabytes, gib, &name)
}

fn check_volumes(limit: i64, used: u64, wanted: u64, name: &str) -> Result<()> {
    if wanted == 0 || allows(limit, used, wanted) {
        return Ok(());
    }
    Err(Error::over_limit(
        "VolumeLimitExceeded",
        format!("Maximum number of volumes allowed ({limit}) exceeded for quota '{name}'."),
    ))
}

fn check_size(limit: i64, used: u64, wanted: u64, name: &str) -> Result<()> {
    if allows(limit, used, wanted) {
        return Ok(());
    }
    Err(Error::over_limit(
        "VolumeSizeExceedsAvailableQuota",
        format!(
            "Requested volume or snapshot exceeds allowed {name} quota. Requested {wanted}G, quota is {limit}G and {used}G \
             has been consumed."
        ),
    ))
}

/// Sets limits of a project or class.
pub fn set(tx: &mut Tx<'_>, holder: &ProjectId, limits: BTreeMap<String, i64>) {
    let mut quota = own(tx.cloud(), holder);
    quota.limits.extend(limits);
    tx.put(quota);
}

/// Gives a project the default limits again, of Cinder's resources alone.
pub fn reset(tx: &mut Tx<'_>, project: &ProjectId) {
    let mut quota = own(tx.cloud(), project);
    let ours = names(tx.cloud());
    quota.limits.retain(|name, _| !ours.contains(name));
    if quota.limits.is_empty() {
        tx.delete::<Quota>(project);
    } else {
        tx.put(quota);
    }
}

fn own(cloud: &Cloud, holder: &ProjectId) -> Quota {
    cloud.find::<Quota>(holder).map_or_else(
        || Quota {
            project_id: holder.clone(),
            limits: BTreeMap::new(),
        },
        |quota| Quota::clone(quota),
    )
}

/// Snapshots and volumes of a project, for limits.
pub fn counts(cloud: &Cloud, project: &ProjectId) -> (u64, u64) {
    (cloud.count::<Volume>(project), cloud.count::<VolumeSnapshot>(project))
}
