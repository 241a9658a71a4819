//! Domains, projects, users, groups, the catalog: what can be made, changed, listed and deleted.

use serde_json::{Value, json};

use super::{PASSWORD, ids, names};
use crate::cloud::{Client, TestCloud};

async fn make(client: &Client, kind: &str, body: Value) -> Value {
    let answer = client.post(&format!("/identity/v3/{kind}s"), json!({kind: body})).await;
    answer.expect(201)[kind].clone()
}

#[tokio::test]
async fn a_project_lives_through_its_whole_life() {
    let cloud = TestCloud::start().await;
    let admin = cloud.admin().await;
    let project = make(
        &admin,
        "project",
        json!({"name": "p", "description": "d", "tags": ["a", "b"], "colour": "blue"}),
    )
    .await;
    assert_eq!(project["domain_id"], "default");
    assert_eq!(project["parent_id"], "default");
    assert_eq!(project["is_domain"], false);
    assert_eq!(project["enabled"], true);
    assert_eq!(project["colour"], "blue");
    let path = format!("/identity/v3/projects/{}", project["id"].as_str().unwrap());
    assert_eq!(project["links"]["self"], format!("http://127.0.0.1:5000{path}"));
    assert_eq!(admin.get(&path).await.expect(200)["project"], project);

    let changed = admin
        .patch(
            &path,
            json!({"project": {"name": "q", "enabled": false, "colour": "red"}}),
        )
        .await
        .expect(200);
    assert_eq!(changed["project"]["name"], "q");
    assert_eq!(changed["project"]["colour"], "red");
    assert_eq!(changed["project"]["description"], "d");
    admin.delete(&path).await.expect(204);
    let gone = admin.get(&path).await.expect(404);
    let text = gone["error"]["message"].as_str().unwrap();
    assert!(text.starts_with("Could not find project: "), "{text}");
    assert_eq!(gone["error"]["title"], "Not Found");
    admin.delete(&path).await.expect(404);
}

#[tokio::test]
async fn names_are_unique_in_their_domain_whatever_the_case() {
    let cloud = TestCloud::start().await;
    let admin = cloud.admin().await;
    let domain = make(&admin, "domain", json!({"name": "other"})).await;
    for kind in ["project", "user", "group"] {
        make(&admin, kind, json!({"name": "Twin"})).await;
        let again = admin
            .post(&format!("/identity/v3/{kind}s"), json!({kind: {"name": "twin"}}))
            .await;
        let text = again.expect(409)["error"]["message"].to_string();
        assert!(
            text.contains(&format!("Conflict occurred attempting to store {kind}")),
            "{text}"
        );
        make(&admin, kind, json!({"name": "twin", "domain_id": domain["id"]})).await;
    }
    for kind in ["domain", "role"] {
        make(&admin, kind, json!({"name": "Twin"})).await;
        let again = admin
            .post(&format!("/identity/v3/{kind}s"), json!({kind: {"name": "Twin"}}))
            .await;
        again.expect(409);
    }
}

