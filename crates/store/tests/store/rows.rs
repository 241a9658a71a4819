//! Rows, revisions, limits, the lock.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use proptest::prelude::*;
use store::{Batch, Change, DB_FILE, LOCK_FILE, MAX_BATCH_BYTES, MAX_BATCH_ROWS, Store, StoreError};
use tempfile::tempdir;

use crate::support::{Table, load, numbered, repeats};

#[test]
fn what_was_committed_is_there_after_reopening() {
    let dir = tempdir().unwrap();
    {
        let store = Store::open(dir.path()).unwrap();
        assert_eq!(store.revision().unwrap(), 0);
        let mut batch = Batch::new();
        batch.put("network", "n1", r#"{"name":"a"}"#);
        batch.put("network", "n2", r#"{"name":"b"}"#);
        assert_eq!(store.commit(&batch).unwrap(), 1);
        let mut batch = Batch::new();
        batch.put("network", "n1", r#"{"name":"c"}"#);
        batch.delete("network", "n2");
        batch.delete("network", "never there");
        assert_eq!(store.commit(&batch).unwrap(), 2);
    }
    let (table, revision) = load(&Store::open(dir.path()).unwrap());
    assert_eq!(revision, 2);
    let expected = Table::from([(("network".to_owned(), "n1".to_owned()), r#"{"name":"c"}"#.to_owned())]);
    assert_eq!(table, expected);
}

#[test]
fn a_group_gives_each_batch_its_revision() {
    let dir = tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    let seen = Arc::new(AtomicU64::new(0));
    let watcher = Arc::clone(&seen);
    store.watch(move |revision| watcher.store(revision, Ordering::SeqCst));
    let group: Vec<_> = (1..=5).map(numbered).collect();
    assert_eq!(store.commit_group(&group).unwrap(), 1..=5);
    assert_eq!(seen.load(Ordering::SeqCst), 5);
    assert!(store.commit_group(&[]).unwrap().is_empty());
    assert_eq!(store.commit(&numbered(6)).unwrap(), 6);
    assert_eq!(store.revision().unwrap(), 6);
}

#[test]
fn an_oversized_batch_stops_its_group_before_anything_is_written() {
    let dir = tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    let mut rows = Batch::new();
    for number in 0..=MAX_BATCH_ROWS {
        rows.delete("port", number.to_string());
    }
    let mut bytes = Batch::new();
    bytes.put("port", "p", "x".repeat(MAX_BATCH_BYTES));
    for large in [rows, bytes] {
        let error = store.commit_group(&[numbered(1), large]).unwrap_err();
        assert!(matches!(error, StoreError::TooLarge { .. }), "{error}");
        assert!(!error.is_transient());
    }
    assert_eq!(load(&store), (Table::new(), 0));
}

#[test]
fn a_second_writer_is_refused_and_told_the_pid() {
    let dir = tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    let error = Store::open(dir.path()).unwrap_err();
    let text = error.to_string();
    assert!(matches!(error, StoreError::InUse { .. }), "{error:?}");
    assert!(text.contains(&format!("pid {}", std::process::id())), "{text}");
    drop(store);
    Store::open(dir.path()).unwrap();
}

#[test]
fn files_are_private() {
    let dir = tempdir().unwrap();
    let state = dir.path().join("state");
    let store = Store::open(&state).unwrap();
    store.commit(&numbered(1)).unwrap();
    let mode = |path: &std::path::Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&state), 0o700);
    for name in [DB_FILE, "maru.db-wal", LOCK_FILE] {
        assert_eq!(mode(&state.join(name)), 0o600, "{name}");
    }
}

#[test]
fn loading_stops_at_the_visitors_error() {
    let dir = tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    store.commit_group(&[numbered(1), numbered(2)]).unwrap();
    let mut visits = 0;
    let refused: Result<u64, StoreError> = store.load_all(|_, _, _| {
        visits += 1;
        Err(StoreError::TooLarge { rows: 0, bytes: 0 })
    });
    assert!(refused.is_err());
    assert_eq!(visits, 1);
    // The store is as usable as before.
    assert_eq!(store.commit(&numbered(3)).unwrap(), 3);
}

#[test]
fn a_foreign_file_is_refused_and_left_alone() {
    for content in [&b"not a database at all, but long enough to be taken for one"[..], b""] {
        let dir = tempdir().unwrap();
        let path = dir.path().join(DB_FILE);
        std::fs::write(&path, content).unwrap();
        let error = Store::open(dir.path()).unwrap_err();
        assert!(matches!(error, StoreError::NotAStore { .. }), "{error:?}");
        assert_eq!(std::fs::read(&path).unwrap(), content);
    }
}

#[test]
fn the_log_stays_short_under_a_stream_of_commits() {
    let dir = tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    let filler = format!("\"{}\"", "x".repeat(8_000));
    let group: Vec<_> = (0..100)
        .map(|number| {
            let mut batch = Batch::new();
            batch.put("port", number.to_string(), filler.clone());
            batch
        })
        .collect();
    let mut longest = 0;
    // 200 MB in all.
    for _ in 0..250 {
        store.commit_group(&group).unwrap();
        let log = dir.path().join("maru.db-wal").metadata().unwrap().len();
        longest = longest.max(log);
    }
    assert!(longest < 120 << 20, "the log grew to {longest} bytes");
    store.integrity_check().unwrap();
}

fn change() -> impl Strategy<Value = Change> {
    let kind = prop::sample::select(vec!["network", "port", "server"]);
    let key = "[a-d]{1,2}|\u{ac00}|'; DROP TABLE row; --";
    prop_oneof![
        3 => (kind.clone(), key, any::<u32>()).prop_map(|(kind, key, n)| Change::Put {
            kind, key, value: n.to_string(),
        }),
        1 => (kind, key).prop_map(|(kind, key)| Change::Delete { kind, key }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24 * repeats() as u32))]

    /// Any sequence of groups, reopened at any place, holds what a map would.
    #[test]
    fn behaves_like_a_map(
        groups in prop::collection::vec(
            (prop::collection::vec(prop::collection::vec(change(), 0..6), 1..4), any::<bool>()),
            1..12,
        )
    ) {
        let dir = tempdir().unwrap();
        let mut store = Store::open(dir.path()).unwrap();
        let mut model = BTreeMap::new();
        let mut revision = 0;
        for (group, reopen) in groups {
            let mut batches = Vec::new();
            for changes in group {
                let mut batch = Batch::new();
                for change in changes {
                    match &change {
                        Change::Put { kind, key, value } => {
                            model.insert(((*kind).to_owned(), key.clone()), value.clone());
                        }
                        Change::Delete { kind, key } => {
                            model.remove(&((*kind).to_owned(), key.clone()));
                        }
                    }
                    batch.push(change);
                }
                batches.push(batch);
            }
            revision += batches.len() as u64;
            prop_assert_eq!(*store.commit_group(&batches).unwrap().end(), revision);
            if reopen {
                drop(store);
                store = Store::open(dir.path()).unwrap();
            }
            prop_assert_eq!(load(&store), (model.clone(), revision));
        }
    }
}
