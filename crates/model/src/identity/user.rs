//! Users: who can sign in.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::cloud::{Lookups, Row};
use crate::{DomainId, Error, ProjectId, Timestamp, UserId};

/// A user.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// Its id.
    pub id: UserId,
    /// Unique in its domain.
    pub name: String,
    /// The domain.
    pub domain_id: DomainId,
    /// Free text.
    #[serde(default)]
    pub description: Option<String>,
    /// E-mail address.
    #[serde(default)]
    pub email: Option<String>,
    /// The project a token is scoped to when none is named.
    #[serde(default)]
    pub default_project_id: Option<ProjectId>,
    /// A disabled user can't sign in.
    pub enabled: bool,
    /// Argon2 hash in PHC form; `None`: no password.
    #[serde(default)]
    pub password_hash: Option<String>,
    /// When the password was set; tokens issued before it are no longer good.
    #[serde(default)]
    pub password_created_at: Option<Timestamp>,
    /// Keystone's per-user options.
    #[serde(default)]
    pub options: BTreeMap<String, serde_json::Value>,
    /// Attributes users added.
    #[serde(default)]
    pub extra: BTreeMap<String, serde_json::Value>,
}

impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("User")
            .field("id", &self.id)
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl Row for User {
    type Id = UserId;
    const KIND: &'static str = "user";
    crate::table!(User, users);
    fn id(&self) -> UserId {
        self.id.clone()
    }
    fn not_found(id: &UserId) -> Error {
        Error::not_found("UserNotFound", format!("Could not find user: {id}."))
    }
    fn index(&self, lookups: &mut Lookups, present: bool) {
        lookups.identity_generation += 1;
        lookups.users_by_name.set(
            (self.domain_id.clone(), self.name.to_lowercase()),
            self.id.clone(),
            present,
        );
    }
}
