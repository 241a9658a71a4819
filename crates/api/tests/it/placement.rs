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

const PROVIDERS: &str = "/placement/resource_providers";

/// A provider's id.
async fn make_provider(client: &Client, name: &str, parent: Option<&str>) -> String {
    let body = json!({"name": name, "parent_provider_uuid": parent});
    let made = client.post(PROVIDERS, body).await.expect(200);
    made["uuid"].as_str().unwrap().to_owned()
}

async fn put(client: &Client, provider: &str, what: &str, mut body: Value, status: u16) -> Value {
    let path = format!("{PROVIDERS}/{provider}");
    let generation = client.get(&path).await.expect(200)["generation"].take();
    body["resource_provider_generation"] = generation;
    client.put(&format!("{path}/{what}"), body).await.expect(status)
}

fn uuid(number: u64) -> String {
    format!("00000000-0000-4000-8000-{number:012}")
}

#[tokio::test]
async fn operators_add_classes_traits_and_providers_of_their_own() {
    let cloud = TestCloud::start().await;
    let admin = at(&cloud.admin().await, 39);
    for (path, statuses) in [
        ("/placement/resource_classes/CUSTOM_GOLD", [201, 204]),
        ("/placement/traits/CUSTOM_FAST", [201, 204]),
    ] {
        for status in statuses {
            admin.put(path, json!(null)).await.expect(status);
        }
    }
    admin.put("/placement/traits/FAST", json!(null)).await.expect(400);
    let mine = make_provider(&admin, "mine", None).await;
    let stock = json!({"inventories": {"CUSTOM_GOLD": {"total": 10}, "VGPU": {"total": 4, "max_unit": 2}}});
    let set = put(&admin, &mine, "inventories", stock, 200).await;
    assert_eq!(
        (
            &set["resource_provider_generation"],
            &set["inventories"]["VGPU"]["reserved"]
        ),
        (&json!(1), &json!(0))
    );
    put(&admin, &mine, "traits", json!({"traits": ["CUSTOM_FAST"]}), 200).await;
    admin.delete("/placement/traits/CUSTOM_FAST").await.expect(409);
    admin
        .delete("/placement/resource_classes/CUSTOM_GOLD")
        .await
        .expect(409);
    admin.delete("/placement/resource_classes/VCPU").await.expect(400);
    let stale = json!({"traits": [], "resource_provider_generation": 0});
    let refused = admin
        .put(&format!("{PROVIDERS}/{mine}/traits"), stale)
        .await
        .expect(409);
    assert_eq!(refused["errors"][0]["code"], "placement.concurrent_update");

    let found = admin
        .get(&format!("{PROVIDERS}?required=CUSTOM_FAST&resources=VGPU:2"))
        .await
        .expect(200);
    assert_eq!(found["resource_providers"][0]["uuid"], mine);
    assert_eq!(
        admin
            .get(&format!("{PROVIDERS}?required=!CUSTOM_FAST"))
            .await
            .expect(200)["resource_providers"][0]["name"],
        "host-1"
    );
    admin
        .get(&format!("{PROVIDERS}?required=CUSTOM_NONE"))
        .await
        .expect(400);

    // What a host reports stays; what is added to it survives a restart.
    let host = provider(&admin).await["uuid"].as_str().unwrap().to_owned();
    let mut all = admin.get(&format!("{PROVIDERS}/{host}/inventories")).await.expect(200)["inventories"].take();
    all["CUSTOM_GOLD"] = json!({"total": 3});
    put(&admin, &host, "inventories", json!({"inventories": all}), 200).await;
    put(&admin, &host, "inventories/VCPU", json!({"total": 3}), 409).await;
    put(
        &admin,
        &host,
        "traits",
        json!({"traits": ["COMPUTE_NODE", "CUSTOM_FAST"]}),
        200,
    )
    .await;
    let cloud = cloud.restart().await;
    let admin = at(&cloud.admin().await, 39);
    let stock = admin.get(&format!("{PROVIDERS}/{host}/inventories")).await.expect(200);
    assert_eq!(stock["inventories"]["CUSTOM_GOLD"]["total"], 3);
    assert!(stock["inventories"]["VCPU"]["total"].as_u64().unwrap() > 0);
    let member = cloud.demo().await;
    member
        .put("/placement/traits/CUSTOM_MINE", json!(null))
        .await
        .expect(403);

    admin.delete(&format!("{PROVIDERS}/{host}")).await.expect(409);
    admin.delete(&format!("{PROVIDERS}/{mine}")).await.expect(204);
    admin.delete(&format!("{PROVIDERS}/{mine}")).await.expect(404);
}

