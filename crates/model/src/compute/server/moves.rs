//! Moves to another host, and why they don't happen: a cloud of one host has none to move to. The answers are those that Nova
//! gives where its scheduler finds no host.

use super::admission::Operation;
use super::create::Hosts;
use super::{Server, act, get_visible};
use crate::compute::migration::{self, MigrationKind, MigrationStatus};
use crate::compute::{ActionLog, finish_action};
use crate::{Actor, Error, HostId, Result, ServerId, Tx};

const NO_HOST: &str = "No valid host was found. There are not enough hosts available.";

/// Moves a running server (`os-migrateLive`). Where the checks come `later` (microversion 2.34), the request is taken and the
/// migration then fails; the server runs on.
///
/// # Errors
/// `InstanceNotFound`; what admission denies; a host that there is not; else `NoValidHost`, unless `later`.
pub fn live(
    tx: &mut Tx<'_>,
    actor: &Actor,
    id: ServerId,
    to: Option<&HostId>,
    later: bool,
    hosts: &Hosts,
    request_id: uuid::Uuid,
) -> Result<()> {
    let server = get_visible(tx.cloud(), actor, id)?;
    act::admit_for(&server, actor, Operation::LiveMigrate)?;
    if let Some(host) = to {
        if !is_known(host, &server, hosts) {
            return Err(Error::invalid("ComputeHostNotFound", unknown(host)));
        }
        if !later && server.host.as_ref() == Some(host) {
            return Err(Error::invalid(
                "UnableToMigrateToSelf",
                format!("Unable to migrate instance ({id}) to current host ({host})."),
            ));
        }
    }
    if !later {
        return Err(Error::invalid("NoValidHost", NO_HOST));
    }
    let host = server.host.clone().unwrap_or_else(|| HostId::from(""));
    let flavor = server.flavor.id.clone();
    let number = migration::begin(tx, actor, &server, &host, &flavor, MigrationKind::Live);
    migration::note(tx, number, MigrationStatus::Error);
    ActionLog::new("live-migration", request_id).record(tx, actor, &server);
    let mut told = Server::clone(&server);
    told.fault = Some(super::Fault {
        code: 400,
        message: NO_HOST.to_owned(),
        details: String::new(),
        created: tx.now(),
    });
    finish_action(tx, &told, true);
    Ok(())
}

/// Takes a server from a host that is down (`evacuate`).
///
/// # Errors
/// `InstanceNotFound`; what admission denies; a host that there is not, or its own; `ComputeServiceInUse` while its host is
/// up; else `NoValidHost`.
pub fn evacuate(
    tx: &mut Tx<'_>,
    actor: &Actor,
    id: ServerId,
    to: Option<&HostId>,
    is_up: bool,
    hosts: &Hosts,
) -> Result<()> {
    let server = get_visible(tx.cloud(), actor, id)?;
    if let Some(host) = to {
        if !is_known(host, &server, hosts) {
            return Err(Error::not_found("ComputeHostNotFound", unknown(host)));
        }
        if server.host.as_ref() == Some(host) {
            return Err(Error::invalid(
                "HTTPBadRequest",
                "The target host can't be the same one.",
            ));
        }
    }
    act::admit_for(&server, actor, Operation::Evacuate)?;
    if is_up {
        let host = server.host.as_ref().map(ToString::to_string).unwrap_or_default();
        return Err(Error::invalid(
            "ComputeServiceInUse",
            format!("Compute service of {host} is still in use."),
        ));
    }
    Err(Error::invalid("NoValidHost", NO_HOST))
}

fn is_known(host: &HostId, server: &Server, hosts: &Hosts) -> bool {
    hosts.has(host) || server.host.as_ref() == Some(host)
}

fn unknown(host: &HostId) -> String {
    format!("Compute host {host} could not be found.")
}
