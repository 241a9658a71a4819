//! The larger works of a server's task: finding a QEMU again, starting one, its NICs, its limits, its end.

use std::collections::BTreeSet;
use std::fs::File;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use linux::cgroup::{Cgroup, Limits};
use model::PortId;
use model::host::{ServerConfig, ServerPhase};
use qemu::command_line::Accelerator;
use tokio::time::Instant;

use super::limits::Limited;
use super::{Actor, Next, TOLD_FROM};
use crate::servers::disks::{DiskMaker, Disks, config_drive};
use crate::servers::error::{Result, ServerError};
use crate::servers::files;
use crate::servers::machine::{Parts, Running, StartMode};
use crate::servers::state::ServerState;

/// Memory that QEMU itself needs beside the guest's: translation cache, devices, page tables.
const OVERHEAD_MIB: u64 = 512;
/// QEMU's threads: processors, main loop, workers of the block layer (64) and some spare.
const THREADS: u64 = 160;

impl Actor {
    /// Finds a QEMU that runs already: from before a restart of ours, or from a pass that was dropped.
    pub(super) async fn adopt(&mut self) -> Result<()> {
        match Running::find(&self.directory).await {
            Ok(found) => {
                if let Some(machine) = &found {
                    tracing::info!(server.id = %self.id, process.id = machine.pid(), "Found server {} running", self.id);
                    self.shared
                        .note_process(self.id, Some((machine.pid(), machine.qmp().clone())));
                    self.fetch_taps(machine).await;
                    // Their sizes are told to the guest once more.
                    self.held = machine.volumes().await?.into_iter().map(|id| (id, 0)).collect();
                    self.limited = Limited::of_found_machine();
                } else {
                    self.held.clear();
                }
                self.machine = found;
                self.unknown = false;
                Ok(())
            }
            // It does not answer, again and again: a machine that nobody can control is of no use.
            Err(error) if self.failures >= TOLD_FROM => {
                tracing::warn!(server.id = %self.id, "Killing the QEMU of server {}: {}", self.id, error.detail());
                self.kill_unknown().await
            }
            Err(error) => Err(error),
        }
    }

    /// Its namespaces may have been deleted and made anew while nobody looked. A tap that cannot be fetched costs a server
    /// one network, not its life.
    async fn fetch_taps(&self, machine: &Running) {
        let taps = machine.taps().unwrap_or_else(|error| {
            tracing::warn!(server.id = %self.id, "{}", error.detail());
            Vec::new()
        });
        for (port, tap) in taps {
            if let Err(reason) = self.shared.surroundings.fetch_tap(port, tap).await {
                tracing::warn!(
                    server.id = %self.id, port.id = %port,
                    "Server {} may be cut off from the network of port {port}: {reason}. A hard reboot mends it", self.id
                );
            }
        }
    }

    pub(super) async fn kill_unknown(&mut self) -> Result<()> {
        let record = self.directory.record();
        let find = || qemu::process::Process::find(&record);
        if let Some(process) = find().map_err(ServerError::qemu("find QEMU again", &record))? {
            process.kill().await.map_err(ServerError::qemu("end QEMU", &record))?;
        }
        self.held.clear();
        self.unknown = false;
        Ok(())
    }

    pub(super) async fn boot(&mut self, want: &ServerConfig, mode: StartMode) -> Result<()> {
        let uid = self.state().uid;
        files::remove_partials(self.directory.path())?;
        let mut disks = self.make_disks(want, uid).await?;
        disks.add_volumes(&self.shared.settings, want)?;
        // From here on they may be open, whatever becomes of the start.
        self.held = want.volumes.iter().map(|disk| (disk.id, disk.size_bytes)).collect();
        self.limited = Limited::of_new_machine();
        self.change_state(|state| {
            state.base.clone_from(&disks.base);
            state.rescue_base.clone_from(&disks.rescue_base);
        })?;
        let turn = match self.shared.boots.try_take() {
            Some(turn) => Some(turn),
            None => {
                self.report(ServerPhase::Queued);
                self.shared.boots.take().await
            }
        };
        self.report(ServerPhase::Changing);
        self.directory.ensure(uid, self.shared.settings.console_limit_bytes)?;
        let cgroup_procs = self.limits(want)?;
        let mut taps = Vec::new();
        for nic in &want.nics {
            let opened = self.shared.surroundings.open_tap(self.id, nic).await;
            taps.push(opened.map_err(|reason| ServerError::Tap {
                port: nic.port_id,
                reason,
            })?);
        }
        // A start fulfils every reboot asked for until now. Written before: if we die in between, no QEMU runs, and the
        // server is started anyway.
        self.change_state(|state| {
            state.off_by_guest = false;
            state.hard_reboots = want.hard_reboots;
            state.soft_reboots = want.soft_reboots;
            // Memory saved by a machine without one, of before there were screens, goes on without.
            state.screen |= mode != StartMode::Load;
        })?;
        let parts = Parts {
            disks,
            taps,
            cgroup_procs,
            uid,
            screen: self.state().screen,
        };
        self.unknown = true;
        let machine = Running::start(&self.shared.settings, &self.directory, want, parts, mode).await?;
        self.unknown = false;
        self.started = Some(Instant::now());
        self.asked = None;
        tracing::info!(server.id = %self.id, process.id = machine.pid(), "Started server {} ({})", self.id, want.name);
        self.shared
            .note_process(self.id, Some((machine.pid(), machine.qmp().clone())));
        if let Some(turn) = turn {
            turn.keep_while_booting(machine.pid());
        }
        self.machine = Some(machine);
        Ok(())
    }

