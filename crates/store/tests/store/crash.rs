//! `kill -9` at random moments: what a child acknowledged must be there, and no transaction in part.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use store::{Batch, Store};
use tempfile::tempdir;

use crate::support::{load, repeats};

/// Tells the child its directory; without it the child's test does nothing.
const CHILD_DIR: &str = "MARU_STORE_CRASH_DIR";
/// Rows of each transaction: all must carry the same number.
const ROWS: usize = 5;

/// Not a test but the child's program: commits for ever, and prints each revision when it is durable.
#[test]
fn child_that_commits_until_it_is_killed() {
    let Some(dir) = std::env::var_os(CHILD_DIR) else {
        return;
    };
    let store = Store::open(Path::new(&dir)).unwrap();
    let mut number = store.revision().unwrap();
    let mut out = std::io::stdout().lock();
    writeln!(out, "\nready").unwrap();
    loop {
        let group: Vec<_> = (0..1 + number % 3)
            .map(|ahead| transaction(number + ahead + 1))
            .collect();
        number = *store.commit_group(&group).unwrap().end();
        writeln!(out, "ack {number}").unwrap();
        out.flush().unwrap();
    }
}

fn transaction(number: u64) -> Batch {
    let mut batch = Batch::new();
    for row in 0..ROWS {
        let filler = "x".repeat(usize::try_from(number % 3000).unwrap());
        batch.put("port", row.to_string(), format!(r#"[{number},"{filler}"]"#));
    }
    batch
}

#[test]
fn nothing_acknowledged_is_lost_when_the_process_is_killed() {
    let dir = tempdir().unwrap();
    let mut revision = 0;
    for round in 0..25 * repeats() {
        // 0 to 46 ms after the first line, in an order without a pattern.
        let pause = Duration::from_millis(round * 29 % 47);
        let acknowledged = run_and_kill(dir.path(), pause).unwrap_or(revision);
        let (table, found) = load(&Store::open(dir.path()).unwrap());
        assert!(found >= acknowledged, "{acknowledged} was acknowledged, {found} found");
        assert!(found >= revision);
        if found > 0 {
            assert_eq!(table.len(), ROWS);
        }
        for value in table.values() {
            assert!(
                value.starts_with(&format!("[{found},")),
                "a torn transaction at {found}"
            );
        }
        revision = found;
    }
    assert!(revision > 0, "the children never committed anything");
    store::integrity_check(dir.path()).unwrap();
}

/// Ends and reaps the child also when the test fails.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Returns the last revision that the child acknowledged, if it came so far.
fn run_and_kill(dir: &Path, pause: Duration) -> Option<u64> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "crash::child_that_commits_until_it_is_killed"])
        .args(["--nocapture", "--test-threads=1"])
        .env(CHILD_DIR, dir)
        .stdout(Stdio::piped())
        .spawn()
        .map(Killed)
        .unwrap();
    let mut lines = BufReader::new(child.0.stdout.take().unwrap()).lines();
    wait_for_ready(&mut lines);
    let reader = std::thread::spawn(move || {
        lines
            .map_while(Result::ok)
            .filter_map(|line| line.strip_prefix("ack ")?.parse().ok())
            .last()
    });
    std::thread::sleep(pause);
    drop(child);
    reader.join().unwrap()
}

fn wait_for_ready(lines: &mut std::io::Lines<BufReader<ChildStdout>>) {
    let ready = lines.map_while(Result::ok).any(|line| line == "ready");
    assert!(ready, "the child ended before it was ready");
}
