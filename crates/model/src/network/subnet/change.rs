//! Making, changing and removing subnets.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;

use super::{Subnet, addresses_in_use, validate};
use crate::address::AddressRange;
use crate::host::{Ipv6Mode, Route};
use crate::network::access::{Resource, bad_request, get_changeable, get_visible, invalid_input, owner, require};
use crate::network::{
    FixedIp, Network, Port, Standard, SubnetPool, device_owner, network, port, quota, segment, subnet_pool, tag,
};
use crate::{Actor, Cloud, Error, NetworkId, PortId, ProjectId, Result, SegmentId, SubnetId, SubnetPoolId, Tx};

/// Ports that get or lose an address in one transaction, so that it stays within the store's limit.
const PORTS_AT_ONCE: usize = 64;

/// What a subnet is asked to be. `None`: the default, or (in an update) as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SubnetSpec {
    /// Owner of a new one.
    pub project_id: Option<ProjectId>,
    /// Its name.
    pub name: Option<String>,
    /// Free text.
    pub description: Option<String>,
    /// Prefix of a new one.
    pub cidr: Option<IpNet>,
    /// 4 or 6; checked against the prefix.
    pub ip_version: Option<u8>,
    /// `Some(None)`: no gateway; `None`: the first address of a new one.
    pub gateway_ip: Option<Option<IpAddr>>,
    /// `None`: all addresses but the gateway.
    pub allocation_pools: Option<Vec<AddressRange>>,
    /// Whether DHCP answers.
    pub enable_dhcp: Option<bool>,
    /// Resolvers.
    pub dns_nameservers: Option<Vec<IpAddr>>,
    /// Further routes.
    pub host_routes: Option<Vec<Route>>,
    /// Who advertises a new one.
    pub ipv6_ra_mode: Option<Ipv6Mode>,
    /// How addresses are made in a new one.
    pub ipv6_address_mode: Option<Ipv6Mode>,
    /// Device owners whose ports take addresses here.
    pub service_types: Option<Vec<String>>,
    /// Labels of a new one.
    pub tags: Option<BTreeSet<String>>,
    /// The pool a new one's prefix is cut from.
    pub subnetpool_id: Option<SubnetPoolId>,
    /// From the default pool of its IP version.
    pub use_default_subnetpool: bool,
    /// Length of a prefix that is cut from a pool.
    pub prefixlen: Option<u8>,
    /// The segment that a new one is in.
    pub segment_id: Option<SegmentId>,
    /// Prefixes of the host itself: a subnet of a provider network must leave them alone.
    pub host_prefixes: Vec<IpNet>,
}

/// Makes a subnet; with DHCP, the network's DHCP port gets an address in it, and ports that make their addresses from the
/// prefix get theirs (see [`spread_auto_addresses`] when there are many).
///
/// # Errors
/// `NetworkNotFound`, `PolicyNotAuthorized`, `OverQuota`, `InvalidInput` and the errors of pools, gateways and segments.
pub fn create(tx: &mut Tx<'_>, actor: &Actor, network_id: NetworkId, spec: SubnetSpec) -> Result<Arc<Subnet>> {
    let network = get_visible::<Network>(tx.cloud(), actor, &network_id)?;
    require(actor.can_see(&network.standard.project_id), "create_subnet")?;
    let project_id = owner(actor, spec.project_id.as_ref())?;
    quota::enforce::<Subnet>(tx.cloud(), &project_id, "subnet")?;
    let (cidr, pool) = prefix_of(tx.cloud(), actor, &project_id, &spec)?;
    validate::check_cidr(&cidr, &spec)?;
    check_neighbours(tx.cloud(), &network, &cidr, &spec.host_prefixes)?;
    network::check_mtu_for(&network, network.mtu, matches!(cidr, IpNet::V6(_)))?;
    check_pool_affinity(tx.cloud(), network_id, &cidr, pool)?;
    segment::check_subnet(tx.cloud(), actor, network_id, spec.segment_id)?;
    let mut subnet = build(tx, network_id, project_id, cidr, spec)?;
    subnet.subnetpool_id = pool;
    let subnet = tx.put(subnet);
    network::bump(tx, network_id);
    port::dhcp::sync(tx, network_id)?;
    spread_auto_addresses(tx, subnet.id)?;
    tx.get::<Subnet>(&subnet.id)
}

