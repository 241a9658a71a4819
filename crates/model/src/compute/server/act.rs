//! Actions on a server: each checks whether it may happen now, records what is wanted, and opens an entry in the log. The
//! host's report ends the task.

use std::sync::Arc;

use super::admission::{Admission, Asker, Operation, admit};
use super::{Locked, PowerState, Server, TaskState, VmState, get_visible, reimage};
use crate::compute::ActionLog;
use crate::host::DesiredPower;
use crate::{Actor, Error, Result, ServerId, Tx};

/// Whether the caller may do this to the server now.
pub(crate) fn admit_for(server: &Server, actor: &Actor, operation: Operation) -> Result<Admission> {
    let asker = if actor.is_admin() { Asker::Admin } else { Asker::Member };
    admit(server, asker, operation).map_err(|denied| denied.into_error(server.id, operation.name()))
}

/// Enters in the log that a crash dump was asked for; the host sends the interrupt that makes the guest write one.
///
/// # Errors
/// `InstanceNotFound`; what [`admit`] denies.
pub fn crash_dump(tx: &mut Tx<'_>, actor: &Actor, id: ServerId, request_id: uuid::Uuid) -> Result<()> {
    let server = get_visible(tx.cloud(), actor, id)?;
    admit_for(&server, actor, Operation::CrashDump)?;
    ActionLog::new("trigger_crash_dump", request_id)
        .at_once()
        .record(tx, actor, &server);
    Ok(())
}

/// Changes what a server should be doing (start, stop, reboot, pause, unpause, suspend, resume).
///
/// # Errors
/// `InstanceNotFound`; what [`admit`] denies.
pub fn power(
    tx: &mut Tx<'_>,
    actor: &Actor,
    id: ServerId,
    operation: Operation,
    request_id: uuid::Uuid,
) -> Result<Arc<Server>> {
    let server = get_visible(tx.cloud(), actor, id)?;
    if admit_for(&server, actor, operation)? == Admission::AlreadySo {
        return Ok(server);
    }
    let Some((desired, task)) = intent(operation) else {
        return Err(Error::internal(
            "InternalServerError",
            format!("{operation:?} does not change a server's power"),
        ));
    };
    let mut server = Server::clone(&server);
    server.desired = desired;
    reimage::forgive(&mut server);
    server.task_state = Some(task);
    server.updated_at = tx.now();
    match operation {
        // A start counts as one: its host may not have heard yet that a server whose guest shut itself down was to be off,
        // and "on" alone would tell it nothing new.
        Operation::HardReboot | Operation::Start => server.hard_reboots += 1,
        Operation::SoftReboot => server.soft_reboots += 1,
        _ => {}
    }
    ActionLog::new(operation.name(), request_id).record(tx, actor, &server);
    Ok(tx.put(server))
}

fn intent(operation: Operation) -> Option<(DesiredPower, TaskState)> {
    Some(match operation {
        Operation::Start => (DesiredPower::On, TaskState::PoweringOn),
        Operation::Stop => (DesiredPower::Off, TaskState::PoweringOff),
        Operation::SoftReboot => (DesiredPower::On, TaskState::Rebooting),
        Operation::HardReboot => (DesiredPower::On, TaskState::RebootingHard),
        Operation::Pause => (DesiredPower::Paused, TaskState::Pausing),
        Operation::Unpause => (DesiredPower::On, TaskState::Unpausing),
        Operation::Suspend => (DesiredPower::Suspended, TaskState::Suspending),
        Operation::Resume => (DesiredPower::On, TaskState::Resuming),
        _ => return None,
    })
}

/// Locks a server against its project's changes.
///
/// # Errors
/// `InstanceNotFound`.
pub fn lock(
    tx: &mut Tx<'_>,
    actor: &Actor,
    id: ServerId,
    reason: Option<String>,
    request_id: uuid::Uuid,
) -> Result<Arc<Server>> {
    let server = get_visible(tx.cloud(), actor, id)?;
    // The owner can't take over an administrator's lock.
    if !actor.is_admin() && server.locked.as_ref().is_some_and(|locked| locked.by_admin) {
        return Ok(server);
    }
    let mut server = Server::clone(&server);
    server.locked = Some(Locked {
        by_admin: !actor.owns(&server.project_id),
        reason,
    });
    server.updated_at = tx.now();
    ActionLog::new("lock", request_id).at_once().record(tx, actor, &server);
    Ok(tx.put(server))
}

/// Forgets the password that the guest left; it may leave another.
///
/// # Errors
/// `InstanceNotFound`.
pub fn clear_password(tx: &mut Tx<'_>, actor: &Actor, id: ServerId) -> Result<()> {
    let server = get_visible(tx.cloud(), actor, id)?;
    if server.guest_password.is_some() {
        tx.put(Server {
            guest_password: None,
            ..Server::clone(&server)
        });
    }
    Ok(())
}

/// Unlocks a server.
///
/// # Errors
/// `InstanceNotFound`; `Forbidden` when an administrator locked it and the caller is none.
pub fn unlock(tx: &mut Tx<'_>, actor: &Actor, id: ServerId, request_id: uuid::Uuid) -> Result<Arc<Server>> {
    let server = get_visible(tx.cloud(), actor, id)?;
    if !actor.is_admin() && server.locked.as_ref().is_some_and(|locked| locked.by_admin) {
        return Err(Error::forbidden(
            "PolicyNotAuthorized",
            "Policy doesn't allow os_compute_api:os-lock-server:unlock:unlock_override to be performed: an administrator \
             locked this server.",
        ));
    }
    let mut server = Server::clone(&server);
    server.locked = None;
    server.updated_at = tx.now();
    ActionLog::new("unlock", request_id)
        .at_once()
        .record(tx, actor, &server);
    Ok(tx.put(server))
}

/// What an administrator says a server's state is (`os-resetState`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResetTo {
    /// `active`.
    Active,
    /// `error`.
    Error,
}

/// Sets a server's state by hand; the next report of its host corrects it if it is not so.
///
/// # Errors
/// `InstanceNotFound`.
pub fn reset_state(tx: &mut Tx<'_>, actor: &Actor, id: ServerId, to: ResetTo) -> Result<Arc<Server>> {
    let server = get_visible(tx.cloud(), actor, id)?;
    let mut server = Server::clone(&server);
    server.vm_state = match to {
        ResetTo::Active => VmState::Active,
        ResetTo::Error => VmState::Error,
    };
    server.task_state = None;
    if server.host.is_none() {
        server.power_state = PowerState::NoState;
    }
    server.updated_at = tx.now();
    Ok(tx.put(server))
}
