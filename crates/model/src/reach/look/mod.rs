//! What a host really holds, what was seen on it, and what became of a probe: laid beside the answer that was worked out from
//! what it is told to be, step by step. What stands in the packets' way is told by the same catalogue of causes.
//!
//! | module | what |
//! |---|---|
//! | `path` | the steps of the question's packets, and what of the host has to do with them |
//! | `code` | what a finding is called, and what of the cloud it is about |
//! | `programmed` | where the packets meet a finding, and what it does to them |
//! | `observed` | what neighbours, flows, consoles and records of services tell |
//! | `probed` | the probe that a question comes to, and what its verdict means |
//! | `mend` | what mends a thing of the host, and who can |

mod code;
#[cfg(test)]
mod look_tests;
mod mend;
mod observed;
mod path;
mod probed;
mod programmed;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::ask::Answer;
use super::cause::Code;
use super::names::Object;
use super::observed::{Asked, ConsoleSign, DhcpExchange, FdbSeen, GuestKeys, NeighbourSeen, Observed, TableFill};
use super::probe::{Delivery, ProbeRequest, ProbeResult, ProbeVerdict};
use super::programmed::{Finding, HostObject, Inspection, Scope, State};
use super::question::Question;
use super::walk::{Verdict, Way};
use crate::host::HostConfig;
use crate::{Actor, Cloud};
use path::{Path, host_place};

pub use code::{code_of, object_of};
pub use mend::{HostFix, Mender, fix, general_fix, owner};
pub use path::Spot;

/// From where something is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// What the host holds differs from what it was told.
    Programmed,
    /// It was seen, and nothing was sent for it.
    Observed,
    /// A probe met it.
    Probed,
}

/// What something does to a question's packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// They don't pass.
    Stops,
    /// They may not pass: it depends on what can't be told without sending them.
    MayStop,
    /// They pass, although it is not as declared.
    Beside,
}

/// What is known of a step beyond what was declared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Layer {
    /// It is as declared.
    Agrees,
    /// It is not.
    Differs,
    /// Nobody looked, or nothing was to be seen.
    Unknown,
}

/// What tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Evidence {
    /// A thing of the host that is not as it should be.
    Finding(Finding),
    /// A neighbour entry.
    Neighbour(NeighbourSeen),
    /// Where a bridge believes a port to be.
    BridgeEntry(FdbSeen),
    /// How full a table of flows is.
    FlowTable(TableFill),
    /// A line of a guest's console.
    Console(ConsoleSign),
    /// The last step of a guest's DHCP.
    Dhcp(DhcpExchange),
    /// The keys that a guest was given.
    Keys(GuestKeys),
    /// Packets went to a guest's device, and none has ever come from it.
    NeverSent,
    /// What came of a probe.
    Probe(ProbeVerdict),
}

/// Something of the host, or of the guest, in the way of a question's packets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostBlocker {
    /// The cause's name.
    pub code: Code,
    /// What of the cloud it is about; `None`: the host itself.
    pub object: Option<Object>,
    /// From where it is known.
    pub source: Source,
    /// What it does.
    pub effect: Effect,
    /// Which step meets it.
    pub spot: Spot,
    /// What tells it.
    pub evidence: Vec<Evidence>,
}

/// What was learned from a host; each part if it was asked for and could be told.
#[derive(Debug, Clone, Copy, Default)]
pub struct Seen<'a> {
    /// What it holds.
    pub inspection: Option<&'a Inspection>,
    /// What was seen on it.
    pub observed: Option<&'a Observed>,
    /// What became of a probe.
    pub probe: Option<&'a ProbeResult>,
}

/// What is known of each step beside what was declared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layers {
    /// Whether the host holds what it was told to.
    pub programmed: Layer,
    /// Whether packets were seen to pass.
    pub observed: Layer,
}

/// Whether the target is reached, by all that is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It is.
    Reachable,
    /// It is not.
    Blocked,
    /// Something of the host may be in the way: a probe tells.
    Uncertain,
}

/// An answer, with what was learned from the host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Looked {
    /// What is in the packets' way, in the order in which it is met.
    pub blockers: Vec<HostBlocker>,
    /// What is not as declared on their way, and not in it.
    pub beside: Vec<HostBlocker>,
    /// The layers of the first packet's steps.
    pub request: Vec<Layers>,
    /// The layers of its answer's steps.
    pub reply: Vec<Layers>,
    /// Whether the target is reached.
    pub outcome: Outcome,
}

