//! Unified limits: how much of a resource of a service each project may have (registered limits), and which projects or
//! domains have another share (limits). The model is `flat`: a project's limit has nothing to do with its parent's.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{CatalogService, Domain, OwnCatalog, Project, Region, common, policy};
use crate::{Actor, Cloud, DomainId, Error, ProjectId, Result, Row, Scope, Tx};

/// What every project may have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegisteredLimit {
    /// Its id: 32 hexadecimal digits.
    pub id: String,
    /// The service.
    pub service_id: String,
    /// The region; `None`: all.
    #[serde(default)]
    pub region_id: Option<String>,
    /// The resource (`servers`).
    pub resource_name: String,
    /// How much; -1: no limit.
    pub default_limit: i64,
    /// Free text.
    #[serde(default)]
    pub description: Option<String>,
}

common::keystone_row!(
    RegisteredLimit,
    registered_limits,
    "registered_limit",
    "RegisteredLimitNotFound",
    "registered limit"
);

/// What one project or domain may have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limit {
    /// Its id: 32 hexadecimal digits.
    pub id: String,
    /// Whose …
    #[serde(default)]
    pub project_id: Option<ProjectId>,
    /// … or whose.
    #[serde(default)]
    pub domain_id: Option<DomainId>,
    /// The service.
    pub service_id: String,
    /// The region.
    #[serde(default)]
    pub region_id: Option<String>,
    /// The resource.
    pub resource_name: String,
    /// How much; -1: no limit.
    pub resource_limit: i64,
    /// Free text.
    #[serde(default)]
    pub description: Option<String>,
}

common::keystone_row!(Limit, limits, "limit", "LimitNotFound", "limit");

/// What a request says of a registered limit; absent fields stay as they are.
#[derive(Debug, Clone, Default)]
pub struct RegisteredLimitFields {
    /// The service.
    pub service_id: Option<String>,
    /// The region.
    pub region_id: Option<Option<String>>,
    /// The resource.
    pub resource_name: Option<String>,
    /// How much.
    pub default_limit: Option<i64>,
    /// Free text.
    pub description: Option<Option<String>>,
}

fn check_amount(field: &str, amount: i64) -> Result<()> {
    if (-1..=i64::from(i32::MAX)).contains(&amount) {
        return Ok(());
    }
    Err(common::invalid(field, "it is -1 (no limit) to 2147483647"))
}

fn check_service(cloud: &Cloud, own: &dyn OwnCatalog, service: &str, region: Option<&str>) -> Result<()> {
    let id = service.to_owned();
    if !own.is_own(service) && !cloud.catalog_services.contains(&id) {
        let message = CatalogService::not_found(&id).message;
        return Err(Error::invalid("ValidationError", message));
    }
    if let Some(region) = region
        && !own.is_own(region)
        && !cloud.regions.contains(&region.to_owned())
    {
        let message = Region::not_found(&region.to_owned()).message;
        return Err(Error::invalid("ValidationError", message));
    }
    Ok(())
}

fn check_registered(cloud: &Cloud, own: &dyn OwnCatalog, row: &RegisteredLimit) -> Result<()> {
    common::check_name(&row.resource_name, 255)?;
    check_amount("default_limit", row.default_limit)?;
    check_service(cloud, own, &row.service_id, row.region_id.as_deref())?;
    let same = |other: &Arc<RegisteredLimit>| {
        other.id != row.id
            && other.service_id == row.service_id
            && other.region_id == row.region_id
            && other.resource_name == row.resource_name
    };
    if cloud.registered_limits.iter().any(same) {
        return Err(common::conflict("registered_limit", "Duplicate entry"));
    }
    Ok(())
}

