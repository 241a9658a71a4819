//! Volumes in servers that run: booted from and rescued, copied, had by several.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use model::VolumeId;
use model::host::{
    DiskLimits, HostConfig, Rate, RescueDisk, ServerConfig, SnapshotConfig, VolumeConfig, VolumeDisk, VolumeOrigin,
    VolumeReport,
};
use qemu::boot_sector::create_boot_disk;
use qemu::qmp::{Limit, Throttle};
use uuid::Uuid;

use super::bench::{Host, eventually};
use crate::volumes::{FileDriver, Holders, Volumes};

const GIB: u64 = 1 << 30;
const VOLUME: VolumeId = VolumeId(Uuid::from_u128(0xa));
const SAYS: &str = "the volume speaks";

fn disk(boots: bool, shared: bool) -> VolumeDisk {
    VolumeDisk {
        id: VOLUME,
        size_bytes: GIB,
        read_only: false,
        shared,
        boot_index: boots.then_some(0),
        limits: DiskLimits::NONE,
    }
}

/// Makes the volume, as a disk that boots.
fn make(host: &Host) -> PathBuf {
    fs::create_dir_all(host.settings.volumes_dir()).unwrap();
    let path = host.settings.volumes_dir().join(format!("{VOLUME}.raw"));
    create_boot_disk(&path, 1, &format!("{SAYS}\n")).unwrap();
    fs::OpenOptions::new()
        .write(true)
        .open(&path)
        .unwrap()
        .set_len(GIB)
        .unwrap();
    path
}

fn boots_from_it(server: &mut ServerConfig) {
    (server.disk.image, server.disk.root_gib) = (None, 0);
    server.volumes = vec![disk(true, false)];
}

/// Where something is in a machine's command line.
fn place(pid: i32, text: &str) -> usize {
    let arguments = fs::read(format!("/proc/{pid}/cmdline")).unwrap();
    let arguments: Vec<String> = arguments
        .split(|byte| *byte == 0)
        .map(|each| String::from_utf8_lossy(each).into_owned())
        .collect();
    let is_device = |each: &&String| each.contains("virtio-blk") && each.contains(text);
    let found = arguments.iter().find(is_device);
    let found = found.unwrap_or_else(|| panic!("no device of {text} in {arguments:?}"));
    arguments.iter().position(|each| each == found).unwrap()
}

/// The volume and the config drive keep their places, the rescue disk comes last and is booted from; then all is as before.
#[tokio::test]
async fn a_server_that_boots_from_a_volume_is_rescued_with_its_disks_in_their_places() {
    let mut host = Host::new();
    make(&host);
    let id = host.create(1, |server| {
        boots_from_it(server);
        server.config_drive = true;
    });
    host.until_said(id, SAYS, 1).await;
    let image = host.image(3, |_| {});
    host.want(id, |server| {
        server.orders.rescue = Some(RescueDisk { image, last: true });
        server.hard_reboots = 1;
    });
    host.until_greeted(id, 1).await;
    let pid = host.until_running(id).await;
    let serial = VOLUME.to_string();
    assert!(place(pid, &serial) < place(pid, "config") && place(pid, "config") < place(pid, "rescue"));
    host.want(id, |server| {
        server.orders.rescue = None;
        server.hard_reboots = 2;
    });
    host.until_said(id, SAYS, 2).await;
    host.delete(id);
    host.assert_empty().await;
}

/// What QEMU says of the limits of a server's disks.
async fn limits(host: &Host) -> BTreeMap<String, Throttle> {
    let Some(qmp) = host.holders().holder(VOLUME) else {
        return BTreeMap::new();
    };
    qmp.disk_limits().await.unwrap_or_default().into_iter().collect()
}

