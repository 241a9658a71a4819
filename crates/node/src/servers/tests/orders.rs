//! What is ordered of disks: real images, a real QEMU.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Command;

use model::host::{DesiredPower, RescueDisk, ServerPhase, SnapshotOrder, SnapshotState};
use model::{ImageId, ServerId};
use uuid::Uuid;

use super::bench::{GREETING, Host, eventually};

const OFF: ServerPhase = ServerPhase::Off { by_guest: false };

async fn snapshot_of(host: &mut Host, id: ServerId, number: u128, format: &str) -> PathBuf {
    let image_id = ImageId::from(Uuid::from_u128(number));
    let order = SnapshotOrder {
        image_id,
        format: format.into(),
    };
    host.want(id, |server| server.orders.snapshot = Some(order));
    let report = host
        .until(id, "copied", |report| {
            let copy = report.done.snapshot.as_ref().filter(|copy| copy.image_id == image_id);
            copy.is_some_and(|copy| !matches!(copy.state, SnapshotState::Making { .. }))
        })
        .await;
    match report.done.snapshot.unwrap().state {
        SnapshotState::Ready { path } => path,
        other => panic!("{other:?}"),
    }
}

/// What is told of the disk in an image, read by QEMU's tool: its size in bytes, whether the boot sector that greets is in it.
fn content(path: &Path, format: &str) -> (u64, bool) {
    let plain = path.with_extension("plain");
    let done = Command::new("qemu-img")
        .args(["convert", "-f", format, "-O", "raw"])
        .args([path, &plain])
        .status()
        .unwrap();
    assert!(done.success());
    let mut head = vec![0; 1 << 20];
    File::open(&plain).unwrap().read_exact(&mut head).unwrap();
    let size_bytes = fs::metadata(&plain).unwrap().len();
    fs::remove_file(plain).unwrap();
    let greets = head.windows(GREETING.len()).any(|bytes| bytes == GREETING.as_bytes());
    (size_bytes, greets)
}

/// Whether two images hold the same disk to the last byte.
fn are_same(one: (&Path, &str), other: (&Path, &str)) -> bool {
    let compared = Command::new("qemu-img")
        .args(["compare", "-q", "-f", one.1, "-F", other.1])
        .args([one.0, other.0])
        .status()
        .unwrap();
    compared.success()
}

#[tokio::test]
async fn a_disk_is_copied_whether_its_machine_runs_or_not() {
    let mut host = Host::new();
    let id = host.create(1, |_| {});
    let pid = host.until_running(id).await;
    host.until_greeted(id, 1).await;
    let live = snapshot_of(&mut host, id, 1, "qcow2").await;
    assert_eq!(content(&live, "qcow2"), (1 << 30, true));
    assert!(fs::metadata(&live).unwrap().len() < 4 << 20, "zeroes are left out");
    let kept = host.directory.path().join("kept");
    fs::copy(&live, &kept).unwrap();
    let info = Command::new("qemu-img").arg("info").arg(&live).output().unwrap();
    assert!(!String::from_utf8_lossy(&info.stdout).contains("backing file"));
    // The guest went on, and QEMU lets go of the file.
    assert_eq!(host.servers().process_id(id), Some(pid));
    // A second order takes the place of the first.
    let plain = snapshot_of(&mut host, id, 2, "raw").await;
    assert!(!live.exists());
    assert!(are_same((&plain, "raw"), (&kept, "qcow2")));
    host.want(id, |server| server.orders.snapshot = None);
    eventually("the copy is removed", || !plain.exists()).await;

    host.want(id, |server| server.power = DesiredPower::Off);
    host.until_phase(id, OFF).await;
    let cold = snapshot_of(&mut host, id, 3, "qcow2").await;
    assert!(are_same((&cold, "qcow2"), (&kept, "qcow2")));
    // Maru dies and finds the copy again.
    host.close().await;
    host.open();
    host.apply();
    assert_eq!(snapshot_of(&mut host, id, 3, "qcow2").await, cold);
    host.delete(id);
    host.assert_empty().await;
}

/// Maru dies while QEMU copies: the job it left does not stand in the way of the next.
#[tokio::test]
async fn a_copy_that_was_cut_off_is_made_anew() {
    let mut host = Host::new();
    let id = host.create(1, |_| {});
    let pid = host.until_running(id).await;
    let order = SnapshotOrder {
        image_id: Uuid::from_u128(5).into(),
        format: "qcow2".into(),
    };
    for milliseconds in [0, 20, 60, 150] {
        let order = order.clone();
        host.want(id, |server| server.orders.snapshot = Some(order));
        tokio::time::sleep(std::time::Duration::from_millis(milliseconds)).await;
        host.close().await;
        host.open();
        host.apply();
        let path = snapshot_of(&mut host, id, 5, "qcow2").await;
        assert_eq!(content(&path, "qcow2"), (1 << 30, true));
        host.want(id, |server| server.orders.snapshot = None);
        eventually("the copy is removed", || !path.exists()).await;
    }
    assert_eq!(host.servers().process_id(id), Some(pid));
}

