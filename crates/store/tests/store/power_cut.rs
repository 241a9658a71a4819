//! Simulated power cuts: the kernel had written some sectors of the unfinished step and not others.
//!
//! The files are copied before and after each step (commit or checkpoint); a cut in the middle leaves every sector that
//! differs in either state, or torn. SQLite's only barrier inside a step is that a restarted log's header is synced before
//! its frames, so the header is treated apart.

use std::fs;
use std::path::Path;

use store::{Batch, Store, integrity_check};
use tempfile::tempdir;

use crate::support::{Table, load, repeats};

const SECTOR: usize = 512;
const WAL_HEADER: usize = 32;
const CUTS_PER_STEP: u64 = 6;

/// The two files as they are on the disk.
#[derive(Clone, PartialEq, Eq)]
struct Disk {
    db: Vec<u8>,
    wal: Vec<u8>,
}

impl Disk {
    fn read(dir: &Path) -> Self {
        Self {
            db: fs::read(dir.join("maru.db")).unwrap(),
            wal: fs::read(dir.join("maru.db-wal")).unwrap(),
        }
    }

    fn write(&self, dir: &Path) {
        fs::write(dir.join("maru.db"), &self.db).unwrap();
        fs::write(dir.join("maru.db-wal"), &self.wal).unwrap();
    }
}

/// xorshift: the same cuts in each run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}

/// What may be on the disk when the power went between the states.
fn cut(before: &[u8], after: &[u8], dice: &mut Dice) -> Vec<u8> {
    let length = before.len().max(after.len());
    // The file may have grown to any size on the way, the rest of it being zeros.
    let length = match dice.roll() % 3 {
        0 => before.len(),
        1 => length,
        _ => before.len() + (dice.roll() as usize) % (length - before.len() + 1),
    };
    let mut mixed = vec![0; length];
    let keep = before.len().min(length);
    mixed[..keep].copy_from_slice(&before[..keep]);
    let bias = dice.roll() % 4;
    for start in (0..length.min(after.len())).step_by(SECTOR) {
        let end = (start + SECTOR).min(length).min(after.len());
        let end = match dice.roll() % 8 {
            0 => start + (dice.roll() as usize) % (end - start + 1),
            _ => end,
        };
        if dice.roll() % 4 >= bias {
            mixed[start..end].copy_from_slice(&after[start..end]);
        }
    }
    mixed
}

fn cut_log(before: &[u8], after: &[u8], dice: &mut Dice) -> Vec<u8> {
    let header = |bytes: &[u8]| bytes.get(..WAL_HEADER).map(<[u8]>::to_vec);
    if header(before) == header(after) {
        return cut(before, after, dice);
    }
    if before.len() >= WAL_HEADER && dice.roll().is_multiple_of(4) {
        // Before the barrier: a header, new or torn, and the old frames.
        let mut torn = before.to_vec();
        let torn_at = (dice.roll() as usize) % (WAL_HEADER + 1);
        torn[..torn_at].copy_from_slice(&after[..torn_at]);
        return torn;
    }
    let mut mixed = cut(before, after, dice);
    mixed.resize(mixed.len().max(WAL_HEADER), 0);
    mixed[..WAL_HEADER].copy_from_slice(&after[..WAL_HEADER]);
    mixed
}

#[test]
fn a_power_cut_at_any_moment_loses_nothing_acknowledged() {
    let dir = tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    store.commit(&Batch::new()).unwrap();
    let mut dice = Dice(0x6d61_7275);
    let mut before = Disk::read(dir.path());
    let mut held = load(&store);
    let (mut kept_old, mut kept_new) = (0, 0);
    for step in 0..60 * repeats() {
        match step % 7 {
            6 => drop(store.checkpoint().unwrap()),
            _ => drop(store.commit(&random_batch(&mut dice)).unwrap()),
        }
        let after = Disk::read(dir.path());
        let now = load(&store);
        for _ in 0..CUTS_PER_STEP {
            let disk = Disk {
                db: cut(&before.db, &after.db, &mut dice),
                wal: cut_log(&before.wal, &after.wal, &mut dice),
            };
            match check_after_cut(&disk, &held, &now, step) {
                revision if revision == now.1 => kept_new += 1,
                _ => kept_old += 1,
            }
        }
        // Once acknowledged, no cut may take it back.
        check_after_cut(&after, &now, &now, step);
        (before, held) = (after, now);
    }
    // The dice must have met both sides of the commit, else the test shows nothing.
    assert!(kept_old >= 30 && kept_new >= 30, "{kept_old} old, {kept_new} new");
}

fn random_batch(dice: &mut Dice) -> Batch {
    let mut batch = Batch::new();
    for _ in 0..1 + dice.roll() % 12 {
        let key = (dice.roll() % 60).to_string();
        if dice.roll().is_multiple_of(4) {
            batch.delete("port", key);
        } else {
            let size = usize::try_from(dice.roll() % 3000).unwrap();
            batch.put("port", key, format!("\"{}\"", "x".repeat(size)));
        }
    }
    batch
}

/// The store opens and holds the state before the step or the one after it, never something between. Returns its
/// revision.
fn check_after_cut(disk: &Disk, held: &(Table, u64), now: &(Table, u64), step: u64) -> u64 {
    let dir = tempdir().unwrap();
    disk.write(dir.path());
    let found = load(&Store::open(dir.path()).unwrap());
    assert!(
        found == *held || found == *now,
        "step {step}: revision {} is not whole",
        found.1
    );
    integrity_check(dir.path()).unwrap();
    found.1
}
