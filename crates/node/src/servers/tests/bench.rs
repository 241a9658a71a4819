//! A host of its own for each test.

use std::fs;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use linux::Netns;
use linux::tap::{self, TapOptions};
use model::address::MacAddress;
use model::host::{
    DesiredPower, DiskConfig, DiskLimits, HostConfig, HostReport, ImageSource, InstanceMetadata, NicConfig,
    ServerConfig, ServerOrders, ServerPhase, ServerReport,
};
use model::{PortId, ServerId};
use qemu::boot_sector::create_boot_disk;
use qemu::command_line::Accelerator;
use uuid::Uuid;

use crate::servers::{FetchFuture, Servers, Settings, Surroundings, TapFuture};

pub const GREETING: &str = "hello from the guest";
const DEADLINE: Duration = Duration::from_secs(180);
const SHA: &str = "cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce";

/// A network without anything in it but taps.
pub struct Taps {
    pub netns: Netns,
    pub broken: AtomicBool,
    pub opened: AtomicU64,
}

impl Taps {
    /// The links of that network.
    pub fn links(&self) -> linux::netlink::Rtnl {
        linux::netlink::Rtnl::open(&self.netns).unwrap()
    }
}

impl Surroundings for Taps {
    fn open_tap(&self, _server: ServerId, nic: &NicConfig) -> TapFuture<'_> {
        let name = format!("tap{}", nic.port_id.short());
        Box::pin(async move {
            if self.broken.load(Ordering::Relaxed) {
                return Err("the network is not there".into());
            }
            self.opened.fetch_add(1, Ordering::Relaxed);
            tap::open(&self.netns, &name, TapOptions::default()).map_err(|error| error.to_string())
        })
    }

    fn fetch_tap(&self, _port: PortId, _tap: OwnedFd) -> FetchFuture<'_> {
        // Its only network never goes.
        Box::pin(async { Ok(()) })
    }

    fn config_drive(&self, metadata: &InstanceMetadata) -> Vec<(String, Vec<u8>)> {
        let uuid = metadata.uuid.map(|id| id.to_string()).unwrap_or_default();
        let document = format!("{{\"uuid\": \"{uuid}\", \"hostname\": \"{}\"}}", metadata.hostname);
        vec![("openstack/latest/meta_data.json".into(), document.into_bytes())]
    }
}

/// A host. Ends its QEMUs when dropped.
pub struct Host {
    pub directory: tempfile::TempDir,
    pub taps: Arc<Taps>,
    pub settings: Settings,
    pub config: HostConfig,
    servers: Option<Arc<Servers>>,
}

impl Host {
    pub fn new() -> Self {
        Self::with(|_| {})
    }

    pub fn with(change: impl FnOnce(&mut Settings)) -> Self {
        // What went wrong inside is in the output of a test that fails.
        let _ = tracing_subscriber::fmt().with_test_writer().try_init();
        let directory = tempfile::tempdir().unwrap();
        let taps = Arc::new(Taps {
            netns: Netns::anonymous().unwrap(),
            broken: AtomicBool::new(false),
            opened: AtomicU64::new(0),
        });
        let accelerator = Accelerator::Tcg {
            translation_cache_mib: 16,
        };
        let mut settings = Settings::new(directory.path().join("state"), Ok(accelerator));
        settings.first_uid += std::process::id() * 100;
        settings.uids = 100;
        settings.shutdown_limit = Duration::from_secs(20);
        change(&mut settings);
        let mut host = Self {
            directory,
            taps,
            settings,
            config: HostConfig::default(),
            servers: None,
        };
        host.open();
        host
    }

    /// Maru starts.
    pub fn open(&mut self) {
        self.servers = Some(Arc::new(
            Servers::open(self.settings.clone(), self.taps.clone()).unwrap(),
        ));
    }

    /// Maru dies.
    pub async fn close(&mut self) {
        self.servers = None;
        // Tasks that were aborted end at the next turn of the runtime.
        tokio::time::sleep(Duration::from_millis(20)).await;
    }

    pub fn servers(&self) -> &Servers {
        self.servers.as_ref().unwrap()
    }

    /// For those who keep volumes; to be dropped before [`Host::close`].
    pub fn holders(&self) -> Arc<Servers> {
        self.servers.clone().unwrap()
    }

    pub fn apply(&self) {
        self.servers().apply(&self.config);
    }

    /// Changes what is wanted of a server.
    pub fn want(&mut self, id: ServerId, change: impl FnOnce(&mut ServerConfig)) {
        let mut server = ServerConfig::clone(&self.config.servers[&id]);
        change(&mut server);
        self.config.servers.insert(id, Arc::new(server));
        self.apply();
    }

    pub fn delete(&mut self, id: ServerId) {
        self.config.servers.remove(&id);
        self.apply();
    }

    /// An image whose disk of one MiB is made by `change` of a boot sector that greets.
    pub fn image(&self, number: u128, change: impl FnOnce(&mut [u8; 512])) -> ImageSource {
        let path = self.directory.path().join(format!("image-{number}"));
        create_boot_disk(&path, 1, &format!("{GREETING}\n")).unwrap();
        let file = fs::OpenOptions::new().read(true).write(true).open(&path).unwrap();
        let mut sector = [0; 512];
        file.read_exact_at(&mut sector, 0).unwrap();
        change(&mut sector);
        file.write_all_at(&sector, 0).unwrap();
        ImageSource {
            id: Uuid::from_u128(number).into(),
            path,
            format: "raw".into(),
            sha512: SHA.into(),
            virtual_size: 1 << 20,
        }
    }

