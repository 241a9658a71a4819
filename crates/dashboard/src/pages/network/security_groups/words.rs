//! Rules in words that a beginner understands.

use model::host::{Direction, EtherType, ProtocolMatch};
use model::network::security_group::protocol;
use model::network::{AddressGroup, SecurityGroup, SecurityGroupRule};
use model::{Cloud, SecurityGroupId};

use super::rules::version;
use super::templates;
use crate::messages::Text;
use crate::pages::network::networks;

/// What a rule lets pass: "SSH (TCP 22)", "all UDP", "everything".
pub(crate) fn what(t: Text, rule: &SecurityGroupRule) -> String {
    match protocol::matcher(rule.protocol.as_deref(), rule.port_range_min, rule.port_range_max) {
        ProtocolMatch::Any => t.sg_everything().to_owned(),
        ProtocolMatch::Icmp { kind: None, .. } => t.sg_all_icmp().to_owned(),
        ProtocolMatch::Icmp { kind: Some(kind), .. } if kind == echo(rule.ethertype) => t.sg_ping().to_owned(),
        ProtocolMatch::Icmp {
            kind: Some(kind),
            code: None,
        } => t.sg_icmp_type(kind),
        ProtocolMatch::Icmp {
            kind: Some(kind),
            code: Some(code),
        } => t.sg_icmp_code(kind, code),
        ProtocolMatch::Ports { protocol, range } => ports(t, protocol, range),
        ProtocolMatch::Number(number) => name(t, number),
    }
}

/// Ports of a protocol, all of them without a range: "SSH (TCP 22)", "UDP 8000–8010", "all TCP".
pub(crate) fn ports(t: Text, protocol: u8, range: Option<(u16, u16)>) -> String {
    let protocol_name = name(t, protocol);
    match range {
        None => t.sg_all_of(protocol_name),
        Some((first, last)) if first == last => match templates::service_at(protocol, first) {
            Some(service) => t.sg_service(service, protocol_name, first),
            None => format!("{protocol_name} {first}"),
        },
        Some((first, last)) => format!("{protocol_name} {first}–{last}"),
    }
}

/// ICMP's type of a ping.
fn echo(ethertype: EtherType) -> u8 {
    match ethertype {
        EtherType::IPv4 => 8,
        EtherType::IPv6 => 128,
    }
}

/// A protocol's name, or its number.
pub(crate) fn name(t: Text, number: u8) -> String {
    let known = protocol::NAMES.iter().find(|(_, known)| *known == number);
    known.map_or_else(|| t.sg_ip_protocol(number), |(name, _)| name.to_uppercase())
}

/// What a group lets in, a sentence each, as every page says it. Versions of IP are named where a rule is for one of them only.
pub(crate) fn lets_in(t: Text, cloud: &Cloud, group: SecurityGroupId) -> Vec<String> {
    let mut rules: Vec<_> = cloud
        .rules_of_group(group)
        .filter(|rule| rule.direction == Direction::Ingress)
        .collect();
    rules.sort_by_key(|rule| (rule.protocol.clone(), rule.port_range_min, rule.ethertype, rule.id));
    let mut sentences: Vec<(String, Vec<&SecurityGroupRule>)> = Vec::new();
    for rule in rules {
        let sentence = sentence(t, cloud, rule);
        match sentences.iter_mut().find(|(said, _)| *said == sentence) {
            Some((_, of)) => of.push(rule),
            None => sentences.push((sentence, vec![rule])),
        }
    }
    let with_version = |(sentence, of): (String, Vec<&SecurityGroupRule>)| match of.as_slice() {
        // Of addresses, one sees it.
        [only] if only.remote_ip_prefix.is_none_or(|prefix| prefix.prefix_len() == 0) => {
            t.sg_of_version(sentence, version(only.ethertype))
        }
        _ => sentence,
    };
    sentences.into_iter().map(with_version).collect()
}

/// A rule as a sentence: "SSH (TCP 22) from 10.0.0.0/8".
pub(crate) fn sentence(t: Text, cloud: &Cloud, rule: &SecurityGroupRule) -> String {
    let what = what(t, rule);
    capitalized(match (rule.direction, who(t, cloud, rule)) {
        (Direction::Ingress, Some(who)) => t.sg_in_from(what, who),
        (Direction::Ingress, None) => t.sg_in_anywhere(what),
        (Direction::Egress, Some(who)) => t.sg_out_to(what, who),
        (Direction::Egress, None) => t.sg_out_anywhere(what),
    })
}

