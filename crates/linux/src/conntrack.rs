//! The connection tracking table (linux/netfilter/nfnetlink_conntrack.h).
//!
//! The kernel's table is one hash for all namespaces: every walk costs its whole size (about 10 ms
//! of CPU with the default number of buckets), even where the namespace has no entry. So callers
//! collect what they want to change and walk once.

use std::net::IpAddr;

use crate::error::unless_gone;
use crate::netlink::codec::{self, Message};
use crate::netlink::socket::Socket;
use crate::netlink::{address, family};
use crate::{Netns, Result};

/// `NFNL_SUBSYS_CTNETLINK`, in a message type's upper byte.
const SUBSYSTEM: u16 = 1 << 8;
const NEW: u16 = SUBSYSTEM;
const GET: u16 = SUBSYSTEM | 1;
const DELETE: u16 = SUBSYSTEM | 2;
const CTA_TUPLE_ORIG: u16 = 1;
const CTA_TUPLE_REPLY: u16 = 2;
const CTA_STATUS: u16 = 3;
const CTA_MARK: u16 = 8;
const CTA_ID: u16 = 12;
const CTA_ZONE: u16 = 18;
const CTA_TUPLE_IP: u16 = 1;
const CTA_TUPLE_PROTO: u16 = 2;
const CTA_PROTO_NUM: u16 = 1;
const CTA_PROTO_SRC_PORT: u16 = 2;
const CTA_PROTO_DST_PORT: u16 = 3;
/// The flag that marks an attribute as holding attributes.
const NESTED: u16 = 0x8000;
/// Size of `struct nfgenmsg`.
const NFGEN: usize = 4;

/// One direction of a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Tuple {
    /// Source address.
    pub source: IpAddr,
    /// Destination address.
    pub destination: IpAddr,
    /// IP protocol number.
    pub protocol: u8,
    /// Source port, where the protocol has ports.
    pub source_port: Option<u16>,
    /// Destination port, where the protocol has ports.
    pub destination_port: Option<u16>,
    /// ICMP type and code (either version).
    pub icmp: Option<(u8, u8)>,
}

/// A tracked flow.
#[derive(Clone, Debug)]
pub struct Flow {
    /// As the first packet of the flow was before any translation.
    pub original: Tuple,
    /// As answers arrive, before translation back.
    pub reply: Tuple,
    /// Connection mark.
    pub mark: u32,
    /// `IPS_*` bits.
    pub status: u32,
    /// What names the entry to the kernel: its original tuple, zone and id, as it sent them.
    key: Vec<(u16, Vec<u8>)>,
}

/// A ctnetlink socket inside one namespace; usable from any thread.
#[derive(Debug)]
pub struct Conntrack {
    socket: Socket,
}

impl Conntrack {
    /// Opens a socket inside the namespace.
    pub fn open(ns: &Netns) -> Result<Self> {
        Ok(Self {
            socket: Socket::open_in(ns, libc::NETLINK_NETFILTER)?,
        })
    }

    /// The namespace's flows that `wanted` picks. One walk of the kernel's table.
    pub fn flows(&mut self, mut wanted: impl FnMut(&Flow) -> bool) -> Result<Vec<Flow>> {
        let message = Message::new(GET, 0, &[0; NFGEN]);
        self.socket.dump(
            || "list tracked flows".into(),
            &message,
            |kind, payload| {
                if kind != NEW {
                    return None;
                }
                parse(payload).filter(|flow| wanted(flow))
            },
        )
    }

    /// Forgets flows; those already gone are skipped. Returns how many were there.
    pub fn delete(&mut self, flows: &[Flow]) -> Result<usize> {
        let messages = flows.iter().map(|flow| {
            let message = message(DELETE, flow, true);
            (format!("forget the flow to {}", flow.original.destination), message)
        });
        count(self.socket.batch(messages.collect()))
    }

    /// Sets the mark of flows; those already gone are skipped. Returns how many were there.
    pub fn set_mark(&mut self, flows: &[Flow], mark: u32) -> Result<usize> {
        let messages = flows.iter().map(|flow| {
            // An update is refused if it names the entry's id.
            let mut message = message(NEW, flow, false);
            message.attr(CTA_MARK, &mark.to_be_bytes());
            (format!("mark the flow to {}", flow.original.destination), message)
        });
        count(self.socket.batch(messages.collect()))
    }
}

fn count(results: Vec<Result<()>>) -> Result<usize> {
    results
        .into_iter()
        .try_fold(0, |n, result| Ok(n + usize::from(unless_gone(result)?)))
}

fn message(kind: u16, flow: &Flow, with_id: bool) -> Message {
    let mut message = Message::new(kind, 0, &[family(flow.original.source), 0, 0, 0]);
    for (kind, value) in &flow.key {
        match *kind {
            CTA_TUPLE_ORIG => message.attr(CTA_TUPLE_ORIG | NESTED, value),
            CTA_ID if !with_id => &mut message,
            other => message.attr(other, value),
        };
    }
    message
}

fn parse(payload: &[u8]) -> Option<Flow> {
    let (mut original, mut reply, mut mark, mut status) = (None, None, 0, 0);
    let mut key = Vec::new();
    for (kind, value) in codec::attrs_after(payload, NFGEN) {
        match kind {
            CTA_TUPLE_ORIG => original = tuple(value),
            CTA_TUPLE_REPLY => reply = tuple(value),
            CTA_MARK => mark = codec::to_be32(value)?,
            CTA_STATUS => status = codec::to_be32(value)?,
            _ => {}
        }
        if matches!(kind, CTA_TUPLE_ORIG | CTA_ZONE | CTA_ID) {
            key.push((kind, value.to_vec()));
        }
    }
    Some(Flow {
        original: original?,
        reply: reply?,
        mark,
        status,
        key,
    })
}

fn tuple(bytes: &[u8]) -> Option<Tuple> {
    let (mut source, mut destination, mut protocol) = (None, None, None);
    let (mut source_port, mut destination_port) = (None, None);
    let (mut icmp_type, mut icmp_code) = (None, 0);
    for (kind, value) in codec::attrs(bytes) {
        match kind {
            CTA_TUPLE_IP => {
                for (kind, value) in codec::attrs(value) {
                    match kind {
                        1 | 3 => source = address(value), // CTA_IP_V4_SRC, CTA_IP_V6_SRC
                        2 | 4 => destination = address(value),
                        _ => {}
                    }
                }
            }
            CTA_TUPLE_PROTO => {
                for (kind, value) in codec::attrs(value) {
                    match kind {
                        CTA_PROTO_NUM => protocol = value.first().copied(),
                        CTA_PROTO_SRC_PORT => source_port = codec::to_be16(value),
                        CTA_PROTO_DST_PORT => destination_port = codec::to_be16(value),
                        5 | 8 => icmp_type = value.first().copied(), // CTA_PROTO_ICMP(V6)_TYPE
                        6 | 9 => icmp_code = value.first().copied()?,
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
    Some(Tuple {
        source: source?,
        destination: destination?,
        protocol: protocol?,
        source_port,
        destination_port,
        icmp: icmp_type.map(|kind| (kind, icmp_code)),
    })
}
