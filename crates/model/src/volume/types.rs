//! Volume types: what kinds of volumes there are, who may have them, and what they ask of a host.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Volume, limits};
use crate::cloud::Row;
use crate::{Actor, Cloud, Error, ProjectId, QosSpecsId, Result, Timestamp, Tx, VolumeTypeId};

/// Name of the type that a volume gets when nothing is asked for.
pub const DEFAULT_NAME: &str = "__DEFAULT__";

/// What a host's storage says of itself, as Cinder's scheduler compares it with a type's extra specs.
pub const CAPABILITIES: [(&str, &str); 5] = [
    ("volume_backend_name", "maru"),
    ("vendor_name", "Open Source"),
    ("storage_protocol", "file"),
    ("multiattach", "True"),
    ("thin_provisioning_support", "True"),
];

/// How volumes of a type are encrypted (kept for the API; no host offers it yet).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Encryption {
    /// Its id.
    pub id: uuid::Uuid,
    /// `luks`, `plain`, or a class.
    pub provider: String,
    /// `front-end` or `back-end`.
    pub control_location: String,
    /// Such as `aes-xts-plain64`.
    pub cipher: Option<String>,
    /// Bits.
    pub key_size: Option<u64>,
    /// When it was set.
    pub created_at: Timestamp,
    /// When it last changed.
    #[serde(default)]
    pub updated_at: Option<Timestamp>,
}

/// A volume type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VolumeType {
    /// Its id.
    pub id: VolumeTypeId,
    /// Its name, which is unique.
    pub name: String,
    /// Free text.
    pub description: Option<String>,
    /// Whether every project may use it.
    pub is_public: bool,
    /// What it asks of a host.
    #[serde(default)]
    pub extra_specs: BTreeMap<String, String>,
    /// Projects that may use it when it is not public.
    #[serde(default)]
    pub projects: BTreeSet<ProjectId>,
    /// How it is encrypted.
    #[serde(default)]
    pub encryption: Option<Encryption>,
    /// The QoS specs of its volumes.
    #[serde(default)]
    pub qos_specs_id: Option<QosSpecsId>,
    /// When it was made.
    pub created_at: Timestamp,
}

impl Row for VolumeType {
    type Id = VolumeTypeId;
    const KIND: &'static str = "volume_type";
    crate::table!(VolumeType, volume_types);
    fn id(&self) -> VolumeTypeId {
        self.id
    }
    fn not_found(id: &VolumeTypeId) -> Error {
        Error::not_found("VolumeTypeNotFound", format!("Volume type {id} could not be found."))
    }
}

impl VolumeType {
    /// Whether the caller may see and use it.
    pub fn is_visible(&self, actor: &Actor) -> bool {
        self.is_public || actor.is_admin() || actor.project_id().is_some_and(|id| self.projects.contains(id))
    }

    /// Whether its volumes may be attached to several servers at once.
    pub fn is_multiattach(&self) -> bool {
        self.extra_specs
            .get("multiattach")
            .is_some_and(|text| text == "<is> True")
    }
}

/// The default type, made if it is missing: every cloud has one.
pub fn ensure_default(tx: &mut Tx<'_>) -> Arc<VolumeType> {
    if let Some(found) = by_name(tx.cloud(), DEFAULT_NAME) {
        return found.clone();
    }
    let volume_type = VolumeType {
        id: tx.new_id(),
        name: DEFAULT_NAME.to_owned(),
        description: Some("Default Volume Type".to_owned()),
        is_public: true,
        extra_specs: BTreeMap::new(),
        projects: BTreeSet::new(),
        encryption: None,
        qos_specs_id: None,
        created_at: tx.now(),
    };
    tx.put(volume_type)
}

fn by_name<'a>(cloud: &'a Cloud, name: &str) -> Option<&'a Arc<VolumeType>> {
    cloud.volume_types.iter().find(|each| each.name == name)
}

/// The default type, as a reader sees it.
pub fn default_type(cloud: &Cloud) -> Option<&Arc<VolumeType>> {
    by_name(cloud, DEFAULT_NAME)
}

/// A type by id or name, if the caller may see it.
///
/// # Errors
/// `VolumeTypeNotFound`.
pub fn find(cloud: &Cloud, actor: &Actor, id_or_name: &str) -> Result<Arc<VolumeType>> {
    let by_id = id_or_name
        .parse()
        .ok()
        .and_then(|id: VolumeTypeId| cloud.volume_types.get(&id));
    by_id
        .or_else(|| by_name(cloud, id_or_name))
        .filter(|each| each.is_visible(actor))
        .cloned()
        .ok_or_else(|| {
            Error::not_found(
                "VolumeTypeNotFound",
                format!("Volume type {id_or_name} could not be found."),
            )
        })
}

