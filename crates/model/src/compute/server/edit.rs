//! What of a server may be changed while it is there: its name and the like, its metadata, its tags.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use super::admission::Operation;
use super::{Server, act, get_visible};
use crate::compute::quota;
use crate::{Actor, Error, Result, ServerId, Tx};

/// Tags of one server at most.
pub const TAG_LIMIT: usize = 50;

/// Changes asked for; `None` leaves a thing as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// Its name.
    pub name: Option<String>,
    /// Free text; `Some(None)` removes it.
    pub description: Option<Option<String>>,
    /// Its host name.
    pub hostname: Option<String>,
    /// `accessIPv4`; `Some(None)` removes it.
    pub access_ipv4: Option<Option<Ipv4Addr>>,
    /// `accessIPv6`; `Some(None)` removes it.
    pub access_ipv6: Option<Option<Ipv6Addr>>,
    /// `AUTO` or `MANUAL`.
    pub disk_config: Option<String>,
    /// The zone that it stays in when it moves; `Some(None)`: any.
    pub pinned_zone: Option<Option<String>>,
}

/// Changes a server's name and the like. `own_zone` is the one that it is in.
///
/// # Errors
/// `InstanceNotFound`; a conflict when it is to be pinned to another zone than the one that it is in.
pub fn update(tx: &mut Tx<'_>, actor: &Actor, id: ServerId, changes: Changes, own_zone: &str) -> Result<Arc<Server>> {
    if let Some(Some(zone)) = &changes.pinned_zone {
        let server = get_visible(tx.cloud(), actor, id)?;
        check_pin(server.requested_zone.as_deref(), zone, own_zone)?;
    }
    change(tx, actor, id, |server| {
        set(&mut server.name, changes.name);
        set(&mut server.description, changes.description);
        set(&mut server.hostname, changes.hostname);
        set(&mut server.access_ipv4, changes.access_ipv4);
        set(&mut server.access_ipv6, changes.access_ipv6);
        set(&mut server.disk_config, changes.disk_config);
        set(&mut server.requested_zone, changes.pinned_zone);
    })
}

/// Whether a server may be pinned to a zone: to that of its pin, or (unpinned) to the one that it is in.
fn check_pin(pinned: Option<&str>, wanted: &str, own_zone: &str) -> Result<()> {
    match pinned {
        Some(pinned) if pinned == wanted => Ok(()),
        Some(_) => Err(Error::conflict(
            "HTTPConflict",
            "A server's zone can't be changed for another: unpin it first, with 'pinned_availability_zone' null.",
        )),
        None if wanted == own_zone => Ok(()),
        None => Err(Error::conflict(
            "HTTPConflict",
            format!("A server can be pinned to the zone that it is in, '{own_zone}', and not to '{wanted}'."),
        )),
    }
}

fn set<T>(place: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *place = value;
    }
}

fn change(tx: &mut Tx<'_>, actor: &Actor, id: ServerId, edit: impl FnOnce(&mut Server)) -> Result<Arc<Server>> {
    let mut server = Server::clone(&*get_visible(tx.cloud(), actor, id)?);
    edit(&mut server);
    server.updated_at = tx.now();
    Ok(tx.put(server))
}

/// Whether given metadata replaces what is there or is laid over it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetadataChange {
    /// All of it is new (PUT).
    Replace,
    /// Only these keys are (POST, PUT of one).
    Merge,
}

/// Changes a server's metadata.
///
/// # Errors
/// `InstanceNotFound`, `MetadataLimitExceeded`, what admission denies.
pub fn set_metadata(
    tx: &mut Tx<'_>,
    actor: &Actor,
    id: ServerId,
    items: BTreeMap<String, String>,
    how: MetadataChange,
) -> Result<Arc<Server>> {
    let server = get_visible(tx.cloud(), actor, id)?;
    act::admit_for(&server, actor, Operation::ChangeMetadata)?;
    let mut metadata = match how {
        MetadataChange::Replace => BTreeMap::new(),
        MetadataChange::Merge => server.metadata.clone(),
    };
    metadata.extend(items);
    quota::check_metadata_items(tx.cloud(), &server.project_id, metadata.len())?;
    change(tx, actor, id, |server| server.metadata = metadata)
}

/// Removes one item of a server's metadata.
///
/// # Errors
/// `InstanceNotFound`, `InstanceMetadataNotFound`, what admission denies.
pub fn delete_metadata_item(tx: &mut Tx<'_>, actor: &Actor, id: ServerId, key: &str) -> Result<()> {
    let server = get_visible(tx.cloud(), actor, id)?;
    if !server.metadata.contains_key(key) {
        return Err(metadata_item_not_found());
    }
    act::admit_for(&server, actor, Operation::ChangeMetadata)?;
    change(tx, actor, id, |server| {
        server.metadata.remove(key);
    })?;
    Ok(())
}

/// The error for an item that a server does not have.
pub fn metadata_item_not_found() -> Error {
    Error::not_found("InstanceMetadataNotFound", "Metadata item was not found")
}

/// Replaces a server's tags.
///
/// # Errors
/// `InstanceNotFound`, too many of them.
pub fn replace_tags(tx: &mut Tx<'_>, actor: &Actor, id: ServerId, tags: BTreeSet<String>) -> Result<Arc<Server>> {
    check_tag_count(tags.len())?;
    change(tx, actor, id, |server| server.tags = tags)
}

/// Whether a tag was there before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TagAdded {
    /// It is new.
    New,
    /// It was there.
    Known,
}

/// Adds a tag.
///
/// # Errors
/// `InstanceNotFound`, too many of them.
pub fn add_tag(tx: &mut Tx<'_>, actor: &Actor, id: ServerId, tag: &str) -> Result<TagAdded> {
    let server = get_visible(tx.cloud(), actor, id)?;
    if server.tags.contains(tag) {
        return Ok(TagAdded::Known);
    }
    check_tag_count(server.tags.len() + 1)?;
    change(tx, actor, id, |server| {
        server.tags.insert(tag.to_owned());
    })?;
    Ok(TagAdded::New)
}

fn check_tag_count(count: usize) -> Result<()> {
    if count <= TAG_LIMIT {
        return Ok(());
    }
    Err(Error::invalid(
        "InstanceTagLimit",
        format!("The number of tags exceeded the per-server limit {TAG_LIMIT}"),
    ))
}

/// Removes a tag.
///
/// # Errors
/// `InstanceNotFound`, `InstanceTagNotFound`.
pub fn remove_tag(tx: &mut Tx<'_>, actor: &Actor, id: ServerId, tag: &str) -> Result<()> {
    let server = get_visible(tx.cloud(), actor, id)?;
    if !server.tags.contains(tag) {
        return Err(tag_not_found(id, tag));
    }
    change(tx, actor, id, |server| {
        server.tags.remove(tag);
    })?;
    Ok(())
}

/// The error for a tag that a server does not have.
pub fn tag_not_found(id: ServerId, tag: &str) -> Error {
    Error::not_found("InstanceTagNotFound", format!("Instance {id} has no tag '{tag}'"))
}
