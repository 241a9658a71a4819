//! Import: staged data, another image's, or a download, becomes an image's data in the background.
//!
//! Staged data is a file of its own (`<id>.staged`) until an import took it over. An import that was let in is finished
//! by the next start, when this one is cut off: its task and its data are both on the disk.

use std::convert::Infallible;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{FutureExt, Stream, TryStreamExt};
use model::image::{self, Image, ImportSource, ImportTask, Upload, WantedImport};
use model::{Actor, Error, ImageId, Result};

use super::receive::Receiver;
use super::web::Download;
use super::{Claim, ImageStore, file_stream};

/// The end of the name of a file with staged data.
pub(super) const STAGED_SUFFIX: &str = ".staged";
/// How often a task says how much has come.
const PROGRESS_PERIOD: Duration = Duration::from_secs(2);

/// All of a file.
fn whole(file: tokio::fs::File) -> Download {
    Box::pin(file_stream(file, u64::MAX))
}

impl ImageStore {
    fn staged_path(&self, id: ImageId) -> PathBuf {
        self.inner.settings.dir.join(format!("{id}{STAGED_SUFFIX}"))
    }

    /// Takes data that a later import is to take over.
    ///
    /// # Errors
    /// Those of [`model::image::begin_stage`]; `OverLimit` when it is too large or the disk is full, `Invalid` when the
    /// stream breaks off. After any of them the image waits for data.
    pub async fn stage<S, E>(&self, actor: Actor, id: ImageId, data: S) -> Result<()>
    where
        S: Stream<Item = Result<Bytes, E>> + Send + Unpin + 'static,
        E: std::fmt::Display + Send + 'static,
    {
        self.in_a_task(id, data, "a staging", move |store, data, claim| {
            async move { store.take_staged(actor, id, data, claim).await }.boxed()
        })
        .await
    }

    async fn take_staged<S, E>(&self, actor: Actor, id: ImageId, data: &mut S, claim: Claim) -> Result<()>
    where
        S: Stream<Item = Result<Bytes, E>> + Send + Unpin,
        E: std::fmt::Display,
    {
        let control = &self.inner.control;
        let upload = control.transact(move |tx| image::begin_stage(tx, &actor, id)).await?;
        // Staged data is looked into when it is imported: until then it is nobody's disk.
        let receiver = Receiver::unchecked(&self.inner.settings, &upload, self.staged_path(id));
        let outcome = match self.receive(&upload, data, receiver).await {
            Ok(data) => {
                let entry = upload.clone();
                control
                    .transact(move |tx| image::finish_stage(tx, &entry, data.size))
                    .await
            }
            Err(error) => Err(error),
        };
        if outcome.is_err() {
            self.remove_staged(id).await;
            self.give_up(upload, claim).await;
        }
        outcome
    }

    pub(super) async fn remove_staged(&self, id: ImageId) {
        // What stays is swept away by the next start.
        let _ = tokio::fs::remove_file(self.staged_path(id)).await;
    }

    /// Begins an import; it goes on in the background, and the image's task says how it went.
    ///
    /// # Errors
    /// Those of [`model::image::begin_import`].
    pub async fn import(
        &self,
        actor: Actor,
        id: ImageId,
        wanted: WantedImport,
        own_region: &str,
    ) -> Result<ImportTask> {
        let claim = self.claim(id);
        let asking = actor.clone();
        let (upload, task) = self
            .inner
            .control
            .transact(move |tx| image::begin_import(tx, &asking, id, wanted))
            .await?;
        let (store, own_region, begun) = (self.clone(), own_region.to_owned(), task.clone());
        tokio::spawn(async move {
            let _claim = claim;
            store.run_import(&upload, &task, Some((&actor, &own_region))).await;
        });
        Ok(begun)
    }

    /// Finishes what the last run left.
    pub(super) fn resume_imports(&self) {
        for (upload, task) in image::unfinished_imports(&self.inner.control.cloud()) {
            let store = self.clone();
            tokio::spawn(async move {
                let _claim = store.claim(upload.image_id);
                store.run_import(&upload, &task, None).await;
            });
        }
    }

