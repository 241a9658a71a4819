//! Servers that boot from a volume: rebuilt from another image, rescued, shelved.

use model::host::{DesiredPower, ServerPhase};
use model::{ServerId, VolumeId};
use serde_json::{Value, json};

use crate::cloud::{Client, TestCloud};
use crate::compute::{Means, act, at, expect_fault, make_image, text, url, wait_for, wait_past_error};

/// A server that boots from a volume of the image. Gives both ids.
async fn boot(client: &Client, means: &Means) -> (String, String) {
    let disk = json!({"boot_index": 0, "uuid": means.image, "source_type": "image", "destination_type": "volume",
        "volume_size": 1, "delete_on_termination": false});
    let mut body = means.server("backed");
    let server = body["server"].as_object_mut().unwrap();
    server.remove("imageRef");
    server.insert("block_device_mapping_v2".to_owned(), json!([disk]));
    let id = text(&client.post(&url("servers"), body).await.expect(202)["server"]["id"]);
    let server = wait_for(client, &id, "ACTIVE").await;
    let volume = text(&server["os-extended-volumes:volumes_attached"][0]["id"]);
    volume_becomes(client, &volume, "in-use").await;
    (id, volume)
}

async fn volume_becomes(client: &Client, id: &str, status: &str) -> Value {
    for _ in 0..500 {
        let shown = client.get(&format!("/volume/v3/volumes/{id}")).await.expect(200)["volume"].clone();
        if shown["status"] == status {
            return shown;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("volume {id} does not become {status}");
}

async fn eventually(holds: impl Fn() -> bool) {
    for _ in 0..500 {
        if holds() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("the host was never told");
}

fn rebuild(image: &str) -> Value {
    json!({"rebuild": {"imageRef": image}})
}

/// Whether the host is to fill the volume.
fn is_to_fill(cloud: &TestCloud, volume: &str) -> bool {
    let id: VolumeId = volume.parse().unwrap();
    cloud.node.wanted().volumes[&id].restore.is_some()
}

#[tokio::test]
async fn a_rebuild_gives_the_volume_another_images_content() {
    let cloud = TestCloud::start().await;
    let demo = cloud.demo().await;
    let means = Means::make(&demo).await;
    let other = make_image(&demo, json!({"name": "other"})).await;
    let (id, volume) = boot(&demo, &means).await;
    let server_id = id.parse().unwrap();

    // Before 2.93 only what is in it already may be named, and it stays as it is.
    expect_fault(act(&at(&demo, "2.92"), &id, rebuild(&other)).await, 400, "2.93");
    let boots = cloud.node.boots(server_id);
    act(&at(&demo, "2.92"), &id, rebuild(&means.image)).await.expect(202);
    wait_for(&demo, &id, "ACTIVE").await;
    assert_eq!(cloud.node.boots(server_id), boots + 1);

    let newest = at(&demo, "2.93");
    let large = make_image(&demo, json!({"name": "large", "min_disk": 2})).await;
    expect_fault(act(&newest, &id, rebuild(&large)).await, 400, "too small");
    cloud.node.hold_every_server();
    let answer = act(&newest, &id, rebuild(&other)).await.expect(202);
    assert_eq!(answer["server"]["image"], "");
    assert_eq!(answer["server"]["status"], "REBUILD");
    let shown = volume_becomes(&demo, &volume, "downloading").await;
    assert_eq!(shown["volume_image_metadata"]["image_id"], means.image);
    let action = format!("/volume/v3/volumes/{volume}/action");
    let extend = json!({"os-extend": {"new_size": 2}});
    let client = demo.clone().with("openstack-api-version", "volume 3.42");
    assert_eq!(client.post(&action, extend).await.status, 400);
    // The volume is not touched before the machine has let go of it.
    eventually(|| cloud.node.wanted().servers[&server_id].power == DesiredPower::Off).await;
    assert!(!is_to_fill(&cloud, &volume));
    let boots = cloud.node.boots(server_id);
    cloud.node.release();
    wait_for(&demo, &id, "ACTIVE").await;
    let shown = volume_becomes(&demo, &volume, "in-use").await;
    assert_eq!(shown["volume_image_metadata"]["image_id"], other);
    assert_eq!(cloud.node.boots(server_id), boots + 1);
    assert!(!is_to_fill(&cloud, &volume));

    // One that is off stays off.
    act(&demo, &id, json!({"os-stop": null})).await.expect(202);
    wait_for(&demo, &id, "SHUTOFF").await;
    act(&newest, &id, rebuild(&means.image)).await.expect(202);
    let shown = wait_for(&demo, &id, "SHUTOFF").await;
    assert!(shown["OS-EXT-STS:task_state"].is_null());
    let shown = volume_becomes(&demo, &volume, "in-use").await;
    assert_eq!(shown["volume_image_metadata"]["image_id"], means.image);
}

#[tokio::test]
async fn a_rebuild_that_fails_leaves_the_volume_as_it_was() {
    let cloud = TestCloud::start().await;
    let demo = cloud.demo().await;
    let means = Means::make(&demo).await;
    let other = make_image(&demo, json!({"name": "other"})).await;
    let (id, volume) = boot(&demo, &means).await;
    cloud.node.fail_volumes("no room");
    act(&at(&demo, "2.93"), &id, rebuild(&other)).await.expect(202);
    let failed = wait_for(&demo, &id, "ERROR").await;
    assert!(text(&failed["fault"]["message"]).contains("no room"), "{failed}");
    let shown = volume_becomes(&demo, &volume, "in-use").await;
    assert_eq!(shown["volume_image_metadata"]["image_id"], means.image);
    assert_eq!(
        cloud.node.phase(id.parse().unwrap()),
        Some(ServerPhase::Off { by_guest: false })
    );
    cloud.node.mend();
    act(&demo, &id, json!({"reboot": {"type": "HARD"}})).await.expect(202);
    wait_past_error(&demo, &id, "ACTIVE").await;
}

/// The program dies after the answer; what was promised is done by the next.
#[tokio::test]
async fn a_rebuild_outlives_the_program() {
    let cloud = TestCloud::start().await;
    let demo = cloud.demo().await;
    let means = Means::make(&demo).await;
    let other = make_image(&demo, json!({"name": "other"})).await;
    let (id, volume) = boot(&demo, &means).await;
    let (gone, gone_volume) = boot(&demo, &means).await;
    cloud.node.hold_every_server();
    for server in [&id, &gone] {
        act(&at(&demo, "2.93"), server, rebuild(&other)).await.expect(202);
    }
    demo.delete(&url(&format!("servers/{gone}"))).await.expect(204);
    let cloud = cloud.restart().await;
    let demo = cloud.demo().await;
    wait_for(&demo, &id, "ACTIVE").await;
    let shown = volume_becomes(&demo, &volume, "in-use").await;
    assert_eq!(shown["volume_image_metadata"]["image_id"], other);
    // Of a server that was deleted before its volume was touched, the volume is what it was.
    let shown = volume_becomes(&demo, &gone_volume, "available").await;
    assert_eq!(shown["volume_image_metadata"]["image_id"], means.image);
}

#[tokio::test]
async fn a_rescue_leaves_the_volume_in_its_place() {
    let cloud = TestCloud::start().await;
    let demo = cloud.demo().await;
    let means = Means::make(&demo).await;
    let (id, volume) = boot(&demo, &means).await;
    let stable = make_image(&demo, json!({"hw_rescue_device": "disk", "hw_rescue_bus": "virtio"})).await;
    let rescue = |image: &str| json!({"rescue": {"rescue_image_ref": image}});
    let words = "Cannot rescue a volume-backed instance";
    expect_fault(act(&at(&demo, "2.86"), &id, rescue(&stable)).await, 400, words);
    let newest = at(&demo, "2.87");
    expect_fault(act(&newest, &id, rescue(&means.image)).await, 400, words);
    act(&newest, &id, rescue(&stable)).await.expect(200);
    wait_for(&demo, &id, "RESCUE").await;
    let planned = cloud.node.wanted().servers[&id.parse::<ServerId>().unwrap()].clone();
    assert!(planned.orders.rescue.as_ref().is_some_and(|rescue| rescue.last));
    assert_eq!(planned.volumes[0].id.to_string(), volume);
    act(&demo, &id, json!({"unrescue": null})).await.expect(202);
    wait_for(&demo, &id, "ACTIVE").await;
}

#[tokio::test]
async fn a_shelved_server_is_its_volume() {
    let cloud = TestCloud::start().await;
    let demo = cloud.demo().await;
    let means = Means::make(&demo).await;
    let (id, volume) = boot(&demo, &means).await;
    let before = demo.get(&url(&format!("servers/{id}"))).await.expect(200)["server"].clone();
    act(&demo, &id, json!({"shelve": null})).await.expect(202);
    let shelved = wait_for(&demo, &id, "SHELVED_OFFLOADED").await;
    assert_eq!(shelved["hostId"], "");
    // There is nothing to copy, so there is no image; nobody else gets the volume meanwhile.
    let images = demo.get("/image/v2/images?name=backed-shelved").await.expect(200);
    assert_eq!(images["images"], json!([]));
    let shown = volume_becomes(&demo, &volume, "in-use").await;
    assert_eq!(shown["attachments"][0]["server_id"], id);
    eventually(|| cloud.node.wanted().servers.is_empty()).await;
    let log = demo
        .get(&url(&format!("servers/{id}/os-instance-actions")))
        .await
        .expect(200);
    assert_eq!(log["instanceActions"][0]["action"], "shelve");

    act(&demo, &id, json!({"unshelve": null})).await.expect(202);
    let after = wait_for(&demo, &id, "ACTIVE").await;
    assert_eq!(after["addresses"], before["addresses"]);
    let planned = cloud.node.wanted().servers[&id.parse::<ServerId>().unwrap()].clone();
    assert_eq!((planned.volumes.len(), planned.disk.image.is_none()), (1, true));

    act(&demo, &id, json!({"shelve": null})).await.expect(202);
    wait_for(&demo, &id, "SHELVED_OFFLOADED").await;
    demo.delete(&url(&format!("servers/{id}"))).await.expect(204);
    volume_becomes(&demo, &volume, "available").await;
}
