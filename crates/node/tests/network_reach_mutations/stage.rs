//! A cloud that uses everything at once, and ways to break it by hand.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;
use std::sync::Arc;

use linux::nft::Nft;
use linux::{Netns, sysctl};
use model::host::*;
use model::reach::{Finding, Scope};
use model::{
    AddressScopeId, FloatingIpId, MeteringLabelId, NetworkId, PortId, RouterId, SecurityGroupId, ServerId, TrunkId,
};
use node::network::names::{gateway_device, router_device, tap_device};
use node::reach::programmed::Inspector;

use crate::network_common::*;

/// Two networks behind a router, with ports of every kind and every extension in use.
pub struct Stage {
    pub cloud: Cloud,
    pub public: NetworkId,
    /// The first is tracked; the second has a stateless group, too.
    pub networks: [NetworkId; 2],
    pub router: RouterId,
    pub web: SecurityGroupId,
    /// A port in two groups, with a floating IP.
    pub a: Vm,
    /// A port with address pairs and limits.
    pub b: Vm,
    /// A port that is not filtered.
    pub open: Vm,
    /// A stateless port of the second network.
    pub stateless: Vm,
    /// A server's port: the parent of a trunk; and the subport.
    pub parent: PortId,
    pub subport: PortId,
    pub server: ServerId,
    pub floating: FloatingIpId,
    pub label: MeteringLabelId,
    inspector: Inspector,
}

pub const FLOATING: &str = "172.24.4.50";
pub const FORWARDED: &str = "172.24.4.60";

/// Where a hand reaches in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum In {
    Host,
    One,
    Two,
    Router,
    A,
}

impl Stage {
    pub fn new() -> Self {
        let mut cloud = Cloud::new();
        let public = cloud.external("br-ex", &["172.24.4.1/24", "2001:db8::1/64"]);
        let networks = [1, 2].map(|n| cloud.network(&[&format!("10.{n}.0.0/24"), &format!("fd00:{n}::/64")]));
        let (web, peers) = groups(&mut cloud, networks[0]);
        let a = cloud.vm(networks[0], 10, &[web, peers]);
        let b = cloud.vm_with(networks[0], 11, &[web], limited);
        let open = cloud.vm_with(networks[0], 30, &[], |port| port.port_security = false);
        let (server, trunk) = (ServerId(fresh()), TrunkId(fresh()));
        let parent = cloud
            .vm_with(networks[0], 12, &[web], |port| {
                port.binding = PortBinding::Server(server)
            })
            .port;
        let (subport, stateless) = second_network(&mut cloud, networks[1], trunk);
        let subports = SubportConfig {
            port_id: subport,
            network_id: networks[1],
        };
        let trunk = TrunkConfig {
            id: trunk,
            parent,
            network_id: networks[0],
            subports: BTreeMap::from([(7, subports)]),
        };
        cloud.config.trunks.insert(trunk.id, Arc::new(trunk));
        let gateway: (NetworkId, &[&str], &[&str]) = (
            public,
            &["172.24.4.10/24", "2001:db8::10/64"],
            &["172.24.4.1", "2001:db8::1"],
        );
        let router = cloud.router(&networks, Some(gateway));
        cloud.floating_ip(router, FLOATING, &a);
        let inspector = Inspector::new(cloud.host.clone(), &cloud.owner);
        let mut stage = Self {
            floating: cloud.config.routers[&router].floating_ips[0].id,
            label: MeteringLabelId(fresh()),
            cloud,
            public,
            networks,
            router,
            web,
            a,
            b,
            open,
            stateless,
            parent,
            subport,
            server,
            inspector,
        };
        stage.extend_router();
        stage.cloud.apply();
        stage
    }

