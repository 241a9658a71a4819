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
