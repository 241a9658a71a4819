//! Neutron's service profiles: by which driver a flavor of a service ([`super::service_flavor`]) is carried out.
//!
//! Administrators make and see them. A driver is a provider's; Maru has one: routers on one host, under the name of Neutron's
//! driver for those.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Standard;
use super::access::{Resource, get_changeable, invalid_input, require};
use super::service_flavor::{L3, ServiceFlavor};
use crate::cloud::Row;
use crate::{Actor, Cloud, Error, ProjectId, Result, ServiceProfileId, Tx};

/// Who carries out a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Provider {
    /// The service.
    pub service_type: &'static str,
    /// Its name.
    pub name: &'static str,
    /// The driver that profiles name.
    pub driver: &'static str,
    /// Whether it carries out what names no flavor.
    pub is_default: bool,
}

/// Every provider there is.
pub const PROVIDERS: &[Provider] = &[Provider {
    service_type: L3,
    name: "single_node",
    driver: "neutron.services.l3_router.service_providers.single_node.SingleNodeDriver",
    is_default: true,
}];

/// How a flavor is carried out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceProfile {
    /// Its id.
    pub id: ServiceProfileId,
    /// Its description; it has neither an owner nor a name.
    #[serde(flatten)]
    pub standard: Standard,
    /// A provider's driver, or empty.
    pub driver: String,
    /// Free text for a driver.
    pub metainfo: String,
    /// Whether its flavors work.
    pub enabled: bool,
}

impl Row for ServiceProfile {
    type Id = ServiceProfileId;
    const KIND: &'static str = "service_profile";
    crate::table!(ServiceProfile, service_profiles);
    fn id(&self) -> ServiceProfileId {
        self.id
    }
    fn not_found(id: &ServiceProfileId) -> Error {
        Error::not_found(
            "ServiceProfileNotFound",
            format!("Service Profile {id} could not be found."),
        )
    }
}

impl Resource for ServiceProfile {
    const NAME: &'static str = "service_profile";
    fn standard(&self) -> &Standard {
        &self.standard
    }
    fn standard_mut(&mut self) -> &mut Standard {
        &mut self.standard
    }
    fn visible_to(&self, _cloud: &Cloud, actor: &Actor) -> bool {
        actor.is_admin()
    }
    fn changeable_by(&self, _cloud: &Cloud, actor: &Actor) -> bool {
        actor.is_admin()
    }
}

/// What a profile is asked to be. `None`: the default, or (in an update) as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServiceProfileSpec {
    /// Free text.
    pub description: Option<String>,
    /// A provider's driver.
    pub driver: Option<String>,
    /// Free text for a driver.
    pub metainfo: Option<String>,
    /// Whether its flavors work; those of a new one do.
    pub enabled: Option<bool>,
}

/// Makes a profile.
///
/// # Errors
/// `PolicyNotAuthorized`, `ServiceProfileEmpty`, `ServiceProfileDriverNotFound`.
pub fn create(tx: &mut Tx<'_>, actor: &Actor, spec: ServiceProfileSpec) -> Result<Arc<ServiceProfile>> {
    require(actor.is_admin(), "create_service_profile")?;
    let mut standard = Standard::new(ProjectId::from(""), "", tx.now());
    standard.description = spec.description.unwrap_or_default();
    let profile = ServiceProfile {
        id: tx.new_id(),
        standard,
        driver: spec.driver.unwrap_or_default(),
        metainfo: spec.metainfo.unwrap_or_default(),
        enabled: spec.enabled.unwrap_or(true),
    };
    check(&profile)?;
    Ok(tx.put(profile))
}

/// Changes a profile that no flavor is associated with.
///
/// # Errors
/// `ServiceProfileNotFound`, `PolicyNotAuthorized`, `ServiceProfileInUse`, `ServiceProfileEmpty`,
/// `ServiceProfileDriverNotFound`.
pub fn update(
    tx: &mut Tx<'_>,
    actor: &Actor,
    id: ServiceProfileId,
    spec: ServiceProfileSpec,
) -> Result<Arc<ServiceProfile>> {
    let before = get_changeable::<ServiceProfile>(tx.cloud(), actor, &id, "update")?;
    check_unused(tx.cloud(), id)?;
    let mut profile = ServiceProfile::clone(&before);
    let standard = &mut profile.standard;
    standard.description = spec
        .description
        .unwrap_or_else(|| std::mem::take(&mut standard.description));
    standard.touch(tx.now());
    profile.driver = spec.driver.unwrap_or(profile.driver);
    profile.metainfo = spec.metainfo.unwrap_or(profile.metainfo);
    profile.enabled = spec.enabled.unwrap_or(profile.enabled);
    check(&profile)?;
    Ok(tx.put(profile))
}

/// Removes a profile that no flavor is associated with.
///
/// # Errors
/// `ServiceProfileNotFound`, `PolicyNotAuthorized`, `ServiceProfileInUse`.
pub fn delete(tx: &mut Tx<'_>, actor: &Actor, id: ServiceProfileId) -> Result<()> {
    get_changeable::<ServiceProfile>(tx.cloud(), actor, &id, "delete")?;
    check_unused(tx.cloud(), id)?;
    tx.delete::<ServiceProfile>(&id);
    Ok(())
}

fn check(profile: &ServiceProfile) -> Result<()> {
    if !profile.driver.is_empty() {
        find_driver(&profile.driver)?;
        return Ok(());
    }
    match profile.metainfo.is_empty() {
        false => Ok(()),
        true => Err(invalid_input(
            "ServiceProfileEmpty",
            "Service Profile needs either a driver or metainfo",
        )),
    }
}

fn check_unused(cloud: &Cloud, id: ServiceProfileId) -> Result<()> {
    let uses = |flavor: &Arc<ServiceFlavor>| flavor.service_profiles.contains(&id);
    match cloud.service_flavors.iter().any(uses) {
        false => Ok(()),
        true => Err(Error::conflict(
            "ServiceProfileInUse",
            format!("Service Profile {id} is used by some service instance."),
        )),
    }
}

/// The provider that a driver is of.
///
/// # Errors
/// `ServiceProfileDriverNotFound`.
pub(super) fn find_driver(driver: &str) -> Result<&'static Provider> {
    let found = PROVIDERS.iter().find(|provider| provider.driver == driver);
    found.ok_or_else(|| {
        Error::not_found(
            "ServiceProfileDriverNotFound",
            format!("Service Profile driver {driver} could not be found."),
        )
    })
}
