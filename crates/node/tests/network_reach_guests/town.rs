//! A cloud with guests in it: two networks behind a router, of which only the first is served.

use std::collections::BTreeMap;
use std::fs;
use std::net::IpAddr;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use linux::Netns;
use model::host::*;
use model::reach::{Protocol, SignKind, Start};
use model::{NetworkId, PortId, RouterId, SecurityGroupId, ServerId};
use node::reach::observed::{Observer, console};
use node::reach::programmed::Inspector;
use node::servers::{FetchFuture, Servers, Settings, Surroundings, TapFuture};
use qemu::boot_sector::create_boot_disk;
use qemu::command_line::Accelerator;

use crate::network_common::*;
use crate::reach_common::look::{Eyes, Served, Told, consoles, flow};

pub const GREETING: &str = "hello from the guest";
/// How long a guest may take for anything, on a busy machine.
const DEADLINE: Duration = Duration::from_secs(120);
/// As `tiny.json` has it, without `quiet`: as most images are started, the kernel tells what it does.
const ARGUMENTS: &str = "console=ttyS0 cryptomgr.notests mitigations=off audit=0 apparmor=0 tsc=reliable no_timer_check \
                         rcupdate.rcu_expedited=1";
/// What turns a guest's answers to pings off.
const DEAF: &str = "#!/bin/sh\necho 1 >/proc/sys/net/ipv4/icmp_echo_ignore_all\n";

/// A guest of the town.
#[derive(Clone, Copy, Debug)]
pub struct Guest {
    pub server: ServerId,
    pub port: PortId,
    pub network: NetworkId,
    pub ip: IpAddr,
}

/// The taps of the guests, each to be had once: a machine that has ended is not started again.
struct Taps(Mutex<BTreeMap<PortId, OwnedFd>>);

impl Surroundings for Taps {
    fn open_tap(&self, _server: ServerId, nic: &NicConfig) -> TapFuture<'_> {
        let tap = self.0.lock().unwrap().remove(&nic.port_id);
        Box::pin(async move { tap.ok_or_else(|| "its tap was given away".into()) })
    }

    fn fetch_tap(&self, _port: PortId, _tap: OwnedFd) -> FetchFuture<'_> {
        Box::pin(async { Ok(()) })
    }

    fn config_drive(&self, _metadata: &InstanceMetadata) -> Vec<(String, Vec<u8>)> {
        Vec::new()
    }
}

/// Dropping it ends the guests.
pub struct Town {
    guests: [Guest; 5],
    router: RouterId,
    servers: Option<Arc<Servers>>,
    settings: Settings,
    eyes: Option<Eyes>,
    _served: Served,
    runtime: Option<tokio::runtime::Runtime>,
    cloud: Cloud,
    _directory: tempfile::TempDir,
}

/// Where `make test` has the image built; a plain `cargo test` may do without it.
fn built() -> Option<PathBuf> {
    let told = std::env::var_os("MARU_TEST_IMAGE_DIR").map(PathBuf::from);
    let is_told = told.is_some();
    let directory = told.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/image"));
    let is_built = directory.join("tiny.qcow2").exists();
    assert!(
        is_built || !is_told,
        "there is no guest image in {}",
        directory.display()
    );
    is_built.then_some(directory)
}

fn image(path: PathBuf, format: &str) -> ImageSource {
    let virtual_size = match format {
        "raw" => fs::metadata(&path).unwrap().len(),
        _ => 64 << 20,
    };
    ImageSource {
        id: fresh().into(),
        path,
        format: format.into(),
        sha512: "ab".repeat(64),
        virtual_size,
    }
}

/// A server on a network that is started by its disk, or by a kernel of its own.
struct Plan {
    memory_mib: u64,
    image: Option<ImageSource>,
    kernel: Option<DirectBoot>,
    user_data: Option<&'static str>,
}

impl Plan {
    /// The small guest.
    fn whole(images: &Path, user_data: Option<&'static str>) -> Self {
        Self {
            memory_mib: 128,
            image: Some(image(images.join("tiny.qcow2"), "qcow2")),
            kernel: Some(Self::kernel(images, true)),
            user_data,
        }
    }

