//! Copies of servers' disks that a host has ready become the data of their images.
//!
//! ```text
//!  host's report: copy ready ─► task image_uploading ─► ImageStore::upload (inspected like any other) ─► finish
//!  copy failed, image deleted, upload refused ─► abandon
//!  server runs again from its shelved image ─► that image goes
//! ```
//!
//! One look does all that can be done now; it is taken at every report and every change of the cloud's that a report
//! follows. What a crash cut off is begun again: the order is in the row, and the copy is on the host until the order goes.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use model::compute::server::snapshot;
use model::compute::{Server, TaskState, VmState};
use model::host::{HostReport, SnapshotState};
use model::image::Image;
use model::{ImageId, Result};

use super::{ImageStore, file_stream};

/// How often one looks without a report.
const ROUND: Duration = Duration::from_secs(5);

/// What one look finds to do for a server.
enum Work {
    /// Take this copy as the image's data.
    Take(ImageId, PathBuf),
    /// There will be no image.
    Abandon(ImageId),
    /// It runs again: the image it was shelved as goes.
    DropShelved(ImageId),
}

/// Looks at every report from now on. Ends with the cloud.
pub(super) fn follow(store: &ImageStore) {
    let mut reports = store.inner.control.host_report();
    let weak = Arc::downgrade(&store.inner);
    let under_way: Arc<Mutex<BTreeSet<ImageId>>> = Arc::default();
    tokio::spawn(async move {
        loop {
            let changed = tokio::time::timeout(ROUND, reports.changed()).await;
            let (Some(inner), true) = (weak.upgrade(), !matches!(changed, Ok(Err(_)))) else {
                return;
            };
            let store = ImageStore { inner };
            let report = reports.borrow_and_update().clone();
            let cloud = store.inner.control.cloud();
            let found: Vec<_> = cloud
                .lookups
                .snapshotting
                .iter()
                .filter_map(|id| cloud.servers.get(id))
                .filter_map(|server| work(server, &report).map(|work| (server.clone(), work)))
                .collect();
            for (server, work) in found {
                let image = work.image();
                if !lock(&under_way).insert(image) {
                    continue;
                }
                let (store, under_way) = (store.clone(), under_way.clone());
                tokio::spawn(async move {
                    store.do_work(&server, work).await;
                    lock(&under_way).remove(&image);
                });
            }
        }
    });
}

fn lock(set: &Mutex<BTreeSet<ImageId>>) -> std::sync::MutexGuard<'_, BTreeSet<ImageId>> {
    set.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Work {
    fn image(&self) -> ImageId {
        match self {
            Self::Take(image, _) | Self::Abandon(image) | Self::DropShelved(image) => *image,
        }
    }
}

fn work(server: &Server, report: &HostReport) -> Option<Work> {
    let Some(wanted) = &server.works.snapshot else {
        let image = server.works.shelved_image?;
        let runs_again = server.vm_state == VmState::Active && server.task_state.is_none();
        return runs_again.then_some(Work::DropShelved(image));
    };
    let image = wanted.image_id;
    if !server.task_state.is_some_and(TaskState::awaits_snapshot) {
        // An administrator reset the state, or the server failed: nobody waits any more.
        return (server.task_state != Some(TaskState::Deleting)).then_some(Work::Abandon(image));
    }
    let copy = report.servers.get(&server.id)?.done.snapshot.as_ref()?;
    match &copy.state {
        _ if copy.image_id != image => None,
        SnapshotState::Making { .. } => None,
        SnapshotState::Ready { path } => Some(Work::Take(image, path.clone())),
        SnapshotState::Failed { message } => {
            tracing::warn!(server.id = %server.id, image.id = %image, "No image of server {}: {message}", server.id);
            Some(Work::Abandon(image))
        }
    }
}

impl ImageStore {
    async fn do_work(&self, server: &Server, work: Work) {
        let id = server.id;
        let outcome = match work {
            Work::Take(image, path) => match self.take_copy(server, image, &path).await {
                Ok(()) => self.finish_copy(server, image).await,
                Err(error) => {
                    tracing::warn!(server.id = %id, image.id = %image, "No image of server {id}: {error}");
                    self.abandon_copy(server, image).await
                }
            },
            Work::Abandon(image) => self.abandon_copy(server, image).await,
            Work::DropShelved(image) => self.drop_shelved(server, image).await,
        };
        if let Err(error) = outcome {
            tracing::warn!(server.id = %id, "The image of server {id} waits: {error}");
        }
    }

    /// The image has its data when this returns, be it from before a crash.
    async fn take_copy(&self, server: &Server, image: ImageId, path: &Path) -> Result<()> {
        let id = server.id;
        let control = &self.inner.control;
        let awaited = control
            .transact(move |tx| Ok(snapshot::begin_upload(tx, id, image)))
            .await?;
        let cloud = control.cloud();
        let row = cloud.get::<Image>(&image)?;
        if awaited.is_none() || row.status.has_data() {
            return Ok(());
        }
        let file = tokio::fs::File::open(path).await.map_err(|error| {
            model::Error::unavailable(
                "ImageDataNotFound",
                format!("The copy of the disk can't be read: {error}"),
            )
        })?;
        let actor = snapshot::uploader(&cloud, server, row.owner.as_ref());
        self.upload(actor, image, Box::pin(file_stream(file, u64::MAX))).await?;
        Ok(())
    }

    async fn finish_copy(&self, server: &Server, image: ImageId) -> Result<()> {
        let id = server.id;
        let control = &self.inner.control;
        let surplus = control.transact(move |tx| snapshot::finish(tx, id, image)).await?;
        for old in surplus {
            let cloud = control.cloud();
            let owner = cloud.find::<Image>(&old).and_then(|row| row.owner.clone());
            let actor = snapshot::uploader(&cloud, server, owner.as_ref());
            // One that is protected stays: its owner said so.
            if let Err(error) = self.delete(actor, old).await {
                tracing::info!(image.id = %old, "The old backup {old} stays: {error}");
            }
        }
        Ok(())
    }

    async fn abandon_copy(&self, server: &Server, image: ImageId) -> Result<()> {
        let id = server.id;
        let control = &self.inner.control;
        control
            .transact(move |tx| {
                snapshot::abandon(tx, id, image);
                Ok(())
            })
            .await
    }

    async fn drop_shelved(&self, server: &Server, image: ImageId) -> Result<()> {
        let id = server.id;
        let forget = move |tx: &mut model::Tx<'_>| {
            tx.delete::<Image>(&image);
            tx.update::<Server>(&id, |server| server.works.shelved_image = None)?;
            Ok(())
        };
        self.inner.control.transact(forget).await?;
        self.remove_file(image).await;
        Ok(())
    }

    /// Removes the file of an image whose row has gone with its server.
    pub async fn discard(&self, image: ImageId) {
        let _claim = self.claim(image);
        if !self.inner.control.cloud().images.contains(&image) {
            self.remove_file(image).await;
        }
    }
}
