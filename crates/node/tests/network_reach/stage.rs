//! A cloud by chance, made real: what the node is told, the machines, and who answers.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, TcpListener, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use ipnet::IpNet;
use linux::netlink::{AddressFlags, Route as KernelRoute, Rtnl, Veth, VethEnd};
use linux::{Netns, sysctl};
use model::host::{
    FilterRule, FixedIpConfig, FloatingIpConfig, ForwardingConfig, GatewayLeg, NetworkConfig, PortBinding, PortConfig,
    Route, RouterConfig, RouterLeg, Scopes, ServicePort, SubnetConfig,
};
use model::reach::Start;
use model::{
    AddressScopeId, FloatingIpId, NetworkId, PortId, RouterId, SecurityGroupId, SecurityGroupRuleId, SubnetId,
};
use uuid::Uuid;

use crate::network_common::{Cloud, fresh_mac, net, nth};
use crate::topology::*;

/// What a machine must not do by itself: forward, be told routes by neighbours, drop what comes by another way than it
/// would answer.
const QUIET: [(&str, &str); 9] = [
    ("net/ipv4/ip_forward", "0"),
    ("net/ipv4/conf/all/rp_filter", "0"),
    ("net/ipv4/conf/default/rp_filter", "0"),
    ("net/ipv4/conf/all/accept_redirects", "0"),
    ("net/ipv4/conf/default/accept_redirects", "0"),
    ("net/ipv6/conf/all/accept_redirects", "0"),
    ("net/ipv6/conf/default/accept_redirects", "0"),
    ("net/ipv6/conf/all/accept_ra", "0"),
    ("net/ipv6/conf/default/accept_ra", "0"),
];

/// A host as a person sets it up for a cloud: it forwards.
const HOSTS: [(&str, &str); 8] = [
    ("net/ipv4/ip_forward", "1"),
    ("net/ipv6/conf/all/forwarding", "1"),
    ("net/ipv4/conf/all/rp_filter", "0"),
    ("net/ipv4/conf/default/rp_filter", "0"),
    ("net/ipv4/conf/all/send_redirects", "0"),
    ("net/ipv4/conf/default/send_redirects", "0"),
    ("net/ipv6/conf/all/accept_dad", "0"),
    ("net/ipv6/conf/default/accept_dad", "0"),
];

/// The ids of what has a tag. They are made of it, so that they order alike every time.
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
    Uuid::from_u128((kind << 120) | ((tag as u128) << 96) | 1)
}

/// Everything that is there while questions are asked.
pub struct Stage {
    pub cloud: Cloud,
    pub external: NetworkId,
    places: BTreeMap<Start, Netns>,
    echo: Option<(Arc<AtomicBool>, JoinHandle<()>)>,
    _listeners: Vec<TcpListener>,
}

impl Drop for Stage {
    fn drop(&mut self) {
        if let Some((over, echo)) = self.echo.take() {
            over.store(true, Ordering::Relaxed);
            echo.join().unwrap();
        }
    }
}

impl Stage {
    /// Makes all of a topology stand.
    pub fn build(topology: &Topology) -> Self {
        let mut cloud = Cloud::new();
        sysctl::write(&cloud.host, &HOSTS).unwrap();
        let external = cloud.external("br-ex", &HOST);
        for network in &topology.networks {
            cloud
                .config
                .networks
                .insert(network_id(network.tag), Arc::new(network_config(topology, network)));
        }
        let mut machines = BTreeMap::new();
        for port in &topology.ports {
            let place = port.plugged.then(|| cloud.place());
            let config = port_config(topology, port, place.as_ref().map(|(name, _)| name.as_str()));
            cloud.edit(config.network_id, |network| {
                network.ports.insert(config.id, Arc::new(config))
            });
            if let Some((_, ns)) = place {
                sysctl::write(&ns, &QUIET).unwrap();
                machines.insert(port.tag, ns);
            }
        }
        for router in &topology.routers {
            add_router(&mut cloud, external, router);
        }
        set_host_routes(&mut cloud, topology, external);
        cloud.apply();
        let mut stage = Self {
            cloud,
            external,
            places: BTreeMap::new(),
            echo: None,
            _listeners: Vec::new(),
        };
        for port in &topology.ports {
            if let Some(ns) = machines.get(&port.tag) {
                set_up_machine(topology, port, ns);
            }
        }
        stage.serve(topology, &machines);
        stage
    }

    /// The namespace where a question starts.
    pub fn place(&self, start: Start) -> &Netns {
        let key = match start {
            Start::Port { id, .. } => Start::Port { id, address: ANY },
            other => other,
        };
        &self.places[&key]
    }

