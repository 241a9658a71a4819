//! What the servers get from the rest of the node.

use std::os::fd::OwnedFd;

use model::host::{InstanceMetadata, NicConfig};
use model::{PortId, ServerId};

use crate::network_thread::NetworkThread;
use crate::servers::{FetchFuture, Surroundings, TapFuture};
use crate::services::metadata;

/// Taps from the network thread, config drives from the metadata service's trees.
pub(crate) struct NodeSurroundings {
    pub(crate) network: NetworkThread,
}

impl Surroundings for NodeSurroundings {
    fn open_tap(&self, _server: ServerId, nic: &NicConfig) -> TapFuture<'_> {
        let port = nic.port_id;
        Box::pin(async move { self.network.tap(port).await })
    }

    fn fetch_tap(&self, port: PortId, tap: OwnedFd) -> FetchFuture<'_> {
        Box::pin(async move { self.network.fetch(port, tap).await })
    }

    fn config_drive(&self, instance: &InstanceMetadata) -> Vec<(String, Vec<u8>)> {
        metadata::tree(instance)
    }
}
