//! Routers and their interfaces.

use std::sync::Arc;

use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode};
use model::host::Route;
use model::network::access::check_revision;
use model::network::router::{self, GatewaySpec, InterfaceSpec, RouterInterface, RouterSpec};
use model::network::{FixedIp, Router};
use model::{Actor, NetworkId, QosPolicyId, Result, RouterId, Tx};
use serde::Serialize;
use serde_json::Value;

use super::attributes::{self, Attrs, TEXT, bad_request, invalid};
use super::collection::{Collection, body_object, expected_revision, one, parse_id};
use super::standard::{attributes, put_standard};
use super::view::{Sink, View, ViewCx};
use crate::context::Ctx;
use crate::extract::Wire;
use crate::reply::{Reply, json as document};

#[derive(Serialize)]
struct Gateway<'a> {
    network_id: NetworkId,
    enable_snat: bool,
    external_fixed_ips: &'a [FixedIp],
    qos_policy_id: Option<QosPolicyId>,
}

impl View for Router {
    fn view<S: Sink>(&self, cx: &ViewCx<'_>, out: &mut S) {
        out.put("id", &self.id);
        out.put("name", &self.standard.name);
        put_standard(&self.standard, out);
        out.put("admin_state_up", &self.admin_state_up);
        out.put("status", self.status.as_str());
        if out.wants("external_gateway_info") {
            let port = router::gateway_port(cx.cloud, self);
            let gateway = self.gateway.as_ref().map(|gateway| Gateway {
                network_id: gateway.network_id,
                enable_snat: gateway.enable_snat,
                external_fixed_ips: port.map_or(&[], |port| &port.fixed_ips),
                qos_policy_id: gateway.qos_policy_id,
            });
            out.put("external_gateway_info", &gateway);
        }
        out.put("routes", &self.routes);
        out.put("enable_ndp_proxy", &self.enable_ndp_proxy);
        out.put("availability_zone_hints", &[(); 0]);
        out.put("flavor_id", &self.flavor_id);
        let zones: &[&str] = if self.is_hosted { &[super::agent::ZONE] } else { &[] };
        out.put("availability_zones", zones);
    }
}

impl Collection for Router {
    const PLURAL: &'static str = "routers";
    const PATH: &'static str = "routers";
    const ATTRIBUTES: &'static [&'static str] = attributes![
        "name",
        "admin_state_up",
        "status",
        "external_gateway_info",
        "routes",
        "enable_ndp_proxy",
        "availability_zone_hints",
        "availability_zones",
        "flavor_id",
    ];
    type New = RouterSpec;
    type Change = RouterSpec;

    fn read_new(attrs: &mut Attrs, _ctx: &Ctx) -> Result<RouterSpec> {
        attrs.not_in_post(&["status", "routes", "availability_zones"])?;
        let mut spec = read(attrs)?;
        spec.project_id = attrs.project()?;
        spec.tags = attrs.tags("tags")?;
        spec.flavor_id = attrs.nullable_id("flavor_id")?.flatten();
        super::network::no_zone_hints(attrs)?;
        Ok(spec)
    }

    fn read_change(attrs: &mut Attrs, _ctx: &Ctx) -> Result<RouterSpec> {
        attrs.not_in_put(&["status", "availability_zones", "availability_zone_hints", "flavor_id"])?;
        let routes = attrs.routes("routes")?;
        Ok(RouterSpec { routes, ..read(attrs)? })
    }

    fn create(tx: &mut Tx<'_>, actor: &Actor, new: Vec<RouterSpec>) -> Result<Vec<Arc<Self>>> {
        new.into_iter().map(|spec| router::create(tx, actor, spec)).collect()
    }

    fn update(tx: &mut Tx<'_>, actor: &Actor, id: &RouterId, change: RouterSpec) -> Result<Arc<Self>> {
        router::update(tx, actor, *id, change)
    }

    fn delete(tx: &mut Tx<'_>, actor: &Actor, id: &RouterId) -> Result<()> {
        router::delete(tx, actor, *id)
    }
}

fn read(attrs: &mut Attrs) -> Result<RouterSpec> {
    one_plain_router(attrs)?;
    attrs.skip_null("enable_ndp_proxy");
    Ok(RouterSpec {
        project_id: None,
        name: attrs.text("name", TEXT)?,
        description: attrs.text("description", TEXT)?,
        admin_state_up: attrs.boolean("admin_state_up")?,
        gateway: gateway(attrs)?,
        routes: None,
        flavor_id: None,
        enable_ndp_proxy: attrs.boolean("enable_ndp_proxy")?,
        tags: None,
    })
}

/// Routers are on one host and alone: asking for that in so many words (Horizon does) is fine.
fn one_plain_router(attrs: &mut Attrs) -> Result<()> {
    for name in ["distributed", "ha"] {
        if attrs.boolean(name)? == Some(true) {
            return Err(invalid(
                name,
                format!("'{name}' routers are not supported: leave it out or set it to false"),
            ));
        }
    }
    Ok(())
}

