//! What a finding is called in the catalogue of causes.

use super::super::cause::Code;
use super::super::names::Object;
use super::super::programmed::{Device, DeviceRole, Finding, HostObject, Place, Property, RuleOwner, Service, State};
use crate::host::{HostConfig, PortBinding};
use crate::{Cloud, PortId};

/// Its name; `None` where nothing could be read, which says nothing of what is there.
pub fn code_of(config: &HostConfig, finding: &Finding) -> Option<Code> {
    let state = &finding.state;
    if matches!(state, State::Unreadable(_)) {
        return None;
    }
    Some(match &finding.object {
        HostObject::Namespace(_) => Code::NsMissing,
        HostObject::Setting { key, .. } => setting(key),
        HostObject::Device(device) => whole_device(config, device, state),
        HostObject::Property { device, property } => property_code(device, *property, state),
        HostObject::Address {
            device, floating_ip, ..
        } => match (state, device.role) {
            (State::Unwanted, _) => Code::AddressTaken,
            (_, DeviceRole::ExternalBridge(_)) => Code::BrExNoAddress,
            _ if floating_ip.is_some() => Code::FipAddressMissing,
            _ => Code::AddressMissing,
        },
        HostObject::Route { place, drops, .. } => match state {
            State::Unwanted if *drops => Code::RouteBlackhole,
            State::Unwanted if *place == Place::Host => Code::OverlapWithHostNetwork,
            State::Unwanted => Code::RouteAstray,
            _ => Code::RouteMissing,
        },
        HostObject::RoutingRule { .. } => Code::RouteAstray,
        HostObject::ForeignChain { .. } => Code::HostFirewall,
        HostObject::Table(_) if *state == State::Unwanted => Code::ForeignRules,
        HostObject::Table(_) => Code::RulesMissing,
        HostObject::Chain { owner, .. } | HostObject::Set { owner, .. } => rule(*owner, "", state),
        HostObject::Rule { owner, .. } => rule(*owner, "", state),
        HostObject::Element { owner, set, .. } => rule(*owner, set, state),
        HostObject::RuleOrder { .. } | HostObject::Counter { .. } | HostObject::NdpProxy { .. } => Code::Drift,
        HostObject::Neighbour { .. } => Code::NeighbourWrong,
        HostObject::BridgeEntry { .. } => Code::BridgeFdbWrong,
        HostObject::BandwidthLimit { .. } => Code::QosPolicing,
        HostObject::Service { service, .. } => match service {
            Service::Dhcp | Service::Dhcpv6 => Code::DhcpServiceDown,
            Service::Dns(_) | Service::DnsOverTcp(_) => Code::DnsServiceDown,
            Service::Metadata => Code::MetadataServiceDown,
            Service::Advertisements(_) => Code::RaServiceDown,
        },
        HostObject::Process(_) => Code::VmProcessGone,
        HostObject::FlowTable(_) => Code::ConntrackFull,
        HostObject::NeighbourTable(_) => Code::NeighTableFull,
    })
}

fn setting(key: &str) -> Code {
    match key.rsplit('/').next().unwrap_or_default() {
        "ip_forward" | "forwarding" => Code::NsForwardOff,
        "rp_filter" => Code::RpfilterDrop,
        "disable_ipv6" if !key.contains("/default/") => Code::Ipv6Off,
        _ => Code::Drift,
    }
}

fn whole_device(config: &HostConfig, device: &Device, state: &State) -> Code {
    match device.role {
        _ if *state == State::Unwanted => Code::StrangeDevice,
        DeviceRole::ExternalBridge(_) => Code::UplinkDown,
        DeviceRole::Port(port) if is_servers(config, port) => Code::TapMissing,
        _ => Code::DeviceMissing,
    }
}

fn property_code(device: &Device, property: Property, state: &State) -> Code {
    match property {
        Property::Kind => Code::DeviceMissing,
        Property::Up if turned_off(state) => match device.role {
            DeviceRole::ExternalBridge(_) => Code::UplinkDown,
            _ => Code::DeviceDown,
        },
        Property::Mac => Code::MacWrong,
        Property::Mtu if is_smaller(state) => Code::MtuTooSmall,
        Property::Bridge | Property::Peer => Code::DeviceUnplugged,
        Property::Held => Code::TapNotHeld,
        Property::Discipline | Property::Filters => Code::ForeignQueue,
        Property::BridgePortState | Property::Isolated | Property::Flooding => Code::BridgePortBlocked,
        Property::Program => Code::TrunkBroken,
        Property::Up | Property::Mtu | Property::Learning => Code::Drift,
    }
}

/// Whether it is down and should be up.
fn turned_off(state: &State) -> bool {
    matches!(state, State::Different { want, .. } if want == "up")
}

fn is_smaller(state: &State) -> bool {
    let State::Different { want, have } = state else {
        return false;
    };
    let number = |text: &str| text.parse::<u64>().ok();
    number(have) < number(want)
}

