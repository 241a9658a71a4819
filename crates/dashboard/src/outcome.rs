//! How requests end: a page, a change that was made, a problem with what to do about it, or another place to go to.

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use maud::Markup;
use model::{Error, ErrorKind};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// What a handler returns.
pub(crate) type Answer<T = Page> = Result<T, Problem>;

/// Characters of an address that need no mark inside a query.
const QUERY: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'/')
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

/// A text as a part of a query.
pub(crate) fn in_query(text: &str) -> String {
    utf8_percent_encode(text, QUERY).to_string()
}

/// A whole page, or its middle.
pub(crate) struct Page(pub Markup);

impl IntoResponse for Page {
    fn into_response(self) -> Response {
        html(StatusCode::OK, self.0)
    }
}

/// HTML as an answer.
pub(crate) fn html(status: StatusCode, markup: Markup) -> Response {
    (
        status,
        [(header::CONTENT_TYPE, "text/html; charset=utf-8")],
        markup.into_string(),
    )
        .into_response()
}

/// A change that was made.
#[derive(Debug, Clone)]
pub(crate) struct Done {
    /// The page to show next; without one the page stays, and tells of the change by itself (it is live).
    pub to: Option<String>,
    /// What to say.
    pub said: String,
    /// Only who is on a page below `to` goes there.
    pub is_back: bool,
}

impl Done {
    /// Says so, and the page stays.
    pub fn saying(said: impl Into<String>) -> Self {
        Self {
            to: None,
            said: said.into(),
            is_back: false,
        }
    }

    /// With another page next.
    pub fn then(mut self, to: impl Into<String>) -> Self {
        self.to = Some(to.into());
        self
    }

    /// Back to a list, for who is on a page below it, which is gone by now. Others stay where they are (the list itself, the
    /// topology).
    pub fn back_to(mut self, list: impl Into<String>) -> Self {
        self.is_back = true;
        self.then(list)
    }
}

/// The middleware around the pages writes it as the asker can read it (see [`crate::guard`]).
impl IntoResponse for Done {
    fn into_response(self) -> Response {
        let mut response = StatusCode::OK.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// Why something was not done.
#[derive(Debug, Clone)]
pub(crate) struct Problem {
    /// What the cloud said.
    pub error: Error,
    /// With which status.
    pub status: StatusCode,
    /// The request's id, which leads to its lines in the log.
    pub request_id: Option<String>,
}

impl Problem {
    /// The API refused.
    pub fn refused(error: Error, status: StatusCode, request_id: Option<String>) -> Self {
        Self {
            error,
            status,
            request_id,
        }
    }

    /// A bug of ours: the cause goes to the log, an id of it to the visitor.
    pub fn inside(cause: impl std::fmt::Display) -> Self {
        let request_id = format!("req-{}", uuid::Uuid::new_v4());
        tracing::error!(request.id = %request_id, "A page failed inside: {cause}");
        Self {
            error: Error::internal("InternalServerError", cause.to_string()),
            status: StatusCode::INTERNAL_SERVER_ERROR,
            request_id: Some(request_id),
        }
    }

    /// Something in the form must be mended, told before the cloud was asked.
    pub fn in_form(message: impl Into<String>) -> Self {
        Error::invalid("InvalidForm", message).into()
    }
}

/// A rule refused, asked without the API between.
impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        if error.kind == ErrorKind::Internal {
            return Self::inside(error);
        }
        let status = match error.kind {
            ErrorKind::NotFound => StatusCode::NOT_FOUND,
            ErrorKind::Forbidden => StatusCode::FORBIDDEN,
            ErrorKind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::UNPROCESSABLE_ENTITY,
        };
        Self {
            error,
            status,
            request_id: None,
        }
    }
}

/// As with [`Done`].
impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// Another place to go to.
#[derive(Debug, Clone)]
pub(crate) struct Away {
    to: String,
    /// Who asks must sign in first. A script is told so instead of being sent there: its page stays, with what was typed.
    pub needs_sign_in: bool,
}

impl Away {
    /// Inside the dashboard.
    pub fn to(address: impl Into<String>) -> Self {
        Self {
            to: address.into(),
            needs_sign_in: false,
        }
    }

    /// To sign in, and then back.
    pub fn to_sign_in(back: &str) -> Self {
        Self {
            to: match back {
                "/dashboard/" => "/dashboard/login".to_owned(),
                back => format!("/dashboard/login?next={}", in_query(back)),
            },
            needs_sign_in: true,
        }
    }
}

/// Tells a script where its page goes next: a redirect it would follow by itself, and put a whole page into a part of one.
pub(crate) const GO: HeaderName = HeaderName::from_static("hx-redirect");

impl IntoResponse for Away {
    fn into_response(self) -> Response {
        let mut response = Redirect::to(&self.to).into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// Written by [`crate::guard`] for a script: no redirect.
impl Away {
    pub fn for_script(&self) -> Response {
        if self.needs_sign_in {
            return StatusCode::UNAUTHORIZED.into_response();
        }
        let mut response = StatusCode::NO_CONTENT.into_response();
        if let Ok(value) = HeaderValue::from_str(&self.to) {
            response.headers_mut().insert(GO, value);
        }
        response
    }
}

/// An address that leads back into the dashboard, or its start: what came with a request is not believed.
pub(crate) fn inside(address: Option<&str>) -> String {
    let start = "/dashboard/";
    match address {
        Some(address)
            if address.starts_with(start)
                && !address.contains("//")
                && !address.contains('\\')
                && !address.contains("/../")
                && address.bytes().all(|byte| byte.is_ascii_graphic()) =>
        {
            address.to_owned()
        }
        _ => start.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirects_stay_inside() {
        assert_eq!(
            inside(Some("/dashboard/networks?search=a%20b")),
            "/dashboard/networks?search=a%20b"
        );
        for outside in [
            "https://evil.example/",
            "//evil.example/dashboard/",
            "/dashboard//evil.example",
            "/dashboard/\\evil.example",
            "/dashboard/../identity/v3",
            "/identity/v3",
            "/dashboard/\r\nset-cookie: a=b",
            "",
        ] {
            assert_eq!(inside(Some(outside)), "/dashboard/", "{outside}");
        }
        assert_eq!(inside(None), "/dashboard/");
    }
}
