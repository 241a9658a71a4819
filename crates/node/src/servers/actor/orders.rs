//! What is ordered of a server's disks: done between two runs of its machine, or beside one (copies for images).

use std::fs::OpenOptions;
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt;
use std::time::Duration;

use model::host::{ServerConfig, ServerDone, ServerOrders, ServerPhase, SnapshotOrder, SnapshotReport, SnapshotState};
use qemu::command_line::DiskFormat;
use qemu::image_tool::ImageFile;
use qemu::qmp::DiskCopy;
use tokio::time::Instant;

use super::{Actor, BACKOFF, TOLD_FROM};
use crate::servers::error::{Result, ServerError};
use crate::servers::state::ServerState;
use crate::servers::steps::Work;
use crate::servers::{copies, files};

/// The block node of the root disk.
const ROOT: &str = "root";
/// The copy of a root disk while it is being made.
const PARTIAL: &str = "snapshot.partial";

/// The name of the copy in QEMU: a machine's root disk has one copy under way at most.
const COPY: &str = "maru-copy";
/// Longest time for it: far more than a disk takes, less than for ever.
const COPY_LIMIT: Duration = Duration::from_secs(24 * 3600);

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

    /// The server is as it should be: what is ordered beside that. Gives when to try again what failed.
    pub(super) async fn follow_orders(&mut self, phase: &ServerPhase, want: &ServerConfig) -> Result<Option<Instant>> {
        if want.orders.trial == 0 && self.state().trial > 0 {
            copies::drop_before(self.directory.path(), None)?;
            self.change_state(|state| state.trial = 0)?;
        }
        let Some(order) = &want.orders.snapshot else {
            self.copy_failures = 0;
            if self.snapshot.take().is_some() {
                copies::drop_snapshots(self.directory.path(), None)?;
            }
            return Ok(None);
        };
        if self
            .snapshot
            .as_ref()
            .is_some_and(|known| known.image_id != order.image_id)
        {
            self.copy_failures = 0;
        }
        let is_settled = |known: &SnapshotReport| {
            known.image_id == order.image_id && !matches!(known.state, SnapshotState::Making { .. })
        };
        if self.snapshot.as_ref().is_some_and(is_settled) {
            return Ok(None);
        }
        match self.take_snapshot(phase, order, want).await {
            Ok(path) => {
                self.copy_failures = 0;
                self.tell_snapshot(order, SnapshotState::Ready { path });
                Ok(None)
            }
            Err(error) => Ok(self.copy_failed(order, &error)),
        }
    }

    /// Like a start, a copy is tried again before its failure is told, unless trying again cannot help.
    fn copy_failed(&mut self, order: &SnapshotOrder, error: &ServerError) -> Option<Instant> {
        self.copy_failures += 1;
        tracing::warn!(
            server.id = %self.id,
            failures = self.copy_failures,
            "The disk of server {} can't be copied: {}", self.id, error.detail()
        );
        // What is left takes room.
        if let Err(error) = files::remove(&self.directory.path().join(PARTIAL)) {
            tracing::warn!(server.id = %self.id, "{}", error.detail());
        }
        if error.is_definite() || matches!(error, ServerError::DiskFull { .. }) || self.copy_failures >= TOLD_FROM {
            let message = error.copy_message();
            self.tell_snapshot(order, SnapshotState::Failed { message });
            return None;
        }
        self.tell_snapshot(order, SnapshotState::Making { percent: 0 });
        let index = self.copy_failures.min(BACKOFF.len()) - 1;
        Some(Instant::now() + BACKOFF[index])
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
        qmp.end_copy(COPY).await.map_err(failed())?;
        files::remove(to.path)?;
        let size_bytes = copies::virtual_size(&self.directory.root())?;
        let made = self.shared.settings.image_tool.create(to, size_bytes).await;
        made.map_err(failed())?;
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .custom_flags(libc::O_NOFOLLOW)
            .open(to.path)
            .map_err(ServerError::file("open", to.path))?;
        let copy = DiskCopy {
            name: COPY,
            node: ROOT,
            format: to.format,
            limit: COPY_LIMIT,
        };
        let copied = qmp
            .copy_disk(copy, file.as_fd(), |percent| {
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
