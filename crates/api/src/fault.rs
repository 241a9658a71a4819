//! Errors as each service writes them.
//!
//! A handler returns a [`model::Error`]; it travels in the response's extensions to the service's layer, which knows
//! the shape: Nova's `{"itemNotFound": {"code", "message"}}`, Neutron's `{"NeutronError": {"type", "message", "detail"}}`,
//! Keystone's `{"error": {"code", "title", "message"}}`, Glance's page, text or document by `Accept`.

use axum::body::Body;
use axum::http::header::{ACCEPT, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use model::{Error, ErrorKind};
use serde_json::json;

use crate::context::RequestId;

/// A service of the catalog.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Service {
    /// Keystone.
    Identity,
    /// Glance.
    Image,
    /// Nova.
    Compute,
    /// Neutron.
    Network,
    /// Cinder.
    Volume,
    /// Placement.
    Placement,
    /// Maru's own pages (`/healthz`, `/metrics`, `/maru/v1`).
    Maru,
}

impl Service {
    /// Its name in logs and metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Image => "image",
            Self::Compute => "compute",
            Self::Network => "network",
            Self::Volume => "volume",
            Self::Placement => "placement",
            Self::Maru => "maru",
        }
    }

    /// Its type in the catalog, as access rules name it.
    pub fn catalog_type(self) -> &'static str {
        self.name()
    }
}

/// An error on its way out.
#[derive(Debug, Clone)]
pub struct Fault(pub Error);

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self(error)
    }
}