/// The prefix asked for, or one from a pool.
fn prefix_of(
    cloud: &Cloud,
    actor: &Actor,
    project: &ProjectId,
    spec: &SubnetSpec,
) -> Result<(IpNet, Option<SubnetPoolId>)> {
    let refuse = |message: &str| Err(bad_request("subnets", message));
    if spec.cidr.is_some() && spec.prefixlen.is_some() {
        return refuse("cidr and prefixlen must not be supplied together");
    }
    let version = |cidr: IpNet| if cidr.addr().is_ipv4() { 4 } else { 6 };
    let pool = match (spec.subnetpool_id, spec.use_default_subnetpool) {
        (Some(_), true) => {
            return refuse("subnetpool_id and use_default_subnetpool cannot both be specified");
        }
        (Some(id), false) => get_visible::<SubnetPool>(cloud, actor, &id)?,
        (None, true) => {
            let Some(version) = spec.cidr.map(version).or(spec.ip_version) else {
                return refuse("ip_version must be specified in the absence of cidr and subnetpool_id");
            };
            match subnet_pool::default_pool(cloud, version).filter(|pool| pool.visible_to(cloud, actor)) {
                Some(pool) => pool.clone(),
                None => return refuse(&format!("No default subnetpool found for IPv{version}")),
            }
        }
        (None, false) => {
            return match spec.cidr {
                Some(cidr) => Ok((cidr, None)),
                None => refuse("a subnetpool must be specified in the absence of a cidr"),
            };
        }
    };
    if spec.cidr.is_none() && spec.allocation_pools.is_some() {
        return refuse("allocation_pools allowed only for specific subnet requests.");
    }
    if spec.ip_version.is_some_and(|version| version != pool.ip_version()) {
        return refuse(&format!(
            "Cannot create IPv{} subnet from IPv{} subnet pool",
            spec.ip_version.unwrap_or_default(),
            pool.ip_version()
        ));
    }
    let cidr = subnet_pool::allocate(cloud, &pool, project, spec.cidr, spec.prefixlen)?;
    Ok((cidr, Some(pool.id)))
}

/// Subnets of one IP version on a network are all from one pool, or all from none.
fn check_pool_affinity(cloud: &Cloud, network: NetworkId, cidr: &IpNet, pool: Option<SubnetPoolId>) -> Result<()> {
    let same_version = |subnet: &&Arc<Subnet>| subnet.cidr.addr().is_ipv4() == cidr.addr().is_ipv4();
    if cloud
        .subnets_of_network(network)
        .filter(same_version)
        .all(|subnet| subnet.subnetpool_id == pool)
    {
        return Ok(());
    }
    Err(Error::invalid(
        "NetworkSubnetPoolAffinityError",
        "Subnets hosted on the same network must be allocated from the same subnet pool.",
    ))
}

fn build(
    tx: &mut Tx<'_>,
    network_id: NetworkId,
    project_id: ProjectId,
    cidr: IpNet,
    spec: SubnetSpec,
) -> Result<Subnet> {
    let gateway_ip = spec.gateway_ip.unwrap_or_else(|| validate::first_host(&cidr));
    if let Some(gateway) = gateway_ip {
        validate::check_gateway(&cidr, gateway)?;
    }
    let allocation_pools = match spec.allocation_pools {
        Some(pools) => {
            validate::check_pools(&cidr, &pools, gateway_ip)?;
            pools
        }
        None => validate::default_pools(&cidr, gateway_ip),
    };
    let mut standard = Standard::new(project_id, spec.name.unwrap_or_default(), tx.now());
    standard.description = spec.description.unwrap_or_default();
    standard.tags = spec.tags.unwrap_or_default();
    tag::check_count(&standard.tags)?;
    let subnet = Subnet {
        id: tx.new_id(),
        standard,
        network_id,
        cidr,
        gateway_ip,
        allocation_pools,
        enable_dhcp: spec.enable_dhcp.unwrap_or(true),
        dns_nameservers: spec.dns_nameservers.unwrap_or_default(),
        host_routes: spec.host_routes.unwrap_or_default(),
        ipv6_ra_mode: spec.ipv6_ra_mode,
        ipv6_address_mode: spec.ipv6_address_mode,
        service_types: check_service_types(spec.service_types.unwrap_or_default())?,
        subnetpool_id: None,
        segment_id: spec.segment_id,
    };
    validate::check_options(
        subnet.ip_version(),
        "new subnet",
        &subnet.dns_nameservers,
        &subnet.host_routes,
    )?;
    validate::check_dhcp(&subnet)?;
    Ok(subnet)
}

