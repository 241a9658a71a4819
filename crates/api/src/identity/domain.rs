//! `/v3/domains`.

use axum::extract::Path;
use model::identity::{self, DomainFields, policy};
use model::{DomainId, Result, Scope};
use serde_json::{Value, json};

use super::fields::Fields;
use super::list::List;
use super::render;
use crate::context::Ctx;
use crate::extract::Wire;
use crate::reply::{Reply, created, json as document, no_content};

pub(super) fn parse(fields: &Fields<'_>) -> Result<DomainFields> {
    Ok(DomainFields {
        name: fields.text("name")?.map(str::to_owned),
        description: fields.nullable_text("description")?.map(Option::unwrap_or_default),
        enabled: fields.boolean("enabled")?,
        tags: fields
            .texts("tags")?
            .map(|tags| tags.into_iter().map(str::to_owned).collect()),
        extra: fields.others(&[
            "id",
            "name",
            "description",
            "enabled",
            "tags",
            "options",
            "links",
            "is_domain",
            "domain_id",
            "parent_id",
        ]),
    })
}

pub(super) async fn list(ctx: Ctx, list: List) -> Reply {
    let cloud = ctx.cloud();
    let own = match &ctx.actor().scope {
        Scope::Domain { id } if !ctx.actor().is_admin() => Some(id.clone()),
        _ => None,
    };
    policy::require_read(ctx.actor(), own.as_ref(), "identity:list_domains")?;
    let rows = cloud.domains.iter().filter(|domain| {
        own.as_ref().is_none_or(|id| *id == domain.id)
            && list.text("name", Some(&domain.name))
            && list.flag("enabled", domain.enabled)
    });
    list.page(
        &ctx,
        "domains",
        rows,
        |d| d.id.as_str(),
        |d| render::domain(d, ctx.base_url()),
    )
}

pub(super) async fn show(ctx: Ctx, Path(id): Path<String>) -> Reply {
    let domain = identity::show_domain(&ctx.cloud(), ctx.actor(), &id.into())?;
    document(&json!({"domain": render::domain(&domain, ctx.base_url())}))
}

pub(super) async fn create(ctx: Ctx, Wire(body): Wire<Value>) -> Reply {
    let fields = Fields::of(&body, "domain")?;
    fields.required_text("name")?;
    let fields = parse(&fields)?;
    let domain = ctx
        .transact(move |tx, actor| identity::create_domain(tx, actor, fields))
        .await?;
    created(&json!({"domain": render::domain(&domain, ctx.base_url())}))
}

pub(super) async fn update(ctx: Ctx, Path(id): Path<String>, Wire(body): Wire<Value>) -> Reply {
    let fields = parse(&Fields::of(&body, "domain")?)?;
    let id = DomainId::from(id);
    let domain = ctx
        .transact(move |tx, actor| identity::update_domain(tx, actor, &id, fields))
        .await?;
    document(&json!({"domain": render::domain(&domain, ctx.base_url())}))
}

pub(super) async fn delete(ctx: Ctx, Path(id): Path<String>) -> Reply {
    let id = DomainId::from(id);
    super::delete_in_steps(&ctx, move |tx, actor| identity::delete_domain(tx, actor, &id)).await?;
    no_content()
}