#[tokio::test]
async fn consumers_take_what_there_is_and_no_more() {
    let cloud = TestCloud::start().await;
    let admin = at(&cloud.admin().await, 39);
    let mine = make_provider(&admin, "mine", None).await;
    put(
        &admin,
        &mine,
        "inventories",
        json!({"inventories": {"VGPU": {"total": 4}}}),
        200,
    )
    .await;
    let asked = |amount: u64, generation: Value| {
        json!({
            "allocations": {&mine: {"resources": {"VGPU": amount}}}, "project_id": "p", "user_id": "u",
            "consumer_generation": generation, "consumer_type": "RENDERER",
        })
    };
    let path = |number: u64| format!("/placement/allocations/{}", uuid(number));
    admin.put(&path(1), asked(3, Value::Null)).await.expect(204);
    admin.put(&path(1), asked(3, Value::Null)).await.expect(409);
    let refused = admin.put(&path(2), asked(2, Value::Null)).await.expect(409);
    assert!(
        refused["errors"][0]["detail"]
            .as_str()
            .unwrap()
            .contains("3 of 4 are taken"),
        "{refused}"
    );
    let taken = admin.get(&path(1)).await.expect(200);
    assert_eq!(taken["allocations"][&mine]["resources"]["VGPU"], 3);
    assert_eq!(
        (&taken["consumer_generation"], &taken["consumer_type"]),
        (&json!(1), &json!("RENDERER"))
    );
    let usages = admin.get("/placement/usages?project_id=p").await.expect(200);
    assert_eq!(usages["usages"], json!({"RENDERER": {"VGPU": 3, "consumer_count": 1}}));
    assert_eq!(
        admin.get(&format!("{PROVIDERS}/{mine}/usages")).await.expect(200)["usages"]["VGPU"],
        3
    );
    admin.delete(&format!("{PROVIDERS}/{mine}")).await.expect(409);

    // One hands over to the other, in one request or not at all.
    let mut nothing = asked(1, json!(1));
    nothing["allocations"] = json!({});
    let both = json!({uuid(1): nothing, uuid(2): asked(4, Value::Null)});
    admin.post("/placement/allocations", both.clone()).await.expect(204);
    admin.post("/placement/allocations", both).await.expect(409);
    assert_eq!(admin.get(&path(1)).await.expect(200)["allocations"], json!({}));
    admin.delete(&path(2)).await.expect(204);
    admin.delete(&path(2)).await.expect(404);

    // The older shape.
    let list = json!({
        "allocations": [{"resource_provider": {"uuid": &mine}, "resources": {"VGPU": 1}}], "project_id": "p", "user_id": "u",
    });
    at(&admin, 8).put(&path(3), list.clone()).await.expect(204);
    at(&admin, 12).put(&path(3), list).await.expect(400);
    let host = provider(&admin).await["uuid"].as_str().unwrap().to_owned();
    let mut on_host = asked(1, Value::Null);
    on_host["allocations"] = json!({host: {"resources": {"VCPU": 1}}});
    admin.put(&path(4), on_host).await.expect(409);
}

#[tokio::test]
async fn candidates_come_from_trees_groups_and_sharing_providers() {
    let cloud = TestCloud::start().await;
    let admin = at(&cloud.admin().await, 39);
    let host = provider(&admin).await["uuid"].as_str().unwrap().to_owned();
    let cards = [
        make_provider(&admin, "card-0", Some(&host)).await,
        make_provider(&admin, "card-1", Some(&host)).await,
    ];
    for card in &cards {
        put(
            &admin,
            card,
            "inventories",
            json!({"inventories": {"VGPU": {"total": 2}}}),
            200,
        )
        .await;
    }
    admin
        .put("/placement/traits/CUSTOM_FAST", json!(null))
        .await
        .expect(201);
    put(&admin, &cards[1], "traits", json!({"traits": ["CUSTOM_FAST"]}), 200).await;
    let shelf = make_provider(&admin, "shelf", None).await;
    put(
        &admin,
        &shelf,
        "inventories",
        json!({"inventories": {"SRIOV_NET_VF": {"total": 8}}}),
        200,
    )
    .await;
    put(
        &admin,
        &shelf,
        "traits",
        json!({"traits": ["MISC_SHARES_VIA_AGGREGATE"]}),
        200,
    )
    .await;
    for member in [&host, &shelf] {
        put(&admin, member, "aggregates", json!({"aggregates": [uuid(9)]}), 200).await;
    }
    let ask = async |query: &str| {
        let found = admin
            .get(&format!("/placement/allocation_candidates?{query}"))
            .await
            .expect(200);
        found["allocation_requests"].as_array().unwrap().clone()
    };
    // Either card, with the host's own CPU.
    let found = ask("resources=VCPU:1,VGPU:1").await;
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(
        found
            .iter()
            .all(|request| request["allocations"][&host]["resources"] == json!({"VCPU": 1}))
    );
    // Only one is fast; a group of its own is served by one provider.
    let found = ask("resources=VCPU:1&resources_GPU=VGPU:1&required_GPU=CUSTOM_FAST").await;
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0]["mappings"], json!({"": [host], "_GPU": [cards[1]]}));
    // Two groups: together on one card, or apart.
    let two = "resources_A=VGPU:1&resources_B=VGPU:1";
    assert_eq!(ask(&format!("{two}&group_policy=none")).await.len(), 3);
    let apart = ask(&format!("{two}&group_policy=isolate")).await;
    assert!(
        apart
            .iter()
            .all(|request| request["allocations"].as_object().unwrap().len() == 2),
        "{apart:?}"
    );
    assert_eq!(
        ask(&format!("{two}&group_policy=none&same_subtree=_A,_B")).await.len(),
        2
    );
    admin
        .get(&format!("/placement/allocation_candidates?{two}"))
        .await
        .expect(400);
    // No card has three, and the shelf gives to whom it shares with.
    assert_eq!(ask("resources=VGPU:3").await.len(), 0);
    let found = ask("resources=VCPU:1,SRIOV_NET_VF:2").await;
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0]["allocations"][&shelf]["resources"]["SRIOV_NET_VF"], 2);
    assert_eq!(ask("resources=VCPU:1&root_required=!COMPUTE_NODE").await.len(), 0);
    assert_eq!(ask("resources=VGPU:1&limit=1").await.len(), 1);
}
