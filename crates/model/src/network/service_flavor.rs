//! Neutron's flavors of services (`flavors`, `l3-flavors`): what an operator offers by a name of its own.
//!
//! They are the cloud's: administrators make them, everybody sees them. A flavor's first profile ([`super::service_profile`])
//! says by which provider it is carried out.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Standard;
use super::access::{Resource, get_changeable, get_visible, invalid_input, require};
use super::service_profile::{Provider, ServiceProfile, find_driver};
use crate::cloud::Row;
use crate::{Actor, Cloud, Error, ProjectId, Result, ServiceFlavorId, ServiceProfileId, Tx};

/// The service type of routers.
pub const L3: &str = "L3_ROUTER_NAT";

/// The services that flavors can be of: those of Neutron's plugins whose extensions Maru has.
pub const SERVICE_TYPES: &[&str] = &[
    "CORE",
    "FLAVORS",
    L3,
    "METERING",
    "NDPPROXY",
    "PORTFORWARDING",
    "QOS",
    "trunk",
];

/// A flavor of a service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceFlavor {
    /// Its id.
    pub id: ServiceFlavorId,
    /// Its name and description; it has no owner.
    #[serde(flatten)]
    pub standard: Standard,
    /// The service, one of [`SERVICE_TYPES`].
    pub service_type: String,
    /// Whether it may be chosen.
    pub enabled: bool,
    /// Its profiles, in the order in which they were associated.
    pub service_profiles: Vec<ServiceProfileId>,
}

impl Row for ServiceFlavor {
    type Id = ServiceFlavorId;
    const KIND: &'static str = "service_flavor";
    crate::table!(ServiceFlavor, service_flavors);
    fn id(&self) -> ServiceFlavorId {
        self.id
    }
    fn not_found(id: &ServiceFlavorId) -> Error {
        Error::not_found("FlavorNotFound", format!("Flavor {id} could not be found."))
    }
}

impl Resource for ServiceFlavor {
    const NAME: &'static str = "flavor";
    fn standard(&self) -> &Standard {
        &self.standard
    }
    fn standard_mut(&mut self) -> &mut Standard {
        &mut self.standard
    }
    fn visible_to(&self, _cloud: &Cloud, _actor: &Actor) -> bool {
        true
    }
    fn changeable_by(&self, _cloud: &Cloud, actor: &Actor) -> bool {
        actor.is_admin()
    }
}

/// What a flavor is asked to be. `None`: the default, or (in an update) as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServiceFlavorSpec {
    /// Its name.
    pub name: Option<String>,
    /// Free text.
    pub description: Option<String>,
    /// The service of a new one.
    pub service_type: String,
    /// Whether it may be chosen; a new one may.
    pub enabled: Option<bool>,
    /// Its profiles.
    pub service_profiles: Option<Vec<ServiceProfileId>>,
}

/// Makes a flavor.
///
/// # Errors
/// `PolicyNotAuthorized`, `InvalidServiceType`, `ServiceProfileNotFound`.
pub fn create(tx: &mut Tx<'_>, actor: &Actor, spec: ServiceFlavorSpec) -> Result<Arc<ServiceFlavor>> {
    require(actor.is_admin(), "create_flavor")?;
    if !SERVICE_TYPES.contains(&spec.service_type.as_str()) {
        let shown = &spec.service_type;
        return Err(invalid_input(
            "InvalidServiceType",
            format!("Invalid service type: {shown}. Known are {}", SERVICE_TYPES.join(", ")),
        ));
    }
    let service_profiles = spec.service_profiles.unwrap_or_default();
    check_profiles(tx.cloud(), actor, &service_profiles)?;
    let mut standard = Standard::new(ProjectId::from(""), spec.name.unwrap_or_default(), tx.now());
    standard.description = spec.description.unwrap_or_default();
    let flavor = ServiceFlavor {
        id: tx.new_id(),
        standard,
        service_type: spec.service_type,
        enabled: spec.enabled.unwrap_or(true),
        service_profiles,
    };
    Ok(tx.put(flavor))
}

/// Changes a flavor; its service stays.
///
/// # Errors
/// `FlavorNotFound`, `PolicyNotAuthorized`, `ServiceProfileNotFound`.
pub fn update(
    tx: &mut Tx<'_>,
    actor: &Actor,
    id: ServiceFlavorId,
    spec: ServiceFlavorSpec,
) -> Result<Arc<ServiceFlavor>> {
    get_changeable::<ServiceFlavor>(tx.cloud(), actor, &id, "update")?;
    if let Some(wanted) = &spec.service_profiles {
        check_profiles(tx.cloud(), actor, wanted)?;
    }
    let now = tx.now();
    tx.update::<ServiceFlavor>(&id, |flavor| {
        let standard = &mut flavor.standard;
        standard.name = spec.name.unwrap_or_else(|| std::mem::take(&mut standard.name));
        standard.description = spec
            .description
            .unwrap_or_else(|| std::mem::take(&mut standard.description));
        standard.touch(now);
        flavor.enabled = spec.enabled.unwrap_or(flavor.enabled);
        if let Some(wanted) = spec.service_profiles {
            flavor.service_profiles = wanted;
        }
    })
}