    fn kernel(images: &Path, has_ramdisk: bool) -> DirectBoot {
        let ramdisk = has_ramdisk.then(|| image(images.join("tiny.initrd"), "raw"));
        DirectBoot {
            kernel: image(images.join("tiny.vmlinux"), "raw"),
            ramdisk,
            append: ARGUMENTS.into(),
        }
    }

    fn bare(memory_mib: u64, image: Option<ImageSource>, kernel: Option<DirectBoot>) -> Self {
        Self {
            memory_mib,
            image,
            kernel,
            user_data: None,
        }
    }
}

/// Adds a server with one port.
fn settle(cloud: &mut Cloud, (network, number): (NetworkId, u32), group: SecurityGroupId, plan: Plan) -> Guest {
    let server = ServerId(fresh());
    let vm = cloud.vm_with(network, number, &[group], |port| {
        port.binding = PortBinding::Server(server)
    });
    let config = ServerConfig {
        id: server,
        name: format!("guest {number}"),
        power: DesiredPower::On,
        hard_reboots: 0,
        soft_reboots: 0,
        vcpus: 1,
        memory_mib: plan.memory_mib,
        disk: DiskConfig {
            image: plan.image,
            root_gib: 1,
        },
        ephemeral_gib: 0,
        swap_mib: 0,
        kernel: plan.kernel,
        nics: vec![NicConfig {
            port_id: vm.port,
            network_id: network,
            mac: vm.mac,
            mtu: 1450,
        }],
        volumes: Vec::new(),
        disk_limits: DiskLimits::NONE,
        config_drive: false,
        metadata: Arc::new(InstanceMetadata {
            uuid: Some(server),
            hostname: format!("guest-{number}"),
            user_data: plan.user_data.map(|script| STANDARD.encode(script)),
            ..InstanceMetadata::default()
        }),
        orders: ServerOrders::default(),
    };
    cloud.config.servers.insert(server, Arc::new(config));
    Guest {
        server,
        port: vm.port,
        network,
        ip: vm.ip,
    }
}

impl Town {
    /// Starts all guests; `None` without an image.
    pub fn start() -> Option<Self> {
        let images = built()?;
        let directory = tempfile::tempdir().unwrap();
        let mut cloud = Cloud::new();
        let served = cloud.network(&["10.1.0.0/24"]);
        let unserved = cloud.network(&["10.2.0.0/24"]);
        let groups = [served, unserved].map(|network| {
            let rules = [allow_in(ProtocolMatch::Any)];
            cloud.group(network, with(all_out(), rules))
        });
        let router = cloud.router(&[served, unserved], None);
        let greeting = directory.path().join("greeting");
        create_boot_disk(&greeting, 1, &format!("{GREETING}\n")).unwrap();
        let plans = [
            Plan::whole(&images, Some(DEAF)),
            Plan::bare(32, Some(image(greeting, "raw")), None),
            Plan::bare(32, None, None),
            Plan::bare(128, None, Some(Plan::kernel(&images, false))),
        ];
        let mut numbers = 10..;
        let mut add = |cloud: &mut Cloud, plan| settle(cloud, (served, numbers.next().unwrap()), groups[0], plan);
        let [web, silent, blank, panics] = plans.map(|plan| add(&mut cloud, plan));
        let alone = settle(&mut cloud, (unserved, 20), groups[1], Plan::whole(&images, None));
        cloud.apply();
        Some(Self::run(cloud, router, [web, silent, blank, panics, alone], directory))
    }

    fn run(mut cloud: Cloud, router: RouterId, guests: [Guest; 5], directory: tempfile::TempDir) -> Self {
        let services = Served::new(&cloud);
        let mut known = cloud.config.clone();
        known.networks.remove(&guests[4].network);
        services.serve(&cloud, &known);

        let taps = guests.map(|guest| (guest.port, cloud.part.tap(guest.port).unwrap()));
        let accelerator = Accelerator::Tcg {
            translation_cache_mib: 32,
        };
        let mut settings = Settings::new(directory.path().join("state"), Ok(accelerator));
        // Numbers that no other test's programs run under.
        settings.first_uid += std::process::id() * 100;
        settings.uids = 100;
        settings.boots_at_once = guests.len();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let entered = runtime.enter();
        let taps = Taps(Mutex::new(taps.into_iter().collect()));
        let servers = Arc::new(Servers::open(settings.clone(), Arc::new(taps)).unwrap());
        drop(entered);
        runtime.block_on(async { servers.apply(&cloud.config) });
        let processes = Arc::clone(&servers);
        let eyes = Eyes {
            inspector: Inspector::new(cloud.host.clone(), &cloud.owner)
                .with_services()
                .with_processes(Arc::new(move |server| processes.process_id(server))),
            observer: Observer::new(
                cloud.host.clone(),
                Some(services.services.known()),
                Some(consoles(&servers)),
            ),
            probes: cloud.part.probes(),
        };
        Self {
            guests,
            router,
            servers: Some(servers),
            settings,
            eyes: Some(eyes),
            _served: services,
            runtime: Some(runtime),
            cloud,
            _directory: directory,
        }
    }

