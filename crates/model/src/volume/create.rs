//! Making volumes: what they start as, and whether there is room.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{
    BackupStatus, GIB, Volume, VolumeBackup, VolumeSource, VolumeStatus, backup, get_visible, group, invalid_volume,
    quota, service, snapshot, types,
};
use crate::compute::ServerImage;
use crate::image::{self, Image, ImageStatus};
use crate::volume::SnapshotStatus;
use crate::{
    Actor, BackupId, Cloud, Error, HostId, ImageId, Result, Tx, VolumeGroupId, VolumeId, VolumeSnapshotId, VolumeTypeId,
};

/// What a new volume is to start as, as a request names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SourceWish {
    /// Zeros.
    Blank,
    /// An image.
    Image(ImageId),
    /// A snapshot.
    Snapshot(VolumeSnapshotId),
    /// Another volume.
    Volume(VolumeId),
    /// A backup.
    Backup(BackupId),
}

/// What a new volume is asked to be.
#[derive(Debug, Clone)]
pub struct NewVolume {
    /// Its name.
    pub name: Option<String>,
    /// Free text.
    pub description: Option<String>,
    /// Its size, GiB; may be left out where the source has one.
    pub size_gib: Option<u64>,
    /// What it starts as.
    pub source: SourceWish,
    /// A type's id or name; the source's, else the default type.
    pub volume_type: Option<String>,
    /// Key/value metadata.
    pub metadata: BTreeMap<String, String>,
    /// Several servers may have it (the old flag of the request; a type says it nowadays).
    pub multiattach: bool,
    /// The group that it comes into.
    pub group_id: Option<VolumeGroupId>,
    /// The request.
    pub request_id: String,
}

/// Where volumes are put.
#[derive(Debug, Clone)]
pub struct Place {
    /// The host.
    pub host: HostId,
    /// Its zone.
    pub zone: String,
}

/// What a source brings along.
pub(super) struct Origin {
    pub(super) source: VolumeSource,
    /// Smallest size, GiB, and the words for a refusal.
    pub(super) min_gib: u64,
    what: &'static str,
    type_id: Option<VolumeTypeId>,
    bootable: bool,
    pub(super) image_metadata: BTreeMap<String, String>,
    metadata: BTreeMap<String, String>,
}

/// Makes a volume; its host fills it.
///
/// # Errors
/// An unknown source or type (404), a size that does not fit it (400), quotas (413).
pub fn create(tx: &mut Tx<'_>, actor: &Actor, new: &NewVolume, place: &Place) -> Result<Arc<Volume>> {
    let project_id = actor
        .project_id()
        .ok_or_else(|| Error::forbidden("Forbidden", "A volume needs a project: use a token scoped to one."))?
        .clone();
    let origin = look_up(tx.cloud(), actor, new.source)?;
    let size_gib = new.size_gib.unwrap_or(origin.min_gib);
    if size_gib < origin.min_gib {
        return Err(Error::invalid(
            "InvalidInput",
            format!(
                "Invalid input received: Volume size {size_gib}GB cannot be smaller than {} size {}GB. They must be >= \
                 {} size {}.",
                origin.what, origin.min_gib, origin.what, origin.min_gib
            ),
        ));
    }
    if size_gib == 0 {
        return Err(Error::invalid(
            "InvalidInput",
            "Invalid input received: Volume size '0' must be an integer and greater than 0",
        ));
    }
    let volume_type = types::choose(tx.cloud(), actor, new.volume_type.as_deref(), origin.type_id)?;
    if let Some(group) = new.group_id {
        group::check_new_member(tx.cloud(), actor, group, new.volume_type.is_some(), volume_type.id)?;
    }
    quota::check(tx.cloud(), &project_id, &volume_type, 1, size_gib)?;
    quota::check_one(tx.cloud(), &project_id, size_gib)?;
    let unsatisfied = service::refusal(tx.cloud(), &place.host).or_else(|| types::unsatisfied(&volume_type));
    let volume = Volume {
        id: tx.new_id(),
        name: new.name.clone(),
        description: new.description.clone(),
        project_id,
        user_id: actor.user_id.clone(),
        size_gib,
        // No host can have such a volume: Cinder's scheduler says so after the request, by the status.
        status: if unsatisfied.is_some() {
            VolumeStatus::Error
        } else {
            VolumeStatus::Creating
        },
        previous_status: None,
        multiattach: new.multiattach || volume_type.is_multiattach(),
        type_id: volume_type.id,
        source: origin.source,
        bootable: origin.bootable,
        metadata: origin.metadata.into_iter().chain(new.metadata.clone()).collect(),
        image_metadata: origin.image_metadata,
        read_only: None,
        availability_zone: place.zone.clone(),
        group_id: new.group_id,
        restore: None,
        upload: None,
        host: unsatisfied.is_none().then(|| place.host.clone()),
        is_made: false,
        is_leaving: false,
        request_id: new.request_id.clone(),
        fault: unsatisfied,
        created_at: tx.now(),
        updated_at: None,
        launched_at: None,
    };
    if let (VolumeSource::Backup(id), VolumeStatus::Creating) = (&volume.source, volume.status) {
        tx.update::<VolumeBackup>(id, |backup| backup.status = BackupStatus::Restoring)?;
    }
    Ok(tx.put(volume))
}

/// The smallest size, GiB, of a volume from this source.
///
/// # Errors
/// A source that is not there or not ready, as [`create`] says it.
pub fn smallest_gib(cloud: &Cloud, actor: &Actor, source: SourceWish) -> Result<u64> {
    Ok(look_up(cloud, actor, source)?.min_gib.max(1))
}

