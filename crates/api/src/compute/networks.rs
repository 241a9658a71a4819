//! Networks and floating IPs as Nova passed them on before clients asked Neutron themselves: up to 2.35; taking a floating IP
//! by an action up to 2.43.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use model::compute::server::port;
use model::network::floating_ip::{self, FloatingIpSpec};
use model::network::{FloatingIp, Network, network};
use model::{Error, ErrorKind, FloatingIpId, NetworkId, Result, ServerId};
use serde_json::{Map, Value, json};

use super::body::{Object, TEXT_LIMIT, field, missing};
use super::microversion::{MIN, Microversion};
use super::servers;
use crate::context::Ctx;
use crate::extract::Wire;
use crate::reply::{Reply, json as reply};

/// The last microversion that passes them on.
const LAST: u16 = 35;
/// The last microversion with actions on floating IPs.
const LAST_ACTION: u16 = 43;

/// The caller's, shared ones, and those that floating IPs are of, which Neutron shows to everybody.
fn own_networks(ctx: &Ctx) -> Vec<Arc<Network>> {
    let (cloud, actor) = (ctx.cloud(), ctx.actor());
    let networks = cloud.networks.iter();
    networks
        .filter(|net| actor.can_see(&net.standard.project_id) || net.shared || net.external)
        .cloned()
        .collect()
}

fn find(ctx: &Ctx, id: &str) -> Result<Arc<Network>> {
    let wanted = id.parse::<NetworkId>().ok();
    let mut networks = own_networks(ctx).into_iter();
    networks
        .find(|net| Some(net.id) == wanted)
        .ok_or_else(|| Error::not_found("NetworkNotFound", "Network not found"))
}

/// Nova's own columns, of which Neutron knows two.
fn view(network: &Network) -> Value {
    const UNKNOWN: &[&str] = &[
        "bridge",
        "vpn_public_port",
        "dhcp_start",
        "bridge_interface",
        "updated_at",
        "cidr_v6",
        "deleted_at",
        "gateway",
        "rxtx_base",
        "priority",
        "project_id",
        "vpn_private_address",
        "deleted",
        "vlan",
        "broadcast",
        "netmask",
        "injected",
        "cidr",
        "vpn_public_address",
        "multi_host",
        "dns2",
        "created_at",
        "host",
        "gateway_v6",
        "netmask_v6",
        "dns1",
    ];
    let mut body: Map<String, Value> = UNKNOWN.iter().map(|name| ((*name).to_owned(), Value::Null)).collect();
    body.insert("id".to_owned(), json!(network.id));
    body.insert("label".to_owned(), json!(network.standard.name));
    Value::Object(body)
}

/// `GET /os-networks`.
pub(super) async fn list(ctx: Ctx, version: Microversion) -> Reply {
    version.require_until(LAST)?;
    let networks: Vec<Value> = own_networks(&ctx).iter().map(|net| view(net)).collect();
    reply(&json!({"networks": networks}))
}

/// `GET /os-networks/{id}`.
pub(super) async fn show(ctx: Ctx, version: Microversion, Path(id): Path<String>) -> Reply {
    version.require_until(LAST)?;
    reply(&json!({"network": view(&*find(&ctx, &id)?)}))
}

fn tenant_view(network: &Network) -> Value {
    json!({"id": network.id, "label": network.standard.name, "cidr": "None"})
}

/// `GET /os-tenant-networks`.
pub(super) async fn list_of_tenant(ctx: Ctx, version: Microversion) -> Reply {
    version.require_until(LAST)?;
    let networks: Vec<Value> = own_networks(&ctx).iter().map(|net| tenant_view(net)).collect();
    reply(&json!({"networks": networks}))
}

/// `GET /os-tenant-networks/{id}`.
pub(super) async fn show_of_tenant(ctx: Ctx, version: Microversion, Path(id): Path<String>) -> Reply {
    version.require_until(LAST)?;
    reply(&json!({"network": tenant_view(&*find(&ctx, &id)?)}))
}

/// `GET /os-floating-ip-pools`: the provider networks by name.
pub(super) async fn list_pools(ctx: Ctx, version: Microversion) -> Reply {
    version.require_until(LAST)?;
    let cloud = ctx.cloud();
    let ids = cloud.lookups.external_networks.of(&());
    let pools: Vec<Value> = ids
        .filter_map(|id| cloud.networks.get(id))
        .map(|net| json!({"name": net.standard.name}))
        .collect();
    reply(&json!({"floating_ip_pools": pools}))
}

