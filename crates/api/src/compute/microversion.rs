//! Microversions: which shape of a body the client asked for, and the headers that say which one it got.
//!
//! Both headers are read (`OpenStack-API-Version: compute X` wins over `X-OpenStack-Nova-API-Version: X`), and both are on
//! every answer of `/compute/v2.1`, faults included, with a `Vary` that names them (nova `api/openstack/wsgi.py`).

use axum::extract::{FromRequestParts, Request};
use axum::http::header::VARY;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use model::{Error, Result};

use crate::fault::Fault;

const NEW_HEADER: HeaderName = HeaderName::from_static("openstack-api-version");
const OLD_HEADER: HeaderName = HeaderName::from_static("x-openstack-nova-api-version");

/// A microversion: the minor number of 2.x.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Microversion(u16);

/// The first one, and what a request without a header gets.
pub(super) const MIN: Microversion = Microversion(1);

/// The newest one whose bodies are right here.
pub(super) const MAX: Microversion = Microversion(100);

impl Microversion {
    /// Whether the request asked for 2.`minor` or later.
    pub(super) fn since(self, minor: u16) -> bool {
        self.0 >= minor
    }

    /// Passes from 2.`minor` on.
    ///
    /// # Errors
    /// 404, as Nova answers for an API that a version does not have.
    pub(super) fn require(self, minor: u16) -> Result<()> {
        if self.since(minor) {
            return Ok(());
        }
        Err(not_in_this_version())
    }

    /// Passes up to 2.`minor`.
    ///
    /// # Errors
    /// 404, as Nova answers for an API that a version no longer has.
    pub(super) fn require_until(self, minor: u16) -> Result<()> {
        if self.0 <= minor {
            return Ok(());
        }
        Err(not_in_this_version())
    }
}

fn not_in_this_version() -> Error {
    Error::not_found(
        "VersionNotFound",
        "The resource could not be found: this microversion does not have it.",
    )
}

impl std::fmt::Display for Microversion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "2.{}", self.0)
    }
}

/// Reads the headers of a request.
fn negotiate(headers: &HeaderMap) -> Result<Microversion> {
    let text = |name: &HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or("?").trim());
    let new = headers.get_all(NEW_HEADER).iter().find_map(|value| {
        let services = value.to_str().unwrap_or("").split(',');
        services
            .filter_map(|part| part.trim().split_once(char::is_whitespace))
            .find(|(service, _)| service.eq_ignore_ascii_case("compute"))
            .map(|(_, version)| version.trim())
    });
    match new.or_else(|| text(&OLD_HEADER)) {
        None => Ok(MIN),
        Some(text) if text.eq_ignore_ascii_case("latest") => Ok(MAX),
        Some(text) => parse(text),
    }
}

fn parse(text: &str) -> Result<Microversion> {
    let number = |digits: &str| {
        let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
        let padded = digits.len() > 1 && digits.starts_with('0');
        (plain && !padded).then(|| digits.parse::<u16>().unwrap_or(u16::MAX))
    };
    let parts = text
        .split_once('.')
        .and_then(|(major, minor)| Some((number(major)?, number(minor)?)));
    match parts {
        None | Some((0, _)) => Err(Error::invalid(
            "InvalidAPIVersionString",
            format!("API Version String {text} is of invalid format. Must be of format MajorNum.MinorNum."),
        )),
        Some((2, minor)) if (MIN.0..=MAX.0).contains(&minor) => Ok(Microversion(minor)),
        Some(_) => Err(Error::invalid(
            "InvalidGlobalAPIVersion",
            format!("Version {text} is not supported by the API. Minimum is {MIN} and maximum is {MAX}."),
        )),
    }
}

/// Around every request below `/compute/v2.1`.
pub(super) async fn layer(mut request: Request, next: Next) -> Response {
    if !request.uri().path().starts_with("/compute/v2.1") {
        return next.run(request).await;
    }
    let (version, mut response) = match negotiate(request.headers()) {
        Ok(version) => {
            request.extensions_mut().insert(version);
            (version, next.run(request).await)
        }
        Err(error) => (MIN, Fault(error).into_response()),
    };
    let headers = response.headers_mut();
    let value = |text: String| HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static("2.1"));
    headers.insert(NEW_HEADER, value(format!("compute {version}")));
    headers.insert(OLD_HEADER, value(version.to_string()));
    headers.append(
        VARY,
        HeaderValue::from_static("OpenStack-API-Version, X-OpenStack-Nova-API-Version"),
    );
    response
}

impl<S: Send + Sync> FromRequestParts<S> for Microversion {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Fault> {
        Ok(parts.extensions.get::<Self>().copied().unwrap_or(MIN))
    }
}

#[cfg(test)]
pub(super) fn version(minor: u16) -> Microversion {
    Microversion(minor)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn negotiated(pairs: &[(&HeaderName, &str)]) -> Result<Microversion> {
        let headers = pairs
            .iter()
            .map(|(name, value)| ((*name).clone(), HeaderValue::from_str(value).unwrap()));
        negotiate(&headers.collect())
    }

    #[test]
    fn both_headers_are_read_and_the_new_one_wins() {
        assert_eq!(negotiated(&[]).unwrap(), MIN);
        assert_eq!(negotiated(&[(&OLD_HEADER, "2.9")]).unwrap(), Microversion(9));
        assert_eq!(negotiated(&[(&NEW_HEADER, "compute 2.47")]).unwrap(), Microversion(47));
        let both = [(&OLD_HEADER, "2.9"), (&NEW_HEADER, "volume 3.71, compute 2.10")];
        assert_eq!(negotiated(&both).unwrap(), Microversion(10));
        assert_eq!(negotiated(&[(&NEW_HEADER, "compute latest")]).unwrap(), MAX);
        assert_eq!(negotiated(&[(&NEW_HEADER, "identity 3.0")]).unwrap(), MIN);
    }

    #[test]
    fn out_of_range_and_nonsense_are_told_apart() {
        for text in ["2.0", "2.101", "2.65536", "2.70000", "3.1", "1.1"] {
            let error = negotiated(&[(&OLD_HEADER, text)]).unwrap_err();
            assert_eq!(error.code, "InvalidGlobalAPIVersion", "{text}");
        }
        for text in ["", "2", "2.", ".1", "2.01", "2.x", "-2.1", "0.1", "2.1.1", "newest"] {
            let error = negotiated(&[(&OLD_HEADER, text)]).unwrap_err();
            assert_eq!(error.code, "InvalidAPIVersionString", "{text}");
        }
    }
}
