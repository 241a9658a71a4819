//! What needs another host, or the machine itself: evacuation, live migration, crash dumps.

use serde_json::{Value, json};

use crate::cloud::TestCloud;
use crate::compute::{Means, act, at, expect_fault, url, wait_for};

#[tokio::test]
async fn one_host_has_none_to_move_to() {
    let cloud = TestCloud::start().await;
    let (demo, admin) = (cloud.demo().await, cloud.admin().await);
    let id = Means::make(&demo).await.boot(&demo, "web").await;
    let live = |host: Value| json!({"os-migrateLive": {"host": host, "block_migration": "auto"}});
    let old = json!({"os-migrateLive": {"host": null, "block_migration": false, "disk_over_commit": false}});
    expect_fault(act(&demo, &id, old.clone()).await, 403, "migrate_live");
    expect_fault(act(&admin, &id, old.clone()).await, 400, "No valid host was found");
    expect_fault(act(&at(&admin, "2.25"), &id, old).await, 400, "disk_over_commit");
    let newer = at(&admin, "2.34");
    expect_fault(
        act(&newer, &id, live(json!("moon"))).await,
        400,
        "moon could not be found",
    );
    let forced = json!({"os-migrateLive": {"host": null, "block_migration": "auto", "force": true}});
    expect_fault(act(&newer, &id, forced).await, 400, "non-provided destination");
    // Taken, and then in vain: the server runs on.
    assert_eq!(act(&newer, &id, live(json!(null))).await.status, 202);
    wait_for(&demo, &id, "ACTIVE").await;
    let rows = at(&admin, "2.23").get(&url("os-migrations")).await.expect(200);
    let row = &rows["migrations"][0];
    assert_eq!(
        (&row["migration_type"], &row["status"]),
        (&json!("live-migration"), &json!("error"))
    );
    let actions = demo
        .get(&url(&format!("servers/{id}/os-instance-actions")))
        .await
        .expect(200);
    assert_eq!(actions["instanceActions"][0]["action"], "live-migration");
    assert_eq!(actions["instanceActions"][0]["message"], "Error");

    let evacuate = |host: Value| json!({"evacuate": {"host": host, "onSharedStorage": true}});
    expect_fault(act(&demo, &id, evacuate(json!(null))).await, 403, "os-evacuate");
    expect_fault(act(&admin, &id, evacuate(json!(null))).await, 400, "still in use");
    expect_fault(
        act(&admin, &id, evacuate(json!("host-1"))).await,
        400,
        "can't be the same",
    );
    expect_fault(
        act(&admin, &id, evacuate(json!("moon"))).await,
        404,
        "could not be found",
    );
    let services = at(&admin, "2.53")
        .get(&url("os-services?binary=nova-compute"))
        .await
        .expect(200);
    let service = services["services"][0]["id"].as_str().unwrap().to_owned();
    let path = url(&format!("os-services/{service}"));
    let down = json!({"forced_down": true});
    at(&admin, "2.53").put(&path, down).await.expect(200);
    let bare = json!({"evacuate": {}});
    expect_fault(act(&at(&admin, "2.14"), &id, bare).await, 400, "No valid host");
}

#[tokio::test]
async fn a_crash_dump_is_an_interrupt() {
    let cloud = TestCloud::start().await;
    let demo = cloud.demo().await;
    let id = Means::make(&demo).await.boot(&demo, "web").await;
    let dump = json!({"trigger_crash_dump": null});
    assert_eq!(act(&at(&demo, "2.16"), &id, dump.clone()).await.status, 404);
    assert_eq!(act(&at(&demo, "2.17"), &id, dump.clone()).await.status, 202);
    let output = act(&demo, &id, json!({"os-getConsoleOutput": {}})).await.expect(200);
    assert!(output["output"].as_str().unwrap().contains("NMI received"), "{output}");
    let actions = demo
        .get(&url(&format!("servers/{id}/os-instance-actions")))
        .await
        .expect(200);
    assert_eq!(actions["instanceActions"][0]["action"], "trigger_crash_dump");
    assert_eq!(act(&demo, &id, json!({"os-stop": null})).await.status, 202);
    wait_for(&demo, &id, "SHUTOFF").await;
    expect_fault(act(&at(&demo, "2.17"), &id, dump).await, 409, "vm_state stopped");
}
