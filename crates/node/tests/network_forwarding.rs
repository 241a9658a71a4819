//! Port forwardings of floating IPs on real traffic: what is forwarded, what is not, and what ends.
#![allow(clippy::unwrap_used)]

mod network_common;

use std::net::IpAddr;

use linux::Netns;
use model::RouterId;
use model::host::*;
use network_common::probe::*;
use network_common::*;

const OUTER: &str = "172.24.4.50";

struct Stage {
    cloud: Cloud,
    router: RouterId,
    a: Vm,
    b: Vm,
}

impl Stage {
    fn new() -> Self {
        let mut cloud = Cloud::new();
        let public = cloud.external("br-ex", &["172.24.4.1/24"]);
        let network = cloud.network(&["10.1.0.0/24"]);
        let rules = [allow_in(ports(6, 22, 90)), allow_in(ports(17, 53, 53))];
        let group = cloud.group(network, with(all_out(), rules));
        let a = cloud.vm(network, 10, &[group]);
        let b = cloud.vm(network, 11, &[group]);
        let router = cloud.router(&[network], Some((public, &["172.24.4.10/24"], &["172.24.4.1"])));
        cloud.apply();
        Self { cloud, router, a, b }
    }

    fn forward(&mut self, protocol: u8, external: (u16, u16), to: &Vm, internal: (u16, u16)) {
        let IpAddr::V4(fixed) = to.ip else {
            panic!("forwarding is IPv4")
        };
        let forwarding = ForwardingConfig {
            floating_ip_id: model::FloatingIpId(fresh()),
            floating: OUTER.parse().unwrap(),
            protocol,
            external,
            fixed,
            internal,
        };
        self.cloud
            .edit_router(self.router, |router| router.forwardings.push(forwarding));
    }
}

/// Whether a connection to a forwarded port arrives at a server's port.
fn leads(from: &Netns, external: u16, to: &Netns, internal: u16, expected: bool) -> bool {
    let listener = listen(to, &format!("0.0.0.0:{internal}"));
    listener.set_nonblocking(true).unwrap();
    let Some(_client) = connect(from, &format!("{OUTER}:{external}"), expected) else {
        return false;
    };
    eventually(|| listener.accept().is_ok())
}

#[test]
fn ports_of_one_address_lead_to_several_servers() {
    let mut stage = Stage::new();
    let host = stage.cloud.host.clone();
    let (a, b) = (stage.a.clone(), stage.b.clone());
    let mut checks = Checks::default();
    checks.check("nothing leads in before", !leads(&host, 2222, &a.ns, 22, false));
    stage.forward(6, (2222, 2222), &a, (22, 22));
    stage.forward(6, (2223, 2223), &b, (22, 22));
    stage.forward(6, (8080, 8082), &a, (80, 82));
    stage.forward(6, (9000, 9003), &b, (90, 90));
    stage.forward(17, (5353, 5353), &b, (53, 53));
    stage.cloud.apply();
    checks.check(
        "one port leads to the first server",
        leads(&host, 2222, &a.ns, 22, true),
    );
    checks.check("another one to the second", leads(&host, 2223, &b.ns, 22, true));
    checks.check("a range leads port by port", leads(&host, 8081, &a.ns, 81, true));
    checks.check("to its end", leads(&host, 8082, &a.ns, 82, true));
    checks.check("and not behind it", !leads(&host, 8083, &a.ns, 83, false));
    checks.check("a range leads to a single port", leads(&host, 9002, &b.ns, 90, true));
    checks.check("UDP", answers_udp(&host, 5353, &b.ns, 53));
    checks.check("the protocol counts", !leads(&host, 5353, &b.ns, 53, false));
    checks.check("hairpin from a neighbour", leads(&b.ns, 2222, &a.ns, 22, true));
    checks.check("hairpin to oneself", leads(&a.ns, 2222, &a.ns, 22, true));

    let listener = listen(&a.ns, "0.0.0.0:22");
    let client = connect(&host, &format!("{OUTER}:2222"), true).unwrap();
    let (server, _) = listener.accept().unwrap();
    let other = listen(&b.ns, "0.0.0.0:22");
    let kept = connect(&host, &format!("{OUTER}:2223"), true).unwrap();
    let (kept_server, _) = other.accept().unwrap();
    checks.check("a flow stands", arrives(&client, &server, true));
    stage.cloud.edit_router(stage.router, |router| {
        router.forwardings.remove(0);
    });
    stage.cloud.apply();
    checks.check("it ends with its forwarding", !arrives(&client, &server, false));
    checks.check("others stay", arrives(&kept, &kept_server, true));
    drop((listener, other));
    checks.check("nothing new leads there", !leads(&host, 2222, &a.ns, 22, false));
    stage
        .cloud
        .edit_router(stage.router, |router| router.forwardings.clear());
    stage.cloud.apply();
    checks.check(
        "with the last one the address is gone",
        !ping(&host, OUTER.parse().unwrap(), false),
    );
    checks.finish();
}

/// Whether a datagram to a forwarded port arrives and is answered from there.
fn answers_udp(from: &Netns, external: u16, to: &Netns, internal: u16) -> bool {
    let server = to
        .run(move || std::net::UdpSocket::bind(("0.0.0.0", internal)))
        .unwrap()
        .unwrap();
    server.set_read_timeout(Some(PATIENCE)).unwrap();
    let client = udp_client(from, format!("{OUTER}:{external}").parse().unwrap());
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    client.send(b"question").unwrap();
    let mut buffer = [0; 16];
    let Ok((_, peer)) = server.recv_from(&mut buffer) else {
        return false;
    };
    server.send_to(b"answer", peer).unwrap();
    client.recv(&mut buffer).is_ok()
}
