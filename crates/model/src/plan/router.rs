//! A router's fragment.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::IpNet;

use super::View;
use super::network::fixed_ips;
use crate::host::{
    AddressLimit, Direction, FloatingIpConfig, ForwardingConfig, GatewayLeg, MeterRule, RouterConfig, RouterLeg, Scopes,
};
use crate::network::{
    MeteringLabelRule, Port, Router, Subnet, address_scope, agent, device_owner, metering, ndp_proxy, port_forwarding,
    qos,
};
use crate::{MeteringLabelId, PortId, RouterId};

pub(crate) fn plan(view: &View<'_>, id: RouterId) -> Option<RouterConfig> {
    let router = view.cloud.routers.get(&id).filter(|router| is_here(view, router))?;
    let ports: Vec<&Port> = view
        .cloud
        .ports_of_device(&id.to_string())
        .map(|port| port.as_ref())
        .collect();
    let owned = |owner: &'static str| ports.iter().copied().filter(move |port| port.device_owner == owner);
    let legs: Vec<RouterLeg> = owned(device_owner::ROUTER_INTERFACE)
        .filter_map(|port| plan_leg(view, port))
        .collect();
    let gateway = owned(device_owner::ROUTER_GATEWAY).find_map(|port| plan_gateway(view, router, port));
    let scopes = scopes(view, &legs, gateway.as_ref());
    // Neither legs nor gateway: nothing to hold on the host.
    let limits = limits(view, router, gateway.as_ref());
    (!legs.is_empty() || gateway.is_some()).then(|| RouterConfig {
        id,
        admin_state_up: router.admin_state_up,
        legs,
        gateway,
        floating_ips: floating_ips(view, id),
        forwardings: forwardings(view, id),
        routes: router.routes.clone(),
        scopes,
        limits,
        ndp_proxies: router.enable_ndp_proxy.then(|| {
            let proxies = ndp_proxy::of_router(view.cloud, id);
            proxies.map(|proxy| proxy.ip_address).collect()
        }),
        meters: meters(view, router),
    })
}

/// Whether the host's L3 agent serves a router.
pub(super) fn is_here(view: &View<'_>, router: &Router) -> bool {
    router.is_hosted && agent::is_serving(view.cloud, view.host, agent::Kind::L3)
}

fn plan_leg(view: &View<'_>, port: &Port) -> Option<RouterLeg> {
    let network = view.cloud.networks.get(&port.network_id)?;
    let subnets = || {
        port.fixed_ips
            .iter()
            .filter_map(|fixed| view.cloud.subnets.get(&fixed.subnet_id))
    };
    Some(RouterLeg {
        port_id: port.id,
        network_id: network.id,
        mac: port.mac_address,
        addresses: fixed_ips(view.cloud, port)
            .into_iter()
            .map(|fixed| fixed.address)
            .collect(),
        mtu: network.mtu,
        advertise: subnets().filter_map(|subnet| advertised(subnet)).collect(),
        advertise_dns: subnets()
            .filter(|subnet| subnet.ipv6_ra_mode.is_some())
            .flat_map(|subnet| subnet.dns_nameservers.iter().copied())
            .filter(IpAddr::is_ipv6)
            .collect(),
    })
}

/// The scopes that the router's networks are in; nothing where none is in one.
fn scopes(view: &View<'_>, legs: &[RouterLeg], gateway: Option<&GatewayLeg>) -> BTreeMap<PortId, Scopes> {
    let networks = legs.iter().map(|leg| (leg.port_id, leg.network_id));
    let networks = networks.chain(gateway.map(|gateway| (gateway.port_id, gateway.network_id)));
    let scopes: BTreeMap<PortId, Scopes> = networks
        .map(|(port, network)| {
            let (v4, v6) = address_scope::of_network(view.cloud, network);
            (port, Scopes { v4, v6 })
        })
        .collect();
    match scopes.values().all(|each| *each == Scopes::default()) {
        true => BTreeMap::new(),
        false => scopes,
    }
}

fn advertised(subnet: &Subnet) -> Option<(ipnet::Ipv6Net, crate::host::Ipv6Mode)> {
    match subnet.cidr {
        IpNet::V6(prefix) => subnet.ipv6_ra_mode.map(|mode| (prefix.trunc(), mode)),
        IpNet::V4(_) => None,
    }
}

