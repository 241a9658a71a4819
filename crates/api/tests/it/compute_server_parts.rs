//! What is asked of servers beside their power: lists, metadata, tags, NICs, security groups, server groups.

use serde_json::{Value, json};

use crate::cloud::TestCloud;
use crate::compute::{Means, act, at, expect_fault, make_network, text, url, wait_for};
use crate::compute_servers::body;

#[tokio::test]
async fn lists_filter_sort_and_page() {
    let cloud = TestCloud::start().await;
    let (demo, admin) = (cloud.demo().await, cloud.admin().await);
    let means = Means::make(&demo).await;
    let newest = at(&demo, "2.100");
    let mut ids = Vec::new();
    for (name, tags) in [
        ("web1", json!(["red"])),
        ("web2", json!(["red", "blue"])),
        ("db.1", json!([])),
    ] {
        let answer = newest
            .post(&url("servers"), body(&means, json!({"name": name, "tags": tags})))
            .await
            .expect(202);
        ids.push(text(&answer["server"]["id"]));
    }
    for id in &ids {
        wait_for(&demo, id, "ACTIVE").await;
    }
    assert_eq!(act(&demo, &ids[0], json!({"os-stop": null})).await.status, 202);
    let stopped = wait_for(&demo, &ids[0], "SHUTOFF").await;
    let address = text(&stopped["addresses"]["net1"][0]["addr"]);
    let long_ago = "1970-01-02T00:00:00Z";
    let cases = [
        ("name=web", "web1 web2"),
        ("name=^web.$", "web1 web2"),
        ("name=b.", "db.1 web1 web2"),
        ("name=db%5C.1", "db.1"),
        ("name=[", ""),
        ("status=ACTIVE", "db.1 web2"),
        ("status=active&status=shutoff", "db.1 web1 web2"),
        ("status=RESCUE", ""),
        ("image=11111111-2222-4333-8444-555555555555", ""),
        (&format!("image={}", means.image), "db.1 web1 web2"),
        ("flavor=42", "db.1 web1 web2"),
        ("flavor=1", ""),
        (&format!("ip={address}"), "web1"),
        ("ip=10.1.0", "db.1 web1 web2"),
        ("ip6=10.1.0", ""),
        ("tags=red", "web1 web2"),
        ("tags=red,blue", "web2"),
        ("tags-any=red,blue", "web1 web2"),
        ("not-tags=red,blue", "db.1 web1"),
        ("not-tags-any=blue", "db.1 web1"),
        ("vm_state=stopped", "web1"),
        ("power_state=4", "web1"),
        ("deleted=False", "db.1 web1 web2"),
        (&format!("changes-since={long_ago}"), "db.1 web1 web2"),
        (&format!("changes-before={long_ago}"), ""),
        ("host=elsewhere", "db.1 web1 web2"),
        ("availability_zone=moon", ""),
        ("config_drive=true", ""),
    ];
    for (query, wanted) in cases {
        let list = newest.get(&url(&format!("servers?{query}"))).await.expect(200);
        let mut names: Vec<&str> = list["servers"]
            .as_array()
            .unwrap()
            .iter()
            .map(|s| s["name"].as_str().unwrap())
            .collect();
        names.sort_unstable();
        assert_eq!(names.join(" "), wanted, "{query}");
    }
    let order = async |query: &str| {
        let list = newest.get(&url(&format!("servers?{query}"))).await.expect(200);
        let names = list["servers"].as_array().unwrap().iter().map(|s| text(&s["name"]));
        names.collect::<Vec<_>>().join(" ")
    };
    assert_eq!(order("").await, "db.1 web2 web1", "newest first");
    assert_eq!(order("sort_key=display_name&sort_dir=asc").await, "db.1 web1 web2");
    assert_eq!(
        order("sort_key=vm_state&sort_key=display_name&sort_dir=desc&sort_dir=asc").await,
        "web1 db.1 web2"
    );
    assert_eq!(order("sort_key=display_name&sort_dir=asc&limit=2").await, "db.1 web1");
    let first = newest
        .get(&url("servers?sort_key=display_name&sort_dir=asc&limit=2"))
        .await
        .expect(200);
    let next = text(&first["servers_links"][0]["href"]);
    let next = newest
        .get(next.strip_prefix("http://127.0.0.1:5000").unwrap())
        .await
        .expect(200);
    assert_eq!(
        (next["servers"][0]["name"].clone(), next.get("servers_links")),
        (json!("web2"), None)
    );

    for (version, query, status) in [
        ("2.1", "changes-since=2011/01/01", 400),
        ("2.1", "limit=x", 400),
        ("2.1", "limit=-1", 400),
        ("2.1", "marker=11111111-2222-4333-8444-555555555555", 400),
        ("2.1", "sort_key=colour", 400),
        ("2.1", "sort_dir=up", 400),
        ("2.1", "metadata=x", 400),
        ("2.1", "colour=red", 200),
        ("2.75", "colour=red", 400),
        ("2.37", "status=purple", 200),
        ("2.38", "status=purple", 400),
        ("2.1", "status=DELETED", 403),
        ("2.1", "all_tenants=maybe", 400),
    ] {
        let answer = at(&demo, version).get(&url(&format!("servers?{query}"))).await;
        assert_eq!(answer.status, status, "{query} at {version}: {answer:?}");
    }
    let all = admin.get(&url("servers?all_tenants=1&host=host-1")).await.expect(200);
    assert_eq!(all["servers"].as_array().unwrap().len(), 3);
    assert_eq!(admin.get(&url("servers")).await.expect(200)["servers"], json!([]));
    assert_eq!(
        admin.get(&url("servers?all_tenants=1&deleted=True")).await.expect(200)["servers"],
        json!([])
    );
}

