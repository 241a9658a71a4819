//! Version documents.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use serde_json::{Value, json};

use crate::app::App;
use crate::reply::{Reply, json as ok, status};

/// The minor versions whose behaviour holds here, 2.12 with the tasks of imports among them. Several stores (2.8, 2.10, 2.11)
/// and what comes after are not offered.
const VERSIONS: &[&str] = &[
    "v2.12", "v2.9", "v2.7", "v2.6", "v2.5", "v2.4", "v2.3", "v2.2", "v2.1", "v2.0",
];

/// `GET /image`: 300, which clients take as an answer.
pub(super) async fn choices(State(app): State<Arc<App>>, headers: HeaderMap) -> Reply {
    status(StatusCode::MULTIPLE_CHOICES, &document(&app, &headers))
}

/// `GET /image/versions`
pub(super) async fn list(State(app): State<Arc<App>>, headers: HeaderMap) -> Reply {
    ok(&document(&app, &headers))
}

fn document(app: &App, headers: &HeaderMap) -> Value {
    let href = format!("{}/image/v2/", app.endpoints.base_url(headers));
    let versions: Vec<Value> = VERSIONS
        .iter()
        .enumerate()
        .map(|(place, id)| {
            json!({
                "id": id,
                "status": if place == 0 { "CURRENT" } else { "SUPPORTED" },
                "links": [{"rel": "self", "href": href}],
            })
        })
        .collect();
    json!({ "versions": versions })
}
