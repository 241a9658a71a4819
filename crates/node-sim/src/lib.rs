//! A host without a kernel, with the node's face: it takes a [`HostConfig`] and answers with a [`HostReport`], so the
//! whole API runs on a laptop without root, and thousands of hosts run in one test.
//!
//! ```text
//!  HostConfig (watch) ──► run ──► World::step, again and again until nothing moves ──► HostReport (watch)
//!                          ▲ wake            ▲ Whims: what to fail, what to hold
//!                     SimNode (the test's hand) ┘
//! ```
//!
//! It is deterministic: no clock, no randomness; a server moves one phase a step, and stops only where it is told to.

mod consoles;
mod disk;
mod meters;
mod reach;
#[cfg(test)]
mod tests;
mod whims;
mod world;

use std::io;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use model::console::{ConsoleKind, ConsoleSource};
use model::diagnostics::{Answer, Diagnostics, DiagnosticsSource, DiskFigures, Done, NicFigures, Traffic};
use model::host::{HostConfig, HostFacts, HostReport, ServerPhase};
use model::{HostId, NetworkId, PortId, RouterId, ServerId, TrunkId};
use tokio::sync::{Notify, watch};

pub use reach::Guest;
use whims::Whims;
use world::World;

/// A plausible host: 8 CPUs, 32 GiB of memory, 500 GiB of disk.
pub fn plausible_facts(host: impl Into<HostId>) -> HostFacts {
    HostFacts {
        host: host.into(),
        vcpus: 8,
        cpu_model: "Simulated CPU".to_owned(),
        memory_mib: 32_768,
        memory_free_mib: 30_720,
        disk_bytes: 500 << 30,
        disk_free_bytes: 480 << 30,
        hypervisor_version: 7_002_000,
        acceleration: "tcg".to_owned(),
        uptime: " 12:00:00 up 1 day,  2:03,  0 users,  load average: 0.08, 0.03, 0.01".to_owned(),
    }
}

/// A host with room for a thousand small servers, for a cloud that is tried out or measured without one: 96 CPUs, 256 GiB of
/// memory, 10 TiB of disk.
pub fn roomy_facts(host: impl Into<HostId>) -> HostFacts {
    HostFacts {
        vcpus: 96,
        memory_mib: 262_144,
        memory_free_mib: 245_760,
        disk_bytes: 10 << 40,
        disk_free_bytes: 9 << 40,
        ..plausible_facts(host)
    }
}

/// The simulated host, as a test holds it. Cloning gives another handle to the same one.
#[derive(Clone)]
pub struct SimNode {
    inner: Arc<Inner>,
}

struct Inner {
    state: Mutex<State>,
    wake: Notify,
}

struct State {
    world: World,
    whims: Whims,
    /// What metering labels counted.
    passed: meters::Passed,
    /// What a look at the host finds, and what its guests do.
    reach: reach::Truth,
}

impl SimNode {
    /// A host that has these facts and holds nothing yet.
    pub fn new(facts: HostFacts) -> Self {
        let state = State {
            world: World::new(facts),
            whims: Whims::default(),
            passed: meters::Passed::default(),
            reach: reach::Truth::default(),
        };
        Self {
            inner: Arc::new(Inner {
                state: Mutex::new(state),
                wake: Notify::new(),
            }),
        }
    }

    /// Joins it to a cloud: takes the ends of the two documents (`Control::host_link`), reports its facts at once, then
    /// follows the configuration until the cloud is gone. Call within a tokio runtime.
    pub fn run(&self, mut config: watch::Receiver<Arc<HostConfig>>, report: watch::Sender<Arc<HostReport>>) {
        let node = self.clone();
        {
            let wanted = config.borrow_and_update().clone();
            let mut state = node.state();
            state.reach.newest = Some(config.clone());
            state.world.want(wanted);
            report.send_replace(Arc::new(state.world.report()));
        }
        tokio::spawn(async move {
            loop {
                while node.step(&report) {
                    // Lets others see each phase, as they may on a real host.
                    tokio::task::yield_now().await;
                }
                tokio::select! {
                    changed = config.changed() => {
                        if changed.is_err() {
                            return;
                        }
                        let wanted = config.borrow_and_update().clone();
                        let mut state = node.state();
                        if !state.whims.deaf {
                            state.world.want(wanted);
                        }
                    }
                    () = node.inner.wake.notified() => {
                        let mut state = node.state();
                        if !state.whims.deaf {
                            let wanted = config.borrow().clone();
                            state.world.want(wanted);
                        }
                    }
                }
            }
        });
    }

