//! Durable rows behind a small interface.
//!
//! The cloud lives in memory as typed tables; this crate keeps its rows on disk. A row is `(kind, key) -> JSON text`, and
//! the store knows nothing of what the text means. What it promises:
//!
//! - a [`Batch`] is applied wholly or not at all, and is on the disk (fsync) when [`Store::commit`] returns;
//! - many batches may share one fsync through [`Store::commit_group`]; each still gets a revision of its own;
//! - a failed commit changes nothing and leaves the store usable, so that a full disk means 503 and not an outage;
//! - one state directory has one writer: a second one is refused with [`StoreError::InUse`];
//! - rows written by an older format are migrated forward at [`Store::open`], a copy is kept; a newer format is refused.
//!
//! ```text
//!   control's writer ──commit_group──► Store ──► maru.db-wal ──(checkpoint thread)──► maru.db
//!   maru backup (another process) ───backup_to───► one read transaction over both
//! ```
//!
//! The engine is SQLite in WAL mode with `synchronous=FULL`; why, and with what figures, is in
//! `docs/decisions/0001-embedded-store.md`. [`DB_FILE`] can be opened by anybody with the `sqlite3` shell:
//! `SELECT kind, count(*) FROM row GROUP BY kind`.

mod backup;
mod batch;
mod checkpoint;
mod engine;
mod error;
mod lock;
mod migration;
mod restore;
mod store;

pub use backup::{BackupSummary, backup_to, integrity_check};
pub use batch::{Batch, Change, MAX_BATCH_BYTES, MAX_BATCH_ROWS};
pub use checkpoint::CheckpointProgress;
pub use error::{Cause, Reason, StoreError};
pub use migration::{MIGRATIONS, Migration, Rows};
pub use restore::{RestoreSummary, restore_from};
pub use store::Store;

/// Name of the database below the state directory.
pub const DB_FILE: &str = "maru.db";
/// Name of the file below the state directory whose lock says that a cloud runs there.
pub const LOCK_FILE: &str = "lock";
