//! Scripts, styles and pictures: files that are built into the program, at addresses that change with their content, so
//! that browsers keep them for good.

use std::sync::LazyLock;

use axum::Router;
use axum::extract::Path;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use sha2::{Digest, Sha256};

/// A file that is built in.
struct Asset {
    name: &'static str,
    bytes: &'static [u8],
}

// `ASSETS: &[Asset]`, every file of `assets/` by name (see `build.rs`).
include!(concat!(env!("OUT_DIR"), "/assets.rs"));

/// Changes when any of the files does.
static EDITION: LazyLock<String> = LazyLock::new(|| {
    let mut digest = Sha256::new();
    for asset in ASSETS {
        digest.update(asset.name.as_bytes());
        digest.update(Sha256::digest(asset.bytes));
    }
    digest.finalize()[..6]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
});

/// Where a file is.
pub(crate) fn path(name: &str) -> String {
    format!("/dashboard/assets/{}/{name}", *EDITION)
}

/// The files, below `/dashboard/assets/<edition>/`.
pub(crate) fn routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new().route("/dashboard/assets/{edition}/{*name}", get(show))
}

async fn show(Path((edition, name)): Path<(String, String)>) -> Response {
    let Ok(index) = ASSETS.binary_search_by(|asset| asset.name.cmp(&name)) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type(&name)));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    // A page of another edition (an old program's, still open) must not keep this one's file under the old address.
    let keep = if edition == *EDITION {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(keep));
    (headers, ASSETS[index].bytes).into_response()
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map(|(_, kind)| kind) {
        Some("js" | "mjs") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("txt" | "md") => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}
