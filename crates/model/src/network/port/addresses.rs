//! Choosing the addresses of a port.

use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;

use super::{FixedIp, FixedIpSpec, Port, device_owner};
use crate::address::MacAddress;
use crate::network::access::invalid_input;
use crate::network::{Subnet, subnet};
use crate::{Cloud, Error, NetworkId, Result, Tx};

/// Addresses of one port at most: each costs entries in the host's filter.
const MAX_FIXED_IPS: usize = 32;

/// What addresses are chosen for.
pub(super) struct Request<'a> {
    pub network_id: NetworkId,
    pub mac: MacAddress,
    pub device_owner: &'a str,
    /// `None`: one of each IP version.
    pub wanted: Option<&'a [FixedIpSpec]>,
}

/// Chooses the addresses of a new port.
///
/// # Errors
/// `IpAddressGenerationFailure`, `IpAddressAlreadyAllocated`, `InvalidIpForSubnet`, `InvalidIpForNetwork`,
/// `SubnetNotFound`, `InvalidInput`.
pub(super) fn allocate(tx: &mut Tx<'_>, request: &Request<'_>) -> Result<Vec<FixedIp>> {
    let subnets = candidates(tx.cloud(), request)?;
    let mut chosen = Vec::new();
    match request.wanted {
        Some(wanted) => {
            check_wanted(wanted)?;
            // Named addresses first, so that none of them is given out for an entry that leaves the choice open.
            for spec in wanted.iter().filter(|spec| spec.ip_address.is_some()) {
                take(tx, request, &subnets, spec, &mut chosen)?;
            }
            for spec in wanted.iter().filter(|spec| spec.ip_address.is_none()) {
                take(tx, request, &subnets, spec, &mut chosen)?;
            }
        }
        None => {
            take_any(tx, request, &subnets, false, &mut chosen)?;
            take_any(tx, request, &subnets, true, &mut chosen)?;
        }
    }
    take_auto(tx.cloud(), request, &subnets, &mut chosen)?;
    Ok(chosen)
}

/// Chooses the addresses of a port that is there: those it keeps stay, the others are chosen as for a new one.
pub(in crate::network) fn reallocate(
    tx: &mut Tx<'_>,
    port: &Port,
    mac: MacAddress,
    wanted: &[FixedIpSpec],
) -> Result<Vec<FixedIp>> {
    check_wanted(wanted)?;
    let request = Request {
        network_id: port.network_id,
        mac,
        device_owner: &port.device_owner,
        wanted: Some(wanted),
    };
    let subnets = candidates(tx.cloud(), &request)?;
    let is_auto = |fixed: &FixedIp| {
        subnets
            .iter()
            .any(|subnet| subnet.id == fixed.subnet_id && subnet.is_slaac())
    };
    let mut old: Vec<FixedIp> = port.fixed_ips.clone();
    // A new MAC makes new automatic addresses.
    old.retain(|fixed| mac == port.mac_address || port.is_router_owned() || !is_auto(fixed));
    let mut open = Vec::new();
    let mut chosen = Vec::new();
    // Entries that name an address choose first: an open one must not take it from them.
    let (named, unnamed): (Vec<_>, Vec<_>) = wanted.iter().partition(|spec| spec.ip_address.is_some());
    for spec in named.into_iter().chain(unnamed) {
        match old.iter().position(|fixed| answers(spec, fixed)) {
            Some(index) => chosen.push(old.remove(index)),
            None => open.push(*spec),
        }
    }
    for spec in &open {
        let moved = mac != port.mac_address
            && port
                .fixed_ips
                .iter()
                .any(|fixed| is_auto(fixed) && answers(spec, fixed));
        let spec = if moved {
            FixedIpSpec {
                ip_address: None,
                ..*spec
            }
        } else {
            *spec
        };
        take(tx, &request, &subnets, &spec, &mut chosen)?;
    }
    // As Neutron does, an automatic address goes only when its subnet was left out of the list on purpose.
    let handled = |subnet: &&Arc<Subnet>| {
        mac == port.mac_address && port.fixed_ips.iter().any(|fixed| fixed.subnet_id == subnet.id)
    };
    let auto: Vec<Arc<Subnet>> = subnets.iter().filter(|subnet| !handled(subnet)).cloned().collect();
    take_auto(tx.cloud(), &request, &auto, &mut chosen)?;
    Ok(chosen)
}

