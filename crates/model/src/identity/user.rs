//! Users: who can sign in.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::common::{self, Budget, Progress};
use super::project::domain_of_token;
use super::{
    Domain, GroupMembership, Holder, RevocationTarget, access_rule, application_credential, credential, policy, revoke,
    trust,
};
use crate::cloud::{Lookups, Row};
use crate::{Actor, Cloud, DomainId, Error, GroupId, ProjectId, Result, Timestamp, Tx, UserId};

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
    /// Hashes of earlier passwords, the latest last, as far as their reuse is forbidden.
    #[serde(default)]
    pub password_history: Vec<String>,
    /// Wrong passwords in a row, where they are counted.
    #[serde(default)]
    pub failed_logins: u32,
    /// When the last one was tried.
    #[serde(default)]
    pub last_failed_login: Option<Timestamp>,
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

impl User {
    /// Whether an option is switched on for this user.
    pub fn has_option(&self, name: &str) -> bool {
        self.options.get(name) == Some(&true.into())
    }

    /// Replaces the password, keeping some of the hashes before it; whoever was locked out by the old one no longer is.
    fn set_password(&mut self, hash: Option<String>, now: Timestamp, history: usize) {
        self.password_history.extend(self.password_hash.take());
        let too_many = self.password_history.len().saturating_sub(history);
        self.password_history.drain(..too_many);
        self.password_hash = hash;
        self.password_created_at = Some(now);
        self.failed_logins = 0;
        self.last_failed_login = None;
    }
}

/// What a request says of a user; absent fields stay as they are.
#[derive(Clone, Default)]
pub struct UserFields {
    /// Unique in its domain.
    pub name: Option<String>,
    /// The domain; only at creation.
    pub domain_id: Option<DomainId>,
    /// Free text.
    pub description: Option<Option<String>>,
    /// E-mail address.
    pub email: Option<Option<String>>,
    /// The project a token is scoped to when none is named.
    pub default_project_id: Option<Option<ProjectId>>,
    /// Whether they can sign in.
    pub enabled: Option<bool>,
    /// Hash of a new password; `Some(None)` takes the password away.
    pub password_hash: Option<Option<String>>,
    /// So many hashes of earlier passwords are kept.
    pub history: usize,
    /// Keystone's per-user options.
    pub options: Option<BTreeMap<String, serde_json::Value>>,
    /// Attributes of the user's own.
    pub extra: BTreeMap<String, serde_json::Value>,
}

/// Keystone's options of users that are kept. Those for a second factor are not among them: what is not enforced must
/// not look as if it were.
const OPTIONS: [&str; 4] = [
    "ignore_change_password_upon_first_use",
    "ignore_password_expiry",
    "ignore_lockout_failure_attempts",
    LOCK_PASSWORD,
];

/// A user with this option can't change their own password.
const LOCK_PASSWORD: &str = "lock_password";

impl UserFields {
    fn apply(self, user: &mut User, now: Timestamp) -> Result<()> {
        if let Some(name) = self.name {
            common::check_name(&name, 255)?;
            user.name = name;
        }
        if let Some(description) = self.description {
            user.description = description;
        }
        if let Some(email) = self.email {
            user.email = email;
        }
        if let Some(project) = self.default_project_id {
            user.default_project_id = project;
        }
        if let Some(enabled) = self.enabled {
            user.enabled = enabled;
        }
        if let Some(hash) = self.password_hash {
            user.set_password(hash, now, self.history);
        }
        for (name, value) in self.options.unwrap_or_default() {
            match value {
                _ if !OPTIONS.contains(&name.as_str()) => {
                    return Err(common::invalid(
                        "options",
                        format!("this cloud has no option '{name}' for users"),
                    ));
                }
                serde_json::Value::Null => {
                    user.options.remove(&name);
                }
                serde_json::Value::Bool(_) => {
                    user.options.insert(name, value);
                }
                _ => return Err(common::invalid("options", format!("'{name}' must be a boolean"))),
            }
        }
        user.extra.extend(self.extra);
        Ok(())
    }
}

