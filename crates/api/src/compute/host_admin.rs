//! Small things of administrators: `os-hosts` (up to 2.42), the audit log of usage, events from outside, passwords that a
//! guest has sent.

use axum::extract::Path;
use axum::http::StatusCode;
use model::compute::Server;
use model::compute::server::act;
use model::{Error, HostId, Result, ServerId, Timestamp};
use serde_json::{Map, Value, json};

use super::body::{Field, Object, TEXT_LIMIT, field, missing, wrong};
use super::filters::parse_time;
use super::hypervisors::used;
use super::microversion::Microversion;
use super::servers::find;
use super::zone_of_host;
use crate::context::Ctx;
use crate::extract::Wire;
use crate::query::Query;
use crate::reply::{Reply, json as reply, no_content, status};

/// The last microversion with `os-hosts`.
const LAST_HOSTS: u16 = 42;

/// `GET /os-hosts`: a line a service.
pub(super) async fn list_hosts(ctx: Ctx, version: Microversion, query: Query) -> Reply {
    version.require_until(LAST_HOSTS)?;
    let host = ctx.control().host_id().clone();
    let zone = zone_of_host(&ctx, &host);
    let wanted = query.get("zone").filter(|text| !text.is_empty());
    let hosts: Vec<Value> = [("scheduler", "internal"), ("compute", zone.as_str())]
        .into_iter()
        .filter(|(_, zone)| wanted.is_none_or(|wanted| wanted == *zone))
        .map(|(service, zone)| json!({"host_name": host, "service": service, "zone": zone}))
        .collect();
    reply(&json!({"hosts": hosts}))
}

fn known_host(ctx: &Ctx, name: &str) -> Result<HostId> {
    let host = ctx.control().host_id().clone();
    if host.as_str() == name {
        return Ok(host);
    }
    Err(Error::not_found(
        "ComputeHostNotFound",
        format!("Compute host {name} could not be found."),
    ))
}

/// `GET /os-hosts/{name}`: what it has, what is used, and by whom.
pub(super) async fn show_host(ctx: Ctx, version: Microversion, Path(name): Path<String>) -> Reply {
    version.require_until(LAST_HOSTS)?;
    let host = known_host(&ctx, &name)?;
    let facts = ctx.control().host_report().borrow().facts.clone();
    let line = |project: &str, cpu: u64, memory_mb: u64, disk_gb: u64| {
        json!({"resource": {
            "host": host, "project": project, "cpu": cpu, "memory_mb": memory_mb, "disk_gb": disk_gb,
        }})
    };
    let taken = used(&ctx, &host);
    let mut lines = vec![
        line(
            "(total)",
            u64::from(facts.vcpus),
            facts.memory_mib,
            facts.disk_bytes >> 30,
        ),
        line("(used_now)", taken.vcpus, taken.memory_mib, taken.disk_gib),
        line("(used_max)", taken.vcpus, taken.memory_mib, taken.disk_gib),
    ];
    let cloud = ctx.cloud();
    let mut projects: std::collections::BTreeMap<_, model::compute::schedule::Claim> = Default::default();
    for server in cloud
        .servers
        .iter()
        .filter(|server| server.host.as_ref() == Some(&host))
    {
        let sum = projects.entry(server.project_id.clone()).or_default();
        *sum = sum.plus(model::compute::schedule::Claim::of_server(server));
    }
    lines.extend(
        projects
            .iter()
            .map(|(project, sum)| line(project.as_str(), sum.vcpus, sum.memory_mib, sum.disk_gib)),
    );
    reply(&json!({"host": lines}))
}

/// `PUT /os-hosts/{name}`: for hypervisors that can be told so; QEMU's host can't.
pub(super) async fn update_host(
    ctx: Ctx,
    version: Microversion,
    Path(name): Path<String>,
    Wire(body): Wire<Map<String, Value>>,
) -> Reply {
    const FIELDS: &[Field] = &[field("status"), field("maintenance_mode")];
    const WORDS: &[(&str, [&str; 2])] = &[
        ("status", ["enable", "disable"]),
        ("maintenance_mode", ["enable", "disable"]),
    ];
    version.require_until(LAST_HOSTS)?;
    let body = Object::new(&body).allow(FIELDS, version)?;
    for (field, words) in WORDS {
        if let Some(text) = body.text(field, 0..=TEXT_LIMIT)?
            && !words.contains(&text.trim().to_ascii_lowercase().as_str())
        {
            return Err(wrong(field, &json!(text), "It is neither 'enable' nor 'disable'.").into());
        }
    }
    if body.value("status").is_none() && body.value("maintenance_mode").is_none() {
        return Err(missing("status").into());
    }
    known_host(&ctx, &name)?;
    Err(no_power().into())
}

/// `GET /os-hosts/{name}/startup` and its kin.
pub(super) async fn host_power(ctx: Ctx, version: Microversion, Path(name): Path<String>) -> Reply {
    version.require_until(LAST_HOSTS)?;
    known_host(&ctx, &name)?;
    Err(no_power().into())
}

