//! `/v3/groups` and their members.

use axum::extract::Path;
use model::identity::{self, GroupFields, GroupMembership, policy};
use model::{GroupId, Result, Row, UserId};
use serde_json::{Value, json};

use super::fields::Fields;
use super::list::List;
use super::project::own_domain;
use super::{render, user};
use crate::context::Ctx;
use crate::extract::Wire;
use crate::reply::{Reply, created, json as document, no_content};

fn parse(fields: &Fields<'_>) -> Result<GroupFields> {
    Ok(GroupFields {
        name: fields.text("name")?.map(str::to_owned),
        domain_id: fields.text("domain_id")?.map(Into::into),
        description: fields.nullable_text("description")?.map(Option::unwrap_or_default),
        extra: fields.others(&["id", "name", "domain_id", "description", "links"]),
    })
}

pub(super) async fn list(ctx: Ctx, list: List) -> Reply {
    let cloud = ctx.cloud();
    let own = own_domain(&ctx);
    policy::require_read(ctx.actor(), own.as_ref(), "identity:list_groups")?;
    let rows = cloud.groups.iter().filter(|group| {
        own.as_ref().is_none_or(|id| *id == group.domain_id)
            && list.text("name", Some(&group.name))
            && list.text("domain_id", Some(group.domain_id.as_str()))
    });
    list.page(
        &ctx,
        "groups",
        rows,
        |g| g.id.as_str(),
        |g| render::group(g, ctx.base_url()),
    )
}

pub(super) async fn show(ctx: Ctx, Path(id): Path<String>) -> Reply {
    let group = identity::show_group(&ctx.cloud(), ctx.actor(), &id.into(), "identity:get_group")?;
    document(&json!({"group": render::group(&group, ctx.base_url())}))
}

pub(super) async fn create(ctx: Ctx, Wire(body): Wire<Value>) -> Reply {
    let fields = Fields::of(&body, "group")?;
    fields.required_text("name")?;
    let wanted = parse(&fields)?;
    let group = ctx
        .transact(move |tx, actor| identity::create_group(tx, actor, wanted))
        .await?;
    created(&json!({"group": render::group(&group, ctx.base_url())}))
}

pub(super) async fn update(ctx: Ctx, Path(id): Path<String>, Wire(body): Wire<Value>) -> Reply {
    let wanted = parse(&Fields::of(&body, "group")?)?;
    let id = GroupId::from(id);
    let group = ctx
        .transact(move |tx, actor| identity::update_group(tx, actor, &id, wanted))
        .await?;
    document(&json!({"group": render::group(&group, ctx.base_url())}))
}

pub(super) async fn delete(ctx: Ctx, Path(id): Path<String>) -> Reply {
    let id = GroupId::from(id);
    super::delete_in_steps(&ctx, move |tx, actor| identity::delete_group(tx, actor, &id)).await?;
    no_content()
}

pub(super) async fn users(ctx: Ctx, Path(id): Path<String>, list: List) -> Reply {
    let cloud = ctx.cloud();
    let group = identity::show_group(&cloud, ctx.actor(), &id.into(), "identity:list_users_in_group")?;
    let rows = cloud
        .lookups
        .users_by_group
        .of(&group.id)
        .filter_map(|id| cloud.users.get(id))
        .filter(|row| user::matches(&list, row));
    list.page(&ctx, "users", rows, |u| u.id.as_str(), |u| super::user::render(&ctx, u))
}

pub(super) async fn add_user(ctx: Ctx, Path((id, user)): Path<(String, String)>) -> Reply {
    let (id, user) = (GroupId::from(id), UserId::from(user));
    ctx.transact(move |tx, actor| identity::add_to_group(tx, actor, &id, &user))
        .await?;
    no_content()
}

pub(super) async fn check_user(ctx: Ctx, Path((id, user)): Path<(String, String)>) -> Reply {
    let cloud = ctx.cloud();
    let group = identity::show_group(&cloud, ctx.actor(), &id.into(), "identity:check_user_in_group")?;
    let membership = GroupMembership {
        group_id: group.id.clone(),
        user_id: user.into(),
    };
    cloud.get::<GroupMembership>(&membership.id())?;
    no_content()
}

pub(super) async fn remove_user(ctx: Ctx, Path((id, user)): Path<(String, String)>) -> Reply {
    let (id, user) = (GroupId::from(id), UserId::from(user));
    ctx.transact(move |tx, actor| identity::remove_from_group(tx, actor, &id, &user))
        .await?;
    no_content()
}
