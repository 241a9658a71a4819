//! The ruleset of a network: anti-spoofing and security groups on bridged traffic, as text.
//!
//! The kernel does not offer connection state to the bridge family everywhere. So an `inet` chain, which `br_netfilter`
//! lets see bridged packets, puts the verdict of conntrack into the packet's mark, and the bridge family's forward
//! chain, which sees both real ports, does the rest:
//!
//! - mark 1: established or related, passes at once;
//! - mark 2: new, goes through the egress rules of the sender and the ingress rules of the receiver;
//! - mark 4: invalid (passes only where neither port is filtered), or the flow carries conntrack mark 1: cut by a rule change (see [`super::flows`]);
//! - mark 0: untracked (neighbour discovery), judged by type;
//! - mark 8: untracked, as only stateless ports take part; judged as if new (see [`super::stateless`]).
//!
//! What a change does to it is worked out by [`super::filter_change`], from what changed alone.
//!
//! All look-ups are by hash: the cost of a packet does not depend on how many ports or groups there are. Everything
//! closes by default: a port that is not in these sets can neither send nor receive.

use std::collections::BTreeSet;

use ipnet::IpNet;
use model::SecurityGroupId;
use model::address::MacAddress;
use model::host::{Direction, EtherType, FilterRule, NetworkConfig, PortBinding, PortConfig, ProtocolMatch, Remote};

use super::names::tap_device;
use super::stateless;
use super::table::{Chain, Set, Table};

/// The conntrack mark of a flow that a rule change has cut.
pub const CUT: u32 = 1;

const HOSTS4: &str = "typeof iifname . ether saddr . ip saddr;";
const HOSTS6: &str = "typeof iifname . ether saddr . ip6 saddr;";
const PREFIXES4: &str = "typeof iifname . ether saddr . ip saddr; flags interval;";
const PREFIXES6: &str = "typeof iifname . ether saddr . ip6 saddr; flags interval;";
const SENDERS: &str = "typeof iifname . ether saddr;";
const DEVICES: &str = "type ifname;";
const BY_INPUT: &str = "typeof iifname : verdict;";
const BY_OUTPUT: &str = "typeof oifname : verdict;";

/// The tables of a network's namespace.
pub fn tables(config: &NetworkConfig) -> Vec<Table> {
    let [mut conntrack, mut table] = without_ports(config);
    add_conntrack_chain(&mut conntrack);
    add_fixed_chains(&mut table, stateless::is_used(config));
    if stateless::is_used(config) {
        stateless::add_chains(&mut table);
        stateless::add_untracked(&mut conntrack);
    }
    for (group, members) in &config.members {
        add_members(&mut table, *group, members.iter());
    }
    for port in config.ports.values() {
        add_port(&mut table, port, guards_neighbours(config));
        stateless::add_port(&mut table, &mut conntrack, config, port);
    }
    for groups in group_sets(config) {
        add_group_chains(&mut table, config, groups);
    }
    vec![conntrack, table]
}

/// The `inet` and the bridge family's table with their sets and maps, and nothing in them.
pub(super) fn without_ports(config: &NetworkConfig) -> [Table; 2] {
    let (mut conntrack, mut table) = (Table::new("inet", "dpct"), Table::new("bridge", "dp"));
    declare(&mut table);
    if stateless::is_used(config) {
        stateless::declare(&mut conntrack, &mut table);
    }
    [conntrack, table]
}

/// Neighbour discovery is worth guarding only where somebody has IPv6 addresses to steal.
pub(super) fn guards_neighbours(config: &NetworkConfig) -> bool {
    config.subnets.iter().any(|subnet| matches!(subnet.cidr, IpNet::V6(_)))
}

/// Whether security groups say what a port may do.
pub(super) fn is_filtered(port: &PortConfig) -> bool {
    port.admin_state_up && !is_trusted(port)
}

/// Every distinct set of groups that a filtered port is in.
pub(crate) fn group_sets(config: &NetworkConfig) -> BTreeSet<&BTreeSet<SecurityGroupId>> {
    let filtered = config.ports.values().filter(|port| is_filtered(port));
    filtered.map(|port| &port.security_groups).collect()
}

/// Whether a port stands outside the filter: a router's leg, or a port without port security.
pub fn is_trusted(port: &PortConfig) -> bool {
    !port.port_security || matches!(port.binding, PortBinding::Router(_))
}

