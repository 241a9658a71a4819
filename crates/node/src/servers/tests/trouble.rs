//! One server's trouble is its own, and is told.

use std::sync::atomic::Ordering;
use std::time::Duration;

use model::host::{DesiredPower, ServerPhase, ServerReport};
use qemu::image_tool::{DiskFormat, ImageFile, ImageTool};
use rustix::mount::{MountFlags, UnmountFlags};

use super::bench::{Host, eventually, kill, nic};

fn message(report: &ServerReport) -> &str {
    match &report.phase {
        ServerPhase::Failed { message, .. } => message,
        other => panic!("{other:?}"),
    }
}

fn has_failed(report: &ServerReport) -> bool {
    matches!(report.phase, ServerPhase::Failed { .. })
}

#[tokio::test]
async fn broken_servers_stop_no_other() {
    let mut host = Host::new();
    let small = host.create(1, |server| {
        server.disk.root_gib = 1;
        server.disk.image.as_mut().unwrap().virtual_size = 2 << 30;
    });
    let gone = host.create(2, |server| {
        let image = server.disk.image.as_mut().unwrap();
        (image.path, image.id) = ("/nonexistent/image".into(), uuid::Uuid::from_u128(9).into());
    });
    let changed = host.create(3, |server| {
        let image = server.disk.image.as_mut().unwrap();
        (image.format, image.id) = ("qcow2".into(), uuid::Uuid::from_u128(10).into());
    });
    let good = host.create(4, |_| {});
    host.until_running(good).await;
    let report = host.until(small, "failed", has_failed).await;
    assert!(message(&report).starts_with("Flavor's disk is too small for requested image."));
    let report = host.until(gone, "failed", has_failed).await;
    assert!(message(&report).contains("could not be found") && !message(&report).contains("nonexistent"));
    let report = host.until(changed, "failed", has_failed).await;
    assert!(message(&report).contains("not what was uploaded"));
    // Mended, they start.
    let image = host.image(1, |_| {});
    for id in [small, gone, changed] {
        host.want(id, |server| server.disk.image = Some(image.clone()));
        host.until_running(id).await;
    }
    assert_eq!(host.processes().len(), 4);
    for id in [small, gone, changed, good] {
        host.delete(id);
    }
    host.assert_empty().await;
}

#[tokio::test]
async fn no_acceleration_is_told() {
    let mut host = Host::with(|settings| settings.accelerator = Err("/dev/kvm does not exist".into()));
    let id = host.create(1, |_| {});
    let report = host.until(id, "failed", has_failed).await;
    let ServerPhase::Failed { message, detail } = report.phase else {
        unreachable!()
    };
    assert!(message.contains("cannot run virtual machines") && !message.contains("kvm"));
    assert!(detail.contains("/dev/kvm does not exist"));
}

#[tokio::test]
async fn a_network_that_comes_late_is_waited_for() {
    let mut host = Host::new();
    host.taps.broken.store(true, Ordering::Relaxed);
    let id = host.create(1, |server| server.nics = vec![nic(1)]);
    host.until(id, "failed", has_failed).await;
    host.taps.broken.store(false, Ordering::Relaxed);
    host.until_running(id).await;
}

#[tokio::test]
async fn a_qemu_that_a_person_kills_is_started_again() {
    let mut host = Host::new();
    let id = host.create(1, |_| {});
    let first = host.until_running(id).await;
    host.until_greeted(id, 1).await;
    kill(first);
    host.until_greeted(id, 2).await;
    let second = host.until_running(id).await;
    assert_ne!(first, second);
    assert_eq!(host.processes(), [second]);
    // One that is off is not started by its end.
    host.want(id, |server| server.power = DesiredPower::Off);
    host.until_phase(id, ServerPhase::Off { by_guest: false }).await;
    // Files that a person deletes are made again: the sockets' directory here.
    std::fs::remove_dir_all(host.server_dir(id).join("run")).unwrap();
    host.want(id, |server| server.power = DesiredPower::On);
    host.until_running(id).await;
}

