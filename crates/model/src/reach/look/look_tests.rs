//! Each piece of evidence, and what it is called and does to a ping or to SSH from outside.

use std::sync::Arc;

use super::*;
use crate::diagnostics::{NicFigures, Traffic};
use crate::host::{HostConfig, PortBinding};
use crate::network::tests::{admin, member};
use crate::reach::ask_tests::Story;
use crate::reach::observed::{DeviceFigures, DhcpStep, GuestRecords, MetadataRequest, NeighbourState, SignKind};
use crate::reach::probe::{ChainPoint, Loss, Place as ProbePlace, Refusal, Way as Side};
use crate::reach::programmed::{
    Device, DeviceRole, HostObject, Place as HostPlace, Property, RuleOwner, Service, TableName,
};
use crate::reach::{FlowSeen, Owner, Protocol, words};
use crate::{FloatingIpId, MeteringLabelId, NetworkId, PortId, RouterId, ServerId, Timestamp};

/// The walk-through's server, which everybody reaches by ping and SSH.
struct Reached {
    story: Story,
    config: HostConfig,
    server: ServerId,
    port: PortId,
    network: NetworkId,
    router: RouterId,
    floating: FloatingIpId,
    external: NetworkId,
}

impl Reached {
    fn new() -> Self {
        let mut story = Story::new();
        let router = story.router().id;
        story.floating_ip();
        story.allow("icmp", None, None);
        story.allow("tcp", Some(22), None);
        let mut config = story.config();
        let (network, port) = (story.network, story.port);
        let server = ServerId(uuid::Uuid::from_u128(77));
        // A server's, for what is looked at; that it runs is not in question.
        let mut changed = (*config.networks[&network]).clone();
        let mut row = (*changed.ports[&port]).clone();
        row.binding = PortBinding::Server(server);
        changed.ports.insert(port, Arc::new(row));
        config.networks.insert(network, Arc::new(changed));
        let floating = config.routers[&router].floating_ips[0].id;
        let external = config.routers[&router].gateway.as_ref().unwrap().network_id;
        Self {
            story,
            config,
            server,
            port,
            network,
            router,
            floating,
            external,
        }
    }

    fn answer(&self, protocol: Protocol) -> Answer {
        let answer = self.story.ask(&self.story.outside(protocol));
        assert!(answer.is_reachable(), "{answer:#?}");
        answer
    }

    fn look(&self, protocol: Protocol, seen: &Seen<'_>) -> Looked {
        look(&self.story.rules.cloud, &self.config, &self.answer(protocol), seen)
    }

    fn found(&self, object: HostObject, state: State) -> Looked {
        let inspection = Inspection {
            revision: 1,
            findings: [Finding { object, state }].into(),
        };
        let seen = Seen {
            inspection: Some(&inspection),
            ..Seen::default()
        };
        self.look(Protocol::Icmp, &seen)
    }

    fn seen(&self, protocol: Protocol, observed: &Observed) -> Looked {
        let seen = Seen {
            observed: Some(observed),
            ..Seen::default()
        };
        self.look(protocol, &seen)
    }

    fn probed(&self, verdict: ProbeVerdict) -> Looked {
        let probe = ProbeResult {
            verdict,
            request: Vec::new(),
            answer: Vec::new(),
            sent: 1,
            delivered: None,
            spoken: None,
            took_us: 10,
        };
        let seen = Seen {
            probe: Some(&probe),
            ..Seen::default()
        };
        self.look(Protocol::Tcp(22), &seen)
    }

    fn device(&self, place: HostPlace, role: DeviceRole) -> Device {
        Device {
            place,
            name: "dev0".into(),
            role,
        }
    }

    fn tap(&self) -> Device {
        self.device(HostPlace::Network(self.network), DeviceRole::Port(self.port))
    }

    fn gateway(&self) -> Device {
        let port = self.config.routers[&self.router].gateway.as_ref().unwrap().port_id;
        self.device(HostPlace::Router(self.router), DeviceRole::Gateway(port))
    }

    fn rules(&self) -> TableName {
        TableName {
            place: HostPlace::Router(self.router),
            family: "ip".into(),
            name: "dpr".into(),
        }
    }