#[tokio::test]
async fn metadata_and_tags_change_as_nova_has_it() {
    let cloud = TestCloud::start().await;
    let demo = cloud.demo().await;
    let id = Means::make(&demo).await.boot(&demo, "web").await;
    let at_path = |part: &str| url(&format!("servers/{id}/{part}"));
    let put = demo
        .put(&at_path("metadata"), json!({"metadata": {"a": "1", "b": "2"}}))
        .await
        .expect(200);
    assert_eq!(put["metadata"], json!({"a": "1", "b": "2"}));
    let merged = demo
        .post(&at_path("metadata"), json!({"metadata": {"b": "3"}}))
        .await
        .expect(200);
    assert_eq!(merged["metadata"], json!({"a": "1", "b": "3"}));
    let one = demo
        .put(&at_path("metadata/c"), json!({"meta": {"c": "4"}}))
        .await
        .expect(200);
    assert_eq!(one, json!({"meta": {"c": "4"}}));
    assert_eq!(
        demo.get(&at_path("metadata/c")).await.expect(200),
        json!({"meta": {"c": "4"}})
    );
    expect_fault(
        demo.put(&at_path("metadata/c"), json!({"meta": {"d": "4"}})).await,
        400,
        "mismatch",
    );
    expect_fault(
        demo.put(&at_path("metadata/c"), json!({"meta": {"c": "4", "d": "5"}}))
            .await,
        400,
        "too many",
    );
    assert_eq!(demo.delete(&at_path("metadata/c")).await.status, 204);
    expect_fault(
        demo.delete(&at_path("metadata/c")).await,
        404,
        "Metadata item was not found",
    );
    let many: serde_json::Map<String, Value> = (0..129).map(|n| (format!("k{n}"), json!("v"))).collect();
    expect_fault(
        demo.put(&at_path("metadata"), json!({"metadata": many})).await,
        403,
        "exceeds 128",
    );

    assert_eq!(demo.get(&at_path("tags")).await.status, 404, "tags came with 2.26");
    let demo = at(&demo, "2.26");
    let added = demo.put(&at_path("tags/red"), Value::Null).await;
    assert_eq!(added.status, 201);
    assert!(added.headers["location"].to_str().unwrap().ends_with("/tags/red"));
    assert_eq!(demo.put(&at_path("tags/red"), Value::Null).await.status, 204);
    assert_eq!(demo.get(&at_path("tags/red")).await.status, 204);
    assert_eq!(demo.get(&at_path("tags/blue")).await.status, 404);
    let all = demo
        .put(&at_path("tags"), json!({"tags": ["x", "y"]}))
        .await
        .expect(200);
    assert_eq!(all, json!({"tags": ["x", "y"]}));
    let many: Vec<String> = (0..51).map(|n| format!("t{n}")).collect();
    assert_eq!(demo.put(&at_path("tags"), json!({"tags": many})).await.status, 400);
    assert_eq!(
        demo.put(&at_path(&format!("tags/{}", "x".repeat(61))), Value::Null)
            .await
            .status,
        400
    );
    assert_eq!(demo.delete(&at_path("tags/x")).await.status, 204);
    assert_eq!(demo.delete(&at_path("tags/x")).await.status, 404);
    assert_eq!(demo.delete(&at_path("tags")).await.status, 204);
    assert_eq!(demo.get(&at_path("tags")).await.expect(200), json!({"tags": []}));
}

