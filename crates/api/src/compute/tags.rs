//! A server's tags (from 2.26).

use std::collections::BTreeSet;

use axum::extract::Path;
use axum::http::header::LOCATION;
use axum::http::{HeaderValue, StatusCode};
use axum::response::IntoResponse;
use model::compute::server::edit::{self, TagAdded, tag_not_found};
use serde_json::{Map, Value, json};

use super::body::{Object, check_tag, field, missing};
use super::microversion::Microversion;
use super::servers::find;
use super::{link, server_id};
use crate::context::Ctx;
use crate::extract::Wire;
use crate::reply::{Reply, json as reply, no_content};

const SINCE: u16 = 26;

/// `GET /servers/{id}/tags`.
pub(super) async fn list(ctx: Ctx, version: Microversion, Path(id): Path<String>) -> Reply {
    version.require(SINCE)?;
    reply(&json!({"tags": find(&ctx, &id)?.tags}))
}

/// `PUT /servers/{id}/tags`.
pub(super) async fn replace(
    ctx: Ctx,
    version: Microversion,
    Path(id): Path<String>,
    Wire(body): Wire<Map<String, Value>>,
) -> Reply {
    version.require(SINCE)?;
    let body = Object::new(&body).allow(&[field("tags")], version)?;
    let tags = body.tags("tags")?.ok_or_else(|| missing("tags"))?;
    let id = server_id(&id)?;
    let server = ctx
        .transact(move |tx, actor| edit::replace_tags(tx, actor, id, tags))
        .await?;
    reply(&json!({"tags": server.tags}))
}

/// `DELETE /servers/{id}/tags`.
pub(super) async fn clear(ctx: Ctx, version: Microversion, Path(id): Path<String>) -> Reply {
    version.require(SINCE)?;
    let id = server_id(&id)?;
    ctx.transact(move |tx, actor| edit::replace_tags(tx, actor, id, BTreeSet::new()))
        .await?;
    no_content()
}

/// `GET /servers/{id}/tags/{tag}`: whether it is there.
pub(super) async fn show(ctx: Ctx, version: Microversion, Path((id, tag)): Path<(String, String)>) -> Reply {
    version.require(SINCE)?;
    let server = find(&ctx, &id)?;
    if server.tags.contains(&tag) {
        return no_content();
    }
    Err(tag_not_found(server.id, &tag).into())
}

/// `PUT /servers/{id}/tags/{tag}`.
pub(super) async fn add(ctx: Ctx, version: Microversion, Path((id, tag)): Path<(String, String)>) -> Reply {
    version.require(SINCE)?;
    check_tag(&tag)?;
    let id = server_id(&id)?;
    let location = link(&ctx, &format!("servers/{id}/tags/{tag}"));
    let added = ctx
        .transact(move |tx, actor| edit::add_tag(tx, actor, id, &tag))
        .await?;
    if added == TagAdded::Known {
        return no_content();
    }
    let mut response = StatusCode::CREATED.into_response();
    if let Ok(value) = HeaderValue::from_str(&location) {
        response.headers_mut().insert(LOCATION, value);
    }
    Ok(response)
}

/// `DELETE /servers/{id}/tags/{tag}`.
pub(super) async fn remove(ctx: Ctx, version: Microversion, Path((id, tag)): Path<(String, String)>) -> Reply {
    version.require(SINCE)?;
    let id = server_id(&id)?;
    ctx.transact(move |tx, actor| edit::remove_tag(tx, actor, id, &tag))
        .await?;
    no_content()
}
