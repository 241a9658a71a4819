//! What projects' servers used in a time (`os-simple-tenant-usage`): of those that are there and of those that were deleted
//! within it.

use std::collections::BTreeMap;

use axum::extract::Path;
use model::compute::Server;
use model::compute::usage::{Launched, Period};
use model::{Error, ProjectId, Result, Timestamp};
use serde_json::{Value, json};

use super::filters::parse_time;
use super::link;
use super::microversion::Microversion;
use super::paging::{Page, check_query};
use crate::context::Ctx;
use crate::query::Query;
use crate::reply::{Reply, json as reply};

const QUERY: &[&str] = &["start", "end", "detailed", "limit", "marker"];

/// The time asked for.
struct Asked {
    period: Period,
    now: Timestamp,
}

impl Asked {
    fn read(query: &Query, now: Timestamp) -> Result<Self> {
        let time = |name: &str| {
            let given = query.get(name).filter(|text| !text.is_empty());
            given.map_or(Ok(now), |text| {
                parse_time(name, text).map_err(|_| Error::invalid("HTTPBadRequest", "Datetime is in invalid format"))
            })
        };
        let (start, stop) = (time("start")?, time("end")?);
        let both_given = query.get("start").is_some() || query.get("end").is_some();
        if start > stop || (start == stop && both_given) {
            return Err(Error::invalid(
                "HTTPBadRequest",
                "Invalid start time. The start time cannot occur after the end time.",
            ));
        }
        let stop = stop.min(now);
        Ok(Self {
            period: Period { start, stop },
            now,
        })
    }
}

fn view(asked: &Asked, server: &Server, launched: Timestamp) -> Value {
    let until = server.terminated_at.unwrap_or(asked.now);
    let uptime = until.unix_seconds().saturating_sub(launched.unix_seconds());
    let state = match server.terminated_at {
        Some(_) => "terminated",
        None => server.vm_state.as_str(),
    };
    json!({
        "instance_id": server.id,
        "name": server.name,
        "tenant_id": server.project_id,
        "flavor": server.flavor.name,
        "memory_mb": server.flavor.memory_mib,
        "local_gb": server.flavor.root_gib + server.flavor.ephemeral_gib,
        "vcpus": server.flavor.vcpus,
        "hours": asked.period.hours(server, launched),
        "started_at": launched.micros_bare(),
        "ended_at": server.terminated_at.map(|at| at.micros_bare()),
        "state": state,
        "uptime": uptime.max(0),
    })
}

fn summary(asked: &Asked, project: &ProjectId, servers: &[Launched], detailed: bool) -> Value {
    let Asked { period, .. } = asked;
    let taken = period.taken(servers);
    let mut body = json!({
        "tenant_id": project,
        "start": period.start.micros_bare(),
        "stop": period.stop.micros_bare(),
        "total_hours": taken.servers,
        "total_vcpus_usage": taken.vcpus,
        "total_memory_mb_usage": taken.memory_mib,
        "total_local_gb_usage": taken.disk_gib,
    });
    if detailed {
        let usages: Vec<Value> = servers
            .iter()
            .map(|(server, launched)| view(asked, server, *launched))
            .collect();
        body["server_usages"] = json!(usages);
    }
    body
}

/// `GET /os-simple-tenant-usage`.
pub(super) async fn list(ctx: Ctx, version: Microversion, query: Query) -> Reply {
    check_query(&query, QUERY, version, 75)?;
    let asked = Asked::read(&query, ctx.control().now())?;
    let cloud = ctx.cloud();
    let counted = asked.period.counted(&cloud, None);
    let pages = if version.since(40) {
        query.clone()
    } else {
        Query::default()
    };
    let page = Page::read(&pages)?.cut(counted, |(server, _)| server.id.to_string())?;
    let mut projects: BTreeMap<ProjectId, Vec<_>> = BTreeMap::new();
    for (server, launched) in &page.items {
        let entry = projects.entry(server.project_id.clone()).or_default();
        entry.push((server.clone(), *launched));
    }
    let is_detailed = query.get("detailed") == Some("1");
    let usages: Vec<Value> = projects
        .iter()
        .map(|(project, servers)| summary(&asked, project, servers, is_detailed))
        .collect();
    let mut body = json!({"tenant_usages": usages});
    if version.since(40) {
        page.add_links(
            &mut body,
            "tenant_usages",
            &link(&ctx, "os-simple-tenant-usage"),
            &query,
        );
    }
    reply(&body)
}

/// `GET /os-simple-tenant-usage/{project}`.
pub(super) async fn show(ctx: Ctx, version: Microversion, Path(id): Path<String>, query: Query) -> Reply {
    check_query(&query, QUERY, version, 75)?;
    let project = ProjectId::from(id.as_str());
    if !ctx.actor().can_see(&project) {
        return Err(Error::forbidden(
            "PolicyNotAuthorized",
            "Policy doesn't allow os_compute_api:os-simple-tenant-usage:show to be performed.",
        )
        .into());
    }
    let asked = Asked::read(&query, ctx.control().now())?;
    let cloud = ctx.cloud();
    let counted = asked.period.counted(&cloud, Some(&project));
    let pages = if version.since(40) {
        query.clone()
    } else {
        Query::default()
    };
    let page = Page::read(&pages)?.cut(counted, |(server, _)| server.id.to_string())?;
    let usage = if page.items.is_empty() {
        json!({})
    } else {
        summary(&asked, &project, &page.items, true)
    };
    let mut body = json!({"tenant_usage": usage});
    if version.since(40) {
        let url = link(&ctx, &format!("os-simple-tenant-usage/{id}"));
        page.add_links(&mut body, "tenant_usage", &url, &query);
    }
    reply(&body)
}