    async fn run_import(&self, upload: &Upload, task: &ImportTask, asked: Option<(&Actor, &str)>) {
        let outcome = self.import_data(upload, task, asked).await;
        self.remove_staged(upload.image_id).await;
        let Err(error) = outcome else { return };
        tracing::info!(image.id = %upload.image_id, "An import to image {} failed: {error}", upload.image_id);
        let (upload, id, message) = (upload.clone(), task.id, error.message);
        let image_id = upload.image_id;
        let failed = self
            .inner
            .control
            .transact(move |tx| image::fail_import(tx, &upload, id, message));
        if let Err(error) = failed.await {
            tracing::warn!(image.id = %image_id, "Image {image_id} stays in state 'importing' until the next start: {error}");
        }
    }

    async fn import_data(
        &self,
        upload: &Upload,
        task: &ImportTask,
        asked: Option<(&Actor, &str)>,
    ) -> Result<Arc<Image>> {
        let copied = Arc::new(AtomicU64::new(0));
        let (data, from): (Download, _) = match &task.source {
            ImportSource::Staged => (whole(self.open_staged(upload.image_id).await?), None),
            ImportSource::Web { uri } => (self.open_web(uri).await?, None),
            ImportSource::Image { id, region, interface } => {
                let (actor, own_region) = asked.ok_or_else(|| {
                    Error::unavailable(
                        "ServiceUnavailable",
                        "The import was cut off by a restart: ask for it again.",
                    )
                })?;
                let from = self.source_image(actor, *id, (region, interface), own_region)?;
                (whole(self.open_data(&from).await?), Some(from))
            }
        };
        let mut upload = upload.clone();
        if let Some(format) = from.as_ref().and_then(|from| from.disk_format.clone()) {
            upload.disk_format = format;
        }
        let receiver = Receiver::new(&self.inner.settings, &upload);
        let counter = Arc::clone(&copied);
        let mut data = data.inspect_ok(move |piece| {
            counter.fetch_add(piece.len() as u64, Ordering::Relaxed);
        });
        let stored = tokio::select! {
            stored = self.receive(&upload, &mut data, receiver) => stored?,
            never = self.tell_progress(&upload, task, &copied) => match never {},
        };
        let (entry, id) = (upload.clone(), task.id);
        let entered = self
            .inner
            .control
            .transact(move |tx| image::finish_import(tx, &entry, id, stored, from.as_deref()))
            .await;
        if entered.is_err() {
            self.remove_file(upload.image_id).await;
        }
        entered
    }

    /// Writes into the task how much has come, as long as it is polled.
    async fn tell_progress(&self, upload: &Upload, task: &ImportTask, copied: &AtomicU64) -> Infallible {
        let mut told = 0;
        loop {
            tokio::time::sleep(PROGRESS_PERIOD).await;
            let mib = copied.load(Ordering::Relaxed) >> 20;
            if mib == told {
                continue;
            }
            told = mib;
            let (upload, id) = (upload.clone(), task.id);
            let message = format!("Copied {mib} MiB");
            // The next one says it again.
            let _ = self
                .inner
                .control
                .transact(move |tx| image::tell_import(tx, &upload, id, message))
                .await;
        }
    }

    async fn open_staged(&self, id: ImageId) -> Result<tokio::fs::File> {
        tokio::fs::File::open(self.staged_path(id)).await.map_err(|error| {
            Error::unavailable(
                "StorageWriteDenied",
                format!(
                    "The staged data of image {id} can't be read ({}): stage it again.",
                    error.kind()
                ),
            )
        })
    }

    /// The image whose data is to be taken, as the caller could read it themselves.
    fn source_image(
        &self,
        actor: &Actor,
        id: ImageId,
        (region, interface): (&str, &str),
        own: &str,
    ) -> Result<Arc<Image>> {
        if region != own || !["public", "internal", "admin"].contains(&interface) {
            return Err(Error::not_found(
                "NotFound",
                format!("There is no image service with interface '{interface}' in region '{region}'."),
            ));
        }
        image::downloadable(&self.inner.control.cloud(), actor, id)?.ok_or_else(|| {
            Error::not_found(
                "ImageDataNotFound",
                format!("No image data could be found for image {id}."),
            )
        })
    }
}
