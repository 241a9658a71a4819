//! What an administrator says of Cinder's services on a host: whether they are to be used.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::cloud::Row;
use crate::{Cloud, Error, HostId, Tx, VolumeServiceId};

/// The service that makes volumes.
pub const VOLUME: &str = "cinder-volume";

/// The service that makes backups.
pub const BACKUP: &str = "cinder-backup";

/// What was said of one service; without a row it is enabled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VolumeService {
    /// The service.
    pub id: VolumeServiceId,
    /// It takes no new work.
    pub disabled: bool,
    /// Why.
    pub reason: Option<String>,
}

impl Row for VolumeService {
    type Id = VolumeServiceId;
    const KIND: &'static str = "volume_service";
    crate::table!(VolumeService, volume_services);
    fn id(&self) -> VolumeServiceId {
        self.id.clone()
    }
    fn not_found(id: &VolumeServiceId) -> Error {
        Error::not_found("ServiceNotFound", format!("Service {id} could not be found."))
    }
}

fn key(binary: &str, host: &HostId) -> VolumeServiceId {
    VolumeServiceId::from(format!("{binary}@{host}"))
}

/// What is said of a service.
pub fn of<'a>(cloud: &'a Cloud, binary: &str, host: &HostId) -> Option<&'a Arc<VolumeService>> {
    cloud.find::<VolumeService>(&key(binary, host))
}

/// Enables or disables a service.
pub fn set(tx: &mut Tx<'_>, binary: &str, host: &HostId, disabled: bool, reason: Option<String>) -> Arc<VolumeService> {
    tx.put(VolumeService {
        id: key(binary, host),
        disabled,
        reason: reason.filter(|_| disabled),
    })
}

/// Why a host takes no new volume now, if so.
pub(super) fn refusal(cloud: &Cloud, host: &HostId) -> Option<String> {
    of(cloud, VOLUME, host)
        .filter(|service| service.disabled)
        .map(|_| format!("No valid backend was found. The volume service of host {host} is disabled."))
}
