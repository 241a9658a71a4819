//! One look at a host: what was read of it so far, and what was found.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::fs;
use std::net::IpAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use ipnet::IpNet;
use linux::netlink::{Address, Link, Neighbour, Route, Rtnl};
use linux::{Mac, Netns, sysctl};
use model::FloatingIpId;
use model::host::HostConfig;
use model::reach::{Device, DeviceRole, Finding, HostObject, HostPlace as Place, Property, Scope, State};

use crate::network::names::{mark, network_namespace, router_namespace};

/// What orders packets where nobody asked for anything: what the kernel gives a device by itself.
const USUAL_DISCIPLINES: [&str; 8] = ["noqueue", "noop", "pfifo_fast", "pfifo", "fq_codel", "fq", "mq", "sfq"];
/// A port of a bridge that forwards, and one that does nothing (`BR_STATE_*` of linux/if_bridge.h).
const FORWARDING: u8 = 3;
const DISABLED: u8 = 0;
/// How long the kernel may take to tell a bridge of a port's carrier, and how often it is looked at meanwhile.
const SETTLES: Duration = Duration::from_millis(1200);
const BETWEEN: Duration = Duration::from_millis(50);

/// A namespace, read.
pub struct Space {
    pub place: Place,
    pub ns: Netns,
    pub links: Vec<Link>,
    pub addresses: Vec<Address>,
    pub routes: Vec<Route>,
    pub neighbours: Vec<Neighbour>,
}

impl Space {
    fn read(place: Place, ns: Netns) -> linux::Result<Self> {
        let mut nl = Rtnl::open(&ns)?;
        Ok(Self {
            place,
            links: nl.links()?,
            addresses: nl.addresses()?,
            routes: nl.routes()?,
            neighbours: nl.neighbours()?,
            ns,
        })
    }

    /// The link with a name.
    pub fn link(&self, name: &str) -> Option<&Link> {
        self.links.iter().find(|link| link.name == name)
    }

    /// The name of a link.
    pub fn name_of(&self, index: u32) -> String {
        let link = self.links.iter().find(|link| link.index == index);
        link.map_or_else(|| format!("device {index}"), |link| link.name.clone())
    }

    /// What a device is, for a finding.
    pub fn device(&self, name: &str, role: DeviceRole) -> Device {
        Device {
            place: self.place,
            name: name.to_owned(),
            role,
        }
    }
}

/// What a link should be; `None`: whatever it is.
#[derive(Default)]
pub struct Wanted<'a> {
    pub kind: &'a str,
    pub up: Option<bool>,
    pub mac: Option<Mac>,
    pub mtu: Option<u32>,
    /// The name of the bridge it is on.
    pub bridge: Option<&'a str>,
}

/// One look at a host.
pub struct Look<'a> {
    pub config: &'a HostConfig,
    /// What is looked at, with all that belongs to it.
    pub scope: Scope,
    pub findings: BTreeSet<Finding>,
    host: &'a Netns,
    owner: &'a str,
    spaces: BTreeMap<Place, Option<Rc<Space>>>,
    /// When ports of bridges have settled, once one was met that may not have.
    settled_by: Option<Instant>,
}

/// The name of a place's namespace; `None` for the host's own, and for those that others made.
pub fn name_of(place: Place) -> Option<String> {
    match place {
        Place::Network(id) => Some(network_namespace(id)),
        Place::Router(id) => Some(router_namespace(id)),
        Place::Host | Place::Attached(_) => None,
    }
}

impl<'a> Look<'a> {
    pub fn new(config: &'a HostConfig, scope: &Scope, host: &'a Netns, owner: &'a str) -> Self {
        Self {
            config,
            scope: scope.with_what_belongs(config),
            findings: BTreeSet::new(),
            host,
            owner,
            spaces: BTreeMap::new(),
            settled_by: None,
        }
    }

    /// Notes how a thing is.
    pub fn note(&mut self, object: HostObject, state: State) {
        self.findings.insert(Finding { object, state });
    }

    /// Notes a thing that is not what it should be.
    pub fn differs(&mut self, object: HostObject, want: impl Display, have: impl Display) {
        let (want, have) = (want.to_string(), have.to_string());
        self.note(object, State::Different { want, have });
    }

