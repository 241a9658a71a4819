//! Application credentials: never more rights than their maker, and none of the maker's other doors.

use serde_json::{Value, json};

use super::{ids, names};
use crate::cloud::{Answer, Client, TestCloud};

fn path(client: &Client) -> String {
    format!("/identity/v3/users/{}/application_credentials", client.user_id)
}

async fn make(client: &Client, body: Value) -> Value {
    let answer = client
        .post(&path(client), json!({"application_credential": body}))
        .await;
    answer.expect(201)["application_credential"].clone()
}

async fn sign_in(cloud: &TestCloud, credential: Value, scope: Value) -> Answer {
    let mut auth = json!({"identity": {"methods": ["application_credential"], "application_credential": credential}});
    if !scope.is_null() {
        auth["scope"] = scope;
    }
    cloud
        .anonymous()
        .post("/identity/v3/auth/tokens", json!({"auth": auth}))
        .await
}

fn client_of(cloud: &TestCloud, demo: &Client, answer: &Answer) -> Client {
    let mut client = cloud
        .anonymous()
        .with_token(answer.headers["x-subject-token"].to_str().unwrap());
    client.user_id = demo.user_id.clone();
    client
}

#[tokio::test]
async fn a_credential_acts_in_its_project_with_its_roles() {
    let cloud = TestCloud::start().await;
    let demo = cloud.demo().await;
    let made = make(
        &demo,
        json!({"name": "ci", "description": "robot", "roles": [{"name": "reader"}]}),
    )
    .await;
    let secret = made["secret"].as_str().unwrap();
    assert!(secret.len() >= 64);
    assert_eq!(made["project_id"], demo.project_id);
    assert_eq!(made["unrestricted"], false);
    let shown = demo
        .get(&format!("{}/{}", path(&demo), made["id"].as_str().unwrap()))
        .await
        .expect(200);
    assert_eq!(shown["application_credential"].get("secret"), None);
    let by_id = json!({"id": made["id"], "secret": secret});
    let by_name = json!({"name": "ci", "user": {"id": demo.user_id}, "secret": secret});
    for credential in [by_id.clone(), by_name] {
        let answer = sign_in(&cloud, credential, Value::Null).await;
        let token = &answer.json["token"];
        assert_eq!(token["project"]["id"], demo.project_id);
        assert_eq!(names(token, "roles"), ["reader"]);
        assert_eq!(token["methods"], json!(["application_credential"]));
        assert_eq!(token["application_credential"]["restricted"], true);
        assert!(token["catalog"].is_array());
    }
    let answer = sign_in(&cloud, json!({"id": made["id"], "secret": "wrong"}), Value::Null).await;
    answer.expect(401);
    for scope in [
        json!("unscoped"),
        json!({"system": {"all": true}}),
        json!({"project": {"name": "admin", "domain": {"id": "default"}}}),
    ] {
        sign_in(&cloud, by_id.clone(), scope).await.expect(401);
    }
    assert_eq!(
        ids(
            &demo.get(&format!("{}?name=ci", path(&demo))).await.expect(200),
            "application_credentials"
        )
        .len(),
        1
    );
    demo.post(&path(&demo), json!({"application_credential": {"name": "ci"}}))
        .await
        .expect(409);
}

