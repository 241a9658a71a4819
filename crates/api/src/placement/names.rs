//! Resource classes and traits.

use std::collections::BTreeSet;

use axum::body::Body;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::IntoResponse;
use model::Error;
use model::placement;
use serde::Deserialize;
use serde_json::{Value, json};

use super::bad;
use super::provider::Providers;
use super::version::Microversion;
use crate::context::Ctx;
use crate::extract::{Wire, collect, parse};
use crate::query::Query;
use crate::reply::{Reply, json as ok, no_content};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Named {
    name: String,
}

fn class_path(name: &str) -> String {
    format!("/placement/resource_classes/{name}")
}

fn class_document(name: &str) -> Value {
    json!({"name": name, "links": [{"rel": "self", "href": class_path(name)}]})
}

/// 201 where it is new, else 204.
fn made(ctx: &Ctx, is_new: bool, path: &str) -> Reply {
    let status = if is_new {
        StatusCode::CREATED
    } else {
        StatusCode::NO_CONTENT
    };
    Ok((status, [(LOCATION, format!("{}{path}", ctx.base_url()))]).into_response())
}

/// `GET /resource_classes`
pub(super) async fn classes(ctx: Ctx, version: Microversion) -> Reply {
    version.require(2)?;
    let cloud = ctx.cloud();
    let all: Vec<Value> = placement::all_classes(&cloud).map(class_document).collect();
    ok(&json!({"resource_classes": all}))
}

/// `POST /resource_classes`
pub(super) async fn create_class(ctx: Ctx, version: Microversion, Wire(body): Wire<Named>) -> Reply {
    version.require(2)?;
    let path = class_path(&body.name);
    let name = body.name.clone();
    let is_new = ctx.transact(move |tx, _| placement::create_class(tx, &name)).await?;
    if !is_new {
        let message = format!("Conflicting resource class already exists: {}", body.name);
        return Err(Error::conflict("placement.undefined_code", message).into());
    }
    made(&ctx, true, &path)
}

/// `GET /resource_classes/{name}`
pub(super) async fn class(ctx: Ctx, version: Microversion, Path(name): Path<String>) -> Reply {
    version.require(2)?;
    if !placement::is_class(&ctx.cloud(), &name) {
        let message = format!("No such resource class: {name}");
        return Err(Error::not_found("placement.undefined_code", message).into());
    }
    ok(&class_document(&name))
}

/// `PUT /resource_classes/{name}`: another name until 1.6; from 1.7 on it makes sure that there is one.
pub(super) async fn put_class(ctx: Ctx, version: Microversion, Path(name): Path<String>, body: Body) -> Reply {
    version.require(2)?;
    if !version.since(7) {
        let new: Named = parse(&collect(body).await?)?;
        let document = class_document(&new.name);
        ctx.transact(move |tx, _| placement::rename_class(tx, &name, &new.name))
            .await?;
        return ok(&document);
    }
    let path = class_path(&name);
    let is_new = ctx.transact(move |tx, _| placement::create_class(tx, &name)).await?;
    made(&ctx, is_new, &path)
}

/// `DELETE /resource_classes/{name}`
pub(super) async fn delete_class(ctx: Ctx, version: Microversion, Path(name): Path<String>) -> Reply {
    version.require(2)?;
    ctx.transact(move |tx, _| placement::delete_class(tx, &name)).await?;
    no_content()
}

/// `GET /traits`
pub(super) async fn traits(ctx: Ctx, version: Microversion, query: Query) -> Reply {
    version.require(6)?;
    let wanted = query.get("name");
    if wanted.is_some_and(|text| !text.starts_with("startswith:") && !text.starts_with("in:")) {
        return Err(bad("Badly formatted name parameter: it is 'in:A,B' or 'startswith:A'.").into());
    }
    let fits = |name: &str| match wanted.and_then(|text| text.split_once(':')) {
        Some(("startswith", start)) => name.starts_with(start),
        Some(("in", names)) => names.split(',').any(|wanted| wanted == name),
        _ => true,
    };
    let associated = match query.get("associated").map(str::to_ascii_lowercase).as_deref() {
        None => None,
        Some("true") => Some(true),
        Some("false") => Some(false),
        Some(other) => {
            let message = format!("The query parameter \"associated\" only accepts \"true\" or \"false\": {other}.");
            return Err(bad(message).into());
        }
    };
    let providers = Providers::all(&ctx);
    let has_somebody = |name: &str| providers.iter().any(|provider| provider.traits.contains(name));
    let cloud = ctx.cloud();
    let names: BTreeSet<&str> = placement::all_traits(&cloud)
        .filter(|name| fits(name) && associated.is_none_or(|wanted| has_somebody(name) == wanted))
        .collect();
    ok(&json!({"traits": names}))
}

/// `GET /traits/{name}`: 204 when there is one.
pub(super) async fn check_trait(ctx: Ctx, version: Microversion, Path(name): Path<String>) -> Reply {
    version.require(6)?;
    if !placement::is_trait(&ctx.cloud(), &name) {
        let message = format!("No such trait(s): {name}.");
        return Err(Error::not_found("placement.undefined_code", message).into());
    }
    no_content()
}

/// `PUT /traits/{name}`
pub(super) async fn put_trait(ctx: Ctx, version: Microversion, Path(name): Path<String>) -> Reply {
    version.require(6)?;
    let path = format!("/placement/traits/{name}");
    let is_new = ctx.transact(move |tx, _| placement::create_trait(tx, &name)).await?;
    made(&ctx, is_new, &path)
}

/// `DELETE /traits/{name}`
pub(super) async fn delete_trait(ctx: Ctx, version: Microversion, Path(name): Path<String>) -> Reply {
    version.require(6)?;
    ctx.transact(move |tx, _| placement::delete_trait(tx, &name)).await?;
    no_content()
}
