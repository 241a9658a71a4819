//! The volumes of a host: made, grown and removed until they are as wanted.
//!
//! ```text
//!  HostConfig.volumes, .snapshots ──apply──► Keeper (one task) ──► jobs, one an object ──► VolumeDriver (files)
//!  HostReport.volumes, .snapshots ◄─────────────┘
//! ```
//!
//! A job that a crash cut off left nothing under its object's name, so it is begun anew. A volume that was made once and is
//! gone is lost: it is never made anew, which would show its owner an empty disk.

mod backup;
#[cfg(test)]
mod backup_tests;
mod driver;
mod files;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use imbl::OrdMap;
use model::host::{CopyConfig, CopyKind, HostConfig, Restored, VolumeConfig, VolumeOrigin, VolumeReport};
use model::{VolumeId, VolumeSnapshotId};
use qemu::qmp::Qmp;
use tokio::sync::{Semaphore, watch};
use tokio::task::{JoinHandle, JoinSet};
use uuid::Uuid;

pub use driver::{Object, Origin, VolumeDriver};
pub use files::FileDriver;

use crate::servers::{Result, ServerError};

/// So many objects are made at the same time: copying is bound by the disk.
const AT_ONCE: usize = 2;

/// Volumes and snapshots as they are.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct VolumesReport {
    /// The document that this is an answer to.
    pub revision: u64,
    /// How each volume is.
    pub volumes: OrdMap<VolumeId, Arc<VolumeReport>>,
    /// How each snapshot is.
    pub snapshots: OrdMap<VolumeSnapshotId, Arc<VolumeReport>>,
    /// How each backup and copy for an image is.
    pub copies: OrdMap<Uuid, Arc<VolumeReport>>,
}

/// Who knows which QEMU has a volume open.
pub trait Holders: Send + Sync + 'static {
    /// The monitor of a QEMU that has the volume, if one runs.
    fn holder(&self, volume: VolumeId) -> Option<Qmp>;
}

/// Keeps a host's volumes. Dropping it stops the keeping; the volumes stay.
pub struct Volumes {
    wanted: watch::Sender<Option<Arc<HostConfig>>>,
    reports: watch::Receiver<VolumesReport>,
    task: JoinHandle<()>,
}

impl Volumes {
    /// Finds what is there. Nothing is touched before [`Volumes::apply`]. Call within a tokio runtime.
    ///
    /// # Errors
    /// What the driver says.
    pub fn open(driver: Arc<dyn VolumeDriver>, holders: Arc<dyn Holders>) -> Result<Self> {
        let found = driver.find()?;
        let (wanted, desired) = watch::channel(None);
        let (publish, reports) = watch::channel(VolumesReport::default());
        let known = found
            .into_iter()
            .map(|(object, size_bytes)| (object, Known::Ready { size_bytes }))
            .collect();
        let keeper = Keeper {
            driver,
            holders,
            known,
            jobs: JoinSet::new(),
            progress: Arc::default(),
            turns: Arc::new(Semaphore::new(AT_ONCE)),
            config: Arc::default(),
            restored: BTreeMap::new(),
        };
        Ok(Self {
            wanted,
            reports,
            task: tokio::spawn(keeper.run(desired, publish)),
        })
    }

    /// Says what is to be. Returns at once.
    pub fn apply(&self, config: &Arc<HostConfig>) {
        self.wanted.send_replace(Some(Arc::clone(config)));
    }

    /// Follows how they are.
    pub fn reports(&self) -> watch::Receiver<VolumesReport> {
        self.reports.clone()
    }
}

