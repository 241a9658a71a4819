//! Tags of any Neutron resource (`standard-attr-tag`).

use std::collections::BTreeSet;
use std::sync::Arc;

use super::access::{Resource, get_changeable};
use crate::{Actor, Error, Result, Tx};

/// Most tags of one resource, as in Neutron.
pub const MAX_TAGS: usize = 50;

/// Puts all tags of a resource in place of what it had.
///
/// # Errors
/// Too many tags; see [`get_changeable`].
pub fn replace<R: Resource>(tx: &mut Tx<'_>, actor: &Actor, id: &R::Id, tags: BTreeSet<String>) -> Result<Arc<R>> {
    change::<R>(tx, actor, id, |own| *own = tags)
}

/// Adds tags to a resource.
///
/// # Errors
/// Too many tags; see [`get_changeable`].
pub fn add<R: Resource>(tx: &mut Tx<'_>, actor: &Actor, id: &R::Id, tags: BTreeSet<String>) -> Result<Arc<R>> {
    change::<R>(tx, actor, id, |own| own.extend(tags))
}

/// Removes one tag.
///
/// # Errors
/// `TagNotFound`; see [`get_changeable`].
pub fn remove<R: Resource>(tx: &mut Tx<'_>, actor: &Actor, id: &R::Id, tag: &str) -> Result<Arc<R>> {
    let row = get_changeable::<R>(tx.cloud(), actor, id, "update")?;
    if !row.standard().tags.contains(tag) {
        return Err(not_found(tag));
    }
    change::<R>(tx, actor, id, |own| {
        own.remove(tag);
    })
}

/// The resource has no such tag.
pub fn not_found(tag: &str) -> Error {
    Error::not_found("TagNotFound", format!("Tag {tag} could not be found."))
}

/// Passes when a resource may have so many tags.
///
/// # Errors
/// `BadRequest`.
pub fn check_count(tags: &BTreeSet<String>) -> Result<()> {
    if tags.len() <= MAX_TAGS {
        return Ok(());
    }
    Err(Error::invalid(
        "BadRequest",
        format!(
            "A resource has at most {MAX_TAGS} tags; this would make {}.",
            tags.len()
        ),
    ))
}

fn change<R: Resource>(
    tx: &mut Tx<'_>,
    actor: &Actor,
    id: &R::Id,
    edit: impl FnOnce(&mut BTreeSet<String>),
) -> Result<Arc<R>> {
    let mut row = R::clone(&*get_changeable::<R>(tx.cloud(), actor, id, "update")?);
    let before = row.standard().tags.clone();
    edit(&mut row.standard_mut().tags);
    check_count(&row.standard().tags)?;
    if row.standard().tags == before {
        return tx.get::<R>(id);
    }
    row.standard_mut().touch(tx.now());
    Ok(tx.put(row))
}
