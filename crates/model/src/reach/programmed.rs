//! What a host really holds, compared with what its [`HostConfig`] asks for: each thing that is missing, different, or not
//! wanted, by name.
//!
//! Only differences are told: an [`Inspection`] without findings says that everything in its [`Scope`] is as it was
//! declared. What follows from another finding alone is left out (the addresses of a device that is missing, say), so that
//! what is named is what is to be mended.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::host::{Direction, HostConfig, PortBinding};
use crate::{
    FloatingIpId, MeteringLabelId, NetworkId, PortId, RouterId, SecurityGroupId, SecurityGroupRuleId, ServerId,
};

/// What is to be looked at. A port brings what its network has in common for all ports; a router its legs, with both ends;
/// a server its ports.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scope {
    /// Provider networks.
    pub externals: BTreeSet<NetworkId>,
    /// Self-service networks, without their ports.
    pub networks: BTreeSet<NetworkId>,
    /// Routers.
    pub routers: BTreeSet<RouterId>,
    /// Ports.
    pub ports: BTreeSet<PortId>,
    /// Servers.
    pub servers: BTreeSet<ServerId>,
}

impl Scope {
    /// Everything that a host is to hold.
    pub fn all(config: &HostConfig) -> Self {
        let ports = config.networks.values().flat_map(|network| network.ports.keys());
        Self {
            externals: config.externals.keys().copied().collect(),
            networks: config.networks.keys().copied().collect(),
            routers: config.routers.keys().copied().collect(),
            ports: ports.copied().collect(),
            servers: config.servers.keys().copied().collect(),
        }
    }

    /// The scope with what its parts bring: the ports of servers, their networks, the parents of trunks' subports, the
    /// provider networks of routers.
    pub fn with_what_belongs(&self, config: &HostConfig) -> Self {
        let mut all = self.clone();
        let servers = self.servers.iter().filter_map(|id| config.servers.get(id));
        let nics = servers.flat_map(|server| &server.nics);
        all.ports.extend(nics.map(|nic| nic.port_id));
        let routers = self.routers.iter().filter_map(|id| config.routers.get(id));
        for router in routers {
            all.ports.extend(router.legs.iter().map(|leg| leg.port_id));
            all.externals.extend(router.gateway.iter().map(|leg| leg.network_id));
        }
        let bound = |port: &PortId| config.networks.values().find_map(|network| network.ports.get(port));
        let parents = all
            .ports
            .iter()
            .filter_map(bound)
            .filter_map(|port| match port.binding {
                PortBinding::Trunk(trunk) => config.trunks.get(&trunk).map(|trunk| trunk.parent),
                _ => None,
            });
        let parents: Vec<PortId> = parents.collect();
        all.ports.extend(parents);
        for (id, network) in &config.networks {
            if all.ports.iter().any(|port| network.ports.contains_key(port)) {
                all.networks.insert(*id);
            }
        }
        all
    }
}

/// Where on the host something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// The host's own namespace.
    Host,
    /// The namespace of a self-service network (`qdhcp-…`).
    Network(NetworkId),
    /// The namespace of a router (`qrouter-…`).
    Router(RouterId),
    /// The namespace that a port is attached to (`maru port attach`).
    Attached(PortId),
}

/// What a device is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeviceRole {
    /// The loopback device of a namespace.
    Loopback,
    /// The bridge of a provider network.
    ExternalBridge(NetworkId),
    /// The bridge of a self-service network.
    NetworkBridge(NetworkId),
    /// A port's device on its network's bridge: a server's tap, or one end of a pair.
    Port(PortId),
    /// The device beside it where what the port sends is limited.
    Intermediate(PortId),
    /// A subport's end beside its trunk's tap.
    TrunkEnd(PortId),
    /// A router's leg on a self-service network.
    Leg(PortId),
    /// A router's leg on a provider network.
    Gateway(PortId),
    /// The end of that on the provider network's bridge.
    GatewayEnd(PortId),
    /// The interface in the namespace that a port is attached to.
    Attached(PortId),
    /// One that nobody asked for.
    Stranger,
}

/// A network device.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Device {
    /// Where it is.
    pub place: Place,
    /// Its name.
    pub name: String,
    /// What it is for.
    pub role: DeviceRole,
}