    /// Adds a server that should run, and applies.
    pub fn create(&mut self, number: u128, change: impl FnOnce(&mut ServerConfig)) -> ServerId {
        let id = ServerId::from(Uuid::from_u128(0xfeed_0000 + number));
        let mut server = ServerConfig {
            id,
            name: format!("server {number}, with a comma"),
            power: DesiredPower::On,
            hard_reboots: 0,
            soft_reboots: 0,
            vcpus: 1,
            memory_mib: 32,
            disk: DiskConfig {
                image: Some(self.image(1, |_| {})),
                root_gib: 1,
            },
            ephemeral_gib: 0,
            swap_mib: 0,
            kernel: None,
            nics: vec![],
            volumes: vec![],
            disk_limits: DiskLimits::NONE,
            config_drive: false,
            metadata: Arc::new(InstanceMetadata::default()),
            orders: ServerOrders::default(),
        };
        change(&mut server);
        self.config.servers.insert(id, Arc::new(server));
        self.apply();
        id
    }

    pub fn report(&self, id: ServerId) -> Option<ServerReport> {
        let mut report = HostReport::default();
        self.servers().report(&mut report);
        report.servers.get(&id).map(|report| ServerReport::clone(report))
    }

    /// Waits until a server's report fulfils this.
    pub async fn until(&self, id: ServerId, what: &str, good: impl Fn(&ServerReport) -> bool) -> ServerReport {
        let waiting = async {
            let mut reports = self.servers().reports();
            loop {
                if let Some(report) = self.report(id).filter(&good) {
                    return report;
                }
                reports.changed().await.unwrap();
            }
        };
        match tokio::time::timeout(DEADLINE, waiting).await {
            Ok(report) => report,
            Err(_) => panic!("{id} did not become {what}; it is {:?}", self.report(id)),
        }
    }

    pub async fn until_phase(&self, id: ServerId, phase: ServerPhase) -> ServerReport {
        self.until(id, &format!("{phase:?}"), |report| report.phase == phase)
            .await
    }

    pub async fn until_running(&self, id: ServerId) -> i32 {
        self.until_phase(id, ServerPhase::Running).await;
        self.servers().process_id(id).unwrap()
    }

    pub fn server_dir(&self, id: ServerId) -> PathBuf {
        self.settings.servers_dir().join(id.to_string())
    }

    /// How often the guest has greeted.
    pub fn greetings(&self, id: ServerId) -> usize {
        let log = fs::read(self.server_dir(id).join("console.log")).unwrap_or_default();
        String::from_utf8_lossy(&log).matches(GREETING).count()
    }

    /// Waits until the console holds this.
    pub async fn until_said(&self, id: ServerId, text: &str, times: usize) {
        let said = || {
            let log = fs::read(self.server_dir(id).join("console.log")).unwrap_or_default();
            String::from_utf8_lossy(&log).matches(text).count() >= times
        };
        let waited = tokio::time::timeout(DEADLINE, until(said)).await;
        if waited.is_err() {
            let log = fs::read(self.server_dir(id).join("console.log")).unwrap_or_default();
            let end = String::from_utf8_lossy(&log[log.len().saturating_sub(2000)..]).into_owned();
            panic!(
                "{id} did not say '{text}' {times} times; it is {:?} and says: {end}",
                self.report(id)
            );
        }
    }

    pub async fn until_greeted(&self, id: ServerId, times: usize) {
        eventually(&format!("{id} greets {times} times"), || self.greetings(id) >= times).await;
        assert_eq!(self.greetings(id), times);
    }

    /// Processes that run as one of this host's users.
    pub fn processes(&self) -> Vec<i32> {
        let range = self.settings.first_uid..self.settings.first_uid + self.settings.uids;
        let mut found = Vec::new();
        for entry in fs::read_dir("/proc").unwrap().flatten() {
            let Ok(pid) = entry.file_name().to_string_lossy().parse() else {
                continue;
            };
            let status = fs::read_to_string(entry.path().join("status")).unwrap_or_default();
            let field = |name: &str| {
                status
                    .lines()
                    .find_map(|line| line.strip_prefix(name))
                    .unwrap_or_default()
                    .trim()
            };
            let uid = field("Uid:")
                .split_whitespace()
                .next()
                .and_then(|uid| uid.parse().ok())
                .unwrap_or(0);
            if range.contains(&uid) && !field("State:").starts_with('Z') {
                found.push(pid);
            }
        }
        found
    }

    /// Nothing is left of any server.
    pub async fn assert_empty(&self) {
        tokio::time::timeout(DEADLINE, self.servers().removed())
            .await
            .expect("servers are removed");
        assert_eq!(self.processes(), [0; 0]);
        let left: Vec<_> = fs::read_dir(self.settings.servers_dir()).unwrap().collect();
        assert!(left.is_empty(), "{left:?}");
        assert!(self.servers().reports().borrow().is_empty());
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        self.servers = None;
        for pid in self.processes() {
            if let Some(pid) = rustix::process::Pid::from_raw(pid) {
                let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
            }
        }
    }
}

/// Waits until this holds.
pub async fn eventually(what: &str, holds: impl Fn() -> bool) {
    let waited = tokio::time::timeout(DEADLINE, until(holds)).await;
    waited.unwrap_or_else(|_| panic!("never: {what}"));
}

async fn until(holds: impl Fn() -> bool) {
    while !holds() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

pub fn nic(number: u128) -> NicConfig {
    NicConfig {
        port_id: PortId::from(Uuid::from_u128(number << 100 | 0xbeef)),
        network_id: Uuid::from_u128(7).into(),
        mac: MacAddress([0xfa, 0x16, 0x3e, 0, 0, number as u8]),
        mtu: 1450,
    }
}

pub fn kill(pid: i32) {
    let pid = rustix::process::Pid::from_raw(pid).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
}
