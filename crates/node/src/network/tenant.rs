//! A self-service network on this host: namespace, bridge, service addresses, ruleset, ports.

mod audit;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::OwnedFd;
use std::sync::Arc;

use imbl::ordmap::DiffItem;
use ipnet::IpNet;
use linux::conntrack::Conntrack;
use linux::netlink::{Bridge, Link, LinkChange, Rtnl};
use linux::tap::{self, TapOptions};
use linux::{Mac, sysctl};
use model::PortId;
use model::host::{NetworkConfig, PortBinding, PortConfig, PortReport};

pub use audit::Depth;

use super::error::{Doing, Error, Result};
use super::external::bridge_mac;
use super::filter::{self, CUT};
use super::filter_change;
use super::flows::Judge;
use super::names::{BRIDGE, beside_ifb, ifb_device, is_tap_device, network_namespace, tap_device};
use super::namespace::Namespace;
use super::own_changes::OwnChanges;
use super::packets;
use super::reaper::Reaper;
use super::shape;
use super::table::Table;

/// The metadata service's addresses: that of EC2, and Neutron's for IPv6.
pub const METADATA: [IpAddr; 2] = [
    IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254)),
    IpAddr::V6(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0xa9fe, 0xa9fe)),
];

/// The namespace's settings, as few as do: the kernel looks them up slowly where there are many namespaces. Bridged
/// packets are shown to conntrack; nothing is forwarded, as it would be where the host forwards (a new namespace takes over
/// what the first one has), and would come to servers from no port, past their rules; ports of the bridge have no IPv6 of
/// their own (they would talk to the servers); the bridge listens to no router, and its addresses are usable at once.
pub(crate) const SETTINGS: [(&str, &str); 8] = [
    ("net/bridge/bridge-nf-call-iptables", "1"),
    ("net/bridge/bridge-nf-call-ip6tables", "1"),
    ("net/bridge/bridge-nf-call-arptables", "0"),
    ("net/ipv4/ip_forward", "0"),
    ("net/ipv6/conf/all/forwarding", "0"),
    ("net/ipv6/conf/default/accept_ra", "0"),
    ("net/ipv6/conf/default/accept_dad", "0"),
    ("net/ipv6/conf/default/disable_ipv6", "1"),
];

/// A network on this host.
#[derive(Debug)]
pub struct Tenant {
    /// Its namespace.
    pub space: Namespace,
    /// As last applied.
    pub config: Arc<NetworkConfig>,
    /// Index of its bridge.
    pub bridge: u32,
    /// Ports whose link could not be made what it should be, with the reason.
    failed: BTreeMap<PortId, String>,
    /// Ports whose report may have changed.
    touched: BTreeSet<PortId>,
    /// Taps that a process holds.
    plugged: BTreeSet<PortId>,
    /// What the loaded ruleset is of; `None` if it has to be loaded.
    ruled: Option<Arc<NetworkConfig>>,
    /// Devices of ports that are, or may be, held to a rate.
    held: BTreeSet<String>,
    /// Others did something that was not looked at yet.
    disturbed: bool,
    /// The kernel told of ends of trunks.
    trunk_news: bool,
    /// The last port of this round through the ports; `None` where the next round begins.
    looked_up_to: Option<PortId>,
    /// Flows may carry the mark of a cut.
    may_have_cuts: bool,
}

impl Tenant {
    /// Opens (or makes) the namespace, without ports yet.
    pub fn open(config: &Arc<NetworkConfig>, owner: &str, own: &OwnChanges, done: &mut Vec<String>) -> Result<Self> {
        let (mut space, made) = Namespace::ensure(network_namespace(config.id), owner, own)?;
        if made {
            done.push(format!("network namespace {} was missing", space.name));
        }
        space.keep_settings(&SETTINGS)?;
        let held = if made {
            BTreeSet::new()
        } else {
            held_devices(&mut space, config)?
        };
        Ok(Self {
            space,
            held,
            // Without ports: they are plugged by `ensure`.
            config: Arc::new(NetworkConfig {
                ports: Default::default(),
                ..(**config).clone()
            }),
            bridge: 0,
            failed: BTreeMap::new(),
            touched: BTreeSet::new(),
            plugged: BTreeSet::new(),
            ruled: None,
            disturbed: false,
            trunk_news: false,
            looked_up_to: None,
            may_have_cuts: !made,
        })
    }

