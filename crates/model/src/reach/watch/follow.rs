//! Asks watched paths again as the cloud changes, and names the change that made an answer another one.
//!
//! A few changes are followed one by one. Of many that wait, the end is looked at first; what is another answer there is traced
//! by halving, so that the right change is named at the price of some more questions. An answer that changes and changes back
//! among many is not told.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::deed::{Deed, concerns};
use super::row::{ReachWatch, Reason};
use super::standing::{Standing, reader};
use crate::author::Author;
use crate::host::HostConfig;
use crate::plan::{Planner, Settings};
use crate::reach::ask::World;
use crate::{Actor, AnyRow, Change, Cloud, HostId, ReachWatchId, Scope, Timestamp, UserId};

/// So many changes are followed one by one.
const ONE_BY_ONE: usize = 8;

/// A transaction that was carried out.
#[derive(Clone)]
pub struct Done {
    /// On whose behalf.
    pub author: Arc<Author>,
    /// When.
    pub at: Timestamp,
    /// What it changed.
    pub changes: Vec<Change>,
}

/// What led from one state of the cloud to the next: a transaction, or several that can't be told apart any more.
#[derive(Clone)]
pub struct Step {
    /// How often the cloud had been published with it.
    pub number: u64,
    /// The cloud then.
    pub cloud: Cloud,
    /// The transactions, in order.
    pub done: Vec<Done>,
    /// How many more there were.
    pub more: u64,
    /// What those changed.
    pub more_changes: Vec<Change>,
}

impl Step {
    fn changes(&self) -> impl Iterator<Item = &Change> {
        let told = self.done.iter().flat_map(|done| &done.changes);
        told.chain(&self.more_changes)
    }

    fn at(&self) -> Timestamp {
        self.done.last().map_or(Timestamp::EPOCH, |done| done.at)
    }

    fn has(&self, is_meant: impl Fn(&AnyRow) -> bool) -> bool {
        let mut rows = self
            .changes()
            .filter_map(|change| change.after.as_ref().or(change.before.as_ref()));
        rows.any(is_meant)
    }

    fn changes_watches(&self) -> bool {
        self.has(|row| matches!(row, AnyRow::ReachWatch(_)))
    }

    /// Makes one of two steps that follow one another; of the transactions, at most `most` are kept apart.
    pub fn merge(&mut self, next: Self, most: usize) {
        (self.number, self.cloud) = (next.number, next.cloud);
        for done in next.done {
            if self.done.len() < most && self.more == 0 {
                self.done.push(done);
            } else {
                self.more += 1;
                self.more_changes.extend(done.changes);
            }
        }
        self.more += next.more;
        self.more_changes.extend(next.more_changes);
    }
}

/// The cloud, and what its host must look like because of it.
#[derive(Clone)]
pub struct Position {
    /// The cloud.
    pub cloud: Cloud,
    /// The host's document.
    pub config: HostConfig,
}

/// An answer that is new.
#[derive(Debug, Clone)]
pub struct Finding {
    /// The watched path.
    pub watch: ReachWatchId,
    /// Since when it holds.
    pub at: Timestamp,
    /// The answer before; `None`: nobody had asked.
    pub before: Option<Standing>,
    /// The answer.
    pub after: Standing,
    /// Why it is another one.
    pub reason: Reason,
}

/// Knows every watched path's answer.
pub struct Follower {
    host: HostId,
    settings: Settings,
    position: Position,
    /// Whether the host forwards IPv4, and IPv6.
    forwards: (bool, bool),
    known: BTreeMap<ReachWatchId, Standing>,
    findings: Vec<Finding>,
}

impl Follower {
    /// Asks every watched path; what was kept of it, and is not so any more, changed unseen. `forwards`: whether the host
    /// forwards IPv4, and IPv6.
    pub fn start(
        position: Position,
        (host, forwards): (HostId, (bool, bool)),
        settings: Settings,
        now: Timestamp,
    ) -> Self {
        let mut follower = Self {
            host,
            settings,
            position,
            forwards,
            known: BTreeMap::new(),
            findings: Vec::new(),
        };
        follower.adopt(now);
        follower
    }

    /// Whether nothing is watched any more.
    pub fn is_idle(&self) -> bool {
        self.position.cloud.reach_watches.is_empty()
    }

    /// What was found since it was last asked.
    pub fn take_findings(&mut self) -> Vec<Finding> {
        std::mem::take(&mut self.findings)
    }

    /// Follows the cloud.
    pub fn follow(&mut self, steps: &[Step]) {
        let ids = self.known.keys().copied().collect();
        self.settle(steps, &ids);
        if let Some(last) = steps.last().filter(|_| steps.iter().any(Step::changes_watches)) {
            self.adopt(last.at());
            let cloud = &self.position.cloud;
            self.known.retain(|id, _| cloud.reach_watches.contains(id));
        }
    }

