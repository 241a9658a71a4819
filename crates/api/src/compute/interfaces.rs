//! A server's NICs (`os-interface`).

use std::sync::Arc;

use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use model::compute::Server;
use model::compute::server::port::{self, NewNic};
use model::network::{Port, Status};
use model::{Error, PortId, Result};
use serde_json::{Map, Value, json};

use super::body::{Field, Object, field};
use super::microversion::Microversion;
use super::server_id;
use super::servers::find;
use super::view::View;
use crate::context::Ctx;
use crate::extract::Wire;
use crate::reply::{Reply, json as reply};

const ATTACH: &[Field] = &[
    field("port_id"),
    field("net_id"),
    field("fixed_ips"),
    field("tag").since(49),
];

fn view(server: &Server, port: &Port, version: Microversion) -> Value {
    let fixed_ips: Vec<Value> = port
        .fixed_ips
        .iter()
        .map(|fixed| json!({"ip_address": fixed.ip_address, "subnet_id": fixed.subnet_id}))
        .collect();
    let mut body = json!({
        "port_id": port.id,
        "net_id": port.network_id,
        "mac_addr": port.mac_address,
        // Nova shows what it waits for, not the state between.
        "port_state": if port.status == Status::Build { "DOWN" } else { port.status.as_str() },
        "fixed_ips": fixed_ips,
    });
    if version.since(70) {
        body["tag"] = json!(server.nic_tags.get(&port.id));
    }
    body
}

/// `GET /servers/{id}/os-interface`.
pub(super) async fn list(ctx: Ctx, version: Microversion, Path(id): Path<String>) -> Reply {
    let server = find(&ctx, &id)?;
    let servers = View::new(&ctx, version);
    let ports: Vec<Value> = servers
        .ports(&server)
        .map(|port| view(&server, port, version))
        .collect();
    reply(&json!({"interfaceAttachments": ports}))
}

/// `GET /servers/{id}/os-interface/{port}`.
pub(super) async fn show(ctx: Ctx, version: Microversion, Path((id, port)): Path<(String, String)>) -> Reply {
    let server = find(&ctx, &id)?;
    let port = port_of(&ctx, &server, &port)?;
    reply(&json!({"interfaceAttachment": view(&server, &port, version)}))
}

fn port_of(ctx: &Ctx, server: &Server, id: &str) -> Result<Arc<Port>> {
    let found = id.parse::<PortId>().ok().filter(|id| server.ports.contains(id));
    found
        .and_then(|id| ctx.cloud().ports.get(&id).cloned())
        .ok_or_else(|| Error::not_found("PortNotFound", format!("Port id {id} could not be found.")))
}

/// `POST /servers/{id}/os-interface`.
pub(super) async fn attach(
    ctx: Ctx,
    version: Microversion,
    Path(id): Path<String>,
    Wire(body): Wire<Map<String, Value>>,
) -> Reply {
    let id = server_id(&id)?;
    let new = read_new(Object::only_member(&body, "interfaceAttachment")?, version)?;
    let (zone, request) = (super::own_zone(&ctx), ctx.request_id().0);
    let port = ctx
        .transact(move |tx, actor| port::attach_interface(tx, actor, id, &new, &zone, request))
        .await?;
    let server = find(&ctx, &id.to_string())?;
    reply(&json!({"interfaceAttachment": view(&server, &port, version)}))
}

fn read_new(body: Object<'_>, version: Microversion) -> Result<NewNic> {
    let body = body.allow(ATTACH, version)?;
    let tag = body.text("tag", 1..=60)?.map(str::to_owned);
    if let Some(tag) = &tag {
        super::body::check_tag(tag)?;
    }
    let new = NewNic {
        port_id: body.parsed("port_id", "a UUID")?,
        network_id: body.parsed("net_id", "a UUID")?,
        fixed_ip: read_fixed_ip(body)?,
        tag,
    };
    if new.port_id.is_some() && new.network_id.is_some() {
        return Err(Error::invalid(
            "HTTPBadRequest",
            "Must not input both network_id and port_id",
        ));
    }
    if new.fixed_ip.is_some() && new.network_id.is_none() {
        return Err(Error::invalid(
            "HTTPBadRequest",
            "Must input network_id when request IP address",
        ));
    }
    Ok(new)
}

fn read_fixed_ip(body: Object<'_>) -> Result<Option<std::net::IpAddr>> {
    let entries = body.objects("fixed_ips")?.unwrap_or_default();
    match entries.as_slice() {
        [] => Ok(None),
        [entry] => entry
            .allow(&[field("ip_address")], super::microversion::MIN)?
            .parsed("ip_address", "an IP address"),
        _ => Err(Error::invalid(
            "ValidationError",
            "Invalid input for field/attribute fixed_ips: it takes one address.",
        )),
    }
}

/// `DELETE /servers/{id}/os-interface/{port}`.
pub(super) async fn detach(ctx: Ctx, Path((id, port)): Path<(String, String)>) -> Reply {
    let server = find(&ctx, &id)?;
    let port = port_of(&ctx, &server, &port)?.id;
    let (id, request) = (server.id, ctx.request_id().0);
    ctx.transact(move |tx, actor| port::detach_interface(tx, actor, id, port, request))
        .await?;
    Ok(StatusCode::ACCEPTED.into_response())
}
