//! A cloud of rows, made by the rules that the API's requests go by, planned, and made real: what a fix does can be seen.

use std::collections::BTreeMap;
use std::net::{IpAddr, TcpListener};
use std::sync::Arc;

use linux::netlink::{AddressFlags, Route as KernelRoute, Rtnl};
use linux::{Netns, sysctl};
use model::compute::{PowerState, Server, ServerFlavor, VmState};
use model::host::{DesiredPower, PortBinding, PortConfig};
use model::network::floating_ip::{self, FloatingIpSpec};
use model::network::network::NetworkSpec;
use model::network::port::{self, FixedIpSpec, PortSpec};
use model::network::router::{self, GatewaySpec, InterfaceSpec, RouterSpec};
use model::network::security_group::{RuleSpec, create_rule};
use model::network::subnet::{self, SubnetSpec};
use model::network::{FloatingIp, NamespaceAttachment, Port, Router, network};
use model::plan::{Planner, Settings};
use model::reach::{Answer, Flow, Protocol, Question, Start, World, ask};
use model::{Actor, Cloud, HostId, NetworkId, PortId, RouterId, Scope, SeededIds, ServerId, SubnetId, Timestamp, Tx};

use crate::machine::{QUIET, listeners, outsider};
use crate::network_common::switch::{Switch, interface};
use crate::network_common::{Cloud as Host, net};
use crate::question::passes;
use crate::stage::HOSTS;
use crate::topology::{BESIDE, HOST, WORLD};

/// Everybody's, who may do everything: what is asked and mended is the administrator's own.
pub fn admin() -> Actor {
    Actor {
        user_id: "user".into(),
        user_domain_id: "default".into(),
        scope: Scope::Project {
            id: "admin".into(),
            domain_id: "default".into(),
        },
        roles: ["admin", "manager", "member", "reader"].map(str::to_owned).into(),
    }
}

/// A cloud, its host, and the machines in it.
pub struct Rows {
    pub cloud: Cloud,
    pub planner: Planner,
    /// Whether the host forwards.
    pub forwards: bool,
    pub external: Option<NetworkId>,
    ids: SeededIds,
    host: Host,
    machines: BTreeMap<PortId, Netns>,
    /// Guests of servers that run, by port.
    running: BTreeMap<PortId, Switch>,
    outside: BTreeMap<IpAddr, Netns>,
    listening: Vec<(Netns, Vec<TcpListener>)>,
}

fn host_id() -> HostId {
    HostId::from("host")
}

impl Rows {
    /// A host without anything.
    pub fn empty() -> Self {
        let cloud = Cloud::default();
        let host = Host::new();
        sysctl::write(&host.host, &HOSTS).unwrap();
        Self {
            planner: Planner::new(&cloud, host_id(), Settings::default()),
            cloud,
            forwards: true,
            external: None,
            // Names of namespaces are the machine's.
            ids: SeededIds::new(u64::from_le_bytes(
                crate::network_common::fresh().as_bytes()[..8].try_into().unwrap(),
            )),
            host,
            machines: BTreeMap::new(),
            running: BTreeMap::new(),
            outside: BTreeMap::new(),
            listening: Vec::new(),
        }
    }

    /// With a provider network, and machines beside and behind the host.
    pub fn new() -> Self {
        let mut rows = Self::empty();
        let spec = NetworkSpec {
            external: Some(true),
            ..NetworkSpec::default()
        };
        let external = rows.run(|tx| network::create(tx, &admin(), spec)).id;
        let [v4, v6] = HOST.map(net);
        let pool = model::address::AddressRange {
            start: "172.24.4.10".parse().unwrap(),
            end: "172.24.4.90".parse().unwrap(),
        };
        for (net, pools) in [(v4, Some(vec![pool])), (v6, None)] {
            let spec = SubnetSpec {
                cidr: Some(net.trunc()),
                gateway_ip: Some(Some(net.addr())),
                enable_dhcp: Some(false),
                allocation_pools: pools,
                ..SubnetSpec::default()
            };
            rows.run(|tx| subnet::create(tx, &admin(), external, spec));
        }
        rows.external = Some(external);
        rows.apply();
        for (addresses, beside) in [(BESIDE, true), (WORLD, false)] {
            let ns = outsider(&mut rows.host, addresses, beside);
            rows.listen(&ns);
            let own = addresses.map(|address| (net(address).addr(), ns.clone()));
            rows.outside.extend(own);
        }
        rows
    }

