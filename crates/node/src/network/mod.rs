//! The host's networks: makes provider networks, self-service networks, routers and trunks match a [`HostConfig`].
//!
//! [`NetworkPart`] is blocking code for a thread of its own. [`NetworkPart::apply`] compares each fragment with what
//! was applied last and touches only what differs: all removals first, then all additions. [`NetworkPart::audit`] looks
//! at the kernel itself and repairs what somebody deleted. One fragment that fails never stops another; it is tried
//! again at the next pass, and [`NetworkPart::report`] says why.
//!
//! | module | what |
//! |---|---|
//! | [`filter`] | a network's ruleset: anti-spoofing and security groups |
//! | [`filter_change`] | what a change does to it |
//! | [`packets`], `shape` | limits and marks of single ports |
//! | [`flows`] | which tracked flows the rules still allow |
//! | [`nat`], `scopes`, `ndp` | a router's ruleset; what it answers neighbours for |
//! | [`metering`] | what a router counts |
//! | [`own_changes`] | what other parts of the program do to rulesets |
//! | [`table`] | rulesets as values, and their difference |
//! | `external`, `tenant`, `router`, `trunk` | the kinds of fragment |
//! | `attach` | ports in foreign namespaces |
//! | `namespace`, `reaper`, `parallel` | a namespace of ours; deleting links without waiting; waiting for many things at once |

mod attach;
mod error;
pub(crate) mod external;
pub mod filter;
pub mod filter_change;
pub mod flows;
pub(crate) mod limits;
pub mod metering;
pub mod names;
mod namespace;
pub mod nat;
pub(crate) mod ndp;
pub mod own_changes;
pub mod packets;
mod parallel;
mod reaper;
pub(crate) mod router;
mod scopes;
pub(crate) mod shape;
mod stateless;
pub mod table;
pub(crate) mod tenant;
mod trunk;

use std::collections::{BTreeMap, BTreeSet};
use std::os::fd::OwnedFd;
use std::sync::Arc;

use imbl::OrdMap;
use imbl::ordmap::DiffItem;
use linux::Netns;
use model::host::{FragmentStatus, HostConfig, HostReport, PortBinding, PortConfig, PortReport, RouterConfig};
use model::{NetworkId, PortId, RouterId};

pub use error::{Error, Result};
use external::{External, Host};
use names::{NETWORK_PREFIX, ROUTER_PREFIX};
use namespace::{Namespace, look};
use own_changes::OwnChanges;
use parallel::in_parallel;
use reaper::Reaper;
use router::{Around, Router};
use tenant::{Depth, Tenant};
use trunk::Trunks;

use crate::meters::Meters;
use crate::reach::probe::Probes;

/// The host's networks.
#[derive(Debug)]
pub struct NetworkPart {
    host: Host,
    reaper: Reaper,
    want: HostConfig,
    externals: BTreeMap<NetworkId, External>,
    tenants: BTreeMap<NetworkId, Tenant>,
    routers: BTreeMap<RouterId, Router>,
    trunks: Trunks,
    /// What was found at the last look: kept, so that a change costs its own size here, too.
    report: HostReport,
    /// Whether the report, or a namespace, is not what it was when this was asked last.
    news: bool,
    /// Fragments that do not stand, with the reason.
    failed_networks: BTreeMap<NetworkId, String>,
    failed_routers: BTreeMap<RouterId, String>,
    /// Whether what an earlier life of the program, or a failure, left behind has been looked through.
    swept: bool,
    /// Audits made so far.
    audits: u32,
    /// What routers counted.
    meters: Meters,
    /// What other parts of the program do to rulesets.
    own: OwnChanges,
    /// Who probes them.
    probes: Probes,
}

/// In how many audits the settings of each namespace, which the kernel tells nothing of, are looked at once.
const SETTINGS_EVERY: u32 = 8;

/// In how many audits each fragment is looked at as a whole once, whatever the kernel told; large networks piece by piece.
const FULL_EVERY: u32 = 64;

