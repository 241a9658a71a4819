//! Groups of volumes and their snapshots, and what administrators say of types and services, against a simulated host.

use serde_json::{Value, json};

use crate::cloud::{Client, TestCloud};
use crate::volume::{id, wait, wait_gone};

/// With the newest microversion.
fn newest(client: Client) -> Client {
    client.with("openstack-api-version", "volume 3.70")
}

/// A group with one volume: paths of the group and the volume.
async fn group_of_one(admin: &Client, demo: &Client, specs: Value) -> (String, String) {
    let body = json!({"group_type": {"name": format!("t{specs}"), "group_specs": specs}});
    let group_type = admin.post("/volume/v3/group_types", body).await.expect(202)["group_type"].take();
    let body = json!({"group": {"name": "g", "group_type": group_type["id"], "volume_types": ["__DEFAULT__"]}});
    let group = demo.post("/volume/v3/groups", body).await.expect(202)["group"].take();
    let body = json!({"volume": {"size": 1, "group_id": group["id"], "volume_type": "__DEFAULT__"}});
    let volume = demo.post("/volume/v3/volumes", body).await.expect(202)["volume"].take();
    assert_eq!(volume["group_id"], group["id"]);
    let path = format!("/volume/v3/volumes/{}", id(&volume));
    wait(demo, &path, "volume", "available").await;
    (format!("/volume/v3/groups/{}", id(&group)), path)
}

#[tokio::test]
async fn a_group_is_snapshotted_copied_and_goes_with_its_volumes() {
    let cloud = TestCloud::start().await;
    let (admin, demo) = (newest(cloud.admin().await), newest(cloud.demo().await));
    let (group, volume) = group_of_one(&admin, &demo, json!({})).await;
    let shown = demo.get(&format!("{group}?list_volume=true")).await.expect(200)["group"].take();
    assert_eq!(shown["volumes"], json!([volume.rsplit('/').next().unwrap()]));
    // A volume of a group goes with it or leaves it first.
    assert_eq!(demo.delete(&volume).await.status, 400);

    let body = json!({"group_snapshot": {"group_id": shown["id"], "name": "gs"}});
    let snapshot = demo.post("/volume/v3/group_snapshots", body).await.expect(202)["group_snapshot"].take();
    let snapshot_path = format!("/volume/v3/group_snapshots/{}", id(&snapshot));
    wait(&demo, &snapshot_path, "group_snapshot", "available").await;
    let members = demo.get("/volume/v3/snapshots/detail").await.expect(200)["snapshots"].take();
    assert_eq!(members[0]["group_snapshot_id"], snapshot["id"]);
    let member = format!("/volume/v3/snapshots/{}", id(&members[0]));
    assert_eq!(demo.delete(&member).await.status, 400);
    // So long as it has a snapshot, the group stays.
    let delete = json!({"delete": {"delete-volumes": true}});
    assert_eq!(demo.post(&format!("{group}/action"), delete.clone()).await.status, 400);

    let body = json!({"create-from-src": {"name": "copy", "group_snapshot_id": snapshot["id"]}});
    let copy = demo.post("/volume/v3/groups/action", body).await.expect(202)["group"].take();
    let copy_path = format!("/volume/v3/groups/{}", id(&copy));
    wait(&demo, &copy_path, "group", "available").await;
    let copied = demo.get(&format!("{copy_path}?list_volume=1")).await.expect(200)["group"].take();
    assert_eq!(copied["group_snapshot_id"], snapshot["id"]);
    let new = format!("/volume/v3/volumes/{}", copied["volumes"][0].as_str().unwrap());
    assert_eq!(
        demo.get(&new).await.expect(200)["volume"]["snapshot_id"],
        members[0]["id"]
    );

    demo.delete(&snapshot_path).await.expect(202);
    wait_gone(&demo, &snapshot_path).await;
    assert_eq!(demo.get(&member).await.status, 404);
    for path in [group, copy_path] {
        demo.post(&format!("{path}/action"), delete.clone()).await.expect(202);
        wait_gone(&demo, &path).await;
    }
    assert!(cloud.node.wanted().volumes.is_empty());
    assert!(cloud.node.wanted().snapshots.is_empty());
}

