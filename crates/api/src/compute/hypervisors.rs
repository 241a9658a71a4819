//! Hypervisors: the hosts with their figures, and the servers on them.

use axum::extract::Path;
use model::compute::schedule::Candidate;
use model::compute::{Server, TaskState};
use model::{Error, Result};
use serde_json::{Value, json};
use uuid::Uuid;

use super::availability_zones::is_up;
use super::body::{truth_of, wrong};
use super::microversion::Microversion;
use super::paging::{Page, check_query};
use super::view::instance_name;
use super::{link, scheduling};
use crate::context::Ctx;
use crate::query::Query;
use crate::reply::{Reply, json as reply};

const LIST_QUERY: &[&str] = &["limit", "marker", "hypervisor_hostname_pattern", "with_servers"];

/// One hypervisor with what is known of it.
struct Hypervisor {
    name: String,
    candidate: Candidate,
    servers: Vec<std::sync::Arc<Server>>,
}

fn all(ctx: &Ctx) -> Vec<Hypervisor> {
    let cloud = ctx.cloud();
    scheduling(ctx)
        .candidates(&cloud)
        .into_iter()
        .filter(|candidate| candidate.is_up)
        .map(|candidate| Hypervisor {
            name: candidate.host.to_string(),
            servers: cloud
                .servers
                .iter()
                .filter(|server| server.host.as_ref() == Some(&candidate.host))
                .cloned()
                .collect(),
            candidate,
        })
        .collect()
}

/// A hypervisor's or service's UUID: always the same for a name.
pub(super) fn stable_uuid(kind: &str, name: &str) -> Uuid {
    Uuid::new_v5(&Uuid::NAMESPACE_URL, format!("maru:{kind}:{name}").as_bytes())
}

/// The id: a UUID from 2.53, a number before.
fn id(hypervisor: &Hypervisor, version: Microversion) -> Value {
    if version.since(53) {
        json!(stable_uuid("hypervisor", &hypervisor.name))
    } else {
        json!(1)
    }
}

/// Whether the servers on a hypervisor are shown with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Servers {
    Shown,
    Hidden,
}

fn brief(ctx: &Ctx, hypervisor: &Hypervisor, version: Microversion, servers: Servers) -> Value {
    let mut body = json!({
        "id": id(hypervisor, version),
        "hypervisor_hostname": hypervisor.name,
        "state": if is_up(ctx) { "up" } else { "down" },
        "status": "enabled",
    });
    // Without servers the list was left out below 2.75.
    if servers == Servers::Shown && (!hypervisor.servers.is_empty() || version.since(75)) {
        let servers: Vec<Value> = hypervisor
            .servers
            .iter()
            .map(|server| json!({"name": instance_name(server), "uuid": server.id}))
            .collect();
        body["servers"] = json!(servers);
    }
    body
}

fn whole(ctx: &Ctx, hypervisor: &Hypervisor, version: Microversion, servers: Servers) -> Value {
    let mut body = brief(ctx, hypervisor, version, servers);
    let facts = ctx.control().host_report().borrow().facts.clone();
    body["hypervisor_type"] = json!("QEMU");
    body["hypervisor_version"] = json!(facts.hypervisor_version);
    body["host_ip"] = json!("127.0.0.1");
    let service = if version.since(53) {
        json!(stable_uuid("nova-compute", &hypervisor.name))
    } else {
        json!(super::services::COMPUTE_NUMBER)
    };
    body["service"] = json!({"id": service, "host": hypervisor.name, "disabled_reason": null});
    if version.since(88) {
        body["uptime"] = json!(facts.uptime);
        return body;
    }
    if let (Some(body), Value::Object(figures)) = (body.as_object_mut(), figures(hypervisor)) {
        body.extend(figures);
    }
    let cpu = json!({
        "arch": std::env::consts::ARCH,
        "model": facts.cpu_model,
        "vendor": "",
        "features": [],
        "topology": {"cores": facts.vcpus, "threads": 1, "sockets": 1},
    });
    body["cpu_info"] = if version.since(28) { cpu } else { json!(cpu.to_string()) };
    body
}

