//! A question asked as the API asks it: the way worked out, the host looked at, a probe sent, and all of it laid beside each
//! other.
#![allow(dead_code, clippy::unwrap_used)]

use std::net::IpAddr;
use std::sync::Arc;

use model::host::HostConfig;
use model::reach::look::{Effect, HostBlocker, Looked, Outcome, Seen, Source, asked, look, probe_request};
use model::reach::names::Object;
use model::reach::probe::{ProbeError, ProbeRequest, ProbeResult, ProbeVerdict};
use model::reach::{Answer, Assumptions, Flow, Origin, Protocol, Question, Start, Target, Which, walk};
use node::reach::observed::Observer;
use node::reach::probe::Probes;
use node::reach::programmed::Inspector;
use node::services::{Namespaces, Services, ServicesOptions};

use super::super::network_common::Cloud;

/// How long a probe waits that is not answered, milliseconds.
const PATIENCE_MS: u32 = 1000;

/// What looks at a host.
pub struct Eyes {
    pub inspector: Inspector,
    pub observer: Observer,
    pub probes: Probes,
}

impl Eyes {
    /// Of a cloud without services and servers.
    pub fn of(cloud: &Cloud) -> Self {
        Self {
            inspector: Inspector::new(cloud.host.clone(), &cloud.owner),
            observer: Observer::new(cloud.host.clone(), None, None),
            probes: cloud.part.probes(),
        }
    }

    /// Looks, and sends nothing.
    pub fn look(&self, config: &HostConfig, flow: Flow) -> Told {
        self.ask(config, flow, None)
    }

    /// Sends the probe that the question comes to, and looks.
    pub fn probe(&self, config: &HostConfig, flow: Flow) -> Told {
        let answer = answer(config, flow);
        let question = Question {
            from: Origin::Host,
            to: Target::Address {
                address: flow.destination,
            },
            which: Which::Usual,
            protocol: flow.protocol,
            ip_version: None,
        };
        let request = probe_request(&model::Cloud::default(), config, &question, &answer).unwrap();
        let probe = self.send(&ProbeRequest {
            patience_ms: Some(PATIENCE_MS),
            ..request
        });
        self.ask(config, flow, Some(&probe))
    }

    /// Makes a probe, once it may.
    fn send(&self, request: &ProbeRequest) -> ProbeResult {
        loop {
            match self.probes.make(request) {
                Err(ProbeError::RateLimited { retry_after }) => std::thread::sleep(retry_after),
                made => return made.unwrap(),
            }
        }
    }

    fn ask(&self, config: &HostConfig, flow: Flow, probe: Option<&ProbeResult>) -> Told {
        let answer = answer(config, flow);
        let asked = asked(config, &answer).unwrap();
        let inspection = self.inspector.inspect(config, &asked.scope);
        let observed = self.observer.observe(config, &asked);
        let seen = Seen {
            inspection: Some(&inspection),
            observed: Some(&observed),
            probe,
        };
        Told {
            looked: look(&model::Cloud::default(), config, &answer, &seen),
            probe: probe.cloned(),
        }
    }
}

/// By what is declared nothing may be in the way, or the test asks the wrong question.
fn answer(config: &HostConfig, flow: Flow) -> Answer {
    let walked = walk(config, &flow, &Assumptions::default());
    assert!(walked.is_answered(), "{flow:?}: {walked:#?}");
    Answer {
        revision: config.revision,
        flow: Some(flow),
        walk: Some(walked),
        blockers: Vec::new(),
        opens: false,
    }
}

/// What was told.
#[derive(Debug)]
pub struct Told {
    pub looked: Looked,
    pub probe: Option<ProbeResult>,
}

impl Told {
    /// Expects a cause, known in this way, about this thing, with the outcome that follows from what it does.
    #[track_caller]
    pub fn expect(&self, code: &str, source: Source, object: Option<Object>) -> &HostBlocker {
        let mut blockers = self.looked.blockers.iter();
        let found = blockers.find(|each| each.code.as_str() == code && each.source == source);
        let found = found.unwrap_or_else(|| panic!("no {code} by {source:?}: {self:#?}"));
        assert_eq!(found.object, object, "{self:#?}");
        assert!(!found.evidence.is_empty());
        let outcome = self.looked.outcome;
        let answered = self
            .probe
            .as_ref()
            .is_some_and(|probe| matches!(probe.verdict, ProbeVerdict::Answered { .. }));
        match found.effect {
            _ if answered => assert_eq!(outcome, Outcome::Reachable, "an answer outweighs all: {self:#?}"),
            Effect::Stops => assert_eq!(outcome, Outcome::Blocked, "{self:#?}"),
            _ => assert_ne!(outcome, Outcome::Reachable, "{self:#?}"),
        }
        found
    }

    /// Expects this and nothing else.
    #[track_caller]
    pub fn expect_only(&self, code: &str, source: Source, object: Option<Object>) {
        self.expect(code, source, object);
        assert_eq!(self.looked.blockers.len(), 1, "{self:#?}");
    }

    /// Expects that nothing is in the way.
    #[track_caller]
    pub fn expect_nothing(&self) {
        assert_eq!(self.looked.blockers, Vec::new(), "{self:#?}");
        assert_eq!(self.looked.outcome, Outcome::Reachable, "{self:#?}");
    }

    /// All causes told.
    pub fn codes(&self) -> Vec<String> {
        let blockers = self.looked.blockers.iter();
        blockers.map(|blocker| blocker.code.as_str()).collect()
    }
}

/// A question.
pub fn flow(start: Start, destination: IpAddr, protocol: Protocol) -> Flow {
    Flow {
        start,
        destination,
        protocol,
    }
}

/// Serves a document's networks and routers; whoever holds this keeps them served.
pub struct Served {
    pub services: Services,
    _runtime: tokio::runtime::Runtime,
}

impl Served {
    pub fn new(cloud: &Cloud) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let entered = runtime.enter();
        let services = Services::new(ServicesOptions {
            host: cloud.host.clone(),
            upstream_dns: Vec::new(),
        });
        drop(entered);
        Self {
            services,
            _runtime: runtime,
        }
    }

    /// Serves what a document says, which may be less than the cloud's.
    pub fn serve(&self, cloud: &Cloud, config: &HostConfig) {
        let networks = config.networks.keys().map(|id| (*id, cloud.network_ns(*id)));
        let routers = config.routers.keys();
        let routers = routers.map(|id| (*id, cloud.part.router_netns(*id).unwrap()));
        let namespaces = Namespaces {
            networks: networks.collect(),
            routers: routers.collect(),
        };
        assert_eq!(self.services.apply(config, &namespaces), Default::default());
    }

    /// Eyes that know of what guests asked of these services.
    pub fn eyes(&self, cloud: &Cloud) -> Eyes {
        Eyes {
            inspector: Inspector::new(cloud.host.clone(), &cloud.owner).with_services(),
            observer: Observer::new(cloud.host.clone(), Some(self.services.known()), None),
            probes: cloud.part.probes(),
        }
    }
}

/// A console log's place, for observers.
pub fn consoles(servers: &Arc<node::servers::Servers>) -> node::reach::observed::Consoles {
    let servers = Arc::clone(servers);
    Arc::new(move |server| servers.console_log(server))
}
