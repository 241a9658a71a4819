//! Roles, and which one brings which.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::common::{self, Budget, Progress};
use super::{Domain, JoinedKey, policy};
use crate::cloud::{Lookups, Row};
use crate::{Actor, Cloud, DomainId, Error, Result, RoleId, Scope, Tx};

/// A role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Role {
    /// Its id.
    pub id: RoleId,
    /// Unique (in its domain, for a domain's own role).
    pub name: String,
    /// The domain of a domain's own role.
    #[serde(default)]
    pub domain_id: Option<DomainId>,
    /// Free text.
    #[serde(default)]
    pub description: Option<String>,
    /// Keystone's per-role options (`immutable`).
    #[serde(default)]
    pub options: BTreeMap<String, serde_json::Value>,
}

impl Row for Role {
    type Id = RoleId;
    const KIND: &'static str = "role";
    crate::table!(Role, roles);
    fn id(&self) -> RoleId {
        self.id.clone()
    }
    fn not_found(id: &RoleId) -> Error {
        Error::not_found("RoleNotFound", format!("Could not find role: {id}."))
    }
    fn index(&self, lookups: &mut Lookups, present: bool) {
        lookups.identity_generation += 1;
        lookups.roles_by_name.set(
            (self.domain_id.clone(), self.name.to_lowercase()),
            self.id.clone(),
            present,
        );
    }
}

/// Whoever has role `prior` has role `implied` too.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleImplication {
    /// The role that brings the other.
    pub prior: RoleId,
    /// The role that comes with it.
    pub implied: RoleId,
}

impl Row for RoleImplication {
    type Id = JoinedKey;
    const KIND: &'static str = "role_implication";
    crate::table!(RoleImplication, role_implications);
    fn id(&self) -> JoinedKey {
        JoinedKey(vec![self.prior.to_string(), self.implied.to_string()])
    }
    fn not_found(id: &JoinedKey) -> Error {
        let part = |i: usize| id.0.get(i).cloned().unwrap_or_default();
        Error::not_found(
            "ImpliedRoleNotFound",
            format!("{} does not imply {}.", part(0), part(1)),
        )
    }
    fn index(&self, lookups: &mut Lookups, present: bool) {
        lookups.identity_generation += 1;
        lookups
            .implied_roles
            .set(self.prior.clone(), self.implied.clone(), present);
        lookups
            .prior_roles
            .set(self.implied.clone(), self.prior.clone(), present);
    }
}

/// These roles and all that they bring, directly or through others.
pub fn with_implied(cloud: &Cloud, roles: impl IntoIterator<Item = RoleId>) -> BTreeSet<RoleId> {
    let mut held = BTreeSet::new();
    let mut pending: Vec<RoleId> = roles.into_iter().collect();
    while let Some(role) = pending.pop() {
        if held.insert(role.clone()) {
            pending.extend(cloud.lookups.implied_roles.of(&role).cloned());
        }
    }
    held
}

/// What a request says of a role; absent fields stay as they are.
#[derive(Debug, Clone, Default)]
pub struct RoleFields {
    /// Unique (in its domain, for a domain's own role).
    pub name: Option<String>,
    /// The domain of a domain's own role; only at creation.
    pub domain_id: Option<DomainId>,
    /// Free text.
    pub description: Option<Option<String>>,
    /// Keystone's per-role options.
    pub options: Option<BTreeMap<String, serde_json::Value>>,
}

/// A role with this option can be neither changed nor deleted until it is taken off.
const IMMUTABLE: &str = "immutable";

impl RoleFields {
    fn apply(self, role: &mut Role) -> Result<()> {
        if let Some(name) = self.name {
            common::check_name(&name, 255)?;
            role.name = name;
        }
        if let Some(description) = self.description {
            role.description = description;
        }
        for (name, value) in self.options.unwrap_or_default() {
            match value {
                _ if name != IMMUTABLE => {
                    return Err(common::invalid(
                        "options",
                        format!("there is no option '{name}' for roles"),
                    ));
                }
                serde_json::Value::Null => {
                    role.options.remove(&name);
                }
                serde_json::Value::Bool(_) => {
                    role.options.insert(name, value);
                }
                _ => return Err(common::invalid("options", "'immutable' must be a boolean")),
            }
        }
        Ok(())
    }

    /// Whether nothing but options is asked for.
    fn is_only_options(&self) -> bool {
        self.name.is_none() && self.description.is_none() && self.options.is_some()
    }
}

impl Role {
    fn is_immutable(&self) -> bool {
        self.options.get(IMMUTABLE) == Some(&true.into())
    }
}

fn check_unique(tx: &Tx<'_>, role: &Role) -> Result<()> {
    let key = (role.domain_id.clone(), role.name.to_lowercase());
    let holder = tx.cloud().lookups.roles_by_name.first(&key);
    if holder.is_some_and(|id| *id != role.id) {
        return Err(common::conflict(
            "role",
            format!("Duplicate entry found with name {}", role.name),
        ));
    }
    Ok(())
}

/// Makes a role.
///
/// # Errors
/// `Forbidden`; `Invalid` for a bad name or option; `NotFound` for a domain there is not; `Conflict` for a name that is
/// taken.
pub fn create_role(tx: &mut Tx<'_>, actor: &Actor, fields: RoleFields) -> Result<Arc<Role>> {
    policy::require_admin(actor, "identity:create_role")?;
    if let Some(domain) = &fields.domain_id {
        tx.get::<Domain>(domain)?;
    }
    let mut role = Role {
        id: tx.new_id(),
        name: String::new(),
        domain_id: fields.domain_id.clone(),
        description: None,
        options: BTreeMap::new(),
    };
    common::check_name(fields.name.as_deref().unwrap_or(""), 255)?;
    fields.apply(&mut role)?;
    check_unique(tx, &role)?;
    Ok(tx.put(role))
}

