//! Images of servers (`createImage`, `createBackup`): the rule registers the image and orders a copy of the root disk; when
//! the host has it, `control` takes it as the image's data; [`finish`] or [`abandon`] ends the task.
//!
//! ```text
//!  create: image Queued, task image_snapshot ─► host: copy ready ─► task image_uploading, image Saving ─► Active ─► finish
//!                                                    │ failed, image deleted, task taken away
//!                                                    └──────────────────────────────────────────► abandon: image removed
//! ```

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::admission::Operation;
use super::works::{Purpose, Snapshot};
use super::{PowerState, Server, TaskState, VmState, act, get_visible, shelve, volume_image};
use crate::compute::{ActionLog, finish_action, quota};
use crate::host::DesiredPower;
use crate::identity::Project;
use crate::image::{self, Image, ImageStatus};
use crate::{Actor, Cloud, Error, ImageId, ProjectId, Result, Scope, ServerId, Tx};

/// Properties of an image that say something of its data and not of what is in it: a copy does not inherit them.
const NOT_INHERITED: &[&str] = &[
    "cache_in_nova",
    "bittorrent",
    "img_signature_hash_method",
    "img_signature",
    "img_signature_key_type",
    "img_signature_certificate_uuid",
];

/// What an image of a server is asked to be.
#[derive(Debug, Clone)]
pub struct NewSnapshot {
    /// Its name.
    pub name: String,
    /// Further properties.
    pub metadata: BTreeMap<String, String>,
    /// Kind and rotation of a backup.
    pub backup: Option<(String, u64)>,
    /// For the action log.
    pub request_id: uuid::Uuid,
}

/// Begins an image of a server.
///
/// # Errors
/// `InstanceNotFound`; what admission denies; quotas of images; a server without a local disk.
pub fn create(tx: &mut Tx<'_>, actor: &Actor, id: ServerId, new: &NewSnapshot) -> Result<ImageId> {
    let server = get_visible(tx.cloud(), actor, id)?;
    let operation = match new.backup {
        None => Operation::CreateImage,
        Some(_) => Operation::CreateBackup,
    };
    act::admit_for(&server, actor, operation)?;
    quota::check_metadata_items(tx.cloud(), &server.project_id, new.metadata.len())?;
    if server.image.is_none() {
        let image_id = volume_image::create(tx, actor, &server, new)?;
        let log = ActionLog::new(operation.name(), new.request_id);
        log.record(tx, actor, &server);
        finish_action(tx, &server, false);
        return Ok(image_id);
    }
    let (purpose, task) = match &new.backup {
        None => (Purpose::Image, TaskState::ImageSnapshot),
        Some((kind, rotation)) => {
            let (kind, rotation) = (kind.clone(), *rotation);
            (Purpose::Backup { kind, rotation }, TaskState::ImageBackup)
        }
    };
    let snapshot = register(tx, actor, &server, &new.name, &new.metadata, purpose)?;
    let image_id = snapshot.image_id;
    let mut server = Server::clone(&server);
    server.works.snapshot = Some(snapshot);
    server.task_state = Some(task);
    server.updated_at = tx.now();
    ActionLog::new(operation.name(), new.request_id).record(tx, actor, &server);
    tx.put(server);
    Ok(image_id)
}

/// What an image of a server has from the image that the server was made from.
pub(super) fn inherited(server: &Server) -> impl Iterator<Item = (&String, &String)> {
    let properties = server.image_properties.iter();
    properties.filter(|(key, _)| !NOT_INHERITED.contains(&key.as_str()))
}

/// Registers the image of a server's disk.
pub(super) fn register(
    tx: &mut Tx<'_>,
    actor: &Actor,
    server: &Server,
    name: &str,
    metadata: &BTreeMap<String, String>,
    purpose: Purpose,
) -> Result<Snapshot> {
    let Some(source) = &server.image else {
        return Err(Error::invalid(
            "InvalidRequest",
            "This server boots from a volume: make a snapshot of the volume instead.",
        ));
    };
    let format = if source.format == "raw" { "raw" } else { "qcow2" };
    let base = tx.cloud().find::<Image>(&source.id).cloned();
    let mut body: Map<String, Value> = Map::new();
    body.extend(inherited(server).map(|(key, value)| (key.clone(), json!(value))));
    let kind = match &purpose {
        Purpose::Backup { kind, .. } => {
            body.insert("backup_type".to_owned(), json!(kind));
            "backup"
        }
        Purpose::Image | Purpose::Shelve { .. } => "snapshot",
    };
    let properties = [
        ("image_type", json!(kind)),
        ("image_location", json!("snapshot")),
        ("image_state", json!("available")),
        ("instance_uuid", json!(server.id)),
        ("user_id", json!(actor.user_id)),
        ("owner_id", json!(actor.project_id())),
        ("base_image_ref", json!(server.image_id)),
    ];
    let properties = properties.into_iter().filter(|(_, value)| !value.is_null());
    body.extend(properties.map(|(key, value)| (key.to_owned(), value)));
    // The user's word counts more, but for what makes the image what it is.
    body.extend(metadata.iter().map(|(key, value)| (key.clone(), json!(value))));
    let own = [
        ("name", json!(name)),
        ("visibility", json!("private")),
        ("disk_format", json!(format)),
        ("container_format", json!("bare")),
        (
            "min_disk",
            json!(server.flavor.root_gib.max(base.as_ref().map_or(0, |b| b.min_disk))),
        ),
        ("min_ram", json!(base.map_or(0, |base| base.min_ram))),
    ];
    body.extend(own.map(|(key, value)| (key.to_owned(), value)));
    let image = image::create(tx, actor, &body)?;
    Ok(Snapshot {
        image_id: image.id,
        format: format.to_owned(),
        purpose,
    })
}

