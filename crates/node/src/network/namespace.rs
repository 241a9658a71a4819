//! A namespace that belongs to this cloud: handle, links socket, ruleset.

use std::collections::BTreeSet;

use ipnet::IpNet;
use linux::netlink::{AddressFlags, Link, LinkChange, Monitor, News, Rtnl};
use linux::nft::{Generation, Nft};
use linux::{Netns, sysctl};

use super::error::{Doing, Error, Result};
use super::names::mark;
use super::own_changes::OwnChanges;

/// Index of the loopback device, the same in every namespace.
const LOOPBACK: u32 = 1;

/// A namespace of ours, open.
#[derive(Debug)]
pub struct Namespace {
    /// Its name below `/run/netns`.
    pub name: String,
    /// The namespace.
    pub ns: Netns,
    /// Links, addresses and routes in it.
    pub nl: Rtnl,
    /// Tells what others do to them.
    pub monitor: Monitor,
    firewall: Firewall,
    settings: Option<sysctl::Held>,
}

/// What is known of the namespace's ruleset.
#[derive(Debug)]
struct Firewall {
    /// Whether what we loaded last is what there is, as far as we know.
    known: bool,
    generation: Generation,
    /// The generation after we loaded it.
    seen: u32,
    /// What other parts of the program do to it.
    own: OwnChanges,
}

impl Namespace {
    /// Opens the namespace, making it if there is none. True if it was made.
    ///
    /// A new one gets its name only once it carries this cloud's mark: a crash in between leaves nothing.
    pub fn ensure(name: String, owner: &str, own: &OwnChanges) -> Result<(Self, bool)> {
        let doing = || format!("set up network namespace {name}");
        if Netns::exists(&name) {
            let ns = Netns::open(&name).doing(doing)?;
            let mut space = Self::of(name.clone(), ns, own)?;
            return match space.owner()? {
                Some(found) if found != mark(owner) => Err(Error::Foreign {
                    what: format!("network namespace {name}"),
                    owner: found,
                }),
                // Made by hand with our name and still without a mark: it is wanted, so it becomes ours.
                Some(_) => Ok((space, false)),
                None => space.marked(owner).map(|space| (space, false)),
            };
        }
        let space = Self::of(name.clone(), Netns::anonymous().doing(doing)?, own)?.marked(owner)?;
        space.ns.remount(&name).doing(doing)?;
        Ok((space, true))
    }

    /// Opens a namespace if it exists and carries this cloud's mark.
    pub fn find(name: &str, owner: &str) -> Result<Option<Self>> {
        if !Netns::exists(name) {
            return Ok(None);
        }
        let ns = Netns::open(name).doing(|| format!("open network namespace {name}"))?;
        let mut space = Self::of(name.to_owned(), ns, &OwnChanges::default())?;
        Ok((space.owner()? == Some(mark(owner))).then_some(space))
    }

    fn of(name: String, ns: Netns, own: &OwnChanges) -> Result<Self> {
        let doing = || format!("open the sockets of network namespace {name}");
        let open = || linux::Result::Ok((Monitor::here(true)?, Rtnl::here()?, Generation::here()?));
        let (monitor, nl, generation) = ns.run(open).and_then(|opened| opened).doing(doing)?;
        own.forget(ns.id());
        Ok(Self {
            name,
            ns,
            nl,
            monitor,
            firewall: Firewall {
                known: false,
                generation,
                seen: 0,
                own: own.clone(),
            },
            settings: None,
        })
    }

    fn owner(&mut self) -> Result<Option<String>> {
        let loopback = self
            .nl
            .link("lo")
            .doing(|| format!("read whose network namespace {} is", self.name))?;
        Ok(loopback.alias)
    }

    fn marked(mut self, owner: &str) -> Result<Self> {
        let mark = mark(owner);
        let change = LinkChange {
            alias: Some(&mark),
            up: Some(true),
            ..LinkChange::default()
        };
        self.nl
            .change_link(LOOPBACK, &change)
            .doing(|| format!("mark network namespace {}", self.name))?;
        Ok(self)
    }

    /// Makes the ruleset what is wanted: by `difference` to what was loaded last if that is known, or else as a whole. That
    /// may look at what there is.
    pub fn load(
        &mut self,
        difference: Option<String>,
        whole: impl FnOnce(&Nft) -> linux::Result<String>,
    ) -> Result<()> {
        let doing = || format!("load the ruleset of {}", self.name);
        let difference = difference.filter(|_| self.firewall.known);
        if difference.as_deref() == Some("") {
            return Ok(());
        }
        let nft = Nft::open(&self.ns).doing(doing)?;
        let by_parts = difference.map(|text| nft.run(&text));
        if let Some(Err(error)) = &by_parts {
            tracing::warn!(netns.name = self.name, %error, "could not change the ruleset in parts; loading it as a whole");
        }
        if !matches!(by_parts, Some(Ok(_))) {
            self.firewall.known = false;
            let whole = whole(&nft).doing(doing)?;
            nft.run(&whole).doing(doing)?;
        }
        self.firewall.known = true;
        self.firewall.seen = self.firewall.generation.read().doing(doing)?;
        Ok(())
    }

