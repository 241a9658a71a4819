//! One server's QEMU: its directory, its command line, its start, and what is asked of it while it runs.
//!
//! ```text
//!  servers/<id>/          root, entered by the server's user, not written by it
//!    state.json process   ours alone
//!    root.qcow2 …         the user's
//!    console.log          the user's; QEMU appends
//!    qemu.log             QEMU's error output
//!    run/                 the user's: sockets
//!    memory.saved         ours; the memory of a suspended server
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use model::host::{DiskLimits, NicConfig, Rate, ServerConfig, VolumeDisk};
use model::{PortId, VolumeId};
use qemu::accelerator::kvm_group;
use qemu::command_line::{Accelerator, DeviceId, FileSource, MacAddress, Machine, Nic, Smbios};
use qemu::process::{Credentials, Launch, Process, Started};
use qemu::qmp::{Event, Limit, Qmp, RunState, Throttle};
use tokio::sync::broadcast;
use tokio::time::timeout;

use super::disks::{Disks, describe_volume, volume_device, volume_node};
use super::error::{Result, ServerError};
use super::settings::Settings;
use super::{console, files};

const MONITOR: &str = "run/monitor.sock";
/// How long QEMU has to write its caches and end.
const QUIT_LIMIT: Duration = Duration::from_secs(10);
/// How long a monitor has to answer when it is found again.
const FIND_LIMIT: Duration = Duration::from_secs(10);
/// How long a guest has to let a NIC go before it is tried again.
const UNPLUG_LIMIT: Duration = Duration::from_secs(3);
/// Writing memory to a disk: slow disks write 50 MB/s.
const SAVE_LIMIT: Duration = Duration::from_secs(1800);
/// Length of the header that QEMU puts before each frame for every guest of this century. The offloads that the guest
/// had agreed to are not known any more: its frames arrive whole and checked until it is restarted, which is slower.
const HEADER_BYTES: i32 = 12;
/// Size at which QEMU's error output is emptied.
const ERROR_LOG_BYTES: u64 = 1 << 20;

/// The names in a server's directory.
#[derive(Clone, Debug)]
pub struct ServerDir {
    path: PathBuf,
}

impl ServerDir {
    /// The directory of this path.
    pub fn new(path: PathBuf) -> Self {
        Self { path }
    }

    /// The directory itself.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What the host remembers of the server.
    pub fn state(&self) -> PathBuf {
        self.path.join("state.json")
    }

    /// The record of QEMU's process.
    pub fn record(&self) -> PathBuf {
        self.path.join("process")
    }

    /// QEMU's monitor.
    pub fn monitor(&self) -> PathBuf {
        self.path.join(MONITOR)
    }

    /// What the guest wrote to its first serial port.
    pub fn console_log(&self) -> PathBuf {
        self.path.join("console.log")
    }

    /// QEMU's error output.
    pub fn error_log(&self) -> PathBuf {
        self.path.join("qemu.log")
    }

    /// The root disk.
    pub fn root(&self) -> PathBuf {
        self.path.join("root.qcow2")
    }

    /// The memory of a suspended server.
    pub fn memory(&self) -> PathBuf {
        self.path.join("memory.saved")
    }

    /// Makes the directory as a start needs it: no old sockets, the console log there and the user's.
    pub fn ensure(&self, uid: u32, console_limit_bytes: u64) -> Result<()> {
        let run = self.path.join("run");
        match fs::remove_dir_all(&run) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(ServerError::file("remove", &run)(error));
            }
            _ => files::dir(&run, 0o700)?,
        }
        files::give(&run, uid, 0o700)?;
        let log = self.console_log();
        console::compact(&log, console_limit_bytes).map_err(ServerError::file("shorten", &log))?;
        if !log.exists() {
            files::create(&log)?;
        }
        files::give(&log, uid, 0o600)?;
        // The user may pass through, so that QEMU can open its files by name from within; nobody else may.
        fs::set_permissions(&self.path, std::os::unix::fs::PermissionsExt::from_mode(0o710))
            .and_then(|()| std::os::unix::fs::chown(&self.path, None, Some(uid)))
            .map_err(ServerError::file("give away", &self.path))
    }

    /// Keeps the logs within their limits while QEMU writes to them.
    pub fn trim_logs(&self, console_limit_bytes: u64) -> Result<()> {
        let (log, errors) = (self.console_log(), self.error_log());
        console::trim(&log, console_limit_bytes).map_err(ServerError::file("shorten", &log))?;
        console::truncate(&errors, ERROR_LOG_BYTES).map_err(ServerError::file("shorten", &errors))
    }

    /// Removes everything. The file by which a half removed server is recognised is irrelevant: the directory's name is.
    pub fn remove(&self) -> Result<()> {
        match fs::remove_dir_all(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(ServerError::file("remove", &self.path)(error))
            }
            _ => files::sync_parent(&self.path),
        }
    }
}

