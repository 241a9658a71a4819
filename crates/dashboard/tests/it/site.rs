//! A dashboard for a test, and visitors of it.

use axum::Router;
use axum::body::Body;
use axum::http::header::{COOKIE, LOCATION, ORIGIN, SET_COOKIE};
use axum::http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::BodyExt;
use model::bootstrap;
use tokio::sync::watch;
use tower::ServiceExt;

use crate::cloud::{BASE_URL, PASSWORD, TestCloud};

/// A cloud with DevStack's networks, and its dashboard.
pub struct TestSite {
    pub cloud: TestCloud,
    pub router: Router,
    _running: watch::Sender<bool>,
}

impl TestSite {
    pub async fn start() -> Self {
        let cloud = TestCloud::start().await;
        cloud
            .run(|tx| {
                let passwords = bootstrap::identity::FirstPasswords {
                    admin_hash: String::new(),
                    demo_hash: String::new(),
                };
                let identity = bootstrap::identity(tx, passwords)?;
                bootstrap::network(tx, &identity, &bootstrap::network::Settings::default())
            })
            .await;
        let (running, stopping) = watch::channel(false);
        let router = dashboard::router(dashboard::Options {
            control: cloud.control.clone(),
            backend: dashboard::Backend {
                router: cloud.router(),
                error_of: |answer| answer.extensions().get::<api::Fault>().map(|fault| fault.0.clone()),
            },
            public_url: BASE_URL.to_owned(),
            region: "RegionOne".to_owned(),
            host_netns: None,
            live_renders: 2,
            stopping,
        });
        Self {
            cloud,
            router,
            _running: running,
        }
    }

    /// Somebody who has not signed in.
    pub fn stranger(&self) -> Visitor {
        Visitor {
            router: self.router.clone(),
            session: None,
            lang: "en",
        }
    }

    /// A user of the harness, signed in.
    pub async fn visitor(&self, user: &str) -> Visitor {
        let mut visitor = self.stranger();
        let answer = visitor
            .post("/dashboard/login", &[("user", user), ("password", PASSWORD)])
            .await;
        assert_eq!(
            answer.status,
            StatusCode::SEE_OTHER,
            "{user} can't sign in: {}",
            answer.body
        );
        visitor.session = answer.session();
        visitor
    }
}

/// A browser.
#[derive(Clone)]
pub struct Visitor {
    pub router: Router,
    pub session: Option<String>,
    pub lang: &'static str,
}

/// What came back.
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: String,
}

impl Answer {
    /// Where a redirect leads.
    pub fn location(&self) -> &str {
        self.headers.get(LOCATION).map_or("", |value| value.to_str().unwrap())
    }

    /// The session that it began.
    pub fn session(&self) -> Option<String> {
        let cookies = self
            .headers
            .get_all(SET_COOKIE)
            .iter()
            .map(|value| value.to_str().unwrap());
        let mut sessions = cookies.filter_map(|cookie| cookie.strip_prefix("maru_session="));
        sessions
            .next()
            .and_then(|rest| rest.split(';').next())
            .map(str::to_owned)
    }

    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.body);
        self
    }
}

impl Visitor {
    pub async fn get(&self, path: &str) -> Answer {
        self.send(Request::builder().uri(path), Body::empty()).await
    }

    /// A form of a page of ours.
    pub async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let request = Request::builder()
            .method(Method::POST)
            .uri(path)
            .header(ORIGIN, BASE_URL);
        self.send_form(request, fields).await
    }

    /// The same, sent by the page's script.
    pub async fn submit(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let request = Request::builder()
            .method(Method::POST)
            .uri(path)
            .header(ORIGIN, BASE_URL)
            .header("hx-request", "true");
        self.send_form(request, fields).await
    }

    pub async fn send_form(&self, request: axum::http::request::Builder, fields: &[(&str, &str)]) -> Answer {
        let encode =
            |text: &str| percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string();
        let body: Vec<_> = fields
            .iter()
            .map(|(name, value)| format!("{}={}", encode(name), encode(value)))
            .collect();
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        self.send(request, Body::from(body.join("&"))).await
    }

    pub async fn send(&self, request: axum::http::request::Builder, body: Body) -> Answer {
        let mut request = request
            .header("host", BASE_URL.trim_start_matches("http://"))
            .header("accept-language", self.lang);
        if let Some(session) = &self.session {
            request = request.header(COOKIE, format!("maru_session={session}"));
        }
        let answer = self.router.clone().oneshot(request.body(body).unwrap()).await.unwrap();
        let (parts, body) = answer.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        Answer {
            status: parts.status,
            headers: parts.headers,
            body: String::from_utf8_lossy(&bytes).into_owned(),
        }
    }
}
