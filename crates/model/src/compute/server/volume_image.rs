//! Images of servers that boot from volumes: a snapshot of every volume, and an image without data that says how to make a
//! server's volumes from them (`block_device_mapping`, as Nova writes it), in both directions.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::create::NewServers;
use super::disks::{DiskSource, NewDisk};
use super::{Server, snapshot};
use crate::image::{self, Image, ImageStatus};
use crate::volume::attachment;
use crate::volume::snapshot as volume_snapshot;
use crate::{Actor, Cloud, Error, ImageId, Result, Tx, VolumeSnapshotId};

/// The image's property that names the snapshots.
const MAPPING: &str = "block_device_mapping";

/// One volume as the image's property says it; Nova's further members have no meaning here.
#[derive(Debug, Serialize, Deserialize)]
struct Mapping {
    source_type: String,
    destination_type: String,
    snapshot_id: Option<VolumeSnapshotId>,
    boot_index: Option<i64>,
    #[serde(default)]
    delete_on_termination: Option<bool>,
    #[serde(default)]
    device_name: Option<String>,
    #[serde(default)]
    volume_size: Option<u64>,
    #[serde(default)]
    volume_type: Option<String>,
    #[serde(default)]
    tag: Option<String>,
}

/// Takes a snapshot of every volume of a server and registers the image that names them; it is ready at once, as the
/// snapshots' own states tell how far they are.
///
/// # Errors
/// A server that neither has a local disk nor boots from a volume; quotas of snapshots and images; as
/// [`volume_snapshot::create`].
pub(super) fn create(tx: &mut Tx<'_>, actor: &Actor, server: &Server, new: &snapshot::NewSnapshot) -> Result<ImageId> {
    if new.backup.is_some() {
        return Err(Error::invalid(
            "InvalidRequest",
            "Backup is not supported for volume-backed instances: back their volumes up instead.",
        ));
    }
    let attachments = attachment::of_server(tx.cloud(), server.id);
    if !attachments.iter().any(|each| each.boot_index == Some(0)) {
        return Err(Error::invalid(
            "InvalidRequest",
            format!("Server {} has no disk that an image could be made of.", server.id),
        ));
    }
    let mut mappings = Vec::new();
    for attachment in attachments {
        let wanted = volume_snapshot::NewSnapshot {
            volume_id: attachment.volume_id,
            name: Some(format!("snapshot for {}", new.name)),
            description: None,
            metadata: BTreeMap::new(),
            may_be_used: true,
        };
        let made = volume_snapshot::create(tx, actor, wanted)?;
        mappings.push(Mapping {
            source_type: "snapshot".to_owned(),
            destination_type: "volume".to_owned(),
            snapshot_id: Some(made.id),
            boot_index: attachment.boot_index.map(i64::from),
            delete_on_termination: Some(attachment.delete_on_termination),
            device_name: attachment.device.clone(),
            volume_size: Some(made.size_gib),
            volume_type: None,
            tag: attachment.tag.clone(),
        });
    }
    let text = serde_json::to_string(&mappings)
        .map_err(|error| Error::internal("InternalServerError", format!("a mapping can't be written: {error}")))?;
    let mut body: Map<String, Value> = snapshot::inherited(server)
        .chain(new.metadata.iter())
        .map(|(key, value)| (key.clone(), json!(value)))
        .collect();
    let own = [
        ("name", json!(new.name)),
        ("visibility", json!("private")),
        ("disk_format", json!("raw")),
        ("container_format", json!("bare")),
        ("image_type", json!("snapshot")),
        ("instance_uuid", json!(server.id)),
        ("bdm_v2", json!("True")),
        ("root_device_name", json!("/dev/vda")),
        (MAPPING, json!(text)),
    ];
    body.extend(own.map(|(key, value)| (key.to_owned(), value)));
    let image = image::create(tx, actor, &body)?;
    tx.update::<Image>(&image.id, |image| {
        image.status = ImageStatus::Active;
        image.size = Some(0);
    })?;
    Ok(image.id)
}

impl Image {
    /// The snapshot of the volume to boot from that an image without data names.
    pub fn boot_snapshot(&self) -> Option<VolumeSnapshotId> {
        let text = self.properties.get(MAPPING)?.as_ref()?;
        let mappings: Vec<Mapping> = serde_json::from_str(text).ok()?;
        mappings
            .into_iter()
            .find(|mapping| mapping.boot_index == Some(0))?
            .snapshot_id
    }
}

/// A request for servers from an image that names snapshots, as one for servers with volumes from them; `None` for other
/// requests. What the request says of a place in the boot order, or of a device, counts more than the image.
///
/// # Errors
/// `InvalidBDM` for what the image says and this cloud does not understand.
pub(super) fn expand(cloud: &Cloud, actor: &Actor, new: &NewServers) -> Result<Option<NewServers>> {
    let image = new.image_id.and_then(|id| image::show(cloud, actor, id).ok());
    let property = image.as_ref().and_then(|image| image.properties.get(MAPPING)).cloned();
    let Some(text) = property.flatten() else {
        return Ok(None);
    };
    let invalid = |reason: &str| Error::invalid("InvalidBDM", format!("Block Device Mapping is Invalid: {reason}"));
    let mappings: Vec<Mapping> =
        serde_json::from_str(&text).map_err(|_| invalid("the image's mapping is no list of volumes."))?;
    let mut disks = Vec::new();
    for mapping in mappings {
        let (Some(snapshot), "snapshot", "volume") = (
            mapping.snapshot_id,
            mapping.source_type.as_str(),
            mapping.destination_type.as_str(),
        ) else {
            return Err(invalid(
                "the image's mapping names something else than snapshots of volumes.",
            ));
        };
        disks.push(NewDisk {
            source: DiskSource::Snapshot(snapshot),
            size_gib: mapping.volume_size,
            volume_type: mapping.volume_type,
            device: mapping.device_name,
            boot_index: mapping.boot_index.and_then(|index| u32::try_from(index).ok()),
            delete_on_termination: mapping.delete_on_termination.unwrap_or(false),
            tag: mapping.tag,
        });
    }
    let is_overruled = |disk: &NewDisk| {
        new.disks.iter().any(|own| {
            (own.boot_index.is_some() && own.boot_index == disk.boot_index)
                || (own.device.is_some() && own.device == disk.device)
        })
    };
    disks.retain(|disk| !is_overruled(disk));
    disks.extend(new.disks.iter().cloned());
    if !disks.iter().any(|disk| disk.boot_index == Some(0)) {
        return Err(invalid("the image names no volume to boot from."));
    }
    Ok(Some(NewServers {
        image_id: None,
        disks,
        ..new.clone()
    }))
}
