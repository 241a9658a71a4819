//! Reach with the host's own word: a look, a probe, and who is told what of it.

use std::net::Ipv4Addr;
use std::time::Duration;

use model::host::HostConfig;
use model::reach::{
    ConsoleSign, Device, DeviceRole, HostObject, HostPlace, Property, RuleOwner, SignKind, State, TableName,
};
use model::{FloatingIpId, NetworkId, PortId, RouterId, ServerId};
use node_sim::Guest;
use serde_json::{Value, json};

use crate::cloud::{Client, TestCloud};
use crate::compute::{Means, wait_for};
use crate::network::start;
use crate::reach::{REACH, ask, codes, mend, story};

/// The walk-through's server with everything that a ping and SSH from outside need.
struct Open {
    cloud: TestCloud,
    demo: Client,
    admin: Client,
    server: ServerId,
    port: PortId,
    network: NetworkId,
    router: RouterId,
    floating: FloatingIpId,
    address: Ipv4Addr,
}

impl Open {
    async fn new() -> Self {
        let (cloud, demo, server) = story().await;
        mend(&demo, &ask(&demo, "to=vm1").await).await;
        mend(&demo, &ask(&demo, "to=vm1&protocol=tcp&port=22").await).await;
        let admin = cloud.admin().await;
        // What the host was told last has all of it.
        assert_eq!(ask(&demo, "to=vm1&look=true").await["verdict"], "reachable");
        let config = cloud.node.wanted();
        let server: ServerId = server.parse().unwrap();
        let (network, port) = nic(&config, server);
        let (router, row) = config.routers.iter().next().unwrap();
        let floating = &row.floating_ips[0];
        Self {
            server,
            port,
            network,
            router: *router,
            floating: floating.id,
            address: floating.floating,
            cloud,
            demo,
            admin,
        }
    }

    fn tap(&self) -> Device {
        Device {
            place: HostPlace::Network(self.network),
            name: "tap-secret".into(),
            role: DeviceRole::Port(self.port),
        }
    }

    async fn probe(&self, body: Value) -> Value {
        let path = format!("{REACH}/probes");
        let send = || self.demo.post(&path, json!({"probe": body}));
        let mut answer = send().await;
        // One project's share of probes grows again.
        for _ in 0..20 {
            if answer.status != 429 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
            answer = send().await;
        }
        answer.expect(200)["reach"].take()
    }
}

fn nic(config: &HostConfig, server: ServerId) -> (NetworkId, PortId) {
    let nic = &config.servers[&server].nics[0];
    (nic.network_id, nic.port_id)
}

