//! The operator's webhook: every transition of a watched path is POSTed there as JSON, the oldest first, one at a time.
//!
//! That a transition has still to be told stands in its row, so it is told at least once whatever happens in between; the id in
//! it (also in the header `x-maru-event-id`) tells repeats. A receiver that fails is asked again after a second, then after twice
//! as long each time, up to a minute; what is more than an hour old then is given up. The rows are as many as are kept of
//! transitions, so the queue can't grow beyond them.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Request, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use model::reach::watch::{delivered, show_transition, show_watch};
use model::{Actor, Cloud, ReachTransitionId, Scope, Timestamp};
use rustls::pki_types::ServerName;
use serde_json::json;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::Control;
use crate::images::trusted_by_host;

/// How long a receiver may take, connecting included.
const ANSWER_LIMIT: Duration = Duration::from_secs(10);
/// The first pause after a failure.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The longest.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// What is older when it fails again is given up, seconds.
const LONGEST_TRIED: i64 = 3600;

/// Where transitions are told: `http://…` or `https://…`. What stands behind the host may be a secret and is not shown.
#[derive(Clone, PartialEq, Eq)]
pub struct WebhookUrl {
    is_secure: bool,
    host: String,
    port: u16,
    authority: String,
    path: String,
}

impl fmt::Debug for WebhookUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.authority)
    }
}

impl FromStr for WebhookUrl {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let uri: Uri = text.parse().map_err(|_| "it is no URL")?;
        let is_secure = match uri.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            _ => return Err("write it as http://HOST/PATH or https://HOST/PATH"),
        };
        let authority = uri.authority().ok_or("it names no host")?;
        if authority.as_str().contains('@') {
            return Err("it can't hold a user and a password; put a secret into its path");
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']');
        if host.is_empty() {
            return Err("it names no host");
        }
        Ok(Self {
            is_secure,
            host: host.to_owned(),
            port: authority.port_u16().unwrap_or(if is_secure { 443 } else { 80 }),
            authority: authority.to_string(),
            path: uri.path_and_query().map_or("/", |path| path.as_str()).to_owned(),
        })
    }
}

/// Tells transitions until the cloud ends.
pub(crate) fn deliver(control: &Control, url: WebhookUrl) {
    let inner = Arc::downgrade(&control.inner);
    let mut changes = control.changes();
    tokio::spawn(async move {
        let mut pause = FIRST_PAUSE;
        loop {
            let Some(control) = inner.upgrade().map(|inner| Control { inner }) else {
                return;
            };
            changes.mark_unchanged();
            let Some((at, id, body)) = oldest(&control.cloud()) else {
                drop(control);
                if changes.changed().await.is_err() {
                    return;
                }
                continue;
            };
            let told = match tokio::time::timeout(ANSWER_LIMIT, post(&url, id, body)).await {
                Ok(told) => told,
                Err(_) => Err("no answer in time".to_owned()),
            };
            let is_late = at.plus_seconds(LONGEST_TRIED) < control.now();
            match &told {
                Ok(()) => pause = FIRST_PAUSE,
                Err(error) if is_late => {
                    tracing::warn!(event.id = %id, "The webhook {url:?} was not told of a watched path's transition: {error}");
                }
                Err(error) => {
                    tracing::warn!(event.id = %id, "The webhook {url:?} could not be told yet, and will be again: {error}");
                }
            }
            let is_entered = match told.is_ok() || is_late {
                // Not entered: it is told once more.
                true => control.transact(move |tx| delivered(tx, id)).await.is_ok(),
                false => false,
            };
            drop(control);
            if told.is_err() || !is_entered {
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        }
    });
}

/// What is to be told next, as an administrator reads it.
fn oldest(cloud: &Cloud) -> Option<(Timestamp, ReachTransitionId, String)> {
    let (at, id) = cloud.lookups.undelivered_transitions.get_min()?;
    let transition = cloud.reach_transitions.get(id)?;
    let watch = cloud.reach_watches.get(&transition.watch_id)?;
    let operator = Actor {
        user_id: "".into(),
        user_domain_id: "".into(),
        scope: Scope::System,
        roles: ["admin".to_owned()].into(),
    };
    let event = json!({
        "event": "reach.transition",
        "id": id,
        "watch": show_watch(watch, &operator),
        "transition": show_transition(transition, &operator),
    });
    Some((*at, *id, event.to_string()))
}

async fn post(url: &WebhookUrl, id: ReachTransitionId, body: String) -> Result<(), String> {
    let socket = TcpStream::connect((url.host.as_str(), url.port))
        .await
        .map_err(|error| error.to_string())?;
    let status = match url.is_secure {
        false => converse(url, id, body, socket).await?,
        true => {
            let name = ServerName::try_from(url.host.clone()).map_err(|error| error.to_string())?;
            let config = trusted_by_host().map_err(|error| error.to_string())?;
            let agreed = TlsConnector::from(config).connect(name, socket).await;
            converse(url, id, body, agreed.map_err(|error| error.to_string())?).await?
        }
    };
    match status.is_success() {
        true => Ok(()),
        false => Err(format!("it answered {status}")),
    }
}

async fn converse<S>(url: &WebhookUrl, id: ReachTransitionId, body: String, socket: S) -> Result<StatusCode, String>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(socket))
        .await
        .map_err(|error| error.to_string())?;
    // How it ends is seen at the answer; it ends with its sender.
    tokio::spawn(async move { drop(connection.await) });
    let request = Request::post(&url.path)
        .header("host", &url.authority)
        .header("user-agent", "maru")
        .header("content-type", "application/json")
        .header("x-maru-event-id", id.to_string())
        .body(Full::new(Bytes::from(body)))
        .map_err(|error| error.to_string())?;
    let answer = sender.send_request(request).await.map_err(|error| error.to_string())?;
    Ok(answer.status())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_and_secrets_in_them_not_shown() {
        let url: WebhookUrl = "http://127.0.0.1:9000/hook?key=secret".parse().unwrap();
        assert_eq!(
            (url.is_secure, url.host.as_str(), url.port, url.path.as_str()),
            (false, "127.0.0.1", 9000, "/hook?key=secret")
        );
        assert_eq!(format!("{url:?}"), "127.0.0.1:9000");
        let url: WebhookUrl = "https://[2001:db8::7]".parse().unwrap();
        assert_eq!(
            (url.is_secure, url.host.as_str(), url.port, url.path.as_str()),
            (true, "2001:db8::7", 443, "/")
        );
        for text in [
            "",
            "here",
            "/hook",
            "ftp://a.org/",
            "http://",
            "http://u:p@a.org/",
            "http:///x",
        ] {
            assert!(text.parse::<WebhookUrl>().is_err(), "{text}");
        }
    }
}
