//! Backup while writing, restore, and what a crash in the middle of a restore leaves.

use std::fs;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use store::{Store, StoreError, backup_to, integrity_check, restore_from};
use tempfile::tempdir;

use crate::support::{Table, assert_holds_numbered, load, numbered};

#[test]
fn a_backup_made_while_writing_is_one_moment_of_the_cloud() {
    let dir = tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    let (stop, acknowledged) = (AtomicBool::new(false), AtomicU64::new(0));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for number in 1.. {
                if stop.load(Ordering::SeqCst) {
                    break;
                }
                store.commit(&numbered(number)).unwrap();
                acknowledged.store(number, Ordering::SeqCst);
            }
        });
        let stop_at_end = StopAtEnd(&stop);
        for round in 0..6 {
            while acknowledged.load(Ordering::SeqCst) < round * 20 {
                std::thread::yield_now();
            }
            let before = acknowledged.load(Ordering::SeqCst);
            let path = dir.path().join(format!("backup-{round}"));
            // Both ways in: the running cloud's own, and that of another process, which has no lock.
            let summary = if round % 2 == 0 {
                store.backup_to(&path).unwrap()
            } else {
                backup_to(dir.path(), &path).unwrap()
            };
            assert!(summary.revision >= before);
            assert_eq!(summary.rows, summary.revision, "one row a revision");
            assert_eq!(summary.bytes, path.metadata().unwrap().len());
            let restored = tempdir().unwrap();
            let report = restore_from(&path, restored.path()).unwrap();
            assert_eq!(report.restored.revision, summary.revision);
            assert_eq!(report.kept, None);
            assert_holds_numbered(restored.path(), 1..=summary.revision);
        }
        drop(stop_at_end);
    });
}

/// Lets the writing thread end also when an assertion fails.
struct StopAtEnd<'a>(&'a AtomicBool);

impl Drop for StopAtEnd<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

#[test]
fn restore_keeps_the_old_rows_and_is_refused_while_a_cloud_runs() {
    let dir = tempdir().unwrap();
    let backup = dir.path().join("backup");
    let store = Store::open(dir.path()).unwrap();
    store.commit(&numbered(1)).unwrap();
    store.backup_to(&backup).unwrap();
    store.commit(&numbered(2)).unwrap();
    let error = restore_from(&backup, dir.path()).unwrap_err();
    assert!(matches!(error, StoreError::InUse { .. }), "{error:?}");
    drop(store);

    let report = restore_from(&backup, dir.path()).unwrap();
    let kept = report.kept.unwrap();
    assert_eq!(load(&Store::open(dir.path()).unwrap()).1, 1);
    // The way back: what was kept is a backup like another.
    restore_from(&kept, dir.path()).unwrap();
    assert_holds_numbered(dir.path(), 1..=2);
}

#[test]
fn a_bad_backup_is_refused_before_anything_is_touched() {
    let dir = tempdir().unwrap();
    let bad = dir.path().join("bad");
    let store = Store::open(dir.path()).unwrap();
    for number in 1..=200 {
        store.commit(&numbered(number)).unwrap();
    }
    store.backup_to(&bad).unwrap();
    drop(store);
    let mut bytes = fs::read(&bad).unwrap();
    let last_page = bytes.len() - 4096;
    bytes[last_page..last_page + 64].fill(0xff);
    fs::write(&bad, bytes).unwrap();

    let error = restore_from(&bad, dir.path()).unwrap_err();
    assert!(matches!(error, StoreError::Damaged { .. }), "{error:?}");
    fs::write(&bad, "something else").unwrap();
    let error = restore_from(&bad, dir.path()).unwrap_err();
    assert!(matches!(error, StoreError::NotAStore { .. }), "{error:?}");
    let error = restore_from(&dir.path().join("missing"), dir.path()).unwrap_err();
    assert!(matches!(error, StoreError::Path { .. }), "{error:?}");
    integrity_check(dir.path()).unwrap();
    assert_holds_numbered(dir.path(), 1..=200);
}

#[test]
fn a_backup_never_overwrites() {
    let dir = tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    let path = dir.path().join("backup");
    fs::write(&path, "precious").unwrap();
    let error = store.backup_to(&path).unwrap_err();
    assert!(matches!(error, StoreError::Path { .. }), "{error:?}");
    assert_eq!(fs::read(&path).unwrap(), b"precious");
}

/// The restore is decided when `maru.db.restore` has its name; from each step after that, the next start ends it.
#[test]
fn an_interrupted_restore_is_finished_at_the_next_start() {
    for moved in 0..=3 {
        let dir = tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        store.commit(&numbered(1)).unwrap();
        store.backup_to(&dir.path().join("maru.db.restore")).unwrap();
        store.commit(&numbered(2)).unwrap();
        // The old database as a killed process leaves it: rows in a WAL that was never copied.
        let wal = fs::read(dir.path().join("maru.db-wal")).unwrap();
        drop(store);
        fs::write(dir.path().join("maru.db-wal"), wal).unwrap();
        fs::write(dir.path().join("maru.db-shm"), "").unwrap();
        for suffix in &["-wal", "-shm", ""][..moved] {
            let from = dir.path().join(format!("maru.db{suffix}"));
            let to = dir.path().join(format!("maru.db.before-restore-1{suffix}"));
            fs::rename(from, to).unwrap();
        }
        let (table, revision) = load(&Store::open(dir.path()).unwrap());
        assert_eq!((table.len(), revision), (1, 1), "after {moved} files had moved");
        assert!(!dir.path().join("maru.db.restore").exists());
    }
}

#[test]
fn a_damaged_store_can_be_replaced() {
    let dir = tempdir().unwrap();
    let backup = dir.path().join("backup");
    let store = Store::open(dir.path()).unwrap();
    store.commit(&numbered(1)).unwrap();
    store.backup_to(&backup).unwrap();
    drop(store);
    fs::write(dir.path().join("maru.db"), vec![0x55; 8192]).unwrap();
    assert!(Store::open(dir.path()).is_err());
    restore_from(&backup, dir.path()).unwrap();
    assert_ne!(load(&Store::open(dir.path()).unwrap()).0, Table::new());
}
