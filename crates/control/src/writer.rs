//! The one writer: a thread that takes waiting requests together, runs each rule over the result of the one before, and
//! commits them with one sync (group commit). Nobody sees a change, and nobody is answered, before it is durable.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use arc_swap::ArcSwap;
use model::author::Author;
use model::reach::watch::{Done, Step};
use model::{Change, Cloud, Error, Result, Timestamp, Tx};
use store::{Batch, Store, StoreError};
use tokio::sync::{mpsc, oneshot, watch};

use crate::author;
use crate::clock::{Clock, RandomIds};
use crate::watch::Feed;

/// At most so many requests share one commit.
const GROUP_LIMIT: usize = 256;

/// Why a cloud can't be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The store can't be read.
    #[error("the store can't be read")]
    Store(#[from] StoreError),
    /// A row is not what this version writes.
    #[error("the row '{key}' of kind '{kind}' can't be understood")]
    BadRow {
        /// Its kind.
        kind: String,
        /// Its key.
        key: String,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// Passwords can't be hashed at the cost that was asked for.
    #[error("the cost of hashing a password is not possible")]
    HashCost(#[from] Error),
    /// A kind of row this version does not know.
    #[error("the store holds rows of kind '{0}', which this version does not know")]
    UnknownKind(String),
}

/// Reads every row.
pub(crate) fn load(store: &Store) -> Result<Cloud, StartError> {
    let mut cloud = Cloud::default();
    store.load_all(|kind, key, value| {
        let known = cloud.load(kind, value).map_err(|source| StartError::BadRow {
            kind: kind.to_owned(),
            key: key.to_owned(),
            source,
        })?;
        if known {
            Ok(())
        } else {
            Err(StartError::UnknownKind(kind.to_owned()))
        }
    })?;
    Ok(cloud)
}

/// The cloud as readers see it. Its number comes with it: who has seen this state must find what is made of it, not of the one
/// before.
pub(crate) struct Snapshot {
    /// How often the cloud had been published.
    pub(crate) number: u64,
    pub(crate) cloud: Arc<Cloud>,
}

/// A published state and what was changed to come to it.
pub(crate) struct Published {
    /// How often the cloud has been published, this time included.
    pub(crate) number: u64,
    pub(crate) cloud: Arc<Cloud>,
    pub(crate) changes: Vec<Change>,
}

/// The requests' end.
pub(crate) struct Handle {
    jobs: mpsc::UnboundedSender<Box<dyn Job>>,
    changes: watch::Receiver<u64>,
}

impl Handle {
    pub(crate) fn start(
        store: Store,
        cloud: Arc<ArcSwap<Snapshot>>,
        clock: Clock,
        published: std::sync::mpsc::Sender<Published>,
        feed: Feed,
    ) -> Self {
        let (jobs, queue) = mpsc::unbounded_channel();
        let (count, changes) = watch::channel(0);
        let writer = Writer {
            store,
            cloud,
            clock,
            published,
            feed,
            count,
        };
        std::thread::Builder::new()
            .name("maru-writer".to_owned())
            .spawn(move || writer.run(queue))
            .expect("a thread can be started while the program starts");
        Self { jobs, changes }
    }

    /// How often the cloud has been published; changes with each time.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.changes.clone()
    }

    pub(crate) async fn transact<T, F>(&self, rule: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut Tx<'_>) -> Result<T> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let request = Request {
            rule: Some(rule),
            outcome: None,
            reply: Some(reply),
            author: author::current(),
        };
        self.jobs.send(Box::new(request)).map_err(|_| shutting_down())?;
        answer.await.map_err(|_| shutting_down())?
    }
}

fn shutting_down() -> Error {
    Error::unavailable(
        "ServiceUnavailable",
        "The cloud is shutting down. Try again in a moment.",
    )
}

