//! How many probes a host makes: a few a second, and few at once, whoever asks.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Time in which the right to one more probe grows.
const EVERY: Duration = Duration::from_millis(250);
/// Probes that may begin at once after a quiet time.
const BURST: u32 = 4;
/// Probes that may run at the same time.
const RUNNING: u32 = 2;

/// The host's budget. Cloning it gives another handle to the same.
#[derive(Debug, Clone, Default)]
pub(super) struct Budget {
    spent: Arc<Mutex<Spent>>,
}

#[derive(Debug, Default)]
struct Spent {
    /// When all of it will have grown again.
    full_at: Option<Instant>,
    running: u32,
}

/// The right to one probe, held while it runs.
#[derive(Debug)]
pub(super) struct Ticket(Budget);

impl Budget {
    /// Takes the right to a probe; else tells when there may be one.
    pub(super) fn take(&self, now: Instant) -> Result<Ticket, Duration> {
        let mut spent = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        if spent.running >= RUNNING {
            return Err(EVERY);
        }
        let full_at = spent.full_at.map_or(now, |at| at.max(now)) + EVERY;
        let beyond = (full_at - now).saturating_sub(EVERY * BURST);
        if !beyond.is_zero() {
            return Err(beyond);
        }
        spent.full_at = Some(full_at);
        spent.running += 1;
        drop(spent);
        Ok(Ticket(self.clone()))
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut spent = self.0.spent.lock().unwrap_or_else(PoisonError::into_inner);
        spent.running = spent.running.saturating_sub(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_and_then_four_a_second() {
        let budget = Budget::default();
        let start = Instant::now();
        for _ in 0..BURST {
            assert!(budget.take(start).is_ok());
        }
        assert_eq!(budget.take(start).unwrap_err(), EVERY);
        let half = start + EVERY / 2;
        assert_eq!(budget.take(half).unwrap_err(), EVERY / 2, "a refusal costs nothing");
        assert!(budget.take(start + EVERY).is_ok());
        assert!(budget.take(start + EVERY).is_err());
        let later = start + EVERY * 100;
        let many = (0..10).filter(|_| budget.take(later).is_ok()).count();
        assert_eq!(many, BURST as usize, "what is not used is not saved up");
    }

    #[test]
    fn no_more_than_two_at_once() {
        let budget = Budget::default();
        let now = Instant::now();
        let one = budget.take(now).unwrap();
        let _two = budget.take(now).unwrap();
        assert!(budget.take(now + EVERY * 10).is_err());
        drop(one);
        assert!(budget.take(now + EVERY * 10).is_ok());
    }
}
