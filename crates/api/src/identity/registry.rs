//! `/v3/regions`, `/v3/services` and `/v3/endpoints`: the catalog, piece by piece.

use axum::extract::Path;
use model::Result;
use model::identity::{
    self, CatalogService, Endpoint, EndpointFields, Interface, Region, RegionFields, ServiceFields, policy,
};
use serde_json::{Map, Value, json};

use super::catalog::Own;
use super::fields::Fields;
use super::list::List;
use crate::context::Ctx;
use crate::extract::Wire;
use crate::reply::{Reply, created, json as document, no_content};

pub(super) fn own(ctx: &Ctx) -> Own {
    Own::new(ctx.base_url(), &ctx.app().endpoints.region)
}

fn with_extra(extra: &std::collections::BTreeMap<String, Value>, own: Value) -> Value {
    let mut all: Map<String, Value> = extra.iter().map(|(k, v)| (k.clone(), v.clone())).collect();
    if let Value::Object(own) = own {
        all.extend(own);
    }
    Value::Object(all)
}

fn render_region(row: &Region, base_url: &str) -> Value {
    let own = json!({
        "id": row.id,
        "description": row.description,
        "parent_region_id": row.parent_region_id,
        "links": {"self": format!("{base_url}/identity/v3/regions/{}", row.id)},
    });
    with_extra(&row.extra, own)
}

fn render_service(row: &CatalogService, base_url: &str) -> Value {
    let mut own = json!({
        "id": row.id,
        "type": row.kind,
        "name": row.name,
        "enabled": row.enabled,
        "links": {"self": format!("{base_url}/identity/v3/services/{}", row.id)},
    });
    if let Some(description) = &row.description {
        own["description"] = description.clone().into();
    }
    with_extra(&row.extra, own)
}

pub(super) fn render_endpoint(row: &Endpoint, base_url: &str) -> Value {
    let own = json!({
        "id": row.id,
        "service_id": row.service_id,
        "interface": row.interface.as_str(),
        "url": row.url,
        "region": row.region_id,
        "region_id": row.region_id,
        "enabled": row.enabled,
        "links": {"self": format!("{base_url}/identity/v3/endpoints/{}", row.id)},
    });
    with_extra(&row.extra, own)
}

fn parse_region(fields: &Fields<'_>) -> Result<RegionFields> {
    Ok(RegionFields {
        id: fields.text("id")?.map(str::to_owned),
        description: fields.nullable_text("description")?.map(Option::unwrap_or_default),
        parent_region_id: fields.nullable_text("parent_region_id")?,
        extra: fields.others(&["id", "description", "parent_region_id", "links"]),
    })
}

pub(super) async fn list_regions(ctx: Ctx, list: List) -> Reply {
    let cloud = ctx.cloud();
    let mut rows: Vec<Region> = cloud.regions.iter().map(|row| Region::clone(row)).collect();
    rows.push(own(&ctx).region());
    rows.sort_by(|a, b| a.id.cmp(&b.id));
    let rows = rows
        .into_iter()
        .filter(|row| list.text("parent_region_id", row.parent_region_id.as_deref()));
    list.page(
        &ctx,
        "regions",
        rows,
        |row| row.id.as_str(),
        |row| render_region(row, ctx.base_url()),
    )
}

pub(super) async fn show_region(ctx: Ctx, Path(id): Path<String>) -> Reply {
    let own = own(&ctx).region();
    let row = if own.id == id {
        own
    } else {
        Region::clone(&*ctx.cloud().get::<Region>(&id)?)
    };
    document(&json!({"region": render_region(&row, ctx.base_url())}))
}

pub(super) async fn create_region(ctx: Ctx, Wire(body): Wire<Value>) -> Reply {
    let fields = parse_region(&Fields::of(&body, "region")?)?;
    make_region(&ctx, fields).await
}

/// `PUT /v3/regions/{id}`: a region with an id of one's own.
pub(super) async fn put_region(ctx: Ctx, Path(id): Path<String>, Wire(body): Wire<Value>) -> Reply {
    let mut fields = parse_region(&Fields::of(&body, "region")?)?;
    fields.id = Some(id);
    make_region(&ctx, fields).await
}

async fn make_region(ctx: &Ctx, fields: RegionFields) -> Reply {
    let own = own(ctx);
    let row = ctx
        .transact(move |tx, actor| identity::create_region(tx, actor, &own, fields))
        .await?;
    created(&json!({"region": render_region(&row, ctx.base_url())}))
}

pub(super) async fn update_region(ctx: Ctx, Path(id): Path<String>, Wire(body): Wire<Value>) -> Reply {
    let fields = parse_region(&Fields::of(&body, "region")?)?;
    let own = own(&ctx);
    let row = ctx
        .transact(move |tx, actor| identity::update_region(tx, actor, &own, &id, fields))
        .await?;
    document(&json!({"region": render_region(&row, ctx.base_url())}))
}

pub(super) async fn delete_region(ctx: Ctx, Path(id): Path<String>) -> Reply {
    let own = own(&ctx);
    ctx.transact(move |tx, actor| identity::delete_region(tx, actor, &own, &id))
        .await?;
    no_content()
}

fn parse_service(fields: &Fields<'_>) -> Result<ServiceFields> {
    Ok(ServiceFields {
        kind: fields.text("type")?.map(str::to_owned),
        name: fields.nullable_text("name")?.map(Option::unwrap_or_default),
        description: fields.nullable_text("description")?,
        enabled: fields.boolean("enabled")?,
        extra: fields.others(&["id", "type", "name", "description", "enabled", "links"]),
    })
}