impl NetworkPart {
    /// Takes over the host's networks. Nothing is touched before the first [`NetworkPart::apply`].
    ///
    /// `host` is the namespace that holds the provider networks' bridges. `owner` names this cloud (and no other one on
    /// this machine): it is written on what is made, and only what carries it is ever removed. `exclusive` says that
    /// `host` is for this cloud alone, so that its settings may be changed too.
    pub fn new(host: Netns, owner: &str, exclusive: bool) -> Result<Self> {
        if let Err(error) = linux::process::raise_descriptor_limit() {
            tracing::warn!(%error, "a host with several hundred networks will run out of descriptors");
        }
        let own = OwnChanges::default();
        let probes = Probes::new(host.clone(), own.clone());
        Ok(Self {
            host: Host::open(host, owner.to_owned(), exclusive)?,
            reaper: Reaper::start(),
            want: HostConfig::default(),
            externals: BTreeMap::new(),
            tenants: BTreeMap::new(),
            routers: BTreeMap::new(),
            trunks: Trunks::default(),
            report: HostReport::default(),
            news: false,
            failed_networks: BTreeMap::new(),
            failed_routers: BTreeMap::new(),
            swept: false,
            audits: 0,
            meters: Meters::default(),
            own,
            probes,
        })
    }

    /// Who probes these networks.
    pub fn probes(&self) -> Probes {
        self.probes.clone()
    }

    /// What routers counted.
    pub fn meters(&self) -> Meters {
        self.meters.clone()
    }

    /// Makes the host match `want`, as far as it can; what could not be done is in the report and tried again.
    pub fn apply(&mut self, want: &HostConfig) {
        if !self.swept {
            self.sweep(want);
        }
        self.remove_unwanted(want);
        self.add_wanted(want);
        let before = std::mem::replace(&mut self.want, want.clone());
        self.probes.follow(want);
        self.forget_ports(&before);
        self.look_at_all();
        self.news = true;
    }

    /// Repairs what others did to what there should be. Returns what was found wrong, one sentence each, which also went
    /// to the log.
    ///
    /// The kernel tells what happens to links, addresses, routes and rules, so on a quiet host this costs a few system
    /// calls a namespace. Some fragments are looked at as a whole each time, all of them in turn, for what is not told.
    pub fn audit(&mut self) -> Vec<String> {
        let mut found = Vec::new();
        let want = self.want.clone();
        self.retry_failed(&want);
        self.audits = self.audits.wrapping_add(1);
        let audits = self.audits;
        let is_turn = |place: usize, every: u32| (place as u32).wrapping_add(audits).is_multiple_of(every);
        let on_host = look(&mut self.host.monitor);
        for (place, (id, config)) in want.externals.iter().enumerate() {
            if !(is_turn(place, FULL_EVERY) || on_host.more || on_host.links.contains_key(&config.bridge)) {
                continue;
            }
            if let Some(external) = self.note_network(*id, |part| {
                External::ensure(&mut part.host, Arc::clone(config), &mut found)
            }) {
                self.externals.insert(*id, external);
            }
        }
        let mut loose = BTreeSet::new();
        for (place, (id, tenant)) in self.tenants.iter_mut().enumerate() {
            let depth = match is_turn(place, tenant.turn_every(FULL_EVERY)) {
                true => Depth::Next,
                false => Depth::Changes,
            };
            let first = if is_turn(place, SETTINGS_EVERY) {
                tenant.audit_settings(&mut found)
            } else {
                Ok(())
            };
            let rest = tenant.audit(&self.reaper, depth, &mut found);
            note(
                &mut self.failed_networks,
                *id,
                first.and(rest.map(|legs| loose.extend(legs))),
            );
        }
        for (place, (id, router)) in self.routers.iter_mut().enumerate() {
            let full = is_turn(place, FULL_EVERY);
            let lost_its_place = router.config.legs.iter().any(|leg| loose.contains(&leg.port_id))
                || (router.config.gateway.as_ref())
                    .is_some_and(|gateway| on_host.links.contains_key(&names::tap_device(gateway.port_id)));
            let mut around = Around {
                host: &mut self.host,
                tenants: &mut self.tenants,
                externals: &self.externals,
                reaper: &self.reaper,
            };
            let first = if is_turn(place, SETTINGS_EVERY) {
                router.audit_settings(&mut found)
            } else {
                Ok(())
            };
            let rest = router.audit(&mut around, full || lost_its_place, &mut found);
            Self::touch_legs(&mut self.tenants, &router.config);
            note(&mut self.failed_routers, *id, first.and(rest));
        }
        let in_turn = |place: usize| is_turn(place, SETTINGS_EVERY);
        let (trunks, tenants) = (&mut self.trunks, &mut self.tenants);
        trunks.audit(&want.trunks, tenants, (&loose, in_turn), &self.reaper, &mut found);
        for sentence in &found {
            tracing::warn!("mended: {sentence}");
        }
        self.look_at_all();
        self.news |= !found.is_empty();
        found
    }

