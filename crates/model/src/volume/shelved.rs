//! Volumes of servers that are shelved and on no host: attached at once, and in the machine with the next host's start.

use super::Volume;
use crate::{Error, Result};

/// What a server on no host can't be given: only the host to come would know whether it can.
///
/// # Errors
/// Why not.
pub(super) fn check(volume: &Volume, tag: Option<&str>) -> Result<()> {
    let refuse = |code, what| Err(Error::invalid(code, format!("{what} to shelved-offloaded instances.")));
    if tag.is_some() {
        return refuse(
            "VolumeTaggedAttachToShelvedNotSupported",
            "Tagged volume attachment is not supported",
        );
    }
    if volume.multiattach {
        return refuse(
            "MultiattachToShelvedNotSupported",
            "Attaching multiattach volumes is not supported",
        );
    }
    Ok(())
}
