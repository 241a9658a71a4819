//! What routers counted, as far as this host knows: the kernel counts, this reads, remembers and tells it.
//!
//! Counters live in the kernel, so they go on while the program does not run. What was read last is remembered, and kept
//! in a file once a minute: a counter that somebody deleted, or that went with the machine's reboot, begins again with
//! that. So a count never goes back by more than what passed since it was read last, at most a minute's traffic.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use linux::Netns;
use linux::nft::Nft;
use model::meters::{Answer, Count, MeterSource, RouterReading};
use model::{MeteringLabelId, RouterId, Timestamp};

use crate::network::{metering, names};
use crate::servers::{self, files};

/// How often all of it is read and kept.
const KEEP_EVERY: Duration = Duration::from_secs(60);
/// How old a reading may be to be told again, so that those who ask cannot keep the kernel busy.
const FRESH: Duration = Duration::from_secs(1);

/// By router and label.
type Counts = BTreeMap<RouterId, BTreeMap<MeteringLabelId, Count>>;

/// What routers counted. Cloning it gives another handle to the same.
#[derive(Debug, Clone, Default)]
pub struct Meters {
    kept: Arc<Mutex<BTreeMap<RouterId, Kept>>>,
}

/// What is known of a router.
#[derive(Debug)]
struct Kept {
    reading: RouterReading,
    /// When the kernel was asked last in this life of the program.
    looked: Option<Instant>,
}

impl Meters {
    /// What is remembered of a router's labels.
    pub fn remembered(&self, router: RouterId) -> BTreeMap<MeteringLabelId, Count> {
        let kept = self.lock();
        kept.get(&router)
            .map(|kept| kept.reading.counts.clone())
            .unwrap_or_default()
    }

    /// A router now counts these labels and no others.
    pub fn follow<'a>(&self, router: RouterId, labels: impl Iterator<Item = &'a MeteringLabelId>) {
        let mut before = self.remembered(router);
        let counts: BTreeMap<MeteringLabelId, Count> = labels
            .map(|label| (*label, before.remove(label).unwrap_or_default()))
            .collect();
        let mut kept = self.lock();
        if counts.is_empty() {
            kept.remove(&router);
            return;
        }
        let entry = kept.entry(router).or_insert_with(|| Kept {
            reading: RouterReading {
                read_at: now(),
                counts: BTreeMap::new(),
            },
            looked: None,
        });
        entry.reading.counts = counts;
    }

    /// A router is gone, and what it counted with it.
    pub fn forget(&self, router: RouterId) {
        self.lock().remove(&router);
    }

    /// Forgets all routers but these.
    pub fn retain(&self, wanted: impl Fn(&RouterId) -> bool) {
        self.lock().retain(|router, _| wanted(router));
    }

    /// What a router counted: read now, or told again if that was done a moment ago. `None` for one that counts nothing.
    pub fn look(&self, router: RouterId) -> Option<RouterReading> {
        let known = {
            let kept = self.lock();
            let known = kept.get(&router)?;
            let is_fresh = known.looked.is_some_and(|looked| looked.elapsed() < FRESH);
            is_fresh.then(|| known.reading.clone())
        };
        known.or_else(|| self.ask(router))
    }

    /// Reads what a router counted. If the kernel can't tell, what was known is told, with the time of that.
    fn ask(&self, router: RouterId) -> Option<RouterReading> {
        let (asked, read_at) = (Instant::now(), now());
        let read = Netns::open(&names::router_namespace(router))
            .and_then(|ns| Nft::open(&ns))
            .and_then(|nft| metering::present(&nft));
        let counts = read.map(|present| present.counts()).unwrap_or_else(|error| {
            tracing::debug!(router.id = %router, %error, "cannot read what a router counted");
            BTreeMap::new()
        });
        let mut kept = self.lock();
        let known = kept.get_mut(&router)?;
        let mut is_whole = true;
        for (label, count) in &mut known.reading.counts {
            match counts.get(label) {
                Some(now) => *count = *now,
                // Somebody deleted the counter a moment ago; it will begin again with what is known.
                None => is_whole = false,
            }
        }
        if is_whole {
            known.reading.read_at = read_at;
            known.looked = Some(asked);
        }
        Some(known.reading.clone())
    }

    /// Takes over what an earlier life of the program kept in a file. One that can't be read counts as none.
    pub fn load(&self, path: &Path) {
        let text = match std::fs::read(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return,
            read => read.map_err(|error| error.to_string()),
        };
        let parsed = text.and_then(|text| {
            serde_json::from_slice::<BTreeMap<RouterId, RouterReading>>(&text).map_err(|error| error.to_string())
        });
        match parsed {
            Ok(readings) => {
                let kept = readings
                    .into_iter()
                    .map(|(router, reading)| (router, Kept { reading, looked: None }));
                self.lock().extend(kept);
            }
            Err(error) => {
                tracing::warn!(file.path = %path.display(), error, "cannot read what routers counted before a reboot");
            }
        }
    }

    /// Reads all of it and writes it to a file, unless that is what was written before. Gives what the file says now.
    pub fn keep(&self, path: &Path, written: &Counts) -> servers::Result<Counts> {
        let routers: Vec<RouterId> = self.lock().keys().copied().collect();
        let readings: BTreeMap<RouterId, RouterReading> = routers
            .into_iter()
            .filter_map(|router| Some((router, self.ask(router)?)))
            .collect();
        let counts: Counts = readings
            .iter()
            .map(|(router, reading)| (*router, reading.counts.clone()))
            .collect();
        if counts == *written {
            return Ok(counts);
        }
        let text = serde_json::to_vec(&readings).expect("ids, times and numbers can be written as JSON");
        files::write(path, &text).map(|()| counts)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<RouterId, Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl MeterSource for Meters {
    fn read(&self, routers: Vec<RouterId>) -> Answer<'_> {
        let meters = self.clone();
        let look = move || {
            let readings = routers
                .into_iter()
                .filter_map(|router| Some((router, meters.look(router)?)));
            Ok(readings.collect::<BTreeMap<RouterId, RouterReading>>())
        };
        Box::pin(async move { files::blocking(look).await.unwrap_or_default() })
    }
}

