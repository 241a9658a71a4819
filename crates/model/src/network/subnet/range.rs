//! Giving out addresses of a subnet's allocation pools.
//!
//! Addresses are given out in rising order, after the highest in use: an address that was freed is not used again at once,
//! so that neighbours' caches and clients' leases have time to forget it. When the end of a pool is reached, the first gap
//! from a random place on is taken. Neither way walks all addresses unless the pool is nearly full.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::Bound;

use super::Subnet;
use crate::address::{AddressRange, ip_number, next_ip};
use crate::{Cloud, SubnetId};

/// Before every address in [`IpAddr`]'s order.
pub(super) const LOWEST: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
/// After every address in [`IpAddr`]'s order.
pub(super) const HIGHEST: IpAddr = IpAddr::V6(Ipv6Addr::new(
    0xffff, 0xffff, 0xffff, 0xffff, 0xffff, 0xffff, 0xffff, 0xffff,
));

/// A free address of the subnet's pools, besides those in `chosen`; `random` decides where a search for gaps begins.
pub(in crate::network) fn free_address(
    cloud: &Cloud,
    subnet: &Subnet,
    chosen: &[IpAddr],
    random: [u8; 16],
) -> Option<IpAddr> {
    let free = |address: IpAddr| {
        !chosen.contains(&address) && Some(address) != subnet.gateway_ip && !is_used(cloud, subnet.id, address)
    };
    let after_highest = subnet.allocation_pools.iter().find_map(|pool| {
        let first = match highest_in(cloud, subnet.id, pool) {
            Some(highest) => next_ip(highest)?,
            None => pool.start,
        };
        walk(first, pool.end)
            .take(chosen.len() + 2)
            .find(|address| free(*address))
    });
    after_highest.or_else(|| {
        subnet
            .allocation_pools
            .iter()
            .find_map(|pool| gap_in(cloud, subnet, pool, chosen, random))
    })
}

/// How many addresses the pools have together.
pub fn pool_size(subnet: &Subnet) -> u128 {
    subnet
        .allocation_pools
        .iter()
        .fold(0_u128, |sum, pool| sum.saturating_add(pool.len()))
}

fn is_used(cloud: &Cloud, subnet: SubnetId, address: IpAddr) -> bool {
    cloud.lookups.addresses.contains_key(&(subnet, address))
}

fn highest_in(cloud: &Cloud, subnet: SubnetId, pool: &AddressRange) -> Option<IpAddr> {
    let bounds = (
        Bound::Included((subnet, pool.start)),
        Bound::Included((subnet, pool.end)),
    );
    cloud
        .lookups
        .addresses
        .range(bounds)
        .next_back()
        .map(|((_, address), _)| *address)
}

/// The first gap between the addresses in use, from a random place of the pool on, then from its start.
fn gap_in(cloud: &Cloud, subnet: &Subnet, pool: &AddressRange, chosen: &[IpAddr], random: [u8; 16]) -> Option<IpAddr> {
    let offset = u128::from_le_bytes(random) % pool.len().max(1);
    let middle = from_number(pool.start, ip_number(pool.start) + offset);
    [(middle, pool.end), (pool.start, middle)]
        .into_iter()
        .find_map(|(start, end)| first_gap(cloud, subnet, start, end, chosen))
}

/// One pass over the addresses in use: the first number that is missing.
fn first_gap(cloud: &Cloud, subnet: &Subnet, start: IpAddr, end: IpAddr, chosen: &[IpAddr]) -> Option<IpAddr> {
    let bounds = (Bound::Included((subnet.id, start)), Bound::Included((subnet.id, end)));
    let mut used = cloud.lookups.addresses.range(bounds).map(|((_, address), _)| *address);
    let mut next_used = used.next();
    for address in walk(start, end) {
        if next_used == Some(address) {
            next_used = used.next();
        } else if !chosen.contains(&address) && Some(address) != subnet.gateway_ip {
            return Some(address);
        }
    }
    None
}

/// Every address from `start` to `end`.
fn walk(start: IpAddr, end: IpAddr) -> impl Iterator<Item = IpAddr> {
    let first = (start <= end).then_some(start);
    std::iter::successors(first, move |address| next_ip(*address).filter(|next| *next <= end))
}

/// The address with this number, of the same family as `like`.
fn from_number(like: IpAddr, number: u128) -> IpAddr {
    match like {
        IpAddr::V4(_) => Ipv4Addr::from(u32::try_from(number).unwrap_or(u32::MAX)).into(),
        IpAddr::V6(_) => Ipv6Addr::from(number).into(),
    }
}
