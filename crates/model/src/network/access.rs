//! Who may see and change what (after Neutron's default policies), and what every rule begins with.

use std::sync::Arc;

use super::Standard;
use crate::cloud::Row;
use crate::{Actor, Cloud, Error, ProjectId, Result, Tx};

/// A resource of Neutron's: it has the standard attributes, and somebody may see or change it.
pub trait Resource: Row {
    /// Its name in policies and bodies (`security_group_rule`).
    const NAME: &'static str;

    /// The standard attributes.
    fn standard(&self) -> &Standard;

    /// The standard attributes, to change.
    fn standard_mut(&mut self) -> &mut Standard;

    /// Whether the caller may see it.
    fn visible_to(&self, _cloud: &Cloud, actor: &Actor) -> bool {
        actor.can_see(&self.standard().project_id)
    }

    /// Whether the caller may change it.
    fn changeable_by(&self, _cloud: &Cloud, actor: &Actor) -> bool {
        actor.can_see(&self.standard().project_id)
    }
}

/// The resource, if the caller may see it.
///
/// # Errors
/// The resource's "not found", also when it is somebody else's: whether it exists is nobody's business.
pub fn get_visible<R: Resource>(cloud: &Cloud, actor: &Actor, id: &R::Id) -> Result<Arc<R>> {
    let row = cloud.get::<R>(id)?;
    if row.visible_to(cloud, actor) {
        Ok(row)
    } else {
        Err(R::not_found(id))
    }
}

/// The resource, if the caller may change it; `verb` is `update` or `delete`.
///
/// # Errors
/// "Not found" when it can't be seen, `PolicyNotAuthorized` when it can be seen but not changed.
pub fn get_changeable<R: Resource>(cloud: &Cloud, actor: &Actor, id: &R::Id, verb: &str) -> Result<Arc<R>> {
    let row = get_visible::<R>(cloud, actor, id)?;
    require(row.changeable_by(cloud, actor), &format!("{verb}_{}", R::NAME))?;
    Ok(row)
}

/// Passes when `allowed`; `rule` is the policy's name (`create_network:shared`).
///
/// # Errors
/// `PolicyNotAuthorized`.
pub fn require(allowed: bool, rule: &str) -> Result<()> {
    if allowed {
        return Ok(());
    }
    Err(Error::forbidden(
        "PolicyNotAuthorized",
        format!(
            "rule:{rule} is disallowed by policy. Ask an administrator, or leave out what you are not allowed to set."
        ),
    ))
}

/// Whether the caller has the say in what members of a project may only look at: its manager, or an administrator.
pub fn manages(actor: &Actor, project: &ProjectId) -> bool {
    actor.is_admin() || (actor.owns(project) && actor.has_role("manager"))
}

/// The project a new resource belongs to: the one asked for, else the caller's.
///
/// # Errors
/// Only an administrator may name another project; a token without a project must name one.
pub fn owner(actor: &Actor, wanted: Option<&ProjectId>) -> Result<ProjectId> {
    match (wanted, actor.project_id()) {
        (Some(wanted), own) if actor.is_admin() || own == Some(wanted) => Ok(wanted.clone()),
        (Some(_), _) => Err(Error::invalid(
            "HTTPBadRequest",
            "Specifying 'project_id' or 'tenant_id' other than the authenticated project in request requires admin privileges",
        )),
        (None, Some(own)) => Ok(own.clone()),
        (None, None) => Err(Error::invalid(
            "HTTPBadRequest",
            "The token has no project: name one with 'project_id', or use a token scoped to a project.",
        )),
    }
}

/// Checks `If-Match: revision_number=N`.
///
/// # Errors
/// `RevisionNumberConstraintFailed` when the resource has changed since.
pub fn check_revision<R: Resource>(cloud: &Cloud, id: &R::Id, expected: Option<u64>) -> Result<()> {
    let Some(expected) = expected else { return Ok(()) };
    let standard_revision = cloud.get::<R>(id)?.standard().revision_number;
    if standard_revision == expected {
        return Ok(());
    }
    Err(Error::precondition_failed(
        "RevisionNumberConstraintFailed",
        format!("Constrained to {expected}, but current revision is {standard_revision}"),
    ))
}

/// Notes that a resource changed because of another one (Neutron bumps a network's revision with its subnets').
pub(crate) fn touch<R: Resource>(tx: &mut Tx<'_>, id: &R::Id) {
    let now = tx.now();
    // Missing means it is being deleted in the same transaction: nothing to note.
    let _ = tx.update::<R>(id, |row| row.standard_mut().touch(now));
}

/// Neutron's `InvalidInput`, with its prefix.
pub(crate) fn invalid_input(code: &'static str, message: impl std::fmt::Display) -> Error {
    Error::invalid(code, format!("Invalid input for operation: {message}."))
}

/// Neutron's `BadRequest` about a resource, with its prefix.
pub(crate) fn bad_request(resource: &str, message: impl std::fmt::Display) -> Error {
    Error::invalid("BadRequest", format!("Bad {resource} request: {message}."))
}
