//! What may be asked of servers, and what is answered when it can't be.

use model::ServerId;
use serde_json::{Value, json};

use crate::cloud::TestCloud;
use crate::compute::{
    Means, act, at, expect_fault, make_image, make_network, text, url, wait_for, wait_gone, wait_past_error,
};

/// The body of a creation with some values set (null: left out).
pub fn body(means: &Means, changes: Value) -> Value {
    let mut body = means.server("web");
    let server = body["server"].as_object_mut().unwrap();
    for (name, value) in changes.as_object().unwrap() {
        if value.is_null() {
            server.remove(name);
        } else {
            server.insert(name.clone(), value.clone());
        }
    }
    body
}

#[tokio::test]
async fn what_can_t_be_made_is_refused_with_a_reason_and_leaves_nothing() {
    let cloud = TestCloud::start().await;
    let demo = cloud.demo().await;
    let means = Means::make(&demo).await;
    let too_big = make_image(&demo, json!({"min_disk": 5, "name": "big"})).await;
    let hungry = make_image(&demo, json!({"min_ram": 4096, "name": "hungry"})).await;
    let queued = demo
        .post(
            "/image/v2/images",
            json!({"disk_format": "raw", "container_format": "bare"}),
        )
        .await
        .expect(201);
    let nobody = "11111111-2222-4333-8444-555555555555";
    let cases = [
        ("2.1", json!({"name": null}), 400, "'name' is a required property"),
        ("2.1", json!({"name": ""}), 400, "name"),
        ("2.1", json!({"name": "x".repeat(256)}), 400, "too long"),
        ("2.1", json!({"name": 7}), 400, "string"),
        ("2.1", json!({"colour": "red"}), 400, "'colour' was unexpected"),
        (
            "2.1",
            json!({"flavorRef": "none-such"}),
            400,
            "Flavor none-such could not be found.",
        ),
        ("2.1", json!({"flavorRef": null}), 400, "flavorRef"),
        ("2.1", json!({"imageRef": nobody}), 400, "Can not find requested image"),
        ("2.1", json!({"imageRef": "img1"}), 400, "Invalid imageRef"),
        ("2.1", json!({"imageRef": null}), 400, "Missing imageRef"),
        ("2.1", json!({"imageRef": queued["id"]}), 400, "is not active"),
        (
            "2.1",
            json!({"imageRef": too_big}),
            400,
            "Flavor disk is 1073741824 bytes, minimum size is 5368709120",
        ),
        (
            "2.1",
            json!({"imageRef": hungry}),
            400,
            "Flavor memory is 64 MB, the image needs 4096 MB",
        ),
        ("2.1", json!({"key_name": "none"}), 400, "Invalid key_name provided."),
        (
            "2.1",
            json!({"networks": [{"uuid": nobody}]}),
            400,
            "could not be found",
        ),
        (
            "2.1",
            json!({"networks": [{"uuid": "net1"}]}),
            400,
            "not in proper format",
        ),
        (
            "2.1",
            json!({"networks": [{"port": nobody}]}),
            400,
            "could not be found",
        ),
        ("2.1", json!({"networks": [{}]}), 400, "missing 'uuid'"),
        ("2.1", json!({"networks": "auto"}), 400, "networks"),
        (
            "2.37",
            json!({"networks": null}),
            400,
            "'networks' is a required property",
        ),
        (
            "2.1",
            json!({"networks": [{"uuid": means.network, "fixed_ip": "10.9.9.9"}]}),
            400,
            "10.9.9.9",
        ),
        (
            "2.1",
            json!({"networks": [{"uuid": means.network, "fixed_ip": "no"}]}),
            400,
            "IP address",
        ),
        (
            "2.1",
            json!({"security_groups": [{"name": "none"}]}),
            400,
            "Security group none not found",
        ),
        (
            "2.1",
            json!({"user_data": "%%%"}),
            400,
            "User data needs to be valid base 64.",
        ),
        ("2.1", json!({"min_count": 0}), 400, "min_count"),
        (
            "2.1",
            json!({"min_count": 3, "max_count": 2}),
            400,
            "min_count must be <= max_count",
        ),
        ("2.1", json!({"metadata": {"a": 1}}), 400, "string"),
        ("2.1", json!({"metadata": {"": "x"}}), 400, "key"),
        (
            "2.1",
            json!({"availability_zone": "moon"}),
            400,
            "availability zone is not available",
        ),
        ("2.1", json!({"availability_zone": "nova:host-1"}), 403, "forced_host"),
        ("2.1", json!({"accessIPv4": "::1"}), 400, "accessIPv4"),
        ("2.1", json!({"description": "x"}), 400, "unexpected"),
        ("2.51", json!({"tags": ["a"]}), 400, "unexpected"),
        ("2.52", json!({"tags": ["a,b"]}), 400, "tag"),
        ("2.57", json!({"personality": []}), 400, "unexpected"),
        ("2.90", json!({"hostname": "-x"}), 400, "host name"),
        ("2.90", json!({"hostname": "a.example"}), 400, "host name"),
        ("2.63", json!({"trusted_image_certificates": ["a"]}), 400, "certificate"),
        (
            "2.1",
            json!({"block_device_mapping_v2": [{"boot_index": 0, "source_type": "volume", "uuid": nobody}]}),
            400,
            "failed to get volume",
        ),
    ];
    for (version, changes, status, words) in cases {
        let answer = at(&demo, version).post(&url("servers"), body(&means, changes)).await;
        expect_fault(answer, status, words);
    }
    expect_fault(demo.post(&url("servers"), json!({"server": []})).await, 400, "object");
    expect_fault(
        demo.post(&url("servers"), json!({})).await,
        400,
        "'server' is a required property",
    );
    assert_eq!(demo.get(&url("servers")).await.expect(200)["servers"], json!([]));
    let ports = demo
        .get("/networking/v2.0/ports?device_owner=compute:nova")
        .await
        .expect(200);
    assert_eq!(ports["ports"], json!([]));
}