/// Makes registered limits, all or none.
///
/// # Errors
/// `Forbidden`, `Invalid`; `Conflict` for one that is there.
pub fn create_registered_limits(
    tx: &mut Tx<'_>,
    actor: &Actor,
    own: &dyn OwnCatalog,
    wanted: Vec<RegisteredLimitFields>,
) -> Result<Vec<Arc<RegisteredLimit>>> {
    policy::require_admin(actor, "identity:create_registered_limits")?;
    let mut made = Vec::new();
    for fields in wanted {
        let row = RegisteredLimit {
            id: common::new_id(tx),
            service_id: fields.service_id.unwrap_or_default(),
            region_id: fields.region_id.flatten(),
            resource_name: fields.resource_name.unwrap_or_default(),
            default_limit: fields.default_limit.unwrap_or(-1),
            description: fields.description.flatten(),
        };
        check_registered(tx.cloud(), own, &row)?;
        made.push(tx.put(row));
    }
    Ok(made)
}

/// Whether a limit departs from a registered one.
fn departs_from(limit: &Limit, registered: &RegisteredLimit) -> bool {
    limit.service_id == registered.service_id
        && limit.region_id == registered.region_id
        && limit.resource_name == registered.resource_name
}

fn in_use(cloud: &Cloud, row: &RegisteredLimit) -> Result<()> {
    if cloud.limits.iter().any(|limit| departs_from(limit, row)) {
        return Err(Error::forbidden(
            "RegisteredLimitError",
            format!(
                "Unable to update or delete registered limit {} because there are project limits associated with it. \
                 Delete those first.",
                row.id
            ),
        ));
    }
    Ok(())
}

/// Changes a registered limit; what it is about only while no limit departs from it.
///
/// # Errors
/// `NotFound`, `Forbidden`, `Invalid`, `Conflict`.
pub fn update_registered_limit(
    tx: &mut Tx<'_>,
    actor: &Actor,
    own: &dyn OwnCatalog,
    id: &str,
    fields: RegisteredLimitFields,
) -> Result<Arc<RegisteredLimit>> {
    policy::require_admin(actor, "identity:update_registered_limit")?;
    let before = tx.get::<RegisteredLimit>(&id.to_owned())?;
    let mut row = RegisteredLimit::clone(&before);
    row.service_id = fields.service_id.unwrap_or(row.service_id);
    row.region_id = fields.region_id.unwrap_or(row.region_id);
    row.resource_name = fields.resource_name.unwrap_or(row.resource_name);
    row.default_limit = fields.default_limit.unwrap_or(row.default_limit);
    row.description = fields.description.unwrap_or(row.description);
    check_registered(tx.cloud(), own, &row)?;
    in_use(tx.cloud(), &before)?;
    Ok(tx.put(row))
}

/// Deletes a registered limit that no limit departs from.
///
/// # Errors
/// `NotFound`, `Forbidden`.
pub fn delete_registered_limit(tx: &mut Tx<'_>, actor: &Actor, id: &str) -> Result<()> {
    policy::require_admin(actor, "identity:delete_registered_limit")?;
    let row = tx.get::<RegisteredLimit>(&id.to_owned())?;
    in_use(tx.cloud(), &row)?;
    tx.delete::<RegisteredLimit>(&row.id);
    Ok(())
}

/// A limit as a request writes it.
#[derive(Debug, Clone)]
pub struct NewLimit {
    /// Whose …
    pub project_id: Option<ProjectId>,
    /// … or whose.
    pub domain_id: Option<DomainId>,
    /// The service.
    pub service_id: String,
    /// The region.
    pub region_id: Option<String>,
    /// The resource.
    pub resource_name: String,
    /// How much.
    pub resource_limit: i64,
    /// Free text.
    pub description: Option<String>,
}

/// Makes limits, all or none.
///
/// # Errors
/// `Forbidden`; `Invalid`, also without a registered limit; `Conflict` for one that is there.
pub fn create_limits(
    tx: &mut Tx<'_>,
    actor: &Actor,
    own: &dyn OwnCatalog,
    wanted: Vec<NewLimit>,
) -> Result<Vec<Arc<Limit>>> {
    policy::require_admin(actor, "identity:create_limits")?;
    let mut made = Vec::new();
    for new in wanted {
        let row = Limit {
            id: common::new_id(tx),
            project_id: new.project_id,
            domain_id: new.domain_id,
            service_id: new.service_id,
            region_id: new.region_id,
            resource_name: new.resource_name,
            resource_limit: new.resource_limit,
            description: new.description,
        };
        check_limit(tx.cloud(), own, &row)?;
        made.push(tx.put(row));
    }
    Ok(made)
}

