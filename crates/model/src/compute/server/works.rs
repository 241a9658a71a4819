//! Works on a server's disks, as its row remembers them: what was asked for, and what must be known to end it or to take
//! it back.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{ServerFlavor, ServerImage, VmState};
use crate::{ImageId, VolumeId};

/// Works asked for and under way.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Works {
    /// Rebuilds asked for so far.
    pub rebuilds: u64,
    /// The last rebuild left the ephemeral and swap disks as they were.
    pub keep_ephemeral: bool,
    /// Resizes asked for so far.
    pub resizes: u64,
    /// The number of the last resize that was taken back.
    pub reverted: u64,
    /// Another content for the volume that it boots from.
    pub reimage: Option<Reimage>,
    /// A resize that is under way or waits for a word whether it stays.
    pub resize: Option<Resize>,
    /// Runs from a rescue disk.
    pub rescue: Option<Rescue>,
    /// A copy of the root disk that is to become an image.
    pub snapshot: Option<Snapshot>,
    /// The image that a shelved server is kept as. It goes once the server runs again.
    pub shelved_image: Option<ImageId>,
}

/// A resize that can be taken back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resize {
    /// The size from before.
    pub old_flavor: ServerFlavor,
    /// Whether the server ran.
    pub was: VmState,
    /// Its entry in the list of migrations.
    pub migration: u64,
}

/// Another content for the volume that a server boots from. The server is off until it is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reimage {
    /// The volume.
    pub volume_id: VolumeId,
    /// What it is filled from.
    pub image: ServerImage,
    /// What the volume will know of the image in it.
    pub words: BTreeMap<String, String>,
    /// Kernel of a direct boot from then on.
    pub kernel: Option<ServerImage>,
    /// Its ramdisk.
    pub ramdisk: Option<ServerImage>,
    /// Its arguments.
    pub kernel_arguments: String,
    /// The image's properties.
    pub properties: BTreeMap<String, String>,
    /// How far it is.
    pub stage: ReimageStage,
}

/// How far another content for a volume is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReimageStage {
    /// The server's host ends its machine.
    Stopping,
    /// The volume is being filled.
    Writing,
    /// It could not be: the volume is what it was.
    Failed,
}

/// A server in rescue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rescue {
    /// What the rescue disk starts as.
    pub image: ServerImage,
    /// The rescue disk comes after the server's own.
    pub last: bool,
    /// The administrator's password from before, which it has again afterwards.
    pub admin_pass: Option<String>,
}

/// A copy of a root disk on its way to an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// The image.
    pub image_id: ImageId,
    /// Its format, `raw` or `qcow2`.
    pub format: String,
    /// What it is for.
    pub purpose: Purpose,
}

/// What a copy is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// `createImage`.
    Image,
    /// `createBackup`: older ones go.
    Backup {
        /// `daily`, `weekly`, or any word: each kind is counted for itself.
        kind: String,
        /// How many are kept.
        rotation: u64,
    },
    /// `shelve`: the server leaves its host afterwards.
    Shelve {
        /// What it was: what it is again should this fail.
        was: VmState,
    },
}
