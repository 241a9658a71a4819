//! `/v3/users/{id}/access_rules`: which requests application credentials may be limited to.

use axum::extract::Path;
use model::identity::{self, AccessRule, WantedRule};
use model::{Cloud, Result, UserId};
use serde_json::{Value, json};

use super::fields::Fields;
use super::list::List;
use crate::access::Access::Token;
use crate::context::Ctx;
use crate::reply::{Reply, json as document, no_content};
use crate::routes::Routes;

pub(super) fn routes(routes: Routes) -> Routes {
    const ONE: &str = "/v3/users/{user_id}/access_rules/{access_rule_id}";
    routes
        .get("/v3/users/{user_id}/access_rules", Token, list)
        .get(ONE, Token, show)
        .delete(ONE, Token, delete)
}

fn render(row: &AccessRule) -> Value {
    json!({"id": row.id, "service": row.service, "method": row.method, "path": row.path})
}

fn with_link(row: &AccessRule, base_url: &str) -> Value {
    let mut body = render(row);
    let link = format!("{base_url}/identity/v3/users/{}/access_rules/{}", row.user_id, row.id);
    body["links"] = json!({"self": link});
    body
}

/// Rules as they stand in an application credential.
pub(super) fn render_all(cloud: &Cloud, ids: &[String]) -> Value {
    ids.iter()
        .filter_map(|id| cloud.access_rules.get(id))
        .map(|row| render(row))
        .collect()
}

/// The rules a new application credential is to have.
pub(super) fn parse(fields: &Fields<'_>) -> Result<Vec<WantedRule>> {
    let wrong = || {
        fields.invalid(
            "access_rules",
            "it must be a list of rules, each with an id, or with service, method and path",
        )
    };
    let rules = match fields.value("access_rules") {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(value) => value.as_array().ok_or_else(wrong)?,
    };
    let text = |rule: &Value, name: &str| rule[name].as_str().map(str::to_owned);
    rules
        .iter()
        .map(|rule| {
            if let Some(id) = text(rule, "id") {
                return Ok(WantedRule::Known(id));
            }
            Ok(WantedRule::New {
                service: text(rule, "service").ok_or_else(wrong)?,
                method: text(rule, "method").ok_or_else(wrong)?,
                path: text(rule, "path").ok_or_else(wrong)?,
            })
        })
        .collect()
}

async fn list(ctx: Ctx, Path(user): Path<String>, list: List) -> Reply {
    let rows = identity::list_access_rules(&ctx.cloud(), ctx.actor(), &user.into())?;
    let rows = rows.into_iter().filter(|row| {
        list.text("service", Some(&row.service))
            && list.text("method", Some(&row.method))
            && list.text("path", Some(&row.path))
    });
    list.page(
        &ctx,
        "access_rules",
        rows,
        |row| row.id.as_str(),
        |row| with_link(row, ctx.base_url()),
    )
}

async fn show(ctx: Ctx, Path((user, id)): Path<(String, String)>) -> Reply {
    let row = identity::show_access_rule(&ctx.cloud(), ctx.actor(), &user.into(), &id)?;
    document(&json!({"access_rule": with_link(&row, ctx.base_url())}))
}

async fn delete(ctx: Ctx, Path((user, id)): Path<(String, String)>) -> Reply {
    let user = UserId::from(user);
    ctx.transact(move |tx, actor| identity::delete_access_rule(tx, actor, &user, &id))
        .await?;
    no_content()
}
