//! `GET /healthz`: 200 while requests are answered and the host reports; the body says what is not as wanted.

use std::sync::Arc;

use axum::extract::State;
use model::host::FragmentStatus;
use serde::Serialize;

use crate::app::App;
use crate::reply::{Reply, json};

#[derive(Serialize)]
struct Health {
    status: &'static str,
    /// Revision of the host's document that was applied last, and the newest one.
    applied_revision: u64,
    wanted_revision: u64,
    /// Networks, routers and trunks that the host could not make yet.
    failed_fragments: usize,
}

/// The whole program's health.
pub(super) async fn show(State(app): State<Arc<App>>) -> Reply {
    let report = app.control.host_report().borrow().clone();
    let wanted_revision = app.control.host_config().borrow().revision;
    let failed = |status: &FragmentStatus| matches!(status, FragmentStatus::Failed(_));
    let failed_fragments = report.networks.values().filter(|status| failed(status)).count()
        + report.routers.values().filter(|status| failed(status)).count()
        + report.trunks.values().filter(|status| failed(status)).count()
        + report.externals.values().filter(|status| failed(status)).count();
    let settled = failed_fragments == 0 && report.revision == wanted_revision;
    json(&Health {
        status: if settled { "ok" } else { "settling" },
        applied_revision: report.revision,
        wanted_revision,
        failed_fragments,
    })
}
