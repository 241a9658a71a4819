//! `/v2/images/{image_id}/stage`, `/import` and `/tasks`: data that comes in by import.

use axum::extract::{Path, Request};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use model::image::{self, ImportSource, ImportTask, WantedImport};
use model::{Error, ImageId, Result, Timestamp};
use serde_json::{Value, json};

use super::{file, image_id};
use crate::access::Access::{Member, Reader};
use crate::context::Ctx;
use crate::extract::Wire;
use crate::reply::{Reply, json as ok, no_content};
use crate::routes::Routes;

/// The ways that data comes in by import.
pub(super) const METHODS: [&str; 2] = ["glance-direct", "glance-download"];

pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .put("/v2/images/{image_id}/stage", Member, stage)
        .post("/v2/images/{image_id}/import", Member, import)
        .get("/v2/images/{image_id}/tasks", Reader, tasks)
        .get("/v2/info/import", Reader, methods)
}

/// `GET /v2/info/import`
async fn methods() -> Reply {
    ok(&json!({
        "import-methods": {"description": "Import methods available.", "type": "array", "value": METHODS},
    }))
}

/// `PUT /v2/images/{image_id}/stage`
async fn stage(ctx: Ctx, Path(id): Path<String>, request: Request) -> Reply {
    let id = image_id(&id)?;
    file::check_content_type(request.headers())?;
    let data = request.into_body().into_data_stream();
    ctx.app().images.stage(ctx.actor().clone(), id, data).await?;
    no_content()
}

fn bad(message: impl Into<String>) -> Error {
    Error::invalid("HTTPBadRequest", message)
}

fn source(method: &Value) -> Result<ImportSource> {
    let text = |name: &str| method[name].as_str().unwrap_or_default();
    match text("name") {
        "" => Err(bad("Import request requires a 'method' with a 'name'.")),
        "glance-direct" => Ok(ImportSource::Staged),
        "glance-download" => Ok(ImportSource::Image {
            id: text("glance_image_id").parse::<ImageId>().map_err(|_| {
                bad("The image id does not look like a UUID: remote image id does not look like a UUID.")
            })?,
            region: match text("glance_region") {
                "" => return Err(bad("'glance_region' is needed to import from another image.")),
                region => region.to_owned(),
            },
            interface: match text("glance_service_interface") {
                "" => "public".to_owned(),
                interface => interface.to_owned(),
            },
        }),
        other => Err(bad(format!(
            "Requested import method '{other}' is not available: it is one of {}.",
            METHODS.join(", ")
        ))),
    }
}

/// `POST /v2/images/{image_id}/import`: 202 at once; the image's task says how it went.
async fn import(ctx: Ctx, Path(id): Path<String>, Wire(body): Wire<Value>) -> Reply {
    let id = image_id(&id)?;
    let wanted = WantedImport {
        source: source(&body["method"])?,
        request: body,
        request_id: ctx.request_id().to_string(),
    };
    let region = &ctx.app().endpoints.region;
    ctx.app().images.import(ctx.actor().clone(), id, wanted, region).await?;
    Ok(StatusCode::ACCEPTED.into_response())
}

/// How long Glance's documents say that a task is kept, seconds.
const KEPT: i64 = 48 * 3600;

fn render(image: ImageId, owner: Option<&model::ProjectId>, task: &ImportTask) -> Value {
    let expires_at: Option<Timestamp> = match task.status {
        image::TaskStatus::Processing => None,
        _ => Some(task.updated_at.plus_seconds(KEPT)),
    };
    json!({
        "id": task.id,
        "type": "api_image_import",
        "status": task.status.as_str(),
        "owner": owner,
        "image_id": image,
        "request_id": task.request_id,
        "user_id": task.user_id,
        "input": {"image_id": image, "import_req": task.request},
        "result": null,
        "message": task.message,
        "created_at": task.created_at.seconds_z(),
        "updated_at": task.updated_at.seconds_z(),
        "expires_at": expires_at.map(Timestamp::seconds_z),
    })
}

/// `GET /v2/images/{image_id}/tasks`
async fn tasks(ctx: Ctx, Path(id): Path<String>) -> Reply {
    let id = image_id(&id)?;
    let cloud = ctx.cloud();
    let owner = image::show(&cloud, ctx.actor(), id)?.owner.clone();
    let tasks = image::tasks(&cloud, ctx.actor(), id)?;
    let tasks: Vec<Value> = tasks.iter().map(|task| render(id, owner.as_ref(), task)).collect();
    ok(&json!({"tasks": tasks}))
}
