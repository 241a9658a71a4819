//! What the catalog shows to whom, and what is kept beside it: endpoint filters, limits, domain configuration, the home
//! document, revocation events.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::ids;
use crate::cloud::{Client, TestCloud};

async fn types(client: &Client) -> BTreeSet<String> {
    let catalog = client.get("/identity/v3/auth/catalog").await.expect(200);
    let services = catalog["catalog"].as_array().unwrap().iter();
    services
        .filter(|service| service["endpoints"] != json!([]))
        .map(|service| service["type"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn a_project_sees_the_endpoints_it_was_given_or_all() {
    let cloud = TestCloud::start().await;
    let (admin, demo) = (cloud.admin().await, cloud.demo().await);
    let all = types(&demo).await;
    assert!(all.len() > 3);
    let services = admin.get("/identity/v3/services?type=network").await.expect(200);
    let group = json!({"endpoint_group": {
        "name": "net", "filters": {"service_id": services["services"][0]["id"], "interface": "public"}
    }});
    let group = admin
        .post("/identity/v3/OS-EP-FILTER/endpoint_groups", group)
        .await
        .expect(201);
    let id = group["endpoint_group"]["id"].as_str().unwrap();
    let base = format!("/identity/v3/OS-EP-FILTER/endpoint_groups/{id}");
    assert_eq!(
        ids(&admin.get(&format!("{base}/endpoints")).await.expect(200), "endpoints").len(),
        1
    );
    let in_project = format!("{base}/projects/{}", demo.project_id);
    demo.put(&in_project, Value::Null).await.expect(403);
    admin.put(&in_project, Value::Null).await.expect(204);
    admin.get(&in_project).await.expect(200);
    assert_eq!(types(&demo).await, BTreeSet::from(["network".to_owned()]));
    assert_eq!(types(&admin).await, all);
    let compute = admin.get("/identity/v3/endpoints?interface=public").await.expect(200);
    let mut wanted = compute["endpoints"].as_array().unwrap().iter();
    let wanted = wanted
        .find(|row| row["url"].as_str().unwrap().contains("/compute"))
        .unwrap();
    let endpoint = format!(
        "/identity/v3/OS-EP-FILTER/projects/{}/endpoints/{}",
        demo.project_id,
        wanted["id"].as_str().unwrap()
    );
    admin.get(&endpoint).await.expect(404);
    admin.put(&endpoint, Value::Null).await.expect(204);
    assert_eq!(
        types(&demo).await,
        BTreeSet::from(["compute".to_owned(), "network".to_owned()])
    );
    admin.delete(&endpoint).await.expect(204);
    admin.delete(&base).await.expect(204);
    assert_eq!(types(&demo).await, all);
}

#[tokio::test]
async fn limits_depart_from_registered_ones_and_each_project_sees_its_own() {
    let cloud = TestCloud::start().await;
    let (admin, demo) = (cloud.admin().await, cloud.demo().await);
    let services = admin.get("/identity/v3/services?type=compute").await.expect(200);
    let service = services["services"][0]["id"].clone();
    let limit = json!({"limits": [{
        "service_id": service, "project_id": demo.project_id, "resource_name": "servers", "resource_limit": 5
    }]});
    admin.post("/identity/v3/limits", limit.clone()).await.expect(400);
    let registered = json!({"registered_limits": [
        {"service_id": service, "resource_name": "servers", "default_limit": 10}
    ]});
    demo.post("/identity/v3/registered_limits", registered.clone())
        .await
        .expect(403);
    let made = admin
        .post("/identity/v3/registered_limits", registered.clone())
        .await
        .expect(201);
    admin
        .post("/identity/v3/registered_limits", registered)
        .await
        .expect(409);
    let made_limit = admin.post("/identity/v3/limits", limit.clone()).await.expect(201);
    admin.post("/identity/v3/limits", limit).await.expect(409);
    assert_eq!(
        ids(&demo.get("/identity/v3/limits").await.expect(200), "limits").len(),
        1
    );
    let stranger = cloud.project("stranger").await;
    assert!(ids(&stranger.get("/identity/v3/limits").await.expect(200), "limits").is_empty());
    let one = format!(
        "/identity/v3/limits/{}",
        made_limit["limits"][0]["id"].as_str().unwrap()
    );
    stranger.get(&one).await.expect(404);
    let raised = admin
        .patch(&one, json!({"limit": {"resource_limit": 7}}))
        .await
        .expect(200);
    assert_eq!(raised["limit"]["resource_limit"], 7);
    let parent = format!(
        "/identity/v3/registered_limits/{}",
        made["registered_limits"][0]["id"].as_str().unwrap()
    );
    admin.delete(&parent).await.expect(403);
    admin.delete(&one).await.expect(204);
    admin.delete(&parent).await.expect(204);
    assert_eq!(
        demo.get("/identity/v3/limits/model").await.expect(200)["model"]["name"],
        "flat"
    );
}

#[tokio::test]
async fn a_domains_options_are_kept_by_part_and_its_secrets_never_shown() {
    let cloud = TestCloud::start().await;
    let admin = cloud.admin().await;
    let domain = admin
        .post("/identity/v3/domains", json!({"domain": {"name": "d"}}))
        .await
        .expect(201);
    let base = format!(
        "/identity/v3/domains/{}/config",
        domain["domain"]["id"].as_str().unwrap()
    );
    admin.get(&base).await.expect(404);
    let config = json!({"config": {"ldap": {"url": "ldap://x", "password": "s3cret"}, "identity": {"driver": "ldap"}}});
    cloud.demo().await.put(&base, config.clone()).await.expect(403);
    let shown = admin.put(&base, config.clone()).await.expect(201);
    assert_eq!(shown["config"]["ldap"], json!({"url": "ldap://x"}));
    admin.put(&base, config).await.expect(200);
    admin.put(&base, json!({"config": {"sql": {"x": 1}}})).await.expect(403);
    let other = json!({"config": {"identity": {"driver": "sql"}}});
    admin.patch(&format!("{base}/ldap"), other).await.expect(403);
    let changed = admin
        .patch(&format!("{base}/ldap/url"), json!({"config": {"url": "ldap://y"}}))
        .await
        .expect(200);
    assert_eq!(changed["config"]["ldap"]["url"], "ldap://y");
    assert_eq!(
        admin.get(&format!("{base}/ldap/url")).await.expect(200)["config"],
        json!({"url": "ldap://y"})
    );
    admin.delete(&format!("{base}/identity")).await.expect(204);
    admin.get(&format!("{base}/identity")).await.expect(404);
    admin.delete(&base).await.expect(204);
    admin.get(&base).await.expect(404);
}

#[tokio::test]
async fn the_home_document_names_routes_that_there_are() {
    let cloud = TestCloud::start().await;
    let client = cloud.anonymous().with("accept", "application/json-home");
    let home = client.get("/identity/v3").await;
    assert_eq!(home.headers["content-type"], "application/json-home");
    let paths: BTreeSet<&str> = cloud.routes.iter().map(|row| row.path.as_str()).collect();
    let resources = home.json["resources"].as_object().unwrap();
    for (relation, resource) in resources {
        let href = resource
            .get("href")
            .or(resource.get("href-template"))
            .unwrap()
            .as_str()
            .unwrap();
        assert!(
            paths.contains(format!("/identity/v3{href}").as_str()),
            "{relation} leads to {href}"
        );
        let names = href.split('/').filter(|part| part.starts_with('{')).count();
        let told = resource["href-vars"].as_object().map_or(0, serde_json::Map::len);
        assert_eq!(names, told, "{relation}");
    }
    let users = "https://docs.openstack.org/api/openstack-identity/3/rel/users";
    assert_eq!(resources[users]["href"], "/users");
    let root = client.get("/identity").await;
    assert_eq!(root.status, 200);
    assert_eq!(root.json["resources"][users]["href"], "/v3/users");
}

#[tokio::test]
async fn revocations_are_told_to_services_and_administrators() {
    let cloud = TestCloud::start().await;
    let (admin, demo) = (cloud.admin().await, cloud.demo().await);
    demo.get("/identity/v3/OS-REVOKE/events").await.expect(403);
    let path = format!("/identity/v3/users/{}", demo.user_id);
    admin
        .patch(&path, json!({"user": {"enabled": false}}))
        .await
        .expect(200);
    let events = admin.get("/identity/v3/OS-REVOKE/events").await.expect(200);
    let told = events["events"].as_array().unwrap().iter();
    assert!(
        told.clone().any(|event| event["user_id"] == json!(demo.user_id)),
        "{events}"
    );
    let later = admin
        .get("/identity/v3/OS-REVOKE/events?since=2999-01-01T00:00:00Z")
        .await
        .expect(200);
    assert_eq!(later["events"], json!([]));
    admin.get("/identity/v3/OS-REVOKE/events?since=x").await.expect(400);
}
