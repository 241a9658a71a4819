//! Keystone's resources: who there is and what they may do.
//!
//! ```text
//!  Domain ─┬─ Project ◄──┐
//!          ├─ User ──┐   │ target          Role ──RoleImplication──► Role
//!          └─ Group ─┴─ Assignment ──────────┘
//!  TokenClaims (sealed by `control` with a TokenKey) ── admit ──► Actor      Revocation: claims that hold no more
//! ```

mod assignment;
mod domain;
mod group;
mod key;
mod project;
mod role;
mod token;
mod user;

pub use assignment::{Assignment, AssignmentTarget, Holder, assignments_of, effective_roles, reaches};
pub use domain::Domain;
pub use group::{Group, GroupMembership};
pub use key::JoinedKey;
pub use project::Project;
pub use role::{Role, RoleImplication, with_implied};
pub use token::{
    AuthMethod, ClaimedScope, KEY_ROTATION_SECONDS, MAX_TOKEN_SECONDS, Revocation, RevocationTarget, Rotation,
    TokenClaims, TokenKey, admit, revoke, rotate_token_keys,
};
pub use user::User;
