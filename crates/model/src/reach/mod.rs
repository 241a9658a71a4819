//! Why somebody can't be reached: what becomes of a packet, worked out from what the hosts are told to be.
//!
//! [`walk()`] follows a [`Flow`]'s first packet, and the answer to it, over one host's [`crate::host::HostConfig`]: each step
//! as the data plane that `node` makes of it takes it. It says where both go, what lets them pass and what becomes of their
//! addresses, up to the first [`Obstacle`]. A caller that wants to know what else is in the way walks again and takes that one
//! as overcome ([`Assumptions`]).

mod ask;
#[cfg(test)]
mod ask_tests;
mod cause;
mod fix;
mod flow;
pub mod look;
mod mend;
pub mod names;
mod observed;
pub mod probe;
mod programmed;
mod question;
mod walk;
pub mod watch;
pub mod words;

pub use ask::{Answer, Blocker, World, ask, first_cause};
pub use cause::{Cause, Code, Owner, ServerState};
pub use fix::{Fix, NewRule, Request, Start as PowerOn};
pub use flow::{CLIENT_PORT, Flow, Icmp, Packet, Protocol, Start, protocol};
pub use observed::{
    Asked, ConsoleSign, DeviceFigures, DhcpExchange, DhcpStep, DropFigures, FdbSeen, FlowSeen, ForwardingAnswer,
    GuestKeys, GuestRecords, HostInspector, MetadataRequest, NeighbourSeen, NeighbourState, ObservationAnswer,
    Observed, ProgrammedAnswer, SignKind, TableFill,
};
pub use programmed::{
    Device, DeviceRole, Finding, HostObject, Inspection, Place as HostPlace, Property, RuleOwner, Scope, Service,
    State, TableName,
};
pub use question::{Lack, Origin, Question, Target, Which};
pub use walk::{
    Assumptions, Blocked, Difference, End, Event, Grant, Hop, NearRule, Neighbour, Obstacle, Place, RouteBy,
    Translation, Verdict, Walk, Way, walk,
};
