use super::*;
use crate::host::ExtraDhcpOpt;
use crate::network::port::{ServerBinding, ServerNic, create_for_server, release_from_server};
use crate::network::{AllowedAddressPair, NamespaceAttachment, SecurityGroup, Status, security_group};
use crate::{PortId, ServerId};

fn pair(net: &str) -> AllowedAddressPair {
    AllowedAddressPair {
        ip_address: net.parse::<ipnet::IpNet>().unwrap(),
        mac_address: None,
    }
}

#[test]
fn a_port_is_in_its_projects_default_group_unless_told_otherwise() {
    let mut world = World::new();
    let demo = member("demo");
    let (network, _) = world.private("10.0.0.0/24");
    let port = world.port(&demo, network, PortSpec::default());
    let default = security_group::default_of(&world.cloud, &"demo".into()).unwrap().id;
    assert_eq!(Vec::from_iter(port.security_groups.clone()), [default]);
    assert_eq!(port.status, Status::Down);
    let none = PortSpec {
        security_groups: Some(vec![]),
        ..PortSpec::default()
    };
    assert!(world.port(&demo, network, none).security_groups.is_empty());
    let open = PortSpec {
        port_security_enabled: Some(false),
        ..PortSpec::default()
    };
    let open = world.port(&demo, network, open);
    assert!(open.security_groups.is_empty() && !open.port_security_enabled);
}

#[test]
fn protection_and_what_needs_it_go_together() {
    let mut world = World::new();
    let demo = member("demo");
    let (network, _) = world.private("10.0.0.0/24");
    let port = world.port(&demo, network, PortSpec::default());
    let default = security_group::default_of(&world.cloud, &"demo".into()).unwrap().id;
    let off = || PortSpec {
        port_security_enabled: Some(false),
        ..PortSpec::default()
    };
    let cases = [
        (
            PortSpec {
                security_groups: Some(vec![default]),
                ..off()
            },
            "PortSecurityAndIPRequiredForSecurityGroups",
        ),
        (
            PortSpec {
                allowed_address_pairs: Some(vec![pair("10.0.0.9/32")]),
                ..off()
            },
            "AddressPairAndPortSecurityRequired",
        ),
        (
            PortSpec {
                allowed_address_pairs: Some(vec![pair("10.0.0.9/32"), pair("10.0.0.9/32")]),
                ..PortSpec::default()
            },
            "DuplicateAddressPairInRequest",
        ),
        (
            PortSpec {
                allowed_address_pairs: Some((0..11).map(|n| pair(&format!("10.1.{n}.0/24"))).collect()),
                ..PortSpec::default()
            },
            "AllowedAddressPairExhausted",
        ),
    ];
    for (spec, code) in cases {
        assert_eq!(
            world.fails(|tx| port::create(tx, &demo, network, spec.clone())),
            code,
            "{spec:?}"
        );
    }
    assert_eq!(
        world.fails(|tx| port::update(tx, &demo, port.id, off())),
        "PortSecurityPortHasSecurityGroup"
    );
    let both = PortSpec {
        security_groups: Some(vec![]),
        ..off()
    };
    assert!(
        !world
            .run(|tx| port::update(tx, &demo, port.id, both))
            .unwrap()
            .port_security_enabled
    );
}

