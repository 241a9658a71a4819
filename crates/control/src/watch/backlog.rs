//! What was committed and has not been looked at by who follows watched paths.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use model::reach::watch::Step;
use tokio::sync::Notify;

/// More steps than these wait as one, whose transactions can't be told apart by what they did.
const MOST_STEPS: usize = 2048;
/// So many transactions of such a step are kept as those that may have done it.
const MOST_CANDIDATES: usize = 16;

#[derive(Default)]
struct Queue {
    steps: VecDeque<Step>,
    is_closed: bool,
}

/// The waiting steps, oldest first.
#[derive(Default)]
struct Shared {
    queue: Mutex<Queue>,
    news: Notify,
}

impl Shared {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The writer's end. Dropped, it ends the other one.
pub(crate) struct Feed(Arc<Shared>);

/// The follower's end.
pub(crate) struct Backlog(Arc<Shared>);

/// Both ends.
pub(crate) fn channel() -> (Feed, Backlog) {
    let shared = Arc::new(Shared::default());
    (Feed(shared.clone()), Backlog(shared))
}

impl Feed {
    /// Adds what was committed. Never waits for the other end.
    pub(crate) fn push(&self, steps: impl IntoIterator<Item = Step>) {
        let mut queue = self.0.queue();
        for step in steps {
            let is_full = queue.steps.len() >= MOST_STEPS;
            match queue.steps.back_mut().filter(|_| is_full) {
                Some(last) => last.merge(step, MOST_CANDIDATES),
                None => queue.steps.push_back(step),
            }
        }
        drop(queue);
        self.0.news.notify_one();
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.0.queue().is_closed = true;
        self.0.news.notify_one();
    }
}

impl Backlog {
    /// Everything that waits, once something does; `None` when the cloud has ended.
    pub(crate) async fn next(&self) -> Option<Vec<Step>> {
        loop {
            {
                let mut queue = self.0.queue();
                if !queue.steps.is_empty() {
                    return Some(queue.steps.drain(..).collect());
                }
                if queue.is_closed {
                    return None;
                }
            }
            self.0.news.notified().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use model::reach::watch::Done;
    use model::{Cloud, Timestamp};

    use super::*;

    fn step(number: u64) -> Step {
        let done = Done {
            author: Arc::default(),
            at: Timestamp::EPOCH,
            changes: Vec::new(),
        };
        Step {
            number,
            cloud: Cloud::default(),
            done: vec![done],
            more: 0,
            more_changes: Vec::new(),
        }
    }

    #[tokio::test]
    async fn what_is_too_much_to_keep_apart_is_kept_together_and_counted() {
        let (feed, backlog) = channel();
        let most = MOST_STEPS as u64;
        feed.push((1..=most + 100).map(step));
        let steps = backlog.next().await.unwrap();
        assert_eq!(steps.len(), MOST_STEPS);
        let last = steps.last().unwrap();
        assert_eq!((last.number, last.done.len()), (most + 100, MOST_CANDIDATES));
        // Its own and the hundred.
        assert_eq!(last.more, 101 - MOST_CANDIDATES as u64);
        assert!(steps[..MOST_STEPS - 1].iter().all(|step| step.done.len() == 1));
        feed.push([step(1)]);
        drop(feed);
        assert_eq!(backlog.next().await.map(|steps| steps.len()), Some(1));
        assert!(backlog.next().await.is_none());
    }
}
