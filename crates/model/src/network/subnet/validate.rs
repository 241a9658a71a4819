//! What a subnet may be: prefixes, gateways, pools, IPv6 modes. Everything a host's kernel would refuse is refused here.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use super::{Subnet, SubnetSpec, ipv6_mode_name};
use crate::address::{AddressRange, ip_number};
use crate::host::{Ipv6Mode, Route};
use crate::network::access::invalid_input;
use crate::{Error, Result};

/// Resolvers of a subnet at most (Neutron's `max_dns_nameservers`).
const MAX_DNS_NAMESERVERS: usize = 5;
/// Routes of a subnet at most (Neutron's `max_subnet_host_routes`).
const MAX_HOST_ROUTES: usize = 20;
/// Pools of a subnet at most: addresses are looked for in one after another.
const MAX_POOLS: usize = 64;

/// Why no subnet can have this prefix, if so.
///
/// Private and public ranges are both fine: a self-service network is alone in its namespaces, whatever the host's own
/// addresses are. What can't work is a range that the kernel treats in a special way.
pub fn forbidden_range(cidr: &IpNet) -> Option<&'static str> {
    const V4: &[(u8, u8, &str)] = &[
        (0, 8, "the range 0.0.0.0/8, which means 'this network'"),
        (127, 8, "the loopback range 127.0.0.0/8"),
        (224, 4, "the multicast range 224.0.0.0/4"),
        (240, 4, "the reserved range 240.0.0.0/4 (class E)"),
    ];
    let overlaps4 = |net: &Ipv4Net, other: Ipv4Net| net.contains(&other) || other.contains(net);
    let overlaps6 = |net: &Ipv6Net, other: Ipv6Net| net.contains(&other) || other.contains(net);
    match cidr {
        IpNet::V4(net) => {
            let link_local = Ipv4Net::new_assert(Ipv4Addr::new(169, 254, 0, 0), 16);
            if overlaps4(net, link_local) {
                return Some("the link-local range 169.254.0.0/16, where the metadata service is");
            }
            V4.iter()
                .find(|(first, length, _)| overlaps4(net, Ipv4Net::new_assert(Ipv4Addr::new(*first, 0, 0, 0), *length)))
                .map(|(_, _, name)| *name)
        }
        IpNet::V6(net) => {
            let ranges = [
                (
                    Ipv6Addr::UNSPECIFIED,
                    96,
                    "the range ::/96 with the unspecified and loopback addresses",
                ),
                (
                    Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, 0, 0),
                    96,
                    "the IPv4-mapped range ::ffff:0:0/96",
                ),
                (
                    Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0),
                    10,
                    "the link-local range fe80::/10",
                ),
                (
                    Ipv6Addr::new(0xff00, 0, 0, 0, 0, 0, 0, 0),
                    8,
                    "the multicast range ff00::/8",
                ),
            ];
            ranges
                .into_iter()
                .find(|(first, length, _)| overlaps6(net, Ipv6Net::new_assert(*first, *length)))
                .map(|(_, _, name)| name)
        }
    }
}

/// Checks a new subnet's prefix.
pub(super) fn check_cidr(cidr: &IpNet, spec: &SubnetSpec) -> Result<()> {
    if let Some(ip_version) = spec.ip_version {
        check_version(ip_version, IpNet::addr(cidr), "cidr", &cidr.to_string())?;
    }
    if cidr.prefix_len() == 0 {
        return Err(invalid_input("InvalidInput", "0 is not allowed as CIDR prefix length"));
    }
    if let Some(range) = forbidden_range(cidr) {
        return Err(invalid_input(
            "InvalidInput",
            format!("Subnet {cidr} lies in {range}: choose a private range such as 10.0.0.0/24 or fd00:1::/64"),
        ));
    }
    Ok(())
}

/// Neutron's text when something is of another IP version than its subnet.
pub(super) fn check_version(ip_version: u8, address: IpAddr, name: &str, shown: &str) -> Result<()> {
    if (ip_version == 4) == address.is_ipv4() {
        return Ok(());
    }
    Err(invalid_input(
        "InvalidInput",
        format!("{name} '{shown}' does not match the ip_version '{ip_version}'"),
    ))
}

