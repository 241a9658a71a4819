//! Answers of handlers.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::fault::Fault;

/// What every handler returns.
pub type Reply = Result<Response, Fault>;

/// 200 with a document.
pub fn json<T: Serialize>(body: &T) -> Reply {
    status(StatusCode::OK, body)
}

/// 201 with a document.
pub fn created<T: Serialize>(body: &T) -> Reply {
    status(StatusCode::CREATED, body)
}

/// 204, empty.
pub fn no_content() -> Reply {
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Any status with a document.
pub fn status<T: Serialize>(status: StatusCode, body: &T) -> Reply {
    let body = serde_json::to_vec(body).map_err(|error| {
        Fault(model::Error::internal(
            "InternalServerError",
            format!("an answer can't be written as JSON: {error}"),
        ))
    })?;
    Ok((status, [(axum::http::header::CONTENT_TYPE, "application/json")], body).into_response())
}
