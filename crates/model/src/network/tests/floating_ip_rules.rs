use super::*;
use crate::network::floating_ip::{self, FloatingIpSpec};
use crate::network::{FloatingIp, Status};
use crate::{ErrorKind, PortId};

fn to(port_id: Option<PortId>) -> FloatingIpSpec {
    FloatingIpSpec {
        port_id: Some(port_id),
        ..FloatingIpSpec::default()
    }
}

struct Scene {
    world: World,
    public: NetworkId,
    private: NetworkId,
    subnet: SubnetId,
    router: Arc<Router>,
    port: Arc<Port>,
}

fn scene() -> Scene {
    let mut world = World::new();
    let (public, _) = world.public("172.24.4.0/24");
    let (private, subnet) = world.private("10.0.0.0/24");
    let router = world.router(public, subnet);
    let port = world.port(&member("demo"), private, PortSpec::default());
    Scene {
        world,
        public,
        private,
        subnet,
        router,
        port,
    }
}

#[test]
fn a_floating_ip_leads_to_a_port_through_its_router() {
    let Scene {
        mut world,
        public,
        port,
        router,
        ..
    } = scene();
    let demo = member("demo");
    let fip = world
        .run(|tx| floating_ip::create(tx, &demo, public, FloatingIpSpec::default()))
        .unwrap();
    assert_eq!((fip.port_id, fip.status), (None, Status::Down));
    let holder = world.cloud.get::<Port>(&fip.floating_port_id).unwrap();
    assert_eq!(holder.device_id, fip.id.to_string());
    assert!(
        !crate::network::Resource::visible_to(&*holder, &world.cloud, &demo),
        "the holder is nobody's"
    );
    let fip = world
        .run(|tx| floating_ip::update(tx, &demo, fip.id, to(Some(port.id))))
        .unwrap();
    assert_eq!((fip.port_id, fip.router_id), (Some(port.id), Some(router.id)));
    assert_eq!(fip.fixed_ip_address.map(IpAddr::V4), Some(port.fixed_ips[0].ip_address));
    // Nothing said about the port: it stays.
    let same = FloatingIpSpec {
        description: Some("x".into()),
        ..FloatingIpSpec::default()
    };
    assert_eq!(
        world
            .run(|tx| floating_ip::update(tx, &demo, fip.id, same))
            .unwrap()
            .port_id,
        Some(port.id)
    );
    let fip = world
        .run(|tx| floating_ip::update(tx, &demo, fip.id, to(None)))
        .unwrap();
    assert_eq!((fip.port_id, fip.router_id, fip.fixed_ip_address), (None, None, None));
    world.run(|tx| floating_ip::delete(tx, &demo, fip.id)).unwrap();
    assert!(world.cloud.ports.get(&fip.floating_port_id).is_none());
}

#[test]
fn without_a_way_it_says_what_to_do() {
    let Scene { mut world, public, .. } = scene();
    let demo = member("demo");
    let (island, _) = world.private("10.5.0.0/24");
    let port = world.port(&demo, island, PortSpec::default());
    let error = world
        .run(|tx| floating_ip::create(tx, &demo, public, to(Some(port.id))))
        .unwrap_err();
    assert_eq!(
        (error.kind, error.code),
        (ErrorKind::NotFound, "ExternalGatewayForFloatingIPNotFound")
    );
    assert!(error.message.contains("is not reachable from subnet"), "{error}");
    assert!(error.message.contains("openstack router add subnet"), "{error}");
    assert_eq!(world.cloud.floating_ips.len(), 0, "nothing half-made stays");
}

#[test]
fn an_address_inside_has_one_outside() {
    let Scene {
        mut world,
        public,
        private,
        port,
        ..
    } = scene();
    let demo = member("demo");
    world
        .run(|tx| floating_ip::create(tx, &demo, public, to(Some(port.id))))
        .unwrap();
    assert_eq!(
        world.fails(|tx| floating_ip::create(tx, &demo, public, to(Some(port.id)))),
        "FloatingIPPortAlreadyAssociated"
    );
    let two = PortSpec {
        fixed_ips: Some(
            ["10.0.0.50", "10.0.0.51"]
                .map(|a| crate::network::port::FixedIpSpec {
                    subnet_id: None,
                    ip_address: Some(ip(a)),
                })
                .to_vec(),
        ),
        ..PortSpec::default()
    };
    let port = world.port(&demo, private, two);
    assert_eq!(
        world.fails(|tx| floating_ip::create(tx, &demo, public, to(Some(port.id)))),
        "BadRequest"
    );
    let at = |a: &str| FloatingIpSpec {
        fixed_ip_address: Some(ip(a)),
        ..to(Some(port.id))
    };
    for a in ["10.0.0.50", "10.0.0.51"] {
        let fip = world.run(|tx| floating_ip::create(tx, &demo, public, at(a))).unwrap();
        assert_eq!(fip.fixed_ip_address.map(IpAddr::V4), Some(ip(a)));
    }
    assert_eq!(
        world.fails(|tx| floating_ip::create(tx, &demo, public, at("10.0.0.52"))),
        "BadRequest"
    );
    assert_eq!(
        world.fails(|tx| floating_ip::create(tx, &demo, public, at("fd00::1"))),
        "BadRequest"
    );
}

