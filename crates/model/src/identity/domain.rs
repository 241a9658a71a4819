//! Domains: containers of users, groups and projects.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::common::{self, Budget, Progress};
use super::{AssignmentTarget, DomainConfig, RevocationTarget, group, limit, policy, project, revoke, role, user};
use crate::cloud::{Lookups, Row, Table};
use crate::{Actor, Cloud, DomainId, Error, Result, Scope, Tx};

/// A container of users and projects.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Domain {
    /// Its id (`default`, or 32 hexadecimal digits).
    pub id: DomainId,
    /// Unique name.
    pub name: String,
    /// Free text.
    pub description: String,
    /// A disabled domain's users can't sign in.
    pub enabled: bool,
    /// Labels.
    #[serde(default)]
    pub tags: BTreeSet<String>,
    /// Attributes users added.
    #[serde(default)]
    pub extra: BTreeMap<String, serde_json::Value>,
}

impl Row for Domain {
    type Id = DomainId;
    const KIND: &'static str = "domain";
    crate::table!(Domain, domains);
    fn id(&self) -> DomainId {
        self.id.clone()
    }
    fn not_found(id: &DomainId) -> Error {
        Error::not_found("DomainNotFound", format!("Could not find domain: {id}."))
    }
    fn index(&self, lookups: &mut Lookups, present: bool) {
        lookups.identity_generation += 1;
        lookups
            .domains_by_name
            .set(self.name.to_lowercase(), self.id.clone(), present);
    }
}

/// What a request says of a domain; absent fields stay as they are.
#[derive(Debug, Clone, Default)]
pub struct DomainFields {
    /// Unique name.
    pub name: Option<String>,
    /// Free text.
    pub description: Option<String>,
    /// Whether its users can sign in.
    pub enabled: Option<bool>,
    /// Labels.
    pub tags: Option<BTreeSet<String>>,
    /// Attributes of the user's own.
    pub extra: BTreeMap<String, serde_json::Value>,
}

impl DomainFields {
    fn apply(self, domain: &mut Domain) -> Result<()> {
        if let Some(name) = self.name {
            common::check_name(&name, 64)?;
            domain.name = name;
        }
        if let Some(description) = self.description {
            domain.description = description;
        }
        if let Some(enabled) = self.enabled {
            domain.enabled = enabled;
        }
        if let Some(tags) = self.tags {
            common::check_tags(&tags)?;
            domain.tags = tags;
        }
        domain.extra.extend(self.extra);
        Ok(())
    }
}

fn check_unique(tx: &Tx<'_>, domain: &Domain) -> Result<()> {
    let holder = tx.cloud().lookups.domains_by_name.first(&domain.name.to_lowercase());
    if holder.is_some_and(|id| *id != domain.id) {
        return Err(common::conflict(
            "project",
            format!(
                "it is not permitted to have two projects acting as domains with the same name: {}",
                domain.name
            ),
        ));
    }
    Ok(())
}

/// Makes a domain.
///
/// # Errors
/// `Forbidden`; `Invalid` for a bad name or tag; `Conflict` for a name that is taken.
pub fn create_domain(tx: &mut Tx<'_>, actor: &Actor, fields: DomainFields) -> Result<Arc<Domain>> {
    policy::require_admin(actor, "identity:create_domain")?;
    let mut domain = Domain {
        id: tx.new_id(),
        name: String::new(),
        description: String::new(),
        enabled: true,
        tags: BTreeSet::new(),
        extra: BTreeMap::new(),
    };
    common::check_name(fields.name.as_deref().unwrap_or(""), 64)?;
    fields.apply(&mut domain)?;
    check_unique(tx, &domain)?;
    Ok(tx.put(domain))
}

