//! `evacuate` and `os-migrateLive`: asked rightly and answered as by a Nova with one host, which has none to move to.

use axum::http::StatusCode;
use axum::response::IntoResponse;
use model::compute::server::moves;
use model::compute::{Server, host_service};
use model::{Error, HostId, Result, ServerId};
use serde_json::Value;

use super::body::{Field, Object, TEXT_LIMIT, field, missing, wrong};
use super::microversion::Microversion;
use super::{scheduling, works};
use crate::context::Ctx;
use crate::reply::Reply;

fn arguments_of<'a>(body: Object<'a>, name: &str) -> Result<Object<'a>> {
    body.object(name)?
        .ok_or_else(|| wrong(name, &Value::Null, "It is not of type 'object'."))
}

fn check_force(body: Object<'_>, host: Option<&HostId>) -> Result<()> {
    if body.boolean("force")? == Some(true) && host.is_none() {
        return Err(Error::invalid(
            "HTTPBadRequest",
            "Can't force to a non-provided destination",
        ));
    }
    Ok(())
}

/// `os-migrateLive`.
pub(super) async fn live(ctx: &Ctx, version: Microversion, id: ServerId, body: Object<'_>) -> Result<()> {
    const FIELDS: &[Field] = &[
        field("host"),
        field("block_migration"),
        field("disk_over_commit").until(24),
        field("force").since(30).until(67),
    ];
    works::need_admin(ctx, "os-migrate-server:migrate_live")?;
    let body = arguments_of(body, "os-migrateLive")?.allow(FIELDS, version)?;
    if !body.has("host") {
        return Err(missing("host"));
    }
    let host = body.text("host", 1..=TEXT_LIMIT)?.map(HostId::from);
    let mode = body
        .value("block_migration")
        .ok_or_else(|| missing("block_migration"))?;
    if !(version.since(25) && mode.as_str() == Some("auto")) {
        body.boolean("block_migration")?;
    }
    if !version.since(25) {
        body.boolean("disk_over_commit")?
            .ok_or_else(|| missing("disk_over_commit"))?;
    }
    check_force(body, host.as_ref())?;
    let (hosts, later, request) = (scheduling(ctx), version.since(34), ctx.request_id().0);
    ctx.transact(move |tx, actor| moves::live(tx, actor, id, host.as_ref(), later, &hosts, request))
        .await
}

/// `evacuate`.
pub(super) async fn evacuate(ctx: &Ctx, version: Microversion, id: ServerId, body: Object<'_>) -> Reply {
    const FIELDS: &[Field] = &[
        field("host"),
        field("adminPass"),
        field("onSharedStorage").until(13),
        field("force").since(29).until(67),
    ];
    works::need_admin(ctx, "os-evacuate")?;
    let body = arguments_of(body, "evacuate")?.allow(FIELDS, version)?;
    let host = body.text("host", 1..=TEXT_LIMIT)?.map(HostId::from);
    body.text("adminPass", 0..=TEXT_LIMIT)?;
    if !version.since(14) {
        body.boolean("onSharedStorage")?
            .ok_or_else(|| missing("onSharedStorage"))?;
    }
    check_force(body, host.as_ref())?;
    let own = ctx.cloud().find::<Server>(&id).and_then(|server| server.host.clone());
    let is_up = own.is_some_and(|own| !host_service::of(&ctx.cloud(), &own).forced_down);
    let hosts = scheduling(ctx);
    ctx.transact(move |tx, actor| moves::evacuate(tx, actor, id, host.as_ref(), is_up, &hosts))
        .await?;
    Ok(StatusCode::OK.into_response())
}
