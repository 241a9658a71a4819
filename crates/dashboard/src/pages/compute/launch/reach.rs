//! Who may reach a server: the rules of its security groups in a sentence each.

use std::collections::{BTreeMap, BTreeSet};

use model::host::{Direction, EtherType};
use model::network::security_group::protocol::{self, ICMP, ICMPV6};
use model::network::{AddressGroup, SecurityGroup, SecurityGroupRule};
use model::{Cloud, SecurityGroupId};
use serde_json::{Value, json};

use crate::messages::Text;
use crate::pages::network::security_groups::words;

const TCP: u8 = 6;
/// ICMP's echo request.
const ECHO: u16 = 8;
/// ICMPv6's.
const ECHO_V6: u16 = 128;

/// Who sends.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Sender {
    /// Everybody.
    Anybody,
    /// Everybody who speaks IPv6.
    AnybodyV6,
    /// Addresses.
    Prefix(String),
    /// Members of a security group.
    Members(String),
    /// An address group.
    Addresses(String),
}

/// What is let in.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Opening {
    /// Everything.
    All,
    /// ICMP: everything, or one type.
    Icmp(Option<u16>),
    /// Ports of TCP, UDP …; all of them without a range.
    Ports(u8, Option<(u16, u16)>),
    /// Another protocol.
    Other(String),
}

impl Opening {
    /// What `ping` needs.
    pub const PING: Self = Self::Icmp(Some(ECHO));
    /// What `ssh` needs.
    pub const SSH: Self = Self::Ports(TCP, Some((22, 22)));

    fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::All, _) => true,
            (Self::Icmp(None), Self::Icmp(_)) => true,
            (Self::Ports(a, None), Self::Ports(b, _)) => a == b,
            (Self::Ports(a, Some(outer)), Self::Ports(b, Some(inner))) => {
                a == b && outer.0 <= inner.0 && inner.1 <= outer.1
            }
            _ => self == other,
        }
    }

    /// In words.
    pub fn words(&self, t: Text) -> String {
        match self {
            Self::All => t.sg_everything().to_owned(),
            Self::Icmp(Some(ECHO | ECHO_V6)) => t.sg_ping().to_owned(),
            Self::Icmp(None) => t.sg_all_icmp().to_owned(),
            Self::Icmp(Some(kind)) => t.sg_icmp_type(kind),
            Self::Ports(protocol, range) => words::ports(t, *protocol, *range),
            Self::Other(name) => name.clone(),
        }
    }

    /// The rule that lets it in from everywhere, as Neutron takes it.
    pub fn rule(&self, group: &str) -> Value {
        let mut rule = json!({"security_group_id": group, "direction": "ingress", "ethertype": "IPv4"});
        match self {
            Self::Icmp(_) => rule["protocol"] = "icmp".into(),
            Self::Ports(protocol, range) => {
                rule["protocol"] = protocol_name(*protocol).to_lowercase().into();
                if let Some((first, last)) = range {
                    rule["port_range_min"] = (*first).into();
                    rule["port_range_max"] = (*last).into();
                }
            }
            Self::All | Self::Other(_) => {}
        }
        rule
    }

    /// The command that makes the rule.
    pub fn command(&self, group: &str) -> String {
        match self {
            Self::Ports(_, Some((first, _))) => {
                format!("openstack security group rule create --protocol tcp --dst-port {first} {group}")
            }
            _ => format!("openstack security group rule create --protocol icmp {group}"),
        }
    }

    /// For the name of a group that lets it in.
    pub fn short(&self) -> &'static str {
        match self {
            Self::Icmp(_) => "ping",
            _ => "ssh",
        }
    }
}

fn protocol_name(number: u8) -> String {
    let known = protocol::NAMES.iter().find(|(_, of)| *of == number);
    known.map_or_else(|| number.to_string(), |(name, _)| name.to_uppercase())
}

/// What is let in, and from whom.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Openings(BTreeMap<Sender, BTreeSet<Opening>>);

impl Openings {
    /// Lets something in.
    pub fn add(&mut self, from: Sender, opening: Opening) {
        let all = self.0.entry(from).or_default();
        if all.iter().any(|other| other.covers(&opening)) {
            return;
        }
        all.retain(|other| !opening.covers(other));
        all.insert(opening);
    }

    /// Whether everybody is let in for this.
    pub fn lets_anybody(&self, opening: &Opening) -> bool {
        self.0
            .get(&Sender::Anybody)
            .is_some_and(|all| all.iter().any(|other| other.covers(opening)))
    }

