//! `/maru/v1/reach`: the walk-through's silent pings, explained and mended by the requests that the answers themselves tell.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};

use crate::cloud::{Client, TestCloud};
use crate::compute::{Means, wait_for};
use crate::network::{V2, by_name, make, start};

pub const REACH: &str = "/maru/v1/reach";

/// A server of `demo` on a network of its own, as the walk-through has it before the first ping.
pub async fn story() -> (TestCloud, Client, String) {
    let cloud = start().await;
    let demo = cloud.demo().await;
    let means = Means::make(&demo).await;
    let server = means.boot(&demo, "vm1").await;
    (cloud, demo, server)
}

pub async fn ask(client: &Client, query: &str) -> Value {
    client.get(&format!("{REACH}?{query}")).await.expect(200)["reach"].take()
}

pub fn codes(answer: &Value) -> Vec<&str> {
    let blockers = answer["blockers"].as_array().unwrap();
    blockers
        .iter()
        .map(|blocker| blocker["code"].as_str().unwrap())
        .collect()
}

/// Sends the requests of every fix that is needed, as a button does.
pub async fn mend(client: &Client, answer: &Value) {
    for blocker in answer["blockers"].as_array().unwrap() {
        assert_eq!(blocker["fix"]["needed"], true, "{blocker}");
        let mut router = String::new();
        for request in blocker["fix"]["requests"].as_array().unwrap() {
            let path = request["path"].as_str().unwrap().replace("{router_id}", &router);
            let body = request["body"].clone();
            let answer = match request["method"].as_str().unwrap() {
                "POST" => client.post(&path, body).await,
                _ => client.put(&path, body).await,
            };
            assert!(answer.status < 300, "{request} gave {answer:?}");
            router = answer.json["router"]["id"].as_str().unwrap_or_default().to_owned();
        }
    }
}

#[tokio::test]
async fn silent_pings_are_explained_and_the_fixes_that_are_told_open_the_way() {
    let (_cloud, demo, server) = story().await;
    // From the host there is no way to the address inside.
    let answer = ask(&demo, "to=vm1&from=host&which=fixed").await;
    assert_eq!(
        (codes(&answer).as_slice(), &answer["opens"]),
        (&["FIXED_IP_FROM_OUTSIDE"][..], &json!(false))
    );
    // Everything that a stranger's ping needs, at once and in order.
    let answer = ask(&demo, "to=vm1").await;
    assert_eq!(
        codes(&answer),
        ["ROUTER_NO_INTERFACE_ON_SUBNET", "FIP_MISSING", "SG_NO_INGRESS_RULE"]
    );
    assert_eq!(
        (&answer["verdict"], &answer["opens"]),
        (&json!("blocked"), &json!(true))
    );
    for blocker in answer["blockers"].as_array().unwrap() {
        for lang in ["en", "ko"] {
            assert!(!blocker["message"][lang].as_str().unwrap().is_empty());
            assert!(!blocker["fix"]["message"][lang].as_str().unwrap().is_empty());
        }
        assert_eq!(blocker["owner"], "you");
        assert!(
            blocker["fix"]["commands"][0]
                .as_str()
                .unwrap()
                .starts_with("openstack ")
        );
    }
    mend(&demo, &answer).await;
    let answer = ask(&demo, "to=vm1").await;
    assert_eq!(
        (&answer["verdict"], &answer["blockers"]),
        (&json!("reachable"), &json!([])),
        "{answer:#}"
    );
    let hops = answer["request"].as_array().unwrap();
    let translated = hops.iter().find(|hop| !hop["becomes"].is_null()).unwrap();
    assert_eq!(
        translated["becomes"]["destination"],
        hops.last().unwrap()["packet"]["destination"]
    );
    // SSH is another matter; by its id as by its name.
    let answer = ask(&demo, &format!("to={server}&protocol=tcp&port=22")).await;
    assert_eq!(answer["verdict"], "blocked");
    mend(&demo, &answer).await;
    assert_eq!(ask(&demo, "to=vm1&protocol=tcp&port=22").await["verdict"], "reachable");
    // The tutorial's matrix says the same.
    let matrix = demo.get(&format!("{REACH}/servers/{server}")).await.expect(200);
    let cell = |row: usize, trial: &str| matrix["server"]["matrix"][row]["trials"][trial]["verdict"].clone();
    let places: Vec<&Value> = (0..4).map(|row| &matrix["server"]["matrix"][row]["from"]).collect();
    assert_eq!(places, ["outside", "host", "router", "network"]);
    assert_eq!(
        (cell(0, "ping_fixed"), cell(0, "ping_floating")),
        (json!("blocked"), json!("reachable"))
    );
    assert_eq!(
        (cell(0, "ssh"), cell(2, "ping_fixed")),
        (json!("reachable"), json!("reachable"))
    );
}

