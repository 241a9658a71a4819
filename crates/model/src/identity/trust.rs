//! Trusts: a user (the trustor) lets another (the trustee) act with some of their roles in one project.
//!
//! A token on a trust never gives more than the trustor holds at that moment, and ends with the trust, with any trust
//! that it was passed on from, and with either of the two users.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::common::{self, Budget, Progress};
use super::{AssignmentTarget, ByToken, Project, User, application_credential, assignment, policy, role};
use crate::cloud::{Lookups, Row};
use crate::{Actor, Cloud, Error, ProjectId, Result, RoleId, Timestamp, Tx, UserId};

/// A trust.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trust {
    /// Its id: 32 hexadecimal digits.
    pub id: String,
    /// Who lets another act for them.
    pub trustor_user_id: UserId,
    /// Who may.
    pub trustee_user_id: UserId,
    /// Where.
    pub project_id: ProjectId,
    /// Whether tokens speak for the trustor; else for the trustee, with the trustor's roles.
    pub impersonation: bool,
    /// The roles that are lent.
    pub role_ids: BTreeSet<RoleId>,
    /// When it ends; `None`: never.
    #[serde(default)]
    pub expires_at: Option<Timestamp>,
    /// How many more tokens may be issued on it; `None`: any number.
    #[serde(default)]
    pub remaining_uses: Option<u64>,
    /// How many more times it may be passed on.
    #[serde(default)]
    pub redelegation_count: u32,
    /// The trust it was passed on from.
    #[serde(default)]
    pub redelegated_trust_id: Option<String>,
}

impl Row for Trust {
    type Id = String;
    const KIND: &'static str = "trust";
    crate::table!(Trust, trusts);
    fn id(&self) -> String {
        self.id.clone()
    }
    fn not_found(id: &String) -> Error {
        Error::not_found("TrustNotFound", format!("Could not find trust: {id}."))
    }
    fn index(&self, lookups: &mut Lookups, present: bool) {
        lookups.identity_generation += 1;
        for user in [&self.trustor_user_id, &self.trustee_user_id] {
            lookups.trusts_by_user.set(user.clone(), self.id.clone(), present);
        }
    }
}

/// So many times may a trust be passed on (Keystone's `max_redelegation_count`).
pub const MAX_REDELEGATION: u32 = 3;

/// So many trusts may a user have given or been given.
const MAX_OF_USER: usize = 500;

impl Trust {
    /// Whom a token on it speaks for.
    pub fn speaks_for(&self) -> &UserId {
        if self.impersonation {
            &self.trustor_user_id
        } else {
            &self.trustee_user_id
        }
    }

    /// Whether it can be seen and used for a token.
    fn is_usable(&self, now: Timestamp) -> bool {
        self.expires_at.is_none_or(|end| now < end) && self.remaining_uses != Some(0)
    }
}

/// The roles that a token on this trust gives now; `None` when it gives none any more.
pub(super) fn roles_of_trust(cloud: &Cloud, id: &str, now: Timestamp) -> Option<(Arc<Trust>, BTreeSet<RoleId>)> {
    let trust = cloud.find::<Trust>(&id.to_owned())?.clone();
    let can_sign_in = |id: &UserId| {
        let user = cloud.users.get(id).filter(|user| user.enabled);
        user.is_some_and(|user| cloud.domains.get(&user.domain_id).is_some_and(|domain| domain.enabled))
    };
    let mut above = Some(trust.clone());
    for _ in 0..=MAX_REDELEGATION {
        let Some(link) = above else { break };
        let holds = link.expires_at.is_none_or(|end| now < end)
            && can_sign_in(&link.trustor_user_id)
            && can_sign_in(&link.trustee_user_id);
        if !holds {
            return None;
        }
        above = match &link.redelegated_trust_id {
            Some(id) => Some(cloud.find::<Trust>(id)?.clone()),
            None => None,
        };
    }
    let target = AssignmentTarget::Project(trust.project_id.clone());
    let held = assignment::effective_roles(cloud, &trust.trustor_user_id, &target);
    // Like Keystone: when the trustor has lost one of the roles, the trust as a whole is void.
    if !trust.role_ids.is_subset(&held) {
        return None;
    }
    let given = role::with_implied(cloud, trust.role_ids.iter().cloned());
    Some((trust, held.into_iter().filter(|role| given.contains(role)).collect()))
}

