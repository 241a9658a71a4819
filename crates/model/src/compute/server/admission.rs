//! May this request happen now? A pure function with a typed reason.
//!
//! The table is Nova's (`compute/api.py`, `check_instance_state` of each operation): which vm_states an operation wants,
//! whether it may run beside another task, and whether a lock stops it.

use super::{Server, TaskState, VmState};
use crate::{Error, ServerId};

/// Something asked of a server that exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operation {
    /// `os-start`.
    Start,
    /// `os-stop`.
    Stop,
    /// `reboot`, SOFT.
    SoftReboot,
    /// `reboot`, HARD.
    HardReboot,
    /// `pause`.
    Pause,
    /// `unpause`.
    Unpause,
    /// `suspend`.
    Suspend,
    /// `resume`.
    Resume,
    /// DELETE.
    Delete,
    /// `forceDelete`.
    ForceDelete,
    /// `os-interface` POST.
    AttachInterface,
    /// `os-interface` DELETE.
    DetachInterface,
    /// Any change of the metadata.
    ChangeMetadata,
    /// `changePassword`.
    ChangePassword,
    /// `os-volume_attachments` POST.
    AttachVolume,
    /// `os-volume_attachments` DELETE.
    DetachVolume,
    /// `createImage`.
    CreateImage,
    /// `createBackup`.
    CreateBackup,
    /// `rebuild`.
    Rebuild,
    /// `resize`.
    Resize,
    /// `migrate`.
    Migrate,
    /// `confirmResize`.
    ConfirmResize,
    /// `revertResize`.
    RevertResize,
    /// `rescue`.
    Rescue,
    /// `unrescue`.
    Unrescue,
    /// `shelve`.
    Shelve,
    /// `shelveOffload`.
    ShelveOffload,
    /// `unshelve`.
    Unshelve,
    /// `trigger_crash_dump`.
    CrashDump,
    /// `os-migrateLive`.
    LiveMigrate,
    /// `evacuate`.
    Evacuate,
}

impl Operation {
    /// Every operation.
    pub const ALL: [Self; 31] = [
        Self::Start,
        Self::Stop,
        Self::SoftReboot,
        Self::HardReboot,
        Self::Pause,
        Self::Unpause,
        Self::Suspend,
        Self::Resume,
        Self::Delete,
        Self::ForceDelete,
        Self::AttachInterface,
        Self::DetachInterface,
        Self::ChangeMetadata,
        Self::ChangePassword,
        Self::AttachVolume,
        Self::DetachVolume,
        Self::CreateImage,
        Self::CreateBackup,
        Self::Rebuild,
        Self::Resize,
        Self::Migrate,
        Self::ConfirmResize,
        Self::RevertResize,
        Self::Rescue,
        Self::Unrescue,
        Self::Shelve,
        Self::ShelveOffload,
        Self::Unshelve,
        Self::CrashDump,
        Self::LiveMigrate,
        Self::Evacuate,
    ];

