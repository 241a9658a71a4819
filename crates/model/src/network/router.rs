//! Neutron's router.

use serde::{Deserialize, Serialize};

use super::{Standard, Status};
use crate::cloud::Row;
use crate::host::Route;
use crate::{Error, NetworkId, PortId, ProjectId, RouterId};

/// A router. Its legs are ports with its id as `device_id`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Router {
    /// Its id.
    pub id: RouterId,
    /// Owner, name and so on.
    #[serde(flatten)]
    pub standard: Standard,
    /// `false`: its interfaces are down.
    pub admin_state_up: bool,
    /// As reported.
    pub status: Status,
    /// Its way out.
    pub gateway: Option<GatewayInfo>,
    /// Extra routes.
    #[serde(default)]
    pub routes: Vec<Route>,
}

/// A router's gateway on a provider network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GatewayInfo {
    /// The provider network.
    pub network_id: NetworkId,
    /// The port that holds its addresses there.
    pub port_id: PortId,
    /// Whether servers without floating IP leave under the router's address.
    pub enable_snat: bool,
}

impl Row for Router {
    type Id = RouterId;
    const KIND: &'static str = "router";
    crate::table!(Router, routers);
    fn id(&self) -> RouterId {
        self.id
    }
    fn not_found(id: &RouterId) -> Error {
        Error::not_found("RouterNotFound", format!("Router {id} could not be found"))
    }
    fn project(&self) -> Option<&ProjectId> {
        Some(&self.standard.project_id)
    }
}