/// A request of any result type.
trait Job: Send {
    /// Runs the rule; whether its changes are to be kept.
    fn run(&mut self, tx: &mut Tx<'_>) -> bool;
    /// Overrules the rule's result.
    fn fail(&mut self, error: Error);
    /// Tells the requester.
    fn answer(self: Box<Self>);
    /// On whose behalf it is.
    fn author(&self) -> Arc<Author>;
}

struct Request<T, F> {
    rule: Option<F>,
    outcome: Option<Result<T>>,
    reply: Option<oneshot::Sender<Result<T>>>,
    author: Arc<Author>,
}

impl<T, F> Job for Request<T, F>
where
    T: Send,
    F: FnOnce(&mut Tx<'_>) -> Result<T> + Send,
{
    fn run(&mut self, tx: &mut Tx<'_>) -> bool {
        let Some(rule) = self.rule.take() else { return false };
        // A bug in one rule must not end the cloud's only writer; its Tx is dropped with all it did.
        let outcome = catch_unwind(AssertUnwindSafe(|| rule(tx))).unwrap_or_else(|_| {
            Err(Error::internal(
                "InternalServerError",
                "a rule panicked; the panic message is in the log",
            ))
        });
        let keep = outcome.is_ok();
        self.outcome = Some(outcome);
        keep
    }

    fn fail(&mut self, error: Error) {
        self.outcome = Some(Err(error));
    }

    fn answer(mut self: Box<Self>) {
        if let (Some(reply), Some(outcome)) = (self.reply.take(), self.outcome.take()) {
            // The requester may have gone away; what was committed stays.
            let _ = reply.send(outcome);
        }
    }

    fn author(&self) -> Arc<Author> {
        self.author.clone()
    }
}

struct Writer {
    store: Store,
    cloud: Arc<ArcSwap<Snapshot>>,
    clock: Clock,
    published: std::sync::mpsc::Sender<Published>,
    feed: Feed,
    count: watch::Sender<u64>,
}

impl Writer {
    fn run(self, mut queue: mpsc::UnboundedReceiver<Box<dyn Job>>) {
        let mut jobs = Vec::with_capacity(GROUP_LIMIT);
        while let Some(first) = queue.blocking_recv() {
            jobs.push(first);
            while jobs.len() < GROUP_LIMIT {
                match queue.try_recv() {
                    Ok(job) => jobs.push(job),
                    Err(_) => break,
                }
            }
            self.run_group(&mut jobs);
            for job in jobs.drain(..) {
                job.answer();
            }
        }
    }

    fn run_group(&self, jobs: &mut [Box<dyn Job>]) {
        let before = self.cloud.load();
        let number = before.number + 1;
        let mut working = Cloud::clone(&before.cloud);
        drop(before);
        let mut batches = Vec::new();
        let mut all_changes = Vec::new();
        let mut writers = Vec::new();
        let mut steps = Vec::new();
        for (index, job) in jobs.iter_mut().enumerate() {
            let mut ids = RandomIds;
            let now = (self.clock)();
            let mut tx = Tx::begin(working.clone(), now, &mut ids);
            if !job.run(&mut tx) {
                continue;
            }
            let (after, changes) = tx.finish();
            if changes.is_empty() {
                continue;
            }
            match to_batch(&changes) {
                Ok(batch) => {
                    let is_watched = !(working.reach_watches.is_empty() && after.reach_watches.is_empty());
                    working = after;
                    batches.push(batch);
                    if is_watched {
                        steps.push(step(number, &working, job.author(), now, &changes));
                    }
                    all_changes.extend(changes);
                    writers.push(index);
                }
                Err(error) => job.fail(error),
            }
        }
        if batches.is_empty() {
            return;
        }
        if let Err(error) = self.store.commit_group(&batches) {
            tracing::error!(store.error = %chain(&error), "The store can't be written: {}", chain(&error));
            for index in writers {
                jobs[index].fail(Error::unavailable(
                    "ServiceUnavailable",
                    "The cloud's store can't be written just now, so nothing was changed. Check the disk below the state \
                     directory (`maru doctor`) and try again.",
                ));
            }
            return;
        }
        let cloud = Arc::new(working);
        self.cloud.store(Arc::new(Snapshot {
            number,
            cloud: cloud.clone(),
        }));
        // Before anybody is told that it is published, so that who sees the number finds the steps.
        self.feed.push(steps);
        self.count.send_replace(number);
        // The planner ends only with the program.
        let _ = self.published.send(Published {
            number,
            cloud,
            changes: all_changes,
        });
    }
}

/// A transaction of the group that is published next, for who follows watched paths.
fn step(number: u64, after: &Cloud, author: Arc<Author>, at: Timestamp, changes: &[Change]) -> Step {
    Step {
        number,
        cloud: after.clone(),
        done: vec![Done {
            author,
            at,
            changes: changes.to_vec(),
        }],
        more: 0,
        more_changes: Vec::new(),
    }
}

/// The changes as rows; of a row that was changed several times, how it was left.
fn to_batch(changes: &[Change]) -> Result<Batch> {
    let mut batch = Batch::new();
    let mut written = std::collections::HashSet::new();
    let mut last = Vec::with_capacity(changes.len());
    for change in changes.iter().rev() {
        let row = change.after.as_ref().or(change.before.as_ref());
        if row.is_some_and(|row| written.insert((row.kind(), row.key()))) {
            last.push(change);
        }
    }
    for change in last.into_iter().rev() {
        match (&change.before, &change.after) {
            (_, Some(row)) => {
                let json = row.to_json().map_err(|error| {
                    Error::internal(
                        "InternalServerError",
                        format!("a {} can't be written: {error}", row.kind()),
                    )
                })?;
                batch.put(row.kind(), row.key(), json);
            }
            (Some(row), None) => batch.delete(row.kind(), row.key()),
            (None, None) => {}
        }
    }
    batch.check_size().map_err(|error| {
        Error::over_limit(
            "RequestTooLarge",
            format!("The request changes too much at once: {error}. Split it."),
        )
    })?;
    Ok(batch)
}

/// An error and its causes in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
