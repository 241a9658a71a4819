//! A provider network's fragment: its bridge and the host's own addresses and routes there.

use std::net::IpAddr;

use ipnet::IpNet;

use super::View;
use crate::NetworkId;
use crate::address::with_prefix;
use crate::host::{ExternalNetworkConfig, Route};
use crate::network::{Port, address_scope, device_owner};

pub(crate) fn plan(view: &View<'_>, id: NetworkId) -> Option<ExternalNetworkConfig> {
    let network = view.cloud.networks.get(&id).filter(|network| network.external)?;
    let mut host_addresses: Vec<IpNet> = view
        .cloud
        .subnets_of_network(id)
        .filter_map(|subnet| subnet.gateway_ip.map(|ip| with_prefix(ip, &subnet.cidr)))
        .collect();
    host_addresses.sort();
    Some(ExternalNetworkConfig {
        id,
        bridge: view.settings.external_bridge.clone(),
        mtu: network.mtu,
        host_addresses,
        host_routes: host_routes(view, id),
    })
}

/// IPv6 is routed, not translated, and so is IPv4 within an address scope: the host reaches each such subnet behind a
/// router through that router's gateway address. Where two routers lead to overlapping prefixes the first (by router id) is reachable, the other is not.
fn host_routes(view: &View<'_>, external: NetworkId) -> Vec<Route> {
    let mut routes: Vec<Route> = Vec::new();
    let (scope_v4, _) = address_scope::of_network(view.cloud, external);
    let routers = view.cloud.routers.iter();
    for router in routers.filter(|r| r.gateway.as_ref().is_some_and(|gateway| gateway.network_id == external)) {
        if !super::router::is_here(view, router) {
            continue;
        }
        let ports: Vec<&Port> = view
            .cloud
            .ports_of_device(&router.id.to_string())
            .map(|port| port.as_ref())
            .collect();
        let gateways: Vec<IpAddr> = ports
            .iter()
            .filter(|port| port.device_owner == device_owner::ROUTER_GATEWAY)
            .flat_map(|port| &port.fixed_ips)
            .map(|fixed| fixed.ip_address)
            .collect();
        let legs = ports
            .iter()
            .filter(|port| port.device_owner == device_owner::ROUTER_INTERFACE);
        for fixed in legs.flat_map(|port| &port.fixed_ips) {
            let Some(subnet) = view.cloud.subnets.get(&fixed.subnet_id) else {
                continue;
            };
            let taken = routes
                .iter()
                .map(|route| &route.destination)
                .chain(&view.settings.host_prefixes);
            let is_v6 = matches!(subnet.cidr, IpNet::V6(_));
            let same_scope = scope_v4.is_some() && address_scope::of_subnet(view.cloud, subnet) == scope_v4;
            let Some(nexthop) = gateways.iter().find(|gateway| gateway.is_ipv6() == is_v6) else {
                continue;
            };
            if (is_v6 || same_scope) && taken.clone().all(|other| !overlap(other, &subnet.cidr)) {
                routes.push(Route {
                    destination: subnet.cidr.trunc(),
                    nexthop: *nexthop,
                });
            }
        }
    }
    routes
}

fn overlap(a: &IpNet, b: &IpNet) -> bool {
    a.contains(b) || b.contains(a)
}
