//! Auto-allocated topologies: a network for whoever has none, asked for by hand and by a server.

use serde_json::{Value, json};

use crate::cloud::{Client, TestCloud};
use crate::compute::{expect_fault, make_image, text, url, wait_for};
use crate::network::{V2, by_name, fault, id, make, start};

/// A cloud with DevStack's networks and default pools: each is enough for two networks.
async fn with_pools() -> TestCloud {
    let cloud = start().await;
    let admin = cloud.admin().await;
    for (name, prefix, length) in [("v4", "10.64.0.0/25", 26), ("v6", "fd64::/63", 64)] {
        let pool = json!({
            "name": name, "prefixes": [prefix], "default_prefixlen": length, "is_default": true, "shared": true,
        });
        make(&admin, "subnetpools", "subnetpool", pool).await;
    }
    cloud
}

fn topology_url(project: &str) -> String {
    format!("{V2}/auto-allocated-topology/{project}")
}

/// How many networks that are up, subnets and routers the caller has whose names say that they were made so.
async fn made_by_itself(client: &Client) -> [usize; 3] {
    let mut counts = [0; 3];
    for (count, collection) in counts.iter_mut().zip(["networks", "subnets", "routers"]) {
        let up = if collection == "subnets" {
            ""
        } else {
            "?admin_state_up=true"
        };
        let list = client.get(&format!("{V2}/{collection}{up}")).await.expect(200);
        let rows = list[collection].as_array().unwrap();
        let named = |row: &&Value| row["name"].as_str().unwrap().starts_with("auto_allocated_");
        *count = rows.iter().filter(named).count();
    }
    counts
}

#[tokio::test]
async fn a_project_asks_for_a_network_and_gives_it_back() {
    let cloud = with_pools().await;
    let (admin, guest) = (cloud.admin().await, cloud.project("guest").await);
    let own = topology_url("None");
    let dry = guest.get(&format!("{own}?fields=dry-run")).await.expect(200);
    let passed = json!({"id": "dry-run=pass", "project_id": guest.project_id, "tenant_id": guest.project_id});
    assert_eq!(dry, json!({"auto_allocated_topology": passed}));
    assert_eq!(made_by_itself(&guest).await, [0, 0, 0]);
    fault(guest.get(&format!("{own}?fields=id")).await, 400, "HTTPBadRequest");

    // Whoever asks, how often and how many at a time: there is one.
    let mut asked = tokio::task::JoinSet::new();
    for client in [&guest, &admin, &guest, &admin, &guest, &guest] {
        let (client, url) = (client.clone(), topology_url(&guest.project_id));
        asked.spawn(async move { client.get(&url).await.expect(200) });
    }
    let answers = asked.join_all().await;
    let topology = &answers[0]["auto_allocated_topology"];
    assert!(answers.iter().all(|answer| answer == &answers[0]), "{answers:?}");
    assert_eq!(topology["tenant_id"], guest.project_id.as_str());
    assert_eq!(guest.get(&own).await.expect(200), answers[0]);
    assert_eq!(made_by_itself(&guest).await, [1, 2, 1]);
    let network = guest.get(&format!("{V2}/networks/{}", id(topology))).await.expect(200);
    assert_eq!(network["network"]["name"], "auto_allocated_network");
    let router = by_name(&guest, "routers", "auto_allocated_router").await;
    let public = by_name(&guest, "networks", "public").await;
    assert_eq!(router["external_gateway_info"]["network_id"], public["id"]);

    let stranger = cloud.project("stranger").await;
    let foreign = topology_url(&guest.project_id);
    fault(stranger.get(&foreign).await, 403, "NotAuthorized");
    fault(stranger.delete(&foreign).await, 403, "NotAuthorized");
    fault(admin.get(&topology_url("nobody")).await, 404, "ProjectNotFound");
    let reader = cloud.project_with_role("looker", "reader").await;
    assert_eq!(reader.delete(&own).await.status, 403);

    let port = make(&guest, "ports", "port", json!({"network_id": topology["id"]})).await;
    fault(guest.delete(&own).await, 409, "NetworkInUse");
    assert_eq!(made_by_itself(&guest).await, [1, 2, 1]);
    guest.delete(&format!("{V2}/ports/{}", id(&port))).await.expect(204);
    for _ in 0..2 {
        guest.delete(&own).await.expect(204);
        assert_eq!(made_by_itself(&guest).await, [0, 0, 0]);
    }
}

#[tokio::test]
async fn it_outlives_a_restart_and_what_is_missing_is_told() {
    let cloud = with_pools().await;
    let (first, second) = (cloud.project("first").await, cloud.project("second").await);
    let own = topology_url("None");
    let before = first.get(&own).await.expect(200);
    let cloud = cloud.restart().await;
    assert_eq!(first.get(&own).await.expect(200), before);
    second.get(&own).await.expect(200);
    // The pools have no room for a third.
    let third = cloud.project("third").await;
    let message = fault(third.get(&own).await, 409, "AutoAllocationFailure");
    assert_eq!(message, "Deployment error: Unable to provide project private network.");
    assert_eq!(made_by_itself(&third).await, [0, 0, 0]);

    let admin = cloud.admin().await;
    let public = by_name(&admin, "networks", "public").await;
    let no_default = json!({"network": {"is_default": false}});
    let url = format!("{V2}/networks/{}", id(&public));
    admin.put(&url, no_default).await.expect(200);
    let message = fault(
        third.get(&format!("{own}?fields=dry-run")).await,
        409,
        "AutoAllocationFailure",
    );
    assert_eq!(message, "Deployment error: No default router:external network.");
    assert_eq!(
        first.get(&own).await.expect(200),
        before,
        "one that is there needs nothing"
    );
}

#[tokio::test]
async fn servers_that_want_any_network_get_one() {
    let cloud = with_pools().await;
    let guest = cloud
        .project("guest")
        .await
        .with("openstack-api-version", "compute 2.37");
    let server = json!({
        "name": "s", "imageRef": make_image(&guest, json!({})).await, "flavorRef": "42", "networks": "auto",
        "min_count": 3,
    });
    guest
        .post(&url("servers"), json!({ "server": server }))
        .await
        .expect(202);
    let list = guest.get(&url("servers/detail")).await.expect(200);
    let servers = list["servers"].as_array().unwrap();
    assert_eq!(servers.len(), 3);
    for server in servers {
        let server = wait_for(&guest, &text(&server["id"]), "ACTIVE").await;
        let addresses = server["addresses"].as_object().unwrap();
        assert_eq!(addresses.keys().collect::<Vec<_>>(), ["auto_allocated_network"]);
        assert_eq!(addresses["auto_allocated_network"].as_array().unwrap().len(), 2);
    }
    assert_eq!(made_by_itself(&guest).await, [1, 2, 1]);

    // Where the cloud has nothing to make one of, nothing is made.
    let admin = cloud.admin().await;
    for pool in ["v4", "v6"] {
        let pool = by_name(&admin, "subnetpools", pool).await;
        let url = format!("{V2}/subnetpools/{}", id(&pool));
        let change = json!({"subnetpool": {"is_default": false}});
        admin.put(&url, change).await.expect(200);
    }
    let other = cloud
        .project("other")
        .await
        .with("openstack-api-version", "compute 2.37");
    let server = json!({
        "name": "s", "imageRef": make_image(&other, json!({})).await, "flavorRef": "42", "networks": "auto",
    });
    let answer = other.post(&url("servers"), json!({ "server": server })).await;
    expect_fault(answer, 400, "Unable to automatically allocate a network for project");
    assert_eq!(made_by_itself(&other).await, [0, 0, 0]);
}