/// What the servers of a host take.
pub(super) fn used(ctx: &Ctx, host: &model::HostId) -> model::compute::schedule::Claim {
    model::compute::schedule::Claim::of_host(&ctx.cloud(), host)
}

/// What a hypervisor has and what is taken of it.
fn figures(hypervisor: &Hypervisor) -> Value {
    let (candidate, taken) = (&hypervisor.candidate, hypervisor.candidate.taken);
    let signed = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    let busy = hypervisor
        .servers
        .iter()
        .filter(|server| !matches!(server.task_state, None | Some(TaskState::Deleting)));
    json!({
        "vcpus": candidate.vcpus,
        "vcpus_used": taken.vcpus,
        "memory_mb": candidate.memory_mib,
        "memory_mb_used": taken.memory_mib,
        "free_ram_mb": signed(candidate.memory_mib) - signed(taken.memory_mib),
        "local_gb": candidate.disk_gib,
        "local_gb_used": taken.disk_gib,
        "free_disk_gb": signed(candidate.disk_gib) - signed(taken.disk_gib),
        "disk_available_least": candidate.disk_free_gib,
        "current_workload": busy.count(),
        "running_vms": hypervisor.servers.len(),
    })
}

/// `GET /os-hypervisors`.
pub(super) async fn list(ctx: Ctx, version: Microversion, query: Query) -> Reply {
    answer_list(&ctx, version, &query, "os-hypervisors", brief)
}

/// `GET /os-hypervisors/detail`.
pub(super) async fn list_detail(ctx: Ctx, version: Microversion, query: Query) -> Reply {
    answer_list(&ctx, version, &query, "os-hypervisors/detail", whole)
}

type Show = fn(&Ctx, &Hypervisor, Microversion, Servers) -> Value;

fn answer_list(ctx: &Ctx, version: Microversion, query: &Query, path: &str, show: Show) -> Reply {
    check_query(query, LIST_QUERY, version, 75)?;
    let query = if version.since(33) {
        query.clone()
    } else {
        Query::default()
    };
    let pattern = query.get("hypervisor_hostname_pattern").filter(|_| version.since(53));
    let servers = read_with_servers(&query, version)?;
    let mut found = all(ctx);
    if let Some(pattern) = pattern {
        if query.get("limit").is_some() || query.get("marker").is_some() {
            return Err(Error::invalid(
                "HTTPBadRequest",
                "Paging over hypervisors with the hypervisor_hostname_pattern query parameter is not supported.",
            )
            .into());
        }
        found = matching(found, pattern)?;
    }
    let page = Page::read(&query)?.cut(found, |hypervisor| marker(hypervisor, version))?;
    let shown: Vec<Value> = page
        .items
        .iter()
        .map(|hypervisor| show(ctx, hypervisor, version, servers))
        .collect();
    let mut body = json!({"hypervisors": shown});
    if version.since(33) && pattern.is_none() {
        page.add_links(&mut body, "hypervisors", &link(ctx, path), &query);
    }
    reply(&body)
}

fn marker(hypervisor: &Hypervisor, version: Microversion) -> String {
    let id = id(hypervisor, version);
    id.as_str().map_or_else(|| id.to_string(), str::to_owned)
}

fn read_with_servers(query: &Query, version: Microversion) -> Result<Servers> {
    let text = query.get("with_servers").filter(|_| version.since(53));
    match text.map(|text| truth_of(text).ok_or(text)) {
        None | Some(Ok(false)) => Ok(Servers::Hidden),
        Some(Ok(true)) => Ok(Servers::Shown),
        Some(Err(text)) => Err(wrong("with_servers", &json!(text), "It is not of type 'boolean'.")),
    }
}

