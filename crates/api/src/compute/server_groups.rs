//! Server groups: affinity and anti-affinity of their members, held when a server is scheduled.

use std::sync::Arc;

use axum::extract::Path;
use axum::http::StatusCode;
use model::compute::server_group::{self, GroupPolicy, ServerGroup};
use model::{Cloud, Error, Result, ServerGroupId};
use serde_json::{Map, Value, json};

use super::body::{Field, Object, TEXT_LIMIT, field, missing, truth_of, wrong};
use super::microversion::Microversion;
use super::paging::check_query;
use crate::context::Ctx;
use crate::extract::Wire;
use crate::query::Query;
use crate::reply::{Reply, json as reply, no_content, status};

const CREATE: &[Field] = &[
    field("name"),
    field("policies").until(63),
    field("policy").since(64),
    field("rules").since(64),
];

fn view(cloud: &Cloud, group: &ServerGroup, version: Microversion) -> Value {
    let mut body = json!({
        "id": group.id,
        "name": group.name,
        "members": server_group::members(cloud, group),
    });
    if version.since(13) {
        body["project_id"] = json!(group.project_id);
        body["user_id"] = json!(group.user_id);
    }
    if version.since(64) {
        body["policy"] = json!(group.policy.as_str());
        body["rules"] = group
            .max_server_per_host
            .map_or_else(|| json!({}), |most| json!({"max_server_per_host": most}));
    } else {
        body["policies"] = json!([group.policy.as_str()]);
        body["metadata"] = json!({});
    }
    body
}

/// `GET /os-server-groups`.
pub(super) async fn list(ctx: Ctx, version: Microversion, query: Query) -> Reply {
    check_query(&query, &["all_projects", "limit", "offset"], version, 75)?;
    let everyone = query
        .get("all_projects")
        .is_some_and(|text| text.is_empty() || truth_of(text) != Some(false));
    let everyone = everyone && ctx.actor().is_admin();
    let number = |name: &str| -> Result<Option<usize>> {
        let parse = |text: &str| {
            text.parse()
                .map_err(|_| wrong(name, &json!(text), "It is not a whole number."))
        };
        query.get(name).map(parse).transpose()
    };
    let (offset, limit) = (number("offset")?.unwrap_or(0), number("limit")?.unwrap_or(1000));
    let cloud = ctx.cloud();
    let groups: Vec<Value> = cloud
        .server_groups
        .iter()
        .filter(|group| everyone || ctx.actor().owns(&group.project_id))
        .skip(offset)
        .take(limit.min(1000))
        .map(|group| view(&cloud, group, version))
        .collect();
    reply(&json!({"server_groups": groups}))
}

fn group_id(text: &str) -> Result<ServerGroupId> {
    text.parse().map_err(|_| {
        Error::not_found(
            "InstanceGroupNotFound",
            format!("Instance group {text} could not be found."),
        )
    })
}

fn find(ctx: &Ctx, text: &str) -> Result<Arc<ServerGroup>> {
    server_group::get_visible(&ctx.cloud(), ctx.actor(), group_id(text)?)
}

/// `GET /os-server-groups/{id}`.
pub(super) async fn show(ctx: Ctx, version: Microversion, Path(id): Path<String>) -> Reply {
    let group = find(&ctx, &id)?;
    reply(&json!({"server_group": view(&ctx.cloud(), &group, version)}))
}

/// `POST /os-server-groups`.
pub(super) async fn create(ctx: Ctx, version: Microversion, Wire(body): Wire<Map<String, Value>>) -> Reply {
    let body = Object::only_member(&body, "server_group")?.allow(CREATE, version)?;
    let name = body.required_name("name")?.to_owned();
    let policy = read_policy(body, version)?;
    let most = read_rules(body, policy, version)?;
    let group = ctx
        .transact(move |tx, actor| server_group::create(tx, actor, name, policy, most))
        .await?;
    status(
        StatusCode::OK,
        &json!({"server_group": view(&ctx.cloud(), &group, version)}),
    )
}

fn read_policy(body: Object<'_>, version: Microversion) -> Result<GroupPolicy> {
    let text = if version.since(64) {
        body.text("policy", 1..=TEXT_LIMIT)?.ok_or_else(|| missing("policy"))?
    } else {
        match body.list("policies")? {
            Some([Value::String(policy)]) => policy,
            Some(other) => return Err(wrong("policies", &json!(other), "It takes one policy.")),
            None => return Err(missing("policies")),
        }
    };
    match text {
        "affinity" => Ok(GroupPolicy::Affinity),
        "anti-affinity" => Ok(GroupPolicy::AntiAffinity),
        "soft-affinity" if version.since(15) => Ok(GroupPolicy::SoftAffinity),
        "soft-anti-affinity" if version.since(15) => Ok(GroupPolicy::SoftAntiAffinity),
        _ => Err(wrong(
            "policy",
            &json!(text),
            "There is no such policy in this microversion.",
        )),
    }
}

fn read_rules(body: Object<'_>, policy: GroupPolicy, version: Microversion) -> Result<Option<u64>> {
    let Some(rules) = body.object("rules")? else {
        return Ok(None);
    };
    let most = rules
        .allow(&[field("max_server_per_host")], version)?
        .integer("max_server_per_host", 1..=u64::from(u32::MAX))?;
    if most.is_some() && policy != GroupPolicy::AntiAffinity {
        return Err(Error::invalid(
            "HTTPBadRequest",
            "Only anti-affinity policy supports rules.",
        ));
    }
    Ok(most)
}

/// `DELETE /os-server-groups/{id}`.
pub(super) async fn delete(ctx: Ctx, Path(id): Path<String>) -> Reply {
    let id = group_id(&id)?;
    ctx.transact(move |tx, actor| server_group::delete(tx, actor, id))
        .await?;
    no_content()
}
