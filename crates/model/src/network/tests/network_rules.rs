use super::*;
use crate::ErrorKind;
use crate::quota::Quota;

#[test]
fn only_an_administrator_sets_what_concerns_others() {
    let mut world = World::new();
    let guarded = [
        NetworkSpec {
            shared: Some(true),
            ..Default::default()
        },
        NetworkSpec {
            external: Some(true),
            ..Default::default()
        },
        NetworkSpec {
            is_default: Some(true),
            ..Default::default()
        },
        NetworkSpec {
            network_type: Some("vxlan".into()),
            ..Default::default()
        },
        NetworkSpec {
            physical_network: Some("public".into()),
            ..Default::default()
        },
        NetworkSpec {
            segmentation_id: Some(5),
            ..Default::default()
        },
    ];
    for spec in guarded {
        let code = world.fails(|tx| network::create(tx, &member("demo"), spec.clone()));
        assert_eq!(code, "PolicyNotAuthorized", "{spec:?}");
    }
    // Asking for what it would be anyway is nothing when it is made, but in a change the attribute alone counts.
    let plain = NetworkSpec {
        shared: Some(false),
        ..Default::default()
    };
    let network = world.network(&member("demo"), plain.clone());
    let code = world.fails(|tx| network::update(tx, &member("demo"), network.id, plain));
    assert_eq!(code, "PolicyNotAuthorized");
}

#[test]
fn a_network_of_another_project_is_not_there() {
    let mut world = World::new();
    let network = world.network(&member("demo"), NetworkSpec::default());
    let other = member("other");
    assert_eq!(
        world.fails(|tx| network::delete(tx, &other, network.id)),
        "NetworkNotFound"
    );
    assert_eq!(
        world.fails(|tx| network::update(tx, &other, network.id, NetworkSpec::default())),
        "NetworkNotFound"
    );
    let shared = NetworkSpec {
        shared: Some(true),
        ..Default::default()
    };
    world
        .run(|tx| network::update(tx, &admin(), network.id, shared))
        .unwrap();
    // Now it can be seen, so the answer is "you may not".
    assert_eq!(
        world.fails(|tx| network::delete(tx, &other, network.id)),
        "PolicyNotAuthorized"
    );
    world.port(&other, network.id, PortSpec::default());
    let unshared = NetworkSpec {
        shared: Some(false),
        ..Default::default()
    };
    assert_eq!(
        world.fails(|tx| network::update(tx, &admin(), network.id, unshared)),
        "InvalidSharedSetting"
    );
}

#[test]
fn provider_attributes_are_unique() {
    let mut world = World::new();
    let flat = NetworkSpec {
        network_type: Some("flat".into()),
        physical_network: Some("public".into()),
        ..Default::default()
    };
    let first = world.network(&admin(), flat.clone());
    assert_eq!((first.network_type(), first.segmentation_id), ("flat", None));
    assert_eq!(
        world.fails(|tx| network::create(tx, &admin(), flat)),
        "FlatNetworkInUse"
    );
    let vxlan = NetworkSpec {
        segmentation_id: Some(77),
        ..Default::default()
    };
    let second = world.network(&admin(), vxlan.clone());
    assert_eq!((second.network_type(), second.segmentation_id), ("vxlan", Some(77)));
    assert_eq!(world.fails(|tx| network::create(tx, &admin(), vxlan)), "TunnelIdInUse");
}

#[test]
fn there_is_one_default_external_network() {
    let mut world = World::new();
    let spec = NetworkSpec {
        external: Some(true),
        is_default: Some(true),
        ..Default::default()
    };
    let first = world.network(&admin(), spec.clone());
    assert_eq!(
        world.fails(|tx| network::create(tx, &admin(), spec)),
        "DefaultExternalNetworkExists"
    );
    assert_eq!(network::default_external(&world.cloud).map(|n| n.id), Some(first.id));
    let spec = NetworkSpec {
        is_default: Some(true),
        ..Default::default()
    };
    assert_eq!(world.fails(|tx| network::create(tx, &admin(), spec)), "InvalidInput");
}

#[test]
fn mtus_fit_what_is_on_the_network() {
    let mut world = World::new();
    let with = |mtu| NetworkSpec {
        mtu: Some(mtu),
        ..Default::default()
    };
    let tiny = world.network(&member("demo"), with(67));
    let code = world.fails(|tx| subnet::create(tx, &member("demo"), tiny.id, of("10.0.0.0/24")));
    assert_eq!(code, "NetworkMTUSubnetConflict");
    let code = world.fails(|tx| port::create(tx, &member("demo"), tiny.id, PortSpec::default()));
    assert_eq!(code, "NetworkMTUSubnetConflict");
    assert_eq!(
        world.fails(|tx| network::create(tx, &member("demo"), with(1501))),
        "InvalidInput"
    );
    let small = world.network(&member("demo"), with(1279));
    assert_eq!(
        world.fails(|tx| subnet::create(tx, &member("demo"), small.id, of("fd00:1::/64"))),
        "NetworkMTUSubnetConflict"
    );
    let network = world.network(&member("demo"), NetworkSpec::default());
    assert_eq!(network.mtu, network::SELF_SERVICE_MTU);
    world.subnet(&member("demo"), network.id, "fd00:1::/64");
    assert_eq!(
        world.fails(|tx| network::update(tx, &member("demo"), network.id, with(1000))),
        "NetworkMTUSubnetConflict"
    );
}

