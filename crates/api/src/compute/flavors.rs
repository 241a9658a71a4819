//! Flavors, their extra specs and who may use one that is not public.

use std::sync::Arc;

use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use model::compute::Flavor;
use model::compute::flavor::{self, NewFlavor, PublicAccess};
use model::{Error, FlavorId, ProjectId, Result};
use serde_json::{Map, Value, json};

use super::body::{Field, Object, TEXT_LIMIT, field, missing, truth_of, wrong};
use super::microversion::Microversion;
use super::paging::{Page, check_query};
use super::{extra_specs, link, links};
use crate::context::Ctx;
use crate::extract::Wire;
use crate::query::Query;
use crate::reply::{Reply, json as reply};

const CREATE: &[Field] = &[
    field("name"),
    field("id"),
    field("ram"),
    field("vcpus"),
    field("disk"),
    field("OS-FLV-EXT-DATA:ephemeral"),
    field("swap"),
    field("rxtx_factor").until(101),
    field("os-flavor-access:is_public"),
    field("description").since(55),
];

const LIST_QUERY: &[&str] = &[
    "limit",
    "marker",
    "is_public",
    "minRam",
    "minDisk",
    "sort_key",
    "sort_dir",
];

/// The filter that came with 2.102.
const NAME: &str = "name";

/// Sizes are 32-bit numbers in Nova.
const MAX: u64 = 0x7fff_ffff;

/// A flavor as it is shown whole.
fn view(ctx: &Ctx, version: Microversion, flavor: &Flavor) -> Value {
    let swap = match flavor.swap_mib {
        0 if !version.since(75) => json!(""),
        mib => json!(mib),
    };
    let mut body = json!({
        "id": flavor.id,
        "name": flavor.name,
        "ram": flavor.memory_mib,
        "disk": flavor.root_gib,
        "vcpus": flavor.vcpus,
        "swap": swap,
        "OS-FLV-EXT-DATA:ephemeral": flavor.ephemeral_gib,
        "os-flavor-access:is_public": flavor.is_public,
        "links": links(ctx, "flavors", flavor.id.as_str()),
    });
    if !version.since(102) {
        body["OS-FLV-DISABLED:disabled"] = json!(false);
        body["rxtx_factor"] = json!(f64::from(flavor.rxtx_factor_thousandths) / 1000.0);
    }
    if version.since(55) {
        body["description"] = json!(flavor.description);
    }
    if version.since(61) {
        body["extra_specs"] = json!(flavor.extra_specs);
    }
    body
}

fn brief(ctx: &Ctx, version: Microversion, flavor: &Flavor) -> Value {
    let mut body = json!({
        "id": flavor.id,
        "name": flavor.name,
        "links": links(ctx, "flavors", flavor.id.as_str()),
    });
    if version.since(55) {
        body["description"] = json!(flavor.description);
    }
    body
}

/// `GET /flavors`.
pub(super) async fn list(ctx: Ctx, version: Microversion, query: Query) -> Reply {
    answer_list(&ctx, version, &query, "flavors", brief)
}

/// `GET /flavors/detail`.
pub(super) async fn list_detail(ctx: Ctx, version: Microversion, query: Query) -> Reply {
    answer_list(&ctx, version, &query, "flavors/detail", view)
}

fn answer_list(
    ctx: &Ctx,
    version: Microversion,
    query: &Query,
    path: &str,
    view: fn(&Ctx, Microversion, &Flavor) -> Value,
) -> Reply {
    let known = [LIST_QUERY, &[NAME]].concat();
    let known = if version.since(102) { &known } else { LIST_QUERY };
    check_query(query, known, version, 75)?;
    let page = Page::read(query)?.cut(select(ctx, version, query)?, |flavor| flavor.id.to_string())?;
    let flavors: Vec<Value> = page.items.iter().map(|flavor| view(ctx, version, flavor)).collect();
    let mut body = json!({"flavors": flavors});
    page.add_links(&mut body, "flavors", &link(ctx, path), query);
    reply(&body)
}