#[tokio::test]
async fn nics_come_and_go() {
    let cloud = TestCloud::start().await;
    let demo = cloud.demo().await;
    let means = Means::make(&demo).await;
    let id = means.boot(&demo, "web").await;
    let second = make_network(&demo, "net2", "10.2.0.0/24").await;
    let path = url(&format!("servers/{id}/os-interface"));
    let attach = |what: Value| json!({"interfaceAttachment": what});

    let made = demo.post(&path, attach(json!({"net_id": second}))).await.expect(200);
    let made_port = text(&made["interfaceAttachment"]["port_id"]);
    let asked = attach(json!({"net_id": second, "fixed_ips": [{"ip_address": "10.2.0.50"}]}));
    let asked = demo.post(&path, asked).await.expect(200);
    assert_eq!(asked["interfaceAttachment"]["fixed_ips"][0]["ip_address"], "10.2.0.50");
    let port = demo
        .post("/networking/v2.0/ports", json!({"port": {"network_id": second}}))
        .await
        .expect(201);
    let port_id = text(&port["port"]["id"]);
    demo.post(&path, attach(json!({"port_id": port_id}))).await.expect(200);
    assert_eq!(
        demo.get(&path).await.expect(200)["interfaceAttachments"]
            .as_array()
            .unwrap()
            .len(),
        4
    );
    let addresses = demo.get(&url(&format!("servers/{id}/ips"))).await.expect(200);
    assert_eq!(addresses["addresses"]["net2"].as_array().unwrap().len(), 3);
    expect_fault(
        demo.get(&url(&format!("servers/{id}/ips/none"))).await,
        404,
        "not a member",
    );

    expect_fault(
        demo.post(&path, attach(json!({"port_id": port_id}))).await,
        400,
        "in use",
    );
    let both = attach(json!({"port_id": port_id, "net_id": second}));
    expect_fault(demo.post(&path, both).await, 400, "Must not input both");
    let unknown = attach(json!({"net_id": "11111111-2222-4333-8444-555555555555"}));
    assert_eq!(demo.post(&path, unknown).await.status, 404);
    expect_fault(
        demo.post(&path, attach(json!({}))).await,
        409,
        "Multiple possible networks",
    );
    let tagged = attach(json!({"net_id": second, "tag": "x"}));
    assert_eq!(
        demo.post(&path, tagged.clone()).await.status,
        400,
        "tags came with 2.49"
    );

    assert_eq!(demo.delete(&format!("{path}/{made_port}")).await.status, 202);
    assert_eq!(demo.delete(&format!("{path}/{port_id}")).await.status, 202);
    assert_eq!(demo.get(&format!("{path}/{port_id}")).await.status, 404);
    assert_eq!(
        demo.get(&format!("/networking/v2.0/ports/{made_port}")).await.status,
        404
    );
    assert_eq!(
        demo.get(&format!("/networking/v2.0/ports/{port_id}")).await.expect(200)["port"]["device_id"],
        ""
    );
    let server_id: model::ServerId = id.parse().unwrap();
    let nics = cloud.node.wanted().servers[&server_id].nics.len();
    assert!(nics >= 2, "the host was told");
}

