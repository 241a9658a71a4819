//! What a look at a simulated host finds, and what becomes of its probes: all of it follows from its own state, which a test
//! breaks on purpose.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use model::host::{DesiredPower, HostConfig, PortBinding, ServerPhase};
use model::reach::probe::{
    ChainPoint, Loss, Place as ProbePlace, ProbeError, ProbeKind, ProbeRequest, ProbeResult, ProbeVerdict, Prober,
    Probing, Refusal, TraceStep, Way as Side,
};
use model::reach::{
    Asked, Assumptions, Device, DeviceRole, End, Finding, Flow, ForwardingAnswer, HostInspector, HostObject, HostPlace,
    Inspection, ObservationAnswer, Observed, Obstacle, Place, ProgrammedAnswer, Protocol, Scope, Start, State, Walk,
    Way, walk,
};
use model::{PortId, ServerId};

use tokio::sync::watch;

use super::SimNode;

/// How long every answer to a probe takes here, microseconds.
const RTT_US: u64 = 250;

/// What a guest does with what is delivered to it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Guest {
    /// It answers, as one that has started.
    #[default]
    Answers,
    /// It answers pings, and nothing listens.
    ListensNowhere,
    /// Its own firewall drops everything.
    DropsAll,
    /// It does not even answer for its address.
    IsDeaf,
}

/// The host's own truth, beside what it was asked for.
pub(crate) struct Truth {
    /// Things that a test broke.
    broken: BTreeSet<Finding>,
    /// What a test says was seen.
    seen: Observed,
    guests: BTreeMap<ServerId, Guest>,
    forwards: (bool, bool),
    /// Until when there are no probes to be had.
    tired: Option<Duration>,
    /// The newest document, which everything here is compared with: it takes no time to be applied.
    pub(crate) newest: Option<watch::Receiver<Arc<HostConfig>>>,
}

impl Default for Truth {
    fn default() -> Self {
        Self {
            broken: BTreeSet::new(),
            seen: Observed::default(),
            guests: BTreeMap::new(),
            forwards: (true, true),
            tired: None,
            newest: None,
        }
    }
}

impl SimNode {
    /// Somebody breaks something on the host by hand: from now on a look finds it.
    pub fn break_thing(&self, object: HostObject, state: State) {
        self.state().reach.broken.insert(Finding { object, state });
    }

    /// Everything that was broken by hand is as it was declared.
    pub fn repair(&self) {
        let mut state = self.state();
        state.reach.broken.clear();
        state.reach.seen = Observed::default();
    }

    /// Changes what was seen on the host.
    pub fn see(&self, change: impl FnOnce(&mut Observed)) {
        change(&mut self.state().reach.seen);
    }

    /// Says whether the host forwards IPv4 and IPv6.
    pub fn set_forwarding(&self, v4: bool, v6: bool) {
        self.state().reach.forwards = (v4, v6);
    }

    /// Says what a server's guest does with what is delivered to it.
    pub fn set_guest(&self, id: ServerId, guest: Guest) {
        self.state().reach.guests.insert(id, guest);
    }

    /// The host makes no probes for so long; `None`: it does again.
    pub fn tire_prober(&self, retry_after: Option<Duration>) {
        self.state().reach.tired = retry_after;
    }

    /// The newest document, unless the host hears nothing.
    fn newest(&self) -> Arc<HostConfig> {
        let state = self.state();
        let newest = state.reach.newest.as_ref().filter(|_| !state.whims.deaf);
        newest.map_or_else(|| state.world.wanted(), |newest| newest.borrow().clone())
    }

    /// What is not as it was declared: what failed, what does not run, and what was broken by hand.
    fn findings(&self, scope: &Scope) -> (u64, BTreeSet<Finding>) {
        let config = self.newest();
        let scope = scope.with_what_belongs(&config);
        let state = self.state();
        let missing = |object| Finding {
            object,
            state: State::Missing,
        };
        let networks = scope
            .networks
            .iter()
            .filter(|id| state.whims.failing_networks.contains_key(*id));
        let networks = networks.map(|id| HostObject::Namespace(HostPlace::Network(*id)));
        let routers = scope
            .routers
            .iter()
            .filter(|id| state.whims.failing_routers.contains_key(*id));
        let routers = routers.map(|id| HostObject::Namespace(HostPlace::Router(*id)));
        let ports = scope
            .ports
            .iter()
            .filter(|id| state.whims.failing_ports.contains_key(*id));
        let ports = ports.filter_map(|id| device_of(&config, *id)).map(HostObject::Device);
        let runs = |power: DesiredPower| matches!(power, DesiredPower::On | DesiredPower::Paused);
        let servers = scope.servers.iter().filter(|id| {
            let is_wanted = config.servers.get(*id).is_some_and(|server| runs(server.power));
            let phase = state.world.phase(**id);
            is_wanted && matches!(phase, Some(ServerPhase::Off { .. } | ServerPhase::Failed { .. }))
        });
        let servers = servers.map(|id| HostObject::Process(*id));
        let all = networks.chain(routers).chain(ports).chain(servers).map(missing);
        let broken = state.reach.broken.iter().cloned();
        (config.revision, all.chain(broken).collect())
    }
}

