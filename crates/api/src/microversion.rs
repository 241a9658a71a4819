//! Microversions: which shape of a body the client asked for, and the headers that say which one it got.
//!
//! `OpenStack-API-Version: SERVICE X.Y` (API-SIG's microversion specification) is read by every service that has them; Compute
//! reads its older header, too. A service's [`Scheme`] says what it is called there and how far its versions go.

use axum::extract::{FromRequestParts, Request};
use axum::http::header::VARY;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use model::{Error, Result};

use crate::fault::Fault;

const HEADER: HeaderName = HeaderName::from_static("openstack-api-version");

/// A microversion. Within one service the minor number tells all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Microversion {
    major: u16,
    minor: u16,
}

impl Microversion {
    pub(crate) const fn new(major: u16, minor: u16) -> Self {
        Self { major, minor }
    }

    /// Whether the request asked for this minor number or a later one.
    pub(crate) fn since(self, minor: u16) -> bool {
        self.minor >= minor
    }

    /// Passes from this minor number on.
    ///
    /// # Errors
    /// 404, as the services answer for an API that a version does not have.
    pub(crate) fn require(self, minor: u16) -> Result<()> {
        if self.since(minor) {
            return Ok(());
        }
        Err(self.lacks(format!("it came with {}.{minor}", self.major)))
    }

    /// Passes up to this minor number.
    ///
    /// # Errors
    /// 404, as the services answer for an API that a version no longer has.
    pub(crate) fn require_until(self, minor: u16) -> Result<()> {
        if self.minor <= minor {
            return Ok(());
        }
        Err(self.lacks(format!("the last one with it is {}.{minor}", self.major)))
    }

    fn lacks(self, why: String) -> Error {
        Error::not_found(
            "VersionNotFound",
            format!("The resource could not be found: microversion {self} does not have it; {why}."),
        )
    }
}

impl std::fmt::Display for Microversion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Microversion {
    type Rejection = Fault;

    /// The one that [`Scheme::around`] found. Outside of it there are no microversions, and this is before all of them.
    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Fault> {
        Ok(parts.extensions.get::<Self>().copied().unwrap_or(Self::new(0, 0)))
    }
}

/// A service's microversions.
#[derive(Debug)]
pub(crate) struct Scheme {
    /// What the service is called in the header; the first one in answers.
    pub(crate) names: &'static [&'static str],
    /// A header of its own that has the version alone; the common one wins.
    pub(crate) own_header: Option<HeaderName>,
    /// The names of the headers that are read, for `Vary`.
    pub(crate) vary: &'static str,
    /// The first one, and what a request without a header gets.
    pub(crate) min: Microversion,
    /// The newest one whose bodies are right here.
    pub(crate) max: Microversion,
}

impl Scheme {
    /// Reads the headers of a request.
    ///
    /// # Errors
    /// `InvalidAPIVersionString`, `InvalidGlobalAPIVersion`.
    pub(crate) fn negotiate(&self, headers: &HeaderMap) -> Result<Microversion> {
        let common = headers.get_all(HEADER).iter().find_map(|value| {
            let services = value.to_str().unwrap_or("").split(',');
            services
                .filter_map(|part| part.trim().split_once(char::is_whitespace))
                .find(|(service, _)| self.names.iter().any(|name| service.eq_ignore_ascii_case(name)))
                .map(|(_, version)| version.trim())
        });
        let own = || {
            let value = headers.get(self.own_header.as_ref()?)?;
            Some(value.to_str().unwrap_or("?").trim())
        };
        match common.or_else(own) {
            None => Ok(self.min),
            Some(text) if text.eq_ignore_ascii_case("latest") => Ok(self.max),
            Some(text) => self.parse(text),
        }
    }

