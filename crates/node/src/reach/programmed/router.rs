//! Routers: their legs with both ends, their routes, whom they answer for.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ipnet::IpNet;
use linux::Mac;
use linux::netlink::{Link, Route, RouteKind, Rtnl};
use model::host::{GatewayLeg, RouterConfig, RouterLeg};
use model::reach::{Device, DeviceRole, HostObject, HostPlace as Place, State};
use model::{FloatingIpId, NetworkId};

use super::look::{Look, Space, Wanted};
use super::network::{check_loopback, owners};
use super::port::check_pair;
use crate::network::names::{gateway_device, router_device, tap_device};
use crate::network::router::{SETTINGS, wanted_routes};
use crate::network::{nat, ndp};

/// The priorities of the kernel's own routing rules (ip-rule(8)).
const OWN_RULES: [u32; 3] = [0, 32_766, 32_767];

/// A leg's devices by name, as they are now.
type Legs = BTreeMap<String, Link>;

/// Compares a router with what it should be.
pub fn check(look: &mut Look<'_>, router: &RouterConfig) {
    let Some(space) = look.space(Place::Router(router.id)) else {
        return;
    };
    look.check_settings(&space, &SETTINGS);
    check_loopback(look, &space);
    let mut legs = Legs::new();
    for leg in &router.legs {
        legs.extend(check_leg(look, &space, router, leg));
    }
    if let Some(gateway) = &router.gateway {
        legs.extend(check_gateway(look, &space, router, gateway));
        check_proxies(look, &space, router);
    }
    check_strangers(look, &space, router);
    check_routes(look, &space, router, &legs);
    check_rules(look, &space);
}

fn check_leg(look: &mut Look<'_>, space: &Space, router: &RouterConfig, leg: &RouterLeg) -> Option<(String, Link)> {
    let device = space.device(&router_device(leg.port_id), DeviceRole::Leg(leg.port_id));
    let (mac, addresses) = (Mac(leg.mac.0), leg.addresses.iter().copied().collect());
    let link = check_end(look, space, router, &device, (mac, leg.mtu))?;
    look.check_addresses(space, (&device, &link), &addresses, true, |_| None);
    check_device_settings(look, space, router, &device, &addresses);
    let owners = look
        .config
        .networks
        .get(&leg.network_id)
        .map(|network| owners(network))
        .unwrap_or_default();
    look.check_neighbours(space, (&device, &link), |address| owners.get(&address).copied());
    if let Some(network) = look.space(Place::Network(leg.network_id))
        && let Some(near) = network.link(&tap_device(leg.port_id))
    {
        let device = network.device(&near.name, DeviceRole::Port(leg.port_id));
        check_pair(look, (&device, near), &link);
    }
    Some((device.name, link))
}

fn check_gateway(
    look: &mut Look<'_>,
    space: &Space,
    router: &RouterConfig,
    gateway: &GatewayLeg,
) -> Option<(String, Link)> {
    let near = check_gateway_end(look, gateway);
    let device = space.device(&gateway_device(gateway.port_id), DeviceRole::Gateway(gateway.port_id));
    let link = check_end(look, space, router, &device, (Mac(gateway.mac.0), gateway.mtu))?;
    let own = gateway.addresses.iter().copied();
    let addresses: BTreeSet<IpNet> = own.chain(nat::floating_addresses(router)).collect();
    let floating = |address| floating_ip(router, address);
    look.check_addresses(space, (&device, &link), &addresses, true, floating);
    check_device_settings(look, space, router, &device, &addresses);
    let hosts = host_addresses(look, gateway.network_id);
    look.check_neighbours(space, (&device, &link), |address| hosts.get(&address).copied());
    if let Some((device, near)) = near {
        check_pair(look, (&device, &near), &link);
    }
    Some((device.name, link))
}

/// The end of a gateway's pair on the provider network's bridge.
fn check_gateway_end(look: &mut Look<'_>, gateway: &GatewayLeg) -> Option<(Device, Link)> {
    let external = look.config.externals.get(&gateway.network_id)?;
    let space = look.space(Place::Host)?;
    let device = space.device(&tap_device(gateway.port_id), DeviceRole::GatewayEnd(gateway.port_id));
    let wanted = Wanted {
        kind: "veth",
        up: Some(true),
        mtu: Some(gateway.mtu),
        bridge: Some(&external.bridge),
        ..Wanted::default()
    };
    let near = look.check_link(&space, &device, &wanted)?;
    look.check_discipline(&device, &near);
    Some((device, near))
}

