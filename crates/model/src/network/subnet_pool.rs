//! Neutron's subnet pool: prefixes that subnets are cut from, so that those of a pool never overlap.

mod prefixes;

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use ipnet::IpNet;
pub use prefixes::{add_prefixes, remove_prefixes};
use serde::{Deserialize, Serialize};

use super::access::{Resource, get_changeable, invalid_input, owner, require};
use super::rbac::ObjectType;
use super::router::overlaps;
use super::{Standard, Subnet, address_scope, quota, sharing, subnet, tag};
use crate::address::ip_number;
use crate::cloud::{Lookups, Row};
use crate::{Actor, AddressScopeId, Cloud, Error, ProjectId, Result, SubnetPoolId, Tx};

/// Prefixes of a pool at most: each is looked through for free space.
const MAX_PREFIXES: usize = 64;

/// A subnet pool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubnetPool {
    /// Its id.
    pub id: SubnetPoolId,
    /// Owner, name and so on.
    #[serde(flatten)]
    pub standard: Standard,
    /// Its prefixes, of one IP version, in order, joined where they touch.
    pub prefixes: Vec<IpNet>,
    /// 4 or 6, when it has no prefix any more to tell it.
    #[serde(default)]
    pub emptied_ip_version: Option<u8>,
    /// Length of a subnet's prefix when none is asked for.
    pub default_prefixlen: u8,
    /// The largest subnet: its prefix length.
    pub min_prefixlen: u8,
    /// The smallest subnet: its prefix length.
    pub max_prefixlen: u8,
    /// How much a project may take: addresses (IPv4) or prefixes of /64 (IPv6).
    #[serde(default)]
    pub default_quota: Option<u64>,
    /// Every project may use it, for pools from before there were policies for that ([`sharing`]).
    pub shared: bool,
    /// The address scope it is in.
    #[serde(default)]
    pub address_scope_id: Option<AddressScopeId>,
    /// Used when a subnet is to come from the default pool of its IP version.
    pub is_default: bool,
}

impl SubnetPool {
    /// 4 or 6.
    pub fn ip_version(&self) -> u8 {
        match self.prefixes.first() {
            Some(IpNet::V4(_)) => 4,
            Some(IpNet::V6(_)) => 6,
            None => self.emptied_ip_version.unwrap_or(4),
        }
    }

    /// Whether a project may use it that need not be its owner.
    pub fn is_shared_with(&self, cloud: &Cloud, project: Option<&ProjectId>) -> bool {
        self.shared || sharing::is_shared_with(cloud, self.id.0, project)
    }
}

impl Row for SubnetPool {
    type Id = SubnetPoolId;
    const KIND: &'static str = "subnet_pool";
    crate::table!(SubnetPool, subnet_pools);
    fn id(&self) -> SubnetPoolId {
        self.id
    }
    fn not_found(id: &SubnetPoolId) -> Error {
        Error::not_found("SubnetPoolNotFound", format!("Subnet pool {id} could not be found."))
    }
    fn project(&self) -> Option<&ProjectId> {
        Some(&self.standard.project_id)
    }
    fn index(&self, _lookups: &mut Lookups, _present: bool) {}
}

impl Resource for SubnetPool {
    const NAME: &'static str = "subnetpool";
    fn standard(&self) -> &Standard {
        &self.standard
    }
    fn standard_mut(&mut self) -> &mut Standard {
        &mut self.standard
    }
    fn visible_to(&self, cloud: &Cloud, actor: &Actor) -> bool {
        actor.can_see(&self.standard.project_id) || self.is_shared_with(cloud, actor.project_id())
    }
}

