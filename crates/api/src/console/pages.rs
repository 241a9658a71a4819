//! noVNC's own files, from where its package puts them. Without them there is a page that says how to get them.

use std::path::{Component, Path as FilePath};
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS};
use axum::response::IntoResponse;
use model::Error;

use crate::app::App;
use crate::reply::Reply;

/// The page that a console's URL opens.
pub(super) const START: &str = "vnc_lite.html";

const HTML: &str = "text/html; charset=utf-8";

const NOT_INSTALLED: &str = r#"<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Console</title></head><body>
<h1>The console's page is not installed</h1>
<p>The server's screen is ready, and the page that shows it comes with another program, noVNC. Install it on the machine that
Maru runs on (on Debian and Ubuntu the package <code>novnc</code>), or name the directory that holds it with the setting
<code>novnc_dir</code>, and load this page again.</p>
<p>Programs that speak RFB over WebSocket need no page: they use the address in <code>path</code> of this page's URL.</p>
</body></html>
"#;

/// `GET /console/{path}`.
pub(super) async fn show(State(app): State<Arc<App>>, Path(path): Path<String>) -> Reply {
    let Some(kind) = content_type(&path).filter(|_| is_plain(&path)) else {
        return Err(not_found().into());
    };
    match tokio::fs::read(app.consoles.novnc.join(&path)).await {
        Ok(bytes) => Ok(page(kind, bytes)),
        Err(_) if path == START => Ok(page(HTML, NOT_INSTALLED.into())),
        Err(_) => Err(not_found().into()),
    }
}

fn page(kind: &'static str, bytes: Vec<u8>) -> axum::response::Response {
    let headers = [
        (CONTENT_TYPE, kind),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        // The URL holds the console's token.
        (REFERRER_POLICY, "no-referrer"),
        (CACHE_CONTROL, "no-cache"),
    ];
    (headers, bytes).into_response()
}

fn not_found() -> Error {
    Error::not_found("HTTPNotFound", "The resource could not be found.")
}

/// Names below the directory, none of which leads out of it or is hidden.
fn is_plain(path: &str) -> bool {
    let parts = FilePath::new(path).components();
    parts.into_iter().all(|part| match part {
        Component::Normal(name) => name
            .to_str()
            .is_some_and(|name| !name.starts_with('.') && !name.contains('\0')),
        _ => false,
    })
}

/// Kinds of files that noVNC consists of; others are not given out.
fn content_type(path: &str) -> Option<&'static str> {
    Some(match path.rsplit_once('.')?.1 {
        "html" => HTML,
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" => "application/json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "mp3" => "audio/mpeg",
        "oga" => "audio/ogg",
        "ttf" => "font/ttf",
        "woff" => "font/woff",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_leads_out_of_the_directory() {
        for path in ["vnc_lite.html", "core/rfb.js", "app/images/icons/novnc-16x16.png"] {
            assert!(is_plain(path) && content_type(path).is_some(), "{path}");
        }
        for path in [
            "../secret.json",
            "/etc/x.json",
            "core/../../x.js",
            ".hidden/x.js",
            "a\0.js",
            "./x.js",
        ] {
            assert!(!is_plain(path), "{path}");
        }
        for path in ["passwd", "x.key", ""] {
            assert_eq!(content_type(path), None, "{path}");
        }
    }
}
