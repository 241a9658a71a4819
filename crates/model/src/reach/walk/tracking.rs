//! What conntrack remembers of the packets of this walk, namespace by namespace.

use std::collections::BTreeMap;

use super::hop::{Place, Way};
use crate::reach::flow::{Packet, protocol};

/// What conntrack takes a packet for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// The first of a flow, or another one before there was an answer.
    New,
    /// It belongs to a flow that was answered.
    Established,
    /// It belongs to no flow and can't begin one.
    Invalid,
    /// Conntrack does not see it.
    Untracked,
}

/// A flow that a namespace has seen.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The first packet as it came.
    pub original: Packet,
    /// The same as it left, translated.
    pub translated: Packet,
    /// Whether its destination was translated.
    pub is_dnat: bool,
    /// Whether what becomes of its source has been decided.
    pub is_settled: bool,
    is_answered: bool,
}

/// How a packet belongs to a flow of a namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// It goes the way of the first one.
    Forth(usize),
    /// It goes the other way.
    Back(usize),
}

/// The flows of all namespaces.
#[derive(Debug, Default)]
pub struct Tracking(BTreeMap<Place, Vec<Entry>>);

impl Tracking {
    /// Looks a packet up, entering it if it begins a flow.
    pub fn see(&mut self, place: Place, packet: &Packet, way: Way) -> (State, Option<Found>) {
        let entries = self.0.entry(place).or_default();
        let find = |of: fn(&Entry) -> Packet| entries.iter().rposition(|entry| of(entry) == *packet);
        if let Some(index) = find(|entry| entry.translated.answer()) {
            entries[index].is_answered = true;
            return (State::Established, Some(Found::Back(index)));
        }
        if let Some(index) = find(|entry| entry.original) {
            let state = if entries[index].is_answered {
                State::Established
            } else {
                State::New
            };
            return (state, Some(Found::Forth(index)));
        }
        if !can_begin(packet, way) {
            return (State::Invalid, None);
        }
        entries.push(Entry {
            original: *packet,
            translated: *packet,
            is_dnat: false,
            is_settled: false,
            is_answered: false,
        });
        (State::New, Some(Found::Forth(entries.len() - 1)))
    }

    /// A flow that [`Tracking::see`] found.
    pub fn entry(&mut self, place: Place, index: usize) -> Option<&mut Entry> {
        self.0.get_mut(&place)?.get_mut(index)
    }
}

/// Whether conntrack makes a flow of a packet that it knows nothing of. TCP's second packet and an echo reply make none.
fn can_begin(packet: &Packet, way: Way) -> bool {
    match (packet.protocol, packet.icmp) {
        (protocol::TCP, _) => way == Way::Request,
        (protocol::ICMP, Some(message)) => message.kind == 8,
        (protocol::ICMPV6, Some(message)) => message.kind == 128,
        _ => true,
    }
}
