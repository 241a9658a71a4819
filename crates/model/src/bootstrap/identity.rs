//! Identity of a new cloud: domain, projects, users, roles and who has which, and the first key for tokens.

use std::collections::{BTreeMap, BTreeSet};

use crate::identity::{
    Assignment, AssignmentTarget, Domain, Holder, Project, Role, RoleImplication, Rotation, User, rotate_token_keys,
};
use crate::{DomainId, Error, ProjectId, Result, RoleId, Tx, UserId};

/// The first domain's id.
pub const DEFAULT_DOMAIN: &str = "default";

/// Password hashes (PHC form) of the first users.
pub struct FirstPasswords {
    /// Of `admin`.
    pub admin_hash: String,
    /// Of `demo`.
    pub demo_hash: String,
}

/// What the other services' beginnings refer to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdentityIds {
    /// The domain `Default`.
    pub domain: DomainId,
    /// The administrators' project.
    pub admin_project: ProjectId,
    /// The project `demo`.
    pub demo_project: ProjectId,
    /// The project of the services' own users.
    pub service_project: ProjectId,
    /// The administrator.
    pub admin_user: UserId,
    /// The user `demo`.
    pub demo_user: UserId,
}

/// The roles of every OpenStack cloud, each bringing the one after it; `service` stands for itself.
const ROLE_CHAIN: [&str; 4] = ["admin", "manager", "member", "reader"];

/// Makes them. Where there is a domain already, nothing is changed.
///
/// # Errors
/// `NotFound` when the cloud exists and one of the first objects has been deleted or renamed since.
pub fn identity(tx: &mut Tx<'_>, passwords: FirstPasswords) -> Result<IdentityIds> {
    if !tx.cloud().domains.is_empty() {
        return existing(tx);
    }
    let domain = DomainId::from(DEFAULT_DOMAIN);
    tx.put(Domain {
        id: domain.clone(),
        name: "Default".to_owned(),
        description: "The default domain".to_owned(),
        enabled: true,
        tags: BTreeSet::new(),
        extra: BTreeMap::new(),
    });
    let admin_project = project(tx, "admin", "Bootstrap project for initializing the cloud.");
    let demo_project = project(tx, "demo", "");
    let service_project = project(tx, "service", "");
    let [admin, _, member, _] = ROLE_CHAIN.map(|name| role(tx, name));
    role(tx, "service");
    link_roles(tx);
    let admin_user = user(tx, "admin", passwords.admin_hash);
    let demo_user = user(tx, "demo", passwords.demo_hash);
    for (user, role, target) in [
        (&admin_user, &admin, AssignmentTarget::Project(admin_project.clone())),
        (&admin_user, &admin, AssignmentTarget::Project(demo_project.clone())),
        (&admin_user, &admin, AssignmentTarget::Domain(domain.clone())),
        (&admin_user, &admin, AssignmentTarget::System),
        (&demo_user, &member, AssignmentTarget::Project(demo_project.clone())),
    ] {
        tx.put(Assignment {
            holder: Holder::User(user.clone()),
            target,
            role_id: role.clone(),
            inherited: false,
        });
    }
    rotate_token_keys(tx, Rotation::WhenDue);
    Ok(IdentityIds {
        domain,
        admin_project,
        demo_project,
        service_project,
        admin_user,
        demo_user,
    })
}

fn existing(tx: &Tx<'_>) -> Result<IdentityIds> {
    let domain = DomainId::from(DEFAULT_DOMAIN);
    let lookups = &tx.cloud().lookups;
    let gone = |what: &str| Error::not_found("NotFound", format!("The cloud's first {what} is gone."));
    let project = |name: &str| {
        let key = (domain.clone(), name.to_owned());
        lookups
            .projects_by_name
            .first(&key)
            .cloned()
            .ok_or_else(|| gone(&format!("project '{name}'")))
    };
    let user = |name: &str| {
        let key = (domain.clone(), name.to_owned());
        lookups
            .users_by_name
            .first(&key)
            .cloned()
            .ok_or_else(|| gone(&format!("user '{name}'")))
    };
    Ok(IdentityIds {
        admin_project: project("admin")?,
        demo_project: project("demo")?,
        service_project: project("service")?,
        admin_user: user("admin")?,
        demo_user: user("demo")?,
        domain: domain.clone(),
    })
}

fn project(tx: &mut Tx<'_>, name: &str, description: &str) -> ProjectId {
    let id: ProjectId = tx.new_id();
    tx.put(Project {
        id: id.clone(),
        name: name.to_owned(),
        domain_id: DEFAULT_DOMAIN.into(),
        parent_id: None,
        description: description.to_owned(),
        enabled: true,
        tags: BTreeSet::new(),
        extra: BTreeMap::new(),
    });
    id
}

fn role(tx: &mut Tx<'_>, name: &str) -> RoleId {
    let id: RoleId = tx.new_id();
    tx.put(Role {
        id: id.clone(),
        name: name.to_owned(),
        domain_id: None,
        description: None,
        // The cloud can't be run without them.
        options: BTreeMap::from([("immutable".to_owned(), true.into())]),
    });
    id
}

fn link_roles(tx: &mut Tx<'_>) {
    let of = |tx: &Tx<'_>, name: &str| {
        tx.cloud()
            .lookups
            .roles_by_name
            .first(&(None, name.to_owned()))
            .cloned()
    };
    for pair in ROLE_CHAIN.windows(2) {
        if let (Some(prior), Some(implied)) = (of(tx, pair[0]), of(tx, pair[1])) {
            tx.put(RoleImplication { prior, implied });
        }
    }
}

fn user(tx: &mut Tx<'_>, name: &str, password_hash: String) -> UserId {
    let id: UserId = tx.new_id();
    let now = tx.now();
    tx.put(User {
        id: id.clone(),
        name: name.to_owned(),
        domain_id: DEFAULT_DOMAIN.into(),
        description: None,
        email: None,
        default_project_id: None,
        enabled: true,
        password_hash: Some(password_hash),
        password_created_at: Some(now),
        password_history: Vec::new(),
        failed_logins: 0,
        last_failed_login: None,
        options: BTreeMap::new(),
        extra: BTreeMap::new(),
    });
    id
}
