//! `POST /servers/{id}/action`: one action a body, named by its only key.

use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use model::compute::server::act::{self, ResetTo};
use model::compute::server::admission::{Asker, Denied, Operation, admit};
use model::compute::server::{self, port};
use model::console::{CONSOLE_LIMIT_BYTES, last_lines};
use model::{Error, Result, ServerId};
use serde_json::{Map, Value, json};

use super::body::{Field, Object, TEXT_LIMIT, field, missing, wrong};
use super::microversion::{MIN, Microversion};
use super::servers::find;
use super::{moves, networks, no_such_action, remote_consoles, server_id, works};
use crate::context::Ctx;
use crate::extract::Wire;
use crate::reply::{Reply, json as reply};

/// `POST /servers/{id}/action`.
pub(super) async fn act(
    ctx: Ctx,
    version: Microversion,
    Path(id): Path<String>,
    Wire(body): Wire<Map<String, Value>>,
) -> Reply {
    let mut names = body.keys();
    let (Some(name), None) = (names.next(), names.next()) else {
        return Err(Error::invalid("HTTPBadRequest", "A body names one action: {\"os-stop\": null}.").into());
    };
    let id = server_id(&id)?;
    let arguments = Object::new(&body);
    match name.as_str() {
        "os-start" => power(&ctx, id, Operation::Start).await?,
        "os-stop" => power(&ctx, id, Operation::Stop).await?,
        "pause" => power(&ctx, id, Operation::Pause).await?,
        "unpause" => power(&ctx, id, Operation::Unpause).await?,
        "suspend" => power(&ctx, id, Operation::Suspend).await?,
        "resume" => power(&ctx, id, Operation::Resume).await?,
        "reboot" => power(&ctx, id, read_reboot(arguments)?).await?,
        "forceDelete" => force_delete(&ctx, id).await?,
        "lock" => lock(&ctx, id, read_lock(arguments, version)?).await?,
        "unlock" => unlock(&ctx, id).await?,
        "addSecurityGroup" => change_group(&ctx, id, read_group(arguments, name)?, port::add_security_group).await?,
        "removeSecurityGroup" => {
            change_group(&ctx, id, read_group(arguments, name)?, port::remove_security_group).await?;
        }
        "os-resetState" => reset_state(&ctx, id, arguments).await?,
        "os-getConsoleOutput" => return console_output(&ctx, id, arguments).await,
        "changePassword" => return Err(change_password(&ctx, id, arguments)?.into()),
        "os-getVNCConsole" | "os-getSPICEConsole" | "os-getSerialConsole" | "os-getRDPConsole" => {
            return remote_consoles::by_action(&ctx, version, &id.to_string(), name, arguments);
        }
        "evacuate" => return moves::evacuate(&ctx, version, id, arguments).await,
        "os-migrateLive" => moves::live(&ctx, version, id, arguments).await?,
        "trigger_crash_dump" => crash_dump(&ctx, version, id).await?,
        "addFixedIp" => networks::add_fixed(&ctx, version, id, arguments).await?,
        "removeFixedIp" => networks::remove_fixed(&ctx, version, id, arguments).await?,
        "addFloatingIp" => networks::add_floating(&ctx, version, id, arguments).await?,
        "removeFloatingIp" => networks::remove_floating(&ctx, version, id, arguments).await?,
        "injectNetworkInfo" => {
            works::need_admin(&ctx, "os-admin-actions:inject_network_info")?;
            find(&ctx, &id.to_string())?;
        }
        "restore" => return Err(not_deleted(&ctx, id)?.into()),
        "resetNetwork" => return Err(gone().into()),
        name if works::NAMES.contains(&name) => return works::act(&ctx, version, id, name, arguments).await,
        _ => return Err(no_such_action(&body).into()),
    }
    Ok(StatusCode::ACCEPTED.into_response())
}

async fn power(ctx: &Ctx, id: ServerId, operation: Operation) -> Result<()> {
    let request_id = ctx.request_id().0;
    ctx.transact(move |tx, actor| act::power(tx, actor, id, operation, request_id))
        .await?;
    Ok(())
}

fn read_reboot(arguments: Object<'_>) -> Result<Operation> {
    let arguments = arguments.object("reboot")?.ok_or_else(|| missing("reboot"))?;
    let arguments = arguments.allow(&[field("type")], MIN)?;
    let kind = arguments.text("type", 1..=TEXT_LIMIT)?.ok_or_else(|| missing("type"))?;
    match kind.to_ascii_uppercase().as_str() {
        "SOFT" => Ok(Operation::SoftReboot),
        "HARD" => Ok(Operation::HardReboot),
        _ => Err(wrong("type", &json!(kind), "It is neither 'SOFT' nor 'HARD'.")),
    }
}

async fn force_delete(ctx: &Ctx, id: ServerId) -> Result<()> {
    let request_id = ctx.request_id().0;
    ctx.transact(move |tx, actor| server::delete::delete(tx, actor, id, Operation::ForceDelete, request_id))
        .await
}

fn read_lock(arguments: Object<'_>, version: Microversion) -> Result<Option<String>> {
    if !version.since(73) {
        return Ok(None);
    }
    let Some(arguments) = arguments.object("lock")? else {
        return Ok(None);
    };
    let arguments = arguments.allow(&[field("locked_reason")], version)?;
    Ok(arguments.text("locked_reason", 1..=TEXT_LIMIT)?.map(str::to_owned))
}

