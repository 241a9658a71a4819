//! DHCPv4 messages as bytes (RFC 2131, section 2; options of RFC 2132, long ones as RFC 3396 splits them).
//!
//! Hostile guests write the requests, and the published parser checks some option lengths by assertion only; so requests
//! are read here, as far as a server needs them. The tests compare with that parser.

use std::net::Ipv4Addr;

use model::address::MacAddress;

/// Option codes used here, by their names in RFC 2132 and its successors.
pub mod option {
    pub const SUBNET_MASK: u8 = 1;
    pub const ROUTER: u8 = 3;
    pub const DOMAIN_NAME_SERVER: u8 = 6;
    pub const HOST_NAME: u8 = 12;
    pub const DOMAIN_NAME: u8 = 15;
    pub const INTERFACE_MTU: u8 = 26;
    pub const BROADCAST_ADDRESS: u8 = 28;
    pub const REQUESTED_ADDRESS: u8 = 50;
    pub const LEASE_TIME: u8 = 51;
    pub const MESSAGE_TYPE: u8 = 53;
    pub const SERVER_IDENTIFIER: u8 = 54;
    pub const PARAMETER_REQUEST_LIST: u8 = 55;
    pub const MESSAGE: u8 = 56;
    pub const MAX_MESSAGE_SIZE: u8 = 57;
    pub const RENEWAL_TIME: u8 = 58;
    pub const REBINDING_TIME: u8 = 59;
    pub const CLIENT_IDENTIFIER: u8 = 61;
    pub const TFTP_SERVER: u8 = 66;
    pub const BOOTFILE_NAME: u8 = 67;
    pub const CLASSLESS_ROUTES: u8 = 121;
    /// The code that Windows used before RFC 3442.
    pub const CLASSLESS_ROUTES_MS: u8 = 249;
    pub const PAD: u8 = 0;
    pub const END: u8 = 255;
}

/// Message types (RFC 2132, section 9.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageType {
    Discover = 1,
    Offer = 2,
    Request = 3,
    Decline = 4,
    Ack = 5,
    Nak = 6,
    Release = 7,
    Inform = 8,
}

impl MessageType {
    fn from_byte(byte: u8) -> Option<Self> {
        use MessageType as T;
        [
            T::Discover,
            T::Offer,
            T::Request,
            T::Decline,
            T::Ack,
            T::Nak,
            T::Release,
            T::Inform,
        ]
        .into_iter()
        .find(|kind| *kind as u8 == byte)
    }
}

/// "DHCP follows" (RFC 2131, section 3).
const MAGIC: [u8; 4] = [99, 130, 83, 99];
/// The fixed part, up to the magic.
const FIXED: usize = 236;
/// BOOTP's smallest message; some clients and relays drop shorter ones.
const SHORTEST: usize = 300;

/// A client's message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    pub kind: MessageType,
    pub xid: u32,
    /// The client can't take unicast before it has an address.
    pub broadcast: bool,
    /// The address that the client uses already.
    pub ciaddr: Ipv4Addr,
    /// A relay's address; zero on the same link.
    pub giaddr: Ipv4Addr,
    pub mac: MacAddress,
    options: Vec<(u8, Vec<u8>)>,
}

impl Request {
    /// Reads a client's message; `None` if it is not one for a DHCP server on Ethernet.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let fixed = bytes.get(..FIXED)?;
        let is_request = fixed[0] == 1 && fixed[1] == 1 && fixed[2] == 6;
        if !is_request || bytes.get(FIXED..FIXED + 4)? != MAGIC {
            return None;
        }
        let options = parse_options(&bytes[FIXED + 4..]);
        let kind = match find(&options, option::MESSAGE_TYPE)? {
            [byte] => MessageType::from_byte(*byte)?,
            _ => return None,
        };
        Some(Self {
            kind,
            xid: u32::from_be_bytes(fixed[4..8].try_into().ok()?),
            broadcast: fixed[10] & 0x80 != 0,
            ciaddr: address_at(fixed, 12)?,
            giaddr: address_at(fixed, 24)?,
            mac: MacAddress(fixed[28..34].try_into().ok()?),
            options,
        })
    }

    /// An option's value.
    pub fn option(&self, code: u8) -> Option<&[u8]> {
        find(&self.options, code)
    }

    /// An option that is one address.
    pub fn address_option(&self, code: u8) -> Option<Ipv4Addr> {
        let octets: [u8; 4] = self.option(code)?.try_into().ok()?;
        Some(octets.into())
    }

    /// Whether the client lists the option among those it wants.
    pub fn wants(&self, code: u8) -> bool {
        self.option(option::PARAMETER_REQUEST_LIST)
            .is_some_and(|list| list.contains(&code))
    }

    /// The largest message (UDP payload) that the client takes: 576 less headers unless it says more.
    pub fn max_payload(&self) -> usize {
        const HEADERS: usize = 28;
        let stated = self
            .option(option::MAX_MESSAGE_SIZE)
            .and_then(|bytes| Some(usize::from(u16::from_be_bytes(bytes.try_into().ok()?))));
        stated.unwrap_or(576).clamp(576, 1400) - HEADERS
    }
}

