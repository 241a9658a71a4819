//! Projects (tenants): they own everything else.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::common::{self, Budget, Progress};
use super::{
    AssignmentTarget, RevocationTarget, User, application_credential, credential, endpoint_filter, left_behind, limit,
    policy, revoke, trust,
};
use crate::cloud::{Lookups, Row};
use crate::{Actor, Cloud, DomainId, Error, ProjectId, Result, Scope, Tx, UserId};

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
        lookups.identity_generation += 1;
        lookups.projects_by_name.set(
            (self.domain_id.clone(), self.name.to_lowercase()),
            self.id.clone(),
            present,
        );
    }
}

/// The projects above this one, nearest first. (Parents never change, so there is no circle.)
pub fn ancestors<'a>(cloud: &'a Cloud, project: &ProjectId) -> impl Iterator<Item = &'a Project> + use<'a> {
    let parent = |project: &Project| project.parent_id.as_ref().and_then(|id| cloud.projects.get(id));
    let first = cloud.projects.get(project).and_then(|project| parent(project));
    std::iter::successors(first, move |project| parent(project)).map(|project| &**project)
}

/// What a request says of a project; absent fields stay as they are.
#[derive(Debug, Clone, Default)]
pub struct ProjectFields {
    /// Unique in its domain.
    pub name: Option<String>,
    /// The domain; only at creation.
    pub domain_id: Option<DomainId>,
    /// The project (or domain) above; only at creation.
    pub parent_id: Option<ProjectId>,
    /// Free text.
    pub description: Option<String>,
    /// Whether anybody gets a token for it.
    pub enabled: Option<bool>,
    /// Labels.
    pub tags: Option<BTreeSet<String>>,
    /// Attributes of the user's own.
    pub extra: BTreeMap<String, serde_json::Value>,
}

impl ProjectFields {
    fn apply(self, project: &mut Project) -> Result<()> {
        if let Some(name) = self.name {
            common::check_name(&name, 64)?;
            project.name = name;
        }
        if let Some(description) = self.description {
            project.description = description;
        }
        if let Some(enabled) = self.enabled {
            project.enabled = enabled;
        }
        if let Some(tags) = self.tags {
            common::check_tags(&tags)?;
            project.tags = tags;
        }
        project.extra.extend(self.extra);
        Ok(())
    }
}

/// So many levels has a tree of projects, its domain included (Keystone's `max_project_tree_depth`).
const MAX_DEPTH: usize = 5;

fn check_unique(tx: &Tx<'_>, project: &Project) -> Result<()> {
    let key = (project.domain_id.clone(), project.name.to_lowercase());
    let holder = tx.cloud().lookups.projects_by_name.first(&key);
    if holder.is_some_and(|id| *id != project.id) {
        return Err(common::conflict(
            "project",
            format!(
                "it is not permitted to have two projects with the same name in the same domain: {}",
                project.name
            ),
        ));
    }
    Ok(())
}

/// The domain of a new object that names none: that of the caller's token.
pub(super) fn domain_of_token(actor: &Actor, action: &str) -> Result<DomainId> {
    match &actor.scope {
        Scope::Project { domain_id, .. } => Ok(domain_id.clone()),
        Scope::Domain { id } => Ok(id.clone()),
        Scope::System | Scope::Unscoped if !actor.is_admin() => Err(policy::forbidden(action)),
        Scope::System | Scope::Unscoped => Err(Error::invalid(
            "ValidationError",
            "A domain_id must be given: the token is scoped to neither a project nor a domain.",
        )),
    }
}

/// Makes a project.
///
/// # Errors
/// `Forbidden`; `Invalid` for a bad name, tag, domain or parent; `Conflict` for a name that is taken.
pub fn create_project(tx: &mut Tx<'_>, actor: &Actor, fields: ProjectFields) -> Result<Arc<Project>> {
    let (domain_id, parent_id) = place(tx.cloud(), actor, &fields)?;
    policy::require_manage(actor, Some(&domain_id), "identity:create_project")?;
    if !tx.cloud().domains.contains(&domain_id) {
        return Err(Error::invalid(
            "ValidationError",
            format!("Could not find domain: {domain_id}."),
        ));
    }
    let mut project = Project {
        id: tx.new_id(),
        name: String::new(),
        domain_id,
        parent_id,
        description: String::new(),
        enabled: true,
        tags: BTreeSet::new(),
        extra: BTreeMap::new(),
    };
    common::check_name(fields.name.as_deref().unwrap_or(""), 64)?;
    fields.apply(&mut project)?;
    check_unique(tx, &project)?;
    Ok(tx.put(project))
}

/// Domain and parent of a new project.
fn place(cloud: &Cloud, actor: &Actor, fields: &ProjectFields) -> Result<(DomainId, Option<ProjectId>)> {
    let as_domain = fields.parent_id.as_ref().map(|id| DomainId::from(id.as_str()));
    if let Some(domain) = as_domain.filter(|id| cloud.domains.contains(id)) {
        if fields.domain_id.as_ref().is_some_and(|id| *id != domain) {
            return Err(common::invalid("parent_id", "it is another domain than domain_id"));
        }
        return Ok((domain, None));
    }
    let Some(parent_id) = &fields.parent_id else {
        let domain = fields
            .domain_id
            .clone()
            .map_or_else(|| domain_of_token(actor, "identity:create_project"), Ok)?;
        return Ok((domain, None));
    };
    let Some(parent) = cloud.projects.get(parent_id) else {
        if !actor.is_admin() {
            return Err(policy::forbidden("identity:create_project"));
        }
        return Err(Error::invalid(
            "ValidationError",
            format!("Could not find project: {parent_id}."),
        ));
    };
    if fields.domain_id.as_ref().is_some_and(|id| *id != parent.domain_id) {
        return Err(common::invalid(
            "parent_id",
            "the project above is in another domain than domain_id",
        ));
    }
    let enabled = parent.enabled && ancestors(cloud, parent_id).all(|project| project.enabled);
    if !enabled {
        return Err(common::invalid("parent_id", "the branch contains a disabled project"));
    }
    // The domain, the parent's ancestors, the parent, and the new one.
    if ancestors(cloud, parent_id).count() + 3 > MAX_DEPTH {
        return Err(policy::not_allowed(format!(
            "Max hierarchy depth reached for {parent_id} branch"
        )));
    }
    Ok((parent.domain_id.clone(), Some(parent_id.clone())))
}

