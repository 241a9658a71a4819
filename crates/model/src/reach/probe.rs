//! What a probe of the data plane asks, and what it saw: a few packets of its own, sent from inside the cloud and followed
//! through the rulesets on their way. Asked of the host when somebody wants to know, never kept.

use std::fmt;
use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{NetworkId, PortId, RouterId};

/// How long a probe waits for an answer unless told otherwise.
pub const USUAL_PATIENCE: Duration = Duration::from_secs(1);
/// How long it waits at most.
pub const LONGEST_PATIENCE: Duration = Duration::from_secs(3);

/// A network namespace of a host, by what it is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// The host's own.
    Host,
    /// `qrouter-<id>`.
    Router(RouterId),
    /// `qdhcp-<id>`.
    Network(NetworkId),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host => f.write_str("the host"),
            Self::Router(id) => write!(f, "router {id}"),
            Self::Network(id) => write!(f, "network {id}"),
        }
    }
}

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProbeKind {
    /// Who has the address on the link: ARP (RFC 826), or neighbour discovery (RFC 4861).
    Neighbour,
    /// An echo by ICMP or ICMPv6.
    Ping,
    /// The beginning of a TCP connection to a port, which is not gone through with.
    Tcp(u16),
    /// A datagram to a port. Many services do not answer what they do not understand.
    Udp(u16),
}

/// Where the packets are expected to come out of the cloud's networks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// The port's network.
    pub network: NetworkId,
    /// The port.
    pub port: PortId,
    /// The address that the port has there: that which a floating IP leads to, say.
    pub address: IpAddr,
}

/// A probe to be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProbeRequest {
    /// Where it is sent from.
    pub from: Place,
    /// Where to. It must be in the cloud: a probe never leaves it.
    pub target: IpAddr,
    /// What is asked.
    pub kind: ProbeKind,
    /// The port that it should reach, if it is one's.
    pub delivery: Option<Delivery>,
    /// The namespaces that it is expected to cross, `from` and the port's network included, in order. One that it comes
    /// through twice may be named twice. It is followed in these only.
    pub path: Vec<Place>,
    /// How long to wait, milliseconds; [`USUAL_PATIENCE`] if none, [`LONGEST_PATIENCE`] at most.
    pub patience_ms: Option<u32>,
}

impl ProbeRequest {
    /// How long to wait.
    pub fn patience(&self) -> Duration {
        let asked = self.patience_ms.map(|ms| Duration::from_millis(ms.into()));
        asked.unwrap_or(USUAL_PATIENCE).min(LONGEST_PATIENCE)
    }
}

/// Which of two packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Way {
    /// From where the probe is sent to its target.
    Request,
    /// Back.
    Answer,
}

/// What came of a probe.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProbeVerdict {
    /// An answer came back.
    Answered {
        /// Time from question to answer, microseconds.
        rtt_us: u64,
    },
    /// Nothing listens there: the packet arrived.
    Refused {
        /// Who said so.
        by: IpAddr,
        /// How.
        how: Refusal,
    },
    /// An answer or a refusal came back although the packet never came to the port's device: somebody else has the
    /// address, or translation is missing.
    AnsweredElsewhere {
        /// Under which address.
        by: IpAddr,
        /// The last namespace that saw the packet.
        place: Place,
    },
    /// Somebody on the way said that it can't be delivered.
    Unreachable {
        /// Who said so.
        by: IpAddr,
        /// Type of the ICMP (or, to an IPv6 target, ICMPv6) error.
        kind: u8,
        /// Its code.
        code: u8,
    },
    /// Nobody on the link says that he has the address.
    NoNeighbour {
        /// The namespace that looked for it.
        place: Place,
        /// The address: the target's, or that of the next router.
        address: IpAddr,
        /// Whether the question came to the port's device: then the guest does not have the address, or is not there.
        /// `None` if it was not seen at all: it was asked before, or the device was not watched.
        delivered: Option<bool>,
    },
    /// The packet was given to the port's device, and nothing came out of it: the guest's own firewall, a guest that is
    /// not ready, or (UDP) a service that does not answer what it does not understand.
    SilentAfterDelivery {
        /// The port.
        port: PortId,
    },
    /// The packet, or the answer to it, got lost in the cloud.
    LostAt {
        /// Which of the two.
        way: Way,
        /// The namespace.
        place: Place,
        /// How.
        loss: Loss,
        /// The port whose device it came from, or was to leave by, if it is the one named in the request.
        port: Option<PortId>,
    },
    /// It could not even be sent; the text says why.
    NotSent(String),
}

