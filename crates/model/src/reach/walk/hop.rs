//! What a walk is made of.

use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::obstacle::Obstacle;
use crate::reach::flow::Packet;
use crate::{FloatingIpId, NetworkId, PortId, RouterId, SecurityGroupRuleId, ServerId};

/// The first packet or its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Way {
    /// From who asks to who is asked.
    Request,
    /// Back.
    Reply,
}

/// Where a packet is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// A machine on a provider network's link.
    Outside {
        /// The provider network.
        network: NetworkId,
        /// The machine's address.
        address: IpAddr,
    },
    /// Somewhere behind the host's own uplinks.
    Beyond,
    /// The host's own namespace.
    Host,
    /// The link of a provider network: its bridge.
    External(NetworkId),
    /// A self-service network: its bridge, its filter, its services.
    Network(NetworkId),
    /// A router.
    Router(RouterId),
    /// The machine that is plugged into a port.
    Port(PortId),
}

/// One step of a packet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hop {
    /// Where it was taken.
    pub place: Place,
    /// What happened there.
    pub event: Event,
    /// The packet as it came to this step.
    pub before: Packet,
    /// The packet as it left it.
    pub after: Packet,
    /// Whether it went on.
    pub verdict: Verdict,
}

/// Whether a packet passed a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It did.
    Passed,
    /// It would not have, but what stops it is assumed to be overcome.
    Assumed(Obstacle),
    /// It did not. This is the packet's last step.
    Stopped(Obstacle),
}

/// What happens to a packet in a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// A machine, or a namespace, made it.
    Sent,
    /// The way to go on was looked up.
    Routed(RouteBy),
    /// A machine with several ports sends it by another one than it came by, or was to be sent by: its routes say so, as far as
    /// the cloud told them.
    OtherPort {
        /// The other one.
        port: PortId,
    },
    /// Whoever has an address on the link was asked for (ARP, neighbour discovery).
    NeighbourResolution {
        /// The address.
        address: IpAddr,
        /// Who answers, if anybody does.
        neighbour: Option<Neighbour>,
    },
    /// A packet from a port was compared with what the port may send as.
    SpoofingGuard {
        /// The port.
        port: PortId,
    },
    /// A packet from a port was judged by its egress rules.
    EgressRules {
        /// The port.
        port: PortId,
        /// What lets it pass; `None` if nothing does.
        grant: Option<Grant>,
    },
    /// A packet to a port was judged by its ingress rules.
    IngressRules {
        /// The port.
        port: PortId,
        /// What lets it pass; `None` if nothing does.
        grant: Option<Grant>,
    },
    /// Conntrack could not place it: an answer to something that did not pass here.
    ConnectionTracking,
    /// Addresses (or ports) were changed.
    Translated(Translation),
    /// A router compared the address scopes of the networks that it came from and goes to.
    AddressScopes {
        /// The router's port that it came by.
        from: PortId,
        /// The router's port that it goes by.
        to: PortId,
    },
    /// A router that is to pass on only what NDP proxies name looked for one.
    NdpProxy,
    /// It came to the machine that is plugged into a port.
    Plugged {
        /// The port.
        port: PortId,
    },
    /// It is where it was sent to.
    Arrived(End),
}

/// Who has an address on a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Neighbour {
    /// The machine that is plugged into a port.
    Port(PortId),
    /// A router, by its port there.
    Router {
        /// The router.
        router: RouterId,
        /// Its port.
        port: PortId,
    },
    /// The network's own namespace.
    Services(NetworkId),
    /// The cloud's host.
    Host,
    /// A machine on a provider network.
    Outside(IpAddr),
}

/// Why a packet passed a port's filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Grant {
    /// A rule lets it.
    Rule(SecurityGroupRuleId),
    /// It belongs to a flow that was let pass before.
    Established,
    /// The port has no port security, or is a router's.
    Unfiltered,
    /// The network's own services reach every port that is not in stateless groups.
    Services,
}

/// What says where to go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RouteBy {
    /// The destination is on a link of one's own.
    Connected {
        /// The link's network.
        network: NetworkId,
        /// The router's port there, if this is a router.
        port: Option<PortId>,
    },
    /// A route: a subnet's host route, a router's extra route, a route of the host to a network behind a router.
    Route {
        /// Its destination prefix.
        destination: IpNet,
        /// Its next hop.
        nexthop: IpAddr,
    },
    /// The gateway of the subnet, or of a router's provider network.
    Default {
        /// The next hop.
        nexthop: IpAddr,
        /// Whether it is the router's own gateway.
        port: Option<PortId>,
    },
    /// By the host's own uplinks, of which its configuration says nothing.
    Uplink,
}

/// Why a packet's addresses are changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Translation {
    /// To the address inside that a floating IP leads to.
    FloatingIp(FloatingIpId),
    /// To where a port forwarding of a floating IP leads.
    PortForwarding(FloatingIpId),
    /// To leave under a floating IP.
    FromFloatingIp(FloatingIpId),
    /// To leave under the router's own address.
    Snat(RouterId),
    /// To the router's metadata service.
    Metadata(RouterId),
    /// As the first packet of its flow was, in reverse.
    Back(RouterId),
}

/// Where a packet ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// The machine that is plugged into a port.
    Port {
        /// The port.
        port: PortId,
        /// The server, if it is one's.
        server: Option<ServerId>,
    },
    /// A router itself.
    Router(RouterId),
    /// The metadata service: the network's own, or a router's.
    Metadata(Place),
    /// The services of a network (DHCP, DNS).
    Services(NetworkId),
    /// The cloud's host.
    Host,
    /// A machine on a provider network.
    Outside {
        /// The provider network.
        network: NetworkId,
        /// The machine's address.
        address: IpAddr,
    },
    /// Whoever has the address behind the host's uplinks.
    Beyond,
}
