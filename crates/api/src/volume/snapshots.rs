//! Snapshots.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use model::volume::snapshot::{self, NewSnapshot};
use model::volume::{SnapshotStatus, VolumeSnapshot};
use model::{Error, ProjectId, Result, VolumeSnapshotId};
use serde_json::{Map, Value, json};

use super::list::{self, Listed};
use super::{Call, action, no_such_action, require_admin, words};
use crate::compute::body::{Object, missing, wrong};
use crate::extract::Wire;
use crate::query::Query;
use crate::reply::{Reply, json as reply, status};

/// A snapshot in a list.
struct Entry(Arc<VolumeSnapshot>);

impl Listed for Entry {
    const SORT_KEYS: &'static [&'static str] = &[
        "id",
        "name",
        "display_name",
        "description",
        "display_description",
        "status",
        "volume_id",
        "size",
        "volume_size",
        "created_at",
        "updated_at",
        "project_id",
        "user_id",
    ];
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
            "name" | "display_name" => json!(snapshot.name),
            "description" | "display_description" => json!(snapshot.description),
            "status" => json!(snapshot.status.as_str()),
            "volume_id" => json!(snapshot.volume_id),
            "size" | "volume_size" => json!(snapshot.size_gib),
            "created_at" => json!(snapshot.created_at.micros_bare()),
            "updated_at" => json!(snapshot.updated_at.map(|at| at.micros_bare())),
            "project_id" | "tenant_id" => json!(snapshot.project_id),
            "user_id" => json!(snapshot.user_id),
            _ => return None,
        })
    }
    fn metadata(&self) -> Option<&BTreeMap<String, String>> {
        Some(&self.0.metadata)
    }
}

/// A snapshot's id in a path.
pub(super) fn snapshot_id(text: &str) -> Result<VolumeSnapshotId> {
    super::id(text, "SnapshotNotFound", "Snapshot")
}

/// The snapshot of a path, if the caller may see it.
pub(super) fn find(call: &Call, text: &str) -> Result<Arc<VolumeSnapshot>> {
    snapshot::get_visible(&call.ctx.cloud(), call.ctx.actor(), snapshot_id(text)?)
}

fn brief(call: &Call, snapshot: &VolumeSnapshot) -> Value {
    let mut body = json!({
        "id": snapshot.id,
        "volume_id": snapshot.volume_id,
        "name": snapshot.name,
        "description": snapshot.description,
        "status": snapshot.status.as_str(),
        "size": snapshot.size_gib,
        "metadata": snapshot.metadata,
        "created_at": snapshot.created_at.micros_bare(),
        "updated_at": snapshot.updated_at.map(|at| at.micros_bare()),
    });
    if call.version.since(65) {
        body["consumes_quota"] = json!(true);
    }
    body
}

fn whole(call: &Call, snapshot: &VolumeSnapshot) -> Value {
    let mut body = brief(call, snapshot);
    let progress = match snapshot.status {
        SnapshotStatus::Available => "100%",
        _ => "0%",
    };
    body["os-extended-snapshot-attributes:progress"] = json!(snapshot.progress.as_deref().unwrap_or(progress));
    body["os-extended-snapshot-attributes:project_id"] = json!(snapshot.project_id);
    if call.version.since(14) {
        body["group_snapshot_id"] = json!(snapshot.group_snapshot_id);
    }
    if call.version.since(41) {
        body["user_id"] = json!(snapshot.user_id);
    }
    body
}

fn entries(call: &Call, query: &Query) -> Result<list::Page<Entry>> {
    list::page(
        call,
        query,
        call.ctx.cloud().volume_snapshots.iter().cloned().map(Entry),
    )
}

/// `GET /snapshots`.
pub(super) async fn list(call: Call, query: Query) -> Reply {
    let page = entries(&call, &query)?;
    reply(&page.body(&call, &query, "snapshots", "snapshots", |entry| brief(&call, &entry.0)))
}

/// `GET /snapshots/detail`.
pub(super) async fn list_detail(call: Call, query: Query) -> Reply {
    let page = entries(&call, &query)?;
    reply(&page.body(&call, &query, "snapshots", "snapshots/detail", |entry| {
        whole(&call, &entry.0)
    }))
}

/// `GET /snapshots/{id}`.
pub(super) async fn show(call: Call, Path(id): Path<String>) -> Reply {
    reply(&json!({"snapshot": whole(&call, &*find(&call, &id)?)}))
}