/// How a machine is started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartMode {
    /// The guest runs at once.
    Run,
    /// Its processors stand still.
    Paused,
    /// It continues from saved memory, and stands still once that is loaded.
    Load,
}

/// A QEMU that runs.
#[derive(Debug)]
pub struct Running {
    process: Process,
    qmp: Qmp,
    events: broadcast::Receiver<Event>,
    nics: BTreeSet<PortId>,
    /// Numbers of the taps' descriptors within QEMU.
    taps: BTreeMap<PortId, RawFd>,
}

/// Everything that a start needs besides the server's configuration.
#[derive(Debug)]
pub struct Parts {
    /// The disks.
    pub disks: Disks,
    /// One tap for each NIC, in their order.
    pub taps: Vec<OwnedFd>,
    /// `cgroup.procs` of the server's control group.
    pub cgroup_procs: Option<OwnedFd>,
    /// The user that QEMU runs as.
    pub uid: u32,
    /// Whether it has a screen. Saved memory loads only into a machine with the same devices.
    pub screen: bool,
}

impl Running {
    /// Starts QEMU.
    ///
    /// # Errors
    /// [`ServerError::NoAcceleration`], [`ServerError::Qemu`] with QEMU's own words.
    pub async fn start(
        settings: &Settings,
        directory: &ServerDir,
        config: &ServerConfig,
        parts: Parts,
        mode: StartMode,
    ) -> Result<Self> {
        let accelerator = settings
            .accelerator
            .clone()
            .map_err(|reason| ServerError::NoAcceleration { reason })?;
        let groups = match accelerator {
            Accelerator::Kvm { .. } => kvm_group().into_iter().collect(),
            Accelerator::Tcg { .. } => vec![],
        };
        let mut machine = machine(config, accelerator, &parts).map_err(failed("describe the machine"))?;
        machine.start_paused = mode != StartMode::Run;
        let mut inherited = parts.disks.inherited;
        inherited.extend(parts.taps);
        if mode == StartMode::Load {
            let path = directory.memory();
            let memory = File::open(&path).map_err(ServerError::file("open", &path))?;
            machine.incoming = Some(memory.as_raw_fd());
            inherited.push(memory.into());
        }
        let launch = Launch {
            program: &settings.qemu,
            arguments: machine.arguments().map_err(failed("describe the machine"))?,
            directory: directory.path(),
            credentials: Some(Credentials {
                uid: parts.uid,
                gid: parts.uid,
                groups,
            }),
            stderr: directory.error_log(),
            record: directory.record(),
            inherited: &inherited,
            cgroup_procs: parts.cgroup_procs,
        };
        let started = qemu::process::start(&launch, &directory.monitor(), settings.start_limit).await;
        let Started { process, qmp, events } = started.map_err(failed("start QEMU"))?;
        let nics = config.nics.iter().map(|nic| nic.port_id).collect();
        Ok(Self {
            process,
            qmp,
            events,
            nics,
            taps: BTreeMap::new(),
        })
    }

    /// Finds the QEMU of this directory again.
    ///
    /// # Errors
    /// [`ServerError::Qemu`] when it runs but its monitor does not answer.
    pub async fn find(directory: &ServerDir) -> Result<Option<Self>> {
        let found = qemu::process::find(&directory.record(), &directory.monitor(), FIND_LIMIT).await;
        let Some(Started { process, qmp, events }) = found.map_err(failed("find QEMU again"))? else {
            return Ok(None);
        };
        let ids = qmp.device_ids().await.map_err(failed("list QEMU's devices"))?;
        let nics = ids
            .iter()
            .filter_map(|id| id.strip_prefix("nic-")?.parse().ok())
            .collect();
        Ok(Some(Self {
            process,
            qmp,
            events,
            nics,
            taps: BTreeMap::new(),
        }))
    }

