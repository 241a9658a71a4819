//! What a finding does to a question's packets: which step it belongs to, and whether they stop there.

use super::super::cause::Code;
use super::super::programmed::{DeviceRole, Finding, HostObject, Place as HostPlace, Property, RuleOwner, State};
use super::super::walk::{End, Event};
use super::Effect;
use super::path::{Path, Spot};
use crate::Cloud;
use crate::reach::flow::Start;

/// What decides beside the path.
pub struct Around<'a> {
    pub cloud: &'a Cloud,
    /// Whether the host shows what crosses its bridges to its rules for IP.
    pub filters_bridges: bool,
}

/// Where the packets meet it, and what it does to them; `None`: they don't.
pub fn meets(path: &Path<'_>, around: &Around<'_>, finding: &Finding, code: Code) -> Option<(Spot, Effect)> {
    let spot = spot(path, around, finding)?;
    let effect = match is_of_other_version(path, &finding.object) {
        true => Effect::Beside,
        false => effect(path, finding, code),
    };
    Some((spot, effect))
}

fn spot(path: &Path<'_>, around: &Around<'_>, finding: &Finding) -> Option<Spot> {
    match &finding.object {
        HostObject::Namespace(place)
        | HostObject::Setting { place, .. }
        | HostObject::RoutingRule { place, .. }
        | HostObject::Service { place, .. }
        | HostObject::FlowTable(place) => path.at(*place),
        HostObject::Route { place, destination, .. } => path.routed(*place, *destination),
        HostObject::Device(device) | HostObject::Property { device, .. } => path.of_device(device),
        HostObject::Address { device, address, .. } if finding.state == State::Unwanted => {
            path.of_device(device).and(path.with_address(address.addr()))
        }
        HostObject::Address {
            device,
            address,
            floating_ip,
        } => match (floating_ip, device.role) {
            (Some(_), _) => path.with_address(address.addr()),
            (None, DeviceRole::ExternalBridge(_)) => path.find(|hop| hop.place == super::super::walk::Place::Host),
            (None, _) => path.of_device(device),
        },
        HostObject::Table(table) => path.at(table.place),
        HostObject::Chain { table, owner, .. }
        | HostObject::Rule { table, owner, .. }
        | HostObject::RuleOrder { table, owner, .. }
        | HostObject::Set { table, owner, .. }
        | HostObject::Element { table, owner, .. }
        | HostObject::Counter { table, owner, .. } => of_owner(path, around, *owner, table.place),
        HostObject::ForeignChain { table, hook, .. } => foreign(path, around, table.place, hook),
        HostObject::NdpProxy { address, .. } => path.with_address((*address).into()),
        HostObject::Neighbour { device, address } => {
            path.resolved(*address).filter(|_| path.at(device.place).is_some())
        }
        HostObject::BridgeEntry { port, .. } | HostObject::BandwidthLimit { port, .. } => path.of_port(*port),
        HostObject::Process(server) => path.of_server(*server),
        HostObject::NeighbourTable(version) => path
            .find(|hop| matches!(hop.event, Event::NeighbourResolution { .. }))
            .filter(|_| (*version == 4) == path.is_v4()),
    }
}

fn of_owner(path: &Path<'_>, around: &Around<'_>, owner: RuleOwner, place: HostPlace) -> Option<Spot> {
    let has_group = |group| {
        path.judged(|port| {
            path.port(port)
                .is_some_and(|port| port.security_groups.contains(&group))
        })
    };
    match owner {
        RuleOwner::Port(port) => path.of_port(port),
        RuleOwner::Rule(rule) => path.granted(rule).or_else(|| {
            let row = around.cloud.security_group_rules.get(&rule)?;
            has_group(row.security_group_id)
        }),
        RuleOwner::Group(group) => has_group(group),
        RuleOwner::FloatingIp(id) | RuleOwner::Forwarding(id) => path.translated(id),
        RuleOwner::Gateway(_) => path.masqueraded(),
        RuleOwner::Limit(address) => path.with_address(address.into()),
        RuleOwner::NdpProxy(address) => path.with_address(address.into()),
        RuleOwner::Label(_) | RuleOwner::Network(_) | RuleOwner::Router(_) => path.at(place),
    }
}

/// A chain of somebody else's: on the host it depends on where the kernel enters it.
fn foreign(path: &Path<'_>, around: &Around<'_>, place: HostPlace, hook: &str) -> Option<Spot> {
    let enters = |name: &str| hook.contains(&format!("hook {name}"));
    if place != HostPlace::Host {
        return path.at(place);
    }
    if enters("forward") {
        let bridged = || path.at(place).filter(|_| around.filters_bridges);
        return path.forwarded_by_host().or_else(bridged);
    }
    match enters("input") || enters("output") {
        true => path.at_host_itself(),
        false => path.forwarded_by_host().or_else(|| path.at_host_itself()),
    }
}

