//! How many durable transactions per second this disk allows, beside what the disk itself can do.
//!
//! `cargo run --release -p maru-store --example commit_rate [-- --json] [--seconds N] [--dir DIR]`
//!
//! Each writer commits four rows of about 400 bytes and waits until they are durable. A committing thread takes what has
//! queued up and makes one physical commit of it, as the cloud's writer does. The raw rate is an append of 4 KiB with
//! `fdatasync` to one growing file: no store that keeps its word with one writer can be faster than about that.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::time::{Duration, Instant};

use store::{Batch, Store};

/// Rows of one transaction: a port, its address, its revision and its quota, say.
const ROWS: usize = 4;

struct Request {
    batch: Batch,
    done: SyncSender<()>,
}

struct Figures {
    per_second: f64,
    latencies: Vec<Duration>,
}

impl Figures {
    fn of(mut latencies: Vec<Duration>, elapsed: Duration) -> Self {
        latencies.sort_unstable();
        Self {
            per_second: latencies.len() as f64 / elapsed.as_secs_f64(),
            latencies,
        }
    }

    fn quantile_ms(&self, quantile: f64) -> f64 {
        let last = self.latencies.len().saturating_sub(1);
        let index = (last as f64 * quantile) as usize;
        self.latencies
            .get(index)
            .map_or(f64::NAN, |latency| latency.as_secs_f64() * 1e3)
    }
}

struct Arguments {
    json: bool,
    seconds: f64,
    dir: Option<PathBuf>,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments = parse_arguments()?;
    // Below the current directory by default: /tmp is memory on many machines, and memory has no fsync.
    let scratch = match &arguments.dir {
        Some(dir) => tempfile::tempdir_in(dir)?,
        None => tempfile::tempdir_in(".")?,
    };
    let time = Duration::from_secs_f64(arguments.seconds);
    let raw = raw_fsync(scratch.path(), time)?;
    let mut rows = vec![("fsync of 4 KiB".to_owned(), 1, raw)];
    for writers in [1, 8, 64] {
        let dir = scratch.path().join(format!("store-{writers}"));
        let figures = commit(&dir, writers, time)?;
        rows.push((format!("{writers} writer(s)"), writers, figures));
    }
    print(&rows, arguments.json);
    Ok(())
}

fn parse_arguments() -> Result<Arguments, String> {
    let mut parsed = Arguments {
        json: false,
        seconds: 3.0,
        dir: None,
    };
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or(format!("{argument} needs a value"));
        match argument.as_str() {
            "--json" => parsed.json = true,
            "--seconds" => {
                parsed.seconds = value()?.parse().map_err(|_| "--seconds needs a number")?;
            }
            "--dir" => parsed.dir = Some(value()?.into()),
            other => return Err(format!("unknown argument {other}")),
        }
    }
    Ok(parsed)
}

fn raw_fsync(dir: &Path, time: Duration) -> std::io::Result<Figures> {
    let mut file = OpenOptions::new().create(true).append(true).open(dir.join("raw"))?;
    let page = [7_u8; 4096];
    let start = Instant::now();
    let mut latencies = Vec::new();
    while start.elapsed() < time {
        let began = Instant::now();
        file.write_all(&page)?;
        file.sync_data()?;
        latencies.push(began.elapsed());
    }
    Ok(Figures::of(latencies, start.elapsed()))
}

fn commit(dir: &Path, writers: usize, time: Duration) -> Result<Figures, store::StoreError> {
    let store = Store::open(dir)?;
    let stop = Arc::new(AtomicBool::new(false));
    let (queue, queued) = channel::<Request>();
    let start = Instant::now();
    let threads: Vec<_> = (0..writers)
        .map(|writer| {
            let (queue, stop) = (queue.clone(), Arc::clone(&stop));
            std::thread::spawn(move || write(writer, &queue, &stop))
        })
        .collect();
    drop(queue);
    let timer = std::thread::spawn(move || {
        std::thread::sleep(time);
        stop.store(true, Ordering::Relaxed);
    });
    commit_queued(&store, &queued)?;
    let elapsed = start.elapsed();
    let latencies = threads
        .into_iter()
        .flat_map(|thread| thread.join().expect("a writer does not panic"))
        .collect();
    timer.join().expect("the timer does not panic");
    Ok(Figures::of(latencies, elapsed))
}

fn commit_queued(store: &Store, queued: &Receiver<Request>) -> Result<(), store::StoreError> {
    while let Ok(first) = queued.recv() {
        let (batches, done): (Vec<_>, Vec<_>) = std::iter::once(first)
            .chain(queued.try_iter().take(255))
            .map(|request| (request.batch, request.done))
            .unzip();
        store.commit_group(&batches)?;
        for done in done {
            // A writer that stopped waiting is no matter.
            let _ = done.send(());
        }
    }
    Ok(())
}

fn write(writer: usize, queue: &Sender<Request>, stop: &AtomicBool) -> Vec<Duration> {
    let filler = "x".repeat(380);
    let mut latencies = Vec::new();
    for number in 0_u64.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let mut batch = Batch::new();
        for row in 0..ROWS {
            let key = format!("{:016x}", number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
            let value = format!(r#"{{"text":"{filler}"}}"#);
            batch.put("port", format!("{key}-{writer}-{row}"), value);
        }
        let (done, finished) = sync_channel(1);
        let began = Instant::now();
        if queue.send(Request { batch, done }).is_err() || finished.recv().is_err() {
            break;
        }
        latencies.push(began.elapsed());
    }
    latencies
}

#[expect(clippy::print_stdout, reason = "the figures are what this program is for")]
fn print(rows: &[(String, usize, Figures)], json: bool) {
    let raw = rows[0].2.per_second;
    if json {
        let document: Vec<_> = rows
            .iter()
            .map(|(name, writers, figures)| {
                serde_json::json!({
                    "name": name,
                    "writers": writers,
                    "per_second": figures.per_second,
                    "ratio_to_raw_fsync": figures.per_second / raw,
                    "p50_ms": figures.quantile_ms(0.5),
                    "p99_ms": figures.quantile_ms(0.99),
                    "max_ms": figures.quantile_ms(1.0),
                })
            })
            .collect();
        println!("{}", serde_json::Value::Array(document));
        return;
    }
    println!(
        "{:<16} {:>9} {:>9} {:>9} {:>9} {:>9}",
        "", "per s", "to raw", "p50 ms", "p99 ms", "max ms"
    );
    for (name, _, figures) in rows {
        println!(
            "{name:<16} {:>9.0} {:>9.2} {:>9.2} {:>9.2} {:>9.2}",
            figures.per_second,
            figures.per_second / raw,
            figures.quantile_ms(0.5),
            figures.quantile_ms(0.99),
            figures.quantile_ms(1.0),
        );
    }
}