/// The first address of the prefix that a host can have: the gateway when none is named.
pub(super) fn first_host(cidr: &IpNet) -> Option<IpAddr> {
    match cidr {
        IpNet::V4(net) => match net.prefix_len() {
            32 => None,
            31 => Some(net.network().into()),
            _ => Some(Ipv4Addr::from(u32::from(net.network()) + 1).into()),
        },
        IpNet::V6(net) => match net.prefix_len() {
            128 => None,
            127 => Some(net.network().into()),
            _ => Some(Ipv6Addr::from(u128::from(net.network()) + 1).into()),
        },
    }
}

/// First and last address that hosts may have: without network and broadcast address (IPv4), without the subnet-router
/// anycast address (IPv6, RFC 4291).
pub(in crate::network) fn host_range(cidr: &IpNet) -> AddressRange {
    match cidr {
        IpNet::V4(net) if net.prefix_len() <= 30 => AddressRange {
            start: Ipv4Addr::from(u32::from(net.network()) + 1).into(),
            end: Ipv4Addr::from(u32::from(net.broadcast()) - 1).into(),
        },
        IpNet::V4(net) => AddressRange {
            start: net.network().into(),
            end: net.broadcast().into(),
        },
        IpNet::V6(net) if net.prefix_len() <= 126 => AddressRange {
            start: Ipv6Addr::from(u128::from(net.network()) + 1).into(),
            end: net.broadcast().into(),
        },
        IpNet::V6(net) => AddressRange {
            start: net.network().into(),
            end: net.broadcast().into(),
        },
    }
}

/// All addresses but the gateway.
pub(super) fn default_pools(cidr: &IpNet, gateway: Option<IpAddr>) -> Vec<AddressRange> {
    let all = host_range(cidr);
    let Some(gateway) = gateway.filter(|gateway| all.contains(*gateway)) else {
        return vec![all];
    };
    let number = ip_number(gateway);
    let at = |number: u128| -> IpAddr {
        match gateway {
            IpAddr::V4(_) => Ipv4Addr::from(number as u32).into(),
            IpAddr::V6(_) => Ipv6Addr::from(number).into(),
        }
    };
    let mut pools = Vec::new();
    if all.start < gateway {
        pools.push(AddressRange {
            start: all.start,
            end: at(number - 1),
        });
    }
    if gateway < all.end {
        pools.push(AddressRange {
            start: at(number + 1),
            end: all.end,
        });
    }
    pools
}

/// Checks a gateway: an address that a router on the subnet can have, or a link-local one (IPv6).
pub(super) fn check_gateway(cidr: &IpNet, gateway: IpAddr) -> Result<()> {
    let link_local = matches!(gateway, IpAddr::V6(ip) if ip.is_unicast_link_local());
    let same_version = matches!(cidr, IpNet::V4(_)) == gateway.is_ipv4();
    let usable = match cidr {
        IpNet::V4(_) => host_range(cidr).contains(gateway),
        // The anycast address of the routers is fine for a router.
        IpNet::V6(_) => cidr.contains(&gateway),
    };
    if same_version && (usable || link_local) {
        return Ok(());
    }
    Err(invalid_input(
        "InvalidInput",
        format!("Gateway is not valid on subnet: {gateway} must be an address of {cidr} that a host can have"),
    ))
}

/// Checks pools: in order, inside the prefix, apart from one another, without the gateway.
pub(super) fn check_pools(cidr: &IpNet, pools: &[AddressRange], gateway: Option<IpAddr>) -> Result<()> {
    let shown = |pool: &AddressRange| format!("{}-{}", pool.start, pool.end);
    let all = host_range(cidr);
    if pools.len() > MAX_POOLS {
        return Err(invalid_input(
            "InvalidInput",
            format!("a subnet has at most {MAX_POOLS} allocation pools"),
        ));
    }
    for pool in pools {
        let one_version = pool.start.is_ipv4() == pool.end.is_ipv4() && pool.start.is_ipv4() == all.start.is_ipv4();
        if !one_version || pool.start > pool.end {
            return Err(Error::invalid(
                "InvalidAllocationPool",
                format!("The allocation pool {} is not valid.", shown(pool)),
            ));
        }
        if !all.contains(pool.start) || !all.contains(pool.end) {
            return Err(Error::invalid(
                "OutOfBoundsAllocationPool",
                format!(
                    "The allocation pool {} spans beyond the subnet cidr {cidr}.",
                    shown(pool)
                ),
            ));
        }
    }
    for (index, pool) in pools.iter().enumerate() {
        if let Some(other) = pools.iter().skip(index + 1).find(|other| pool.overlaps(other)) {
            return Err(Error::conflict(
                "OverlappingAllocationPools",
                format!(
                    "Found overlapping allocation pools: {} {} for subnet {cidr}.",
                    shown(pool),
                    shown(other)
                ),
            ));
        }
    }
    check_gateway_outside(pools, gateway)
}

