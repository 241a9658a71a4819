//! Nova's server (instance): the row. Its rules are below: [`admission`] says what may happen now, `create`, `act`, `edit`
//! and `delete` record what is wanted, the host's report brings what is.

pub mod act;
pub mod admission;
pub mod boot_image;
pub mod create;
pub mod delete;
pub mod deleted;
pub mod disks;
pub mod edit;
mod hints;
pub mod moves;
pub mod name;
pub mod port;
pub mod rebuild;
pub(crate) mod reimage;
pub mod rescue;
pub mod resize;
pub mod shelve;
pub mod snapshot;
#[cfg(test)]
pub(crate) mod tests;
mod volume_image;
pub mod works;

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::cloud::{Lookups, Row};
use crate::host::DesiredPower;
use crate::{
    Actor, Cloud, Error, FlavorId, HostId, ImageId, PortId, ProjectId, Result, ServerGroupId, ServerId, Timestamp,
    UserId,
};

/// Nova's `OS-EXT-STS:vm_state`: what the server is once no task is running.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VmState {
    /// Being made for the first time.
    Building,
    /// Should be running.
    Active,
    /// Its processors stand still.
    Paused,
    /// Memory saved, process gone.
    Suspended,
    /// Shut down.
    Stopped,
    /// Resized, and waiting for a word whether that stays.
    Resized,
    /// Runs from a rescue disk.
    Rescued,
    /// Shut down and kept as an image, on its host.
    Shelved,
    /// Kept as an image, on no host.
    ShelvedOffloaded,
    /// Something went wrong; see the fault.
    Error,
    /// Gone for the user, being removed from its host.
    Deleted,
}

impl VmState {
    /// As the API writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Building => "building",
            Self::Active => "active",
            Self::Paused => "paused",
            Self::Suspended => "suspended",
            Self::Stopped => "stopped",
            Self::Resized => "resized",
            Self::Rescued => "rescued",
            Self::Shelved => "shelved",
            Self::ShelvedOffloaded => "shelved_offloaded",
            Self::Error => "error",
            Self::Deleted => "deleted",
        }
    }
}

/// Nova's `OS-EXT-STS:task_state`: what is being done to it just now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TaskState {
    /// Waits for a host.
    Scheduling,
    /// Ports are being bound.
    Networking,
    /// The disk is being made.
    BlockDeviceMapping,
    /// QEMU is being started.
    Spawning,
    /// Being started.
    PoweringOn,
    /// Being stopped.
    PoweringOff,
    /// The guest is asked to restart.
    Rebooting,
    /// Being stopped and started.
    RebootingHard,
    /// Being paused.
    Pausing,
    /// Being unpaused.
    Unpausing,
    /// Memory being saved.
    Suspending,
    /// Memory being restored.
    Resuming,
    /// Its disk is being copied for an image.
    ImageSnapshot,
    /// Its disk is being copied for a backup.
    ImageBackup,
    /// The copy is becoming an image.
    ImageUploading,
    /// Its disks begin anew.
    Rebuilding,
    /// Its size is being changed.
    ResizePrep,
    /// Its size goes back to what it was.
    ResizeReverting,
    /// Being started from a rescue disk.
    Rescuing,
    /// Being started from its own disk again.
    Unrescuing,
    /// Being shut down to be kept as an image.
    Shelving,
    /// The copy of a shelved server is becoming an image.
    ShelvingImageUploading,
    /// A shelved server leaves its host.
    ShelvingOffloading,
    /// A shelved server is being made again.
    Unshelving,
    /// Being deleted.
    Deleting,
}

impl TaskState {
    /// As the API writes it (Nova mixes `-` and `_`).
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Scheduling => "scheduling",
            Self::Networking => "networking",
            Self::BlockDeviceMapping => "block_device_mapping",
            Self::Spawning => "spawning",
            Self::PoweringOn => "powering-on",
            Self::PoweringOff => "powering-off",
            Self::Rebooting => "rebooting",
            Self::RebootingHard => "rebooting_hard",
            Self::Pausing => "pausing",
            Self::Unpausing => "unpausing",
            Self::Suspending => "suspending",
            Self::Resuming => "resuming",
            Self::ImageSnapshot => "image_snapshot",
            Self::ImageBackup => "image_backup",
            Self::ImageUploading => "image_uploading",
            Self::Rebuilding => "rebuilding",
            Self::ResizePrep => "resize_prep",
            Self::ResizeReverting => "resize_reverting",
            Self::Rescuing => "rescuing",
            Self::Unrescuing => "unrescuing",
            Self::Shelving => "shelving",
            Self::ShelvingImageUploading => "shelving_image_uploading",
            Self::ShelvingOffloading => "shelving_offloading",
            Self::Unshelving => "unshelving",
            Self::Deleting => "deleting",
        }
    }

    /// Whether a copy of the disk is what it waits for: what the host says of the server's power does not end it.
    pub fn awaits_snapshot(self) -> bool {
        matches!(
            self,
            Self::ImageSnapshot
                | Self::ImageBackup
                | Self::ImageUploading
                | Self::Shelving
                | Self::ShelvingImageUploading
        )
    }
}

