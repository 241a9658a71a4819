//! DHCPv4 (RFC 2131) from the configuration: every port has its address before it asks, so there is no pool, no lease
//! file, and no state but the records. Pure: bytes in, answer out.

mod extra;
mod wire;

use std::net::{IpAddr, Ipv4Addr};

use ipnet::{IpNet, Ipv4Net};
use model::PortId;
use model::address::MacAddress;
use model::host::{PortConfig, SubnetConfig};

pub use extra::option6 as extra_option6;
use wire::{MessageType, Reply, Request, option};

use super::records::DhcpStep;
use super::view::{NetworkView, host_name};

/// Neutron's default lease, seconds. An address never moves to another port while its port has it, so the length only
/// says how often clients ask again.
pub const LEASE_SECONDS: u32 = 86_400;

/// The metadata service's address.
const METADATA: Ipv4Net = Ipv4Net::new_assert(Ipv4Addr::new(169, 254, 169, 254), 32);

/// What to do about a message from a port of the network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exchange {
    pub port: PortId,
    pub xid: u32,
    /// What the port sent, and the address it was about.
    pub received: (DhcpStep, Option<Ipv4Addr>),
    /// What it is to be told, if anything.
    pub answer: Option<Answer>,
}

/// A message to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub step: DhcpStep,
    /// The address given, if any.
    pub address: Option<Ipv4Addr>,
    /// Who answers: the service address in the port's subnet.
    pub from: Ipv4Addr,
    pub to: Destination,
    /// The DHCP message.
    pub payload: Vec<u8>,
}

/// Where an answer goes (RFC 2131, section 4.1). The client may have no address yet, so ARP can't find it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Destination {
    Broadcast,
    Unicast(MacAddress, Ipv4Addr),
}

/// Takes a UDP payload that came to port 67; `None` if it is no DHCP message or not from a port of the network.
pub fn handle(network: &NetworkView, payload: &[u8]) -> Option<Exchange> {
    let request = Request::parse(payload)?;
    // Nobody relays within a tenant's network; answering a relay would send packets wherever the guest says.
    if !request.giaddr.is_unspecified() {
        return None;
    }
    let port = network.port_by_mac(request.mac)?;
    let asked = request
        .address_option(option::REQUESTED_ADDRESS)
        .or((!request.ciaddr.is_unspecified()).then_some(request.ciaddr));
    let received = |step| (step, asked);
    let (received, answer) = match request.kind {
        MessageType::Discover => (received(DhcpStep::Discover), offer(network, port, &request, asked)),
        MessageType::Request => (received(DhcpStep::Request), acknowledge(network, port, &request, asked)),
        MessageType::Inform => (received(DhcpStep::Inform), inform(network, port, &request)),
        MessageType::Decline => (received(DhcpStep::Decline), None),
        MessageType::Release => (received(DhcpStep::Release), None),
        MessageType::Offer | MessageType::Ack | MessageType::Nak => return None,
    };
    Some(Exchange {
        port: port.id,
        xid: request.xid,
        received,
        answer,
    })
}

/// One address of a port with all that is needed to give it.
struct Lease<'a> {
    address: Ipv4Addr,
    prefix: Ipv4Net,
    subnet: &'a SubnetConfig,
    server: Ipv4Addr,
}

/// The port's IPv4 addresses in subnets with DHCP.
fn leases<'a>(network: &'a NetworkView, port: &'a PortConfig) -> impl Iterator<Item = Lease<'a>> {
    port.fixed_ips.iter().filter_map(|fixed| {
        let subnet = network.subnet_of(fixed).filter(|subnet| subnet.dhcp)?;
        let (IpAddr::V4(address), IpNet::V4(prefix)) = (fixed.address.addr(), subnet.cidr) else {
            return None;
        };
        let server = network.service_address_in(prefix)?;
        Some(Lease {
            address,
            prefix: prefix.trunc(),
            subnet,
            server,
        })
    })
}

