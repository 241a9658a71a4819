//! The two documents between the cloud and a host: [`HostConfig`] says what the host must look like, [`HostReport`] what
//! it does look like. Nothing else passes between `control` and `node`.
//!
//! Both are maps of *fragments* shared by pointer: one network, router or server each. A change in the cloud replaces
//! only the fragments it touches, so the receiver finds the difference by comparing pointers ([`std::sync::Arc::ptr_eq`])
//! and then values, and the cost of a change does not grow with the size of the cloud.

mod disk_limits;
mod metadata;
mod metering;
mod orders;
mod qos;
mod trunk;
mod volume;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use imbl::{OrdMap, OrdSet};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::address::MacAddress;
use crate::{
    AddressScopeId, FloatingIpId, HostId, ImageId, MeteringLabelId, NetworkId, PortId, RouterId, SecurityGroupId,
    SecurityGroupRuleId, ServerId, SubnetId, TrunkId, VolumeId, VolumeSnapshotId,
};

pub use disk_limits::{DiskLimits, Rate, Rates};
pub use metadata::{InstanceMetadata, MetadataNic};
pub use metering::MeterRule;
pub use orders::{RescueDisk, ServerDone, ServerOrders, SnapshotOrder, SnapshotReport, SnapshotState};
pub use qos::{AddressLimit, BandwidthLimit, PacketRateLimit, PortQos};
pub use trunk::{SubportConfig, TrunkConfig};
pub use volume::{
    CopyConfig, CopyKind, RestoreConfig, Restored, SnapshotConfig, VolumeConfig, VolumeDisk, VolumeOrigin, VolumeReport,
};

/// Everything one host must hold. A newer revision replaces an older one; the same one again is a no-op.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct HostConfig {
    /// Grows with every change of the document (not the store's revision).
    pub revision: u64,
    /// Provider networks and their bridges.
    pub externals: OrdMap<NetworkId, Arc<ExternalNetworkConfig>>,
    /// Self-service networks: one `qdhcp-<id>` namespace each.
    pub networks: OrdMap<NetworkId, Arc<NetworkConfig>>,
    /// Routers: one `qrouter-<id>` namespace each.
    pub routers: OrdMap<RouterId, Arc<RouterConfig>>,
    /// Trunks: ports of servers that carry further networks, told apart by VLAN tags.
    #[serde(default)]
    pub trunks: OrdMap<TrunkId, Arc<TrunkConfig>>,
    /// Servers: one QEMU process each.
    pub servers: OrdMap<ServerId, Arc<ServerConfig>>,
    /// Volumes: one file each.
    #[serde(default)]
    pub volumes: OrdMap<VolumeId, Arc<VolumeConfig>>,
    /// Snapshots of volumes: one file each.
    #[serde(default)]
    pub snapshots: OrdMap<VolumeSnapshotId, Arc<SnapshotConfig>>,
    /// Backups of volumes, and copies for images: one file each.
    #[serde(default)]
    pub copies: OrdMap<uuid::Uuid, Arc<CopyConfig>>,
}

/// A provider network: a bridge in the host's namespace that routers put their `qg-` leg on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExternalNetworkConfig {
    /// The network.
    pub id: NetworkId,
    /// The bridge's device name (`br-ex`).
    pub bridge: String,
    /// Largest IP packet, bytes.
    pub mtu: u32,
    /// Addresses the host itself has on the bridge (the subnets' gateways), with their prefix lengths.
    pub host_addresses: Vec<IpNet>,
    /// Routes the host needs to reach routed (not translated) tenant prefixes: IPv6 subnets behind a router's gateway.
    pub host_routes: Vec<Route>,
}

/// A route: where to, and by which neighbour.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Route {
    /// The destination prefix.
    pub destination: IpNet,
    /// The next hop.
    pub nexthop: IpAddr,
}

