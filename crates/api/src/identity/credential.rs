//! `/v3/credentials`: secrets that are kept for users.

use axum::extract::Path;
use control::auth::ec2::credential_id;
use model::Result;
use model::identity::{self, Credential, CredentialFields, EC2, NewCredential};
use serde_json::{Value, json};

use super::application_credential::by_token;
use super::fields::Fields;
use super::list::List;
use crate::access::Access::Token;
use crate::context::Ctx;
use crate::extract::Wire;
use crate::reply::{Reply, created, json as document, no_content};
use crate::routes::Routes;

pub(super) fn routes(routes: Routes) -> Routes {
    const ONE: &str = "/v3/credentials/{credential_id}";
    routes
        .get("/v3/credentials", Token, list)
        .post("/v3/credentials", Token, create)
        .get(ONE, Token, show)
        .patch(ONE, Token, update)
        .delete(ONE, Token, delete)
}

fn render(row: &Credential, base_url: &str) -> Value {
    json!({
        "id": row.id,
        "user_id": row.user_id,
        "project_id": row.project_id,
        "type": row.kind,
        "blob": row.blob,
        "links": {"self": format!("{base_url}/identity/v3/credentials/{}", row.id)},
    })
}

async fn list(ctx: Ctx, list: List) -> Reply {
    let rows = identity::list_credentials(&ctx.cloud(), ctx.actor());
    let rows = rows
        .into_iter()
        .filter(|row| list.text("user_id", Some(row.user_id.as_str())) && list.text("type", Some(&row.kind)));
    list.page(
        &ctx,
        "credentials",
        rows,
        |row| row.id.as_str(),
        |row| render(row, ctx.base_url()),
    )
}

async fn show(ctx: Ctx, Path(id): Path<String>) -> Reply {
    let row = identity::show_credential(&ctx.cloud(), ctx.actor(), &id)?;
    document(&json!({"credential": render(&row, ctx.base_url())}))
}

/// The access key in an EC2 credential's secret.
fn access_of(fields: &Fields<'_>, blob: &str) -> Result<String> {
    let blob: Value = serde_json::from_str(blob).unwrap_or_default();
    blob["access"].as_str().map(str::to_owned).ok_or_else(|| {
        fields.invalid(
            "blob",
            "of an 'ec2' credential it must be JSON with 'access' and 'secret'",
        )
    })
}

async fn create(ctx: Ctx, Wire(body): Wire<Value>) -> Reply {
    let fields = Fields::of(&body, "credential")?;
    let kind = fields.required_text("type")?.to_owned();
    let blob = fields.required_text("blob")?.to_owned();
    let id = match kind.as_str() {
        EC2 => Some(credential_id(&access_of(&fields, &blob)?)),
        _ => None,
    };
    let wanted = NewCredential {
        id,
        user_id: fields
            .text("user_id")?
            .map_or_else(|| ctx.actor().user_id.clone(), Into::into),
        project_id: fields.text("project_id")?.map(Into::into),
        kind,
        blob,
    };
    let by = by_token(&ctx);
    let row = ctx
        .transact(move |tx, actor| identity::create_credential(tx, actor, &by, wanted))
        .await?;
    created(&json!({"credential": render(&row, ctx.base_url())}))
}

async fn update(ctx: Ctx, Path(id): Path<String>, Wire(body): Wire<Value>) -> Reply {
    let fields = Fields::of(&body, "credential")?;
    let wanted = CredentialFields {
        blob: fields.text("blob")?.map(str::to_owned),
        user_id: fields.text("user_id")?.map(Into::into),
        project_id: fields.text("project_id")?.map(Into::into),
        kind: fields.text("type")?.map(str::to_owned),
    };
    let by = by_token(&ctx);
    let row = ctx
        .transact(move |tx, actor| identity::update_credential(tx, actor, &by, &id, wanted))
        .await?;
    document(&json!({"credential": render(&row, ctx.base_url())}))
}

async fn delete(ctx: Ctx, Path(id): Path<String>) -> Reply {
    let by = by_token(&ctx);
    ctx.transact(move |tx, actor| identity::delete_credential(tx, actor, &by, &id))
        .await?;
    no_content()
}
