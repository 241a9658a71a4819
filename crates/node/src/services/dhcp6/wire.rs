//! DHCPv6 messages as bytes (RFC 8415, sections 8 and 21), read tolerantly as in the DHCPv4 module.

use std::net::Ipv6Addr;

use model::address::MacAddress;

/// Option codes (RFC 8415, section 21; RFC 3646).
pub mod option {
    pub const CLIENT_ID: u16 = 1;
    pub const SERVER_ID: u16 = 2;
    pub const IA_NA: u16 = 3;
    pub const IA_TA: u16 = 4;
    pub const IA_ADDRESS: u16 = 5;
    pub const PREFERENCE: u16 = 7;
    pub const STATUS_CODE: u16 = 13;
    pub const RAPID_COMMIT: u16 = 14;
    pub const DNS_SERVERS: u16 = 23;
    pub const DOMAIN_LIST: u16 = 24;
    pub const IA_PD: u16 = 25;
    pub const INFORMATION_REFRESH_TIME: u16 = 32;
}

/// Message types (RFC 8415, section 7.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageType {
    Solicit = 1,
    Advertise = 2,
    Request = 3,
    Confirm = 4,
    Renew = 5,
    Rebind = 6,
    Reply = 7,
    Release = 8,
    Decline = 9,
    InformationRequest = 11,
}

impl MessageType {
    /// The types that a client sends.
    fn from_client(byte: u8) -> Option<Self> {
        use MessageType as T;
        [
            T::Solicit,
            T::Request,
            T::Confirm,
            T::Renew,
            T::Rebind,
            T::Release,
            T::Decline,
            T::InformationRequest,
        ]
        .into_iter()
        .find(|kind| *kind as u8 == byte)
    }
}

/// Status codes (RFC 8415, section 21.13).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    Success = 0,
    NoAddrsAvail = 2,
    NoBinding = 3,
    NotOnLink = 4,
    NoPrefixAvail = 6,
}

/// An identity association that a client asks addresses for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdentityAssociation {
    /// [`option::IA_NA`], [`option::IA_TA`] or [`option::IA_PD`].
    pub kind: u16,
    /// The client's number for it.
    pub id: u32,
    /// Addresses named in it.
    pub addresses: Vec<Ipv6Addr>,
}

/// A client's message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    pub kind: MessageType,
    /// 24 bits.
    pub xid: u32,
    pub associations: Vec<IdentityAssociation>,
    options: Vec<(u16, Vec<u8>)>,
}

impl Query {
    /// Reads a client's message; relayed ones are none.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let (head, rest) = bytes.split_at_checked(4)?;
        let options = parse_options(rest);
        Some(Self {
            kind: MessageType::from_client(head[0])?,
            xid: u32::from_be_bytes([0, head[1], head[2], head[3]]),
            associations: options
                .iter()
                .filter_map(|(code, value)| association(*code, value))
                .collect(),
            options,
        })
    }

    /// The first option with this code.
    pub fn option(&self, code: u16) -> Option<&[u8]> {
        find(&self.options, code)
    }

    /// The MAC in the client's DUID, where it is made of one (types 1 and 3, Ethernet; RFC 8415, section 11).
    pub fn mac_of_duid(&self) -> Option<MacAddress> {
        let duid = self.option(option::CLIENT_ID)?;
        let mac = match duid {
            [0, 1, 0, 1, _, _, _, _, mac @ ..] | [0, 3, 0, 1, mac @ ..] => mac,
            _ => return None,
        };
        Some(MacAddress(mac.try_into().ok()?))
    }
}

fn find(options: &[(u16, Vec<u8>)], code: u16) -> Option<&[u8]> {
    options
        .iter()
        .find(|(known, _)| *known == code)
        .map(|(_, value)| value.as_slice())
}

/// Reads options up to the first that does not fit.
fn parse_options(mut bytes: &[u8]) -> Vec<(u16, Vec<u8>)> {
    let mut options = Vec::new();
    while let [c0, c1, l0, l1, rest @ ..] = bytes {
        let length = usize::from(u16::from_be_bytes([*l0, *l1]));
        let Some((value, rest)) = rest.split_at_checked(length) else {
            break;
        };
        options.push((u16::from_be_bytes([*c0, *c1]), value.to_vec()));
        bytes = rest;
    }
    options
}

fn association(code: u16, value: &[u8]) -> Option<IdentityAssociation> {
    let head = match code {
        option::IA_NA | option::IA_PD => 12,
        option::IA_TA => 4,
        _ => return None,
    };
    let (fixed, nested) = value.split_at_checked(head)?;
    let address = |(code, value): &(u16, Vec<u8>)| {
        let octets: [u8; 16] = value.get(..16)?.try_into().ok()?;
        (*code == option::IA_ADDRESS).then(|| Ipv6Addr::from(octets))
    };
    Some(IdentityAssociation {
        kind: code,
        id: u32::from_be_bytes(fixed[..4].try_into().ok()?),
        addresses: parse_options(nested).iter().filter_map(address).collect(),
    })
}

/// Options being written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options(Vec<u8>);

impl Options {
    /// Adds one option (RFC 8415, section 21.1).
    pub fn push(&mut self, code: u16, value: &[u8]) {
        // A longer value than 16 bits can say is left out; no caller makes one.
        let Ok(length) = u16::try_from(value.len()) else { return };
        self.0.extend(code.to_be_bytes());
        self.0.extend(length.to_be_bytes());
        self.0.extend(value);
    }

    /// Adds a status code with a word for people (section 21.13).
    pub fn push_status(&mut self, status: Status, text: &str) {
        let mut value = (status as u16).to_be_bytes().to_vec();
        value.extend(text.as_bytes());
        self.push(option::STATUS_CODE, &value);
    }

    /// Adds an address with its lifetimes, in seconds (section 21.6).
    pub fn push_address(&mut self, address: Ipv6Addr, preferred_seconds: u32, valid_seconds: u32) {
        let mut value = address.octets().to_vec();
        value.extend(preferred_seconds.to_be_bytes());
        value.extend(valid_seconds.to_be_bytes());
        self.push(option::IA_ADDRESS, &value);
    }

    /// An identity association around nested options. T1 and T2 are those of our leases.
    pub fn push_association(&mut self, kind: u16, id: u32, renew_seconds: u32, rebind_seconds: u32, nested: &Self) {
        let mut value = id.to_be_bytes().to_vec();
        if kind != option::IA_TA {
            value.extend(renew_seconds.to_be_bytes());
            value.extend(rebind_seconds.to_be_bytes());
        }
        value.extend(&nested.0);
        self.push(kind, &value);
    }
}

/// A server's message.
pub fn encode(kind: MessageType, xid: u32, options: &Options) -> Vec<u8> {
    let mut bytes = vec![kind as u8];
    bytes.extend(&xid.to_be_bytes()[1..]);
    bytes.extend(&options.0);
    bytes
}

/// A domain name as RFC 1035 writes it, uncompressed; `None` if it is none.
pub fn domain_name(name: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    for label in name.trim_end_matches('.').split('.') {
        let length = u8::try_from(label.len())
            .ok()
            .filter(|length| (1..=63).contains(length))?;
        bytes.push(length);
        bytes.extend(label.as_bytes());
    }
    bytes.push(0);
    (bytes.len() <= 255).then_some(bytes)
}

/// The server's DUID: type 3, made of its MAC, so that it is the same after every restart.
pub fn server_duid(mac: MacAddress) -> Vec<u8> {
    let mut duid = vec![0, 3, 0, 1];
    duid.extend(mac.0);
    duid
}
