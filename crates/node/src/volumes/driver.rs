//! Where volumes' bytes are. Files today; LVM and RBD have the same verbs.

use std::future::Future;
use std::pin::Pin;

use model::host::ImageSource;
use model::{VolumeId, VolumeSnapshotId};
use qemu::qmp::Qmp;
use uuid::Uuid;

use crate::servers::ServerError;

/// Something that is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Object {
    /// A volume.
    Volume(VolumeId),
    /// A snapshot.
    Snapshot(VolumeSnapshotId),
    /// A backup.
    Backup(Uuid),
    /// A copy that becomes an image.
    Export(Uuid),
}

/// What an object starts as.
#[derive(Debug, Clone)]
pub enum Origin {
    /// Zeros.
    Blank,
    /// An image.
    Image(ImageSource),
    /// Another object that nobody writes to.
    Copy(Object),
    /// A volume that a running QEMU has.
    Live(VolumeId, Qmp),
    /// What a backup holds.
    Backup(Uuid),
    /// What of another origin differs from a backup, or from zeros: a backup's content.
    Differences {
        /// The volume or snapshot.
        of: Box<Origin>,
        /// The backup.
        parent: Option<Uuid>,
    },
    /// Another origin as an image of a format (QEMU's name of it).
    Converted {
        /// The volume.
        of: Box<Origin>,
        /// The format.
        format: &'static str,
    },
}

impl Origin {
    /// The volume that is to be copied as nobody writes to it.
    pub fn idle_volume(&self) -> Option<VolumeId> {
        match self {
            Self::Copy(Object::Volume(id)) => Some(*id),
            Self::Differences { of, .. } | Self::Converted { of, .. } => of.idle_volume(),
            _ => None,
        }
    }

    /// The same, copied by the QEMU that has the volume.
    pub fn live(self, volume: VolumeId, qmp: &Qmp) -> Self {
        match self {
            Self::Copy(Object::Volume(id)) if id == volume => Self::Live(id, qmp.clone()),
            Self::Differences { of, parent } => Self::Differences {
                of: Box::new(of.live(volume, qmp)),
                parent,
            },
            Self::Converted { of, format } => Self::Converted {
                of: Box::new(of.live(volume, qmp)),
                format,
            },
            other => other,
        }
    }
}

/// What a verb gives.
pub type Work<'a, T> = Pin<Box<dyn Future<Output = Result<T, ServerError>> + Send + 'a>>;

/// Called with per cent done.
pub type Progress = Box<dyn FnMut(u8) + Send>;

/// A way to keep volumes. Every verb leaves either what was before or what is wanted, whenever it is cut off; what it left
/// half made is removed by [`VolumeDriver::find`].
pub trait VolumeDriver: Send + Sync + 'static {
    /// Removes what a crash left half made, and gives everything that is there, with its size in bytes.
    fn find(&self) -> Result<Vec<(Object, u64)>, ServerError>;

    /// Makes an object of a size, bytes, in place of one that is there; what its origin does not fill is zeros. Gives the size
    /// that it has. Backups and images are as large as they need to be.
    fn make(&self, object: Object, origin: Origin, size_bytes: u64, progress: Progress) -> Work<'_, u64>;

    /// Makes a volume larger. A QEMU that has it is told by the server's own task.
    fn grow(&self, volume: VolumeId, size_bytes: u64) -> Work<'_, ()>;

    /// Removes an object and frees its space; one that is not there is fine.
    fn remove(&self, object: Object) -> Work<'_, ()>;
}