#[tokio::test]
async fn volumes_enter_and_leave_a_group() {
    let cloud = TestCloud::start().await;
    let (admin, demo) = (newest(cloud.admin().await), newest(cloud.demo().await));
    let (group, volume) = group_of_one(&admin, &demo, json!({"a": "b"})).await;
    let volume_id = volume.rsplit('/').next().unwrap();
    let change = |body: Value| demo.put(&group, json!({"group": body}));
    change(json!({"remove_volumes": volume_id})).await.expect(202);
    assert_eq!(demo.get(&volume).await.expect(200)["volume"]["group_id"], Value::Null);
    assert_eq!(change(json!({"remove_volumes": volume_id})).await.status, 400);
    change(json!({"add_volumes": volume_id, "name": "new"}))
        .await
        .expect(202);
    assert_eq!(demo.get(&group).await.expect(200)["group"]["name"], "new");
    assert_eq!(change(json!({})).await.status, 400);
    // Another project sees nothing of it.
    let other = newest(cloud.project("other").await);
    assert_eq!(other.get(&group).await.status, 404);
    // With volumes it goes only when they may go, too.
    let delete = json!({"delete": {"delete-volumes": false}});
    assert_eq!(demo.post(&format!("{group}/action"), delete).await.status, 400);
    // Below 3.13 there are no groups.
    let old = cloud.demo().await;
    assert_eq!(old.get(&group).await.status, 404);
    // What no host can do is told by the status.
    let consistent = json!({"consistent_group_snapshot_enabled": "<is> True"});
    let body = json!({"group_type": {"name": "c", "group_specs": consistent}});
    admin.post("/volume/v3/group_types", body).await.expect(202);
    let body = json!({"group": {"group_type": "c", "volume_types": ["__DEFAULT__"]}});
    let made = demo.post("/volume/v3/groups", body).await.expect(202)["group"].take();
    wait(&demo, &format!("/volume/v3/groups/{}", id(&made)), "group", "error").await;
}

#[tokio::test]
async fn a_disabled_service_makes_no_volumes() {
    let cloud = TestCloud::start().await;
    let (admin, demo) = (newest(cloud.admin().await), newest(cloud.demo().await));
    let services = admin
        .get("/volume/v3/os-services?binary=cinder-volume")
        .await
        .expect(200)["services"]
        .take();
    let host = services[0]["host"].clone();
    let body = json!({"host": host, "binary": "cinder-volume", "disabled_reason": "disks"});
    let said = admin
        .put("/volume/v3/os-services/disable-log-reason", body.clone())
        .await
        .expect(200);
    assert_eq!(
        (&said["status"], &said["disabled_reason"]),
        (&json!("disabled"), &json!("disks"))
    );
    let services = admin
        .get("/volume/v3/os-services?binary=cinder-volume")
        .await
        .expect(200)["services"]
        .take();
    assert_eq!(services[0]["disabled_reason"], "disks");
    let new = json!({"volume": {"size": 1}});
    let made = demo.post("/volume/v3/volumes", new.clone()).await.expect(202)["volume"].take();
    assert_eq!(made["status"], "error");
    admin.put("/volume/v3/os-services/enable", body).await.expect(200);
    let made = demo.post("/volume/v3/volumes", new).await.expect(202)["volume"].take();
    let path = format!("/volume/v3/volumes/{}", id(&made));
    wait(&demo, &path, "volume", "available").await;

    // The read-only flag shows once it was said, whatever was said.
    let metadata = demo.get(&path).await.expect(200)["volume"]["metadata"].take();
    assert_eq!(metadata, json!({}));
    for (flag, shown) in [(true, "True"), (false, "False")] {
        let action = json!({"os-update_readonly_flag": {"readonly": flag}});
        demo.post(&format!("{path}/action"), action).await.expect(202);
        let metadata = demo.get(&path).await.expect(200)["volume"]["metadata"].take();
        assert_eq!(metadata, json!({"readonly": shown}));
    }
    // One that is in error while something outside has it is usable again once that is forced off.
    let attach = json!({"os-attach": {"host_name": "outside", "mountpoint": "/dev/vdb"}});
    demo.post(&format!("{path}/action"), attach).await.expect(202);
    for action in [
        json!({"os-reset_status": {"status": "error"}}),
        json!({"os-force_detach": {}}),
    ] {
        admin.post(&format!("{path}/action"), action).await.expect(202);
    }
    wait(&demo, &path, "volume", "available").await;
}
