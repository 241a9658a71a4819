//! What a server boots from, and whether its flavor has room for it.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{ServerFlavor, ServerImage};
use crate::image::{self, Image, ImageStatus};
use crate::{Actor, Cloud, Error, ImageId, Result};

const BYTES_PER_GIB: u64 = 1 << 30;

/// An image looked up, with the kernel and ramdisk that it names.
#[derive(Debug, Clone)]
pub(super) struct BootImage {
    /// What the root disk is made from; `None` when it is a volume.
    pub(super) image: Option<ServerImage>,
    pub(super) kernel: Option<ServerImage>,
    pub(super) ramdisk: Option<ServerImage>,
    pub(super) kernel_arguments: String,
    pub(super) properties: BTreeMap<String, String>,
}

pub(super) fn look_up(cloud: &Cloud, actor: &Actor, id: ImageId, flavor: &ServerFlavor) -> Result<BootImage> {
    let image = find(cloud, actor, id)?;
    check_room(&image, flavor)?;
    let property = |name: &str| {
        image
            .properties
            .get(name)
            .and_then(Option::as_deref)
            .filter(|text| !text.is_empty())
    };
    let companion = |name: &str| -> Result<Option<ServerImage>> {
        let Some(text) = property(name) else { return Ok(None) };
        let id = text.parse().map_err(|_| {
            Error::invalid(
                "ImageBadRequest",
                format!("The image's {name} '{text}' is not an image id."),
            )
        })?;
        as_source(&*find(cloud, actor, id)?).map(Some)
    };
    Ok(BootImage {
        image: Some(as_source(&image)?),
        kernel: companion("kernel_id")?,
        ramdisk: companion("ramdisk_id")?,
        kernel_arguments: property("os_command_line").unwrap_or_default().to_owned(),
        properties: image
            .properties
            .iter()
            .filter_map(|(name, value)| value.clone().map(|value| (name.clone(), value)))
            .collect(),
    })
}

/// What a server that boots from a volume takes from the image in it: the kernel, if it has one, and the properties.
pub(super) fn of_volume(
    cloud: &Cloud,
    actor: &Actor,
    image_metadata: &BTreeMap<String, String>,
    flavor: &ServerFlavor,
) -> Result<BootImage> {
    let rootless = ServerFlavor {
        root_gib: 0,
        ..flavor.clone()
    };
    let known = image_metadata.get("image_id").and_then(|id| id.parse().ok());
    if let Some(id) = known.filter(|id| image::show(cloud, actor, *id).is_ok())
        && let Ok(found) = look_up(cloud, actor, id, &rootless)
    {
        return Ok(BootImage { image: None, ..found });
    }
    Ok(BootImage {
        image: None,
        kernel: None,
        ramdisk: None,
        kernel_arguments: String::new(),
        properties: image_metadata.clone(),
    })
}

fn find(cloud: &Cloud, actor: &Actor, id: ImageId) -> Result<Arc<Image>> {
    let image =
        image::show(cloud, actor, id).map_err(|_| Error::invalid("ImageNotFound", "Can not find requested image"))?;
    check_active(&image)?;
    Ok(image)
}

fn check_active(image: &Image) -> Result<()> {
    if image.status == ImageStatus::Active {
        return Ok(());
    }
    Err(Error::invalid(
        "ImageNotActive",
        format!("Image {} is not active.", image.id),
    ))
}

/// Whether servers may start from it: its data is there, in a format that they read; or it names a volume's snapshot.
///
/// # Errors
/// `ImageNotActive`, `ImageUnacceptable`.
pub fn check_bootable(image: &Image) -> Result<()> {
    check_active(image)?;
    if image.boot_snapshot().is_some() {
        return Ok(());
    }
    as_source(image).map(|_| ())
}

/// Formats that are kept and handed out, but that no host here opens for a guest.
const NOT_BOOTED: [&str; 4] = ["vmdk", "vdi", "vhd", "vhdx"];

fn as_source(image: &Image) -> Result<ServerImage> {
    if let Some(format) = image
        .disk_format
        .as_deref()
        .filter(|format| NOT_BOOTED.contains(format))
    {
        return Err(Error::invalid(
            "ImageUnacceptable",
            format!(
                "Image {} is unacceptable: servers boot from raw, qcow2 and iso, not from {format}. Convert it first: \
                 qemu-img convert -f {} -O qcow2 SOURCE TARGET.",
                image.id,
                if format == "vhd" { "vpc" } else { format }
            ),
        ));
    }
    match (
        &image.disk_format,
        &image.os_hash_value,
        image.virtual_size.or(image.size),
    ) {
        (Some(format), Some(sha512), Some(virtual_size)) => Ok(ServerImage {
            id: image.id,
            format: format.clone(),
            sha512: sha512.clone(),
            virtual_size,
        }),
        _ => Err(Error::invalid(
            "ImageUnacceptable",
            format!(
                "Image {} is unacceptable: its data was not looked into; upload it again.",
                image.id
            ),
        )),
    }
}

/// What a flavor has too little of for an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shortage {
    /// Memory, MiB, against what the image asks for.
    Memory {
        /// The flavor's.
        has: u64,
        /// The image's.
        needs: u64,
    },
    /// Root disk, bytes, against the image's own size.
    Disk {
        /// The flavor's.
        has: u64,
        /// The image's.
        needs: u64,
    },
    /// Root disk, bytes, against what the image asks for.
    MinDisk {
        /// The flavor's.
        has: u64,
        /// The image's.
        needs: u64,
    },
}

/// Everything that a flavor has too little of for an image.
pub fn shortages(image: &Image, flavor: &ServerFlavor) -> Vec<Shortage> {
    let mut found = Vec::new();
    let (has, needs) = (flavor.memory_mib, image.min_ram);
    if has < needs {
        found.push(Shortage::Memory { has, needs });
    }
    // Without a root disk of its own it is as large as the image.
    if flavor.root_gib == 0 {
        return found;
    }
    let has = flavor.root_gib.saturating_mul(BYTES_PER_GIB);
    let needs = image.virtual_size.or(image.size).unwrap_or(0);
    if has < needs {
        found.push(Shortage::Disk { has, needs });
    }
    let needs = image.min_disk.saturating_mul(BYTES_PER_GIB);
    if has < needs {
        found.push(Shortage::MinDisk { has, needs });
    }
    found
}

/// Whether the flavor has the memory and disk that the image needs.
pub(super) fn check_room(image: &Image, flavor: &ServerFlavor) -> Result<()> {
    let (code, message) = match shortages(image, flavor).first() {
        None => return Ok(()),
        Some(Shortage::Memory { has, needs }) => (
            "FlavorMemoryTooSmall",
            format!(
                "Flavor's memory is too small for requested image. Flavor memory is {has} MB, the image needs {needs} MB."
            ),
        ),
        Some(Shortage::Disk { has, needs }) => (
            "FlavorDiskSmallerThanImage",
            format!(
                "Flavor's disk is too small for requested image. Flavor disk is {has} bytes, image is {needs} bytes."
            ),
        ),
        Some(Shortage::MinDisk { has, needs }) => (
            "FlavorDiskSmallerThanMinDisk",
            format!(
                "Flavor's disk is smaller than the minimum size specified in image metadata. Flavor disk is {has} bytes, \
                 minimum size is {needs} bytes."
            ),
        ),
    };
    Err(Error::invalid(code, message))
}
