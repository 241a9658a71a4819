//! What a provider has of each class.

use std::collections::BTreeMap;

use axum::extract::Path;
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::IntoResponse;
use model::Error;
use model::placement::{self, Inventory, ResourceProvider};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::provider::{Provider, Providers, uuid_of};
use super::version::Microversion;
use crate::context::Ctx;
use crate::extract::Wire;
use crate::reply::{Reply, json as ok, no_content, status};

/// All inventories, with the generation that was seen.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct All {
    resource_provider_generation: u64,
    inventories: BTreeMap<String, Inventory>,
}

/// One inventory's numbers as a request has them.
#[derive(Deserialize)]
pub(super) struct One {
    /// For `PUT`.
    resource_provider_generation: Option<u64>,
    /// For `POST`.
    resource_class: Option<String>,
    #[serde(flatten)]
    numbers: BTreeMap<String, Value>,
}

impl One {
    fn inventory(&self) -> Result<Inventory, Error> {
        let numbers = self.numbers.clone().into_iter().collect();
        serde_json::from_value(Value::Object(numbers))
            .map_err(|error| super::bad(format!("JSON does not validate: {error}")))
    }
}

fn all_may_be_reserved(version: Microversion) -> bool {
    version.since(26)
}

/// `GET /resource_providers/{uuid}/inventories`
pub(super) async fn list(ctx: Ctx, Path(uuid): Path<String>) -> Reply {
    let provider = Providers::all(&ctx).take(&uuid)?;
    ok(&document(&provider))
}

fn document(provider: &Provider) -> Value {
    json!({"inventories": provider.inventories, "resource_provider_generation": provider.generation})
}

/// `GET /resource_providers/{uuid}/inventories/{resource_class}`
pub(super) async fn show(ctx: Ctx, Path((uuid, class)): Path<(String, String)>) -> Reply {
    let provider = Providers::all(&ctx).take(&uuid)?;
    let inventory = provider.inventories.get(&class).ok_or_else(|| {
        Error::not_found(
            "placement.undefined_code",
            format!("No inventory of class {class} for {uuid}"),
        )
    })?;
    ok(&one(inventory, provider.generation))
}

fn one(inventory: &Inventory, generation: u64) -> Value {
    let mut body = json!(inventory);
    body["resource_provider_generation"] = generation.into();
    body
}

fn stored(row: &ResourceProvider, class: &str) -> Value {
    row.inventories
        .get(class)
        .map_or(Value::Null, |inventory| one(inventory, row.generation))
}

/// `PUT /resource_providers/{uuid}/inventories`: of a host, those besides its own.
pub(super) async fn replace_all(
    ctx: Ctx,
    version: Microversion,
    Path(uuid): Path<String>,
    Wire(mut body): Wire<All>,
) -> Reply {
    let providers = Providers::all(&ctx);
    let provider = providers.find(&uuid)?;
    // Who reads all, adds one and writes all back sends the host's own, too.
    body.inventories
        .retain(|class, inventory| !(provider.is_own(class) && provider.inventories.get(class) == Some(inventory)));
    let (id, hosts) = (provider.id, providers.hosts());
    let (generation, all) = (body.resource_provider_generation, body.inventories);
    let may = all_may_be_reserved(version);
    ctx.transact(move |tx, _| placement::set_inventories(tx, &hosts, id, Some(generation), all, may))
        .await?;
    ok(&document(&Providers::all(&ctx).take(&uuid)?))
}

/// `POST /resource_providers/{uuid}/inventories`
pub(super) async fn create(ctx: Ctx, version: Microversion, Path(uuid): Path<String>, Wire(body): Wire<One>) -> Reply {
    let class = body
        .resource_class
        .clone()
        .ok_or_else(|| super::bad("JSON does not validate: 'resource_class' is a required property"))?;
    let inventory = body.inventory()?;
    let providers = Providers::all(&ctx);
    if providers.find(&uuid)?.inventories.contains_key(&class) {
        return Err(Error::conflict(
            "placement.undefined_code",
            format!("Update conflict: {uuid} has an inventory of {class} already."),
        )
        .into());
    }
    let (id, hosts, name) = (uuid_of(&uuid)?, providers.hosts(), class.clone());
    let may = all_may_be_reserved(version);
    let generation = body.resource_provider_generation;
    let row = ctx
        .transact(move |tx, _| placement::set_inventory(tx, &hosts, id, generation, &name, Some(inventory), may))
        .await?;
    let base = ctx.base_url();
    let path = format!("{base}/placement/resource_providers/{uuid}/inventories/{class}");
    let answer = status(StatusCode::CREATED, &stored(&row, &class))?;
    Ok(([(LOCATION, path)], answer).into_response())
}

/// `PUT /resource_providers/{uuid}/inventories/{resource_class}`
pub(super) async fn replace(
    ctx: Ctx,
    version: Microversion,
    Path((uuid, class)): Path<(String, String)>,
    Wire(body): Wire<One>,
) -> Reply {
    let generation = body
        .resource_provider_generation
        .ok_or_else(|| super::bad("JSON does not validate: 'resource_provider_generation' is a required property"))?;
    let inventory = body.inventory()?;
    let providers = Providers::all(&ctx);
    let provider = providers.find(&uuid)?;
    let (id, hosts, name) = (provider.id, providers.hosts(), class.clone());
    let may = all_may_be_reserved(version);
    let row = ctx
        .transact(move |tx, _| placement::set_inventory(tx, &hosts, id, Some(generation), &name, Some(inventory), may))
        .await?;
    ok(&stored(&row, &class))
}

/// `DELETE /resource_providers/{uuid}/inventories`
pub(super) async fn delete_all(ctx: Ctx, version: Microversion, Path(uuid): Path<String>) -> Reply {
    version.require(5)?;
    let providers = Providers::all(&ctx);
    let (id, hosts) = (providers.find(&uuid)?.id, providers.hosts());
    ctx.transact(move |tx, _| placement::set_inventories(tx, &hosts, id, None, BTreeMap::new(), true))
        .await?;
    no_content()
}

/// `DELETE /resource_providers/{uuid}/inventories/{resource_class}`
pub(super) async fn delete(ctx: Ctx, Path((uuid, class)): Path<(String, String)>) -> Reply {
    let providers = Providers::all(&ctx);
    let (id, hosts): (Uuid, _) = (providers.find(&uuid)?.id, providers.hosts());
    ctx.transact(move |tx, _| placement::set_inventory(tx, &hosts, id, None, &class, None, true))
        .await?;
    no_content()
}
