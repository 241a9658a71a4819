//! Who a part of a ruleset is there for.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};

use model::host::{Direction, NetworkConfig, PortConfig, RouterConfig};
use model::reach::RuleOwner;
use model::{PortId, SecurityGroupId};
use uuid::Uuid;

use crate::network::names::tap_device;
use crate::network::table::Table;
use crate::network::{filter, nat, packets};

/// Tells of each part of a network's or router's ruleset who it is for.
#[derive(Debug, Default)]
pub struct Owners {
    /// Who everything else is for.
    whole: Option<RuleOwner>,
    /// Names (of devices, Ethernet addresses, addresses) in elements.
    elements: BTreeMap<String, RuleOwner>,
    /// Chains, and sets, by name.
    parts: BTreeMap<String, RuleOwner>,
    /// The rules of chains, by their place.
    rules: BTreeMap<(String, usize), RuleOwner>,
    /// Everything that has a place in the whole ruleset: tables, and chains and sets in them.
    names: BTreeSet<(String, String, String)>,
}

impl Owners {
    /// Of a network's ruleset.
    pub fn of_network(network: &NetworkConfig) -> Self {
        let mut owners = Self {
            whole: Some(RuleOwner::Network(network.id)),
            ..Self::default()
        };
        for port in network.ports.values() {
            owners.add_port(port);
        }
        for group in network.members.keys() {
            for kind in ["m4", "m6", "n4", "n6"] {
                let name = format!("{kind}_{}", group.0.simple());
                owners.parts.insert(name, RuleOwner::Group(*group));
            }
        }
        let tables = filter::tables(network);
        for groups in filter::group_sets(network) {
            owners.add_groups(network, groups, &tables);
        }
        tables.iter().for_each(|table| owners.add_names(table));
        // That table is rendered only.
        if packets::render(network) != packets::NONE {
            owners.names.insert(("bridge".into(), "dpq".into(), String::new()));
        }
        owners
    }

    fn add_port(&mut self, port: &PortConfig) {
        let owner = RuleOwner::Port(port.id);
        self.elements.insert(format!("\"{}\"", tap_device(port.id)), owner);
        self.elements.insert(port.mac.to_string(), owner);
        // Several ports may have the same by address pairs; any of them will do.
        for (_, mac) in &port.allowed_address_pairs {
            self.elements.entry(mac.to_string()).or_insert(owner);
        }
        for ip in &port.fixed_ips {
            self.elements.insert(ip.address.addr().to_string(), owner);
        }
        self.elements.insert(port.mac.link_local().to_string(), owner);
        for prefix in ["nd", "f", "t"] {
            self.parts.insert(format!("{prefix}_{}", port.id.0.simple()), owner);
        }
    }

    /// The chains of a set of groups, and the rules in them.
    fn add_groups(&mut self, network: &NetworkConfig, groups: &BTreeSet<SecurityGroupId>, tables: &[Table]) {
        let key = filter::group_key(groups);
        let mut texts = BTreeMap::new();
        for rule in groups
            .iter()
            .filter_map(|group| network.groups.get(group))
            .flat_map(|rules| rules.iter())
        {
            for text in filter::rule_texts(network, rule) {
                texts.insert((rule.direction, text), RuleOwner::Rule(rule.id));
            }
        }
        for (direction, prefix) in [(Direction::Egress, "e"), (Direction::Ingress, "i")] {
            let name = format!("{prefix}_{key}");
            let chain = tables.iter().find_map(|table| table.chains.get(&name));
            for (place, rule) in chain.iter().flat_map(|chain| chain.rules.iter().enumerate()) {
                if let Some(owner) = texts.get(&(direction, rule.clone())) {
                    self.rules.insert((name.clone(), place), *owner);
                }
            }
            if let Some(group) = groups.first() {
                self.parts.insert(name, RuleOwner::Group(*group));
            }
        }
    }