/// Changes a subnet. Addresses already given out stay, also outside new pools.
///
/// # Errors
/// `SubnetNotFound`, `PolicyNotAuthorized`, `GatewayIpInUse`, `InvalidInput` and the errors of pools.
pub fn update(tx: &mut Tx<'_>, actor: &Actor, id: SubnetId, spec: SubnetSpec) -> Result<Arc<Subnet>> {
    let mut subnet = Subnet::clone(&*get_changeable::<Subnet>(tx.cloud(), actor, &id, "update")?);
    if let Some(gateway_ip) = spec.gateway_ip
        && gateway_ip != subnet.gateway_ip
    {
        change_gateway(tx.cloud(), &mut subnet, gateway_ip)?;
    }
    match spec.allocation_pools {
        Some(pools) => {
            validate::check_pools(&subnet.cidr, &pools, subnet.gateway_ip)?;
            subnet.allocation_pools = pools;
        }
        None => validate::check_gateway_outside(&subnet.allocation_pools, subnet.gateway_ip)?,
    }
    subnet.enable_dhcp = spec.enable_dhcp.unwrap_or(subnet.enable_dhcp);
    subnet.dns_nameservers = spec.dns_nameservers.unwrap_or(subnet.dns_nameservers);
    subnet.host_routes = spec.host_routes.unwrap_or(subnet.host_routes);
    if let Some(service_types) = spec.service_types {
        subnet.service_types = check_service_types(service_types)?;
    }
    validate::check_options(
        subnet.ip_version(),
        &id.to_string(),
        &subnet.dns_nameservers,
        &subnet.host_routes,
    )?;
    validate::check_dhcp(&subnet)?;
    let standard = &mut subnet.standard;
    standard.name = spec.name.unwrap_or_else(|| std::mem::take(&mut standard.name));
    standard.description = spec
        .description
        .unwrap_or_else(|| std::mem::take(&mut standard.description));
    standard.touch(tx.now());
    let subnet = tx.put(subnet);
    network::bump(tx, subnet.network_id);
    port::dhcp::sync(tx, subnet.network_id)?;
    Ok(subnet)
}

/// Removes a subnet. Addresses that ports made from its prefix go with it (call [`drop_auto_addresses`] before when there
/// may be many), and so does the DHCP port's.
///
/// # Errors
/// `SubnetNotFound`, `PolicyNotAuthorized`, `SubnetInUse` while a port has an address of it.
pub fn delete(tx: &mut Tx<'_>, actor: &Actor, id: SubnetId) -> Result<()> {
    let subnet = get_changeable::<Subnet>(tx.cloud(), actor, &id, "delete")?;
    check_unused(tx.cloud(), &subnet)?;
    while drop_auto_addresses(tx, actor, id)? {}
    tx.delete::<Subnet>(&id);
    network::bump(tx, subnet.network_id);
    port::dhcp::sync(tx, subnet.network_id)
}

/// Gives ports of the network that lack one their address of a prefix they make addresses from. At most 64 ports at a
/// time; `true` when there are more: then call it again, in the next transaction.
pub fn spread_auto_addresses(tx: &mut Tx<'_>, id: SubnetId) -> Result<bool> {
    let subnet = tx.get::<Subnet>(&id)?;
    let IpNet::V6(prefix) = subnet.cidr else {
        return Ok(false);
    };
    if !subnet.is_slaac() {
        return Ok(false);
    }
    let lacking = |port: &&Arc<Port>| {
        let has_one = port.fixed_ips.iter().any(|fixed| fixed.subnet_id == id);
        !has_one && !port.is_router_owned() && !leads_behind_itself(tx.cloud(), port, &subnet.cidr)
    };
    let mut ports: Vec<PortId> = tx
        .cloud()
        .ports_of_network(subnet.network_id)
        .filter(lacking)
        .map(|port| port.id)
        .take(PORTS_AT_ONCE + 1)
        .collect();
    let more = ports.len() > PORTS_AT_ONCE;
    ports.truncate(PORTS_AT_ONCE);
    for port_id in ports {
        let now = tx.now();
        let mac = tx.get::<Port>(&port_id)?.mac_address;
        let Some(address) = mac.slaac(prefix).map(IpAddr::V6) else {
            continue;
        };
        // Somebody may have this very address by choice; then the port stays without.
        if !tx.cloud().lookups.addresses.contains_key(&(id, address)) {
            tx.update::<Port>(&port_id, |port| {
                port.fixed_ips.push(FixedIp {
                    subnet_id: id,
                    ip_address: address,
                });
                port.standard.touch(now);
            })?;
        }
    }
    Ok(more)
}

/// Whether a port is the gateway of a router that has this prefix behind it, too: an address of it outside would make the
/// router not know the way.
fn leads_behind_itself(cloud: &Cloud, port: &Port, prefix: &IpNet) -> bool {
    port.device_owner == device_owner::ROUTER_GATEWAY
        && cloud
            .ports_of_device(&port.device_id)
            .filter(|leg| leg.is_router_owned())
            .flat_map(|leg| &leg.fixed_ips)
            .filter_map(|fixed| cloud.subnets.get(&fixed.subnet_id))
            .any(|inner| inner.cidr.contains(prefix) || prefix.contains(&inner.cidr))
}

