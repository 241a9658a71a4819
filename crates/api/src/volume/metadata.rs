//! Key/value metadata of volumes and snapshots.

use std::collections::BTreeMap;

use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use model::volume::{self, snapshot};
use model::{Error, Result, VolumeId, VolumeSnapshotId};
use serde_json::{Map, Value, json};

use super::Call;
use super::snapshots::{find as find_snapshot, snapshot_id};
use super::volumes::{find as find_volume, volume_id};
use crate::compute::body::{Object, text_item};
use crate::extract::Wire;
use crate::reply::{Reply, json as reply};

type Body = Map<String, Value>;
type Texts = BTreeMap<String, String>;

/// Whose metadata.
#[derive(Debug, Clone, Copy)]
enum Owner {
    Volume(VolumeId),
    Snapshot(VolumeSnapshotId),
}

async fn change(
    call: &Call,
    owner: Owner,
    edit: impl FnOnce(&mut Texts) -> Result<()> + Send + 'static,
) -> Result<Texts> {
    call.ctx
        .transact(move |tx, actor| match owner {
            Owner::Volume(id) => {
                volume::edit(tx, actor, id, |volume| edit(&mut volume.metadata)).map(|v| v.metadata.clone())
            }
            Owner::Snapshot(id) => {
                snapshot::edit(tx, actor, id, |snapshot| edit(&mut snapshot.metadata)).map(|s| s.metadata.clone())
            }
        })
        .await
}

fn read(body: &Body) -> Result<Texts> {
    Object::only_member(body, "metadata")?.as_texts()
}

async fn merge(call: &Call, owner: Owner, body: &Body) -> Reply {
    let new = read(body)?;
    let all = change(call, owner, move |metadata| {
        metadata.extend(new);
        Ok(())
    });
    reply(&json!({"metadata": all.await?}))
}

async fn replace(call: &Call, owner: Owner, body: &Body) -> Reply {
    let new = read(body)?;
    let all = change(call, owner, move |metadata| {
        *metadata = new;
        Ok(())
    });
    reply(&json!({"metadata": all.await?}))
}

fn item(metadata: &Texts, key: &str) -> Reply {
    let value = metadata.get(key).ok_or_else(|| not_there(key))?;
    reply(&json!({"meta": {key: value}}))
}

fn not_there(key: &str) -> Error {
    Error::not_found(
        "VolumeMetadataNotFound",
        format!("Metadata item '{key}' was not found."),
    )
}

async fn set_item(call: &Call, owner: Owner, key: String, body: &Body) -> Reply {
    let pairs = Object::only_member(body, "meta")?;
    let mut pairs = pairs.iter();
    let (name, value) = match (pairs.next(), pairs.next()) {
        (Some((name, value)), None) if name == key => text_item(name, value)?,
        _ => {
            return Err(Error::invalid(
                "HTTPBadRequest",
                format!("The body is to hold the one item '{key}' of the address."),
            )
            .into());
        }
    };
    let shown = value.clone();
    change(call, owner, move |metadata| {
        metadata.insert(name, value);
        Ok(())
    })
    .await?;
    reply(&json!({"meta": {key: shown}}))
}

async fn delete_item(call: &Call, owner: Owner, key: String) -> Reply {
    change(call, owner, move |metadata| {
        metadata.remove(&key).map(drop).ok_or_else(|| not_there(&key))
    })
    .await?;
    Ok(StatusCode::OK.into_response())
}

macro_rules! handlers {
    ($kind:ident, $id:ident, $find:ident; $show:ident $merge:ident $replace:ident $item:ident $set:ident $delete:ident) => {
        /// `GET …/metadata`.
        pub(super) async fn $show(call: Call, Path(id): Path<String>) -> Reply {
            reply(&json!({"metadata": $find(&call, &id)?.metadata}))
        }

        /// `POST …/metadata`: adds and changes.
        pub(super) async fn $merge(call: Call, Path(id): Path<String>, Wire(body): Wire<Body>) -> Reply {
            merge(&call, Owner::$kind($id(&id)?), &body).await
        }

        /// `PUT …/metadata`: in place of what was there.
        pub(super) async fn $replace(call: Call, Path(id): Path<String>, Wire(body): Wire<Body>) -> Reply {
            replace(&call, Owner::$kind($id(&id)?), &body).await
        }

        /// `GET …/metadata/{key}`.
        pub(super) async fn $item(call: Call, Path((id, key)): Path<(String, String)>) -> Reply {
            item(&$find(&call, &id)?.metadata, &key)
        }

        /// `PUT …/metadata/{key}`.
        pub(super) async fn $set(
            call: Call,
            Path((id, key)): Path<(String, String)>,
            Wire(body): Wire<Body>,
        ) -> Reply {
            set_item(&call, Owner::$kind($id(&id)?), key, &body).await
        }

        /// `DELETE …/metadata/{key}`.
        pub(super) async fn $delete(call: Call, Path((id, key)): Path<(String, String)>) -> Reply {
            delete_item(&call, Owner::$kind($id(&id)?), key).await
        }
    };
}

handlers!(Volume, volume_id, find_volume; of_volume merge_of_volume replace_of_volume item_of_volume set_item_of_volume delete_item_of_volume);
handlers!(Snapshot, snapshot_id, find_snapshot; of_snapshot merge_of_snapshot replace_of_snapshot item_of_snapshot set_item_of_snapshot delete_item_of_snapshot);
