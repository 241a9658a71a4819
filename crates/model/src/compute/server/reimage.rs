//! Rebuilding a server that boots from a volume (microversion 2.93): the volume gets another image's content.
//!
//! ```text
//!  rebuild: task rebuilding,   ─► host: server off,    ─► volume: fill it from ─► host: filled ─► server starts,
//!           volume downloading         volume let go of            the image                       volume in-use
//!                                      │ failed                                   │ failed
//!                                      └─────────────► server in error, the volume is what it was ◄┘
//! ```
//!
//! Each arrow is a transaction on a host's report, so that a crash between any two goes on where it was: the server stays
//! off, whatever else is wanted of it, until the volume is whole.

use super::works::{Reimage, ReimageStage};
use super::{Fault, PowerState, Server, ServerFlavor, VmState, boot_image};
use crate::compute::finish_action;
use crate::host::{ServerPhase, ServerReport};
use crate::image::Image;
use crate::volume::backup::{Refill, Restore};
use crate::volume::{GIB, Volume, VolumeStatus, attachment, describe_image, invalid_volume};
use crate::{Actor, Cloud, Error, ImageId, Result, Timestamp, Tx, VolumeId};

/// Orders the new content. Where the microversion knows nothing of that (`may_replace`), only the image that is in the
/// volume already may be named, and the volume stays as it is.
pub(super) fn order(
    tx: &mut Tx<'_>,
    actor: &Actor,
    server: &mut Server,
    image_id: ImageId,
    may_replace: bool,
) -> Result<()> {
    let volume = root(tx.cloud(), server)?;
    if !may_replace {
        let known = volume.image_metadata.get("image_id");
        if known == Some(&image_id.to_string()) {
            return Ok(());
        }
        return Err(Error::invalid(
            "ImageUnacceptable",
            format!(
                "Image {image_id} is unacceptable: Unable to rebuild with a different image for a volume-backed server; \
                 microversion 2.93 can."
            ),
        ));
    }
    // What the image needs is room in the volume, not in the flavor.
    let rootless = ServerFlavor {
        root_gib: 0,
        ..server.flavor.clone()
    };
    let boot = boot_image::look_up(tx.cloud(), actor, image_id, &rootless)?;
    let image = tx.get::<Image>(&image_id)?;
    let source = boot
        .image
        .ok_or_else(|| Error::internal("InternalServerError", "an image without data was looked up"))?;
    check_volume(tx.cloud(), &volume, source.virtual_size, image.min_disk)?;
    server.works.reimage = Some(Reimage {
        volume_id: volume.id,
        image: source,
        words: describe_image(&image),
        kernel: boot.kernel,
        ramdisk: boot.ramdisk,
        kernel_arguments: boot.kernel_arguments,
        properties: boot.properties,
        stage: ReimageStage::Stopping,
    });
    let now = tx.now();
    tx.update::<Volume>(&volume.id, |volume| {
        volume.status = VolumeStatus::Downloading;
        volume.updated_at = Some(now);
    })
    .map(drop)
}

/// The volume that a server boots from.
fn root(cloud: &Cloud, server: &Server) -> Result<std::sync::Arc<Volume>> {
    let attachments = attachment::of_server(cloud, server.id);
    let root = attachments.iter().find(|each| each.boot_index == Some(0));
    root.and_then(|root| cloud.find::<Volume>(&root.volume_id).cloned())
        .ok_or_else(|| {
            Error::invalid(
                "InvalidBDMBoot",
                format!("Instance {} has no disk that it boots from.", server.id),
            )
        })
}

fn check_volume(cloud: &Cloud, volume: &Volume, image_bytes: u64, min_gib: u64) -> Result<()> {
    let id = volume.id;
    if volume.status != VolumeStatus::InUse {
        return Err(invalid_volume(format!(
            "volume {id} is {}: it can be given another content when it is in-use.",
            volume.status.as_str()
        )));
    }
    if cloud.lookups.attachments_by_volume.count(&id) > 1 {
        return Err(invalid_volume(format!(
            "volume {id} is attached to other servers, too, which would lose what is in it: detach it from them first."
        )));
    }
    let volume_bytes = volume.size_gib * GIB;
    let needed = image_bytes.max(min_gib.saturating_mul(GIB));
    if needed > volume_bytes {
        return Err(Error::invalid(
            "VolumeSmallerThanMinDisk",
            format!(
                "Volume {id} is too small for the image: it has {volume_bytes} bytes, the image needs {needed} bytes. \
                 Extend the volume first."
            ),
        ));
    }
    Ok(())
}