impl IntoResponse for Fault {
    /// A bare response; [`render`] gives it its body.
    fn into_response(self) -> Response {
        let mut response = StatusCode::INTERNAL_SERVER_ERROR.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// The status a service answers an error with.
pub fn status_of(service: Service, error: &Error) -> StatusCode {
    match (error.kind, error.code, service) {
        (_, "HTTPUnsupportedMediaType", _) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        // Nova's router knows a path only together with its methods.
        (_, "HTTPMethodNotAllowed", Service::Compute) => StatusCode::NOT_FOUND,
        (_, "HTTPMethodNotAllowed", _) => StatusCode::METHOD_NOT_ALLOWED,
        (_, "HTTPNotImplemented", _) => StatusCode::NOT_IMPLEMENTED,
        (_, "HTTPMultipleChoices", _) => StatusCode::MULTIPLE_CHOICES,
        (_, "VersionNotFoundForAPIMethod" | "InvalidGlobalAPIVersion", _) => StatusCode::NOT_ACCEPTABLE,
        (_, "HTTPGone", _) => StatusCode::GONE,
        (_, "TooManyRequests", _) => StatusCode::TOO_MANY_REQUESTS,
        (_, "HTTPRequestRangeNotSatisfiable", _) => StatusCode::RANGE_NOT_SATISFIABLE,
        (ErrorKind::NotFound, ..) => StatusCode::NOT_FOUND,
        (ErrorKind::Conflict, ..) => StatusCode::CONFLICT,
        (ErrorKind::Invalid, ..) => StatusCode::BAD_REQUEST,
        (ErrorKind::Forbidden, ..) => StatusCode::FORBIDDEN,
        (ErrorKind::Unauthorized, ..) => StatusCode::UNAUTHORIZED,
        (ErrorKind::OverQuota, _, Service::Network) => StatusCode::CONFLICT,
        (ErrorKind::OverQuota, _, Service::Image | Service::Volume) => StatusCode::PAYLOAD_TOO_LARGE,
        (ErrorKind::OverQuota, ..) => StatusCode::FORBIDDEN,
        (ErrorKind::OverLimit, ..) => StatusCode::PAYLOAD_TOO_LARGE,
        (ErrorKind::NoCapacity, ..) => StatusCode::CONFLICT,
        (ErrorKind::PreconditionFailed, ..) => StatusCode::PRECONDITION_FAILED,
        (ErrorKind::Unavailable, ..) => StatusCode::SERVICE_UNAVAILABLE,
        (ErrorKind::Internal, ..) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// Gives a response that carries a [`Fault`] its status and its service's body.
pub(crate) fn render(
    service: Service,
    request_id: &RequestId,
    request_headers: &HeaderMap,
    response: Response,
) -> Response {
    let fault = response.extensions().get::<Fault>().cloned();
    let Some(Fault(error)) = fault.or_else(|| bare_refusal(&response)) else {
        return response;
    };
    let status = status_of(service, &error);
    let message = if error.kind == ErrorKind::Internal {
        tracing::error!(request.id = %request_id, "A request failed inside: {error}");
        "An unexpected error has occurred. The request id in this answer leads to the cause in Maru's log.".to_owned()
    } else {
        error.message.clone()
    };
    let (content_type, body) = match service {
        Service::Compute | Service::Volume => (JSON, nova(status, &error, &message)),
        Service::Network => {
            let body = json!({"NeutronError": {"type": error.code, "message": message, "detail": ""}});
            (JSON, body.to_string())
        }
        Service::Identity => {
            let title = status.canonical_reason().unwrap_or("Error");
            (
                JSON,
                json!({"error": {"code": status.as_u16(), "title": title, "message": message}}).to_string(),
            )
        }
        Service::Image => glance(status, &message, request_headers),
        Service::Placement => (JSON, placement(status, &error, &message, request_id, request_headers)),
        Service::Maru => (
            JSON,
            json!({"error": {"code": status.as_u16(), "type": error.code, "message": message}}).to_string(),
        ),
    };
    let (mut parts, _) = response.into_parts();
    parts.status = status;
    parts
        .headers
        .insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    parts.headers.remove(axum::http::header::CONTENT_LENGTH);
    Response::from_parts(parts, Body::from(body))
}

/// What the framework itself refuses (a path that is not UTF-8, say) it refuses in plain text; the service says it in
/// its own shape.
fn bare_refusal(response: &Response) -> Option<Fault> {
    let is_text = response
        .headers()
        .get(CONTENT_TYPE)
        .is_some_and(|value| value.as_bytes().starts_with(b"text/plain"));
    let refused = response.status() == StatusCode::BAD_REQUEST && is_text;
    refused.then(|| {
        Fault(Error::invalid(
            "HTTPBadRequest",
            "The request's address could not be understood.",
        ))
    })
}

const JSON: &str = "application/json";

/// Nova's names of statuses (nova `api/openstack/wsgi.py`, `Fault`).
fn nova(status: StatusCode, error: &Error, message: &str) -> String {
    let name = match status.as_u16() {
        400 => "badRequest",
        401 => "unauthorized",
        403 => "forbidden",
        404 => "itemNotFound",
        405 => "badMethod",
        409 => "conflictingRequest",
        413 | 429 => "overLimit",
        415 => "badMediaType",
        501 => "notImplemented",
        503 => "serviceUnavailable",
        _ => "computeFault",
    };
    let mut fault = json!({"code": status.as_u16(), "message": message});
    if error.kind == ErrorKind::OverLimit {
        fault["retryAfter"] = json!("0");
    }
    json!({ name: fault }).to_string()
}

/// Placement's list of one error (placement `util.py`, `json_error_formatter`), with a code from 1.23.
fn placement(status: StatusCode, error: &Error, message: &str, request_id: &RequestId, headers: &HeaderMap) -> String {
    let mut body = json!({
        "status": status.as_u16(),
        "title": status.canonical_reason().unwrap_or("Error"),
        "detail": message,
        "request_id": request_id.to_string(),
    });
    let minor = headers
        .get("openstack-api-version")
        .and_then(|value| value.to_str().ok()?.rsplit_once("1.")?.1.parse::<u16>().ok());
    if minor.is_some_and(|minor| minor >= 23) {
        let is_own = error.code.starts_with("placement.");
        body["code"] = json!(if is_own { error.code } else { "placement.undefined_code" });
    }
    if error.code == "InvalidGlobalAPIVersion" {
        body["min_version"] = json!("1.0");
        body["max_version"] = json!(crate::placement::MAX_VERSION.to_string());
    }
    json!({"errors": [body]}).to_string()
}

/// What WebOb makes of an error for Glance: a page for `*/*`, a document for JSON, plain text else.
fn glance(status: StatusCode, message: &str, headers: &HeaderMap) -> (&'static str, String) {
    let title = status.canonical_reason().unwrap_or("Error");
    let accept = headers
        .get(ACCEPT)
        .and_then(|value| value.to_str().ok())
        .unwrap_or("*/*");
    if accept.contains("json") {
        let code = format!("{} {title}", status.as_u16());
        return (
            JSON,
            json!({"message": message, "code": code, "title": title}).to_string(),
        );
    }
    if accept.contains("html") || accept.contains("*/*") {
        let message = escape_html(message);
        let page = format!(
            "<html>\n <head>\n  <title>{code} {title}</title>\n </head>\n <body>\n  <h1>{code} {title}</h1>\n  \
             {message}<br /><br />\n\n\n </body>\n</html>",
            code = status.as_u16()
        );
        return ("text/html; charset=UTF-8", page);
    }
    (
        "text/plain; charset=UTF-8",
        format!("{} {title}\n\n{message}\n\n", status.as_u16()),
    )
}

/// Text as text inside a page.
pub(crate) fn escape_html(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&#x27;")
}