/// Whether it is about the IP version that the packets are not of.
fn is_of_other_version(path: &Path<'_>, object: &HostObject) -> bool {
    let by_set = |set: &str| {
        let kind = set.split('_').next().unwrap_or_default();
        match kind.chars().last() {
            _ if kind == "nd" => Some(false),
            Some('4') => Some(true),
            Some('6') => Some(false),
            _ => None,
        }
    };
    let by_family = |family: &str| match family {
        "ip" | "arp" => Some(true),
        "ip6" => Some(false),
        _ => None,
    };
    let is_v4 = match object {
        HostObject::Setting { key, .. } if key.starts_with("net/ipv4/") => Some(true),
        HostObject::Setting { key, .. } if key.starts_with("net/ipv6/") => Some(false),
        HostObject::Address { address, .. } => Some(address.addr().is_ipv4()),
        HostObject::Set { set, table, .. } | HostObject::Element { set, table, .. } => {
            by_set(set).or_else(|| by_family(&table.family))
        }
        HostObject::Table(table)
        | HostObject::Chain { table, .. }
        | HostObject::Rule { table, .. }
        | HostObject::RuleOrder { table, .. }
        | HostObject::ForeignChain { table, .. } => by_family(&table.family),
        HostObject::NdpProxy { .. } => Some(false),
        _ => None,
    };
    is_v4.is_some_and(|is_v4| is_v4 != path.is_v4())
}

fn effect(path: &Path<'_>, finding: &Finding, code: Code) -> Effect {
    match &finding.object {
        HostObject::Counter { .. } => return Effect::Beside,
        HostObject::Rule {
            owner: RuleOwner::Label(_) | RuleOwner::Limit(_),
            ..
        }
        | HostObject::Element {
            owner: RuleOwner::Label(_) | RuleOwner::Limit(_),
            ..
        }
        | HostObject::Chain {
            owner: RuleOwner::Label(_) | RuleOwner::Limit(_),
            ..
        } => return Effect::Beside,
        HostObject::Rule {
            owner: RuleOwner::Rule(rule),
            ..
        } if finding.state == State::Missing => {
            return match path.granted(*rule) {
                Some(_) => Effect::Stops,
                None => Effect::Beside,
            };
        }
        HostObject::Element { set, key, .. } if finding.state == State::Missing && is_key(path, set, key) => {
            return Effect::Stops;
        }
        HostObject::Property { device, property } => return of_property(device.role, *property, code),
        HostObject::Device(device) if matches!(device.role, DeviceRole::Intermediate(_)) => return Effect::MayStop,
        HostObject::Address { device, .. } if matches!(device.role, DeviceRole::NetworkBridge(_)) => {
            return match involves_services(path) {
                true => Effect::Stops,
                false => Effect::Beside,
            };
        }
        HostObject::BandwidthLimit { .. } if finding.state == State::Missing => return Effect::Beside,
        _ => {}
    }
    match code {
        Code::Ipv6Off if path.is_v4() => Effect::Beside,
        Code::DnsServiceDown => Effect::Beside,
        Code::MetadataServiceDown if matches!(path.walk.arrival, Some(End::Metadata(_))) => Effect::Stops,
        Code::MetadataServiceDown => Effect::Beside,
        Code::RaServiceDown if path.is_v4() => Effect::Beside,
        Code::NsMissing
        | Code::TapMissing
        | Code::DeviceMissing
        | Code::UplinkDown
        | Code::BrExNoAddress
        | Code::FipAddressMissing
        | Code::AddressMissing
        | Code::NsForwardOff
        | Code::Ipv6Off
        | Code::RouteMissing
        | Code::RouteBlackhole
        | Code::DnatRuleMissing
        | Code::DnatRuleWrong
        | Code::SnatRuleMissing
        | Code::NeighbourWrong
        | Code::BridgeFdbWrong
        | Code::VmProcessGone
        | Code::ConntrackFull
        | Code::NeighTableFull => Effect::Stops,
        _ => Effect::MayStop,
    }
}

/// Whether without this element of a port's nothing of the packets passes: where its rules begin, and whom it may send as.
fn is_key(path: &Path<'_>, set: &str, key: &str) -> bool {
    match set {
        "ing" | "eg" => true,
        "ok4" | "ok6" => {
            let last = key.split(" . ").last().and_then(|word| word.parse().ok());
            last.is_some_and(|address| path.with_address(address).is_some())
        }
        _ => false,
    }
}

fn of_property(role: DeviceRole, property: Property, code: Code) -> Effect {
    match (property, role) {
        (Property::Up, DeviceRole::Loopback) => Effect::Beside,
        (_, DeviceRole::Intermediate(_)) => Effect::MayStop,
        (Property::Up, _) if code == Code::Drift => Effect::Beside,
        (Property::Mac, DeviceRole::Attached(_)) => Effect::Stops,
        (
            Property::Kind
            | Property::Up
            | Property::Bridge
            | Property::Peer
            | Property::Held
            | Property::BridgePortState
            | Property::Program,
            _,
        ) => Effect::Stops,
        _ => Effect::MayStop,
    }
}

/// Whether a network's own services send or get the packets.
fn involves_services(path: &Path<'_>) -> bool {
    let by_start = matches!(path.flow.start, Start::Network(_));
    by_start || matches!(path.walk.arrival, Some(End::Services(_) | End::Metadata(_)))
}
