use super::*;
use crate::network::NdpProxy;
use crate::network::address_scope::{self, AddressScopeSpec};
use crate::network::ndp_proxy::{self, NdpProxySpec, Words};
use crate::network::port::FixedIpSpec;
use crate::network::subnet_pool::{self, SubnetPoolSpec};
use crate::{PortId, RouterId, SubnetPoolId};

/// A provider network and one of `demo`'s in one address scope, with a router between them that may answer for ports.
struct Scene {
    world: World,
    public: NetworkId,
    outer: SubnetId,
    pool: SubnetPoolId,
    private: NetworkId,
    inner: SubnetId,
    router: RouterId,
}

fn pooled(pool: SubnetPoolId, cidr: &str) -> SubnetSpec {
    SubnetSpec {
        subnetpool_id: Some(pool),
        enable_dhcp: Some(false),
        ..of(cidr)
    }
}

fn pool(world: &mut World, prefix: &str) -> SubnetPoolId {
    let scope = AddressScopeSpec {
        ip_version: Some(6),
        shared: Some(true),
        ..AddressScopeSpec::default()
    };
    let scope = world.run(|tx| address_scope::create(tx, &admin(), scope)).unwrap().id;
    let spec = SubnetPoolSpec {
        prefixes: Some(vec![prefix.parse().unwrap()]),
        default_prefixlen: Some(64),
        shared: Some(true),
        address_scope_id: Some(Some(scope)),
        ..SubnetPoolSpec::default()
    };
    world.run(|tx| subnet_pool::create(tx, &admin(), spec)).unwrap().id
}

fn external(world: &mut World) -> NetworkId {
    let spec = NetworkSpec {
        external: Some(true),
        ..NetworkSpec::default()
    };
    world.network(&admin(), spec).id
}

fn scene() -> Scene {
    let mut world = World::new();
    let pool = pool(&mut world, "2001:db8::/48");
    let public = external(&mut world);
    let spec = pooled(pool, "2001:db8::/64");
    let outer = world.run(|tx| subnet::create(tx, &admin(), public, spec)).unwrap().id;
    let demo = member("demo");
    let private = world.network(&demo, NetworkSpec::default()).id;
    let spec = pooled(pool, "2001:db8:0:1::/64");
    let inner = world.run(|tx| subnet::create(tx, &demo, private, spec)).unwrap().id;
    let router = world.router(public, inner).id;
    Scene {
        world,
        public,
        outer,
        pool,
        private,
        inner,
        router,
    }
}

fn enable(on: bool) -> RouterSpec {
    RouterSpec {
        enable_ndp_proxy: Some(on),
        ..RouterSpec::default()
    }
}

fn way_out(network: Option<NetworkId>) -> RouterSpec {
    RouterSpec {
        gateway: Some(network.map(gateway)),
        ..RouterSpec::default()
    }
}

impl Scene {
    fn update(&mut self, spec: RouterSpec) -> Result<Arc<Router>> {
        let id = self.router;
        self.world.run(|tx| router::update(tx, &admin(), id, spec))
    }

    fn port(&mut self) -> Arc<Port> {
        self.world.port(&member("demo"), self.private, PortSpec::default())
    }

    fn spec(&self, port_id: PortId, ip_address: Option<&str>) -> NdpProxySpec {
        NdpProxySpec {
            project_id: None,
            words: Words::default(),
            router_id: self.router,
            port_id,
            ip_address: ip_address.map(ip),
        }
    }

    fn proxy(&mut self, port_id: PortId, ip_address: Option<&str>) -> Result<Arc<NdpProxy>> {
        let spec = self.spec(port_id, ip_address);
        self.world.run(|tx| ndp_proxy::create(tx, &member("demo"), spec))
    }

    fn count(&self) -> usize {
        let cloud = &self.world.cloud;
        let of_router = ndp_proxy::of_router(cloud, self.router).count();
        assert_eq!(of_router, cloud.ndp_proxies.len());
        of_router
    }
}

#[track_caller]
fn fails<T: std::fmt::Debug>(result: Result<T>, code: &str) {
    assert_eq!(result.unwrap_err().code, code);
}

