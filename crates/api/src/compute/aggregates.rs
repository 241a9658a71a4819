//! Host aggregates.

use std::collections::BTreeMap;

use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use model::compute::Aggregate;
use model::compute::aggregate;
use model::{Error, HostId, Result};
use serde_json::{Map, Value, json};

use super::body::{Object, TEXT_LIMIT, field, missing, wrong};
use super::microversion::{MIN, Microversion};
use super::no_such_action;
use crate::context::Ctx;
use crate::extract::Wire;
use crate::reply::{Reply, json as reply};

fn number(text: &str) -> Result<u64> {
    let number: i64 = text.parse().map_err(|_| {
        Error::invalid(
            "ValidationError",
            format!("Invalid input for field/attribute id. Value: {text}. It is not a whole number."),
        )
    })?;
    u64::try_from(number)
        .map_err(|_| Error::not_found("AggregateNotFound", format!("Aggregate {number} could not be found.")))
}

/// What every answer has.
fn core(row: &Aggregate, version: Microversion) -> Value {
    let mut body = json!({
        "id": row.id,
        "name": row.name,
        "availability_zone": row.zone(),
        "created_at": row.created_at.micros_bare(),
        "updated_at": row.updated_at.map(|at| at.micros_bare()),
        "deleted_at": null,
        "deleted": false,
    });
    if version.since(41) {
        body["uuid"] = json!(row.uuid);
    }
    body
}

fn view(row: &Aggregate, version: Microversion) -> Value {
    let mut body = core(row, version);
    body["hosts"] = json!(row.hosts);
    body["metadata"] = json!(row.metadata);
    body
}

/// `GET /os-aggregates`.
pub(super) async fn list(ctx: Ctx, version: Microversion) -> Reply {
    let cloud = ctx.cloud();
    let rows: Vec<Value> = cloud.aggregates.iter().map(|row| view(row, version)).collect();
    reply(&json!({"aggregates": rows}))
}

/// `GET /os-aggregates/{id}`.
pub(super) async fn show(ctx: Ctx, version: Microversion, Path(id): Path<String>) -> Reply {
    let row = ctx.cloud().get::<Aggregate>(&number(&id)?)?;
    reply(&json!({"aggregate": view(&row, version)}))
}

fn read_zone(body: Object<'_>) -> Result<Option<String>> {
    let zone = body.name("availability_zone")?;
    if zone.is_some_and(|zone| zone.contains(':')) {
        return Err(wrong("availability_zone", &json!(zone), "A zone's name has no ':'."));
    }
    Ok(zone.map(str::to_owned))
}

/// `POST /os-aggregates`.
pub(super) async fn create(ctx: Ctx, version: Microversion, Wire(body): Wire<Map<String, Value>>) -> Reply {
    let body = Object::only_member(&body, "aggregate")?;
    let body = body.allow(&[field("name"), field("availability_zone")], MIN)?;
    let (name, zone) = (body.required_name("name")?.to_owned(), read_zone(body)?);
    let row = ctx.transact(move |tx, _| aggregate::create(tx, name, zone)).await?;
    reply(&json!({"aggregate": core(&row, version)}))
}

/// `PUT /os-aggregates/{id}`.
pub(super) async fn update(
    ctx: Ctx,
    version: Microversion,
    Path(id): Path<String>,
    Wire(body): Wire<Map<String, Value>>,
) -> Reply {
    let body = Object::only_member(&body, "aggregate")?;
    let body = body.allow(&[field("name"), field("availability_zone")], MIN)?;
    let (name, zone) = (body.name("name")?.map(str::to_owned), read_zone(body)?);
    if name.is_none() && zone.is_none() {
        return Err(missing("name").into());
    }
    let id = number(&id)?;
    let row = ctx.transact(move |tx, _| aggregate::update(tx, id, name, zone)).await?;
    reply(&json!({"aggregate": view(&row, version)}))
}

/// `DELETE /os-aggregates/{id}`.
pub(super) async fn delete(ctx: Ctx, Path(id): Path<String>) -> Reply {
    let id = number(&id)?;
    ctx.transact(move |tx, _| aggregate::delete(tx, id)).await?;
    Ok(StatusCode::OK.into_response())
}

/// `POST /os-aggregates/{id}/action`.
pub(super) async fn act(
    ctx: Ctx,
    version: Microversion,
    Path(id): Path<String>,
    Wire(body): Wire<Map<String, Value>>,
) -> Reply {
    let id = number(&id)?;
    let row = match body.keys().next().map(String::as_str) {
        Some(name @ "add_host") => {
            let host = read_host(&body, name)?;
            if host != *ctx.control().host_id() {
                return Err(no_host(&host).into());
            }
            ctx.transact(move |tx, _| aggregate::add_host(tx, id, &host)).await?
        }
        Some(name @ "remove_host") => {
            let host = read_host(&body, name)?;
            ctx.transact(move |tx, _| aggregate::remove_host(tx, id, &host)).await?
        }
        Some("set_metadata") => {
            let items = read_metadata(&body)?;
            ctx.transact(move |tx, _| aggregate::set_metadata(tx, id, items))
                .await?
        }
        _ => return Err(no_such_action(&body).into()),
    };
    reply(&json!({"aggregate": view(&row, version)}))
}

fn read_host(body: &Map<String, Value>, action: &str) -> Result<HostId> {
    let body = Object::only_member(body, action)?.allow(&[field("host")], MIN)?;
    let host = body.text("host", 1..=TEXT_LIMIT)?.ok_or_else(|| missing("host"))?;
    Ok(HostId::from(host))
}

fn no_host(host: &HostId) -> Error {
    Error::not_found(
        "ComputeHostNotFound",
        format!("Compute host {host} could not be found."),
    )
}

fn read_metadata(body: &Map<String, Value>) -> Result<BTreeMap<String, Option<String>>> {
    let body = Object::only_member(body, "set_metadata")?.allow(&[field("metadata")], MIN)?;
    let items = body.object("metadata")?.ok_or_else(|| missing("metadata"))?;
    items
        .iter()
        .map(|(key, value)| match value {
            Value::Null => Ok((key.to_owned(), None)),
            Value::String(text) if text.chars().count() <= TEXT_LIMIT => Ok((key.to_owned(), Some(text.clone()))),
            other => Err(wrong(key, other, "A value is text of at most 255 characters, or null.")),
        })
        .collect()
}

/// `POST /os-aggregates/{id}/images`, from 2.81: images to have ready on the hosts. They are made ready at the first use.
pub(super) async fn cache_images(
    ctx: Ctx,
    version: Microversion,
    Path(id): Path<String>,
    Wire(body): Wire<Map<String, Value>>,
) -> Reply {
    version.require(81)?;
    ctx.cloud().get::<Aggregate>(&number(&id)?)?;
    let body = Object::new(&body).allow(&[field("cache")], version)?;
    let images = body.objects("cache")?.ok_or_else(|| missing("cache"))?;
    for image in images {
        let id = image.parsed("id", "a UUID")?.ok_or_else(|| missing("id"))?;
        model::image::show(&ctx.cloud(), ctx.actor(), id)
            .map_err(|_| Error::invalid("ImageNotFound", format!("Image {id} could not be found.")))?;
    }
    Ok(StatusCode::ACCEPTED.into_response())
}
