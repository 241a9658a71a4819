//! Version documents (`GET /identity`, `GET /identity/v3`): where every client begins.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use serde_json::{Value, json};
use std::sync::Arc;

use super::home;
use crate::app::App;
use crate::reply::{Reply, json as document, status};

/// The newest Identity API whose bodies these are.
fn v3(base_url: &str) -> Value {
    json!({
        "id": "v3.14",
        "status": "stable",
        "updated": "2020-04-07T00:00:00Z",
        "links": [{"rel": "self", "href": format!("{base_url}/identity/v3/")}],
        "media-types": [{"base": "application/json", "type": "application/vnd.openstack.identity-v3+json"}],
    })
}

/// All versions: 300, as Keystone answers.
pub(super) async fn list(State(app): State<Arc<App>>, headers: HeaderMap) -> Reply {
    if home::is_wanted(&headers) {
        return home::show("/v3");
    }
    let version = v3(&app.endpoints.base_url(&headers));
    status(
        StatusCode::MULTIPLE_CHOICES,
        &json!({"versions": {"values": [version]}}),
    )
}

/// This version.
pub(super) async fn show(State(app): State<Arc<App>>, headers: HeaderMap) -> Reply {
    if home::is_wanted(&headers) {
        return home::show("");
    }
    document(&json!({"version": v3(&app.endpoints.base_url(&headers))}))
}
