//! What can go wrong with the store, in words that the API can turn into an answer.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

/// The system's own error below a [`StoreError`]. Shared by pointer, because a group commit gives the same failure to
/// every request that took part.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Cause {
    #[error(transparent)]
    Sqlite(Arc<rusqlite::Error>),
    #[error(transparent)]
    Io(Arc<io::Error>),
}

impl From<rusqlite::Error> for Cause {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(Arc::new(error))
    }
}

impl From<io::Error> for Cause {
    fn from(error: io::Error) -> Self {
        Self::Io(Arc::new(error))
    }
}

/// Why the store can't write or read at present.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// No space (or quota) left on the device.
    DiskFull,
    /// The device or the file system reported an error, or became read-only.
    Io,
    /// Another process holds the database for longer than we wait.
    Busy,
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::DiskFull => "the disk is full",
            Self::Io => "the disk reported an error",
            Self::Busy => "another process holds the database",
        })
    }
}

/// Errors of the store.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// Another Maru holds the state directory.
    #[error("{} is in use by {}; stop that cloud first, or give another --state-dir", dir.display(), holder(*pid))]
    InUse { dir: PathBuf, pid: Option<u32> },

    /// Nothing was changed; the same request may succeed later. The API answers 503.
    #[error("could not {operation}: {reason}")]
    Unavailable {
        operation: &'static str,
        reason: Reason,
        #[source]
        source: Cause,
    },

    /// The batch passes a limit, see [`crate::MAX_BATCH_ROWS`] and [`crate::MAX_BATCH_BYTES`]. Nothing was changed.
    #[error(
        "a transaction of {rows} rows and {bytes} bytes is larger than {} rows or {} bytes",
        crate::MAX_BATCH_ROWS,
        crate::MAX_BATCH_BYTES
    )]
    TooLarge { rows: usize, bytes: usize },

    /// The rows were written by a newer Maru.
    #[error("{} has format {found}, but this program knows formats up to {known} only; use the newer program, or restore a backup made before the upgrade", path.display())]
    NewerFormat { path: PathBuf, found: u32, known: u32 },

    /// The file is no database of Maru.
    #[error("{} is not a Maru database", path.display())]
    NotAStore { path: PathBuf },

    /// The file is a database of Maru, but its content is damaged.
    #[error("{} is damaged ({detail}); restore a backup with `maru restore`", path.display())]
    Damaged { path: PathBuf, detail: String },

    /// A migration could not convert the rows; they are as they were.
    #[error("could not migrate {} to format {format} ({what}): {detail}", path.display())]
    Migration {
        path: PathBuf,
        format: u32,
        what: &'static str,
        detail: String,
    },

    /// A path can't be used as asked (exists already, is missing, permission).
    #[error("could not {operation} {}", path.display())]
    Path {
        operation: &'static str,
        path: PathBuf,
        #[source]
        source: Cause,
    },

    /// SQLite refused something that this crate should never ask: a bug.
    #[error("could not {operation}: unexpected refusal of the database engine")]
    Internal {
        operation: &'static str,
        #[source]
        source: Cause,
    },
}

fn holder(pid: Option<u32>) -> String {
    pid.map_or_else(
        || "another process".to_owned(),
        |pid| format!("the process with pid {pid}"),
    )
}

impl StoreError {
    /// Whether the same call may succeed later without anybody changing the request.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Unavailable { .. })
    }

    /// Sorts an engine error into the store's words.
    pub(crate) fn engine(operation: &'static str, error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode as Code;
        let reason = match error.sqlite_error_code() {
            Some(Code::DiskFull) => Some(Reason::DiskFull),
            Some(
                Code::SystemIoFailure
                | Code::CannotOpen
                | Code::ReadOnly
                | Code::PermissionDenied
                | Code::OutOfMemory
                | Code::FileLockingProtocolFailed,
            ) => Some(Reason::Io),
            Some(Code::DatabaseBusy | Code::DatabaseLocked) => Some(Reason::Busy),
            _ => None,
        };
        let source = error.into();
        match reason {
            Some(reason) => Self::Unavailable {
                operation,
                reason,
                source,
            },
            None => Self::Internal { operation, source },
        }
    }

    /// Like [`Self::engine`] for calls that read a file which may be damaged or something else altogether.
    pub(crate) fn reading(operation: &'static str, path: &std::path::Path, error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode as Code;
        match error.sqlite_error_code() {
            Some(Code::NotADatabase) => Self::NotAStore { path: path.to_owned() },
            Some(Code::DatabaseCorrupt) => Self::Damaged {
                path: path.to_owned(),
                detail: error.to_string(),
            },
            _ => Self::engine(operation, error),
        }
    }

    /// Sorts a file system error: a full disk is the store's [`Self::Unavailable`], the rest is about the path.
    pub(crate) fn file(operation: &'static str, path: &std::path::Path, error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Unavailable {
                operation,
                reason: Reason::DiskFull,
                source: error.into(),
            },
            _ => Self::Path {
                operation,
                path: path.to_owned(),
                source: error.into(),
            },
        }
    }
}