#[test]
fn a_router_proxies_by_a_gateway_in_a_scope_with_an_ipv6_address() {
    let mut scene = scene();
    assert!(!scene.update(RouterSpec::default()).unwrap().enable_ndp_proxy, "off");
    assert!(scene.update(enable(true)).unwrap().enable_ndp_proxy);
    let rename = RouterSpec {
        name: Some("r".into()),
        ..RouterSpec::default()
    };
    assert!(scene.update(rename).unwrap().enable_ndp_proxy, "nobody asked");
    assert!(!scene.update(enable(false)).unwrap().enable_ndp_proxy);

    let both = RouterSpec {
        gateway: Some(None),
        ..enable(true)
    };
    fails(scene.update(both), "RouterGatewayNotValid");
    scene.update(enable(true)).unwrap();
    assert!(
        !scene.update(way_out(None)).unwrap().enable_ndp_proxy,
        "nothing to do it by"
    );
    fails(scene.update(enable(true)), "RouterGatewayNotValid");

    // Without a scope somebody else may have the same addresses.
    let unscoped = external(&mut scene.world);
    scene.world.subnet(&admin(), unscoped, "2001:db8:8::/64");
    let demo = member("demo");
    let new = RouterSpec {
        enable_ndp_proxy: Some(true),
        ..way_out(Some(unscoped))
    };
    fails(
        scene.world.run(|tx| router::create(tx, &demo, new.clone())),
        "RouterGatewayNotValid",
    );
    fails(scene.update(new), "RouterGatewayNotValid");
    let new = RouterSpec {
        enable_ndp_proxy: Some(true),
        ..way_out(Some(scene.public))
    };
    assert!(scene.update(new.clone()).unwrap().enable_ndp_proxy);
    assert!(
        !scene.update(way_out(Some(unscoped))).unwrap().enable_ndp_proxy,
        "moved"
    );
    let made = scene.world.run(|tx| router::create(tx, &demo, new)).unwrap();
    assert!(made.enable_ndp_proxy);
    fails(
        scene.world.run(|tx| router::create(tx, &demo, enable(true))),
        "RouterGatewayNotValid",
    );
}

#[test]
fn the_gateway_of_a_router_that_proxies_keeps_its_ipv6_address() {
    let mut scene = scene();
    let spec = SubnetSpec {
        enable_dhcp: Some(false),
        ..of("172.24.4.0/24")
    };
    let public = scene.public;
    let v4 = scene
        .world
        .run(|tx| subnet::create(tx, &admin(), public, spec))
        .unwrap()
        .id;
    let at = |subnet: SubnetId| RouterSpec {
        gateway: Some(Some(GatewaySpec {
            external_fixed_ips: Some(vec![FixedIpSpec {
                subnet_id: Some(subnet),
                ip_address: None,
            }]),
            ..gateway(public)
        })),
        ..RouterSpec::default()
    };
    scene.update(at(v4)).unwrap();
    fails(scene.update(enable(true)), "RouterGatewayNotValid");
    scene.update(at(scene.outer)).unwrap();
    scene.update(enable(true)).unwrap();
    fails(scene.update(at(v4)), "RouterIPv6GatewayInUse");
    assert!(scene.update(at(scene.outer)).unwrap().enable_ndp_proxy);
    scene.update(enable(false)).unwrap();
    scene.update(at(v4)).unwrap();
}

#[test]
fn only_what_the_router_reaches_is_proxied() {
    let mut scene = scene();
    let demo = member("demo");
    let port = scene.port();
    fails(scene.proxy(port.id, None), "RouterNDPProxyNotEnable");
    scene.update(enable(true)).unwrap();
    // A second IPv6 subnet that the router has no leg on, and one of IPv4.
    let private = scene.private;
    let aside = pooled(scene.pool, "2001:db8:0:2::/64");
    scene.world.run(|tx| subnet::create(tx, &demo, private, aside)).unwrap();
    let v4 = scene.world.subnet(&demo, private, "10.0.0.0/24").id;
    let at = |addresses: &[(Option<SubnetId>, Option<&str>)]| PortSpec {
        fixed_ips: Some(
            addresses
                .iter()
                .map(|(subnet_id, address)| FixedIpSpec {
                    subnet_id: *subnet_id,
                    ip_address: address.map(ip),
                })
                .collect(),
        ),
        ..PortSpec::default()
    };
    let far = scene.world.port(&demo, private, at(&[(None, Some("2001:db8:0:2::9"))]));
    fails(scene.proxy(far.id, None), "PortUnreachableRouter");
    let both = at(&[(None, Some("2001:db8:0:2::8")), (Some(scene.inner), None)]);
    let both = scene.world.port(&demo, private, both);
    let old = scene.world.port(&demo, private, at(&[(Some(v4), None)]));
    fails(scene.proxy(old.id, None), "BadRequest");
    fails(scene.proxy(both.id, Some("2001:db8:0:1::99")), "InvalidAddress");
    fails(scene.proxy(both.id, Some("2001:db8:0:2::8")), "InvalidAddress");
    fails(scene.proxy(old.id, Some("10.0.0.1")), "BadRequest");
    fails(scene.proxy(both.id, Some("10.0.0.1")), "InvalidAddress");
    let made = scene.proxy(both.id, None).unwrap();
    let reached = both.fixed_ips.iter().find(|fixed| fixed.subnet_id == scene.inner);
    assert_eq!(IpAddr::V6(made.ip_address), reached.unwrap().ip_address);
    fails(scene.proxy(both.id, None), "NeutronDbObjectDuplicateEntry");
    assert_eq!(made.standard.project_id, ProjectId::from("demo"));

    let (other, _) = scene.world.private("2001:db8:9::/64");
    let stranger = scene.world.port(&demo, other, PortSpec::default());
    fails(scene.proxy(stranger.id, None), "PortUnreachableRouter");
    let guest = member("guest");
    let spec = scene.spec(port.id, None);
    fails(
        scene.world.run(|tx| ndp_proxy::create(tx, &guest, spec)),
        "RouterNotFound",
    );
    let id = made.id;
    fails(
        scene
            .world
            .run(|tx| ndp_proxy::update(tx, &guest, id, Words::default())),
        "NDPProxyNotFound",
    );
    fails(
        scene.world.run(|tx| ndp_proxy::delete(tx, &guest, id)),
        "NDPProxyNotFound",
    );
    let words = Words {
        name: Some("web".into()),
        description: None,
    };
    let changed = scene.world.run(|tx| ndp_proxy::update(tx, &demo, id, words)).unwrap();
    assert_eq!(
        (changed.standard.name.as_str(), changed.ip_address),
        ("web", made.ip_address)
    );
    assert!(changed.standard.revision_number > made.standard.revision_number);
}

