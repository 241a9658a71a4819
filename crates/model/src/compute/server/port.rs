//! A server's NICs are Neutron's ports: which ones it gets, made or found, and giving them back.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use super::create::{Networks, NicWish};
use super::{Server, get_visible};
use crate::compute::ActionLog;
use crate::network::access;
use crate::network::port::{self, FixedIpSpec, PortSpec, ServerBinding, ServerNic};
use crate::network::security_group::check_together;
use crate::network::{Network, Port, SecurityGroup, auto_allocation, rbac};
use crate::{Actor, Cloud, Error, ErrorKind, NetworkId, PortId, ProjectId, Result, SecurityGroupId, ServerId, Tx};

/// The NICs that a request comes to, checked as far as it can be without making them.
pub(super) fn resolve(
    tx: &mut Tx<'_>,
    actor: &Actor,
    project: &ProjectId,
    networks: &Networks,
    max_count: u64,
) -> Result<Vec<NicWish>> {
    match networks {
        Networks::None => Ok(Vec::new()),
        Networks::Listed(wishes) if !wishes.is_empty() => {
            let mut seen = BTreeSet::new();
            for wish in wishes {
                check_wish(tx.cloud(), actor, project, wish, max_count)?;
                if let NicWish::Port { id, .. } = wish
                    && !seen.insert(*id)
                {
                    return Err(Error::invalid(
                        "HTTPBadRequest",
                        format!("Port ID '{id}' was specified twice: you cannot attach a port multiple times."),
                    ));
                }
            }
            Ok(wishes.clone())
        }
        Networks::Unspecified | Networks::Auto | Networks::Listed(_) => {
            let network = match only_network(tx.cloud(), project)? {
                None if *networks == Networks::Auto => Some(auto_allocate(tx, actor, project)?),
                only => only,
            };
            Ok(network.map(network_wish).into_iter().collect())
        }
    }
}

/// The network that Neutron makes for a project that has none.
fn auto_allocate(tx: &mut Tx<'_>, actor: &Actor, project: &ProjectId) -> Result<NetworkId> {
    let id = auto_allocation::ensure(tx, actor, project).map_err(|error| match error.code {
        "AutoAllocationFailure" => Error::invalid(
            "UnableToAutoAllocateNetwork",
            format!(
                "Unable to automatically allocate a network for project {project}. Make a network with a subnet, or ask for \
                 no network (`--network none`). {}",
                error.message
            ),
        ),
        _ => error,
    })?;
    check_network(tx.cloud(), actor, id)?;
    Ok(id)
}

fn network_wish(id: NetworkId) -> NicWish {
    NicWish::Network {
        id,
        fixed_ip: None,
        tag: None,
    }
}

/// The one network that a project may put servers on, if it has any.
fn only_network(cloud: &Cloud, project: &ProjectId) -> Result<Option<NetworkId>> {
    let mut usable = cloud.networks.iter().filter(|network| {
        let theirs = network.standard.project_id == *project || rbac::is_shared_with(cloud, network, Some(project));
        theirs && !network.external && cloud.subnets_of_network(network.id).next().is_some()
    });
    let first = usable.next().map(|network| network.id);
    if usable.next().is_some() {
        return Err(Error::conflict(
            "NetworkAmbiguous",
            "Multiple possible networks found, use a Network ID to be more specific.",
        ));
    }
    Ok(first)
}

fn check_wish(cloud: &Cloud, actor: &Actor, project: &ProjectId, wish: &NicWish, max_count: u64) -> Result<()> {
    match wish {
        NicWish::Network { id, fixed_ip, .. } => {
            if fixed_ip.is_some() && max_count > 1 {
                return Err(Error::invalid(
                    "InvalidFixedIpAndMaxCountRequest",
                    "Failed to launch instances: max_count must be 1 if a fixed_ip is specified.",
                ));
            }
            check_network(cloud, actor, *id)
        }
        NicWish::Port { id, .. } => {
            if max_count > 1 {
                return Err(Error::invalid(
                    "MultiplePortsNotApplicable",
                    "Failed to launch instances: Unable to launch multiple instances with a single configured port ID. \
                     Please launch your instance one by one with different ports.",
                ));
            }
            check_port(cloud, actor, project, *id).map(|_| ())
        }
    }
}

