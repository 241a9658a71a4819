//! What a probe's packets meet in the rulesets of the namespaces on their way.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::os::fd::{AsFd, BorrowedFd};

use linux::trace::{Entry, Event, Family, Step, Tracer, Verdict};
use linux::{Netns, Result};
use model::reach::probe::{ChainPoint, Place, Rule, TraceStep};

use super::question::{Question, Seen, destination};
use crate::network::own_changes::OwnChanges;

/// Events that are looked at; more would be somebody else's.
const MOST: usize = 2000;

/// A chain that the kernel had a packet enter, and those it led on to.
#[derive(Debug, Clone)]
pub(super) struct Visit {
    pub place: Place,
    pub seen: Seen,
    /// Which time it is that a packet of this kind comes into the namespace, from 1 on.
    pub pass: usize,
    /// Indexes of the links it came from and is to leave by, where the hook knows them.
    pub from: Option<u32>,
    pub to: Option<u32>,
    /// Where it goes, as it is now.
    pub destination: Option<IpAddr>,
    /// What was said of it; empty for a table of our own.
    pub steps: Vec<TraceStep>,
}

impl Visit {
    /// The rule or policy that dropped the packet.
    pub fn dropped(&self) -> Option<&ChainPoint> {
        self.steps
            .last()
            .filter(|step| step.verdict == "drop")
            .map(|step| &step.at)
    }
}

/// Follows a probe's packets until it is dropped.
#[derive(Debug)]
pub(super) struct Follower {
    tracers: Vec<(Place, Tracer)>,
    /// Packets that are known, by the tracer and the kernel's number.
    packets: BTreeMap<(usize, u32), Seen>,
    /// Where in `visits` the last one of a packet is.
    last: BTreeMap<(usize, u32), usize>,
    visits: Vec<Visit>,
    passes: BTreeMap<(Place, Seen), usize>,
    /// What was seen of the first packet; later ones add nothing to it.
    closed: BTreeSet<(Place, Seen)>,
    events: usize,
}

impl Follower {
    /// Begins to follow in these namespaces.
    pub(super) fn open(places: &BTreeMap<Place, Netns>, question: &Question, own: &OwnChanges) -> Result<Self> {
        let table = format!("maru_trace_{:08x}", question.token);
        let picks = question.picks();
        let mut tracers = Vec::new();
        for (place, ns) in places {
            let mut tracer = Tracer::open(ns, &table)?;
            own.make(ns, |generation| tracer.arm(entries(*place), &picks, generation))?;
            tracers.push((*place, tracer));
        }
        Ok(Self {
            tracers,
            packets: BTreeMap::new(),
            last: BTreeMap::new(),
            visits: Vec::new(),
            passes: BTreeMap::new(),
            closed: BTreeSet::new(),
            events: 0,
        })
    }

    /// What there is to wait for.
    pub(super) fn descriptors(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        self.tracers.iter().map(|(_, tracer)| tracer.as_fd())
    }

    /// Takes what the kernel told so far.
    pub(super) fn take(&mut self, question: &Question) -> Result<()> {
        for at in 0..self.tracers.len() {
            for event in self.tracers[at].1.take()? {
                self.events += 1;
                if self.events <= MOST {
                    self.note(at, event, question);
                }
            }
        }
        Ok(())
    }

    /// The next packet is sent: it adds nothing where one was seen already.
    pub(super) fn close(&mut self) {
        self.closed
            .extend(self.visits.iter().map(|visit| (visit.place, visit.seen)));
    }

    fn note(&mut self, at: usize, event: Event, question: &Question) {
        let key = (at, event.packet);
        let place = self.tracers[at].0;
        let ours = event.table == self.tracers[at].1.table();
        if let Some(look) = &event.look {
            let seen = match self.packets.get(&key) {
                _ if ours => question.of_look(look),
                None => question.of_copy(look),
                known => known.copied(),
            };
            self.last.remove(&key);
            let Some(seen) = seen.filter(|seen| !self.closed.contains(&(place, *seen))) else {
                self.packets.remove(&key);
                return;
            };
            self.packets.insert(key, seen);
            let pass = self.passes.entry((place, seen)).or_default();
            if *pass == 0 || (ours && begins(event.family, &event.chain)) {
                *pass += 1;
            }
            self.last.insert(key, self.visits.len());
            self.visits.push(Visit {
                place,
                seen,
                pass: *pass,
                from: look.from,
                to: look.to,
                destination: destination(look),
                steps: Vec::new(),
            });
        }
        if let (false, Some(visit)) = (ours, self.last.get(&key)) {
            self.visits[*visit].steps.extend(step(place, event));
        }
    }

