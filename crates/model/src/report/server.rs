//! A server's state from its host's report.
//!
//! ```text
//!  asked for            reported                 becomes
//!  On                   running, reboots done    active, no task
//!  On                   off, by its guest        stopped (and wanted off: it stays off until started again)
//!  Off                  off                      stopped, no task
//!  Paused / Suspended   the same                 paused / suspended, no task
//!  any                  failed, reboots tried    error, with the fault; no task
//!  Off, to be shelved   off                      shelved_offloaded, on no host
//!  being deleted        not listed any more      the row goes
//! ```

use super::View;
use crate::compute::migration::{self, MigrationStatus};
use crate::compute::server::{delete, reimage, shelve};
use crate::compute::{Fault, PowerState, Server, TaskState, VmState, finish_action};
use crate::host::{DesiredPower, ServerPhase, ServerReport, SnapshotState};
use crate::{Result, ServerId, Timestamp, Tx};

/// What folding would do to a server.
pub(super) enum After {
    /// Its host let go of it.
    Gone,
    /// The row changes so.
    Row(Box<Server>),
}

/// The row after the report; `None` when nothing changes. Times are left as they are.
pub(super) fn after(row: &Server, view: &View<'_>) -> Option<After> {
    if row.host.as_ref() != Some(view.host) {
        return None;
    }
    let report = view.newest.servers.get(&row.id);
    if row.task_state == Some(TaskState::Deleting) {
        let gone = report.is_none() && !view.config.servers.contains_key(&row.id) && view.newest.revision > 0;
        return gone.then_some(After::Gone);
    }
    let mut after = apply(row, report?).unwrap_or_else(|| row.clone());
    // It is left once: a later program in the guest can't replace it.
    if after.guest_password.is_none() {
        after.guest_password = view.newest.passwords.get(&row.id).cloned();
    }
    (after != *row).then(|| After::Row(Box::new(after)))
}

fn apply(row: &Server, report: &ServerReport) -> Option<Server> {
    let mut after = row.clone();
    if row.task_state.is_some_and(TaskState::awaits_snapshot) && !matches!(report.phase, ServerPhase::Failed { .. }) {
        return snapshot_progress(row, report);
    }
    if row.works.reimage.is_some() {
        return reimage::after(row, report);
    }
    let works = &row.works;
    let trial = works.resize.as_ref().map_or(0, |_| works.resizes);
    let works_done =
        report.done.rebuilds >= works.rebuilds && report.done.trial >= trial && report.done.reverted >= works.reverted;
    let reboots_done = works_done && report.hard_reboots >= row.hard_reboots && report.soft_reboots >= row.soft_reboots;
    match (&report.phase, row.desired) {
        // A failure from before the reboot that is to mend it says nothing of it.
        (ServerPhase::Failed { .. }, _) if !reboots_done => return None,
        (ServerPhase::Failed { message, detail }, _) => {
            let known = row.vm_state == VmState::Error && row.fault.as_ref().is_some_and(|f| f.message == *message);
            after.vm_state = VmState::Error;
            after.power_state = PowerState::NoState;
            after.task_state = None;
            if !known {
                after.fault = Some(Fault {
                    code: 500,
                    message: message.clone(),
                    details: detail.clone(),
                    created: Timestamp::EPOCH,
                });
            }
        }
        (ServerPhase::Queued | ServerPhase::PreparingDisk { .. }, _) if row.vm_state == VmState::Building => {
            after.task_state = Some(TaskState::Spawning);
            if let ServerPhase::PreparingDisk { percent } = report.phase {
                // A row a step of ten: progress is for people, not worth a commit a per cent.
                after.progress = percent / 10 * 10;
            }
        }
        (ServerPhase::Running, DesiredPower::On) if reboots_done => {
            settle(&mut after, VmState::Active, PowerState::Running);
        }
        _ if !works_done => return None,
        (ServerPhase::Paused, DesiredPower::Paused) => settle(&mut after, VmState::Paused, PowerState::Paused),
        (ServerPhase::Suspended, DesiredPower::Suspended) => {
            settle(&mut after, VmState::Suspended, PowerState::Suspended);
        }
        (ServerPhase::Off { .. }, DesiredPower::Off) => settle(&mut after, VmState::Stopped, PowerState::Shutdown),
        (ServerPhase::Off { by_guest: true }, DesiredPower::On) if reboots_done && row.task_state.is_none() => {
            after.desired = DesiredPower::Off;
            settle(&mut after, VmState::Stopped, PowerState::Shutdown);
        }
        _ => return None,
    }
    Some(after)
}