/// A self-service network on this host: namespace, bridge, filter, DHCP, DNS, metadata.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NetworkConfig {
    /// The network.
    pub id: NetworkId,
    /// Largest IP packet, bytes; told by DHCP option 26 and RA.
    pub mtu: u32,
    /// Domain its ports' names live in, without a trailing dot (`openstacklocal`, Neutron's default).
    pub dns_domain: String,
    /// Its subnets.
    pub subnets: Vec<SubnetConfig>,
    /// The port of device owner `network:dhcp`: its MAC is the bridge's, its addresses serve DHCP, DNS and metadata.
    /// `None` when no subnet has DHCP: then the bridge has a derived MAC and only 169.254.169.254 and fe80::a9fe:a9fe.
    pub service_port: Option<ServicePort>,
    /// The ports on this host.
    pub ports: OrdMap<PortId, Arc<PortConfig>>,
    /// The rules of every security group that one of those ports is in.
    pub groups: OrdMap<SecurityGroupId, Arc<Vec<FilterRule>>>,
    /// Those of these groups that are stateless: connections of ports in them are not tracked. A port is in stateless
    /// groups only, or in none.
    #[serde(default)]
    pub stateless: OrdSet<SecurityGroupId>,
    /// Addresses of the members (in the whole cloud) of every group that one of those rules names as remote group, and of
    /// every address group, under its id.
    pub members: OrdMap<SecurityGroupId, OrdSet<IpNet>>,
    /// Names that DNS answers in the domain: every port of the network in the whole cloud, lower case, without domain.
    pub names: OrdMap<String, BTreeSet<IpAddr>>,
}

/// The network's own service address holder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServicePort {
    /// The Neutron port.
    pub id: PortId,
    /// Its MAC, given to the bridge.
    pub mac: MacAddress,
    /// Its addresses with their subnets' prefix lengths.
    pub addresses: Vec<IpNet>,
}

/// One subnet, as DHCP, RA and the ruleset need it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubnetConfig {
    /// The subnet.
    pub id: SubnetId,
    /// Its prefix.
    pub cidr: IpNet,
    /// The gateway told to clients.
    pub gateway: Option<IpAddr>,
    /// Whether DHCP answers here (with IPv6: whether the address mode asks for it).
    pub dhcp: bool,
    /// Resolvers told to clients; empty means the service address itself.
    pub dns_nameservers: Vec<IpAddr>,
    /// Routes told to clients.
    pub host_routes: Vec<Route>,
    /// IPv6: who advertises, and how addresses are made; `None` for IPv4 or a subnet without RA.
    pub ipv6: Option<Ipv6Mode>,
}

/// How hosts of an IPv6 subnet get addresses (Neutron's `ipv6_address_mode`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ipv6Mode {
    /// From the advertised prefix.
    Slaac,
    /// From the prefix; other settings by DHCPv6.
    Dhcpv6Stateless,
    /// By DHCPv6.
    Dhcpv6Stateful,
}

/// A port on this host.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PortConfig {
    /// The port.
    pub id: PortId,
    /// Its network.
    pub network_id: NetworkId,
    /// Its MAC.
    pub mac: MacAddress,
    /// Its addresses.
    pub fixed_ips: Vec<FixedIpConfig>,
    /// What is plugged in.
    pub binding: PortBinding,
    /// `false`: no packet passes.
    pub admin_state_up: bool,
    /// `false`: neither anti-spoofing nor security groups.
    pub port_security: bool,
    /// Further senders allowed.
    pub allowed_address_pairs: Vec<(IpNet, MacAddress)>,
    /// The groups it is in (keys of [`NetworkConfig::groups`]).
    pub security_groups: BTreeSet<SecurityGroupId>,
    /// Its name in DNS and DHCP option 12, without domain.
    pub dns_name: Option<String>,
    /// Extra DHCP options: name or number, value, IP version.
    pub extra_dhcp_opts: Vec<ExtraDhcpOpt>,
    /// What it is limited to, and how its packets are marked.
    #[serde(default)]
    pub qos: Option<Arc<PortQos>>,
}

/// One address of a port.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FixedIpConfig {
    /// The subnet it is from.
    pub subnet_id: SubnetId,
    /// The address with the subnet's prefix length.
    pub address: IpNet,
}

/// Neutron's `extra_dhcp_opts`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExtraDhcpOpt {
    /// dnsmasq's option name or a number.
    pub name: String,
    /// Its value; `None` suppresses the option.
    pub value: Option<String>,
    /// 4 or 6.
    pub ip_version: u8,
}

/// What is plugged into a port.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PortBinding {
    /// A server's NIC: a tap device.
    Server(ServerId),
    /// A router's leg: a veth into `qrouter-<id>`; the leg is described in [`RouterConfig::legs`].
    Router(RouterId),
    /// A trunk: a veth to the parent port's tap, which tags and untags ([`TrunkConfig::subports`]).
    Trunk(TrunkId),
    /// An existing network namespace given a leg by `maru port attach`.
    Namespace {
        /// Its name below `/run/netns`.
        netns: String,
        /// The interface's name inside.
        ifname: String,
    },
}

