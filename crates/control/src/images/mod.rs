//! Image data: one file an image below the state directory, kept in step with the rows.
//!
//! ```text
//!  upload:  row Queued→Saving ─► <upload id>.part (hashed and inspected while it streams in) ─► fsync ─► rename to <id>
//!           ─► fsync of the directory ─► row Saving→Active            any failure: file removed, row back to Queued
//!  delete:  row removed ─► file removed
//! ```
//!
//! A row is active only while its whole file is there. The other way round, a file without a row that has data is
//! litter of a crash, and [`ImageStore::open`] sweeps it away. Every step runs in a task of its own: a client that goes
//! away stops nothing half-way.

mod import;
mod receive;
mod snapshots;
mod sweep;
#[cfg(test)]
mod tests;
mod web;
mod web_address;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::future::{BoxFuture, FutureExt};
use futures_util::stream::Fuse;
use futures_util::{Stream, StreamExt};
use model::image::{self, Image, StoredData, Upload};
use model::{Actor, Error, ImageId, Result};
use serde_json::{Map, Value};
use tokio::io::AsyncReadExt;
use tokio::sync::mpsc;

use crate::Control;
use receive::{Part, Receiver};
pub(crate) use web::trusted_by_host;
pub use web_address::WebSettings;

/// How image data is kept.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The directory of the files; made if missing.
    pub dir: PathBuf,
    /// The largest image, bytes.
    pub max_image_bytes: u64,
    /// So much of the file system's space, bytes, is left for the rest of the cloud: an upload that would take it is
    /// refused.
    pub reserve_bytes: u64,
    /// What images may be downloaded from.
    pub web: WebSettings,
}

impl Settings {
    /// Glance's limit of 1 TiB, and 256 MiB left free.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self {
            dir: dir.into(),
            max_image_bytes: 1 << 40,
            reserve_bytes: 256 << 20,
            web: WebSettings::default(),
        }
    }
}

