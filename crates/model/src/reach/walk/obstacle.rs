//! What can be in a packet's way.

use std::collections::BTreeSet;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::hop::{End, Place};
use crate::host::DesiredPower;
use crate::{NetworkId, PortId, RouterId, SecurityGroupId, SecurityGroupRuleId, ServerId, SubnetId};

/// Why a packet does not go on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Obstacle {
    /// Nobody on the link has the destination's address.
    NoAddress {
        /// The link's network.
        network: NetworkId,
        /// The address.
        address: IpAddr,
    },
    /// Who has the packet knows no way to the destination.
    NoRoute {
        /// Who it is.
        place: Place,
        /// The destination.
        destination: IpAddr,
    },
    /// Nobody has the address of a route's next hop.
    NextHopUnanswered {
        /// Whose route it is.
        place: Place,
        /// The network where the next hop should be.
        network: NetworkId,
        /// The next hop.
        nexthop: IpAddr,
    },
    /// No router has the address of a subnet's gateway, so nothing leaves the subnet.
    NoRouterOnSubnet {
        /// The network.
        network: NetworkId,
        /// The subnet.
        subnet: SubnetId,
        /// Its gateway's address.
        gateway: IpAddr,
    },
    /// The subnet has no gateway, and no host route leads to the destination.
    SubnetWithoutGateway {
        /// The network.
        network: NetworkId,
        /// The subnet.
        subnet: SubnetId,
        /// The destination.
        destination: IpAddr,
    },
    /// A router has neither a leg on a network with the destination, nor a route to it, nor a gateway on a provider network
    /// of that IP version.
    RouterHasNoGateway {
        /// The router.
        router: RouterId,
        /// The destination.
        destination: IpAddr,
    },
    /// A router is administratively down.
    RouterAdminDown {
        /// The router.
        router: RouterId,
    },
    /// A port is administratively down, or its network is.
    PortAdminDown {
        /// The port.
        port: PortId,
    },
    /// Nothing is plugged into a port.
    PortUnbound {
        /// The port.
        port: PortId,
    },
    /// The server that is plugged into a port is not to run.
    ServerNotRunning {
        /// The port.
        port: PortId,
        /// The server.
        server: ServerId,
        /// What it is to do instead.
        power: DesiredPower,
    },
    /// A network, or a provider network, is not on this host.
    NetworkMissing {
        /// The network.
        network: NetworkId,
    },
    /// A router is not on this host.
    RouterMissing {
        /// The router.
        router: RouterId,
    },
    /// A port is not on this host.
    PortMissing {
        /// The port.
        port: PortId,
    },
    /// A port may not send from that address.
    SpoofingGuard {
        /// The port.
        port: PortId,
        /// The address.
        source: IpAddr,
    },
    /// No egress rule of a port's groups lets the packet pass.
    EgressRules {
        /// The port.
        port: PortId,
        /// The rules that differ from the packet in least; none if there is no egress rule.
        nearest: Vec<NearRule>,
    },
    /// No ingress rule of a port's groups lets the packet pass.
    IngressRules {
        /// The port.
        port: PortId,
        /// The rules that differ from the packet in least; none if there is no ingress rule.
        nearest: Vec<NearRule>,
    },
    /// A router does not route between networks of different address scopes.
    AddressScopes {
        /// The router.
        router: RouterId,
        /// Its port that the packet came by.
        from: PortId,
        /// Its port that it would leave by.
        to: PortId,
    },
    /// A router passes on only what NDP proxies name, and none names the destination.
    NdpProxyMissing {
        /// The router.
        router: RouterId,
        /// The destination.
        address: IpAddr,
    },
    /// The answer comes by a place that the first packet did not pass (or passed under other addresses), so that conntrack
    /// there takes it to be invalid.
    InvalidState {
        /// The place.
        place: Place,
    },
    /// The answer comes from another address (or port) than the first packet was sent to: it went back another way than the
    /// one where that was translated.
    ForeignAnswer {
        /// The address that an answer is awaited from.
        awaited: IpAddr,
        /// The address that this one comes from.
        source: IpAddr,
    },
    /// The packet went out with an inside address, and nobody there knows the way back to it.
    NotTranslated {
        /// Who does not.
        place: Place,
        /// The inside address.
        source: IpAddr,
    },
    /// The answer comes to somebody else, who has the address that it goes to.
    AnswerAstray {
        /// To whom.
        end: End,
    },
    /// The host would have to forward the packet between its links.
    HostForwarding,
    /// The machine that is plugged into a port is a next hop, and does not stand for the destination: no allowed address pair
    /// of the port names it.
    GuestForwarding {
        /// The port.
        port: PortId,
        /// The destination.
        destination: IpAddr,
    },
    /// The services of a network are a next hop, and never forward.
    ServicesForwarding {
        /// The network.
        network: NetworkId,
        /// The destination.
        destination: IpAddr,
    },
    /// The port is the metadata service's own on a router, which lets in only what it has redirected.
    MetadataOnly {
        /// The router.
        router: RouterId,
    },
    /// Routes lead in a circle.
    Loop {
        /// Where the packet's hop limit ends.
        place: Place,
    },
}

/// A rule that nearly lets a packet pass.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct NearRule {
    /// Its group.
    pub group: SecurityGroupId,
    /// The rule.
    pub rule: SecurityGroupRuleId,
    /// In what it differs from the packet.
    pub differs: BTreeSet<Difference>,
}

/// In what a rule differs from a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Difference {
    /// It is for the other IP version.
    Ethertype,
    /// It is for another protocol.
    Protocol,
    /// It is for other ports.
    Ports,
    /// It is for another ICMP type or code.
    IcmpType,
    /// It is for others at the other end: an address outside its prefix.
    Prefix,
    /// It is for others at the other end: an address that is no member of its remote group.
    Group,
}