    fn element(&self, set: &str, owner: RuleOwner) -> HostObject {
        HostObject::Element {
            table: self.rules(),
            set: set.into(),
            key: "x".into(),
            owner,
        }
    }
}

fn codes(looked: &Looked) -> Vec<String> {
    looked.blockers.iter().map(|blocker| blocker.code.as_str()).collect()
}

fn different(want: &str, have: &str) -> State {
    State::Different {
        want: want.into(),
        have: have.into(),
    }
}

fn foreign(place: HostPlace, family: &str, hook: &str) -> HostObject {
    HostObject::ForeignChain {
        table: TableName {
            place,
            family: family.into(),
            name: "filter".into(),
        },
        chain: "FORWARD".into(),
        hook: format!("type filter hook {hook} priority filter; policy drop;"),
        drops: vec!["policy drop".into()],
    }
}

#[test]
fn what_stops_the_packets_has_its_code() {
    let it = Reached::new();
    let (network, router) = (HostPlace::Network(it.network), HostPlace::Router(it.router));
    let bridge = it.device(HostPlace::Host, DeviceRole::ExternalBridge(it.external));
    let property = |device: Device, property| HostObject::Property { device, property };
    let floating = || RuleOwner::FloatingIp(it.floating);
    let address = &it.config.routers[&it.router].floating_ips[0];
    let fixed = std::net::IpAddr::V4(address.fixed);
    let cases = [
        (HostObject::Namespace(network), State::Missing, "NS_MISSING"),
        (
            HostObject::Namespace(router),
            different("ours", "no mark"),
            "NS_MISSING",
        ),
        (HostObject::Device(it.tap()), State::Missing, "TAP_MISSING"),
        (HostObject::Device(it.gateway()), State::Missing, "DEVICE_MISSING"),
        (property(it.tap(), Property::Up), different("up", "down"), "DEVICE_DOWN"),
        (
            property(bridge.clone(), Property::Up),
            different("up", "down"),
            "UPLINK_DOWN",
        ),
        (
            property(it.tap(), Property::Bridge),
            different("br0", "none"),
            "DEVICE_UNPLUGGED",
        ),
        (
            property(it.tap(), Property::Held),
            different("held", "not"),
            "TAP_NOT_HELD",
        ),
        (
            property(it.tap(), Property::BridgePortState),
            different("forwarding", "disabled"),
            "BRIDGE_PORT_BLOCKED",
        ),
        (
            HostObject::Address {
                device: bridge,
                address: "172.24.4.1/24".parse().unwrap(),
                floating_ip: None,
            },
            State::Missing,
            "BR_EX_NO_ADDRESS",
        ),
        (
            HostObject::Address {
                device: it.gateway(),
                address: std::net::IpAddr::V4(address.floating).into(),
                floating_ip: Some(it.floating),
            },
            State::Missing,
            "FIP_ADDRESS_MISSING",
        ),
        (it.element("fip", floating()), State::Missing, "DNAT_RULE_MISSING"),
        (
            it.element("fip", floating()),
            different("10.0.0.5", "10.0.0.9"),
            "DNAT_RULE_WRONG",
        ),
        (it.element("fix", floating()), State::Missing, "SNAT_RULE_MISSING"),
        (
            HostObject::Setting {
                place: router,
                key: "net/ipv4/ip_forward".into(),
            },
            different("1", "0"),
            "NS_FORWARD_OFF",
        ),
        (
            HostObject::Route {
                place: router,
                destination: "10.0.0.0/24".parse().unwrap(),
                nexthop: None,
                drops: false,
            },
            State::Missing,
            "ROUTE_MISSING",
        ),
        (
            HostObject::Route {
                place: router,
                destination: fixed.into(),
                nexthop: None,
                drops: true,
            },
            State::Unwanted,
            "ROUTE_BLACKHOLE",
        ),
        (
            HostObject::Neighbour {
                device: it.gateway(),
                address: fixed,
            },
            different("a", "b"),
            "NEIGHBOUR_WRONG",
        ),
        (
            HostObject::BridgeEntry {
                network: it.network,
                port: it.port,
            },
            different("a", "b"),
            "BRIDGE_FDB_WRONG",
        ),
        (HostObject::Process(it.server), State::Missing, "VM_PROCESS_GONE"),
        (
            HostObject::FlowTable(router),
            different("fewer than 9 flows", "9 flows"),
            "CONNTRACK_FULL",
        ),
        (
            HostObject::NeighbourTable(4),
            different("fewer than 9 neighbours", "9"),
            "NEIGH_TABLE_FULL",
        ),
    ];
    for (object, state, code) in cases {
        let looked = it.found(object.clone(), state);
        assert_eq!(codes(&looked), [code], "{object:?}");
        assert_eq!(
            (looked.outcome, looked.blockers[0].effect),
            (Outcome::Blocked, Effect::Stops),
            "{object:?}"
        );
        let spot = looked.blockers[0].spot;
        let layers = if spot.way == Way::Request {
            &looked.request
        } else {
            &looked.reply
        };
        assert_eq!(layers[spot.index].programmed, Layer::Differs);
    }
}

