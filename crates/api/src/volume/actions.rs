//! Actions on a volume (`POST /volumes/{id}/action`).

use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use model::volume::attachment::{self, NewAttachment};
use model::volume::{self, Deletion, VolumeStatus, limits};
use model::{Error, ImageId, Result, VolumeId};
use serde_json::{Map, Value, json};

use super::volumes::{find, volume_id};
use super::{Call, action, no_such_action, require_admin, upload};
use crate::access::Access;
use crate::compute::body::{Object, missing, wrong};
use crate::extract::Wire;
use crate::reply::{Reply, json as reply};

fn accepted() -> Reply {
    Ok(StatusCode::ACCEPTED.into_response())
}

/// `POST /volumes/{id}/action`.
pub(super) async fn act(call: Call, Path(id): Path<String>, Wire(body): Wire<Map<String, Value>>) -> Reply {
    let id = volume_id(&id)?;
    let (name, body) = action(&body)?;
    if name != "os-show_image_metadata" {
        Access::Member.check(call.ctx.actor())?;
    }
    match name {
        "os-extend" => extend(&call, id, body).await,
        "os-set_bootable" => {
            let bootable = body.boolean("bootable")?.ok_or_else(|| missing("bootable"))?;
            edit(&call, id, move |volume| {
                volume.bootable = bootable;
                Ok(())
            })
            .await?;
            Ok(StatusCode::OK.into_response())
        }
        "os-update_readonly_flag" => {
            let read_only = body.boolean("readonly")?.ok_or_else(|| missing("readonly"))?;
            edit(&call, id, move |volume| {
                if volume.status != VolumeStatus::Available {
                    return Err(Error::invalid(
                        "InvalidVolume",
                        format!(
                            "Invalid volume: Volume {id} status must be available to update readonly flag, but current \
                             status is: {}.",
                            volume.status.as_str()
                        ),
                    ));
                }
                volume.read_only = Some(read_only);
                Ok(())
            })
            .await?;
            accepted()
        }
        "os-reimage" if call.version.since(68) => reimage(&call, id, body).await,
        "os-reset_status" => reset_status(&call, id, body).await,
        "os-force_delete" => {
            require_admin(&call, "volume_extension:volume_admin_actions:force_delete")?;
            let how = Deletion {
                cascade: false,
                force: true,
            };
            call.ctx
                .transact(move |tx, actor| volume::delete(tx, actor, id, how))
                .await?;
            accepted()
        }
        "os-retype" => retype(&call, id, body).await,
        "os-volume_upload_image" => upload::begin(&call, id, body).await,
        "os-set_image_metadata" | "os-unset_image_metadata" | "os-show_image_metadata" => {
            image_metadata(&call, id, name, body).await
        }
        _ => connect(&call, id, name, body).await,
    }
}

async fn edit(
    call: &Call,
    id: VolumeId,
    change: impl FnOnce(&mut volume::Volume) -> Result<()> + Send + 'static,
) -> Result<()> {
    call.ctx
        .transact(move |tx, actor| volume::edit(tx, actor, id, change))
        .await
        .map(drop)
}

async fn extend(call: &Call, id: VolumeId, body: Object<'_>) -> Reply {
    let size = body
        .integer("new_size", 1..=u64::from(u32::MAX))?
        .ok_or_else(|| missing("new_size"))?;
    let (may_be_used, request) = (call.version.since(42), call.ctx.request_id().0);
    call.ctx
        .transact(move |tx, actor| volume::extend(tx, actor, id, size, may_be_used, request))
        .await?;
    accepted()
}

async fn reimage(call: &Call, id: VolumeId, body: Object<'_>) -> Reply {
    let body = body.only(&["image_id", "reimage_reserved"])?;
    let image: ImageId = body.parsed("image_id", "a UUID")?.ok_or_else(|| missing("image_id"))?;
    let may_be_reserved = body.boolean("reimage_reserved")?.unwrap_or(false);
    call.ctx
        .transact(move |tx, actor| volume::reimage(tx, actor, id, image, may_be_reserved))
        .await?;
    accepted()
}

async fn reset_status(call: &Call, id: VolumeId, body: Object<'_>) -> Reply {
    require_admin(call, "volume_extension:volume_admin_actions:reset_status")?;
    let body = body.only(&["status", "attach_status", "migration_status"])?;
    let status = match body.text("status", 0..=255)? {
        None => None,
        Some(text) => Some(
            VolumeStatus::parse(text).ok_or_else(|| wrong("status", &json!(text), "It is no status of a volume."))?,
        ),
    };
    let detach = match body.text("attach_status", 0..=255)? {
        None | Some("attached") => false,
        Some("detached") => true,
        Some(other) => {
            return Err(wrong("attach_status", &json!(other), "It is neither attached nor detached.").into());
        }
    };
    if status.is_none() && !body.has("attach_status") && !body.has("migration_status") {
        return Err(Error::invalid("ValidationError", "Nothing is to be reset: name a status.").into());
    }
    call.ctx
        .transact(move |tx, actor| volume::reset_status(tx, actor, id, status, detach))
        .await?;
    accepted()
}

