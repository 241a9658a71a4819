//! `/v3/users/{id}/application_credentials`.

use std::collections::BTreeSet;

use axum::extract::Path;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use control::password::{MAX_PASSWORD_LENGTH, Password};
use model::identity::{self, ApplicationCredential, ByToken, NewApplicationCredential, policy};
use model::{Cloud, Error, Result, RoleId, Timestamp, UserId};
use serde_json::{Value, json};

use super::access_rule;
use super::fields::Fields;
use super::list::List;
use crate::context::Ctx;
use crate::extract::Wire;
use crate::reply::{Reply, created, json as document, no_content};

pub(super) fn render(cloud: &Cloud, row: &ApplicationCredential, base_url: &str) -> Value {
    let roles: Vec<Value> = row
        .role_ids
        .iter()
        .filter_map(|id| cloud.roles.get(id))
        .map(|role| json!({"id": role.id, "name": role.name, "domain_id": role.domain_id}))
        .collect();
    json!({
        "id": row.id,
        "name": row.name,
        "description": row.description,
        "project_id": row.project_id,
        "roles": roles,
        "expires_at": row.expires_at.map(Timestamp::micros_bare),
        "unrestricted": row.unrestricted,
        "access_rules": access_rule::render_all(cloud, &row.access_rules),
        "links": {
            "self": format!("{base_url}/identity/v3/users/{}/application_credentials/{}", row.user_id, row.id),
        },
    })
}

pub(super) async fn list(ctx: Ctx, Path(user): Path<String>, list: List) -> Reply {
    let cloud = ctx.cloud();
    let rows = identity::list_application_credentials(&cloud, ctx.actor(), &user.into())?;
    let rows = rows.into_iter().filter(|row| list.text("name", Some(&row.name)));
    let draw = |row: &std::sync::Arc<ApplicationCredential>| render(&cloud, row, ctx.base_url());
    list.page(&ctx, "application_credentials", rows, |row| row.id.as_str(), draw)
}

pub(super) async fn show(ctx: Ctx, Path((user, id)): Path<(String, String)>) -> Reply {
    let cloud = ctx.cloud();
    let row = identity::show_application_credential(&cloud, ctx.actor(), &user.into(), &id)?;
    document(&json!({"application_credential": render(&cloud, &row, ctx.base_url())}))
}

pub(super) async fn create(ctx: Ctx, Path(user): Path<String>, Wire(body): Wire<Value>) -> Reply {
    let user = UserId::from(user);
    // Hashing costs: not for somebody else's account.
    if ctx.actor().user_id != user {
        return Err(policy::forbidden("identity:create_application_credential").into());
    }
    let fields = Fields::of(&body, "application_credential")?;
    let name = fields.required_text("name")?.to_owned();
    let secret = match fields.text("secret")? {
        Some(secret) if secret.is_empty() || secret.len() > MAX_PASSWORD_LENGTH => {
            return Err(fields
                .invalid("secret", &format!("it must have 1 to {MAX_PASSWORD_LENGTH} bytes"))
                .into());
        }
        Some(secret) => secret.to_owned(),
        None => new_secret(),
    };
    let mut wanted = NewApplicationCredential {
        name,
        description: fields.nullable_text("description")?.flatten(),
        role_ids: roles(&ctx.cloud(), &fields)?,
        secret_hash: String::new(),
        expires_at: time(&fields, "expires_at")?,
        unrestricted: fields.boolean("unrestricted")?.unwrap_or(false),
        access_rules: access_rule::parse(&fields)?,
    };
    wanted.secret_hash = ctx.control().hash_password(Password::new(secret.clone())).await?;
    let by = by_token(&ctx);
    let row = ctx
        .transact(move |tx, actor| identity::create_application_credential(tx, actor, &user, &by, wanted))
        .await?;
    let mut body = render(&ctx.cloud(), &row, ctx.base_url());
    body["secret"] = secret.into();
    created(&json!({"application_credential": body}))
}

pub(super) fn by_token(ctx: &Ctx) -> ByToken {
    ByToken {
        role_ids: ctx.token().role_ids.clone(),
        application_credential: ctx.token().claims.application_credential.clone(),
        trust: ctx.token().claims.trust.clone(),
    }
}

/// 64 random bytes, as Keystone makes them.
fn new_secret() -> String {
    let random: Vec<u8> = (0..4).flat_map(|_| uuid::Uuid::new_v4().into_bytes()).collect();
    URL_SAFE_NO_PAD.encode(random)
}

/// The roles asked for, by id or name.
pub(super) fn roles(cloud: &Cloud, fields: &Fields<'_>) -> Result<Option<BTreeSet<RoleId>>> {
    let wrong = || fields.invalid("roles", "it must be a list of roles, each with an id or a name");
    let roles = match fields.value("roles") {
        None | Some(Value::Null) => return Ok(None),
        Some(value) => value.as_array().ok_or_else(wrong)?,
    };
    if roles.is_empty() {
        return Ok(None);
    }
    let find = |role: &Value| {
        let by_name = || {
            let name = role["name"].as_str()?.to_lowercase();
            cloud.lookups.roles_by_name.first(&(None, name)).cloned()
        };
        if !role["id"].is_string() && !role["name"].is_string() {
            return Err(wrong());
        }
        role["id"].as_str().map(RoleId::from).or_else(by_name).ok_or_else(|| {
            Error::invalid(
                "ValidationError",
                format!("Could not find role: {}.", role["name"].as_str().unwrap_or("")),
            )
        })
    };
    roles.iter().map(find).collect::<Result<_>>().map(Some)
}

/// A time, with or without a zone (then UTC).
pub(super) fn time(fields: &Fields<'_>, name: &str) -> Result<Option<Timestamp>> {
    let Some(text) = fields.text(name)? else {
        return Ok(None);
    };
    let parsed = text.parse::<jiff::Timestamp>().or_else(|_| {
        let civil = text.parse::<jiff::civil::DateTime>()?;
        Ok::<_, jiff::Error>(civil.to_zoned(jiff::tz::TimeZone::UTC)?.timestamp())
    });
    parsed
        .map(|at| Some(Timestamp::new(at)))
        .map_err(|_| fields.invalid(name, "it must be a time such as 2030-01-31T12:00:00.000000Z"))
}

pub(super) async fn delete(ctx: Ctx, Path((user, id)): Path<(String, String)>) -> Reply {
    let user = UserId::from(user);
    let by = by_token(&ctx);
    ctx.transact(move |tx, actor| identity::delete_application_credential(tx, actor, &user, &by, &id))
        .await?;
    no_content()
}
