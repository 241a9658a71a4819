//! A router's translation of IPv4: floating IPs, port forwardings, the metadata service, SNAT. A translation is made once,
//! for the first packet of a flow; conntrack repeats it, and reverses it for answers.

use std::net::{IpAddr, Ipv4Addr};

use ipnet::IpNet;

use super::bridge::METADATA;
use super::hop::{Event, Place, Translation};
use super::router::METADATA_PORT;
use super::tracking::{Found, State};
use super::walker::Walker;
use crate::PortId;
use crate::host::{ForwardingConfig, GatewayLeg, RouterConfig};
use crate::reach::flow::{Packet, protocol};

/// What a router's conntrack knows of a packet.
#[derive(Debug, Clone, Copy)]
pub struct Tracked {
    pub state: State,
    /// Whether the destination of the flow's first packet was translated.
    pub is_dnat: bool,
    found: Option<Found>,
}

impl Walker<'_> {
    /// Before the routes are asked: translates the destination. `by` is the router's port that the packet came by, none if
    /// the router itself sends it.
    pub fn translate_destination(&mut self, router: &RouterConfig, by: Option<PortId>) -> Tracked {
        let place = Place::Router(router.id);
        if self.packet.destination.is_ipv6() {
            // Nothing of IPv6 is translated, nor does any rule look at its state.
            return Tracked {
                state: State::Untracked,
                is_dnat: false,
                found: None,
            };
        }
        let (packet, way) = (self.packet, self.way);
        let (state, found) = self.tracking.see(place, &packet, way);
        let mut is_dnat = false;
        match found {
            Some(Found::Back(index)) => {
                if let Some(entry) = self.tracking.entry(place, index) {
                    is_dnat = entry.is_dnat;
                    let after = with_destination(packet, &entry.original.answer());
                    self.change(place, Event::Translated(Translation::Back(router.id)), after);
                }
            }
            Some(Found::Forth(index)) => {
                let target = target(router, by, &packet);
                if let (Some((after, translation)), Some(entry)) = (target, self.tracking.entry(place, index)) {
                    entry.is_dnat = true;
                    entry.translated = with_destination(entry.translated, &after);
                    is_dnat = true;
                    self.change(place, Event::Translated(translation), after);
                }
            }
            None => {}
        }
        Tracked { state, is_dnat, found }
    }

    /// Behind the routes: gives an answer the source that was asked.
    pub fn translate_back(&mut self, router: &RouterConfig, tracked: Tracked) {
        let Some(Found::Back(index)) = tracked.found else {
            return;
        };
        let place = Place::Router(router.id);
        if let Some(after) = self.tracking.entry(place, index).map(|entry| entry.original.answer()) {
            self.change(place, Event::Translated(Translation::Back(router.id)), after);
        }
    }

    /// Behind the routes: translates the source. `out` is the router's port that the packet leaves by.
    pub fn translate_source(&mut self, router: &RouterConfig, out: PortId, tracked: Tracked) {
        let place = Place::Router(router.id);
        match tracked.found {
            Some(Found::Back(_)) => self.translate_back(router, tracked),
            Some(Found::Forth(index)) => {
                let packet = self.packet;
                let Some(entry) = self.tracking.entry(place, index) else {
                    return;
                };
                let source = match entry.is_settled {
                    true => None,
                    false => source(router, out, tracked.is_dnat, &packet),
                };
                let after = match source {
                    Some((address, _)) => Packet {
                        source: address,
                        ..packet
                    },
                    None => Packet {
                        source: entry.translated.source,
                        ..packet
                    },
                };
                entry.is_settled = true;
                entry.translated = after;
                let translation = source.map_or(Translation::Snat(router.id), |(_, translation)| translation);
                self.change(place, Event::Translated(translation), after);
            }
            None => {}
        }
    }
}

/// The packet with the destination of another.
fn with_destination(packet: Packet, other: &Packet) -> Packet {
    Packet {
        destination: other.destination,
        ports: packet
            .ports
            .map(|(source, port)| (source, other.destination_port().unwrap_or(port))),
        ..packet
    }
}

/// Where a new flow is translated to, if it is: chains `pre` and, for what the router itself sends, `out`.
fn target(router: &RouterConfig, by: Option<PortId>, packet: &Packet) -> Option<(Packet, Translation)> {
    let IpAddr::V4(destination) = packet.destination else {
        return None;
    };
    let to = |address: Ipv4Addr, port: Option<u16>| Packet {
        destination: address.into(),
        ports: packet.ports.map(|(source, own)| (source, port.unwrap_or(own))),
        ..*packet
    };
    let leg = router.legs.iter().find(|leg| Some(leg.port_id) == by);
    if let Some(leg) = leg
        && packet.destination == METADATA[0]
        && (packet.protocol, packet.destination_port()) == (protocol::TCP, Some(80))
    {
        let mut own = leg.addresses.iter().map(IpNet::addr);
        let own = own.find_map(|address| match address {
            IpAddr::V4(address) => Some(address),
            IpAddr::V6(_) => None,
        })?;
        return Some((to(own, Some(METADATA_PORT)), Translation::Metadata(router.id)));
    }
    if let Some(ip) = router.floating_ips.iter().find(|ip| ip.floating == destination) {
        return Some((to(ip.fixed, None), Translation::FloatingIp(ip.id)));
    }
    let port = packet.destination_port()?;
    let fits = |each: &&ForwardingConfig| {
        let (first, last) = each.external;
        each.floating == destination && each.protocol == packet.protocol && (first..=last).contains(&port)
    };
    let forwarding = router.forwardings.iter().find(fits)?;
    let step = match forwarding.internal {
        (first, last) if first == last => 0,
        _ => port - forwarding.external.0,
    };
    let inner = forwarding.internal.0.saturating_add(step);
    Some((
        to(forwarding.fixed, Some(inner)),
        Translation::PortForwarding(forwarding.floating_ip_id),
    ))
}

/// Under which source address a new flow leaves by a port of the router, if under another one: chain `post`.
fn source(router: &RouterConfig, out: PortId, is_dnat: bool, packet: &Packet) -> Option<(IpAddr, Translation)> {
    let gateway = router.gateway.as_ref()?;
    let is_outward = gateway.port_id == out;
    let inside = || {
        let mut nets = router.legs.iter().flat_map(|leg| &leg.addresses);
        nets.any(|net| net.contains(&packet.source))
    };
    if !(is_outward || is_dnat && inside()) {
        return None;
    }
    if let Some(ip) = router
        .floating_ips
        .iter()
        .find(|ip| IpAddr::V4(ip.fixed) == packet.source)
    {
        return Some((ip.floating.into(), Translation::FromFloatingIp(ip.id)));
    }
    let own = snat_address(gateway)?;
    let untranslated = is_outward && super::router::is_in_gateways_scope(router, packet.source);
    (!untranslated).then_some((own.into(), Translation::Snat(router.id)))
}

/// The address that servers without a floating IP leave under.
pub fn snat_address(gateway: &GatewayLeg) -> Option<Ipv4Addr> {
    let first = gateway.addresses.iter().find_map(|net| match net.addr() {
        IpAddr::V4(address) => Some(address),
        IpAddr::V6(_) => None,
    });
    first.filter(|_| gateway.enable_snat)
}
