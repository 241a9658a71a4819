//! Every cause that declared state can be, made real: one scene each. What lies on the host or in the guest is made by other
//! tests, which `host_codes` names, so that no code of the catalogue is without one.

use model::compute::VmState;
use model::host::{DesiredPower, Direction, EtherType, Route};
use model::network::address_scope::{self, AddressScopeSpec};
use model::network::ndp_proxy::{self, NdpProxySpec};
use model::network::network::NetworkSpec;
use model::network::port::PortSpec;
use model::network::router::RouterSpec;
use model::network::subnet::{self, SubnetSpec};
use model::network::subnet_pool::{self, SubnetPoolSpec};
use model::network::{FloatingIp, Subnet, agent, network};
use model::reach::{Code, Origin, Protocol, Question, Target, Which};
use model::{HostId, NetworkId, PortId, RouterId, SubnetId, SubnetPoolId};

use crate::network_common::net;
use crate::rows::{Rows, admin, gateway, question, world};

/// Makes what a cause needs, and asks the question that meets it.
type Scene = fn() -> (Rows, Question);

/// How a code of the catalogue is produced.
pub enum Made {
    /// By declared state, here.
    Here(Scene),
    /// By a test of this name, in whose text the code stands.
    By(&'static str),
    /// By a breakage of this name in `network_reach_mutations`, which expects the code of it.
    Breakage(&'static str),
}

/// Each code of declared state with what produces it. A code that is neither here nor among
/// [`crate::host_codes::on_the_host`] fails `every_code_of_the_catalogue_is_produced`: add a scene, or the name of the test
/// that makes it.
pub fn all() -> Vec<(Code, Made)> {
    use Made::Here;
    vec![
        (Code::ServerWithoutPort, Here(server_without_port)),
        (Code::PortWithoutAddress, Here(port_without_address)),
        (Code::FipMissing, Here(fip_missing)),
        (Code::FipUnassociated, Here(fip_unassociated)),
        (Code::FixedIpFromOutside, Here(fixed_ip_from_outside)),
        (Code::NoExternalNetwork, Here(no_external_network)),
        (Code::NoAddress, Here(no_address)),
        (Code::NoRoute, Here(no_route)),
        (Code::NextHopUnanswered, Here(next_hop_unanswered)),
        (Code::RouterNoInterfaceOnSubnet, Here(no_interface)),
        (Code::SubnetWithoutGateway, Here(subnet_without_gateway)),
        (Code::RouterNoGateway, Here(router_without_gateway)),
        (Code::RouterAdminDown, Here(router_down)),
        (Code::PortAdminDown, Here(port_down)),
        (Code::NetworkAdminDown, Here(network_down)),
        (Code::PortUnbound, Here(port_unbound)),
        (
            Code::VmNotRunning,
            Here(|| server_that_is(VmState::Stopped, DesiredPower::Off)),
        ),
        (
            Code::VmPaused,
            Here(|| server_that_is(VmState::Paused, DesiredPower::Paused)),
        ),
        (
            Code::VmSuspended,
            Here(|| server_that_is(VmState::Suspended, DesiredPower::Suspended)),
        ),
        (
            Code::VmBuilding,
            Here(|| server_that_is(VmState::Building, DesiredPower::On)),
        ),
        (Code::VmError, Here(|| server_that_is(VmState::Error, DesiredPower::On))),
        (Code::NotOnHost, Here(not_on_host)),
        (Code::PortSecuritySpoof, Here(second_nic)),
        (Code::SgEgressBlocked, Here(no_egress)),
        (Code::SgNoIngressRule, Here(no_ingress)),
        (
            Code::SgWrongRemote,
            Here(|| {
                nearly(|rule| {
                    rule.protocol = Some("tcp".into());
                    rule.remote_ip_prefix = Some(net("192.0.2.0/24"));
                })
            }),
        ),
        (
            Code::SgWrongProtocol,
            Here(|| nearly(|rule| rule.protocol = Some("udp".into()))),
        ),
        (
            Code::SgWrongPort,
            Here(|| {
                nearly(|rule| {
                    rule.protocol = Some("tcp".into());
                    (rule.port_range_min, rule.port_range_max) = (Some(80), Some(80));
                })
            }),
        ),
        (
            Code::SgWrongEthertype,
            Here(|| {
                nearly(|rule| {
                    rule.ethertype = EtherType::IPv6;
                    rule.protocol = Some("tcp".into());
                })
            }),
        ),
        (Code::SgNone, Here(no_group)),
        (Code::AddressScopes, Here(address_scopes)),
        (Code::NdpProxyMissing, Here(ndp_proxy_missing)),
        (Code::AsymmetricReturn, Here(asymmetric_return)),
        (Code::NoWayBack, Here(no_way_back)),
        (Code::HostForwardOff, Here(host_forward_off)),
        (Code::GuestMayNotForward, Here(|| by_route(Hop::Machine))),
        (Code::NextHopIsDhcp, Here(|| by_route(Hop::Dhcp))),
        (Code::MetadataOnly, Here(metadata_only)),
        (Code::RoutingLoop, Here(routing_loop)),
    ]
}

const SSH: Protocol = Protocol::Tcp(22);

/// A machine with a floating IP, which everything is let into.
pub struct Story {
    pub rows: Rows,
    pub network: NetworkId,
    pub router: RouterId,
    pub port: PortId,
}

impl Story {
    /// With a router, but no floating IP and no rule.
    fn bare() -> Self {
        let mut rows = Rows::new();
        let (network, subnet) = rows.network(&["10.0.0.0/24"]);
        let router = rows.router(&[subnet], true);
        let port = rows.machine(network);
        Self {
            rows,
            network,
            router,
            port,
        }
    }

    fn new() -> Self {
        let mut story = Self::bare();
        story.rows.open(story.port);
        story.rows.floating_ip(Some(story.port));
        story
    }

    fn asked_from_outside(self, protocol: Protocol) -> (Rows, Question) {
        let question = question(outside(), Target::Port { id: self.port }, protocol);
        (self.rows, question)
    }

    /// The machine asks somebody far.
    fn asks(self, to: &str) -> (Rows, Question) {
        let address = to.parse().unwrap();
        let from = Origin::Port { id: self.port };
        (self.rows, question(from, Target::Address { address }, Protocol::Icmp))
    }

    fn route(&mut self, router: RouterId, destination: &str, nexthop: &str) {
        let route = Route {
            destination: net(destination),
            nexthop: nexthop.parse().unwrap(),
        };
        let spec = RouterSpec {
            routes: Some(vec![route]),
            ..RouterSpec::default()
        };
        self.rows.edit_router(router, spec);
    }
}

fn outside() -> Origin {
    let address = Some(world(true));
    Origin::Outside { address }
}

fn server_without_port() -> (Rows, Question) {
    let mut story = Story::new();
    let id = story.rows.lonely_server();
    (story.rows, question(outside(), Target::Server { id }, Protocol::Icmp))
}

fn port_without_address() -> (Rows, Question) {
    let mut story = Story::new();
    let spec = PortSpec {
        fixed_ips: Some(Vec::new()),
        ..PortSpec::default()
    };
    let id = story.rows.machine(story.network);
    story.rows.edit_port(id, spec);
    let from = Origin::Port { id: story.port };
    (story.rows, question(from, Target::Port { id }, Protocol::Icmp))
}

fn fip_missing() -> (Rows, Question) {
    Story::bare().asked_from_outside(SSH)
}

fn fip_unassociated() -> (Rows, Question) {
    let mut story = Story::new();
    let idle: std::sync::Arc<FloatingIp> = story.rows.floating_ip(None);
    let address = idle.floating_ip_address.into();
    (
        story.rows,
        question(outside(), Target::Address { address }, Protocol::Icmp),
    )
}

fn fixed_ip_from_outside() -> (Rows, Question) {
    let (rows, question) = Story::new().asked_from_outside(SSH);
    let which = Which::Fixed;
    (rows, Question { which, ..question })
}

fn no_external_network() -> (Rows, Question) {
    let mut rows = Rows::empty();
    let (network, subnet) = rows.network(&["10.0.0.0/24"]);
    rows.router(&[subnet], false);
    let id = rows.machine(network);
    let question = question(outside(), Target::Port { id }, Protocol::Icmp);
    let which = Which::Fixed;
    (rows, Question { which, ..question })
}

fn no_address() -> (Rows, Question) {
    Story::new().asks("10.0.0.250")
}

fn no_route() -> (Rows, Question) {
    let story = Story::new();
    let from = Origin::Network {
        id: Some(story.network),
    };
    let to = Target::Address { address: world(true) };
    (story.rows, question(from, to, Protocol::Icmp))
}

fn next_hop_unanswered() -> (Rows, Question) {
    let mut story = Story::new();
    story.route(story.router, "192.0.2.0/24", "10.0.0.250");
    story.asks("192.0.2.1")
}

fn no_interface() -> (Rows, Question) {
    let mut rows = Rows::new();
    let (network, _) = rows.network(&["10.0.0.0/24"]);
    let port = rows.machine(network);
    let router = RouterId(uuid::Uuid::nil());
    Story {
        rows,
        network,
        router,
        port,
    }
    .asks("198.51.100.1")
}

fn subnet_without_gateway() -> (Rows, Question) {
    let mut rows = Rows::new();
    let network = rows.run(|tx| network::create(tx, &admin(), NetworkSpec::default())).id;
    let spec = SubnetSpec {
        cidr: Some(net("10.0.0.0/24")),
        gateway_ip: Some(None),
        ..SubnetSpec::default()
    };
    rows.run(|tx| subnet::create(tx, &admin(), network, spec));
    let router = rows.router(&[], true);
    rows.leg_at(router, network, "10.0.0.254");
    let port = rows.machine(network);
    Story {
        rows,
        network,
        router,
        port,
    }
    .asks("198.51.100.1")
}

fn router_without_gateway() -> (Rows, Question) {
    let mut rows = Rows::new();
    let (network, subnet) = rows.network(&["10.0.0.0/24"]);
    let router = rows.router(&[subnet], false);
    let port = rows.machine(network);
    Story {
        rows,
        network,
        router,
        port,
    }
    .asks("198.51.100.1")
}

fn router_down() -> (Rows, Question) {
    let mut story = Story::new();
    let spec = RouterSpec {
        admin_state_up: Some(false),
        ..RouterSpec::default()
    };
    story.rows.edit_router(story.router, spec);
    story.asked_from_outside(SSH)
}

fn port_down() -> (Rows, Question) {
    let mut story = Story::new();
    let spec = PortSpec {
        admin_state_up: Some(false),
        ..PortSpec::default()
    };
    story.rows.edit_port(story.port, spec);
    story.asked_from_outside(SSH)
}

fn network_down() -> (Rows, Question) {
    let mut story = Story::new();
    let (id, spec) = (
        story.network,
        NetworkSpec {
            admin_state_up: Some(false),
            ..NetworkSpec::default()
        },
    );
    story.rows.run(|tx| network::update(tx, &admin(), id, spec));
    story.asked_from_outside(SSH)
}

fn port_unbound() -> (Rows, Question) {
    let mut story = Story::new();
    let id = story.rows.bare_port(story.network, &[]);
    story.rows.edit_port(
        id,
        PortSpec {
            device_id: Some(uuid::Uuid::from_u128(77).to_string()),
            ..PortSpec::default()
        },
    );
    let from = Origin::Port { id: story.port };
    (story.rows, question(from, Target::Port { id }, Protocol::Icmp))
}

fn server_that_is(state: VmState, desired: DesiredPower) -> (Rows, Question) {
    let mut story = Story::new();
    let (id, port) = story.rows.server(story.network);
    story.rows.open(port);
    story.rows.set_power(id, state, desired);
    let from = Origin::Port { id: story.port };
    (story.rows, question(from, Target::Server { id }, SSH))
}

fn not_on_host() -> (Rows, Question) {
    let mut story = Story::new();
    let host = HostId::from("host");
    let l3 = agent::id_of(&host, agent::Kind::L3);
    let router = story.router;
    story.rows.run(|tx| {
        agent::start(tx, &host);
        agent::remove_router(tx, &host, l3, router)
    });
    let from = Origin::Router { id: Some(router) };
    (
        story.rows,
        question(from, Target::Port { id: story.port }, Protocol::Icmp),
    )
}

/// What comes by a machine's second port is answered by the first, under an address that is not the first one's.
fn second_nic() -> (Rows, Question) {
    let mut story = Story::new();
    let (other, subnet) = story.rows.network(&["10.1.0.0/24"]);
    let router = story.router;
    story.rows.leg(router, subnet);
    let id = story.rows.second_nic(story.port, other);
    story.rows.open(id);
    story.rows.floating_ip(Some(id));
    (story.rows, question(outside(), Target::Port { id }, SSH))
}

fn no_egress() -> (Rows, Question) {
    let mut story = Story::new();
    let group = *story
        .rows
        .cloud
        .ports
        .get(&story.port)
        .unwrap()
        .security_groups
        .first()
        .unwrap();
    let rules: Vec<_> = story
        .rows
        .cloud
        .rules_of_group(group)
        .filter(|rule| rule.direction == Direction::Egress)
        .map(|rule| rule.id)
        .collect();
    for id in rules {
        story
            .rows
            .run(|tx| model::network::security_group::delete_rule(tx, &admin(), id));
    }
    story.asks("198.51.100.1")
}

fn no_ingress() -> (Rows, Question) {
    let mut story = Story::bare();
    story.rows.floating_ip(Some(story.port));
    story.asked_from_outside(SSH)
}

fn nearly(change: fn(&mut model::network::security_group::RuleSpec)) -> (Rows, Question) {
    let mut story = Story::bare();
    story.rows.floating_ip(Some(story.port));
    story.rows.rule(story.port, change);
    story.asked_from_outside(SSH)
}

fn no_group() -> (Rows, Question) {
    let mut story = Story::bare();
    story.rows.floating_ip(Some(story.port));
    let spec = PortSpec {
        security_groups: Some(Vec::new()),
        ..PortSpec::default()
    };
    story.rows.edit_port(story.port, spec);
    story.asked_from_outside(SSH)
}

fn pool(rows: &mut Rows, version: u8, prefix: &str, length: u8) -> SubnetPoolId {
    let spec = AddressScopeSpec {
        name: Some(prefix.to_owned()),
        ip_version: Some(version),
        shared: Some(true),
        ..AddressScopeSpec::default()
    };
    let scope = rows.run(|tx| address_scope::create(tx, &admin(), spec)).id;
    let spec = SubnetPoolSpec {
        name: Some(prefix.to_owned()),
        prefixes: Some(vec![net(prefix)]),
        default_prefixlen: Some(length),
        shared: Some(true),
        address_scope_id: Some(Some(scope)),
        ..SubnetPoolSpec::default()
    };
    rows.run(|tx| subnet_pool::create(tx, &admin(), spec)).id
}

fn pooled(rows: &mut Rows, network: NetworkId, pool: SubnetPoolId, cidr: &str) -> SubnetId {
    let spec = SubnetSpec {
        cidr: Some(net(cidr)),
        subnetpool_id: Some(pool),
        ..SubnetSpec::default()
    };
    rows.run(|tx| subnet::create(tx, &admin(), network, spec)).id
}

fn address_scopes() -> (Rows, Question) {
    let mut rows = Rows::new();
    let sides = ["10.1.0.0/16", "10.2.0.0/16"].map(|prefix| {
        let pool = pool(&mut rows, 4, prefix, 24);
        let network = rows.run(|tx| network::create(tx, &admin(), NetworkSpec::default())).id;
        let cidr = prefix.replace("/16", "/24");
        (network, pooled(&mut rows, network, pool, &cidr))
    });
    rows.router(&[sides[0].1, sides[1].1], false);
    let [asks, id] = sides.map(|(network, _)| rows.machine(network));
    rows.open(id);
    let from = Origin::Port { id: asks };
    (rows, question(from, Target::Port { id }, SSH))
}

/// A provider network and one inside in one scope, and a router that is to answer for what proxies name.
fn ndp_proxy_missing() -> (Rows, Question) {
    let mut rows = Rows::new();
    let external = rows.external.unwrap();
    let old: Vec<SubnetId> = rows
        .cloud
        .subnets_of_network(external)
        .filter(|subnet| subnet.cidr.addr().is_ipv6())
        .map(|subnet: &std::sync::Arc<Subnet>| subnet.id)
        .collect();
    for id in old {
        rows.run(|tx| subnet::delete(tx, &admin(), id));
    }
    let pool = pool(&mut rows, 6, "2001:db8::/48", 64);
    pooled(&mut rows, external, pool, "2001:db8::/64");
    let network = rows.run(|tx| network::create(tx, &admin(), NetworkSpec::default())).id;
    let subnet = pooled(&mut rows, network, pool, "2001:db8:0:1::/64");
    let router = rows.router(&[subnet], true);
    let spec = RouterSpec {
        enable_ndp_proxy: Some(true),
        ..RouterSpec::default()
    };
    rows.edit_router(router, spec);
    let [named, other] = [(), ()].map(|()| rows.machine(network));
    rows.open(other);
    let spec = NdpProxySpec {
        project_id: None,
        words: Default::default(),
        router_id: router,
        port_id: named,
        ip_address: None,
    };
    rows.run(|tx| ndp_proxy::create(tx, &admin(), spec));
    let from = Origin::Outside {
        address: Some(world(false)),
    };
    let question = question(from, Target::Port { id: other }, SSH);
    let ip_version = Some(6);
    (rows, Question { ip_version, ..question })
}

/// In by one router, out by the other.
fn asymmetric_return() -> (Rows, Question) {
    let mut rows = Rows::new();
    let (network, subnet) = rows.network(&["10.0.0.0/24"]);
    let way_in = rows.router(&[], true);
    rows.leg_at(way_in, network, "10.0.0.254");
    let port = rows.machine(network);
    rows.open(port);
    rows.floating_ip(Some(port));
    let router = rows.router(&[subnet], true);
    Story {
        rows,
        network,
        router,
        port,
    }
    .asked_from_outside(SSH)
}

fn no_way_back() -> (Rows, Question) {
    let mut story = Story::bare();
    let mut out = gateway(story.rows.external.unwrap());
    out.enable_snat = Some(false);
    let spec = RouterSpec {
        gateway: Some(Some(out)),
        ..RouterSpec::default()
    };
    story.rows.edit_router(story.router, spec);
    story.asks("198.51.100.1")
}

fn host_forward_off() -> (Rows, Question) {
    let mut story = Story::new();
    story.rows.forwards = false;
    story.asked_from_outside(SSH)
}

/// Who a route leads by.
enum Hop {
    Machine,
    Dhcp,
}

fn by_route(hop: Hop) -> (Rows, Question) {
    let mut story = Story::new();
    let nexthop = match hop {
        Hop::Machine => {
            let port = story.rows.machine(story.network);
            story.rows.open(port);
            story.rows.address(port)
        }
        Hop::Dhcp => {
            let config = &story.rows.planner.config().networks[&story.network];
            config.service_port.as_ref().unwrap().addresses[0].addr()
        }
    };
    story.route(story.router, "192.0.2.0/24", &nexthop.to_string());
    story.asks("192.0.2.1")
}

fn metadata_only() -> (Rows, Question) {
    let story = Story::new();
    let from = Origin::Port { id: story.port };
    let address = "10.0.0.1".parse().unwrap();
    (
        story.rows,
        question(from, Target::Address { address }, Protocol::Tcp(9697)),
    )
}

fn routing_loop() -> (Rows, Question) {
    let mut story = Story::new();
    let other = story.rows.router(&[], false);
    story.rows.leg_at(other, story.network, "10.0.0.254");
    story.route(story.router, "192.0.2.0/24", "10.0.0.254");
    story.route(other, "192.0.2.0/24", "10.0.0.1");
    story.asks("192.0.2.1")
}

/// A cloud for fixes by chance: two networks behind a router, machines with floating IPs or without, a server.
pub fn town() -> (Rows, Vec<RouterId>, Vec<PortId>, model::ServerId) {
    let mut rows = Rows::new();
    let (first, subnet) = rows.network(&["10.1.0.0/24", "2001:db8:1::/64"]);
    let (second, other) = rows.network(&["10.2.0.0/24"]);
    let router = rows.router(&[subnet, other], true);
    let lonely = rows.router(&[], false);
    let mut ports = vec![rows.machine(first), rows.machine(first), rows.machine(second)];
    let (server, port) = rows.server(first);
    ports.push(port);
    ports.push(rows.second_nic(ports[0], second));
    for port in [ports[0], ports[3]] {
        rows.floating_ip(Some(port));
    }
    rows.open(ports[0]);
    (rows, vec![router, lonely], ports, server)
}
