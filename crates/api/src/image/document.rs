//! An image as a document.

use model::image::Image;
use serde_json::{Map, Value, json};

/// The document of one image: its own properties stand beside Glance's attributes.
pub(super) fn of(image: &Image) -> Value {
    let mut document: Map<String, Value> = image
        .properties
        .iter()
        .map(|(name, value)| (name.clone(), json!(value)))
        .collect();
    let path = super::self_path(image);
    let attributes = json!({
        "id": image.id,
        "name": image.name,
        "status": image.status.as_str(),
        "visibility": image.visibility.as_str(),
        "protected": image.protected,
        "os_hidden": image.os_hidden,
        "owner": image.owner,
        "container_format": image.container_format,
        "disk_format": image.disk_format,
        "min_disk": image.min_disk,
        "min_ram": image.min_ram,
        "size": image.size,
        "virtual_size": image.virtual_size,
        "checksum": image.checksum,
        "os_hash_algo": image.os_hash_value.as_ref().map(|_| "sha512"),
        "os_hash_value": image.os_hash_value,
        "tags": image.tags,
        "created_at": image.created_at.seconds_z(),
        "updated_at": image.updated_at.seconds_z(),
        "file": format!("{path}/file"),
        "self": path,
        "schema": "/v2/schemas/image",
    });
    if let Value::Object(attributes) = attributes {
        document.extend(attributes);
    }
    Value::Object(document)
}