    /// Its process id.
    pub fn pid(&self) -> i32 {
        self.process.pid()
    }

    /// The ports that it has NICs for.
    pub fn nics(&self) -> &BTreeSet<PortId> {
        &self.nics
    }

    /// What it does; `None`: it has ended.
    ///
    /// # Errors
    /// [`ServerError::Qemu`] when it runs and does not answer.
    pub async fn run_state(&mut self, directory: &ServerDir) -> Result<Option<RunState>> {
        match self.qmp.status().await {
            Ok(status) => return Ok(Some(status.status)),
            Err(_) if self.has_ended().await => return Ok(None),
            Err(error) if !self.qmp.is_closed() => return Err(failed("ask QEMU for its state")(error)),
            Err(_) => {}
        }
        let connected = Qmp::connect(&directory.monitor(), FIND_LIMIT).await;
        (self.qmp, self.events) = connected.map_err(failed("connect to QEMU again"))?;
        let status = self.qmp.status().await.map_err(failed("ask QEMU for its state"))?;
        Ok(Some(status.status))
    }

    /// Whether the process has ended, or does so within a moment: its monitor closes a little earlier.
    async fn has_ended(&self) -> bool {
        self.process.has_ended() || timeout(Duration::from_secs(1), self.process.ended()).await.is_ok()
    }

    /// Waits for the next thing worth a look: an event, or the end.
    pub async fn news(&mut self) {
        tokio::select! {
            event = next_event(&mut self.events) => tracing::trace!(?event, "QEMU tells"),
            // That the wait failed is found out when one looks.
            _ = self.process.ended() => {}
        }
    }

    /// The monitor.
    pub fn qmp(&self) -> &Qmp {
        &self.qmp
    }

    /// Waits until saved memory is loaded.
    ///
    /// # Errors
    /// [`ServerError::Crashed`] when QEMU cannot load it and ends.
    pub async fn loaded(&mut self, directory: &ServerDir) -> Result<()> {
        loop {
            match self.run_state(directory).await? {
                None => return Err(ServerError::Crashed),
                Some(RunState::Loading) => tokio::time::sleep(Duration::from_millis(50)).await,
                Some(_) => return Ok(()),
            }
        }
    }

    /// Ends QEMU at once; its disks need no care.
    ///
    /// # Errors
    /// [`ServerError::Qemu`].
    pub async fn kill(&self) -> Result<()> {
        self.process.kill().await.map_err(failed("end QEMU"))
    }

