//! One server's task: the only one that changes it. It looks, takes the next step ([`super::steps`]), and looks again,
//! until the server is as it should be; then it waits for a new configuration, for QEMU, or for a moment to try again.
//!
//! A pass may be dropped at any await when what it does is not wanted any more (the server is deleted while its disk is
//! made). That is the same as a crash at that point, and the next pass deals with both in the same way: it finds a QEMU
//! by its record, and half-made files by their names.

use std::collections::BTreeSet;
use std::fs::File;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;

use linux::cgroup::{Cgroup, Limits};
use model::host::{DesiredPower, ServerConfig, ServerPhase, ServerReport};
use model::{PortId, ServerId};
use qemu::command_line::Accelerator;
use qemu::qmp::RunState;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::Shared;
use super::disks::{DiskMaker, config_drive};
use super::error::{Result, ServerError};
use super::files;
use super::machine::{Parts, Running, ServerDir, StartMode};
use super::state::ServerState;
use super::steps::{Asked, Seen, Step, decide};

/// What a server should be; `None`: it should be gone.
pub type Desired = Option<Arc<ServerConfig>>;

/// How often logs are looked at while QEMU runs.
const TICK: Duration = Duration::from_secs(2);
/// How long one waits for what takes only a moment.
const MOMENT: Duration = Duration::from_millis(100);
/// How often the power button is pressed while the guest does not react: it may not have been listening.
const PRESS_AGAIN: Duration = Duration::from_secs(5);
/// How long one waits before trying again, by the number of failures so far.
const BACKOFF: [Duration; 7] = [
    Duration::from_millis(100),
    Duration::from_millis(400),
    Duration::from_secs(1),
    Duration::from_secs(3),
    Duration::from_secs(10),
    Duration::from_secs(30),
    Duration::from_secs(60),
];
/// Failures that may pass by themselves are told from this one on.
const TOLD_FROM: usize = 3;
/// A machine that ended sooner than this after its start counts as a failure.
const STABLE: Duration = Duration::from_secs(10);
/// Memory that QEMU itself needs beside the guest's: translation cache, devices, page tables.
const OVERHEAD_MIB: u64 = 512;
/// QEMU's threads: processors, main loop, workers of the block layer (64) and some spare.
const THREADS: u64 = 160;

/// When the guest was asked to shut down.
#[derive(Clone, Copy, Debug)]
struct AskedAt {
    until: Instant,
    again: Instant,
}

/// What comes after a pass.
enum Next {
    /// Wait for news, or until this moment.
    Wait(Option<Instant>),
    /// The server is gone.
    Gone,
}

/// The task's own things.
pub struct Actor {
    id: ServerId,
    shared: Arc<Shared>,
    desired: watch::Receiver<Desired>,
    directory: ServerDir,
    state: Option<ServerState>,
    machine: Option<Running>,
    /// Whether a QEMU may run that `machine` does not hold.
    unknown: bool,
    asked: Option<AskedAt>,
    failures: usize,
    started: Option<Instant>,
    phase: ServerPhase,
}

impl Actor {
    /// A task for this server that has not begun.
    pub fn new(id: ServerId, shared: Arc<Shared>, desired: watch::Receiver<Desired>) -> Self {
        let directory = ServerDir::new(shared.settings.servers_dir().join(id.to_string()));
        Self {
            id,
            shared,
            desired,
            directory,
            state: None,
            machine: None,
            unknown: true,
            asked: None,
            failures: 0,
            started: None,
            phase: ServerPhase::Queued,
        }
    }

    /// Runs until the server is gone, or nobody wants anything of it any more (Maru ends; QEMU goes on).
    pub async fn run(mut self) {
        loop {
            let mut desired = self.desired.clone();
            let want = desired.borrow_and_update().clone();
            self.desired.mark_unchanged();
            let outcome = tokio::select! {
                outcome = self.pass(want.as_deref()) => outcome,
                () = overtaken(&mut desired, want.as_deref()) => continue,
            };
            let wake = match outcome {
                // Unless it is wanted again by now.
                Ok(Next::Gone) if !desired.has_changed().unwrap_or(false) => return,
                Ok(Next::Gone) => None,
                Ok(Next::Wait(wake)) => wake,
                Err(error) => Some(self.fail(&error, want.is_none())),
            };
            // What changed while the pass ran on is news.
            if desired.has_changed().unwrap_or(false) {
                self.desired.mark_changed();
            }
            if !self.wait(wake).await {
                return;
            }
        }
    }

