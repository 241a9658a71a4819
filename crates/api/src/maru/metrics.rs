//! `GET /metrics`: figures in Prometheus' text format (OpenMetrics 1.0).

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::{Extension, http::StatusCode};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

use crate::app::App;
use crate::fault::Service;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    service: &'static str,
    method: String,
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ServiceLabels {
    service: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct KindLabels {
    kind: &'static str,
}

/// The figures of this process.
pub(crate) struct Metrics {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    seconds: Family<ServiceLabels, Histogram>,
    objects: Family<KindLabels, Gauge>,
}

impl Metrics {
    /// All zero.
    pub(crate) fn new() -> Self {
        let mut registry = Registry::with_prefix("maru");
        let requests = Family::default();
        let seconds = Family::new_with_constructor(
            (|| Histogram::new(exponential_buckets(0.000_5, 2.0, 15))) as fn() -> Histogram,
        );
        let objects = Family::default();
        registry.register("http_requests", "Requests answered", requests.clone());
        registry.register_with_unit("http_request", "Time to answer", Unit::Seconds, seconds.clone());
        registry.register("objects", "Objects in the cloud", objects.clone());
        Self {
            registry,
            requests,
            seconds,
            objects,
        }
    }

    /// Notes an answered request.
    pub(crate) fn answered(&self, service: Service, method: &str, status: StatusCode, took: Duration) {
        let service = service.name();
        let labels = RequestLabels {
            service,
            method: method.to_owned(),
            status: status.as_u16(),
        };
        self.requests.get_or_create(&labels).inc();
        self.seconds
            .get_or_create(&ServiceLabels { service })
            .observe(took.as_secs_f64());
    }

    fn count_objects(&self, cloud: &model::Cloud) {
        let counts = [
            ("project", cloud.projects.len()),
            ("user", cloud.users.len()),
            ("image", cloud.images.len()),
            ("network", cloud.networks.len()),
            ("subnet", cloud.subnets.len()),
            ("port", cloud.ports.len()),
            ("router", cloud.routers.len()),
            ("floating_ip", cloud.floating_ips.len()),
            ("security_group", cloud.security_groups.len()),
            ("server", cloud.servers.len()),
        ];
        for (kind, count) in counts {
            self.objects
                .get_or_create(&KindLabels { kind })
                .set(i64::try_from(count).unwrap_or(i64::MAX));
        }
    }
}

/// The page.
pub(super) async fn show(State(app): State<Arc<App>>, Extension(metrics): Extension<Arc<Metrics>>) -> Response {
    metrics.count_objects(&app.control.cloud());
    let mut text = String::new();
    match encode(&mut text, &metrics.registry) {
        Ok(()) => (
            [(
                CONTENT_TYPE,
                "application/openmetrics-text; version=1.0.0; charset=utf-8",
            )],
            text,
        )
            .into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
