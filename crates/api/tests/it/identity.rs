//! Identity v3.

use serde_json::{Value, json};

use crate::cloud::{Client, PASSWORD, TestCloud};

mod application_credentials;
mod catalog_views;
mod compliance;
mod delegation;
mod flood;
mod policy;
mod resources;
mod roles;

/// One attribute of every item of a list, sorted.
fn attribute(list: &Value, what: &str, attribute: &str) -> Vec<String> {
    let items = list[what].as_array().unwrap().iter();
    let mut values: Vec<String> = items.map(|item| item[attribute].as_str().unwrap().to_owned()).collect();
    values.sort_unstable();
    values
}

fn names(list: &Value, what: &str) -> Vec<String> {
    attribute(list, what, "name")
}

fn ids(list: &Value, what: &str) -> Vec<String> {
    attribute(list, what, "id")
}

fn password_auth(user: Value, scope: Value) -> Value {
    let mut auth = json!({"identity": {"methods": ["password"], "password": {"user": user}}});
    if !scope.is_null() {
        auth["scope"] = scope;
    }
    json!({"auth": auth})
}

fn demo() -> Value {
    json!({"name": "demo", "domain": {"name": "Default"}, "password": PASSWORD})
}

async fn token_of(client: &Client, body: Value) -> (String, Value) {
    let answer = client.post("/identity/v3/auth/tokens", body).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    let secret = answer.headers["x-subject-token"].to_str().unwrap().to_owned();
    (secret, answer.json["token"].clone())
}

#[tokio::test]
async fn the_version_documents_are_those_clients_look_for() {
    let cloud = TestCloud::start().await;
    let anonymous = cloud.anonymous();
    for path in ["/identity", "/identity/"] {
        let root = anonymous.get(path).await.expect(300);
        let version = &root["versions"]["values"][0];
        for key in ["id", "links", "media-types", "status", "updated"] {
            assert!(!version[key].is_null(), "{key}");
        }
    }
    let v3 = anonymous.get("/identity/v3/").await.expect(200);
    assert_eq!(v3["version"]["links"][0]["href"], "http://127.0.0.1:5000/identity/v3/");
}

#[tokio::test]
async fn a_password_and_a_project_give_a_token_with_roles_and_catalog() {
    let cloud = TestCloud::start().await;
    let scope = json!({"project": {"name": "demo", "domain": {"name": "Default"}}});
    let (_, token) = token_of(&cloud.anonymous(), password_auth(demo(), scope)).await;
    assert_eq!(token["project"]["name"], "demo");
    assert_eq!(token["project"]["domain"], json!({"id": "default", "name": "Default"}));
    assert_eq!(token["methods"], json!(["password"]));
    let mut roles: Vec<&str> = token["roles"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| r["name"].as_str().unwrap())
        .collect();
    roles.sort_unstable();
    assert_eq!(roles, ["member", "reader"]);
    for service in token["catalog"].as_array().unwrap() {
        for key in ["type", "name", "id"] {
            assert!(service[key].is_string(), "{service}");
        }
        for endpoint in service["endpoints"].as_array().unwrap() {
            for key in ["id", "interface", "region", "region_id", "url"] {
                assert!(endpoint[key].is_string(), "{endpoint}");
            }
        }
    }
    let expires = token["expires_at"].as_str().unwrap();
    assert!(expires.len() == 27 && expires.ends_with('Z'), "{expires}");
}

#[tokio::test]
async fn system_domain_and_unscoped_tokens_say_what_they_are() {
    let cloud = TestCloud::start().await;
    let admin = json!({"name": "admin", "domain": {"id": "default"}, "password": PASSWORD});
    let (_, token) = token_of(
        &cloud.anonymous(),
        password_auth(admin.clone(), json!({"system": {"all": true}})),
    )
    .await;
    assert_eq!(token["system"], json!({"all": true}));
    assert_eq!(token["roles"].as_array().unwrap().len(), 4);
    let (_, token) = token_of(
        &cloud.anonymous(),
        password_auth(admin.clone(), json!({"domain": {"id": "default"}})),
    )
    .await;
    assert_eq!(token["domain"]["name"], "Default");
    for scope in [json!("unscoped"), json!({"unscoped": {}}), Value::Null] {
        let (_, token) = token_of(&cloud.anonymous(), password_auth(admin.clone(), scope)).await;
        assert!(
            token["project"].is_null() && token["roles"].is_null() && token["catalog"].is_null(),
            "{token}"
        );
    }
}

