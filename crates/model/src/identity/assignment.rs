//! Role assignments: who holds a role where, and what follows from it.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Domain, Group, JoinedKey, Project, Role, User, policy, role};
use crate::cloud::{Lookups, Row};
use crate::{Actor, Cloud, DomainId, Error, GroupId, ProjectId, Result, RoleId, Tx, UserId};

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

/// Who holds a role: a user, or every member of a group.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Holder {
    /// One user.
    User(UserId),
    /// The members of a group.
    Group(GroupId),
}

/// Who holds a role where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assignment {
    /// Who.
    pub holder: Holder,
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
        let holder = match &self.holder {
            Holder::User(id) => format!("user:{id}"),
            Holder::Group(id) => format!("group:{id}"),
        };
        let target = match &self.target {
            AssignmentTarget::Project(id) => format!("project:{id}"),
            AssignmentTarget::Domain(id) => format!("domain:{id}"),
            AssignmentTarget::System => "system".to_owned(),
        };
        let reach = if self.inherited { "inherited" } else { "direct" };
        JoinedKey(vec![holder, target, self.role_id.to_string(), reach.to_owned()])
    }
    fn not_found(id: &JoinedKey) -> Error {
        let part = |i: usize| id.0.get(i).cloned().unwrap_or_default();
        Error::not_found(
            "RoleAssignmentNotFound",
            format!(
                "Could not find role assignment with role: {}, user or group: {}, project, domain, or system: {}.",
                part(2),
                part(0),
                part(1)
            ),
        )
    }
    fn index(&self, lookups: &mut Lookups, present: bool) {
        lookups.identity_generation += 1;
        let key = self.id();
        lookups
            .assignments_by_holder
            .set(self.holder.clone(), key.clone(), present);
        lookups
            .assignments_by_target
            .set(self.target.clone(), key.clone(), present);
        lookups.assignments_by_role.set(self.role_id.clone(), key, present);
    }
}

/// Every assignment that gives the user something: their own and those of their groups.
pub fn assignments_of<'a>(cloud: &'a Cloud, user: &UserId) -> impl Iterator<Item = &'a Assignment> + use<'a> {
    let groups = cloud.lookups.groups_by_user.of(user).cloned().map(Holder::Group);
    std::iter::once(Holder::User(user.clone()))
        .chain(groups)
        .flat_map(|holder| cloud.lookups.assignments_by_holder.of(&holder))
        .filter_map(|key| cloud.assignments.get(key).map(|row| &**row))
}

/// Whether the assignment gives its role in this very target: made there, or inherited from above.
pub fn reaches(cloud: &Cloud, assignment: &Assignment, target: &AssignmentTarget) -> bool {
    if !assignment.inherited {
        return assignment.target == *target;
    }
    let AssignmentTarget::Project(project) = target else {
        return false;
    };
    match &assignment.target {
        AssignmentTarget::Domain(domain) => cloud.projects.get(project).is_some_and(|p| p.domain_id == *domain),
        AssignmentTarget::Project(above) => super::project::ancestors(cloud, project).any(|p| p.id == *above),
        AssignmentTarget::System => false,
    }
}

/// The roles a user holds in a target, with inheritance and implication. A domain's own role counts only by what it
/// implies, as in Keystone's tokens.
pub fn effective_roles(cloud: &Cloud, user: &UserId, target: &AssignmentTarget) -> BTreeSet<RoleId> {
    let direct = assignments_of(cloud, user)
        .filter(|assignment| reaches(cloud, assignment, target))
        .map(|assignment| assignment.role_id.clone());
    let mut roles = role::with_implied(cloud, direct);
    roles.retain(|id| cloud.find::<Role>(id).is_some_and(|role| role.domain_id.is_none()));
    roles
}

impl AssignmentTarget {
    /// The domain it is in, or is.
    pub fn domain(&self, cloud: &Cloud) -> Option<DomainId> {
        match self {
            Self::Project(id) => cloud.projects.get(id).map(|project| project.domain_id.clone()),
            Self::Domain(id) => Some(id.clone()),
            Self::System => None,
        }
    }

    /// Insists that it exists.
    fn check(&self, cloud: &Cloud) -> Result<()> {
        match self {
            Self::Project(id) => cloud.get::<Project>(id).map(|_| ()),
            Self::Domain(id) => cloud.get::<Domain>(id).map(|_| ()),
            Self::System => Ok(()),
        }
    }
}

