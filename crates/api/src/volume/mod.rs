//! Block storage v3 (Cinder) below `/volume`: this file is its table of contents.
//!
//! A path may name the caller's project behind the version (`/volume/v3/{project}/volumes`), as it had to before
//! microversion 3.67; [`take_project`] takes it out before the router looks, so that every route stands once.

mod actions;
mod attachments;
mod backups;
mod group_snapshots;
mod group_types;
mod groups;
mod list;
mod messages;
mod metadata;
mod microversion;
mod qos;
mod quotas;
mod services;
mod snapshots;
mod transfers;
mod type_parts;
mod types;
mod upload;
mod versions;
mod volumes;

use std::sync::Arc;

use axum::extract::{FromRequestParts, Request};
use axum::http::Uri;
use axum::http::request::Parts;
use axum::middleware;
use model::volume::Place;
use model::{Error, Result};
use serde_json::{Map, Value, json};

use crate::access::Access::{Admin, Member, Public, Reader};
use crate::app::App;
use crate::compute::body::{Object, wrong};
use crate::context::Ctx;
use crate::fault::{Fault, Service};
use crate::routes::Routes;
use microversion::Microversion;

/// Every route of the service.
pub(crate) fn routes(app: &Arc<App>) -> Routes {
    Routes::new(app.clone(), Service::Volume, "/volume")
        .get("", Public, versions::list)
        .get("/v3", Public, versions::show)
        .with(volume_routes)
        .with(snapshot_routes)
        .with(type_routes)
        .with(group_routes)
        .with(backup_routes)
        .with(project_routes)
        .with(host_routes)
        .wrap(|router| router.layer(middleware::from_fn(microversion::layer)))
}

fn volume_routes(routes: Routes) -> Routes {
    routes
        .get("/v3/volumes", Reader, volumes::list)
        .post("/v3/volumes", Member, volumes::create)
        .get("/v3/volumes/detail", Reader, volumes::list_detail)
        .get("/v3/volumes/summary", Reader, volumes::summary)
        .get("/v3/volumes/{id}", Reader, volumes::show)
        .put("/v3/volumes/{id}", Member, volumes::update)
        .delete("/v3/volumes/{id}", Member, volumes::delete)
        // One of the actions only reads; the others ask for more themselves.
        .post("/v3/volumes/{id}/action", Reader, actions::act)
        .get("/v3/volumes/{id}/metadata", Reader, metadata::of_volume)
        .post("/v3/volumes/{id}/metadata", Member, metadata::merge_of_volume)
        .put("/v3/volumes/{id}/metadata", Member, metadata::replace_of_volume)
        .get("/v3/volumes/{id}/metadata/{key}", Reader, metadata::item_of_volume)
        .put("/v3/volumes/{id}/metadata/{key}", Member, metadata::set_item_of_volume)
        .delete(
            "/v3/volumes/{id}/metadata/{key}",
            Member,
            metadata::delete_item_of_volume,
        )
        .get("/v3/volumes/{id}/encryption", Reader, volumes::encryption)
        .get("/v3/volumes/{id}/encryption/{key}", Reader, volumes::encryption_item)
        .get("/v3/attachments", Reader, attachments::list)
        .post("/v3/attachments", Member, attachments::create)
        .get("/v3/attachments/detail", Reader, attachments::list_detail)
        .get("/v3/attachments/{id}", Reader, attachments::show)
        .put("/v3/attachments/{id}", Member, attachments::update)
        .delete("/v3/attachments/{id}", Member, attachments::delete)
        .post("/v3/attachments/{id}/action", Member, attachments::act)
        .with(|routes| transfer_routes(routes, "os-volume-transfer"))
        .with(|routes| transfer_routes(routes, "volume-transfers"))
}

fn transfer_routes(routes: Routes, name: &str) -> Routes {
    let path = |rest: &str| format!("/v3/{name}{rest}");
    routes
        .get(&path(""), Reader, transfers::list)
        .post(&path(""), Member, transfers::create)
        .get(&path("/detail"), Reader, transfers::list_detail)
        .get(&path("/{id}"), Reader, transfers::show)
        .delete(&path("/{id}"), Member, transfers::delete)
        .post(&path("/{id}/accept"), Member, transfers::accept)
}

