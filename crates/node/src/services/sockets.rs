//! Opens the services' sockets inside a namespace. A socket stays in the namespace it was made in, so afterwards any thread
//! may use it, and the runtime's workers never change theirs.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6, TcpListener, UdpSocket};
use std::os::fd::OwnedFd;

use linux::Netns;
use linux::packet::PacketSocket;
use socket2::{Domain, Protocol, SockAddr, SockFilter, Socket, Type};

use super::error::ServiceError;
use super::ra::ROUTER_SOLICITATION;

/// Ports by their services' names.
const DHCP_SERVER: u16 = 67;
const DHCPV6_SERVER: u16 = 547;
const DNS: u16 = 53;
const HTTP: u16 = 80;

/// All DHCP agents on the link (RFC 8415, section 7.1).
const ALL_DHCP_AGENTS: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 1, 2);
/// All routers on the link (RFC 4291).
const ALL_ROUTERS: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 2);

/// An Ethernet type for local experiments (IEEE 802): nothing of it ever comes, but a socket that listens for it is told
/// when its device goes. The same socket sends DHCP answers.
pub const NO_FRAMES: u16 = 0x88b5;

/// Connections that the kernel may have waiting to be accepted.
const BACKLOG: i32 = 64;

/// What a network's namespace must listen to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NetworkPlan {
    /// DHCPv4, on the bridge.
    pub dhcp4: bool,
    /// DHCPv6, on the bridge.
    pub dhcp6: bool,
    /// DNS at these addresses.
    pub dns: Vec<std::net::IpAddr>,
}

/// The sockets of a network.
#[derive(Debug)]
pub struct NetworkSockets {
    /// Sends frames through the bridge and tells when it goes; present with DHCP only.
    pub bridge: Option<PacketSocket>,
    pub dhcp4: Option<UdpSocket>,
    pub dhcp6: Option<UdpSocket>,
    pub dns: Vec<(UdpSocket, TcpListener)>,
    pub metadata: TcpListener,
}

/// Opens all of a network's sockets.
pub fn open_network(netns: &Netns, bridge: &str, plan: &NetworkPlan) -> Result<NetworkSockets, ServiceError> {
    let watch = (plan.dhcp4 || plan.dhcp6)
        .then(|| PacketSocket::open(netns, bridge, NO_FRAMES))
        .transpose()
        .map_err(ServiceError::kernel("open a packet socket on the network's bridge"))?;
    let opened = netns.run(|| {
        let dhcp4 = plan.dhcp4.then(|| dhcp4(bridge)).transpose();
        let dhcp6 = plan.dhcp6.then(|| dhcp6(bridge)).transpose();
        let dns: io::Result<Vec<_>> = plan
            .dns
            .iter()
            .map(|address| dns(SocketAddr::new(*address, DNS)))
            .collect();
        Ok(NetworkSockets {
            bridge: watch,
            dhcp4: dhcp4.map_err(ServiceError::socket("open the DHCP socket"))?,
            dhcp6: dhcp6.map_err(ServiceError::socket("open the DHCPv6 socket"))?,
            dns: dns.map_err(ServiceError::socket("open the DNS sockets"))?,
            metadata: listen_both(HTTP).map_err(ServiceError::socket("open the metadata socket"))?,
        })
    });
    opened.map_err(ServiceError::kernel("enter the network's namespace"))?
}

/// Opens the metadata listener of a router, where its ruleset redirects to.
pub fn open_router(netns: &Netns, port: u16) -> Result<TcpListener, ServiceError> {
    netns
        .run(|| listen_both(port))
        .map_err(ServiceError::kernel("enter the router's namespace"))?
        .map_err(ServiceError::socket("open the router's metadata socket"))
}

/// The sockets of a router's leg that advertises.
#[derive(Debug)]
pub struct LegSockets {
    /// Sends advertisements and receives solicitations; ICMPv6 without the IP header.
    pub icmp: UdpSocket,
    /// Tells when the device goes.
    pub device: PacketSocket,
    /// Index of the device, the scope of link-local addresses.
    pub index: u32,
}

/// Opens the sockets of a router's leg.
pub fn open_leg(netns: &Netns, device: &str) -> Result<LegSockets, ServiceError> {
    let watch = PacketSocket::open(netns, device, NO_FRAMES)
        .map_err(ServiceError::kernel("open a packet socket on the router's leg"))?;
    let (icmp, index) = netns
        .run(|| router_advertiser(device))
        .map_err(ServiceError::kernel("enter the router's namespace"))?
        .map_err(ServiceError::socket("open the router advertisement socket"))?;
    Ok(LegSockets {
        icmp,
        device: watch,
        index,
    })
}

fn index_of(device: &str, socket: &Socket) -> io::Result<u32> {
    Ok(rustix::net::netdevice::name_to_index(socket, device)?)
}

fn udp(domain: Domain) -> io::Result<Socket> {
    let socket = Socket::new(domain, Type::DGRAM.cloexec().nonblocking(), Some(Protocol::UDP))?;
    socket.set_reuse_address(true)?;
    Ok(socket)
}

/// Hears the broadcasts of clients without an address, which only a socket bound to the device does.
fn dhcp4(bridge: &str) -> io::Result<UdpSocket> {
    let socket = udp(Domain::IPV4)?;
    socket.bind_device(Some(bridge.as_bytes()))?;
    socket.bind(&SocketAddr::from((Ipv4Addr::UNSPECIFIED, DHCP_SERVER)).into())?;
    Ok(socket.into())
}

