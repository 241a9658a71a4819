//! What Nova asks of Neutron: a port for a server's NIC, and to let it go.

use std::net::IpAddr;
use std::sync::Arc;

use super::{FixedIpSpec, Port, PortSpec, change, create, device_owner};
use crate::compute::Server;
use crate::network::access::get_visible;
use crate::network::{Network, Status, trunk};
use crate::{Actor, Error, HostId, NetworkId, PortId, ProjectId, Result, SecurityGroupId, ServerId, Tx};

/// What a NIC is to be plugged into.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServerNic {
    /// A new port on a network.
    Network {
        /// The network.
        id: NetworkId,
        /// The address asked for; `None`: any, of each IP version.
        fixed_ip: Option<IpAddr>,
    },
    /// A port that is there.
    Port(PortId),
}

/// The server that a NIC is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerBinding {
    /// The server.
    pub server_id: ServerId,
    /// Its project: owns the port.
    pub project_id: ProjectId,
    /// Its host name, which becomes the port's name in DNS (RFC 1123; another text is left out).
    pub hostname: String,
    /// Its availability zone: the end of the port's `device_owner`.
    pub zone: String,
    /// The host it is on; `None` while it waits for one.
    pub host: Option<HostId>,
    /// Groups of a new port; empty: the project's default group. A given port keeps its own.
    pub security_groups: Vec<SecurityGroupId>,
}

/// Plugs a server's NIC in: makes a port, or takes the one given.
///
/// # Errors
/// Those of [`create`]; `PortNotFound`, `PortInUse`, `ExternalNetworkAttachForbidden`, `NetworkRequiresSubnet` and
/// `SecurityGroupCannotBeApplied` as Nova has them.
pub fn create_for_server(tx: &mut Tx<'_>, actor: &Actor, binding: &ServerBinding, nic: ServerNic) -> Result<Arc<Port>> {
    let (network_id, given) = match &nic {
        ServerNic::Network { id, .. } => (*id, None),
        ServerNic::Port(id) => {
            let port = get_visible::<Port>(tx.cloud(), actor, id)?;
            (port.network_id, Some(port))
        }
    };
    let network = get_visible::<Network>(tx.cloud(), actor, &network_id)?;
    if network.external {
        return Err(Error::forbidden(
            "ExternalNetworkAttachForbidden",
            format!(
                "It is not allowed to create an interface on external network {network_id}. Use a self-service network, and a \
                 floating IP to be reached from outside."
            ),
        ));
    }
    let port = match (given, nic) {
        (Some(port), _) => take_port(tx, actor, binding, &port)?,
        (None, ServerNic::Network { fixed_ip, .. }) => make_port(tx, actor, binding, &network, fixed_ip)?,
        (None, ServerNic::Port(id)) => tx.get::<Port>(&id)?,
    };
    let (device_owner, host) = (
        format!("{}{}", device_owner::COMPUTE_PREFIX, binding.zone),
        binding.host.clone(),
    );
    let now = tx.now();
    let server_id = binding.server_id;
    tx.update::<Port>(&port.id, |port| {
        port.device_id = server_id.to_string();
        port.device_owner = device_owner;
        port.host_id = host;
        port.standard.touch(now);
    })
}

fn make_port(
    tx: &mut Tx<'_>,
    actor: &Actor,
    binding: &ServerBinding,
    network: &Network,
    fixed_ip: Option<IpAddr>,
) -> Result<Arc<Port>> {
    if tx.cloud().subnets_of_network(network.id).next().is_none() {
        return Err(Error::invalid(
            "NetworkRequiresSubnet",
            format!(
                "Network {} requires a subnet in order to boot instances on.",
                network.id
            ),
        ));
    }
    if !network.port_security_enabled && !binding.security_groups.is_empty() {
        return Err(Error::invalid(
            "SecurityGroupCannotBeApplied",
            "Network requires port_security_enabled and subnet associated in order to apply security groups.",
        ));
    }
    let spec = PortSpec {
        project_id: Some(binding.project_id.clone()),
        fixed_ips: fixed_ip.map(|ip| {
            vec![FixedIpSpec {
                subnet_id: None,
                ip_address: Some(ip),
            }]
        }),
        security_groups: (!binding.security_groups.is_empty()).then(|| binding.security_groups.clone()),
        dns_name: super::validate::check_dns_name(binding.hostname.clone()).ok(),
        ..PortSpec::default()
    };
    let port = create(tx, actor, network.id, spec)?;
    tx.update::<Port>(&port.id, |port| port.made_for_server = true)
}

fn take_port(tx: &mut Tx<'_>, actor: &Actor, binding: &ServerBinding, port: &Port) -> Result<Arc<Port>> {
    if !actor.can_see(&port.standard.project_id) || port.is_network_owned() {
        return Err(<Port as crate::Row>::not_found(&port.id));
    }
    let same = port.device_id == binding.server_id.to_string();
    let is_subport = trunk::of_subport(tx.cloud(), port.id).is_some();
    if (!port.device_id.is_empty() && !same) || port.attachment.is_some() || is_subport {
        return Err(Error::conflict(
            "PortInUse",
            format!("Port {} is still in use.", port.id),
        ));
    }
    tx.get::<Port>(&port.id)
}

/// Lets a server's port go: one that Nova made is deleted, one that the user gave is only unplugged. So is one that a trunk
/// was made of since: Neutron deletes none of these, and the user's own it is from then on.
///
/// # Errors
/// `PortNotFound` never: a port that is gone already is fine.
pub fn release_from_server(tx: &mut Tx<'_>, server_id: ServerId, port_id: PortId) -> Result<()> {
    let Some(port) = tx.cloud().find::<Port>(&port_id).cloned() else {
        return Ok(());
    };
    if port.device_id != server_id.to_string() {
        return Ok(());
    }
    if port.made_for_server && trunk::of_parent(tx.cloud(), port_id).is_none() {
        return change::remove(tx, &port);
    }
    let now = tx.now();
    tx.update::<Port>(&port_id, |port| {
        port.device_id.clear();
        port.device_owner.clear();
        port.host_id = None;
        port.status = Status::Down;
        port.made_for_server = false;
        port.standard.touch(now);
    })?;
    trunk::unplug(tx, port_id);
    Ok(())
}

/// A deleted port is no longer a NIC of its server.
pub(super) fn forget_nic(tx: &mut Tx<'_>, port: &Port) {
    let Ok(server_id) = port.device_id.parse::<ServerId>() else {
        return;
    };
    let has_it = tx
        .cloud()
        .find::<Server>(&server_id)
        .is_some_and(|server| server.ports.contains(&port.id));
    if has_it {
        // It was found a moment ago in the same transaction.
        let _ = tx.update::<Server>(&server_id, |server| server.ports.retain(|id| *id != port.id));
    }
}