fn check_network(cloud: &Cloud, actor: &Actor, id: NetworkId) -> Result<()> {
    let network = access::get_visible::<Network>(cloud, actor, &id).map_err(as_bad_request)?;
    if network.external {
        return Err(Error::forbidden(
            "ExternalNetworkAttachForbidden",
            format!(
                "It is not allowed to create an interface on external network {id}. Put the server on a network of your \
                 own, connect that with a router, and give the server a floating IP."
            ),
        ));
    }
    if cloud.subnets_of_network(id).next().is_none() {
        return Err(Error::invalid(
            "NetworkRequiresSubnet",
            format!("Network {id} requires a subnet in order to boot instances on."),
        ));
    }
    Ok(())
}

fn check_port(cloud: &Cloud, actor: &Actor, project: &ProjectId, id: PortId) -> Result<Arc<Port>> {
    let port = access::get_visible::<Port>(cloud, actor, &id).map_err(as_bad_request)?;
    if port.standard.project_id != *project {
        return Err(Error::invalid(
            "PortNotUsable",
            format!("Port {id} not usable for an instance of project {project}: it belongs to another project."),
        ));
    }
    if !port.device_id.is_empty() || port.is_network_owned() {
        return Err(Error::conflict("PortInUse", format!("Port {id} is still in use.")));
    }
    if port.fixed_ips.is_empty() {
        return Err(Error::invalid(
            "PortRequiresFixedIP",
            format!("Port {id} requires a FixedIP in order to be used."),
        ));
    }
    if cloud
        .networks
        .get(&port.network_id)
        .is_some_and(|network| network.external)
    {
        return Err(Error::forbidden(
            "ExternalNetworkAttachForbidden",
            format!(
                "It is not allowed to create an interface on external network {}",
                port.network_id
            ),
        ));
    }
    Ok(port)
}

/// The groups that these names or ids mean in a project.
///
/// # Errors
/// `SecurityGroupNotFoundForProject`; `NoUniqueMatch` for a name that several groups have.
pub fn security_groups(
    cloud: &Cloud,
    project: &ProjectId,
    names: &BTreeSet<String>,
) -> Result<BTreeSet<SecurityGroupId>> {
    names.iter().map(|name| security_group(cloud, project, name)).collect()
}

/// The group that this name or id means in a project.
///
/// # Errors
/// As [`security_groups`].
pub fn security_group(cloud: &Cloud, project: &ProjectId, name: &str) -> Result<SecurityGroupId> {
    let groups: Vec<&Arc<SecurityGroup>> = cloud
        .lookups
        .groups_by_project
        .of(project)
        .filter_map(|id| cloud.security_groups.get(id))
        .collect();
    if let Some(group) = groups.iter().find(|group| group.id.to_string() == name) {
        return Ok(group.id);
    }
    let mut named = groups.iter().filter(|group| group.standard.name == name);
    match (named.next(), named.next()) {
        (Some(group), None) => Ok(group.id),
        (Some(_), Some(_)) => Err(Error::conflict(
            "NoUniqueMatch",
            format!("Multiple security groups found matching '{name}'. Use an ID to be more specific."),
        )),
        (None, _) => Err(Error::invalid(
            "SecurityGroupNotFoundForProject",
            format!("Security group {name} not found for project {project}."),
        )),
    }
}

/// What a server's new NICs share.
pub(super) struct Plug<'a> {
    /// Groups of ports made for it; the project's default group when empty.
    pub(super) groups: &'a BTreeSet<SecurityGroupId>,
    /// The availability zone.
    pub(super) zone: &'a str,
}