/// The lease for the address asked for, or the first.
fn choose<'a>(network: &'a NetworkView, port: &'a PortConfig, asked: Option<Ipv4Addr>) -> Option<Lease<'a>> {
    leases(network, port)
        .find(|lease| Some(lease.address) == asked)
        .or_else(|| leases(network, port).next())
}

fn offer(network: &NetworkView, port: &PortConfig, request: &Request, asked: Option<Ipv4Addr>) -> Option<Answer> {
    let lease = choose(network, port, asked)?;
    let reply = leased(MessageType::Offer, network, port, request, &lease);
    Some(give(DhcpStep::Offer, &reply, request, &lease))
}

fn acknowledge(network: &NetworkView, port: &PortConfig, request: &Request, asked: Option<Ipv4Addr>) -> Option<Answer> {
    let chosen_server = request.address_option(option::SERVER_IDENTIFIER);
    let ours = |server| network.service_addresses().any(|address| address == IpAddr::V4(server));
    if chosen_server.is_some_and(|server| !ours(server)) {
        return None;
    }
    match leases(network, port).find(|lease| Some(lease.address) == asked) {
        Some(lease) => {
            let reply = leased(MessageType::Ack, network, port, request, &lease);
            Some(give(DhcpStep::Ack, &reply, request, &lease))
        }
        None => refuse(network, port, request),
    }
}

/// The port wants an address that is not, or no longer, its own: it must start over.
fn refuse(network: &NetworkView, port: &PortConfig, request: &Request) -> Option<Answer> {
    let lease = leases(network, port).next()?;
    let mut reply = Reply::new(MessageType::Nak);
    reply.set(option::SERVER_IDENTIFIER, lease.server.octets());
    reply.set(option::MESSAGE, "not an address of this port");
    Some(Answer {
        step: DhcpStep::Nak,
        address: None,
        from: lease.server,
        to: Destination::Broadcast,
        payload: reply.encode(request, request.max_payload()),
    })
}

/// The port has an address and wants the rest (RFC 2131, section 4.3.5): no lease in the answer.
fn inform(network: &NetworkView, port: &PortConfig, request: &Request) -> Option<Answer> {
    let lease = leases(network, port).find(|lease| lease.address == request.ciaddr)?;
    let mut reply = Reply::new(MessageType::Ack);
    configure(&mut reply, network, port, request, &lease);
    let mut answer = give(DhcpStep::Ack, &reply, request, &lease);
    answer.to = Destination::Unicast(request.mac, request.ciaddr);
    Some(answer)
}

fn leased(kind: MessageType, network: &NetworkView, port: &PortConfig, request: &Request, lease: &Lease<'_>) -> Reply {
    let mut reply = Reply::new(kind);
    reply.yiaddr = lease.address;
    reply.set(option::SERVER_IDENTIFIER, lease.server.octets());
    reply.set(option::LEASE_TIME, LEASE_SECONDS.to_be_bytes());
    reply.set(option::RENEWAL_TIME, (LEASE_SECONDS / 2).to_be_bytes());
    reply.set(option::REBINDING_TIME, (LEASE_SECONDS / 8 * 7).to_be_bytes());
    configure(&mut reply, network, port, request, lease);
    reply
}

/// Sets everything but the lease itself.
fn configure(reply: &mut Reply, network: &NetworkView, port: &PortConfig, request: &Request, lease: &Lease<'_>) {
    reply.set(option::SERVER_IDENTIFIER, lease.server.octets());
    if let Some(id) = request.option(option::CLIENT_IDENTIFIER) {
        reply.set(option::CLIENT_IDENTIFIER, id); // RFC 6842
    }
    reply.siaddr = lease.server;
    reply.set(option::SUBNET_MASK, lease.prefix.netmask().octets());
    reply.set(option::BROADCAST_ADDRESS, lease.prefix.broadcast().octets());
    if let Some(IpAddr::V4(gateway)) = lease.subnet.gateway {
        reply.set(option::ROUTER, gateway.octets());
    }
    reply.set(option::DOMAIN_NAME_SERVER, resolvers(lease));
    reply.set(
        option::INTERFACE_MTU,
        (network.config.mtu.min(65_535) as u16).to_be_bytes(),
    );
    let routes = encode_routes(&routes(network, lease));
    reply.set(option::CLASSLESS_ROUTES, routes.clone());
    reply.set(option::DOMAIN_NAME, network.config.dns_domain.as_bytes());
    reply.set(option::HOST_NAME, host_name(port, lease.address.into()));
    if request.wants(option::CLASSLESS_ROUTES_MS) {
        reply.set(option::CLASSLESS_ROUTES_MS, routes);
    }
    add_extra(reply, port);
}

