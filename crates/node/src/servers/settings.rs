//! What the servers of a host need to know about it, and of the rest of the node.

use std::future::Future;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::pin::Pin;
use std::time::Duration;

use model::ServerId;
use model::host::{InstanceMetadata, NicConfig};
use qemu::command_line::Accelerator;
use qemu::image_tool::ImageTool;

/// How servers are run on this host.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Maru's state directory. Servers live in `servers/<id>` below it, base images in `cache`.
    pub state_dir: PathBuf,
    /// QEMU's program, an absolute path.
    pub qemu: PathBuf,
    /// The image tool.
    pub image_tool: ImageTool,
    /// What runs guests, or why nothing does (see [`super::acceleration`]).
    pub accelerator: Result<Accelerator, String>,
    /// The first of the numbers that programs run under as user and group: the image tool under the first, each server's
    /// QEMU under one of the others. No account may have them.
    pub first_uid: u32,
    /// How many such numbers there are.
    pub uids: u32,
    /// Control group below which each server gets its own; `None`: no limits.
    pub cgroup: Option<String>,
    /// How many servers may boot at the same time.
    pub boots_at_once: usize,
    /// How long a guest has to shut itself down before it is stopped.
    pub shutdown_limit: Duration,
    /// How long QEMU has to answer after its start.
    pub start_limit: Duration,
    /// Storage that one console log may take.
    pub console_limit_bytes: u64,
    /// How long a base image that no server uses is kept.
    pub cache_keep: Duration,
}

impl Settings {
    /// The usual settings for a state directory and an accelerator.
    pub fn new(state_dir: impl Into<PathBuf>, accelerator: Result<Accelerator, String>) -> Self {
        Self {
            state_dir: state_dir.into(),
            qemu: "/usr/bin/qemu-system-x86_64".into(),
            image_tool: ImageTool::default(),
            accelerator,
            // Between the ranges that container managers take and the end of signed numbers (systemd's UIDS-GIDS.md).
            first_uid: 1_900_000_000,
            uids: 100_000,
            cgroup: None,
            boots_at_once: std::thread::available_parallelism().map_or(1, Into::into),
            shutdown_limit: Duration::from_secs(60),
            start_limit: Duration::from_secs(60),
            console_limit_bytes: 4 << 20,
            cache_keep: Duration::from_secs(24 * 3600),
        }
    }

    /// Where servers live.
    pub fn servers_dir(&self) -> PathBuf {
        self.state_dir.join("servers")
    }

    /// The number that the image tool runs under.
    pub fn image_uid(&self) -> u32 {
        self.first_uid
    }

    /// Where base images are kept.
    pub fn cache_dir(&self) -> PathBuf {
        self.state_dir.join("cache")
    }
}

/// A tap's descriptor, or why there is none (for the operator).
pub type TapFuture<'a> = Pin<Box<dyn Future<Output = Result<OwnedFd, String>> + Send + 'a>>;

/// What the servers need of the rest of the node.
pub trait Surroundings: Send + Sync + 'static {
    /// Makes the tap of a NIC inside its network, with its rules in place before a packet can pass, and gives its
    /// descriptor. Called anew for every start of the machine and for every NIC plugged in later; the tap need not be
    /// persistent. An error is tried again.
    fn open_tap(&self, server: ServerId, nic: &NicConfig) -> TapFuture<'_>;

    /// The files of a config drive by their paths: the trees that the metadata service answers with.
    fn config_drive(&self, metadata: &InstanceMetadata) -> Vec<(String, Vec<u8>)>;
}
