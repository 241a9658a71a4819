//! What is ordered of a server's disks: done between two runs of its machine, or beside one (copies for images).

use model::host::{ServerConfig, ServerDone, ServerOrders, ServerPhase, SnapshotOrder, SnapshotReport, SnapshotState};
use qemu::command_line::DiskFormat;
use qemu::image_tool::ImageFile;

use super::Actor;
use crate::servers::error::{Result, ServerError};
use crate::servers::state::ServerState;
use crate::servers::steps::Work;
use crate::servers::{copies, files};

/// The block node of the root disk.
const ROOT: &str = "root";
/// The copy of a root disk while it is being made.
const PARTIAL: &str = "snapshot.partial";

/// What is to be done to the disks next.
pub(super) fn due(orders: &ServerOrders, state: &ServerState) -> Option<Work> {
    if orders.rebuilds > state.rebuilds {
        return Some(Work::Rebuild);
    }
    if orders.reverted > state.reverted {
        return Some(Work::Revert);
    }
    (orders.trial > state.trial).then_some(Work::Resize)
}

/// What was done, as far as it is remembered.
pub(super) fn done(state: &ServerState) -> ServerDone {
    ServerDone {
        rebuilds: state.rebuilds,
        trial: state.trial,
        reverted: state.reverted,
        snapshot: None,
    }
}

impl Actor {
    /// Works on the disks; the machine is off. What is remembered is written last: a work that was cut off is done again.
    pub(super) async fn work(&mut self, work: Work, want: &ServerConfig) -> Result<()> {
        tracing::info!(server.id = %self.id, ?work, "Working on the disks of server {}", self.id);
        self.report(ServerPhase::Changing);
        let orders = &want.orders;
        let directory = self.directory.path().to_owned();
        match work {
            Work::Rebuild => {
                let keep = orders.keep_ephemeral;
                files::blocking(move || copies::wipe(&directory, keep)).await?;
                self.change_state(|state| {
                    state.rebuilds = orders.rebuilds;
                    state.off_by_guest = false;
                    (state.base, state.rescue_base) = (None, None);
                })
            }
            Work::Resize => {
                let (shared, uid) = (self.shared.clone(), self.state().uid);
                copies::grow(&directory, want, &shared.settings.image_tool, uid).await?;
                self.change_state(|state| {
                    state.trial = orders.trial;
                    state.off_by_guest = false;
                })
            }
            Work::Revert => {
                let number = orders.reverted;
                files::blocking(move || copies::take_back(&directory, number)).await?;
                self.change_state(|state| {
                    (state.reverted, state.trial) = (number, 0);
                    state.off_by_guest = false;
                })
            }
        }
    }

    /// The server is as it should be: what is ordered beside that.
    pub(super) async fn follow_orders(&mut self, phase: &ServerPhase, want: &ServerConfig) -> Result<()> {
        if want.orders.trial == 0 && self.state().trial > 0 {
            copies::drop_before(self.directory.path(), None)?;
            self.change_state(|state| state.trial = 0)?;
        }
        let Some(order) = &want.orders.snapshot else {
            if self.snapshot.take().is_some() {
                copies::drop_snapshots(self.directory.path(), None)?;
            }
            return Ok(());
        };
        let is_settled = |known: &SnapshotReport| {
            known.image_id == order.image_id && !matches!(known.state, SnapshotState::Making { .. })
        };
        if self.snapshot.as_ref().is_some_and(is_settled) {
            return Ok(());
        }
        let state = match self.take_snapshot(phase, order, want).await {
            Ok(path) => SnapshotState::Ready { path },
            Err(error) => {
                tracing::warn!(server.id = %self.id, "The disk of server {} can't be copied: {}", self.id, error.detail());
                // What is left takes room.
                files::remove(&self.directory.path().join(PARTIAL))?;
                SnapshotState::Failed {
                    message: error.message(),
                }
            }
        };
        self.tell_snapshot(order, state);
        Ok(())
    }

    fn tell_snapshot(&mut self, order: &SnapshotOrder, state: SnapshotState) {
        self.snapshot = Some(SnapshotReport {
            image_id: order.image_id,
            state,
        });
    }

    /// Makes the copy, unless it is there from before a restart of ours.
    async fn take_snapshot(
        &mut self,
        phase: &ServerPhase,
        order: &SnapshotOrder,
        want: &ServerConfig,
    ) -> Result<std::path::PathBuf> {
        let directory = self.directory.path().to_owned();
        copies::drop_snapshots(&directory, Some(order.image_id))?;
        let path = copies::snapshot(&directory, order.image_id);
        if path.exists() {
            return Ok(path);
        }
        let format = if order.format == "raw" {
            DiskFormat::Raw
        } else {
            DiskFormat::Qcow2
        };
        let partial = directory.join(PARTIAL);
        let target = ImageFile { path: &partial, format };
        if self.machine.is_some() {
            self.copy_from_machine(phase, order, target).await?;
        } else {
            if !self.directory.root().exists() {
                let disks = self.make_disks(want, self.state().uid).await?;
                self.change_state(|state| state.base.clone_from(&disks.base))?;
            }
            files::remove(&partial)?;
            self.copy_from_file(phase, order, target).await?;
        }
        files::give(&partial, rustix::process::geteuid().as_raw(), 0o600)?;
        files::finish(&partial, &path).await?;
        Ok(path)
    }

    /// QEMU holds the disk and makes the copy; the guest goes on.
    async fn copy_from_machine(&mut self, phase: &ServerPhase, order: &SnapshotOrder, to: ImageFile<'_>) -> Result<()> {
        let failed = || ServerError::qemu("copy the root disk", to.path);
        let Some(qmp) = self.machine.as_ref().map(|machine| machine.qmp().clone()) else {
            return Ok(());
        };
        // Before its file goes: a job may be left from a pass that was dropped.
        qmp.end_copy().await.map_err(failed())?;
        files::remove(to.path)?;
        let size_bytes = copies::virtual_size(&self.directory.root())?;
        let (shared, uid) = (self.shared.clone(), self.state().uid);
        let made = shared.settings.image_tool.create(to, size_bytes).await;
        made.map_err(failed())?;
        files::give(to.path, uid, 0o600)?;
        let copied = qmp
            .copy_disk(ROOT, PARTIAL, to.format, |percent| {
                self.tell_snapshot(order, SnapshotState::Making { percent });
                self.report(phase.clone());
            })
            .await;
        copied.map_err(failed())
    }

    /// Nobody holds the disk.
    async fn copy_from_file(&mut self, phase: &ServerPhase, order: &SnapshotOrder, to: ImageFile<'_>) -> Result<()> {
        let shared = self.shared.clone();
        let root = self.directory.root();
        let base = self.state().base.map(|name| shared.settings.cache_dir().join(name));
        let tool = &shared.settings.image_tool;
        copies::flatten(tool, &root, base.as_deref(), to, |percent| {
            self.tell_snapshot(order, SnapshotState::Making { percent });
            self.report(phase.clone());
        })
        .await
    }
}
