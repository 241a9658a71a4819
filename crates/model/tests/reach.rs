//! Walks over hosts made by hand. That walks are true to the kernel is shown by `node`'s differential test.

#![allow(clippy::unwrap_used)]

#[path = "reach/stage.rs"]
mod stage;

use std::net::IpAddr;

use model::host::{Direction, EtherType, PortBinding, ProtocolMatch, Remote, Route};
use model::reach::{
    Assumptions, CLIENT_PORT, Difference, End, Event, Grant, Hop, NearRule, Obstacle, Place, Protocol, Start,
    Translation, Verdict, Walk, Way,
};
use stage::*;

/// The obstacle that ends a walk.
fn blocked(walk: &Walk) -> (Way, Obstacle) {
    let blocked = walk.blocked.clone().expect("something is in the way");
    (blocked.way, blocked.obstacle)
}

fn events(hops: &[Hop]) -> Vec<(Place, Event)> {
    hops.iter().map(|hop| (hop.place, hop.event.clone())).collect()
}

#[test]
fn a_ping_without_a_rule_is_silent_and_the_nearest_rules_are_named() {
    let mut stage = Stage::new();
    let only_tcp = stage.rule(Direction::Ingress, EtherType::IPv4, tcp(22, 22), Remote::Any);
    let only_version_6 = stage.rule(Direction::Ingress, EtherType::IPv6, ProtocolMatch::Any, Remote::Any);
    let neither = stage.rule(Direction::Ingress, EtherType::IPv6, tcp(22, 22), Remote::Any);
    let group = stage.group(vec![only_tcp.clone(), only_version_6.clone(), neither]);
    let (a, b) = (stage.port("10.1.0.10", None), stage.port("10.1.0.11", Some(group)));
    let walk = stage.ask(&a, "10.1.0.11", Protocol::Icmp);
    let near = |rule: &model::host::FilterRule, difference| NearRule {
        group,
        rule: rule.id,
        differs: [difference].into(),
    };
    let nearest = vec![
        near(&only_tcp, Difference::Protocol),
        near(&only_version_6, Difference::Ethertype),
    ];
    let obstacle = Obstacle::IngressRules { port: b.id, nearest };
    assert_eq!(blocked(&walk), (Way::Request, obstacle.clone()));
    assert_eq!(walk.arrival, None);
    assert!(walk.reply.is_empty());
    assert_eq!(
        walk.request.last().map(|hop| &hop.verdict),
        Some(&Verdict::Stopped(obstacle))
    );
    assert!(stage.ask(&a, "10.1.0.11", Protocol::Tcp(22)).is_answered());
}

#[test]
fn answers_need_no_rule_but_a_stateless_port_s_do() {
    let mut stage = Stage::new();
    let ssh = stage.rule(Direction::Ingress, EtherType::IPv4, tcp(22, 22), Remote::Any);
    let out = stage.rule(Direction::Egress, EtherType::IPv4, ProtocolMatch::Any, Remote::Any);
    let serves = stage.group(vec![ssh, out.clone()]);
    let deaf = stage.group(vec![out.clone()]);
    let a = stage.port("10.1.0.10", Some(deaf));
    stage.port("10.1.0.11", Some(serves));
    let walk = stage.ask(&a, "10.1.0.11", Protocol::Tcp(22));
    assert!(walk.is_answered(), "{walk:#?}");
    let established = Event::IngressRules {
        port: a.id,
        grant: Some(Grant::Established),
    };
    assert!(events(&walk.reply).contains(&(Place::Network(stage.network), established)));

    stage.edit(|network| network.stateless = [deaf, serves].into_iter().collect());
    let (way, obstacle) = blocked(&stage.ask(&a, "10.1.0.11", Protocol::Tcp(22)));
    assert_eq!(
        (way, obstacle),
        (
            Way::Reply,
            Obstacle::IngressRules {
                port: a.id,
                nearest: vec![]
            }
        )
    );
    let answers = stage.rule(
        Direction::Ingress,
        EtherType::IPv4,
        tcp(CLIENT_PORT, CLIENT_PORT),
        Remote::Any,
    );
    stage.set_group(deaf, vec![out, answers]);
    assert!(stage.ask(&a, "10.1.0.11", Protocol::Tcp(22)).is_answered());
}

