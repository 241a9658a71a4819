//! Backups on a real file system: what differs is kept, chains are read, orders to restore are carried out once.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use model::host::{
    CopyConfig, CopyKind, HostConfig, ImageSource, RestoreConfig, VolumeConfig, VolumeOrigin, VolumeReport,
};
use tempfile::TempDir;
use uuid::Uuid;

use super::tests::{A, B, MIB, open, read, ready, settle, volume, write};

const FULL: Uuid = Uuid::from_u128(0xf);
const INCREMENT: Uuid = Uuid::from_u128(0x1f);

fn copy(id: Uuid, kind: CopyKind) -> Arc<CopyConfig> {
    Arc::new(CopyConfig {
        id,
        source: VolumeOrigin::Volume(A),
        kind,
        is_made: false,
    })
}

fn backup(id: Uuid, parent: Option<Uuid>) -> Arc<CopyConfig> {
    copy(id, CopyKind::Backup { parent })
}

fn config(revision: u64, volumes: Vec<Arc<VolumeConfig>>, copies: &[Arc<CopyConfig>]) -> Arc<HostConfig> {
    Arc::new(HostConfig {
        revision,
        volumes: volumes.into_iter().map(|each| (each.id, each)).collect(),
        copies: copies.iter().map(|each| (each.id, each.clone())).collect(),
        ..HostConfig::default()
    })
}

fn file_of(state: &Path, id: Uuid) -> std::path::PathBuf {
    state.join("backups").join(format!("{id}.backup"))
}

#[tokio::test]
async fn a_backup_holds_what_differs_and_brings_it_back() {
    let state = TempDir::new().unwrap();
    let volumes = open(state.path());
    let a = volume(A, 8 * MIB, VolumeOrigin::Blank);
    settle(&volumes, &config(1, vec![a.clone()], &[])).await;
    let raw = state.path().join("volumes").join(format!("{A}.raw"));
    write(&raw, 3 * MIB + 5, b"first");
    let full = backup(FULL, None);
    settle(&volumes, &config(2, vec![a.clone()], std::slice::from_ref(&full))).await;
    // One part, and the index: zeros take no room.
    let length = fs::metadata(file_of(state.path(), FULL)).unwrap().len();
    assert!((MIB..MIB + 4096).contains(&length), "{length}");

    // A part that changed, one that is new, and one that became zeros.
    write(&raw, 3 * MIB + 5, &[0; 5]);
    write(&raw, 7 * MIB, b"second");
    let increment = backup(INCREMENT, Some(FULL));
    let both = [full.clone(), increment];
    settle(&volumes, &config(3, vec![a.clone()], &both)).await;
    write(&raw, 0, b"later");

    // Into a new, larger volume.
    let b = volume(B, 16 * MIB, VolumeOrigin::Backup(INCREMENT));
    settle(&volumes, &config(4, vec![a.clone(), b.clone()], &both)).await;
    let restored = state.path().join("volumes").join(format!("{B}.raw"));
    assert_eq!(read(&restored, 7 * MIB, 6), b"second");
    assert!(read(&restored, 0, 7 << 20).iter().all(|byte| *byte == 0));
    assert_eq!(fs::metadata(&restored).unwrap().len(), 16 * MIB);

    // Into the volume itself, once an order.
    let order = Uuid::from_u128(7);
    let with_order = |backup| {
        Arc::new(VolumeConfig {
            restore: Some(RestoreConfig {
                order,
                source: VolumeOrigin::Backup(backup),
            }),
            ..VolumeConfig::clone(&a)
        })
    };
    let report = restore(&volumes, &config(5, vec![with_order(FULL), b.clone()], &both), order).await;
    assert_eq!(report, None);
    assert_eq!(read(&raw, 3 * MIB + 5, 5), b"first");
    assert_eq!(read(&raw, 0, 5), [0; 5]);
    write(&raw, 0, b"newer");
    settle(&volumes, &config(6, vec![with_order(FULL), b.clone()], &both)).await;
    assert_eq!(read(&raw, 0, 5), b"newer");

    // Removed with its row.
    settle(&volumes, &config(7, vec![a, b], &[full])).await;
    assert!(!file_of(state.path(), INCREMENT).exists());
    assert!(file_of(state.path(), FULL).exists());
}

