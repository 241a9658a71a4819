//! Nova's quotas: what a project uses and whether more fits.

use std::collections::BTreeMap;

use super::{Server, ServerFlavor, ServerGroup};
use crate::quota::{Quota, allows, limit};
use crate::{Cloud, Error, ProjectId, Result, Tx};

/// What a project's servers take.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Servers.
    pub instances: u64,
    /// Virtual CPUs.
    pub cores: u64,
    /// Memory, MiB.
    pub ram_mib: u64,
}

impl Usage {
    /// Of a project: every server that it has, whatever its state.
    pub fn of_project(cloud: &Cloud, project: &ProjectId) -> Self {
        let servers = cloud.lookups.servers_by_project.of(project);
        servers
            .filter_map(|id| cloud.servers.get(id))
            .fold(Self::default(), |sum, server| sum.plus(server))
    }

    fn plus(self, server: &Server) -> Self {
        Self {
            instances: self.instances + 1,
            cores: self.cores + u64::from(server.flavor.vcpus),
            ram_mib: self.ram_mib + server.flavor.memory_mib,
        }
    }
}

/// How many servers of `min..=max` may be made.
///
/// # Errors
/// `TooManyInstances` when not even `min` fit, with the figures.
pub fn allowed_servers(
    cloud: &Cloud,
    project: &ProjectId,
    flavor: &ServerFlavor,
    min_count: u64,
    max_count: u64,
) -> Result<u64> {
    let usage = Usage::of_project(cloud, project);
    let resources = [
        ("cores", usage.cores, u64::from(flavor.vcpus)),
        ("instances", usage.instances, 1),
        ("ram", usage.ram_mib, flavor.memory_mib),
    ];
    let fits = |count: u64| {
        resources
            .iter()
            .all(|(name, used, each)| allows(limit(cloud, project, name), *used, each.saturating_mul(count)))
    };
    if let Some(count) = (min_count..=max_count).rev().find(|count| fits(*count)) {
        return Ok(count);
    }
    let over = resources
        .iter()
        .filter(|(name, used, each)| !allows(limit(cloud, project, name), *used, each.saturating_mul(max_count)));
    let mut names = Vec::new();
    let (mut asked, mut in_use, mut allowed) = (Vec::new(), Vec::new(), Vec::new());
    for (name, used, each) in over {
        names.push((*name).to_owned());
        asked.push(match *name {
            "instances" if min_count != max_count => format!("{min_count}-{max_count}"),
            _ => each.saturating_mul(max_count).to_string(),
        });
        in_use.push(used.to_string());
        allowed.push(limit(cloud, project, name).to_string());
    }
    let names = names.join(", ");
    Err(Error::over_quota(
        "TooManyInstances",
        format!(
            "Quota exceeded for {names}: Requested {}, but already used {} of {} {names}",
            asked.join(", "),
            in_use.join(", "),
            allowed.join(", "),
        ),
    ))
}

/// Whether a server of this project may change its size.
///
/// # Errors
/// `TooManyInstances` with the figures.
pub fn check_resize(cloud: &Cloud, project: &ProjectId, old: &ServerFlavor, new: &ServerFlavor) -> Result<()> {
    let usage = Usage::of_project(cloud, project);
    let cores = u64::from(new.vcpus).saturating_sub(u64::from(old.vcpus));
    let ram = new.memory_mib.saturating_sub(old.memory_mib);
    for (name, used, more) in [("cores", usage.cores, cores), ("ram", usage.ram_mib, ram)] {
        let limit = limit(cloud, project, name);
        if more > 0 && !allows(limit, used, more) {
            return Err(Error::over_quota(
                "TooManyInstances",
                format!("Quota exceeded for {name}: Requested {more}, but already used {used} of {limit} {name}"),
            ));
        }
    }
    Ok(())
}

/// Whether a server may have so many metadata items.
///
/// # Errors
/// `MetadataLimitExceeded`.
pub fn check_metadata_items(cloud: &Cloud, project: &ProjectId, count: usize) -> Result<()> {
    let limit = limit(cloud, project, "metadata_items");
    if allows(limit, 0, count as u64) {
        return Ok(());
    }
    Err(Error::over_quota(
        "MetadataLimitExceeded",
        format!("Maximum number of metadata items exceeds {limit}"),
    ))
}

