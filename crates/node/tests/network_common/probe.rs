//! Traffic between namespaces, as programs make it.

use std::io::{ErrorKind, Read, Write};
use std::mem::MaybeUninit;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::time::{Duration, Instant};

use linux::Netns;
use socket2::{Domain, Protocol, Socket, Type};

/// How long something that should pass may take, on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(10);
/// How long we watch for something that should not come.
pub const SILENCE: Duration = Duration::from_millis(350);

/// A server socket inside a namespace.
pub fn listen(ns: &Netns, address: &str) -> TcpListener {
    let address: SocketAddr = address.parse().unwrap();
    ns.run(move || TcpListener::bind(address)).unwrap().unwrap()
}

/// Tries a TCP connection. `expected` only chooses how long to wait.
pub fn connect(ns: &Netns, to: &str, expected: bool) -> Option<TcpStream> {
    let to: SocketAddr = to.parse().unwrap();
    let within = if expected { PATIENCE } else { SILENCE };
    ns.run(move || TcpStream::connect_timeout(&to, within)).unwrap().ok()
}

/// Whether a TCP connection to a listener made for it comes about.
pub fn tcp(from: &Netns, to: &Netns, address: IpAddr, port: u16, expected: bool) -> bool {
    let address = SocketAddr::new(address, port).to_string();
    let _listener = listen(to, &address);
    connect(from, &address, expected).is_some()
}

/// A connection with both ends.
pub fn established(from: &Netns, to: &Netns, address: IpAddr, port: u16) -> (TcpStream, TcpStream) {
    let address = SocketAddr::new(address, port).to_string();
    let listener = listen(to, &address);
    let client = connect(from, &address, true).expect("the connection is allowed");
    let (server, _) = listener.accept().unwrap();
    (client, server)
}

/// Whether bytes written at one end arrive at the other. Bytes of earlier tries, which TCP sends again, do not count.
pub fn arrives(mut from: &TcpStream, mut to: &TcpStream, expected: bool) -> bool {
    let token = super::fresh().into_bytes();
    if from.write_all(&token).is_err() {
        return false;
    }
    let deadline = Instant::now() + if expected { PATIENCE } else { SILENCE };
    let mut seen = Vec::new();
    let mut buffer = [0; 4096];
    while let Some(left) = deadline
        .checked_duration_since(Instant::now())
        .filter(|left| !left.is_zero())
    {
        to.set_read_timeout(Some(left)).unwrap();
        match to.read(&mut buffer) {
            Ok(0) => return false,
            Ok(n) => seen.extend_from_slice(&buffer[..n]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(_) => return false,
        }
        if seen.windows(token.len()).any(|w| w == token) {
            return true;
        }
    }
    false
}

/// Sends a datagram to an echo made for it and waits for the answer.
pub fn udp(from: &Netns, to: &Netns, address: IpAddr, port: u16, expected: bool) -> bool {
    let to_address = SocketAddr::new(address, port);
    let server = to.run(|| UdpSocket::bind(to_address)).unwrap().unwrap();
    let client = udp_client(from, to_address);
    let within = if expected { PATIENCE } else { SILENCE };
    server.set_read_timeout(Some(within)).unwrap();
    client.send(b"question").unwrap();
    let mut buffer = [0; 64];
    let Ok((_, peer)) = server.recv_from(&mut buffer) else {
        return false;
    };
    server.send_to(b"answer", peer).unwrap();
    client.set_read_timeout(Some(within)).unwrap();
    client.recv(&mut buffer).is_ok()
}

/// Sends a datagram to a port where nobody listens; an ICMP error comes back as a refusal.
pub fn udp_refused(from: &Netns, to: SocketAddr, expected: bool) -> bool {
    let client = udp_client(from, to);
    client.send(b"x").unwrap();
    client
        .set_read_timeout(Some(if expected { PATIENCE } else { SILENCE }))
        .unwrap();
    matches!(client.recv(&mut [0; 8]), Err(e) if e.kind() == ErrorKind::ConnectionRefused)
}

pub fn udp_client(from: &Netns, to: SocketAddr) -> UdpSocket {
    let any = if to.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
    let client = from.run(|| UdpSocket::bind(any)).unwrap().unwrap();
    client.connect(to).unwrap();
    client
}

/// Pings, with a payload of `size` bytes; gives who answered and with what ICMP type.
pub fn icmp(from: &Netns, to: IpAddr, kind: u8, size: usize, ttl: u32, within: Duration) -> Option<(IpAddr, u8)> {
    let v4 = to.is_ipv4();
    let socket = from
        .run(|| match v4 {
            true => Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::ICMPV4)),
            false => Socket::new(Domain::IPV6, Type::RAW, Some(Protocol::ICMPV6)),
        })
        .unwrap()
        .unwrap();
    if v4 {
        socket.set_ttl_v4(ttl).unwrap();
    }
    let id = (std::process::id() as u16) ^ (Instant::now().elapsed().as_nanos() as u16) ^ rand16();
    let mut message = vec![kind, 0, 0, 0];
    message.extend(id.to_be_bytes());
    message.extend([0, 1]);
    message.resize(8 + size.max(12), 0x61);
    if v4 {
        let sum = linux::packet::checksum(&message);
        message[2..4].copy_from_slice(&sum.to_be_bytes());
    }
    if socket.send_to(&message, &SocketAddr::new(to, 0).into()).is_err() {
        return None;
    }
    let deadline = Instant::now() + within;
    let mut buffer = vec![MaybeUninit::uninit(); 65_536];
    while let Some(left) = deadline
        .checked_duration_since(Instant::now())
        .filter(|left| !left.is_zero())
    {
        socket.set_read_timeout(Some(left)).unwrap();
        let Ok((length, peer)) = socket.recv_from(&mut buffer) else {
            continue;
        };
        let bytes: Vec<u8> = buffer[..length]
            .iter()
            .map(|b| {
                // SAFETY: recv_from has filled the first `length` bytes.
                #[allow(unsafe_code)]
                unsafe {
                    b.assume_init()
                }
            })
            .collect();
        let message = if v4 {
            &bytes[usize::from(bytes[0] & 15) * 4..]
        } else {
            &bytes[..]
        };
        let peer = peer.as_socket().unwrap().ip();
        let reply = if v4 {
            kind == 8 && message[0] == 0 || kind == 13 && message[0] == 14
        } else {
            message[0] == 129
        };
        if reply && message[4..6] == id.to_be_bytes() {
            return Some((peer, message[0]));
        }
        let error = if v4 {
            [3, 11].contains(&message[0])
        } else {
            [1, 2, 3].contains(&message[0])
        };
        if error && message.windows(2).any(|w| w == id.to_be_bytes()) {
            return Some((peer, message[0]));
        }
    }
    None
}

