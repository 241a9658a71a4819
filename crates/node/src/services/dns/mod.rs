//! DNS for a network's own names (RFC 1035): ports by name and by address. Everything else is for the forwarder. Pure.

use std::net::IpAddr;

use hickory_proto::op::{Message, MessageType, OpCode, Query, ResponseCode};
use hickory_proto::rr::rdata::{A, AAAA, PTR, SOA};
use hickory_proto::rr::{DNSClass, Name, RData, Record, RecordType};
use ipnet::IpNet;

use super::view::NetworkView;

/// How long clients may keep an answer, seconds: short, since names follow servers.
const TTL_SECONDS: u32 = 30;
/// Largest answer over UDP that is not cut, whatever the client says it takes (fits into every tunnel's MTU).
const MAX_UDP: u16 = 1232;
/// Largest message without EDNS (RFC 1035).
const CLASSIC_UDP: u16 = 512;

/// How a query came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    Udp,
    Tcp,
}

/// What to do with a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Send this.
    Answer(Vec<u8>),
    /// The name is not ours: ask upstream, or send [`unanswerable`].
    Forward,
    /// Not a query at all; an answer could start a loop.
    Ignore,
}

/// Decides on one message from `source`.
pub fn handle(network: &NetworkView, source: IpAddr, transport: Transport, bytes: &[u8]) -> Outcome {
    let Some(head) = Head::of(bytes) else {
        return Outcome::Ignore;
    };
    let Ok(query) = Message::from_vec(bytes) else {
        return Outcome::Answer(head.error(ResponseCode::FormErr));
    };
    let refuse = |code| Outcome::Answer(encode(&error(&query, code), &query, transport));
    // An open resolver would be a gift to others' attacks.
    if !network.is_on_link(source) {
        return refuse(ResponseCode::Refused);
    }
    if query.metadata.op_code != OpCode::Query {
        return refuse(ResponseCode::NotImp);
    }
    let [question] = query.queries.as_slice() else {
        return refuse(ResponseCode::FormErr);
    };
    if question.query_class() != DNSClass::IN {
        return refuse(ResponseCode::Refused);
    }
    match resolve(network, question) {
        Some(answer) => Outcome::Answer(encode(&respond(network, &query, answer), &query, transport)),
        None => Outcome::Forward,
    }
}

/// The answer to a query that nobody can resolve for us: `ServFail` if upstream failed, `Refused` if there is none.
pub fn unanswerable(bytes: &[u8], code: ResponseCode) -> Option<Vec<u8>> {
    match Message::from_vec(bytes) {
        Ok(query) => Some(encode(&error(&query, code), &query, Transport::Udp)),
        Err(_) => Head::of(bytes).map(|head| head.error(code)),
    }
}

/// What is known without parsing the rest.
struct Head {
    id: u16,
    op_code: OpCode,
}

impl Head {
    /// `None` for what is too short, or is an answer itself.
    fn of(bytes: &[u8]) -> Option<Self> {
        let head = bytes.get(..12)?;
        let is_query = head[2] & 0x80 == 0;
        is_query.then(|| Self {
            id: u16::from_be_bytes([head[0], head[1]]),
            op_code: OpCode::from_u8((head[2] >> 3) & 0x0f),
        })
    }

    fn error(&self, code: ResponseCode) -> Vec<u8> {
        let message = Message::error_msg(self.id, self.op_code, code);
        message.to_vec().unwrap_or_default()
    }
}

/// Our part of the answer.
struct Answer {
    code: ResponseCode,
    records: Vec<Record>,
}

/// `None` when the name is in no zone of ours.
fn resolve(network: &NetworkView, question: &Query) -> Option<Answer> {
    let name = question.name();
    if let Ok(net) = name.parse_arpa_name() {
        return resolve_reverse(network, name, question.query_type(), net);
    }
    let domain = domain(network);
    // A bare host name is asked by clients without search domain; nobody upstream could know it.
    let label = match domain.as_ref() {
        Some(domain) if domain.zone_of(name) => name.num_labels().checked_sub(domain.num_labels())?,
        _ if name.num_labels() == 1 => 1,
        _ => return None,
    };
    let known = (label == 1)
        .then(|| name.iter().next())
        .flatten()
        .and_then(|label| std::str::from_utf8(label).ok())
        .and_then(|label| network.config.names.get(&label.to_ascii_lowercase()));
    let Some(addresses) = known else {
        // The domain itself exists, without addresses; a bare name that is no port's may be a top-level domain.
        return match label {
            0 => Some(no_data()),
            _ if domain.is_some_and(|domain| domain.zone_of(name)) => Some(no_such_name()),
            _ => None,
        };
    };
    let wanted = question.query_type();
    let records = addresses.iter().filter_map(|address| {
        let data = match address {
            IpAddr::V4(address) if matches!(wanted, RecordType::A | RecordType::ANY) => RData::A(A(*address)),
            IpAddr::V6(address) if matches!(wanted, RecordType::AAAA | RecordType::ANY) => RData::AAAA(AAAA(*address)),
            _ => return None,
        };
        Some(Record::from_rdata(name.clone(), TTL_SECONDS, data))
    });
    Some(Answer {
        code: ResponseCode::NoError,
        records: records.collect(),
    })
}