    /// Notes that a thing can't be looked at.
    pub fn unreadable(&mut self, object: HostObject, error: &linux::Error) {
        let cause = std::error::Error::source(error);
        let why = cause.map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}"));
        self.note(object, State::Unreadable(why));
    }

    /// A namespace as it was when it was first asked for; `None` if it is not there, which is noted.
    pub fn space(&mut self, place: Place) -> Option<Rc<Space>> {
        if let Some(known) = self.spaces.get(&place) {
            return known.clone();
        }
        let space = self.open(place).map(Rc::new);
        self.spaces.insert(place, space.clone());
        space
    }

    fn open(&mut self, place: Place) -> Option<Space> {
        let ns = match name_of(place) {
            None => self.host.clone(),
            Some(name) if !Netns::exists(&name) => {
                self.note(HostObject::Namespace(place), State::Missing);
                return None;
            }
            Some(name) => match Netns::open(&name) {
                Ok(ns) => ns,
                Err(error) => {
                    self.unreadable(HostObject::Namespace(place), &error);
                    return None;
                }
            },
        };
        let space = match Space::read(place, ns) {
            Ok(space) => space,
            Err(error) => {
                self.unreadable(HostObject::Namespace(place), &error);
                return None;
            }
        };
        self.is_ours(&space).then_some(space)
    }

    /// Whether a namespace is the one that this cloud made; else another has its name, and says nothing of ours.
    fn is_ours(&mut self, space: &Space) -> bool {
        if space.place == Place::Host {
            return true;
        }
        let alias = space.link("lo").and_then(|lo| lo.alias.clone());
        let want = mark(self.owner);
        if alias.as_deref() != Some(&want) {
            let have = alias.unwrap_or_else(|| "no mark".to_owned());
            self.differs(HostObject::Namespace(space.place), want, have);
            return false;
        }
        true
    }

    /// What a device of this cloud's own bears as its alias.
    pub fn mark(&self) -> String {
        mark(self.owner)
    }

    /// Compares a link with what it should be. `None` if it is not there, or is something else.
    pub fn check_link(&mut self, space: &Space, device: &Device, want: &Wanted<'_>) -> Option<Link> {
        let Some(link) = space.link(&device.name) else {
            self.note(HostObject::Device(device.clone()), State::Missing);
            return None;
        };
        let kind = link.kind.as_deref().unwrap_or("none");
        if !want.kind.is_empty() && kind != want.kind {
            self.property_differs(device, Property::Kind, want.kind, kind);
            return None;
        }
        if let Some(up) = want.up.filter(|up| *up != link.up) {
            self.property_differs(device, Property::Up, up_or_down(up), up_or_down(link.up));
        }
        if let Some(mac) = want.mac.filter(|mac| Some(*mac) != link.mac) {
            let have = link.mac.map_or_else(|| "none".to_owned(), |mac| mac.to_string());
            self.property_differs(device, Property::Mac, mac, have);
        }
        if let Some(mtu) = want.mtu.filter(|mtu| *mtu != link.mtu) {
            self.property_differs(device, Property::Mtu, mtu, link.mtu);
        }
        if let Some(bridge) = want.bridge {
            self.check_bridge(space, device, link, bridge);
        }
        Some(link.clone())
    }

    /// Whether a link is on its bridge, and passes frames there. Nothing is said where there is no such bridge.
    fn check_bridge(&mut self, space: &Space, device: &Device, link: &Link, bridge: &str) {
        let Some(bridge) = space.link(bridge) else { return };
        if link.master != Some(bridge.index) {
            let have = link
                .master
                .map_or_else(|| "none".to_owned(), |other| space.name_of(other));
            self.property_differs(device, Property::Bridge, &bridge.name, have);
            return;
        }
        let Some(mut on_bridge) = link.on_bridge else { return };
        // Without a carrier, or a bridge that is up, the kernel has it disabled.
        let is_live = bridge.up && link.up && link.carrier;
        if is_live && on_bridge.state == DISABLED {
            on_bridge.state = self.settled(space, link);
        }
        if is_live && on_bridge.state != FORWARDING {
            self.property_differs(
                device,
                Property::BridgePortState,
                "forwarding",
                state_name(on_bridge.state),
            );
        }
        let flags = [
            (Property::Isolated, false, on_bridge.isolated),
            (Property::Learning, true, on_bridge.learning),
            (Property::Flooding, true, on_bridge.unicast_flood),
        ];
        for (property, want, have) in flags.into_iter().filter(|(_, want, have)| want != have) {
            self.property_differs(device, property, on_or_off(want), on_or_off(have));
        }
    }

    /// The state of a port of a bridge that has just got its carrier, or lost it: the kernel tells its bridges of that up to
    /// a second later. One look waits for that once.
    fn settled(&mut self, space: &Space, link: &Link) -> u8 {
        let until = *self.settled_by.get_or_insert_with(|| Instant::now() + SETTLES);
        loop {
            let now = Rtnl::open(&space.ns)
                .and_then(|mut nl| nl.find_link(&link.name))
                .ok()
                .flatten();
            let Some(now) = now.filter(|now| now.up && now.carrier) else {
                return FORWARDING;
            };
            let state = now.on_bridge.map_or(DISABLED, |on_bridge| on_bridge.state);
            if state != DISABLED || Instant::now() >= until {
                return state;
            }
            std::thread::sleep(BETWEEN);
        }
    }

    /// Notes a property of a device that is not what it should be.
    pub fn property_differs(&mut self, device: &Device, property: Property, want: impl Display, have: impl Display) {
        let device = device.clone();
        self.differs(HostObject::Property { device, property }, want, have);
    }

    /// Notes what delays or drops the packets that leave a device, where nobody asked for any such thing.
    pub fn check_discipline(&mut self, device: &Device, link: &Link) {
        let kind = link.discipline.as_deref().unwrap_or("noqueue");
        if !USUAL_DISCIPLINES.contains(&kind) {
            self.property_differs(device, Property::Discipline, "none", kind);
        }
    }

    /// Compares the addresses of a device, and the routes that the kernel makes of them. `exclusive`: no others may be
    /// there. `floating` tells which of them are floating IPs.
    pub fn check_addresses(
        &mut self,
        space: &Space,
        (device, link): (&Device, &Link),
        want: &BTreeSet<IpNet>,
        exclusive: bool,
        floating: impl Fn(IpAddr) -> Option<FloatingIpId>,
    ) {
        let of_link = space.addresses.iter().filter(|address| address.link == link.index);
        let have: BTreeSet<IpNet> = of_link.map(|address| address.net).collect();
        let object = |net: &IpNet| HostObject::Address {
            device: device.clone(),
            address: *net,
            floating_ip: floating(net.addr()),
        };
        for net in want.difference(&have) {
            self.note(object(net), State::Missing);
        }
        let own = |net: &IpNet| matches!(net, IpNet::V6(v6) if v6.addr().is_unicast_link_local());
        for net in have.difference(want).filter(|net| exclusive && !own(net)) {
            self.note(object(net), State::Unwanted);
        }
        for net in want
            .intersection(&have)
            .filter(|net| net.prefix_len() < net.max_prefix_len())
        {
            // IPv6's comes with the carrier.
            if link.up && (link.carrier || net.addr().is_ipv4()) {
                self.check_connected(space, link, net.trunc());
            }
        }
    }

    /// Whether the kernel's own route to a device's prefix is there.
    fn check_connected(&mut self, space: &Space, link: &Link, destination: IpNet) {
        let is_it = |route: &&Route| {
            route.destination == destination && route.link == Some(link.index) && route.gateway.is_none()
        };
        if !space.routes.iter().any(|route| is_it(&route)) {
            let object = HostObject::Route {
                place: space.place,
                destination,
                nexthop: None,
                drops: false,
            };
            self.note(object, State::Missing);
        }
    }

    /// Compares settings of a namespace.
    pub fn check_settings(&mut self, space: &Space, want: &[(impl AsRef<str>, &str)]) {
        let keys: Vec<&str> = want.iter().map(|(key, _)| key.as_ref()).collect();
        let object = |key: &str| HostObject::Setting {
            place: space.place,
            key: key.to_owned(),
        };
        if let Ok(have) = sysctl::read_all(&space.ns, &keys) {
            for ((key, want), have) in want.iter().zip(have).filter(|((_, want), have)| have != want) {
                self.differs(object(key.as_ref()), want, have);
            }
            return;
        }
        // One of them can't be read: of a module that is not loaded, say.
        for (key, want) in want {
            match sysctl::read(&space.ns, key.as_ref()) {
                Ok(have) if have != *want => self.differs(object(key.as_ref()), want, have),
                Ok(_) => {}
                Err(error) if error.is_not_found() => self.note(object(key.as_ref()), State::Missing),
                Err(error) => self.unreadable(object(key.as_ref()), &error),
            }
        }
    }

    /// Notes neighbours of a device that somebody set by hand to something wrong. `right` tells an address' true owner.
    pub fn check_neighbours(
        &mut self,
        space: &Space,
        (device, link): (&Device, &Link),
        right: impl Fn(IpAddr) -> Option<Mac>,
    ) {
        let by_hand = space
            .neighbours
            .iter()
            .filter(|entry| entry.link == link.index && entry.permanent);
        for entry in by_hand.filter(|entry| entry.mac.is_none() || right(entry.address) != entry.mac) {
            let object = HostObject::Neighbour {
                device: device.clone(),
                address: entry.address,
            };
            let text = |mac: Option<Mac>| mac.map_or_else(|| "whoever answers".to_owned(), |mac| mac.to_string());
            self.differs(object, text(right(entry.address)), text(entry.mac));
        }
    }

    /// Tables of the kernel's that are full: then nothing new passes.
    pub fn check_tables(&mut self) {
        let read: Vec<Rc<Space>> = self.spaces.values().flatten().cloned().collect();
        for space in read {
            if let Some((entries, limit)) = flow_table(&space.ns)
                && is_full(entries, limit)
            {
                self.differs(
                    HostObject::FlowTable(space.place),
                    format!("fewer than {limit} flows"),
                    format!("{entries} flows"),
                );
            }
        }
        for (version, cache, family) in [(4, "arp_cache", "ipv4"), (6, "ndisc_cache", "ipv6")] {
            let Some((entries, limit)) = neighbour_table(cache, family) else {
                continue;
            };
            if is_full(entries, limit) {
                self.differs(
                    HostObject::NeighbourTable(version),
                    format!("fewer than {limit} neighbours"),
                    format!("{entries} neighbours"),
                );
            }
        }
    }
}