#[test]
fn what_may_be_in_the_way_leaves_it_uncertain() {
    let it = Reached::new();
    let (network, router) = (HostPlace::Network(it.network), HostPlace::Router(it.router));
    let property = |property| HostObject::Property {
        device: it.tap(),
        property,
    };
    let service = |service| HostObject::Service {
        place: network,
        service,
    };
    let cases = [
        (property(Property::Mtu), different("1450", "1300"), "MTU_TOO_SMALL"),
        (
            property(Property::Discipline),
            different("none", "htb"),
            "FOREIGN_QUEUE",
        ),
        (property(Property::Mac), different("a", "b"), "MAC_WRONG"),
        (
            foreign(HostPlace::Host, "ip", "forward"),
            State::Unwanted,
            "HOST_FIREWALL",
        ),
        (foreign(router, "inet", "forward"), State::Unwanted, "HOST_FIREWALL"),
        (
            HostObject::Setting {
                place: router,
                key: "net/ipv4/conf/all/rp_filter".into(),
            },
            different("0", "1"),
            "RPFILTER_DROP",
        ),
        (HostObject::Table(it.rules()), State::Missing, "RULES_MISSING"),
        (HostObject::Table(it.rules()), State::Unwanted, "FOREIGN_RULES"),
        (
            it.element("trusted", RuleOwner::Port(it.port)),
            State::Missing,
            "RULE_MISSING",
        ),
        (
            it.element("trusted", RuleOwner::Port(it.port)),
            State::Unwanted,
            "RULE_UNWANTED",
        ),
        (
            HostObject::Route {
                place: router,
                destination: "10.0.0.0/25".parse().unwrap(),
                nexthop: None,
                drops: false,
            },
            State::Unwanted,
            "ROUTE_ASTRAY",
        ),
        (service(Service::Dhcp), State::Missing, "DHCP_SERVICE_DOWN"),
        (
            HostObject::Device(it.device(network, DeviceRole::Stranger)),
            State::Unwanted,
            "STRANGE_DEVICE",
        ),
    ];
    for (object, state, code) in cases {
        let looked = it.found(object.clone(), state);
        assert_eq!(
            (codes(&looked), looked.outcome),
            (vec![code.to_owned()], Outcome::Uncertain),
            "{object:?}"
        );
    }
}

