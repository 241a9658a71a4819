use std::os::unix::fs::{MetadataExt, PermissionsExt};

use super::*;
use crate::boot_sector::create_boot_disk;
use crate::command_line::{Accelerator, Boot, DeviceId, Disk, DiskFormat, FileSource, MacAddress, Machine, Nic};
use crate::qmp::RunState;

const LIMIT: Duration = Duration::from_secs(60);
const PROGRAM: &str = "/usr/bin/qemu-system-x86_64";
/// A number of no account.
const UID: u32 = 2_000_017;

/// A directory with a bootable disk in it, and whatever QEMU it starts. Ends that QEMU when dropped.
struct Bench {
    outer: tempfile::TempDir,
}

impl Bench {
    fn new() -> Self {
        let bench = Self {
            outer: tempfile::tempdir().unwrap(),
        };
        std::fs::create_dir(bench.directory()).unwrap();
        create_boot_disk(&bench.file("disk"), 1, "hello from the guest\n").unwrap();
        std::fs::set_permissions(bench.file("disk"), PermissionsExt::from_mode(0o600)).unwrap();
        for path in [bench.directory(), bench.file("disk")] {
            std::os::unix::fs::chown(path, Some(UID), Some(UID)).unwrap();
        }
        bench
    }

    fn directory(&self) -> PathBuf {
        self.outer.path().join("machine")
    }

    fn file(&self, name: &str) -> PathBuf {
        self.directory().join(name)
    }

    fn record(&self) -> PathBuf {
        self.outer.path().join("record")
    }

    fn machine(&self) -> Machine {
        let file = FileSource::Path("disk".into());
        let mut disk = Disk::new(DeviceId::new("root").unwrap(), DiskFormat::Raw, file);
        disk.boot_index = Some(1);
        Machine {
            name: "a,b=c machine".into(),
            uuid: "7f3a5b0e-1f0d-4f7e-9c55-0a6f9d0d3c11".into(),
            accelerator: Accelerator::Tcg {
                translation_cache_mib: 16,
            },
            vcpus: 1,
            memory_mib: 32,
            smbios: None,
            boot: Boot::Disk,
            disks: vec![disk],
            nics: vec![],
            console_log: "console".into(),
            console_socket: Some("console.sock".into()),
            monitor_socket: "monitor".into(),
            vnc_socket: Some("vnc.sock".into()),
            random_device: true,
            balloon: true,
            start_paused: false,
            incoming: None,
        }
    }

    fn launch<'a>(&self, directory: &'a Path, machine: &Machine, fds: &'a [OwnedFd]) -> Launch<'a> {
        Launch {
            program: Path::new(PROGRAM),
            arguments: machine.arguments().unwrap(),
            directory,
            credentials: Some(Credentials {
                uid: UID,
                gid: UID,
                groups: vec![],
            }),
            stderr: self.outer.path().join("stderr"),
            record: self.record(),
            inherited: fds,
            cgroup_procs: None,
        }
    }

    async fn start(&self, machine: &Machine, fds: &[OwnedFd]) -> Result<Started> {
        let directory = self.directory();
        start(&self.launch(&directory, machine, fds), &self.file("monitor"), LIMIT).await
    }

    async fn find(&self) -> Started {
        find(&self.record(), &self.file("monitor"), LIMIT)
            .await
            .unwrap()
            .expect("it runs")
    }