    /// Whether there is anything new to report, or a namespace is another one, since this was asked last.
    pub fn take_news(&mut self) -> bool {
        std::mem::take(&mut self.news)
    }

    /// Writes how networks, routers and their ports are into a report.
    pub fn report(&self, into: &mut HostReport) {
        into.externals = self.report.externals.clone();
        into.networks = self.report.networks.clone();
        into.routers = self.report.routers.clone();
        into.trunks = self.report.trunks.clone();
        into.ports = self.report.ports.clone();
    }

    /// Takes ports out of the report that are not wanted any more.
    fn forget_ports(&mut self, before: &HostConfig) {
        let none = OrdMap::new();
        for item in before.networks.diff(&self.want.networks) {
            let (old, new) = match item {
                DiffItem::Remove(_, old) => (old, &none),
                DiffItem::Update {
                    old: (_, old),
                    new: (_, new),
                } => (old, &new.ports),
                DiffItem::Add(..) => continue,
            };
            for item in old.ports.diff(new) {
                if let DiffItem::Remove(port, _) = item {
                    self.report.ports.remove(port);
                }
            }
        }
    }

    /// Brings the report up to date: all fragments, and the ports that were touched.
    fn look_at_all(&mut self) {
        let status =
            |why: Option<&String>| why.map_or(FragmentStatus::Ready, |why| FragmentStatus::Failed(why.clone()));
        let failed = &self.failed_networks;
        let externals = self.want.externals.keys().map(|id| (*id, status(failed.get(id))));
        self.news |= update(&mut self.report.externals, externals);
        let networks = self.want.networks.keys().map(|id| (*id, status(failed.get(id))));
        self.news |= update(&mut self.report.networks, networks);
        let mut report = std::mem::take(&mut self.report.routers);
        let routers = self.want.routers.keys();
        self.news |= update(
            &mut report,
            routers.map(|id| (*id, status(self.router_failure(*id).as_ref()))),
        );
        self.report.routers = report;
        self.news |= update(&mut self.report.trunks, self.trunks.status(&self.want.trunks));
        self.look_at_ports();
    }

    fn look_at_ports(&mut self) {
        // A network that could not be opened says the same of all its ports.
        let closed: Vec<_> = self
            .want
            .networks
            .iter()
            .filter(|(id, _)| !self.tenants.contains_key(*id))
            .flat_map(|(id, network)| network.ports.values().map(|port| (*id, port.id)))
            .collect();
        let touched = self
            .tenants
            .iter_mut()
            .flat_map(|(id, tenant)| tenant.take_touched().into_iter().map(|port| (*id, port)));
        let touched: Vec<(NetworkId, PortId)> = touched.chain(closed).collect();
        for (network, port) in touched {
            let Some(config) = self.want.networks.get(&network).and_then(|n| n.ports.get(&port)) else {
                continue;
            };
            let new = self.port_report(network, config);
            if self.report.ports.get(&port) != Some(&new) {
                self.report.ports.insert(port, new);
                self.news = true;
            }
        }
    }

    /// Why a router does not stand, if it does not: as a whole, or its first leg that failed.
    fn router_failure(&self, id: RouterId) -> Option<String> {
        let whole = self.failed_routers.get(&id).cloned();
        whole.or_else(|| self.routers.get(&id)?.status().err())
    }

    /// The descriptor of a server's tap, for the QEMU process that is to hold it.
    pub fn tap(&mut self, port: PortId) -> Result<OwnedFd> {
        let tenant = self
            .tenants
            .values_mut()
            .find(|tenant| tenant.config.ports.contains_key(&port));
        let tap = tenant.ok_or(Error::NoTap(port))?.tap(port);
        self.look_at_ports();
        tap
    }

    /// Sees to it that the tap of a running server is in its network's namespace.
    ///
    /// # Errors
    /// [`Error::NoTap`] for a port that is not here; what the kernel refuses.
    pub fn fetch_tap(&mut self, port: PortId, tap: &OwnedFd) -> Result<()> {
        let mut tenants = self.tenants.values_mut();
        let tenant = tenants.find(|tenant| tenant.config.ports.contains_key(&port));
        let tenant = tenant.ok_or(Error::NoTap(port))?;
        if tenant.fetch_tap(port, tap)? {
            tracing::warn!(port.id = %port, "mended: the tap of port {port} was in a namespace that has lost its name");
            let mut found = Vec::new();
            tenant.audit(&self.reaper, Depth::All, &mut found)?;
        }
        Ok(())
    }