fn resolvers(lease: &Lease<'_>) -> Vec<u8> {
    let told: Vec<u8> = lease
        .subnet
        .dns_nameservers
        .iter()
        .filter_map(|server| match server {
            IpAddr::V4(server) => Some(server.octets()),
            IpAddr::V6(_) => None,
        })
        .flatten()
        .collect();
    if told.is_empty() {
        lease.server.octets().to_vec()
    } else {
        told
    }
}

/// All routes of a client. One that takes option 121 ignores option 3 (RFC 3442), so the default route is here too; the
/// network's other subnets are on the link itself.
fn routes(network: &NetworkView, lease: &Lease<'_>) -> Vec<(Ipv4Net, Ipv4Addr)> {
    let mut routes = vec![(METADATA, lease.server)];
    for route in &lease.subnet.host_routes {
        if let (IpNet::V4(destination), IpAddr::V4(nexthop)) = (route.destination, route.nexthop) {
            // A user's own route to the metadata service wins.
            routes.retain(|(known, _)| *known != destination);
            routes.push((destination, nexthop));
        }
    }
    let others = network.config.subnets.iter().filter_map(|subnet| match subnet.cidr {
        IpNet::V4(prefix) if prefix != lease.prefix => Some((prefix.trunc(), Ipv4Addr::UNSPECIFIED)),
        _ => None,
    });
    routes.extend(others);
    if let Some(IpAddr::V4(gateway)) = lease.subnet.gateway {
        let default = Ipv4Net::default();
        if !routes.iter().any(|(destination, _)| *destination == default) {
            routes.push((default, gateway));
        }
    }
    routes
}

/// RFC 3442: prefix length, the significant octets of the destination, the router.
fn encode_routes(routes: &[(Ipv4Net, Ipv4Addr)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (destination, router) in routes {
        let significant = usize::from(destination.prefix_len().div_ceil(8));
        bytes.push(destination.prefix_len());
        bytes.extend(&destination.network().octets()[..significant]);
        bytes.extend(router.octets());
    }
    bytes
}

fn add_extra(reply: &mut Reply, port: &PortConfig) {
    for (code, value) in port.extra_dhcp_opts.iter().filter_map(extra::option4) {
        let Some(value) = value else {
            reply.remove(code);
            continue;
        };
        match code {
            extra::NEXT_SERVER => {
                if let Ok(octets) = <[u8; 4]>::try_from(value) {
                    reply.siaddr = octets.into();
                }
                continue;
            }
            option::BOOTFILE_NAME => reply.file.clone_from(&value),
            option::TFTP_SERVER => {
                let text = String::from_utf8_lossy(&value);
                reply.siaddr = text.parse().unwrap_or(reply.siaddr);
            }
            _ => {}
        }
        reply.set(code, value);
    }
}

fn give(step: DhcpStep, reply: &Reply, request: &Request, lease: &Lease<'_>) -> Answer {
    let to = if !request.ciaddr.is_unspecified() {
        Destination::Unicast(request.mac, request.ciaddr)
    } else if request.broadcast {
        Destination::Broadcast
    } else {
        Destination::Unicast(request.mac, lease.address)
    };
    Answer {
        step,
        address: Some(lease.address),
        from: lease.server,
        to,
        payload: reply.encode(request, request.max_payload()),
    }
}

#[cfg(test)]
mod tests;
