//! The fate of a flow's first packet and of its answer, as a pure function over what the host is told to be.
//!
//! | module | what |
//! |---|---|
//! | `hop` | what a walk is made of: places, events, packets |
//! | `obstacle` | what can be in the way |

mod hop;
mod obstacle;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

pub use hop::{End, Event, Grant, Hop, Neighbour, Place, RouteBy, Translation, Verdict, Way};
pub use obstacle::{Difference, NearRule, Obstacle};

/// What a caller wants taken as given.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assumptions {
    /// Obstacles that are taken as overcome. One that leaves no way to go on (nobody has the address, no route) ends the
    /// walk all the same.
    pub overcome: BTreeSet<Obstacle>,
    /// Whether the host forwards packets between its links (`net.ipv4.ip_forward` and the like), which its configuration does
    /// not say. If not, [`Obstacle::HostForwarding`] is met where it would have to.
    pub host_forwards: bool,
}

/// Where a flow's first packet and its answer went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Walk {
    /// The steps of the first packet.
    pub request: Vec<Hop>,
    /// The steps of the answer; none if the first packet did not arrive.
    pub reply: Vec<Hop>,
    /// Where the first packet arrived, if it did.
    pub arrival: Option<End>,
    /// What stopped the one or the other first; `None` if the answer came back.
    pub blocked: Option<Blocked>,
}

/// What stopped a packet, and which one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Blocked {
    /// The first packet or its answer.
    pub way: Way,
    /// What stopped it.
    pub obstacle: Obstacle,
}

impl Walk {
    /// Whether the first packet arrived and the answer came back, with what was assumed.
    pub fn is_answered(&self) -> bool {
        self.blocked.is_none() && self.arrival.is_some()
    }

    /// The obstacles that were assumed to be overcome, in the order they were met.
    pub fn assumed(&self) -> impl Iterator<Item = (Way, &Obstacle)> {
        let request = self.request.iter().map(|hop| (Way::Request, hop));
        let hops = request.chain(self.reply.iter().map(|hop| (Way::Reply, hop)));
        hops.filter_map(|(way, hop)| match &hop.verdict {
            Verdict::Assumed(obstacle) => Some((way, obstacle)),
            Verdict::Passed | Verdict::Stopped(_) => None,
        })
    }
}
