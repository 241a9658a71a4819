//! The network's own port: it holds the addresses that serve DHCP, DNS and metadata.
//!
//! Neutron's DHCP agents make it; here it is made, extended, shrunk and removed in the transaction that changes the
//! subnets. A provider network has none: nothing is plugged into it that would ask.

use std::sync::Arc;

use super::{FixedIpSpec, OwnPort, Port, addresses, create_own, device_owner};
use crate::network::agent::DhcpPlace;
use crate::network::{Network, Subnet, ndp_proxy};
use crate::{Cloud, NetworkId, Result, SubnetId, Tx};

/// Neutron's device id of a DHCP port: `dhcp`, a UUID made of the host's name, and the network. One document serves every
/// host here, so the name is the cloud's.
pub fn device_id(network_id: NetworkId) -> String {
    let service = uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_DNS, b"maru");
    format!("dhcp{service}-{network_id}")
}

/// The device id of the DHCP port of a network that no DHCP agent serves: it keeps its addresses, and does nothing.
pub const RESERVED: &str = "reserved_dhcp_port";

/// The network's DHCP port, reserved or not.
pub fn find(cloud: &Cloud, network_id: NetworkId) -> Option<&Arc<Port>> {
    let of = |device: &str| {
        cloud
            .ports_of_device(device)
            .find(|port| port.device_owner == device_owner::DHCP && port.network_id == network_id)
    };
    of(&device_id(network_id)).or_else(|| of(RESERVED))
}

/// Whether a DHCP port is to work.
pub fn is_wanted(port: &Port) -> bool {
    port.admin_state_up && port.device_id != RESERVED
}

/// Makes the DHCP port what the network's subnets ask for.
///
/// # Errors
/// `IpAddressGenerationFailure` when a subnet has no address left for it.
pub(in crate::network) fn sync(tx: &mut Tx<'_>, network_id: NetworkId) -> Result<()> {
    let network = tx.get::<Network>(&network_id)?;
    let served: Vec<SubnetId> = tx
        .cloud()
        .subnets_of_network(network_id)
        .filter(|subnet| subnet.enable_dhcp && !network.external)
        .map(|subnet| subnet.id)
        .collect();
    let is_scheduled = network.dhcp_place != DhcpPlace::Nowhere;
    let port = find(tx.cloud(), network_id).cloned();
    match port {
        None if served.is_empty() || !is_scheduled => Ok(()),
        None => make(tx, &network, &served),
        Some(port) if served.is_empty() => {
            ndp_proxy::forget_port(tx, port.id);
            tx.delete::<Port>(&port.id);
            Ok(())
        }
        Some(port) => {
            let port = reserve(tx, port, !is_scheduled)?;
            fit(tx, &port, &served)
        }
    }
}

/// Reserves the port, or puts it to work.
fn reserve(tx: &mut Tx<'_>, port: Arc<Port>, is_reserved: bool) -> Result<Arc<Port>> {
    let device = match is_reserved {
        true => RESERVED.to_owned(),
        false => device_id(port.network_id),
    };
    if port.device_id == device {
        return Ok(port);
    }
    let now = tx.now();
    tx.update::<Port>(&port.id, |port| {
        port.device_id = device;
        port.standard.touch(now);
    })
}

fn make(tx: &mut Tx<'_>, network: &Network, served: &[SubnetId]) -> Result<()> {
    let wanted: Vec<FixedIpSpec> = served.iter().map(|id| entry(*id)).collect();
    create_own(
        tx,
        OwnPort {
            network_id: network.id,
            project_id: network.standard.project_id.clone(),
            device_id: device_id(network.id),
            device_owner: device_owner::DHCP,
            fixed_ips: Some(&wanted),
        },
    )?;
    Ok(())
}

fn fit(tx: &mut Tx<'_>, port: &Port, served: &[SubnetId]) -> Result<()> {
    // An automatic address stays as long as its subnet is there, whether DHCP answers in it or not.
    let stays = |id: &SubnetId| served.contains(id) || tx.cloud().subnets.get(id).is_some_and(|subnet| is_auto(subnet));
    let mut wanted: Vec<SubnetId> = port
        .fixed_ips
        .iter()
        .map(|fixed| fixed.subnet_id)
        .filter(stays)
        .collect();
    wanted.extend(
        served
            .iter()
            .filter(|id| !wanted.contains(id))
            .copied()
            .collect::<Vec<_>>(),
    );
    let same = wanted.len() == port.fixed_ips.len()
        && wanted
            .iter()
            .zip(&port.fixed_ips)
            .all(|(id, fixed)| *id == fixed.subnet_id);
    if same {
        return Ok(());
    }
    let wanted: Vec<FixedIpSpec> = wanted.into_iter().map(entry).collect();
    let fixed_ips = addresses::reallocate(tx, port, port.mac_address, &wanted)?;
    let now = tx.now();
    let port = tx.update::<Port>(&port.id, |port| {
        port.fixed_ips = fixed_ips;
        port.standard.touch(now);
    })?;
    ndp_proxy::drop_lost(tx, &port);
    Ok(())
}

fn is_auto(subnet: &Subnet) -> bool {
    subnet.is_slaac()
}

fn entry(id: SubnetId) -> FixedIpSpec {
    FixedIpSpec {
        subnet_id: Some(id),
        ip_address: None,
    }
}
