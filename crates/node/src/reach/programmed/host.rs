//! Provider networks: bridges in the host's namespace, and what stands in their way there.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ipnet::IpNet;
use linux::Mac;
use linux::netlink::{Link, Route};
use model::host::{ExternalNetworkConfig, RouterConfig};
use model::reach::{DeviceRole, HostObject, HostPlace as Place, State};

use super::look::{Look, Space, Wanted};
use super::router::is_wanted_route;
use crate::network::external::bridge_mac;

/// Compares a provider network's bridge with what it should be.
pub fn check(look: &mut Look<'_>, external: &ExternalNetworkConfig) {
    let Some(space) = look.space(Place::Host) else { return };
    let device = space.device(&external.bridge, DeviceRole::ExternalBridge(external.id));
    // A bridge that a person made is used as it is.
    let mark = look.mark();
    let ours = space
        .link(&external.bridge)
        .is_none_or(|link| link.alias.as_deref() == Some(&mark));
    let wanted = Wanted {
        kind: "bridge",
        up: Some(true),
        mac: ours.then(|| bridge_mac(external.id)),
        mtu: ours.then_some(external.mtu),
        ..Wanted::default()
    };
    let Some(link) = look.check_link(&space, &device, &wanted) else {
        return;
    };
    let addresses: BTreeSet<IpNet> = external.host_addresses.iter().copied().collect();
    if ours {
        look.check_discipline(&device, &link);
    }
    look.check_addresses(&space, (&device, &link), &addresses, ours, |_| None);
    check_routes(look, &space, external, &link);
    let owners = owners(look, external);
    look.check_neighbours(&space, (&device, &link), |address| owners.get(&address).copied());
}

/// Whose Ethernet address answers for an address on a provider network: a router's gateway.
fn owners(look: &Look<'_>, external: &ExternalNetworkConfig) -> BTreeMap<IpAddr, Mac> {
    let gateway = |router: &RouterConfig| router.gateway.clone().filter(|leg| leg.network_id == external.id);
    let mut owners = BTreeMap::new();
    for router in look.config.routers.values() {
        let Some(leg) = gateway(router) else { continue };
        let floating = crate::network::nat::floating_addresses(router);
        for net in leg.addresses.iter().chain(&floating) {
            owners.insert(net.addr(), Mac(leg.mac.0));
        }
    }
    owners
}

/// The routes that the host needs, and those that lead the provider network's addresses elsewhere.
fn check_routes(look: &mut Look<'_>, space: &Space, external: &ExternalNetworkConfig, link: &Link) {
    if link.up {
        for want in &external.host_routes {
            let there = |route: &Route| {
                is_wanted_route(route, want.destination.trunc(), want.nexthop) && route.link == Some(link.index)
            };
            if !space.routes.iter().any(there) {
                let object = HostObject::Route {
                    place: Place::Host,
                    destination: want.destination.trunc(),
                    nexthop: Some(want.nexthop),
                    drops: false,
                };
                look.note(object, State::Missing);
            }
        }
    }
    let own = external.host_addresses.iter().map(IpNet::trunc);
    let own: Vec<IpNet> = own
        .chain(external.host_routes.iter().map(|route| route.destination.trunc()))
        .collect();
    let astray = |route: &&Route| {
        route.link != Some(link.index)
            && own
                .iter()
                .any(|net| net.prefix_len() > 0 && net.contains(&route.destination))
    };
    for route in space.routes.iter().filter(astray) {
        look.note(super::router::route_object(Place::Host, route), State::Unwanted);
    }
}
