//! Images, volumes and copies of them.

pub(crate) mod backups;
pub(crate) mod images;
mod listing;
pub(crate) mod snapshots;
pub(crate) mod volumes;
mod words;

use std::sync::Arc;

use axum::Router;

use crate::site::Site;

/// Every page of this part.
pub(super) fn routes() -> Router<Arc<Site>> {
    Router::new()
        .merge(backups::routes())
        .merge(images::routes())
        .merge(snapshots::routes())
        .merge(volumes::routes())
}
