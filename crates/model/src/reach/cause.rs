//! The catalogue of causes: why something can't be reached. Each has a code that stays the same, whoever can mend it, and (in
//! [`super::words`]) a sentence in each language.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::question::Lack;
use super::walk::{Difference, NearRule, Obstacle, Place};
use crate::compute::VmState;
use crate::host::DesiredPower;
use crate::network::{FloatingIp, Port};
use crate::{Cloud, FloatingIpId, NetworkId, PortId, ServerId};

/// A cause's stable name. What it stands for never changes; new ones may come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[non_exhaustive]
pub enum Code {
    /// A server has no port.
    ServerWithoutPort,
    /// A port has no address of the IP version.
    PortWithoutAddress,
    /// No floating IP leads to the port, so nobody outside has an address to reach it by.
    FipMissing,
    /// The floating IP leads nowhere.
    FipUnassociated,
    /// The address is of a network inside, which nobody outside has a way to.
    FixedIpFromOutside,
    /// There is no provider network.
    NoExternalNetwork,
    /// Nobody on the link has the address.
    NoAddress,
    /// There is no route.
    NoRoute,
    /// A route's next hop does not answer.
    NextHopUnanswered,
    /// No router has an interface on the subnet.
    RouterNoInterfaceOnSubnet,
    /// The subnet has no gateway.
    SubnetWithoutGateway,
    /// The router has no gateway on a provider network.
    RouterNoGateway,
    /// The router is administratively down.
    RouterAdminDown,
    /// The port is administratively down.
    PortAdminDown,
    /// The network is administratively down.
    NetworkAdminDown,
    /// Nothing is plugged into the port.
    PortUnbound,
    /// The server does not run.
    VmNotRunning,
    /// The server's processors stand still.
    VmPaused,
    /// The server's memory is saved, its process gone.
    VmSuspended,
    /// The server is being made.
    VmBuilding,
    /// The server is in error.
    VmError,
    /// The object is on no host.
    NotOnHost,
    /// The port may not send from the address.
    PortSecuritySpoof,
    /// No egress rule lets it leave.
    SgEgressBlocked,
    /// No ingress rule lets it in.
    SgNoIngressRule,
    /// A rule would, for others at the other end.
    SgWrongRemote,
    /// A rule would, for another protocol.
    SgWrongProtocol,
    /// A rule would, for other ports.
    SgWrongPort,
    /// A rule would, for the other IP version.
    SgWrongEthertype,
    /// The port is in no security group.
    SgNone,
    /// The router does not route between address scopes.
    AddressScopes,
    /// No NDP proxy names the address.
    NdpProxyMissing,
    /// The answer comes back another way.
    AsymmetricReturn,
    /// The packet goes out untranslated, and nobody there knows the way back.
    NoWayBack,
    /// The host does not forward.
    HostForwardOff,
    /// A guest that is a next hop is not allowed to forward.
    GuestMayNotForward,
    /// A network's DHCP address is a next hop.
    NextHopIsDhcp,
    /// The port belongs to the metadata service.
    MetadataOnly,
    /// Routes lead in a circle.
    RoutingLoop,
    /// A namespace is not on the host, or is not Maru's.
    NsMissing,
    /// A device is not on the host.
    DeviceMissing,
    /// A server's tap is not on the host.
    TapMissing,
    /// No QEMU holds a server's tap.
    TapNotHeld,
    /// A device is down.
    DeviceDown,
    /// The bridge of a provider network is down, or not there.
    UplinkDown,
    /// A device is on another bridge, or its pair leads elsewhere.
    DeviceUnplugged,
    /// A bridge does not pass on what comes to a device.
    BridgePortBlocked,
    /// A device that nobody asked for is among the cloud's.
    StrangeDevice,
    /// A device has another Ethernet address.
    MacWrong,
    /// A device, or an uplink, takes smaller packets than was declared.
    MtuTooSmall,
    /// The host lacks its address on a provider network.
    BrExNoAddress,
    /// A router, or a network's services, lack an address.
    AddressMissing,
    /// A floating IP's address is not on its router.
    FipAddressMissing,
    /// Somebody else has, or answers for, an address.
    AddressTaken,
    /// The rule that leads a floating IP to its address inside is missing.
    DnatRuleMissing,
    /// That rule leads elsewhere.
    DnatRuleWrong,
    /// The rule by which packets leave under an address outside is missing.
    SnatRuleMissing,
    /// A rule is missing.
    RuleMissing,
    /// A rule that nobody asked for is among the cloud's.
    RuleUnwanted,
    /// A whole table of rules is missing, or asleep.
    RulesMissing,
    /// Somebody else's table of rules is in a namespace of the cloud's.
    ForeignRules,
    /// Somebody else's chain of rules drops packets.
    HostFirewall,
    /// A route is missing.
    RouteMissing,
    /// A route, or a rule of routing, that nobody asked for leads elsewhere.
    RouteAstray,
    /// A route swallows packets.
    RouteBlackhole,
    /// A network of the host has addresses of the cloud's.
    OverlapWithHostNetwork,
    /// A router's namespace does not forward.
    NsForwardOff,
    /// Packets are dropped whose sender would be answered another way.
    RpfilterDrop,
    /// IPv6 is turned off on a device.
    Ipv6Off,
    /// A neighbour is set by hand to a wrong Ethernet address.
    NeighbourWrong,
    /// A neighbour did not answer.
    NeighbourFailed,
    /// A guest was asked for its address and did not answer.
    ArpUnanswered,
    /// A bridge believes a port to be behind another device.
    BridgeFdbWrong,
    /// The kernel has no room for more neighbours.
    NeighTableFull,
    /// The kernel has no room for more flows.
    ConntrackFull,
    /// The kernel has room for few more flows.
    ConntrackNearlyFull,
    /// A server's QEMU is not running, and should be.
    VmProcessGone,
    /// DHCP does not listen.
    DhcpServiceDown,
    /// DNS does not listen.
    DnsServiceDown,
    /// The metadata service does not listen.
    MetadataServiceDown,
    /// A router does not advertise itself.
    RaServiceDown,
    /// The guest has got no address by DHCP.
    DhcpNoLease,
    /// The guest asked for an address that is not its own.
    WrongAddressInGuest,
    /// The guest could not reach the metadata service.
    MetadataNotFetched,
    /// The guest was given no key to log in by.
    KeyNotDelivered,
    /// The guest's kernel gave up.
    KernelPanic,
    /// The guest found nothing to boot from.
    NoBootDisk,
    /// The guest is still starting.
    GuestStillBooting,
    /// The guest has sent nothing.
    GuestSilent,
    /// The guest's own firewall keeps silent.
    GuestFirewall,
    /// Nothing in the guest listens at the port.
    PortClosed,
    /// Somebody on the way says that it can't be delivered.
    UnreachableOnWay,
    /// A packet was lost on the host.
    LostOnHost,
    /// Packets wait, or are dropped, by a limit that was not asked for.
    QosPolicing,
    /// Somebody else's queue or filter has its turn at the packets.
    ForeignQueue,
    /// A trunk's frames are not tagged or untagged.
    TrunkBroken,
    /// Something else on the host is not as it was declared.
    Drift,
}

