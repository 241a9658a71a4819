//! Keystone's resources: who there is and what they may do.
//!
//! ```text
//!  Domain ─┬─ Project ◄──┐
//!          ├─ User ──┐   │ target          Role ──RoleImplication──► Role
//!          └─ Group ─┴─ Assignment ──────────┘
//!  TokenClaims (sealed by `control` with a TokenKey) ── admit ──► Actor      Revocation: claims that hold no more
//! ```

mod access_rule;
mod application_credential;
mod assignment;
mod catalog;
mod common;
mod consumer;
mod credential;
mod domain;
mod domain_config;
mod effective;
mod endpoint_filter;
mod group;
mod key;
mod left_behind;
mod limit;
pub mod policy;
mod policy_document;
mod project;
mod role;
#[cfg(test)]
mod tests;
mod token;
mod trust;
mod user;

pub use access_rule::{AccessRule, WantedRule, delete_access_rule, list_access_rules, show_access_rule};
pub use application_credential::{
    ApplicationCredential, ByToken, NewApplicationCredential, create_application_credential,
    delete_application_credential, list_application_credentials, show_application_credential,
};
pub use assignment::{
    Assignment, AssignmentTarget, Holder, assignments_of, check_assignment, create_assignment, delete_assignment,
    effective_roles, given_roles, projects_of, reaches, require_read_target,
};
pub use catalog::{
    CatalogService, Endpoint, EndpointFields, Interface, OwnCatalog, Region, RegionFields, ServiceFields,
    create_endpoint, create_region, create_service, delete_endpoint, delete_region, delete_service, update_endpoint,
    update_region, update_service,
};
pub use common::Progress;
pub use consumer::{Consumer, create_consumer, delete_consumer, update_consumer};
pub use credential::{
    Credential, CredentialFields, EC2, NewCredential, create_credential, delete_credential, list_credentials,
    show_credential, update_credential,
};
pub use domain::{Domain, DomainFields, create_domain, delete_domain, show_domain, update_domain};
pub use domain_config::{
    ConfigPart, DomainConfig, Groups, delete_domain_config, put_domain_config, show_default_config, show_domain_config,
    update_domain_config,
};
pub use effective::{Grant, Origin, effective_grants};
pub use endpoint_filter::{
    EndpointAssociation, EndpointGroup, EndpointGroupFields, Visible, add_association, associations_of,
    check_association, create_endpoint_group, delete_endpoint_group, remove_association, sees_endpoint,
    update_endpoint_group,
};
pub use group::{
    Group, GroupFields, GroupMembership, add_to_group, create_group, delete_group, remove_from_group, show_group,
    update_group,
};
pub use key::JoinedKey;
pub use limit::{
    Limit, NewLimit, RegisteredLimit, RegisteredLimitFields, create_limits, create_registered_limits, delete_limit,
    delete_registered_limit, may_see_limit, update_limit, update_registered_limit,
};
pub use policy_document::{PolicyDocument, PolicyFields, create_policy, delete_policy, update_policy};
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
pub use trust::{MAX_REDELEGATION, NewTrust, Trust, create_trust, delete_trust, list_trusts, show_trust, use_trust};
pub use user::{
    User, UserFields, change_own_password, count_failed_login, create_user, delete_user, forget_failed_logins,
    show_user, update_user,
};
