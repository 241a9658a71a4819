//! Each piece of evidence, and what it is called and does to a ping or to SSH from outside.

mod programmed;
mod seen;
mod told;

use std::sync::Arc;

use super::*;
use crate::diagnostics::{NicFigures, Traffic};
use crate::host::{HostConfig, PortBinding};
use crate::network::tests::{admin, member};
use crate::reach::ask_tests::Story;
use crate::reach::observed::{DeviceFigures, DhcpStep, GuestRecords, MetadataRequest, NeighbourState, SignKind};
use crate::reach::probe::{ChainPoint, Loss, Place as ProbePlace, Refusal, Way as Side};
use crate::reach::programmed::{
    Device, DeviceRole, HostObject, Place as HostPlace, Property, RuleOwner, Service, TableName,
};
use crate::reach::{FlowSeen, Owner, Protocol, words};
use crate::{FloatingIpId, MeteringLabelId, NetworkId, PortId, RouterId, ServerId, Timestamp};

/// The walk-through's server, which everybody reaches by ping and SSH.
struct Reached {
    story: Story,
    config: HostConfig,
    server: ServerId,
    port: PortId,
    network: NetworkId,
    router: RouterId,
    floating: FloatingIpId,
    external: NetworkId,
}

impl Reached {
    fn new() -> Self {
        let mut story = Story::new();
        let router = story.router().id;
        story.floating_ip();
        story.allow("icmp", None, None);
        story.allow("tcp", Some(22), None);
        let mut config = story.config();
        let (network, port) = (story.network, story.port);
        let server = ServerId(uuid::Uuid::from_u128(77));
        // A server's, for what is looked at; that it runs is not in question.
        let mut changed = (*config.networks[&network]).clone();
        let mut row = (*changed.ports[&port]).clone();
        row.binding = PortBinding::Server(server);
        changed.ports.insert(port, Arc::new(row));
        config.networks.insert(network, Arc::new(changed));
        let floating = config.routers[&router].floating_ips[0].id;
        let external = config.routers[&router].gateway.as_ref().unwrap().network_id;
        Self {
            story,
            config,
            server,
            port,
            network,
            router,
            floating,
            external,
        }
    }

    fn answer(&self, protocol: Protocol) -> Answer {
        let answer = self.story.ask(&self.story.outside(protocol));
        assert!(answer.is_reachable(), "{answer:#?}");
        answer
    }

    fn look(&self, protocol: Protocol, seen: &Seen<'_>) -> Looked {
        look(&self.story.rules.cloud, &self.config, &self.answer(protocol), seen)
    }

    fn found(&self, object: HostObject, state: State) -> Looked {
        let inspection = Inspection {
            revision: 1,
            findings: [Finding { object, state }].into(),
        };
        let seen = Seen {
            inspection: Some(&inspection),
            ..Seen::default()
        };
        self.look(Protocol::Icmp, &seen)
    }

    fn seen(&self, protocol: Protocol, observed: &Observed) -> Looked {
        let seen = Seen {
            observed: Some(observed),
            ..Seen::default()
        };
        self.look(protocol, &seen)
    }

    fn probed(&self, verdict: ProbeVerdict) -> Looked {
        let probe = ProbeResult {
            verdict,
            request: Vec::new(),
            answer: Vec::new(),
            sent: 1,
            delivered: None,
            spoken: None,
            took_us: 10,
        };
        let seen = Seen {
            probe: Some(&probe),
            ..Seen::default()
        };
        self.look(Protocol::Tcp(22), &seen)
    }

    fn device(&self, place: HostPlace, role: DeviceRole) -> Device {
        Device {
            place,
            name: "dev0".into(),
            role,
        }
    }

    fn tap(&self) -> Device {
        self.device(HostPlace::Network(self.network), DeviceRole::Port(self.port))
    }

    fn gateway(&self) -> Device {
        let port = self.config.routers[&self.router].gateway.as_ref().unwrap().port_id;
        self.device(HostPlace::Router(self.router), DeviceRole::Gateway(port))
    }

    fn rules(&self) -> TableName {
        TableName {
            place: HostPlace::Router(self.router),
            family: "ip".into(),
            name: "dpr".into(),
        }
    }

    fn element(&self, set: &str, owner: RuleOwner) -> HostObject {
        HostObject::Element {
            table: self.rules(),
            set: set.into(),
            key: "x".into(),
            owner,
        }
    }
}

fn codes(looked: &Looked) -> Vec<String> {
    looked.blockers.iter().map(|blocker| blocker.code.as_str()).collect()
}

fn different(want: &str, have: &str) -> State {
    State::Different {
        want: want.into(),
        have: have.into(),
    }
}

fn foreign(place: HostPlace, family: &str, hook: &str) -> HostObject {
    HostObject::ForeignChain {
        table: TableName {
            place,
            family: family.into(),
            name: "filter".into(),
        },
        chain: "FORWARD".into(),
        hook: format!("type filter hook {hook} priority filter; policy drop;"),
        drops: vec!["policy drop".into()],
    }
}