/// How far the copy of its disk is. Its power is not looked at: what comes after the copy decides on that.
fn snapshot_progress(row: &Server, report: &ServerReport) -> Option<Server> {
    let copy = report.done.snapshot.as_ref()?;
    let SnapshotState::Making { percent } = copy.state else {
        return None;
    };
    let is_it = row.works.snapshot.as_ref().is_some_and(|s| s.image_id == copy.image_id);
    is_it.then(|| Server {
        progress: percent / 10 * 10,
        ..row.clone()
    })
}

fn settle(server: &mut Server, vm_state: VmState, power_state: PowerState) {
    // A server in rescue, or one whose size is on trial, is that whether it runs or not.
    server.vm_state = match (&server.works.rescue, &server.works.resize) {
        (Some(_), _) => VmState::Rescued,
        (None, Some(_)) => VmState::Resized,
        (None, None) => vm_state,
    };
    server.power_state = power_state;
    server.task_state = None;
    server.progress = if vm_state == VmState::Active { 100 } else { 0 };
    server.fault = None;
}

pub(super) fn fold(tx: &mut Tx<'_>, view: &View<'_>, id: ServerId) -> Result<()> {
    let Some(row) = tx.cloud().servers.get(&id).cloned() else {
        return Ok(());
    };
    match after(&row, view) {
        None => Ok(()),
        Some(After::Gone) => delete::remove(tx, &row),
        Some(After::Row(after)) => enter(tx, &row, *after),
    }
}

fn enter(tx: &mut Tx<'_>, before: &Server, mut after: Server) -> Result<()> {
    let now = tx.now();
    after.updated_at = now;
    if after.vm_state == VmState::Active && after.launched_at.is_none() {
        after.launched_at = Some(now);
    }
    if let Some(fault) = after.fault.as_mut().filter(|fault| fault.created == Timestamp::EPOCH) {
        fault.created = now;
    }
    reimage::follow(tx, before, &after)?;
    if before.task_state == Some(TaskState::ShelvingOffloading) && after.vm_state == VmState::Stopped {
        shelve::leave_host(tx, &mut after)?;
    }
    if before.task_state.is_some() && after.task_state.is_none() {
        finish_action(tx, &after, after.vm_state == VmState::Error);
        note_migration(tx, before, &after);
    }
    tx.put(after);
    Ok(())
}

/// A resize that came to its end is noted in the list of migrations.
fn note_migration(tx: &mut Tx<'_>, before: &Server, after: &Server) {
    let failed = after.vm_state == VmState::Error;
    let (number, done) = match (before.task_state, &before.works.resize) {
        (Some(TaskState::ResizePrep), Some(resize)) => (Some(resize.migration), MigrationStatus::Finished),
        (Some(TaskState::ResizeReverting), _) => {
            let newest = tx.cloud().lookups.migrations_by_server.of(&before.id).last();
            (newest.copied(), MigrationStatus::Reverted)
        }
        _ => return,
    };
    if let Some(number) = number {
        migration::note(tx, number, if failed { MigrationStatus::Error } else { done });
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::compute::server::tests::server;

    fn report(phase: ServerPhase, hard_reboots: u64) -> ServerReport {
        ServerReport {
            phase,
            hard_reboots,
            soft_reboots: 0,
            nics: BTreeSet::new(),
            volumes: Default::default(),
            volumes_wanted: BTreeSet::new(),
            done: Default::default(),
        }
    }

    #[test]
    fn a_failure_from_before_a_reboot_does_not_end_it() {
        let failed = ServerPhase::Failed {
            message: "no disk".into(),
            detail: String::new(),
        };
        let mut row = server();
        row.vm_state = VmState::Error;
        row.task_state = Some(TaskState::RebootingHard);
        row.hard_reboots = 1;
        assert_eq!(apply(&row, &report(failed.clone(), 0)), None);
        let after = apply(&row, &report(failed, 1)).unwrap();
        assert_eq!((after.vm_state, after.task_state), (VmState::Error, None));
        assert_eq!(after.fault.unwrap().message, "no disk");
        let after = apply(&row, &report(ServerPhase::Running, 1)).unwrap();
        assert_eq!((after.vm_state, after.task_state), (VmState::Active, None));
    }

    /// "On, shut down by its guest" is what the host said last; the start is what the user said since.
    #[test]
    fn a_report_from_before_a_start_does_not_take_it_back() {
        let mut row = server();
        row.vm_state = VmState::Stopped;
        row.task_state = Some(TaskState::PoweringOn);
        row.hard_reboots = 1;
        assert_eq!(apply(&row, &report(ServerPhase::Off { by_guest: true }, 0)), None);
    }
}
