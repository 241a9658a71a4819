//! The SQLite details shared by the other modules: how a connection is set up, the tables, the format number.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use crate::StoreError;

/// Marks the file as ours for `file(1)` and for [`check_identity`]: "MARU" in ASCII (`PRAGMA application_id`).
const APPLICATION_ID: i32 = 0x4d41_5255;

/// How long a statement waits for another process (a backup that ends, a `sqlite3` shell).
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// `row` holds the cloud, `head` the number of the last committed revision. The format is `PRAGMA user_version`.
const SCHEMA: &str = "
    CREATE TABLE row (
        kind  TEXT NOT NULL,
        key   TEXT NOT NULL,
        value TEXT NOT NULL,
        PRIMARY KEY (kind, key)
    ) WITHOUT ROWID;
    CREATE TABLE head (
        id       INTEGER PRIMARY KEY CHECK (id = 1),
        revision INTEGER NOT NULL
    );
    INSERT INTO head VALUES (1, 0);
";

/// What `path` plus `suffix` is called ("maru.db" + "-wal").
pub(crate) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// Opens a database for reading and writing.
pub(crate) fn open_read_write(path: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)
        .map_err(|error| StoreError::reading("open the database", path, error))?;
    configure(&connection).map_err(|error| StoreError::reading("set up the database", path, error))?;
    Ok(connection)
}

/// Opens a database to look at it; the WAL of a running cloud is read too.
pub(crate) fn open_read_only(path: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)
        .map_err(|error| StoreError::reading("open the database", path, error))?;
    connection
        .busy_timeout(BUSY_TIMEOUT)
        .map_err(|error| StoreError::engine("set up the database", error))?;
    Ok(connection)
}

fn configure(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(BUSY_TIMEOUT)?;
    // FULL: every commit is an fsync of the WAL before it returns. Checkpoints are our own thread's business.
    connection.execute_batch(
        "PRAGMA journal_mode = WAL;
         PRAGMA synchronous = FULL;
         PRAGMA wal_autocheckpoint = 0;
         PRAGMA temp_store = MEMORY;
         PRAGMA cell_size_check = ON;
         PRAGMA trusted_schema = OFF;",
    )
}

/// Creates an empty database with the newest format, readable by its owner only. It gets its name when it is whole, so
/// that a crash leaves no half-made one behind.
pub(crate) fn create(path: &Path, format: u32) -> Result<Connection, StoreError> {
    let unnamed = with_suffix(path, ".new");
    let file = create_private_file(&unnamed)?;
    fill_new(&unnamed, format).map_err(|error| StoreError::engine("create the database", error))?;
    file.sync_all()
        .and_then(|()| std::fs::rename(&unnamed, path))
        .map_err(|error| StoreError::file("create", path, error))?;
    sync_parent(path)?;
    open_read_write(path)
}

fn fill_new(path: &Path, format: u32) -> rusqlite::Result<()> {
    let mut connection = Connection::open(path)?;
    let transaction = connection.transaction()?;
    transaction.execute_batch(SCHEMA)?;
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", format)?;
    transaction.commit()
}

/// Makes an empty file that only its owner can read; SQLite gives the same mode to the WAL beside it.
pub(crate) fn create_private_file(path: &Path) -> Result<File, StoreError> {
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
        .map_err(|error| StoreError::file("create", path, error))
}

/// Makes renames and new names in the directory of `path` survive a power cut.
pub(crate) fn sync_parent(path: &Path) -> Result<(), StoreError> {
    let parent = path
        .parent()
        .filter(|p| !p.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    File::open(parent)
        .and_then(|dir| dir.sync_all())
        .map_err(|error| StoreError::file("sync the directory", parent, error))
}

/// Refuses files that are no database of ours, or of a format newer than `known`; returns the format found.
pub(crate) fn check_identity(connection: &Connection, path: &Path, known: u32) -> Result<u32, StoreError> {
    let pragma = |name: &str| -> Result<i64, StoreError> {
        connection
            .pragma_query_value(None, name, |row| row.get(0))
            .map_err(|error| StoreError::reading("read the database header", path, error))
    };
    if pragma("application_id")? != i64::from(APPLICATION_ID) {
        return Err(StoreError::NotAStore { path: path.to_owned() });
    }
    let found = u32::try_from(pragma("user_version")?).unwrap_or(0);
    match found {
        0 => Err(StoreError::NotAStore { path: path.to_owned() }),
        _ if found > known => Err(StoreError::NewerFormat {
            path: path.to_owned(),
            found,
            known,
        }),
        _ => Ok(found),
    }
}

/// The number of the last committed revision.
pub(crate) fn read_revision(connection: &Connection) -> rusqlite::Result<u64> {
    connection
        .prepare_cached("SELECT revision FROM head")?
        .query_row([], |row| row.get::<_, i64>(0))
        .map(i64::cast_unsigned)
}

/// Runs SQLite's whole check over pages, keys and the rows' JSON.
pub(crate) fn verify(connection: &Connection, path: &Path) -> Result<(), StoreError> {
    let damaged = |detail: String| StoreError::Damaged {
        path: path.to_owned(),
        detail,
    };
    let verdict: String = connection
        .query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))
        .map_err(|error| StoreError::reading("check the database", path, error))?;
    if verdict != "ok" {
        return Err(damaged(verdict));
    }
    let bad: Option<(String, String)> = connection
        .query_row(
            "SELECT kind, key FROM row WHERE NOT json_valid(value) LIMIT 1",
            [],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .map(Some)
        .or_else(|error| match error {
            rusqlite::Error::QueryReturnedNoRows => Ok(None),
            other => Err(other),
        })
        .map_err(|error| StoreError::reading("check the rows", path, error))?;
    match bad {
        Some((kind, key)) => Err(damaged(format!("row {kind}/{key} is not JSON"))),
        None => Ok(()),
    }
}
