//! What a DHCP client says and hears.

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use dhcproto::{Decodable, Decoder, Encodable, v4};
use etherparse::{SlicedPacket, TransportSlice};
use linux::packet::{self, PacketSocket};

use super::frame::{BROADCAST, ethernet, udp4};
use super::probe::{PATIENCE, SILENCE};
use super::{Vm, fresh};

/// What a client without address says.
pub fn dhcp_message(vm: &Vm, kind: v4::MessageType, options: &[v4::DhcpOption]) -> v4::Message {
    let zero = Ipv4Addr::UNSPECIFIED;
    let mut message = v4::Message::new_with_id(fresh().as_fields().0, zero, zero, zero, zero, &vm.mac.0);
    message.opts_mut().insert(v4::DhcpOption::MessageType(kind));
    for option in options {
        message.opts_mut().insert(option.clone());
    }
    message
}

/// Sends a message as a client without address does, and waits for the answer to it; where one is expected it asks again each
/// second, as clients do. Returns the answer and the destination MAC of its frame.
pub fn exchange(vm: &Vm, message: &v4::Message, expected: bool) -> Option<(v4::Message, [u8; 6])> {
    let socket = PacketSocket::open(&vm.ns, "eth0", packet::IPV4).unwrap();
    let payload = udp4(
        (Ipv4Addr::UNSPECIFIED, 68),
        (Ipv4Addr::BROADCAST, 67),
        &message.to_vec().unwrap(),
    );
    let question = ethernet(vm.mac, BROADCAST, packet::IPV4, &payload);
    if !expected {
        socket.send(&question).unwrap();
        return answer(&socket, message, SILENCE);
    }
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        socket.send(&question).unwrap();
        if let Some(answer) = answer(&socket, message, Duration::from_secs(1)) {
            return Some(answer);
        }
    }
    None
}

/// The answer to a message, and the destination MAC of its frame.
fn answer(socket: &PacketSocket, message: &v4::Message, within: Duration) -> Option<(v4::Message, [u8; 6])> {
    let deadline = Instant::now() + within;
    while let Some(frame) = socket
        .receive(deadline.saturating_duration_since(Instant::now()))
        .unwrap()
    {
        let sliced = SlicedPacket::from_ethernet(&frame).unwrap();
        let Some(TransportSlice::Udp(udp)) = sliced.transport else {
            continue;
        };
        if (udp.source_port(), udp.destination_port()) != (67, 68) {
            continue;
        }
        let answer = v4::Message::decode(&mut Decoder::new(udp.payload())).unwrap();
        if answer.xid() == message.xid() {
            return Some((answer, frame[..6].try_into().unwrap()));
        }
    }
    None
}
