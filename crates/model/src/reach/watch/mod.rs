//! Watched paths: questions that are asked again after each change that may concern them. When the answer becomes another one,
//! that is a transition, and it is kept with the change that brought it: who made it, by which request, and what it changed.
//!
//! ```text
//!  Step (one transaction: the cloud after it, its changes, its author)
//!    └─► Follower: asks what the step may concern ─► Finding (before, after, why) ─record─► ReachWatch, ReachTransition
//! ```
//!
//! Nothing here looks at a host: a verdict is worked out from the rows, as by [`super::ask`].

mod deed;
mod follow;
mod row;
mod rules;
mod show;
mod standing;
#[cfg(test)]
mod tests;
mod words;

pub use deed::{Action, Deed, FieldChange, RowChange};
pub use follow::{Done, Finding, Follower, Position, Step};
pub use row::{ReachTransition, ReachWatch, Reason};
pub use rules::{
    MOST_TRANSITIONS, MOST_WATCHES, WatchSpec, create, delete, delivered, find, in_order, record, remove_of_project,
};
pub use show::{show_transition, show_watch};
pub use standing::{SeenCause, SeenObject, Standing, State};
