//! What all collections have in common: list, show, create (one or many), change, delete, and tags.

use std::collections::BTreeSet;
use std::future::Future;
use std::str::FromStr;
use std::sync::Arc;

use axum::extract::Path;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use model::network::access::{check_revision, get_visible};
use model::network::{Resource, tag};
use model::{Actor, Cloud, Error, Result, Tx};
use serde_json::{Map, Value, json};

use super::attributes::{self, Attrs, bad_request};
use super::filter::Filters;
use super::page::{Page, compare};
use super::view::{JsonSink, PickSink, View, ViewCx};
use crate::access::Access::{self, Member, Reader};
use crate::context::Ctx;
use crate::extract::Wire;
use crate::fault::Fault;
use crate::query::Query;
use crate::reply::{Reply, json as document, no_content, status};
use crate::routes::Routes;

/// A resource with the usual routes.
pub(super) trait Collection: Resource<Id: FromStr> + View {
    /// Its plural in bodies (`security_groups`).
    const PLURAL: &'static str;
    /// Its plural in paths (`security-groups`).
    const PATH: &'static str;
    /// Who may try to make, change and remove one; whether it is theirs to is the rule's to say.
    const WRITE: Access = Member;
    /// Every attribute it tells: what lists can be filtered and sorted by.
    const ATTRIBUTES: &'static [&'static str];
    /// What its rules want to make one.
    type New: Send + 'static;
    /// What its rules want to change one.
    type Change: Send + 'static;

    /// Reads a POST's attributes.
    fn read_new(attrs: &mut Attrs, ctx: &Ctx) -> Result<Self::New>;
    /// Reads a PUT's attributes.
    fn read_change(attrs: &mut Attrs, ctx: &Ctx) -> Result<Self::Change>;
    /// Makes them, all or none.
    fn create(tx: &mut Tx<'_>, actor: &Actor, new: Vec<Self::New>) -> Result<Vec<Arc<Self>>>;
    /// Changes one.
    fn update(tx: &mut Tx<'_>, actor: &Actor, id: &Self::Id, change: Self::Change) -> Result<Arc<Self>>;
    /// Removes one.
    fn delete(tx: &mut Tx<'_>, actor: &Actor, id: &Self::Id) -> Result<()>;

    /// Rows that the filters leave, found by a look-up instead of a walk; `None`: all have to be looked at.
    fn look_up<'a>(_cloud: &'a Cloud, _filters: &Filters) -> Option<Vec<&'a Arc<Self>>> {
        None
    }
    /// Work on many rows that a new one brings with it, in transactions of its own.
    fn after_create(_ctx: &Ctx, rows: Vec<Arc<Self>>) -> impl Future<Output = Result<Vec<Arc<Self>>>> + Send {
        async { Ok(rows) }
    }
    /// Work on many rows before one can go, in transactions of its own.
    fn before_delete(_ctx: &Ctx, _id: &Self::Id) -> impl Future<Output = Result<()>> + Send {
        async { Ok(()) }
    }
    /// What must be there before a list is shown.
    fn before_list(_ctx: &Ctx, _filters: &Filters) -> impl Future<Output = Result<()>> + Send {
        async { Ok(()) }
    }
}

/// Adds a collection's routes.
pub(super) fn routes<R: Collection>(routes: Routes) -> Routes {
    let one = format!("/v2.0/{}/{{id}}", R::PATH);
    tag_routes::<R>(untagged_routes::<R>(routes), &one)
}

/// Adds the routes of a collection whose members have no tags.
pub(super) fn untagged_routes<R: Collection>(routes: Routes) -> Routes {
    let all = format!("/v2.0/{}", R::PATH);
    let one = format!("{all}/{{id}}");
    routes
        .get(&all, Reader, list::<R>)
        .post(&all, R::WRITE, create::<R>)
        .get(&one, Reader, show::<R>)
        .put(&one, R::WRITE, update::<R>)
        .delete(&one, R::WRITE, delete::<R>)
}

/// Adds the routes of the tags of a resource that is at `one`.
pub(super) fn tag_routes<R: Collection>(routes: Routes, one: &str) -> Routes {
    let tags = format!("{one}/tags");
    let tag = format!("{tags}/{{tag}}");
    routes
        .get(&tags, Reader, show_tags::<R>)
        .put(&tags, Member, replace_tags::<R>)
        .post(&tags, Member, add_tags::<R>)
        .delete(&tags, Member, clear_tags::<R>)
        .get(&tag, Reader, has_tag::<R>)
        .put(&tag, Member, add_tag::<R>)
        .delete(&tag, Member, remove_tag::<R>)
}

