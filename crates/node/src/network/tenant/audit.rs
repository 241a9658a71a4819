//! What others did to a network on this host: found out and mended.

use std::ops::Bound;
use std::sync::Arc;

use linux::netlink::Link;
use model::PortId;
use model::host::{NetworkConfig, PortBinding, PortConfig};

use super::super::error::Result;
use super::super::names::{BRIDGE, TRUNK_DEVICE, beside_ifb, first_port_of, tap_device};
use super::super::reaper::Reaper;
use super::super::shape;
use super::{SETTINGS, Tenant, mac_of_bridge};

/// How many ports are looked at in one go, whatever the kernel told: more would hold up the changes that wait.
const PIECE: usize = 32;

/// How much of a network is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// The bridge, and the ports that changed or failed.
    Changes,
    /// The next ports as well, all of them in turn; where a round begins, also whether there are others than ours.
    Next,
    /// All ports at once.
    All,
}

/// What is to be thought of a change.
enum Judgement {
    /// It led to what is wanted.
    AsItShouldBe,
    /// It did not, or may not have.
    Disturbed,
    /// A tap is, or is no longer, held by a process.
    Carrier(PortId),
    /// It took the bridge's end of a router's or trunk's leg away.
    LooseLeg(PortId),
    /// It concerns a trunk's end beside a tap.
    Trunk,
}

impl Tenant {
    /// Looks at the namespace's settings.
    pub fn audit_settings(&mut self, done: &mut Vec<String>) -> Result<()> {
        self.space.audit_settings(&SETTINGS, done)
    }

    /// In how many audits the next ports have their turn ([`Depth::Next`]), if all are to have had it after `round` audits.
    pub fn turn_every(&self, round: u32) -> u32 {
        let pieces = self.config.ports.len().div_ceil(PIECE).max(1);
        (round / u32::try_from(pieces).unwrap_or(u32::MAX)).max(1)
    }

    /// The next ports of the round.
    pub(super) fn next_ports(&mut self, want: &NetworkConfig) -> Vec<PortId> {
        let after = self.looked_up_to.map_or(Bound::Unbounded, Bound::Excluded);
        let mut rest = want.ports.range((after, Bound::Unbounded)).map(|(id, _)| *id);
        let next: Vec<PortId> = rest.by_ref().take(PIECE).collect();
        let ends = rest.next().is_none();
        self.looked_up_to = next.last().copied().filter(|_| !ends);
        next
    }

    /// Repairs what others did; sentences on what was wrong go into `done`. Looks at what the kernel told, which is all
    /// that people can do to links, addresses and rules, at what `depth` says, and at everything if it can't be told from
    /// that whether all is well. Returns the routers' and trunks' ports whose end here is not as it should be.
    pub fn audit(&mut self, reaper: &Reaper, depth: Depth, done: &mut Vec<String>) -> Result<Vec<PortId>> {
        if self.space.keep_name()? {
            done.push(format!("the name of network namespace {} was gone", self.space.name));
        }
        if self.space.ruleset_changed()? {
            self.ruled = None;
            done.push(format!("somebody changed the ruleset of {}", self.space.name));
        }
        let mut legs = Vec::new();
        let news = self.space.look();
        self.disturbed |= news.more;
        for (name, link) in &news.links {
            match self.judge(name, link.as_ref(), reaper) {
                Judgement::AsItShouldBe => {}
                Judgement::Disturbed => {
                    // The word may be older than what is: of a port on its way out, say.
                    let now = self.space.find_link(name)?;
                    self.disturbed |= matches!(self.judge(name, now.as_ref(), reaper), Judgement::Disturbed);
                }
                Judgement::LooseLeg(port) => legs.push(port),
                Judgement::Trunk => self.trunk_news = true,
                Judgement::Carrier(port) => {
                    // The word may be older than what we know.
                    if let Some(link) = self.space.find_link(name)? {
                        self.note_carrier(port, link.carrier);
                    }
                }
            }
        }
        let want = Arc::clone(&self.config);
        let depth = if self.disturbed { Depth::All } else { depth };
        if depth != Depth::Changes {
            tracing::debug!(network.id = %self.config.id, ?depth, told = news.more, "Looks through network {}", self.config.id);
        }
        if depth != Depth::Changes || self.ruled.is_none() || !self.failed.is_empty() {
            self.ensure(&want, reaper, depth, done)?;
            self.disturbed &= depth != Depth::All;
        }
        Ok(legs)
    }

    /// What is to be thought of a link that somebody made, changed or deleted. What we did ourselves is told as well, and
    /// must not cost a look at the whole network.
    fn judge(&self, name: &str, link: Option<&Link>, reaper: &Reaper) -> Judgement {
        let well = |well: bool| match well {
            true => Judgement::AsItShouldBe,
            false => Judgement::Disturbed,
        };
        let want = &self.config;
        if name == "lo" {
            return Judgement::AsItShouldBe;
        }
        if name == BRIDGE {
            let mac = Some(mac_of_bridge(want));
            return well(link.is_some_and(|l| l.index == self.bridge && l.mac == mac && l.mtu == want.mtu && l.up));
        }
        if let Some(device) = beside_ifb(name) {
            let limited = self
                .port_of(&device)
                .is_some_and(|port| shape::limits(port).1.is_some());
            return well(limited == link.is_some() || reaper.is_about_to_delete(name));
        }
        if name.starts_with(TRUNK_DEVICE) {
            return Judgement::Trunk;
        }
        let Some(port) = self.port_of(name) else {
            return well(link.is_none() || reaper.is_about_to_delete(name));
        };
        let on_bridge = link.filter(|l| l.master == Some(self.bridge));
        match &port.binding {
            PortBinding::Server(_) => match on_bridge {
                Some(l) if l.mtu == want.mtu && l.up == port.admin_state_up => {
                    if l.carrier == self.plugged.contains(&port.id) {
                        Judgement::AsItShouldBe
                    } else {
                        Judgement::Carrier(port.id)
                    }
                }
                _ => Judgement::Disturbed,
            },
            PortBinding::Namespace { .. } => well(on_bridge.is_some_and(|l| l.up == port.admin_state_up)),
            PortBinding::Router(_) if on_bridge.is_some_and(|l| l.up) => Judgement::AsItShouldBe,
            PortBinding::Trunk(_) if on_bridge.is_some_and(|l| l.mtu == want.mtu && l.up == port.admin_state_up) => {
                Judgement::AsItShouldBe
            }
            PortBinding::Router(_) | PortBinding::Trunk(_) => Judgement::LooseLeg(port.id),
        }
    }

    fn port_of(&self, device: &str) -> Option<&Arc<PortConfig>> {
        let (id, port) = self.config.ports.range(first_port_of(device)?..).next()?;
        (tap_device(*id) == device).then_some(port)
    }
}