    /// Waits until the guest has said this.
    async fn guest_says(&self, text: &str, times: usize) {
        let said = async {
            loop {
                let log = std::fs::read(self.file("console")).unwrap_or_default();
                if String::from_utf8_lossy(&log).matches(text).count() >= times {
                    return;
                }
                sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(LIMIT, said).await.expect("the guest speaks");
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        if let Ok(Some(record)) = ProcessRecord::read(&self.record())
            && record.is_alive().unwrap_or(false)
            && let Some(pid) = rustix::process::Pid::from_raw(record.pid)
        {
            let _ = rustix::process::kill_process(pid, Signal::KILL);
        }
    }
}

async fn next(events: &mut broadcast::Receiver<Event>, wanted: impl Fn(&Event) -> bool) -> Event {
    let found = async {
        loop {
            let event = events.recv().await.expect("events go on");
            if wanted(&event) {
                return event;
            }
        }
    };
    tokio::time::timeout(LIMIT, found).await.expect("the event comes")
}

#[tokio::test]
async fn a_machine_lives_and_obeys() {
    let bench = Bench::new();
    let mut started = bench
        .start(
            &Machine {
                start_paused: true,
                ..bench.machine()
            },
            &[],
        )
        .await
        .unwrap();
    let qmp = &started.qmp;
    assert_eq!(qmp.status().await.unwrap().status, RunState::Prelaunch);
    assert_eq!(qmp.uuid().await.unwrap(), bench.machine().uuid);
    qmp.cont().await.unwrap();
    bench.guest_says("hello from the guest", 1).await;
    qmp.stop().await.unwrap();
    assert_eq!(qmp.status().await.unwrap().status, RunState::Paused);
    qmp.cont().await.unwrap();
    qmp.system_reset().await.unwrap();
    bench.guest_says("hello from the guest", 2).await;
    // The guest arms the power button right after its greeting; pressing again does no harm.
    let presser = qmp.clone();
    let pressing = tokio::spawn(async move {
        while presser.system_powerdown().await.is_ok() {
            sleep(Duration::from_millis(100)).await;
        }
    });
    let event = next(&mut started.events, |event| matches!(event, Event::Shutdown { .. })).await;
    pressing.abort();
    assert_eq!(
        event,
        Event::Shutdown {
            by_guest: true,
            reason: "guest-shutdown".into()
        }
    );
    // QEMU waits and can still tell that the guest did it.
    assert_eq!(started.qmp.status().await.unwrap().status, RunState::Shutdown);
    started.qmp.quit().await.unwrap();
    started.process.ended().await.unwrap();
    assert!(Process::find(&bench.record()).unwrap().is_none());
}

#[tokio::test]
async fn it_runs_without_rights_and_in_its_own_session() {
    let bench = Bench::new();
    let started = bench.start(&bench.machine(), &[]).await.unwrap();
    let pid = started.process.pid();
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    assert_eq!(field("Uid:"), format!("{UID} {UID} {UID} {UID}"));
    assert_eq!(field("Gid:"), format!("{UID} {UID} {UID} {UID}"));
    assert_eq!(field("Groups:"), "");
    assert_eq!(field("CapEff:"), "0000000000000000");
    assert_eq!(field("NoNewPrivs:"), "1");
    assert_eq!(field("Seccomp:"), "2");
    assert_eq!(field("NSsid:"), pid.to_string());
    let mode = std::fs::metadata(bench.file("console")).unwrap();
    assert_eq!((mode.uid(), mode.mode() & 0o777), (UID, 0o600));
    started.process.kill().await.unwrap();
}

#[tokio::test]
async fn it_is_found_again_and_killed() {
    let bench = Bench::new();
    let started = bench.start(&bench.machine(), &[]).await.unwrap();
    // One client at a time: while the first holds the monitor, the second gets no greeting.
    let second = Qmp::connect(&bench.file("monitor"), Duration::from_millis(300)).await;
    assert!(matches!(second, Err(Error::NoAnswer { .. })));
    let pid = started.process.pid();
    drop(started);
    let again = bench.find().await;
    assert_eq!(again.process.pid(), pid);
    assert!(again.qmp.status().await.unwrap().running);
    let qmp = again.qmp.clone();
    again.process.kill().await.unwrap();
    qmp.closed().await;
    assert!(matches!(qmp.status().await, Err(Error::Disconnected { .. })));
    assert!(
        find(&bench.record(), &bench.file("monitor"), LIMIT)
            .await
            .unwrap()
            .is_none()
    );
}

#[tokio::test]
async fn a_start_that_fails_says_why() {
    let bench = Bench::new();
    let mut machine = bench.machine();
    machine.disks[0].file = FileSource::Path("no-such-disk".into());
    let Err(Error::EarlyExit { stderr }) = bench.start(&machine, &[]).await else {
        panic!("it must not start");
    };
    assert!(
        stderr.contains("no-such-disk") && stderr.contains("No such file"),
        "{stderr}"
    );
    let directory = bench.directory();
    let mut launch = bench.launch(&directory, &machine, &[]);
    launch.program = Path::new("/nonexistent/qemu");
    assert!(matches!(Process::spawn(&launch), Err(Error::Spawn { .. })));
    assert!(Process::find(&bench.record()).unwrap().is_none());
}

#[tokio::test]
async fn memory_is_saved_and_loaded() {
    let bench = Bench::new();
    let started = bench.start(&bench.machine(), &[]).await.unwrap();
    bench.guest_says("hello from the guest", 1).await;
    started.qmp.stop().await.unwrap();
    let file = std::fs::File::create(bench.outer.path().join("memory")).unwrap();
    started.qmp.save_memory(file.as_fd(), LIMIT).await.unwrap();
    assert_eq!(started.qmp.status().await.unwrap().status, RunState::Saved);
    started.process.kill().await.unwrap();
    for socket in ["monitor", "console.sock", "vnc.sock"] {
        std::fs::remove_file(bench.file(socket)).unwrap();
    }
    let fds = [OwnedFd::from(
        std::fs::File::open(bench.outer.path().join("memory")).unwrap(),
    )];
    let incoming = Some(std::os::fd::AsRawFd::as_raw_fd(&fds[0]));
    let machine = Machine {
        start_paused: true,
        incoming,
        ..bench.machine()
    };
    let started = bench.start(&machine, &fds).await.unwrap();
    while started.qmp.status().await.unwrap().status == RunState::Loading {
        sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(started.qmp.status().await.unwrap().status, RunState::Paused);
    started.qmp.cont().await.unwrap();
    assert!(started.qmp.status().await.unwrap().running);
    // It went on where it was, rather than booting again.
    let log = std::fs::read_to_string(bench.file("console")).unwrap();
    assert_eq!(log.matches("hello from the guest").count(), 1);
    started.process.kill().await.unwrap();
}

#[tokio::test]
async fn nics_come_and_go() {
    let bench = Bench::new();
    let nic = |id: &str, tap_fd| Nic {
        id: DeviceId::new(id).unwrap(),
        mac: MacAddress([0xfa, 0x16, 0x3e, 0, 0, 1]),
        mtu: Some(1400),
        tap_fd,
    };
    let fds = [tap("mqt-a")];
    let mut machine = bench.machine();
    machine.nics = vec![nic("nic-a", std::os::fd::AsRawFd::as_raw_fd(&fds[0]))];
    let started = bench.start(&machine, &fds).await.unwrap();
    let qmp = &started.qmp;
    let second = tap("mqt-b");
    qmp.add_nic(&nic("nic-b", 0), second.as_fd()).await.unwrap();
    let ids = qmp.device_ids().await.unwrap();
    assert!(
        ids.contains(&"nic-a".into()) && ids.contains(&"nic-b".into()),
        "{ids:?}"
    );
    // The same id again is refused, and what was begun is undone.
    assert!(qmp.add_nic(&nic("nic-b", 0), second.as_fd()).await.is_err());
    // A guest without ACPI hot-plug never lets a card go: the time-out is told, and the machine goes on.
    let limit = Duration::from_millis(300);
    let stuck = qmp.remove_nic(&DeviceId::new("nic-b").unwrap(), limit).await;
    assert!(matches!(stuck, Err(Error::CommandTimedOut { .. })), "{stuck:?}");
    // A reset completes the removal, as a reboot does.
    qmp.system_reset().await.unwrap();
    qmp.remove_nic(&DeviceId::new("nic-b").unwrap(), LIMIT).await.unwrap();
    let ids = qmp.device_ids().await.unwrap();
    assert!(!ids.contains(&"nic-b".into()), "{ids:?}");
    qmp.remove_nic(&DeviceId::new("nic-never").unwrap(), limit)
        .await
        .unwrap();
    started.process.kill().await.unwrap();
}

/// A tap with a header for offloads, which goes when its last descriptor closes.
fn tap(name: &str) -> OwnedFd {
    use rustix::fs::{Mode, OFlags};
    let fd = rustix::fs::open("/dev/net/tun", OFlags::RDWR | OFlags::CLOEXEC, Mode::empty()).unwrap();
    let mut request = [0u8; 40];
    let name = format!("{name}{}", std::process::id());
    request[..name.len()].copy_from_slice(name.as_bytes());
    let flags = libc::IFF_TAP | libc::IFF_NO_PI | libc::IFF_VNET_HDR;
    request[16..18].copy_from_slice(&u16::try_from(flags).unwrap().to_ne_bytes());
    // SAFETY: TUNSETIFF reads and writes a struct ifreq, which is 40 bytes long.
    #[allow(unsafe_code)]
    let result = unsafe {
        libc::ioctl(
            std::os::fd::AsRawFd::as_raw_fd(&fd),
            libc::TUNSETIFF,
            request.as_mut_ptr(),
        )
    };
    assert_eq!(result, 0, "{}", io::Error::last_os_error());
    fd
}
