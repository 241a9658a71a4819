//! Questions over clouds that the rules made.

use std::net::IpAddr;

use super::*;
use crate::compute::VmState;
use crate::host::{DesiredPower, HostConfig};
use crate::network::floating_ip::{self, FloatingIpSpec};
use crate::network::network::NetworkSpec;
use crate::network::port::{self, PortSpec};
use crate::network::router::{self, RouterSpec};
use crate::network::security_group::{RuleSpec, create_rule};
use crate::network::tests::{World as Rules, admin, gateway, ip, member};
use crate::network::{NamespaceAttachment, Port, Router, network};
use crate::plan::{Planner, Settings};
use crate::{Actor, HostId, NetworkId, PortId, ServerId, SubnetId, Timestamp};

/// A cloud with a provider network, and a network of `demo` with one machine on it.
pub(super) struct Story {
    pub(super) rules: Rules,
    pub(super) network: NetworkId,
    subnet: SubnetId,
    external: NetworkId,
    pub(super) port: PortId,
}

impl Story {
    pub(super) fn new() -> Self {
        let mut rules = Rules::new();
        let (external, _) = rules.public("172.24.4.0/24");
        let (network, subnet) = rules.private("10.0.0.0/24");
        let port = rules.port(&member("demo"), network, PortSpec::default()).id;
        plug(&mut rules, port);
        Self {
            rules,
            network,
            subnet,
            external,
            port,
        }
    }

    pub(super) fn config(&self) -> HostConfig {
        let planner = Planner::new(&self.rules.cloud, HostId::from("host"), Settings::default());
        planner.config().clone()
    }

    pub(super) fn ask_as(&self, actor: &Actor, question: &Question) -> Answer {
        let config = self.config();
        let world = World {
            cloud: &self.rules.cloud,
            host: &HostId::from("host"),
            config: &config,
            settings: &Settings::default(),
            actor,
            now: Timestamp::EPOCH,
            host_forwards: true,
        };
        ask(&world, question)
    }

    pub(super) fn ask(&self, question: &Question) -> Answer {
        self.ask_as(&member("demo"), question)
    }

    pub(super) fn ping(&self) -> Question {
        self.outside(Protocol::Icmp)
    }

    pub(super) fn outside(&self, protocol: Protocol) -> Question {
        Question {
            from: Origin::Outside { address: None },
            to: Target::Port { id: self.port },
            which: Which::Usual,
            protocol,
            ip_version: None,
        }
    }

    pub(super) fn router(&mut self) -> std::sync::Arc<Router> {
        self.rules.router(self.external, self.subnet)
    }

    pub(super) fn floating_ip(&mut self) -> IpAddr {
        let spec = FloatingIpSpec {
            port_id: Some(Some(self.port)),
            ..FloatingIpSpec::default()
        };
        let (external, demo) = (self.external, member("demo"));
        let made = self
            .rules
            .run(|tx| floating_ip::create(tx, &demo, external, spec))
            .unwrap();
        IpAddr::V4(made.floating_ip_address)
    }

    pub(super) fn allow(&mut self, protocol: &str, port: Option<u16>, remote: Option<&str>) {
        let group = *self
            .rules
            .cloud
            .ports
            .get(&self.port)
            .unwrap()
            .security_groups
            .first()
            .unwrap();
        let spec = RuleSpec {
            protocol: Some(protocol.to_owned()),
            port_range_min: port,
            port_range_max: port,
            remote_ip_prefix: remote.map(|net| net.parse().unwrap()),
            ..RuleSpec::new(group, crate::host::Direction::Ingress, crate::host::EtherType::IPv4)
        };
        self.rules.run(|tx| create_rule(tx, &member("demo"), spec)).unwrap();
    }

    /// Makes every fix of an answer that it says is needed, and nothing else.
    pub(super) fn mend(&mut self, answer: &Answer) {
        for blocker in answer.blockers.iter().filter(|blocker| blocker.is_needed) {
            let fix = blocker.fix.clone().unwrap();
            self.rules.run(|tx| fix.apply(tx, &member("demo"))).unwrap();
        }
    }
}

/// A namespace stands for a machine.
fn plug(rules: &mut Rules, port: PortId) {
    let attachment = NamespaceAttachment {
        netns: "machine".to_owned(),
        ifname: "eth0".to_owned(),
    };
    rules
        .run(|tx| tx.update::<Port>(&port, |row| row.attachment = Some(attachment)))
        .unwrap();
}

fn codes(answer: &Answer) -> Vec<String> {
    answer.blockers.iter().map(|blocker| blocker.code.as_str()).collect()
}

