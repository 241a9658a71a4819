//! The rules that a form means: one for each protocol and version of IP.

use std::net::IpAddr;

use ipnet::IpNet;
use model::host::{Direction, EtherType};
use model::network::security_group::protocol;
use model::network::{SecurityGroup, SecurityGroupRule, Standard};
use model::{SecurityGroupRuleId, Timestamp};
use serde_json::{Value, json};
use uuid::Uuid;

use super::rules::{VERSIONS, version};
use super::templates::{self, Packets};
use crate::form::Fields;
use crate::messages::Text;
use crate::outcome::Problem;

/// The rules of a form. They have no id yet: they are for the API, and to be put into words.
pub(super) fn read(t: Text, group: &SecurityGroup, fields: &Fields) -> Result<Vec<SecurityGroupRule>, Problem> {
    let packets = templates::read(t, fields)?;
    let is_egress = fields.plain("direction") == "egress";
    let mut first = SecurityGroupRule {
        id: SecurityGroupRuleId(Uuid::nil()),
        standard: Standard::new(group.standard.project_id.clone(), "", Timestamp::EPOCH),
        security_group_id: group.id,
        direction: if is_egress {
            Direction::Egress
        } else {
            Direction::Ingress
        },
        ethertype: EtherType::IPv4,
        protocol: None,
        port_range_min: None,
        port_range_max: None,
        remote_ip_prefix: None,
        remote_group_id: None,
        remote_address_group_id: None,
    };
    first.standard.description = fields.plain("description").to_owned();
    let mut versions = match fields.plain("version") {
        "IPv6" => vec![EtherType::IPv6],
        "both" => VERSIONS.to_vec(),
        _ => vec![EtherType::IPv4],
    };
    match fields.plain("remote") {
        "cidr" => {
            let prefix = prefix(fields.plain("cidr")).ok_or_else(|| Problem::in_form(t.sg_rule_cidr_wrong()))?;
            first.remote_ip_prefix = Some(prefix);
            versions = vec![if prefix.addr().is_ipv4() {
                EtherType::IPv4
            } else {
                EtherType::IPv6
            }];
        }
        "group" => {
            let id = fields.parse("group")?;
            first.remote_group_id = Some(id.ok_or_else(|| Problem::in_form(t.sg_rule_group_wrong()))?);
        }
        "addresses" => {
            let id = fields.parse("addresses")?;
            first.remote_address_group_id = Some(id.ok_or_else(|| Problem::in_form(t.sg_rule_group_wrong()))?);
        }
        _ => {}
    }
    let one = |ethertype: EtherType, packets: &Packets| SecurityGroupRule {
        ethertype,
        protocol: packets.protocol.clone(),
        port_range_min: packets.min,
        port_range_max: packets.max,
        ..first.clone()
    };
    Ok(versions
        .iter()
        .flat_map(|ethertype| packets.iter().map(|packets| one(*ethertype, packets)))
        .collect())
}

/// A prefix, or a single address.
fn prefix(text: &str) -> Option<IpNet> {
    text.parse()
        .ok()
        .or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
}

/// As the API takes it.
pub(super) fn body(rule: &SecurityGroupRule) -> Value {
    json!({
        "security_group_id": rule.security_group_id,
        "direction": rule.direction,
        "ethertype": version(rule.ethertype),
        "protocol": rule.protocol,
        "port_range_min": rule.port_range_min,
        "port_range_max": rule.port_range_max,
        "remote_ip_prefix": rule.remote_ip_prefix,
        "remote_group_id": rule.remote_group_id,
        "remote_address_group_id": rule.remote_address_group_id,
        "description": rule.standard.description,
    })
}

/// As one types it.
pub(super) fn command(rule: &SecurityGroupRule) -> String {
    let way = if rule.direction == Direction::Egress {
        "--egress"
    } else {
        "--ingress"
    };
    let mut words = vec![format!(
        "openstack security group rule create {way} --ethertype {}",
        version(rule.ethertype)
    )];
    if let Some(name) = &rule.protocol {
        words.push(format!("--protocol {name}"));
    }
    let is_icmp = matches!(
        rule.protocol.as_deref().and_then(protocol::number),
        Some(protocol::ICMP | protocol::ICMPV6)
    );
    match (rule.port_range_min, rule.port_range_max) {
        (Some(kind), code) if is_icmp => {
            words.push(format!("--icmp-type {kind}"));
            words.extend(code.map(|code| format!("--icmp-code {code}")));
        }
        (Some(first), Some(last)) if first != last => words.push(format!("--dst-port {first}:{last}")),
        (Some(port), _) => words.push(format!("--dst-port {port}")),
        (None, _) => {}
    }
    words.extend(rule.remote_ip_prefix.map(|prefix| format!("--remote-ip {prefix}")));
    words.extend(rule.remote_group_id.map(|id| format!("--remote-group {id}")));
    words.extend(
        rule.remote_address_group_id
            .map(|id| format!("--remote-address-group {id}")),
    );
    words.push(rule.security_group_id.to_string());
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use model::network::security_group::RuleSpec;

    use super::*;

    #[test]
    fn commands_say_what_rules_say() {
        let nobody = model::SecurityGroupId(Uuid::nil());
        let rule = |protocol: Option<&str>, min, max, prefix: Option<&str>| {
            let spec = RuleSpec::new(nobody, Direction::Ingress, EtherType::IPv4);
            SecurityGroupRule {
                id: SecurityGroupRuleId(Uuid::nil()),
                standard: Standard::new("p".into(), "", Timestamp::EPOCH),
                security_group_id: spec.security_group_id,
                direction: spec.direction,
                ethertype: spec.ethertype,
                protocol: protocol.map(str::to_owned),
                port_range_min: min,
                port_range_max: max,
                remote_ip_prefix: prefix.and_then(super::prefix),
                remote_group_id: None,
                remote_address_group_id: None,
            }
        };
        for (rule, said) in [
            (
                rule(Some("tcp"), Some(22), Some(22), None),
                "--protocol tcp --dst-port 22",
            ),
            (
                rule(Some("udp"), Some(1), Some(9), Some("10.0.0.0/8")),
                "--protocol udp --dst-port 1:9 --remote-ip 10.0.0.0/8",
            ),
            (
                rule(Some("icmp"), Some(8), None, Some("192.0.2.1")),
                "--protocol icmp --icmp-type 8 --remote-ip 192.0.2.1/32",
            ),
        ] {
            let command = command(&rule);
            assert_eq!(
                command,
                format!("openstack security group rule create --ingress --ethertype IPv4 {said} {nobody}")
            );
        }
    }
}
