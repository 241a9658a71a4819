//! Backups of volumes against a simulated host.

use serde_json::{Value, json};

use crate::cloud::{Client, TestCloud};
use crate::volume::{id, wait, wait_gone};

/// A volume of 1 GiB: its path.
async fn volume(client: &Client) -> (String, Value) {
    let body = json!({"volume": {"size": 1, "name": "data", "metadata": {"a": "b"}}});
    let made = client.post("/volume/v3/volumes", body).await.expect(202)["volume"].take();
    let path = format!("/volume/v3/volumes/{}", id(&made));
    wait(client, &path, "volume", "available").await;
    (path, made["id"].clone())
}

async fn backup(client: &Client, body: Value) -> (String, Value) {
    let made = client.post("/volume/v3/backups", json!({"backup": body})).await;
    assert_eq!(made.status, 202, "{made:?}");
    let path = format!("/volume/v3/backups/{}", id(&made.json["backup"]));
    let shown = wait(client, &path, "backup", "available").await;
    (path, shown)
}

#[tokio::test]
async fn a_backup_is_made_restored_and_goes() {
    let cloud = TestCloud::start().await;
    let demo = cloud.demo().await.with("openstack-api-version", "volume 3.70");
    let (path, volume_id) = volume(&demo).await;
    // There is nothing yet to take a difference to.
    let early = json!({"backup": {"volume_id": volume_id, "incremental": true}});
    assert_eq!(demo.post("/volume/v3/backups", early).await.status, 400);
    let (full_path, full) = backup(&demo, json!({"volume_id": volume_id, "name": "full"})).await;
    wait(&demo, &path, "volume", "available").await;
    assert_eq!((&full["is_incremental"], &full["size"]), (&json!(false), &json!(1)));
    let (next_path, next) = backup(&demo, json!({"volume_id": volume_id, "incremental": true})).await;
    assert_eq!(next["is_incremental"], true);
    assert_eq!(
        demo.get(&full_path).await.expect(200)["backup"]["has_dependent_backups"],
        true
    );
    // What others hold their differences to stays.
    assert_eq!(demo.delete(&full_path).await.status, 400);

    // Into a new volume, which gets the old one's words.
    let answer = demo
        .post(&format!("{next_path}/restore"), json!({"restore": {}}))
        .await
        .expect(202);
    let restored = format!(
        "/volume/v3/volumes/{}",
        answer["restore"]["volume_id"].as_str().unwrap()
    );
    let shown = wait(&demo, &restored, "volume", "available").await;
    assert_eq!(shown["metadata"], json!({"a": "b"}));
    wait(&demo, &next_path, "backup", "available").await;
    // Into one that is there.
    let body = json!({"restore": {"volume_id": volume_id}});
    demo.post(&format!("{full_path}/restore"), body).await.expect(202);
    wait(&demo, &full_path, "backup", "available").await;
    wait(&demo, &path, "volume", "available").await;

    let limits = demo.get("/volume/v3/limits").await.expect(200)["limits"]["absolute"].take();
    assert_eq!(
        (&limits["totalBackupsUsed"], &limits["totalBackupGigabytesUsed"]),
        (&json!(2), &json!(2))
    );
    // The volume may go before its backups do.
    demo.delete(&path).await.expect(202);
    wait_gone(&demo, &path).await;
    for path in [&next_path, &full_path] {
        demo.delete(path).await.expect(202);
        wait_gone(&demo, path).await;
    }
    assert!(cloud.node.wanted().copies.is_empty());
    let other = cloud.project("other").await;
    assert_eq!(other.get(&full_path).await.status, 404);
}

#[tokio::test]
async fn a_failed_backup_and_a_failed_restore_leave_the_volume() {
    let cloud = TestCloud::start().await;
    let (admin, demo) = (cloud.admin().await, cloud.demo().await);
    let (path, volume_id) = volume(&demo).await;
    let (good, _) = backup(&demo, json!({"volume_id": volume_id})).await;
    wait(&demo, &path, "volume", "available").await;
    cloud.node.fail_volumes("no room");
    let body = json!({"backup": {"volume_id": volume_id}});
    let made = demo.post("/volume/v3/backups", body).await.expect(202)["backup"].take();
    let failed = format!("/volume/v3/backups/{}", id(&made));
    assert_eq!(wait(&demo, &failed, "backup", "error").await["fail_reason"], "no room");
    wait(&demo, &path, "volume", "available").await;
    let body = json!({"restore": {"volume_id": volume_id}});
    demo.post(&format!("{good}/restore"), body).await.expect(202);
    wait(&demo, &path, "volume", "error_restoring").await;
    wait(&demo, &good, "backup", "available").await;
    // The state may be set by administrators alone.
    let reset = json!({"os-reset_status": {"status": "error"}});
    assert_eq!(demo.post(&format!("{good}/action"), reset.clone()).await.status, 403);
    admin.post(&format!("{good}/action"), reset).await.expect(202);
    wait(&demo, &good, "backup", "error").await;
}

#[tokio::test]
async fn a_record_is_exported_and_entered_again() {
    let cloud = TestCloud::start().await;
    let (admin, demo) = (cloud.admin().await, cloud.demo().await);
    let (_, volume_id) = volume(&demo).await;
    let (path, _) = backup(&demo, json!({"volume_id": volume_id})).await;
    assert_eq!(demo.get(&format!("{path}/export_record")).await.status, 403);
    let record = admin.get(&format!("{path}/export_record")).await.expect(200)["backup-record"].take();
    let again = admin
        .post("/volume/v3/backups/import_record", json!({"backup-record": record}))
        .await;
    // It is there already.
    assert_eq!(again.status, 400);
    use base64::Engine;
    let engine = base64::engine::general_purpose::STANDARD;
    let json = engine.decode(record["backup_url"].as_str().unwrap()).unwrap();
    let mut decoded: Value = serde_json::from_slice(&json).unwrap();
    decoded["id"] = json!("11111111-2222-4333-8444-555555555555");
    let body = json!({"backup-record": {
        "backup_service": record["backup_service"],
        "backup_url": engine.encode(decoded.to_string()),
    }});
    let made = admin.post("/volume/v3/backups/import_record", body).await.expect(201)["backup"].take();
    let imported = format!("/volume/v3/backups/{}", id(&made));
    wait(&admin, &imported, "backup", "available").await;
    // The data goes with the last record of it.
    demo.delete(&path).await.expect(202);
    wait_gone(&demo, &path).await;
    assert_eq!(cloud.node.wanted().copies.len(), 1);
    admin.delete(&imported).await.expect(202);
    wait_gone(&admin, &imported).await;
    assert!(cloud.node.wanted().copies.is_empty());
}
