//! What metering labels count, on real traffic and to the packet: whatever changes around the counters, and whoever
//! deletes them.
#![allow(clippy::unwrap_used)]

mod network_common;

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::Arc;

use linux::Netns;
use linux::netlink::{Route as KernelRoute, Rtnl};
use linux::nft::Nft;
use model::host::*;
use model::meters::Count;
use model::{MeteringLabelId, RouterId};
use network_common::probe::PATIENCE;
use network_common::*;
use node::network::metering;

const PORT: u16 = 5000;
const FLOATING: &str = "172.24.4.50";
/// Two addresses of the host on the provider network.
const NEAR: &str = "172.24.4.1";
const FAR: &str = "172.24.4.2";
/// Bytes of the IPv4 and UDP headers, and with IPv6's.
const HEADERS: u64 = 28;
const HEADERS6: u64 = 48;

/// Two servers behind a router; the host is the world outside.
struct Stage {
    cloud: Cloud,
    router: RouterId,
    a: Vm,
    b: Vm,
}

impl Stage {
    fn new() -> Self {
        let mut cloud = Cloud::new();
        let public = cloud.external("br-ex", &["172.24.4.1/24", "172.24.4.2/24", "2001:db8::2/64"]);
        let network = cloud.network(&["10.1.0.0/24", "fd00:1::/64"]);
        let rules = [allow_in(ports(17, PORT, PORT)), allow_in6(ports(17, PORT, PORT))];
        let group = cloud.group(network, with(all_out(), rules));
        let (a, b) = (cloud.vm(network, 10, &[group]), cloud.vm(network, 11, &[group]));
        let addresses: &[&str] = &["172.24.4.10/24", "2001:db8::10/64"];
        let router = cloud.router(&[network], Some((public, addresses, &[NEAR, "2001:db8::2"])));
        cloud.floating_ip(router, FLOATING, &a);
        cloud.apply();
        let mut host = Rtnl::open(&cloud.host).unwrap();
        let bridge = host.link("br-ex").unwrap().index;
        let route = KernelRoute::via(
            "fd00:1::/64".parse().unwrap(),
            "2001:db8::10".parse().unwrap(),
            Some(bridge),
        );
        host.replace_route(&route).unwrap();
        Self { cloud, router, a, b }
    }

    /// Gives the router a label with these rules.
    fn label(&mut self, rules: &[MeterRule]) -> MeteringLabelId {
        let label = MeteringLabelId(fresh());
        self.set(label, Some(rules));
        label
    }

    fn set(&mut self, label: MeteringLabelId, rules: Option<&[MeterRule]>) {
        self.change(label, rules);
        self.cloud.apply();
    }

    /// Changes the document alone.
    fn change(&mut self, label: MeteringLabelId, rules: Option<&[MeterRule]>) {
        self.cloud.edit_router(self.router, |router| match rules {
            Some(rules) => drop(router.meters.insert(label, rules.to_vec())),
            None => drop(router.meters.remove(&label)),
        });
    }

    fn nft(&self) -> Nft {
        Nft::open(&self.cloud.part.router_netns(self.router).unwrap()).unwrap()
    }

    fn counts(&self) -> BTreeMap<MeteringLabelId, Count> {
        metering::present(&self.nft()).unwrap().counts()
    }

    fn outward(&self, from: &Vm, to: &str, packets: u64, payload: usize) {
        send(&from.ns, &self.cloud.host, ip(to), None, packets, payload);
    }

