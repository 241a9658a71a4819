//! A probe never leaves the namespaces and links of the cloud.

use std::net::IpAddr;

use ipnet::IpNet;
use linux::netlink::NextHop;
use model::host::HostConfig;
use model::reach::probe::{Place, ProbeError};

use crate::network::names::BRIDGE;

/// Says no to a probe that would leave by this device to somebody else's.
pub(super) fn check(
    config: &HostConfig,
    from: Place,
    target: IpAddr,
    hop: &NextHop,
    device: &str,
) -> Result<(), ProbeError> {
    let stays = match from {
        _ if hop.local => true,
        Place::Network(_) => device == BRIDGE,
        Place::Router(_) if device.starts_with("qr-") => true,
        Place::Router(_) => device.starts_with("qg-") && ends_in(config, target, hop.gateway),
        Place::Host => {
            let bridge = config.externals.values().any(|external| external.bridge == device);
            bridge && ends_in(config, target, hop.gateway)
        }
    };
    if stays {
        return Ok(());
    }
    Err(ProbeError::Refused(format!(
        "a probe of {target} would leave the cloud: {from} sends there by {device}, where it is no address of the cloud's"
    )))
}

/// Whether what is sent to the address by a provider network is for the cloud, and goes there by hands of the cloud's.
fn ends_in(config: &HostConfig, target: IpAddr, gateway: Option<IpAddr>) -> bool {
    let is_outer = |address: IpAddr| outer_addresses(config).any(|own| own == address);
    let is_inner = |address: IpAddr| {
        let subnets = config.networks.values().flat_map(|network| &network.subnets);
        subnets.into_iter().any(|subnet| subnet.cidr.contains(&address))
    };
    gateway.is_none_or(is_outer) && (is_outer(target) || (gateway.is_some() && is_inner(target)))
}

/// The addresses that the cloud has on provider networks.
fn outer_addresses(config: &HostConfig) -> impl Iterator<Item = IpAddr> {
    let hosts = config.externals.values().flat_map(|external| &external.host_addresses);
    let gateways = config.routers.values().filter_map(|router| router.gateway.as_ref());
    let routers = gateways.flat_map(|gateway| &gateway.addresses);
    let floating = config.routers.values().flat_map(|router| {
        let whole = router.floating_ips.iter().map(|ip| ip.floating);
        let ports = router.forwardings.iter().map(|forwarding| forwarding.floating);
        whole.chain(ports).map(IpAddr::V4)
    });
    hosts.chain(routers).map(IpNet::addr).chain(floating)
}
