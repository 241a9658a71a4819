//! Signing in, staying in, and what other sites' pages may not do.

use axum::http::header::{ORIGIN, SET_COOKIE};
use axum::http::{Method, Request};

use crate::cloud::PASSWORD;
use crate::site::TestSite;

#[tokio::test]
async fn a_session_begins_with_the_password_and_ends_with_the_word() {
    let site = TestSite::start().await;
    let stranger = site.stranger();
    let away = stranger.get("/dashboard/networks?search=a").await.expect(303);
    assert_eq!(
        away.location(),
        "/dashboard/login?next=/dashboard/networks%3Fsearch%3Da"
    );
    stranger.get("/dashboard/login").await.expect(200);

    let fields = [
        ("user", "demo"),
        ("password", PASSWORD),
        ("next", "/dashboard/networks?search=a"),
    ];
    let welcome = stranger.post("/dashboard/login", &fields).await.expect(303);
    assert_eq!(welcome.location(), "/dashboard/networks?search=a");
    let cookie = welcome.headers[SET_COOKIE].to_str().unwrap();
    assert!(
        cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax") && cookie.contains("Path=/dashboard"),
        "{cookie}"
    );

    let mut visitor = site.stranger();
    visitor.session = welcome.session();
    visitor.get("/dashboard/networks").await.expect(200);
    // Signed in, the sign-in page has nothing to ask.
    visitor.get("/dashboard/login").await.expect(303);

    visitor.post("/dashboard/logout", &[]).await.expect(303);
    // What the browser forgets is good for nobody else either.
    let away = visitor.get("/dashboard/networks").await.expect(303);
    assert!(away.location().starts_with("/dashboard/login"), "{}", away.location());
}

#[tokio::test]
async fn a_wrong_password_is_told_as_little_as_an_unknown_user() {
    let site = TestSite::start().await;
    let stranger = site.stranger();
    let wrong = stranger
        .post("/dashboard/login", &[("user", "demo"), ("password", "guess")])
        .await
        .expect(401);
    let unknown = stranger
        .post("/dashboard/login", &[("user", "nobody"), ("password", "guess")])
        .await
        .expect(401);
    assert_eq!(wrong.body.replace("demo", "nobody"), unknown.body);
    assert!(wrong.session().is_none());
    assert!(!wrong.body.contains("guess"), "a password is never sent back");
}

#[tokio::test]
async fn who_guesses_passwords_waits() {
    let site = TestSite::start().await;
    let stranger = site.stranger();
    for _ in 0..8 {
        stranger
            .post("/dashboard/login", &[("user", "demo"), ("password", "guess")])
            .await
            .expect(401);
    }
    stranger
        .post("/dashboard/login", &[("user", "demo"), ("password", PASSWORD)])
        .await
        .expect(429);
    // Others don't.
    site.visitor("admin").await;
    site.cloud.clock.advance(61);
    site.visitor("demo").await;
}

#[tokio::test]
async fn sign_in_leads_nowhere_else() {
    let site = TestSite::start().await;
    for next in [
        "https://evil.example/",
        "//evil.example",
        "/identity/v3",
        "/dashboard/../x",
    ] {
        let fields = [("user", "demo"), ("password", PASSWORD), ("next", next)];
        let welcome = site.stranger().post("/dashboard/login", &fields).await.expect(303);
        assert_eq!(welcome.location(), "/dashboard/", "{next}");
    }
}

#[tokio::test]
async fn forms_of_other_sites_are_refused() {
    let site = TestSite::start().await;
    let visitor = site.visitor("demo").await;
    let fields = [("name", "evil")];
    for (name, value) in [
        ("origin", "https://evil.example"),
        ("origin", "null"),
        ("sec-fetch-site", "cross-site"),
    ] {
        let request = Request::builder()
            .method(Method::POST)
            .uri("/dashboard/networks")
            .header(name, value);
        visitor.send_form(request, &fields).await.expect(403);
    }
    let request = Request::builder().method(Method::POST).uri("/dashboard/networks");
    visitor.send_form(request, &fields).await.expect(403);
    let request = Request::builder()
        .method(Method::POST)
        .uri("/dashboard/networks")
        .header(ORIGIN, "http://127.0.0.1:5000");
    visitor.send_form(request, &fields).await.expect(303);
    let list = visitor.get("/dashboard/networks").await.expect(200);
    assert_eq!(
        list.body.matches("select evil").count() + list.body.matches("Select evil").count(),
        1
    );
}

#[tokio::test]
async fn browsers_are_told_what_to_refuse() {
    let site = TestSite::start().await;
    let page = site.visitor("demo").await.get("/dashboard/networks").await.expect(200);
    let policy = page.headers["content-security-policy"].to_str().unwrap();
    for part in [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "frame-ancestors 'none'",
        "form-action 'self'",
    ] {
        assert!(policy.contains(part), "{policy}");
    }
    assert!(!policy.contains("unsafe"), "{policy}");
    assert_eq!(page.headers["x-content-type-options"], "nosniff");
    assert_eq!(page.headers["cache-control"], "no-store");
    assert!(
        !page.body.contains(" style="),
        "an inline style would be refused by the policy"
    );
    assert!(!page.body.contains(" onclick="));
}

#[tokio::test]
async fn language_and_project_are_chosen() {
    let site = TestSite::start().await;
    let mut visitor = site.visitor("admin").await;
    assert!(
        visitor
            .get("/dashboard/networks")
            .await
            .body
            .contains("<html lang=\"en\"")
    );
    visitor.lang = "ko-KR,ko;q=0.9,en;q=0.8";
    assert!(
        visitor
            .get("/dashboard/networks")
            .await
            .body
            .contains("네트워크 만들기")
    );
    let liked = visitor
        .post("/dashboard/likes", &[("lang", "en"), ("back", "/dashboard/networks")])
        .await
        .expect(303);
    assert_eq!(liked.location(), "/dashboard/networks");
    assert!(liked.headers[SET_COOKIE].to_str().unwrap().starts_with("maru_lang=en;"));

    // A project that one has no role in can't be switched to.
    let nowhere = visitor
        .post("/dashboard/project", &[("project", "0123456789abcdef0123456789abcdef")])
        .await;
    assert_eq!(nowhere.status, 403);
    assert!(nowhere.session().is_none());
}
