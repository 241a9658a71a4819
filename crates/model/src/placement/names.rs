//! Resource classes and traits: OpenStack's own, and those with names of one's own, which begin with `CUSTOM_`.

use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock};

use serde::{Deserialize, Serialize};

use super::provider::ResourceProvider;
use crate::cloud::Row;
use crate::{Cloud, Error, Result, Timestamp, Tx};

/// The classes of OpenStack's own (os-resource-classes 1.1).
pub const CLASSES: [&str; 21] = [
    "VCPU",
    "MEMORY_MB",
    "DISK_GB",
    "PCI_DEVICE",
    "SRIOV_NET_VF",
    "NUMA_SOCKET",
    "NUMA_CORE",
    "NUMA_THREAD",
    "NUMA_MEMORY_MB",
    "IPV4_ADDRESS",
    "VGPU",
    "VGPU_DISPLAY_HEAD",
    "NET_BW_EGR_KILOBIT_PER_SEC",
    "NET_BW_IGR_KILOBIT_PER_SEC",
    "PCPU",
    "MEM_ENCRYPTION_CONTEXT",
    "FPGA",
    "PGPU",
    "NET_PACKET_RATE_KILOPACKET_PER_SEC",
    "NET_PACKET_RATE_EGR_KILOPACKET_PER_SEC",
    "NET_PACKET_RATE_IGR_KILOPACKET_PER_SEC",
];

/// The traits of OpenStack's own (os-traits 3.6), one a line.
static TRAITS: LazyLock<BTreeSet<&'static str>> = LazyLock::new(|| include_str!("traits.txt").lines().collect());

/// Longest name.
const NAME_LIMIT: usize = 255;

/// A resource class with a name of one's own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CustomClass {
    /// `CUSTOM_…`
    pub name: String,
    /// When it was made.
    pub created_at: Timestamp,
}

impl Row for CustomClass {
    type Id = String;
    const KIND: &'static str = "placement_class";
    crate::table!(CustomClass, placement_classes);
    fn id(&self) -> String {
        self.name.clone()
    }
    fn not_found(id: &String) -> Error {
        Error::not_found("placement.undefined_code", format!("No such resource class: {id}"))
    }
}

/// A trait with a name of one's own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CustomTrait {
    /// `CUSTOM_…`
    pub name: String,
    /// When it was made.
    pub created_at: Timestamp,
}

impl Row for CustomTrait {
    type Id = String;
    const KIND: &'static str = "placement_trait";
    crate::table!(CustomTrait, placement_traits);
    fn id(&self) -> String {
        self.name.clone()
    }
    fn not_found(id: &String) -> Error {
        Error::not_found("placement.undefined_code", format!("No such trait: {id}"))
    }
}

/// Whether there is such a class.
pub fn is_class(cloud: &Cloud, name: &str) -> bool {
    CLASSES.contains(&name) || cloud.placement_classes.get(&name.to_owned()).is_some()
}

/// Every class: OpenStack's own first.
pub fn all_classes(cloud: &Cloud) -> impl Iterator<Item = &str> {
    let custom = cloud.placement_classes.iter().map(|row| row.name.as_str());
    CLASSES.into_iter().chain(custom)
}

/// Whether there is such a trait.
pub fn is_trait(cloud: &Cloud, name: &str) -> bool {
    TRAITS.contains(name) || cloud.placement_traits.get(&name.to_owned()).is_some()
}

/// Every trait.
pub fn all_traits(cloud: &Cloud) -> impl Iterator<Item = &str> {
    let custom = cloud.placement_traits.iter().map(|row| row.name.as_str());
    TRAITS.iter().copied().chain(custom)
}

fn check_custom(what: &str, name: &str) -> Result<()> {
    let rest = name.strip_prefix("CUSTOM_").unwrap_or_default();
    let plain = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
    if rest.is_empty() || name.len() > NAME_LIMIT || !rest.bytes().all(plain) {
        return Err(Error::invalid(
            "placement.undefined_code",
            format!(
                "The {what} '{name}' is invalid. A new {what} begins with CUSTOM_ and has only the letters A to Z, \
                 digits and '_', {NAME_LIMIT} characters at most."
            ),
        ));
    }
    Ok(())
}

fn standard(what: &str, name: &str) -> Error {
    Error::invalid(
        "placement.undefined_code",
        format!("Cannot delete or change the standard {what} {name}."),
    )
}

/// Makes a class; `false` when it was there already.
///
/// # Errors
/// The name is none for a class of one's own.
pub fn create_class(tx: &mut Tx<'_>, name: &str) -> Result<bool> {
    check_custom("resource class", name)?;
    if is_class(tx.cloud(), name) {
        return Ok(false);
    }
    let created_at = tx.now();
    tx.put(CustomClass {
        name: name.to_owned(),
        created_at,
    });
    Ok(true)
}

/// Gives a class another name, wherever it stands (microversions 1.2 to 1.6).
///
/// # Errors
/// No such class; a standard one; the new name is taken or none.
pub fn rename_class(tx: &mut Tx<'_>, name: &str, new: &str) -> Result<()> {
    if CLASSES.contains(&name) {
        return Err(standard("resource class", name));
    }
    tx.get::<CustomClass>(&name.to_owned())?;
    check_custom("resource class", new)?;
    if is_class(tx.cloud(), new) {
        return Err(Error::conflict(
            "placement.undefined_code",
            format!("Resource class already exists: {new}"),
        ));
    }
    if in_inventory(tx.cloud(), name) {
        return Err(class_in_use(name));
    }
    tx.delete::<CustomClass>(&name.to_owned());
    create_class(tx, new).map(|_| ())
}

/// Removes a class.
///
/// # Errors
/// No such class; a standard one; a provider has an inventory of it.
pub fn delete_class(tx: &mut Tx<'_>, name: &str) -> Result<()> {
    if CLASSES.contains(&name) {
        return Err(standard("resource class", name));
    }
    tx.get::<CustomClass>(&name.to_owned())?;
    if in_inventory(tx.cloud(), name) {
        return Err(class_in_use(name));
    }
    tx.delete::<CustomClass>(&name.to_owned());
    Ok(())
}

fn in_inventory(cloud: &Cloud, class: &str) -> bool {
    cloud
        .resource_providers
        .iter()
        .any(|row| row.inventories.contains_key(class))
}

fn class_in_use(name: &str) -> Error {
    Error::conflict(
        "placement.undefined_code",
        format!("Error in delete or rename of resource class {name}: it is in use by an inventory."),
    )
}

/// Makes a trait; `false` when it was there already.
///
/// # Errors
/// The name is none for a trait of one's own.
pub fn create_trait(tx: &mut Tx<'_>, name: &str) -> Result<bool> {
    check_custom("trait", name)?;
    if is_trait(tx.cloud(), name) {
        return Ok(false);
    }
    let created_at = tx.now();
    tx.put(CustomTrait {
        name: name.to_owned(),
        created_at,
    });
    Ok(true)
}

/// Removes a trait.
///
/// # Errors
/// No such trait; a standard one; a provider has it.
pub fn delete_trait(tx: &mut Tx<'_>, name: &str) -> Result<()> {
    if TRAITS.contains(name) {
        return Err(standard("trait", name));
    }
    tx.get::<CustomTrait>(&name.to_owned())?;
    let has = |row: &Arc<ResourceProvider>| row.traits.contains(name);
    if tx.cloud().resource_providers.iter().any(has) {
        return Err(Error::conflict(
            "placement.undefined_code",
            format!("The trait {name} is in use by a resource provider."),
        ));
    }
    tx.delete::<CustomTrait>(&name.to_owned());
    Ok(())
}
