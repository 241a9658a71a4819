//! Refusals: in the visitor's language, with the API's own words and the request's id below.

use axum::http::Request;
use serde_json::json;

use crate::site::TestSite;

#[tokio::test]
async fn what_the_api_refuses_is_explained_in_the_visitors_language() {
    let site = TestSite::start().await;
    let demo = site.cloud.demo().await;
    let network = demo
        .post("/networking/v2.0/networks", json!({"network": {"name": "web"}}))
        .await
        .expect(201);
    let network = network["network"]["id"].as_str().unwrap().to_owned();
    let port = json!({"port": {"network_id": network, "device_owner": "compute:nova", "device_id": "x"}});
    demo.post("/networking/v2.0/ports", port).await.expect(201);

    let mut visitor = site.visitor("demo").await;
    let fields = [("id", network.as_str())];
    let english = visitor.submit("/dashboard/networks/delete", &fields).await.expect(409);
    assert!(
        english.body.contains("Ports on this network are still in use."),
        "{}",
        english.body
    );
    visitor.lang = "ko";
    let korean = visitor.submit("/dashboard/networks/delete", &fields).await.expect(409);
    assert!(
        korean.body.contains("이 네트워크에 아직 사용 중인 포트가 있습니다."),
        "{}",
        korean.body
    );
    // Whom to ask, and what leads to the log.
    assert!(korean.body.contains("직접 해결할 수 있습니다."), "{}", korean.body);
    assert!(korean.body.contains("lang=\"en\"") && korean.body.contains("Unable to complete operation on network"));
    assert!(korean.body.contains("req-"), "{}", korean.body);
    assert!(!english.body.contains("사용 중인 포트"));

    // An error without words of its own is explained by its kind.
    let gone = visitor
        .get("/dashboard/networks/00000000-0000-4000-8000-000000000000")
        .await
        .expect(404);
    assert!(gone.body.contains("찾는 것이 없거나"), "{}", gone.body);

    // Nothing chosen is no deletion of nothing.
    let nothing = visitor.get("/dashboard/networks/delete").await.expect(200);
    assert!(nothing.body.contains("선택한 네트워크가 없습니다."), "{}", nothing.body);
    visitor.submit("/dashboard/networks/delete", &[]).await.expect(422);
    let request = Request::builder().uri("/dashboard/session");
    visitor.send(request, axum::body::Body::empty()).await.expect(204);
}