    /// Forwardings, scopes, limits, NDP proxies, meters, a route, and the way back from outside.
    fn extend_router(&mut self) {
        let (b, label, floating_ip_id) = (self.b.ip.to_string(), self.label, FloatingIpId(fresh()));
        self.cloud.edit_router(self.router, |router| {
            router.forwardings.push(ForwardingConfig {
                floating_ip_id,
                floating: FORWARDED.parse().unwrap(),
                protocol: 6,
                external: (8080, 8080),
                fixed: b.parse().unwrap(),
                internal: (80, 80),
            });
            router.routes.push(Route {
                destination: net("192.168.7.0/24"),
                nexthop: "10.1.0.10".parse().unwrap(),
            });
            let (one, two) = (AddressScopeId(fresh()), AddressScopeId(fresh()));
            let ports = [
                router.legs[0].port_id,
                router.legs[1].port_id,
                router.gateway.as_ref().unwrap().port_id,
            ];
            for (port, scope) in ports.into_iter().zip([one, two, one]) {
                let scope = Some(scope);
                router.scopes.insert(port, Scopes { v4: scope, v6: scope });
            }
            let limit = BandwidthLimit {
                kbps: 8000,
                burst_kbits: 0,
            };
            router.limits.push(AddressLimit {
                address: FLOATING.parse().unwrap(),
                ingress: Some(limit),
                egress: Some(limit),
            });
            router.ndp_proxies = Some(BTreeSet::from(["fd00:1::10".parse().unwrap()]));
            let rule = |direction| MeterRule {
                direction,
                excluded: false,
                source: Some(net("0.0.0.0/0")),
                destination: None,
            };
            router
                .meters
                .insert(label, vec![rule(Direction::Ingress), rule(Direction::Egress)]);
        });
        let mut external = (*self.cloud.config.externals[&self.public]).clone();
        external.host_routes.push(Route {
            destination: net("fd00:1::/64"),
            nexthop: "2001:db8::10".parse().unwrap(),
        });
        self.cloud.config.externals.insert(self.public, Arc::new(external));
    }

    /// What is found wrong, as far as a scope reaches.
    pub fn inspect(&self, scope: &Scope) -> Vec<Finding> {
        self.inspector
            .inspect(&self.cloud.config, scope)
            .findings
            .into_iter()
            .collect()
    }

    /// What is found wrong at all.
    pub fn inspect_all(&self) -> Vec<Finding> {
        self.inspect(&Scope::all(&self.cloud.config))
    }

    /// Says that the server runs; its process is this test's.
    pub fn run_server(&mut self) {
        let nic = NicConfig {
            port_id: self.parent,
            network_id: self.networks[0],
            mac: fresh_mac(),
            mtu: 1450,
        };
        let server = ServerConfig {
            id: self.server,
            name: "server".into(),
            power: DesiredPower::On,
            hard_reboots: 0,
            soft_reboots: 0,
            vcpus: 1,
            memory_mib: 128,
            disk: DiskConfig {
                image: None,
                root_gib: 1,
            },
            ephemeral_gib: 0,
            swap_mib: 0,
            kernel: None,
            nics: vec![nic],
            volumes: Vec::new(),
            disk_limits: DiskLimits::NONE,
            config_drive: false,
            metadata: Arc::default(),
            orders: Default::default(),
        };
        self.cloud.config.servers.insert(self.server, Arc::new(server));
        self.inspector = self.fresh_inspector().with_processes(Arc::new(|_| Some(1)));
    }

    /// What is found wrong while no server has a process.
    pub fn without_processes(&self) -> Vec<Finding> {
        let inspector = self.fresh_inspector().with_processes(Arc::new(|_| None));
        let found = inspector.inspect(&self.cloud.config, &Scope::all(&self.cloud.config));
        found.findings.into_iter().collect()
    }

    pub fn fresh_inspector(&self) -> Inspector {
        Inspector::new(self.cloud.host.clone(), &self.cloud.owner)
    }

    /// A program that begins anew looks at everything, and mends what it can.
    pub fn mend(&mut self) {
        self.cloud.restart();
        self.cloud.apply_anyhow();
        self.cloud.part.settle();
    }

    pub fn namespace(&self, place: In) -> Netns {
        match place {
            In::Host => self.cloud.host.clone(),
            In::One => self.cloud.network_ns(self.networks[0]),
            In::Two => self.cloud.network_ns(self.networks[1]),
            In::Router => self.cloud.part.router_netns(self.router).unwrap(),
            In::A => self.a.ns.clone(),
        }
    }