fn no_power() -> Error {
    Error::invalid(
        "HTTPNotImplemented",
        "Virt driver does not implement this: use the host's own tools, and 'os-services' to keep new servers off it.",
    )
}

/// `GET /os-instance_usage_audit_log`, and with a moment that the period ends before.
pub(super) async fn audit_log(ctx: Ctx) -> Reply {
    let log = audit(&ctx, ctx.control().now());
    reply(&json!({"instance_usage_audit_logs": log}))
}

/// `GET /os-instance_usage_audit_log/{before}`.
pub(super) async fn audit_log_before(ctx: Ctx, Path(before): Path<String>) -> Reply {
    let wrong = || Error::invalid("HTTPBadRequest", format!("Invalid timestamp for date {before}"));
    let at = parse_time("before", &before).map_err(|_| wrong())?;
    reply(&json!({"instance_usage_audit_log": audit(&ctx, at)}))
}

/// Nova's periodic task that writes these is off by default, and there is none here: no host has run it.
fn audit(ctx: &Ctx, before: Timestamp) -> Value {
    const MONTH: i64 = 30 * 86_400;
    let end = before.unix_seconds();
    let begin = Timestamp::from_unix_seconds(end - MONTH);
    let text = |at: Timestamp| {
        at.micros_bare()
            .replace('T', " ")
            .split('.')
            .next()
            .unwrap_or_default()
            .to_owned()
    };
    json!({
        "hosts_not_run": [ctx.control().host_id()],
        "log": {},
        "num_hosts": 1,
        "num_hosts_done": 0,
        "num_hosts_not_run": 1,
        "num_hosts_running": 0,
        "overall_status": "0 of 1 hosts done. 0 errors.",
        "period_beginning": text(begin),
        "period_ending": text(Timestamp::from_unix_seconds(end)),
        "total_errors": 0,
        "total_instances": 0,
    })
}

/// `GET /servers/{id}/os-server-password`: what the guest left with the metadata service, encrypted for the key pair.
pub(super) async fn show_password(ctx: Ctx, Path(id): Path<String>) -> Reply {
    let server = find(&ctx, &id)?;
    reply(&json!({"password": server.guest_password.as_deref().unwrap_or_default()}))
}

/// `DELETE /servers/{id}/os-server-password`.
pub(super) async fn delete_password(ctx: Ctx, Path(id): Path<String>) -> Reply {
    let server = find(&ctx, &id)?.id;
    let actor = ctx.actor().clone();
    ctx.control()
        .transact(move |tx| act::clear_password(tx, &actor, server))
        .await?;
    no_content()
}

/// `POST /os-server-external-events`: what other services tell of servers. The parts of this cloud share one store, so
/// nobody waits for such news; what is told of a server that there is, is taken.
pub(super) async fn external_events(ctx: Ctx, version: Microversion, Wire(body): Wire<Map<String, Value>>) -> Reply {
    const FIELDS: &[Field] = &[field("name"), field("server_uuid"), field("status"), field("tag")];
    const NAMES: &[(&str, u16)] = &[
        ("network-changed", 1),
        ("network-vif-plugged", 1),
        ("network-vif-unplugged", 1),
        ("network-vif-deleted", 1),
        ("volume-extended", 51),
        ("power-update", 76),
        ("accelerator-request-bound", 82),
        ("volume-reimaged", 93),
    ];
    let body = Object::new(&body).allow(&[field("events")], version)?;
    let events = body.objects("events")?.ok_or_else(|| missing("events"))?;
    if events.is_empty() {
        return Err(wrong("events", &json!([]), "It is empty.").into());
    }
    let (mut told, mut found) = (Vec::new(), 0);
    for event in &events {
        let event = event.allow(FIELDS, version)?;
        let name = event.text("name", 1..=TEXT_LIMIT)?.ok_or_else(|| missing("name"))?;
        if !NAMES
            .iter()
            .any(|(known, since)| *known == name && version.since(*since))
        {
            return Err(wrong("name", &json!(name), "There is no such event.").into());
        }
        let server: ServerId = event
            .parsed("server_uuid", "a UUID")?
            .ok_or_else(|| missing("server_uuid"))?;
        let state = event.text("status", 1..=TEXT_LIMIT)?.unwrap_or("completed");
        if !["completed", "failed", "in-progress"].contains(&state) {
            return Err(wrong("status", &json!(state), "There is no such status.").into());
        }
        let is_there = ctx.cloud().find::<Server>(&server).is_some();
        found += usize::from(is_there);
        let mut line = json!({
            "name": name,
            "server_uuid": server,
            "status": if is_there { state } else { "failed" },
            "code": if is_there { 200 } else { 404 },
        });
        if let Some(tag) = event.text("tag", 0..=TEXT_LIMIT)? {
            line["tag"] = json!(tag);
        }
        told.push(line);
    }
    match found {
        0 => Err(Error::not_found("HTTPNotFound", "No instances found for any event").into()),
        _ if found == told.len() => reply(&json!({"events": told})),
        _ => status(StatusCode::MULTI_STATUS, &json!({"events": told})),
    }
}