/// What a report makes of a server whose volume is to have another content; `None`: nothing yet.
pub(crate) fn after(row: &Server, report: &ServerReport) -> Option<Server> {
    let reimage = row.works.reimage.as_ref()?;
    if reimage.stage != ReimageStage::Stopping || report.done.rebuilds < row.works.rebuilds {
        return None;
    }
    let mut after = row.clone();
    match &report.phase {
        ServerPhase::Failed { message, detail } => fail(&mut after, message, detail, Timestamp::EPOCH),
        ServerPhase::Off { .. } if !report.volumes.contains_key(&reimage.volume_id) => {
            after.works.reimage = Some(Reimage {
                stage: ReimageStage::Writing,
                ..reimage.clone()
            });
        }
        _ => return None,
    }
    Some(after)
}

fn fail(server: &mut Server, message: &str, details: &str, created: Timestamp) {
    server.vm_state = VmState::Error;
    server.power_state = PowerState::NoState;
    server.task_state = None;
    server.fault = Some(Fault {
        code: 500,
        message: message.to_owned(),
        details: details.to_owned(),
        created,
    });
    if let Some(reimage) = &mut server.works.reimage {
        reimage.stage = ReimageStage::Failed;
    }
}

/// The server came so far: its host may fill the volume now, or nothing will come of it.
pub(crate) fn follow(tx: &mut Tx<'_>, before: &Server, after: &Server) -> Result<()> {
    let stage = |server: &Server| server.works.reimage.as_ref().map(|reimage| reimage.stage);
    let Some(reimage) = &after.works.reimage else {
        return Ok(());
    };
    match (stage(before), stage(after)) {
        (Some(ReimageStage::Stopping), Some(ReimageStage::Writing)) => {
            let order = uuid::Builder::from_random_bytes(tx.random_bytes()).into_uuid();
            let source = Refill::Image {
                image: reimage.image.clone(),
                words: reimage.words.clone(),
            };
            tx.update::<Volume>(&reimage.volume_id, |volume| {
                volume.restore = Some(Restore { source, order })
            })
            .map(drop)
        }
        (Some(ReimageStage::Stopping), Some(ReimageStage::Failed)) => let_go(tx, reimage.volume_id),
        _ => Ok(()),
    }
}

/// The volume is what it was, and nobody waits for it.
fn let_go(tx: &mut Tx<'_>, id: VolumeId) -> Result<()> {
    let status = attachment::status_by_attachments(tx.cloud(), id);
    let is_waiting = tx
        .cloud()
        .find::<Volume>(&id)
        .is_some_and(|volume| volume.status == VolumeStatus::Downloading);
    if is_waiting {
        tx.update::<Volume>(&id, |volume| volume.status = status)?;
    }
    Ok(())
}

/// The volume was filled, or could not be: `failure` says why. The server that waits for it goes on.
pub(crate) fn ended(tx: &mut Tx<'_>, volume: VolumeId, failure: Option<&str>) -> Result<()> {
    let attachments = attachment::of_volume(tx.cloud(), volume);
    let servers = attachments.iter().filter_map(|each| each.server_id);
    let waits = |server: &std::sync::Arc<Server>| {
        let reimage = server.works.reimage.as_ref();
        reimage.is_some_and(|reimage| reimage.volume_id == volume && reimage.stage == ReimageStage::Writing)
    };
    let server = servers
        .filter_map(|id| tx.cloud().find::<Server>(&id).cloned())
        .find(waits);
    let Some(server) = server else { return Ok(()) };
    let mut server = Server::clone(&server);
    server.updated_at = tx.now();
    match failure {
        None => {
            if let Some(reimage) = server.works.reimage.take() {
                server.kernel = reimage.kernel;
                server.ramdisk = reimage.ramdisk;
                server.kernel_arguments = reimage.kernel_arguments;
                server.image_properties = reimage.properties;
            }
        }
        Some(reason) => {
            let message = format!("Volume {volume} could not be given the image's content: {reason}");
            fail(&mut server, &message, "", tx.now());
            finish_action(tx, &server, true);
        }
    }
    tx.put(server);
    Ok(())
}

/// A server that failed so may be started again, from what its volume was before.
pub(super) fn forgive(server: &mut Server) {
    let reimage = server.works.reimage.as_ref();
    if reimage.is_some_and(|reimage| reimage.stage == ReimageStage::Failed) {
        server.works.reimage = None;
    }
}

/// The server goes. What its host has begun with the volume ends by itself.
pub(super) fn forget(tx: &mut Tx<'_>, server: &Server) -> Result<()> {
    match &server.works.reimage {
        Some(reimage) if reimage.stage == ReimageStage::Stopping => let_go(tx, reimage.volume_id),
        _ => Ok(()),
    }
}
