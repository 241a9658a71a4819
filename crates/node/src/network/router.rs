//! A router on this host: namespace, legs, routes, address translation.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;
use linux::conntrack::{Conntrack, Flow};
use linux::netlink::{Link, LinkChange, Route, Rtnl, Veth, VethEnd};
use linux::{Mac, Netns, packet, sysctl};
use model::address::MacAddress;
use model::host::{GatewayLeg, RouterConfig, RouterLeg};
use model::{NetworkId, PortId};

use super::error::{Doing, Error, Result};
use super::external::{External, Host};
use super::metering::{self, Present};
use super::names::{gateway_device, router_device, router_namespace, tap_device};
use super::namespace::Namespace;
use super::nat;
use super::ndp;
use super::own_changes::OwnChanges;
use super::reaper::Reaper;
use super::tenant::Tenant;
use crate::meters::Meters;

/// The namespace's settings. Redirects are off because they share a rate limit with "time exceeded"; ARP answers only
/// for the leg that was asked, as several legs may be on one network; addresses are usable at once.
pub(crate) const SETTINGS: [(&str, &str); 10] = [
    ("net/ipv4/ip_forward", "1"),
    ("net/ipv4/conf/all/send_redirects", "0"),
    ("net/ipv4/conf/default/send_redirects", "0"),
    ("net/ipv4/conf/all/arp_ignore", "1"),
    ("net/ipv4/conf/all/arp_announce", "2"),
    ("net/ipv4/conf/all/rp_filter", "0"),
    ("net/ipv4/conf/default/rp_filter", "0"),
    ("net/ipv6/conf/all/forwarding", "1"),
    ("net/ipv6/conf/default/accept_dad", "0"),
    ("net/ipv6/conf/all/proxy_ndp", "1"),
];

/// A router on this host.
#[derive(Debug)]
pub struct Router {
    /// Its namespace.
    pub space: Namespace,
    /// As last applied.
    pub config: Arc<RouterConfig>,
    /// What the loaded ruleset is of; `None` if it has to be loaded.
    ruled: Option<Arc<RouterConfig>>,
    /// Legs (and extra routes) that could not be made, with the reason.
    failed: BTreeMap<PortId, String>,
    /// Others did something that was not looked at yet.
    disturbed: bool,
    /// Flows of an earlier life of the program may be translated by what no longer holds.
    may_have_stale_flows: bool,
    /// Remembers what was counted.
    meters: Meters,
}

/// What a router is plugged into.
pub struct Around<'a> {
    /// The host's namespace.
    pub host: &'a mut Host,
    /// Self-service networks.
    pub tenants: &'a mut BTreeMap<NetworkId, Tenant>,
    /// Provider networks.
    pub externals: &'a BTreeMap<NetworkId, External>,
    /// Deletes links.
    pub reaper: &'a Reaper,
}

/// One end of a veth pair to a router: the bridge it is on.
struct Near<'a> {
    nl: &'a mut Rtnl,
    bridge: u32,
}

/// The router's end.
struct Far<'a> {
    device: String,
    port: PortId,
    mac: MacAddress,
    mtu: u32,
    addresses: &'a BTreeSet<IpNet>,
}

impl Router {
    /// Opens (or makes) the namespace, without legs yet.
    pub fn open(
        config: &Arc<RouterConfig>,
        owner: &str,
        known: (&OwnChanges, &Meters),
        done: &mut Vec<String>,
    ) -> Result<Self> {
        let (own, meters) = known;
        let (mut space, made) = Namespace::ensure(router_namespace(config.id), owner, own)?;
        if made {
            done.push(format!("network namespace {} was missing", space.name));
        }
        space.keep_settings(&SETTINGS)?;
        let config = Arc::new(RouterConfig {
            id: config.id,
            admin_state_up: config.admin_state_up,
            legs: Vec::new(),
            gateway: None,
            floating_ips: Vec::new(),
            forwardings: Vec::new(),
            routes: Vec::new(),
            scopes: BTreeMap::new(),
            limits: Vec::new(),
            ndp_proxies: None,
            meters: BTreeMap::new(),
        });
        Ok(Self {
            space,
            config,
            ruled: None,
            failed: BTreeMap::new(),
            disturbed: false,
            may_have_stale_flows: !made,
            meters: meters.clone(),
        })
    }

