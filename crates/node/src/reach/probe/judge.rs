//! What follows from all that was seen of a probe.

use std::net::IpAddr;

use model::reach::probe::{
    ChainPoint, Delivery, Loss, Place, ProbeKind, ProbeRequest, ProbeVerdict, Refusal, TraceStep, Way,
};

use super::follow::Visit;
use super::question::Reply;

/// All that was seen.
#[derive(Debug, Default)]
pub(super) struct Evidence<'a> {
    /// What came back, from whom, and after how many microseconds.
    pub reply: Option<(Reply, IpAddr, u64)>,
    /// Why a packet could not be sent.
    pub not_sent: Option<String>,
    /// What the question and the answer met, in order.
    pub request: Vec<&'a Visit>,
    pub answer: Vec<&'a Visit>,
    /// What was met by those who had to ask for the target on its link, and by the target's answers to that.
    pub ask: Vec<&'a Visit>,
    pub tell: Vec<&'a Visit>,
    /// What the target met when it asked its link for whom to answer by.
    pub seek: Vec<&'a Visit>,
    /// What passed the port's device, if it was watched.
    pub device: Option<Device>,
    /// Who asks for which neighbour in vain, as far as is known.
    pub unanswered: Option<(Place, IpAddr)>,
}

/// What passed the port's device.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Device {
    /// Its index.
    pub index: u32,
    /// Questions given to it, and answers that came out.
    pub delivered: u32,
    pub spoken: u32,
    /// The same of questions for the neighbour.
    pub asked: u32,
    pub told: u32,
}

/// What came of it.
pub(super) fn judge(request: &ProbeRequest, seen: &Evidence<'_>) -> ProbeVerdict {
    let judge = Judge { request, seen };
    judge
        .by_reply()
        .or_else(|| judge.by_drop(Way::Request, &seen.request).filter(|_| !judge.arrived()))
        .or_else(|| judge.by_device())
        .or_else(|| judge.by_drop(Way::Answer, &seen.answer))
        .or_else(|| judge.by_drop(Way::Request, &seen.ask))
        .or_else(|| judge.by_drop(Way::Answer, &seen.tell))
        .or_else(|| seen.not_sent.clone().map(ProbeVerdict::NotSent))
        .or_else(|| judge.by_neighbour())
        .unwrap_or_else(|| judge.by_last_sight())
}

struct Judge<'a> {
    request: &'a ProbeRequest,
    seen: &'a Evidence<'a>,
}