/// The flavors that the caller and the query want, sorted.
fn select(ctx: &Ctx, version: Microversion, query: &Query) -> Result<Vec<Arc<Flavor>>> {
    let actor = ctx.actor();
    // Only an administrator may ask for other than public flavors; their own project's are among them anyway.
    let is_public = match query.get("is_public") {
        _ if !actor.is_admin() => Some(true),
        None => Some(true),
        Some(text) if text.eq_ignore_ascii_case("none") => None,
        Some(text) => Some(
            truth_of(text)
                .ok_or_else(|| Error::invalid("HTTPBadRequest", format!("Invalid is_public filter [{text}]")))?,
        ),
    };
    let min_ram = at_least(query, "minRam")?;
    let min_disk = at_least(query, "minDisk")?;
    let name = query.get(NAME).filter(|_| version.since(102));
    let is_wanted = |flavor: &&Arc<Flavor>| {
        let has_access = actor
            .project_id()
            .is_some_and(|project| flavor.access.contains(project));
        let shown = match is_public {
            None => true,
            Some(true) => flavor.is_public || has_access,
            Some(false) => !flavor.is_public,
        };
        shown
            && name.is_none_or(|name| flavor.name == name)
            && flavor.memory_mib >= min_ram
            && flavor.root_gib >= min_disk
    };
    let mut flavors: Vec<Arc<Flavor>> = ctx.cloud().flavors.iter().filter(is_wanted).cloned().collect();
    sort(&mut flavors, version, query)?;
    Ok(flavors)
}

fn at_least(query: &Query, name: &str) -> Result<u64> {
    query.get(name).map_or(Ok(0), |text| {
        text.parse()
            .map_err(|_| Error::invalid("HTTPBadRequest", format!("Invalid {name} filter [{text}]")))
    })
}

fn sort(flavors: &mut [Arc<Flavor>], version: Microversion, query: &Query) -> Result<()> {
    let key = query.get("sort_key").unwrap_or("flavorid");
    match key {
        "flavorid" | "id" => flavors.sort_by(|a, b| a.id.cmp(&b.id)),
        "name" => flavors.sort_by(|a, b| a.name.cmp(&b.name)),
        "memory_mb" => flavors.sort_by_key(|flavor| flavor.memory_mib),
        "vcpus" => flavors.sort_by_key(|flavor| flavor.vcpus),
        "root_gb" => flavors.sort_by_key(|flavor| flavor.root_gib),
        "ephemeral_gb" => flavors.sort_by_key(|flavor| flavor.ephemeral_gib),
        "swap" => flavors.sort_by_key(|flavor| flavor.swap_mib),
        "is_public" => flavors.sort_by_key(|flavor| flavor.is_public),
        "rxtx_factor" if !version.since(102) => flavors.sort_by_key(|flavor| flavor.rxtx_factor_thousandths),
        "description" => flavors.sort_by(|a, b| a.description.cmp(&b.description)),
        "created_at" | "updated_at" | "disabled" | "vcpu_weight" => {}
        _ => {
            return Err(wrong("sort_key", &json!(key), "Flavors can't be sorted by it."));
        }
    }
    match query.get("sort_dir") {
        None | Some("asc") => {}
        Some("desc") => flavors.reverse(),
        Some(other) => return Err(wrong("sort_dir", &json!(other), "It is neither 'asc' nor 'desc'.")),
    }
    Ok(())
}

/// `GET /flavors/{id}`.
pub(super) async fn show(ctx: Ctx, version: Microversion, Path(id): Path<FlavorId>) -> Reply {
    let flavor = flavor::get_visible(&ctx.cloud(), ctx.actor(), &id)?;
    reply(&json!({"flavor": view(&ctx, version, &flavor)}))
}

/// `POST /flavors`.
pub(super) async fn create(ctx: Ctx, version: Microversion, Wire(body): Wire<Map<String, Value>>) -> Reply {
    let new = read_new(&body, version)?;
    let flavor = ctx.transact(move |tx, _| flavor::create(tx, new)).await?;
    reply(&json!({"flavor": view(&ctx, version, &flavor)}))
}

