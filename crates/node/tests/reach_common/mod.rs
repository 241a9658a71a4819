//! A cloud to probe: a server behind a router with a floating IP, IPv6 routed to it.
#![allow(dead_code, clippy::unwrap_used)]

pub mod look;

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use linux::Netns;
use model::host::*;
use model::reach::probe::*;
use model::{NetworkId, RouterId, SecurityGroupId};
use node::reach::probe::Probes;

use super::network_common::*;

pub const FLOATING: &str = "172.24.4.50";

pub struct Stage {
    pub cloud: Cloud,
    pub network: NetworkId,
    pub router: RouterId,
    pub group: SecurityGroupId,
    pub vm: Vm,
    pub probes: Probes,
}

impl Stage {
    pub fn new() -> Self {
        let mut cloud = Cloud::new();
        let public = cloud.external("br-ex", &["172.24.4.1/24", "2001:db8::2/64"]);
        let network = cloud.network(&["10.1.0.0/24", "fd00:1::/64"]);
        let rules = [
            allow_in(ports(6, 22, 22)),
            allow_in(ports(17, 53, 53)),
            allow_in(ProtocolMatch::Icmp { kind: None, code: None }),
            allow_in6(ports(6, 22, 22)),
            allow_in6(ports(17, 53, 53)),
            allow_in6(ProtocolMatch::Icmp { kind: None, code: None }),
        ];
        let group = cloud.group(network, with(all_out(), rules));
        let vm = cloud.vm(network, 10, &[group]);
        // Somebody else on the bridge, who gets copies of what is for everybody.
        cloud.vm(network, 11, &[]);
        let gateway: (NetworkId, &[&str], &[&str]) = (public, &["172.24.4.10/24", "2001:db8::10/64"], &["172.24.4.1"]);
        let router = cloud.router(&[network], Some(gateway));
        cloud.floating_ip(router, FLOATING, &vm);
        let mut external = (*cloud.config.externals[&public]).clone();
        external.host_routes = vec![Route {
            destination: net("fd00:1::/64"),
            nexthop: "2001:db8::10".parse().unwrap(),
        }];
        cloud.config.externals.insert(public, Arc::new(external));
        cloud.apply();
        let probes = cloud.part.probes();
        Self {
            cloud,
            network,
            router,
            group,
            vm,
            probes,
        }
    }

    pub fn place(&self) -> Place {
        Place::Network(self.network)
    }

    pub fn router_place(&self) -> Place {
        Place::Router(self.router)
    }

    pub fn router_ns(&self) -> Netns {
        self.cloud.part.router_netns(self.router).unwrap()
    }

    pub fn network_ns(&self) -> Netns {
        self.cloud.network_ns(self.network)
    }

    /// A probe that is to come to the server.
    pub fn request(&self, from: Place, target: IpAddr, kind: ProbeKind, inside: IpAddr) -> ProbeRequest {
        let all = [Place::Host, self.router_place(), self.place()];
        let start = all.iter().position(|place| *place == from).unwrap_or_default();
        ProbeRequest {
            from,
            target,
            kind,
            delivery: Some(Delivery {
                network: self.network,
                port: self.vm.port,
                address: inside,
            }),
            path: all[start..].to_vec(),
            // On a busy machine answers take their time.
            patience_ms: Some(3000),
        }
    }

    fn inside(&self, target: IpAddr) -> IpAddr {
        if target == FLOATING.parse::<IpAddr>().unwrap() {
            self.vm.ip
        } else {
            target
        }
    }

    pub fn try_ask(&self, from: Place, target: IpAddr, kind: ProbeKind) -> Result<ProbeResult, ProbeError> {
        self.make(&self.request(from, target, kind, self.inside(target)))
    }

    /// A probe that is answered, or whose loss is seen, so that it never has to wait.
    pub fn ask(&self, from: Place, target: IpAddr, kind: ProbeKind) -> ProbeResult {
        self.try_ask(from, target, kind).unwrap()
    }

    /// A probe that is not answered.
    pub fn ask_in_vain(&self, from: Place, target: IpAddr, kind: ProbeKind) -> ProbeResult {
        let request = self.request(from, target, kind, self.inside(target));
        let patience_ms = Some(600);
        self.make(&ProbeRequest { patience_ms, ..request }).unwrap()
    }

    /// A probe of an address that the server has of itself.
    pub fn ask_inside(&self, from: Place, target: IpAddr, kind: ProbeKind) -> ProbeResult {
        let patience_ms = Some(1000);
        let request = self.request(from, target, kind, target);
        self.make(&ProbeRequest { patience_ms, ..request }).unwrap()
    }

    /// Makes a probe, once it may.
    pub fn make(&self, request: &ProbeRequest) -> Result<ProbeResult, ProbeError> {
        loop {
            match self.probes.make(request) {
                Err(ProbeError::RateLimited { retry_after }) => std::thread::sleep(retry_after),
                made => return made,
            }
        }
    }
}

/// Sends each datagram back.
pub struct Echo {
    ends: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Echo {
    pub fn at(ns: &Netns, address: &str) -> Self {
        let address: SocketAddr = address.parse().unwrap();
        let socket = ns.run(move || UdpSocket::bind(address)).unwrap().unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
        let ends = Arc::new(AtomicBool::new(false));
        let until = Arc::clone(&ends);
        let thread = std::thread::spawn(move || {
            let mut buffer = [0; 2048];
            while !until.load(Ordering::Relaxed) {
                if let Ok((length, peer)) = socket.recv_from(&mut buffer) {
                    let _ = socket.send_to(&buffer[..length], peer);
                }
            }
        });
        let thread = Some(thread);
        Self { ends, thread }
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::Relaxed);
        let _ = self.thread.take().map(JoinHandle::join);
    }
}
