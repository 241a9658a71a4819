//! Nova's services: here all of them are one process; and host aggregates, of which there are none.

use serde_json::{Value, json};

use super::availability_zones::is_up;
use super::hypervisors::stable_uuid;
use super::microversion::Microversion;
use super::paging::check_query;
use crate::context::Ctx;
use crate::query::Query;
use crate::reply::{Reply, json as reply};

/// The compute service's number, below 2.53.
pub(super) const COMPUTE_NUMBER: u32 = 2;

/// `GET /os-services`.
pub(super) async fn list(ctx: Ctx, version: Microversion, query: Query) -> Reply {
    check_query(&query, &["host", "binary"], version, 75)?;
    let zone = ctx.control().plan_settings().availability_zone.clone();
    let state = |up: bool| if up { "up" } else { "down" };
    let rows = [
        (1, "nova-scheduler", "internal", state(true)),
        (COMPUTE_NUMBER, "nova-compute", zone.as_str(), state(is_up(&ctx))),
    ];
    let host = ctx.control().host_id().to_string();
    let now = ctx.control().now().micros_bare();
    let services: Vec<Value> = rows
        .into_iter()
        .filter(|(_, binary, ..)| query.get("binary").is_none_or(|wanted| wanted == *binary))
        .filter(|_| query.get("host").is_none_or(|wanted| wanted == host))
        .map(|(number, binary, zone, state)| {
            let mut body = json!({
                "id": number,
                "binary": binary,
                "host": host,
                "zone": zone,
                "status": "enabled",
                "state": state,
                "updated_at": now,
                "disabled_reason": null,
            });
            if version.since(11) {
                body["forced_down"] = json!(false);
            }
            if version.since(53) {
                body["id"] = json!(stable_uuid(binary, &host));
            }
            body
        })
        .collect();
    reply(&json!({"services": services}))
}

/// `GET /os-aggregates`.
pub(super) async fn list_aggregates(_ctx: Ctx) -> Reply {
    reply(&json!({"aggregates": []}))
}
