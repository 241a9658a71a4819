//! What the rules of several resources share: names, tags, and deletion in bounded steps.

use std::collections::BTreeSet;

use super::{Assignment, JoinedKey};
use crate::{Error, Result, Tx};

/// A 400 about one field.
pub(super) fn invalid(field: &str, what: impl std::fmt::Display) -> Error {
    Error::invalid(
        "SchemaValidationError",
        format!("Invalid input for field '{field}': {what}."),
    )
}

/// A 409.
pub(super) fn conflict(kind: &str, what: impl std::fmt::Display) -> Error {
    Error::conflict(
        "Conflict",
        format!("Conflict occurred attempting to store {kind} - {what}."),
    )
}

/// A name: not blank, and not longer than the kind allows.
pub(super) fn check_name(name: &str, longest: usize) -> Result<()> {
    if name.trim().is_empty() {
        return Err(invalid("name", "it must not be blank"));
    }
    if name.chars().count() > longest {
        return Err(invalid("name", format!("it is longer than {longest} characters")));
    }
    Ok(())
}

/// So many tags has a project at most (the API-SIG's rule).
const MAX_TAGS: usize = 80;

/// Labels: each 1 to 255 characters without slash and comma.
pub(super) fn check_tags(tags: &BTreeSet<String>) -> Result<()> {
    if tags.len() > MAX_TAGS {
        return Err(invalid("tags", format!("there are more than {MAX_TAGS}")));
    }
    for tag in tags {
        if tag.is_empty() || tag.chars().count() > 255 || tag.contains(['/', ',']) {
            return Err(invalid(
                "tags",
                "a tag has 1 to 255 characters and neither slash nor comma",
            ));
        }
    }
    Ok(())
}

/// How far a deletion came that may be too large for one transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Progress {
    /// Everything is gone.
    Done,
    /// Ask again.
    More,
}

/// Rows one step may still touch; well below the store's limit of a transaction.
pub(super) struct Budget(usize);

impl Budget {
    pub(super) fn new() -> Self {
        Self(100)
    }

    /// Takes one row's worth.
    pub(super) fn spend(&mut self) -> bool {
        if self.0 == 0 {
            return false;
        }
        self.0 -= 1;
        true
    }

    /// Deletes assignments as far as it lasts.
    pub(super) fn delete_assignments(&mut self, tx: &mut Tx<'_>, keys: Vec<JoinedKey>) -> Progress {
        for key in keys {
            if !self.spend() {
                return Progress::More;
            }
            tx.delete::<Assignment>(&key);
        }
        Progress::Done
    }
}

/// Writes the [`crate::Row`] implementation of a row of Keystone's that is kept under a text and found by nothing else.
macro_rules! keystone_row {
    ($row:ident, $table:ident, $kind:literal, $code:literal, $what:literal) => {
        impl crate::cloud::Row for $row {
            type Id = String;
            const KIND: &'static str = $kind;
            crate::table!($row, $table);
            fn id(&self) -> String {
                self.id.clone()
            }
            fn not_found(id: &String) -> crate::Error {
                crate::Error::not_found($code, format!("Could not find {}: {id}.", $what))
            }
            fn index(&self, lookups: &mut crate::cloud::Lookups, _present: bool) {
                lookups.identity_generation += 1;
            }
        }
    };
}
pub(super) use keystone_row;

/// A new id: 32 hexadecimal digits.
pub(super) fn new_id(tx: &mut Tx<'_>) -> String {
    tx.new_id::<crate::UserId>().to_string()
}
