//! Networking v2.0 (Neutron) below `/networking`: this file is its table of contents.
//!
//! A resource is one file: it reads its attributes ([`attributes`]), calls its rules in `model::network`, and tells its
//! attributes once ([`view`]), which serves bodies, `fields`, filters ([`filter`]), sorting and paging ([`page`]). What all
//! resources have in common stands in [`collection`].

mod address_group;
mod address_scope;
mod agent;
mod agent_scheduler;
mod attachment;
mod attributes;
mod auto_allocation;
mod collection;
mod default_security_group_rule;
mod extension;
mod filter;
mod flavor;
mod floating_ip;
mod floating_ip_pool;
mod ip_availability;
mod metering;
mod ndp_proxy;
mod nested;
#[allow(clippy::module_inception)] // one resource, one file name: this file is the resource called network
mod network;
mod page;
mod port;
mod port_forwarding;
mod qos;
mod quota;
mod rbac_policy;
mod router;
mod security_group;
mod security_group_rule;
mod segment;
mod standard;
mod subnet;
mod subnet_pool;
mod trunk;
mod version;
mod view;

use std::sync::Arc;

use axum::extract::Request;
use model::network::{
    AddressGroup, AddressScope, DefaultSecurityGroupRule, FloatingIp, MeteringLabel, MeteringLabelRule, NdpProxy,
    Network, Port, PortForwarding, RbacPolicy, Router, SecurityGroup, SecurityGroupRule, Segment, Subnet, SubnetPool,
    Trunk,
};

use crate::access::Access::{Admin, Member, Public, Reader, Token};
use crate::app::App;
use crate::fault::Service;
use crate::routes::Routes;

/// Every route of the service.
pub(crate) fn routes(app: &Arc<App>) -> Routes {
    Routes::new(app.clone(), Service::Network, "/networking")
        .get("", Public, version::list)
        .get("/v2.0", Public, version::show)
        .get("/v2.0/extensions", Token, extension::list)
        .get("/v2.0/extensions/{alias}", Token, extension::show)
        .with(flavor::routes)
        .with(collection::routes::<Network>)
        .with(collection::routes::<Segment>)
        .with(collection::routes::<Subnet>)
        .with(subnet_pools)
        .with(collection::routes::<Port>)
        .with(collection::routes::<Router>)
        .with(collection::routes::<FloatingIp>)
        .get("/v2.0/floatingip_pools", Reader, floating_ip_pool::list)
        .with(nested::routes::<PortForwarding>)
        .with(collection::untagged_routes::<NdpProxy>)
        .with(collection::routes::<SecurityGroup>)
        .with(collection::routes::<SecurityGroupRule>)
        .with(collection::untagged_routes::<DefaultSecurityGroupRule>)
        .with(qos::routes)
        .with(collection::routes::<AddressScope>)
        .with(collection::routes::<AddressGroup>)
        .put(
            "/v2.0/address-groups/{id}/add_addresses",
            Member,
            address_group::add_addresses,
        )
        .put(
            "/v2.0/address-groups/{id}/remove_addresses",
            Member,
            address_group::remove_addresses,
        )
        .with(collection::routes::<RbacPolicy>)
        .with(collection::untagged_routes::<MeteringLabel>)
        .with(collection::untagged_routes::<MeteringLabelRule>)
        .with(trunks)
        .with(router_actions)
        .get(
            "/v2.0/auto-allocated-topology/{project_id}",
            Reader,
            auto_allocation::show,
        )
        .delete(
            "/v2.0/auto-allocated-topology/{project_id}",
            Member,
            auto_allocation::delete,
        )
        .with(quotas)
        .with(operator_views)
}

fn subnet_pools(routes: Routes) -> Routes {
    collection::routes::<SubnetPool>(routes)
        .put("/v2.0/subnetpools/{id}/add_prefixes", Member, subnet_pool::add_prefixes)
        .put(
            "/v2.0/subnetpools/{id}/remove_prefixes",
            Member,
            subnet_pool::remove_prefixes,
        )
}

