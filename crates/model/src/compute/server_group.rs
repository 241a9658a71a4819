//! Nova's server group: where its members may be relative to each other. The scheduler holds it for new servers.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::cloud::Row;
use crate::quota;
use crate::{Actor, Cloud, Error, ProjectId, Result, ServerGroupId, ServerId, Tx, UserId};

/// How members are placed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GroupPolicy {
    /// All on one host.
    Affinity,
    /// Each on another host (or so many a host as the rule says).
    AntiAffinity,
    /// On one host if there is room.
    SoftAffinity,
    /// Each on another host if there is one.
    SoftAntiAffinity,
}

impl GroupPolicy {
    /// As the API writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Affinity => "affinity",
            Self::AntiAffinity => "anti-affinity",
            Self::SoftAffinity => "soft-affinity",
            Self::SoftAntiAffinity => "soft-anti-affinity",
        }
    }
}

/// A server group. Its members are the servers that name it ([`crate::compute::Server::group_id`]).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerGroup {
    /// Its id.
    pub id: ServerGroupId,
    /// Its name.
    pub name: String,
    /// The project.
    pub project_id: ProjectId,
    /// Who made it.
    pub user_id: UserId,
    /// How members are placed.
    pub policy: GroupPolicy,
    /// With anti-affinity: so many on one host (microversion 2.64); 1 when `None`.
    #[serde(default)]
    pub max_server_per_host: Option<u64>,
}

impl Row for ServerGroup {
    type Id = ServerGroupId;
    const KIND: &'static str = "server_group";
    crate::table!(ServerGroup, server_groups);
    fn id(&self) -> ServerGroupId {
        self.id
    }
    fn not_found(id: &ServerGroupId) -> Error {
        Error::not_found(
            "InstanceGroupNotFound",
            format!("Instance group {id} could not be found."),
        )
    }
    fn project(&self) -> Option<&ProjectId> {
        Some(&self.project_id)
    }
}

/// The group, if the caller may see it.
///
/// # Errors
/// `InstanceGroupNotFound`.
pub fn get_visible(cloud: &Cloud, actor: &Actor, id: ServerGroupId) -> Result<Arc<ServerGroup>> {
    cloud
        .find::<ServerGroup>(&id)
        .filter(|group| actor.can_see(&group.project_id))
        .cloned()
        .ok_or_else(|| ServerGroup::not_found(&id))
}

/// The members, in the order of their ids.
pub fn members(cloud: &Cloud, group: &ServerGroup) -> Vec<ServerId> {
    let servers = cloud.lookups.servers_by_project.of(&group.project_id);
    servers
        .filter(|id| {
            cloud
                .servers
                .get(id)
                .is_some_and(|server| server.group_id == Some(group.id))
        })
        .copied()
        .collect()
}

/// Whether another member may join.
///
/// # Errors
/// `GroupMemberLimitExceeded`.
pub fn check_room(cloud: &Cloud, group: &ServerGroup) -> Result<()> {
    let limit = quota::limit(cloud, &group.project_id, "server_group_members");
    if quota::allows(limit, members(cloud, group).len() as u64, 1) {
        return Ok(());
    }
    Err(Error::over_quota(
        "GroupMemberLimitExceeded",
        "Quota exceeded, too many servers in group",
    ))
}

/// Makes a group in the caller's project.
///
/// # Errors
/// `ServerGroupLimitExceeded`.
pub fn create(
    tx: &mut Tx<'_>,
    actor: &Actor,
    name: String,
    policy: GroupPolicy,
    max_server_per_host: Option<u64>,
) -> Result<Arc<ServerGroup>> {
    let project_id = actor
        .project_id()
        .ok_or_else(|| {
            Error::forbidden(
                "Forbidden",
                "A server group needs a project: use a token scoped to one.",
            )
        })?
        .clone();
    let limit = quota::limit(tx.cloud(), &project_id, "server_groups");
    if !quota::allows(limit, tx.cloud().count::<ServerGroup>(&project_id), 1) {
        return Err(Error::over_quota(
            "ServerGroupLimitExceeded",
            "Quota exceeded, too many server groups.",
        ));
    }
    let id = tx.new_id();
    Ok(tx.put(ServerGroup {
        id,
        name,
        project_id,
        user_id: actor.user_id.clone(),
        policy,
        max_server_per_host,
    }))
}

/// Removes a group; its members stay where they are.
///
/// # Errors
/// `InstanceGroupNotFound`.
pub fn delete(tx: &mut Tx<'_>, actor: &Actor, id: ServerGroupId) -> Result<()> {
    get_visible(tx.cloud(), actor, id)?;
    tx.delete::<ServerGroup>(&id);
    Ok(())
}