#[test]
fn a_floating_ip_leads_in_and_back_under_the_same_address() {
    let mut stage = Stage::new();
    let a = stage.port("10.1.0.10", None);
    let floating = stage.floating_ip("172.24.4.50", &a);
    let outside = Start::Outside {
        network: stage.external,
        address: ip("172.24.4.99"),
    };
    let walk = stage.walk(outside, "172.24.4.50", Protocol::Tcp(22));
    assert!(walk.is_answered(), "{walk:#?}");
    assert_eq!(
        walk.arrival,
        Some(End::Port {
            port: a.id,
            server: None
        })
    );
    let place = Place::Router(stage.router);
    let translated = walk
        .request
        .iter()
        .find(|hop| matches!(hop.event, Event::Translated(_)))
        .unwrap();
    assert_eq!(
        (translated.place, &translated.event),
        (place, &Event::Translated(Translation::FloatingIp(floating)))
    );
    assert_eq!(translated.before.destination, ip("172.24.4.50"));
    assert_eq!(translated.after.destination, a.address);
    let back = walk.reply.last().unwrap().after;
    assert_eq!((back.source, back.destination), (ip("172.24.4.50"), ip("172.24.4.99")));

    // Nobody has it any more.
    stage.edit_router(|router| router.floating_ips.clear());
    let (way, obstacle) = blocked(&stage.walk(outside, "172.24.4.50", Protocol::Tcp(22)));
    let address = ip("172.24.4.50");
    assert_eq!(
        (way, obstacle),
        (
            Way::Request,
            Obstacle::NoAddress {
                network: stage.external,
                address
            }
        )
    );
}

#[test]
fn a_neighbour_s_floating_ip_is_reached_by_the_router_and_under_its_address() {
    let mut stage = Stage::new();
    let (a, b) = (stage.port("10.1.0.10", None), stage.port("10.1.0.11", None));
    stage.floating_ip("172.24.4.50", &b);
    let walk = stage.ask(&a, "172.24.4.50", Protocol::Udp(53));
    assert!(walk.is_answered(), "{walk:#?}");
    let arrived = walk.request.last().unwrap().after;
    assert_eq!((arrived.source, arrived.destination), (ip("172.24.4.10"), b.address));
    // To itself.
    assert!(stage.ask(&b, "172.24.4.50", Protocol::Tcp(22)).is_answered());

    // Without translation the answer takes the short way, and comes from somebody who was not asked.
    stage.edit_router(|router| router.gateway.as_mut().unwrap().enable_snat = false);
    let (way, obstacle) = blocked(&stage.ask(&a, "172.24.4.50", Protocol::Udp(53)));
    let (awaited, source) = (ip("172.24.4.50"), b.address);
    assert_eq!(
        (way, obstacle),
        (Way::Reply, Obstacle::ForeignAnswer { awaited, source })
    );
}

#[test]
fn an_answer_by_another_router_is_invalid() {
    let mut stage = Stage::new();
    let a = stage.port("10.1.0.10", None);
    let other = stage.second_router();
    stage.floating_ip("172.24.4.60", &a);
    // The floating IP is the second router's, the subnet's gateway the first one.
    let floating = std::mem::take(&mut stage.edit_router(|router| router.clone()).floating_ips);
    stage.edit_router(|router| router.floating_ips.clear());
    stage.edit_other(other, |router| router.floating_ips = floating);
    let outside = Start::Outside {
        network: stage.external,
        address: ip("172.24.4.99"),
    };
    let walk = stage.walk(outside, "172.24.4.60", Protocol::Tcp(22));
    assert_eq!(
        walk.arrival,
        Some(End::Port {
            port: a.id,
            server: None
        })
    );
    let obstacle = Obstacle::InvalidState {
        place: Place::Router(stage.router),
    };
    assert_eq!(blocked(&walk), (Way::Reply, obstacle));
    // A datagram begins a flow of its own there.
    let walk = stage.walk(outside, "172.24.4.60", Protocol::Udp(53));
    let (awaited, source) = (ip("172.24.4.60"), ip("172.24.4.10"));
    assert_eq!(
        blocked(&walk),
        (Way::Reply, Obstacle::ForeignAnswer { awaited, source })
    );
}

