//! Keystone's resources: who there is and what they may do.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::cloud::{Lookups, Row};
use crate::{DomainId, Error, InvalidId, ProjectId, RoleId, Timestamp, UserId};

/// A container of users and projects.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Domain {
    /// Its id (`default`, or 32 hexadecimal digits).
    pub id: DomainId,
    /// Unique name.
    pub name: String,
    /// Free text.
    pub description: String,
    /// A disabled domain's users can't sign in.
    pub enabled: bool,
    /// Labels.
    #[serde(default)]
    pub tags: BTreeSet<String>,
    /// Attributes users added.
    #[serde(default)]
    pub extra: BTreeMap<String, serde_json::Value>,
}

impl Row for Domain {
    type Id = DomainId;
    const KIND: &'static str = "domain";
    crate::table!(Domain, domains);
    fn id(&self) -> DomainId {
        self.id.clone()
    }
    fn not_found(id: &DomainId) -> Error {
        Error::not_found("DomainNotFound", format!("Could not find domain: {id}."))
    }
}

/// A project (tenant): owns everything else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Project {
    /// Its id.
    pub id: ProjectId,
    /// Unique in its domain.
    pub name: String,
    /// The domain.
    pub domain_id: DomainId,
    /// Its parent: another project, or `None` for a child of the domain.
    #[serde(default)]
    pub parent_id: Option<ProjectId>,
    /// Free text.
    pub description: String,
    /// Nobody gets a token for a disabled project.
    pub enabled: bool,
    /// Labels.
    #[serde(default)]
    pub tags: BTreeSet<String>,
    /// Attributes users added.
    #[serde(default)]
    pub extra: BTreeMap<String, serde_json::Value>,
}

impl Row for Project {
    type Id = ProjectId;
    const KIND: &'static str = "project";
    crate::table!(Project, projects);
    fn id(&self) -> ProjectId {
        self.id.clone()
    }
    fn not_found(id: &ProjectId) -> Error {
        Error::not_found("ProjectNotFound", format!("Could not find project: {id}."))
    }
    fn index(&self, lookups: &mut Lookups, present: bool) {
        lookups.projects_by_name.set(
            (self.domain_id.clone(), self.name.to_lowercase()),
            self.id.clone(),
            present,
        );
    }
}

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
        lookups.users_by_name.set(
            (self.domain_id.clone(), self.name.to_lowercase()),
            self.id.clone(),
            present,
        );
    }
}

/// A role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Role {
    /// Its id.
    pub id: RoleId,
    /// Unique (in its domain, for a domain's own role).
    pub name: String,
    /// The domain of a domain's own role.
    #[serde(default)]
    pub domain_id: Option<DomainId>,
    /// Free text.
    #[serde(default)]
    pub description: Option<String>,
    /// Keystone's per-role options (`immutable`).
    #[serde(default)]
    pub options: BTreeMap<String, serde_json::Value>,
}

impl Row for Role {
    type Id = RoleId;
    const KIND: &'static str = "role";
    crate::table!(Role, roles);
    fn id(&self) -> RoleId {
        self.id.clone()
    }
    fn not_found(id: &RoleId) -> Error {
        Error::not_found("RoleNotFound", format!("Could not find role: {id}."))
    }
}

/// A key made of several parts, written `a/b/c` in the store.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct JoinedKey(pub Vec<String>);

impl fmt::Display for JoinedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("/"))
    }
}

impl FromStr for JoinedKey {
    type Err = InvalidId;
    fn from_str(s: &str) -> Result<Self, InvalidId> {
        Ok(Self(s.split('/').map(str::to_owned).collect()))
    }
}

/// Whoever has role `prior` has role `implied` too.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleImplication {
    /// The role that brings the other.
    pub prior: RoleId,
    /// The role that comes with it.
    pub implied: RoleId,
}