/// `external_gateway_info`: null and `{}` take the gateway away.
fn gateway(attrs: &mut Attrs) -> Result<Option<Option<GatewaySpec>>> {
    let name = "external_gateway_info";
    let mut info = match attrs.take(name) {
        None => return Ok(None),
        Some(Value::Null) => return Ok(Some(None)),
        Some(Value::Object(map)) if map.is_empty() => return Ok(Some(None)),
        Some(value) => attributes::object(name, value)?,
    };
    let network_id = info.nullable_id("network_id")?.flatten();
    let enable_snat = info.boolean("enable_snat")?;
    let external_fixed_ips = info.list("external_fixed_ips", |value| {
        super::port::fixed_ip("external_fixed_ips", value)
    })?;
    let qos_policy_id = info.nullable_id("qos_policy_id")?;
    info.finish()?;
    match network_id {
        Some(network_id) => Ok(Some(Some(GatewaySpec {
            network_id,
            enable_snat,
            external_fixed_ips,
            qos_policy_id,
        }))),
        None => Err(invalid(
            name,
            "network_id is missing: name the external network".to_owned(),
        )),
    }
}

#[derive(Serialize)]
struct InterfaceReply {
    id: String,
    project_id: String,
    tenant_id: String,
    port_id: String,
    network_id: String,
    subnet_id: Option<String>,
    subnet_ids: Vec<String>,
    tags: [String; 0],
}

impl From<RouterInterface> for InterfaceReply {
    fn from(interface: RouterInterface) -> Self {
        let subnet_ids: Vec<String> = interface.subnet_ids.iter().map(ToString::to_string).collect();
        Self {
            id: interface.router_id.to_string(),
            project_id: interface.project_id.to_string(),
            tenant_id: interface.project_id.to_string(),
            port_id: interface.port_id.to_string(),
            network_id: interface.network_id.to_string(),
            subnet_id: subnet_ids.last().cloned(),
            subnet_ids,
            tags: [],
        }
    }
}

fn read_interface(body: Value) -> Result<InterfaceSpec> {
    let Value::Object(map) = body else {
        return Err(model::Error::invalid(
            "BadRequest",
            "Bad router request: Either subnet_id or port_id must be specified.",
        ));
    };
    let mut attrs = Attrs::new(map);
    let spec = InterfaceSpec {
        subnet_id: attrs.nullable_id("subnet_id")?.flatten(),
        port_id: attrs.nullable_id("port_id")?.flatten(),
    };
    attrs.finish()?;
    Ok(spec)
}

/// PUT `add_router_interface`.
pub(super) async fn add_interface(ctx: Ctx, Path(id): Path<String>, Wire(body): Wire<Value>) -> Reply {
    let id = parse_id::<Router>(&id)?;
    let spec = read_interface(body)?;
    let interface = ctx
        .transact(move |tx, actor| router::add_interface(tx, actor, id, spec))
        .await?;
    document(&InterfaceReply::from(interface))
}

/// PUT `remove_router_interface`.
pub(super) async fn remove_interface(ctx: Ctx, Path(id): Path<String>, Wire(body): Wire<Value>) -> Reply {
    let id = parse_id::<Router>(&id)?;
    let spec = read_interface(body)?;
    let interface = ctx
        .transact(move |tx, actor| router::remove_interface(tx, actor, id, spec))
        .await?;
    document(&InterfaceReply::from(interface))
}

fn read_routes(body: Value) -> Result<Vec<Route>> {
    let mut attrs = Attrs::new(body_object(body, "router")?);
    let routes = attrs.routes("routes")?;
    attrs.finish()?;
    routes.ok_or_else(|| bad_request("Unable to find 'routes' in request body".to_owned()))
}

/// PUT `add_extraroutes`.
pub(super) async fn add_extra_routes(
    ctx: Ctx,
    Path(id): Path<String>,
    headers: HeaderMap,
    Wire(body): Wire<Value>,
) -> Reply {
    let id = parse_id::<Router>(&id)?;
    let (routes, expected) = (read_routes(body)?, expected_revision(&headers)?);
    let router = ctx
        .transact(move |tx, actor| {
            check_revision::<Router>(tx.cloud(), &id, expected)?;
            router::add_extra_routes(tx, actor, id, routes)
        })
        .await?;
    Ok(one(&ctx, StatusCode::OK, &*router, &[]))
}

/// PUT `remove_extraroutes`.
pub(super) async fn remove_extra_routes(
    ctx: Ctx,
    Path(id): Path<String>,
    headers: HeaderMap,
    Wire(body): Wire<Value>,
) -> Reply {
    let id = parse_id::<Router>(&id)?;
    let (routes, expected) = (read_routes(body)?, expected_revision(&headers)?);
    let router = ctx
        .transact(move |tx, actor| {
            check_revision::<Router>(tx.cloud(), &id, expected)?;
            router::remove_extra_routes(tx, actor, id, &routes)
        })
        .await?;
    Ok(one(&ctx, StatusCode::OK, &*router, &[]))
}
