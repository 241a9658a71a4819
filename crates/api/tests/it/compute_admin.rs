//! Flavors, key pairs, hosts, usage.

use serde_json::{Value, json};

use crate::cloud::TestCloud;
use crate::compute::{Means, at, expect_fault, text, url};

fn flavor(name: &str, more: Value) -> Value {
    let mut flavor = json!({"name": name, "ram": 256, "vcpus": 1, "disk": 3});
    flavor
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    json!({"flavor": flavor})
}

#[tokio::test]
async fn flavors_are_the_administrator_s_to_make_and_everyone_s_to_see() {
    let cloud = TestCloud::start().await;
    let (demo, admin) = (cloud.demo().await, at(&cloud.admin().await, "2.61"));
    let first = demo.get(&url("flavors")).await.expect(200);
    assert_eq!(first["flavors"].as_array().unwrap().len(), 12, "DevStack's");

    // As openstackclient sends it.
    let body = flavor(
        "f1",
        json!({"id": null, "OS-FLV-EXT-DATA:ephemeral": 0, "os-flavor-access:is_public": true, "swap": 0, "rxtx_factor": 1.0,
               "description": "mine"}),
    );
    let made = admin.post(&url("flavors"), body).await.expect(200)["flavor"].clone();
    let id = text(&made["id"]);
    assert_eq!(id.len(), 36);
    assert_eq!(
        (&made["description"], &made["extra_specs"]),
        (&json!("mine"), &json!({}))
    );
    let cases = [
        (flavor("f1", json!({})), 409, "Flavor with name f1 already exists."),
        (flavor("f2", json!({"id": id})), 409, "already exists."),
        (flavor("f2", json!({"ram": 0})), 400, "ram"),
        (flavor("f2", json!({"vcpus": "x"})), 400, "vcpus"),
        (flavor("f2", json!({"disk": -1})), 400, "disk"),
        (flavor("f2", json!({"id": " x"})), 400, "id"),
        (flavor("f2", json!({"rxtx_factor": 0})), 400, "rxtx_factor"),
        (flavor("", json!({})), 400, "name"),
        (flavor("f2", json!({"colour": 1})), 400, "colour"),
    ];
    for (body, status, words) in cases {
        expect_fault(admin.post(&url("flavors"), body).await, status, words);
    }
    assert_eq!(demo.post(&url("flavors"), flavor("f3", json!({}))).await.status, 403);
    let changed = json!({"flavor": {"description": null}});
    let changed = admin.put(&url(&format!("flavors/{id}")), changed).await.expect(200);
    assert_eq!(changed["flavor"]["description"], Value::Null);

    let specs = url(&format!("flavors/{id}/os-extra_specs"));
    let added = json!({"extra_specs": {"hw:cpu_policy": "shared", "quota": 5}});
    admin.post(&specs, added).await.expect(200);
    assert_eq!(
        demo.get(&specs).await.expect(200),
        json!({"extra_specs": {"hw:cpu_policy": "shared", "quota": "5"}})
    );
    assert_eq!(
        admin
            .put(&format!("{specs}/quota"), json!({"quota": "6"}))
            .await
            .expect(200),
        json!({"quota": "6"})
    );
    expect_fault(
        admin.put(&format!("{specs}/quota"), json!({"other": "6"})).await,
        400,
        "mismatch",
    );
    assert_eq!(admin.delete(&format!("{specs}/quota")).await.status, 200);
    expect_fault(
        admin.delete(&format!("{specs}/quota")).await,
        404,
        "no extra specs with key quota",
    );
    assert_eq!(demo.get(&format!("{specs}/quota")).await.status, 404);
    expect_fault(
        admin.post(&specs, json!({"extra_specs": {"a/b": "c"}})).await,
        400,
        "a/b",
    );

    assert_eq!(admin.delete(&url(&format!("flavors/{id}"))).await.status, 202);
    assert_eq!(admin.delete(&url(&format!("flavors/{id}"))).await.status, 404);
}

