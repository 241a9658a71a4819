//! Prefixes that are added to a pool, and taken from it, without sending all it has (`subnetpool-prefix-ops`).

use std::sync::Arc;

use ipnet::IpNet;

use super::{MAX_PREFIXES, SubnetPool, SubnetPoolSpec, check_count, subnets, update};
use crate::network::access::get_changeable;
use crate::network::router::overlaps;
use crate::{Actor, Error, Result, SubnetPoolId, Tx};

/// Pieces that a pool may fall into on the way to what is left of it: a prefix out of another leaves at most 127.
const MAX_PIECES: usize = MAX_PREFIXES * 128;

/// Adds prefixes to a pool; those it has already change nothing.
///
/// # Errors
/// Those of [`update`].
pub fn add_prefixes(tx: &mut Tx<'_>, actor: &Actor, id: SubnetPoolId, prefixes: Vec<IpNet>) -> Result<Arc<SubnetPool>> {
    let pool = get_changeable::<SubnetPool>(tx.cloud(), actor, &id, "add_prefixes")?;
    let spec = SubnetPoolSpec {
        prefixes: Some(pool.prefixes.iter().copied().chain(prefixes).collect()),
        ..SubnetPoolSpec::default()
    };
    update(tx, actor, id, spec)
}

/// Takes prefixes from a pool, or parts of prefixes; what it does not have changes nothing.
///
/// # Errors
/// `SubnetPoolNotFound`, `PolicyNotAuthorized`, `IllegalSubnetPoolPrefixUpdate` when a subnet is in one of them,
/// `InvalidInput` when too many pieces are left.
pub fn remove_prefixes(
    tx: &mut Tx<'_>,
    actor: &Actor,
    id: SubnetPoolId,
    prefixes: &[IpNet],
) -> Result<Arc<SubnetPool>> {
    let pool = get_changeable::<SubnetPool>(tx.cloud(), actor, &id, "remove_prefixes")?;
    let touches = |removed: &IpNet| pool.prefixes.iter().any(|own| overlaps(own, removed));
    let removed: Vec<IpNet> = IpNet::aggregate(&prefixes.to_vec())
        .into_iter()
        .filter(touches)
        .collect();
    if removed.is_empty() {
        return Ok(pool);
    }
    let is_used = |cidr: &IpNet| removed.iter().any(|removed| overlaps(removed, cidr));
    if subnets(tx.cloud(), &pool).any(|subnet| is_used(&subnet.cidr)) {
        return Err(Error::invalid(
            "IllegalSubnetPoolPrefixUpdate",
            "Illegal update to prefixes: One or more the prefixes to be removed is in use by a subnet.",
        ));
    }
    let mut left = pool.prefixes.clone();
    for removed in &removed {
        left = left.iter().flat_map(|prefix| without(*prefix, removed)).collect();
        if left.len() > MAX_PIECES {
            break;
        }
    }
    let left = IpNet::aggregate(&left);
    check_count(&left)?;
    let now = tx.now();
    tx.update::<SubnetPool>(&id, |pool| {
        pool.emptied_ip_version = left.is_empty().then(|| pool.ip_version());
        pool.prefixes = left;
        pool.standard.touch(now);
    })
}

/// What is left of a prefix without another one.
fn without(prefix: IpNet, removed: &IpNet) -> Vec<IpNet> {
    if removed.contains(&prefix) {
        return Vec::new();
    }
    if !prefix.contains(removed) {
        return vec![prefix];
    }
    // Halves of it, of its half, and so on: each time the one without what is removed stays.
    (prefix.prefix_len()..removed.prefix_len())
        .filter_map(|length| {
            let around = IpNet::new(removed.addr(), length).ok()?.trunc();
            let mut halves = around.subnets(length + 1).ok()?;
            halves.find(|half| !half.contains(removed))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_falls_into_what_is_left_of_it() {
        let net = |text: &str| text.parse::<IpNet>().unwrap();
        let left = |prefix: &str, removed: &str| {
            let left = IpNet::aggregate(&without(net(prefix), &net(removed)));
            left.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(left("10.0.0.0/8", "10.0.0.0/8"), [""; 0]);
        assert_eq!(left("10.1.0.0/16", "10.0.0.0/8"), [""; 0]);
        assert_eq!(left("10.0.0.0/8", "11.0.0.0/8"), ["10.0.0.0/8"]);
        assert_eq!(left("10.0.0.0/8", "2001:db8::/32"), ["10.0.0.0/8"]);
        assert_eq!(left("10.0.0.0/24", "10.0.0.64/26"), ["10.0.0.0/26", "10.0.0.128/25"]);
        assert_eq!(left("2001:db8::/47", "2001:db8:1::/48"), ["2001:db8::/48"]);
        assert_eq!(without(net("0.0.0.0/0"), &net("255.255.255.255/32")).len(), 32);
        assert_eq!(without(net("::/0"), &net("::1/128")).len(), 128);
    }
}