/// Whether an address already held is what an entry asks for.
fn answers(spec: &FixedIpSpec, fixed: &FixedIp) -> bool {
    spec.subnet_id.is_none_or(|id| id == fixed.subnet_id) && spec.ip_address.is_none_or(|ip| ip == fixed.ip_address)
}

/// Subnets that a port with this owner may have addresses of: those for its kind first, then those for any.
fn candidates(cloud: &Cloud, request: &Request<'_>) -> Result<Vec<Arc<Subnet>>> {
    let all = || cloud.subnets_of_network(request.network_id);
    let for_it = |subnet: &&Arc<Subnet>| {
        subnet.service_types.iter().any(|kind| {
            request.device_owner == kind || (kind == "compute:nova" && request.device_owner.starts_with(kind))
        })
    };
    let mut subnets: Vec<Arc<Subnet>> = all().filter(for_it).cloned().collect();
    subnets.extend(all().filter(|subnet| subnet.service_types.is_empty()).cloned());
    // The DHCP port serves subnets of every kind.
    if request.device_owner == device_owner::DHCP {
        subnets = all().cloned().collect();
    }
    if subnets.is_empty() && request.wanted.is_none() && all().next().is_some() {
        return Err(Error::conflict(
            "IpAddressGenerationFailureNoMatchingSubnet",
            format!(
                "No valid service subnet for the given device owner, network {}, service type {}.",
                request.network_id, request.device_owner
            ),
        ));
    }
    Ok(subnets)
}

fn check_wanted(wanted: &[FixedIpSpec]) -> Result<()> {
    if wanted.len() > MAX_FIXED_IPS {
        return Err(invalid_input(
            "InvalidInput",
            format!("Exceeded maximum amount of fixed ips per port: {MAX_FIXED_IPS}"),
        ));
    }
    if wanted
        .iter()
        .any(|spec| spec.subnet_id.is_none() && spec.ip_address.is_none())
    {
        return Err(invalid_input(
            "InvalidInput",
            "IP allocation requires subnet_id or ip_address",
        ));
    }
    Ok(())
}

/// Takes what one entry asks for.
fn take(
    tx: &mut Tx<'_>,
    request: &Request<'_>,
    subnets: &[Arc<Subnet>],
    spec: &FixedIpSpec,
    chosen: &mut Vec<FixedIp>,
) -> Result<()> {
    let subnet = subnet_for(tx.cloud(), request, subnets, spec)?;
    let is_router = request.device_owner == device_owner::ROUTER_INTERFACE;
    let automatic = match subnet.cidr {
        IpNet::V6(prefix) if subnet.is_slaac() && !is_router => request.mac.slaac(prefix).map(IpAddr::V6),
        _ => None,
    };
    let address = match (spec.ip_address, automatic) {
        (Some(address), Some(automatic)) if address != automatic => {
            return Err(invalid_input(
                "AllocationOnAutoAddressSubnet",
                format!(
                    "IPv6 address {address} cannot be directly assigned to a port on subnet {} as the subnet is configured for \
                     automatic addresses",
                    subnet.id
                ),
            ));
        }
        (Some(address), _) | (None, Some(address)) => address,
        (None, None) => {
            let random = tx.random_bytes();
            pick(tx.cloud(), &subnet, chosen, random).ok_or_else(|| exhausted(&subnet))?
        }
    };
    claim(tx.cloud(), &subnet, address, chosen)
}

/// Takes an address of any subnet of one IP version, if there is one.
fn take_any(
    tx: &mut Tx<'_>,
    request: &Request<'_>,
    subnets: &[Arc<Subnet>],
    ipv6: bool,
    chosen: &mut Vec<FixedIp>,
) -> Result<()> {
    let mut of_version = subnets
        .iter()
        .filter(|subnet| subnet.is_ipv6() == ipv6 && !subnet.is_slaac())
        .peekable();
    if of_version.peek().is_none() {
        return Ok(());
    }
    let random = tx.random_bytes();
    for subnet in of_version {
        if let Some(address) = pick(tx.cloud(), subnet, chosen, random) {
            return claim(tx.cloud(), subnet, address, chosen);
        }
    }
    Err(Error::conflict(
        "IpAddressGenerationFailure",
        format!(
            "No more IP addresses available on network {}. Widen an allocation pool, add a subnet, or delete ports that are \
             not used.",
            request.network_id
        ),
    ))
}