#[test]
fn what_is_assumed_to_be_overcome_is_looked_past() {
    let mut stage = Stage::new();
    let nothing = stage.group(Vec::new());
    let (a, b) = (
        stage.port("10.1.0.10", Some(nothing)),
        stage.port("10.2.0.11", Some(nothing)),
    );
    stage.edit_router(|router| router.admin_state_up = false);
    let mut assume = Assumptions::default();
    let mut met = Vec::new();
    let start = Start::Port {
        id: a.id,
        address: a.address,
    };
    let walk = loop {
        let walk = stage.walk_with(start, "10.2.0.11", Protocol::Tcp(22), &assume);
        let Some(blocked) = walk.blocked.clone() else {
            break walk;
        };
        met.push(blocked.obstacle.clone());
        assert!(assume.overcome.insert(blocked.obstacle), "met twice: {met:?}");
    };
    let expected = [
        Obstacle::RouterAdminDown { router: stage.router },
        Obstacle::EgressRules {
            port: a.id,
            nearest: vec![],
        },
        Obstacle::IngressRules {
            port: b.id,
            nearest: vec![],
        },
    ];
    assert_eq!(met, expected);
    let assumed: Vec<Obstacle> = walk.assumed().map(|(_, obstacle)| obstacle.clone()).collect();
    assert!(
        expected.iter().all(|obstacle| assumed.contains(obstacle)),
        "{assumed:?}"
    );
    assert!(walk.is_answered());
    // There is no way on without anybody there.
    let mut assume = Assumptions::default();
    for _ in 0..2 {
        let walk = stage.walk_with(start, "10.1.0.99", Protocol::Icmp, &assume);
        assert!(matches!(blocked(&walk).1, Obstacle::NoAddress { .. }));
        assume.overcome.insert(blocked(&walk).1);
    }
}

#[test]
fn forged_senders_and_ports_that_nothing_passes_are_told_apart() {
    let mut stage = Stage::new();
    let (a, b) = (stage.port("10.1.0.10", None), stage.port("10.1.0.11", None));
    let source = ip("10.1.0.66");
    let forged = Start::Port {
        id: a.id,
        address: source,
    };
    let walk = stage.walk(forged, "10.1.0.11", Protocol::Icmp);
    // A port without groups is filtered here.
    let group = stage.group(vec![]);
    assert!(walk.is_answered(), "without port security anything goes");
    stage.edit_port(a.id, |port| {
        port.port_security = true;
        port.security_groups = [group].into();
    });
    let obstacle = Obstacle::SpoofingGuard { port: a.id, source };
    assert_eq!(
        blocked(&stage.walk(forged, "10.1.0.11", Protocol::Icmp)),
        (Way::Request, obstacle)
    );

    stage.edit_port(a.id, |port| port.port_security = false);
    stage.edit_port(b.id, |port| port.admin_state_up = false);
    let (_, obstacle) = blocked(&stage.ask(&a, "10.1.0.11", Protocol::Icmp));
    assert_eq!(obstacle, Obstacle::PortAdminDown { port: b.id });
    let server = model::ServerId(uuid::Uuid::from_u128(7));
    stage.edit_port(b.id, |port| {
        port.admin_state_up = true;
        port.binding = PortBinding::Server(server);
    });
    let unbound = Obstacle::PortUnbound { port: b.id };
    let (_, obstacle) = blocked(&stage.ask(&a, "10.1.0.11", Protocol::Icmp));
    assert_eq!(obstacle, unbound);
    // The one behind the other.
    stage.edit_port(b.id, |port| port.admin_state_up = false);
    let overcome = [Obstacle::PortAdminDown { port: b.id }].into();
    let assume = Assumptions {
        overcome,
        ..Assumptions::default()
    };
    let start = Start::Port {
        id: a.id,
        address: a.address,
    };
    let walk = stage.walk_with(start, "10.1.0.11", Protocol::Icmp, &assume);
    assert_eq!(blocked(&walk).1, unbound);
}

