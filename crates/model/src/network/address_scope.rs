//! Neutron's address scopes: subnet pools whose prefixes do not overlap, so that what is cut from them can be routed
//! without translation. Between different scopes nothing is routed.

use std::collections::BTreeSet;
use std::sync::Arc;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::access::{Resource, get_changeable, owner, require};
use super::rbac::ObjectType;
use super::{Standard, Subnet, SubnetPool, sharing, tag};
use crate::cloud::{Lookups, Row};
use crate::{Actor, AddressScopeId, Cloud, Error, NetworkId, ProjectId, Result, Tx};

/// An address scope.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddressScope {
    /// Its id.
    pub id: AddressScopeId,
    /// Owner, name and so on.
    #[serde(flatten)]
    pub standard: Standard,
    /// 4 or 6.
    pub ip_version: u8,
}

impl Row for AddressScope {
    type Id = AddressScopeId;
    const KIND: &'static str = "address_scope";
    crate::table!(AddressScope, address_scopes);
    fn id(&self) -> AddressScopeId {
        self.id
    }
    fn not_found(id: &AddressScopeId) -> Error {
        Error::not_found(
            "AddressScopeNotFound",
            format!("Address scope {id} could not be found."),
        )
    }
    fn project(&self) -> Option<&ProjectId> {
        Some(&self.standard.project_id)
    }
    fn index(&self, _lookups: &mut Lookups, _present: bool) {}
}

impl Resource for AddressScope {
    const NAME: &'static str = "address_scope";
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

/// What a scope is asked to be. `None`: the default, or (in an update) as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AddressScopeSpec {
    /// Owner of a new one.
    pub project_id: Option<ProjectId>,
    /// Its name.
    pub name: Option<String>,
    /// 4 (unless another is asked for) or 6, of a new one.
    pub ip_version: Option<u8>,
    /// Every project may use it.
    pub shared: Option<bool>,
    /// Labels of a new one.
    pub tags: Option<BTreeSet<String>>,
}

/// Makes a scope.
///
/// # Errors
/// `PolicyNotAuthorized`.
pub fn create(tx: &mut Tx<'_>, actor: &Actor, spec: AddressScopeSpec) -> Result<Arc<AddressScope>> {
    let shared = spec.shared.unwrap_or(false);
    require(actor.is_admin() || !shared, "create_address_scope:shared")?;
    let project_id = owner(actor, spec.project_id.as_ref())?;
    let mut standard = Standard::new(project_id.clone(), spec.name.unwrap_or_default(), tx.now());
    standard.tags = spec.tags.unwrap_or_default();
    tag::check_count(&standard.tags)?;
    let scope = AddressScope {
        id: tx.new_id(),
        standard,
        ip_version: spec.ip_version.unwrap_or(4),
    };
    if shared {
        sharing::share_with_all(tx, ObjectType::AddressScope, scope.id.0, project_id);
    }
    Ok(tx.put(scope))
}

/// Changes a scope's name, or shares it with every project, which cannot be taken back here.
///
/// # Errors
/// `AddressScopeNotFound`, `PolicyNotAuthorized`, `AddressScopeUpdateError`.
pub fn update(tx: &mut Tx<'_>, actor: &Actor, id: AddressScopeId, spec: AddressScopeSpec) -> Result<Arc<AddressScope>> {
    let mut scope = AddressScope::clone(&*get_changeable::<AddressScope>(tx.cloud(), actor, &id, "update")?);
    require(actor.is_admin() || spec.shared.is_none(), "update_address_scope:shared")?;
    let is_shared = sharing::is_shared_with(tx.cloud(), id.0, None);
    match spec.shared {
        Some(false) if is_shared => {
            return Err(Error::invalid(
                "AddressScopeUpdateError",
                format!(
                    "Unable to update address scope {id} : Shared address scope can't be unshared. Delete its RBAC policy for \
                     every project instead."
                ),
            ));
        }
        Some(shared) => {
            let project_id = scope.standard.project_id.clone();
            sharing::set_shared(tx, ObjectType::AddressScope, id.0, &project_id, shared)?;
        }
        None => {}
    }
    let standard = &mut scope.standard;
    standard.name = spec.name.unwrap_or_else(|| std::mem::take(&mut standard.name));
    standard.touch(tx.now());
    Ok(tx.put(scope))
}

