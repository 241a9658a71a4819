//! Cinder's microversions: which shape of a body the client asked for, by `OpenStack-API-Version: volume X`, and the headers
//! that say which one it got (cinder `api/openstack/wsgi.py`).

use axum::extract::Request;
use axum::http::header::VARY;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use model::{Error, Result};

use crate::fault::Fault;

const HEADER: HeaderName = HeaderName::from_static("openstack-api-version");

/// A microversion: the minor number of 3.x.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Microversion(u16);

/// The first one, and what a request without a header gets.
pub(super) const MIN: Microversion = Microversion(0);

/// The newest one whose bodies are right here.
pub(super) const MAX: Microversion = Microversion(70);

impl Microversion {
    /// Whether the request asked for 3.`minor` or later.
    pub(super) fn since(self, minor: u16) -> bool {
        self.0 >= minor
    }

    /// Passes from 3.`minor` on.
    ///
    /// # Errors
    /// 404, as Cinder answers for an API that a version does not have.
    pub(super) fn require(self, minor: u16) -> Result<()> {
        if self.since(minor) {
            return Ok(());
        }
        Err(Error::not_found(
            "VersionNotFound",
            format!("API version {self} is not supported on this method."),
        ))
    }
}

impl std::fmt::Display for Microversion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "3.{}", self.0)
    }
}

fn negotiate(headers: &HeaderMap) -> Result<Microversion> {
    let wanted = headers.get_all(HEADER).iter().find_map(|value| {
        let services = value.to_str().unwrap_or("").split(',');
        services
            .filter_map(|part| part.trim().split_once(char::is_whitespace))
            .find(|(service, _)| {
                ["volume", "block-storage"]
                    .iter()
                    .any(|name| service.eq_ignore_ascii_case(name))
            })
            .map(|(_, version)| version.trim())
    });
    match wanted {
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
        Some((3, minor)) if minor <= MAX.0 => Ok(Microversion(minor)),
        Some(_) => Err(Error::invalid(
            "InvalidGlobalAPIVersion",
            format!("Version {text} is not supported by the API. Minimum is {MIN} and maximum is {MAX}."),
        )),
    }
}

/// Around every request below `/volume/v3`.
pub(super) async fn layer(mut request: Request, next: Next) -> Response {
    if !request.uri().path().starts_with("/volume/v3") {
        return next.run(request).await;
    }
    let (version, mut response) = match negotiate(request.headers()) {
        Ok(version) => {
            request.extensions_mut().insert(version);
            (version, next.run(request).await)
        }
        Err(error) => (MIN, Fault(error).into_response()),
    };
    if let Ok(value) = HeaderValue::from_str(&format!("volume {version}")) {
        response.headers_mut().insert(HEADER, value);
    }
    response
        .headers_mut()
        .append(VARY, HeaderValue::from_static("OpenStack-API-Version"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn negotiated(value: &str) -> Result<Microversion> {
        negotiate(&HeaderMap::from_iter([(HEADER, HeaderValue::from_str(value).unwrap())]))
    }

    #[test]
    fn versions_are_negotiated() {
        assert_eq!(negotiate(&HeaderMap::new()).unwrap(), MIN);
        assert_eq!(negotiated("compute 2.1").unwrap(), MIN);
        assert_eq!(negotiated("compute 2.1, volume 3.27").unwrap(), Microversion(27));
        assert_eq!(negotiated("volume latest").unwrap(), MAX);
        assert_eq!(negotiated("volume 3.999").unwrap_err().code, "InvalidGlobalAPIVersion");
        assert_eq!(negotiated("volume 3.x").unwrap_err().code, "InvalidAPIVersionString");
    }
}
