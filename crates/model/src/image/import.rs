//! Data that comes in by import: staged by a client and then taken over (`glance-direct`), taken from another image
//! (`glance-download`), or downloaded (`web-download`). Each import leaves a task on its image that says how it went.
//!
//! ```text
//!            begin_stage           finish_stage         begin_import           finish_import
//!  Queued ────────────► Uploading ─────────────► Uploading ──────────► Importing ────────────► Active
//!     ▲                     │ (its upload under way)                       │
//!     └──── abort_stage ────┘◄───────────────────── fail_import ───────────┘
//! ```

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::upload::{finish_upload, let_in};
use super::{Image, ImageStatus, StoredData, Upload, read};
use crate::{Actor, Cloud, Error, ImageId, Result, Timestamp, Tx, UserId};

/// How an import goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskStatus {
    /// It is under way.
    Processing,
    /// The image is active.
    Success,
    /// The image waits for data again.
    Failure,
}

impl TaskStatus {
    /// The word Glance uses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Processing => "processing",
            Self::Success => "success",
            Self::Failure => "failure",
        }
    }
}

/// Where an import takes its data from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ImportSource {
    /// What was staged.
    Staged,
    /// Another image, of a region and by an interface of its service.
    Image {
        /// The image.
        id: ImageId,
        /// The region.
        region: String,
        /// The interface.
        interface: String,
    },
    /// What a server on the web sends.
    Web {
        /// The URI.
        uri: String,
    },
}

impl ImportSource {
    /// Glance's name of the method.
    pub fn method(&self) -> &'static str {
        match self {
            Self::Staged => "glance-direct",
            Self::Image { .. } => "glance-download",
            Self::Web { .. } => "web-download",
        }
    }
}

/// What became of an import.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportTask {
    /// Its id.
    pub id: Uuid,
    /// Where the data comes from.
    pub source: ImportSource,
    /// The request, as it was sent.
    pub request: Value,
    /// The id of the request.
    pub request_id: String,
    /// The image was made for it, by an administrator's task of type `import`; `request` is that task's input.
    #[serde(default)]
    pub makes_image: bool,
    /// Who asked.
    pub user_id: UserId,
    /// How it goes.
    pub status: TaskStatus,
    /// How far it is, or why it failed.
    pub message: String,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When its status last changed.
    pub updated_at: Timestamp,
}

/// So many tasks of an image are remembered.
const TASKS_KEPT: usize = 10;

/// Lets data be staged: the image becomes [`ImageStatus::Uploading`].
///
/// # Errors
/// `Conflict` when it has data or other data is coming in, `OverQuota`.
pub fn begin_stage(tx: &mut Tx<'_>, actor: &Actor, id: ImageId) -> Result<Upload> {
    let image = read::changeable(tx.cloud(), actor, id)?;
    if image.status != ImageStatus::Queued {
        return Err(refused_in(&image, "uploading"));
    }
    let_in(tx, &image, ImageStatus::Uploading)
}

fn refused_in(image: &Image, to: &str) -> Error {
    Error::conflict(
        "InvalidImageStatusTransition",
        format!(
            "Image status transition from {} to {to} is not allowed",
            image.status.as_str()
        ),
    )
}

/// The staged data is whole: an import may take it.
///
/// # Errors
/// `Conflict` with code `HTTPGone` when the image was deleted meanwhile.
pub fn finish_stage(tx: &mut Tx<'_>, upload: &Upload, size: u64) -> Result<()> {
    super::upload::check_under_way(tx, upload)?;
    let now = tx.now();
    tx.update::<Image>(&upload.image_id, |image| {
        image.upload_id = None;
        image.staged_size = Some(size);
        image.updated_at = now;
    })?;
    Ok(())
}

/// An import as a request wants it.
#[derive(Debug, Clone)]
pub struct WantedImport {
    /// Where the data comes from.
    pub source: ImportSource,
    /// The request, as it was sent.
    pub request: Value,
    /// The id of the request.
    pub request_id: String,
    /// See [`ImportTask::makes_image`].
    pub makes_image: bool,
}

