//! Compute v2.1 (Nova) below `/compute`: this file is its table of contents.
//!
//! ```text
//!  microversion::layer (headers in and out) ─► route: Access ─► handler: read the body (body.rs, a table of fields by
//!  microversion), one rule of model::compute, view (what each microversion shows)
//! ```

mod actions;
mod availability_zones;
mod body;
mod create;
mod diagnostics;
mod extensions;
mod extra_specs;
mod filters;
mod flavors;
mod hypervisors;
mod instance_actions;
mod interfaces;
mod keypairs;
mod limits;
mod metadata;
mod microversion;
mod paging;
mod quota_classes;
mod quota_sets;
mod remote_consoles;
mod security_groups;
mod server_groups;
mod servers;
mod services;
mod tags;
mod usage;
mod versions;
mod view;

use std::sync::Arc;

use axum::middleware;
use model::compute::server::create::Hosts;
use model::{Error, Result, ServerId};
use serde_json::{Map, Value, json};

use crate::access::Access::{Admin, Member, Public, Reader};
use crate::app::App;
use crate::context::Ctx;
use crate::fault::Service;
use crate::routes::Routes;

/// Every route of the service.
pub(crate) fn routes(app: &Arc<App>) -> Routes {
    Routes::new(app.clone(), Service::Compute, "/compute")
        .get("", Public, versions::list)
        .get("/v2", Public, versions::show_legacy)
        .get("/v2.1", Public, versions::show_current)
        .with(flavor_routes)
        .with(keypair_routes)
        .with(server_routes)
        .with(server_part_routes)
        .with(host_routes)
        .with(project_routes)
        .wrap(|router| router.layer(middleware::from_fn(microversion::layer)))
}

fn flavor_routes(routes: Routes) -> Routes {
    routes
        .get("/v2.1/flavors", Reader, flavors::list)
        .post("/v2.1/flavors", Admin, flavors::create)
        .get("/v2.1/flavors/detail", Reader, flavors::list_detail)
        .get("/v2.1/flavors/{id}", Reader, flavors::show)
        .put("/v2.1/flavors/{id}", Admin, flavors::update)
        .delete("/v2.1/flavors/{id}", Admin, flavors::delete)
        .post("/v2.1/flavors/{id}/action", Admin, flavors::act)
        .get("/v2.1/flavors/{id}/os-flavor-access", Admin, flavors::list_access)
        .get("/v2.1/flavors/{id}/os-extra_specs", Reader, flavors::list_specs)
        .post("/v2.1/flavors/{id}/os-extra_specs", Admin, flavors::add_specs)
        .get("/v2.1/flavors/{id}/os-extra_specs/{key}", Reader, flavors::show_spec)
        .put("/v2.1/flavors/{id}/os-extra_specs/{key}", Admin, flavors::set_spec)
        .delete("/v2.1/flavors/{id}/os-extra_specs/{key}", Admin, flavors::delete_spec)
}

fn keypair_routes(routes: Routes) -> Routes {
    routes
        .get("/v2.1/os-keypairs", Reader, keypairs::list)
        .post("/v2.1/os-keypairs", Reader, keypairs::create)
        .get("/v2.1/os-keypairs/{name}", Reader, keypairs::show)
        .delete("/v2.1/os-keypairs/{name}", Reader, keypairs::delete)
}

fn server_routes(routes: Routes) -> Routes {
    routes
        .get("/v2.1/servers", Reader, servers::list)
        .post("/v2.1/servers", Member, create::create)
        .get("/v2.1/servers/detail", Reader, servers::list_detail)
        .get("/v2.1/servers/{id}", Reader, servers::show)
        .put("/v2.1/servers/{id}", Member, servers::update)
        .delete("/v2.1/servers/{id}", Member, servers::delete)
        .post("/v2.1/servers/{id}/action", Member, actions::act)
        .get("/v2.1/os-server-groups", Reader, server_groups::list)
        .post("/v2.1/os-server-groups", Member, server_groups::create)
        .get("/v2.1/os-server-groups/{id}", Reader, server_groups::show)
        .delete("/v2.1/os-server-groups/{id}", Member, server_groups::delete)
}

