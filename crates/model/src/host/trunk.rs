//! A trunk as a host holds it: one tap that carries several networks (docs.openstack.org/neutron, "Trunking").

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{NetworkId, PortId, TrunkId};

/// A trunk whose parent port is a server's on this host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrunkConfig {
    /// The trunk.
    pub id: TrunkId,
    /// The port whose tap carries everything: its own network untagged, those of the subports tagged.
    pub parent: PortId,
    /// The parent's network.
    pub network_id: NetworkId,
    /// The subports by VLAN ID (1 to 4094), the only ones that the tap carries.
    pub subports: BTreeMap<u16, SubportConfig>,
}

/// A port of another network that is reached through a trunk. It is in its own network's fragment as every port is, with
/// [`super::PortBinding::Trunk`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubportConfig {
    /// The port.
    pub port_id: PortId,
    /// Its network.
    pub network_id: NetworkId,
}
