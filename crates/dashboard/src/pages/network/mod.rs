//! Networks and what belongs to them.

pub(crate) mod floating_ips;
pub(crate) mod networks;
pub(crate) mod ports;
pub(crate) mod routers;
pub(crate) mod security_groups;
pub(crate) mod subnets;

use std::sync::Arc;

use axum::Router;
use model::compute::Server;
use model::network::{Network, Port, Resource, device_owner};
use model::{Cloud, quota};

use crate::site::Site;
use crate::visit::Visit;

/// Every page of this part.
pub(super) fn routes() -> Router<Arc<Site>> {
    Router::new()
        .merge(floating_ips::routes())
        .merge(networks::routes())
        .merge(ports::routes())
        .merge(routers::routes())
        .merge(security_groups::routes())
        .merge(subnets::routes())
}

/// How many of a Neutron resource the project has, and how many it may have.
fn quota_of(visit: &Visit, resource: &str) -> (u64, Option<u64>) {
    let (cloud, project) = (visit.cloud(), visit.project_id());
    let limit = quota::limit(cloud, project, resource);
    (
        model::network::quota::used(cloud, project, resource),
        u64::try_from(limit).ok(),
    )
}

/// Provider networks that the project may have gateways and floating IPs on.
fn externals(visit: &Visit) -> Vec<Arc<Network>> {
    let (cloud, member) = (visit.cloud(), visit.member());
    let networks = cloud
        .lookups
        .external_networks
        .of(&())
        .filter_map(|id| cloud.networks.get(id));
    networks
        .filter(|network| network.visible_to(cloud, &member))
        .cloned()
        .collect()
}

/// The server that is plugged into a port.
fn server_of<'a>(cloud: &'a Cloud, port: &Port) -> Option<&'a Arc<Server>> {
    let id = port
        .device_owner
        .starts_with(device_owner::COMPUTE_PREFIX)
        .then(|| port.device_id.parse().ok())?;
    cloud.servers.get(&id?)
}

/// One port number (`80`), or the first and last of several (`8000-8010`).
fn port_range(text: &str) -> Option<(u16, u16)> {
    let (first, last) = text.split_once(['-', '–', ':']).unwrap_or((text, text));
    let (first, last) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
    (0 < first && first <= last).then_some((first, last))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn port_numbers_as_people_write_them() {
        assert_eq!(port_range("80"), Some((80, 80)));
        assert_eq!(port_range("8000-8010"), Some((8000, 8010)));
        assert_eq!(port_range("8000 – 8010"), Some((8000, 8010)));
        assert_eq!(port_range("8000:8010"), Some((8000, 8010)));
        for wrong in ["", "0", "http", "70000", "90-80", "80-", "80,90"] {
            assert_eq!(port_range(wrong), None, "{wrong}");
        }
    }
}
