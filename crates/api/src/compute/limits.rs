//! A project's limits beside what it uses.

use model::compute::ServerGroup;
use model::compute::quota::Usage;
use model::network::{FloatingIp, SecurityGroup};
use model::{Error, ProjectId, quota};
use serde_json::json;

use super::microversion::Microversion;
use super::paging::check_query;
use crate::context::Ctx;
use crate::query::Query;
use crate::reply::{Reply, json as reply};

/// `GET /limits`.
pub(super) async fn show(ctx: Ctx, version: Microversion, query: Query) -> Reply {
    check_query(&query, &["reserved", "tenant_id"], version, 57)?;
    let project = match query.get("tenant_id") {
        Some(other) if ctx.actor().project_id().map(ProjectId::as_str) != Some(other) && !ctx.actor().is_admin() => {
            return Err(Error::forbidden(
                "PolicyNotAuthorized",
                "Policy doesn't allow os_compute_api:limits:other_project to be performed.",
            )
            .into());
        }
        Some(other) => ProjectId::from(other),
        None => ctx.project_id()?.clone(),
    };
    let cloud = ctx.cloud();
    let limit = |name: &str| quota::limit(&cloud, &project, name);
    let used = Usage::of_project(&cloud, &project);
    let mut absolute = json!({
        "maxTotalInstances": limit("instances"),
        "maxTotalCores": limit("cores"),
        "maxTotalRAMSize": limit("ram"),
        "maxTotalKeypairs": limit("key_pairs"),
        "maxServerMeta": limit("metadata_items"),
        "maxServerGroups": limit("server_groups"),
        "maxServerGroupMembers": limit("server_group_members"),
        "totalInstancesUsed": used.instances,
        "totalCoresUsed": used.cores,
        "totalRAMUsed": used.ram_mib,
        "totalServerGroupsUsed": cloud.count::<ServerGroup>(&project),
    });
    if !version.since(36) {
        absolute["maxTotalFloatingIps"] = json!(limit("floatingip"));
        absolute["maxSecurityGroups"] = json!(limit("security_group"));
        absolute["maxSecurityGroupRules"] = json!(limit("security_group_rule"));
        absolute["totalFloatingIpsUsed"] = json!(cloud.count::<FloatingIp>(&project));
        absolute["totalSecurityGroupsUsed"] = json!(cloud.count::<SecurityGroup>(&project));
    }
    if !version.since(39) {
        absolute["maxImageMeta"] = json!(limit("metadata_items"));
    }
    if !version.since(57) {
        absolute["maxPersonality"] = json!(limit("injected_files"));
        absolute["maxPersonalitySize"] = json!(limit("injected_file_content_bytes"));
    }
    reply(&json!({"limits": {"rate": [], "absolute": absolute}}))
}
