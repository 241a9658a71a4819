//! Quotas: how much of a resource a project may have.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::cloud::Row;
use crate::{Error, ProjectId};

/// Default limits as DevStack has them, by resource name; -1 means no limit.
pub const DEFAULTS: &[(&str, i64)] = &[
    // Nova
    ("instances", 10),
    ("cores", 20),
    ("ram", 51_200),
    ("key_pairs", 100),
    ("metadata_items", 128),
    ("injected_files", 5),
    ("injected_file_content_bytes", 10_240),
    ("injected_file_path_bytes", 255),
    ("server_groups", 10),
    ("server_group_members", 10),
    // Neutron
    ("network", 100),
    ("subnet", 100),
    ("subnetpool", -1),
    ("port", 500),
    ("router", 10),
    ("floatingip", 50),
    ("security_group", 10),
    ("security_group_rule", 100),
    ("rbac_policy", 10),
    ("trunk", -1),
    // Glance; the size in MiB, without a limit because the disk has one
    ("image_count_total", 100),
    ("image_count_uploading", 100),
    ("image_size_total", -1),
    // Cinder; sizes in GiB
    ("volumes", 10),
    ("snapshots", 10),
    ("gigabytes", 1000),
    ("per_volume_gigabytes", -1),
    ("backups", 10),
    ("backup_gigabytes", 1000),
    ("groups", 10),
];

/// The limits of one project that differ from [`DEFAULTS`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quota {
    /// The project.
    pub project_id: ProjectId,
    /// Limits by resource name.
    pub limits: BTreeMap<String, i64>,
}

impl Row for Quota {
    type Id = ProjectId;
    const KIND: &'static str = "quota";
    crate::table!(Quota, quotas);

    fn id(&self) -> ProjectId {
        self.project_id.clone()
    }

    fn not_found(id: &ProjectId) -> Error {
        Error::not_found(
            "TenantQuotaNotFound",
            format!("Quota for tenant {id} could not be found."),
        )
    }
}

/// Where the limits of a quota class are kept: under a name that no project has.
pub fn class(name: &str) -> ProjectId {
    ProjectId::from(format!("{CLASS}{name}"))
}

/// Whether it is where the limits of a class are kept, and no project.
pub fn is_class(holder: &ProjectId) -> bool {
    holder.as_str().starts_with(CLASS)
}

/// How the names of [`class`] begin.
const CLASS: &str = "class:";

/// The unified limit (Keystone's) that holds for a project: its own, or the registered one for everybody. `None`: nobody
/// registered one for this resource. Image quotas go by it where it is there, as with Glance's `use_keystone_limits`.
pub fn unified_limit(cloud: &crate::Cloud, project: &ProjectId, resource: &str) -> Option<i64> {
    let registered = cloud
        .registered_limits
        .iter()
        .find(|row| row.resource_name == resource)?;
    let mut own = cloud.limits.iter();
    let own = own.find(|row| {
        row.project_id.as_ref() == Some(project)
            && row.resource_name == resource
            && row.service_id == registered.service_id
    });
    Some(own.map_or(registered.default_limit, |row| row.resource_limit))
}

/// The limit that holds for a project; -1 means none.
pub fn limit(cloud: &crate::Cloud, project: &ProjectId, resource: &str) -> i64 {
    set_limit(cloud, project, resource).unwrap_or_else(|| own_limit(cloud, &class("default"), resource))
}

/// The limit of a class, be it the one that everybody starts with; -1 means none.
pub fn own_limit(cloud: &crate::Cloud, class: &ProjectId, resource: &str) -> i64 {
    set_limit(cloud, class, resource).unwrap_or_else(|| {
        let first = DEFAULTS.iter().find(|(name, _)| *name == resource);
        first.map_or(-1, |(_, limit)| *limit)
    })
}

fn set_limit(cloud: &crate::Cloud, holder: &ProjectId, resource: &str) -> Option<i64> {
    cloud.quotas.get(holder)?.limits.get(resource).copied()
}

/// Whether `wanted` more fit beside `used` under a limit.
pub fn allows(limit: i64, used: u64, wanted: u64) -> bool {
    limit < 0 || used.saturating_add(wanted) <= limit as u64
}
