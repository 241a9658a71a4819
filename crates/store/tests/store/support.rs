//! What several tests use.

use std::collections::BTreeMap;
use std::path::Path;

use store::{Batch, Store, StoreError};

/// All rows, as the model of what a store holds.
pub type Table = BTreeMap<(String, String), String>;

pub fn load(store: &Store) -> (Table, u64) {
    let mut table = Table::new();
    let revision = store
        .load_all(|kind, key, value| {
            table.insert((kind.to_owned(), key.to_owned()), value.to_owned());
            Ok::<(), StoreError>(())
        })
        .unwrap();
    (table, revision)
}

/// One row whose value names its transaction.
pub fn numbered(number: u64) -> Batch {
    let mut batch = Batch::new();
    batch.put("port", format!("p{number}"), format!(r#"{{"n":{number}}}"#));
    batch
}

pub fn assert_holds_numbered(dir: &Path, numbers: std::ops::RangeInclusive<u64>) {
    let (table, _) = load(&Store::open(dir).unwrap());
    for number in numbers {
        let key = ("port".to_owned(), format!("p{number}"));
        assert!(table.contains_key(&key), "row {number} is lost");
    }
}

/// How many times as many cases a test takes: 20 in `make test-long`, else 1.
pub fn repeats() -> u64 {
    if std::env::var_os("MARU_TEST_LONG").is_some() {
        20
    } else {
        1
    }
}
