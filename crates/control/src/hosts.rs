//! Hosts: what each must look like goes out, what each looks like comes in.

use std::sync::{Arc, Mutex, mpsc};

use model::author::Author;
use model::host::{HostConfig, HostReport};
use model::plan::{Planner, Settings};
use model::{Cloud, HostId, report};
use tokio::sync::watch;

use crate::writer::Published;
use crate::{Control, author};

/// The host's ends of the two documents.
pub struct HostLink {
    /// What it must look like.
    pub config: watch::Receiver<Arc<HostConfig>>,
    /// Where it says what it looks like.
    pub report: watch::Sender<Arc<HostReport>>,
}

/// The cloud, and what its host must look like because of it: of one moment.
#[derive(Clone)]
pub struct Planned {
    /// How often the cloud had been published.
    pub(crate) number: u64,
    /// The cloud.
    pub cloud: Arc<Cloud>,
    /// The host's document.
    pub config: Arc<HostConfig>,
}

pub(crate) struct Hosts {
    host: HostId,
    planned: watch::Receiver<Planned>,
    config: watch::Receiver<Arc<HostConfig>>,
    report: watch::Sender<Arc<HostReport>>,
    changes: Mutex<mpsc::Sender<Published>>,
}

impl Hosts {
    /// Plans the whole host once, then keeps planning what changes, on a thread of its own.
    pub(crate) fn start(cloud: &Cloud, host: HostId, settings: Settings) -> Self {
        let mut planner = Planner::new(cloud, host.clone(), settings);
        let (config_sender, config) = watch::channel(Arc::new(planner.config().clone()));
        let first = Planned {
            number: 0,
            cloud: Arc::new(cloud.clone()),
            config: config.borrow().clone(),
        };
        let (planned_sender, planned) = watch::channel(first);
        let (changes, published) = mpsc::channel::<Published>();
        std::thread::Builder::new()
            .name("maru-planner".to_owned())
            .spawn(move || {
                while let Ok(first) = published.recv() {
                    let Published {
                        mut number,
                        mut cloud,
                        mut changes,
                    } = first;
                    while let Ok(next) = published.try_recv() {
                        (number, cloud) = (next.number, next.cloud);
                        changes.extend(next.changes);
                    }
                    if planner.update(&cloud, &changes) {
                        config_sender.send_replace(Arc::new(planner.config().clone()));
                    }
                    let config = config_sender.borrow().clone();
                    planned_sender.send_replace(Planned { number, cloud, config });
                }
            })
            .expect("a thread can be started while the program starts");
        let (report, _) = watch::channel(Arc::new(HostReport::default()));
        Self {
            host,
            planned,
            config,
            report,
            changes: Mutex::new(changes),
        }
    }

    pub(crate) fn changes(&self) -> mpsc::Sender<Published> {
        self.changes
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .clone()
    }

    pub(crate) fn link(&self) -> HostLink {
        HostLink {
            config: self.config.clone(),
            report: self.report.clone(),
        }
    }

    pub(crate) fn reports(&self) -> watch::Receiver<Arc<HostReport>> {
        self.report.subscribe()
    }

    pub(crate) fn planned(&self) -> watch::Receiver<Planned> {
        self.planned.clone()
    }

    /// What is planned, once that is of this publication or a later one; `None` when the cloud has ended.
    pub(crate) async fn planned_since(&self, number: u64) -> Option<Planned> {
        let mut planned = self.planned();
        let found = planned.wait_for(|planned| planned.number >= number).await;
        found.ok().map(|planned| planned.clone())
    }

    pub(crate) fn configs(&self) -> watch::Receiver<Arc<HostConfig>> {
        self.config.clone()
    }

    pub(crate) fn host_id(&self) -> &HostId {
        &self.host
    }
}

/// Folds every report into the rows: status is reported, never assumed.
pub(crate) fn fold_reports(control: &Control) {
    let mut reports = control.host_report();
    // Only those who use the cloud keep it alive: when they are gone, its threads end and its store is closed.
    let inner = Arc::downgrade(&control.inner);
    tokio::spawn(async move {
        let mut folded = Arc::new(HostReport::default());
        while reports.changed().await.is_ok() {
            let Some(inner) = inner.upgrade() else { return };
            let control = Control { inner };
            let newest = reports.borrow_and_update().clone();
            let config = control.host_config().borrow().clone();
            let work = report::pending(&control.cloud(), control.host_id(), &config, &folded, &newest);
            let mut complete = true;
            for part in work {
                let host = control.host_id().clone();
                let (config, newest) = (config.clone(), newest.clone());
                let folding = control.transact(move |tx| report::fold(tx, &host, &config, &newest, &part));
                if let Err(error) = author::acting(Author::Host, folding).await {
                    complete = false;
                    tracing::warn!(host.name = %control.host_id(), "A host's report could not be entered: {error}");
                }
            }
            if complete {
                folded = newest;
            } else {
                drop(control);
                // The next report, or this one again in a moment, carries the same facts.
                tokio::time::sleep(std::time::Duration::from_secs(1)).await;
                reports.mark_changed();
            }
        }
    });
}