    /// The namespace of a network, where its DHCP, DNS and metadata services listen; none before it stands.
    pub fn network_netns(&self, id: NetworkId) -> Option<Netns> {
        self.tenants.get(&id).map(|tenant| tenant.space.ns.clone())
    }

    /// The namespace of a router, where its metadata service listens and router advertisements are sent from.
    pub fn router_netns(&self, id: RouterId) -> Option<Netns> {
        self.routers.get(&id).map(|router| router.space.ns.clone())
    }

    /// Removes everything that this cloud made, and waits until it is gone.
    pub fn purge(&mut self) {
        self.swept = false;
        self.apply(&HostConfig::default());
        self.reaper.settle();
    }

    /// Waits until links that were taken away are really gone.
    pub fn settle(&self) {
        self.reaper.settle();
    }

    /// Removes what an earlier life of the program made and what is not wanted any more.
    fn sweep(&mut self, want: &HostConfig) {
        let wanted: BTreeSet<String> = (want.networks.keys().map(|id| names::network_namespace(*id)))
            .chain(want.routers.keys().map(|id| names::router_namespace(*id)))
            .collect();
        let named = Netns::list().unwrap_or_default();
        let ours = |name: &String| name.starts_with(NETWORK_PREFIX) || name.starts_with(ROUTER_PREFIX);
        for name in named.iter().filter(|name| ours(name) && !wanted.contains(*name)) {
            match Namespace::find(name, &self.host.owner) {
                Ok(Some(mut space)) => {
                    tracing::info!(
                        netns.name = name,
                        "removing a network namespace that is not wanted any more"
                    );
                    let links = space.nl.links().unwrap_or_default();
                    self.reaper
                        .delete(&space.ns, links.into_iter().filter(|link| link.index != 1).collect());
                    if let Err(error) = Netns::delete(name) {
                        tracing::warn!(netns.name = name, %error, "a network namespace could not be removed");
                    }
                }
                // Another cloud's, or a name that a crash left without a namespace.
                Ok(None) => match Netns::delete_dead(name) {
                    Ok(true) => tracing::info!(netns.name = name, "removed a name without a namespace"),
                    Ok(false) => {}
                    Err(error) => tracing::warn!(netns.name = name, %error, "a left-over name could not be removed"),
                },
                Err(error) => {
                    tracing::warn!(
                        netns.name = name,
                        error = error.in_full(),
                        "cannot tell whose network namespace it is"
                    );
                }
            }
        }
        self.sweep_host(want);
        self.meters.retain(|id| want.routers.contains_key(id));
        self.swept = true;
    }

    fn sweep_host(&mut self, want: &HostConfig) {
        let legs = want
            .routers
            .values()
            .filter_map(|r| r.gateway.as_ref())
            .map(|g| names::tap_device(g.port_id));
        let bridges = want
            .externals
            .values()
            .map(|external| external.bridge.as_str())
            .collect();
        match self.host.unwanted(&legs.collect(), &bridges) {
            Ok(links) => self.reaper.delete(&self.host.ns, links),
            Err(error) => tracing::warn!(error = error.in_full(), "cannot look for left-over links"),
        }
    }

    fn remove_unwanted(&mut self, want: &HostConfig) {
        self.trunks.remove_unwanted(&want.trunks, &mut self.tenants);
        let ids: Vec<RouterId> = self.routers.keys().copied().collect();
        for id in ids {
            let Some(config) = want.routers.get(&id) else {
                if let Some(router) = self.routers.remove(&id) {
                    Self::touch_legs(&mut self.tenants, &router.config);
                    report_removal(router.remove(&self.reaper), "router", &id);
                }
                self.failed_routers.remove(&id);
                continue;
            };
            let router = self.routers.get_mut(&id).filter(|router| !same(&router.config, config));
            if let Some(router) = router {
                Self::touch_legs(&mut self.tenants, &router.config);
                note(
                    &mut self.failed_routers,
                    id,
                    router.remove_unwanted(config, &self.reaper),
                );
            }
        }
        let ids: Vec<NetworkId> = self.tenants.keys().copied().collect();
        for id in ids {
            let Some(config) = want.networks.get(&id) else {
                if let Some(tenant) = self.tenants.remove(&id) {
                    report_removal(tenant.remove(&self.reaper), "network", &id);
                }
                self.failed_networks.remove(&id);
                continue;
            };
            let tenant = self.tenants.get_mut(&id).filter(|tenant| !same(&tenant.config, config));
            if let Some(tenant) = tenant {
                note(
                    &mut self.failed_networks,
                    id,
                    tenant.remove_unwanted(config, &self.reaper),
                );
            }
        }
        let gone: Vec<NetworkId> = self
            .externals
            .keys()
            .filter(|id| !want.externals.contains_key(*id))
            .copied()
            .collect();
        for id in gone {
            if let Some(external) = self.externals.remove(&id) {
                report_removal(external.remove(&mut self.host), "provider network", &id);
            }
            self.failed_networks.remove(&id);
        }
    }

