//! Neutron's address groups: prefixes that rules of security groups name together as the other end.

use std::collections::BTreeSet;
use std::sync::Arc;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::access::{Resource, get_visible, owner};
use super::{Standard, sharing, tag};
use crate::cloud::{Lookups, Row};
use crate::{Actor, AddressGroupId, Cloud, Error, ProjectId, Result, Tx};

/// An address group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddressGroup {
    /// Its id.
    pub id: AddressGroupId,
    /// Owner, name and so on.
    #[serde(flatten)]
    pub standard: Standard,
    /// Its prefixes, without host bits.
    pub addresses: BTreeSet<IpNet>,
}

impl Row for AddressGroup {
    type Id = AddressGroupId;
    const KIND: &'static str = "address_group";
    crate::table!(AddressGroup, address_groups);
    fn id(&self) -> AddressGroupId {
        self.id
    }
    fn not_found(id: &AddressGroupId) -> Error {
        Error::not_found(
            "AddressGroupNotFound",
            format!("Address group {id} could not be found."),
        )
    }
    fn project(&self) -> Option<&ProjectId> {
        Some(&self.standard.project_id)
    }
    fn index(&self, _lookups: &mut Lookups, _present: bool) {}
}

impl Resource for AddressGroup {
    const NAME: &'static str = "address_group";
    fn standard(&self) -> &Standard {
        &self.standard
    }
    fn standard_mut(&mut self) -> &mut Standard {
        &mut self.standard
    }
    fn visible_to(&self, cloud: &Cloud, actor: &Actor) -> bool {
        actor.can_see(&self.standard.project_id) || sharing::is_shared_with(cloud, self.id.0, actor.project_id())
    }
}

/// What an address group is asked to be. `None`: the default, or (in an update) as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AddressGroupSpec {
    /// Owner of a new one.
    pub project_id: Option<ProjectId>,
    /// Its name.
    pub name: Option<String>,
    /// Free text.
    pub description: Option<String>,
    /// Prefixes of a new one; host bits do not count.
    pub addresses: Vec<IpNet>,
    /// Labels of a new one.
    pub tags: Option<BTreeSet<String>>,
}

/// Makes an address group.
///
/// # Errors
/// `PolicyNotAuthorized`, or the owner's.
pub fn create(tx: &mut Tx<'_>, actor: &Actor, spec: AddressGroupSpec) -> Result<Arc<AddressGroup>> {
    let project_id = owner(actor, spec.project_id.as_ref())?;
    let mut standard = Standard::new(project_id, spec.name.unwrap_or_default(), tx.now());
    standard.description = spec.description.unwrap_or_default();
    standard.tags = spec.tags.unwrap_or_default();
    tag::check_count(&standard.tags)?;
    let group = AddressGroup {
        id: tx.new_id(),
        standard,
        addresses: spec.addresses.iter().map(IpNet::trunc).collect(),
    };
    Ok(tx.put(group))
}

/// Changes a group's name or description.
///
/// # Errors
/// `AddressGroupNotFound`.
pub fn update(tx: &mut Tx<'_>, actor: &Actor, id: AddressGroupId, spec: AddressGroupSpec) -> Result<Arc<AddressGroup>> {
    change(tx, actor, id, |group| {
        let standard = &mut group.standard;
        standard.name = spec.name.unwrap_or_else(|| std::mem::take(&mut standard.name));
        standard.description = spec
            .description
            .unwrap_or_else(|| std::mem::take(&mut standard.description));
        Ok(())
    })
}

/// Adds prefixes.
///
/// # Errors
/// `AddressGroupNotFound`, `AddressesAlreadyExist`.
pub fn add_addresses(
    tx: &mut Tx<'_>,
    actor: &Actor,
    id: AddressGroupId,
    addresses: &[IpNet],
) -> Result<Arc<AddressGroup>> {
    change(tx, actor, id, |group| {
        let new: BTreeSet<IpNet> = addresses.iter().map(IpNet::trunc).collect();
        let known: Vec<String> = new.intersection(&group.addresses).map(IpNet::to_string).collect();
        if !known.is_empty() {
            return Err(Error::invalid(
                "AddressesAlreadyExist",
                format!("Addresses {known:?} already exist in the address group {id}."),
            ));
        }
        group.addresses.extend(new);
        Ok(())
    })
}

/// Takes prefixes out.
///
/// # Errors
/// `AddressGroupNotFound`, `AddressesNotFound`.
pub fn remove_addresses(
    tx: &mut Tx<'_>,
    actor: &Actor,
    id: AddressGroupId,
    addresses: &[IpNet],
) -> Result<Arc<AddressGroup>> {
    change(tx, actor, id, |group| {
        let gone: BTreeSet<IpNet> = addresses.iter().map(IpNet::trunc).collect();
        let unknown: Vec<String> = gone.difference(&group.addresses).map(IpNet::to_string).collect();
        if !unknown.is_empty() {
            return Err(Error::not_found(
                "AddressesNotFound",
                format!("Addresses {unknown:?} not found in the address group {id}."),
            ));
        }
        group.addresses.retain(|net| !gone.contains(net));
        Ok(())
    })
}

/// Removes a group.
///
/// # Errors
/// `AddressGroupNotFound`, `AddressGroupInUse` while a rule names it.
pub fn delete(tx: &mut Tx<'_>, actor: &Actor, id: AddressGroupId) -> Result<()> {
    get_own(tx.cloud(), actor, id)?;
    if tx.cloud().lookups.rules_by_address_group.first(&id).is_some() {
        return Err(Error::conflict(
            "AddressGroupInUse",
            format!("Address group {id} is in use on one or more security group rules."),
        ));
    }
    sharing::forget(tx, id.0);
    tx.delete::<AddressGroup>(&id);
    Ok(())
}

fn change(
    tx: &mut Tx<'_>,
    actor: &Actor,
    id: AddressGroupId,
    change: impl FnOnce(&mut AddressGroup) -> Result<()>,
) -> Result<Arc<AddressGroup>> {
    let mut group = AddressGroup::clone(&*get_own(tx.cloud(), actor, id)?);
    change(&mut group)?;
    group.standard.touch(tx.now());
    Ok(tx.put(group))
}

/// The group, if it is the caller's to change. To others with whom it is shared it is, as in Neutron, not there.
fn get_own(cloud: &Cloud, actor: &Actor, id: AddressGroupId) -> Result<Arc<AddressGroup>> {
    let group = get_visible::<AddressGroup>(cloud, actor, &id)?;
    if group.changeable_by(cloud, actor) {
        Ok(group)
    } else {
        Err(AddressGroup::not_found(&id))
    }
}
