//! Images as documents: register, list, patch, tags, who sees what.

use serde_json::{Value, json};

use crate::cloud::{Client, TestCloud};

const V2_0: &str = "application/openstack-images-v2.0-json-patch";
const V2_1: &str = "application/openstack-images-v2.1-json-patch";

async fn create(client: &Client, body: Value) -> String {
    let image = client.post("/image/v2/images", body).await.expect(201);
    image["id"].as_str().unwrap().to_owned()
}

fn names(list: &Value) -> Vec<&str> {
    let images = list["images"].as_array().unwrap();
    images
        .iter()
        .map(|image| image["name"].as_str().unwrap_or("-"))
        .collect()
}

#[tokio::test]
async fn an_image_is_registered_as_the_openstack_client_does_it() {
    let cloud = TestCloud::start().await;
    let demo = cloud.demo().await;
    let body = json!({
        "name": "img1", "container_format": "bare", "disk_format": "raw", "min_disk": 1,
        "owner_specified.openstack.md5": "", "owner_specified.openstack.object": "images/img1", "tags": ["b", "a"],
    });
    let answer = demo.post("/image/v2/images", body).await;
    let location = answer.headers["location"].to_str().unwrap().to_owned();
    let image = answer.expect(201);
    let id = image["id"].as_str().unwrap();
    assert_eq!(location, format!("http://127.0.0.1:5000/image/v2/images/{id}"));
    let expected = json!({
        "id": id, "name": "img1", "status": "queued", "visibility": "shared", "protected": false, "os_hidden": false,
        "owner": demo.project_id, "container_format": "bare", "disk_format": "raw", "min_disk": 1, "min_ram": 0,
        "size": null, "virtual_size": null, "checksum": null, "os_hash_algo": null, "os_hash_value": null,
        "tags": ["a", "b"], "created_at": image["created_at"], "updated_at": image["created_at"],
        "self": format!("/v2/images/{id}"), "file": format!("/v2/images/{id}/file"), "schema": "/v2/schemas/image",
        "owner_specified.openstack.md5": "", "owner_specified.openstack.object": "images/img1",
    });
    assert_eq!(image, expected);
    assert_eq!(demo.get(&format!("/image/v2/images/{id}")).await.expect(200), expected);
    assert_eq!(demo.delete(&format!("/image/v2/images/{id}")).await.status, 204);
    demo.get(&format!("/image/v2/images/{id}")).await.expect(404);
    demo.get("/image/v2/images/img1").await.expect(404);
}

#[tokio::test]
async fn errors_come_as_page_text_or_document() {
    let cloud = TestCloud::start().await;
    let demo = cloud.demo().await;
    let path = "/image/v2/images/<b>";
    let path = path.replace('<', "%3C").replace('>', "%3E");
    for (accept, content_type, start) in [
        ("*/*", "text/html; charset=UTF-8", "<html>"),
        ("application/json", "application/json", "{"),
        ("text/plain", "text/plain; charset=UTF-8", "404 Not Found"),
    ] {
        let answer = demo.clone().with("accept", accept).get(&path).await;
        assert_eq!(answer.status, 404);
        assert_eq!(answer.headers["content-type"], content_type);
        let text = String::from_utf8(answer.body).unwrap();
        assert!(text.starts_with(start), "{text}");
        assert!(accept != "*/*" || !text.contains("<b>"), "{text}");
    }
    let answer = demo.with("accept", "application/json").get(&path).await.expect(404);
    assert_eq!(answer["code"], "404 Not Found");
    assert_eq!(answer["title"], "Not Found");
}

#[tokio::test]
async fn what_can_not_be_registered() {
    let cloud = TestCloud::start().await;
    let demo = cloud.demo().await.with("accept", "application/json");
    for (body, status) in [
        (json!({"name": 1}), 400),
        (json!([]), 400),
        (json!({"disk_format": "floppy"}), 400),
        (json!({"visibility": "public"}), 403),
        (json!({"checksum": "x"}), 403),
        (json!({"id": "x"}), 400),
        (json!({"owner": "other"}), 403),
        (
            json!({"tags": (0..200).map(|n| n.to_string()).collect::<Vec<_>>()}),
            413,
        ),
    ] {
        let answer = demo.post("/image/v2/images", body.clone()).await;
        assert_eq!(answer.status, status, "{body} {answer:?}");
    }
    let id = "11111111-2222-4333-8444-555555555555";
    create(&demo, json!({"id": id})).await;
    demo.post("/image/v2/images", json!({"id": id})).await.expect(409);
    let reader = cloud.project_with_role("readers", "reader").await;
    reader.post("/image/v2/images", json!({})).await.expect(403);
}

