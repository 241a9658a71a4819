//! What an administrator enters into the catalog besides the cloud's own services: regions, services, endpoints.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{common, policy};
use crate::cloud::{Lookups, Row};
use crate::{Actor, Error, Result, Tx, UserId};

/// A region.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Region {
    /// Its id: the name people use.
    pub id: String,
    /// Free text.
    pub description: String,
    /// The region it is part of.
    #[serde(default)]
    pub parent_region_id: Option<String>,
    /// Attributes users added.
    #[serde(default)]
    pub extra: BTreeMap<String, serde_json::Value>,
}

impl Row for Region {
    type Id = String;
    const KIND: &'static str = "region";
    crate::table!(Region, regions);
    fn id(&self) -> String {
        self.id.clone()
    }
    fn not_found(id: &String) -> Error {
        Error::not_found("RegionNotFound", format!("Could not find region: {id}."))
    }
    fn index(&self, lookups: &mut Lookups, _present: bool) {
        lookups.identity_generation += 1;
    }
}

/// A service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CatalogService {
    /// Its id: 32 hexadecimal digits.
    pub id: String,
    /// What it is (`load-balancer`): clients look it up by this.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its name; may be empty.
    pub name: String,
    /// Free text.
    #[serde(default)]
    pub description: Option<String>,
    /// Whether tokens list it.
    pub enabled: bool,
    /// Attributes users added.
    #[serde(default)]
    pub extra: BTreeMap<String, serde_json::Value>,
}

impl Row for CatalogService {
    type Id = String;
    const KIND: &'static str = "service";
    crate::table!(CatalogService, catalog_services);
    fn id(&self) -> String {
        self.id.clone()
    }
    fn not_found(id: &String) -> Error {
        Error::not_found("ServiceNotFound", format!("Could not find service: {id}."))
    }
    fn index(&self, lookups: &mut Lookups, _present: bool) {
        lookups.identity_generation += 1;
    }
}

/// Where a service is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoint {
    /// Its id: 32 hexadecimal digits.
    pub id: String,
    /// The service: one of the rows, or one of the cloud's own.
    pub service_id: String,
    /// For whom.
    pub interface: Interface,
    /// The address; may hold `$(project_id)s`, `$(tenant_id)s` and `$(user_id)s`.
    pub url: String,
    /// The region.
    #[serde(default)]
    pub region_id: Option<String>,
    /// Whether tokens list it.
    pub enabled: bool,
    /// Attributes users added.
    #[serde(default)]
    pub extra: BTreeMap<String, serde_json::Value>,
}

/// For whom an endpoint is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Interface {
    /// For users.
    Public,
    /// For other services.
    Internal,
    /// For administrators.
    Admin,
}

impl Interface {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Public, Self::Internal, Self::Admin];

    /// Keystone's word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Internal => "internal",
            Self::Admin => "admin",
        }
    }
}

impl Row for Endpoint {
    type Id = String;
    const KIND: &'static str = "endpoint";
    crate::table!(Endpoint, endpoints);
    fn id(&self) -> String {
        self.id.clone()
    }
    fn not_found(id: &String) -> Error {
        Error::not_found("EndpointNotFound", format!("Could not find endpoint: {id}."))
    }
    fn index(&self, lookups: &mut Lookups, _present: bool) {
        lookups.identity_generation += 1;
    }
}

/// The part of the catalog that is the program's own: it is the same on every cloud and can't be changed.
pub trait OwnCatalog: Send + Sync {
    /// Whether a service, an endpoint or a region with this id is one of the program's own.
    fn is_own(&self, id: &str) -> bool;
}

fn require_admin(actor: &Actor, own: &dyn OwnCatalog, id: &str, action: &str) -> Result<()> {
    policy::require_admin(actor, action)?;
    if own.is_own(id) {
        return Err(policy::not_allowed(format!(
            "{id} belongs to the cloud's own services, whose entries in the catalog can't be changed"
        )));
    }
    Ok(())
}

