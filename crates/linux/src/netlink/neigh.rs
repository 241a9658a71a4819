//! Neighbours: ARP and NDP entries, addresses that a link answers for, and what bridges know (linux/neighbour.h).

use std::net::IpAddr;

use super::codec::{self, Message, flag};
use super::{Rtnl, address, bytes, family};
use crate::error::unless_gone;
use crate::{Mac, Result};

const RTM_NEWNEIGH: u16 = 28;
const RTM_DELNEIGH: u16 = 29;
const RTM_GETNEIGH: u16 = 30;
const NDA_DST: u16 = 1;
const NDA_LLADDR: u16 = 2;
const NDA_MASTER: u16 = 9;
const NUD_NOARP: u16 = 0x40;
const NUD_PERMANENT: u16 = 0x80;
/// An entry that is no neighbour: the link answers in its name.
const NTF_PROXY: u8 = 0x08;
/// Size of `struct ndmsg`.
const NDMSG: usize = 12;

/// An entry of the neighbour table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Neighbour {
    /// Index of the link.
    pub link: u32,
    /// The neighbour's address.
    pub address: IpAddr,
    /// Its Ethernet address, once known.
    pub mac: Option<Mac>,
    /// Set by hand, never asked for.
    pub permanent: bool,
    /// What is known of it, as bits (`NUD_*`).
    pub state: u16,
}

/// What a bridge knows: behind which of its links an Ethernet address is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BridgeEntry {
    /// Index of the link.
    pub link: u32,
    /// Index of the bridge.
    pub bridge: u32,
    /// The address.
    pub mac: Mac,
    /// Whether it was told by hand (or is the link's own), rather than learned.
    pub by_hand: bool,
}

/// An address of somebody else's that a link answers neighbours for. (It does so for IPv6 only where `proxy_ndp` and
/// `forwarding` are set, for the link or for all.)
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Proxy {
    /// Index of the link.
    pub link: u32,
    /// The address.
    pub address: IpAddr,
}

impl Rtnl {
    /// All neighbours of the namespace.
    pub fn neighbours(&mut self) -> Result<Vec<Neighbour>> {
        self.entries("list neighbours", 0)
    }

    /// All that the namespace's bridges know.
    pub fn bridge_entries(&mut self) -> Result<Vec<BridgeEntry>> {
        let mut fixed = [0; NDMSG];
        fixed[0] = libc::AF_BRIDGE as u8;
        let message = Message::new(RTM_GETNEIGH, 0, &fixed);
        self.socket.dump(
            || "list what bridges know".into(),
            &message,
            |kind, payload| (kind == RTM_NEWNEIGH).then(|| parse_bridge_entry(payload)).flatten(),
        )
    }

    /// All addresses that links of the namespace answer for.
    pub fn proxies(&mut self) -> Result<Vec<Proxy>> {
        let entries = self.entries("list addresses answered for", NTF_PROXY)?;
        let proxy = |entry: Neighbour| Proxy {
            link: entry.link,
            address: entry.address,
        };
        Ok(entries.into_iter().map(proxy).collect())
    }

    fn entries(&mut self, doing: &'static str, flags: u8) -> Result<Vec<Neighbour>> {
        let mut fixed = [0; NDMSG];
        fixed[10] = flags;
        let message = Message::new(RTM_GETNEIGH, 0, &fixed);
        self.socket.dump(
            || doing.into(),
            &message,
            |kind, payload| (kind == RTM_NEWNEIGH).then(|| parse(payload)).flatten(),
        )
    }

    /// Lets a link answer for an address until it is told otherwise or goes down.
    pub fn add_proxy(&mut self, proxy: Proxy) -> Result<()> {
        let Proxy { link, address } = proxy;
        let message = message(RTM_NEWNEIGH, flag::CREATE, link, address, NTF_PROXY);
        self.socket
            .ask(|| format!("let link {link} answer for {address}"), message)
    }

    /// Lets a link answer for an address no longer. False if it did not.
    pub fn delete_proxy(&mut self, proxy: Proxy) -> Result<bool> {
        let Proxy { link, address } = proxy;
        let message = message(RTM_DELNEIGH, 0, link, address, NTF_PROXY);
        unless_gone(
            self.socket
                .ask(|| format!("let link {link} answer for {address} no longer"), message),
        )
    }

    /// Sets a permanent entry, replacing what was there.
    pub fn set_neighbour(&mut self, link: u32, address: IpAddr, mac: Mac) -> Result<()> {
        let flags = flag::CREATE | flag::REPLACE;
        let mut message = message(RTM_NEWNEIGH, flags, link, address, 0);
        message.attr(NDA_LLADDR, &mac.0);
        self.socket
            .ask(|| format!("set neighbour {address} of link {link}"), message)
    }

    /// Forgets an entry. False if there was none.
    pub fn delete_neighbour(&mut self, link: u32, address: IpAddr) -> Result<bool> {
        let message = message(RTM_DELNEIGH, 0, link, address, 0);
        unless_gone(
            self.socket
                .ask(|| format!("forget neighbour {address} of link {link}"), message),
        )
    }
}

fn message(kind: u16, flags: u16, link: u32, address: IpAddr, entry_flags: u8) -> Message {
    let mut fixed = [0; NDMSG];
    fixed[0] = family(address);
    fixed[4..8].copy_from_slice(&link.to_ne_bytes());
    fixed[8..10].copy_from_slice(&NUD_PERMANENT.to_ne_bytes());
    fixed[10] = entry_flags;
    let mut message = Message::new(kind, flags, &fixed);
    message.attr(NDA_DST, &bytes(address));
    message
}

fn parse(payload: &[u8]) -> Option<Neighbour> {
    let mut found: Option<IpAddr> = None;
    let mut mac = None;
    for (kind, value) in codec::attrs_after(payload, NDMSG) {
        match kind {
            NDA_DST => found = address(value),
            NDA_LLADDR => mac = Mac::from_slice(value),
            _ => {}
        }
    }
    let state = codec::u16_at(payload, 8)?;
    Some(Neighbour {
        link: codec::u32_at(payload, 4)?,
        address: found?,
        mac,
        permanent: state & NUD_PERMANENT != 0,
        state,
    })
}

/// Reads an entry of a bridge; one that a device has for itself (a multicast group, say) is none.
fn parse_bridge_entry(payload: &[u8]) -> Option<BridgeEntry> {
    let (mut mac, mut bridge) = (None, None);
    for (kind, value) in codec::attrs_after(payload, NDMSG) {
        match kind {
            NDA_LLADDR => mac = Mac::from_slice(value),
            NDA_MASTER => bridge = codec::to_u32(value),
            _ => {}
        }
    }
    Some(BridgeEntry {
        link: codec::u32_at(payload, 4)?,
        bridge: bridge?,
        mac: mac?,
        by_hand: codec::u16_at(payload, 8)? & (NUD_NOARP | NUD_PERMANENT) != 0,
    })
}