#[tokio::test]
async fn odd_bodies_are_refused_with_the_field_that_is_wrong() {
    let cloud = TestCloud::start().await;
    let admin = cloud.admin().await;
    let long = "x".repeat(256);
    for kind in ["project", "user", "group", "domain", "role"] {
        for (body, word) in [
            (json!({}), "name"),
            (json!({"name": ""}), "name"),
            (json!({"name": "   "}), "name"),
            (json!({"name": 5}), "name"),
            (json!({"name": null}), "name"),
            (json!({"name": long}), "name"),
            (json!({"name": "x", "description": {}}), "description"),
        ] {
            let answer = admin.post(&format!("/identity/v3/{kind}s"), json!({kind: body})).await;
            assert_eq!(answer.status, 400, "{kind} {answer:?}");
            let text = answer.json["error"]["message"].to_string();
            assert!(text.contains(word), "{kind}: '{word}' in {text}");
        }
        admin
            .post(&format!("/identity/v3/{kind}s"), json!({"other": {}}))
            .await
            .expect(400);
    }
    for (path, body) in [
        ("projects", json!({"project": {"name": "x", "enabled": "yes"}})),
        ("projects", json!({"project": {"name": "x", "tags": "a"}})),
        ("projects", json!({"project": {"name": "x", "tags": ["a,b"]}})),
        ("projects", json!({"project": {"name": "x", "tags": [5]}})),
        ("projects", json!({"project": {"name": "x", "parent_id": "nowhere"}})),
        ("projects", json!({"project": {"name": "x", "domain_id": "nowhere"}})),
        ("users", json!({"user": {"name": "x", "password": 5}})),
        ("users", json!({"user": {"name": "x", "password": ""}})),
        ("users", json!({"user": {"name": "x", "password": "x".repeat(5000)}})),
        (
            "users",
            json!({"user": {"name": "x", "options": {"multi_factor_auth_enabled": true}}}),
        ),
        ("users", json!({"user": {"name": "x", "default_project_id": "default"}})),
        ("roles", json!({"role": {"name": "x", "options": {"immutable": "yes"}}})),
    ] {
        admin.post(&format!("/identity/v3/{path}"), body).await.expect(400);
    }
    let unscoped_domain = cloud.system_admin().await;
    unscoped_domain
        .post("/identity/v3/projects", json!({"project": {"name": "nowhere"}}))
        .await
        .expect(400);
}

#[tokio::test]
async fn lists_are_filtered_and_paged() {
    let cloud = TestCloud::start().await;
    let admin = cloud.admin().await;
    for name in ["alpha", "alpine", "beta"] {
        make(
            &admin,
            "project",
            json!({"name": name, "enabled": name != "beta", "tags": [name, "all"]}),
        )
        .await;
    }
    let list = async |query: &str| {
        names(
            &admin.get(&format!("/identity/v3/projects?{query}")).await.expect(200),
            "projects",
        )
    };
    assert_eq!(list("name=alpha").await, ["alpha"]);
    assert_eq!(list("name=ALPHA").await, ["alpha"]);
    assert_eq!(list("name__contains=lp").await, ["alpha", "alpine"]);
    assert_eq!(list("name__startswith=be").await, ["beta"]);
    assert_eq!(list("name__iendswith=HA").await, ["alpha"]);
    assert_eq!(list("enabled=false").await, ["beta"]);
    assert_eq!(list("tags=all,beta").await, ["beta"]);
    assert_eq!(list("tags-any=alpha,beta").await, ["alpha", "beta"]);
    assert_eq!(
        list("not-tags-any=alpha,beta").await,
        ["admin", "alpine", "demo", "service"]
    );
    assert_eq!(list("domain_id=nowhere").await, [] as [&str; 0]);
    assert_eq!(list("parent_id=default").await.len(), 6);

    let mut seen = Vec::new();
    let mut path = "/identity/v3/projects?limit=4".to_owned();
    loop {
        let page = admin.get(&path).await.expect(200);
        seen.extend(ids(&page, "projects"));
        assert!(page["projects"].as_array().unwrap().len() <= 4);
        let Some(next) = page["links"]["next"].as_str() else {
            break;
        };
        path = next.strip_prefix(crate::cloud::BASE_URL).unwrap().to_owned();
    }
    let mut whole = ids(&admin.get("/identity/v3/projects").await.expect(200), "projects");
    seen.sort();
    whole.sort();
    assert_eq!(seen, whole);
}