    fn parse(&self, text: &str) -> Result<Microversion> {
        let number = |digits: &str| {
            let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
            let padded = digits.len() > 1 && digits.starts_with('0');
            (plain && !padded).then(|| digits.parse::<u16>().unwrap_or(u16::MAX))
        };
        let parts = text
            .split_once('.')
            .and_then(|(major, minor)| Some(Microversion::new(number(major)?, number(minor)?)));
        match parts {
            None | Some(Microversion { major: 0, .. }) => Err(Error::invalid(
                "InvalidAPIVersionString",
                format!("API Version String {text} is of invalid format. Must be of format MajorNum.MinorNum."),
            )),
            Some(version) if (self.min..=self.max).contains(&version) => Ok(version),
            Some(_) => Err(Error::invalid(
                "InvalidGlobalAPIVersion",
                format!(
                    "Version {text} is not supported by the API. Minimum is {} and maximum is {}.",
                    self.min, self.max
                ),
            )),
        }
    }

    /// Around a request: finds its version, and says it in the answer, faults included, with a `Vary` that names the headers.
    pub(crate) async fn around(&self, mut request: Request, next: Next) -> Response {
        let (version, mut response) = match self.negotiate(request.headers()) {
            Ok(version) => {
                request.extensions_mut().insert(version);
                (version, next.run(request).await)
            }
            Err(error) => (self.min, Fault(error).into_response()),
        };
        let headers = response.headers_mut();
        let mut tell = |header: &HeaderName, text: String| {
            if let Ok(value) = HeaderValue::from_str(&text) {
                headers.insert(header, value);
            }
        };
        tell(&HEADER, format!("{} {version}", self.names[0]));
        if let Some(own) = &self.own_header {
            tell(own, version.to_string());
        }
        headers.append(VARY, HeaderValue::from_static(self.vary));
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: HeaderName = HeaderName::from_static("x-openstack-nova-api-version");
    const SCHEME: Scheme = Scheme {
        names: &["compute", "servers"],
        own_header: Some(OWN),
        vary: "OpenStack-API-Version, X-OpenStack-Nova-API-Version",
        min: Microversion::new(2, 1),
        max: Microversion::new(2, 100),
    };

    fn negotiated(pairs: &[(&HeaderName, &str)]) -> Result<Microversion> {
        let headers = pairs
            .iter()
            .map(|(name, value)| ((*name).clone(), HeaderValue::from_str(value).unwrap()));
        SCHEME.negotiate(&headers.collect())
    }

    #[test]
    fn both_headers_are_read_and_the_common_one_wins() {
        let version = |minor| Microversion::new(2, minor);
        assert_eq!(negotiated(&[]).unwrap(), version(1));
        assert_eq!(negotiated(&[(&OWN, "2.9")]).unwrap(), version(9));
        assert_eq!(negotiated(&[(&HEADER, "compute 2.47")]).unwrap(), version(47));
        assert_eq!(negotiated(&[(&HEADER, "Servers 2.47")]).unwrap(), version(47));
        let both = [(&OWN, "2.9"), (&HEADER, "volume 3.71, compute 2.10")];
        assert_eq!(negotiated(&both).unwrap(), version(10));
        assert_eq!(negotiated(&[(&HEADER, "compute latest")]).unwrap(), version(100));
        assert_eq!(negotiated(&[(&HEADER, "identity 3.0")]).unwrap(), version(1));
    }

    #[test]
    fn out_of_range_and_nonsense_are_told_apart() {
        for text in ["2.0", "2.101", "2.65536", "2.70000", "3.1", "1.1"] {
            let error = negotiated(&[(&OWN, text)]).unwrap_err();
            assert_eq!(error.code, "InvalidGlobalAPIVersion", "{text}");
        }
        for text in ["", "2", "2.", ".1", "2.01", "2.x", "-2.1", "0.1", "2.1.1", "newest"] {
            let error = negotiated(&[(&OWN, text)]).unwrap_err();
            assert_eq!(error.code, "InvalidAPIVersionString", "{text}");
        }
    }
}
