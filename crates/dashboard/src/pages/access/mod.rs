//! Ways into the cloud besides the dashboard.

mod api_access;
mod credentials;
mod ec2;
mod files;
mod password;

use std::sync::Arc;

use axum::Router;

use crate::site::Site;

pub(super) use password::input as password_input;

/// Every page of this part.
pub(super) fn routes() -> Router<Arc<Site>> {
    Router::new()
        .merge(api_access::routes())
        .merge(credentials::routes())
        .merge(ec2::routes())
        .merge(password::routes())
}
