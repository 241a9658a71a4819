//! Servers and what they are made with.

pub(crate) mod actions;
pub(crate) mod console;
pub(crate) mod key_pairs;
pub(crate) mod launch;
pub(crate) mod server_groups;
pub(crate) mod servers;

use std::sync::Arc;

use axum::Router;

use crate::site::Site;

/// Every page of this part.
pub(super) fn routes() -> Router<Arc<Site>> {
    Router::new()
        .merge(actions::routes())
        .merge(console::routes())
        .merge(key_pairs::routes())
        .merge(launch::routes())
        .merge(server_groups::routes())
        .merge(servers::routes())
}
