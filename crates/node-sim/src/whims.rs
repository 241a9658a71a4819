//! What a simulated host was told to fail or to hold.

use std::collections::{BTreeMap, BTreeSet};

use model::{NetworkId, PortId, RouterId, ServerId, TrunkId};

/// Faults and pauses asked for.
#[derive(Debug, Default)]
pub(crate) struct Whims {
    pub(crate) failing_servers: BTreeMap<ServerId, String>,
    pub(crate) failing_every_server: Option<String>,
    pub(crate) failing_networks: BTreeMap<NetworkId, String>,
    pub(crate) failing_routers: BTreeMap<RouterId, String>,
    pub(crate) failing_trunks: BTreeMap<TrunkId, String>,
    pub(crate) failing_ports: BTreeMap<PortId, String>,
    pub(crate) failing_volumes: Option<String>,
    pub(crate) held_servers: BTreeSet<ServerId>,
    pub(crate) hold_every_server: bool,
    pub(crate) deaf: bool,
}

impl Whims {
    pub(crate) fn mend(&mut self) {
        self.failing_servers.clear();
        self.failing_every_server = None;
        self.failing_networks.clear();
        self.failing_routers.clear();
        self.failing_trunks.clear();
        self.failing_ports.clear();
        self.failing_volumes = None;
    }

    pub(crate) fn release(&mut self) {
        self.held_servers.clear();
        self.hold_every_server = false;
    }

    pub(crate) fn holds(&self, server: ServerId) -> bool {
        self.hold_every_server || self.held_servers.contains(&server)
    }
}
