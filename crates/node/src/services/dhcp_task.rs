//! The tasks that read DHCP and DHCPv6 messages from a network's sockets and send the answers.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use etherparse::PacketBuilder;
use jiff::Timestamp;
use linux::packet::PacketSocket;
use model::NetworkId;
use model::address::MacAddress;
use tokio::net::UdpSocket;

use super::dhcp4::{self, Answer, Destination};
use super::dhcp6;
use super::records::{DhcpRecord, DhcpStep};
use super::state::Shared;
use super::view::NetworkView;

/// Larger messages than one Ethernet frame's are none of a DHCP client's.
const LARGEST: usize = 1500;

/// Answers DHCPv4 until the socket fails.
pub async fn serve4(shared: Arc<Shared>, network: NetworkId, socket: UdpSocket, bridge: Arc<PacketSocket>) {
    while socket.readable().await.is_ok() {
        // The buffer lives between two waits only, so idle networks cost none.
        let mut buffer = [0; LARGEST];
        let Ok((length, _)) = socket.try_recv_from(&mut buffer) else {
            continue;
        };
        let Some(view) = shared.network(network) else { return };
        answer4(&shared, &view, &bridge, &buffer[..length]);
    }
}

fn answer4(shared: &Shared, view: &NetworkView, bridge: &PacketSocket, payload: &[u8]) {
    let Some(exchange) = dhcp4::handle(view, payload) else {
        return;
    };
    let at = Timestamp::now();
    let record = |step, address: Option<Ipv4Addr>| {
        let record = DhcpRecord {
            at,
            xid: exchange.xid,
            address: address.map(IpAddr::V4),
        };
        shared.records.dhcp(view.config.id, exchange.port, step, record);
    };
    let (step, asked) = exchange.received;
    record(step, asked);
    if step == DhcpStep::Decline {
        tracing::warn!(port.id = %exchange.port, "A guest found its address in use and declined it");
    }
    let Some(answer) = &exchange.answer else { return };
    let Some(service) = &view.config.service_port else {
        return;
    };
    let sent = frame(service.mac, answer).is_some_and(|frame| match bridge.send(&frame) {
        Ok(()) => true,
        Err(error) => {
            tracing::debug!(port.id = %exchange.port, %error, "Could not send a DHCP answer");
            false
        }
    });
    if sent {
        record(answer.step, answer.address);
    }
}

/// The answer as an Ethernet frame: no ARP, since the client may have no address yet.
fn frame(from: MacAddress, answer: &Answer) -> Option<Vec<u8>> {
    const SERVER: u16 = 67;
    const CLIENT: u16 = 68;
    let (mac, address) = match answer.to {
        Destination::Broadcast => (MacAddress([0xff; 6]), Ipv4Addr::BROADCAST),
        Destination::Unicast(mac, address) => (mac, address),
    };
    let builder = PacketBuilder::ethernet2(from.0, mac.0)
        .ipv4(answer.from.octets(), address.octets(), 64)
        .udp(SERVER, CLIENT);
    let mut frame = Vec::with_capacity(builder.size(answer.payload.len()));
    builder.write(&mut frame, &answer.payload).ok()?;
    Some(frame)
}

/// Answers DHCPv6 until the socket fails.
pub async fn serve6(shared: Arc<Shared>, network: NetworkId, socket: UdpSocket) {
    while socket.readable().await.is_ok() {
        let mut buffer = [0; LARGEST];
        let Ok((length, source)) = socket.try_recv_from(&mut buffer) else {
            continue;
        };
        let Some(view) = shared.network(network) else { return };
        answer6(&shared, &view, &socket, source, &buffer[..length]);
    }
}

fn answer6(shared: &Shared, view: &NetworkView, socket: &UdpSocket, source: SocketAddr, payload: &[u8]) {
    let SocketAddr::V6(from) = source else { return };
    let Some(exchange) = dhcp6::handle(view, *from.ip(), payload) else {
        return;
    };
    let at = Timestamp::now();
    let record = |step, address| {
        let record = DhcpRecord {
            at,
            xid: exchange.xid,
            address,
        };
        shared.records.dhcp(view.config.id, exchange.port, step, record);
    };
    record(DhcpStep::Dhcpv6Query, None);
    let Some(answer) = &exchange.answer else { return };
    match socket.try_send_to(answer, source) {
        Ok(_) => record(DhcpStep::Dhcpv6Reply, exchange.address.map(IpAddr::V6)),
        Err(error) => tracing::debug!(port.id = %exchange.port, %error, "Could not send a DHCPv6 answer"),
    }
}
