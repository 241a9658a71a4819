//! Turns to boot. Guests that boot at the same time share the processors, so all of them are late; a few at a time, and
//! the first is ready long before the last, with the same time in total.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep};

const STEP: Duration = Duration::from_millis(500);
/// A guest that is busy for longer than this is not booting any more, or has trouble of its own.
const LONGEST_BOOT: Duration = Duration::from_secs(25);
/// Clock ticks a second, as `/proc` counts them: fixed for user space on Linux.
const TICKS_PER_SECOND: u64 = 100;

/// Hands out turns.
#[derive(Clone, Debug)]
pub struct BootTurns {
    permits: Arc<Semaphore>,
}

/// One's turn to boot; passes to the next when it is dropped.
#[derive(Debug)]
pub struct BootTurn {
    permit: OwnedSemaphorePermit,
}

impl BootTurns {
    /// So many at a time.
    pub fn new(at_once: usize) -> Self {
        Self {
            permits: Arc::new(Semaphore::new(at_once.max(1))),
        }
    }

    /// A turn, if one is free now.
    pub fn try_take(&self) -> Option<BootTurn> {
        Arc::clone(&self.permits)
            .try_acquire_owned()
            .ok()
            .map(|permit| BootTurn { permit })
    }

    /// Waits for a turn.
    pub async fn take(&self) -> Option<BootTurn> {
        // The semaphore is never closed.
        Arc::clone(&self.permits)
            .acquire_owned()
            .await
            .ok()
            .map(|permit| BootTurn { permit })
    }
}

impl BootTurn {
    /// Keeps the turn until the process with this id has become quiet, which a guest does when it has booted.
    pub fn keep_while_booting(self, pid: i32) {
        tokio::spawn(async move {
            let deadline = Instant::now() + LONGEST_BOOT;
            let mut quiet_steps = 0;
            let mut last = cpu_ticks(pid);
            while last.is_some() && quiet_steps < 2 && Instant::now() < deadline {
                sleep(STEP).await;
                let now = cpu_ticks(pid);
                let used = now.zip(last).map_or(0, |(now, last)| now.saturating_sub(last));
                let is_quiet = used * 1000 < TICKS_PER_SECOND * STEP.as_millis() as u64 / 4;
                quiet_steps = if is_quiet { quiet_steps + 1 } else { 0 };
                last = now;
            }
            drop(self.permit);
        });
    }
}

/// Processor time that a process has used, in clock ticks (proc_pid_stat(5), fields 14 and 15).
fn cpu_ticks(pid: i32) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = stat.rsplit_once(") ")?.1.split_whitespace().skip(11);
    let (user, system): (u64, u64) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    Some(user + system)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn turns_pass_on() {
        let turns = BootTurns::new(1);
        let first = turns.try_take().unwrap();
        assert!(turns.try_take().is_none());
        // No such process: it is done booting at once.
        first.keep_while_booting(i32::MAX);
        turns.take().await.unwrap();
    }

    #[test]
    fn own_time_is_counted() {
        assert!(cpu_ticks(i32::try_from(std::process::id()).unwrap()).is_some());
        assert_eq!(cpu_ticks(i32::MAX), None);
    }
}
