//! Backups.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use model::volume::backup::{self, NewBackup, RestoreTarget};
use model::volume::{BackupStatus, VolumeBackup};
use model::{BackupId, Error, ProjectId, Result};
use serde_json::{Map, Value, json};

use super::list::{self, Listed};
use super::{Call, action, no_such_action, require_admin, words};
use crate::compute::body::{Object, missing, wrong};
use crate::extract::Wire;
use crate::query::Query;
use crate::reply::{Reply, json as reply, status};

type Body = Map<String, Value>;

/// What exported records say they are of: files below a directory, in Cinder's words.
const SERVICE: &str = "cinder.backup.drivers.posix.PosixBackupDriver";

struct Entry(Arc<VolumeBackup>);

impl Listed for Entry {
    const SORT_KEYS: &'static [&'static str] = &[
        "id",
        "name",
        "display_name",
        "status",
        "size",
        "volume_id",
        "snapshot_id",
        "created_at",
        "updated_at",
        "data_timestamp",
        "project_id",
    ];
    fn id(&self) -> String {
        self.0.id.to_string()
    }
    fn project(&self) -> &ProjectId {
        &self.0.project_id
    }
    fn attribute(&self, name: &str) -> Option<Value> {
        let backup = &self.0;
        Some(match name {
            "id" => json!(backup.id),
            "name" | "display_name" => json!(backup.name),
            "description" | "display_description" => json!(backup.description),
            "status" => json!(backup.status.as_str()),
            "size" => json!(backup.size_gib),
            "volume_id" => json!(backup.volume_id),
            "snapshot_id" => json!(backup.snapshot_id),
            "created_at" => json!(backup.created_at.micros_bare()),
            "updated_at" => json!(backup.updated_at.map(|at| at.micros_bare())),
            "data_timestamp" => json!(backup.data_timestamp.micros_bare()),
            "project_id" | "tenant_id" => json!(backup.project_id),
            _ => return None,
        })
    }
    fn metadata(&self) -> Option<&BTreeMap<String, String>> {
        Some(&self.0.metadata)
    }
}

fn backup_id(text: &str) -> Result<BackupId> {
    super::id(text, "BackupNotFound", "Backup")
}

/// A backup's id in the body of a new volume.
pub(super) fn source(text: &str) -> Result<BackupId> {
    backup_id(text)
}

fn find(call: &Call, text: &str) -> Result<Arc<VolumeBackup>> {
    backup::get_visible(&call.ctx.cloud(), call.ctx.actor(), backup_id(text)?)
}

fn brief(call: &Call, backup: &VolumeBackup) -> Value {
    json!({"id": backup.id, "name": backup.name, "links": call.links("backups", backup.id)})
}

/// The answer to what makes or changes one.
fn changed(call: &Call, backup: &VolumeBackup) -> Value {
    let mut body = brief(call, backup);
    if call.version.since(43) {
        body["metadata"] = json!(backup.metadata);
    }
    body
}

fn whole(call: &Call, backup: &VolumeBackup) -> Value {
    let mut body = brief(call, backup);
    let more = json!({
        "status": backup.status.as_str(),
        "size": backup.size_gib,
        "object_count": 1,
        "container": backup.container,
        "description": backup.description,
        "availability_zone": backup.availability_zone,
        "created_at": backup.created_at.micros_bare(),
        "updated_at": backup.updated_at.map(|at| at.micros_bare()),
        "data_timestamp": backup.data_timestamp.micros_bare(),
        "volume_id": backup.volume_id,
        "snapshot_id": backup.snapshot_id,
        "fail_reason": backup.fail_reason,
        "is_incremental": backup.parent_id.is_some(),
        "has_dependent_backups": backup::has_dependents(&call.ctx.cloud(), backup),
    });
    if let (Some(body), Value::Object(more)) = (body.as_object_mut(), more) {
        body.extend(more);
    }
    if call.version.since(18) && call.ctx.actor().is_admin() {
        body["os-backup-project-attr:project_id"] = json!(backup.project_id);
    }
    if call.version.since(43) {
        body["metadata"] = json!(backup.metadata);
    }
    if call.version.since(56) {
        body["user_id"] = json!(backup.user_id);
    }
    if call.version.since(64) {
        body["encryption_key_id"] = Value::Null;
    }
    body
}

