//! What a server is doing, in words that need no knowledge of Nova's.

use model::compute::server::admission::Denied;
use model::compute::{PowerState, Server, TaskState, VmState};

use crate::messages::Text;
use crate::ui::Mood;

/// Its state in a word or two, and how that is.
pub(crate) fn state(t: Text, server: &Server) -> (Mood, String) {
    if let Some(task) = server.task_state {
        let words = task_words(t, task);
        let words = match server.progress {
            1..100 => t.server_progress(words, server.progress),
            _ => words.to_owned(),
        };
        return (Mood::Busy, words);
    }
    let mood = match server.vm_state {
        VmState::Active if server.power_state == PowerState::Crashed => Mood::Bad,
        VmState::Active => Mood::Good,
        VmState::Building => Mood::Busy,
        VmState::Paused
        | VmState::Suspended
        | VmState::Stopped
        | VmState::Shelved
        | VmState::ShelvedOffloaded
        | VmState::Deleted => Mood::Idle,
        VmState::Resized | VmState::Rescued => Mood::Warn,
        VmState::Error => Mood::Bad,
    };
    if server.vm_state == VmState::Active && server.power_state == PowerState::Crashed {
        return (mood, t.server_power_crashed().to_owned());
    }
    (mood, vm_words(t, server.vm_state).to_owned())
}

/// Nova's `vm_state` in words.
pub(crate) fn vm_words(t: Text, state: VmState) -> &'static str {
    match state {
        VmState::Building => t.server_building(),
        VmState::Active => t.server_active(),
        VmState::Paused => t.server_paused(),
        VmState::Suspended => t.server_suspended(),
        VmState::Stopped => t.server_stopped(),
        VmState::Resized => t.server_resized(),
        VmState::Rescued => t.server_rescued(),
        VmState::Shelved | VmState::ShelvedOffloaded => t.server_shelved(),
        VmState::Error => t.server_error(),
        VmState::Deleted => t.server_deleted(),
    }
}

/// Nova's `task_state` in words.
pub(crate) fn task_words(t: Text, task: TaskState) -> &'static str {
    match task {
        TaskState::Scheduling => t.server_scheduling(),
        TaskState::Networking => t.server_networking(),
        TaskState::BlockDeviceMapping => t.server_making_disks(),
        TaskState::Spawning => t.server_spawning(),
        TaskState::PoweringOn => t.server_powering_on(),
        TaskState::PoweringOff => t.server_powering_off(),
        TaskState::Rebooting => t.server_rebooting(),
        TaskState::RebootingHard => t.server_rebooting_hard(),
        TaskState::Pausing => t.server_pausing(),
        TaskState::Unpausing => t.server_unpausing(),
        TaskState::Suspending => t.server_suspending(),
        TaskState::Resuming => t.server_resuming(),
        TaskState::ImageSnapshot | TaskState::ImageBackup => t.server_copying_disk(),
        TaskState::ImageUploading => t.server_making_image(),
        TaskState::Rebuilding => t.server_rebuilding(),
        TaskState::ResizePrep => t.server_resizing(),
        TaskState::ResizeReverting => t.server_reverting(),
        TaskState::Rescuing => t.server_rescuing(),
        TaskState::Unrescuing => t.server_unrescuing(),
        TaskState::Shelving => t.server_shelving(),
        TaskState::ShelvingImageUploading => t.server_making_image(),
        TaskState::ShelvingOffloading => t.server_offloading(),
        TaskState::Unshelving => t.server_unshelving(),
        TaskState::Deleting => t.server_deleting(),
    }
}

/// What the hypervisor sees, in a word.
pub(crate) fn power_words(t: Text, power: PowerState) -> &'static str {
    match power {
        PowerState::NoState => t.server_power_unknown(),
        PowerState::Running => t.server_power_on(),
        PowerState::Paused => t.server_power_paused(),
        PowerState::Shutdown => t.server_power_off(),
        PowerState::Crashed => t.server_power_crashed(),
        PowerState::Suspended => t.server_power_suspended(),
    }
}

/// What the hypervisor sees, where that is not what the state says: a server that runs and has no power.
pub(super) fn odd_power(server: &Server) -> Option<PowerState> {
    let expected: &[PowerState] = match server.vm_state {
        // A crash is told by the state itself.
        VmState::Active | VmState::Rescued => &[PowerState::Running, PowerState::Crashed],
        VmState::Paused => &[PowerState::Paused],
        VmState::Suspended => &[PowerState::Suspended, PowerState::Shutdown],
        VmState::Stopped | VmState::Shelved | VmState::ShelvedOffloaded => &[PowerState::Shutdown],
        VmState::Building | VmState::Resized | VmState::Error | VmState::Deleted => return None,
    };
    let power = server.power_state;
    // While something is done to it, its power is on the way, too.
    let is_odd = server.task_state.is_none() && power != PowerState::NoState && !expected.contains(&power);
    is_odd.then_some(power)
}

/// Why something can't be done now.
pub(crate) fn denied_words(t: Text, denied: Denied) -> String {
    match denied {
        Denied::VmState(state) => t.server_not_in(state),
        Denied::TaskState(task) => t.server_wait_for(task_words(t, task)),
        Denied::NeverLaunched => t.server_never_launched().to_owned(),
        Denied::Locked => t.server_is_locked().to_owned(),
    }
}

/// An entry of the action log in words; one that has none is shown as Nova calls it.
pub(crate) fn action_words(t: Text, action: &str) -> String {
    match action {
        "create" => t.server_log_create(),
        "delete" | "forceDelete" => t.delete(),
        "start" => t.server_do_start(),
        "stop" => t.server_do_stop(),
        // Of which kind is not kept, as in Nova.
        "reboot" => t.server_log_reboot(),
        "pause" => t.server_do_pause(),
        "unpause" => t.server_do_unpause(),
        "suspend" => t.server_do_suspend(),
        "resume" => t.server_do_resume(),
        "lock" => t.server_do_lock(),
        "unlock" => t.server_do_unlock(),
        "shelve" => t.server_do_shelve(),
        "shelveOffload" => t.server_do_offload(),
        "unshelve" => t.server_do_unshelve(),
        "resize" => t.server_do_resize(),
        "confirmResize" => t.server_do_confirm(),
        "revertResize" => t.server_do_revert(),
        "rebuild" => t.server_do_rebuild(),
        "rescue" => t.server_do_rescue(),
        "unrescue" => t.server_do_unrescue(),
        "createImage" => t.server_do_snapshot(),
        "createBackup" => t.server_log_backup(),
        "attach_interface" => t.server_do_attach_nic(),
        "detach_interface" => t.server_do_detach_nic(),
        "attach_volume" => t.server_do_attach_volume(),
        "detach_volume" => t.server_do_detach_volume(),
        "extend_volume" => t.server_log_extend(),
        "live-migration" => t.server_do_live_migrate(),
        "migrate" => t.server_do_migrate(),
        "trigger_crash_dump" => t.server_do_crash_dump(),
        other => return other.to_owned(),
    }
    .to_owned()
}
