//! Who may call a route. What belongs to another project is decided later, by the rules; this is the first gate.

use model::{Actor, Error, Result, Scope};

/// The first gate of a route (after OpenStack's "secure RBAC" personas).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Access {
    /// Anyone, without a token.
    Public,
    /// Any valid token, scoped or not.
    Token,
    /// Role `reader` in a project, or the administrator.
    Reader,
    /// Role `member` in a project, or the administrator.
    Member,
    /// Role `manager` in a project, or the administrator.
    Manager,
    /// The administrator.
    Admin,
    /// Role `service` (another service of the cloud), or the administrator.
    ServiceRole,
    /// Role `reader` (or more) in any scope: for Keystone, whose rules look at the scope themselves.
    ScopedReader,
}

impl Access {
    /// Whether the caller may pass.
    ///
    /// # Errors
    /// `Forbidden`, with the role that is missing.
    pub fn check(self, actor: &Actor) -> Result<()> {
        let passes = match self {
            Self::Public | Self::Token => true,
            Self::Reader => actor.is_admin() || in_project(actor, "reader"),
            Self::Member => actor.is_admin() || in_project(actor, "member"),
            Self::Manager => actor.is_admin() || in_project(actor, "manager"),
            Self::Admin => actor.is_admin(),
            Self::ServiceRole => actor.is_admin() || actor.has_role("service"),
            Self::ScopedReader => actor.scope != Scope::Unscoped && (actor.is_admin() || actor.has_role("reader")),
        };
        if passes {
            return Ok(());
        }
        Err(Error::forbidden(
            "PolicyNotAuthorized",
            format!(
                "Policy doesn't allow this request to be performed: it needs {}. Ask your project's administrator, or use a \
                 token scoped to the right project.",
                self.needs()
            ),
        ))
    }

    /// What is needed, in words.
    pub fn needs(self) -> &'static str {
        match self {
            Self::Public => "nothing",
            Self::Token => "a valid token",
            Self::Reader => "role 'reader' in a project",
            Self::Member => "role 'member' in a project",
            Self::Manager => "role 'manager' in a project",
            Self::Admin => "role 'admin'",
            Self::ServiceRole => "role 'service' or 'admin'",
            Self::ScopedReader => "role 'reader' in the token's scope",
        }
    }
}

fn in_project(actor: &Actor, role: &str) -> bool {
    actor.project_id().is_some() && actor.has_role(role)
}