fn floating_view(ctx: &Ctx, row: &FloatingIp) -> Value {
    let cloud = ctx.cloud();
    let pool = cloud
        .networks
        .get(&row.floating_network_id)
        .map(|net| net.standard.name.clone());
    let port = row.port_id.and_then(|id| cloud.ports.get(&id));
    json!({
        "id": row.id,
        "ip": row.floating_ip_address,
        "pool": pool,
        "fixed_ip": row.fixed_ip_address,
        "instance_id": port.filter(|port| !port.device_id.is_empty()).map(|port| port.device_id.clone()),
    })
}

fn find_floating(ctx: &Ctx, id: &str) -> Result<Arc<FloatingIp>> {
    let cloud = ctx.cloud();
    let found = id
        .parse::<FloatingIpId>()
        .ok()
        .and_then(|id| cloud.find::<FloatingIp>(&id).cloned());
    found
        .filter(|row| ctx.actor().can_see(&row.standard.project_id))
        .ok_or_else(|| Error::not_found("FloatingIpNotFound", format!("Floating IP not found for ID {id}")))
}

/// `GET /os-floating-ips`.
pub(super) async fn list_floating(ctx: Ctx, version: Microversion) -> Reply {
    version.require_until(LAST)?;
    let cloud = ctx.cloud();
    let own = cloud
        .floating_ips
        .iter()
        .filter(|row| ctx.actor().owns(&row.standard.project_id));
    let shown: Vec<Value> = own.map(|row| floating_view(&ctx, row)).collect();
    reply(&json!({"floating_ips": shown}))
}

/// `GET /os-floating-ips/{id}`.
pub(super) async fn show_floating(ctx: Ctx, version: Microversion, Path(id): Path<String>) -> Reply {
    version.require_until(LAST)?;
    reply(&json!({"floating_ip": floating_view(&ctx, &*find_floating(&ctx, &id)?)}))
}

/// `POST /os-floating-ips`: from the pool that is named, or the cloud's own.
pub(super) async fn create_floating(ctx: Ctx, version: Microversion, Wire(body): Wire<Map<String, Value>>) -> Reply {
    version.require_until(LAST)?;
    let pool = Object::new(&body).text("pool", 0..=TEXT_LIMIT)?.map(str::to_owned);
    let cloud = ctx.cloud();
    let network = match &pool {
        None => network::default_external(&cloud).cloned(),
        Some(pool) => {
            let ids = cloud.lookups.external_networks.of(&());
            let mut networks = ids.filter_map(|id| cloud.networks.get(id));
            let is_it = |net: &&Arc<Network>| net.standard.name == *pool || net.id.to_string() == *pool;
            networks.find(is_it).cloned()
        }
    };
    let network = network.ok_or_else(|| Error::not_found("FloatingIpPoolNotFound", "Floating IP pool not found."))?;
    let made = ctx
        .transact(move |tx, actor| floating_ip::create(tx, actor, network.id, FloatingIpSpec::default()))
        .await?;
    reply(&json!({"floating_ip": floating_view(&ctx, &made)}))
}

/// `DELETE /os-floating-ips/{id}`.
pub(super) async fn delete_floating(ctx: Ctx, version: Microversion, Path(id): Path<String>) -> Reply {
    version.require_until(LAST)?;
    let id = find_floating(&ctx, &id)?.id;
    ctx.transact(move |tx, actor| floating_ip::delete(tx, actor, id))
        .await?;
    Ok(StatusCode::ACCEPTED.into_response())
}

/// `addFixedIp`, up to 2.43.
pub(super) async fn add_fixed(ctx: &Ctx, version: Microversion, id: ServerId, body: Object<'_>) -> Result<()> {
    version.require_until(LAST_ACTION)?;
    let body = body.object("addFixedIp")?.ok_or_else(|| missing("addFixedIp"))?;
    let text = body.allow(&[field("networkId")], MIN)?.text("networkId", 1..=36)?;
    let text = text.ok_or_else(|| missing("networkId"))?;
    let network: NetworkId = text
        .parse()
        .map_err(|_| Error::not_found("NetworkNotFound", format!("Network {text} could not be found.")))?;
    ctx.transact(move |tx, actor| port::add_fixed_ip(tx, actor, id, network))
        .await
}