#[tokio::test]
async fn security_groups_of_a_server_are_those_of_its_ports() {
    let cloud = TestCloud::start().await;
    let demo = cloud.demo().await;
    let means = Means::make(&demo).await;
    let group = json!({"security_group": {"name": "open"}});
    let group = demo.post("/networking/v2.0/security-groups", group).await.expect(201);
    let group_id = text(&group["security_group"]["id"]);
    let made = body(&means, json!({"security_groups": [{"name": "open"}]}));
    let id = text(&demo.post(&url("servers"), made).await.expect(202)["server"]["id"]);
    let server = wait_for(&demo, &id, "ACTIVE").await;
    assert_eq!(server["security_groups"], json!([{"name": "open"}]));

    let change = |action: &str, name: &str| json!({action: {"name": name}});
    assert_eq!(act(&demo, &id, change("addSecurityGroup", "default")).await.status, 202);
    let groups = demo
        .get(&url(&format!("servers/{id}/os-security-groups")))
        .await
        .expect(200);
    assert_eq!(groups["security_groups"].as_array().unwrap().len(), 2);
    assert_eq!(
        act(&demo, &id, change("removeSecurityGroup", &group_id)).await.status,
        202
    );
    assert_eq!(act(&demo, &id, change("removeSecurityGroup", "open")).await.status, 404);
    assert_eq!(act(&demo, &id, change("addSecurityGroup", "none")).await.status, 404);
    let server = wait_for(&demo, &id, "ACTIVE").await;
    assert_eq!(server["security_groups"], json!([{"name": "default"}]));
}

#[tokio::test]
async fn server_groups_hold_when_servers_are_placed() {
    let cloud = TestCloud::start().await;
    let demo = at(&cloud.demo().await, "2.64");
    let means = Means::make(&demo).await;
    let made = json!({"server_group": {"name": "apart", "policy": "anti-affinity"}});
    let group = demo.post(&url("os-server-groups"), made).await.expect(200);
    let group_id = text(&group["server_group"]["id"]);
    let mut server = means.server("one");
    server["os:scheduler_hints"] = json!({"group": group_id});
    let first = text(&demo.post(&url("servers"), server.clone()).await.expect(202)["server"]["id"]);
    wait_for(&demo, &first, "ACTIVE").await;
    let second = text(&demo.post(&url("servers"), server).await.expect(202)["server"]["id"]);
    let failed = wait_for(&demo, &second, "ERROR").await;
    assert!(
        text(&failed["fault"]["message"]).contains("anti-affinity"),
        "{failed:#}"
    );
    let shown = demo
        .get(&url(&format!("os-server-groups/{group_id}")))
        .await
        .expect(200);
    assert_eq!(shown["server_group"]["members"].as_array().unwrap().len(), 2);

    let mut elsewhere = means.server("three");
    elsewhere["os:scheduler_hints"] = json!({"different_host": [first]});
    let third = text(&demo.post(&url("servers"), elsewhere).await.expect(202)["server"]["id"]);
    wait_for(&demo, &third, "ERROR").await;
    let mut beside = means.server("four");
    beside["os:scheduler_hints"] = json!({"same_host": first});
    let fourth = text(&demo.post(&url("servers"), beside).await.expect(202)["server"]["id"]);
    wait_for(&demo, &fourth, "ACTIVE").await;
    let mut unknown = means.server("five");
    unknown["os:scheduler_hints"] = json!({"group": "11111111-2222-4333-8444-555555555555"});
    expect_fault(demo.post(&url("servers"), unknown).await, 400, "Instance group");
    assert_eq!(
        demo.delete(&url(&format!("os-server-groups/{group_id}"))).await.status,
        204
    );
    assert_eq!(
        demo.get(&url(&format!("os-server-groups/{group_id}"))).await.status,
        404
    );
}
