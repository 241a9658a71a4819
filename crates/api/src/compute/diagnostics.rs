//! What a running server uses just now (`GET /servers/{id}/diagnostics`, for administrators): up to 2.47 whatever a
//! hypervisor has to tell, here with libvirt's names; from 2.48 one document for all.

use axum::extract::Path;
use model::compute::{PowerState, Server};
use model::diagnostics::{Diagnostics, DiskFigures, NicFigures};
use model::{Error, PortId};
use serde_json::{Map, Value, json};

use super::microversion::Microversion;
use super::servers::find;
use crate::context::Ctx;
use crate::reply::{Reply, json as reply};

/// `GET /servers/{id}/diagnostics`.
pub(super) async fn show(ctx: Ctx, version: Microversion, Path(id): Path<String>) -> Reply {
    let server = find(&ctx, &id)?;
    if server.host.is_none() {
        return Err(Error::conflict("InstanceNotReady", format!("Instance {id} is not ready")).into());
    }
    let figures = match server.power_state {
        PowerState::Running => ctx.control().diagnostics(server.id).await,
        _ => None,
    };
    let Some(figures) = figures else {
        let state = server.power_state.number();
        return Err(Error::conflict(
            "InstanceInvalidState",
            format!("Cannot 'get_diagnostics' instance {id} while it is in power state {state}"),
        )
        .into());
    };
    if version.since(48) {
        reply(&standard(&ctx, &server, &figures))
    } else {
        reply(&as_libvirt(&server, &figures))
    }
}

/// The document from 2.48 on. What is not counted here is null, as everywhere in it.
fn standard(ctx: &Ctx, server: &Server, figures: &Diagnostics) -> Value {
    let uptime = server
        .launched_at
        .map(|launched| ctx.control().now().unix_seconds() - launched.unix_seconds());
    let cpus: Vec<Value> = (0..)
        .zip(&figures.cpu_nanoseconds)
        .map(|(number, time): (u32, _)| json!({"id": number, "time": time, "utilisation": null}))
        .collect();
    let disks: Vec<Value> = figures.disks.iter().map(disk).collect();
    let nics: Vec<Value> = figures
        .nics
        .iter()
        .map(|(port, figures)| nic(ctx, *port, figures))
        .collect();
    json!({
        "state": "running",
        // QEMU's driver: the document knows no other name for it.
        "driver": "libvirt",
        "hypervisor": figures.hypervisor,
        "hypervisor_os": "linux",
        "uptime": uptime,
        "config_drive": server.config_drive,
        "num_cpus": cpus.len(),
        "num_nics": nics.len(),
        "num_disks": disks.len(),
        "cpu_details": cpus,
        "disk_details": disks,
        "nic_details": nics,
        "memory_details": {"maximum": server.flavor.memory_mib, "used": figures.resident_bytes >> 20},
    })
}

fn disk(figures: &DiskFigures) -> Value {
    json!({
        "read_bytes": figures.read_bytes,
        "read_requests": figures.read_requests,
        "write_bytes": figures.write_bytes,
        "write_requests": figures.write_requests,
        "errors_count": figures.errors,
    })
}

fn nic(ctx: &Ctx, port: PortId, figures: &NicFigures) -> Value {
    let (received, sent) = (figures.received, figures.sent);
    let mac = ctx.cloud().ports.get(&port).map(|port| port.mac_address);
    json!({
        "mac_address": mac,
        "rx_octets": received.bytes,
        "rx_packets": received.packets,
        "rx_errors": received.errors,
        "rx_drop": received.dropped,
        "rx_rate": null,
        "tx_octets": sent.bytes,
        "tx_packets": sent.packets,
        "tx_errors": sent.errors,
        "tx_drop": sent.dropped,
        "tx_rate": null,
    })
}

/// The document up to 2.47: flat, sizes of memory in KiB.
fn as_libvirt(server: &Server, figures: &Diagnostics) -> Value {
    let mut body = Map::new();
    for (number, time) in figures.cpu_nanoseconds.iter().enumerate() {
        body.insert(format!("cpu{number}_time"), json!(time));
    }
    for (letter, disk) in ('a'..='z').zip(&figures.disks) {
        for (name, figure) in [
            ("read_req", disk.read_requests),
            ("read", disk.read_bytes),
            ("write_req", disk.write_requests),
            ("write", disk.write_bytes),
            ("errors", disk.errors),
        ] {
            body.insert(format!("vd{letter}_{name}"), json!(figure));
        }
    }
    let memory = server.flavor.memory_mib.saturating_mul(1024);
    body.insert("memory".to_owned(), json!(memory));
    body.insert("memory-actual".to_owned(), json!(memory));
    body.insert("memory-rss".to_owned(), json!(figures.resident_bytes / 1024));
    for (port, nic) in &figures.nics {
        for (way, traffic) in [("rx", nic.received), ("tx", nic.sent)] {
            let start = format!("tap{}_{way}", port.short());
            body.insert(start.clone(), json!(traffic.bytes));
            body.insert(format!("{start}_packets"), json!(traffic.packets));
            body.insert(format!("{start}_errors"), json!(traffic.errors));
            body.insert(format!("{start}_drop"), json!(traffic.dropped));
        }
    }
    Value::Object(body)
}
