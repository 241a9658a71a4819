//! Servers that are gone: who still sees them, where, and what is no longer said of them.

use serde_json::{Value, json};

use crate::cloud::{Client, TestCloud};
use crate::compute::{Means, at, text, url, wait_for, wait_gone};

async fn listed(client: &Client, query: &str) -> Vec<String> {
    let list = client.get(&url(&format!("servers/detail?{query}"))).await.expect(200);
    let mut names: Vec<String> = list["servers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|s| text(&s["name"]))
        .collect();
    names.sort();
    names
}

/// From now on no server finds a host.
async fn without_room(cloud: &TestCloud) {
    cloud.node.set_facts(|facts| facts.memory_mib = 1);
    let mut report = cloud.control.host_report();
    report.wait_for(|report| report.facts.memory_mib == 1).await.unwrap();
}

#[tokio::test]
async fn deleted_servers_are_told_of_to_those_who_ask_for_changes() {
    let cloud = TestCloud::start().await;
    let (demo, admin) = (at(&cloud.demo().await, "2.66"), at(&cloud.admin().await, "2.66"));
    let means = Means::make(&demo).await;
    let (gone, stays) = (means.boot(&demo, "gone").await, means.boot(&demo, "stays").await);
    assert_eq!(demo.delete(&url(&format!("servers/{gone}"))).await.status, 204);
    wait_gone(&demo, &gone).await;

    let long_ago = "changes-since=2011-01-01T00:00:00Z";
    assert_eq!(listed(&demo, "").await, ["stays"]);
    assert_eq!(listed(&demo, long_ago).await, ["gone", "stays"]);
    assert_eq!(
        listed(&demo, "changes-before=2099-01-01T00:00:00Z").await,
        ["gone", "stays"]
    );
    assert_eq!(
        listed(&at(&demo, "2.65"), "changes-before=2099-01-01T00:00:00Z").await,
        ["stays"]
    );
    assert_eq!(listed(&demo, "changes-since=2099-01-01T00:00:00Z").await, [""; 0]);
    assert_eq!(
        listed(&demo, "deleted=true").await,
        ["stays"],
        "for administrators only"
    );
    let everyone = |query: &str| format!("all_tenants=1&{query}");
    assert_eq!(listed(&admin, &everyone("deleted=true")).await, ["gone"]);
    assert_eq!(listed(&admin, &everyone("deleted=false")).await, ["stays"]);
    assert_eq!(
        listed(&admin, &everyone(&format!("deleted=false&{long_ago}"))).await,
        ["stays"]
    );
    assert_eq!(listed(&admin, &everyone("status=DELETED")).await, ["gone"]);
    assert_eq!(listed(&admin, &everyone(long_ago)).await, ["gone", "stays"]);
    let stranger = at(&cloud.project("other").await, "2.66");
    assert_eq!(listed(&stranger, long_ago).await, [""; 0]);

    let path = url("servers/detail?all_tenants=1&deleted=true");
    let shown = at(&admin, "2.3").get(&path).await.expect(200)["servers"][0].clone();
    assert_eq!(
        (&shown["status"], &shown["OS-EXT-STS:vm_state"]),
        (&json!("DELETED"), &json!("deleted"))
    );
    assert_eq!(
        (&shown["OS-EXT-STS:task_state"], &shown["addresses"]),
        (&Value::Null, &json!({}))
    );
    assert_eq!(shown["OS-EXT-STS:power_state"], 0);
    assert!(
        shown["OS-SRV-USG:terminated_at"].is_string() && shown.get("progress").is_none(),
        "{shown:#}"
    );
    assert_eq!(admin.get(&url(&format!("servers/{gone}"))).await.status, 404);
    wait_for(&demo, &stays, "ACTIVE").await;
}

#[tokio::test]
async fn the_log_of_a_deleted_server_can_be_read_from_2_21() {
    let cloud = TestCloud::start().await;
    let demo = cloud.demo().await;
    let means = Means::make(&demo).await;
    let id = means.boot(&demo, "gone").await;
    // One that never had a host goes at once, and has a log, too.
    without_room(&cloud).await;
    let homeless = means.create(&demo, "homeless").await;
    wait_for(&demo, &homeless, "ERROR").await;
    for (id, version) in [(&id, "2.21"), (&homeless, "2.51")] {
        assert_eq!(demo.delete(&url(&format!("servers/{id}"))).await.status, 204);
        wait_gone(&demo, id).await;
        let path = url(&format!("servers/{id}/os-instance-actions"));
        assert_eq!(at(&demo, "2.20").get(&path).await.status, 404);
        let log = at(&demo, version).get(&path).await.expect(200);
        let actions = log["instanceActions"].as_array().unwrap();
        let names: Vec<&str> = actions.iter().map(|a| a["action"].as_str().unwrap()).collect();
        assert_eq!(names, ["delete", "create"]);
        let one = format!("{path}/{}", text(&actions[0]["request_id"]));
        let one = at(&demo, "2.51").get(&one).await.expect(200);
        assert_eq!(one["instanceAction"]["events"][0]["result"], "Success", "{one:#}");
        assert!(one["instanceAction"]["events"][0]["finish_time"].is_string());
        assert_eq!(
            at(&cloud.project(&format!("other-{version}")).await, "2.51")
                .get(&path)
                .await
                .status,
            404
        );
    }
}

#[tokio::test]
async fn usage_counts_servers_deleted_within_the_period() {
    let cloud = TestCloud::start().await;
    let demo = cloud.demo().await;
    let means = Means::make(&demo).await;
    let id = means.boot(&demo, "gone").await;
    cloud.clock.advance(7200);
    let admin = cloud.admin().await;
    let demo = cloud.demo().await;
    assert_eq!(demo.delete(&url(&format!("servers/{id}"))).await.status, 204);
    wait_gone(&demo, &id).await;
    let now = model::Timestamp::new(jiff::Timestamp::now());
    let at_hour = |hours: i64| now.plus_seconds(hours * 3600).micros_bare();
    let usage = async |admin: &Client, start: i64, end: i64| {
        let query = format!("start={}&end={}&detailed=1", at_hour(start), at_hour(end));
        admin
            .get(&url(&format!("os-simple-tenant-usage?{query}")))
            .await
            .expect(200)["tenant_usages"]
            .clone()
    };
    let counted = usage(&admin, -1, 3).await;
    let server = &counted[0]["server_usages"][0];
    assert_eq!(
        (&server["instance_id"], &server["state"]),
        (&json!(id), &json!("terminated"))
    );
    let hours = server["hours"].as_f64().unwrap();
    assert!((1.99..2.1).contains(&hours), "{hours}");
    assert!(server["ended_at"].is_string() && (7199..7500).contains(&server["uptime"].as_i64().unwrap()));
    assert_eq!(counted[0]["total_hours"], server["hours"]);
    let half = usage(&admin, -1, 1).await[0]["total_hours"].as_f64().unwrap();
    assert!((0.9..1.1).contains(&half), "{half}");
    cloud.clock.advance(7200);
    assert_eq!(
        usage(&cloud.admin().await, 3, 4).await,
        json!([]),
        "it was gone by then"
    );
}

#[tokio::test]
async fn what_is_remembered_is_bounded_and_survives_a_restart() {
    use model::compute::server::deleted::{KEEP_OF_PROJECT, KEEP_SECONDS};
    let cloud = TestCloud::start().await;
    let demo = cloud.demo().await;
    let means = Means::make(&demo).await;
    without_room(&cloud).await;
    let remembered = |cloud: &TestCloud| cloud.control.cloud().deleted_servers.len();
    for _ in 0..KEEP_OF_PROJECT.div_ceil(10) + 1 {
        let mut body = means.server("gone");
        body["server"]["max_count"] = json!(10);
        body["server"]["user_data"] = json!("c2VjcmV0");
        demo.post(&url("servers"), body).await.expect(202);
        let list = demo.get(&url("servers")).await.expect(200);
        for server in list["servers"].as_array().unwrap() {
            demo.delete(&url(&format!("servers/{}", text(&server["id"]))))
                .await
                .expect(204);
        }
    }
    assert_eq!(remembered(&cloud), KEEP_OF_PROJECT);
    let secrets = cloud.control.cloud().deleted_servers.iter().any(|gone| {
        gone.server.user_data.is_some() || gone.server.admin_pass.is_some() || !gone.server.random_seed.is_empty()
    });
    assert!(!secrets, "what was for the guest alone goes with it");
    let cloud = cloud.restart().await;
    assert_eq!(remembered(&cloud), KEEP_OF_PROJECT);
    cloud.clock.advance(KEEP_SECONDS + 60);
    let demo = cloud.demo().await;
    let id = means.create(&demo, "last").await;
    demo.delete(&url(&format!("servers/{id}"))).await.expect(204);
    wait_gone(&demo, &id).await;
    assert!(
        remembered(&cloud) < KEEP_OF_PROJECT,
        "those too old go little by little"
    );
}

#[tokio::test]
async fn a_hundred_servers_are_made_by_one_request_or_none() {
    let cloud = TestCloud::start().await;
    let (demo, admin) = (cloud.demo().await, cloud.admin().await);
    let means = Means::make(&demo).await;
    let mut body = means.server("many");
    body["server"]["min_count"] = json!(100);
    let quota = async |instances: i64, ports: i64| {
        let quotas = json!({"quota_set": {"instances": instances, "cores": -1, "ram": -1}});
        admin
            .put(&url(&format!("os-quota-sets/{}", demo.project_id)), quotas)
            .await
            .expect(200);
        let quotas = json!({"quota": {"port": ports}});
        let path = format!("/networking/v2.0/quotas/{}", demo.project_id);
        admin.put(&path, quotas).await.expect(200);
    };
    cloud.node.set_facts(|facts| {
        facts.vcpus = 100;
        facts.memory_mib = 1 << 20;
        facts.disk_bytes = 1 << 40;
        facts.disk_free_bytes = 1 << 40;
    });
    let mut report = cloud.control.host_report();
    report.wait_for(|report| report.facts.vcpus == 100).await.unwrap();
    let servers = async || {
        demo.get(&url("servers")).await.expect(200)["servers"]
            .as_array()
            .unwrap()
            .len()
    };
    quota(99, -1).await;
    assert_eq!(demo.post(&url("servers"), body.clone()).await.status, 403);
    quota(100, 50).await;
    assert_eq!(demo.post(&url("servers"), body.clone()).await.status, 403);
    assert_eq!(servers().await, 0);
    let ports = demo
        .get("/networking/v2.0/ports?device_owner=compute:nova")
        .await
        .expect(200);
    assert_eq!(ports["ports"], json!([]), "nothing half-made stays");
    quota(100, -1).await;
    demo.post(&url("servers"), body).await.expect(202);
    assert_eq!(servers().await, 100);
    let list = demo.get(&url("servers")).await.expect(200);
    for server in list["servers"].as_array().unwrap() {
        wait_for(&demo, &text(&server["id"]), "ACTIVE").await;
    }
}
