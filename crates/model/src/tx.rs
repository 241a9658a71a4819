//! A transaction: rules read and change the cloud through it; it remembers every change, and where time and ids come from.

use std::sync::Arc;

use uuid::Uuid;

use crate::cloud::{Change, Cloud, Row};
use crate::{Result, Timestamp};

/// Where new ids come from.
pub trait IdSource {
    /// 16 fresh random bytes.
    fn random_bytes(&mut self) -> [u8; 16];
}

/// A reproducible source of ids for tests and simulations (SplitMix64).
#[derive(Debug, Clone)]
pub struct SeededIds(u64);

impl SeededIds {
    /// The same seed gives the same ids.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

impl IdSource for SeededIds {
    fn random_bytes(&mut self) -> [u8; 16] {
        let (a, b) = (self.next(), self.next());
        let mut out = [0; 16];
        out[..8].copy_from_slice(&a.to_le_bytes());
        out[8..].copy_from_slice(&b.to_le_bytes());
        out
    }
}

/// Changes being made to the cloud. Dropped without [`Tx::finish`], it leaves no trace: the caller keeps the old `Cloud`
/// (cheap: tables share their structure).
pub struct Tx<'a> {
    cloud: Cloud,
    changes: Vec<Change>,
    now: Timestamp,
    ids: &'a mut dyn IdSource,
}

impl<'a> Tx<'a> {
    /// Begins on a snapshot.
    pub fn begin(cloud: Cloud, now: Timestamp, ids: &'a mut dyn IdSource) -> Self {
        Self {
            cloud,
            changes: Vec::new(),
            now,
            ids,
        }
    }

    /// The cloud as changed so far.
    pub fn cloud(&self) -> &Cloud {
        &self.cloud
    }

    /// The transaction's time: one moment for all of it.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// A fresh random id of any kind.
    pub fn new_id<T: From<Uuid>>(&mut self) -> T {
        T::from(uuid::Builder::from_random_bytes(self.ids.random_bytes()).into_uuid())
    }

    /// 16 fresh random bytes (a MAC address, a salt).
    pub fn random_bytes(&mut self) -> [u8; 16] {
        self.ids.random_bytes()
    }

    /// The row, or the resource's own "not found".
    pub fn get<R: Row>(&self, id: &R::Id) -> Result<Arc<R>> {
        self.cloud.get::<R>(id)
    }

    /// Inserts or replaces a row.
    pub fn put<R: Row>(&mut self, row: R) -> Arc<R> {
        let row = Arc::new(row);
        let before = self.cloud.replace(row.clone());
        self.changes.push(Change {
            before: before.map(R::into_any),
            after: Some(R::into_any(row.clone())),
        });
        row
    }

    /// Changes a row in place: reads it, lets `change` edit a copy, puts it back.
    pub fn update<R: Row>(&mut self, id: &R::Id, change: impl FnOnce(&mut R)) -> Result<Arc<R>> {
        let mut row = R::clone(&*self.get::<R>(id)?);
        change(&mut row);
        Ok(self.put(row))
    }

    /// Removes a row if it is there.
    pub fn delete<R: Row>(&mut self, id: &R::Id) -> Option<Arc<R>> {
        let before = self.cloud.remove::<R>(id)?;
        self.changes.push(Change {
            before: Some(R::into_any(before.clone())),
            after: None,
        });
        Some(before)
    }

    /// Ends it: the new cloud and what to commit, in order.
    pub fn finish(self) -> (Cloud, Vec<Change>) {
        (self.cloud, self.changes)
    }
}
