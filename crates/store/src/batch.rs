//! A logical transaction: the row changes of one request.

use crate::StoreError;

/// Most rows that one [`Batch`] may change: what a thousand servers made by one request take (Nova's most), each with its
/// log and two ports. Nobody else is served while a batch is written, so there is a limit.
pub const MAX_BATCH_ROWS: usize = 4096;
/// Most bytes (kinds, keys and values together) in one [`Batch`].
pub const MAX_BATCH_BYTES: usize = 16 * 1024 * 1024;

/// One row change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Inserts the row, or replaces its value.
    Put {
        kind: &'static str,
        key: String,
        value: String,
    },
    /// Removes the row; nothing happens if there is none.
    Delete { kind: &'static str, key: String },
}

impl Change {
    fn bytes(&self) -> usize {
        match self {
            Self::Put { kind, key, value } => kind.len() + key.len() + value.len(),
            Self::Delete { kind, key } => kind.len() + key.len(),
        }
    }
}

/// Row changes that are applied together, in order, or not at all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    changes: Vec<Change>,
    bytes: usize,
}

impl Batch {
    /// One without changes.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds "this row has this value (JSON text) from now on".
    pub fn put(&mut self, kind: &'static str, key: impl Into<String>, value: impl Into<String>) {
        self.push(Change::Put {
            kind,
            key: key.into(),
            value: value.into(),
        });
    }

    /// Adds "this row is gone from now on".
    pub fn delete(&mut self, kind: &'static str, key: impl Into<String>) {
        self.push(Change::Delete { kind, key: key.into() });
    }

    /// Adds a change after those that are there.
    pub fn push(&mut self, change: Change) {
        self.bytes += change.bytes();
        self.changes.push(change);
    }

    /// The changes, in the order of their adding.
    pub fn changes(&self) -> &[Change] {
        &self.changes
    }

    /// Whether committing it would do nothing.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// Number of row changes.
    pub fn len(&self) -> usize {
        self.changes.len()
    }

    /// Size in bytes as counted against [`MAX_BATCH_BYTES`].
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Says whether [`crate::Store::commit`] would take the batch, so that an oversized request can be refused before
    /// it joins a group.
    pub fn check_size(&self) -> Result<(), StoreError> {
        if self.len() > MAX_BATCH_ROWS || self.bytes > MAX_BATCH_BYTES {
            return Err(StoreError::TooLarge {
                rows: self.len(),
                bytes: self.bytes,
            });
        }
        Ok(())
    }
}
