//! What a handler gets besides the request's own words: the caller and the cloud.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use control::Control;
use control::auth::Token;
use model::{Actor, Cloud, Error, ProjectId, Result, Tx};

use crate::app::App;
use crate::fault::Fault;

/// A request's context. Taking it as an argument is only possible behind a route's [`crate::Access`] check.
#[derive(Clone)]
pub struct Ctx {
    app: Arc<App>,
    token: Arc<Token>,
    request_id: RequestId,
    base_url: Arc<str>,
}

/// `req-<uuid>`: on every answer and every log line of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestId(pub uuid::Uuid);

impl std::fmt::Display for RequestId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "req-{}", self.0.hyphenated())
    }
}

impl Ctx {
    pub(crate) fn new(app: Arc<App>, token: Arc<Token>, request_id: RequestId, base_url: Arc<str>) -> Self {
        Self {
            app,
            token,
            request_id,
            base_url,
        }
    }

    /// Who asks.
    pub fn actor(&self) -> &Actor {
        &self.token.actor
    }

    /// The token they came with.
    pub fn token(&self) -> &Arc<Token> {
        &self.token
    }

    /// The project the token is scoped to.
    ///
    /// # Errors
    /// `Forbidden` for a token without a project.
    pub fn project_id(&self) -> Result<&ProjectId> {
        self.actor().project_id().ok_or_else(|| {
            Error::forbidden(
                "PolicyNotAuthorized",
                "This needs a token scoped to a project (`--os-project-name`).",
            )
        })
    }

    /// The newest published cloud: a consistent snapshot.
    pub fn cloud(&self) -> Arc<Cloud> {
        self.control().cloud()
    }

    /// The running cloud.
    pub fn control(&self) -> &Control {
        &self.app.control
    }

    /// The application.
    pub fn app(&self) -> &Arc<App> {
        &self.app
    }

    /// This request's id.
    pub fn request_id(&self) -> &RequestId {
        &self.request_id
    }

    /// Scheme, host and port the client used, without a slash at the end: links begin with it.
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// Runs a rule for this caller and commits what it changed (see [`Control::transact`]).
    pub async fn transact<T, F>(&self, rule: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut Tx<'_>, &Actor) -> Result<T> + Send + 'static,
    {
        let token = self.token.clone();
        self.control().transact(move |tx| rule(tx, &token.actor)).await
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Ctx {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Fault> {
        parts.extensions.get::<Self>().cloned().ok_or_else(|| {
            Fault(Error::internal(
                "InternalServerError",
                "a handler with a Ctx stands behind a public route",
            ))
        })
    }
}
