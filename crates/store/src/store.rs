//! The open store: load, commit, watch.

use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rusqlite::{Connection, TransactionBehavior};

use crate::checkpoint::{self, CheckpointProgress, Checkpointer};
use crate::lock::DirectoryLock;
use crate::migration::{self, Migration};
use crate::{BackupSummary, Batch, Change, DB_FILE, MIGRATIONS, StoreError, backup, engine, restore};

type Watcher = Box<dyn Fn(u64) + Send>;

/// The rows of one state directory, opened by the one process that may write them.
///
/// All methods may be called from any thread; commits queue behind each other. They block for the time of an fsync, which
/// is milliseconds usually and seconds at times: call them from a thread that may wait.
pub struct Store {
    writer: Arc<Mutex<Writer>>,
    state: Mutex<State>,
    path: PathBuf,
    /// Dropped last, after the connections are closed.
    _lock: DirectoryLock,
}

/// The connection that writes, and what it wrote last.
#[derive(Debug)]
pub(crate) struct Writer {
    connection: Connection,
    /// Last committed revision; `None` after a failure whose outcome could not be read.
    revision: Option<u64>,
}

struct State {
    checkpointer: Checkpointer,
    watchers: Vec<Watcher>,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").field("path", &self.path).finish()
    }
}

impl Store {
    /// Opens the store below `dir`, making the directory (0700) and an empty store if there is none.
    ///
    /// # Errors
    /// [`StoreError::InUse`] when another process has it, [`StoreError::NewerFormat`] when a newer program wrote it,
    /// [`StoreError::NotAStore`] and [`StoreError::Damaged`] when the file can't be read as a store.
    pub fn open(dir: &Path) -> Result<Self, StoreError> {
        Self::open_with_migrations(dir, MIGRATIONS)
    }

    /// [`Self::open`] with another list of migrations, whose length decides the newest format known.
    pub fn open_with_migrations(dir: &Path, migrations: &[Migration]) -> Result<Self, StoreError> {
        make_directory(dir)?;
        let lock = DirectoryLock::acquire(dir)?;
        if let Some(kept) = restore::finish_swap(dir)? {
            tracing::warn!(file.path = %kept.display(), "Finished an interrupted restore; the former rows are kept aside");
        }
        let path = dir.join(DB_FILE);
        let connection = open_or_create(&path, migrations)?;
        let writer = Arc::new(Mutex::new(Writer {
            connection,
            revision: None,
        }));
        let checkpointer = Checkpointer::start(&path, Arc::clone(&writer))?;
        Ok(Self {
            writer,
            state: Mutex::new(State {
                checkpointer,
                watchers: Vec::new(),
            }),
            path,
            _lock: lock,
        })
    }

    /// Gives every row `(kind, key, value)` to `visit`, by kind and key, and returns the revision that they are of.
    ///
    /// # Errors
    /// Ours, or the first one of `visit`, which ends the loading.
    pub fn load_all<E: From<StoreError>>(
        &self,
        mut visit: impl FnMut(&str, &str, &str) -> Result<(), E>,
    ) -> Result<u64, E> {
        let operation = "load the rows";
        let failed = |error| StoreError::reading(operation, &self.path, error);
        let mut writer = self.writer();
        let transaction = writer.connection.transaction().map_err(failed)?;
        let mut statement = transaction
            .prepare("SELECT kind, key, value FROM row ORDER BY kind, key")
            .map_err(failed)?;
        let mut rows = statement.query([]).map_err(failed)?;
        while let Some(row) = rows.next().map_err(failed)? {
            let text = |column| -> Result<&str, StoreError> {
                row.get_ref(column)
                    .map_err(failed)?
                    .as_str()
                    .map_err(|error| StoreError::Damaged {
                        path: self.path.clone(),
                        detail: error.to_string(),
                    })
            };
            visit(text(0)?, text(1)?, text(2)?)?;
        }
        Ok(engine::read_revision(&transaction).map_err(failed)?)
    }

    /// Applies one batch; it is durable when this returns its revision.
    ///
    /// # Errors
    /// As [`Self::commit_group`].
    pub fn commit(&self, batch: &Batch) -> Result<u64, StoreError> {
        self.commit_group(std::slice::from_ref(batch))
            .map(|revisions| *revisions.end())
    }

    /// Applies batches in order with one fsync for all. Each gets a revision of its own, in the same order; all or none
    /// of them become durable.
    ///
    /// # Errors
    /// [`StoreError::TooLarge`] if one batch passes the limits, [`StoreError::Unavailable`] if the disk is full or
    /// fails. Nothing was applied then, and the next call may succeed. (After a failed fsync nobody can know what the
    /// disk holds: a crash before the next successful commit may bring the failed group back whole, never in part.)
    pub fn commit_group(&self, batches: &[Batch]) -> Result<RangeInclusive<u64>, StoreError> {
        for batch in batches {
            batch.check_size()?;
        }
        let mut writer = self.writer();
        let revisions = writer
            .write_group(batches)
            .map_err(|error| StoreError::reading("commit the transaction", &self.path, error))?;
        drop(writer);
        self.announce(batches, *revisions.end());
        Ok(revisions)
    }