fn device_of(config: &HostConfig, port: PortId) -> Option<Device> {
    let mut networks = config.networks.values();
    let network = networks.find(|network| network.ports.contains_key(&port))?;
    Some(Device {
        place: HostPlace::Network(network.id),
        name: format!("tap{}", &port.to_string()[..11]),
        role: DeviceRole::Port(port),
    })
}

impl HostInspector for SimNode {
    fn forwards(&self) -> ForwardingAnswer<'_> {
        let (v4, v6) = self.state().reach.forwards;
        Box::pin(std::future::ready((Some(v4), Some(v6))))
    }

    fn inspect(&self, scope: Scope) -> ProgrammedAnswer<'_> {
        let (revision, findings) = self.findings(&scope);
        Box::pin(std::future::ready(Some(Inspection { revision, findings })))
    }

    fn observe(&self, _asked: Asked) -> ObservationAnswer<'_> {
        let state = self.state();
        let (v4, v6) = state.reach.forwards;
        let seen = Observed {
            host_forwards: (Some(v4), Some(v6)),
            ..state.reach.seen.clone()
        };
        Box::pin(std::future::ready(Some(seen)))
    }
}

impl Prober for SimNode {
    fn probe(&self, request: ProbeRequest) -> Probing<'_> {
        let tired = self.state().reach.tired;
        let result = match tired {
            Some(retry_after) => Err(ProbeError::RateLimited { retry_after }),
            None => self.send(&request),
        };
        Box::pin(std::future::ready(result))
    }
}

impl SimNode {
    /// Follows a probe over what the host is asked for, as far as nothing is broken.
    fn send(&self, request: &ProbeRequest) -> Result<ProbeResult, ProbeError> {
        let config = self.newest();
        let (_, findings) = self.findings(&Scope::all(&config));
        let gone = |place: HostPlace| {
            findings
                .iter()
                .any(|found| found.object == HostObject::Namespace(place))
        };
        let start = match request.from {
            ProbePlace::Host => Start::Host,
            ProbePlace::Router(id) => Start::Router(id),
            ProbePlace::Network(id) => Start::Network(id),
        };
        if gone(host_place(request.from)) {
            return Err(ProbeError::NotHere(request.from));
        }
        let flow = Flow {
            start,
            destination: request.target,
            protocol: match request.kind {
                ProbeKind::Tcp(port) => Protocol::Tcp(port),
                ProbeKind::Udp(port) => Protocol::Udp(port),
                ProbeKind::Ping | ProbeKind::Neighbour => Protocol::Icmp,
            },
        };
        let forwards = Assumptions {
            host_forwards: self.state().reach.forwards.0,
            ..Assumptions::default()
        };
        let walked = walk(&config, &flow, &forwards);
        let verdict = self.verdict(&config, request, &walked, &findings);
        let delivered = u32::from(matches!(
            verdict,
            ProbeVerdict::Answered { .. } | ProbeVerdict::Refused { .. } | ProbeVerdict::SilentAfterDelivery { .. }
        ));
        Ok(ProbeResult {
            request: steps(&walked),
            answer: Vec::new(),
            sent: 1,
            delivered: request.delivery.map(|_| delivered),
            spoken: request
                .delivery
                .map(|_| u32::from(matches!(verdict, ProbeVerdict::Answered { .. }))),
            took_us: RTT_US,
            verdict,
        })
    }

    fn verdict(
        &self,
        config: &HostConfig,
        request: &ProbeRequest,
        walked: &Walk,
        findings: &BTreeSet<Finding>,
    ) -> ProbeVerdict {
        let lost = |way, place, loss, port| ProbeVerdict::LostAt { way, place, loss, port };
        let places = walked.request.iter().filter_map(|hop| probe_place(&hop.place));
        for place in places {
            let is_broken = |found: &Finding| found.object == HostObject::Namespace(host_place(place));
            if findings.iter().any(is_broken) {
                return lost(Side::Request, place, Loss::After(None), None);
            }
        }
        if let Some(blocked) = &walked.blocked {
            let hops = match blocked.way {
                Way::Request => &walked.request,
                Way::Reply => &walked.reply,
            };
            let place = hops
                .iter()
                .rev()
                .find_map(|hop| probe_place(&hop.place))
                .unwrap_or(request.from);
            let way = match blocked.way {
                Way::Request => Side::Request,
                Way::Reply => Side::Answer,
            };
            return match &blocked.obstacle {
                Obstacle::IngressRules { port, .. } | Obstacle::EgressRules { port, .. } => {
                    lost(way, place, Loss::Dropped(point("toport")), Some(*port))
                }
                Obstacle::NoAddress { address, .. } | Obstacle::NextHopUnanswered { nexthop: address, .. } => {
                    no_neighbour(place, *address, None)
                }
                _ => lost(way, place, Loss::After(None), None),
            };
        }
        let Some(End::Port { port, .. }) = walked.arrival else {
            return ProbeVerdict::Answered { rtt_us: RTT_US };
        };
        let is_ports = |device: &Device| device.role == DeviceRole::Port(port);
        let has_device = !findings.iter().any(|found| {
            matches!(&found.object, HostObject::Device(device) if is_ports(device) && found.state == State::Missing)
        });
        let place = request
            .delivery
            .map_or(request.from, |delivery| ProbePlace::Network(delivery.network));
        if !has_device {
            return lost(Side::Request, place, Loss::After(None), None);
        }
        self.guest_says(config, request, (port, place), findings)
    }

