//! A server's action log.

use std::sync::Arc;

use axum::extract::Path;
use model::compute::server::deleted;
use model::compute::{ActionEvent, Server, ServerAction, actions_of_server};
use model::{Error, Result};
use serde_json::{Value, json};

use super::filters::parse_time;
use super::microversion::Microversion;
use super::paging::{Page, check_query};
use super::servers::find;
use super::view::host_id;
use super::{link, server_id};
use crate::context::Ctx;
use crate::query::Query;
use crate::reply::{Reply, json as reply};

fn view(action: &ServerAction, version: Microversion) -> Value {
    let mut body = json!({
        "action": action.action,
        "instance_uuid": action.server_id,
        "request_id": format!("req-{}", action.request_id),
        "user_id": action.user_id,
        "project_id": action.project_id,
        "start_time": action.started_at.micros_bare(),
        "message": action.message,
    });
    if version.since(58) {
        body["updated_at"] = json!(action.updated_at.micros_bare());
    }
    body
}

/// A server with its log, newest first; from 2.21 also of one that is gone.
fn find_log(ctx: &Ctx, version: Microversion, id: &str) -> Result<(Arc<Server>, Vec<Arc<ServerAction>>)> {
    match find(ctx, id) {
        Ok(server) => {
            let cloud = ctx.cloud();
            let actions = actions_of_server(&cloud, server.id).into_iter().cloned();
            Ok((server, actions.collect()))
        }
        Err(_) if version.since(21) => {
            let gone = deleted::get_visible(&ctx.cloud(), ctx.actor(), server_id(id)?)?;
            Ok((gone.server.clone(), gone.actions.iter().rev().cloned().collect()))
        }
        Err(error) => Err(error),
    }
}

/// `GET /servers/{id}/os-instance-actions`, newest first.
pub(super) async fn list(ctx: Ctx, version: Microversion, Path(id): Path<String>, query: Query) -> Reply {
    const QUERY: &[&str] = &["limit", "marker", "changes-since", "changes-before"];
    let (_, actions) = find_log(&ctx, version, &id)?;
    // Neither pages nor filters below 2.58.
    let query = if version.since(58) { query } else { Query::default() };
    check_query(&query, QUERY, version, 58)?;
    let time = |name: &str| query.get(name).map(|text| parse_time(name, text)).transpose();
    let since = time("changes-since")?;
    let before = if version.since(66) {
        time("changes-before")?
    } else {
        None
    };
    if let (Some(since), Some(before)) = (since, before)
        && since > before
    {
        return Err(Error::invalid(
            "HTTPBadRequest",
            "The value of changes-since must be less than or equal to changes-before.",
        )
        .into());
    }
    let actions: Vec<_> = actions
        .into_iter()
        .filter(|action| since.is_none_or(|since| action.updated_at >= since))
        .filter(|action| before.is_none_or(|before| action.updated_at <= before))
        .collect();
    let page = Page::read(&query)?.cut(actions, |action| format!("req-{}", action.request_id))?;
    let actions: Vec<Value> = page.items.iter().map(|action| view(action, version)).collect();
    let mut body = json!({"instanceActions": actions});
    if version.since(58) && query.get("limit").is_some() {
        let mut with_links = json!({});
        let url = link(&ctx, &format!("servers/{id}/os-instance-actions"));
        page.add_links(&mut with_links, "links", &url, &query);
        if let Some(links) = with_links.get("links_links") {
            body["links"] = links.clone();
        }
    }
    reply(&body)
}

/// `GET /servers/{id}/os-instance-actions/{request_id}`.
pub(super) async fn show(ctx: Ctx, version: Microversion, Path((id, request)): Path<(String, String)>) -> Reply {
    let (server, actions) = find_log(&ctx, version, &id)?;
    let wanted = request_id(&request)?;
    let action = actions
        .iter()
        .find(|action| action.request_id == wanted)
        .ok_or_else(|| action_not_found(&request))?;
    let mut body = view(action, version);
    let is_admin = ctx.actor().is_admin();
    // Below 2.51 steps were for administrators.
    if is_admin || version.since(51) {
        let events: Vec<Value> = action
            .events
            .iter()
            .map(|event| view_event(event, &server, version, is_admin))
            .collect();
        body["events"] = json!(events);
    }
    reply(&json!({"instanceAction": body}))
}

fn request_id(text: &str) -> Result<uuid::Uuid> {
    text.strip_prefix("req-")
        .and_then(|id| id.parse().ok())
        .ok_or_else(|| action_not_found(text))
}

fn action_not_found(request: &str) -> Error {
    Error::not_found("InstanceActionNotFound", format!("Action {request} not found"))
}

fn view_event(event: &ActionEvent, server: &Server, version: Microversion, is_admin: bool) -> Value {
    let mut body = json!({
        "event": event.event,
        "start_time": event.start_time.micros_bare(),
        "finish_time": event.finish_time.map(|at| at.micros_bare()),
        "result": event.result,
    });
    if is_admin {
        // Nothing here fails with a Python traceback.
        body["traceback"] = Value::Null;
    }
    if version.since(62) {
        body["hostId"] = json!(host_id(server));
        if is_admin {
            body["host"] = json!(event.host);
        }
    }
    if version.since(84) {
        body["details"] = json!(event.details);
    }
    body
}
