//! rtnetlink verbs: links, addresses, routes, neighbours.
//!
//! An [`Rtnl`] is one blocking socket in one namespace. Requests are encoded by the small codec in
//! this module, which also serves ctnetlink and nf_tables' generation counter: three protocols
//! with one envelope (RFC 3549).

mod addr;
pub(crate) mod codec;
mod link;
mod monitor;
mod neigh;
mod qdisc;
mod route;
pub(crate) mod socket;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

pub use addr::{Address, AddressFlags};
pub use link::{Bridge, BridgePort, Link, LinkChange, OnBridge, Veth, VethEnd};
pub use monitor::{Monitor, News};
pub use neigh::{BridgeEntry, Neighbour, Proxy};
pub use qdisc::{Filter, HeldTo, TokenBucket};
pub use route::{NextHop, Route, RouteKind};

use crate::{Netns, Result};
use socket::Socket;

/// A routing-netlink socket inside one namespace; usable from any thread.
#[derive(Debug)]
pub struct Rtnl {
    socket: Socket,
}

impl Rtnl {
    /// Opens a socket inside the namespace.
    pub fn open(ns: &Netns) -> Result<Self> {
        Ok(Self {
            socket: Socket::open_in(ns, libc::NETLINK_ROUTE)?,
        })
    }

    /// Opens a socket in the calling thread's namespace: for use within [`Netns::run`].
    pub fn here() -> Result<Self> {
        Ok(Self {
            socket: Socket::open(libc::NETLINK_ROUTE)?,
        })
    }
}

/// The address family number of an address.
pub(crate) fn family(address: IpAddr) -> u8 {
    (if address.is_ipv4() {
        libc::AF_INET
    } else {
        libc::AF_INET6
    }) as u8
}

/// The bytes of an address, as netlink attributes carry them.
pub(crate) fn bytes(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(a) => a.octets().to_vec(),
        IpAddr::V6(a) => a.octets().to_vec(),
    }
}

/// An address from the bytes of an attribute.
pub(crate) fn address(bytes: &[u8]) -> Option<IpAddr> {
    match bytes.len() {
        4 => <[u8; 4]>::try_from(bytes).ok().map(|b| Ipv4Addr::from(b).into()),
        16 => <[u8; 16]>::try_from(bytes).ok().map(|b| Ipv6Addr::from(b).into()),
        _ => None,
    }
}
