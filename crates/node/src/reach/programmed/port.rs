//! The devices of single ports.

use linux::netlink::{Link, Rtnl};
use linux::{Mac, Netns};
use model::PortId;
use model::host::{DesiredPower, NetworkConfig, PortBinding, PortConfig};
use model::reach::{Device, DeviceRole, HostObject, HostPlace as Place, Property, State};

use super::look::{Look, Space, Wanted};
use super::queues;
use crate::network::names::{BRIDGE, tap_device, trunk_device};

/// Compares a port's device with what it should be. A router's leg is looked at with its router, too, for its other end.
pub fn check(look: &mut Look<'_>, space: &Space, network: &NetworkConfig, port: &PortConfig) {
    let device = space.device(&tap_device(port.id), DeviceRole::Port(port.id));
    let is_tap = matches!(port.binding, PortBinding::Server(_));
    // The end of a router's leg is up whatever the port; the router's own end is not.
    let up = port.admin_state_up || matches!(port.binding, PortBinding::Router(_));
    let wanted = Wanted {
        kind: if is_tap { "tun" } else { "veth" },
        up: Some(up),
        mac: None,
        mtu: Some(network.mtu),
        bridge: Some(BRIDGE),
    };
    let Some(link) = look.check_link(space, &device, &wanted) else {
        return;
    };
    queues::check(look, space, port, (&device, &link), network.mtu);
    match &port.binding {
        PortBinding::Server(server) => {
            let runs = |power: DesiredPower| matches!(power, DesiredPower::On | DesiredPower::Paused);
            let server = look.config.servers.get(server).filter(|server| runs(server.power));
            let is_nic = server.is_some_and(|server| server.nics.iter().any(|nic| nic.port_id == port.id));
            if is_nic && link.up && !link.carrier {
                look.property_differs(&device, Property::Held, "held by a QEMU", "held by nobody");
            }
        }
        PortBinding::Namespace { netns, ifname } => check_attached(look, port, (&device, &link), (netns, ifname)),
        PortBinding::Trunk(_) => check_subport(look, network, port, (&device, &link)),
        PortBinding::Router(_) => {}
    }
}

/// The other end of the pair of a port in a foreign namespace: whose address it has; the rest is its owner's business.
fn check_attached(look: &mut Look<'_>, port: &PortConfig, near: (&Device, &Link), (netns, ifname): (&str, &str)) {
    let place = Place::Attached(port.id);
    if !Netns::exists(netns) {
        return look.note(HostObject::Namespace(place), State::Missing);
    }
    let found = Netns::open(netns).and_then(|ns| Rtnl::open(&ns)?.find_link(ifname));
    let device = Device {
        place,
        name: ifname.to_owned(),
        role: DeviceRole::Attached(port.id),
    };
    let far = match found {
        Ok(Some(far)) => far,
        Ok(None) => return look.note(HostObject::Device(device), State::Missing),
        Err(error) => return look.unreadable(HostObject::Device(device), &error),
    };
    let mac = Mac(port.mac.0);
    if far.mac != Some(mac) {
        let have = far.mac.map_or_else(|| "none".to_owned(), |mac| mac.to_string());
        look.property_differs(&device, Property::Mac, mac, have);
    }
    check_pair(look, near, &far);
}

/// Whether one end of a pair leads to the other.
pub fn check_pair(look: &mut Look<'_>, (device, near): (&Device, &Link), far: &Link) {
    if near.peer != Some(far.index) {
        let have = near
            .peer
            .map_or_else(|| "nothing".to_owned(), |index| format!("device {index}"));
        look.property_differs(
            device,
            Property::Peer,
            format!("{} (device {})", far.name, far.index),
            have,
        );
    }
}

/// A trunk's subport: its end beside the parent's tap, and the programs that tag and untag.
fn check_subport(look: &mut Look<'_>, network: &NetworkConfig, port: &PortConfig, near: (&Device, &Link)) {
    let PortBinding::Trunk(id) = port.binding else { return };
    let Some(trunk) = look.config.trunks.get(&id) else {
        return;
    };
    let subport = trunk.subports.iter().find(|(_, subport)| subport.port_id == port.id);
    let Some((vlan, _)) = subport else { return };
    let Some(space) = look.space(Place::Network(trunk.network_id)) else {
        return;
    };
    let device = space.device(&trunk_device(port.id), DeviceRole::TrunkEnd(port.id));
    let wanted = Wanted {
        kind: "veth",
        up: Some(true),
        mtu: Some(network.mtu),
        ..Wanted::default()
    };
    let Some(far) = look.check_link(&space, &device, &wanted) else {
        return;
    };
    if let Some(bridge) = far.master {
        look.property_differs(&device, Property::Bridge, "none", space.name_of(bridge));
    }
    check_pair(look, near, &far);
    queues::check_tagging(look, &space, (&device, &far), *vlan, parent_index(&space, trunk.parent));
}

fn parent_index(space: &Space, parent: PortId) -> Option<u32> {
    space.link(&tap_device(parent)).map(|link| link.index)
}
