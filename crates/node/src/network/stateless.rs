//! What a network's ruleset has besides [`super::filter`]'s where ports are in stateless security groups: their packets
//! pass by the rules alone, each by itself, and conntrack does not see them.
//!
//! Conntrack looks at a packet before anybody knows to which port it goes. So the bridge family marks by input device and
//! destination MAC what nobody with state takes part in (mark 8), and the `inet` family, which `br_netfilter` asks next,
//! has that left untracked. Everything else is tracked: what a stateful port exchanges with a stateless one, so that
//! answers to the one need no rule, while the other's rules judge them (chain `half`). Where it can't be told, tracking
//! is the safe side: the rules of a stateless port never look at the state of a packet.
//!
//! Without a rule pass ARP, neighbour discovery, router advertisements, multicast listener reports, and what DHCP servers
//! answer (api-ref, stateful security groups). The metadata and DNS services of the network need ingress rules, as with
//! Neutron; hence the chain at the bridge's output.

use std::collections::BTreeSet;

use ipnet::IpNet;
use model::address::MacAddress;
use model::host::{NetworkConfig, PortConfig};

use super::filter::is_filtered;
use super::names::tap_device;
use super::table::{Chain, Set, Table};

const DEVICES: &str = "type ifname;";
const MACS: &str = "type ether_addr;";
const V4: &str = "type ipv4_addr;";
const V6: &str = "type ipv6_addr;";

/// Whether some port of the network may be in a stateless group. Networks where none is do not pay for it.
pub(super) fn is_used(config: &NetworkConfig) -> bool {
    !config.stateless.is_empty()
}

/// Whether the port's packets are filtered one by one.
pub(super) fn is_stateless(config: &NetworkConfig, port: &PortConfig) -> bool {
    let stateless = |group| config.stateless.contains(group);
    is_filtered(port) && is_used(config) && port.security_groups.iter().any(stateless)
}

/// The sets, so that rules may name them.
pub(super) fn declare(inet: &mut Table, bridge: &mut Table) {
    for (name, spec) in [
        // Stateless ports, by device and by MAC.
        ("stateless", DEVICES),
        ("slmac", MACS),
        // The MACs of stateful ports, and those that ports have by address pairs: several ports may have the same.
        ("sfmac", MACS),
        ("shared", MACS),
    ] {
        bridge.set(name, || Set::new(spec));
    }
    // The addresses of stateless ports.
    for (name, spec) in [("sl4", V4), ("sl6", V6)] {
        inet.set(name, || Set::new(spec));
    }
}

/// The bridge family's chains.
pub(super) fn add_chains(table: &mut Table) {
    table.chain(
        "track",
        Chain::at(
            "type filter hook prerouting priority -290; policy accept;",
            [
                "ether daddr @sfmac accept",
                "ether daddr @shared accept",
                "iifname @stateless meta mark set 8",
                "iifname @trusted ether daddr @slmac meta mark set 8",
            ],
        ),
    );
    // Established between a stateful port and a stateless one, which the rules of the latter judge.
    table.chain(
        "half",
        Chain::new([
            "iifname @stateless jump vmguard",
            "iifname @stateless iifname vmap @eg",
            "oifname @stateless goto toport",
            "accept",
        ]),
    );
    // What the services of the namespace send.
    table.chain(
        "cout",
        Chain::at(
            "type filter hook output priority -200; policy accept;",
            [
                "oifname != @stateless accept",
                "meta protocol arp accept",
                "icmpv6 type { 130, 134, 135, 136 } accept",
                "udp sport 67 udp dport 68 accept",
                "udp sport 547 udp dport 546 accept",
                "oifname vmap @ing",
            ],
        ),
    );
}

/// In chain `new`, behind the guard: answers of DHCP servers that are allowed to be one.
pub(super) const DHCP_ANSWERS: [&str; 2] = [
    "oifname @stateless udp sport 67 udp dport 68 accept",
    "oifname @stateless udp sport 547 udp dport 546 accept",
];

/// The `inet` family's part: what is marked is not tracked, nor is what the namespace itself answers.
pub(super) fn add_untracked(table: &mut Table) {
    table.chain(
        "untrack",
        Chain::at(
            "type filter hook prerouting priority -300; policy accept;",
            ["meta mark 8 notrack"],
        ),
    );
    table.chain(
        "answers",
        Chain::at(
            "type filter hook output priority -300; policy accept;",
            ["ip daddr @sl4 notrack", "ip6 daddr @sl6 notrack"],
        ),
    );
}

/// What a port has in these sets. Its own MAC and addresses are its alone in the network, so ports share no element but
/// those of [`add_shared`].
pub(super) fn add_port(bridge: &mut Table, inet: &mut Table, config: &NetworkConfig, port: &PortConfig) {
    if !is_used(config) || !is_filtered(port) {
        return;
    }
    add_shared(bridge, port);
    if !is_stateless(config, port) {
        bridge.set("sfmac", || Set::new(MACS)).insert(port.mac.to_string());
        return;
    }
    let device = format!("\"{}\"", tap_device(port.id));
    bridge.set("stateless", || Set::new(DEVICES)).insert(device);
    bridge.set("slmac", || Set::new(MACS)).insert(port.mac.to_string());
    let local = IpNet::from(std::net::IpAddr::from(port.mac.link_local()));
    for net in port.fixed_ips.iter().map(|ip| ip.address).chain([local]) {
        let (name, spec) = match net {
            IpNet::V4(_) => ("sl4", V4),
            IpNet::V6(_) => ("sl6", V6),
        };
        inet.set(name, || Set::new(spec)).insert(net.addr().to_string());
    }
}

/// The MACs that a port has by address pairs.
pub(super) fn add_shared(bridge: &mut Table, port: &PortConfig) {
    let pairs: BTreeSet<MacAddress> = port.allowed_address_pairs.iter().map(|(_, mac)| *mac).collect();
    for mac in pairs.into_iter().filter(|mac| *mac != port.mac) {
        bridge.set("shared", || Set::new(MACS)).insert(mac.to_string());
    }
}