/// The router's end of a pair.
fn check_end(
    look: &mut Look<'_>,
    space: &Space,
    router: &RouterConfig,
    device: &Device,
    (mac, mtu): (Mac, u32),
) -> Option<Link> {
    let wanted = Wanted {
        kind: "veth",
        up: Some(router.admin_state_up),
        mac: Some(mac),
        mtu: Some(mtu),
        bridge: None,
    };
    let link = look.check_link(space, device, &wanted)?;
    look.check_discipline(device, &link);
    Some(link)
}

/// What a device is set to on its own, which counts beside the namespace's.
fn check_device_settings(
    look: &mut Look<'_>,
    space: &Space,
    router: &RouterConfig,
    device: &Device,
    addresses: &BTreeSet<IpNet>,
) {
    let name = &device.name;
    let mut wanted = vec![(format!("net/ipv4/conf/{name}/rp_filter"), "0")];
    // With the namespace's forwarding off, that of all devices is; it is named once.
    let namespaces = ["net/ipv4/ip_forward", "net/ipv6/conf/all/forwarding"];
    for (global, own) in namespaces.into_iter().zip(["ipv4", "ipv6"]) {
        if linux::sysctl::read(&space.ns, global).is_ok_and(|value| value == "1") {
            wanted.push((format!("net/{own}/conf/{name}/forwarding"), "1"));
        }
    }
    if addresses.iter().any(|net| net.addr().is_ipv6()) && router.admin_state_up {
        wanted.push((format!("net/ipv6/conf/{name}/disable_ipv6"), "0"));
    }
    look.check_settings(space, &wanted);
}

/// The floating IP that an address is.
pub fn floating_ip(router: &RouterConfig, address: IpAddr) -> Option<FloatingIpId> {
    let whole = router.floating_ips.iter().map(|ip| (ip.floating, ip.id));
    let parts = router
        .forwardings
        .iter()
        .map(|part| (part.floating, part.floating_ip_id));
    let mut all = whole.chain(parts);
    all.find(|(floating, _)| IpAddr::V4(*floating) == address)
        .map(|(_, id)| id)
}

/// The host's own addresses on a provider network, and other routers', with who answers for them.
fn host_addresses(look: &mut Look<'_>, id: NetworkId) -> BTreeMap<IpAddr, Mac> {
    let Some(external) = look.config.externals.get(&id) else {
        return BTreeMap::new();
    };
    let space = look.space(Place::Host);
    let bridge = space.and_then(|space| space.link(&external.bridge)?.mac);
    let own = external
        .host_addresses
        .iter()
        .filter_map(|net| Some((net.addr(), bridge?)));
    let others = look.config.routers.values().filter_map(|router| {
        let gateway = router.gateway.as_ref().filter(|leg| leg.network_id == id)?;
        let floating = nat::floating_addresses(router);
        let nets: Vec<IpAddr> = gateway.addresses.iter().chain(&floating).map(IpNet::addr).collect();
        Some((nets, Mac(gateway.mac.0)))
    });
    let others = others.flat_map(|(nets, mac)| nets.into_iter().map(move |net| (net, mac)));
    own.chain(others).collect()
}

/// Legs that nobody asked for.
fn check_strangers(look: &mut Look<'_>, space: &Space, router: &RouterConfig) {
    let legs = router.legs.iter().map(|leg| router_device(leg.port_id));
    let gateway = router.gateway.iter().map(|leg| gateway_device(leg.port_id));
    let wanted: BTreeSet<String> = legs.chain(gateway).chain(["lo".to_owned()]).collect();
    // The kernel gives some namespaces tunnel devices of its own; these are down.
    let strangers = space
        .links
        .iter()
        .filter(|link| link.up && !wanted.contains(&link.name));
    for link in strangers {
        let device = space.device(&link.name, DeviceRole::Stranger);
        look.note(HostObject::Device(device), State::Unwanted);
    }
}

