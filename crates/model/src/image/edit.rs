//! Registering, changing and deleting images.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Map, Value};

use super::{Image, ImageStatus, Visibility, attribute, limits, read};
use crate::{Actor, Error, ImageId, Result, Tx, quota};

/// One step of a JSON patch, already read from either of Glance's two media types.
#[derive(Debug, Clone, PartialEq)]
pub struct PatchOperation {
    /// The attribute or property.
    pub name: String,
    /// What to do with it.
    pub action: PatchAction,
}

/// What a step of a patch does.
#[derive(Debug, Clone, PartialEq)]
pub enum PatchAction {
    /// Sets it, whether there or not (but see [`PatchMode::Draft4`]).
    Add(Value),
    /// Sets it if it is there.
    Replace(Value),
    /// Takes it away.
    Remove,
}

/// Which of Glance's media types a patch came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PatchMode {
    /// `openstack-images-v2.0-json-patch`: adding what is already there is a conflict.
    Draft4,
    /// `openstack-images-v2.1-json-patch`: adding what is already there replaces it.
    Draft10,
}

/// Registers an image; its data comes later.
///
/// # Errors
/// `Conflict` when the id is taken, `OverQuota`, and those of the attributes.
pub fn create(tx: &mut Tx<'_>, actor: &Actor, body: &Map<String, Value>) -> Result<Arc<Image>> {
    let id = match body.get("id") {
        None => tx.new_id(),
        Some(value) => parse_id(value)?,
    };
    if tx.cloud().images.contains(&id) {
        return Err(Error::conflict("Duplicate", format!("Image ID {id} already exists!")));
    }
    let now = tx.now();
    let mut image = Image {
        id,
        name: None,
        owner: actor.project_id().cloned(),
        status: ImageStatus::Queued,
        visibility: Visibility::Shared,
        protected: false,
        os_hidden: false,
        container_format: None,
        disk_format: None,
        min_disk: 0,
        min_ram: 0,
        size: None,
        virtual_size: None,
        checksum: None,
        os_hash_value: None,
        tags: BTreeSet::new(),
        properties: BTreeMap::new(),
        upload_id: None,
        members: BTreeMap::new(),
        tasks: Vec::new(),
        staged_size: None,
        created_at: now,
        updated_at: now,
    };
    for (name, value) in body.iter().filter(|(name, _)| *name != "id") {
        attribute::set(&mut image, actor, name, value)?;
    }
    check_count(tx, &image)?;
    Ok(tx.put(image))
}

fn parse_id(value: &Value) -> Result<ImageId> {
    let text = attribute::short_text("id", value)?;
    text.parse()
        .map_err(|_| attribute::schema_error(format_args!("'{text}' is not a UUID (id)")))
}

fn check_count(tx: &Tx<'_>, image: &Image) -> Result<()> {
    let Some(project) = &image.owner else { return Ok(()) };
    let limit = limits::of(tx.cloud(), project, "image_count_total");
    let used = tx.cloud().count::<Image>(project);
    if quota::allows(limit, used, 1) {
        return Ok(());
    }
    Err(Error::over_quota(
        "LimitExceeded",
        format!(
            "Project {project} is over a limit for image_count_total: {used} of {limit} images are used. Delete one first."
        ),
    ))
}

/// Applies a patch: all of its steps or none.
///
/// # Errors
/// Those of the attributes; `Conflict` for a property that is (not) there; `NotFound` and `Forbidden` as for any change.
pub fn update(
    tx: &mut Tx<'_>,
    actor: &Actor,
    id: ImageId,
    mode: PatchMode,
    patch: &[PatchOperation],
) -> Result<Arc<Image>> {
    let mut image = Image::clone(&*read::changeable(tx.cloud(), actor, id)?);
    for step in patch {
        apply(&mut image, actor, mode, step)?;
    }
    if patch.is_empty() {
        return tx.get::<Image>(&id);
    }
    image.updated_at = tx.now();
    Ok(tx.put(image))
}

