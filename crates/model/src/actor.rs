//! Who asks, and with what rights: the value that authentication makes and every rule may look at.

use std::collections::BTreeSet;

use crate::{DomainId, ProjectId, UserId};

/// What a token is good for (Keystone's scopes).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// Proves who you are, nothing else.
    Unscoped,
    /// One project.
    Project {
        /// The project.
        id: ProjectId,
        /// The domain the project is in.
        domain_id: DomainId,
    },
    /// One domain: its users and projects.
    Domain {
        /// The domain.
        id: DomainId,
    },
    /// The whole cloud.
    System,
}

/// An authenticated caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// The user.
    pub user_id: UserId,
    /// The domain the user is in.
    pub user_domain_id: DomainId,
    /// What the token is scoped to.
    pub scope: Scope,
    /// Names of the roles held in that scope, implied ones included.
    pub roles: BTreeSet<String>,
}

impl Actor {
    /// The project of a project-scoped token.
    pub fn project_id(&self) -> Option<&ProjectId> {
        match &self.scope {
            Scope::Project { id, .. } => Some(id),
            _ => None,
        }
    }

    /// Whether the role is held, directly or by implication.
    pub fn has_role(&self, name: &str) -> bool {
        self.roles.contains(name)
    }

    /// The cloud's administrator: role `admin`, whatever the scope (OpenStack's secure RBAC, phase 1).
    pub fn is_admin(&self) -> bool {
        self.has_role("admin")
    }

    /// Whether the token is scoped to this project.
    pub fn owns(&self, project: &ProjectId) -> bool {
        self.project_id() == Some(project)
    }

    /// Whether objects of this project may be seen.
    pub fn can_see(&self, project: &ProjectId) -> bool {
        self.is_admin() || self.owns(project)
    }
}
