//! Application credentials: a secret of its own by which a program acts for a user in one project, with no more roles
//! than it was given, as long as the user still holds them.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::access_rule::{self, WantedRule};
use super::common::{self, Budget, Progress};
use super::{policy, role};
use crate::cloud::{Lookups, Row};
use crate::{Actor, Cloud, Error, ProjectId, Result, RoleId, Timestamp, Tx, UserId};

/// An application credential.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApplicationCredential {
    /// Its id: 32 hexadecimal digits.
    pub id: String,
    /// Unique among the user's.
    pub name: String,
    /// Whom it acts for.
    pub user_id: UserId,
    /// Where.
    pub project_id: ProjectId,
    /// Free text.
    #[serde(default)]
    pub description: Option<String>,
    /// The roles it was given, implied ones included.
    pub role_ids: BTreeSet<RoleId>,
    /// Argon2 hash of the secret in PHC form.
    pub secret_hash: String,
    /// When it ends; `None`: never.
    #[serde(default)]
    pub expires_at: Option<Timestamp>,
    /// Whether it may make and delete application credentials.
    #[serde(default)]
    pub unrestricted: bool,
    /// The rules one of which each of its requests must fit; none: no such limit.
    #[serde(default)]
    pub access_rules: Vec<String>,
}

impl fmt::Debug for ApplicationCredential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApplicationCredential")
            .field("id", &self.id)
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl Row for ApplicationCredential {
    type Id = String;
    const KIND: &'static str = "application_credential";
    crate::table!(ApplicationCredential, application_credentials);
    fn id(&self) -> String {
        self.id.clone()
    }
    fn not_found(id: &String) -> Error {
        Error::not_found(
            "ApplicationCredentialNotFound",
            format!("Could not find Application Credential: {id}."),
        )
    }
    fn index(&self, lookups: &mut Lookups, present: bool) {
        lookups.identity_generation += 1;
        lookups
            .application_credentials_by_user
            .set(self.user_id.clone(), self.id.clone(), present);
        lookups
            .application_credentials_by_project
            .set(self.project_id.clone(), self.id.clone(), present);
    }
}

impl ApplicationCredential {
    /// Of the roles that its user holds now, those it may use.
    pub(super) fn limit(&self, cloud: &Cloud, held: BTreeSet<RoleId>) -> BTreeSet<RoleId> {
        let given = role::with_implied(cloud, self.role_ids.iter().cloned());
        held.into_iter().filter(|role| given.contains(role)).collect()
    }
}

/// So many may one user have.
const MAX_OF_USER: usize = 100;

/// What a request says of a new one.
#[derive(Clone)]
pub struct NewApplicationCredential {
    /// Unique among the user's.
    pub name: String,
    /// Free text.
    pub description: Option<String>,
    /// The roles asked for; `None`: all of the token's.
    pub role_ids: Option<BTreeSet<RoleId>>,
    /// Argon2 hash of the secret.
    pub secret_hash: String,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
    /// Whether it may make and delete application credentials.
    pub unrestricted: bool,
    /// The requests it may make; none: any.
    pub access_rules: Vec<WantedRule>,
}

/// The token a request came with, as far as it matters here.
#[derive(Debug, Clone, Default)]
pub struct ByToken {
    /// The roles of the token: no credential gets others.
    pub role_ids: BTreeSet<RoleId>,
    /// The application credential it was issued on.
    pub application_credential: Option<String>,
    /// The trust it was issued on.
    pub trust: Option<String>,
}

/// A restricted credential makes and deletes no others, nor anything else that could sign in.
pub(super) fn require_unrestricted(cloud: &Cloud, by: &ByToken) -> Result<()> {
    let Some(id) = &by.application_credential else {
        return Ok(());
    };
    let unrestricted = cloud
        .application_credentials
        .get(id)
        .is_some_and(|row| row.unrestricted);
    if unrestricted {
        return Ok(());
    }
    Err(policy::not_allowed(
        "Using method 'application_credential' is not allowed for managing additional application credentials",
    ))
}