    /// Whether nobody but members of groups is let in.
    pub fn is_closed(&self) -> bool {
        self.0.keys().all(|sender| matches!(sender, Sender::Members(_)))
    }

    /// Who may reach what, a line each.
    pub fn lines(&self, t: Text) -> Vec<(String, String)> {
        let line = |(sender, openings): (&Sender, &BTreeSet<Opening>)| {
            let from = match sender {
                Sender::Anybody => t.launch_reach_anybody().to_owned(),
                Sender::AnybodyV6 => t.launch_reach_anybody_v6().to_owned(),
                Sender::Prefix(prefix) => prefix.clone(),
                Sender::Members(group) => t.launch_reach_members(group),
                Sender::Addresses(group) => t.launch_reach_addresses(group),
            };
            let what: Vec<_> = openings.iter().map(|opening| opening.words(t)).collect();
            (from, what.join(", "))
        };
        self.0.iter().map(line).collect()
    }
}

/// What these groups let in together.
pub(super) fn openings(cloud: &Cloud, groups: &[SecurityGroupId]) -> Openings {
    let mut found = Openings::default();
    let rules = groups.iter().flat_map(|group| cloud.rules_of_group(*group));
    for rule in rules.filter(|rule| rule.direction == Direction::Ingress) {
        found.add(sender(cloud, rule), opening(rule));
    }
    // What everybody may, who speaks whatever, needs no second line.
    if found.0.get(&Sender::AnybodyV6) == found.0.get(&Sender::Anybody) {
        found.0.remove(&Sender::AnybodyV6);
    }
    found
}

fn sender(cloud: &Cloud, rule: &SecurityGroupRule) -> Sender {
    if let Some(id) = rule.remote_group_id {
        let group = cloud.find::<SecurityGroup>(&id);
        return Sender::Members(group.map_or_else(|| id.to_string(), |group| group.standard.name.clone()));
    }
    if let Some(id) = rule.remote_address_group_id {
        let group = cloud.find::<AddressGroup>(&id);
        return Sender::Addresses(group.map_or_else(|| id.to_string(), |group| group.standard.name.clone()));
    }
    match (rule.remote_ip_prefix, rule.ethertype) {
        (Some(prefix), _) if prefix.prefix_len() > 0 => Sender::Prefix(prefix.to_string()),
        (_, EtherType::IPv4) => Sender::Anybody,
        (_, EtherType::IPv6) => Sender::AnybodyV6,
    }
}

fn opening(rule: &SecurityGroupRule) -> Opening {
    let Some(name) = &rule.protocol else {
        return Opening::All;
    };
    match protocol::number(&name.to_lowercase()) {
        Some(0) => Opening::All,
        Some(ICMP) => Opening::Icmp(rule.port_range_min),
        Some(ICMPV6) => Opening::Icmp(
            rule.port_range_min
                .map(|kind| if kind == ECHO_V6 { ECHO } else { kind }),
        ),
        Some(number) if protocol::has_ports(number) => {
            let range = rule.port_range_min.zip(rule.port_range_max);
            Opening::Ports(number, range.filter(|range| *range != (1, 65_535)))
        }
        _ => Opening::Other(name.to_uppercase()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lang::Lang;

    #[test]
    fn the_wider_opening_is_said_alone() {
        let mut all = Openings::default();
        assert!(all.is_closed());
        all.add(Sender::Members("default".to_owned()), Opening::All);
        assert!(all.is_closed());
        all.add(Sender::Anybody, Opening::SSH);
        all.add(Sender::Anybody, Opening::PING);
        all.add(Sender::Anybody, Opening::Ports(TCP, Some((8000, 8080))));
        assert!(!all.is_closed());
        assert!(all.lets_anybody(&Opening::SSH) && all.lets_anybody(&Opening::PING));
        assert!(!all.lets_anybody(&Opening::Ports(TCP, Some((80, 80)))));
        let t = Text(Lang::En);
        assert_eq!(all.lines(t)[0].1, "ping, SSH (TCP 22), TCP 8000–8080");
        all.add(Sender::Anybody, Opening::Ports(TCP, None));
        assert!(all.lets_anybody(&Opening::Ports(TCP, Some((80, 80)))));
        all.add(Sender::Anybody, Opening::SSH);
        assert_eq!(all.lines(t)[0].1, "ping, all TCP");
        all.add(Sender::Anybody, Opening::All);
        assert_eq!(all.lines(t)[0].1, "all traffic");
    }
}
