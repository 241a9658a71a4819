//! `/v3/roles`, and which role brings which.

use axum::extract::Path;
use axum::http::StatusCode;
use model::identity::{self, Role, RoleFields, RoleImplication, policy};
use model::{Cloud, Result, RoleId, Row};
use serde_json::{Value, json};

use super::fields::Fields;
use super::list::List;
use super::render;
use crate::context::Ctx;
use crate::extract::Wire;
use crate::reply::{Reply, created, json as document, no_content, status};

fn parse(fields: &Fields<'_>) -> Result<RoleFields> {
    Ok(RoleFields {
        name: fields.text("name")?.map(str::to_owned),
        domain_id: fields.text("domain_id")?.map(Into::into),
        description: fields.nullable_text("description")?,
        options: fields.map("options")?,
    })
}

pub(super) async fn list(ctx: Ctx, list: List) -> Reply {
    if !identity::may_list_roles(ctx.actor()) {
        return Err(policy::forbidden("identity:list_roles").into());
    }
    let cloud = ctx.cloud();
    // Without a filter only the global ones are listed.
    let domain = list.query.get("domain_id").filter(|id| !id.is_empty());
    if let Some(domain) = domain {
        policy::require_read(ctx.actor(), Some(&domain.into()), "identity:list_domain_roles")?;
    }
    let rows = cloud.roles.iter().filter(|role| {
        role.domain_id.as_ref().map(model::DomainId::as_str) == domain && list.text("name", Some(&role.name))
    });
    list.page(
        &ctx,
        "roles",
        rows,
        |r| r.id.as_str(),
        |r| render::role(r, ctx.base_url()),
    )
}

pub(super) async fn show(ctx: Ctx, Path(id): Path<String>) -> Reply {
    let role = identity::show_role(&ctx.cloud(), ctx.actor(), &id.into(), "identity:get_role")?;
    document(&json!({"role": render::role(&role, ctx.base_url())}))
}

pub(super) async fn create(ctx: Ctx, Wire(body): Wire<Value>) -> Reply {
    let fields = Fields::of(&body, "role")?;
    fields.required_text("name")?;
    let wanted = parse(&fields)?;
    let role = ctx
        .transact(move |tx, actor| identity::create_role(tx, actor, wanted))
        .await?;
    created(&json!({"role": render::role(&role, ctx.base_url())}))
}

pub(super) async fn update(ctx: Ctx, Path(id): Path<String>, Wire(body): Wire<Value>) -> Reply {
    let wanted = parse(&Fields::of(&body, "role")?)?;
    let id = RoleId::from(id);
    let role = ctx
        .transact(move |tx, actor| identity::update_role(tx, actor, &id, wanted))
        .await?;
    document(&json!({"role": render::role(&role, ctx.base_url())}))
}

pub(super) async fn delete(ctx: Ctx, Path(id): Path<String>) -> Reply {
    let id = RoleId::from(id);
    super::delete_in_steps(&ctx, move |tx, actor| identity::delete_role(tx, actor, &id)).await?;
    no_content()
}

/// What a role brings directly.
fn implied_by(cloud: &Cloud, prior: &Role, base_url: &str) -> Value {
    cloud
        .lookups
        .implied_roles
        .of(&prior.id)
        .filter_map(|id| cloud.roles.get(id))
        .map(|role| render::role_in_inference(role, base_url))
        .collect()
}

pub(super) async fn implications(ctx: Ctx, Path(prior): Path<String>) -> Reply {
    let cloud = ctx.cloud();
    let prior = identity::show_role(&cloud, ctx.actor(), &prior.into(), "identity:list_implied_roles")?;
    let inference = json!({
        "prior_role": render::role_in_inference(&prior, ctx.base_url()),
        "implies": implied_by(&cloud, &prior, ctx.base_url()),
    });
    let link = format!("{}/identity/v3/roles/{}/implies", ctx.base_url(), prior.id);
    document(&json!({"role_inference": inference, "links": {"self": link}}))
}

fn implication(ctx: &Ctx, prior: &RoleId, implied: &RoleId) -> Result<Value> {
    let cloud = ctx.cloud();
    let action = "identity:get_implied_role";
    let prior_role = identity::show_role(&cloud, ctx.actor(), prior, action)?;
    let implied_role = identity::show_role(&cloud, ctx.actor(), implied, action)?;
    let row = RoleImplication {
        prior: prior.clone(),
        implied: implied.clone(),
    };
    cloud.get::<RoleImplication>(&row.id())?;
    let link = format!("{}/identity/v3/roles/{prior}/implies/{implied}", ctx.base_url());
    Ok(json!({
        "role_inference": {
            "prior_role": render::role_in_inference(&prior_role, ctx.base_url()),
            "implies": render::role_in_inference(&implied_role, ctx.base_url()),
        },
        "links": {"self": link},
    }))
}

pub(super) async fn show_implication(ctx: Ctx, Path((prior, implied)): Path<(String, String)>) -> Reply {
    document(&implication(&ctx, &prior.into(), &implied.into())?)
}

pub(super) async fn check_implication(ctx: Ctx, Path((prior, implied)): Path<(String, String)>) -> Reply {
    implication(&ctx, &prior.into(), &implied.into())?;
    no_content()
}

pub(super) async fn create_implication(ctx: Ctx, Path((prior, implied)): Path<(String, String)>) -> Reply {
    let (prior, implied) = (RoleId::from(prior), RoleId::from(implied));
    let (p, i) = (prior.clone(), implied.clone());
    ctx.transact(move |tx, actor| identity::create_implication(tx, actor, &p, &i))
        .await?;
    status(StatusCode::CREATED, &implication(&ctx, &prior, &implied)?)
}

pub(super) async fn delete_implication(ctx: Ctx, Path((prior, implied)): Path<(String, String)>) -> Reply {
    let (prior, implied) = (RoleId::from(prior), RoleId::from(implied));
    ctx.transact(move |tx, actor| identity::delete_implication(tx, actor, &prior, &implied))
        .await?;
    no_content()
}

/// `GET /v3/role_inferences`: every role that brings others.
pub(super) async fn inferences(ctx: Ctx) -> Reply {
    if !identity::may_list_roles(ctx.actor()) {
        return Err(policy::forbidden("identity:list_role_inference_rules").into());
    }
    let cloud = ctx.cloud();
    let inferences: Vec<Value> = cloud
        .roles
        .iter()
        .filter(|role| cloud.lookups.implied_roles.count(&role.id) > 0)
        .map(|role| {
            json!({
                "prior_role": render::role_in_inference(role, ctx.base_url()),
                "implies": implied_by(&cloud, role, ctx.base_url()),
            })
        })
        .collect();
    let link = format!("{}/identity/v3/role_inferences", ctx.base_url());
    document(&json!({"role_inferences": inferences, "links": {"self": link}}))
}