fn check_unique(tx: &Tx<'_>, user: &User) -> Result<()> {
    let key = (user.domain_id.clone(), user.name.to_lowercase());
    let holder = tx.cloud().lookups.users_by_name.first(&key);
    if holder.is_some_and(|id| *id != user.id) {
        return Err(common::conflict(
            "user",
            format!(
                "Duplicate entry found with name {} at domain ID {}",
                user.name, user.domain_id
            ),
        ));
    }
    Ok(())
}

/// A domain's id is not a project to sign in to.
fn check_default_project(tx: &Tx<'_>, user: &User) -> Result<()> {
    let as_domain = user.default_project_id.as_ref().map(|id| DomainId::from(id.as_str()));
    if as_domain.is_some_and(|id| tx.cloud().domains.contains(&id)) {
        return Err(common::invalid("default_project_id", "it is a domain"));
    }
    Ok(())
}

/// Makes a user.
///
/// # Errors
/// `Forbidden`; `Invalid` for a bad name, option or domain; `Conflict` for a name that is taken.
pub fn create_user(tx: &mut Tx<'_>, actor: &Actor, fields: UserFields) -> Result<Arc<User>> {
    let domain_id = fields
        .domain_id
        .clone()
        .map_or_else(|| domain_of_token(actor, "identity:create_user"), Ok)?;
    policy::require_manage(actor, Some(&domain_id), "identity:create_user")?;
    if !tx.cloud().domains.contains(&domain_id) {
        return Err(Domain::not_found(&domain_id));
    }
    let now = tx.now();
    let mut user = User {
        id: tx.new_id(),
        name: String::new(),
        domain_id,
        description: None,
        email: None,
        default_project_id: None,
        enabled: true,
        password_hash: None,
        password_created_at: None,
        password_history: Vec::new(),
        failed_logins: 0,
        last_failed_login: None,
        options: BTreeMap::new(),
        extra: BTreeMap::new(),
    };
    common::check_name(fields.name.as_deref().unwrap_or(""), 255)?;
    fields.apply(&mut user, now)?;
    check_unique(tx, &user)?;
    check_default_project(tx, &user)?;
    Ok(tx.put(user))
}

/// Changes a user; a new password or disabling them ends their tokens.
///
/// # Errors
/// `NotFound`, `Forbidden`, `Invalid`, `Conflict` as for [`create_user`].
pub fn update_user(tx: &mut Tx<'_>, actor: &Actor, id: &UserId, fields: UserFields) -> Result<Arc<User>> {
    let before = policy::find::<User>(tx.cloud(), actor, id, "identity:update_user")?;
    policy::require_manage(actor, Some(&before.domain_id), "identity:update_user")?;
    require_not_above(tx.cloud(), actor, id, "identity:update_user")?;
    if fields
        .domain_id
        .as_ref()
        .is_some_and(|domain| *domain != before.domain_id)
    {
        return Err(common::invalid("domain_id", "a user can't be moved to another domain"));
    }
    let mut user = User::clone(&before);
    fields.apply(&mut user, tx.now())?;
    check_unique(tx, &user)?;
    check_default_project(tx, &user)?;
    let new_password = user.password_hash != before.password_hash;
    let user = tx.put(user);
    if (before.enabled && !user.enabled) || new_password {
        revoke(tx, RevocationTarget::User(id.clone()));
        policy::require_administrator(tx)?;
    }
    Ok(user)
}

/// A domain's manager has no power over an administrator who happens to live in the domain: by a new password they
/// would become one.
fn require_not_above(cloud: &Cloud, actor: &Actor, id: &UserId, action: &str) -> Result<()> {
    if actor.is_admin() {
        return Ok(());
    }
    let is_admin = super::assignments_of(cloud, id)
        .map(|assignment| assignment.role_id.clone())
        .collect::<BTreeSet<_>>();
    let is_admin = super::with_implied(cloud, is_admin)
        .iter()
        .filter_map(|role| cloud.roles.get(role))
        .any(|role| role.domain_id.is_none() && role.name.eq_ignore_ascii_case("admin"));
    if is_admin {
        Err(policy::forbidden(action))
    } else {
        Ok(())
    }
}

