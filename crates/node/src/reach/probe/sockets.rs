//! Sends a probe's packets from inside a namespace, and hears what comes back.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr, SocketAddrV6};
use std::os::fd::{AsFd, BorrowedFd};

use linux::Netns;
use linux::packet::PacketSocket;
use linux::pick::{self, Form};
use linux::watch::{Watch, Way};
use model::reach::probe::ProbeKind;
use rustix::net::{RecvFlags, SocketAddrAny};
use socket2::{Domain, Protocol, Socket, Type};

use super::question::{ICMP, ICMP6, Question, Reply, Seen, TCP};

/// Of each packet this much is looked at, bytes.
const LENGTH: u32 = 256;

/// What a namespace sends a probe with.
#[derive(Debug)]
pub(super) enum Sockets {
    /// A frame by a device, and the answer on it.
    Link { sender: PacketSocket, watch: Watch },
    /// By IP.
    Ip(Box<IpSockets>),
}

/// The sockets of a probe by IP.
#[derive(Debug)]
pub(super) struct IpSockets {
    to: SocketAddr,
    /// What sends: raw, or bound to a port of UDP's.
    sender: Socket,
    /// Hears answers of the protocol that asks; with UDP that is the sender.
    answers: Option<(u8, Socket)>,
    /// Hears errors.
    errors: (u8, Socket),
    /// Holds a port of TCP's, so that nobody else gets it meanwhile. What is answered there the kernel resets.
    _port: Option<Socket>,
}

/// From where on the link a probe is sent.
pub(super) struct Leg<'a> {
    pub ns: &'a Netns,
    pub device: &'a str,
    pub index: u32,
}

impl Sockets {
    /// Opens what is needed, and puts the port it got into the question.
    pub(super) fn open(leg: &Leg<'_>, question: &mut Question) -> linux::Result<io::Result<Self>> {
        if question.kind == ProbeKind::Neighbour {
            let watch = Watch::open(leg.ns, leg.device, &question.neighbour_frames())?;
            let sender = PacketSocket::open(leg.ns, leg.device, 0)?;
            return Ok(Ok(Self::Link { sender, watch }));
        }
        let opened = leg.ns.run(|| IpSockets::open(leg, question))?;
        Ok(opened.map(|sockets| Self::Ip(Box::new(sockets))))
    }

    /// Sends one packet.
    pub(super) fn send(&self, question: &Question) -> io::Result<()> {
        match self {
            Self::Link { sender, .. } => sender.send(&question.frame()).map_err(io::Error::other),
            Self::Ip(sockets) => {
                let to = socket2::SockAddr::from(sockets.to);
                sockets.sender.send_to(&question.message(), &to).map(drop)
            }
        }
    }

    /// What came back so far, and from whom. Without waiting.
    pub(super) fn hear(&self, question: &Question) -> io::Result<Option<(Reply, IpAddr)>> {
        match self {
            Self::Link { watch, .. } => loop {
                match watch.take().map_err(io::Error::other)? {
                    None => return Ok(None),
                    Some((Way::In, frame)) if question.of_frame(&frame) == Some(Seen::Answer) => {
                        return Ok(Some((Reply::Yes, question.target)));
                    }
                    Some(_) => {}
                }
            },
            Self::Ip(sockets) => sockets.hear(question),
        }
    }

    /// What there is to wait for.
    pub(super) fn descriptors(&self) -> Vec<BorrowedFd<'_>> {
        match self {
            Self::Link { watch, .. } => vec![watch.as_fd()],
            Self::Ip(sockets) => {
                let answers = sockets.answers.iter().map(|(_, socket)| socket.as_fd());
                answers
                    .chain([sockets.errors.1.as_fd(), sockets.sender.as_fd()])
                    .collect()
            }
        }
    }
}

