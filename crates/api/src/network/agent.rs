//! Agents and availability zones: what of Neutron's services runs on the host. They are all Maru itself, so they are
//! alive as long as the host reports; what an administrator says of them is kept.

use axum::extract::Path;
use model::network::NetworkAgent;
use model::network::agent::{self, AgentSpec, Kind};
use model::{NetworkAgentId, Result, Row, Timestamp};
use serde_json::{Map, Value, json};

use super::attributes::{self, Attrs, parse_boolean};
use super::collection::body_object;
use super::filter::Filters;
use crate::context::Ctx;
use crate::extract::Wire;
use crate::query::Query;
use crate::reply::{Reply, json as document, no_content};

/// The one availability zone (Neutron's and Nova's default name for it).
pub(super) const ZONE: &str = "nova";

/// Neutron's limit of an agent's description, characters.
const DESCRIPTION: usize = 255;

/// Every attribute that an agent tells.
const ATTRIBUTES: &[&str] = &[
    "id",
    "agent_type",
    "binary",
    "host",
    "topic",
    "availability_zone",
    "admin_state_up",
    "alive",
    "heartbeat_timestamp",
    "created_at",
    "started_at",
    "description",
    "resources_synced",
    "configurations",
];

/// What the L3 agent does besides routing, as Neutron names its agent's extensions.
const L3_EXTENSIONS: &[&str] = &["fip_qos", "gateway_ip_qos", "ndp_proxy", "port_forwarding"];

/// An agent's account.
pub(super) fn told(ctx: &Ctx, agent: &NetworkAgent) -> Value {
    let control = ctx.control();
    let report = control.host_report().borrow().clone();
    let time = |at: Timestamp| at.seconds_z().replace('T', " ").replace('Z', "");
    // The host has answered what it was asked at least once.
    let is_alive = report.revision > 0 || control.host_config().borrow().revision == 0;
    let (topic, zone) = match agent.kind {
        Kind::Dhcp => ("dhcp_agent", Some(ZONE)),
        Kind::L3 => ("l3_agent", Some(ZONE)),
        Kind::Metadata => ("N/A", None),
    };
    json!({
        "id": agent.id,
        "agent_type": agent.kind.name(),
        "binary": agent.kind.binary(),
        "host": agent.host,
        "topic": topic,
        "availability_zone": zone,
        "admin_state_up": agent.admin_state_up,
        "alive": is_alive,
        "heartbeat_timestamp": time(control.now()),
        "created_at": time(agent.created_at),
        "started_at": time(agent.started_at),
        "description": agent.description,
        // Nothing of them is in Placement.
        "resources_synced": null,
        "configurations": configurations(ctx, agent.kind),
    })
}

/// What an agent says of itself: counts of what the host is asked for.
fn configurations(ctx: &Ctx, kind: Kind) -> Value {
    let config = ctx.control().host_config().borrow().clone();
    match kind {
        Kind::Dhcp => {
            let served = || {
                config
                    .networks
                    .values()
                    .filter(|network| network.service_port.is_some())
            };
            let subnets =
                |network: &model::host::NetworkConfig| network.subnets.iter().filter(|each| each.dhcp).count();
            json!({
                "networks": served().count(),
                "subnets": served().map(|network| subnets(network)).sum::<usize>(),
                "ports": served().map(|network| network.ports.len()).sum::<usize>(),
            })
        }
        Kind::L3 => json!({
            "agent_mode": "legacy",
            "extensions": L3_EXTENSIONS,
            "handle_internal_only_routers": true,
            "routers": config.routers.len(),
            "ex_gw_ports": config.routers.values().filter(|router| router.gateway.is_some()).count(),
            "interfaces": config.routers.values().map(|router| router.legs.len()).sum::<usize>(),
            "floating_ips": config.routers.values().map(|router| router.floating_ips.len()).sum::<usize>(),
        }),
        Kind::Metadata => json!({}),
    }
}

