//! IP protocols as security-group rules name them.

use crate::host::{EtherType, ProtocolMatch};
use crate::network::access::invalid_input;
use crate::{Error, Result};

/// Names that Neutron knows, with their numbers (IANA's protocol numbers; neutron-lib `constants.IP_PROTOCOL_MAP`).
pub const NAMES: &[(&str, u8)] = &[
    ("ah", 51),
    ("dccp", 33),
    ("egp", 8),
    ("esp", 50),
    ("gre", 47),
    ("hopopt", 0),
    ("icmp", 1),
    ("igmp", 2),
    ("ip", 0),
    ("ipip", 4),
    ("ipv6-encap", 41),
    ("ipv6-frag", 44),
    ("ipv6-icmp", 58),
    ("icmpv6", 58),
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

/// ICMP.
pub const ICMP: u8 = 1;
/// ICMPv6.
pub const ICMPV6: u8 = 58;
/// Protocols that occur in IPv6 packets only.
const IPV6_ONLY: &[u8] = &[41, 43, 44, 58, 59, 60];
/// Protocols that have ports.
const WITH_PORTS: &[(&str, u8)] = &[("DCCP", 33), ("SCTP", 132), ("TCP", 6), ("UDP", 17), ("UDPLITE", 136)];

/// A protocol as given, in its canonical form: lower case, `icmp` and `icmpv6` in an IPv6 rule as `ipv6-icmp`; `None` for
/// any.
///
/// # Errors
/// `SecurityGroupRuleInvalidProtocol`, `SecurityGroupEthertypeConflictWithProtocol`.
pub fn canonical(given: Option<&str>, ethertype: EtherType) -> Result<Option<String>> {
    let Some(given) = given else { return Ok(None) };
    let name = given.to_lowercase();
    if name == "any" {
        return Ok(None);
    }
    let Some(number) = number(&name) else {
        return Err(unknown(given));
    };
    if ethertype == EtherType::IPv4 && IPV6_ONLY.contains(&number) {
        return Err(invalid_input(
            "SecurityGroupEthertypeConflictWithProtocol",
            format!("Invalid ethertype IPv4 for protocol {name}"),
        ));
    }
    Ok(Some(match (ethertype, name.as_str()) {
        (EtherType::IPv6, "icmp" | "icmpv6") => "ipv6-icmp".to_owned(),
        (EtherType::IPv6, "1") => ICMPV6.to_string(),
        _ => name,
    }))
}

/// The number of a protocol given by name or number.
pub fn number(name: &str) -> Option<u8> {
    NAMES
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, number)| *number)
        .or_else(|| name.parse().ok())
}

/// Whether a rule may have ports with this protocol.
pub fn has_ports(number: u8) -> bool {
    WITH_PORTS.iter().any(|(_, with)| *with == number)
}

/// Checks ports, or ICMP's type and code.
///
/// # Errors
/// The errors of Neutron's `_validate_port_range`.
pub fn check_ports(protocol: Option<&str>, min: Option<u16>, max: Option<u16>) -> Result<()> {
    if min.is_none() && max.is_none() {
        return Ok(());
    }
    let Some(protocol) = protocol else {
        return Err(invalid_input(
            "SecurityGroupProtocolRequiredWithPorts",
            "Must also specify protocol if port range is given",
        ));
    };
    match number(protocol) {
        Some(number) if has_ports(number) => check_range(min, max),
        Some(ICMP | ICMPV6) => check_icmp(min, max),
        _ => {
            let with: Vec<&str> = WITH_PORTS.iter().map(|(name, _)| *name).collect();
            Err(invalid_input(
                "SecurityGroupInvalidProtocolForPort",
                format!(
                    "Ports cannot be specified for protocol {protocol}. Ports are only supported for {}",
                    with.join(", ")
                ),
            ))
        }
    }
}

fn check_range(min: Option<u16>, max: Option<u16>) -> Result<()> {
    if min == Some(0) || max == Some(0) {
        return Err(invalid_input(
            "SecurityGroupInvalidPortValue",
            "Invalid value for port 0",
        ));
    }
    match (min, max) {
        (Some(min), Some(max)) if min <= max => Ok(()),
        _ => Err(invalid_input(
            "SecurityGroupInvalidPortRange",
            "For TCP/UDP protocols, port_range_min must be <= port_range_max",
        )),
    }
}