#[tokio::test]
async fn projects_stand_in_trees() {
    let cloud = TestCloud::start().await;
    let admin = cloud.admin().await;
    let mut parent = json!(null);
    let mut chain = Vec::new();
    for depth in 0..4 {
        let body = json!({"name": format!("level-{depth}"), "parent_id": parent});
        let project = make(&admin, "project", body).await;
        parent = project["id"].clone();
        chain.push(project);
    }
    let deeper = admin
        .post(
            "/identity/v3/projects",
            json!({"project": {"name": "deeper", "parent_id": parent}}),
        )
        .await;
    deeper.expect(403);
    let path = |i: usize| format!("/identity/v3/projects/{}", chain[i]["id"].as_str().unwrap());
    admin.delete(&path(0)).await.expect(403);
    admin
        .patch(&path(0), json!({"project": {"enabled": false}}))
        .await
        .expect(403);
    admin
        .patch(&path(1), json!({"project": {"parent_id": "default"}}))
        .await
        .expect(403);
    admin
        .patch(&path(3), json!({"project": {"enabled": false}}))
        .await
        .expect(200);

    let shown = admin
        .get(&format!("{}?parents_as_ids&subtree_as_ids", path(2)))
        .await
        .expect(200);
    let id = |i: usize| chain[i]["id"].as_str().unwrap().to_owned();
    assert_eq!(shown["project"]["parents"], json!({id(1): {id(0): {"default": null}}}));
    assert_eq!(shown["project"]["subtree"], json!({id(3): null}));
    let shown = admin
        .get(&format!("{}?parents_as_list&subtree_as_list", path(1)))
        .await
        .expect(200);
    assert_eq!(shown["project"]["parents"][0]["project"]["id"], id(0));
    assert_eq!(shown["project"]["subtree"].as_array().unwrap().len(), 2);
    admin
        .get(&format!("{}?parents_as_list&parents_as_ids", path(1)))
        .await
        .expect(400);
}

#[tokio::test]
async fn tags_are_set_one_by_one_and_together() {
    let cloud = TestCloud::start().await;
    let (admin, demo) = (cloud.admin().await, cloud.demo().await);
    let path = format!("/identity/v3/projects/{}/tags", demo.project_id);
    admin.put(&path, json!({"tags": ["one", "two"]})).await.expect(200);
    let added = admin.put(&format!("{path}/three"), Value::Null).await;
    assert_eq!(
        added.headers["location"].to_str().unwrap(),
        format!("http://127.0.0.1:5000{path}/three")
    );
    added.expect(201);
    assert_eq!(
        demo.get(&path).await.expect(200)["tags"],
        json!(["one", "three", "two"])
    );
    demo.get(&format!("{path}/one")).await.expect(204);
    demo.head(&format!("{path}/four")).await.expect(404);
    demo.put(&format!("{path}/four"), Value::Null).await.expect(403);
    admin.delete(&format!("{path}/one")).await.expect(204);
    admin.delete(&format!("{path}/one")).await.expect(404);
    admin.delete(&path).await.expect(204);
    assert_eq!(admin.get(&path).await.expect(200)["tags"], json!([]));
    let many: Vec<String> = (0..81).map(|i| i.to_string()).collect();
    admin.put(&path, json!({"tags": many})).await.expect(400);
}

#[tokio::test]
async fn a_domain_goes_with_everything_in_it_once_it_is_disabled() {
    let cloud = TestCloud::start().await;
    let admin = cloud.admin().await;
    let domain = make(&admin, "domain", json!({"name": "doomed"})).await;
    let (id, path) = (
        &domain["id"],
        format!("/identity/v3/domains/{}", domain["id"].as_str().unwrap()),
    );
    let project = make(&admin, "project", json!({"name": "p", "domain_id": id})).await;
    let group = make(&admin, "group", json!({"name": "g", "domain_id": id})).await;
    let role = make(&admin, "role", json!({"name": "r", "domain_id": id})).await;
    // More rows than one transaction may change.
    let mut users = Vec::new();
    for i in 0..60 {
        users.push(make(&admin, "user", json!({"name": format!("u{i}"), "domain_id": id})).await);
    }
    let text = |value: &Value| value["id"].as_str().unwrap().to_owned();
    let member = ids(&admin.get("/identity/v3/roles?name=member").await.expect(200), "roles").remove(0);
    for user in &users {
        for place in [
            format!("projects/{}", text(&project)),
            format!("domains/{}", text(&domain)),
        ] {
            let grant = format!("/identity/v3/{place}/users/{}/roles/{member}", text(user));
            admin.put(&grant, Value::Null).await.expect(204);
        }
    }
    admin.delete(&path).await.expect(403);
    admin
        .patch(&path, json!({"domain": {"enabled": false}}))
        .await
        .expect(200);
    admin.delete(&path).await.expect(204);
    for (kind, row) in [
        ("project", &project),
        ("group", &group),
        ("user", &users[0]),
        ("user", &users[59]),
        ("role", &role),
    ] {
        admin
            .get(&format!("/identity/v3/{kind}s/{}", text(row)))
            .await
            .expect(404);
    }
    let left = admin.get("/identity/v3/role_assignments").await.expect(200);
    assert_eq!(left["role_assignments"].as_array().unwrap().len(), 5);
}

