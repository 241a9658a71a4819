//! The volumes, snapshots and copies of a host, in both documents.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{DiskLimits, ImageSource};
use crate::{VolumeId, VolumeSnapshotId};

/// A volume that this host holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VolumeConfig {
    /// The volume.
    pub id: VolumeId,
    /// Its size, bytes; may grow, never shrinks.
    pub size_bytes: u64,
    /// What it starts as; of no meaning once it is made.
    pub source: VolumeOrigin,
    /// Whether it was made already: then a file that is missing is lost, and not made anew.
    pub is_made: bool,
    /// What is to replace its content.
    #[serde(default)]
    pub restore: Option<RestoreConfig>,
}

/// An order to replace a volume's content. It is carried out once; what a crash cut off is begun anew.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestoreConfig {
    /// The order.
    pub order: Uuid,
    /// Where the new content comes from.
    pub source: VolumeOrigin,
}

/// A file that a volume or snapshot is copied into.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CopyConfig {
    /// Its name.
    pub id: Uuid,
    /// What is copied.
    pub source: VolumeOrigin,
    /// Into what.
    pub kind: CopyKind,
    /// Whether it was made already.
    pub is_made: bool,
}

/// What a volume is copied into.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CopyKind {
    /// A backup: what differs from its parent, or from zeros.
    Backup {
        /// The parent.
        parent: Option<Uuid>,
    },
    /// An image of this format (Glance's `disk_format`).
    Image {
        /// The format.
        format: String,
    },
}

/// What a volume starts as.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VolumeOrigin {
    /// Zeros.
    Blank,
    /// An image.
    Image(ImageSource),
    /// A snapshot on this host.
    Snapshot(VolumeSnapshotId),
    /// A volume on this host, as it is when its turn comes.
    Volume(VolumeId),
    /// A backup's data.
    Backup(Uuid),
}

/// A snapshot that this host holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotConfig {
    /// The snapshot.
    pub id: VolumeSnapshotId,
    /// The volume it is of.
    pub volume_id: VolumeId,
    /// Whether it was made already.
    pub is_made: bool,
}

/// A volume in a server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VolumeDisk {
    /// The volume.
    pub id: VolumeId,
    /// Its size, bytes.
    pub size_bytes: u64,
    /// The server may not write.
    pub read_only: bool,
    /// Other servers may have it, too.
    pub shared: bool,
    /// Place in the boot order, 0 first.
    pub boot_index: Option<u32>,
    /// How fast it may be used.
    #[serde(default)]
    pub limits: DiskLimits,
}

/// How a volume or a snapshot is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VolumeReport {
    /// Waits, or is being made.
    Making {
        /// Per cent done.
        percent: u8,
    },
    /// There, and so large.
    Ready {
        /// Bytes.
        size_bytes: u64,
        /// The last order to replace its content that was carried out, or tried.
        #[serde(default)]
        restored: Option<Restored>,
    },
    /// It could not be made, or could not grow.
    Failed {
        /// For the user.
        message: String,
        /// For the operator.
        detail: String,
    },
    /// Being removed.
    Removing,
}

/// How an order to replace a volume's content went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restored {
    /// The order.
    pub order: Uuid,
    /// Why the volume is what it was, for the user; `None` when it is what the backup was.
    pub failure: Option<String>,
}