/// The gateway must not be given out.
pub(super) fn check_gateway_outside(pools: &[AddressRange], gateway: Option<IpAddr>) -> Result<()> {
    let Some(gateway) = gateway else { return Ok(()) };
    match pools.iter().find(|pool| pool.contains(gateway)) {
        None => Ok(()),
        Some(pool) => Err(Error::conflict(
            "GatewayConflictWithAllocationPools",
            format!(
                "Gateway ip {gateway} conflicts with allocation pool {}-{}.",
                pool.start, pool.end
            ),
        )),
    }
}

/// Checks resolvers and routes.
pub(super) fn check_options(ip_version: u8, subnet: &str, dns: &[IpAddr], routes: &[Route]) -> Result<()> {
    if dns.len() > MAX_DNS_NAMESERVERS {
        return Err(Error::invalid(
            "DNSNameServersExhausted",
            format!(
                "Unable to complete operation for {subnet}. The number of DNS nameservers exceeds the limit \
                 {MAX_DNS_NAMESERVERS}."
            ),
        ));
    }
    if routes.len() > MAX_HOST_ROUTES {
        return Err(Error::invalid(
            "HostRoutesExhausted",
            format!(
                "Unable to complete operation for {subnet}. The number of host routes exceeds the limit {MAX_HOST_ROUTES}."
            ),
        ));
    }
    for server in dns {
        check_version(ip_version, *server, "dns_nameserver", &server.to_string())?;
    }
    for route in routes {
        check_version(
            ip_version,
            route.destination.addr(),
            "destination",
            &route.destination.to_string(),
        )?;
        check_version(ip_version, route.nexthop, "nexthop", &route.nexthop.to_string())?;
    }
    Ok(())
}

/// Checks DHCP and the IPv6 modes against the prefix.
pub(super) fn check_dhcp(subnet: &Subnet) -> Result<()> {
    let length = subnet.cidr.prefix_len();
    if subnet.enable_dhcp && length > if subnet.is_ipv6() { 126 } else { 30 } {
        return Err(invalid_input(
            "InvalidInput",
            "Subnet has a prefix length that is incompatible with DHCP service enabled",
        ));
    }
    let modes = [
        ("ipv6_ra_mode", subnet.ipv6_ra_mode),
        ("ipv6_address_mode", subnet.ipv6_address_mode),
    ];
    if !subnet.is_ipv6() {
        return modes
            .iter()
            .find(|(_, mode)| mode.is_some())
            .map_or(Ok(()), |(name, _)| {
                Err(invalid_input(
                    "InvalidInput",
                    format!("{name} is not valid when ip_version is 4"),
                ))
            });
    }
    if modes.iter().any(|(_, mode)| mode.is_some()) && !subnet.enable_dhcp {
        return Err(invalid_input(
            "InvalidInput",
            "ipv6_ra_mode or ipv6_address_mode cannot be set when enable_dhcp is set to False",
        ));
    }
    if let (Some(ra), Some(address)) = (subnet.ipv6_ra_mode, subnet.ipv6_address_mode)
        && ra != address
    {
        return Err(invalid_input(
            "InvalidInput",
            format!(
                "ipv6_ra_mode set to '{}' with ipv6_address_mode set to '{}' is not valid. If both attributes are set, they must \
                 be the same value",
                ipv6_mode_name(ra),
                ipv6_mode_name(address)
            ),
        ));
    }
    let from_mac = modes
        .iter()
        .any(|(_, mode)| matches!(mode, Some(Ipv6Mode::Slaac | Ipv6Mode::Dhcpv6Stateless)));
    if from_mac && length != 64 {
        return Err(invalid_input(
            "InvalidInput",
            format!(
                "Invalid CIDR {} for IPv6 address mode. OpenStack uses the EUI-64 address format, which requires the prefix to be \
                 /64",
                subnet.cidr
            ),
        ));
    }
    Ok(())
}

/// Letters, digits and inner hyphens between dots; at most 63 a label, 253 in all (RFC 1123).
pub(in crate::network) fn is_dns_name(name: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    name.len() <= 253 && name.split('.').all(label)
}