fn check_routes(look: &mut Look<'_>, space: &Space, router: &RouterConfig, legs: &Legs) {
    let wanted = match router.admin_state_up {
        true => wanted_routes(router),
        false => BTreeSet::new(),
    };
    for (destination, nexthop) in &wanted {
        let there = (space.routes.iter()).any(|route| is_wanted_route(route, *destination, *nexthop));
        // Without the device that it leaves by there can be none, which is told of that.
        let has_way =
            way_out(router, *destination, *nexthop).is_none_or(|device| legs.get(&device).is_some_and(|link| link.up));
        if !there && has_way {
            let object = HostObject::Route {
                place: space.place,
                destination: *destination,
                nexthop: Some(*nexthop),
                drops: false,
            };
            look.note(object, State::Missing);
        }
    }
    let is_stray = |route: &&Route| {
        let is_wanted = |(destination, nexthop): &(IpNet, IpAddr)| is_wanted_route(route, *destination, *nexthop);
        !route.by_kernel && !wanted.iter().any(is_wanted)
    };
    for route in space.routes.iter().filter(is_stray) {
        look.note(route_object(space.place, route), State::Unwanted);
    }
}

/// The name of the device that a route is to leave by, if the configuration tells.
fn way_out(router: &RouterConfig, destination: IpNet, nexthop: IpAddr) -> Option<String> {
    let reaches = |nets: &[IpNet]| nets.iter().any(|net| net.contains(&nexthop));
    let legs = router.legs.iter();
    let leg = legs
        .filter(|leg| reaches(&leg.addresses))
        .map(|leg| router_device(leg.port_id))
        .next();
    let gateway = router.gateway.as_ref();
    let gateway = gateway.filter(|leg| destination.prefix_len() == 0 || reaches(&leg.addresses));
    leg.or_else(|| gateway.map(|leg| gateway_device(leg.port_id)))
}

/// Whether a route is the wanted one.
pub fn is_wanted_route(route: &Route, destination: IpNet, nexthop: IpAddr) -> bool {
    route.destination == destination && route.gateway == Some(nexthop) && route.kind == RouteKind::Unicast
}

/// A route, for a finding.
pub fn route_object(place: Place, route: &Route) -> HostObject {
    HostObject::Route {
        place,
        destination: route.destination,
        nexthop: route.gateway,
        drops: route.kind != RouteKind::Unicast,
    }
}

/// Rules that route packets by other tables than the main one.
fn check_rules(look: &mut Look<'_>, space: &Space) {
    let object = |priority| HostObject::RoutingRule {
        place: space.place,
        priority,
    };
    match Rtnl::open(&space.ns).and_then(|mut nl| nl.rule_priorities()) {
        Ok(priorities) => {
            for priority in priorities.into_iter().filter(|priority| !OWN_RULES.contains(priority)) {
                look.note(object(priority), State::Unwanted);
            }
        }
        Err(error) => look.unreadable(object(0), &error),
    }
}

/// Whom the gateway's device answers neighbours for.
fn check_proxies(look: &mut Look<'_>, space: &Space, router: &RouterConfig) {
    let object = |address| HostObject::NdpProxy {
        router: router.id,
        address,
    };
    let Some(gateway) = &router.gateway else { return };
    // Without its device nobody can answer, which is told of that; the kernel drops them with a device that goes down.
    let Some(link) = space.link(&gateway_device(gateway.port_id)).filter(|link| link.up) else {
        return;
    };
    let none = BTreeSet::new();
    let wanted = ndp::wanted(router).map_or(&none, |(_, proxies)| proxies);
    let listed = match Rtnl::open(&space.ns).and_then(|mut nl| nl.proxies()) {
        Ok(listed) => listed,
        Err(error) => {
            for address in wanted {
                look.unreadable(object(*address), &error);
            }
            return;
        }
    };
    let have: BTreeSet<_> = (listed.iter().filter(|proxy| proxy.link == link.index))
        .filter_map(|proxy| match proxy.address {
            IpAddr::V6(address) => Some(address),
            IpAddr::V4(_) => None,
        })
        .collect();
    for address in wanted.difference(&have) {
        look.note(object(*address), State::Missing);
    }
    for address in have.difference(wanted) {
        look.note(object(*address), State::Unwanted);
    }
}