#[tokio::test]
async fn a_domain_is_also_the_project_that_acts_as_it() {
    let cloud = TestCloud::start().await;
    let admin = cloud.admin().await;
    let made = make(
        &admin,
        "project",
        json!({"name": "d", "is_domain": true, "domain_id": null}),
    )
    .await;
    assert_eq!(made["is_domain"], true);
    let id = made["id"].as_str().unwrap();
    assert!(
        ids(
            &admin.get("/identity/v3/projects?is_domain=True").await.expect(200),
            "projects"
        )
        .contains(&id.to_owned())
    );
    assert!(ids(&admin.get("/identity/v3/domains").await.expect(200), "domains").contains(&id.to_owned()));
    assert!(!ids(&admin.get("/identity/v3/projects").await.expect(200), "projects").contains(&id.to_owned()));
    let path = format!("/identity/v3/projects/{id}");
    admin.delete(&path).await.expect(403);
    admin
        .patch(&path, json!({"project": {"enabled": false}}))
        .await
        .expect(200);
    admin.delete(&path).await.expect(204);
    admin.get(&format!("/identity/v3/domains/{id}")).await.expect(404);
}

#[tokio::test]
async fn a_user_never_shows_a_password_and_can_sign_in_with_it() {
    let cloud = TestCloud::start().await;
    let admin = cloud.admin().await;
    let user = make(
        &admin,
        "user",
        json!({"name": "u", "password": "s3cret-canary", "email": "u@example.org", "default_project_id": admin.project_id}),
    )
    .await;
    let path = format!("/identity/v3/users/{}", user["id"].as_str().unwrap());
    for body in [
        user.clone(),
        admin.get(&path).await.expect(200),
        admin.get("/identity/v3/users").await.expect(200),
    ] {
        let text = body.to_string();
        assert!(!text.contains("s3cret-canary") && !text.contains("argon2"), "{text}");
    }
    assert_eq!(user["password_expires_at"], Value::Null);
    assert_eq!(user["options"], json!({}));
    assert_eq!(user["email"], "u@example.org");
    // The default project gives no scope as long as no role is held there.
    let login = json!({"auth": {"identity": {"methods": ["password"],
        "password": {"user": {"id": user["id"], "password": "s3cret-canary"}}}}});
    let answer = cloud
        .anonymous()
        .post("/identity/v3/auth/tokens", login.clone())
        .await
        .expect(201);
    assert_eq!(answer["token"]["project"], Value::Null);
    let member = ids(&admin.get("/identity/v3/roles?name=member").await.expect(200), "roles").remove(0);
    let grant = format!(
        "/identity/v3/projects/{}/users/{}/roles/{member}",
        admin.project_id,
        user["id"].as_str().unwrap()
    );
    admin.put(&grant, Value::Null).await.expect(204);
    let answer = cloud
        .anonymous()
        .post("/identity/v3/auth/tokens", login)
        .await
        .expect(201);
    assert_eq!(answer["token"]["project"]["name"], "admin");
    // When the project goes, so does the wish.
    admin
        .patch(&path, json!({"user": {"default_project_id": null, "email": null}}))
        .await
        .expect(200);
    let shown = admin.get(&path).await.expect(200);
    assert_eq!(shown["user"].get("email"), None);
    assert_eq!(shown["user"].get("default_project_id"), None);
}