/// Reads options up to the end mark or the first that does not fit; a code that comes again continues the former.
fn parse_options(mut bytes: &[u8]) -> Vec<(u8, Vec<u8>)> {
    let mut options: Vec<(u8, Vec<u8>)> = Vec::new();
    while let Some((&code, rest)) = bytes.split_first() {
        match code {
            option::END => break,
            option::PAD => bytes = rest,
            _ => {
                let Some((&length, rest)) = rest.split_first() else {
                    break;
                };
                let Some((value, rest)) = rest.split_at_checked(usize::from(length)) else {
                    break;
                };
                match options.iter_mut().find(|(known, _)| *known == code) {
                    Some((_, former)) => former.extend_from_slice(value),
                    None => options.push((code, value.to_vec())),
                }
                bytes = rest;
            }
        }
    }
    options
}

fn find(options: &[(u8, Vec<u8>)], code: u8) -> Option<&[u8]> {
    options
        .iter()
        .find(|(known, _)| *known == code)
        .map(|(_, value)| value.as_slice())
}

fn address_at(bytes: &[u8], offset: usize) -> Option<Ipv4Addr> {
    let octets: [u8; 4] = bytes.get(offset..offset + 4)?.try_into().ok()?;
    Some(octets.into())
}

/// A server's message under construction; the rest is taken from the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    pub kind: MessageType,
    /// The client's new address.
    pub yiaddr: Ipv4Addr,
    /// The next server in a network boot.
    pub siaddr: Ipv4Addr,
    /// Boot file name, as old boot loaders read it.
    pub file: Vec<u8>,
    options: Vec<(u8, Vec<u8>)>,
}

impl Reply {
    /// A message of this type that gives no address yet.
    pub fn new(kind: MessageType) -> Self {
        Self {
            kind,
            yiaddr: Ipv4Addr::UNSPECIFIED,
            siaddr: Ipv4Addr::UNSPECIFIED,
            file: Vec::new(),
            options: Vec::new(),
        }
    }

    /// Sets an option, in place of a former value.
    pub fn set(&mut self, code: u8, value: impl Into<Vec<u8>>) {
        self.remove(code);
        self.options.push((code, value.into()));
    }

    /// Takes an option out, if it is there.
    pub fn remove(&mut self, code: u8) {
        self.options.retain(|(known, _)| *known != code);
    }

    /// The whole message, leaving out from the end options that don't fit into `limit` bytes.
    pub fn encode(&self, request: &Request, limit: usize) -> Vec<u8> {
        let mut bytes = vec![0; FIXED];
        bytes[0] = 2;
        bytes[1] = 1;
        bytes[2] = 6;
        bytes[4..8].copy_from_slice(&request.xid.to_be_bytes());
        bytes[10] = if request.broadcast { 0x80 } else { 0 };
        // A NAK names no address (RFC 2131, table 3).
        if self.kind != MessageType::Nak {
            bytes[12..16].copy_from_slice(&request.ciaddr.octets());
        }
        bytes[16..20].copy_from_slice(&self.yiaddr.octets());
        bytes[20..24].copy_from_slice(&self.siaddr.octets());
        bytes[24..28].copy_from_slice(&request.giaddr.octets());
        bytes[28..34].copy_from_slice(&request.mac.0);
        // One byte stays zero: the field is read as a C string.
        let file = &self.file[..self.file.len().min(127)];
        bytes[108..108 + file.len()].copy_from_slice(file);
        bytes.extend(MAGIC);
        bytes.extend([option::MESSAGE_TYPE, 1, self.kind as u8]);
        for (code, value) in &self.options {
            push_option(&mut bytes, *code, value, limit);
        }
        bytes.push(option::END);
        bytes.resize(bytes.len().max(SHORTEST), 0);
        bytes
    }
}

fn push_option(bytes: &mut Vec<u8>, code: u8, value: &[u8], limit: usize) {
    let pieces = value.len().div_ceil(255).max(1);
    // The end mark needs its byte too.
    if bytes.len() + value.len() + 2 * pieces + 1 > limit {
        return;
    }
    let mut rest = value;
    for _ in 0..pieces {
        let (piece, left) = rest.split_at(rest.len().min(255));
        bytes.extend([code, piece.len() as u8]);
        bytes.extend(piece);
        rest = left;
    }
}

