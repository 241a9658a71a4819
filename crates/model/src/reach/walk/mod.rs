//! The fate of a flow's first packet and of its answer, as a pure function over what the host is told to be.
//!
//! | module | what |
//! |---|---|
//! | `hop` | what a walk is made of: places, events, packets |
//! | `obstacle` | what can be in the way |
//! | `walker` | the packet on its way, there and back |
//! | `bridge`, `rules` | crossing a self-service network; its security groups |
//! | `router`, `nat` | a router; its translation |
//! | `guest`, `machine` | the machine behind a port (or several), and a network's services |
//! | `outside` | the host and what is beside and behind it |
//! | `tracking` | what conntrack remembers, namespace by namespace |

mod bridge;
mod guest;
mod hop;
mod machine;
mod nat;
mod obstacle;
mod outside;
mod router;
mod rules;
mod tracking;
mod walker;

use std::collections::BTreeSet;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::flow::Flow;
use crate::host::HostConfig;

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
    /// Addresses that machines outside have, on the links of provider networks: the cloud does not know them. Whoever asks need
    /// not be named.
    #[serde(default)]
    pub outsiders: BTreeSet<IpAddr>,
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

/// Follows a flow's first packet and its answer over what a host is told to be.
///
/// Nothing is taken to stand in the way but what the configuration says: whether the host looks so is another question, as is
/// what a machine's own firewall does. Packets are small, and no earlier flow has left a trace.
pub fn walk(config: &HostConfig, flow: &Flow, assume: &Assumptions) -> Walk {
    walker::Walker::new(config, flow, assume).run()
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
