//! What a crash leaves, put right before the first request.

use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use model::image::{self, Image, ImageStatus};
use model::{Cloud, ImageId};

use super::OpenError;
use super::import::STAGED_SUFFIX;
use super::receive::PART_SUFFIX;
use crate::Control;

/// Rows of one transaction (the store takes at most 128).
const ROWS_AT_ONCE: usize = 100;

/// Uploads that were under way wait for data again; files that belong to no image with data go.
pub(super) async fn sweep(control: &Control, dir: &Path) -> Result<(), OpenError> {
    loop {
        let reset = control
            .transact(|tx| image::reset_interrupted_uploads(tx, ROWS_AT_ONCE))
            .await?;
        if reset > 0 {
            tracing::info!("{reset} interrupted image uploads were reset");
        }
        if reset < ROWS_AT_ONCE {
            break;
        }
    }
    let in_directory = |source| OpenError::Directory {
        path: dir.to_owned(),
        source,
    };
    make_dir(dir).map_err(in_directory)?;
    remove_litter(&control.cloud(), dir).map_err(in_directory)?;
    tell_missing(&control.cloud(), dir);
    Ok(())
}

fn make_dir(dir: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)
}

fn remove_litter(cloud: &Cloud, dir: &Path) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let is_litter = name.ends_with(PART_SUFFIX)
            || name.strip_suffix(STAGED_SUFFIX).is_some_and(|id| !waits_for(cloud, id))
            || name
                .parse::<ImageId>()
                .is_ok_and(|id| cloud.find::<Image>(&id).is_none_or(|image| !image.status.has_data()));
        if is_litter {
            tracing::info!("Removing '{name}', left by an upload or a deletion that was cut off");
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// Whether staged data is still to be imported.
fn waits_for(cloud: &Cloud, id: &str) -> bool {
    let image = id
        .parse::<ImageId>()
        .ok()
        .and_then(|id| cloud.find::<Image>(&id).cloned());
    image.is_some_and(|image| matches!(image.status, ImageStatus::Uploading | ImageStatus::Importing))
}

fn tell_missing(cloud: &Cloud, dir: &Path) {
    let with_data = cloud.images.iter().filter(|image| image.status.has_data());
    for image in with_data.filter(|image| !dir.join(image.id.to_string()).exists()) {
        tracing::error!(
            image.id = %image.id,
            "The data of image {} is gone from '{}'; upload it again as a new image", image.id, dir.display()
        );
    }
}