#[tokio::test]
async fn a_private_flavor_is_for_those_who_were_let_in() {
    let cloud = TestCloud::start().await;
    let (demo, admin) = (cloud.demo().await, cloud.admin().await);
    let body = flavor("secret", json!({"id": "s1", "os-flavor-access:is_public": "False"}));
    admin.post(&url("flavors"), body).await.expect(200);
    assert_eq!(demo.get(&url("flavors/s1")).await.status, 404);
    let count = async |client: &crate::cloud::Client, query: &str| {
        let list = client.get(&url(&format!("flavors/detail?{query}"))).await.expect(200);
        list["flavors"].as_array().unwrap().len()
    };
    assert_eq!(count(&admin, "").await, 12);
    assert_eq!(count(&admin, "is_public=None").await, 13);
    assert_eq!(count(&admin, "is_public=False").await, 1);
    assert_eq!(count(&demo, "is_public=None").await, 12);
    expect_fault(
        admin.get(&url("flavors/detail?is_public=maybe")).await,
        400,
        "is_public",
    );

    let act = |name: &str, tenant: &str| json!({name: {"tenant": tenant}});
    let path = url("flavors/s1/action");
    let added = admin
        .post(&path, act("addTenantAccess", &demo.project_id))
        .await
        .expect(200);
    assert_eq!(
        added,
        json!({"flavor_access": [{"flavor_id": "s1", "tenant_id": demo.project_id}]})
    );
    assert_eq!(admin.get(&url("flavors/s1/os-flavor-access")).await.expect(200), added);
    assert_eq!(
        admin.post(&path, act("addTenantAccess", &demo.project_id)).await.status,
        409
    );
    assert_eq!(demo.get(&url("flavors/s1")).await.status, 200);
    assert_eq!(count(&demo, "").await, 13);
    admin
        .post(&path, act("removeTenantAccess", &demo.project_id))
        .await
        .expect(200);
    assert_eq!(
        admin
            .post(&path, act("removeTenantAccess", &demo.project_id))
            .await
            .status,
        404
    );
    expect_fault(
        admin.post(&path, act("addTenantAccess", "nobody")).await,
        400,
        "not a valid project",
    );
    assert_eq!(admin.get(&url("flavors/42/os-flavor-access")).await.status, 404);
    let public = at(&admin, "2.7")
        .post(&url("flavors/42/action"), act("addTenantAccess", &demo.project_id))
        .await;
    assert_eq!(public.status, 409);
}

#[tokio::test]
async fn flavors_filter_sort_and_page() {
    let cloud = TestCloud::start().await;
    let demo = cloud.demo().await;
    let ids = async |query: &str| {
        let list = demo.get(&url(&format!("flavors?{query}"))).await.expect(200);
        let ids = list["flavors"]
            .as_array()
            .unwrap()
            .iter()
            .map(|flavor| text(&flavor["id"]));
        ids.collect::<Vec<_>>().join(" ")
    };
    assert_eq!(ids("minRam=8192").await, "4 5");
    assert_eq!(ids("minDisk=80&sort_dir=desc").await, "5 4");
    assert_eq!(ids("minRam=4096&sort_key=name").await, "d4 4 3 5");
    assert_eq!(ids("limit=2").await, "1 2");
    assert_eq!(ids("limit=2&marker=2").await, "3 4");
    expect_fault(
        demo.get(&url("flavors?minRam=x")).await,
        400,
        "Invalid minRam filter [x]",
    );
    expect_fault(
        demo.get(&url("flavors?marker=none")).await,
        400,
        "marker [none] not found",
    );
    expect_fault(
        demo.get(&url("flavors/none")).await,
        404,
        "Flavor none could not be found.",
    );
}