    /// Changes rows; the rule must hold.
    pub fn run<T>(&mut self, rule: impl FnOnce(&mut Tx<'_>) -> model::Result<T>) -> T {
        self.try_run(rule).unwrap()
    }

    /// Changes rows, if the rule lets it.
    pub fn try_run<T>(&mut self, rule: impl FnOnce(&mut Tx<'_>) -> model::Result<T>) -> model::Result<T> {
        let mut tx = Tx::begin(self.cloud.clone(), Timestamp::EPOCH, &mut self.ids);
        let made = rule(&mut tx)?;
        let (cloud, changes) = tx.finish();
        self.planner.update(&cloud, &changes);
        self.cloud = cloud;
        Ok(made)
    }

    pub fn network(&mut self, cidrs: &[&str]) -> (NetworkId, SubnetId) {
        let network = self.run(|tx| network::create(tx, &admin(), NetworkSpec::default())).id;
        let subnets: Vec<SubnetId> = cidrs.iter().map(|cidr| self.subnet(network, cidr)).collect();
        (network, subnets[0])
    }

    pub fn subnet(&mut self, network: NetworkId, cidr: &str) -> SubnetId {
        let spec = SubnetSpec {
            cidr: Some(net(cidr)),
            ..SubnetSpec::default()
        };
        self.run(|tx| subnet::create(tx, &admin(), network, spec)).id
    }

    pub fn router(&mut self, subnets: &[SubnetId], has_gateway: bool) -> RouterId {
        let spec = RouterSpec {
            gateway: self
                .external
                .filter(|_| has_gateway)
                .map(|network| Some(gateway(network))),
            ..RouterSpec::default()
        };
        let router = self.run(|tx| router::create(tx, &admin(), spec)).id;
        for subnet in subnets {
            self.leg(router, *subnet);
        }
        router
    }

    pub fn leg(&mut self, router: RouterId, subnet: SubnetId) {
        let spec = InterfaceSpec {
            subnet_id: Some(subnet),
            port_id: None,
        };
        self.run(|tx| router::add_interface(tx, &admin(), router, spec));
    }

    /// A leg at an address of its own, beside the gateway.
    pub fn leg_at(&mut self, router: RouterId, network: NetworkId, address: &str) {
        let port = self.bare_port(network, &[address]);
        let spec = InterfaceSpec {
            subnet_id: None,
            port_id: Some(port),
        };
        self.run(|tx| router::add_interface(tx, &admin(), router, spec));
    }

    /// A port with nothing plugged in.
    pub fn bare_port(&mut self, network: NetworkId, addresses: &[&str]) -> PortId {
        let fixed = addresses.iter().map(|address| FixedIpSpec {
            subnet_id: None,
            ip_address: Some(address.parse().unwrap()),
        });
        let spec = PortSpec {
            fixed_ips: (!addresses.is_empty()).then(|| fixed.collect()),
            ..PortSpec::default()
        };
        self.run(|tx| port::create(tx, &admin(), network, spec)).id
    }

    /// A machine on a network.
    pub fn machine(&mut self, network: NetworkId) -> PortId {
        let port = self.bare_port(network, &[]);
        let (name, ns) = self.place();
        self.plug(port, &name, "eth0", &ns);
        port
    }

    /// A further NIC of a machine.
    pub fn second_nic(&mut self, first: PortId, network: NetworkId) -> PortId {
        let port = self.bare_port(network, &[]);
        let attachment = self.cloud.ports.get(&first).unwrap().attachment.clone().unwrap();
        let ns = self.machines[&first].clone();
        self.plug(port, &attachment.netns, "eth1", &ns);
        port
    }

    fn plug(&mut self, port: PortId, netns: &str, ifname: &str, ns: &Netns) {
        let attachment = NamespaceAttachment {
            netns: netns.to_owned(),
            ifname: ifname.to_owned(),
        };
        self.run(|tx| port::attach_namespace(tx, &admin(), port, attachment));
        self.machines.insert(port, ns.clone());
    }

    fn place(&mut self) -> (String, Netns) {
        let (name, ns) = self.host.place();
        sysctl::write(&ns, &QUIET).unwrap();
        self.listen(&ns);
        (name, ns)
    }

    /// A server that runs, with a port on a network; its guest is a namespace.
    pub fn server(&mut self, network: NetworkId) -> (ServerId, PortId) {
        let id = ServerId(crate::network_common::fresh());
        let port = self.bare_port(network, &[]);
        let (_, ns) = self.place();
        self.machines.insert(port, ns);
        self.run(|tx| {
            tx.put(server(id, vec![port]));
            tx.update::<Port>(&port, |row| {
                row.device_id = id.to_string();
                row.device_owner = "compute:nova".to_owned();
            })
        });
        (id, port)
    }

    /// A server without a port.
    pub fn lonely_server(&mut self) -> ServerId {
        let id = ServerId(crate::network_common::fresh());
        self.run(|tx| Ok(tx.put(server(id, Vec::new()))));
        id
    }

    /// What a server is told to do, and is.
    pub fn set_power(&mut self, id: ServerId, state: VmState, desired: DesiredPower) {
        self.run(|tx| tx.update::<Server>(&id, |row| (row.vm_state, row.desired) = (state, desired)));
    }

    pub fn floating_ip(&mut self, port: Option<PortId>) -> Arc<FloatingIp> {
        let (spec, external) = (
            FloatingIpSpec {
                port_id: Some(port),
                ..FloatingIpSpec::default()
            },
            self.external.unwrap(),
        );
        self.run(|tx| floating_ip::create(tx, &admin(), external, spec))
    }

    pub fn edit_port(&mut self, id: PortId, spec: PortSpec) {
        self.run(|tx| port::update(tx, &admin(), id, spec));
    }

    pub fn edit_router(&mut self, id: RouterId, spec: RouterSpec) -> Arc<Router> {
        self.run(|tx| router::update(tx, &admin(), id, spec))
    }

    /// A rule in the first group of a port.
    pub fn rule(&mut self, port: PortId, change: impl FnOnce(&mut RuleSpec)) {
        let group = *self.cloud.ports.get(&port).unwrap().security_groups.first().unwrap();
        let mut spec = RuleSpec::new(group, model::host::Direction::Ingress, model::host::EtherType::IPv4);
        change(&mut spec);
        self.run(|tx| create_rule(tx, &admin(), spec));
    }

    /// Lets in all that is asked in tests. Several machines may be in one group.
    pub fn open(&mut self, port: PortId) {
        let group = *self.cloud.ports.get(&port).unwrap().security_groups.first().unwrap();
        for ethertype in [model::host::EtherType::IPv4, model::host::EtherType::IPv6] {
            let spec = RuleSpec::new(group, model::host::Direction::Ingress, ethertype);
            let made = self.try_run(|tx| create_rule(tx, &admin(), spec));
            assert!(made.is_ok() || made.is_err_and(|error| error.code == "SecurityGroupRuleExists"));
        }
    }

    pub fn address(&self, port: PortId) -> IpAddr {
        self.cloud.ports.get(&port).unwrap().fixed_ips[0].ip_address
    }

    /// Makes the host what the rows say.
    pub fn apply(&mut self) {
        self.report_servers();
        self.host.config = self.planner.config().clone();
        self.host.apply_anyhow();
        // A trunk's or a stopped server's port is no failure; anything else is one.
        let failures = self.host.failures();
        assert!(failures.is_empty(), "{failures:#?}");
        let forwards = if self.forwards { "1" } else { "0" };
        sysctl::write(
            &self.host.host,
            &[
                ("net/ipv4/ip_forward", forwards),
                ("net/ipv6/conf/all/forwarding", forwards),
            ],
        )
        .unwrap();
        self.boot();
        self.set_up_machines();
        let routers: Vec<RouterId> = self.host.config.routers.keys().copied().collect();
        for id in routers {
            if let Some(ns) = self.host.part.router_netns(id) {
                self.listen(&ns);
            }
        }
    }

    /// What hosts tell of servers once they have done what they were told.
    fn report_servers(&mut self) {
        let told: Vec<(ServerId, VmState)> = self
            .cloud
            .servers
            .iter()
            .filter(|row| !matches!(row.vm_state, VmState::Building | VmState::Error))
            .map(|row| {
                let state = match row.desired {
                    DesiredPower::On => VmState::Active,
                    DesiredPower::Off => VmState::Stopped,
                    DesiredPower::Paused => VmState::Paused,
                    DesiredPower::Suspended => VmState::Suspended,
                };
                (row.id, state)
            })
            .collect();
        for (id, state) in told {
            self.run(|tx| {
                tx.update::<Server>(&id, |row| {
                    row.vm_state = state;
                    row.task_state = None;
                })
            });
        }
    }

    /// Servers that are to run get their guest, others lose it.
    fn boot(&mut self) {
        let mut wanted: Vec<PortId> = Vec::new();
        for (id, config) in &self.host.config.servers {
            let state = self.cloud.servers.get(id).map(|row| row.vm_state);
            if config.power == DesiredPower::On && state == Some(VmState::Active) {
                wanted.extend(config.nics.iter().map(|nic| nic.port_id));
            }
        }
        self.running.retain(|port, _| wanted.contains(port));
        for port in wanted {
            if self.running.contains_key(&port) {
                continue;
            }
            let Some((config, ns)) = self.port_config(port).zip(self.machines.get(&port)) else {
                continue;
            };
            let tap = self.host.part.tap(port).unwrap();
            let addresses: Vec<_> = config.fixed_ips.iter().map(|fixed| fixed.address).collect();
            let guest = interface(ns, "eth0", config.mac, &addresses);
            self.running.insert(port, Switch::start(tap, [(0, guest)].into()));
        }
    }

    fn port_config(&self, id: PortId) -> Option<PortConfig> {
        let mut networks = self.host.config.networks.values();
        networks.find_map(|network| network.ports.get(&id).map(|port| (**port).clone()))
    }

    /// Gives machines what DHCP tells them by each of their ports in turn, and the addresses that they are to stand for.
    fn set_up_machines(&self) {
        let mut nics: Vec<(String, PortConfig, &Netns)> = Vec::new();
        for (port, ns) in &self.machines {
            let Some(config) = self.port_config(*port) else {
                continue;
            };
            let ifname = match &config.binding {
                PortBinding::Namespace { ifname, .. } => ifname.clone(),
                _ => "eth0".to_owned(),
            };
            nics.push((ifname, config, ns));
        }
        nics.sort_by(|one, other| one.0.cmp(&other.0));
        for (ifname, config, ns) in nics {
            let mut nl = Rtnl::open(ns).unwrap();
            if ifname == "eth0" {
                for route in nl
                    .routes()
                    .unwrap()
                    .iter()
                    .filter(|route| route.gateway.is_some() && !route.by_kernel)
                {
                    nl.delete_route(route).unwrap();
                }
            }
            if let Some(link) = nl.find_link(&ifname).unwrap() {
                self.set_up_nic(&mut nl, link.index, &config);
            }
        }
    }

    fn set_up_nic(&self, nl: &mut Rtnl, link: u32, config: &PortConfig) {
        let flags = AddressFlags {
            no_dad: true,
            no_prefix_route: false,
        };
        let pairs = config.allowed_address_pairs.iter().map(|(net, _)| *net);
        for net in pairs.filter(|net| net.prefix_len() == net.max_prefix_len()) {
            nl.ensure_address(link, net, flags).unwrap();
        }
        let subnets = &self.host.config.networks[&config.network_id].subnets;
        for fixed in &config.fixed_ips {
            let subnet = subnets.iter().find(|subnet| subnet.id == fixed.subnet_id);
            let v4 = fixed.address.addr().is_ipv4();
            let any = if v4 { net("0.0.0.0/0") } else { net("::/0") };
            if let Some(gateway) = subnet.and_then(|subnet| subnet.gateway) {
                // That of the first port stays.
                let _ = nl.add_route(&KernelRoute::via(any, gateway, Some(link)));
            }
        }
    }

    fn listen(&mut self, ns: &Netns) {
        if !self.listening.iter().any(|(other, _)| other.id() == ns.id()) {
            self.listening.push((ns.clone(), listeners(ns)));
        }
    }

    pub fn ask(&self, question: &Question) -> Answer {
        let world = World {
            cloud: &self.cloud,
            host: &host_id(),
            config: self.planner.config(),
            settings: &Settings::default(),
            actor: &admin(),
            now: Timestamp::EPOCH,
            host_forwards: self.forwards,
        };
        ask(&world, question)
    }

    /// The packets that a question means as things are.
    pub fn flow(&self, question: &Question) -> Option<Flow> {
        question.flow(&self.cloud, self.planner.config()).ok()
    }

    /// Whether a flow's first packet is answered, really.
    pub fn send(&self, flow: &Flow, expected: bool) -> bool {
        let (ns, source) = match flow.start {
            Start::Host => (Some(self.host.host.clone()), None),
            Start::Router(id) => (self.host.part.router_netns(id), None),
            Start::Network(id) => (self.host.part.network_netns(id), None),
            Start::Port { id, address } => (self.machines.get(&id).cloned(), Some(address)),
            Start::Outside { address, .. } => (self.outside.get(&address).cloned(), Some(address)),
        };
        let tries = if expected { 3 } else { 1 };
        // What is not there sends nothing.
        ns.is_some_and(|ns| (0..tries).any(|_| passes(&ns, source, flow.destination, flow.protocol, expected)))
    }
}

pub fn gateway(network_id: NetworkId) -> GatewaySpec {
    GatewaySpec {
        network_id,
        enable_snat: None,
        external_fixed_ips: None,
        qos_policy_id: None,
    }
}

/// The machine behind the host.
pub fn world(v4: bool) -> IpAddr {
    let found = WORLD
        .iter()
        .map(|address| net(address).addr())
        .find(|address| address.is_ipv4() == v4);
    found.unwrap()
}

fn server(id: ServerId, ports: Vec<PortId>) -> Server {
    Server {
        id,
        name: "web".to_owned(),
        hostname: "web".to_owned(),
        description: None,
        project_id: "admin".into(),
        user_id: "user".into(),
        flavor: ServerFlavor {
            id: "42".into(),
            name: "m1.nano".to_owned(),
            vcpus: 1,
            memory_mib: 64,
            root_gib: 1,
            ephemeral_gib: 0,
            swap_mib: 0,
            extra_specs: BTreeMap::new(),
        },
        image_id: None,
        image: None,
        kernel: None,
        ramdisk: None,
        kernel_arguments: String::new(),
        key: None,
        user_data: None,
        image_properties: BTreeMap::new(),
        metadata: BTreeMap::new(),
        tags: Default::default(),
        personality: Vec::new(),
        config_drive: false,
        admin_pass: None,
        guest_password: None,
        requested_zone: None,
        scheduler_hints: Default::default(),
        group_id: None,
        host: Some(host_id()),
        ports,
        nic_tags: BTreeMap::new(),
        launch_index: 0,
        reservation_id: String::new(),
        random_seed: String::new(),
        disk_config: "MANUAL".to_owned(),
        access_ipv4: None,
        access_ipv6: None,
        vm_state: VmState::Active,
        task_state: None,
        power_state: PowerState::Running,
        desired: DesiredPower::On,
        hard_reboots: 0,
        soft_reboots: 0,
        works: Default::default(),
        progress: 0,
        locked: None,
        fault: None,
        created_at: Timestamp::EPOCH,
        updated_at: Timestamp::EPOCH,
        launched_at: None,
        terminated_at: None,
    }
}

/// What came of a question, of its fixes, and of real packets before and after.
pub struct Trial {
    pub answer: Answer,
    /// Whether a packet was answered as things were; `None`: there is none to send.
    pub before: Option<bool>,
    /// Whether one was after the fixes were made.
    pub after: Option<bool>,
    /// A fix that the rules do not let be made, and why.
    pub refused: Option<String>,
}

impl Trial {
    /// Asks, sends, makes the fixes that are needed, and sends again.
    pub fn of(rows: &mut Rows, question: &Question) -> Self {
        rows.apply();
        let answer = rows.ask(question);
        let sent = |rows: &Rows, expected| rows.flow(question).map(|flow| rows.send(&flow, expected));
        let before = sent(rows, answer.is_reachable());
        let mut refused = None;
        for blocker in answer.blockers.iter().filter(|blocker| blocker.is_needed) {
            let Some(fix) = &blocker.fix else { continue };
            if *fix == model::reach::Fix::HostForwarding {
                rows.forwards = true;
            }
            if let Err(error) = rows.try_run(|tx| fix.apply(tx, &admin())) {
                refused = Some(format!("{fix:?}: {error}"));
            }
        }
        rows.apply();
        let after = sent(rows, answer.opens || answer.is_reachable());
        Self {
            answer,
            before,
            after,
            refused,
        }
    }

    /// What is wrong with the answer, if anything.
    pub fn error(&self) -> Option<String> {
        let is_reachable = self.answer.is_reachable();
        if self.before.unwrap_or(false) != is_reachable {
            return Some(format!(
                "it said reachable: {is_reachable}; the packet was answered: {:?}",
                self.before
            ));
        }
        if let Some(refused) = &self.refused {
            return Some(format!("a fix that was offered can't be made: {refused}"));
        }
        let opens = self.answer.opens || is_reachable;
        (self.after.unwrap_or(false) != opens).then(|| {
            format!(
                "it said that the fixes open it: {opens}; after them the packet was answered: {:?}",
                self.after
            )
        })
    }

    pub fn codes(&self) -> Vec<model::reach::Code> {
        self.answer.blockers.iter().map(|blocker| blocker.code).collect()
    }

    pub fn tell(&self, what: &str) -> String {
        let blockers = self.answer.blockers.iter().map(|blocker| {
            format!(
                "\n  {} ({:?}), fix {:?}, needed {}: {:?}",
                blocker.code.as_str(),
                blocker.way,
                blocker.fix,
                blocker.is_needed,
                blocker.cause
            )
        });
        format!(
            "{what}: {}{}\n{:#?}",
            self.error().unwrap_or_default(),
            blockers.collect::<String>(),
            self.answer.walk
        )
    }
}

/// A question by its parts.
pub fn question(from: model::reach::Origin, to: model::reach::Target, protocol: Protocol) -> Question {
    Question {
        from,
        to,
        which: Default::default(),
        protocol,
        ip_version: None,
    }
}