fn snapshot_routes(routes: Routes) -> Routes {
    routes
        .get("/v3/snapshots", Reader, snapshots::list)
        .post("/v3/snapshots", Member, snapshots::create)
        .get("/v3/snapshots/detail", Reader, snapshots::list_detail)
        .get("/v3/snapshots/{id}", Reader, snapshots::show)
        .put("/v3/snapshots/{id}", Member, snapshots::update)
        .delete("/v3/snapshots/{id}", Member, snapshots::delete)
        .post("/v3/snapshots/{id}/action", Member, snapshots::act)
        .get("/v3/snapshots/{id}/metadata", Reader, metadata::of_snapshot)
        .post("/v3/snapshots/{id}/metadata", Member, metadata::merge_of_snapshot)
        .put("/v3/snapshots/{id}/metadata", Member, metadata::replace_of_snapshot)
        .get("/v3/snapshots/{id}/metadata/{key}", Reader, metadata::item_of_snapshot)
        .put(
            "/v3/snapshots/{id}/metadata/{key}",
            Member,
            metadata::set_item_of_snapshot,
        )
        .delete(
            "/v3/snapshots/{id}/metadata/{key}",
            Member,
            metadata::delete_item_of_snapshot,
        )
}

fn type_routes(routes: Routes) -> Routes {
    routes
        .get("/v3/types", Reader, types::list)
        .post("/v3/types", Admin, types::create)
        .get("/v3/types/{id}", Reader, types::show)
        .put("/v3/types/{id}", Admin, types::update)
        .delete("/v3/types/{id}", Admin, types::delete)
        .post("/v3/types/{id}/action", Admin, type_parts::act)
        .get("/v3/types/{id}/os-volume-type-access", Admin, type_parts::list_access)
        .get("/v3/types/{id}/extra_specs", Reader, type_parts::list_specs)
        .post("/v3/types/{id}/extra_specs", Admin, type_parts::add_specs)
        .get("/v3/types/{id}/extra_specs/{key}", Reader, type_parts::show_spec)
        .put("/v3/types/{id}/extra_specs/{key}", Admin, type_parts::set_spec)
        .delete("/v3/types/{id}/extra_specs/{key}", Admin, type_parts::delete_spec)
        .get("/v3/types/{id}/encryption", Admin, type_parts::show_encryption)
        .post("/v3/types/{id}/encryption", Admin, type_parts::create_encryption)
        .get(
            "/v3/types/{id}/encryption/{key}",
            Admin,
            type_parts::show_encryption_item,
        )
        .put("/v3/types/{id}/encryption/{key}", Admin, type_parts::update_encryption)
        .delete("/v3/types/{id}/encryption/{key}", Admin, type_parts::delete_encryption)
        .get("/v3/qos-specs", Admin, qos::list)
        .post("/v3/qos-specs", Admin, qos::create)
        .get("/v3/qos-specs/{id}", Admin, qos::show)
        .put("/v3/qos-specs/{id}", Admin, qos::set_keys)
        .delete("/v3/qos-specs/{id}", Admin, qos::delete)
        .put("/v3/qos-specs/{id}/delete_keys", Admin, qos::delete_keys)
        .get("/v3/qos-specs/{id}/associations", Admin, qos::associations)
        .get("/v3/qos-specs/{id}/associate", Admin, qos::associate)
        .get("/v3/qos-specs/{id}/disassociate", Admin, qos::disassociate)
        .get("/v3/qos-specs/{id}/disassociate_all", Admin, qos::disassociate_all)
}

fn backup_routes(routes: Routes) -> Routes {
    routes
        .get("/v3/backups", Reader, backups::list)
        .post("/v3/backups", Member, backups::create)
        .get("/v3/backups/detail", Reader, backups::list_detail)
        .post("/v3/backups/import_record", Admin, backups::import)
        .get("/v3/backups/{id}", Reader, backups::show)
        .put("/v3/backups/{id}", Member, backups::update)
        .delete("/v3/backups/{id}", Member, backups::delete)
        .post("/v3/backups/{id}/restore", Member, backups::restore)
        .get("/v3/backups/{id}/export_record", Admin, backups::export)
        .post("/v3/backups/{id}/action", Admin, backups::act)
}