/// An agent's id in a path.
pub(super) fn parse_agent(text: &str) -> Result<NetworkAgentId> {
    text.parse().map_err(|_| {
        let mut error = NetworkAgent::not_found(&NetworkAgentId(uuid::Uuid::nil()));
        let shown: String = text.chars().take(300).collect();
        error.message = format!("Agent {shown} could not be found.");
        error
    })
}

/// GET all; who is not an administrator sees none, as in Neutron.
pub(super) async fn list(ctx: Ctx, query: Query) -> Reply {
    let filters = Filters::new(&query, ATTRIBUTES)?;
    if !ctx.actor().is_admin() {
        return document(&json!({"agents": []}));
    }
    let agents = agent::of_host(&ctx.cloud(), ctx.control().host_id());
    let agents = agents.iter().map(|agent| told(&ctx, agent));
    let agents: Vec<Value> = agents
        .filter(|agent| is_asked_for(&filters, agent))
        .map(|agent| fields(&query, agent))
        .collect();
    document(&json!({"agents": agents}))
}

/// Names are compared without case, as Neutron's database does: clients ask for a "DHCP Agent".
fn is_asked_for(filters: &Filters, agent: &Value) -> bool {
    ATTRIBUTES.iter().all(|name| {
        let Some(wanted) = filters.values(name) else {
            return true;
        };
        wanted.iter().any(|wanted| match &agent[*name] {
            Value::String(own) => own.eq_ignore_ascii_case(wanted),
            Value::Bool(own) => parse_boolean(wanted) == Some(*own),
            Value::Null => wanted.is_empty(),
            _ => false,
        })
    })
}

/// Only the fields asked for, if some are.
fn fields(query: &Query, agent: Value) -> Value {
    let wanted: Vec<&str> = query.all("fields").filter(|field| !field.is_empty()).collect();
    match agent {
        Value::Object(all) if !wanted.is_empty() => {
            let kept = all.into_iter().filter(|(name, _)| wanted.contains(&name.as_str()));
            Value::Object(kept.collect::<Map<_, _>>())
        }
        agent => agent,
    }
}

/// GET one.
pub(super) async fn show(ctx: Ctx, Path(id): Path<String>, query: Query) -> Reply {
    let agent = agent::get(&ctx.cloud(), ctx.control().host_id(), &parse_agent(&id)?)?;
    document(&json!({"agent": fields(&query, told(&ctx, &agent))}))
}

/// PUT one: whether it serves, and its description.
pub(super) async fn update(ctx: Ctx, Path(id): Path<String>, Wire(body): Wire<Value>) -> Reply {
    let id = parse_agent(&id)?;
    let mut attrs = Attrs::new(body_object(body, "agent")?);
    let own: Vec<&str> = ATTRIBUTES
        .iter()
        .copied()
        .filter(|name| !["admin_state_up", "description"].contains(name))
        .collect();
    attrs.not_in_put(&own)?;
    let spec = AgentSpec {
        admin_state_up: attrs.boolean("admin_state_up")?,
        description: match attrs.take("description") {
            None => None,
            Some(Value::Null) => Some(None),
            Some(value) => Some(Some(attributes::text("description", value, DESCRIPTION)?)),
        },
    };
    attrs.finish()?;
    let host = ctx.control().host_id().clone();
    let agent = ctx.transact(move |tx, _| agent::update(tx, &host, id, spec)).await?;
    document(&json!({"agent": told(&ctx, &agent)}))
}

/// DELETE one: what was said of it is forgotten.
pub(super) async fn delete(ctx: Ctx, Path(id): Path<String>) -> Reply {
    let id = parse_agent(&id)?;
    let host = ctx.control().host_id().clone();
    ctx.transact(move |tx, _| agent::delete(tx, &host, id)).await?;
    no_content()
}

/// GET availability zones.
pub(super) async fn zones(_ctx: Ctx) -> Reply {
    let zone = |resource: &str| json!({"name": ZONE, "resource": resource, "state": "available"});
    document(&json!({"availability_zones": [zone("network"), zone("router")]}))
}