#[test]
fn nobody_plays_the_clouds_own_ports() {
    let mut world = World::new();
    let demo = member("demo");
    let (network, subnet) = world.private("10.0.0.0/24");
    let (public, _) = world.public("172.24.4.0/24");
    let router = world.router(public, subnet);
    let owner = |owner: &str| PortSpec {
        device_owner: Some(owner.into()),
        ..PortSpec::default()
    };
    for own in [
        "network:router_interface",
        "network:dhcp",
        "network:router_gateway",
        "network:floatingip",
    ] {
        assert_eq!(
            world.fails(|tx| port::create(tx, &demo, network, owner(own))),
            "PolicyNotAuthorized"
        );
        assert_eq!(
            world.fails(|tx| port::create(tx, &admin(), network, owner(own))),
            "BadRequest"
        );
    }
    let port = world.port(&demo, network, owner("compute:x"));
    assert_eq!(
        world.fails(|tx| port::update(tx, &demo, port.id, owner("network:dhcp"))),
        "PolicyNotAuthorized"
    );
    let leg = router::interfaces(&world.cloud, router.id).next().unwrap().id;
    assert_eq!(world.fails(|tx| port::delete(tx, &demo, leg)), "ServicePortInUse");
    assert_eq!(
        world.fails(|tx| port::update(tx, &demo, leg, owner("mine"))),
        "UnsupportedPortDeviceOwner"
    );
    let stranger = member("other");
    let shared = NetworkSpec {
        shared: Some(true),
        ..Default::default()
    };
    world.run(|tx| network::update(tx, &admin(), network, shared)).unwrap();
    let theirs = world.port(&stranger, network, PortSpec::default());
    let device = PortSpec {
        device_id: Some(router.id.to_string()),
        ..PortSpec::default()
    };
    assert_eq!(
        world.fails(|tx| port::update(tx, &stranger, theirs.id, device)),
        "DeviceIDNotOwnedByTenant"
    );
}

#[test]
fn on_a_shared_network_only_its_owner_chooses_addresses() {
    let mut world = World::new();
    let (network, subnet) = world.private("10.0.0.0/24");
    let shared = NetworkSpec {
        shared: Some(true),
        ..Default::default()
    };
    world.run(|tx| network::update(tx, &admin(), network, shared)).unwrap();
    let other = member("other");
    let fixed = |address: Option<&str>| PortSpec {
        fixed_ips: Some(vec![crate::network::port::FixedIpSpec {
            subnet_id: Some(subnet),
            ip_address: address.map(ip),
        }]),
        ..PortSpec::default()
    };
    world.port(&other, network, fixed(None));
    for spec in [
        fixed(Some("10.0.0.50")),
        PortSpec {
            mac_address: Some("fa:16:3e:00:00:09".parse().unwrap()),
            ..PortSpec::default()
        },
        PortSpec {
            port_security_enabled: Some(false),
            ..PortSpec::default()
        },
        PortSpec {
            allowed_address_pairs: Some(vec![pair("10.0.0.9/32")]),
            ..PortSpec::default()
        },
        PortSpec {
            host_id: Some(Some("host".into())),
            ..PortSpec::default()
        },
        PortSpec {
            binding_profile: Some(Default::default()),
            ..PortSpec::default()
        },
    ] {
        assert_eq!(
            world.fails(|tx| port::create(tx, &other, network, spec.clone())),
            "PolicyNotAuthorized",
            "{spec:?}"
        );
    }
    let (public, _) = world.public("172.24.4.0/24");
    assert_eq!(
        world.fails(|tx| port::create(tx, &other, public, PortSpec::default())),
        "PolicyNotAuthorized"
    );
}

#[test]
fn macs_are_unique_on_a_network() {
    let mut world = World::new();
    let demo = member("demo");
    let (network, _) = world.private("10.0.0.0/24");
    let (other, _) = world.private("10.0.0.0/24");
    let mac = |text: &str| PortSpec {
        mac_address: Some(text.parse().unwrap()),
        ..PortSpec::default()
    };
    world.port(&demo, network, mac("fa:16:3e:00:00:01"));
    world.port(&demo, other, mac("fa:16:3e:00:00:01"));
    assert_eq!(
        world.fails(|tx| port::create(tx, &demo, network, mac("fa:16:3e:00:00:01"))),
        "MacAddressInUse"
    );
    assert_eq!(
        world.fails(|tx| port::create(tx, &demo, network, mac("01:00:5e:00:00:01"))),
        "HTTPBadRequest"
    );
}