/// Gives a server a NIC.
pub(super) fn attach(
    tx: &mut Tx<'_>,
    actor: &Actor,
    server: &mut Server,
    wish: &NicWish,
    plug: &Plug<'_>,
) -> Result<Arc<Port>> {
    let binding = ServerBinding {
        server_id: server.id,
        project_id: server.project_id.clone(),
        hostname: server.hostname.clone(),
        zone: plug.zone.to_owned(),
        host: server.host.clone(),
        security_groups: plug.groups.iter().copied().collect(),
    };
    let (nic, tag) = match wish {
        NicWish::Network { id, fixed_ip, tag } => {
            let (id, fixed_ip) = (*id, *fixed_ip);
            (ServerNic::Network { id, fixed_ip }, tag)
        }
        NicWish::Port { id, tag } => (ServerNic::Port(*id), tag),
    };
    let port = port::create_for_server(tx, actor, &binding, nic).map_err(in_nova_words)?;
    server.ports.push(port.id);
    if let Some(tag) = tag {
        server.nic_tags.insert(port.id, tag.clone());
    }
    Ok(port)
}

/// Neutron's errors as Nova passes them on.
fn in_nova_words(error: Error) -> Error {
    match (error.kind, error.code) {
        (ErrorKind::OverQuota, _) => Error::over_quota("PortLimitExceeded", "Maximum number of ports exceeded"),
        (_, "IpAddressAlreadyAllocated") => Error::invalid("FixedIpAlreadyInUse", error.message),
        (ErrorKind::NotFound, _) => as_bad_request(error),
        _ => error,
    }
}

fn as_bad_request(error: Error) -> Error {
    match error.kind {
        ErrorKind::NotFound => Error {
            kind: ErrorKind::Invalid,
            ..error
        },
        _ => error,
    }
}

/// Which NIC is to be added to a server that exists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewNic {
    /// A port that is there.
    pub port_id: Option<PortId>,
    /// A network to make one on; the only one there is when neither is named.
    pub network_id: Option<NetworkId>,
    /// Its address, on `network_id`.
    pub fixed_ip: Option<IpAddr>,
    /// Device tag.
    pub tag: Option<String>,
}

/// Adds a NIC to a server (`os-interface` POST).
///
/// # Errors
/// As for a new server's NIC; what `admission` denies.
pub fn attach_interface(
    tx: &mut Tx<'_>,
    actor: &Actor,
    id: ServerId,
    new: &NewNic,
    zone: &str,
    request_id: uuid::Uuid,
) -> Result<Arc<Port>> {
    let server = get_visible(tx.cloud(), actor, id)?;
    super::act::admit_for(&server, actor, super::admission::Operation::AttachInterface)?;
    let wish = match (new.port_id, new.network_id) {
        (Some(port), _) => NicWish::Port {
            id: port,
            tag: new.tag.clone(),
        },
        (None, Some(network)) => NicWish::Network {
            id: network,
            fixed_ip: new.fixed_ip,
            tag: new.tag.clone(),
        },
        (None, None) => {
            let network = only_network(tx.cloud(), &server.project_id)?.ok_or_else(|| {
                Error::invalid(
                    "InterfaceAttachFailedNoNetwork",
                    format!(
                        "No specific network was requested and none are available for project '{}'.",
                        server.project_id
                    ),
                )
            })?;
            network_wish(network)
        }
    };
    // Not found in the path is 404; a port or network of the body that is not there is 404 here too (Nova).
    check_wish(tx.cloud(), actor, &server.project_id, &wish, 1).map_err(|error| match error.code {
        "PortNotFound" | "NetworkNotFound" => Error {
            kind: ErrorKind::NotFound,
            ..error
        },
        "PortInUse" => Error {
            kind: ErrorKind::Invalid,
            ..error
        },
        _ => error,
    })?;
    let mut server = Server::clone(&server);
    let groups = BTreeSet::new();
    let port = attach(tx, actor, &mut server, &wish, &Plug { groups: &groups, zone })?;
    server.updated_at = tx.now();
    ActionLog::new("attach_interface", request_id)
        .at_once()
        .record(tx, actor, &server);
    tx.put(server);
    Ok(port)
}