/// What a request says of a new trust.
#[derive(Debug, Clone)]
pub struct NewTrust {
    /// Who lets another act for them: the caller.
    pub trustor_user_id: UserId,
    /// Who may.
    pub trustee_user_id: UserId,
    /// Where.
    pub project_id: Option<ProjectId>,
    /// Whether tokens speak for the trustor.
    pub impersonation: bool,
    /// The roles that are lent.
    pub role_ids: BTreeSet<RoleId>,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
    /// How many tokens may be issued on it.
    pub remaining_uses: Option<u64>,
    /// Whether the trustee may pass it on.
    pub allow_redelegation: bool,
    /// How many times.
    pub redelegation_count: Option<u32>,
}

/// Makes a trust.
///
/// # Errors
/// `Forbidden` when the caller is not the trustor, lacks a role, or came with a trust that may not be passed on;
/// `NotFound` for a user or project there is not; `Invalid` for a bad time or number.
pub fn create_trust(tx: &mut Tx<'_>, actor: &Actor, by: &ByToken, wanted: NewTrust) -> Result<Arc<Trust>> {
    if actor.user_id != wanted.trustor_user_id {
        return Err(policy::forbidden("identity:create_trust"));
    }
    let cloud = tx.cloud();
    application_credential::require_unrestricted(cloud, by)?;
    cloud.get::<User>(&wanted.trustee_user_id)?;
    let project_id = wanted
        .project_id
        .clone()
        .ok_or_else(|| common::invalid("project_id", "a trust is for one project"))?;
    cloud.get::<Project>(&project_id)?;
    if wanted.expires_at.is_some_and(|end| end <= tx.now()) {
        return Err(common::invalid("expires_at", "it is in the past"));
    }
    if wanted.remaining_uses == Some(0) {
        return Err(common::invalid("remaining_uses", "it must be at least 1"));
    }
    let target = AssignmentTarget::Project(project_id.clone());
    let held = assignment::effective_roles(cloud, &wanted.trustor_user_id, &target);
    // A limited token lends no more than it has itself.
    let limited = by.application_credential.is_some() || by.trust.is_some();
    let lendable = |role: &RoleId| held.contains(role) && (!limited || by.role_ids.contains(role));
    if wanted.role_ids.is_empty() || !wanted.role_ids.iter().all(lendable) {
        return Err(policy::not_allowed(
            "a trust lends roles that the trustor holds in the project, and at least one",
        ));
    }
    let count = [&wanted.trustor_user_id, &wanted.trustee_user_id]
        .map(|user| cloud.lookups.trusts_by_user.count(user))
        .into_iter()
        .max();
    if count >= Some(MAX_OF_USER) {
        return Err(policy::not_allowed(format!(
            "a user may have at most {MAX_OF_USER} trusts"
        )));
    }
    let redelegation_count = redelegation(cloud, by, &wanted, &project_id)?;
    let id = common::new_id(tx);
    Ok(tx.put(Trust {
        id,
        trustor_user_id: wanted.trustor_user_id,
        trustee_user_id: wanted.trustee_user_id,
        project_id,
        impersonation: wanted.impersonation,
        role_ids: wanted.role_ids,
        expires_at: wanted.expires_at,
        remaining_uses: wanted.remaining_uses,
        redelegation_count,
        redelegated_trust_id: by.trust.clone(),
    }))
}

/// How many times the new trust may be passed on, and whether it may be made of the one the caller came with.
fn redelegation(cloud: &Cloud, by: &ByToken, wanted: &NewTrust, project_id: &ProjectId) -> Result<u32> {
    let asked = match (wanted.allow_redelegation, wanted.redelegation_count) {
        (false, _) => 0,
        (true, count) => count.unwrap_or(MAX_REDELEGATION),
    };
    if asked > 0 && wanted.remaining_uses.is_some() {
        return Err(common::invalid(
            "remaining_uses",
            "it can't be set when the trust may be passed on",
        ));
    }
    let refuse = |why: &str| Err(policy::not_allowed(why));
    let Some(from) = &by.trust else {
        if asked > MAX_REDELEGATION {
            return refuse(&format!("a trust may be passed on at most {MAX_REDELEGATION} times"));
        }
        return Ok(asked);
    };
    let from = cloud.get::<Trust>(from)?;
    if from.redelegation_count == 0 || !from.impersonation {
        return refuse("the trust of this token may not be passed on");
    }
    if asked >= from.redelegation_count {
        return refuse("the new trust may be passed on fewer times than the one it comes from");
    }
    if from.project_id != *project_id
        || !wanted
            .role_ids
            .is_subset(&role::with_implied(cloud, from.role_ids.iter().cloned()))
    {
        return refuse("a trust passed on lends no other roles, and in the same project");
    }
    let later = match (from.expires_at, wanted.expires_at) {
        (Some(end), Some(asked)) => asked > end,
        (Some(_), None) => true,
        (None, _) => false,
    };
    if later {
        return refuse("a trust passed on ends no later than the one it comes from");
    }
    Ok(asked)
}

