//! Sharing images, bringing them in by import, and the dictionary of their properties.

use axum::body::Body;
use axum::http::Method;
use serde_json::{Value, json};

use crate::cloud::{Client, TestCloud};

async fn image(client: &Client, format: &str) -> String {
    let body = json!({"name": "i", "disk_format": format, "container_format": "bare"});
    let made = client.post("/image/v2/images", body).await.expect(201);
    made["id"].as_str().unwrap().to_owned()
}

async fn send(client: &Client, id: &str, what: &str, data: Vec<u8>) -> u16 {
    let client = client.clone().with("content-type", "application/octet-stream");
    let path = format!("/image/v2/images/{id}/{what}");
    client.send(Method::PUT, &path, Body::from(data)).await.status
}

async fn ids(client: &Client, query: &str) -> Vec<String> {
    let list = client.get(&format!("/image/v2/images{query}")).await.expect(200);
    let rows = list["images"].as_array().unwrap().iter();
    rows.map(|row| row["id"].as_str().unwrap().to_owned()).collect()
}

/// Waits for an image to leave a state that does not last.
async fn settled(client: &Client, id: &str) -> Value {
    for _ in 0..2000 {
        let row = client.get(&format!("/image/v2/images/{id}")).await.expect(200);
        if row["status"] != "importing" {
            return row;
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    panic!("image {id} stays in state 'importing'");
}

#[tokio::test]
async fn a_shared_image_is_seen_by_its_members_and_listed_by_those_who_accepted() {
    let cloud = TestCloud::start().await;
    let (owner, member, stranger) = (cloud.demo().await, cloud.project("m").await, cloud.project("s").await);
    let id = image(&owner, "raw").await;
    assert_eq!(send(&owner, &id, "file", vec![7; 600]).await, 204);
    let path = format!("/image/v2/images/{id}");
    let members = format!("{path}/members");
    let one = format!("{members}/{}", member.project_id);
    member.get(&path).await.expect(404);
    member
        .post(&members, json!({"member": member.project_id}))
        .await
        .expect(404);
    owner
        .post(&members, json!({"member": member.project_id}))
        .await
        .expect(200);
    owner
        .post(&members, json!({"member": member.project_id}))
        .await
        .expect(409);
    owner.post(&members, json!({})).await.expect(400);
    member.get(&path).await.expect(200);
    member.get(&format!("{path}/file")).await.expect(200);
    stranger.get(&path).await.expect(404);
    stranger.get(&members).await.expect(404);
    assert_eq!(ids(&member, "").await, [""; 0]);
    assert_eq!(
        ids(&member, "?visibility=shared&member_status=pending").await,
        std::slice::from_ref(&id)
    );
    owner.put(&one, json!({"status": "accepted"})).await.expect(403);
    member.put(&one, json!({"status": "maybe"})).await.expect(400);
    assert_eq!(
        member.put(&one, json!({"status": "accepted"})).await.expect(200)["status"],
        "accepted"
    );
    assert_eq!(ids(&member, "").await, std::slice::from_ref(&id));
    assert_eq!(ids(&member, "?visibility=shared&member_status=rejected").await, [""; 0]);
    // A member may use the image and nothing else.
    member.delete(&path).await.expect(403);
    member.delete(&one).await.expect(403);
    member
        .post(&members, json!({"member": stranger.project_id}))
        .await
        .expect(403);
    owner.delete(&one).await.expect(204);
    owner.delete(&one).await.expect(404);
    member.get(&path).await.expect(404);
    // Only while it is shared.
    owner
        .post(&members, json!({"member": member.project_id}))
        .await
        .expect(200);
    let patch = json!([{"op": "replace", "path": "/visibility", "value": "private"}]);
    let patcher = owner
        .clone()
        .with("content-type", "application/openstack-images-v2.1-json-patch");
    patcher.patch(&path, patch).await.expect(200);
    member.get(&path).await.expect(404);
    owner.get(&members).await.expect(403);
}

#[tokio::test]
async fn staged_data_becomes_the_images_or_the_task_says_why_not() {
    let cloud = TestCloud::start().await;
    let demo = cloud.demo().await;
    let id = image(&demo, "raw").await;
    let import = format!("/image/v2/images/{id}/import");
    let direct = json!({"method": {"name": "glance-direct"}});
    demo.post(&import, direct.clone()).await.expect(409);
    demo.post(&import, json!({"method": {"name": "web-download"}}))
        .await
        .expect(400);
    assert_eq!(send(&demo, &id, "stage", vec![7; 700]).await, 204);
    assert_eq!(settled(&demo, &id).await["status"], "uploading");
    assert_eq!(send(&demo, &id, "file", vec![7; 700]).await, 409);
    demo.get(&format!("/image/v2/images/{id}/file")).await.expect(204);
    let asked = demo.post(&import, direct.clone()).await;
    assert_eq!(asked.status, 202);
    let row = settled(&demo, &id).await;
    assert_eq!((&row["status"], &row["size"]), (&json!("active"), &json!(700)));
    let tasks = demo.get(&format!("/image/v2/images/{id}/tasks")).await.expect(200);
    let task = &tasks["tasks"][0];
    assert_eq!(task["status"], "success");
    assert_eq!(
        task["request_id"],
        asked.headers["x-openstack-request-id"].to_str().unwrap()
    );
    assert_eq!(task["input"]["import_req"], direct);
    // What is not what it was declared to be is refused, and nothing of it stays.
    let wrong = image(&demo, "qcow2").await;
    assert_eq!(send(&demo, &wrong, "stage", vec![7; 700]).await, 204);
    let import = format!("/image/v2/images/{wrong}/import");
    demo.post(&import, direct).await.expect(202);
    assert_eq!(settled(&demo, &wrong).await["status"], "queued");
    let tasks = demo.get(&format!("/image/v2/images/{wrong}/tasks")).await.expect(200);
    assert_eq!(tasks["tasks"][0]["status"], "failure");
    assert!(tasks["tasks"][0]["message"].as_str().unwrap().contains("qcow2"));
    let names = std::fs::read_dir(cloud.dir().join("images")).unwrap();
    let mut names: Vec<String> = names
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.retain(|name| *name != id);
    assert_eq!(names, [""; 0]);
}

#[tokio::test]
async fn an_import_that_was_cut_off_is_finished_by_the_next_start_and_staged_data_waits() {
    let cloud = TestCloud::start().await;
    let demo = cloud.demo().await;
    let (waiting, cut) = (image(&demo, "raw").await, image(&demo, "raw").await);
    for id in [&waiting, &cut] {
        assert_eq!(send(&demo, id, "stage", vec![3; 900]).await, 204);
    }
    // Let in, as a request would, and then nobody is there to do it.
    let (id, actor) = (
        cut.parse().unwrap(),
        cloud.control.authenticate(&demo.token).unwrap().actor.clone(),
    );
    let wanted = model::image::WantedImport {
        source: model::image::ImportSource::Staged,
        request: json!({}),
        request_id: "req-x".to_owned(),
        makes_image: false,
    };
    cloud
        .run(move |tx| model::image::begin_import(tx, &actor, id, wanted))
        .await;
    let cloud = cloud.restart().await;
    assert_eq!(settled(&demo, &cut).await["status"], "active");
    assert_eq!(settled(&demo, &waiting).await["status"], "uploading");
    let import = format!("/image/v2/images/{waiting}/import");
    demo.post(&import, json!({"method": {"name": "glance-direct"}}))
        .await
        .expect(202);
    assert_eq!(settled(&demo, &waiting).await["status"], "active");
    // Deleting an image with staged data leaves no file.
    let gone = image(&demo, "raw").await;
    assert_eq!(send(&demo, &gone, "stage", vec![3; 900]).await, 204);
    demo.delete(&format!("/image/v2/images/{gone}")).await.expect(204);
    assert!(!cloud.dir().join("images").join(format!("{gone}.staged")).exists());
}

#[tokio::test]
async fn data_comes_from_another_image_only_as_far_as_the_caller_could_read_it() {
    let cloud = TestCloud::start().await;
    let (demo, other) = (cloud.demo().await, cloud.project("other").await);
    let body = json!({"disk_format": "raw", "container_format": "bare", "hw_cpu_cores": "5", "speed": "88"});
    let from = demo.post("/image/v2/images", body).await.expect(201)["id"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(send(&demo, &from, "file", vec![9; 800]).await, 204);
    let take = async |client: &Client, region: &str, from: &str| {
        let id = image(client, "iso").await;
        let method = json!({"name": "glance-download", "glance_image_id": from, "glance_region": region});
        let answer = client
            .post(&format!("/image/v2/images/{id}/import"), json!({"method": method}))
            .await;
        (answer.status, settled(client, &id).await)
    };
    assert_eq!(take(&demo, "RegionOne", "foo").await.0, 400);
    assert_eq!(take(&demo, "Elsewhere", &from).await.1["status"], "queued");
    assert_eq!(take(&other, "RegionOne", &from).await.1["status"], "queued");
    let row = take(&demo, "RegionOne", &from).await.1;
    assert_eq!(row["status"], "active");
    assert_eq!(
        (&row["disk_format"], &row["hw_cpu_cores"]),
        (&json!("raw"), &json!("5"))
    );
    assert_eq!(row.get("speed"), None);
}

#[tokio::test]
async fn the_dictionary_is_the_administrators_to_write_and_everybodys_to_read() {
    let cloud = TestCloud::start().await;
    let (admin, demo) = (cloud.admin().await, cloud.demo().await);
    let all = "/image/v2/metadefs/namespaces";
    let body = json!({
        "namespace": "OS::Test", "visibility": "public", "protected": true,
        "resource_type_associations": [{"name": "OS::Nova::Flavor", "prefix": "hw:"}],
    });
    demo.post(all, body.clone()).await.expect(403);
    admin.post(all, body.clone()).await.expect(201);
    admin.post(all, body).await.expect(409);
    let one = format!("{all}/OS::Test");
    let shown = demo.get(&one).await.expect(200);
    assert_eq!(shown["resource_type_associations"][0]["prefix"], "hw:");
    let property = json!({"name": "cores", "title": "Cores", "type": "integer", "minimum": 1});
    admin
        .post(&format!("{one}/properties"), json!({"name": "x", "title": "X"}))
        .await
        .expect(400);
    admin.post(&format!("{one}/properties"), property).await.expect(201);
    let listed = demo.get(&format!("{one}/properties")).await.expect(200);
    assert_eq!(listed["properties"]["cores"]["minimum"], 1);
    admin
        .post(&format!("{one}/tags"), json!({"tags": [{"name": "a"}, {"name": "b"}]}))
        .await
        .expect(201);
    admin
        .put(&format!("{one}/tags/a"), json!({"name": "c"}))
        .await
        .expect(200);
    admin
        .put(&format!("{one}/tags/b"), json!({"name": "c"}))
        .await
        .expect(409);
    demo.get(&format!("{one}/tags/c")).await.expect(200);
    demo.get(&format!("{one}/tags/a")).await.expect(404);
    admin.delete(&format!("{one}/tags/c")).await.expect(403);
    let hidden = json!({"namespace": "OS::Test", "visibility": "private", "protected": false});
    admin.put(&one, hidden).await.expect(200);
    demo.get(&one).await.expect(404);
    assert_eq!(demo.get(all).await.expect(200)["namespaces"], json!([]));
    admin.delete(&one).await.expect(204);
    admin.get(&one).await.expect(404);
    let schema = demo.get("/image/v2/schemas/metadefs/property").await.expect(200);
    assert_eq!(schema["name"], "property");
}

/// Registers a unified limit for images, and gives one project its own.
async fn limit(admin: &Client, project: &str, resource: &str, amount: i64) {
    let services = admin.get("/identity/v3/services").await.expect(200)["services"].take();
    let glance = services
        .as_array()
        .unwrap()
        .iter()
        .find(|row| row["type"] == "image")
        .unwrap();
    let registered = json!({"registered_limits": [
        {"service_id": glance["id"], "resource_name": resource, "default_limit": -1}]});
    admin
        .post("/identity/v3/registered_limits", registered)
        .await
        .expect(201);
    let own = json!({"limits": [{
        "service_id": glance["id"], "project_id": project, "resource_name": resource, "resource_limit": amount}]});
    admin.post("/identity/v3/limits", own).await.expect(201);
}

#[tokio::test]
async fn unified_limits_hold_for_images_in_glances_way() {
    const MIB: usize = 1 << 20;
    let cloud = TestCloud::start().await;
    let (admin, demo, other) = (
        cloud.system_admin().await,
        cloud.demo().await,
        cloud.project("other").await,
    );
    limit(&admin, &demo.project_id, "image_size_total", 1).await;
    let mut images = Vec::new();
    for _ in 0..3 {
        images.push(image(&demo, "raw").await);
    }
    // As long as no more is used than the limit, another upload may begin, and ends above it.
    assert_eq!(send(&demo, &images[0], "file", vec![1; MIB]).await, 204);
    assert_eq!(send(&demo, &images[1], "file", vec![2; MIB]).await, 204);
    assert_eq!(send(&demo, &images[2], "file", vec![3; MIB]).await, 413);
    let theirs = image(&other, "raw").await;
    assert_eq!(send(&other, &theirs, "file", vec![3; 3 * MIB]).await, 204);

    limit(&admin, &demo.project_id, "image_count_total", 3).await;
    let body = json!({"name": "i", "disk_format": "raw", "container_format": "bare"});
    demo.post("/image/v2/images", body.clone()).await.expect(413);
    demo.delete(&format!("/image/v2/images/{}", images[1]))
        .await
        .expect(204);
    images[1] = image(&demo, "raw").await;

    // What is staged is coming in until it is imported.
    limit(&admin, &demo.project_id, "image_count_uploading", 1).await;
    assert_eq!(send(&demo, &images[1], "stage", vec![1; 512]).await, 204);
    assert_eq!(send(&demo, &images[2], "file", vec![1; 512]).await, 413);
    let import = format!("/image/v2/images/{}/import", images[1]);
    demo.post(&import, json!({"method": {"name": "glance-direct"}}))
        .await
        .expect(202);
    assert_eq!(settled(&demo, &images[1]).await["status"], "active");
    limit(&admin, &demo.project_id, "image_stage_total", 0).await;
    // More is stored than the limit: nothing may be staged to be stored, too.
    assert_eq!(send(&demo, &images[2], "stage", vec![1; 512]).await, 413);
    demo.delete(&format!("/image/v2/images/{}", images[0]))
        .await
        .expect(204);
    assert_eq!(send(&demo, &images[2], "stage", vec![1; 512]).await, 204);
    let last = image(&demo, "raw").await;
    assert_eq!(send(&demo, &last, "stage", vec![1; 512]).await, 413);
}
