//! A volume's copy into an image (`os-volume_upload_image`): registered at once, copied in the background.

use axum::http::StatusCode;
use control::images::file_stream;
use model::host::VolumeReport;
use model::volume::{self, Volume, VolumeStatus};
use model::{Actor, Error, ImageId, Result, VolumeId};
use serde_json::{Map, Value, json};

use super::Call;
use crate::compute::body::{Object, wrong};
use crate::reply::{Reply, status};

/// What a volume can be copied as.
const FORMATS: [&str; 6] = ["raw", "qcow2", "vmdk", "vdi", "vhd", "vhdx"];

/// Begins it.
pub(super) async fn begin(call: &Call, id: VolumeId, body: Object<'_>) -> Reply {
    let name = body.required_name("image_name")?.to_owned();
    let disk_format = body.text("disk_format", 0..=255)?.unwrap_or("raw");
    let container_format = body.text("container_format", 0..=255)?.unwrap_or("bare").to_owned();
    if !FORMATS.contains(&disk_format) {
        return Err(wrong(
            "disk_format",
            &json!(disk_format),
            &format!("A volume can be copied as one of {}.", FORMATS.join(", ")),
        )
        .into());
    }
    let force = body.boolean("force")?.unwrap_or(false);
    let mut image = Map::new();
    image.insert("name".to_owned(), json!(name));
    image.insert("disk_format".to_owned(), json!(disk_format));
    image.insert("container_format".to_owned(), json!(container_format));
    if call.version.since(1) {
        let visibility = body.text("visibility", 0..=255)?;
        image.extend(visibility.map(|value| ("visibility".to_owned(), json!(value))));
        image.extend(
            body.boolean("protected")?
                .map(|protected| ("protected".to_owned(), json!(protected))),
        );
    }
    let volume = call
        .ctx
        .transact(move |tx, actor| volume::begin_upload(tx, actor, id, force))
        .await?;
    image.insert("min_disk".to_owned(), json!(volume.size_gib));
    let made = match call.ctx.app().images.create(call.ctx.actor().clone(), image).await {
        Ok(made) => made,
        Err(error) => {
            call.ctx.transact(move |tx, _| volume::end_upload(tx, id)).await?;
            return Err(error.into());
        }
    };
    let format = disk_format.to_owned();
    // Nobody writes to a volume that is not in use: plain bytes are read where they are.
    let is_direct = disk_format == "raw" && volume.previous_status == Some(VolumeStatus::Available);
    if !is_direct {
        let image = made.id;
        call.ctx
            .transact(move |tx, _| volume::order_upload(tx, id, image, format))
            .await?;
    }
    copy_in_background(call, &volume, made.id, is_direct);
    let mut shown = json!({
        "id": volume.id,
        "updated_at": volume.updated_at.map(|at| at.micros_bare()),
        "status": volume.status.as_str(),
        "display_description": volume.description,
        "size": volume.size_gib,
        "volume_type": volume_type(call, &volume),
        "image_id": made.id,
        "container_format": container_format,
        "disk_format": disk_format,
        "image_name": name,
    });
    if call.version.since(1) {
        shown["protected"] = json!(made.protected);
        shown["visibility"] = json!(made.visibility.as_str());
    }
    status(StatusCode::ACCEPTED, &json!({"os-volume_upload_image": shown}))
}

fn volume_type(call: &Call, volume: &Volume) -> Value {
    let cloud = call.ctx.cloud();
    let Some(found) = cloud.volume_types.get(&volume.type_id) else {
        return Value::Null;
    };
    json!({
        "id": found.id,
        "name": found.name,
        "description": found.description,
        "is_public": found.is_public,
        "extra_specs": found.extra_specs,
        "qos_specs_id": found.qos_specs_id,
        "created_at": found.created_at.micros_bare(),
        "updated_at": null,
        "deleted_at": null,
        "deleted": false,
    })
}

/// Copies and ends the state between, whether it went well or not; an image without its data does not stay.
fn copy_in_background(call: &Call, volume: &Volume, image: ImageId, is_direct: bool) {
    let (app, actor) = (call.ctx.app().clone(), call.ctx.actor().clone());
    let (id, size_gib) = (volume.id, volume.size_gib);
    let directory = app.control.plan_settings().volume_dir.clone();
    tokio::spawn(async move {
        let copied = async {
            let (name, most) = match is_direct {
                true => (format!("{id}.raw"), size_gib << 30),
                false => (exported(&app, image).await?, u64::MAX),
            };
            copy(&app, actor.clone(), &directory.join(name), most, image).await
        };
        if let Err(error) = copied.await {
            tracing::warn!(volume.id = %id, image.id = %image, "Volume {id} could not be copied into image {image}: {error}");
            if let Err(error) = app.images.delete(actor, image).await {
                tracing::warn!(image.id = %image, "Image {image}, which has no data, could not be removed: {error}");
            }
        }
        if let Err(error) = app.control.transact(move |tx| volume::end_upload(tx, id)).await {
            tracing::warn!(volume.id = %id, "Volume {id} stays in state 'uploading' until the next start: {error}");
        }
    });
}

/// Waits until the volume's host has made the file that becomes the image; gives its name.
async fn exported(app: &crate::App, image: ImageId) -> Result<String> {
    let mut reports = app.control.host_report();
    let found = reports
        .wait_for(|report| {
            let made = report.copies.get(&image.0).map(|made| &**made);
            matches!(made, Some(VolumeReport::Ready { .. } | VolumeReport::Failed { .. }))
        })
        .await;
    let report = found.map_err(|_| Error::unavailable("ServiceUnavailable", "The cloud is stopping."))?;
    match report.copies.get(&image.0).map(|made| &**made) {
        Some(VolumeReport::Failed { message, .. }) => Err(Error::unavailable("ImageCopyFailure", message.clone())),
        _ => Ok(format!("{image}.export")),
    }
}

async fn copy(app: &crate::App, actor: Actor, path: &std::path::Path, most: u64, image: ImageId) -> Result<()> {
    let file = tokio::fs::File::open(path).await.map_err(|error| {
        Error::unavailable(
            "ServiceUnavailable",
            format!("The volume's data can't be read: {error}"),
        )
    })?;
    let data = Box::pin(file_stream(file, most));
    app.images.upload(actor, image, data).await.map(drop)
}