fn new_id(tx: &mut Tx<'_>) -> String {
    tx.new_id::<UserId>().to_string()
}

/// What a request says of a region; absent fields stay as they are.
#[derive(Debug, Clone, Default)]
pub struct RegionFields {
    /// Its id; only at creation. One is made when it is absent.
    pub id: Option<String>,
    /// Free text.
    pub description: Option<String>,
    /// The region it is part of.
    pub parent_region_id: Option<Option<String>>,
    /// Attributes of the user's own.
    pub extra: BTreeMap<String, serde_json::Value>,
}

fn apply_region(tx: &Tx<'_>, own: &dyn OwnCatalog, fields: RegionFields, region: &mut Region) -> Result<()> {
    if let Some(description) = fields.description {
        region.description = description;
    }
    if let Some(parent) = fields.parent_region_id {
        let mut above = parent.clone();
        while let Some(id) = above {
            if id == region.id {
                return Err(Error::invalid(
                    "CircularRegionHierarchyError",
                    format!("The specified parent region {id} would create a circular region hierarchy."),
                ));
            }
            above = match tx.cloud().regions.get(&id) {
                Some(row) => row.parent_region_id.clone(),
                None if own.is_own(&id) => None,
                None => return Err(Region::not_found(&id)),
            };
        }
        region.parent_region_id = parent;
    }
    region.extra.extend(fields.extra);
    Ok(())
}

/// Makes a region.
///
/// # Errors
/// `Forbidden`; `NotFound` for a parent there is not; `Conflict` for an id that is taken; `Invalid`.
pub fn create_region(
    tx: &mut Tx<'_>,
    actor: &Actor,
    own: &dyn OwnCatalog,
    fields: RegionFields,
) -> Result<Arc<Region>> {
    policy::require_admin(actor, "identity:create_region")?;
    let id = fields
        .id
        .clone()
        .filter(|id| !id.is_empty())
        .unwrap_or_else(|| new_id(tx));
    common::check_name(&id, 255)?;
    if own.is_own(&id) || tx.cloud().regions.contains(&id) {
        return Err(common::conflict("region", format!("Duplicate ID, {id}")));
    }
    let mut region = Region {
        id,
        description: String::new(),
        parent_region_id: None,
        extra: BTreeMap::new(),
    };
    apply_region(tx, own, fields, &mut region)?;
    Ok(tx.put(region))
}

/// Changes a region.
///
/// # Errors
/// `NotFound`; `Forbidden`, also for the cloud's own; `Invalid`.
pub fn update_region(
    tx: &mut Tx<'_>,
    actor: &Actor,
    own: &dyn OwnCatalog,
    id: &str,
    fields: RegionFields,
) -> Result<Arc<Region>> {
    require_admin(actor, own, id, "identity:update_region")?;
    let mut region = Region::clone(&*tx.get::<Region>(&id.to_owned())?);
    apply_region(tx, own, fields, &mut region)?;
    Ok(tx.put(region))
}

/// Deletes a region that nothing is in.
///
/// # Errors
/// `NotFound`; `Forbidden`, also while there are endpoints or regions in it.
pub fn delete_region(tx: &mut Tx<'_>, actor: &Actor, own: &dyn OwnCatalog, id: &str) -> Result<()> {
    require_admin(actor, own, id, "identity:delete_region")?;
    let region = tx.get::<Region>(&id.to_owned())?;
    let cloud = tx.cloud();
    let in_use = cloud.endpoints.iter().any(|row| row.region_id.as_deref() == Some(id))
        || cloud
            .regions
            .iter()
            .any(|row| row.parent_region_id.as_deref() == Some(id));
    if in_use {
        return Err(Error::forbidden(
            "RegionDeletionError",
            format!("Unable to delete region {id} because it or its child regions have associated endpoints."),
        ));
    }
    tx.delete::<Region>(&region.id);
    Ok(())
}