/// What a port may send as: its own addresses, the link-local ones that its MACs make, and its allowed address pairs.
pub fn senders(port: &PortConfig) -> Vec<(MacAddress, IpNet)> {
    let host = |net: &IpNet| IpNet::from(net.addr());
    let own = port.fixed_ips.iter().map(|ip| (port.mac, host(&ip.address)));
    let pairs = port.allowed_address_pairs.iter().map(|(net, mac)| (*mac, net.trunc()));
    let macs: BTreeSet<MacAddress> = port
        .allowed_address_pairs
        .iter()
        .map(|(_, mac)| *mac)
        .chain([port.mac])
        .collect();
    let local = macs
        .into_iter()
        .map(|mac| (mac, IpNet::from(std::net::IpAddr::from(mac.link_local()))));
    own.chain(pairs).chain(local).collect()
}

/// Puts the state of conntrack into the packet's mark.
fn add_conntrack_chain(table: &mut Table) {
    // What conntrack can't place has no entry, so that a look at its `ct mark` would end the rule.
    let invalid = "ct state invalid meta mark set 4";
    let mark = "meta mark set ct mark . ct state map { \
        0 . established : 1, 0 . related : 1, 0 . new : 2, \
        1 . established : 4, 1 . related : 4, 1 . new : 4 }";
    table.chain(
        "pre",
        Chain::at(
            "type filter hook prerouting priority -150; policy accept;",
            [invalid, mark],
        ),
    );
}

/// The sets and maps that always exist, so that rules may name them.
fn declare(table: &mut Table) {
    for (name, spec) in [
        ("trusted", DEVICES),
        ("ok4", HOSTS4),
        ("ok6", HOSTS6),
        ("okr4", PREFIXES4),
        ("okr6", PREFIXES6),
        ("okmac", SENDERS),
    ] {
        table.set(name, || Set::new(spec));
    }
    for (name, spec) in [("eg", BY_INPUT), ("nd", BY_INPUT), ("ing", BY_OUTPUT)] {
        table.set(name, || Set::map(spec));
    }
}

fn add_fixed_chains(table: &mut Table, has_stateless: bool) {
    add_spoofing_chains(table);
    add_guard_chain(table);
    // Past the sender's rules: what the receiver thinks of it.
    table.chain(
        "toport",
        Chain::new(["oifname vmap @ing", "oifname @trusted accept", "counter drop"]),
    );
    let guarded = [
        // Between ports without rules an answer may go another way than the question came.
        "meta mark 4 iifname @trusted oifname @trusted accept",
        "meta mark 4 counter drop",
        "iifname != @trusted jump vmguard",
        "meta protocol arp accept",
        // Linux never tracks these; without them IPv6 does not work at all. Advertisements of routers are here
        // only from trusted ports: the guard has dropped the others.
        "icmpv6 type { 130, 134, 135, 136 } accept",
    ];
    let judged = [
        // A port may always say these, as with Neutron; who hears them is the receiver's business.
        "icmpv6 type { 131, 132, 133, 143 } goto toport",
        "udp sport 68 udp dport 67 goto toport",
        "udp sport 546 udp dport 547 goto toport",
        "iifname vmap @eg",
        "goto toport",
    ];
    let answers: &[&str] = if has_stateless { &stateless::DHCP_ANSWERS } else { &[] };
    table.chain("new", Chain::new(guarded.iter().chain(answers).chain(&judged).copied()));
    // The state of a packet says nothing about a port that has none.
    let (passes, enters): (&[&str], &str) = match has_stateless {
        false => (&["meta mark 1 accept"], "meta mark 1 accept"),
        true => (
            &[
                "meta mark 1 iifname != @stateless oifname != @stateless accept",
                "meta mark 1 goto half",
            ],
            "meta mark 1 iifname != @stateless accept",
        ),
    };
    table.chain(
        "cfwd",
        Chain::at(
            "type filter hook forward priority -200; policy drop;",
            passes.iter().chain(&["goto new"]).copied(),
        ),
    );
    // To the services of the namespace itself: DHCP, DNS, metadata.
    table.chain(
        "cinp",
        Chain::at(
            "type filter hook input priority -200; policy drop;",
            [
                enters,
                "meta mark 4 counter drop",
                "iifname @trusted accept",
                "jump vmguard",
                "meta protocol arp accept",
                "icmpv6 type { 130, 131, 132, 133, 135, 136, 143 } accept",
                "udp sport 68 udp dport 67 accept",
                "udp sport 546 udp dport 547 accept",
                "iifname vmap @eg",
                "accept",
            ],
        ),
    );
}

