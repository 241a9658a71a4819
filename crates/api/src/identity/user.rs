//! `/v3/users`, with their projects, groups and passwords.

use std::sync::Arc;

use axum::extract::{Path, State};
use control::password::{MAX_PASSWORD_LENGTH, Password};
use model::identity::{self, User, UserFields, policy};
use model::{Result, Scope, UserId};
use serde_json::{Value, json};

use super::fields::Fields;
use super::list::List;
use super::project::own_domain;
use super::{project, render};
use crate::app::App;
use crate::context::Ctx;
use crate::extract::Wire;
use crate::reply::{Reply, created, json as document, no_content};

/// Reads a user; the password (which costs a hash) is read apart.
fn parse(fields: &Fields<'_>) -> Result<UserFields> {
    Ok(UserFields {
        name: fields.text("name")?.map(str::to_owned),
        domain_id: fields.text("domain_id")?.map(Into::into),
        description: fields.nullable_text("description")?,
        email: fields.nullable_text("email")?,
        default_project_id: fields.nullable_text("default_project_id")?.map(|id| id.map(Into::into)),
        enabled: fields.boolean("enabled")?,
        password_hash: None,
        history: 0,
        options: fields.map("options")?,
        extra: fields.others(&[
            "id",
            "name",
            "domain_id",
            "description",
            "email",
            "default_project_id",
            "enabled",
            "password",
            "original_password",
            "password_expires_at",
            "options",
            "links",
        ]),
    })
}

fn password_in(fields: &Fields<'_>) -> Result<Option<Password>> {
    let Some(text) = fields.text("password")? else {
        return Ok(None);
    };
    if text.is_empty() || text.len() > MAX_PASSWORD_LENGTH {
        return Err(fields.invalid("password", &format!("it must have 1 to {MAX_PASSWORD_LENGTH} bytes")));
    }
    Ok(Some(Password::new(text.to_owned())))
}

/// `Some(hash)` when the body sets a password. Who could not set one anyway does not make the cloud work for it.
async fn hash_in(ctx: &Ctx, fields: &Fields<'_>, action: &str) -> Result<Option<Option<String>>> {
    if !fields.has("password") {
        return Ok(None);
    }
    let manages = match &ctx.actor().scope {
        Scope::Domain { id } => policy::may_manage(ctx.actor(), Some(id)),
        _ => ctx.actor().is_admin(),
    };
    if !manages {
        return Err(policy::forbidden(action));
    }
    match password_in(fields)? {
        None => Ok(Some(None)),
        Some(password) => Ok(Some(Some(ctx.control().hash_password(password).await?))),
    }
}

/// A user's document, with when their password expires.
pub(super) fn render(ctx: &Ctx, user: &User) -> Value {
    render::user(
        user,
        ctx.control().compliance().password_expires_at(user),
        ctx.base_url(),
    )
}

pub(super) fn matches(list: &List, user: &User) -> bool {
    list.text("name", Some(&user.name))
        && list.text("domain_id", Some(user.domain_id.as_str()))
        && list.flag("enabled", user.enabled)
}

pub(super) async fn list(ctx: Ctx, list: List) -> Reply {
    let cloud = ctx.cloud();
    let own = own_domain(&ctx);
    policy::require_read(ctx.actor(), own.as_ref(), "identity:list_users")?;
    let rows = cloud
        .users
        .iter()
        .filter(|user| own.as_ref().is_none_or(|id| *id == user.domain_id) && matches(&list, user));
    list.page(&ctx, "users", rows, |u| u.id.as_str(), |u| render(&ctx, u))
}

pub(super) async fn show(ctx: Ctx, Path(id): Path<String>) -> Reply {
    let user = identity::show_user(&ctx.cloud(), ctx.actor(), &id.into(), "identity:get_user")?;
    document(&json!({"user": render(&ctx, &user)}))
}

pub(super) async fn create(ctx: Ctx, Wire(body): Wire<Value>) -> Reply {
    let fields = Fields::of(&body, "user")?;
    fields.required_text("name")?;
    let mut wanted = parse(&fields)?;
    wanted.password_hash = hash_in(&ctx, &fields, "identity:create_user").await?;
    wanted.history = ctx.control().compliance().history();
    let user = ctx
        .transact(move |tx, actor| identity::create_user(tx, actor, wanted))
        .await?;
    created(&json!({"user": render(&ctx, &user)}))
}

pub(super) async fn update(ctx: Ctx, Path(id): Path<String>, Wire(body): Wire<Value>) -> Reply {
    let fields = Fields::of(&body, "user")?;
    let mut wanted = parse(&fields)?;
    wanted.password_hash = hash_in(&ctx, &fields, "identity:update_user").await?;
    wanted.history = ctx.control().compliance().history();
    let id = UserId::from(id);
    let user = ctx
        .transact(move |tx, actor| identity::update_user(tx, actor, &id, wanted))
        .await?;
    document(&json!({"user": render(&ctx, &user)}))
}

pub(super) async fn delete(ctx: Ctx, Path(id): Path<String>) -> Reply {
    let id = UserId::from(id);
    super::delete_in_steps(&ctx, move |tx, actor| identity::delete_user(tx, actor, &id)).await?;
    no_content()
}

/// `POST /v3/users/{id}/password`: for whoever knows the old one.
pub(super) async fn change_password(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    Wire(body): Wire<Value>,
) -> Reply {
    let fields = Fields::of(&body, "user")?;
    let original = Password::new(fields.required_text("original_password")?.to_owned());
    let password = password_in(&fields)?.ok_or_else(|| fields.missing("password"))?;
    let id = UserId::from(id);
    // The old password is what counts, as with Keystone; there is one answer for a wrong one and for nobody's.
    app.control.change_password(&id, original, password).await?;
    no_content()
}

/// `GET /v3/users/{id}/projects`: where they hold a role.
pub(super) async fn projects(ctx: Ctx, Path(id): Path<String>, list: List) -> Reply {
    let cloud = ctx.cloud();
    let user = identity::show_user(&cloud, ctx.actor(), &id.into(), "identity:list_user_projects")?;
    let rows = model::identity::projects_of(&cloud, &user.id).filter(|row| project::matches(&list, row));
    list.page(
        &ctx,
        "projects",
        rows,
        |p| p.id.as_str(),
        |p| render::project(p, ctx.base_url()),
    )
}

/// `GET /v3/users/{id}/groups`.
pub(super) async fn groups(ctx: Ctx, Path(id): Path<String>, list: List) -> Reply {
    let cloud = ctx.cloud();
    let user = identity::show_user(&cloud, ctx.actor(), &id.into(), "identity:list_groups_for_user")?;
    let rows = cloud
        .lookups
        .groups_by_user
        .of(&user.id)
        .filter_map(|id| cloud.groups.get(id))
        .filter(|group| list.text("name", Some(&group.name)));
    list.page(
        &ctx,
        "groups",
        rows,
        |g| g.id.as_str(),
        |g| render::group(g, ctx.base_url()),
    )
}
