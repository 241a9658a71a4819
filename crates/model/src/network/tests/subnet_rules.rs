use super::*;
use crate::address::AddressRange;
use crate::host::Ipv6Mode;
use crate::network::device_owner;

fn pool(start: &str, end: &str) -> AddressRange {
    AddressRange {
        start: ip(start),
        end: ip(end),
    }
}

#[test]
fn gateway_and_pools_follow_from_the_prefix() {
    let mut world = World::new();
    let demo = member("demo");
    for (cidr, gateway, first, last) in [
        ("10.1.0.0/24", "10.1.0.1", "10.1.0.2", "10.1.0.254"),
        ("10.1.0.0/30", "10.1.0.1", "10.1.0.2", "10.1.0.2"),
        ("fd00:1::/64", "fd00:1::1", "fd00:1::2", "fd00:1::ffff:ffff:ffff:ffff"),
    ] {
        let network = world.network(&demo, NetworkSpec::default());
        let subnet = world.subnet(&demo, network.id, cidr);
        assert_eq!(subnet.gateway_ip, Some(ip(gateway)), "{cidr}");
        assert_eq!(subnet.allocation_pools, [pool(first, last)], "{cidr}");
    }
    let network = world.network(&demo, NetworkSpec::default());
    let spec = SubnetSpec {
        gateway_ip: Some(Some(ip("10.2.0.100"))),
        ..of("10.2.0.0/24")
    };
    let subnet = world.run(|tx| subnet::create(tx, &demo, network.id, spec)).unwrap();
    assert_eq!(
        subnet.allocation_pools,
        [pool("10.2.0.1", "10.2.0.99"), pool("10.2.0.101", "10.2.0.254")]
    );
    let spec = SubnetSpec {
        gateway_ip: Some(None),
        ..of("10.3.0.0/24")
    };
    let subnet = world.run(|tx| subnet::create(tx, &demo, network.id, spec)).unwrap();
    assert_eq!(
        (subnet.gateway_ip, subnet.allocation_pools[0].start),
        (None, ip("10.3.0.1"))
    );
}

#[test]
fn ranges_that_a_kernel_treats_in_a_special_way_are_refused() {
    let mut world = World::new();
    let network = world.network(&member("demo"), NetworkSpec::default());
    for cidr in [
        "127.0.0.0/24",
        "0.0.0.0/8",
        "0.0.0.0/0",
        "224.1.0.0/16",
        "240.0.0.0/8",
        "169.254.0.0/24",
        "128.0.0.0/1",
        "fe80::/64",
        "ff02::/64",
        "::/64",
        "::1/128",
        "::ffff:10.0.0.0/104",
        "::/0",
    ] {
        let code = world.fails(|tx| subnet::create(tx, &member("demo"), network.id, of(cidr)));
        assert_eq!(code, "InvalidInput", "{cidr}");
    }
    for cidr in ["10.0.0.0/24", "8.8.8.0/24", "100.64.0.0/16", "fd00:1::/64", "2003::/64"] {
        world.subnet(&member("demo"), network.id, cidr);
    }
}

