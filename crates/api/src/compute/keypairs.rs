//! Key pairs. Up to 2.91 a pair is made here for those who bring no public key; the private half is shown once.

use std::sync::Arc;

use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use control::keypair as keys;
use model::cloud::Row;
use model::compute::{Keypair, KeypairId, KeypairKind, keypair};
use model::{Error, Result, UserId};
use serde_json::{Map, Value, json};

use super::body::{Field, Object, TEXT_LIMIT, field, missing, wrong};
use super::link;
use super::microversion::Microversion;
use super::paging::{Page, check_query};
use crate::context::Ctx;
use crate::extract::Wire;
use crate::query::Query;
use crate::reply::{Reply, json as reply, status};

const CREATE: &[Field] = &[
    field("name"),
    field("public_key"),
    field("type").since(2),
    field("user_id").since(10),
];

/// Whose key pairs: the caller's, or (from 2.10, for an administrator) another user's.
fn owner(ctx: &Ctx, version: Microversion, asked: Option<&str>) -> Result<UserId> {
    let own = &ctx.actor().user_id;
    match asked.filter(|_| version.since(10)) {
        Some(user) if user != own.as_str() && !ctx.actor().is_admin() => Err(Error::forbidden(
            "PolicyNotAuthorized",
            "Policy doesn't allow other users' key pairs to be used by anyone but an administrator.",
        )),
        Some(user) => Ok(UserId::from(user)),
        None => Ok(own.clone()),
    }
}

fn kind(pair: &Keypair) -> &'static str {
    match pair.kind {
        KeypairKind::Ssh => "ssh",
        KeypairKind::X509 => "x509",
    }
}

fn brief(version: Microversion, pair: &Keypair) -> Value {
    let mut body = json!({
        "name": pair.name,
        "public_key": pair.public_key,
        "fingerprint": pair.fingerprint,
    });
    if version.since(2) {
        body["type"] = json!(kind(pair));
    }
    body
}

/// `GET /os-keypairs`.
pub(super) async fn list(ctx: Ctx, version: Microversion, query: Query) -> Reply {
    check_query(&query, &["user_id", "limit", "marker"], version, 75)?;
    let user = owner(&ctx, version, query.get("user_id"))?;
    let cloud = ctx.cloud();
    let pairs: Vec<Arc<Keypair>> = keypair::of_user(&cloud, &user).cloned().collect();
    // Pages came with 2.35.
    let wanted = if version.since(35) {
        query.clone()
    } else {
        Query::default()
    };
    let page = Page::read(&wanted)?.cut(pairs, |pair| pair.name.clone())?;
    let pairs: Vec<Value> = page
        .items
        .iter()
        .map(|pair| json!({"keypair": brief(version, pair)}))
        .collect();
    let mut body = json!({"keypairs": pairs});
    if version.since(35) {
        page.add_links(&mut body, "keypairs", &link(&ctx, "os-keypairs"), &query);
    }
    reply(&body)
}

/// `POST /os-keypairs`.
pub(super) async fn create(ctx: Ctx, version: Microversion, Wire(body): Wire<Map<String, Value>>) -> Reply {
    let body = Object::only_member(&body, "keypair")?.allow(CREATE, version)?;
    let name = read_name(body, version)?;
    let kind = match body.text("type", 0..=TEXT_LIMIT)? {
        None | Some("ssh") => KeypairKind::Ssh,
        Some("x509") => KeypairKind::X509,
        Some(other) => return Err(wrong("type", &json!(other), "It is neither 'ssh' nor 'x509'.").into()),
    };
    let user = owner(&ctx, version, body.text("user_id", 1..=TEXT_LIMIT)?)?;
    let given = body.text("public_key", 0..=65_535)?;
    let (public, private) = match given {
        Some(text) => (keys::read(kind, text)?, None),
        None if version.since(92) => return Err(missing("public_key").into()),
        None => {
            let made = keys::generate(kind, &user).await?;
            (made.public, Some(made.private_pem))
        }
    };
    let project = ctx.actor().project_id().cloned();
    let pair = ctx
        .transact(move |tx, _| keypair::create(tx, project.as_ref(), &user, &name, public))
        .await?;
    let mut answer = brief(version, &pair);
    answer["user_id"] = json!(pair.user_id);
    if let Some(private) = private {
        answer["private_key"] = json!(private.as_str());
    }
    let code = if version.since(2) {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    status(code, &json!({"keypair": answer}))
}

/// Letters, digits, space, `_` and `-`; from 2.92 also `@` and `.`.
fn read_name(body: Object<'_>, version: Microversion) -> Result<String> {
    let name = body.required_name("name")?;
    let is_plain = |c: char| {
        c.is_ascii_alphanumeric() || matches!(c, ' ' | '_' | '-') || (version.since(92) && matches!(c, '@' | '.'))
    };
    if name.chars().all(is_plain) {
        return Ok(name.to_owned());
    }
    Err(wrong(
        "name",
        &json!(name),
        "Keypair name contains unsafe characters: use letters, digits, spaces, '_' and '-'.",
    ))
}

/// `GET /os-keypairs/{name}`.
pub(super) async fn show(ctx: Ctx, version: Microversion, Path(name): Path<String>, query: Query) -> Reply {
    check_query(&query, &["user_id"], version, 75)?;
    let id = KeypairId(owner(&ctx, version, query.get("user_id"))?, name);
    let pair = ctx.cloud().get::<Keypair>(&id)?;
    let mut body = brief(version, &pair);
    body["user_id"] = json!(pair.user_id);
    body["created_at"] = json!(pair.created_at.micros_bare());
    body["updated_at"] = Value::Null;
    body["deleted_at"] = Value::Null;
    body["deleted"] = json!(false);
    body["id"] = json!(number(&pair));
    reply(&json!({"keypair": body}))
}

/// Nova shows its row's number; here is one made from the pair's user and name (FNV-1a, 31 bits).
fn number(pair: &Keypair) -> u32 {
    let id = Row::id(pair).to_string();
    let hash = id.bytes().fold(0x811c_9dc5_u32, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    });
    hash >> 1
}

/// `DELETE /os-keypairs/{name}`.
pub(super) async fn delete(ctx: Ctx, version: Microversion, Path(name): Path<String>, query: Query) -> Reply {
    check_query(&query, &["user_id"], version, 75)?;
    let user = owner(&ctx, version, query.get("user_id"))?;
    ctx.transact(move |tx, _| keypair::delete(tx, &user, &name)).await?;
    let code = if version.since(2) {
        StatusCode::NO_CONTENT
    } else {
        StatusCode::ACCEPTED
    };
    Ok(code.into_response())
}