/// Adds the addresses that the port makes for itself from advertised prefixes: it has them whether asked for or not.
fn take_auto(cloud: &Cloud, request: &Request<'_>, subnets: &[Arc<Subnet>], chosen: &mut Vec<FixedIp>) -> Result<()> {
    if request.device_owner == device_owner::ROUTER_INTERFACE {
        return Ok(());
    }
    for subnet in subnets.iter().filter(|subnet| subnet.is_slaac()) {
        let IpNet::V6(prefix) = subnet.cidr else { continue };
        let Some(address) = request.mac.slaac(prefix).map(IpAddr::V6) else {
            continue;
        };
        if !chosen.iter().any(|fixed| fixed.ip_address == address) {
            claim(cloud, subnet, address, chosen)?;
        }
    }
    Ok(())
}

/// The subnet that an entry means.
fn subnet_for(
    cloud: &Cloud,
    request: &Request<'_>,
    subnets: &[Arc<Subnet>],
    spec: &FixedIpSpec,
) -> Result<Arc<Subnet>> {
    if subnets.is_empty() {
        return Err(invalid_input(
            "InvalidInput",
            "IP allocation requires subnets for network",
        ));
    }
    let usable = |subnet: &Subnet, address: IpAddr| {
        subnet.cidr.contains(&address)
            && (subnet::host_range(&subnet.cidr).contains(address)
                || (subnet.is_ipv6() && request.device_owner == device_owner::ROUTER_INTERFACE))
    };
    match (spec.subnet_id, spec.ip_address) {
        (Some(id), address) => {
            let Some(subnet) = subnets.iter().find(|subnet| subnet.id == id) else {
                cloud.get::<Subnet>(&id)?;
                return Err(invalid_input(
                    "InvalidInput",
                    format!(
                        "Failed to create port on network {}, because fixed_ips included invalid subnet {id}",
                        request.network_id
                    ),
                ));
            };
            match address {
                Some(address) if !usable(subnet, address) => Err(Error::invalid(
                    "InvalidIpForSubnet",
                    format!("IP address {address} is not a valid IP for the specified subnet."),
                )),
                _ => Ok(subnet.clone()),
            }
        }
        (None, Some(address)) => subnets
            .iter()
            .find(|subnet| usable(subnet, address))
            .cloned()
            .ok_or_else(|| {
                Error::invalid(
                    "InvalidIpForNetwork",
                    format!("IP address {address} is not a valid IP for any of the subnets on the specified network."),
                )
            }),
        (None, None) => Err(invalid_input(
            "InvalidInput",
            "IP allocation requires subnet_id or ip_address",
        )),
    }
}

fn pick(cloud: &Cloud, subnet: &Subnet, chosen: &[FixedIp], random: [u8; 16]) -> Option<IpAddr> {
    let own: Vec<IpAddr> = chosen
        .iter()
        .filter(|fixed| fixed.subnet_id == subnet.id)
        .map(|fixed| fixed.ip_address)
        .collect();
    subnet::free_address(cloud, subnet, &own, random)
}

/// Enters an address, if nobody has it.
fn claim(cloud: &Cloud, subnet: &Subnet, address: IpAddr, chosen: &mut Vec<FixedIp>) -> Result<()> {
    let fixed = FixedIp {
        subnet_id: subnet.id,
        ip_address: address,
    };
    if chosen.contains(&fixed) || cloud.lookups.addresses.contains_key(&(subnet.id, address)) {
        return Err(Error::conflict(
            "IpAddressAlreadyAllocated",
            format!("IP address {address} already allocated in subnet {}", subnet.id),
        ));
    }
    chosen.push(fixed);
    Ok(())
}

fn exhausted(subnet: &Subnet) -> Error {
    Error::conflict(
        "IpAddressGenerationFailure",
        format!(
            "No more IP addresses available for subnet {}. Widen its allocation pool, or delete ports that are not used.",
            subnet.id
        ),
    )
}
