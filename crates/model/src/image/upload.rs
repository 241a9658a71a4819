//! An image's data coming in: exactly one upload at a time, and only data that is what it was declared to be.

use std::sync::Arc;

use uuid::Uuid;

use super::{Image, ImageStatus, limits, read};
use crate::image_format::{Hostile, ImageFormat, Inspection};
use crate::{Actor, Error, ImageId, Result, Tx};

/// An upload that was let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upload {
    /// Whose data it is.
    pub image_id: ImageId,
    /// Which upload; a later one of an image made anew under the same id has another.
    pub upload_id: Uuid,
    /// The declared format.
    pub disk_format: String,
    /// How many bytes the project may still store; `None` without a limit.
    pub room_bytes: Option<u64>,
}

/// What was stored, measured while it came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredData {
    /// Length, bytes.
    pub size: u64,
    /// Size a guest sees, bytes.
    pub virtual_size: Option<u64>,
    /// MD5, hex.
    pub md5: String,
    /// SHA-512, hex.
    pub sha512: String,
}

/// Lets an upload in: the image becomes [`ImageStatus::Saving`].
///
/// # Errors
/// `Conflict` when it has data or an upload is under way, `Invalid` while its formats are not set, `OverQuota`.
pub fn begin_upload(tx: &mut Tx<'_>, actor: &Actor, id: ImageId) -> Result<Upload> {
    let image = read::changeable(tx.cloud(), actor, id)?;
    if image.status != ImageStatus::Queued {
        return Err(Error::conflict(
            "InvalidImageStatusTransition",
            format!(
                "Image status transition from {} to saving is not allowed",
                image.status.as_str()
            ),
        ));
    }
    if image.disk_format.is_none() || image.container_format.is_none() {
        return Err(Error::invalid(
            "HTTPBadRequest",
            "Properties disk_format, container_format must be set prior to saving data.",
        ));
    }
    let_in(tx, &image, ImageStatus::Saving)
}

/// Enters that data comes in, within the project's quotas.
pub(super) fn let_in(tx: &mut Tx<'_>, image: &Image, status: ImageStatus) -> Result<Upload> {
    let id = image.id;
    let room_bytes = match &image.owner {
        Some(project) => {
            limits::check_uploading(tx.cloud(), project, id)?;
            if status == ImageStatus::Uploading {
                limits::check_staged(tx.cloud(), project)?;
            }
            // What is staged becomes an image's data: it is held to the same size.
            limits::room(tx.cloud(), project)?
        }
        None => None,
    };
    let upload_id = tx.new_id();
    let now = tx.now();
    tx.update::<Image>(&id, |image| {
        image.status = status;
        image.upload_id = Some(upload_id);
        image.updated_at = now;
    })?;
    Ok(Upload {
        image_id: id,
        upload_id,
        disk_format: image.disk_format.clone().unwrap_or_default(),
        room_bytes,
    })
}

/// Enters the data of a finished upload; from here on it never changes.
///
/// # Errors
/// `Conflict` with code `HTTPGone` when the image was deleted meanwhile: the file must then be thrown away.
pub fn finish_upload(tx: &mut Tx<'_>, upload: &Upload, data: StoredData) -> Result<Arc<Image>> {
    check_under_way(tx, upload)?;
    let now = tx.now();
    tx.update::<Image>(&upload.image_id, |image| {
        image.status = ImageStatus::Active;
        image.upload_id = None;
        image.staged_size = None;
        image.size = Some(data.size);
        image.virtual_size = data.virtual_size;
        image.checksum = Some(data.md5);
        image.os_hash_value = Some(data.sha512);
        image.updated_at = now;
    })
}

pub(super) fn check_under_way(tx: &Tx<'_>, upload: &Upload) -> Result<()> {
    let goes_on = tx
        .cloud()
        .find::<Image>(&upload.image_id)
        .is_some_and(|image| image.upload_id == Some(upload.upload_id));
    if goes_on { Ok(()) } else { Err(gone(upload.image_id)) }
}