/// Why image data can't be kept at all.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The directory can't be made, read or cleaned.
    #[error("the image directory '{}' can't be used", path.display())]
    Directory {
        /// Which one.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The rows can't be brought in step.
    #[error("interrupted uploads can't be reset")]
    Rows(#[from] Error),
}

/// A client that sends nothing for so long has gone.
const IDLE_LIMIT: Duration = Duration::from_secs(300);
/// A refused upload is read on for so long and so far, so that the client reads the reason and not a broken connection.
const DRAIN_LIMIT: Duration = Duration::from_secs(10);
const DRAIN_LIMIT_BYTES: usize = 64 << 20;
/// Read at once from a file.
const READ_BYTES: usize = 256 << 10;

/// The images' data. Cloning it gives another handle to the same one.
#[derive(Clone)]
pub struct ImageStore {
    inner: Arc<Inner>,
}

struct Inner {
    control: Control,
    settings: Settings,
    /// Ids whose file is being written or removed, and by how many: none of them may be given to a new image.
    claims: Mutex<BTreeMap<ImageId, usize>>,
}

/// Holds an id back while its file is in the works.
struct Claim {
    store: ImageStore,
    id: ImageId,
}

impl Drop for Claim {
    fn drop(&mut self) {
        let mut claims = self.store.inner.claims.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = claims.get_mut(&self.id) {
            *count -= 1;
            if *count == 0 {
                claims.remove(&self.id);
            }
        }
    }
}

impl ImageStore {
    /// Makes the directory if needed, and puts right what a crash left: interrupted uploads wait for data again, files
    /// without an image are removed.
    pub async fn open(control: Control, settings: Settings) -> Result<Self, OpenError> {
        sweep::sweep(&control, &settings.dir).await?;
        let store = Self {
            inner: Arc::new(Inner {
                control,
                settings,
                claims: Mutex::default(),
            }),
        };
        store.resume_imports();
        snapshots::follow(&store);
        Ok(store)
    }

    /// Where an image's data is, once it is active.
    pub fn path(&self, id: ImageId) -> PathBuf {
        self.inner.settings.dir.join(id.to_string())
    }

    /// Registers an image (see [`model::image::create`]).
    pub async fn create(&self, actor: Actor, body: Map<String, Value>) -> Result<Arc<Image>> {
        let store = self.clone();
        self.inner
            .control
            .transact(move |tx| {
                let image = image::create(tx, &actor, &body)?;
                if store.is_claimed(image.id) {
                    return Err(Error::conflict(
                        "Duplicate",
                        format!("The data of the former image {} is still being removed.", image.id),
                    ));
                }
                Ok(image)
            })
            .await
    }

    /// Takes an image's data as it streams in, and makes the image active.
    ///
    /// # Errors
    /// Those of [`model::image::begin_upload`], [`model::image::check_data`] and [`model::image::finish_upload`];
    /// `OverLimit` when it is too large or the disk is full, `Unavailable` when the disk can't be written, `Invalid`
    /// when the stream breaks off. After any of them no file is left and the image waits for data.
    pub async fn upload<S, E>(&self, actor: Actor, id: ImageId, data: S) -> Result<Arc<Image>>
    where
        S: Stream<Item = Result<Bytes, E>> + Send + Unpin + 'static,
        E: std::fmt::Display + Send + 'static,
    {
        self.in_a_task(id, data, "an upload", move |store, data, claim| {
            async move { store.take_data(actor, id, data, claim).await }.boxed()
        })
        .await
    }

    /// Takes data in a task of its own, which a client that goes away does not cut off in the middle; what is left of refused
    /// data is read.
    async fn in_a_task<S, E, T, F>(&self, id: ImageId, data: S, what: &'static str, take: F) -> Result<T>
    where
        S: Stream<Item = Result<Bytes, E>> + Send + Unpin + 'static,
        E: std::fmt::Display + Send + 'static,
        T: Send + 'static,
        F: for<'a> FnOnce(Self, &'a mut Fuse<S>, Claim) -> BoxFuture<'a, Result<T>> + Send + 'static,
    {
        let store = self.clone();
        // Fused, because what is left of a refused upload is read after its end may have been seen.
        let mut data = data.fuse();
        let task = tokio::spawn(async move {
            let claim = store.claim(id);
            let outcome = take(store, &mut data, claim).await;
            if outcome.is_err() {
                drain(&mut data).await;
            }
            outcome
        });
        task.await.unwrap_or_else(|_| {
            Err(Error::internal(
                "InternalServerError",
                format!("the task of {what} ended early"),
            ))
        })
    }

    async fn take_data<S, E>(&self, actor: Actor, id: ImageId, data: &mut S, claim: Claim) -> Result<Arc<Image>>
    where
        S: Stream<Item = Result<Bytes, E>> + Send + Unpin,
        E: std::fmt::Display,
    {
        let control = &self.inner.control;
        let upload = control.transact(move |tx| image::begin_upload(tx, &actor, id)).await?;
        let receiver = Receiver::new(&self.inner.settings, &upload);
        let outcome = match self.receive(&upload, data, receiver).await {
            Ok(stored) => self.enter(&upload, stored).await,
            Err(error) => Err(error),
        };
        if let Err(error) = &outcome {
            tracing::info!(image.id = %id, "An upload to image {id} ended without data: {error}");
            self.give_up(upload, claim).await;
        }
        outcome
    }

    /// Streams into the final file, which is complete and durable when this returns `Ok`, and not there else.
    async fn receive<S, E>(&self, upload: &Upload, data: &mut S, receiver: Receiver) -> Result<StoredData>
    where
        S: Stream<Item = Result<Bytes, E>> + Send + Unpin,
        E: std::fmt::Display,
    {
        let (parts, queue) = mpsc::channel(4);
        let writer = tokio::task::spawn_blocking(move || receiver.run(queue));
        let fed = self.feed(upload, data, &parts).await;
        drop(parts);
        let written = writer.await.unwrap_or_else(|_| {
            Err(Error::internal(
                "InternalServerError",
                "the writer of an upload panicked",
            ))
        });
        // When both failed, the reason is what the feeding end saw: the writer then only knows that no more came.
        fed.and(written)
    }

    async fn feed<S, E>(&self, upload: &Upload, data: &mut S, parts: &mpsc::Sender<Part>) -> Result<()>
    where
        S: Stream<Item = Result<Bytes, E>> + Send + Unpin,
        E: std::fmt::Display,
    {
        loop {
            let next = tokio::time::timeout(IDLE_LIMIT, data.next())
                .await
                .map_err(|_| broken_off("nothing came for five minutes"))?;
            let Some(chunk) = next else {
                // A writer that failed is no longer listening; its own result says why.
                let _ = parts.send(Part::End).await;
                return Ok(());
            };
            let chunk = chunk.map_err(broken_off)?;
            self.check_wanted(upload)?;
            if parts.send(Part::Data(chunk)).await.is_err() {
                return Ok(());
            }
        }
    }

    /// A deleted image needs no more data.
    fn check_wanted(&self, upload: &Upload) -> Result<()> {
        let cloud = self.inner.control.cloud();
        let is_wanted = cloud
            .find::<Image>(&upload.image_id)
            .is_some_and(|image| image.upload_id == Some(upload.upload_id));
        if is_wanted {
            return Ok(());
        }
        Err(Error::conflict(
            "HTTPGone",
            format!("Image {} was deleted during the upload.", upload.image_id),
        ))
    }

    async fn enter(&self, upload: &Upload, stored: StoredData) -> Result<Arc<Image>> {
        let entry = upload.clone();
        let entered = self
            .inner
            .control
            .transact(move |tx| image::finish_upload(tx, &entry, stored))
            .await;
        if entered.is_err() {
            self.remove_file(upload.image_id).await;
        }
        entered
    }

    /// Lets the image wait for data again. Should the store be unwritable just now, this is tried on in the background; the
    /// next start does it in any case.
    async fn give_up(&self, upload: Upload, claim: Claim) {
        if self.requeue(upload.clone()).await.is_ok() {
            return;
        }
        let store = self.clone();
        tokio::spawn(async move {
            let _claim = claim;
            for _ in 0..60 {
                tokio::time::sleep(Duration::from_secs(1)).await;
                if store.requeue(upload.clone()).await.is_ok() {
                    return;
                }
            }
            tracing::warn!(
                image.id = %upload.image_id,
                "Image {} stays in state 'saving' until the next start: the store can't be written", upload.image_id
            );
        });
    }

    async fn requeue(&self, upload: Upload) -> Result<()> {
        self.inner
            .control
            .transact(move |tx| image::abort_upload(tx, &upload))
            .await
    }

    /// Deletes an image and its data (see [`model::image::delete`]).
    pub async fn delete(&self, actor: Actor, id: ImageId) -> Result<()> {
        let store = self.clone();
        let task = tokio::spawn(async move {
            let _claim = store.claim(id);
            let deleted = store
                .inner
                .control
                .transact(move |tx| image::delete(tx, &actor, id))
                .await?;
            if deleted.status.has_data() {
                store.remove_file(id).await;
            }
            if deleted.status == image::ImageStatus::Uploading {
                store.remove_staged(id).await;
            }
            Ok(())
        });
        task.await.unwrap_or_else(|_| {
            Err(Error::internal(
                "InternalServerError",
                "the task of a deletion ended early",
            ))
        })
    }

    /// Registers an image and takes its data from a file; when that fails, nothing stays.
    pub async fn import_file(&self, actor: Actor, body: Map<String, Value>, path: &Path) -> Result<Arc<Image>> {
        let file = tokio::fs::File::open(path).await.map_err(|error| {
            Error::invalid(
                "HTTPBadRequest",
                format!("The file '{}' can't be read: {error}", path.display()),
            )
        })?;
        let image = self.create(actor.clone(), body).await?;
        let data = Box::pin(file_stream(file, u64::MAX));
        let outcome = self.upload(actor.clone(), image.id, data).await;
        if outcome.is_err() {
            self.delete(actor, image.id).await?;
        }
        outcome
    }

    /// Opens an image's data. What is open can be read to its end, even when the image is deleted meanwhile.
    ///
    /// # Errors
    /// `NotFound` when the file is not there, `Unavailable` when it can't be opened.
    pub async fn open_data(&self, image: &Image) -> Result<tokio::fs::File> {
        let id = image.id;
        tokio::fs::File::open(self.path(id)).await.map_err(|error| {
            if error.kind() == io::ErrorKind::NotFound {
                return Error::not_found(
                    "ImageDataNotFound",
                    format!("No image data could be found for image {id}."),
                );
            }
            tracing::error!(image.id = %id, "The data of image {id} can't be opened: {error}");
            Error::unavailable("ServiceUnavailable", "The image's data can't be read just now.")
        })
    }

    async fn remove_file(&self, id: ImageId) {
        let path = self.path(id);
        match tokio::fs::remove_file(&path).await {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => tracing::error!(
                image.id = %id,
                "The data of image {id} can't be removed; the next start will try again: {error}"
            ),
        }
    }

    fn claim(&self, id: ImageId) -> Claim {
        let mut claims = self.inner.claims.lock().unwrap_or_else(PoisonError::into_inner);
        *claims.entry(id).or_insert(0) += 1;
        Claim {
            store: self.clone(),
            id,
        }
    }

    fn is_claimed(&self, id: ImageId) -> bool {
        self.inner
            .claims
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .contains_key(&id)
    }
}

fn broken_off(reason: impl std::fmt::Display) -> Error {
    Error::invalid(
        "HTTPBadRequest",
        format!("The image's data broke off before its end: {reason}. Nothing was kept."),
    )
}

/// Reads on what nobody wants, within bounds.
async fn drain<S, E>(data: &mut S)
where
    S: Stream<Item = Result<Bytes, E>> + Unpin,
{
    let reading = async {
        let mut drained = 0usize;
        while let Some(Ok(chunk)) = data.next().await {
            drained = drained.saturating_add(chunk.len());
            if drained > DRAIN_LIMIT_BYTES {
                return;
            }
        }
    };
    // Either end is fine: this is a courtesy to the client.
    let _ = tokio::time::timeout(DRAIN_LIMIT, reading).await;
}

/// At most `length` bytes of an open file from where it stands, piece by piece.
pub fn file_stream(file: tokio::fs::File, length: u64) -> impl Stream<Item = io::Result<Bytes>> + Send {
    futures_util::stream::unfold(Some((file, length)), |state| async {
        let (mut file, left) = state?;
        let want = READ_BYTES.min(usize::try_from(left).unwrap_or(READ_BYTES));
        if want == 0 {
            return None;
        }
        let mut buffer = BytesMut::with_capacity(want);
        match (&mut file).take(want as u64).read_buf(&mut buffer).await {
            Ok(0) => None,
            Ok(count) => Some((Ok(buffer.freeze()), Some((file, left - count as u64)))),
            Err(error) => Some((Err(error), None)),
        }
    })
}
