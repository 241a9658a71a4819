//! Placement's microversions: 1.0 unless the request says otherwise; every answer says which one it got.

use std::sync::Arc;

use axum::extract::{FromRequestParts, Request, State};
use axum::http::header::{CACHE_CONTROL, LAST_MODIFIED, VARY};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use model::{Error, Result};
use serde_json::json;

use crate::app::App;
use crate::fault::Fault;
use crate::reply::{Reply, json as ok};

const HEADER: HeaderName = HeaderName::from_static("openstack-api-version");

/// The minor number of 1.x.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Microversion(u16);

/// The minor number of [`super::MAX_VERSION`].
const MAX: u16 = 39;

impl Microversion {
    /// Whether the request asked for 1.`minor` or later.
    pub(super) fn since(self, minor: u16) -> bool {
        self.0 >= minor
    }

    /// Passes from 1.`minor` on.
    ///
    /// # Errors
    /// `NotFound`, as Placement answers for what a version does not have.
    pub(super) fn require(self, minor: u16) -> Result<()> {
        if self.since(minor) {
            return Ok(());
        }
        Err(Error::not_found(
            "HTTPNotFound",
            format!("The resource could not be found: it takes OpenStack-API-Version 'placement 1.{minor}'."),
        ))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Microversion {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> std::result::Result<Self, Fault> {
        Ok(parts.extensions.get::<Self>().copied().unwrap_or(Self(0)))
    }
}

fn negotiate(headers: &HeaderMap) -> Result<Microversion> {
    let asked = headers.get_all(HEADER).iter().find_map(|value| {
        let services = value.to_str().unwrap_or("").split(',');
        services
            .filter_map(|part| part.trim().split_once(char::is_whitespace))
            .find(|(service, _)| service.eq_ignore_ascii_case("placement"))
            .map(|(_, version)| version.trim().to_owned())
    });
    let Some(text) = asked else { return Ok(Microversion(0)) };
    if text.eq_ignore_ascii_case("latest") {
        return Ok(Microversion(MAX));
    }
    let minor = text.strip_prefix("1.").and_then(|minor| minor.parse::<u16>().ok());
    match minor {
        Some(minor) if minor <= MAX => Ok(Microversion(minor)),
        Some(_) => Err(unacceptable(&text)),
        None if text.split('.').all(|part| part.parse::<u16>().is_ok()) && text.contains('.') => {
            Err(unacceptable(&text))
        }
        None => Err(Error::invalid(
            "HTTPBadRequest",
            format!("invalid version string: {text}"),
        )),
    }
}

fn unacceptable(text: &str) -> Error {
    Error::invalid(
        "InvalidGlobalAPIVersion",
        format!("Unacceptable version header: {text}. It is 1.0 to 1.{MAX}."),
    )
}

/// Around every request of the service.
pub(super) async fn layer(mut request: Request, next: Next) -> Response {
    let (version, mut response) = match negotiate(request.headers()) {
        Ok(version) => {
            request.extensions_mut().insert(version);
            (version, next.run(request).await)
        }
        Err(error) => (Microversion(0), Fault(error).into_response()),
    };
    let headers = response.headers_mut();
    if let Ok(value) = HeaderValue::from_str(&format!("placement 1.{}", version.0)) {
        headers.insert(HEADER, value);
    }
    headers.append(VARY, HeaderValue::from_static("openstack-api-version"));
    if version.since(15) {
        // What is answered was worked out just now.
        let now = jiff::Timestamp::now().strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
        if let Ok(value) = HeaderValue::from_str(&now) {
            headers.insert(LAST_MODIFIED, value);
        }
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    }
    response
}

/// `GET /placement`
pub(super) async fn show(State(_): State<Arc<App>>) -> Reply {
    ok(&json!({"versions": [{
        "id": "v1.0",
        "status": "CURRENT",
        "min_version": "1.0",
        "max_version": super::MAX_VERSION,
        "links": [{"rel": "self", "href": ""}],
    }]}))
}