/// `removeFixedIp`, up to 2.43.
pub(super) async fn remove_fixed(ctx: &Ctx, version: Microversion, id: ServerId, body: Object<'_>) -> Result<()> {
    version.require_until(LAST_ACTION)?;
    let body = body.object("removeFixedIp")?.ok_or_else(|| missing("removeFixedIp"))?;
    let body = body.allow(&[field("address")], MIN)?;
    let address: IpAddr = body
        .parsed("address", "an IP address")?
        .ok_or_else(|| missing("address"))?;
    ctx.transact(move |tx, actor| port::remove_fixed_ip(tx, actor, id, address))
        .await
}

fn read_address(body: Object<'_>) -> Result<Ipv4Addr> {
    body.parsed("address", "an IP address")?
        .ok_or_else(|| missing("address"))
}

fn by_address(ctx: &Ctx, address: Ipv4Addr) -> Result<Arc<FloatingIp>> {
    floating_ip::find_by_address(&ctx.cloud(), ctx.actor(), address)
        .cloned()
        .ok_or_else(|| Error::not_found("FloatingIpNotFoundForAddress", "floating IP not found"))
}

/// `addFloatingIp`: to the server's first IPv4 address, or the one that is named.
pub(super) async fn add_floating(ctx: &Ctx, version: Microversion, id: ServerId, body: Object<'_>) -> Result<()> {
    version.require_until(LAST_ACTION)?;
    let body = body.object("addFloatingIp")?.ok_or_else(|| missing("addFloatingIp"))?;
    let body = body.allow(&[field("address"), field("fixed_address")], MIN)?;
    let address = read_address(body)?;
    let fixed = body.parsed::<IpAddr>("fixed_address", "an IP address")?;
    let server = servers::find(ctx, &id.to_string())?;
    let floating = by_address(ctx, address)?;
    let cloud = ctx.cloud();
    let ports: Vec<_> = server.ports.iter().filter_map(|id| cloud.ports.get(id)).collect();
    let has = |ip: IpAddr| fixed.map_or(ip.is_ipv4(), |fixed| fixed == ip);
    let place = ports.iter().find_map(|port| {
        let ip = port.fixed_ips.iter().map(|ip| ip.ip_address).find(|ip| has(*ip))?;
        Some((port.id, ip))
    });
    let (port, fixed) = place.ok_or_else(|| {
        Error::invalid(
            "HTTPBadRequest",
            match fixed {
                Some(_) => "Specified fixed address not assigned to instance",
                None => "No fixed IPs associated to instance",
            },
        )
    })?;
    let spec = FloatingIpSpec {
        port_id: Some(Some(port)),
        fixed_ip_address: Some(fixed),
        ..FloatingIpSpec::default()
    };
    let led = ctx
        .transact(move |tx, actor| floating_ip::update(tx, actor, floating.id, spec))
        .await;
    // Neutron's conflicts are the request's fault for Nova.
    led.map_err(|error| match error.kind {
        ErrorKind::Conflict => Error {
            kind: ErrorKind::Invalid,
            ..error
        },
        _ => error,
    })?;
    Ok(())
}

/// `removeFloatingIp`.
pub(super) async fn remove_floating(ctx: &Ctx, version: Microversion, id: ServerId, body: Object<'_>) -> Result<()> {
    version.require_until(LAST_ACTION)?;
    let body = body
        .object("removeFloatingIp")?
        .ok_or_else(|| missing("removeFloatingIp"))?;
    let address = read_address(body.allow(&[field("address")], MIN)?)?;
    let server = servers::find(ctx, &id.to_string())?;
    let floating = by_address(ctx, address)?;
    if floating.port_id.is_none_or(|port| !server.ports.contains(&port)) {
        return Err(Error::conflict(
            "HTTPConflict",
            format!("Floating IP {address} is not associated with instance {id}."),
        ));
    }
    let spec = FloatingIpSpec {
        port_id: Some(None),
        ..FloatingIpSpec::default()
    };
    ctx.transact(move |tx, actor| floating_ip::update(tx, actor, floating.id, spec))
        .await?;
    Ok(())
}