fn plan_gateway(view: &View<'_>, router: &Router, port: &Port) -> Option<GatewayLeg> {
    let network = view.cloud.networks.get(&port.network_id)?;
    let mut gateways: Vec<IpAddr> = Vec::new();
    for fixed in &port.fixed_ips {
        let next_hop = view
            .cloud
            .subnets
            .get(&fixed.subnet_id)
            .and_then(|subnet| subnet.gateway_ip);
        gateways.extend(next_hop.filter(|ip| gateways.iter().all(|other| other.is_ipv4() != ip.is_ipv4())));
    }
    Some(GatewayLeg {
        port_id: port.id,
        network_id: network.id,
        mac: port.mac_address,
        addresses: fixed_ips(view.cloud, port)
            .into_iter()
            .map(|fixed| fixed.address)
            .collect(),
        gateways,
        enable_snat: router.gateway.as_ref().is_none_or(|gateway| gateway.enable_snat),
        mtu: network.mtu,
    })
}

fn floating_ips(view: &View<'_>, id: RouterId) -> Vec<FloatingIpConfig> {
    let ids = view.cloud.lookups.floating_ips_by_router.of(&id);
    ids.filter_map(|id| view.cloud.floating_ips.get(id))
        .filter_map(|floating_ip| {
            Some(FloatingIpConfig {
                id: floating_ip.id,
                floating: floating_ip.floating_ip_address,
                fixed: floating_ip.fixed_ip_address?,
                port_id: floating_ip.port_id?,
            })
        })
        .collect()
}

/// What the QoS policies of the router's floating IPs and of its gateway say. A bandwidth limit is all that holds there.
fn limits(view: &View<'_>, router: &Router, gateway: Option<&GatewayLeg>) -> Vec<AddressLimit> {
    let ids = view.cloud.lookups.floating_ips_by_router.of(&router.id);
    let floating_ips = ids
        .filter_map(|id| view.cloud.floating_ips.get(id))
        .filter_map(|floating_ip| Some((floating_ip.floating_ip_address, floating_ip.qos_policy_id?)));
    let policy = router.gateway.as_ref().and_then(|gateway| gateway.qos_policy_id);
    let own = gateway
        .zip(policy)
        .into_iter()
        .flat_map(|(gateway, policy)| gateway.addresses.iter().map(move |net| (net.addr(), policy)))
        .filter_map(|(address, policy)| match address {
            IpAddr::V4(address) => Some((address, policy)),
            IpAddr::V6(_) => None,
        });
    floating_ips
        .chain(own)
        .filter_map(|(address, policy)| {
            let qos = qos::resolve(view.cloud, policy)?;
            let (ingress, egress) = (qos.ingress, qos.egress);
            (ingress.is_some() || egress.is_some()).then_some(AddressLimit {
                address,
                ingress,
                egress,
            })
        })
        .collect()
}

/// What the labels that reach the router count at its gateway.
fn meters(view: &View<'_>, router: &Router) -> BTreeMap<MeteringLabelId, Vec<MeterRule>> {
    let labels = metering::labels_of_router(view.cloud, router);
    let rules = |label| {
        metering::rules_of(view.cloud, label)
            .map(|rule| meter_rule(rule))
            .collect()
    };
    labels.map(|label| (label.id, rules(label.id))).collect()
}

/// A prefix without a side is that of the inner one.
fn meter_rule(rule: &MeteringLabelRule) -> MeterRule {
    let (from, to) = match rule.direction {
        Direction::Egress => (rule.remote_ip_prefix, None),
        Direction::Ingress => (None, rule.remote_ip_prefix),
    };
    MeterRule {
        direction: rule.direction,
        excluded: rule.excluded,
        source: rule.source_ip_prefix.or(from).map(|net| net.trunc()),
        destination: rule.destination_ip_prefix.or(to).map(|net| net.trunc()),
    }
}

fn forwardings(view: &View<'_>, id: RouterId) -> Vec<ForwardingConfig> {
    let ids = view.cloud.lookups.floating_ips_by_router.of(&id);
    ids.filter_map(|id| view.cloud.floating_ips.get(id))
        .flat_map(|floating_ip| {
            port_forwarding::of_floating_ip(view.cloud, floating_ip.id).filter_map(|forwarding| {
                Some(ForwardingConfig {
                    floating_ip_id: floating_ip.id,
                    floating: floating_ip.floating_ip_address,
                    protocol: super::protocol_number(&forwarding.protocol)?,
                    external: forwarding.external_ports,
                    fixed: forwarding.internal_ip_address,
                    internal: forwarding.internal_ports,
                })
            })
        })
        .collect()
}