impl Drop for Volumes {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Seconds that a server which is to have a volume gets to be found running, after a copy of the volume failed.
const PATIENCE: u32 = 30;

/// What is known of an object.
#[derive(Debug, Clone)]
enum Known {
    /// A job works on it; its size so far.
    Busy { size_bytes: Option<u64>, removing: bool },
    /// It is there.
    Ready { size_bytes: u64 },
    /// What was last tried failed; its size so far, and the size that was tried for.
    Failed {
        size_bytes: Option<u64>,
        tried_bytes: u64,
        error: ServerError,
    },
}

/// A job's end.
struct Done {
    object: Object,
    tried_bytes: u64,
    /// The new size; `None`: the object is gone.
    outcome: Result<Option<u64>>,
    /// The order to replace a volume's content that this was.
    restore: Option<Uuid>,
}

struct Keeper {
    driver: Arc<dyn VolumeDriver>,
    holders: Arc<dyn Holders>,
    known: BTreeMap<Object, Known>,
    jobs: JoinSet<Done>,
    progress: Arc<Mutex<BTreeMap<Object, u8>>>,
    turns: Arc<Semaphore>,
    config: Arc<HostConfig>,
    /// The last order to replace each volume's content. One that a crash cut off is carried out again, which does no harm:
    /// nobody uses the volume before the order is known to be done.
    restored: BTreeMap<VolumeId, Restored>,
}

/// Waits a while for the QEMU that has a volume.
async fn found(holders: &dyn Holders, volume: VolumeId) -> Option<Qmp> {
    for _ in 0..PATIENCE {
        if let Some(qmp) = holders.holder(volume) {
            return Some(qmp);
        }
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    }
    None
}

/// The object that a copy is.
fn object_of(copy: &CopyConfig) -> Object {
    match copy.kind {
        CopyKind::Backup { .. } => Object::Backup(copy.id),
        CopyKind::Image { .. } => Object::Export(copy.id),
    }
}

impl Keeper {
    async fn run(
        mut self,
        mut wanted: watch::Receiver<Option<Arc<HostConfig>>>,
        publish: watch::Sender<VolumesReport>,
    ) {
        // Progress is shown now and then while something is being made.
        let mut tick = tokio::time::interval(std::time::Duration::from_secs(1));
        loop {
            let config = wanted.borrow_and_update().clone();
            if let Some(config) = &config {
                self.config = Arc::clone(config);
                self.begin(config);
                let report = self.report(config);
                publish.send_if_modified(|known| {
                    let is_new = *known != report;
                    *known = report;
                    is_new
                });
            }
            tokio::select! {
                changed = wanted.changed() => if changed.is_err() { return },
                Some(done) = self.jobs.join_next(), if !self.jobs.is_empty() => match done {
                    Ok(done) => self.end(done),
                    Err(error) => std::panic::resume_unwind(error.into_panic()),
                },
                _ = tick.tick(), if !self.jobs.is_empty() => {}
            }
        }
    }

    /// Begins what has to be done and is not under way.
    fn begin(&mut self, config: &HostConfig) {
        for volume in config.volumes.values() {
            self.begin_volume(volume);
        }
        for snapshot in config.snapshots.values() {
            let object = Object::Snapshot(snapshot.id);
            let of = Object::Volume(snapshot.volume_id);
            match (self.known.get(&object), self.size(of)) {
                (None, _) if snapshot.is_made => self.lost(object),
                (None, Some(size_bytes)) => {
                    let origin = self.copy_of(of);
                    self.make(object, origin, size_bytes, None);
                }
                // Of a volume that is gone, or not there yet, which cannot be asked for.
                (None, None) => self.lost(object),
                (Some(_), _) => {}
            }
        }
        for copy in config.copies.values() {
            self.begin_copy(copy);
        }
        let is_wanted = |object: &Object| match object {
            Object::Volume(id) => config.volumes.contains_key(id),
            Object::Snapshot(id) => config.snapshots.contains_key(id),
            Object::Backup(id) | Object::Export(id) => {
                config.copies.get(id).is_some_and(|copy| object_of(copy) == *object)
            }
        };
        let surplus = self
            .known
            .iter()
            .filter(|(object, known)| !is_wanted(object) && !matches!(known, Known::Busy { .. }));
        let surplus: Vec<Object> = surplus.map(|(object, _)| *object).collect();
        for object in surplus {
            self.remove(object);
        }
    }

    fn begin_volume(&mut self, volume: &VolumeConfig) {
        let object = Object::Volume(volume.id);
        match self.known.get(&object) {
            None if volume.is_made => self.lost(object),
            None => {
                let origin = self.origin(&volume.source);
                self.make(object, origin, volume.size_bytes, None);
            }
            Some(Known::Ready { size_bytes }) if self.is_to_restore(volume) => {
                let size_bytes = volume.size_bytes.max(*size_bytes);
                if let Some(restore) = &volume.restore {
                    let origin = self.origin(&restore.source);
                    self.make(object, origin, size_bytes, Some(restore.order));
                }
            }
            Some(Known::Ready { size_bytes }) if *size_bytes < volume.size_bytes => self.grow(volume),
            Some(Known::Failed {
                size_bytes: Some(_),
                tried_bytes,
                ..
            }) if *tried_bytes != volume.size_bytes => self.grow(volume),
            Some(_) => {}
        }
    }