    /// Waits for something to do. `false`: nobody will want anything any more.
    async fn wait(&mut self, wake: Option<Instant>) -> bool {
        let tick = self.machine.as_ref().map(|_| Instant::now() + TICK);
        let until = [wake, tick].into_iter().flatten().min();
        tokio::select! {
            changed = self.desired.changed() => {
                // Asked for something new, one tries at once.
                self.failures = 0;
                changed.is_ok()
            }
            () = news(self.machine.as_mut()) => true,
            () = until_moment(until) => {
                if let Err(error) = self.directory.trim_logs(self.shared.settings.console_limit_bytes) {
                    tracing::warn!(server.id = %self.id, "A log could not be shortened: {}", error.detail());
                }
                true
            }
        }
    }

    /// Steps until there is nothing to do but wait.
    async fn pass(&mut self, want: Option<&ServerConfig>) -> Result<Next> {
        let Some(want) = want else { return self.remove().await };
        self.load_state()?;
        loop {
            let seen = self.look(want).await?;
            let step = decide(want.power, &seen);
            tracing::debug!(server.id = %self.id, ?seen, ?step, "Next step of server {}", self.id);
            if let Some(wake) = self.take(step, want).await? {
                return Ok(Next::Wait(wake));
            }
        }
    }

    /// Looks at the machine and at what is remembered.
    async fn look(&mut self, want: &ServerConfig) -> Result<Seen> {
        if self.machine.is_none() && self.unknown {
            self.adopt().await?;
        }
        let mut run_state = None;
        if let Some(machine) = &mut self.machine {
            run_state = machine.run_state(&self.directory).await?;
            if run_state.is_none() {
                self.note_end()?;
            }
        }
        let now = Instant::now();
        let asked = match self.asked {
            None => Asked::No,
            Some(asked) if now < asked.until => Asked::Waiting,
            Some(_) => Asked::Elapsed,
        };
        let state = self.state();
        Ok(Seen {
            run_state,
            saved: self.directory.memory().exists(),
            off_by_guest: state.off_by_guest,
            asked,
            hard_due: want.hard_reboots > state.hard_reboots,
            soft_due: want.soft_reboots > state.soft_reboots,
        })
    }

    /// Takes one step. `Some`: wait until then for the next.
    async fn take(&mut self, step: Step, want: &ServerConfig) -> Result<Option<Option<Instant>>> {
        match step {
            Step::Boot => self.boot(want, StartMode::Run).await?,
            Step::BootPaused => self.boot(want, StartMode::Paused).await?,
            Step::Load => self.load(want).await?,
            Step::Cont => self.cont().await?,
            Step::Pause => self.command(|qmp| async move { qmp.stop().await }).await?,
            Step::Ask | Step::Await => return self.ask().await.map(|wake| Some(Some(wake))),
            Step::AwaitMemory => return Ok(Some(Some(Instant::now() + MOMENT))),
            Step::End => self.end().await?,
            Step::Reset => self.reset(want).await?,
            Step::NoteGuestOff => {
                tracing::info!(server.id = %self.id, "The guest of server {} shut itself down", self.id);
                self.change_state(|state| state.off_by_guest = true)?;
                self.end().await?;
            }
            Step::ForgetGuestOff => self.change_state(|state| state.off_by_guest = false)?,
            Step::Save => {
                self.report(ServerPhase::Changing);
                if let Some(machine) = &self.machine {
                    machine.save(&self.directory).await?;
                }
            }
            Step::Retry => return self.retry_full_disk().await.map(Some),
            Step::Rest(phase) => return self.rest(phase, want).await.map(Some),
        }
        Ok(None)
    }

