//! The servers of a host: each a QEMU process of its own that outlives Maru.
//!
//! ```text
//!  HostConfig.servers ──apply──► Servers ──watch──► Actor (one task a server) ──► disks, QEMU (crate qemu)
//!  HostReport.servers ◄─report──    ▲                  │ steps::decide: what next
//!                                   └── reports ◄──────┘
//! ```
//!
//! [`Servers`] starts a task for every server that is wanted or found on the disk, and tells each what it should be. A
//! task alone changes its server; a server that cannot be started is told of in the report and stops no other.

mod acceleration;
mod actor;
mod boots;
pub(crate) mod cache;
mod console;
mod copies;
mod diagnostics;
pub(crate) mod disks;
mod error;
pub(crate) mod files;
mod iso9660;
mod machine;
mod settings;
mod state;
mod steps;

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use imbl::OrdMap;
use model::host::{HostConfig, HostReport, ServerConfig, ServerReport};
use model::{ServerId, VolumeId};
use qemu::qmp::Qmp;
use tokio::sync::watch;
use tokio::task::JoinHandle;

pub use acceleration::{Wish, choose as choose_accelerator};
pub use error::{Result, ServerError};
pub use settings::{FetchFuture, Settings, Surroundings, TapFuture};

use actor::{Actor, Desired};
use boots::BootTurns;
use cache::ImageCache;
use machine::ServerDir;
use state::{ServerState, UserIds};

/// How often unused base images are looked for.
const CACHE_ROUND: Duration = Duration::from_secs(600);

/// All servers of a host. Dropping it ends the tasks and leaves the servers running.
pub struct Servers {
    shared: Arc<Shared>,
    tasks: Mutex<HashMap<ServerId, Task>>,
    cleaner: JoinHandle<()>,
}

enum Task {
    /// The server has a directory, and nobody has said yet what it should be.
    Found,
    /// Its task was begun.
    Begun {
        desired: watch::Sender<Desired>,
        handle: JoinHandle<()>,
    },
}

/// What the tasks share.
struct Shared {
    settings: Settings,
    surroundings: Arc<dyn Surroundings>,
    cache: ImageCache,
    uids: UserIds,
    boots: BootTurns,
    reports: watch::Sender<OrdMap<ServerId, Arc<ServerReport>>>,
    processes: Mutex<HashMap<ServerId, (i32, Qmp)>>,
}

impl Shared {
    fn report(&self, id: ServerId, report: ServerReport) {
        self.reports.send_if_modified(|reports| {
            let is_new = reports.get(&id).is_none_or(|known| **known != report);
            if is_new {
                reports.insert(id, Arc::new(report));
            }
            is_new
        });
    }

    fn forget(&self, id: ServerId) {
        self.reports.send_if_modified(|reports| reports.remove(&id).is_some());
    }

    /// Remembers a server's process and its monitor; `None`: it has ended.
    fn note_process(&self, id: ServerId, process: Option<(i32, Qmp)>) {
        let mut processes = lock(&self.processes);
        match process {
            Some(process) => processes.insert(id, process),
            None => processes.remove(&id),
        };
    }
}

impl Servers {
    /// Opens the state directory and finds what is there. No server is touched before [`Servers::apply`]. Must be called
    /// within a tokio runtime.
    ///
    /// # Errors
    /// [`ServerError::File`] when the state directory cannot be used.
    pub fn open(settings: Settings, surroundings: Arc<dyn Surroundings>) -> Result<Self> {
        // The directory may be passed through: QEMU's users enter theirs below it.
        files::dir(&settings.servers_dir(), 0o711)?;
        let cache = ImageCache::open(&settings.cache_dir(), settings.image_tool.clone(), settings.image_uid())?;
        let shared = Arc::new(Shared {
            cache,
            uids: UserIds::new(settings.first_uid + 1, settings.uids.saturating_sub(1)),
            boots: BootTurns::new(settings.boots_at_once),
            reports: watch::channel(OrdMap::new()).0,
            processes: Mutex::default(),
            surroundings,
            settings,
        });
        let servers = Self {
            cleaner: tokio::spawn(clean_cache(Arc::clone(&shared))),
            tasks: Mutex::default(),
            shared,
        };
        for (id, state) in servers.shared.on_disk()? {
            state.iter().for_each(|state| servers.shared.uids.take(state.uid));
            // Known to have a directory; what it should be comes with the configuration.
            lock(&servers.tasks).insert(id, Task::Found);
        }
        Ok(servers)
    }

