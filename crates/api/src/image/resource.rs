//! One image: register, show, delete, and the switch between active and deactivated.

use axum::extract::Path;
use axum::http::HeaderValue;
use axum::http::header::LOCATION;
use model::image;
use serde_json::{Map, Value};

use super::{document, image_id, import, self_path};
use crate::context::Ctx;
use crate::extract::Wire;
use crate::reply::{Reply, created, json, no_content};

/// `POST /v2/images`
pub(super) async fn create(ctx: Ctx, Wire(body): Wire<Map<String, Value>>) -> Reply {
    let image = ctx.app().images.create(ctx.actor().clone(), body).await?;
    let mut response = created(&document::of(&image))?;
    let location = format!("{}/image{}", ctx.base_url(), self_path(&image));
    if let Ok(location) = HeaderValue::from_str(&location) {
        response.headers_mut().insert(LOCATION, location);
    }
    if let Ok(methods) = HeaderValue::from_str(&import::methods_of(&ctx).join(",")) {
        response.headers_mut().insert("openstack-image-import-methods", methods);
    }
    Ok(response)
}

/// `GET /v2/images/{image_id}`
pub(super) async fn show(ctx: Ctx, Path(id): Path<String>) -> Reply {
    let image = image::show(&ctx.cloud(), ctx.actor(), image_id(&id)?)?;
    json(&document::of(&image))
}

/// `DELETE /v2/images/{image_id}`
pub(super) async fn delete(ctx: Ctx, Path(id): Path<String>) -> Reply {
    ctx.app().images.delete(ctx.actor().clone(), image_id(&id)?).await?;
    no_content()
}

/// `POST /v2/images/{image_id}/actions/deactivate`
pub(super) async fn deactivate(ctx: Ctx, Path(id): Path<String>) -> Reply {
    let id = image_id(&id)?;
    ctx.transact(move |tx, actor| image::deactivate(tx, actor, id)).await?;
    no_content()
}

/// `POST /v2/images/{image_id}/actions/reactivate`
pub(super) async fn reactivate(ctx: Ctx, Path(id): Path<String>) -> Reply {
    let id = image_id(&id)?;
    ctx.transact(move |tx, actor| image::reactivate(tx, actor, id)).await?;
    no_content()
}
