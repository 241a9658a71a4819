//! Follows watched paths ([`model::reach::watch`]): a task that hears of every transaction while there are any, asks again what it
//! may concern, and enters what is new by a transaction of its own.
//!
//! ```text
//!  writer ──steps──► backlog ──► follower (off the runtime's threads) ──findings──► a transaction ──► long polls, webhook
//! ```
//!
//! The writer never waits for it, and it takes at most every other moment of one processor: after each look it rests for as long
//! as that took. Without a watched path there are no steps and no follower, so none costs anything.

mod backlog;
mod webhook;

use std::sync::Arc;
use std::time::{Duration, Instant};

use model::Cloud;
use model::host::HostConfig;
use model::reach::watch::{self, Finding, Follower, Position, Step};

pub(crate) use backlog::{Backlog, Feed, channel};
pub use webhook::WebhookUrl;
pub(crate) use webhook::deliver;

use crate::{Control, Planned};

/// It rests no longer.
const LONGEST_REST: Duration = Duration::from_millis(500);
/// What could not be entered is entered later.
const RETRY: Duration = Duration::from_secs(1);
/// So many findings are entered by one transaction.
const FINDINGS_AT_ONCE: usize = 100;

/// A follower, and how often the cloud had been published when it looked last.
type Following = Option<(Follower, u64)>;

/// Follows watched paths until the cloud ends.
pub(crate) fn start(control: &Control, backlog: Backlog) {
    // As with reports: only those who use the cloud keep it alive.
    let inner = Arc::downgrade(&control.inner);
    tokio::spawn(async move {
        let upgrade = || inner.upgrade().map(|inner| Control { inner });
        // First, what was watched before this start is looked at.
        let (mut following, mut steps) = (None, Vec::new());
        loop {
            let Some(control) = upgrade() else { return };
            let began = Instant::now();
            let findings;
            (following, findings) = look(&control, following, steps).await;
            let took = began.elapsed();
            drop(control);
            for part in findings.chunks(FINDINGS_AT_ONCE) {
                while !enter(upgrade(), part).await {
                    tokio::time::sleep(RETRY).await;
                }
            }
            tokio::time::sleep(took.min(LONGEST_REST)).await;
            match backlog.next().await {
                Some(next) => steps = next,
                None => return,
            }
        }
    });
}

/// Brings the answers up to date; gives what is new.
async fn look(control: &Control, following: Following, mut steps: Vec<Step>) -> (Following, Vec<Finding>) {
    let start = match &following {
        Some(_) => None,
        None => {
            let is_watched = match steps.last() {
                Some(step) => !step.cloud.reach_watches.is_empty(),
                None => !control.cloud().reach_watches.is_empty(),
            };
            let first = steps.first().map_or(0, |step| step.number);
            match is_watched {
                true => control.inner.hosts.planned_since(first).await,
                false => None,
            }
        }
    };
    let forwards = control.host_forwards().await;
    let (host, settings, now) = (
        control.host_id().clone(),
        control.plan_settings().clone(),
        control.now(),
    );
    let work = tokio::task::spawn_blocking(move || {
        let begin = |planned: Planned| {
            let position = Position {
                cloud: Cloud::clone(&planned.cloud),
                config: HostConfig::clone(&planned.config),
            };
            (
                Follower::start(position, (host, forwards), settings, now),
                planned.number,
            )
        };
        let Some((mut follower, number)) = following.or_else(|| start.map(begin)) else {
            return (None, Vec::new());
        };
        // What was planned may be ahead of what waits here.
        steps.retain(|step| step.number > number);
        follower.follow(&steps);
        follower.set_forwards(forwards, now);
        let findings = follower.take_findings();
        let number = steps.last().map_or(number, |step| step.number);
        (
            Some((follower, number)).filter(|(follower, _)| !follower.is_idle()),
            findings,
        )
    });
    work.await.unwrap_or_else(|error| {
        tracing::error!("Watched paths could not be looked at, and are looked at anew: {error}");
        (None, Vec::new())
    })
}

/// Enters what was found; whether that is done with.
async fn enter(control: Option<Control>, findings: &[Finding]) -> bool {
    let Some(control) = control else { return true };
    let (findings, is_told) = (findings.to_vec(), control.has_reach_webhook());
    let entered = control.transact(move |tx| watch::record(tx, findings, is_told)).await;
    if let Err(error) = &entered {
        tracing::warn!("What was found of watched paths could not be entered yet: {error}");
    }
    entered.is_ok()
}
