//! Servers' consoles in a browser, as Nova's console proxies give them, on the port of the API.
//!
//! ```text
//!  POST …/remote-consoles ─► URL with a token that ends ─► GET /console/vnc_lite.html (noVNC's page, where it is installed)
//!                                                          GET /console/websockify ─► token ─► QEMU's socket ◄─► WebSocket
//! ```
//!
//! A token opens one console of one server, and needs no other right: a browser has no token of Keystone's. The dashboard's
//! pages open consoles with tickets, which are good once (see `control::auth::Ticket`).

mod pages;
mod relay;
mod socket;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use model::ServerId;
use model::console::ConsoleKind;
use tokio::sync::Notify;

use crate::access::Access;
use crate::app::App;
use crate::fault::Service;
use crate::routes::Routes;

/// Where noVNC is installed by the distributions' packages.
pub const NOVNC_DIRECTORY: &str = "/usr/share/novnc";

/// The table of contents.
pub(crate) fn routes(app: &Arc<App>) -> Routes {
    Routes::new(app.clone(), Service::Maru, "/console")
        .get("/websockify", Access::Public, socket::open)
        .get("/{*path}", Access::Public, pages::show)
}

/// The URL of a console, below the cloud's own (`http://…`).
pub(crate) fn url(base: &str, kind: ConsoleKind, token: &str) -> String {
    match kind {
        ConsoleKind::Vnc => format!(
            "{base}/console/{}?path=console%2Fwebsockify%3Ftoken%3D{token}",
            pages::START
        ),
        // `https` becomes `wss`.
        ConsoleKind::Serial => format!("ws{}/console/websockify?token={token}", base.trim_start_matches("http")),
    }
}

/// Who uses which console just now.
pub struct Consoles {
    novnc: PathBuf,
    open: Mutex<HashMap<(ServerId, ConsoleKind), Users>>,
}

/// How each user of one console is told to leave, in the order of their coming.
type Users = Vec<Arc<Notify>>;

impl Consoles {
    /// With noVNC's pages in this directory, which need not be there.
    pub fn new(novnc: impl Into<PathBuf>) -> Self {
        Self {
            novnc: novnc.into(),
            open: Mutex::default(),
        }
    }

    /// Enters a user of a console. When that is one too many, who has been there longest is told to leave.
    fn enter(self: &Arc<Self>, server: ServerId, kind: ConsoleKind) -> Seat {
        let told = Arc::new(Notify::new());
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let users = open.entry((server, kind)).or_default();
        users.push(told.clone());
        while users.len() > kind.most_users() {
            users.remove(0).notify_one();
        }
        Seat {
            consoles: self.clone(),
            key: (server, kind),
            told,
        }
    }
}

/// A place at a console; dropping it leaves.
struct Seat {
    consoles: Arc<Consoles>,
    key: (ServerId, ConsoleKind),
    told: Arc<Notify>,
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut open = self.consoles.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(users) = open.get_mut(&self.key) {
            users.retain(|user| !Arc::ptr_eq(user, &self.told));
            if users.is_empty() {
                open.remove(&self.key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[test]
    fn urls_keep_the_scheme_and_the_port() {
        let vnc = url("https://cloud.example:5000", ConsoleKind::Vnc, "abc_-");
        assert_eq!(
            vnc,
            "https://cloud.example:5000/console/vnc_lite.html?path=console%2Fwebsockify%3Ftoken%3Dabc_-"
        );
        let serial = |base: &str| url(base, ConsoleKind::Serial, "abc");
        assert_eq!(
            serial("http://127.0.0.1:5000"),
            "ws://127.0.0.1:5000/console/websockify?token=abc"
        );
        assert_eq!(
            serial("https://[::1]:5000"),
            "wss://[::1]:5000/console/websockify?token=abc"
        );
    }

    #[test]
    fn the_newest_user_of_a_serial_port_has_it() {
        let consoles = Arc::new(Consoles::new(NOVNC_DIRECTORY));
        let (one, other) = (
            ServerId::from(uuid::Uuid::from_u128(1)),
            ServerId::from(uuid::Uuid::from_u128(2)),
        );
        let first = consoles.enter(one, ConsoleKind::Serial);
        let elsewhere = consoles.enter(other, ConsoleKind::Serial);
        let screens: Vec<Seat> = (0..8).map(|_| consoles.enter(one, ConsoleKind::Vnc)).collect();
        assert!(first.told.notified().now_or_never().is_none());
        let second = consoles.enter(one, ConsoleKind::Serial);
        assert!(first.told.notified().now_or_never().is_some());
        let ninth = consoles.enter(one, ConsoleKind::Vnc);
        assert!(screens[0].told.notified().now_or_never().is_some());
        for seat in [&elsewhere, &second, &screens[1], &ninth] {
            assert!(seat.told.notified().now_or_never().is_none());
        }
        drop((first, second, elsewhere, screens, ninth));
        assert!(consoles.open.lock().unwrap().is_empty());
    }
}
