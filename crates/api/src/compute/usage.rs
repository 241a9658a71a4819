//! What projects' servers used in a time (`os-simple-tenant-usage`): of those that are there and of those that were deleted
//! within it.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::Path;
use model::compute::Server;
use model::{Cloud, Error, ProjectId, Result, Timestamp};
use serde_json::{Value, json};

use super::filters::{gone, living, parse_time};
use super::link;
use super::microversion::Microversion;
use super::paging::{Page, check_query};
use crate::context::Ctx;
use crate::query::Query;
use crate::reply::{Reply, json as reply};

const QUERY: &[&str] = &["start", "end", "detailed", "limit", "marker"];

/// The time asked for.
struct Period {
    start: Timestamp,
    stop: Timestamp,
    now: Timestamp,
}

impl Period {
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
        Ok(Self {
            start,
            stop: stop.min(now),
            now,
        })
    }

    /// Hours that a server was there in this time.
    fn hours(&self, server: &Server, launched: Timestamp) -> f64 {
        let start = launched.max(self.start);
        let stop = server.terminated_at.map_or(self.stop, |ended| ended.min(self.stop));
        let micros = stop.unix_micros().saturating_sub(start.unix_micros());
        // Far below the point where a 64-bit float loses a microsecond that matters.
        micros.max(0) as f64 / 3_600_000_000.0
    }

    /// The servers with anything to count, of a project or of all, in the order of projects and ids.
    fn counted(&self, cloud: &Cloud, project: Option<&ProjectId>) -> Vec<(Arc<Server>, Timestamp)> {
        let ended_in_time = |server: &Server| server.terminated_at.is_none_or(|ended| ended > self.start);
        let mut counted: Vec<_> = living(cloud, project)
            .chain(gone(cloud, project))
            .filter(|server| ended_in_time(server))
            .filter_map(|server| server.launched_at.map(|launched| (server.clone(), launched)))
            .filter(|(_, launched)| *launched <= self.stop)
            .collect();
        counted.sort_by(|(a, _), (b, _)| (&a.project_id, a.id).cmp(&(&b.project_id, b.id)));
        counted
    }
}

fn view(period: &Period, server: &Server, launched: Timestamp) -> Value {
    let until = server.terminated_at.unwrap_or(period.now);
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
        "hours": period.hours(server, launched),
        "started_at": launched.micros_bare(),
        "ended_at": server.terminated_at.map(|at| at.micros_bare()),
        "state": state,
        "uptime": uptime.max(0),
    })
}

fn summary(period: &Period, project: &ProjectId, servers: &[(Arc<Server>, Timestamp)], detailed: bool) -> Value {
    let sum = |weight: fn(&Server) -> f64| -> f64 {
        let parts = servers
            .iter()
            .map(|(server, launched)| weight(server) * period.hours(server, *launched));
        parts.sum()
    };
    let mut body = json!({
        "tenant_id": project,
        "start": period.start.micros_bare(),
        "stop": period.stop.micros_bare(),
        "total_hours": sum(|_| 1.0),
        "total_vcpus_usage": sum(|server| f64::from(server.flavor.vcpus)),
        "total_memory_mb_usage": sum(|server| server.flavor.memory_mib as f64),
        "total_local_gb_usage": sum(|server| (server.flavor.root_gib + server.flavor.ephemeral_gib) as f64),
    });
    if detailed {
        let usages: Vec<Value> = servers
            .iter()
            .map(|(server, launched)| view(period, server, *launched))
            .collect();
        body["server_usages"] = json!(usages);
    }
    body
}

/// `GET /os-simple-tenant-usage`.
pub(super) async fn list(ctx: Ctx, version: Microversion, query: Query) -> Reply {
    check_query(&query, QUERY, version, 75)?;
    let period = Period::read(&query, ctx.control().now())?;
    let cloud = ctx.cloud();
    let counted = period.counted(&cloud, None);
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
        .map(|(project, servers)| summary(&period, project, servers, is_detailed))
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
    let period = Period::read(&query, ctx.control().now())?;
    let cloud = ctx.cloud();
    let counted = period.counted(&cloud, Some(&project));
    let pages = if version.since(40) {
        query.clone()
    } else {
        Query::default()
    };
    let page = Page::read(&pages)?.cut(counted, |(server, _)| server.id.to_string())?;
    let usage = if page.items.is_empty() {
        json!({})
    } else {
        summary(&period, &project, &page.items, true)
    };
    let mut body = json!({"tenant_usage": usage});
    if version.since(40) {
        let url = link(&ctx, &format!("os-simple-tenant-usage/{id}"));
        page.add_links(&mut body, "tenant_usage", &url, &query);
    }
    reply(&body)
}
