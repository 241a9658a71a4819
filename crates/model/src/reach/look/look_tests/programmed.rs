//! Findings: where the packets meet them, and what they do.

use super::*;

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