impl Code {
    /// As written: `SG_NO_INGRESS_RULE`.
    pub fn as_str(self) -> String {
        match serde_json::to_value(self) {
            Ok(serde_json::Value::String(text)) => text,
            // A unit variant is always a string.
            _ => format!("{self:?}"),
        }
    }
}

/// Who can mend something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Owner {
    /// Whoever asked.
    You,
    /// A member of the project that the object belongs to.
    Project,
    /// Who runs the cloud.
    Operator,
}

/// Why something can't be reached, with what it is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// Something that has to be there first is not.
    Lack(Lack),
    /// Something stops a packet.
    Obstacle(Obstacle),
    /// An address inside was asked for from outside.
    FixedFromOutside {
        /// The port that has it.
        port: PortId,
        /// The address.
        address: IpAddr,
    },
    /// A floating IP that was asked for by its address leads nowhere.
    Unassociated {
        /// The floating IP.
        floating_ip: FloatingIpId,
    },
    /// A server is not what it should be, whatever was asked of it.
    Server {
        /// The server.
        server: ServerId,
        /// What it is.
        state: ServerState,
    },
}

/// What a server is instead of running.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ServerState {
    /// Being made, or started.
    Building,
    /// Shut down.
    Off,
    /// Paused.
    Paused,
    /// Suspended.
    Suspended,
    /// In error.
    Error,
}

