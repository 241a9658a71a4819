//! Watched paths: what closed them is told, with who did it and how, to whom it concerns.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::cloud::{Client, TestCloud};
use crate::compute::{Means, act, wait_for};
use crate::network::{V2, by_name, start};

const WATCHES: &str = "/maru/v1/reach/watches";

/// A server of `demo` that can be reached from outside by ping, not by SSH.
async fn story() -> (TestCloud, Client, String) {
    let cloud = start().await;
    let demo = cloud.demo().await;
    let means = Means::make(&demo).await;
    let server = means.boot(&demo, "vm1").await;
    let answer = demo.get("/maru/v1/reach?to=vm1").await.expect(200);
    let mut router = String::new();
    for blocker in answer["reach"]["blockers"].as_array().unwrap() {
        let requests = blocker["fix"]["requests"].as_array();
        for request in requests.unwrap_or_else(|| panic!("nothing mends {blocker:#}")) {
            let path = request["path"].as_str().unwrap().replace("{router_id}", &router);
            let method = request["method"].as_str().unwrap().parse().unwrap();
            let answer = demo.send_json(method, &path, request["body"].clone()).await;
            assert!(answer.status < 300, "{answer:?}");
            router = answer.json["router"]["id"].as_str().unwrap_or_default().to_owned();
        }
    }
    (cloud, demo, server)
}

async fn pin(client: &Client, body: Value) -> Value {
    client.post(WATCHES, json!({"watch": body})).await.expect(201)["watch"].take()
}

async fn ping(client: &Client) -> Value {
    let watch = pin(client, json!({"to": "vm1", "name": "ping"})).await;
    assert_eq!((&watch["verdict"], &watch["causes"]), (&json!("reachable"), &json!([])));
    watch
}

/// The path's transitions behind one, waited for.
async fn behind(client: &Client, watch: &str, after: u64) -> Vec<Value> {
    let path = format!("{WATCHES}/{watch}?after={after}&wait=30");
    let mut answer = client.get(&path).await.expect(200);
    let found: Vec<Value> = std::mem::take(answer["transitions"].as_array_mut().unwrap());
    assert!(!found.is_empty(), "nothing came: {answer:#}");
    found
}

/// The rule that lets pings in.
async fn ping_rule(client: &Client) -> Value {
    let mut rules = client
        .get(&format!("{V2}/security-group-rules?protocol=icmp"))
        .await
        .expect(200);
    let rules = rules["security_group_rules"].as_array_mut().unwrap();
    assert_eq!(rules.len(), 1, "{rules:?}");
    rules.remove(0)
}

async fn remove(client: &Client, rule: &Value) -> String {
    let path = format!("{V2}/security-group-rules/{}", rule["id"].as_str().unwrap());
    let answer = client.delete(&path).await;
    assert_eq!(answer.status, 204, "{answer:?}");
    answer.headers["x-openstack-request-id"].to_str().unwrap().to_owned()
}

async fn make_again(client: &Client, rule: &Value) -> Value {
    let body = json!({"security_group_rule": {
        "security_group_id": rule["security_group_id"], "direction": "ingress", "protocol": "icmp",
    }});
    client
        .post(&format!("{V2}/security-group-rules"), body)
        .await
        .expect(201)["security_group_rule"]
        .take()
}

/// Another user of project `demo`.
async fn colleague(cloud: &TestCloud) -> Client {
    let admin = cloud.admin().await;
    let demo = cloud.demo().await;
    let user = json!({"user": {"name": "bob", "password": crate::cloud::PASSWORD, "domain_id": "default"}});
    let user = admin.post("/identity/v3/users", user).await.expect(201)["user"].take();
    let roles = admin.get("/identity/v3/roles?name=member").await.expect(200);
    let path = format!(
        "/identity/v3/projects/{}/users/{}/roles/{}",
        demo.project_id,
        user["id"].as_str().unwrap(),
        roles["roles"][0]["id"].as_str().unwrap()
    );
    let answer = admin.put(&path, Value::Null).await;
    assert_eq!(answer.status, 204, "{answer:?}");
    cloud.user("bob", "demo").await
}

