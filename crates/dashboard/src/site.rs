//! The dashboard as a whole: what every visit may use, and the table of its pages.

use std::sync::Arc;

use axum::Router;
use axum::middleware;
use control::Control;
use tokio::sync::watch;

use crate::backend::Backend;
use crate::session::Attempts;
use crate::{assets, guard, live, pages, sign_in};

/// What the dashboard is made with.
pub struct Options {
    /// The running cloud.
    pub control: Control,
    /// Its API.
    pub backend: Backend,
    /// Where clients reach the cloud (`http://127.0.0.1:5000`).
    pub public_url: String,
    /// The catalog's region.
    pub region: String,
    /// The network namespace that is the cloud's host, where it is not this machine's own.
    pub host_netns: Option<String>,
    /// How many changed pages may be made at a time for those who watch.
    pub live_renders: usize,
    /// Becomes true when the program ends: live pages are then let go of, which would else keep it.
    pub stopping: watch::Receiver<bool>,
}

/// What every visit may use.
pub(crate) struct Site {
    pub control: Control,
    pub backend: Backend,
    pub public_url: String,
    pub region: String,
    pub host_netns: Option<String>,
    pub attempts: Attempts,
    pub live: live::Watchers,
    pub stopping: watch::Receiver<bool>,
}

impl Site {
    /// Whether browsers reach the cloud over TLS: its cookies are then never sent without.
    pub fn is_secure(&self) -> bool {
        self.public_url.starts_with("https://")
    }
}

/// Every page, at `/dashboard/`.
pub fn router(options: Options) -> Router {
    let site = Arc::new(Site {
        control: options.control,
        backend: options.backend,
        public_url: options.public_url,
        region: options.region,
        host_netns: options.host_netns,
        attempts: Attempts::default(),
        live: live::Watchers::new(options.live_renders),
        stopping: options.stopping,
    });
    let pages = Router::new()
        .merge(sign_in::routes())
        .merge(pages::routes())
        .fallback(pages::not_found::show)
        .layer(middleware::from_fn_with_state(site.clone(), guard::finish));
    let pages = Router::new()
        .merge(pages.clone())
        .merge(live::routes(pages))
        .layer(middleware::from_fn(guard::protect))
        .with_state(site);
    // "/dashboard" alone, as people type it.
    let start = axum::routing::get(async || axum::response::Redirect::to("/dashboard/"));
    pages.route("/dashboard", start).merge(assets::routes())
}