#[test]
fn dhcp_options_are_one_clean_line_each() {
    let mut world = World::new();
    let demo = member("demo");
    let (network, _) = world.private("10.0.0.0/24");
    let opt = |name: &str, value: Option<&str>| ExtraDhcpOpt {
        name: name.into(),
        value: value.map(str::to_owned),
        ip_version: 4,
    };
    let with = |opts: Vec<ExtraDhcpOpt>| PortSpec {
        extra_dhcp_opts: Some(opts),
        ..PortSpec::default()
    };
    for bad in [
        opt("bootfile-name", Some("x\ndhcp-option=6,6.6.6.6")),
        opt("a b", Some("x")),
        opt("", Some("x")),
        opt("x", Some("")),
        opt("x", Some(&"y".repeat(256))),
    ] {
        assert_eq!(
            world.fails(|tx| port::create(tx, &demo, network, with(vec![bad.clone()]))),
            "HTTPBadRequest"
        );
    }
    let port = world.port(&demo, network, with(vec![opt("a", Some("1")), opt("b", Some("2"))]));
    let change = with(vec![opt("a", None), opt("b", Some("3")), opt("c", Some("4"))]);
    let port = world.run(|tx| port::update(tx, &demo, port.id, change)).unwrap();
    assert_eq!(port.extra_dhcp_opts, [opt("b", Some("3")), opt("c", Some("4"))]);
}

fn binding(server: u128) -> ServerBinding {
    ServerBinding {
        server_id: uuid::Uuid::from_u128(server).into(),
        project_id: "demo".into(),
        hostname: "web-1".into(),
        zone: "nova".into(),
        host: None,
        security_groups: vec![],
    }
}

#[test]
fn a_servers_ports_are_made_or_taken_and_let_go() {
    let mut world = World::new();
    let demo = member("demo");
    let (network, _) = world.private("10.0.0.0/24");
    let nic = ServerNic::Network {
        id: network,
        fixed_ip: Some(ip("10.0.0.42")),
    };
    let made = world.run(|tx| create_for_server(tx, &demo, &binding(1), nic)).unwrap();
    assert_eq!(made.device_owner, "compute:nova");
    assert_eq!((made.dns_name.as_str(), made.made_for_server), ("web-1", true));
    assert_eq!(made.fixed_ips[0].ip_address, ip("10.0.0.42"));
    let given = world.port(&demo, network, PortSpec::default()).id;
    world
        .run(|tx| create_for_server(tx, &demo, &binding(1), ServerNic::Port(given)))
        .unwrap();
    assert_eq!(
        world.fails(|tx| create_for_server(tx, &demo, &binding(2), ServerNic::Port(given))),
        "PortInUse"
    );
    let server: ServerId = binding(1).server_id;
    for port in [made.id, given, PortId::from(uuid::Uuid::nil())] {
        world.run(|tx| release_from_server(tx, server, port)).unwrap();
    }
    assert!(world.cloud.ports.get(&made.id).is_none());
    let given = world.cloud.get::<Port>(&given).unwrap();
    assert_eq!((given.device_id.as_str(), given.device_owner.as_str()), ("", ""));
    let empty = world.network(&demo, NetworkSpec::default()).id;
    let (public, _) = world.public("172.24.4.0/24");
    for (network, code) in [
        (empty, "NetworkRequiresSubnet"),
        (public, "ExternalNetworkAttachForbidden"),
    ] {
        let nic = ServerNic::Network {
            id: network,
            fixed_ip: None,
        };
        assert_eq!(world.fails(|tx| create_for_server(tx, &demo, &binding(3), nic)), code);
    }
    let stranger = member("other");
    assert_eq!(
        world.fails(|tx| create_for_server(tx, &stranger, &binding(3), ServerNic::Port(given.id))),
        "PortNotFound"
    );
}

