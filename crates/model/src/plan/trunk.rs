//! Trunks: planned where their parents are plugged into servers, and with them their subports.

use super::{View, network};
use crate::host::{PortBinding, SubportConfig, TrunkConfig};
use crate::network::trunk::of_subport;
use crate::network::{Port, Trunk};
use crate::{NetworkId, TrunkId};

/// The trunk as this host needs it; `None` when no server here has its parent.
pub(crate) fn plan(view: &View<'_>, id: TrunkId) -> Option<TrunkConfig> {
    let trunk = view.cloud.trunks.get(&id)?;
    let parent = parent_here(view, trunk)?;
    let subports = trunk.sub_ports.iter().filter_map(|subport| {
        let port = view.cloud.ports.get(&subport.port_id)?;
        let is_its = of_subport(view.cloud, port.id).is_some_and(|of| of.id == id);
        let config = SubportConfig {
            port_id: port.id,
            network_id: port.network_id,
        };
        (is_its && is_self_service(view, port.network_id)).then_some((subport.segmentation_id, config))
    });
    Some(TrunkConfig {
        id,
        parent: parent.id,
        network_id: parent.network_id,
        subports: subports.collect(),
    })
}

/// What a subport is plugged into, if its trunk is here.
pub(super) fn binding(view: &View<'_>, trunk: &Trunk) -> Option<PortBinding> {
    parent_here(view, trunk).map(|_| PortBinding::Trunk(trunk.id))
}

/// The parent, if a server here has it.
fn parent_here<'a>(view: &View<'a>, trunk: &Trunk) -> Option<&'a Port> {
    let parent = view.cloud.ports.get(&trunk.port_id)?;
    let is_a_servers = matches!(network::device(view, parent), Some(PortBinding::Server(_)));
    (is_a_servers && is_self_service(view, parent.network_id)).then_some(&**parent)
}

/// Nothing is plugged into a provider network.
fn is_self_service(view: &View<'_>, id: NetworkId) -> bool {
    view.cloud.networks.get(&id).is_some_and(|network| !network.external)
}
