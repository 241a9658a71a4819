//! What was seen on a host: facts that prove or disprove that packets pass, without sending any.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;

use serde::{Deserialize, Serialize};

use super::programmed::{Device, Inspection, Place, RuleOwner, Scope, TableName};
use crate::address::MacAddress;
use crate::diagnostics::NicFigures;
use crate::{NetworkId, PortId, ServerId, Timestamp};

/// What to look for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// Where.
    pub scope: Scope,
    /// Of these addresses neighbours and flows are told.
    pub addresses: BTreeSet<IpAddr>,
}

/// What a neighbour entry says (`NUD_*` of linux/neighbour.h).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NeighbourState {
    /// Asked for, no answer yet.
    Incomplete,
    /// Answered a moment ago.
    Reachable,
    /// Answered once; asked again when needed.
    Stale,
    /// About to be asked again.
    Delay,
    /// Being asked again.
    Probe,
    /// Did not answer.
    Failed,
    /// Needs no answer.
    NoArp,
    /// Set by hand.
    Permanent,
    /// Something else.
    Other,
}

/// A neighbour.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct NeighbourSeen {
    /// In which namespace.
    pub place: Place,
    /// The device it is behind, by name.
    pub device: String,
    /// Its address.
    pub address: IpAddr,
    /// Its Ethernet address, once known.
    pub mac: Option<MacAddress>,
    /// What is known of it.
    pub state: NeighbourState,
}

/// One direction of a tracked flow, and the other.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FlowSeen {
    /// In which namespace.
    pub place: Place,
    /// IP protocol number.
    pub protocol: u8,
    /// Where its first packet came from, and its port, if the protocol has ports.
    pub source: (IpAddr, Option<u16>),
    /// Where that packet went to, before any translation.
    pub destination: (IpAddr, Option<u16>),
    /// Where answers come from: who answers, after translation.
    pub answered_by: (IpAddr, Option<u16>),
    /// Where answers go to, before they are translated back.
    pub answered_to: (IpAddr, Option<u16>),
    /// Whether an answer was seen.
    pub answered: bool,
    /// Whether packets went both ways long enough to count as a connection.
    pub assured: bool,
    /// Whether a change of the rules has cut it.
    pub cut: bool,
}

/// Who a bridge believes to be behind a device.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FdbSeen {
    /// The network.
    pub network: NetworkId,
    /// Whose Ethernet address it is: of a port in the scope.
    pub port: PortId,
    /// The device, by name.
    pub device: String,
    /// Whether that is the port's own.
    pub is_own: bool,
    /// Whether somebody said so by hand, rather than the bridge having learned it.
    pub by_hand: bool,
}

/// What passed a port's device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceFigures {
    /// The device.
    pub device: Device,
    /// As the port's owner counts: received is what went to it.
    pub figures: NicFigures,
}

/// What a rule dropped since it was loaded.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct DropFigures {
    /// The table.
    pub table: TableName,
    /// The chain.
    pub chain: String,
    /// The rule, without its counter's values.
    pub rule: String,
    /// Who the chain is for.
    pub owner: RuleOwner,
    /// Packets.
    pub packets: u64,
    /// Bytes.
    pub bytes: u64,
}

/// How full a table of the kernel's is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableFill {
    /// Entries.
    pub entries: u64,
    /// At most; 0 if that can't be told.
    pub limit: u64,
}

/// A step of a DHCP exchange, of either IP version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DhcpStep {
    /// DHCPDISCOVER from the port.
    Discover,
    /// DHCPOFFER to it.
    Offer,
    /// DHCPREQUEST from it.
    Request,
    /// DHCPACK to it.
    Ack,
    /// DHCPNAK to it: it asked for an address that is not its own.
    Nak,
    /// DHCPDECLINE from it: it found its address in use.
    Decline,
    /// DHCPRELEASE from it.
    Release,
    /// DHCPINFORM from it.
    Inform,
    /// A DHCPv6 message from it.
    Dhcpv6Query,
    /// A DHCPv6 message to it.
    Dhcpv6Reply,
}

/// The last time that a step of DHCP was seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DhcpExchange {
    /// When.
    pub at: Timestamp,
    /// The step.
    pub step: DhcpStep,
    /// Transaction id chosen by the client.
    pub xid: u32,
    /// The address that it was about.
    pub address: Option<IpAddr>,
}