impl Row for RoleImplication {
    type Id = JoinedKey;
    const KIND: &'static str = "role_implication";
    crate::table!(RoleImplication, role_implications);
    fn id(&self) -> JoinedKey {
        JoinedKey(vec![self.prior.to_string(), self.implied.to_string()])
    }
    fn not_found(id: &JoinedKey) -> Error {
        Error::not_found("ImpliedRoleNotFound", format!("Could not find implied role: {id}."))
    }
}

/// Where a role is held.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AssignmentTarget {
    /// In a project.
    Project(ProjectId),
    /// In a domain.
    Domain(DomainId),
    /// In the whole cloud.
    System,
}

/// Who holds a role where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assignment {
    /// The holder.
    pub user_id: UserId,
    /// Where.
    pub target: AssignmentTarget,
    /// The role.
    pub role_id: RoleId,
    /// Held in every project below the target instead of in the target itself (OS-INHERIT).
    #[serde(default)]
    pub inherited: bool,
}

impl Row for Assignment {
    type Id = JoinedKey;
    const KIND: &'static str = "assignment";
    crate::table!(Assignment, assignments);
    fn id(&self) -> JoinedKey {
        let target = match &self.target {
            AssignmentTarget::Project(id) => format!("project:{id}"),
            AssignmentTarget::Domain(id) => format!("domain:{id}"),
            AssignmentTarget::System => "system".to_owned(),
        };
        let reach = if self.inherited { "inherited" } else { "direct" };
        JoinedKey(vec![
            self.user_id.to_string(),
            target,
            self.role_id.to_string(),
            reach.to_owned(),
        ])
    }
    fn not_found(id: &JoinedKey) -> Error {
        let part = |i: usize| id.0.get(i).cloned().unwrap_or_default();
        Error::not_found(
            "RoleAssignmentNotFound",
            format!(
                "Could not find role assignment with role: {}, user: {}, target: {}.",
                part(2),
                part(0),
                part(1)
            ),
        )
    }
}

/// A set of tokens that are no longer good: those that match every field that is given and were issued before `issued_before`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revocation {
    /// A number of its own: 32 hexadecimal digits.
    pub id: String,
    /// One token, by its audit id.
    #[serde(default)]
    pub audit_id: Option<String>,
    /// One chain of tokens, by the first one's audit id.
    #[serde(default)]
    pub audit_chain_id: Option<String>,
    /// All tokens of a user.
    #[serde(default)]
    pub user_id: Option<UserId>,
    /// All tokens for a project.
    #[serde(default)]
    pub project_id: Option<ProjectId>,
    /// All tokens of or for a domain.
    #[serde(default)]
    pub domain_id: Option<DomainId>,
    /// All tokens that carry a role.
    #[serde(default)]
    pub role_id: Option<RoleId>,
    /// Tokens issued up to here.
    pub issued_before: Timestamp,
    /// When it was entered.
    pub revoked_at: Timestamp,
    /// When even the youngest token it concerns has expired, and the row can go.
    pub forget_at: Timestamp,
}

impl Row for Revocation {
    type Id = String;
    const KIND: &'static str = "revocation";
    crate::table!(Revocation, revocations);
    fn id(&self) -> String {
        self.id.clone()
    }
    fn not_found(id: &String) -> Error {
        Error::not_found("NotFound", format!("Could not find revocation event: {id}."))
    }
}

/// A key that tokens are sealed with. The youngest seals; older ones still open, until they are dropped by rotation.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenKey {
    /// Counts up with each rotation.
    pub id: u64,
    /// 32 secret bytes, base64.
    pub secret: String,
    /// When it was made.
    pub created_at: Timestamp,
}

impl fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenKey").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Row for TokenKey {
    type Id = u64;
    const KIND: &'static str = "token_key";
    crate::table!(TokenKey, token_keys);
    fn id(&self) -> u64 {
        self.id
    }
    fn not_found(id: &u64) -> Error {
        Error::not_found("NotFound", format!("Could not find token key: {id}."))
    }
}
