//! Addresses of links (linux/if_addr.h).

use std::net::IpAddr;

use ipnet::IpNet;

use super::codec::{self, Message, flag};
use super::{Rtnl, address, bytes, family};
use crate::Result;
use crate::error::{unless_exists, unless_gone};

const RTM_NEWADDR: u16 = 20;
const RTM_DELADDR: u16 = 21;
const RTM_GETADDR: u16 = 22;
const IFA_ADDRESS: u16 = 1;
const IFA_LOCAL: u16 = 2;
const IFA_BROADCAST: u16 = 4;
const IFA_FLAGS: u16 = 8;
const IFA_F_NODAD: u32 = 0x02;
const IFA_F_TENTATIVE: u32 = 0x40;
const IFA_F_DADFAILED: u32 = 0x08;
const IFA_F_NOPREFIXROUTE: u32 = 0x200;
/// Size of `struct ifaddrmsg`.
const IFADDR: usize = 8;

/// An address on a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Address {
    /// Index of the link.
    pub link: u32,
    /// Address and prefix length.
    pub net: IpNet,
    /// Not yet usable: duplicate address detection is under way, or has failed.
    pub tentative: bool,
}

/// How an address is added.
#[derive(Clone, Copy, Debug, Default)]
pub struct AddressFlags {
    /// Usable at once, without duplicate address detection (IPv6).
    pub no_dad: bool,
    /// No route for its prefix.
    pub no_prefix_route: bool,
}

impl Rtnl {
    /// All addresses of the namespace, both families.
    pub fn addresses(&mut self) -> Result<Vec<Address>> {
        let message = Message::new(RTM_GETADDR, 0, &[0; IFADDR]);
        self.socket.dump(
            || "list addresses".into(),
            &message,
            |kind, payload| (kind == RTM_NEWADDR).then(|| parse(payload)).flatten(),
        )
    }

    /// Adds an address to a link.
    pub fn add_address(&mut self, link: u32, net: IpNet, flags: AddressFlags) -> Result<()> {
        let mut message = message(RTM_NEWADDR, flag::CREATE | flag::EXCL, link, net);
        let mut bits = 0;
        if flags.no_dad && net.addr().is_ipv6() {
            bits |= IFA_F_NODAD;
        }
        if flags.no_prefix_route {
            bits |= IFA_F_NOPREFIXROUTE;
        }
        message.u32(IFA_FLAGS, bits);
        if let IpNet::V4(v4) = net
            && v4.prefix_len() < 31
        {
            message.attr(IFA_BROADCAST, &v4.broadcast().octets());
        }
        self.socket.ask(|| format!("add address {net} to link {link}"), message)
    }

    /// Adds an address unless the link has it. True if it was added.
    pub fn ensure_address(&mut self, link: u32, net: IpNet, flags: AddressFlags) -> Result<bool> {
        unless_exists(self.add_address(link, net, flags))
    }

    /// Takes an address away. False if the link did not have it.
    pub fn delete_address(&mut self, link: u32, net: IpNet) -> Result<bool> {
        let message = message(RTM_DELADDR, 0, link, net);
        unless_gone(
            self.socket
                .ask(|| format!("delete address {net} of link {link}"), message),
        )
    }
}

fn message(kind: u16, flags: u16, link: u32, net: IpNet) -> Message {
    let mut fixed = [0; IFADDR];
    fixed[0] = family(net.addr());
    fixed[1] = net.prefix_len();
    fixed[4..8].copy_from_slice(&link.to_ne_bytes());
    let mut message = Message::new(kind, flags, &fixed);
    let raw = bytes(net.addr());
    message.attr(IFA_LOCAL, &raw).attr(IFA_ADDRESS, &raw);
    message
}

fn parse(payload: &[u8]) -> Option<Address> {
    let prefix = *payload.get(1)?;
    let link = codec::u32_at(payload, 4)?;
    let mut flags = u32::from(*payload.get(2)?);
    let mut local: Option<IpAddr> = None;
    let mut other: Option<IpAddr> = None;
    for (kind, value) in codec::attrs_after(payload, IFADDR) {
        match kind {
            IFA_LOCAL => local = address(value),
            IFA_ADDRESS => other = address(value),
            IFA_FLAGS => flags = codec::to_u32(value)?,
            _ => {}
        }
    }
    let net = IpNet::new(local.or(other)?, prefix).ok()?;
    Some(Address {
        link,
        net,
        tentative: flags & (IFA_F_TENTATIVE | IFA_F_DADFAILED) != 0,
    })
}