#[test]
fn what_the_packets_do_not_meet_is_not_in_their_way() {
    let it = Reached::new();
    let (network, router) = (HostPlace::Network(it.network), HostPlace::Router(it.router));
    let elsewhere = NetworkId(uuid::Uuid::from_u128(5));
    let label = RuleOwner::Label(MeteringLabelId(uuid::Uuid::from_u128(6)));
    let v6 = HostObject::Setting {
        place: router,
        key: "net/ipv6/conf/all/forwarding".into(),
    };
    let beside = [
        (v6, different("1", "0")),
        (it.element("ok6_x", RuleOwner::Port(it.port)), State::Missing),
        (it.element("passed", label), State::Missing),
        (
            HostObject::Service {
                place: network,
                service: Service::Metadata,
            },
            State::Missing,
        ),
        (
            HostObject::BandwidthLimit {
                port: it.port,
                direction: crate::host::Direction::Ingress,
            },
            State::Missing,
        ),
    ];
    for (object, state) in beside {
        let looked = it.found(object.clone(), state);
        let told = (looked.blockers.len(), looked.beside.len(), looked.outcome);
        assert_eq!(told, (0, 1, Outcome::Reachable), "{object:?}");
    }
    let stranger = RuleOwner::FloatingIp(FloatingIpId(uuid::Uuid::from_u128(8)));
    let off = [
        (HostObject::Namespace(HostPlace::Network(elsewhere)), State::Missing),
        (it.element("fip", stranger), State::Missing),
        (foreign(HostPlace::Host, "ip", "input"), State::Unwanted),
        (foreign(HostPlace::Host, "ip6", "forward"), State::Missing),
        (HostObject::Process(ServerId(uuid::Uuid::from_u128(9))), State::Missing),
        (HostObject::Namespace(router), State::Unreadable("why".into())),
    ];
    for (object, state) in off {
        let looked = it.found(object.clone(), state);
        let blocked = looked.blockers.len();
        assert_eq!((blocked, looked.outcome), (0, Outcome::Reachable), "{object:?}");
    }
}

#[test]
fn many_parts_of_one_thing_are_one_cause() {
    let it = Reached::new();
    let finding = |key: &str| Finding {
        object: HostObject::Element {
            table: it.rules(),
            set: "trusted".into(),
            key: key.into(),
            owner: RuleOwner::Port(it.port),
        },
        state: State::Missing,
    };
    let inspection = Inspection {
        revision: 1,
        findings: [finding("a"), finding("b"), finding("c")].into(),
    };
    let seen = Seen {
        inspection: Some(&inspection),
        ..Seen::default()
    };
    let looked = it.look(Protocol::Icmp, &seen);
    assert_eq!(
        (codes(&looked), looked.blockers[0].evidence.len()),
        (vec!["RULE_MISSING".to_owned()], 3)
    );
    let (found, unreadable) = drift(&it.story.rules.cloud, &it.config, &inspection);
    assert_eq!((found.len(), found[0].evidence.len(), unreadable.len()), (1, 3, 0));
}

fn sign(kind: SignKind) -> ConsoleSign {
    ConsoleSign {
        kind,
        line: "a line".into(),
    }
}

#[test]
fn consoles_and_records_of_services_tell_of_the_guest() {
    let it = Reached::new();
    let by_console = |protocol, kinds: &[SignKind]| {
        let mut observed = Observed::default();
        observed
            .consoles
            .insert(it.server, kinds.iter().map(|kind| sign(*kind)).collect());
        codes(&it.seen(protocol, &observed))
    };
    use SignKind as S;
    let ssh = Protocol::Tcp(22);
    let none: &[&str] = &[];
    assert_eq!(by_console(ssh, &[S::KernelStarted]), ["GUEST_STILL_BOOTING"]);
    assert_eq!(by_console(ssh, &[S::KernelStarted, S::KernelPanic]), ["KERNEL_PANIC"]);
    assert_eq!(by_console(ssh, &[S::NoBootDisk]), ["NO_BOOT_DISK"]);
    assert_eq!(by_console(ssh, &[S::KernelStarted, S::DhcpFailed]), ["DHCP_NO_LEASE"]);
    assert_eq!(by_console(ssh, &[S::KernelStarted, S::DhcpFailed, S::DhcpLease]), none);
    assert_eq!(
        by_console(ssh, &[S::DhcpLease, S::MetadataFailed]),
        ["METADATA_NOT_FETCHED"]
    );
    assert_eq!(
        by_console(ssh, &[S::DhcpLease, S::NoAuthorizedKey]),
        ["KEY_NOT_DELIVERED"]
    );
    assert_eq!(by_console(Protocol::Icmp, &[S::DhcpLease, S::NoAuthorizedKey]), none);
    assert_eq!(by_console(ssh, &[S::KernelStarted, S::LoginPrompt]), none);

    let by_records = |records: GuestRecords| {
        let mut observed = Observed::default();
        observed.guests.insert(it.port, records);
        codes(&it.seen(ssh, &observed))
    };
    let dhcp = |steps: &[DhcpStep]| GuestRecords {
        dhcp: steps
            .iter()
            .map(|step| DhcpExchange {
                at: Timestamp::EPOCH,
                step: *step,
                xid: 1,
                address: None,
            })
            .collect(),
        ..GuestRecords::default()
    };
    use DhcpStep as D;
    assert_eq!(by_records(dhcp(&[D::Discover, D::Offer])), ["DHCP_NO_LEASE"]);
    assert_eq!(by_records(dhcp(&[D::Discover, D::Offer, D::Request, D::Ack])), none);
    assert_eq!(by_records(dhcp(&[D::Request, D::Nak])), ["WRONG_ADDRESS_IN_GUEST"]);
    assert_eq!(by_records(dhcp(&[D::Dhcpv6Query])), none, "of the other IP version");
    let keys = GuestKeys {
        at: Timestamp::EPOCH,
        names: Vec::new(),
    };
    let without_keys = GuestRecords {
        keys: Some(keys),
        ..GuestRecords::default()
    };
    assert_eq!(by_records(without_keys), ["KEY_NOT_DELIVERED"]);
    // It was fetched, whatever the console said before.
    let mut observed = Observed::default();
    observed.consoles.insert(it.server, vec![sign(S::MetadataFailed)]);
    let request = MetadataRequest {
        at: Timestamp::EPOCH,
        request: "GET /".into(),
        status: 200,
    };
    let fetched = GuestRecords {
        metadata: vec![request],
        ..GuestRecords::default()
    };
    observed.guests.insert(it.port, fetched);
    assert_eq!(codes(&it.seen(ssh, &observed)), none);
}