#[test]
fn what_it_needs_stays_while_it_is_needed() {
    let Scene {
        mut world,
        public,
        subnet,
        router,
        port,
        ..
    } = scene();
    let demo = member("demo");
    let fip = world
        .run(|tx| floating_ip::create(tx, &demo, public, to(Some(port.id))))
        .unwrap();
    let no_gateway = RouterSpec {
        gateway: Some(None),
        ..RouterSpec::default()
    };
    assert_eq!(
        world.fails(|tx| router::update(tx, &demo, router.id, no_gateway)),
        "RouterExternalGatewayInUseByFloatingIp"
    );
    assert_eq!(
        world.fails(|tx| router::remove_interface(tx, &demo, router.id, by_subnet(subnet))),
        "RouterInterfaceInUseByFloatingIP"
    );
    // Losing the address, or the port, lets it lead nowhere.
    let none = PortSpec {
        fixed_ips: Some(vec![]),
        ..PortSpec::default()
    };
    world.run(|tx| port::update(tx, &demo, port.id, none)).unwrap();
    assert_eq!(world.cloud.get::<FloatingIp>(&fip.id).unwrap().port_id, None);
    let port = world.port(&demo, port.network_id, PortSpec::default());
    world
        .run(|tx| floating_ip::update(tx, &demo, fip.id, to(Some(port.id))))
        .unwrap();
    world.run(|tx| port::delete(tx, &demo, port.id)).unwrap();
    let fip = world.cloud.get::<FloatingIp>(&fip.id).unwrap();
    assert_eq!((fip.port_id, fip.router_id), (None, None));
    world
        .run(|tx| router::remove_interface(tx, &demo, router.id, by_subnet(subnet)))
        .unwrap();
}

#[test]
fn who_may_what() {
    let Scene {
        mut world,
        public,
        private,
        port,
        ..
    } = scene();
    let demo = member("demo");
    let chosen = FloatingIpSpec {
        floating_ip_address: Some(ip("172.24.4.200")),
        ..FloatingIpSpec::default()
    };
    assert_eq!(
        world.fails(|tx| floating_ip::create(tx, &demo, public, chosen.clone())),
        "PolicyNotAuthorized"
    );
    let fip = world
        .run(|tx| floating_ip::create(tx, &admin(), public, chosen.clone()))
        .unwrap();
    assert_eq!(IpAddr::V4(fip.floating_ip_address), ip("172.24.4.200"));
    assert_eq!(
        world.fails(|tx| floating_ip::create(tx, &admin(), public, chosen)),
        "IpAddressAlreadyAllocated"
    );
    assert_eq!(
        world.fails(|tx| floating_ip::update(tx, &demo, fip.id, to(None))),
        "FloatingIPNotFound"
    );
    let other = member("other");
    assert_eq!(
        world.fails(|tx| floating_ip::create(tx, &other, public, to(Some(port.id)))),
        "PortNotFound"
    );
    assert_eq!(
        world.fails(|tx| floating_ip::create(tx, &demo, private, to(None))),
        "BadRequest"
    );
}

#[test]
fn an_exhausted_pool_says_so() {
    let mut world = World::new();
    let (public, _) = world.public("172.24.4.0/29");
    for _ in 0..5 {
        world
            .run(|tx| floating_ip::create(tx, &member("demo"), public, to(None)))
            .unwrap();
    }
    assert_eq!(
        world.fails(|tx| floating_ip::create(tx, &member("demo"), public, to(None))),
        "IpAddressGenerationFailure"
    );
}

#[test]
fn a_provider_network_takes_its_idle_floating_ips_with_it() {
    let Scene { mut world, port, .. } = scene();
    let demo = member("demo");
    let (other, _) = world.public("172.25.0.0/24");
    world.run(|tx| floating_ip::create(tx, &demo, other, to(None))).unwrap();
    world.run(|tx| network::delete(tx, &admin(), other)).unwrap();
    assert!(world.cloud.floating_ips.is_empty());
    let _ = port;
}