/// Removes a flavor; its profiles stay.
///
/// # Errors
/// `FlavorNotFound`, `PolicyNotAuthorized`, `FlavorInUse` while a router is of it.
pub fn delete(tx: &mut Tx<'_>, actor: &Actor, id: ServiceFlavorId) -> Result<()> {
    get_changeable::<ServiceFlavor>(tx.cloud(), actor, &id, "delete")?;
    if tx.cloud().routers.iter().any(|router| router.flavor_id == Some(id)) {
        return Err(Error::conflict(
            "FlavorInUse",
            format!("Flavor {id} is used by some service instance."),
        ));
    }
    tx.delete::<ServiceFlavor>(&id);
    Ok(())
}

/// Associates a flavor with a profile.
///
/// # Errors
/// `FlavorNotFound`, `PolicyNotAuthorized`, `ServiceProfileNotFound`, `FlavorServiceProfileBindingExists`.
pub fn associate(
    tx: &mut Tx<'_>,
    actor: &Actor,
    id: ServiceFlavorId,
    profile: ServiceProfileId,
) -> Result<Arc<ServiceFlavor>> {
    let flavor = get_changeable::<ServiceFlavor>(tx.cloud(), actor, &id, "update")?;
    get_visible::<ServiceProfile>(tx.cloud(), actor, &profile)?;
    if flavor.service_profiles.contains(&profile) {
        return Err(Error::conflict(
            "FlavorServiceProfileBindingExists",
            format!("Service Profile {profile} is already associated with flavor {id}."),
        ));
    }
    let now = tx.now();
    tx.update::<ServiceFlavor>(&id, |flavor| {
        flavor.service_profiles.push(profile);
        flavor.standard.touch(now);
    })
}

/// Ends an association.
///
/// # Errors
/// `FlavorNotFound`, `PolicyNotAuthorized`, `FlavorServiceProfileBindingNotFound`.
pub fn disassociate(tx: &mut Tx<'_>, actor: &Actor, id: ServiceFlavorId, profile: ServiceProfileId) -> Result<()> {
    let flavor = get_changeable::<ServiceFlavor>(tx.cloud(), actor, &id, "update")?;
    if !flavor.service_profiles.contains(&profile) {
        return Err(not_associated(&profile.to_string(), id));
    }
    let now = tx.now();
    tx.update::<ServiceFlavor>(&id, |flavor| {
        flavor.service_profiles.retain(|known| *known != profile);
        flavor.standard.touch(now);
    })?;
    Ok(())
}

/// Who carries out a flavor: the provider of its first profile's driver.
///
/// # Errors
/// `FlavorDisabled`, `FlavorServiceProfileBindingNotFound` when it has no profile, `ServiceProfileDisabled`,
/// `ServiceProfileDriverNotFound`.
pub fn provider_of(cloud: &Cloud, flavor: &ServiceFlavor) -> Result<&'static Provider> {
    if !flavor.enabled {
        return Err(Error::unavailable("FlavorDisabled", "Flavor is not enabled."));
    }
    let first = flavor.service_profiles.first();
    let Some(profile) = first.and_then(|id| cloud.service_profiles.get(id)) else {
        return Err(not_associated("", flavor.id));
    };
    if !profile.enabled {
        return Err(Error::unavailable(
            "ServiceProfileDisabled",
            "Service Profile is not enabled.",
        ));
    }
    find_driver(&profile.driver)
}

/// Checks that a new router may be of a flavor.
///
/// # Errors
/// `FlavorNotFound`, `InvalidInput` when it is of another service, and those of [`provider_of`].
pub fn check_router(cloud: &Cloud, actor: &Actor, id: ServiceFlavorId) -> Result<()> {
    let flavor = get_visible::<ServiceFlavor>(cloud, actor, &id)?;
    if flavor.service_type != L3 {
        return Err(invalid_input(
            "InvalidInput",
            format!(
                "Flavor {id} is of service {}; a router needs one of {L3}",
                flavor.service_type
            ),
        ));
    }
    provider_of(cloud, &flavor)?;
    Ok(())
}

fn check_profiles(cloud: &Cloud, actor: &Actor, wanted: &[ServiceProfileId]) -> Result<()> {
    let mut wanted = wanted.iter();
    wanted.try_for_each(|id| get_visible::<ServiceProfile>(cloud, actor, id).map(drop))
}

fn not_associated(profile: &str, flavor: ServiceFlavorId) -> Error {
    Error::not_found(
        "FlavorServiceProfileBindingNotFound",
        format!("Service Profile {profile} is not associated with flavor {flavor}."),
    )
}
