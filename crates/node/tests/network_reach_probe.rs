//! Probes with real packets: each verdict produced by what it stands for, and nothing left behind.
#![allow(clippy::unwrap_used)]

mod network_common;
mod reach_common;

use std::net::IpAddr;

use linux::netlink::{AddressFlags, Rtnl};
use linux::nft::Nft;
use linux::sysctl;
use model::RouterId;
use model::reach::probe::*;
use network_common::probe::listen;
use network_common::*;
use reach_common::*;

#[test]
fn what_answers_is_answered() {
    let stage = Stage::new();
    let (vm, network, router) = (&stage.vm, stage.place(), stage.router_place());
    let _ssh = listen(&vm.ns, "[::]:22");
    let _echo = Echo::at(&vm.ns, "[::]:53");
    let mut checks = Checks::default();
    for (from, targets) in [
        (network, [Some(vm.ip), vm.ip6]),
        (router, [Some(vm.ip), vm.ip6]),
        (Place::Host, [Some(ip(FLOATING)), vm.ip6]),
    ] {
        for target in targets.into_iter().flatten() {
            for kind in [ProbeKind::Ping, ProbeKind::Tcp(22), ProbeKind::Udp(53)] {
                let result = stage.ask(from, target, kind);
                let rtt = match result.verdict {
                    ProbeVerdict::Answered { rtt_us } => Some(rtt_us),
                    _ => None,
                };
                let what = format!("{kind:?} of {target} from {from}");
                checks.check(
                    &format!("{what} is answered: {:?}", result.verdict),
                    rtt.is_some_and(|rtt| rtt > 0),
                );
                println!("{what}: {} us in all", result.took_us);
                let counts = (result.sent, result.delivered, result.spoken);
                checks.check(
                    &format!("{what}: seen at the port: {counts:?}"),
                    result.delivered >= Some(1) && result.spoken >= Some(1),
                );
                checks.check(
                    &format!("{what}: in order: {:#?}", result.request),
                    in_order(&result.request, from, &stage),
                );
                checks.check(
                    &format!("{what}: and back: {:#?}", result.answer),
                    !result.answer.is_empty(),
                );
            }
        }
    }
    for (from, target) in [
        (network, vm.ip),
        (network, vm.ip6.unwrap()),
        (router, vm.ip),
        (router, vm.ip6.unwrap()),
    ] {
        let result = stage.ask(from, target, ProbeKind::Neighbour);
        let what = format!("the neighbour {target} from {from}: {:?}", result.verdict);
        checks.check(&what, matches!(result.verdict, ProbeVerdict::Answered { .. }));
        let judged = result.request.iter().any(|step| step.at.chain == "cfwd");
        checks.check(&format!("{what}: {:#?}", result.request), judged || from == network);
        checks.check(&what, result.delivered >= Some(1) && result.spoken >= Some(1));
    }
    let floating = stage.ask(Place::Host, ip(FLOATING), ProbeKind::Neighbour);
    checks.check(
        "the router answers ARP for the floating IP",
        matches!(floating.verdict, ProbeVerdict::Answered { .. }),
    );
    checks.finish();
}

/// Whether a trace goes through the places between here and the server, each in its turn, and through the filter.
fn in_order(trace: &[TraceStep], from: Place, stage: &Stage) -> bool {
    let all = [Place::Host, stage.router_place(), stage.place()];
    let start = all.iter().position(|place| *place == from).unwrap();
    let mut places: Vec<Place> = trace.iter().map(|step| step.place).collect();
    places.dedup();
    if from == stage.place() {
        // From there it goes to the bridge's port unfiltered.
        return places.iter().all(|place| *place == from);
    }
    // The host of this cloud has no rules.
    let expected = &all[start.max(1)..];
    let expected = expected
        .strip_prefix(&[stage.router_place()])
        .filter(|_| !places.contains(&stage.router_place()))
        .unwrap_or(expected);
    places == expected && trace.iter().any(|step| step.at.chain.starts_with("i_"))
}