#[tokio::test]
async fn networks_come_in_every_way_clients_name_them() {
    let cloud = TestCloud::start().await;
    let demo = cloud.demo().await;
    let means = Means::make(&demo).await;
    let newest = at(&demo, "2.100");
    let addresses = async |id: &str| wait_for(&newest, id, "ACTIVE").await["addresses"].clone();
    let make = async |changes: Value| {
        let answer = newest.post(&url("servers"), body(&means, changes)).await.expect(202);
        text(&answer["server"]["id"])
    };
    let none = make(json!({"networks": "none"})).await;
    assert_eq!(addresses(&none).await, json!({}));
    let auto = make(json!({"networks": "auto"})).await;
    assert_eq!(addresses(&auto).await["net1"].as_array().unwrap().len(), 1);
    let fixed = make(json!({"networks": [{"uuid": means.network, "fixed_ip": "10.1.0.77", "tag": "front"}]})).await;
    assert_eq!(addresses(&fixed).await["net1"][0]["addr"], "10.1.0.77");
    let nics = newest
        .get(&url(&format!("servers/{fixed}/os-interface")))
        .await
        .expect(200);
    assert_eq!(nics["interfaceAttachments"][0]["tag"], "front");

    let port = json!({"port": {"network_id": means.network, "fixed_ips": [{"ip_address": "10.1.0.88"}]}});
    let port = demo.post("/networking/v2.0/ports", port).await.expect(201);
    let port_id = text(&port["port"]["id"]);
    let with_port = make(json!({"networks": [{"port": port_id}]})).await;
    assert_eq!(addresses(&with_port).await["net1"][0]["addr"], "10.1.0.88");
    let twice = newest
        .post(&url("servers"), body(&means, json!({"networks": [{"port": port_id}]})))
        .await;
    expect_fault(twice, 409, "is still in use");

    newest.delete(&url(&format!("servers/{with_port}"))).await.expect(204);
    wait_gone(&newest, &with_port).await;
    let port = demo.get(&format!("/networking/v2.0/ports/{port_id}")).await.expect(200);
    assert_eq!(
        port["port"]["device_id"], "",
        "a port that was there before stays, and is free"
    );

    make_network(&demo, "net2", "10.2.0.0/24").await;
    let answer = newest
        .post(&url("servers"), body(&means, json!({"networks": "auto"})))
        .await;
    expect_fault(answer, 409, "Multiple possible networks found");
}