#[test]
fn neighbours_flows_and_counters_tell_of_the_links() {
    let it = Reached::new();
    let fixed = std::net::IpAddr::V4(it.config.routers[&it.router].floating_ips[0].fixed);
    let neighbour = |mac: Option<&str>, state| NeighbourSeen {
        place: HostPlace::Router(it.router),
        device: "qr-1".into(),
        address: fixed,
        mac: mac.map(|mac| mac.parse().unwrap()),
        state,
    };
    let with = |entry: NeighbourSeen| {
        let mut observed = Observed::default();
        observed.neighbours.insert(entry);
        it.seen(Protocol::Icmp, &observed)
    };
    let failed = with(neighbour(None, NeighbourState::Failed));
    assert_eq!(
        (codes(&failed), failed.outcome),
        (vec!["NEIGHBOUR_FAILED".to_owned()], Outcome::Uncertain)
    );
    assert_eq!(
        codes(&with(neighbour(Some("02:00:00:00:00:99"), NeighbourState::Reachable))),
        ["ADDRESS_TAKEN"]
    );
    let own = it.config.networks[&it.network].ports[&it.port].mac.to_string();
    let well = with(neighbour(Some(&own), NeighbourState::Stale));
    assert_eq!(codes(&well), Vec::<String>::new());
    assert!(well.request.iter().any(|layers| layers.observed == Layer::Agrees));

    let mut observed = Observed::default();
    observed.bridge_entries.insert(FdbSeen {
        network: it.network,
        port: it.port,
        device: "tap9".into(),
        is_own: false,
        by_hand: false,
    });
    assert_eq!(codes(&it.seen(Protocol::Icmp, &observed)), ["BRIDGE_FDB_WRONG"]);

    let mut observed = Observed::default();
    let full = TableFill { entries: 64, limit: 64 };
    observed.flow_tables.push((HostPlace::Router(it.router), full));
    assert_eq!(codes(&it.seen(Protocol::Icmp, &observed)), ["CONNTRACK_FULL"]);

    let traffic = |packets| Traffic {
        packets,
        ..Traffic::default()
    };
    let counted = |sent| {
        let mut observed = Observed::default();
        observed.devices.push(DeviceFigures {
            device: it.tap(),
            figures: NicFigures {
                received: traffic(9),
                sent: traffic(sent),
            },
        });
        codes(&it.seen(Protocol::Icmp, &observed))
    };
    assert_eq!(counted(0), ["GUEST_SILENT"]);
    assert_eq!(counted(1), Vec::<String>::new());

    let floating = std::net::IpAddr::V4(it.config.routers[&it.router].floating_ips[0].floating);
    let somebody: std::net::IpAddr = "203.0.113.10".parse().unwrap();
    let mut observed = Observed::default();
    observed.flows.insert(FlowSeen {
        place: HostPlace::Router(it.router),
        protocol: 6,
        source: (somebody, Some(50_000)),
        destination: (floating, Some(22)),
        answered_by: (fixed, Some(22)),
        answered_to: (somebody, Some(50_000)),
        answered: true,
        assured: true,
        cut: false,
    });
    let looked = it.seen(Protocol::Tcp(22), &observed);
    assert!(looked.request.iter().any(|layers| layers.observed == Layer::Agrees));
}