    /// What the guest behind a port does with a packet.
    fn guest_says(
        &self,
        config: &HostConfig,
        request: &ProbeRequest,
        (port, place): (PortId, ProbePlace),
        findings: &BTreeSet<Finding>,
    ) -> ProbeVerdict {
        let mut networks = config.networks.values();
        let row = networks.find_map(|network| network.ports.get(&port));
        let server = row.and_then(|row| match row.binding {
            PortBinding::Server(server) => Some(server),
            _ => None,
        });
        let is_gone = |server| findings.iter().any(|found| found.object == HostObject::Process(server));
        let guest = server.and_then(|server| self.state().reach.guests.get(&server).copied());
        let target = request.delivery.map_or(request.target, |delivery| delivery.address);
        match guest.unwrap_or_default() {
            _ if server.is_some_and(is_gone) => no_neighbour(place, target, Some(false)),
            Guest::IsDeaf => no_neighbour(place, target, Some(true)),
            Guest::DropsAll => ProbeVerdict::SilentAfterDelivery { port },
            Guest::ListensNowhere if matches!(request.kind, ProbeKind::Tcp(_) | ProbeKind::Udp(_)) => {
                ProbeVerdict::Refused {
                    by: request.target,
                    how: Refusal::Reset,
                }
            }
            Guest::ListensNowhere | Guest::Answers => ProbeVerdict::Answered { rtt_us: RTT_US },
        }
    }
}

fn no_neighbour(place: ProbePlace, address: IpAddr, delivered: Option<bool>) -> ProbeVerdict {
    ProbeVerdict::NoNeighbour {
        place,
        address,
        delivered,
    }
}

fn point(chain: &str) -> ChainPoint {
    ChainPoint {
        family: "bridge".to_owned(),
        table: "dp".to_owned(),
        chain: chain.to_owned(),
        rule: None,
    }
}

/// Each namespace that the first packet came through, once.
fn steps(walked: &Walk) -> Vec<TraceStep> {
    let mut places: Vec<ProbePlace> = Vec::new();
    for place in walked.request.iter().filter_map(|hop| probe_place(&hop.place)) {
        if places.last() != Some(&place) {
            places.push(place);
        }
    }
    let step = |place| TraceStep {
        place,
        at: point("forward"),
        verdict: "accept".to_owned(),
    };
    places.into_iter().map(step).collect()
}

fn probe_place(place: &Place) -> Option<ProbePlace> {
    match place {
        Place::Host | Place::External(_) => Some(ProbePlace::Host),
        Place::Network(id) => Some(ProbePlace::Network(*id)),
        Place::Router(id) => Some(ProbePlace::Router(*id)),
        Place::Outside { .. } | Place::Beyond | Place::Port(_) => None,
    }
}

fn host_place(place: ProbePlace) -> HostPlace {
    match place {
        ProbePlace::Host => HostPlace::Host,
        ProbePlace::Router(id) => HostPlace::Router(id),
        ProbePlace::Network(id) => HostPlace::Network(id),
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;
    use crate::plausible_facts;

    #[tokio::test]
    async fn what_was_broken_is_found_until_it_is_repaired() {
        let sim = SimNode::new(plausible_facts("host"));
        let found = || async { sim.inspect(Scope::default()).await.map(|found| found.findings.len()) };
        assert_eq!(found().await, Some(0));
        sim.break_thing(HostObject::FlowTable(HostPlace::Host), State::Missing);
        assert_eq!(found().await, Some(1));
        sim.repair();
        assert_eq!(found().await, Some(0));
        sim.set_forwarding(false, true);
        assert_eq!(sim.forwards().await, (Some(false), Some(true)));
    }

    #[tokio::test]
    async fn a_probe_of_nobody_finds_nobody_and_a_tired_host_says_when() {
        let sim = SimNode::new(plausible_facts("host"));
        let request = ProbeRequest {
            from: ProbePlace::Host,
            target: Ipv4Addr::new(10, 0, 0, 9).into(),
            kind: ProbeKind::Ping,
            delivery: None,
            path: vec![ProbePlace::Host],
            patience_ms: None,
        };
        let result = sim.probe(request.clone()).await.unwrap();
        // Nothing of the cloud is there, so it leaves by an uplink of the host's, and somebody answers.
        assert_eq!(result.verdict, ProbeVerdict::Answered { rtt_us: RTT_US });
        let retry_after = Duration::from_millis(750);
        sim.tire_prober(Some(retry_after));
        let refused = sim.probe(request).await;
        assert_eq!(refused, Err(ProbeError::RateLimited { retry_after }));
    }
}
