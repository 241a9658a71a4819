//! Quota classes: the limits of projects that have none of their own. Of all names only `default` has an effect, as in Nova.

use std::collections::BTreeMap;

use axum::extract::Path;
use model::ProjectId;
use model::compute::quota::{self as nova_quota, RESOURCES, Resource};
use model::quota;
use serde_json::{Map, Value, json};

use super::body::{Object, TEXT_LIMIT, wrong};
use super::microversion::Microversion;
use super::quota_sets::read_limit;
use crate::context::Ctx;
use crate::extract::Wire;
use crate::reply::{Reply, json as reply};

/// Whether a microversion has a resource: server groups came with 2.50, when the network's went; files went with 2.57.
fn has(version: Microversion, resource: &Resource) -> bool {
    match resource {
        Resource::Nova("server_groups" | "server_group_members") => version.since(50),
        Resource::Nova(_) => true,
        Resource::Network(_) => !version.since(50),
        Resource::InjectedFile(_) => !version.since(57),
    }
}

fn view(ctx: &Ctx, version: Microversion, class: &ProjectId) -> Map<String, Value> {
    let cloud = ctx.cloud();
    let shown = RESOURCES.iter().filter(|resource| has(version, resource));
    shown
        .map(|resource| resource.name())
        .map(|name| (name.to_owned(), json!(quota::own_limit(&cloud, class, name))))
        .collect()
}

/// `GET /os-quota-class-sets/{class}`.
pub(super) async fn show(ctx: Ctx, version: Microversion, Path(name): Path<String>) -> Reply {
    let mut quotas = view(&ctx, version, &quota::class(&name));
    quotas.insert("id".to_owned(), json!(name));
    reply(&json!({"quota_class_set": quotas}))
}

/// `PUT /os-quota-class-sets/{class}`.
pub(super) async fn update(
    ctx: Ctx,
    version: Microversion,
    Path(name): Path<String>,
    Wire(body): Wire<Map<String, Value>>,
) -> Reply {
    if name.is_empty() || name.chars().count() > TEXT_LIMIT {
        return Err(wrong("quota_class_name", &json!(name), "It is 1 to 255 characters.").into());
    }
    let body = Object::only_member(&body, "quota_class_set")?;
    let mut limits = BTreeMap::new();
    for (resource, value) in body.iter() {
        let is_known = RESOURCES
            .iter()
            .any(|known| known.name() == resource && has(version, known));
        if !is_known {
            return Err(wrong(resource, value, "There is no such quota in this microversion.").into());
        }
        limits.insert(resource.to_owned(), read_limit(resource, value)?);
    }
    let class = quota::class(&name);
    let changed = class.clone();
    ctx.transact(move |tx, _| nova_quota::set(tx, &changed, limits, true))
        .await?;
    reply(&json!({"quota_class_set": view(&ctx, version, &class)}))
}