#[tokio::test]
async fn every_failed_login_gets_the_same_words() {
    let cloud = TestCloud::start().await;
    let project = json!({"project": {"name": "demo", "domain": {"id": "default"}}});
    let wrong = [
        password_auth(
            json!({"name": "demo", "domain": {"id": "default"}, "password": "wrong"}),
            project.clone(),
        ),
        password_auth(
            json!({"name": "nobody", "domain": {"id": "default"}, "password": "x"}),
            project.clone(),
        ),
        password_auth(
            json!({"name": "demo", "domain": {"id": "nowhere"}, "password": PASSWORD}),
            project,
        ),
        password_auth(json!({"id": "0123", "password": PASSWORD}), Value::Null),
        password_auth(
            demo(),
            json!({"project": {"name": "admin", "domain": {"id": "default"}}}),
        ),
        password_auth(demo(), json!({"project": {"id": "no-such"}})),
        password_auth(demo(), json!({"system": {"all": true}})),
        password_auth(demo(), json!({"domain": {"id": "default"}})),
        json!({"auth": {"identity": {"methods": ["saml2"]}}}),
        json!({"auth": {"identity": {"methods": []}}}),
    ];
    let mut texts = std::collections::BTreeSet::new();
    for body in wrong {
        let answer = cloud.anonymous().post("/identity/v3/auth/tokens", body).await;
        assert_eq!(answer.status, 401, "{answer:?}");
        texts.insert(answer.json.to_string());
        assert_eq!(
            answer.headers["www-authenticate"].to_str().unwrap(),
            "Keystone uri=\"http://127.0.0.1:5000/identity\""
        );
    }
    assert_eq!(texts.len(), 1, "{texts:?}");
    // Only of a token does Keystone say that there is no such thing.
    let junk = json!({"auth": {"identity": {"methods": ["token"], "token": {"id": "junk"}}}});
    let answer = cloud.anonymous().post("/identity/v3/auth/tokens", junk).await;
    answer.expect(404);
}

#[tokio::test]
async fn malformed_logins_name_what_is_wrong() {
    let cloud = TestCloud::start().await;
    for (body, word) in [
        (json!({}), "auth"),
        (json!({"auth": 5}), "auth"),
        (json!({"auth": {}}), "identity"),
        (json!({"auth": {"identity": {}}}), "methods"),
        (json!({"auth": {"identity": {"methods": "password"}}}), "methods"),
        (json!({"auth": {"identity": {"methods": ["password"]}}}), "password"),
        (
            password_auth(json!({"name": "demo", "password": "x"}), Value::Null),
            "domain",
        ),
        (
            password_auth(json!({"name": "demo", "domain": {}, "password": "x"}), Value::Null),
            "name",
        ),
        (password_auth(demo(), json!({"project": {"name": "demo"}})), "domain"),
        (
            password_auth(demo(), json!({"system": {"all": false}})),
            "scope/system/all",
        ),
        (password_auth(demo(), json!({})), "scope"),
        (
            password_auth(demo(), json!({"system": {"all": true}, "domain": {"id": "default"}})),
            "scope",
        ),
        (
            password_auth(
                json!({"name": "demo", "domain": {"id": "default"}, "password": 5}),
                Value::Null,
            ),
            "password",
        ),
    ] {
        let answer = cloud.anonymous().post("/identity/v3/auth/tokens", body).await;
        let text = answer.json["error"]["message"].as_str().unwrap_or_default().to_owned();
        assert_eq!(answer.status, 400, "{answer:?}");
        assert!(text.contains(word), "'{word}' in '{text}'");
    }
}

#[tokio::test]
async fn a_token_gives_another_that_ends_with_it_and_keeps_its_chain() {
    let cloud = TestCloud::start().await;
    let (first, told) = token_of(&cloud.anonymous(), password_auth(demo(), json!("unscoped"))).await;
    let scope = json!({"project": {"name": "demo", "domain": {"id": "default"}}});
    let body = json!({"auth": {"identity": {"methods": ["token"], "token": {"id": first}}, "scope": scope}});
    let (_, second) = token_of(&cloud.anonymous(), body).await;
    assert_eq!(second["expires_at"], told["expires_at"]);
    assert_eq!(second["audit_ids"][1], told["audit_ids"][0]);
    assert_eq!(second["methods"], json!(["password", "token"]));
    assert_eq!(second["project"]["name"], "demo");
}