/// Whether so many files of such sizes may be injected. `files`: path and length of the decoded content.
///
/// # Errors
/// `OnsetFileLimitExceeded` and its kin.
pub fn check_injected_files(cloud: &Cloud, project: &ProjectId, files: &[(String, usize)]) -> Result<()> {
    let limit = |name| limit(cloud, project, name);
    if !allows(limit("injected_files"), 0, files.len() as u64) {
        return Err(Error::over_quota(
            "OnsetFileLimitExceeded",
            "Personality file limit exceeded",
        ));
    }
    let longest_path = files.iter().map(|(path, _)| path.len()).max().unwrap_or(0) as u64;
    if !allows(limit("injected_file_path_bytes"), 0, longest_path) {
        return Err(Error::over_quota(
            "OnsetFilePathLimitExceeded",
            format!(
                "Personality file path exceeds maximum {}",
                limit("injected_file_path_bytes")
            ),
        ));
    }
    let largest = files.iter().map(|(_, length)| *length).max().unwrap_or(0) as u64;
    if !allows(limit("injected_file_content_bytes"), 0, largest) {
        return Err(Error::over_quota(
            "OnsetFileContentLimitExceeded",
            format!(
                "Personality file content exceeds maximum {}",
                limit("injected_file_content_bytes")
            ),
        ));
    }
    Ok(())
}

/// A name of a quota set, by the microversions that have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resource {
    /// Nova's own.
    Nova(&'static str),
    /// Kept by Nova up to 2.35, without effect: Neutron holds the network's quotas.
    Network(&'static str),
    /// Of files to inject, up to 2.56.
    InjectedFile(&'static str),
}

impl Resource {
    /// Its name in bodies and in [`crate::quota::Quota`].
    pub fn name(&self) -> &'static str {
        match self {
            Self::Nova(name) | Self::Network(name) | Self::InjectedFile(name) => name,
        }
    }
}

/// Every name of a quota set.
pub const RESOURCES: &[Resource] = &[
    Resource::Nova("instances"),
    Resource::Nova("cores"),
    Resource::Nova("ram"),
    Resource::Nova("key_pairs"),
    Resource::Nova("metadata_items"),
    Resource::Nova("server_groups"),
    Resource::Nova("server_group_members"),
    Resource::Network("floating_ips"),
    Resource::Network("fixed_ips"),
    Resource::Network("security_groups"),
    Resource::Network("security_group_rules"),
    Resource::InjectedFile("injected_files"),
    Resource::InjectedFile("injected_file_content_bytes"),
    Resource::InjectedFile("injected_file_path_bytes"),
];

/// The limit of a project that has none of its own.
pub fn default_limit(cloud: &Cloud, name: &str) -> i64 {
    crate::quota::own_limit(cloud, &crate::quota::class("default"), name)
}

/// How much of a resource a project has; 0 for what is counted per server or user.
pub fn in_use(cloud: &Cloud, project: &ProjectId, name: &str) -> u64 {
    let usage = Usage::of_project(cloud, project);
    match name {
        "instances" => usage.instances,
        "cores" => usage.cores,
        "ram" => usage.ram_mib,
        "server_groups" => cloud.count::<ServerGroup>(project),
        _ => 0,
    }
}

/// Sets limits of a project.
///
/// # Errors
/// A limit below what is in use, unless it is forced.
pub fn set(tx: &mut Tx<'_>, project: &ProjectId, limits: BTreeMap<String, i64>, is_forced: bool) -> Result<()> {
    for (name, limit) in &limits {
        let used = in_use(tx.cloud(), project, name);
        if !is_forced && !allows(*limit, used, 0) {
            return Err(Error::invalid(
                "HTTPBadRequest",
                format!(
                    "Quota limit {limit} for {name} must be greater than or equal to already used and reserved {used}."
                ),
            ));
        }
    }
    let mut quota = own(tx.cloud(), project);
    quota.limits.extend(limits);
    tx.put(quota);
    Ok(())
}

/// Gives a project the default limits again.
pub fn reset(tx: &mut Tx<'_>, project: &ProjectId) {
    let mut quota = own(tx.cloud(), project);
    quota
        .limits
        .retain(|name, _| !RESOURCES.iter().any(|resource| resource.name() == name));
    if quota.limits.is_empty() {
        tx.delete::<Quota>(project);
    } else {
        tx.put(quota);
    }
}

/// A project's own limits, of whatever service.
fn own(cloud: &Cloud, project: &ProjectId) -> Quota {
    cloud.find::<Quota>(project).map_or_else(
        || Quota {
            project_id: project.clone(),
            limits: BTreeMap::new(),
        },
        |quota| Quota::clone(quota),
    )
}
