//! Provider networks: a bridge in the host's namespace, with the host's gateway addresses on it.

use std::collections::BTreeSet;
use std::sync::Arc;

use ipnet::IpNet;
use linux::netlink::{Bridge, Link, LinkChange, Monitor, Route, Rtnl};
use linux::{Mac, Netns, sysctl};
use model::NetworkId;
use model::host::ExternalNetworkConfig;

use super::error::{Doing, Error, Result};
use super::names::{is_tap_device, mark};
use super::namespace::ensure_address;

/// The host's own namespace.
#[derive(Debug)]
pub struct Host {
    /// The namespace.
    pub ns: Netns,
    /// Links, addresses and routes in it.
    pub nl: Rtnl,
    /// Tells what others do to them.
    pub monitor: Monitor,
    /// Whose objects are ours.
    pub owner: String,
    /// Whether the whole namespace is for this cloud, so that its settings may be changed.
    pub exclusive: bool,
}

/// A provider network on this host.
#[derive(Debug)]
pub struct External {
    /// As last applied.
    pub config: Arc<ExternalNetworkConfig>,
    /// Index of the bridge.
    pub bridge: u32,
    /// Whether we made the bridge; one that a person made is used as it is, and never deleted.
    ours: bool,
}

impl External {
    /// Makes the bridge what `config` says; sentences on what had to be done go into `done`.
    pub fn ensure(host: &mut Host, config: Arc<ExternalNetworkConfig>, done: &mut Vec<String>) -> Result<Self> {
        let (bridge, ours) = ensure_bridge(host, &config, done)?;
        let mac = Some(bridge_mac(config.id));
        if ours && (bridge.mtu != config.mtu || bridge.mac != mac) {
            let change = LinkChange {
                mac,
                mtu: Some(config.mtu),
                ..LinkChange::default()
            };
            host.nl
                .change_link(bridge.index, &change)
                .doing(|| format!("set the MTU and MAC of {}", bridge.name))?;
        }
        if !bridge.up {
            host.nl
                .set_up(bridge.index)
                .doing(|| format!("set {} up", bridge.name))?;
            done.push(format!("bridge {} was down", bridge.name));
        }
        let external = Self {
            config,
            bridge: bridge.index,
            ours,
        };
        external.ensure_addresses(host, done)?;
        external.ensure_routes(host)?;
        Ok(external)
    }

    fn ensure_addresses(&self, host: &mut Host, done: &mut Vec<String>) -> Result<()> {
        let name = &self.config.bridge;
        let doing = || format!("set the addresses of {name}");
        let want: BTreeSet<IpNet> = self.config.host_addresses.iter().copied().collect();
        let listed = host.nl.addresses().doing(doing)?;
        let have: BTreeSet<IpNet> = listed.iter().filter(|a| a.link == self.bridge).map(|a| a.net).collect();
        for net in want.difference(&have) {
            ensure_address(&mut host.nl, &host.ns, self.bridge, *net).doing(doing)?;
            done.push(format!("address {net} was missing on {name}"));
        }
        // On a bridge of a person's own, other addresses are that person's.
        let link_local = |net: &&IpNet| matches!(net, IpNet::V6(v6) if v6.addr().is_unicast_link_local());
        for net in have.difference(&want).filter(|net| self.ours && !link_local(net)) {
            host.nl.delete_address(self.bridge, *net).doing(doing)?;
            done.push(format!("address {net} was not wanted on {name}"));
        }
        Ok(())
    }

    fn ensure_routes(&self, host: &mut Host) -> Result<()> {
        let doing = || format!("set the routes by {}", self.config.bridge);
        let listed = host.nl.routes().doing(doing)?;
        let ours = |r: &&Route| r.link == Some(self.bridge) && r.gateway.is_some() && !r.by_kernel;
        let wanted = |r: &&Route| {
            self.config
                .host_routes
                .iter()
                .any(|w| w.destination == r.destination && Some(w.nexthop) == r.gateway)
        };
        for route in listed.iter().filter(ours).filter(|r| self.ours && !wanted(r)) {
            host.nl.delete_route(route).doing(doing)?;
        }
        for want in &self.config.host_routes {
            let there = |r: &Route| r.destination == want.destination && r.gateway == Some(want.nexthop);
            if !listed.iter().any(there) {
                let route = Route::via(want.destination, want.nexthop, Some(self.bridge));
                host.nl.replace_route(&route).doing(doing)?;
            }
        }
        Ok(())
    }

