//! A server's volumes (`os-volume_attachments`).

use std::sync::Arc;

use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use model::compute::VmState;
use model::compute::server::admission::{Denied, Operation};
use model::volume::VolumeAttachment;
use model::volume::attachment::{self, ServerDisk};
use model::{Error, Result, ServerId, VolumeId};
use serde_json::{Map, Value, json};

use super::body::{Field, Object, field, missing};
use super::microversion::Microversion;
use super::paging::{Page, check_query};
use super::server_id;
use super::servers::find;
use crate::context::Ctx;
use crate::extract::Wire;
use crate::query::Query;
use crate::reply::{Reply, json as reply};

const ATTACH: &[Field] = &[
    field("volumeId"),
    field("device"),
    field("tag").since(49),
    field("delete_on_termination").since(79),
];

fn view(of: &VolumeAttachment, version: Microversion) -> Value {
    let mut body = json!({
        "volumeId": of.volume_id,
        "serverId": of.server_id,
        "device": of.device,
    });
    if version.since(89) {
        body["attachment_id"] = json!(of.id);
        body["bdm_uuid"] = json!(of.id);
    } else {
        body["id"] = json!(of.volume_id);
    }
    if version.since(70) {
        body["tag"] = json!(of.tag);
    }
    if version.since(79) {
        body["delete_on_termination"] = json!(of.delete_on_termination);
    }
    body
}

fn volume_id(text: &str) -> Result<VolumeId> {
    text.parse()
        .map_err(|_| Error::not_found("VolumeNotFound", format!("Volume {text} could not be found.")))
}

/// `GET /servers/{id}/os-volume_attachments`.
pub(super) async fn list(ctx: Ctx, version: Microversion, Path(id): Path<String>, query: Query) -> Reply {
    let server = find(&ctx, &id)?;
    check_query(&query, &["limit", "offset", "marker"], version, 102)?;
    let all = attachment::of_server(&ctx.cloud(), server.id);
    let cut = Page::read(&query)?.cut(all, |each: &Arc<VolumeAttachment>| each.volume_id.to_string())?;
    let shown: Vec<Value> = cut.items.iter().map(|each| view(each, version)).collect();
    reply(&json!({"volumeAttachments": shown}))
}

/// `GET /servers/{id}/os-volume_attachments/{volume}`.
pub(super) async fn show(ctx: Ctx, version: Microversion, Path((id, volume)): Path<(String, String)>) -> Reply {
    let server = find(&ctx, &id)?;
    let found = attachment::find(&ctx.cloud(), server.id, volume_id(&volume)?)?;
    reply(&json!({"volumeAttachment": view(&found, version)}))
}

/// `POST /servers/{id}/os-volume_attachments`.
pub(super) async fn attach(
    ctx: Ctx,
    version: Microversion,
    Path(id): Path<String>,
    Wire(body): Wire<Map<String, Value>>,
) -> Reply {
    let id = server_id(&id)?;
    let body = Object::only_member(&body, "volumeAttachment")?.allow(ATTACH, version)?;
    let tag = body.text("tag", 1..=60)?;
    tag.map_or(Ok(()), super::body::check_tag)?;
    let disk = ServerDisk {
        volume_id: body.parsed("volumeId", "a UUID")?.ok_or_else(|| missing("volumeId"))?,
        device: read_device(body)?,
        boot_index: None,
        delete_on_termination: body.boolean("delete_on_termination")?.unwrap_or(false),
        tag: tag.map(str::to_owned),
    };
    check_shelved(&ctx, version, id, Operation::AttachVolume)?;
    let request = ctx.request_id().0;
    let made = ctx
        .transact(move |tx, actor| attachment::to_server(tx, actor, id, &disk, request))
        .await?;
    if version.since(101) {
        return Ok(StatusCode::ACCEPTED.into_response());
    }
    reply(&json!({"volumeAttachment": view(&made, version)}))
}

/// A shelved server's volumes may be changed from 2.20 on.
fn check_shelved(ctx: &Ctx, version: Microversion, id: ServerId, operation: Operation) -> Result<()> {
    let server = find(ctx, &id.to_string())?;
    let is_shelved = matches!(server.vm_state, VmState::Shelved | VmState::ShelvedOffloaded);
    if is_shelved && !version.since(20) {
        return Err(Denied::VmState(server.vm_state).into_error(id, operation.name()));
    }
    Ok(())
}

/// `/dev/vdb`, `vdb`; null and empty leave the choice.
fn read_device(body: Object<'_>) -> Result<Option<String>> {
    let Some(text) = body.text("device", 0..=255)?.filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    let name = text.strip_prefix("/dev/").unwrap_or(text);
    let is_name = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric());
    if !is_name {
        return Err(super::body::wrong(
            "device",
            &json!(text),
            "It is no name of a device, such as /dev/vdb.",
        ));
    }
    Ok(Some(format!("/dev/{name}")))
}

/// `PUT /servers/{id}/os-volume_attachments/{volume}`: whether it goes with the server (2.85).
pub(super) async fn update(
    ctx: Ctx,
    version: Microversion,
    Path((id, volume)): Path<(String, String)>,
    Wire(body): Wire<Map<String, Value>>,
) -> Reply {
    let (id, volume) = (server_id(&id)?, volume_id(&volume)?);
    let body = Object::only_member(&body, "volumeAttachment")?;
    let named: VolumeId = body.parsed("volumeId", "a UUID")?.ok_or_else(|| missing("volumeId"))?;
    if !version.since(85) || named != volume {
        super::servers::find(&ctx, &id.to_string())?;
        attachment::find(&ctx.cloud(), id, volume)?;
        return Err(Error::conflict(
            "HTTPConflict",
            "A server's volume can't be swapped for another here: detach the one and attach the other.",
        )
        .into());
    }
    let delete = body
        .boolean("delete_on_termination")?
        .ok_or_else(|| missing("delete_on_termination"))?;
    ctx.transact(move |tx, actor| attachment::set_delete_on_termination(tx, actor, id, volume, delete))
        .await?;
    Ok(StatusCode::ACCEPTED.into_response())
}

/// `DELETE /servers/{id}/os-volume_attachments/{volume}`.
pub(super) async fn detach(ctx: Ctx, version: Microversion, Path((id, volume)): Path<(String, String)>) -> Reply {
    let id: ServerId = server_id(&id)?;
    let volume = volume_id(&volume)?;
    check_shelved(&ctx, version, id, Operation::DetachVolume)?;
    let request = ctx.request_id().0;
    ctx.transact(move |tx, actor| attachment::from_server(tx, actor, id, volume, request))
        .await?;
    Ok(StatusCode::ACCEPTED.into_response())
}
