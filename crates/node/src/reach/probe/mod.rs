//! Probes: a few packets of our own, sent from inside the cloud and followed to where they end.
//!
//! | module | what |
//! |---|---|
//! | `budget`, `fence` | how many, and where to at most |
//! | `question` | the packets: made, and recognised wherever they are seen |
//! | `sockets` | sends them and hears the answers |
//! | `follow` | what they meet in rulesets |
//! | `judge` | what follows from all that was seen |
//! | `run` | one probe from beginning to end |
//!
//! Marks of packets don't leave a namespace, and translation changes addresses, ports and ICMP ids. So a probe's packets
//! are known by a random number that all of that leaves alone: TCP's sequence number, and the first data of ICMP and UDP.
//!
//! What is set up for a probe belongs to its sockets: the kernel takes it away with them, however the probe ends.

mod budget;
mod fence;
mod follow;
mod judge;
mod question;
mod run;
mod sockets;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use linux::Netns;
use model::host::HostConfig;
use model::reach::probe::{ProbeError, ProbeRequest, ProbeResult, Prober, Probing};

use crate::network::own_changes::OwnChanges;
use budget::Budget;

/// Makes probes on a host. Cloning it gives another handle to the same, with the same budget.
#[derive(Debug, Clone)]
pub struct Probes {
    host: Netns,
    own: OwnChanges,
    /// The newest document.
    config: Arc<Mutex<HostConfig>>,
    budget: Budget,
}

/// Tells a probe that nobody waits for it any more.
#[derive(Debug, Clone, Default)]
struct Cancelled(Arc<AtomicBool>);

/// Says so when it is dropped.
struct Asker(Cancelled);

impl Drop for Asker {
    fn drop(&mut self) {
        self.0.0.store(true, Ordering::Relaxed);
    }
}

impl Cancelled {
    fn is_true(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl Probes {
    /// Probes from this host, whose rulesets the reconciler keeps.
    pub fn new(host: Netns, own: OwnChanges) -> Self {
        Self {
            host,
            own,
            config: Arc::default(),
            budget: Budget::default(),
        }
    }

    /// There is a newer document.
    pub fn follow(&self, config: &HostConfig) {
        *self.config.lock().unwrap_or_else(PoisonError::into_inner) = config.clone();
    }

    /// Makes a probe; blocks until it has ended.
    ///
    /// # Errors
    /// See [`ProbeError`].
    pub fn make(&self, request: &ProbeRequest) -> Result<ProbeResult, ProbeError> {
        let _ticket = self.ticket()?;
        self.run(request, &Cancelled::default())
    }

    fn ticket(&self) -> Result<budget::Ticket, ProbeError> {
        let limited = |retry_after| ProbeError::RateLimited { retry_after };
        self.budget.take(Instant::now()).map_err(limited)
    }

    fn run(&self, request: &ProbeRequest, cancelled: &Cancelled) -> Result<ProbeResult, ProbeError> {
        let config = self.config.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let around = run::Around {
            host: &self.host,
            own: &self.own,
            config: &config,
            cancelled,
        };
        let result = run::run(&around, request);
        match &result {
            Ok(result) => tracing::debug!(?request, verdict = ?result.verdict, "probed"),
            Err(error) => tracing::debug!(?request, %error, "could not probe"),
        }
        result
    }
}

impl Prober for Probes {
    fn probe(&self, request: ProbeRequest) -> Probing<'_> {
        Box::pin(async move {
            let ticket = self.ticket()?;
            let cancelled = Cancelled::default();
            let _asker = Asker(cancelled.clone());
            let probes = self.clone();
            let made = tokio::task::spawn_blocking(move || {
                let _ticket = ticket;
                probes.run(&request, &cancelled)
            });
            match made.await {
                Ok(result) => result,
                Err(error) => std::panic::resume_unwind(error.into_panic()),
            }
        })
    }
}
