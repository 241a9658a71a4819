//! What becomes of chosen packets in the rulesets of a namespace: nftables' tracing (linux/netfilter/nf_tables.h).
//!
//! A [`Tracer`] puts tables of its own before all others. Their rules set the trace flag of the packets to be followed, and
//! do nothing else; from there on the kernel tells of each rule that such a packet meets, until it leaves the namespace,
//! which takes the flag off. The tables are the socket's (`NFT_TABLE_F_OWNER`, Linux 5.12): nobody else can change them,
//! and the kernel takes them away with the socket, however the program ends.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::io::Errno;

use crate::netlink::codec::{self, Message, flag};
use crate::netlink::socket::{self, Socket};
use crate::{Error, Netns, Result};

/// `NFNL_SUBSYS_NFTABLES`, in a message type's upper byte.
const SUBSYSTEM: u16 = 10 << 8;
const NEW_TABLE: u16 = SUBSYSTEM;
const NEW_CHAIN: u16 = SUBSYSTEM | 3;
const NEW_RULE: u16 = SUBSYSTEM | 6;
const TRACE: u16 = SUBSYSTEM | 17;
/// `NFNL_MSG_BATCH_BEGIN`, `NFNL_MSG_BATCH_END` and `NFNL_BATCH_GENID` of linux/netfilter/nfnetlink.h.
const BEGIN: u16 = 16;
const END: u16 = 17;
const GENERATION: u16 = 1;
/// `NFNLGRP_NFTRACE` as a bit of an address.
const TRACE_GROUP: u32 = 1 << 8;
/// `NFT_TABLE_F_OWNER`.
const OWNER: u32 = 2;
/// Before the kernel's own defragmentation and connection tracking (-400), and before whatever anybody filters.
const PRIORITY: i32 = -450;
/// `NFT_REG_1`.
const REGISTER: u32 = 1;
/// `NFT_META_*`: what is loaded of, or set for, a packet.
const META_PROTOCOL: u32 = 1;
const META_NFTRACE: u32 = 12;
const META_L4PROTO: u32 = 16;
/// `NF_INET_*` and `NF_BR_*`, alike in both families.
const PREROUTING: u32 = 0;
const LOCAL_OUT: u32 = 3;
const ETHERTYPE_ARP: u16 = 0x0806;
/// Size of `struct nfgenmsg`.
const NFGEN: usize = 4;

/// A family of tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Family {
    /// IPv4 and IPv6.
    Inet,
    /// IPv4.
    Ip,
    /// ARP.
    Arp,
    /// Devices.
    Netdev,
    /// Bridges.
    Bridge,
    /// IPv6.
    Ip6,
    /// By number.
    Other(u8),
}

impl Family {
    fn of(number: u8) -> Self {
        match number {
            1 => Self::Inet,
            2 => Self::Ip,
            3 => Self::Arp,
            5 => Self::Netdev,
            7 => Self::Bridge,
            10 => Self::Ip6,
            other => Self::Other(other),
        }
    }

    /// The word that nft has for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Inet => "inet",
            Self::Ip => "ip",
            Self::Arp => "arp",
            Self::Netdev => "netdev",
            Self::Bridge => "bridge",
            Self::Ip6 => "ip6",
            Self::Other(_) => "unknown",
        }
    }
}

/// Where packets are looked at, to be followed from there on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    /// IP packets that come from a device, or through a bridge that shows them to the IP families.
    InetIn,
    /// IP packets that the namespace sends itself.
    InetOut,
    /// Frames that come from a port of a bridge.
    BridgeIn,
    /// Frames that the namespace sends through a bridge.
    BridgeOut,
}

impl Entry {
    fn place(self) -> (u8, &'static str, u32) {
        match self {
            Self::InetIn => (1, "in", PREROUTING),
            Self::InetOut => (1, "out", LOCAL_OUT),
            Self::BridgeIn => (7, "in", PREROUTING),
            Self::BridgeOut => (7, "out", LOCAL_OUT),
        }
    }
}

/// What kind of packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An ARP packet (seen on bridges only).
    Arp,
    /// IPv4 or IPv6 with this protocol.
    Protocol(u8),
}

/// The header that an offset counts from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Header {
    /// IP's or ARP's.
    Network,
    /// That of the protocol above IP.
    Transport,
}

/// A packet to be followed: all of its fields must hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pick {
    /// What kind it is of.
    pub kind: Kind,
    /// Header, offset in bytes, and the bytes that must be there, at most 16.
    pub fields: Vec<(Header, u32, Vec<u8>)>,
}

/// What a packet met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The packet: the same as long as it is in the namespace, the same again for a later one at most by chance.
    pub packet: u32,
    /// The table's family.
    pub family: Family,
    /// The table.
    pub table: String,
    /// The chain.
    pub chain: String,
    /// What spoke.
    pub step: Step,
    /// What it said.
    pub verdict: Verdict,
    /// With the first event of each chain that the kernel entered by itself: what the packet looked like.
    pub look: Option<Look>,
}