    /// Loads the new translation, takes away addresses, legs, NDP proxies and routes that are not wanted, and forgets flows
    /// whose translation no longer holds: else they would go on under an address that may be somebody else's by now.
    pub fn remove_unwanted(&mut self, want: &Arc<RouterConfig>, reaper: &Reaper) -> Result<()> {
        self.load_rules(want)?;
        let doing = || format!("list the links of {}", self.space.name);
        let links = self.space.nl.links().doing(doing)?;
        let wanted = devices(want);
        let is_leg = |link: &Link| link.name.starts_with("qr-") || link.name.starts_with("qg-");
        let (mut gone, mut kept) = (Vec::new(), Vec::new());
        for link in links.into_iter().filter(is_leg) {
            if wanted.contains_key(&link.name) {
                kept.push(link)
            } else {
                gone.push(link)
            }
        }
        reaper.delete(&self.space.ns, gone);
        for link in kept {
            self.remove_addresses(link.index, &wanted[&link.name])?;
        }
        ndp::remove_unwanted(&mut self.space, want, &mut Vec::new())?;
        self.remove_routes(want)?;
        self.may_have_stale_flows |= takes_something_away(&self.config, want);
        self.forget_stale_flows(want)
    }

    /// Loads the translation, unless it is that of this very configuration already.
    fn load_rules(&mut self, want: &Arc<RouterConfig>) -> Result<()> {
        let ruled = self.ruled.take();
        if !ruled.as_ref().is_some_and(|ruled| Arc::ptr_eq(ruled, want)) {
            let difference = ruled.and_then(|old| Some(nat::difference(&old, want)? + &metering::change(&old, want)?));
            let remembered = self.meters.remembered(want.id);
            self.space.load(difference, |nft| {
                let present = match want.meters.is_empty() {
                    true => Present::default(),
                    false => metering::present_and_awake(nft)?,
                };
                Ok(nat::render(want) + &metering::whole(want, &present, &remembered))
            })?;
            self.meters.follow(want.id, want.meters.keys());
        }
        self.ruled = Some(Arc::clone(want));
        Ok(())
    }

    fn remove_addresses(&mut self, link: u32, want: &BTreeSet<IpNet>) -> Result<()> {
        let doing = || format!("take addresses away in {}", self.space.name);
        let listed = self.space.nl.addresses().doing(doing)?;
        let link_local = |net: &IpNet| matches!(net, IpNet::V6(v6) if v6.addr().is_unicast_link_local());
        for address in listed
            .iter()
            .filter(|a| a.link == link && !want.contains(&a.net) && !link_local(&a.net))
        {
            self.space.nl.delete_address(link, address.net).doing(doing)?;
        }
        Ok(())
    }

    fn remove_routes(&mut self, want: &RouterConfig) -> Result<()> {
        let doing = || format!("take routes away in {}", self.space.name);
        let wanted = wanted_routes(want);
        for route in self.space.nl.routes().doing(doing)? {
            if !route.by_kernel && route.gateway.is_some_and(|g| !wanted.contains(&(route.destination, g))) {
                self.space.nl.delete_route(&route).doing(doing)?;
            }
        }
        Ok(())
    }

    fn forget_stale_flows(&mut self, want: &RouterConfig) -> Result<()> {
        let doing = || format!("forget flows of {}", self.space.name);
        if !self.may_have_stale_flows {
            return Ok(());
        }
        if sysctl::read(&self.space.ns, "net/netfilter/nf_conntrack_count").doing(doing)? == "0" {
            self.may_have_stale_flows = false;
            return Ok(());
        }
        let mut table = Conntrack::open(&self.space.ns).doing(doing)?;
        let stale = table.flows(|flow| !is_current(want, flow)).doing(doing)?;
        let count = table.delete(&stale).doing(doing)?;
        self.may_have_stale_flows = false;
        if count > 0 {
            tracing::info!(router.id = %want.id, flow.count = count, "forgot flows whose translation is gone");
        }
        Ok(())
    }