/// Changes a role.
///
/// # Errors
/// `NotFound`; `Forbidden`, also for an immutable role (unless only that option is taken off); `Invalid`; `Conflict`.
pub fn update_role(tx: &mut Tx<'_>, actor: &Actor, id: &RoleId, fields: RoleFields) -> Result<Arc<Role>> {
    policy::require_admin(actor, "identity:update_role")?;
    let before = tx.get::<Role>(id)?;
    if fields
        .domain_id
        .as_ref()
        .is_some_and(|domain| Some(domain) != before.domain_id.as_ref())
    {
        return Err(common::invalid("domain_id", "a role can't be moved to another domain"));
    }
    if before.is_immutable() && !fields.is_only_options() {
        return Err(immutable("update", id));
    }
    let mut role = Role::clone(&before);
    fields.apply(&mut role)?;
    check_unique(tx, &role)?;
    Ok(tx.put(role))
}

fn immutable(verb: &str, id: &RoleId) -> Error {
    Error::forbidden(
        "ResourceUpdateForbidden",
        format!("Unable to {verb} immutable role resource: `{id}`. Set resource option \"immutable\" to false first."),
    )
}

/// Deletes a role with its assignments, step by step.
///
/// # Errors
/// `NotFound`; `Forbidden`, also for an immutable role.
pub fn delete_role(tx: &mut Tx<'_>, actor: &Actor, id: &RoleId) -> Result<Progress> {
    policy::require_admin(actor, "identity:delete_role")?;
    if tx.get::<Role>(id)?.is_immutable() {
        return Err(immutable("delete", id));
    }
    Ok(remove(tx, id, &mut Budget::new()))
}

pub(super) fn remove(tx: &mut Tx<'_>, id: &RoleId, budget: &mut Budget) -> Progress {
    let lookups = &tx.cloud().lookups;
    let assignments = lookups.assignments_by_role.of(id).cloned().collect();
    let implied = lookups
        .implied_roles
        .of(id)
        .map(|implied| (id.clone(), implied.clone()));
    let prior = lookups.prior_roles.of(id).map(|prior| (prior.clone(), id.clone()));
    let implications: Vec<_> = implied.chain(prior).collect();
    for (prior, implied) in implications {
        if !budget.spend() {
            return Progress::More;
        }
        tx.delete::<RoleImplication>(&RoleImplication { prior, implied }.id());
    }
    if budget.delete_assignments(tx, assignments) == Progress::More || !budget.spend() {
        return Progress::More;
    }
    tx.delete::<Role>(id);
    Progress::Done
}

/// Makes a role bring another.
///
/// # Errors
/// `NotFound`; `Forbidden`; `Conflict` when it does already; `Invalid` when it would bring itself, or for `admin`, which
/// nothing else may bring.
pub fn create_implication(tx: &mut Tx<'_>, actor: &Actor, prior: &RoleId, implied: &RoleId) -> Result<()> {
    policy::require_admin(actor, "identity:create_implied_role")?;
    let (prior_role, implied_role) = (tx.get::<Role>(prior)?, tx.get::<Role>(implied)?);
    if implied_role.name.eq_ignore_ascii_case("admin") {
        return Err(Error::forbidden(
            "InvalidImpliedRole",
            format!("{implied} cannot be an implied role."),
        ));
    }
    if prior_role.domain_id.is_none() && implied_role.domain_id.is_some() {
        return Err(policy::not_allowed("a global role can't imply a domain's own role"));
    }
    let row = RoleImplication {
        prior: prior.clone(),
        implied: implied.clone(),
    };
    if tx.cloud().role_implications.contains(&row.id()) {
        return Err(common::conflict(
            "implied role",
            format!("Duplicate entry: {prior} already implies {implied}"),
        ));
    }
    if with_implied(tx.cloud(), [implied.clone()]).contains(prior) {
        return Err(common::invalid(
            "implied_role_id",
            "the roles would imply each other in a circle",
        ));
    }
    tx.put(row);
    Ok(())
}

/// Ends what [`create_implication`] made.
///
/// # Errors
/// `NotFound`, `Forbidden`.
pub fn delete_implication(tx: &mut Tx<'_>, actor: &Actor, prior: &RoleId, implied: &RoleId) -> Result<()> {
    policy::require_admin(actor, "identity:delete_implied_role")?;
    let key = RoleImplication {
        prior: prior.clone(),
        implied: implied.clone(),
    }
    .id();
    tx.delete::<RoleImplication>(&key)
        .map(|_| ())
        .ok_or_else(|| RoleImplication::not_found(&key))
}

/// The role, if the caller may see it.
///
/// # Errors
/// `NotFound`, `Forbidden`.
pub fn show_role(cloud: &Cloud, actor: &Actor, id: &RoleId, action: &str) -> Result<Arc<Role>> {
    let role = policy::find::<Role>(cloud, actor, id, action)?;
    if may_list_roles(actor) && role.domain_id.is_none() {
        return Ok(role);
    }
    policy::require_read(actor, role.domain_id.as_ref(), action)?;
    Ok(role)
}

/// Whoever gives roles needs to know which there are: administrators, readers of the system, managers of a domain.
pub fn may_list_roles(actor: &Actor) -> bool {
    policy::may_read(actor, None) || (matches!(actor.scope, Scope::Domain { .. }) && actor.has_role("manager"))
}