fn group_routes(routes: Routes) -> Routes {
    routes
        .get("/v3/group_types", Reader, group_types::list)
        .post("/v3/group_types", Admin, group_types::create)
        .get("/v3/group_types/{id}", Reader, group_types::show)
        .put("/v3/group_types/{id}", Admin, group_types::update)
        .delete("/v3/group_types/{id}", Admin, group_types::delete)
        .get("/v3/group_types/{id}/group_specs", Admin, group_types::list_specs)
        .post("/v3/group_types/{id}/group_specs", Admin, group_types::add_specs)
        .get("/v3/group_types/{id}/group_specs/{key}", Admin, group_types::show_spec)
        .put("/v3/group_types/{id}/group_specs/{key}", Admin, group_types::set_spec)
        .delete(
            "/v3/group_types/{id}/group_specs/{key}",
            Admin,
            group_types::delete_spec,
        )
        .get("/v3/groups", Reader, groups::list)
        .post("/v3/groups", Member, groups::create)
        .get("/v3/groups/detail", Reader, groups::list_detail)
        .post("/v3/groups/action", Member, groups::create_from_source)
        .get("/v3/groups/{id}", Reader, groups::show)
        .put("/v3/groups/{id}", Member, groups::update)
        .post("/v3/groups/{id}/action", Member, groups::act)
        .get("/v3/group_snapshots", Reader, group_snapshots::list)
        .post("/v3/group_snapshots", Member, group_snapshots::create)
        .get("/v3/group_snapshots/detail", Reader, group_snapshots::list_detail)
        .get("/v3/group_snapshots/{id}", Reader, group_snapshots::show)
        .put("/v3/group_snapshots/{id}", Member, group_snapshots::update)
        .delete("/v3/group_snapshots/{id}", Member, group_snapshots::delete)
        .post("/v3/group_snapshots/{id}/action", Admin, group_snapshots::act)
}

fn project_routes(routes: Routes) -> Routes {
    routes
        .get("/v3/limits", Reader, quotas::limits)
        .get("/v3/os-quota-sets/{project}", Reader, quotas::show)
        .put("/v3/os-quota-sets/{project}", Admin, quotas::update)
        .delete("/v3/os-quota-sets/{project}", Admin, quotas::delete)
        .get("/v3/os-quota-sets/{project}/defaults", Reader, quotas::show_defaults)
        .get("/v3/os-quota-class-sets/{class}", Admin, quotas::show_class)
        .put("/v3/os-quota-class-sets/{class}", Admin, quotas::update_class)
}

fn host_routes(routes: Routes) -> Routes {
    routes
        .get("/v3/extensions", Reader, services::extensions)
        .get("/v3/extensions/{alias}", Reader, services::extension)
        .get("/v3/os-availability-zone", Reader, services::availability_zones)
        .get("/v3/os-services", Admin, services::list)
        .put("/v3/os-services/{action}", Admin, services::act)
        .get("/v3/os-hosts", Admin, services::hosts)
        .get("/v3/os-hosts/{host}", Admin, services::host)
        .get("/v3/scheduler-stats/get_pools", Admin, services::pools)
        .get("/v3/capabilities/{host}", Admin, services::capabilities)
        .get("/v3/resource_filters", Reader, services::resource_filters)
        .get("/v3/messages", Reader, messages::list)
        .get("/v3/messages/{id}", Reader, messages::show)
        .delete("/v3/messages/{id}", Member, messages::delete)
}

/// The project that a path named.
#[derive(Debug, Clone)]
struct PathProject(String);

/// `/volume/v3/{project}/volumes` is `/volume/v3/volumes` of that project (cinder `project_id_regex`: hexadecimal digits and
/// dashes, which no collection's name consists of).
pub(crate) fn take_project(mut request: Request) -> Request {
    let path = request.uri().path();
    let Some(rest) = path.strip_prefix("/volume/v3/") else {
        return request;
    };
    let (project, rest) = rest.split_once('/').unwrap_or((rest, ""));
    if !is_project(project) {
        return request;
    }
    let mut clean = format!("/volume/v3/{rest}");
    if rest.is_empty() {
        clean.pop();
    }
    if let Some(query) = request.uri().query() {
        clean.push('?');
        clean.push_str(query);
    }
    let project = PathProject(project.to_owned());
    if let Ok(uri) = clean.parse::<Uri>() {
        *request.uri_mut() = uri;
        request.extensions_mut().insert(project);
    }
    request
}

