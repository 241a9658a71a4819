//! Limits of floating IPs and of a router's own address, measured on real traffic.
#![allow(clippy::unwrap_used)]

mod network_common;

use std::net::SocketAddr;

use linux::nft::Nft;
use model::host::*;
use network_common::rate::*;
use network_common::*;

const PORT: u16 = 5001;
/// A floating IP, the router's own address, the host's on the provider network.
const FLOATING: &str = "172.24.4.50";
const OWN: &str = "172.24.4.10";
const OUTSIDE: &str = "172.24.4.1";

struct Stage {
    cloud: Cloud,
    router: model::RouterId,
    vm: Vm,
}

impl Stage {
    fn new() -> Self {
        let mut cloud = Cloud::new();
        let public = cloud.external("br-ex", &["172.24.4.1/24"]);
        let network = cloud.network(&["10.1.0.0/24"]);
        let group = cloud.group(network, with(all_out(), [allow_in(ports(6, PORT, PORT))]));
        let vm = cloud.vm(network, 10, &[group]);
        let addresses: &[&str] = &["172.24.4.10/24"];
        let router = cloud.router(&[network], Some((public, addresses, &[OUTSIDE])));
        cloud.floating_ip(router, FLOATING, &vm);
        cloud.edit(network, |_| {});
        cloud.apply();
        Self { cloud, router, vm }
    }

    fn limit(&mut self, limits: &[AddressLimit]) {
        self.cloud
            .edit_router(self.router, |router| router.limits = limits.to_vec());
        self.cloud.apply();
    }

    /// Bytes a second from outside to the server by its floating IP.
    fn inward(&self) -> u64 {
        let outside: SocketAddr = format!("{FLOATING}:{PORT}").parse().unwrap();
        rate_by(
            &self.cloud.host,
            &self.vm.ns,
            outside,
            SocketAddr::new(self.vm.ip, PORT),
        )
    }

    /// Bytes a second from the server to the outside.
    fn outward(&self) -> u64 {
        rate(&self.vm.ns, &self.cloud.host, OUTSIDE.parse().unwrap(), PORT)
    }

    fn has_table(&self) -> bool {
        let ns = self.cloud.part.router_netns(self.router).unwrap();
        Nft::open(&ns).unwrap().run("list table ip dpl\n").is_ok()
    }
}

fn limit(address: &str, to: u32, from: u32) -> AddressLimit {
    let of = |kbps| bandwidth(kbps).filter(|limit| limit.kbps > 0);
    AddressLimit {
        address: address.parse().unwrap(),
        ingress: of(to),
        egress: of(from),
    }
}

#[test]
fn a_floating_ip_is_limited_either_way() {
    let mut stage = Stage::new();
    let mut checks = Checks::default();
    // 8 Mbit/s are a million bytes.
    checks.check("without a limit it is much faster", stage.inward() > 8_000_000);
    checks.check("and there is no table", !stage.has_table());
    stage.limit(&[limit(FLOATING, 8000, 0)]);
    checks.check("to the floating IP", is_near(stage.inward(), 1_000_000));
    checks.check("and not from it", stage.outward() > 8_000_000);
    stage.limit(&[limit(FLOATING, 0, 8000)]);
    checks.check("from the floating IP", is_near(stage.outward(), 1_000_000));
    checks.check("and not to it", stage.inward() > 8_000_000);
    stage.cloud.restart();
    stage.limit(&[]);
    checks.check("lifted after a restart", stage.outward() > 8_000_000);
    checks.check("with no table left", !stage.has_table());
    checks.finish();
}

#[test]
fn a_routers_own_address_is_limited() {
    let mut stage = Stage::new();
    let mut checks = Checks::default();
    stage.limit(&[limit(OWN, 0, 8000)]);
    checks.check("what has a floating IP is not", stage.outward() > 8_000_000);
    stage.cloud.drop_floating_ip(stage.router, FLOATING);
    stage.cloud.apply();
    checks.check(
        "what leaves under the router's own is",
        is_near(stage.outward(), 1_000_000),
    );
    checks.finish();
}
