//! Placement below `/placement`: what providers have, what is taken of it, and where a request would fit.
//!
//! Hosts are providers by themselves: what they have is worked out from their own reports and what is taken of it from the
//! servers, at each request, so that account is never behind and nobody else writes it. What operators add (classes, traits,
//! providers of their own, what consumers that are no servers take) is kept by `model::placement`.

mod allocations;
mod candidates;
mod inventory;
mod names;
mod provider;
mod selection;
mod usage;
mod version;

use std::sync::Arc;

use axum::middleware;

use crate::access::Access::{Public, Reader, ServiceRole};
use crate::app::App;
use crate::fault::Service;
use crate::routes::Routes;
pub(crate) use version::MAX as MAX_VERSION;

/// Every route of the service.
pub(crate) fn routes(app: &Arc<App>) -> Routes {
    const PROVIDER: &str = "/resource_providers/{uuid}";
    const INVENTORIES: &str = "/resource_providers/{uuid}/inventories";
    const INVENTORY: &str = "/resource_providers/{uuid}/inventories/{resource_class}";
    const AGGREGATES: &str = "/resource_providers/{uuid}/aggregates";
    const TRAITS: &str = "/resource_providers/{uuid}/traits";
    const CLASS: &str = "/resource_classes/{name}";
    const TRAIT: &str = "/traits/{name}";
    const CONSUMER: &str = "/allocations/{consumer_uuid}";
    Routes::new(app.clone(), Service::Placement, "/placement")
        .get("", Public, version::show)
        .get("/resource_providers", ServiceRole, provider::list)
        .post("/resource_providers", ServiceRole, provider::create)
        .get(PROVIDER, ServiceRole, provider::show)
        .put(PROVIDER, ServiceRole, provider::update)
        .delete(PROVIDER, ServiceRole, provider::delete)
        .get(INVENTORIES, ServiceRole, inventory::list)
        .put(INVENTORIES, ServiceRole, inventory::replace_all)
        .post(INVENTORIES, ServiceRole, inventory::create)
        .delete(INVENTORIES, ServiceRole, inventory::delete_all)
        .get(INVENTORY, ServiceRole, inventory::show)
        .put(INVENTORY, ServiceRole, inventory::replace)
        .delete(INVENTORY, ServiceRole, inventory::delete)
        .get("/resource_providers/{uuid}/usages", ServiceRole, usage::of_provider)
        .get(AGGREGATES, ServiceRole, provider::aggregates)
        .put(AGGREGATES, ServiceRole, provider::set_aggregates)
        .get(TRAITS, ServiceRole, provider::traits)
        .put(TRAITS, ServiceRole, provider::set_traits)
        .delete(TRAITS, ServiceRole, provider::delete_traits)
        .get(
            "/resource_providers/{uuid}/allocations",
            ServiceRole,
            usage::allocations_of_provider,
        )
        .post("/allocations", ServiceRole, allocations::replace_many)
        .get(CONSUMER, ServiceRole, usage::of_consumer)
        .put(CONSUMER, ServiceRole, allocations::replace)
        .delete(CONSUMER, ServiceRole, allocations::delete)
        .get("/usages", Reader, usage::of_project)
        .get("/resource_classes", ServiceRole, names::classes)
        .post("/resource_classes", ServiceRole, names::create_class)
        .get(CLASS, ServiceRole, names::class)
        .put(CLASS, ServiceRole, names::put_class)
        .delete(CLASS, ServiceRole, names::delete_class)
        .get("/traits", ServiceRole, names::traits)
        .get(TRAIT, ServiceRole, names::check_trait)
        .put(TRAIT, ServiceRole, names::put_trait)
        .delete(TRAIT, ServiceRole, names::delete_trait)
        .get("/allocation_candidates", ServiceRole, candidates::list)
        .wrap(|router| router.layer(middleware::from_fn(version::layer)))
}

/// A request that must be mended.
fn bad(message: impl Into<String>) -> model::Error {
    model::Error::invalid("placement.undefined_code", message)
}