/// What a pool is asked to be. `None`: the default, or (in an update) as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SubnetPoolSpec {
    /// Owner of a new one.
    pub project_id: Option<ProjectId>,
    /// Its name.
    pub name: Option<String>,
    /// Free text.
    pub description: Option<String>,
    /// Its prefixes; in an update, all those it has and more.
    pub prefixes: Option<Vec<IpNet>>,
    /// Length of a subnet's prefix when none is asked for.
    pub default_prefixlen: Option<u8>,
    /// The largest subnet: its prefix length.
    pub min_prefixlen: Option<u8>,
    /// The smallest subnet: its prefix length.
    pub max_prefixlen: Option<u8>,
    /// How much a project may take; `Some(None)`: as much as there is.
    pub default_quota: Option<Option<u64>>,
    /// Every project may use a new one.
    pub shared: Option<bool>,
    /// The address scope it is in; `Some(None)`: none.
    pub address_scope_id: Option<Option<AddressScopeId>>,
    /// The default of its IP version.
    pub is_default: Option<bool>,
    /// Labels of a new one.
    pub tags: Option<BTreeSet<String>>,
}

impl SubnetPoolSpec {
    fn check_policy(&self, actor: &Actor, verb: &str) -> Result<()> {
        let update = verb == "update";
        let asks = |value: Option<bool>| value.is_some_and(|value| value || update);
        require(
            actor.is_admin() || !asks(self.shared),
            &format!("{verb}_subnetpool:shared"),
        )?;
        require(
            actor.is_admin() || !asks(self.is_default),
            &format!("{verb}_subnetpool:is_default"),
        )
    }
}

/// Makes a pool.
///
/// # Errors
/// `PolicyNotAuthorized`, `EmptySubnetPoolPrefixList`, `PrefixVersionMismatch`, `IllegalSubnetPoolPrefixBounds`,
/// `InvalidInput`.
pub fn create(tx: &mut Tx<'_>, actor: &Actor, spec: SubnetPoolSpec) -> Result<Arc<SubnetPool>> {
    spec.check_policy(actor, "create")?;
    let project_id = owner(actor, spec.project_id.as_ref())?;
    quota::enforce::<SubnetPool>(tx.cloud(), &project_id, "subnetpool")?;
    let prefixes = check_prefixes(spec.prefixes.clone().unwrap_or_default())?;
    let is_ipv6 = matches!(prefixes.first(), Some(IpNet::V6(_)));
    let min_prefixlen = spec.min_prefixlen.unwrap_or(if is_ipv6 { 64 } else { 8 });
    let mut standard = Standard::new(project_id, spec.name.unwrap_or_default(), tx.now());
    standard.description = spec.description.unwrap_or_default();
    standard.tags = spec.tags.unwrap_or_default();
    tag::check_count(&standard.tags)?;
    let pool = SubnetPool {
        id: tx.new_id(),
        standard,
        prefixes,
        emptied_ip_version: None,
        default_prefixlen: spec.default_prefixlen.unwrap_or(min_prefixlen),
        min_prefixlen,
        max_prefixlen: spec.max_prefixlen.unwrap_or(if is_ipv6 { 128 } else { 32 }),
        default_quota: spec.default_quota.flatten(),
        shared: false,
        address_scope_id: spec.address_scope_id.flatten(),
        is_default: spec.is_default.unwrap_or(false),
    };
    check_bounds(&pool)?;
    check_default(tx.cloud(), &pool)?;
    address_scope::check_pool(tx.cloud(), actor, &pool)?;
    if spec.shared == Some(true) {
        let project_id = pool.standard.project_id.clone();
        sharing::share_with_all(tx, ObjectType::Subnetpool, pool.id.0, project_id);
    }
    Ok(tx.put(pool))
}

