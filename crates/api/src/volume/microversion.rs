//! Cinder's microversions (cinder `api/openstack/rest_api_version_history.rst`), on every answer of `/volume/v3`.

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;

pub(super) use crate::microversion::Microversion;
use crate::microversion::Scheme;

/// The first one, and what a request without a header gets.
pub(super) const MIN: Microversion = Microversion::new(3, 0);

/// The newest one whose bodies are right here.
pub(super) const MAX: Microversion = Microversion::new(3, 70);

static SCHEME: Scheme = Scheme {
    names: &["volume", "block-storage"],
    own_header: None,
    vary: "OpenStack-API-Version",
    min: MIN,
    max: MAX,
};

/// Around every request of the service.
pub(super) async fn layer(request: Request, next: Next) -> Response {
    if !request.uri().path().starts_with("/volume/v3") {
        return next.run(request).await;
    }
    SCHEME.around(request, next).await
}
