//! Volumes and their snapshots as Nova passed them on before clients asked Cinder themselves: up to 2.35.

use std::sync::Arc;

use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use model::volume::snapshot::{self, NewSnapshot};
use model::volume::{self, Deletion, NewVolume, Place, SourceWish, Volume, VolumeSnapshot, VolumeSource, attachment};
use model::{Error, Result, VolumeId, VolumeSnapshotId};
use serde_json::{Map, Value, json};

use super::body::{Field, Object, TEXT_LIMIT, field, missing};
use super::microversion::{MIN, Microversion};
use crate::context::Ctx;
use crate::extract::Wire;
use crate::query::Query;
use crate::reply::{Reply, json as reply};

/// The last microversion that passes them on.
const LAST: u16 = 35;

fn volume_id(text: &str) -> Result<VolumeId> {
    let unknown = || Error::not_found("VolumeNotFound", format!("Volume {text} could not be found."));
    text.parse().map_err(|_| unknown())
}

fn snapshot_id(text: &str) -> Result<VolumeSnapshotId> {
    let unknown = || Error::not_found("SnapshotNotFound", format!("Snapshot {text} could not be found."));
    text.parse().map_err(|_| unknown())
}

fn view(ctx: &Ctx, volume: &Volume) -> Value {
    let cloud = ctx.cloud();
    let mut attachments: Vec<Value> = attachment::of_volume(&cloud, volume.id)
        .iter()
        .filter_map(|each| {
            let server = each.server_id?;
            let mut body = json!({"id": volume.id, "volumeId": volume.id, "serverId": server});
            if let Some(device) = &each.device {
                body["device"] = json!(device);
            }
            Some(body)
        })
        .collect();
    if attachments.is_empty() {
        // Nova says so of one that is not attached.
        attachments.push(json!({}));
    }
    let snapshot = match volume.source {
        VolumeSource::Snapshot(id) => Some(id),
        _ => None,
    };
    json!({
        "id": volume.id,
        "status": volume.status.as_str(),
        "size": volume.size_gib,
        "availabilityZone": volume.availability_zone,
        "createdAt": volume.created_at.micros_bare(),
        "displayName": volume.name,
        "displayDescription": volume.description,
        "volumeType": cloud.volume_types.get(&volume.type_id).map(|each| each.name.clone()),
        "snapshotId": snapshot,
        "metadata": volume.metadata,
        "attachments": attachments,
    })
}

fn snapshot_view(snapshot: &VolumeSnapshot) -> Value {
    json!({
        "id": snapshot.id,
        "volumeId": snapshot.volume_id,
        "status": snapshot.status.as_str(),
        "size": snapshot.size_gib,
        "createdAt": snapshot.created_at.micros_bare(),
        "displayName": snapshot.name,
        "displayDescription": snapshot.description,
    })
}

/// `offset` and `limit`, as all lists of Nova's had them before markers.
fn cut<T>(query: &Query, all: impl Iterator<Item = T>) -> Result<Vec<T>> {
    let number = |name: &str| -> Result<Option<usize>> {
        let wrong = || Error::invalid("HTTPBadRequest", format!("{name} param must be an integer"));
        query
            .get(name)
            .map(|text| text.parse().map_err(|_| wrong()))
            .transpose()
    };
    let limit = number("limit")?
        .filter(|limit| *limit > 0)
        .unwrap_or(super::paging::MAX_LIMIT);
    let offset = number("offset")?.unwrap_or(0);
    Ok(all.skip(offset).take(limit.min(super::paging::MAX_LIMIT)).collect())
}

/// `GET /os-volumes` and `GET /os-volumes/detail`, which say the same.
pub(super) async fn list(ctx: Ctx, version: Microversion, query: Query) -> Reply {
    version.require_until(LAST)?;
    let cloud = ctx.cloud();
    let own = cloud.volumes.iter().filter(|row| ctx.actor().owns(&row.project_id));
    let shown: Vec<Value> = cut(&query, own)?.into_iter().map(|row| view(&ctx, row)).collect();
    reply(&json!({"volumes": shown}))
}

/// `GET /os-volumes/{id}`.
pub(super) async fn show(ctx: Ctx, version: Microversion, Path(id): Path<String>) -> Reply {
    version.require_until(LAST)?;
    let row = volume::get_visible(&ctx.cloud(), ctx.actor(), volume_id(&id)?)?;
    reply(&json!({"volume": view(&ctx, &row)}))
}