    fn announce(&self, batches: &[Batch], revision: u64) {
        let mut state = self.state();
        let changes = batches.iter().map(Batch::len).sum();
        state.checkpointer.committed(changes);
        for watcher in &state.watchers {
            watcher(revision);
        }
    }

    /// Number of the last committed revision; 0 for an empty store.
    pub fn revision(&self) -> Result<u64, StoreError> {
        self.writer()
            .current_revision()
            .map_err(|error| StoreError::engine("read the revision", error))
    }

    /// Calls `watcher` with the last revision after each successful commit, on the committing thread. It must be quick
    /// and must not call the store.
    pub fn watch(&self, watcher: impl Fn(u64) + Send + 'static) {
        self.state().watchers.push(Box::new(watcher));
    }

    /// Copies the store into the new file `path` while commits go on. See [`crate::backup_to`] for other processes.
    pub fn backup_to(&self, path: &Path) -> Result<BackupSummary, StoreError> {
        // A connection of its own: the writer's would hold up commits for the time of the copy.
        backup::copy_new(&engine::open_read_only(&self.path)?, path)
    }

    /// Checks every page and row. See [`crate::integrity_check`] for other processes.
    pub fn integrity_check(&self) -> Result<(), StoreError> {
        engine::verify(&engine::open_read_only(&self.path)?, &self.path)
    }

    /// Copies the log into the database now, as far as readers allow. Never needed for durability; the store does it by
    /// itself when the log has grown.
    pub fn checkpoint(&self) -> Result<CheckpointProgress, StoreError> {
        checkpoint::run(&self.writer().connection, "PASSIVE")
            .map_err(|error| StoreError::engine("checkpoint the database", error))
    }

    /// A panic elsewhere can't leave the connection half-way: a transaction dropped by unwinding is rolled back.
    fn writer(&self) -> MutexGuard<'_, Writer> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn make_directory(dir: &Path) -> Result<(), StoreError> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)
        .map_err(|error| StoreError::file("make the state directory", dir, error))
}

fn open_or_create(path: &Path, migrations: &[Migration]) -> Result<Connection, StoreError> {
    let known = migration::newest_format(migrations);
    if !path.exists() {
        return engine::create(path, known);
    }
    let mut connection = open_or_explain(path)?;
    let found = engine::check_identity(&connection, path, known)?;
    migration::migrate(&mut connection, path, found, migrations)?;
    Ok(connection)
}

/// Looks before it sets anything: a file that is not ours must stay as it is.
fn open_or_explain(path: &Path) -> Result<Connection, StoreError> {
    engine::check_identity(&engine::open_read_only(path)?, path, u32::MAX)?;
    engine::open_read_write(path)
}

impl Writer {
    fn current_revision(&mut self) -> rusqlite::Result<u64> {
        match self.revision {
            Some(revision) => Ok(revision),
            None => {
                let revision = engine::read_revision(&self.connection)?;
                self.revision = Some(revision);
                Ok(revision)
            }
        }
    }

    fn write_group(&mut self, batches: &[Batch]) -> rusqlite::Result<RangeInclusive<u64>> {
        let before = self.current_revision()?;
        let last = before + batches.len() as u64;
        if before == last {
            return Ok(before + 1..=before);
        }
        if let Err(error) = self.write_changes(batches, last) {
            // Dropping the transaction rolled it back, unless the failure came after the point of no return: what the
            // database says now is the truth.
            self.revision = None;
            if self.current_revision().ok() != Some(last) {
                return Err(error);
            }
            tracing::warn!(%error, "A commit reported an error after it had taken effect");
        }
        self.revision = Some(last);
        Ok(before + 1..=last)
    }

    fn write_changes(&mut self, batches: &[Batch], revision: u64) -> rusqlite::Result<()> {
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        for change in batches.iter().flat_map(Batch::changes) {
            apply(&transaction, change)?;
        }
        transaction
            .prepare_cached("UPDATE head SET revision = ?1")?
            .execute([revision.cast_signed()])?;
        transaction.commit()
    }
}

fn apply(connection: &Connection, change: &Change) -> rusqlite::Result<()> {
    match change {
        Change::Put { kind, key, value } => connection
            .prepare_cached(
                "INSERT INTO row VALUES (?1, ?2, ?3)
                 ON CONFLICT DO UPDATE SET value = excluded.value",
            )?
            .execute([kind, key.as_str(), value.as_str()])?,
        Change::Delete { kind, key } => connection
            .prepare_cached("DELETE FROM row WHERE kind = ?1 AND key = ?2")?
            .execute([kind, key.as_str()])?,
    };
    Ok(())
}
