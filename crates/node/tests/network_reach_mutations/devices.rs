//! Networks and ports: devices, addresses, settings, neighbours, queues; namespaces; servers.

use linux::Netns;
use model::reach::Finding;
use model::reach::look::code_of;
use node::network::names::{ifb_device, network_namespace, router_namespace, trunk_device};

use crate::stage::{In, Stage};
use crate::{Mutation, broken, has, try_all};

/// What a finding is called.
fn code(stage: &Stage, finding: &Finding) -> Option<String> {
    code_of(&stage.cloud.config, finding).map(|code| code.as_str())
}

/// What goes with a device that is down: IPv6 addresses, and routes.
pub fn down(mutation: Mutation, device: &str) -> Mutation {
    mutation
        .then(&["Address", device, "Missing"])
        .then(&["Route", "Missing"])
}

#[test]
fn devices_of_networks() {
    let mut stage = Stage::new();
    let [a, b, open, parent] = [stage.a.port, stage.b.port, stage.open.port, stage.parent];
    let [tap_a, tap_b, tap_open, tap_parent] = [a, b, open, parent].map(|port| stage.tap(port));
    let (ifb, spt, tap_sub) = (ifb_device(b), trunk_device(stage.subport), stage.tap(stage.subport));
    let (mac_a, own) = (stage.a.mac, format!("Port(PortId({a}))"));
    let settings = ["iptables", "ip6tables"].map(|key| format!("net/bridge/bridge-nf-call-{key}"));
    let mut all = vec![
        broken(
            "a port's pair is gone",
            In::One,
            format!("ip link del {tap_a}"),
            &["Device(", &own, "Missing"],
        )
        .then(&["Attached(", "eth0", "Missing"]),
        broken(
            "a server's tap is gone",
            In::One,
            format!("ip link del {tap_parent}"),
            &["Device(", &tap_parent, "Missing"],
        )
        .then(&["Program", &spt]),
        broken(
            "a port's device is down",
            In::One,
            format!("ip link set {tap_a} down"),
            &["Up", &tap_a, "have: \"down\""],
        ),
        broken(
            "a port has another MTU",
            In::One,
            format!("ip link set {tap_parent} mtu 1300"),
            &["Mtu", &tap_parent, "1300"],
        )
        // A bridge has the least of its ports' until somebody sets its own.
        .then(&["Mtu", "br0", "1300"]),
        broken(
            "a port is on no bridge",
            In::One,
            format!("ip link set {tap_a} nomaster"),
            &["Bridge", &tap_a, "none"],
        ),
        broken(
            "a port is on another bridge",
            In::One,
            "ip link add br1 type bridge",
            &["Bridge", &tap_parent, "br1"],
        )
        .and(In::One, format!("ip link set {tap_parent} master br1")),
        broken(
            "a guest has another MAC",
            In::A,
            "ip link set eth0 address 02:00:00:00:00:01",
            &["Mac", "eth0", "02:00"],
        ),
        broken(
            "a bridge's port is isolated",
            In::One,
            format!("bridge link set dev {tap_a} isolated on"),
            &["Isolated", &tap_a],
        )
        .stays(In::One, format!("bridge link set dev {tap_a} isolated off")),
        broken(
            "a bridge's port learns nothing",
            In::One,
            format!("bridge link set dev {tap_a} learning off"),
            &["Learning", &tap_a],
        )
        .stays(In::One, format!("bridge link set dev {tap_a} learning on")),
        broken(
            "a bridge's port is not flooded",
            In::One,
            format!("bridge link set dev {tap_a} flood off"),
            &["Flooding", &tap_a],
        )
        .stays(In::One, format!("bridge link set dev {tap_a} flood on")),
        broken(
            "a bridge's port is disabled",
            In::One,
            format!("bridge link set dev {tap_open} state 0"),
            &["BridgePortState", &tap_open],
        )
        .stays(In::One, format!("bridge link set dev {tap_open} state 3")),
        broken(
            "the bridge is gone",
            In::One,
            "ip link del br0",
            &["Device(", "br0", "Missing"],
        ),
        down(
            broken("the bridge is down", In::One, "ip link set br0 down", &["Up", "br0"]),
            "br0",
        ),
        broken(
            "the bridge has another MAC",
            In::One,
            "ip link set br0 address 02:00:00:00:00:02",
            &["Mac", "br0"],
        ),
        broken(
            "the bridge has another MTU",
            In::One,
            "ip link set br0 mtu 1400",
            &["Mtu", "br0", "1400"],
        ),
        broken(
            "the service address is gone",
            In::One,
            "ip addr del 10.1.0.2/24 dev br0",
            &["Address", "10.1.0.2/24", "Missing"],
        ),
        broken(
            "the metadata address is gone",
            In::One,
            "ip addr del 169.254.169.254/32 dev br0",
            &["Address", "169.254.169.254", "Missing"],
        ),
        broken(
            "the bridge has one more address",
            In::One,
            "ip addr add 10.1.0.77/32 dev br0",
            &["Address", "10.1.0.77", "Unwanted"],
        ),
        broken(
            "the bridge's prefix leads nowhere",
            In::One,
            "ip route del 10.1.0.0/24",
            &["Route", "10.1.0.0/24", "Missing"],
        )
        .stays(
            In::One,
            "ip route add 10.1.0.0/24 dev br0 proto kernel scope link src 10.1.0.2",
        ),
        broken(
            "the bridge has no IPv6",
            In::One,
            "sysctl net/ipv6/conf/br0/disable_ipv6=1",
            &["Setting", "br0/disable_ipv6"],
        )
        .then(&["Address", "br0", "Missing"]),
        broken(
            "a stranger is on the bridge",
            In::One,
            "ip link add strange0 master br0 type veth peer name far0",
            &["Device(", "strange0", "Unwanted"],
        )
        .stays(In::One, "ip link del strange0"),
        broken(
            "a port's address is told to be elsewhere",
            In::One,
            format!("bridge fdb replace {mac_a} dev {tap_open} master static sticky"),
            &["BridgeEntry", &a.to_string(), &tap_open],
        )
        .stays(In::One, format!("bridge fdb del {mac_a} dev {tap_open} master")),
        broken(
            "a neighbour is set to a lie",
            In::One,
            "ip neigh replace 10.1.0.10 lladdr 02:00:00:00:00:03 dev br0 nud permanent",
            &["Neighbour", "10.1.0.10", "02:00"],
        )
        .stays(In::One, "ip neigh del 10.1.0.10 dev br0"),
        broken("loopback is down", In::One, "ip link set lo down", &["Up", "lo"]).stays(In::One, "ip link set lo up"),
        broken(
            "what goes to a port is not held",
            In::One,
            format!("tc qdisc del dev {tap_b} root"),
            &["BandwidthLimit", "Ingress", "Missing"],
        ),
        broken(
            "what goes to a port is held to too little",
            In::One,
            format!("tc qdisc replace dev {tap_b} root handle 1: tbf rate 8kbit burst 2000 limit 9000"),
            &["BandwidthLimit", "Ingress", "have: \"1000 bytes"],
        ),
        broken(
            "what comes from a port is not held",
            In::One,
            format!("tc qdisc del dev {tap_b} ingress"),
            &["BandwidthLimit", "Egress", "Missing"],
        ),
        broken(
            "the device where it waits is gone",
            In::One,
            format!("ip link del {ifb}"),
            &["Device(", &ifb, "Missing"],
        ),
        broken(
            "the device where it waits is down",
            In::One,
            format!("ip link set {ifb} down"),
            &["Up", &ifb],
        ),
        broken(
            "packets wait in somebody's queue",
            In::One,
            format!("tc qdisc add dev {tap_open} root htb"),
            &["Discipline", &tap_open, "htb"],
        )
        .stays(In::One, format!("tc qdisc del dev {tap_open} root")),
        broken(
            "a filter of somebody's drops all",
            In::One,
            format!("tc qdisc add dev {tap_open} ingress"),
            &["Filters", &tap_open],
        )
        .and(
            In::One,
            format!("tc filter add dev {tap_open} parent ffff: prio 50 u32 match u32 0 0 flowid 1:1"),
        )
        .stays(In::One, format!("tc qdisc del dev {tap_open} ingress")),
        broken(
            "a trunk's tap untags nothing",
            In::One,
            format!("tc qdisc del dev {tap_parent} ingress"),
            &["Program", &tap_parent, "Missing"],
        ),
        broken(
            "a subport tags nothing",
            In::One,
            format!("tc qdisc del dev {spt} ingress"),
            &["Program", &spt, "Missing"],
        ),
        broken(
            "a subport's end is down",
            In::One,
            format!("ip link set {spt} down"),
            &["Up", &spt],
        ),
        broken(
            "a subport is gone",
            In::One,
            format!("ip link del {spt}"),
            &["Device(", &tap_sub, "Missing"],
        )
        .then(&["Device(", &spt, "Missing"]),
        broken(
            "new devices get no IPv6 taken",
            In::One,
            "sysctl net/ipv6/conf/default/disable_ipv6=0",
            &["default/disable_ipv6"],
        ),
    ];
    for key in &settings {
        all.push(broken(
            "bridged packets are not filtered",
            In::One,
            format!("sysctl {key}=0"),
            &["Setting", key, "have: \"0\""],
        ));
    }
    try_all(&mut stage, all);
}

