//! What is seen without sending anything: neighbours, flows, bridge entries, counters.

use std::collections::BTreeSet;

use model::reach::{Asked, HostPlace as Place, NeighbourState, Scope};
use node::reach::observed::Observer;

use model::ServerId;
use model::host::PortBinding;
use node::reach::programmed::Inspector;

use crate::network_common::probe::{connect, listen, ping};
use crate::network_common::*;
use crate::stage::{FLOATING, Stage};

#[test]
fn traffic_leaves_its_traces() {
    let stage = Stage::new();
    let (host, a) = (stage.cloud.host.clone(), &stage.a);
    let listener = listen(&a.ns, "0.0.0.0:22");
    let client = connect(&host, &format!("{FLOATING}:22"), true).unwrap();
    let served = listener.accept().unwrap().0;
    assert!(
        connect(&host, &format!("{FLOATING}:23"), false).is_none(),
        "no rule lets that in"
    );
    assert!(
        !ping(&host, "172.24.4.99".parse().unwrap(), false),
        "nobody has that address"
    );
    let observer = Observer::new(host, None, None);
    let asked = Asked {
        scope: Scope::all(&stage.cloud.config),
        addresses: BTreeSet::from([a.ip, FLOATING.parse().unwrap(), "172.24.4.99".parse().unwrap()]),
    };
    let seen = observer.observe(&stage.cloud.config, &asked);
    assert_eq!(seen.unreadable, Vec::<String>::new());

    let neighbour = |place: Place, address: &str| {
        let address: std::net::IpAddr = address.parse().unwrap();
        let found = seen
            .neighbours
            .iter()
            .find(|each| each.place == place && each.address == address);
        found.unwrap_or_else(|| panic!("{address} in {:?}", seen.neighbours))
    };
    let behind = neighbour(Place::Router(stage.router), "10.1.0.10");
    assert_eq!((behind.mac, &behind.device), (Some(a.mac), &stage.qr()));
    assert!(neighbour(Place::Host, FLOATING).mac.is_some());
    let nobody = neighbour(Place::Host, "172.24.4.99");
    assert_eq!(nobody.mac, None);
    assert!(
        matches!(nobody.state, NeighbourState::Incomplete | NeighbourState::Failed),
        "{nobody:?}"
    );

    let router = Place::Router(stage.router);
    let flow = seen
        .flows
        .iter()
        .find(|flow| flow.place == router && flow.destination.1 == Some(22))
        .unwrap();
    assert_eq!(
        flow.destination.0,
        FLOATING.parse::<std::net::IpAddr>().unwrap(),
        "as it came"
    );
    assert_eq!(flow.answered_by, (a.ip, Some(22)), "as it was translated");
    assert!(flow.answered && flow.assured && !flow.cut);
    let refused = seen
        .flows
        .iter()
        .find(|flow| flow.place == router && flow.destination.1 == Some(23))
        .unwrap();
    assert!(!refused.answered);

    let entry = seen.bridge_entries.iter().find(|entry| entry.port == a.port).unwrap();
    assert!(entry.is_own && !entry.by_hand, "{entry:?}");
    let counted = seen
        .devices
        .iter()
        .find(|each| each.device.name == stage.tap(a.port))
        .unwrap();
    assert!(counted.figures.received.packets > 0 && counted.figures.sent.packets > 0);
    let network = Place::Network(stage.networks[0]);
    let drop = seen
        .drops
        .iter()
        .find(|drop| drop.table.place == network && drop.chain.starts_with("i_"))
        .unwrap();
    assert!(drop.packets >= 1 && drop.rule == "counter drop", "{drop:?}");
    let filled = seen.flow_tables.iter().find(|(place, _)| *place == router).unwrap().1;
    assert!(filled.entries >= 1 && filled.limit > filled.entries);
    assert_eq!(seen.host_forwards, (Some(false), Some(false)));
    assert_eq!(seen.host_filters_bridges, Some(false));
    std::mem::drop((client, served));
}

/// Not a measurement: it says what a look costs, and that a port's costs nothing of the others'.
#[test]
fn a_large_network_is_looked_at() {
    let mut cloud = Cloud::new();
    let network = cloud.network(&["10.1.0.0/16"]);
    let group = cloud.group(network, with(all_out(), [allow_in(ports(6, 22, 22))]));
    let server = || PortBinding::Server(ServerId(fresh()));
    let vms: Vec<Vm> = (10..310)
        .map(|n| cloud.vm_with(network, n, &[group], |port| port.binding = server()))
        .collect();
    cloud.apply();
    let inspector = Inspector::new(cloud.host.clone(), &cloud.owner);
    let one = Scope {
        ports: [vms[7].port].into(),
        ..Scope::default()
    };
    for (what, scope) in [("one port", one), ("all of 300 ports", Scope::all(&cloud.config))] {
        let begin = std::time::Instant::now();
        assert_eq!(inspector.inspect(&cloud.config, &scope).findings, BTreeSet::new());
        println!("{what}: {:?}", begin.elapsed());
    }
}
