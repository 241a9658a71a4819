//! QoS specs, and the types that name them.

use std::sync::Arc;

use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use model::volume::{QosSpecs, VolumeType, types};
use model::{Error, QosSpecsId, Result};
use serde_json::{Map, Value, json};

use super::Call;
use crate::compute::body::{Object, missing, truth_of, wrong};
use crate::extract::Wire;
use crate::query::Query;
use crate::reply::{Reply, json as reply};

fn qos_id(text: &str) -> Result<QosSpecsId> {
    super::id(text, "QoSSpecsNotFound", "QoS spec")
}

fn find(call: &Call, text: &str) -> Result<Arc<QosSpecs>> {
    call.ctx.cloud().get::<QosSpecs>(&qos_id(text)?)
}

fn view(of: &QosSpecs) -> Value {
    json!({"id": of.id, "name": of.name, "consumer": of.consumer, "specs": of.specs})
}

fn whole(call: &Call, of: &QosSpecs) -> Value {
    json!({"qos_specs": view(of), "links": call.links("qos-specs", of.id)})
}

fn accepted() -> Reply {
    Ok(StatusCode::ACCEPTED.into_response())
}

/// `GET /qos-specs`.
pub(super) async fn list(call: Call) -> Reply {
    let shown: Vec<Value> = call.ctx.cloud().qos_specs.iter().map(|each| view(each)).collect();
    reply(&json!({"qos_specs": shown}))
}

/// `GET /qos-specs/{id}`.
pub(super) async fn show(call: Call, Path(id): Path<String>) -> Reply {
    reply(&whole(&call, &*find(&call, &id)?))
}

/// Everything in the body besides the name and the consumer is a limit.
fn read_specs(body: Object<'_>) -> Result<std::collections::BTreeMap<String, String>> {
    let specs = body.iter().filter(|(name, _)| !["name", "consumer"].contains(name));
    specs
        .map(|(name, value)| crate::compute::body::text_item(name, value))
        .collect()
}

fn consumer(body: Object<'_>) -> Result<Option<String>> {
    match body.text("consumer", 0..=255)? {
        Some(text) if !["front-end", "back-end", "both"].contains(&text) => Err(wrong(
            "consumer",
            &json!(text),
            "It is neither front-end, back-end nor both.",
        )),
        other => Ok(other.map(str::to_owned)),
    }
}

/// `POST /qos-specs`.
pub(super) async fn create(call: Call, Wire(body): Wire<Map<String, Value>>) -> Reply {
    let body = Object::only_member(&body, "qos_specs")?;
    let name = body.required_name("name")?.to_owned();
    let (consumer, specs) = (
        consumer(body)?.unwrap_or_else(|| "back-end".to_owned()),
        read_specs(body)?,
    );
    let made = call
        .ctx
        .transact(move |tx, _| types::create_qos(tx, name, consumer, specs))
        .await?;
    reply(&whole(&call, &made))
}

/// `PUT /qos-specs/{id}`.
pub(super) async fn set_keys(call: Call, Path(id): Path<String>, Wire(body): Wire<Map<String, Value>>) -> Reply {
    let id = qos_id(&id)?;
    let fields = Object::only_member(&body, "qos_specs")?;
    let (consumer, specs) = (consumer(fields)?, read_specs(fields)?);
    call.ctx
        .transact(move |tx, _| types::set_qos(tx, id, consumer, specs))
        .await?;
    reply(&body)
}

/// `PUT /qos-specs/{id}/delete_keys`.
pub(super) async fn delete_keys(call: Call, Path(id): Path<String>, Wire(body): Wire<Map<String, Value>>) -> Reply {
    let id = qos_id(&id)?;
    let keys = Object::new(&body).list("keys")?.ok_or_else(|| missing("keys"))?;
    let keys: Vec<String> = keys.iter().filter_map(|key| key.as_str().map(str::to_owned)).collect();
    call.ctx
        .transact(move |tx, _| {
            let qos = tx.get::<QosSpecs>(&id)?;
            if let Some(key) = keys.iter().find(|key| !qos.specs.contains_key(*key)) {
                return Err(Error::invalid(
                    "QoSSpecsKeyNotFound",
                    format!("QoS spec {id} has no spec with key {key}."),
                ));
            }
            tx.update::<QosSpecs>(&id, |qos| qos.specs.retain(|key, _| !keys.contains(key)))
        })
        .await?;
    accepted()
}

/// `DELETE /qos-specs/{id}`.
pub(super) async fn delete(call: Call, Path(id): Path<String>, query: Query) -> Reply {
    let id = qos_id(&id)?;
    let force = query.get("force").is_some_and(|text| truth_of(text).unwrap_or(false));
    call.ctx.transact(move |tx, _| types::delete_qos(tx, id, force)).await?;
    accepted()
}

/// `GET /qos-specs/{id}/associations`.
pub(super) async fn associations(call: Call, Path(id): Path<String>) -> Reply {
    let found = find(&call, &id)?;
    let types = types::types_with(&call.ctx.cloud(), found.id);
    let shown: Vec<Value> = types
        .iter()
        .map(|each| json!({"association_type": "volume_type", "name": each.name, "id": each.id}))
        .collect();
    reply(&json!({"qos_associations": shown}))
}

async fn set(call: &Call, id: &str, query: &Query, associate: bool) -> Reply {
    let id = qos_id(id)?;
    let text = query.get("vol_type_id").ok_or_else(|| missing("vol_type_id"))?;
    let type_id = super::types::type_id(text)?;
    call.ctx
        .transact(move |tx, _| {
            tx.get::<QosSpecs>(&id)?;
            let found = tx.get::<VolumeType>(&type_id)?;
            if associate && found.qos_specs_id.is_some_and(|other| other != id) {
                return Err(Error::invalid(
                    "InvalidVolumeType",
                    format!("Invalid volume type: Type {type_id} is already associated with another qos specs."),
                ));
            }
            tx.update::<VolumeType>(&type_id, |each| each.qos_specs_id = associate.then_some(id))
        })
        .await?;
    accepted()
}

/// `GET /qos-specs/{id}/associate?vol_type_id=…`.
pub(super) async fn associate(call: Call, Path(id): Path<String>, query: Query) -> Reply {
    set(&call, &id, &query, true).await
}

/// `GET /qos-specs/{id}/disassociate?vol_type_id=…`.
pub(super) async fn disassociate(call: Call, Path(id): Path<String>, query: Query) -> Reply {
    set(&call, &id, &query, false).await
}

/// `GET /qos-specs/{id}/disassociate_all`.
pub(super) async fn disassociate_all(call: Call, Path(id): Path<String>) -> Reply {
    let id = qos_id(&id)?;
    call.ctx.transact(move |tx, _| types::disassociate_all(tx, id)).await?;
    accepted()
}
