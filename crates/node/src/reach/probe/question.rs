//! The packets of a probe: made, and recognised wherever they are seen.

use std::net::{IpAddr, Ipv6Addr};

use linux::packet::{self, ARP, IPV4, IPV6};
use linux::pick::{Field, Form};
use linux::trace::{Header, Kind, Look, Pick};
use linux::{Mac, packet::checksum};
use model::reach::probe::ProbeKind;

/// IP protocol numbers.
pub(super) const ICMP: u8 = 1;
pub(super) const TCP: u8 = 6;
const UDP: u8 = 17;
pub(super) const ICMP6: u8 = 58;
/// Sizes of headers without options, bytes.
const ETHERNET: u32 = 14;
const IP4: u32 = 20;
const IP6: u32 = 40;
/// Types of ICMP and ICMPv6 messages.
const ECHO: u8 = 8;
const ECHO_REPLY: u8 = 0;
const ECHO6: u8 = 128;
const ECHO_REPLY6: u8 = 129;
const SOLICITATION: u8 = 135;
const ADVERTISEMENT: u8 = 136;
/// What tells people who look at traffic whose packet it is.
const SIGNATURE: &[u8; 12] = b"maru probe  ";

/// What a probe asks, with all that its packets have.
#[derive(Debug, Clone)]
pub(super) struct Question {
    /// What is asked.
    pub kind: ProbeKind,
    /// What translation leaves alone: see the module above.
    pub token: u32,
    /// Who asks; unspecified (ARP only) where nobody has an address on the link.
    pub source: IpAddr,
    /// Port (TCP, UDP) or ICMP id.
    pub source_port: u16,
    /// Who is asked.
    pub target: IpAddr,
    /// The address that the target has in its own network.
    pub inside: IpAddr,
    /// The Ethernet address that asks, with [`ProbeKind::Neighbour`].
    pub mac: Mac,
}

/// What a packet is to a probe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Seen {
    /// The question.
    Request,
    /// An answer or error.
    Answer,
    /// Somebody on the way asks the link who has the target's address.
    Ask,
    /// The target says so.
    Tell,
    /// The target asks the link for somebody, to answer by.
    Seek,
}

/// What came back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reply {
    /// An answer.
    Yes,
    /// TCP's reset.
    Reset,
    /// An ICMP or ICMPv6 error: type and code.
    Error(u8, u8),
}

impl Question {
    /// The protocol that says what went wrong.
    fn errors(&self) -> u8 {
        if self.target.is_ipv4() { ICMP } else { ICMP6 }
    }

    /// The protocol that asks.
    fn protocol(&self) -> u8 {
        match self.kind {
            ProbeKind::Neighbour | ProbeKind::Ping => self.errors(),
            ProbeKind::Tcp(_) => TCP,
            ProbeKind::Udp(_) => UDP,
        }
    }

    /// Where the token is in what asks, behind the IP header.
    fn token_at(&self) -> u32 {
        if matches!(self.kind, ProbeKind::Tcp(_)) { 4 } else { 8 }
    }

    /// Where it is in an error, which holds the packet that it is about.
    fn token_in_error(&self) -> u32 {
        8 + self.ip_header() + self.token_at()
    }

    fn ip_header(&self) -> u32 {
        if self.target.is_ipv4() { IP4 } else { IP6 }
    }

    /// What a SYN is acknowledged with.
    fn acknowledged(&self) -> u32 {
        self.token.wrapping_add(1)
    }

    /// What follows the IP header in a packet that asks (TCP, ping). ICMPv6's checksum is the kernel's business.
    pub fn message(&self) -> Vec<u8> {
        match self.kind {
            ProbeKind::Tcp(port) => self.syn(port),
            ProbeKind::Ping => self.echo(),
            ProbeKind::Neighbour | ProbeKind::Udp(_) => self.data(),
        }
    }

    /// The data of a ping or datagram.
    fn data(&self) -> Vec<u8> {
        let mut data = self.token.to_be_bytes().to_vec();
        data.extend(SIGNATURE);
        data
    }

    fn echo(&self) -> Vec<u8> {
        let v4 = self.target.is_ipv4();
        let mut message = vec![if v4 { ECHO } else { ECHO6 }, 0, 0, 0];
        message.extend(self.source_port.to_be_bytes());
        message.extend([0, 1]);
        message.extend(self.data());
        if v4 {
            let sum = checksum(&message);
            message[2..4].copy_from_slice(&sum.to_be_bytes());
        }
        message
    }

