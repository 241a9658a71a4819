//! Rescue: the server runs from a disk made of another image, with its own disk plugged in beside it.

use std::sync::Arc;

use super::admission::Operation;
use super::works::Rescue;
use super::{Server, ServerFlavor, TaskState, act, boot_image, get_visible};
use crate::compute::ActionLog;
use crate::host::DesiredPower;
use crate::{Actor, Error, ImageId, Result, ServerId, Tx};

/// Begins a rescue: the machine is started anew from the rescue disk. A server that boots from a volume can be rescued
/// where the microversion says so, and only with its own disks in their places (Nova's "stable device rescue").
///
/// # Errors
/// `InstanceNotFound`; what admission denies; an image that can't be; `InstanceNotRescuable`.
pub fn rescue(
    tx: &mut Tx<'_>,
    actor: &Actor,
    id: ServerId,
    image_id: Option<ImageId>,
    may_rescue_volumes: bool,
    admin_pass: String,
    request_id: uuid::Uuid,
) -> Result<Arc<Server>> {
    let server = get_visible(tx.cloud(), actor, id)?;
    act::admit_for(&server, actor, Operation::Rescue)?;
    let (image, last) = match image_id {
        Some(image_id) => {
            // The rescue disk is as large as its image, whatever the flavor's disk.
            let any_size = ServerFlavor {
                root_gib: 0,
                ..server.flavor.clone()
            };
            let boot = boot_image::look_up(tx.cloud(), actor, image_id, &any_size)?;
            let is_stable = ["hw_rescue_device", "hw_rescue_bus"]
                .iter()
                .any(|name| boot.properties.contains_key(*name));
            (boot.image.ok_or_else(|| no_image(id))?, is_stable)
        }
        None => (server.image.clone().ok_or_else(|| no_image(id))?, false),
    };
    if server.image.is_none() && !(last && may_rescue_volumes) {
        return Err(Error::invalid(
            "InstanceNotRescuable",
            format!(
                "Instance {id} cannot be rescued: Cannot rescue a volume-backed instance without \
                 microversion 2.87 and an image that has hw_rescue_device or hw_rescue_bus"
            ),
        ));
    }
    let mut server = Server::clone(&server);
    server.works.rescue = Some(Rescue {
        image,
        last,
        admin_pass: server.admin_pass.replace(admin_pass),
    });
    start_anew(&mut server, TaskState::Rescuing);
    server.updated_at = tx.now();
    ActionLog::new("rescue", request_id).record(tx, actor, &server);
    Ok(tx.put(server))
}

fn no_image(id: ServerId) -> Error {
    Error::invalid(
        "InstanceNotRescuable",
        format!("Instance {id} cannot be rescued: name an image to rescue it with (rescue_image_ref)."),
    )
}

/// Ends a rescue: the machine is started anew from its own disk.
///
/// # Errors
/// `InstanceNotFound`; what admission denies.
pub fn unrescue(tx: &mut Tx<'_>, actor: &Actor, id: ServerId, request_id: uuid::Uuid) -> Result<Arc<Server>> {
    let server = get_visible(tx.cloud(), actor, id)?;
    act::admit_for(&server, actor, Operation::Unrescue)?;
    let mut server = Server::clone(&server);
    if let Some(rescue) = server.works.rescue.take() {
        server.admin_pass = rescue.admin_pass;
    }
    start_anew(&mut server, TaskState::Unrescuing);
    server.updated_at = tx.now();
    ActionLog::new("unrescue", request_id).record(tx, actor, &server);
    Ok(tx.put(server))
}

/// A hard reboot takes the disks as they are to be now.
fn start_anew(server: &mut Server, task: TaskState) {
    server.desired = DesiredPower::On;
    server.hard_reboots += 1;
    server.task_state = Some(task);
}