    /// Makes legs, addresses, NDP proxies and routes what `want` says. Sentences on what had to be done go into `done`.
    pub fn ensure(&mut self, want: &Arc<RouterConfig>, around: &mut Around<'_>, done: &mut Vec<String>) -> Result<()> {
        self.load_rules(want)?;
        self.forget_stale_flows(want)?;
        self.failed.clear();
        for leg in &want.legs {
            if let Err(error) = self.ensure_leg(want, leg, around, done) {
                self.failed.insert(leg.port_id, error.in_full());
            }
        }
        if let Some(gateway) = &want.gateway
            && let Err(error) = self.ensure_gateway(want, gateway, around, done)
        {
            self.failed.insert(gateway.port_id, error.in_full());
        }
        self.config = Arc::clone(want);
        let proxied = ndp::ensure(&mut self.space, want, done);
        self.ensure_routes(want, done).and(proxied)
    }

    fn ensure_leg(
        &mut self,
        want: &RouterConfig,
        leg: &RouterLeg,
        around: &mut Around<'_>,
        done: &mut Vec<String>,
    ) -> Result<()> {
        let tenant = around
            .tenants
            .get_mut(&leg.network_id)
            .ok_or(Error::NetworkMissing(leg.network_id))?;
        let addresses = leg.addresses.iter().copied().collect();
        let near = Near {
            nl: &mut tenant.space.nl,
            bridge: tenant.bridge,
        };
        let far = Far {
            device: router_device(leg.port_id),
            port: leg.port_id,
            mac: leg.mac,
            mtu: leg.mtu,
            addresses: &addresses,
        };
        self.ensure_pair(want, near, &far, around.reaper, done)
    }

    fn ensure_gateway(
        &mut self,
        want: &RouterConfig,
        gateway: &GatewayLeg,
        around: &mut Around<'_>,
        done: &mut Vec<String>,
    ) -> Result<()> {
        let network = gateway.network_id;
        let bridge = around
            .externals
            .get(&network)
            .ok_or(Error::NetworkMissing(network))?
            .bridge;
        let addresses: BTreeSet<IpNet> = gateway
            .addresses
            .iter()
            .copied()
            .chain(nat::floating_addresses(want))
            .collect();
        let far = Far {
            device: gateway_device(gateway.port_id),
            port: gateway.port_id,
            mac: gateway.mac,
            mtu: gateway.mtu,
            addresses: &addresses,
        };
        let near = Near {
            nl: &mut around.host.nl,
            bridge,
        };
        self.ensure_pair(want, near, &far, around.reaper, done)
    }

    /// Makes a leg: the pair, its state, its addresses; tells the neighbours of new ones.
    fn ensure_pair(
        &mut self,
        want: &RouterConfig,
        near: Near<'_>,
        far: &Far<'_>,
        reaper: &Reaper,
        done: &mut Vec<String>,
    ) -> Result<()> {
        let space_name = self.space.name.clone();
        let doing = || format!("set up {} in {space_name}", far.device);
        reaper.wait_for(&far.device);
        let there = self.space.nl.find_link(&far.device).doing(doing)?;
        let device = tap_device(far.port);
        let fits = |there: &Link, other: &Link| {
            other.peer == Some(there.index)
                && other.master == Some(near.bridge)
                && other.up
                && there.mac == Some(Mac(far.mac.0))
                && there.mtu == far.mtu
        };
        let other = near.nl.find_link(&device).doing(doing)?;
        let link = match (there, other) {
            (Some(there), Some(other)) if fits(&there, &other) => there,
            (there, other) => {
                done.push(format!(
                    "{} in {} was missing or led nowhere",
                    far.device, self.space.name
                ));
                for (nl, link) in [(&mut self.space.nl, there), (&mut *near.nl, other)] {
                    if let Some(link) = link {
                        nl.delete_link(link.index).doing(doing)?;
                    }
                }
                create_pair(near.nl, near.bridge, &device, far, &self.space.ns).doing(doing)?;
                self.space.nl.link(&far.device).doing(doing)?
            }
        };
        if link.up != want.admin_state_up {
            let change = LinkChange {
                up: Some(want.admin_state_up),
                ..LinkChange::default()
            };
            self.space.nl.change_link(link.index, &change).doing(doing)?;
        }
        let (new, gone) = self.space.set_addresses(link.index, far.addresses)?;
        done.extend(
            new.iter()
                .map(|net| format!("address {net} was missing on {}", far.device)),
        );
        // A device that was down may have been given its addresses then, when nobody could be told.
        let rises = want.admin_state_up && !link.up;
        let is_untold = |net: &&IpNet| rises || (want.admin_state_up && new.contains(net));
        for net in far.addresses.iter().filter(is_untold) {
            packet::announce(&self.space.ns, &far.device, Mac(far.mac.0), net.addr()).doing(doing)?;
        }
        done.extend(
            gone.iter()
                .map(|net| format!("address {net} was not wanted on {}", far.device)),
        );
        Ok(())
    }

