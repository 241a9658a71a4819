//! `/v3/OS-TRUST/trusts`: users who let others act for them.

use std::sync::Arc;

use axum::extract::Path;
use model::identity::{self, MAX_REDELEGATION, NewTrust, Role, Trust};
use model::{Cloud, Result, RoleId, Row, Timestamp, UserId};
use serde_json::{Value, json};

use super::application_credential::{by_token, roles as wanted_roles, time};
use super::fields::Fields;
use super::list::List;
use super::render;
use crate::access::Access::Token;
use crate::context::Ctx;
use crate::extract::Wire;
use crate::reply::{Reply, created, json as document, no_content};
use crate::routes::Routes;

pub(super) fn routes(routes: Routes) -> Routes {
    const ALL: &str = "/v3/OS-TRUST/trusts";
    const ONE: &str = "/v3/OS-TRUST/trusts/{trust_id}";
    routes
        .get(ALL, Token, list)
        .post(ALL, Token, create)
        .get(ONE, Token, show)
        .delete(ONE, Token, delete)
        .get("/v3/OS-TRUST/trusts/{trust_id}/roles", Token, list_roles)
        .get("/v3/OS-TRUST/trusts/{trust_id}/roles/{role_id}", Token, show_role)
}

/// A trust without its roles, as lists have it.
fn summary(row: &Trust, base_url: &str) -> Value {
    json!({
        "id": row.id,
        "trustor_user_id": row.trustor_user_id,
        "trustee_user_id": row.trustee_user_id,
        "project_id": row.project_id,
        "impersonation": row.impersonation,
        "expires_at": row.expires_at.map(Timestamp::micros_z),
        "deleted_at": null,
        "remaining_uses": row.remaining_uses,
        "redelegation_count": row.redelegation_count,
        "redelegated_trust_id": row.redelegated_trust_id,
        "links": {"self": format!("{base_url}/identity/v3/OS-TRUST/trusts/{}", row.id)},
    })
}

fn roles_of(cloud: &Cloud, row: &Trust, base_url: &str) -> Vec<Value> {
    row.role_ids
        .iter()
        .filter_map(|id| cloud.roles.get(id))
        .map(|role| render::role(role, base_url))
        .collect()
}

fn whole(cloud: &Cloud, row: &Trust, base_url: &str) -> Value {
    let mut body = summary(row, base_url);
    body["roles"] = roles_of(cloud, row, base_url).into();
    body["roles_links"] = json!({
        "self": format!("{base_url}/identity/v3/OS-TRUST/trusts/{}/roles", row.id),
        "previous": null,
        "next": null,
    });
    body
}

async fn list(ctx: Ctx, list: List) -> Reply {
    let user = |name: &str| list.query.get(name).filter(|id| !id.is_empty()).map(UserId::from);
    let (trustor, trustee) = (user("trustor_user_id"), user("trustee_user_id"));
    let now = ctx.control().now();
    let rows = identity::list_trusts(&ctx.cloud(), ctx.actor(), trustor.as_ref(), trustee.as_ref(), now)?;
    list.page(
        &ctx,
        "trusts",
        rows.into_iter(),
        |row| row.id.as_str(),
        |row| summary(row, ctx.base_url()),
    )
}

fn find(ctx: &Ctx, id: &str, action: &str) -> Result<Arc<Trust>> {
    identity::show_trust(&ctx.cloud(), ctx.actor(), id, ctx.control().now(), action)
}

async fn show(ctx: Ctx, Path(id): Path<String>) -> Reply {
    let row = find(&ctx, &id, "identity:get_trust")?;
    document(&json!({"trust": whole(&ctx.cloud(), &row, ctx.base_url())}))
}

async fn create(ctx: Ctx, Wire(body): Wire<Value>) -> Reply {
    let fields = Fields::of(&body, "trust")?;
    let count = |name: &str| -> Result<Option<u64>> {
        let value = fields.integer(name)?;
        value
            .map(|value| u64::try_from(value).map_err(|_| fields.invalid(name, "it must not be negative")))
            .transpose()
    };
    let redelegation_count =
        count("redelegation_count")?.map(|count| u32::try_from(count).unwrap_or(MAX_REDELEGATION + 1));
    let wanted = NewTrust {
        trustor_user_id: fields.required_text("trustor_user_id")?.into(),
        trustee_user_id: fields.required_text("trustee_user_id")?.into(),
        project_id: fields.text("project_id")?.map(Into::into),
        impersonation: fields
            .boolean("impersonation")?
            .ok_or_else(|| fields.missing("impersonation"))?,
        role_ids: wanted_roles(&ctx.cloud(), &fields)?.unwrap_or_default(),
        expires_at: time(&fields, "expires_at")?,
        remaining_uses: count("remaining_uses")?,
        allow_redelegation: fields.boolean("allow_redelegation")?.unwrap_or(false),
        redelegation_count,
    };
    let by = by_token(&ctx);
    let row = ctx
        .transact(move |tx, actor| identity::create_trust(tx, actor, &by, wanted))
        .await?;
    created(&json!({"trust": whole(&ctx.cloud(), &row, ctx.base_url())}))
}

async fn delete(ctx: Ctx, Path(id): Path<String>) -> Reply {
    ctx.transact(move |tx, actor| identity::delete_trust(tx, actor, &id))
        .await?;
    no_content()
}

async fn list_roles(ctx: Ctx, Path(id): Path<String>) -> Reply {
    let row = find(&ctx, &id, "identity:list_roles_for_trust")?;
    document(&json!({
        "roles": roles_of(&ctx.cloud(), &row, ctx.base_url()),
        "links": {
            "self": format!("{}/identity/v3/OS-TRUST/trusts/{id}/roles", ctx.base_url()),
            "previous": null,
            "next": null,
        },
    }))
}

async fn show_role(ctx: Ctx, Path((id, role)): Path<(String, String)>) -> Reply {
    let row = find(&ctx, &id, "identity:get_role_for_trust")?;
    let role = RoleId::from(role);
    if !row.role_ids.contains(&role) {
        return Err(Role::not_found(&role).into());
    }
    let cloud = ctx.cloud();
    let role = cloud.get::<Role>(&role)?;
    document(&json!({"role": render::role(&role, ctx.base_url())}))
}
