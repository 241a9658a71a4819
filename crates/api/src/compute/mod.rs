//! Compute v2.1 (Nova) below `/compute`: this file is its table of contents.
//!
//! ```text
//!  microversion::layer (headers in and out) ─► route: Access ─► handler: read the body (body.rs, a table of fields by
//!  microversion), one rule of model::compute, view (what each microversion shows)
//! ```

mod actions;
mod aggregates;
mod availability_zones;
pub(crate) mod body;
mod create;
mod diagnostics;
mod disks;
mod extensions;
mod extra_specs;
mod filters;
mod flavors;
mod gone;
mod host_admin;
mod hypervisors;
mod images;
mod instance_actions;
mod interfaces;
mod keypairs;
mod limits;
mod metadata;
mod microversion;
mod migrations;
mod moves;
mod networks;
mod paging;
mod quota_classes;
pub(crate) mod quota_sets;
mod remote_consoles;
mod security_groups;
mod server_groups;
mod servers;
mod services;
mod tags;
mod usage;
mod versions;
mod view;
mod volume_attachments;
mod volumes;
mod works;

use std::sync::Arc;

use axum::middleware;
use model::compute::aggregate;
use model::compute::server::create::Hosts;
use model::{Error, HostId, Result, ServerId};
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
        .with(aggregate_routes)
        .with(proxy_routes)
        .with(volume_proxy_routes)
        .with(gone::routes)
        .with(project_routes)
        .wrap(|router| router.layer(middleware::from_fn(microversion::refuse_unknown_queries)))
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
        .get("/v2.1/servers/{id}/migrations", Admin, migrations::list_of_server)
        .get(
            "/v2.1/servers/{id}/migrations/{number}",
            Admin,
            migrations::show_of_server,
        )
        .get(
            "/v2.1/servers/{id}/os-server-password",
            Reader,
            host_admin::show_password,
        )
        .delete(
            "/v2.1/servers/{id}/os-server-password",
            Member,
            host_admin::delete_password,
        )
        .post("/v2.1/servers/{id}/remote-consoles", Member, remote_consoles::create)
        .get("/v2.1/servers/{id}/diagnostics", Admin, diagnostics::show)
        .get("/v2.1/servers/{id}/topology", Reader, servers::show_topology)
        .get(
            "/v2.1/servers/{id}/os-volume_attachments",
            Reader,
            volume_attachments::list,
        )
        .post(
            "/v2.1/servers/{id}/os-volume_attachments",
            Member,
            volume_attachments::attach,
        )
        .get(
            "/v2.1/servers/{id}/os-volume_attachments/{volume}",
            Reader,
            volume_attachments::show,
        )
        .put(
            "/v2.1/servers/{id}/os-volume_attachments/{volume}",
            Member,
            volume_attachments::update,
        )
        .delete(
            "/v2.1/servers/{id}/os-volume_attachments/{volume}",
            Member,
            volume_attachments::detach,
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
        .put("/v2.1/os-services/{id}", Admin, services::update)
        .delete("/v2.1/os-services/{id}", Admin, services::delete)
        .get("/v2.1/os-hosts", Admin, host_admin::list_hosts)
        .get("/v2.1/os-hosts/{name}", Admin, host_admin::show_host)
        .put("/v2.1/os-hosts/{name}", Admin, host_admin::update_host)
        .get("/v2.1/os-hosts/{name}/startup", Admin, host_admin::host_power)
        .get("/v2.1/os-hosts/{name}/shutdown", Admin, host_admin::host_power)
        .get("/v2.1/os-hosts/{name}/reboot", Admin, host_admin::host_power)
        .get("/v2.1/os-migrations", Admin, migrations::list)
        .get("/v2.1/os-instance_usage_audit_log", Admin, host_admin::audit_log)
        .get(
            "/v2.1/os-instance_usage_audit_log/{before}",
            Admin,
            host_admin::audit_log_before,
        )
        .post("/v2.1/os-server-external-events", Admin, host_admin::external_events)
        .get(
            "/v2.1/os-console-auth-tokens/{token}",
            Admin,
            remote_consoles::show_token,
        )
}