/// Keeps what routers counted in a file, again and again.
pub(crate) async fn keep(meters: Meters, path: PathBuf) {
    let mut written = Counts::new();
    loop {
        tokio::time::sleep(KEEP_EVERY).await;
        let (meters, path, before) = (meters.clone(), path.clone(), written.clone());
        match files::blocking(move || meters.keep(&path, &before)).await {
            Ok(now) => written = now,
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, "what routers counted can't be kept");
            }
        }
    }
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_unix_seconds(i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id<T: From<uuid::Uuid>>(number: u128) -> T {
        uuid::Uuid::from_u128(number).into()
    }

    #[test]
    fn what_was_counted_outlives_the_program_in_its_file() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("metering.json");
        let (router, label, other) = (id(1), id(2), id(3));
        let meters = Meters::default();
        meters.load(&path);
        assert_eq!(meters.remembered(router), BTreeMap::new());
        let count = Count { packets: 3, bytes: 300 };
        meters.follow(router, [label].iter());
        meters
            .lock()
            .get_mut(&router)
            .unwrap()
            .reading
            .counts
            .insert(label, count);
        // There is no such router on this host: what is known of it is kept.
        let written = meters.keep(&path, &Counts::new()).unwrap();
        assert_eq!(written, BTreeMap::from([(router, BTreeMap::from([(label, count)]))]));

        let again = Meters::default();
        again.load(&path);
        assert_eq!(again.remembered(router), BTreeMap::from([(label, count)]));
        again.follow(router, [label, other].iter());
        assert_eq!(again.remembered(router)[&label], count);
        assert_eq!(again.remembered(router)[&other], Count::default());
        again.follow(router, [other].iter());
        assert_eq!(
            again.remembered(router),
            BTreeMap::from([(other, Count::default())]),
            "what a label that is gone counted is forgotten"
        );
        again.follow(router, [].iter());
        assert_eq!(again.look(router), None, "a router without labels counts nothing");
        again.keep(&path, &written).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"{}");
    }

    #[test]
    fn a_damaged_file_counts_as_none() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("metering.json");
        std::fs::write(&path, "{\"x\": 5").unwrap();
        let meters = Meters::default();
        meters.load(&path);
        assert!(meters.lock().is_empty());
    }
}