#[tokio::test]
async fn a_tap_that_a_person_deletes_comes_back() {
    let mut host = Host::new();
    let id = host.create(1, |server| server.nics = vec![nic(1), nic(2)]);
    let pid = host.until_running(id).await;
    let process = linux::process::Process::open(u32::try_from(pid).unwrap()).unwrap();
    let name = format!("tap{}", nic(2).port_id.short());
    let number = process.tap_number(&name).unwrap().unwrap();
    // The first look learns which descriptor is whose.
    tokio::time::sleep(Duration::from_secs(3)).await;
    let mut links = host.taps.links();
    let index = links.link(&name).unwrap().index;
    links.delete_link(index).unwrap();
    assert_eq!(process.tap_of(number).as_deref(), Some(""));
    eventually("the tap is back", || {
        process.tap_of(number).as_deref() == Some(name.as_str())
    })
    .await;
    assert!(links.link(&name).is_ok());
    assert_eq!(host.servers().process_id(id), Some(pid));
}

/// A small file system of its own, gone when dropped.
struct Tmpfs {
    directory: tempfile::TempDir,
}

impl Tmpfs {
    fn new(kib: u32) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let options = std::ffi::CString::new(format!("size={kib}k")).unwrap();
        rustix::mount::mount(
            "maru-test",
            directory.path(),
            "tmpfs",
            MountFlags::empty(),
            Some(options.as_c_str()),
        )
        .unwrap();
        Self { directory }
    }

    fn resize(&self, kib: u32) {
        rustix::mount::mount_remount(self.directory.path(), MountFlags::empty(), format!("size={kib}k")).unwrap();
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        let _ = rustix::mount::unmount(self.directory.path(), UnmountFlags::DETACH);
    }
}

#[tokio::test]
async fn a_full_disk_is_told_and_passes() {
    let disk = Tmpfs::new(4096);
    let path = disk.directory.path().join("state");
    let mut host = Host::with(|settings| settings.state_dir = path);
    // Eight MiB that are not empty, as qcow2 so that they have to be converted.
    let plain = host.image(2, |_| {});
    let bytes: Vec<u8> = (0..8 << 20).map(|n| if n < 512 { 0 } else { 0xa5 }).collect();
    let boot = std::fs::read(&plain.path).unwrap();
    std::fs::write(&plain.path, [&boot[..512], &bytes[512..]].concat()).unwrap();
    let mut image = plain.clone();
    (image.path, image.format, image.virtual_size) = (plain.path.with_extension("qcow2"), "qcow2".into(), 8 << 20);
    let from = ImageFile {
        path: &plain.path,
        format: DiskFormat::Raw,
    };
    let to = ImageFile {
        path: &image.path,
        format: DiskFormat::Qcow2,
    };
    ImageTool::default().convert(from, to, |_| {}).await.unwrap();

    let id = host.create(1, |server| server.disk.image = Some(image));
    let report = host.until(id, "failed", has_failed).await;
    assert!(
        message(&report).contains("disk of the server's host is full"),
        "{report:?}"
    );
    disk.resize(65536);
    host.until_running(id).await;
    host.until_greeted(id, 1).await;
    host.delete(id);
    host.assert_empty().await;
}

#[tokio::test]
async fn boots_queue_up() {
    let mut host = Host::with(|settings| settings.boots_at_once = 1);
    let ids: Vec<_> = (0..3).map(|number| host.create(number, |_| {})).collect();
    let queued = |host: &Host| {
        ids.iter()
            .filter(|id| host.report(**id).is_some_and(|r| r.phase == ServerPhase::Queued))
            .count()
    };
    eventually("two wait", || queued(&host) == 2).await;
    assert!(host.processes().len() <= 1);
    // One that waits can be deleted; the others get their turn.
    host.delete(ids[2]);
    for id in &ids[..2] {
        host.until_running(*id).await;
    }
    for id in &ids[..2] {
        host.delete(*id);
    }
    host.assert_empty().await;
}

#[tokio::test]
async fn a_console_that_never_stops_stays_small() {
    let mut host = Host::with(|settings| settings.console_limit_bytes = 256 << 10);
    // After the greeting it greets again: the end of the loop jumps to its beginning.
    let image = host.image(2, |sector| sector[0x27..0x29].copy_from_slice(&[0xeb, 0xf0]));
    let id = host.create(1, |server| server.disk.image = Some(image));
    host.until_running(id).await;
    let log = host.server_dir(id).join("console.log");
    let metadata = || std::os::unix::fs::MetadataExt::blocks(&std::fs::metadata(&log).unwrap()) * 512;
    let length = || std::fs::metadata(&log).unwrap().len();
    eventually("the log grows", || length() > 1 << 20).await;
    eventually("and is shortened", || metadata() <= 256 << 10).await;
    let before = length();
    eventually("and grows on", || length() > before).await;
    tokio::time::sleep(Duration::from_millis(10)).await;
}
