//! Formats: forward, with a copy kept; never backward.

use std::path::Path;

use store::{Migration, Rows, Store, StoreError, restore_from};
use tempfile::tempdir;

use crate::support::{load, numbered};

fn rename_ports(rows: &mut Rows<'_>) -> Result<(), String> {
    for (key, value) in rows.of_kind("port")? {
        rows.delete("port", &key)?;
        rows.put("vif", &key, &value)?;
    }
    Ok(())
}

fn add_marker(rows: &mut Rows<'_>) -> Result<(), String> {
    // Runs after the first, and sees what it did.
    assert!(rows.get("vif", "p1")?.is_some());
    rows.put("marker", "m", "true")
}

fn fail_half_way(rows: &mut Rows<'_>) -> Result<(), String> {
    rows.put("marker", "half", "true")?;
    Err("row vif/p1 has no MAC address".to_owned())
}

const STEPS: &[Migration] = &[
    Migration {
        what: "ports are called vif",
        run: rename_ports,
    },
    Migration {
        what: "there is a marker",
        run: add_marker,
    },
];

fn make_format_1(dir: &Path) {
    let store = Store::open_with_migrations(dir, &[]).unwrap();
    store.commit(&numbered(1)).unwrap();
}

#[test]
fn older_rows_are_migrated_once_and_a_copy_is_kept() {
    let dir = tempdir().unwrap();
    make_format_1(dir.path());
    for _ in 0..2 {
        let (table, revision) = load(&Store::open_with_migrations(dir.path(), STEPS).unwrap());
        let kinds: Vec<_> = table.keys().map(|(kind, _)| kind.as_str()).collect();
        assert_eq!(kinds, ["marker", "vif"]);
        assert_eq!(revision, 1);
    }
    // The copy is a whole store of the old format: it can be restored and opened by the older program.
    let older = tempdir().unwrap();
    restore_from(&dir.path().join("maru.db.format-1"), older.path()).unwrap();
    let (table, _) = load(&Store::open_with_migrations(older.path(), &[]).unwrap());
    assert!(table.contains_key(&("port".to_owned(), "p1".to_owned())));
}

#[test]
fn a_failed_step_changes_nothing_and_can_be_tried_again() {
    let dir = tempdir().unwrap();
    make_format_1(dir.path());
    let broken = &[
        STEPS[0],
        Migration {
            what: "something that can't be done",
            run: fail_half_way,
        },
    ];
    for _ in 0..2 {
        let error = Store::open_with_migrations(dir.path(), broken).unwrap_err();
        assert!(matches!(error, StoreError::Migration { format: 3, .. }), "{error:?}");
        assert!(error.to_string().contains("no MAC address"), "{error}");
    }
    let (table, _) = load(&Store::open_with_migrations(dir.path(), STEPS).unwrap());
    assert!(!table.contains_key(&("marker".to_owned(), "half".to_owned())));
    assert_eq!(table.len(), 2);
}

#[test]
fn a_newer_format_is_refused_untouched() {
    let dir = tempdir().unwrap();
    drop(Store::open_with_migrations(dir.path(), STEPS).unwrap());
    let before = std::fs::read(dir.path().join("maru.db")).unwrap();
    let error = Store::open(dir.path()).unwrap_err();
    assert!(
        matches!(error, StoreError::NewerFormat { found: 3, known: 1, .. }),
        "{error:?}"
    );
    assert_eq!(std::fs::read(dir.path().join("maru.db")).unwrap(), before);
}
