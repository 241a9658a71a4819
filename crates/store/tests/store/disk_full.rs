//! A full disk: a clear error, nothing half-done, and on with it when there is space again.

use std::path::Path;
use std::process::Command;

use store::{Batch, Reason, Store, StoreError};

use crate::support::load;

/// Set in the child that has a mount namespace of its own.
const INSIDE: &str = "MARU_STORE_DISK_FULL_DIR";

/// Starts itself again in a private mount namespace, so that the small file system is nobody else's and goes by itself.
#[test]
fn a_full_disk_fails_commits_only() {
    if let Some(dir) = std::env::var_os(INSIDE) {
        return run_on_small_disk(Path::new(&dir));
    }
    if !rustix::process::geteuid().is_root() {
        println!("skipped: mounting a small file system needs root");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let status = Command::new("unshare")
        .args(["--mount", "--propagation", "private", "sh", "-ec"])
        .arg(r#"mount -t tmpfs -o size=2m tmpfs "$1"; shift; exec "$@""#)
        .arg("sh")
        .arg(dir.path())
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "disk_full::a_full_disk_fails_commits_only", "--nocapture"])
        .env(INSIDE, dir.path())
        .status()
        .unwrap();
    assert!(status.success());
}

fn run_on_small_disk(dir: &Path) {
    let store = Store::open(dir).unwrap();
    let ballast = dir.join("ballast");
    std::fs::write(&ballast, vec![1; 512 * 1024]).unwrap();
    let mut acknowledged = 0;
    let error = loop {
        assert!(acknowledged < 1000, "the disk never filled up");
        match store.commit(&large(acknowledged + 1)) {
            Ok(revision) => acknowledged = revision,
            Err(error) => break error,
        }
    };
    assert!(
        matches!(
            error,
            StoreError::Unavailable {
                reason: Reason::DiskFull,
                ..
            }
        ),
        "{error:?}"
    );
    assert!(error.is_transient());
    // Reading goes on, nothing of the failed transaction is there, and it fails as clearly a second time.
    assert_eq!(load(&store).1, acknowledged);
    assert_eq!(load(&store).0.len() as u64, acknowledged);
    assert!(store.commit(&large(acknowledged + 1)).is_err());
    // A backup has no room either, and leaves no rubbish.
    let backup = dir.join("backup");
    assert!(store.backup_to(&backup).is_err());
    assert!(!backup.exists() && !dir.join("backup.partial").exists());

    std::fs::remove_file(&ballast).unwrap();
    assert_eq!(store.commit(&large(acknowledged + 1)).unwrap(), acknowledged + 1);
    drop(store);
    let store = Store::open(dir).unwrap();
    assert_eq!(load(&store).1, acknowledged + 1);
    store.integrity_check().unwrap();
}

fn large(number: u64) -> Batch {
    let mut batch = Batch::new();
    batch.put("port", number.to_string(), format!("\"{}\"", "x".repeat(20_000)));
    batch
}
