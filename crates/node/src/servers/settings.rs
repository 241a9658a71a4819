//! What the servers of a host need to know about it, and of the rest of the node.

use std::future::Future;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::pin::Pin;
use std::time::Duration;

use model::host::{InstanceMetadata, NicConfig};
use model::{PortId, ServerId};
use qemu::command_line::Accelerator;
use qemu::image_tool::ImageTool;

/// Numbers that no account has: between the ranges that container managers take and the end of signed numbers (systemd's
/// UIDS-GIDS.md).
const FIRST_UID: u32 = 0x7000_0000;
const LAST_UID: u32 = 0x7fff_0000;
/// How many of them a cloud takes.
const UIDS: u32 = 4096;

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
            first_uid: FIRST_UID,
            uids: UIDS,
            cgroup: None,
            boots_at_once: std::thread::available_parallelism().map_or(1, Into::into),
            shutdown_limit: Duration::from_secs(60),
            start_limit: Duration::from_secs(60),
            console_limit_bytes: 4 << 20,
            cache_keep: Duration::from_secs(24 * 3600),
        }
    }

    /// The numbers of this cloud, by its id: two clouds on one host would else share users, and a QEMU of one could signal
    /// one of the other. There are 65,000 ranges, so that two ids hardly ever meet in one. Servers that exist keep theirs.
    #[must_use]
    pub fn with_users_of(mut self, owner: &str) -> Self {
        // FNV-1a: the same in every version, which a hasher of the standard library does not promise.
        let hash = owner.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        let ranges = u64::from((LAST_UID - FIRST_UID) / UIDS);
        self.first_uid = FIRST_UID + UIDS * u32::try_from(hash % ranges).unwrap_or_default();
        self
    }

    /// Where servers live.
    pub fn servers_dir(&self) -> PathBuf {
        self.state_dir.join("servers")
    }

    /// Where volumes' files are.
    pub fn volumes_dir(&self) -> PathBuf {
        self.state_dir.join("volumes")
    }

    /// Where volumes' backups are.
    pub fn backups_dir(&self) -> PathBuf {
        self.state_dir.join("backups")
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

/// Whether a tap is where it should be now; else why not (for the operator).
pub type FetchFuture<'a> = Pin<Box<dyn Future<Output = Result<(), String>> + Send + 'a>>;

/// What the servers need of the rest of the node.
pub trait Surroundings: Send + Sync + 'static {
    /// Makes the tap of a NIC inside its network, with its rules in place before a packet can pass, and gives its
    /// descriptor. Called anew for every start of the machine and for every NIC plugged in later; the tap need not be
    /// persistent. An error is tried again.
    fn open_tap(&self, server: ServerId, nic: &NicConfig) -> TapFuture<'_>;

    /// Moves the tap of a NIC whose machine was found running into its network, if it is elsewhere.
    fn fetch_tap(&self, port: PortId, tap: OwnedFd) -> FetchFuture<'_>;

    /// The files of a config drive by their paths: the trees that the metadata service answers with.
    fn config_drive(&self, metadata: &InstanceMetadata) -> Vec<(String, Vec<u8>)>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clouds_have_users_of_their_own() {
        let first_uid = |owner: &str| Settings::new("/", Err(String::new())).with_users_of(owner).first_uid;
        let found: std::collections::BTreeSet<u32> = (0..100).map(|n| first_uid(&format!("3b4cf387{n:04x}"))).collect();
        assert!(found.len() >= 99, "{} ranges for 100 clouds", found.len());
        assert!(found.iter().all(|uid| *uid >= FIRST_UID && uid + UIDS <= LAST_UID));
        assert_eq!(first_uid("3b4cf387070d"), first_uid("3b4cf387070d"));
    }
}
