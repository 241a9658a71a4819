use super::*;
use crate::address::AddressRange;
use crate::network::port::FixedIpSpec;

fn at(subnet_id: Option<SubnetId>, address: Option<&str>) -> PortSpec {
    PortSpec {
        fixed_ips: Some(vec![FixedIpSpec {
            subnet_id,
            ip_address: address.map(ip),
        }]),
        ..PortSpec::default()
    }
}

fn addresses(port: &Port) -> Vec<String> {
    port.fixed_ips
        .iter()
        .map(|fixed| fixed.ip_address.to_string())
        .collect()
}

#[test]
fn a_port_gets_one_address_of_each_version() {
    let mut world = World::new();
    let demo = member("demo");
    let (network, _) = world.private("10.0.0.0/24");
    world.subnet(&demo, network, "10.1.0.0/24");
    world.subnet(&demo, network, "fd00:1::/64");
    let port = world.port(&demo, network, PortSpec::default());
    assert_eq!(port.fixed_ips.len(), 2);
    assert!(port.fixed_ips[0].ip_address.is_ipv4() && port.fixed_ips[1].ip_address.is_ipv6());
    let empty = world.network(&demo, NetworkSpec::default());
    assert!(world.port(&demo, empty.id, PortSpec::default()).fixed_ips.is_empty());
}

#[test]
fn addresses_are_taken_by_subnet_by_address_or_both() {
    let mut world = World::new();
    let demo = member("demo");
    let (network, subnet) = world.private("10.0.0.0/24");
    let other = world.subnet(&demo, network, "10.1.0.0/24");
    assert_eq!(
        addresses(&world.port(&demo, network, at(Some(other.id), None))),
        ["10.1.0.3"]
    );
    assert_eq!(
        addresses(&world.port(&demo, network, at(None, Some("10.0.0.77")))),
        ["10.0.0.77"]
    );
    assert_eq!(
        addresses(&world.port(&demo, network, at(Some(subnet), Some("10.0.0.78")))),
        ["10.0.0.78"]
    );
    let (foreign_network, foreign) = world.private("10.5.0.0/24");
    let unknown: SubnetId = uuid::Uuid::from_u128(5).into();
    for (spec, code) in [
        (at(None, Some("10.0.0.77")), "IpAddressAlreadyAllocated"),
        (at(None, Some("10.0.0.0")), "InvalidIpForNetwork"),
        (at(None, Some("10.0.0.255")), "InvalidIpForNetwork"),
        (at(None, Some("10.9.0.1")), "InvalidIpForNetwork"),
        (at(Some(subnet), Some("10.1.0.9")), "InvalidIpForSubnet"),
        (at(Some(foreign), None), "InvalidInput"),
        (at(Some(unknown), None), "SubnetNotFound"),
        (at(None, None), "InvalidInput"),
    ] {
        assert_eq!(
            world.fails(|tx| port::create(tx, &demo, network, spec.clone())),
            code,
            "{spec:?}"
        );
    }
    let _ = foreign_network;
}

#[test]
fn a_pool_is_used_up_to_its_last_address_and_freed_ones_come_again() {
    let mut world = World::new();
    let demo = member("demo");
    let network = world.network(&demo, NetworkSpec::default()).id;
    let spec = SubnetSpec {
        allocation_pools: Some(vec![
            AddressRange {
                start: ip("10.0.0.10"),
                end: ip("10.0.0.12"),
            },
            AddressRange {
                start: ip("10.0.0.20"),
                end: ip("10.0.0.21"),
            },
        ]),
        enable_dhcp: Some(false),
        ..of("10.0.0.0/24")
    };
    world.run(|tx| subnet::create(tx, &demo, network, spec)).unwrap();
    let ports: Vec<_> = (0..5)
        .map(|_| world.port(&demo, network, PortSpec::default()))
        .collect();
    let got: Vec<String> = ports.iter().flat_map(|port| addresses(port)).collect();
    assert_eq!(got, ["10.0.0.10", "10.0.0.11", "10.0.0.12", "10.0.0.20", "10.0.0.21"]);
    assert_eq!(
        world.fails(|tx| port::create(tx, &demo, network, PortSpec::default())),
        "IpAddressGenerationFailure"
    );
    world.run(|tx| port::delete(tx, &demo, ports[1].id)).unwrap();
    assert_eq!(
        addresses(&world.port(&demo, network, PortSpec::default())),
        ["10.0.0.11"]
    );
}

#[test]
fn automatic_addresses_are_the_macs_own() {
    let mut world = World::new();
    let demo = member("demo");
    let (network, _) = world.private("10.0.0.0/24");
    let spec = SubnetSpec {
        ipv6_address_mode: Some(crate::host::Ipv6Mode::Slaac),
        ..of("fd00:1::/64")
    };
    let subnet = world.run(|tx| subnet::create(tx, &demo, network, spec)).unwrap();
    let spec = PortSpec {
        mac_address: Some("fa:16:3e:11:22:33".parse().unwrap()),
        ..PortSpec::default()
    };
    let port = world.port(&demo, network, spec);
    assert_eq!(addresses(&port), ["10.0.0.3", "fd00:1::f816:3eff:fe11:2233"]);
    assert_eq!(
        world.fails(|tx| port::create(tx, &demo, network, at(Some(subnet.id), Some("fd00:1::5")))),
        "AllocationOnAutoAddressSubnet"
    );
    // Named or not, the port has its automatic address.
    let by_address = world.port(&demo, network, at(None, Some("10.0.0.9")));
    assert_eq!(by_address.fixed_ips.len(), 2);
    // A new MAC makes a new address.
    let moved = PortSpec {
        mac_address: Some("fa:16:3e:44:55:66".parse().unwrap()),
        ..PortSpec::default()
    };
    let moved = world.run(|tx| port::update(tx, &admin(), port.id, moved)).unwrap();
    assert_eq!(addresses(&moved), ["10.0.0.3", "fd00:1::f816:3eff:fe44:5566"]);
}

#[test]
fn a_change_keeps_what_it_names() {
    let mut world = World::new();
    let demo = member("demo");
    let (network, subnet) = world.private("10.0.0.0/24");
    let port = world.port(&demo, network, PortSpec::default());
    let open = FixedIpSpec {
        subnet_id: Some(subnet),
        ip_address: None,
    };
    let named = FixedIpSpec {
        subnet_id: None,
        ip_address: Some(ip("10.0.0.3")),
    };
    let two = PortSpec {
        fixed_ips: Some(vec![open, named]),
        ..PortSpec::default()
    };
    let port = world.run(|tx| port::update(tx, &demo, port.id, two)).unwrap();
    assert_eq!(addresses(&port), ["10.0.0.3", "10.0.0.4"]);
    let one = PortSpec {
        fixed_ips: Some(vec![open]),
        ..PortSpec::default()
    };
    let port = world.run(|tx| port::update(tx, &demo, port.id, one)).unwrap();
    assert_eq!(addresses(&port), ["10.0.0.3"]);
    let none = PortSpec {
        fixed_ips: Some(vec![]),
        ..PortSpec::default()
    };
    let port = world.run(|tx| port::update(tx, &demo, port.id, none)).unwrap();
    assert!(port.fixed_ips.is_empty());
    assert_eq!(subnet::addresses_in_use(&world.cloud, subnet).count(), 1);
}
