//! EC2 credentials (`/v3/users/{id}/credentials/OS-EC2`) and who signed a request with one (`/v3/ec2tokens`).
//!
//! Only services and the administrator may ask for whom a signature speaks: the answer is a token.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::Path;
use control::auth::ec2::{SignedRequest, credential_id};
use model::identity::{self, Credential, EC2, NewCredential, policy};
use model::{Error, Result, UserId};
use serde_json::{Value, json};

use super::application_credential::by_token;
use super::fields::Fields;
use super::list::List;
use super::token;
use crate::access::Access::Token;
use crate::context::Ctx;
use crate::extract::Wire;
use crate::reply::{Reply, created, no_content};
use crate::routes::Routes;

pub(super) fn routes(routes: Routes) -> Routes {
    const ALL: &str = "/v3/users/{user_id}/credentials/OS-EC2";
    const ONE: &str = "/v3/users/{user_id}/credentials/OS-EC2/{credential_id}";
    routes
        .get(ALL, Token, list)
        .post(ALL, Token, create)
        .get(ONE, Token, show)
        .delete(ONE, Token, delete)
        .post("/v3/ec2tokens", Token, authenticate)
}

fn render(row: &Credential, base_url: &str) -> Value {
    let access = row.part("access");
    let link = format!(
        "{base_url}/identity/v3/users/{}/credentials/OS-EC2/{}",
        row.user_id,
        access.as_deref().unwrap_or_default()
    );
    json!({
        "user_id": row.user_id,
        "tenant_id": row.project_id,
        "access": access,
        "secret": row.part("secret"),
        "trust_id": row.trust_id,
        "links": {"self": link},
    })
}

fn require_own(ctx: &Ctx, user: &UserId, action: &str) -> Result<()> {
    if ctx.actor().user_id == *user {
        return Ok(());
    }
    policy::require_read(ctx.actor(), None, action)
}

/// The credential behind an access key, if it is this user's.
fn find(ctx: &Ctx, user: &UserId, access: &str) -> Result<Arc<Credential>> {
    let row = ctx.cloud().find::<Credential>(&credential_id(access)).cloned();
    row.filter(|row| row.kind == EC2 && row.user_id == *user)
        .ok_or_else(|| Error::not_found("CredentialNotFound", format!("Could not find credential: {access}.")))
}

async fn list(ctx: Ctx, Path(user): Path<String>, list: List) -> Reply {
    let user = UserId::from(user);
    require_own(&ctx, &user, "identity:ec2_list_credentials")?;
    let cloud = ctx.cloud();
    let rows = cloud
        .lookups
        .credentials_by_user
        .of(&user)
        .filter_map(|id| cloud.credentials.get(id))
        .filter(|row| row.kind == EC2);
    list.page(
        &ctx,
        "credentials",
        rows,
        |row| row.id.as_str(),
        |row| render(row, ctx.base_url()),
    )
}

async fn show(ctx: Ctx, Path((user, access)): Path<(String, String)>) -> Reply {
    let user = user.into();
    require_own(&ctx, &user, "identity:ec2_get_credential")?;
    let row = find(&ctx, &user, &access)?;
    crate::reply::json(&json!({"credential": render(&row, ctx.base_url())}))
}

async fn create(ctx: Ctx, Path(user): Path<String>, Wire(body): Wire<Value>) -> Reply {
    let fields = Fields::root(&body)?;
    let project = fields.required_text("tenant_id")?;
    let [access, secret] = [(); 2].map(|()| uuid::Uuid::new_v4().simple().to_string());
    let wanted = NewCredential {
        id: Some(credential_id(&access)),
        user_id: user.into(),
        project_id: Some(project.into()),
        kind: EC2.to_owned(),
        blob: json!({"access": access, "secret": secret}).to_string(),
    };
    let by = by_token(&ctx);
    let row = ctx
        .transact(move |tx, actor| identity::create_credential(tx, actor, &by, wanted))
        .await?;
    created(&json!({"credential": render(&row, ctx.base_url())}))
}

async fn delete(ctx: Ctx, Path((user, access)): Path<(String, String)>) -> Reply {
    let user = user.into();
    require_own(&ctx, &user, "identity:ec2_delete_credential")?;
    let id = find(&ctx, &user, &access)?.id.clone();
    let by = by_token(&ctx);
    ctx.transact(move |tx, actor| identity::delete_credential(tx, actor, &by, &id))
        .await?;
    no_content()
}

fn texts(fields: &Fields<'_>, name: &str) -> Result<BTreeMap<String, String>> {
    let Some(map) = fields.map(name)? else {
        return Ok(BTreeMap::new());
    };
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    Ok(map.iter().map(|(name, value)| (name.clone(), text(value))).collect())
}

/// `POST /v3/ec2tokens`: a token for whoever signed the request that the body describes.
async fn authenticate(ctx: Ctx, Wire(body): Wire<Value>) -> Reply {
    if !(ctx.actor().is_admin() || ctx.actor().has_role("service")) {
        return Err(policy::forbidden("identity:ec2_authenticate").into());
    }
    let root = Fields::root(&body)?;
    let fields = match root.object("credentials")? {
        Some(fields) => fields,
        None => root.required_object("ec2Credentials")?,
    };
    let text = |name: &str| Ok::<_, Error>(fields.text(name)?.unwrap_or_default().to_owned());
    let request = SignedRequest {
        access: fields.required_text("access")?.to_owned(),
        signature: fields.required_text("signature")?.to_owned(),
        host: text("host")?,
        verb: text("verb")?,
        path: text("path")?,
        params: texts(&fields, "params")?,
        headers: texts(&fields, "headers")?,
        body_hash: text("body_hash")?,
    };
    token::issue_for_signature(&ctx, &request)
}
