//! Types of groups of volumes, and what they ask of a host (group specs); from microversion 3.11 on.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use model::volume::GroupType;
use model::volume::group;
use model::{Error, GroupTypeId, Result};
use serde_json::{Map, Value, json};

use super::Call;
use crate::compute::body::{Object, missing, truth_of};
use crate::extract::Wire;
use crate::query::Query;
use crate::reply::{Reply, json as reply, status};

type Body = Map<String, Value>;

/// The first microversion with group types.
const SINCE: u16 = 11;

fn type_id(call: &Call, text: &str) -> Result<GroupTypeId> {
    call.version.require(SINCE)?;
    super::id(text, "GroupTypeNotFound", "Group type")
}

fn find(call: &Call, text: &str) -> Result<Arc<GroupType>> {
    let id = type_id(call, text)?;
    group::find_type(&call.ctx.cloud(), call.ctx.actor(), &id.to_string())
}

fn view(call: &Call, of: &GroupType) -> Value {
    let mut body = json!({
        "id": of.id,
        "name": of.name,
        "description": of.description,
        "is_public": of.is_public,
    });
    if call.ctx.actor().is_admin() {
        body["group_specs"] = json!(of.group_specs);
    }
    body
}

/// `GET /group_types`.
pub(super) async fn list(call: Call, query: Query) -> Reply {
    call.version.require(SINCE)?;
    let is_admin = call.ctx.actor().is_admin();
    // An administrator sees private types when asked for (`is_public=false` or `none`).
    let wanted = match query.get("is_public") {
        Some(text) if is_admin => truth_of(text),
        _ => Some(true),
    };
    let cloud = call.ctx.cloud();
    let seen = cloud.group_types.iter();
    let mut types: Vec<_> = seen
        .filter(|each| wanted.is_none_or(|wanted| each.is_public == wanted))
        .collect();
    types.sort_by_key(|each| (std::cmp::Reverse(each.created_at), each.id));
    let order = query.get("sort").unwrap_or_default();
    match order.split_once(':').unwrap_or((order, "desc")) {
        ("name", "asc") => types.sort_by(|a, b| a.name.cmp(&b.name)),
        ("name", _) => types.sort_by(|a, b| b.name.cmp(&a.name)),
        _ => {}
    }
    let shown: Vec<Value> = types.into_iter().map(|each| view(&call, each)).collect();
    reply(&json!({"group_types": shown}))
}

/// `GET /group_types/{id}`; there is no default one.
pub(super) async fn show(call: Call, Path(id): Path<String>) -> Reply {
    let found = find(&call, &id)?;
    reply(&json!({"group_type": view(&call, &found)}))
}

fn name(body: Object<'_>) -> Result<Option<String>> {
    let text = body.text("name", 1..=255)?.map(str::trim);
    match text {
        Some("") => Err(Error::invalid("HTTPBadRequest", "Group type name can not be empty.")),
        text => Ok(text.map(str::to_owned)),
    }
}

/// `POST /group_types`.
pub(super) async fn create(call: Call, Wire(body): Wire<Body>) -> Reply {
    call.version.require(SINCE)?;
    let body = Object::only_member(&body, "group_type")?.only(&["name", "description", "is_public", "group_specs"])?;
    let name = name(body)?.ok_or_else(|| missing("name"))?;
    let description = body.text("description", 0..=255)?.map(str::to_owned);
    let is_public = body.boolean("is_public")?.unwrap_or(true);
    let specs = body.texts("group_specs")?.unwrap_or_default();
    let made = call
        .ctx
        .transact(move |tx, _| group::create_type(tx, name, description, is_public, specs))
        .await?;
    status(StatusCode::ACCEPTED, &json!({"group_type": view(&call, &made)}))
}

