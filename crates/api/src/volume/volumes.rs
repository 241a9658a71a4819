//! Volumes: lists, one, new, changed, gone.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use model::volume::{
    self, Deletion, NewVolume, SourceWish, Volume, VolumeAttachment, VolumeEdit, VolumeSource, attachment,
};
use model::{Cloud, Error, ProjectId, Result, VolumeId};
use serde_json::{Map, Value, json};

use super::list::{self, Listed};
use super::{Call, words};
use crate::compute::body::{Object, truth_of, wrong};
use crate::extract::Wire;
use crate::query::Query;
use crate::reply::{Reply, json as reply, status};

/// A volume in a list.
pub(super) struct Entry(Arc<Volume>, Arc<Cloud>);

impl Listed for Entry {
    const SORT_KEYS: &'static [&'static str] = &[
        "id",
        "name",
        "display_name",
        "status",
        "size",
        "availability_zone",
        "bootable",
        "multiattach",
        "created_at",
        "updated_at",
        "host",
        "user_id",
        "project_id",
        "migration_status",
        "volume_type_id",
        "launched_at",
        "group_id",
        "snapshot_id",
        "source_volid",
    ];
    fn id(&self) -> String {
        self.0.id.to_string()
    }
    fn project(&self) -> &ProjectId {
        &self.0.project_id
    }
    fn attribute(&self, name: &str) -> Option<Value> {
        let volume = &self.0;
        Some(match name {
            "id" => json!(volume.id),
            "name" | "display_name" => json!(volume.name),
            "description" | "display_description" => json!(volume.description),
            "status" => json!(volume.status.as_str()),
            "size" => json!(volume.size_gib),
            "availability_zone" => json!(volume.availability_zone),
            "bootable" => json!(volume.bootable),
            "multiattach" => json!(volume.multiattach),
            "created_at" => json!(volume.created_at.micros_bare()),
            "updated_at" => json!(volume.updated_at.map(|at| at.micros_bare())),
            "project_id" | "tenant_id" => json!(volume.project_id),
            "user_id" => json!(volume.user_id),
            "host" => json!(host(volume)),
            "migration_status" | "replication_status" | "consistencygroup_id" => Value::Null,
            "group_id" => json!(volume.group_id),
            "volume_type_id" => json!(volume.type_id),
            "volume_type" => json!(self.1.volume_types.get(&volume.type_id).map(|each| each.name.clone())),
            "source_volid" => json!(source_volume(volume)),
            "snapshot_id" => json!(source_snapshot(volume)),
            "launched_at" => json!(volume.launched_at.map(|at| at.micros_bare())),
            _ => return None,
        })
    }
    fn metadata(&self) -> Option<&BTreeMap<String, String>> {
        Some(&self.0.metadata)
    }
}

fn source_volume(volume: &Volume) -> Option<VolumeId> {
    match volume.source {
        VolumeSource::Volume(id) => Some(id),
        _ => None,
    }
}

fn source_snapshot(volume: &Volume) -> Option<model::VolumeSnapshotId> {
    match volume.source {
        VolumeSource::Snapshot(id) => Some(id),
        _ => None,
    }
}

/// Host, backend and pool, as Cinder writes them.
pub(super) fn host(volume: &Volume) -> Option<String> {
    volume.host.as_ref().map(|host| format!("{host}@maru#maru"))
}

/// A volume's id in a path.
pub(super) fn volume_id(text: &str) -> Result<VolumeId> {
    super::id(text, "VolumeNotFound", "Volume")
}

/// The volume of a path, if the caller may see it.
pub(super) fn find(call: &Call, text: &str) -> Result<Arc<Volume>> {
    volume::get_visible(&call.ctx.cloud(), call.ctx.actor(), volume_id(text)?)
}

fn brief(call: &Call, volume: &Volume) -> Value {
    json!({"id": volume.id, "name": volume.name, "links": call.links("volumes", volume.id)})
}

/// Which of a volume's documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Document {
    /// What was made or changed: nothing of its host.
    Short,
    /// All.
    Whole,
}

