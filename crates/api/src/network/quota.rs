//! Neutron's quotas.

use std::collections::BTreeMap;

use axum::extract::Path;
use model::network::quota::{self, RESOURCES, has_own};
use model::{Cloud, Error, ProjectId, Result};
use serde_json::{Map, Value, json};

use super::attributes::{self, Attrs};
use super::collection::body_object;
use crate::context::Ctx;
use crate::extract::Wire;
use crate::reply::{Reply, json as document, no_content};

/// Whether the caller may see a project's quotas: its own members and the administrator.
fn may_see(ctx: &Ctx, project: &str) -> Result<ProjectId> {
    let project = ProjectId::from(project);
    if ctx.actor().can_see(&project) {
        return Ok(project);
    }
    Err(Error::forbidden(
        "NotAuthorized",
        "Not authorized. Only an administrator sees another project's quotas.",
    ))
}

fn limits(cloud: &Cloud, project: &ProjectId) -> Map<String, Value> {
    RESOURCES
        .iter()
        .map(|name| ((*name).to_owned(), model::quota::limit(cloud, project, name).into()))
        .collect()
}

/// GET: projects whose quotas differ from the default.
pub(super) async fn list(ctx: Ctx) -> Reply {
    let cloud = ctx.cloud();
    let quotas: Vec<Value> = cloud
        .quotas
        .iter()
        .filter(|quota| has_own(quota))
        .map(|quota| {
            let mut limits = limits(&cloud, &quota.project_id);
            limits.insert("project_id".to_owned(), json!(quota.project_id));
            limits.insert("tenant_id".to_owned(), json!(quota.project_id));
            Value::Object(limits)
        })
        .collect();
    document(&json!({"quotas": quotas}))
}

/// GET of one project.
pub(super) async fn show(ctx: Ctx, Path(project): Path<String>) -> Reply {
    let project = may_see(&ctx, &project)?;
    document(&json!({"quota": limits(&ctx.cloud(), &project)}))
}

/// GET of what a project has before anybody changes it.
pub(super) async fn defaults(ctx: Ctx, Path(project): Path<String>) -> Reply {
    may_see(&ctx, &project)?;
    // Nobody has this name: its limits are the defaults.
    document(&json!({"quota": limits(&Cloud::default(), &ProjectId::from(""))}))
}

/// GET with what is used.
pub(super) async fn details(ctx: Ctx, Path(project): Path<String>) -> Reply {
    let project = may_see(&ctx, &project)?;
    let cloud = ctx.cloud();
    let details: Map<String, Value> = RESOURCES
        .iter()
        .map(|name| {
            let limit = model::quota::limit(&cloud, &project, name);
            let used = quota::used(&cloud, &project, name);
            ((*name).to_owned(), json!({"limit": limit, "used": used, "reserved": 0}))
        })
        .collect();
    document(&json!({"quota": details}))
}

/// GET of the caller's own project's id.
pub(super) async fn own_project(ctx: Ctx) -> Reply {
    let project = ctx.project_id()?;
    document(&json!({"tenant": {"tenant_id": project}, "project": {"project_id": project}}))
}

/// PUT.
pub(super) async fn update(ctx: Ctx, Path(project): Path<String>, Wire(body): Wire<Value>) -> Reply {
    let mut attrs = Attrs::new(body_object(body, "quota")?);
    let force = attrs.boolean("force")?.unwrap_or(false);
    // From before limits were checked unless that is forced off: it says nothing any more.
    let _ = attrs.boolean("check_limit")?;
    // Clients may send back the whole of what they were shown.
    let _ = attrs.project()?;
    let mut limits = BTreeMap::new();
    for name in RESOURCES {
        // -1 is "no limit"; the upper bound is Neutron's.
        if let Some(limit) = attrs.integer(name, -1, i64::from(i32::MAX))? {
            limits.insert((*name).to_owned(), limit);
        }
    }
    attrs.finish()?;
    if project.len() > attributes::TEXT {
        return Err(attributes::invalid("project_id", "it is longer than 255 characters".to_owned()).into());
    }
    let project = ProjectId::from(project);
    let target = project.clone();
    ctx.transact(move |tx, _| quota::set(tx, &target, &limits, force))
        .await?;
    document(&json!({"quota": self::limits(&ctx.cloud(), &project)}))
}

/// DELETE: back to the defaults.
pub(super) async fn reset(ctx: Ctx, Path(project): Path<String>) -> Reply {
    let project = ProjectId::from(project);
    ctx.transact(move |tx, _| {
        quota::reset(tx, &project);
        Ok(())
    })
    .await?;
    no_content()
}
