//! Consoles to use in a browser (`remote-consoles` from 2.6, the actions `os-get…Console` before): URLs whose token ends. A
//! server has a screen (`novnc`) and a serial port; other kinds are not available, as at a Nova with those off. What a server
//! wrote to its serial port is told by `os-getConsoleOutput`, too.

use axum::extract::Path;
use model::compute::TaskState;
use model::compute::server::admission::Denied;
use model::console::ConsoleKind;
use model::{Error, Result};
use serde_json::{Map, Value, json};

use super::body::{Object, TEXT_LIMIT, field, missing, wrong};
use super::microversion::{MIN, Microversion};
use super::servers::find;
use crate::console;
use crate::context::Ctx;
use crate::extract::Wire;
use crate::reply::{Reply, json as reply};

/// Protocols, and since which microversion.
const PROTOCOLS: &[(&str, u16)] = &[("vnc", 6), ("spice", 6), ("serial", 6), ("rdp", 6), ("mks", 8)];

/// Kinds of consoles, and since which microversion.
const TYPES: &[(&str, u16)] = &[
    ("novnc", 6),
    ("xvpvnc", 6),
    ("spice-html5", 6),
    ("serial", 6),
    ("rdp-html5", 6),
    ("webmks", 8),
    ("spice-direct", 99),
];

/// `POST /servers/{id}/remote-consoles`.
pub(super) async fn create(
    ctx: Ctx,
    version: Microversion,
    Path(id): Path<String>,
    Wire(body): Wire<Map<String, Value>>,
) -> Reply {
    version.require(6)?;
    let body = Object::only_member(&body, "remote_console")?.allow(&[field("protocol"), field("type")], version)?;
    let protocol = read(body, "protocol", PROTOCOLS, version)?;
    let kind = read(body, "type", TYPES, version)?;
    let kind = if protocol == "rdp" { protocol } else { kind };
    let url = make_url(&ctx, &id, kind, protocol)?;
    reply(&json!({"remote_console": {"protocol": protocol, "type": kind, "url": url}}))
}

fn read<'a>(body: Object<'a>, name: &str, known: &[(&str, u16)], version: Microversion) -> Result<&'a str> {
    let text = body.text(name, 0..=TEXT_LIMIT)?.ok_or_else(|| missing(name))?;
    let mut known = known.iter().filter(|(_, since)| version.since(*since));
    match known.any(|(value, _)| *value == text) {
        true => Ok(text),
        false => Err(wrong(name, &json!(text), "There is none such in this microversion.")),
    }
}

/// `os-getVNCConsole` and its kin, up to 2.5.
pub(super) fn by_action(ctx: &Ctx, version: Microversion, id: &str, action: &str, arguments: Object<'_>) -> Reply {
    version.require_until(5)?;
    let (protocol, kinds): (_, &[(&str, u16)]) = match action {
        "os-getVNCConsole" => ("vnc", &[("novnc", 1), ("xvpvnc", 1)]),
        "os-getSPICEConsole" => ("spice", &[("spice-html5", 1)]),
        "os-getRDPConsole" => ("rdp", &[("rdp-html5", 1)]),
        _ => ("serial", &[("serial", 1)]),
    };
    let arguments = arguments.object(action)?.ok_or_else(|| missing(action))?;
    let kind = read(arguments.allow(&[field("type")], MIN)?, "type", kinds, version)?;
    let url = make_url(ctx, id, kind, protocol)?;
    reply(&json!({"console": {"type": kind, "url": url}}))
}

/// The URL of a console. It opens once the server runs, if it does not now.
///
/// # Errors
/// No such server, none on a host, one that is being deleted, a kind that there is not.
fn make_url(ctx: &Ctx, id: &str, kind: &str, protocol: &str) -> Result<String> {
    let server = find(ctx, id)?;
    if server.host.is_none() {
        return Err(Error::conflict(
            "InstanceNotReady",
            format!("Instance {id} is not ready"),
        ));
    }
    if server.task_state == Some(TaskState::Deleting) {
        let operation = format!("get_{protocol}_console");
        return Err(Denied::TaskState(TaskState::Deleting).into_error(server.id, &operation));
    }
    let console = match (protocol, kind) {
        ("vnc", "novnc") => ConsoleKind::Vnc,
        ("serial", "serial") => ConsoleKind::Serial,
        _ => {
            return Err(Error::invalid(
                "ConsoleTypeUnavailable",
                format!("Unavailable console type {kind}."),
            ));
        }
    };
    let token = ctx.control().seal_console_token(server.id, console)?;
    Ok(console::url(ctx.base_url(), console, &token))
}

/// `GET /os-console-auth-tokens/{token}`, from 2.31: which server's console a token opens, and where.
pub(super) async fn show_token(ctx: Ctx, version: Microversion, Path(token): Path<String>) -> Reply {
    version.require(31)?;
    let claims = ctx.control().open_console_token(&token)?;
    let mut body = json!({
        "instance_uuid": claims.server_id,
        "host": ctx.control().host_id(),
        "port": port_of(ctx.base_url()),
        "internal_access_path": "console/websockify",
    });
    if version.since(99) {
        body["tls_port"] = Value::Null;
    }
    reply(&json!({"console": body}))
}

/// The port of a URL: consoles are on the API's.
fn port_of(url: &str) -> u16 {
    let authority = url.split("://").nth(1).unwrap_or_default();
    let port = authority.rsplit_once(':').and_then(|(_, port)| port.parse().ok());
    port.unwrap_or(if url.starts_with("https") { 443 } else { 80 })
}
