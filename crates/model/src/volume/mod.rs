//! Cinder's resources: volumes, their snapshots, backups, groups and types, attachments to servers, and offers to other
//! projects.
//!
//! ```text
//!             made            reserve, attach          detach
//!  creating ───────► available ───────────────► in-use ───────► available
//!                     │   ▲  extend: extending     │ extend: extending, and in-use again
//!                     ▼   └────────────────────────┘
//!                   deleting ──► (the row goes when the host has freed the space)
//! ```
//!
//! A volume is a file on its host; a row in `creating`, `extending`, `downloading` (its content becomes an image's) or
//! `deleting` waits for the host's report. An attachment is one row for both services: Cinder lists it as a volume's, Nova
//! as a server's.

pub mod attachment;
pub mod backup;
mod create;
pub mod group;
pub mod group_snapshot;
pub(crate) mod growth;
pub mod limits;
pub mod quota;
mod reimage;
mod rules;
pub mod service;
mod shelved;
pub mod snapshot;
pub mod transfer;
pub mod types;

#[cfg(test)]
mod tests;

pub use attachment::{AttachMode, AttachmentStatus, VolumeAttachment};
pub use backup::{BackupStatus, VolumeBackup};
pub use create::*;
pub use group::{GroupStatus, GroupType, VolumeGroup};
pub use group_snapshot::GroupSnapshot;
pub use growth::extend;
pub use reimage::reimage;
pub use rules::*;
pub use service::VolumeService;
pub use snapshot::{SnapshotStatus, VolumeSnapshot};
pub use transfer::VolumeTransfer;
pub use types::{Encryption, QosSpecs, VolumeType};

use crate::{Error, VolumeId};

/// Bytes of a gibibyte, which every size of a volume is counted in.
pub const GIB: u64 = 1 << 30;

/// Cinder's `InvalidVolume`.
pub(crate) fn invalid_volume(reason: impl std::fmt::Display) -> Error {
    Error::invalid("InvalidVolume", format!("Invalid volume: {reason}"))
}

/// The volume is not in a state for this.
pub(crate) fn wrong_state(id: VolumeId, status: VolumeStatus, action: &str, wanted: &str) -> Error {
    invalid_volume(format!(
        "volume {id} is {} and can't be {action}: its status must be {wanted}.",
        status.as_str()
    ))
}