#[test]
fn a_network_goes_with_its_subnets_but_not_with_ports() {
    let mut world = World::new();
    let demo = member("demo");
    let (network, _) = world.private("10.0.0.0/24");
    let port = world.port(&demo, network, PortSpec::default());
    let error = world.run(|tx| network::delete(tx, &demo, network)).unwrap_err();
    assert_eq!((error.kind, error.code), (ErrorKind::Conflict, "NetworkInUse"));
    assert!(error.message.contains(&port.id.to_string()), "{error}");
    world.run(|tx| port::delete(tx, &demo, port.id)).unwrap();
    world.run(|tx| network::delete(tx, &demo, network)).unwrap();
    assert!(world.cloud.networks.is_empty() && world.cloud.subnets.is_empty() && world.cloud.ports.is_empty());
    assert!(world.cloud.lookups.addresses.is_empty());
}

#[test]
fn quotas_hold_and_the_cloud_itself_has_none() {
    let mut world = World::new();
    let demo = member("demo");
    let limits = [("network".to_owned(), 1), ("port".to_owned(), 1)].into();
    world
        .run(|tx| crate::network::quota::set(tx, &"demo".into(), &limits, true))
        .unwrap();
    let (network, _) = world.private("10.0.0.0/24");
    assert_eq!(
        world
            .run(|tx| network::create(tx, &demo, NetworkSpec::default()))
            .unwrap_err()
            .kind,
        ErrorKind::OverQuota
    );
    // The DHCP port counts, as in Neutron, though it was never refused.
    assert_eq!(
        world.fails(|tx| port::create(tx, &demo, network, PortSpec::default())),
        "OverQuota"
    );
    let limits = [("port".to_owned(), 0)].into();
    assert_eq!(
        world.fails(|tx| crate::network::quota::set(tx, &"demo".into(), &limits, false)),
        "HTTPBadRequest"
    );
    let unlimited = [("port".to_owned(), -1)].into();
    world
        .run(|tx| crate::network::quota::set(tx, &"demo".into(), &unlimited, false))
        .unwrap();
    world
        .run(|tx| crate::network::quota::set(tx, &"demo".into(), &limits, true))
        .unwrap();
}

#[test]
fn an_operators_quotas_hold_where_a_project_has_none() {
    let mut world = World::new();
    let demo = member("demo");
    let set = |world: &mut World, limits: &[(&str, i64)]| {
        let limits = limits
            .iter()
            .map(|(name, limit)| ((*name).to_owned(), *limit))
            .collect();
        world
            .run(|tx| {
                crate::network::quota::set_defaults(tx, &limits);
                Ok(())
            })
            .unwrap();
    };
    set(&mut world, &[]);
    assert!(world.cloud.quotas.is_empty(), "nothing said, nothing kept");
    let holder = crate::quota::class("default");
    let cores = Quota {
        project_id: holder.clone(),
        limits: [("cores".to_owned(), 7)].into(),
    };
    world
        .run(|tx| {
            tx.put(cores.clone());
            Ok(())
        })
        .unwrap();
    set(&mut world, &[("network", 1), ("router", -1)]);
    world
        .run(|tx| network::create(tx, &demo, NetworkSpec::default()))
        .unwrap();
    assert_eq!(
        world.fails(|tx| network::create(tx, &demo, NetworkSpec::default())),
        "OverQuota"
    );
    let own = [("network".to_owned(), 2)].into();
    world
        .run(|tx| crate::network::quota::set(tx, &"demo".into(), &own, false))
        .unwrap();
    world
        .run(|tx| network::create(tx, &demo, NetworkSpec::default()))
        .unwrap();
    set(&mut world, &[]);
    assert_eq!(*world.cloud.quotas.get(&holder).unwrap().as_ref(), cores);
}

#[test]
fn becoming_external_takes_the_dhcp_port_away() {
    let mut world = World::new();
    let (network, _) = world.private("10.0.0.0/24");
    assert!(port::dhcp::find(&world.cloud, network).is_some());
    let external = |external| NetworkSpec {
        external: Some(external),
        ..Default::default()
    };
    world
        .run(|tx| network::update(tx, &admin(), network, external(true)))
        .unwrap();
    assert!(port::dhcp::find(&world.cloud, network).is_none());
    let (_, inner) = world.private("10.9.0.0/24");
    world.router(network, inner);
    assert_eq!(
        world.fails(|tx| network::update(tx, &admin(), network, external(false))),
        "ExternalNetworkInUse"
    );
}
