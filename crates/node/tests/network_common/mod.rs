//! A small cloud for tests of the network part: real kernel, namespaces as virtual machines.
#![allow(dead_code, clippy::unwrap_used, clippy::print_stdout)]

pub mod dhcp;
pub mod flows;
pub mod frame;
pub mod neighbours;
pub mod probe;
pub mod rate;
pub mod switch;

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use ipnet::IpNet;
use linux::netlink::Rtnl;
use linux::{Netns, sysctl};
use model::address::MacAddress;
use model::host::*;
use model::{NetworkId, PortId, RouterId, SecurityGroupId, SecurityGroupRuleId, SubnetId};
use node::network::NetworkPart;
use uuid::Uuid;

static COUNTER: AtomicU32 = AtomicU32::new(1);

/// An id that no other test has.
pub fn fresh() -> Uuid {
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap()
        .as_nanos();
    let text = format!(
        "{}/{}/{now}",
        std::process::id(),
        COUNTER.fetch_add(1, Ordering::Relaxed)
    );
    Uuid::new_v5(&Uuid::NAMESPACE_OID, text.as_bytes())
}

/// A namespace that plays a virtual machine (or the world outside).
#[derive(Clone)]
pub struct Vm {
    pub name: String,
    pub ns: Netns,
    pub port: PortId,
    pub mac: MacAddress,
    pub ip: IpAddr,
    pub ip6: Option<IpAddr>,
    pub network: NetworkId,
}

/// A host with a network part and what it is told to be.
pub struct Cloud {
    pub part: NetworkPart,
    pub config: HostConfig,
    pub host: Netns,
    pub owner: String,
    places: Vec<String>,
}

impl Drop for Cloud {
    fn drop(&mut self) {
        self.part.purge();
        for place in &self.places {
            let _ = Netns::delete(place);
        }
    }
}

impl Cloud {
    pub fn new() -> Self {
        let host = Netns::anonymous().unwrap();
        let owner = fresh().to_string();
        let part = NetworkPart::new(host.clone(), &owner, true).unwrap();
        Self {
            part,
            config: HostConfig::default(),
            host,
            owner,
            places: Vec::new(),
        }
    }

    /// Ends the program and starts it again: a new part that knows nothing.
    pub fn restart(&mut self) {
        self.part = NetworkPart::new(self.host.clone(), &self.owner, true).unwrap();
    }

    /// Applies the configuration and expects all of it to stand.
    pub fn apply(&mut self) {
        self.apply_anyhow();
        let failures = self.failures();
        assert!(failures.is_empty(), "{failures:#?}");
    }

    pub fn apply_anyhow(&mut self) {
        self.config.revision += 1;
        let config = self.config.clone();
        self.part.apply(&config);
    }

    pub fn report(&self) -> HostReport {
        let mut report = HostReport::default();
        self.part.report(&mut report);
        report
    }

    pub fn failures(&self) -> Vec<String> {
        let report = self.report();
        let fragments = report
            .externals
            .values()
            .chain(report.networks.values())
            .chain(report.routers.values());
        let failed = fragments.filter_map(|f| {
            if let FragmentStatus::Failed(why) = f {
                Some(why.clone())
            } else {
                None
            }
        });
        let ports = report.ports.values();
        failed
            .chain(ports.filter_map(|p| {
                if let PortReport::Failed(why) = p {
                    Some(why.clone())
                } else {
                    None
                }
            }))
            .collect()
    }

    /// A network with subnets; the service address is the second of each.
    pub fn network(&mut self, cidrs: &[&str]) -> NetworkId {
        let id = NetworkId(fresh());
        let subnets: Vec<SubnetConfig> = cidrs.iter().map(|cidr| subnet(cidr)).collect();
        let addresses = subnets.iter().map(|s| nth(s.cidr, 2)).collect();
        let config = NetworkConfig {
            id,
            mtu: 1450,
            dns_domain: "openstacklocal".into(),
            subnets,
            service_port: Some(ServicePort {
                id: PortId(fresh()),
                mac: fresh_mac(),
                addresses,
            }),
            ports: Default::default(),
            groups: Default::default(),
            stateless: Default::default(),
            members: Default::default(),
            names: Default::default(),
        };
        self.config.networks.insert(id, Arc::new(config));
        id
    }

    pub fn edit<T>(&mut self, id: NetworkId, change: impl FnOnce(&mut NetworkConfig) -> T) -> T {
        let mut config = (*self.config.networks[&id]).clone();
        let value = change(&mut config);
        self.config.networks.insert(id, Arc::new(config));
        value
    }

    pub fn edit_port(&mut self, vm: &Vm, change: impl FnOnce(&mut PortConfig)) {
        self.edit(vm.network, |network| {
            let mut port = (*network.ports[&vm.port]).clone();
            change(&mut port);
            network.ports.insert(vm.port, Arc::new(port));
        });
    }

    /// Puts a port into other groups, at once.
    pub fn regroup(&mut self, vm: &Vm, groups: &[SecurityGroupId]) {
        self.edit_port(vm, |port| port.security_groups = groups.iter().copied().collect());
        self.apply();
    }