    pub fn guests(&self) -> [Guest; 5] {
        self.guests
    }

    pub fn router_ns(&self) -> Netns {
        self.cloud.part.router_netns(self.router).unwrap()
    }

    /// Asks from the router, and looks.
    pub fn look(&self, guest: &Guest, protocol: Protocol) -> Told {
        let flow = flow(Start::Router(self.router), guest.ip, protocol);
        self.eyes.as_ref().unwrap().look(&self.cloud.config, flow)
    }

    /// The same with a probe.
    pub fn probe(&self, guest: &Guest, protocol: Protocol) -> Told {
        let flow = flow(Start::Router(self.router), guest.ip, protocol);
        self.eyes.as_ref().unwrap().probe(&self.cloud.config, flow)
    }

    fn servers(&self) -> &Servers {
        self.servers.as_ref().unwrap()
    }

    /// What a guest has printed.
    fn console(&self, guest: &Guest) -> String {
        let log = fs::read(self.servers().console_log(guest.server)).unwrap_or_default();
        String::from_utf8_lossy(&log).into_owned()
    }

    /// Waits until this holds of a guest.
    #[track_caller]
    fn until(&self, guest: &Guest, what: &str, mut holds: impl FnMut() -> bool) {
        let begun = Instant::now();
        while !holds() {
            assert!(
                begun.elapsed() < DEADLINE,
                "{} never {what}; it says: {}",
                guest.ip,
                self.console(guest)
            );
            std::thread::sleep(Duration::from_millis(20));
        }
        println!("{} {what} after {:?}", guest.ip, begun.elapsed());
    }

    /// Waits until a guest's console holds this.
    #[track_caller]
    pub fn until_said(&self, guest: &Guest, text: &str) {
        self.until(guest, &format!("said '{text}'"), || self.console(guest).contains(text));
    }

    /// Waits until the lines of a guest's console tell this.
    #[track_caller]
    pub fn until_signs(&self, guest: &Guest, what: &str, holds: impl Fn(&[SignKind]) -> bool) {
        self.until(guest, what, || {
            let signs = console::read(&self.servers().console_log(guest.server)).unwrap();
            let kinds: Vec<SignKind> = signs.iter().map(|sign| sign.kind).collect();
            holds(&kinds)
        });
    }

    /// Kills a guest's QEMU, and waits until that was noticed.
    #[track_caller]
    pub fn kill(&mut self, guest: &Guest) {
        kill(self.servers().process_id(guest.server).unwrap());
        self.until(guest, "was missed", || {
            self.servers().process_id(guest.server).is_none()
        });
    }

    /// Processes that run under this town's numbers.
    fn processes(&self) -> Vec<i32> {
        let range = self.settings.first_uid..self.settings.first_uid + self.settings.uids;
        let entries = fs::read_dir("/proc").unwrap().flatten();
        let pids = entries.filter_map(|entry| entry.file_name().to_string_lossy().parse::<i32>().ok());
        let uid = |pid: &i32| {
            let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
            let line = status.lines().find_map(|line| line.strip_prefix("Uid:"))?;
            line.split_whitespace().next()?.parse::<u32>().ok()
        };
        pids.filter(|pid| uid(pid).is_some_and(|uid| range.contains(&uid)))
            .collect()
    }
}

fn kill(pid: i32) {
    if let Some(pid) = rustix::process::Pid::from_raw(pid) {
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
    }
}

impl Drop for Town {
    fn drop(&mut self) {
        // Nothing may be started any more when the guests are ended; then the cloud goes, and the files.
        (self.eyes, self.servers) = (None, None);
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_timeout(Duration::from_secs(10));
        }
        self.processes().into_iter().for_each(kill);
    }
}
