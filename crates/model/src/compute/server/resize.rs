//! Changing a server's size: on trial first, then confirmed or taken back. With one host the server stays where it is, as
//! with Nova's `allow_resize_to_same_host`.

use std::sync::Arc;

use super::admission::Operation;
use super::create::{Hosts, as_bad_request};
use super::works::Resize;
use super::{PowerState, Server, ServerFlavor, TaskState, VmState, act, boot_image, get_visible};
use crate::compute::migration::{self, MigrationKind, MigrationStatus};
use crate::compute::schedule::{self, Claim};
use crate::compute::{ActionLog, flavor, quota};
use crate::host::DesiredPower;
use crate::image::Image;
use crate::{Actor, Cloud, Error, FlavorId, Result, ServerId, Tx};

const BYTES_PER_GIB: u64 = 1 << 30;

/// A size that is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSize {
    /// The flavor.
    pub flavor_id: FlavorId,
    /// `AUTO` or `MANUAL`; `None` leaves it as it is.
    pub disk_config: Option<String>,
}

/// Begins a change of size.
///
/// # Errors
/// `InstanceNotFound`; what admission denies; the flavor is unknown, the same, or too small for the server's disks; quotas;
/// the host has no room.
pub fn resize(
    tx: &mut Tx<'_>,
    actor: &Actor,
    id: ServerId,
    size: &NewSize,
    hosts: &Hosts,
    request_id: uuid::Uuid,
) -> Result<Arc<Server>> {
    let server = get_visible(tx.cloud(), actor, id)?;
    act::admit_for(&server, actor, Operation::Resize)?;
    let found = flavor::get_visible(tx.cloud(), actor, &size.flavor_id).map_err(as_bad_request)?;
    let new = ServerFlavor::from(&*found);
    check(tx.cloud(), &server, &new, hosts)?;
    let mut server = Server::clone(&server);
    let Some(host) = server.host.clone() else {
        return Err(Error::internal("InternalServerError", "an admitted server has a host"));
    };
    let migration = migration::begin(tx, actor, &server, &host, &new.id, MigrationKind::Resize);
    server.works.resizes += 1;
    server.works.resize = Some(Resize {
        old_flavor: std::mem::replace(&mut server.flavor, new),
        was: server.vm_state,
        migration,
    });
    if let Some(disk_config) = &size.disk_config {
        server.disk_config.clone_from(disk_config);
    }
    server.task_state = Some(TaskState::ResizePrep);
    server.progress = 0;
    server.updated_at = tx.now();
    ActionLog::new("resize", request_id).record(tx, actor, &server);
    Ok(tx.put(server))
}

/// Whether a server may have this size, for who wants to know it beforehand. What admission says is another question.
///
/// # Errors
/// It has that size; its disks would shrink; its image needs more; quotas; the host has no room.
pub fn check(cloud: &Cloud, server: &Server, new: &ServerFlavor, hosts: &Hosts) -> Result<()> {
    if new.id == server.flavor.id {
        return Err(Error::invalid(
            "CannotResizeToSameFlavor",
            "When resizing, instances must change flavor!",
        ));
    }
    check_disks(server, new)?;
    if let Some(image) = server.image.as_ref().and_then(|image| cloud.find::<Image>(&image.id)) {
        boot_image::check_room(image, new)?;
    }
    quota::check_resize(cloud, &server.project_id, &server.flavor, new)?;
    room(cloud, server, new, hosts)
        .map_err(|no_host| Error::invalid("NoValidHost", format!("{} {}", no_host.message(), no_host.details())))
}

/// Disks only grow: what is on them must stay.
fn check_disks(server: &Server, new: &ServerFlavor) -> Result<()> {
    let old = &server.flavor;
    if new.root_gib == 0 && old.root_gib != 0 {
        return Err(Error::invalid(
            "CannotResizeDisk",
            "Resize to zero disk flavor is not allowed.",
        ));
    }
    // A flavor without a size for its root disk had it as large as the image.
    let image_gib = server
        .image
        .as_ref()
        .map_or(0, |i| i.virtual_size.div_ceil(BYTES_PER_GIB));
    let has_gib = if old.root_gib == 0 { image_gib } else { old.root_gib };
    let too_small = |disk: &str, needs: u64, offers: u64| {
        Error::invalid(
            "CannotResizeDisk",
            format!(
                "{disk}: the server needs {needs} GB, flavor {} has {offers} GB. A disk can only grow: choose a flavor with at \
                 least {needs} GB.",
                new.name
            ),
        )
    };
    if new.root_gib != 0 && new.root_gib < has_gib {
        return Err(too_small("disk", has_gib, new.root_gib));
    }
    if new.ephemeral_gib < old.ephemeral_gib {
        return Err(too_small("ephemeral disk", old.ephemeral_gib, new.ephemeral_gib));
    }
    Ok(())
}

