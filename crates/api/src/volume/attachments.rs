//! Attachments as resources of their own (3.27).

use std::sync::Arc;

use axum::extract::Path;
use model::volume::attachment::{self, NewAttachment};
use model::volume::{AttachMode, Volume, VolumeAttachment};
use model::{AttachmentId, ProjectId, Result, ServerId};
use serde_json::{Map, Value, json};

use super::actions::connection_info;
use super::list::{self, Listed};
use super::{Call, action, no_such_action};
use crate::compute::body::{Object, missing};
use crate::extract::Wire;
use crate::query::Query;
use crate::reply::{Reply, json as reply, no_content};

/// An attachment in a list.
struct Entry(Arc<VolumeAttachment>);

impl Listed for Entry {
    const SORT_KEYS: &'static [&'static str] = &["id", "volume_id", "status", "attach_status", "created_at"];
    fn id(&self) -> String {
        self.0.id.to_string()
    }
    fn project(&self) -> &ProjectId {
        &self.0.project_id
    }
    fn attribute(&self, name: &str) -> Option<Value> {
        let attachment = &self.0;
        Some(match name {
            "id" => json!(attachment.id),
            "volume_id" => json!(attachment.volume_id),
            "instance_id" | "instance_uuid" | "instance" => json!(attachment.server_id),
            "status" | "attach_status" => json!(attachment.status.as_str()),
            "created_at" => json!(attachment.created_at.micros_bare()),
            "project_id" => json!(attachment.project_id),
            _ => return None,
        })
    }
}

fn attachment_id(text: &str) -> Result<AttachmentId> {
    super::id(text, "VolumeAttachmentNotFound", "Volume attachment")
}

fn brief(of: &VolumeAttachment) -> Value {
    json!({
        "id": of.id,
        "instance": of.server_id,
        "volume_id": of.volume_id,
        "status": of.status.as_str(),
    })
}

fn whole(call: &Call, of: &VolumeAttachment) -> Value {
    let mut body = brief(of);
    body["attached_at"] = json!(of.attached_at.map(|at| at.micros_bare()));
    body["detached_at"] = Value::Null;
    body["attach_mode"] = json!(of.mode.as_str());
    let volume = call.ctx.cloud().find::<Volume>(&of.volume_id).cloned();
    body["connection_info"] = match volume.filter(|_| of.connector.is_some() || of.is_local) {
        Some(volume) => {
            let mut info = connection_info(call, &volume);
            info["data"]["attachment_id"] = json!(of.id);
            info
        }
        None => json!({}),
    };
    body
}

fn entries(call: &Call, query: &Query) -> Result<list::Page<Entry>> {
    call.version.require(27)?;
    list::page(
        call,
        query,
        call.ctx.cloud().volume_attachments.iter().cloned().map(Entry),
    )
}

/// `GET /attachments`.
pub(super) async fn list(call: Call, query: Query) -> Reply {
    let page = entries(&call, &query)?;
    reply(&page.body(&call, &query, "attachments", "attachments", |entry| brief(&entry.0)))
}

/// `GET /attachments/detail`.
pub(super) async fn list_detail(call: Call, query: Query) -> Reply {
    let page = entries(&call, &query)?;
    reply(&page.body(&call, &query, "attachments", "attachments/detail", |entry| {
        whole(&call, &entry.0)
    }))
}

/// `GET /attachments/{id}`.
pub(super) async fn show(call: Call, Path(id): Path<String>) -> Reply {
    call.version.require(27)?;
    let found = attachment::get_visible(&call.ctx.cloud(), call.ctx.actor(), attachment_id(&id)?)?;
    reply(&json!({"attachment": whole(&call, &found)}))
}

fn connector(body: Object<'_>) -> Result<Option<Map<String, Value>>> {
    let pairs = body.object("connector")?;
    let pairs = pairs.map(|pairs| {
        pairs
            .iter()
            .map(|(name, value)| (name.to_owned(), value.clone()))
            .collect::<Map<_, _>>()
    });
    Ok(pairs.filter(|pairs| !pairs.is_empty()))
}

/// `POST /attachments`.
pub(super) async fn create(call: Call, Wire(body): Wire<Map<String, Value>>) -> Reply {
    call.version.require(27)?;
    let body = Object::only_member(&body, "attachment")?;
    let volume = body
        .text("volume_uuid", 1..=255)?
        .ok_or_else(|| missing("volume_uuid"))?;
    let volume = super::volumes::volume_id(volume)?;
    let server_id: Option<ServerId> = body.parsed("instance_uuid", "a UUID")?;
    let connector = connector(body)?;
    let text = |name: &str| {
        let value = connector.as_ref().and_then(|pairs| pairs.get(name));
        value.and_then(Value::as_str).map(str::to_owned)
    };
    let new = NewAttachment {
        server_id,
        host_name: text("host"),
        device: text("mountpoint"),
        read_only: body.text("mode", 0..=255)? == Some(AttachMode::Ro.as_str()) && call.version.since(54),
        connector: connector.clone(),
    };
    let made = call
        .ctx
        .transact(move |tx, actor| attachment::create(tx, actor, volume, new))
        .await?;
    reply(&json!({"attachment": whole(&call, &made)}))
}

/// `PUT /attachments/{id}`: says what wants it.
pub(super) async fn update(call: Call, Path(id): Path<String>, Wire(body): Wire<Map<String, Value>>) -> Reply {
    call.version.require(27)?;
    let id = attachment_id(&id)?;
    let connector = connector(Object::only_member(&body, "attachment")?)?.ok_or_else(|| missing("connector"))?;
    let changed = call
        .ctx
        .transact(move |tx, actor| attachment::advance(tx, actor, id, Some(connector)))
        .await?;
    reply(&json!({"attachment": whole(&call, &changed)}))
}

/// `DELETE /attachments/{id}`: the volume's other attachments are answered.
pub(super) async fn delete(call: Call, Path(id): Path<String>) -> Reply {
    call.version.require(27)?;
    let id = attachment_id(&id)?;
    let gone = call
        .ctx
        .transact(move |tx, actor| attachment::delete(tx, actor, id))
        .await?;
    let left = attachment::of_volume(&call.ctx.cloud(), gone.volume_id);
    let shown: Vec<Value> = left.iter().map(|each| brief(each)).collect();
    reply(&json!({"attachments": shown}))
}

/// `POST /attachments/{id}/action`: `os-complete` (3.44).
pub(super) async fn act(call: Call, Path(id): Path<String>, Wire(body): Wire<Map<String, Value>>) -> Reply {
    call.version.require(44)?;
    let id = attachment_id(&id)?;
    let (name, _) = action(&body)?;
    if name != "os-complete" {
        return Err(no_such_action(name).into());
    }
    call.ctx
        .transact(move |tx, actor| attachment::advance(tx, actor, id, None))
        .await?;
    no_content()
}