/// Asks for a document with an order and waits until it was tried; gives why it failed.
async fn restore(volumes: &super::Volumes, config: &Arc<HostConfig>, order: Uuid) -> Option<String> {
    volumes.apply(config);
    let mut reports = volumes.reports();
    let tried = reports.wait_for(|report| {
        let of = report.volumes.get(&A).map(|each| VolumeReport::clone(each));
        matches!(of, Some(VolumeReport::Ready { restored: Some(tried), .. }) if tried.order == order)
    });
    let tried = tokio::time::timeout(std::time::Duration::from_secs(60), tried).await;
    let report = tried.expect("it is tried").unwrap().clone();
    match &*report.volumes[&A] {
        VolumeReport::Ready {
            restored: Some(tried), ..
        } => tried.failure.clone(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_damaged_backup_changes_nothing() {
    let state = TempDir::new().unwrap();
    let volumes = open(state.path());
    let a = volume(A, 2 * MIB, VolumeOrigin::Blank);
    settle(&volumes, &config(1, vec![a.clone()], &[])).await;
    let raw = state.path().join("volumes").join(format!("{A}.raw"));
    write(&raw, 0, b"bytes");
    let full = backup(FULL, None);
    settle(&volumes, &config(2, vec![a.clone()], std::slice::from_ref(&full))).await;
    let file = fs::OpenOptions::new()
        .write(true)
        .open(file_of(state.path(), FULL))
        .unwrap();
    file.set_len(MIB).unwrap();
    write(&raw, 0, b"newer");
    let order = Uuid::from_u128(9);
    let wanted = Arc::new(VolumeConfig {
        restore: Some(RestoreConfig {
            order,
            source: VolumeOrigin::Backup(FULL),
        }),
        ..VolumeConfig::clone(&a)
    });
    let failure = restore(&volumes, &config(3, vec![wanted], &[full]), order).await;
    assert!(failure.is_some());
    assert_eq!(read(&raw, 0, 5), b"newer");
    assert!(!raw.with_extension("partial").exists());
}

#[tokio::test]
async fn what_is_lost_is_told_and_what_a_crash_left_goes() {
    let state = TempDir::new().unwrap();
    let backups = state.path().join("backups");
    fs::create_dir_all(&backups).unwrap();
    fs::write(backups.join(format!("{FULL}.partial")), "half").unwrap();
    fs::write(backups.join(format!("{FULL}.whole.partial")), "half").unwrap();
    let volumes = open(state.path());
    assert_eq!(fs::read_dir(&backups).unwrap().count(), 0);
    // One that was made once, and whose volume is gone: it can't be made anew.
    let made = Arc::new(CopyConfig {
        is_made: true,
        ..CopyConfig::clone(&backup(FULL, None))
    });
    let report = settle(&volumes, &config(1, vec![], &[made])).await;
    assert!(
        matches!(*report.copies[&FULL], VolumeReport::Failed { .. }),
        "{report:?}"
    );
}

#[tokio::test]
async fn a_copy_for_an_image_has_its_format() {
    let state = TempDir::new().unwrap();
    let volumes = open(state.path());
    let a = volume(A, 4 * MIB, VolumeOrigin::Blank);
    settle(&volumes, &config(1, vec![a.clone()], &[])).await;
    let kind = CopyKind::Image {
        format: "qcow2".to_owned(),
    };
    let report = settle(&volumes, &config(2, vec![a.clone()], &[copy(FULL, kind)])).await;
    assert!(
        matches!(*report.copies[&FULL], VolumeReport::Ready { .. }),
        "{report:?}"
    );
    let file = state.path().join("volumes").join(format!("{FULL}.export"));
    assert_eq!(read(&file, 0, 4), b"QFI\xfb");
    let report = settle(&volumes, &config(3, vec![a], &[])).await;
    assert_eq!(*report.volumes[&A], ready(4 * MIB));
    assert!(!file.exists());
}

/// A volume gets an image's content in place of its own, once an order; where there is no image it keeps what it has.
#[tokio::test]
async fn an_image_takes_the_place_of_what_a_volume_holds() {
    let state = TempDir::new().unwrap();
    let volumes = open(state.path());
    let a = volume(A, 8 * MIB, VolumeOrigin::Blank);
    settle(&volumes, &config(1, vec![a.clone()], &[])).await;
    let raw = state.path().join("volumes").join(format!("{A}.raw"));
    write(&raw, 5 * MIB, b"old");
    let path = state.path().join("image");
    fs::write(&path, vec![7; 1 << 20]).unwrap();
    let ordered = |number: u128| {
        let source = VolumeOrigin::Image(ImageSource {
            id: Uuid::from_u128(number).into(),
            path: path.clone(),
            format: "raw".into(),
            sha512: format!("{number:0128x}"),
            virtual_size: MIB,
        });
        let restore = Some(RestoreConfig {
            order: Uuid::from_u128(number),
            source,
        });
        Arc::new(VolumeConfig {
            restore,
            ..VolumeConfig::clone(&a)
        })
    };
    let filled = restore(&volumes, &config(2, vec![ordered(1)], &[]), Uuid::from_u128(1)).await;
    assert_eq!(filled, None);
    assert_eq!(read(&raw, 0, 1 << 20), vec![7; 1 << 20]);
    assert!(read(&raw, MIB, 7 << 20).iter().all(|byte| *byte == 0));
    write(&raw, 0, b"newer");
    settle(&volumes, &config(3, vec![ordered(1)], &[])).await;
    assert_eq!(read(&raw, 0, 5), b"newer");
    fs::remove_file(&path).unwrap();
    let failure = restore(&volumes, &config(4, vec![ordered(2)], &[]), Uuid::from_u128(2)).await;
    assert!(failure.is_some());
    assert_eq!(read(&raw, 0, 5), b"newer");
}
