//! Nova's log of migrations. On one host the only ones that come to anything are resizes.

use axum::extract::Path;
use model::compute::Migration;
use model::compute::migration::{self, MigrationKind};
use model::{Error, Result};
use serde_json::{Value, json};

use super::filters::parse_time;
use super::link;
use super::microversion::Microversion;
use super::paging::{Page, check_query};
use super::servers::find;
use crate::context::Ctx;
use crate::query::Query;
use crate::reply::{Reply, json as reply};

/// `GET /os-migrations`: newest first; pages from 2.59.
pub(super) async fn list(ctx: Ctx, version: Microversion, query: Query) -> Reply {
    const QUERY: &[&str] = &[
        "hidden",
        "host",
        "instance_uuid",
        "source_compute",
        "status",
        "migration_type",
        "limit",
        "marker",
        "changes-since",
        "changes-before",
        "user_id",
        "project_id",
    ];
    check_query(&query, QUERY, version, 59)?;
    let rows = migration::list(&ctx.cloud(), select(&query, version)?);
    if !version.since(59) {
        let shown: Vec<Value> = rows.iter().map(|row| view(&ctx, row, version)).collect();
        return reply(&json!({"migrations": shown}));
    }
    let page = Page::read(&query)?.cut(rows, |row| row.uuid.to_string())?;
    let shown: Vec<Value> = page.items.iter().map(|row| view(&ctx, row, version)).collect();
    let mut body = json!({"migrations": shown});
    page.add_links(&mut body, "migrations", &link(&ctx, "os-migrations"), &query);
    reply(&body)
}

fn select(query: &Query, version: Microversion) -> Result<impl Fn(&Migration) -> bool + use<>> {
    let text = |name: &str| query.get(name).map(str::to_owned);
    let time = |name: &str, since: u16| {
        let given = query.get(name).filter(|_| version.since(since));
        given.map(|given| parse_time(name, given)).transpose()
    };
    let (since, before) = (time("changes-since", 59)?, time("changes-before", 66)?);
    let people = |name: &str| text(name).filter(|_| version.since(80));
    let (user, project) = (people("user_id"), people("project_id"));
    let host = text("host").or_else(|| text("source_compute"));
    let (server, status, kind) = (text("instance_uuid"), text("status"), text("migration_type"));
    let is = |wanted: &Option<String>, value: String| wanted.as_ref().is_none_or(|wanted| *wanted == value);
    Ok(move |row: &Migration| {
        is(&host, row.host.to_string())
            && is(&server, row.server_id.to_string())
            && is(&status, row.status.as_str().to_owned())
            && is(&kind, row.kind.as_str().to_owned())
            && is(&user, row.user_id.to_string())
            && is(&project, row.project_id.to_string())
            && since.is_none_or(|time| row.updated_at >= time)
            && before.is_none_or(|time| row.updated_at <= time)
    })
}

fn view(ctx: &Ctx, row: &Migration, version: Microversion) -> Value {
    // A live migration finds none here.
    let target = (row.kind == MigrationKind::Resize).then_some(&row.host);
    let mut body = json!({
        "id": row.id,
        "status": row.status.as_str(),
        "instance_uuid": row.server_id,
        "source_node": row.host,
        "source_compute": row.host,
        "dest_node": target,
        "dest_compute": target,
        "dest_host": null,
        "old_instance_type_id": flavor_number(ctx, &row.old_flavor),
        "new_instance_type_id": flavor_number(ctx, &row.new_flavor),
        "created_at": row.created_at.micros_bare(),
        "updated_at": row.updated_at.micros_bare(),
    });
    if version.since(23) {
        body["migration_type"] = json!(row.kind.as_str());
    }
    if version.since(59) {
        body["uuid"] = json!(row.uuid);
    }
    if version.since(80) {
        body["user_id"] = json!(row.user_id);
        body["project_id"] = json!(row.project_id);
    }
    body
}

/// Nova shows the flavor's row number: here its place in the list of flavors, 0 for one that is gone.
fn flavor_number(ctx: &Ctx, id: &model::FlavorId) -> usize {
    let cloud = ctx.cloud();
    let place = cloud.flavors.iter().position(|flavor| flavor.id == *id);
    place.map_or(0, |place| place + 1)
}

/// `GET /servers/{id}/migrations`, from 2.23: live migrations under way, which one host does not have.
pub(super) async fn list_of_server(ctx: Ctx, version: Microversion, Path(id): Path<String>) -> Reply {
    version.require(23)?;
    find(&ctx, &id)?;
    reply(&json!({"migrations": []}))
}

/// `GET /servers/{id}/migrations/{number}`, from 2.23.
pub(super) async fn show_of_server(
    ctx: Ctx,
    version: Microversion,
    Path((id, number)): Path<(String, String)>,
) -> Reply {
    version.require(23)?;
    find(&ctx, &id)?;
    Err(Error::not_found(
        "MigrationNotFoundForInstance",
        format!("In-progress live migration {number} is not found for server {id}."),
    )
    .into())
}