    /// Takes the bridge away, if it is ours.
    pub fn remove(&self, host: &mut Host) -> Result<()> {
        if self.ours {
            host.nl
                .delete_link(self.bridge)
                .doing(|| format!("delete bridge {}", self.config.bridge))?;
        }
        Ok(())
    }
}

impl Host {
    /// Opens the host's namespace.
    pub fn open(ns: Netns, owner: String, exclusive: bool) -> Result<Self> {
        let open = || linux::Result::Ok((Monitor::here(true)?, Rtnl::here()?));
        let opened = ns.run(open).and_then(|opened| opened);
        let (monitor, nl) = opened.doing(|| "open the sockets of the host's network namespace".into())?;
        Ok(Self {
            ns,
            nl,
            monitor,
            owner,
            exclusive,
        })
    }

    /// Links of routers on our bridges whose port is not in `wanted`, and bridges of ours that no network wants.
    pub fn unwanted(&mut self, ports: &BTreeSet<String>, bridges: &BTreeSet<&str>) -> Result<Vec<Link>> {
        let mark = mark(&self.owner);
        let links = self.nl.links().doing(|| "list the host's links".into())?;
        let ours: BTreeSet<u32> = links
            .iter()
            .filter(|l| l.alias.as_deref() == Some(&mark))
            .map(|l| l.index)
            .collect();
        let is_unwanted = |link: &Link| {
            let leg = link.master.is_some_and(|m| ours.contains(&m)) && is_tap_device(&link.name);
            (leg && !ports.contains(&link.name))
                || (ours.contains(&link.index) && !bridges.contains(link.name.as_str()))
        };
        Ok(links.into_iter().filter(is_unwanted).collect())
    }
}

/// Finds or makes the bridge; true if it is ours.
fn ensure_bridge(host: &mut Host, config: &ExternalNetworkConfig, done: &mut Vec<String>) -> Result<(Link, bool)> {
    let name = &config.bridge;
    let mark = mark(&host.owner);
    if let Some(link) = host.nl.find_link(name).doing(|| format!("look for bridge {name}"))? {
        let foreign = |owner: &str| Error::Foreign {
            what: format!("the device {name}"),
            owner: owner.into(),
        };
        return match (link.kind.as_deref(), link.alias.as_deref()) {
            (Some("bridge"), Some(alias)) if alias == mark => Ok((link, true)),
            (Some("bridge"), Some(alias)) if alias.starts_with("maru:") => Err(foreign(alias)),
            (Some("bridge"), _) => Ok((link, false)),
            _ => Err(foreign("something else; it is not a bridge")),
        };
    }
    let doing = || format!("create bridge {name}");
    if host.exclusive {
        // Routers filter and translate what passes here; the host's own rules must not see it twice.
        for key in ["iptables", "ip6tables", "arptables"] {
            let _ = sysctl::write(&host.ns, &[(&format!("net/bridge/bridge-nf-call-{key}"), "0")]);
        }
    }
    let bridge = Bridge {
        name,
        mac: Some(bridge_mac(config.id)),
        mtu: Some(config.mtu),
        multicast_snooping: false,
    };
    host.nl.create_bridge(&bridge).doing(doing)?;
    let index = host.nl.link(name).doing(doing)?.index;
    host.nl
        .change_link(
            index,
            &LinkChange {
                alias: Some(&mark),
                ..LinkChange::default()
            },
        )
        .doing(doing)?;
    done.push(format!("bridge {name} was missing"));
    Ok((host.nl.link(name).doing(doing)?, true))
}

/// A MAC of its own for a bridge, locally administered and always the same: without one a bridge takes the lowest of
/// its ports, and neighbours lose it whenever a port comes or goes.
pub fn bridge_mac(id: NetworkId) -> Mac {
    let b = id.0.as_bytes();
    Mac([0x0e, b[11], b[12], b[13], b[14], b[15]])
}
