//! The ruleset of a router: address translation by maps, as text.
//!
//! A floating IP is one element in each of two maps, so associating one costs the same with a thousand as with none. A
//! translation is looked up once per connection.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};

use ipnet::{IpNet, Ipv4Net};
use model::host::{GatewayLeg, RouterConfig};

use super::names::gateway_device;
use super::table::{Chain, Set, Table};

/// Where the metadata service of a router listens (Neutron's metadata proxy has the same port).
pub const METADATA_PORT: u16 = 9697;

/// The table of a router's namespace.
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
            ],
        ),
    );
    // What the router itself sends to a floating IP of its own.
    table.chain(
        "out",
        Chain::at(
            "type nat hook output priority -100; policy accept;",
            ["dnat to ip daddr map @fip"],
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
    vec![table]
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
        rules.push(format!("oifname \"{device}\" snat to {address}"));
    }
    rules
}

/// A packet that conntrack cannot place is not translated; it must not leave with an inside address.
fn forward_rules(config: &RouterConfig) -> Vec<String> {
    match &config.gateway {
        Some(gateway) if snat_address(gateway).is_some() => {
            vec![format!(
                "oifname \"{}\" ct state invalid counter drop",
                gateway_device(gateway.port_id)
            )]
        }
        _ => Vec::new(),
    }
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
        .map(|ip| IpNet::from(IpAddr::V4(ip.floating)))
        .collect()
}
