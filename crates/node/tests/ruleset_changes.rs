//! What a change does to a network's ruleset is worked out from the change alone; it must come to the same commands as
//! comparing the whole rulesets before and after. No kernel needed.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::sync::Arc;

use imbl::{OrdMap, OrdSet};
use ipnet::IpNet;
use model::address::MacAddress;
use model::host::*;
use model::{NetworkId, PortId, RouterId, SecurityGroupId, SecurityGroupRuleId, ServerId, SubnetId};
use node::network::{filter, filter_change};
use proptest::prelude::*;
use uuid::Uuid;

fn id(kind: u32, n: u32) -> Uuid {
    Uuid::from_u128((u128::from(n + 1) << 96) | u128::from(kind))
}

fn net(text: String) -> IpNet {
    text.parse().unwrap()
}

fn subnet(cidr: &str) -> SubnetConfig {
    SubnetConfig {
        id: SubnetId(id(1, 0)),
        cidr: net(cidr.to_owned()),
        gateway: None,
        dhcp: true,
        dns_nameservers: vec![],
        host_routes: vec![],
        ipv6: None,
    }
}

/// A port by a few choices.
fn port(n: u32, choices: [u8; 4]) -> PortConfig {
    let [kind, groups, address, pairs] = choices;
    let fixed = |text| FixedIpConfig {
        subnet_id: SubnetId(id(1, 0)),
        address: net(text),
    };
    let mac = MacAddress([0xfa, 0x16, 0x3e, 0, pairs & 1, n as u8]);
    let mut fixed_ips = vec![fixed(format!("10.{}.{}.{}/8", address & 1, n / 256, n % 256))];
    if address & 2 != 0 {
        fixed_ips.push(fixed(format!("fd00::{n}/64")));
    }
    let mut allowed_address_pairs = Vec::new();
    // Another MAC than its own, which other ports may have, too.
    let virtual_mac = MacAddress([0, 0, 0x5e, 0, 1, 1]);
    for (bit, text) in [(2, "10.9.0.1/32"), (4, "10.8.0.0/16"), (8, "fd01::/64"), (16, "::/0")] {
        if pairs & bit != 0 {
            let of = if pairs & 32 != 0 { virtual_mac } else { mac };
            allowed_address_pairs.push((net(text.to_owned()), of));
        }
    }
    PortConfig {
        id: PortId(id(2, n)),
        network_id: NetworkId(id(0, 0)),
        mac,
        fixed_ips,
        binding: match kind % 8 {
            0 => PortBinding::Router(RouterId(id(3, 0))),
            _ => PortBinding::Server(ServerId(id(4, n))),
        },
        admin_state_up: kind % 8 != 1,
        port_security: kind % 8 != 2,
        allowed_address_pairs,
        security_groups: (0..3).filter(|bit| groups & (1 << bit) != 0).map(group).collect(),
        dns_name: None,
        extra_dhcp_opts: vec![],
        qos: None,
    }
}

fn group(n: u32) -> SecurityGroupId {
    SecurityGroupId(id(5, n))
}

fn rules(n: u32, choice: u8) -> Vec<FilterRule> {
    let rule = |direction, remote| FilterRule {
        id: SecurityGroupRuleId(id(6, n)),
        direction,
        ethertype: if choice & 1 == 0 {
            EtherType::IPv4
        } else {
            EtherType::IPv6
        },
        protocol: ProtocolMatch::Any,
        remote,
    };
    let remote = Remote::Group(group(u32::from(choice >> 1) % 3));
    let mut rules = vec![rule(Direction::Egress, Remote::Any)];
    if choice & 8 == 0 {
        rules.push(rule(Direction::Ingress, remote));
    }
    rules
}

fn members(choice: u8) -> OrdSet<IpNet> {
    let all = [
        "10.0.0.1/32",
        "10.0.0.2/32",
        "fd00::1/128",
        "10.8.0.0/16",
        "10.8.1.0/24",
        "fd01::/64",
    ];
    let chosen = all.iter().enumerate().filter(|(bit, _)| choice & (1 << bit) != 0);
    chosen.map(|(_, text)| net((*text).to_owned())).collect()
}

/// Some choices, most of them shared by the network before and after.
#[derive(Debug, Clone)]
struct Choices {
    ports: Vec<Option<[u8; 4]>>,
    rules: Vec<Option<u8>>,
    members: Vec<Option<u8>>,
    stateless: u8,
    ipv6: bool,
}