#[test]
fn a_closed_port_refuses() {
    let stage = Stage::new();
    let vm = &stage.vm;
    let mut checks = Checks::default();
    for (from, target) in [
        (stage.router_place(), vm.ip),
        (stage.router_place(), vm.ip6.unwrap()),
        (stage.place(), vm.ip),
        (Place::Host, ip(FLOATING)),
        (Place::Host, vm.ip6.unwrap()),
    ] {
        for (kind, how) in [
            (ProbeKind::Tcp(22), Refusal::Reset),
            (ProbeKind::Udp(53), Refusal::PortUnreachable),
        ] {
            let result = stage.ask(from, target, kind);
            let what = format!("{kind:?} of {target} from {from}: {:?}", result.verdict);
            checks.check(&what, result.verdict == ProbeVerdict::Refused { by: target, how });
            checks.check(&what, result.delivered >= Some(1));
        }
    }
    checks.finish();
}

#[test]
fn a_guest_without_its_address_is_no_neighbour() {
    let stage = Stage::new();
    let vm = &stage.vm;
    let mut nl = Rtnl::open(&vm.ns).unwrap();
    let eth0 = nl.link("eth0").unwrap().index;
    for address in nl.addresses().unwrap().into_iter().filter(|a| a.link == eth0) {
        nl.delete_address(eth0, address.net).unwrap();
    }
    let mut checks = Checks::default();
    let router = stage.router_place();
    for (from, target, kind, place, address) in [
        (stage.place(), vm.ip, ProbeKind::Neighbour, stage.place(), vm.ip),
        (
            stage.place(),
            vm.ip6.unwrap(),
            ProbeKind::Neighbour,
            stage.place(),
            vm.ip6.unwrap(),
        ),
        (router, vm.ip, ProbeKind::Neighbour, router, vm.ip),
        (router, vm.ip, ProbeKind::Ping, router, vm.ip),
        (router, vm.ip6.unwrap(), ProbeKind::Ping, router, vm.ip6.unwrap()),
        (Place::Host, ip(FLOATING), ProbeKind::Tcp(22), router, vm.ip),
        (
            Place::Host,
            vm.ip6.unwrap(),
            ProbeKind::Tcp(22),
            router,
            vm.ip6.unwrap(),
        ),
    ] {
        let result = stage.ask_in_vain(from, target, kind);
        let ProbeVerdict::NoNeighbour {
            place: by,
            address: whom,
            delivered,
        } = result.verdict
        else {
            checks.check(
                &format!("{kind:?} of {target} from {from}: {:?}", result.verdict),
                false,
            );
            continue;
        };
        let what = format!("{kind:?} of {target} from {from}: {by} finds no {whom}, asked: {delivered:?}");
        // The router asks again only some time after it asked for the probe before.
        checks.check(
            &what,
            (by, whom) == (place, address) && (delivered == Some(true) || from == Place::Host && delivered.is_none()),
        );
    }
    checks.finish();
}

#[test]
fn a_guests_own_firewall_is_silence_after_delivery() {
    let stage = Stage::new();
    let vm = &stage.vm;
    let deaf = "add table inet deaf
        add chain inet deaf in { type filter hook input priority 0; policy drop; }
        add rule inet deaf in icmpv6 type { 133, 134, 135, 136 } accept";
    Nft::open(&vm.ns).unwrap().run(deaf).unwrap();
    let mut checks = Checks::default();
    for (from, target) in [
        (stage.place(), vm.ip),
        (stage.router_place(), vm.ip),
        (stage.router_place(), vm.ip6.unwrap()),
        (Place::Host, ip(FLOATING)),
    ] {
        for kind in [ProbeKind::Ping, ProbeKind::Tcp(22), ProbeKind::Udp(53)] {
            let result = stage.ask_in_vain(from, target, kind);
            let what = format!("{kind:?} of {target} from {from}: {:?}", result.verdict);
            checks.check(
                &what,
                result.verdict == ProbeVerdict::SilentAfterDelivery { port: vm.port },
            );
            let counts = (result.sent, result.delivered, result.spoken);
            let all = result.delivered == Some(result.sent) && result.sent > 1 && result.spoken == Some(0);
            checks.check(&format!("{what}: {counts:?}"), all);
        }
    }
    checks.finish();
}