    /// One step of everything; whether anything moved.
    fn step(&self, report: &watch::Sender<Arc<HostReport>>) -> bool {
        let mut state = self.state();
        let State { world, whims, .. } = &mut *state;
        if whims.deaf || !world.step(whims) {
            return false;
        }
        report.send_replace(Arc::new(world.report()));
        true
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.inner.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes what the host does, then lets it move on.
    fn tell(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.state();
        change(&mut state);
        // What stands is judged anew: a fault that appears must be seen on what was ready, too.
        state.world.look_again();
        drop(state);
        self.inner.wake.notify_one();
    }

    /// From now on this server can't be brought to what it should do.
    pub fn fail_server(&self, id: ServerId, message: &str) {
        self.tell(|state| {
            state.whims.failing_servers.insert(id, message.to_owned());
        });
    }

    /// From now on no *new* server can be started, with this message for the user.
    pub fn fail_every_server(&self, message: &str) {
        self.tell(|state| state.whims.failing_every_server = Some(message.to_owned()));
    }

    /// From now on this network can't be made.
    pub fn fail_network(&self, id: NetworkId, text: &str) {
        self.tell(|state| {
            state.whims.failing_networks.insert(id, text.to_owned());
        });
    }

    /// From now on this router can't be made.
    pub fn fail_router(&self, id: RouterId, text: &str) {
        self.tell(|state| {
            state.whims.failing_routers.insert(id, text.to_owned());
        });
    }

    /// From now on this trunk can't be made.
    pub fn fail_trunk(&self, id: TrunkId, text: &str) {
        self.tell(|state| {
            state.whims.failing_trunks.insert(id, text.to_owned());
        });
    }

    /// From now on this port can't be programmed.
    pub fn fail_port(&self, id: PortId, text: &str) {
        self.tell(|state| {
            state.whims.failing_ports.insert(id, text.to_owned());
        });
    }

    /// From now on no volume or snapshot can be made or grown, with this message for the user.
    pub fn fail_volumes(&self, message: &str) {
        self.tell(|state| state.whims.failing_volumes = Some(message.to_owned()));
    }

    /// Nothing fails any more.
    pub fn mend(&self) {
        self.tell(|state| state.whims.mend());
    }

    /// This server stays in its phase until [`SimNode::release`].
    pub fn hold_server(&self, id: ServerId) {
        self.tell(|state| {
            state.whims.held_servers.insert(id);
        });
    }

    /// Every server stays in its phase until [`SimNode::release`]; new ones stay queued.
    pub fn hold_every_server(&self) {
        self.tell(|state| state.whims.hold_every_server = true);
    }

    /// Holds nothing any more.
    pub fn release(&self) {
        self.tell(|state| state.whims.release());
    }

    /// The host hears nothing and says nothing until [`SimNode::reconnect`], as one behind a broken network.
    pub fn disconnect(&self) {
        self.tell(|state| state.whims.deaf = true);
    }

    /// Ends [`SimNode::disconnect`].
    pub fn reconnect(&self) {
        self.tell(|state| state.whims.deaf = false);
    }

    /// The guest shuts itself down; whether it was running.
    pub fn power_off_guest(&self, id: ServerId) -> bool {
        let mut done = false;
        self.tell(|state| done = state.world.power_off_guest(id));
        done
    }

    /// The guest leaves its password, encrypted, with the metadata service.
    pub fn leave_password(&self, id: ServerId, password: &str) {
        self.tell(|state| state.world.leave_password(id, password));
    }

    /// The guest writes to its console.
    pub fn write_console(&self, id: ServerId, text: &str) {
        self.tell(|state| state.world.write_console(id, text));
    }

    /// Changes what the host has.
    pub fn set_facts(&self, change: impl FnOnce(&mut HostFacts)) {
        self.tell(|state| state.world.set_facts(change));
    }

    /// What it last was asked for.
    pub fn wanted(&self) -> Arc<HostConfig> {
        self.state().world.wanted()
    }

    /// What is going on with a server here.
    pub fn phase(&self, id: ServerId) -> Option<ServerPhase> {
        self.state().world.phase(id)
    }

    /// How often a server was booted here.
    pub fn boots(&self, id: ServerId) -> u64 {
        self.state().world.boots(id)
    }
}

impl ConsoleSource for SimNode {
    fn tail(&self, server_id: ServerId, limit_bytes: u64) -> io::Result<Vec<u8>> {
        let state = self.state();
        let text = state.world.console(server_id).ok_or(io::ErrorKind::NotFound)?;
        let limit = usize::try_from(limit_bytes).unwrap_or(usize::MAX);
        Ok(text.as_bytes()[text.len().saturating_sub(limit)..].to_vec())
    }

    fn connect(&self, server_id: ServerId, kind: ConsoleKind) -> io::Result<UnixStream> {
        if self.phase(server_id) != Some(ServerPhase::Running) {
            return Err(io::ErrorKind::ConnectionRefused.into());
        }
        consoles::connect(kind)
    }
}

impl DiagnosticsSource for SimNode {
    /// Plausible figures, the same for every server of a size.
    fn diagnostics(&self, server_id: ServerId) -> Answer<'_> {
        let wanted = self.wanted().servers.get(&server_id).cloned();
        let is_running = self.phase(server_id) == Some(ServerPhase::Running);
        let traffic = Traffic {
            bytes: 4096,
            packets: 32,
            ..Traffic::default()
        };
        let nic = NicFigures {
            received: traffic,
            sent: traffic,
        };
        let figures = wanted.filter(|_| is_running).map(|server| Diagnostics {
            hypervisor: "qemu".to_owned(),
            resident_bytes: server.memory_mib << 19,
            cpu_nanoseconds: (0..server.vcpus).map(|_| 1_000_000_000).collect(),
            disks: vec![DiskFigures {
                read_bytes: 1 << 20,
                read_requests: 256,
                ..DiskFigures::default()
            }],
            nics: server.nics.iter().map(|each| (each.port_id, nic)).collect(),
        });
        Box::pin(std::future::ready(figures))
    }

    /// The guest says on its console that it was interrupted.
    fn interrupt(&self, server_id: ServerId) -> Done<'_> {
        let is_running = matches!(self.phase(server_id), Some(ServerPhase::Running | ServerPhase::Paused));
        if is_running {
            self.write_console(server_id, "\nUhhuh. NMI received for unknown reason\n");
        }
        Box::pin(std::future::ready(is_running))
    }
}