async fn until_limited(host: &Host, device: &str, limits_wanted: Throttle) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while limits(host).await.get(device) != Some(&limits_wanted) {
        assert!(Instant::now() < deadline, "{device}: {:?}", limits(host).await);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Limits are set while the machine runs, follow what is wanted, and those of an earlier life of the program are known.
#[tokio::test]
async fn a_disk_is_as_fast_as_it_may_be() {
    let mut host = Host::new();
    make(&host);
    let rate = |per_second| Rate {
        per_second,
        ..Rate::default()
    };
    let limit = |per_second| Limit {
        per_second,
        ..Limit::default()
    };
    let mut slow = DiskLimits::NONE;
    slow.bytes.total = Rate {
        per_second: 1 << 20,
        burst: 2 << 20,
        burst_seconds: 3,
    };
    let mut few = DiskLimits::NONE;
    (few.requests.read, few.requests.write, few.request_bytes) = (rate(100), rate(50), 4096);
    let id = host.create(1, |server| {
        server.volumes = vec![VolumeDisk {
            limits: slow,
            ..disk(false, false)
        }];
        server.disk_limits = few;
    });
    let pid = host.until_running(id).await;
    let volume = format!("vol-{VOLUME}");
    let slow_there = Throttle {
        bytes: Limit {
            per_second: 1 << 20,
            burst: 2 << 20,
            burst_seconds: 3,
        },
        ..Throttle::default()
    };
    until_limited(&host, &volume, slow_there).await;
    let few_there = Throttle {
        reads: limit(100),
        writes: limit(50),
        request_bytes: 4096,
        ..Throttle::default()
    };
    until_limited(&host, "root-dev", few_there).await;

    // While nobody looks, the limits are taken away.
    host.close().await;
    host.open();
    host.want(id, |server| server.volumes[0].limits = DiskLimits::NONE);
    host.until_running(id).await;
    until_limited(&host, &volume, Throttle::default()).await;
    assert_eq!(limits(&host).await["root-dev"], few_there);
    host.want(id, |server| server.volumes[0].limits = slow);
    until_limited(&host, &volume, slow_there).await;
    assert_eq!(
        host.servers().process_id(id),
        Some(pid),
        "the same machine all the while"
    );

    // Another machine begins without limits.
    host.want(id, |server| server.hard_reboots = 1);
    host.until(id, "started again", |report| report.hard_reboots == 1).await;
    assert_ne!(host.until_running(id).await, pid);
    until_limited(&host, &volume, slow_there).await;
    until_limited(&host, "root-dev", few_there).await;
}

/// The machine that has a volume copies it, and goes on.
#[tokio::test]
async fn a_volume_is_copied_while_its_machine_runs() {
    let mut host = Host::new();
    let path = make(&host);
    let id = host.create(1, boots_from_it);
    let pid = host.until_running(id).await;
    host.until_said(id, SAYS, 1).await;
    let settings = &host.settings;
    let driver = FileDriver::open(
        settings.volumes_dir(),
        host.directory.path().join("backups"),
        settings.image_tool.clone(),
        host.servers().image_cache(),
    );
    let volumes = Volumes::open(Arc::new(driver.unwrap()), host.holders()).unwrap();
    let snapshot = SnapshotConfig {
        id: Uuid::from_u128(0xb).into(),
        volume_id: VOLUME,
        is_made: false,
    };
    let volume = VolumeConfig {
        id: VOLUME,
        size_bytes: GIB,
        source: VolumeOrigin::Blank,
        is_made: true,
        restore: None,
    };
    volumes.apply(&Arc::new(HostConfig {
        revision: 1,
        servers: host.config.servers.clone(),
        volumes: [(VOLUME, Arc::new(volume))].into_iter().collect(),
        snapshots: [(snapshot.id, Arc::new(snapshot.clone()))].into_iter().collect(),
        ..HostConfig::default()
    }));
    let reports = volumes.reports();
    let is_over = || {
        let reports = reports.borrow();
        let report = reports.snapshots.get(&snapshot.id);
        report.is_some_and(|report| !matches!(**report, VolumeReport::Making { .. }))
    };
    eventually("the volume is copied", is_over).await;
    let report = reports.borrow().snapshots[&snapshot.id].clone();
    assert!(matches!(*report, VolumeReport::Ready { .. }), "{report:?}");
    let copy = path.with_file_name(format!("{}.snapshot", snapshot.id));
    let start = |path: &PathBuf| {
        let mut head = vec![0; 1 << 20];
        std::io::Read::read_exact(&mut fs::File::open(path).unwrap(), &mut head).unwrap();
        head
    };
    assert!(start(&copy) == start(&path), "the copy is another disk");
    assert_eq!(fs::metadata(&copy).unwrap().len(), GIB);
    let space = |path: &PathBuf| std::os::unix::fs::MetadataExt::blocks(&fs::metadata(path).unwrap()) * 512;
    assert!(
        space(&copy) < space(&path) + (16 << 20),
        "the copy of {} bytes takes {}",
        space(&path),
        space(&copy)
    );
    assert_eq!(host.servers().process_id(id), Some(pid));
    drop(volumes);
}

/// Two machines write to one volume: the one has it from its start, the other gets it while it runs.
#[tokio::test]
async fn two_machines_have_one_volume() {
    let mut host = Host::new();
    make(&host);
    let one = host.create(1, |server| server.volumes = vec![disk(false, true)]);
    let other = host.create(2, |_| {});
    host.until_running(one).await;
    host.until_running(other).await;
    host.want(other, |server| server.volumes = vec![disk(false, true)]);
    for id in [one, other] {
        host.until(id, "with the volume", |report| {
            report.volumes.get(&VOLUME) == Some(&GIB)
        })
        .await;
    }
    // The one goes, and the other keeps it.
    let pid = host.servers().process_id(other);
    host.delete(one);
    eventually("the first is gone", || host.report(one).is_none()).await;
    assert!(host.report(other).unwrap().volumes.contains_key(&VOLUME));
    assert_eq!(host.servers().process_id(other), pid, "it was not started anew");
}