#[tokio::test]
async fn a_look_finds_what_is_missing_and_tells_each_what_they_may_know() {
    let open = Open::new().await;
    let untouched = ask(&open.demo, "to=vm1&look=true").await;
    assert_eq!(
        (&untouched["blockers"], &untouched["differences"]),
        (&json!([]), &json!([]))
    );
    let hop = &untouched["request"].as_array().unwrap().last().unwrap();
    assert_eq!(
        (&hop["declared"], &hop["programmed"]),
        (&json!("passed"), &json!("unknown")),
        "the guest's own"
    );
    assert!(
        untouched["request"]
            .as_array()
            .unwrap()
            .iter()
            .any(|hop| hop["programmed"] == "agrees")
    );

    let table = TableName {
        place: HostPlace::Router(open.router),
        family: "ip".into(),
        name: "dpr".into(),
    };
    let element = HostObject::Element {
        table,
        set: "fip".into(),
        key: open.address.to_string(),
        owner: RuleOwner::FloatingIp(open.floating),
    };
    open.cloud.node.break_thing(element, State::Missing);
    open.cloud
        .node
        .break_thing(HostObject::Device(open.tap()), State::Missing);
    // Without a look nothing is known of that.
    assert_eq!(ask(&open.demo, "to=vm1").await["verdict"], "reachable");
    let answer = ask(&open.demo, "to=vm1&look=true").await;
    assert_eq!(codes(&answer), ["DNAT_RULE_MISSING", "TAP_MISSING"]);
    assert_eq!(
        (&answer["verdict"], &answer["opens"]),
        (&json!("blocked"), &json!(false))
    );
    for blocker in answer["blockers"].as_array().unwrap() {
        assert_eq!(
            (&blocker["owner"], &blocker["source"]),
            (&json!("operator"), &json!("programmed"))
        );
        assert_eq!(blocker["fix"]["commands"], json!([]), "the operator's business");
        let hops = answer[blocker["way"].as_str().unwrap()].as_array().unwrap();
        let hop = &hops[usize::try_from(blocker["hop"].as_u64().unwrap()).unwrap()];
        assert_eq!(hop["programmed"], "differs");
        for lang in ["en", "ko"] {
            assert!(!blocker["message"][lang].as_str().unwrap().is_empty());
        }
    }
    assert!(!answer.to_string().contains("tap-secret"), "{answer:#}");
    assert_eq!(answer["host"]["findings"], Value::Null);

    let full = ask(&open.admin, "to=vm1&look=true").await;
    assert_eq!(codes(&full), ["DNAT_RULE_MISSING", "TAP_MISSING"]);
    let evidence = full["blockers"][1]["evidence"][0].as_str().unwrap();
    assert!(
        evidence.contains("tap-secret") && evidence.contains("missing"),
        "{evidence}"
    );
    assert_eq!(full["host"]["findings"].as_array().unwrap().len(), 2);
    assert!(!full["blockers"][1]["fix"]["commands"].as_array().unwrap().is_empty());
    open.cloud.node.repair();
    assert_eq!(ask(&open.demo, "to=vm1&look=true").await["verdict"], "reachable");
}

#[tokio::test]
async fn what_is_beside_the_way_or_may_be_in_it_is_told_apart() {
    let open = Open::new().await;
    let mtu = HostObject::Property {
        device: open.tap(),
        property: Property::Mtu,
    };
    let smaller = State::Different {
        want: "1450".into(),
        have: "1300".into(),
    };
    open.cloud.node.break_thing(mtu, smaller);
    let answer = ask(&open.demo, "to=vm1&look=true").await;
    assert_eq!(
        (codes(&answer), &answer["verdict"]),
        (vec!["MTU_TOO_SMALL"], &json!("uncertain"))
    );
    assert_eq!(answer["blockers"][0]["certain"], false);
    // A packet that passes settles it.
    let probed = open.probe(json!({"to": "vm1"})).await;
    assert_eq!(
        (&probed["verdict"], &probed["probe"]["verdict"]),
        (&json!("reachable"), &json!("answered"))
    );
    open.cloud.node.repair();
    // Another network's namespace is on nobody's way.
    let stranger = HostObject::Namespace(HostPlace::Network(NetworkId(uuid::Uuid::from_u128(7))));
    open.cloud.node.break_thing(stranger, State::Missing);
    assert_eq!(ask(&open.demo, "to=vm1&look=true").await["verdict"], "reachable");
    open.cloud.node.set_forwarding(false, true);
    let answer = ask(&open.demo, "to=vm1").await;
    assert_eq!(codes(&answer), ["HOST_FORWARD_OFF"]);
    assert_eq!(answer["blockers"][0]["owner"], "operator");
    // From the host itself nothing is forwarded.
    assert_eq!(ask(&open.demo, "to=vm1&from=host").await["verdict"], "reachable");
}

