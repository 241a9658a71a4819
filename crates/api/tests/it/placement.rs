//! Placement: the same account of the host that the scheduler goes by.

use serde_json::{Value, json};

use crate::cloud::{Client, TestCloud};

fn at(client: &Client, minor: u16) -> Client {
    client
        .clone()
        .with("openstack-api-version", &format!("placement 1.{minor}"))
}

async fn provider(client: &Client) -> Value {
    let all = client.get("/placement/resource_providers").await.expect(200);
    all["resource_providers"][0].clone()
}

#[tokio::test]
async fn the_host_is_a_provider_with_what_it_has() {
    let cloud = TestCloud::start().await;
    let admin = cloud.admin().await;
    let root = cloud.anonymous().get("/placement").await.expect(200);
    assert_eq!(root["versions"][0]["max_version"], "1.39");
    let row = provider(&admin).await;
    assert_eq!(row["name"], "host-1");
    assert_eq!(row.get("root_provider_uuid"), None);
    assert_eq!(provider(&at(&admin, 14)).await["root_provider_uuid"], row["uuid"]);
    let path = format!("/placement/resource_providers/{}", row["uuid"].as_str().unwrap());
    let stock = admin.get(&format!("{path}/inventories")).await.expect(200);
    let facts = cloud.control.host_report().borrow().facts.clone();
    assert_eq!(stock["inventories"]["VCPU"]["total"], facts.vcpus);
    assert_eq!(stock["inventories"]["VCPU"]["allocation_ratio"], 16.0);
    assert_eq!(stock["inventories"]["MEMORY_MB"]["total"], facts.memory_mib);
    admin.get(&format!("{path}/inventories/VGPU")).await.expect(404);
    // What a version does not have is not found; what none has is no version.
    admin.get(&format!("{path}/traits")).await.expect(404);
    let traits = at(&admin, 6).get(&format!("{path}/traits")).await;
    assert_eq!(traits.headers["openstack-api-version"], "placement 1.6");
    assert!(
        traits.json["traits"]
            .as_array()
            .unwrap()
            .contains(&json!("COMPUTE_NODE"))
    );
    let refused = at(&admin, 40).get("/placement/resource_providers").await.expect(406);
    assert_eq!(refused["errors"][0]["status"], 406);
    let demo = cloud.demo().await;
    demo.get("/placement/resource_providers").await.expect(403);
    let service = cloud.project_with_role("svc", "service").await;
    service.get("/placement/resource_providers").await.expect(200);
}

#[tokio::test]
async fn a_request_fits_only_within_what_is_left() {
    let cloud = TestCloud::start().await;
    let admin = at(&cloud.admin().await, 39);
    let facts = cloud.control.host_report().borrow().facts.clone();
    let path = |vcpus: u64| format!("/placement/allocation_candidates?resources=VCPU:{vcpus},MEMORY_MB:64");
    let found = admin.get(&path(1)).await.expect(200);
    let uuid = provider(&admin).await["uuid"].as_str().unwrap().to_owned();
    assert_eq!(
        found["allocation_requests"][0]["allocations"][&uuid]["resources"]["VCPU"],
        1
    );
    assert_eq!(found["allocation_requests"][0]["mappings"], json!({"": [uuid]}));
    assert_eq!(
        found["provider_summaries"][&uuid]["resources"]["VCPU"]["capacity"],
        facts.vcpus * 16
    );
    let none = admin.get(&path(u64::from(facts.vcpus) + 1)).await.expect(200);
    assert_eq!(none["allocation_requests"], json!([]));
    let with_trait = format!("{}&required=HW_GPU_API_VULKAN", path(1));
    assert_eq!(
        admin.get(&with_trait).await.expect(200)["allocation_requests"],
        json!([])
    );
    for bad in [
        "resources=VCPU",
        "resources=VCPU:0",
        "resources=GOLD:1",
        "required=X",
        "resources=VCPU:1&limit=0",
    ] {
        admin
            .get(&format!("/placement/allocation_candidates?{bad}"))
            .await
            .expect(400);
    }
}

#[tokio::test]
async fn usages_are_seen_by_their_project() {
    let cloud = TestCloud::start().await;
    let demo = at(&cloud.demo().await, 38);
    let path = |project: &str| format!("/placement/usages?project_id={project}");
    assert_eq!(demo.get(&path(&demo.project_id)).await.expect(200)["usages"], json!({}));
    demo.get(&path("another")).await.expect(403);
    demo.get("/placement/usages").await.expect(400);
    let unknown = "/placement/allocations/11111111-2222-4333-8444-555555555555";
    assert_eq!(
        at(&cloud.admin().await, 38).get(unknown).await.expect(200)["allocations"],
        json!({})
    );
}
