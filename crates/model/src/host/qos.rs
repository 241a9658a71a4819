//! What a host limits a port to, and how it marks the port's packets.

use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize};

/// Limits and marks of a port. Directions are the port's owner's: ingress is to it, egress from it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PortQos {
    /// To the port.
    pub ingress: Option<BandwidthLimit>,
    /// From the port.
    pub egress: Option<BandwidthLimit>,
    /// Packets to the port.
    pub ingress_packets: Option<PacketRateLimit>,
    /// Packets from the port.
    pub egress_packets: Option<PacketRateLimit>,
    /// The DSCP mark of what the port sends (RFC 2474).
    pub dscp: Option<u8>,
}

/// A limit of bandwidth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct BandwidthLimit {
    /// kbit a second, more than 0.
    pub kbps: u32,
    /// kbit that may pass at once; 0 for as much as suits the limit.
    pub burst_kbits: u32,
}

/// What may pass a router by one of its addresses on a provider network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddressLimit {
    /// The address.
    pub address: Ipv4Addr,
    /// What comes in for it.
    pub ingress: Option<BandwidthLimit>,
    /// What leaves under it.
    pub egress: Option<BandwidthLimit>,
}

/// A limit of packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PacketRateLimit {
    /// Thousands a second, more than 0.
    pub kpps: u32,
    /// Thousands that may pass at once; 0 for as much as suits the limit.
    pub burst_kpackets: u32,
}
