use super::*;
use crate::host::Ipv6Mode;
use crate::host::Route;
use crate::network::port::FixedIpSpec;
use crate::network::{device_owner, security_group};

fn routes(pairs: &[(&str, &str)]) -> Vec<Route> {
    pairs
        .iter()
        .map(|(destination, nexthop)| Route {
            destination: destination.parse().unwrap(),
            nexthop: ip(nexthop),
        })
        .collect()
}

#[test]
fn a_gateway_takes_an_address_and_gives_it_back() {
    let mut world = World::new();
    let demo = member("demo");
    let (public, _) = world.public("172.24.4.0/24");
    let (private, subnet) = world.private("10.0.0.0/24");
    let router = world.router(public, subnet);
    let port = router::gateway_port(&world.cloud, &world.cloud.get(&router.id).unwrap())
        .unwrap()
        .clone();
    assert_eq!(
        (port.device_owner.as_str(), port.standard.project_id.as_str()),
        (device_owner::ROUTER_GATEWAY, "")
    );
    assert_eq!(port.fixed_ips[0].ip_address, ip("172.24.4.2"));
    let set = |gateway| RouterSpec {
        gateway: Some(gateway),
        ..RouterSpec::default()
    };
    assert_eq!(
        world.fails(|tx| router::update(tx, &demo, router.id, set(Some(gateway(private))))),
        "NetworkNotFound".replace("NetworkNotFound", "BadRequest")
    );
    world.run(|tx| router::update(tx, &demo, router.id, set(None))).unwrap();
    assert!(world.cloud.ports.get(&port.id).is_none());
    assert!(world.cloud.get::<Router>(&router.id).unwrap().gateway.is_none());
}

#[test]
fn only_an_administrator_chooses_the_gateways_address() {
    let mut world = World::new();
    let demo = member("demo");
    let (public, outer) = world.public("172.24.4.0/24");
    let wanted = GatewaySpec {
        external_fixed_ips: Some(vec![FixedIpSpec {
            subnet_id: Some(outer),
            ip_address: Some(ip("172.24.4.99")),
        }]),
        ..gateway(public)
    };
    let spec = |gateway: &GatewaySpec| RouterSpec {
        gateway: Some(Some(gateway.clone())),
        ..RouterSpec::default()
    };
    assert_eq!(
        world.fails(|tx| router::create(tx, &demo, spec(&wanted))),
        "PolicyNotAuthorized"
    );
    let no_snat = GatewaySpec {
        enable_snat: Some(false),
        ..gateway(public)
    };
    assert_eq!(
        world.fails(|tx| router::create(tx, &demo, spec(&no_snat))),
        "PolicyNotAuthorized"
    );
    let router = world.run(|tx| router::create(tx, &admin(), spec(&wanted))).unwrap();
    let address = |world: &World| {
        router::gateway_port(&world.cloud, &world.cloud.get(&router.id).unwrap())
            .unwrap()
            .fixed_ips[0]
            .ip_address
    };
    assert_eq!(address(&world), ip("172.24.4.99"));
    let other = GatewaySpec {
        external_fixed_ips: Some(vec![FixedIpSpec {
            subnet_id: Some(outer),
            ip_address: Some(ip("172.24.4.98")),
        }]),
        ..no_snat
    };
    let after = world
        .run(|tx| router::update(tx, &admin(), router.id, spec(&other)))
        .unwrap();
    assert_eq!(
        (address(&world), after.gateway.as_ref().unwrap().enable_snat),
        (ip("172.24.4.98"), false)
    );
    let own = GatewaySpec {
        external_fixed_ips: Some(vec![FixedIpSpec {
            subnet_id: None,
            ip_address: Some(ip("172.24.4.1")),
        }]),
        ..gateway(public)
    };
    assert_eq!(world.fails(|tx| router::create(tx, &admin(), spec(&own))), "BadRequest");
}

