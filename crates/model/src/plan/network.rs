//! A self-service network's fragment.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use imbl::{OrdMap, OrdSet};
use ipnet::IpNet;

use super::{View, filter};
use crate::address::with_prefix;
use crate::compute::VmState;
use crate::host::{
    FilterRule, FixedIpConfig, NetworkConfig, PortBinding, PortConfig, Remote, ServicePort, SubnetConfig,
};
use crate::network::{Network, Port, Subnet, device_owner};
use crate::{Cloud, NetworkId, PortId, SecurityGroupId, ServerId};

/// The network as this host needs it; `None` when no port of it is in use here.
pub(crate) fn plan(view: &View<'_>, id: NetworkId) -> Option<NetworkConfig> {
    let network = view.cloud.networks.get(&id).filter(|network| !network.external)?;
    let ports: OrdMap<PortId, Arc<PortConfig>> = view
        .cloud
        .ports_of_network(id)
        .filter_map(|port| Some((port.id, Arc::new(plan_port(view, network, port)?))))
        .collect();
    let service_port = service_port(view.cloud, id);
    if ports.is_empty() && service_port.is_none() {
        return None;
    }
    let groups = groups(view.cloud, &ports);
    let members = members(view.cloud, &groups);
    Some(NetworkConfig {
        id,
        mtu: network.mtu,
        dns_domain: dns_domain(view, network),
        subnets: view
            .cloud
            .subnets_of_network(id)
            .map(|subnet| plan_subnet(subnet))
            .collect(),
        service_port,
        ports,
        groups,
        members,
        names: names(view.cloud, id),
    })
}

pub(crate) fn dns_domain(view: &View<'_>, network: &Network) -> String {
    let own = network.dns_domain.trim_matches('.');
    if own.is_empty() {
        view.settings.dns_domain.clone()
    } else {
        own.to_owned()
    }
}

pub(crate) fn plan_subnet(subnet: &Subnet) -> SubnetConfig {
    SubnetConfig {
        id: subnet.id,
        cidr: subnet.cidr,
        gateway: subnet.gateway_ip,
        dhcp: subnet.enable_dhcp,
        dns_nameservers: subnet.dns_nameservers.clone(),
        host_routes: subnet.host_routes.clone(),
        ipv6: subnet.ipv6_address_mode,
    }
}

fn plan_port(view: &View<'_>, network: &Network, port: &Port) -> Option<PortConfig> {
    Some(PortConfig {
        id: port.id,
        network_id: port.network_id,
        mac: port.mac_address,
        fixed_ips: fixed_ips(view.cloud, port),
        binding: binding(view, port)?,
        admin_state_up: port.admin_state_up && network.admin_state_up,
        // Routers speak for whole networks; what leaves them was filtered where it entered.
        port_security: port.port_security_enabled && !port.is_network_owned(),
        allowed_address_pairs: port
            .allowed_address_pairs
            .iter()
            .map(|pair| (pair.ip_address, pair.mac_address.unwrap_or(port.mac_address)))
            .collect(),
        security_groups: port.security_groups.clone(),
        dns_name: Some(port.dns_name.clone()).filter(|name| !name.is_empty()),
        extra_dhcp_opts: port.extra_dhcp_opts.clone(),
    })
}

/// A port's addresses with their subnets' prefix lengths.
pub(crate) fn fixed_ips(cloud: &Cloud, port: &Port) -> Vec<FixedIpConfig> {
    let with_subnet = port
        .fixed_ips
        .iter()
        .filter_map(|fixed| Some((fixed, cloud.subnets.get(&fixed.subnet_id)?)));
    with_subnet
        .map(|(fixed, subnet)| FixedIpConfig {
            subnet_id: subnet.id,
            address: with_prefix(fixed.ip_address, &subnet.cidr),
        })
        .collect()
}

