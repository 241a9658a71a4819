//! Deleting a server: it leaves its host first. The row stays, with task `deleting`, until the host's report no longer lists
//! it; then the ports made for it go, the others are free again, and the row is gone.

use std::sync::Arc;

use super::admission::{Admission, Operation};
use super::{Server, TaskState, act, get_visible};
use crate::compute::{ActionLog, ServerAction};
use crate::network::port;
use crate::{Actor, Result, ServerId, Tx};

/// Begins a server's deletion; one that never had a host is gone at once.
///
/// # Errors
/// `InstanceNotFound`; `InstanceIsLocked`.
pub fn delete(
    tx: &mut Tx<'_>,
    actor: &Actor,
    id: ServerId,
    operation: Operation,
    request_id: uuid::Uuid,
) -> Result<()> {
    let server = get_visible(tx.cloud(), actor, id)?;
    if act::admit_for(&server, actor, operation)? == Admission::AlreadySo {
        return Ok(());
    }
    if server.host.is_none() {
        return remove(tx, &server);
    }
    let mut server = Server::clone(&server);
    server.task_state = Some(TaskState::Deleting);
    server.progress = 0;
    server.updated_at = tx.now();
    ActionLog::new("delete", request_id).record(tx, actor, &server);
    tx.put(server);
    Ok(())
}

/// Ends a server's deletion: its ports go or are freed, then the row with its log.
///
/// # Errors
/// What freeing a port may say.
pub fn remove(tx: &mut Tx<'_>, server: &Arc<Server>) -> Result<()> {
    for id in &server.ports {
        port::release_from_server(tx, server.id, *id)?;
    }
    let log = &tx.cloud().lookups.actions_by_server;
    let actions: Vec<_> = log.of(&server.id).map(|(_, id)| *id).collect();
    for id in actions {
        tx.delete::<ServerAction>(&id);
    }
    tx.delete::<Server>(&server.id);
    Ok(())
}