#[tokio::test]
async fn a_guest_says_what_it_is_about() {
    let open = Open::new().await;
    let (server, node) = (open.server, &open.cloud.node);
    let print = |kind, line: &str| {
        let sign = ConsoleSign {
            kind,
            line: line.into(),
        };
        node.see(|seen| seen.consoles.entry(server).or_default().push(sign));
    };
    print(SignKind::KernelStarted, "Linux version 6.1");
    let answer = ask(&open.demo, "to=vm1&look=true").await;
    assert_eq!(
        (codes(&answer), &answer["verdict"]),
        (vec!["GUEST_STILL_BOOTING"], &json!("uncertain"))
    );
    assert_eq!(answer["blockers"][0]["owner"], "you");
    // What its own guest printed, its owner may read.
    assert_eq!(answer["blockers"][0]["evidence"], json!(["console: Linux version 6.1"]));
    assert_eq!(answer["host"]["guests"][0]["server_id"], server.to_string());
    print(SignKind::DhcpFailed, "udhcpc: no lease, failing");
    print(SignKind::NoAuthorizedKey, "no authorized ssh keys");
    assert_eq!(codes(&ask(&open.demo, "to=vm1&look=true").await), ["DHCP_NO_LEASE"]);
    let ssh = ask(&open.demo, "to=vm1&protocol=tcp&port=22&look=true").await;
    assert_eq!(codes(&ssh), ["DHCP_NO_LEASE", "KEY_NOT_DELIVERED"]);
    print(SignKind::KernelPanic, "Kernel panic - not syncing");
    let answer = ask(&open.demo, "to=vm1&look=true").await;
    assert_eq!(
        (codes(&answer)[0], &answer["verdict"]),
        ("KERNEL_PANIC", &json!("blocked"))
    );
}

#[tokio::test]
async fn a_probe_tells_guests_apart() {
    let open = Open::new().await;
    let ssh = || json!({"to": "vm1", "protocol": "tcp", "port": 22});
    let answer = open.probe(ssh()).await;
    assert_eq!(
        (&answer["probe"]["verdict"], &answer["verdict"]),
        (&json!("answered"), &json!("reachable"))
    );
    assert_eq!(answer["probe"]["from"]["kind"], "host");
    assert_eq!(answer["probe"]["trace"], Value::Null);
    assert!(answer["probe"]["message"]["ko"].as_str().unwrap().contains("응답"));
    let hops = answer["request"].as_array().unwrap();
    assert!(hops.iter().all(|hop| hop["observed"] == "agrees"), "{answer:#}");
    for (guest, verdict, code, owner) in [
        (Guest::ListensNowhere, "refused", "PORT_CLOSED", "you"),
        (Guest::DropsAll, "silent_after_delivery", "GUEST_FIREWALL", "you"),
        (Guest::IsDeaf, "no_neighbour", "ARP_UNANSWERED", "you"),
    ] {
        open.cloud.node.set_guest(open.server, guest);
        let answer = open.probe(ssh()).await;
        let last = answer["blockers"].as_array().unwrap().last().unwrap().clone();
        assert_eq!(
            (&answer["probe"]["verdict"], &last["code"]),
            (&json!(verdict), &json!(code))
        );
        assert_eq!((&last["owner"], &last["source"]), (&json!(owner), &json!("probed")));
        assert_eq!(answer["verdict"], "blocked");
        assert_eq!(answer["probe"]["message"], last["message"]);
    }
    open.cloud.node.set_guest(open.server, Guest::Answers);
    open.cloud
        .node
        .break_thing(HostObject::Device(open.tap()), State::Missing);
    let answer = open.probe(ssh()).await;
    assert_eq!(
        (codes(&answer), &answer["probe"]["verdict"]),
        (vec!["TAP_MISSING", "LOST_ON_HOST"], &json!("lost"))
    );
    open.cloud.node.repair();
    let gone = HostObject::Namespace(HostPlace::Router(open.router));
    open.cloud.node.break_thing(gone, State::Missing);
    let answer = open
        .probe(json!({"to": "vm1", "from": "router", "which": "fixed"}))
        .await;
    assert!(codes(&answer).contains(&"NS_MISSING"), "{answer:#}");
    // What is declared to be in the way is in the probe's, too.
    open.cloud.node.repair();
    let answer = open.probe(json!({"to": "vm1", "protocol": "udp", "port": 5000})).await;
    assert_eq!(
        (codes(&answer)[0], &answer["probe"]["verdict"]),
        ("LOST_ON_HOST", &json!("lost"))
    );
    assert!(codes(&answer).contains(&"SG_WRONG_PROTOCOL") || codes(&answer).contains(&"SG_NO_INGRESS_RULE"));
}

