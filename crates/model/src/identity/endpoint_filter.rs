//! Which endpoints the catalog of a project's tokens has (`OS-EP-FILTER`): single endpoints, and groups of all endpoints
//! with certain attributes. A project that none were entered for sees them all.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{CatalogService, Endpoint, JoinedKey, OwnCatalog, Project, common, policy};
use crate::cloud::{Lookups, Row};
use crate::{Actor, Cloud, Error, ProjectId, Result, Tx};

/// Endpoints that have something in common.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndpointGroup {
    /// Its id: 32 hexadecimal digits.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Free text.
    #[serde(default)]
    pub description: Option<String>,
    /// What the endpoints have in common: `service_id`, `region_id`, `interface`, `enabled`.
    pub filters: BTreeMap<String, serde_json::Value>,
}

common::keystone_row!(
    EndpointGroup,
    endpoint_groups,
    "endpoint_group",
    "EndpointGroupNotFound",
    "endpoint group"
);

/// What may be filtered by.
const FILTERS: [&str; 4] = ["service_id", "region_id", "interface", "enabled"];

impl EndpointGroup {
    /// Whether an endpoint belongs to the group.
    pub fn holds(&self, endpoint: &Endpoint) -> bool {
        self.filters.iter().all(|(name, wanted)| match name.as_str() {
            "service_id" => wanted.as_str() == Some(&endpoint.service_id),
            "region_id" => wanted.as_str() == endpoint.region_id.as_deref(),
            "interface" => wanted.as_str() == Some(endpoint.interface.as_str()),
            "enabled" => wanted.as_bool() == Some(endpoint.enabled),
            _ => false,
        })
    }
}

/// What a project sees: an endpoint or a group of them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Visible {
    /// One endpoint.
    Endpoint(String),
    /// A group of endpoints.
    Group(String),
}

/// An endpoint, or a group of them, that a project's tokens list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndpointAssociation {
    /// The project.
    pub project_id: ProjectId,
    /// What it sees.
    pub visible: Visible,
}

impl Row for EndpointAssociation {
    type Id = JoinedKey;
    const KIND: &'static str = "endpoint_association";
    crate::table!(EndpointAssociation, endpoint_associations);
    fn id(&self) -> JoinedKey {
        let visible = match &self.visible {
            Visible::Endpoint(id) => format!("endpoint:{id}"),
            Visible::Group(id) => format!("group:{id}"),
        };
        JoinedKey(vec![self.project_id.to_string(), visible])
    }
    fn not_found(id: &JoinedKey) -> Error {
        let part = |i: usize| id.0.get(i).cloned().unwrap_or_default();
        Error::not_found(
            "NotFound",
            format!("Endpoint {} not found in project {}.", part(1), part(0)),
        )
    }
    fn index(&self, lookups: &mut Lookups, _present: bool) {
        lookups.identity_generation += 1;
    }
}

/// What a request says of an endpoint group; absent fields stay as they are.
#[derive(Debug, Clone, Default)]
pub struct EndpointGroupFields {
    /// Its name.
    pub name: Option<String>,
    /// Free text.
    pub description: Option<Option<String>>,
    /// What the endpoints have in common.
    pub filters: Option<BTreeMap<String, serde_json::Value>>,
}

fn apply(tx: &Tx<'_>, own: &dyn OwnCatalog, fields: EndpointGroupFields, row: &mut EndpointGroup) -> Result<()> {
    if let Some(name) = fields.name {
        common::check_name(&name, 255)?;
        row.name = name;
    }
    if let Some(description) = fields.description {
        row.description = description;
    }
    if let Some(filters) = fields.filters {
        if filters.is_empty() || filters.keys().any(|name| !FILTERS.contains(&name.as_str())) {
            return Err(common::invalid(
                "filters",
                format!("it has at least one of {}", FILTERS.join(", ")),
            ));
        }
        let service = filters.get("service_id").and_then(|id| id.as_str());
        if let Some(id) = service
            && !own.is_own(id)
            && !tx.cloud().catalog_services.contains(&id.to_owned())
        {
            return Err(CatalogService::not_found(&id.to_owned()));
        }
        row.filters = filters;
    }
    Ok(())
}

