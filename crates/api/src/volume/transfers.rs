//! Offers of volumes to other projects, under both their names (`os-volume-transfer`, and `volume-transfers` from 3.55).

use std::sync::Arc;

use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use model::volume::VolumeTransfer;
use model::volume::transfer;
use model::{Error, Result, VolumeTransferId};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::list::wants_all;
use super::{Call, words};
use crate::compute::body::{Object, missing};
use crate::extract::Wire;
use crate::query::Query;
use crate::reply::{Reply, json as reply, status};

fn transfer_id(text: &str) -> Result<VolumeTransferId> {
    super::id(text, "TransferNotFound", "Transfer")
}

fn brief(call: &Call, of: &VolumeTransfer) -> Value {
    json!({
        "id": of.id,
        "volume_id": of.volume_id,
        "name": of.name,
        "links": call.links("volume-transfers", of.id),
    })
}

fn whole(call: &Call, of: &VolumeTransfer) -> Value {
    let mut body = brief(call, of);
    body["created_at"] = json!(of.created_at.micros_bare());
    if call.version.since(55) {
        body["no_snapshots"] = json!(of.no_snapshots);
    }
    if call.version.since(57) {
        body["source_project_id"] = json!(of.source_project_id);
        body["destination_project_id"] = Value::Null;
        body["accepted"] = json!(false);
    }
    body
}

fn all(call: &Call, query: &Query) -> Vec<Arc<VolumeTransfer>> {
    let everyone = wants_all(call, query);
    let own = call.ctx.actor().project_id();
    let cloud = call.ctx.cloud();
    let transfers = cloud.volume_transfers.iter();
    let seen = transfers.filter(|each| everyone || own == Some(&each.source_project_id));
    seen.cloned().collect()
}

/// `GET /os-volume-transfer`.
pub(super) async fn list(call: Call, query: Query) -> Reply {
    let shown: Vec<Value> = all(&call, &query).iter().map(|each| brief(&call, each)).collect();
    reply(&json!({"transfers": shown}))
}

/// `GET /os-volume-transfer/detail`.
pub(super) async fn list_detail(call: Call, query: Query) -> Reply {
    let shown: Vec<Value> = all(&call, &query).iter().map(|each| whole(&call, each)).collect();
    reply(&json!({"transfers": shown}))
}

/// `GET /os-volume-transfer/{id}`.
pub(super) async fn show(call: Call, Path(id): Path<String>) -> Reply {
    let found = transfer::get_visible(&call.ctx.cloud(), call.ctx.actor(), transfer_id(&id)?)?;
    reply(&json!({"transfer": whole(&call, &found)}))
}

fn digest(key: &str) -> String {
    Sha256::digest(key.as_bytes())
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// `POST /os-volume-transfer`: the key is shown here and never again.
pub(super) async fn create(call: Call, Wire(body): Wire<Map<String, Value>>) -> Reply {
    let body = Object::only_member(&body, "transfer")?;
    let volume = body.text("volume_id", 1..=255)?.ok_or_else(|| missing("volume_id"))?;
    let volume = super::volumes::volume_id(volume)?;
    let name = words(body, ["name", "display_name"])?.flatten();
    let no_snapshots = body.boolean("no_snapshots")?.unwrap_or(false);
    let key: String = uuid::Uuid::new_v4().simple().to_string().chars().take(16).collect();
    let kept = digest(&key);
    let made = call
        .ctx
        .transact(move |tx, actor| transfer::create(tx, actor, volume, name, kept, no_snapshots))
        .await?;
    let mut shown = whole(&call, &made);
    shown["auth_key"] = json!(key);
    status(StatusCode::ACCEPTED, &json!({"transfer": shown}))
}

/// `POST /os-volume-transfer/{id}/accept`.
pub(super) async fn accept(call: Call, Path(id): Path<String>, Wire(body): Wire<Map<String, Value>>) -> Reply {
    let id = transfer_id(&id)?;
    let key = Object::only_member(&body, "accept")?
        .text("auth_key", 1..=255)?
        .ok_or_else(|| missing("auth_key"))?;
    let given = digest(key);
    let accepted = call
        .ctx
        .transact(move |tx, actor| transfer::accept(tx, actor, id, &given))
        .await
        .map_err(|error| match error.code {
            // Whoever has no key learns nothing.
            "VolumeNotFound" => Error::not_found("TransferNotFound", format!("Transfer {id} could not be found.")),
            _ => error,
        })?;
    status(StatusCode::ACCEPTED, &json!({"transfer": brief(&call, &accepted)}))
}

/// `DELETE /os-volume-transfer/{id}`.
pub(super) async fn delete(call: Call, Path(id): Path<String>) -> Reply {
    let id = transfer_id(&id)?;
    call.ctx
        .transact(move |tx, actor| transfer::delete(tx, actor, id))
        .await?;
    Ok(StatusCode::ACCEPTED.into_response())
}