fn gone(id: ImageId) -> Error {
    Error::conflict(
        "HTTPGone",
        format!("Image {id} could not be found after upload. The image may have been deleted during the upload."),
    )
}

/// Ends an upload that failed: the image waits for data again, as if nothing had come.
pub fn abort_upload(tx: &mut Tx<'_>, upload: &Upload) -> Result<()> {
    if check_under_way(tx, upload).is_err() {
        return Ok(());
    }
    requeue(tx, upload.image_id)
}

fn requeue(tx: &mut Tx<'_>, id: ImageId) -> Result<()> {
    let now = tx.now();
    tx.update::<Image>(&id, |image| {
        image.status = ImageStatus::Queued;
        image.upload_id = None;
        image.staged_size = None;
        image.updated_at = now;
    })?;
    Ok(())
}

/// At start no upload can be under way: those that the last run left wait for data again. At most `most` of them in one
/// transaction; says how many there were.
pub fn reset_interrupted_uploads(tx: &mut Tx<'_>, most: usize) -> Result<usize> {
    let interrupted: Vec<ImageId> = tx
        .cloud()
        .images
        .iter()
        .filter(|image| match image.status {
            ImageStatus::Saving => true,
            // What was staged to its end stays; imports are finished.
            ImageStatus::Uploading => image.upload_id.is_some(),
            _ => false,
        })
        .map(|image| image.id)
        .take(most)
        .collect();
    for id in &interrupted {
        requeue(tx, *id)?;
    }
    Ok(interrupted.len())
}

/// Whether data is what it was declared to be and nothing speaks against opening it. With `complete` false it is the
/// beginning of the data, and only what more data can't mend counts.
///
/// # Errors
/// `Invalid`: 415 for another format, 400 for a hostile file, each with what to do.
pub fn check_data(disk_format: &str, found: &Inspection, complete: bool) -> Result<()> {
    let wanted = match disk_format {
        "qcow2" => ImageFormat::Qcow2,
        "iso" => ImageFormat::Iso,
        "vmdk" => ImageFormat::Vmdk,
        "vdi" => ImageFormat::Vdi,
        "vhd" => ImageFormat::Vhd,
        "vhdx" => ImageFormat::Vhdx,
        _ => ImageFormat::Raw,
    };
    // The beginning of a plain disk may look like nothing yet, and a footer may be seen where the data does not end.
    let is_certain = complete || wanted == ImageFormat::Qcow2 || found.format == ImageFormat::Qcow2;
    if found.format != wanted && is_certain {
        return Err(mismatch(disk_format, found.format));
    }
    let reason = found
        .hostile
        .iter()
        .find(|reason| complete || (wanted == ImageFormat::Qcow2 && is_final(reason)));
    match reason {
        None => Ok(()),
        Some(reason) => Err(Error::invalid(
            "InvalidImageData",
            format!("The image's data was refused: {reason}. Nothing was kept."),
        )),
    }
}

fn mismatch(declared: &str, found: ImageFormat) -> Error {
    let advice = if super::DISK_FORMATS.contains(&found.as_str()) {
        format!("Set disk_format to '{found}', or upload the right file.")
    } else {
        format!(
            "Convert it first (qemu-img convert -O {} SOURCE TARGET).",
            if declared == "qcow2" { "qcow2" } else { "raw" }
        )
    };
    Error::invalid(
        "HTTPUnsupportedMediaType",
        format!("The image was declared as '{declared}', but its data is '{found}'. {advice} Nothing was kept."),
    )
}

/// Reasons that no further byte takes back.
fn is_final(reason: &Hostile) -> bool {
    matches!(
        reason,
        Hostile::BackingFile | Hostile::ExternalDataFile | Hostile::IncompatibleFeature { .. } | Hostile::Encrypted
    )
}