    /// A segment without options that opens a connection (RFC 9293, section 3.1).
    fn syn(&self, port: u16) -> Vec<u8> {
        let mut segment = self.source_port.to_be_bytes().to_vec();
        segment.extend(port.to_be_bytes());
        segment.extend(self.token.to_be_bytes());
        segment.extend([0; 4]);
        // Five words of header, the SYN flag, a small window, no checksum yet, nothing urgent.
        segment.extend([5 << 4, 2, 4, 0, 0, 0, 0, 0]);
        let sum = match (self.source, self.target) {
            (IpAddr::V6(source), IpAddr::V6(target)) => packet::checksum6(source, target, TCP, &segment),
            (source, target) => {
                let mut pseudo = bytes(source);
                pseudo.extend(bytes(target));
                pseudo.extend([0, TCP]);
                pseudo.extend((segment.len() as u16).to_be_bytes());
                pseudo.extend(&segment);
                checksum(&pseudo)
            }
        };
        segment[16..18].copy_from_slice(&sum.to_be_bytes());
        segment
    }

    /// The frame that asks who has the target's address.
    pub fn frame(&self) -> Vec<u8> {
        match (self.source, self.target) {
            (IpAddr::V6(source), IpAddr::V6(target)) => self.solicitation(source, target),
            (source, target) => self.arp_request(source, target),
        }
    }

    /// RFC 826; without an address of the asker's, as RFC 5227 probes.
    fn arp_request(&self, source: IpAddr, target: IpAddr) -> Vec<u8> {
        let mut frame = Mac::BROADCAST.0.to_vec();
        frame.extend(self.mac.0);
        frame.extend(ARP.to_be_bytes());
        frame.extend([0, 1, 8, 0, 6, 4, 0, 1]);
        frame.extend(self.mac.0);
        frame.extend(bytes(source));
        frame.extend([0; 6]);
        frame.extend(bytes(target));
        frame.resize(60, 0); // the smallest Ethernet frame
        frame
    }

    /// RFC 4861, section 4.3.
    fn solicitation(&self, source: Ipv6Addr, target: Ipv6Addr) -> Vec<u8> {
        let low = target.octets();
        let group = Ipv6Addr::new(
            0xff02,
            0,
            0,
            0,
            0,
            1,
            0xff00 | u16::from(low[13]),
            u16::from_be_bytes([low[14], low[15]]),
        );
        let mut message = vec![SOLICITATION, 0, 0, 0, 0, 0, 0, 0];
        message.extend(target.octets());
        message.extend([1, 1]); // option: who asks, 8 bytes
        message.extend(self.mac.0);
        let sum = packet::checksum6(source, group, ICMP6, &message);
        message[2..4].copy_from_slice(&sum.to_be_bytes());
        let mut frame = Mac::of_multicast6(group).0.to_vec();
        frame.extend(self.mac.0);
        frame.extend(IPV6.to_be_bytes());
        frame.extend([0x60, 0, 0, 0]);
        frame.extend((message.len() as u16).to_be_bytes());
        frame.extend([ICMP6, 255]);
        frame.extend(source.octets());
        frame.extend(group.octets());
        frame.extend(message);
        frame
    }

    /// What is to be followed in rulesets.
    pub fn picks(&self) -> Vec<Pick> {
        let token = self.token.to_be_bytes().to_vec();
        let transport = |protocol, offset, value: &[u8]| Pick {
            kind: Kind::Protocol(protocol),
            fields: vec![(Header::Transport, offset, value.to_vec())],
        };
        let mut picks = self.neighbour_picks();
        if self.kind == ProbeKind::Neighbour {
            return picks;
        }
        picks.push(transport(self.protocol(), self.token_at(), &token));
        picks.push(transport(self.errors(), self.token_in_error(), &token));
        match self.kind {
            ProbeKind::Tcp(_) => picks.push(transport(TCP, 8, &self.acknowledged().to_be_bytes())),
            // What a service answers has nothing of the question but its addresses and ports.
            ProbeKind::Udp(_) => picks.extend([self.target, self.inside].into_iter().map(|address| {
                let mut pick = transport(UDP, 2, &self.source_port.to_be_bytes());
                let at = if address.is_ipv4() { 12 } else { 8 };
                pick.fields.push((Header::Network, at, bytes(address)));
                pick
            })),
            ProbeKind::Ping | ProbeKind::Neighbour => {}
        }
        picks
    }

