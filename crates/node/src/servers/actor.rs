//! One server's task: the only one that changes it. It looks, takes the next step ([`super::steps`]), and looks again,
//! until the server is as it should be; then it waits for a new configuration, for QEMU, or for a moment to try again.
//!
//! A pass may be dropped at any await when what it does is not wanted any more (the server is deleted while its disk is
//! made). That is the same as a crash at that point, and the next pass deals with both in the same way: it finds a QEMU
//! by its record, and half-made files by their names.

mod limits;
mod orders;
mod volumes;
mod works;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use model::host::{DesiredPower, ServerConfig, ServerDone, ServerOrders, ServerPhase, ServerReport, SnapshotReport};
use model::{ServerId, VolumeId};
use qemu::qmp::RunState;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use limits::Limited;

use super::Shared;
use super::error::{Result, ServerError};
use super::machine::{Running, ServerDir, StartMode};
use super::state::ServerState;
use super::steps::{Asked, Seen, Step, decide};
use super::{copies, files};

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
    /// Hard and soft reboots asked for by what the pass works towards.
    tried: (u64, u64),
    /// Volumes of what the pass works towards.
    tried_volumes: BTreeSet<VolumeId>,
    /// Volumes that a QEMU has, or may have open, with the size that its guest sees.
    held: BTreeMap<VolumeId, u64>,
    /// The limits that its disks have.
    limited: Limited,
    /// The orders of what the pass works towards.
    orders: ServerOrders,
    /// How far the copy of the root disk is.
    snapshot: Option<SnapshotReport>,
    /// How often that copy failed in a row.
    copy_failures: usize,
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
            tried: (0, 0),
            tried_volumes: BTreeSet::new(),
            held: BTreeMap::new(),
            limited: Limited::default(),
            orders: ServerOrders::default(),
            snapshot: None,
            copy_failures: 0,
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
                self.look_after();
                true
            }
        }
    }

    /// Small things that are looked after now and then while QEMU runs.
    fn look_after(&mut self) {
        let Some(machine) = &mut self.machine else { return };
        if let Err(error) = self.directory.trim_logs(self.shared.settings.console_limit_bytes) {
            tracing::warn!(server.id = %self.id, "A log could not be shortened: {}", error.detail());
        }
        match machine.mend_taps() {
            Ok(mended) => mended.iter().for_each(|port| {
                tracing::warn!(server.id = %self.id, port.id = %port, "mended: the tap of port {port} was deleted");
            }),
            Err(error) => tracing::warn!(server.id = %self.id, "{}", error.detail()),
        }
    }

    /// Steps until there is nothing to do but wait.
    async fn pass(&mut self, want: Option<&ServerConfig>) -> Result<Next> {
        let Some(want) = want else { return self.remove().await };
        self.tried = (want.hard_reboots, want.soft_reboots);
        self.tried_volumes = want.volumes.iter().map(|disk| disk.id).collect();
        self.orders.clone_from(&want.orders);
        self.load_state(want)?;
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
            // Its monitor may be a new one.
            self.shared
                .note_process(self.id, Some((machine.pid(), machine.qmp().clone())));
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
            work: orders::due(&want.orders, &state),
        })
    }

    /// Takes one step. `Some`: wait until then for the next.
    async fn take(&mut self, step: Step, want: &ServerConfig) -> Result<Option<Option<Instant>>> {
        match step {
            Step::Boot => self.boot(want, StartMode::Run).await?,
            Step::BootPaused => self.boot(want, StartMode::Paused).await?,
            Step::Load => self.load(want).await?,
            Step::DropMemory => self.drop_memory()?,
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
            Step::Work(work) => self.work(work, want).await?,
            Step::Retry => return self.retry_full_disk().await.map(Some),
            Step::Rest(phase) => return self.rest(phase, want).await.map(Some),
        }
        Ok(None)
    }

    /// QEMU ended although nobody told it to. One that does so soon after its start is started more and more slowly.
    fn note_end(&mut self) -> Result<()> {
        let is_young = self.started.is_some_and(|started| started.elapsed() < STABLE);
        tracing::warn!(server.id = %self.id, "The QEMU of server {} ended unexpectedly", self.id);
        self.forget_machine();
        self.report(ServerPhase::Changing);
        if is_young { Err(ServerError::Crashed) } else { Ok(()) }
    }

    fn forget_machine(&mut self) {
        self.machine = None;
        self.held.clear();
        self.asked = None;
        self.started = None;
        self.shared.note_process(self.id, None);
    }

    /// Lets the processors go on. Memory that was saved is stale from here on, and is removed first.
    async fn cont(&mut self) -> Result<()> {
        self.drop_memory()?;
        self.command(|qmp| async move { qmp.cont().await }).await
    }

    fn drop_memory(&self) -> Result<()> {
        let memory = self.directory.memory();
        if memory.exists() {
            files::remove(&memory)?;
            files::sync_parent(&memory)?;
        }
        Ok(())
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
        if let Err(error) = self.plug_volumes(want).await {
            tracing::warn!(server.id = %self.id, "A volume of server {} waits: {}", self.id, error.detail());
            self.report(phase);
            return Ok(Some(Instant::now() + TICK));
        }
        // Nothing else has to wait for a limit.
        let limited = self.limit_disks(want).await;
        let limit_again = limited.err().map(|error| {
            tracing::warn!(server.id = %self.id, "A limit of a disk of server {} waits: {}", self.id, error.detail());
            Instant::now() + TICK
        });
        let again = self.follow_orders(&phase, want).await?;
        self.report(phase);
        let asked = self.asked.map(|asked| asked.until);
        Ok(asked.into_iter().chain(again).chain(limit_again).min())
    }

    /// Reads what is remembered, or begins anew.
    fn load_state(&mut self, want: &ServerConfig) -> Result<()> {
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
                    rescue_base: None,
                    screen: false,
                    // Orders from before this host knew of the server are not for the disks that it has, or will make.
                    rebuilds: want.orders.rebuilds,
                    trial: want.orders.trial,
                    reverted: want.orders.reverted,
                };
                if let Err(error) = state.write(&path) {
                    self.shared.uids.release(uid);
                    return Err(error);
                }
                state
            }
        };
        self.state = Some(state);
        if want.orders.snapshot.is_none() {
            copies::drop_snapshots(self.directory.path(), None)?;
        }
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
        let mut reboots = state.map_or((0, 0), |state| (state.hard_reboots, state.soft_reboots));
        let mut done = state.map_or_else(ServerDone::default, orders::done);
        done.snapshot.clone_from(&self.snapshot);
        if matches!(self.phase, ServerPhase::Failed { .. }) {
            done.rebuilds = done.rebuilds.max(self.orders.rebuilds);
            done.trial = done.trial.max(self.orders.trial);
            done.reverted = done.reverted.max(self.orders.reverted);
            // Those that were tried, so that the cloud can tell this failure from one before they were asked for.
            reboots = (reboots.0.max(self.tried.0), reboots.1.max(self.tried.1));
        }
        self.shared.report(
            self.id,
            ServerReport {
                phase: self.phase.clone(),
                hard_reboots: reboots.0,
                soft_reboots: reboots.1,
                nics: self
                    .machine
                    .as_ref()
                    .map(|machine| machine.nics().clone())
                    .unwrap_or_default(),
                volumes: self.held.clone(),
                volumes_wanted: self.tried_volumes.clone(),
                done,
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
            Some(new) => {
                new.hard_reboots > old.hard_reboots
                    || new.power != old.power && old.power == DesiredPower::On
                    || new.orders.rebuilds > old.orders.rebuilds
                    || new.orders.reverted > old.orders.reverted
                    // Nobody waits for a copy any more.
                    || new.orders.snapshot != old.orders.snapshot && old.orders.snapshot.is_some()
            }
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
