//! Nova's quotas: what a project uses and whether more fits.

use super::{Server, ServerFlavor};
use crate::quota::{allows, limit};
use crate::{Cloud, Error, ProjectId, Result};

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