/// Whether a path goes deeper than the version and the project.
pub(crate) fn is_below_collection(path: &str) -> bool {
    let Some(rest) = path.strip_prefix("/volume/v3/") else {
        return false;
    };
    let last = rest.rsplit('/').next().unwrap_or_default();
    !is_project(last)
}

/// Whether a part of a path is a project's id.
fn is_project(text: &str) -> bool {
    text.len() >= 32 && text.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-')
}

/// What every handler gets: the caller, and which shape of a body was asked for.
struct Call {
    ctx: Ctx,
    version: Microversion,
    /// The path named the project: so do the links.
    names_project: bool,
}

impl<S: Send + Sync> FromRequestParts<S> for Call {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Fault> {
        let ctx = Ctx::from_request_parts(parts, state).await?;
        let version = Microversion::from_request_parts(parts, state).await?;
        if let Some(PathProject(named)) = parts.extensions.get::<PathProject>() {
            let own = ctx.actor().project_id().map(|id| id.as_str().replace('-', ""));
            if own.is_some_and(|own| own != named.replace('-', "")) {
                return Err(Fault(Error::invalid(
                    "HTTPBadRequest",
                    "Malformed request url: it names another project than the token's.",
                )));
            }
        }
        Ok(Self {
            ctx,
            version,
            names_project: parts.extensions.get::<PathProject>().is_some(),
        })
    }
}

impl Call {
    /// Where new volumes go.
    fn place(&self) -> Place {
        Place {
            host: self.ctx.control().host_id().clone(),
            zone: self.ctx.control().plan_settings().availability_zone.clone(),
        }
    }

    /// A whole URL of this service.
    fn link(&self, path: &str) -> String {
        let project = self.project();
        format!("{}/volume/v3/{project}{path}", self.ctx.base_url())
    }

    /// The links of a resource.
    fn links(&self, collection: &str, id: impl std::fmt::Display) -> Value {
        let bookmark = format!("{}/volume/{}{collection}/{id}", self.ctx.base_url(), self.project());
        json!([
            {"rel": "self", "href": self.link(&format!("{collection}/{id}"))},
            {"rel": "bookmark", "href": bookmark},
        ])
    }

    /// The token's project and a slash, if the path named it.
    fn project(&self) -> String {
        let id = self.ctx.actor().project_id().filter(|_| self.names_project);
        id.map_or_else(String::new, |id| format!("{id}/"))
    }
}

/// An id in a path. What is no id names nothing.
fn id<T: std::str::FromStr>(text: &str, code: &'static str, what: &str) -> Result<T> {
    text.parse()
        .map_err(|_| Error::not_found(code, format!("{what} {text} could not be found.")))
}

/// The one member of a body of an action: its name and its arguments.
fn action(body: &Map<String, Value>) -> Result<(&str, Object<'_>)> {
    static EMPTY: std::sync::LazyLock<Map<String, Value>> = std::sync::LazyLock::new(Map::new);
    let mut members = body.iter();
    let (Some((name, value)), None) = (members.next(), members.next()) else {
        return Err(Error::invalid(
            "HTTPBadRequest",
            "The body of an action has one member, which names it.",
        ));
    };
    match value {
        Value::Object(arguments) => Ok((name, Object::new(arguments))),
        Value::Null => Ok((name, Object::new(&EMPTY))),
        Value::String(text) if text.is_empty() => Ok((name, Object::new(&EMPTY))),
        other => Err(wrong(name, other, "It is not of type 'object'.")),
    }
}

/// An action that there is not.
fn no_such_action(name: &str) -> Error {
    Error::invalid("HTTPBadRequest", format!("There is no such action: {name}"))
}

/// Passes an administrator only.
fn require_admin(call: &Call, what: &str) -> Result<()> {
    if call.ctx.actor().is_admin() {
        return Ok(());
    }
    Err(Error::forbidden(
        "PolicyNotAuthorized",
        format!("Policy doesn't allow {what} to be performed: it needs role 'admin'."),
    ))
}

/// A name or description that may be null, of at most 255 characters, without spaces around it.
fn words(body: Object<'_>, names: [&str; 2]) -> Result<Option<Option<String>>> {
    for name in names {
        if body.has(name) {
            let text = body.text(name, 0..=255)?;
            return Ok(Some(text.map(|text| text.trim().to_owned())));
        }
    }
    Ok(None)
}
