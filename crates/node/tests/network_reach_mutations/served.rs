//! The services: a socket that is gone is named.

use std::collections::BTreeSet;
use std::sync::Arc;

use dhcproto::v4;
use model::host::*;
use model::reach::look::code_of;
use model::reach::{Asked, DhcpStep, HostObject, HostPlace as Place, Scope, Service, SignKind, State};
use node::reach::observed::Observer;
use node::services::{Namespaces, Services, ServicesOptions};

use crate::network_common::*;
use crate::stage::Stage;

struct Served {
    services: Services,
    _runtime: tokio::runtime::Runtime,
    stage: Stage,
}

impl Served {
    fn new() -> Self {
        let mut stage = Stage::new();
        let network = stage.networks[0];
        stage.cloud.edit(network, |network| {
            network.subnets[1].ipv6 = Some(Ipv6Mode::Dhcpv6Stateful);
        });
        stage.cloud.edit_router(stage.router, |router| {
            let prefix = ("fd00:1::/64".parse().unwrap(), Ipv6Mode::Dhcpv6Stateful);
            router.legs[0].advertise.push(prefix);
        });
        stage.cloud.apply();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let entered = runtime.enter();
        let services = Services::new(ServicesOptions {
            host: stage.cloud.host.clone(),
            upstream_dns: Vec::new(),
        });
        drop(entered);
        Self {
            services,
            _runtime: runtime,
            stage,
        }
    }

    /// Serves what a document says, which may not be the stage's.
    fn serve(&self, config: &HostConfig) {
        let cloud = &self.stage.cloud;
        let networks = config.networks.keys().map(|id| (*id, cloud.network_ns(*id)));
        let routers = config
            .routers
            .keys()
            .map(|id| (*id, cloud.part.router_netns(*id).unwrap()));
        let namespaces = Namespaces {
            networks: networks.collect(),
            routers: routers.collect(),
        };
        assert_eq!(self.services.apply(config, &namespaces), Default::default());
    }

    /// Which services are found missing.
    fn missing(&self) -> Vec<(Place, Service)> {
        let inspector = self.stage.fresh_inspector().with_services();
        let config = &self.stage.cloud.config;
        let found = inspector.inspect(config, &Scope::all(config)).findings.into_iter();
        let service = found.map(|finding| match (finding.object, finding.state) {
            (HostObject::Service { place, service }, State::Missing) => (place, service),
            other => panic!("found besides: {other:?}"),
        });
        service.collect()
    }

    /// Waits until these services, and no others, are found missing, and called so: sockets close a moment after they were
    /// let go of.
    fn expect_called(&self, codes: &[&str], wanted: &[(Place, Service)]) {
        self.expect(wanted);
        let inspector = self.stage.fresh_inspector().with_services();
        let config = &self.stage.cloud.config;
        let found = inspector.inspect(config, &Scope::all(config)).findings;
        let called: BTreeSet<String> = found
            .iter()
            .map(|finding| code_of(config, finding).unwrap().as_str())
            .collect();
        assert_eq!(called, codes.iter().map(|code| (*code).to_owned()).collect());
    }

    /// Waits until these services, and no others, are found missing.
    fn expect(&self, wanted: &[(Place, Service)]) {
        let mut missing = Vec::new();
        let comes_true = probe::eventually(|| {
            missing = self.missing();
            missing == wanted
        });
        assert!(comes_true, "{missing:?} instead of {wanted:?}");
    }

    /// Serves the stage's document after a change that the stage does not know of.
    fn serve_other(&self, change: impl FnOnce(&mut HostConfig)) {
        let mut config = self.stage.cloud.config.clone();
        change(&mut config);
        self.serve(&config);
    }
}

fn network(config: &mut HostConfig, id: model::NetworkId, change: impl FnOnce(&mut NetworkConfig)) {
    let mut network = (*config.networks[&id]).clone();
    change(&mut network);
    config.networks.insert(id, Arc::new(network));
}

