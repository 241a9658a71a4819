//! Security groups: which rule lets a packet pass, and which nearly do.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ipnet::IpNet;

use super::obstacle::{Difference, NearRule};
use crate::host::{Direction, EtherType, FilterRule, NetworkConfig, PortBinding, PortConfig, ProtocolMatch, Remote};
use crate::reach::flow::{Packet, protocol};
use crate::{SecurityGroupId, SecurityGroupRuleId};

/// As many rules as are told of those that nearly let a packet pass.
const NEAREST: usize = 8;

/// Whether a port stands outside the filter: a router's leg, or a port without port security.
pub fn is_unfiltered(port: &PortConfig) -> bool {
    !port.port_security || matches!(port.binding, PortBinding::Router(_))
}

/// Whether the port's packets are judged one by one, without state.
pub fn is_stateless(network: &NetworkConfig, port: &PortConfig) -> bool {
    let mut groups = port.security_groups.iter();
    !is_unfiltered(port) && port.admin_state_up && groups.any(|group| network.stateless.contains(group))
}

/// Whether the machine behind a port may send from an address, with the port's own MAC: one of the port's, the link-local
/// one, or one of an allowed address pair.
pub fn may_send_as(port: &PortConfig, source: IpAddr) -> bool {
    port.fixed_ips.iter().any(|fixed| fixed.address.addr() == source)
        || source == IpAddr::V6(port.mac.link_local())
        || stands_for(port, source)
}

/// Whether an allowed address pair, with the port's own MAC, names an address.
pub fn stands_for(port: &PortConfig, address: IpAddr) -> bool {
    let mut pairs = port.allowed_address_pairs.iter();
    pairs.any(|(net, mac)| *mac == port.mac && net.contains(&address))
}

/// The rule of a port's groups that lets a packet pass.
///
/// # Errors
/// None does: those that differ from the packet in least.
pub fn judge(
    network: &NetworkConfig,
    port: &PortConfig,
    direction: Direction,
    packet: &Packet,
) -> Result<SecurityGroupRuleId, Vec<NearRule>> {
    let mut members = Members::new(network, direction, packet);
    let mut nearest: Vec<NearRule> = Vec::new();
    let groups = port
        .security_groups
        .iter()
        .filter_map(|group| Some((group, network.groups.get(group)?)));
    for (group, rule) in groups.flat_map(|(group, rules)| rules.iter().map(move |rule| (*group, rule))) {
        if rule.direction != direction {
            continue;
        }
        let differs = differences(rule, packet, &mut members);
        if differs.is_empty() {
            return Ok(rule.id);
        }
        let least = nearest.first().map_or(usize::MAX, |near| near.differs.len());
        if differs.len() < least {
            nearest.clear();
        }
        if differs.len() <= least && nearest.len() < NEAREST {
            nearest.push(NearRule {
                group,
                rule: rule.id,
                differs,
            });
        }
    }
    Err(nearest)
}

/// Which groups the other end is a member of, each looked up once.
struct Members<'a> {
    network: &'a NetworkConfig,
    remote: IpAddr,
    known: BTreeMap<SecurityGroupId, bool>,
}

impl<'a> Members<'a> {
    fn new(network: &'a NetworkConfig, direction: Direction, packet: &Packet) -> Self {
        let remote = match direction {
            Direction::Egress => packet.destination,
            Direction::Ingress => packet.source,
        };
        Self {
            network,
            remote,
            known: BTreeMap::new(),
        }
    }

    fn has(&mut self, group: SecurityGroupId) -> bool {
        let Self { network, remote, known } = self;
        *known.entry(group).or_insert_with(|| {
            let members = network.members.get(&group);
            members.is_some_and(|members| {
                members.contains(&IpNet::from(*remote)) || members.iter().any(|net| net.contains(&*remote))
            })
        })
    }
}

fn differences(rule: &FilterRule, packet: &Packet, members: &mut Members<'_>) -> BTreeSet<Difference> {
    let ethertype = (rule.ethertype == EtherType::IPv4) != packet.source.is_ipv4();
    let remote = match &rule.remote {
        Remote::Any => None,
        Remote::Prefix(net) => (!net.contains(&members.remote)).then_some(Difference::Prefix),
        Remote::Group(group) => (!members.has(*group)).then_some(Difference::Group),
    };
    let ethertype = ethertype.then_some(Difference::Ethertype);
    let kind = protocol_difference(rule.protocol, packet);
    ethertype.into_iter().chain(kind).chain(remote).collect()
}

fn protocol_difference(wanted: ProtocolMatch, packet: &Packet) -> Option<Difference> {
    match wanted {
        ProtocolMatch::Any => None,
        ProtocolMatch::Number(number) => (number != packet.protocol).then_some(Difference::Protocol),
        ProtocolMatch::Ports { protocol, .. } if protocol != packet.protocol => Some(Difference::Protocol),
        ProtocolMatch::Ports { range: None, .. } => None,
        ProtocolMatch::Ports {
            range: Some((first, last)),
            ..
        } => {
            let port = packet.destination_port();
            let fits = port.is_some_and(|port| (first..=last).contains(&port)) || (first, last) == (0, u16::MAX);
            (!fits).then_some(Difference::Ports)
        }
        ProtocolMatch::Icmp { kind, code } => {
            if ![protocol::ICMP, protocol::ICMPV6].contains(&packet.protocol) {
                return Some(Difference::Protocol);
            }
            let has = |wanted: Option<u8>, of: fn(crate::reach::Icmp) -> u8| {
                wanted.is_none_or(|wanted| packet.icmp.is_some_and(|message| of(message) == wanted))
            };
            let fits = kind.is_none() || has(kind, |message| message.kind) && has(code, |message| message.code);
            (!fits).then_some(Difference::IcmpType)
        }
    }
}