    /// Finds a QEMU that runs already: from before a restart of ours, or from a pass that was dropped.
    async fn adopt(&mut self) -> Result<()> {
        match Running::find(&self.directory).await {
            Ok(found) => {
                if let Some(machine) = &found {
                    tracing::info!(server.id = %self.id, process.id = machine.pid(), "Found server {} running", self.id);
                    self.shared.note_process(self.id, Some(machine.pid()));
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

    async fn kill_unknown(&mut self) -> Result<()> {
        let record = self.directory.record();
        let find = || qemu::process::Process::find(&record);
        if let Some(process) = find().map_err(ServerError::qemu("find QEMU again", &record))? {
            process.kill().await.map_err(ServerError::qemu("end QEMU", &record))?;
        }
        self.unknown = false;
        Ok(())
    }

    /// QEMU ended although nobody told it to. One that does so soon after its start is started more and more slowly.
    fn note_end(&mut self) -> Result<()> {
        let is_young = self.started.is_some_and(|started| started.elapsed() < STABLE);
        tracing::warn!(server.id = %self.id, "The QEMU of server {} ended unexpectedly", self.id);
        self.forget_machine();
        if is_young { Err(ServerError::Crashed) } else { Ok(()) }
    }

    fn forget_machine(&mut self) {
        self.machine = None;
        self.asked = None;
        self.started = None;
        self.shared.note_process(self.id, None);
    }

    async fn boot(&mut self, want: &ServerConfig, mode: StartMode) -> Result<()> {
        let uid = self.state().uid;
        files::remove_partials(self.directory.path())?;
        let disks = self.make_disks(want, uid).await?;
        self.change_state(|state| state.base.clone_from(&disks.base))?;
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
        })?;
        let parts = Parts {
            disks,
            taps,
            cgroup_procs,
            uid,
        };
        self.unknown = true;
        let machine = Running::start(&self.shared.settings, &self.directory, want, parts, mode).await?;
        self.unknown = false;
        self.started = Some(Instant::now());
        self.asked = None;
        tracing::info!(server.id = %self.id, process.id = machine.pid(), "Started server {} ({})", self.id, want.name);
        self.shared.note_process(self.id, Some(machine.pid()));
        if let Some(turn) = turn {
            turn.keep_while_booting(machine.pid());
        }
        self.machine = Some(machine);
        Ok(())
    }

    async fn make_disks(&mut self, want: &ServerConfig, uid: u32) -> Result<super::disks::Disks> {
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
    async fn load(&mut self, want: &ServerConfig) -> Result<()> {
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

    /// Lets the processors go on. Memory that was saved is stale from here on, and is removed first.
    async fn cont(&mut self) -> Result<()> {
        let memory = self.directory.memory();
        if memory.exists() {
            files::remove(&memory)?;
            files::sync_parent(&memory)?;
        }
        self.command(|qmp| async move { qmp.cont().await }).await
    }

    async fn command<F, W>(&mut self, work: W) -> Result<()>
    where
        W: FnOnce(qemu::qmp::Qmp) -> F,
        F: Future<Output = qemu::Result<()>>,
    {
        let Some(machine) = &self.machine else { return Ok(()) };
        work(machine.qmp().clone())
            .await
            .map_err(ServerError::qemu("control QEMU", self.directory.path()))
    }

    /// Presses the power button, again and again. Gives the moment to look again.
    async fn ask(&mut self) -> Result<Instant> {
        let now = Instant::now();
        let limit = self.shared.settings.shutdown_limit;
        let asked = self.asked.get_or_insert(AskedAt {
            until: now + limit,
            again: now,
        });
        let (until, press) = (asked.until, now >= asked.again);
        if press {
            asked.again = now + PRESS_AGAIN;
        }
        let again = asked.again;
        self.report(ServerPhase::Changing);
        if press {
            self.command(|qmp| async move { qmp.system_powerdown().await }).await?;
        }
        Ok(until.min(again))
    }

    async fn end(&mut self) -> Result<()> {
        self.report(ServerPhase::Changing);
        if let Some(machine) = &self.machine {
            machine.end().await?;
        }
        self.forget_machine();
        Ok(())
    }

    /// Finishes a reboot: the guest has shut down, the machine begins anew.
    async fn reset(&mut self, want: &ServerConfig) -> Result<()> {
        self.command(|qmp| async move { qmp.system_reset().await }).await?;
        self.change_state(|state| state.soft_reboots = want.soft_reboots)?;
        self.asked = None;
        self.command(|qmp| async move { qmp.cont().await }).await
    }

    async fn retry_full_disk(&mut self) -> Result<Option<Instant>> {
        let error = ServerError::DiskFull {
            action: "write to",
            path: self.directory.path().join("root.qcow2"),
        };
        self.command(|qmp| async move { qmp.cont().await }).await?;
        // Long enough for the guest to try its write again.
        tokio::time::sleep(3 * MOMENT).await;
        let Some(machine) = &mut self.machine else {
            return Ok(None);
        };
        if machine.run_state(&self.directory).await? == Some(RunState::IoError) {
            self.report_failure(&error);
            return Ok(Some(Instant::now() + TICK));
        }
        Ok(Some(Instant::now()))
    }

    /// The power state is right; so must the NICs be.
    async fn rest(&mut self, phase: ServerPhase, want: &ServerConfig) -> Result<Option<Instant>> {
        // A wish to stop that was taken back is forgotten once the guest can no longer act on it.
        self.asked = self.asked.filter(|asked| Instant::now() < asked.until);
        if self.started.is_none_or(|started| started.elapsed() >= STABLE) {
            self.failures = 0;
        }
        self.report(phase.clone());
        if let Err(error) = self.plug_nics(want).await {
            // The server runs; a NIC that does not come or go is no reason to call it broken.
            tracing::warn!(server.id = %self.id, "A NIC of server {} waits: {}", self.id, error.detail());
            self.report(phase);
            return Ok(Some(Instant::now() + TICK));
        }
        self.report(phase);
        Ok(self.asked.map(|asked| asked.until))
    }

    async fn plug_nics(&mut self, want: &ServerConfig) -> Result<()> {
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
            let plugged = match self.shared.surroundings.open_tap(self.id, nic).await {
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
        let failed = |source| ServerError::Limits {
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
    async fn remove(&mut self) -> Result<Next> {
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
            let failed = |source| ServerError::Limits {
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

    /// Reads what is remembered, or begins anew.
    fn load_state(&mut self) -> Result<()> {
        if self.state.is_some() {
            return Ok(());
        }
        files::dir(self.directory.path(), 0o710)?;
        let path = self.directory.state();
        let state = match ServerState::read(&path)? {
            Some(state) => state,
            None => {
                let uid = self.shared.uids.allocate()?;
                let state = ServerState {
                    uid,
                    hard_reboots: 0,
                    soft_reboots: 0,
                    off_by_guest: false,
                    base: None,
                };
                if let Err(error) = state.write(&path) {
                    self.shared.uids.release(uid);
                    return Err(error);
                }
                state
            }
        };
        self.state = Some(state);
        Ok(())
    }

    fn state(&self) -> ServerState {
        self.state.clone().expect("it is loaded at the beginning of a pass")
    }

    fn change_state(&mut self, change: impl FnOnce(&mut ServerState)) -> Result<()> {
        let mut state = self.state();
        change(&mut state);
        if self.state.as_ref() != Some(&state) {
            state.write(&self.directory.state())?;
            self.state = Some(state);
        }
        Ok(())
    }

    /// Notes a failure; gives the moment to try again.
    fn fail(&mut self, error: &ServerError, removing: bool) -> Instant {
        self.failures += 1;
        let told = error.is_definite() || matches!(error, ServerError::DiskFull { .. }) || self.failures >= TOLD_FROM;
        tracing::warn!(server.id = %self.id, failures = self.failures, "Server {}: {}", self.id, error.detail());
        if told && !removing {
            self.report_failure(error);
        }
        let index = self.failures.min(BACKOFF.len()) - 1;
        let wait = if error.is_definite() {
            BACKOFF[BACKOFF.len() - 1]
        } else {
            BACKOFF[index]
        };
        Instant::now() + wait
    }

    fn report_failure(&mut self, error: &ServerError) {
        self.report(ServerPhase::Failed {
            message: error.message(),
            detail: error.detail(),
        });
    }

    fn report(&mut self, phase: ServerPhase) {
        self.phase = phase;
        let state = self.state.as_ref();
        self.shared.report(
            self.id,
            ServerReport {
                phase: self.phase.clone(),
                hard_reboots: state.map_or(0, |state| state.hard_reboots),
                soft_reboots: state.map_or(0, |state| state.soft_reboots),
                nics: self
                    .machine
                    .as_ref()
                    .map(|machine| machine.nics().clone())
                    .unwrap_or_default(),
            },
        );
    }
}

/// Ends when what a pass works towards is not wanted any more: then it is better dropped than finished.
async fn overtaken(desired: &mut watch::Receiver<Desired>, worked_on: Option<&ServerConfig>) {
    let Some(old) = worked_on else {
        return std::future::pending().await;
    };
    loop {
        if desired.changed().await.is_err() {
            return std::future::pending().await;
        }
        let new = desired.borrow_and_update().clone();
        let is_overtaken = match new.as_deref() {
            None => true,
            Some(new) => new.hard_reboots > old.hard_reboots || new.power != old.power && old.power == DesiredPower::On,
        };
        if is_overtaken {
            return;
        }
    }
}

async fn news(machine: Option<&mut Running>) {
    match machine {
        Some(machine) => machine.news().await,
        None => std::future::pending().await,
    }
}

async fn until_moment(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => std::future::pending().await,
    }
}