    fn inward(&self, by: &str, to: &Vm, packets: u64, payload: usize) {
        send(&self.cloud.host, &to.ns, ip(by), Some(to), packets, payload);
    }
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// Sends datagrams to an address and waits until all have arrived at `to`, which does not answer. `behind` is who has the
/// address after translation.
fn send(from: &Netns, to: &Netns, address: IpAddr, behind: Option<&Vm>, packets: u64, payload: usize) {
    let bound = match behind {
        Some(vm) if address.is_ipv4() => vm.ip,
        _ => address,
    };
    let receiver = to
        .run(|| UdpSocket::bind(SocketAddr::new(bound, PORT)))
        .unwrap()
        .unwrap();
    receiver.set_read_timeout(Some(PATIENCE)).unwrap();
    let sender = probe::udp_client(from, SocketAddr::new(address, PORT));
    for _ in 0..packets {
        sender.send(&vec![0x61; payload]).unwrap();
        assert_eq!(receiver.recv(&mut [0; 2048]).unwrap(), payload);
    }
}

fn rule(direction: Direction, source: Option<&str>, destination: Option<&str>) -> MeterRule {
    MeterRule {
        direction,
        excluded: false,
        source: source.map(net),
        destination: destination.map(net),
    }
}

fn excluded(rule: MeterRule) -> MeterRule {
    MeterRule { excluded: true, ..rule }
}

fn count(packets: u64, bytes: u64) -> Count {
    Count { packets, bytes }
}

#[test]
fn every_packet_is_counted_where_it_belongs() {
    use Direction::{Egress, Ingress};
    let mut stage = Stage::new();
    let mut checks = Checks::default();
    let inner = Some("10.1.0.0/24");
    // All but b's; b's rule comes last and holds all the same.
    let out = stage.label(&[
        rule(Egress, inner, None),
        excluded(rule(Egress, Some("10.1.0.11/32"), None)),
    ]);
    let into = stage.label(&[rule(Ingress, None, inner)]);
    // Two rules match the same packets.
    let far = stage.label(&[
        rule(Egress, inner, Some("172.24.4.2/32")),
        rule(Egress, None, Some("172.24.4.2/31")),
    ]);
    let six = stage.label(&[
        rule(Ingress, None, Some("fd00:1::/64")),
        rule(Egress, Some("::/0"), None),
    ]);
    let all = stage.label(&[
        rule(Ingress, Some("0.0.0.0/0"), None),
        rule(Egress, None, Some("0.0.0.0/0")),
    ]);
    checks.check(
        "nothing has passed",
        stage.counts().values().all(|each| *each == Count::default()) && stage.counts().len() == 5,
    );

    let size = |payload: u64| payload + HEADERS;
    stage.outward(&stage.a, NEAR, 7, 100);
    checks.check(
        "what a sends, under its floating IP",
        stage.counts()[&out] == count(7, 7 * size(100)),
    );
    checks.check("is not what comes in", stage.counts()[&into] == count(0, 0));
    checks.check("nor what goes further", stage.counts()[&far] == count(0, 0));
    stage.outward(&stage.a, FAR, 3, 200);
    stage.outward(&stage.b, FAR, 5, 300);
    let sent = count(10, 7 * size(100) + 3 * size(200));
    checks.check("what is excluded is not counted", stage.counts()[&out] == sent);
    let further = count(8, 3 * size(200) + 5 * size(300));
    checks.check("what two rules match is counted once", stage.counts()[&far] == further);
    stage.inward(FLOATING, &stage.a, 4, 50);
    let came = count(4, 4 * size(50));
    checks.check("what comes by the floating IP", stage.counts()[&into] == came);
    checks.check("is not what leaves", stage.counts()[&out] == sent);
    let both = count(19, sent.bytes + 5 * size(300) + came.bytes);
    checks.check("a label counts both ways", stage.counts()[&all] == both);
    send(&stage.a.ns, &stage.b.ns, stage.b.ip, None, 6, 10);
    checks.check("neighbours are nobody's business", stage.counts()[&all] == both);

    let six_bytes = |payload: u64| payload + HEADERS6;
    stage.inward(&stage.a.ip6.unwrap().to_string(), &stage.a, 2, 40);
    stage.outward(&stage.a, "2001:db8::2", 3, 60);
    let sixes = count(5, 2 * six_bytes(40) + 3 * six_bytes(60));
    checks.check("IPv6 is counted, too", stage.counts()[&six] == sixes);
    checks.check("and not as IPv4", stage.counts()[&all] == both);
    let listing = stage
        .nft()
        .run(&format!("list counter inet dpm label-{out}\n"))
        .unwrap();
    checks.check(
        "a person reads it",
        listing.contains(&format!("packets {} bytes {}", sent.packets, sent.bytes)),
    );
    checks.finish();
}

#[test]
fn counts_outlive_changes_and_restarts() {
    use Direction::{Egress, Ingress};
    let mut stage = Stage::new();
    let mut checks = Checks::default();
    let out = stage.label(&[rule(Egress, Some("10.1.0.0/24"), None)]);
    stage.outward(&stage.a, NEAR, 9, 100);
    let mut sent = count(9, 9 * 128);
    checks.check("it counts", stage.counts()[&out] == sent);
    let other = stage.label(&[rule(Egress, Some("10.1.0.10/32"), None)]);
    checks.check("another label's coming changes nothing", stage.counts()[&out] == sent);
    checks.check("and begins at nothing", stage.counts()[&other] == count(0, 0));
    stage.set(
        out,
        Some(&[
            rule(Egress, Some("10.1.0.10/32"), None),
            rule(Ingress, None, Some("10.1.0.0/24")),
        ]),
    );
    checks.check("nor do other rules", stage.counts()[&out] == sent);
    stage.outward(&stage.a, NEAR, 1, 100);
    stage.inward(FLOATING, &stage.a, 1, 100);
    sent = count(11, 11 * 128);
    checks.check("by which it counts from then on", stage.counts()[&out] == sent);
    stage.set(other, None);
    checks.check(
        "nor does another one's going",
        stage.counts() == BTreeMap::from([(out, sent)]),
    );
    stage.cloud.floating_ip(stage.router, "172.24.4.51", &stage.b);
    stage.cloud.apply();
    checks.check("nor other translations", stage.counts()[&out] == sent);
    let gateway = stage.cloud.config.routers[&stage.router].gateway.clone();
    stage.cloud.edit_router(stage.router, |router| router.gateway = None);
    stage.cloud.apply();
    checks.check("nor the gateway's going", stage.counts()[&out] == sent);
    stage.cloud.edit_router(stage.router, |router| router.gateway = gateway);
    stage.cloud.apply();
    stage.outward(&stage.a, NEAR, 1, 100);
    sent = count(12, 12 * 128);
    checks.check("with which it counts again", stage.counts()[&out] == sent);

    let doomed = stage.label(&[rule(Egress, Some("10.1.0.10/32"), None)]);
    stage.outward(&stage.a, NEAR, 1, 100);
    sent = count(13, 13 * 128);
    stage.cloud.restart();
    stage.outward(&stage.a, NEAR, 1, 100);
    sent += count(1, 128);
    stage.change(doomed, None);
    let late = MeteringLabelId(fresh());
    stage.change(late, Some(&[rule(Egress, Some("10.1.0.10/32"), None)]));
    stage.cloud.apply();
    checks.check(
        "nor a restart, in which one label went and one came",
        stage.counts() == BTreeMap::from([(out, sent), (late, count(0, 0))]),
    );
    stage.outward(&stage.a, NEAR, 1, 100);
    sent += count(1, 128);
    checks.check(
        "after which both count",
        stage.counts() == BTreeMap::from([(out, sent), (late, count(1, 128))]),
    );
    stage.set(out, None);
    stage.set(late, None);
    checks.check(
        "without labels there is no table",
        stage.nft().run("list table inet dpm\n").is_err(),
    );
    checks.finish();
}

#[test]
fn what_a_person_deletes_is_made_again_with_what_was_read_last() {
    let mut stage = Stage::new();
    let mut checks = Checks::default();
    let label = stage.label(&[rule(Direction::Egress, Some("10.1.0.0/24"), None)]);
    stage.outward(&stage.a, NEAR, 5, 100);
    let meters = stage.cloud.part.meters();
    let reading = meters.look(stage.router).unwrap();
    checks.check(
        "the host reads what was counted",
        reading.counts[&label] == count(5, 5 * 128),
    );
    for deletes in [
        "delete table inet dpm\n".to_owned(),
        "flush ruleset\n".to_owned(),
        "flush table inet dpm\n".to_owned(),
        format!("flush chain inet dpm through\ndelete chain inet dpm through\nflush chain inet dpm label-{label}\n"),
    ] {
        let before = stage.counts()[&label];
        stage.nft().run(&deletes).unwrap();
        let found = stage.cloud.part.audit();
        checks.check(&format!("it is found: {deletes}"), !found.is_empty());
        checks.check(
            &format!("counters have what they had: {deletes}"),
            stage.counts()[&label] == before,
        );
        checks.check("once is enough", stage.cloud.part.audit().is_empty());
    }
    stage.outward(&stage.a, NEAR, 2, 100);
    checks.check("and it counts on", stage.counts()[&label] == count(7, 7 * 128));

    // The machine is started again: neither namespaces nor the program's memory are there, but the file.
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("metering.json");
    meters.keep(&path, &BTreeMap::new()).unwrap();
    stage.cloud.part.purge();
    checks.check(
        "a router that is gone has counted nothing",
        meters.look(stage.router).is_none(),
    );
    stage.cloud.restart();
    stage.cloud.part.meters().load(&path);
    stage.cloud.apply();
    checks.check(
        "a reboot takes nothing that was kept",
        stage.counts()[&label] == count(7, 7 * 128),
    );
    checks.finish();
}

#[test]
fn a_router_goes_with_what_it_counted() {
    let mut stage = Stage::new();
    stage.label(&[rule(Direction::Egress, Some("10.1.0.0/24"), None)]);
    let meters = stage.cloud.part.meters();
    assert!(meters.look(stage.router).is_some());
    let config = Arc::clone(&stage.cloud.config.routers[&stage.router]);
    let network = config.legs[0].network_id;
    stage.cloud.config.routers.remove(&stage.router);
    stage
        .cloud
        .edit(network, |network| drop(network.ports.remove(&config.legs[0].port_id)));
    stage.cloud.apply();
    assert!(meters.look(stage.router).is_none());
}