    /// Lets everybody answer, by every address.
    fn serve(&mut self, topology: &Topology, machines: &BTreeMap<usize, Netns>) {
        let mut answering: Vec<(Netns, Vec<IpAddr>)> = Vec::new();
        for port in topology.ports.iter().filter(|port| machines.contains_key(&port.tag)) {
            let ns = machines[&port.tag].clone();
            let fixed = port.fixed.iter().map(IpNet::addr);
            answering.push((ns.clone(), fixed.chain(port.more.iter().copied()).collect()));
            self.places.insert(
                Start::Port {
                    id: port_id(port.tag),
                    address: ANY,
                },
                ns,
            );
        }
        for router in &topology.routers {
            let Some(ns) = self.cloud.part.router_netns(router_id(router.tag)) else {
                continue;
            };
            let own = router
                .legs
                .iter()
                .flat_map(|leg| &leg.addresses)
                .chain(&router.gateway)
                .map(IpNet::addr);
            let floating = router.forwardings.iter().map(|each| IpAddr::V4(each.floating));
            answering.push((ns.clone(), own.chain(floating).collect()));
            self.places.insert(Start::Router(router_id(router.tag)), ns);
        }
        for network in &topology.networks {
            let ns = self.cloud.network_ns(network_id(network.tag));
            let mut own: Vec<IpAddr> = service_addresses(network).iter().map(IpNet::addr).collect();
            own.push("169.254.169.254".parse().unwrap());
            answering.push((ns.clone(), own));
            self.places.insert(Start::Network(network_id(network.tag)), ns);
        }
        let host = self.cloud.host.clone();
        let own = HOST.iter().map(|address| net(address).addr());
        answering.push((host.clone(), own.collect()));
        self.places.insert(Start::Host, host);
        for (addresses, beside) in [(BESIDE, true), (WORLD, false)] {
            let ns = outsider(&mut self.cloud, addresses, beside);
            let own: Vec<IpAddr> = addresses.iter().map(|address| net(address).addr()).collect();
            for address in &own {
                let start = Start::Outside {
                    network: self.external,
                    address: *address,
                };
                self.places.insert(start, ns.clone());
            }
            answering.push((ns, own));
        }
        let mut echoes = Vec::new();
        for (ns, addresses) in &answering {
            self._listeners.extend(listeners(ns));
            echoes.extend(addresses.iter().flat_map(|address| echo_sockets(ns, *address)));
        }
        self.echo = Some(echo(echoes));
    }
}

/// Stands for every address of a machine.
const ANY: IpAddr = IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED);

fn listeners(ns: &Netns) -> Vec<TcpListener> {
    let open = || {
        let ports = TCP_PORTS.iter().chain(&[9697]);
        ports.map(|port| TcpListener::bind(("::", *port)).unwrap()).collect()
    };
    ns.run(open).unwrap()
}

/// Sockets that answer from the very address that was asked. An address of a device that is down can't be had.
fn echo_sockets(ns: &Netns, address: IpAddr) -> Vec<UdpSocket> {
    let open = || {
        UDP_PORTS
            .iter()
            .filter_map(|port| UdpSocket::bind((address, *port)).ok())
            .collect()
    };
    ns.run(open).unwrap()
}

/// Sends every datagram back, until told that it is over.
fn echo(sockets: Vec<UdpSocket>) -> (Arc<AtomicBool>, JoinHandle<()>) {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let over = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&over);
    sockets.iter().for_each(|socket| socket.set_nonblocking(true).unwrap());
    let thread = std::thread::spawn(move || {
        let mut buffer = [0; 64];
        while !told.load(Ordering::Relaxed) {
            let mut waiting: Vec<PollFd<'_>> = sockets
                .iter()
                .map(|socket| PollFd::new(socket, PollFlags::IN))
                .collect();
            let pause = Timespec {
                tv_sec: 0,
                tv_nsec: 50_000_000,
            };
            if poll(&mut waiting, Some(&pause)).unwrap_or(0) == 0 {
                continue;
            }
            let ready: Vec<bool> = waiting.iter().map(|each| !each.revents().is_empty()).collect();
            for (socket, _) in sockets.iter().zip(ready).filter(|(_, ready)| *ready) {
                while let Ok((length, peer)) = socket.recv_from(&mut buffer) {
                    let _ = socket.send_to(&buffer[..length], peer);
                }
            }
        }
    });
    (over, thread)
}

// ------------------------------------------------------------------------------------------------ what the node is told

fn service_addresses(network: &Network) -> Vec<IpNet> {
    let served = network.subnets.iter().filter(|subnet| subnet.dhcp);
    served.map(|subnet| nth(subnet.cidr, 2)).collect()
}

