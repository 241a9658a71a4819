//! Live pages: what a watcher is sent, and when.

use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use axum::http::header::COOKIE;
use http_body_util::BodyExt;
use serde_json::json;
use tower::ServiceExt;

use crate::site::TestSite;

/// The next event's name and data, lines joined.
async fn next_event(body: &mut Body) -> Option<(String, String)> {
    let mut text = String::new();
    while !text.ends_with("\n\n") {
        let frame = tokio::time::timeout(Duration::from_secs(10), body.frame())
            .await
            .ok()??;
        text.push_str(std::str::from_utf8(frame.unwrap().data_ref().unwrap()).unwrap());
    }
    let lines = |prefix: &str| -> Vec<_> {
        text.lines()
            .filter_map(|line| line.strip_prefix(prefix))
            .map(str::trim_start)
            .collect()
    };
    Some((lines("event:").concat(), lines("data:").join("\n")))
}

#[tokio::test]
async fn a_watcher_is_sent_what_changed_and_nothing_else() {
    let site = TestSite::start().await;
    let visitor = site.visitor("demo").await;
    let page = visitor.get("/dashboard/networks").await.expect(200).body;
    let mark = page
        .split("data-shown=\"")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap()
        .to_owned();
    let watch = |shown: &str| {
        let request = Request::builder()
            .uri(format!("/dashboard/live?of=%2Fdashboard%2Fnetworks&shown={shown}"))
            .header("accept-language", "en")
            .header(COOKIE, format!("maru_session={}", visitor.session.clone().unwrap()));
        let router = site.router.clone();
        async move {
            router
                .oneshot(request.body(Body::empty()).unwrap())
                .await
                .unwrap()
                .into_body()
        }
    };
    // Who shows something old gets the new at once.
    let mut stale = watch("0000").await;
    let (name, middle) = next_event(&mut stale).await.unwrap();
    assert_eq!(name, "middle");
    assert!(middle.contains("private") && !middle.contains("<html"), "{middle}");
    drop(stale);

    let mut watcher = watch(&mark).await;
    let demo = site.cloud.demo().await;
    demo.post(
        "/networking/v2.0/networks",
        json!({"network": {"name": "made-elsewhere"}}),
    )
    .await
    .expect(201);
    let (name, middle) = next_event(&mut watcher).await.unwrap();
    assert_eq!(name, "middle");
    assert!(middle.contains("made-elsewhere"), "{middle}");

    // Signed out elsewhere: the page is told to look for itself.
    visitor.post("/dashboard/logout", &[]).await.expect(303);
    demo.post("/networking/v2.0/networks", json!({"network": {"name": "later"}}))
        .await
        .expect(201);
    // Browsers pass on no event without data.
    let (name, data) = next_event(&mut watcher).await.unwrap();
    assert!(name == "gone" && !data.is_empty(), "{name}: {data:?}");
    assert!(next_event(&mut watcher).await.is_none(), "and that was the last");
}

#[tokio::test]
async fn only_pages_of_the_dashboard_are_watched() {
    let site = TestSite::start().await;
    let visitor = site.visitor("demo").await;
    // A stranger's page is told to look for itself, and nothing else.
    let stranger = site
        .stranger()
        .get("/dashboard/live?of=/dashboard/networks")
        .await
        .expect(200);
    assert_eq!(stranger.body, "event: gone\ndata: gone\n\n");
    // An address outside is taken for the start.
    let request = Request::builder()
        .uri("/dashboard/live?of=%2Fidentity%2Fv3%2Fusers&shown=0")
        .header(COOKIE, format!("maru_session={}", visitor.session.clone().unwrap()));
    let mut body = site
        .router
        .clone()
        .oneshot(request.body(Body::empty()).unwrap())
        .await
        .unwrap()
        .into_body();
    let (_, middle) = next_event(&mut body).await.unwrap();
    assert!(middle.contains("<h1>"), "{middle}");
}