#[test]
fn what_does_not_go_together_is_refused() {
    let mut world = World::new();
    let network = world.network(&member("demo"), NetworkSpec::default());
    let v4 = || of("10.0.0.0/24");
    let v6 = || of("fd00:1::/64");
    let cases = [
        (
            SubnetSpec {
                ip_version: Some(6),
                ..v4()
            },
            "InvalidInput",
        ),
        (
            SubnetSpec {
                gateway_ip: Some(Some(ip("10.0.0.0"))),
                ..v4()
            },
            "InvalidInput",
        ),
        (
            SubnetSpec {
                gateway_ip: Some(Some(ip("10.0.0.255"))),
                ..v4()
            },
            "InvalidInput",
        ),
        (
            SubnetSpec {
                gateway_ip: Some(Some(ip("10.0.1.1"))),
                ..v4()
            },
            "InvalidInput",
        ),
        (
            SubnetSpec {
                gateway_ip: Some(Some(ip("fd00::1"))),
                ..v4()
            },
            "InvalidInput",
        ),
        (
            SubnetSpec {
                allocation_pools: Some(vec![pool("10.0.0.9", "10.0.0.5")]),
                ..v4()
            },
            "InvalidAllocationPool",
        ),
        (
            SubnetSpec {
                allocation_pools: Some(vec![pool("10.0.0.9", "10.0.1.5")]),
                ..v4()
            },
            "OutOfBoundsAllocationPool",
        ),
        (
            SubnetSpec {
                allocation_pools: Some(vec![pool("10.0.0.9", "10.0.0.20"), pool("10.0.0.20", "10.0.0.30")]),
                ..v4()
            },
            "OverlappingAllocationPools",
        ),
        (
            SubnetSpec {
                allocation_pools: Some(vec![pool("10.0.0.1", "10.0.0.5")]),
                ..v4()
            },
            "GatewayConflictWithAllocationPools",
        ),
        (
            SubnetSpec {
                dns_nameservers: Some(vec![ip("fd00::1")]),
                ..v4()
            },
            "InvalidInput",
        ),
        (
            SubnetSpec {
                dns_nameservers: Some((1..7).map(|n| IpAddr::from([1, 1, 1, n])).collect()),
                ..v4()
            },
            "DNSNameServersExhausted",
        ),
        (
            SubnetSpec {
                ipv6_ra_mode: Some(Ipv6Mode::Slaac),
                ..v4()
            },
            "InvalidInput",
        ),
        (of("10.0.0.0/31"), "InvalidInput"),
        (
            SubnetSpec {
                ipv6_ra_mode: Some(Ipv6Mode::Slaac),
                ipv6_address_mode: Some(Ipv6Mode::Dhcpv6Stateful),
                ..v6()
            },
            "InvalidInput",
        ),
        (
            SubnetSpec {
                ipv6_address_mode: Some(Ipv6Mode::Slaac),
                enable_dhcp: Some(false),
                ..v6()
            },
            "InvalidInput",
        ),
        (
            SubnetSpec {
                ipv6_address_mode: Some(Ipv6Mode::Slaac),
                ..of("fd00:1::/80")
            },
            "InvalidInput",
        ),
        (
            SubnetSpec {
                service_types: Some(vec!["nonsense".into()]),
                ..v4()
            },
            "InvalidSubnetServiceType",
        ),
    ];
    for (spec, code) in cases {
        assert_eq!(
            world.fails(|tx| subnet::create(tx, &member("demo"), network.id, spec.clone())),
            code,
            "{spec:?}"
        );
    }
    assert!(world.cloud.subnets.is_empty() && world.cloud.ports.is_empty());
}

#[test]
fn subnets_of_a_network_do_not_overlap() {
    let mut world = World::new();
    let (network, _) = world.private("10.0.0.0/24");
    for cidr in ["10.0.0.0/24", "10.0.0.0/16", "10.0.0.128/25"] {
        let error = world
            .run(|tx| subnet::create(tx, &member("demo"), network, of(cidr)))
            .unwrap_err();
        // Tempest looks for these words and then tries the next range.
        assert!(error.message.contains("overlaps with another subnet"), "{error}");
    }
    // Another network may have the same range, but not another provider network: they meet in the host.
    world.private("10.0.0.0/24");
    world.public("172.24.4.0/24");
    let spec = NetworkSpec {
        external: Some(true),
        ..Default::default()
    };
    let other = world.network(&admin(), spec);
    assert_eq!(
        world.fails(|tx| subnet::create(tx, &admin(), other.id, of("172.24.0.0/16"))),
        "InvalidInput"
    );
    let spec = SubnetSpec {
        host_prefixes: vec!["192.168.5.0/24".parse().unwrap()],
        ..of("192.168.0.0/16")
    };
    let error = world
        .run(|tx| subnet::create(tx, &admin(), other.id, spec))
        .unwrap_err();
    assert!(error.message.contains("a network of the host itself"), "{error}");
}

#[test]
fn the_dhcp_port_follows_the_subnets() {
    let mut world = World::new();
    let demo = member("demo");
    let (network, first) = world.private("10.0.0.0/24");
    let addresses = |world: &World| -> Vec<String> {
        let port = port::dhcp::find(&world.cloud, network);
        port.map_or(Vec::new(), |port| {
            port.fixed_ips.iter().map(|f| f.ip_address.to_string()).collect()
        })
    };
    assert_eq!(addresses(&world), ["10.0.0.2"]);
    let second = world.subnet(&demo, network, "10.1.0.0/24");
    assert_eq!(addresses(&world), ["10.0.0.2", "10.1.0.2"]);
    let dhcp = |enable| SubnetSpec {
        enable_dhcp: Some(enable),
        ..Default::default()
    };
    world.run(|tx| subnet::update(tx, &demo, first, dhcp(false))).unwrap();
    assert_eq!(addresses(&world), ["10.1.0.2"]);
    world.run(|tx| subnet::update(tx, &demo, first, dhcp(true))).unwrap();
    assert_eq!(addresses(&world), ["10.1.0.2", "10.0.0.2"]);
    world.run(|tx| subnet::delete(tx, &demo, second.id)).unwrap();
    world.run(|tx| subnet::delete(tx, &demo, first)).unwrap();
    assert!(addresses(&world).is_empty() && world.cloud.ports.is_empty());
    let (public, _) = world.public("172.24.4.0/24");
    assert!(world.cloud.ports_of_network(public).next().is_none());
}

