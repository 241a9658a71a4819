//! What the node is told of a cloud by chance.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;
use model::host::{
    DesiredPower, DiskConfig, FilterRule, FixedIpConfig, FloatingIpConfig, ForwardingConfig, GatewayLeg, NetworkConfig,
    NicConfig, PortBinding, PortConfig, Route, RouterConfig, RouterLeg, Scopes, ServerConfig, ServicePort,
    SubnetConfig, SubportConfig, TrunkConfig,
};
use model::{
    AddressScopeId, FloatingIpId, NetworkId, PortId, RouterId, SecurityGroupId, SecurityGroupRuleId, ServerId,
    SubnetId, TrunkId,
};
use uuid::Uuid;

use crate::network_common::{Cloud, fresh_mac, net, nth};
use crate::plug::Machine;
use crate::topology::*;

/// The ids of what has a tag. They are made of it, so that they order alike every time, and of the process, as names of
/// namespaces are the machine's.
pub fn network_id(tag: usize) -> NetworkId {
    NetworkId(id(1, tag))
}
pub fn router_id(tag: usize) -> RouterId {
    RouterId(id(2, tag))
}
pub fn port_id(tag: usize) -> PortId {
    PortId(id(3, tag))
}
fn group_id(tag: usize) -> SecurityGroupId {
    SecurityGroupId(id(4, tag))
}
fn leg_id(router: usize, number: usize) -> PortId {
    PortId(id(5, router * 16 + number))
}
fn gateway_id(router: usize) -> PortId {
    PortId(id(6, router))
}

fn id(kind: u128, tag: usize) -> Uuid {
    Uuid::from_u128((kind << 120) | ((tag as u128) << 96) | u128::from(std::process::id()))
}

pub fn service_addresses(network: &Network) -> Vec<IpNet> {
    let served = network.subnets.iter().filter(|subnet| subnet.dhcp);
    served.map(|subnet| nth(subnet.cidr, 2)).collect()
}

pub fn network_config(topology: &Topology, network: &Network) -> NetworkConfig {
    let route = |(destination, nexthop): &(IpNet, IpAddr)| Route {
        destination: *destination,
        nexthop: *nexthop,
    };
    let subnets = network.subnets.iter().enumerate().map(|(number, subnet)| SubnetConfig {
        id: subnet_id(network.tag, number),
        cidr: subnet.cidr,
        gateway: subnet.gateway,
        dhcp: subnet.dhcp,
        dns_nameservers: Vec::new(),
        host_routes: subnet.host_routes.iter().map(route).collect(),
        ipv6: None,
    });
    let addresses = service_addresses(network);
    let service_port = (!addresses.is_empty()).then(|| ServicePort {
        id: PortId(id(7, network.tag)),
        mac: fresh_mac(),
        addresses,
    });
    let here = topology.ports.iter().filter(|port| port.network == network.tag);
    let used: BTreeSet<usize> = here.flat_map(|port| port.groups.iter().copied()).collect();
    let groups: Vec<&Group> = topology
        .groups
        .iter()
        .filter(|group| used.contains(&group.tag))
        .collect();
    let remotes = groups
        .iter()
        .flat_map(|group| &group.rules)
        .filter_map(|rule| match rule.remote {
            Remote::Group(tag) => Some(tag),
            _ => None,
        });
    NetworkConfig {
        id: network_id(network.tag),
        mtu: 1450,
        dns_domain: "openstacklocal".into(),
        subnets: subnets.collect(),
        service_port,
        ports: Default::default(),
        groups: groups
            .iter()
            .map(|group| (group_id(group.tag), Arc::new(rules(group))))
            .collect(),
        stateless: groups
            .iter()
            .filter(|group| group.stateless)
            .map(|group| group_id(group.tag))
            .collect(),
        members: remotes.map(|tag| (group_id(tag), members(topology, tag))).collect(),
        names: Default::default(),
    }
}

fn subnet_id(network: usize, number: usize) -> SubnetId {
    SubnetId(id(8, network * 16 + number))
}

fn rules(group: &Group) -> Vec<FilterRule> {
    let rule = |(number, rule): (usize, &Rule)| FilterRule {
        id: SecurityGroupRuleId(id(9, group.tag * 16 + number)),
        direction: rule.direction,
        ethertype: rule.ethertype,
        protocol: rule.protocol,
        remote: match &rule.remote {
            Remote::Any => model::host::Remote::Any,
            Remote::Prefix(net) => model::host::Remote::Prefix(*net),
            Remote::Group(tag) => model::host::Remote::Group(group_id(*tag)),
        },
    };
    group.rules.iter().enumerate().map(rule).collect()
}