#[test]
fn only_within_a_scope() {
    let mut scene = scene();
    scene.update(enable(true)).unwrap();
    let demo = member("demo");
    let (unscoped, subnet) = scene.world.private("2001:db8:9::/64");
    let other_pool = pool(&mut scene.world, "2001:db8:a::/48");
    let scoped = scene.world.network(&demo, NetworkSpec::default()).id;
    let spec = pooled(other_pool, "2001:db8:a::/64");
    let other = scene
        .world
        .run(|tx| subnet::create(tx, &demo, scoped, spec))
        .unwrap()
        .id;
    let router = scene.router;
    for (network, subnet) in [(unscoped, subnet), (scoped, other)] {
        scene
            .world
            .run(|tx| router::add_interface(tx, &demo, router, by_subnet(subnet)))
            .unwrap();
        let port = scene.world.port(&demo, network, PortSpec::default());
        fails(scene.proxy(port.id, None), "AddressScopeConflict");
    }
}

#[test]
fn what_a_proxy_needs_stays_while_it_is_there() {
    let mut scene = scene();
    scene.update(enable(true)).unwrap();
    let port = scene.port();
    let proxy = scene.proxy(port.id, None).unwrap();
    fails(scene.update(way_out(None)), "RouterGatewayInUseByNDPProxy");
    let (demo, router, inner) = (member("demo"), scene.router, scene.inner);
    let leave = |tx: &mut Tx<'_>| router::remove_interface(tx, &demo, router, by_subnet(inner));
    fails(scene.world.run(leave), "RouterInterfaceInUseByNDPProxy");
    // It rests while the router does not proxy.
    scene.update(enable(false)).unwrap();
    assert_eq!(scene.count(), 1);
    fails(scene.update(way_out(None)), "RouterGatewayInUseByNDPProxy");
    scene.world.run(|tx| ndp_proxy::delete(tx, &demo, proxy.id)).unwrap();
    scene.update(way_out(None)).unwrap();
    scene.world.run(leave).unwrap();
}

#[test]
fn a_proxy_goes_with_its_address() {
    let mut scene = scene();
    scene.update(enable(true)).unwrap();
    let demo = member("demo");
    let (one, two) = (scene.port(), scene.port());
    for port in [&one, &two] {
        scene.proxy(port.id, None).unwrap();
    }
    scene.world.run(|tx| port::delete(tx, &demo, one.id)).unwrap();
    assert_eq!(scene.count(), 1);
    let named = |name: &str| PortSpec {
        name: Some(name.to_owned()),
        ..PortSpec::default()
    };
    scene
        .world
        .run(|tx| port::update(tx, &demo, two.id, named("two")))
        .unwrap();
    assert_eq!(scene.count(), 1);
    let moved = PortSpec {
        fixed_ips: Some(vec![FixedIpSpec {
            subnet_id: Some(scene.inner),
            ip_address: Some(ip("2001:db8:0:1::77")),
        }]),
        ..PortSpec::default()
    };
    scene.world.run(|tx| port::update(tx, &demo, two.id, moved)).unwrap();
    assert_eq!(scene.count(), 0);
    scene.proxy(two.id, Some("2001:db8:0:1::77")).unwrap();
}

#[test]
fn a_router_stored_before_there_were_proxies_has_none() {
    let mut scene = scene();
    let router = scene.update(enable(true)).unwrap();
    let mut stored = serde_json::to_value(&*router).unwrap();
    assert_eq!(stored["enable_ndp_proxy"], true);
    stored.as_object_mut().unwrap().remove("enable_ndp_proxy");
    let loaded: Router = serde_json::from_value(stored).unwrap();
    assert!(!loaded.enable_ndp_proxy);
}