impl IpSockets {
    /// For a thread that is in the namespace.
    fn open(leg: &Leg<'_>, question: &mut Question) -> io::Result<Self> {
        let v4 = question.target.is_ipv4();
        let errors = if v4 { ICMP } else { ICMP6 };
        let scope = |address: IpAddr| match address {
            IpAddr::V6(v6) if v6.is_unicast_link_local() => leg.index,
            _ => 0,
        };
        let at = |address: IpAddr, port| match address {
            IpAddr::V4(_) => SocketAddr::new(address, port),
            IpAddr::V6(v6) => SocketAddrV6::new(v6, port, 0, scope(address)).into(),
        };
        let raw = |protocol, forms: &[Form]| raw(v4, protocol, forms);
        let bound = |kind, protocol| -> io::Result<(Socket, u16)> {
            let socket = Socket::new(domain(v4), kind, Some(protocol))?;
            socket.bind(&at(question.source, 0).into())?;
            let port = socket.local_addr()?.as_socket().map_or(0, |address| address.port());
            socket.set_nonblocking(true)?;
            Ok((socket, port))
        };
        let (mut port_holder, mut to_port) = (None, 0);
        let (sender, answers) = match question.kind {
            ProbeKind::Tcp(_) => {
                let (socket, port) = bound(Type::STREAM, Protocol::TCP)?;
                (question.source_port, port_holder) = (port, Some(socket));
                (raw(TCP, &[])?, Some((TCP, raw(TCP, &question.answers())?)))
            }
            ProbeKind::Udp(port) => {
                let (socket, own) = bound(Type::DGRAM, Protocol::UDP)?;
                (question.source_port, to_port) = (own, port);
                (socket, None)
            }
            ProbeKind::Ping | ProbeKind::Neighbour => {
                (raw(errors, &[])?, Some((errors, raw(errors, &question.answers())?)))
            }
        };
        if port_holder.is_some() || matches!(question.kind, ProbeKind::Ping | ProbeKind::Neighbour) {
            sender.bind(&at(question.source, 0).into())?;
        }
        Ok(Self {
            to: at(question.target, to_port),
            sender,
            answers,
            errors: (errors, raw(errors, &question.error_answers())?),
            _port: port_holder,
        })
    }

    fn hear(&self, question: &Question) -> io::Result<Option<(Reply, IpAddr)>> {
        let sockets = self.answers.iter().chain([&self.errors]);
        for (protocol, socket) in sockets {
            while let Some((bytes, from)) = receive(socket)? {
                if let Some(reply) = question.reply(*protocol, &bytes) {
                    return Ok(Some((reply, from)));
                }
            }
        }
        if !matches!(question.kind, ProbeKind::Udp(_)) {
            return Ok(None);
        }
        while let Some((_, from)) = receive(&self.sender)? {
            if from == question.target {
                return Ok(Some((Reply::Yes, from)));
            }
        }
        Ok(None)
    }
}

fn domain(v4: bool) -> Domain {
    if v4 { Domain::IPV4 } else { Domain::IPV6 }
}

/// A raw socket that hears packets of these forms; without any it hears nothing.
fn raw(v4: bool, protocol: u8, forms: &[Form]) -> io::Result<Socket> {
    let socket = Socket::new(domain(v4), Type::RAW, Some(Protocol::from(i32::from(protocol))))?;
    pick::attach(&socket, forms, LENGTH).map_err(io::Error::other)?;
    socket.set_nonblocking(true)?;
    // What came before the socket was told what to hear.
    while receive(&socket)?.is_some() {}
    Ok(socket)
}

/// The next packet and who sent it; `None` if there is none now.
fn receive(socket: &Socket) -> io::Result<Option<(Vec<u8>, IpAddr)>> {
    let mut buffer = vec![0; LENGTH as usize];
    loop {
        let received = rustix::net::recvfrom(socket, &mut buffer[..], RecvFlags::empty()).map_err(io::Error::from);
        match received {
            Ok((length, _, from)) => {
                buffer.truncate(length);
                let from = from.and_then(|from| address(&from));
                return Ok(from.map(|from| (buffer, from)));
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(None),
            // An error that the kernel tells a UDP socket of; the packet that says it is heard as well.
            Err(error)
                if error.kind() == ErrorKind::ConnectionRefused || error.kind() == ErrorKind::HostUnreachable => {}
            Err(error) => return Err(error),
        }
    }
}

fn address(from: &SocketAddrAny) -> Option<IpAddr> {
    SocketAddr::try_from(from.clone()).ok().map(|from| from.ip())
}
