//! The sockets that DHCP, DNS, the metadata service and router advertisements wait at.

use std::collections::BTreeSet;
use std::net::IpAddr;

use linux::sockets::{self, Listeners, Protocol};
use model::host::{NetworkConfig, RouterConfig};
use model::reach::{HostObject, HostPlace as Place, Service, State};

use super::look::{Look, Space};
use crate::network::names::{BRIDGE, router_device};
use crate::network::nat::METADATA_PORT;
use crate::services::{WATCHED_FRAMES, advertises, expected};

/// ICMPv6's protocol number, which raw sockets have for a port.
const ICMPV6: u16 = 58;

/// Compares who listens in a network's namespace with who should.
pub fn check_network(look: &mut Look<'_>, network: &NetworkConfig) {
    let place = Place::Network(network.id);
    let Some(space) = look.space(place) else { return };
    let plan = expected(network);
    let Some(listeners) = read(look, &space, Service::Metadata) else {
        return;
    };
    let bridge = space.link(BRIDGE).map(|link| link.index);
    // A socket of a device that is gone hears nothing more, and is told so by this one.
    // Without a bridge nobody asks, which is told of that.
    let hears = bridge.is_none_or(|index| watches(&listeners, index));
    let mut missing = BTreeSet::new();
    for (wanted, port, service) in [(plan.dhcp4, 67, Service::Dhcp), (plan.dhcp6, 547, Service::Dhcpv6)] {
        if wanted && !(hears && waits(&listeners, Protocol::Udp, None, port)) {
            missing.insert(service);
        }
    }
    for address in plan.dns {
        for (protocol, service) in [
            (Protocol::Udp, Service::Dns(address)),
            (Protocol::Tcp, Service::DnsOverTcp(address)),
        ] {
            if !waits(&listeners, protocol, Some(address), 53) {
                missing.insert(service);
            }
        }
    }
    if !waits(&listeners, Protocol::Tcp, None, 80) {
        missing.insert(Service::Metadata);
    }
    note(look, place, missing);
}

/// Compares who listens in a router's namespace with who should.
pub fn check_router(look: &mut Look<'_>, router: &RouterConfig) {
    let place = Place::Router(router.id);
    let Some(space) = look.space(place) else { return };
    let Some(listeners) = read(look, &space, Service::Metadata) else {
        return;
    };
    let mut missing = BTreeSet::new();
    if !waits(&listeners, Protocol::Tcp, None, METADATA_PORT) {
        missing.insert(Service::Metadata);
    }
    let hears_solicitations = waits(&listeners, Protocol::Raw, None, ICMPV6);
    for leg in router
        .legs
        .iter()
        .filter(|leg| router.admin_state_up && advertises(leg))
    {
        // A device that is missing is told of itself; one that is down has lost its sockets.
        let Some(link) = space.link(&router_device(leg.port_id)) else {
            continue;
        };
        if !(hears_solicitations && watches(&listeners, link.index)) {
            missing.insert(Service::Advertisements(leg.port_id));
        }
    }
    note(look, place, missing);
}

fn read(look: &mut Look<'_>, space: &Space, service: Service) -> Option<Listeners> {
    match sockets::listeners(&space.ns) {
        Ok(listeners) => Some(listeners),
        Err(error) => {
            let place = space.place;
            look.unreadable(HostObject::Service { place, service }, &error);
            None
        }
    }
}

fn note(look: &mut Look<'_>, place: Place, missing: BTreeSet<Service>) {
    for service in missing {
        look.note(HostObject::Service { place, service }, State::Missing);
    }
}

/// Whether somebody waits at a port; `address`: at this one, or at all.
fn waits(listeners: &Listeners, protocol: Protocol, address: Option<IpAddr>, port: u16) -> bool {
    listeners.listeners.iter().any(|listener| {
        let fits = address.is_none_or(|address| listener.address == address || listener.address.is_unspecified());
        listener.protocol == protocol && listener.port == port && fits
    })
}

/// Whether the services watch a device.
fn watches(listeners: &Listeners, device: u32) -> bool {
    listeners.packet.contains(&(WATCHED_FRAMES, device))
}
