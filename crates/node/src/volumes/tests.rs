//! Volumes on a real file system, with QEMU's own tool.

use std::fs;
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use model::host::{HostConfig, SnapshotConfig, VolumeConfig, VolumeOrigin, VolumeReport};
use model::{VolumeId, VolumeSnapshotId};
use qemu::image_tool::ImageTool;
use qemu::qmp::Qmp;
use tempfile::TempDir;
use uuid::Uuid;

use super::{FileDriver, Holders, Volumes};
use crate::servers::cache::ImageCache;

pub(super) const MIB: u64 = 1 << 20;
pub(super) const A: VolumeId = VolumeId(Uuid::from_u128(0xa));
pub(super) const B: VolumeId = VolumeId(Uuid::from_u128(0xb));
const SNAPSHOT: VolumeSnapshotId = VolumeSnapshotId(Uuid::from_u128(0xc));

/// No server runs.
struct Nobody;

impl Holders for Nobody {
    fn holder(&self, _volume: VolumeId) -> Option<Qmp> {
        None
    }
}

pub(super) fn open(state: &Path) -> Volumes {
    let tool = ImageTool::default();
    let cache = ImageCache::open(&state.join("cache"), tool.clone(), 0x7000_0000).unwrap();
    let driver = FileDriver::open(state.join("volumes"), state.join("backups"), tool, cache).unwrap();
    Volumes::open(Arc::new(driver), Arc::new(Nobody)).unwrap()
}

pub(super) fn volume(id: VolumeId, size_bytes: u64, source: VolumeOrigin) -> Arc<VolumeConfig> {
    Arc::new(VolumeConfig {
        id,
        size_bytes,
        source,
        is_made: false,
        restore: None,
    })
}

pub(super) fn ready(size_bytes: u64) -> VolumeReport {
    VolumeReport::Ready {
        size_bytes,
        restored: None,
    }
}

fn config(revision: u64, volumes: Vec<Arc<VolumeConfig>>, snapshots: Vec<SnapshotConfig>) -> Arc<HostConfig> {
    Arc::new(HostConfig {
        revision,
        volumes: volumes.into_iter().map(|each| (each.id, each)).collect(),
        snapshots: snapshots.into_iter().map(|each| (each.id, Arc::new(each))).collect(),
        ..HostConfig::default()
    })
}

/// Asks for a document and waits until nothing is under way any more.
pub(super) async fn settle(volumes: &Volumes, config: &Arc<HostConfig>) -> super::VolumesReport {
    volumes.apply(config);
    let mut reports = volumes.reports();
    let settled = reports.wait_for(|report| {
        let is_over =
            |each: &Arc<VolumeReport>| !matches!(**each, VolumeReport::Making { .. } | VolumeReport::Removing);
        let all = config
            .volumes
            .keys()
            .all(|id| report.volumes.get(id).is_some_and(is_over))
            && config
                .snapshots
                .keys()
                .all(|id| report.snapshots.get(id).is_some_and(is_over))
            && config
                .copies
                .keys()
                .all(|id| report.copies.get(id).is_some_and(is_over));
        report.revision == config.revision
            && all
            && report.volumes.len() == config.volumes.len()
            && report.snapshots.len() == config.snapshots.len()
            && report.copies.len() == config.copies.len()
    });
    let settled = tokio::time::timeout(Duration::from_secs(60), settled).await;
    settled.expect("it settles").unwrap().clone()
}

pub(super) fn write(path: &Path, at: u64, bytes: &[u8]) {
    let mut file = fs::OpenOptions::new().write(true).open(path).unwrap();
    file.seek(SeekFrom::Start(at)).unwrap();
    file.write_all(bytes).unwrap();
}

pub(super) fn read(path: &Path, at: u64, count: usize) -> Vec<u8> {
    let mut file = fs::File::open(path).unwrap();
    file.seek(SeekFrom::Start(at)).unwrap();
    let mut bytes = vec![0; count];
    file.read_exact(&mut bytes).unwrap();
    bytes
}