impl Judge<'_> {
    fn by_reply(&self) -> Option<ProbeVerdict> {
        let (reply, by, rtt_us) = self.seen.reply?;
        // A rule that rejects drops the packet and says so in the target's name.
        if reply != Reply::Yes
            && !self.arrived()
            && let Some(rejected) = self.by_drop(Way::Request, &self.seen.request)
        {
            return Some(rejected);
        }
        let refused = |how| ProbeVerdict::Refused { by, how };
        let verdict = match reply {
            Reply::Yes => ProbeVerdict::Answered { rtt_us },
            Reply::Reset => refused(Refusal::Reset),
            Reply::Error(kind, code) if is_port_unreachable(self.request.target, kind, code) => {
                refused(Refusal::PortUnreachable)
            }
            Reply::Error(kind, code) if is_no_neighbour(self.request.target, kind, code) => {
                return Some(
                    self.by_neighbour()
                        .unwrap_or(ProbeVerdict::Unreachable { by, kind, code }),
                );
            }
            Reply::Error(kind, code) => return Some(ProbeVerdict::Unreachable { by, kind, code }),
        };
        // What never came to the port was answered by somebody else.
        let elsewhere = self.seen.device.is_some_and(|device| device.delivered == 0);
        let place = self.last_place();
        Some(if elsewhere {
            ProbeVerdict::AnsweredElsewhere { by, place }
        } else {
            verdict
        })
    }

    /// Whether the question came to the port's device.
    fn arrived(&self) -> bool {
        self.seen.device.is_some_and(|device| device.delivered > 0)
    }

    /// A rule or policy that dropped one of these packets.
    fn by_drop(&self, way: Way, visits: &[&Visit]) -> Option<ProbeVerdict> {
        let of = |visit: &&Visit| Some((visit.place, visit.from, visit.to, visit.dropped()?.clone()));
        let mut drops = visits.iter().filter(|visit| way == Way::Answer || !self.is_copy(visit));
        let (place, from, to, at) = drops.find_map(of)?;
        let of_port = |delivery: &Delivery| {
            let index = self.seen.device.map(|device| device.index);
            place == Place::Network(delivery.network) && index.is_some() && (from == index || to == index)
        };
        let port = self.request.delivery.filter(of_port).map(|delivery| delivery.port);
        let loss = Loss::Dropped(at);
        Some(ProbeVerdict::LostAt { way, place, loss, port })
    }

    /// Whether a question is one of the copies that a bridge makes for all of its ports while it does not know the right
    /// one: what is dropped on the way to others is no loss.
    fn is_copy(&self, visit: &Visit) -> bool {
        let Some((device, delivery)) = self.seen.device.zip(self.request.delivery) else {
            return false;
        };
        // On its last way through the network's bridge it goes to the port, before that to a router.
        let network = Place::Network(delivery.network);
        let times = self.request.path.iter().filter(|place| **place == network).count();
        visit.place == network && visit.pass >= times && visit.to.is_some_and(|to| to != device.index)
    }

    /// What came to the port's device.
    fn by_device(&self) -> Option<ProbeVerdict> {
        let (device, delivery) = (self.seen.device?, self.request.delivery?);
        let place = Place::Network(delivery.network);
        if device.spoken > 0 {
            return Some(
                self.by_drop(Way::Answer, &self.seen.answer)
                    .unwrap_or_else(|| self.lost_answer(place)),
            );
        }
        if device.delivered == 0 {
            // A packet that waits for the neighbour's answer, which got lost.
            let lost = || {
                self.by_drop(Way::Answer, &self.seen.tell)
                    .unwrap_or_else(|| self.lost_answer(place))
            };
            return (device.told > 0 && self.seen.unanswered.is_some()).then(lost);
        }
        if self.request.kind == ProbeKind::Neighbour {
            return self.by_neighbour();
        }
        let silent = ProbeVerdict::SilentAfterDelivery { port: delivery.port };
        Some(self.by_drop(Way::Answer, &self.seen.seek).unwrap_or(silent))
    }

    /// An answer that came out of the port's device and not back.
    fn lost_answer(&self, network: Place) -> ProbeVerdict {
        let last = last_step(&self.seen.answer);
        let (place, loss) = match last {
            Some(step) => (step.place, Loss::After(Some(step.at.clone()))),
            None => (network, Loss::AfterDevice),
        };
        let way = Way::Answer;
        let port = None;
        ProbeVerdict::LostAt { way, place, loss, port }
    }

    fn by_neighbour(&self) -> Option<ProbeVerdict> {
        let (place, address) = self.seen.unanswered?;
        let is_target = self
            .request
            .delivery
            .is_some_and(|delivery| delivery.address == address);
        let asked = |device: Device| match self.request.kind {
            ProbeKind::Neighbour => Some(device.delivered > 0),
            _ if device.asked > 0 => Some(true),
            _ => (!self.seen.ask.is_empty()).then_some(false),
        };
        let delivered = self.seen.device.filter(|_| is_target).and_then(asked);
        Some(ProbeVerdict::NoNeighbour {
            place,
            address,
            delivered,
        })
    }

    /// The packet was not seen any more.
    fn by_last_sight(&self) -> ProbeVerdict {
        let place = self.last_place();
        let here: Vec<&Visit> = self
            .seen
            .request
            .iter()
            .copied()
            .filter(|visit| visit.place == place)
            .collect();
        let loss = match self.seen.request.is_empty() {
            true => Loss::NeverSeen,
            false => Loss::After(last_step(&here).map(|step| step.at.clone())),
        };
        ProbeVerdict::LostAt {
            way: Way::Request,
            place,
            loss,
            port: None,
        }
    }

    fn last_place(&self) -> Place {
        self.seen.request.last().map_or(self.request.from, |visit| visit.place)
    }
}

fn last_step<'a>(visits: &[&'a Visit]) -> Option<&'a TraceStep> {
    visits.iter().rev().find_map(|visit| visit.steps.last())
}

/// RFC 792: destination unreachable, port; RFC 4443, section 3.1.
fn is_port_unreachable(target: IpAddr, kind: u8, code: u8) -> bool {
    (kind, code) == if target.is_ipv4() { (3, 3) } else { (1, 4) }
}

/// What a router says for which nobody answers on the link: host unreachable, address unreachable.
fn is_no_neighbour(target: IpAddr, kind: u8, code: u8) -> bool {
    (kind, code) == if target.is_ipv4() { (3, 1) } else { (1, 3) }
}

/// All steps of these visits.
pub(super) fn steps(visits: &[&Visit]) -> Vec<TraceStep> {
    visits.iter().flat_map(|visit| visit.steps.iter().cloned()).collect()
}