/// `PUT /group_types/{id}`.
pub(super) async fn update(call: Call, Path(id): Path<String>, Wire(body): Wire<Body>) -> Reply {
    let id = type_id(&call, &id)?;
    let body = Object::only_member(&body, "group_type")?.only(&["name", "description", "is_public"])?;
    let (name, is_public) = (name(body)?, body.boolean("is_public")?);
    let description = match body.has("description") {
        true => Some(body.text("description", 0..=255)?.map(str::to_owned)),
        false => None,
    };
    if name.is_none() && is_public.is_none() && description.is_none() {
        return Err(Error::invalid(
            "HTTPBadRequest",
            "Specify group type name, description or a combination thereof.",
        )
        .into());
    }
    let changed = call.ctx.transact(move |tx, _| {
        group::edit_type(tx, id, |each| {
            each.name = name.unwrap_or_else(|| std::mem::take(&mut each.name));
            each.is_public = is_public.unwrap_or(each.is_public);
            each.description = description.unwrap_or_else(|| each.description.take());
            Ok(())
        })
    });
    reply(&json!({"group_type": view(&call, &*changed.await?)}))
}

/// `DELETE /group_types/{id}`.
pub(super) async fn delete(call: Call, Path(id): Path<String>) -> Reply {
    let id = type_id(&call, &id)?;
    call.ctx.transact(move |tx, _| group::delete_type(tx, id)).await?;
    Ok(StatusCode::ACCEPTED.into_response())
}

/// `GET /group_types/{id}/group_specs`.
pub(super) async fn list_specs(call: Call, Path(id): Path<String>) -> Reply {
    reply(&json!({"group_specs": find(&call, &id)?.group_specs}))
}

async fn add(call: &Call, id: GroupTypeId, specs: BTreeMap<String, String>) -> Result<()> {
    let is_name = |name: &str| {
        !name.is_empty()
            && name
                .chars()
                .all(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | ':' | ' '))
    };
    if specs.is_empty() || !specs.keys().all(|name| is_name(name)) {
        return Err(Error::invalid(
            "ValidationError",
            "Name group specs: their keys have letters, digits, underscores, periods, colons and hyphens only.",
        ));
    }
    call.ctx
        .transact(move |tx, _| {
            group::edit_type(tx, id, |each| {
                each.group_specs.extend(specs);
                Ok(())
            })
        })
        .await
        .map(drop)
}

/// `POST /group_types/{id}/group_specs`.
pub(super) async fn add_specs(call: Call, Path(id): Path<String>, Wire(body): Wire<Body>) -> Reply {
    let id = type_id(&call, &id)?;
    let specs = Object::only_member(&body, "group_specs")?.as_texts()?;
    add(&call, id, specs.clone()).await?;
    status(StatusCode::ACCEPTED, &json!({"group_specs": specs}))
}

fn no_spec(id: &str, key: &str) -> Error {
    Error::not_found(
        "GroupTypeSpecsNotFound",
        format!("Group Type {id} has no specs with key {key}."),
    )
}

/// `GET /group_types/{id}/group_specs/{key}`.
pub(super) async fn show_spec(call: Call, Path((id, key)): Path<(String, String)>) -> Reply {
    let found = find(&call, &id)?;
    let value = found.group_specs.get(&key).ok_or_else(|| no_spec(&id, &key))?;
    reply(&json!({key: value}))
}

/// `PUT /group_types/{id}/group_specs/{key}`.
pub(super) async fn set_spec(call: Call, Path((id, key)): Path<(String, String)>, Wire(body): Wire<Body>) -> Reply {
    let id = type_id(&call, &id)?;
    let specs = Object::new(&body).as_texts()?;
    if specs.len() != 1 || !specs.contains_key(&key) {
        return Err(Error::invalid(
            "HTTPBadRequest",
            format!("The body is to hold the one group spec '{key}' of the address."),
        )
        .into());
    }
    add(&call, id, specs.clone()).await?;
    reply(&specs)
}

/// `DELETE /group_types/{id}/group_specs/{key}`.
pub(super) async fn delete_spec(call: Call, Path((text, key)): Path<(String, String)>) -> Reply {
    let id = type_id(&call, &text)?;
    call.ctx
        .transact(move |tx, _| {
            group::edit_type(tx, id, |each| {
                each.group_specs
                    .remove(&key)
                    .map(drop)
                    .ok_or_else(|| no_spec(&text, &key))
            })
        })
        .await?;
    Ok(StatusCode::ACCEPTED.into_response())
}
