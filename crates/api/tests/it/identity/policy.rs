//! Who may see and do what: strangers, readers of the system, managers of a domain.

use serde_json::{Value, json};

use super::{ids, names};
use crate::cloud::{Client, PASSWORD, TestCloud};

async fn make(client: &Client, kind: &str, body: Value) -> String {
    let answer = client.post(&format!("/identity/v3/{kind}s"), json!({kind: body})).await;
    answer.expect(201)[kind]["id"].as_str().unwrap().to_owned()
}

async fn role_id(admin: &Client, name: &str) -> String {
    ids(
        &admin.get(&format!("/identity/v3/roles?name={name}")).await.expect(200),
        "roles",
    )
    .remove(0)
}

#[tokio::test]
async fn a_member_sees_themselves_and_nobody_else() {
    let cloud = TestCloud::start().await;
    let (demo, other) = (cloud.demo().await, cloud.project("other").await);
    for own in [
        format!("users/{}", demo.user_id),
        format!("users/{}/projects", demo.user_id),
        format!("users/{}/groups", demo.user_id),
        format!("users/{}/application_credentials", demo.user_id),
        format!("projects/{}", demo.project_id),
        "domains/default".to_owned(),
        "regions".to_owned(),
    ] {
        demo.get(&format!("/identity/v3/{own}")).await.expect(200);
    }
    for foreign in [
        format!("users/{}", other.user_id),
        format!("users/{}/projects", other.user_id),
        format!("users/{}/groups", other.user_id),
        format!("users/{}/application_credentials", other.user_id),
        format!("projects/{}", other.project_id),
        format!("projects/{}/tags", other.project_id),
        // What there is not can't be told from what one may not see.
        "users/nobody".to_owned(),
        "projects/nowhere".to_owned(),
        "domains/nowhere".to_owned(),
        "groups/nowhere".to_owned(),
        "roles/nowhere".to_owned(),
        "users".to_owned(),
        "projects".to_owned(),
        "domains".to_owned(),
        "groups".to_owned(),
        "roles".to_owned(),
        "role_assignments".to_owned(),
        "role_inferences".to_owned(),
        "services".to_owned(),
        "endpoints".to_owned(),
        format!("projects/{}/users/{}/roles", demo.project_id, demo.user_id),
        format!("system/users/{}/roles", demo.user_id),
    ] {
        let answer = demo.get(&format!("/identity/v3/{foreign}")).await;
        assert_eq!(answer.status, 403, "{answer:?}");
    }
    for (method, path, body) in [
        ("POST", "users".to_owned(), json!({"user": {"name": "x"}})),
        ("POST", "projects".to_owned(), json!({"project": {"name": "x"}})),
        ("POST", "domains".to_owned(), json!({"domain": {"name": "x"}})),
        ("POST", "groups".to_owned(), json!({"group": {"name": "x"}})),
        ("POST", "roles".to_owned(), json!({"role": {"name": "x"}})),
        ("POST", "regions".to_owned(), json!({"region": {}})),
        ("POST", "services".to_owned(), json!({"service": {"type": "x"}})),
        (
            "PATCH",
            format!("users/{}", demo.user_id),
            json!({"user": {"enabled": true}}),
        ),
        (
            "PATCH",
            format!("projects/{}", demo.project_id),
            json!({"project": {"name": "x"}}),
        ),
        ("DELETE", format!("projects/{}", demo.project_id), Value::Null),
        ("DELETE", format!("users/{}", other.user_id), Value::Null),
        ("DELETE", "domains/default".to_owned(), Value::Null),
    ] {
        let method = method.parse().unwrap();
        let answer = demo.send_json(method, &format!("/identity/v3/{path}"), body).await;
        assert_eq!(answer.status, 403, "{answer:?}");
    }
}

#[tokio::test]
async fn a_reader_of_the_system_reads_everything_and_changes_nothing() {
    let cloud = TestCloud::start().await;
    let (admin, demo) = (cloud.admin().await, cloud.demo().await);
    let grant = format!(
        "/identity/v3/system/users/{}/roles/{}",
        demo.user_id,
        role_id(&admin, "reader").await
    );
    admin.put(&grant, Value::Null).await.expect(204);
    let reader = cloud.anonymous().log_in("demo", json!({"system": {"all": true}})).await;
    for path in [
        "users",
        "projects",
        "domains",
        "groups",
        "roles",
        "role_assignments",
        "services",
        "endpoints",
    ] {
        reader.get(&format!("/identity/v3/{path}")).await.expect(200);
    }
    reader
        .get(&format!("/identity/v3/users/{}", admin.user_id))
        .await
        .expect(200);
    reader.get("/identity/v3/users/nobody").await.expect(404);
    reader
        .post("/identity/v3/users", json!({"user": {"name": "x"}}))
        .await
        .expect(403);
    reader.put(&grant, Value::Null).await.expect(403);
    reader
        .delete(&format!("/identity/v3/users/{}", admin.user_id))
        .await
        .expect(403);
}

