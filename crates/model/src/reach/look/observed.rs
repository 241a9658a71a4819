//! What was seen on the host, laid beside a question's packets.

use std::collections::{BTreeMap, BTreeSet};

use super::super::cause::Code;
use super::super::flow::{Packet, Protocol};
use super::super::names::Object;
use super::super::observed::{ConsoleSign, DhcpExchange, DhcpStep, NeighbourSeen, NeighbourState, Observed, SignKind};
use super::super::programmed::Place as HostPlace;
use super::super::walk::{End, Event, Hop, Neighbour};
use super::path::{Path, Spot, host_place};
use super::{Effect, Evidence, HostBlocker, Layer, Source};
use crate::{PortId, ServerId};

/// What stands in the way by what was seen.
pub fn causes(path: &Path<'_>, seen: &Observed) -> Vec<HostBlocker> {
    let mut found = Vec::new();
    neighbours(path, seen, &mut found);
    for entry in seen.bridge_entries.iter().filter(|entry| !entry.is_own) {
        if let Some(spot) = path.of_port(entry.port) {
            let object = Some(Object::Port(entry.port));
            let evidence = Evidence::BridgeEntry(entry.clone());
            found.push(cause(Code::BridgeFdbWrong, spot, Effect::MayStop, object, evidence));
        }
    }
    for (place, fill) in &seen.flow_tables {
        let is_full = fill.limit > 0 && fill.entries >= fill.limit;
        if let Some(spot) = path.at(*place).filter(|_| is_full) {
            let (object, evidence) = (super::code::of_place(*place), Evidence::FlowTable(*fill));
            found.push(cause(Code::ConntrackFull, spot, Effect::Stops, object, evidence));
        }
    }
    if let Some(End::Port { port, .. }) = path.walk.arrival {
        guest(path, seen, port, &mut found);
    }
    found
}

fn cause(code: Code, spot: Spot, effect: Effect, object: Option<Object>, evidence: Evidence) -> HostBlocker {
    HostBlocker {
        code,
        object,
        source: Source::Observed,
        effect,
        spot,
        evidence: vec![evidence],
    }
}

/// Whoever was asked for on a link and did not answer, and who answers instead of the one that should.
fn neighbours(path: &Path<'_>, seen: &Observed, found: &mut Vec<HostBlocker>) {
    let mut told = BTreeSet::new();
    for (spot, hop) in path.hops() {
        let Event::NeighbourResolution { address, neighbour } = hop.event else {
            continue;
        };
        let Some(near) = asked_by(path, spot).and_then(|place| entry(seen, place, address)) else {
            continue;
        };
        let right = match neighbour {
            Some(Neighbour::Port(port)) => path.port(port).map(|port| port.mac),
            _ => None,
        };
        let object = neighbour.and_then(object_of);
        let code = match near.state {
            NeighbourState::Failed | NeighbourState::Incomplete if near.mac.is_none() => Code::NeighbourFailed,
            // What somebody set by hand, a look finds.
            NeighbourState::Permanent => continue,
            _ if right.is_some() && near.mac.is_some() && near.mac != right => Code::AddressTaken,
            _ => continue,
        };
        if told.insert((code, address)) {
            let evidence = Evidence::Neighbour(near.clone());
            found.push(cause(code, spot, Effect::MayStop, object, evidence));
        }
    }
}

/// The namespace that asks a link for a neighbour: the one that the packet was in before it came to the link, or the link's own.
fn asked_by(path: &Path<'_>, spot: Spot) -> Option<HostPlace> {
    let (_, link) = path.hops().find(|(other, _)| *other == spot)?;
    let before = path
        .hops()
        .filter(|(other, hop)| other.way == spot.way && other.index < spot.index && hop.place != link.place);
    let (_, sender) = before.last().unwrap_or((spot, link));
    host_place(&sender.place)
}

fn entry(seen: &Observed, place: HostPlace, address: std::net::IpAddr) -> Option<&NeighbourSeen> {
    let mut neighbours = seen.neighbours.iter();
    neighbours.find(|each| each.place == place && each.address == address)
}

fn object_of(neighbour: Neighbour) -> Option<Object> {
    match neighbour {
        Neighbour::Port(port) => Some(Object::Port(port)),
        Neighbour::Router { router, .. } => Some(Object::Router(router)),
        Neighbour::Services(network) => Some(Object::Network(network)),
        Neighbour::Host | Neighbour::Outside(_) => None,
    }
}

/// What the guest at the end of the way asked for, printed, and sent.
fn guest(path: &Path<'_>, seen: &Observed, port: PortId, found: &mut Vec<HostBlocker>) {
    let Some(spot) = path.of_port(port) else { return };
    let server = path.server_of(port);
    let signs = server
        .and_then(|server| seen.consoles.get(&server))
        .map_or(&[][..], Vec::as_slice);
    let of_server = |code, effect, sign: &ConsoleSign| {
        let object = server.map(Object::Server);
        cause(code, spot, effect, object, Evidence::Console(sign.clone()))
    };
    let boot = boot_trouble(signs);
    found.extend(boot.map(|(code, effect, sign)| of_server(code, effect, sign)));
    if let Some(lease) = lease_trouble(path, seen, port, signs) {
        let (code, evidence) = lease;
        found.push(cause(code, spot, Effect::MayStop, Some(Object::Port(port)), evidence));
    }
    if boot.is_none() && server.is_some() && never_spoke(seen, port) {
        let evidence = Evidence::NeverSent;
        found.push(cause(
            Code::GuestSilent,
            spot,
            Effect::MayStop,
            Some(Object::Port(port)),
            evidence,
        ));
    }
    if let (Protocol::Tcp(22), Some(server)) = (path.flow.protocol, server) {
        found.extend(login_trouble(seen, port, (server, spot), signs));
    }
}

