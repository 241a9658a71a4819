//! Agents and availability zones: what of Neutron's services runs on the host. They are all Maru itself, so they are
//! alive as long as the host reports.

use axum::extract::Path;
use model::Error;
use serde_json::{Value, json};

use super::collection::parse_id;
use crate::context::Ctx;
use crate::fault::Fault;
use crate::query::Query;
use crate::reply::{Reply, json as document};

/// The one availability zone (Neutron's and Nova's default name for it).
pub(super) const ZONE: &str = "nova";

/// Type and binary as Neutron names them.
const AGENTS: &[(&str, &str)] = &[
    ("DHCP agent", "neutron-dhcp-agent"),
    ("L3 agent", "neutron-l3-agent"),
    ("Metadata agent", "neutron-metadata-agent"),
];

/// Every agent's account.
pub(super) fn all(ctx: &Ctx) -> Vec<Value> {
    let control = ctx.control();
    let host = control.host_id();
    let report = control.host_report().borrow().clone();
    let cloud = ctx.cloud();
    // The host has answered what it was asked at least once.
    let is_alive = report.revision > 0 || control.host_config().borrow().revision == 0;
    let now = control.now().seconds_z().replace('T', " ").replace('Z', "");
    AGENTS
        .iter()
        .map(|(kind, binary)| {
            let id = uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_DNS, format!("{binary}.{host}").as_bytes());
            let configurations = match *kind {
                "DHCP agent" => json!({"networks": report.networks.len(), "subnets": cloud.subnets.len()}),
                "L3 agent" => json!({"routers": report.routers.len(), "floating_ips": cloud.floating_ips.len()}),
                _ => json!({}),
            };
            json!({
                "id": id,
                "agent_type": kind,
                "binary": binary,
                "host": host,
                "topic": "N/A",
                "availability_zone": ZONE,
                "admin_state_up": true,
                "alive": is_alive,
                "heartbeat_timestamp": now,
                "created_at": now,
                "started_at": now,
                "description": null,
                "resources_synced": null,
                "configurations": configurations,
            })
        })
        .collect()
}

/// GET all; who is not an administrator sees none, as in Neutron.
pub(super) async fn list(ctx: Ctx, query: Query) -> Reply {
    if !ctx.actor().is_admin() {
        return document(&json!({"agents": []}));
    }
    let wanted = |agent: &Value| {
        ["agent_type", "binary", "host", "id", "availability_zone"]
            .iter()
            .all(|name| query.get(name).is_none_or(|value| agent[*name] == value))
    };
    let agents: Vec<Value> = all(&ctx).into_iter().filter(wanted).collect();
    document(&json!({"agents": agents}))
}

/// GET one.
pub(super) async fn show(ctx: Ctx, Path(id): Path<String>) -> Reply {
    let agent = all(&ctx).into_iter().find(|agent| agent["id"] == id.as_str());
    agent.map_or_else(
        || {
            Err(Fault(Error::not_found(
                "AgentNotFound",
                format!("Agent {id} could not be found."),
            )))
        },
        |agent| document(&json!({"agent": agent})),
    )
}

/// GET `networks/{id}/dhcp-agents`.
pub(super) async fn of_network(ctx: Ctx, Path(id): Path<String>) -> Reply {
    let id = parse_id::<model::network::Network>(&id)?;
    ctx.cloud().get::<model::network::Network>(&id)?;
    let has_service = ctx.cloud().subnets_of_network(id).any(|subnet| subnet.enable_dhcp);
    let agents: Vec<Value> = all(&ctx)
        .into_iter()
        .filter(|agent| has_service && agent["agent_type"] == "DHCP agent")
        .collect();
    document(&json!({"agents": agents}))
}

/// GET availability zones.
pub(super) async fn zones(_ctx: Ctx) -> Reply {
    let zone = |resource: &str| json!({"name": ZONE, "resource": resource, "state": "available"});
    document(&json!({"availability_zones": [zone("network"), zone("router")]}))
}