impl ServerState {
    /// What a server is; `None` while it runs as it should.
    pub fn of(state: VmState) -> Option<Self> {
        Some(match state {
            VmState::Active | VmState::Resized | VmState::Rescued => return None,
            VmState::Building => Self::Building,
            VmState::Paused => Self::Paused,
            VmState::Suspended => Self::Suspended,
            VmState::Stopped | VmState::Shelved | VmState::ShelvedOffloaded | VmState::Deleted => Self::Off,
            VmState::Error => Self::Error,
        })
    }
}

impl Cause {
    /// What an obstacle comes from: with the cloud's rows in sight it can often be said more exactly than by who stopped the
    /// packet.
    pub fn of_obstacle(cloud: &Cloud, obstacle: Obstacle) -> Self {
        let refined = match &obstacle {
            Obstacle::NoAddress { network, address } => {
                let idle =
                    floating_ip_at(cloud, *network, *address).map(|found| Self::Unassociated { floating_ip: found.id });
                // A port that nothing is plugged into is on no host.
                idle.or_else(|| {
                    let port = port_on(cloud, *network, *address)?;
                    Some(Self::Obstacle(Obstacle::PortUnbound { port: port.id }))
                })
            }
            Obstacle::NoRoute { place, destination } if is_outside(place) => {
                port_with(cloud, *destination).map(|port| Self::FixedFromOutside {
                    port: port.id,
                    address: *destination,
                })
            }
            Obstacle::ServerNotRunning { server, .. } => cloud
                .servers
                .get(server)
                .and_then(|row| ServerState::of(row.vm_state))
                .map(|state| Self::Server { server: *server, state }),
            _ => None,
        };
        refined.unwrap_or(Self::Obstacle(obstacle))
    }

    /// Its name.
    pub fn code(&self, cloud: &Cloud) -> Code {
        match self {
            Self::Lack(lack) => match lack {
                Lack::Port { .. } => Code::ServerWithoutPort,
                Lack::Address { .. } => Code::PortWithoutAddress,
                Lack::FloatingIp { .. } => Code::FipMissing,
                Lack::Association { .. } => Code::FipUnassociated,
                Lack::Router { .. } => Code::RouterNoInterfaceOnSubnet,
                Lack::ExternalNetwork => Code::NoExternalNetwork,
            },
            Self::FixedFromOutside { .. } => Code::FixedIpFromOutside,
            Self::Unassociated { .. } => Code::FipUnassociated,
            Self::Server { state, .. } => match state {
                ServerState::Building => Code::VmBuilding,
                ServerState::Off => Code::VmNotRunning,
                ServerState::Paused => Code::VmPaused,
                ServerState::Suspended => Code::VmSuspended,
                ServerState::Error => Code::VmError,
            },
            Self::Obstacle(obstacle) => obstacle_code(cloud, obstacle),
        }
    }
}

fn obstacle_code(cloud: &Cloud, obstacle: &Obstacle) -> Code {
    match obstacle {
        Obstacle::NoAddress { .. } => Code::NoAddress,
        Obstacle::NoRoute { .. } => Code::NoRoute,
        Obstacle::NextHopUnanswered { .. } => Code::NextHopUnanswered,
        Obstacle::NoRouterOnSubnet { .. } => Code::RouterNoInterfaceOnSubnet,
        Obstacle::SubnetWithoutGateway { .. } => Code::SubnetWithoutGateway,
        Obstacle::RouterHasNoGateway { .. } => Code::RouterNoGateway,
        Obstacle::RouterAdminDown { .. } => Code::RouterAdminDown,
        Obstacle::PortAdminDown { port } => match network_is_down(cloud, *port) {
            true => Code::NetworkAdminDown,
            false => Code::PortAdminDown,
        },
        Obstacle::PortUnbound { .. } => Code::PortUnbound,
        Obstacle::ServerNotRunning { power, .. } => match power {
            DesiredPower::Paused => Code::VmPaused,
            DesiredPower::Suspended => Code::VmSuspended,
            DesiredPower::On | DesiredPower::Off => Code::VmNotRunning,
        },
        Obstacle::NetworkMissing { .. } | Obstacle::RouterMissing { .. } | Obstacle::PortMissing { .. } => {
            Code::NotOnHost
        }
        Obstacle::SpoofingGuard { .. } => Code::PortSecuritySpoof,
        Obstacle::EgressRules { .. } => Code::SgEgressBlocked,
        Obstacle::IngressRules { port, nearest } => ingress_code(cloud, *port, nearest),
        Obstacle::AddressScopes { .. } => Code::AddressScopes,
        Obstacle::NdpProxyMissing { .. } => Code::NdpProxyMissing,
        Obstacle::InvalidState { .. } | Obstacle::ForeignAnswer { .. } | Obstacle::AnswerAstray { .. } => {
            Code::AsymmetricReturn
        }
        Obstacle::NotTranslated { .. } => Code::NoWayBack,
        Obstacle::HostForwarding => Code::HostForwardOff,
        Obstacle::GuestForwarding { .. } => Code::GuestMayNotForward,
        Obstacle::ServicesForwarding { .. } => Code::NextHopIsDhcp,
        Obstacle::MetadataOnly { .. } => Code::MetadataOnly,
        Obstacle::Loop { .. } => Code::RoutingLoop,
    }
}

