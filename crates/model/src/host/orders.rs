//! Works on a server's disks besides its power: what is ordered of its host ([`ServerOrders`]) and how far the host is with
//! it ([`ServerDone`]). Orders are counted, so that a host that missed some, or did one twice after a crash, ends the same.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::ImageSource;
use crate::ImageId;

/// What is ordered of a server's disks.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerOrders {
    /// Rebuilds asked for so far: with each, the disks begin anew from the image.
    pub rebuilds: u64,
    /// The last rebuild leaves the ephemeral and swap disks as they are.
    pub keep_ephemeral: bool,
    /// The number of the resize that is on trial, 0 for none: disks are as large as the configuration says, and copies of
    /// them from before are kept. Once no trial is wanted any more, the copies go.
    pub trial: u64,
    /// The number of the last resize that was taken back: its copies are put in place of the disks.
    pub reverted: u64,
    /// Boots from this disk instead of its own, which is plugged in beside it.
    pub rescue: Option<RescueDisk>,
    /// A copy of the root disk that is wanted.
    pub snapshot: Option<SnapshotOrder>,
}

/// The disk that a server in rescue boots from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RescueDisk {
    /// What it starts as.
    pub image: ImageSource,
    /// The server's own disks keep their places, and the rescue disk comes after them (Nova's "stable device rescue").
    pub last: bool,
}

/// A copy of a root disk, as one file without others below it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotOrder {
    /// The image that it becomes; tells one order from the next.
    pub image_id: ImageId,
    /// `raw` or `qcow2`.
    pub format: String,
}

/// How far the host is with the orders.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerDone {
    /// The last rebuild done (tried, in a report of a failure).
    pub rebuilds: u64,
    /// The resize whose copies are kept, 0 for none (tried, in a report of a failure).
    pub trial: u64,
    /// The last resize that was taken back.
    pub reverted: u64,
    /// The copy that is wanted.
    pub snapshot: Option<SnapshotReport>,
}

/// How far a copy of a root disk is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotReport {
    /// The order's image.
    pub image_id: ImageId,
    /// How far it is.
    pub state: SnapshotState,
}

/// How far a copy of a root disk is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SnapshotState {
    /// Being made.
    Making {
        /// Per cent done.
        percent: u8,
    },
    /// Whole and on the disk, until the order is withdrawn. What is in it is the guest's: it is not to be trusted.
    Ready {
        /// The file.
        path: PathBuf,
    },
    /// It can't be made; the text is for the user.
    Failed {
        /// What went wrong.
        message: String,
    },
}
