//! Neutron's network.

use serde::{Deserialize, Serialize};

use super::{Standard, Status};
use crate::cloud::Row;
use crate::{Error, NetworkId, ProjectId};

/// A network: a broadcast domain of its own, or (external) a provider network of the host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Network {
    /// Its id.
    pub id: NetworkId,
    /// Owner, name and so on.
    #[serde(flatten)]
    pub standard: Standard,
    /// `false`: no packet passes.
    pub admin_state_up: bool,
    /// As reported.
    pub status: Status,
    /// Every project may use it.
    pub shared: bool,
    /// Routers may have their gateway on it, and floating IPs come from it.
    pub external: bool,
    /// Used for external gateways when none is named.
    #[serde(default)]
    pub is_default: bool,
    /// Largest IP packet, bytes.
    pub mtu: u32,
    /// What new ports take over.
    pub port_security_enabled: bool,
    /// Domain of its ports' names with trailing dot, or empty for the default.
    #[serde(default)]
    pub dns_domain: String,
    /// The bridge of a provider network (`flat` on `public`); `None` for a self-service one.
    #[serde(default)]
    pub physical_network: Option<String>,
    /// The VXLAN id of a self-service network.
    #[serde(default)]
    pub segmentation_id: Option<u32>,
}

impl Row for Network {
    type Id = NetworkId;
    const KIND: &'static str = "network";
    crate::table!(Network, networks);
    fn id(&self) -> NetworkId {
        self.id
    }
    fn not_found(id: &NetworkId) -> Error {
        Error::not_found("NetworkNotFound", format!("Network {id} could not be found."))
    }
    fn project(&self) -> Option<&ProjectId> {
        Some(&self.standard.project_id)
    }
}