#[tokio::test]
async fn tokens_are_validated_and_revoked_by_whom_they_concern() {
    let cloud = TestCloud::start().await;
    let (admin, demo, other) = (cloud.admin().await, cloud.demo().await, cloud.project("other").await);
    let path = "/identity/v3/auth/tokens";
    let about = |client: &Client, token: &str| client.clone().with("x-subject-token", token);

    let own = about(&demo, &demo.token).get(path).await;
    assert_eq!(own.headers["x-subject-token"].to_str().unwrap(), demo.token);
    assert_eq!(own.expect(200)["token"]["user"]["name"], "demo");
    assert_eq!(about(&admin, &demo.token).head(path).await.status, 200);
    about(&other, &demo.token).get(path).await.expect(403);
    about(&other, &demo.token).delete(path).await.expect(403);
    about(&admin, "junk").get(path).await.expect(404);
    admin.get(path).await.expect(404);

    about(&demo, &demo.token).delete(path).await.expect(204);
    demo.get("/identity/v3/auth/projects").await.expect(401);
    about(&admin, &demo.token).get(path).await.expect(404);
    // Only that one: a new one is good.
    cloud.demo().await.get("/identity/v3/auth/projects").await.expect(200);
}

#[tokio::test]
async fn a_token_ends_at_its_time_and_outlives_a_restart_and_a_new_key() {
    let cloud = TestCloud::start().await;
    let demo = cloud.demo().await;
    cloud
        .control
        .rotate_token_keys(model::identity::Rotation::AtOnce)
        .await
        .unwrap();
    let younger = cloud.demo().await;
    let revoked = cloud.demo().await;
    revoked
        .clone()
        .with("x-subject-token", &revoked.token)
        .delete("/identity/v3/auth/tokens")
        .await
        .expect(204);
    let cloud = cloud.restart().await;
    for token in [&demo.token, &younger.token] {
        let client = cloud.anonymous().with_token(token);
        client.get("/identity/v3/auth/projects").await.expect(200);
    }
    cloud
        .anonymous()
        .with_token(&revoked.token)
        .get("/identity/v3/auth/projects")
        .await
        .expect(401);
    cloud.clock.advance(3590);
    cloud
        .anonymous()
        .with_token(&demo.token)
        .get("/identity/v3/auth/projects")
        .await
        .expect(200);
    cloud.clock.advance(11);
    cloud
        .anonymous()
        .with_token(&demo.token)
        .get("/identity/v3/auth/projects")
        .await
        .expect(401);
}

#[tokio::test]
async fn what_the_caller_may_scope_to_is_listed() {
    let cloud = TestCloud::start().await;
    let (admin, demo) = (cloud.admin().await, cloud.demo().await);
    let projects = admin.get("/identity/v3/auth/projects").await.expect(200);
    assert_eq!(names(&projects, "projects"), ["admin", "demo"]);
    assert_eq!(projects["links"]["next"], Value::Null);
    assert_eq!(
        names(&demo.get("/identity/v3/auth/projects").await.expect(200), "projects"),
        ["demo"]
    );
    assert_eq!(
        names(&admin.get("/identity/v3/auth/domains").await.expect(200), "domains"),
        ["Default"]
    );
    assert_eq!(
        names(&demo.get("/identity/v3/auth/domains").await.expect(200), "domains"),
        [] as [&str; 0]
    );
    assert_eq!(
        admin.get("/identity/v3/auth/system").await.expect(200)["system"],
        json!([{"all": true}])
    );
    assert_eq!(
        demo.get("/identity/v3/auth/system").await.expect(200)["system"],
        json!([])
    );
    let unscoped = cloud.anonymous().log_in("demo", json!("unscoped")).await;
    unscoped.get("/identity/v3/auth/catalog").await.expect(403);
    demo.get("/identity/v3/auth/catalog").await.expect(200);
}