/// Whether nothing more has room. A limit of 0 is none.
pub fn is_full(entries: u64, limit: u64) -> bool {
    limit > 0 && entries >= limit
}

/// How many flows a namespace tracks, and how many it may; `None` where none are tracked.
pub fn flow_table(ns: &Netns) -> Option<(u64, u64)> {
    let keys = ["net/netfilter/nf_conntrack_count", "net/netfilter/nf_conntrack_max"];
    let values = sysctl::read_all(ns, &keys).ok()?;
    Some((values.first()?.parse().ok()?, values.get(1)?.parse().ok()?))
}

/// How many neighbours the machine knows, in all namespaces, and how many it may; `None` where the kernel does not tell, or has
/// never yet refused one: those that somebody set by hand are among them, and take no room.
fn neighbour_table(cache: &str, family: &str) -> Option<(u64, u64)> {
    let text = fs::read_to_string(format!("/proc/net/stat/{cache}")).ok()?;
    let (entries, refused) = neighbour_figures(&text)?;
    let limit = fs::read_to_string(format!("/proc/sys/net/{family}/neigh/default/gc_thresh3")).ok()?;
    Some((entries, limit.trim().parse().ok()?)).filter(|_| refused > 0)
}

/// Of a table's figures (`neigh_stat_seq_show` of net/core/neighbour.c, one line for each processor, in hexadecimal): how many
/// entries there are, which every line has, and how often one was refused since the machine was started.
fn neighbour_figures(text: &str) -> Option<(u64, u64)> {
    let mut lines = text.lines();
    let names: Vec<&str> = lines.next()?.split_whitespace().collect();
    let column = |name: &str| names.iter().position(|each| *each == name);
    let (entries, fulls) = (column("entries")?, column("table_fulls")?);
    let figures = |line: &str| {
        let number = |at: usize| u64::from_str_radix(line.split_whitespace().nth(at)?, 16).ok();
        Some((number(entries)?, number(fulls)?))
    };
    let read: Vec<(u64, u64)> = lines.map(figures).collect::<Option<_>>()?;
    let refused = read.iter().map(|(_, refused)| refused).sum();
    Some((read.first()?.0, refused))
}