    /// Adds routes that are missing. One that the kernel refuses (a next hop that no leg reaches) does not stop others.
    fn ensure_routes(&mut self, want: &RouterConfig, done: &mut Vec<String>) -> Result<()> {
        let space_name = self.space.name.clone();
        let doing = || format!("set the routes of {space_name}");
        if !want.admin_state_up {
            return Ok(());
        }
        self.remove_routes(want)?;
        let listed = self.space.nl.routes().doing(doing)?;
        let gateway = match &want.gateway {
            Some(gateway) => self
                .space
                .find_link(&gateway_device(gateway.port_id))?
                .map(|link| link.index),
            None => None,
        };
        for (destination, nexthop) in wanted_routes(want) {
            if listed
                .iter()
                .any(|r| r.destination == destination && r.gateway == Some(nexthop))
            {
                continue;
            }
            // An extra route to everywhere may lead by any leg.
            let is_gateways = destination.prefix_len() == 0 && is_gateway(want, nexthop);
            let mut route = Route::via(destination, nexthop, if is_gateways { gateway } else { None });
            // A provider may put the gateway outside the subnet.
            route.onlink = is_gateways && nexthop.is_ipv4();
            match self.space.nl.replace_route(&route) {
                Ok(()) => done.push(format!("the route to {destination} was missing in {}", self.space.name)),
                Err(error) => {
                    tracing::warn!(router.id = %want.id, %error, route.destination = %destination,
                        route.nexthop = %nexthop, "the kernel refuses a route");
                }
            }
        }
        Ok(())
    }

    /// Looks at the namespace's settings.
    pub fn audit_settings(&mut self, done: &mut Vec<String>) -> Result<()> {
        self.space.audit_settings(&SETTINGS, done)
    }

    /// Repairs what others did; sentences on what was wrong go into `done`. Looks at everything if `full`, or if the
    /// kernel told that anything happened here, and else only at what it does not tell.
    pub fn audit(&mut self, around: &mut Around<'_>, full: bool, done: &mut Vec<String>) -> Result<()> {
        if self.space.keep_name()? {
            done.push(format!("the name of network namespace {} was gone", self.space.name));
        }
        if self.space.ruleset_changed()? {
            self.ruled = None;
            done.push(format!("somebody changed the ruleset of {}", self.space.name));
        }
        self.disturbed |= !self.space.look().is_none();
        if full || self.disturbed || self.ruled.is_none() || !self.failed.is_empty() {
            let want = Arc::clone(&self.config);
            self.ensure(&want, around, done)?;
            self.disturbed = false;
        } else if self.config.ndp_proxies.is_some() {
            // The kernel tells nothing of these.
            ndp::ensure(&mut self.space, &self.config, done)?;
        }
        Ok(())
    }

    /// Why a leg does not stand, if it does not.
    pub fn leg(&self, port: PortId) -> std::result::Result<(), String> {
        self.failed.get(&port).map_or(Ok(()), |why| Err(why.clone()))
    }

    /// Whether every leg stands, and the first reason if not.
    pub fn status(&self) -> std::result::Result<(), String> {
        self.failed.values().next().map_or(Ok(()), |why| Err(why.clone()))
    }

    /// Takes everything away.
    pub fn remove(mut self, reaper: &Reaper) -> Result<()> {
        self.meters.forget(self.config.id);
        let links = self
            .space
            .nl
            .links()
            .doing(|| format!("list the links of {}", self.space.name))?;
        reaper.delete(
            &self.space.ns,
            links.into_iter().filter(|link| link.index != 1).collect(),
        );
        Netns::delete(&self.space.name).doing(|| format!("delete network namespace {}", self.space.name))?;
        Ok(())
    }
}