/// The rule of a verdict whose text is worth looking up.
pub(super) fn rule_to_tell(verdict: &mut ProbeVerdict) -> Option<(Place, &mut ChainPoint)> {
    match verdict {
        ProbeVerdict::LostAt {
            place,
            loss: Loss::Dropped(at),
            ..
        } => Some((*place, at)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::question::Seen;
    use super::*;
    use model::{NetworkId, PortId};
    use uuid::Uuid;

    const NETWORK: Place = Place::Network(NetworkId(Uuid::from_u128(1)));
    const PORT: PortId = PortId(Uuid::from_u128(2));

    fn request(kind: ProbeKind) -> ProbeRequest {
        let address: IpAddr = "10.0.0.9".parse().unwrap();
        ProbeRequest {
            from: Place::Host,
            target: "172.24.4.9".parse().unwrap(),
            kind,
            delivery: Some(Delivery {
                network: NetworkId(Uuid::from_u128(1)),
                port: PORT,
                address,
            }),
            path: vec![Place::Host, NETWORK],
            patience_ms: None,
        }
    }

    fn visit(place: Place, to: Option<u32>, verdict: &str) -> Visit {
        let at = ChainPoint {
            family: "bridge".into(),
            table: "dp".into(),
            chain: "cfwd".into(),
            rule: None,
        };
        let verdict = verdict.to_owned();
        Visit {
            place,
            seen: Seen::Request,
            pass: 1,
            from: None,
            to,
            destination: None,
            steps: vec![TraceStep { place, at, verdict }],
        }
    }

    fn device(delivered: u32, spoken: u32) -> Option<Device> {
        Some(Device {
            index: 7,
            delivered,
            spoken,
            ..Device::default()
        })
    }

    #[test]
    fn what_never_came_to_the_port_was_answered_by_somebody_else() {
        let by: IpAddr = "172.24.4.9".parse().unwrap();
        let seen = visit(Place::Host, None, "accept");
        let mut evidence = Evidence {
            reply: Some((Reply::Yes, by, 5)),
            request: vec![&seen],
            device: device(1, 1),
            ..Evidence::default()
        };
        let ping = request(ProbeKind::Ping);
        assert_eq!(judge(&ping, &evidence), ProbeVerdict::Answered { rtt_us: 5 });
        evidence.device = device(0, 0);
        let place = Place::Host;
        assert_eq!(judge(&ping, &evidence), ProbeVerdict::AnsweredElsewhere { by, place });
        evidence.device = None;
        assert_eq!(judge(&ping, &evidence), ProbeVerdict::Answered { rtt_us: 5 });
    }

    #[test]
    fn copies_for_other_ports_are_no_loss() {
        let (other, right) = (visit(NETWORK, Some(6), "drop"), visit(NETWORK, Some(7), "drop"));
        let mut evidence = Evidence {
            request: vec![&other],
            device: device(0, 0),
            ..Evidence::default()
        };
        let mut tcp = request(ProbeKind::Tcp(22));
        let after = |verdict| {
            matches!(
                verdict,
                ProbeVerdict::LostAt {
                    loss: Loss::After(_),
                    ..
                }
            )
        };
        assert!(after(judge(&tcp, &evidence)));
        evidence.request.push(&right);
        let port = |verdict| match verdict {
            ProbeVerdict::LostAt { port, .. } => port,
            _ => None,
        };
        assert_eq!(port(judge(&tcp, &evidence)), Some(PORT));
        // On its way to a router it is no copy.
        tcp.path = vec![NETWORK, Place::Host, NETWORK];
        evidence.request.pop();
        assert!(!after(judge(&tcp, &evidence)));
    }

    #[test]
    fn a_drop_on_the_way_to_the_port_names_it() {
        let dropped = visit(NETWORK, Some(7), "drop");
        let evidence = Evidence {
            request: vec![&dropped],
            device: device(0, 0),
            ..Evidence::default()
        };
        let verdict = judge(&request(ProbeKind::Ping), &evidence);
        let expected = ProbeVerdict::LostAt {
            way: Way::Request,
            place: NETWORK,
            loss: Loss::Dropped(dropped.steps[0].at.clone()),
            port: Some(PORT),
        };
        assert_eq!(verdict, expected);
    }

    #[test]
    fn nothing_seen_is_told_as_such() {
        let evidence = Evidence::default();
        let verdict = judge(&request(ProbeKind::Ping), &evidence);
        let (way, place) = (Way::Request, Place::Host);
        let (loss, port) = (Loss::NeverSeen, None);
        assert_eq!(verdict, ProbeVerdict::LostAt { way, place, loss, port });
        let evidence = Evidence {
            not_sent: Some("no".into()),
            ..evidence
        };
        assert_eq!(
            judge(&request(ProbeKind::Ping), &evidence),
            ProbeVerdict::NotSent("no".into())
        );
    }
}