/// What a request says of a service; absent fields stay as they are.
#[derive(Debug, Clone, Default)]
pub struct ServiceFields {
    /// What it is.
    pub kind: Option<String>,
    /// Its name.
    pub name: Option<String>,
    /// Free text.
    pub description: Option<Option<String>>,
    /// Whether tokens list it.
    pub enabled: Option<bool>,
    /// Attributes of the user's own.
    pub extra: BTreeMap<String, serde_json::Value>,
}

impl ServiceFields {
    fn apply(self, service: &mut CatalogService) -> Result<()> {
        if let Some(kind) = self.kind {
            if kind.trim().is_empty() || kind.len() > 255 {
                return Err(common::invalid("type", "it has 1 to 255 characters"));
            }
            service.kind = kind;
        }
        if let Some(name) = self.name {
            service.name = name;
        }
        if let Some(description) = self.description {
            service.description = description;
        }
        if let Some(enabled) = self.enabled {
            service.enabled = enabled;
        }
        service.extra.extend(self.extra);
        Ok(())
    }
}

/// Makes a service.
///
/// # Errors
/// `Forbidden`, `Invalid`.
pub fn create_service(tx: &mut Tx<'_>, actor: &Actor, fields: ServiceFields) -> Result<Arc<CatalogService>> {
    policy::require_admin(actor, "identity:create_service")?;
    let mut service = CatalogService {
        id: new_id(tx),
        kind: String::new(),
        name: String::new(),
        description: None,
        enabled: true,
        extra: BTreeMap::new(),
    };
    fields.apply(&mut service)?;
    Ok(tx.put(service))
}

/// Changes a service.
///
/// # Errors
/// `NotFound`; `Forbidden`, also for the cloud's own; `Invalid`.
pub fn update_service(
    tx: &mut Tx<'_>,
    actor: &Actor,
    own: &dyn OwnCatalog,
    id: &str,
    fields: ServiceFields,
) -> Result<Arc<CatalogService>> {
    require_admin(actor, own, id, "identity:update_service")?;
    let mut service = CatalogService::clone(&*tx.get::<CatalogService>(&id.to_owned())?);
    fields.apply(&mut service)?;
    Ok(tx.put(service))
}

/// Deletes a service and its endpoints.
///
/// # Errors
/// `NotFound`; `Forbidden`, also for the cloud's own.
pub fn delete_service(tx: &mut Tx<'_>, actor: &Actor, own: &dyn OwnCatalog, id: &str) -> Result<()> {
    require_admin(actor, own, id, "identity:delete_service")?;
    let service = tx.get::<CatalogService>(&id.to_owned())?;
    let endpoints: Vec<String> = tx
        .cloud()
        .endpoints
        .iter()
        .filter(|row| row.service_id == id)
        .map(|row| row.id.clone())
        .collect();
    for endpoint in endpoints {
        tx.delete::<Endpoint>(&endpoint);
    }
    tx.delete::<CatalogService>(&service.id);
    Ok(())
}

/// What a request says of an endpoint; absent fields stay as they are.
#[derive(Debug, Clone, Default)]
pub struct EndpointFields {
    /// The service.
    pub service_id: Option<String>,
    /// For whom.
    pub interface: Option<Interface>,
    /// The address.
    pub url: Option<String>,
    /// The region, which must exist …
    pub region_id: Option<Option<String>>,
    /// … or, by its older name, is made.
    pub region: Option<String>,
    /// Whether tokens list it.
    pub enabled: Option<bool>,
    /// Attributes of the user's own.
    pub extra: BTreeMap<String, serde_json::Value>,
}