/// The id in a path. A name in its place is an id that is not there: clients then look for the name.
pub(super) fn parse_id<R: Resource<Id: FromStr>>(text: &str) -> Result<R::Id> {
    const NIL: &str = "00000000-0000-0000-0000-000000000000";
    text.parse().map_err(|_| {
        let nil = NIL.parse::<R::Id>();
        let mut error = match nil {
            Ok(nil) => R::not_found(&nil),
            Err(_) => Error::not_found("HTTPNotFound", format!("{NIL} could not be found.")),
        };
        let shown: String = text.chars().take(300).collect();
        error.message = error.message.replace(NIL, &shown);
        error
    })
}

/// `If-Match: revision_number=N`.
pub(super) fn expected_revision(headers: &HeaderMap) -> Result<Option<u64>> {
    let Some(value) = headers.get("if-match").and_then(|value| value.to_str().ok()) else {
        return Ok(None);
    };
    let number = value
        .trim()
        .trim_matches('"')
        .strip_prefix("revision_number=")
        .and_then(|number| number.parse::<i64>().ok());
    // No resource ever has a negative number: such a condition just never holds.
    number
        .map(|number| Some(u64::try_from(number).unwrap_or(u64::MAX)))
        .ok_or_else(|| bad_request("'If-Match' must be 'revision_number=N' with the number as it was shown".to_owned()))
}

/// The object under a resource's name in a body.
pub(super) fn body_object(body: Value, name: &str) -> Result<Map<String, Value>> {
    let Value::Object(mut body) = body else {
        return Err(bad_request("Resource body required".to_owned()));
    };
    match body.remove(name) {
        Some(Value::Object(map)) => Ok(map),
        _ => Err(bad_request(format!("Unable to find '{name}' in request body"))),
    }
}

/// GET of all.
async fn list<R: Collection>(ctx: Ctx, query: Query) -> Reply {
    let filters = Filters::new(&query, R::ATTRIBUTES)?;
    R::before_list(&ctx, &filters).await?;
    let cloud = ctx.cloud();
    let found = by_id::<R>(&cloud, &filters).or_else(|| R::look_up(&cloud, &filters));
    let listing = Listing {
        plural: R::PLURAL,
        path: R::PATH.to_owned(),
        attributes: R::ATTRIBUTES,
    };
    listing.answer(&ctx, &cloud, &query, &filters, found)
}

/// The rows that an `id` filter names.
fn by_id<'a, R: Collection>(cloud: &'a Cloud, filters: &Filters) -> Option<Vec<&'a Arc<R>>> {
    let ids = filters.values("id")?;
    let ids: BTreeSet<R::Id> = ids.iter().filter_map(|id| id.parse().ok()).collect();
    Some(ids.iter().filter_map(|id| cloud.find::<R>(id)).collect())
}

/// How a list is told.
pub(super) struct Listing {
    /// The plural in bodies.
    pub(super) plural: &'static str,
    /// The path below `/v2.0`, for links to other pages.
    pub(super) path: String,
    /// What can be filtered and sorted by.
    pub(super) attributes: &'static [&'static str],
}

impl Listing {
    /// Answers with the rows that were found (`None`: all there are) as far as filters and page let them through.
    pub(super) fn answer<R: Resource + View>(
        &self,
        ctx: &Ctx,
        cloud: &Cloud,
        query: &Query,
        filters: &Filters,
        found: Option<Vec<&Arc<R>>>,
    ) -> Reply {
        let page = Page::new(query, self.attributes)?;
        let cx = ViewCx::new(ctx, cloud);
        let rows = select::<R>(&cx, filters, &page, found);
        let rows = page.cut(rows, |row| row.id().to_string())?;
        let fields: Vec<&str> = query.all("fields").filter(|field| !field.is_empty()).collect();
        let mut out = Vec::with_capacity(64 + rows.len() * 1024);
        out.extend_from_slice(b"{\"");
        out.extend_from_slice(self.plural.as_bytes());
        out.extend_from_slice(b"\":[");
        for (index, row) in rows.iter().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            JsonSink::object(&mut out, &fields, &***row, &cx);
        }
        out.push(b']');
        let url = format!("{}/networking/v2.0/{}", ctx.base_url(), self.path);
        let edge = |row: Option<&&Arc<R>>| row.map(|row| row.id().to_string());
        let links = page.links(&url, query, edge(rows.first()), edge(rows.last()), rows.len());
        if !links.is_empty() {
            out.extend_from_slice(format!(",\"{}_links\":{}", self.plural, Value::Array(links)).as_bytes());
        }
        out.push(b'}');
        Ok(bytes(StatusCode::OK, out))
    }
}