/// A part of a ruleset, by whom it is for. Of a router's sets, `fip` and `pf` lead in, `fix` and `inside` out.
fn rule(owner: RuleOwner, set: &str, state: &State) -> Code {
    let is_missing = *state == State::Missing;
    match owner {
        _ if *state == State::Unwanted => Code::RuleUnwanted,
        RuleOwner::FloatingIp(_) | RuleOwner::Forwarding(_) if matches!(set, "fix" | "inside") => Code::SnatRuleMissing,
        RuleOwner::FloatingIp(_) | RuleOwner::Forwarding(_) if is_missing => Code::DnatRuleMissing,
        RuleOwner::FloatingIp(_) | RuleOwner::Forwarding(_) => Code::DnatRuleWrong,
        RuleOwner::Gateway(_) => Code::SnatRuleMissing,
        _ if is_missing => Code::RuleMissing,
        _ => Code::Drift,
    }
}

/// Whether a port is a server's.
fn is_servers(config: &HostConfig, port: PortId) -> bool {
    let mut networks = config.networks.values();
    let found = networks.find_map(|network| network.ports.get(&port));
    found.is_some_and(|port| matches!(port.binding, PortBinding::Server(_)))
}

/// What of the cloud a finding is about; `None`: the host itself.
pub fn object_of(cloud: &Cloud, config: &HostConfig, object: &HostObject) -> Option<Object> {
    match object {
        HostObject::Namespace(place)
        | HostObject::Setting { place, .. }
        | HostObject::Route { place, .. }
        | HostObject::RoutingRule { place, .. }
        | HostObject::Service { place, .. }
        | HostObject::FlowTable(place) => of_place(*place),
        HostObject::Device(device) | HostObject::Property { device, .. } | HostObject::Neighbour { device, .. } => {
            of_device(config, device)
        }
        HostObject::Address {
            device, floating_ip, ..
        } => floating_ip
            .map(Object::FloatingIp)
            .or_else(|| of_device(config, device)),
        HostObject::Table(table) | HostObject::ForeignChain { table, .. } => of_place(table.place),
        HostObject::Chain { table, owner, .. }
        | HostObject::Rule { table, owner, .. }
        | HostObject::RuleOrder { table, owner, .. }
        | HostObject::Set { table, owner, .. }
        | HostObject::Element { table, owner, .. }
        | HostObject::Counter { table, owner, .. } => of_owner(cloud, *owner).or_else(|| of_place(table.place)),
        HostObject::NdpProxy { router, .. } => Some(Object::Router(*router)),
        HostObject::BridgeEntry { port, .. } | HostObject::BandwidthLimit { port, .. } => Some(Object::Port(*port)),
        HostObject::Process(server) => Some(Object::Server(*server)),
        HostObject::NeighbourTable(_) => None,
    }
}

/// What a place is of the cloud.
pub fn of_place(place: Place) -> Option<Object> {
    match place {
        Place::Host => None,
        Place::Network(id) => Some(Object::Network(id)),
        Place::Router(id) => Some(Object::Router(id)),
        Place::Attached(port) => Some(Object::Port(port)),
    }
}

fn of_device(config: &HostConfig, device: &Device) -> Option<Object> {
    match device.role {
        DeviceRole::Loopback | DeviceRole::Stranger => of_place(device.place),
        DeviceRole::ExternalBridge(network) | DeviceRole::NetworkBridge(network) => Some(Object::Network(network)),
        DeviceRole::Leg(port) | DeviceRole::Gateway(port) | DeviceRole::GatewayEnd(port) => {
            Some(router_of(config, port).map_or(Object::Port(port), Object::Router))
        }
        DeviceRole::Port(port) => Some(router_of(config, port).map_or(Object::Port(port), Object::Router)),
        DeviceRole::Intermediate(port) | DeviceRole::TrunkEnd(port) | DeviceRole::Attached(port) => {
            Some(Object::Port(port))
        }
    }
}

/// The router whose leg or gateway a port is.
pub fn router_of(config: &HostConfig, port: PortId) -> Option<crate::RouterId> {
    let mut routers = config.routers.values();
    let has = |router: &&std::sync::Arc<crate::host::RouterConfig>| {
        let gateway = router.gateway.as_ref().map(|leg| leg.port_id);
        gateway == Some(port) || router.legs.iter().any(|leg| leg.port_id == port)
    };
    routers.find(has).map(|router| router.id)
}

fn of_owner(cloud: &Cloud, owner: RuleOwner) -> Option<Object> {
    match owner {
        RuleOwner::Port(port) => Some(Object::Port(port)),
        RuleOwner::Rule(rule) => {
            let row = cloud.security_group_rules.get(&rule)?;
            Some(Object::SecurityGroup(row.security_group_id))
        }
        RuleOwner::Group(group) => cloud
            .security_groups
            .get(&group)
            .map(|row| Object::SecurityGroup(row.id)),
        RuleOwner::FloatingIp(id) | RuleOwner::Forwarding(id) => Some(Object::FloatingIp(id)),
        RuleOwner::Network(id) => Some(Object::Network(id)),
        RuleOwner::Router(id) => Some(Object::Router(id)),
        RuleOwner::Gateway(_) | RuleOwner::Limit(_) | RuleOwner::NdpProxy(_) | RuleOwner::Label(_) => None,
    }
}