/// How a target says that nothing listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// TCP's reset.
    Reset,
    /// ICMP's "port unreachable".
    PortUnreachable,
}

/// How a packet got lost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Loss {
    /// A rule, or the policy of a chain, dropped it.
    Dropped(ChainPoint),
    /// It was not seen any more: no route, a link that is down, a bridge that knows no port for it. What saw it last; `None`
    /// where the namespace has no rule for it.
    After(Option<ChainPoint>),
    /// It came out of the port's device, and was not seen any more.
    AfterDevice,
    /// It was never seen, although it was sent.
    NeverSeen,
}

/// A place in a ruleset.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ChainPoint {
    /// The table's family, as nft writes it: `inet`, `ip`, `ip6`, `arp`, `bridge`.
    pub family: String,
    /// The table.
    pub table: String,
    /// The chain.
    pub chain: String,
    /// The rule; `None` for the chain's end or policy.
    pub rule: Option<Rule>,
}

/// A rule of a chain.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Rule {
    /// Its handle: `nft -a list ruleset` shows it.
    pub handle: u64,
    /// Its text, where it was looked up: of the rule that dropped the packet.
    pub text: Option<String>,
}

/// What a packet met in a ruleset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TraceStep {
    /// The namespace.
    pub place: Place,
    /// Where in its rulesets.
    pub at: ChainPoint,
    /// What was said, as nft writes it: `accept`, `drop`, `continue`, `jump <chain>`, `goto <chain>`, `return`.
    pub verdict: String,
}

/// What a probe saw.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProbeResult {
    /// What came of it.
    pub verdict: ProbeVerdict,
    /// What the first packet met, in order.
    pub request: Vec<TraceStep>,
    /// What the answer to it met, as far as it could be told from other packets.
    pub answer: Vec<TraceStep>,
    /// Packets sent.
    pub sent: u32,
    /// Packets that were given to the port's device; `None` if it was not watched.
    pub delivered: Option<u32>,
    /// Answers that came out of the port's device; `None` if it was not watched.
    pub spoken: Option<u32>,
    /// How long all of it took, microseconds.
    pub took_us: u64,
}

/// Why a probe was not made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProbeError {
    /// The host has made its share of probes.
    #[error("too many probes at once; try again in {} ms", .retry_after.as_millis())]
    RateLimited {
        /// When another will be made.
        retry_after: Duration,
    },
    /// A namespace that it needs is not on this host.
    #[error("{0} is not on this host")]
    NotHere(Place),
    /// It would leave the cloud.
    #[error("{0}")]
    Refused(String),
    /// The host could not do it; for the operator.
    #[error("the probe failed: {0}")]
    Failed(String),
}

/// A probe that is on its way. Dropping it ends it.
pub type Probing<'a> = Pin<Box<dyn Future<Output = Result<ProbeResult, ProbeError>> + Send + 'a>>;

/// Whoever can probe a host's data plane: the host.
pub trait Prober: Send + Sync {
    /// Makes a probe.
    fn probe(&self, request: ProbeRequest) -> Probing<'_>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patience_has_an_end() {
        let mut request = ProbeRequest {
            from: Place::Host,
            target: IpAddr::from([10, 0, 0, 1]),
            kind: ProbeKind::Ping,
            delivery: None,
            path: vec![Place::Host],
            patience_ms: None,
        };
        assert_eq!(request.patience(), USUAL_PATIENCE);
        request.patience_ms = Some(200);
        assert_eq!(request.patience(), Duration::from_millis(200));
        request.patience_ms = Some(u32::MAX);
        assert_eq!(request.patience(), LONGEST_PATIENCE);
    }

    #[test]
    fn a_result_can_be_sent_and_read() {
        let point = ChainPoint {
            family: "bridge".into(),
            table: "dp".into(),
            chain: "i_none".into(),
            rule: Some(Rule {
                handle: 7,
                text: Some("counter drop".into()),
            }),
        };
        let place = Place::Network(NetworkId(uuid::Uuid::from_u128(1)));
        let result = ProbeResult {
            verdict: ProbeVerdict::LostAt {
                way: Way::Request,
                place,
                loss: Loss::Dropped(point.clone()),
                port: None,
            },
            request: vec![TraceStep {
                place,
                at: point,
                verdict: "drop".into(),
            }],
            answer: Vec::new(),
            sent: 1,
            delivered: Some(0),
            spoken: None,
            took_us: 1200,
        };
        let text = serde_json::to_string(&result).unwrap();
        assert_eq!(serde_json::from_str::<ProbeResult>(&text).unwrap(), result);
    }
}