    /// Whether the host forwards is no part of the cloud, so nobody of it is named: every path is asked again.
    pub fn set_forwards(&mut self, forwards: (bool, bool), now: Timestamp) {
        if self.forwards == forwards {
            return;
        }
        self.forwards = forwards;
        let ids: Vec<ReachWatchId> = self.known.keys().copied().collect();
        for id in ids {
            let Some(after) = self.look(id, now) else { continue };
            let before = self.known.insert(id, after.clone());
            if before.as_ref().is_none_or(|before| !before.is_same(&after)) {
                self.findings.push(Finding {
                    watch: id,
                    at: now,
                    before,
                    after,
                    reason: Reason::Unseen,
                });
            }
        }
    }

    /// Brings the answers of these paths over these steps.
    fn settle(&mut self, steps: &[Step], ids: &BTreeSet<ReachWatchId>) {
        if steps.len() <= ONE_BY_ONE {
            steps.iter().for_each(|step| self.take(step, ids));
            return;
        }
        let start = self.position.clone();
        self.advance(steps);
        if !steps.iter().any(|step| step.has(concerns)) {
            return;
        }
        let now = steps.last().map_or(Timestamp::EPOCH, Step::at);
        let is_other = |id: &&ReachWatchId| {
            let known = self.known.get(id);
            self.look(**id, now)
                .is_some_and(|found| known.is_none_or(|known| !known.is_same(&found)))
        };
        let changed: BTreeSet<ReachWatchId> = ids.iter().filter(is_other).copied().collect();
        if changed.is_empty() {
            return;
        }
        self.position = start;
        let (first, second) = steps.split_at(steps.len() / 2);
        self.settle(first, &changed);
        self.settle(second, &changed);
    }

    /// One step.
    fn take(&mut self, step: &Step, ids: &BTreeSet<ReachWatchId>) {
        let before = self.position.cloud.clone();
        self.advance(std::slice::from_ref(step));
        if step.changes_watches() {
            self.adopt(step.at());
        }
        if !step.has(concerns) {
            return;
        }
        for id in ids {
            let (Some(found), Some(known)) = (self.look(*id, step.at()), self.known.get(id)) else {
                continue;
            };
            if known.is_same(&found) {
                continue;
            }
            let reason = self.reason(step, &before, *id, (known, &found));
            self.findings.push(Finding {
                watch: *id,
                at: step.at(),
                before: Some(known.clone()),
                after: found.clone(),
                reason,
            });
            self.known.insert(*id, found);
        }
    }

    fn reason(&self, step: &Step, before: &Cloud, id: ReachWatchId, (known, found): (&Standing, &Standing)) -> Reason {
        let after = &self.position.cloud;
        let nobody = || Actor {
            user_id: UserId::from(""),
            user_domain_id: "".into(),
            scope: Scope::Unscoped,
            roles: BTreeSet::new(),
        };
        let watch = after.reach_watches.get(&id);
        let reader = watch.map_or_else(nobody, |watch| reader(after, watch));
        let related = known.related(found);
        let tell = |done: &Done| {
            let around = (before, after);
            Deed::tell((&done.author, done.at), &done.changes, around, &related, &reader)
        };
        match (step.done.as_slice(), step.more) {
            ([done], 0) => Reason::Change(tell(done)),
            (done, more) => {
                // Who changed nothing that matters did not do it.
                let candidates = done.iter().map(tell).filter(|deed| !deed.rows.is_empty());
                Reason::OneOf {
                    candidates: candidates.collect(),
                    more,
                }
            }
        }
    }

    /// Asks paths that are new.
    fn adopt(&mut self, now: Timestamp) {
        let rows = self.position.cloud.reach_watches.iter();
        let new: Vec<Arc<ReachWatch>> = rows.filter(|row| !self.known.contains_key(&row.id)).cloned().collect();
        for watch in new {
            let Some(after) = self.look(watch.id, now) else {
                continue;
            };
            self.known.insert(watch.id, after.clone());
            if watch.standing.as_ref().is_some_and(|kept| kept.is_same(&after)) {
                continue;
            }
            self.findings.push(Finding {
                watch: watch.id,
                at: now,
                before: watch.standing.clone(),
                after,
                reason: Reason::Unseen,
            });
        }
    }

    /// The answer as things are; `None`: the path is no more watched.
    fn look(&self, id: ReachWatchId, now: Timestamp) -> Option<Standing> {
        let Position { cloud, config } = &self.position;
        let watch = cloud.reach_watches.get(&id)?;
        let world = World {
            cloud,
            host: &self.host,
            config,
            settings: &self.settings,
            actor: &reader(cloud, watch),
            now,
            host_forwards: match watch.question.version(cloud) {
                6 => self.forwards.1,
                _ => self.forwards.0,
            },
        };
        Some(Standing::of(&world, watch))
    }

    /// Goes over steps without asking.
    fn advance(&mut self, steps: &[Step]) {
        let Some(last) = steps.last() else { return };
        let changes: Vec<Change> = steps.iter().flat_map(Step::changes).cloned().collect();
        let mut planner = Planner::resume(self.host.clone(), self.settings.clone(), self.position.config.clone());
        planner.update(&last.cloud, &changes);
        self.position = Position {
            cloud: last.cloud.clone(),
            config: planner.config().clone(),
        };
    }
}
