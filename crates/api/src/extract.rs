//! JSON bodies: whatever is wrong with one becomes a 400 in the service's own shape, with a word on where.

use axum::body::Body;
use axum::extract::{FromRequest, Request};
use axum::http::header::CONTENT_TYPE;
use bytes::Bytes;
use http_body_util::{BodyExt, Limited};
use model::Error;
use serde::de::DeserializeOwned;

use crate::fault::Fault;

/// The largest JSON body, bytes: Nova's default (`max_request_body_size`).
const BODY_LIMIT: usize = 114_688;

/// A JSON body of the given shape.
pub struct Wire<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Wire<T> {
    type Rejection = Fault;

    async fn from_request(request: Request, _state: &S) -> Result<Self, Fault> {
        let is_json = request
            .headers()
            .get(CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .is_none_or(|value| value.split(';').next().unwrap_or("").trim().ends_with("json"));
        if !is_json {
            return Err(Fault(Error::invalid(
                "HTTPUnsupportedMediaType",
                "The body must be JSON: send 'Content-Type: application/json'.",
            )));
        }
        parse(&collect(request.into_body()).await?).map(Self)
    }
}

/// A whole body, at most [`BODY_LIMIT`] of it.
pub(crate) async fn collect(body: Body) -> Result<Bytes, Fault> {
    let body = Limited::new(body, BODY_LIMIT).collect().await.map_err(|error| {
        if error.is::<http_body_util::LengthLimitError>() {
            Fault(Error::over_limit(
                "RequestTooLarge",
                format!("The body is larger than {BODY_LIMIT} bytes."),
            ))
        } else {
            Fault(Error::invalid(
                "HTTPBadRequest",
                "The body could not be read to its end.",
            ))
        }
    })?;
    Ok(body.to_bytes())
}

/// Parses JSON, saying where it goes wrong.
pub(crate) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Fault> {
    serde_json::from_slice(bytes).map_err(|error| {
        let message = match error.classify() {
            serde_json::error::Category::Data => format!("Invalid input: {error}"),
            _ => format!("Malformed request body: {error}"),
        };
        Fault(Error::invalid("HTTPBadRequest", message))
    })
}