fn rand16() -> u16 {
    super::fresh().as_fields().1
}

/// Whether a ping is answered.
pub fn ping(from: &Netns, to: IpAddr, expected: bool) -> bool {
    ping_of(from, to, 12, expected)
}

/// Whether a ping of a size is answered.
pub fn ping_of(from: &Netns, to: IpAddr, size: usize, expected: bool) -> bool {
    let kind = if to.is_ipv4() { 8 } else { 128 };
    // The first packet may be lost while a neighbour is looked for.
    let tries = if expected { 10 } else { 1 };
    let within = if expected { PATIENCE / 10 } else { SILENCE };
    (0..tries).any(|_| matches!(icmp(from, to, kind, size, 64, within), Some((_, 0 | 129))))
}

/// Whether a multicast datagram sent in one namespace is heard in another.
pub fn multicast(from: (&Netns, Ipv4Addr), to: (&Netns, Ipv4Addr), port: u16, expected: bool) -> bool {
    let group = Ipv4Addr::new(239, 1, 1, 1);
    let server = to.0.run(|| UdpSocket::bind((group, port))).unwrap().unwrap();
    server.join_multicast_v4(&group, &to.1).unwrap();
    let client = from.0.run(|| UdpSocket::bind((from.1, 0))).unwrap().unwrap();
    socket2::SockRef::from(&client).set_multicast_if_v4(&from.1).unwrap();
    client.send_to(b"x", (group, port)).unwrap();
    server
        .set_read_timeout(Some(if expected { PATIENCE } else { SILENCE }))
        .unwrap();
    server.recv(&mut [0; 8]).is_ok()
}

/// Whether something becomes true before patience ends.
pub fn eventually(mut holds: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if holds() {
            return true;
        }
        if Instant::now() > deadline {
            return false;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}
