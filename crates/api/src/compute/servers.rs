//! Servers: lists, documents, changes, and what can only be read of them.

use std::sync::Arc;

use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use model::compute::Server;
use model::compute::server::admission::Operation;
use model::compute::server::{self, edit};
use model::network::SecurityGroup;
use model::{Error, Result};
use serde_json::{Map, Value, json};

use super::body::{Field, Object, TEXT_LIMIT, field};
use super::filters::Wanted;
use super::microversion::Microversion;
use super::paging::Page;
use super::view::{Document, View};
use super::{create, link, server_id};
use crate::context::Ctx;
use crate::extract::Wire;
use crate::query::Query;
use crate::reply::{Reply, json as reply};

const UPDATE: &[Field] = &[
    field("name"),
    field("OS-DCF:diskConfig"),
    field("accessIPv4"),
    field("accessIPv6"),
    field("description").since(19),
    field("hostname").since(90),
    field("pinned_availability_zone").since(104),
];

/// `GET /servers`.
pub(super) async fn list(ctx: Ctx, version: Microversion, query: Query) -> Reply {
    let view = View::new(&ctx, version);
    answer_list(&view, &query, "servers", |server| view.brief(server))
}

/// `GET /servers/detail`.
pub(super) async fn list_detail(ctx: Ctx, version: Microversion, query: Query) -> Reply {
    let view = View::new(&ctx, version);
    answer_list(&view, &query, "servers/detail", |server| {
        view.server(server, Document::Detail)
    })
}

fn answer_list(view: &View<'_>, query: &Query, path: &str, show: impl Fn(&Server) -> Value) -> Reply {
    let wanted = Wanted::read(query, view.ctx.actor(), view.version)?;
    let page = Page::read(query)?.cut(wanted.select(view)?, |server| server.id.to_string())?;
    let servers: Vec<Value> = page.items.iter().map(|server| show(server)).collect();
    let mut body = json!({"servers": servers});
    page.add_links(&mut body, "servers", &link(view.ctx, path), query);
    reply(&body)
}

/// The server of a path, if the caller may see it.
pub(super) fn find(ctx: &Ctx, id: &str) -> Result<Arc<Server>> {
    server::get_visible(&ctx.cloud(), ctx.actor(), server_id(id)?)
}

/// `GET /servers/{id}`.
pub(super) async fn show(ctx: Ctx, version: Microversion, Path(id): Path<String>) -> Reply {
    let server = find(&ctx, &id)?;
    let view = View::new(&ctx, version);
    reply(&json!({"server": view.server(&server, Document::Show)}))
}

/// `PUT /servers/{id}`.
pub(super) async fn update(
    ctx: Ctx,
    version: Microversion,
    Path(id): Path<String>,
    Wire(body): Wire<Map<String, Value>>,
) -> Reply {
    let id = server_id(&id)?;
    let body = Object::only_member(&body, "server")?.allow(UPDATE, version)?;
    let changes = edit::Changes {
        name: match body.has("name") {
            true => Some(body.required_name("name")?.to_owned()),
            false => None,
        },
        description: create::read_description(body)?,
        hostname: create::read_hostname(body, version)?,
        access_ipv4: body.address("accessIPv4", "an IPv4 address")?,
        access_ipv6: body.address("accessIPv6", "an IPv6 address")?,
        disk_config: create::read_disk_config(body)?,
        pinned_zone: match body.has("pinned_availability_zone") {
            true => Some(
                body.text("pinned_availability_zone", 1..=TEXT_LIMIT)?
                    .map(str::to_owned),
            ),
            false => None,
        },
    };
    let zone = super::own_zone(&ctx);
    let server = ctx
        .transact(move |tx, actor| edit::update(tx, actor, id, changes, &zone))
        .await?;
    let view = View::new(&ctx, version);
    reply(&json!({"server": view.server(&server, Document::Update)}))
}

/// `DELETE /servers/{id}`.
pub(super) async fn delete(ctx: Ctx, Path(id): Path<String>) -> Reply {
    let id = server_id(&id)?;
    let request_id = ctx.request_id().0;
    let cloud = ctx.cloud();
    let shelved = cloud.find::<Server>(&id).and_then(|server| server.works.shelved_image);
    ctx.transact(move |tx, actor| server::delete::delete(tx, actor, id, Operation::Delete, request_id))
        .await?;
    if let Some(image) = shelved {
        ctx.app().images.discard(image).await;
    }
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// `GET /servers/{id}/ips`.
pub(super) async fn list_addresses(ctx: Ctx, version: Microversion, Path(id): Path<String>) -> Reply {
    let server = find(&ctx, &id)?;
    reply(&json!({"addresses": View::new(&ctx, version).bare_addresses(&server)}))
}

/// `GET /servers/{id}/ips/{network}`.
pub(super) async fn list_addresses_of_network(
    ctx: Ctx,
    version: Microversion,
    Path((id, network)): Path<(String, String)>,
) -> Reply {
    let server = find(&ctx, &id)?;
    let mut addresses = View::new(&ctx, version).bare_addresses(&server);
    let Some(found) = addresses.as_object_mut().and_then(|networks| networks.remove(&network)) else {
        return Err(Error::not_found("HTTPNotFound", "Instance is not a member of specified network").into());
    };
    reply(&json!({ network: found }))
}

/// `GET /servers/{id}/os-security-groups`.
pub(super) async fn list_security_groups(ctx: Ctx, version: Microversion, Path(id): Path<String>) -> Reply {
    let server = find(&ctx, &id)?;
    let view = View::new(&ctx, version);
    let mut ids: Vec<_> = view
        .ports(&server)
        .flat_map(|port| port.security_groups.iter().copied())
        .collect();
    ids.sort();
    ids.dedup();
    let groups: Vec<Value> = ids
        .iter()
        .filter_map(|id| view.cloud.find::<SecurityGroup>(id))
        .map(|group| {
            json!({
                "id": group.id,
                "name": group.standard.name,
                "description": group.standard.description,
                "tenant_id": group.standard.project_id,
                "rules": super::security_groups::rules(&view.cloud, group),
            })
        })
        .collect();
    reply(&json!({"security_groups": groups}))
}

/// `GET /servers/{id}/topology`, from 2.78: guests here have one node for all, which Nova shows as none.
pub(super) async fn show_topology(ctx: Ctx, version: Microversion, Path(id): Path<String>) -> Reply {
    version.require(78)?;
    find(&ctx, &id)?;
    reply(&json!({"nodes": [], "pagesize_kb": null}))
}