/// `POST /os-volumes`.
pub(super) async fn create(ctx: Ctx, version: Microversion, Wire(body): Wire<Map<String, Value>>) -> Reply {
    const FIELDS: &[Field] = &[
        field("display_name"),
        field("display_description"),
        field("volume_type"),
        field("size"),
        field("metadata"),
        field("snapshot_id"),
        field("availability_zone"),
    ];
    version.require_until(LAST)?;
    let body = Object::only_member(&body, "volume")?.allow(FIELDS, version)?;
    let place = place(&ctx);
    let text = |name: &str| body.text(name, 0..=TEXT_LIMIT);
    if let Some(zone) = text("availability_zone")?.filter(|zone| *zone != place.zone) {
        return Err(Error::invalid("HTTPBadRequest", format!("Availability zone '{zone}' is invalid")).into());
    }
    let new = NewVolume {
        name: text("display_name")?.map(str::to_owned),
        description: text("display_description")?.map(str::to_owned),
        size_gib: Some(
            body.integer("size", 1..=u64::from(u32::MAX))?
                .ok_or_else(|| missing("size"))?,
        ),
        source: match text("snapshot_id")? {
            Some(id) => SourceWish::Snapshot(snapshot_id(id)?),
            None => SourceWish::Blank,
        },
        volume_type: text("volume_type")?.map(str::to_owned),
        metadata: body.texts("metadata")?.unwrap_or_default(),
        multiattach: false,
        group_id: None,
        request_id: ctx.request_id().to_string(),
    };
    let made = ctx
        .transact(move |tx, actor| volume::create(tx, actor, &new, &place))
        .await?;
    reply(&json!({"volume": view(&ctx, &made)}))
}

fn place(ctx: &Ctx) -> Place {
    Place {
        host: ctx.control().host_id().clone(),
        zone: ctx.control().plan_settings().availability_zone.clone(),
    }
}

/// `DELETE /os-volumes/{id}`.
pub(super) async fn delete(ctx: Ctx, version: Microversion, Path(id): Path<String>) -> Reply {
    version.require_until(LAST)?;
    let id = volume_id(&id)?;
    let how = Deletion {
        cascade: false,
        force: false,
    };
    ctx.transact(move |tx, actor| volume::delete(tx, actor, id, how))
        .await?;
    Ok(StatusCode::ACCEPTED.into_response())
}

/// `GET /os-snapshots` and `GET /os-snapshots/detail`.
pub(super) async fn list_snapshots(ctx: Ctx, version: Microversion, query: Query) -> Reply {
    version.require_until(LAST)?;
    let cloud = ctx.cloud();
    let rows = cloud.volume_snapshots.iter();
    let own = rows.filter(|row| ctx.actor().owns(&row.project_id));
    let shown: Vec<Value> = cut(&query, own)?.into_iter().map(|row| snapshot_view(row)).collect();
    reply(&json!({"snapshots": shown}))
}

fn find_snapshot(ctx: &Ctx, id: &str) -> Result<Arc<VolumeSnapshot>> {
    snapshot::get_visible(&ctx.cloud(), ctx.actor(), snapshot_id(id)?)
}

/// `GET /os-snapshots/{id}`.
pub(super) async fn show_snapshot(ctx: Ctx, version: Microversion, Path(id): Path<String>) -> Reply {
    version.require_until(LAST)?;
    reply(&json!({"snapshot": snapshot_view(&*find_snapshot(&ctx, &id)?)}))
}

/// `POST /os-snapshots`.
pub(super) async fn create_snapshot(ctx: Ctx, version: Microversion, Wire(body): Wire<Map<String, Value>>) -> Reply {
    const FIELDS: &[Field] = &[
        field("volume_id"),
        field("force"),
        field("display_name"),
        field("display_description"),
    ];
    version.require_until(LAST)?;
    let body = Object::only_member(&body, "snapshot")?.allow(FIELDS, MIN)?;
    let volume = body
        .text("volume_id", 1..=TEXT_LIMIT)?
        .ok_or_else(|| missing("volume_id"))?;
    let new = NewSnapshot {
        volume_id: volume_id(volume)?,
        name: body.text("display_name", 0..=TEXT_LIMIT)?.map(str::to_owned),
        description: body.text("display_description", 0..=TEXT_LIMIT)?.map(str::to_owned),
        metadata: Default::default(),
        may_be_used: body.boolean("force")?.unwrap_or(false),
    };
    let made = ctx.transact(move |tx, actor| snapshot::create(tx, actor, new)).await?;
    reply(&json!({"snapshot": snapshot_view(&made)}))
}

/// `DELETE /os-snapshots/{id}`.
pub(super) async fn delete_snapshot(ctx: Ctx, version: Microversion, Path(id): Path<String>) -> Reply {
    version.require_until(LAST)?;
    let id = snapshot_id(&id)?;
    ctx.transact(move |tx, actor| snapshot::delete(tx, actor, id, false))
        .await?;
    Ok(StatusCode::ACCEPTED.into_response())
}