    fn origin(&self, source: &VolumeOrigin) -> Origin {
        match source {
            VolumeOrigin::Blank => Origin::Blank,
            VolumeOrigin::Image(image) => Origin::Image(image.clone()),
            VolumeOrigin::Snapshot(id) => self.copy_of(Object::Snapshot(*id)),
            VolumeOrigin::Volume(id) => self.copy_of(Object::Volume(*id)),
            VolumeOrigin::Backup(id) => Origin::Backup(*id),
        }
    }

    /// Whether there is an order to replace a volume's content that was not tried yet.
    fn is_to_restore(&self, volume: &VolumeConfig) -> bool {
        let tried = self.restored.get(&volume.id).map(|restored| restored.order);
        volume
            .restore
            .as_ref()
            .is_some_and(|restore| tried != Some(restore.order))
    }

    fn begin_copy(&mut self, copy: &CopyConfig) {
        let object = object_of(copy);
        if self.known.contains_key(&object) {
            return;
        }
        let from = match copy.source {
            VolumeOrigin::Volume(id) => Some(Object::Volume(id)),
            VolumeOrigin::Snapshot(id) => Some(Object::Snapshot(id)),
            VolumeOrigin::Blank | VolumeOrigin::Image(_) | VolumeOrigin::Backup(_) => None,
        };
        let size_bytes = from.and_then(|from| self.size(from));
        let (Some(from), Some(size_bytes), false) = (from, size_bytes, copy.is_made) else {
            return self.lost(object);
        };
        let of = Box::new(self.copy_of(from));
        let origin = match &copy.kind {
            CopyKind::Backup { parent } => Origin::Differences { of, parent: *parent },
            CopyKind::Image { format } => Origin::Converted {
                of,
                format: match format.as_str() {
                    "qcow2" => "qcow2",
                    "vmdk" => "vmdk",
                    "vdi" => "vdi",
                    "vhd" => "vpc",
                    "vhdx" => "vhdx",
                    _ => "raw",
                },
            },
        };
        self.make(object, origin, size_bytes, None);
    }

    fn size(&self, object: Object) -> Option<u64> {
        match self.known.get(&object)? {
            Known::Ready { size_bytes } => Some(*size_bytes),
            Known::Busy { size_bytes, .. } | Known::Failed { size_bytes, .. } => *size_bytes,
        }
    }

    /// A volume that a server has is copied by its QEMU, which alone knows what was written.
    fn copy_of(&self, object: Object) -> Origin {
        match object {
            Object::Volume(id) => match self.holders.holder(id) {
                Some(qmp) => Origin::Live(id, qmp),
                None => Origin::Copy(object),
            },
            Object::Snapshot(_) | Object::Backup(_) | Object::Export(_) => Origin::Copy(object),
        }
    }

    fn lost(&mut self, object: Object) {
        tracing::error!("The data of {object:?} is gone from this host");
        let error = ServerError::VolumeLost;
        let known = Known::Failed {
            size_bytes: None,
            tried_bytes: 0,
            error,
        };
        self.known.insert(object, known);
    }

    /// Begins to make an object. `restore`: the order to do so in place of a volume that is there.
    fn make(&mut self, object: Object, origin: Origin, size_bytes: u64, restore: Option<Uuid>) {
        let busy = Known::Busy {
            size_bytes: self.size(object),
            removing: false,
        };
        self.known.insert(object, busy);
        let (driver, turns, shown) = (self.driver.clone(), self.turns.clone(), self.progress.clone());
        let (holders, attached) = (self.holders.clone(), self.attached_source(&origin));
        self.jobs.spawn(async move {
            let turn = turns.acquire_owned().await;
            let progress = || {
                let shown = shown.clone();
                Box::new(move |percent| {
                    shown
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .insert(object, percent);
                })
            };
            let mut outcome = driver.make(object, origin.clone(), size_bytes, progress()).await;
            if let (Err(_), Some(id)) = (&outcome, attached) {
                // A server that outlived us, or that starts just now, is not known at once.
                if let Some(qmp) = found(&*holders, id).await {
                    let origin = origin.live(id, &qmp);
                    outcome = driver.make(object, origin, size_bytes, progress()).await;
                }
            }
            let outcome = outcome.map(Some);
            drop(turn);
            Done {
                object,
                tried_bytes: size_bytes,
                outcome,
                restore,
            }
        });
    }