/// `POST /snapshots`.
pub(super) async fn create(call: Call, Wire(body): Wire<Map<String, Value>>) -> Reply {
    let body = Object::new(&body)
        .object("snapshot")?
        .ok_or_else(|| missing("snapshot"))?;
    let volume = match body.text("volume_id", 0..=255)? {
        Some(volume) => volume,
        // Null names no volume, and so one that is not there.
        None if body.has("volume_id") => "None",
        None => return Err(missing("volume_id").into()),
    };
    let force = body.boolean("force")?;
    if force == Some(false) && call.version.since(66) {
        return Err(Error::invalid(
            "ValidationError",
            "Since microversion 3.66 the flag 'force' may not be false: a volume in use needs no flag any more.",
        )
        .into());
    }
    let new = NewSnapshot {
        volume_id: super::volumes::volume_id(volume)?,
        name: words(body, ["name", "display_name"])?.flatten(),
        description: words(body, ["description", "display_description"])?.flatten(),
        metadata: body.texts("metadata")?.unwrap_or_default(),
        may_be_used: force.unwrap_or(false) || call.version.since(66),
    };
    let snapshot = call
        .ctx
        .transact(move |tx, actor| snapshot::create(tx, actor, new))
        .await?;
    status(StatusCode::ACCEPTED, &json!({"snapshot": brief(&call, &snapshot)}))
}

/// `PUT /snapshots/{id}`.
pub(super) async fn update(call: Call, Path(id): Path<String>, Wire(body): Wire<Map<String, Value>>) -> Reply {
    let id = snapshot_id(&id)?;
    let body = Object::only_member(&body, "snapshot")?;
    let name = words(body, ["name", "display_name"])?;
    let description = words(body, ["description", "display_description"])?;
    if name.is_none() && description.is_none() {
        return Err(Error::invalid("ValidationError", "Nothing is to be changed: name what is.").into());
    }
    let snapshot = call.ctx.transact(move |tx, actor| {
        snapshot::edit(tx, actor, id, |snapshot| {
            snapshot.name = name.unwrap_or_else(|| snapshot.name.take());
            snapshot.description = description.unwrap_or_else(|| snapshot.description.take());
            Ok(())
        })
    });
    reply(&json!({"snapshot": brief(&call, &*snapshot.await?)}))
}

/// `DELETE /snapshots/{id}`.
pub(super) async fn delete(call: Call, Path(id): Path<String>) -> Reply {
    let id = snapshot_id(&id)?;
    call.ctx
        .transact(move |tx, actor| snapshot::delete(tx, actor, id, false))
        .await?;
    Ok(StatusCode::ACCEPTED.into_response())
}

/// What a snapshot that is under way may be told to be (cinder `snapshot_actions.py`).
fn may_become(now: SnapshotStatus, wanted: SnapshotStatus) -> bool {
    use SnapshotStatus::{Available, Creating, Deleting, Error, ErrorDeleting};
    match now {
        Creating => matches!(wanted, Creating | Available | Error),
        Deleting => matches!(wanted, Deleting | ErrorDeleting),
        _ => false,
    }
}

/// `POST /snapshots/{id}/action`: for administrators, but for telling how far a snapshot is.
pub(super) async fn act(call: Call, Path(id): Path<String>, Wire(body): Wire<Map<String, Value>>) -> Reply {
    let id = snapshot_id(&id)?;
    let (name, body) = action(&body)?;
    if name != "os-update_snapshot_status" {
        require_admin(&call, "volume_extension:snapshot_admin_actions")?;
    }
    match name {
        "os-force_delete" => {
            call.ctx
                .transact(move |tx, actor| snapshot::delete(tx, actor, id, true))
                .await?;
        }
        "os-reset_status" | "os-update_snapshot_status" => {
            let text = body.text("status", 1..=255)?.ok_or_else(|| missing("status"))?;
            let wanted = SnapshotStatus::parse(text)
                .ok_or_else(|| wrong("status", &json!(text), "It is no status of a snapshot."))?;
            let progress = body.text("progress", 0..=255)?.map(str::to_owned);
            let is_told = name == "os-update_snapshot_status";
            call.ctx
                .transact(move |tx, actor| {
                    snapshot::edit(tx, actor, id, |snapshot| {
                        if is_told && !may_become(snapshot.status, wanted) {
                            return Err(Error::invalid(
                                "InvalidSnapshot",
                                format!(
                                    "Provided snapshot status {} not allowed for snapshot with status {}.",
                                    wanted.as_str(),
                                    snapshot.status.as_str()
                                ),
                            ));
                        }
                        snapshot.status = wanted;
                        snapshot.progress = progress.or(snapshot.progress.take());
                        Ok(())
                    })
                })
                .await?;
        }
        _ => return Err(no_such_action(name).into()),
    }
    Ok(StatusCode::ACCEPTED.into_response())
}