/// A property of a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Property {
    /// `bridge`, `veth`, `tun` …
    Kind,
    /// Whether it is up.
    Up,
    /// Its Ethernet address.
    Mac,
    /// Largest IP packet, bytes.
    Mtu,
    /// The bridge it is on.
    Bridge,
    /// The other end of its pair.
    Peer,
    /// Whether a QEMU holds it.
    Held,
    /// What orders the packets that leave it, where nobody asked for any such thing.
    Discipline,
    /// What happens to frames on their way through the bridge: forwarded or not (IEEE 802.1D port states).
    BridgePortState,
    /// Whether it is kept from other isolated ports of the bridge.
    Isolated,
    /// Whether the bridge learns who is behind it.
    Learning,
    /// Whether it gets frames whose receiver the bridge does not know.
    Flooding,
    /// The program that tags or untags a trunk's frames.
    Program,
    /// The filters of what enters it, where nobody asked for any.
    Filters,
}

/// An nftables table.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TableName {
    /// Where it is.
    pub place: Place,
    /// `inet`, `ip`, `ip6`, `bridge`, `arp` or `netdev`.
    pub family: String,
    /// Its name.
    pub name: String,
}

/// Who a part of a ruleset is there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RuleOwner {
    /// A port.
    Port(PortId),
    /// A security group's rule.
    Rule(SecurityGroupRuleId),
    /// A security group, or an address group under its id.
    Group(SecurityGroupId),
    /// A floating IP.
    FloatingIp(FloatingIpId),
    /// Single ports of a floating IP.
    Forwarding(FloatingIpId),
    /// The router's gateway: translation to its address, and what that needs.
    Gateway(PortId),
    /// The address of a provider network that is limited.
    Limit(Ipv4Addr),
    /// An address that a router answers neighbours for.
    NdpProxy(Ipv6Addr),
    /// A metering label.
    Label(MeteringLabelId),
    /// The network itself: what all its ports need.
    Network(NetworkId),
    /// The router itself.
    Router(RouterId),
}

/// What a service is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Service {
    /// DHCP by IPv4.
    Dhcp,
    /// DHCPv6.
    Dhcpv6,
    /// DNS at an address, by UDP.
    Dns(IpAddr),
    /// DNS at an address, by TCP.
    DnsOverTcp(IpAddr),
    /// The metadata service.
    Metadata,
    /// Router advertisements on a leg.
    Advertisements(PortId),
}