#[test]
fn a_deleted_dhcp_port_comes_back() {
    let mut world = World::new();
    let (network, _) = world.private("10.0.0.0/24");
    let before = port::dhcp::find(&world.cloud, network).unwrap().id;
    world.run(|tx| port::delete(tx, &member("demo"), before)).unwrap();
    let after = port::dhcp::find(&world.cloud, network).unwrap();
    assert_ne!(after.id, before);
    assert_eq!(after.device_owner, device_owner::DHCP);
}

#[test]
fn a_gateway_in_use_stays() {
    let mut world = World::new();
    let demo = member("demo");
    let (public, _) = world.public("172.24.4.0/24");
    let (_, subnet) = world.private("10.0.0.0/24");
    world.router(public, subnet);
    let spec = |gateway| SubnetSpec {
        gateway_ip: Some(gateway),
        ..Default::default()
    };
    assert_eq!(
        world.fails(|tx| subnet::update(tx, &demo, subnet, spec(None))),
        "GatewayIpInUse"
    );
    assert_eq!(world.fails(|tx| subnet::delete(tx, &demo, subnet)), "SubnetInUse");
    let (_, free) = world.private("10.0.1.0/24");
    assert_eq!(
        world.fails(|tx| subnet::update(tx, &demo, free, spec(Some(ip("10.0.1.9"))))),
        "GatewayConflictWithAllocationPools"
    );
    let moved = SubnetSpec {
        allocation_pools: Some(vec![pool("10.0.1.20", "10.0.1.30")]),
        ..spec(Some(ip("10.0.1.9")))
    };
    let moved = world.run(|tx| subnet::update(tx, &demo, free, moved)).unwrap();
    assert_eq!(moved.gateway_ip, Some(ip("10.0.1.9")));
}

#[test]
fn automatic_addresses_come_and_go_with_their_subnet() {
    let mut world = World::new();
    let demo = member("demo");
    let (network, _) = world.private("10.0.0.0/24");
    let ports: Vec<_> = (0..3)
        .map(|_| world.port(&demo, network, PortSpec::default()))
        .collect();
    let spec = SubnetSpec {
        ipv6_address_mode: Some(Ipv6Mode::Slaac),
        ipv6_ra_mode: Some(Ipv6Mode::Slaac),
        ..of("fd00:1::/64")
    };
    let subnet = world.run(|tx| subnet::create(tx, &demo, network, spec)).unwrap();
    for port in &ports {
        let port = world.cloud.get::<Port>(&port.id).unwrap();
        let wanted = port.mac_address.slaac("fd00:1::/64".parse().unwrap()).unwrap();
        assert_eq!(port.fixed_ips[1].ip_address, IpAddr::V6(wanted));
    }
    let late = world.port(&demo, network, PortSpec::default());
    assert_eq!(late.fixed_ips.len(), 2);
    world.run(|tx| subnet::delete(tx, &demo, subnet.id)).unwrap();
    assert!(world.cloud.ports.iter().all(|port| port.fixed_ips.len() == 1));
}

#[test]
fn many_ports_get_their_automatic_addresses_piece_by_piece() {
    let mut world = World::new();
    let demo = member("demo");
    let (network, _) = world.private("10.0.0.0/22");
    for _ in 0..150 {
        world.port(&demo, network, PortSpec::default());
    }
    let spec = SubnetSpec {
        ipv6_address_mode: Some(Ipv6Mode::Slaac),
        ..of("fd00:1::/64")
    };
    let subnet = world.run(|tx| subnet::create(tx, &demo, network, spec)).unwrap();
    while world.run(|tx| subnet::spread_auto_addresses(tx, subnet.id)).unwrap() {}
    assert!(world.cloud.ports.iter().all(|port| port.fixed_ips.len() == 2));
    let mut rounds = 1;
    while world
        .run(|tx| subnet::drop_auto_addresses(tx, &demo, subnet.id))
        .unwrap()
    {
        rounds += 1;
    }
    assert_eq!(rounds, 3);
    world.run(|tx| subnet::delete(tx, &demo, subnet.id)).unwrap();
}