/// The trust, if the caller may see it: its two users, the administrator, a reader of the system.
///
/// # Errors
/// `NotFound`, also for one that has ended or is used up; `Forbidden`.
pub fn show_trust(cloud: &Cloud, actor: &Actor, id: &str, now: Timestamp, action: &str) -> Result<Arc<Trust>> {
    let id = id.to_owned();
    let trust = cloud.get::<Trust>(&id)?;
    let own = [&trust.trustor_user_id, &trust.trustee_user_id].contains(&&actor.user_id);
    if !own && !policy::may_read(actor, None) {
        return Err(policy::forbidden(action));
    }
    if !trust.is_usable(now) {
        return Err(Trust::not_found(&id));
    }
    Ok(trust)
}

/// The usable trusts of a trustor or a trustee, or all. Each may list their own; everybody's, the administrator and a
/// reader of the system.
///
/// # Errors
/// `Forbidden`.
pub fn list_trusts(
    cloud: &Cloud,
    actor: &Actor,
    trustor: Option<&UserId>,
    trustee: Option<&UserId>,
    now: Timestamp,
) -> Result<Vec<Arc<Trust>>> {
    let own = [trustor, trustee].contains(&Some(&actor.user_id));
    if !own {
        policy::require_read(actor, None, "identity:list_trusts")?;
    }
    Ok(cloud
        .trusts
        .iter()
        .filter(|row| row.is_usable(now))
        .filter(|row| trustor.is_none_or(|id| row.trustor_user_id == *id))
        .filter(|row| trustee.is_none_or(|id| row.trustee_user_id == *id))
        .cloned()
        .collect())
}

/// Ends a trust and every trust passed on from it; tokens on them end with them.
///
/// # Errors
/// `NotFound`, `Forbidden`.
pub fn delete_trust(tx: &mut Tx<'_>, actor: &Actor, id: &str) -> Result<()> {
    let id = id.to_owned();
    let trust = tx.get::<Trust>(&id)?;
    if trust.trustor_user_id != actor.user_id {
        policy::require_admin(actor, "identity:delete_trust")?;
    }
    let mut going = vec![id];
    while let Some(id) = going.pop() {
        let below = tx.cloud().trusts.iter();
        going.extend(
            below
                .filter(|row| row.redelegated_trust_id.as_ref() == Some(&id))
                .map(|row| row.id.clone()),
        );
        tx.delete::<Trust>(&id);
    }
    Ok(())
}

/// Takes one use for a token that the trustee asks for; gives the trust.
///
/// # Errors
/// `Forbidden` when the caller is not the trustee or the trust has no use left.
pub fn use_trust(tx: &mut Tx<'_>, trustee: &UserId, id: &str) -> Result<Arc<Trust>> {
    let now = tx.now();
    let trust = tx
        .cloud()
        .find::<Trust>(&id.to_owned())
        .filter(|trust| trust.is_usable(now) && trust.trustee_user_id == *trustee)
        .cloned()
        .ok_or_else(|| policy::forbidden("a token on this trust"))?;
    match trust.remaining_uses {
        None => Ok(trust),
        Some(left) => tx.update::<Trust>(&trust.id, |row| row.remaining_uses = Some(left.saturating_sub(1))),
    }
}

/// Deletes those of a user that goes.
pub(super) fn remove_of_user(tx: &mut Tx<'_>, user: &UserId, budget: &mut Budget) -> Progress {
    let ids: Vec<String> = tx.cloud().lookups.trusts_by_user.of(user).cloned().collect();
    remove_all(tx, ids, budget)
}

/// Deletes those for a project that goes.
pub(super) fn remove_of_project(tx: &mut Tx<'_>, project: &ProjectId, budget: &mut Budget) -> Progress {
    let rows = tx.cloud().trusts.iter();
    let ids = rows
        .filter(|row| row.project_id == *project)
        .map(|row| row.id.clone())
        .collect();
    remove_all(tx, ids, budget)
}

fn remove_all(tx: &mut Tx<'_>, ids: Vec<String>, budget: &mut Budget) -> Progress {
    for id in ids {
        if !budget.spend() {
            return Progress::More;
        }
        tx.delete::<Trust>(&id);
    }
    Progress::Done
}