fn check_limit(cloud: &Cloud, own: &dyn OwnCatalog, row: &Limit) -> Result<()> {
    check_amount("resource_limit", row.resource_limit)?;
    check_service(cloud, own, &row.service_id, row.region_id.as_deref())?;
    match (&row.project_id, &row.domain_id) {
        (Some(project), None) => {
            cloud
                .get::<Project>(project)
                .map_err(|_| common::invalid("project_id", "there is no such project"))?;
        }
        (None, Some(domain)) => {
            cloud
                .get::<Domain>(domain)
                .map_err(|_| common::invalid("domain_id", "there is no such domain"))?;
        }
        _ => {
            return Err(common::invalid(
                "project_id",
                "a limit is for either a project or a domain",
            ));
        }
    }
    if !cloud
        .registered_limits
        .iter()
        .any(|registered| departs_from(row, registered))
    {
        return Err(Error::invalid(
            "NoLimitReference",
            "Unable to create a limit that has no corresponding registered limit.",
        ));
    }
    let same = |other: &Arc<Limit>| {
        other.project_id == row.project_id
            && other.domain_id == row.domain_id
            && other.service_id == row.service_id
            && other.region_id == row.region_id
            && other.resource_name == row.resource_name
    };
    if cloud.limits.iter().any(same) {
        return Err(common::conflict("limit", "Duplicate entry"));
    }
    Ok(())
}

/// Changes how much a limit allows.
///
/// # Errors
/// `NotFound`, `Forbidden`, `Invalid`.
pub fn update_limit(
    tx: &mut Tx<'_>,
    actor: &Actor,
    id: &str,
    resource_limit: Option<i64>,
    description: Option<Option<String>>,
) -> Result<Arc<Limit>> {
    policy::require_admin(actor, "identity:update_limit")?;
    if let Some(amount) = resource_limit {
        check_amount("resource_limit", amount)?;
    }
    tx.update::<Limit>(&id.to_owned(), |row| {
        row.resource_limit = resource_limit.unwrap_or(row.resource_limit);
        if let Some(description) = description {
            row.description = description;
        }
    })
}

/// Deletes a limit: the registered one holds again.
///
/// # Errors
/// `NotFound`, `Forbidden`.
pub fn delete_limit(tx: &mut Tx<'_>, actor: &Actor, id: &str) -> Result<()> {
    policy::require_admin(actor, "identity:delete_limit")?;
    let row = tx.get::<Limit>(&id.to_owned())?;
    tx.delete::<Limit>(&row.id);
    Ok(())
}

/// Whether the caller may see a limit: their own project's or domain's (and its projects'); all, the administrator and a
/// reader of the system.
pub fn may_see_limit(cloud: &Cloud, actor: &Actor, limit: &Limit) -> bool {
    if policy::may_read(actor, None) {
        return true;
    }
    match &actor.scope {
        Scope::Project { id, .. } => limit.project_id.as_ref() == Some(id),
        Scope::Domain { id } => {
            let of_project = limit
                .project_id
                .as_ref()
                .and_then(|project| cloud.projects.get(project));
            limit.domain_id.as_ref() == Some(id) || of_project.is_some_and(|project| project.domain_id == *id)
        }
        Scope::Unscoped | Scope::System => false,
    }
}

/// Deletes what is about a project, a domain or a service that goes.
pub(super) fn forget(tx: &mut Tx<'_>, goes: impl Fn(&Limit) -> bool) {
    let rows = tx.cloud().limits.iter();
    let ids: Vec<String> = rows.filter(|row| goes(row)).map(|row| row.id.clone()).collect();
    for id in ids {
        tx.delete::<Limit>(&id);
    }
}
