//! Glance's two JSON patch media types.
//!
//! v2.1 is RFC 6902 with three operations and paths of one level: `{"op": "replace", "path": "/name", "value": "x"}`.
//! v2.0 is an early draft of it: `{"replace": "/name", "value": "x"}`.

use axum::extract::{Path, Request};
use axum::http::HeaderValue;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use model::image::{self, PatchAction, PatchMode, PatchOperation};
use model::{Error, Result};
use serde_json::{Map, Value};

use super::{document, image_id};
use crate::context::Ctx;
use crate::extract;
use crate::fault::Fault;
use crate::reply::{Reply, json};

const V2_0: &str = "application/openstack-images-v2.0-json-patch";
const V2_1: &str = "application/openstack-images-v2.1-json-patch";
const OPERATIONS: [&str; 3] = ["add", "remove", "replace"];

/// `PATCH /v2/images/{image_id}`
pub(super) async fn update(ctx: Ctx, Path(id): Path<String>, request: Request) -> Reply {
    let id = image_id(&id)?;
    let Some(mode) = mode(&request) else {
        return Ok(unsupported_media_type());
    };
    let body = extract::collect(request.into_body()).await?;
    let steps: Value = extract::parse(&body)?;
    let patch = parse(mode, &steps)?;
    let image = ctx
        .transact(move |tx, actor| image::update(tx, actor, id, mode, &patch))
        .await?;
    json(&document::of(&image))
}

fn mode(request: &Request) -> Option<PatchMode> {
    let content_type = request.headers().get(CONTENT_TYPE)?.to_str().ok()?;
    match content_type.split(';').next()?.trim() {
        V2_0 => Some(PatchMode::Draft4),
        V2_1 => Some(PatchMode::Draft10),
        _ => None,
    }
}

fn unsupported_media_type() -> axum::response::Response {
    let mut response = Fault(Error::invalid(
        "HTTPUnsupportedMediaType",
        format!("Image PATCH expects Content-Type one of: {V2_0}, {V2_1}"),
    ))
    .into_response();
    let accepted = HeaderValue::from_static(
        "application/openstack-images-v2.0-json-patch, application/openstack-images-v2.1-json-patch",
    );
    response.headers_mut().insert("accept-patch", accepted);
    response
}

fn bad(message: impl Into<String>) -> Error {
    Error::invalid("HTTPBadRequest", message)
}

fn parse(mode: PatchMode, steps: &Value) -> Result<Vec<PatchOperation>> {
    let steps = steps
        .as_array()
        .ok_or_else(|| bad("Request body must be a JSON array of operation objects."))?;
    steps
        .iter()
        .map(|step| {
            let step = step
                .as_object()
                .ok_or_else(|| bad("Operations must be JSON objects."))?;
            parse_step(mode, step)
        })
        .collect()
}

fn parse_step(mode: PatchMode, step: &Map<String, Value>) -> Result<PatchOperation> {
    let (operation, path) = match mode {
        PatchMode::Draft4 => draft4(step)?,
        PatchMode::Draft10 => draft10(step)?,
    };
    let name = name_of(path)?;
    let value = || {
        step.get("value")
            .cloned()
            .ok_or_else(|| bad(format!("Operation \"{operation}\" requires a member named \"value\".")))
    };
    let action = match operation {
        "add" => PatchAction::Add(value()?),
        "replace" => PatchAction::Replace(value()?),
        _ => PatchAction::Remove,
    };
    Ok(PatchOperation { name, action })
}

fn draft4(step: &Map<String, Value>) -> Result<(&str, &Value)> {
    let mut found = OPERATIONS.iter().filter_map(|name| Some((*name, step.get(*name)?)));
    match (found.next(), found.next()) {
        (Some(operation), None) => Ok(operation),
        _ => Err(bad(
            "Operation objects must contain exactly one member named \"add\", \"remove\", or \"replace\".",
        )),
    }
}

fn draft10(step: &Map<String, Value>) -> Result<(&str, &Value)> {
    let operation = step.get("op").and_then(Value::as_str).unwrap_or("");
    if !OPERATIONS.contains(&operation) {
        return Err(bad(format!(
            "Invalid operation: `{operation}`. It must be one of the following: {}.",
            OPERATIONS.join(", ")
        )));
    }
    let path = step
        .get("path")
        .ok_or_else(|| bad("Unable to find 'path' in JSON Schema change"))?;
    Ok((operation, path))
}

/// The one level of a JSON pointer (RFC 6901).
fn name_of(path: &Value) -> Result<String> {
    let pointer = path.as_str().ok_or_else(|| bad("A JSON pointer must be a string."))?;
    let invalid = || bad(format!("Invalid JSON pointer for this resource: '{pointer}'"));
    let name = pointer.strip_prefix('/').ok_or_else(invalid)?;
    let escapes_hold = name
        .split('~')
        .skip(1)
        .all(|rest| rest.starts_with('0') || rest.starts_with('1'));
    if name.trim().is_empty() || name.contains('/') || !escapes_hold {
        return Err(invalid());
    }
    Ok(name.replace("~1", "/").replace("~0", "~").trim().to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn one(mode: PatchMode, step: Value) -> Result<(String, PatchAction)> {
        let mut steps = parse(mode, &json!([step]))?;
        let step = steps.remove(0);
        Ok((step.name, step.action))
    }

    #[test]
    fn both_media_types_say_the_same() {
        let replaced = Ok(("name".to_owned(), PatchAction::Replace(json!("x"))));
        assert_eq!(
            one(PatchMode::Draft4, json!({"replace": "/name", "value": "x"})),
            replaced
        );
        let step = json!({"op": "replace", "path": "/name", "value": "x"});
        assert_eq!(one(PatchMode::Draft10, step), replaced);
        let removed = Ok(("a/b~c".to_owned(), PatchAction::Remove));
        assert_eq!(one(PatchMode::Draft4, json!({"remove": "/a~1b~0c"})), removed);
    }

    #[test]
    fn what_is_not_a_patch_is_refused() {
        let cases = [
            (PatchMode::Draft4, json!({"op": "remove", "path": "/x"})),
            (PatchMode::Draft4, json!({"add": "/x", "remove": "/x", "value": "1"})),
            (PatchMode::Draft10, json!({"op": "move", "path": "/x"})),
            (PatchMode::Draft10, json!({"op": "remove"})),
            (PatchMode::Draft10, json!({"op": "add", "path": "/x"})),
            (PatchMode::Draft10, json!({"op": "remove", "path": "x"})),
            (PatchMode::Draft10, json!({"op": "remove", "path": "/"})),
            (PatchMode::Draft10, json!({"op": "remove", "path": "/x/y"})),
            (PatchMode::Draft10, json!({"op": "remove", "path": "/x~2"})),
            (PatchMode::Draft10, json!({"op": "remove", "path": "/x~"})),
            (PatchMode::Draft10, json!({"op": "remove", "path": 5})),
            (PatchMode::Draft10, json!("remove")),
        ];
        for (mode, step) in cases {
            assert!(one(mode, step.clone()).is_err(), "{step}");
        }
        assert!(parse(PatchMode::Draft10, &json!({"op": "remove"})).is_err());
    }
}
