//! Who listens in a namespace, by the kernel's own tables (proc(5), `/proc/net`).

use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::{Error, Netns, Result};

/// What a socket takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Protocol {
    /// Datagrams.
    Udp,
    /// Connections.
    Tcp,
    /// Packets of an IP protocol; its number stands for the port.
    Raw,
}

/// A socket that waits for what comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Listener {
    /// What it takes.
    pub protocol: Protocol,
    /// At which address; the unspecified one (of IPv6: of both versions, mostly) for all.
    pub address: IpAddr,
    /// At which port.
    pub port: u16,
}

/// Who listens in a namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listeners {
    /// Sockets of IP.
    pub listeners: Vec<Listener>,
    /// Packet sockets: the type of frames that each takes, and the index of its device (0 for all).
    pub packet: Vec<(u16, u32)>,
}

/// State of a TCP socket that takes connections, and of every other that is not connected.
const LISTENING: [u8; 2] = [0x0a, 0x07];

/// Lists who listens in a namespace.
///
/// # Errors
/// The namespace can't be entered, or a table is there and can't be read.
pub fn listeners(ns: &Netns) -> Result<Listeners> {
    let tables = [
        ("udp", Protocol::Udp),
        ("udp6", Protocol::Udp),
        ("tcp", Protocol::Tcp),
        ("tcp6", Protocol::Tcp),
        ("raw", Protocol::Raw),
        ("raw6", Protocol::Raw),
    ];
    let read = |name: &str| match fs::read_to_string(format!("/proc/thread-self/net/{name}")) {
        Ok(text) => Ok(text),
        // Without IPv6, or without packet sockets, there is no such table.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
        Err(error) => Err(Error::io(format!("read who listens ({name})"), error)),
    };
    ns.run(|| {
        let mut found = Listeners::default();
        for (name, protocol) in tables {
            let text = read(name)?;
            found
                .listeners
                .extend(text.lines().filter_map(|line| parse(line, protocol)));
        }
        found.packet = read("packet")?.lines().filter_map(parse_packet).collect();
        Ok(found)
    })?
}

fn parse(line: &str, protocol: Protocol) -> Option<Listener> {
    let mut words = line.split_whitespace().skip(1);
    let (address, port) = words.next()?.split_once(':')?;
    let state = u8::from_str_radix(words.nth(1)?, 16).ok()?;
    let is_listening = match protocol {
        Protocol::Tcp => state == LISTENING[0],
        Protocol::Udp | Protocol::Raw => state == LISTENING[1],
    };
    let listener = Listener {
        protocol,
        address: parse_address(address)?,
        port: u16::from_str_radix(port, 16).ok()?,
    };
    is_listening.then_some(listener)
}

/// An address as these tables have it: words of 32 bits, each as the machine reads it.
fn parse_address(text: &str) -> Option<IpAddr> {
    let word = |at: usize| {
        let digits = text.get(at..at + 8)?;
        u32::from_str_radix(digits, 16).ok().map(u32::to_ne_bytes)
    };
    match text.len() {
        8 => Some(Ipv4Addr::from(word(0)?).into()),
        32 => {
            let mut bytes = [0; 16];
            for (at, chunk) in bytes.chunks_mut(4).enumerate() {
                chunk.copy_from_slice(&word(at * 8)?);
            }
            Some(Ipv6Addr::from(bytes).into())
        }
        _ => None,
    }
}

fn parse_packet(line: &str) -> Option<(u16, u32)> {
    let mut words = line.split_whitespace().skip(3);
    let kind = u16::from_str_radix(words.next()?, 16).ok()?;
    Some((kind, words.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_tables_are_read() {
        let udp =
            "  123: 0200010A:0035 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 77 2 0 0";
        let listener = parse(udp, Protocol::Udp).unwrap();
        assert_eq!((listener.address, listener.port), ("10.1.0.2".parse().unwrap(), 53));
        let connected = udp.replace(" 07 ", " 01 ");
        assert_eq!(parse(&connected, Protocol::Udp), None);
        let tcp =
            "   0: 00000000000000000000000000000000:0050 00000000000000000000000000000000:0000 0A 0:0 0:0 0 0 0 7 1";
        let listener = parse(tcp, Protocol::Tcp).unwrap();
        assert_eq!((listener.address, listener.port), ("::".parse().unwrap(), 80));
        assert_eq!(parse("  sl  local_address rem_address   st", Protocol::Tcp), None);
        let packet = "ffff8881 3      3    88b5   2     1 0      0      1234";
        assert_eq!(parse_packet(packet), Some((0x88b5, 2)));
        let head = "sk       RefCnt Type Proto  Iface R Rmem   User   Inode";
        assert_eq!(parse_packet(head), None);
    }

    #[test]
    fn a_socket_is_listed() {
        let ns = Netns::anonymous().unwrap();
        let bound = ns.run(|| std::net::UdpSocket::bind("0.0.0.0:5353").unwrap()).unwrap();
        let found = listeners(&ns).unwrap();
        let own = Listener {
            protocol: Protocol::Udp,
            address: "0.0.0.0".parse().unwrap(),
            port: 5353,
        };
        assert_eq!(found.listeners, [own]);
        drop(bound);
        assert_eq!(listeners(&ns).unwrap(), Listeners::default());
    }
}