    /// Loads the ruleset, unless it is that of this very configuration already.
    fn load_rules(&mut self, want: &Arc<NetworkConfig>) -> Result<()> {
        let ruled = self.ruled.take();
        if !ruled.as_ref().is_some_and(|ruled| Arc::ptr_eq(ruled, want)) {
            let difference =
                ruled.and_then(|old| Some(filter_change::difference(&old, want)? + &packets::change(&old, want)));
            self.space.load(difference, |_| {
                let filter: String = filter::tables(want).iter().map(Table::render).collect();
                Ok(filter + &packets::render(want))
            })?;
        }
        self.ruled = Some(Arc::clone(want));
        Ok(())
    }

    /// Loads the new ruleset, cuts what it no longer allows, and takes away ports that are not wanted any more.
    pub fn remove_unwanted(&mut self, want: &Arc<NetworkConfig>, reaper: &Reaper) -> Result<()> {
        let loaded = self.load_rules(want);
        let gone: Vec<Arc<PortConfig>> = gone_ports(&self.config, want);
        let mut links = Vec::new();
        for port in &gone {
            let device = tap_device(port.id);
            links.extend(self.space.find_link(&device)?);
            if self.held.remove(&device) {
                links.extend(self.space.find_link(&ifb_device(port.id))?);
            }
            self.failed.remove(&port.id);
            self.plugged.remove(&port.id);
            self.touched.insert(port.id);
        }
        reaper.delete(&self.space.ns, links);
        loaded?;
        let freed: BTreeSet<IpAddr> = freed_addresses(&self.config, want);
        if !freed.is_empty() || takes_something_away(&self.config, want) || self.may_have_cuts {
            self.cut_flows(want, &freed)?;
        }
        Ok(())
    }

    /// Marks tracked flows that the rules no longer allow, unmarks those they allow again, and forgets flows of
    /// addresses that no port has any more, and those that are not tracked any more.
    fn cut_flows(&mut self, want: &NetworkConfig, freed: &BTreeSet<IpAddr>) -> Result<()> {
        let doing = || format!("cut flows in {}", self.space.name);
        // A walk costs the size of the whole host's table; the count is at hand.
        let count = sysctl::read(&self.space.ns, "net/netfilter/nf_conntrack_count").doing(doing)?;
        if count == "0" {
            self.may_have_cuts = false;
            return Ok(());
        }
        let judge = Judge::new(want);
        let mut table = Conntrack::open(&self.space.ns).doing(doing)?;
        let mut cuts = 0;
        let (mut forget, mut cut, mut restore) = (Vec::new(), Vec::new(), Vec::new());
        let flows = table.flows(|_| true).doing(doing)?;
        for flow in flows {
            let allowed = judge.allows(&flow.original);
            cuts += usize::from(!allowed);
            let is_freed = freed.contains(&flow.original.source) || freed.contains(&flow.original.destination);
            if is_freed || !judge.tracks(&flow.original) {
                forget.push(flow);
            } else if !allowed && flow.mark != CUT {
                cut.push(flow);
            } else if allowed && flow.mark == CUT {
                restore.push(flow);
            }
        }
        table.set_mark(&cut, CUT).doing(doing)?;
        table.set_mark(&restore, 0).doing(doing)?;
        table.delete(&forget).doing(doing)?;
        self.may_have_cuts = cuts > 0;
        if !cut.is_empty() {
            tracing::info!(network.id = %want.id, flow.count = cut.len(), "cut flows that the rules no longer allow");
        }
        Ok(())
    }