#[tokio::test]
async fn probes_are_for_owners_and_not_too_many() {
    let open = Open::new().await;
    let path = format!("{REACH}/probes");
    let body = |to: &str| json!({"probe": {"to": to}});
    let reader = open.cloud.project_with_role("looker", "reader").await;
    reader.post(&path, body("vm1")).await.expect(403);
    let other = open.cloud.project("other").await;
    other.post(&path, body("vm1")).await.expect(404);
    let fixed = open.cloud.node.wanted().networks[&open.network].ports[&open.port].fixed_ips[0]
        .address
        .addr();
    for to in [
        open.address.to_string(),
        fixed.to_string(),
        "172.24.4.1".into(),
        "198.51.100.7".into(),
    ] {
        let answer = other.post(&path, body(&to)).await;
        assert!(matches!(answer.status, 403 | 404), "{to}: {answer:?}");
    }
    open.admin.post(&path, body(&open.server.to_string())).await.expect(200);
    for body in [
        json!({}),
        json!({"probe": {}}),
        json!({"probe": {"to": "vm1", "colour": "red"}}),
        json!({"probe": {"to": "vm1", "protocol": "47"}}),
        json!({"probe": {"to": "vm1", "protocol": "tcp"}}),
        json!({"probe": {"to": ["vm1"]}}),
        json!({"probe": {"to": "vm1", "look": "true"}}),
    ] {
        open.demo.post(&path, body).await.expect(400);
    }
    open.demo.post(&path, body("nobody")).await.expect(404);
    open.demo.get(&format!("{REACH}?to=vm1&look=perhaps")).await.expect(400);
    open.cloud.node.tire_prober(Some(Duration::from_millis(1200)));
    let answer = open.demo.post(&path, body("vm1")).await;
    assert_eq!(answer.headers["retry-after"], "2");
    assert_eq!(answer.expect(429)["error"]["type"], "TooManyRequests");
    // Something that has to be there first is not.
    open.cloud.node.tire_prober(None);
    let means = Means::make(&open.demo).await;
    let bare = means.boot(&open.demo, "bare").await;
    wait_for(&open.demo, &bare, "ACTIVE").await;
    open.demo.post(&path, body("bare")).await.expect(409);
}

#[tokio::test]
async fn the_drift_of_the_whole_host_is_for_the_operator() {
    let open = Open::new().await;
    open.demo.get("/maru/v1/drift").await.expect(403);
    let drift = open.admin.get("/maru/v1/drift").await.expect(200)["drift"].take();
    assert_eq!((&drift["causes"], &drift["unreadable"]), (&json!([]), &json!([])));
    let place = HostPlace::Router(open.router);
    let setting = HostObject::Setting {
        place,
        key: "net/ipv4/ip_forward".into(),
    };
    let off = State::Different {
        want: "1".into(),
        have: "0".into(),
    };
    open.cloud.node.break_thing(setting, off);
    open.cloud
        .node
        .break_thing(HostObject::FlowTable(place), State::Unreadable("no".into()));
    let drift = open.admin.get("/maru/v1/drift").await.expect(200)["drift"].take();
    let causes = drift["causes"].as_array().unwrap();
    assert_eq!((causes.len(), &causes[0]["code"]), (1, &json!("NS_FORWARD_OFF")));
    let command = format!("ip netns exec qrouter-{} sysctl -w net/ipv4/ip_forward=1", open.router);
    assert_eq!(causes[0]["fix"]["commands"], json!([command]));
    assert_eq!(causes[0]["objects"][0]["kind"], "router");
    assert_eq!(drift["unreadable"].as_array().unwrap().len(), 1);
}

/// What is declared to be in the way is told as such beside what was looked at.
#[tokio::test]
async fn what_is_declared_is_told_as_such() {
    let cloud = start().await;
    let demo = cloud.demo().await;
    let means = Means::make(&demo).await;
    means.boot(&demo, "vm1").await;
    let answer = ask(&demo, "to=vm1&look=true").await;
    assert_eq!(answer["verdict"], "blocked");
    assert_eq!(answer["blockers"][0]["source"], "declared");
}
