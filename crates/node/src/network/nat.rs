//! The ruleset of a router: address translation by maps, as text.
//!
//! A floating IP is one element in each of two maps, so associating one costs the same with a thousand as with none. A
//! translation is looked up once per connection.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};

use ipnet::{IpNet, Ipv4Net};
use linux::conntrack::Tuple;
use model::host::{ForwardingConfig, GatewayLeg, RouterConfig};

use super::limits;
use super::names::gateway_device;
use super::ndp;
use super::scopes;
use super::table::{Chain, Set, Table};

/// Where the metadata service of a router listens (Neutron's metadata proxy has the same port).
pub const METADATA_PORT: u16 = 9697;

/// Takes the IPv6 table away, whether or not it is there.
const NO_IPV6_TABLE: &str = "add table ip6 dpr6\ndelete table ip6 dpr6\n";

/// The tables of a router's namespace.
pub fn tables(config: &RouterConfig) -> Vec<Table> {
    let mut table = Table::new("ip", "dpr");
    let fip = table.set("fip", || Set::map("type ipv4_addr : ipv4_addr;"));
    for ip in &config.floating_ips {
        fip.insert_pair(ip.floating.to_string(), ip.fixed.to_string());
    }
    let fix = table.set("fix", || Set::map("type ipv4_addr : ipv4_addr;"));
    for ip in &config.floating_ips {
        fix.insert_pair(ip.fixed.to_string(), ip.floating.to_string());
    }
    let forwards = add_forwardings(&mut table, config);
    let inside = table.set("inside", || Set::new("type ipv4_addr; flags interval;"));
    for net in inside_prefixes(config) {
        inside.insert(net.to_string());
    }
    table.chain(
        "pre",
        Chain::at(
            "type nat hook prerouting priority -100; policy accept;",
            [
                format!("iifname \"qr-*\" ip daddr 169.254.169.254 tcp dport 80 redirect to :{METADATA_PORT}"),
                "dnat to ip daddr map @fip".into(),
            ]
            .into_iter()
            .chain(forwards.map(str::to_owned)),
        ),
    );
    // What the router itself sends to a floating IP of its own.
    table.chain(
        "out",
        Chain::at(
            "type nat hook output priority -100; policy accept;",
            ["dnat to ip daddr map @fip"].into_iter().chain(forwards),
        ),
    );
    table.chain(
        "post",
        Chain::at(
            "type nat hook postrouting priority 100; policy accept;",
            post_rules(config),
        ),
    );
    table.chain(
        "guard",
        Chain::at(
            "type filter hook input priority 0; policy accept;",
            // The metadata service is reached by the redirect only, never by the port itself.
            [format!("tcp dport {METADATA_PORT} ct status & dnat == 0 counter drop")],
        ),
    );
    table.chain(
        "through",
        Chain::at(
            "type filter hook forward priority 0; policy accept;",
            forward_rules(config),
        ),
    );
    let mut tables = vec![table];
    tables.extend(ipv6_table(config));
    tables
}

/// The table that drops what IPv6 is not to route, for a router with such: nothing of IPv6 is translated.
fn ipv6_table(config: &RouterConfig) -> Option<Table> {
    let mut table = Table::new("ip6", "dpr6");
    let mut rules = scopes::ipv6_rules(config);
    rules.extend(ndp::rules(config, &mut table));
    if rules.is_empty() {
        return None;
    }
    table.chain(
        "through",
        Chain::at("type filter hook forward priority 0; policy accept;", rules),
    );
    Some(table)
}

/// The text that loads a router's tables in the place of whatever there is.
pub fn render(config: &RouterConfig) -> String {
    let tables = tables(config);
    let mut text: String = tables.iter().map(Table::render).collect();
    if tables.len() < 2 {
        // What a router whose networks were in address scopes, or that had NDP proxies, leaves behind.
        text.push_str(NO_IPV6_TABLE);
    }
    text.push_str(&limits::render(config));
    text
}

/// The commands that turn the tables of one configuration into those of another; `None` if they can only be loaded whole.
pub fn difference(old: &RouterConfig, new: &RouterConfig) -> Option<String> {
    let limits = limits::change(old, new);
    let (old, new) = (tables(old), tables(new));
    if old.len() != new.len() {
        return None;
    }
    let tables: Option<String> = new.iter().zip(&old).map(|(new, old)| new.difference(old)).collect();
    tables.map(|text| text + &limits)
}

