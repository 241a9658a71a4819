//! `/v2/tasks`: the imports of all images, as administrators see them, and an image from the web in one request.

use axum::extract::Path;
use model::image::{self, Image, ImportSource, ImportTask, WantedImport};
use model::{Error, Result};
use serde_json::{Map, Value, json};

use super::import::{bad, render};
use super::schema::list_of;
use crate::access::Access::Admin;
use crate::context::Ctx;
use crate::extract::Wire;
use crate::query::Query;
use crate::reply::{Reply, created, json as ok};
use crate::routes::Routes;

/// Most tasks on a page, and as many as there are without a `limit`.
const PAGE: usize = 1000;
const PAGE_UNASKED: usize = 25;

pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .get("/v2/tasks", Admin, list)
        .post("/v2/tasks", Admin, create)
        .get("/v2/tasks/{task_id}", Admin, show)
        .get("/v2/schemas/task", Admin, schema)
        .get("/v2/schemas/tasks", Admin, list_schema)
}

fn document(image: &Image, task: &ImportTask) -> Value {
    let mut document = render(image.id, image.owner.as_ref(), task);
    document["self"] = json!(format!("/v2/tasks/{}", task.id));
    document["schema"] = json!("/v2/schemas/task");
    document
}

/// `GET /v2/tasks`: newest first, without what went in and came out.
async fn list(ctx: Ctx, query: Query) -> Reply {
    let cloud = ctx.cloud();
    let limit = match query.get("limit") {
        None => PAGE_UNASKED,
        Some(text) => text
            .parse()
            .map_err(|_| bad("limit param must be an integer"))
            .map(|limit: usize| limit.min(PAGE))?,
    };
    let mut tasks: Vec<Value> = image::all_tasks(&cloud)
        .into_iter()
        .map(|(image, task)| document(image, task))
        .collect();
    sort(&mut tasks, &query)?;
    for name in ["status", "type", "owner"] {
        if let Some(wanted) = query.get(name) {
            tasks.retain(|task| task[name] == wanted);
        }
    }
    if let Some(marker) = query.get("marker") {
        let place = tasks.iter().position(|task| task["id"] == marker);
        let place = place.ok_or_else(|| bad(format!("Invalid marker: task {marker:?}")))?;
        tasks.drain(..=place);
    }
    let more = tasks.len() > limit;
    tasks.truncate(limit);
    for task in &mut tasks {
        if let Value::Object(task) = task {
            ["input", "result", "message"]
                .iter()
                .for_each(|name| drop(task.remove(*name)));
        }
    }
    let mut body = json!({"first": "/v2/tasks", "schema": "/v2/schemas/tasks"});
    if let (true, Some(last)) = (more, tasks.last()) {
        body["next"] = json!(format!(
            "/v2/tasks?limit={limit}&marker={}",
            last["id"].as_str().unwrap_or_default()
        ));
    }
    body["tasks"] = json!(tasks);
    ok(&body)
}

/// By one attribute, descending unless asked otherwise; equal ones stay as they came: newest first.
fn sort(tasks: &mut [Value], query: &Query) -> Result<()> {
    let Some(key) = query.get("sort_key") else {
        if query.get("sort_dir") == Some("asc") {
            tasks.reverse();
        }
        return Ok(());
    };
    const KEYS: [&str; 7] = [
        "id",
        "type",
        "status",
        "owner",
        "created_at",
        "updated_at",
        "expires_at",
    ];
    if !KEYS.contains(&key) {
        return Err(bad(format!("Invalid sort_key: it is one of {}", KEYS.join(", "))));
    }
    let ascends = query.get("sort_dir") == Some("asc");
    tasks.sort_by(|a, b| {
        let order = a[key].as_str().cmp(&b[key].as_str());
        if ascends { order } else { order.reverse() }
    });
    Ok(())
}

/// `GET /v2/tasks/{task_id}`
async fn show(ctx: Ctx, Path(id): Path<String>) -> Reply {
    let cloud = ctx.cloud();
    let found = image::all_tasks(&cloud)
        .into_iter()
        .find(|(_, task)| task.id.to_string() == id);
    let (image, task) =
        found.ok_or_else(|| Error::not_found("NotFound", format!("No task found with ID {}", id.escape_default())))?;
    ok(&document(image, task))
}

/// `POST /v2/tasks`: makes an image, and downloads its data in the background.
async fn create(ctx: Ctx, Wire(body): Wire<Map<String, Value>>) -> Reply {
    match body.get("type").and_then(Value::as_str) {
        Some("import") => {}
        Some(other) => return Err(bad(format!("Invalid type of task: {other:?}; this cloud knows 'import'")).into()),
        None => return Err(bad("Task type is required").into()),
    }
    let input = body.get("input").and_then(Value::as_object);
    let input = input.ok_or_else(|| bad("Task input is required"))?;
    let text = |name: &str| {
        let value = input.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
        value.ok_or_else(|| bad(format!("Input does not contain '{name}' field")))
    };
    let (uri, format) = (text("import_from")?.to_owned(), text("import_from_format")?);
    let properties = input.get("image_properties").and_then(Value::as_object);
    let mut properties = properties
        .cloned()
        .ok_or_else(|| bad("Input does not contain 'image_properties' field"))?;
    properties.entry("disk_format").or_insert_with(|| json!(format));
    properties.entry("container_format").or_insert_with(|| json!("bare"));
    let images = &ctx.app().images;
    if !images.has_web_download() {
        return Err(bad("This cloud takes no images from the web").into());
    }
    images.check_uri(&uri).await?;
    let wanted = WantedImport {
        source: ImportSource::Web { uri },
        request: Value::Object(input.clone()),
        request_id: ctx.request_id().to_string(),
        makes_image: true,
    };
    let image = images.create(ctx.actor().clone(), properties).await?;
    let begun = images
        .import(ctx.actor().clone(), image.id, wanted, &ctx.app().endpoints.region)
        .await;
    match begun {
        Ok(task) => created(&document(&image, &task)),
        Err(error) => {
            images.delete(ctx.actor().clone(), image.id).await?;
            Err(error.into())
        }
    }
}

fn task_schema() -> Value {
    let text = |description: &str| json!({"type": "string", "description": description});
    let nullable = |description: &str| json!({"type": ["null", "string"], "description": description});
    let object = |description: &str| json!({"type": ["null", "object"], "description": description});
    json!({
        "name": "task",
        "properties": {
            "id": text("The task's id"),
            "type": {
                "type": "string",
                "description": "What the task does",
                "enum": ["import", "api_image_import"],
            },
            "status": {
                "type": "string",
                "description": "How it goes",
                "enum": ["pending", "processing", "success", "failure"],
            },
            "owner": nullable("The project that owns the image"),
            "image_id": text("The image"),
            "user_id": text("Who asked"),
            "request_id": text("The request"),
            "input": object("What it was asked with"),
            "result": object("What came of it"),
            "message": text("How far it is, or why it failed"),
            "created_at": text("When it was asked for"),
            "updated_at": text("When its status last changed"),
            "expires_at": nullable("Until when it is kept at least"),
            "self": {"type": "string", "readOnly": true},
            "schema": {"type": "string", "readOnly": true},
        },
    })
}

/// `GET /v2/schemas/task`
async fn schema() -> Reply {
    ok(&task_schema())
}

/// `GET /v2/schemas/tasks`
async fn list_schema() -> Reply {
    ok(&list_of("tasks", &task_schema()))
}