fn dhcp6(bridge: &str) -> io::Result<UdpSocket> {
    let socket = udp(Domain::IPV6)?;
    socket.set_only_v6(true)?;
    socket.bind_device(Some(bridge.as_bytes()))?;
    socket.bind(&SocketAddr::from((Ipv6Addr::UNSPECIFIED, DHCPV6_SERVER)).into())?;
    socket.join_multicast_v6(&ALL_DHCP_AGENTS, index_of(bridge, &socket)?)?;
    Ok(socket.into())
}

fn dns(address: SocketAddr) -> io::Result<(UdpSocket, TcpListener)> {
    let domain = Domain::for_address(address);
    let datagrams = udp(domain)?;
    let streams = Socket::new(domain, Type::STREAM.cloexec().nonblocking(), Some(Protocol::TCP))?;
    streams.set_reuse_address(true)?;
    for socket in [&datagrams, &streams] {
        // The address may come a moment later than the socket.
        match address {
            SocketAddr::V4(_) => socket.set_freebind_v4(true)?,
            SocketAddr::V6(_) => socket.set_freebind_v6(true)?,
        }
        socket.bind(&address.into())?;
    }
    streams.listen(BACKLOG)?;
    Ok((datagrams.into(), streams.into()))
}

/// Listens at a port for IPv4 and IPv6 alike, at all addresses: whoever accepts looks at which one was called.
fn listen_both(port: u16) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::IPV6, Type::STREAM.cloexec().nonblocking(), Some(Protocol::TCP))?;
    socket.set_only_v6(false)?;
    socket.set_reuse_address(true)?;
    socket.bind(&SocketAddr::from((Ipv6Addr::UNSPECIFIED, port)).into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

fn router_advertiser(device: &str) -> io::Result<(UdpSocket, u32)> {
    let socket = Socket::new(Domain::IPV6, Type::RAW.cloexec().nonblocking(), Some(Protocol::ICMPV6))?;
    socket.attach_filter(&solicitations_only())?;
    socket.bind_device(Some(device.as_bytes()))?;
    let index = index_of(device, &socket)?;
    socket.join_multicast_v6(&ALL_ROUTERS, index)?;
    socket.set_multicast_if_v6(index)?;
    // Receivers drop what was routed (RFC 4861, section 6.1.2).
    socket.set_multicast_hops_v6(255)?;
    socket.set_unicast_hops_v6(255)?;
    socket.set_multicast_loop_v6(false)?;
    // The standard library's type for datagrams does for raw ones too.
    Ok((UdpSocket::from(OwnedFd::from(socket)), index))
}

/// A classic BPF program: router solicitations with hop limit 255. Without it the socket would wake up for every neighbour
/// discovery and ping on the leg.
fn solicitations_only() -> [SockFilter; 6] {
    const LOAD_BYTE: u16 = 0x30;
    const JUMP_IF_EQUAL: u16 = 0x15;
    const RETURN: u16 = 0x06;
    /// linux/filter.h's `SKF_NET_OFF`: offsets from the IP header on.
    const IP_HEADER: u32 = 0xfff0_0000;
    const HOP_LIMIT: u32 = IP_HEADER + 7;
    [
        SockFilter::new(LOAD_BYTE, 0, 0, 0),
        SockFilter::new(JUMP_IF_EQUAL, 0, 3, ROUTER_SOLICITATION.into()),
        SockFilter::new(LOAD_BYTE, 0, 0, HOP_LIMIT),
        SockFilter::new(JUMP_IF_EQUAL, 0, 1, 255),
        SockFilter::new(RETURN, 0, 0, u32::MAX),
        SockFilter::new(RETURN, 0, 0, 0),
    ]
}

/// All nodes on the link, within the scope of a device.
pub fn all_nodes(index: u32) -> SocketAddr {
    const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
    SocketAddrV6::new(ALL_NODES, 0, 0, index).into()
}

/// A UDP socket in a namespace that talks to one address only, from a port that the kernel chooses at random.
pub fn connected_udp(netns: &Netns, to: SocketAddr) -> Result<UdpSocket, ServiceError> {
    let open = || {
        let socket = Socket::new(
            Domain::for_address(to),
            Type::DGRAM.cloexec().nonblocking(),
            Some(Protocol::UDP),
        )?;
        socket.connect(&SockAddr::from(to))?;
        Ok(socket.into())
    };
    netns
        .run(open)
        .map_err(ServiceError::kernel("enter the host's namespace"))?
        .map_err(ServiceError::socket("open a socket to an upstream resolver"))
}

/// A TCP socket in a namespace, not connected yet.
pub fn tcp(netns: &Netns, to: SocketAddr) -> Result<std::net::TcpStream, ServiceError> {
    let open = || {
        Socket::new(
            Domain::for_address(to),
            Type::STREAM.cloexec().nonblocking(),
            Some(Protocol::TCP),
        )
    };
    let socket = netns
        .run(open)
        .map_err(ServiceError::kernel("enter the host's namespace"))?
        .map_err(ServiceError::socket("open a socket to an upstream resolver"))?;
    Ok(socket.into())
}