/// Makes one for the caller in the project of their token.
///
/// # Errors
/// `Forbidden` for another user, without a project, by a restricted credential or beyond the limit; `Invalid` for a bad
/// name, time or role; `Conflict` for a name that is taken.
pub fn create_application_credential(
    tx: &mut Tx<'_>,
    actor: &Actor,
    user_id: &UserId,
    by: &ByToken,
    wanted: NewApplicationCredential,
) -> Result<Arc<ApplicationCredential>> {
    let cloud = tx.cloud();
    let forbidden = || policy::forbidden("identity:create_application_credential");
    let project_id = actor.project_id().cloned().ok_or_else(forbidden)?;
    if actor.user_id != *user_id {
        return Err(forbidden());
    }
    require_unrestricted(cloud, by)?;
    common::check_name(&wanted.name, 255)?;
    let ids = &cloud.lookups.application_credentials_by_user;
    if ids.count(user_id) >= MAX_OF_USER {
        return Err(policy::not_allowed(format!(
            "a user may have at most {MAX_OF_USER} application credentials"
        )));
    }
    let taken = ids
        .of(user_id)
        .filter_map(|id| cloud.application_credentials.get(id))
        .any(|row| row.name == wanted.name);
    if taken {
        return Err(common::conflict(
            "application_credential",
            format!("Duplicate entry found with name {} for user {user_id}", wanted.name),
        ));
    }
    if wanted.expires_at.is_some_and(|end| end <= tx.now()) {
        return Err(common::invalid("expires_at", "it is in the past"));
    }
    let role_ids = match wanted.role_ids {
        None => by.role_ids.clone(),
        Some(roles) => role::with_implied(cloud, roles),
    };
    if role_ids.is_empty() || !role_ids.is_subset(&by.role_ids) {
        return Err(Error::invalid(
            "ApplicationCredentialValidationError",
            "Invalid application credential: Cannot create an application credential with unassigned role.",
        ));
    }
    // What speaks for somebody by a trust can't leave a way in that outlives the trust.
    if by.trust.is_some() {
        return Err(policy::forbidden("identity:create_application_credential"));
    }
    let access_rules = access_rule::resolve(tx, user_id, wanted.access_rules)?;
    let id = tx.new_id::<UserId>().to_string();
    Ok(tx.put(ApplicationCredential {
        id,
        name: wanted.name,
        user_id: user_id.clone(),
        project_id,
        description: wanted.description,
        role_ids,
        secret_hash: wanted.secret_hash,
        expires_at: wanted.expires_at,
        unrestricted: wanted.unrestricted,
        access_rules,
    }))
}

/// One of a user's, if the caller may see it: they themselves, the administrator and readers of the system.
///
/// # Errors
/// `NotFound`, `Forbidden`.
pub fn show_application_credential(
    cloud: &Cloud,
    actor: &Actor,
    user_id: &UserId,
    id: &str,
) -> Result<Arc<ApplicationCredential>> {
    require_own(actor, user_id, "identity:get_application_credential")?;
    cloud
        .get::<ApplicationCredential>(&id.to_owned())
        .ok()
        .filter(|row| row.user_id == *user_id)
        .ok_or_else(|| ApplicationCredential::not_found(&id.to_owned()))
}

/// All of a user's.
///
/// # Errors
/// `Forbidden`.
pub fn list_application_credentials(
    cloud: &Cloud,
    actor: &Actor,
    user_id: &UserId,
) -> Result<Vec<Arc<ApplicationCredential>>> {
    require_own(actor, user_id, "identity:list_application_credentials")?;
    Ok(cloud
        .lookups
        .application_credentials_by_user
        .of(user_id)
        .filter_map(|id| cloud.application_credentials.get(id).cloned())
        .collect())
}

fn require_own(actor: &Actor, user_id: &UserId, action: &str) -> Result<()> {
    if actor.user_id == *user_id {
        return Ok(());
    }
    policy::require_read(actor, None, action)
}

/// Deletes one; tokens issued on it end with it.
///
/// # Errors
/// `NotFound`; `Forbidden`, also by a restricted credential.
pub fn delete_application_credential(
    tx: &mut Tx<'_>,
    actor: &Actor,
    user_id: &UserId,
    by: &ByToken,
    id: &str,
) -> Result<()> {
    if actor.user_id != *user_id {
        policy::require_admin(actor, "identity:delete_application_credential")?;
    }
    require_unrestricted(tx.cloud(), by)?;
    let row = show_application_credential(tx.cloud(), actor, user_id, id)?;
    tx.delete::<ApplicationCredential>(&row.id);
    Ok(())
}

/// Deletes those of a user or a project that goes.
pub(super) fn remove_all(tx: &mut Tx<'_>, ids: Vec<String>, budget: &mut Budget) -> Progress {
    for id in ids {
        if !budget.spend() {
            return Progress::More;
        }
        tx.delete::<ApplicationCredential>(&id);
    }
    Progress::Done
}