#[tokio::test]
async fn others_things_are_not_named_and_nonsense_is_refused() {
    let (cloud, demo, server) = story().await;
    let other = cloud.project("other").await;
    for path in [
        format!("{REACH}?to={server}"),
        format!("{REACH}?to=vm1"),
        format!("{REACH}?to=port:{server}"),
        format!("{REACH}?to=server:nobody"),
        format!("{REACH}/servers/{server}"),
        format!("{REACH}?to=192.0.2.1&from=server:vm1"),
    ] {
        other.get(&path).await.expect(404);
    }
    // Somebody else's port stops the packet: what it is, and nothing of whose.
    let port = demo.get(&format!("{V2}/ports?device_id={server}")).await.expect(200)["ports"][0].take();
    let address = port["fixed_ips"][0]["ip_address"].as_str().unwrap();
    let mine = ask(
        &demo,
        &format!("to={address}&from=network:{}", port["network_id"].as_str().unwrap()),
    )
    .await;
    assert!(mine.to_string().contains("vm1"), "{mine:#}");
    let public = by_name(&other, "networks", "public").await;
    let hidden = ask(
        &other,
        &format!("to={address}&from=network:{}", public["id"].as_str().unwrap()),
    )
    .await;
    assert!(!hidden.to_string().contains("vm1"), "{hidden:#}");
    for query in [
        "",
        "to=vm1&colour=red",
        "to=vm1&from=mars",
        "to=vm1&from=outside:here",
        "to=vm1&protocol=tcp",
        "to=vm1&protocol=carrier-pigeon",
        "to=vm1&port=22",
        "to=vm1&protocol=tcp&port=0",
        "to=vm1&protocol=tcp&port=65536",
        "to=vm1&which=both",
        "to=vm1&ip_version=5",
        "to=192.0.2.1&from=router",
        "to=192.0.2.1&from=network",
    ] {
        demo.get(&format!("{REACH}?{query}")).await.expect(400);
    }
    // Two of one name.
    let means = Means::make(&demo).await;
    means.boot(&demo, "twin").await;
    means.boot(&demo, "twin").await;
    demo.get(&format!("{REACH}?to=twin")).await.expect(409);
}

#[tokio::test]
async fn a_server_that_is_off_is_said_to_be() {
    let (_cloud, demo, server) = story().await;
    mend(&demo, &ask(&demo, "to=vm1").await).await;
    let path = format!("/compute/v2.1/servers/{server}/action");
    demo.post(&path, json!({"os-stop": null})).await.expect(202);
    wait_for(&demo, &server, "SHUTOFF").await;
    let answer = ask(&demo, "to=vm1").await;
    assert_eq!(codes(&answer), ["VM_NOT_RUNNING"]);
    mend(&demo, &answer).await;
    wait_for(&demo, &server, "ACTIVE").await;
    assert_eq!(ask(&demo, "to=vm1").await["verdict"], "reachable");
    let network = make(&demo, "networks", "network", json!({"name": "empty"})).await;
    let port = make(&demo, "ports", "port", json!({"network_id": network["id"]})).await;
    let answer = ask(&demo, &format!("to=port:{}", port["id"].as_str().unwrap())).await;
    assert_eq!(codes(&answer)[0], "PORT_WITHOUT_ADDRESS");
}

/// Who has seen the cloud in a new state never gets an answer about the one before.
#[tokio::test]
async fn an_answer_is_of_what_was_seen_before_it() {
    const CHANGES: usize = 400;
    let cloud = start().await;
    let demo = cloud.demo().await;
    let network = by_name(&demo, "networks", "private").await;
    let network = network["id"].as_str().unwrap();
    let id = network.parse().unwrap();
    let is_over = Arc::new(AtomicBool::new(false));
    // A thread of its own sees a change in the moment in which there is something to see.
    let looker = std::thread::spawn({
        let (control, is_over) = (cloud.control.clone(), is_over.clone());
        let runtime = tokio::runtime::Handle::current();
        let described = move |cloud: &model::Cloud| cloud.networks.get(&id).unwrap().standard.description.clone();
        move || {
            let (mut seen, mut stale) = (String::new(), 0);
            while !is_over.load(Ordering::Relaxed) {
                let now = described(&control.cloud());
                if now != seen {
                    let planned = runtime.block_on(control.planned()).unwrap();
                    stale += usize::from(described(&planned.cloud) == seen);
                    seen = now;
                }
            }
            stale
        }
    });
    for index in 0..CHANGES {
        let body = json!({"network": {"description": format!("{index}")}});
        demo.put(&format!("{V2}/networks/{network}"), body).await.expect(200);
    }
    is_over.store(true, Ordering::Relaxed);
    let stale = tokio::task::spawn_blocking(|| looker.join()).await.unwrap().unwrap();
    assert_eq!(stale, 0, "of {CHANGES} changes, planned for the state before");
}
