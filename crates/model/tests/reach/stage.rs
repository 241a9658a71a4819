//! A host made by hand: a network with two subnets, a router with a leg on each and a gateway on a provider network.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;
use uuid::Uuid;

use model::address::MacAddress;
use model::host::*;
use model::reach::{Assumptions, Flow, Protocol, Start, Walk, walk};
use model::{FloatingIpId, NetworkId, PortId, RouterId, SecurityGroupId, SecurityGroupRuleId, SubnetId};

pub struct Stage {
    pub config: HostConfig,
    pub network: NetworkId,
    pub external: NetworkId,
    pub router: RouterId,
    count: u128,
}

/// A machine.
pub struct Machine {
    pub id: PortId,
    pub address: IpAddr,
}

pub fn tcp(first: u16, last: u16) -> ProtocolMatch {
    ProtocolMatch::Ports {
        protocol: 6,
        range: Some((first, last)),
    }
}

fn net(text: &str) -> IpNet {
    text.parse().unwrap()
}

impl Stage {
    pub fn new() -> Self {
        let mut stage = Self {
            config: HostConfig::default(),
            network: NetworkId(Uuid::from_u128(1)),
            external: NetworkId(Uuid::from_u128(2)),
            router: RouterId(Uuid::from_u128(3)),
            count: 100,
        };
        let external = ExternalNetworkConfig {
            id: stage.external,
            bridge: "br-ex".into(),
            mtu: 1500,
            host_addresses: vec![net("172.24.4.1/24")],
            host_routes: Vec::new(),
        };
        stage.config.externals.insert(stage.external, Arc::new(external));
        let subnets = ["10.1.0.0/24", "10.2.0.0/24"].map(|cidr| stage.subnet(cidr));
        let network = NetworkConfig {
            id: stage.network,
            mtu: 1450,
            dns_domain: "openstacklocal".into(),
            subnets: subnets.to_vec(),
            service_port: None,
            ports: Default::default(),
            groups: Default::default(),
            stateless: Default::default(),
            members: Default::default(),
            names: Default::default(),
        };
        stage.config.networks.insert(stage.network, Arc::new(network));
        stage.add_router(stage.router, &["10.1.0.1/24", "10.2.0.1/24"], "172.24.4.10/24");
        stage
    }

    pub fn fresh(&mut self) -> Uuid {
        self.count += 1;
        Uuid::from_u128(self.count)
    }

    fn subnet(&mut self, cidr: &str) -> SubnetConfig {
        let cidr = net(cidr);
        SubnetConfig {
            id: SubnetId(self.fresh()),
            cidr,
            gateway: cidr.hosts().next(),
            dhcp: false,
            dns_nameservers: Vec::new(),
            host_routes: Vec::new(),
            ipv6: None,
        }
    }

    fn add_router(&mut self, id: RouterId, addresses: &[&str], gateway: &str) {
        let addresses: Vec<IpNet> = addresses.iter().map(|address| net(address)).collect();
        let leg = RouterLeg {
            port_id: PortId(self.fresh()),
            network_id: self.network,
            mac: self.mac(),
            addresses: addresses.clone(),
            mtu: 1450,
            advertise: Vec::new(),
            advertise_dns: Vec::new(),
        };
        let mut port = self.port_config(leg.port_id, &addresses);
        port.binding = PortBinding::Router(id);
        self.edit(|network| network.ports.insert(port.id, Arc::new(port)));
        let gateway = GatewayLeg {
            port_id: PortId(self.fresh()),
            network_id: self.external,
            mac: self.mac(),
            addresses: vec![net(gateway)],
            gateways: vec!["172.24.4.1".parse().unwrap()],
            enable_snat: true,
            mtu: 1500,
        };
        let router = RouterConfig {
            id,
            admin_state_up: true,
            legs: vec![leg],
            gateway: Some(gateway),
            floating_ips: Vec::new(),
            forwardings: Vec::new(),
            routes: Vec::new(),
            scopes: BTreeMap::new(),
            limits: Vec::new(),
            ndp_proxies: None,
            meters: BTreeMap::new(),
        };
        self.config.routers.insert(id, Arc::new(router));
    }

    fn mac(&mut self) -> MacAddress {
        let number = self.fresh().as_u128();
        MacAddress::from_random((number << 104).to_be_bytes())
    }

