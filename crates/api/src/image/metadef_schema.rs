//! `/v2/schemas/metadefs/…` and `/v2/schemas/member(s)`: what those documents look like, as JSON schemas.

use serde_json::{Value, json};

use crate::access::Access::Reader;
use crate::reply::{Reply, json as ok};
use crate::routes::Routes;

pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .get("/v2/schemas/member", Reader, async || shown(member()))
        .get("/v2/schemas/members", Reader, async || {
            shown(list("members", "members", &member()))
        })
        .get("/v2/schemas/metadefs/namespace", Reader, async || shown(namespace()))
        .get("/v2/schemas/metadefs/namespaces", Reader, async || {
            shown(list("namespaces", "namespaces", &namespace()))
        })
        .get("/v2/schemas/metadefs/object", Reader, async || shown(object()))
        .get("/v2/schemas/metadefs/objects", Reader, async || {
            shown(list("objects", "objects", &object()))
        })
        .get("/v2/schemas/metadefs/property", Reader, async || shown(property()))
        .get("/v2/schemas/metadefs/properties", Reader, async || {
            shown(json!({
                "name": "properties",
                "properties": {"properties": {"type": "object", "additionalProperties": property()}},
            }))
        })
        .get("/v2/schemas/metadefs/tag", Reader, async || shown(tag()))
        .get("/v2/schemas/metadefs/tags", Reader, async || {
            shown(list("tags", "tags", &tag()))
        })
        .get("/v2/schemas/metadefs/resource_type", Reader, async || {
            shown(association())
        })
        .get("/v2/schemas/metadefs/resource_types", Reader, async || {
            shown(list(
                "resource_type_associations",
                "resource_type_associations",
                &association(),
            ))
        })
}

fn shown(schema: Value) -> Reply {
    ok(&schema)
}

/// A list of documents.
fn list(name: &str, key: &str, item: &Value) -> Value {
    json!({
        "name": name,
        "properties": {
            key: {"type": "array", "items": item},
            "schema": {"type": "string"},
        },
        "links": [{"rel": "describedby", "href": "{schema}"}],
    })
}

fn text(limit: u32) -> Value {
    json!({"type": "string", "maxLength": limit})
}

fn time() -> Value {
    json!({"type": "string", "format": "date-time", "readOnly": true})
}

fn member() -> Value {
    json!({
        "name": "member",
        "properties": {
            "member_id": {"type": "string", "description": "The project that the image is shared with"},
            "image_id": {"type": "string", "description": "The image"},
            "status": {"type": "string", "enum": ["pending", "accepted", "rejected"]},
            "created_at": {"type": "string", "description": "When it was shared"},
            "updated_at": {"type": "string", "description": "When the status last changed"},
            "schema": {"readOnly": true, "type": "string"},
        },
    })
}

fn namespace() -> Value {
    json!({
        "name": "namespace",
        "required": ["namespace"],
        "properties": {
            "namespace": text(80),
            "display_name": text(80),
            "description": text(500),
            "visibility": {"type": "string", "enum": ["public", "private"]},
            "protected": {"type": "boolean"},
            "owner": text(255),
            "created_at": time(),
            "updated_at": time(),
            "self": {"type": "string", "readOnly": true},
            "schema": {"type": "string", "readOnly": true},
            "resource_type_associations": {"type": "array", "items": association()},
            "objects": {"type": "array", "items": object()},
            "properties": {"type": "object", "additionalProperties": property()},
            "tags": {"type": "array", "items": tag()},
        },
        "additionalProperties": false,
    })
}

fn object() -> Value {
    json!({
        "name": "object",
        "required": ["name"],
        "properties": {
            "name": text(80),
            "description": {"type": "string"},
            "required": {"type": "array", "items": {"type": "string"}},
            "properties": {"type": "object", "additionalProperties": {"type": "object"}},
            "created_at": time(),
            "updated_at": time(),
            "self": {"type": "string"},
            "schema": {"type": "string"},
        },
    })
}

fn property() -> Value {
    json!({
        "name": "property",
        "required": ["name", "title", "type"],
        "properties": {
            "name": text(80),
            "title": {"type": "string"},
            "description": {"type": "string"},
            "type": {"type": "string", "enum": ["array", "boolean", "integer", "number", "object", "string"]},
            "operators": {"type": "array", "items": {"type": "string"}},
            "enum": {"type": "array"},
            "default": {},
            "minimum": {"type": "number"},
            "maximum": {"type": "number"},
            "minLength": {"type": "integer", "minimum": 0},
            "maxLength": {"type": "integer", "minimum": 0},
            "pattern": {"type": "string", "format": "regex"},
            "items": {"type": "object"},
            "readonly": {"type": "boolean"},
        },
    })
}

fn tag() -> Value {
    json!({
        "name": "tag",
        "required": ["name"],
        "properties": {"name": text(80), "created_at": time(), "updated_at": time()},
    })
}

fn association() -> Value {
    json!({
        "name": "resource_type_association",
        "required": ["name"],
        "properties": {
            "name": text(80),
            "prefix": text(80),
            "properties_target": text(80),
            "created_at": time(),
            "updated_at": time(),
        },
    })
}
