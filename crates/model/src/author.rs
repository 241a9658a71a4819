//! On whose behalf a change was made: carried beside a transaction by who runs it, never looked at by a rule.

use serde::{Deserialize, Serialize};

use crate::{ProjectId, UserId};

/// Who is behind a transaction.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Author {
    /// Somebody, by a request to the API.
    Request(Requester),
    /// The host, by what it reported.
    Host,
    /// The cloud's own work in the background.
    #[default]
    Cloud,
}

/// Somebody who sent a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Requester {
    /// The user.
    pub user_id: UserId,
    /// The project of the token; `None`: it was for a domain or the whole cloud.
    pub project_id: Option<ProjectId>,
    /// Whether it had role `admin`.
    pub is_admin: bool,
    /// The request's id (`req-…`), as its answer told it.
    pub request_id: String,
    /// Its method.
    pub method: String,
    /// Its path, without the query.
    pub path: String,
}