#[test]
fn interfaces_come_by_subnet_and_by_port() {
    let mut world = World::new();
    let demo = member("demo");
    let (network, subnet) = world.private("10.0.0.0/24");
    let (_, same) = world.private("10.0.0.0/25");
    let (other_network, other) = world.private("10.1.0.0/24");
    let router = world
        .run(|tx| router::create(tx, &demo, RouterSpec::default()))
        .unwrap()
        .id;
    let add = |world: &mut World, spec| world.run(|tx| router::add_interface(tx, &demo, router, spec));
    let leg = add(&mut world, by_subnet(subnet)).unwrap();
    assert_eq!((leg.network_id, leg.subnet_ids.clone()), (network, vec![subnet]));
    assert_eq!(
        world.cloud.get::<Port>(&leg.port_id).unwrap().fixed_ips[0].ip_address,
        ip("10.0.0.1")
    );
    assert_eq!(add(&mut world, by_subnet(subnet)).unwrap_err().code, "BadRequest");
    assert_eq!(
        add(&mut world, by_subnet(same)).unwrap_err().code,
        "BadRequest",
        "overlapping"
    );
    let port = world.port(&demo, other_network, PortSpec::default());
    let by_port = InterfaceSpec {
        subnet_id: None,
        port_id: Some(port.id),
    };
    let leg = add(&mut world, by_port).unwrap();
    assert_eq!(leg.subnet_ids, [other]);
    let leg = world.cloud.get::<Port>(&port.id).unwrap();
    assert!(leg.security_groups.is_empty() && leg.is_router_owned());
    assert_eq!(add(&mut world, by_port).unwrap_err().code, "PortInUse");
    let both = InterfaceSpec {
        subnet_id: Some(other),
        port_id: Some(port.id),
    };
    assert_eq!(add(&mut world, both).unwrap_err().code, "BadRequest");
    assert_eq!(world.fails(|tx| router::delete(tx, &demo, router)), "RouterInUse");
    world
        .run(|tx| router::remove_interface(tx, &demo, router, by_port))
        .unwrap();
    assert!(world.cloud.ports.get(&port.id).is_none());
    assert_eq!(
        world.fails(|tx| router::remove_interface(tx, &demo, router, by_port)),
        "RouterInterfaceNotFound"
    );
    world
        .run(|tx| router::remove_interface(tx, &demo, router, by_subnet(subnet)))
        .unwrap();
    assert_eq!(
        world.fails(|tx| router::remove_interface(tx, &demo, router, by_subnet(subnet))),
        "RouterInterfaceNotFoundForSubnet"
    );
    world.run(|tx| router::delete(tx, &demo, router)).unwrap();
}

#[test]
fn ipv6_prefixes_of_a_network_share_a_leg() {
    let mut world = World::new();
    let demo = member("demo");
    let network = world.network(&demo, NetworkSpec::default()).id;
    let subnets: Vec<_> = ["fd00:1::/64", "fd00:2::/64"]
        .map(|cidr| world.subnet(&demo, network, cidr).id)
        .into();
    let router = world
        .run(|tx| router::create(tx, &demo, RouterSpec::default()))
        .unwrap()
        .id;
    let legs: Vec<_> = subnets
        .iter()
        .map(|id| {
            world
                .run(|tx| router::add_interface(tx, &demo, router, by_subnet(*id)))
                .unwrap()
                .port_id
        })
        .collect();
    assert_eq!(legs[0], legs[1]);
    world
        .run(|tx| router::remove_interface(tx, &demo, router, by_subnet(subnets[0])))
        .unwrap();
    let leg = world.cloud.get::<Port>(&legs[0]).unwrap();
    assert_eq!(leg.fixed_ips.len(), 1);
    world
        .run(|tx| router::remove_interface(tx, &demo, router, by_subnet(subnets[1])))
        .unwrap();
    assert!(world.cloud.ports.get(&legs[0]).is_none());
}

