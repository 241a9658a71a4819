//! Credentials: secrets that Keystone keeps for a user (`ec2`, `totp`, `cert` or anything else), and among them the pairs of
//! access and secret that sign requests of EC2's kind.
//!
//! A credential gives no more than whoever made it had: one made with an application credential or a trust is good for
//! the same and no more, which the row remembers; the text that users send can't say otherwise.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::common::{self, Budget, Progress};
use super::{ByToken, Project, User, application_credential, policy};
use crate::cloud::{Lookups, Row};
use crate::{Actor, Cloud, Error, ProjectId, Result, Tx, UserId};

/// A credential.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credential {
    /// Its id; of an `ec2` one the SHA-256 of its access key, so that it is found by that.
    pub id: String,
    /// Whose.
    pub user_id: UserId,
    /// Where an `ec2` one is good.
    #[serde(default)]
    pub project_id: Option<ProjectId>,
    /// What it is (`ec2`, `totp`, `cert` …).
    #[serde(rename = "type")]
    pub kind: String,
    /// The secret, as the user wrote it.
    pub blob: String,
    /// The application credential that it was made with: it is good for the same and no more.
    #[serde(default)]
    pub application_credential: Option<String>,
    /// The trust that it was made with.
    #[serde(default)]
    pub trust_id: Option<String>,
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credential")
            .field("id", &self.id)
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}

impl Row for Credential {
    type Id = String;
    const KIND: &'static str = "credential";
    crate::table!(Credential, credentials);
    fn id(&self) -> String {
        self.id.clone()
    }
    fn not_found(id: &String) -> Error {
        Error::not_found("CredentialNotFound", format!("Could not find credential: {id}."))
    }
    fn index(&self, lookups: &mut Lookups, present: bool) {
        lookups
            .credentials_by_user
            .set(self.user_id.clone(), self.id.clone(), present);
    }
}

/// The kind that signs requests.
pub const EC2: &str = "ec2";

/// So many may one user have.
const MAX_OF_USER: usize = 200;

/// No longer secret is taken, bytes.
const MAX_BLOB: usize = 65_535;

impl Credential {
    /// A text of the secret's JSON object.
    pub fn part(&self, name: &str) -> Option<String> {
        let blob: Value = serde_json::from_str(&self.blob).ok()?;
        blob[name].as_str().map(str::to_owned)
    }
}

/// What a request says of a new one.
#[derive(Clone)]
pub struct NewCredential {
    /// Its id, when the caller of this rule worked it out (of an `ec2` one); else one is made.
    pub id: Option<String>,
    /// Whose.
    pub user_id: UserId,
    /// Where an `ec2` one is good.
    pub project_id: Option<ProjectId>,
    /// What it is.
    pub kind: String,
    /// The secret.
    pub blob: String,
}

/// Whether the caller may have to do with a user's credentials.
fn require_own(actor: &Actor, user_id: &UserId, action: &str) -> Result<()> {
    if actor.user_id == *user_id {
        return Ok(());
    }
    policy::require_admin(actor, action)
}

fn check_blob(blob: &str) -> Result<()> {
    if blob.len() > MAX_BLOB {
        return Err(common::invalid("blob", format!("it is longer than {MAX_BLOB} bytes")));
    }
    Ok(())
}

/// Makes a credential.
///
/// # Errors
/// `Forbidden` for another user, by a restricted application credential or beyond the limit; `Invalid` for a bad kind,
/// secret, user or project; `Conflict` for an access key that is taken.
pub fn create_credential(
    tx: &mut Tx<'_>,
    actor: &Actor,
    by: &ByToken,
    wanted: NewCredential,
) -> Result<Arc<Credential>> {
    let cloud = tx.cloud();
    require_own(actor, &wanted.user_id, "identity:create_credential")?;
    application_credential::require_unrestricted(cloud, by)?;
    if wanted.kind.trim().is_empty() || wanted.kind.len() > 255 {
        return Err(common::invalid("type", "it has 1 to 255 characters"));
    }
    check_blob(&wanted.blob)?;
    cloud
        .get::<User>(&wanted.user_id)
        .map_err(|_| common::invalid("user_id", "there is no such user"))?;
    if let Some(project) = &wanted.project_id {
        cloud
            .get::<Project>(project)
            .map_err(|_| common::invalid("project_id", "there is no such project"))?;
    } else if wanted.kind == EC2 {
        return Err(common::invalid("project_id", "an 'ec2' credential needs one"));
    }
    if cloud.lookups.credentials_by_user.count(&wanted.user_id) >= MAX_OF_USER {
        return Err(policy::not_allowed(format!(
            "a user may have at most {MAX_OF_USER} credentials: delete one that is not needed"
        )));
    }
    if wanted.id.as_ref().is_some_and(|id| cloud.credentials.contains(id)) {
        return Err(common::conflict(
            "credential",
            "Duplicate entry: the access key is taken",
        ));
    }
    let id = wanted.id.unwrap_or_else(|| common::new_id(tx));
    Ok(tx.put(Credential {
        id,
        user_id: wanted.user_id,
        project_id: wanted.project_id,
        kind: wanted.kind,
        blob: wanted.blob,
        application_credential: by.application_credential.clone(),
        trust_id: by.trust.clone(),
    }))
}

