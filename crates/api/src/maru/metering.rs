//! `GET /maru/v1/metering/labels` and `/maru/v1/metering/labels/{id}`: what metering labels counted.
//!
//! Neutron tells it to Ceilometer, by notifications; here it is read from the host. A project reads what its own labels and
//! the shared ones counted on its own routers; an administrator reads all. `read_at` says when the kernel was asked: at most
//! a second before the answer, unless the host can't be asked just now.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::Path;
use model::meters::{Count, RouterReading};
use model::network::{MeteringLabel, Router, metering};
use model::{Actor, Cloud, MeteringLabelId, RouterId, Row};
use serde_json::{Value, json};

use crate::context::Ctx;
use crate::fault::Fault;
use crate::reply::{Reply, json as document};

/// Every label that the caller may read.
pub(super) async fn list(ctx: Ctx) -> Reply {
    let cloud = ctx.cloud();
    let labels = cloud.metering_labels.iter();
    let labels: Vec<&Arc<MeteringLabel>> = labels
        .filter(|label| metering::counts_for(label, ctx.actor()))
        .collect();
    let readings = read(&ctx, &cloud, &labels).await;
    let labels: Vec<Value> = labels
        .iter()
        .map(|label| show_label(&cloud, ctx.actor(), label, &readings))
        .collect();
    document(&json!({"metering_labels": labels}))
}

/// One label.
pub(super) async fn show(ctx: Ctx, Path(id): Path<String>) -> Reply {
    let cloud = ctx.cloud();
    let not_found = || {
        let mut error = MeteringLabel::not_found(&MeteringLabelId(uuid::Uuid::nil()));
        error.message = format!("Metering label '{id}' does not exist.");
        Fault(error)
    };
    let found = id.parse().ok().and_then(|id| cloud.metering_labels.get(&id));
    let label = found
        .filter(|label| metering::counts_for(label, ctx.actor()))
        .ok_or_else(not_found)?;
    let readings = read(&ctx, &cloud, &[label]).await;
    document(&json!({"metering_label": show_label(&cloud, ctx.actor(), label, &readings)}))
}

/// The routers of which the caller may read what a label counted.
fn routers<'a>(cloud: &'a Cloud, actor: &'a Actor, label: &MeteringLabel) -> impl Iterator<Item = &'a Arc<Router>> {
    metering::routers_of_label(cloud, label).filter(move |router| actor.can_see(&router.standard.project_id))
}

async fn read(ctx: &Ctx, cloud: &Cloud, labels: &[&Arc<MeteringLabel>]) -> BTreeMap<RouterId, RouterReading> {
    let mut ids: Vec<RouterId> = labels
        .iter()
        .flat_map(|label| routers(cloud, ctx.actor(), label))
        .map(|router| router.id)
        .collect();
    ids.sort_unstable();
    ids.dedup();
    ctx.control().read_meters(ids).await
}

fn show_label(
    cloud: &Cloud,
    actor: &Actor,
    label: &MeteringLabel,
    readings: &BTreeMap<RouterId, RouterReading>,
) -> Value {
    let mut sum = Count::default();
    let mut parts = Vec::new();
    for router in routers(cloud, actor, label) {
        // A router that is not on the host, or has the label since a moment ago, has counted nothing.
        let Some(reading) = readings.get(&router.id) else {
            continue;
        };
        let Some(count) = reading.counts.get(&label.id) else {
            continue;
        };
        sum += *count;
        parts.push(json!({
            "router_id": router.id,
            "project_id": router.standard.project_id,
            "packets": count.packets,
            "bytes": count.bytes,
            "read_at": reading.read_at.seconds_z(),
        }));
    }
    json!({
        "id": label.id,
        "name": label.standard.name,
        "project_id": label.standard.project_id,
        "shared": label.shared,
        "packets": sum.packets,
        "bytes": sum.bytes,
        "routers": parts,
    })
}
