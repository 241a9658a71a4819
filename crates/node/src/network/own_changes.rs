//! Changes of rulesets that another part of this program makes beside the reconciler, which would take them for somebody
//! else's and load everything anew.
//!
//! All that is known of a ruleset from outside is its generation, a number that grows by one with each transaction. A
//! change is made on condition that the generation is a certain one, so the one after it is known to be ours; and the
//! reconciler, which finds another generation than it left, goes along these steps. Whoever else took a step in between
//! breaks the line.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use linux::nft::Generation;
use linux::{Error, Netns, NetnsId, Result};

/// Steps that are remembered. Those of namespaces that nobody looks at age.
const MOST: usize = 1024;
/// How often a change is tried while others change the same ruleset.
const TRIES: usize = 20;

/// Changes of rulesets by this program. Cloning it gives another handle to the same.
#[derive(Debug, Clone, Default)]
pub struct OwnChanges {
    steps: Arc<Mutex<VecDeque<Step>>>,
}

/// A change: the generation before and after it.
#[derive(Debug, Clone, Copy)]
struct Step {
    ns: NetnsId,
    before: u32,
    after: u32,
}

impl OwnChanges {
    /// Makes one change. `change` is to take effect only while the ruleset is of the given generation, and says whether it
    /// did; if not, it is tried again with the generation of then.
    ///
    /// # Errors
    /// What `change` gives; [`Error::Unavailable`] if others never stop changing the ruleset.
    pub fn make(&self, ns: &Netns, mut change: impl FnMut(u32) -> Result<bool>) -> Result<()> {
        let mut generation = Generation::open(ns)?;
        for _ in 0..TRIES {
            // Held meanwhile, so that nobody sees the change before it is known whose it is.
            let mut steps = self.lock();
            let before = generation.read()?;
            if !change(before)? {
                continue;
            }
            if steps.len() >= MOST {
                steps.pop_front();
            }
            steps.push_back(Step {
                ns: ns.id(),
                before,
                after: next(before),
            });
            return Ok(());
        }
        Err(Error::Unavailable {
            what: "a moment in which nobody changes the ruleset".into(),
            why: format!("others did so at each of {TRIES} tries"),
        })
    }

    /// The generation that our own changes lead to, from one that was seen, towards that of now. What was gone along is
    /// forgotten.
    pub(super) fn follow(&self, ns: NetnsId, seen: u32, now: u32) -> u32 {
        let mut steps = self.lock();
        let mut at = seen;
        while at != now {
            let step = steps.iter().position(|step| step.ns == ns && step.before == at);
            match step.and_then(|place| steps.remove(place)) {
                Some(step) => at = step.after,
                None => break,
            }
        }
        at
    }

    /// Forgets what was done in a namespace: it is looked at anew.
    pub(super) fn forget(&self, ns: NetnsId) {
        self.lock().retain(|step| step.ns != ns);
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Step>> {
        self.steps.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The kernel leaves out 0, which stands for any generation.
fn next(generation: u32) -> u32 {
    match generation.wrapping_add(1) {
        0 => 1,
        next => next,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes steps without a kernel.
    fn step(own: &OwnChanges, ns: NetnsId, before: u32) {
        let after = next(before);
        own.lock().push_back(Step { ns, before, after });
    }

    #[test]
    fn only_an_unbroken_line_of_our_own_steps_is_followed() {
        let own = OwnChanges::default();
        let (here, there) = (Netns::anonymous().unwrap(), Netns::anonymous().unwrap());
        step(&own, here.id(), 5);
        step(&own, there.id(), 7);
        step(&own, here.id(), 6);
        step(&own, here.id(), 9);
        assert_eq!(own.follow(here.id(), 5, 7), 7);
        assert_eq!(own.follow(here.id(), 7, 10), 7, "somebody else took 7 to 9");
        assert_eq!(own.follow(here.id(), 5, 7), 5, "each step counts once");
        own.forget(here.id());
        assert_eq!(own.follow(here.id(), 9, 10), 9);
        assert_eq!(own.follow(there.id(), 7, 8), 8);
        assert_eq!(next(u32::MAX), 1);
    }

    #[test]
    fn a_refused_change_is_tried_again_and_counts_only_when_made() {
        let own = OwnChanges::default();
        let ns = Netns::anonymous().unwrap();
        let mut tries = 0;
        let made = own.make(&ns, |_| {
            tries += 1;
            Ok(tries == 3)
        });
        assert!(made.is_ok());
        assert_eq!((tries, own.lock().len()), (3, 1));
        assert!(own.make(&ns, |_| Ok(false)).is_err());
        assert_eq!(own.lock().len(), 1);
    }

    #[test]
    fn the_reconciler_and_others_of_this_program_do_not_disturb_each_other() {
        use super::super::namespace::Namespace;
        use linux::trace::{Entry, Tracer};
        use std::sync::atomic::{AtomicBool, Ordering};

        let name = format!("marutest-own-{}", std::process::id());
        let own = OwnChanges::default();
        let (mut space, _) = Namespace::ensure(name.clone(), "nobody", &own).unwrap();
        let table = "add table ip t\ndelete table ip t\ntable ip t { set s { type ipv4_addr; }; }\n";
        space.load(None, |_| Ok(table.to_owned())).unwrap();
        let (ns, ends) = (space.ns.clone(), AtomicBool::new(false));
        let armed = std::thread::scope(|scope| {
            let other = scope.spawn(|| {
                let mut armed = 0;
                while !ends.load(Ordering::Relaxed) {
                    let mut tracer = Tracer::open(&ns, &format!("other_{armed}")).unwrap();
                    own.make(&ns, |now| tracer.arm(&[Entry::InetIn], &[], now)).unwrap();
                    armed += 1;
                }
                armed
            });
            for round in 0..200_u32 {
                let change = format!("add element ip t s {{ 10.0.0.{round} }}\n");
                space.load(Some(change), |_| panic!("loaded as a whole")).unwrap();
                assert!(!space.ruleset_changed().unwrap(), "round {round}");
            }
            ends.store(true, Ordering::Relaxed);
            other.join().unwrap()
        });
        assert!(armed > 5, "{armed}");
        assert!(!space.ruleset_changed().unwrap());
        linux::nft::Nft::open(&space.ns)
            .unwrap()
            .run("add table ip foreign")
            .unwrap();
        assert!(space.ruleset_changed().unwrap());
        Netns::delete(&name).unwrap();
    }
}