/// A rule that differs in one thing alone is most likely the one that was meant.
fn ingress_code(cloud: &Cloud, port: PortId, nearest: &[NearRule]) -> Code {
    if cloud
        .ports
        .get(&port)
        .is_some_and(|port| port.security_groups.is_empty())
    {
        return Code::SgNone;
    }
    // That a group's members may talk to one another is how every default group begins, and was not meant for others.
    let is_meant = |near: &&NearRule| {
        let rule = cloud.security_group_rules.get(&near.rule);
        !near.differs.contains(&Difference::Group) || rule.is_some_and(|rule| rule.protocol.is_some())
    };
    let single = nearest.iter().filter(is_meant).find_map(|near| {
        let mut differs = near.differs.iter();
        differs.next().filter(|_| differs.next().is_none())
    });
    match single {
        Some(Difference::Prefix | Difference::Group) => Code::SgWrongRemote,
        Some(Difference::Protocol) => Code::SgWrongProtocol,
        Some(Difference::Ports | Difference::IcmpType) => Code::SgWrongPort,
        Some(Difference::Ethertype) => Code::SgWrongEthertype,
        None => Code::SgNoIngressRule,
    }
}

/// Whether a port is down because its network is.
pub(super) fn network_is_down(cloud: &Cloud, port: PortId) -> bool {
    let network = cloud
        .ports
        .get(&port)
        .and_then(|port| cloud.networks.get(&port.network_id));
    network.is_some_and(|network| !network.admin_state_up)
}

fn is_outside(place: &Place) -> bool {
    matches!(
        place,
        Place::Outside { .. } | Place::Beyond | Place::Host | Place::External(_)
    )
}

fn floating_ip_at(cloud: &Cloud, network: NetworkId, address: IpAddr) -> Option<&FloatingIp> {
    let ids = cloud.lookups.floating_ips_by_network.of(&network);
    let rows = ids.filter_map(|id| cloud.floating_ips.get(id));
    rows.map(|row| row.as_ref())
        .find(|row| IpAddr::V4(row.floating_ip_address) == address && row.port_id.is_none())
}

/// A machine's port of a network, by its address.
fn port_on(cloud: &Cloud, network: NetworkId, address: IpAddr) -> Option<&Port> {
    let mut subnets = cloud.subnets_of_network(network);
    let id = subnets.find_map(|subnet| cloud.lookups.addresses.get(&(subnet.id, address)))?;
    let port = cloud.ports.get(id).map(|port| port.as_ref());
    port.filter(|port| !port.is_network_owned())
}

/// A machine's port with an address, if there is just one.
fn port_with(cloud: &Cloud, address: IpAddr) -> Option<&Port> {
    let subnets = cloud.subnets.iter().filter(|subnet| subnet.cidr.contains(&address));
    let ids = subnets.filter_map(|subnet| cloud.lookups.addresses.get(&(subnet.id, address)));
    let ports = ids.filter_map(|id| cloud.ports.get(id)).map(|port| port.as_ref());
    let mut found = ports.filter(|port| !port.is_network_owned());
    found.next().filter(|_| found.next().is_none())
}