    fn add_wanted(&mut self, want: &HostConfig) {
        for (id, config) in &want.externals {
            let same = self
                .externals
                .get(id)
                .is_some_and(|external| same(&external.config, config));
            if same && !self.failed_networks.contains_key(id) {
                continue;
            }
            if let Some(external) = self.note_network(*id, |part| {
                External::ensure(&mut part.host, Arc::clone(config), &mut Vec::new())
            }) {
                self.externals.insert(*id, external);
            }
        }
        self.open_tenants(want);
        for (id, config) in &want.networks {
            let Some(tenant) = self.tenants.get_mut(id) else {
                continue;
            };
            let stands = same(&tenant.config, config) && !tenant.has_failed_ports();
            if !stands || self.failed_networks.contains_key(id) {
                let result = tenant.ensure(config, &self.reaper, Depth::Changes, &mut Vec::new());
                note(&mut self.failed_networks, *id, result);
            }
        }
        self.open_routers(want);
        for (id, config) in &want.routers {
            let Some(router) = self.routers.get_mut(id) else {
                continue;
            };
            let stands = same(&router.config, config) && router.status().is_ok();
            if !stands || self.failed_routers.contains_key(id) {
                let mut around = Around {
                    host: &mut self.host,
                    tenants: &mut self.tenants,
                    externals: &self.externals,
                    reaper: &self.reaper,
                };
                let result = router.ensure(config, &mut around, &mut Vec::new());
                Self::touch_legs(&mut self.tenants, config);
                note(&mut self.failed_routers, *id, result);
            }
        }
        self.trunks.add_wanted(&want.trunks, &mut self.tenants, &self.reaper);
    }

    /// Opens (or makes) networks that have no state yet, several at a time: at a start that is all of them.
    fn open_tenants(&mut self, want: &HostConfig) {
        let new: Vec<_> = want
            .networks
            .values()
            .filter(|config| !self.tenants.contains_key(&config.id))
            .collect();
        let (owner, reaper, own) = (self.host.owner.as_str(), &self.reaper, &self.own);
        let opened = in_parallel(&new, |config| -> Result<(Tenant, Result<()>)> {
            let mut tenant = Tenant::open(config, owner, own, &mut Vec::new())?;
            // The ruleset comes before any port; what an earlier life left is looked at as a whole.
            let ruled = tenant.remove_unwanted(config, reaper);
            let ensured = tenant.ensure(config, reaper, Depth::All, &mut Vec::new());
            Ok((tenant, ruled.and(ensured)))
        });
        for (config, result) in new.into_iter().zip(opened) {
            let result = result.and_then(|(tenant, result)| {
                self.tenants.insert(config.id, tenant);
                result
            });
            // What a failure leaves behind is found by the next sweep, should it not be wanted by then.
            self.swept &= result.is_ok();
            note(&mut self.failed_networks, config.id, result);
        }
    }

    /// The same for routers; their legs come later, one router after the other.
    fn open_routers(&mut self, want: &HostConfig) {
        let new: Vec<_> = want
            .routers
            .values()
            .filter(|config| !self.routers.contains_key(&config.id))
            .collect();
        let (owner, reaper, known) = (self.host.owner.as_str(), &self.reaper, (&self.own, &self.meters));
        let opened = in_parallel(&new, |config| -> Result<(Router, Result<()>)> {
            let mut router = Router::open(config, owner, known, &mut Vec::new())?;
            let cleaned = router.remove_unwanted(config, reaper);
            Ok((router, cleaned))
        });
        for (config, result) in new.into_iter().zip(opened) {
            let result = result.and_then(|(router, result)| {
                self.routers.insert(config.id, router);
                result
            });
            self.swept &= result.is_ok();
            note(&mut self.failed_routers, config.id, result);
        }
    }

