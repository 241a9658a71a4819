//! A router's NDP proxies: addresses behind it that it answers neighbours for on its provider network.
//!
//! The kernel answers: a setting of the namespace lets it, and an entry of the gateway's device names each address. It
//! tells nobody of these entries, and drops them when the device goes down, so they are looked at in every audit. The
//! setting is on in every router: without an entry it does nothing. (It is that of all devices: that of a single one does
//! not let the kernel answer probes that neighbours send to the router itself.)

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv6Addr};

use ipnet::{IpNet, Ipv6Net};
use linux::netlink::Proxy;
use linux::{Mac, packet};
use model::host::{GatewayLeg, RouterConfig};

use super::error::{Doing, Result};
use super::names::gateway_device;
use super::namespace::Namespace;
use super::table::{Set, Table};

/// What the forward chain drops of a router with proxies: what comes from its provider network for somebody behind it who
/// is not proxied. One who is not gets no answers either, as with Neutron: nobody there could address them.
pub fn rules(config: &RouterConfig, table: &mut Table) -> Vec<String> {
    let (Some(proxies), Some(gateway)) = (&config.ndp_proxies, &config.gateway) else {
        return Vec::new();
    };
    let proxied = table.set("proxied", || Set::new("type ipv6_addr;"));
    for address in proxies {
        proxied.insert(address.to_string());
    }
    let inside = table.set("inside", || Set::new("type ipv6_addr; flags interval;"));
    for net in inside_prefixes(config) {
        inside.insert(net.to_string());
    }
    let device = gateway_device(gateway.port_id);
    vec![format!(
        "iifname \"{device}\" ip6 daddr @inside ip6 daddr != @proxied counter drop"
    )]
}

/// The IPv6 prefixes of the router's legs.
fn inside_prefixes(config: &RouterConfig) -> Vec<Ipv6Net> {
    let nets = config.legs.iter().flat_map(|leg| &leg.addresses);
    let nets: Vec<Ipv6Net> = nets
        .filter_map(|net| match net {
            IpNet::V6(net) => Some(net.trunc()),
            IpNet::V4(_) => None,
        })
        .collect();
    Ipv6Net::aggregate(&nets)
}

/// The gateway and what it answers for; nothing while the router is down, as its devices are then.
pub(crate) fn wanted(config: &RouterConfig) -> Option<(&GatewayLeg, &BTreeSet<Ipv6Addr>)> {
    let gateway = config.gateway.as_ref().filter(|_| config.admin_state_up)?;
    Some((gateway, config.ndp_proxies.as_ref()?))
}

/// Lets no device answer for what is not wanted. Returns what is left, and sentences on what was not wanted.
pub fn remove_unwanted(space: &mut Namespace, want: &RouterConfig, done: &mut Vec<String>) -> Result<BTreeSet<Proxy>> {
    let name = space.name.clone();
    let doing = || format!("take NDP proxies away in {name}");
    let listed = space.nl.proxies().doing(doing)?;
    let mut left: BTreeSet<Proxy> = listed.into_iter().filter(|proxy| proxy.address.is_ipv6()).collect();
    if left.is_empty() {
        return Ok(left);
    }
    let link = match wanted(want) {
        Some((gateway, _)) => space.find_link(&gateway_device(gateway.port_id))?,
        None => None,
    };
    let link = link.map(|link| link.index);
    let is_wanted = |proxy: &Proxy| {
        let IpAddr::V6(address) = proxy.address else {
            return false;
        };
        Some(proxy.link) == link && wanted(want).is_some_and(|(_, proxies)| proxies.contains(&address))
    };
    for proxy in left.iter().filter(|proxy| !is_wanted(proxy)) {
        if space.nl.delete_proxy(*proxy).doing(doing)? {
            done.push(format!("nobody is to answer for {} in {name}", proxy.address));
        }
    }
    left.retain(is_wanted);
    Ok(left)
}

/// Lets the gateway's device answer for what is wanted and for nothing else; tells the neighbours of what is new.
pub fn ensure(space: &mut Namespace, want: &RouterConfig, done: &mut Vec<String>) -> Result<()> {
    let have = remove_unwanted(space, want, done)?;
    let Some((gateway, proxies)) = wanted(want) else {
        return Ok(());
    };
    let device = gateway_device(gateway.port_id);
    // Without its device there is nothing that could answer; that it is missing is told elsewhere.
    let Some(link) = space.find_link(&device)? else {
        return Ok(());
    };
    let doing = || format!("let {device} answer for NDP proxies");
    for address in proxies {
        let proxy = Proxy {
            link: link.index,
            address: IpAddr::V6(*address),
        };
        if have.contains(&proxy) {
            continue;
        }
        space.nl.add_proxy(proxy).doing(doing)?;
        done.push(format!("{device} did not answer for {address}"));
        packet::announce(&space.ns, &device, Mac(gateway.mac.0), proxy.address).doing(doing)?;
    }
    Ok(())
}