/// The tutorial from its beginning: everything is missing, all of it is told at once and in order, and making just that opens the
/// way.
#[test]
fn everything_in_the_way_is_told_at_once_and_mends() {
    let mut story = Story::new();
    let answer = story.ask(&story.ping());
    assert_eq!(
        codes(&answer),
        ["ROUTER_NO_INTERFACE_ON_SUBNET", "FIP_MISSING", "SG_NO_INGRESS_RULE"]
    );
    assert!(answer.opens && !answer.is_reachable());
    assert!(
        answer
            .blockers
            .iter()
            .all(|blocker| blocker.is_needed && blocker.owner == Owner::You)
    );
    story.mend(&answer);
    let after = story.ask(&story.ping());
    assert!(after.is_reachable(), "{after:#?}");
    // What was not asked for stays shut.
    assert_eq!(
        codes(&story.ask(&story.outside(Protocol::Tcp(22)))),
        ["SG_WRONG_PROTOCOL"]
    );
}

#[test]
fn rules_that_nearly_fit_are_named() {
    let mut story = Story::new();
    story.router();
    story.floating_ip();
    let ssh = story.outside(Protocol::Tcp(22));
    assert_eq!(codes(&story.ask(&ssh)), ["SG_NO_INGRESS_RULE"]);
    story.allow("tcp", Some(80), None);
    assert_eq!(codes(&story.ask(&ssh)), ["SG_WRONG_PORT"]);
    assert!(story.ask(&story.outside(Protocol::Tcp(80))).is_reachable());
    story.allow("icmp", None, Some("192.0.2.0/24"));
    assert_eq!(codes(&story.ask(&story.ping())), ["SG_WRONG_REMOTE"]);
    let from = Origin::Outside {
        address: Some(ip("192.0.2.7")),
    };
    assert!(story.ask(&Question { from, ..story.ping() }).is_reachable());
    // The fix is for whoever asked, and for nobody else.
    let from = Origin::Outside {
        address: Some(ip("198.51.100.7")),
    };
    let answer = story.ask(&Question { from, ..story.ping() });
    let Some(Fix::AddRule(rule)) = &answer.blockers[0].fix else {
        panic!("{answer:?}")
    };
    assert_eq!(rule.remote, Some("198.51.100.7/32".parse().unwrap()));
    assert!(answer.opens);
}

#[test]
fn what_is_down_is_found_behind_what_is_down() {
    let mut story = Story::new();
    let router = story.router();
    story.floating_ip();
    story.allow("icmp", None, None);
    assert!(story.ask(&story.ping()).is_reachable());
    let down = RouterSpec {
        admin_state_up: Some(false),
        ..RouterSpec::default()
    };
    story
        .rules
        .run(|tx| router::update(tx, &member("demo"), router.id, down))
        .unwrap();
    let down = NetworkSpec {
        admin_state_up: Some(false),
        ..NetworkSpec::default()
    };
    let network = story.network;
    story
        .rules
        .run(|tx| network::update(tx, &member("demo"), network, down))
        .unwrap();
    let down = PortSpec {
        admin_state_up: Some(false),
        ..PortSpec::default()
    };
    let port = story.port;
    story
        .rules
        .run(|tx| port::update(tx, &member("demo"), port, down))
        .unwrap();
    let answer = story.ask(&story.ping());
    let mut found = codes(&answer);
    assert_eq!(found.remove(0), "ROUTER_ADMIN_DOWN");
    assert_eq!(found, ["NETWORK_ADMIN_DOWN", "PORT_ADMIN_DOWN"]);
    story.mend(&answer);
    assert!(story.ask(&story.ping()).is_reachable());
}

#[test]
fn a_router_without_a_gateway_gets_one() {
    let mut story = Story::new();
    let (demo, subnet) = (member("demo"), story.subnet);
    let router = story
        .rules
        .run(|tx| router::create(tx, &demo, RouterSpec::default()))
        .unwrap();
    let leg = crate::network::tests::by_subnet(subnet);
    story
        .rules
        .run(|tx| router::add_interface(tx, &demo, router.id, leg))
        .unwrap();
    story.allow("icmp", None, None);
    let answer = story.ask(&story.ping());
    assert_eq!(codes(&answer), ["ROUTER_NO_GATEWAY", "FIP_MISSING"]);
    assert!(answer.opens, "{answer:#?}");
    story.mend(&answer);
    assert!(story.ask(&story.ping()).is_reachable());
}

