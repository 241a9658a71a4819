//! Maru's own pages beside OpenStack's: is it well, how busy is it, and what was counted?

mod health;
mod metering;
mod metrics;
mod reach;
mod reach_watch;
mod status;

use std::sync::Arc;

use crate::access::Access;
use crate::app::App;
use crate::fault::Service;
use crate::routes::Routes;

pub(crate) use metrics::Metrics;

/// The table of contents.
pub(crate) fn routes(app: &Arc<App>) -> Routes {
    Routes::new(app.clone(), Service::Maru, "")
        .get("/healthz", Access::Public, health::show)
        .get("/metrics", Access::Public, metrics::show)
        .get("/maru/v1/status", Access::Admin, status::show)
        .get("/maru/v1/inventory", Access::Admin, status::inventory)
        .get("/maru/v1/metering/labels", Access::Reader, metering::list)
        .get("/maru/v1/metering/labels/{id}", Access::Reader, metering::show)
        .get("/maru/v1/reach", Access::Reader, reach::show)
        .get("/maru/v1/reach/servers/{id}", Access::Reader, reach::server)
        .post("/maru/v1/reach/probes", Access::Member, reach::probe)
        .get("/maru/v1/drift", Access::Admin, reach::drift)
        .get("/maru/v1/reach/watches", Access::Reader, reach_watch::list)
        .post("/maru/v1/reach/watches", Access::Member, reach_watch::create)
        .get("/maru/v1/reach/watches/{id}", Access::Reader, reach_watch::show)
        .delete("/maru/v1/reach/watches/{id}", Access::Member, reach_watch::delete)
}
