//! Security-group rules as a host needs them.

use crate::SecurityGroupId;
use crate::host::{EtherType, FilterRule, ProtocolMatch, Remote};
use crate::network::SecurityGroupRule;

/// Neutron's protocol names and their numbers (neutron-lib `constants.IP_PROTOCOL_MAP`, from IANA's registry).
const PROTOCOLS: &[(&str, u8)] = &[
    ("ah", 51),
    ("dccp", 33),
    ("egp", 8),
    ("esp", 50),
    ("gre", 47),
    ("hopopt", 0),
    ("icmp", 1),
    ("icmpv6", 58),
    ("igmp", 2),
    ("ip", 0),
    ("ipip", 4),
    ("ipv6-encap", 41),
    ("ipv6-frag", 44),
    ("ipv6-icmp", 58),
    ("ipv6-nonxt", 59),
    ("ipv6-opts", 60),
    ("ipv6-route", 43),
    ("ospf", 89),
    ("pgm", 113),
    ("rsvp", 46),
    ("sctp", 132),
    ("tcp", 6),
    ("udp", 17),
    ("udplite", 136),
    ("vrrp", 112),
];

/// The number of a protocol given by name or number; `None` for what is neither.
pub fn protocol_number(protocol: &str) -> Option<u8> {
    let lower = protocol.to_ascii_lowercase();
    PROTOCOLS
        .iter()
        .find(|(name, _)| *name == lower)
        .map(|(_, number)| *number)
        .or_else(|| lower.parse().ok())
}

const WITH_PORTS: [u8; 5] = [6, 17, 33, 132, 136];

/// A rule resolved to what it lets pass.
pub(crate) fn resolve(rule: &SecurityGroupRule) -> FilterRule {
    FilterRule {
        id: rule.id,
        direction: rule.direction,
        ethertype: rule.ethertype,
        protocol: protocol(rule),
        remote: match (remote_group(rule), rule.remote_ip_prefix) {
            (Some(group), _) => Remote::Group(group),
            (None, Some(prefix)) if prefix.prefix_len() > 0 => Remote::Prefix(prefix.trunc()),
            _ => Remote::Any,
        },
    }
}

/// The group at the other end. An address group is to a host what a security group is: a list of members.
fn remote_group(rule: &SecurityGroupRule) -> Option<SecurityGroupId> {
    let by_addresses = rule.remote_address_group_id.map(|id| SecurityGroupId(id.0));
    rule.remote_group_id.or(by_addresses)
}

fn protocol(rule: &SecurityGroupRule) -> ProtocolMatch {
    let Some(name) = rule.protocol.as_deref().filter(|name| !matches!(*name, "any" | "")) else {
        return ProtocolMatch::Any;
    };
    // The API refuses unknown names; one that got in by an older version's row lets nothing more pass than protocol 255.
    let number = protocol_number(name).unwrap_or(255);
    let (min, max) = (rule.port_range_min, rule.port_range_max);
    match number {
        // "ip" is any IP packet; "hopopt" has the same number and is not worth a rule of its own.
        0 => ProtocolMatch::Any,
        // Neutron lets "icmp" stand for ICMPv6 in an IPv6 rule.
        1 | 58 if number == 1 || rule.ethertype == EtherType::IPv6 => ProtocolMatch::Icmp {
            kind: min.and_then(|kind| u8::try_from(kind).ok()),
            code: max.and_then(|code| u8::try_from(code).ok()),
        },
        n if WITH_PORTS.contains(&n) => ProtocolMatch::Ports {
            protocol: n,
            range: min.zip(max),
        },
        n => ProtocolMatch::Number(n),
    }
}
