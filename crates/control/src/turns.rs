//! One project's share of the host's probes, so that none uses up what is there for all.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use model::ProjectId;

/// Time in which a project's right to one more probe grows: longer than the host's.
const EVERY: Duration = Duration::from_millis(400);
/// Probes that may begin at once after a quiet time: fewer than the host's.
const BURST: u32 = 3;

/// Whose probes are on their way, and whose were not long ago. Cloning it gives another handle to the same.
#[derive(Debug, Clone, Default)]
pub(crate) struct Turns(Arc<Mutex<BTreeMap<ProjectId, Turn>>>);

#[derive(Debug)]
struct Turn {
    /// When all of it will have grown again.
    full_at: Instant,
    is_running: bool,
}

/// The right to one probe, held while it runs.
#[derive(Debug)]
pub(crate) struct Ticket {
    turns: Turns,
    project: ProjectId,
}

impl Turns {
    /// Takes a project's turn; else tells when it may have one.
    pub(crate) fn take(&self, project: &ProjectId, now: Instant) -> Result<Ticket, Duration> {
        let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        turns.retain(|_, turn| turn.is_running || now < turn.full_at);
        let turn = turns.get(project);
        if turn.is_some_and(|turn| turn.is_running) {
            return Err(EVERY);
        }
        let full_at = turn.map_or(now, |turn| turn.full_at.max(now)) + EVERY;
        let beyond = (full_at - now).saturating_sub(EVERY * BURST);
        if !beyond.is_zero() {
            return Err(beyond);
        }
        let is_running = true;
        turns.insert(project.clone(), Turn { full_at, is_running });
        drop(turns);
        Ok(Ticket {
            turns: self.clone(),
            project: project.clone(),
        })
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut turns = self.turns.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(turn) = turns.get_mut(&self.project) {
            turn.is_running = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_project_has_one_probe_at_a_time_and_leaves_the_others_theirs() {
        let (turns, start) = (Turns::default(), Instant::now());
        let (one, two) = (ProjectId::from("one"), ProjectId::from("two"));
        let running = turns.take(&one, start).unwrap();
        assert!(turns.take(&two, start).is_ok(), "another's");
        assert_eq!(turns.take(&one, start + EVERY * 9).unwrap_err(), EVERY, "it still runs");
        drop(running);
        (1..BURST).for_each(|_| drop(turns.take(&one, start).unwrap()));
        assert_eq!(turns.take(&one, start + EVERY / 2).unwrap_err(), EVERY / 2);
        assert!(turns.take(&one, start + EVERY).is_ok());
    }

    #[test]
    fn who_has_not_probed_for_long_takes_no_room() {
        let (turns, start) = (Turns::default(), Instant::now());
        for number in 0..100 {
            drop(turns.take(&ProjectId::from(format!("{number}").as_str()), start + EVERY * number));
        }
        assert_eq!(turns.0.lock().unwrap().len(), 1);
    }
}
