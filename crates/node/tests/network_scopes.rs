//! Address scopes on real traffic: what is routed, what is not, and what is not translated.
#![allow(clippy::unwrap_used)]

mod network_common;

use std::net::IpAddr;

use linux::Netns;
use linux::netlink::{Route as KernelRoute, Rtnl};
use model::AddressScopeId;
use model::host::*;
use network_common::probe::*;
use network_common::*;

/// The address under which a connection from one namespace arrives at another.
fn seen_as(from: &Netns, to: &Netns, address: &str, port: u16) -> Option<IpAddr> {
    let listener = listen(to, &format!("0.0.0.0:{port}"));
    let _stream = connect(from, &format!("{address}:{port}"), true)?;
    Some(listener.accept().unwrap().1.ip())
}

#[test]
fn what_is_in_one_scope_is_routed_and_what_is_in_two_is_not() {
    let mut cloud = Cloud::new();
    let public = cloud.external("br-ex", &["172.24.4.1/24"]);
    let networks = [
        cloud.network(&["10.1.0.0/24", "fd00:1::/64"]),
        cloud.network(&["10.2.0.0/24", "fd00:2::/64"]),
    ];
    let rules = with(all_out(), [allow_in(ports(6, 22, 22)), allow_in6(ports(6, 22, 22))]);
    let groups = networks.map(|network| cloud.group(network, rules.clone()));
    let a = cloud.vm(networks[0], 10, &[groups[0]]);
    let b = cloud.vm(networks[1], 10, &[groups[1]]);
    let router = cloud.router(&networks, Some((public, &["172.24.4.10/24"], &["172.24.4.1"])));
    cloud.apply();
    let host = cloud.host.clone();
    let route = KernelRoute::via("10.1.0.0/24".parse().unwrap(), "172.24.4.10".parse().unwrap(), None);
    Rtnl::open(&host).unwrap().add_route(&route).unwrap();
    let mut checks = Checks::default();
    checks.check("without scopes: routed", tcp(&a.ns, &b.ns, b.ip, 22, true));
    checks.check(
        "without scopes: translated on the way out",
        seen_as(&a.ns, &host, "172.24.4.1", 80) == Some("172.24.4.10".parse().unwrap()),
    );

    let (one, two) = (AddressScopeId(fresh()), AddressScopeId(fresh()));
    let scoped = |v4, v6| Scopes { v4, v6 };
    cloud.edit_router(router, |router| {
        let (first, second) = (router.legs[0].port_id, router.legs[1].port_id);
        let gateway = router.gateway.as_ref().unwrap().port_id;
        router.scopes.insert(first, scoped(Some(one), Some(two)));
        router.scopes.insert(second, scoped(Some(two), None));
        router.scopes.insert(gateway, scoped(Some(one), None));
    });
    cloud.apply();
    checks.check("two scopes: not routed", !tcp(&a.ns, &b.ns, b.ip, 22, false));
    checks.check("nor back", !tcp(&b.ns, &a.ns, a.ip, 22, false));
    checks.check("nor IPv6", !tcp(&a.ns, &b.ns, b.ip6.unwrap(), 22, false));
    checks.check("nor IPv6 back", !tcp(&b.ns, &a.ns, a.ip6.unwrap(), 22, false));
    checks.check(
        "the provider's scope: not translated",
        seen_as(&a.ns, &host, "172.24.4.1", 80) == Some(a.ip),
    );
    checks.check("and reached from outside", tcp(&host, &a.ns, a.ip, 22, true));
    checks.check(
        "another scope: translated",
        seen_as(&b.ns, &host, "172.24.4.1", 80) == Some("172.24.4.10".parse().unwrap()),
    );
    cloud.floating_ip(router, "172.24.4.51", &b);
    cloud.apply();
    checks.check("and reached by floating IP", tcp_to(&host, &b.ns, "172.24.4.51:22"));
    checks.check("also from the other scope", tcp_to(&a.ns, &b.ns, "172.24.4.51:22"));

    cloud.edit_router(router, |router| router.scopes.clear());
    cloud.apply();
    checks.check("scopes taken away: routed", tcp(&a.ns, &b.ns, b.ip, 22, true));
    checks.check("IPv6, too", tcp(&a.ns, &b.ns, b.ip6.unwrap(), 22, true));
    checks.finish();
}

/// Whether a connection to an address that is translated arrives.
fn tcp_to(from: &Netns, to: &Netns, address: &str) -> bool {
    let _listener = listen(to, "0.0.0.0:22");
    connect(from, address, true).is_some()
}
