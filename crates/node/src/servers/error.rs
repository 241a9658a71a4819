//! What can go wrong with a server: one text for its user, one for the operator.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use model::{ImageId, PortId};

/// This module's result.
pub type Result<T, E = ServerError> = std::result::Result<T, E>;

/// Why a server cannot be brought to what it should do. Causes are shared, because several servers may wait for one image.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ServerError {
    /// The flavor's root disk is smaller than the disk in the image.
    #[error("the root disk of {disk_bytes} bytes is smaller than the image's {image_bytes} bytes")]
    DiskTooSmall {
        /// What the flavor has.
        disk_bytes: u64,
        /// What the image needs.
        image_bytes: u64,
    },
    /// The image's bytes may not be opened, or are not what was recorded at upload.
    #[error("image {image} is refused: {reason}")]
    ImageRefused {
        /// The image.
        image: ImageId,
        /// Why; fit for the user.
        reason: String,
    },
    /// The image's data is not on this host.
    #[error("image {image} cannot be read from {}", path.display())]
    ImageMissing {
        /// The image.
        image: ImageId,
        /// Where it should be.
        path: PathBuf,
        /// Why it could not be read.
        source: Arc<io::Error>,
    },
    /// The host's disk is full.
    #[error("the host's disk is full: cannot {action} {}", path.display())]
    DiskFull {
        /// A verb.
        action: &'static str,
        /// The file.
        path: PathBuf,
    },
    /// Guests cannot run the way the host's configuration asks for.
    #[error("no acceleration: {reason}")]
    NoAcceleration {
        /// What the trial found.
        reason: String,
    },
    /// A NIC could not be connected.
    #[error("port {port} cannot be connected: {reason}")]
    Tap {
        /// The port.
        port: PortId,
        /// What the network part said.
        reason: String,
    },
    /// A volume that was made is not there any more.
    #[error("its data is not on this host any more")]
    VolumeLost,
    /// QEMU ended by itself soon after its start.
    #[error("QEMU ended by itself soon after its start")]
    Crashed,
    /// No number is left for the user that its QEMU should run as.
    #[error("no user id is left for another server")]
    NoUserId,
    /// A file operation failed.
    #[error("cannot {action} {}", path.display())]
    File {
        /// A verb.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        source: Arc<io::Error>,
    },
    /// QEMU or its image tool failed.
    #[error("cannot {action}")]
    Qemu {
        /// A verb and what it was about.
        action: &'static str,
        /// Why.
        source: Arc<qemu::Error>,
    },
    /// The kernel refused something.
    #[error("cannot {action}")]
    Kernel {
        /// A verb and what it was about.
        action: &'static str,
        /// Why.
        source: Arc<linux::Error>,
    },
}

impl ServerError {
    /// For `map_err` after a file operation; a full disk becomes its own variant.
    pub(crate) fn file(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::DiskFull { action, path },
            _ => Self::File {
                action,
                path,
                source: Arc::new(source),
            },
        }
    }

    /// For `map_err` after anything of QEMU; a full disk becomes its own variant.
    pub(crate) fn qemu(action: &'static str, path: &Path) -> impl FnOnce(qemu::Error) -> Self {
        let path = path.to_owned();
        move |source| match &source {
            qemu::Error::Failed { stderr, .. } if stderr.contains("No space left on device") => {
                Self::DiskFull { action, path }
            }
            qemu::Error::File { source: cause, .. } if cause.kind() == io::ErrorKind::StorageFull => {
                Self::DiskFull { action, path }
            }
            _ => Self::Qemu {
                action,
                source: Arc::new(source),
            },
        }
    }

    /// What the server's user may read: what went wrong and what to do, nothing of the host's inside.
    pub fn message(&self) -> String {
        match self {
            Self::DiskTooSmall {
                disk_bytes,
                image_bytes,
            } => format!(
                "Flavor's disk is too small for requested image. Flavor disk is {disk_bytes} bytes, image is \
                 {image_bytes} bytes. Choose a flavor with a larger root disk."
            ),
            Self::ImageRefused { image, reason } => format!("Image {image} is unacceptable: {reason}"),
            Self::ImageMissing { image, .. } => {
                format!("Image {image} could not be found on the server's host. Upload it again.")
            }
            Self::DiskFull { .. } => {
                "The disk of the server's host is full. Ask the operator to make room, then try again.".into()
            }
            Self::NoAcceleration { .. } => {
                "The server's host cannot run virtual machines as it is configured. Ask the operator.".into()
            }
            Self::Tap { port, .. } => format!("Port {port} could not be connected on the server's host. Try again."),
            Self::VolumeLost => "A volume's data is not on the server's host any more. Ask the operator.".into(),
            Self::Crashed | Self::NoUserId | Self::File { .. } | Self::Qemu { .. } | Self::Kernel { .. } => {
                "The server could not be started on its host. Try again, or ask the operator.".into()
            }
        }
    }

    /// What the owner of a volume may read.
    pub fn volume_message(&self) -> String {
        match self {
            Self::ImageRefused { .. } => self.message(),
            Self::ImageMissing { image, .. } => {
                format!("Image {image} could not be found on the volume's host. Upload it again.")
            }
            Self::DiskFull { .. } => {
                "The disk of the volume's host is full. Ask the operator to make room, then try again.".into()
            }
            Self::VolumeLost => "The volume's data is not on its host any more. Ask the operator.".into(),
            _ => "The volume could not be made or changed on its host. Try again, or ask the operator.".into(),
        }
    }

    /// What a user may read whose image of a server can't be made.
    pub fn copy_message(&self) -> String {
        match self {
            Self::ImageRefused { .. } | Self::ImageMissing { .. } | Self::DiskFull { .. } => self.message(),
            _ => "The server's disk could not be copied on its host. Try again, or ask the operator.".into(),
        }
    }

    /// For the operator: this error and its causes in one line.
    pub fn detail(&self) -> String {
        let mut text = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            text.push_str(": ");
            text.push_str(&error.to_string());
            cause = error.source();
        }
        text
    }

    /// Whether trying the same again cannot end otherwise.
    pub fn is_definite(&self) -> bool {
        matches!(
            self,
            Self::DiskTooSmall { .. } | Self::ImageRefused { .. } | Self::NoAcceleration { .. }
        )
    }
}