impl Holder {
    /// The domain the user or group is in.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn domain(&self, cloud: &Cloud) -> Result<DomainId> {
        match self {
            Self::User(id) => cloud.get::<User>(id).map(|user| user.domain_id.clone()),
            Self::Group(id) => cloud.get::<Group>(id).map(|group| group.domain_id.clone()),
        }
    }
}

/// Insists that the caller may read who holds what in a target.
///
/// # Errors
/// `NotFound`, `Forbidden`.
pub fn require_read_target(cloud: &Cloud, actor: &Actor, target: &AssignmentTarget, action: &str) -> Result<()> {
    if !policy::may_read(actor, target.domain(cloud).as_ref()) {
        return Err(policy::forbidden(action));
    }
    target.check(cloud)
}

fn require_assign(cloud: &Cloud, actor: &Actor, row: &Assignment, action: &str) -> Result<()> {
    // Who is no administrator learns nothing of what there is outside their own domain.
    if !actor.is_admin() {
        let domain = row.target.domain(cloud);
        let role = cloud.roles.get(&row.role_id).ok_or_else(|| policy::forbidden(action))?;
        let same_domain = row.holder.domain(cloud).ok() == domain && domain.is_some();
        if !(same_domain && policy::may_assign(actor, domain.as_ref(), role)) {
            return Err(policy::forbidden(action));
        }
    }
    row.target.check(cloud)
}

/// Gives a role; giving it again is no error.
///
/// # Errors
/// `NotFound` for the holder, the role or the target; `Forbidden`; `Invalid` for a domain's own role elsewhere.
pub fn create_assignment(tx: &mut Tx<'_>, actor: &Actor, row: Assignment) -> Result<()> {
    let cloud = tx.cloud();
    require_assign(cloud, actor, &row, "identity:create_grant")?;
    row.holder.domain(cloud)?;
    let role = cloud.get::<Role>(&row.role_id)?;
    if role.domain_id.is_some() && role.domain_id != row.target.domain(cloud) {
        return Err(Error::forbidden(
            "DomainSpecificRoleMismatch",
            format!("Role {} is of another domain than the target.", role.id),
        ));
    }
    if !cloud.assignments.contains(&row.id()) {
        tx.put(row);
    }
    Ok(())
}

/// Takes a role away.
///
/// # Errors
/// `NotFound` also when it was not held; `Forbidden`.
pub fn delete_assignment(tx: &mut Tx<'_>, actor: &Actor, row: &Assignment) -> Result<()> {
    require_assign(tx.cloud(), actor, row, "identity:revoke_grant")?;
    let key = row.id();
    tx.delete::<Assignment>(&key)
        .ok_or_else(|| Assignment::not_found(&key))?;
    policy::require_administrator(tx)
}

/// Whether a role is held.
///
/// # Errors
/// `NotFound` when it is not; `Forbidden`.
pub fn check_assignment(cloud: &Cloud, actor: &Actor, row: &Assignment) -> Result<()> {
    require_read_target(cloud, actor, &row.target, "identity:check_grant")?;
    row.holder.domain(cloud)?;
    cloud.get::<Role>(&row.role_id)?;
    cloud.get::<Assignment>(&row.id()).map(|_| ())
}

/// The roles that somebody was given in a target, without what follows from them.
///
/// # Errors
/// `NotFound`, `Forbidden`.
pub fn given_roles(
    cloud: &Cloud,
    actor: &Actor,
    holder: &Holder,
    target: &AssignmentTarget,
    inherited: bool,
) -> Result<Vec<Arc<Role>>> {
    require_read_target(cloud, actor, target, "identity:list_grants")?;
    holder.domain(cloud)?;
    Ok(cloud
        .lookups
        .assignments_by_holder
        .of(holder)
        .filter_map(|key| cloud.assignments.get(key))
        .filter(|row| row.target == *target && row.inherited == inherited)
        .filter_map(|row| cloud.roles.get(&row.role_id).cloned())
        .collect())
}

/// Projects in which a user holds any role, enabled ones and others.
pub fn projects_of<'a>(cloud: &'a Cloud, user: &'a UserId) -> impl Iterator<Item = &'a Arc<Project>> {
    let held: Vec<_> = assignments_of(cloud, user).collect();
    cloud.projects.iter().filter(move |project| {
        let target = AssignmentTarget::Project(project.id.clone());
        held.iter().any(|assignment| reaches(cloud, assignment, &target))
    })
}