fn members(topology: &Topology, group: usize) -> imbl::OrdSet<IpNet> {
    let ports = topology.ports.iter().filter(|port| port.groups.contains(&group));
    ports
        .flat_map(|port| {
            let fixed = port.fixed.iter().map(|net| IpNet::from(net.addr()));
            fixed.chain(port.pairs.iter().map(IpNet::trunc))
        })
        .collect()
}

/// The server that a port would be plugged into, were it running.
pub fn server_id(tag: usize) -> ServerId {
    ServerId(id(10, tag))
}

fn trunk_id(tag: usize) -> TrunkId {
    TrunkId(id(13, tag))
}

/// What a port of a topology is plugged into: a namespace of this name, a server, or a trunk.
fn binding(topology: &Topology, port: &Port, netns: &str) -> PortBinding {
    if let Machine::Vlan(first, _) = port.of {
        return PortBinding::Trunk(trunk_id(first));
    }
    if !port.plugged || topology.is_trunk(port) {
        return PortBinding::Server(server_id(port.tag));
    }
    PortBinding::Namespace {
        netns: netns.into(),
        ifname: ifname(topology, port),
    }
}

/// The name of a port's device inside its machine.
pub fn ifname(topology: &Topology, port: &Port) -> String {
    let place = topology.machine(port).iter().position(|other| other.tag == port.tag);
    format!("eth{}", place.unwrap())
}

/// The trunk of a port with subports, and the server that has it.
pub fn add_trunk(cloud: &mut Cloud, topology: &Topology, parent: &Port) {
    let (id, server) = (trunk_id(parent.tag), server_id(parent.tag));
    let subports = topology.machine(parent).into_iter().filter_map(|port| match port.of {
        Machine::Vlan(_, vlan) => Some((
            vlan,
            SubportConfig {
                port_id: port_id(port.tag),
                network_id: network_id(port.network),
            },
        )),
        _ => None,
    });
    let trunk = TrunkConfig {
        id,
        parent: port_id(parent.tag),
        network_id: network_id(parent.network),
        subports: subports.collect(),
    };
    cloud.config.trunks.insert(id, Arc::new(trunk));
    let nic = NicConfig {
        port_id: port_id(parent.tag),
        network_id: network_id(parent.network),
        mac: fresh_mac(),
        mtu: 1450,
    };
    cloud
        .config
        .servers
        .insert(server, Arc::new(running(server, vec![nic])));
}

/// A server that runs.
fn running(id: ServerId, nics: Vec<NicConfig>) -> ServerConfig {
    ServerConfig {
        id,
        name: "server".into(),
        power: DesiredPower::On,
        hard_reboots: 0,
        soft_reboots: 0,
        vcpus: 1,
        memory_mib: 64,
        disk: DiskConfig {
            image: None,
            root_gib: 1,
        },
        ephemeral_gib: 0,
        swap_mib: 0,
        kernel: None,
        nics,
        volumes: Vec::new(),
        disk_limits: Default::default(),
        config_drive: false,
        metadata: Default::default(),
        orders: Default::default(),
    }
}

pub fn port_config(topology: &Topology, port: &Port, netns: &str) -> PortConfig {
    let mac = fresh_mac();
    PortConfig {
        id: port_id(port.tag),
        network_id: network_id(port.network),
        mac,
        fixed_ips: fixed_ips(topology, port.network, &port.fixed),
        binding: binding(topology, port, netns),
        admin_state_up: port.up,
        port_security: port.secure,
        allowed_address_pairs: port.pairs.iter().map(|net| (*net, mac)).collect(),
        security_groups: port.groups.iter().map(|tag| group_id(*tag)).collect(),
        dns_name: None,
        extra_dhcp_opts: Vec::new(),
        qos: None,
    }
}

fn fixed_ips(topology: &Topology, network: usize, addresses: &[IpNet]) -> Vec<FixedIpConfig> {
    let subnets = topology
        .networks
        .iter()
        .filter(|each| each.tag == network)
        .flat_map(|each| each.subnets.iter().enumerate());
    let subnets: Vec<(usize, &Subnet)> = subnets.collect();
    let config = |address: &IpNet| {
        let (number, _) = subnets.iter().find(|(_, subnet)| subnet.cidr == address.trunc())?;
        Some(FixedIpConfig {
            subnet_id: subnet_id(network, *number),
            address: *address,
        })
    };
    addresses.iter().filter_map(config).collect()
}

fn scopes((v4, v6): Scope) -> Scopes {
    let scope = |number: Option<u8>| number.map(|number| AddressScopeId(id(11, number.into())));
    Scopes {
        v4: scope(v4),
        v6: scope(v6),
    }
}