/// What is to be looked at on the host for an answer; `None`: its packets take no way.
pub fn asked(config: &HostConfig, answer: &Answer) -> Option<Asked> {
    Some(path_of(config, answer)?.asked())
}

/// The packets that a probe for this question sends, and where they are expected; `None`: none can be sent.
pub fn probe_request(cloud: &Cloud, config: &HostConfig, question: &Question, answer: &Answer) -> Option<ProbeRequest> {
    let path = path_of(config, answer)?;
    let arrival = path.arrival().or_else(|| {
        let port = path.port(question.target_port(cloud)?.id)?;
        let addresses = port.fixed_ips.iter().map(|ip| ip.address.addr());
        let address = addresses
            .into_iter()
            .find(|address| address.is_ipv4() == path.is_v4())?;
        Some((port.network_id, port.id, address))
    });
    let delivery = arrival.map(|(network, port, address)| Delivery { network, port, address });
    probed::request(&path, delivery)
}

/// Lays what was learned beside an answer.
pub fn look(cloud: &Cloud, config: &HostConfig, answer: &Answer, seen: &Seen<'_>) -> Looked {
    let Some(path) = path_of(config, answer) else {
        return Looked {
            blockers: Vec::new(),
            beside: Vec::new(),
            request: Vec::new(),
            reply: Vec::new(),
            outcome: declared(answer),
        };
    };
    let around = programmed::Around {
        cloud,
        filters_bridges: seen
            .observed
            .and_then(|seen| seen.host_filters_bridges)
            .unwrap_or(false),
    };
    let mut all: Vec<HostBlocker> = Vec::new();
    let findings = seen.inspection.into_iter().flat_map(|inspection| &inspection.findings);
    for finding in findings {
        let Some(code) = code_of(config, finding) else { continue };
        let Some((spot, effect)) = programmed::meets(&path, &around, finding, code) else {
            continue;
        };
        merge(
            &mut all,
            HostBlocker {
                code,
                object: object_of(cloud, config, &finding.object),
                source: Source::Programmed,
                effect,
                spot,
                evidence: vec![Evidence::Finding(finding.clone())],
            },
        );
    }
    let by_sight = seen
        .observed
        .map_or_else(Vec::new, |seen| observed::causes(&path, seen));
    by_sight.into_iter().for_each(|blocker| merge(&mut all, blocker));
    let by_probe = seen.probe.and_then(|probe| probed::cause(&path, probe));
    all.extend(by_probe);
    all.sort_by_key(|blocker| (blocker.spot, blocker.effect, blocker.source));
    let (beside, blockers) = all.into_iter().partition(|blocker| blocker.effect == Effect::Beside);
    let mut looked = Looked {
        blockers,
        beside,
        request: Vec::new(),
        reply: Vec::new(),
        outcome: Outcome::Uncertain,
    };
    looked.outcome = outcome(answer, seen, &looked.blockers);
    lay(&path, seen, &mut looked);
    looked
}

fn path_of<'a>(config: &'a HostConfig, answer: &'a Answer) -> Option<Path<'a>> {
    let (flow, walk) = (answer.flow.as_ref()?, answer.walk.as_ref()?);
    Some(Path { config, flow, walk })
}

fn declared(answer: &Answer) -> Outcome {
    match answer.is_reachable() {
        true => Outcome::Reachable,
        false => Outcome::Blocked,
    }
}

fn outcome(answer: &Answer, seen: &Seen<'_>, blockers: &[HostBlocker]) -> Outcome {
    let answered = seen
        .probe
        .is_some_and(|probe| matches!(probe.verdict, ProbeVerdict::Answered { .. }));
    let stops = |blocker: &HostBlocker| blocker.effect == Effect::Stops;
    match declared(answer) {
        Outcome::Blocked => Outcome::Blocked,
        // Nothing tells better than an answer.
        _ if answered => Outcome::Reachable,
        _ if blockers.iter().any(stops) => Outcome::Blocked,
        _ if !blockers.is_empty() => Outcome::Uncertain,
        _ => Outcome::Reachable,
    }
}

/// Adds one, or only its evidence if the same is known already.
fn merge(all: &mut Vec<HostBlocker>, blocker: HostBlocker) {
    let is_same = |other: &&mut HostBlocker| {
        (other.code, other.object, other.spot) == (blocker.code, blocker.object, blocker.spot)
    };
    match all.iter_mut().find(is_same) {
        Some(known) => {
            known.effect = known.effect.min(blocker.effect);
            known.evidence.extend(blocker.evidence);
        }
        None => all.push(blocker),
    }
}