/// Changes a pool; its prefixes can only grow here (see [`remove_prefixes`]).
///
/// # Errors
/// `SubnetPoolNotFound`, `IllegalSubnetPoolPrefixUpdate` and those of [`create`].
pub fn update(tx: &mut Tx<'_>, actor: &Actor, id: SubnetPoolId, spec: SubnetPoolSpec) -> Result<Arc<SubnetPool>> {
    let mut pool = SubnetPool::clone(&*get_changeable::<SubnetPool>(tx.cloud(), actor, &id, "update")?);
    spec.check_policy(actor, "update")?;
    address_scope::check_pool_change(tx.cloud(), actor, &pool)?;
    let rescoped = spec.address_scope_id.is_some() || spec.prefixes.is_some();
    if let Some(prefixes) = spec.prefixes {
        let prefixes = check_prefixes(prefixes)?;
        let covered = |old: &IpNet| prefixes.iter().any(|new| new.contains(old));
        if !pool.prefixes.iter().all(covered) {
            return Err(Error::invalid(
                "IllegalSubnetPoolPrefixUpdate",
                "Illegal update to prefixes: Existing prefixes must be a subset of the new prefixes.",
            ));
        }
        pool.prefixes = prefixes;
        pool.emptied_ip_version = None;
    }
    pool.default_prefixlen = spec.default_prefixlen.unwrap_or(pool.default_prefixlen);
    pool.min_prefixlen = spec.min_prefixlen.unwrap_or(pool.min_prefixlen);
    pool.max_prefixlen = spec.max_prefixlen.unwrap_or(pool.max_prefixlen);
    pool.default_quota = spec.default_quota.unwrap_or(pool.default_quota);
    pool.address_scope_id = spec.address_scope_id.unwrap_or(pool.address_scope_id);
    pool.is_default = spec.is_default.unwrap_or(pool.is_default);
    check_bounds(&pool)?;
    check_default(tx.cloud(), &pool)?;
    if rescoped {
        address_scope::check_pool(tx.cloud(), actor, &pool)?;
    }
    let standard = &mut pool.standard;
    standard.name = spec.name.unwrap_or_else(|| std::mem::take(&mut standard.name));
    standard.description = spec
        .description
        .unwrap_or_else(|| std::mem::take(&mut standard.description));
    standard.touch(tx.now());
    Ok(tx.put(pool))
}

/// Removes a pool.
///
/// # Errors
/// `SubnetPoolNotFound`, `SubnetPoolDeleteError` while subnets are from it.
pub fn delete(tx: &mut Tx<'_>, actor: &Actor, id: SubnetPoolId) -> Result<()> {
    get_changeable::<SubnetPool>(tx.cloud(), actor, &id, "delete")?;
    if tx.cloud().lookups.subnets_by_pool.first(&id).is_some() {
        return Err(Error::invalid(
            "SubnetPoolDeleteError",
            "Unable to delete subnet pool: Subnet pool has existing allocations.",
        ));
    }
    sharing::forget(tx, id.0);
    tx.delete::<SubnetPool>(&id);
    Ok(())
}

/// The default pool of an IP version.
pub fn default_pool(cloud: &Cloud, ip_version: u8) -> Option<&Arc<SubnetPool>> {
    cloud
        .subnet_pools
        .iter()
        .find(|pool| pool.is_default && pool.ip_version() == ip_version)
}

/// Cuts a subnet's prefix from a pool: the one asked for, or the first free one of a length.
///
/// # Errors
/// `MinPrefixSubnetAllocationError`, `MaxPrefixSubnetAllocationError`, `SubnetAllocationError`,
/// `SubnetPoolQuotaExceeded`.
pub(super) fn allocate(
    cloud: &Cloud,
    pool: &SubnetPool,
    project: &ProjectId,
    cidr: Option<IpNet>,
    prefixlen: Option<u8>,
) -> Result<IpNet> {
    let length = cidr
        .map(|cidr| cidr.prefix_len())
        .or(prefixlen)
        .unwrap_or(pool.default_prefixlen);
    check_length(pool, length)?;
    check_quota(cloud, pool, project, length)?;
    let mut taken: Vec<IpNet> = subnets(cloud, pool).map(|subnet| subnet.cidr).collect();
    taken.sort_unstable_by_key(|cidr| ip_number(cidr.network()));
    if let Some(cidr) = cidr {
        let inside = pool.prefixes.iter().any(|prefix| prefix.contains(&cidr));
        let free = !taken.iter().any(|other| overlaps(other, &cidr));
        return if inside && free {
            Ok(cidr)
        } else {
            Err(no_room(format!(
                "Cannot allocate requested subnet {cidr} from the available set of prefixes"
            )))
        };
    }
    pool.prefixes
        .iter()
        .find_map(|prefix| first_free(prefix, length, &taken))
        .ok_or_else(|| no_room(format!("Insufficient prefix space to allocate subnet size /{length}")))
}

