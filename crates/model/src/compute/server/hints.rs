//! Scheduler hints that are enforced: `group`, `same_host`, `different_host`.

use serde_json::{Map, Value};

use crate::compute::server_group::{self, GroupPolicy, ServerGroup};
use crate::{Cloud, Error, HostId, ProjectId, Result, ServerGroupId, ServerId};

/// What the hints ask for, looked up.
#[derive(Debug, Clone, Default)]
pub(super) struct Affinity {
    pub(super) group_id: Option<ServerGroupId>,
    same_host: Vec<ServerId>,
    different_host: Vec<ServerId>,
}

pub(super) fn look_up(cloud: &Cloud, project: &ProjectId, hints: &Map<String, Value>) -> Result<Affinity> {
    let group_id = match hints.get("group") {
        None | Some(Value::Null) => None,
        Some(value) => Some(find_group(cloud, project, value)?),
    };
    Ok(Affinity {
        group_id,
        same_host: servers(hints, "same_host")?,
        different_host: servers(hints, "different_host")?,
    })
}

fn find_group(cloud: &Cloud, project: &ProjectId, value: &Value) -> Result<ServerGroupId> {
    let text = value.as_str().unwrap_or_default();
    let not_found = || {
        Error::invalid(
            "InstanceGroupNotFound",
            format!("Instance group {text} could not be found."),
        )
    };
    let id: ServerGroupId = text.parse().map_err(|_| not_found())?;
    let group = cloud
        .find::<ServerGroup>(&id)
        .filter(|group| group.project_id == *project);
    let group = group.ok_or_else(not_found)?;
    server_group::check_room(cloud, group)?;
    Ok(group.id)
}

/// One id, or a list of them.
fn servers(hints: &Map<String, Value>, name: &str) -> Result<Vec<ServerId>> {
    let values = match hints.get(name) {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Array(values)) => values.iter().collect(),
        Some(value) => vec![value],
    };
    let ids = values
        .into_iter()
        .map(|value| value.as_str().and_then(|text| text.parse().ok()));
    ids.collect::<Option<Vec<_>>>().ok_or_else(|| {
        Error::invalid(
            "ValidationError",
            format!("Invalid input for field/attribute {name}: it takes the id of a server, or a list of them."),
        )
    })
}

impl Affinity {
    /// Only these hosts, if the hints say so.
    pub(super) fn same_hosts(&self, cloud: &Cloud) -> Option<Vec<HostId>> {
        let mut wanted: Option<Vec<HostId>> = None;
        if !self.same_host.is_empty() {
            wanted = Some(hosts_of(cloud, &self.same_host));
        }
        if let Some(group) = self.group(cloud).filter(|group| group.policy == GroupPolicy::Affinity) {
            let members = hosts_of(cloud, &server_group::members(cloud, group));
            // The first member may go anywhere.
            if !members.is_empty() {
                wanted = Some(match wanted {
                    Some(hosts) => hosts.into_iter().filter(|host| members.contains(host)).collect(),
                    None => members,
                });
            }
        }
        wanted
    }

    /// Not these hosts.
    pub(super) fn different_hosts(&self, cloud: &Cloud) -> Vec<HostId> {
        let mut hosts = hosts_of(cloud, &self.different_host);
        if let Some(group) = self
            .group(cloud)
            .filter(|group| group.policy == GroupPolicy::AntiAffinity)
        {
            let members = hosts_of(cloud, &server_group::members(cloud, group));
            let is_full = |host: &&HostId| {
                let here = members.iter().filter(|each| each == host).count() as u64;
                here >= group.max_server_per_host.unwrap_or(1)
            };
            hosts.extend(members.iter().filter(is_full).cloned());
        }
        hosts
    }

    /// Rather these hosts: those of a soft-affinity group's members.
    pub(super) fn preferred_hosts(&self, cloud: &Cloud) -> Vec<HostId> {
        self.hosts_of_group(cloud, GroupPolicy::SoftAffinity)
    }

    /// Rather not these hosts: those of a soft-anti-affinity group's members.
    pub(super) fn avoided_hosts(&self, cloud: &Cloud) -> Vec<HostId> {
        self.hosts_of_group(cloud, GroupPolicy::SoftAntiAffinity)
    }

    fn hosts_of_group(&self, cloud: &Cloud, policy: GroupPolicy) -> Vec<HostId> {
        let group = self.group(cloud).filter(|group| group.policy == policy);
        group.map_or_else(Vec::new, |group| hosts_of(cloud, &server_group::members(cloud, group)))
    }

    fn group<'a>(&self, cloud: &'a Cloud) -> Option<&'a ServerGroup> {
        self.group_id
            .and_then(|id| cloud.find::<ServerGroup>(&id))
            .map(AsRef::as_ref)
    }
}

fn hosts_of(cloud: &Cloud, servers: &[ServerId]) -> Vec<HostId> {
    servers
        .iter()
        .filter_map(|id| cloud.servers.get(id))
        .filter_map(|server| server.host.clone())
        .collect()
}