    fn port_config(&mut self, id: PortId, addresses: &[IpNet]) -> PortConfig {
        let subnets = self.config.networks[&self.network].subnets.clone();
        let fixed = |address: &IpNet| {
            let subnet = subnets.iter().find(|subnet| subnet.cidr == address.trunc()).unwrap();
            FixedIpConfig {
                subnet_id: subnet.id,
                address: *address,
            }
        };
        PortConfig {
            id,
            network_id: self.network,
            mac: self.mac(),
            fixed_ips: addresses.iter().map(fixed).collect(),
            binding: PortBinding::Namespace {
                netns: format!("vm-{id}"),
                ifname: "eth0".into(),
            },
            admin_state_up: true,
            port_security: false,
            allowed_address_pairs: Vec::new(),
            security_groups: BTreeSet::new(),
            dns_name: None,
            extra_dhcp_opts: Vec::new(),
            qos: None,
        }
    }

    /// A machine; filtered if it is in a group.
    pub fn port(&mut self, address: &str, group: Option<SecurityGroupId>) -> Machine {
        let id = PortId(self.fresh());
        let mut port = self.port_config(id, &[net(&format!("{address}/24"))]);
        port.port_security = group.is_some();
        port.security_groups = group.into_iter().collect();
        self.edit(|network| network.ports.insert(id, Arc::new(port)));
        let address = address.parse().unwrap();
        Machine { id, address }
    }

    pub fn rule(
        &mut self,
        direction: Direction,
        ethertype: EtherType,
        protocol: ProtocolMatch,
        remote: Remote,
    ) -> FilterRule {
        FilterRule {
            id: SecurityGroupRuleId(self.fresh()),
            direction,
            ethertype,
            protocol,
            remote,
        }
    }

    pub fn group(&mut self, rules: Vec<FilterRule>) -> SecurityGroupId {
        let id = SecurityGroupId(self.fresh());
        self.set_group(id, rules);
        id
    }

    pub fn set_group(&mut self, id: SecurityGroupId, rules: Vec<FilterRule>) {
        self.edit(|network| network.groups.insert(id, Arc::new(rules)));
    }

    pub fn floating_ip(&mut self, floating: &str, to: &Machine) -> FloatingIpId {
        let id = FloatingIpId(self.fresh());
        let IpAddr::V4(fixed) = to.address else {
            panic!("floating IPs are IPv4")
        };
        let ip = FloatingIpConfig {
            id,
            floating: floating.parse().unwrap(),
            fixed,
            port_id: to.id,
        };
        self.edit_router(|router| router.floating_ips.push(ip));
        id
    }

    /// A router at the other end of both subnets.
    pub fn second_router(&mut self) -> RouterId {
        let id = RouterId(self.fresh());
        self.add_router(id, &["10.1.0.254/24", "10.2.0.254/24"], "172.24.4.20/24");
        id
    }

    pub fn edit<T>(&mut self, change: impl FnOnce(&mut NetworkConfig) -> T) -> T {
        change(Arc::make_mut(self.config.networks.get_mut(&self.network).unwrap()))
    }

    pub fn edit_port(&mut self, id: PortId, change: impl FnOnce(&mut PortConfig)) {
        self.edit(|network| change(Arc::make_mut(network.ports.get_mut(&id).unwrap())));
    }

    pub fn edit_router<T>(&mut self, change: impl FnOnce(&mut RouterConfig) -> T) -> T {
        self.edit_other(self.router, change)
    }

    pub fn edit_other<T>(&mut self, id: RouterId, change: impl FnOnce(&mut RouterConfig) -> T) -> T {
        change(Arc::make_mut(self.config.routers.get_mut(&id).unwrap()))
    }

    /// A machine asks.
    pub fn ask(&self, from: &Machine, destination: &str, protocol: Protocol) -> Walk {
        let start = Start::Port {
            id: from.id,
            address: from.address,
        };
        self.walk(start, destination, protocol)
    }

    pub fn walk(&self, start: Start, destination: &str, protocol: Protocol) -> Walk {
        self.walk_with(start, destination, protocol, &Assumptions::default())
    }

    pub fn walk_with(&self, start: Start, destination: &str, protocol: Protocol, assume: &Assumptions) -> Walk {
        let destination = destination.parse().unwrap();
        let flow = Flow {
            start,
            destination,
            protocol,
        };
        walk(&self.config, &flow, assume)
    }
}
