//! Volume types.

use std::sync::Arc;

use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use model::volume::VolumeType;
use model::volume::types::{self, NewType};
use model::{Error, Result, VolumeTypeId};
use serde_json::{Map, Value, json};

use super::Call;
use crate::compute::body::{Object, missing, truth_of};
use crate::extract::Wire;
use crate::query::Query;
use crate::reply::{Reply, json as reply};

/// A type's id in a path.
pub(super) fn type_id(text: &str) -> Result<VolumeTypeId> {
    super::id(text, "VolumeTypeNotFound", "Volume type")
}

/// The type of a path, if the caller may see it.
pub(super) fn find(call: &Call, text: &str) -> Result<Arc<VolumeType>> {
    let id = type_id(text)?;
    types::find(&call.ctx.cloud(), call.ctx.actor(), &id.to_string())
}

/// Extra specs that everybody may see (cinder `USER_VISIBLE_EXTRA_SPECS`).
const FOR_EVERYONE: [&str; 2] = ["RESKEY:availability_zones", "multiattach"];

/// The extra specs that the caller may see.
pub(super) fn visible_specs(call: &Call, of: &VolumeType) -> Map<String, Value> {
    let is_admin = call.ctx.actor().is_admin();
    let specs = of.extra_specs.iter();
    let seen = specs.filter(|(name, _)| is_admin || FOR_EVERYONE.contains(&name.as_str()));
    seen.map(|(name, value)| (name.clone(), json!(value))).collect()
}

fn view(call: &Call, of: &VolumeType) -> Value {
    let mut body = json!({
        "id": of.id,
        "name": of.name,
        "is_public": of.is_public,
        "description": of.description,
        "os-volume-type-access:is_public": of.is_public,
    });
    body["extra_specs"] = Value::Object(visible_specs(call, of));
    body
}

/// With what an administrator is shown besides, but not in the answer to a change.
fn whole(call: &Call, of: &VolumeType) -> Value {
    let mut body = view(call, of);
    if call.ctx.actor().is_admin() {
        body["qos_specs_id"] = json!(of.qos_specs_id);
    }
    body
}

/// `GET /types`.
pub(super) async fn list(call: Call, query: Query) -> Reply {
    let cloud = call.ctx.cloud();
    let actor = call.ctx.actor();
    // An administrator sees private types when asked for (`is_public=false` or `none`).
    let wanted = match query.get("is_public") {
        Some(text) if actor.is_admin() => truth_of(text),
        Some(_) => None,
        None if actor.is_admin() => Some(true),
        None => None,
    };
    let seen = cloud.volume_types.iter().filter(|each| each.is_visible(actor));
    let mut types: Vec<_> = seen
        .filter(|each| wanted.is_none_or(|wanted| each.is_public == wanted))
        .collect();
    types.sort_by_key(|each| (std::cmp::Reverse(each.created_at), each.id));
    if let Some((key, direction)) = query
        .get("sort")
        .map(|text| text.split_once(':').unwrap_or((text, "desc")))
    {
        if key == "name" {
            types.sort_by(|a, b| a.name.cmp(&b.name));
        }
        if direction == "desc" && key == "name" {
            types.reverse();
        }
    }
    let shown: Vec<Value> = types.into_iter().map(|each| whole(&call, each)).collect();
    reply(&json!({"volume_types": shown}))
}

/// `GET /types/{id}`; `default` is the default type.
pub(super) async fn show(call: Call, Path(id): Path<String>) -> Reply {
    if id == "default" {
        let cloud = call.ctx.cloud();
        let found = types::default_type(&cloud)
            .ok_or_else(|| Error::not_found("VolumeTypeNotFound", "Default volume type can not be found."))?;
        return reply(&json!({"volume_type": whole(&call, found)}));
    }
    let found = find(&call, &id)?;
    reply(&json!({"volume_type": whole(&call, &found)}))
}

fn name(body: Object<'_>) -> Result<Option<String>> {
    let Some(text) = body.text("name", 0..=255)? else {
        return Ok(None);
    };
    let text = text.trim();
    if text.is_empty() {
        return Err(Error::invalid("HTTPBadRequest", "Volume type name can not be empty."));
    }
    Ok(Some(text.to_owned()))
}

/// `POST /types`.
pub(super) async fn create(call: Call, Wire(body): Wire<Map<String, Value>>) -> Reply {
    let body = Object::new(&body)
        .object("volume_type")?
        .ok_or_else(|| missing("volume_type"))?;
    let is_public = match body.boolean("os-volume-type-access:is_public")? {
        Some(is_public) => is_public,
        None => body.boolean("is_public")?.unwrap_or(true),
    };
    let new = NewType {
        name: name(body)?.ok_or_else(|| missing("name"))?,
        description: body.text("description", 0..=255)?.map(str::to_owned),
        is_public,
        extra_specs: body.texts("extra_specs")?.unwrap_or_default(),
    };
    let made = call.ctx.transact(move |tx, _| types::create(tx, new)).await?;
    reply(&json!({"volume_type": view(&call, &made)}))
}

/// `PUT /types/{id}`.
pub(super) async fn update(call: Call, Path(id): Path<String>, Wire(body): Wire<Map<String, Value>>) -> Reply {
    let id = type_id(&id)?;
    let body = Object::new(&body)
        .object("volume_type")?
        .ok_or_else(|| missing("volume_type"))?;
    let (name, is_public) = (name(body)?, body.boolean("is_public")?);
    let description = body
        .has("description")
        .then(|| body.text("description", 0..=255))
        .transpose()?;
    if name.is_none() && is_public.is_none() && description.is_none() {
        return Err(Error::invalid(
            "HTTPBadRequest",
            "Specify volume type name, description, is_public or a combination thereof.",
        )
        .into());
    }
    let description = description.map(|text| text.map(str::to_owned));
    let changed = call.ctx.transact(move |tx, _| {
        types::edit(tx, id, |each| {
            each.name = name.unwrap_or_else(|| std::mem::take(&mut each.name));
            each.is_public = is_public.unwrap_or(each.is_public);
            each.description = description.unwrap_or_else(|| each.description.take());
            Ok(())
        })
    });
    let mut body = view(&call, &*changed.await?);
    // The answer to a change has one flag less than that to a creation (cinder `types_manage.py`).
    body.as_object_mut()
        .map(|body| body.remove("os-volume-type-access:is_public"));
    reply(&json!({"volume_type": body}))
}

/// `DELETE /types/{id}`.
pub(super) async fn delete(call: Call, Path(id): Path<String>) -> Reply {
    let id = type_id(&id)?;
    call.ctx.transact(move |tx, _| types::delete(tx, id)).await?;
    Ok(StatusCode::ACCEPTED.into_response())
}
