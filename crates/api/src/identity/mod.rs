//! Identity v3 (Keystone) below `/identity`: this file is its table of contents.
//!
//! Most routes let any valid token through: Keystone's rules look at the scope and at whom the request is about, so they
//! stand in `model::identity::policy`, beside what they guard.

mod catalog;
mod fields;
mod login;
mod render;
mod token;
mod version;

use std::sync::Arc;

use crate::access::Access::{Public, Token};
use crate::app::App;
use crate::fault::Service;
use crate::routes::Routes;

/// Every route of the service.
pub(crate) fn routes(app: &Arc<App>) -> Routes {
    Routes::new(app.clone(), Service::Identity, "/identity")
        .get("", Public, version::list)
        .get("/v3", Public, version::show)
        .post("/v3/auth/tokens", Public, token::issue)
        .get("/v3/auth/tokens", Token, token::validate)
        .delete("/v3/auth/tokens", Token, token::revoke)
        .get("/v3/auth/catalog", Token, token::catalog)
        .get("/v3/auth/projects", Token, token::projects)
        .get("/v3/auth/domains", Token, token::domains)
        .get("/v3/auth/system", Token, token::system)
}
