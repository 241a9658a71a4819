//! Forward migration: rows of an older format become rows of the newest one when the store is opened.
//!
//! A migration is a function over rows; it runs in one transaction together with the new format number, so a crash in the
//! middle leaves the old format whole. Before the first one runs, the database is copied beside itself
//! (`maru.db.format-N`). There is no way back but that copy.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, OptionalExtension, Transaction};

use crate::{StoreError, backup, engine};

/// One step from a format to the next.
#[derive(Clone, Copy, Debug)]
pub struct Migration {
    /// What changes, for the log: "floating IPs learn their DNS name".
    pub what: &'static str,
    /// Converts the rows; an error text undoes all of it.
    pub run: fn(&mut Rows<'_>) -> Result<(), String>,
}

/// The migrations from format 1 on, in order: the n-th makes format n + 1 of format n. Never edit one that was
/// released; add another.
pub const MIGRATIONS: &[Migration] = &[];

/// The newest format that a list of migrations leads to.
pub(crate) fn newest_format(migrations: &[Migration]) -> u32 {
    1 + u32::try_from(migrations.len()).expect("a program has fewer than 2^32 migrations")
}

/// The rows as a migration sees them.
pub struct Rows<'a> {
    transaction: &'a Transaction<'a>,
}

impl Rows<'_> {
    /// All `(key, value)` of a kind, by key.
    pub fn of_kind(&self, kind: &str) -> Result<Vec<(String, String)>, String> {
        let query = || -> rusqlite::Result<Vec<(String, String)>> {
            self.transaction
                .prepare_cached("SELECT key, value FROM row WHERE kind = ?1 ORDER BY key")?
                .query_map([kind], |row| Ok((row.get(0)?, row.get(1)?)))?
                .collect()
        };
        query().map_err(|error| error.to_string())
    }

    /// One row's value, if there is such a row.
    pub fn get(&self, kind: &str, key: &str) -> Result<Option<String>, String> {
        self.transaction
            .query_row(
                "SELECT value FROM row WHERE kind = ?1 AND key = ?2",
                [kind, key],
                |row| row.get(0),
            )
            .optional()
            .map_err(|error| error.to_string())
    }

    /// Adds or replaces one row.
    pub fn put(&mut self, kind: &str, key: &str, value: &str) -> Result<(), String> {
        self.transaction
            .execute(
                "INSERT INTO row VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET value = excluded.value",
                [kind, key, value],
            )
            .map(drop)
            .map_err(|error| error.to_string())
    }

    /// Removes one row; one that isn't there is no error.
    pub fn delete(&mut self, kind: &str, key: &str) -> Result<(), String> {
        self.transaction
            .execute("DELETE FROM row WHERE kind = ?1 AND key = ?2", [kind, key])
            .map(drop)
            .map_err(|error| error.to_string())
    }
}

/// Brings the database to the newest format, each step in one transaction.
pub(crate) fn migrate(
    connection: &mut Connection,
    path: &Path,
    found: u32,
    migrations: &[Migration],
) -> Result<(), StoreError> {
    if found == newest_format(migrations) {
        return Ok(());
    }
    let copy = copy_path(path, found);
    backup::copy_database(connection, &copy)?;
    tracing::info!(
        file.path = %copy.display(),
        "Kept a copy of the rows in format {found} before migrating them"
    );
    for (format, migration) in (found + 1..).zip(&migrations[found as usize - 1..]) {
        run_one(connection, path, format, migration)?;
        tracing::info!("Migrated the rows to format {format}: {}", migration.what);
    }
    Ok(())
}

/// Where the copy of a format goes: `maru.db.format-3`.
fn copy_path(path: &Path, format: u32) -> PathBuf {
    engine::with_suffix(path, &format!(".format-{format}"))
}

fn run_one(connection: &mut Connection, path: &Path, format: u32, migration: &Migration) -> Result<(), StoreError> {
    let operation = "migrate the rows";
    let engine_error = |error| StoreError::engine(operation, error);
    let transaction = connection.transaction().map_err(engine_error)?;
    (migration.run)(&mut Rows {
        transaction: &transaction,
    })
    .map_err(|detail| StoreError::Migration {
        path: path.to_owned(),
        format,
        what: migration.what,
        detail,
    })?;
    transaction
        .pragma_update(None, "user_version", format)
        .map_err(engine_error)?;
    transaction.commit().map_err(engine_error)
}