    /// Makes bridge, addresses and ports what `want` says. Looks at the ports that changed or failed, and at those that
    /// `depth` says. Sentences on what had to be done go into `done`.
    pub fn ensure(
        &mut self,
        want: &Arc<NetworkConfig>,
        reaper: &Reaper,
        depth: Depth,
        done: &mut Vec<String>,
    ) -> Result<()> {
        self.load_rules(want)?;
        self.ensure_bridge(want, done)?;
        let begins = depth == Depth::Next && self.looked_up_to.is_none();
        let links: Option<HashMap<String, Link>> = match depth == Depth::All || begins {
            true => Some(
                self.list_links()?
                    .into_iter()
                    .map(|link| (link.name.clone(), link))
                    .collect(),
            ),
            false => None,
        };
        if let Some(links) = &links {
            self.remove_strangers(want, links, reaper, done);
        }
        for port in self.ports_to_plug(want, depth) {
            let device = tap_device(port.id);
            reaper.wait_for(&device);
            let link = match &links {
                Some(links) => links.get(&device).cloned(),
                None => self.space.find_link(&device)?,
            };
            let plugged = self
                .plug(want, &port, link, done)
                .and_then(|()| self.hold_to(&port, want.mtu));
            let failure = plugged.err().map(|error| error.in_full());
            if failure.as_ref() != self.failed.get(&port.id) {
                self.touched.insert(port.id);
            }
            match failure {
                None => self.failed.remove(&port.id),
                Some(why) => self.failed.insert(port.id, why),
            };
        }
        self.config = Arc::clone(want);
        Ok(())
    }

    /// The ports to look at: those that changed or failed, and as many others as `depth` says.
    fn ports_to_plug(&mut self, want: &NetworkConfig, depth: Depth) -> Vec<Arc<PortConfig>> {
        let changed = self.config.ports.diff(&want.ports).filter_map(|item| match item {
            DiffItem::Add(_, port) | DiffItem::Update { new: (_, port), .. } => Some(Arc::clone(port)),
            DiffItem::Remove(..) => None,
        });
        let mut ports: BTreeMap<PortId, Arc<PortConfig>> = changed.map(|port| (port.id, port)).collect();
        self.touched.extend(ports.keys());
        let more: Vec<PortId> = match depth {
            Depth::Changes => Vec::new(),
            Depth::Next => self.next_ports(want),
            Depth::All => return want.ports.values().cloned().collect(),
        };
        for id in self.failed.keys().copied().chain(more) {
            if let Some(port) = want.ports.get(&id) {
                ports.insert(id, Arc::clone(port));
            }
        }
        ports.into_values().collect()
    }

    /// The ports whose report may have changed since this was asked last.
    pub fn take_touched(&mut self) -> BTreeSet<PortId> {
        std::mem::take(&mut self.touched)
    }

    /// Whether the kernel told anything of the ends of trunks that are in this namespace, since this was asked last.
    pub fn take_trunk_news(&mut self) -> bool {
        std::mem::take(&mut self.trunk_news)
    }

    /// Whether a process holds the port's tap.
    pub fn is_plugged(&self, port: PortId) -> bool {
        self.plugged.contains(&port)
    }

    /// The report of a port may have changed.
    pub fn touch(&mut self, port: PortId) {
        self.touched.insert(port);
    }

    fn list_links(&mut self) -> Result<Vec<Link>> {
        self.space
            .nl
            .links()
            .doing(|| format!("list the links of {}", self.space.name))
    }