pub fn up_or_down(up: bool) -> &'static str {
    if up { "up" } else { "down" }
}

fn on_or_off(on: bool) -> &'static str {
    if on { "on" } else { "off" }
}

fn state_name(state: u8) -> &'static str {
    match state {
        0 => "disabled",
        1 => "listening",
        2 => "learning",
        3 => "forwarding",
        4 => "blocking",
        _ => "unknown",
    }
}

#[cfg(test)]
mod tests {
    use super::{is_full, neighbour_figures};

    #[test]
    fn a_table_is_full_at_its_limit() {
        assert!(!is_full(262_143, 262_144));
        assert!(is_full(262_144, 262_144));
        assert!(!is_full(5, 0), "no limit");
    }

    #[test]
    fn neighbours_that_were_refused_are_counted() {
        let text = "entries  allocs   destroys forced_gc_runs table_fulls\n\
                    00000802 00006767 0000658f 00000000       00000000   \n\
                    00000802 00005689 000057de 00000002       0000000a   \n";
        assert_eq!(neighbour_figures(text), Some((0x802, 10)));
        assert_eq!(
            neighbour_figures(&text.replace("0000000a", "00000000")),
            Some((0x802, 0))
        );
        assert_eq!(neighbour_figures("entries allocs\n00000001 00000001\n"), None);
        assert_eq!(neighbour_figures(""), None);
    }
}
