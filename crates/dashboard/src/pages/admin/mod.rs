//! The administrator's pages: the whole cloud.

mod common;
mod flavors;
mod grants;
mod host;
mod networks;
mod projects;
mod roles;
mod servers;
mod system;
mod users;

use std::sync::Arc;

use axum::Router;

use crate::site::Site;

pub(crate) use common::Admin;
pub(crate) use grants::choices_of;

/// Every page of this part.
pub(super) fn routes() -> Router<Arc<Site>> {
    Router::new()
        .merge(flavors::routes())
        .merge(grants::routes())
        .merge(host::routes())
        .merge(networks::routes())
        .merge(projects::routes())
        .merge(roles::routes())
        .merge(servers::routes())
        .merge(system::routes())
        .merge(users::routes())
}