pub fn add_router(cloud: &mut Cloud, external: NetworkId, router: &Router) {
    let mut config = RouterConfig {
        id: router_id(router.tag),
        admin_state_up: router.up,
        legs: Vec::new(),
        gateway: None,
        floating_ips: Vec::new(),
        forwardings: Vec::new(),
        routes: router
            .routes
            .iter()
            .map(|(destination, nexthop)| Route {
                destination: *destination,
                nexthop: *nexthop,
            })
            .collect(),
        scopes: BTreeMap::new(),
        limits: Vec::new(),
        ndp_proxies: router.proxies.as_ref().map(|proxies| proxies.iter().copied().collect()),
        meters: Default::default(),
    };
    for (number, leg) in router.legs.iter().enumerate() {
        let made = add_leg(cloud, router, leg, leg_id(router.tag, number));
        config.scopes.insert(made.port_id, scopes(leg.scope));
        config.legs.push(made);
    }
    if !router.gateway.is_empty() {
        let port_id = gateway_id(router.tag);
        let gateways = HOST.iter().map(|address| net(address).addr());
        let known = |next: &IpAddr| router.gateway.iter().any(|net| net.addr().is_ipv4() == next.is_ipv4());
        config.gateway = Some(GatewayLeg {
            port_id,
            network_id: external,
            mac: fresh_mac(),
            addresses: router.gateway.clone(),
            gateways: gateways.filter(known).collect(),
            enable_snat: router.snat,
            mtu: 1500,
        });
        config.scopes.insert(port_id, scopes(router.scope));
    }
    if config.scopes.values().all(|each| *each == Scopes::default()) {
        config.scopes.clear();
    }
    let floating_id = |number: std::net::Ipv4Addr| FloatingIpId(id(12, usize::from(number.octets()[3])));
    config.floating_ips = router
        .floating
        .iter()
        .map(|each| FloatingIpConfig {
            id: floating_id(each.floating),
            floating: each.floating,
            fixed: each.fixed,
            port_id: port_id(each.port),
        })
        .collect();
    config.forwardings = router
        .forwardings
        .iter()
        .map(|each| ForwardingConfig {
            floating_ip_id: floating_id(each.floating),
            floating: each.floating,
            protocol: each.protocol,
            external: each.external,
            fixed: each.fixed,
            internal: each.internal,
        })
        .collect();
    if !config.legs.is_empty() || config.gateway.is_some() {
        cloud.config.routers.insert(config.id, Arc::new(config));
    }
}

fn add_leg(cloud: &mut Cloud, router: &Router, leg: &Leg, id: PortId) -> RouterLeg {
    let (mac, network_id) = (fresh_mac(), network_id(leg.network));
    let subnets = cloud.config.networks[&network_id].subnets.clone();
    let fixed = |address: &IpNet| {
        let subnet = subnets.iter().find(|subnet| subnet.cidr == address.trunc())?;
        Some(FixedIpConfig {
            subnet_id: subnet.id,
            address: *address,
        })
    };
    let port = PortConfig {
        id,
        network_id,
        mac,
        fixed_ips: leg.addresses.iter().filter_map(fixed).collect(),
        binding: PortBinding::Router(router_id(router.tag)),
        admin_state_up: leg.up,
        port_security: false,
        allowed_address_pairs: Vec::new(),
        security_groups: BTreeSet::new(),
        dns_name: None,
        extra_dhcp_opts: Vec::new(),
        qos: None,
    };
    cloud.edit(network_id, |network| network.ports.insert(id, Arc::new(port)));
    RouterLeg {
        port_id: id,
        network_id,
        mac,
        addresses: leg.addresses.clone(),
        mtu: 1450,
        advertise: Vec::new(),
        advertise_dns: Vec::new(),
    }
}

/// The host's routes to what is behind routers and not translated, as the planner has them.
pub fn set_host_routes(cloud: &mut Cloud, topology: &Topology, external: NetworkId) {
    let mut routes: Vec<Route> = Vec::new();
    for router in &topology.routers {
        for (leg, address) in router
            .legs
            .iter()
            .flat_map(|leg| leg.addresses.iter().map(move |address| (leg, address)))
        {
            let v6 = address.addr().is_ipv6();
            let same_scope = leg.scope.0.is_some() && leg.scope.0 == router.scope.0;
            let nexthop = router.gateway.iter().map(IpNet::addr).find(|own| own.is_ipv6() == v6);
            let destination = address.trunc();
            let taken = routes.iter().any(|route| route.destination == destination);
            if let Some(nexthop) = nexthop.filter(|_| (v6 || same_scope) && !taken) {
                routes.push(Route { destination, nexthop });
            }
        }
    }
    let mut config = (*cloud.config.externals[&external]).clone();
    config.host_routes = routes;
    cloud.config.externals.insert(external, Arc::new(config));
}