#[test]
fn namespaces() {
    let mut stage = Stage::new();
    let [network, router] = [network_namespace(stage.networks[0]), router_namespace(stage.router)];
    for (name, id) in [
        (&network, stage.networks[0].to_string()),
        (&router, stage.router.to_string()),
    ] {
        assert!(Netns::delete(name).unwrap());
        let found = stage.inspect_all();
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(
            has(&found[0], &["Namespace".into(), id.clone(), "Missing".into()]),
            "{found:?}"
        );
        assert_eq!(code(&stage, &found[0]).as_deref(), Some("NS_MISSING"));
        // A person makes another one of the name.
        Netns::create(name).unwrap();
        let found = stage.inspect_all();
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(
            has(&found[0], &["Namespace".into(), id, "have: \"no mark\"".into()]),
            "{found:?}"
        );
        assert_eq!(code(&stage, &found[0]).as_deref(), Some("NS_MISSING"));
        stage.cloud.part.audit();
        assert_eq!(stage.inspect_all(), []);
    }
    let name = stage.a.name.clone();
    Netns::delete(&name).unwrap();
    let found = stage.inspect_all();
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(has(
        &found[0],
        &["Namespace(Attached".into(), stage.a.port.to_string(), "Missing".into()]
    ));
    stage.a.ns.remount(&name).unwrap();
    assert_eq!(stage.inspect_all(), []);
}

#[test]
fn a_servers_process_and_its_nic() {
    let mut stage = Stage::new();
    stage.run_server();
    let found = stage.inspect_all();
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(has(&found[0], &["Held".into(), stage.tap(stage.parent)]), "{found:?}");
    assert_eq!(code(&stage, &found[0]).as_deref(), Some("TAP_NOT_HELD"));
    let held = stage.cloud.part.tap(stage.parent).unwrap();
    assert_eq!(stage.inspect_all(), []);
    let found = stage.without_processes();
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(
        has(
            &found[0],
            &["Process".into(), stage.server.to_string(), "Missing".into()]
        ),
        "{found:?}"
    );
    assert_eq!(code(&stage, &found[0]).as_deref(), Some("VM_PROCESS_GONE"));
    drop(held);
}
