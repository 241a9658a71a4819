//! `/v3/domains/{id}/config`: options of a domain's driver, whole, by group, or one by one.

use std::collections::BTreeMap;

use axum::extract::Path;
use axum::http::StatusCode;
use model::identity::{self, ConfigPart, Groups};
use model::{DomainId, Result};
use serde_json::{Value, json};

use super::fields::Fields;
use crate::access::Access::Token;
use crate::context::Ctx;
use crate::extract::Wire;
use crate::reply::{Reply, json as document, no_content, status};
use crate::routes::Routes;

pub(super) fn routes(routes: Routes) -> Routes {
    const ALL: &str = "/v3/domains/{domain_id}/config";
    const GROUP: &str = "/v3/domains/{domain_id}/config/{group}";
    const OPTION: &str = "/v3/domains/{domain_id}/config/{group}/{option}";
    routes
        .get("/v3/domains/config/default", Token, defaults)
        .get("/v3/domains/config/{group}/default", Token, group_defaults)
        .get("/v3/domains/config/{group}/{option}/default", Token, option_default)
        .get(ALL, Token, show)
        .put(ALL, Token, put)
        .patch(ALL, Token, update)
        .delete(ALL, Token, delete)
        .get(GROUP, Token, show_group)
        .patch(GROUP, Token, update_group)
        .delete(GROUP, Token, delete_group)
        .get(OPTION, Token, show_option)
        .patch(OPTION, Token, update_option)
        .delete(OPTION, Token, delete_option)
}

fn part(group: Option<String>, option: Option<String>) -> ConfigPart {
    ConfigPart { group, option }
}

/// `{"config": {group: {option: value}}}`; of one option just `{"config": {option: value}}`.
fn render(groups: &Groups, part: &ConfigPart) -> Value {
    match (&part.group, &part.option) {
        (Some(group), Some(_)) => json!({"config": groups.get(group)}),
        _ => json!({"config": groups}),
    }
}

/// Reads such a body.
fn parse(body: &Value, part: &ConfigPart) -> Result<Groups> {
    let config = Fields::of(body, "config")?;
    let all = config.others(&[]);
    if let (Some(group), Some(_)) = (&part.group, &part.option) {
        return Ok(BTreeMap::from([(group.clone(), all)]));
    }
    all.keys()
        .map(|group| Ok((group.clone(), config.map(group)?.unwrap_or_default())))
        .collect()
}

fn show_default(ctx: &Ctx, part: &ConfigPart) -> Reply {
    let groups = identity::show_default_config(ctx.actor(), part)?;
    document(&render(&groups, part))
}

async fn defaults(ctx: Ctx) -> Reply {
    show_default(&ctx, &ConfigPart::default())
}

async fn group_defaults(ctx: Ctx, Path(group): Path<String>) -> Reply {
    show_default(&ctx, &part(Some(group), None))
}

async fn option_default(ctx: Ctx, Path((group, option)): Path<(String, String)>) -> Reply {
    show_default(&ctx, &part(Some(group), Some(option)))
}

fn shown(ctx: &Ctx, id: &DomainId, part: &ConfigPart) -> Result<Value> {
    let groups = identity::show_domain_config(&ctx.cloud(), ctx.actor(), id, part)?;
    Ok(render(&groups, part))
}

async fn show(ctx: Ctx, Path(id): Path<String>) -> Reply {
    document(&shown(&ctx, &id.into(), &ConfigPart::default())?)
}

async fn show_group(ctx: Ctx, Path((id, group)): Path<(String, String)>) -> Reply {
    document(&shown(&ctx, &id.into(), &part(Some(group), None))?)
}

async fn show_option(ctx: Ctx, Path((id, group, option)): Path<(String, String, String)>) -> Reply {
    document(&shown(&ctx, &id.into(), &part(Some(group), Some(option)))?)
}

async fn put(ctx: Ctx, Path(id): Path<String>, Wire(body): Wire<Value>) -> Reply {
    let id = DomainId::from(id);
    let groups = parse(&body, &ConfigPart::default())?;
    let of = id.clone();
    let first = ctx
        .transact(move |tx, actor| identity::put_domain_config(tx, actor, &of, groups))
        .await?;
    let code = if first { StatusCode::CREATED } else { StatusCode::OK };
    status(code, &shown(&ctx, &id, &ConfigPart::default())?)
}

/// Changes a part, and answers with all options that stand beside it, as Keystone does.
async fn change(ctx: Ctx, id: String, part: ConfigPart, body: Value) -> Reply {
    let id = DomainId::from(id);
    let groups = parse(&body, &part)?;
    let (of, which) = (id.clone(), part.clone());
    ctx.transact(move |tx, actor| identity::update_domain_config(tx, actor, &of, &which, groups))
        .await?;
    document(&shown(&ctx, &id, &ConfigPart::default())?)
}

async fn update(ctx: Ctx, Path(id): Path<String>, Wire(body): Wire<Value>) -> Reply {
    change(ctx, id, ConfigPart::default(), body).await
}

async fn update_group(ctx: Ctx, Path((id, group)): Path<(String, String)>, Wire(body): Wire<Value>) -> Reply {
    change(ctx, id, part(Some(group), None), body).await
}

async fn update_option(
    ctx: Ctx,
    Path((id, group, option)): Path<(String, String, String)>,
    Wire(body): Wire<Value>,
) -> Reply {
    change(ctx, id, part(Some(group), Some(option)), body).await
}

async fn remove(ctx: Ctx, id: String, part: ConfigPart) -> Reply {
    let id = DomainId::from(id);
    ctx.transact(move |tx, actor| identity::delete_domain_config(tx, actor, &id, &part))
        .await?;
    no_content()
}

async fn delete(ctx: Ctx, Path(id): Path<String>) -> Reply {
    remove(ctx, id, ConfigPart::default()).await
}

async fn delete_group(ctx: Ctx, Path((id, group)): Path<(String, String)>) -> Reply {
    remove(ctx, id, part(Some(group), None)).await
}

async fn delete_option(ctx: Ctx, Path((id, group, option)): Path<(String, String, String)>) -> Reply {
    remove(ctx, id, part(Some(group), Some(option))).await
}
