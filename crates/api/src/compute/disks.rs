//! What a new server boots from and which volumes it has: `imageRef`, `block_device_mapping_v2`, and the older
//! `block_device_mapping` (nova `api/openstack/compute/schemas/servers.py`).

use model::compute::server::disks::{DiskSource, NewDisk};
use model::{Error, ImageId, Result};
use serde_json::Value;

use super::body::{Object, TEXT_LIMIT, missing, wrong};
use super::create::last_segment;
use super::microversion::Microversion;

fn bad_mapping(reason: &str) -> Error {
    Error::invalid("InvalidBDM", format!("Block Device Mapping is Invalid: {reason}"))
}

/// One entry of either form.
enum Entry {
    /// The image on the flavor's own disk.
    LocalImage(ImageId),
    /// A volume.
    Volume(NewDisk),
    /// An empty local disk, which the flavor gives anyway.
    LocalBlank,
}

/// The image that the server is made from and its volumes.
pub(super) fn read(server: Object<'_>, version: Microversion) -> Result<(Option<ImageId>, Vec<NewDisk>)> {
    let image = read_image_ref(server)?;
    let old = server.objects("block_device_mapping")?.unwrap_or_default();
    let new = server.objects("block_device_mapping_v2")?.unwrap_or_default();
    if !old.is_empty() && !new.is_empty() {
        return Err(Error::invalid(
            "HTTPBadRequest",
            "Using different block_device_mapping syntaxes is not allowed in the same request.",
        ));
    }
    let old = old.into_iter().map(read_old);
    let entries = old.chain(new.into_iter().map(|entry| read_entry(entry, version)));
    let (mut mapped, mut disks) = (None, Vec::new());
    for entry in entries {
        match entry? {
            Entry::LocalImage(_) if mapped.is_some() => return Err(bad_mapping("it has two boot disks.")),
            Entry::LocalImage(id) => mapped = Some(id),
            Entry::Volume(disk) => disks.push(disk),
            Entry::LocalBlank => {}
        }
    }
    let roots = disks.iter().filter(|disk| disk.boot_index == Some(0)).count();
    match (image, mapped, roots) {
        (_, _, 2..) | (_, Some(_), 1) => Err(bad_mapping(
            "Boot sequence for the instance and image/block device mapping combination is not valid.",
        )),
        (Some(image), Some(mapped), _) if image != mapped => {
            Err(bad_mapping("the boot disk is made from another image than imageRef."))
        }
        // Nova makes a disk of imageRef only where the mapping says so: this one boots from its volume.
        (Some(_), None, 1) => Ok((None, disks)),
        (None, None, 0) => Err(Error::invalid("HTTPBadRequest", "Missing imageRef attribute")),
        _ => Ok((image.or(mapped), disks)),
    }
}

fn read_image_ref(server: Object<'_>) -> Result<Option<ImageId>> {
    let text = server
        .text("imageRef", 0..=TEXT_LIMIT * 8)?
        .filter(|text| !text.is_empty());
    text.map(|text| {
        last_segment(text)
            .parse()
            .map_err(|_| Error::invalid("HTTPBadRequest", "Invalid imageRef provided."))
    })
    .transpose()
}

/// `boot_index`: a number, or its text; null and negative ones mean "not to boot from".
fn boot_index(entry: Object<'_>) -> Result<Option<u32>> {
    let Some(value) = entry.value("boot_index") else {
        return Ok(None);
    };
    let number = match value {
        Value::String(text) => text.trim().parse().ok(),
        Value::Number(number) => number.as_i64(),
        _ => None,
    };
    match number {
        Some(index) => Ok(u32::try_from(index).ok()),
        None if value.as_str() == Some("None") => Ok(None),
        None => Err(wrong("boot_index", value, "It is no whole number.")),
    }
}

