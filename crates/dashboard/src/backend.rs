//! The cloud's own API, called in this process.

use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use axum::response::Response;
use bytes::Bytes;
use http_body_util::BodyExt;
use model::{Error, ErrorKind};
use serde_json::Value;
use tower::ServiceExt;

use crate::outcome::Problem;
use crate::visit::Visit;

/// Largest answer that is read, bytes.
const ANSWER_LIMIT: usize = 64 << 20;

/// The microversions that the pages were written for.
const VERSIONS: &str = "compute 2.96, volume 3.70";

/// The API as a service, and how an answer of it tells why it refused.
#[derive(Clone)]
pub struct Backend {
    /// Every service, at its own path.
    pub router: Router,
    /// The error that an answer carries beside its body.
    pub error_of: fn(&Response) -> Option<Error>,
}

impl Visit {
    /// A request with a JSON body (or none, with `Value::Null`), as this visitor; the answer's JSON, `Null` when it has none.
    ///
    /// # Errors
    /// What the API refused, with its request id.
    pub async fn call(&self, method: Method, path: &str, body: Value) -> Result<Value, Problem> {
        let body = match body {
            Value::Null => Body::empty(),
            body => Body::from(body.to_string()),
        };
        self.send(method, path, "application/json", body).await
    }

    /// [`Self::call`] with `GET`.
    pub async fn get(&self, path: &str) -> Result<Value, Problem> {
        self.call(Method::GET, path, Value::Null).await
    }

    /// [`Self::call`] with `POST`.
    pub async fn post(&self, path: &str, body: Value) -> Result<Value, Problem> {
        self.call(Method::POST, path, body).await
    }

    /// [`Self::call`] with `PUT`.
    pub async fn put(&self, path: &str, body: Value) -> Result<Value, Problem> {
        self.call(Method::PUT, path, body).await
    }

    /// [`Self::call`] with `PATCH`.
    pub async fn patch(&self, path: &str, body: Value) -> Result<Value, Problem> {
        self.call(Method::PATCH, path, body).await
    }

    /// [`Self::call`] with `DELETE`.
    pub async fn delete(&self, path: &str) -> Result<Value, Problem> {
        self.call(Method::DELETE, path, Value::Null).await
    }

    /// [`Self::post`] with other microversions, for what newer ones no longer do.
    ///
    /// # Errors
    /// What the API refused, with its request id.
    pub async fn post_at(&self, versions: &str, path: &str, body: Value) -> Result<Value, Problem> {
        let body = Body::from(body.to_string());
        document(
            path,
            self.open_at(versions, Method::POST, path, "application/json", body)
                .await?,
        )
        .await
    }

    /// A request with any body.
    ///
    /// # Errors
    /// What the API refused, with its request id.
    pub async fn send(&self, method: Method, path: &str, content_type: &str, body: Body) -> Result<Value, Problem> {
        document(path, self.open(method, path, content_type, body).await?).await
    }

    /// As [`Self::send`], with the answer as it comes: for what is too large to be held (downloads).
    ///
    /// # Errors
    /// What the API refused, with its request id.
    pub async fn open(&self, method: Method, path: &str, content_type: &str, body: Body) -> Result<Response, Problem> {
        self.open_at(VERSIONS, method, path, content_type, body).await
    }

    async fn open_at(
        &self,
        versions: &str,
        method: Method,
        path: &str,
        content_type: &str,
        body: Body,
    ) -> Result<Response, Problem> {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("x-auth-token", self.secret())
            .header("openstack-api-version", versions)
            .header(header::CONTENT_TYPE, content_type)
            .header(header::ACCEPT, "application/json")
            .body(body)
            .map_err(|error| Problem::inside(format!("{path} is no path: {error}")))?;
        let backend = self.site().backend.clone();
        let answer = match backend.router.oneshot(request).await {
            Ok(answer) => answer,
            Err(never) => match never {},
        };
        let request_id = answer
            .headers()
            .get("x-openstack-request-id")
            .and_then(|value| value.to_str().ok())
            .map(str::to_owned);
        let status = answer.status();
        if let Some(error) = (backend.error_of)(&answer) {
            return Err(Problem::refused(error, status, request_id));
        }
        if status.is_client_error() || status.is_server_error() {
            let bytes = read(path, answer).await?;
            return Err(Problem::refused(plain_error(status, &bytes), status, request_id));
        }
        Ok(answer)
    }
}

/// An answer's JSON. One without a body, or with one that is no document (a key's text), says nothing that a page needs.
async fn document(path: &str, answer: Response) -> Result<Value, Problem> {
    Ok(serde_json::from_slice(&read(path, answer).await?).unwrap_or(Value::Null))
}

/// The whole of an answer.
async fn read(path: &str, answer: Response) -> Result<Bytes, Problem> {
    let body = http_body_util::Limited::new(answer.into_body(), ANSWER_LIMIT)
        .collect()
        .await;
    let body = body.map_err(|error| Problem::inside(format!("the answer of {path} can't be read: {error}")))?;
    Ok(body.to_bytes())
}

/// An error of the framework's own, which has no code.
fn plain_error(status: StatusCode, body: &[u8]) -> Error {
    let kind = match status {
        StatusCode::NOT_FOUND => ErrorKind::NotFound,
        StatusCode::CONFLICT => ErrorKind::Conflict,
        StatusCode::FORBIDDEN => ErrorKind::Forbidden,
        StatusCode::UNAUTHORIZED => ErrorKind::Unauthorized,
        StatusCode::PAYLOAD_TOO_LARGE => ErrorKind::OverLimit,
        StatusCode::SERVICE_UNAVAILABLE => ErrorKind::Unavailable,
        status if status.is_client_error() => ErrorKind::Invalid,
        _ => ErrorKind::Internal,
    };
    Error {
        kind,
        code: "HTTPError",
        message: String::from_utf8_lossy(&body[..body.len().min(2_000)]).into_owned(),
    }
}