/// Lets an import in: the image becomes [`ImageStatus::Importing`], with a task.
///
/// # Errors
/// `Conflict` when there is nothing staged (`glance-direct`) or the image does not wait for data (the others), `Invalid`
/// while its formats are not set, `OverQuota`.
pub fn begin_import(tx: &mut Tx<'_>, actor: &Actor, id: ImageId, wanted: WantedImport) -> Result<(Upload, ImportTask)> {
    let image = read::changeable(tx.cloud(), actor, id)?;
    let ready = match wanted.source {
        ImportSource::Staged => image.status == ImageStatus::Uploading && image.upload_id.is_none(),
        ImportSource::Image { .. } | ImportSource::Web { .. } => image.status == ImageStatus::Queued,
    };
    if !ready {
        let needed = match wanted.source {
            ImportSource::Staged => "staged data: send it with PUT /v2/images/{image_id}/stage first",
            ImportSource::Image { .. } | ImportSource::Web { .. } => "an image that is queued",
        };
        return Err(Error::conflict(
            "Conflict",
            format!(
                "Image {id} is {}: method '{}' needs {needed}.",
                image.status.as_str(),
                wanted.source.method()
            ),
        ));
    }
    if image.disk_format.is_none() || image.container_format.is_none() {
        return Err(Error::invalid(
            "HTTPBadRequest",
            "Properties disk_format, container_format must be set prior to import.",
        ));
    }
    let upload = let_in(tx, &image, ImageStatus::Importing)?;
    let now = tx.now();
    let task = ImportTask {
        id: tx.new_id(),
        source: wanted.source,
        request: wanted.request,
        request_id: wanted.request_id,
        makes_image: wanted.makes_image,
        user_id: actor.user_id.clone(),
        status: TaskStatus::Processing,
        message: String::new(),
        created_at: now,
        updated_at: now,
    };
    tx.update::<Image>(&id, |image| {
        image.tasks.push(task.clone());
        let too_many = image.tasks.len().saturating_sub(TASKS_KEPT);
        image.tasks.drain(..too_many);
    })?;
    Ok((upload, task))
}

/// Properties that come along with another image's data (Glance's default for `glance-download`).
fn comes_along(name: &str) -> bool {
    name.starts_with("hw_") || name.starts_with("trait:") || ["os_distro", "os_secure_boot", "os_type"].contains(&name)
}

/// Enters the data of an import that is done; with another image's data come its formats and some of its properties.
///
/// # Errors
/// Those of [`finish_upload`].
pub fn finish_import(
    tx: &mut Tx<'_>,
    upload: &Upload,
    task: Uuid,
    data: StoredData,
    from: Option<&Image>,
) -> Result<Arc<Image>> {
    finish_upload(tx, upload, data)?;
    let now = tx.now();
    tx.update::<Image>(&upload.image_id, |image| {
        if let Some(from) = from {
            image.disk_format.clone_from(&from.disk_format);
            image.container_format.clone_from(&from.container_format);
            let along = from.properties.iter().filter(|(name, _)| comes_along(name));
            image
                .properties
                .extend(along.map(|(name, value)| (name.clone(), value.clone())));
        }
        end_task(image, task, TaskStatus::Success, String::new(), now);
    })
}

/// Writes how an import goes into its task.
fn end_task(image: &mut Image, id: Uuid, status: TaskStatus, message: String, now: Timestamp) {
    if let Some(task) = image.tasks.iter_mut().find(|task| task.id == id) {
        task.status = status;
        task.message = message;
        task.updated_at = now;
    }
}

/// Says how far an import is.
pub fn tell_import(tx: &mut Tx<'_>, upload: &Upload, task: Uuid, message: String) -> Result<()> {
    if super::upload::check_under_way(tx, upload).is_err() {
        return Ok(());
    }
    let now = tx.now();
    tx.update::<Image>(&upload.image_id, |image| {
        end_task(image, task, TaskStatus::Processing, message, now);
    })?;
    Ok(())
}

/// Ends an import that failed: the image waits for data again, and its task says why.
pub fn fail_import(tx: &mut Tx<'_>, upload: &Upload, task: Uuid, message: String) -> Result<()> {
    if super::upload::check_under_way(tx, upload).is_err() {
        return Ok(());
    }
    let now = tx.now();
    tx.update::<Image>(&upload.image_id, |image| {
        image.status = ImageStatus::Queued;
        image.upload_id = None;
        image.staged_size = None;
        image.updated_at = now;
        end_task(image, task, TaskStatus::Failure, message, now);
    })?;
    Ok(())
}

/// Imports that were let in and have not ended: after a start, those that the last run left.
pub fn unfinished_imports(cloud: &Cloud) -> Vec<(Upload, ImportTask)> {
    let rows = cloud
        .images
        .iter()
        .filter(|image| image.status == ImageStatus::Importing);
    rows.filter_map(|image| {
        let task = image
            .tasks
            .iter()
            .rev()
            .find(|task| task.status == TaskStatus::Processing)?;
        let upload = Upload {
            image_id: image.id,
            upload_id: image.upload_id?,
            disk_format: image.disk_format.clone()?,
            room_bytes: None,
        };
        Some((upload, task.clone()))
    })
    .collect()
}

/// The tasks of all images, newest first, each with its image.
pub fn all_tasks(cloud: &Cloud) -> Vec<(&Arc<Image>, &ImportTask)> {
    let images = cloud.images.iter();
    let mut tasks: Vec<_> = images
        .flat_map(|image| image.tasks.iter().map(move |task| (image, task)))
        .collect();
    tasks.sort_by_key(|(_, task)| std::cmp::Reverse((task.created_at, task.id)));
    tasks
}

/// The tasks of an image, oldest first.
///
/// # Errors
/// `NotFound` for an image that the caller may not see.
pub fn tasks(cloud: &Cloud, actor: &Actor, id: ImageId) -> Result<Vec<ImportTask>> {
    let image = read::show(cloud, actor, id)?;
    if read::may_change(actor, &image) {
        return Ok(image.tasks.clone());
    }
    Ok(Vec::new())
}
