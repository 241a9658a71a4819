//! Collections below a resource (`/floatingips/{id}/port_forwardings`): the usual routes but for tags.

use std::str::FromStr;
use std::sync::Arc;

use axum::extract::Path;
use axum::http::StatusCode;
use model::network::Resource;
use model::network::access::get_visible;
use model::{Actor, Cloud, Error, Result, Tx};
use serde_json::Value;

use super::attributes::Attrs;
use super::collection::{Listing, body_object, one, parse_id};
use super::filter::Filters;
use super::view::View;
use crate::access::Access;
use crate::context::Ctx;
use crate::extract::Wire;
use crate::query::Query;
use crate::reply::{Reply, no_content};
use crate::routes::Routes;

/// A resource that belongs to another one, below which its routes are.
pub(super) trait Nested: Resource<Id: FromStr> + View {
    /// What it belongs to.
    type Parent: Resource<Id: FromStr>;
    /// The parent's plural in paths (`floatingips`).
    const PARENT_PATH: &'static str;
    /// Its plural in bodies and paths.
    const PLURAL: &'static str;
    /// Every attribute it tells.
    const ATTRIBUTES: &'static [&'static str];
    /// Who may make one.
    const CREATE: Access;
    /// Who may try to change and remove one; whether it is theirs to is the rule's to say.
    const WRITE: Access = Access::Member;
    /// What its rules want to make or change one.
    type Spec: Send + 'static;

    /// The one it belongs to.
    fn parent_id(&self) -> <Self::Parent as model::Row>::Id;
    /// Those that belong to a parent.
    fn of_parent<'a>(cloud: &'a Cloud, id: &<Self::Parent as model::Row>::Id) -> Vec<&'a Arc<Self>>;
    /// Reads a POST's attributes (`is_new`), or a PUT's.
    fn read(attrs: &mut Attrs, is_new: bool) -> Result<Self::Spec>;
    /// Makes one.
    fn create(
        tx: &mut Tx<'_>,
        actor: &Actor,
        parent: &<Self::Parent as model::Row>::Id,
        spec: Self::Spec,
    ) -> Result<Arc<Self>>;
    /// Changes one.
    fn update(tx: &mut Tx<'_>, actor: &Actor, id: &Self::Id, spec: Self::Spec) -> Result<Arc<Self>>;
    /// Removes one.
    fn delete(tx: &mut Tx<'_>, actor: &Actor, id: &Self::Id) -> Result<()>;
}

/// Adds the routes below the parent.
pub(super) fn routes<R: Nested>(routes: Routes) -> Routes {
    let all = format!("/v2.0/{}/{{parent}}/{}", R::PARENT_PATH, R::PLURAL);
    let each = format!("{all}/{{id}}");
    routes
        .get(&all, Access::Reader, list::<R>)
        .post(&all, R::CREATE, create::<R>)
        .get(&each, Access::Reader, show::<R>)
        .put(&each, R::WRITE, update::<R>)
        .delete(&each, R::WRITE, delete::<R>)
}

/// The parent, if the caller may see it.
fn parent<R: Nested>(ctx: &Ctx, text: &str) -> Result<<R::Parent as model::Row>::Id> {
    let id = parse_id::<R::Parent>(text)?;
    get_visible::<R::Parent>(&ctx.cloud(), ctx.actor(), &id)?;
    Ok(id)
}

/// A row that the caller may see and that belongs to this parent.
fn child<R: Nested>(ctx: &Ctx, above: &str, text: &str) -> Result<Arc<R>> {
    let above = parent::<R>(ctx, above)?;
    let row = orphan::<R>(ctx, text)?;
    if row.parent_id() == above {
        Ok(row)
    } else {
        Err(R::not_found(&row.id()))
    }
}

/// A row that the caller may see, whatever it belongs to.
fn orphan<R: Nested>(ctx: &Ctx, text: &str) -> Result<Arc<R>> {
    get_visible::<R>(&ctx.cloud(), ctx.actor(), &parse_id::<R>(text)?)
}

async fn list<R: Nested>(ctx: Ctx, Path(above): Path<String>, query: Query) -> Reply {
    let above = parent::<R>(&ctx, &above)?;
    let filters = Filters::new(&query, R::ATTRIBUTES)?;
    let cloud = ctx.cloud();
    let listing = Listing {
        plural: R::PLURAL,
        path: format!("{}/{above}/{}", R::PARENT_PATH, R::PLURAL),
        attributes: R::ATTRIBUTES,
    };
    listing.answer(&ctx, &cloud, &query, &filters, Some(R::of_parent(&cloud, &above)))
}

async fn create<R: Nested>(ctx: Ctx, Path(above): Path<String>, Wire(body): Wire<Value>) -> Reply {
    let above = parent::<R>(&ctx, &above)?;
    let mut attrs = Attrs::new(body_object(body, R::NAME)?);
    attrs.not_in_post(&["id", "created_at", "updated_at", "revision_number"])?;
    // The parent's project is its own.
    let _ = attrs.project()?;
    let spec = R::read(&mut attrs, true)?;
    attrs.finish()?;
    let row = ctx
        .transact(move |tx, actor| R::create(tx, actor, &above, spec))
        .await?;
    Ok(one(&ctx, StatusCode::CREATED, &*row, &[]))
}

async fn show<R: Nested>(ctx: Ctx, Path((above, id)): Path<(String, String)>, query: Query) -> Reply {
    told(&ctx, &*child::<R>(&ctx, &above, &id)?, &query)
}

async fn update<R: Nested>(ctx: Ctx, Path((above, id)): Path<(String, String)>, Wire(body): Wire<Value>) -> Reply {
    let row = child::<R>(&ctx, &above, &id)?;
    change(ctx, row, body).await
}

async fn delete<R: Nested>(ctx: Ctx, Path((above, id)): Path<(String, String)>) -> Reply {
    let row = child::<R>(&ctx, &above, &id)?;
    remove(ctx, row).await
}

fn told<R: Nested>(ctx: &Ctx, row: &R, query: &Query) -> Reply {
    let fields: Vec<&str> = query.all("fields").filter(|field| !field.is_empty()).collect();
    Ok(one(ctx, StatusCode::OK, row, &fields))
}

async fn change<R: Nested>(ctx: Ctx, row: Arc<R>, body: Value) -> Reply {
    let mut attrs = Attrs::new(body_object(body, R::NAME)?);
    attrs.not_in_put(&[])?;
    let spec = R::read(&mut attrs, false)?;
    attrs.finish()?;
    let id = row.id();
    let row: Result<Arc<R>, Error> = ctx.transact(move |tx, actor| R::update(tx, actor, &id, spec)).await;
    Ok(one(&ctx, StatusCode::OK, &*row?, &[]))
}

async fn remove<R: Nested>(ctx: Ctx, row: Arc<R>) -> Reply {
    let id = row.id();
    ctx.transact(move |tx, actor| R::delete(tx, actor, &id)).await?;
    no_content()
}