    pub fn edit_router(&mut self, id: RouterId, change: impl FnOnce(&mut RouterConfig)) {
        let mut config = (*self.config.routers[&id]).clone();
        change(&mut config);
        self.config.routers.insert(id, Arc::new(config));
    }

    /// A group of a network, with rules.
    pub fn group(&mut self, network: NetworkId, rules: Vec<FilterRule>) -> SecurityGroupId {
        let id = SecurityGroupId(fresh());
        self.set_group(network, id, rules);
        id
    }

    pub fn set_group(&mut self, network: NetworkId, id: SecurityGroupId, rules: Vec<FilterRule>) {
        self.edit(network, |n| n.groups.insert(id, Arc::new(rules)));
    }

    pub fn set_members(&mut self, network: NetworkId, id: SecurityGroupId, members: &[&str]) {
        self.edit(network, |n| {
            n.members.insert(id, members.iter().map(|m| net(m)).collect())
        });
    }

    /// A namespace attached to a new port with the subnets' `number`-th addresses.
    pub fn vm(&mut self, network: NetworkId, number: u32, groups: &[SecurityGroupId]) -> Vm {
        self.vm_with(network, number, groups, |_| {})
    }

    pub fn vm_with(
        &mut self,
        network: NetworkId,
        number: u32,
        groups: &[SecurityGroupId],
        change: impl FnOnce(&mut PortConfig),
    ) -> Vm {
        let (name, ns) = self.place();
        let id = PortId(fresh());
        let subnets = self.config.networks[&network].subnets.clone();
        let mut port = PortConfig {
            id,
            network_id: network,
            mac: fresh_mac(),
            fixed_ips: subnets
                .iter()
                .map(|s| FixedIpConfig {
                    subnet_id: s.id,
                    address: nth(s.cidr, number),
                })
                .collect(),
            binding: PortBinding::Namespace {
                netns: name.clone(),
                ifname: "eth0".into(),
            },
            admin_state_up: true,
            port_security: true,
            allowed_address_pairs: Vec::new(),
            security_groups: groups.iter().copied().collect(),
            dns_name: None,
            extra_dhcp_opts: Vec::new(),
            qos: None,
        };
        change(&mut port);
        let addresses: Vec<IpAddr> = port.fixed_ips.iter().map(|ip| ip.address.addr()).collect();
        let vm = Vm {
            name,
            ns,
            port: id,
            mac: port.mac,
            ip: addresses[0],
            ip6: addresses.iter().copied().find(IpAddr::is_ipv6),
            network,
        };
        self.edit(network, |n| n.ports.insert(id, Arc::new(port)));
        vm
    }

    /// A named namespace where IPv6 addresses are usable at once.
    pub fn place(&mut self) -> (String, Netns) {
        let name = format!("marutest-{}", fresh().simple());
        let ns = Netns::create(&name).unwrap();
        self.places.push(name.clone());
        let settings = [
            ("net/ipv6/conf/default/accept_dad", "0"),
            ("net/ipv6/conf/all/accept_dad", "0"),
            ("net/ipv6/conf/default/router_solicitations", "0"),
        ];
        sysctl::write(&ns, &settings).unwrap();
        (name, ns)
    }

    pub fn network_ns(&self, id: NetworkId) -> Netns {
        self.part.network_netns(id).unwrap()
    }

    /// A provider network with the host's addresses on its bridge.
    pub fn external(&mut self, bridge: &str, addresses: &[&str]) -> NetworkId {
        let id = NetworkId(fresh());
        let config = ExternalNetworkConfig {
            id,
            bridge: bridge.into(),
            mtu: 1500,
            host_addresses: addresses.iter().map(|a| net(a)).collect(),
            host_routes: Vec::new(),
        };
        self.config.externals.insert(id, Arc::new(config));
        id
    }

    /// A router with legs on networks: each at the first address of every subnet.
    pub fn router(&mut self, networks: &[NetworkId], gateway: Option<(NetworkId, &[&str], &[&str])>) -> RouterId {
        let id = RouterId(fresh());
        let legs = networks.iter().map(|network| self.leg(id, *network, 1)).collect();
        let gateway = gateway.map(|(network_id, addresses, gateways)| GatewayLeg {
            port_id: PortId(fresh()),
            network_id,
            mac: fresh_mac(),
            addresses: addresses.iter().map(|a| net(a)).collect(),
            gateways: gateways.iter().map(|g| g.parse().unwrap()).collect(),
            enable_snat: true,
            mtu: 1500,
        });
        let config = RouterConfig {
            id,
            admin_state_up: true,
            legs,
            gateway,
            floating_ips: Vec::new(),
            forwardings: Vec::new(),
            routes: Vec::new(),
            scopes: Default::default(),
            limits: Vec::new(),
            ndp_proxies: None,
            meters: Default::default(),
        };
        self.config.routers.insert(id, Arc::new(config));
        id
    }

