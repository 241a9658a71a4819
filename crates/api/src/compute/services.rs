//! Nova's services: here all of them are one process. What an administrator says of the compute service is kept: a disabled
//! one takes no new servers, one forced down counts as down.

use axum::extract::Path;
use model::compute::HostService;
use model::compute::host_service;
use model::{Error, Result};
use serde_json::{Map, Value, json};

use super::availability_zones::is_up;
use super::body::{Field, Object, TEXT_LIMIT, field, missing, wrong};
use super::hypervisors::stable_uuid;
use super::microversion::Microversion;
use super::own_zone;
use super::paging::check_query;
use crate::context::Ctx;
use crate::extract::Wire;
use crate::query::Query;
use crate::reply::{Reply, json as reply};

/// The compute service's number, below 2.53.
pub(super) const COMPUTE_NUMBER: u32 = 2;

const SCHEDULER: &str = "nova-scheduler";
const COMPUTE: &str = "nova-compute";

/// A service's line in the list.
fn line(ctx: &Ctx, version: Microversion, binary: &str, said: &HostService) -> Value {
    let is_compute = binary == COMPUTE;
    let up = !is_compute || is_up(ctx);
    let mut body = json!({
        "id": if is_compute { COMPUTE_NUMBER } else { 1 },
        "binary": binary,
        "host": said.host,
        "zone": if is_compute { own_zone(ctx) } else { "internal".to_owned() },
        "status": if is_compute && said.disabled { "disabled" } else { "enabled" },
        "state": if up { "up" } else { "down" },
        "updated_at": ctx.control().now().micros_bare(),
        "disabled_reason": said.reason.as_ref().filter(|_| is_compute),
    });
    if version.since(11) {
        body["forced_down"] = json!(is_compute && said.forced_down);
    }
    if version.since(53) {
        body["id"] = json!(stable_uuid(binary, said.host.as_str()));
    }
    body
}

fn said(ctx: &Ctx) -> HostService {
    host_service::of(&ctx.cloud(), ctx.control().host_id())
}

/// `GET /os-services`.
pub(super) async fn list(ctx: Ctx, version: Microversion, query: Query) -> Reply {
    check_query(&query, &["host", "binary"], version, 75)?;
    let said = said(&ctx);
    let services: Vec<Value> = [SCHEDULER, COMPUTE]
        .into_iter()
        .filter(|binary| query.get("binary").is_none_or(|wanted| wanted == *binary))
        .filter(|_| query.get("host").is_none_or(|wanted| wanted == said.host.as_str()))
        .map(|binary| line(&ctx, version, binary, &said))
        .collect();
    reply(&json!({"services": services}))
}

/// `PUT /os-services/{…}`: an action up to 2.52, the service's id from 2.53.
pub(super) async fn update(
    ctx: Ctx,
    version: Microversion,
    Path(id): Path<String>,
    Wire(body): Wire<Map<String, Value>>,
) -> Reply {
    if version.since(53) {
        return update_by_id(ctx, version, &id, &body).await;
    }
    act(ctx, version, &id, &body).await
}

/// `enable`, `disable`, `disable-log-reason`, from 2.11 `force-down`.
async fn act(ctx: Ctx, version: Microversion, action: &str, body: &Map<String, Value>) -> Reply {
    let fields: &[Field] = match action {
        "enable" | "disable" => &[field("host"), field("binary")],
        "disable-log-reason" => &[field("host"), field("binary"), field("disabled_reason")],
        "force-down" if version.since(11) => &[field("host"), field("binary"), field("forced_down")],
        _ => return Err(Error::not_found("HTTPNotFound", "Unknown action").into()),
    };
    let body = Object::new(body).allow(fields, version)?;
    let host = body.text("host", 1..=TEXT_LIMIT)?.ok_or_else(|| missing("host"))?;
    let binary = body.text("binary", 1..=TEXT_LIMIT)?.ok_or_else(|| missing("binary"))?;
    let reason = read_reason(body)?;
    if action == "disable-log-reason" && reason.is_none() {
        return Err(missing("disabled_reason").into());
    }
    let forced_down = body.boolean("forced_down")?;
    if action == "force-down" && forced_down.is_none() {
        return Err(missing("forced_down").into());
    }
    if host != ctx.control().host_id().as_str() || binary != COMPUTE {
        return Err(Error::not_found(
            "HostBinaryNotFound",
            format!("Could not find binary {binary} on host {host}."),
        )
        .into());
    }
    let disabled = match action {
        "enable" => Some(false),
        "force-down" => None,
        _ => Some(true),
    };
    let row = change(&ctx, disabled, reason, forced_down).await?;
    let mut answer = json!({"host": row.host, "binary": COMPUTE});
    if action == "force-down" {
        answer["forced_down"] = json!(row.forced_down);
    } else {
        answer["status"] = json!(if row.disabled { "disabled" } else { "enabled" });
    }
    if action == "disable-log-reason" {
        answer["disabled_reason"] = json!(row.reason);
    }
    reply(&json!({"service": answer}))
}