/// Whether its device has carried packets to the guest, and never one from it.
fn never_spoke(seen: &Observed, port: PortId) -> bool {
    use super::super::programmed::DeviceRole;
    let mut devices = seen.devices.iter();
    let counted = devices.find(|each| each.device.role == DeviceRole::Port(port));
    counted.is_some_and(|each| each.figures.sent.packets == 0 && each.figures.received.packets > 0)
}

/// How far the last start of the guest came, if not far enough.
fn boot_trouble(signs: &[ConsoleSign]) -> Option<(Code, Effect, &ConsoleSign)> {
    let at = |kind| signs.iter().rposition(|sign| sign.kind == kind);
    if let Some(place) = at(SignKind::KernelPanic) {
        return Some((Code::KernelPanic, Effect::Stops, &signs[place]));
    }
    let started = at(SignKind::KernelStarted);
    if let Some(place) = at(SignKind::NoBootDisk).filter(|place| started.is_none_or(|started| started < *place)) {
        return Some((Code::NoBootDisk, Effect::Stops, &signs[place]));
    }
    // Whatever a guest prints after its kernel's first line says that it has come that far.
    let only_started = signs.iter().all(|sign| sign.kind == SignKind::KernelStarted);
    let place = started.filter(|_| only_started)?;
    Some((Code::GuestStillBooting, Effect::MayStop, &signs[place]))
}

/// Why the guest may have no address.
fn lease_trouble(path: &Path<'_>, seen: &Observed, port: PortId, signs: &[ConsoleSign]) -> Option<(Code, Evidence)> {
    let of_version = |exchange: &&DhcpExchange| {
        let is_v6 = matches!(exchange.step, DhcpStep::Dhcpv6Query | DhcpStep::Dhcpv6Reply);
        is_v6 != path.is_v4()
    };
    let records = seen.guests.get(&port);
    let last = records.and_then(|records| records.dhcp.iter().rfind(of_version));
    match last.map(|exchange| exchange.step) {
        Some(DhcpStep::Ack | DhcpStep::Dhcpv6Reply | DhcpStep::Inform) => return None,
        Some(DhcpStep::Nak | DhcpStep::Decline) => {
            return last.map(|exchange| (Code::WrongAddressInGuest, Evidence::Dhcp(exchange.clone())));
        }
        Some(DhcpStep::Release) => {
            return last.map(|exchange| (Code::DhcpNoLease, Evidence::Dhcp(exchange.clone())));
        }
        Some(_) | None => {}
    }
    let at = |kind| signs.iter().rposition(|sign| sign.kind == kind);
    let (failed, got) = (at(SignKind::DhcpFailed), at(SignKind::DhcpLease));
    if path.is_v4()
        && let Some(place) = failed.filter(|failed| got.is_none_or(|got| got < *failed))
    {
        return Some((Code::DhcpNoLease, Evidence::Console(signs[place].clone())));
    }
    // It asked, and nothing was agreed upon.
    last.map(|exchange| (Code::DhcpNoLease, Evidence::Dhcp(exchange.clone())))
}

/// Why nobody may be able to log in by a key.
fn login_trouble(
    seen: &Observed,
    port: PortId,
    (server, spot): (ServerId, Spot),
    signs: &[ConsoleSign],
) -> Vec<HostBlocker> {
    let object = Some(Object::Server(server));
    let at = |kind| signs.iter().rposition(|sign| sign.kind == kind);
    let records = seen.guests.get(&port);
    let fetched = records.is_some_and(|records| records.metadata.iter().any(|request| request.status == 200));
    let mut found = Vec::new();
    let mut note = |code, evidence| found.push(cause(code, spot, Effect::MayStop, object, evidence));
    if let Some(place) = at(SignKind::MetadataFailed).filter(|_| !fetched) {
        note(Code::MetadataNotFetched, Evidence::Console(signs[place].clone()));
    }
    let (none, some) = (at(SignKind::NoAuthorizedKey), at(SignKind::AuthorizedKeys));
    match records.and_then(|records| records.keys.as_ref()) {
        Some(keys) if keys.names.is_empty() => note(Code::KeyNotDelivered, Evidence::Keys(keys.clone())),
        _ => {
            if let Some(place) = none.filter(|none| some.is_none_or(|some| some < *none)) {
                note(Code::KeyNotDelivered, Evidence::Console(signs[place].clone()));
            }
        }
    }
    found
}

/// What was seen of each step.
pub fn layers(path: &Path<'_>, seen: &Observed, layers: &mut BTreeMap<Spot, Layer>) {
    for (spot, hop) in path.hops() {
        let answered = host_place(&hop.place).is_some_and(|place| flow_answered(seen, place, hop));
        let known = match hop.event {
            Event::NeighbourResolution { address, .. } => {
                let near = asked_by(path, spot).and_then(|place| entry(seen, place, address));
                near.is_some_and(|near| near.mac.is_some() && near.state != NeighbourState::Failed)
            }
            _ => false,
        };
        if answered || known {
            layers.insert(spot, Layer::Agrees);
        }
    }
}

/// Whether a flow like the packet's was tracked there, and answered.
fn flow_answered(seen: &Observed, place: HostPlace, hop: &Hop) -> bool {
    let is_of = |packet: &Packet| {
        let port = packet.destination_port();
        seen.flows.iter().any(|flow| {
            let there = flow.destination == (packet.destination, port);
            let back = flow.answered_by == (packet.source, packet.ports.map(|(source, _)| source));
            let ends = there || back || flow.answered_by == (packet.destination, port);
            flow.place == place && flow.protocol == packet.protocol && flow.answered && ends
        })
    };
    is_of(&hop.before)
}