/// The rows asked for, sorted; those the caller may not see are not there.
fn select<'a, R: Resource + View>(
    cx: &ViewCx<'a>,
    filters: &Filters,
    page: &Page,
    found: Option<Vec<&'a Arc<R>>>,
) -> Vec<&'a Arc<R>> {
    let (cloud, actor) = (cx.cloud, cx.actor);
    let needs = filters.needs();
    let keep = |row: &&'a Arc<R>| {
        row.visible_to(cloud, actor) && (needs.is_empty() || filters.pass(&PickSink::pick(&needs, &***row, cx)))
    };
    let mut rows: Vec<&'a Arc<R>> = match found {
        Some(rows) => rows.into_iter().filter(keep).collect(),
        None => R::table(cloud).iter().filter(keep).collect(),
    };
    if page.sort.is_empty() {
        return rows;
    }
    let keys: Vec<&str> = page.sort.iter().map(|(key, _)| key.as_str()).collect();
    // Decorated once: telling an attribute costs more than comparing it.
    let mut decorated: Vec<(Vec<Value>, &'a Arc<R>)> = rows
        .drain(..)
        .map(|row| (PickSink::pick(&keys, &**row, cx), row))
        .collect();
    decorated.sort_by(|(a, row_a), (b, row_b)| {
        let by_keys = page.sort.iter().zip(a.iter().zip(b)).map(|((_, descends), (a, b))| {
            let order = compare(a, b);
            if *descends { order.reverse() } else { order }
        });
        by_keys
            .fold(std::cmp::Ordering::Equal, std::cmp::Ordering::then)
            .then_with(|| row_a.id().cmp(&row_b.id()))
    });
    decorated.into_iter().map(|(_, row)| row).collect()
}

/// GET of one.
async fn show<R: Collection>(ctx: Ctx, Path(id): Path<String>, query: Query) -> Reply {
    let cloud = ctx.cloud();
    let row = get_visible::<R>(&cloud, ctx.actor(), &parse_id::<R>(&id)?)?;
    let fields: Vec<&str> = query.all("fields").filter(|field| !field.is_empty()).collect();
    Ok(one(&ctx, StatusCode::OK, &*row, &fields))
}

/// POST of one or many.
async fn create<R: Collection>(ctx: Ctx, Wire(body): Wire<Value>) -> Reply {
    let Value::Object(mut body) = body else {
        return Err(Fault(bad_request("Resource body required".to_owned())));
    };
    let (items, is_bulk) = match (body.remove(R::NAME), body.remove(R::PLURAL)) {
        (Some(Value::Object(map)), _) => (vec![map], false),
        (None, Some(Value::Array(items))) if !items.is_empty() => (objects::<R>(items)?, true),
        _ => {
            return Err(Fault(bad_request(format!(
                "Unable to find '{}' in request body",
                R::NAME
            ))));
        }
    };
    let mut new = Vec::with_capacity(items.len());
    for map in items {
        let mut attrs = Attrs::new(map);
        attrs.not_in_post(&["id", "created_at", "updated_at", "revision_number"])?;
        new.push(R::read_new(&mut attrs, &ctx)?);
        attrs.finish()?;
    }
    let rows = ctx.transact(move |tx, actor| R::create(tx, actor, new)).await?;
    let rows = R::after_create(&ctx, rows).await?;
    match rows.as_slice() {
        [row] if !is_bulk => Ok(one(&ctx, StatusCode::CREATED, &**row, &[])),
        rows => Ok(many(&ctx, StatusCode::CREATED, rows)),
    }
}

fn objects<R: Collection>(items: Vec<Value>) -> Result<Vec<Map<String, Value>>> {
    items
        .into_iter()
        .map(|item| match item {
            // Neutron takes items with and without the resource's name around them.
            Value::Object(mut map) => match map.remove(R::NAME) {
                Some(Value::Object(inner)) => Ok(inner),
                Some(other) => {
                    map.insert(R::NAME.to_owned(), other);
                    Ok(map)
                }
                None => Ok(map),
            },
            other => Err(attributes::invalid(
                R::PLURAL,
                format!("'{}' is not a dictionary", attributes::shown(&other)),
            )),
        })
        .collect()
}

/// PUT of one.
async fn update<R: Collection>(ctx: Ctx, Path(id): Path<String>, headers: HeaderMap, Wire(body): Wire<Value>) -> Reply {
    let id = parse_id::<R>(&id)?;
    let expected = expected_revision(&headers)?;
    let mut attrs = Attrs::new(body_object(body, R::NAME)?);
    attrs.not_in_put(&[])?;
    let change = R::read_change(&mut attrs, &ctx)?;
    attrs.finish()?;
    let row = ctx
        .transact(move |tx, actor| {
            get_visible::<R>(tx.cloud(), actor, &id)?;
            check_revision::<R>(tx.cloud(), &id, expected)?;
            R::update(tx, actor, &id, change)
        })
        .await?;
    Ok(one(&ctx, StatusCode::OK, &*row, &[]))
}