fn read_new(body: &Map<String, Value>, version: Microversion) -> Result<NewFlavor> {
    let body = Object::only_member(body, "flavor")?.allow(CREATE, version)?;
    let number = |name: &str, least: u64| body.integer(name, least..=MAX);
    let required = |name: &'static str, least| number(name, least)?.ok_or_else(|| missing(name));
    let vcpus = required("vcpus", 1)?;
    Ok(NewFlavor {
        id: read_id(body)?,
        name: body.required_name("name")?.to_owned(),
        description: description(body)?,
        vcpus: u32::try_from(vcpus).map_err(|_| wrong("vcpus", &json!(vcpus), "It is too large."))?,
        memory_mib: required("ram", 1)?,
        root_gib: required("disk", 0)?,
        ephemeral_gib: number("OS-FLV-EXT-DATA:ephemeral", 0)?.unwrap_or(0),
        swap_mib: number("swap", 0)?.unwrap_or(0),
        rxtx_factor_thousandths: read_rxtx(body)?,
        is_public: body.boolean("os-flavor-access:is_public")?.unwrap_or(true),
    })
}

/// The id, which may be any short text; `auto` and null ask for a fresh one.
fn read_id(body: Object<'_>) -> Result<Option<FlavorId>> {
    let Some(value) = body.value("id") else { return Ok(None) };
    let text = match value {
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.clone(),
        _ => return Err(wrong("id", value, "It is not of type 'string'.")),
    };
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ' ');
    if text.is_empty() || text.len() > TEXT_LIMIT || text.trim() != text || !text.chars().all(is_plain) {
        return Err(wrong(
            "id",
            value,
            "It is 1 to 255 letters, digits, '.', '-', '_' and spaces, with none at its ends.",
        ));
    }
    Ok((text != "auto").then(|| FlavorId::from(text)))
}

fn read_rxtx(body: Object<'_>) -> Result<u32> {
    let Some(value) = body.value("rxtx_factor") else {
        return Ok(1000);
    };
    let factor = value
        .as_f64()
        .or_else(|| value.as_str().and_then(|text| text.parse().ok()));
    match factor {
        // Rounded to thousandths: the whole part of what fits.
        Some(factor) if factor > 0.0 && factor <= 1_000_000.0 => Ok((factor * 1000.0).round() as u32),
        _ => Err(wrong("rxtx_factor", value, "It is not a number above 0.")),
    }
}

fn description(body: Object<'_>) -> Result<Option<String>> {
    Ok(body.text("description", 0..=65_535)?.map(str::to_owned))
}

/// `PUT /flavors/{id}`: only the description can be changed.
pub(super) async fn update(
    ctx: Ctx,
    version: Microversion,
    Path(id): Path<FlavorId>,
    Wire(body): Wire<Map<String, Value>>,
) -> Reply {
    version.require(55)?;
    let body = Object::only_member(&body, "flavor")?.allow(&[field("description")], version)?;
    if !body.has("description") {
        return Err(missing("description").into());
    }
    let description = description(body)?;
    let flavor = ctx
        .transact(move |tx, _| flavor::set_description(tx, &id, description))
        .await?;
    reply(&json!({"flavor": view(&ctx, version, &flavor)}))
}

/// `DELETE /flavors/{id}`.
pub(super) async fn delete(ctx: Ctx, Path(id): Path<FlavorId>) -> Reply {
    ctx.transact(move |tx, _| flavor::delete(tx, &id)).await?;
    Ok(StatusCode::ACCEPTED.into_response())
}

/// `GET /flavors/{id}/os-extra_specs`.
pub(super) async fn list_specs(ctx: Ctx, Path(id): Path<FlavorId>) -> Reply {
    let flavor = flavor::get_visible(&ctx.cloud(), ctx.actor(), &id)?;
    reply(&json!({"extra_specs": flavor.extra_specs}))
}

/// `POST /flavors/{id}/os-extra_specs`.
pub(super) async fn add_specs(
    ctx: Ctx,
    version: Microversion,
    Path(id): Path<FlavorId>,
    Wire(body): Wire<Map<String, Value>>,
) -> Reply {
    let specs = read_specs(Object::only_member(&body, "extra_specs")?, version)?;
    let answer = json!({"extra_specs": specs.iter().cloned().collect::<std::collections::BTreeMap<_, _>>()});
    ctx.transact(move |tx, _| flavor::set_extra_specs(tx, &id, specs))
        .await?;
    reply(&answer)
}