#[tokio::test]
async fn several_servers_share_a_reservation_and_the_quota_holds() {
    let cloud = TestCloud::start().await;
    let (demo, admin) = (cloud.demo().await, cloud.admin().await);
    let means = Means::make(&demo).await;
    let many = json!({"min_count": 2, "max_count": 3, "return_reservation_id": true});
    let answer = demo.post(&url("servers"), body(&means, many)).await.expect(202);
    assert!(text(&answer["reservation_id"]).starts_with("r-"));
    let list = demo
        .get(&url("servers?sort_key=display_name&sort_dir=asc"))
        .await
        .expect(200);
    let names: Vec<&str> = list["servers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|s| s["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["web-1", "web-2", "web-3"]);

    let quota = format!("os-quota-sets/{}", demo.project_id);
    let body_of = |limit: i64| json!({"quota_set": {"instances": limit}});
    expect_fault(
        admin.put(&url(&quota), body_of(2)).await,
        400,
        "greater than or equal to already used",
    );
    admin.put(&url(&quota), body_of(4)).await.expect(200);
    let answer = demo.post(&url("servers"), body(&means, json!({"min_count": 2}))).await;
    expect_fault(
        answer,
        403,
        "Quota exceeded for instances: Requested 2, but already used 3 of 4 instances",
    );
    // As many as fit between the two counts.
    demo.post(&url("servers"), body(&means, json!({"min_count": 1, "max_count": 5})))
        .await
        .expect(202);
    assert_eq!(
        demo.get(&url("servers")).await.expect(200)["servers"]
            .as_array()
            .unwrap()
            .len(),
        4
    );
    let limits = demo.get(&url("limits")).await.expect(200);
    assert_eq!(limits["limits"]["absolute"]["totalInstancesUsed"], 4);
    let detail = demo.get(&url(&format!("{quota}/detail"))).await.expect(200);
    assert_eq!(
        detail["quota_set"]["instances"],
        json!({"limit": 4, "in_use": 4, "reserved": 0})
    );
    assert_eq!(admin.delete(&url(&quota)).await.status, 202);
    assert_eq!(demo.get(&url(&quota)).await.expect(200)["quota_set"]["instances"], 10);
    expect_fault(
        demo.get(&url(&format!("os-quota-sets/{}", admin.project_id))).await,
        403,
        "Policy",
    );
}

#[tokio::test]
async fn a_server_that_no_host_can_take_says_what_was_missing() {
    let cloud = TestCloud::start().await;
    let (demo, admin) = (cloud.demo().await, cloud.admin().await);
    let means = Means::make(&demo).await;
    cloud.node.set_facts(|facts| {
        facts.disk_bytes = 100 << 30;
        facts.disk_free_bytes = 14 << 30;
    });
    let mut facts = cloud.control.host_report();
    facts
        .wait_for(|report| report.facts.disk_free_bytes == 14 << 30)
        .await
        .unwrap();
    let answer = demo
        .post(&url("servers"), body(&means, json!({"flavorRef": "2"})))
        .await
        .expect(202);
    let id = text(&answer["server"]["id"]);
    let server = wait_for(&demo, &id, "ERROR").await;
    let message = text(&server["fault"]["message"]);
    assert!(message.starts_with("No valid host was found."), "{message}");
    assert!(message.contains("disk: 20 GB asked, 14 GB free"), "{message}");
    assert_eq!(server["fault"]["code"], 500);
    assert_eq!(
        server["fault"].get("details"),
        None,
        "which host it was is for administrators"
    );
    assert_eq!(server["hostId"], "");
    let server = wait_for(&admin, &id, "ERROR").await;
    assert_eq!(server["fault"]["details"], "host-1: disk: 20 GB asked, 14 GB free");

    expect_fault(
        act(&demo, &id, json!({"os-stop": null})).await,
        409,
        "never started on a host",
    );
    assert_eq!(demo.delete(&url(&format!("servers/{id}"))).await.status, 204);
    assert_eq!(
        demo.get(&url(&format!("servers/{id}"))).await.status,
        404,
        "it never had a host: gone at once"
    );
}