fn read_reason(body: Object<'_>) -> Result<Option<String>> {
    let Some(reason) = body.text("disabled_reason", 1..=TEXT_LIMIT)? else {
        return Ok(None);
    };
    if reason.trim() != reason {
        return Err(wrong(
            "disabled_reason",
            &json!(reason),
            "A reason has no spaces at its ends.",
        ));
    }
    Ok(Some(reason.to_owned()))
}

async fn change(
    ctx: &Ctx,
    disabled: Option<bool>,
    reason: Option<String>,
    forced_down: Option<bool>,
) -> Result<HostService> {
    let host = ctx.control().host_id().clone();
    let row = ctx
        .transact(move |tx, _| {
            Ok(host_service::change(tx, &host, |row| {
                if let Some(disabled) = disabled {
                    row.disabled = disabled;
                    row.reason = reason;
                }
                row.forced_down = forced_down.unwrap_or(row.forced_down);
            }))
        })
        .await?;
    Ok(HostService::clone(&row))
}

/// The service with this id.
fn check_id(ctx: &Ctx, version: Microversion, id: &str) -> Result<()> {
    if !version.since(53) {
        let number: u32 = id
            .parse()
            .map_err(|_| Error::invalid("HTTPBadRequest", format!("Invalid service id {id}")))?;
        return if number == COMPUTE_NUMBER {
            Ok(())
        } else {
            Err(unknown(id))
        };
    }
    let id: uuid::Uuid = id
        .parse()
        .map_err(|_| Error::invalid("HTTPBadRequest", format!("Invalid uuid {id}")))?;
    if id == stable_uuid(COMPUTE, ctx.control().host_id().as_str()) {
        return Ok(());
    }
    Err(unknown(&id.to_string()))
}

fn unknown(id: &str) -> Error {
    Error::not_found("ServiceNotFound", format!("Service {id} could not be found."))
}

async fn update_by_id(ctx: Ctx, version: Microversion, id: &str, body: &Map<String, Value>) -> Reply {
    const FIELDS: &[Field] = &[field("status"), field("disabled_reason"), field("forced_down")];
    let body = Object::new(body).allow(FIELDS, version)?;
    let disabled = match body.text("status", 0..=TEXT_LIMIT)? {
        None => None,
        Some("enabled") => Some(false),
        Some("disabled") => Some(true),
        Some(other) => {
            return Err(wrong("status", &json!(other), "It is neither 'enabled' nor 'disabled'.").into());
        }
    };
    let (reason, forced_down) = (read_reason(body)?, body.boolean("forced_down")?);
    check_id(&ctx, version, id)?;
    if reason.is_some() && disabled != Some(true) {
        return Err(Error::invalid(
            "HTTPBadRequest",
            "Specifying disabled_reason requires that status is 'disabled'.",
        )
        .into());
    }
    if disabled.is_none() && forced_down.is_none() {
        return Err(Error::invalid(
            "HTTPBadRequest",
            "No updates were requested. Fields 'status' or 'forced_down' should be specified.",
        )
        .into());
    }
    let row = change(&ctx, disabled, reason, forced_down).await?;
    reply(&json!({"service": line(&ctx, version, COMPUTE, &row)}))
}

/// `DELETE /os-services/{id}`: for services whose host is gone. The one of this cloud is where it runs.
pub(super) async fn delete(ctx: Ctx, version: Microversion, Path(id): Path<String>) -> Reply {
    check_id(&ctx, version, &id)?;
    Err(Error::conflict(
        "HTTPConflict",
        format!("Unable to delete compute service {id}: it is the one that this cloud runs its servers with."),
    )
    .into())
}