/// Addresses of the network's subnets are ours to answer for, and so is the metadata address.
fn resolve_reverse(network: &NetworkView, name: &Name, wanted: RecordType, net: IpNet) -> Option<Answer> {
    let ours = network
        .config
        .subnets
        .iter()
        .any(|subnet| subnet.cidr.contains(&net) || (net.contains(&subnet.cidr) && net.prefix_len() > 0));
    if !ours {
        return None;
    }
    if net.prefix_len() != net.max_prefix_len() {
        return Some(no_data());
    }
    let Some(host) = network.name_of(net.addr()) else {
        return Some(no_such_name());
    };
    let Some(target) = full_name(network, host) else {
        return Some(no_such_name());
    };
    let records = match wanted {
        RecordType::PTR | RecordType::ANY => {
            vec![Record::from_rdata(name.clone(), TTL_SECONDS, RData::PTR(PTR(target)))]
        }
        _ => Vec::new(),
    };
    Some(Answer {
        code: ResponseCode::NoError,
        records,
    })
}

fn no_data() -> Answer {
    Answer {
        code: ResponseCode::NoError,
        records: Vec::new(),
    }
}

fn no_such_name() -> Answer {
    Answer {
        code: ResponseCode::NXDomain,
        records: Vec::new(),
    }
}

fn domain(network: &NetworkView) -> Option<Name> {
    let mut name = Name::from_ascii(&network.config.dns_domain)
        .ok()
        .filter(|name| !name.is_root())?;
    name.set_fqdn(true);
    Some(name)
}

fn full_name(network: &NetworkView, host: &str) -> Option<Name> {
    let mut name = Name::from_ascii(host).ok()?;
    name.set_fqdn(false);
    match domain(network) {
        Some(domain) => name.append_domain(&domain).ok(),
        None => {
            name.set_fqdn(true);
            Some(name)
        }
    }
}

fn respond(network: &NetworkView, query: &Message, answer: Answer) -> Message {
    let mut message = error(query, answer.code);
    message.metadata.authoritative = true;
    if answer.records.is_empty() {
        // Lets resolvers remember the "no" for a moment (RFC 2308).
        message.authorities.extend(start_of_authority(network));
    }
    message.answers = answer.records;
    message
}

fn start_of_authority(network: &NetworkView) -> Option<Record> {
    let zone = domain(network)?;
    let primary = Name::from_ascii("ns").ok()?.append_domain(&zone).ok()?;
    let contact = Name::from_ascii("hostmaster").ok()?.append_domain(&zone).ok()?;
    let soa = SOA::new(primary, contact, 1, 3600, 600, 86_400, TTL_SECONDS);
    Some(Record::from_rdata(zone, TTL_SECONDS, RData::SOA(soa)))
}

/// An empty answer with this code, the question repeated.
fn error(query: &Message, code: ResponseCode) -> Message {
    let mut message = Message::error_msg(query.metadata.id, query.metadata.op_code, code);
    message.metadata.message_type = MessageType::Response;
    message.metadata.recursion_desired = query.metadata.recursion_desired;
    message.metadata.recursion_available = true;
    message.queries = query.queries.iter().take(1).cloned().collect();
    if query.edns.is_some() {
        let mut edns = hickory_proto::op::Edns::new();
        edns.set_max_payload(MAX_UDP);
        message.set_edns(edns);
    }
    message
}

/// The bytes, cut to an empty answer with the truncation flag where the client could not take them: it asks by TCP then.
fn encode(message: &Message, query: &Message, transport: Transport) -> Vec<u8> {
    let bytes = message.to_vec().unwrap_or_default();
    let limit = match (transport, &query.edns) {
        (Transport::Tcp, _) => usize::from(u16::MAX),
        (Transport::Udp, Some(edns)) => usize::from(edns.max_payload().clamp(CLASSIC_UDP, MAX_UDP)),
        (Transport::Udp, None) => usize::from(CLASSIC_UDP),
    };
    if bytes.len() <= limit {
        bytes
    } else {
        message.truncate().to_vec().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
