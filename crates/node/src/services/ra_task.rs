//! The task of a router's leg that advertises: on its own from time to time, and at once to who asks.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use model::host::RouterLeg;
use tokio::net::UdpSocket;
use tokio::time::{Instant, sleep_until};

use super::ra;
use super::sockets::all_nodes;

/// Shortest pause between advertisements to all (RFC 4861: MIN_DELAY_BETWEEN_RAS).
const MIN_PAUSE: Duration = Duration::from_secs(3);
/// Answers to single hosts in one second; more is an attack.
const ANSWERS_PER_SECOND: u32 = 50;
/// Pause after a failure to send (the leg's link-local address may not be ready).
const RETRY: Duration = Duration::from_millis(500);

/// When the next advertisement to all is due.
#[derive(Debug)]
struct Schedule {
    sent: u32,
    next: Instant,
    last: Option<Instant>,
}

impl Schedule {
    fn sent(&mut self) {
        let now = Instant::now();
        self.sent = self.sent.saturating_add(1);
        self.last = Some(now);
        let pause = if self.sent < ra::INITIAL_COUNT {
            ra::INITIAL_INTERVAL_SECONDS
        } else {
            ra::INTERVAL_SECONDS
        };
        self.next = now + Duration::from_secs(pause);
    }

    /// Somebody without an address asked: answer all, but not more often than allowed.
    fn hasten(&mut self) {
        let earliest = self.last.map_or_else(Instant::now, |last| last + MIN_PAUSE);
        self.next = self.next.min(earliest.max(Instant::now()));
    }
}

/// Advertises the leg until the task is ended.
pub async fn serve(leg: RouterLeg, socket: Arc<UdpSocket>, index: u32) {
    let message = ra::advertisement(&leg);
    let everybody = all_nodes(index);
    let mut schedule = Schedule {
        sent: 0,
        next: Instant::now(),
        last: None,
    };
    let mut answers = PerSecond::default();
    loop {
        tokio::select! {
            () = sleep_until(schedule.next) => match socket.try_send_to(&message, everybody) {
                Ok(_) => schedule.sent(),
                Err(error) => {
                    tracing::debug!(port.id = %leg.port_id, %error, "Could not send a router advertisement");
                    schedule.next = Instant::now() + RETRY;
                }
            },
            readable = socket.readable() => {
                if readable.is_err() {
                    return;
                }
                let mut buffer = [0; 256];
                match socket.try_recv_from(&mut buffer) {
                    Ok((_, source)) if is_host(source) => {
                        if answers.allow() && socket.try_send_to(&message, source).is_err() {
                            schedule.hasten();
                        }
                    }
                    Ok(_) => schedule.hasten(),
                    Err(_) => {}
                }
            }
        }
    }
}

/// Whether a solicitation can be answered to its sender alone.
fn is_host(source: SocketAddr) -> bool {
    matches!(source, SocketAddr::V6(source) if source.ip().is_unicast_link_local())
}

/// Counts within the current second.
#[derive(Debug, Default)]
struct PerSecond {
    began: Option<Instant>,
    count: u32,
}

impl PerSecond {
    fn allow(&mut self) -> bool {
        let now = Instant::now();
        if self
            .began
            .is_none_or(|began| now.duration_since(began) >= Duration::from_secs(1))
        {
            self.began = Some(now);
            self.count = 0;
        }
        self.count += 1;
        self.count <= ANSWERS_PER_SECOND
    }
}
