//! What the picture shows, as values: nodes and links, without places.

use model::{FloatingIpId, NetworkId};
use uuid::Uuid;

use crate::ui::Mood;

/// Servers of one network that are shown one by one; more become one node that can be unfolded.
pub(super) const SHOWN_SERVERS: usize = 12;
/// Objects that a picture shows one by one; of more, the servers of each network become one node.
pub(super) const SHOWN_OBJECTS: usize = 200;
/// Floating IPs without a server that are shown one by one.
pub(super) const SHOWN_ADDRESSES: usize = 4;
/// Colours that networks have.
pub(super) const HUES: usize = 8;

/// What a node is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A provider network: the way out.
    External,
    /// A self-service network.
    Network,
    Router,
    Server,
    /// Many servers of one network.
    Group,
    /// A floating IP that leads to no server.
    Address,
    /// Many of those.
    Addresses,
}

impl Kind {
    /// As in classes of the style.
    pub fn class(self) -> &'static str {
        match self {
            Self::External => "external",
            Self::Network => "network",
            Self::Router => "router",
            Self::Server => "server",
            Self::Group => "group",
            Self::Address => "address",
            Self::Addresses => "addresses",
        }
    }

    /// Its picture's name.
    pub fn icon(self) -> &'static str {
        match self {
            Self::External | Self::Network => "network",
            Self::Router => "router",
            Self::Server => "server",
            Self::Group => "group",
            Self::Address | Self::Addresses => "globe",
        }
    }

    /// Whether things are plugged into it.
    pub fn is_network(self) -> bool {
        matches!(self, Self::External | Self::Network)
    }

    /// Whether it stands between the outer networks and the inner ones.
    pub fn is_between(self) -> bool {
        matches!(self, Self::Router | Self::Address | Self::Addresses)
    }
}

/// One thing in the picture.
#[derive(Debug, Clone)]
pub(super) struct Node {
    /// Its name among all nodes, which stays: `server-<id>`.
    pub key: String,
    pub kind: Kind,
    /// For people.
    pub name: String,
    pub mood: Mood,
    /// Its state in a word.
    pub state: String,
    /// What stands below its name: prefixes, addresses.
    pub lines: Vec<String>,
    /// Floating IPs that lead to it.
    pub floating: Vec<(FloatingIpId, String)>,
    /// The colour of its network.
    pub hue: Hue,
    /// Where it leads when it has no card: the servers of a group one by one, a list.
    pub leads_to: Leads,
}

/// What a click on a node does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Leads {
    /// Opens its card.
    Card,
    /// Shows the servers of a network one by one.
    Unfold(String),
    /// Another page.
    Page(&'static str),
}

/// A colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hue {
    /// Of provider networks, and of what is on none.
    Plain,
    /// One of [`HUES`].
    Of(usize),
}

impl Hue {
    /// As a class of the style.
    pub fn class(self) -> &'static str {
        const CLASSES: [&str; HUES] = ["hue-0", "hue-1", "hue-2", "hue-3", "hue-4", "hue-5", "hue-6", "hue-7"];
        match self {
            Self::Plain => "hue-plain",
            Self::Of(number) => CLASSES[number % HUES],
        }
    }
}

/// A device that is plugged into a network.
#[derive(Debug, Clone)]
pub(super) struct Link {
    /// The network, an index of nodes.
    pub network: usize,
    /// What is plugged in, an index of nodes.
    pub device: usize,
    /// Its addresses there.
    pub label: String,
}

/// Everything that is shown. Networks come first, then routers and loose addresses, then servers; within a kind, older ones
/// first, so that something new moves little.
#[derive(Debug, Clone, Default)]
pub(super) struct Graph {
    pub nodes: Vec<Node>,
    pub links: Vec<Link>,
}

impl Graph {
    /// Adds a node.
    pub fn add(&mut self, node: Node) -> usize {
        self.nodes.push(node);
        self.nodes.len() - 1
    }

    /// Plugs a device into a network.
    pub fn link(&mut self, network: usize, device: usize, label: impl Into<String>) {
        self.links.push(Link {
            network,
            device,
            label: label.into(),
        });
    }

    /// Indices of links by their device, in order; a device's first is its main one.
    pub fn links_by_device(&self) -> Vec<Vec<usize>> {
        let mut by_device = vec![Vec::new(); self.nodes.len()];
        for (index, link) in self.links.iter().enumerate() {
            by_device[link.device].push(index);
        }
        by_device
    }

    /// Indices of nodes of a kind.
    pub fn of_kind(&self, kind: Kind) -> impl Iterator<Item = usize> + '_ {
        self.nodes
            .iter()
            .enumerate()
            .filter(move |(_, node)| node.kind == kind)
            .map(|(index, _)| index)
    }
}

/// The colours of networks: each its favourite one by id, unless a network before it has that, so that colours stay when
/// others come and go.
pub(super) fn hues(networks: &[NetworkId]) -> Vec<Hue> {
    let mut uses = [0_usize; HUES];
    let choose = |id: &NetworkId| {
        let favourite = favourite_hue(id.0);
        let turn = (0..HUES).map(|step| (favourite + step) % HUES);
        let hue = turn.min_by_key(|hue| uses[*hue]).unwrap_or(favourite);
        uses[hue] += 1;
        Hue::Of(hue)
    };
    networks.iter().map(choose).collect()
}

fn favourite_hue(id: Uuid) -> usize {
    id.as_bytes().iter().map(|byte| usize::from(*byte)).sum::<usize>() % HUES
}

/// The mood of many: the worst one, since that is what must be seen.
pub(super) fn mood_of_all(moods: impl Iterator<Item = Mood>) -> Mood {
    let rank = |mood: &Mood| match mood {
        Mood::Bad => 4,
        Mood::Warn => 3,
        Mood::Busy => 2,
        Mood::Good => 1,
        Mood::Idle => 0,
    };
    moods.max_by_key(rank).unwrap_or(Mood::Idle)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_have_colours_of_their_own() {
        let ids: Vec<_> = (0..20_u128)
            .map(|number| NetworkId(Uuid::from_u128(number * 8)))
            .collect();
        let all = hues(&ids);
        for first in 0..HUES {
            for second in first + 1..HUES {
                assert_ne!(all[first], all[second]);
            }
        }
        // Without the last ones, the others keep theirs.
        assert_eq!(hues(&ids[..10]), all[..10]);
    }

    #[test]
    fn one_that_failed_is_seen_among_many() {
        assert_eq!(mood_of_all([Mood::Good, Mood::Bad, Mood::Busy].into_iter()), Mood::Bad);
        assert_eq!(mood_of_all(std::iter::empty()), Mood::Idle);
    }
}
