//! The cloud's one writer, and what watches it: rules run over a snapshot, changes are durable before they are answered,
//! and each host is told what it must look like.
//!
//! ```text
//!  request ──transact(rule)──► writer thread: rule over a Tx ─► store (one fsync for many requests) ─► publish ─► answer
//!                                                                                   │ changes
//!  host ◄──HostConfig (watch)── planner ◄───────────────────────────────────────────┘
//!  host ──HostReport (watch)──► reports: folded into rows by a transaction like any other
//! ```
//!
//! Reads take the latest published snapshot and never wait.

pub mod auth;
pub mod author;
pub mod clock;
mod console;
mod hosts;
pub mod images;
pub mod keypair;
mod looks;
pub mod password;
mod turns;
mod watch;
mod writer;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use arc_swap::ArcSwap;
use model::compute::server::create::Hosts;
use model::console::ConsoleSource;
use model::diagnostics::{Diagnostics, DiagnosticsSource};
use model::host::{HostConfig, HostReport};
use model::meters::{MeterSource, RouterReading};
use model::reach::HostInspector;
use model::reach::probe::Prober;
use model::{Cloud, HostId, Result, RouterId, Tx};
use tokio::sync::watch::Receiver;

pub use clock::{Clock, RandomIds, system_clock};
pub use console::ConsoleFiles;
pub use hosts::{HostLink, Planned};
pub use watch::WebhookUrl;
pub use writer::StartError;

/// How long planning may lag behind the cloud before questions that need both are refused.
const PLANNING_LIMIT: std::time::Duration = std::time::Duration::from_secs(5);

/// The running cloud. Cloning it gives another handle to the same one.
#[derive(Clone)]
pub struct Control {
    inner: Arc<Inner>,
}

struct Inner {
    cloud: Arc<ArcSwap<writer::Snapshot>>,
    writer: writer::Handle,
    clock: Clock,
    hosts: hosts::Hosts,
    auth: auth::Authenticator,
    console: Arc<dyn ConsoleSource>,
    diagnostics: OnceLock<Arc<dyn DiagnosticsSource>>,
    meters: OnceLock<Arc<dyn MeterSource>>,
    inspector: OnceLock<Arc<dyn HostInspector>>,
    prober: OnceLock<Arc<dyn Prober>>,
    probe_turns: turns::Turns,
    plan: model::plan::Settings,
    has_reach_webhook: AtomicBool,
    stopping: tokio::sync::watch::Sender<bool>,
}

/// What a cloud is started with.
pub struct Options {
    /// Where the rows are.
    pub store: store::Store,
    /// What time it is.
    pub clock: Clock,
    /// The one host of an all-in-one cloud.
    pub host: HostId,
    /// What planning needs to know of the installation.
    pub plan: model::plan::Settings,
    /// How passwords are hashed and how long tokens live.
    pub auth: auth::Settings,
    /// Where servers' console logs can be read.
    pub console: Arc<dyn ConsoleSource>,
}

impl Control {
    /// Loads every row and starts the writer and the planner (threads of their own). Call within a tokio runtime.
    pub fn start(options: Options) -> Result<Self, StartError> {
        let Options {
            store,
            clock,
            host,
            plan,
            auth,
            console,
        } = options;
        let cloud = writer::load(&store)?;
        let hosts = hosts::Hosts::start(&cloud, host, plan.clone());
        let cloud = Arc::new(ArcSwap::from_pointee(writer::Snapshot {
            number: 0,
            cloud: Arc::new(cloud),
        }));
        let (feed, backlog) = watch::channel();
        let writer = writer::Handle::start(store, cloud.clone(), clock.clone(), hosts.changes(), feed);
        let control = Self {
            inner: Arc::new(Inner {
                cloud,
                writer,
                clock,
                hosts,
                auth: auth::Authenticator::new(&auth)?,
                console,
                diagnostics: OnceLock::new(),
                meters: OnceLock::new(),
                inspector: OnceLock::new(),
                prober: OnceLock::new(),
                probe_turns: turns::Turns::default(),
                plan,
                has_reach_webhook: AtomicBool::new(false),
                stopping: tokio::sync::watch::Sender::new(false),
            }),
        };
        hosts::fold_reports(&control);
        watch::start(&control, backlog);
        auth::keep_rotating(&control);
        Ok(control)
    }

    /// The cloud as last published.
    pub fn cloud(&self) -> Arc<Cloud> {
        self.inner.cloud.load().cloud.clone()
    }

    /// Changes each time the cloud is published: for who shows it, and would else have to look again and again.
    pub fn changes(&self) -> Receiver<u64> {
        self.inner.writer.changes()
    }

