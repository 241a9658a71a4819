//! `/v3/registered_limits` and `/v3/limits`: unified limits.

use axum::extract::Path;
use axum::http::StatusCode;
use model::identity::{self, Limit, NewLimit, RegisteredLimit, RegisteredLimitFields};
use model::{Result, Row};
use serde_json::{Value, json};

use super::fields::Fields;
use super::list::List;
use super::registry::own;
use crate::access::Access::Token;
use crate::context::Ctx;
use crate::extract::Wire;
use crate::reply::{Reply, json as document, no_content, status};
use crate::routes::Routes;

pub(super) fn routes(routes: Routes) -> Routes {
    const REGISTERED: &str = "/v3/registered_limits/{registered_limit_id}";
    const LIMIT: &str = "/v3/limits/{limit_id}";
    routes
        .get("/v3/registered_limits", Token, list_registered)
        .post("/v3/registered_limits", Token, create_registered)
        .get(REGISTERED, Token, show_registered)
        .patch(REGISTERED, Token, update_registered)
        .delete(REGISTERED, Token, delete_registered)
        .get("/v3/limits/model", Token, show_model)
        .get("/v3/limits", Token, list)
        .post("/v3/limits", Token, create)
        .get(LIMIT, Token, show)
        .patch(LIMIT, Token, update)
        .delete(LIMIT, Token, delete)
}

fn render_registered(row: &RegisteredLimit, base_url: &str) -> Value {
    json!({
        "id": row.id,
        "service_id": row.service_id,
        "region_id": row.region_id,
        "resource_name": row.resource_name,
        "default_limit": row.default_limit,
        "description": row.description,
        "links": {"self": format!("{base_url}/identity/v3/registered_limits/{}", row.id)},
    })
}

fn render(row: &Limit, base_url: &str) -> Value {
    json!({
        "id": row.id,
        "project_id": row.project_id,
        "domain_id": row.domain_id,
        "service_id": row.service_id,
        "region_id": row.region_id,
        "resource_name": row.resource_name,
        "resource_limit": row.resource_limit,
        "description": row.description,
        "links": {"self": format!("{base_url}/identity/v3/limits/{}", row.id)},
    })
}

/// The objects of a body's list.
fn each<'a, T>(body: &'a Value, name: &str, read: impl Fn(&Fields<'a>) -> Result<T>) -> Result<Vec<T>> {
    let root = Fields::root(body)?;
    let wrong = || root.invalid(name, "it must be a list of at least one object");
    let items = root.value(name).and_then(Value::as_array).ok_or_else(wrong)?;
    if items.is_empty() {
        return Err(wrong());
    }
    items
        .iter()
        .map(|item| Fields::root(item).and_then(|fields| read(&fields)))
        .collect()
}

fn parse_registered(fields: &Fields<'_>) -> Result<RegisteredLimitFields> {
    Ok(RegisteredLimitFields {
        service_id: fields.text("service_id")?.map(str::to_owned),
        region_id: fields.nullable_text("region_id")?,
        resource_name: fields.text("resource_name")?.map(str::to_owned),
        default_limit: fields.integer("default_limit")?,
        description: fields.nullable_text("description")?,
    })
}

fn required_integer(fields: &Fields<'_>, name: &str) -> Result<i64> {
    fields.integer(name)?.ok_or_else(|| fields.missing(name))
}

async fn list_registered(ctx: Ctx, list: List) -> Reply {
    let cloud = ctx.cloud();
    let rows = cloud.registered_limits.iter().filter(|row| {
        list.text("service_id", Some(&row.service_id))
            && list.text("region_id", row.region_id.as_deref())
            && list.text("resource_name", Some(&row.resource_name))
    });
    list.page(
        &ctx,
        "registered_limits",
        rows,
        |row| row.id.as_str(),
        |row| render_registered(row, ctx.base_url()),
    )
}

async fn show_registered(ctx: Ctx, Path(id): Path<String>) -> Reply {
    let row = ctx.cloud().get::<RegisteredLimit>(&id)?;
    document(&json!({"registered_limit": render_registered(&row, ctx.base_url())}))
}

