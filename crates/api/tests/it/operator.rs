//! What `maru status` asks for (`/maru/v1`).

use serde_json::{Value, json};

use crate::network::{V2, id, make, start};

/// `(kind, id)` of what nobody owns.
fn unowned(inventory: &Value) -> Vec<(String, String)> {
    let rows = inventory["inventory"]["unowned"].as_array().unwrap().iter();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    rows.map(|row| (text(&row["kind"]), text(&row["id"]))).collect()
}

#[tokio::test]
async fn what_a_deleted_project_leaves_behind_is_told() {
    let cloud = start().await;
    let admin = cloud.admin().await;
    let inventory = async || admin.get("/maru/v1/inventory").await.expect(200);
    assert_eq!(unowned(&inventory().await), []);

    let project = admin
        .post("/identity/v3/projects", json!({"project": {"name": "short-lived"}}))
        .await
        .expect(201)["project"]["id"]
        .take();
    let network = make(
        &admin,
        "networks",
        "network",
        json!({"name": "n", "project_id": project}),
    )
    .await;
    assert_eq!(unowned(&inventory().await), []);

    let path = format!("/identity/v3/projects/{}", project.as_str().unwrap());
    admin.delete(&path).await.expect(204);
    let told = unowned(&inventory().await);
    assert!(
        told.contains(&("network".to_owned(), id(&network).to_owned())),
        "{told:?}"
    );

    // It stays usable for the administrator, who is the one to remove it.
    let path = format!("{V2}/networks/{}", id(&network));
    admin.delete(&path).await.expect(204);
    let told = unowned(&inventory().await);
    assert!(!told.iter().any(|(kind, _)| kind == "network"), "{told:?}");
}

/// Words that nothing uses go along with their project; what other projects use stays, and is told.
#[tokio::test]
async fn what_nothing_uses_goes_with_its_project() {
    let cloud = start().await;
    let admin = cloud.admin().await;
    let project = async |name: &str| {
        let body = json!({"project": {"name": name}});
        admin.post("/identity/v3/projects", body).await.expect(201)["project"]["id"].take()
    };
    let (gone, other) = (project("gone").await, project("other").await);
    let own = async |kind: &str, singular: &str, mut body: Value| {
        body["project_id"] = gone.clone();
        make(&admin, kind, singular, body).await
    };
    let addresses = json!({"name": "a", "addresses": ["10.1.0.0/16"]});
    let unused_addresses = own("address-groups", "address_group", addresses.clone()).await;
    let used_addresses = own("address-groups", "address_group", addresses).await;
    let scope = own("address-scopes", "address_scope", json!({"name": "s", "ip_version": 4})).await;
    own(
        "subnetpools",
        "subnetpool",
        json!({"name": "p", "prefixes": ["10.9.0.0/16"], "address_scope_id": id(&scope)}),
    )
    .await;
    let policy = own("qos/policies", "policy", json!({"name": "q"})).await;
    let unused_group = own("security-groups", "security_group", json!({"name": "unused"})).await;
    let named_group = own("security-groups", "security_group", json!({"name": "named"})).await;
    for group in [&unused_group, &named_group] {
        let rule = json!({"security_group_id": id(group), "direction": "ingress", "remote_group_id": id(group)});
        own("security-group-rules", "security_group_rule", rule).await;
    }
    let others_group = make(
        &admin,
        "security-groups",
        "security_group",
        json!({"name": "other", "project_id": other}),
    )
    .await;
    for remote in [
        json!({"remote_group_id": id(&named_group)}),
        json!({"remote_address_group_id": id(&used_addresses)}),
    ] {
        let mut rule = json!({"security_group_id": id(&others_group), "direction": "ingress", "project_id": other});
        rule.as_object_mut()
            .unwrap()
            .extend(remote.as_object().unwrap().clone());
        make(&admin, "security-group-rules", "security_group_rule", rule).await;
    }
    for object in [&unused_addresses, &used_addresses] {
        let share = json!({
            "object_type": "address_group", "object_id": id(object), "action": "access_as_shared", "target_tenant": other,
        });
        own("rbac-policies", "rbac_policy", share).await;
    }
    let quota = format!("/networking/v2.0/quotas/{}", gone.as_str().unwrap());
    admin.put(&quota, json!({"quota": {"network": 7}})).await.expect(200);

    let path = format!("/identity/v3/projects/{}", gone.as_str().unwrap());
    admin.delete(&path).await.expect(204);
    let inventory = admin.get("/maru/v1/inventory").await.expect(200);
    let mut told: Vec<_> = unowned(&inventory)
        .into_iter()
        .map(|(kind, id)| (kind, Some(id)))
        .collect();
    for (kind, id) in &mut told {
        if kind == "rbac_policy" {
            *id = None;
        }
    }
    told.sort();
    let mut stays = vec![
        ("address_group".to_owned(), Some(id(&used_addresses).to_owned())),
        ("rbac_policy".to_owned(), None),
        ("security_group".to_owned(), Some(id(&named_group).to_owned())),
    ];
    stays.sort();
    assert_eq!(told, stays);
    let path = format!("{V2}/qos/policies/{}", id(&policy));
    admin.get(&path).await.expect(404);
}