fn choices() -> impl Strategy<Value = Choices> {
    let ports = prop::collection::vec(prop::option::weighted(0.8, any::<[u8; 4]>()), 5);
    let some = || prop::collection::vec(prop::option::weighted(0.8, any::<u8>()), 3);
    (ports, some(), some(), 0..8u8, any::<bool>()).prop_map(|(ports, rules, members, stateless, ipv6)| Choices {
        ports,
        rules,
        members,
        stateless,
        ipv6,
    })
}

fn network(choices: &Choices) -> NetworkConfig {
    let ports = (0..)
        .zip(&choices.ports)
        .filter_map(|(n, choices)| Some(port(n, (*choices)?)));
    let groups = (0..)
        .zip(&choices.rules)
        .filter_map(|(n, choice)| Some((group(n), Arc::new(rules(n, (*choice)?)))));
    let lists = (0..)
        .zip(&choices.members)
        .filter_map(|(n, choice)| Some((group(n), members((*choice)?))));
    let mut subnets = vec![subnet("10.0.0.0/8")];
    subnets.extend(choices.ipv6.then(|| subnet("fd00::/64")));
    NetworkConfig {
        id: NetworkId(id(0, 0)),
        mtu: 1450,
        dns_domain: String::new(),
        subnets,
        service_port: None,
        ports: ports.map(|port| (port.id, Arc::new(port))).collect(),
        groups: groups.collect(),
        stateless: (0..3)
            .filter(|n| choices.stateless & (1 << n) != 0)
            .map(group)
            .collect(),
        members: lists.collect(),
        names: OrdMap::new(),
    }
}

fn by_comparing_all(old: &NetworkConfig, new: &NetworkConfig) -> Option<String> {
    let (old, new) = (filter::tables(old), filter::tables(new));
    new.iter().zip(&old).map(|(new, old)| new.difference(old)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_difference_of_what_changed_is_that_of_the_whole(
        before in choices(),
        other in choices(),
        taken in any::<[bool; 13]>(),
    ) {
        // Every choice is kept or taken from the other, so that changes of one thing come as well as of all.
        let mut after = before.clone();
        let mut taken = taken.into_iter();
        let mut takes = || taken.next().unwrap_or_default();
        for (port, other) in after.ports.iter_mut().zip(&other.ports) {
            if takes() { *port = *other }
        }
        for (rules, other) in after.rules.iter_mut().zip(&other.rules) {
            if takes() { *rules = *other }
        }
        for (members, other) in after.members.iter_mut().zip(&other.members) {
            if takes() { *members = *other }
        }
        if takes() { after.stateless = other.stateless }
        if takes() { after.ipv6 = other.ipv6 }
        let (old, new) = (network(&before), network(&after));
        prop_assert_eq!(filter_change::difference(&old, &new), by_comparing_all(&old, &new));
    }
}

#[test]
fn a_port_of_a_thousand_is_its_own_elements() {
    let choices = Choices {
        ports: vec![Some([3, 1, 1, 0]); 1000],
        rules: vec![Some(0)],
        members: vec![Some(3)],
        stateless: 0,
        ipv6: false,
    };
    let old = network(&choices);
    let mut new = old.clone();
    let added = port(5000, [3, 1, 1, 0]);
    let device = format!("\"tap{}\"", &added.id.to_string()[..11]);
    new.ports.insert(added.id, Arc::new(added));
    let text = filter_change::difference(&old, &new).unwrap();
    let verbs: BTreeSet<&str> = text
        .lines()
        .filter_map(|line| line.split_once(" bridge"))
        .map(|(v, _)| v)
        .collect();
    assert_eq!(verbs, ["add element"].into());
    assert_eq!(text.matches("\"tap").count(), text.matches(&device).count(), "{text}");
}

#[test]
fn a_port_beside_stateless_ones_is_its_own_elements() {
    let choices = Choices {
        ports: vec![Some([3, 1, 1, 0]), Some([3, 2, 1, 0])],
        rules: vec![Some(0), Some(0)],
        members: vec![Some(3)],
        stateless: 1,
        ipv6: false,
    };
    let old = network(&choices);
    for groups in [1, 2] {
        let mut new = old.clone();
        let added = port(9, [3, groups, 1, 0]);
        new.ports.insert(added.id, Arc::new(added));
        let text = filter_change::difference(&old, &new).unwrap();
        assert!(text.lines().all(|line| line.starts_with("add element")), "{text}");
        assert_eq!(text.contains("bridge dp stateless"), groups == 1, "{text}");
        assert_eq!(text.contains("inet dpct sl4"), groups == 1, "{text}");
        assert_eq!(text.contains("bridge dp sfmac"), groups == 2, "{text}");
    }
}