/// Before conntrack, so that forged packets make no entries.
fn add_spoofing_chains(table: &mut Table) {
    table.chain(
        "s4",
        Chain::new([
            "ip saddr 0.0.0.0 ip daddr 255.255.255.255 udp sport 68 udp dport 67 iifname . ether saddr @okmac accept",
            "iifname . ether saddr . ip saddr @okr4 accept",
            "counter drop",
        ]),
    );
    table.chain(
        "s6",
        Chain::new([
            "ip6 saddr :: icmpv6 type { 131, 135, 143 } iifname . ether saddr @okmac accept",
            "iifname . ether saddr . ip6 saddr @okr6 accept",
            "counter drop",
        ]),
    );
    table.chain(
        "sarp",
        Chain::new([
            "iifname . arp saddr ether . arp saddr ip @ok4 iifname . ether saddr @okmac accept",
            "arp operation request arp saddr ip 0.0.0.0 iifname . arp saddr ether @okmac iifname . ether saddr @okmac \
             accept",
            "iifname . arp saddr ether . arp saddr ip @okr4 iifname . ether saddr @okmac accept",
            "counter drop",
        ]),
    );
    table.chain(
        "slow",
        Chain::new([
            "iifname @trusted accept",
            "meta protocol vmap { ip : goto s4, ip6 : goto s6, arp : goto sarp }",
            "counter drop",
        ]),
    );
    table.chain(
        "pre",
        Chain::at(
            "type filter hook prerouting priority -300; policy drop;",
            [
                "iifname . ether saddr . ip saddr @ok4 accept",
                "iifname . ether saddr . ip6 saddr @ok6 accept",
                "goto slow",
            ],
        ),
    );
}

/// What no server may send, whatever its rules: VLAN tags, answers of DHCP servers, router advertisements, redirects, and
/// neighbour discovery for an address that is not its own. In the forward chain, where fragments are whole again.
fn add_guard_chain(table: &mut Table) {
    table.chain(
        "vmguard",
        Chain::new([
            // The Ethernet type as it was on the wire. A tagged packet is not shown to conntrack, so it always comes
            // here.
            "@ll,96,16 { 0x8100, 0x88a8 } counter drop",
            "udp sport 67 udp dport 68 counter drop",
            "udp sport 547 udp dport 546 counter drop",
            "icmpv6 type { 134, 137 } counter drop",
            "icmpv6 type 136 iifname vmap @nd",
            "ip6 saddr :: icmpv6 type 135 iifname vmap @nd",
        ]),
    );
}

/// The sets of a remote group's members: hosts by hash, and prefixes (allowed address pairs) where there are any.
pub(super) fn add_members<'a>(table: &mut Table, group: SecurityGroupId, members: impl Iterator<Item = &'a IpNet>) {
    let (hosts, prefixes): (Vec<&IpNet>, Vec<&IpNet>) = members.partition(|net| is_host(net));
    for version in [EtherType::IPv4, EtherType::IPv6] {
        let set = table.set(member_set('m', version, group), || {
            Set::new(address_type(version, false))
        });
        for net in hosts.iter().filter(|net| is(version, net)) {
            set.insert(net.addr().to_string());
        }
        let prefixes: Vec<IpNet> = prefixes
            .iter()
            .filter(|net| is(version, net))
            .map(|net| net.trunc())
            .collect();
        if !prefixes.is_empty() {
            let set = table.set(member_set('n', version, group), || {
                Set::new(address_type(version, true))
            });
            // Overlapping prefixes are refused by an interval set.
            IpNet::aggregate(&prefixes)
                .iter()
                .for_each(|net| set.insert(net.to_string()));
        }
    }
}

