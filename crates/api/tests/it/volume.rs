//! Block storage against a simulated host.

use serde_json::{Value, json};

use crate::cloud::{Client, TestCloud};

/// Waits until a resource has a status; another's `error` is a failure.
pub async fn wait(client: &Client, path: &str, kind: &str, status: &str) -> Value {
    for _ in 0..500 {
        let answer = client.get(path).await.expect(200);
        if answer[kind]["status"] == status {
            return answer[kind].clone();
        }
        assert!(
            status == "error" || answer[kind]["status"] != "error",
            "{path}: {answer}"
        );
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("{path} does not become {status}: {:?}", client.get(path).await);
}

/// Waits until a resource is gone.
pub async fn wait_gone(client: &Client, path: &str) {
    for _ in 0..500 {
        if client.get(path).await.status == 404 {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("{path} does not go");
}

async fn volume(client: &Client, body: Value) -> Value {
    let made = client.post("/volume/v3/volumes", json!({"volume": body})).await;
    assert_eq!(made.status, 202, "{made:?}");
    let id = made.json["volume"]["id"].as_str().unwrap();
    wait(client, &format!("/volume/v3/volumes/{id}"), "volume", "available").await
}

/// A resource's id.
pub fn id(value: &Value) -> &str {
    value["id"].as_str().unwrap()
}

async fn server(client: &Client, body: Value) -> Value {
    let mut body = body;
    body["name"] = json!("s");
    body["flavorRef"] = json!("1");
    let made = client.post("/compute/v2.1/servers", json!({"server": body})).await;
    assert_eq!(made.status, 202, "{made:?}");
    let path = format!("/compute/v2.1/servers/{}", id(&made.json["server"]));
    wait(client, &path, "server", "ACTIVE").await
}

async fn image(client: &Client) -> String {
    let body = json!({"name": "i", "disk_format": "raw", "container_format": "bare"});
    let made = client.post("/image/v2/images", body).await.expect(201);
    let path = format!("/image/v2/images/{}/file", id(&made));
    let client = client.clone().with("content-type", "application/octet-stream");
    let data = axum::body::Body::from(vec![7_u8; 4096]);
    assert_eq!(client.send(axum::http::Method::PUT, &path, data).await.status, 204);
    id(&made).to_owned()
}

#[tokio::test]
async fn a_volume_lives_and_goes() {
    let cloud = TestCloud::start().await;
    let demo = cloud.demo().await;
    let made = volume(&demo, json!({"size": 2, "name": "data", "metadata": {"a": "b"}})).await;
    assert_eq!(made["size"], 2);
    assert_eq!(made["bootable"], "false");
    assert_eq!(made["volume_type"], "__DEFAULT__");
    let path = format!("/volume/v3/volumes/{}", id(&made));
    // The project may stand in the path; another's may not.
    let with_project = format!("/volume/v3/{}/volumes/{}", demo.project_id, id(&made));
    let shown = demo.get(&with_project).await.expect(200)["volume"].take();
    assert_eq!(shown["id"], made["id"]);
    // So do the links, then.
    let link = shown["links"][0]["href"].as_str().unwrap();
    assert!(link.ends_with(&with_project), "{link}");
    let other = cloud.project("other").await;
    assert_eq!(
        demo.get(&format!("/volume/v3/{}/volumes", other.project_id))
            .await
            .status,
        400
    );
    assert_eq!(other.get(&path).await.status, 404);

    demo.post(&format!("{path}/action"), json!({"os-extend": {"new_size": 3}}))
        .await
        .expect(202);
    assert_eq!(wait(&demo, &path, "volume", "available").await["size"], 3);
    let smaller = demo
        .post(&format!("{path}/action"), json!({"os-extend": {"new_size": 3}}))
        .await;
    assert_eq!(smaller.status, 400);

    let body = json!({"snapshot": {"volume_id": id(&made), "name": "snap"}});
    let snapshot = demo.post("/volume/v3/snapshots", body).await.expect(202)["snapshot"].take();
    let snapshot_path = format!("/volume/v3/snapshots/{}", id(&snapshot));
    wait(&demo, &snapshot_path, "snapshot", "available").await;
    let copy = volume(&demo, json!({"snapshot_id": id(&snapshot)})).await;
    assert_eq!((&copy["size"], &copy["snapshot_id"]), (&json!(3), &snapshot["id"]));
    let clone = volume(&demo, json!({"source_volid": id(&made)})).await;
    assert_eq!(clone["source_volid"], made["id"]);

    // What has snapshots stays, unless they go along.
    assert_eq!(demo.delete(&path).await.status, 400);
    demo.delete(&format!("{path}?cascade=true")).await.expect(202);
    wait_gone(&demo, &path).await;
    wait_gone(&demo, &snapshot_path).await;
    assert!(cloud.node.wanted().snapshots.is_empty());
    assert_eq!(cloud.node.wanted().volumes.len(), 2);
}

#[tokio::test]
async fn quotas_hold() {
    let cloud = TestCloud::start().await;
    let (admin, demo) = (cloud.admin().await, cloud.demo().await);
    let path = format!("/volume/v3/os-quota-sets/{}", demo.project_id);
    admin
        .put(&path, json!({"quota_set": {"volumes": 1, "gigabytes": 3}}))
        .await
        .expect(200);
    let made = volume(&demo, json!({"size": 2})).await;
    let over = demo.post("/volume/v3/volumes", json!({"volume": {"size": 1}})).await;
    assert_eq!(
        (over.status, &over.json["overLimit"]["code"]),
        (413, &json!(413)),
        "{over:?}"
    );
    let action = format!("/volume/v3/volumes/{}/action", id(&made));
    assert_eq!(
        demo.post(&action, json!({"os-extend": {"new_size": 4}})).await.status,
        413
    );
    let usage = demo.get(&format!("{path}?usage=True")).await.expect(200);
    assert_eq!(
        usage["quota_set"]["gigabytes"],
        json!({"limit": 3, "in_use": 2, "reserved": 0})
    );
}

#[tokio::test]
async fn a_failure_of_the_host_is_told() {
    let cloud = TestCloud::start().await;
    cloud.node.fail_volumes("no room");
    let demo = cloud.demo().await.with("openstack-api-version", "volume 3.70");
    let made = demo
        .post("/volume/v3/volumes", json!({"volume": {"size": 1}}))
        .await
        .expect(202);
    let path = format!("/volume/v3/volumes/{}", id(&made["volume"]));
    wait(&demo, &path, "volume", "error").await;
    let messages = demo.get("/volume/v3/messages").await.expect(200);
    assert_eq!(messages["messages"][0]["user_message"], "no room");
    demo.delete(&path).await.expect(202);
    wait_gone(&demo, &path).await;
}

#[tokio::test]
async fn a_volume_comes_to_a_server_and_goes() {
    let cloud = TestCloud::start().await;
    let demo = cloud.demo().await;
    let image = image(&demo).await;
    let server = server(&demo, json!({"imageRef": image})).await;
    let made = volume(&demo, json!({"size": 1})).await;
    let path = format!("/volume/v3/volumes/{}", id(&made));
    let attachments = format!("/compute/v2.1/servers/{}/os-volume_attachments", id(&server));
    let body = json!({"volumeAttachment": {"volumeId": id(&made)}});
    let attached = demo.post(&attachments, body.clone()).await.expect(200);
    assert_eq!(attached["volumeAttachment"]["device"], "/dev/vdb");
    let shown = wait(&demo, &path, "volume", "in-use").await;
    assert_eq!(shown["attachments"][0]["server_id"], server["id"]);
    let detail = demo
        .get(&format!("/compute/v2.1/servers/{}", id(&server)))
        .await
        .expect(200);
    assert_eq!(
        detail["server"]["os-extended-volumes:volumes_attached"],
        json!([{"id": made["id"]}])
    );
    // It can't be taken from under the server, nor attached twice, nor deleted.
    assert_eq!(demo.post(&attachments, body).await.status, 400);
    assert_eq!(
        demo.post(&format!("{path}/action"), json!({"os-detach": {}}))
            .await
            .status,
        409
    );
    let elsewhere = volume(&demo, json!({"size": 1})).await;
    let wrong = json!({"os-detach": {"attachment_id": shown["attachments"][0]["attachment_id"]}});
    let action = format!("/volume/v3/volumes/{}/action", id(&elsewhere));
    demo.post(&action, wrong).await.expect(400);
    let unplug = json!({"os-terminate_connection": {"connector": {}}});
    assert_eq!(demo.post(&format!("{path}/action"), unplug).await.status, 409);
    assert_eq!(demo.delete(&path).await.status, 400);
    demo.delete(&format!("{attachments}/{}", id(&made))).await.expect(202);
    wait(&demo, &path, "volume", "available").await;
    assert!(
        cloud
            .node
            .wanted()
            .servers
            .values()
            .all(|server| server.volumes.is_empty())
    );
}

#[tokio::test]
async fn a_server_boots_from_a_volume_that_goes_with_it() {
    let cloud = TestCloud::start().await;
    let demo = cloud.demo().await;
    let image = image(&demo).await;
    let disk = json!({"boot_index": 0, "uuid": image, "source_type": "image", "destination_type": "volume",
        "volume_size": 1, "delete_on_termination": true});
    let server = server(&demo, json!({"block_device_mapping_v2": [disk]})).await;
    assert_eq!(server["image"], "");
    let volume = server["os-extended-volumes:volumes_attached"][0].clone();
    let path = format!("/volume/v3/volumes/{}", id(&volume));
    let shown = wait(&demo, &path, "volume", "in-use").await;
    assert_eq!(shown["bootable"], "true");
    assert_eq!(shown["attachments"][0]["device"], "/dev/vda");
    assert_eq!(shown["volume_image_metadata"]["image_id"], image);
    let wanted = cloud.node.wanted();
    let planned = wanted.servers.values().next().unwrap();
    assert_eq!(planned.disk.image, None);
    assert_eq!(planned.volumes[0].boot_index, Some(0));
    an_image_of_it_makes_another(&demo, &server).await;
    // The root disk stays while the server does.
    let attachment = format!(
        "/compute/v2.1/servers/{}/os-volume_attachments/{}",
        id(&server),
        id(&volume)
    );
    assert_eq!(demo.delete(&attachment).await.status, 400);
    demo.delete(&format!("/compute/v2.1/servers/{}", id(&server)))
        .await
        .expect(204);
    // The image's snapshot is of this volume, which stays for its sake.
    wait(&demo, &path, "volume", "available").await;
    demo.delete(&format!("{path}?cascade=true")).await.expect(202);
    wait_gone(&demo, &path).await;
}

/// An image of a server that boots from a volume holds no data: it names a snapshot, which another server is made from.
async fn an_image_of_it_makes_another(client: &Client, server: &Value) {
    let action = format!("/compute/v2.1/servers/{}/action", id(server));
    let client = client.clone().with("openstack-api-version", "compute 2.45");
    let backup = json!({"createBackup": {"name": "b", "backup_type": "daily", "rotation": 1}});
    assert_eq!(client.post(&action, backup).await.status, 400);
    let made = client
        .post(&action, json!({"createImage": {"name": "i2"}}))
        .await
        .expect(202);
    let image = made["image_id"].as_str().unwrap();
    let shown = client.get(&format!("/image/v2/images/{image}")).await.expect(200);
    assert_eq!((&shown["status"], &shown["size"]), (&json!("active"), &json!(0)));
    let mapping: Value = serde_json::from_str(shown["block_device_mapping"].as_str().unwrap()).unwrap();
    let snapshot = mapping[0]["snapshot_id"].as_str().unwrap();
    let snapshot_path = format!("/volume/v3/snapshots/{snapshot}");
    wait(&client, &snapshot_path, "snapshot", "available").await;
    let file = client.get(&format!("/image/v2/images/{image}/file")).await;
    assert_eq!(file.status, 204);

    let copy = volume(&client, json!({"imageRef": image, "size": 1})).await;
    assert_eq!(
        (&copy["snapshot_id"], &copy["bootable"]),
        (&json!(snapshot), &json!("true"))
    );
    let copy = format!("/volume/v3/volumes/{}", id(&copy));
    client.delete(&copy).await.expect(202);
    wait_gone(&client, &copy).await;

    let other = self::server(&client, json!({"imageRef": image, "networks": "none"})).await;
    let volume = other["os-extended-volumes:volumes_attached"][0].clone();
    let path = format!("/volume/v3/volumes/{}", id(&volume));
    assert_eq!(wait(&client, &path, "volume", "in-use").await["snapshot_id"], snapshot);
    client
        .delete(&format!("/compute/v2.1/servers/{}", id(&other)))
        .await
        .expect(204);
    wait_gone(&client, &path).await;
}

#[tokio::test]
async fn a_volume_changes_hands() {
    let cloud = TestCloud::start().await;
    let (demo, other) = (cloud.demo().await, cloud.project("other").await);
    let made = volume(&demo, json!({"size": 1})).await;
    let body = json!({"transfer": {"volume_id": id(&made)}});
    let offer = demo.post("/volume/v3/os-volume-transfer", body).await.expect(202)["transfer"].take();
    let path = format!("/volume/v3/volumes/{}", id(&made));
    assert_eq!(demo.get(&path).await.json["volume"]["status"], "awaiting-transfer");
    let accept = format!("/volume/v3/os-volume-transfer/{}/accept", id(&offer));
    let wrong = other.post(&accept, json!({"accept": {"auth_key": "0000"}})).await;
    assert_eq!(wrong.status, 400);
    let key = json!({"accept": {"auth_key": offer["auth_key"]}});
    other.post(&accept, key).await.expect(202);
    assert_eq!(demo.get(&path).await.status, 404);
    assert_eq!(other.get(&path).await.expect(200)["volume"]["status"], "available");
}

#[tokio::test]
async fn lists_are_sorted_filtered_and_paged() {
    let cloud = TestCloud::start().await;
    let demo = cloud.demo().await;
    for (name, size) in [("b", 2), ("a", 1), ("c", 3)] {
        volume(&demo, json!({"size": size, "name": name, "metadata": {"n": name}})).await;
    }
    let names = |list: &Value| -> Vec<String> {
        let entries = list["volumes"].as_array().unwrap().iter();
        entries.map(|each| each["name"].as_str().unwrap().to_owned()).collect()
    };
    let list = demo.get("/volume/v3/volumes/detail?sort=name:asc").await.expect(200);
    assert_eq!(names(&list), ["a", "b", "c"]);
    let list = demo.get("/volume/v3/volumes?sort=size:desc&limit=2").await.expect(200);
    assert_eq!(names(&list), ["c", "b"]);
    let next = list["volumes_links"][0]["href"].as_str().unwrap();
    let list = demo
        .get(next.strip_prefix(crate::cloud::BASE_URL).unwrap())
        .await
        .expect(200);
    assert_eq!(names(&list), ["a"]);
    let list = demo
        .get("/volume/v3/volumes?metadata=%7B%27n%27%3A%27b%27%7D")
        .await
        .expect(200);
    assert_eq!(names(&list), ["b"]);
    assert_eq!(demo.get("/volume/v3/volumes?limit=-1").await.status, 400);
    assert_eq!(
        demo.get("/volume/v3/volumes?all_tenants=1&name=c").await.json["volumes"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

/// The server's log tells of a volume of its that grows, beside whatever else is done to it, and whether it grew.
#[tokio::test]
async fn an_attached_volume_that_grows_is_in_the_servers_log() {
    let cloud = TestCloud::start().await;
    let (demo, admin) = (cloud.demo().await, cloud.admin().await);
    let image = image(&demo).await;
    let server = server(&demo, json!({"imageRef": image})).await;
    let made = volume(&demo, json!({"size": 1})).await;
    let path = format!("/volume/v3/volumes/{}", id(&made));
    let server_path = format!("/compute/v2.1/servers/{}", id(&server));
    let body = json!({"volumeAttachment": {"volumeId": id(&made)}});
    demo.post(&format!("{server_path}/os-volume_attachments"), body)
        .await
        .expect(200);
    wait(&demo, &path, "volume", "in-use").await;

    let demo = demo.with("openstack-api-version", "volume 3.42");
    let actions = format!("{server_path}/os-instance-actions");
    let extend = |size: u64| json!({"os-extend": {"new_size": size}});
    // Held, it grows on its host, and its guest has not seen it yet.
    let server_id = id(&server).parse().unwrap();
    cloud.node.hold_server(server_id);
    demo.post(&format!("{path}/action"), extend(2)).await.expect(202);
    let log = demo.get(&actions).await.expect(200);
    let entry = log["instanceActions"][0].clone();
    assert_eq!(entry["action"], "extend_volume");
    let shown = format!("{actions}/{}", entry["request_id"].as_str().unwrap());
    let event = admin.get(&shown).await.expect(200)["instanceAction"]["events"][0].clone();
    assert_eq!(
        (&event["event"], &event["finish_time"], &event["result"]),
        (&json!("compute_extend_volume"), &Value::Null, &Value::Null)
    );
    // It is not taken away meanwhile.
    let attachment = format!("{server_path}/os-volume_attachments/{}", id(&made));
    assert_eq!(demo.delete(&attachment).await.status, 400);
    // What is asked of the server later ends for itself.
    demo.post(&format!("{server_path}/action"), json!({"os-stop": null}))
        .await
        .expect(202);
    cloud.node.release();
    wait(&demo, &server_path, "server", "SHUTOFF").await;
    wait(&demo, &path, "volume", "in-use").await;
    let event = admin.get(&shown).await.expect(200)["instanceAction"]["events"][0].clone();
    assert_eq!(event["result"], "Success");
    assert!(event["finish_time"].is_string());

    cloud.node.fail_volumes("no room");
    demo.post(&format!("{path}/action"), extend(3)).await.expect(202);
    wait(&demo, &path, "volume", "error_extending").await;
    let log = demo.get(&actions).await.expect(200);
    let failed: Vec<&Value> = log["instanceActions"].as_array().unwrap().iter().collect();
    let request = failed[0]["request_id"].as_str().unwrap();
    let event = admin.get(&format!("{actions}/{request}")).await.expect(200)["instanceAction"]["events"][0].clone();
    assert_eq!(event["result"], "Error");
}

/// A volume that nobody uses gets an image's content; an order is over when its host says so, whatever an administrator says.
#[tokio::test]
async fn a_volume_is_given_an_image() {
    let cloud = TestCloud::start().await;
    let (demo, admin) = (cloud.demo().await, cloud.admin().await);
    let image = image(&demo).await;
    let made = volume(&demo, json!({"size": 1})).await;
    let path = format!("/volume/v3/volumes/{}", id(&made));
    let volume_id = id(&made).parse::<model::VolumeId>().unwrap();
    let action = format!("{path}/action");
    let order = json!({"os-reimage": {"image_id": image}});
    assert_eq!(demo.post(&action, order.clone()).await.status, 400, "it came with 3.68");
    let demo = demo.with("openstack-api-version", "volume 3.68");
    let unknown = json!({"os-reimage": {"image_id": "00000000-0000-4000-8000-000000000000"}});
    assert_eq!(demo.post(&action, unknown).await.status, 400);
    demo.post(&action, order.clone()).await.expect(202);
    let shown = wait(&demo, &path, "volume", "available").await;
    assert_eq!(shown["volume_image_metadata"]["image_id"], image);
    assert_eq!(shown["bootable"], "true");

    // Its host is away: the order stays, and so does what was set by hand.
    cloud.node.disconnect();
    demo.post(&action, order.clone()).await.expect(202);
    assert_eq!(demo.post(&action, order.clone()).await.status, 400);
    let reset = json!({"os-reset_status": {"status": "maintenance"}});
    admin.post(&action, reset).await.expect(202);
    cloud.node.reconnect();
    for _ in 0..500 {
        if cloud.node.wanted().volumes[&volume_id].restore.is_none() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    assert!(cloud.node.wanted().volumes[&volume_id].restore.is_none());
    assert_eq!(demo.get(&path).await.expect(200)["volume"]["status"], "maintenance");
}

#[tokio::test]
async fn qos_specs_of_hosts_are_told_and_checked() {
    let cloud = TestCloud::start().await;
    let admin = cloud.admin().await;
    let specs = "/volume/v3/qos-specs";
    let bad = json!({"qos_specs": {"name": "bad", "consumer": "front-end", "total_iops_sec": "many"}});
    let refused = admin.post(specs, bad).await.expect(400);
    let message = refused["badRequest"]["message"].as_str().unwrap();
    assert!(message.contains("total_iops_sec is 'many'"), "{message}");

    let good =
        json!({"qos_specs": {"name": "slow", "consumer": "front-end", "total_iops_sec": "100", "color": "blue"}});
    let qos = admin.post(specs, good).await.expect(200)["qos_specs"].clone();
    let one = format!("{specs}/{}", id(&qos));
    admin
        .put(&one, json!({"qos_specs": {"read_bytes_sec": "-3"}}))
        .await
        .expect(400);
    assert_eq!(admin.get(&one).await.expect(200)["qos_specs"]["specs"], qos["specs"]);
    let body = json!({"volume_type": {"name": "slow"}});
    let of_type = admin.post("/volume/v3/types", body).await.expect(200)["volume_type"].clone();
    let made = volume(&admin, json!({"size": 1, "volume_type": "slow"})).await;
    let action = format!("/volume/v3/volumes/{}/action", id(&made));
    let connect = json!({"os-initialize_connection": {"connector": {"host": "h"}}});
    let told = async || {
        let answer = admin.post(&action, connect.clone()).await.expect(200);
        answer["connection_info"]["data"]["qos_specs"].clone()
    };
    assert_eq!(told().await, Value::Null);
    let associate = format!("{one}/associate?vol_type_id={}", id(&of_type));
    admin.get(&associate).await.expect(202);
    assert_eq!(told().await, qos["specs"]);
    // What grows with the volume is told as it is for this one.
    let by_size = json!({"qos_specs": {"read_bytes_sec_per_gb": "7", "read_bytes_sec_per_gb_min": "9"}});
    admin.put(&one, by_size).await.expect(200);
    let worked_out = json!({"total_iops_sec": "100", "color": "blue", "read_bytes_sec": "9"});
    assert_eq!(told().await, worked_out);
    // What storage is to keep by itself does not concern who connects.
    admin
        .put(&one, json!({"qos_specs": {"consumer": "back-end"}}))
        .await
        .expect(200);
    assert_eq!(told().await, Value::Null);
}