/// Forwarded ports, one element each: both sides of a range may be shifted against each other. Gives the rule that looks
/// there; none for a router that forwards nothing.
fn add_forwardings(table: &mut Table, config: &RouterConfig) -> Option<&'static str> {
    for forwarding in &config.forwardings {
        let pf = table.set("pf", || {
            Set::map("type ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service;")
        });
        for (external, internal) in forwarded_ports(forwarding) {
            pf.insert_pair(
                format!("{} . {} . {external}", forwarding.floating, forwarding.protocol),
                format!("{} . {internal}", forwarding.fixed),
            );
        }
    }
    (!config.forwardings.is_empty()).then_some("dnat to ip daddr . meta l4proto . th dport map @pf")
}

/// Each port outside with the one inside that it leads to.
fn forwarded_ports(forwarding: &ForwardingConfig) -> impl Iterator<Item = (u16, u16)> {
    let ((first, last), inside) = (forwarding.external, forwarding.internal);
    (first..=last).map(move |external| {
        let step = if inside.0 == inside.1 { 0 } else { external - first };
        (external, inside.0.saturating_add(step))
    })
}

/// Whether a forwarding leads from a port outside to a place inside.
pub fn forwards(forwarding: &ForwardingConfig, from: &Tuple, to: &Tuple) -> bool {
    let ports = from.destination_port.zip(to.source_port);
    from.protocol == forwarding.protocol
        && from.destination == IpAddr::V4(forwarding.floating)
        && to.source == IpAddr::V4(forwarding.fixed)
        && ports.is_some_and(|pair| forwarded_ports(forwarding).any(|own| own == pair))
}

/// The IPv4 prefixes of the router's legs.
fn inside_prefixes(config: &RouterConfig) -> Vec<Ipv4Net> {
    let nets: Vec<Ipv4Net> = config
        .legs
        .iter()
        .flat_map(|leg| &leg.addresses)
        .filter_map(|net| {
            if let IpNet::V4(net) = net {
                Some(net.trunc())
            } else {
                None
            }
        })
        .collect();
    Ipv4Net::aggregate(&nets)
}

fn post_rules(config: &RouterConfig) -> Vec<String> {
    let Some(gateway) = &config.gateway else {
        return Vec::new();
    };
    let device = gateway_device(gateway.port_id);
    let snat = snat_address(gateway);
    // Hairpin: from one server to another's (or its own) floating IP. The answer must come back here.
    let mut rules = vec!["ct status dnat ip saddr @inside oifname \"qr-*\" snat to ip saddr map @fix".to_owned()];
    if let Some(address) = snat {
        rules.push(format!(
            "ct status dnat ip saddr @inside oifname \"qr-*\" snat to {address}"
        ));
    }
    rules.push(format!("oifname \"{device}\" snat to ip saddr map @fix"));
    if let Some(address) = snat {
        rules.extend(scopes::untranslated(config, &device));
        rules.push(format!("oifname \"{device}\" snat to {address}"));
    }
    rules
}

/// A packet that conntrack cannot place is not translated; it must not leave with an inside address.
fn forward_rules(config: &RouterConfig) -> Vec<String> {
    let invalid = match &config.gateway {
        Some(gateway) if snat_address(gateway).is_some() => Some(format!(
            "oifname \"{}\" ct state invalid counter drop",
            gateway_device(gateway.port_id)
        )),
        _ => None,
    };
    invalid.into_iter().chain(scopes::ipv4_rules(config)).collect()
}

/// The address that servers without a floating IP leave under.
fn snat_address(gateway: &GatewayLeg) -> Option<Ipv4Addr> {
    let first = gateway.addresses.iter().find_map(|net| match net.addr() {
        IpAddr::V4(address) => Some(address),
        IpAddr::V6(_) => None,
    });
    first.filter(|_| gateway.enable_snat)
}

/// Addresses that the gateway leg has for floating IPs, one host prefix each.
pub fn floating_addresses(config: &RouterConfig) -> BTreeSet<IpNet> {
    config
        .floating_ips
        .iter()
        .map(|ip| ip.floating)
        .chain(config.forwardings.iter().map(|forwarding| forwarding.floating))
        .map(|address| IpNet::from(IpAddr::V4(address)))
        .collect()
}