#[tokio::test]
async fn patches_in_both_media_types() {
    let cloud = TestCloud::start().await;
    let demo = cloud.demo().await.with("accept", "application/json");
    let id = create(&demo, json!({"name": "old", "colour": "red"})).await;
    let path = format!("/image/v2/images/{id}");
    let patch = json!([
        {"op": "replace", "path": "/name", "value": "new"},
        {"op": "add", "path": "/a~1b", "value": "1"},
        {"op": "remove", "path": "/colour"},
        {"op": "replace", "path": "/tags", "value": ["x"]},
    ]);
    let image = demo
        .clone()
        .with("content-type", V2_1)
        .patch(&path, patch)
        .await
        .expect(200);
    assert_eq!(
        (&image["name"], &image["a/b"], &image["tags"]),
        (&json!("new"), &json!("1"), &json!(["x"]))
    );
    assert!(image.get("colour").is_none());

    let older = demo.clone().with("content-type", V2_0);
    let image = older
        .patch(&path, json!([{"replace": "/min_ram", "value": 64}]))
        .await
        .expect(200);
    assert_eq!(image["min_ram"], 64);
    older
        .patch(&path, json!([{"add": "/min_ram", "value": 64}]))
        .await
        .expect(409);

    // All of a patch or none of it.
    let half = json!([
        {"op": "replace", "path": "/name", "value": "half"},
        {"op": "replace", "path": "/status", "value": "active"},
    ]);
    demo.clone()
        .with("content-type", V2_1)
        .patch(&path, half)
        .await
        .expect(403);
    assert_eq!(demo.get(&path).await.expect(200)["name"], "new");

    let answer = demo.patch(&path, json!([])).await;
    assert!(
        answer.headers["accept-patch"].to_str().unwrap().contains(V2_0),
        "{answer:?}"
    );
    answer.expect(415);
}

#[tokio::test]
async fn tags_one_by_one() {
    let cloud = TestCloud::start().await;
    let demo = cloud.demo().await;
    let id = create(&demo, json!({})).await;
    let tag = |name: &str| format!("/image/v2/images/{id}/tags/{name}");
    assert_eq!(demo.put(&tag("a%20b"), Value::Null).await.status, 204);
    assert_eq!(demo.put(&tag("a%20b"), Value::Null).await.status, 204);
    assert_eq!(
        demo.get(&format!("/image/v2/images/{id}")).await.expect(200)["tags"],
        json!(["a b"])
    );
    assert_eq!(demo.put(&tag(&"x".repeat(256)), Value::Null).await.status, 400);
    assert_eq!(demo.delete(&tag("a%20b")).await.status, 204);
    assert_eq!(demo.delete(&tag("a%20b")).await.status, 404);
}

#[tokio::test]
async fn lists_filter_sort_and_page() {
    let cloud = TestCloud::start().await;
    let demo = cloud.demo().await;
    for (number, name) in ["c", "a", "b,b"].into_iter().enumerate() {
        create(
            &demo,
            json!({"name": name, "min_ram": number, "shape": "round", "tags": ["all", name]}),
        )
        .await;
    }
    create(&demo, json!({"name": "hidden", "os_hidden": true})).await;
    let list = |query: &str| {
        let (demo, path) = (demo.clone(), format!("/image/v2/images?{query}"));
        async move { demo.get(&path).await.expect(200) }
    };
    for (query, expected) in [
        ("sort=name:asc", vec!["a", "b,b", "c"]),
        ("sort_key=name&sort_dir=desc", vec!["c", "b,b", "a"]),
        ("name=a", vec!["a"]),
        ("name=in:\"b,b\",c&sort=name:asc", vec!["b,b", "c"]),
        ("tag=all&tag=c", vec!["c"]),
        ("shape=round&min_ram=1", vec!["a"]),
        ("shape=square", vec![]),
        ("status=active", vec![]),
        ("os_hidden=true", vec!["hidden"]),
        ("created_at=gt:2020-01-01T00:00:00Z&limit=1&sort=name:asc", vec!["a"]),
        ("created_at=lt:2020-01-01T00:00:00Z", vec![]),
        ("visibility=private", vec![]),
        ("limit=0", vec![]),
    ] {
        let escaped = query.replace('"', "%22");
        assert_eq!(names(&list(&escaped).await), expected, "{query}");
    }
    let all = list("sort=name:asc").await;
    let ids: Vec<&str> = all["images"]
        .as_array()
        .unwrap()
        .iter()
        .map(|image| image["id"].as_str().unwrap())
        .collect();
    let two = list(&format!("id=in:{},{}&sort=name:asc", ids[0], ids[2])).await;
    assert_eq!(names(&two), ["a", "c"]);

    let mut page = list("limit=2&sort=name:asc&tag=all").await;
    assert_eq!(page["first"], "/v2/images?limit=2&sort=name%3Aasc&tag=all");
    assert_eq!(page["schema"], "/v2/schemas/images");
    assert_eq!(names(&page), ["a", "b,b"]);
    let next = page["next"].as_str().unwrap().to_owned();
    page = demo.get(&format!("/image{next}")).await.expect(200);
    assert_eq!(names(&page), ["c"]);
    assert!(page.get("next").is_none());
    demo.get("/image/v2/images?marker=11111111-2222-4333-8444-555555555555")
        .await
        .expect(400);
}

