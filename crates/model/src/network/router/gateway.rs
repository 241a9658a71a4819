//! A router's gateway on a provider network.

use super::{GatewayInfo, Router, connected, overlaps};
use crate::network::access::{bad_request, get_visible, require};
use crate::network::port::{FixedIpSpec, OwnPort, create_own, reallocate};
use crate::network::{Network, Port, device_owner, ndp_proxy, network, qos};
use crate::{Actor, Cloud, Error, NetworkId, ProjectId, QosPolicyId, Result, Tx};

/// The gateway asked for (`external_gateway_info`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GatewaySpec {
    /// The provider network.
    pub network_id: NetworkId,
    /// Whether servers without a floating IP leave under the router's address; `None`: yes.
    pub enable_snat: Option<bool>,
    /// Its addresses there; `None`: any, one of each IP version.
    pub external_fixed_ips: Option<Vec<FixedIpSpec>>,
    /// Its QoS policy; `Some(None)`: none; `None`: as it is.
    pub qos_policy_id: Option<Option<QosPolicyId>>,
}

impl GatewaySpec {
    /// Only an administrator chooses addresses and address translation.
    pub(super) fn check_policy(&self, actor: &Actor, verb: &str) -> Result<()> {
        if actor.is_admin() {
            return Ok(());
        }
        let rule = |attribute: &str| format!("{verb}_router:external_gateway_info:{attribute}");
        // Asking for what it would be anyway gives nobody more than they have.
        require(
            self.enable_snat.is_none_or(|snat| snat && verb == "create"),
            &rule("enable_snat"),
        )?;
        require(self.external_fixed_ips.is_none(), &rule("external_fixed_ips"))
    }
}

/// Gives the router the gateway asked for, or takes it away.
///
/// # Errors
/// `NetworkNotFound`, `BadRequest` (not external; overlapping subnets; the subnet's own gateway address),
/// `RouterExternalGatewayInUseByFloatingIp`, `RouterGatewayInUseByNDPProxy`,
/// `RouterIPv6GatewayInUse`, those of addresses and of choosing a QoS policy.
pub(super) fn change(tx: &mut Tx<'_>, actor: &Actor, router: &mut Router, wanted: Option<GatewaySpec>) -> Result<()> {
    let Some(wanted) = wanted else {
        return clear(tx, router);
    };
    let network = get_visible::<Network>(tx.cloud(), actor, &wanted.network_id)?;
    network::check_external(tx.cloud(), actor, &network, "router")?;
    let addresses = wanted.external_fixed_ips.filter(|ips| !ips.is_empty());
    check_addresses(tx.cloud(), &network, addresses.as_deref().unwrap_or_default())?;
    let enable_snat = wanted.enable_snat.unwrap_or(true);
    if let Some(current) = &mut router.gateway
        && current.network_id == wanted.network_id
    {
        current.enable_snat = enable_snat;
        current.qos_policy_id = qos::choose(tx.cloud(), actor, wanted.qos_policy_id, current.qos_policy_id)?;
        let port_id = current.port_id;
        if let Some(addresses) = addresses {
            let port = tx.get::<Port>(&port_id)?;
            let fixed_ips = reallocate(tx, &port, port.mac_address, &addresses)?;
            if router.enable_ndp_proxy {
                ndp_proxy::check_gateway_addresses(router.id, &fixed_ips)?;
            }
            let now = tx.now();
            tx.update::<Port>(&port_id, |port| {
                port.fixed_ips = fixed_ips;
                port.standard.touch(now);
            })?;
        }
        return Ok(());
    }
    let former = router.gateway.as_ref().and_then(|gateway| gateway.qos_policy_id);
    let qos_policy_id = qos::choose(tx.cloud(), actor, wanted.qos_policy_id, former)?;
    clear(tx, router)?;
    check_overlap(tx.cloud(), router, &network)?;
    let port = create_own(
        tx,
        OwnPort {
            network_id: network.id,
            // As in Neutron: no project sees it in its list of ports.
            project_id: ProjectId::from(""),
            device_id: router.id.to_string(),
            device_owner: device_owner::ROUTER_GATEWAY,
            fixed_ips: addresses.as_deref(),
        },
    )?;
    router.gateway = Some(GatewayInfo {
        network_id: network.id,
        port_id: port.id,
        enable_snat,
        qos_policy_id,
    });
    Ok(())
}

fn clear(tx: &mut Tx<'_>, router: &mut Router) -> Result<()> {
    let Some(current) = router.gateway.take() else {
        return Ok(());
    };
    if tx.cloud().lookups.floating_ips_by_router.first(&router.id).is_some() {
        return Err(Error::conflict(
            "RouterExternalGatewayInUseByFloatingIp",
            format!(
                "Gateway cannot be updated for router {}, since a gateway to external network {} is required by one or more \
                 floating IPs.",
                router.id, current.network_id
            ),
        ));
    }
    ndp_proxy::check_gateway_unused(tx.cloud(), router.id)?;
    tx.delete::<Port>(&current.port_id);
    Ok(())
}

fn check_addresses(cloud: &Cloud, network: &Network, addresses: &[FixedIpSpec]) -> Result<()> {
    let is_gateway = |ip| {
        cloud
            .subnets_of_network(network.id)
            .any(|subnet| subnet.gateway_ip == Some(ip))
    };
    match addresses
        .iter()
        .filter_map(|spec| spec.ip_address)
        .find(|ip| is_gateway(*ip))
    {
        None => Ok(()),
        Some(ip) => Err(bad_request(
            "router",
            format!("External IP {ip} is the same as the gateway IP"),
        )),
    }
}

/// The provider network's subnets must not overlap with those behind the router.
fn check_overlap(cloud: &Cloud, router: &Router, network: &Network) -> Result<()> {
    for outer in cloud.subnets_of_network(network.id) {
        if let Some((inner, _)) = connected(cloud, router).find(|(inner, _)| overlaps(&inner.cidr, &outer.cidr)) {
            return Err(bad_request(
                "router",
                format!(
                    "Cidr {} of subnet {} overlaps with cidr {} of subnet {}",
                    outer.cidr, outer.id, inner.cidr, inner.id
                ),
            ));
        }
    }
    Ok(())
}