    /// Of the questions for the target's address on its link, and the answers: those of this probe alone, or those of
    /// whoever has to ask before he can pass a packet on; then also what the target itself asks.
    fn neighbour_picks(&self) -> Vec<Pick> {
        let own = self.kind == ProbeKind::Neighbour;
        let address = bytes(self.inside);
        let pick = |kind, fields| Pick { kind, fields };
        if self.inside.is_ipv6() {
            let discovery = |kind, header, address_at| {
                let kind = (Header::Transport, 0, vec![kind]);
                pick(Kind::Protocol(ICMP6), vec![kind, (header, address_at, address.clone())])
            };
            let mut picks = vec![
                discovery(SOLICITATION, Header::Transport, 8),
                discovery(ADVERTISEMENT, Header::Transport, 8),
            ];
            picks.extend((!own).then(|| discovery(SOLICITATION, Header::Network, 8)));
            return picks;
        }
        let arp = |operation, address_at, mac_at| {
            let mut fields = vec![
                (Header::Network, 6, vec![0, operation]),
                (Header::Network, address_at, address.clone()),
            ];
            if own {
                fields.push((Header::Network, mac_at, self.mac.0.to_vec()));
            }
            pick(Kind::Arp, fields)
        };
        let mut picks = vec![arp(1, 24, 8), arp(2, 14, 18)];
        picks.extend((!own).then(|| arp(1, 14, 8)));
        picks
    }

    /// What to watch for on a device.
    pub fn frames(&self) -> Vec<Form> {
        let (ethertype, protocol_at) = if self.target.is_ipv4() { (IPV4, 9) } else { (IPV6, 6) };
        let header = ETHERNET + self.ip_header();
        let form = |protocol, fields: Vec<Field>| {
            let mut form = vec![
                Field::short(12, ethertype),
                Field::byte(ETHERNET + protocol_at, protocol),
            ];
            form.extend(fields);
            form
        };
        let word = |protocol, offset, value| form(protocol, vec![Field::word(header + offset, value)]);
        let mut forms = self.neighbour_frames();
        if self.kind == ProbeKind::Neighbour {
            return forms;
        }
        forms.push(word(self.protocol(), self.token_at(), self.token));
        forms.push(word(self.errors(), self.token_in_error(), self.token));
        match self.kind {
            ProbeKind::Tcp(_) => forms.push(word(TCP, 8, self.acknowledged())),
            ProbeKind::Udp(_) => {
                let source_at = if self.target.is_ipv4() { 12 } else { 8 };
                let mut fields = Field::bytes(ETHERNET + source_at, &bytes(self.inside));
                fields.push(Field::short(header + 2, self.source_port));
                forms.push(form(UDP, fields));
            }
            ProbeKind::Ping | ProbeKind::Neighbour => {}
        }
        in_order(forms)
    }

    /// Questions for the target's address on its link, and answers.
    pub fn neighbour_frames(&self) -> Vec<Form> {
        let address = bytes(self.inside);
        let form = |fields: [Field; 3], address_at| {
            let mut form = fields.to_vec();
            form.extend(Field::bytes(address_at, &address));
            form
        };
        if self.inside.is_ipv6() {
            let kind_at = ETHERNET + IP6;
            return [SOLICITATION, ADVERTISEMENT]
                .map(|kind| {
                    let fields = [
                        Field::short(12, IPV6),
                        Field::byte(20, ICMP6),
                        Field::byte(kind_at, kind),
                    ];
                    form(fields, kind_at + 8)
                })
                .into();
        }
        [(1, 38), (2, 28)]
            .map(|(operation, address_at)| {
                let fields = [Field::short(12, ARP), Field::short(14, 1), Field::short(20, operation)];
                form(fields, address_at)
            })
            .into()
    }

    /// What a raw socket is to hear by the protocol that asks. It sees IPv4 packets from their IP header on, IPv6 ones from
    /// behind it.
    pub fn answers(&self) -> Vec<Form> {
        let form = |offset, value| vec![Field::word(self.raw(offset), value)];
        match self.kind {
            ProbeKind::Tcp(_) => vec![form(8, self.acknowledged())],
            ProbeKind::Ping => {
                let reply = if self.target.is_ipv4() { ECHO_REPLY } else { ECHO_REPLY6 };
                let fields = vec![Field::byte(self.raw(0), reply), Field::word(self.raw(8), self.token)];
                vec![fields, form(self.token_in_error(), self.token)]
            }
            ProbeKind::Neighbour | ProbeKind::Udp(_) => Vec::new(),
        }
    }

    /// What a raw socket is to hear of errors.
    pub fn error_answers(&self) -> Vec<Form> {
        vec![vec![Field::word(self.raw(self.token_in_error()), self.token)]]
    }

    fn raw(&self, offset: u32) -> u32 {
        if self.target.is_ipv4() { IP4 + offset } else { offset }
    }

