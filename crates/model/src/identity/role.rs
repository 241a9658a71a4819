//! Roles, and which one brings which.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::JoinedKey;
use crate::cloud::{Lookups, Row};
use crate::{Cloud, DomainId, Error, RoleId};

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
