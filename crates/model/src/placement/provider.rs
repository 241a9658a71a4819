//! Resource providers, and what was added to those that hosts are.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::names::{is_class, is_trait};
use super::used;
use crate::cloud::Row;
use crate::{Cloud, Error, HostId, Result, Tx};

/// The classes that a host has by itself; what there is of them its report says.
pub const HOST_CLASSES: [&str; 3] = ["DISK_GB", "MEMORY_MB", "VCPU"];

/// The largest number in an inventory (a signed 32-bit column in OpenStack's database).
const LARGEST: u64 = i32::MAX as u64;

/// What a provider has of a class. Units are the class's own: MEMORY_MB counts MiB, DISK_GB GiB.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Inventory {
    /// So much is there.
    pub total: u64,
    /// So much of it is kept back.
    #[serde(default)]
    pub reserved: u64,
    /// The least that one may take.
    #[serde(default = "one")]
    pub min_unit: u64,
    /// The most that one may take.
    #[serde(default = "largest")]
    pub max_unit: u64,
    /// What one takes is a multiple of this.
    #[serde(default = "one")]
    pub step_size: u64,
    /// So many times what is not kept back may be given.
    #[serde(default = "even")]
    pub allocation_ratio: f64,
}

fn one() -> u64 {
    1
}

fn largest() -> u64 {
    LARGEST
}

fn even() -> f64 {
    1.0
}

impl Inventory {
    /// So much may be given in all.
    pub fn capacity(&self) -> u64 {
        // Placement rounds down, too.
        (self.total.saturating_sub(self.reserved) as f64 * self.allocation_ratio) as u64
    }

    /// Whether one may take this much when so much is taken already.
    pub fn has_room(&self, amount: u64, taken: u64) -> bool {
        (self.min_unit..=self.max_unit).contains(&amount)
            && amount.is_multiple_of(self.step_size)
            && taken.saturating_add(amount) <= self.capacity()
    }

    fn check(&self, class: &str, all_may_be_reserved: bool) -> Result<()> {
        let numbers = [self.min_unit, self.max_unit, self.step_size];
        let ratio_is_one = self.allocation_ratio.is_finite() && self.allocation_ratio > 0.0;
        let reason = if self.total == 0 || self.total > LARGEST {
            format!("'total' is from 1 to {LARGEST}")
        } else if numbers.iter().any(|number| *number == 0 || *number > LARGEST) {
            format!("'min_unit', 'max_unit' and 'step_size' are from 1 to {LARGEST}")
        } else if !ratio_is_one {
            "'allocation_ratio' is a number above 0".to_owned()
        } else if self.reserved > self.total || (self.reserved == self.total && !all_may_be_reserved) {
            "more is reserved than there is ('reserved' may equal 'total' from microversion 1.26 on)".to_owned()
        } else {
            return Ok(());
        };
        Err(bad(format!("Invalid inventory for '{class}': {reason}.")))
    }
}

/// A resource provider that somebody made, or what somebody added to a host's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ResourceProvider {
    /// Its id; a host's is that of its hypervisor.
    pub id: Uuid,
    /// Its name.
    pub name: String,
    /// The host that it is.
    #[serde(default)]
    pub host: Option<HostId>,
    /// What it is a part of.
    #[serde(default)]
    pub parent: Option<Uuid>,
    /// Grows with each change; who changes something says which one was seen.
    pub generation: u64,
    /// What it has; of a host, besides its own.
    #[serde(default)]
    pub inventories: BTreeMap<String, Inventory>,
    /// What it can do; of a host, besides its own.
    #[serde(default)]
    pub traits: BTreeSet<String>,
    /// The aggregates it is in.
    #[serde(default)]
    pub aggregates: BTreeSet<Uuid>,
}

impl Row for ResourceProvider {
    type Id = Uuid;
    const KIND: &'static str = "resource_provider";
    crate::table!(ResourceProvider, resource_providers);
    fn id(&self) -> Uuid {
        self.id
    }
    fn not_found(id: &Uuid) -> Error {
        Error::not_found(
            "placement.undefined_code",
            format!("No resource provider with uuid {id} found"),
        )
    }
}

/// A host: a provider without a row, until something is added to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostProvider {
    /// Its hypervisor's id.
    pub id: Uuid,
    /// The host.
    pub host: HostId,
}

/// A provider to be made.
#[derive(Debug, Clone)]
pub struct NewProvider {
    /// Its id; `None`: any.
    pub id: Option<Uuid>,
    /// Its name.
    pub name: String,
    /// What it is a part of.
    pub parent: Option<Uuid>,
}

pub(super) fn bad(message: impl Into<String>) -> Error {
    Error::invalid("placement.undefined_code", message)
}

fn conflict(code: &'static str, message: impl Into<String>) -> Error {
    Error::conflict(code, message)
}