fn read_entry(entry: Object<'_>, version: Microversion) -> Result<Entry> {
    let word = |name: &str| entry.text(name, 0..=TEXT_LIMIT);
    if word("no_device")?.is_some() {
        return Ok(Entry::LocalBlank);
    }
    let source = word("source_type")?.unwrap_or("blank");
    let is_local = match word("destination_type")? {
        Some("local") => true,
        Some("volume") => false,
        None => matches!(source, "image" | "blank"),
        Some(other) => {
            return Err(wrong(
                "destination_type",
                &other.into(),
                "It is neither local nor volume.",
            ));
        }
    };
    let boot_index = boot_index(entry)?;
    let uuid = || -> Result<&str> {
        word("uuid")?.ok_or_else(|| bad_mapping("the uuid of what a disk is made from is missing."))
    };
    let parsed = |text: &str| bad_mapping(&format!("{text} is no id."));
    let source = match (source, is_local) {
        ("image", true) if boot_index == Some(0) => {
            let id = uuid()?;
            return id.parse().map(Entry::LocalImage).map_err(|_| parsed(id));
        }
        ("blank", true) => return Ok(Entry::LocalBlank),
        (_, true) => {
            return Err(bad_mapping(
                "a local disk is the boot disk, made from the image, or an empty one.",
            ));
        }
        ("volume", false) => uuid().and_then(|id| id.parse().map(DiskSource::Volume).map_err(|_| parsed(id)))?,
        ("image", false) => uuid().and_then(|id| id.parse().map(DiskSource::Image).map_err(|_| parsed(id)))?,
        ("snapshot", false) => uuid().and_then(|id| id.parse().map(DiskSource::Snapshot).map_err(|_| parsed(id)))?,
        ("blank", false) => DiskSource::Blank,
        (other, _) => {
            return Err(wrong(
                "source_type",
                &other.into(),
                "It is none of volume, image, snapshot, blank.",
            ));
        }
    };
    let size_gib = entry.integer("volume_size", 1..=u64::from(u32::MAX))?;
    if source == DiskSource::Blank && size_gib.is_none() {
        return Err(bad_mapping("an empty volume needs a volume_size."));
    }
    if let (DiskSource::Image(_), None) = (source, size_gib) {
        return Err(bad_mapping(
            "Images with destination_type 'volume' need to have a non-zero size specified.",
        ));
    }
    let tag = if version.since(42) || !version.since(33) {
        word("tag")?
    } else {
        None
    };
    Ok(Entry::Volume(NewDisk {
        source,
        size_gib,
        volume_type: word("volume_type")?.filter(|_| version.since(67)).map(str::to_owned),
        device: word("device_name")?.filter(|name| !name.is_empty()).map(str::to_owned),
        boot_index,
        delete_on_termination: entry.boolean("delete_on_termination")?.unwrap_or(false),
        tag: tag.map(str::to_owned),
    }))
}

/// The form of before 2013: a volume or a snapshot by id; `vda` is the boot disk.
fn read_old(entry: Object<'_>) -> Result<Entry> {
    let device = entry
        .text("device_name", 0..=TEXT_LIMIT)?
        .ok_or_else(|| missing("device_name"))?;
    let (volume, snapshot) = (
        entry.parsed("volume_id", "a UUID")?,
        entry.parsed("snapshot_id", "a UUID")?,
    );
    let source = match (volume, snapshot) {
        (Some(id), _) => DiskSource::Volume(id),
        (None, Some(id)) => DiskSource::Snapshot(id),
        (None, None) if entry.has("no_device") => return Ok(Entry::LocalBlank),
        (None, None) => return Err(bad_mapping("name a volume_id or a snapshot_id.")),
    };
    let is_root = device.trim_start_matches("/dev/") == "vda";
    Ok(Entry::Volume(NewDisk {
        source,
        size_gib: entry.integer("volume_size", 1..=u64::from(u32::MAX))?,
        volume_type: None,
        device: Some(device.to_owned()).filter(|device| !device.is_empty()),
        boot_index: is_root.then_some(0),
        delete_on_termination: entry.boolean("delete_on_termination")?.unwrap_or(false),
        tag: None,
    }))
}
