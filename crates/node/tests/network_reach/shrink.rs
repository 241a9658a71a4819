//! Makes a disagreement as small as it gets, and tells it.

use crate::Outcome;
use crate::question::{Question, Who};
use crate::stage::{Stage, settle};
use crate::topology::*;

/// Tells a disagreement, with the smallest cloud where it still is one.
///
/// # Panics
/// Always.
pub fn tell(seed: u64, mut topology: Topology, found: &Outcome) -> ! {
    println!("seed {seed}: {}", found.question);
    let mut number = 0;
    // One thing after the other is left out; whatever changes the outcome stays.
    while let Some(smaller) = without(&topology, number, &found.question) {
        match disagrees(&smaller, &found.question) {
            true => topology = smaller,
            false => number += 1,
        }
    }
    let stage = Stage::build(&topology);
    let walk = found.question.walk(&stage);
    panic!(
        "seed {seed}: {}\nThe packet is answered: {}. The model says:\n{:#?}\nIn the smallest cloud:\n{topology:#?}\n{walk:#?}",
        found.question, found.is_answered, found.walk
    );
}

fn disagrees(topology: &Topology, question: &Question) -> bool {
    let stage = Stage::build(topology);
    settle();
    crate::ask(&stage, std::slice::from_ref(question))
        .iter()
        .any(Outcome::disagrees)
}

/// The topology without its `number`-th part; `None` behind the last one.
fn without(topology: &Topology, number: usize, question: &Question) -> Option<Topology> {
    let mut left = number;
    let mut smaller = topology.clone();
    // Big things first.
    let asks = |who: Who| move |port: &Port| matches!(who, Who::Port(tag, _) if tag == port.tag);
    let needed = asks(question.who);
    let carries = |tag: usize| topology.ports.iter().any(|port| port.of.first() == Some(tag));
    if take(&mut smaller.ports, &mut left, |port| {
        !needed(port) && !carries(port.tag)
    }) {
        return Some(smaller);
    }
    if take(&mut smaller.routers, &mut left, |router| {
        question.who != Who::Router(router.tag)
    }) {
        return Some(smaller);
    }
    let (ports, routers) = (smaller.ports.clone(), smaller.routers.clone());
    let unused = |network: &Network| {
        let mut legs = routers.iter().flat_map(|router| &router.legs);
        !ports.iter().any(|port| port.network == network.tag)
            && !legs.any(|leg| leg.network == network.tag)
            && question.who != Who::Network(network.tag)
    };
    if take(&mut smaller.networks, &mut left, unused) || take(&mut smaller.groups, &mut left, |_| true) {
        return Some(smaller);
    }
    let taken = smaller.routers.iter_mut().any(|router| thin_router(router, &mut left))
        || smaller
            .groups
            .iter_mut()
            .any(|group| take(&mut group.rules, &mut left, |_| true))
        || smaller.ports.iter_mut().any(|port| thin_port(port, &mut left))
        || smaller.networks.iter_mut().any(|network| {
            let subnets = &mut network.subnets;
            subnets
                .iter_mut()
                .any(|subnet| take(&mut subnet.host_routes, &mut left, |_| true))
        });
    taken.then_some(smaller)
}

fn thin_router(router: &mut Router, left: &mut usize) -> bool {
    take(&mut router.floating, left, |_| true)
        || take(&mut router.forwardings, left, |_| true)
        || take(&mut router.routes, left, |_| true)
        || take(&mut router.legs, left, |_| true)
        || take(&mut router.gateway, left, |_| true)
        || plain(&mut router.proxies, left)
        || plain(&mut router.scope.0, left)
        || plain(&mut router.scope.1, left)
        || router
            .legs
            .iter_mut()
            .any(|leg| plain(&mut leg.scope.0, left) || plain(&mut leg.scope.1, left))
}

fn thin_port(port: &mut Port, left: &mut usize) -> bool {
    take(&mut port.groups, left, |_| true) || take(&mut port.pairs, left, |_| true)
}

/// Takes out the element that is `left` further on, of those that may go.
fn take<T>(from: &mut Vec<T>, left: &mut usize, may: impl Fn(&T) -> bool) -> bool {
    for index in 0..from.len() {
        if !may(&from[index]) {
            continue;
        }
        if *left == 0 {
            from.remove(index);
            return true;
        }
        *left -= 1;
    }
    false
}

/// Takes out what may be there or not.
fn plain<T>(from: &mut Option<T>, left: &mut usize) -> bool {
    if from.is_none() {
        return false;
    }
    if *left == 0 {
        *from = None;
        return true;
    }
    *left -= 1;
    false
}