fn entries(call: &Call, query: &Query) -> Result<list::Page<Entry>> {
    let cloud = call.ctx.cloud();
    list::page(call, query, cloud.volume_backups.iter().cloned().map(Entry))
}

/// `GET /backups`.
pub(super) async fn list(call: Call, query: Query) -> Reply {
    let page = entries(&call, &query)?;
    reply(&page.body(&call, &query, "backups", "backups", |entry| brief(&call, &entry.0)))
}

/// `GET /backups/detail`.
pub(super) async fn list_detail(call: Call, query: Query) -> Reply {
    let page = entries(&call, &query)?;
    let view = |entry: &Entry| whole(&call, &entry.0);
    reply(&page.body(&call, &query, "backups", "backups/detail", view))
}

/// `GET /backups/{id}`.
pub(super) async fn show(call: Call, Path(id): Path<String>) -> Reply {
    reply(&json!({"backup": whole(&call, &*find(&call, &id)?)}))
}

/// `POST /backups`.
pub(super) async fn create(call: Call, Wire(body): Wire<Body>) -> Reply {
    let body = Object::only_member(&body, "backup")?;
    let volume = body.text("volume_id", 1..=255)?.ok_or_else(|| missing("volume_id"))?;
    let new = NewBackup {
        volume_id: super::volumes::volume_id(volume)?,
        snapshot_id: body
            .text("snapshot_id", 0..=255)?
            .map(super::snapshots::snapshot_id)
            .transpose()?,
        name: words(body, ["name", "name"])?.flatten(),
        description: words(body, ["description", "description"])?.flatten(),
        container: body.text("container", 0..=255)?.map(str::to_owned),
        incremental: body.boolean("incremental")?.unwrap_or(false),
        force: body.boolean("force")?.unwrap_or(false),
        metadata: body
            .texts("metadata")?
            .filter(|_| call.version.since(43))
            .unwrap_or_default(),
    };
    let place = call.place();
    let made = call
        .ctx
        .transact(move |tx, actor| backup::create_backup(tx, actor, new, &place))
        .await?;
    status(StatusCode::ACCEPTED, &json!({"backup": changed(&call, &made)}))
}

/// `PUT /backups/{id}` (3.9).
pub(super) async fn update(call: Call, Path(id): Path<String>, Wire(body): Wire<Body>) -> Reply {
    call.version.require(9)?;
    let id = backup_id(&id)?;
    let body = Object::only_member(&body, "backup")?.only(&["name", "description", "metadata"])?;
    let name = words(body, ["name", "name"])?;
    let description = words(body, ["description", "description"])?;
    let metadata = body.texts("metadata")?.filter(|_| call.version.since(43));
    if name.is_none() && description.is_none() && metadata.is_none() {
        return Err(Error::invalid("HTTPBadRequest", "Nothing is to be changed: name what is.").into());
    }
    let made = call.ctx.transact(move |tx, actor| {
        backup::edit(tx, actor, id, |backup| {
            backup.name = name.unwrap_or_else(|| backup.name.take());
            backup.description = description.unwrap_or_else(|| backup.description.take());
            backup.metadata = metadata.unwrap_or_else(|| std::mem::take(&mut backup.metadata));
        })
    });
    reply(&json!({"backup": changed(&call, &*made.await?)}))
}

/// `DELETE /backups/{id}`.
pub(super) async fn delete(call: Call, Path(id): Path<String>) -> Reply {
    let id = backup_id(&id)?;
    call.ctx
        .transact(move |tx, actor| backup::delete(tx, actor, id, false))
        .await?;
    Ok(StatusCode::ACCEPTED.into_response())
}