#[tokio::test]
async fn a_deleted_project_is_nobodys_default_and_its_orphans_are_told() {
    let cloud = TestCloud::start().await;
    let admin = cloud.admin().await;
    let project = make(&admin, "project", json!({"name": "p"})).await;
    let user = make(
        &admin,
        "user",
        json!({"name": "u", "default_project_id": project["id"]}),
    )
    .await;
    admin
        .delete(&format!("/identity/v3/projects/{}", project["id"].as_str().unwrap()))
        .await
        .expect(204);
    let shown = admin
        .get(&format!("/identity/v3/users/{}", user["id"].as_str().unwrap()))
        .await
        .expect(200);
    assert_eq!(shown["user"].get("default_project_id"), None);
}

#[tokio::test]
async fn passwords_are_changed_by_their_owner_and_end_every_token() {
    let cloud = TestCloud::start().await;
    let (admin, demo) = (cloud.admin().await, cloud.demo().await);
    let path = format!("/identity/v3/users/{}/password", demo.user_id);
    let body = |old: &str, new: &str| json!({"user": {"original_password": old, "password": new}});
    demo.post(&path, body("wrong", "new-one")).await.expect(401);
    demo.post(&path, json!({"user": {"password": "x"}})).await.expect(400);
    admin.post(&path, body("wrong", "stolen")).await.expect(401);
    demo.post("/identity/v3/users/nobody/password", body(PASSWORD, "x"))
        .await
        .expect(401);
    demo.post(&path, body(PASSWORD, "new-one")).await.expect(204);
    demo.get("/identity/v3/auth/projects").await.expect(401);
    let login = |password: &str| {
        let user = json!({"name": "demo", "domain": {"id": "default"}, "password": password});
        json!({"auth": {"identity": {"methods": ["password"], "password": {"user": user}}}})
    };
    cloud
        .anonymous()
        .post("/identity/v3/auth/tokens", login(PASSWORD))
        .await
        .expect(401);
    cloud
        .anonymous()
        .post("/identity/v3/auth/tokens", login("new-one"))
        .await
        .expect(201);
    // The administrator sets another one; the user can lock theirs only through the administrator.
    let user = format!("/identity/v3/users/{}", demo.user_id);
    let locked = json!({"user": {"password": PASSWORD, "options": {"lock_password": true}}});
    admin.patch(&user, locked).await.expect(200);
    let demo = cloud.demo().await;
    demo.post(&path, body(PASSWORD, "another")).await.expect(400);
}

#[tokio::test]
async fn what_is_disabled_or_deleted_ends_its_tokens_for_good() {
    let cloud = TestCloud::start().await;
    let admin = cloud.admin().await;
    let check = "/identity/v3/auth/projects";
    let demo = cloud.demo().await;
    let user = format!("/identity/v3/users/{}", demo.user_id);
    let project = format!("/identity/v3/projects/{}", demo.project_id);
    for (path, kind) in [(&user, "user"), (&project, "project")] {
        let demo = cloud.demo().await;
        demo.get(check).await.expect(200);
        admin.patch(path, json!({kind: {"enabled": false}})).await.expect(200);
        demo.get(check).await.expect(401);
        admin.patch(path, json!({kind: {"enabled": true}})).await.expect(200);
        // Good again only after signing in again.
        demo.get(check).await.expect(401);
        cloud.demo().await.get(check).await.expect(200);
    }
    let demo = cloud.demo().await;
    let member = ids(&admin.get("/identity/v3/roles?name=member").await.expect(200), "roles").remove(0);
    let grant = format!("{project}/users/{}/roles/{member}", demo.user_id);
    admin.delete(&grant).await.expect(204);
    demo.get(check).await.expect(401);
    admin.put(&grant, Value::Null).await.expect(204);
    let demo = cloud.demo().await;
    admin.delete(&user).await.expect(204);
    demo.get(check).await.expect(401);
}

#[tokio::test]
async fn the_last_administrator_can_not_be_lost() {
    let cloud = TestCloud::start().await;
    let admin = cloud.admin().await;
    let user = format!("/identity/v3/users/{}", admin.user_id);
    admin
        .patch(&user, json!({"user": {"enabled": false}}))
        .await
        .expect(403);
    admin
        .patch(&user, json!({"user": {"password": null}}))
        .await
        .expect(403);
    admin.delete(&user).await.expect(403);
    admin
        .patch("/identity/v3/domains/default", json!({"domain": {"enabled": false}}))
        .await
        .expect(403);
    cloud.admin().await.get("/identity/v3/users").await.expect(200);
}