    /// The volume that is to be copied as it lies there, if a server is to have it.
    fn attached_source(&self, origin: &Origin) -> Option<VolumeId> {
        let id = origin.idle_volume()?;
        let mut disks = self.config.servers.values().flat_map(|server| &server.volumes);
        disks.any(|disk| disk.id == id).then_some(id)
    }

    fn grow(&mut self, volume: &VolumeConfig) {
        let (object, id, size_bytes) = (Object::Volume(volume.id), volume.id, volume.size_bytes);
        let busy = Known::Busy {
            size_bytes: self.size(object),
            removing: false,
        };
        self.known.insert(object, busy);
        let driver = self.driver.clone();
        self.jobs.spawn(async move {
            Done {
                object,
                tried_bytes: size_bytes,
                outcome: driver.grow(id, size_bytes).await.map(|()| Some(size_bytes)),
                restore: None,
            }
        });
    }

    fn remove(&mut self, object: Object) {
        let busy = Known::Busy {
            size_bytes: self.size(object),
            removing: true,
        };
        self.known.insert(object, busy);
        let driver = self.driver.clone();
        self.jobs.spawn(async move {
            Done {
                object,
                tried_bytes: 0,
                outcome: driver.remove(object).await.map(|()| None),
                restore: None,
            }
        });
    }

    fn end(&mut self, done: Done) {
        let Done {
            object,
            tried_bytes,
            outcome,
            restore,
        } = done;
        self.progress
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&object);
        if let (Object::Volume(id), Some(order)) = (object, restore) {
            let failure = outcome.as_ref().err().map(ServerError::volume_message);
            self.restored.insert(id, Restored { order, failure });
        }
        match outcome {
            // It is what it was.
            Err(error) if restore.is_some() => {
                tracing::warn!("{object:?} could not be restored: {}", error.detail());
                let size_bytes = self.size(object).unwrap_or(tried_bytes);
                self.known.insert(object, Known::Ready { size_bytes });
            }
            Ok(Some(size_bytes)) => {
                self.known.insert(object, Known::Ready { size_bytes });
            }
            Ok(None) => {
                self.known.remove(&object);
                if let Object::Volume(id) = object {
                    self.restored.remove(&id);
                }
            }
            Err(error) => {
                tracing::warn!("{object:?}: {}", error.detail());
                let failed = Known::Failed {
                    size_bytes: self.size(object),
                    tried_bytes,
                    error,
                };
                self.known.insert(object, failed);
            }
        }
    }

    fn report(&self, config: &HostConfig) -> VolumesReport {
        let mut report = VolumesReport {
            revision: config.revision,
            ..VolumesReport::default()
        };
        let progress = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        for (object, known) in &self.known {
            let shown = Arc::new(match known {
                Known::Ready { size_bytes } => VolumeReport::Ready {
                    size_bytes: *size_bytes,
                    restored: match object {
                        Object::Volume(id) => self.restored.get(id).cloned(),
                        _ => None,
                    },
                },
                Known::Busy { removing: true, .. } => VolumeReport::Removing,
                Known::Busy { .. } => VolumeReport::Making {
                    percent: progress.get(object).copied().unwrap_or(0),
                },
                Known::Failed { error, .. } => VolumeReport::Failed {
                    message: error.volume_message(),
                    detail: error.detail(),
                },
            });
            match object {
                Object::Volume(id) => drop(report.volumes.insert(*id, shown)),
                Object::Snapshot(id) => drop(report.snapshots.insert(*id, shown)),
                Object::Backup(id) | Object::Export(id) => drop(report.copies.insert(*id, shown)),
            }
        }
        report
    }
}