#[test]
fn sockets_that_are_gone() {
    let served = Served::new();
    let config = served.stage.cloud.config.clone();
    let (id, router) = (served.stage.networks[0], served.stage.router);
    let (place, at_router) = (Place::Network(id), Place::Router(router));
    served.serve(&config);
    served.expect(&[]);
    served.serve_other(|config| network(config, id, |network| network.subnets[0].dhcp = false));
    served.expect_called(&["DHCP_SERVICE_DOWN"], &[(place, Service::Dhcp)]);
    served.serve_other(|config| network(config, id, |network| network.subnets[1].ipv6 = None));
    served.expect_called(&["DHCP_SERVICE_DOWN"], &[(place, Service::Dhcpv6)]);
    served.serve_other(|config| {
        network(config, id, |network| {
            network.service_port.as_mut().unwrap().addresses.truncate(1);
        });
    });
    let (dns, other) = ("fd00:1::2".parse().unwrap(), "10.1.0.2".parse().unwrap());
    // DHCPv6 goes on: it answers at all addresses.
    served.expect_called(
        &["DNS_SERVICE_DOWN"],
        &[(place, Service::Dns(dns)), (place, Service::DnsOverTcp(dns))],
    );
    served.serve_other(|config| drop(config.routers.remove(&router)));
    let leg = served.stage.leg(0);
    let advertisements = (at_router, Service::Advertisements(leg));
    let at_router_too = [(at_router, Service::Metadata), advertisements];
    served.expect_called(&["METADATA_SERVICE_DOWN", "RA_SERVICE_DOWN"], &at_router_too);
    served.serve_other(|config| {
        let mut changed = (*config.routers[&router]).clone();
        changed.legs[0].advertise.clear();
        config.routers.insert(router, Arc::new(changed));
    });
    served.expect_called(&["RA_SERVICE_DOWN"], &[advertisements]);
    served.serve_other(|config| drop(config.networks.remove(&id)));
    let all = [
        Service::Dhcp,
        Service::Dhcpv6,
        Service::Dns(other),
        Service::Dns(dns),
        Service::DnsOverTcp(other),
        Service::DnsOverTcp(dns),
        Service::Metadata,
    ];
    served.expect(&all.map(|service| (place, service)));
    served.serve(&config);
    served.expect(&[]);
}

/// Sockets that are bound to a device hear nothing more when it goes, even if another of the name comes.
#[test]
fn sockets_of_a_device_that_is_gone() {
    let mut served = Served::new();
    let id = served.stage.networks[0];
    let config = served.stage.cloud.config.clone();
    served.serve(&config);
    served.expect(&[]);
    delete_link(&served.stage.namespace(crate::In::One), "br0");
    served.stage.mend();
    // They are opened again within a second; before that they are told of, and nothing else is.
    let deaf = served.missing();
    let may_be = [
        (Place::Network(id), Service::Dhcp),
        (Place::Network(id), Service::Dhcpv6),
        // The leg's other end was on that bridge: the pair was made anew.
        (
            Place::Router(served.stage.router),
            Service::Advertisements(served.stage.leg(0)),
        ),
    ];
    assert!(deaf.iter().all(|each| may_be.contains(each)), "{deaf:?}");
    served.expect(&[]);
}

/// A guest that asks for an address and for its key leaves both on record, and its console is read.
#[test]
fn what_guests_asked_for_is_told() {
    let mut served = Served::new();
    served.stage.run_server();
    let config = served.stage.cloud.config.clone();
    served.serve(&config);
    let a = served.stage.a.clone();
    let discover = dhcp::dhcp_message(&a, v4::MessageType::Discover, &[]);
    assert!(dhcp::exchange(&a, &discover, true).is_some(), "an offer");
    let directory = tempfile::tempdir().unwrap();
    let log = directory.path().join("console.log");
    std::fs::write(&log, "Linux version 6.1\nudhcpc: no lease, failing\n").unwrap();
    let observer = Observer::new(
        served.stage.cloud.host.clone(),
        Some(served.services.known()),
        Some(Arc::new(move |_| log.clone())),
    );
    let asked = Asked {
        scope: Scope::all(&config),
        ..Asked::default()
    };
    let seen = observer.observe(&config, &asked);
    let steps: Vec<(DhcpStep, u32)> = seen.guests[&a.port]
        .dhcp
        .iter()
        .map(|each| (each.step, each.xid))
        .collect();
    assert_eq!(
        steps,
        [(DhcpStep::Discover, discover.xid()), (DhcpStep::Offer, discover.xid())]
    );
    assert_eq!(seen.guests[&a.port].dhcp[1].address, Some(a.ip));
    assert_eq!(seen.guests.len(), 1, "nobody else asked");
    let signs: Vec<SignKind> = seen.consoles[&served.stage.server]
        .iter()
        .map(|sign| sign.kind)
        .collect();
    assert_eq!(signs, [SignKind::KernelStarted, SignKind::DhcpFailed]);
    assert_eq!(
        (seen.flows.len(), seen.neighbours.len()),
        (0, 0),
        "no address was asked for"
    );
}