fn aggregate_routes(routes: Routes) -> Routes {
    routes
        .get("/v2.1/os-aggregates", Admin, aggregates::list)
        .post("/v2.1/os-aggregates", Admin, aggregates::create)
        .get("/v2.1/os-aggregates/{id}", Admin, aggregates::show)
        .put("/v2.1/os-aggregates/{id}", Admin, aggregates::update)
        .delete("/v2.1/os-aggregates/{id}", Admin, aggregates::delete)
        .post("/v2.1/os-aggregates/{id}/action", Admin, aggregates::act)
        .post("/v2.1/os-aggregates/{id}/images", Admin, aggregates::cache_images)
}

/// What Nova passed on to other services before clients asked those themselves.
fn proxy_routes(routes: Routes) -> Routes {
    routes
        .get("/v2.1/images", Reader, images::list)
        .get("/v2.1/images/detail", Reader, images::list_detail)
        .get("/v2.1/images/{id}", Reader, images::show)
        .delete("/v2.1/images/{id}", Member, images::delete)
        .get("/v2.1/images/{id}/metadata", Reader, images::list_metadata)
        .post("/v2.1/images/{id}/metadata", Member, images::merge)
        .put("/v2.1/images/{id}/metadata", Member, images::replace)
        .get("/v2.1/images/{id}/metadata/{key}", Reader, images::show_item)
        .put("/v2.1/images/{id}/metadata/{key}", Member, images::set_item)
        .delete("/v2.1/images/{id}/metadata/{key}", Member, images::delete_item)
        .get("/v2.1/os-security-groups", Reader, security_groups::list)
        .post("/v2.1/os-security-groups", Member, security_groups::create)
        .get("/v2.1/os-security-groups/{id}", Reader, security_groups::show)
        .put("/v2.1/os-security-groups/{id}", Member, security_groups::update)
        .delete("/v2.1/os-security-groups/{id}", Member, security_groups::delete)
        .post("/v2.1/os-security-group-rules", Member, security_groups::create_rule)
        .delete(
            "/v2.1/os-security-group-rules/{id}",
            Member,
            security_groups::delete_rule,
        )
        .get("/v2.1/os-networks", Reader, networks::list)
        .get("/v2.1/os-networks/{id}", Reader, networks::show)
        .get("/v2.1/os-tenant-networks", Reader, networks::list_of_tenant)
        .get("/v2.1/os-tenant-networks/{id}", Reader, networks::show_of_tenant)
        .get("/v2.1/os-floating-ip-pools", Reader, networks::list_pools)
        .get("/v2.1/os-floating-ips", Reader, networks::list_floating)
        .post("/v2.1/os-floating-ips", Member, networks::create_floating)
        .get("/v2.1/os-floating-ips/{id}", Reader, networks::show_floating)
        .delete("/v2.1/os-floating-ips/{id}", Member, networks::delete_floating)
}

/// See [`proxy_routes`].
fn volume_proxy_routes(routes: Routes) -> Routes {
    routes
        .get("/v2.1/os-volumes", Reader, volumes::list)
        .post("/v2.1/os-volumes", Member, volumes::create)
        .get("/v2.1/os-volumes/detail", Reader, volumes::list)
        .get("/v2.1/os-volumes/{id}", Reader, volumes::show)
        .delete("/v2.1/os-volumes/{id}", Member, volumes::delete)
        .get("/v2.1/os-snapshots", Reader, volumes::list_snapshots)
        .post("/v2.1/os-snapshots", Member, volumes::create_snapshot)
        .get("/v2.1/os-snapshots/detail", Reader, volumes::list_snapshots)
        .get("/v2.1/os-snapshots/{id}", Reader, volumes::show_snapshot)
        .delete("/v2.1/os-snapshots/{id}", Member, volumes::delete_snapshot)
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
    ctx.control().scheduling()
}

/// The id of a host's hypervisor, which is its resource provider's, too.
pub(crate) fn hypervisor_uuid(host: &str) -> uuid::Uuid {
    hypervisors::stable_uuid("hypervisor", host)
}

/// The zone that a host is in: an aggregate's, or the cloud's own.
fn zone_of_host(ctx: &Ctx, host: &HostId) -> String {
    aggregate::zone_of(&ctx.cloud(), host, &ctx.control().plan_settings().availability_zone)
}

/// The zone of the only host.
fn own_zone(ctx: &Ctx) -> String {
    zone_of_host(ctx, ctx.control().host_id())
}

/// A body of `…/action` that names no action of Nova's.
fn no_such_action(body: &Map<String, Value>) -> Error {
    let name = body.keys().next().map_or("", String::as_str);
    Error::invalid("HTTPBadRequest", format!("There is no such action: {name}"))
}
