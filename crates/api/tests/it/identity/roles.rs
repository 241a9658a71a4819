//! Roles: implication, assignment, inheritance, groups, and who may give them.

use serde_json::{Value, json};

use super::{ids, names};
use crate::cloud::{Client, TestCloud};

async fn role_id(admin: &Client, name: &str) -> String {
    ids(
        &admin.get(&format!("/identity/v3/roles?name={name}")).await.expect(200),
        "roles",
    )
    .remove(0)
}

async fn make(client: &Client, kind: &str, body: Value) -> String {
    let answer = client.post(&format!("/identity/v3/{kind}s"), json!({kind: body})).await;
    answer.expect(201)[kind]["id"].as_str().unwrap().to_owned()
}

fn role_names(client_token: &Value) -> Vec<String> {
    names(&client_token["token"], "roles")
}

async fn own_token(client: &Client) -> Value {
    let client = client.clone().with("x-subject-token", &client.token);
    client.get("/identity/v3/auth/tokens").await.expect(200)
}

#[tokio::test]
async fn roles_bring_others_and_never_in_a_circle() {
    let cloud = TestCloud::start().await;
    let admin = cloud.admin().await;
    let inferences = admin.get("/identity/v3/role_inferences").await.expect(200);
    assert_eq!(inferences["role_inferences"].as_array().unwrap().len(), 3);
    let (a, b) = (
        make(&admin, "role", json!({"name": "a"})).await,
        make(&admin, "role", json!({"name": "b"})).await,
    );
    let implies = |prior: &str, implied: &str| format!("/identity/v3/roles/{prior}/implies/{implied}");
    let made = admin.put(&implies(&a, &b), Value::Null).await.expect(201);
    assert_eq!(made["role_inference"]["prior_role"]["name"], "a");
    assert_eq!(made["role_inference"]["implies"]["name"], "b");
    admin.put(&implies(&a, &b), Value::Null).await.expect(409);
    admin.put(&implies(&b, &a), Value::Null).await.expect(400);
    admin.put(&implies(&a, &a), Value::Null).await.expect(400);
    admin
        .put(&implies(&a, &role_id(&admin, "admin").await), Value::Null)
        .await
        .expect(403);
    admin.put(&implies(&a, "nowhere"), Value::Null).await.expect(404);
    admin.head(&implies(&a, &b)).await.expect(204);
    admin.get(&implies(&a, &b)).await.expect(200);
    let list = admin.get(&format!("/identity/v3/roles/{a}/implies")).await.expect(200);
    assert_eq!(list["role_inference"]["implies"][0]["id"], b);
    admin.delete(&implies(&a, &b)).await.expect(204);
    admin.get(&implies(&a, &b)).await.expect(404);
}

#[tokio::test]
async fn the_first_roles_are_immutable_until_that_is_taken_off() {
    let cloud = TestCloud::start().await;
    let admin = cloud.admin().await;
    let path = format!("/identity/v3/roles/{}", role_id(&admin, "service").await);
    admin.patch(&path, json!({"role": {"name": "x"}})).await.expect(403);
    admin.delete(&path).await.expect(403);
    admin
        .patch(&path, json!({"role": {"options": {"immutable": false}}}))
        .await
        .expect(200);
    admin
        .patch(&path, json!({"role": {"name": "x", "description": "d"}}))
        .await
        .expect(200);
    admin.delete(&path).await.expect(204);
}

