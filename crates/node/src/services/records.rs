//! What each port last asked of the services and what it was told: kept in memory, bounded, for explaining why a server
//! is or isn't reachable ("it never sent a DISCOVER", "it asked for its key and got it").

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use model::{NetworkId, PortId};
use serde::Serialize;

/// Metadata requests kept per port.
const METADATA_KEPT: usize = 8;
/// Longest path kept, in characters.
const PATH_KEPT: usize = 128;

pub use model::reach::DhcpStep;

/// The last time that a step was seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DhcpRecord {
    /// When.
    pub at: Timestamp,
    /// Transaction id chosen by the client.
    pub xid: u32,
    /// The address that the step was about, if any.
    pub address: Option<IpAddr>,
}

/// One metadata request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MetadataRecord {
    /// When.
    pub at: Timestamp,
    /// Method and path, shortened.
    pub request: String,
    /// HTTP status of the answer.
    pub status: u16,
}

/// The public keys last handed out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KeysRecord {
    /// When.
    pub at: Timestamp,
    /// Names of the keys; empty if the server has none.
    pub names: Vec<String>,
}

/// What is known of one port.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct PortRecords {
    /// The last occurrence of each DHCP step.
    pub dhcp: BTreeMap<DhcpStep, DhcpRecord>,
    /// The last metadata requests, oldest first.
    pub metadata: VecDeque<MetadataRecord>,
    /// The keys that the guest was last given.
    pub keys: Option<KeysRecord>,
}

/// The records of all ports on this host.
#[derive(Debug, Default)]
pub struct Records {
    /// With each port's network, so that forgetting needs no search.
    ports: Mutex<HashMap<PortId, (NetworkId, PortRecords)>>,
}

impl Records {
    /// Notes a DHCP step.
    pub fn dhcp(&self, network: NetworkId, port: PortId, step: DhcpStep, record: DhcpRecord) {
        let mut ports = self.lock();
        let (_, records) = ports.entry(port).or_insert_with(|| (network, PortRecords::default()));
        records.dhcp.insert(step, record);
    }

    /// Notes a metadata request, and the keys if its answer had them.
    pub fn metadata(&self, network: NetworkId, port: PortId, mut record: MetadataRecord, keys: Option<Vec<String>>) {
        record.request = record.request.chars().take(PATH_KEPT).collect();
        let mut ports = self.lock();
        let (_, records) = ports.entry(port).or_insert_with(|| (network, PortRecords::default()));
        if let Some(names) = keys {
            records.keys = Some(KeysRecord { at: record.at, names });
        }
        if records.metadata.len() == METADATA_KEPT {
            records.metadata.pop_front();
        }
        records.metadata.push_back(record);
    }

    /// What is known of a port; `None` if it never asked anything.
    pub fn of(&self, port: PortId) -> Option<PortRecords> {
        self.lock().get(&port).map(|(_, records)| records.clone())
    }

    /// Forgets the ports for which `keep` is false.
    pub fn retain(&self, keep: impl Fn(NetworkId, PortId) -> bool) {
        self.lock().retain(|port, (network, _)| keep(*network, *port));
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<PortId, (NetworkId, PortRecords)>> {
        self.ports.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_stay_bounded_whatever_a_guest_does() {
        let records = Records::default();
        let port: PortId = "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9".parse().unwrap();
        let network = NetworkId(port.0);
        for number in 0..100 {
            let record = MetadataRecord {
                at: Timestamp::UNIX_EPOCH,
                request: format!("GET /{number}/{}", "é".repeat(10_000)),
                status: 404,
            };
            records.metadata(network, port, record, (number == 7).then(|| vec!["key".to_owned()]));
        }
        let known = records.of(port).unwrap();
        assert_eq!(known.metadata.len(), METADATA_KEPT);
        assert!(known.metadata.back().unwrap().request.starts_with("GET /99/"));
        assert!(
            known
                .metadata
                .iter()
                .all(|record| record.request.chars().count() == PATH_KEPT)
        );
        assert_eq!(known.keys.unwrap().names, ["key"]);
        records.retain(|_, _| false);
        assert_eq!(records.of(port), None);
    }
}
