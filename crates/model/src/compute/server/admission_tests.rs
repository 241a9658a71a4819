use proptest::prelude::*;

use super::super::tests::server;
use super::*;
use crate::HostId;
use crate::compute::Locked;

const VM_STATES: [VmState; 11] = [
    VmState::Building,
    VmState::Active,
    VmState::Paused,
    VmState::Suspended,
    VmState::Stopped,
    VmState::Resized,
    VmState::Rescued,
    VmState::Shelved,
    VmState::ShelvedOffloaded,
    VmState::Error,
    VmState::Deleted,
];

const TASKS: [TaskState; 25] = [
    TaskState::Scheduling,
    TaskState::Networking,
    TaskState::BlockDeviceMapping,
    TaskState::Spawning,
    TaskState::PoweringOn,
    TaskState::PoweringOff,
    TaskState::Rebooting,
    TaskState::RebootingHard,
    TaskState::Pausing,
    TaskState::Unpausing,
    TaskState::Suspending,
    TaskState::Resuming,
    TaskState::ImageSnapshot,
    TaskState::ImageBackup,
    TaskState::ImageUploading,
    TaskState::Rebuilding,
    TaskState::ResizePrep,
    TaskState::ResizeReverting,
    TaskState::Rescuing,
    TaskState::Unrescuing,
    TaskState::Shelving,
    TaskState::ShelvingImageUploading,
    TaskState::ShelvingOffloading,
    TaskState::Unshelving,
    TaskState::Deleting,
];

fn in_state(vm_state: VmState, task_state: Option<TaskState>) -> Server {
    Server {
        vm_state,
        task_state,
        host: Some(HostId::from("host-1")),
        ..server()
    }
}

/// Which operations each idle state takes: the table of Nova's compute API, the other way round.
#[test]
fn each_idle_state_takes_exactly_these() {
    use Operation as O;
    let always = [O::Delete, O::ForceDelete];
    let cases: [(VmState, &[Operation]); 10] = [
        (VmState::Building, &[]),
        (
            VmState::Active,
            &[
                O::Stop,
                O::SoftReboot,
                O::HardReboot,
                O::Pause,
                O::Suspend,
                O::AttachInterface,
                O::DetachInterface,
                O::AttachVolume,
                O::DetachVolume,
                O::ChangeMetadata,
                O::ChangePassword,
                O::CreateImage,
                O::CreateBackup,
                O::Rebuild,
                O::Resize,
                O::Migrate,
                O::Rescue,
                O::Shelve,
                O::CrashDump,
                O::LiveMigrate,
                O::Evacuate,
            ],
        ),
        (
            VmState::Paused,
            &[
                O::Unpause,
                O::HardReboot,
                O::AttachInterface,
                O::DetachInterface,
                O::AttachVolume,
                O::DetachVolume,
                O::ChangeMetadata,
                O::CreateImage,
                O::CreateBackup,
                O::Shelve,
                O::CrashDump,
                O::LiveMigrate,
            ],
        ),
        (
            VmState::Suspended,
            &[
                O::Resume,
                O::HardReboot,
                O::ChangeMetadata,
                O::CreateImage,
                O::CreateBackup,
                O::Shelve,
            ],
        ),
        (
            VmState::Stopped,
            &[
                O::Start,
                O::HardReboot,
                O::AttachInterface,
                O::DetachInterface,
                O::AttachVolume,
                O::DetachVolume,
                O::ChangeMetadata,
                O::CreateImage,
                O::CreateBackup,
                O::Rebuild,
                O::Resize,
                O::Migrate,
                O::Rescue,
                O::Shelve,
                O::Evacuate,
            ],
        ),
        (
            VmState::Error,
            &[O::Stop, O::HardReboot, O::Rebuild, O::Rescue, O::CrashDump, O::Evacuate],
        ),
        (
            VmState::Resized,
            &[
                O::ConfirmResize,
                O::RevertResize,
                O::AttachVolume,
                O::DetachVolume,
                O::CrashDump,
            ],
        ),
        (VmState::Rescued, &[O::Unrescue, O::CrashDump]),
        (
            VmState::Shelved,
            &[O::ShelveOffload, O::Unshelve, O::AttachVolume, O::DetachVolume],
        ),
        (
            VmState::ShelvedOffloaded,
            &[O::Unshelve, O::AttachVolume, O::DetachVolume],
        ),
    ];
    for (state, taken) in cases {
        for operation in Operation::ALL {
            let admission = admit(&in_state(state, None), Asker::Member, operation);
            if taken.contains(&operation) || always.contains(&operation) {
                assert_eq!(admission, Ok(Admission::Allowed), "{operation:?} in {state:?}");
            } else {
                assert_eq!(admission, Err(Denied::VmState(state)), "{operation:?} in {state:?}");
            }
        }
    }
}