/// What spoke on a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// A rule, by its handle.
    Rule(u64),
    /// No rule any more: the chain is at its end.
    End,
    /// A rule that leads back.
    Return,
    /// The policy of a chain that the kernel entered by itself.
    Policy,
}

/// What was said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// On to the next hook.
    Accept,
    /// The end.
    Drop,
    /// On to the next rule.
    Continue,
    /// The rule does not apply.
    Break,
    /// Into a chain and back.
    Jump(String),
    /// Into a chain.
    Goto(String),
    /// Back.
    Return,
    /// Something else, by number.
    Other(i32),
}

/// What a packet looked like.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Look {
    /// Index of the link it came from.
    pub from: Option<u32>,
    /// Index of the link it is to leave by.
    pub to: Option<u32>,
    /// The beginning of its Ethernet header, where it is on a bridge.
    pub link: Vec<u8>,
    /// The beginning of its IP or ARP header, at most 40 bytes.
    pub network: Vec<u8>,
    /// The beginning of what follows, at most 20 bytes.
    pub transport: Vec<u8>,
}

/// Follows packets in one namespace until it is dropped.
#[derive(Debug)]
pub struct Tracer {
    owner: Socket,
    told: OwnedFd,
    table: String,
}

impl Tracer {
    /// Begins to listen in the namespace. Nothing is followed before [`Tracer::arm`]. The tables' name must be one that
    /// nobody else has.
    pub fn open(ns: &Netns, table: &str) -> Result<Self> {
        let open = || -> Result<(Socket, OwnedFd)> {
            let told = socket::listen(libc::NETLINK_NETFILTER, TRACE_GROUP)
                .map_err(|e| Error::io("listen for what becomes of packets", e))?;
            Ok((Socket::open(libc::NETLINK_NETFILTER)?, told))
        };
        let (owner, told) = ns.run(open)??;
        Ok(Self {
            owner,
            told,
            table: table.to_owned(),
        })
    }

    /// The tables' name.
    pub fn table(&self) -> &str {
        &self.table
    }