fn server_part_routes(routes: Routes) -> Routes {
    routes
        .get("/v2.1/servers/{id}/metadata", Reader, metadata::list)
        .post("/v2.1/servers/{id}/metadata", Member, metadata::merge)
        .put("/v2.1/servers/{id}/metadata", Member, metadata::replace)
        .get("/v2.1/servers/{id}/metadata/{key}", Reader, metadata::show)
        .put("/v2.1/servers/{id}/metadata/{key}", Member, metadata::set)
        .delete("/v2.1/servers/{id}/metadata/{key}", Member, metadata::delete)
        .get("/v2.1/servers/{id}/tags", Reader, tags::list)
        .put("/v2.1/servers/{id}/tags", Member, tags::replace)
        .delete("/v2.1/servers/{id}/tags", Member, tags::clear)
        .get("/v2.1/servers/{id}/tags/{tag}", Reader, tags::show)
        .put("/v2.1/servers/{id}/tags/{tag}", Member, tags::add)
        .delete("/v2.1/servers/{id}/tags/{tag}", Member, tags::remove)
        .get("/v2.1/servers/{id}/ips", Reader, servers::list_addresses)
        .get(
            "/v2.1/servers/{id}/ips/{network}",
            Reader,
            servers::list_addresses_of_network,
        )
        .get(
            "/v2.1/servers/{id}/os-security-groups",
            Reader,
            servers::list_security_groups,
        )
        .get("/v2.1/servers/{id}/os-interface", Reader, interfaces::list)
        .post("/v2.1/servers/{id}/os-interface", Member, interfaces::attach)
        .get("/v2.1/servers/{id}/os-interface/{port}", Reader, interfaces::show)
        .delete("/v2.1/servers/{id}/os-interface/{port}", Member, interfaces::detach)
        .get("/v2.1/servers/{id}/os-instance-actions", Reader, instance_actions::list)
        .get(
            "/v2.1/servers/{id}/os-instance-actions/{request}",
            Reader,
            instance_actions::show,
        )
        .post("/v2.1/servers/{id}/remote-consoles", Member, remote_consoles::create)
        .get("/v2.1/servers/{id}/diagnostics", Admin, diagnostics::show)
        .get("/v2.1/servers/{id}/topology", Reader, servers::show_topology)
        .get(
            "/v2.1/servers/{id}/os-volume_attachments",
            Reader,
            servers::list_volume_attachments,
        )
}

fn host_routes(routes: Routes) -> Routes {
    routes
        .get("/v2.1/extensions", Reader, extensions::list)
        .get("/v2.1/extensions/{alias}", Reader, extensions::show)
        .get("/v2.1/os-availability-zone", Reader, availability_zones::list)
        .get(
            "/v2.1/os-availability-zone/detail",
            Admin,
            availability_zones::list_detail,
        )
        .get("/v2.1/os-hypervisors", Admin, hypervisors::list)
        .get("/v2.1/os-hypervisors/detail", Admin, hypervisors::list_detail)
        .get("/v2.1/os-hypervisors/statistics", Admin, hypervisors::statistics)
        .get("/v2.1/os-hypervisors/{id}", Admin, hypervisors::show)
        .get("/v2.1/os-hypervisors/{id}/uptime", Admin, hypervisors::uptime)
        .get("/v2.1/os-hypervisors/{id}/search", Admin, hypervisors::search)
        .get("/v2.1/os-hypervisors/{id}/servers", Admin, hypervisors::servers)
        .get("/v2.1/os-services", Admin, services::list)
        .get("/v2.1/os-aggregates", Admin, services::list_aggregates)
}

fn project_routes(routes: Routes) -> Routes {
    routes
        .get("/v2.1/limits", Reader, limits::show)
        .get("/v2.1/os-quota-sets/{project}", Reader, quota_sets::show)
        .put("/v2.1/os-quota-sets/{project}", Admin, quota_sets::update)
        .delete("/v2.1/os-quota-sets/{project}", Admin, quota_sets::delete)
        .get("/v2.1/os-quota-sets/{project}/detail", Reader, quota_sets::show_detail)
        .get(
            "/v2.1/os-quota-sets/{project}/defaults",
            Reader,
            quota_sets::show_defaults,
        )
        .get("/v2.1/os-quota-class-sets/{class}", Admin, quota_classes::show)
        .put("/v2.1/os-quota-class-sets/{class}", Admin, quota_classes::update)
        .get("/v2.1/os-simple-tenant-usage", Admin, usage::list)
        .get("/v2.1/os-simple-tenant-usage/{project}", Reader, usage::show)
}

/// A whole URL of this service.
fn link(ctx: &Ctx, path: &str) -> String {
    format!("{}/compute/v2.1/{path}", ctx.base_url())
}

/// The links of a resource: with the version, and without.
fn links(ctx: &Ctx, collection: &str, id: &str) -> Value {
    json!([
        {"rel": "self", "href": link(ctx, &format!("{collection}/{id}"))},
        {"rel": "bookmark", "href": bookmark(ctx, collection, id)},
    ])
}

/// A link that outlives API versions.
fn bookmark(ctx: &Ctx, collection: &str, id: &str) -> String {
    format!("{}/compute/{collection}/{id}", ctx.base_url())
}

/// A server's id in a path. What is no id names no server: clients try names here first, and then ask the list.
fn server_id(text: &str) -> Result<ServerId> {
    text.parse()
        .map_err(|_| Error::not_found("InstanceNotFound", format!("Instance {text} could not be found.")))
}

/// What may be scheduled to, as it is now.
pub(crate) fn scheduling(ctx: &Ctx) -> Hosts {
    hosts(ctx)
}

/// The id of a host's hypervisor, which is its resource provider's, too.
pub(crate) fn hypervisor_uuid(host: &str) -> uuid::Uuid {
    hypervisors::stable_uuid("hypervisor", host)
}

/// See [`scheduling`].
fn hosts(ctx: &Ctx) -> Hosts {
    let settings = ctx.control().plan_settings();
    let facts = ctx.control().host_report().borrow().facts.clone();
    Hosts {
        facts: vec![facts],
        zone: settings.availability_zone.clone(),
        policy: settings.scheduling,
    }
}

/// A body of `…/action` that names no action of Nova's.
fn no_such_action(body: &Map<String, Value>) -> Error {
    let name = body.keys().next().map_or("", String::as_str);
    Error::invalid("HTTPBadRequest", format!("There is no such action: {name}"))
}