/// What a port has in the sets and maps, and its own chain. All of it bears the name of its device, so ports never
/// share an element.
pub(super) fn add_port(table: &mut Table, port: &PortConfig, guard_neighbours: bool) {
    if !port.admin_state_up {
        return;
    }
    let device = format!("\"{}\"", tap_device(port.id));
    if is_trusted(port) {
        table.set("trusted", || Set::new(DEVICES)).insert(device);
        return;
    }
    for (mac, net) in senders(port) {
        add_sender(table, &device, mac, net);
        table
            .set("okmac", || Set::new(SENDERS))
            .insert(format!("{device} . {mac}"));
    }
    if guard_neighbours {
        let chain = format!("nd_{}", port.id.0.simple());
        table.chain(chain.clone(), neighbour_chain(port));
        table
            .set("nd", || Set::map(BY_INPUT))
            .insert_pair(&device, format!("jump {chain}"));
    }
    let key = group_key(&port.security_groups);
    for (map, spec, verdict) in [
        ("eg", BY_INPUT, format!("jump e_{key}")),
        ("ing", BY_OUTPUT, format!("goto i_{key}")),
    ] {
        table.set(map, || Set::map(spec)).insert_pair(&device, verdict);
    }
}

fn add_sender(table: &mut Table, device: &str, mac: MacAddress, net: IpNet) {
    let (name, spec) = match (net, is_host(&net)) {
        (IpNet::V4(_), true) => ("ok4", HOSTS4),
        (IpNet::V6(_), true) => ("ok6", HOSTS6),
        (IpNet::V4(_), false) => ("okr4", PREFIXES4),
        (IpNet::V6(_), false) => ("okr6", PREFIXES6),
    };
    let address = if is_host(&net) {
        net.addr().to_string()
    } else {
        net.to_string()
    };
    table
        .set(name, || Set::new(spec))
        .insert(format!("{device} . {mac} . {address}"));
}

/// The prefixes that a port may send from, which are in sets of their own.
pub(super) fn add_sender_prefixes(table: &mut Table, port: &PortConfig) {
    if port.allowed_address_pairs.is_empty() || !is_filtered(port) {
        return;
    }
    let device = format!("\"{}\"", tap_device(port.id));
    for (mac, net) in senders(port).into_iter().filter(|(_, net)| !is_host(net)) {
        add_sender(table, &device, mac, net);
    }
}

/// The chains of a set of groups, one for each direction.
pub(super) fn add_group_chains(table: &mut Table, config: &NetworkConfig, groups: &BTreeSet<SecurityGroupId>) {
    let key = group_key(groups);
    for (direction, prefix) in [(Direction::Egress, "e"), (Direction::Ingress, "i")] {
        table.chain(format!("{prefix}_{key}"), group_chain(config, groups, direction));
    }
}

/// One pair of chains for each distinct set of groups, not for each port. A single group, the common case, is named
/// by its id; more by a digest of theirs.
pub(crate) fn group_key(groups: &BTreeSet<SecurityGroupId>) -> String {
    match groups.iter().collect::<Vec<_>>().as_slice() {
        [] => "none".into(),
        [one] => one.0.simple().to_string(),
        many => {
            let bytes: Vec<u8> = many.iter().flat_map(|id| *id.0.as_bytes()).collect();
            uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_OID, &bytes)
                .simple()
                .to_string()
        }
    }
}

/// The rules of some groups together. An egress rule that lets a packet pass sends it on to the ingress rules.
fn group_chain(config: &NetworkConfig, groups: &BTreeSet<SecurityGroupId>, direction: Direction) -> Chain {
    let rules = groups
        .iter()
        .filter_map(|group| config.groups.get(group))
        .flat_map(|rules| rules.iter());
    let texts: BTreeSet<String> = rules
        .filter(|rule| rule.direction == direction)
        .flat_map(|rule| rule_texts(config, rule))
        .collect();
    Chain::new(texts.into_iter().chain(["counter drop".into()]))
}

/// What a rule is in a chain of groups, as text; in the same order as its matches.
pub(crate) fn rule_texts(config: &NetworkConfig, rule: &FilterRule) -> Vec<String> {
    let verdict = match rule.direction {
        Direction::Egress => "return",
        Direction::Ingress => "accept",
    };
    let matches = matches(config, rule).into_iter();
    matches.map(|text| format!("{text} {verdict}")).collect()
}

