//! `/v3/OS-OAUTH1/consumers`: programs that an administrator registered. A secret is shown once, when it is made.

use axum::extract::Path;
use model::identity::{self, Consumer, policy};
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
    const ALL: &str = "/v3/OS-OAUTH1/consumers";
    const ONE: &str = "/v3/OS-OAUTH1/consumers/{consumer_id}";
    routes
        .get(ALL, Token, list)
        .post(ALL, Token, create)
        .get(ONE, Token, show)
        .patch(ONE, Token, update)
        .delete(ONE, Token, delete)
}

fn render(row: &Consumer, base_url: &str) -> Value {
    let own = json!({"id": row.id, "description": row.description});
    let link = format!("{base_url}/identity/v3/OS-OAUTH1/consumers/{}", row.id);
    with_extra(&row.extra, own, link)
}

const KNOWN: [&str; 4] = ["id", "description", "secret", "links"];

async fn list(ctx: Ctx, list: List) -> Reply {
    policy::require_read(ctx.actor(), None, "identity:list_consumers")?;
    let cloud = ctx.cloud();
    let rows = cloud.oauth_consumers.iter();
    list.page(
        &ctx,
        "consumers",
        rows,
        |row| row.id.as_str(),
        |row| render(row, ctx.base_url()),
    )
}

async fn show(ctx: Ctx, Path(id): Path<String>) -> Reply {
    policy::require_read(ctx.actor(), None, "identity:get_consumer")?;
    let row = ctx.cloud().get::<Consumer>(&id)?;
    document(&json!({"consumer": render(&row, ctx.base_url())}))
}

async fn create(ctx: Ctx, Wire(body): Wire<Value>) -> Reply {
    let fields = Fields::of(&body, "consumer")?;
    let (description, extra) = (fields.nullable_text("description")?.flatten(), fields.others(&KNOWN));
    let row = ctx
        .transact(move |tx, actor| identity::create_consumer(tx, actor, description, extra))
        .await?;
    let mut body = render(&row, ctx.base_url());
    body["secret"] = row.secret.clone().into();
    created(&json!({"consumer": body}))
}

async fn update(ctx: Ctx, Path(id): Path<String>, Wire(body): Wire<Value>) -> Reply {
    let fields = Fields::of(&body, "consumer")?;
    if fields.has("secret") {
        return Err(fields.invalid("secret", "it can't be changed").into());
    }
    let (description, extra) = (fields.nullable_text("description")?, fields.others(&KNOWN));
    let row = ctx
        .transact(move |tx, actor| identity::update_consumer(tx, actor, &id, description, extra))
        .await?;
    document(&json!({"consumer": render(&row, ctx.base_url())}))
}

async fn delete(ctx: Ctx, Path(id): Path<String>) -> Reply {
    ctx.transact(move |tx, actor| identity::delete_consumer(tx, actor, &id))
        .await?;
    no_content()
}