#[tokio::test]
async fn a_credential_never_gives_more_than_its_maker_has_now() {
    let cloud = TestCloud::start().await;
    let (admin, demo) = (cloud.admin().await, cloud.demo().await);
    for body in [
        json!({"name": "x", "roles": [{"name": "admin"}]}),
        json!({"name": "x", "roles": [{"name": "no-such"}]}),
        json!({"name": "x", "roles": [5]}),
        json!({"name": "x", "expires_at": "yesterday"}),
        json!({"name": "x", "expires_at": "2001-01-01T00:00:00.000000"}),
        json!({"name": "x", "access_rules": [{"path": "/"}]}),
        json!({"name": ""}),
    ] {
        demo.post(&path(&demo), json!({"application_credential": body}))
            .await
            .expect(400);
    }
    admin
        .post(&path(&demo), json!({"application_credential": {"name": "x"}}))
        .await
        .expect(403);
    let made = make(&demo, json!({"name": "x"})).await;
    let credential = json!({"id": made["id"], "secret": made["secret"]});
    let answer = sign_in(&cloud, credential.clone(), Value::Null).await;
    let robot = client_of(&cloud, &demo, &answer);
    // A token made from its token stays as narrow.
    let scope = json!({"project": {"name": "demo", "domain": {"id": "default"}}});
    let body = |scope: Value| json!({"auth": {"identity": {"methods": ["token"], "token": {"id": robot.token}}, "scope": scope}});
    let child = cloud
        .anonymous()
        .post("/identity/v3/auth/tokens", body(scope))
        .await
        .expect(201);
    assert_eq!(child["token"]["application_credential"]["id"], made["id"]);
    cloud
        .anonymous()
        .post("/identity/v3/auth/tokens", body(json!("unscoped")))
        .await
        .expect(401);
    // Restricted: it makes and deletes no others.
    robot
        .post(&path(&demo), json!({"application_credential": {"name": "y"}}))
        .await
        .expect(403);
    robot
        .delete(&format!("{}/{}", path(&demo), made["id"].as_str().unwrap()))
        .await
        .expect(403);
    // What the maker loses, it loses.
    let member = ids(&admin.get("/identity/v3/roles?name=member").await.expect(200), "roles").remove(0);
    let grant = format!(
        "/identity/v3/projects/{}/users/{}/roles/{member}",
        demo.project_id, demo.user_id
    );
    admin.delete(&grant).await.expect(204);
    robot.get("/identity/v3/auth/catalog").await.expect(401);
    sign_in(&cloud, credential.clone(), Value::Null).await.expect(401);
    admin.put(&grant, Value::Null).await.expect(204);
    sign_in(&cloud, credential.clone(), Value::Null).await.expect(201);
    let demo = cloud.demo().await;
    demo.delete(&format!("{}/{}", path(&demo), made["id"].as_str().unwrap()))
        .await
        .expect(204);
    robot.get("/identity/v3/auth/catalog").await.expect(401);
    sign_in(&cloud, credential, Value::Null).await.expect(401);
}

#[tokio::test]
async fn a_credential_ends_at_its_time_and_with_its_user() {
    let cloud = TestCloud::start().await;
    let (admin, demo) = (cloud.admin().await, cloud.demo().await);
    let soon = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(600);
    let soon = soon.strftime("%Y-%m-%dT%H:%M:%S.%6f").to_string();
    let short = make(&demo, json!({"name": "short", "expires_at": soon})).await;
    assert_eq!(short["expires_at"], soon);
    let free = make(&demo, json!({"name": "free", "unrestricted": true})).await;
    let credential = |made: &Value| json!({"id": made["id"], "secret": made["secret"]});
    let answer = sign_in(&cloud, credential(&short), Value::Null).await;
    let robot = client_of(&cloud, &demo, &answer);
    let answer = sign_in(&cloud, credential(&free), Value::Null).await;
    let unrestricted = client_of(&cloud, &demo, &answer);
    make(&unrestricted, json!({"name": "made by a robot"})).await;
    robot.get("/identity/v3/auth/catalog").await.expect(200);
    cloud.clock.advance(601);
    robot.get("/identity/v3/auth/catalog").await.expect(401);
    sign_in(&cloud, credential(&short), Value::Null).await.expect(401);
    unrestricted.get("/identity/v3/auth/catalog").await.expect(200);
    admin
        .delete(&format!("/identity/v3/users/{}", demo.user_id))
        .await
        .expect(204);
    unrestricted.get("/identity/v3/auth/catalog").await.expect(401);
    assert!(cloud.control.cloud().application_credentials.is_empty());
}