/// Takes a NIC from a server (`os-interface` DELETE). A port made for it goes, one that was there before stays.
///
/// # Errors
/// `PortNotFound` when the server has no such port; what `admission` denies.
pub fn detach_interface(
    tx: &mut Tx<'_>,
    actor: &Actor,
    id: ServerId,
    port_id: PortId,
    request_id: uuid::Uuid,
) -> Result<()> {
    let server = get_visible(tx.cloud(), actor, id)?;
    super::act::admit_for(&server, actor, super::admission::Operation::DetachInterface)?;
    if !server.ports.contains(&port_id) {
        return Err(Error::not_found(
            "PortNotFound",
            format!("Port id {port_id} could not be found."),
        ));
    }
    port::release_from_server(tx, id, port_id)?;
    let mut server = Server::clone(&*tx.get::<Server>(&id)?);
    server.ports.retain(|port| *port != port_id);
    server.nic_tags.remove(&port_id);
    server.updated_at = tx.now();
    ActionLog::new("detach_interface", request_id)
        .at_once()
        .record(tx, actor, &server);
    tx.put(server);
    Ok(())
}

/// Puts the server's ports into a group (`addSecurityGroup`).
///
/// # Errors
/// `SecurityGroupNotFoundForProject` (404); `SecurityGroupCannotBeApplied` when it has no ports; `SecurityGroupConflict` (409)
/// for a stateless group beside stateful ones, or the other way round.
pub fn add_security_group(tx: &mut Tx<'_>, actor: &Actor, id: ServerId, name: &str) -> Result<()> {
    let (server, group) = server_and_group(tx.cloud(), actor, id, name)?;
    if server.ports.is_empty() {
        return Err(Error::invalid(
            "SecurityGroupCannotBeApplied",
            "Network requires port_security_enabled and subnet associated in order to apply security groups.",
        ));
    }
    for port in &server.ports {
        let port_groups = &tx.get::<Port>(port)?.security_groups;
        let together: BTreeSet<_> = port_groups.iter().copied().chain([group]).collect();
        check_together(tx.cloud(), &together)?;
        tx.update::<Port>(port, |port| {
            port.security_groups = together;
        })?;
        touch(tx, *port)?;
    }
    Ok(())
}

/// Takes the server's ports out of a group (`removeSecurityGroup`).
///
/// # Errors
/// `SecurityGroupNotFoundForProject` (404); `SecurityGroupNotExistsForInstance` (404) when no port of it is in it.
pub fn remove_security_group(tx: &mut Tx<'_>, actor: &Actor, id: ServerId, name: &str) -> Result<()> {
    let (server, group) = server_and_group(tx.cloud(), actor, id, name)?;
    let is_in = |port: &&PortId| {
        tx.cloud()
            .ports
            .get(port)
            .is_some_and(|port| port.security_groups.contains(&group))
    };
    let ports: Vec<PortId> = server.ports.iter().filter(is_in).copied().collect();
    if ports.is_empty() {
        return Err(Error::not_found(
            "SecurityGroupNotExistsForInstance",
            format!("Security group {name} is not associated with the instance {id}"),
        ));
    }
    for port in ports {
        tx.update::<Port>(&port, |port| {
            port.security_groups.remove(&group);
        })?;
        touch(tx, port)?;
    }
    Ok(())
}

