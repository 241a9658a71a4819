//! Frames built by hand: what a guest with root can put on the wire.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use linux::Netns;
use linux::packet::{self, PacketSocket, checksum, checksum6};
use model::address::MacAddress;

use super::probe::{PATIENCE, SILENCE};

pub const BROADCAST: MacAddress = MacAddress([0xff; 6]);

/// Sends a frame from one namespace and tells whether it comes in at another's interface, recognised by `token`.
pub fn passes(from: &Netns, to: (&Netns, &str), frame: &[u8], token: &[u8], expected: bool) -> bool {
    let receiver = PacketSocket::open(to.0, to.1, packet::ALL).unwrap();
    send(from, frame);
    let deadline = std::time::Instant::now() + if expected { PATIENCE } else { SILENCE };
    loop {
        let left = deadline.saturating_duration_since(std::time::Instant::now());
        match receiver.receive(left).unwrap() {
            Some(seen) if seen.windows(token.len()).any(|w| w == token) => return true,
            Some(_) => {}
            None => return false,
        }
    }
}

pub fn send(from: &Netns, frame: &[u8]) {
    PacketSocket::open(from, "eth0", 0).unwrap().send(frame).unwrap();
}

pub fn ethernet(source: MacAddress, destination: MacAddress, kind: u16, payload: &[u8]) -> Vec<u8> {
    let mut frame = Vec::new();
    frame.extend(destination.0);
    frame.extend(source.0);
    frame.extend(kind.to_be_bytes());
    frame.extend(payload);
    frame.resize(frame.len().max(60), 0);
    frame
}

/// The same frame with a VLAN tag.
pub fn tagged(frame: &[u8], vlan: u16) -> Vec<u8> {
    let mut tagged = frame[..12].to_vec();
    tagged.extend([0x81, 0x00]);
    tagged.extend(vlan.to_be_bytes());
    tagged.extend(&frame[12..]);
    tagged
}

pub fn udp4(from: (Ipv4Addr, u16), to: (Ipv4Addr, u16), data: &[u8]) -> Vec<u8> {
    let mut udp = Vec::new();
    udp.extend(from.1.to_be_bytes());
    udp.extend(to.1.to_be_bytes());
    udp.extend((8 + data.len() as u16).to_be_bytes());
    udp.extend([0, 0]); // IPv4 allows none
    udp.extend(data);
    let mut ip = vec![0x45, 0];
    ip.extend((20 + udp.len() as u16).to_be_bytes());
    ip.extend([0, 1, 0, 0, 64, 17, 0, 0]);
    ip.extend(from.0.octets());
    ip.extend(to.0.octets());
    let sum = checksum(&ip);
    ip[10..12].copy_from_slice(&sum.to_be_bytes());
    ip.extend(udp);
    ip
}

pub fn ip6(source: Ipv6Addr, destination: Ipv6Addr, next: u8, payload: &[u8]) -> Vec<u8> {
    let mut ip = vec![0x60, 0, 0, 0];
    ip.extend((payload.len() as u16).to_be_bytes());
    ip.extend([next, 255]);
    ip.extend(source.octets());
    ip.extend(destination.octets());
    ip.extend(payload);
    ip
}

pub fn udp6(from: (Ipv6Addr, u16), to: (Ipv6Addr, u16), data: &[u8]) -> Vec<u8> {
    let mut udp = Vec::new();
    udp.extend(from.1.to_be_bytes());
    udp.extend(to.1.to_be_bytes());
    udp.extend((8 + data.len() as u16).to_be_bytes());
    udp.extend([0, 0]);
    udp.extend(data);
    let sum = checksum6(from.0, to.0, 17, &udp);
    udp[6..8].copy_from_slice(&sum.to_be_bytes());
    ip6(from.0, to.0, 17, &udp)
}

/// An ICMPv6 message with its checksum.
pub fn icmp6(source: Ipv6Addr, destination: Ipv6Addr, kind: u8, body: &[u8]) -> Vec<u8> {
    let mut icmp = vec![kind, 0, 0, 0];
    icmp.extend(body);
    let sum = checksum6(source, destination, 58, &icmp);
    icmp[2..4].copy_from_slice(&sum.to_be_bytes());
    icmp
}

/// A neighbour advertisement for a target.
pub fn advertisement(source: Ipv6Addr, destination: Ipv6Addr, target: Ipv6Addr, mac: MacAddress) -> Vec<u8> {
    let mut body = vec![0x20, 0, 0, 0];
    body.extend(target.octets());
    body.extend([2, 1]);
    body.extend(mac.0);
    ip6(source, destination, 58, &icmp6(source, destination, 136, &body))
}

/// A neighbour solicitation for a target.
pub fn solicitation(source: Ipv6Addr, destination: Ipv6Addr, target: Ipv6Addr) -> Vec<u8> {
    let mut body = vec![0, 0, 0, 0];
    body.extend(target.octets());
    ip6(source, destination, 58, &icmp6(source, destination, 135, &body))
}

/// A router advertisement without options.
pub fn router_advertisement(source: Ipv6Addr) -> Vec<u8> {
    let all: Ipv6Addr = "ff02::1".parse().unwrap();
    let body = [64, 0, 7, 8, 0, 0, 0, 0, 0, 0, 0, 0];
    ip6(source, all, 58, &icmp6(source, all, 134, &body))
}

/// The same behind a destination options header.
pub fn hidden_router_advertisement(source: Ipv6Addr) -> Vec<u8> {
    let all: Ipv6Addr = "ff02::1".parse().unwrap();
    let body = [64, 0, 7, 8, 0, 0, 0, 0, 0, 0, 0, 0];
    let mut payload = vec![58, 0, 1, 4, 0, 0, 0, 0]; // next ICMPv6, 8 bytes, PadN
    payload.extend(icmp6(source, all, 134, &body));
    ip6(source, all, 60, &payload)
}

/// An ARP packet: operation, sender, target.
pub fn arp(operation: u16, sender: (MacAddress, Ipv4Addr), target: (MacAddress, Ipv4Addr)) -> Vec<u8> {
    let mut arp = vec![0, 1, 8, 0, 6, 4];
    arp.extend(operation.to_be_bytes());
    arp.extend(sender.0.0);
    arp.extend(sender.1.octets());
    arp.extend(target.0.0);
    arp.extend(target.1.octets());
    arp
}

pub fn v4(address: IpAddr) -> Ipv4Addr {
    match address {
        IpAddr::V4(address) => address,
        IpAddr::V6(_) => panic!("{address} is not IPv4"),
    }
}

pub fn v6(address: IpAddr) -> Ipv6Addr {
    match address {
        IpAddr::V6(address) => address,
        IpAddr::V4(_) => panic!("{address} is not IPv6"),
    }
}
