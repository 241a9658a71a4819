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
const METHODS: [&str; 3] = ["glance-direct", "glance-download", "web-download"];

/// Those that this cloud's operator left on.
pub(super) fn methods_of(ctx: &Ctx) -> Vec<&'static str> {
    let web = ctx.app().images.has_web_download();
    METHODS
        .into_iter()
        .filter(|method| web || *method != "web-download")
        .collect()
}

pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .put("/v2/images/{image_id}/stage", Member, stage)
        .post("/v2/images/{image_id}/import", Member, import)
        .get("/v2/images/{image_id}/tasks", Reader, tasks)
        .get("/v2/info/import", Reader, methods)
}

/// `GET /v2/info/import`
async fn methods(ctx: Ctx) -> Reply {
    ok(&json!({
        "import-methods": {"description": "Import methods available.", "type": "array", "value": methods_of(&ctx)},
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

pub(super) fn bad(message: impl Into<String>) -> Error {
    Error::invalid("HTTPBadRequest", message)
}

fn source(ctx: &Ctx, method: &Value) -> Result<ImportSource> {
    let text = |name: &str| method[name].as_str().unwrap_or_default();
    match text("name") {
        "" => Err(bad("Import request requires a 'method' with a 'name'.")),
        "web-download" if ctx.app().images.has_web_download() => match text("uri") {
            "" => Err(bad("'uri' is needed to import from the web.")),
            uri => Ok(ImportSource::Web { uri: uri.to_owned() }),
        },
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
            methods_of(ctx).join(", ")
        ))),
    }
}

/// `POST /v2/images/{image_id}/import`: 202 at once; the image's task says how it went.
async fn import(ctx: Ctx, Path(id): Path<String>, Wire(body): Wire<Value>) -> Reply {
    let id = image_id(&id)?;
    let source = source(&ctx, &body["method"])?;
    if let ImportSource::Web { uri } = &source {
        ctx.app().images.check_uri(uri).await?;
    }
    let wanted = WantedImport {
        source,
        request: body,
        makes_image: false,
        request_id: ctx.request_id().to_string(),
    };
    let region = &ctx.app().endpoints.region;
    ctx.app().images.import(ctx.actor().clone(), id, wanted, region).await?;
    Ok(StatusCode::ACCEPTED.into_response())
}

/// How long Glance's documents say that a task is kept, seconds.
const KEPT: i64 = 48 * 3600;

pub(super) fn render(image: ImageId, owner: Option<&model::ProjectId>, task: &ImportTask) -> Value {
    let expires_at: Option<Timestamp> = match task.status {
        image::TaskStatus::Processing => None,
        _ => Some(task.updated_at.plus_seconds(KEPT)),
    };
    let (kind, input) = match task.makes_image {
        true => ("import", task.request.clone()),
        false => (
            "api_image_import",
            json!({"image_id": image, "import_req": task.request}),
        ),
    };
    let result = (task.makes_image && task.status == image::TaskStatus::Success).then(|| json!({"image_id": image}));
    json!({
        "id": task.id,
        "type": kind,
        "status": task.status.as_str(),
        "owner": owner,
        "image_id": image,
        "request_id": task.request_id,
        "user_id": task.user_id,
        "input": input,
        "result": result,
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