#[test]
fn the_security_group_that_drops_is_named_with_its_port() {
    let stage = Stage::new();
    let vm = &stage.vm;
    let mut checks = Checks::default();
    for (from, target) in [
        (stage.router_place(), vm.ip),
        (stage.router_place(), vm.ip6.unwrap()),
        (Place::Host, ip(FLOATING)),
        (Place::Host, vm.ip6.unwrap()),
    ] {
        for kind in [ProbeKind::Tcp(23), ProbeKind::Udp(54)] {
            let result = stage.ask(from, target, kind);
            let what = format!("{kind:?} of {target} from {from}: {:?}", result.verdict);
            let ProbeVerdict::LostAt {
                way: Way::Request,
                place,
                loss: Loss::Dropped(at),
                port,
            } = result.verdict
            else {
                checks.check(&what, false);
                continue;
            };
            let named = (at.family.as_str(), at.table.as_str(), at.chain.clone());
            checks.check(
                &what,
                named == ("bridge", "dp", format!("i_{}", stage.group.0.simple())),
            );
            checks.check(&what, place == stage.place() && port == Some(vm.port));
            checks.check(&what, at.rule.unwrap().text.as_deref() == Some("counter drop"));
            checks.check(&what, result.delivered == Some(0));
            checks.check(&format!("{what}: known at once: {}", result.sent), result.sent == 1);
        }
    }
    checks.finish();
}

#[test]
fn a_guest_with_a_false_address_is_stopped_by_the_guard() {
    let stage = Stage::new();
    let vm = &stage.vm;
    let mut nl = Rtnl::open(&vm.ns).unwrap();
    let eth0 = nl.link("eth0").unwrap().index;
    for extra in ["10.1.0.77/24", "fd00:1::77/64"] {
        nl.add_address(
            eth0,
            net(extra),
            AddressFlags {
                no_dad: true,
                no_prefix_route: true,
            },
        )
        .unwrap();
    }
    let mut checks = Checks::default();
    let router = stage.router_place();
    let guarded = |result: ProbeResult, chain: &str| {
        let expected = |at: &ChainPoint| {
            (at.table.as_str(), at.chain.as_str()) == ("dp", chain) && at.rule.as_ref().unwrap().text.is_some()
        };
        matches!(&result.verdict, ProbeVerdict::LostAt { way: Way::Answer, place, loss: Loss::Dropped(at), port }
            if *place == stage.place() && *port == Some(vm.port) && expected(at))
    };
    // Its answer to the question who has the address.
    let result = stage.ask_inside(router, ip("10.1.0.77"), ProbeKind::Ping);
    checks.check(&format!("ARP: {:?}", result.verdict), guarded(result, "sarp"));
    let result = stage.ask_inside(stage.place(), ip("10.1.0.77"), ProbeKind::Neighbour);
    checks.check(&format!("ARP by itself: {:?}", result.verdict), guarded(result, "sarp"));
    // Its answer to the packet itself.
    let mut nl = Rtnl::open(&stage.router_ns()).unwrap();
    let leg = nl
        .links()
        .unwrap()
        .into_iter()
        .find(|link| link.name.starts_with("qr-"))
        .unwrap()
        .index;
    let router_mac = linux::Mac(stage.cloud.config.routers[&stage.router].legs[0].mac.0);
    let mut guest = Rtnl::open(&vm.ns).unwrap();
    for (address, gateway, chain) in [("10.1.0.77", "10.1.0.1", "s4"), ("fd00:1::77", "fd00:1::1", "s6")] {
        nl.set_neighbour(leg, ip(address), linux::Mac(vm.mac.0)).unwrap();
        let result = stage.ask_inside(router, ip(address), ProbeKind::Ping);
        // With IPv6 already its question for whom to answer by.
        checks.check(
            &format!("ping of {address}: {:?}", result.verdict),
            guarded(result, chain),
        );
        guest.set_neighbour(eth0, ip(gateway), router_mac).unwrap();
        let result = stage.ask_inside(router, ip(address), ProbeKind::Tcp(22));
        checks.check(
            &format!("{address}, came out: {:?}", result.spoken),
            result.spoken >= Some(1),
        );
        checks.check(
            &format!("TCP to {address}: {:?}", result.verdict),
            guarded(result, chain),
        );
    }
    checks.finish();
}

