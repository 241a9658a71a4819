//! Ports of foreign namespaces (`maru port attach`): a veth pair whose far end is the namespace's interface.

use std::net::IpAddr;

use ipnet::IpNet;
use linux::netlink::{AddressFlags, Link, LinkChange, Route, Rtnl, Veth, VethEnd};
use linux::{Mac, Netns};
use model::host::{NetworkConfig, PortConfig};

use super::error::{Doing, Error, Result};
use super::names::tap_device;
use super::tenant::Tenant;

/// Makes the port's veth pair what it should be. `place` is the namespace's and the interface's name.
pub fn plug(
    tenant: &mut Tenant,
    want: &NetworkConfig,
    port: &PortConfig,
    place: (&str, &str),
    link: Option<Link>,
    done: &mut Vec<String>,
) -> Result<()> {
    let (netns, ifname) = place;
    let device = tap_device(port.id);
    let doing = || format!("attach port {} to {ifname} in network namespace {netns}", port.id);
    if !Netns::exists(netns) {
        return Err(Error::NamespaceMissing(netns.to_owned()));
    }
    let ns = Netns::open(netns).doing(doing)?;
    let mut far_nl = Rtnl::open(&ns).doing(doing)?;
    let far = far_nl.find_link(ifname).doing(doing)?;
    let leads_there = link.as_ref().is_some_and(|near| {
        far.as_ref()
            .is_some_and(|far| near.peer == Some(far.index) && far.mac == Some(Mac(port.mac.0)))
    });
    if let (true, Some(near)) = (leads_there, &link) {
        let up = port.admin_state_up;
        if near.master != Some(tenant.bridge) || near.up != up {
            let change = LinkChange {
                master: Some(tenant.bridge),
                up: Some(up),
                ..LinkChange::default()
            };
            tenant.space.nl.change_link(near.index, &change).doing(doing)?;
            done.push(format!("{device} in {} was not as it should be", tenant.space.name));
        }
        return Ok(());
    }
    match link {
        Some(near) => {
            tenant.space.nl.delete_link(near.index).doing(doing)?;
            done.push(format!(
                "{device} in {} did not lead to {ifname} in {netns}",
                tenant.space.name
            ));
        }
        None => done.push(format!("{device} was missing in {}", tenant.space.name)),
    }
    let veth = Veth {
        near: VethEnd {
            name: &device,
            mac: None,
            group: None,
        },
        master: Some(tenant.bridge),
        far: VethEnd {
            name: ifname,
            mac: Some(Mac(port.mac.0)),
            group: None,
        },
        far_netns: Some(&ns),
        mtu: Some(want.mtu),
    };
    tenant.space.nl.create_veth(&veth).doing(doing)?;
    if !port.admin_state_up {
        let near = tenant.space.nl.link(&device).doing(doing)?;
        tenant.space.nl.set_down(near.index).doing(doing)?;
    }
    let far = far_nl.link(ifname).doing(doing)?.index;
    far_nl.set_up(far).doing(doing)?;
    for ip in &port.fixed_ips {
        let flags = AddressFlags {
            no_dad: true,
            no_prefix_route: false,
        };
        far_nl.ensure_address(far, ip.address, flags).doing(doing)?;
    }
    add_default_routes(&mut far_nl, far, want, port).doing(doing)
}

/// Gives the namespace the subnets' gateways, unless it has a default route already.
fn add_default_routes(nl: &mut Rtnl, link: u32, want: &NetworkConfig, port: &PortConfig) -> linux::Result<()> {
    let routes = nl.routes()?;
    for ip in &port.fixed_ips {
        let subnet = want.subnets.iter().find(|subnet| subnet.id == ip.subnet_id);
        let Some(gateway) = subnet
            .and_then(|subnet| subnet.gateway)
            .filter(|g| *g != ip.address.addr())
        else {
            continue;
        };
        let any = match gateway {
            IpAddr::V4(_) => IpNet::V4(ipnet::Ipv4Net::default()),
            IpAddr::V6(_) => IpNet::V6(ipnet::Ipv6Net::default()),
        };
        if !routes.iter().any(|route| route.destination == any) {
            nl.replace_route(&Route::via(any, gateway, Some(link)))?;
        }
    }
    Ok(())
}