/// A user's own change of password; the old one has been checked against `checked_hash`.
///
/// # Errors
/// `Unauthorized` when the password was changed in between; `Invalid` when it is locked.
pub fn change_own_password(
    tx: &mut Tx<'_>,
    id: &UserId,
    checked_hash: &str,
    new_hash: String,
    history: usize,
) -> Result<()> {
    let user = tx.get::<User>(id)?;
    if user.options.get(LOCK_PASSWORD) == Some(&true.into()) {
        return Err(Error::invalid(
            "PasswordSelfServiceDisabled",
            "You cannot change your password at this time due to password policy disallowing password changes.",
        ));
    }
    if user.password_hash.as_deref() != Some(checked_hash) {
        return Err(Error::unauthorized(
            "Unauthorized",
            "The request you have made requires authentication.",
        ));
    }
    let now = tx.now();
    tx.update::<User>(id, |user| {
        user.set_password(Some(new_hash), now, history);
    })?;
    revoke(tx, RevocationTarget::User(id.clone()));
    Ok(())
}

/// Keeps count of wrong passwords; those before a pause as long as the lockout are forgotten.
///
/// # Errors
/// `NotFound`.
pub fn count_failed_login(tx: &mut Tx<'_>, id: &UserId, window: i64) -> Result<()> {
    let now = tx.now();
    tx.update::<User>(id, |user| {
        let paused = user
            .last_failed_login
            .is_none_or(|last| now >= last.plus_seconds(window));
        user.failed_logins = if paused {
            1
        } else {
            user.failed_logins.saturating_add(1)
        };
        user.last_failed_login = Some(now);
    })?;
    Ok(())
}

/// Forgets wrong passwords, after a right one.
///
/// # Errors
/// `NotFound`.
pub fn forget_failed_logins(tx: &mut Tx<'_>, id: &UserId) -> Result<()> {
    tx.update::<User>(id, |user| {
        user.failed_logins = 0;
        user.last_failed_login = None;
    })?;
    Ok(())
}

/// Deletes a user with their roles and memberships, step by step.
///
/// # Errors
/// `NotFound`, `Forbidden`.
pub fn delete_user(tx: &mut Tx<'_>, actor: &Actor, id: &UserId) -> Result<Progress> {
    let user = policy::find::<User>(tx.cloud(), actor, id, "identity:delete_user")?;
    policy::require_manage(actor, Some(&user.domain_id), "identity:delete_user")?;
    require_not_above(tx.cloud(), actor, id, "identity:delete_user")?;
    let progress = remove(tx, id, &mut Budget::new());
    policy::require_administrator(tx)?;
    Ok(progress)
}

pub(super) fn remove(tx: &mut Tx<'_>, id: &UserId, budget: &mut Budget) -> Progress {
    let lookups = &tx.cloud().lookups;
    let credentials = lookups.application_credentials_by_user.of(id).cloned().collect();
    let assignments = lookups
        .assignments_by_holder
        .of(&Holder::User(id.clone()))
        .cloned()
        .collect();
    let groups: Vec<GroupId> = lookups.groups_by_user.of(id).cloned().collect();
    for group in groups {
        if !budget.spend() {
            return Progress::More;
        }
        let membership = GroupMembership {
            group_id: group,
            user_id: id.clone(),
        };
        tx.delete::<GroupMembership>(&membership.id());
    }
    if application_credential::remove_all(tx, credentials, budget) == Progress::More {
        return Progress::More;
    }
    for remove in [
        credential::remove_of_user,
        trust::remove_of_user,
        access_rule::remove_of_user,
    ] {
        if remove(tx, id, budget) == Progress::More {
            return Progress::More;
        }
    }
    if budget.delete_assignments(tx, assignments) == Progress::More || !budget.spend() {
        return Progress::More;
    }
    tx.delete::<User>(id);
    Progress::Done
}

/// The user, if the caller may see them: the administrator, a reader of the system or of their domain, and they
/// themselves.
///
/// # Errors
/// `NotFound`, `Forbidden`.
pub fn show_user(cloud: &Cloud, actor: &Actor, id: &UserId, action: &str) -> Result<Arc<User>> {
    let user = policy::find::<User>(cloud, actor, id, action)?;
    if actor.user_id != *id {
        policy::require_read(actor, Some(&user.domain_id), action)?;
    }
    Ok(user)
}