#[test]
fn a_task_keeps_others_off_but_for_deletion_and_hard_reboot() {
    for task in TASKS {
        let server = in_state(VmState::Active, Some(task));
        let stop = admit(&server, Asker::Member, Operation::Stop);
        assert_eq!(stop, Err(Denied::TaskState(task)));
        let delete = admit(&server, Asker::Member, Operation::Delete);
        let wanted = if task == TaskState::Deleting {
            Admission::AlreadySo
        } else {
            Admission::Allowed
        };
        assert_eq!(delete, Ok(wanted), "{task:?}");
    }
    let rebooting = in_state(VmState::Active, Some(TaskState::Rebooting));
    assert_eq!(
        admit(&rebooting, Asker::Member, Operation::HardReboot),
        Ok(Admission::Allowed)
    );
    let stopping = in_state(VmState::Active, Some(TaskState::PoweringOff));
    assert!(admit(&stopping, Asker::Member, Operation::HardReboot).is_err());
}

#[test]
fn the_texts_are_novas() {
    let id = in_state(VmState::Active, None).id;
    let text = |denied: Denied| denied.into_error(id, "stop");
    assert_eq!(
        text(Denied::VmState(VmState::Paused)).message,
        format!("Cannot 'stop' instance {id} while it is in vm_state paused")
    );
    assert_eq!(
        text(Denied::TaskState(TaskState::PoweringOn)).message,
        format!("Cannot 'stop' instance {id} while it is in task_state powering-on")
    );
    assert_eq!(text(Denied::Locked).message, format!("Instance {id} is locked"));
    assert_eq!(text(Denied::Locked).kind, crate::ErrorKind::Conflict);
}

fn any_server() -> impl Strategy<Value = Server> {
    let task = proptest::option::of(proptest::sample::select(&TASKS[..]));
    let parts = (
        proptest::sample::select(&VM_STATES[..]),
        task,
        any::<bool>(),
        any::<bool>(),
    );
    parts.prop_map(|(vm_state, task, has_host, is_locked)| {
        let mut server = in_state(vm_state, task);
        if !has_host {
            server.host = None;
        }
        server.locked = is_locked.then_some(Locked {
            by_admin: false,
            reason: None,
        });
        server
    })
}

proptest! {
    #[test]
    fn what_is_promised_holds_in_every_state(server in any_server(), operation in proptest::sample::select(&Operation::ALL[..])) {
        let member = admit(&server, Asker::Member, operation);
        let admin = admit(&server, Asker::Admin, operation);
        // A lock stops members whatever the state, and administrators never. What changes nothing passes.
        let is_copy = matches!(operation, Operation::CreateImage | Operation::CreateBackup);
        prop_assert_eq!(member == Err(Denied::Locked), server.locked.is_some() && !is_copy);
        prop_assert_ne!(admin, Err(Denied::Locked));
        // Without a lock both are judged alike.
        if server.locked.is_none() {
            prop_assert_eq!(member, admin);
        }
        // Whatever state a server came to, it can be deleted.
        if matches!(operation, Operation::Delete | Operation::ForceDelete) {
            prop_assert!(admin.is_ok());
        }
        // Nothing but deletion touches one that is on its way out.
        if server.task_state == Some(TaskState::Deleting) && operation != Operation::ChangeMetadata {
            prop_assert!(admin != Ok(Admission::Allowed));
        }
        // Power is asked only of a server that is on a host.
        let needs_host = !matches!(
            operation,
            Operation::Delete | Operation::ForceDelete | Operation::ChangeMetadata | Operation::Unshelve
        );
        let is_volume = matches!(operation, Operation::AttachVolume | Operation::DetachVolume);
        let gets_it_later = is_volume && server.vm_state == VmState::ShelvedOffloaded;
        if server.host.is_none() && needs_host && !gets_it_later {
            prop_assert!(admin.is_err());
        }
    }
}
