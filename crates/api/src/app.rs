//! The whole application: every service on one port, at DevStack's paths.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::{HOST, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use control::Control;
use control::images::ImageStore;
use model::Error;

use crate::console::Consoles;
use crate::context::RequestId;
use crate::fault::{Fault, Service, render};
use crate::maru::Metrics;
use crate::routes::{RouteRow, Routes};
use crate::{compute, console, identity, image, maru, network, placement, volume};

/// What every request may use.
pub struct App {
    /// The running cloud.
    pub control: Control,
    /// Where clients reach it.
    pub endpoints: Endpoints,
    /// The images' data.
    pub images: ImageStore,
    /// Who uses servers' consoles.
    pub consoles: Arc<Consoles>,
}

/// Where clients reach the cloud.
#[derive(Debug, Clone)]
pub struct Endpoints {
    /// `http://127.0.0.1:5000`: begins every link and the catalog.
    pub public_url: String,
    /// The program listens on every address: links then follow the `Host` header that the client used.
    pub follow_host_header: bool,
    /// The catalog's region.
    pub region: String,
}

impl Endpoints {
    /// The start of links in the answer to this request.
    pub fn base_url(&self, headers: &HeaderMap) -> Arc<str> {
        if !self.follow_host_header {
            return self.public_url.as_str().into();
        }
        let scheme = self.public_url.split("://").next().unwrap_or("http");
        let host = headers
            .get(HOST)
            .and_then(|value| value.to_str().ok())
            .filter(|host| is_plain_host(host));
        host.map_or_else(
            || self.public_url.as_str().into(),
            |host| format!("{scheme}://{host}").into(),
        )
    }
}

/// A host name or address with an optional port and nothing else: a header that says more is not copied into answers.
fn is_plain_host(host: &str) -> bool {
    !host.is_empty()
        && host.len() <= 255
        && host
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b':' | b'[' | b']'))
}

/// Every service of the application: its paths' start and its routes.
fn services(app: &Arc<App>) -> Vec<Routes> {
    vec![
        compute::routes(app),
        console::routes(app),
        identity::routes(app),
        image::routes(app),
        maru::routes(app),
        network::routes(app),
        network::maru_routes(app),
        volume::routes(app),
        placement::routes(app),
    ]
}

/// The application as a service, and the table of all its routes.
pub fn router(app: App) -> (Router, Vec<RouteRow>) {
    let app = Arc::new(app);
    let mut rows = Vec::new();
    let mut router = Router::new();
    for routes in services(&app) {
        let (service, table) = routes.finish();
        router = router.merge(service);
        rows.extend(table);
    }
    let router = router
        .fallback(async || Fault(Error::not_found("HTTPNotFound", "The resource could not be found.")))
        .method_not_allowed_fallback(async || {
            Fault(Error::invalid(
                "HTTPMethodNotAllowed",
                "The method is not allowed for this resource.",
            ))
        })
        .layer(middleware::from_fn_with_state(app.clone(), finish))
        .layer(axum::Extension(Arc::new(Metrics::new())))
        .with_state(app);
    // Paths are normalized before the router looks at them, so this stands outside it.
    (
        Router::new().fallback_service(tower::ServiceExt::map_request(router, normalize_path)),
        rows,
    )
}

/// An image without an id is no image, as with Glance, and not the list of them; so with these of Nova's.
const NAMES_NOTHING: &[&str] = &[
    "/image/v2/images/",
    "/compute/v2.1/os-simple-tenant-usage/",
    "/compute/v2.1/os-volumes/",
    "/compute/v2.1/os-snapshots/",
];

/// `/networking/v2.0/networks/` and `/networking//v2.0/networks` are `/networking/v2.0/networks`.
fn normalize_path(mut request: Request) -> Request {
    let path = request.uri().path();
    let ends_with_slash = path.len() > 1 && path.ends_with('/') && !NAMES_NOTHING.contains(&path);
    if !path.contains("//") && !ends_with_slash {
        return canonical_names(request);
    }
    let mut clean = String::with_capacity(path.len());
    for part in path.split('/').filter(|part| !part.is_empty()) {
        clean.push('/');
        clean.push_str(part);
    }
    // Cinder takes the empty id in `/volumes/` for an id: there is no such volume.
    if clean.is_empty() || (ends_with_slash && volume::is_below_collection(&clean)) {
        clean.push('/');
    }
    if let Some(query) = request.uri().query() {
        clean.push('?');
        clean.push_str(query);
    }
    if let Ok(uri) = clean.parse::<Uri>() {
        *request.uri_mut() = uri;
    }
    canonical_names(request)
}

/// What services take in several spellings, in the one that their routes have.
fn canonical_names(request: Request) -> Request {
    volume::take_project(network::take_dashes(request))
}

/// Which service a path belongs to.
fn service_of(path: &str) -> Service {
    match path.split('/').nth(1) {
        Some("identity") => Service::Identity,
        Some("image") => Service::Image,
        Some("compute") => Service::Compute,
        Some("networking") => Service::Network,
        Some("volume") => Service::Volume,
        Some("placement") => Service::Placement,
        _ => Service::Maru,
    }
}

/// Around every request: its id, its fault in the service's shape, its line in the log.
async fn finish(State(app): State<Arc<App>>, mut request: Request, next: Next) -> Response {
    let request_id = RequestId(uuid::Uuid::new_v4());
    let service = service_of(request.uri().path());
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let headers = request.headers().clone();
    let began = std::time::Instant::now();
    let metrics = request.extensions().get::<Arc<Metrics>>().cloned();
    request.extensions_mut().insert(request_id.clone());
    let response = std::panic::AssertUnwindSafe(next.run(request));
    let response = match futures_util::FutureExt::catch_unwind(response).await {
        Ok(response) => response,
        Err(_) => Fault(Error::internal("InternalServerError", "a handler panicked")).into_response(),
    };
    let mut response = render(service, &request_id, &headers, response);
    if let Ok(value) = HeaderValue::from_str(&request_id.to_string()) {
        if service == Service::Compute {
            response.headers_mut().insert("x-compute-request-id", value.clone());
        }
        response.headers_mut().insert("x-openstack-request-id", value);
    }
    if response.status() == StatusCode::UNAUTHORIZED {
        let challenge = format!("Keystone uri=\"{}/identity\"", app.endpoints.base_url(&headers));
        if let Ok(value) = HeaderValue::from_str(&challenge) {
            response.headers_mut().insert(WWW_AUTHENTICATE, value);
        }
    }
    if let Some(metrics) = metrics {
        metrics.answered(service, method.as_str(), response.status(), began.elapsed());
    }
    tracing::debug!(request.id = %request_id, http.status = response.status().as_u16(), "{method} {path}");
    response
}
