//! NDP proxies on real traffic: a neighbour on the provider network finds a server behind a router as if it were there.
#![allow(clippy::unwrap_used)]

mod network_common;

use std::net::IpAddr;

use linux::netlink::{AddressFlags, Proxy, Route as KernelRoute, Rtnl, Veth, VethEnd};
use linux::nft::Nft;
use linux::{Netns, sysctl};
use model::RouterId;
use model::host::*;
use network_common::probe::*;
use network_common::*;
use node::network::names::gateway_device;

const OWN: &str = "2001:db8::10";
const SETTING: &str = "net/ipv6/conf/all/proxy_ndp";

/// Two servers behind a router, and a neighbour of the router's who takes all of 2001:db8::/48 to be on its own link.
struct Stage {
    cloud: Cloud,
    router: RouterId,
    a: IpAddr,
    b: IpAddr,
    neighbour: Netns,
}

impl Stage {
    fn new() -> Self {
        let mut cloud = Cloud::new();
        let public = cloud.external("br-ex", &["2001:db8::1/64"]);
        let network = cloud.network(&["10.1.0.0/24", "2001:db8:0:1::/64"]);
        let icmp = ProtocolMatch::Icmp { kind: None, code: None };
        let group = cloud.group(network, with(all_out(), [allow_in6(icmp)]));
        let [a, b] = [10, 11].map(|number| cloud.vm(network, number, &[group]).ip6.unwrap());
        let own = format!("{OWN}/64");
        let router = cloud.router(&[network], Some((public, &[&own], &["2001:db8::1"])));
        cloud.apply();
        let neighbour = neighbour(&mut cloud);
        let stage = Self {
            cloud,
            router,
            a,
            b,
            neighbour,
        };
        stage.answer_at_once();
        stage
    }

    /// A proxy lets others answer first, for up to 0.8 s: too long to watch for what should not come.
    fn answer_at_once(&self) {
        let key = format!("net/ipv6/neigh/{}/proxy_delay", self.gateway());
        sysctl::write(&self.router_ns(), &[(&key, "0")]).unwrap();
    }

    fn gateway(&self) -> String {
        let gateway = self.cloud.config.routers[&self.router].gateway.as_ref().unwrap();
        gateway_device(gateway.port_id)
    }

    /// What the router answers for from now on.
    fn proxy(&mut self, proxied: Option<&[IpAddr]>) {
        let six = |address: &IpAddr| match address {
            IpAddr::V6(address) => *address,
            IpAddr::V4(_) => panic!("not an IPv6 address"),
        };
        let proxied = proxied.map(|addresses| addresses.iter().map(six).collect());
        self.cloud
            .edit_router(self.router, |router| router.ndp_proxies = proxied);
        self.cloud.apply();
    }

    fn router_ns(&self) -> Netns {
        self.cloud.part.router_netns(self.router).unwrap()
    }

    fn router_nl(&self) -> Rtnl {
        Rtnl::open(&self.router_ns()).unwrap()
    }

    /// The entry of the router's gateway for an address.
    fn entry(&self, address: IpAddr) -> Proxy {
        Proxy {
            link: self.router_nl().link(&self.gateway()).unwrap().index,
            address,
        }
    }

    /// Whether the neighbour, asking anew where it is, reaches an address.
    fn finds(&self, address: IpAddr, expected: bool) -> bool {
        let mut nl = Rtnl::open(&self.neighbour).unwrap();
        let link = nl.link("eth0").unwrap().index;
        nl.delete_neighbour(link, address).unwrap();
        ping(&self.neighbour, address, expected)
    }

    fn has_table(&self) -> bool {
        let nft = Nft::open(&self.router_ns()).unwrap();
        nft.run("list table ip6 dpr6\n").is_ok()
    }
}

/// Somebody on the provider network, beside the host.
fn neighbour(cloud: &mut Cloud) -> Netns {
    let (_, place) = cloud.place();
    let mut host = Rtnl::open(&cloud.host).unwrap();
    let end = |name| VethEnd {
        name,
        mac: None,
        group: None,
    };
    let veth = Veth {
        near: end("beside"),
        master: Some(host.link("br-ex").unwrap().index),
        far: end("eth0"),
        far_netns: Some(&place),
        mtu: None,
    };
    host.create_veth(&veth).unwrap();
    let mut nl = Rtnl::open(&place).unwrap();
    let far = nl.link("eth0").unwrap().index;
    nl.set_up(far).unwrap();
    let flags = AddressFlags {
        no_dad: true,
        ..AddressFlags::default()
    };
    nl.add_address(far, net("2001:db8::99/48"), flags).unwrap();
    place
}