#[test]
fn ways_out_that_are_missing_have_their_names() {
    let mut stage = Stage::new();
    let a = stage.port("10.1.0.10", None);
    // What has no floating IP is not reached by its own address.
    let walk = stage.walk(Start::Host, "10.1.0.10", Protocol::Icmp);
    let destination = a.address;
    assert_eq!(
        blocked(&walk),
        (
            Way::Request,
            Obstacle::NoRoute {
                place: Place::Host,
                destination
            }
        )
    );
    // To the world: by the router's address, and by the host.
    let world = "198.51.100.1";
    let walk = stage.ask(&a, world, Protocol::Tcp(443));
    assert_eq!(blocked(&walk), (Way::Request, Obstacle::HostForwarding));
    let assume = Assumptions {
        host_forwards: true,
        ..Assumptions::default()
    };
    let start = Start::Port {
        id: a.id,
        address: a.address,
    };
    let walk = stage.walk_with(start, world, Protocol::Tcp(443), &assume);
    assert_eq!((walk.is_answered(), walk.arrival), (true, Some(End::Beyond)));
    assert_eq!(walk.request.last().unwrap().after.source, ip("172.24.4.10"));

    stage.edit_router(|router| router.gateway.as_mut().unwrap().enable_snat = false);
    let walk = stage.walk_with(start, world, Protocol::Tcp(443), &assume);
    let (place, source) = (Place::Host, a.address);
    assert_eq!(blocked(&walk), (Way::Reply, Obstacle::NotTranslated { place, source }));

    stage.edit_router(|router| router.gateway = None);
    let destination = ip(world);
    let obstacle = Obstacle::RouterHasNoGateway {
        router: stage.router,
        destination,
    };
    assert_eq!(blocked(&stage.ask(&a, world, Protocol::Icmp)).1, obstacle);
    stage.edit_router(|router| router.legs.clear());
    stage.edit(|network| {
        network.ports = network
            .ports
            .iter()
            .filter(|(_, port)| !matches!(port.binding, PortBinding::Router(_)))
            .map(|(id, port)| (*id, std::sync::Arc::clone(port)))
            .collect()
    });
    let obstacle = blocked(&stage.ask(&a, world, Protocol::Icmp)).1;
    assert!(matches!(obstacle, Obstacle::NoRouterOnSubnet { gateway, .. } if gateway == ip("10.1.0.1")));
    stage.edit(|network| network.subnets[0].gateway = None);
    let obstacle = blocked(&stage.ask(&a, world, Protocol::Icmp)).1;
    assert!(matches!(obstacle, Obstacle::SubnetWithoutGateway { .. }));
}

#[test]
fn routes_in_a_circle_are_found() {
    let mut stage = Stage::new();
    let a = stage.port("10.1.0.10", None);
    let other = stage.second_router();
    let destination = "192.0.2.0/24".parse().unwrap();
    let route = |nexthop: &str| Route {
        destination,
        nexthop: ip(nexthop),
    };
    stage.edit_router(|router| router.routes = vec![route("10.1.0.254")]);
    stage.edit_other(other, |router| router.routes = vec![route("10.1.0.1")]);
    let (_, obstacle) = blocked(&stage.ask(&a, "192.0.2.1", Protocol::Icmp));
    assert_eq!(
        obstacle,
        Obstacle::Loop {
            place: Place::Router(stage.router)
        }
    );
}

#[test]
fn the_metadata_service_is_reached_by_its_redirect_only() {
    let mut stage = Stage::new();
    let a = stage.port("10.1.0.10", None);
    let walk = stage.ask(&a, "169.254.169.254", Protocol::Tcp(80));
    let place = Place::Router(stage.router);
    assert_eq!((walk.is_answered(), walk.arrival), (true, Some(End::Metadata(place))));
    let (_, obstacle) = blocked(&stage.ask(&a, "10.1.0.1", Protocol::Tcp(9697)));
    assert_eq!(obstacle, Obstacle::MetadataOnly { router: stage.router });
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}
