//! `/v3/policies`: texts that are kept for other services.

use axum::extract::Path;
use model::Result;
use model::identity::{self, PolicyDocument, PolicyFields, policy};
use serde_json::{Value, json};

use super::fields::Fields;
use super::list::List;
use super::render::with_extra;
use crate::access::Access::Token;
use crate::context::Ctx;
use crate::extract::Wire;
use crate::reply::{Reply, created, json as document, no_content};
use crate::routes::Routes;

pub(super) fn routes(routes: Routes) -> Routes {
    const ONE: &str = "/v3/policies/{policy_id}";
    routes
        .get("/v3/policies", Token, list)
        .post("/v3/policies", Token, create)
        .get(ONE, Token, show)
        .patch(ONE, Token, update)
        .delete(ONE, Token, delete)
}

fn render(row: &PolicyDocument, base_url: &str) -> Value {
    let own = json!({"id": row.id, "type": row.kind, "blob": row.blob});
    let link = format!("{base_url}/identity/v3/policies/{}", row.id);
    with_extra(&row.extra, own, link)
}

fn parse(fields: &Fields<'_>) -> Result<PolicyFields> {
    // A text is kept as it is, anything else as the JSON it is.
    let blob = match fields.value("blob") {
        None => None,
        Some(Value::String(text)) => Some(text.clone()),
        Some(other) => Some(other.to_string()),
    };
    Ok(PolicyFields {
        kind: fields.text("type")?.map(str::to_owned),
        blob,
        extra: fields.others(&["id", "type", "blob", "links"]),
    })
}

async fn list(ctx: Ctx, list: List) -> Reply {
    policy::require_read(ctx.actor(), None, "identity:list_policies")?;
    let cloud = ctx.cloud();
    let rows = cloud
        .policy_documents
        .iter()
        .filter(|row| list.text("type", Some(&row.kind)));
    list.page(
        &ctx,
        "policies",
        rows,
        |row| row.id.as_str(),
        |row| render(row, ctx.base_url()),
    )
}

async fn show(ctx: Ctx, Path(id): Path<String>) -> Reply {
    policy::require_read(ctx.actor(), None, "identity:get_policy")?;
    let row = ctx.cloud().get::<PolicyDocument>(&id)?;
    document(&json!({"policy": render(&row, ctx.base_url())}))
}

async fn create(ctx: Ctx, Wire(body): Wire<Value>) -> Reply {
    let fields = Fields::of(&body, "policy")?;
    fields.required_text("type")?;
    if !fields.has("blob") {
        return Err(fields.missing("blob").into());
    }
    let wanted = parse(&fields)?;
    let row = ctx
        .transact(move |tx, actor| identity::create_policy(tx, actor, wanted))
        .await?;
    created(&json!({"policy": render(&row, ctx.base_url())}))
}

async fn update(ctx: Ctx, Path(id): Path<String>, Wire(body): Wire<Value>) -> Reply {
    let wanted = parse(&Fields::of(&body, "policy")?)?;
    let row = ctx
        .transact(move |tx, actor| identity::update_policy(tx, actor, &id, wanted))
        .await?;
    document(&json!({"policy": render(&row, ctx.base_url())}))
}

async fn delete(ctx: Ctx, Path(id): Path<String>) -> Reply {
    ctx.transact(move |tx, actor| identity::delete_policy(tx, actor, &id))
        .await?;
    no_content()
}
