//! `GET /maru/v1/status` and `/maru/v1/inventory`: what `maru status` shows the operator.

use std::collections::BTreeMap;

use model::Cloud;
use model::host::{FragmentStatus, HostConfig, HostReport, PortReport, ServerPhase};
use model::unowned::Unowned;
use serde_json::{Value, json};

use crate::context::Ctx;
use crate::reply::{Reply, json as document};

/// How the cloud and its host are: counts, what the host has, and what is not as wanted, with the reason.
pub(super) async fn show(ctx: Ctx) -> Reply {
    let cloud = ctx.cloud();
    let control = ctx.control();
    let report = control.host_report().borrow().clone();
    let config = control.host_config().borrow().clone();
    let wanted = config.revision;
    let facts = &report.facts;
    document(&json!({"status": {
        "version": env!("CARGO_PKG_VERSION"),
        "host": {
            "name": control.host_id(),
            "applied_revision": report.revision,
            "wanted_revision": wanted,
            "acceleration": facts.acceleration,
            "vcpus": facts.vcpus,
            "memory_mib": facts.memory_mib,
            "memory_free_mib": facts.memory_free_mib,
            "disk_bytes": facts.disk_bytes,
            "disk_free_bytes": facts.disk_free_bytes,
            "uptime": facts.uptime,
        },
        "objects": counts(&cloud),
        "servers": phases(&report),
        "not_ready": not_ready(&cloud, &config, &report),
    }}))
}

/// The ids of everything that a host keeps something for, and the resources whose project is gone.
pub(super) async fn inventory(ctx: Ctx) -> Reply {
    let cloud = ctx.cloud();
    document(&json!({"inventory": {
        "networks": cloud.networks.iter().map(|row| row.id).collect::<Vec<_>>(),
        "routers": cloud.routers.iter().map(|row| row.id).collect::<Vec<_>>(),
        "ports": cloud.ports.iter().map(|row| row.id).collect::<Vec<_>>(),
        "servers": cloud.servers.iter().map(|row| row.id).collect::<Vec<_>>(),
        "images": cloud.images.iter().map(|row| row.id).collect::<Vec<_>>(),
        "volumes": cloud.volumes.iter().map(|row| row.id).collect::<Vec<_>>(),
        "snapshots": cloud.volume_snapshots.iter().map(|row| row.id).collect::<Vec<_>>(),
        "backups": cloud.volume_backups.iter().map(|row| row.data_id).collect::<Vec<_>>(),
        "unowned": model::unowned::unowned(&cloud).iter().map(entry_of_unowned).collect::<Vec<_>>(),
    }}))
}

fn entry_of_unowned(row: &Unowned) -> Value {
    json!({"kind": row.kind, "id": row.id, "project_id": row.project_id})
}

fn counts(cloud: &Cloud) -> Value {
    json!({
        "projects": cloud.projects.len(),
        "users": cloud.users.len(),
        "images": cloud.images.len(),
        "networks": cloud.networks.len(),
        "subnets": cloud.subnets.len(),
        "ports": cloud.ports.len(),
        "routers": cloud.routers.len(),
        "floating_ips": cloud.floating_ips.len(),
        "security_groups": cloud.security_groups.len(),
        "servers": cloud.servers.len(),
        "volumes": cloud.volumes.len(),
    })
}

/// Servers by what the host says they do.
fn phases(report: &HostReport) -> BTreeMap<&'static str, usize> {
    let mut phases = BTreeMap::new();
    for server in report.servers.values() {
        let phase = match server.phase {
            ServerPhase::Queued => "queued",
            ServerPhase::PreparingDisk { .. } => "preparing",
            ServerPhase::Changing => "changing",
            ServerPhase::Running => "running",
            ServerPhase::Paused => "paused",
            ServerPhase::Suspended => "suspended",
            ServerPhase::Off { .. } => "off",
            ServerPhase::Failed { .. } => "failed",
            ServerPhase::Removing => "removing",
        };
        *phases.entry(phase).or_insert(0) += 1;
    }
    phases
}

fn not_ready(cloud: &Cloud, config: &HostConfig, report: &HostReport) -> Vec<Value> {
    let entry = |kind: &str, id: String, name: Option<String>, reason: &str| json!({"kind": kind, "id": id, "name": name.unwrap_or_default(), "reason": reason});
    let mut list = Vec::new();
    for (id, status) in report.externals.iter().chain(report.networks.iter()) {
        if let FragmentStatus::Failed(reason) = status {
            let name = cloud.networks.get(id).map(|row| row.standard.name.clone());
            list.push(entry("network", id.to_string(), name, reason));
        }
    }
    for (id, status) in &report.routers {
        if let FragmentStatus::Failed(reason) = status {
            let name = cloud.routers.get(id).map(|row| row.standard.name.clone());
            list.push(entry("router", id.to_string(), name, reason));
        }
    }
    for (id, status) in &report.trunks {
        if let FragmentStatus::Failed(reason) = status {
            let name = cloud.trunks.get(id).map(|row| row.standard.name.clone());
            list.push(entry("trunk", id.to_string(), name, reason));
        }
    }
    for (id, status) in &report.ports {
        if let PortReport::Failed(reason) = status {
            let name = cloud.ports.get(id).map(|row| row.standard.name.clone());
            list.push(entry("port", id.to_string(), name, reason));
        }
    }
    for (id, server) in &report.servers {
        let wanted = config.servers.get(id).filter(|_| server.phase == ServerPhase::Running);
        for nic in wanted.into_iter().flat_map(|wanted| &wanted.nics) {
            if !server.nics.contains(&nic.port_id) {
                let name = cloud.servers.get(id).map(|row| row.name.clone());
                let reason = format!("the NIC of port {} is not plugged in yet", nic.port_id);
                list.push(entry("server", id.to_string(), name, &reason));
            }
        }
        if let ServerPhase::Failed { message, detail } = &server.phase {
            let name = cloud.servers.get(id).map(|row| row.name.clone());
            list.push(entry("server", id.to_string(), name, &format!("{message} ({detail})")));
        }
    }
    list
}