/// The row, or what a host's would be.
fn look_up(cloud: &Cloud, hosts: &[HostProvider], id: Uuid) -> Result<ResourceProvider> {
    if let Some(row) = cloud.resource_providers.get(&id) {
        return Ok((**row).clone());
    }
    let host = hosts.iter().find(|host| host.id == id);
    host.map(|host| ResourceProvider {
        id,
        name: host.host.to_string(),
        host: Some(host.host.clone()),
        parent: None,
        generation: 0,
        inventories: BTreeMap::new(),
        traits: BTreeSet::new(),
        aggregates: BTreeSet::new(),
    })
    .ok_or_else(|| ResourceProvider::not_found(&id))
}

/// Changes a provider that is still at the generation that the caller saw.
fn change(
    tx: &mut Tx<'_>,
    hosts: &[HostProvider],
    id: Uuid,
    generation: Option<u64>,
    edit: impl FnOnce(&Cloud, &mut ResourceProvider) -> Result<()>,
) -> Result<Arc<ResourceProvider>> {
    let mut row = look_up(tx.cloud(), hosts, id)?;
    if generation.is_some_and(|seen| seen != row.generation) {
        return Err(conflict(
            "placement.concurrent_update",
            format!(
                "resource provider generation conflict: {id} is at generation {}. Read it again, then try again",
                row.generation
            ),
        ));
    }
    edit(tx.cloud(), &mut row)?;
    row.generation += 1;
    Ok(tx.put(row))
}

fn check_name(cloud: &Cloud, hosts: &[HostProvider], name: &str, but: Option<Uuid>) -> Result<()> {
    if name.is_empty() || name.chars().count() > 200 {
        return Err(bad("A resource provider's name has 1 to 200 characters."));
    }
    let rows = cloud.resource_providers.iter().map(|row| (row.id, row.name.as_str()));
    let mut all = rows.chain(hosts.iter().map(|host| (host.id, host.host.as_str())));
    if all.any(|(id, taken)| Some(id) != but && taken == name) {
        return Err(conflict(
            "placement.duplicate_name",
            format!("Conflicting resource provider name: {name} already exists."),
        ));
    }
    Ok(())
}

/// A parent exists and is not below what it becomes the parent of.
fn check_parent(cloud: &Cloud, hosts: &[HostProvider], id: Uuid, parent: Uuid) -> Result<()> {
    let mut at = Some(parent);
    while let Some(above) = at {
        if above == id {
            return Err(bad(format!(
                "creating loop in the provider tree is not allowed: {parent} is {id} itself or a part of it."
            )));
        }
        at = look_up(cloud, hosts, above)
            .map_err(|_| bad(format!("parent provider UUID '{parent}' does not exist.")))?
            .parent;
    }
    Ok(())
}

/// Makes a provider.
///
/// # Errors
/// The name or id is taken; there is no such parent.
pub fn create_provider(tx: &mut Tx<'_>, hosts: &[HostProvider], new: NewProvider) -> Result<Arc<ResourceProvider>> {
    check_name(tx.cloud(), hosts, &new.name, None)?;
    let id = new.id.unwrap_or_else(|| tx.new_id());
    if look_up(tx.cloud(), hosts, id).is_ok() {
        return Err(conflict(
            "placement.undefined_code",
            format!("Conflicting resource provider uuid: {id} already exists."),
        ));
    }
    if let Some(parent) = new.parent {
        check_parent(tx.cloud(), hosts, id, parent)?;
    }
    Ok(tx.put(ResourceProvider {
        id,
        name: new.name,
        host: None,
        parent: new.parent,
        generation: 0,
        inventories: BTreeMap::new(),
        traits: BTreeSet::new(),
        aggregates: BTreeSet::new(),
    }))
}

/// Gives a provider another name or parent. `parent`: `None` leaves it; `may_move`: a parent may be left for another
/// (microversion 1.37).
///
/// # Errors
/// No such provider; a host's name is its own; the name is taken; the parent can't be that one.
pub fn update_provider(
    tx: &mut Tx<'_>,
    hosts: &[HostProvider],
    id: Uuid,
    name: &str,
    parent: Option<Option<Uuid>>,
    may_move: bool,
) -> Result<Arc<ResourceProvider>> {
    change(tx, hosts, id, None, |cloud, row| {
        if row.host.is_some() && name != row.name {
            return Err(bad(format!(
                "{} is a host of this cloud: its name is the host's.",
                row.name
            )));
        }
        check_name(cloud, hosts, name, Some(id))?;
        if let Some(parent) = parent.filter(|parent| *parent != row.parent) {
            if row.host.is_some() {
                return Err(bad(format!(
                    "{} is a host of this cloud: it is a part of nothing.",
                    row.name
                )));
            }
            if row.parent.is_some() && !may_move {
                return Err(bad(
                    "re-parenting a provider is not currently allowed: it is from microversion 1.37 on.",
                ));
            }
            if let Some(parent) = parent {
                check_parent(cloud, hosts, id, parent)?;
            }
            row.parent = parent;
        }
        name.clone_into(&mut row.name);
        Ok(())
    })
}

