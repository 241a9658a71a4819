//! Role assignments with all that follows from them: groups become their members, inherited roles become one for each
//! project below, and a role brings those it implies (`GET /v3/role_assignments?effective`).

use std::collections::BTreeSet;

use super::{Assignment, AssignmentTarget, Holder, project};
use crate::{Cloud, GroupId, RoleId};

/// Where an effective grant comes from, when it was not given just so.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Origin {
    /// The group whose member the user is.
    pub group: Option<GroupId>,
    /// The domain or project it is inherited from.
    pub inherited_from: Option<AssignmentTarget>,
    /// The role that brings this one.
    pub prior_role: Option<RoleId>,
}

/// Somebody has a role somewhere.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Grant {
    /// Who.
    pub holder: Holder,
    /// Where.
    pub target: AssignmentTarget,
    /// The role.
    pub role_id: RoleId,
    /// What it comes from.
    pub origin: Origin,
}

/// Every grant that an assignment gives in the end.
pub fn effective_grants(cloud: &Cloud, assignment: &Assignment) -> BTreeSet<Grant> {
    let mut grants = BTreeSet::new();
    let (holders, group) = match &assignment.holder {
        Holder::User(_) => (vec![assignment.holder.clone()], None),
        Holder::Group(id) => {
            let members = cloud.lookups.users_by_group.of(id).cloned().map(Holder::User);
            (members.collect(), Some(id.clone()))
        }
    };
    let targets = targets(cloud, assignment);
    let roles = roles(cloud, &assignment.role_id);
    for holder in &holders {
        for target in &targets {
            for (role_id, prior_role) in &roles {
                grants.insert(Grant {
                    holder: holder.clone(),
                    target: target.clone(),
                    role_id: role_id.clone(),
                    origin: Origin {
                        group: group.clone(),
                        inherited_from: assignment.inherited.then(|| assignment.target.clone()),
                        prior_role: prior_role.clone(),
                    },
                });
            }
        }
    }
    grants
}

fn targets(cloud: &Cloud, assignment: &Assignment) -> Vec<AssignmentTarget> {
    if !assignment.inherited {
        return vec![assignment.target.clone()];
    }
    cloud
        .projects
        .iter()
        .filter(|below| match &assignment.target {
            AssignmentTarget::Domain(domain) => below.domain_id == *domain,
            AssignmentTarget::Project(above) => {
                project::ancestors(cloud, &below.id).any(|ancestor| ancestor.id == *above)
            }
            AssignmentTarget::System => false,
        })
        .map(|below| AssignmentTarget::Project(below.id.clone()))
        .collect()
}

/// A role and what it brings, each with the role that brings it. A domain's own role counts only by what it brings.
fn roles(cloud: &Cloud, role: &RoleId) -> Vec<(RoleId, Option<RoleId>)> {
    let mut seen = BTreeSet::from([role.clone()]);
    let mut all = vec![(role.clone(), None)];
    let mut next = 0;
    while let Some((prior, _)) = all.get(next).cloned() {
        for implied in cloud.lookups.implied_roles.of(&prior) {
            if seen.insert(implied.clone()) {
                all.push((implied.clone(), Some(prior.clone())));
            }
        }
        next += 1;
    }
    all.retain(|(id, _)| cloud.roles.get(id).is_some_and(|role| role.domain_id.is_none()));
    all
}
