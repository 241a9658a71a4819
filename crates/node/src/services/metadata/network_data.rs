//! `network_data.json`: the NICs with their addresses, for guests that configure themselves without DHCP.

use std::net::IpAddr;

use ipnet::IpNet;
use model::host::{InstanceMetadata, Ipv6Mode, MetadataNic, SubnetConfig};
use serde_json::{Value, json};

/// The document: `links` (NICs), `networks` (addresses on them), `services` (resolvers).
pub(super) fn network_data(metadata: &InstanceMetadata) -> Value {
    let mut networks = Vec::new();
    let mut resolvers: Vec<IpAddr> = Vec::new();
    for nic in &metadata.nics {
        for (address, subnet) in &nic.addresses {
            networks.push(network(networks.len(), nic, address, subnet));
            for resolver in &subnet.dns_nameservers {
                if !resolvers.contains(resolver) {
                    resolvers.push(*resolver);
                }
            }
        }
    }
    json!({
        "links": metadata.nics.iter().map(link).collect::<Vec<_>>(),
        "networks": networks,
        "services": services(&resolvers),
    })
}

fn link_id(nic: &MetadataNic) -> String {
    format!("tap{}", nic.port_id.short())
}

fn link(nic: &MetadataNic) -> Value {
    json!({
        "id": link_id(nic),
        "vif_id": nic.port_id.to_string(),
        "type": "tap",
        "mtu": nic.mtu,
        "ethernet_mac_address": nic.mac.to_string(),
    })
}

fn network(number: usize, nic: &MetadataNic, address: &IpNet, subnet: &SubnetConfig) -> Value {
    let kind = kind(subnet);
    let mut document = json!({
        "id": format!("network{number}"),
        "type": kind,
        "link": link_id(nic),
        "network_id": nic.network_id.to_string(),
    });
    // A guest told to use DHCPv4 needs no address; all others are told theirs.
    if kind != "ipv4_dhcp" {
        document["ip_address"] = json!(address.addr());
        document["netmask"] = json!(address.netmask());
        document["routes"] = Value::Array(routes(subnet));
        document["services"] = services(&subnet.dns_nameservers);
    }
    document
}

fn kind(subnet: &SubnetConfig) -> &'static str {
    match (subnet.cidr, subnet.ipv6) {
        (IpNet::V4(_), _) if subnet.dhcp => "ipv4_dhcp",
        (IpNet::V4(_), _) => "ipv4",
        (IpNet::V6(_), Some(Ipv6Mode::Slaac)) => "ipv6_slaac",
        (IpNet::V6(_), Some(Ipv6Mode::Dhcpv6Stateless)) => "ipv6_dhcpv6-stateless",
        (IpNet::V6(_), Some(Ipv6Mode::Dhcpv6Stateful)) => "ipv6_dhcpv6-stateful",
        (IpNet::V6(_), None) => "ipv6",
    }
}

fn routes(subnet: &SubnetConfig) -> Vec<Value> {
    let route = |destination: IpNet, gateway: IpAddr| {
        json!({
            "network": destination.network(),
            "netmask": destination.netmask(),
            "gateway": gateway,
        })
    };
    let default = subnet.gateway.map(|gateway| match gateway {
        IpAddr::V4(_) => route(IpNet::V4(ipnet::Ipv4Net::default()), gateway),
        IpAddr::V6(_) => route(IpNet::V6(ipnet::Ipv6Net::default()), gateway),
    });
    let own = subnet
        .host_routes
        .iter()
        .map(|known| route(known.destination, known.nexthop));
    default.into_iter().chain(own).collect()
}

fn services(resolvers: &[IpAddr]) -> Value {
    resolvers
        .iter()
        .map(|address| json!({"type": "dns", "address": address}))
        .collect()
}
