//! Quota sets, quota classes and limits.

use std::collections::BTreeMap;

use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use model::volume::quota as rules;
use model::{Error, ProjectId, Result, quota};
use serde_json::{Map, Value, json};

use super::Call;
use crate::compute::body::{Object, truth_of, wrong};
use crate::extract::Wire;
use crate::query::Query;
use crate::reply::{Reply, json as reply};

/// The project of a path, if the caller may see its quotas.
fn project(call: &Call, text: &str) -> Result<ProjectId> {
    let id = ProjectId::from(text);
    if call.ctx.actor().can_see(&id) {
        return Ok(id);
    }
    Err(Error::forbidden(
        "PolicyNotAuthorized",
        "Policy doesn't allow volume_extension:quotas:show to be performed: it is another project's.",
    ))
}

fn view(call: &Call, value: impl Fn(&str) -> Value) -> Map<String, Value> {
    let names = rules::names(&call.ctx.cloud());
    names
        .into_iter()
        .map(|name| {
            let value = value(&name);
            (name, value)
        })
        .collect()
}

/// `GET /os-quota-sets/{project}`, with `usage=True` what is used, too.
pub(super) async fn show(call: Call, Path(id): Path<String>, query: Query) -> Reply {
    let project = project(&call, &id)?;
    let cloud = call.ctx.cloud();
    let wants_usage = query.get("usage").is_some_and(|text| truth_of(text).unwrap_or(false));
    let mut body = view(&call, |name| {
        let limit = quota::limit(&cloud, &project, name);
        if wants_usage {
            json!({"limit": limit, "in_use": rules::in_use(&cloud, &project, name), "reserved": 0})
        } else {
            json!(limit)
        }
    });
    body.insert("id".to_owned(), json!(project));
    reply(&json!({"quota_set": body}))
}

/// `GET /os-quota-sets/{project}/defaults`.
pub(super) async fn show_defaults(call: Call, Path(id): Path<String>) -> Reply {
    let project = project(&call, &id)?;
    let cloud = call.ctx.cloud();
    let mut body = view(&call, |name| json!(rules::default_limit(&cloud, name)));
    body.insert("id".to_owned(), json!(project));
    reply(&json!({"quota_set": body}))
}

fn read_limits(call: &Call, body: Object<'_>) -> Result<BTreeMap<String, i64>> {
    let names = rules::names(&call.ctx.cloud());
    let mut limits = BTreeMap::new();
    for (name, value) in body.iter() {
        if matches!(name, "tenant_id" | "class_name" | "id" | "skip_validation" | "force") {
            continue;
        }
        if !names.iter().any(|known| known == name) {
            return Err(wrong(name, value, "There is no such quota."));
        }
        limits.insert(name.to_owned(), crate::compute::quota_sets::read_limit(name, value)?);
    }
    Ok(limits)
}

/// `PUT /os-quota-sets/{project}`.
pub(super) async fn update(call: Call, Path(id): Path<String>, Wire(body): Wire<Map<String, Value>>) -> Reply {
    let project = project(&call, &id)?;
    let limits = read_limits(&call, Object::only_member(&body, "quota_set")?)?;
    let holder = project.clone();
    call.ctx
        .transact(move |tx, _| {
            rules::set(tx, &holder, limits);
            Ok(())
        })
        .await?;
    let cloud = call.ctx.cloud();
    let body = view(&call, |name| json!(quota::limit(&cloud, &project, name)));
    reply(&json!({"quota_set": body}))
}

/// `DELETE /os-quota-sets/{project}`: back to the defaults.
pub(super) async fn delete(call: Call, Path(id): Path<String>) -> Reply {
    let project = project(&call, &id)?;
    call.ctx
        .transact(move |tx, _| {
            rules::reset(tx, &project);
            Ok(())
        })
        .await?;
    Ok(StatusCode::OK.into_response())
}

/// `GET /os-quota-class-sets/{class}`.
pub(super) async fn show_class(call: Call, Path(class): Path<String>) -> Reply {
    let cloud = call.ctx.cloud();
    let holder = quota::class(&class);
    let mut body = view(&call, |name| json!(quota::own_limit(&cloud, &holder, name)));
    body.insert("id".to_owned(), json!(class));
    reply(&json!({"quota_class_set": body}))
}

/// `PUT /os-quota-class-sets/{class}`.
pub(super) async fn update_class(call: Call, Path(class): Path<String>, Wire(body): Wire<Map<String, Value>>) -> Reply {
    let limits = read_limits(&call, Object::only_member(&body, "quota_class_set")?)?;
    let holder = quota::class(&class);
    let own = holder.clone();
    call.ctx
        .transact(move |tx, _| {
            rules::set(tx, &own, limits);
            Ok(())
        })
        .await?;
    let cloud = call.ctx.cloud();
    let body = view(&call, |name| json!(quota::own_limit(&cloud, &holder, name)));
    reply(&json!({"quota_class_set": body}))
}

/// `GET /limits`.
pub(super) async fn limits(call: Call, query: Query) -> Reply {
    let cloud = call.ctx.cloud();
    let own = call.ctx.project_id()?.clone();
    let asked = query
        .get("project_id")
        .filter(|_| call.version.since(39) && call.ctx.actor().is_admin());
    let project = asked.map_or(own, ProjectId::from);
    let usage = rules::Usage::of_project(&cloud, &project, None);
    let (backups, backup_gib) = model::volume::backup::usage(&cloud, &project);
    let limit = |name: &str| quota::limit(&cloud, &project, name);
    reply(&json!({"limits": {
        "rate": [],
        "absolute": {
            "maxTotalVolumes": limit("volumes"),
            "maxTotalSnapshots": limit("snapshots"),
            "maxTotalVolumeGigabytes": limit("gigabytes"),
            "maxTotalBackups": limit("backups"),
            "maxTotalBackupGigabytes": limit("backup_gigabytes"),
            "totalVolumesUsed": usage.volumes,
            "totalSnapshotsUsed": usage.snapshots,
            "totalGigabytesUsed": usage.gigabytes,
            "totalBackupsUsed": backups,
            "totalBackupGigabytesUsed": backup_gib,
        },
    }}))
}
