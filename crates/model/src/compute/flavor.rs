//! Nova's flavor.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::cloud::Row;
use crate::{Actor, Cloud, Error, FlavorId, ProjectId, Result, Tx};

/// A size of server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flavor {
    /// The id users type.
    pub id: FlavorId,
    /// Unique name.
    pub name: String,
    /// Free text (microversion 2.55).
    #[serde(default)]
    pub description: Option<String>,
    /// Virtual CPUs.
    pub vcpus: u32,
    /// Memory, MiB.
    pub memory_mib: u64,
    /// Root disk, GiB; 0 means as large as the image.
    pub root_gib: u64,
    /// A further empty disk, GiB.
    #[serde(default)]
    pub ephemeral_gib: u64,
    /// Swap disk, MiB.
    #[serde(default)]
    pub swap_mib: u64,
    /// Kept for the API, in thousandths so that rows compare exactly; no effect.
    #[serde(default = "one")]
    pub rxtx_factor_thousandths: u32,
    /// Every project may use it.
    pub is_public: bool,
    /// Projects that may use one that is not public.
    #[serde(default)]
    pub access: BTreeSet<ProjectId>,
    /// Extra specs.
    #[serde(default)]
    pub extra_specs: BTreeMap<String, String>,
}

fn one() -> u32 {
    1000
}

impl Row for Flavor {
    type Id = FlavorId;
    const KIND: &'static str = "flavor";
    crate::table!(Flavor, flavors);
    fn id(&self) -> FlavorId {
        self.id.clone()
    }
    fn not_found(id: &FlavorId) -> Error {
        Error::not_found("FlavorNotFound", format!("Flavor {id} could not be found."))
    }
}

/// What a new flavor is asked to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewFlavor {
    /// Its id; a fresh UUID when `None`.
    pub id: Option<FlavorId>,
    /// Unique name.
    pub name: String,
    /// Free text.
    pub description: Option<String>,
    /// Virtual CPUs.
    pub vcpus: u32,
    /// Memory, MiB.
    pub memory_mib: u64,
    /// Root disk, GiB.
    pub root_gib: u64,
    /// Further disk, GiB.
    pub ephemeral_gib: u64,
    /// Swap, MiB.
    pub swap_mib: u64,
    /// In thousandths.
    pub rxtx_factor_thousandths: u32,
    /// Every project may use it.
    pub is_public: bool,
}

impl Flavor {
    /// Whether this caller may see and use it.
    pub fn is_visible_to(&self, actor: &Actor) -> bool {
        self.is_public || actor.is_admin() || actor.project_id().is_some_and(|id| self.access.contains(id))
    }
}

/// The flavor with this id, if the caller may use it.
///
/// # Errors
/// `FlavorNotFound`, also for one that is somebody else's.
pub fn get_visible(cloud: &Cloud, actor: &Actor, id: &FlavorId) -> Result<Arc<Flavor>> {
    let flavor = cloud.get::<Flavor>(id)?;
    if flavor.is_visible_to(actor) {
        Ok(flavor)
    } else {
        Err(Flavor::not_found(id))
    }
}

/// Makes a flavor.
///
/// # Errors
/// `FlavorExists` or `FlavorIdExists` when name or id are taken.
pub fn create(tx: &mut Tx<'_>, new: NewFlavor) -> Result<Arc<Flavor>> {
    let id = new.id.unwrap_or_else(|| uuid_text(tx));
    if tx.cloud().flavors.contains(&id) {
        return Err(Error::conflict(
            "FlavorIdExists",
            format!("Flavor with ID {id} already exists."),
        ));
    }
    if tx.cloud().flavors.iter().any(|flavor| flavor.name == new.name) {
        return Err(Error::conflict(
            "FlavorExists",
            format!("Flavor with name {} already exists.", new.name),
        ));
    }
    Ok(tx.put(Flavor {
        id,
        name: new.name,
        description: new.description,
        vcpus: new.vcpus,
        memory_mib: new.memory_mib,
        root_gib: new.root_gib,
        ephemeral_gib: new.ephemeral_gib,
        swap_mib: new.swap_mib,
        rxtx_factor_thousandths: new.rxtx_factor_thousandths,
        is_public: new.is_public,
        access: BTreeSet::new(),
        extra_specs: BTreeMap::new(),
    }))
}

