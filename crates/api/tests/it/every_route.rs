//! What must hold for every route there is, and for each that is added.

use std::collections::BTreeSet;

use api::{Access, RouteRow, Service};
use axum::body::Body;
use axum::http::Method;

use crate::cloud::{Answer, TestCloud};

/// The path with something plausible, but unknown, for each `{name}`.
fn concrete(row: &RouteRow) -> String {
    row.path
        .split('/')
        .map(|part| {
            if part.starts_with('{') {
                "11111111-2222-4333-8444-555555555555"
            } else {
                part
            }
        })
        .collect::<Vec<_>>()
        .join("/")
}

/// An error has its service's own shape.
fn check_fault(row: &RouteRow, answer: &Answer) {
    if row.method == Method::HEAD || answer.status < 400 {
        return;
    }
    let json = &answer.json;
    let well_shaped = match row.service {
        Service::Identity => json["error"]["message"].is_string() && json["error"]["code"] == answer.status,
        Service::Network => json["NeutronError"]["message"].is_string() && json["NeutronError"]["type"].is_string(),
        Service::Compute | Service::Volume => json.as_object().is_some_and(|fault| {
            fault.len() == 1
                && fault
                    .values()
                    .all(|inner| inner["code"] == answer.status && inner["message"].is_string())
        }),
        Service::Image => json["message"].is_string() && json["code"].is_string(),
        Service::Placement => json["errors"][0]["detail"].is_string() && json["errors"][0]["status"] == answer.status,
        Service::Maru => json["error"]["message"].is_string(),
    };
    assert!(well_shaped, "{:?}: {answer:?}", row.service);
}

#[tokio::test]
async fn no_route_stands_twice_and_none_is_public_by_accident() {
    let cloud = TestCloud::start().await;
    let mut seen = BTreeSet::new();
    for row in &cloud.routes {
        assert!(
            seen.insert((row.path.clone(), row.method.to_string())),
            "{} {} stands twice",
            row.method,
            row.path
        );
        if row.access == Access::Public {
            let by_password = ["/identity/v3/auth/tokens", "/identity/v3/users/{user_id}/password"];
            let is_login = by_password.contains(&row.path.as_str()) && row.method == Method::POST;
            assert!(
                row.method == Method::GET || is_login,
                "{} {} is public",
                row.method,
                row.path
            );
        }
    }
    assert!(!seen.is_empty());
}

#[tokio::test]
async fn no_route_answers_without_a_token() {
    let cloud = TestCloud::start().await;
    let forged = cloud.admin().await.token.chars().rev().collect::<String>();
    let anonymous = cloud.anonymous().with("accept", "application/json");
    for row in cloud.routes.iter().filter(|row| row.access != Access::Public) {
        for client in [anonymous.clone(), anonymous.clone().with_token(&forged)] {
            let answer = client.send(row.method.clone(), &concrete(row), Body::empty()).await;
            assert_eq!(answer.status, 401, "{answer:?}");
            assert!(answer.headers.contains_key("x-openstack-request-id"), "{answer:?}");
            assert!(answer.headers.contains_key("www-authenticate"), "{answer:?}");
            check_fault(row, &answer);
        }
    }
}

#[tokio::test]
async fn a_project_member_passes_no_route_of_the_administrator() {
    let cloud = TestCloud::start().await;
    let member = cloud.demo().await.with("accept", "application/json");
    for row in cloud.routes.iter().filter(|row| row.access == Access::Admin) {
        let answer = member.send(row.method.clone(), &concrete(row), Body::empty()).await;
        assert_eq!(answer.status, 403, "{answer:?}");
        check_fault(row, &answer);
    }
}

#[tokio::test]
async fn no_token_without_a_scope_passes_a_route_of_a_project() {
    let cloud = TestCloud::start().await;
    let scope = serde_json::json!("unscoped");
    let unscoped = cloud
        .anonymous()
        .with("accept", "application/json")
        .log_in("demo", scope)
        .await;
    let of_project = |row: &&RouteRow| matches!(row.access, Access::Reader | Access::Member | Access::Manager);
    for row in cloud.routes.iter().filter(of_project) {
        let answer = unscoped.send(row.method.clone(), &concrete(row), Body::empty()).await;
        assert_eq!(answer.status, 403, "{answer:?}");
        check_fault(row, &answer);
    }
}

#[tokio::test]
async fn no_body_however_odd_makes_a_500() {
    let cloud = TestCloud::start().await;
    let admin = cloud
        .admin()
        .await
        .with("accept", "application/json")
        .with("content-type", "application/json");
    let deep = format!("{}1{}", "[".repeat(200), "]".repeat(200));
    let bodies = ["", "{", "null", "[]", "{}", "5", "\"x\"", "{\"a\": {}}", "\u{0}", &deep];
    for row in &cloud.routes {
        for body in bodies {
            let answer = admin
                .send(row.method.clone(), &concrete(row), Body::from(body.to_owned()))
                .await;
            assert_ne!(answer.status, 500, "body {body:.40}: {answer:?}");
            check_fault(row, &answer);
        }
    }
}

#[tokio::test]
async fn no_path_however_odd_makes_a_500() {
    let cloud = TestCloud::start().await;
    let admin = cloud.admin().await.with("accept", "application/json");
    for row in cloud.routes.iter().filter(|row| row.path.contains('{')) {
        for odd in ["%FF", "%00", "%2F..%2F..%2Fetc", "a%20b", "%F0%9F%98%80"] {
            let parts = row
                .path
                .split('/')
                .map(|part| if part.starts_with('{') { odd } else { part });
            let path = parts.collect::<Vec<_>>().join("/");
            let answer = admin.send(row.method.clone(), &path, Body::empty()).await;
            assert_ne!(answer.status, 500, "{answer:?}");
            check_fault(row, &answer);
        }
    }
}

#[tokio::test]
async fn every_endpoint_of_the_catalog_answers_and_is_absolute() {
    let cloud = TestCloud::start().await;
    let admin = cloud.admin().await;
    let catalog = admin.get("/identity/v3/auth/catalog").await.expect(200);
    let services = catalog["catalog"].as_array().unwrap();
    assert!(services.len() >= 4);
    for service in services {
        for endpoint in service["endpoints"].as_array().unwrap() {
            let url = endpoint["url"].as_str().unwrap();
            let path = url.strip_prefix(crate::cloud::BASE_URL).unwrap();
            let answer = cloud.anonymous().get(path).await;
            assert!(matches!(answer.status, 200 | 300), "{answer:?}");
        }
    }
}
