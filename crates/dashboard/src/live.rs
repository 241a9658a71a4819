//! Live pages: the middle of a page is sent again each time the cloud changed and the middle with it.
//!
//! A page that nothing happens to costs a sleeping task. When something happens, each open page is made once more, at most
//! twice a second and a few at a time, and is sent only if it came out differently.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Query, State};
use axum::http::header::{ACCEPT_LANGUAGE, COOKIE};
use axum::http::{HeaderMap, Request, StatusCode};
use axum::response::IntoResponse;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::routing::get;
use futures_util::Stream;
use http_body_util::BodyExt;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use tokio::sync::{Semaphore, watch};
use tokio::time::Instant;
use tower::ServiceExt;

use crate::outcome::{Away, inside};
use crate::site::Site;
use crate::visit::{MIDDLE, Visit};

/// Changes come in swarms: so long is waited for more of them.
const GATHER: Duration = Duration::from_millis(120);
/// The same page is not made again before.
const AT_MOST_EVERY: Duration = Duration::from_millis(500);
/// Also when nothing changes, it is looked whether the session still holds.
const LOOK_EVERY: Duration = Duration::from_secs(60);
/// Says that somebody is there, to proxies that would hang up.
const SIGN_OF_LIFE: Duration = Duration::from_secs(20);

/// Bounds how many pages are made at a time for those who watch.
pub(crate) struct Watchers {
    renders: Semaphore,
}

impl Watchers {
    pub fn new(renders: usize) -> Self {
        Self {
            renders: Semaphore::new(renders.max(1)),
        }
    }
}

/// What tells two states of a page's middle apart.
pub(crate) fn mark(middle: &str) -> String {
    let digest = Sha256::digest(middle.as_bytes());
    digest[..8].iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The stream; `pages` makes the pages.
pub(crate) fn routes(pages: Router<Arc<Site>>) -> Router<Arc<Site>> {
    Router::new().route(
        "/dashboard/live",
        get(
            |State(site): State<Arc<Site>>,
             visit: Result<Visit, Away>,
             Query(wanted): Query<Wanted>,
             headers: HeaderMap| async move {
                let page = WatchedPage {
                    pages: pages.with_state(site.clone()),
                    address: inside(Some(&wanted.of)),
                    headers,
                    shown: wanted.shown,
                    is_known: visit.is_ok(),
                    made_at: None,
                };
                let changes = site.control.changes();
                Sse::new(page.events(site, changes)).keep_alive(KeepAlive::new().interval(SIGN_OF_LIFE))
            },
        ),
    )
}

#[derive(Deserialize)]
struct Wanted {
    /// The page's address.
    of: String,
    /// The mark of the middle that is shown.
    #[serde(default)]
    shown: String,
}

struct WatchedPage {
    pages: Router,
    address: String,
    headers: HeaderMap,
    shown: String,
    /// Whether a session came along. Without one the stream says so, which a redirection would not.
    is_known: bool,
    made_at: Option<Instant>,
}

/// Signed out, or the program ends: the page looks for itself. An event without data would not reach it.
fn gone() -> Event {
    Event::default().event("gone").data("gone")
}

impl WatchedPage {
    fn events(self, site: Arc<Site>, changes: watch::Receiver<u64>) -> impl Stream<Item = Result<Event, Infallible>> {
        futures_util::stream::unfold(Some((self, site, changes)), |state| async move {
            let (mut page, site, mut changes) = state?;
            if !page.is_known {
                return Some((Ok(gone()), None));
            }
            loop {
                // The first look is at once; every other waits for a change.
                if let Some(made_at) = page.made_at {
                    tokio::select! {
                        changed = changes.changed() => changed.ok()?,
                        () = tokio::time::sleep(LOOK_EVERY) => {}
                        () = stopped(site.stopping.clone()) => return None,
                    }
                    tokio::time::sleep(GATHER).await;
                    tokio::time::sleep_until(made_at + AT_MOST_EVERY).await;
                }
                changes.borrow_and_update();
                page.made_at = Some(Instant::now());
                let turn = site.live.renders.acquire().await;
                let made = page.make().await;
                drop(turn);
                let Some(middle) = made else {
                    return Some((Ok(gone()), None));
                };
                let mark = mark(&middle);
                if mark != page.shown {
                    page.shown.clone_from(&mark);
                    let event = Event::default().event("middle").id(mark).data(middle);
                    return Some((Ok(event), Some((page, site, changes))));
                }
            }
        })
    }

    async fn make(&self) -> Option<String> {
        let mut request = Request::builder().uri(&self.address).header(MIDDLE, "1");
        for name in [COOKIE, ACCEPT_LANGUAGE] {
            for value in self.headers.get_all(&name) {
                request = request.header(&name, value);
            }
        }
        let request = request.body(Body::empty()).ok()?;
        let answer = match self.pages.clone().oneshot(request).await {
            Ok(answer) => answer.into_response(),
            Err(never) => match never {},
        };
        // What was looked at may be gone by now: its page says so.
        if !matches!(answer.status(), StatusCode::OK | StatusCode::NOT_FOUND) {
            return None;
        }
        let bytes = answer.into_body().collect().await.ok()?.to_bytes();
        String::from_utf8(bytes.to_vec()).ok()
    }
}

/// Ends when the program does.
async fn stopped(mut stopping: watch::Receiver<bool>) {
    // Without anybody who could say so it has ended already.
    let _ = stopping.wait_for(|stop| *stop).await;
}
