//! The question: who sends what to whom.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::{NetworkId, PortId, RouterId};

/// IP protocol numbers that are treated in their own way (IANA, "Protocol Numbers").
pub mod protocol {
    /// ICMP for IPv4.
    pub const ICMP: u8 = 1;
    /// TCP.
    pub const TCP: u8 = 6;
    /// UDP.
    pub const UDP: u8 = 17;
    /// ICMP for IPv6.
    pub const ICMPV6: u8 = 58;
}

/// The port that a client is taken to send from: one of those that Linux gives out by itself
/// (`net.ipv4.ip_local_port_range`). It matters to rules of stateless groups, which judge answers to it.
pub const CLIENT_PORT: u16 = 50_000;

/// Who sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Start {
    /// A machine with this address on a provider network; where the address is on none of the prefixes that the host has on
    /// its bridge, a machine somewhere behind the host.
    Outside {
        /// The provider network.
        network: NetworkId,
        /// The machine's address.
        address: IpAddr,
    },
    /// The cloud's host itself.
    Host,
    /// A router's own namespace.
    Router(RouterId),
    /// A network's own namespace, where its DHCP and DNS are.
    Network(NetworkId),
    /// The machine that is plugged into a port.
    Port {
        /// The port.
        id: PortId,
        /// The address it sends from, allowed or not.
        address: IpAddr,
    },
}

/// What is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Protocol {
    /// An echo request.
    Icmp,
    /// A connection to this port.
    Tcp(u16),
    /// A datagram to this port.
    Udp(u16),
    /// A packet of another IP protocol, by number.
    Other(u8),
}

/// A question: the first packet of a flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Flow {
    /// Who sends it.
    pub start: Start,
    /// The address it is sent to.
    pub destination: IpAddr,
    /// What it is.
    pub protocol: Protocol,
}

/// An ICMP message's type and code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Icmp {
    /// The type.
    pub kind: u8,
    /// The code.
    pub code: u8,
}

/// A packet on its way: what rules and address translation look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Packet {
    /// The sender's address.
    pub source: IpAddr,
    /// The receiver's.
    pub destination: IpAddr,
    /// IP protocol number.
    pub protocol: u8,
    /// Source and destination port, of TCP and UDP.
    pub ports: Option<(u16, u16)>,
    /// The message, of ICMP.
    pub icmp: Option<Icmp>,
}

impl Packet {
    /// The first packet that somebody sends to somebody.
    pub fn first(source: IpAddr, destination: IpAddr, kind: Protocol) -> Self {
        let (number, port, icmp) = match (kind, destination) {
            (Protocol::Icmp, IpAddr::V4(_)) => (protocol::ICMP, None, Some(8)),
            (Protocol::Icmp, IpAddr::V6(_)) => (protocol::ICMPV6, None, Some(128)),
            (Protocol::Tcp(port), _) => (protocol::TCP, Some(port), None),
            (Protocol::Udp(port), _) => (protocol::UDP, Some(port), None),
            (Protocol::Other(number), _) => (number, None, None),
        };
        Self {
            source,
            destination,
            protocol: number,
            ports: port.map(|port| (CLIENT_PORT, port)),
            icmp: icmp.map(|kind| Icmp { kind, code: 0 }),
        }
    }

    /// What whoever gets this packet answers: an echo reply, TCP's second packet, a datagram back.
    pub fn answer(&self) -> Self {
        let icmp = self.icmp.map(|message| match message.kind {
            8 => Icmp { kind: 0, code: 0 },
            128 => Icmp { kind: 129, code: 0 },
            kind => Icmp {
                kind,
                code: message.code,
            },
        });
        Self {
            source: self.destination,
            destination: self.source,
            protocol: self.protocol,
            ports: self.ports.map(|(source, destination)| (destination, source)),
            icmp,
        }
    }

    /// The port it is sent to, of TCP and UDP.
    pub fn destination_port(&self) -> Option<u16> {
        self.ports.map(|(_, destination)| destination)
    }
}
