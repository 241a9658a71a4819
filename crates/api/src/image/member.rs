//! `/v2/images/{image_id}/members`: whom an image is shared with.

use axum::extract::Path;
use model::image::{self, Member, MemberStatus};
use model::{Error, ImageId, ProjectId, Result};
use serde_json::{Value, json};

use super::image_id;
use crate::access::Access::{Member as MemberRole, Reader};
use crate::context::Ctx;
use crate::extract::Wire;
use crate::reply::{Reply, json as ok, no_content};
use crate::routes::Routes;

pub(super) fn routes(routes: Routes) -> Routes {
    const ALL: &str = "/v2/images/{image_id}/members";
    const ONE: &str = "/v2/images/{image_id}/members/{member_id}";
    routes
        .get(ALL, Reader, list)
        .post(ALL, MemberRole, create)
        .get(ONE, Reader, show)
        .put(ONE, MemberRole, update)
        .delete(ONE, MemberRole, delete)
}

fn render(id: ImageId, project: &ProjectId, member: &Member) -> Value {
    json!({
        "image_id": id,
        "member_id": project,
        "status": member.status.as_str(),
        "created_at": member.created_at.seconds_z(),
        "updated_at": member.updated_at.seconds_z(),
        "schema": "/v2/schemas/member",
    })
}

fn text<'a>(body: &'a Value, name: &str) -> Result<&'a str> {
    body[name].as_str().ok_or_else(|| {
        Error::invalid(
            "HTTPBadRequest",
            format!("Request body must have a '{name}' of type string."),
        )
    })
}

async fn list(ctx: Ctx, Path(id): Path<String>) -> Reply {
    let id = image_id(&id)?;
    let members = image::visible_members(&ctx.cloud(), ctx.actor(), id)?;
    let members: Vec<Value> = members
        .iter()
        .map(|(project, member)| render(id, project, member))
        .collect();
    ok(&json!({"members": members, "schema": "/v2/schemas/members"}))
}

async fn show(ctx: Ctx, Path((id, member)): Path<(String, String)>) -> Reply {
    let (id, project) = (image_id(&id)?, ProjectId::from(member));
    let member = image::show_member(&ctx.cloud(), ctx.actor(), id, &project)?;
    ok(&render(id, &project, &member))
}

async fn create(ctx: Ctx, Path(id): Path<String>, Wire(body): Wire<Value>) -> Reply {
    let id = image_id(&id)?;
    let project = ProjectId::from(text(&body, "member")?);
    let wanted = project.clone();
    let row = ctx
        .transact(move |tx, actor| image::add_member(tx, actor, id, &wanted))
        .await?;
    document(&row, &project)
}

fn document(row: &image::Image, project: &ProjectId) -> Reply {
    let member = row
        .members
        .get(project)
        .ok_or_else(|| Error::internal("InternalServerError", "a member that was just written is not there"))?;
    ok(&render(row.id, project, member))
}

async fn update(ctx: Ctx, Path((id, member)): Path<(String, String)>, Wire(body): Wire<Value>) -> Reply {
    let (id, project) = (image_id(&id)?, ProjectId::from(member));
    let word = text(&body, "status")?;
    let status = MemberStatus::parse(word).ok_or_else(|| {
        Error::invalid(
            "HTTPBadRequest",
            format!("Incorrect status '{word}': it is one of pending, accepted and rejected."),
        )
    })?;
    let of = project.clone();
    let row = ctx
        .transact(move |tx, actor| image::set_member_status(tx, actor, id, &of, status))
        .await?;
    document(&row, &project)
}

async fn delete(ctx: Ctx, Path((id, member)): Path<(String, String)>) -> Reply {
    let (id, project) = (image_id(&id)?, ProjectId::from(member));
    ctx.transact(move |tx, actor| image::remove_member(tx, actor, id, &project))
        .await?;
    no_content()
}