#[test]
fn a_namespace_is_plugged_into_a_free_port_only() {
    let mut world = World::new();
    let demo = member("demo");
    let (network, _) = world.private("10.0.0.0/24");
    let plug = |netns: &str, ifname: &str| NamespaceAttachment {
        netns: netns.into(),
        ifname: ifname.into(),
    };
    let port = world.port(&demo, network, PortSpec::default()).id;
    for bad in [
        plug("", "eth0"),
        plug("a/b", "eth0"),
        plug("..", "eth0"),
        plug("a", "e h"),
        plug("a", "sixteen-letters-"),
        plug("a", "lo"),
    ] {
        assert_eq!(
            world.fails(|tx| port::attach_namespace(tx, &admin(), port, bad.clone())),
            "InvalidInput",
            "{bad:?}"
        );
    }
    world
        .run(|tx| port::attach_namespace(tx, &admin(), port, plug("box", "eth0")))
        .unwrap();
    world
        .run(|tx| port::attach_namespace(tx, &admin(), port, plug("box", "eth0")))
        .unwrap();
    assert_eq!(
        world.fails(|tx| port::attach_namespace(tx, &admin(), port, plug("other", "eth0"))),
        "PortInUse"
    );
    assert_eq!(
        world.fails(|tx| create_for_server(tx, &demo, &binding(1), ServerNic::Port(port))),
        "PortInUse"
    );
    let after = world.run(|tx| port::detach_namespace(tx, &admin(), port)).unwrap();
    assert_eq!(after.attachment, None);
    let dhcp = port::dhcp::find(&world.cloud, network).unwrap().id;
    assert_eq!(
        world.fails(|tx| port::attach_namespace(tx, &admin(), dhcp, plug("box", "eth0"))),
        "PortInUse"
    );
}

#[test]
fn foreign_groups_are_not_there() {
    let mut world = World::new();
    let (network, _) = world.private("10.0.0.0/24");
    let theirs: Arc<SecurityGroup> = world
        .run(|tx| Ok(security_group::ensure_default(tx, &"other".into())))
        .unwrap();
    let spec = PortSpec {
        security_groups: Some(vec![theirs.id]),
        ..PortSpec::default()
    };
    assert_eq!(
        world.fails(|tx| port::create(tx, &member("demo"), network, spec)),
        "SecurityGroupNotFound"
    );
}

#[test]
fn a_port_gets_a_new_mac_and_the_addresses_that_follow_from_it() {
    let mut world = World::new();
    let (network, _) = world.private("10.0.0.0/24");
    let demo = member("demo");
    let v6 = SubnetSpec {
        ipv6_ra_mode: Some(crate::host::Ipv6Mode::Slaac),
        ipv6_address_mode: Some(crate::host::Ipv6Mode::Slaac),
        ..of("fd00::/64")
    };
    world.run(|tx| subnet::create(tx, &demo, network, v6)).unwrap();
    let before = world.port(&demo, network, PortSpec::default());
    let fresh = PortSpec {
        random_mac: true,
        ..PortSpec::default()
    };
    assert_eq!(
        world.fails(|tx| port::update(tx, &demo, before.id, fresh.clone())),
        "PolicyNotAuthorized"
    );
    let after = world
        .run(|tx| port::update(tx, &manager("demo"), before.id, fresh.clone()))
        .unwrap();
    assert_ne!(after.mac_address, before.mac_address);
    let address = |port: &Port, v6: bool| {
        let mut fixed_ips = port.fixed_ips.iter().map(|fixed| fixed.ip_address);
        fixed_ips.find(|ip| ip.is_ipv6() == v6).unwrap()
    };
    assert_eq!(address(&after, false), address(&before, false));
    assert_ne!(address(&after, true), address(&before, true));
    let found = world.cloud.lookups.ports_by_mac.first(&(network, after.mac_address));
    assert_eq!(found, Some(&after.id));
    assert!(
        world
            .cloud
            .lookups
            .ports_by_mac
            .first(&(network, before.mac_address))
            .is_none()
    );
    // A plugged one keeps what its guest knows.
    let bound = PortSpec {
        host_id: Some(Some("host1".into())),
        ..PortSpec::default()
    };
    world.run(|tx| port::update(tx, &admin(), before.id, bound)).unwrap();
    assert_eq!(
        world.fails(|tx| port::update(tx, &admin(), before.id, fresh)),
        "PortBound"
    );
}