fn trunks(routes: Routes) -> Routes {
    collection::routes::<Trunk>(routes)
        .get("/v2.0/trunks/{id}/get_subports", Reader, trunk::get_subports)
        .put("/v2.0/trunks/{id}/add_subports", Member, trunk::add_subports)
        .put("/v2.0/trunks/{id}/remove_subports", Member, trunk::remove_subports)
}

fn router_actions(routes: Routes) -> Routes {
    routes
        .put("/v2.0/routers/{id}/add_router_interface", Member, router::add_interface)
        .put(
            "/v2.0/routers/{id}/remove_router_interface",
            Member,
            router::remove_interface,
        )
        .put("/v2.0/routers/{id}/add_extraroutes", Member, router::add_extra_routes)
        .put(
            "/v2.0/routers/{id}/remove_extraroutes",
            Member,
            router::remove_extra_routes,
        )
}

fn quotas(routes: Routes) -> Routes {
    routes
        .get("/v2.0/quotas", Admin, quota::list)
        .get("/v2.0/quotas/tenant", Reader, quota::own_project)
        .get("/v2.0/quotas/project", Reader, quota::own_project)
        .get("/v2.0/quotas/{project_id}", Reader, quota::show)
        .put("/v2.0/quotas/{project_id}", Admin, quota::update)
        .delete("/v2.0/quotas/{project_id}", Admin, quota::reset)
        .get("/v2.0/quotas/{project_id}/default", Reader, quota::defaults)
        .get("/v2.0/quotas/{project_id}/details", Reader, quota::details)
        // What clients really ask for.
        .get("/v2.0/quotas/{project_id}/details.json", Reader, quota::details)
}

fn operator_views(routes: Routes) -> Routes {
    routes
        .get("/v2.0/agents", Reader, agent::list)
        .get("/v2.0/agents/{id}", Admin, agent::show)
        .put("/v2.0/agents/{id}", Admin, agent::update)
        .delete("/v2.0/agents/{id}", Admin, agent::delete)
        .with(agent_scheduler::routes)
        .get("/v2.0/availability_zones", Reader, agent::zones)
        .get("/v2.0/network-ip-availabilities", Admin, ip_availability::list)
        .get("/v2.0/network-ip-availabilities/{id}", Admin, ip_availability::show)
}

/// Maru's own routes about ports.
pub(crate) fn maru_routes(app: &Arc<App>) -> Routes {
    Routes::new(app.clone(), Service::Maru, "/maru/v1")
        .get("/ports/{id}/attachment", Admin, attachment::show)
        .put("/ports/{id}/attachment", Admin, attachment::attach)
        .delete("/ports/{id}/attachment", Admin, attachment::detach)
}

/// Collections whose documented name has an underscore; all others have dashes.
const WITH_UNDERSCORE: [&str; 4] = [
    "availability_zones",
    "floatingip_pools",
    "ndp_proxies",
    "service_profiles",
];

/// Neutron takes dashes and underscores in a collection's name alike: `/v2.0/security_groups` is `/v2.0/security-groups`.
pub(crate) fn take_dashes(mut request: Request) -> Request {
    const START: &str = "/networking/v2.0/";
    let Some(rest) = request.uri().path().strip_prefix(START) else {
        return request;
    };
    let (collection, below) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let named = collection.replace('-', "_");
    let name = match WITH_UNDERSCORE.contains(&named.as_str()) {
        true => named,
        false => collection.replace('_', "-"),
    };
    if name == collection {
        return request;
    }
    let query = request
        .uri()
        .query()
        .map_or_else(String::new, |query| format!("?{query}"));
    if let Ok(uri) = format!("{START}{name}{below}{query}").parse() {
        *request.uri_mut() = uri;
    }
    request
}