#[test]
fn who_may_not_change_it_is_told_who_may() {
    let mut story = Story::new();
    story.router();
    story.floating_ip();
    let mut reader = member("demo");
    reader.roles.remove("member");
    let answer = story.ask_as(&reader, &story.ping());
    assert_eq!(codes(&answer), ["SG_NO_INGRESS_RULE"]);
    assert_eq!(answer.blockers[0].owner, Owner::Project);
    assert!(answer.opens);
    // Without forwarding on the host nobody behind it comes in; no project mends that.
    let config = story.config();
    let world = World {
        cloud: &story.rules.cloud,
        host: &HostId::from("host"),
        config: &config,
        settings: &Settings::default(),
        actor: &member("demo"),
        now: Timestamp::EPOCH,
        host_forwards: false,
    };
    let answer = ask(&world, &story.ping());
    assert_eq!(codes(&answer), ["HOST_FORWARD_OFF", "SG_NO_INGRESS_RULE"]);
    assert_eq!(answer.blockers[0].owner, Owner::Operator);
}

#[test]
fn addresses_that_lead_nowhere_are_explained() {
    let mut story = Story::new();
    story.router();
    let fixed = Question {
        which: Which::Fixed,
        ..story.ping()
    };
    let answer = story.ask(&fixed);
    assert_eq!(codes(&answer), ["FIXED_IP_FROM_OUTSIDE"]);
    assert!(!answer.opens);
    let (external, demo) = (story.external, member("demo"));
    let idle = story
        .rules
        .run(|tx| floating_ip::create(tx, &demo, external, FloatingIpSpec::default()))
        .unwrap();
    for to in [
        Target::FloatingIp { id: idle.id },
        Target::Address {
            address: IpAddr::V4(idle.floating_ip_address),
        },
    ] {
        let answer = story.ask(&Question { to, ..story.ping() });
        assert_eq!(codes(&answer), ["FIP_UNASSOCIATED"], "{to:?}");
    }
    // The idle one is used before another is allocated.
    let answer = story.ask(&story.ping());
    let port = story.port;
    let fix = Fix::AssociateFloatingIp {
        floating_ip: idle.id,
        port,
    };
    assert_eq!(answer.blockers[0].fix, Some(fix));
    let to = Target::Address {
        address: ip("172.24.4.250"),
    };
    assert_eq!(codes(&story.ask(&Question { to, ..story.ping() })), ["NO_ADDRESS"]);
}

#[test]
fn a_server_that_is_off_is_a_cause_and_is_started() {
    let mut story = Story::new();
    story.router();
    let port = story.port;
    let mut row = crate::compute::server::tests::server();
    row.id = ServerId(uuid::Uuid::from_u128(9));
    row.project_id = "demo".into();
    row.host = Some(HostId::from("host"));
    (row.vm_state, row.desired) = (VmState::Stopped, DesiredPower::Off);
    let id = row.id;
    story.rules.run(|tx| Ok(tx.put(row))).unwrap();
    story
        .rules
        .run(|tx| {
            tx.update::<Port>(&port, |row| {
                row.attachment = None;
                row.device_id = id.to_string();
                row.device_owner = "compute:nova".to_owned();
            })
        })
        .unwrap();
    story.floating_ip();
    let question = Question {
        to: Target::Server { id },
        ..story.ping()
    };
    let answer = story.ask(&question);
    assert_eq!(codes(&answer), ["VM_NOT_RUNNING", "SG_NO_INGRESS_RULE"]);
    assert!(answer.opens);
    assert_eq!(
        answer.blockers[0]
            .fix
            .as_ref()
            .unwrap()
            .commands(&story.rules.cloud, None),
        [format!("openstack server start {id}")]
    );
}

/// Sentences name what the caller may see, in both languages, and nothing of what is others'.
#[test]
fn sentences_name_only_what_the_caller_may_see() {
    let mut story = Story::new();
    let spec = RouterSpec {
        name: Some("secret".to_owned()),
        gateway: Some(Some(gateway(story.external))),
        admin_state_up: Some(false),
        ..RouterSpec::default()
    };
    let router = story.rules.run(|tx| router::create(tx, &admin(), spec)).unwrap();
    let cause = Cause::Obstacle(Obstacle::RouterAdminDown { router: router.id });
    let cloud = &story.rules.cloud;
    let own = words::cause(cloud, &admin(), Code::RouterAdminDown, &cause);
    assert_eq!(own.en, "Router “secret” is administratively down.");
    assert_eq!(own.ko, "‘secret’ 라우터의 관리 상태가 꺼져 있습니다.");
    let other = words::cause(cloud, &member("demo"), Code::RouterAdminDown, &cause);
    assert_eq!(other.en, "Another project's router is administratively down.");
    assert_eq!(names::Object::Router(router.id).named(cloud, &member("demo")).id, None);
}