    /// Begins to follow packets, in one transaction, which takes effect only while the ruleset is of this generation
    /// ([`crate::nft::Generation`]); it makes that the next one. False if somebody changed the ruleset meanwhile.
    pub fn arm(&mut self, entries: &[Entry], picks: &[Pick], generation: u32) -> Result<bool> {
        let mut batch = vec![bound(BEGIN, Some(generation))];
        let mut families: Vec<u8> = entries.iter().map(|entry| entry.place().0).collect();
        families.sort_unstable();
        families.dedup();
        batch.extend(families.into_iter().map(|family| new_table(family, &self.table)));
        for entry in entries {
            let (family, chain, hook) = entry.place();
            batch.push(new_chain(family, &self.table, chain, hook));
            let follows_arp = matches!(entry, Entry::BridgeIn | Entry::BridgeOut);
            for pick in picks.iter().filter(|pick| follows_arp || pick.kind != Kind::Arp) {
                batch.push(new_rule(family, &self.table, chain, pick));
            }
        }
        batch.push(bound(END, None));
        match self.owner.transact(|| "follow packets".into(), batch) {
            Ok(()) => Ok(true),
            Err(Error::Kernel { source, .. }) if source.raw_os_error() == Some(libc::ERESTART) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Takes what was told so far, without waiting: of all packets in the namespace that anybody follows. What was more
    /// than the kernel could queue is missing.
    pub fn take(&mut self) -> Result<Vec<Event>> {
        let mut events = Vec::new();
        loop {
            let told = socket::receive_told(&self.told, |kind, payload| {
                if kind == TRACE {
                    events.extend(parse(payload));
                }
            });
            match told {
                Ok(()) | Err(Errno::NOBUFS | Errno::MSGSIZE) => {}
                Err(Errno::AGAIN) => return Ok(events),
                Err(e) => return Err(Error::io("read what became of packets", e)),
            }
        }
    }
}

impl AsFd for Tracer {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.told.as_fd()
    }
}

/// The beginning or the end of a transaction.
fn bound(kind: u16, generation: Option<u32>) -> Message {
    let mut fixed = [0; NFGEN];
    fixed[2..].copy_from_slice(&(SUBSYSTEM >> 8).to_be_bytes());
    let mut message = Message::new(kind, 0, &fixed);
    if let Some(generation) = generation {
        message.attr(GENERATION, &generation.to_be_bytes());
    }
    message
}

fn new_table(family: u8, table: &str) -> Message {
    let mut message = Message::new(NEW_TABLE, flag::CREATE | flag::EXCL, &[family, 0, 0, 0]);
    // NFTA_TABLE_NAME, NFTA_TABLE_FLAGS
    message.text(1, table).attr(2, &OWNER.to_be_bytes());
    message
}

fn new_chain(family: u8, table: &str, chain: &str, hook: u32) -> Message {
    let mut message = Message::new(NEW_CHAIN, flag::CREATE | flag::EXCL, &[family, 0, 0, 0]);
    // NFTA_CHAIN_TABLE, _NAME, _HOOK (NFTA_HOOK_HOOKNUM, _PRIORITY), _TYPE
    message.text(1, table).text(3, chain);
    message.nest(4, |m| {
        m.attr(1, &hook.to_be_bytes()).attr(2, &PRIORITY.to_be_bytes());
    });
    message.text(7, "filter");
    message
}

/// A rule that compares and, if all is equal, sets the trace flag.
fn new_rule(family: u8, table: &str, chain: &str, pick: &Pick) -> Message {
    let mut message = Message::new(NEW_RULE, flag::CREATE | flag::APPEND, &[family, 0, 0, 0]);
    // NFTA_RULE_TABLE, _CHAIN, _EXPRESSIONS
    message.text(1, table).text(2, chain);
    message.nest(4, |m| {
        let (key, value) = match pick.kind {
            Kind::Arp => (META_PROTOCOL, ETHERTYPE_ARP.to_be_bytes().to_vec()),
            Kind::Protocol(number) => (META_L4PROTO, vec![number]),
        };
        expression(m, "meta", &[(1, REGISTER), (2, key)]);
        compare(m, &value);
        for (header, offset, value) in &pick.fields {
            let base = match header {
                Header::Network => 1,
                Header::Transport => 2,
            };
            let length = value.len() as u32;
            expression(m, "payload", &[(1, REGISTER), (2, base), (3, *offset), (4, length)]);
            compare(m, value);
        }
        element(m, "immediate", |m| {
            m.attr(1, &REGISTER.to_be_bytes());
            m.nest(2, |m| {
                m.attr(1, &[1]);
            });
        });
        expression(m, "meta", &[(3, REGISTER), (2, META_NFTRACE)]);
    });
    message
}

/// An expression whose attributes are numbers.
fn expression(message: &mut Message, name: &str, numbers: &[(u16, u32)]) {
    element(message, name, |m| {
        for (kind, number) in numbers {
            m.attr(*kind, &number.to_be_bytes());
        }
    });
}

/// Goes on only if the register holds these bytes.
fn compare(message: &mut Message, value: &[u8]) {
    element(message, "cmp", |m| {
        // NFTA_CMP_SREG, _OP (equal), _DATA
        m.attr(1, &REGISTER.to_be_bytes()).attr(2, &[0; 4]);
        m.nest(3, |m| {
            m.attr(1, value);
        });
    });
}

/// An element of a list of expressions: NFTA_EXPR_NAME, NFTA_EXPR_DATA.
fn element(message: &mut Message, name: &str, fill: impl FnOnce(&mut Message)) {
    message.nest(1, |m| {
        m.text(1, name);
        m.nest(2, fill);
    });
}

fn parse(payload: &[u8]) -> Option<Event> {
    let mut event = Event {
        packet: 0,
        family: Family::of(*payload.first()?),
        table: String::new(),
        chain: String::new(),
        step: Step::Policy,
        verdict: Verdict::Continue,
        look: None,
    };
    let (mut kind, mut handle, mut policy) = (0, 0, None);
    let mut look = Look::default();
    for (attribute, value) in codec::attrs_after(payload, NFGEN) {
        match attribute {
            1 => event.table = codec::to_text(value),
            2 => event.chain = codec::to_text(value),
            3 => handle = u64::from_be_bytes(value.get(..8)?.try_into().ok()?),
            4 => kind = codec::to_be32(value)?,
            5 => event.verdict = verdict(value)?,
            6 => event.packet = codec::to_be32(value)?,
            7 => look.link = value.to_vec(),
            8 => look.network = value.to_vec(),
            9 => look.transport = value.to_vec(),
            10 => look.from = codec::to_be32(value),
            12 => look.to = codec::to_be32(value),
            16 => policy = codec::to_be32(value),
            _ => {}
        }
    }
    event.step = match kind {
        2 => Step::Return,
        3 if handle == 0 => Step::End,
        3 => Step::Rule(handle),
        _ => Step::Policy,
    };
    if let (Step::Policy, Some(code)) = (event.step, policy) {
        event.verdict = coded(code as i32, String::new());
    }
    event.look = (look != Look::default()).then_some(look);
    Some(event)
}

fn verdict(attribute: &[u8]) -> Option<Verdict> {
    let (mut code, mut chain) = (None, String::new());
    for (kind, value) in codec::attrs(attribute) {
        match kind {
            1 => code = codec::to_be32(value).map(|code| code as i32),
            2 => chain = codec::to_text(value),
            _ => {}
        }
    }
    Some(coded(code?, chain))
}

/// A verdict by its number: `NF_*`, `NFT_*`.
fn coded(code: i32, chain: String) -> Verdict {
    match code {
        0 => Verdict::Drop,
        1 => Verdict::Accept,
        -1 => Verdict::Continue,
        -2 => Verdict::Break,
        -3 => Verdict::Jump(chain),
        -4 => Verdict::Goto(chain),
        -5 => Verdict::Return,
        other => Verdict::Other(other),
    }
}
