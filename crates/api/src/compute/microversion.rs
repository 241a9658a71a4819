//! Nova's microversions (nova `api/openstack/rest_api_version_history.rst`), on every answer of `/compute/v2.1`.

use axum::extract::Request;
use axum::http::HeaderName;
use axum::middleware::Next;
use axum::response::Response;

pub(crate) use crate::microversion::Microversion;
use crate::microversion::Scheme;

/// The first one, and what a request without a header gets.
pub(super) const MIN: Microversion = Microversion::new(2, 1);

/// The newest one whose bodies are right here.
pub(super) const MAX: Microversion = Microversion::new(2, 100);

static SCHEME: Scheme = Scheme {
    names: &["compute"],
    own_header: Some(HeaderName::from_static("x-openstack-nova-api-version")),
    vary: "OpenStack-API-Version, X-OpenStack-Nova-API-Version",
    min: MIN,
    max: MAX,
};

/// Around every request of the service.
pub(super) async fn layer(request: Request, next: Next) -> Response {
    if !request.uri().path().starts_with("/compute/v2.1") {
        return next.run(request).await;
    }
    SCHEME.around(request, next).await
}

#[cfg(test)]
pub(super) fn version(minor: u16) -> Microversion {
    Microversion::new(2, minor)
}