async fn lock(ctx: &Ctx, id: ServerId, reason: Option<String>) -> Result<()> {
    let request_id = ctx.request_id().0;
    ctx.transact(move |tx, actor| act::lock(tx, actor, id, reason, request_id))
        .await?;
    Ok(())
}

async fn unlock(ctx: &Ctx, id: ServerId) -> Result<()> {
    let request_id = ctx.request_id().0;
    ctx.transact(move |tx, actor| act::unlock(tx, actor, id, request_id))
        .await?;
    Ok(())
}

fn read_group(arguments: Object<'_>, action: &str) -> Result<String> {
    let arguments = arguments.object(action)?.ok_or_else(|| missing(action))?;
    let arguments = arguments.allow(&[field("name")], MIN)?;
    let name = arguments.text("name", 1..=TEXT_LIMIT)?.ok_or_else(|| missing("name"))?;
    Ok(name.to_owned())
}

type GroupRule = fn(&mut model::Tx<'_>, &model::Actor, ServerId, &str) -> Result<()>;

async fn change_group(ctx: &Ctx, id: ServerId, name: String, rule: GroupRule) -> Result<()> {
    ctx.transact(move |tx, actor| rule(tx, actor, id, &name)).await
}

async fn reset_state(ctx: &Ctx, id: ServerId, arguments: Object<'_>) -> Result<()> {
    const FIELDS: &[Field] = &[field("state")];
    let arguments = arguments
        .object("os-resetState")?
        .ok_or_else(|| missing("os-resetState"))?;
    let arguments = arguments.allow(FIELDS, MIN)?;
    let to = match arguments.text("state", 1..=TEXT_LIMIT)? {
        Some("active") => ResetTo::Active,
        Some("error") => ResetTo::Error,
        Some(other) => return Err(wrong("state", &json!(other), "It is neither 'active' nor 'error'.")),
        None => return Err(missing("state")),
    };
    if !ctx.actor().is_admin() {
        return Err(Error::forbidden(
            "PolicyNotAuthorized",
            "Policy doesn't allow os_compute_api:os-admin-actions:reset_state to be performed.",
        ));
    }
    ctx.transact(move |tx, actor| act::reset_state(tx, actor, id, to))
        .await?;
    Ok(())
}

async fn console_output(ctx: &Ctx, id: ServerId, arguments: Object<'_>) -> Reply {
    let arguments = arguments
        .object("os-getConsoleOutput")?
        .ok_or_else(|| wrong("os-getConsoleOutput", &Value::Null, "It is not of type 'object'."))?;
    let arguments = arguments.allow(&[field("length")], MIN)?;
    let lines = match arguments.value("length") {
        // -1 is everything.
        Some(value) if *value == json!(-1) || *value == json!("-1") => None,
        _ => arguments.integer("length", 0..=u64::from(u32::MAX))?,
    };
    let server = find(ctx, &id.to_string())?;
    if server.host.is_none() {
        return Err(Error::conflict("InstanceNotReady", format!("Instance {id} is not ready")).into());
    }
    let bytes = ctx.control().console_tail(id, CONSOLE_LIMIT_BYTES).await?;
    let lines = lines.map(|lines| usize::try_from(lines).unwrap_or(usize::MAX));
    let is_plain = |c: &char| !c.is_control() || matches!(c, '\n' | '\t' | '\r');
    let output: String = last_lines(&bytes, lines).chars().filter(is_plain).collect();
    reply(&json!({"output": output}))
}

/// No agent inside the guest: what can be said is whether the request was right.
fn change_password(ctx: &Ctx, id: ServerId, arguments: Object<'_>) -> Result<Error> {
    let arguments = arguments
        .object("changePassword")?
        .ok_or_else(|| missing("changePassword"))?;
    let arguments = arguments.allow(&[field("adminPass")], MIN)?;
    arguments
        .text("adminPass", 0..=TEXT_LIMIT)?
        .ok_or_else(|| missing("adminPass"))?;
    let server = find(ctx, &id.to_string())?;
    let asker = if ctx.actor().is_admin() {
        Asker::Admin
    } else {
        Asker::Member
    };
    admit(&server, asker, Operation::ChangePassword).map_err(|denied| denied.into_error(id, "changePassword"))?;
    Ok(Error::invalid(
        "HTTPNotImplemented",
        "Unable to set password on instance: there is no agent inside it. Log in with its key and change the password there.",
    ))
}

/// What is deleted is gone at once here (Nova's `reclaim_instance_interval = 0`), so there is nothing to restore.
fn not_deleted(ctx: &Ctx, id: ServerId) -> Result<Error> {
    let server = find(ctx, &id.to_string())?;
    Ok(Denied::VmState(server.vm_state).into_error(id, "restore"))
}

/// It was for one hypervisor, which Nova no longer has.
fn gone() -> Error {
    Error::conflict(
        "HTTPGone",
        "This action worked with the Xen driver only, which Nova removed in its release 23.0.0.",
    )
}

/// `trigger_crash_dump`, from 2.17: a non-maskable interrupt. Who set the guest up for it finds a dump in it.
async fn crash_dump(ctx: &Ctx, version: Microversion, id: ServerId) -> Result<()> {
    version.require(17)?;
    let request_id = ctx.request_id().0;
    ctx.transact(move |tx, actor| act::crash_dump(tx, actor, id, request_id))
        .await?;
    if ctx.control().interrupt(id).await {
        return Ok(());
    }
    Err(Error::conflict(
        "InstanceNotRunning",
        format!("Instance {id} is not running."),
    ))
}
