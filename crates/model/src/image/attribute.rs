//! What an image's attributes may hold, and who may set them: one table for creating and for patching.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Image, ImageStatus, Visibility};
use crate::{Actor, Error, ProjectId, Result};

/// Disk formats that are taken. `ami`, `ari` and `aki` are a plain disk, a ramdisk and a kernel for direct boot.
pub const DISK_FORMATS: &[&str] = &["raw", "qcow2", "iso", "vmdk", "vdi", "vhd", "vhdx", "ami", "ari", "aki"];

/// Container formats that are taken. Whatever the word, the data is the disk itself: no archive is unpacked.
pub const CONTAINER_FORMATS: &[&str] = &["bare", "ovf", "ami", "ari", "aki"];

/// Attributes that only Glance itself sets.
pub const READ_ONLY_PROPERTIES: &[&str] = &[
    "checksum",
    "created_at",
    "direct_url",
    "file",
    "id",
    "os_hash_algo",
    "os_hash_value",
    "schema",
    "self",
    "size",
    "status",
    "stores",
    "updated_at",
    "virtual_size",
];

/// Names that no property may have.
pub const RESERVED_PROPERTIES: &[&str] = &["deleted", "deleted_at", "location", "locations"];

/// Attributes that can be set but never removed.
pub const BASE_PROPERTIES: &[&str] = &[
    "container_format",
    "disk_format",
    "min_disk",
    "min_ram",
    "name",
    "os_hidden",
    "owner",
    "protected",
    "tags",
    "visibility",
];

/// Longest name, tag or property name, characters.
pub const TEXT_LIMIT: usize = 255;
/// Most tags of an image (Glance's `image_tag_quota`).
pub const TAG_LIMIT: usize = 128;
/// Most further properties of an image (Glance's `image_property_quota`).
pub const PROPERTY_LIMIT: usize = 128;
/// Largest sum of all further properties, bytes: an image is one row of the store.
const PROPERTY_BYTES_LIMIT: usize = 256 * 1024;

/// Glance's own prefix: properties that it keeps for itself.
const RESERVED_NAMESPACE: &str = "os_glance";

/// Sets one attribute or property from what a client sent.
///
/// # Errors
/// `Forbidden` for what this caller may not set, `Invalid` for a wrong type or an unknown word.
pub(super) fn set(image: &mut Image, actor: &Actor, name: &str, value: &Value) -> Result<()> {
    check_writable(name)?;
    match name {
        "name" => image.name = nullable_text(name, value)?.map(str::to_owned),
        "visibility" => image.visibility = visibility(actor, image, value)?,
        "protected" => image.protected = boolean(name, value)?,
        "os_hidden" => image.os_hidden = boolean(name, value)?,
        "min_disk" => image.min_disk = whole_number(name, value)?,
        "min_ram" => image.min_ram = whole_number(name, value)?,
        "container_format" => {
            let format = format_word(name, value, CONTAINER_FORMATS)?;
            check_queued(image, name, image.container_format == format)?;
            image.container_format = format;
        }
        "disk_format" => {
            let format = format_word(name, value, DISK_FORMATS)?;
            check_queued(image, name, image.disk_format == format)?;
            image.disk_format = format;
        }
        "owner" => set_owner(image, actor, value)?,
        "tags" => image.tags = tags(value)?,
        _ => set_property(image, name, value)?,
    }
    Ok(())
}

/// Removes a further property.
///
/// # Errors
/// `Forbidden` for an attribute, `Conflict` when there is no such property.
pub(super) fn unset(image: &mut Image, name: &str) -> Result<()> {
    check_writable(name)?;
    if BASE_PROPERTIES.contains(&name) {
        return Err(Error::forbidden(
            "Forbidden",
            format!("Property {name} may not be removed."),
        ));
    }
    image
        .properties
        .remove(name)
        .map_or_else(|| Err(no_such_property(name)), |_| Ok(()))
}

/// The error for changing a property that is not there.
pub(super) fn no_such_property(name: &str) -> Error {
    Error::conflict("Conflict", format!("Property {name} does not exist."))
}

fn check_writable(name: &str) -> Result<()> {
    if READ_ONLY_PROPERTIES.contains(&name) {
        return Err(Error::forbidden(
            "ReadonlyProperty",
            format!("Attribute '{name}' is read-only."),
        ));
    }
    if RESERVED_PROPERTIES.contains(&name) || name.starts_with(RESERVED_NAMESPACE) {
        return Err(Error::forbidden(
            "ReservedProperty",
            format!("Attribute '{name}' is reserved."),
        ));
    }
    Ok(())
}

/// An error in Glance's words for a body that does not fit the schema.
pub(super) fn schema_error(what: impl std::fmt::Display) -> Error {
    Error::invalid(
        "InvalidObject",
        format!("Provided object does not match schema 'image': {what}"),
    )
}

/// Formats describe the data, so they are fixed once it is there.
fn check_queued(image: &Image, name: &str, unchanged: bool) -> Result<()> {
    if image.status == ImageStatus::Queued || unchanged {
        return Ok(());
    }
    Err(Error::forbidden(
        "Forbidden",
        format!("Attribute {name} can be only replaced for a queued image."),
    ))
}

fn text<'a>(name: &str, value: &'a Value) -> Result<&'a str> {
    value
        .as_str()
        .ok_or_else(|| schema_error(format_args!("{value} is not of type 'string' ({name})")))
}