fn subnets<'a>(cloud: &'a Cloud, pool: &SubnetPool) -> impl Iterator<Item = &'a Arc<Subnet>> + use<'a> {
    cloud
        .lookups
        .subnets_by_pool
        .of(&pool.id)
        .filter_map(|id| cloud.subnets.get(id))
}

/// The first prefix of a length inside `prefix` that none of `taken` (sorted) touches.
fn first_free(prefix: &IpNet, length: u8, taken: &[IpNet]) -> Option<IpNet> {
    if length < prefix.prefix_len() {
        return None;
    }
    let last = |net: &IpNet| ip_number(net.broadcast());
    let free_bits = u32::from(prefix.max_prefix_len() - length);
    let size = 1_u128.checked_shl(free_bits).unwrap_or(0).wrapping_sub(1);
    let mut start = ip_number(prefix.network());
    for other in taken.iter().filter(|other| overlaps(prefix, other)) {
        if start.checked_add(size)? < ip_number(other.network()) {
            break;
        }
        // Behind it, at the next place where such a prefix can begin.
        start = start.max(last(other).checked_add(1)?.checked_add(size)? & !size);
    }
    if start.checked_add(size)? > last(prefix) {
        return None;
    }
    let address: IpAddr = match prefix {
        IpNet::V4(_) => Ipv4Addr::from(u32::try_from(start).ok()?).into(),
        IpNet::V6(_) => Ipv6Addr::from(start).into(),
    };
    IpNet::new(address, length).ok()
}

/// How much of a pool's quota a prefix of this length takes.
fn weight(pool: &SubnetPool, length: u8) -> u64 {
    let units = if pool.ip_version() == 4 { 32 } else { 64 };
    1_u64
        .checked_shl(u32::from(units_left(units, length)))
        .unwrap_or(u64::MAX)
}

fn units_left(units: u8, length: u8) -> u8 {
    units.saturating_sub(length)
}

fn check_quota(cloud: &Cloud, pool: &SubnetPool, project: &ProjectId, length: u8) -> Result<()> {
    let Some(quota) = pool.default_quota else { return Ok(()) };
    let used = subnets(cloud, pool)
        .filter(|subnet| subnet.standard.project_id == *project)
        .fold(weight(pool, length), |sum, subnet| {
            sum.saturating_add(weight(pool, subnet.cidr.prefix_len()))
        });
    if used <= quota {
        return Ok(());
    }
    Err(Error::conflict(
        "SubnetPoolQuotaExceeded",
        "Per-project subnet pool prefix quota exceeded.",
    ))
}

fn check_length(pool: &SubnetPool, length: u8) -> Result<()> {
    if length < pool.min_prefixlen {
        return Err(Error::invalid(
            "MinPrefixSubnetAllocationError",
            format!(
                "Unable to allocate subnet with prefix length {length}, minimum allowed prefix is {}.",
                pool.min_prefixlen
            ),
        ));
    }
    if length > pool.max_prefixlen {
        return Err(Error::invalid(
            "MaxPrefixSubnetAllocationError",
            format!(
                "Unable to allocate subnet with prefix length {length}, maximum allowed prefix is {}.",
                pool.max_prefixlen
            ),
        ));
    }
    Ok(())
}

fn no_room(reason: String) -> Error {
    Error::conflict("SubnetAllocationError", format!("Failed to allocate subnet: {reason}."))
}