/// Whether the server's host has room for its new size, its old one given back.
///
/// # Errors
/// What it lacks.
pub fn room(
    cloud: &Cloud,
    server: &Server,
    new: &ServerFlavor,
    hosts: &Hosts,
) -> std::result::Result<(), schedule::NoValidHost> {
    let image_bytes = server.image.as_ref().map_or(0, |image| image.virtual_size);
    let given_back = Claim::of_server(server);
    let mut candidates = hosts.candidates(cloud);
    for candidate in candidates
        .iter_mut()
        .filter(|each| Some(&each.host) == server.host.as_ref())
    {
        candidate.taken = candidate.taken.minus(given_back);
    }
    let request = schedule::Request {
        claim: Claim::of_flavor(new, image_bytes),
        host: server.host.clone(),
        ..schedule::Request::default()
    };
    schedule::choose(&candidates, &hosts.policy, &request).map(|_| ())
}

/// The new size stays.
///
/// # Errors
/// `InstanceNotFound`; what admission denies; `MigrationNotFoundByStatus`.
pub fn confirm(tx: &mut Tx<'_>, actor: &Actor, id: ServerId, request_id: uuid::Uuid) -> Result<Arc<Server>> {
    let server = get_visible(tx.cloud(), actor, id)?;
    act::admit_for(&server, actor, Operation::ConfirmResize)?;
    let mut server = Server::clone(&server);
    let resize = server.works.resize.take().ok_or_else(|| no_migration(id))?;
    migration::note(tx, resize.migration, MigrationStatus::Confirmed);
    server.vm_state = match server.power_state {
        PowerState::Shutdown => VmState::Stopped,
        _ => VmState::Active,
    };
    server.updated_at = tx.now();
    ActionLog::new("confirmResize", request_id)
        .at_once()
        .record(tx, actor, &server);
    Ok(tx.put(server))
}

/// The old size comes back, and with it the disks as they were.
///
/// # Errors
/// `InstanceNotFound`; what admission denies; `MigrationNotFoundByStatus`; quotas.
pub fn revert(tx: &mut Tx<'_>, actor: &Actor, id: ServerId, request_id: uuid::Uuid) -> Result<Arc<Server>> {
    let server = get_visible(tx.cloud(), actor, id)?;
    act::admit_for(&server, actor, Operation::RevertResize)?;
    let mut server = Server::clone(&server);
    let resize = server.works.resize.take().ok_or_else(|| no_migration(id))?;
    migration::note(tx, resize.migration, MigrationStatus::Reverting);
    quota::check_resize(tx.cloud(), &server.project_id, &server.flavor, &resize.old_flavor)?;
    server.flavor = resize.old_flavor;
    server.works.reverted = server.works.resizes;
    server.desired = match resize.was {
        VmState::Stopped => DesiredPower::Off,
        _ => DesiredPower::On,
    };
    server.task_state = Some(TaskState::ResizeReverting);
    server.updated_at = tx.now();
    ActionLog::new("revertResize", request_id).record(tx, actor, &server);
    Ok(tx.put(server))
}

fn no_migration(id: ServerId) -> Error {
    Error::invalid(
        "MigrationNotFoundByStatus",
        format!("Migration not found for instance {id} with status finished."),
    )
}

/// Moves a server to another host: there is none.
///
/// # Errors
/// `InstanceNotFound`; what admission denies; else `NoValidHost`.
pub fn migrate(tx: &mut Tx<'_>, actor: &Actor, id: ServerId, host: Option<&str>, hosts: &Hosts) -> Result<()> {
    let server = get_visible(tx.cloud(), actor, id)?;
    act::admit_for(&server, actor, Operation::Migrate)?;
    if let Some(host) = host {
        let own = server.host.as_ref().is_some_and(|own| own.as_str() == host);
        return Err(if own {
            Error::invalid(
                "CannotMigrateToSameHost",
                "Cannot migrate to the host where the server exists.",
            )
        } else {
            let known = hosts.has(&host.into());
            let message = if known { "is not a target" } else { "could not be found" };
            Error::invalid("ComputeHostNotFound", format!("Compute host {host} {message}."))
        });
    }
    Err(Error::invalid(
        "NoValidHost",
        "No valid host was found. No valid host found for cold migrate: the server is on the only host of this cloud.",
    ))
}