/// The credential, if the caller may see it: its owner, the administrator, a reader of the system.
///
/// # Errors
/// `NotFound`, `Forbidden`.
pub fn show_credential(cloud: &Cloud, actor: &Actor, id: &str) -> Result<Arc<Credential>> {
    let row = policy::find::<Credential>(cloud, actor, &id.to_owned(), "identity:get_credential")?;
    if row.user_id != actor.user_id {
        policy::require_read(actor, None, "identity:get_credential")?;
    }
    Ok(row)
}

/// Those the caller may see.
pub fn list_credentials(cloud: &Cloud, actor: &Actor) -> Vec<Arc<Credential>> {
    let all = policy::may_read(actor, None);
    cloud
        .credentials
        .iter()
        .filter(|row| all || row.user_id == actor.user_id)
        .cloned()
        .collect()
}

/// What a request says of one that is there.
#[derive(Clone, Default)]
pub struct CredentialFields {
    /// The new secret.
    pub blob: Option<String>,
    /// What can't be changed, when it is sent along: user, project and kind.
    pub user_id: Option<UserId>,
    /// See `user_id`.
    pub project_id: Option<ProjectId>,
    /// See `user_id`.
    pub kind: Option<String>,
}

/// Changes the secret of a credential. Whose it is, where it is good and what it is stay as they were made: with another
/// user or project a credential would give somebody else's rights.
///
/// # Errors
/// `NotFound`, `Forbidden`, `Invalid`.
pub fn update_credential(
    tx: &mut Tx<'_>,
    actor: &Actor,
    by: &ByToken,
    id: &str,
    fields: CredentialFields,
) -> Result<Arc<Credential>> {
    let row = show_credential(tx.cloud(), actor, id)?;
    require_own(actor, &row.user_id, "identity:update_credential")?;
    application_credential::require_unrestricted(tx.cloud(), by)?;
    let fixed = [
        ("user_id", fields.user_id.is_some_and(|user| user != row.user_id)),
        (
            "project_id",
            fields.project_id.is_some() && fields.project_id != row.project_id,
        ),
        ("type", fields.kind.is_some_and(|kind| kind != row.kind)),
    ];
    if let Some((name, _)) = fixed.into_iter().find(|(_, changed)| *changed) {
        return Err(common::invalid(
            name,
            "it can't be changed: delete the credential and make another",
        ));
    }
    let Some(blob) = fields.blob else { return Ok(row) };
    check_blob(&blob)?;
    tx.update::<Credential>(&row.id, |row| row.blob = blob)
}

/// Deletes a credential.
///
/// # Errors
/// `NotFound`, `Forbidden`.
pub fn delete_credential(tx: &mut Tx<'_>, actor: &Actor, by: &ByToken, id: &str) -> Result<()> {
    let row = show_credential(tx.cloud(), actor, id)?;
    require_own(actor, &row.user_id, "identity:delete_credential")?;
    application_credential::require_unrestricted(tx.cloud(), by)?;
    tx.delete::<Credential>(&row.id);
    Ok(())
}

/// Deletes those of a user that goes.
pub(super) fn remove_of_user(tx: &mut Tx<'_>, user: &UserId, budget: &mut Budget) -> Progress {
    let ids: Vec<String> = tx.cloud().lookups.credentials_by_user.of(user).cloned().collect();
    remove_all(tx, ids, budget)
}

/// Deletes those that are good in a project that goes.
pub(super) fn remove_of_project(tx: &mut Tx<'_>, project: &ProjectId, budget: &mut Budget) -> Progress {
    let of_project = |row: &&Arc<Credential>| row.project_id.as_ref() == Some(project);
    let ids: Vec<String> = tx
        .cloud()
        .credentials
        .iter()
        .filter(of_project)
        .map(|row| row.id.clone())
        .collect();
    remove_all(tx, ids, budget)
}

fn remove_all(tx: &mut Tx<'_>, ids: Vec<String>, budget: &mut Budget) -> Progress {
    for id in ids {
        if !budget.spend() {
            return Progress::More;
        }
        tx.delete::<Credential>(&id);
    }
    Progress::Done
}
