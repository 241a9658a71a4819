//! Volumes that a new server has from the beginning (`block_device_mapping_v2`): found or made, then attached. The server
//! is not started before they are ready.

use std::collections::BTreeMap;

use super::boot_image::{self, BootImage};
use super::create::NewServers;
use super::{Server, ServerFlavor};
use crate::volume::attachment::{self, ServerDisk};
use crate::volume::{self, NewVolume, Place, SourceWish, Volume, VolumeStatus};
use crate::{Actor, Cloud, Error, ErrorKind, ImageId, Result, Tx, VolumeId, VolumeSnapshotId};

/// What a disk is made from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DiskSource {
    /// A volume that is there.
    Volume(VolumeId),
    /// A new volume from an image.
    Image(ImageId),
    /// A new volume from a snapshot.
    Snapshot(VolumeSnapshotId),
    /// A new, empty volume.
    Blank,
}

/// One volume of a new server.
#[derive(Debug, Clone)]
pub struct NewDisk {
    /// What it is made from.
    pub source: DiskSource,
    /// Size of a new volume, GiB.
    pub size_gib: Option<u64>,
    /// Type of a new volume.
    pub volume_type: Option<String>,
    /// The device asked for.
    pub device: Option<String>,
    /// Place in the boot order, 0 first.
    pub boot_index: Option<u32>,
    /// It goes with the server.
    pub delete_on_termination: bool,
    /// Device tag.
    pub tag: Option<String>,
}

/// What the server boots from: the image, or the volume whose boot index is 0.
pub(super) fn look_up_boot(cloud: &Cloud, actor: &Actor, new: &NewServers, flavor: &ServerFlavor) -> Result<BootImage> {
    check(cloud, actor, new)?;
    let Some(root) = new.disks.iter().find(|disk| disk.boot_index == Some(0)) else {
        let id = new
            .image_id
            .ok_or_else(|| Error::invalid("HTTPBadRequest", "Missing imageRef attribute"))?;
        return boot_image::look_up(cloud, actor, id, flavor);
    };
    let metadata = match root.source {
        DiskSource::Volume(id) => find(cloud, actor, id)?.image_metadata.clone(),
        DiskSource::Image(id) => BTreeMap::from([("image_id".to_owned(), id.to_string())]),
        DiskSource::Snapshot(id) => {
            let snapshot = volume::snapshot::get_visible(cloud, actor, id).map_err(as_bad_mapping)?;
            let volume = cloud.find::<Volume>(&snapshot.volume_id);
            volume.map(|volume| volume.image_metadata.clone()).unwrap_or_default()
        }
        DiskSource::Blank => BTreeMap::new(),
    };
    boot_image::of_volume(cloud, actor, &metadata, flavor)
}

/// What can be known of the volumes at once.
fn check(cloud: &Cloud, actor: &Actor, new: &NewServers) -> Result<()> {
    for disk in &new.disks {
        let DiskSource::Volume(id) = disk.source else { continue };
        let volume = find(cloud, actor, id)?;
        if new.max_count > 1 && !volume.multiattach {
            return Err(Error::invalid(
                "MultiattachNotSupportedByVirtDriver",
                format!("Volume {id} can't be attached to several servers: make one server at a time."),
            ));
        }
        if disk.boot_index == Some(0) && !volume.bootable {
            return Err(Error::invalid(
                "InvalidBDMVolumeNotBootable",
                format!("Block Device {id} is not bootable."),
            ));
        }
        let is_free =
            volume.status == VolumeStatus::Available || (volume.multiattach && volume.status == VolumeStatus::InUse);
        if !is_free {
            return Err(Error::invalid(
                "InvalidVolume",
                format!(
                    "Invalid volume: volume '{id}' status must be 'available'. Currently in '{}' status.",
                    volume.status.as_str()
                ),
            ));
        }
    }
    Ok(())
}

fn find(cloud: &Cloud, actor: &Actor, id: VolumeId) -> Result<std::sync::Arc<Volume>> {
    volume::get_visible(cloud, actor, id).map_err(|_| {
        Error::invalid(
            "InvalidBDMVolume",
            format!("Block Device Mapping is Invalid: failed to get volume {id}."),
        )
    })
}

/// Cinder's errors as Nova passes them on.
fn as_bad_mapping(error: Error) -> Error {
    match error.kind {
        ErrorKind::NotFound => Error::invalid("InvalidBDM", format!("Block Device Mapping is Invalid: {error}")),
        ErrorKind::OverLimit => Error::over_quota(error.code, error.message),
        _ => error,
    }
}

/// Makes and attaches the volumes of a server that has its host.
pub(super) fn attach(tx: &mut Tx<'_>, actor: &Actor, server: &Server, new: &NewServers, zone: &str) -> Result<()> {
    // The root first: it is the first device.
    let mut ordered: Vec<&NewDisk> = new.disks.iter().collect();
    ordered.sort_by_key(|disk| disk.boot_index.unwrap_or(u32::MAX));
    for disk in ordered {
        let source = match disk.source {
            DiskSource::Volume(id) => Err(id),
            DiskSource::Image(id) => Ok(SourceWish::Image(id)),
            DiskSource::Snapshot(id) => Ok(SourceWish::Snapshot(id)),
            DiskSource::Blank => Ok(SourceWish::Blank),
        };
        let volume = match source {
            Err(id) => find(tx.cloud(), actor, id)?,
            Ok(source) => {
                let host = server.host.clone().ok_or_else(|| {
                    Error::internal("InternalServerError", "volumes are made for a server that has a host")
                })?;
                let wanted = NewVolume {
                    group_id: None,
                    name: Some(String::new()),
                    description: Some(String::new()),
                    size_gib: disk.size_gib,
                    source,
                    volume_type: disk.volume_type.clone(),
                    metadata: BTreeMap::new(),
                    multiattach: false,
                    request_id: format!("req-{}", new.request_id.hyphenated()),
                };
                let place = Place {
                    host,
                    zone: zone.to_owned(),
                };
                volume::create(tx, actor, &wanted, &place).map_err(as_bad_mapping)?
            }
        };
        let disk = ServerDisk {
            volume_id: volume.id,
            device: disk.device.clone(),
            boot_index: disk.boot_index,
            delete_on_termination: disk.delete_on_termination,
            tag: disk.tag.clone(),
        };
        attachment::enter(tx, server, &volume, &disk).map_err(as_bad_mapping)?;
    }
    Ok(())
}