/// Which way a rule looks, from the port's owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// To the port.
    Ingress,
    /// From the port.
    Egress,
}

/// An IP version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum EtherType {
    /// Version 4.
    IPv4,
    /// Version 6.
    IPv6,
}

/// One security-group rule, resolved: what it lets pass.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FilterRule {
    /// The rule.
    pub id: SecurityGroupRuleId,
    /// Which way.
    pub direction: Direction,
    /// Which IP version.
    pub ethertype: EtherType,
    /// What kind of packet.
    pub protocol: ProtocolMatch,
    /// The other end.
    pub remote: Remote,
}

/// What kind of packet a rule lets pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProtocolMatch {
    /// Any.
    Any,
    /// TCP, UDP, SCTP, DCCP or UDP-Lite (by number), destination ports `first..=last`; the whole range when `None`.
    Ports {
        /// IP protocol number.
        protocol: u8,
        /// Inclusive destination port range.
        range: Option<(u16, u16)>,
    },
    /// ICMP or ICMPv6 (by the rule's ethertype).
    Icmp {
        /// The type; all when `None`.
        kind: Option<u8>,
        /// The code; all when `None`.
        code: Option<u8>,
    },
    /// Any other IP protocol, by number.
    Number(u8),
}

/// The other end of a rule.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Remote {
    /// Anyone.
    Any,
    /// A prefix.
    Prefix(IpNet),
    /// The members of a group ([`NetworkConfig::members`]): a security group's, or an address group's under its id.
    Group(SecurityGroupId),
}

/// A router on this host.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RouterConfig {
    /// The router.
    pub id: RouterId,
    /// `false`: its interfaces are down.
    pub admin_state_up: bool,
    /// Its legs into self-service networks (`qr-`).
    pub legs: Vec<RouterLeg>,
    /// Its leg on a provider network (`qg-`).
    pub gateway: Option<GatewayLeg>,
    /// Floating IPs it translates.
    pub floating_ips: Vec<FloatingIpConfig>,
    /// Single ports of floating IPs that it translates.
    #[serde(default)]
    pub forwardings: Vec<ForwardingConfig>,
    /// Extra routes.
    pub routes: Vec<Route>,
    /// The address scopes of its legs and gateway, by port; empty if none is in a scope.
    #[serde(default)]
    pub scopes: BTreeMap<PortId, Scopes>,
    /// Limits of single addresses on the provider network: of floating IPs, and of the gateway's own.
    #[serde(default)]
    pub limits: Vec<AddressLimit>,
    /// Addresses behind it that it answers for on the provider network, from where nothing else behind it is reached by
    /// IPv6. `None`: it answers for none, and routes everything.
    #[serde(default)]
    pub ndp_proxies: Option<BTreeSet<std::net::Ipv6Addr>>,
    /// What is counted at its gateway, by label.
    #[serde(default)]
    pub meters: BTreeMap<MeteringLabelId, Vec<MeterRule>>,
}

/// The address scopes of a network. Between different ones nothing is routed but what is translated; within one, nothing
/// is translated.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scopes {
    /// By IPv4.
    pub v4: Option<AddressScopeId>,
    /// By IPv6.
    pub v6: Option<AddressScopeId>,
}

/// A router's interface on a self-service network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouterLeg {
    /// The Neutron port; the device is `qr-` + the first 11 characters.
    pub port_id: PortId,
    /// The network.
    pub network_id: NetworkId,
    /// Its MAC.
    pub mac: MacAddress,
    /// Its addresses with prefix lengths.
    pub addresses: Vec<IpNet>,
    /// Largest IP packet, bytes.
    pub mtu: u32,
    /// IPv6 prefixes to advertise on it, with how hosts make addresses from them.
    pub advertise: Vec<(ipnet::Ipv6Net, Ipv6Mode)>,
    /// Resolvers to advertise (RFC 8106).
    pub advertise_dns: Vec<IpAddr>,
}

/// A router's interface on a provider network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GatewayLeg {
    /// The Neutron port; the device is `qg-` + the first 11 characters.
    pub port_id: PortId,
    /// The provider network.
    pub network_id: NetworkId,
    /// Its MAC.
    pub mac: MacAddress,
    /// Its addresses with prefix lengths.
    pub addresses: Vec<IpNet>,
    /// Default next hops, at most one an IP version.
    pub gateways: Vec<IpAddr>,
    /// Whether servers without a floating IP leave under the router's address.
    pub enable_snat: bool,
    /// Largest IP packet, bytes.
    pub mtu: u32,
}