/// The layers of all steps.
fn lay(path: &Path<'_>, seen: &Seen<'_>, looked: &mut Looked) {
    let mut watched: BTreeMap<Spot, Layer> = BTreeMap::new();
    if let Some(observed) = seen.observed {
        observed::layers(path, observed, &mut watched);
    }
    if let Some(probe) = seen.probe {
        probed::layers(path, probe, &mut watched);
    }
    let all = looked.blockers.iter().chain(&looked.beside);
    let by = |source: Source, spot: Spot| all.clone().any(|each| each.source == source && each.spot == spot);
    let layers = |spot: Spot, place: &super::walk::Place, verdict: &Verdict| {
        let is_ours = host_place(place).is_some();
        let programmed = match seen.inspection {
            _ if by(Source::Programmed, spot) => Layer::Differs,
            Some(inspection) if is_ours && !is_unreadable(inspection, place) => Layer::Agrees,
            _ => Layer::Unknown,
        };
        let observed = match watched.get(&spot) {
            _ if by(Source::Observed, spot) || by(Source::Probed, spot) => Layer::Differs,
            Some(layer) if *verdict == Verdict::Passed => *layer,
            _ => Layer::Unknown,
        };
        Layers { programmed, observed }
    };
    let of = |way: Way| {
        let hops = path.hops().filter(move |(spot, _)| spot.way == way);
        hops.map(|(spot, hop)| layers(spot, &hop.place, &hop.verdict)).collect()
    };
    (looked.request, looked.reply) = (of(Way::Request), of(Way::Reply));
}

/// Whether something in a namespace could not be looked at.
fn is_unreadable(inspection: &Inspection, place: &super::walk::Place) -> bool {
    let here = host_place(place);
    let is_here =
        |finding: &&Finding| matches!(finding.state, State::Unreadable(_)) && place_of(&finding.object) == here;
    inspection.findings.iter().any(|finding| is_here(&finding))
}

/// The namespace that a thing is in, if it is in one.
fn place_of(object: &HostObject) -> Option<super::programmed::Place> {
    match object {
        HostObject::Namespace(place)
        | HostObject::Setting { place, .. }
        | HostObject::Route { place, .. }
        | HostObject::RoutingRule { place, .. }
        | HostObject::Service { place, .. }
        | HostObject::FlowTable(place) => Some(*place),
        HostObject::Device(device)
        | HostObject::Property { device, .. }
        | HostObject::Address { device, .. }
        | HostObject::Neighbour { device, .. } => Some(device.place),
        HostObject::Table(table)
        | HostObject::Chain { table, .. }
        | HostObject::Rule { table, .. }
        | HostObject::RuleOrder { table, .. }
        | HostObject::Set { table, .. }
        | HostObject::Element { table, .. }
        | HostObject::Counter { table, .. }
        | HostObject::ForeignChain { table, .. } => Some(table.place),
        HostObject::NdpProxy { router, .. } => Some(super::programmed::Place::Router(*router)),
        HostObject::BridgeEntry { network, .. } => Some(super::programmed::Place::Network(*network)),
        HostObject::BandwidthLimit { .. } | HostObject::Process(_) | HostObject::NeighbourTable(_) => None,
    }
}

/// A thing of the host that is not as it should be, whatever is asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drifted {
    /// The cause's name.
    pub code: Code,
    /// What of the cloud it is about; `None`: the host itself.
    pub object: Option<Object>,
    /// What tells it.
    pub evidence: Vec<Evidence>,
}

/// Everything that is found wrong on a host, by what it is about; and what could not be looked at, for the operator.
pub fn drift(cloud: &Cloud, config: &HostConfig, inspection: &Inspection) -> (Vec<Drifted>, Vec<Finding>) {
    let mut found: Vec<Drifted> = Vec::new();
    let mut unreadable = Vec::new();
    for finding in &inspection.findings {
        let Some(code) = code_of(config, finding) else {
            unreadable.push(finding.clone());
            continue;
        };
        let object = object_of(cloud, config, &finding.object);
        let evidence = Evidence::Finding(finding.clone());
        match found.iter_mut().find(|each| (each.code, each.object) == (code, object)) {
            Some(known) => known.evidence.push(evidence),
            None => found.push(Drifted {
                code,
                object,
                evidence: vec![evidence],
            }),
        }
    }
    (found, unreadable)
}

/// What a whole host is asked for.
pub fn everything(config: &HostConfig) -> Scope {
    Scope::all(config)
}

/// Whether somebody may know names of devices, addresses and rules of the host.
pub fn may_see_host(actor: &Actor) -> bool {
    actor.is_admin()
}