    pub(super) async fn make_disks(&mut self, want: &ServerConfig, uid: u32) -> Result<Disks> {
        let shared = Arc::clone(&self.shared);
        let directory = self.directory.path().to_owned();
        let maker = DiskMaker {
            directory: &directory,
            uid,
            cache: &shared.cache,
            tool: &shared.settings.image_tool,
        };
        let drive = || config_drive(shared.surroundings.config_drive(&want.metadata));
        maker
            .ensure(want, drive, |percent| {
                self.report(ServerPhase::PreparingDisk { percent })
            })
            .await
    }

    /// Starts with the saved memory. If that fails, the memory is given up, and the server boots: its disk is whole.
    pub(super) async fn load(&mut self, want: &ServerConfig) -> Result<()> {
        let mut loaded = self.boot(want, StartMode::Load).await;
        if let (Ok(()), Some(machine)) = (&loaded, &mut self.machine) {
            loaded = machine.loaded(&self.directory).await;
        }
        let Err(error @ (ServerError::Qemu { .. } | ServerError::Crashed)) = loaded else {
            return loaded;
        };
        tracing::warn!(server.id = %self.id, "The saved memory of server {} is lost: {}", self.id, error.detail());
        self.forget_machine();
        self.kill_unknown().await?;
        files::remove(&self.directory.memory())
    }

    pub(super) async fn plug_nics(&mut self, want: &ServerConfig) -> Result<()> {
        let Some(machine) = &mut self.machine else {
            return Ok(());
        };
        let wanted: BTreeSet<PortId> = want.nics.iter().map(|nic| nic.port_id).collect();
        let surplus: Vec<PortId> = machine.nics().difference(&wanted).copied().collect();
        let mut first_error = None;
        for port in surplus {
            if let Err(error) = machine.unplug(port).await {
                first_error.get_or_insert(error);
            }
        }
        for nic in &want.nics {
            if machine.nics().contains(&nic.port_id) {
                continue;
            }
            let opened = match machine.make_way(nic.port_id).await {
                Ok(()) => self.shared.surroundings.open_tap(self.id, nic).await,
                Err(error) => Err(error.detail()),
            };
            let plugged = match opened {
                Ok(tap) => machine.plug(nic, tap).await,
                Err(reason) => Err(ServerError::Tap {
                    port: nic.port_id,
                    reason,
                }),
            };
            if let Err(error) = plugged {
                first_error.get_or_insert(error);
            }
        }
        first_error.map_or(Ok(()), Err)
    }

    /// Sets the limits of the server's control group, and gives the way into it.
    fn limits(&self, want: &ServerConfig) -> Result<Option<OwnedFd>> {
        let Some(parent) = &self.shared.settings.cgroup else {
            return Ok(None);
        };
        let failed = |source| ServerError::Kernel {
            action: "limit the server's resources",
            source: Arc::new(source),
        };
        let group = match Cgroup::create(&format!("{parent}/{}", self.id)) {
            Ok(group) => group,
            Err(linux::Error::Unavailable { .. }) => return Ok(None),
            Err(error) => return Err(failed(error)),
        };
        let cache_mib = match self.shared.settings.accelerator {
            Ok(Accelerator::Tcg { translation_cache_mib }) => u64::from(translation_cache_mib),
            _ => 0,
        };
        let memory_mib = want.memory_mib + want.memory_mib / 8 + cache_mib + OVERHEAD_MIB;
        let limits = Limits {
            // One processor more than the guest has, for the devices.
            cpu_quota_us: Some((u64::from(want.vcpus) + 1) * 100_000),
            cpu_weight: None,
            memory_bytes: Some(memory_mib << 20),
            threads: Some(THREADS + u64::from(want.vcpus)),
        };
        let missing = group.limit(&limits).map_err(failed)?;
        if !missing.is_empty() {
            tracing::debug!(server.id = %self.id, ?missing, "This host cannot set every limit");
        }
        let procs = group.path().join("cgroup.procs");
        let file = File::options()
            .write(true)
            .open(&procs)
            .map_err(ServerError::file("open", &procs))?;
        Ok(Some(file.into()))
    }

    /// Ends the server and leaves nothing of it.
    pub(super) async fn remove(&mut self) -> Result<Next> {
        self.report(ServerPhase::Removing);
        if self.state.is_none() {
            self.state = ServerState::read(&self.directory.state())?;
        }
        // By force: no data is of use any more.
        if let Some(machine) = &self.machine {
            machine.kill().await?;
        }
        self.kill_unknown().await?;
        self.forget_machine();
        if let Some(parent) = &self.shared.settings.cgroup
            && let Some(root) = Cgroup::mount_point()
            && root.join(parent).join(self.id.to_string()).exists()
        {
            let failed = |source| ServerError::Kernel {
                action: "limit the server's resources",
                source: Arc::new(source),
            };
            let group = Cgroup::create(&format!("{parent}/{}", self.id)).map_err(failed)?;
            group.remove().map_err(failed)?;
        }
        let directory = self.directory.clone();
        files::blocking(move || directory.remove()).await?;
        if let Some(state) = self.state.take() {
            self.shared.uids.release(state.uid);
        }
        tracing::info!(server.id = %self.id, "Removed server {}", self.id);
        self.shared.forget(self.id);
        Ok(Next::Gone)
    }
}
