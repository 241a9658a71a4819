//! Restore: put a backup in the place of the rows, and keep the old ones aside.
//!
//! A crash in the middle must leave either the old cloud or the restored one, never an empty one. So the backup is first
//! copied, checked and synced as `maru.db.restore`; from the moment it has that name the restore is decided, and
//! [`finish_swap`] — run here, and again at each start — moves the old files aside and gives it its place.

use std::fs;
use std::path::{Path, PathBuf};

use crate::engine::with_suffix;
use crate::lock::DirectoryLock;
use crate::migration::newest_format;
use crate::{BackupSummary, DB_FILE, MIGRATIONS, StoreError, backup, engine};

/// What a restore did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RestoreSummary {
    /// What the store holds now.
    pub restored: BackupSummary,
    /// Where the rows that were there before are kept, if there were any.
    pub kept: Option<PathBuf>,
}

/// Replaces the store below `dir` by the backup `path`.
///
/// # Errors
/// [`StoreError::InUse`] while a cloud runs there; [`StoreError::NotAStore`], [`StoreError::Damaged`] or
/// [`StoreError::NewerFormat`] about the backup. Nothing is touched in these cases.
pub fn restore_from(path: &Path, dir: &Path) -> Result<RestoreSummary, StoreError> {
    fs::create_dir_all(dir).map_err(|error| StoreError::file("make the state directory", dir, error))?;
    let _lock = DirectoryLock::acquire(dir)?;
    backup::require_file(path)?;
    let source = engine::open_read_only(path)?;
    engine::check_identity(&source, path, newest_format(MIGRATIONS))?;
    engine::verify(&source, path)?;
    let restored = backup::copy_database(&source, &pending(dir))?;
    drop(source);
    let kept = finish_swap(dir)?;
    Ok(RestoreSummary { restored, kept })
}

fn pending(dir: &Path) -> PathBuf {
    dir.join(format!("{DB_FILE}.restore"))
}

/// Gives a decided restore its place; does nothing if there is none. The lock must be held.
///
/// The old WAL moves first: beside the restored file it would be taken for its own.
pub(crate) fn finish_swap(dir: &Path) -> Result<Option<PathBuf>, StoreError> {
    let pending = pending(dir);
    if !pending.exists() {
        return Ok(None);
    }
    let current = dir.join(DB_FILE);
    let aside = free_name(dir);
    for suffix in ["-wal", "-shm", ""] {
        let from = with_suffix(&current, suffix);
        match fs::rename(&from, with_suffix(&aside, suffix)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(StoreError::file("set aside", &from, error));
            }
            _ => {}
        }
    }
    engine::sync_parent(&current)?;
    fs::rename(&pending, &current).map_err(|error| StoreError::file("put the backup in place as", &current, error))?;
    engine::sync_parent(&current)?;
    Ok(aside.exists().then_some(aside))
}

/// The first unused `maru.db.before-restore-N`. The name counts as used once the database itself has moved, which is the
/// last of its files, so that an interrupted swap goes on with the same N.
fn free_name(dir: &Path) -> PathBuf {
    (1..)
        .map(|n: u32| dir.join(format!("{DB_FILE}.before-restore-{n}")))
        .find(|path| !path.exists())
        .expect("a directory holds fewer than 2^32 names")
}