    /// What time it is.
    pub fn now(&self) -> model::Timestamp {
        (self.inner.clock)()
    }

    /// Runs a rule over the newest cloud and commits what it changed. The rule runs at most once; when it fails, or the
    /// store can't be written, nothing has changed.
    ///
    /// # Errors
    /// The rule's own; `Unavailable` when the store can't be written or the cloud is shutting down.
    pub async fn transact<T, F>(&self, rule: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut Tx<'_>) -> Result<T> + Send + 'static,
    {
        self.inner.writer.transact(rule).await
    }

    /// The ends of the two documents for the host's side (the node, or the simulated one).
    pub fn host_link(&self) -> HostLink {
        self.inner.hosts.link()
    }

    /// What the host last said of itself.
    pub fn host_report(&self) -> Receiver<Arc<HostReport>> {
        self.inner.hosts.reports()
    }

    /// The cloud as [`Self::cloud`] gives it now, or a later one, with what its host is asked for because of it.
    ///
    /// # Errors
    /// `Unavailable` when the planner is far behind, or the cloud is shutting down.
    pub async fn planned(&self) -> Result<Planned> {
        let wanted = self.inner.cloud.load().number;
        let mut planned = self.inner.hosts.planned();
        let found = tokio::time::timeout(PLANNING_LIMIT, planned.wait_for(|planned| planned.number >= wanted)).await;
        match found {
            Ok(Ok(planned)) => Ok(planned.clone()),
            _ => Err(model::Error::unavailable(
                "ServiceUnavailable",
                "What the host must look like is still being worked out. Try again in a moment.",
            )),
        }
    }

    /// What the host is asked for.
    pub fn host_config(&self) -> Receiver<Arc<HostConfig>> {
        self.inner.hosts.configs()
    }

    /// Says who tells of running servers' figures: the host, which starts later than the cloud. The first word holds.
    pub fn set_diagnostics(&self, source: Arc<dyn DiagnosticsSource>) {
        // A second host would be a mistake of the program's wiring, and of no one else's.
        let _ = self.inner.diagnostics.set(source);
    }

    /// The figures of a server; `None` while it does not run.
    pub async fn diagnostics(&self, server_id: model::ServerId) -> Option<Diagnostics> {
        self.inner.diagnostics.get()?.diagnostics(server_id).await
    }

    /// Sends a server a non-maskable interrupt; whether it runs.
    pub async fn interrupt(&self, server_id: model::ServerId) -> bool {
        match self.inner.diagnostics.get() {
            Some(host) => host.interrupt(server_id).await,
            None => false,
        }
    }

    /// Says who tells what routers counted: the host, which starts later than the cloud. The first word holds.
    pub fn set_meters(&self, source: Arc<dyn MeterSource>) {
        // As with the figures of servers: there is one host.
        let _ = self.inner.meters.set(source);
    }

    /// What routers counted for metering labels; of those that count anything.
    pub async fn read_meters(&self, routers: Vec<RouterId>) -> BTreeMap<RouterId, RouterReading> {
        match self.inner.meters.get() {
            Some(host) => host.read(routers).await,
            None => BTreeMap::new(),
        }
    }

    /// What planning and scheduling know of the installation.
    pub fn plan_settings(&self) -> &model::plan::Settings {
        &self.inner.plan
    }

    /// What may be scheduled to, as it is now.
    pub fn scheduling(&self) -> Hosts {
        let facts = self.host_report().borrow().facts.clone();
        Hosts::of_report(&self.cloud(), &facts, self.plan_settings())
    }

    /// From now on every transition of a watched path is told to this webhook; what was left to be told before a restart, too.
    pub fn set_reach_webhook(&self, url: WebhookUrl) {
        // As with the figures of servers: the first word holds.
        if !self.inner.has_reach_webhook.swap(true, Ordering::Relaxed) {
            watch::deliver(self, url);
        }
    }

    /// Whether there is one.
    pub(crate) fn has_reach_webhook(&self) -> bool {
        self.inner.has_reach_webhook.load(Ordering::Relaxed)
    }

    /// The program is about to end: who waits for something to happen is to answer now.
    pub fn end_waits(&self) {
        self.inner.stopping.send_replace(true);
    }

    /// Becomes `true` with [`Control::end_waits`].
    pub fn waits_end(&self) -> Receiver<bool> {
        self.inner.stopping.subscribe()
    }

    /// The name of the all-in-one host.
    pub fn host_id(&self) -> &HostId {
        self.inner.hosts.host_id()
    }
}