#[tokio::test]
async fn a_rebuilt_server_begins_anew_from_the_other_image() {
    let mut host = Host::new();
    let id = host.create(1, |_| {});
    let first = host.until_running(id).await;
    host.until_greeted(id, 1).await;
    let other = host.image(2, |sector| {
        let at = sector.windows(5).position(|bytes| bytes == b"hello").unwrap();
        sector[at..at + 5].copy_from_slice(b"HELLO");
    });
    host.want(id, |server| {
        server.disk.image = Some(other);
        server.orders.rebuilds = 1;
    });
    host.until(id, "rebuilt", |report| {
        report.done.rebuilds == 1 && report.phase == ServerPhase::Running
    })
    .await;
    host.until_said(id, "HELLO from the guest", 1).await;
    assert_ne!(host.servers().process_id(id), Some(first));
    // One that is off stays off.
    host.want(id, |server| server.power = DesiredPower::Off);
    host.until_phase(id, OFF).await;
    host.want(id, |server| server.orders.rebuilds = 2);
    host.until(id, "rebuilt", |report| report.done.rebuilds == 2 && report.phase == OFF)
        .await;
    assert!(!host.server_dir(id).join("root.qcow2").exists());
}

fn virtual_size(host: &Host, id: ServerId) -> u64 {
    super::super::copies::virtual_size(&host.server_dir(id).join("root.qcow2")).unwrap()
}

#[tokio::test]
async fn a_resize_is_on_trial_until_it_is_confirmed_or_taken_back() {
    let mut host = Host::with(|settings| settings.shutdown_limit = std::time::Duration::from_secs(1));
    let id = host.create(1, |_| {});
    host.until_running(id).await;
    let copies = |host: &Host, number: u64| host.server_dir(id).join(format!("root.qcow2.before-{number}"));
    let resize = |host: &mut Host, number: u64, gib: u64| {
        host.want(id, |server| {
            (server.orders.trial, server.disk.root_gib) = (number, gib);
            server.memory_mib = 32 * gib;
        });
    };
    let on_trial = |number: u64| {
        move |report: &model::host::ServerReport| report.done.trial == number && report.phase == ServerPhase::Running
    };
    resize(&mut host, 1, 2);
    host.until(id, "on trial", on_trial(1)).await;
    assert_eq!(virtual_size(&host, id), 2 << 30);
    assert!(copies(&host, 1).exists());
    // Taken back: the old disk, the old size.
    host.want(id, |server| {
        (server.orders.trial, server.orders.reverted) = (0, 1);
        (server.disk.root_gib, server.memory_mib) = (1, 32);
    });
    host.until(id, "taken back", |report| {
        report.done.reverted == 1 && report.phase == ServerPhase::Running
    })
    .await;
    assert_eq!(virtual_size(&host, id), 1 << 30);
    assert!(!copies(&host, 1).exists());
    // Once more, with a death of Maru in between, and confirmed.
    resize(&mut host, 2, 3);
    host.close().await;
    host.open();
    host.apply();
    host.until(id, "on trial", on_trial(2)).await;
    let pid = host.until_running(id).await;
    host.want(id, |server| server.orders.trial = 0);
    eventually("the copy is removed", || !copies(&host, 2).exists()).await;
    host.until(id, "confirmed", on_trial(0)).await;
    assert_eq!(
        (virtual_size(&host, id), host.servers().process_id(id)),
        (3 << 30, Some(pid))
    );
}

#[tokio::test]
async fn a_rescued_server_boots_from_the_rescue_disk_and_back() {
    let mut host = Host::new();
    // Its own disk does not boot. (Image 1 is made anew for the usual server.)
    let broken = host.image(2, |sector| sector[510] = 0);
    let id = host.create(1, |server| server.disk.image = Some(broken));
    host.until_running(id).await;
    let image = host.image(3, |_| {});
    for last in [false, true] {
        let image = image.clone();
        let before = host.greetings(id);
        host.want(id, |server| {
            server.orders.rescue = Some(RescueDisk { image, last });
            server.hard_reboots += 1;
        });
        host.until_greeted(id, before + 1).await;
        assert!(host.server_dir(id).join("rescue.qcow2").exists());
        host.want(id, |server| {
            server.orders.rescue = None;
            server.hard_reboots += 1;
        });
        eventually("the rescue disk is removed", || {
            !host.server_dir(id).join("rescue.qcow2").exists()
        })
        .await;
        host.until_running(id).await;
    }
}

/// One failure is not told: the copy is made at the next try.
#[tokio::test]
async fn a_copy_that_failed_once_is_tried_again() {
    let mut host = Host::new();
    let id = host.create(1, |_| {});
    host.until_running(id).await;
    // A directory where the copy goes: it can't be removed as a file.
    let in_the_way = host.server_dir(id).join("snapshot.partial");
    fs::create_dir(&in_the_way).unwrap();
    let order = SnapshotOrder {
        image_id: Uuid::from_u128(6).into(),
        format: "raw".into(),
    };
    host.want(id, |server| server.orders.snapshot = Some(order));
    host.until(id, "trying", |report| report.done.snapshot.is_some()).await;
    fs::remove_dir(&in_the_way).unwrap();
    let path = snapshot_of(&mut host, id, 6, "raw").await;
    assert_eq!(content(&path, "raw"), (1 << 30, true));
}
