//! Nova's microversions (nova `api/openstack/rest_api_version_history.rst`), on every answer of `/compute/v2.1`.

use axum::extract::{MatchedPath, Request};
use axum::http::HeaderName;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use model::{Error, Result};

use crate::fault::Fault;
pub(crate) use crate::microversion::Microversion;
use crate::microversion::Scheme;
use crate::query::Query;

/// The first one, and what a request without a header gets.
pub(super) const MIN: Microversion = Microversion::new(2, 1);

/// The newest one whose bodies are right here.
pub(super) const MAX: Microversion = Microversion::new(2, 104);

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

/// Within [`layer`]: from 2.102 on no request may have a query string that its route does not know.
pub(super) async fn refuse_unknown_queries(request: Request, next: Next) -> Response {
    match check_query(&request) {
        Ok(()) => next.run(request).await,
        Err(error) => Fault(error).into_response(),
    }
}

/// Routes that read their query string, and themselves refuse what they don't know in it.
const WITH_QUERY: &[&str] = &[
    "/flavors",
    "/flavors/detail",
    "/limits",
    "/os-hypervisors",
    "/os-hypervisors/detail",
    "/os-hypervisors/{id}",
    "/os-keypairs",
    "/os-keypairs/{name}",
    "/os-migrations",
    "/os-quota-sets/{project}",
    "/os-quota-sets/{project}/detail",
    "/os-server-groups",
    "/os-services",
    "/os-simple-tenant-usage",
    "/os-simple-tenant-usage/{project}",
    "/servers",
    "/servers/detail",
    "/servers/{id}/os-instance-actions",
    "/servers/{id}/os-volume_attachments",
];

fn check_query(request: &Request) -> Result<()> {
    let version = request.extensions().get::<Microversion>().copied().unwrap_or(MIN);
    let Some(query) = request.uri().query().filter(|_| version.since(102)) else {
        return Ok(());
    };
    let path = request
        .extensions()
        .get::<MatchedPath>()
        .map_or("", MatchedPath::as_str);
    let reads_it = path
        .strip_prefix("/compute/v2.1")
        .is_some_and(|path| WITH_QUERY.contains(&path));
    match Query::parse(query).iter().next() {
        Some((name, _)) if !reads_it => Err(Error::invalid(
            "ValidationError",
            format!(
                "Invalid input for query parameters. Additional properties are not allowed ('{name}' was unexpected)"
            ),
        )),
        _ => Ok(()),
    }
}

#[cfg(test)]
pub(super) fn version(minor: u16) -> Microversion {
    Microversion::new(2, minor)
}
