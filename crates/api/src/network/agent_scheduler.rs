//! Which networks and routers the host's agents serve (`dhcp_agent_scheduler`, `l3_agent_scheduler`), and taking them from
//! there and back.

use std::str::FromStr;
use std::sync::Arc;

use axum::extract::Path;
use axum::http::StatusCode;
use model::NetworkAgentId;
use model::network::agent::{self, Kind};
use model::network::{Network, Resource, Router};
use serde_json::{Value, json};

use super::agent::{parse_agent, told};
use super::attributes::{Attrs, bad_request};
use super::collection::{many, parse_id};
use crate::access::Access::Admin;
use crate::context::Ctx;
use crate::extract::Wire;
use crate::fault::Fault;
use crate::reply::{Reply, created, json as document, no_content};
use crate::routes::Routes;

/// Adds the routes of both.
pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .get("/v2.0/agents/{id}/dhcp-networks", Admin, networks)
        .post("/v2.0/agents/{id}/dhcp-networks", Admin, add_network)
        .delete("/v2.0/agents/{id}/dhcp-networks/{network_id}", Admin, remove_network)
        .get("/v2.0/networks/{id}/dhcp-agents", Admin, of_network)
        .get("/v2.0/agents/{id}/l3-routers", Admin, routers)
        .post("/v2.0/agents/{id}/l3-routers", Admin, add_router)
        .delete("/v2.0/agents/{id}/l3-routers/{router_id}", Admin, remove_router)
        .get("/v2.0/routers/{id}/l3-agents", Admin, of_router)
}

/// The one attribute of a body: the id of what is to be scheduled.
fn read<R: Resource<Id: FromStr>>(body: Value, name: &str) -> Result<R::Id, Fault> {
    let Value::Object(map) = body else {
        return Err(Fault(bad_request("Resource body required".to_owned())));
    };
    let mut attrs = Attrs::new(map);
    let id = attrs.required_id(name)?;
    attrs.finish()?;
    Ok(id)
}

async fn networks(ctx: Ctx, Path(id): Path<String>) -> Reply {
    let cloud = ctx.cloud();
    let found = agent::networks(&cloud, ctx.control().host_id(), &parse_agent(&id)?)?;
    let found: Vec<Arc<Network>> = found.into_iter().cloned().collect();
    Ok(many(&ctx, StatusCode::OK, &found))
}

async fn add_network(ctx: Ctx, Path(id): Path<String>, Wire(body): Wire<Value>) -> Reply {
    let (id, network) = (parse_agent(&id)?, read::<Network>(body, "network_id")?);
    let host = ctx.control().host_id().clone();
    ctx.transact(move |tx, _| agent::add_network(tx, &host, id, network))
        .await?;
    created(&Value::Null)
}

async fn remove_network(ctx: Ctx, Path((id, network)): Path<(String, String)>) -> Reply {
    let id = parse_agent(&id)?;
    let host = ctx.control().host_id().clone();
    agent::get(&ctx.cloud(), &host, &id)?;
    let network = network.parse().map_err(|_| agent::not_hosted(&network, id))?;
    ctx.transact(move |tx, _| agent::remove_network(tx, &host, id, network))
        .await?;
    no_content()
}

async fn routers(ctx: Ctx, Path(id): Path<String>) -> Reply {
    let cloud = ctx.cloud();
    let found = agent::routers(&cloud, ctx.control().host_id(), &parse_agent(&id)?)?;
    let found: Vec<Arc<Router>> = found.into_iter().cloned().collect();
    Ok(many(&ctx, StatusCode::OK, &found))
}

async fn add_router(ctx: Ctx, Path(id): Path<String>, Wire(body): Wire<Value>) -> Reply {
    let (id, router) = (parse_agent(&id)?, read::<Router>(body, "router_id")?);
    let host = ctx.control().host_id().clone();
    ctx.transact(move |tx, _| agent::add_router(tx, &host, id, router))
        .await?;
    created(&Value::Null)
}

async fn remove_router(ctx: Ctx, Path((id, router)): Path<(String, String)>) -> Reply {
    let (id, router) = (parse_agent(&id)?, parse_id::<Router>(&router)?);
    let host = ctx.control().host_id().clone();
    ctx.transact(move |tx, _| agent::remove_router(tx, &host, id, router))
        .await?;
    no_content()
}

async fn of_network(ctx: Ctx, Path(id): Path<String>) -> Reply {
    let cloud = ctx.cloud();
    let network = cloud.get::<Network>(&parse_id::<Network>(&id)?)?;
    serving(&ctx, Kind::Dhcp, agent::hosts_network(&cloud, &network))
}

async fn of_router(ctx: Ctx, Path(id): Path<String>) -> Reply {
    let router = ctx.cloud().get::<Router>(&parse_id::<Router>(&id)?)?;
    serving(&ctx, Kind::L3, router.is_hosted)
}

/// The agent of a kind, or none.
fn serving(ctx: &Ctx, kind: Kind, is_hosted: bool) -> Reply {
    let id: NetworkAgentId = agent::id_of(ctx.control().host_id(), kind);
    let agents: Vec<Value> = match is_hosted {
        true => vec![told(ctx, &agent::get(&ctx.cloud(), ctx.control().host_id(), &id)?)],
        false => Vec::new(),
    };
    document(&json!({"agents": agents}))
}