/// A domain with a manager, as a client scoped to it.
async fn domain_manager(cloud: &TestCloud, admin: &Client) -> (String, Client) {
    let domain = make(admin, "domain", json!({"name": "theirs"})).await;
    let manager = make(
        admin,
        "user",
        json!({"name": "boss", "domain_id": domain, "password": PASSWORD}),
    )
    .await;
    let role = role_id(admin, "manager").await;
    admin
        .put(
            &format!("/identity/v3/domains/{domain}/users/{manager}/roles/{role}"),
            Value::Null,
        )
        .await
        .expect(204);
    let user = json!({"id": manager, "password": PASSWORD});
    let scope = json!({"domain": {"id": domain}});
    let body = json!({"auth": {"identity": {"methods": ["password"], "password": {"user": user}}, "scope": scope}});
    let answer = cloud.anonymous().post("/identity/v3/auth/tokens", body).await;
    let token = answer.headers["x-subject-token"].to_str().unwrap().to_owned();
    (domain, cloud.anonymous().with_token(&token))
}

#[tokio::test]
async fn a_manager_of_a_domain_runs_it_and_nothing_beyond() {
    let cloud = TestCloud::start().await;
    let admin = cloud.admin().await;
    let (domain, boss) = domain_manager(&cloud, &admin).await;
    let user = make(&boss, "user", json!({"name": "worker", "password": PASSWORD})).await;
    let project = make(&boss, "project", json!({"name": "work"})).await;
    let group = make(&boss, "group", json!({"name": "team"})).await;
    boss.put(&format!("/identity/v3/groups/{group}/users/{user}"), Value::Null)
        .await
        .expect(204);
    let (member, full) = (role_id(&admin, "member").await, role_id(&admin, "admin").await);
    let grant = |role: &str| format!("/identity/v3/projects/{project}/users/{user}/roles/{role}");
    boss.put(&grant(&member), Value::Null).await.expect(204);
    boss.put(&grant(&full), Value::Null).await.expect(403);
    boss.put(&format!("/identity/v3/system/users/{user}/roles/{member}"), Value::Null)
        .await
        .expect(403);
    let foreign = format!("/identity/v3/projects/{}/users/{user}/roles/{member}", admin.project_id);
    boss.put(&foreign, Value::Null).await.expect(403);
    let foreign = format!("/identity/v3/projects/{project}/users/{}/roles/{member}", admin.user_id);
    boss.put(&foreign, Value::Null).await.expect(403);

    assert_eq!(
        names(&boss.get("/identity/v3/users").await.expect(200), "users"),
        ["boss", "worker"]
    );
    assert_eq!(
        names(&boss.get("/identity/v3/projects").await.expect(200), "projects"),
        ["work"]
    );
    assert_eq!(
        names(&boss.get("/identity/v3/domains").await.expect(200), "domains"),
        ["theirs"]
    );
    boss.get(&format!("/identity/v3/users/{}", admin.user_id))
        .await
        .expect(403);
    boss.post(
        "/identity/v3/users",
        json!({"user": {"name": "x", "domain_id": "default"}}),
    )
    .await
    .expect(403);
    boss.patch(
        &format!("/identity/v3/users/{}", admin.user_id),
        json!({"user": {"password": "x"}}),
    )
    .await
    .expect(403);
    boss.patch(
        &format!("/identity/v3/domains/{domain}"),
        json!({"domain": {"name": "x"}}),
    )
    .await
    .expect(403);

    // An administrator who lives in the domain stays above its manager, and so does a group that makes administrators.
    admin.put(&grant(&full), Value::Null).await.expect(204);
    let path = format!("/identity/v3/users/{user}");
    boss.patch(&path, json!({"user": {"password": "taken"}}))
        .await
        .expect(403);
    boss.delete(&path).await.expect(403);
    admin.delete(&grant(&full)).await.expect(204);
    admin
        .put(
            &format!("/identity/v3/projects/{project}/groups/{group}/roles/{full}"),
            Value::Null,
        )
        .await
        .expect(204);
    let second = make(&boss, "user", json!({"name": "second"})).await;
    boss.put(&format!("/identity/v3/groups/{group}/users/{second}"), Value::Null)
        .await
        .expect(403);
    boss.delete(&format!("/identity/v3/groups/{group}")).await.expect(403);
    boss.delete(&format!("/identity/v3/users/{second}")).await.expect(204);
}