#[tokio::test]
async fn key_pairs_are_made_or_brought() {
    let cloud = TestCloud::start().await;
    let (demo, admin) = (cloud.demo().await, cloud.admin().await);
    let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl user@host";
    let path = url("os-keypairs");
    let pair = |value: Value| json!({"keypair": value});
    let made = demo.post(&path, pair(json!({"name": "made"}))).await.expect(200)["keypair"].clone();
    let private = text(&made["private_key"]);
    assert!(private.starts_with("-----BEGIN RSA PRIVATE KEY-----\n") && private.trim_end().ends_with("KEY-----"));
    assert!(text(&made["public_key"]).starts_with("ssh-rsa "));
    let shown = demo.get(&url("os-keypairs/made")).await.expect(200)["keypair"].clone();
    assert_eq!(
        (&shown["fingerprint"], shown.get("private_key")),
        (&made["fingerprint"], None)
    );
    let brought = demo
        .post(&path, pair(json!({"name": "brought", "public_key": key})))
        .await
        .expect(200);
    assert_eq!(
        brought["keypair"]["fingerprint"],
        "65:96:2d:fc:e8:d5:a9:11:64:0c:0f:ea:00:6e:5b:bd"
    );

    let cases = [
        ("2.1", json!({"name": "made"}), 409, "Key pair 'made' already exists."),
        ("2.1", json!({"name": "a/b"}), 400, "unsafe characters"),
        (
            "2.1",
            json!({"name": "a@b", "public_key": key}),
            400,
            "unsafe characters",
        ),
        ("2.92", json!({"name": "a@b"}), 400, "public_key"),
        (
            "2.1",
            json!({"name": "x", "public_key": "nonsense"}),
            400,
            "Keypair data is invalid",
        ),
        ("2.1", json!({"name": "x", "type": "ssh"}), 400, "unexpected"),
        ("2.2", json!({"name": "x", "type": "pgp"}), 400, "type"),
        ("2.1", json!({"name": "x".repeat(256)}), 400, "name"),
        (
            "2.10",
            json!({"name": "x", "user_id": "somebody"}),
            403,
            "administrator",
        ),
    ];
    for (version, body, status, words) in cases {
        expect_fault(at(&demo, version).post(&path, pair(body)).await, status, words);
    }
    at(&demo, "2.92")
        .post(&path, pair(json!({"name": "a@b.c", "public_key": key})))
        .await
        .expect(201);

    assert_eq!(admin.get(&path).await.expect(200)["keypairs"], json!([]));
    let theirs = at(&admin, "2.35")
        .get(&format!("{path}?user_id={}&limit=2", demo.user_id))
        .await
        .expect(200);
    assert_eq!(theirs["keypairs"].as_array().unwrap().len(), 2);
    assert!(text(&theirs["keypairs_links"][0]["href"]).contains("marker=brought"));
    assert_eq!(
        at(&demo, "2.10")
            .get(&format!("{path}?user_id={}", admin.user_id))
            .await
            .status,
        403
    );
    assert_eq!(demo.get(&url("os-keypairs/none")).await.status, 404);
    assert_eq!(demo.delete(&url("os-keypairs/none")).await.status, 404);
}

