//! Groups of volumes; from microversion 3.13 on.

use std::sync::Arc;

use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use model::volume::group::{self, GroupEdit, GroupSource, NewGroup};
use model::volume::{GroupStatus, VolumeGroup};
use model::{Error, ProjectId, Result, VolumeGroupId, VolumeId};
use serde_json::{Map, Value, json};

use super::list::{self, Listed};
use super::{Call, action, no_such_action, require_admin, words};
use crate::compute::body::{Object, missing, truth_of, wrong};
use crate::extract::Wire;
use crate::query::Query;
use crate::reply::{Reply, json as reply, status};

type Body = Map<String, Value>;

/// The first microversion with groups.
const SINCE: u16 = 13;

struct Entry(Arc<VolumeGroup>);

impl Listed for Entry {
    const SORT_KEYS: &'static [&'static str] = &["id", "name", "status", "group_type", "created_at", "host"];
    fn id(&self) -> String {
        self.0.id.to_string()
    }
    fn project(&self) -> &ProjectId {
        &self.0.project_id
    }
    fn attribute(&self, name: &str) -> Option<Value> {
        let group = &self.0;
        Some(match name {
            "id" => json!(group.id),
            "name" => json!(group.name),
            "description" => json!(group.description),
            "status" => json!(group.status.as_str()),
            "group_type" | "group_type_id" => json!(group.group_type_id),
            "created_at" => json!(group.created_at.micros_bare()),
            "availability_zone" => json!(group.availability_zone),
            "host" => json!(group.host),
            _ => return None,
        })
    }
}

/// A group's id in a path or body.
pub(super) fn group_id(text: &str) -> Result<VolumeGroupId> {
    super::id(text, "GroupNotFound", "Group")
}

fn brief(group: &VolumeGroup) -> Value {
    json!({"id": group.id, "name": group.name})
}

fn whole(call: &Call, group: &VolumeGroup, with_volumes: bool) -> Value {
    let mut body = json!({
        "id": group.id,
        "name": group.name,
        "description": group.description,
        "status": group.status.as_str(),
        "availability_zone": group.availability_zone,
        "created_at": group.created_at.micros_bare(),
        "group_type": group.group_type_id,
        "volume_types": group.volume_types,
    });
    if call.version.since(14) {
        body["group_snapshot_id"] = json!(group.group_snapshot_id);
        body["source_group_id"] = json!(group.source_group_id);
    }
    if call.version.since(25) && with_volumes {
        let volumes = group::volumes(&call.ctx.cloud(), group.id);
        body["volumes"] = volumes.iter().map(|volume| json!(volume.id)).collect();
    }
    if call.version.since(38) {
        body["replication_status"] = json!("disabled");
    }
    if call.version.since(58) {
        body["project_id"] = json!(group.project_id);
    }
    body
}

fn entries(call: &Call, query: &Query) -> Result<list::Page<Entry>> {
    call.version.require(SINCE)?;
    let cloud = call.ctx.cloud();
    list::page(call, query, cloud.volume_groups.iter().cloned().map(Entry))
}

fn wants_volumes(query: &Query) -> bool {
    query
        .get("list_volume")
        .is_some_and(|text| truth_of(text).unwrap_or(false))
}

/// `GET /groups`.
pub(super) async fn list(call: Call, query: Query) -> Reply {
    let page = entries(&call, &query)?;
    reply(&page.body(&call, &query, "groups", "groups", |entry| brief(&entry.0)))
}

/// `GET /groups/detail`.
pub(super) async fn list_detail(call: Call, query: Query) -> Reply {
    let page = entries(&call, &query)?;
    let with_volumes = wants_volumes(&query);
    let view = |entry: &Entry| whole(&call, &entry.0, with_volumes);
    reply(&page.body(&call, &query, "groups", "groups/detail", view))
}

/// `GET /groups/{id}`.
pub(super) async fn show(call: Call, Path(id): Path<String>, query: Query) -> Reply {
    call.version.require(SINCE)?;
    let found = group::get_visible(&call.ctx.cloud(), call.ctx.actor(), group_id(&id)?)?;
    reply(&json!({"group": whole(&call, &found, wants_volumes(&query))}))
}

/// `POST /groups`.
pub(super) async fn create(call: Call, Wire(body): Wire<Body>) -> Reply {
    call.version.require(SINCE)?;
    let body = Object::only_member(&body, "group")?.only(&[
        "name",
        "description",
        "group_type",
        "volume_types",
        "availability_zone",
    ])?;
    let place = call.place();
    if let Some(zone) = body
        .text("availability_zone", 0..=255)?
        .filter(|zone| !zone.is_empty() && *zone != place.zone)
    {
        return Err(Error::invalid(
            "InvalidAvailabilityZone",
            format!("Availability zone '{zone}' is invalid. There is '{}'.", place.zone),
        )
        .into());
    }
    let types = match body.value("volume_types") {
        Some(Value::Array(types)) if !types.is_empty() && types.iter().all(Value::is_string) => {
            types.iter().filter_map(Value::as_str).map(str::to_owned).collect()
        }
        Some(other) => {
            return Err(wrong(
                "volume_types",
                other,
                "It is not a list of names or ids of volume types.",
            )
            .into());
        }
        None => return Err(missing("volume_types").into()),
    };
    let new = NewGroup {
        name: words(body, ["name", "name"])?.flatten(),
        description: words(body, ["description", "description"])?.flatten(),
        group_type: body
            .text("group_type", 1..=255)?
            .ok_or_else(|| missing("group_type"))?
            .to_owned(),
        volume_types: types,
    };
    let made = call
        .ctx
        .transact(move |tx, actor| group::create_empty(tx, actor, new, &place))
        .await?;
    status(StatusCode::ACCEPTED, &json!({"group": brief(&made)}))
}

