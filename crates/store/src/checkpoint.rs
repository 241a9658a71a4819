//! Keeps the write-ahead log short without making commits wait.
//!
//! SQLite would copy the log into the database inside the commit that passes a threshold, so that one unlucky request
//! pays for all. Here a thread with a connection of its own does it beside the commits. A log can start over only when
//! everything in it was copied, which under steady load never happens by itself; past [`LOG_LIMIT_PAGES`] the thread
//! therefore holds the writer for the last, short copy.

use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::Connection;

use crate::store::Writer;
use crate::{StoreError, engine};

/// Log pages (4 KiB) from which on a checkpoint is worth its fsyncs.
const CHECKPOINT_PAGES: i64 = 1_000;
/// Log pages from which on the writer waits for the end of a checkpoint, so that the log starts over: 32 MiB.
const LOG_LIMIT_PAGES: i64 = 8_000;
/// Row changes after which the writer asks the thread to look at the log.
const CHANGES_PER_LOOK: usize = 256;

/// How far the log was copied into the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CheckpointProgress {
    /// Pages in the log.
    pub log_pages: i64,
    /// Pages of it that are in the database already.
    pub copied_pages: i64,
}

/// Runs one checkpoint (`PASSIVE`: as far as readers allow, waiting for nobody) or, with `NOOP`, just looks.
pub(crate) fn run(connection: &Connection, mode: &str) -> rusqlite::Result<CheckpointProgress> {
    connection.query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], |row| {
        Ok(CheckpointProgress {
            log_pages: row.get(1)?,
            copied_pages: row.get(2)?,
        })
    })
}

/// The checkpoint thread; ends when dropped.
#[derive(Debug)]
pub(crate) struct Checkpointer {
    wake: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
    changes: usize,
}

impl Checkpointer {
    /// Starts the thread for the database `path`, whose commits go through `writer`.
    pub(crate) fn start(path: &Path, writer: Arc<Mutex<Writer>>) -> Result<Self, StoreError> {
        let connection = engine::open_read_write(path)?;
        connection
            .busy_timeout(Duration::from_millis(50))
            .map_err(|error| StoreError::engine("set up the database", error))?;
        let (wake, woken) = sync_channel(1);
        let path = path.to_owned();
        let thread = std::thread::Builder::new()
            .name("store-checkpoint".to_owned())
            .spawn(move || work(&woken, &connection, &writer, &path))
            .map_err(|error| StoreError::Internal {
                operation: "start the checkpoint thread",
                source: error.into(),
            })?;
        Ok(Self {
            wake: Some(wake),
            thread: Some(thread),
            changes: 0,
        })
    }

    /// Tells the thread, now and then, that the log has grown.
    pub(crate) fn committed(&mut self, changes: usize) {
        self.changes += changes;
        if self.changes < CHANGES_PER_LOOK {
            return;
        }
        self.changes = 0;
        if let Some(wake) = &self.wake {
            // Full means that it will look anyway; gone means that the store is closing.
            match wake.try_send(()) {
                Ok(()) | Err(TrySendError::Full(()) | TrySendError::Disconnected(())) => {}
            }
        }
    }
}

impl Drop for Checkpointer {
    fn drop(&mut self) {
        self.wake = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn work(woken: &Receiver<()>, connection: &Connection, writer: &Mutex<Writer>, path: &Path) {
    while woken.recv().is_ok() {
        if let Err(error) = shorten(connection, writer) {
            // Nothing is lost: the log only stays long. A full disk is the usual cause, and commits will say so too.
            tracing::warn!(file.path = %path.display(), %error, "Could not checkpoint the database");
        }
    }
}

fn shorten(connection: &Connection, writer: &Mutex<Writer>) -> rusqlite::Result<()> {
    let seen = run(connection, "NOOP")?;
    if seen.log_pages - seen.copied_pages < CHECKPOINT_PAGES && seen.log_pages < LOG_LIMIT_PAGES {
        return Ok(());
    }
    let reached = run(connection, "PASSIVE")?;
    if reached.log_pages < LOG_LIMIT_PAGES {
        return Ok(());
    }
    // With the writer held and all pages copied, its next commit starts the log over.
    let held = writer.lock().unwrap_or_else(PoisonError::into_inner);
    let reached = run(connection, "PASSIVE")?;
    drop(held);
    tracing::debug!(
        "Checkpointed {} of {} log pages",
        reached.copied_pages,
        reached.log_pages
    );
    Ok(())
}