#[test]
fn verdicts_of_probes_are_causes() {
    let it = Reached::new();
    let by: std::net::IpAddr = "172.24.4.9".parse().unwrap();
    let (place, port) = (ProbePlace::Network(it.network), it.port);
    let point = |table: &str| ChainPoint {
        family: "inet".into(),
        table: table.into(),
        chain: "forward".into(),
        rule: None,
    };
    let lost = |loss| ProbeVerdict::LostAt {
        way: Side::Request,
        place,
        loss,
        port: None,
    };
    let no_neighbour = |delivered| ProbeVerdict::NoNeighbour {
        place: ProbePlace::Router(it.router),
        address: by,
        delivered,
    };
    let cases = [
        (
            ProbeVerdict::Refused {
                by,
                how: Refusal::Reset,
            },
            "PORT_CLOSED",
        ),
        (ProbeVerdict::AnsweredElsewhere { by, place }, "ADDRESS_TAKEN"),
        (ProbeVerdict::Unreachable { by, kind: 3, code: 1 }, "UNREACHABLE_ON_WAY"),
        (no_neighbour(Some(true)), "ARP_UNANSWERED"),
        (no_neighbour(Some(false)), "NEIGHBOUR_FAILED"),
        (no_neighbour(None), "NEIGHBOUR_FAILED"),
        (ProbeVerdict::SilentAfterDelivery { port }, "GUEST_FIREWALL"),
        (lost(Loss::Dropped(point("dp"))), "LOST_ON_HOST"),
        (lost(Loss::Dropped(point("docker"))), "HOST_FIREWALL"),
        (lost(Loss::NeverSeen), "LOST_ON_HOST"),
        (lost(Loss::AfterDevice), "LOST_ON_HOST"),
        (ProbeVerdict::NotSent("no route".into()), "LOST_ON_HOST"),
    ];
    for (verdict, code) in cases {
        let looked = it.probed(verdict.clone());
        assert_eq!(
            (codes(&looked), looked.outcome),
            (vec![code.to_owned()], Outcome::Blocked),
            "{verdict:?}"
        );
    }
    let looked = it.probed(ProbeVerdict::Answered { rtt_us: 5 });
    assert_eq!((looked.blockers.len(), looked.outcome), (0, Outcome::Reachable));
    assert!(
        looked
            .request
            .iter()
            .chain(&looked.reply)
            .all(|layers| layers.observed == Layer::Agrees)
    );
}

#[test]
fn a_probe_goes_the_way_of_the_question() {
    let it = Reached::new();
    let question = it.story.outside(Protocol::Tcp(22));
    let request = probe_request(
        &it.story.rules.cloud,
        &it.config,
        &question,
        &it.answer(Protocol::Tcp(22)),
    )
    .unwrap();
    let floating = &it.config.routers[&it.router].floating_ips[0];
    assert_eq!(
        (request.from, request.target),
        (ProbePlace::Host, floating.floating.into())
    );
    let places = [
        ProbePlace::Host,
        ProbePlace::Router(it.router),
        ProbePlace::Network(it.network),
    ];
    assert_eq!(request.path, places);
    let delivery = request.delivery.unwrap();
    assert_eq!((delivery.port, delivery.address), (it.port, floating.fixed.into()));
    let other = it.story.ask(&it.story.outside(Protocol::Other(47)));
    assert!(probe_request(&it.story.rules.cloud, &it.config, &question, &other).is_none());
}