/// A floating IP in use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FloatingIpConfig {
    /// The floating IP.
    pub id: FloatingIpId,
    /// The address outside.
    pub floating: std::net::Ipv4Addr,
    /// The address inside.
    pub fixed: std::net::Ipv4Addr,
    /// The port it leads to.
    pub port_id: PortId,
}

/// Ports of a floating IP that lead to a server's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForwardingConfig {
    /// The floating IP.
    pub floating_ip_id: FloatingIpId,
    /// The address outside.
    pub floating: std::net::Ipv4Addr,
    /// IP protocol number of one that has ports.
    pub protocol: u8,
    /// First and last port outside.
    pub external: (u16, u16),
    /// The address inside.
    pub fixed: std::net::Ipv4Addr,
    /// First and last port inside: as many as outside, or one for all.
    pub internal: (u16, u16),
}

/// A server on this host.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ServerConfig {
    /// The server.
    pub id: ServerId,
    /// Its name, for people reading logs and `ps`.
    pub name: String,
    /// What it should be doing.
    pub power: DesiredPower,
    /// Grows by one with every hard reboot and every start asked for; the host reports the last one done.
    pub hard_reboots: u64,
    /// Grows by one with every soft reboot asked for; the host reports the last one done.
    pub soft_reboots: u64,
    /// Virtual CPUs.
    pub vcpus: u32,
    /// Memory, MiB.
    pub memory_mib: u64,
    /// The root disk.
    pub disk: DiskConfig,
    /// A further empty disk, GiB; 0 for none.
    pub ephemeral_gib: u64,
    /// A swap disk, MiB; 0 for none.
    pub swap_mib: u64,
    /// Boots this kernel directly instead of from the disk.
    pub kernel: Option<DirectBoot>,
    /// Its NICs in order.
    pub nics: Vec<NicConfig>,
    /// Its volumes in the order of their devices.
    #[serde(default)]
    pub volumes: Vec<VolumeDisk>,
    /// How fast it may use its own disks.
    #[serde(default)]
    pub disk_limits: DiskLimits,
    /// Whether a config drive is attached.
    pub config_drive: bool,
    /// What the metadata service (and the config drive) tells it.
    pub metadata: Arc<InstanceMetadata>,
    /// What is ordered of its disks.
    #[serde(default)]
    pub orders: ServerOrders,
}

/// What a server should be doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DesiredPower {
    /// Running.
    On,
    /// Shut down: the guest is asked first, for as long as `shutdown_seconds`, then stopped.
    Off,
    /// Its processors stand still; memory stays.
    Paused,
    /// Memory saved to disk, process gone.
    Suspended,
}

/// A root disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiskConfig {
    /// The image it starts as; `None` for an empty disk.
    pub image: Option<ImageSource>,
    /// Its size, GiB; 0 means as large as the image.
    pub root_gib: u64,
}

/// An image a host can read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageSource {
    /// The image.
    pub id: ImageId,
    /// The file in the image store of this host.
    pub path: std::path::PathBuf,
    /// Format as *detected* at upload (`raw`, `qcow2`).
    pub format: String,
    /// SHA-512 of the file, hex: the cache's key.
    pub sha512: String,
    /// Size the guest sees, bytes.
    pub virtual_size: u64,
}

/// Kernel and ramdisk of a direct boot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DirectBoot {
    /// The kernel (an ELF with a PVH entry, or a bzImage).
    pub kernel: ImageSource,
    /// The ramdisk.
    pub ramdisk: Option<ImageSource>,
    /// The kernel's arguments.
    pub append: String,
}

/// A server's NIC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NicConfig {
    /// The port it is plugged into.
    pub port_id: PortId,
    /// The port's network.
    pub network_id: NetworkId,
    /// Its MAC.
    pub mac: MacAddress,
    /// Largest IP packet, bytes.
    pub mtu: u32,
}

// ---------------------------------------------------------------------------------------------------------- report