#[tokio::test]
async fn roles_are_given_checked_listed_and_taken() {
    let cloud = TestCloud::start().await;
    let (admin, other) = (cloud.admin().await, cloud.project("other").await);
    let role = make(&admin, "role", json!({"name": "special"})).await;
    for place in [
        format!("projects/{}", other.project_id),
        "domains/default".to_owned(),
        "system".to_owned(),
    ] {
        let list = format!("/identity/v3/{place}/users/{}/roles", other.user_id);
        let one = format!("{list}/{role}");
        admin.head(&one).await.expect(404);
        admin.put(&one, Value::Null).await.expect(204);
        admin.put(&one, Value::Null).await.expect(204);
        admin.head(&one).await.expect(204);
        admin.get(&one).await.expect(204);
        assert!(names(&admin.get(&list).await.expect(200), "roles").contains(&"special".to_owned()));
        other.put(&one, Value::Null).await.expect(403);
        admin.delete(&one).await.expect(204);
        admin.delete(&one).await.expect(404);
        for wrong in [
            format!("/identity/v3/{place}/users/nobody/roles/{role}"),
            format!("{list}/no-role"),
        ] {
            admin.put(&wrong, Value::Null).await.expect(404);
        }
    }
    let nowhere = format!("/identity/v3/projects/nowhere/users/{}/roles/{role}", other.user_id);
    admin.put(&nowhere, Value::Null).await.expect(404);
    // With the role go its assignments.
    let one = format!(
        "/identity/v3/projects/{}/users/{}/roles/{role}",
        other.project_id, other.user_id
    );
    admin.put(&one, Value::Null).await.expect(204);
    admin.delete(&format!("/identity/v3/roles/{role}")).await.expect(204);
    let left = admin
        .get(&format!("/identity/v3/role_assignments?user.id={}", other.user_id))
        .await
        .expect(200);
    assert_eq!(left["role_assignments"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_group_gives_its_members_its_roles() {
    let cloud = TestCloud::start().await;
    let (admin, demo) = (cloud.admin().await, cloud.demo().await);
    let group = make(&admin, "group", json!({"name": "operators"})).await;
    let member = format!("/identity/v3/groups/{group}/users/{}", demo.user_id);
    let grant = format!(
        "/identity/v3/projects/{}/groups/{group}/roles/{}",
        admin.project_id,
        role_id(&admin, "reader").await
    );
    admin.head(&member).await.expect(404);
    admin.put(&member, Value::Null).await.expect(204);
    admin.head(&member).await.expect(204);
    admin.put(&grant, Value::Null).await.expect(204);
    assert_eq!(
        names(
            &admin
                .get(&format!("/identity/v3/groups/{group}/users"))
                .await
                .expect(200),
            "users"
        ),
        ["demo"]
    );
    let groups = demo
        .get(&format!("/identity/v3/users/{}/groups", demo.user_id))
        .await
        .expect(200);
    assert_eq!(names(&groups, "groups"), ["operators"]);
    let in_admin = cloud.user("demo", "admin").await;
    assert_eq!(role_names(&own_token(&in_admin).await), ["reader"]);
    let effective = admin
        .get(&format!(
            "/identity/v3/role_assignments?effective&user.id={}&scope.project.id={}",
            demo.user_id, admin.project_id
        ))
        .await
        .expect(200);
    let links = &effective["role_assignments"][0]["links"];
    assert!(links["membership"].as_str().unwrap().ends_with(&member), "{links}");
    assert!(links["assignment"].as_str().unwrap().ends_with(&grant), "{links}");
    admin.delete(&member).await.expect(204);
    in_admin.get("/identity/v3/auth/projects").await.expect(401);
    admin.delete(&format!("/identity/v3/groups/{group}")).await.expect(204);
    admin.get(&format!("/identity/v3/groups/{group}")).await.expect(404);
}

#[tokio::test]
async fn inherited_roles_hold_below_and_not_above() {
    let cloud = TestCloud::start().await;
    let admin = cloud.admin().await;
    let other = cloud.project("parent").await;
    let child = make(
        &admin,
        "project",
        json!({"name": "child", "parent_id": other.project_id}),
    )
    .await;
    let role = make(&admin, "role", json!({"name": "special"})).await;
    let grant = |place: &str| {
        format!(
            "/identity/v3/OS-INHERIT/{place}/users/{}/roles/{role}/inherited_to_projects",
            other.user_id
        )
    };
    let place = format!("projects/{}", other.project_id);
    admin.put(&grant(&place), Value::Null).await.expect(204);
    admin.head(&grant(&place)).await.expect(204);
    let list = format!(
        "/identity/v3/OS-INHERIT/{place}/users/{}/roles/inherited_to_projects",
        other.user_id
    );
    assert_eq!(names(&admin.get(&list).await.expect(200), "roles"), ["special"]);
    let in_child = cloud.user("parent", "child").await;
    assert_eq!(role_names(&own_token(&in_child).await), ["special"]);
    assert_eq!(
        role_names(&own_token(&cloud.user("parent", "parent").await).await),
        ["member", "reader"]
    );
    let effective = admin
        .get(&format!(
            "/identity/v3/role_assignments?effective&role.id={role}&include_names"
        ))
        .await
        .expect(200);
    let entry = &effective["role_assignments"][0];
    assert_eq!(entry["scope"]["project"]["id"], child);
    assert_eq!(entry["scope"]["project"]["domain"]["name"], "Default");
    assert_eq!(entry["scope"]["OS-INHERIT:inherited_to"], "projects");
    assert!(
        entry["links"]["assignment"].as_str().unwrap().ends_with(&grant(&place)),
        "{entry}"
    );
    let raw = admin
        .get("/identity/v3/role_assignments?scope.OS-INHERIT:inherited_to=projects")
        .await
        .expect(200);
    assert_eq!(raw["role_assignments"].as_array().unwrap().len(), 1);
    admin.delete(&grant(&place)).await.expect(204);
    in_child.get("/identity/v3/auth/projects").await.expect(401);

    admin.put(&grant("domains/default"), Value::Null).await.expect(204);
    let everywhere = other
        .get(&format!("/identity/v3/users/{}/projects", other.user_id))
        .await
        .expect(200);
    assert_eq!(everywhere["projects"].as_array().unwrap().len(), 5);
}

#[tokio::test]
async fn assignments_are_listed_as_asked() {
    let cloud = TestCloud::start().await;
    let admin = cloud.admin().await;
    let count = async |query: &str| {
        let list = admin
            .get(&format!("/identity/v3/role_assignments{query}"))
            .await
            .expect(200);
        list["role_assignments"].as_array().unwrap().len()
    };
    assert_eq!(count("").await, 5);
    assert_eq!(count("?scope.system=all").await, 1);
    assert_eq!(count("?scope.domain.id=default").await, 1);
    assert_eq!(count(&format!("?user.id={}", admin.user_id)).await, 4);
    assert_eq!(count(&format!("?role.id={}", role_id(&admin, "admin").await)).await, 4);
    assert_eq!(
        count(&format!("?effective&user.id={}&scope.system", admin.user_id)).await,
        4
    );
    assert_eq!(
        count(&format!("?scope.project.id={}&include_subtree", admin.project_id)).await,
        1
    );
    for wrong in [
        "?scope.domain.id=a&scope.project.id=b",
        "?user.id=a&group.id=b",
        "?effective&group.id=a",
        "?include_subtree",
        "?scope.system=all&scope.domain.id=a",
    ] {
        admin
            .get(&format!("/identity/v3/role_assignments{wrong}"))
            .await
            .expect(400);
    }
    let named = admin
        .get("/identity/v3/role_assignments?include_names&scope.system=all")
        .await
        .expect(200);
    let entry = &named["role_assignments"][0];
    assert_eq!(entry["user"]["name"], "admin");
    assert_eq!(entry["user"]["domain"], json!({"id": "default", "name": "Default"}));
    assert_eq!(entry["role"]["name"], "admin");
    assert_eq!(entry["scope"], json!({"system": {"all": true}}));
}