fn apply_endpoint(
    tx: &mut Tx<'_>,
    own: &dyn OwnCatalog,
    fields: EndpointFields,
    endpoint: &mut Endpoint,
) -> Result<()> {
    if let Some(id) = fields.service_id {
        if !own.is_own(&id) && !tx.cloud().catalog_services.contains(&id) {
            return Err(Error::invalid(
                "ValidationError",
                format!("Could not find service: {id}."),
            ));
        }
        endpoint.service_id = id;
    }
    if let Some(interface) = fields.interface {
        endpoint.interface = interface;
    }
    if let Some(url) = fields.url {
        check_url(&url)?;
        endpoint.url = url;
    }
    if let Some(region) = fields.region {
        common::check_name(&region, 255)?;
        if !own.is_own(&region) && !tx.cloud().regions.contains(&region) {
            tx.put(Region {
                id: region.clone(),
                description: String::new(),
                parent_region_id: None,
                extra: BTreeMap::new(),
            });
        }
        endpoint.region_id = Some(region);
    }
    if let Some(region) = fields.region_id {
        if let Some(id) = &region
            && !own.is_own(id)
            && !tx.cloud().regions.contains(id)
        {
            return Err(Error::invalid(
                "ValidationError",
                format!("Could not find region: {id}."),
            ));
        }
        endpoint.region_id = region;
    }
    if let Some(enabled) = fields.enabled {
        endpoint.enabled = enabled;
    }
    endpoint.extra.extend(fields.extra);
    Ok(())
}

/// An address has a scheme and no placeholder but those that are filled in.
fn check_url(url: &str) -> Result<()> {
    let without = [
        "$(project_id)s",
        "$(tenant_id)s",
        "$(user_id)s",
        "%(project_id)s",
        "%(tenant_id)s",
        "%(user_id)s",
    ]
    .iter()
    .fold(url.to_owned(), |url, known| url.replace(known, ""));
    if url.len() > 2048 || !url.contains("://") || without.contains("$(") || without.contains("%(") {
        return Err(common::invalid(
            "url",
            "it must be an absolute address, with no placeholders but $(project_id)s and $(user_id)s",
        ));
    }
    Ok(())
}

/// Makes an endpoint.
///
/// # Errors
/// `Forbidden`; `Invalid` for a bad address or a service or region there is not.
pub fn create_endpoint(
    tx: &mut Tx<'_>,
    actor: &Actor,
    own: &dyn OwnCatalog,
    fields: EndpointFields,
) -> Result<Arc<Endpoint>> {
    policy::require_admin(actor, "identity:create_endpoint")?;
    let mut endpoint = Endpoint {
        id: new_id(tx),
        service_id: String::new(),
        interface: Interface::Public,
        url: String::new(),
        region_id: None,
        enabled: true,
        extra: BTreeMap::new(),
    };
    apply_endpoint(tx, own, fields, &mut endpoint)?;
    Ok(tx.put(endpoint))
}

/// Changes an endpoint.
///
/// # Errors
/// `NotFound`; `Forbidden`, also for the cloud's own; `Invalid`.
pub fn update_endpoint(
    tx: &mut Tx<'_>,
    actor: &Actor,
    own: &dyn OwnCatalog,
    id: &str,
    fields: EndpointFields,
) -> Result<Arc<Endpoint>> {
    require_admin(actor, own, id, "identity:update_endpoint")?;
    let mut endpoint = Endpoint::clone(&*tx.get::<Endpoint>(&id.to_owned())?);
    apply_endpoint(tx, own, fields, &mut endpoint)?;
    Ok(tx.put(endpoint))
}

/// Deletes an endpoint.
///
/// # Errors
/// `NotFound`; `Forbidden`, also for the cloud's own.
pub fn delete_endpoint(tx: &mut Tx<'_>, actor: &Actor, own: &dyn OwnCatalog, id: &str) -> Result<()> {
    require_admin(actor, own, id, "identity:delete_endpoint")?;
    let id = id.to_owned();
    tx.delete::<Endpoint>(&id)
        .map(|_| ())
        .ok_or_else(|| Endpoint::not_found(&id))
}
