//! Snapshots of groups of volumes; from microversion 3.14 on.

use std::sync::Arc;

use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use model::volume::{GroupSnapshot, group_snapshot};
use model::{Error, GroupSnapshotId, ProjectId, Result};
use serde_json::{Map, Value, json};

use super::groups::{group_id, wanted_status};
use super::list::{self, Listed};
use super::{Call, action, no_such_action, words};
use crate::compute::body::{Object, missing};
use crate::extract::Wire;
use crate::query::Query;
use crate::reply::{Reply, json as reply, status};

type Body = Map<String, Value>;

/// The first microversion with snapshots of groups.
const SINCE: u16 = 14;

struct Entry(Arc<GroupSnapshot>);

impl Listed for Entry {
    const SORT_KEYS: &'static [&'static str] = &["id", "name", "status", "group_id", "group_type_id", "created_at"];
    fn id(&self) -> String {
        self.0.id.to_string()
    }
    fn project(&self) -> &ProjectId {
        &self.0.project_id
    }
    fn attribute(&self, name: &str) -> Option<Value> {
        let snapshot = &self.0;
        Some(match name {
            "id" => json!(snapshot.id),
            "name" => json!(snapshot.name),
            "description" => json!(snapshot.description),
            "status" => json!(snapshot.status.as_str()),
            "group_id" => json!(snapshot.group_id),
            "group_type_id" => json!(snapshot.group_type_id),
            "created_at" => json!(snapshot.created_at.micros_bare()),
            _ => return None,
        })
    }
}

/// A group snapshot's id in a path or body.
pub(super) fn snapshot_id(text: &str) -> Result<GroupSnapshotId> {
    super::id(text, "GroupSnapshotNotFound", "GroupSnapshot")
}

fn brief(snapshot: &GroupSnapshot) -> Value {
    json!({"id": snapshot.id, "name": snapshot.name})
}

fn whole(call: &Call, snapshot: &GroupSnapshot) -> Value {
    let mut body = json!({
        "id": snapshot.id,
        "name": snapshot.name,
        "description": snapshot.description,
        "status": snapshot.status.as_str(),
        "group_id": snapshot.group_id,
        "group_type_id": snapshot.group_type_id,
        "created_at": snapshot.created_at.micros_bare(),
    });
    if call.version.since(58) {
        body["project_id"] = json!(snapshot.project_id);
    }
    body
}

fn entries(call: &Call, query: &Query) -> Result<list::Page<Entry>> {
    call.version.require(SINCE)?;
    let cloud = call.ctx.cloud();
    list::page(call, query, cloud.group_snapshots.iter().cloned().map(Entry))
}

/// `GET /group_snapshots`.
pub(super) async fn list(call: Call, query: Query) -> Reply {
    let page = entries(&call, &query)?;
    reply(
        &page.body(&call, &query, "group_snapshots", "group_snapshots", |entry| {
            brief(&entry.0)
        }),
    )
}

/// `GET /group_snapshots/detail`.
pub(super) async fn list_detail(call: Call, query: Query) -> Reply {
    let page = entries(&call, &query)?;
    let view = |entry: &Entry| whole(&call, &entry.0);
    reply(&page.body(&call, &query, "group_snapshots", "group_snapshots/detail", view))
}

/// `GET /group_snapshots/{id}`.
pub(super) async fn show(call: Call, Path(id): Path<String>) -> Reply {
    call.version.require(SINCE)?;
    let found = group_snapshot::get_visible(&call.ctx.cloud(), call.ctx.actor(), snapshot_id(&id)?)?;
    reply(&json!({"group_snapshot": whole(&call, &found)}))
}

/// `POST /group_snapshots`.
pub(super) async fn create(call: Call, Wire(body): Wire<Body>) -> Reply {
    call.version.require(SINCE)?;
    let body = Object::only_member(&body, "group_snapshot")?.only(&["group_id", "name", "description"])?;
    let group = group_id(body.text("group_id", 1..=255)?.ok_or_else(|| missing("group_id"))?)?;
    let name = words(body, ["name", "name"])?.flatten();
    let description = words(body, ["description", "description"])?.flatten();
    let made = call
        .ctx
        .transact(move |tx, actor| group_snapshot::create(tx, actor, group, name, description))
        .await?;
    let mut shown = brief(&made);
    shown["group_type_id"] = json!(made.group_type_id);
    status(StatusCode::ACCEPTED, &json!({"group_snapshot": shown}))
}

/// `PUT /group_snapshots/{id}`.
pub(super) async fn update(call: Call, Path(id): Path<String>, Wire(body): Wire<Body>) -> Reply {
    call.version.require(SINCE)?;
    let id = snapshot_id(&id)?;
    let body = Object::only_member(&body, "group_snapshot")?.only(&["name", "description"])?;
    let name = words(body, ["name", "name"])?;
    let description = words(body, ["description", "description"])?;
    if name.is_none() && description.is_none() {
        return Err(Error::invalid("ValidationError", "Nothing is to be changed: name what is.").into());
    }
    let changed = call.ctx.transact(move |tx, actor| {
        group_snapshot::edit(tx, actor, id, |snapshot| {
            snapshot.name = name.unwrap_or_else(|| snapshot.name.take());
            snapshot.description = description.unwrap_or_else(|| snapshot.description.take());
        })
    });
    reply(&json!({"group_snapshot": whole(&call, &*changed.await?)}))
}

/// `DELETE /group_snapshots/{id}`.
pub(super) async fn delete(call: Call, Path(id): Path<String>) -> Reply {
    call.version.require(SINCE)?;
    let id = snapshot_id(&id)?;
    call.ctx
        .transact(move |tx, actor| group_snapshot::delete(tx, actor, id))
        .await?;
    Ok(StatusCode::ACCEPTED.into_response())
}

/// `POST /group_snapshots/{id}/action`: `reset_status` (3.19), for administrators.
pub(super) async fn act(call: Call, Path(id): Path<String>, Wire(body): Wire<Body>) -> Reply {
    call.version.require(19)?;
    let id = snapshot_id(&id)?;
    let (name, body) = action(&body)?;
    if name != "reset_status" {
        return Err(no_such_action(name).into());
    }
    let wanted = wanted_status(body)?;
    call.ctx
        .transact(move |tx, actor| group_snapshot::edit(tx, actor, id, |snapshot| snapshot.status = wanted))
        .await?;
    Ok(StatusCode::ACCEPTED.into_response())
}
