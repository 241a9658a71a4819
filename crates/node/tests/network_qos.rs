//! Quality of service on real traffic: limits hold within a wide margin, marks are on the packets, and all of it goes
//! again.
#![allow(clippy::unwrap_used)]

mod network_common;

use std::mem::MaybeUninit;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::Instant;

use linux::netlink::Rtnl;
use model::host::*;
use network_common::probe::*;
use network_common::rate::*;
use network_common::*;
use socket2::{Domain, Protocol, Socket, Type};

const PORT: u16 = 5001;

struct Stage {
    cloud: Cloud,
    network: model::NetworkId,
    a: Vm,
    b: Vm,
}

impl Stage {
    fn new() -> Self {
        let mut cloud = Cloud::new();
        let network = cloud.network(&["10.1.0.0/24"]);
        let rules = [allow_in(ports(6, PORT, PORT)), allow_in(ports(17, PORT, PORT))];
        let group = cloud.group(network, with(all_out(), rules));
        let a = cloud.vm(network, 10, &[group]);
        let b = cloud.vm(network, 11, &[group]);
        cloud.apply();
        Self { cloud, network, a, b }
    }

    fn limit(&mut self, of: &Vm, qos: Option<PortQos>) {
        self.cloud.edit_port(of, |port| port.qos = qos.map(Arc::new));
        self.cloud.apply();
    }

    /// Bytes a second from one to the other by TCP.
    fn rate(&self, from: &Vm, to: &Vm) -> u64 {
        rate(&from.ns, &to.ns, to.ip, PORT)
    }

    /// How many datagrams of those that one sends as fast as it can arrive at the other in a second.
    fn packets(&self, from: &Vm, to: &Vm) -> u64 {
        let address = SocketAddr::new(to.ip, PORT);
        let server = to.ns.run(|| UdpSocket::bind(address)).unwrap().unwrap();
        let client = udp_client(&from.ns, address);
        let start = Instant::now();
        let sender = std::thread::spawn(move || {
            while start.elapsed() < WINDOW {
                for _ in 0..40 {
                    let _ = client.send(b"x");
                }
                std::thread::sleep(std::time::Duration::from_millis(1));
            }
        });
        server.set_read_timeout(Some(SILENCE)).unwrap();
        let mut count = 0;
        while start.elapsed() < WINDOW {
            count += u64::from(server.recv(&mut [0; 8]).is_ok());
        }
        let millis = u64::try_from(start.elapsed().as_millis().max(1)).unwrap();
        sender.join().unwrap();
        count * 1000 / millis
    }

    /// The DSCP mark with which a datagram arrives.
    fn mark(&self, from: &Vm, to: &Vm) -> Option<u8> {
        let raw = to
            .ns
            .run(|| Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::UDP)))
            .unwrap()
            .unwrap();
        raw.set_read_timeout(Some(PATIENCE)).unwrap();
        let _server = to.ns.run(|| UdpSocket::bind(("0.0.0.0", PORT))).unwrap().unwrap();
        udp_client(&from.ns, SocketAddr::new(to.ip, PORT))
            .send(b"marked")
            .unwrap();
        let mut buffer = [MaybeUninit::uninit(); 256];
        let count = raw.recv(&mut buffer).ok()?;
        assert!(count > 20);
        // SAFETY: recv has filled the first `count` bytes.
        #[allow(unsafe_code)]
        let service = unsafe { buffer[1].assume_init() };
        Some(service >> 2)
    }

    fn links(&self) -> Vec<String> {
        let mut nl = Rtnl::open(&self.cloud.network_ns(self.network)).unwrap();
        let links = nl.links().unwrap();
        links
            .into_iter()
            .map(|link| link.name)
            .filter(|name| name.starts_with("ifb"))
            .collect()
    }
}

#[test]
fn bandwidth_is_limited_either_way() {
    let mut stage = Stage::new();
    let (a, b) = (stage.a.clone(), stage.b.clone());
    let mut checks = Checks::default();
    // 8 Mbit/s are a million bytes.
    checks.check("without a limit it is much faster", stage.rate(&a, &b) > 8_000_000);
    let to = PortQos {
        ingress: bandwidth(8000),
        ..PortQos::default()
    };
    stage.limit(&b, Some(to));
    checks.check("to the port", is_near(stage.rate(&a, &b), 1_000_000));
    checks.check("and not from it", stage.rate(&b, &a) > 8_000_000);
    let both = PortQos {
        ingress: bandwidth(4000),
        egress: bandwidth(8000),
        ..PortQos::default()
    };
    stage.limit(&b, Some(both));
    checks.check("from the port", is_near(stage.rate(&b, &a), 1_000_000));
    checks.check("to it, changed", is_near(stage.rate(&a, &b), 500_000));
    checks.check("by an intermediate device", stage.links().len() == 1);
    stage.cloud.restart();
    stage.limit(&b, None);
    checks.check("lifted after a restart, to it", stage.rate(&a, &b) > 8_000_000);
    checks.check("and from it", stage.rate(&b, &a) > 8_000_000);
    checks.check("no device is left", stage.links().is_empty());
    let from = PortQos {
        egress: bandwidth(8000),
        ..PortQos::default()
    };
    stage.limit(&a, Some(from));
    stage.cloud.edit(stage.network, |network| network.ports.remove(&a.port));
    stage.cloud.apply();
    stage.cloud.part.settle();
    checks.check("nor when the port goes", stage.links().is_empty());
    checks.finish();
}

#[test]
fn packets_are_limited_and_marked() {
    let mut stage = Stage::new();
    let (a, b) = (stage.a.clone(), stage.b.clone());
    let mut checks = Checks::default();
    checks.check("no mark", stage.mark(&a, &b) == Some(0));
    let limit = |kpps| {
        Some(PacketRateLimit {
            kpps,
            burst_kpackets: 0,
        })
    };
    let of = PortQos {
        egress_packets: limit(1),
        dscp: Some(46),
        ..PortQos::default()
    };
    stage.limit(&a, Some(of));
    checks.check("marked", stage.mark(&a, &b) == Some(46));
    checks.check("only what the port sends", stage.mark(&b, &a) == Some(0));
    let sent = stage.packets(&a, &b);
    checks.check("packets from the port", is_near(sent, 1000));
    stage.limit(&a, None);
    let to = PortQos {
        ingress_packets: limit(1),
        ..PortQos::default()
    };
    stage.limit(&b, Some(to));
    checks.check("no mark any more", stage.mark(&a, &b) == Some(0));
    checks.check("packets to the port", is_near(stage.packets(&a, &b), 1000));
    stage.limit(&b, None);
    checks.check("and no limit", stage.packets(&a, &b) > 2000);
    checks.finish();
}
