//! Why somebody can't be reached: what becomes of a packet, worked out from what the hosts are told to be.
//!
//! [`walk()`] follows a [`Flow`]'s first packet, and the answer to it, over one host's [`crate::host::HostConfig`]: each step
//! as the data plane that `node` makes of it takes it. It says where both go, what lets them pass and what becomes of their
//! addresses, up to the first [`Obstacle`]. A caller that wants to know what else is in the way walks again and takes that one
//! as overcome ([`Assumptions`]).

mod flow;
mod walk;

pub use flow::{CLIENT_PORT, Flow, Icmp, Packet, Protocol, Start, protocol};
pub use walk::{
    Assumptions, Blocked, Difference, End, Event, Grant, Hop, NearRule, Neighbour, Obstacle, Place, RouteBy,
    Translation, Verdict, Walk, Way, walk,
};