/// Changes a domain; disabling it ends its tokens.
///
/// # Errors
/// `NotFound`, `Forbidden`, `Invalid`, `Conflict` as for [`create_domain`].
pub fn update_domain(tx: &mut Tx<'_>, actor: &Actor, id: &DomainId, fields: DomainFields) -> Result<Arc<Domain>> {
    policy::require_admin(actor, "identity:update_domain")?;
    let before = tx.get::<Domain>(id)?;
    let mut domain = Domain::clone(&before);
    fields.apply(&mut domain)?;
    check_unique(tx, &domain)?;
    let domain = tx.put(domain);
    if before.enabled && !domain.enabled {
        policy::require_administrator(tx)?;
        revoke(tx, RevocationTarget::Domain(id.clone()));
    }
    Ok(domain)
}

/// Deletes a disabled domain with everything in it, step by step.
///
/// # Errors
/// `NotFound`; `Forbidden` while it is enabled.
pub fn delete_domain(tx: &mut Tx<'_>, actor: &Actor, id: &DomainId) -> Result<Progress> {
    policy::require_admin(actor, "identity:delete_domain")?;
    if tx.get::<Domain>(id)?.enabled {
        return Err(policy::not_allowed(
            "Cannot delete a domain that is enabled, please disable it first",
        ));
    }
    let mut budget = Budget::new();
    let cloud = tx.cloud();
    let users: Vec<_> = in_domain(&cloud.users, id, |user| &user.domain_id)
        .map(|u| u.id.clone())
        .collect();
    let groups: Vec<_> = in_domain(&cloud.groups, id, |group| &group.domain_id)
        .map(|g| g.id.clone())
        .collect();
    let projects: Vec<_> = in_domain(&cloud.projects, id, |project| &project.domain_id)
        .map(|project| project.id.clone())
        .collect();
    let roles: Vec<_> = cloud
        .roles
        .iter()
        .filter(|role| role.domain_id.as_ref() == Some(id))
        .map(|r| r.id.clone())
        .collect();
    let target = AssignmentTarget::Domain(id.clone());
    let assignments = cloud.lookups.assignments_by_target.of(&target).cloned().collect();
    for user in users {
        if user::remove(tx, &user, &mut budget) == Progress::More {
            return Ok(Progress::More);
        }
    }
    for group in groups {
        if group::remove(tx, &group, &mut budget) == Progress::More {
            return Ok(Progress::More);
        }
    }
    for project in projects {
        if project::remove(tx, actor, &project, &mut budget) == Progress::More {
            return Ok(Progress::More);
        }
    }
    for role in roles {
        if role::remove(tx, &role, &mut budget) == Progress::More {
            return Ok(Progress::More);
        }
    }
    if budget.delete_assignments(tx, assignments) == Progress::More || !budget.spend() {
        return Ok(Progress::More);
    }
    limit::forget(tx, |row| row.domain_id.as_ref() == Some(id));
    tx.delete::<DomainConfig>(id);
    tx.delete::<Domain>(id);
    policy::require_administrator(tx)?;
    Ok(Progress::Done)
}

fn in_domain<'a, R: Row>(
    table: &'a Table<R>,
    id: &'a DomainId,
    domain_of: fn(&R) -> &DomainId,
) -> impl Iterator<Item = &'a Arc<R>> {
    table.iter().filter(move |row| domain_of(row) == id)
}

/// The domain, if the caller may see it: the administrator, a reader of the system or of the domain, and whoever has a
/// token in it.
///
/// # Errors
/// `NotFound`, `Forbidden`.
pub fn show_domain(cloud: &Cloud, actor: &Actor, id: &DomainId) -> Result<Arc<Domain>> {
    let own = match &actor.scope {
        Scope::Project { domain_id, .. } => domain_id == id,
        Scope::Domain { id: own } => own == id,
        Scope::System | Scope::Unscoped => false,
    };
    let domain = policy::find::<Domain>(cloud, actor, id, "identity:get_domain")?;
    if !own {
        policy::require_read(actor, Some(id), "identity:get_domain")?;
    }
    Ok(domain)
}
