//! What an administrator says of a host's compute service: whether it takes new servers, and whether it counts as down.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::cloud::Row;
use crate::{Cloud, Error, HostId, Tx};

/// What was said; a host without a row is enabled and not forced down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostService {
    /// The host.
    pub host: HostId,
    /// It takes no new servers.
    pub disabled: bool,
    /// Why.
    pub reason: Option<String>,
    /// It counts as down, whatever it says of itself.
    pub forced_down: bool,
}

impl Row for HostService {
    type Id = HostId;
    const KIND: &'static str = "host_service";
    crate::table!(HostService, host_services);
    fn id(&self) -> HostId {
        self.host.clone()
    }
    fn not_found(id: &HostId) -> Error {
        Error::not_found(
            "HostBinaryNotFound",
            format!("Could not find binary nova-compute on host {id}."),
        )
    }
}

/// What is said of a host's service.
pub fn of(cloud: &Cloud, host: &HostId) -> HostService {
    cloud.find::<HostService>(host).map_or_else(
        || HostService {
            host: host.clone(),
            disabled: false,
            reason: None,
            forced_down: false,
        },
        |row| HostService::clone(row),
    )
}

/// Changes what is said.
pub fn change(tx: &mut Tx<'_>, host: &HostId, edit: impl FnOnce(&mut HostService)) -> Arc<HostService> {
    let mut row = of(tx.cloud(), host);
    edit(&mut row);
    if !row.disabled {
        row.reason = None;
    }
    tx.put(row)
}