/// `POST /backups/{id}/restore`: into a volume that is named, or into a new one.
pub(super) async fn restore(call: Call, Path(id): Path<String>, Wire(body): Wire<Body>) -> Reply {
    let id = backup_id(&id)?;
    let body = Object::only_member(&body, "restore")?.only(&["volume_id", "name"])?;
    let target = match body.text("volume_id", 0..=255)? {
        Some(volume) => RestoreTarget::Volume(super::volumes::volume_id(volume)?),
        None => RestoreTarget::New(words(body, ["name", "name"])?.flatten()),
    };
    let (place, request_id) = (call.place(), call.ctx.request_id().to_string());
    let volume = call
        .ctx
        .transact(move |tx, actor| backup::restore(tx, actor, id, target, &place, &request_id))
        .await?;
    status(
        StatusCode::ACCEPTED,
        &json!({"restore": {
            "backup_id": id,
            "volume_id": volume.id,
            "volume_name": volume.name.clone().unwrap_or_default(),
        }}),
    )
}

/// `GET /backups/{id}/export_record`, for administrators: what one needs to enter the backup again after the rows are lost.
pub(super) async fn export(call: Call, Path(id): Path<String>) -> Reply {
    let found = find(&call, &id)?;
    if found.status != BackupStatus::Available {
        return Err(Error::invalid(
            "InvalidBackup",
            format!(
                "Invalid backup: Backup status must be available and not {}.",
                found.status.as_str()
            ),
        )
        .into());
    }
    let record = serde_json::to_vec(&*found)
        .map_err(|error| Error::internal("InternalServerError", format!("a backup can't be written: {error}")))?;
    reply(&json!({"backup-record": {"backup_service": SERVICE, "backup_url": STANDARD.encode(record)}}))
}

/// `POST /backups/import_record`, for administrators.
pub(super) async fn import(call: Call, Wire(body): Wire<Body>) -> Reply {
    let body = Object::only_member(&body, "backup-record")?;
    let service = body
        .text("backup_service", 1..=255)?
        .ok_or_else(|| missing("backup_service"))?;
    let url = body
        .text("backup_url", 1..=65_535)?
        .ok_or_else(|| missing("backup_url"))?;
    if service != SERVICE {
        return Err(Error::unavailable(
            "ServiceNotFound",
            format!("Service {service} could not be found: this cloud's backups are of {SERVICE}."),
        )
        .into());
    }
    let record = STANDARD.decode(url.trim()).ok();
    let record: VolumeBackup = record
        .and_then(|bytes| serde_json::from_slice(&bytes).ok())
        .ok_or_else(|| Error::invalid("InvalidInput", "Invalid input received: Can't parse backup record."))?;
    let made = call
        .ctx
        .transact(move |tx, actor| backup::import(tx, actor, record))
        .await?;
    status(StatusCode::CREATED, &json!({"backup": brief(&call, &made)}))
}

/// `POST /backups/{id}/action`, for administrators.
pub(super) async fn act(call: Call, Path(id): Path<String>, Wire(body): Wire<Body>) -> Reply {
    let id = backup_id(&id)?;
    let (name, body) = action(&body)?;
    match name {
        "os-force_delete" => {
            require_admin(&call, "volume_extension:backup_admin_actions:force_delete")?;
            call.ctx
                .transact(move |tx, actor| backup::delete(tx, actor, id, true))
                .await?;
        }
        "os-reset_status" => {
            require_admin(&call, "volume_extension:backup_admin_actions:reset_status")?;
            let text = body.text("status", 1..=255)?.ok_or_else(|| missing("status"))?;
            let wanted = BackupStatus::parse(text)
                .ok_or_else(|| wrong("status", &json!(text), "It is no status of a backup."))?;
            call.ctx
                .transact(move |tx, actor| backup::edit(tx, actor, id, |backup| backup.status = wanted))
                .await?;
        }
        _ => return Err(no_such_action(name).into()),
    }
    Ok(StatusCode::ACCEPTED.into_response())
}
