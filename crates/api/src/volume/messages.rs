//! User messages (3.3): why a project's volumes are in error. A message is what the volume remembers of its failure, under
//! the volume's id; deleting one makes the volume forget it.

use std::sync::Arc;

use axum::extract::Path;
use model::volume::{self, Volume};
use model::{Error, Result};
use serde_json::{Value, json};

use super::Call;
use super::volumes::volume_id;
use crate::reply::{Reply, json as reply, no_content};

fn view(call: &Call, of: &Volume, fault: &str) -> Value {
    let at = of.updated_at.unwrap_or(of.created_at);
    json!({
        "id": of.id,
        "event_id": "VOLUME_VOLUME_001_001",
        "user_message": fault,
        "message_level": "ERROR",
        "resource_type": "VOLUME",
        "resource_uuid": of.id,
        "created_at": at.micros_bare(),
        "guaranteed_until": at.plus_seconds(30 * 24 * 3600).micros_bare(),
        "request_id": of.request_id,
        "links": call.links("messages", of.id),
    })
}

fn find(call: &Call, text: &str) -> Result<Arc<Volume>> {
    let found = volume_id(text).and_then(|id| volume::get_visible(&call.ctx.cloud(), call.ctx.actor(), id));
    found
        .ok()
        .filter(|volume| volume.fault.is_some())
        .ok_or_else(|| Error::not_found("MessageNotFound", format!("Message {text} could not be found.")))
}

/// `GET /messages`.
pub(super) async fn list(call: Call) -> Reply {
    call.version.require(3)?;
    let cloud = call.ctx.cloud();
    let ids = cloud.lookups.volumes_by_project.of(call.ctx.project_id()?);
    let volumes = ids.filter_map(|id| cloud.volumes.get(id));
    let shown: Vec<Value> = volumes
        .filter_map(|volume| Some(view(&call, volume, volume.fault.as_deref()?)))
        .collect();
    reply(&json!({"messages": shown}))
}

/// `GET /messages/{id}`.
pub(super) async fn show(call: Call, Path(id): Path<String>) -> Reply {
    call.version.require(3)?;
    let found = find(&call, &id)?;
    reply(&json!({"message": view(&call, &found, found.fault.as_deref().unwrap_or_default())}))
}

/// `DELETE /messages/{id}`.
pub(super) async fn delete(call: Call, Path(id): Path<String>) -> Reply {
    call.version.require(3)?;
    let id = find(&call, &id)?.id;
    call.ctx
        .transact(move |tx, actor| {
            volume::edit(tx, actor, id, |volume| {
                volume.fault = None;
                Ok(())
            })
        })
        .await?;
    no_content()
}
