//! How fast a server may use a disk.

use serde::{Deserialize, Serialize};

/// The limits of a disk, of bytes and of requests.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DiskLimits {
    /// Of bytes.
    pub bytes: Rates,
    /// Of requests.
    pub requests: Rates,
    /// A request of more bytes than this counts as several; 0: each counts as one.
    pub request_bytes: u64,
}

/// Limits of one kind. There is one of everything, or one of reading and one of writing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Rates {
    /// Of reading and writing together.
    pub total: Rate,
    /// Of reading.
    pub read: Rate,
    /// Of writing.
    pub write: Rate,
}

/// One limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Rate {
    /// In the long run; 0 for no limit.
    pub per_second: u64,
    /// For a moment; 0: not more than in the long run.
    pub burst: u64,
    /// How many seconds the moment may last.
    pub burst_seconds: u64,
}

impl DiskLimits {
    /// No limits at all.
    pub const NONE: Self = Self {
        bytes: Rates::NONE,
        requests: Rates::NONE,
        request_bytes: 0,
    };

    /// Whether there is no limit.
    pub fn is_none(&self) -> bool {
        *self == Self::NONE
    }
}

impl Rates {
    const NONE: Self = Self {
        total: Rate::NONE,
        read: Rate::NONE,
        write: Rate::NONE,
    };
}

impl Rate {
    const NONE: Self = Self {
        per_second: 0,
        burst: 0,
        burst_seconds: 0,
    };
}