/// Who takes the copy as the image's data: whoever made the server, in the image's project.
pub fn uploader(cloud: &Cloud, server: &Server, owner: Option<&ProjectId>) -> Actor {
    let id = owner.unwrap_or(&server.project_id).clone();
    let domain_id = cloud
        .find::<Project>(&id)
        .map_or_else(|| "default".into(), |project| project.domain_id.clone());
    Actor {
        user_id: server.user_id.clone(),
        user_domain_id: domain_id.clone(),
        scope: Scope::Project { id, domain_id },
        roles: ["member", "reader"].map(str::to_owned).into(),
    }
}

/// The copy is there and becomes the image's data now; `None` when nobody waits for it any more.
pub fn begin_upload(tx: &mut Tx<'_>, id: ServerId, image_id: ImageId) -> Option<()> {
    let server = waiting(tx, id, image_id)?;
    let task = match server.task_state {
        Some(TaskState::Shelving) => TaskState::ShelvingImageUploading,
        Some(TaskState::ImageSnapshot | TaskState::ImageBackup) => TaskState::ImageUploading,
        _ => return Some(()),
    };
    let mut server = Server::clone(&server);
    server.task_state = Some(task);
    tx.put(server);
    Some(())
}

fn waiting(tx: &Tx<'_>, id: ServerId, image_id: ImageId) -> Option<Arc<Server>> {
    let server = tx.cloud().find::<Server>(&id)?;
    let waits = server.works.snapshot.as_ref().is_some_and(|s| s.image_id == image_id);
    waits.then(|| server.clone())
}

/// The image has its data: ends the task. Gives the images that the rotation of backups leaves no room for; whoever keeps
/// their files deletes them.
///
/// # Errors
/// What a server that leaves its host may say.
pub fn finish(tx: &mut Tx<'_>, id: ServerId, image_id: ImageId) -> Result<Vec<ImageId>> {
    let Some(server) = waiting(tx, id, image_id) else {
        return Ok(Vec::new());
    };
    let mut server = Server::clone(&server);
    let Some(snapshot) = server.works.snapshot.take() else {
        return Ok(Vec::new());
    };
    server.updated_at = tx.now();
    if server.task_state.is_some_and(TaskState::awaits_snapshot) {
        server.task_state = None;
        server.progress = 0;
    }
    finish_action(tx, &server, false);
    match snapshot.purpose {
        Purpose::Image => {}
        Purpose::Backup { kind, rotation } => {
            tx.put(server);
            return Ok(beyond_rotation(tx.cloud(), id, &kind, rotation));
        }
        Purpose::Shelve { .. } => {
            server.works.shelved_image = Some(image_id);
            server.vm_state = VmState::Shelved;
            shelve::leave_host(tx, &mut server)?;
        }
    }
    tx.put(server);
    Ok(Vec::new())
}

/// Backups of a kind that are older than the newest `rotation`.
fn beyond_rotation(cloud: &Cloud, id: ServerId, kind: &str, rotation: u64) -> Vec<ImageId> {
    let id = id.to_string();
    let is =
        |image: &Image, key: &str, value: &str| image.properties.get(key).and_then(Option::as_deref) == Some(value);
    let mut backups: Vec<&Arc<Image>> = cloud
        .images
        .iter()
        .filter(|image| is(image, "instance_uuid", &id) && is(image, "image_type", "backup"))
        .filter(|image| is(image, "backup_type", kind) && image.status == ImageStatus::Active)
        .collect();
    backups.sort_by_key(|image| std::cmp::Reverse((image.created_at, image.id)));
    let kept = usize::try_from(rotation).unwrap_or(usize::MAX);
    backups.into_iter().skip(kept).map(|image| image.id).collect()
}

/// There will be no image: its row goes, the task ends.
pub fn abandon(tx: &mut Tx<'_>, id: ServerId, image_id: ImageId) {
    let has_no_data = |image: &Image| matches!(image.status, ImageStatus::Queued | ImageStatus::Saving);
    if tx
        .cloud()
        .find::<Image>(&image_id)
        .is_some_and(|image| has_no_data(image))
    {
        tx.delete::<Image>(&image_id);
    }
    let Some(server) = waiting(tx, id, image_id) else {
        return;
    };
    let mut server = Server::clone(&server);
    let purpose = server.works.snapshot.take().map(|snapshot| snapshot.purpose);
    server.updated_at = tx.now();
    if server.task_state.is_some_and(TaskState::awaits_snapshot) {
        server.task_state = None;
        server.progress = 0;
        // What was to be shelved goes on as it was.
        if let Some(Purpose::Shelve { was }) = purpose {
            back_to(&mut server, was);
        }
    }
    finish_action(tx, &server, true);
    tx.put(server);
}

fn back_to(server: &mut Server, was: VmState) {
    if was == VmState::Active {
        server.desired = DesiredPower::On;
        server.hard_reboots += 1;
        server.task_state = Some(TaskState::PoweringOn);
    } else {
        server.vm_state = VmState::Stopped;
        server.power_state = PowerState::Shutdown;
    }
}

/// Servers whose copies are ordered, with the image each becomes.
pub fn ordered(cloud: &Cloud) -> impl Iterator<Item = (&Arc<Server>, ImageId)> {
    let waiting = cloud.lookups.snapshotting.iter().filter_map(|id| cloud.servers.get(id));
    waiting.filter_map(|server| {
        server
            .works
            .snapshot
            .as_ref()
            .map(|snapshot| (server, snapshot.image_id))
    })
}
