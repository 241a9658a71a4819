//! The version documents: a list of one, at both addresses, as Cinder has it.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use serde_json::{Value, json};

use super::microversion::{MAX, MIN};
use crate::app::App;
use crate::reply::{Reply, json as reply, status};

/// `GET /volume`: clients are to choose, from one.
pub(super) async fn list(State(app): State<Arc<App>>, headers: HeaderMap) -> Reply {
    let base = app.endpoints.base_url(&headers);
    status(StatusCode::MULTIPLE_CHOICES, &json!({"versions": [document(&base)]}))
}

/// `GET /volume/v3`.
pub(super) async fn show(State(app): State<Arc<App>>, headers: HeaderMap) -> Reply {
    let base = app.endpoints.base_url(&headers);
    reply(&json!({"versions": [document(&base)]}))
}

fn document(base: &str) -> Value {
    json!({
        "id": "v3.0",
        "status": "CURRENT",
        "version": MAX.to_string(),
        "min_version": MIN.to_string(),
        "updated": "2023-08-31T00:00:00Z",
        "links": [
            {"rel": "describedby", "type": "text/html", "href": "https://docs.openstack.org/"},
            {"rel": "self", "href": format!("{base}/volume/v3/")},
        ],
        "media-types": [{
            "base": "application/json",
            "type": "application/vnd.openstack.volume+json;version=3",
        }],
    })
}