async fn create_registered(ctx: Ctx, Wire(body): Wire<Value>) -> Reply {
    let wanted = each(&body, "registered_limits", |fields| {
        for name in ["service_id", "resource_name"] {
            fields.required_text(name)?;
        }
        required_integer(fields, "default_limit")?;
        parse_registered(fields)
    })?;
    let own = own(&ctx);
    let rows = ctx
        .transact(move |tx, actor| identity::create_registered_limits(tx, actor, &own, wanted))
        .await?;
    let rows: Vec<Value> = rows.iter().map(|row| render_registered(row, ctx.base_url())).collect();
    status(StatusCode::CREATED, &json!({"registered_limits": rows}))
}

async fn update_registered(ctx: Ctx, Path(id): Path<String>, Wire(body): Wire<Value>) -> Reply {
    let wanted = parse_registered(&Fields::of(&body, "registered_limit")?)?;
    let own = own(&ctx);
    let row = ctx
        .transact(move |tx, actor| identity::update_registered_limit(tx, actor, &own, &id, wanted))
        .await?;
    document(&json!({"registered_limit": render_registered(&row, ctx.base_url())}))
}

async fn delete_registered(ctx: Ctx, Path(id): Path<String>) -> Reply {
    ctx.transact(move |tx, actor| identity::delete_registered_limit(tx, actor, &id))
        .await?;
    no_content()
}

async fn show_model() -> Reply {
    document(&json!({"model": {
        "name": "flat",
        "description": "Limit enforcement and validation does not take project hierarchy into consideration.",
    }}))
}

async fn list(ctx: Ctx, list: List) -> Reply {
    let cloud = ctx.cloud();
    let text = |id: &Option<_>| id.as_ref().map(ToString::to_string);
    let rows = cloud.limits.iter().filter(|row| {
        identity::may_see_limit(&cloud, ctx.actor(), row)
            && list.text("service_id", Some(&row.service_id))
            && list.text("region_id", row.region_id.as_deref())
            && list.text("resource_name", Some(&row.resource_name))
            && list.text("project_id", text(&row.project_id).as_deref())
            && list.text("domain_id", row.domain_id.as_ref().map(model::DomainId::as_str))
    });
    list.page(
        &ctx,
        "limits",
        rows,
        |row| row.id.as_str(),
        |row| render(row, ctx.base_url()),
    )
}

async fn show(ctx: Ctx, Path(id): Path<String>) -> Reply {
    let cloud = ctx.cloud();
    let row = cloud.get::<Limit>(&id)?;
    if !identity::may_see_limit(&cloud, ctx.actor(), &row) {
        return Err(Limit::not_found(&id).into());
    }
    document(&json!({"limit": render(&row, ctx.base_url())}))
}

async fn create(ctx: Ctx, Wire(body): Wire<Value>) -> Reply {
    let wanted = each(&body, "limits", |fields| {
        Ok(NewLimit {
            project_id: fields.text("project_id")?.map(Into::into),
            domain_id: fields.text("domain_id")?.map(Into::into),
            service_id: fields.required_text("service_id")?.to_owned(),
            region_id: fields.text("region_id")?.map(str::to_owned),
            resource_name: fields.required_text("resource_name")?.to_owned(),
            resource_limit: required_integer(fields, "resource_limit")?,
            description: fields.text("description")?.map(str::to_owned),
        })
    })?;
    let own = own(&ctx);
    let rows = ctx
        .transact(move |tx, actor| identity::create_limits(tx, actor, &own, wanted))
        .await?;
    let rows: Vec<Value> = rows.iter().map(|row| render(row, ctx.base_url())).collect();
    status(StatusCode::CREATED, &json!({"limits": rows}))
}

async fn update(ctx: Ctx, Path(id): Path<String>, Wire(body): Wire<Value>) -> Reply {
    let fields = Fields::of(&body, "limit")?;
    let (amount, description) = (fields.integer("resource_limit")?, fields.nullable_text("description")?);
    let row = ctx
        .transact(move |tx, actor| identity::update_limit(tx, actor, &id, amount, description))
        .await?;
    document(&json!({"limit": render(&row, ctx.base_url())}))
}

async fn delete(ctx: Ctx, Path(id): Path<String>) -> Reply {
    ctx.transact(move |tx, actor| identity::delete_limit(tx, actor, &id))
        .await?;
    no_content()
}