fn look_up(cloud: &Cloud, actor: &Actor, wish: SourceWish) -> Result<Origin> {
    match wish {
        SourceWish::Blank => Ok(Origin {
            source: VolumeSource::Blank,
            min_gib: 0,
            what: "source",
            type_id: None,
            bootable: false,
            image_metadata: BTreeMap::new(),
            metadata: BTreeMap::new(),
        }),
        SourceWish::Image(id) => from_image(cloud, actor, id),
        SourceWish::Snapshot(id) => {
            let snapshot = snapshot::get_visible(cloud, actor, id)?;
            if snapshot.status != SnapshotStatus::Available {
                return Err(Error::invalid(
                    "InvalidSnapshot",
                    format!(
                        "Invalid snapshot: Originating snapshot status must be one of 'available' values; it is '{}'.",
                        snapshot.status.as_str()
                    ),
                ));
            }
            let volume = cloud.find::<Volume>(&snapshot.volume_id);
            Ok(Origin {
                source: VolumeSource::Snapshot(id),
                min_gib: snapshot.size_gib,
                what: "snapshot",
                type_id: volume.map(|volume| volume.type_id),
                bootable: volume.is_some_and(|volume| volume.bootable),
                image_metadata: volume.map(|volume| volume.image_metadata.clone()).unwrap_or_default(),
                metadata: BTreeMap::new(),
            })
        }
        SourceWish::Volume(id) => {
            let volume = get_visible(cloud, actor, id)?;
            if !matches!(volume.status, VolumeStatus::Available | VolumeStatus::InUse) {
                return Err(invalid_volume(format!(
                    "the source volume {id} is {}: it must be available or in-use.",
                    volume.status.as_str()
                )));
            }
            Ok(Origin {
                source: VolumeSource::Volume(id),
                min_gib: volume.size_gib,
                what: "source volume",
                type_id: Some(volume.type_id),
                bootable: volume.bootable,
                image_metadata: volume.image_metadata.clone(),
                metadata: BTreeMap::new(),
            })
        }
        SourceWish::Backup(id) => from_backup(cloud, actor, id),
    }
}

fn from_backup(cloud: &Cloud, actor: &Actor, id: BackupId) -> Result<Origin> {
    let backup = backup::get_visible(cloud, actor, id)?;
    if backup.status != BackupStatus::Available || !backup.is_made {
        return Err(Error::invalid(
            "InvalidBackup",
            format!(
                "Invalid backup: backup {id} is {}: its status must be available.",
                backup.status.as_str()
            ),
        ));
    }
    Ok(Origin {
        source: VolumeSource::Backup(id),
        min_gib: backup.size_gib,
        what: "backup",
        type_id: cloud.volumes.get(&backup.volume_id).map(|volume| volume.type_id),
        bootable: backup.volume.bootable,
        image_metadata: backup.volume.image_metadata.clone(),
        metadata: backup.volume.metadata.clone(),
    })
}

pub(super) fn from_image(cloud: &Cloud, actor: &Actor, id: ImageId) -> Result<Origin> {
    let image = image::show(cloud, actor, id).map_err(|_| {
        Error::invalid(
            "InvalidInput",
            format!("Invalid image identifier or unable to access requested image {id}."),
        )
    })?;
    if image.status != ImageStatus::Active {
        return Err(Error::invalid(
            "InvalidInput",
            format!("Invalid input received: Image {id} is not active."),
        ));
    }
    // An image of a server that boots from a volume has no data: it names the volume's snapshot (Cinder's 3.46).
    if let Some(snapshot) = image.boot_snapshot() {
        let mut origin = look_up(cloud, actor, SourceWish::Snapshot(snapshot))?;
        origin.image_metadata = describe_image(&image);
        return Ok(origin);
    }
    let (Some(format), Some(sha512), Some(bytes)) = (
        image.disk_format.clone(),
        image.os_hash_value.clone(),
        image.virtual_size.or(image.size),
    ) else {
        return Err(Error::invalid(
            "ImageUnacceptable",
            format!("Image {id} is unacceptable: its data was not looked into; upload it again."),
        ));
    };
    Ok(Origin {
        source: VolumeSource::Image(ServerImage {
            id,
            format,
            sha512,
            virtual_size: bytes,
        }),
        min_gib: bytes.div_ceil(GIB).max(image.min_disk),
        what: "image",
        type_id: None,
        bootable: true,
        image_metadata: describe_image(&image),
        metadata: BTreeMap::new(),
    })
}

/// What a volume remembers of its image (cinder `_get_image_metadata`), all as text.
pub(crate) fn describe_image(image: &Image) -> BTreeMap<String, String> {
    let mut all: BTreeMap<String, String> = image
        .properties
        .iter()
        .filter_map(|(name, value)| Some((name.clone(), value.clone()?)))
        .collect();
    let mut set = |name: &str, value: Option<String>| all.extend(value.map(|value| (name.to_owned(), value)));
    set("image_id", Some(image.id.to_string()));
    set("image_name", image.name.clone());
    set("min_disk", Some(image.min_disk.to_string()));
    set("min_ram", Some(image.min_ram.to_string()));
    set("disk_format", image.disk_format.clone());
    set("container_format", image.container_format.clone());
    set("checksum", image.checksum.clone());
    set("size", image.size.map(|size| size.to_string()));
    all
}