/// A thing that a host holds for the cloud, or that stands in its way.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HostObject {
    /// A namespace. [`State::Different`]: another one has its name.
    Namespace(Place),
    /// A setting of a namespace, by its path below `/proc/sys`.
    Setting {
        /// The namespace.
        place: Place,
        /// The path.
        key: String,
    },
    /// A device as a whole.
    Device(Device),
    /// Something about a device.
    Property {
        /// The device.
        device: Device,
        /// What about it.
        property: Property,
    },
    /// An address of a device.
    Address {
        /// The device.
        device: Device,
        /// The address with its prefix length.
        address: IpNet,
        /// The floating IP that it is, if it is one.
        floating_ip: Option<FloatingIpId>,
    },
    /// A route of the main table.
    Route {
        /// The namespace.
        place: Place,
        /// The destination.
        destination: IpNet,
        /// The next hop; `None` for a route without one.
        nexthop: Option<IpAddr>,
        /// Whether it drops what it is for.
        drops: bool,
    },
    /// A rule that has packets routed by other tables than the main one (`ip rule`).
    RoutingRule {
        /// The namespace.
        place: Place,
        /// Its priority.
        priority: u32,
    },
    /// A table of nftables.
    Table(TableName),
    /// A chain. [`State::Different`]: its hook, priority or policy.
    Chain {
        /// Its table.
        table: TableName,
        /// Its name.
        chain: String,
        /// Who it is for.
        owner: RuleOwner,
    },
    /// A rule of a chain.
    Rule {
        /// The table.
        table: TableName,
        /// The chain.
        chain: String,
        /// The rule, as `nft -n list` shows it.
        rule: String,
        /// Who it is for.
        owner: RuleOwner,
    },
    /// The order of a chain's rules.
    RuleOrder {
        /// The table.
        table: TableName,
        /// The chain.
        chain: String,
        /// Who it is for.
        owner: RuleOwner,
    },
    /// A set or map.
    Set {
        /// The table.
        table: TableName,
        /// Its name.
        set: String,
        /// Who it is for.
        owner: RuleOwner,
    },
    /// An element of a set or map. [`State::Different`]: the value of a map's.
    Element {
        /// The table.
        table: TableName,
        /// The set.
        set: String,
        /// The element's key, as `nft -n list` shows it.
        key: String,
        /// Who it is for.
        owner: RuleOwner,
    },
    /// A named counter.
    Counter {
        /// The table.
        table: TableName,
        /// Its name.
        counter: String,
        /// Who it is for.
        owner: RuleOwner,
    },
    /// A chain of somebody else's that drops packets which pass here.
    ForeignChain {
        /// The table.
        table: TableName,
        /// The chain where the kernel enters.
        chain: String,
        /// Where it enters, and what becomes of what no rule says anything of.
        hook: String,
        /// What drops: `policy drop`, or rules as `nft -n list` shows them.
        drops: Vec<String>,
    },
    /// An address that a router answers neighbours for.
    NdpProxy {
        /// The router.
        router: RouterId,
        /// The address.
        address: Ipv6Addr,
    },
    /// A neighbour that somebody set by hand.
    Neighbour {
        /// The device it is behind.
        device: Device,
        /// Its address.
        address: IpAddr,
    },
    /// What a bridge was told by hand of who is behind which device.
    BridgeEntry {
        /// The network.
        network: NetworkId,
        /// Whose Ethernet address it is.
        port: PortId,
    },
    /// What a port is held to by its devices' queues.
    BandwidthLimit {
        /// The port.
        port: PortId,
        /// Which way.
        direction: Direction,
    },
    /// A socket that a service listens on.
    Service {
        /// Where.
        place: Place,
        /// Which.
        service: Service,
    },
    /// The QEMU of a server.
    Process(ServerId),
    /// The table of tracked flows of a namespace. [`State::Different`]: it is full.
    FlowTable(Place),
    /// The host's table of neighbours by IPv4 (4) or IPv6 (6). [`State::Different`]: it is full.
    NeighbourTable(u8),
}

/// How a thing is, other than it should be.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It is not there.
    Missing,
    /// It is there, and not what it should be.
    Different {
        /// What it should be.
        want: String,
        /// What it is.
        have: String,
    },
    /// It is there, and nobody asked for it.
    Unwanted,
    /// It can't be told: the reason, for the operator.
    Unreadable(String),
}

/// A thing that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Finding {
    /// The thing.
    pub object: HostObject,
    /// How it is.
    pub state: State,
}

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inspection {
    /// The [`HostConfig::revision`] that the host was compared with.
    pub revision: u64,
    /// What is not as it should be, in order; each thing once.
    pub findings: BTreeSet<Finding>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_can_be_written_and_read() {
        let id = uuid::Uuid::from_u128(7);
        let device = Device {
            place: Place::Network(NetworkId(id)),
            name: "tap00000000-00".into(),
            role: DeviceRole::Port(PortId(id)),
        };
        let table = TableName {
            place: Place::Host,
            family: "ip".into(),
            name: "filter".into(),
        };
        let objects = [
            HostObject::Namespace(Place::Router(RouterId(id))),
            HostObject::Property {
                device,
                property: Property::Mtu,
            },
            HostObject::Rule {
                table,
                chain: "c".into(),
                rule: "counter drop".into(),
                owner: RuleOwner::Rule(SecurityGroupRuleId(id)),
            },
            HostObject::Service {
                place: Place::Host,
                service: Service::Dns("10.0.0.2".parse().unwrap()),
            },
        ];
        let state = State::Different {
            want: "1450".into(),
            have: "1500".into(),
        };
        let findings = objects.map(|object| Finding {
            object,
            state: state.clone(),
        });
        let inspection = Inspection {
            revision: 3,
            findings: findings.into_iter().collect(),
        };
        let text = serde_json::to_string(&inspection).unwrap();
        assert_eq!(serde_json::from_str::<Inspection>(&text).unwrap(), inspection);
    }
}
