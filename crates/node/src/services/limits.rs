//! How many connections guests may hold open: per source address, per network or router, and in all. What is beyond is
//! closed at once, so that one guest can't keep the others from their metadata or names.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use uuid::Uuid;

const PER_SOURCE: usize = 16;
const PER_PLACE: usize = 256;
const IN_ALL: usize = 4096;

/// The open connections, counted.
#[derive(Debug, Default)]
pub struct Limits {
    counts: Mutex<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    in_all: usize,
    places: HashMap<Uuid, usize>,
    sources: HashMap<(Uuid, IpAddr), usize>,
}

/// One admitted connection; dropping it makes room.
#[derive(Debug)]
pub struct Admission {
    limits: Arc<Limits>,
    place: Uuid,
    source: IpAddr,
}

impl Limits {
    /// Admits a connection that entered at a network or router (`place`), or refuses it.
    pub fn admit(self: &Arc<Self>, place: Uuid, source: IpAddr) -> Option<Admission> {
        let mut counts = self.lock();
        let of_place = counts.places.get(&place).copied().unwrap_or(0);
        let of_source = counts.sources.get(&(place, source)).copied().unwrap_or(0);
        if counts.in_all >= IN_ALL || of_place >= PER_PLACE || of_source >= PER_SOURCE {
            return None;
        }
        counts.in_all += 1;
        counts.places.insert(place, of_place + 1);
        counts.sources.insert((place, source), of_source + 1);
        drop(counts);
        Some(Admission {
            limits: Arc::clone(self),
            place,
            source,
        })
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        let mut counts = self.limits.lock();
        counts.in_all -= 1;
        release(&mut counts.places, &self.place);
        release(&mut counts.sources, &(self.place, self.source));
    }
}

fn release<K: std::hash::Hash + Eq>(counts: &mut HashMap<K, usize>, key: &K) {
    if let Some(count) = counts.get_mut(key) {
        *count -= 1;
        if *count == 0 {
            counts.remove(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_greedy_source_leaves_room_for_others() {
        let limits = Arc::new(Limits::default());
        let (here, elsewhere) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let greedy: IpAddr = "10.0.0.5".parse().unwrap();
        let mut held: Vec<_> = (0..100).filter_map(|_| limits.admit(here, greedy)).collect();
        assert_eq!(held.len(), PER_SOURCE);
        assert!(limits.admit(here, "10.0.0.6".parse().unwrap()).is_some());
        // The same address in another network is somebody else.
        assert!(limits.admit(elsewhere, greedy).is_some());
        held.pop();
        assert!(limits.admit(here, greedy).is_some());
        drop(held);
        assert!(limits.lock().sources.is_empty() && limits.lock().places.is_empty());
    }
}