/// The type of a new volume: the one asked for, else the source's, else the default.
pub(super) fn choose(
    cloud: &Cloud,
    actor: &Actor,
    wanted: Option<&str>,
    of_source: Option<VolumeTypeId>,
) -> Result<VolumeType> {
    if let Some(wanted) = wanted {
        return find(cloud, actor, wanted).map(|found| VolumeType::clone(&found));
    }
    of_source
        .and_then(|id| cloud.volume_types.get(&id))
        .or_else(|| default_type(cloud))
        .map(|found| VolumeType::clone(found))
        .ok_or_else(|| {
            Error::invalid(
                "VolumeTypeDefaultMisconfiguredError",
                "The cloud's default volume type was deleted: name a type (`openstack volume type list`).",
            )
        })
}

/// Why no host can have a volume of this type.
pub(super) fn unsatisfied(of: &VolumeType) -> Option<String> {
    if of.encryption.is_some() {
        return Some(format!(
            "No host can hold volumes of type {}: encryption is not available.",
            of.name
        ));
    }
    let mut specs = of.extra_specs.iter().filter_map(|(name, wanted)| {
        let name = match name.split_once(':') {
            None => name.as_str(),
            Some(("capabilities", name)) => name,
            // Of another scope: for a driver, not for the scheduler.
            Some(_) => return None,
        };
        let has = CAPABILITIES
            .iter()
            .find(|(each, _)| *each == name)
            .map(|(_, value)| *value);
        let is_met = has.is_some_and(|has| is_met(has, wanted));
        (!is_met).then_some((name, wanted))
    });
    let (name, wanted) = specs.next()?;
    Some(format!(
        "No valid backend was found. No host has {name} = {wanted}, which type {} asks for.",
        of.name
    ))
}

/// Cinder's operators, as far as text is compared.
fn is_met(has: &str, wanted: &str) -> bool {
    match wanted.split_once(' ') {
        Some(("<is>", wanted)) => has.eq_ignore_ascii_case(wanted.trim()),
        Some(("<in>", wanted)) => has.contains(wanted.trim()),
        Some(("s==", wanted)) => has == wanted.trim(),
        Some(("s!=", wanted)) => has != wanted.trim(),
        _ => has == wanted,
    }
}

/// What a new type is asked to be.
#[derive(Debug, Clone)]
pub struct NewType {
    /// Its name.
    pub name: String,
    /// Free text.
    pub description: Option<String>,
    /// Whether every project may use it.
    pub is_public: bool,
    /// What it asks of a host.
    pub extra_specs: BTreeMap<String, String>,
}

/// Makes a type.
///
/// # Errors
/// `VolumeTypeExists`.
pub fn create(tx: &mut Tx<'_>, new: NewType) -> Result<Arc<VolumeType>> {
    check_name_is_free(tx.cloud(), &new.name, None)?;
    let volume_type = VolumeType {
        id: tx.new_id(),
        name: new.name,
        description: new.description,
        is_public: new.is_public,
        extra_specs: new.extra_specs,
        // Nobody's at first: administrators use it all the same, and add the projects that may.
        projects: BTreeSet::new(),
        encryption: None,
        qos_specs_id: None,
        created_at: tx.now(),
    };
    Ok(tx.put(volume_type))
}

fn check_name_is_free(cloud: &Cloud, name: &str, but: Option<VolumeTypeId>) -> Result<()> {
    match by_name(cloud, name) {
        Some(other) if Some(other.id) != but => Err(Error::conflict(
            "VolumeTypeExists",
            format!("Volume Type {name} already exists."),
        )),
        _ => Ok(()),
    }
}

/// Changes a type.
///
/// # Errors
/// `VolumeTypeNotFound`, `VolumeTypeExists`; what `change` says.
pub fn edit(
    tx: &mut Tx<'_>,
    id: VolumeTypeId,
    change: impl FnOnce(&mut VolumeType) -> Result<()>,
) -> Result<Arc<VolumeType>> {
    let mut volume_type = VolumeType::clone(&*tx.get::<VolumeType>(&id)?);
    change(&mut volume_type)?;
    check_name_is_free(tx.cloud(), &volume_type.name, Some(id))?;
    Ok(tx.put(volume_type))
}

/// Changes how a type is encrypted.
///
/// # Errors
/// `VolumeTypeNotFound`; `VolumeTypeInUse` (400) while volumes are of it; what `change` says.
pub fn edit_encryption(
    tx: &mut Tx<'_>,
    id: VolumeTypeId,
    change: impl FnOnce(&mut Option<Encryption>) -> Result<()>,
) -> Result<Arc<VolumeType>> {
    tx.get::<VolumeType>(&id)?;
    if is_in_use(tx.cloud(), id) {
        return Err(Error::invalid(
            "VolumeTypeInUse",
            "Cannot change the encryption of a volume type that volumes are of.",
        ));
    }
    edit(tx, id, |volume_type| change(&mut volume_type.encryption))
}