#[test]
fn a_neighbour_finds_what_is_proxied_and_nothing_else() {
    let mut stage = Stage::new();
    let (a, b) = (stage.a, stage.b);
    let mut checks = Checks::default();
    checks.check("the router itself is there", stage.finds(OWN.parse().unwrap(), true));
    checks.check("nobody behind it is", !stage.finds(a, false) && !stage.finds(b, false));

    stage.proxy(Some(&[a]));
    checks.check("who is proxied is found", stage.finds(a, true));
    checks.check("who is not is not", !stage.finds(b, false));
    // By the router itself, not by asking for the address.
    for address in [a, b] {
        let route = KernelRoute::via(net(&address.to_string()), OWN.parse().unwrap(), None);
        Rtnl::open(&stage.neighbour).unwrap().add_route(&route).unwrap();
    }
    checks.check("nor reached through the router", !stage.finds(b, false));
    checks.check("as the one who is", stage.finds(a, true));
    stage.proxy(Some(&[b]));
    checks.check("another one: reached", stage.finds(b, true));
    checks.check("the first no longer", !stage.finds(a, false));
    let entries = stage.router_nl().proxies().unwrap();
    checks.check("with one entry", entries == [stage.entry(b)]);

    stage.cloud.restart();
    stage.proxy(None);
    checks.check(
        "switched off: routed as ever",
        stage.finds(a, true) && stage.finds(b, true),
    );
    let entries = stage.router_nl().proxies().unwrap();
    checks.check("with no entry left", entries.is_empty());
    checks.check("and no table", !stage.has_table());
    checks.finish();
}

#[test]
fn a_router_that_is_down_answers_for_nobody() {
    let mut stage = Stage::new();
    let a = stage.a;
    stage.proxy(Some(&[a]));
    let router = stage.router;
    let up = |stage: &mut Stage, up| {
        stage.cloud.edit_router(router, |router| router.admin_state_up = up);
        stage.cloud.apply_anyhow();
    };
    up(&mut stage, false);
    assert_eq!(stage.router_nl().proxies().unwrap(), []);
    assert!(stage.cloud.part.audit().is_empty());
    up(&mut stage, true);
    assert!(stage.finds(a, true));
}

#[test]
fn what_a_person_takes_away_or_adds_is_put_right() {
    let mut stage = Stage::new();
    let (a, b) = (stage.a, stage.b);
    stage.proxy(Some(&[a]));
    assert!(stage.finds(a, true));
    let settled = |stage: &mut Stage| (0..3).any(|_| stage.cloud.part.audit().is_empty());
    assert!(settled(&mut stage));

    assert!(stage.router_nl().delete_proxy(stage.entry(a)).unwrap());
    let found = stage.cloud.part.audit();
    assert!(found.len() == 1 && found[0].contains(&a.to_string()), "{found:?}");
    assert!(stage.finds(a, true));

    stage.router_nl().add_proxy(stage.entry(b)).unwrap();
    let found = stage.cloud.part.audit();
    assert!(found.len() == 1 && found[0].contains(&b.to_string()), "{found:?}");
    assert_eq!(stage.router_nl().proxies().unwrap(), [stage.entry(a)]);

    sysctl::write(&stage.router_ns(), &[(SETTING, "0")]).unwrap();
    let found: Vec<String> = (0..12).flat_map(|_| stage.cloud.part.audit()).collect();
    assert!(found.len() == 1 && found[0].contains(SETTING), "{found:?}");
    assert!(stage.finds(a, true));

    Nft::open(&stage.router_ns())
        .unwrap()
        .run("delete table ip6 dpr6")
        .unwrap();
    let found = stage.cloud.part.audit();
    assert!(found.len() == 1 && found[0].contains("ruleset"), "{found:?}");
    assert!(stage.has_table());

    // The device goes with its entries.
    delete_link(&stage.router_ns(), &stage.gateway());
    stage.cloud.part.audit();
    stage.answer_at_once();
    assert!(stage.finds(a, true));
    assert!(!stage.finds(b, false));
    assert!(stage.cloud.part.audit().is_empty());
}
