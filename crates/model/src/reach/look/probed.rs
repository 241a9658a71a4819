//! The probe that a question comes to, and what its verdict means.

use std::collections::BTreeMap;

use super::super::cause::Code;
use super::super::flow::{Protocol, Start};
use super::super::names::Object;
use super::super::probe::{
    ChainPoint, Delivery, Loss, Place as ProbePlace, ProbeKind, ProbeRequest, ProbeResult, ProbeVerdict, Way as Side,
};
use super::super::programmed::Place as HostPlace;
use super::super::walk::Way;
use super::path::{Path, Spot, host_place};
use super::{Effect, Evidence, HostBlocker, Layer, Source};

/// Tables of the cloud's own in the namespaces of networks and routers.
const OWN_TABLES: [&str; 7] = ["dp", "dpct", "dpl", "dpm", "dpq", "dpr", "dpr6"];

/// The packets to send, from the namespace that is nearest to who asks; `None`: they can't be sent (another IP protocol).
pub fn request(path: &Path<'_>, delivery: Option<Delivery>) -> Option<ProbeRequest> {
    let kind = match path.flow.protocol {
        Protocol::Icmp => ProbeKind::Ping,
        Protocol::Tcp(port) => ProbeKind::Tcp(port),
        Protocol::Udp(port) => ProbeKind::Udp(port),
        Protocol::Other(_) => return None,
    };
    let from = match path.flow.start {
        Start::Outside { .. } | Start::Host => ProbePlace::Host,
        Start::Router(id) => ProbePlace::Router(id),
        Start::Network(id) => ProbePlace::Network(id),
        // Nobody but the guest sends in its name: its network's namespace is beside it.
        Start::Port { id, .. } => ProbePlace::Network(path.port(id)?.network_id),
    };
    let mut places = vec![from];
    for hop in &path.walk.request {
        let place = host_place(&hop.place).and_then(probe_place);
        places.extend(place.filter(|place| places.last() != Some(place)));
    }
    if let Some(end) = delivery.map(|delivery| ProbePlace::Network(delivery.network)) {
        places.extend((places.last() != Some(&end)).then_some(end));
    }
    Some(ProbeRequest {
        from,
        target: path.flow.destination,
        kind,
        delivery,
        path: places,
        patience_ms: None,
    })
}

fn probe_place(place: HostPlace) -> Option<ProbePlace> {
    match place {
        HostPlace::Host => Some(ProbePlace::Host),
        HostPlace::Network(id) => Some(ProbePlace::Network(id)),
        HostPlace::Router(id) => Some(ProbePlace::Router(id)),
        HostPlace::Attached(_) => None,
    }
}

fn place_of(place: ProbePlace) -> HostPlace {
    match place {
        ProbePlace::Host => HostPlace::Host,
        ProbePlace::Network(id) => HostPlace::Network(id),
        ProbePlace::Router(id) => HostPlace::Router(id),
    }
}

/// What stood in the probe's way; `None`: nothing.
pub fn cause(path: &Path<'_>, probe: &ProbeResult) -> Option<HostBlocker> {
    let end = path.walk.arrival.and_then(|_| path.arrival()).map(|(_, port, _)| port);
    let last = || {
        let way = Way::Request;
        let index = path.walk.request.len().saturating_sub(1);
        Spot { way, index }
    };
    let at_port = |port| path.of_port(port).unwrap_or_else(last);
    let at_place = |way, place| in_place(path, way, place).unwrap_or_else(last);
    // Where it arrives, which says more than where the port is met first.
    let target = || (last(), end.map(Object::Port));
    let of_place = |place| super::code::of_place(place_of(place));
    let (code, (spot, object)) = match &probe.verdict {
        ProbeVerdict::Answered { .. } => return None,
        ProbeVerdict::Refused { .. } => (Code::PortClosed, target()),
        ProbeVerdict::AnsweredElsewhere { .. } => (Code::AddressTaken, target()),
        ProbeVerdict::Unreachable { .. } => (Code::UnreachableOnWay, (last(), None)),
        ProbeVerdict::NoNeighbour {
            delivered: Some(true), ..
        } => (
            Code::ArpUnanswered,
            (end.map_or_else(last, at_port), end.map(Object::Port)),
        ),
        ProbeVerdict::NoNeighbour { place, address, .. } => {
            let spot = path
                .resolved(*address)
                .unwrap_or_else(|| at_place(Way::Request, *place));
            (Code::NeighbourFailed, (spot, of_place(*place)))
        }
        ProbeVerdict::SilentAfterDelivery { port } => {
            let code = match path.flow.protocol {
                Protocol::Udp(_) => Code::GuestSilent,
                _ => Code::GuestFirewall,
            };
            let spot = if end == Some(*port) { last() } else { at_port(*port) };
            (code, (spot, Some(Object::Port(*port))))
        }
        ProbeVerdict::LostAt { way, place, loss, port } => {
            let way = match way {
                Side::Request => Way::Request,
                Side::Answer => Way::Reply,
            };
            let spot = port.and_then(|port| path.of_port(port));
            let spot = spot.unwrap_or_else(|| at_place(way, *place));
            let object = port.map(Object::Port).or_else(|| of_place(*place));
            (loss_code(loss), (spot, object))
        }
        ProbeVerdict::NotSent(_) => {
            let place = host_place(&path.walk.request.first()?.place).unwrap_or(HostPlace::Host);
            (Code::LostOnHost, (first(), super::code::of_place(place)))
        }
    };
    Some(HostBlocker {
        code,
        object,
        source: Source::Probed,
        effect: Effect::Stops,
        spot,
        evidence: vec![Evidence::Probe(probe.verdict.clone())],
    })
}

fn first() -> Spot {
    Spot {
        way: Way::Request,
        index: 0,
    }
}

fn loss_code(loss: &Loss) -> Code {
    let is_foreign = |at: &ChainPoint| !OWN_TABLES.contains(&at.table.as_str());
    match loss {
        Loss::Dropped(at) if is_foreign(at) => Code::HostFirewall,
        _ => Code::LostOnHost,
    }
}

/// The last step that a packet takes in a namespace.
fn in_place(path: &Path<'_>, way: Way, place: ProbePlace) -> Option<Spot> {
    let here = path
        .hops()
        .filter(|(spot, hop)| spot.way == way && host_place(&hop.place) == Some(place_of(place)));
    here.last().map(|(spot, _)| spot)
}

/// What the probe's packets showed of each step.
pub fn layers(path: &Path<'_>, probe: &ProbeResult, layers: &mut BTreeMap<Spot, Layer>) {
    let answered = matches!(probe.verdict, ProbeVerdict::Answered { .. });
    let stopped = cause(path, probe).map(|cause| cause.spot);
    let passed = |spot: Spot, place: Option<HostPlace>| {
        let steps = match spot.way {
            Way::Request => &probe.request,
            Way::Reply => &probe.answer,
        };
        let seen = steps.iter().any(|step| Some(place_of(step.place)) == place);
        let delivered = spot.way == Way::Request && probe.delivered.is_some_and(|count| count > 0);
        answered || seen || delivered
    };
    for (spot, hop) in path.hops() {
        if stopped == Some(spot) {
            layers.insert(spot, Layer::Differs);
        } else if stopped.is_none_or(|stop| spot < stop) && passed(spot, host_place(&hop.place)) {
            layers.insert(spot, Layer::Agrees);
        }
    }
}