#[tokio::test]
async fn who_removed_the_rule_is_named_with_the_request_and_what_it_was() {
    let (cloud, demo, _) = story().await;
    let watch = ping(&demo).await;
    let bob = colleague(&cloud).await;
    let rule = ping_rule(&demo).await;
    // Who waits hears of it at once.
    let (waiter, id) = (demo.clone(), watch["id"].as_str().unwrap().to_owned());
    let waiting = tokio::spawn(async move {
        let found = behind(&waiter, &id, 0).await;
        (found, Instant::now())
    });
    tokio::task::yield_now().await;
    let request_id = remove(&bob, &rule).await;
    let (found, _) = waiting.await.unwrap();
    let [shut] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!(
        (
            &shut["from"]["verdict"],
            &shut["to"]["verdict"],
            &shut["to"]["causes"][0]["code"]
        ),
        (&json!("reachable"), &json!("blocked"), &json!("SG_NO_INGRESS_RULE"))
    );
    assert_eq!((&shut["seq"], &shut["certainty"]), (&json!(1), &json!("exact")));
    let change = &shut["changes"][0];
    assert_eq!(
        (
            &change["who"]["kind"],
            &change["who"]["user_name"],
            &change["who"]["user_id"]
        ),
        (&json!("user"), &json!("bob"), &json!(bob.user_id))
    );
    assert_eq!(
        change["request"],
        json!({
            "id": request_id, "method": "DELETE",
            "path": format!("{V2}/security-group-rules/{}", rule["id"].as_str().unwrap()),
        })
    );
    assert_eq!(
        (
            &change["rows"][0]["action"],
            &change["rows"][0]["kind"],
            &change["rows"][0]["id"]
        ),
        (&json!("deleted"), &json!("security_group_rule"), &rule["id"])
    );
    let message = shut["message"]["en"].as_str().unwrap();
    assert!(
        message.starts_with("User “bob” deleted security group rule “ingress icmp from"),
        "{message}"
    );
    assert!(
        shut["message"]["ko"].as_str().unwrap().contains("‘bob’ 사용자가"),
        "{shut:#}"
    );

    // Made again, the way is open again: that, too, is somebody's doing.
    let rule = make_again(&demo, &rule).await;
    let opened = behind(&demo, "ping", 1).await.remove(0);
    assert_eq!(opened["to"]["verdict"], "reachable");
    assert_eq!(opened["changes"][0]["who"]["user_name"], "demo");
    assert_eq!(opened["changes"][0]["rows"][0]["id"], rule["id"]);
    assert_eq!(opened["from"], shut["to"]);
    let all = demo.get(&format!("{WATCHES}/ping")).await.expect(200);
    assert_eq!(all["transitions"].as_array().unwrap().len(), 2);
    assert_eq!(
        (&all["watch"]["verdict"], &all["watch"]["since"]),
        (&json!("reachable"), &opened["at"])
    );
    assert!(
        demo.get(&format!("{WATCHES}/ping?after=2")).await.expect(200)["transitions"]
            .as_array()
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn of_many_changes_at_once_the_right_one_is_named() {
    let (cloud, demo, _) = story().await;
    ping(&demo).await;
    let rule = ping_rule(&demo).await;
    let mut crowd = Vec::new();
    for number in 0..3 {
        crowd.push(cloud.project(&format!("other{number}")).await);
    }
    for round in 0..5 {
        let noise = |client: Client, number: usize| async move {
            let body = json!({"network": {"name": format!("n{round}-{number}")}});
            client.post(&format!("{V2}/networks"), body).await.expect(201);
        };
        let before = (0..6).map(|number| noise(crowd[number % 3].clone(), number));
        let after = (6..12).map(|number| noise(crowd[number % 3].clone(), number));
        let rule = match round {
            0 => rule.clone(),
            _ => ping_rule(&demo).await,
        };
        let (_, request_id, _) = tokio::join!(
            futures_util::future::join_all(before),
            remove(&demo, &rule),
            futures_util::future::join_all(after)
        );
        let seq = round * 2;
        let shut = behind(&demo, "ping", seq).await.remove(0);
        assert_eq!(
            (&shut["certainty"], &shut["changes"][0]["request"]["id"]),
            (&json!("exact"), &json!(request_id))
        );
        make_again(&demo, &rule).await;
        behind(&demo, "ping", seq + 1).await;
    }
}

#[tokio::test]
async fn a_server_that_stops_by_itself_is_the_hosts_report_and_one_that_goes_is_told() {
    let (cloud, demo, server) = story().await;
    ping(&demo).await;
    assert!(cloud.node.power_off_guest(server.parse().unwrap()));
    let found = behind(&demo, "ping", 0).await.remove(0);
    assert_eq!(found["to"]["causes"][0]["code"], "VM_NOT_RUNNING");
    let change = &found["changes"][0];
    assert_eq!(
        (&change["who"]["kind"], &change["request"]),
        (&json!("host"), &json!(null))
    );
    assert_eq!(
        (&change["rows"][0]["kind"], &change["rows"][0]["id"]),
        (&json!("server"), &json!(server))
    );
    assert!(
        found["message"]["en"]
            .as_str()
            .unwrap()
            .starts_with("The host reported a change of server “vm1”"),
        "{found:#}"
    );
    act(&demo, &server, json!({"os-start": null})).await;
    wait_for(&demo, &server, "ACTIVE").await;
    // Whatever it passes through while it starts: in the end it can be reached.
    let mut seq = 1;
    loop {
        let last = behind(&demo, "ping", seq).await.pop().unwrap();
        seq = last["seq"].as_u64().unwrap();
        if last["to"]["verdict"] == "reachable" {
            break;
        }
    }
    let answer = demo.delete(&format!("/compute/v2.1/servers/{server}")).await;
    assert_eq!(answer.status, 204);
    loop {
        let last = behind(&demo, "ping", seq).await.pop().unwrap();
        seq = last["seq"].as_u64().unwrap();
        if last["to"]["verdict"] == "target_gone" {
            assert_eq!(last["to"]["causes"][0]["code"], "TARGET_GONE");
            assert!(
                last["to"]["causes"][0]["message"]["en"]
                    .as_str()
                    .unwrap()
                    .contains("vm1"),
                "{last:#}"
            );
            break;
        }
    }
    // It stays until it is deleted.
    assert_eq!(
        demo.get(WATCHES).await.expect(200)["watches"][0]["verdict"],
        "target_gone"
    );
    assert_eq!(demo.delete(&format!("{WATCHES}/ping")).await.status, 204);
    demo.get(&format!("{WATCHES}/ping")).await.expect(404);
    assert_eq!(demo.get(WATCHES).await.expect(200), json!({"watches": []}));
}

#[tokio::test]
async fn others_see_nothing_and_learn_no_names() {
    let (cloud, demo, _) = story().await;
    let watch = ping(&demo).await;
    let id = watch["id"].as_str().unwrap();
    let other = cloud.project("other").await;
    let reader = cloud.project_with_role("looker", "reader").await;
    for client in [&other, &reader] {
        client.get(&format!("{WATCHES}/{id}")).await.expect(404);
        client.get(&format!("{WATCHES}/ping")).await.expect(404);
        assert_eq!(client.get(WATCHES).await.expect(200), json!({"watches": []}));
        client.get(&format!("{WATCHES}?all_projects=true")).await.expect(403);
    }
    other.delete(&format!("{WATCHES}/{id}")).await.expect(404);
    other.post(WATCHES, json!({"watch": {"to": "vm1"}})).await.expect(404);
    reader
        .post(WATCHES, json!({"watch": {"to": "192.0.2.1"}}))
        .await
        .expect(403);
    reader.delete(&format!("{WATCHES}/{id}")).await.expect(403);

    // An administrator from elsewhere is an administrator, to the project.
    let admin = cloud.admin().await;
    let network = by_name(&demo, "networks", "net1").await;
    let path = format!("{V2}/networks/{}", network["id"].as_str().unwrap());
    admin
        .put(&path, json!({"network": {"admin_state_up": false}}))
        .await
        .expect(200);
    let told = behind(&demo, "ping", 0).await.remove(0);
    assert_eq!(told["to"]["causes"][0]["code"], "NETWORK_ADMIN_DOWN");
    let change = &told["changes"][0];
    assert_eq!(
        (&change["who"]["kind"], &change["who"]["user_name"], &change["request"]),
        (&json!("administrator"), &json!(null), &json!(null))
    );
    assert!(
        !told.to_string().contains(&admin.user_id) && !told.to_string().contains("“admin”"),
        "{told:#}"
    );
    // To administrators it is who it is.
    let told = behind(&admin, id, 0).await.remove(0);
    assert_eq!(told["changes"][0]["who"]["user_name"], "admin");
    let all = admin.get(&format!("{WATCHES}?all_projects=true")).await.expect(200);
    assert_eq!(all["watches"][0]["id"], watch["id"]);
    assert_eq!(admin.get(WATCHES).await.expect(200), json!({"watches": []}));

    // With its project it goes.
    let answer = admin
        .delete(&format!("/identity/v3/projects/{}", demo.project_id))
        .await;
    assert_eq!(answer.status, 204, "{answer:?}");
    assert_eq!(
        admin.get(&format!("{WATCHES}?all_projects=true")).await.expect(200),
        json!({"watches": []})
    );
}

#[tokio::test]
async fn nonsense_is_refused_and_numbers_have_a_limit() {
    let (cloud, demo, server) = story().await;
    for body in [
        json!({}),
        json!({"watch": {}}),
        json!({"watch": {"to": "vm1", "colour": "red"}}),
        json!({"watch": {"to": "vm1", "from": "mars"}}),
        json!({"watch": {"to": "vm1", "protocol": "tcp"}}),
        json!({"watch": {"to": "vm1", "protocol": "tcp", "port": 0}}),
        json!({"watch": {"to": "vm1", "name": ""}}),
        json!({"watch": {"to": "vm1", "name": 5}}),
        json!({"watch": {"to": ["vm1"]}}),
        json!({"watch": {"to": "vm1"}, "more": 1}),
        json!({"watch": "vm1"}),
    ] {
        let answer = demo.post(WATCHES, body).await.expect(400);
        assert!(answer["error"]["message"].is_string(), "{answer}");
    }
    demo.post(WATCHES, json!({"watch": {"to": "nobody"}})).await.expect(404);
    let watch = pin(
        &demo,
        json!({"to": format!("server:{server}"), "protocol": "tcp", "port": 22, "from": "host"}),
    )
    .await;
    assert_eq!(
        (&watch["name"], &watch["verdict"]),
        (&json!("vm1 tcp/22 from the host"), &json!("blocked"))
    );
    assert_eq!(
        watch["question"],
        json!({"from": "host", "to": format!("server:{server}"), "protocol": "tcp", "port": 22, "which": "usual", "ip_version": null})
    );
    demo.post(WATCHES, json!({"watch": {"to": "vm1", "name": watch["name"]}}))
        .await
        .expect(409);
    let path = format!("{WATCHES}/{}", watch["id"].as_str().unwrap());
    for query in ["after=-1", "after=x", "wait=31", "wait=soon", "colour=red"] {
        demo.get(&format!("{path}?{query}")).await.expect(400);
    }
    demo.get(&format!("{WATCHES}?all_projects=perhaps")).await.expect(400);
    // A wait in which nothing happens ends with nothing; one at the end of the program ends at once.
    let began = Instant::now();
    let answer = demo.get(&format!("{path}?wait=1")).await.expect(200);
    assert!(answer["transitions"].as_array().unwrap().is_empty() && began.elapsed() >= Duration::from_secs(1));
    let (waiter, long) = (demo.clone(), format!("{path}?wait=30"));
    let waiting = tokio::spawn(async move { waiter.get(&long).await.expect(200) });
    tokio::task::yield_now().await;
    cloud.control.end_waits();
    let answer = tokio::time::timeout(Duration::from_secs(20), waiting)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(answer["transitions"], json!([]));
    for number in 1..100 {
        pin(&demo, json!({"to": "vm1", "name": format!("n{number}")})).await;
    }
    let refused = demo.post(WATCHES, json!({"watch": {"to": "vm1"}})).await.expect(403);
    assert!(
        refused["error"]["message"].as_str().unwrap().contains("100"),
        "{refused}"
    );
}

#[tokio::test]
async fn what_was_watched_is_watched_after_a_restart() {
    let (cloud, demo, _) = story().await;
    ping(&demo).await;
    let rule = ping_rule(&demo).await;
    remove(&demo, &rule).await;
    let shut = behind(&demo, "ping", 0).await.remove(0);
    let cloud = cloud.restart().await;
    let kept = demo.get(&format!("{WATCHES}/ping")).await.expect(200);
    assert_eq!(
        (&kept["transitions"][0], &kept["watch"]["verdict"]),
        (&shut, &json!("blocked"))
    );
    make_again(&demo, &rule).await;
    // The host starts anew as well, and so may the server: in the end it can be reached.
    let mut seq = 1;
    loop {
        let last = behind(&demo, "ping", seq).await.pop().unwrap();
        seq = last["seq"].as_u64().unwrap();
        if last["to"]["verdict"] == "reachable" {
            break;
        }
    }
    drop(cloud);
}

/// A receiver on loopback that fails at first; gives its URL and what it took.
async fn receiver(failures: usize) -> (String, Arc<Mutex<Vec<(String, Value)>>>) {
    use axum::http::{HeaderMap, StatusCode};
    let taken: Arc<Mutex<Vec<(String, Value)>>> = Arc::default();
    let (kept, left) = (taken.clone(), Arc::new(Mutex::new(failures)));
    let take = move |headers: HeaderMap, axum::Json(body): axum::Json<Value>| async move {
        let id = headers["x-maru-event-id"].to_str().unwrap().to_owned();
        kept.lock().unwrap().push((id, body));
        let mut left = left.lock().unwrap();
        match *left {
            0 => StatusCode::NO_CONTENT,
            _ => {
                *left -= 1;
                StatusCode::INTERNAL_SERVER_ERROR
            }
        }
    };
    let router = axum::Router::new().route("/hook", axum::routing::post(take));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook?key=secret", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    (url, taken)
}

async fn at_least(taken: &Mutex<Vec<(String, Value)>>, count: usize) -> Vec<(String, Value)> {
    let patience = Instant::now() + Duration::from_secs(60);
    loop {
        let now = taken.lock().unwrap().clone();
        if now.len() >= count {
            return now;
        }
        assert!(Instant::now() < patience, "{now:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn the_operators_webhook_is_told_at_least_once_in_order_and_also_after_a_restart() {
    let (cloud, demo, _) = story().await;
    let (url, taken) = receiver(1).await;
    cloud.control.set_reach_webhook(url.parse().unwrap());
    ping(&demo).await;
    let rule = ping_rule(&demo).await;
    remove(&demo, &rule).await;
    let shut = behind(&demo, "ping", 0).await.remove(0);
    let told = at_least(&taken, 2).await;
    let ids: Vec<&str> = told.iter().map(|(id, _)| id.as_str()).collect();
    assert_eq!(
        ids,
        [shut["id"].as_str().unwrap(); 2],
        "again after a failure, under its id"
    );
    let event = &told[0].1;
    assert_eq!(
        (&event["event"], &event["id"]),
        (&json!("reach.transition"), &shut["id"])
    );
    assert_eq!(
        (&event["watch"]["name"], &event["transition"]["message"]),
        (&json!("ping"), &shut["message"])
    );
    let nothing_left = |cloud: &TestCloud| cloud.control.cloud().lookups.undelivered_transitions.is_empty();
    while !nothing_left(&cloud) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }

    // One that can't be told before the end is told after the start.
    let cloud = cloud.restart().await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let nobody = format!("http://{}/", listener.local_addr().unwrap());
    drop(listener);
    cloud.control.set_reach_webhook(nobody.parse().unwrap());
    let rule = make_again(&demo, &rule).await;
    let opened = behind(&demo, "ping", 1).await;
    assert!(!nothing_left(&cloud));
    let cloud = cloud.restart().await;
    cloud.control.set_reach_webhook(url.parse().unwrap());
    let told = at_least(&taken, 3).await;
    assert_eq!(told[2].0, opened[0]["id"].as_str().unwrap());
    assert_eq!(rule["protocol"], "icmp");
}