/// Text of at most [`TEXT_LIMIT`] characters.
pub(super) fn short_text<'a>(name: &str, value: &'a Value) -> Result<&'a str> {
    let text = text(name, value)?;
    if text.chars().count() > TEXT_LIMIT {
        return Err(schema_error(format_args!(
            "'{name}' is longer than {TEXT_LIMIT} characters"
        )));
    }
    Ok(text)
}

fn nullable_text<'a>(name: &str, value: &'a Value) -> Result<Option<&'a str>> {
    if value.is_null() {
        Ok(None)
    } else {
        short_text(name, value).map(Some)
    }
}

fn boolean(name: &str, value: &Value) -> Result<bool> {
    value
        .as_bool()
        .ok_or_else(|| schema_error(format_args!("{value} is not of type 'boolean' ({name})")))
}

fn whole_number(name: &str, value: &Value) -> Result<u64> {
    let number = value
        .as_i64()
        .ok_or_else(|| schema_error(format_args!("{value} is not of type 'integer' ({name})")))?;
    u64::try_from(number)
        .ok()
        .filter(|number| *number <= i32::MAX as u64)
        .ok_or_else(|| schema_error(format_args!("{name} must be between 0 and {}", i32::MAX)))
}

fn format_word(name: &str, value: &Value, known: &[&str]) -> Result<Option<String>> {
    let Some(word) = nullable_text(name, value)? else {
        return Ok(None);
    };
    if known.contains(&word) {
        return Ok(Some(word.to_owned()));
    }
    let mut message = format!(
        "Invalid value '{word}' for {name}: it must be one of {}.",
        known.join(", ")
    );
    if name == "disk_format" {
        message.push_str(" Convert the image first: qemu-img convert -O qcow2 SOURCE TARGET.");
    }
    Err(Error::invalid("InvalidParameterValue", message))
}

fn visibility(actor: &Actor, image: &Image, value: &Value) -> Result<Visibility> {
    let word = text("visibility", value)?;
    let visibility = Visibility::parse(word).ok_or_else(|| {
        schema_error(format_args!(
            "'{word}' is not one of ['community', 'public', 'private', 'shared'] (visibility)"
        ))
    })?;
    if visibility == Visibility::Public && image.visibility != Visibility::Public && !actor.is_admin() {
        return Err(Error::forbidden(
            "Forbidden",
            "You are not authorized to make an image public: it takes role 'admin'. Use 'shared' or 'community'.",
        ));
    }
    Ok(visibility)
}

fn set_owner(image: &mut Image, actor: &Actor, value: &Value) -> Result<()> {
    let owner = nullable_text("owner", value)?.map(ProjectId::from);
    if owner != image.owner && !actor.is_admin() {
        return Err(Error::forbidden(
            "Forbidden",
            "You are not permitted to set the owner of an image to another project: it takes role 'admin'.",
        ));
    }
    image.owner = owner;
    Ok(())
}

fn tags(value: &Value) -> Result<BTreeSet<String>> {
    let list = value
        .as_array()
        .ok_or_else(|| schema_error(format_args!("{value} is not of type 'array' (tags)")))?;
    let tags = list
        .iter()
        .map(|tag| short_text("tags", tag).map(str::to_owned))
        .collect::<Result<BTreeSet<_>>>()?;
    check_tag_count(tags.len())?;
    Ok(tags)
}

/// # Errors
/// `OverLimit` with more tags than [`TAG_LIMIT`].
pub(super) fn check_tag_count(count: usize) -> Result<()> {
    if count <= TAG_LIMIT {
        return Ok(());
    }
    Err(Error::over_limit(
        "ImageTagLimitExceeded",
        format!(
            "The limit has been exceeded on the number of allowed image tags. Attempted: {count}, Maximum: {TAG_LIMIT}"
        ),
    ))
}

fn set_property(image: &mut Image, name: &str, value: &Value) -> Result<()> {
    if name.is_empty() || name.chars().count() > TEXT_LIMIT {
        return Err(Error::invalid(
            "InvalidObject",
            "Custom property should not be greater than 255 characters, nor empty.",
        ));
    }
    let may_be_null = matches!(name, "kernel_id" | "ramdisk_id");
    let stored = if may_be_null && value.is_null() {
        None
    } else {
        let text = text(name, value)?;
        if may_be_null && uuid::Uuid::try_parse(text).is_err() {
            return Err(schema_error(format_args!("'{name}' must be the id of an image")));
        }
        Some(text.to_owned())
    };
    image.properties.insert(name.to_owned(), stored);
    check_property_room(image)
}

fn check_property_room(image: &Image) -> Result<()> {
    let count = image.properties.len();
    if count > PROPERTY_LIMIT {
        return Err(Error::over_limit(
            "ImagePropertyLimitExceeded",
            format!(
                "The limit has been exceeded on the number of allowed image properties. Attempted: {count}, Maximum: \
                 {PROPERTY_LIMIT}"
            ),
        ));
    }
    let bytes: usize = image
        .properties
        .iter()
        .map(|(name, value)| name.len() + value.as_ref().map_or(0, String::len))
        .sum();
    if bytes > PROPERTY_BYTES_LIMIT {
        return Err(Error::over_limit(
            "ImagePropertyLimitExceeded",
            format!("The image's properties take {bytes} bytes together; {PROPERTY_BYTES_LIMIT} is the most."),
        ));
    }
    Ok(())
}