/// Nova writes a made-up flavor id with dashes.
fn uuid_text(tx: &mut Tx<'_>) -> FlavorId {
    let id: uuid::Uuid = tx.new_id();
    FlavorId::from(id.hyphenated().to_string())
}

/// Changes the description.
///
/// # Errors
/// `FlavorNotFound`.
pub fn set_description(tx: &mut Tx<'_>, id: &FlavorId, description: Option<String>) -> Result<Arc<Flavor>> {
    tx.update::<Flavor>(id, |flavor| flavor.description = description)
}

/// Removes a flavor; servers made from it keep their copy.
///
/// # Errors
/// `FlavorNotFound`.
pub fn delete(tx: &mut Tx<'_>, id: &FlavorId) -> Result<()> {
    tx.delete::<Flavor>(id).map(|_| ()).ok_or_else(|| Flavor::not_found(id))
}

/// Adds or replaces extra specs.
///
/// # Errors
/// `FlavorNotFound`.
pub fn set_extra_specs(
    tx: &mut Tx<'_>,
    id: &FlavorId,
    specs: impl IntoIterator<Item = (String, String)>,
) -> Result<Arc<Flavor>> {
    tx.update::<Flavor>(id, |flavor| flavor.extra_specs.extend(specs))
}

/// Removes an extra spec.
///
/// # Errors
/// `FlavorNotFound`, `FlavorExtraSpecsNotFound`.
pub fn delete_extra_spec(tx: &mut Tx<'_>, id: &FlavorId, key: &str) -> Result<()> {
    if !tx.get::<Flavor>(id)?.extra_specs.contains_key(key) {
        return Err(extra_spec_not_found(id, key));
    }
    tx.update::<Flavor>(id, |flavor| {
        flavor.extra_specs.remove(key);
    })?;
    Ok(())
}

/// The error for a key that a flavor does not have.
pub fn extra_spec_not_found(id: &FlavorId, key: &str) -> Error {
    Error::not_found(
        "FlavorExtraSpecsNotFound",
        format!("Flavor {id} has no extra specs with key {key}."),
    )
}

/// Whether giving access to a public flavor is refused (microversion 2.7 on) or ignored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PublicAccess {
    /// Before 2.7.
    Ignored,
    /// From 2.7.
    Refused,
}

/// Lets a project use a flavor that is not public.
///
/// # Errors
/// `FlavorAccessExists`, and `Invalid` when there is no such project.
pub fn add_access(tx: &mut Tx<'_>, id: &FlavorId, project: &ProjectId, public: PublicAccess) -> Result<Arc<Flavor>> {
    let flavor = tx.get::<Flavor>(id)?;
    check_project(tx.cloud(), project)?;
    if flavor.is_public && public == PublicAccess::Refused {
        return Err(Error::conflict(
            "FlavorAccessPublic",
            "Can not add access to a public flavor.",
        ));
    }
    if flavor.access.contains(project) {
        return Err(Error::conflict(
            "FlavorAccessExists",
            format!("Flavor access already exists for flavor {id} and project {project} combination."),
        ));
    }
    tx.update::<Flavor>(id, |flavor| {
        flavor.access.insert(project.clone());
    })
}

/// Takes a project's right to use a flavor.
///
/// # Errors
/// `FlavorAccessNotFound`, and `Invalid` when there is no such project.
pub fn remove_access(tx: &mut Tx<'_>, id: &FlavorId, project: &ProjectId) -> Result<Arc<Flavor>> {
    let flavor = tx.get::<Flavor>(id)?;
    check_project(tx.cloud(), project)?;
    if !flavor.access.contains(project) {
        return Err(Error::not_found(
            "FlavorAccessNotFound",
            format!("Flavor access not found for {id} / {project} combination."),
        ));
    }
    tx.update::<Flavor>(id, |flavor| {
        flavor.access.remove(project);
    })
}

fn check_project(cloud: &Cloud, project: &ProjectId) -> Result<()> {
    if cloud.projects.contains(project) {
        return Ok(());
    }
    Err(Error::invalid(
        "ProjectNotFound",
        format!("Project ID {project} is not a valid project."),
    ))
}