/// Changes a project; disabling it ends its tokens.
///
/// # Errors
/// `NotFound`, `Forbidden`, `Invalid`, `Conflict` as for [`create_project`].
pub fn update_project(tx: &mut Tx<'_>, actor: &Actor, id: &ProjectId, fields: ProjectFields) -> Result<Arc<Project>> {
    let before = policy::find::<Project>(tx.cloud(), actor, id, "identity:update_project")?;
    policy::require_manage(actor, Some(&before.domain_id), "identity:update_project")?;
    if fields
        .domain_id
        .as_ref()
        .is_some_and(|domain| *domain != before.domain_id)
    {
        return Err(common::invalid(
            "domain_id",
            "a project can't be moved to another domain",
        ));
    }
    let parent = before
        .parent_id
        .as_ref()
        .map_or(before.domain_id.as_str(), ProjectId::as_str);
    if fields.parent_id.as_ref().is_some_and(|id| id.as_str() != parent) {
        return Err(policy::not_allowed("Update of `parent_id` is not allowed"));
    }
    let mut project = Project::clone(&before);
    fields.apply(&mut project)?;
    check_unique(tx, &project)?;
    if before.enabled && !project.enabled && children(tx.cloud(), id).any(|child| child.enabled) {
        return Err(policy::not_allowed(format!(
            "cannot disable project {id} since its subtree contains enabled projects"
        )));
    }
    if !before.enabled && project.enabled && ancestors(tx.cloud(), id).any(|above| !above.enabled) {
        return Err(policy::not_allowed(format!(
            "cannot enable project {id} since it has disabled parents"
        )));
    }
    let project = tx.put(project);
    if before.enabled && !project.enabled {
        policy::require_administrator(tx)?;
        revoke(tx, RevocationTarget::Project(id.clone()));
    }
    Ok(project)
}

/// The projects right below one.
pub fn children<'a>(cloud: &'a Cloud, id: &'a ProjectId) -> impl Iterator<Item = &'a Arc<Project>> {
    cloud
        .projects
        .iter()
        .filter(move |project| project.parent_id.as_ref() == Some(id))
}

/// Deletes a project, step by step. What it owned in other services stays, as with Keystone.
///
/// # Errors
/// `NotFound`; `Forbidden`, also while there are projects below it.
pub fn delete_project(tx: &mut Tx<'_>, actor: &Actor, id: &ProjectId) -> Result<Progress> {
    let project = policy::find::<Project>(tx.cloud(), actor, id, "identity:delete_project")?;
    policy::require_manage(actor, Some(&project.domain_id), "identity:delete_project")?;
    if children(tx.cloud(), id).next().is_some() {
        return Err(policy::not_allowed(format!(
            "Cannot delete the project {id} since it is not a leaf in the hierarchy. Delete the projects below it first"
        )));
    }
    let progress = remove(tx, actor, id, &mut Budget::new());
    policy::require_administrator(tx)?;
    Ok(progress)
}

pub(super) fn remove(tx: &mut Tx<'_>, actor: &Actor, id: &ProjectId, budget: &mut Budget) -> Progress {
    let target = AssignmentTarget::Project(id.clone());
    let cloud = tx.cloud();
    let assignments = cloud.lookups.assignments_by_target.of(&target).cloned().collect();
    let credentials = cloud
        .lookups
        .application_credentials_by_project
        .of(id)
        .cloned()
        .collect();
    let defaults: Vec<UserId> = cloud
        .users
        .iter()
        .filter(|user| user.default_project_id.as_ref() == Some(id))
        .map(|user| user.id.clone())
        .collect();
    for user in defaults {
        if !budget.spend() {
            return Progress::More;
        }
        // It was found a moment ago.
        let _ = tx.update::<User>(&user, |user| user.default_project_id = None);
    }
    if application_credential::remove_all(tx, credentials, budget) == Progress::More
        || credential::remove_of_project(tx, id, budget) == Progress::More
        || trust::remove_of_project(tx, id, budget) == Progress::More
        || left_behind::remove(tx, actor, id, budget) == Progress::More
    {
        return Progress::More;
    }
    if budget.delete_assignments(tx, assignments) == Progress::More || !budget.spend() {
        return Progress::More;
    }
    endpoint_filter::forget(tx, |row| row.project_id == *id);
    limit::forget(tx, |row| row.project_id.as_ref() == Some(id));
    tx.delete::<Project>(id);
    Progress::Done
}

/// The project, if the caller may see it: the administrator, a reader of the system or of its domain, and whoever has
/// a token for it.
///
/// # Errors
/// `NotFound`, `Forbidden`.
pub fn show_project(cloud: &Cloud, actor: &Actor, id: &ProjectId) -> Result<Arc<Project>> {
    let project = policy::find::<Project>(cloud, actor, id, "identity:get_project")?;
    if !actor.owns(id) {
        policy::require_read(actor, Some(&project.domain_id), "identity:get_project")?;
    }
    Ok(project)
}
