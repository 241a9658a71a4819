//! What stands in the way of a question's packets on a real host is told at the step where they meet it, and the commands that
//! are told mend it.

use model::Cloud as Rows;
use model::reach::look::{Effect, Evidence, HostBlocker, Looked, Mender, Seen, asked, fix, look};
use model::reach::{Answer, Assumptions, Flow, Inspection, Observed, Protocol, Start, walk};
use model::{Actor, Scope};
use node::network::names::{network_namespace, router_namespace};
use node::reach::observed::Observer;

use crate::stage::{FLOATING, In, Stage};

/// SSH from the host to a server's floating IP.
fn answer(stage: &Stage) -> Answer {
    let flow = Flow {
        start: Start::Host,
        destination: FLOATING.parse().unwrap(),
        protocol: Protocol::Tcp(22),
    };
    Answer {
        revision: stage.cloud.config.revision,
        flow: Some(flow),
        walk: Some(walk(&stage.cloud.config, &flow, &Assumptions::default())),
        blockers: Vec::new(),
        opens: false,
    }
}

fn looked(stage: &Stage) -> Looked {
    let answer = answer(stage);
    assert!(answer.is_reachable(), "{answer:#?}");
    let asked = asked(&stage.cloud.config, &answer).unwrap();
    let inspection = Inspection {
        revision: stage.cloud.config.revision,
        findings: stage.inspect(&asked.scope).into_iter().collect(),
    };
    let observed: Observed = Observer::new(stage.cloud.host.clone(), None, None).observe(&stage.cloud.config, &asked);
    let seen = Seen {
        inspection: Some(&inspection),
        observed: Some(&observed),
        probe: None,
    };
    look(&Rows::default(), &stage.cloud.config, &answer, &seen)
}

fn operator() -> Actor {
    Actor {
        user_id: "operator".into(),
        user_domain_id: "default".into(),
        scope: Scope::System,
        roles: ["admin".to_owned()].into(),
    }
}

/// Does what is told to do, as a person with a shell.
fn follow(stage: &Stage, blocker: &HostBlocker) {
    let by_look: Vec<Evidence> = blocker.evidence.clone();
    let told = (blocker.code, blocker.object);
    let mender = Mender {
        cloud: &Rows::default(),
        config: &stage.cloud.config,
        actor: &operator(),
        host_netns: None,
    };
    let mend = fix(&mender, told, &by_look);
    assert!(!mend.commands.is_empty());
    for command in mend.commands {
        assert!(!command.starts_with("maru "), "nothing of its own for {blocker:#?}");
        let (place, bare) = match command
            .strip_prefix("ip netns exec ")
            .and_then(|rest| rest.split_once(' '))
        {
            None => (In::Host, command.as_str()),
            Some((name, rest)) if name == router_namespace(stage.router) => (In::Router, rest),
            Some((name, rest)) => {
                assert_eq!(name, network_namespace(stage.networks[0]));
                (In::One, rest)
            }
        };
        stage.hand(place, &bare.replace("sysctl -w ", "sysctl "));
    }
}

#[test]
fn each_is_told_where_it_is_met_and_mends_as_told() {
    let stage = Stage::new();
    let (qr, qg, tap) = (stage.qr(), stage.qg(), stage.tap(stage.a.port));
    let (mac, tap_open, tap_qg) = (stage.a.mac, stage.tap(stage.open.port), stage.tap(stage.gateway_port()));
    let stops = |place: In, command: String, code| (place, command, code, Effect::Stops);
    let may_stop = |place: In, command: String, code| (place, command, code, Effect::MayStop);
    let all = [
        stops(In::One, format!("ip link set {tap} down"), "DEVICE_DOWN"),
        stops(In::One, format!("ip link set {tap} nomaster"), "DEVICE_UNPLUGGED"),
        stops(
            In::One,
            format!("bridge fdb replace {mac} dev {tap_open} master static sticky"),
            "BRIDGE_FDB_WRONG",
        ),
        stops(In::Host, format!("ip link set {tap_qg} nomaster"), "DEVICE_UNPLUGGED"),
        stops(
            In::Host,
            "ip addr del 172.24.4.1/24 dev br-ex".into(),
            "BR_EX_NO_ADDRESS",
        ),
        stops(
            In::Host,
            format!("ip route add blackhole {FLOATING}/32"),
            "ROUTE_BLACKHOLE",
        ),
        stops(
            In::Router,
            "ip route add prohibit 10.1.0.10/32".into(),
            "ROUTE_BLACKHOLE",
        ),
        stops(In::Router, "sysctl net/ipv4/ip_forward=0".into(), "NS_FORWARD_OFF"),
        stops(
            In::Router,
            format!("ip addr del {FLOATING}/32 dev {qg}"),
            "FIP_ADDRESS_MISSING",
        ),
        stops(
            In::Router,
            format!("ip neigh replace 10.1.0.10 lladdr 02:00:00:00:00:06 dev {qr} nud permanent"),
            "NEIGHBOUR_WRONG",
        ),
        may_stop(In::One, format!("ip link set {tap} mtu 1300"), "MTU_TOO_SMALL"),
        may_stop(
            In::One,
            format!("bridge link set dev {tap} flood off"),
            "BRIDGE_PORT_BLOCKED",
        ),
        may_stop(In::Router, format!("tc qdisc add dev {qg} root htb"), "FOREIGN_QUEUE"),
        may_stop(
            In::Router,
            "sysctl net/ipv4/conf/all/rp_filter=1".into(),
            "RPFILTER_DROP",
        ),
        may_stop(
            In::Router,
            "ip rule add from 10.1.0.10 lookup 100 priority 500".into(),
            "ROUTE_ASTRAY",
        ),
        may_stop(
            In::Router,
            "nft table inet evil { chain stop { type filter hook forward priority 5; policy drop; }; }".into(),
            "HOST_FIREWALL",
        ),
    ];
    assert_eq!(
        (looked(&stage).blockers, looked(&stage).beside),
        (Vec::new(), Vec::new())
    );
    for (place, command, code, effect) in all {
        stage.hand(place, &command);
        let found = looked(&stage);
        let blocker = found.blockers.iter().find(|blocker| blocker.code.as_str() == code);
        let blocker = blocker.unwrap_or_else(|| panic!("{command}: no {code} in {:#?}", found.blockers));
        assert_eq!(blocker.effect, effect, "{command}");
        found.blockers.iter().for_each(|blocker| follow(&stage, blocker));
        let left: Vec<HostBlocker> = looked(&stage).blockers;
        // A bridge has the least MTU of its ports' until somebody sets its own.
        assert!(left.is_empty(), "{command}: not mended: {left:#?}");
    }
}

#[test]
fn what_is_elsewhere_is_not_told() {
    let stage = Stage::new();
    let (b, two) = (stage.tap(stage.b.port), stage.tap(stage.stateless.port));
    stage.hand(In::One, &format!("ip link set {b} down"));
    stage.hand(In::Two, &format!("ip link set {two} down"));
    stage.hand(In::Router, &format!("ip addr del fd00:1::1/64 dev {}", stage.qr()));
    stage.hand(
        In::Host,
        "nft table ip mine { chain fw { type filter hook forward priority 0; policy drop; }; }",
    );
    let found = looked(&stage);
    assert_eq!(found.blockers, Vec::new());
    // The leg has one address less, of the other IP version: not as declared, and not in the way.
    assert_eq!(found.beside.len(), 1, "{:#?}", found.beside);
}