fn view(call: &Call, volume: &Volume, document: Document) -> Value {
    let cloud = call.ctx.cloud();
    let since = |minor| call.version.since(minor);
    let type_of = cloud.volume_types.get(&volume.type_id);
    let mut body = json!({
        "id": volume.id,
        "status": volume.status.as_str(),
        "size": volume.size_gib,
        "availability_zone": volume.availability_zone,
        "created_at": volume.created_at.micros_bare(),
        "updated_at": volume.updated_at.map(|at| at.micros_bare()),
        "attachments": attachments(&cloud, volume),
        "name": volume.name,
        "description": volume.description,
        "volume_type": type_of.map(|each| each.name.clone()),
        "snapshot_id": source_snapshot(volume),
        "source_volid": source_volume(volume),
        "metadata": shown_metadata(volume),
        "links": call.links("volumes", volume.id),
        "user_id": volume.user_id,
        "bootable": if volume.bootable { "true" } else { "false" },
        "encrypted": false,
        "replication_status": null,
        "consistencygroup_id": null,
        "multiattach": volume.multiattach,
    });
    let is_admin = call.ctx.actor().is_admin();
    if is_admin {
        body["migration_status"] = Value::Null;
    }
    if document == Document::Whole {
        body["os-vol-tenant-attr:tenant_id"] = json!(volume.project_id);
        if is_admin {
            body["os-vol-host-attr:host"] = json!(host(volume));
            body["os-vol-mig-status-attr:migstat"] = Value::Null;
            body["os-vol-mig-status-attr:name_id"] = Value::Null;
        }
        if !volume.image_metadata.is_empty() {
            body["volume_image_metadata"] = json!(volume.image_metadata);
        }
    }
    if since(13) {
        body["group_id"] = json!(volume.group_id);
    }
    if since(21) && is_admin {
        body["provider_id"] = Value::Null;
    }
    if since(48) {
        body["service_uuid"] = Value::Null;
        body["shared_targets"] = json!(false);
    }
    if since(61) && is_admin {
        body["cluster_name"] = Value::Null;
    }
    if since(63) {
        body["volume_type_id"] = json!(volume.type_id);
    }
    if since(65) {
        body["consumes_quota"] = json!(true);
    }
    body
}

/// The metadata, with the read-only flag among it once it was set, as Cinder writes it.
fn shown_metadata(volume: &Volume) -> BTreeMap<String, String> {
    let mut metadata = volume.metadata.clone();
    if let Some(read_only) = volume.read_only {
        let text = if read_only { "True" } else { "False" };
        metadata.insert("readonly".to_owned(), text.to_owned());
    }
    metadata
}

fn attachments(cloud: &Cloud, volume: &Volume) -> Vec<Value> {
    let all = attachment::of_volume(cloud, volume.id);
    let shown = all.iter().filter(|each| {
        !matches!(
            each.status,
            volume::AttachmentStatus::Reserved | volume::AttachmentStatus::Attaching
        )
    });
    shown.map(|each| attachment_view(each)).collect()
}

fn attachment_view(attachment: &VolumeAttachment) -> Value {
    json!({
        "id": attachment.volume_id,
        "attachment_id": attachment.id,
        "volume_id": attachment.volume_id,
        "server_id": attachment.server_id,
        "host_name": attachment.host_name,
        "device": attachment.device,
        "attached_at": attachment.attached_at.map(|at| at.micros_bare()),
    })
}

fn entries(call: &Call, query: &Query) -> Result<list::Page<Entry>> {
    let cloud = call.ctx.cloud();
    list::page(
        call,
        query,
        cloud.volumes.iter().map(|volume| Entry(volume.clone(), cloud.clone())),
    )
}

/// `GET /volumes`.
pub(super) async fn list(call: Call, query: Query) -> Reply {
    let page = entries(&call, &query)?;
    reply(&page.body(&call, &query, "volumes", "volumes", |entry| brief(&call, &entry.0)))
}

/// `GET /volumes/detail`.
pub(super) async fn list_detail(call: Call, query: Query) -> Reply {
    let page = entries(&call, &query)?;
    let whole = |entry: &Entry| view(&call, &entry.0, Document::Whole);
    reply(&page.body(&call, &query, "volumes", "volumes/detail", whole))
}

/// `GET /volumes/summary` (3.12).
pub(super) async fn summary(call: Call, query: Query) -> Reply {
    call.version.require(12)?;
    let volumes = entries(&call, &query)?.items;
    let mut body = json!({
        "total_size": volumes.iter().map(|entry| entry.0.size_gib).sum::<u64>(),
        "total_count": volumes.len(),
    });
    if call.version.since(36) {
        let mut all: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (key, value) in volumes.iter().flat_map(|entry| &entry.0.metadata) {
            let values = all.entry(key).or_default();
            if !values.contains(&value.as_str()) {
                values.push(value);
            }
        }
        body["metadata"] = json!(all);
    }
    reply(&json!({"volume-summary": body}))
}

/// `GET /volumes/{id}`.
pub(super) async fn show(call: Call, Path(id): Path<String>) -> Reply {
    let volume = find(&call, &id)?;
    reply(&json!({"volume": view(&call, &volume, Document::Whole)}))
}

/// `POST /volumes`.
pub(super) async fn create(call: Call, Wire(body): Wire<Map<String, Value>>) -> Reply {
    let volume = Object::new(&body)
        .object("volume")?
        .ok_or_else(|| crate::compute::body::missing("volume"))?;
    let new = read_new(&call, volume)?;
    let place = call.place();
    let volume = call
        .ctx
        .transact(move |tx, actor| volume::create(tx, actor, &new, &place))
        .await?;
    status(
        StatusCode::ACCEPTED,
        &json!({"volume": view(&call, &volume, Document::Short)}),
    )
}