fn matching(hypervisors: Vec<Hypervisor>, pattern: &str) -> Result<Vec<Hypervisor>> {
    let found: Vec<Hypervisor> = hypervisors
        .into_iter()
        .filter(|hypervisor| hypervisor.name.contains(pattern))
        .collect();
    if found.is_empty() {
        return Err(Error::not_found(
            "HTTPNotFound",
            format!("No hypervisor matching '{pattern}' could be found."),
        ));
    }
    Ok(found)
}

/// The hypervisor of a path.
fn find(ctx: &Ctx, text: &str, version: Microversion) -> Result<Hypervisor> {
    if version.since(53) && text.parse::<Uuid>().is_err() {
        return Err(Error::invalid("HTTPBadRequest", format!("Invalid uuid {text}")));
    }
    all(ctx)
        .into_iter()
        .find(|hypervisor| marker(hypervisor, version) == text)
        .ok_or_else(|| {
            Error::not_found(
                "ComputeHostNotFound",
                format!("Hypervisor with ID '{text}' could not be found."),
            )
        })
}

/// `GET /os-hypervisors/{id}`.
pub(super) async fn show(ctx: Ctx, version: Microversion, Path(id): Path<String>, query: Query) -> Reply {
    check_query(&query, &["with_servers"], version, 75)?;
    let hypervisor = find(&ctx, &id, version)?;
    let servers = read_with_servers(&query, version)?;
    reply(&json!({"hypervisor": whole(&ctx, &hypervisor, version, servers)}))
}

/// `GET /os-hypervisors/{id}/uptime`, up to 2.87.
pub(super) async fn uptime(ctx: Ctx, version: Microversion, Path(id): Path<String>) -> Reply {
    version.require_until(87)?;
    let hypervisor = find(&ctx, &id, version)?;
    let mut body = brief(&ctx, &hypervisor, version, Servers::Hidden);
    body["uptime"] = json!(ctx.control().host_report().borrow().facts.uptime);
    reply(&json!({"hypervisor": body}))
}

/// `GET /os-hypervisors/{pattern}/search`, up to 2.52.
pub(super) async fn search(ctx: Ctx, version: Microversion, Path(pattern): Path<String>) -> Reply {
    answer_matching(&ctx, version, &pattern, Servers::Hidden)
}

/// `GET /os-hypervisors/{pattern}/servers`, up to 2.52.
pub(super) async fn servers(ctx: Ctx, version: Microversion, Path(pattern): Path<String>) -> Reply {
    answer_matching(&ctx, version, &pattern, Servers::Shown)
}

fn answer_matching(ctx: &Ctx, version: Microversion, pattern: &str, servers: Servers) -> Reply {
    version.require_until(52)?;
    let found = matching(all(ctx), pattern)?;
    let shown: Vec<Value> = found
        .iter()
        .map(|hypervisor| brief(ctx, hypervisor, version, servers))
        .collect();
    reply(&json!({"hypervisors": shown}))
}

/// `GET /os-hypervisors/statistics`, up to 2.87: the sum of all.
pub(super) async fn statistics(ctx: Ctx, version: Microversion) -> Reply {
    version.require_until(87)?;
    let found = all(&ctx);
    let mut sum = json!({
        "count": found.len(), "vcpus": 0, "vcpus_used": 0, "memory_mb": 0, "memory_mb_used": 0, "free_ram_mb": 0,
        "local_gb": 0, "local_gb_used": 0, "free_disk_gb": 0, "disk_available_least": 0, "current_workload": 0,
        "running_vms": 0,
    });
    for hypervisor in &found {
        let figures = figures(hypervisor);
        for (name, value) in figures.as_object().into_iter().flatten() {
            let total = sum[name].as_i64().unwrap_or(0) + value.as_i64().unwrap_or(0);
            sum[name] = json!(total);
        }
    }
    reply(&json!({"hypervisor_statistics": sum}))
}