#[test]
fn what_gets_lost_in_the_router() {
    let mut stage = Stage::new();
    let (router, floating) = (stage.router_place(), ip(FLOATING));
    let mut checks = Checks::default();
    let ns = stage.router_ns();
    sysctl::write(&ns, &[("net/ipv4/ip_forward", "0")]).unwrap();
    let result = stage.ask_in_vain(Place::Host, floating, ProbeKind::Ping);
    let after = matches!(&result.verdict, ProbeVerdict::LostAt { way: Way::Request, place, loss: Loss::After(Some(at)), port: None }
        if *place == router && (at.table.as_str(), at.chain.as_str()) == ("dpr", "pre"));
    checks.check(
        &format!("not forwarded: {:?}", result.verdict),
        after && result.delivered == Some(0),
    );
    sysctl::write(&ns, &[("net/ipv4/ip_forward", "1")]).unwrap();

    let nft = Nft::open(&ns).unwrap();
    nft.run(&format!("delete element ip dpr fip {{ {FLOATING} }}")).unwrap();
    for kind in [ProbeKind::Ping, ProbeKind::Tcp(22)] {
        let result = stage.ask(Place::Host, floating, kind);
        let expected = ProbeVerdict::AnsweredElsewhere {
            by: floating,
            place: router,
        };
        checks.check(
            &format!("not translated: {:?}", result.verdict),
            result.verdict == expected,
        );
    }
    nft.run(&format!("add element ip dpr fip {{ {FLOATING} : 10.99.0.1 }}"))
        .unwrap();
    let mut nl = Rtnl::open(&ns).unwrap();
    let default = nl
        .routes()
        .unwrap()
        .into_iter()
        .find(|route| route.destination.prefix_len() == 0)
        .unwrap();
    nl.delete_route(&default).unwrap();
    let result = stage.ask(Place::Host, floating, ProbeKind::Ping);
    let unreachable = matches!(result.verdict, ProbeVerdict::Unreachable { kind: 3, code: 0, .. });
    checks.check(&format!("no route: {:?}", result.verdict), unreachable);

    stage
        .cloud
        .edit_router(stage.router, |router| router.admin_state_up = false);
    stage.cloud.apply();
    // As long as the host believes to know where it is.
    let result = stage.ask_in_vain(Place::Host, floating, ProbeKind::Ping);
    let lost = matches!(
        &result.verdict,
        ProbeVerdict::LostAt {
            way: Way::Request,
            place: Place::Host,
            loss: Loss::After(None),
            ..
        }
    );
    checks.check(
        &format!("down, which the host does not know: {:?}", result.verdict),
        lost,
    );
    let mut host = Rtnl::open(&stage.cloud.host).unwrap();
    let bridge = host.link("br-ex").unwrap().index;
    host.delete_neighbour(bridge, floating).unwrap();
    for kind in [ProbeKind::Neighbour, ProbeKind::Ping] {
        let result = stage.ask_in_vain(Place::Host, floating, kind);
        let expected = ProbeVerdict::NoNeighbour {
            place: Place::Host,
            address: floating,
            delivered: None,
        };
        checks.check(
            &format!("down, from outside: {:?}", result.verdict),
            result.verdict == expected,
        );
    }
    let result = stage.ask(router, stage.vm.ip, ProbeKind::Ping);
    checks.check(
        &format!("down, from inside: {:?}", result.verdict),
        matches!(result.verdict, ProbeVerdict::NotSent(_)),
    );
    checks.finish();
}

#[test]
fn a_firewall_of_the_hosts_is_named() {
    let stage = Stage::new();
    let nft = Nft::open(&stage.cloud.host).unwrap();
    nft.run(
        "add table ip wall
        add chain ip wall out { type filter hook output priority 0; }
        add rule ip wall out icmp type 8 drop
        add rule ip wall out udp dport 53 reject
        add rule ip wall out tcp dport 23 reject with tcp reset
        add chain ip wall in { type filter hook input priority 0; }
        add rule ip wall in tcp sport 22 drop",
    )
    .unwrap();
    let _ssh = listen(&stage.vm.ns, "0.0.0.0:22");
    let dropped = |result: &ProbeResult, way, chain: &str| {
        matches!(&result.verdict, ProbeVerdict::LostAt { way: lost, place: Place::Host, loss: Loss::Dropped(at), port: None }
            if *lost == way && (at.table.as_str(), at.chain.as_str()) == ("wall", chain))
    };
    for (kind, text) in [
        (ProbeKind::Ping, "icmp type echo-request drop"),
        (ProbeKind::Udp(53), "udp dport 53 reject"),
        (ProbeKind::Tcp(23), "tcp dport 23 reject with tcp reset"),
    ] {
        let result = stage.ask(Place::Host, ip(FLOATING), kind);
        assert!(dropped(&result, Way::Request, "out"), "{result:#?}");
        let rule = format!("{:?}", result.verdict);
        assert!(rule.contains(text), "{rule}");
    }
    let result = stage.ask(Place::Host, ip(FLOATING), ProbeKind::Tcp(22));
    assert!(dropped(&result, Way::Answer, "in"), "{result:#?}");
}

