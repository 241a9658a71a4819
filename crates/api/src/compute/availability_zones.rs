//! Availability zones: the one that the host is in.

use model::compute::host_service;
use serde_json::{Value, json};

use crate::context::Ctx;
use crate::reply::{Reply, json as reply};

/// `GET /os-availability-zone`.
pub(super) async fn list(ctx: Ctx) -> Reply {
    reply(&json!({"availabilityZoneInfo": [zone(&ctx, Value::Null)]}))
}

/// `GET /os-availability-zone/detail`: with the hosts and what runs on them.
pub(super) async fn list_detail(ctx: Ctx) -> Reply {
    let service = json!({
        "available": is_up(&ctx),
        "active": !host_service::of(&ctx.cloud(), ctx.control().host_id()).disabled,
        "updated_at": ctx.control().now().micros_bare(),
    });
    let host = ctx.control().host_id().to_string();
    let hosts = json!({host.clone(): {"nova-compute": service}});
    let internal = json!({
        "zoneName": "internal",
        "zoneState": {"available": true},
        "hosts": {host: {"nova-scheduler": {
            "available": true,
            "active": true,
            "updated_at": ctx.control().now().micros_bare(),
        }}},
    });
    reply(&json!({"availabilityZoneInfo": [internal, zone(&ctx, hosts)]}))
}

fn zone(ctx: &Ctx, hosts: Value) -> Value {
    let said = host_service::of(&ctx.cloud(), ctx.control().host_id());
    json!({
        "zoneName": super::own_zone(ctx),
        "zoneState": {"available": is_up(ctx) && !said.disabled},
        "hosts": hosts,
    })
}

/// Whether the host has reported.
pub(super) fn is_up(ctx: &Ctx) -> bool {
    let said = host_service::of(&ctx.cloud(), ctx.control().host_id());
    ctx.control().host_report().borrow().facts.vcpus > 0 && !said.forced_down
}