fn check_icmp(kind: Option<u16>, code: Option<u16>) -> Result<()> {
    for (value, attribute, field) in [(kind, "port_range_min", "type"), (code, "port_range_max", "code")] {
        if let Some(value) = value.filter(|value| *value > 255) {
            return Err(invalid_input(
                "SecurityGroupInvalidIcmpValue",
                format!("Invalid value for ICMP {field} ({attribute}) {value}. It must be 0 to 255"),
            ));
        }
    }
    match (kind, code) {
        (None, Some(code)) => Err(invalid_input(
            "SecurityGroupMissingIcmpType",
            format!("ICMP code (port-range-max) {code} is provided but ICMP type (port-range-min) is missing"),
        )),
        _ => Ok(()),
    }
}

/// What packets a rule means, for the host.
pub fn matcher(protocol: Option<&str>, min: Option<u16>, max: Option<u16>) -> ProtocolMatch {
    match protocol.and_then(number) {
        None => ProtocolMatch::Any,
        // 0 is IPv6's hop-by-hop header and, in Neutron, `ip`: any.
        Some(0) => ProtocolMatch::Any,
        Some(ICMP | ICMPV6) => ProtocolMatch::Icmp {
            kind: min.and_then(|kind| u8::try_from(kind).ok()),
            code: max.and_then(|code| u8::try_from(code).ok()),
        },
        Some(number) if has_ports(number) => ProtocolMatch::Ports {
            protocol: number,
            range: min.zip(max),
        },
        Some(number) => ProtocolMatch::Number(number),
    }
}

fn unknown(given: &str) -> Error {
    let names: Vec<&str> = NAMES.iter().map(|(name, _)| *name).collect();
    invalid_input(
        "SecurityGroupRuleInvalidProtocol",
        format!(
            "Security group rule protocol {given} not supported. Only protocol values {names:?} and integer representations [0 to \
             255] are supported"
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn protocols_become_canonical_or_are_refused() {
        let ok = |given: &str, ethertype| canonical(Some(given), ethertype).unwrap();
        assert_eq!(ok("TCP", EtherType::IPv4).as_deref(), Some("tcp"));
        assert_eq!(ok("any", EtherType::IPv4), None);
        assert_eq!(ok("icmp", EtherType::IPv6).as_deref(), Some("ipv6-icmp"));
        assert_eq!(ok("icmpv6", EtherType::IPv6).as_deref(), Some("ipv6-icmp"));
        assert_eq!(ok("1", EtherType::IPv6).as_deref(), Some("58"));
        assert_eq!(ok("255", EtherType::IPv4).as_deref(), Some("255"));
        for (given, ethertype, code) in [
            ("256", EtherType::IPv4, "SecurityGroupRuleInvalidProtocol"),
            ("-1", EtherType::IPv4, "SecurityGroupRuleInvalidProtocol"),
            ("tpc", EtherType::IPv4, "SecurityGroupRuleInvalidProtocol"),
            (
                "ipv6-icmp",
                EtherType::IPv4,
                "SecurityGroupEthertypeConflictWithProtocol",
            ),
            ("43", EtherType::IPv4, "SecurityGroupEthertypeConflictWithProtocol"),
        ] {
            assert_eq!(canonical(Some(given), ethertype).unwrap_err().code, code, "{given}");
        }
    }

    #[test]
    fn ports_are_checked_by_protocol() {
        for (protocol, min, max, code) in [
            (Some("tcp"), Some(22), Some(22), None),
            (Some("6"), Some(1), Some(65535), None),
            (Some("tcp"), Some(23), Some(22), Some("SecurityGroupInvalidPortRange")),
            (Some("tcp"), Some(23), None, Some("SecurityGroupInvalidPortRange")),
            (Some("udp"), Some(0), Some(5), Some("SecurityGroupInvalidPortValue")),
            (None, Some(1), Some(2), Some("SecurityGroupProtocolRequiredWithPorts")),
            (
                Some("gre"),
                Some(1),
                Some(2),
                Some("SecurityGroupInvalidProtocolForPort"),
            ),
            (Some("icmp"), Some(8), Some(0), None),
            (Some("icmp"), Some(8), None, None),
            (Some("icmp"), None, Some(0), Some("SecurityGroupMissingIcmpType")),
            (Some("icmp"), Some(256), None, Some("SecurityGroupInvalidIcmpValue")),
            (
                Some("ipv6-icmp"),
                Some(1),
                Some(256),
                Some("SecurityGroupInvalidIcmpValue"),
            ),
        ] {
            let result = check_ports(protocol, min, max);
            assert_eq!(
                result.err().map(|error| error.code),
                code,
                "{protocol:?} {min:?} {max:?}"
            );
        }
    }
}
