//! Keystone's resources: who there is and what they may do.
//!
//! ```text
//!  Domain ─┬─ Project ◄──┐
//!          ├─ User ──┐   │ target          Role ──RoleImplication──► Role
//!          └─ Group ─┴─ Assignment ──────────┘
//!  TokenClaims (sealed by `control` with a TokenKey) ── admit ──► Actor      Revocation: claims that hold no more
//! ```

mod application_credential;
mod assignment;
mod catalog;
mod common;
mod domain;
mod effective;
mod group;
mod key;
pub mod policy;
mod project;
mod role;
#[cfg(test)]
mod tests;
mod token;
mod user;

pub use application_credential::{
    ApplicationCredential, ByToken, NewApplicationCredential, create_application_credential,
    delete_application_credential, list_application_credentials, show_application_credential,
};
pub use assignment::{
    Assignment, AssignmentTarget, Holder, assignments_of, check_assignment, create_assignment, delete_assignment,
    effective_roles, given_roles, reaches, require_read_target,
};
pub use catalog::{
    CatalogService, Endpoint, EndpointFields, Interface, OwnCatalog, Region, RegionFields, ServiceFields,
    create_endpoint, create_region, create_service, delete_endpoint, delete_region, delete_service, update_endpoint,
    update_region, update_service,
};
pub use common::Progress;
pub use domain::{Domain, DomainFields, create_domain, delete_domain, show_domain, update_domain};
pub use effective::{Grant, Origin, effective_grants};
pub use group::{
    Group, GroupFields, GroupMembership, add_to_group, create_group, delete_group, remove_from_group, show_group,
    update_group,
};
pub use key::JoinedKey;
pub use project::{
    Project, ProjectFields, ancestors, children, create_project, delete_project, show_project, update_project,
};
pub use role::{
    Role, RoleFields, RoleImplication, create_implication, create_role, delete_implication, delete_role,
    may_list_roles, show_role, update_role, with_implied,
};
pub use token::{
    AuthMethod, ClaimedScope, KEY_ROTATION_SECONDS, MAX_TOKEN_SECONDS, Revocation, RevocationTarget, Rotation,
    TokenClaims, TokenKey, admit, revoke, revoke_until, rotate_token_keys,
};
pub use user::{User, UserFields, change_own_password, create_user, delete_user, show_user, update_user};