/// What is plugged in on this host, if anything.
fn binding(view: &View<'_>, port: &Port) -> Option<PortBinding> {
    if let Some(attachment) = &port.attachment {
        let here = port.host_id.as_ref().is_none_or(|host| host == view.host);
        return here.then(|| PortBinding::Namespace {
            netns: attachment.netns.clone(),
            ifname: attachment.ifname.clone(),
        });
    }
    match port.device_owner.as_str() {
        device_owner::ROUTER_INTERFACE => {
            let router_id = port.device_id.parse().ok()?;
            view.cloud
                .routers
                .get(&router_id)
                .map(|router| PortBinding::Router(router.id))
        }
        _ if port.is_network_owned() => None,
        _ => {
            let id: ServerId = port.device_id.parse().ok()?;
            let server = view.cloud.servers.get(&id)?;
            let here = server.host.as_ref() == Some(view.host) && server.vm_state != VmState::Deleted;
            here.then_some(PortBinding::Server(id))
        }
    }
}

fn service_port(cloud: &Cloud, id: NetworkId) -> Option<ServicePort> {
    let port = cloud
        .ports_of_network(id)
        .find(|port| port.device_owner == device_owner::DHCP)?;
    let addresses = fixed_ips(cloud, port).into_iter().map(|fixed| fixed.address).collect();
    Some(ServicePort {
        id: port.id,
        mac: port.mac_address,
        addresses,
    })
}

/// The rules of every group that a port here is in.
fn groups(cloud: &Cloud, ports: &OrdMap<PortId, Arc<PortConfig>>) -> OrdMap<SecurityGroupId, Arc<Vec<FilterRule>>> {
    let used: BTreeSet<SecurityGroupId> = ports
        .iter()
        .flat_map(|(_, port)| port.security_groups.iter().copied())
        .collect();
    used.into_iter()
        .map(|group| {
            let mut rules: Vec<FilterRule> = cloud.rules_of_group(group).map(|rule| filter::resolve(rule)).collect();
            rules.sort();
            (group, Arc::new(rules))
        })
        .collect()
}

/// The addresses of the members of every group that one of these rules names.
fn members(
    cloud: &Cloud,
    groups: &OrdMap<SecurityGroupId, Arc<Vec<FilterRule>>>,
) -> OrdMap<SecurityGroupId, OrdSet<IpNet>> {
    let named: BTreeSet<SecurityGroupId> = groups
        .iter()
        .flat_map(|(_, rules)| rules.iter())
        .filter_map(|rule| match rule.remote {
            Remote::Group(group) => Some(group),
            _ => None,
        })
        .collect();
    named
        .into_iter()
        .map(|group| (group, member_addresses(cloud, group)))
        .collect()
}

fn member_addresses(cloud: &Cloud, group: SecurityGroupId) -> OrdSet<IpNet> {
    let ports = cloud
        .lookups
        .ports_by_group
        .of(&group)
        .filter_map(|id| cloud.ports.get(id));
    ports
        .flat_map(|port| {
            let fixed = port.fixed_ips.iter().map(|fixed| IpNet::from(fixed.ip_address));
            fixed.chain(port.allowed_address_pairs.iter().map(|pair| pair.ip_address.trunc()))
        })
        .collect()
}

/// Every name of the network: the one a port was given, and the one made from its address (`host-10-0-0-5`).
fn names(cloud: &Cloud, id: NetworkId) -> OrdMap<String, BTreeSet<IpAddr>> {
    let mut names: OrdMap<String, BTreeSet<IpAddr>> = OrdMap::new();
    for port in cloud.ports_of_network(id) {
        for fixed in &port.fixed_ips {
            let ip = fixed.ip_address;
            names.entry(address_name(ip)).or_default().insert(ip);
            if !port.dns_name.is_empty() {
                names.entry(port.dns_name.to_lowercase()).or_default().insert(ip);
            }
        }
    }
    names
}

/// `host-10-0-0-5`: Neutron's name for an address without another.
pub(crate) fn address_name(ip: IpAddr) -> String {
    format!("host-{}", ip.to_string().replace(['.', ':'], "-"))
}