    fn ensure_bridge(&mut self, want: &NetworkConfig, done: &mut Vec<String>) -> Result<()> {
        let doing = || format!("set up the bridge of {}", network_namespace(want.id));
        let mac = mac_of_bridge(want);
        let nl = &mut self.space.nl;
        let mut link = nl.find_link(BRIDGE).doing(doing)?;
        if link.is_none() {
            let bridge = Bridge {
                name: BRIDGE,
                mac: Some(mac),
                mtu: Some(want.mtu),
                multicast_snooping: false,
            };
            nl.create_bridge(&bridge).doing(doing)?;
            link = nl.find_link(BRIDGE).doing(doing)?;
            sysctl::write(&self.space.ns, &[("net/ipv6/conf/br0/disable_ipv6", "0")]).doing(doing)?;
            done.push(format!("the bridge of {} was missing", self.space.name));
        }
        let Some(link) = link else {
            return Err(Error::NetworkMissing(want.id));
        };
        self.bridge = link.index;
        if link.mac != Some(mac) || link.mtu != want.mtu || !link.up {
            let change = LinkChange {
                mac: Some(mac),
                mtu: Some(want.mtu),
                up: Some(true),
                ..LinkChange::default()
            };
            self.space.nl.change_link(link.index, &change).doing(doing)?;
            done.push(format!("the bridge of {} was not as it should be", self.space.name));
        }
        let (new, gone) = self.space.set_addresses(link.index, &service_addresses(want))?;
        done.extend(
            new.iter()
                .map(|net| format!("address {net} was missing in {}", self.space.name)),
        );
        done.extend(
            gone.iter()
                .map(|net| format!("address {net} was not wanted in {}", self.space.name)),
        );
        Ok(())
    }

    /// Devices on our bridge with a port's name but no such port.
    fn remove_strangers(
        &self,
        want: &NetworkConfig,
        links: &HashMap<String, Link>,
        reaper: &Reaper,
        done: &mut Vec<String>,
    ) {
        let names: BTreeSet<String> = want.ports.keys().map(|id| tap_device(*id)).collect();
        let strange = |link: &&Link| {
            is_tap_device(&link.name) && !names.contains(&link.name) && !reaper.is_about_to_delete(&link.name)
        };
        let strangers: Vec<Link> = links.values().filter(strange).cloned().collect();
        done.extend(
            strangers
                .iter()
                .map(|link| format!("{} in {} was not wanted", link.name, self.space.name)),
        );
        reaper.delete(&self.space.ns, strangers);
    }

    /// Makes a port's device what it should be.
    fn plug(
        &mut self,
        want: &NetworkConfig,
        port: &PortConfig,
        link: Option<Link>,
        done: &mut Vec<String>,
    ) -> Result<()> {
        match &port.binding {
            PortBinding::Server(_) => self.plug_tap(want, port, link, done),
            PortBinding::Namespace { netns, ifname } => {
                super::attach::plug(self, want, port, (netns, ifname), link, done)
            }
            // By the router, or the trunk, once all networks stand.
            PortBinding::Router(_) | PortBinding::Trunk(_) => Ok(()),
        }
    }

    fn plug_tap(
        &mut self,
        want: &NetworkConfig,
        port: &PortConfig,
        link: Option<Link>,
        done: &mut Vec<String>,
    ) -> Result<()> {
        let device = tap_device(port.id);
        let doing = || format!("set up tap {device} of port {}", port.id);
        let link = match link {
            Some(link) => link,
            None => {
                // Persistent: it stays while no server runs, and over our own end.
                tap::open(
                    &self.space.ns,
                    &device,
                    TapOptions {
                        persist: true,
                        owner: None,
                    },
                )
                .doing(doing)?;
                done.push(format!("tap {device} was missing in {}", self.space.name));
                self.space.nl.link(&device).doing(doing)?
            }
        };
        let up = port.admin_state_up;
        if link.master != Some(self.bridge) || link.mtu != want.mtu || link.up != up {
            let change = LinkChange {
                master: Some(self.bridge),
                mtu: Some(want.mtu),
                up: Some(up),
                ..LinkChange::default()
            };
            self.space.nl.change_link(link.index, &change).doing(doing)?;
            done.push(format!("tap {device} in {} was not as it should be", self.space.name));
        }
        self.note_carrier(port.id, link.carrier);
        Ok(())
    }

    /// Holds a port whose device is new to its limits of bandwidth.
    pub fn hold(&mut self, port: &PortConfig) -> Result<()> {
        self.hold_to(port, self.config.mtu)
    }