fn read_new(call: &Call, body: Object<'_>) -> Result<NewVolume> {
    let own_zone = call.place().zone;
    if let Some(zone) = body
        .text("availability_zone", 0..=255)?
        .filter(|zone| !zone.is_empty() && *zone != own_zone)
    {
        return Err(Error::invalid(
            "InvalidAvailabilityZone",
            format!("Availability zone '{zone}' is invalid. There is '{own_zone}'."),
        ));
    }
    if let Some(value) = body.value("consistencygroup_id") {
        return Err(wrong("consistencygroup_id", value, "This cloud has none of this name."));
    }
    let source = read_source(body, call.version.since(47))?;
    let size_gib = match body.value("size") {
        Some(_) => body.integer("size", 1..=u64::from(u32::MAX))?,
        None if source == SourceWish::Blank => {
            return Err(Error::invalid(
                "HTTPBadRequest",
                "The size of an empty volume must be given ('size', GiB).",
            ));
        }
        None => None,
    };
    Ok(NewVolume {
        name: words(body, ["name", "display_name"])?.flatten(),
        description: words(body, ["description", "display_description"])?.flatten(),
        size_gib,
        source,
        volume_type: body
            .text("volume_type", 0..=255)?
            .filter(|text| !text.is_empty())
            .map(str::to_owned),
        metadata: body.texts("metadata")?.unwrap_or_default(),
        multiattach: body.boolean("multiattach")?.unwrap_or(false) && call.version.since(50),
        group_id: body
            .text("group_id", 0..=255)?
            .filter(|_| call.version.since(13))
            .map(super::groups::group_id)
            .transpose()?,
        request_id: call.ctx.request_id().to_string(),
    })
}

fn read_source(body: Object<'_>, may_be_backup: bool) -> Result<SourceWish> {
    let text = |name: &str| {
        body.text(name, 0..=255)
            .map(|text| text.filter(|text| !text.is_empty()))
    };
    let image = text("imageRef")?.or(text("image_id")?);
    let (snapshot, volume) = (text("snapshot_id")?, text("source_volid")?);
    let backup = text("backup_id")?.filter(|_| may_be_backup);
    let given = [image, snapshot, volume, backup].iter().flatten().count();
    if given > 1 {
        return Err(Error::invalid(
            "InvalidInput",
            "Invalid input received: May specify only one of snapshot, imageRef, source volume or backup",
        ));
    }
    if let Some(image) = image {
        let image = image.rsplit('/').next().unwrap_or(image);
        return image.parse().map(SourceWish::Image).map_err(|_| {
            Error::invalid(
                "HTTPBadRequest",
                format!("Invalid image identifier {image} or unable to access requested image."),
            )
        });
    }
    if let Some(snapshot) = snapshot {
        return super::id(snapshot, "SnapshotNotFound", "Snapshot").map(SourceWish::Snapshot);
    }
    if let Some(backup) = backup {
        return super::backups::source(backup).map(SourceWish::Backup);
    }
    match volume {
        Some(volume) => volume_id(volume).map(SourceWish::Volume),
        None => Ok(SourceWish::Blank),
    }
}

/// `PUT /volumes/{id}`.
pub(super) async fn update(call: Call, Path(id): Path<String>, Wire(body): Wire<Map<String, Value>>) -> Reply {
    let id = volume_id(&id)?;
    let body = Object::only_member(&body, "volume")?.only(&[
        "name",
        "description",
        "display_name",
        "display_description",
        "metadata",
    ])?;
    let edit = VolumeEdit {
        name: words(body, ["name", "display_name"])?,
        description: words(body, ["description", "display_description"])?,
        metadata: body.texts("metadata")?,
    };
    if edit.name.is_none() && edit.description.is_none() && edit.metadata.is_none() {
        return Err(Error::invalid("ValidationError", "Nothing is to be changed: name what is.").into());
    }
    let volume = call
        .ctx
        .transact(move |tx, actor| volume::update(tx, actor, id, edit))
        .await?;
    reply(&json!({"volume": view(&call, &volume, Document::Short)}))
}

/// `DELETE /volumes/{id}`; `cascade` takes its snapshots along.
pub(super) async fn delete(call: Call, Path(id): Path<String>, query: Query) -> Reply {
    let id = volume_id(&id)?;
    let flag = |name: &str| query.get(name).is_some_and(|text| truth_of(text).unwrap_or(false));
    let how = Deletion {
        cascade: flag("cascade"),
        force: flag("force") && call.version.since(23),
    };
    if how.force {
        super::require_admin(&call, "volume:force_delete")?;
    }
    call.ctx
        .transact(move |tx, actor| volume::delete(tx, actor, id, how))
        .await?;
    Ok(StatusCode::ACCEPTED.into_response())
}

/// `GET /volumes/{id}/encryption`: no volume is.
pub(super) async fn encryption(call: Call, Path(id): Path<String>) -> Reply {
    find(&call, &id)?;
    reply(&json!({"encryption_key_id": null}))
}

/// `GET /volumes/{id}/encryption/{key}`.
pub(super) async fn encryption_item(call: Call, Path((id, key)): Path<(String, String)>) -> Reply {
    find(&call, &id)?;
    Err(Error::not_found("HTTPNotFound", format!("Volume {id} has no encryption item {key}.")).into())
}