    /// A leg of a router and its port on the network.
    pub fn leg(&mut self, router: RouterId, network: NetworkId, number: u32) -> RouterLeg {
        let (port_id, mac) = (PortId(fresh()), fresh_mac());
        let config = self.config.networks[&network].clone();
        let fixed_ips: Vec<FixedIpConfig> = config
            .subnets
            .iter()
            .map(|s| FixedIpConfig {
                subnet_id: s.id,
                address: nth(s.cidr, number),
            })
            .collect();
        let leg = RouterLeg {
            port_id,
            network_id: network,
            mac,
            addresses: fixed_ips.iter().map(|ip| ip.address).collect(),
            mtu: config.mtu,
            advertise: Vec::new(),
            advertise_dns: Vec::new(),
        };
        let port = PortConfig {
            id: port_id,
            network_id: network,
            mac,
            fixed_ips,
            binding: PortBinding::Router(router),
            admin_state_up: true,
            port_security: false,
            allowed_address_pairs: Vec::new(),
            security_groups: BTreeSet::new(),
            dns_name: None,
            extra_dhcp_opts: Vec::new(),
            qos: None,
        };
        self.edit(network, |n| n.ports.insert(port_id, Arc::new(port)));
        leg
    }

    pub fn floating_ip(&mut self, router: RouterId, floating: &str, vm: &Vm) {
        let IpAddr::V4(fixed) = vm.ip else {
            panic!("floating IPs are IPv4")
        };
        let ip = FloatingIpConfig {
            id: model::FloatingIpId(fresh()),
            floating: floating.parse().unwrap(),
            fixed,
            port_id: vm.port,
        };
        self.edit_router(router, |r| r.floating_ips.push(ip));
    }

    pub fn drop_floating_ip(&mut self, router: RouterId, floating: &str) {
        self.edit_router(router, |r| {
            r.floating_ips.retain(|ip| ip.floating.to_string() != floating)
        });
    }
}

/// Checks by name; all are made, and those that failed are told at the end.
#[derive(Default)]
pub struct Checks {
    failed: Vec<String>,
    count: usize,
}

impl Checks {
    pub fn check(&mut self, what: &str, holds: bool) {
        self.count += 1;
        if !holds {
            self.failed.push(what.to_owned());
        }
        println!("{} {what}", if holds { "ok  " } else { "FAIL" });
    }

    pub fn finish(self) {
        assert!(
            self.failed.is_empty(),
            "{} of {} checks failed: {:#?}",
            self.failed.len(),
            self.count,
            self.failed
        );
    }
}

pub fn net(text: &str) -> IpNet {
    match text.parse::<IpNet>() {
        Ok(net) => net,
        Err(_) => IpNet::from(text.parse::<IpAddr>().unwrap()),
    }
}

/// The `number`-th address of a prefix, with its length.
pub fn nth(cidr: IpNet, number: u32) -> IpNet {
    let address: IpAddr = match cidr {
        IpNet::V4(v4) => std::net::Ipv4Addr::from(u32::from(v4.network()) + number).into(),
        IpNet::V6(v6) => std::net::Ipv6Addr::from(u128::from(v6.network()) + u128::from(number)).into(),
    };
    IpNet::new(address, cidr.prefix_len()).unwrap()
}

pub fn fresh_mac() -> MacAddress {
    MacAddress::from_random(*fresh().as_bytes())
}

fn subnet(cidr: &str) -> SubnetConfig {
    let cidr = net(cidr);
    SubnetConfig {
        id: SubnetId(fresh()),
        cidr,
        gateway: Some(nth(cidr, 1).addr()),
        dhcp: true,
        dns_nameservers: Vec::new(),
        host_routes: Vec::new(),
        ipv6: None,
    }
}

/// A rule.
pub fn rule(direction: Direction, ethertype: EtherType, protocol: ProtocolMatch, remote: Remote) -> FilterRule {
    FilterRule {
        id: SecurityGroupRuleId(fresh()),
        direction,
        ethertype,
        protocol,
        remote,
    }
}

/// What lets everything out, as a new group of Neutron has it.
pub fn all_out() -> Vec<FilterRule> {
    let any = |ethertype| rule(Direction::Egress, ethertype, ProtocolMatch::Any, Remote::Any);
    vec![any(EtherType::IPv4), any(EtherType::IPv6)]
}

pub fn ports(protocol: u8, first: u16, last: u16) -> ProtocolMatch {
    ProtocolMatch::Ports {
        protocol,
        range: Some((first, last)),
    }
}

/// An IPv4 ingress rule from anywhere.
pub fn allow_in(protocol: ProtocolMatch) -> FilterRule {
    rule(Direction::Ingress, EtherType::IPv4, protocol, Remote::Any)
}

/// An IPv6 ingress rule from anywhere.
pub fn allow_in6(protocol: ProtocolMatch) -> FilterRule {
    rule(Direction::Ingress, EtherType::IPv6, protocol, Remote::Any)
}

/// All rules together.
pub fn with(mut rules: Vec<FilterRule>, more: impl IntoIterator<Item = FilterRule>) -> Vec<FilterRule> {
    rules.extend(more);
    rules
}

/// Deletes a link as a person would.
pub fn delete_link(ns: &Netns, name: &str) {
    let mut nl = Rtnl::open(ns).unwrap();
    let index = nl.link(name).unwrap().index;
    assert!(nl.delete_link(index).unwrap());
}
