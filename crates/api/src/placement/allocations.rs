//! What consumers that are no servers take.

use std::collections::BTreeMap;

use axum::extract::Path;
use model::placement::{self, AllocationChange, Amounts};
use model::{Error, Result};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use uuid::Uuid;

use super::bad;
use super::provider::Providers;
use super::version::Microversion;
use crate::context::Ctx;
use crate::extract::Wire;
use crate::reply::{Reply, no_content};

/// Who is counted where a microversion before 1.8 does not say.
const NOBODY: &str = "00000000-0000-0000-0000-000000000000";

/// One consumer's part of a request.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    allocations: Shape,
    project_id: Option<String>,
    user_id: Option<String>,
    #[serde(default, deserialize_with = "present")]
    consumer_generation: Option<Option<u64>>,
    consumer_type: Option<String>,
    /// Which group of a request which provider is for: for those who wrote it.
    #[serde(rename = "mappings")]
    _mappings: Option<Value>,
}

/// A member that is there, be it null.
fn present<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Option<u64>>, D::Error> {
    Option::deserialize(from).map(Some)
}

/// By provider from 1.12 on, a list before.
#[derive(Deserialize)]
#[serde(untagged)]
enum Shape {
    ByProvider(BTreeMap<Uuid, Part>),
    List(Vec<Entry>),
}

#[derive(Deserialize)]
struct Part {
    resources: Amounts,
}

#[derive(Deserialize)]
struct Entry {
    resource_provider: Reference,
    resources: Amounts,
}

#[derive(Deserialize)]
struct Reference {
    uuid: Uuid,
}

impl Asked {
    fn read(self, consumer: Uuid, version: Microversion) -> Result<AllocationChange> {
        let allocations: BTreeMap<Uuid, Amounts> = match self.allocations {
            Shape::ByProvider(parts) if version.since(12) => parts
                .into_iter()
                .map(|(provider, part)| (provider, part.resources))
                .collect(),
            Shape::List(entries) if !version.since(12) => entries
                .into_iter()
                .map(|entry| (entry.resource_provider.uuid, entry.resources))
                .collect(),
            // An empty document and an empty list look alike.
            Shape::List(entries) if entries.is_empty() => BTreeMap::new(),
            Shape::ByProvider(_) => return Err(bad("JSON does not validate: before 1.12 'allocations' is a list")),
            Shape::List(_) => return Err(bad("JSON does not validate: 'allocations' is an object by provider")),
        };
        if allocations.values().any(Amounts::is_empty) {
            return Err(bad("JSON does not validate: 'resources' names at least one class"));
        }
        let required = |value: Option<String>, name: &str, since: u16| match value.filter(|id| !id.is_empty()) {
            Some(id) if id.len() <= 255 => Ok(id),
            Some(_) => Err(bad(format!("JSON does not validate: '{name}' is too long"))),
            None if version.since(since) => {
                Err(bad(format!("JSON does not validate: '{name}' is a required property")))
            }
            None => Ok(NOBODY.to_owned()),
        };
        let generation = match self.consumer_generation {
            None if version.since(28) => {
                return Err(bad(
                    "JSON does not validate: 'consumer_generation' is a required property",
                ));
            }
            Some(_) if !version.since(28) => {
                return Err(bad("JSON does not validate: 'consumer_generation' came with 1.28"));
            }
            seen => seen,
        };
        let kind = match self.consumer_type {
            None if version.since(38) => {
                return Err(bad("JSON does not validate: 'consumer_type' is a required property"));
            }
            Some(kind) => Some(check_kind(kind)?),
            None => None,
        };
        Ok(AllocationChange {
            consumer,
            allocations,
            project_id: required(self.project_id, "project_id", 8)?.into(),
            user_id: required(self.user_id, "user_id", 8)?.into(),
            kind,
            generation,
        })
    }
}

fn check_kind(kind: String) -> Result<String> {
    let plain = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
    if kind.is_empty() || kind.len() > 255 || !kind.bytes().all(plain) {
        return Err(bad(
            "JSON does not validate: 'consumer_type' has the letters A to Z, digits and '_'",
        ));
    }
    Ok(kind)
}

fn consumer_of(text: &str) -> Result<Uuid> {
    text.parse()
        .map_err(|_| bad(format!("Malformed consumer uuid: {text}")))
}

async fn write(ctx: Ctx, changes: Vec<AllocationChange>) -> Reply {
    let hosts = Providers::all(&ctx).hosts();
    ctx.transact(move |tx, _| placement::allocate(tx, &hosts, changes))
        .await?;
    no_content()
}

/// `PUT /allocations/{consumer_uuid}`
pub(super) async fn replace(
    ctx: Ctx,
    version: Microversion,
    Path(consumer): Path<String>,
    Wire(body): Wire<Asked>,
) -> Reply {
    let change = body.read(consumer_of(&consumer)?, version)?;
    if change.allocations.is_empty() && !version.since(28) {
        return Err(bad("JSON does not validate: 'allocations' is empty; 'DELETE' ends what a consumer takes").into());
    }
    write(ctx, vec![change]).await
}

/// `POST /allocations`: several consumers at once, all or none.
pub(super) async fn replace_many(ctx: Ctx, version: Microversion, Wire(body): Wire<BTreeMap<String, Asked>>) -> Reply {
    version.require(13)?;
    let changes: Result<Vec<_>> = body
        .into_iter()
        .map(|(consumer, asked)| asked.read(consumer_of(&consumer)?, version))
        .collect();
    write(ctx, changes?).await
}

/// `DELETE /allocations/{consumer_uuid}`
pub(super) async fn delete(ctx: Ctx, Path(consumer): Path<String>) -> Reply {
    let id = consumer.parse().map_err(|_| {
        Error::not_found(
            "placement.undefined_code",
            format!("No allocations for consumer '{consumer}'"),
        )
    })?;
    ctx.transact(move |tx, _| placement::release(tx, id)).await?;
    no_content()
}