/// Makes an endpoint group.
///
/// # Errors
/// `Forbidden`, `Invalid`; `NotFound` for a service there is not.
pub fn create_endpoint_group(
    tx: &mut Tx<'_>,
    actor: &Actor,
    own: &dyn OwnCatalog,
    fields: EndpointGroupFields,
) -> Result<Arc<EndpointGroup>> {
    policy::require_admin(actor, "identity:create_endpoint_group")?;
    let mut row = EndpointGroup {
        id: common::new_id(tx),
        name: String::new(),
        description: None,
        filters: BTreeMap::new(),
    };
    apply(tx, own, fields, &mut row)?;
    Ok(tx.put(row))
}

/// Changes an endpoint group.
///
/// # Errors
/// `NotFound`, `Forbidden`, `Invalid`.
pub fn update_endpoint_group(
    tx: &mut Tx<'_>,
    actor: &Actor,
    own: &dyn OwnCatalog,
    id: &str,
    fields: EndpointGroupFields,
) -> Result<Arc<EndpointGroup>> {
    policy::require_admin(actor, "identity:update_endpoint_group")?;
    let mut row = EndpointGroup::clone(&*tx.get::<EndpointGroup>(&id.to_owned())?);
    apply(tx, own, fields, &mut row)?;
    Ok(tx.put(row))
}

/// Deletes an endpoint group; projects that saw only this one see everything again.
///
/// # Errors
/// `NotFound`, `Forbidden`.
pub fn delete_endpoint_group(tx: &mut Tx<'_>, actor: &Actor, id: &str) -> Result<()> {
    policy::require_admin(actor, "identity:delete_endpoint_group")?;
    let row = tx.get::<EndpointGroup>(&id.to_owned())?;
    forget(tx, |association| association.visible == Visible::Group(row.id.clone()));
    tx.delete::<EndpointGroup>(&row.id);
    Ok(())
}

/// Ends associations of what goes.
pub(super) fn forget(tx: &mut Tx<'_>, goes: impl Fn(&EndpointAssociation) -> bool) {
    let rows = tx.cloud().endpoint_associations.iter();
    let keys: Vec<JoinedKey> = rows.filter(|row| goes(row)).map(|row| row.id()).collect();
    for key in keys {
        tx.delete::<EndpointAssociation>(&key);
    }
}

/// Shows a project an endpoint or a group.
///
/// # Errors
/// `NotFound`, `Forbidden`.
pub fn add_association(tx: &mut Tx<'_>, actor: &Actor, own: &dyn OwnCatalog, row: EndpointAssociation) -> Result<()> {
    policy::require_admin(actor, "identity:add_endpoint_to_project")?;
    let cloud = tx.cloud();
    cloud.get::<Project>(&row.project_id)?;
    match &row.visible {
        Visible::Endpoint(id) if own.is_own(id) => {}
        Visible::Endpoint(id) => {
            cloud.get::<Endpoint>(id)?;
        }
        Visible::Group(id) => {
            cloud.get::<EndpointGroup>(id)?;
        }
    }
    tx.put(row);
    Ok(())
}

/// Whether a project is shown something.
///
/// # Errors
/// `NotFound`, `Forbidden`.
pub fn check_association(cloud: &Cloud, actor: &Actor, row: &EndpointAssociation) -> Result<()> {
    policy::require_read(actor, None, "identity:check_endpoint_in_project")?;
    cloud.get::<EndpointAssociation>(&row.id()).map(|_| ())
}

/// Ends what [`add_association`] made.
///
/// # Errors
/// `NotFound`, `Forbidden`.
pub fn remove_association(tx: &mut Tx<'_>, actor: &Actor, row: &EndpointAssociation) -> Result<()> {
    policy::require_admin(actor, "identity:remove_endpoint_from_project")?;
    let key = row.id();
    tx.delete::<EndpointAssociation>(&key)
        .map(|_| ())
        .ok_or_else(|| EndpointAssociation::not_found(&key))
}

/// What a project is shown.
pub fn associations_of<'a>(cloud: &'a Cloud, project: &'a ProjectId) -> impl Iterator<Item = &'a Visible> {
    cloud
        .endpoint_associations
        .starting_at(JoinedKey(vec![project.to_string()]))
        .take_while(move |row| row.project_id == *project)
        .map(|row| &row.visible)
}

/// Whether a project's catalog has an endpoint.
pub fn sees_endpoint(cloud: &Cloud, project: &ProjectId, endpoint: &Endpoint) -> bool {
    let mut any = false;
    for visible in associations_of(cloud, project) {
        any = true;
        let fits = match visible {
            Visible::Endpoint(id) => *id == endpoint.id,
            Visible::Group(id) => cloud.endpoint_groups.get(id).is_some_and(|group| group.holds(endpoint)),
        };
        if fits {
            return true;
        }
    }
    !any
}
