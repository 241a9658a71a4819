//! The thread that owns the host's networks: netlink and namespaces are blocking, so they have a thread of their own, which
//! takes the newest document, taps to open, and every two seconds looks at the kernel itself.

use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use model::PortId;
use model::host::{FragmentStatus, HostConfig, HostReport};
use tokio::sync::{oneshot, watch};

use crate::network::NetworkPart;
use crate::services::{Failures, Namespaces, Services};

/// How often the kernel is compared with what should be there. What a person deletes is mended within this and the time
/// of one repair.
const AUDIT_EVERY: Duration = Duration::from_secs(2);

/// What the thread is asked for.
enum Work {
    /// There is a newer document.
    Config,
    /// A server's tap.
    Tap(PortId, oneshot::Sender<Result<OwnedFd, String>>),
    /// A running server's tap, to be where its network is.
    Fetch(PortId, OwnedFd, oneshot::Sender<Result<(), String>>),
    /// No more.
    Stop,
}

/// The networks as they stand after a pass.
#[derive(Clone, Default)]
pub(crate) struct Standing {
    /// The document that was applied.
    pub(crate) config: Arc<HostConfig>,
    /// How networks (with their services), routers and ports are; the rest is empty.
    pub(crate) report: HostReport,
}

/// The other rooms' end of the thread.
#[derive(Clone)]
pub(crate) struct NetworkThread {
    work: mpsc::Sender<Work>,
    standing: watch::Receiver<Arc<Standing>>,
}

impl NetworkThread {
    /// Starts it. Call within a tokio runtime.
    pub(crate) fn start(
        part: NetworkPart,
        services: Services,
        mut config: watch::Receiver<Arc<HostConfig>>,
    ) -> std::io::Result<Self> {
        let (work, queue) = mpsc::channel();
        let (publish, standing) = watch::channel(Arc::new(Standing::default()));
        let newest = config.clone();
        std::thread::Builder::new()
            .name("maru-network".to_owned())
            .spawn(move || {
                let host = Host {
                    part,
                    services,
                    failures: Failures::default(),
                };
                run(host, &queue, &newest, &publish);
            })?;
        let wake = work.clone();
        config.mark_changed();
        tokio::spawn(async move {
            while config.changed().await.is_ok() {
                config.borrow_and_update();
                if wake.send(Work::Config).is_err() {
                    break;
                }
            }
        });
        Ok(Self { work, standing })
    }

    /// What stands, after each pass.
    pub(crate) fn standing(&self) -> watch::Receiver<Arc<Standing>> {
        self.standing.clone()
    }

    /// A server's tap, in its network with its rules.
    pub(crate) async fn tap(&self, port: PortId) -> Result<OwnedFd, String> {
        let (reply, answer) = oneshot::channel();
        let stopped = || "the network thread has stopped".to_owned();
        self.work.send(Work::Tap(port, reply)).map_err(|_| stopped())?;
        answer.await.map_err(|_| stopped())?
    }

    /// Has the tap of a server that runs already in its network, wherever it was.
    pub(crate) async fn fetch(&self, port: PortId, tap: OwnedFd) -> Result<(), String> {
        let (reply, answer) = oneshot::channel();
        let stopped = || "the network thread has stopped".to_owned();
        self.work.send(Work::Fetch(port, tap, reply)).map_err(|_| stopped())?;
        answer.await.map_err(|_| stopped())?
    }

    /// Ends the thread. What it made on the host stays.
    pub(crate) fn stop(&self) {
        // It may have ended already.
        let _ = self.work.send(Work::Stop);
    }
}

/// Networks and what is served in them: a port is up only when both stand.
struct Host {
    part: NetworkPart,
    services: Services,
    /// Services that did not stand when they were last asked.
    failures: Failures,
}

fn run(
    mut host: Host,
    queue: &mpsc::Receiver<Work>,
    newest: &watch::Receiver<Arc<HostConfig>>,
    publish: &watch::Sender<Arc<Standing>>,
) {
    let mut applied: Option<Arc<HostConfig>> = None;
    let mut next_audit = Instant::now() + AUDIT_EVERY;
    loop {
        match queue.recv_timeout(next_audit.saturating_duration_since(Instant::now())) {
            Ok(Work::Config) => {
                let config = newest.borrow().clone();
                if applied.as_ref().is_some_and(|before| Arc::ptr_eq(before, &config)) {
                    continue;
                }
                host.part.apply(&config);
                publish.send_replace(Arc::new(host.standing(&config)));
                applied = Some(config);
            }
            Ok(Work::Tap(port, reply)) => {
                let tap = host.part.tap(port).map_err(|error| error.in_full());
                // The server may have been given up meanwhile; its tap then goes with the descriptor.
                let _ = reply.send(tap);
            }
            Ok(Work::Fetch(port, tap, reply)) => {
                let fetched = host.part.fetch_tap(port, &tap).map_err(|error| error.in_full());
                // Nobody may wait for it any more; it is done all the same.
                let _ = reply.send(fetched);
            }
            Ok(Work::Stop) | Err(RecvTimeoutError::Disconnected) => return,
            Err(RecvTimeoutError::Timeout) => {}
        }
        if Instant::now() >= next_audit {
            if let Some(config) = &applied {
                host.part.audit();
                if host.has_news() {
                    let after = host.standing(config);
                    publish.send_if_modified(|before| {
                        let changed = before.report != after.report;
                        if changed {
                            *before = Arc::new(after);
                        }
                        changed
                    });
                }
            }
            next_audit = Instant::now() + AUDIT_EVERY;
        }
    }
}

impl Host {
    /// Whether what stands is not what it was.
    fn has_news(&mut self) -> bool {
        self.part.take_news() | (self.services.failures() != self.failures)
    }

    /// Opens the services of what stands, and says how all of it is.
    fn standing(&mut self, config: &Arc<HostConfig>) -> Standing {
        let networks = config
            .networks
            .keys()
            .filter_map(|id| Some((*id, self.part.network_netns(*id)?)));
        let routers = config
            .routers
            .keys()
            .filter_map(|id| Some((*id, self.part.router_netns(*id)?)));
        let namespaces = Namespaces {
            networks: networks.collect(),
            routers: routers.collect(),
        };
        self.failures = self.services.apply(config, &namespaces);
        let mut report = HostReport {
            revision: config.revision,
            ..HostReport::default()
        };
        self.part.report(&mut report);
        for (id, reason) in &self.failures.networks {
            worsen(report.networks.get_mut(id), reason);
        }
        for (id, reason) in &self.failures.routers {
            worsen(report.routers.get_mut(id), reason);
        }
        Standing {
            config: config.clone(),
            report,
        }
    }
}

/// A fragment that stands without its services does not stand.
fn worsen(status: Option<&mut FragmentStatus>, reason: &str) {
    if let Some(status) = status.filter(|status| **status == FragmentStatus::Ready) {
        *status = FragmentStatus::Failed(format!("its services don't answer: {reason}"));
    }
}