async fn retype(call: &Call, id: VolumeId, body: Object<'_>) -> Reply {
    let new_type = body
        .text("new_type", 1..=255)?
        .ok_or_else(|| missing("new_type"))?
        .to_owned();
    if let Some(policy) = body
        .text("migration_policy", 0..=255)?
        .filter(|policy| !["on-demand", "never"].contains(policy))
    {
        return Err(wrong("migration_policy", &json!(policy), "It is neither on-demand nor never.").into());
    }
    call.ctx
        .transact(move |tx, actor| volume::retype(tx, actor, id, &new_type))
        .await?;
    accepted()
}

async fn image_metadata(call: &Call, id: VolumeId, name: &str, body: Object<'_>) -> Reply {
    match name {
        "os-set_image_metadata" => {
            let new = body.texts("metadata")?.ok_or_else(|| missing("metadata"))?;
            let all = call
                .ctx
                .transact(move |tx, actor| {
                    volume::edit(tx, actor, id, |volume| {
                        volume.image_metadata.extend(new);
                        Ok(())
                    })
                })
                .await?;
            reply(&json!({"metadata": all.image_metadata}))
        }
        "os-unset_image_metadata" => {
            let key = body.text("key", 1..=255)?.ok_or_else(|| missing("key"))?.to_owned();
            edit(call, id, move |volume| {
                volume.image_metadata.remove(&key).map(drop).ok_or_else(|| {
                    Error::not_found(
                        "GlanceMetadataNotFound",
                        format!("Glance metadata '{key}' of volume {id} could not be found."),
                    )
                })
            })
            .await?;
            Ok(StatusCode::OK.into_response())
        }
        _ => {
            let volume = find(call, &id.to_string())?;
            reply(&json!({"metadata": volume.image_metadata}))
        }
    }
}

/// What Nova and others ask of Cinder around an attachment.
async fn connect(call: &Call, id: VolumeId, name: &str, body: Object<'_>) -> Reply {
    let done: Response = match name {
        "os-attach" => {
            let mode = body.text("mode", 0..=255)?.unwrap_or("rw");
            let new = NewAttachment {
                server_id: body.parsed("instance_uuid", "a UUID")?,
                host_name: body.text("host_name", 0..=255)?.map(str::to_owned),
                device: body.text("mountpoint", 1..=255)?.map(str::to_owned),
                read_only: match mode {
                    "rw" => false,
                    "ro" => true,
                    other => return Err(wrong("mode", &json!(other), "It is neither rw nor ro.").into()),
                },
                connector: None,
            };
            if new.server_id.is_none() && new.host_name.is_none() {
                return Err(Error::invalid(
                    "HTTPBadRequest",
                    "Name what it is attached to: instance_uuid or host_name.",
                )
                .into());
            }
            call.ctx
                .transact(move |tx, actor| attachment::record(tx, actor, id, new))
                .await?;
            StatusCode::ACCEPTED.into_response()
        }
        "os-detach" | "os-force_detach" => {
            let force = name == "os-force_detach";
            if force {
                require_admin(call, "volume_extension:volume_admin_actions:force_detach")?;
            }
            let which = body.parsed("attachment_id", "a UUID")?;
            call.ctx
                .transact(move |tx, actor| attachment::forget(tx, actor, id, which, force))
                .await?;
            StatusCode::ACCEPTED.into_response()
        }
        "os-reserve" => {
            call.ctx
                .transact(move |tx, actor| attachment::reserve(tx, actor, id))
                .await?;
            StatusCode::ACCEPTED.into_response()
        }
        "os-unreserve" => {
            call.ctx
                .transact(move |tx, actor| attachment::unreserve(tx, actor, id))
                .await?;
            StatusCode::ACCEPTED.into_response()
        }
        "os-begin_detaching" | "os-roll_detaching" => {
            let begins = name == "os-begin_detaching";
            call.ctx
                .transact(move |tx, actor| attachment::set_detaching(tx, actor, id, begins))
                .await?;
            StatusCode::ACCEPTED.into_response()
        }
        "os-initialize_connection" => {
            body.object("connector")?.ok_or_else(|| missing("connector"))?;
            let volume = find(call, &id.to_string())?;
            return reply(&json!({"connection_info": connection_info(call, &volume)}));
        }
        "os-terminate_connection" => {
            find(call, &id.to_string())?;
            attachment::check_disconnect(&call.ctx.cloud(), id)?;
            StatusCode::ACCEPTED.into_response()
        }
        _ => return Err(no_such_action(name).into()),
    };
    Ok(done)
}

/// What one needs to reach a volume: nothing but its name, since only this cloud's own servers can.
pub(super) fn connection_info(call: &Call, volume: &volume::Volume) -> Value {
    let cloud = call.ctx.cloud();
    json!({
        "driver_volume_type": "local",
        "data": {
            "volume_id": volume.id,
            "access_mode": if volume.is_read_only() { "ro" } else { "rw" },
            "encrypted": false,
            "qos_specs": limits::asked_of(&cloud, volume),
            "discard": true,
        },
    })
}
