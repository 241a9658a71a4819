//! Who may do what with Keystone's rows, after its secure RBAC personas:
//!
//! - the administrator (role `admin`, whatever the scope) everything;
//! - a reader of the system may read everything;
//! - a reader of a domain may read what is in it, a manager of a domain may also change users, groups, projects and
//!   their roles there;
//! - everybody may look at themselves and at their own project.

use crate::{Actor, Cloud, DomainId, Error, Result, Row, Scope, Tx};

use super::{AssignmentTarget, Holder, Role};

/// Keystone's refusal.
pub fn forbidden(action: &str) -> Error {
    Error::forbidden(
        "ForbiddenAction",
        format!("You are not authorized to perform the requested action: {action}."),
    )
}

/// Keystone's refusal of what nobody may do.
pub(super) fn not_allowed(what: impl std::fmt::Display) -> Error {
    Error::forbidden(
        "ForbiddenNotSecurity",
        format!("You are not authorized to perform the requested action: {what}."),
    )
}

/// Whether the caller may read what belongs to a domain (`None`: to no domain).
pub fn may_read(actor: &Actor, domain: Option<&DomainId>) -> bool {
    if actor.is_admin() {
        return true;
    }
    actor.has_role("reader")
        && match &actor.scope {
            Scope::System => true,
            Scope::Domain { id } => domain == Some(id),
            Scope::Unscoped | Scope::Project { .. } => false,
        }
}

/// Whether the caller may change what belongs to a domain (`None`: to no domain).
pub fn may_manage(actor: &Actor, domain: Option<&DomainId>) -> bool {
    if actor.is_admin() {
        return true;
    }
    match &actor.scope {
        Scope::Domain { id } => actor.has_role("manager") && domain == Some(id),
        _ => false,
    }
}

/// Insists on [`may_read`].
pub fn require_read(actor: &Actor, domain: Option<&DomainId>, action: &str) -> Result<()> {
    if may_read(actor, domain) {
        Ok(())
    } else {
        Err(forbidden(action))
    }
}

/// Insists on [`may_manage`].
pub fn require_manage(actor: &Actor, domain: Option<&DomainId>, action: &str) -> Result<()> {
    if may_manage(actor, domain) {
        Ok(())
    } else {
        Err(forbidden(action))
    }
}

/// Insists on the administrator.
pub fn require_admin(actor: &Actor, action: &str) -> Result<()> {
    if actor.is_admin() {
        Ok(())
    } else {
        Err(forbidden(action))
    }
}

/// The row; who could not read a missing one either is not told that it is missing.
pub fn find<R: Row>(cloud: &Cloud, actor: &Actor, id: &R::Id, action: &str) -> Result<std::sync::Arc<R>> {
    cloud
        .get::<R>(id)
        .or_else(|missing| require_read(actor, None, action).and(Err(missing)))
}

/// Insists that somebody can still administer the cloud: without one, nobody could ever give the role back.
pub(super) fn require_administrator(tx: &Tx<'_>) -> Result<()> {
    let cloud = tx.cloud();
    let Some(admin) = cloud.lookups.roles_by_name.first(&(None, "admin".to_owned())) else {
        return Ok(());
    };
    let enabled_domain = |id: &DomainId| cloud.domains.get(id).is_some_and(|domain| domain.enabled);
    let can_sign_in = |id: &crate::UserId| {
        cloud
            .users
            .get(id)
            .is_some_and(|user| user.enabled && user.password_hash.is_some() && enabled_domain(&user.domain_id))
    };
    let somebody = cloud
        .lookups
        .assignments_by_role
        .of(admin)
        .filter_map(|key| cloud.assignments.get(key))
        .any(|assignment| {
            let target = !assignment.inherited
                && match &assignment.target {
                    AssignmentTarget::System => true,
                    AssignmentTarget::Domain(id) => enabled_domain(id),
                    AssignmentTarget::Project(id) => cloud
                        .projects
                        .get(id)
                        .is_some_and(|project| project.enabled && enabled_domain(&project.domain_id)),
                };
            target
                && match &assignment.holder {
                    Holder::User(id) => can_sign_in(id),
                    Holder::Group(id) => cloud.lookups.users_by_group.of(id).any(can_sign_in),
                }
        });
    if somebody {
        return Ok(());
    }
    Err(not_allowed(
        "it would leave the cloud without an administrator. Give another enabled user the role 'admin' first",
    ))
}

/// The roles that a domain's manager may give and take.
const DOMAIN_MANAGED_ROLES: [&str; 3] = ["manager", "member", "reader"];

/// Whether the caller may give or take this role in a target of this domain.
pub(super) fn may_assign(actor: &Actor, domain: Option<&DomainId>, role: &Role) -> bool {
    actor.is_admin()
        || (may_manage(actor, domain)
            && role.domain_id.is_none()
            && DOMAIN_MANAGED_ROLES.contains(&role.name.to_lowercase().as_str()))
}