#[tokio::test]
async fn volumes_are_made_copied_grown_and_freed() {
    let state = TempDir::new().unwrap();
    let path = |name: String| state.path().join("volumes").join(name);
    let volumes = open(state.path());
    let blank = volume(A, 8 * MIB, VolumeOrigin::Blank);
    let report = settle(&volumes, &config(1, vec![blank.clone()], vec![])).await;
    assert_eq!(*report.volumes[&A], ready(8 * MIB));
    let file = path(format!("{A}.raw"));
    // Nothing but zeros, which take no room; nobody else may look.
    assert!(read(&file, 0, 8 << 20).iter().all(|byte| *byte == 0));
    let metadata = fs::metadata(&file).unwrap();
    assert_eq!((metadata.mode() & 0o777, metadata.blocks()), (0o600, 0));

    write(&file, 5 * MIB, b"then");
    let snapshot = SnapshotConfig {
        id: SNAPSHOT,
        volume_id: A,
        is_made: false,
    };
    settle(&volumes, &config(2, vec![blank.clone()], vec![snapshot.clone()])).await;
    write(&file, 5 * MIB, b"now!");
    // A larger volume from the snapshot: the old bytes, then zeros.
    let copy = volume(B, 16 * MIB, VolumeOrigin::Snapshot(SNAPSHOT));
    let grown = volume(A, 12 * MIB, VolumeOrigin::Blank);
    let report = settle(&volumes, &config(3, vec![grown, copy.clone()], vec![snapshot])).await;
    assert_eq!(*report.volumes[&A], ready(12 * MIB));
    assert_eq!(read(&file, 5 * MIB, 4), b"now!");
    let copied = path(format!("{B}.raw"));
    assert_eq!(read(&copied, 5 * MIB, 4), b"then");
    assert_eq!(fs::metadata(&copied).unwrap().len(), 16 * MIB);
    assert!(read(&copied, 8 * MIB, 8 << 20).iter().all(|byte| *byte == 0));

    settle(&volumes, &config(4, vec![copy], vec![])).await;
    let left: Vec<_> = fs::read_dir(path(String::new())).unwrap().collect();
    assert_eq!(left.len(), 1, "{left:?}");
}

#[tokio::test]
async fn what_a_crash_left_is_removed_and_made_anew() {
    let state = TempDir::new().unwrap();
    let directory = state.path().join("volumes");
    fs::create_dir_all(&directory).unwrap();
    // Half a volume, and a whole one whose row went while nobody was there.
    fs::write(directory.join(format!("{A}.partial")), vec![1; 4096]).unwrap();
    fs::write(directory.join(format!("{B}.raw")), vec![1; 4096]).unwrap();
    fs::write(directory.join("notes.txt"), "a person's").unwrap();
    let volumes = open(state.path());
    settle(&volumes, &config(1, vec![volume(A, MIB, VolumeOrigin::Blank)], vec![])).await;
    assert!(
        read(&directory.join(format!("{A}.raw")), 0, 1 << 20)
            .iter()
            .all(|byte| *byte == 0)
    );
    assert!(!directory.join(format!("{A}.partial")).exists());
    assert!(!directory.join(format!("{B}.raw")).exists());
    assert!(directory.join("notes.txt").exists());
    // One that stands is taken over as it is.
    drop(volumes);
    write(&directory.join(format!("{A}.raw")), 0, b"data");
    let volumes = open(state.path());
    settle(&volumes, &config(1, vec![volume(A, MIB, VolumeOrigin::Blank)], vec![])).await;
    assert_eq!(read(&directory.join(format!("{A}.raw")), 0, 4), b"data");
}

#[tokio::test]
async fn a_volume_that_is_lost_is_not_made_anew() {
    let state = TempDir::new().unwrap();
    let volumes = open(state.path());
    let made = Arc::new(VolumeConfig {
        is_made: true,
        ..VolumeConfig::clone(&volume(A, MIB, VolumeOrigin::Blank))
    });
    let report = settle(&volumes, &config(1, vec![made], vec![])).await;
    assert!(matches!(*report.volumes[&A], VolumeReport::Failed { .. }), "{report:?}");
    assert!(!state.path().join("volumes").join(format!("{A}.raw")).exists());
}