/// Gives one of the server's ports another address of its network (`addFixedIp`): of the first subnet that has one left.
///
/// # Errors
/// `InstanceNotFound`; `NetworkNotFoundForInstance` when it has no port there; `NoMoreFixedIps`.
pub fn add_fixed_ip(tx: &mut Tx<'_>, actor: &Actor, id: ServerId, network: NetworkId) -> Result<()> {
    let server = get_visible(tx.cloud(), actor, id)?;
    let port = own_ports(tx.cloud(), &server)
        .into_iter()
        .find(|port| port.network_id == network);
    let Some(port) = port else {
        return Err(Error::not_found(
            "NetworkNotFoundForInstance",
            format!("Network could not be found for instance {id}."),
        ));
    };
    let subnets: Vec<_> = tx.cloud().subnets_of_network(network).map(|subnet| subnet.id).collect();
    for subnet in subnets {
        let mut fixed_ips = kept(&port, |_| true);
        fixed_ips.push(FixedIpSpec {
            subnet_id: Some(subnet),
            ip_address: None,
        });
        match set_addresses(tx, actor, port.id, fixed_ips) {
            Ok(()) => return Ok(()),
            Err(error) if error.code == "IpAddressGenerationFailure" => {}
            Err(error) => return Err(error),
        }
    }
    Err(Error::invalid(
        "NoMoreFixedIps",
        format!("No fixed IP addresses available for network: {network}"),
    ))
}

/// Takes an address from the server's port that has it (`removeFixedIp`).
///
/// # Errors
/// `InstanceNotFound`; `FixedIpNotFoundForInstance` when none has it.
pub fn remove_fixed_ip(tx: &mut Tx<'_>, actor: &Actor, id: ServerId, address: IpAddr) -> Result<()> {
    let server = get_visible(tx.cloud(), actor, id)?;
    let has_it = |port: &Arc<Port>| port.fixed_ips.iter().any(|fixed| fixed.ip_address == address);
    let Some(port) = own_ports(tx.cloud(), &server).into_iter().find(has_it) else {
        return Err(Error::invalid(
            "FixedIpNotFoundForInstance",
            format!("Instance {id} does not have fixed IP '{address}'."),
        ));
    };
    set_addresses(tx, actor, port.id, kept(&port, |ip| ip != address))
}

fn own_ports(cloud: &Cloud, server: &Server) -> Vec<Arc<Port>> {
    let device = server.id.to_string();
    let ports = server.ports.iter().filter_map(|id| cloud.ports.get(id));
    ports.filter(|port| port.device_id == device).cloned().collect()
}

fn kept(port: &Port, wanted: impl Fn(IpAddr) -> bool) -> Vec<FixedIpSpec> {
    let fixed = port.fixed_ips.iter().filter(|fixed| wanted(fixed.ip_address));
    fixed
        .map(|fixed| FixedIpSpec {
            subnet_id: Some(fixed.subnet_id),
            ip_address: Some(fixed.ip_address),
        })
        .collect()
}

fn set_addresses(tx: &mut Tx<'_>, actor: &Actor, port: PortId, fixed_ips: Vec<FixedIpSpec>) -> Result<()> {
    let spec = PortSpec {
        fixed_ips: Some(fixed_ips),
        ..PortSpec::default()
    };
    port::update(tx, actor, port, spec).map(|_| ())
}

fn touch(tx: &mut Tx<'_>, port: PortId) -> Result<()> {
    let now = tx.now();
    tx.update::<Port>(&port, |port| port.standard.touch(now)).map(|_| ())
}

fn server_and_group(cloud: &Cloud, actor: &Actor, id: ServerId, name: &str) -> Result<(Arc<Server>, SecurityGroupId)> {
    let server = get_visible(cloud, actor, id)?;
    let group = security_group(cloud, &server.project_id, name).map_err(|error| match error.kind {
        ErrorKind::Invalid => Error {
            kind: ErrorKind::NotFound,
            ..error
        },
        _ => error,
    })?;
    Ok((server, group))
}