/// Removes a scope.
///
/// # Errors
/// `AddressScopeNotFound`, `AddressScopeInUse` while a pool is in it.
pub fn delete(tx: &mut Tx<'_>, actor: &Actor, id: AddressScopeId) -> Result<()> {
    get_changeable::<AddressScope>(tx.cloud(), actor, &id, "delete")?;
    if pools(tx.cloud(), id).next().is_some() {
        return Err(Error::conflict(
            "AddressScopeInUse",
            format!(
                "Unable to complete operation on address scope {id}. There are one or more subnet pools in use on the address \
                 scope."
            ),
        ));
    }
    sharing::forget(tx, id.0);
    tx.delete::<AddressScope>(&id);
    Ok(())
}

/// The pools of a scope.
pub(super) fn pools(cloud: &Cloud, id: AddressScopeId) -> impl Iterator<Item = &Arc<SubnetPool>> + '_ {
    cloud
        .subnet_pools
        .iter()
        .filter(move |pool| pool.address_scope_id == Some(id))
}

/// The scope that a subnet's pool is in.
pub fn of_subnet(cloud: &Cloud, subnet: &Subnet) -> Option<AddressScopeId> {
    let pool = subnet.subnetpool_id.and_then(|id| cloud.subnet_pools.get(&id))?;
    pool.address_scope_id
}

/// The scopes of a network, by IPv4 and by IPv6: all its subnets of a version are from one pool, or from none.
pub fn of_network(cloud: &Cloud, id: NetworkId) -> (Option<AddressScopeId>, Option<AddressScopeId>) {
    let find = |v4: bool| {
        cloud
            .subnets_of_network(id)
            .filter(|subnet| matches!(subnet.cidr, IpNet::V4(_)) == v4)
            .find_map(|subnet| of_subnet(cloud, subnet))
    };
    (find(true), find(false))
}

/// Checks that a pool may be in the scope it says it is in.
///
/// # Errors
/// `AddressScopeNotFound`, `IllegalSubnetPoolIpVersionAssociationToAddressScope`, `AddressScopePrefixConflict`.
pub(super) fn check_pool(cloud: &Cloud, actor: &Actor, pool: &SubnetPool) -> Result<()> {
    let Some(id) = pool.address_scope_id else { return Ok(()) };
    let scope = super::access::get_visible::<AddressScope>(cloud, actor, &id)?;
    if scope.ip_version != pool.ip_version() {
        return Err(Error::invalid(
            "IllegalSubnetPoolIpVersionAssociationToAddressScope",
            format!(
                "Illegal subnetpool association: subnetpool {} cannot associate with address scope {id} because subnetpool \
                 ip_version is not {}.",
                pool.id, scope.ip_version
            ),
        ));
    }
    let overlaps = |other: &SubnetPool| {
        let pairs = other
            .prefixes
            .iter()
            .flat_map(|a| pool.prefixes.iter().map(move |b| (a, b)));
        pairs.into_iter().any(|(a, b)| a.contains(b) || b.contains(a))
    };
    match pools(cloud, id).find(|other| other.id != pool.id && overlaps(other)) {
        None => Ok(()),
        Some(other) => Err(Error::conflict(
            "AddressScopePrefixConflict",
            format!(
                "Failed to associate address scope: subnetpools within an address scope must have unique prefixes, and those of \
                 pool {} overlap.",
                other.id
            ),
        )),
    }
}

/// A pool in a scope that is shared with its project, but not its own, stays as it is.
///
/// # Errors
/// `IllegalSubnetPoolUpdate`.
pub(super) fn check_pool_change(cloud: &Cloud, actor: &Actor, pool: &SubnetPool) -> Result<()> {
    let Some(scope) = pool.address_scope_id.and_then(|id| cloud.address_scopes.get(&id)) else {
        return Ok(());
    };
    if actor.can_see(&scope.standard.project_id) {
        return Ok(());
    }
    Err(Error::invalid(
        "IllegalSubnetPoolUpdate",
        format!(
            "Illegal subnetpool update : subnetpool {} cannot be updated when associated with shared address scope {}.",
            pool.id, scope.id
        ),
    ))
}
