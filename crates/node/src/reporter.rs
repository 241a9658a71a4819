//! Joins what the parts say into one report.

use std::sync::Arc;

use imbl::OrdMap;
use model::ServerId;
use model::host::{HostFacts, HostReport, ServerReport};
use tokio::sync::watch;

use crate::network_thread::Standing;
use crate::volumes::VolumesReport;

/// Publishes a report whenever a part says something new.
pub(crate) async fn run(
    mut standing: watch::Receiver<Arc<Standing>>,
    mut servers: watch::Receiver<OrdMap<ServerId, Arc<ServerReport>>>,
    mut volumes: watch::Receiver<VolumesReport>,
    mut passwords: watch::Receiver<OrdMap<ServerId, String>>,
    mut facts: watch::Receiver<Arc<HostFacts>>,
    report: watch::Sender<Arc<HostReport>>,
) {
    loop {
        let next = {
            let standing = standing.borrow_and_update().clone();
            let volumes = volumes.borrow_and_update().clone();
            HostReport {
                volumes_revision: volumes.revision,
                volumes: volumes.volumes,
                snapshots: volumes.snapshots,
                copies: volumes.copies,
                passwords: passwords.borrow_and_update().clone(),
                facts: facts.borrow_and_update().clone(),
                servers: servers.borrow_and_update().clone(),
                ..standing.report.clone()
            }
        };
        report.send_replace(Arc::new(next));
        tokio::select! {
            changed = standing.changed() => if changed.is_err() { return },
            changed = servers.changed() => if changed.is_err() { return },
            changed = volumes.changed() => if changed.is_err() { return },
            changed = passwords.changed() => if changed.is_err() { return },
            changed = facts.changed() => if changed.is_err() { return },
        }
    }
}
