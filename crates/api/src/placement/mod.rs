//! Placement below `/placement`: what the host has, what its servers take of it, and whether a request would fit.
//!
//! Everything is worked out from the host's own report and the servers, at each request: there is one account, and it is
//! never behind. So it is read only: who writes allocations elsewhere writes them here by making a server.

mod candidates;
mod provider;
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
    Routes::new(app.clone(), Service::Placement, "/placement")
        .get("", Public, version::show)
        .get("/resource_providers", ServiceRole, provider::list)
        .get(PROVIDER, ServiceRole, provider::show)
        .get(
            "/resource_providers/{uuid}/inventories",
            ServiceRole,
            provider::inventories,
        )
        .get(
            "/resource_providers/{uuid}/inventories/{resource_class}",
            ServiceRole,
            provider::inventory,
        )
        .get("/resource_providers/{uuid}/usages", ServiceRole, usage::of_provider)
        .get(
            "/resource_providers/{uuid}/aggregates",
            ServiceRole,
            provider::aggregates,
        )
        .get("/resource_providers/{uuid}/traits", ServiceRole, provider::traits)
        .get(
            "/resource_providers/{uuid}/allocations",
            ServiceRole,
            usage::allocations_of_provider,
        )
        .get("/allocations/{consumer_uuid}", ServiceRole, usage::of_consumer)
        .get("/usages", Reader, usage::of_project)
        .get("/resource_classes", ServiceRole, provider::resource_classes)
        .get("/resource_classes/{name}", ServiceRole, provider::resource_class)
        .get("/traits", ServiceRole, provider::all_traits)
        .get("/traits/{name}", ServiceRole, provider::check_trait)
        .get("/allocation_candidates", ServiceRole, candidates::list)
        .wrap(|router| router.layer(middleware::from_fn(version::layer)))
}
