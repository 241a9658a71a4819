//! Consoles to look at in a browser (`remote-consoles` from 2.6, the actions `os-get…Console` before). This cloud runs no
//! console proxy, so each asks rightly and is told that its kind is not available, as by a Nova with its consoles off.
//! What a server wrote to its serial console is told by `os-getConsoleOutput`.

use axum::extract::Path;
use model::compute::TaskState;
use model::compute::server::admission::Denied;
use model::{Error, Result};
use serde_json::{Map, Value, json};

use super::body::{Object, TEXT_LIMIT, field, missing, wrong};
use super::microversion::{MIN, Microversion};
use super::servers::find;
use crate::context::Ctx;
use crate::extract::Wire;
use crate::reply::Reply;

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
    Err(unavailable(&ctx, &id, kind, protocol)?.into())
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
pub(super) fn by_action(
    ctx: &Ctx,
    version: Microversion,
    id: &str,
    action: &str,
    arguments: Object<'_>,
) -> Result<Error> {
    version.require_until(5)?;
    let (protocol, kinds): (_, &[(&str, u16)]) = match action {
        "os-getVNCConsole" => ("vnc", &[("novnc", 1), ("xvpvnc", 1)]),
        "os-getSPICEConsole" => ("spice", &[("spice-html5", 1)]),
        "os-getRDPConsole" => ("rdp", &[("rdp-html5", 1)]),
        _ => ("serial", &[("serial", 1)]),
    };
    let arguments = arguments.object(action)?.ok_or_else(|| missing(action))?;
    let kind = read(arguments.allow(&[field("type")], MIN)?, "type", kinds, version)?;
    unavailable(ctx, id, kind, protocol)
}

/// Why there is none.
///
/// # Errors
/// What comes before that: no such server, none on a host, one that is being deleted.
fn unavailable(ctx: &Ctx, id: &str, kind: &str, protocol: &str) -> Result<Error> {
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
    Ok(Error::invalid(
        "ConsoleTypeUnavailable",
        format!("Unavailable console type {kind}."),
    ))
}