    /// Ends QEMU: in order if it is willing, by force if not.
    ///
    /// # Errors
    /// [`ServerError::Qemu`] when even force failed.
    pub async fn end(&self) -> Result<()> {
        let in_order = async {
            self.qmp.quit().await?;
            self.process.ended().await
        };
        match timeout(QUIT_LIMIT, in_order).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => self.process.kill().await.map_err(failed("end QEMU")),
        }
    }

    /// Makes way for a NIC: what an attempt left that was cut off holds the port's tap.
    ///
    /// # Errors
    /// [`ServerError::Qemu`].
    pub async fn make_way(&self, port: PortId) -> Result<()> {
        let id = nic_id(port).map_err(failed("describe a NIC"))?;
        self.qmp
            .drop_half_added_nic(&id)
            .await
            .map_err(failed("remove a half plugged NIC"))
    }

    /// Plugs in a NIC.
    ///
    /// # Errors
    /// [`ServerError::Qemu`].
    pub async fn plug(&mut self, nic: &NicConfig, tap: OwnedFd) -> Result<()> {
        let description = describe_nic(nic, 0).map_err(failed("describe a NIC"))?;
        self.qmp
            .add_nic(&description, tap.as_fd())
            .await
            .map_err(failed("plug in a NIC"))?;
        self.nics.insert(nic.port_id);
        Ok(())
    }

    /// Unplugs a NIC; the guest has to play along.
    ///
    /// # Errors
    /// [`ServerError::Qemu`], also when the guest did not react.
    pub async fn unplug(&mut self, port: PortId) -> Result<()> {
        let id = nic_id(port).map_err(failed("describe a NIC"))?;
        self.qmp
            .remove_nic(&id, UNPLUG_LIMIT)
            .await
            .map_err(failed("unplug a NIC"))?;
        self.nics.remove(&port);
        Ok(())
    }

    /// The volumes that it has, or has open.
    ///
    /// # Errors
    /// [`ServerError::Qemu`].
    pub async fn volumes(&self) -> Result<BTreeSet<VolumeId>> {
        let ids = self.qmp.device_ids().await.map_err(failed("list QEMU's devices"))?;
        Ok(ids
            .iter()
            .filter_map(|id| id.strip_prefix("vol-")?.parse().ok())
            .collect())
    }

    /// Plugs in a volume.
    ///
    /// # Errors
    /// [`ServerError::Qemu`].
    pub async fn plug_volume(&self, disk: &VolumeDisk, file: File) -> Result<()> {
        // A former attempt may have been cut off in the middle.
        self.unplug_volume(disk.id).await?;
        let described = describe_volume(disk, FileSource::Inherited(0))?;
        self.qmp
            .add_disk(&described, file.as_fd())
            .await
            .map_err(failed("plug in a volume"))
    }

    /// Unplugs a volume; the guest has to play along.
    ///
    /// # Errors
    /// [`ServerError::Qemu`], also when the guest did not react.
    pub async fn unplug_volume(&self, id: VolumeId) -> Result<()> {
        self.qmp
            .remove_disk(&volume_device(id), &volume_node(id), UNPLUG_LIMIT)
            .await
            .map_err(failed("unplug a volume"))
    }

    /// Limits how fast the disk of a device may be used.
    ///
    /// # Errors
    /// [`ServerError::Qemu`].
    pub async fn limit_disk(&self, device: &str, limits: &DiskLimits) -> Result<()> {
        let limit = |rate: Rate| Limit {
            per_second: rate.per_second,
            burst: rate.burst,
            burst_seconds: rate.burst_seconds,
        };
        let throttle = Throttle {
            bytes: limit(limits.bytes.total),
            bytes_read: limit(limits.bytes.read),
            bytes_written: limit(limits.bytes.write),
            requests: limit(limits.requests.total),
            reads: limit(limits.requests.read),
            writes: limit(limits.requests.write),
            request_bytes: limits.request_bytes,
        };
        self.qmp
            .limit_disk(device, &throttle)
            .await
            .map_err(failed("limit a disk"))
    }

    /// Tells the guest that a volume has grown.
    ///
    /// # Errors
    /// [`ServerError::Qemu`].
    pub async fn grow_volume(&self, disk: &VolumeDisk) -> Result<()> {
        self.qmp
            .resize_disk(&volume_node(disk.id), disk.size_bytes)
            .await
            .map_err(failed("grow a volume"))
    }

    /// Looks whether each NIC still has its tap. One whose tap a person deleted gets it back: QEMU's descriptor is given an
    /// interface of the same name, which the network part makes what it should be. Gives the ports that were mended.
    ///
    /// # Errors
    /// [`ServerError::Kernel`].
    pub fn mend_taps(&mut self) -> Result<Vec<PortId>> {
        let failed = |source| ServerError::Kernel {
            action: "mend a tap",
            source: Arc::new(source),
        };
        let pid = u32::try_from(self.process.pid()).unwrap_or_default();
        let process = linux::process::Process::open(pid).map_err(failed)?;
        let mut mended = Vec::new();
        self.taps.retain(|port, _| self.nics.contains(port));
        for port in &self.nics {
            let name = tap_device(*port);
            let Some(number) = self.taps.get(port).copied() else {
                let found = process.tap_number(&name).map_err(failed)?;
                self.taps.extend(found.map(|number| (*port, number)));
                continue;
            };
            match process.tap_of(number).as_deref() {
                Some("") => {
                    let fd = process.descriptor(number).map_err(failed)?;
                    linux::tap::attach(&fd, &name).map_err(failed)?;
                    linux::tap::set_header_length(&fd, HEADER_BYTES).map_err(failed)?;
                    mended.push(*port);
                }
                Some(found) if found == name => {}
                // QEMU has closed it, and its number may mean something else by now.
                _ => {
                    self.taps.remove(port);
                }
            }
        }
        Ok(mended)
    }

    /// Copies of the descriptors of its NICs' taps. A tap that was deleted has none.
    ///
    /// # Errors
    /// [`ServerError::Kernel`].
    pub fn taps(&self) -> Result<Vec<(PortId, OwnedFd)>> {
        let failed = |source| ServerError::Kernel {
            action: "find the taps of a server",
            source: Arc::new(source),
        };
        let pid = u32::try_from(self.process.pid()).unwrap_or_default();
        let process = linux::process::Process::open(pid).map_err(failed)?;
        let tap = |port: &PortId| {
            let tap = process.tap(&tap_device(*port)).map_err(failed);
            tap.map(|tap| tap.map(|tap| (*port, tap))).transpose()
        };
        self.nics.iter().filter_map(tap).collect()
    }

    /// Saves the memory of the stopped guest; the file is whole when it has its name.
    ///
    /// # Errors
    /// [`ServerError::Qemu`], [`ServerError::DiskFull`].
    pub async fn save(&self, directory: &ServerDir) -> Result<()> {
        let path = directory.memory();
        let partial = path.with_extension(files::PARTIAL);
        let file = files::create(&partial)?;
        let saved = self.qmp.save_memory(file.as_fd(), SAVE_LIMIT).await;
        if let Err(error) = saved {
            files::remove(&partial)?;
            return Err(failed("save the memory")(error));
        }
        files::finish(&partial, &path).await
    }
}