    /// Of a router's ruleset.
    pub fn of_router(router: &RouterConfig) -> Self {
        let mut owners = Self {
            whole: Some(RuleOwner::Router(router.id)),
            ..Self::default()
        };
        for forwarding in &router.forwardings {
            let owner = RuleOwner::Forwarding(forwarding.floating_ip_id);
            owners.elements.insert(forwarding.floating.to_string(), owner);
        }
        for ip in &router.floating_ips {
            let owner = RuleOwner::FloatingIp(ip.id);
            owners.elements.insert(ip.floating.to_string(), owner);
            owners.elements.insert(ip.fixed.to_string(), owner);
        }
        for address in router.ndp_proxies.iter().flatten() {
            owners
                .elements
                .insert(address.to_string(), RuleOwner::NdpProxy(*address));
        }
        for label in router.meters.keys() {
            let name = format!("label-{label}");
            owners.parts.insert(format!("counter {name}"), RuleOwner::Label(*label));
            owners.parts.insert(name, RuleOwner::Label(*label));
        }
        for limit in &router.limits {
            let hex = format!("{:08x}", u32::from(limit.address));
            for prefix in ["in", "out"] {
                owners
                    .parts
                    .insert(format!("{prefix}_{hex}"), RuleOwner::Limit(limit.address));
            }
        }
        let tables = nat::tables(router);
        owners.add_translation(router, &tables);
        tables.iter().for_each(|table| owners.add_names(table));
        owners
    }

    /// The rules that translate to the gateway's own address.
    fn add_translation(&mut self, router: &RouterConfig, tables: &[Table]) {
        let Some(gateway) = &router.gateway else { return };
        let post = tables.iter().find_map(|table| table.chains.get("post"));
        for (place, rule) in post.iter().flat_map(|chain| chain.rules.iter().enumerate()) {
            if rule.contains("snat to ") && !rule.contains("@fix") {
                self.rules
                    .insert(("post".into(), place), RuleOwner::Gateway(gateway.port_id));
            }
        }
    }

    fn add_names(&mut self, table: &Table) {
        let (family, name) = (table.family.to_owned(), table.name.to_owned());
        let parts = table.chains.keys().chain(table.sets.keys()).cloned();
        self.names.extend(
            parts
                .chain([String::new()])
                .map(|part| (family.clone(), name.clone(), part)),
        );
    }

    /// Whether the whole ruleset has such a table, or (`part` not empty) such a chain or set in it.
    pub fn has(&self, family: &str, table: &str, part: &str) -> bool {
        self.names
            .contains(&(family.to_owned(), table.to_owned(), part.to_owned()))
    }

    /// Whom a chain, a set, or a counter is for.
    pub fn of_part(&self, name: &str) -> RuleOwner {
        let whole = self.whole.unwrap_or(RuleOwner::Port(PortId(Uuid::nil())));
        self.parts.get(name).copied().unwrap_or(whole)
    }

    /// Whom a rule is for; `place`: which one of its chain it is.
    pub fn of_rule(&self, chain: &str, place: usize) -> RuleOwner {
        let own = self.rules.get(&(chain.to_owned(), place)).copied();
        own.unwrap_or_else(|| self.of_part(chain))
    }

    /// Whom an element of a set is for, or one that is like it.
    pub fn of_element(&self, set: &str, key: &str) -> RuleOwner {
        if let ("in" | "out", Ok(address)) = (set, key.parse::<Ipv4Addr>()) {
            return RuleOwner::Limit(address);
        }
        // Addresses of others are members of a group; where the first word is a port's, that port is meant.
        if let Some(RuleOwner::Group(group)) = self.parts.get(set) {
            return RuleOwner::Group(*group);
        }
        let mut words = key.split(" . ").map(canonical);
        words
            .find_map(|word| self.elements.get(&word).copied())
            .unwrap_or_else(|| self.of_part(set))
    }

    /// The port that an element is for, if it is one of the network's.
    pub fn port_of_element(&self, set: &str, key: &str) -> Option<PortId> {
        match self.of_element(set, key) {
            RuleOwner::Port(port) => Some(port),
            _ => None,
        }
    }
}

/// A word of an element as it is kept here: nft writes addresses as it likes.
fn canonical(word: &str) -> String {
    word.parse::<IpAddr>()
        .map_or_else(|_| word.to_owned(), |address| address.to_string())
}