/// `POST /groups/action`: `create-from-src` (3.14).
pub(super) async fn create_from_source(call: Call, Wire(body): Wire<Body>) -> Reply {
    call.version.require(14)?;
    let body = Object::only_member(&body, "create-from-src")?.only(&[
        "name",
        "description",
        "group_snapshot_id",
        "source_group_id",
    ])?;
    let source = match (
        body.text("group_snapshot_id", 0..=255)?,
        body.text("source_group_id", 0..=255)?,
    ) {
        (Some(id), None) => GroupSource::Snapshot(super::group_snapshots::snapshot_id(id)?),
        (None, Some(id)) => GroupSource::Group(group_id(id)?),
        _ => {
            return Err(Error::invalid(
                "HTTPBadRequest",
                "Name either 'group_snapshot_id' or 'source_group_id' to create a group from.",
            )
            .into());
        }
    };
    let name = words(body, ["name", "name"])?.flatten();
    let description = words(body, ["description", "description"])?.flatten();
    let request_id = call.ctx.request_id().to_string();
    let made = call
        .ctx
        .transact(move |tx, actor| group::create_from(tx, actor, name, description, source, &request_id))
        .await?;
    status(StatusCode::ACCEPTED, &json!({"group": brief(&made)}))
}

/// Ids with commas between them.
fn ids(body: Object<'_>, name: &str) -> Result<Vec<VolumeId>> {
    let text = body.text(name, 0..=65_535)?.unwrap_or_default();
    let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
    parts
        .map(|part| {
            part.parse()
                .map_err(|_| Error::invalid("InvalidVolume", format!("Invalid volume: {part} is no volume's id.")))
        })
        .collect()
}

/// `PUT /groups/{id}`.
pub(super) async fn update(call: Call, Path(id): Path<String>, Wire(body): Wire<Body>) -> Reply {
    call.version.require(SINCE)?;
    let id = group_id(&id)?;
    let body = Object::only_member(&body, "group")?.only(&["name", "description", "add_volumes", "remove_volumes"])?;
    let edit = GroupEdit {
        name: words(body, ["name", "name"])?,
        description: words(body, ["description", "description"])?,
        add: ids(body, "add_volumes")?,
        remove: ids(body, "remove_volumes")?,
    };
    if edit.name.is_none() && edit.description.is_none() && edit.add.is_empty() && edit.remove.is_empty() {
        return Err(Error::invalid(
            "HTTPBadRequest",
            "Name, description, add_volumes, and remove_volumes can not be all empty in the request body.",
        )
        .into());
    }
    call.ctx
        .transact(move |tx, actor| group::update(tx, actor, id, edit))
        .await?;
    Ok(StatusCode::ACCEPTED.into_response())
}

/// The status of `reset_status`.
pub(super) fn wanted_status(body: Object<'_>) -> Result<GroupStatus> {
    let text = body.text("status", 1..=255)?.ok_or_else(|| missing("status"))?;
    GroupStatus::parse(text).ok_or_else(|| wrong("status", &json!(text), "It is no status of a group."))
}

/// `POST /groups/{id}/action`.
pub(super) async fn act(call: Call, Path(id): Path<String>, Wire(body): Wire<Body>) -> Reply {
    call.version.require(SINCE)?;
    let id = group_id(&id)?;
    let (name, body) = action(&body)?;
    match name {
        "delete" => {
            let with_volumes = body.boolean("delete-volumes")?.unwrap_or(false);
            call.ctx
                .transact(move |tx, actor| group::delete(tx, actor, id, with_volumes))
                .await?;
        }
        "reset_status" => {
            call.version.require(20)?;
            require_admin(&call, "group:reset_status")?;
            let wanted = wanted_status(body)?;
            call.ctx
                .transact(move |tx, actor| group::reset_status(tx, actor, id, wanted))
                .await?;
        }
        "enable_replication" | "disable_replication" | "failover_replication" | "list_replication_targets" => {
            return Err(Error::invalid(
                "InvalidGroup",
                "Invalid Group: its type does not enable replication, which a single host does not have.",
            )
            .into());
        }
        _ => return Err(no_such_action(name).into()),
    }
    Ok(StatusCode::ACCEPTED.into_response())
}
