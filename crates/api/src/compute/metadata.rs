//! A server's metadata.

use std::collections::BTreeMap;

use axum::extract::Path;
use model::compute::server::edit::{self, MetadataChange, metadata_item_not_found};
use model::{Error, Result};
use serde_json::{Map, Value, json};

use super::body::{Object, missing, text_item};
use super::server_id;
use super::servers::find;
use crate::context::Ctx;
use crate::extract::Wire;
use crate::reply::{Reply, json as reply, no_content};

/// `GET /servers/{id}/metadata`.
pub(super) async fn list(ctx: Ctx, Path(id): Path<String>) -> Reply {
    reply(&json!({"metadata": find(&ctx, &id)?.metadata}))
}

/// `POST /servers/{id}/metadata`: adds to what is there.
pub(super) async fn merge(ctx: Ctx, Path(id): Path<String>, Wire(body): Wire<Map<String, Value>>) -> Reply {
    change(ctx, id, read(&body)?, MetadataChange::Merge).await
}

/// `PUT /servers/{id}/metadata`: replaces what is there.
pub(super) async fn replace(ctx: Ctx, Path(id): Path<String>, Wire(body): Wire<Map<String, Value>>) -> Reply {
    change(ctx, id, read(&body)?, MetadataChange::Replace).await
}

fn read(body: &Map<String, Value>) -> Result<BTreeMap<String, String>> {
    Object::only_member(body, "metadata")?.as_texts()
}

async fn change(ctx: Ctx, id: String, items: BTreeMap<String, String>, how: MetadataChange) -> Reply {
    let id = server_id(&id)?;
    let server = ctx
        .transact(move |tx, actor| edit::set_metadata(tx, actor, id, items, how))
        .await?;
    reply(&json!({"metadata": server.metadata}))
}

/// `GET /servers/{id}/metadata/{key}`.
pub(super) async fn show(ctx: Ctx, Path((id, key)): Path<(String, String)>) -> Reply {
    let server = find(&ctx, &id)?;
    let value = server.metadata.get(&key).ok_or_else(metadata_item_not_found)?;
    reply(&json!({"meta": {key: value}}))
}

/// `PUT /servers/{id}/metadata/{key}`.
pub(super) async fn set(
    ctx: Ctx,
    Path((id, key)): Path<(String, String)>,
    Wire(body): Wire<Map<String, Value>>,
) -> Reply {
    let meta = Object::only_member(&body, "meta")?;
    let mut items = meta.iter();
    let (name, value) = match (items.next(), items.next()) {
        (Some(item), None) => item,
        (None, _) => return Err(missing("meta").into()),
        (Some(_), Some(_)) => {
            return Err(Error::invalid("HTTPBadRequest", "Request body contains too many items").into());
        }
    };
    if name != key {
        return Err(Error::invalid("HTTPBadRequest", "Request body and URI mismatch").into());
    }
    let item = text_item(name, value)?;
    let id = server_id(&id)?;
    let answer = json!({"meta": {item.0.clone(): item.1.clone()}});
    ctx.transact(move |tx, actor| edit::set_metadata(tx, actor, id, BTreeMap::from([item]), MetadataChange::Merge))
        .await?;
    reply(&answer)
}

/// `DELETE /servers/{id}/metadata/{key}`.
pub(super) async fn delete(ctx: Ctx, Path((id, key)): Path<(String, String)>) -> Reply {
    let id = server_id(&id)?;
    ctx.transact(move |tx, actor| edit::delete_metadata_item(tx, actor, id, &key))
        .await?;
    no_content()
}