    /// Holds a port to its limits of bandwidth. One that has none, and had none, costs nothing.
    fn hold_to(&mut self, port: &PortConfig, mtu: u32) -> Result<()> {
        let device = tap_device(port.id);
        let is_limited = shape::limits(port) != (None, None);
        if !is_limited && !self.held.contains(&device) {
            return Ok(());
        }
        shape::ensure(&mut self.space.nl, port, mtu).doing(|| format!("limit the bandwidth of port {}", port.id))?;
        match is_limited {
            true => self.held.insert(device),
            false => self.held.remove(&device),
        };
        Ok(())
    }

    fn note_carrier(&mut self, port: PortId, carrier: bool) {
        let changed = if carrier {
            self.plugged.insert(port)
        } else {
            self.plugged.remove(&port)
        };
        if changed {
            self.touched.insert(port);
        }
    }

    /// The descriptor of a server's tap, for the process that is to hold it. Only one can.
    pub fn tap(&mut self, port: PortId) -> Result<OwnedFd> {
        let is_server = |p: &Arc<PortConfig>| matches!(p.binding, PortBinding::Server(_));
        let port = self
            .config
            .ports
            .get(&port)
            .filter(|p| is_server(p))
            .ok_or(Error::NoTap(port))?;
        let (id, device) = (port.id, tap_device(port.id));
        let fd = tap::open(
            &self.space.ns,
            &device,
            TapOptions {
                persist: true,
                owner: None,
            },
        )
        .doing(|| format!("open tap {device} of port {id}"))?;
        self.note_carrier(id, true);
        Ok(fd)
    }

    /// Fetches the tap of a running server into this namespace, when it is in another: the one that had this name before a
    /// person deleted it lives on nameless as long as a guest holds its tap. True if it had to be fetched; an audit does
    /// the rest.
    pub fn fetch_tap(&mut self, port: PortId, tap: &OwnedFd) -> Result<bool> {
        let device = tap_device(port);
        let name = self.space.name.clone();
        let doing = || format!("fetch tap {device} of port {port} into {name}");
        let there = tap::namespace_of(tap).doing(doing)?;
        self.note_carrier(port, true);
        if there == self.space.ns {
            return Ok(false);
        }
        if let Some(namesake) = self.space.nl.find_link(&device).doing(doing)? {
            self.space.nl.delete_link(namesake.index).doing(doing)?;
        }
        let mut nl = Rtnl::open(&there).doing(doing)?;
        let index = nl.link(&device).doing(doing)?.index;
        nl.set_netns(index, &self.space.ns).doing(doing)?;
        Ok(true)
    }

    /// How a port is; `leg` says whether its router could plug it.
    pub fn port_report(
        &self,
        port: &PortConfig,
        leg: impl Fn(PortId) -> std::result::Result<(), String>,
    ) -> PortReport {
        if let Some(why) = self.failed.get(&port.id) {
            return PortReport::Failed(why.clone());
        }
        match &port.binding {
            _ if !port.admin_state_up => PortReport::Down,
            PortBinding::Server(_) if !self.plugged.contains(&port.id) => PortReport::Down,
            PortBinding::Router(_) | PortBinding::Trunk(_) => {
                leg(port.id).map_or_else(PortReport::Failed, |()| PortReport::Up)
            }
            _ => PortReport::Up,
        }
    }

    /// Whether every port stands as wanted.
    pub fn has_failed_ports(&self) -> bool {
        !self.failed.is_empty()
    }

    /// Takes everything away. Links go explicitly, as others may hold the namespace for a while yet.
    pub fn remove(mut self, reaper: &Reaper) -> Result<()> {
        let links = self.list_links()?.into_iter().filter(|link| link.index != 1).collect();
        reaper.delete(&self.space.ns, links);
        linux::Netns::delete(&self.space.name).doing(|| format!("delete network namespace {}", self.space.name))?;
        Ok(())
    }
}