#[cfg(test)]
mod tests {
    use dhcproto::v4;
    use dhcproto::{Decodable, Decoder, Encodable};
    use proptest::prelude::*;

    use super::*;

    const MAC: MacAddress = MacAddress([0xfa, 0x16, 0x3e, 1, 2, 3]);

    fn discover() -> v4::Message {
        let zero = Ipv4Addr::UNSPECIFIED;
        let mut message = v4::Message::new_with_id(0x1234_5678, zero, zero, zero, zero, &MAC.0);
        message.set_flags(v4::Flags::default().set_broadcast());
        let options = message.opts_mut();
        options.insert(v4::DhcpOption::MessageType(v4::MessageType::Discover));
        options.insert(v4::DhcpOption::RequestedIpAddress([10, 0, 0, 5].into()));
        options.insert(v4::DhcpOption::ParameterRequestList(vec![
            v4::OptionCode::Router,
            v4::OptionCode::InterfaceMtu,
        ]));
        options.insert(v4::DhcpOption::MaxMessageSize(1500));
        message
    }

    #[test]
    fn reads_what_the_library_writes() {
        let request = Request::parse(&discover().to_vec().unwrap()).unwrap();
        assert_eq!(request.kind, MessageType::Discover);
        assert_eq!((request.xid, request.broadcast, request.mac), (0x1234_5678, true, MAC));
        assert_eq!(
            request.address_option(option::REQUESTED_ADDRESS),
            Some([10, 0, 0, 5].into())
        );
        assert!(request.wants(option::INTERFACE_MTU) && !request.wants(option::CLASSLESS_ROUTES));
        assert_eq!(request.max_payload(), 1372);
    }

    #[test]
    fn the_library_reads_what_is_written() {
        let request = Request::parse(&discover().to_vec().unwrap()).unwrap();
        let mut reply = Reply::new(MessageType::Offer);
        reply.yiaddr = [10, 0, 0, 5].into();
        reply.file = b"pxelinux.0".to_vec();
        reply.set(option::LEASE_TIME, 86_400_u32.to_be_bytes());
        reply.set(option::DOMAIN_NAME, "x".repeat(300));
        let bytes = reply.encode(&request, 1400);
        let message = v4::Message::decode(&mut Decoder::new(&bytes)).unwrap();
        assert_eq!(message.opcode(), v4::Opcode::BootReply);
        assert_eq!(message.xid(), 0x1234_5678);
        assert_eq!(message.chaddr(), MAC.0);
        assert_eq!(message.yiaddr(), Ipv4Addr::from([10, 0, 0, 5]));
        assert_eq!(message.fname(), Some(&b"pxelinux.0\0"[..]));
        assert_eq!(message.opts().msg_type(), Some(v4::MessageType::Offer));
        let lease = message.opts().get(v4::OptionCode::AddressLeaseTime);
        assert_eq!(lease, Some(&v4::DhcpOption::AddressLeaseTime(86_400)));
        let domain = message.opts().get(v4::OptionCode::DomainName);
        assert_eq!(domain, Some(&v4::DhcpOption::DomainName("x".repeat(300))));
    }

    #[test]
    fn what_does_not_fit_is_left_out() {
        let request = Request::parse(&discover().to_vec().unwrap()).unwrap();
        let mut reply = Reply::new(MessageType::Ack);
        reply.set(option::DOMAIN_NAME, "x".repeat(400));
        reply.set(option::HOST_NAME, "vm");
        let bytes = reply.encode(&request, 548);
        assert!(bytes.len() <= 548);
        let message = v4::Message::decode(&mut Decoder::new(&bytes)).unwrap();
        assert!(message.opts().get(v4::OptionCode::DomainName).is_none());
        assert!(message.opts().get(v4::OptionCode::Hostname).is_some());
    }

    proptest! {
        #[test]
        fn never_panics(bytes in prop::collection::vec(any::<u8>(), 0..700)) {
            let _ = Request::parse(&bytes);
        }

        /// Behind a right head, where the parser gets further.
        #[test]
        fn never_panics_in_the_options(tail in prop::collection::vec(any::<u8>(), 0..300), cut in 0..600_usize) {
            let mut bytes = discover().to_vec().unwrap();
            bytes.truncate(FIXED + 4 + 3);
            bytes.extend(tail);
            bytes.truncate(cut.max(FIXED));
            if let Some(request) = Request::parse(&bytes) {
                let mut reply = Reply::new(MessageType::Ack);
                for (code, value) in &request.options {
                    reply.set(*code, value.clone());
                }
                prop_assert!(reply.encode(&request, request.max_payload()).len() <= request.max_payload());
            }
        }
    }
}