pub(super) async fn list_services(ctx: Ctx, list: List) -> Reply {
    policy::require_read(ctx.actor(), None, "identity:list_services")?;
    let cloud = ctx.cloud();
    let stored = cloud.catalog_services.iter().map(|row| CatalogService::clone(row));
    let mut rows: Vec<CatalogService> = own(&ctx).services().chain(stored).collect();
    rows.sort_by(|a, b| a.id.cmp(&b.id));
    let rows = rows
        .into_iter()
        .filter(|row| list.text("name", Some(&row.name)) && list.text("type", Some(&row.kind)));
    list.page(
        &ctx,
        "services",
        rows,
        |row| row.id.as_str(),
        |row| render_service(row, ctx.base_url()),
    )
}

pub(super) async fn show_service(ctx: Ctx, Path(id): Path<String>) -> Reply {
    policy::require_read(ctx.actor(), None, "identity:get_service")?;
    let row = match own(&ctx).services().find(|row| row.id == id) {
        Some(row) => row,
        None => CatalogService::clone(&*ctx.cloud().get::<CatalogService>(&id)?),
    };
    document(&json!({"service": render_service(&row, ctx.base_url())}))
}

pub(super) async fn create_service(ctx: Ctx, Wire(body): Wire<Value>) -> Reply {
    let fields = Fields::of(&body, "service")?;
    fields.required_text("type")?;
    let fields = parse_service(&fields)?;
    let row = ctx
        .transact(move |tx, actor| identity::create_service(tx, actor, fields))
        .await?;
    created(&json!({"service": render_service(&row, ctx.base_url())}))
}

pub(super) async fn update_service(ctx: Ctx, Path(id): Path<String>, Wire(body): Wire<Value>) -> Reply {
    let fields = parse_service(&Fields::of(&body, "service")?)?;
    let own = own(&ctx);
    let row = ctx
        .transact(move |tx, actor| identity::update_service(tx, actor, &own, &id, fields))
        .await?;
    document(&json!({"service": render_service(&row, ctx.base_url())}))
}

pub(super) async fn delete_service(ctx: Ctx, Path(id): Path<String>) -> Reply {
    let own = own(&ctx);
    ctx.transact(move |tx, actor| identity::delete_service(tx, actor, &own, &id))
        .await?;
    no_content()
}

fn parse_endpoint(fields: &Fields<'_>) -> Result<EndpointFields> {
    let interface = match fields.text("interface")? {
        None => None,
        Some(word) => Some(
            Interface::ALL
                .into_iter()
                .find(|interface| interface.as_str() == word)
                .ok_or_else(|| fields.invalid("interface", "it is one of public, internal and admin"))?,
        ),
    };
    Ok(EndpointFields {
        service_id: fields.text("service_id")?.map(str::to_owned),
        interface,
        url: fields.text("url")?.map(str::to_owned),
        region_id: fields.nullable_text("region_id")?,
        region: fields.text("region")?.map(str::to_owned),
        enabled: fields.boolean("enabled")?,
        extra: fields.others(&[
            "id",
            "service_id",
            "interface",
            "url",
            "region_id",
            "region",
            "enabled",
            "links",
        ]),
    })
}

pub(super) async fn list_endpoints(ctx: Ctx, list: List) -> Reply {
    policy::require_read(ctx.actor(), None, "identity:list_endpoints")?;
    let (cloud, own) = (ctx.cloud(), own(&ctx));
    let stored = cloud.endpoints.iter().map(|row| Endpoint::clone(row));
    let mut rows: Vec<Endpoint> = own.endpoints().chain(stored).collect();
    rows.sort_by(|a, b| a.id.cmp(&b.id));
    let rows = rows.into_iter().filter(|row| {
        list.text("interface", Some(row.interface.as_str()))
            && list.text("service_id", Some(&row.service_id))
            && list.text("region_id", row.region_id.as_deref())
    });
    list.page(
        &ctx,
        "endpoints",
        rows,
        |row| row.id.as_str(),
        |row| render_endpoint(row, ctx.base_url()),
    )
}

pub(super) async fn show_endpoint(ctx: Ctx, Path(id): Path<String>) -> Reply {
    policy::require_read(ctx.actor(), None, "identity:get_endpoint")?;
    let found = own(&ctx).endpoints().find(|row| row.id == id);
    let row = match found {
        Some(row) => row,
        None => Endpoint::clone(&*ctx.cloud().get::<Endpoint>(&id)?),
    };
    document(&json!({"endpoint": render_endpoint(&row, ctx.base_url())}))
}

pub(super) async fn create_endpoint(ctx: Ctx, Wire(body): Wire<Value>) -> Reply {
    let fields = Fields::of(&body, "endpoint")?;
    for name in ["interface", "service_id", "url"] {
        fields.required_text(name)?;
    }
    let fields = parse_endpoint(&fields)?;
    let own = own(&ctx);
    let row = ctx
        .transact(move |tx, actor| identity::create_endpoint(tx, actor, &own, fields))
        .await?;
    created(&json!({"endpoint": render_endpoint(&row, ctx.base_url())}))
}

pub(super) async fn update_endpoint(ctx: Ctx, Path(id): Path<String>, Wire(body): Wire<Value>) -> Reply {
    let fields = parse_endpoint(&Fields::of(&body, "endpoint")?)?;
    let own = own(&ctx);
    let row = ctx
        .transact(move |tx, actor| identity::update_endpoint(tx, actor, &own, &id, fields))
        .await?;
    document(&json!({"endpoint": render_endpoint(&row, ctx.base_url())}))
}

pub(super) async fn delete_endpoint(ctx: Ctx, Path(id): Path<String>) -> Reply {
    let own = own(&ctx);
    ctx.transact(move |tx, actor| identity::delete_endpoint(tx, actor, &own, &id))
        .await?;
    no_content()
}
