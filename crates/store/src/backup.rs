//! Online backup: a consistent copy while the cloud runs, from any process.
//!
//! The copy is made in one read transaction. In WAL mode a reader never holds up the writer, so requests go on; the WAL
//! can't be shortened meanwhile and grows by what is committed during the copy.

use std::fs;
use std::path::Path;

use rusqlite::Connection;
use rusqlite::backup::{Backup, StepResult};

use crate::{DB_FILE, StoreError, engine};

/// What a backup holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BackupSummary {
    /// Revision of the last transaction in the copy.
    pub revision: u64,
    /// Number of rows.
    pub rows: u64,
    /// Size of the file in bytes.
    pub bytes: u64,
}

/// Copies the store below `dir` into the new file `path`, whether a cloud runs there or not. The lock is not needed.
///
/// The file appears under its name only when it is complete, checked and on the disk.
///
/// # Errors
/// [`StoreError::Path`] if `path` exists or `dir` holds no store; [`StoreError::Damaged`] if the copy is not sound.
pub fn backup_to(dir: &Path, path: &Path) -> Result<BackupSummary, StoreError> {
    let source = dir.join(DB_FILE);
    require_file(&source)?;
    let connection = engine::open_read_only(&source)?;
    engine::check_identity(&connection, &source, u32::MAX)?;
    copy_new(&connection, path)
}

/// Checks every page and row of the store below `dir`; a running cloud may go on meanwhile.
///
/// # Errors
/// [`StoreError::Damaged`] names what is wrong first.
pub fn integrity_check(dir: &Path) -> Result<(), StoreError> {
    let path = dir.join(DB_FILE);
    require_file(&path)?;
    let connection = engine::open_read_only(&path)?;
    engine::check_identity(&connection, &path, u32::MAX)?;
    engine::verify(&connection, &path)
}

/// [`backup_to`] with the connection at hand.
pub(crate) fn copy_new(source: &Connection, path: &Path) -> Result<BackupSummary, StoreError> {
    if fs::symlink_metadata(path).is_ok() {
        let error = std::io::Error::from(std::io::ErrorKind::AlreadyExists);
        return Err(StoreError::file("write a backup to", path, error));
    }
    copy_database(source, path)
}

/// Copies `source` to `path` (replacing it), by way of a neighbour that is renamed when whole.
pub(crate) fn copy_database(source: &Connection, path: &Path) -> Result<BackupSummary, StoreError> {
    let partial = engine::with_suffix(path, ".partial");
    let made = copy_and_check(source, &partial).and_then(|summary| {
        fs::rename(&partial, path).map_err(|error| StoreError::file("name the copy", path, error))?;
        engine::sync_parent(path)?;
        Ok(summary)
    });
    if made.is_err() {
        // Best effort: the error that matters is the one being returned.
        let _ = fs::remove_file(&partial);
    }
    made
}

fn copy_and_check(source: &Connection, partial: &Path) -> Result<BackupSummary, StoreError> {
    let file = engine::create_private_file(partial)?;
    let operation = "copy the database";
    let mut target = Connection::open(partial).map_err(|error| StoreError::engine(operation, error))?;
    copy_pages(source, &mut target).map_err(|error| StoreError::reading(operation, partial, error))?;
    // The copy carries the WAL mark of its source; a file that people carry around should be one file.
    target
        .execute_batch("PRAGMA journal_mode = DELETE")
        .map_err(|error| StoreError::engine(operation, error))?;
    engine::verify(&target, partial)?;
    let count = |sql| target.query_row(sql, [], |row| row.get::<_, i64>(0));
    let rows = count("SELECT count(*) FROM row")
        .map_err(|error| StoreError::engine(operation, error))?
        .cast_unsigned();
    let revision = engine::read_revision(&target).map_err(|error| StoreError::engine(operation, error))?;
    drop(target);
    file.sync_all()
        .map_err(|error| StoreError::file("sync", partial, error))?;
    let bytes = file
        .metadata()
        .map_err(|error| StoreError::file("measure", partial, error))?
        .len();
    Ok(BackupSummary { revision, rows, bytes })
}

/// Copies all pages in one step, so in one read transaction: smaller steps would start over at each commit of the cloud.
fn copy_pages(source: &Connection, target: &mut Connection) -> rusqlite::Result<()> {
    let backup = Backup::new(source, target)?;
    loop {
        match backup.step(-1)? {
            StepResult::Done => return Ok(()),
            _ => std::thread::sleep(std::time::Duration::from_millis(20)),
        }
    }
}

pub(crate) fn require_file(path: &Path) -> Result<(), StoreError> {
    fs::metadata(path)
        .map(drop)
        .map_err(|error| StoreError::file("find the database", path, error))
}