#[test]
fn what_can_not_be_a_leg_is_refused() {
    let mut world = World::new();
    let demo = member("demo");
    let (_, outer) = world.public("172.24.4.0/24");
    let router = world
        .run(|tx| router::create(tx, &demo, RouterSpec::default()))
        .unwrap()
        .id;
    assert_eq!(
        world.fails(|tx| router::add_interface(tx, &demo, router, by_subnet(outer))),
        "BadRequest"
    );
    assert_eq!(
        world.fails(|tx| router::add_interface(tx, &admin(), router, by_subnet(outer))),
        "BadRequest"
    );
    let network = world.network(&demo, NetworkSpec::default()).id;
    let spec = SubnetSpec {
        gateway_ip: Some(None),
        ..of("10.0.0.0/24")
    };
    let no_gateway = world.run(|tx| subnet::create(tx, &demo, network, spec)).unwrap().id;
    assert_eq!(
        world.fails(|tx| router::add_interface(tx, &demo, router, by_subnet(no_gateway))),
        "BadRequest"
    );
    assert_eq!(
        world.fails(|tx| router::add_interface(tx, &demo, router, InterfaceSpec::default())),
        "BadRequest"
    );
    let empty = world.network(&demo, NetworkSpec::default()).id;
    let bare = world.port(&demo, empty, PortSpec::default()).id;
    let by_port = InterfaceSpec {
        subnet_id: None,
        port_id: Some(bare),
    };
    assert_eq!(
        world.fails(|tx| router::add_interface(tx, &demo, router, by_port)),
        "BadRequest"
    );
    let _ = security_group::default_of(&world.cloud, &"demo".into());
}

#[test]
fn extra_routes_lead_to_neighbours() {
    let mut world = World::new();
    let demo = member("demo");
    let (public, _) = world.public("172.24.4.0/24");
    let (_, subnet) = world.private("10.0.0.0/24");
    let router = world.router(public, subnet).id;
    let set = |pairs: &[(&str, &str)]| RouterSpec {
        routes: Some(routes(pairs)),
        ..RouterSpec::default()
    };
    for bad in [
        ("10.9.0.0/24", "10.7.0.1"),
        ("10.9.0.0/24", "10.0.0.1"),
        ("fd00::/64", "10.0.0.9"),
    ] {
        assert_eq!(
            world.fails(|tx| router::update(tx, &demo, router, set(&[bad]))),
            "InvalidRoutes",
            "{bad:?}"
        );
    }
    let many: Vec<(String, &str)> = (0..31).map(|n| (format!("10.{}.0.0/16", n + 20), "10.0.0.9")).collect();
    let many: Vec<(&str, &str)> = many.iter().map(|(a, b)| (a.as_str(), *b)).collect();
    assert_eq!(
        world.fails(|tx| router::update(tx, &demo, router, set(&many))),
        "RoutesExhausted"
    );
    let good = [("10.9.0.0/24", "10.0.0.9")];
    world.run(|tx| router::update(tx, &demo, router, set(&good))).unwrap();
    let more = routes(&[("10.8.0.0/24", "172.24.4.77"), good[0]]);
    let after = world
        .run(|tx| router::add_extra_routes(tx, &demo, router, more))
        .unwrap();
    assert_eq!(after.routes, routes(&[good[0], ("10.8.0.0/24", "172.24.4.77")]));
    assert_eq!(
        world.fails(|tx| router::remove_interface(tx, &demo, router, by_subnet(subnet))),
        "RouterInterfaceInUseByRoute"
    );
    let no_gateway = RouterSpec {
        gateway: Some(None),
        ..RouterSpec::default()
    };
    assert_eq!(
        world.fails(|tx| router::update(tx, &demo, router, no_gateway)),
        "InvalidRoutes"
    );
    let after = world
        .run(|tx| router::remove_extra_routes(tx, &demo, router, &routes(&good)))
        .unwrap();
    assert_eq!(after.routes.len(), 1);
}

#[test]
fn a_gateway_takes_no_address_of_a_prefix_that_is_behind_the_router() {
    let mut world = World::new();
    let (external, _) = world.public("172.24.4.0/24");
    let (_, inner) = world.private("fd00:2::/64");
    let router = world.router(external, inner);
    let gateway_port = router.gateway.as_ref().unwrap().port_id;
    let mut outside = |cidr: &str| {
        let spec = SubnetSpec {
            ipv6_address_mode: Some(Ipv6Mode::Slaac),
            enable_dhcp: Some(true),
            ..of(cidr)
        };
        world.run(|tx| subnet::create(tx, &admin(), external, spec)).unwrap();
        world.cloud.ports.get(&gateway_port).unwrap().fixed_ips.len()
    };
    assert_eq!(outside("fd00:2::/64"), 1, "this prefix is behind the router");
    assert_eq!(outside("fd00:3::/64"), 2, "this one is not");
}
