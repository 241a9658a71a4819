//! Lists of Networking v2.0: filters, sorting, pages, `fields`, tags, revisions, many at once.

use serde_json::{Value, json};

use crate::cloud::{BASE_URL, Client};
use crate::network::{V2, by_name, fault, id, make, start};

async fn names(client: &Client, query: &str) -> Vec<String> {
    let list = client.get(&format!("{V2}/{query}")).await.expect(200);
    let plural = query.split('?').next().unwrap().replace('-', "_");
    let rows = list[&plural].as_array().unwrap().clone();
    rows.iter()
        .map(|row| row["name"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn lists_are_filtered_by_any_attribute() {
    let cloud = start().await;
    let demo = cloud.demo().await;
    let private = by_name(&demo, "networks", "private").await;
    let network = id(&private);
    for (name, address) in [("a", "10.0.0.50"), ("b", "10.0.0.51"), ("c", "10.0.0.52")] {
        let port = json!({
            "network_id": network, "name": name, "fixed_ips": [{"ip_address": address}],
            "device_id": format!("device-{name}"), "admin_state_up": name != "c", "description": "x",
        });
        make(&demo, "ports", "port", port).await;
    }
    for (query, wanted) in [
        ("ports?name=a", vec!["a"]),
        ("ports?name=a&name=b", vec!["a", "b"]),
        ("ports?name=a&device_id=device-b", vec![]),
        ("ports?device_id=device-b", vec!["b"]),
        ("ports?description=x&admin_state_up=False", vec!["c"]),
        ("ports?fixed_ips=ip_address%3D10.0.0.51", vec!["b"]),
        (
            "ports?fixed_ips=ip_address=10.0.0.51&fixed_ips=ip_address=10.0.0.52",
            vec!["b", "c"],
        ),
        ("ports?fixed_ips=ip_address_substr=.0.0.5", vec!["a", "b", "c"]),
        ("ports?name=a&status=ACTIVE", vec![]),
        ("ports?description=x&sort_key=name&sort_dir=desc", vec!["c", "b", "a"]),
        ("networks?router:external=True", vec!["public"]),
        ("networks?router:external=False", vec!["private"]),
        ("networks?shared=True", vec![]),
        (
            "subnets?ip_version=6&sort_key=name",
            vec!["ipv6-private-subnet", "ipv6-public-subnet"],
        ),
        ("subnets?cidr=10.0.0.0/26", vec!["private-subnet"]),
        ("subnets?gateway_ip=10.0.0.1&enable_dhcp=True", vec!["private-subnet"]),
        ("routers?name=router1&status=ACTIVE", vec!["router1"]),
    ] {
        let mut got = names(&demo, query).await;
        if !query.contains("sort_key") {
            got.sort();
        }
        assert_eq!(got, wanted, "{query}");
    }
    let by_subnet = format!(
        "ports?fixed_ips=subnet_id={}&name=a",
        private["subnets"][0].as_str().unwrap()
    );
    assert!(names(&demo, &by_subnet).await.len() <= 1);
    let message = fault(demo.get(&format!("{V2}/ports?colour=red")).await, 400, "HTTPBadRequest");
    assert!(message.contains("colour"), "{message}");
    let own = names(&demo, &format!("networks?project_id={}", demo.project_id)).await;
    assert_eq!(own, ["private"]);
    let own = names(&demo, &format!("networks?tenant_id={}", demo.project_id)).await;
    assert_eq!(own, ["private"]);
}

#[tokio::test]
async fn fields_cut_documents_down() {
    let cloud = start().await;
    let demo = cloud.demo().await;
    // What `openstack port list` sends.
    let list = demo
        .get(&format!(
            "{V2}/ports?fields=id&fields=name&fields=mac_address&fields=fixed_ips&fields=status"
        ))
        .await
        .expect(200);
    for port in list["ports"].as_array().unwrap() {
        let keys: Vec<&String> = port.as_object().unwrap().keys().collect();
        assert_eq!(keys, ["fixed_ips", "id", "mac_address", "name", "status"]);
    }
    let network = by_name(&demo, "networks", "private").await;
    let one = demo
        .get(&format!("{V2}/networks/{}?fields=mtu", id(&network)))
        .await
        .expect(200);
    assert_eq!(one, json!({"network": {"mtu": 1450}}));
}

#[tokio::test]
async fn pages_lead_to_one_another() {
    let cloud = start().await;
    let demo = cloud.demo().await;
    for n in 0..7 {
        make(
            &demo,
            "networks",
            "network",
            json!({"name": format!("n{n}"), "description": "page"}),
        )
        .await;
    }
    let mut url = format!("{V2}/networks?description=page&sort_key=name&sort_dir=asc&limit=3");
    let mut seen = Vec::new();
    for _ in 0..5 {
        let page = demo.get(&url).await.expect(200);
        let rows = page["networks"].as_array().unwrap();
        seen.extend(rows.iter().map(|row| row["name"].as_str().unwrap().to_owned()));
        let next = page["networks_links"].as_array().and_then(|links| {
            let next = links.iter().find(|link| link["rel"] == "next")?;
            next["href"].as_str().map(str::to_owned)
        });
        let Some(next) = next else { break };
        url = next.strip_prefix(BASE_URL).unwrap().to_owned();
    }
    assert_eq!(seen, ["n0", "n1", "n2", "n3", "n4", "n5", "n6"]);
    let last = by_name(&demo, "networks", "n6").await;
    let back = format!(
        "networks?description=page&sort_key=name&sort_dir=asc&limit=2&page_reverse=True&marker={}",
        id(&last)
    );
    assert_eq!(names(&demo, &back).await, ["n4", "n5"]);
    let plain = demo.get(&format!("{V2}/networks")).await.expect(200);
    assert!(plain.get("networks_links").is_none());
    for bad in [
        "limit=-1",
        "limit=x",
        "sort_key=nonsense",
        "sort_key=name&sort_dir=sideways",
        "marker=nobody",
    ] {
        assert_eq!(demo.get(&format!("{V2}/networks?{bad}")).await.status, 400, "{bad}");
    }
}

#[tokio::test]
async fn tags_are_kept_and_searched() {
    let cloud = start().await;
    let demo = cloud.demo().await;
    let network = make(&demo, "networks", "network", json!({"name": "t", "tags": ["red"]})).await;
    assert_eq!(network["tags"], json!(["red"]));
    let url = format!("{V2}/networks/{}/tags", id(&network));
    demo.put(&format!("{url}/blue"), Value::Null).await.expect(201);
    demo.get(&format!("{url}/blue")).await.expect(204);
    fault(demo.get(&format!("{url}/green")).await, 404, "TagNotFound");
    let tags = demo.put(&url, json!({"tags": ["a", "b", "c"]})).await.expect(200);
    assert_eq!(tags, json!({"tags": ["a", "b", "c"]}));
    demo.delete(&format!("{url}/c")).await.expect(204);
    fault(demo.delete(&format!("{url}/c")).await, 404, "TagNotFound");
    for (query, found) in [
        ("tags=a,b", true),
        ("tags=a,z", false),
        ("tags-any=a,z", true),
        ("not-tags=a,b", false),
        ("not-tags-any=z", true),
        ("not-tags-any=a", false),
    ] {
        let got = names(&demo, &format!("networks?name=t&{query}")).await;
        assert_eq!(!got.is_empty(), found, "{query}");
    }
    demo.delete(&url).await.expect(204);
    assert_eq!(demo.get(&url).await.expect(200), json!({"tags": []}));
    let many: Vec<String> = (0..51).map(|n| n.to_string()).collect();
    assert_eq!(demo.put(&url, json!({"tags": many})).await.status, 400);
    assert_eq!(demo.put(&url, json!({"tags": ["x".repeat(256)]})).await.status, 400);
    // Somebody else's resource has no tags to see (OSSA-2024-005).
    let other = cloud.project("other").await;
    for answer in [
        other.get(&url).await,
        other.put(&url, json!({"tags": []})).await,
        other.delete(&url).await,
    ] {
        assert_eq!(answer.status, 404, "{answer:?}");
    }
}

#[tokio::test]
async fn revisions_guard_changes() {
    let cloud = start().await;
    let demo = cloud.demo().await;
    let network = make(&demo, "networks", "network", json!({"name": "r"})).await;
    let url = format!("{V2}/networks/{}", id(&network));
    let body = json!({"network": {"name": "s"}});
    let revision = network["revision_number"].as_u64().unwrap();
    let current = demo.clone().with("if-match", &format!("revision_number={revision}"));
    let after = current.put(&url, body.clone()).await.expect(200);
    assert_eq!(after["network"]["revision_number"], revision + 1);
    fault(current.put(&url, body).await, 412, "RevisionNumberConstraintFailed");
    fault(current.delete(&url).await, 412, "RevisionNumberConstraintFailed");
    let before = after["network"]["revision_number"].as_u64().unwrap();
    make(
        &demo,
        "subnets",
        "subnet",
        json!({"network_id": id(&network), "ip_version": 4, "cidr": "10.7.0.0/24"}),
    )
    .await;
    let bumped = demo.get(&url).await.expect(200)["network"]["revision_number"]
        .as_u64()
        .unwrap();
    assert!(bumped > before, "a subnet changes its network");
}

#[tokio::test]
async fn many_are_made_all_or_none() {
    let cloud = start().await;
    let demo = cloud.demo().await;
    let network = by_name(&demo, "networks", "private").await;
    let ports = |addresses: &[&str]| -> Value {
        let ports: Vec<Value> = addresses
            .iter()
            .map(|address| json!({"network_id": id(&network), "name": "bulk", "fixed_ips": [{"ip_address": address}]}))
            .collect();
        json!({ "ports": ports })
    };
    let url = format!("{V2}/ports");
    let made = demo.post(&url, ports(&["10.0.0.40", "10.0.0.41"])).await.expect(201);
    assert_eq!(made["ports"].as_array().unwrap().len(), 2);
    let clash = demo.post(&url, ports(&["10.0.0.42", "10.0.0.40"])).await;
    fault(clash, 409, "IpAddressAlreadyAllocated");
    assert_eq!(names(&demo, "ports?name=bulk").await.len(), 2);
    let groups = json!({"security_groups": [{"name": "x"}, {"name": "y"}]});
    demo.post(&format!("{V2}/security-groups"), groups).await.expect(201);
}

#[tokio::test]
async fn quotas_are_shown_set_and_kept() {
    let cloud = start().await;
    let (admin, demo) = (cloud.admin().await, cloud.demo().await);
    let url = format!("{V2}/quotas/{}", demo.project_id);
    let quota = demo.get(&url).await.expect(200)["quota"].take();
    assert_eq!((&quota["network"], &quota["floatingip"]), (&json!(100), &json!(50)));
    let details = demo.get(&format!("{url}/details.json")).await.expect(200);
    assert_eq!(
        details["quota"]["router"],
        json!({"limit": 10, "used": 1, "reserved": 0})
    );
    let body = json!({"quota": {"network": 1, "router": "-1"}});
    assert_eq!(demo.put(&url, body.clone()).await.status, 403);
    let after = admin.put(&url, body).await.expect(200);
    assert_eq!(
        (&after["quota"]["network"], &after["quota"]["router"]),
        (&json!(1), &json!(-1))
    );
    let refused = demo.post(&format!("{V2}/networks"), json!({"network": {}})).await;
    let message = fault(refused, 409, "OverQuota");
    assert!(
        message.starts_with("Quota exceeded for resources: ['network']"),
        "{message}"
    );
    for bad in [json!({"network": -2}), json!({"network": "many"}), json!({"colour": 3})] {
        assert_eq!(admin.put(&url, json!({ "quota": bad })).await.status, 400);
    }
    for checked in [json!({}), json!({"check_limit": true}), json!({"force": false})] {
        let mut limits = checked;
        limits["network"] = json!(0);
        let message = fault(admin.put(&url, json!({ "quota": limits })).await, 400, "HTTPBadRequest");
        assert!(
            message.starts_with("Quota limit 0 for network must be greater than or equal to already used 1"),
            "{message}"
        );
    }
    let forced = json!({"quota": {"network": 0, "force": true}});
    assert_eq!(admin.put(&url, forced).await.expect(200)["quota"]["network"], 0);
    assert_eq!(
        admin.get(&format!("{V2}/quotas")).await.expect(200)["quotas"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    admin.delete(&url).await.expect(204);
    assert_eq!(demo.get(&url).await.expect(200)["quota"]["network"], 100);
    assert_eq!(
        demo.get(&format!("{url}/default")).await.expect(200)["quota"]["port"],
        500
    );
    let foreign = format!("{V2}/quotas/{}", admin.project_id);
    assert_eq!(demo.get(&foreign).await.status, 403);
}

#[tokio::test]
async fn operators_see_agents_zones_and_how_full_networks_are() {
    let cloud = start().await;
    let (admin, demo) = (cloud.admin().await, cloud.demo().await);
    let agents = admin.get(&format!("{V2}/agents")).await.expect(200);
    assert_eq!(agents["agents"].as_array().unwrap().len(), 3);
    let first = id(&agents["agents"][0]).to_owned();
    admin.get(&format!("{V2}/agents/{first}")).await.expect(200);
    fault(admin.get(&format!("{V2}/agents/nobody")).await, 404, "AgentNotFound");
    assert_eq!(
        demo.get(&format!("{V2}/agents")).await.expect(200),
        json!({"agents": []})
    );
    let zones = demo.get(&format!("{V2}/availability_zones")).await.expect(200);
    assert_eq!(zones["availability_zones"][0]["name"], "nova");
    let private = by_name(&demo, "networks", "private").await;
    let url = format!("{V2}/network-ip-availabilities/{}", id(&private));
    let all = admin.get(&url).await.expect(200)["network_ip_availability"].take();
    let v4 = all["subnet_ip_availability"]
        .as_array()
        .unwrap()
        .iter()
        .find(|subnet| subnet["ip_version"] == 4)
        .unwrap()
        .clone();
    // 62 addresses of a /26 less the gateway; the router and DHCP have one each.
    assert_eq!((&v4["total_ips"], &v4["used_ips"]), (&json!(61), &json!(2)));
}