/// Takes away the addresses that ports made from the subnet's prefix, before it is deleted. At most 64 ports at a time;
/// `true` when there are more.
///
/// # Errors
/// As [`delete`].
pub fn drop_auto_addresses(tx: &mut Tx<'_>, actor: &Actor, id: SubnetId) -> Result<bool> {
    let subnet = get_changeable::<Subnet>(tx.cloud(), actor, &id, "delete")?;
    check_unused(tx.cloud(), &subnet)?;
    let ports: BTreeSet<PortId> = addresses_in_use(tx.cloud(), id).map(|(_, port_id)| port_id).collect();
    let now = tx.now();
    for port_id in ports.iter().take(PORTS_AT_ONCE) {
        tx.update::<Port>(port_id, |port| {
            port.fixed_ips.retain(|fixed| fixed.subnet_id != id);
            port.standard.touch(now);
        })?;
    }
    Ok(ports.len() > PORTS_AT_ONCE)
}

/// Passes when only the DHCP port, and ports that made theirs from the prefix, have addresses.
fn check_unused(cloud: &Cloud, subnet: &Subnet) -> Result<()> {
    let blocks =
        |port: &Port| port.device_owner != device_owner::DHCP && (port.is_router_owned() || !subnet.is_slaac());
    let blocking = addresses_in_use(cloud, subnet.id)
        .find(|(_, port_id)| cloud.ports.get(port_id).is_some_and(|port| blocks(port)));
    blocking.map_or(Ok(()), |(address, port_id)| {
        Err(Error::conflict(
            "SubnetInUse",
            format!(
                "Unable to complete operation on subnet {}: One or more ports have an IP allocation from this subnet. Port \
                 {port_id} has {address}: delete it, or detach it from its router, first.",
                subnet.id
            ),
        ))
    })
}

fn change_gateway(cloud: &Cloud, subnet: &mut Subnet, gateway_ip: Option<IpAddr>) -> Result<()> {
    if let Some(gateway) = gateway_ip {
        validate::check_version(subnet.ip_version(), gateway, "gateway_ip", &gateway.to_string())?;
        validate::check_gateway(&subnet.cidr, gateway)?;
    }
    if let Some(current) = subnet.gateway_ip
        && let Some(port_id) = cloud.lookups.addresses.get(&(subnet.id, current))
        && cloud.ports.get(port_id).is_some_and(|port| port.is_router_owned())
    {
        return Err(Error::conflict(
            "GatewayIpInUse",
            format!("Current gateway ip {current} already in use by port {port_id}. Unable to update."),
        ));
    }
    subnet.gateway_ip = gateway_ip;
    Ok(())
}

/// A subnet must not overlap with others of its network, nor (on a provider network) with any other subnet of a provider
/// network or with the host's own networks: they all meet in the host's routing table.
fn check_neighbours(cloud: &Cloud, network: &Network, cidr: &IpNet, host_prefixes: &[IpNet]) -> Result<()> {
    let overlaps = |other: &IpNet| cidr.contains(other) || other.contains(cidr);
    if cloud.subnets_of_network(network.id).any(|other| overlaps(&other.cidr)) {
        return Err(invalid_input(
            "InvalidInput",
            format!(
                "Requested subnet with cidr: {cidr} for network: {} overlaps with another subnet",
                network.id
            ),
        ));
    }
    if !network.external {
        return Ok(());
    }
    let externals = cloud.lookups.external_networks.of(&());
    if externals
        .flat_map(|id| cloud.subnets_of_network(*id))
        .any(|other| overlaps(&other.cidr))
    {
        return Err(invalid_input(
            "InvalidInput",
            format!(
                "Requested subnet with cidr: {cidr} for network: {} overlaps with another subnet of an external network: the \
                 host could not tell them apart",
                network.id
            ),
        ));
    }
    if let Some(prefix) = host_prefixes.iter().find(|prefix| overlaps(prefix)) {
        return Err(invalid_input(
            "InvalidInput",
            format!(
                "Requested subnet with cidr: {cidr} for external network: {} overlaps with {prefix}, a network of the host \
                 itself: the host would lose its way there. Choose another range",
                network.id
            ),
        ));
    }
    Ok(())
}

/// Service types are device owners: a service, a colon, a kind.
fn check_service_types(types: Vec<String>) -> Result<Vec<String>> {
    match types.iter().find(|name| !name.contains(':')) {
        None => Ok(types),
        Some(name) => Err(invalid_input(
            "InvalidSubnetServiceType",
            format!("Subnet service type {name} does not correspond to a valid device owner"),
        )),
    }
}
