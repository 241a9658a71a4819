//! Role assignments: who holds a role where, and what follows from it.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{JoinedKey, Role, role};
use crate::cloud::{Lookups, Row};
use crate::{Cloud, DomainId, Error, GroupId, ProjectId, RoleId, UserId};

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
