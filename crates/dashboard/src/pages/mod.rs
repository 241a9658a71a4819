//! The pages. One resource has one file name here as in every room.

mod access;
mod admin;
pub(crate) mod compute;
pub(crate) mod csv;
pub(crate) mod deletion;
pub(crate) mod network;
pub(crate) mod not_found;
mod overview;
pub(crate) mod reach;
pub(crate) mod storage;
mod topology;

use std::sync::Arc;

use axum::Router;

use crate::site::Site;

/// Every page.
pub(crate) fn routes() -> Router<Arc<Site>> {
    Router::new()
        .merge(overview::routes())
        .merge(topology::routes())
        .merge(compute::routes())
        .merge(storage::routes())
        .merge(network::routes())
        .merge(reach::routes())
        .merge(access::routes())
        .merge(admin::routes())
}