#[tokio::test]
async fn regions_services_and_endpoints_are_entered_and_appear_in_tokens() {
    let cloud = TestCloud::start().await;
    let (admin, demo) = (cloud.admin().await, cloud.demo().await);
    let own = admin.get("/identity/v3/services?type=compute").await.expect(200);
    let own_path = format!("/identity/v3/services/{}", own["services"][0]["id"].as_str().unwrap());
    admin.get(&own_path).await.expect(200);
    admin
        .patch(&own_path, json!({"service": {"enabled": false}}))
        .await
        .expect(403);
    admin.delete(&own_path).await.expect(403);
    admin.delete("/identity/v3/regions/RegionOne").await.expect(403);
    admin
        .put("/identity/v3/regions/RegionOne", json!({"region": {}}))
        .await
        .expect(409);

    let service = make(
        &admin,
        "service",
        json!({"type": "load-balancer", "name": "octavia", "description": "d"}),
    )
    .await;
    let endpoint = make(
        &admin,
        "endpoint",
        json!({"service_id": service["id"], "interface": "public", "region": "Two", "url": "http://192.0.2.1/$(project_id)s"}),
    )
    .await;
    assert_eq!(endpoint["region_id"], "Two");
    assert_eq!(endpoint["enabled"], true);
    demo.get("/identity/v3/regions/Two").await.expect(200);
    let catalog = demo.get("/identity/v3/auth/catalog").await.expect(200);
    let entry = catalog["catalog"]
        .as_array()
        .unwrap()
        .iter()
        .find(|s| s["type"] == "load-balancer")
        .unwrap()
        .clone();
    assert_eq!(
        entry["endpoints"][0]["url"],
        format!("http://192.0.2.1/{}", demo.project_id)
    );
    for (path, body) in [
        ("services", json!({"service": {"name": "no type"}})),
        (
            "endpoints",
            json!({"endpoint": {"service_id": "x", "interface": "public", "url": "http://a/"}}),
        ),
        (
            "endpoints",
            json!({"endpoint": {"service_id": service["id"], "interface": "secret", "url": "http://a/"}}),
        ),
        (
            "endpoints",
            json!({"endpoint": {"service_id": service["id"], "interface": "public", "url": "http://a/$(admin_token)s"}}),
        ),
        (
            "endpoints",
            json!({"endpoint": {"service_id": service["id"], "interface": "public", "url": "no-scheme"}}),
        ),
        (
            "endpoints",
            json!({"endpoint": {"service_id": service["id"], "interface": "public", "url": "http://a/", "region_id": "nowhere"}}),
        ),
    ] {
        admin.post(&format!("/identity/v3/{path}"), body).await.expect(400);
    }
    admin.delete("/identity/v3/regions/Two").await.expect(403);
    let list = admin
        .get(&format!(
            "/identity/v3/endpoints?service_id={}",
            service["id"].as_str().unwrap()
        ))
        .await;
    assert_eq!(ids(&list.expect(200), "endpoints"), [endpoint["id"].as_str().unwrap()]);
    admin
        .delete(&format!("/identity/v3/services/{}", service["id"].as_str().unwrap()))
        .await
        .expect(204);
    admin
        .get(&format!("/identity/v3/endpoints/{}", endpoint["id"].as_str().unwrap()))
        .await
        .expect(404);
    admin
        .patch(
            "/identity/v3/regions/Two",
            json!({"region": {"parent_region_id": "RegionOne"}}),
        )
        .await
        .expect(200);
    admin
        .patch(
            "/identity/v3/regions/Two",
            json!({"region": {"parent_region_id": "Two"}}),
        )
        .await
        .expect(400);
    admin.delete("/identity/v3/regions/Two").await.expect(204);
}