/// Every code that lies on the host or in the guest has sentences of its own, in both languages, and something that mends it.
#[test]
fn every_code_has_its_words() {
    use Code as C;
    let all = [
        C::NsMissing,
        C::DeviceMissing,
        C::TapMissing,
        C::TapNotHeld,
        C::DeviceDown,
        C::UplinkDown,
        C::DeviceUnplugged,
        C::BridgePortBlocked,
        C::StrangeDevice,
        C::MacWrong,
        C::MtuTooSmall,
        C::BrExNoAddress,
        C::AddressMissing,
        C::FipAddressMissing,
        C::AddressTaken,
        C::DnatRuleMissing,
        C::DnatRuleWrong,
        C::SnatRuleMissing,
        C::RuleMissing,
        C::RuleUnwanted,
        C::RulesMissing,
        C::ForeignRules,
        C::HostFirewall,
        C::RouteMissing,
        C::RouteAstray,
        C::RouteBlackhole,
        C::OverlapWithHostNetwork,
        C::NsForwardOff,
        C::RpfilterDrop,
        C::Ipv6Off,
        C::NeighbourWrong,
        C::NeighbourFailed,
        C::ArpUnanswered,
        C::BridgeFdbWrong,
        C::NeighTableFull,
        C::ConntrackFull,
        C::ConntrackNearlyFull,
        C::VmProcessGone,
        C::DhcpServiceDown,
        C::DnsServiceDown,
        C::MetadataServiceDown,
        C::RaServiceDown,
        C::DhcpNoLease,
        C::WrongAddressInGuest,
        C::MetadataNotFetched,
        C::KeyNotDelivered,
        C::KernelPanic,
        C::NoBootDisk,
        C::GuestStillBooting,
        C::GuestSilent,
        C::GuestFirewall,
        C::PortClosed,
        C::UnreachableOnWay,
        C::LostOnHost,
        C::QosPolicing,
        C::ForeignQueue,
        C::TrunkBroken,
        C::Drift,
    ];
    let story = Story::new();
    let cloud = &story.rules.cloud;
    let object = Some(Object::Port(story.port));
    let mut sentences = std::collections::BTreeSet::new();
    for code in all {
        let text = words::host::about(cloud, &admin(), code, object);
        assert!(
            text.en.ends_with('.') && text.ko.contains("니다") && text.ko.ends_with('.'),
            "{code:?}: {text:?}"
        );
        assert!(
            sentences.insert(text.en.clone()) && sentences.insert(text.ko),
            "{code:?}: {}",
            text.en
        );
        let mend = fix(cloud, &story.config(), &admin(), (code, object), &[]);
        assert!(!mend.message.en.is_empty() && !mend.message.ko.is_empty());
    }
}

#[test]
fn each_is_told_what_they_may_know() {
    let it = Reached::new();
    let cloud = &it.story.rules.cloud;
    let looked = it.found(HostObject::Device(it.tap()), State::Missing);
    let blocker = &looked.blockers[0];
    let told = |actor: &Actor| {
        let mend = fix(
            cloud,
            &it.config,
            actor,
            (blocker.code, blocker.object),
            &blocker.evidence,
        );
        (words::host::cause(cloud, actor, blocker), mend)
    };
    let (own, mend) = told(&member("demo"));
    assert!(!own.en.contains("dev0") && own.en.contains("10.0.0."), "{own:?}");
    assert!(
        mend.commands.is_empty() && mend.message.en.contains("runs the cloud"),
        "{mend:?}"
    );
    let (other, _) = told(&member("other"));
    assert!(
        other.en.contains("another project's port") && !other.en.contains("10.0.0."),
        "{other:?}"
    );
    assert!(!told(&admin()).1.commands.is_empty());
    let of = |actor: &Actor, code| owner(cloud, actor, code, blocker.object);
    assert_eq!(of(&member("demo"), Code::TapMissing), Owner::Operator);
    assert_eq!(of(&member("demo"), Code::PortClosed), Owner::You);
    assert_eq!(of(&member("other"), Code::PortClosed), Owner::Project);
}