fn apply(image: &mut Image, actor: &Actor, mode: PatchMode, step: &PatchOperation) -> Result<()> {
    let name = step.name.as_str();
    let is_base = attribute::BASE_PROPERTIES.contains(&name);
    let exists = is_base || image.properties.contains_key(name);
    match &step.action {
        PatchAction::Add(_) if exists && mode == PatchMode::Draft4 => {
            Err(Error::conflict("Conflict", format!("Property {name} already present.")))
        }
        PatchAction::Add(value) => attribute::set(image, actor, name, value),
        // What may not be set at all says so before what is not there.
        PatchAction::Replace(value) => {
            let missing = !exists;
            attribute::set(image, actor, name, value)?;
            if missing {
                Err(attribute::no_such_property(name))
            } else {
                Ok(())
            }
        }
        PatchAction::Remove => attribute::unset(image, name),
    }
}

/// Deletes an image, in whatever state it is. Its file is removed by whoever keeps it; an upload under way finds its row
/// gone.
///
/// # Errors
/// `Forbidden` when it is protected or another project's, `NotFound`.
pub fn delete(tx: &mut Tx<'_>, actor: &Actor, id: ImageId) -> Result<Arc<Image>> {
    let image = read::changeable(tx.cloud(), actor, id)?;
    if image.protected {
        return Err(Error::forbidden(
            "ProtectedImageDelete",
            format!("Image {id} is protected and cannot be deleted. Set 'protected' to false first."),
        ));
    }
    tx.delete::<Image>(&id);
    Ok(image)
}

/// Keeps everyone but the administrator from the data.
///
/// # Errors
/// `Forbidden` (Glance's choice) when it has no data.
pub fn deactivate(tx: &mut Tx<'_>, actor: &Actor, id: ImageId) -> Result<()> {
    switch(tx, actor, id, ImageStatus::Deactivated)
}

/// Opens the data again.
///
/// # Errors
/// `Forbidden` (Glance's choice) when it has no data.
pub fn reactivate(tx: &mut Tx<'_>, actor: &Actor, id: ImageId) -> Result<()> {
    switch(tx, actor, id, ImageStatus::Active)
}

fn switch(tx: &mut Tx<'_>, actor: &Actor, id: ImageId, to: ImageStatus) -> Result<()> {
    let image = read::changeable(tx.cloud(), actor, id)?;
    if !image.status.has_data() {
        return Err(Error::forbidden(
            "InvalidImageStatusTransition",
            format!(
                "Image status transition from {} to {} is not allowed",
                image.status.as_str(),
                to.as_str()
            ),
        ));
    }
    if image.status != to {
        let now = tx.now();
        tx.update::<Image>(&id, |image| {
            image.status = to;
            image.updated_at = now;
        })?;
    }
    Ok(())
}

/// Puts a tag on an image; nothing happens when it is there.
///
/// # Errors
/// `Invalid` for one that is too long, `OverLimit` for one too many.
pub fn add_tag(tx: &mut Tx<'_>, actor: &Actor, id: ImageId, tag: &str) -> Result<()> {
    let image = read::changeable(tx.cloud(), actor, id)?;
    attribute::short_text("tags", &Value::from(tag))?;
    if image.tags.contains(tag) {
        return Ok(());
    }
    attribute::check_tag_count(image.tags.len() + 1)?;
    let now = tx.now();
    tx.update::<Image>(&id, |image| {
        image.tags.insert(tag.to_owned());
        image.updated_at = now;
    })?;
    Ok(())
}

/// Takes a tag off an image.
///
/// # Errors
/// `NotFound` when it is not there.
pub fn remove_tag(tx: &mut Tx<'_>, actor: &Actor, id: ImageId, tag: &str) -> Result<()> {
    let image = read::changeable(tx.cloud(), actor, id)?;
    if !image.tags.contains(tag) {
        return Err(Error::not_found("NotFound", format!("Image {id} has no tag '{tag}'.")));
    }
    let now = tx.now();
    tx.update::<Image>(&id, |image| {
        image.tags.remove(tag);
        image.updated_at = now;
    })?;
    Ok(())
}