    /// Does by hand what a person would: `nft …`, `sysctl KEY=VALUE`, or a program of iproute2.
    pub fn hand(&self, place: In, command: &str) {
        let ns = self.namespace(place);
        if let Some(text) = command.strip_prefix("nft ") {
            Nft::open(&ns)
                .unwrap()
                .run(text)
                .unwrap_or_else(|error| panic!("{command}: {error}"));
            return;
        }
        if let Some((key, value)) = command.strip_prefix("sysctl ").and_then(|text| text.split_once('=')) {
            return sysctl::write(&ns, &[(key, value)]).unwrap();
        }
        let words: Vec<&str> = command.split_whitespace().collect();
        let run = || Command::new(words[0]).args(&words[1..]).output();
        let output = ns.run(run).unwrap().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{command}: {errors}");
    }

    pub fn leg(&self, which: usize) -> PortId {
        self.cloud.config.routers[&self.router].legs[which].port_id
    }

    pub fn gateway_port(&self) -> PortId {
        self.cloud.config.routers[&self.router]
            .gateway
            .as_ref()
            .unwrap()
            .port_id
    }

    pub fn qr(&self) -> String {
        router_device(self.leg(0))
    }

    pub fn qg(&self) -> String {
        gateway_device(self.gateway_port())
    }

    pub fn tap(&self, port: PortId) -> String {
        tap_device(port)
    }
}

/// Two groups of the first network: one has everything that a rule can have, the other names it as remote group.
fn groups(cloud: &mut Cloud, network: NetworkId) -> (SecurityGroupId, SecurityGroupId) {
    let remote = |direction, ethertype, remote| rule(direction, ethertype, ProtocolMatch::Any, remote);
    let icmp = ProtocolMatch::Icmp {
        kind: Some(8),
        code: Some(0),
    };
    let web = [
        allow_in(ports(6, 22, 22)),
        allow_in(ports(17, 5000, 5010)),
        allow_in(icmp),
        allow_in(ProtocolMatch::Number(112)),
        allow_in6(ports(6, 22, 22)),
        remote(Direction::Ingress, EtherType::IPv4, Remote::Prefix(net("192.0.2.0/24"))),
        remote(
            Direction::Ingress,
            EtherType::IPv6,
            Remote::Prefix(net("2001:db8:7::/48")),
        ),
    ];
    let web = cloud.group(network, with(all_out(), web));
    let peers =
        [EtherType::IPv4, EtherType::IPv6].map(|version| remote(Direction::Ingress, version, Remote::Group(web)));
    let peers = cloud.group(network, peers.to_vec());
    cloud.set_members(
        network,
        web,
        &[
            "10.1.0.10",
            "10.1.0.11",
            "fd00:1::10",
            "10.1.0.128/25",
            "fd00:1::8000/113",
        ],
    );
    (web, peers)
}

/// A port with all limits and marks, and addresses of others.
fn limited(port: &mut PortConfig) {
    let bandwidth = |kbps| Some(BandwidthLimit { kbps, burst_kbits: 0 });
    let packets = Some(PacketRateLimit {
        kpps: 5,
        burst_kpackets: 0,
    });
    port.qos = Some(Arc::new(PortQos {
        ingress: bandwidth(20_000),
        egress: bandwidth(10_000),
        ingress_packets: packets,
        egress_packets: packets,
        dscp: Some(26),
    }));
    let other = fresh_mac();
    port.allowed_address_pairs = vec![
        (net("10.1.0.128/25"), port.mac),
        (net("10.1.0.99"), other),
        (net("fd00:1::8000/113"), port.mac),
    ];
}

/// A stateful port with an address pair, a stateless one, and a trunk's subport.
fn second_network(cloud: &mut Cloud, network: NetworkId, trunk: TrunkId) -> (PortId, Vm) {
    let stateful = cloud.group(network, with(all_out(), [allow_in(ProtocolMatch::Any)]));
    let stateless = cloud.group(network, with(all_out(), [allow_in(ports(6, 22, 22))]));
    cloud.edit(network, |network| network.stateless.insert(stateless));
    let pair = (net("10.2.0.99"), fresh_mac());
    cloud.vm_with(network, 20, &[stateful], |port| port.allowed_address_pairs.push(pair));
    let vm = cloud.vm(network, 21, &[stateless]);
    let subport = cloud.vm_with(network, 12, &[stateful], |port| {
        port.binding = PortBinding::Trunk(trunk)
    });
    (subport.port, vm)
}
