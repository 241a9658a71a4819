//! Self-service networks: their namespaces, their bridges, what is on them.

use std::collections::BTreeMap;
use std::net::IpAddr;

use linux::Mac;
use linux::netlink::{Link, Rtnl};
use model::PortId;
use model::host::NetworkConfig;
use model::reach::{Device, DeviceRole, HostObject, HostPlace as Place, Property, State};

use super::look::{Look, Space, Wanted};
use super::port;
use crate::network::names::{BRIDGE, beside_ifb, is_tap_device, tap_device};
use crate::network::tenant::{SETTINGS, mac_of_bridge, service_addresses};

/// Compares a network with what it should be, and those of its ports that are in the scope.
pub fn check(look: &mut Look<'_>, network: &NetworkConfig) {
    let Some(space) = look.space(Place::Network(network.id)) else {
        return;
    };
    look.check_settings(&space, &SETTINGS);
    check_loopback(look, &space);
    let bridge = check_bridge(look, &space, network);
    let ports: Vec<PortId> = look.scope.ports.iter().copied().collect();
    for port in ports.iter().filter_map(|id| network.ports.get(id)) {
        port::check(look, &space, network, port);
    }
    if look.scope.networks.contains(&network.id) {
        check_strangers(look, &space, network, bridge.as_ref());
    }
    if let Some(bridge) = bridge {
        check_entries(look, &space, network, &bridge);
    }
}

/// The loopback device, by which the services of a namespace reach each other.
pub fn check_loopback(look: &mut Look<'_>, space: &Space) {
    let device = space.device("lo", DeviceRole::Loopback);
    let wanted = Wanted {
        up: Some(true),
        ..Wanted::default()
    };
    look.check_link(space, &device, &wanted);
}

fn check_bridge(look: &mut Look<'_>, space: &Space, network: &NetworkConfig) -> Option<Link> {
    let device = space.device(BRIDGE, DeviceRole::NetworkBridge(network.id));
    let wanted = Wanted {
        kind: "bridge",
        up: Some(true),
        mac: Some(mac_of_bridge(network)),
        mtu: Some(network.mtu),
        ..Wanted::default()
    };
    let link = look.check_link(space, &device, &wanted)?;
    look.check_discipline(&device, &link);
    let addresses = service_addresses(network);
    look.check_addresses(space, (&device, &link), &addresses, true, |_| None);
    if addresses.iter().any(|net| net.addr().is_ipv6()) {
        look.check_settings(space, &[(format!("net/ipv6/conf/{BRIDGE}/disable_ipv6"), "0")]);
    }
    let owners = owners(network);
    look.check_neighbours(space, (&device, &link), |address| owners.get(&address).copied());
    Some(link)
}

/// Whose Ethernet address belongs to an address of a network's ports.
pub fn owners(network: &NetworkConfig) -> BTreeMap<IpAddr, Mac> {
    let ports = network.ports.values();
    let of_ports = ports.flat_map(|port| port.fixed_ips.iter().map(|ip| (ip.address.addr(), Mac(port.mac.0))));
    let service = network.service_port.iter();
    let of_service = service.flat_map(|port| port.addresses.iter().map(|net| (net.addr(), Mac(port.mac.0))));
    of_ports.chain(of_service).collect()
}

/// Devices on the bridge that nobody asked for, and taps and their intermediate devices of no port.
fn check_strangers(look: &mut Look<'_>, space: &Space, network: &NetworkConfig, bridge: Option<&Link>) {
    let names: BTreeMap<String, PortId> = network.ports.keys().map(|id| (tap_device(*id), *id)).collect();
    let is_strange = |link: &&Link| {
        let is_ours = names.contains_key(&link.name);
        let on_bridge = bridge.is_some_and(|bridge| link.master == Some(bridge.index));
        let beside_nothing = beside_ifb(&link.name).is_some_and(|tap| !names.contains_key(&tap));
        (!is_ours && (on_bridge || is_tap_device(&link.name))) || beside_nothing
    };
    let strangers: Vec<Device> = (space.links.iter().filter(is_strange))
        .map(|link| space.device(&link.name, DeviceRole::Stranger))
        .collect();
    for device in strangers {
        look.note(HostObject::Device(device), State::Unwanted);
    }
}

/// What the bridge was told by hand of ports in the scope: it then sends elsewhere what is for them, or keeps it.
fn check_entries(look: &mut Look<'_>, space: &Space, network: &NetworkConfig, bridge: &Link) {
    let entries = match Rtnl::open(&space.ns).and_then(|mut nl| nl.bridge_entries()) {
        Ok(entries) => entries,
        Err(error) => {
            let device = space.device(BRIDGE, DeviceRole::NetworkBridge(network.id));
            let property = Property::Learning;
            return look.unreadable(HostObject::Property { device, property }, &error);
        }
    };
    let ports: Vec<PortId> = look.scope.ports.iter().copied().collect();
    for port in ports.iter().filter_map(|id| network.ports.get(id)) {
        let of_port = |mac: Mac| mac == Mac(port.mac.0);
        let own = tap_device(port.id);
        for entry in entries
            .iter()
            .filter(|entry| entry.by_hand && entry.bridge == bridge.index && of_port(entry.mac))
        {
            let have = space.name_of(entry.link);
            if have != own {
                let object = HostObject::BridgeEntry {
                    network: network.id,
                    port: port.id,
                };
                look.differs(object, &own, have);
            }
        }
    }
}