    /// What packets of a kind met, in the order of this path.
    pub(super) fn along(&self, path: &[Place], seen: Seen) -> Vec<&Visit> {
        let mut found = Vec::new();
        for (at, place) in path.iter().enumerate() {
            let pass = path[..=at].iter().filter(|other| *other == place).count();
            let is_last = !path[at + 1..].contains(place);
            let here = |visit: &&Visit| {
                visit.place == *place && visit.seen == seen && (visit.pass == pass || (is_last && visit.pass > pass))
            };
            found.extend(self.visits.iter().filter(here));
        }
        found
    }
}

/// The kernel takes some ten milliseconds to take a table away, in each namespace by itself.
impl Drop for Follower {
    fn drop(&mut self) {
        std::thread::scope(|scope| {
            for tracer in self.tracers.drain(..) {
                scope.spawn(move || drop(tracer));
            }
        });
    }
}

/// Where packets come into a namespace. In a network's they come by the bridge, which shows them to the IP families.
fn entries(place: Place) -> &'static [Entry] {
    match place {
        Place::Host | Place::Router(_) => &[Entry::InetIn, Entry::InetOut],
        Place::Network(_) => &[Entry::BridgeIn, Entry::BridgeOut, Entry::InetOut],
    }
}

/// Whether a chain of ours is where a packet comes in, and not one that it meets later as well.
fn begins(family: Family, chain: &str) -> bool {
    family != Family::Bridge || chain == "in"
}

fn step(place: Place, event: Event) -> Option<TraceStep> {
    let verdict = match event.verdict {
        Verdict::Accept => "accept".to_owned(),
        Verdict::Drop => "drop".to_owned(),
        // A rule that only counts or marks is worth telling of, the end of a chain is not.
        Verdict::Continue | Verdict::Break if event.step == Step::End => return None,
        Verdict::Continue => "continue".to_owned(),
        Verdict::Break => "break".to_owned(),
        Verdict::Jump(chain) => format!("jump {chain}"),
        Verdict::Goto(chain) => format!("goto {chain}"),
        Verdict::Return => "return".to_owned(),
        Verdict::Other(number) => format!("verdict {number}"),
    };
    let rule = match event.step {
        Step::Rule(handle) => Some(Rule { handle, text: None }),
        Step::End | Step::Return | Step::Policy => None,
    };
    let at = ChainPoint {
        family: event.family.word().to_owned(),
        table: event.table,
        chain: event.chain,
        rule,
    };
    Some(TraceStep { place, at, verdict })
}

#[cfg(test)]
mod tests {
    use model::{NetworkId, RouterId};
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_namespace_that_is_crossed_twice_has_its_turn_twice() {
        let network = Place::Network(NetworkId(Uuid::from_u128(1)));
        let router = Place::Router(RouterId(Uuid::from_u128(2)));
        let visit = |place, pass, to| Visit {
            place,
            seen: Seen::Request,
            pass,
            from: None,
            to: Some(to),
            destination: None,
            steps: Vec::new(),
        };
        // As the kernel's words come in: each namespace by itself.
        let visits = vec![
            visit(network, 1, 1),
            visit(network, 2, 3),
            visit(network, 3, 4),
            visit(router, 1, 2),
        ];
        let follower = Follower {
            tracers: Vec::new(),
            packets: BTreeMap::new(),
            last: BTreeMap::new(),
            visits,
            passes: BTreeMap::new(),
            closed: BTreeSet::new(),
            events: 0,
        };
        let order = |path: &[Place]| -> Vec<_> { follower.along(path, Seen::Request).iter().map(|v| v.to).collect() };
        assert_eq!(order(&[network, router, network]), [Some(1), Some(2), Some(3), Some(4)]);
        assert_eq!(order(&[router, network]), [Some(2), Some(1), Some(3), Some(4)]);
        assert_eq!(order(&[router]), [Some(2)]);
        assert!(follower.along(&[network], Seen::Answer).is_empty());
    }
}
