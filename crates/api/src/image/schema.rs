//! What an image document looks like, as a JSON schema, and what this cloud offers beside it.

use model::Error;
use model::image::{CONTAINER_FORMATS, DISK_FORMATS, READ_ONLY_PROPERTIES, TEXT_LIMIT};
use serde_json::{Map, Value, json};

use crate::fault::Fault;
use crate::reply::{Reply, json as ok};

const UUID: &str = "^([0-9a-fA-F]){8}-([0-9a-fA-F]){4}-([0-9a-fA-F]){4}-([0-9a-fA-F]){4}-([0-9a-fA-F]){12}$";

/// `GET /v2/schemas/image`
pub(super) async fn image() -> Reply {
    ok(&image_schema())
}

/// `GET /v2/schemas/images`
pub(super) async fn images() -> Reply {
    ok(&list_of("images", &image_schema()))
}

/// The schema of a list with pages.
pub(super) fn list_of(name: &str, item: &Value) -> Value {
    json!({
        "name": name,
        "properties": {
            name: {"type": "array", "items": item},
            "first": {"type": "string"},
            "next": {"type": "string"},
            "schema": {"type": "string"},
        },
        "links": [
            {"rel": "first", "href": "{first}"},
            {"rel": "next", "href": "{next}"},
            {"rel": "describedby", "href": "{schema}"},
        ],
    })
}

fn image_schema() -> Value {
    let mut properties = properties();
    for (name, property) in &mut properties {
        if READ_ONLY_PROPERTIES.contains(&name.as_str())
            && name != "id"
            && let Value::Object(property) = property
        {
            property.insert("readOnly".to_owned(), json!(true));
        }
    }
    json!({
        "name": "image",
        "properties": properties,
        "additionalProperties": {"type": "string"},
        "links": [
            {"rel": "self", "href": "{self}"},
            {"rel": "enclosure", "href": "{file}"},
            {"rel": "describedby", "href": "{schema}"},
        ],
    })
}

fn properties() -> Map<String, Value> {
    let text = |description: &str| json!({"type": "string", "description": description});
    let nullable = |description: &str| json!({"type": ["null", "string"], "description": description});
    let number = |description: &str| json!({"type": "integer", "description": description});
    let size = |description: &str| json!({"type": ["null", "integer"], "description": description});
    let switch = |description: &str| json!({"type": "boolean", "description": description});
    let mut properties = Map::new();
    let mut add = |name: &str, schema: Value| properties.insert(name.to_owned(), schema);
    add(
        "id",
        json!({"type": "string", "description": "The image's id", "pattern": UUID}),
    );
    add(
        "name",
        json!({"type": ["null", "string"], "description": "A name, which need not be unique", "maxLength": TEXT_LIMIT}),
    );
    add(
        "status",
        json!({
            "type": "string",
            "description": "Where the image is in its life",
            "enum": ["queued", "saving", "active", "killed", "deactivated", "uploading", "importing"],
        }),
    );
    add(
        "visibility",
        json!({
            "type": "string",
            "description": "Who may see the image",
            "enum": ["community", "public", "private", "shared"],
        }),
    );
    add("protected", switch("The image can't be deleted while this is true"));
    add(
        "os_hidden",
        switch("Lists leave the image out unless they ask for hidden ones"),
    );
    add("checksum", nullable("MD5 of the data, hexadecimal"));
    add("os_hash_algo", nullable("The algorithm of os_hash_value"));
    add("os_hash_value", nullable("Hash of the data, hexadecimal"));
    add(
        "owner",
        json!({"type": ["null", "string"], "description": "The project that owns it", "maxLength": TEXT_LIMIT}),
    );
    add("size", size("Length of the data in bytes"));
    add("virtual_size", size("Size of the disk in the image in bytes"));
    add("container_format", words("Format of the container", CONTAINER_FORMATS));
    add("disk_format", words("Format of the disk", DISK_FORMATS));
    add("created_at", text("When the image was registered"));
    add("updated_at", text("When the image last changed"));
    add(
        "tags",
        json!({
            "type": "array",
            "description": "Labels",
            "items": {"type": "string", "maxLength": TEXT_LIMIT},
        }),
    );
    add("min_ram", number("Memory in MiB that a flavor must have"));
    add("min_disk", number("Disk in GiB that a flavor must have"));
    add(
        "kernel_id",
        json!({"type": ["null", "string"], "pattern": UUID, "is_base": false, "description": "The image of the kernel for direct boot"}),
    );
    add(
        "ramdisk_id",
        json!({"type": ["null", "string"], "pattern": UUID, "is_base": false, "description": "The image of the ramdisk for direct boot"}),
    );
    add("self", text("Where the image is"));
    add("file", text("Where its data is"));
    add("schema", text("Where this schema is"));
    properties
}

fn words(description: &str, known: &[&str]) -> Value {
    let words: Vec<Value> = std::iter::once(Value::Null)
        .chain(known.iter().map(|word| json!(word)))
        .collect();
    json!({"type": ["null", "string"], "description": description, "enum": words})
}

/// `GET /v2/info/stores`: as Glance answers with one store.
pub(super) async fn stores() -> Reply {
    Err(Fault(Error::not_found(
        "NotFound",
        "Multi backend is not configured at this site.",
    )))
}