#[tokio::test]
async fn power_goes_its_ways_and_only_those() {
    let cloud = TestCloud::start().await;
    let demo = cloud.demo().await;
    let id = Means::make(&demo).await.boot(&demo, "web").await;
    let steps = [
        (json!({"os-start": null}), 409, "ACTIVE"),
        (json!({"unpause": null}), 409, "ACTIVE"),
        (json!({"reboot": {"type": "SOFT"}}), 202, "ACTIVE"),
        (json!({"pause": null}), 202, "PAUSED"),
        (json!({"pause": null}), 409, "PAUSED"),
        (json!({"os-stop": null}), 409, "PAUSED"),
        (json!({"unpause": null}), 202, "ACTIVE"),
        (json!({"suspend": null}), 202, "SUSPENDED"),
        (json!({"resume": null}), 202, "ACTIVE"),
        (json!({"os-stop": null}), 202, "SHUTOFF"),
        (json!({"reboot": {"type": "soft"}}), 409, "SHUTOFF"),
        (json!({"reboot": {"type": "hard"}}), 202, "ACTIVE"),
        (json!({"os-stop": null}), 202, "SHUTOFF"),
        (json!({"os-start": null}), 202, "ACTIVE"),
        (json!({"reboot": {"type": "COLD"}}), 400, "ACTIVE"),
        (json!({"reboot": {}}), 400, "ACTIVE"),
        (json!({"dance": null}), 400, "ACTIVE"),
        (json!({"resize": {"flavorRef": "nope"}}), 400, "ACTIVE"),
        (json!({"changePassword": {"adminPass": "x"}}), 501, "ACTIVE"),
        (json!({"os-start": null, "os-stop": null}), 400, "ACTIVE"),
    ];
    for (action, status, then) in steps {
        let answer = act(&demo, &id, action.clone()).await;
        assert_eq!(answer.status, status, "{action}: {answer:?}");
        wait_for(&demo, &id, then).await;
    }
    let answer = act(&demo, &id, json!({"os-start": null})).await;
    expect_fault(
        answer,
        409,
        &format!("Cannot 'start' instance {id} while it is in vm_state active"),
    );
    cloud.node.hold_every_server();
    assert_eq!(act(&demo, &id, json!({"os-stop": null})).await.status, 202);
    let answer = act(&demo, &id, json!({"pause": null})).await;
    expect_fault(answer, 409, "while it is in task_state powering-off");
    cloud.node.release();
    wait_for(&demo, &id, "SHUTOFF").await;
    let log = demo
        .get(&url(&format!("servers/{id}/os-instance-actions")))
        .await
        .expect(200);
    assert_eq!(log["instanceActions"][0]["action"], "stop");
    assert_eq!(
        log["instanceActions"].as_array().unwrap().last().unwrap()["action"],
        "create"
    );
}

#[tokio::test]
async fn a_guest_that_shuts_itself_down_is_seen_as_stopped() {
    let cloud = TestCloud::start().await;
    let demo = cloud.demo().await;
    let id = Means::make(&demo).await.boot(&demo, "web").await;
    assert!(cloud.node.power_off_guest(id.parse().unwrap()));
    let server = wait_for(&demo, &id, "SHUTOFF").await;
    assert_eq!(server["OS-EXT-STS:power_state"], 4);
    assert_eq!(act(&demo, &id, json!({"os-start": null})).await.status, 202);
    wait_for(&demo, &id, "ACTIVE").await;
}

#[tokio::test]
async fn a_guest_leaves_its_password_once_and_its_owner_can_clear_it() {
    let cloud = TestCloud::start().await;
    let demo = cloud.demo().await;
    let id = Means::make(&demo).await.boot(&demo, "web").await;
    let path = url(&format!("servers/{id}/os-server-password"));
    assert_eq!(demo.get(&path).await.expect(200)["password"], "");
    let server: ServerId = id.parse().unwrap();
    cloud.node.leave_password(server, "c2VjcmV0");
    let kept = || cloud.node.wanted().servers[&server].metadata.guest_password.clone();
    until(async || kept().is_some()).await;
    assert_eq!(kept().as_deref(), Some("c2VjcmV0"));
    assert_eq!(demo.get(&path).await.expect(200)["password"], "c2VjcmV0");
    cloud.node.leave_password(server, "b3RoZXI=");
    // Anything that the host says after it has been heard with it.
    cloud.node.power_off_guest(server);
    wait_for(&demo, &id, "SHUTOFF").await;
    assert_eq!(demo.get(&path).await.expect(200)["password"], "c2VjcmV0");
    assert_eq!(demo.delete(&path).await.status, 204);
    assert_eq!(demo.get(&path).await.expect(200)["password"], "");
}

#[tokio::test]
async fn a_host_s_failure_is_the_server_s_fault() {
    let cloud = TestCloud::start().await;
    let demo = cloud.demo().await;
    let means = Means::make(&demo).await;
    cloud.node.fail_every_server("The image can't be read.");
    let id = means.create(&demo, "web").await;
    let server = wait_for(&demo, &id, "ERROR").await;
    assert_eq!(server["fault"]["message"], "The image can't be read.");
    cloud.node.mend();
    assert_eq!(act(&demo, &id, json!({"reboot": {"type": "HARD"}})).await.status, 202);
    let server = wait_past_error(&demo, &id, "ACTIVE").await;
    assert_eq!(server.get("fault"), None);
}