/// `GET /flavors/{id}/os-extra_specs/{key}`.
pub(super) async fn show_spec(ctx: Ctx, Path((id, key)): Path<(FlavorId, String)>) -> Reply {
    let flavor = flavor::get_visible(&ctx.cloud(), ctx.actor(), &id)?;
    let value = flavor
        .extra_specs
        .get(&key)
        .ok_or_else(|| flavor::extra_spec_not_found(&id, &key))?;
    reply(&json!({ key: value }))
}

/// `PUT /flavors/{id}/os-extra_specs/{key}`.
pub(super) async fn set_spec(
    ctx: Ctx,
    version: Microversion,
    Path((id, key)): Path<(FlavorId, String)>,
    Wire(body): Wire<Map<String, Value>>,
) -> Reply {
    if body.len() != 1 || !body.contains_key(&key) {
        return Err(Error::invalid("HTTPBadRequest", "Request body and URI mismatch").into());
    }
    let specs = read_specs(Object::new(&body), version)?;
    ctx.transact(move |tx, _| flavor::set_extra_specs(tx, &id, specs))
        .await?;
    reply(&body)
}

/// `DELETE /flavors/{id}/os-extra_specs/{key}`.
pub(super) async fn delete_spec(ctx: Ctx, Path((id, key)): Path<(FlavorId, String)>) -> Reply {
    ctx.transact(move |tx, _| flavor::delete_extra_spec(tx, &id, &key))
        .await?;
    Ok(StatusCode::OK.into_response())
}

/// Keys of letters, digits, space and `-_.:`; values text or numbers, from 2.86 on what Nova's own names take.
fn read_specs(body: Object<'_>, version: Microversion) -> Result<Vec<(String, String)>> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, ' ' | '-' | '_' | '.' | ':');
    let specs = body.iter().map(|(key, value)| {
        if key.is_empty() || key.len() > TEXT_LIMIT || !key.chars().all(is_plain) {
            return Err(wrong(
                key,
                value,
                "A key is 1 to 255 letters, digits, spaces and '-_.:'.",
            ));
        }
        let text = match value {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            _ => return Err(wrong(key, value, "It is neither text nor a number.")),
        };
        if text.chars().count() > TEXT_LIMIT {
            return Err(wrong(key, value, "It is too long."));
        }
        if version.since(86) {
            extra_specs::check(key, &text)?;
        }
        Ok((key.to_owned(), text))
    });
    specs.collect()
}

/// `GET /flavors/{id}/os-flavor-access`.
pub(super) async fn list_access(ctx: Ctx, Path(id): Path<FlavorId>) -> Reply {
    let flavor = flavor::get_visible(&ctx.cloud(), ctx.actor(), &id)?;
    if flavor.is_public {
        return Err(Error::not_found("HTTPNotFound", "Access list not available for public flavors.").into());
    }
    reply(&access(&flavor))
}

fn access(flavor: &Flavor) -> Value {
    let entries: Vec<Value> = flavor
        .access
        .iter()
        .map(|project| json!({"flavor_id": flavor.id, "tenant_id": project}))
        .collect();
    json!({"flavor_access": entries})
}

/// `POST /flavors/{id}/action`.
pub(super) async fn act(
    ctx: Ctx,
    version: Microversion,
    Path(id): Path<FlavorId>,
    Wire(body): Wire<Map<String, Value>>,
) -> Reply {
    let (action, is_addition) = match body.keys().next().map(String::as_str) {
        Some(name @ "addTenantAccess") => (name, true),
        Some(name @ "removeTenantAccess") => (name, false),
        _ => return Err(super::no_such_action(&body).into()),
    };
    let body = Object::only_member(&body, action)?.allow(&[field("tenant")], version)?;
    let tenant = body.text("tenant", 1..=TEXT_LIMIT)?.ok_or_else(|| missing("tenant"))?;
    let project = ProjectId::from(tenant);
    let public = if version.since(7) {
        PublicAccess::Refused
    } else {
        PublicAccess::Ignored
    };
    let flavor = ctx
        .transact(move |tx, _| {
            if is_addition {
                flavor::add_access(tx, &id, &project, public)
            } else {
                flavor::remove_access(tx, &id, &project)
            }
        })
        .await?;
    reply(&access(&flavor))
}
