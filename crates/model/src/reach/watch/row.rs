//! What is kept of watched paths.

use serde::{Deserialize, Serialize};

use super::deed::Deed;
use super::standing::Standing;
use crate::cloud::{Lookups, Row};
use crate::reach::Question;
use crate::{Error, ProjectId, ReachTransitionId, ReachWatchId, Timestamp, UserId};

/// A path that somebody pinned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReachWatch {
    /// Its id.
    pub id: ReachWatchId,
    /// The project whose members see it.
    pub project_id: ProjectId,
    /// Who pinned it.
    pub user_id: UserId,
    /// Whether that was an administrator, who may ask about things of other projects.
    pub by_admin: bool,
    /// Its name, one of its project's.
    pub name: String,
    /// What is asked.
    pub question: Question,
    /// What the place it is asked from was called; empty if it is no thing of the cloud.
    pub from_name: String,
    /// What the target was called.
    pub to_name: String,
    /// When it was pinned.
    pub created_at: Timestamp,
    /// The answer; `None` until it was asked for the first time.
    #[serde(default)]
    pub standing: Option<Standing>,
    /// Since when that is the answer.
    #[serde(default)]
    pub since: Option<Timestamp>,
    /// The number of its newest transition; 0: there was none.
    #[serde(default)]
    pub last_seq: u64,
}

/// An answer that became another one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReachTransition {
    /// Its id: who hears of it twice knows it by that.
    pub id: ReachTransitionId,
    /// The watched path.
    pub watch_id: ReachWatchId,
    /// The path's project.
    pub project_id: ProjectId,
    /// Its number among the path's: 1 and up, without gaps.
    pub seq: u64,
    /// When the change that brought it was made; of one that nobody saw, when it was found.
    pub at: Timestamp,
    /// The answer before.
    pub from: Standing,
    /// The answer since.
    pub to: Standing,
    /// What brought it.
    pub reason: Reason,
    /// Whether the operator's webhook has still to be told.
    #[serde(default)]
    pub is_undelivered: bool,
}

/// Why an answer became another one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// This change.
    Change(Deed),
    /// One of these changes, or all of them: they came too fast to be looked at one by one.
    OneOf {
        /// Those that are known.
        candidates: Vec<Deed>,
        /// How many more there were.
        more: u64,
    },
    /// It changed while Maru did not run (or did not look).
    Unseen,
}

impl Row for ReachWatch {
    type Id = ReachWatchId;
    const KIND: &'static str = "reach_watch";
    crate::table!(ReachWatch, reach_watches);
    fn id(&self) -> ReachWatchId {
        self.id
    }
    fn not_found(id: &ReachWatchId) -> Error {
        Error::not_found("NotFound", format!("There is no watched path '{id}'."))
    }
    fn project(&self) -> Option<&ProjectId> {
        Some(&self.project_id)
    }
    fn index(&self, lookups: &mut Lookups, present: bool) {
        lookups
            .reach_watches_by_project
            .set(self.project_id.clone(), self.id, present);
    }
}

impl Row for ReachTransition {
    type Id = ReachTransitionId;
    const KIND: &'static str = "reach_transition";
    crate::table!(ReachTransition, reach_transitions);
    fn id(&self) -> ReachTransitionId {
        self.id
    }
    fn not_found(id: &ReachTransitionId) -> Error {
        Error::not_found("NotFound", format!("There is no transition '{id}'."))
    }
    fn index(&self, lookups: &mut Lookups, present: bool) {
        let by_watch = &mut lookups.reach_transitions_by_watch;
        by_watch.set(self.watch_id, (self.seq, self.id), present);
        let key = (self.at, self.id);
        match present && self.is_undelivered {
            true => drop(lookups.undelivered_transitions.insert(key)),
            false => drop(lookups.undelivered_transitions.remove(&key)),
        }
    }
}