/// Prefixes of one version that subnets can be cut from, in order and joined.
fn check_prefixes(prefixes: Vec<IpNet>) -> Result<Vec<IpNet>> {
    let Some(first) = prefixes.first() else {
        return Err(Error::invalid(
            "EmptySubnetPoolPrefixList",
            "Empty subnet pool prefix list.",
        ));
    };
    if prefixes
        .iter()
        .any(|prefix| prefix.max_prefix_len() != first.max_prefix_len())
    {
        return Err(Error::invalid(
            "PrefixVersionMismatch",
            "Cannot mix IPv4 and IPv6 prefixes in a subnet pool.",
        ));
    }
    for prefix in &prefixes {
        if let Some(range) = subnet::forbidden_range(prefix) {
            return Err(invalid_input(
                "InvalidInput",
                format!("Prefix {prefix} lies in {range}: no subnet can be cut from it"),
            ));
        }
    }
    let prefixes = IpNet::aggregate(&prefixes);
    check_count(&prefixes)?;
    Ok(prefixes)
}

fn check_count(prefixes: &[IpNet]) -> Result<()> {
    if prefixes.len() <= MAX_PREFIXES {
        return Ok(());
    }
    Err(invalid_input(
        "InvalidInput",
        format!("a subnet pool has at most {MAX_PREFIXES} prefixes"),
    ))
}

fn check_bounds(pool: &SubnetPool) -> Result<()> {
    let longest = if pool.ip_version() == 4 { 32 } else { 128 };
    let order = [
        ("min_prefixlen", pool.min_prefixlen, "max_prefixlen", pool.max_prefixlen),
        (
            "min_prefixlen",
            pool.min_prefixlen,
            "default_prefixlen",
            pool.default_prefixlen,
        ),
        (
            "default_prefixlen",
            pool.default_prefixlen,
            "max_prefixlen",
            pool.max_prefixlen,
        ),
        ("max_prefixlen", pool.max_prefixlen, "the IP version's", longest),
    ];
    match order.into_iter().find(|(_, small, _, large)| small > large) {
        None => Ok(()),
        Some((name, small, other, large)) => Err(Error::invalid(
            "IllegalSubnetPoolPrefixBounds",
            format!("Illegal prefix bounds: {name}={small}, {other}={large}."),
        )),
    }
}

fn check_default(cloud: &Cloud, pool: &SubnetPool) -> Result<()> {
    if !pool.is_default {
        return Ok(());
    }
    match default_pool(cloud, pool.ip_version()).filter(|other| other.id != pool.id) {
        None => Ok(()),
        Some(_) => Err(invalid_input(
            "InvalidInput",
            "A default subnetpool for this IP family has already been set. Only one default may exist per IP family",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn free_space_is_found_between_what_is_taken() {
        let net = |text: &str| text.parse::<IpNet>().unwrap();
        let find = |prefix: &str, length, taken: &[&str]| {
            let mut taken: Vec<IpNet> = taken.iter().map(|text| net(text)).collect();
            taken.sort_unstable_by_key(|cidr| ip_number(cidr.network()));
            first_free(&net(prefix), length, &taken).map(|found| found.to_string())
        };
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(find("10.0.0.0/16", 24, &[]), some("10.0.0.0/24"));
        assert_eq!(find("10.0.0.0/16", 24, &["10.0.0.0/24"]), some("10.0.1.0/24"));
        assert_eq!(find("10.0.0.0/16", 24, &["10.0.0.0/26"]), some("10.0.1.0/24"));
        assert_eq!(
            find("10.0.0.0/16", 26, &["10.0.0.0/26", "10.0.0.128/26"]),
            some("10.0.0.64/26")
        );
        assert_eq!(find("10.0.0.0/24", 25, &["10.0.0.0/25", "10.0.0.128/25"]), None);
        assert_eq!(find("10.0.0.0/24", 23, &[]), None);
        assert_eq!(
            find("255.255.255.0/24", 25, &["255.255.255.128/25"]),
            some("255.255.255.0/25")
        );
        assert_eq!(
            find("255.255.255.0/24", 25, &["255.255.255.0/25", "255.255.255.128/25"]),
            None
        );
        assert_eq!(find("fd00::/48", 64, &["fd00::/64"]), some("fd00:0:0:1::/64"));
        assert_eq!(find("2003::/16", 16, &[]), some("2003::/16"));
    }
}