    /// What came back, as a raw socket of `protocol` gave it.
    pub fn reply(&self, protocol: u8, bytes: &[u8]) -> Option<Reply> {
        let message = match self.target {
            IpAddr::V4(_) => bytes.get(usize::from(bytes.first()? & 15) * 4..)?,
            IpAddr::V6(_) => bytes,
        };
        if protocol == TCP {
            const RESET: u8 = 4;
            let is_reset = message.get(13)? & RESET != 0;
            return Some(if is_reset { Reply::Reset } else { Reply::Yes });
        }
        match (*message.first()?, *message.get(1)?) {
            (ECHO_REPLY, _) if protocol == ICMP => Some(Reply::Yes),
            (ECHO_REPLY6, _) if protocol == ICMP6 => Some(Reply::Yes),
            (kind, code) => Some(Reply::Error(kind, code)),
        }
    }

    /// What a frame of [`Question::frames`] is.
    pub fn of_frame(&self, frame: &[u8]) -> Option<Seen> {
        let packet = frame.get(ETHERNET as usize..)?;
        let header = match packet.first()? >> 4 {
            4 => usize::from(packet[0] & 15) * 4,
            6 => IP6 as usize,
            _ => packet.len(),
        };
        self.seen(packet, packet.get(header..)?)
    }

    /// What a packet that was picked out by [`Question::picks`] is.
    pub fn of_look(&self, look: &Look) -> Option<Seen> {
        self.seen(&look.network, &look.transport)
    }

    /// What a packet is that was not picked out itself, by what is seen of it alone: copies that a bridge makes of a question
    /// are packets of their own.
    pub fn of_copy(&self, look: &Look) -> Option<Seen> {
        let (network, transport) = (look.network.as_slice(), look.transport.as_slice());
        let own = self.kind == ProbeKind::Neighbour;
        let at = self.token_at() as usize;
        if !own && transport.get(at..at + 4) == Some(&self.token.to_be_bytes()) {
            return Some(Seen::Request);
        }
        let address = bytes(self.inside);
        let asks = match network.first()? >> 4 {
            6 => {
                // As much of the address as is seen.
                let seen = transport.get(8..)?;
                transport.first() == Some(&SOLICITATION) && !seen.is_empty() && address.starts_with(seen)
            }
            0 => {
                let by_us = network.get(8..14) == Some(&self.mac.0);
                network.get(7) == Some(&1) && network.get(24..28) == Some(&address) && (by_us || !own)
            }
            _ => false,
        };
        asks.then(|| self.seen(network, transport)).flatten()
    }

    fn seen(&self, network: &[u8], transport: &[u8]) -> Option<Seen> {
        let (source, protocol) = match network.first()? >> 4 {
            4 => (network.get(12..16)?, *network.get(9)?),
            6 => (network.get(8..24)?, *network.get(6)?),
            // ARP's hardware type begins with 0.
            _ => return self.of_neighbour(*network.get(7)? == 1, network.get(14..18)?),
        };
        let kind = *transport.first()?;
        Some(match protocol {
            ICMP6 if kind == SOLICITATION || kind == ADVERTISEMENT => {
                return self.of_neighbour(kind == SOLICITATION, source);
            }
            ICMP if kind == ECHO => Seen::Request,
            ICMP6 if kind == ECHO6 => Seen::Request,
            TCP if transport.get(4..8)? == self.token.to_be_bytes() => Seen::Request,
            UDP if source != bytes(self.target) && source != bytes(self.inside) => Seen::Request,
            _ => Seen::Answer,
        })
    }

    /// Who only asks for a neighbour, for that this is question and answer.
    fn of_neighbour(&self, asks: bool, source: &[u8]) -> Option<Seen> {
        Some(match (self.kind == ProbeKind::Neighbour, asks) {
            (true, true) => Seen::Request,
            (true, false) => Seen::Answer,
            (false, true) if source == bytes(self.inside) => Seen::Seek,
            (false, true) => Seen::Ask,
            (false, false) => Seen::Tell,
        })
    }
}

/// The address that a packet is sent to.
pub(super) fn destination(look: &Look) -> Option<IpAddr> {
    let network = &look.network;
    match network.first()? >> 4 {
        4 => <[u8; 4]>::try_from(network.get(16..20)?).ok().map(IpAddr::from),
        6 => <[u8; 16]>::try_from(network.get(24..40)?).ok().map(IpAddr::from),
        _ => None,
    }
}

/// Forms so that a short packet never ends the comparison before one that it has.
fn in_order(mut forms: Vec<Form>) -> Vec<Form> {
    let end = |form: &Form| form.iter().map(|field| field.offset + u32::from(field.size)).max();
    forms.sort_by_key(end);
    forms
}

fn bytes(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    }
}

#[cfg(test)]
mod tests;
