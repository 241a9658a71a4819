//! Placement's microversions: 1.0 unless the request says otherwise; every answer says which one it got.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::HeaderValue;
use axum::http::header::{CACHE_CONTROL, LAST_MODIFIED};
use axum::middleware::Next;
use axum::response::Response;
use serde_json::json;

use crate::app::App;
pub(super) use crate::microversion::Microversion;
use crate::microversion::Scheme;
use crate::reply::{Reply, json as ok};

/// The newest one whose bodies these are.
pub(crate) const MAX: Microversion = Microversion::new(1, 39);

static SCHEME: Scheme = Scheme {
    names: &["placement"],
    own_header: None,
    vary: "openstack-api-version",
    min: Microversion::new(1, 0),
    max: MAX,
};

/// Around every request of the service.
pub(super) async fn layer(request: Request, next: Next) -> Response {
    let is_dated = SCHEME
        .negotiate(request.headers())
        .is_ok_and(|version| version.since(15));
    let mut response = SCHEME.around(request, next).await;
    if is_dated {
        // What is answered was worked out just now.
        let headers = response.headers_mut();
        let now = jiff::Timestamp::now().strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
        if let Ok(value) = HeaderValue::from_str(&now) {
            headers.insert(LAST_MODIFIED, value);
        }
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    }
    response
}

/// `GET /placement`
pub(super) async fn show(State(_): State<Arc<App>>) -> Reply {
    ok(&json!({"versions": [{
        "id": "v1.0",
        "status": "CURRENT",
        "min_version": SCHEME.min.to_string(),
        "max_version": SCHEME.max.to_string(),
        "links": [{"rel": "self", "href": ""}],
    }]}))
}