#[tokio::test]
async fn a_page_without_a_limit_has_25() {
    let cloud = TestCloud::start().await;
    let demo = cloud.demo().await;
    for number in 0..27 {
        create(&demo, json!({"name": number.to_string()})).await;
    }
    let first = demo.get("/image/v2/images").await.expect(200);
    assert_eq!(first["images"].as_array().unwrap().len(), 25);
    let second = demo
        .get(&format!("/image{}", first["next"].as_str().unwrap()))
        .await
        .expect(200);
    assert_eq!(second["images"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn projects_see_what_the_visibility_says() {
    let cloud = TestCloud::start().await;
    let (admin, demo, other) = (cloud.admin().await, cloud.demo().await, cloud.project("other").await);
    for visibility in ["community", "shared", "private"] {
        create(&demo, json!({"name": visibility, "visibility": visibility})).await;
    }
    create(&admin, json!({"name": "public", "visibility": "public"})).await;
    let list = |client: &Client, query: &str| {
        let (client, path) = (client.clone(), format!("/image/v2/images?sort=name:asc{query}"));
        async move { client.get(&path).await.expect(200) }
    };
    assert_eq!(
        names(&list(&demo, "").await),
        ["community", "private", "public", "shared"]
    );
    assert_eq!(names(&list(&other, "").await), ["public"]);
    assert_eq!(names(&list(&other, "&visibility=community").await), ["community"]);
    assert_eq!(names(&list(&other, "&visibility=all").await), ["community", "public"]);
    assert_eq!(names(&list(&other, "&visibility=private").await), Vec::<&str>::new());
    assert_eq!(names(&list(&admin, "&visibility=private").await), ["private"]);

    let all = list(&demo, "").await;
    for image in all["images"].as_array().unwrap() {
        let path = format!("/image/v2/images/{}", image["id"].as_str().unwrap());
        let seen = ["public", "community"].contains(&image["name"].as_str().unwrap());
        assert_eq!(other.get(&path).await.status, if seen { 200 } else { 404 }, "{path}");
        assert_eq!(other.delete(&path).await.status, if seen { 403 } else { 404 }, "{path}");
        let patch = json!([{"op": "replace", "path": "/name", "value": "mine"}]);
        let patched = other.clone().with("content-type", V2_1).patch(&path, patch).await;
        assert_eq!(patched.status, if seen { 403 } else { 404 }, "{patched:?}");
    }
}

#[tokio::test]
async fn a_protected_image_can_not_be_deleted() {
    let cloud = TestCloud::start().await;
    let demo = cloud.demo().await;
    let id = create(&demo, json!({"protected": true})).await;
    let path = format!("/image/v2/images/{id}");
    demo.delete(&path).await.expect(403);
    let patch = json!([{"op": "replace", "path": "/protected", "value": false}]);
    demo.clone()
        .with("content-type", V2_1)
        .patch(&path, patch)
        .await
        .expect(200);
    assert_eq!(demo.delete(&path).await.status, 204);
}

#[tokio::test]
async fn documents_about_the_service() {
    let cloud = TestCloud::start().await;
    let (anonymous, demo) = (cloud.anonymous(), cloud.demo().await);
    let choices = anonymous.get("/image").await.expect(300);
    let versions = anonymous.get("/image/versions").await.expect(200);
    assert_eq!(choices, versions);
    assert_eq!(versions["versions"][0]["status"], "CURRENT");
    assert_eq!(
        versions["versions"][0]["links"][0]["href"],
        "http://127.0.0.1:5000/image/v2/"
    );
    let schema = demo.get("/image/v2/schemas/image").await.expect(200);
    assert_eq!(schema["name"], "image");
    assert_eq!(schema["properties"]["status"]["readOnly"], true);
    assert_eq!(demo.get("/image/v2/schemas/images").await.expect(200)["name"], "images");
    let methods = demo.get("/image/v2/info/import").await.expect(200);
    assert_eq!(
        methods["import-methods"]["value"],
        json!(["glance-direct", "glance-download", "web-download"])
    );
    demo.get("/image/v2/info/stores").await.expect(404);
}