/// A request to the metadata service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MetadataRequest {
    /// When.
    pub at: Timestamp,
    /// Method and path, shortened.
    pub request: String,
    /// HTTP status of the answer.
    pub status: u16,
}

/// The keys that a guest was given last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuestKeys {
    /// When.
    pub at: Timestamp,
    /// Their names; none if the server has none.
    pub names: Vec<String>,
}

/// What a port asked of the host's services since the program was started.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuestRecords {
    /// The last of each step of DHCP, oldest first.
    pub dhcp: Vec<DhcpExchange>,
    /// The last metadata requests, oldest first.
    pub metadata: Vec<MetadataRequest>,
    /// The keys it was given.
    pub keys: Option<GuestKeys>,
}

/// What a line of a guest's console tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SignKind {
    /// The kernel began to boot.
    KernelStarted,
    /// The kernel gave up.
    KernelPanic,
    /// There was nothing to boot from.
    NoBootDisk,
    /// The guest got an address by DHCP.
    DhcpLease,
    /// The guest asked for an address and got none.
    DhcpFailed,
    /// The guest could not reach the metadata service.
    MetadataFailed,
    /// No key was put in place for anybody to log in with.
    NoAuthorizedKey,
    /// Keys were put in place.
    AuthorizedKeys,
    /// cloud-init, or one of its steps, failed.
    CloudInitFailed,
    /// cloud-init has finished.
    CloudInitDone,
    /// An SSH server was started.
    SshStarted,
    /// The guest waits for somebody to log in.
    LoginPrompt,
}

/// A line of a guest's console that tells something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsoleSign {
    /// What.
    pub kind: SignKind,
    /// The line, shortened.
    pub line: String,
}

/// What was seen.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observed {
    /// Neighbours at the addresses asked for.
    pub neighbours: BTreeSet<NeighbourSeen>,
    /// Tracked flows of those addresses; a bounded number in each namespace.
    pub flows: BTreeSet<FlowSeen>,
    /// Where bridges believe the ports in the scope to be.
    pub bridge_entries: BTreeSet<FdbSeen>,
    /// What passed the devices of these ports and routers.
    pub devices: Vec<DeviceFigures>,
    /// Rules that dropped something.
    pub drops: BTreeSet<DropFigures>,
    /// How full each namespace's table of flows is.
    pub flow_tables: Vec<(Place, TableFill)>,
    /// Whether the host forwards IPv4 and IPv6; `None` if that can't be told.
    pub host_forwards: (Option<bool>, Option<bool>),
    /// Whether what passes bridges in the host's namespace is shown to its rules for IP.
    pub host_filters_bridges: Option<bool>,
    /// What the ports asked of the host's services; those that never asked are not in it.
    pub guests: BTreeMap<PortId, GuestRecords>,
    /// What servers' consoles tell, the last line of each kind, in the order they were printed.
    pub consoles: BTreeMap<ServerId, Vec<ConsoleSign>>,
    /// What could not be looked at, with the reason, for the operator.
    pub unreadable: Vec<String>,
}

/// What a host holds; on its way. `None`: there is no such host to ask.
pub type ProgrammedAnswer<'a> = Pin<Box<dyn Future<Output = Option<Inspection>> + Send + 'a>>;

/// What a host saw; on its way. `None`: there is no such host to ask.
pub type ObservationAnswer<'a> = Pin<Box<dyn Future<Output = Option<Observed>> + Send + 'a>>;

/// Whether a host forwards IPv4 and IPv6; on its way. `None` if that can't be told.
pub type ForwardingAnswer<'a> = Pin<Box<dyn Future<Output = (Option<bool>, Option<bool>)> + Send + 'a>>;

/// Whoever can look at a host: reads only, and changes nothing.
pub trait HostInspector: Send + Sync {
    /// Tells whether it forwards packets between its links: two settings, and nothing that takes time.
    fn forwards(&self) -> ForwardingAnswer<'_>;

    /// Compares what there is with what was declared.
    fn inspect(&self, scope: Scope) -> ProgrammedAnswer<'_>;

    /// Tells what was seen.
    fn observe(&self, asked: Asked) -> ObservationAnswer<'_>;
}