#[tokio::test]
async fn hosts_are_shown_with_real_figures() {
    let cloud = TestCloud::start().await;
    let (demo, admin) = (cloud.demo().await, cloud.admin().await);
    let id = Means::make(&demo).await.boot(&demo, "web").await;
    assert_eq!(demo.get(&url("os-hypervisors")).await.status, 403);
    let old = admin.get(&url("os-hypervisors/detail")).await.expect(200)["hypervisors"][0].clone();
    assert_eq!((&old["vcpus"], &old["vcpus_used"]), (&json!(8), &json!(1)));
    assert_eq!((&old["memory_mb"], &old["memory_mb_used"]), (&json!(32768), &json!(64)));
    assert_eq!((&old["local_gb"], &old["local_gb_used"]), (&json!(500), &json!(1)));
    assert_eq!(
        (&old["running_vms"], &old["hypervisor_version"]),
        (&json!(1), &json!(7_002_000))
    );
    assert!(old["cpu_info"].is_string());
    let sum = admin.get(&url("os-hypervisors/statistics")).await.expect(200);
    assert_eq!(sum["hypervisor_statistics"]["memory_mb_used"], 64);
    let newest = at(&admin, "2.88");
    assert_eq!(newest.get(&url("os-hypervisors/statistics")).await.status, 404);
    let list = newest.get(&url("os-hypervisors?with_servers=True")).await.expect(200);
    assert_eq!(list["hypervisors"][0]["servers"][0]["uuid"], id);
    let uuid = text(&list["hypervisors"][0]["id"]);
    let one = newest.get(&url(&format!("os-hypervisors/{uuid}"))).await.expect(200);
    assert!(text(&one["hypervisor"]["uptime"]).contains("load average"));
    assert_eq!(
        newest
            .get(&url("os-hypervisors?hypervisor_hostname_pattern=none"))
            .await
            .status,
        404
    );
    let found = admin.get(&url("os-hypervisors/host/servers")).await.expect(200);
    assert_eq!(found["hypervisors"][0]["hypervisor_hostname"], "host-1");
    assert_eq!(admin.get(&url("os-hypervisors/9")).await.status, 404);

    let services = admin.get(&url("os-services?binary=nova-compute")).await.expect(200);
    assert_eq!(services["services"].as_array().unwrap().len(), 1);
    assert_eq!(
        (&services["services"][0]["zone"], &services["services"][0]["state"]),
        (&json!("nova"), &json!("up"))
    );
    let zones = demo.get(&url("os-availability-zone")).await.expect(200);
    assert_eq!(
        zones["availabilityZoneInfo"],
        json!([{"zoneName": "nova", "zoneState": {"available": true}, "hosts": null}])
    );
    let detail = admin.get(&url("os-availability-zone/detail")).await.expect(200);
    assert!(
        detail["availabilityZoneInfo"][1]["hosts"]["host-1"]["nova-compute"]["available"]
            .as_bool()
            .unwrap()
    );
    assert_eq!(
        admin.get(&url("os-aggregates")).await.expect(200),
        json!({"aggregates": []})
    );
    let extension = demo.get(&url("extensions/os-keypairs")).await.expect(200);
    assert_eq!(extension["extension"]["alias"], "os-keypairs");
    assert_eq!(demo.get(&url("extensions/os-none")).await.status, 404);
}

#[tokio::test]
async fn usage_counts_hours() {
    let cloud = TestCloud::start().await;
    let demo = cloud.demo().await;
    Means::make(&demo).await.boot(&demo, "web").await;
    cloud.clock.advance(7200);
    // The tokens ended meanwhile.
    let (demo, admin) = (cloud.demo().await, cloud.admin().await);
    let period = "start=2020-01-01T00:00:00&end=2100-01-01T00:00:00";
    let usage = demo
        .get(&url(&format!("os-simple-tenant-usage/{}?{period}", demo.project_id)))
        .await
        .expect(200)["tenant_usage"]
        .clone();
    let hours = usage["total_hours"].as_f64().unwrap();
    assert!((2.0..2.1).contains(&hours), "{usage:#}");
    assert!((usage["total_memory_mb_usage"].as_f64().unwrap() - hours * 64.0).abs() < 0.001);
    assert_eq!(usage["server_usages"][0]["state"], "active");
    let all = admin
        .get(&url(&format!("os-simple-tenant-usage?{period}")))
        .await
        .expect(200);
    assert_eq!(all["tenant_usages"][0]["tenant_id"], demo.project_id);
    assert_eq!(all["tenant_usages"][0].get("server_usages"), None);
    let detailed = admin
        .get(&url(&format!("os-simple-tenant-usage?{period}&detailed=1")))
        .await
        .expect(200);
    assert_eq!(
        detailed["tenant_usages"][0]["server_usages"].as_array().unwrap().len(),
        1
    );
    assert_eq!(demo.get(&url("os-simple-tenant-usage")).await.status, 403);
    let other = cloud.project("other").await;
    assert_eq!(
        other
            .get(&url(&format!("os-simple-tenant-usage/{}", demo.project_id)))
            .await
            .status,
        403
    );
    let empty = other
        .get(&url(&format!("os-simple-tenant-usage/{}?{period}", other.project_id)))
        .await
        .expect(200);
    assert_eq!(empty, json!({"tenant_usage": {}}));
    let bad = format!(
        "os-simple-tenant-usage/{}?start=2030-01-01T00:00:00&end=2020-01-01T00:00:00",
        demo.project_id
    );
    expect_fault(demo.get(&url(&bad)).await, 400, "Invalid start time");
    let bad = format!("os-simple-tenant-usage/{}?start=yesterday", demo.project_id);
    expect_fault(demo.get(&url(&bad)).await, 400, "Datetime is in invalid format");
}