/// Nova's `OS-EXT-STS:power_state`: what the hypervisor sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PowerState {
    /// Nothing is known (0).
    NoState,
    /// Running (1).
    Running,
    /// Paused (3).
    Paused,
    /// Shut down (4).
    Shutdown,
    /// Crashed (6).
    Crashed,
    /// Suspended (7).
    Suspended,
}

impl PowerState {
    /// Nova's number for it.
    pub fn number(self) -> u8 {
        match self {
            Self::NoState => 0,
            Self::Running => 1,
            Self::Paused => 3,
            Self::Shutdown => 4,
            Self::Crashed => 6,
            Self::Suspended => 7,
        }
    }
}

/// The flavor as it was when the server was made (a flavor may be deleted or made anew later).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerFlavor {
    /// The flavor's id.
    pub id: FlavorId,
    /// Its name.
    pub name: String,
    /// Virtual CPUs.
    pub vcpus: u32,
    /// Memory, MiB.
    pub memory_mib: u64,
    /// Root disk, GiB.
    pub root_gib: u64,
    /// Further disk, GiB.
    pub ephemeral_gib: u64,
    /// Swap, MiB.
    pub swap_mib: u64,
    /// Extra specs.
    pub extra_specs: BTreeMap<String, String>,
}

/// What a host must know of an image to boot from it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerImage {
    /// The image.
    pub id: ImageId,
    /// Its format as detected at upload.
    pub format: String,
    /// SHA-512 of its data, hex.
    pub sha512: String,
    /// Size the guest sees, bytes.
    pub virtual_size: u64,
}

/// What went wrong with a server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// As an HTTP status.
    pub code: u16,
    /// For the user.
    pub message: String,
    /// For the administrator.
    pub details: String,
    /// When.
    pub created: Timestamp,
}

/// Who locked a server, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Locked {
    /// `true`: an administrator did, and only one can unlock.
    pub by_admin: bool,
    /// Their words (microversion 2.73).
    #[serde(default)]
    pub reason: Option<String>,
}

/// A server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Server {
    /// Its id.
    pub id: ServerId,
    /// Its name; need not be unique.
    pub name: String,
    /// Its host name inside.
    pub hostname: String,
    /// Free text (microversion 2.19).
    #[serde(default)]
    pub description: Option<String>,
    /// The project.
    pub project_id: ProjectId,
    /// Who made it.
    pub user_id: UserId,
    /// Its size.
    pub flavor: ServerFlavor,
    /// The image it was made from; `None` when it boots from a volume.
    pub image_id: Option<ImageId>,
    /// That image as it was: the server outlives the image's row.
    #[serde(default)]
    pub image: Option<ServerImage>,
    /// Kernel of a direct boot (the image's `kernel_id`), then its ramdisk (`ramdisk_id`).
    #[serde(default)]
    pub kernel: Option<ServerImage>,
    /// See `kernel`.
    #[serde(default)]
    pub ramdisk: Option<ServerImage>,
    /// Arguments of a kernel booted directly (the image's `os_command_line`).
    #[serde(default)]
    pub kernel_arguments: String,
    /// The key pair's name and its public line, as they were.
    #[serde(default)]
    pub key: Option<(String, String)>,
    /// User data, base64.
    #[serde(default)]
    pub user_data: Option<String>,
    /// The image's properties as they were (shown from microversion 2.98).
    #[serde(default)]
    pub image_properties: BTreeMap<String, String>,
    /// Key/value metadata.
    #[serde(default)]
    pub metadata: BTreeMap<String, String>,
    /// Labels (microversion 2.26).
    #[serde(default)]
    pub tags: BTreeSet<String>,
    /// Files to inject: path and base64 content (below 2.57).
    #[serde(default)]
    pub personality: Vec<(String, String)>,
    /// Whether it has a config drive.
    #[serde(default)]
    pub config_drive: bool,
    /// Given to the guest by config drive.
    #[serde(default)]
    pub admin_pass: Option<String>,
    /// The password that its guest left, encrypted for the key pair.
    #[serde(default)]
    pub guest_password: Option<String>,
    /// The zone asked for, if any.
    #[serde(default)]
    pub requested_zone: Option<String>,
    /// Hints for the scheduler, as they were given (shown from microversion 2.100).
    #[serde(default)]
    pub scheduler_hints: serde_json::Map<String, serde_json::Value>,
    /// The server group it is a member of.
    #[serde(default)]
    pub group_id: Option<ServerGroupId>,
    /// The host it is on.
    pub host: Option<HostId>,
    /// Its ports, in the order of NICs.
    pub ports: Vec<PortId>,
    /// Device tags of its NICs (microversion 2.32).
    #[serde(default)]
    pub nic_tags: BTreeMap<PortId, String>,
    /// Index among the servers of one request.
    #[serde(default)]
    pub launch_index: u32,
    /// EC2's reservation id.
    #[serde(default)]
    pub reservation_id: String,
    /// Given to the guest as `random_seed`, base64.
    #[serde(default)]
    pub random_seed: String,
    /// `AUTO` or `MANUAL`, kept for the API.
    #[serde(default = "manual")]
    pub disk_config: String,
    /// `accessIPv4`.
    #[serde(default)]
    pub access_ipv4: Option<Ipv4Addr>,
    /// `accessIPv6`.
    #[serde(default)]
    pub access_ipv6: Option<Ipv6Addr>,
    /// What it is.
    pub vm_state: VmState,
    /// What is being done to it.
    pub task_state: Option<TaskState>,
    /// What the hypervisor sees.
    pub power_state: PowerState,
    /// What it should be doing: the host makes it so.
    pub desired: DesiredPower,
    /// Hard reboots asked for so far.
    #[serde(default)]
    pub hard_reboots: u64,
    /// Soft reboots asked for so far.
    #[serde(default)]
    pub soft_reboots: u64,
    /// Works on its disks, asked for and under way.
    #[serde(default)]
    pub works: works::Works,
    /// Per cent of the current long task.
    #[serde(default)]
    pub progress: u8,
    /// Locked against changes.
    #[serde(default)]
    pub locked: Option<Locked>,
    /// What went wrong.
    #[serde(default)]
    pub fault: Option<Fault>,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// When it first ran.
    #[serde(default)]
    pub launched_at: Option<Timestamp>,
    /// When it was deleted.
    #[serde(default)]
    pub terminated_at: Option<Timestamp>,
}