/// Removes a provider.
///
/// # Errors
/// No such provider; it is a host, has parts or is in use.
pub fn delete_provider(tx: &mut Tx<'_>, hosts: &[HostProvider], id: Uuid) -> Result<()> {
    let row = look_up(tx.cloud(), hosts, id)?;
    if row.host.is_some() {
        return Err(conflict(
            "placement.resource_provider.inuse",
            format!(
                "Unable to delete resource provider {id}: {} is a host of this cloud.",
                row.name
            ),
        ));
    }
    if tx
        .cloud()
        .resource_providers
        .iter()
        .any(|other| other.parent == Some(id))
    {
        return Err(conflict(
            "placement.resource_provider.cannot_delete_parent",
            format!("Unable to delete parent resource provider {id}: It has child resource providers."),
        ));
    }
    if !used(tx.cloud(), id, None).is_empty() {
        return Err(conflict(
            "placement.resource_provider.inuse",
            format!("Unable to delete resource provider {id}: Resource provider has allocations."),
        ));
    }
    tx.delete::<ResourceProvider>(&id);
    Ok(())
}

fn check_inventory(cloud: &Cloud, row: &ResourceProvider, class: &str) -> Result<()> {
    if !is_class(cloud, class) {
        return Err(bad(format!(
            "Unknown resource class in inventory for resource provider {}: No such resource class {class}",
            row.id
        )));
    }
    if row.host.is_some() && HOST_CLASSES.contains(&class) {
        return Err(conflict(
            "placement.undefined_code",
            format!(
                "{} is a host of this cloud: what it has of {class} is what it reports.",
                row.name
            ),
        ));
    }
    Ok(())
}

fn check_unused(cloud: &Cloud, row: &ResourceProvider, class: &str) -> Result<()> {
    if used(cloud, row.id, None).get(class).is_some_and(|amount| *amount > 0) {
        return Err(conflict(
            "placement.inventory.inuse",
            format!(
                "update conflict: Inventory for '{class}' on resource provider '{}' in use.",
                row.id
            ),
        ));
    }
    Ok(())
}

/// Sets all inventories of a provider; of a host, those besides its own.
///
/// # Errors
/// No such provider; another generation; a class is unknown or the host's own; one that goes is in use.
pub fn set_inventories(
    tx: &mut Tx<'_>,
    hosts: &[HostProvider],
    id: Uuid,
    generation: Option<u64>,
    inventories: BTreeMap<String, Inventory>,
    all_may_be_reserved: bool,
) -> Result<Arc<ResourceProvider>> {
    change(tx, hosts, id, generation, |cloud, row| {
        for (class, inventory) in &inventories {
            check_inventory(cloud, row, class)?;
            inventory.check(class, all_may_be_reserved)?;
        }
        for class in row.inventories.keys().filter(|class| !inventories.contains_key(*class)) {
            check_unused(cloud, row, class)?;
        }
        row.inventories = inventories;
        Ok(())
    })
}

/// Sets or, with `None`, removes the inventory of one class.
///
/// # Errors
/// As for [`set_inventories`]; there is no inventory of this class to remove.
pub fn set_inventory(
    tx: &mut Tx<'_>,
    hosts: &[HostProvider],
    id: Uuid,
    generation: Option<u64>,
    class: &str,
    inventory: Option<Inventory>,
    all_may_be_reserved: bool,
) -> Result<Arc<ResourceProvider>> {
    change(tx, hosts, id, generation, |cloud, row| {
        check_inventory(cloud, row, class)?;
        let Some(inventory) = inventory else {
            if !row.inventories.contains_key(class) {
                return Err(Error::not_found(
                    "placement.undefined_code",
                    format!("No inventory of class {class} found for delete"),
                ));
            }
            check_unused(cloud, row, class)?;
            row.inventories.remove(class);
            return Ok(());
        };
        inventory.check(class, all_may_be_reserved)?;
        row.inventories.insert(class.to_owned(), inventory);
        Ok(())
    })
}

/// Sets the traits of a provider; of a host, those besides its own.
///
/// # Errors
/// No such provider; another generation; no such trait.
pub fn set_traits(
    tx: &mut Tx<'_>,
    hosts: &[HostProvider],
    id: Uuid,
    generation: Option<u64>,
    traits: BTreeSet<String>,
) -> Result<Arc<ResourceProvider>> {
    change(tx, hosts, id, generation, |cloud, row| {
        if let Some(unknown) = traits.iter().find(|name| !is_trait(cloud, name)) {
            return Err(bad(format!("No such trait(s): {unknown}.")));
        }
        row.traits = traits;
        Ok(())
    })
}

/// Sets the aggregates that a provider is in.
///
/// # Errors
/// No such provider; another generation.
pub fn set_aggregates(
    tx: &mut Tx<'_>,
    hosts: &[HostProvider],
    id: Uuid,
    generation: Option<u64>,
    aggregates: BTreeSet<Uuid>,
) -> Result<Arc<ResourceProvider>> {
    change(tx, hosts, id, generation, |_, row| {
        row.aggregates = aggregates;
        Ok(())
    })
}