fn is_in_use(cloud: &Cloud, id: VolumeTypeId) -> bool {
    cloud.volumes.iter().any(|volume: &Arc<Volume>| volume.type_id == id)
}

/// Deletes a type.
///
/// # Errors
/// `VolumeTypeNotFound`; `VolumeTypeInUse` (400) while volumes are of it; the default type stays.
pub fn delete(tx: &mut Tx<'_>, id: VolumeTypeId) -> Result<()> {
    let volume_type = tx.get::<VolumeType>(&id)?;
    if volume_type.name == DEFAULT_NAME {
        return Err(Error::invalid(
            "VolumeTypeDefaultDeletionError",
            format!("The volume type {id} is the default volume type and cannot be deleted."),
        ));
    }
    if is_in_use(tx.cloud(), id) {
        return Err(Error::invalid(
            "VolumeTypeInUse",
            format!("Target volume type is still in use: {id}. Delete or retype its volumes first."),
        ));
    }
    tx.delete::<VolumeType>(&id);
    Ok(())
}

/// QoS specs: limits that types name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QosSpecs {
    /// Its id.
    pub id: QosSpecsId,
    /// Its name, which is unique.
    pub name: String,
    /// `front-end`, `back-end` or `both`.
    pub consumer: String,
    /// The limits.
    #[serde(default)]
    pub specs: BTreeMap<String, String>,
}

impl Row for QosSpecs {
    type Id = QosSpecsId;
    const KIND: &'static str = "qos_specs";
    crate::table!(QosSpecs, qos_specs);
    fn id(&self) -> QosSpecsId {
        self.id
    }
    fn not_found(id: &QosSpecsId) -> Error {
        Error::not_found("QoSSpecsNotFound", format!("No such QoS spec {id}."))
    }
}

/// Makes QoS specs.
///
/// # Errors
/// `QoSSpecsExists`; `InvalidQoSSpecs` (400) for a limit that is no figure.
pub fn create_qos(
    tx: &mut Tx<'_>,
    name: String,
    consumer: String,
    specs: BTreeMap<String, String>,
) -> Result<Arc<QosSpecs>> {
    limits::check(&specs)?;
    if tx.cloud().qos_specs.iter().any(|each| each.name == name) {
        return Err(Error::conflict(
            "QoSSpecsExists",
            format!("QoS Specs {name} already exists."),
        ));
    }
    let qos = QosSpecs {
        id: tx.new_id(),
        name,
        consumer,
        specs,
    };
    Ok(tx.put(qos))
}

/// Sets some of QoS specs, and who keeps them.
///
/// # Errors
/// `QoSSpecsNotFound`; `InvalidQoSSpecs` (400) for a limit that is no figure.
pub fn set_qos(
    tx: &mut Tx<'_>,
    id: QosSpecsId,
    consumer: Option<String>,
    specs: BTreeMap<String, String>,
) -> Result<()> {
    limits::check(&specs)?;
    tx.update::<QosSpecs>(&id, |qos| {
        qos.consumer = consumer.unwrap_or_else(|| std::mem::take(&mut qos.consumer));
        qos.specs.extend(specs);
    })
    .map(drop)
}

/// Deletes QoS specs.
///
/// # Errors
/// `QoSSpecsNotFound`; `QoSSpecsInUse` (400) while types name it, unless `force`, which takes it from them.
pub fn delete_qos(tx: &mut Tx<'_>, id: QosSpecsId, force: bool) -> Result<()> {
    tx.get::<QosSpecs>(&id)?;
    if !force && !types_with(tx.cloud(), id).is_empty() {
        return Err(Error::invalid(
            "QoSSpecsInUse",
            format!("QoS Specs {id} is still associated with entities."),
        ));
    }
    disassociate_all(tx, id)?;
    tx.delete::<QosSpecs>(&id);
    Ok(())
}

/// The types that name QoS specs.
pub fn types_with(cloud: &Cloud, id: QosSpecsId) -> Vec<Arc<VolumeType>> {
    let types = cloud.volume_types.iter().filter(|each| each.qos_specs_id == Some(id));
    types.cloned().collect()
}

/// Takes QoS specs from every type.
///
/// # Errors
/// `QoSSpecsNotFound`.
pub fn disassociate_all(tx: &mut Tx<'_>, id: QosSpecsId) -> Result<()> {
    tx.get::<QosSpecs>(&id)?;
    for each in types_with(tx.cloud(), id) {
        tx.update::<VolumeType>(&each.id, |each| each.qos_specs_id = None)?;
    }
    Ok(())
}