    /// The name that Nova puts into its 409 text.
    pub fn name(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Stop => "stop",
            Self::SoftReboot | Self::HardReboot => "reboot",
            Self::Pause => "pause",
            Self::Unpause => "unpause",
            Self::Suspend => "suspend",
            Self::Resume => "resume",
            Self::Delete => "delete",
            Self::ForceDelete => "forceDelete",
            Self::AttachInterface => "attach_interface",
            Self::DetachInterface => "detach_interface",
            Self::ChangeMetadata => "update metadata",
            Self::ChangePassword => "changePassword",
            Self::AttachVolume => "attach_volume",
            Self::DetachVolume => "detach_volume",
            Self::CreateImage => "createImage",
            Self::CreateBackup => "createBackup",
            Self::Rebuild => "rebuild",
            Self::Resize => "resize",
            Self::Migrate => "migrate",
            Self::ConfirmResize => "confirmResize",
            Self::RevertResize => "revertResize",
            Self::Rescue => "rescue",
            Self::Unrescue => "unrescue",
            Self::Shelve => "shelve",
            Self::ShelveOffload => "shelveOffload",
            Self::Unshelve => "unshelve",
            Self::CrashDump => "trigger_crash_dump",
            Self::LiveMigrate => "os-migrateLive",
            Self::Evacuate => "evacuate",
        }
    }

    /// The vm_states it may start from; empty for any.
    fn wants(self) -> &'static [VmState] {
        use VmState::{Active, Error, Paused, Rescued, Resized, Shelved, ShelvedOffloaded, Stopped, Suspended};
        match self {
            Self::Start => &[Stopped],
            Self::Stop => &[Active, Error],
            Self::SoftReboot | Self::Pause | Self::Suspend | Self::ChangePassword => &[Active],
            Self::HardReboot => &[Active, Stopped, Paused, Suspended, Error],
            Self::Unpause => &[Paused],
            Self::Resume => &[Suspended],
            Self::AttachInterface | Self::DetachInterface => &[Active, Paused, Stopped],
            Self::AttachVolume | Self::DetachVolume => &[Active, Paused, Stopped, Resized, Shelved, ShelvedOffloaded],
            Self::ChangeMetadata | Self::CreateImage | Self::CreateBackup | Self::Shelve => {
                &[Active, Paused, Suspended, Stopped]
            }
            Self::Rebuild | Self::Rescue => &[Active, Stopped, Error],
            Self::Resize | Self::Migrate => &[Active, Stopped],
            Self::ConfirmResize | Self::RevertResize => &[Resized],
            Self::Unrescue => &[Rescued],
            Self::ShelveOffload => &[Shelved],
            Self::Unshelve => &[Shelved, ShelvedOffloaded],
            Self::CrashDump => &[Active, Paused, Rescued, Resized, Error],
            Self::LiveMigrate => &[Active, Paused],
            Self::Evacuate => &[Active, Stopped, Error],
            Self::Delete | Self::ForceDelete => &[],
        }
    }

    /// Whether a lock leaves it alone: it changes nothing of the server.
    fn passes_locks(self) -> bool {
        matches!(self, Self::CreateImage | Self::CreateBackup)
    }

    /// Whether a server that is on no host takes it. One that was shelved gets its volumes with its next host.
    fn needs_no_host(self, state: VmState) -> bool {
        match self {
            Self::ChangeMetadata | Self::Unshelve => true,
            Self::AttachVolume | Self::DetachVolume => state == VmState::ShelvedOffloaded,
            _ => false,
        }
    }

    /// Whether it may begin while this task runs.
    fn interrupts(self, task: TaskState) -> bool {
        match self {
            Self::Delete | Self::ForceDelete | Self::ChangeMetadata => true,
            Self::HardReboot => matches!(
                task,
                TaskState::Rebooting
                    | TaskState::RebootingHard
                    | TaskState::Pausing
                    | TaskState::Suspending
                    | TaskState::Resuming
                    | TaskState::Unpausing
            ),
            _ => false,
        }
    }
}

/// What becomes of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// It may begin.
    Allowed,
    /// It has been asked for already and goes on: answered as if it had just begun.
    AlreadySo,
}

/// Why a request can't happen now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Denied {
    /// The server's state forbids it.
    VmState(VmState),
    /// Something else is being done to it.
    TaskState(TaskState),
    /// It was never started on a host.
    NeverLaunched,
    /// It is locked.
    Locked,
}

/// Who asks, as far as locks are concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asker {
    /// Anyone of the project.
    Member,
    /// The administrator, whom no lock stops.
    Admin,
}

/// Whether a request may happen now.
///
/// # Errors
/// Why not.
pub fn admit(server: &Server, asker: Asker, operation: Operation) -> Result<Admission, Denied> {
    let is_deletion = matches!(operation, Operation::Delete | Operation::ForceDelete);
    if server.locked.is_some() && asker != Asker::Admin && !operation.passes_locks() {
        return Err(Denied::Locked);
    }
    if is_deletion {
        let is_leaving = server.task_state == Some(TaskState::Deleting) || server.vm_state == VmState::Deleted;
        return Ok(if is_leaving {
            Admission::AlreadySo
        } else {
            Admission::Allowed
        });
    }
    let wants = operation.wants();
    if !wants.is_empty() && !wants.contains(&server.vm_state) {
        return Err(Denied::VmState(server.vm_state));
    }
    if let Some(task) = server.task_state.filter(|task| !operation.interrupts(*task)) {
        return Err(Denied::TaskState(task));
    }
    // A server in ERROR may never have reached a host: there is nothing to stop or to reboot.
    if server.host.is_none() && !operation.needs_no_host(server.vm_state) {
        return Err(Denied::NeverLaunched);
    }
    Ok(Admission::Allowed)
}

impl Denied {
    /// As Nova says it.
    pub fn into_error(self, id: ServerId, operation: &str) -> Error {
        let (attribute, state) = match self {
            Self::Locked => {
                return Error::conflict("InstanceIsLocked", format!("Instance {id} is locked"));
            }
            Self::NeverLaunched => {
                return Error::conflict(
                    "InstanceNotReady",
                    format!(
                        "Instance {id} is not ready: it was never started on a host, so there is nothing to {operation}. \
                         Look at its fault, delete it and create it anew."
                    ),
                );
            }
            Self::VmState(state) => ("vm_state", state.as_str()),
            Self::TaskState(state) => ("task_state", state.as_str()),
        };
        Error::conflict(
            "InstanceInvalidState",
            format!("Cannot '{operation}' instance {id} while it is in {attribute} {state}"),
        )
    }
}

#[cfg(test)]
#[path = "admission_tests.rs"]
mod tests;