    /// Whether somebody else changed the ruleset since we loaded it, other parts of this program aside. If so, it counts as
    /// unknown.
    pub fn ruleset_changed(&mut self) -> Result<bool> {
        if !self.firewall.known {
            return Ok(true);
        }
        let now = self
            .firewall
            .generation
            .read()
            .doing(|| format!("look at the ruleset of {}", self.name))?;
        if now != self.firewall.seen {
            self.firewall.seen = self.firewall.own.follow(self.ns.id(), self.firewall.seen, now);
        }
        self.firewall.known = now == self.firewall.seen;
        Ok(!self.firewall.known)
    }

    /// What happened in it since the last look. If that can't be read, anything may have.
    pub fn look(&mut self) -> News {
        look(&mut self.monitor)
    }

    /// Gives the namespace its name back if a person took it away. True if that was needed.
    pub fn keep_name(&self) -> Result<bool> {
        if Netns::id_of(&self.name) == Some(self.ns.id()) {
            return Ok(false);
        }
        self.ns
            .remount(&self.name)
            .doing(|| format!("mount network namespace {} again", self.name))?;
        Ok(true)
    }

    /// Makes the namespace's settings those of `want`. Returns the keys of those that were not.
    pub fn keep_settings(&mut self, want: &[(&'static str, &'static str)]) -> Result<Vec<&'static str>> {
        let doing = || format!("set up network namespace {}", self.name);
        let held = match self.settings.take() {
            Some(held) => held,
            None => {
                let keys: Vec<&str> = want.iter().map(|(key, _)| *key).collect();
                sysctl::Held::open(&self.ns, &keys).doing(doing)?
            }
        };
        let have = held.read().doing(doing)?;
        self.settings = Some(held);
        let differ: Vec<_> = want
            .iter()
            .zip(have)
            .filter(|((_, want), have)| have != want)
            .map(|(w, _)| *w)
            .collect();
        if !differ.is_empty() {
            sysctl::write(&self.ns, &differ).doing(doing)?;
        }
        Ok(differ.into_iter().map(|(key, _)| key).collect())
    }

    /// Repairs the namespace's settings; sentences on those that were not `want` go into `done`.
    pub fn audit_settings(&mut self, want: &[(&'static str, &'static str)], done: &mut Vec<String>) -> Result<()> {
        let wrong = self.keep_settings(want)?;
        done.extend(wrong.iter().map(|key| format!("{key} was changed in {}", self.name)));
        Ok(())
    }

    /// Makes the addresses of a link those of `want`. Link-local IPv6 addresses that the kernel made stay.
    /// Returns the addresses that were added and those that were taken away.
    pub fn set_addresses(&mut self, link: u32, want: &BTreeSet<IpNet>) -> Result<(Vec<IpNet>, Vec<IpNet>)> {
        let doing = || format!("set the addresses of link {link} in {}", self.name);
        let listed = self.nl.addresses().doing(doing)?;
        let have: BTreeSet<IpNet> = listed.iter().filter(|a| a.link == link).map(|a| a.net).collect();
        let gone: Vec<IpNet> = have
            .difference(want)
            .filter(|net| !is_kernel_made(net))
            .copied()
            .collect();
        let new: Vec<IpNet> = want.difference(&have).copied().collect();
        for net in &gone {
            self.nl.delete_address(link, *net).doing(doing)?;
        }
        for net in &new {
            ensure_address(&mut self.nl, &self.ns, link, *net).doing(doing)?;
        }
        Ok((new, gone))
    }

    /// The link with a name, if there is one.
    pub fn find_link(&mut self, name: &str) -> Result<Option<Link>> {
        self.nl
            .find_link(name)
            .doing(|| format!("look for {name} in {}", self.name))
    }
}

/// Gives a device an address, which is usable at once. An IPv6 address switches the device's IPv6 on, should somebody have
/// switched it off, or if the device is new and this the namespace's default.
pub fn ensure_address(nl: &mut Rtnl, ns: &Netns, link: u32, net: IpNet) -> linux::Result<()> {
    let flags = AddressFlags {
        no_dad: true,
        no_prefix_route: false,
    };
    let added = nl.ensure_address(link, net, flags).map(drop);
    if added.is_ok() || net.addr().is_ipv4() {
        return added;
    }
    let links = nl.links()?;
    let Some(device) = links.iter().find(|device| device.index == link) else {
        return added;
    };
    let key = format!("net/ipv6/conf/{}/disable_ipv6", device.name);
    sysctl::write(ns, &[(&key, "0")])?;
    nl.ensure_address(link, net, flags).map(drop)
}

/// What happened since the last look, or that anything may have.
pub fn look(monitor: &mut Monitor) -> News {
    monitor.look().unwrap_or_else(|error| {
        tracing::warn!(%error, "cannot be told what changed; looking at everything");
        News {
            more: true,
            ..News::default()
        }
    })
}

/// An address below fe80::/64, which the kernel gives every link.
fn is_kernel_made(net: &IpNet) -> bool {
    matches!(net, IpNet::V6(v6) if v6.addr().segments()[..4] == [0xfe80, 0, 0, 0] && v6.prefix_len() == 64)
}
