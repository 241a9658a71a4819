//! Rules: what nftables lists, compared with what the rulesets of [`crate::network`] say.
//!
//! nft writes a rule otherwise than it was told (numbers for names, other orders), and not every version alike. So what
//! should be there is loaded into an empty namespace of this program's own, through which nothing passes, and listed from
//! there: two listings by the same library can be compared as they are.

mod compare;
mod foreign;
mod listing;
mod owners;

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use linux::Netns;
use linux::nft::Nft;
use model::PortId;
use model::host::{NetworkConfig, RouterConfig};
use model::reach::{HostObject, HostPlace as Place, TableName};

use super::look::Look;
use crate::network::metering::{self, Present};
use crate::network::table::Table;
use crate::network::{filter, nat, packets};

pub use foreign::in_the_way;
pub use listing::{ListedChain, ListedSet, ListedTable, Ruleset, parse};
pub use owners::Owners;

/// An empty namespace, where rulesets are loaded to see how nft lists them. Made when it is needed first.
#[derive(Debug, Default)]
pub struct Scratch(Mutex<Option<Nft>>);

impl Scratch {
    /// How nft lists a ruleset.
    fn listed(&self, text: &str) -> linux::Result<Ruleset> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let nft = match kept.take() {
            Some(nft) => nft,
            None => Nft::open(&Netns::anonymous()?)?,
        };
        nft.run(&format!("flush ruleset\n{text}"))?;
        let listing = nft.list()?;
        *kept = Some(nft);
        Ok(parse(&listing))
    }
}

/// Compares the rules of everything in the scope, and looks for those of others.
pub(super) fn check(look: &mut Look<'_>, scratch: &Scratch) {
    let scope = look.scope.clone();
    for network in scope.networks.iter().filter_map(|id| look.config.networks.get(id)) {
        let owners = Owners::of_network(network);
        let looked_at: BTreeSet<PortId> = scope.ports.iter().copied().collect();
        let text = network_text(network, &looked_at);
        check_place(look, scratch, Place::Network(network.id), &text, &owners, &looked_at);
    }
    for router in scope.routers.iter().filter_map(|id| look.config.routers.get(id)) {
        let owners = Owners::of_router(router);
        check_place(
            look,
            scratch,
            Place::Router(router.id),
            &router_text(router),
            &owners,
            &BTreeSet::new(),
        );
    }
    let externals = scope.externals.iter().filter_map(|id| look.config.externals.get(id));
    let bridges: BTreeSet<String> = externals.map(|external| external.bridge.clone()).collect();
    if !bridges.is_empty() {
        check_host(look, &bridges);
    }
}

/// A network's ruleset, with those of its ports that are looked at: it is loaded for the sake of its listing only.
fn network_text(network: &NetworkConfig, ports: &BTreeSet<PortId>) -> String {
    let mut looked_at = network.clone();
    looked_at.ports = network
        .ports
        .iter()
        .filter(|(id, _)| ports.contains(*id))
        .map(|(id, port)| (*id, port.clone()))
        .collect();
    let filter: String = filter::tables(&looked_at).iter().map(Table::render).collect();
    filter + &packets::render(&looked_at)
}

fn router_text(router: &RouterConfig) -> String {
    nat::render(router) + &metering::whole(router, &Present::default(), &Default::default())
}

fn check_place(
    look: &mut Look<'_>,
    scratch: &Scratch,
    place: Place,
    text: &str,
    owners: &Owners,
    ports: &BTreeSet<PortId>,
) {
    let Some(space) = look.space(place) else { return };
    let want = scratch.listed(text);
    let have = Nft::open(&space.ns).and_then(|nft| nft.list());
    match (want, have) {
        (Ok(want), Ok(have)) => {
            let have = parse(&have);
            compare::compare(look, place, (&want, &have), owners, ports);
            foreign::check_own(look, place, (&want, &have), owners);
        }
        (Err(error), _) | (_, Err(error)) => look.unreadable(all_rules(place), &error),
    }
}

/// Rules of others in the host's namespace that drop what passes a provider network.
fn check_host(look: &mut Look<'_>, bridges: &BTreeSet<String>) {
    let Some(space) = look.space(Place::Host) else { return };
    match Nft::open(&space.ns).and_then(|nft| nft.list()) {
        Ok(listing) => foreign::check_host(look, &parse(&listing), bridges),
        Err(error) => look.unreadable(all_rules(Place::Host), &error),
    }
}

/// What stands for a whole ruleset that can't be read.
fn all_rules(place: Place) -> HostObject {
    HostObject::Table(TableName {
        place,
        family: String::new(),
        name: String::new(),
    })
}
