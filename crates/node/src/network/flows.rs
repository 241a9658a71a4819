//! Which tracked flows the rules still allow.
//!
//! A rule that goes does not stop what it once let in: established packets pass without looking at rules. Forgetting
//! the flow would not do either, as a server that pushes data opens it again from its side. So the flow keeps its entry
//! and gets a mark that the ruleset drops by ([`super::filter::CUT`]), and loses it when a rule allows it again.
//!
//! The judgement is made by evaluating the very rules the ruleset is rendered from.

use std::collections::HashMap;
use std::net::IpAddr;

use ipnet::IpNet;
use linux::conntrack::Tuple;
use model::host::{Direction, EtherType, FilterRule, NetworkConfig, PortConfig, ProtocolMatch, Remote};

use super::filter::{is_filtered, is_trusted, senders};
use super::stateless::is_stateless;
use super::tenant::METADATA;

const ICMP: u8 = 1;
const ICMP6: u8 = 58;

/// The ports of a network by the addresses they may use.
pub struct Judge<'a> {
    config: &'a NetworkConfig,
    hosts: HashMap<IpAddr, Vec<&'a PortConfig>>,
    prefixes: Vec<(IpNet, &'a PortConfig)>,
}

impl<'a> Judge<'a> {
    /// Prepares to judge the flows of a network.
    pub fn new(config: &'a NetworkConfig) -> Self {
        let mut judge = Self {
            config,
            hosts: HashMap::new(),
            prefixes: Vec::new(),
        };
        for port in config.ports.values() {
            for (_, net) in senders(port) {
                if net.prefix_len() == net.max_prefix_len() {
                    judge.hosts.entry(net.addr()).or_default().push(port);
                } else {
                    judge.prefixes.push((net, port));
                }
            }
        }
        judge
    }

    /// Whether a flow may go on. One that touches none of the network's ports is none of our business.
    pub fn allows(&self, flow: &Tuple) -> bool {
        self.one_allows(flow.source, flow, Direction::Egress)
            && (self.is_service(flow.source) || self.one_allows(flow.destination, flow, Direction::Ingress))
    }

    /// Whether one of the ports that have the address lets the flow pass (or no port has it).
    fn one_allows(&self, address: IpAddr, flow: &Tuple, direction: Direction) -> bool {
        let mut ports = self.ports_at(address).peekable();
        ports.peek().is_none() || ports.any(|port| self.port_allows(port, flow, direction))
    }

    /// Whether conntrack is to see the flow: it does not where a stateless port takes part and no stateful one.
    pub fn tracks(&self, flow: &Tuple) -> bool {
        let ends = || {
            [flow.source, flow.destination]
                .into_iter()
                .flat_map(|ip| self.ports_at(ip))
        };
        let stateless = |port: &PortConfig| is_stateless(self.config, port);
        !ends().any(stateless) || ends().any(|port| is_filtered(port) && !stateless(port))
    }

    /// The ports that may use an address.
    fn ports_at(&self, address: IpAddr) -> impl Iterator<Item = &'a PortConfig> {
        let hosts = self.hosts.get(&address).into_iter().flatten().copied();
        let prefixes = self
            .prefixes
            .iter()
            .filter(move |(net, _)| net.contains(&address))
            .map(|(_, port)| *port);
        hosts.chain(prefixes)
    }

    fn port_allows(&self, port: &PortConfig, flow: &Tuple, direction: Direction) -> bool {
        if is_trusted(port) {
            return port.admin_state_up;
        }
        let groups = port
            .security_groups
            .iter()
            .filter_map(|group| self.config.groups.get(group));
        port.admin_state_up
            && (is_dhcp(flow)
                || groups
                    .flat_map(|rules| rules.iter())
                    .any(|rule| self.rule_allows(rule, flow, direction)))
    }

    fn rule_allows(&self, rule: &FilterRule, flow: &Tuple, direction: Direction) -> bool {
        let remote = match direction {
            Direction::Egress => flow.destination,
            Direction::Ingress => flow.source,
        };
        rule.direction == direction
            && (rule.ethertype == EtherType::IPv4) == flow.source.is_ipv4()
            && protocol_allows(rule.protocol, flow)
            && match &rule.remote {
                Remote::Any => true,
                Remote::Prefix(net) => net.contains(&remote),
                Remote::Group(group) => self
                    .config
                    .members
                    .get(group)
                    .is_some_and(|members| members.iter().any(|net| net.contains(&remote))),
            }
    }

    /// The network's own services talk to servers without a rule.
    fn is_service(&self, address: IpAddr) -> bool {
        let own = self.config.service_port.as_ref();
        let local = own.map(|port| IpAddr::V6(port.mac.link_local()));
        own.iter()
            .flat_map(|port| &port.addresses)
            .any(|net| net.addr() == address)
            || local == Some(address)
            || METADATA.contains(&address)
    }
}

fn protocol_allows(wanted: ProtocolMatch, flow: &Tuple) -> bool {
    match wanted {
        ProtocolMatch::Any => true,
        ProtocolMatch::Number(number) => flow.protocol == number,
        ProtocolMatch::Ports { protocol, range } => {
            flow.protocol == protocol
                && range.is_none_or(|(first, last)| {
                    flow.destination_port.is_some_and(|port| (first..=last).contains(&port))
                })
        }
        ProtocolMatch::Icmp { kind, code } => {
            let protocol = if flow.source.is_ipv4() { ICMP } else { ICMP6 };
            flow.protocol == protocol
                && kind.is_none_or(|kind| flow.icmp.is_some_and(|(k, _)| k == kind))
                && code.is_none_or(|code| flow.icmp.is_some_and(|(_, c)| c == code))
        }
    }
}

/// DHCP's own exchange is let through before the rules.
fn is_dhcp(flow: &Tuple) -> bool {
    flow.protocol == 17
        && matches!(
            (flow.source_port, flow.destination_port),
            (Some(68), Some(67)) | (Some(546), Some(547))
        )
}
