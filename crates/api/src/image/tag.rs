//! An image's tags, one by one.

use axum::extract::Path;
use model::image;

use super::image_id;
use crate::context::Ctx;
use crate::reply::{Reply, no_content};

/// `PUT /v2/images/{image_id}/tags/{tag}`
pub(super) async fn add(ctx: Ctx, Path((id, tag)): Path<(String, String)>) -> Reply {
    let id = image_id(&id)?;
    ctx.transact(move |tx, actor| image::add_tag(tx, actor, id, &tag))
        .await?;
    no_content()
}

/// `DELETE /v2/images/{image_id}/tags/{tag}`
pub(super) async fn remove(ctx: Ctx, Path((id, tag)): Path<(String, String)>) -> Reply {
    let id = image_id(&id)?;
    ctx.transact(move |tx, actor| image::remove_tag(tx, actor, id, &tag))
        .await?;
    no_content()
}