/// The match of a rule; more than one if its remote group has members of several kinds, none if it has no members.
fn matches(config: &NetworkConfig, rule: &FilterRule) -> Vec<String> {
    let (version, header) = match rule.ethertype {
        EtherType::IPv4 => ("ip", "ip"),
        EtherType::IPv6 => ("ip6", "ip6"),
    };
    let field = match rule.direction {
        Direction::Egress => "daddr",
        Direction::Ingress => "saddr",
    };
    let protocol = protocol_match(rule);
    let remotes = match &rule.remote {
        Remote::Any => vec![String::new()],
        Remote::Prefix(net) if !is(rule.ethertype, net) => vec![],
        Remote::Prefix(net) if net.prefix_len() == 0 => vec![String::new()],
        Remote::Prefix(net) => vec![format!(" {header} {field} {}", net.trunc())],
        Remote::Group(group) => {
            let members = config.members.get(group);
            let any = |hosts: bool| {
                members.is_some_and(|m| m.iter().any(|net| is(rule.ethertype, net) && is_host(net) == hosts))
            };
            // The host set is always there, so that members come and go without a change of the rules.
            let hosts = members.map(|_| format!(" {header} {field} @{}", member_set('m', rule.ethertype, *group)));
            let prefixes =
                any(false).then(|| format!(" {header} {field} @{}", member_set('n', rule.ethertype, *group)));
            hosts.into_iter().chain(prefixes).collect()
        }
    };
    remotes
        .into_iter()
        .map(|remote| format!("meta protocol {version}{remote}{protocol}"))
        .collect()
}

fn protocol_match(rule: &FilterRule) -> String {
    match rule.protocol {
        ProtocolMatch::Any => String::new(),
        ProtocolMatch::Number(number) => format!(" meta l4proto {number}"),
        ProtocolMatch::Ports {
            protocol,
            range: None | Some((0, 65_535)),
        } => format!(" meta l4proto {protocol}"),
        ProtocolMatch::Ports {
            protocol,
            range: Some((first, last)),
        } if first == last => {
            format!(" meta l4proto {protocol} th dport {first}")
        }
        ProtocolMatch::Ports {
            protocol,
            range: Some((first, last)),
        } => {
            format!(" meta l4proto {protocol} th dport {first}-{last}")
        }
        ProtocolMatch::Icmp { kind, code } => {
            let (name, number) = match rule.ethertype {
                EtherType::IPv4 => ("icmp", 1),
                EtherType::IPv6 => ("icmpv6", 58),
            };
            match (kind, code) {
                (None, _) => format!(" meta l4proto {number}"),
                (Some(kind), None) => format!(" {name} type {kind}"),
                (Some(kind), Some(code)) => format!(" {name} type {kind} {name} code {code}"),
            }
        }
    }
}

/// The targets that a port may advertise: the 16 bytes behind the first 8 of the message (RFC 4861, 4.4). nft 1.0 has
/// no name for them, and no set may hold them beside an interface, hence a chain for each port.
fn neighbour_chain(port: &PortConfig) -> Chain {
    let mut hosts = BTreeSet::new();
    let mut rules = Vec::new();
    for (_, net) in senders(port) {
        let IpNet::V6(net) = net else { continue };
        let bits = u128::from(net.network());
        match net.prefix_len() {
            128 => {
                hosts.insert(format!("{bits:#034x}"));
            }
            0 => rules.push("return".to_owned()),
            length => rules.push(format!(
                "@th,64,{length} {:#x} return",
                bits >> (128 - u32::from(length))
            )),
        }
    }
    let hosts: Vec<String> = hosts.into_iter().collect();
    rules.insert(0, format!("@th,64,128 {{ {} }} return", hosts.join(", ")));
    rules.push("counter drop".into());
    Chain::new(rules)
}

fn member_set(kind: char, version: EtherType, group: SecurityGroupId) -> String {
    let version = if version == EtherType::IPv4 { 4 } else { 6 };
    format!("{kind}{version}_{}", group.0.simple())
}

fn address_type(version: EtherType, interval: bool) -> &'static str {
    match (version, interval) {
        (EtherType::IPv4, false) => "type ipv4_addr;",
        (EtherType::IPv4, true) => "type ipv4_addr; flags interval;",
        (EtherType::IPv6, false) => "type ipv6_addr;",
        (EtherType::IPv6, true) => "type ipv6_addr; flags interval;",
    }
}

pub(super) fn is(version: EtherType, net: &IpNet) -> bool {
    matches!(
        (version, net),
        (EtherType::IPv4, IpNet::V4(_)) | (EtherType::IPv6, IpNet::V6(_))
    )
}

pub(super) fn is_host(net: &IpNet) -> bool {
    net.prefix_len() == net.max_prefix_len()
}
