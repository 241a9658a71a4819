//! `GET /console/websockify?token=…`: from a token to a connection. Named and used as websockify's, which noVNC knows.

use std::sync::Arc;

use axum::extract::State;
use axum::extract::ws::{WebSocketUpgrade, rejection::WebSocketUpgradeRejection};
use axum::http::header::{CONNECTION, HOST, ORIGIN};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};

use super::relay;
use crate::app::App;
use crate::query::Query;

/// Largest message that is taken from a browser, bytes: what a person pastes is far below.
const MESSAGE_LIMIT: usize = 1 << 20;

/// Opens a console.
pub(super) async fn open(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    query: Query,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    let upgrade = match upgrade {
        Ok(upgrade) => upgrade,
        Err(rejection) => return rejection.into_response(),
    };
    if !is_same_site(&headers, &app.endpoints.public_url) {
        tracing::warn!("A console was asked for by the page of another site");
        return refuse(StatusCode::FORBIDDEN);
    }
    let claims = match app.control.use_console_token(query.get("token").unwrap_or_default()) {
        // Who uses a page's ticket says that it is a page of ours: every browser does.
        Ok(claims) if claims.ticket.is_none() || headers.contains_key(ORIGIN) => claims,
        _ => return refuse(StatusCode::FORBIDDEN),
    };
    let (server, kind) = (claims.server_id, claims.console);
    // Entered first: who used a serial port until now leaves it, so that QEMU lets the next one in.
    let seat = app.consoles.enter(server, kind);
    let stream = match app.control.connect_console(server, kind).await {
        Ok(stream) => stream,
        Err(error) => {
            tracing::info!(server.id = %server, "A console of server {server} can't be opened: {}", error.message);
            return refuse(StatusCode::CONFLICT);
        }
    };
    tracing::info!(server.id = %server, "The {kind:?} console of server {server} is opened");
    upgrade
        .protocols(["binary"])
        .max_message_size(MESSAGE_LIMIT)
        .max_frame_size(MESSAGE_LIMIT)
        .on_upgrade(move |socket| async move {
            relay::run(socket, stream, &seat.told).await;
            drop(seat);
        })
}

/// A refusal, without a body and as the last of its connection: who speaks WebSocket takes what follows for frames.
fn refuse(status: StatusCode) -> Response {
    (status, [(CONNECTION, "close")]).into_response()
}

/// Whether the page that asks is of this cloud: browsers send along where it is from, and would let any page use a URL that
/// somebody was made to open. Programs that are no browsers say nothing of it.
fn is_same_site(headers: &HeaderMap, public_url: &str) -> bool {
    let Some(origin) = headers.get(ORIGIN) else { return true };
    let authority = |url: &str| {
        url.split_once("://")
            .map(|(_, rest)| rest.trim_end_matches('/').to_ascii_lowercase())
    };
    let Some(origin) = origin.to_str().ok().and_then(authority) else {
        return false;
    };
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    host.is_some_and(|host| host.eq_ignore_ascii_case(&origin)) || authority(public_url) == Some(origin)
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderName, HeaderValue};

    use super::*;

    #[test]
    fn pages_of_other_sites_are_told_apart() {
        let is_same = |pairs: &[(HeaderName, &'static str)]| {
            let pairs = pairs
                .iter()
                .map(|(name, value)| (name.clone(), HeaderValue::from_static(value)));
            is_same_site(&pairs.collect(), "https://cloud.example:5000/")
        };
        assert!(is_same(&[(HOST, "127.0.0.1:5000")]));
        assert!(is_same(&[(HOST, "10.0.0.1:5000"), (ORIGIN, "http://10.0.0.1:5000")]));
        assert!(is_same(&[(HOST, "inside:80"), (ORIGIN, "https://Cloud.example:5000")]));
        for origin in [
            "http://evil.example",
            "http://10.0.0.1",
            "http://10.0.0.1:5000.evil.example",
            "null",
            "",
        ] {
            assert!(!is_same(&[(HOST, "10.0.0.1:5000"), (ORIGIN, origin)]), "{origin}");
        }
        assert!(!is_same(&[(ORIGIN, "http://10.0.0.1:5000")]));
    }
}
