//! The version documents: the list (v2.0 first, as clients insist) and one document each.

use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use serde_json::{Value, json};

use super::microversion::{MAX, MIN};
use crate::app::App;
use crate::reply::{Reply, json as reply};

/// `GET /compute`.
pub(super) async fn list(State(app): State<Arc<App>>, headers: HeaderMap) -> Reply {
    let base = app.endpoints.base_url(&headers);
    reply(&json!({"versions": [legacy(&base), current(&base)]}))
}

/// `GET /compute/v2`.
pub(super) async fn show_legacy(State(app): State<Arc<App>>, headers: HeaderMap) -> Reply {
    reply(&json!({"version": whole(legacy(&app.endpoints.base_url(&headers)), "2")}))
}

/// `GET /compute/v2.1`.
pub(super) async fn show_current(State(app): State<Arc<App>>, headers: HeaderMap) -> Reply {
    reply(&json!({"version": whole(current(&app.endpoints.base_url(&headers)), "2.1")}))
}

fn legacy(base: &str) -> Value {
    json!({
        "id": "v2.0",
        "status": "SUPPORTED",
        "version": "",
        "min_version": "",
        "updated": "2011-01-21T11:33:21Z",
        "links": [{"rel": "self", "href": format!("{base}/compute/v2/")}],
    })
}

fn current(base: &str) -> Value {
    json!({
        "id": "v2.1",
        "status": "CURRENT",
        "version": MAX.to_string(),
        "min_version": MIN.to_string(),
        "updated": "2013-07-23T11:33:21Z",
        "links": [{"rel": "self", "href": format!("{base}/compute/v2.1/")}],
    })
}

/// With what only a document of its own has.
fn whole(mut version: Value, media: &str) -> Value {
    if let Some(links) = version["links"].as_array_mut() {
        links.push(json!({"rel": "describedby", "type": "text/html", "href": "http://docs.openstack.org/"}));
    }
    version["media-types"] = json!([{
        "base": "application/json",
        "type": format!("application/vnd.openstack.compute+json;version={media}"),
    }]);
    version
}
