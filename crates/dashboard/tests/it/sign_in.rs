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

/// A token lives an hour; a session as long as somebody is there, and a working day at most.
#[tokio::test]
async fn a_session_is_renewed_for_who_is_there_and_ends_in_the_evening() {
    let site = TestSite::start().await;
    let mut visitor = site.visitor("demo").await;
    let first = visitor.clone();
    // Nothing is due yet.
    assert!(visitor.get("/dashboard/networks").await.session().is_none());
    site.cloud.clock.advance(31 * 60);
    // A page that looks after itself says nothing about its visitor.
    let request = Request::builder()
        .uri("/dashboard/networks")
        .header("x-maru-middle", "1");
    let by_itself = visitor.send(request, axum::body::Body::empty()).await.expect(200);
    assert!(by_itself.session().is_none());
    visitor.session = visitor.get("/dashboard/session").await.expect(204).session();
    assert!(visitor.session.is_some());

    // The old one ends with its hour, the new one lives on.
    site.cloud.clock.advance(31 * 60);
    first.get("/dashboard/networks").await.expect(303);
    for _ in 0..200 {
        let answer = visitor.get("/dashboard/networks").await;
        if answer.status != 200 {
            break;
        }
        if let Some(renewed) = answer.session() {
            visitor.session = Some(renewed);
        }
        site.cloud.clock.advance(10 * 60);
    }
    let away = visitor.get("/dashboard/networks").await.expect(303);
    assert!(
        away.location().starts_with("/dashboard/login"),
        "after twelve hours at the latest"
    );
}

#[tokio::test]
async fn signing_out_ends_what_was_renewed_and_every_project_of_the_session() {
    let site = TestSite::start().await;
    let first = site.visitor("admin").await;
    let projects = first.get("/dashboard/networks").await.expect(200).body;
    let other = projects
        .split("<option value=\"")
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .find(|id| id.len() == 32)
        .unwrap()
        .to_owned();
    let mut second = first.clone();
    let switched = first
        .post("/dashboard/project", &[("project", &other)])
        .await
        .expect(303);
    second.session = switched.session();
    site.cloud.clock.advance(40 * 60);
    let mut third = second.clone();
    third.session = second.get("/dashboard/").await.expect(200).session();
    third.get("/dashboard/").await.expect(200);
    third.post("/dashboard/logout", &[]).await.expect(303);
    for visitor in [first, second, third] {
        visitor.get("/dashboard/").await.expect(303);
    }
}

/// The page's script: its form stays where it is, with what was typed, and its visitor signs in over it.
#[tokio::test]
async fn a_script_is_told_that_the_session_ended_and_signs_in_in_place() {
    let site = TestSite::start().await;
    let mut visitor = site.visitor("demo").await;
    let page = visitor.get("/dashboard/networks").await.expect(200).body;
    site.cloud.clock.advance(3600);
    let refused = visitor
        .submit("/dashboard/networks", &[("name", "typed")])
        .await
        .expect(401);
    assert!(refused.body.is_empty() && refused.location().is_empty());
    // Without script, one comes back to the page of the form, not to where the form is sent.
    let request = Request::builder()
        .method(Method::POST)
        .uri("/dashboard/networks/delete")
        .header(ORIGIN, "http://127.0.0.1:5000")
        .header("referer", "http://127.0.0.1:5000/dashboard/networks?search=a");
    let away = visitor.send_form(request, &[("id", "x")]).await.expect(303);
    assert_eq!(
        away.location(),
        "/dashboard/login?next=/dashboard/networks%3Fsearch%3Da"
    );

    let fields = [("user", "demo"), ("password", "guess")];
    let wrong = visitor.submit("/dashboard/login", &fields).await.expect(401);
    assert!(
        wrong.body.contains("class=\"problem\"") && !wrong.body.contains("<html"),
        "{}",
        wrong.body
    );
    let fields = [("user", "demo"), ("password", PASSWORD)];
    let welcome = visitor.submit("/dashboard/login", &fields).await.expect(204);
    let who = welcome.headers["x-maru-who"].to_str().unwrap();
    assert!(
        page.contains(&format!("data-who=\"{who}\"")),
        "{who}: the same user in the same project"
    );
    visitor.session = welcome.session();
    visitor
        .submit("/dashboard/networks", &[("name", "typed")])
        .await
        .expect(204);
}

#[tokio::test]
async fn the_next_session_begins_in_the_project_of_the_last() {
    let site = TestSite::start().await;
    let visitor = site.visitor("admin").await;
    let page = visitor.get("/dashboard/").await.expect(200).body;
    let current = |page: &str| {
        page.split("data-who=\"")
            .nth(1)
            .unwrap()
            .split('"')
            .next()
            .unwrap()
            .to_owned()
    };
    let other = page
        .split("<option value=\"")
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .find(|id| id.len() == 32 && !current(&page).ends_with(*id))
        .unwrap()
        .to_owned();
    let switched = visitor
        .post("/dashboard/project", &[("project", &other)])
        .await
        .expect(303);
    let cookies: Vec<_> = switched
        .headers
        .get_all(SET_COOKIE)
        .iter()
        .map(|value| value.to_str().unwrap())
        .collect();
    assert!(
        cookies
            .iter()
            .any(|cookie| cookie.starts_with(&format!("maru_project={other};"))),
        "{cookies:?}"
    );
    let request = Request::builder()
        .method(Method::POST)
        .uri("/dashboard/login")
        .header(ORIGIN, "http://127.0.0.1:5000")
        .header("cookie", format!("maru_project={other}"));
    let fields = [("user", "admin"), ("password", PASSWORD)];
    let welcome = site.stranger().send_form(request, &fields).await.expect(303);
    assert!(welcome.headers["x-maru-who"].to_str().unwrap().ends_with(&other));
    // Somebody who has no role there begins in a project of theirs.
    let request = Request::builder()
        .method(Method::POST)
        .uri("/dashboard/login")
        .header(ORIGIN, "http://127.0.0.1:5000")
        .header("cookie", "maru_project=0123456789abcdef0123456789abcdef");
    let fields = [("user", "demo"), ("password", PASSWORD)];
    site.stranger().send_form(request, &fields).await.expect(303);
}
