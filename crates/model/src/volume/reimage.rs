//! Giving a volume that nobody uses an image's content (`os-reimage`, microversion 3.68). One that a server boots from is
//! given another by rebuilding the server ([`crate::compute::server::reimage`]).

use std::sync::Arc;

use super::backup::{Refill, Restore};
use super::{Volume, VolumeSource, VolumeStatus, create, rules, wrong_state};
use crate::{Actor, Error, ImageId, Result, Tx, VolumeId};

/// Orders the new content. `may_be_reserved`: also for one that is held for an attachment.
///
/// # Errors
/// `VolumeNotFound`; `InvalidVolume` in another state; an image that can't be, or that does not fit.
pub fn reimage(
    tx: &mut Tx<'_>,
    actor: &Actor,
    id: VolumeId,
    image_id: ImageId,
    may_be_reserved: bool,
) -> Result<Arc<Volume>> {
    let volume = rules::get_visible(tx.cloud(), actor, id)?;
    let may = match volume.status {
        VolumeStatus::Available => true,
        VolumeStatus::Error => volume.is_made && tx.cloud().lookups.attachments_by_volume.count(&id) == 0,
        VolumeStatus::Reserved => may_be_reserved,
        _ => false,
    };
    if !may || volume.restore.is_some() {
        return Err(wrong_state(id, volume.status, "given an image", "available or error"));
    }
    let found = create::from_image(tx.cloud(), actor, image_id)?;
    if found.min_gib > volume.size_gib {
        return Err(Error::invalid(
            "InvalidInput",
            format!(
                "Invalid input received: volume {id} has {} GiB and image {image_id} needs {}: extend the volume first.",
                volume.size_gib, found.min_gib
            ),
        ));
    }
    let VolumeSource::Image(image) = found.source else {
        return Err(Error::internal("InternalServerError", "an image is not an image"));
    };
    let source = Refill::Image {
        image,
        words: found.image_metadata,
    };
    let order = uuid::Builder::from_random_bytes(tx.random_bytes()).into_uuid();
    rules::change(tx, actor, id, |volume| {
        volume.status = VolumeStatus::Downloading;
        volume.restore = Some(Restore { source, order });
        volume.fault = None;
        Ok(())
    })
}