#[tokio::test]
async fn a_lock_keeps_the_project_off_and_never_the_administrator() {
    let cloud = TestCloud::start().await;
    let (demo, admin) = (cloud.demo().await, cloud.admin().await);
    let id = Means::make(&demo).await.boot(&demo, "web").await;
    let newest = at(&demo, "2.100");
    let lock = json!({"lock": {"locked_reason": "keep off"}});
    assert_eq!(act(&newest, &id, lock).await.status, 202);
    let server = newest.get(&url(&format!("servers/{id}"))).await.expect(200);
    assert_eq!(server["server"]["locked_reason"], "keep off");
    for action in [
        json!({"os-stop": null}),
        json!({"reboot": {"type": "HARD"}}),
        json!({"forceDelete": null}),
    ] {
        expect_fault(act(&demo, &id, action).await, 409, "is locked");
    }
    expect_fault(demo.delete(&url(&format!("servers/{id}"))).await, 409, "is locked");
    let found = newest.get(&url("servers?locked=true")).await.expect(200);
    assert_eq!(found["servers"].as_array().unwrap().len(), 1);
    assert_eq!(
        newest.get(&url("servers?locked=false")).await.expect(200)["servers"],
        json!([])
    );
    assert_eq!(act(&admin, &id, json!({"os-stop": null})).await.status, 202);
    wait_for(&demo, &id, "SHUTOFF").await;
    assert_eq!(act(&demo, &id, json!({"unlock": null})).await.status, 202);
    assert_eq!(act(&demo, &id, json!({"os-start": null})).await.status, 202);
    wait_for(&demo, &id, "ACTIVE").await;
    assert_eq!(act(&admin, &id, json!({"lock": null})).await.status, 202);
    expect_fault(act(&demo, &id, json!({"unlock": null})).await, 403, "unlock_override");
    expect_fault(
        act(&demo, &id, json!({"os-resetState": {"state": "error"}})).await,
        403,
        "reset_state",
    );
    assert_eq!(
        act(&admin, &id, json!({"os-resetState": {"state": "active"}}))
            .await
            .status,
        202
    );
}

#[tokio::test]
async fn another_project_s_server_does_not_exist() {
    let cloud = TestCloud::start().await;
    let demo = cloud.demo().await;
    let id = Means::make(&demo).await.boot(&demo, "web").await;
    let other = at(&cloud.project("other").await, "2.100");
    let reader = cloud.project_with_role("watch", "reader").await;
    let server = url(&format!("servers/{id}"));
    for path in [
        "",
        "/metadata",
        "/tags",
        "/ips",
        "/os-interface",
        "/os-instance-actions",
        "/os-security-groups",
        "/os-volume_attachments",
        "/metadata/a",
        "/tags/a",
    ] {
        assert_eq!(other.get(&format!("{server}{path}")).await.status, 404, "{path}");
    }
    assert_eq!(other.delete(&server).await.status, 404);
    assert_eq!(
        other.put(&server, json!({"server": {"name": "mine"}})).await.status,
        404
    );
    for action in [
        json!({"os-stop": null}),
        json!({"os-getConsoleOutput": {}}),
        json!({"lock": null}),
    ] {
        assert_eq!(act(&other, &id, action).await.status, 404);
    }
    assert_eq!(other.get(&url("servers")).await.expect(200)["servers"], json!([]));
    expect_fault(other.get(&url("servers?all_tenants=1")).await, 403, "Policy");
    assert_eq!(reader.post(&url("servers"), json!({})).await.status, 403);
    assert_eq!(reader.get(&url("servers")).await.status, 200);
}

#[tokio::test]
async fn a_deletion_ends_when_the_host_lets_go() {
    let cloud = TestCloud::start().await;
    let demo = cloud.demo().await;
    let id = Means::make(&demo).await.boot(&demo, "web").await;
    cloud.node.hold_every_server();
    assert_eq!(demo.delete(&url(&format!("servers/{id}"))).await.status, 204);
    assert_eq!(
        demo.delete(&url(&format!("servers/{id}"))).await.status,
        204,
        "once more changes nothing"
    );
    let server = demo.get(&url(&format!("servers/{id}"))).await.expect(200);
    assert_eq!(server["server"]["OS-EXT-STS:task_state"], "deleting");
    expect_fault(
        act(&demo, &id, json!({"os-stop": null})).await,
        409,
        "task_state deleting",
    );
    cloud.node.release();
    wait_gone(&demo, &id).await;
}

async fn until(holds: impl AsyncFn() -> bool) {
    for _ in 0..2000 {
        if holds().await {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("it did not come true within 20 s");
}