/// Devices that an earlier life of the program held to a rate. Intermediate devices of ports that are gone go, too.
fn held_devices(space: &mut Namespace, config: &NetworkConfig) -> Result<BTreeSet<String>> {
    let doing = || format!("look for limits in {}", network_namespace(config.id));
    let wanted: BTreeSet<String> = config.ports.keys().map(|id| tap_device(*id)).collect();
    let mut held = BTreeSet::new();
    for link in space.nl.links().doing(doing)? {
        match beside_ifb(&link.name) {
            Some(device) if wanted.contains(&device) => {
                held.insert(device);
            }
            Some(_) => {
                space.nl.delete_link(link.index).doing(doing)?;
            }
            None if shape::is_held(&link) => {
                held.insert(link.name);
            }
            None => {}
        }
    }
    Ok(held)
}

pub(crate) fn mac_of_bridge(want: &NetworkConfig) -> Mac {
    want.service_port
        .as_ref()
        .map_or_else(|| bridge_mac(want.id), |port| Mac(port.mac.0))
}

/// Ports that are not wanted any more, or are to be plugged into something else.
fn gone_ports(old: &NetworkConfig, want: &NetworkConfig) -> Vec<Arc<PortConfig>> {
    let gone = old.ports.diff(&want.ports).filter_map(|item| match item {
        DiffItem::Remove(_, old) => Some(old),
        DiffItem::Update {
            old: (_, old),
            new: (_, new),
        } => (new.binding != old.binding || new.mac != old.mac).then_some(old),
        DiffItem::Add(..) => None,
    });
    gone.map(Arc::clone).collect()
}

/// What the bridge itself answers to: DHCP, DNS and metadata.
pub(crate) fn service_addresses(config: &NetworkConfig) -> BTreeSet<IpNet> {
    config
        .service_port
        .iter()
        .flat_map(|port| port.addresses.iter().copied())
        .chain(METADATA.map(IpNet::from))
        .collect()
}

/// Addresses that ports had and no port has now.
fn freed_addresses(old: &NetworkConfig, new: &NetworkConfig) -> BTreeSet<IpAddr> {
    let addresses = |port: &PortConfig| -> Vec<IpAddr> { port.fixed_ips.iter().map(|ip| ip.address.addr()).collect() };
    let mut freed = BTreeSet::new();
    for item in old.ports.diff(&new.ports) {
        match item {
            DiffItem::Remove(_, old) => freed.extend(addresses(old)),
            DiffItem::Update {
                old: (_, old),
                new: (_, new),
            } if old.fixed_ips != new.fixed_ips => freed.extend(addresses(old)),
            _ => {}
        }
    }
    if !freed.is_empty() {
        for address in new.ports.values().flat_map(|port| addresses(port)) {
            freed.remove(&address);
        }
    }
    freed
}

/// Whether the change may forbid something that was allowed.
fn takes_something_away(old: &NetworkConfig, new: &NetworkConfig) -> bool {
    // A group that is gone has no port any more, a list of members that is gone no rule that names it.
    let rules = old.groups.diff(&new.groups).any(|item| match item {
        DiffItem::Update {
            old: (_, old),
            new: (_, new),
        } => old.iter().any(|rule| !new.contains(rule)),
        DiffItem::Add(..) | DiffItem::Remove(..) => false,
    });
    let members = old.members.diff(&new.members).any(|item| match item {
        DiffItem::Update {
            old: (_, old),
            new: (_, new),
        } => old
            .diff(new)
            .any(|moved| matches!(moved, imbl::ordset::DiffItem::Remove(_))),
        DiffItem::Add(..) | DiffItem::Remove(..) => false,
    });
    let ports = old.ports.diff(&new.ports).any(|item| match item {
        DiffItem::Update {
            old: (_, old),
            new: (_, new),
        } => {
            old.security_groups != new.security_groups
                || old.port_security != new.port_security
                || old.admin_state_up != new.admin_state_up
        }
        DiffItem::Add(..) | DiffItem::Remove(..) => false,
    });
    rules || members || ports || old.stateless != new.stateless
}