#[test]
fn copies_for_other_ports_of_a_bridge_do_not_confuse() {
    let stage = Stage::new();
    let (vm, router) = (&stage.vm, stage.router_place());
    let mut nl = Rtnl::open(&stage.router_ns()).unwrap();
    let leg = nl
        .links()
        .unwrap()
        .into_iter()
        .find(|link| link.name.starts_with("qr-"))
        .unwrap()
        .index;
    nl.set_neighbour(leg, vm.ip, linux::Mac(vm.mac.0)).unwrap();
    let _ssh = listen(&vm.ns, "0.0.0.0:22");
    let mut bridge = Rtnl::open(&stage.network_ns()).unwrap();
    let tap = bridge.link(&node::network::names::tap_device(vm.port)).unwrap().index;
    let mut forget = || {
        // The bridge forgets what it learned of a port that goes down.
        bridge.set_down(tap).unwrap();
        bridge.set_up(tap).unwrap();
    };
    for (port, passes) in [(22, true), (23, false)] {
        forget();
        let result = stage.ask(router, vm.ip, ProbeKind::Tcp(port));
        match result.verdict {
            ProbeVerdict::Answered { .. } => assert!(passes, "{port}"),
            ProbeVerdict::LostAt {
                way: Way::Request,
                loss: Loss::Dropped(ref at),
                port,
                ..
            } => {
                assert!(!passes && port == Some(vm.port), "{result:#?}");
                assert_eq!(at.chain, format!("i_{}", stage.group.0.simple()));
            }
            _ => panic!("{result:#?}"),
        }
    }
}

#[test]
fn a_server_that_is_off_is_never_asked() {
    let mut stage = Stage::new();
    let group = stage.group;
    let off = stage.cloud.vm_with(stage.network, 20, &[group], |port| {
        port.binding = model::host::PortBinding::Server(model::ServerId(fresh()));
    });
    stage.cloud.apply();
    let router = stage.router_place();
    let mut request = stage.request(router, off.ip, ProbeKind::Ping, off.ip);
    request.delivery = request.delivery.map(|delivery| Delivery {
        port: off.port,
        ..delivery
    });
    request.patience_ms = None;
    let result = stage.make(&request).unwrap();
    let expected = ProbeVerdict::NoNeighbour {
        place: router,
        address: off.ip,
        delivered: Some(false),
    };
    assert_eq!(result.verdict, expected, "{result:#?}");
    assert_eq!(result.delivered, Some(0));
}

#[test]
fn a_probe_never_leaves_the_cloud() {
    let mut stage = Stage::new();
    let router = stage.router_place();
    let kind = ProbeKind::Ping;
    let refused = |result| matches!(result, Err(ProbeError::Refused(_)));
    assert!(
        refused(stage.try_ask(router, ip("198.51.100.1"), kind)),
        "by the router's default route"
    );
    assert!(
        refused(stage.try_ask(router, ip("172.24.4.77"), kind)),
        "nobody of the cloud's on the provider network"
    );
    assert!(refused(stage.try_ask(Place::Host, ip("172.24.4.77"), kind)));
    let mut nl = Rtnl::open(&stage.cloud.host).unwrap();
    let bridge = nl.link("br-ex").unwrap().index;
    for (to, gateway) in [("10.1.0.0/24", "172.24.4.99"), ("198.51.100.0/24", "172.24.4.10")] {
        nl.add_route(&linux::netlink::Route::via(net(to), ip(gateway), Some(bridge)))
            .unwrap();
    }
    assert!(
        refused(stage.try_ask(Place::Host, stage.vm.ip, kind)),
        "by a gateway that is not the cloud's"
    );
    assert!(
        refused(stage.try_ask(Place::Host, ip("198.51.100.1"), kind)),
        "to nobody of the cloud's"
    );
    let result = stage.ask(stage.place(), ip("192.0.2.1"), kind);
    assert!(matches!(result.verdict, ProbeVerdict::NotSent(_)), "{result:#?}");
    let nowhere = Place::Router(RouterId(fresh()));
    assert_eq!(
        stage.try_ask(nowhere, stage.vm.ip, kind),
        Err(ProbeError::NotHere(nowhere))
    );
    stage.cloud.apply();
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}
