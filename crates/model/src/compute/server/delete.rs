//! Deleting a server: it leaves its host first. The row stays, with task `deleting`, until the host's report no longer lists
//! it; then the ports made for it go, the others are free again, and the row goes to those of [`deleted`] servers.

use std::sync::Arc;

use super::admission::{Admission, Operation};
use super::{Server, TaskState, act, deleted, get_visible, reimage};
use crate::compute::{ActionLog, ServerAction, migration};
use crate::image::{Image, ImageStatus};
use crate::network::port;
use crate::volume::attachment;
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
        // Its fault is the creation's, not the deletion's.
        let faultless = Server {
            fault: None,
            ..Server::clone(&server)
        };
        ActionLog::new("delete", request_id)
            .at_once()
            .record(tx, actor, &faultless);
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

/// Ends a server's deletion: its ports go or are freed, the row and its log become one that remembers them.
///
/// # Errors
/// What freeing a port may say.
pub fn remove(tx: &mut Tx<'_>, server: &Arc<Server>) -> Result<()> {
    for id in &server.ports {
        port::release_from_server(tx, server.id, *id)?;
    }
    reimage::forget(tx, server)?;
    attachment::release_all(tx, server.id)?;
    let log = &tx.cloud().lookups.actions_by_server;
    let actions: Vec<_> = log.of(&server.id).map(|(_, id)| *id).collect();
    let actions = actions.iter().filter_map(|id| tx.delete::<ServerAction>(id)).collect();
    forget_images(tx, server);
    migration::forget(tx, server.id);
    tx.delete::<Server>(&server.id);
    deleted::bury(tx, server, actions);
    Ok(())
}

/// The image that it was shelved as goes with it, and so does one whose data will not come any more. The file of the former
/// is removed by whoever keeps it.
fn forget_images(tx: &mut Tx<'_>, server: &Server) {
    if let Some(image) = server.works.shelved_image {
        tx.delete::<Image>(&image);
    }
    let ordered = server.works.snapshot.as_ref().map(|snapshot| snapshot.image_id);
    let waits = |id: &crate::ImageId| {
        let image = tx.cloud().find::<Image>(id);
        image.is_some_and(|image| image.status == ImageStatus::Queued)
    };
    if let Some(image) = ordered.filter(waits) {
        tx.delete::<Image>(&image);
    }
}