fn create_pair(nl: &mut Rtnl, bridge: u32, device: &str, far: &Far<'_>, ns: &Netns) -> linux::Result<()> {
    let veth = Veth {
        near: VethEnd {
            name: device,
            mac: None,
            group: None,
        },
        master: Some(bridge),
        far: VethEnd {
            name: &far.device,
            mac: Some(Mac(far.mac.0)),
            group: None,
        },
        far_netns: Some(ns),
        mtu: Some(far.mtu),
    };
    match nl.create_veth(&veth) {
        // The pair of a namespace deleted a moment ago: the kernel had not come to it yet.
        Err(error) if error.is_already_exists() => {
            if let Some(link) = nl.find_link(device)? {
                nl.delete_link(link.index)?;
            }
            nl.create_veth(&veth)
        }
        result => result,
    }
}

/// The router's devices and their addresses.
fn devices(want: &RouterConfig) -> BTreeMap<String, BTreeSet<IpNet>> {
    let mut devices: BTreeMap<String, BTreeSet<IpNet>> = BTreeMap::new();
    for leg in &want.legs {
        devices.insert(router_device(leg.port_id), leg.addresses.iter().copied().collect());
    }
    if let Some(gateway) = &want.gateway {
        let addresses = gateway.addresses.iter().copied().chain(nat::floating_addresses(want));
        devices.insert(gateway_device(gateway.port_id), addresses.collect());
    }
    devices
}

/// Whether an address is that of a gateway of the router's provider network.
fn is_gateway(want: &RouterConfig, address: IpAddr) -> bool {
    let mut gateways = want.gateway.iter().flat_map(|leg| &leg.gateways);
    gateways.any(|gateway| *gateway == address)
}

pub(crate) fn wanted_routes(want: &RouterConfig) -> BTreeSet<(IpNet, IpAddr)> {
    let any = |gateway: &IpAddr| match gateway {
        IpAddr::V4(_) => IpNet::V4(ipnet::Ipv4Net::default()),
        IpAddr::V6(_) => IpNet::V6(ipnet::Ipv6Net::default()),
    };
    let defaults = want
        .gateway
        .iter()
        .flat_map(|g| &g.gateways)
        .map(|gateway| (any(gateway), *gateway));
    let extra = want
        .routes
        .iter()
        .map(|route| (route.destination.trunc(), route.nexthop));
    // An extra route to everywhere wins over the gateway's.
    let extra: BTreeSet<_> = extra.collect();
    defaults
        .filter(|(net, _)| !extra.iter().any(|(other, _)| other == net))
        .chain(extra.iter().copied())
        .collect()
}

/// Whether flows may exist that were translated by what `want` no longer has.
fn takes_something_away(old: &RouterConfig, want: &RouterConfig) -> bool {
    let nat = |config: &RouterConfig| {
        config
            .gateway
            .as_ref()
            .map(|g| (g.port_id, g.enable_snat, g.addresses.clone()))
    };
    nat(old) != nat(want) && old.gateway.is_some()
        || old.scopes != want.scopes
        || old
            .forwardings
            .iter()
            .any(|forwarding| !want.forwardings.contains(forwarding))
        || old.floating_ips.iter().any(|ip| {
            !want
                .floating_ips
                .iter()
                .any(|now| (now.floating, now.fixed) == (ip.floating, ip.fixed))
        })
}

/// Whether the translation of a flow (if it has one) is still that of the configuration.
fn is_current(config: &RouterConfig, flow: &Flow) -> bool {
    let (sent, answered) = (&flow.original, &flow.reply);
    let floating = |outside: IpAddr, inside: IpAddr| {
        config
            .floating_ips
            .iter()
            .any(|ip| IpAddr::V4(ip.floating) == outside && IpAddr::V4(ip.fixed) == inside)
    };
    let own = |address: IpAddr| {
        config
            .legs
            .iter()
            .flat_map(|leg| &leg.addresses)
            .any(|net| net.addr() == address)
    };
    let shared = |address: IpAddr| {
        config
            .gateway
            .as_ref()
            .is_some_and(|g| g.enable_snat && g.addresses.iter().any(|net| net.addr() == address))
    };
    let forwarded = || {
        config
            .forwardings
            .iter()
            .any(|each| nat::forwards(each, sent, answered))
    };
    let destination = sent.destination == answered.source
        || floating(sent.destination, answered.source)
        || own(answered.source) // redirected to the metadata service
        || forwarded();
    let source = sent.source == answered.destination
        || floating(answered.destination, sent.source)
        || shared(answered.destination);
    destination && source
}
