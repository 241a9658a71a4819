//! Quota sets: a project's limits, for Nova's resources.

use std::collections::BTreeMap;

use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use model::compute::quota::{self as nova_quota, RESOURCES, Resource};
use model::{Error, ProjectId, Result, quota};
use serde_json::{Map, Value, json};

use super::body::{Object, wrong};
use super::microversion::Microversion;
use crate::context::Ctx;
use crate::extract::Wire;
use crate::reply::{Reply, json as reply};

/// Whether a microversion has a resource: the network's ended with 2.35, files to inject with 2.56.
fn has(version: Microversion, resource: &Resource) -> bool {
    match resource {
        Resource::Nova(_) => true,
        Resource::Network(_) => !version.since(36),
        Resource::InjectedFile(_) => !version.since(57),
    }
}

/// The project of a path, if the caller may see its quotas.
fn project(ctx: &Ctx, text: &str) -> Result<ProjectId> {
    let id = ProjectId::from(text);
    if !ctx.actor().can_see(&id) {
        return Err(Error::forbidden(
            "PolicyNotAuthorized",
            "Policy doesn't allow os_compute_api:os-quota-sets:show to be performed.",
        ));
    }
    if !ctx.cloud().projects.contains(&id) {
        return Err(Error::invalid(
            "ProjectNotFound",
            format!("Project ID {text} is not a valid project."),
        ));
    }
    Ok(id)
}

fn view(version: Microversion, value: impl Fn(&str) -> Value) -> Map<String, Value> {
    RESOURCES
        .iter()
        .filter(|resource| has(version, resource))
        .map(|resource| (resource.name().to_owned(), value(resource.name())))
        .collect()
}

fn with_id(mut quotas: Map<String, Value>, project: &ProjectId) -> Value {
    quotas.insert("id".to_owned(), json!(project));
    json!({"quota_set": quotas})
}

/// `GET /os-quota-sets/{project}`.
pub(super) async fn show(ctx: Ctx, version: Microversion, Path(id): Path<String>) -> Reply {
    let project = project(&ctx, &id)?;
    let cloud = ctx.cloud();
    let quotas = view(version, |name| json!(quota::limit(&cloud, &project, name)));
    reply(&with_id(quotas, &project))
}

/// `GET /os-quota-sets/{project}/detail`.
pub(super) async fn show_detail(ctx: Ctx, version: Microversion, Path(id): Path<String>) -> Reply {
    let project = project(&ctx, &id)?;
    let cloud = ctx.cloud();
    let quotas = view(version, |name| {
        json!({
            "limit": quota::limit(&cloud, &project, name),
            "in_use": nova_quota::in_use(&cloud, &project, name),
            "reserved": 0,
        })
    });
    reply(&with_id(quotas, &project))
}

/// `GET /os-quota-sets/{project}/defaults`.
pub(super) async fn show_defaults(ctx: Ctx, version: Microversion, Path(id): Path<String>) -> Reply {
    let project = project(&ctx, &id)?;
    let cloud = ctx.cloud();
    let quotas = view(version, |name| json!(nova_quota::default_limit(&cloud, name)));
    reply(&with_id(quotas, &project))
}

/// `PUT /os-quota-sets/{project}`.
pub(super) async fn update(
    ctx: Ctx,
    version: Microversion,
    Path(id): Path<String>,
    Wire(body): Wire<Map<String, Value>>,
) -> Reply {
    let project = project(&ctx, &id)?;
    let body = Object::only_member(&body, "quota_set")?;
    let mut limits = BTreeMap::new();
    for (name, value) in body.iter() {
        if matches!(name, "force" | "tenant_id") {
            continue;
        }
        let known = RESOURCES
            .iter()
            .any(|resource| resource.name() == name && has(version, resource));
        if !known {
            return Err(wrong(name, value, "There is no such quota in this microversion.").into());
        }
        limits.insert(name.to_owned(), read_limit(name, value)?);
    }
    let is_forced = body.boolean("force")?.unwrap_or(false);
    let wanted = project.clone();
    ctx.transact(move |tx, _| nova_quota::set(tx, &wanted, limits, is_forced))
        .await?;
    let cloud = ctx.cloud();
    let quotas = view(version, |name| json!(quota::limit(&cloud, &project, name)));
    reply(&json!({"quota_set": quotas}))
}

/// From -1 (no limit) to what a 32-bit number holds, be it written as text.
pub(crate) fn read_limit(name: &str, value: &Value) -> Result<i64> {
    let number = value
        .as_i64()
        .or_else(|| value.as_str().and_then(|text| text.parse().ok()));
    number
        .filter(|number| (-1..=i64::from(i32::MAX)).contains(number))
        .ok_or_else(|| wrong(name, value, "It is not a whole number from -1 to 2147483647."))
}

/// `DELETE /os-quota-sets/{project}`: back to the defaults.
pub(super) async fn delete(ctx: Ctx, Path(id): Path<String>) -> Reply {
    let project = ProjectId::from(id);
    ctx.transact(move |tx, _| {
        nova_quota::reset(tx, &project);
        Ok(())
    })
    .await?;
    Ok(StatusCode::ACCEPTED.into_response())
}