/// DELETE of one.
async fn delete<R: Collection>(ctx: Ctx, Path(id): Path<String>, headers: HeaderMap) -> Reply {
    let id = parse_id::<R>(&id)?;
    let expected = expected_revision(&headers)?;
    get_visible::<R>(&ctx.cloud(), ctx.actor(), &id)?;
    check_revision::<R>(&ctx.cloud(), &id, expected)?;
    R::before_delete(&ctx, &id).await?;
    ctx.transact(move |tx, actor| R::delete(tx, actor, &id)).await?;
    no_content()
}

/// A resource under its name.
pub(super) fn one<R: Resource + View>(
    ctx: &Ctx,
    status: StatusCode,
    row: &R,
    fields: &[&str],
) -> axum::response::Response {
    let cloud = ctx.cloud();
    let cx = ViewCx::new(ctx, &cloud);
    let mut out = Vec::with_capacity(2048);
    out.extend_from_slice(format!("{{\"{}\":", R::NAME).as_bytes());
    JsonSink::object(&mut out, fields, row, &cx);
    out.push(b'}');
    bytes(status, out)
}

/// Resources under their plural.
pub(super) fn many<R: Collection>(ctx: &Ctx, status: StatusCode, rows: &[Arc<R>]) -> axum::response::Response {
    let cloud = ctx.cloud();
    let cx = ViewCx::new(ctx, &cloud);
    let mut out = Vec::with_capacity(rows.len() * 1024);
    out.extend_from_slice(format!("{{\"{}\":[", R::PLURAL).as_bytes());
    for (index, row) in rows.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        JsonSink::object(&mut out, &[], &**row, &cx);
    }
    out.extend_from_slice(b"]}");
    bytes(status, out)
}

/// An answer that is written already.
pub(super) fn bytes(status: StatusCode, out: Vec<u8>) -> axum::response::Response {
    (status, [(CONTENT_TYPE, "application/json")], out).into_response()
}

async fn show_tags<R: Collection>(ctx: Ctx, Path(id): Path<String>) -> Reply {
    let row = get_visible::<R>(&ctx.cloud(), ctx.actor(), &parse_id::<R>(&id)?)?;
    document(&json!({"tags": row.standard().tags}))
}

async fn replace_tags<R: Collection>(ctx: Ctx, Path(id): Path<String>, Wire(body): Wire<Value>) -> Reply {
    let id = parse_id::<R>(&id)?;
    let tags = read_tags(body)?;
    let row = ctx
        .transact(move |tx, actor| tag::replace::<R>(tx, actor, &id, tags))
        .await?;
    document(&json!({"tags": row.standard().tags}))
}

async fn add_tags<R: Collection>(ctx: Ctx, Path(id): Path<String>, Wire(body): Wire<Value>) -> Reply {
    let id = parse_id::<R>(&id)?;
    let tags = read_tags(body)?;
    let row = ctx
        .transact(move |tx, actor| tag::add::<R>(tx, actor, &id, tags))
        .await?;
    status(StatusCode::CREATED, &json!({"tags": row.standard().tags}))
}

async fn clear_tags<R: Collection>(ctx: Ctx, Path(id): Path<String>) -> Reply {
    let id = parse_id::<R>(&id)?;
    ctx.transact(move |tx, actor| tag::replace::<R>(tx, actor, &id, BTreeSet::new()))
        .await?;
    no_content()
}

async fn has_tag<R: Collection>(ctx: Ctx, Path((id, tag)): Path<(String, String)>) -> Reply {
    let row = get_visible::<R>(&ctx.cloud(), ctx.actor(), &parse_id::<R>(&id)?)?;
    if row.standard().tags.contains(&tag) {
        no_content()
    } else {
        Err(Fault(tag::not_found(&tag)))
    }
}

async fn add_tag<R: Collection>(ctx: Ctx, Path((id, tag)): Path<(String, String)>) -> Reply {
    let id = parse_id::<R>(&id)?;
    let tags = BTreeSet::from([attributes::tag("tag", Value::String(tag))?]);
    ctx.transact(move |tx, actor| tag::add::<R>(tx, actor, &id, tags))
        .await?;
    // Neutron answers 201 without a body.
    Ok(StatusCode::CREATED.into_response())
}

async fn remove_tag<R: Collection>(ctx: Ctx, Path((id, tag)): Path<(String, String)>) -> Reply {
    let id = parse_id::<R>(&id)?;
    ctx.transact(move |tx, actor| tag::remove::<R>(tx, actor, &id, &tag))
        .await?;
    no_content()
}

fn read_tags(body: Value) -> Result<BTreeSet<String>> {
    let mut attrs = attributes::object("tags", body)?;
    let tags = attrs.tags("tags")?.ok_or_else(|| attributes::missing("tags"))?;
    attrs.finish()?;
    Ok(tags)
}