fn manual() -> String {
    "MANUAL".to_owned()
}

impl Row for Server {
    type Id = ServerId;
    const KIND: &'static str = "server";
    crate::table!(Server, servers);
    fn id(&self) -> ServerId {
        self.id
    }
    fn not_found(id: &ServerId) -> Error {
        Error::not_found("InstanceNotFound", format!("Instance {id} could not be found."))
    }
    fn project(&self) -> Option<&ProjectId> {
        Some(&self.project_id)
    }
    fn index(&self, lookups: &mut Lookups, present: bool) {
        lookups
            .servers_by_project
            .set(self.project_id.clone(), self.id, present);
        if present && self.host.is_some() && self.task_state.is_some() {
            lookups.busy_servers.insert(self.id);
        } else {
            lookups.busy_servers.remove(&self.id);
        }
        if present && (self.works.snapshot.is_some() || self.works.shelved_image.is_some()) {
            lookups.snapshotting.insert(self.id);
        } else {
            lookups.snapshotting.remove(&self.id);
        }
    }
}

/// The server, if the caller may see it.
///
/// # Errors
/// `InstanceNotFound`, the same for one that is another project's.
pub fn get_visible(cloud: &Cloud, actor: &Actor, id: ServerId) -> Result<Arc<Server>> {
    cloud
        .find::<Server>(&id)
        .filter(|server| actor.can_see(&server.project_id))
        .cloned()
        .ok_or_else(|| Server::not_found(&id))
}

/// The servers that are there, of a project or of everyone.
pub fn living<'a>(cloud: &'a Cloud, project: Option<&ProjectId>) -> Box<dyn Iterator<Item = &'a Arc<Server>> + 'a> {
    match project {
        Some(project) => {
            let ids = cloud.lookups.servers_by_project.of(project);
            Box::new(ids.filter_map(|id| cloud.servers.get(id)))
        }
        None => Box::new(cloud.servers.iter()),
    }
}

/// Nova's `status`: what vm_state and task_state make together.
pub fn status(vm_state: VmState, task_state: Option<TaskState>) -> &'static str {
    match (vm_state, task_state) {
        (VmState::Active | VmState::Stopped | VmState::Error, Some(TaskState::Rebuilding)) => "REBUILD",
        (VmState::Active | VmState::Stopped, Some(TaskState::ResizePrep)) => "RESIZE",
        (VmState::Resized, Some(TaskState::ResizeReverting)) => "REVERT_RESIZE",
        (VmState::Active, Some(TaskState::Rebooting)) => "REBOOT",
        (VmState::Active, Some(TaskState::RebootingHard)) => "HARD_REBOOT",
        (VmState::Active, _) => "ACTIVE",
        (VmState::Building, _) => "BUILD",
        (VmState::Stopped, _) => "SHUTOFF",
        (VmState::Paused, _) => "PAUSED",
        (VmState::Suspended, _) => "SUSPENDED",
        (VmState::Resized, _) => "VERIFY_RESIZE",
        (VmState::Rescued, _) => "RESCUE",
        (VmState::Shelved, _) => "SHELVED",
        (VmState::ShelvedOffloaded, _) => "SHELVED_OFFLOADED",
        (VmState::Error, _) => "ERROR",
        (VmState::Deleted, _) => "DELETED",
    }
}
