//! Works on servers' disks through the API: images, rebuild, resize, rescue, shelve.

use serde_json::{Value, json};

use crate::cloud::{Client, TestCloud};
use crate::compute::{Means, act, at, expect_fault, make_image, text, url, wait_for};

/// Waits until an image has its data; `None` once it is gone.
async fn image_active(client: &Client, id: &str) -> Option<Value> {
    for _ in 0..500 {
        let answer = client.get(&format!("/image/v2/images/{id}")).await;
        if answer.status == 404 {
            return None;
        }
        let image = answer.expect(200);
        if image["status"] == "active" {
            return Some(image);
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("image {id} did not become active");
}

async fn idle(client: &Client, id: &str) -> Value {
    for _ in 0..500 {
        let server = client.get(&url(&format!("servers/{id}"))).await.expect(200)["server"].clone();
        if server["OS-EXT-STS:task_state"].is_null() {
            return server;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("server {id} is busy for ever");
}

#[tokio::test]
async fn an_image_of_a_server_is_one_to_boot_from() {
    let cloud = TestCloud::start().await;
    let demo = cloud.demo().await;
    let means = Means::make(&demo).await;
    let id = means.boot(&demo, "web").await;
    let newest = at(&demo, "2.45");
    cloud.node.hold_every_server();
    let path = url(&format!("servers/{id}/action"));
    let order = json!({"createImage": {"name": "snap", "metadata": {"k": "v"}}});
    let image = text(&newest.post(&path, order.clone()).await.expect(202)["image_id"]);
    let busy = demo.get(&url(&format!("servers/{id}"))).await.expect(200);
    assert_eq!(busy["server"]["OS-EXT-STS:task_state"], "image_snapshot");
    let queued = demo.get(&format!("/image/v2/images/{image}")).await.expect(200);
    assert_eq!(queued["status"], "queued");
    expect_fault(
        demo.post(&path, order).await,
        409,
        &format!("Cannot 'createImage' instance {id} while it is in task_state image_snapshot"),
    );
    cloud.node.release();
    let made = image_active(&demo, &image).await.unwrap();
    assert_eq!(
        (made["image_type"].as_str(), made["k"].as_str()),
        (Some("snapshot"), Some("v"))
    );
    assert_eq!(
        (&made["instance_uuid"], &made["base_image_ref"]),
        (&json!(id), &json!(means.image))
    );
    assert_eq!((&made["visibility"], &made["min_disk"]), (&json!("private"), &json!(1)));
    assert_eq!(idle(&demo, &id).await["status"], "ACTIVE");
    // Below 2.45 its address is in a header.
    let answer = act(&demo, &id, json!({"createImage": {"name": "again"}})).await;
    let location = answer.headers["location"].to_str().unwrap().to_owned();
    let again = location.rsplit_once("/images/").unwrap().1.to_owned();
    image_active(&demo, &again).await.unwrap();
    let mut body = means.server("copy");
    body["server"]["imageRef"] = json!(image);
    let copy = text(&demo.post(&url("servers"), body).await.expect(202)["server"]["id"]);
    wait_for(&demo, &copy, "ACTIVE").await;
}

#[tokio::test]
async fn an_image_that_is_deleted_or_a_server_that_goes_ends_the_copy() {
    let cloud = TestCloud::start().await;
    let demo = cloud.demo().await;
    let means = Means::make(&demo).await;
    let id = means.boot(&demo, "web").await;
    let path = url(&format!("servers/{id}/action"));
    let order = json!({"createImage": {"name": "snap"}});
    cloud.node.hold_every_server();
    let image = text(&at(&demo, "2.45").post(&path, order.clone()).await.expect(202)["image_id"]);
    demo.delete(&format!("/image/v2/images/{image}")).await.expect(204);
    cloud.node.release();
    assert_eq!(idle(&demo, &id).await["status"], "ACTIVE");
    cloud.node.hold_every_server();
    let image = text(&at(&demo, "2.45").post(&path, order).await.expect(202)["image_id"]);
    demo.delete(&url(&format!("servers/{id}"))).await.expect(204);
    cloud.node.release();
    assert_eq!(image_active(&demo, &image).await, None);
}

#[tokio::test]
async fn backups_rotate_each_kind_for_itself() {
    let cloud = TestCloud::start().await;
    let demo = cloud.demo().await;
    let means = Means::make(&demo).await;
    let id = means.boot(&demo, "web").await;
    let path = url(&format!("servers/{id}/action"));
    let mut made = Vec::new();
    for (name, kind) in [("d1", "daily"), ("w1", "weekly"), ("d2", "daily"), ("d3", "daily")] {
        let order = json!({"createBackup": {"name": name, "backup_type": kind, "rotation": 2}});
        let answer = at(&demo, "2.45").post(&path, order).await.expect(202);
        made.push(text(&answer["image_id"]));
        idle(&demo, &id).await;
        cloud.clock.advance(1);
    }
    let mut left = Vec::new();
    for _ in 0..200 {
        left.clear();
        for image in &made {
            left.push(demo.get(&format!("/image/v2/images/{image}")).await.status == 200);
        }
        if !left[0] {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    assert_eq!(left, [false, true, true, true]);
    let wrong = json!({"createBackup": {"name": "x", "backup_type": "daily", "rotation": -1}});
    assert_eq!(demo.post(&path, wrong).await.status, 400);
}

#[tokio::test]
async fn a_rebuild_keeps_id_and_ports_and_takes_what_it_is_given() {
    let cloud = TestCloud::start().await;
    let demo = cloud.demo().await;
    let means = Means::make(&demo).await;
    let id = means.boot(&demo, "web").await;
    let before = demo.get(&url(&format!("servers/{id}"))).await.expect(200);
    let other = make_image(&demo, json!({"name": "other"})).await;
    let newest = at(&demo, "2.57");
    let order = json!({"rebuild": {
        "imageRef": other, "name": "web2", "metadata": {"a": "b"}, "adminPass": "secret", "user_data": "aGk=",
        "key_name": null, "description": "new",
    }});
    let path = url(&format!("servers/{id}/action"));
    let answer = newest.post(&path, order).await.expect(202);
    let server = &answer["server"];
    assert_eq!(
        (&server["status"], &server["adminPass"]),
        (&json!("REBUILD"), &json!("secret"))
    );
    assert_eq!(
        (&server["user_data"], &server["key_name"]),
        (&json!("aGk="), &Value::Null)
    );
    let after = wait_for(&demo, &id, "ACTIVE").await;
    assert_eq!((&after["name"], &after["image"]["id"]), (&json!("web2"), &json!(other)));
    assert_eq!(after["addresses"], before["server"]["addresses"]);
    // A stopped server is stopped afterwards.
    assert_eq!(act(&demo, &id, json!({"os-stop": null})).await.status, 202);
    wait_for(&demo, &id, "SHUTOFF").await;
    let order = json!({"rebuild": {"imageRef": means.image}});
    demo.post(&path, order).await.expect(202);
    assert_eq!(idle(&demo, &id).await["status"], "SHUTOFF");
    let unknown = json!({"rebuild": {"imageRef": "11111111-2222-4333-8444-555555555555"}});
    assert_eq!(demo.post(&path, unknown).await.status, 400);
}

#[tokio::test]
async fn a_size_is_on_trial_until_somebody_decides() {
    let cloud = TestCloud::start().await;
    let (demo, admin) = (cloud.demo().await, cloud.admin().await);
    let means = Means::make(&demo).await;
    let id = means.boot(&demo, "web").await;
    let flavor = |server: &Value| text(&server["flavor"]["id"]);
    let old = flavor(&demo.get(&url(&format!("servers/{id}"))).await.expect(200)["server"]);
    for (action, status, words) in [
        (json!({"resize": {"flavorRef": old}}), 400, "must change flavor"),
        (json!({"resize": {"flavorRef": "none"}}), 400, "none"),
        (json!({"confirmResize": null}), 409, "vm_state active"),
        (json!({"revertResize": null}), 409, "vm_state active"),
    ] {
        expect_fault(act(&demo, &id, action).await, status, words);
    }
    assert_eq!(act(&demo, &id, json!({"migrate": null})).await.status, 403);
    expect_fault(
        act(&admin, &id, json!({"migrate": null})).await,
        400,
        "No valid host was found",
    );

    for (decision, status, then) in [("revertResize", 202, old.as_str()), ("confirmResize", 204, "2")] {
        assert_eq!(act(&demo, &id, json!({"resize": {"flavorRef": "2"}})).await.status, 202);
        let on_trial = wait_for(&demo, &id, "VERIFY_RESIZE").await;
        assert_eq!(flavor(&on_trial), "2");
        assert_eq!(act(&demo, &id, json!({ decision: null })).await.status, status);
        assert_eq!(flavor(&wait_for(&demo, &id, "ACTIVE").await), then, "{decision}");
    }
    // Back to a smaller disk is not possible, and is told with the figures.
    expect_fault(
        act(&demo, &id, json!({"resize": {"flavorRef": old}})).await,
        400,
        "disk: the server needs 20 GB",
    );
    let list = admin.get(&url("os-migrations")).await.expect(200);
    let states: Vec<&str> = list["migrations"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["status"].as_str().unwrap())
        .collect();
    assert_eq!(states, ["confirmed", "reverted"]);
    assert_eq!(demo.get(&url("os-migrations")).await.status, 403);
}

#[tokio::test]
async fn a_server_is_rescued_and_shelved_and_comes_back() {
    let cloud = TestCloud::start().await;
    let demo = cloud.demo().await;
    let means = Means::make(&demo).await;
    let id = means.boot(&demo, "web").await;
    let answer = act(&demo, &id, json!({"rescue": {"adminPass": "secret"}}))
        .await
        .expect(200);
    assert_eq!(answer["adminPass"], "secret");
    wait_for(&demo, &id, "RESCUE").await;
    expect_fault(act(&demo, &id, json!({"pause": null})).await, 409, "vm_state rescued");
    assert_eq!(act(&demo, &id, json!({"unrescue": null})).await.status, 202);
    wait_for(&demo, &id, "ACTIVE").await;

    let before = demo.get(&url(&format!("servers/{id}"))).await.expect(200);
    assert_eq!(act(&demo, &id, json!({"shelve": null})).await.status, 202);
    let shelved = wait_for(&demo, &id, "SHELVED_OFFLOADED").await;
    assert_eq!(
        (&shelved["hostId"], &shelved["OS-EXT-AZ:availability_zone"]),
        (&json!(""), &json!(""))
    );
    let images = demo.get("/image/v2/images?name=web-shelved").await.expect(200);
    assert_eq!(images["images"].as_array().unwrap().len(), 1);
    expect_fault(
        act(&demo, &id, json!({"shelve": null})).await,
        409,
        "vm_state shelved_offloaded",
    );
    assert_eq!(act(&demo, &id, json!({"unshelve": null})).await.status, 202);
    let after = wait_for(&demo, &id, "ACTIVE").await;
    assert_eq!(after["addresses"], before["server"]["addresses"]);
    assert_eq!(after["image"], before["server"]["image"]);
    let image = text(&images["images"][0]["id"]);
    gone_soon(&demo, &image).await;

    // It stands on what was that image, and can be shelved again. Its volumes may be changed meanwhile.
    assert_eq!(act(&demo, &id, json!({"shelve": null})).await.status, 202);
    wait_for(&demo, &id, "SHELVED_OFFLOADED").await;
    let path = url(&format!("servers/{id}/os-volume_attachments"));
    let (kept, dropped) = (make_volume(&demo).await, make_volume(&demo).await);
    let body = |volume: &str| json!({"volumeAttachment": {"volumeId": volume}});
    let early = at(&demo, "2.19").post(&path, body(&kept)).await;
    expect_fault(early, 409, "vm_state shelved_offloaded");
    let client = at(&demo, "2.20");
    for volume in [&kept, &dropped] {
        client.post(&path, body(volume)).await.expect(200);
    }
    assert_eq!(volume_status(&demo, &dropped).await, "in-use");
    assert_eq!(client.delete(&format!("{path}/{dropped}")).await.status, 202);
    assert_eq!(volume_status(&demo, &dropped).await, "available");
    assert_eq!(act(&demo, &id, json!({"unshelve": null})).await.status, 202);
    let after = wait_for(&demo, &id, "ACTIVE").await;
    assert_eq!(after["os-extended-volumes:volumes_attached"], json!([{"id": kept}]));
    assert_eq!(volume_status(&demo, &kept).await, "in-use");

    // One that is deleted while it is shelved takes its image along.
    let id = means.boot(&demo, "db").await;
    assert_eq!(act(&demo, &id, json!({"shelve": null})).await.status, 202);
    wait_for(&demo, &id, "SHELVED_OFFLOADED").await;
    demo.delete(&url(&format!("servers/{id}"))).await.expect(204);
    let images = demo.get("/image/v2/images?name=db-shelved").await.expect(200);
    assert_eq!(images["images"], json!([]));
}

async fn make_volume(client: &Client) -> String {
    let body = json!({"volume": {"size": 1}});
    let made = client.post("/volume/v3/volumes", body).await.expect(202);
    let id = text(&made["volume"]["id"]);
    for _ in 0..500 {
        if volume_status(client, &id).await == "available" {
            return id;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("volume {id} is not made");
}

async fn volume_status(client: &Client, id: &str) -> String {
    let shown = client.get(&format!("/volume/v3/volumes/{id}")).await.expect(200);
    text(&shown["volume"]["status"])
}

/// Waits until an image is gone.
async fn gone_soon(client: &Client, image: &str) {
    for _ in 0..500 {
        if client.get(&format!("/image/v2/images/{image}")).await.status == 404 {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("image {image} stays");
}