    /// Fragments that could not even be opened have no state to audit: they are added again.
    fn retry_failed(&mut self, want: &HostConfig) {
        let missing_network = want.networks.keys().any(|id| !self.tenants.contains_key(id));
        let missing_router = want.routers.keys().any(|id| !self.routers.contains_key(id));
        if missing_network || missing_router || !self.failed_networks.is_empty() || !self.failed_routers.is_empty() {
            self.remove_unwanted(want);
            self.add_wanted(want);
        }
    }

    fn port_report(&self, network: NetworkId, port: &PortConfig) -> PortReport {
        let leg = |port: PortId| {
            let of = |router: &&Router| router.config.legs.iter().any(|leg| leg.port_id == port);
            match self.routers.values().find(of) {
                Some(router) => router.leg(port),
                None => Err("its router is not on this host, or could not be set up".into()),
            }
        };
        match self.tenants.get(&network) {
            Some(tenant) => match port.binding {
                PortBinding::Trunk(trunk) => match tenant.port_report(port, |port| self.trunks.leg(trunk, port)) {
                    PortReport::Up if !self.trunks.is_plugged(trunk) => PortReport::Down,
                    report => report,
                },
                _ => tenant.port_report(port, leg),
            },
            None => {
                let why = self.failed_networks.get(&network).cloned();
                PortReport::Failed(why.unwrap_or_else(|| "not set up yet".into()))
            }
        }
    }

    /// A router was worked on: its legs' ports are looked at again.
    fn touch_legs(tenants: &mut BTreeMap<NetworkId, Tenant>, config: &RouterConfig) {
        for leg in &config.legs {
            if let Some(tenant) = tenants.get_mut(&leg.network_id) {
                tenant.touch(leg.port_id);
            }
        }
    }

    /// Runs work for a network and keeps its failure for the report.
    fn note_network<T>(&mut self, id: NetworkId, work: impl FnOnce(&mut Self) -> Result<T>) -> Option<T> {
        let (value, result) = match work(self) {
            Ok(value) => (Some(value), Ok(())),
            Err(error) => (None, Err(error)),
        };
        note(&mut self.failed_networks, id, result);
        value
    }
}

/// Whether two fragments are one and the same value. An equal one elsewhere would only be looked at in vain.
fn same<T>(one: &Arc<T>, other: &Arc<T>) -> bool {
    Arc::ptr_eq(one, other)
}

/// Makes a map hold these pairs and nothing else. What is in it already stays where it is, so that a copy of the map goes
/// on sharing it. Whether anything changed.
fn update<K: Ord + Copy, V: PartialEq + Clone>(map: &mut OrdMap<K, V>, want: impl Iterator<Item = (K, V)>) -> bool {
    let mut changed = false;
    let mut keys = Vec::with_capacity(map.len());
    for (key, value) in want {
        keys.push(key);
        if map.get(&key) != Some(&value) {
            map.insert(key, value);
            changed = true;
        }
    }
    if map.len() != keys.len() {
        // Something is gone: rare, so all of them are gone through.
        let wanted: BTreeSet<K> = keys.into_iter().collect();
        let gone: Vec<K> = map.keys().filter(|key| !wanted.contains(*key)).copied().collect();
        gone.iter().for_each(|key| drop(map.remove(key)));
        changed = true;
    }
    changed
}

/// Keeps a fragment's failure for the report, and logs it once.
fn note<Id: Ord + Copy + std::fmt::Debug>(failed: &mut BTreeMap<Id, String>, id: Id, result: Result<()>) {
    match result {
        Ok(()) => {
            failed.remove(&id);
        }
        Err(error) => {
            let text = error.in_full();
            if failed.get(&id) != Some(&text) {
                tracing::warn!(fragment = ?id, error = text, "could not be made what it should be; tried again later");
            }
            failed.insert(id, text);
        }
    }
}

fn report_removal(result: Result<()>, what: &str, id: &impl std::fmt::Display) {
    if let Err(error) = result {
        tracing::warn!(fragment.id = %id, error = error.in_full(), "{what} could not be removed wholly");
    }
}
