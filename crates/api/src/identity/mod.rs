//! Identity v3 (Keystone) below `/identity`: this file is its table of contents.
//!
//! Most routes let any valid token through: Keystone's rules look at the scope and at whom the request is about, so they
//! stand in `model::identity::policy`, beside what they guard.

mod access_rule;
mod application_credential;
mod assignment;
mod catalog;
mod consumer;
mod credential;
mod domain;
mod domain_config;
mod ec2;
mod endpoint_filter;
mod fields;
mod grant;
mod group;
mod home;
mod limit;
mod list;
mod login;
mod policy_document;
mod project;
mod registry;
mod render;
mod revocation;
mod role;
mod token;
mod trust;
mod user;
mod version;

use std::sync::Arc;

use model::identity::Progress;
use model::{Actor, Result, Tx};

use crate::access::Access::{Public, Token};
use crate::app::App;
use crate::context::Ctx;
use crate::fault::Service;
use crate::routes::Routes;

/// Every route of the service.
pub(crate) fn routes(app: &Arc<App>) -> Routes {
    Routes::new(app.clone(), Service::Identity, "/identity")
        .get("", Public, version::list)
        .get("/v3", Public, version::show)
        .with(tokens)
        .with(domains_and_projects)
        .with(users_and_groups)
        .with(roles)
        .with(grant::routes)
        .with(registry)
        .with(extensions)
}

const APPLICATION_CREDENTIALS: &str = "/v3/users/{user_id}/application_credentials";
const APPLICATION_CREDENTIAL: &str = "/v3/users/{user_id}/application_credentials/{application_credential_id}";

fn tokens(routes: Routes) -> Routes {
    routes
        .post("/v3/auth/tokens", Public, token::issue)
        .get("/v3/auth/tokens", Token, token::validate)
        .delete("/v3/auth/tokens", Token, token::revoke)
        .get("/v3/auth/catalog", Token, token::catalog)
        .get("/v3/auth/projects", Token, token::projects)
        .get("/v3/auth/domains", Token, token::domains)
        .get("/v3/auth/system", Token, token::system)
}

fn domains_and_projects(routes: Routes) -> Routes {
    routes
        .get("/v3/domains", Token, domain::list)
        .post("/v3/domains", Token, domain::create)
        .get("/v3/domains/{domain_id}", Token, domain::show)
        .patch("/v3/domains/{domain_id}", Token, domain::update)
        .delete("/v3/domains/{domain_id}", Token, domain::delete)
        .get("/v3/projects", Token, project::list)
        .post("/v3/projects", Token, project::create)
        .get("/v3/projects/{project_id}", Token, project::show)
        .patch("/v3/projects/{project_id}", Token, project::update)
        .delete("/v3/projects/{project_id}", Token, project::delete)
        .get("/v3/projects/{project_id}/tags", Token, project::tags)
        .put("/v3/projects/{project_id}/tags", Token, project::replace_tags)
        .delete("/v3/projects/{project_id}/tags", Token, project::delete_tags)
        .get("/v3/projects/{project_id}/tags/{value}", Token, project::check_tag)
        .put("/v3/projects/{project_id}/tags/{value}", Token, project::add_tag)
        .delete("/v3/projects/{project_id}/tags/{value}", Token, project::remove_tag)
}

fn users_and_groups(routes: Routes) -> Routes {
    routes
        .get("/v3/users", Token, user::list)
        .post("/v3/users", Token, user::create)
        .get("/v3/users/{user_id}", Token, user::show)
        .patch("/v3/users/{user_id}", Token, user::update)
        .delete("/v3/users/{user_id}", Token, user::delete)
        // Public, as with Keystone: the old password is the proof, and who needs this most has no token any more.
        .post("/v3/users/{user_id}/password", Public, user::change_password)
        .get("/v3/users/{user_id}/projects", Token, user::projects)
        .get("/v3/users/{user_id}/groups", Token, user::groups)
        .get(APPLICATION_CREDENTIALS, Token, application_credential::list)
        .post(APPLICATION_CREDENTIALS, Token, application_credential::create)
        .get(APPLICATION_CREDENTIAL, Token, application_credential::show)
        .delete(APPLICATION_CREDENTIAL, Token, application_credential::delete)
        .get("/v3/groups", Token, group::list)
        .post("/v3/groups", Token, group::create)
        .get("/v3/groups/{group_id}", Token, group::show)
        .patch("/v3/groups/{group_id}", Token, group::update)
        .delete("/v3/groups/{group_id}", Token, group::delete)
        .get("/v3/groups/{group_id}/users", Token, group::users)
        .get("/v3/groups/{group_id}/users/{user_id}", Token, group::check_user)
        .put("/v3/groups/{group_id}/users/{user_id}", Token, group::add_user)
        .delete("/v3/groups/{group_id}/users/{user_id}", Token, group::remove_user)
}

fn roles(routes: Routes) -> Routes {
    let implication = "/v3/roles/{prior_role_id}/implies/{implied_role_id}";
    routes
        .get("/v3/roles", Token, role::list)
        .post("/v3/roles", Token, role::create)
        .get("/v3/roles/{role_id}", Token, role::show)
        .patch("/v3/roles/{role_id}", Token, role::update)
        .delete("/v3/roles/{role_id}", Token, role::delete)
        .get("/v3/roles/{prior_role_id}/implies", Token, role::implications)
        .get(implication, Token, role::show_implication)
        .head(implication, Token, role::check_implication)
        .put(implication, Token, role::create_implication)
        .delete(implication, Token, role::delete_implication)
        .get("/v3/role_inferences", Token, role::inferences)
        .get("/v3/role_assignments", Token, assignment::list)
}

fn registry(routes: Routes) -> Routes {
    routes
        .get("/v3/regions", Token, registry::list_regions)
        .post("/v3/regions", Token, registry::create_region)
        .get("/v3/regions/{region_id}", Token, registry::show_region)
        .put("/v3/regions/{region_id}", Token, registry::put_region)
        .patch("/v3/regions/{region_id}", Token, registry::update_region)
        .delete("/v3/regions/{region_id}", Token, registry::delete_region)
        .get("/v3/services", Token, registry::list_services)
        .post("/v3/services", Token, registry::create_service)
        .get("/v3/services/{service_id}", Token, registry::show_service)
        .patch("/v3/services/{service_id}", Token, registry::update_service)
        .delete("/v3/services/{service_id}", Token, registry::delete_service)
        .get("/v3/endpoints", Token, registry::list_endpoints)
        .post("/v3/endpoints", Token, registry::create_endpoint)
        .get("/v3/endpoints/{endpoint_id}", Token, registry::show_endpoint)
        .patch("/v3/endpoints/{endpoint_id}", Token, registry::update_endpoint)
        .delete("/v3/endpoints/{endpoint_id}", Token, registry::delete_endpoint)
}

fn extensions(routes: Routes) -> Routes {
    routes
        .with(access_rule::routes)
        .with(consumer::routes)
        .with(credential::routes)
        .with(domain_config::routes)
        .with(ec2::routes)
        .with(endpoint_filter::routes)
        .with(limit::routes)
        .with(policy_document::routes)
        .with(revocation::routes)
        .with(trust::routes)
}

/// Deletes what may be too much for one transaction.
async fn delete_in_steps<F>(ctx: &Ctx, step: F) -> Result<()>
where
    F: Fn(&mut Tx<'_>, &Actor) -> Result<Progress> + Clone + Send + 'static,
{
    while ctx.transact(step.clone()).await? == Progress::More {}
    Ok(())
}