/// What one host looks like now.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct HostReport {
    /// The [`HostConfig::revision`] that the rest is an answer to: everything wanted at that revision is listed, and what
    /// is not listed any more is gone from the host.
    pub revision: u64,
    /// How each provider network is.
    pub externals: OrdMap<NetworkId, FragmentStatus>,
    /// How each network is.
    pub networks: OrdMap<NetworkId, FragmentStatus>,
    /// How each router is.
    pub routers: OrdMap<RouterId, FragmentStatus>,
    /// How each trunk is.
    #[serde(default)]
    pub trunks: OrdMap<TrunkId, FragmentStatus>,
    /// How each port is.
    pub ports: OrdMap<PortId, PortReport>,
    /// How each server is, those being removed included.
    pub servers: OrdMap<ServerId, Arc<ServerReport>>,
    /// The [`HostConfig::revision`] that `volumes` and `snapshots` are an answer to.
    #[serde(default)]
    pub volumes_revision: u64,
    /// How each volume is, those being removed included.
    #[serde(default)]
    pub volumes: OrdMap<VolumeId, Arc<VolumeReport>>,
    /// How each snapshot is, those being removed included.
    #[serde(default)]
    pub snapshots: OrdMap<VolumeSnapshotId, Arc<VolumeReport>>,
    /// How each backup and copy is, those being removed included.
    #[serde(default)]
    pub copies: OrdMap<uuid::Uuid, Arc<VolumeReport>>,
    /// Passwords that guests left with the metadata service, until they are in the servers' own
    /// [`InstanceMetadata::guest_password`].
    #[serde(default)]
    pub passwords: OrdMap<ServerId, String>,
    /// What the host has.
    pub facts: Arc<HostFacts>,
}

/// Whether a fragment stands as wanted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FragmentStatus {
    /// As wanted.
    Ready,
    /// Not yet, or not any more; tried again. The text is for the log and the operator.
    Failed(String),
}

/// How a port is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PortReport {
    /// Link, rules and DHCP answer are in place.
    Up,
    /// Programmed but nothing is plugged in (the server is off), or administratively down.
    Down,
    /// It could not be programmed; the text is for the operator.
    Failed(String),
}

/// How a server is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ServerReport {
    /// What is going on.
    pub phase: ServerPhase,
    /// The last hard reboot (or start) done; in [`ServerPhase::Failed`] the last one tried.
    pub hard_reboots: u64,
    /// The last soft reboot done; in [`ServerPhase::Failed`] the last one tried.
    pub soft_reboots: u64,
    /// NICs that the machine has now.
    pub nics: BTreeSet<PortId>,
    /// Volumes that the machine has now or may have opened, with the size that its guest sees, bytes.
    #[serde(default)]
    pub volumes: BTreeMap<VolumeId, u64>,
    /// Volumes of the configuration that the host works by: what is in neither set is let go of for good.
    #[serde(default)]
    pub volumes_wanted: BTreeSet<VolumeId>,
    /// How far it is with what is ordered of its disks.
    #[serde(default)]
    pub done: ServerDone,
}

/// What is going on with a server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ServerPhase {
    /// Waits for its turn to boot.
    Queued,
    /// Its disk is being made.
    PreparingDisk {
        /// Per cent done.
        percent: u8,
    },
    /// QEMU starts, stops or reboots.
    Changing,
    /// Running.
    Running,
    /// Processors stand still.
    Paused,
    /// Memory saved, process gone.
    Suspended,
    /// Shut down: as asked, or by its guest.
    Off {
        /// The guest shut itself down although it should run.
        by_guest: bool,
    },
    /// Cannot be brought to what it should do.
    Failed {
        /// For the user: what went wrong and what to do, nothing of the host's inside.
        message: String,
        /// For the operator.
        detail: String,
    },
    /// Being removed.
    Removing,
}

/// What a host has, for the scheduler, hypervisor figures and `maru status`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HostFacts {
    /// Its name.
    pub host: HostId,
    /// Logical CPUs.
    pub vcpus: u32,
    /// CPU model and topology, for `cpu_info`.
    pub cpu_model: String,
    /// Memory, MiB.
    pub memory_mib: u64,
    /// Memory free, MiB.
    pub memory_free_mib: u64,
    /// Disk below the state directory, bytes.
    pub disk_bytes: u64,
    /// Of it free, bytes.
    pub disk_free_bytes: u64,
    /// Hypervisor and version, as Nova numbers it (7002000 for 7.2.0).
    pub hypervisor_version: u64,
    /// `kvm` or `tcg`.
    pub acceleration: String,
    /// Load averages text, as `uptime` prints.
    pub uptime: String,
}

impl Default for HostFacts {
    fn default() -> Self {
        Self {
            host: HostId::from("localhost"),
            vcpus: 0,
            cpu_model: String::new(),
            memory_mib: 0,
            memory_free_mib: 0,
            disk_bytes: 0,
            disk_free_bytes: 0,
            hypervisor_version: 0,
            acceleration: String::new(),
            uptime: String::new(),
        }
    }
}