fn network_config(topology: &Topology, network: &Network) -> NetworkConfig {
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

fn port_config(topology: &Topology, port: &Port, netns: Option<&str>) -> PortConfig {
    let mac = fresh_mac();
    PortConfig {
        id: port_id(port.tag),
        network_id: network_id(port.network),
        mac,
        fixed_ips: fixed_ips(topology, port.network, &port.fixed),
        binding: match netns {
            Some(netns) => PortBinding::Namespace {
                netns: netns.into(),
                ifname: "eth0".into(),
            },
            None => PortBinding::Server(model::ServerId(id(10, port.tag))),
        },
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

fn add_router(cloud: &mut Cloud, external: NetworkId, router: &Router) {
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
fn set_host_routes(cloud: &mut Cloud, topology: &Topology, external: NetworkId) {
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

// ------------------------------------------------------------------------------------------------------------- machines

/// Gives a machine the routes that DHCP (or whoever sets it up) tells it, and its further addresses.
fn set_up_machine(topology: &Topology, port: &Port, ns: &Netns) {
    let mut nl = Rtnl::open(ns).unwrap();
    let link = nl.link("eth0").unwrap().index;
    for route in nl.routes().unwrap() {
        if route.gateway.is_some() && !route.by_kernel {
            nl.delete_route(&route).unwrap();
        }
    }
    let network = topology
        .networks
        .iter()
        .find(|network| network.tag == port.network)
        .unwrap();
    for v4 in [true, false] {
        let first = port.fixed.iter().find(|net| net.addr().is_ipv4() == v4);
        let subnet = first.and_then(|net| network.subnets.iter().find(|subnet| subnet.cidr == net.trunc()));
        let Some(subnet) = subnet else { continue };
        let mut routes = subnet.host_routes.clone();
        if v4 && subnet.dhcp {
            routes.push((net("169.254.169.254/32"), nth(subnet.cidr, 2).addr()));
            for other in network.subnets.iter().filter(|other| other.cidr.addr().is_ipv4()) {
                let _ = nl.add_route(&KernelRoute::on(other.cidr, link));
            }
        }
        let any = if v4 { net("0.0.0.0/0") } else { net("::/0") };
        routes.extend(subnet.gateway.map(|gateway| (any, gateway)));
        for (destination, nexthop) in routes {
            // One that is there already wins; the kernel refuses one whose next hop is nowhere.
            let _ = nl.add_route(&KernelRoute::via(destination, nexthop, Some(link)));
        }
    }
    add_addresses(&mut nl, link, port.more.iter().map(|address| IpNet::from(*address)));
}

fn add_addresses(nl: &mut Rtnl, link: u32, addresses: impl Iterator<Item = IpNet>) {
    let flags = AddressFlags {
        no_dad: true,
        ..AddressFlags::default()
    };
    for address in addresses {
        nl.add_address(link, address, flags).unwrap();
    }
}

/// A machine beside the host on the provider network, or one behind it. Either sends everything else to the host.
fn outsider(cloud: &mut Cloud, addresses: [&str; 2], beside: bool) -> Netns {
    let (_, ns) = cloud.place();
    sysctl::write(&ns, &QUIET).unwrap();
    let mut host = Rtnl::open(&cloud.host).unwrap();
    let near = if beside { "beside" } else { "uplink" };
    let end = |name| VethEnd {
        name,
        mac: None,
        group: None,
    };
    let veth = Veth {
        near: end(near),
        master: beside.then(|| host.link("br-ex").unwrap().index),
        far: end("eth0"),
        far_netns: Some(&ns),
        mtu: None,
    };
    host.create_veth(&veth).unwrap();
    if !beside {
        let link = host.link(near).unwrap().index;
        host.set_up(link).unwrap();
        add_addresses(&mut host, link, UPLINK.iter().map(|address| net(address)));
    }
    let mut nl = Rtnl::open(&ns).unwrap();
    let link = nl.link("eth0").unwrap().index;
    nl.set_up(link).unwrap();
    add_addresses(&mut nl, link, addresses.iter().map(|address| net(address)));
    let gateways = if beside { HOST } else { UPLINK };
    for (any, gateway) in ["0.0.0.0/0", "::/0"].iter().zip(gateways) {
        nl.add_route(&KernelRoute::via(net(any), net(gateway).addr(), Some(link)))
            .unwrap();
    }
    ns
}

/// Waits a moment for what goes on by itself: links that come up.
pub fn settle() {
    std::thread::sleep(Duration::from_millis(100));
}
