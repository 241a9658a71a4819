//! Who may see an image, and who may read its data.

use std::sync::Arc;

use super::{Image, ImageStatus, MemberStatus, Visibility};
use crate::cloud::Row;
use crate::{Actor, Cloud, Error, ImageId, Result};

/// Whether the caller may see the image when they ask for it by id.
pub fn may_see(actor: &Actor, image: &Image) -> bool {
    matches!(image.visibility, Visibility::Public | Visibility::Community)
        || may_change(actor, image)
        || membership(actor, image).is_some()
}

/// Whether a list shows it without being asked for its visibility: community images are for those who know them, and
/// images that others offered for those who accepted.
pub fn in_default_list(actor: &Actor, image: &Image) -> bool {
    image.visibility == Visibility::Public
        || may_change(actor, image)
        || membership(actor, image) == Some(MemberStatus::Accepted)
}

/// What the caller's project made of an image that was offered to it.
pub fn membership(actor: &Actor, image: &Image) -> Option<MemberStatus> {
    actor
        .project_id()
        .and_then(|project| image.member(project))
        .map(|member| member.status)
}

/// Whether it is the caller's to change.
pub fn may_change(actor: &Actor, image: &Image) -> bool {
    actor.is_admin() || image.owner.as_ref().is_some_and(|owner| actor.owns(owner))
}

/// The image, if the caller may see it.
///
/// # Errors
/// `NotFound`, the same for one that does not exist and one that is not theirs to see.
pub fn show(cloud: &Cloud, actor: &Actor, id: ImageId) -> Result<Arc<Image>> {
    cloud
        .find::<Image>(&id)
        .filter(|image| may_see(actor, image))
        .cloned()
        .ok_or_else(|| Image::not_found(&id))
}

/// The image, if the caller may see and change it.
///
/// # Errors
/// `NotFound` for one they may not see, `Forbidden` for one that they see but that is another project's.
pub(super) fn changeable(cloud: &Cloud, actor: &Actor, id: ImageId) -> Result<Arc<Image>> {
    let image = show(cloud, actor, id)?;
    if may_change(actor, &image) {
        return Ok(image);
    }
    Err(Error::forbidden(
        "Forbidden",
        "You are not permitted to modify this image: it belongs to another project.",
    ))
}

/// The image, if the caller may read its data; `None` when there is no data yet.
///
/// # Errors
/// `NotFound` for one they may not see, `Forbidden` for a deactivated one.
pub fn downloadable(cloud: &Cloud, actor: &Actor, id: ImageId) -> Result<Option<Arc<Image>>> {
    let image = show(cloud, actor, id)?;
    match image.status {
        // One that only names snapshots of volumes.
        ImageStatus::Active if image.size == Some(0) && image.os_hash_value.is_none() => Ok(None),
        ImageStatus::Active => Ok(Some(image)),
        ImageStatus::Deactivated if actor.is_admin() => Ok(Some(image)),
        ImageStatus::Deactivated => Err(Error::forbidden(
            "Forbidden",
            "The requested image has been deactivated. Image data download is forbidden.",
        )),
        ImageStatus::Queued
        | ImageStatus::Saving
        | ImageStatus::Uploading
        | ImageStatus::Importing
        | ImageStatus::Killed => Ok(None),
    }
}