fn capitalized(mut sentence: String) -> String {
    if let Some(first) = sentence.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    sentence
}

/// The other end; `None`: anywhere.
fn who(t: Text, cloud: &Cloud, rule: &SecurityGroupRule) -> Option<String> {
    if is_for_anyone(rule) {
        return None;
    }
    if let Some(id) = rule.remote_group_id {
        if id == rule.security_group_id {
            return Some(t.sg_of_own_members().to_owned());
        }
        let group = cloud.find::<SecurityGroup>(&id);
        return Some(
            t.sg_of_members(group.map_or_else(|| id.to_string(), |group| networks::name_of(t, &group.standard))),
        );
    }
    if let Some(id) = rule.remote_address_group_id {
        let group = cloud.find::<AddressGroup>(&id);
        return Some(
            t.sg_of_addresses(group.map_or_else(|| id.to_string(), |group| networks::name_of(t, &group.standard))),
        );
    }
    rule.remote_ip_prefix.map(|prefix| prefix.to_string())
}

/// Whether the other end may be any address.
pub(super) fn is_for_anyone(rule: &SecurityGroupRule) -> bool {
    let is_limited = rule.remote_group_id.is_some() || rule.remote_address_group_id.is_some();
    !is_limited && rule.remote_ip_prefix.is_none_or(|prefix| prefix.prefix_len() == 0)
}

#[cfg(test)]
mod tests {
    use model::network::Standard;
    use model::{ProjectId, SecurityGroupRuleId, Timestamp};

    use super::*;
    use crate::lang::Lang;

    fn rule(protocol: Option<&str>, min: Option<u16>, max: Option<u16>, remote: Option<&str>) -> SecurityGroupRule {
        let nobody = uuid::Uuid::nil();
        SecurityGroupRule {
            id: SecurityGroupRuleId(nobody),
            standard: Standard::new(ProjectId::from("p"), "", Timestamp::EPOCH),
            security_group_id: SecurityGroupId(nobody),
            direction: Direction::Ingress,
            ethertype: EtherType::IPv4,
            protocol: protocol.map(str::to_owned),
            port_range_min: min,
            port_range_max: max,
            remote_ip_prefix: remote.map(|prefix| prefix.parse().unwrap()),
            remote_group_id: None,
            remote_address_group_id: None,
        }
    }

    #[test]
    fn rules_are_sentences() {
        let cloud = Cloud::default();
        for (rule, english, korean) in [
            (
                rule(Some("icmp"), None, None, None),
                "All ICMP (including ping) from anywhere",
                "모든 곳에서 들어오는 모든 ICMP(ping 포함)",
            ),
            (
                rule(Some("icmp"), Some(8), Some(0), None),
                "Ping from anywhere",
                "모든 곳에서 들어오는 ping",
            ),
            (
                rule(Some("tcp"), Some(22), Some(22), Some("10.0.0.0/8")),
                "SSH (TCP 22) from 10.0.0.0/8",
                "10.0.0.0/8에서 들어오는 SSH(TCP 22)",
            ),
            (
                rule(Some("6"), Some(81), Some(81), Some("0.0.0.0/0")),
                "TCP 81 from anywhere",
                "모든 곳에서 들어오는 TCP 81",
            ),
            (
                rule(Some("udp"), Some(60000), Some(61000), None),
                "UDP 60000–61000 from anywhere",
                "모든 곳에서 들어오는 UDP 60000–61000",
            ),
            (
                rule(Some("udp"), None, None, None),
                "All UDP from anywhere",
                "모든 곳에서 들어오는 모든 UDP",
            ),
            (
                rule(Some("gre"), None, None, None),
                "GRE from anywhere",
                "모든 곳에서 들어오는 GRE",
            ),
            (
                rule(Some("200"), None, None, None),
                "IP protocol 200 from anywhere",
                "모든 곳에서 들어오는 IP 프로토콜 200",
            ),
            (
                rule(None, None, None, None),
                "All traffic from anywhere",
                "모든 곳에서 들어오는 모든 트래픽",
            ),
        ] {
            assert_eq!(sentence(Text(Lang::En), &cloud, &rule), english);
            assert_eq!(sentence(Text(Lang::Ko), &cloud, &rule), korean);
        }
    }
}