    /// Tells every server what it should be: all removals first, then the rest. Returns at once.
    pub fn apply(&self, config: &HostConfig) {
        let mut tasks = lock(&self.tasks);
        tasks.retain(|_, task| !task.is_over());
        for (id, task) in tasks.iter_mut() {
            if !config.servers.contains_key(id) {
                task.want(&self.shared, *id, None);
            }
        }
        for (id, server) in &config.servers {
            let task = tasks.entry(*id).or_insert(Task::Found);
            task.want(&self.shared, *id, Some(Arc::clone(server)));
        }
    }

    /// Adds how every server is to a report. A server is missing from it once it is gone altogether.
    pub fn report(&self, into: &mut HostReport) {
        into.servers = self.shared.reports.borrow().clone();
    }

    /// Follows the reports of all servers.
    pub fn reports(&self) -> watch::Receiver<OrdMap<ServerId, Arc<ServerReport>>> {
        self.shared.reports.subscribe()
    }

    /// The process id of a server's QEMU while it runs.
    pub fn process_id(&self, id: ServerId) -> Option<i32> {
        lock(&self.shared.processes).get(&id).map(|(pid, _)| *pid)
    }

    /// Where a server's console log is, if it has one.
    pub fn console_log(&self, id: ServerId) -> PathBuf {
        let directory = self.shared.settings.servers_dir().join(id.to_string());
        ServerDir::new(directory).console_log()
    }

    /// Waits until every server that is not wanted any more is gone from the host.
    pub async fn removed(&self) {
        loop {
            let is_done = lock(&self.tasks).values().all(|task| match task {
                Task::Found => true,
                Task::Begun { desired, handle } => handle.is_finished() || desired.borrow().is_some(),
            });
            if is_done {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// The host's base images.
    pub(crate) fn image_cache(&self) -> cache::ImageCache {
        self.shared.cache.clone()
    }

    /// The settings that all this runs with.
    pub fn settings(&self) -> &Settings {
        &self.shared.settings
    }
}

impl crate::volumes::Holders for Servers {
    fn holder(&self, volume: VolumeId) -> Option<Qmp> {
        let reports = self.shared.reports.borrow();
        let (server, _) = reports
            .iter()
            .find(|(_, report)| report.volumes.contains_key(&volume))?;
        lock(&self.shared.processes).get(server).map(|(_, qmp)| qmp.clone())
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        self.cleaner.abort();
        for task in lock(&self.tasks).values() {
            if let Task::Begun { handle, .. } = task {
                handle.abort();
            }
        }
    }
}

impl Task {
    /// Whether it has removed its server.
    fn is_over(&self) -> bool {
        matches!(self, Self::Begun { handle, .. } if handle.is_finished())
    }

    fn want(&mut self, shared: &Arc<Shared>, id: ServerId, want: Desired) {
        match self {
            Self::Found => {
                let (desired, receiver) = watch::channel(want);
                let handle = tokio::spawn(Actor::new(id, Arc::clone(shared), receiver).run());
                *self = Self::Begun { desired, handle };
            }
            Self::Begun { desired, .. } => {
                desired.send_if_modified(|known| {
                    let is_new = !same(known.as_ref(), want.as_ref());
                    if is_new {
                        *known = want;
                    }
                    is_new
                });
            }
        }
    }
}

fn same(a: Option<&Arc<ServerConfig>>, b: Option<&Arc<ServerConfig>>) -> bool {
    match (a, b) {
        (None, None) => true,
        (Some(a), Some(b)) => Arc::ptr_eq(a, b) || a == b,
        _ => false,
    }
}

impl Shared {
    /// Servers that have a directory, and what is remembered of them.
    fn on_disk(&self) -> Result<Vec<(ServerId, Option<ServerState>)>> {
        let directory = self.settings.servers_dir();
        let mut found = Vec::new();
        for entry in fs::read_dir(&directory).map_err(ServerError::file("read", &directory))? {
            let entry = entry.map_err(ServerError::file("read", &directory))?;
            // Foreign names are nobody's server and are left alone.
            if let Ok(id) = entry.file_name().to_string_lossy().parse() {
                found.push((id, ServerState::read(&entry.path().join("state.json"))?));
            }
        }
        Ok(found)
    }
}

/// Removes base images that no server stands on.
async fn clean_cache(shared: Arc<Shared>) {
    loop {
        tokio::time::sleep(CACHE_ROUND).await;
        let cleaner = Arc::clone(&shared);
        let cleaned = files::blocking(move || {
            let states = cleaner.on_disk()?.into_iter().filter_map(|(_, state)| state);
            let used: BTreeSet<String> = states
                .flat_map(|state| [state.base, state.rescue_base])
                .flatten()
                .collect();
            cleaner.cache.remove_unused(&used, cleaner.settings.cache_keep)
        });
        if let Err(error) = cleaned.await {
            tracing::warn!("The image cache could not be cleaned: {}", error.detail());
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