fn failed(action: &'static str) -> impl FnOnce(qemu::Error) -> ServerError {
    ServerError::qemu(action, Path::new("a server's file"))
}

/// The next event that may mean a change; clocks, balloons and the like are passed over.
async fn next_event(events: &mut broadcast::Receiver<Event>) -> Option<Event> {
    loop {
        match events.recv().await {
            Ok(Event::Other { .. }) => {}
            Ok(event) => return Some(event),
            Err(broadcast::error::RecvError::Lagged(_)) => return None,
            // The connection is gone. If QEMU is too, its end is noticed; a moment's rest keeps this from spinning.
            Err(broadcast::error::RecvError::Closed) => {
                tokio::time::sleep(Duration::from_millis(200)).await;
                return None;
            }
        }
    }
}

/// The network part's name of a port's tap.
fn tap_device(port: PortId) -> String {
    format!("tap{}", port.short())
}

fn nic_id(port: PortId) -> qemu::Result<DeviceId> {
    DeviceId::new(format!("nic-{port}"))
}

fn describe_nic(nic: &NicConfig, tap_fd: i32) -> qemu::Result<Nic> {
    Ok(Nic {
        id: nic_id(nic.port_id)?,
        mac: MacAddress(nic.mac.0),
        mtu: u16::try_from(nic.mtu).ok(),
        tap_fd,
    })
}

fn machine(config: &ServerConfig, accelerator: Accelerator, parts: &Parts) -> qemu::Result<Machine> {
    let nics = config
        .nics
        .iter()
        .zip(&parts.taps)
        .map(|(nic, tap)| describe_nic(nic, tap.as_raw_fd()));
    Ok(Machine {
        name: config.name.replace('\0', ""),
        uuid: config.id.to_string(),
        accelerator,
        vcpus: config.vcpus,
        memory_mib: config.memory_mib,
        // What Nova says of itself; cloud-init looks for it.
        smbios: Some(Smbios {
            manufacturer: "OpenStack Foundation".into(),
            product: "OpenStack Nova".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            serial: config.id.to_string(),
        }),
        boot: parts.disks.boot.clone(),
        disks: parts.disks.disks.clone(),
        nics: nics.collect::<Result<_, _>>()?,
        console_log: "console.log".into(),
        console_socket: Some("run/console.sock".into()),
        monitor_socket: MONITOR.into(),
        vnc_socket: parts.screen.then(|| "run/vnc.sock".into()),
        random_device: true,
        balloon: false,
        start_paused: false,
        incoming: None,
    })
}
