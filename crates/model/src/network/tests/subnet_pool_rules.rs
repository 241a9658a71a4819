use super::*;
use crate::network::SubnetPool;
use crate::network::subnet_pool::{self, SubnetPoolSpec};

fn prefixes(list: &[&str]) -> SubnetPoolSpec {
    SubnetPoolSpec {
        prefixes: Some(list.iter().map(|text| text.parse().unwrap()).collect()),
        ..SubnetPoolSpec::default()
    }
}

fn pool(world: &mut World, spec: SubnetPoolSpec) -> Arc<SubnetPool> {
    world.run(|tx| subnet_pool::create(tx, &member("demo"), spec)).unwrap()
}

#[test]
fn subnets_are_cut_from_a_pool_without_overlap() {
    let mut world = World::new();
    let demo = member("demo");
    let spec = SubnetPoolSpec {
        default_prefixlen: Some(26),
        ..prefixes(&["10.0.0.0/25", "10.9.0.0/26"])
    };
    let pool = pool(&mut world, spec);
    let cut = |world: &mut World, spec: SubnetSpec| {
        let network = world.network(&demo, NetworkSpec::default()).id;
        world
            .run(|tx| {
                subnet::create(
                    tx,
                    &demo,
                    network,
                    SubnetSpec {
                        subnetpool_id: Some(pool.id),
                        ..spec
                    },
                )
            })
            .map(|subnet| subnet.cidr.to_string())
    };
    assert_eq!(cut(&mut world, SubnetSpec::default()).unwrap(), "10.0.0.0/26");
    assert_eq!(cut(&mut world, of("10.0.0.96/27")).unwrap(), "10.0.0.96/27");
    let longer = SubnetSpec {
        prefixlen: Some(28),
        ..SubnetSpec::default()
    };
    assert_eq!(cut(&mut world, longer).unwrap(), "10.0.0.64/28");
    assert_eq!(cut(&mut world, SubnetSpec::default()).unwrap(), "10.9.0.0/26");
    assert_eq!(
        cut(&mut world, SubnetSpec::default()).unwrap_err().code,
        "SubnetAllocationError"
    );
    assert_eq!(
        cut(&mut world, of("10.0.0.64/28")).unwrap_err().code,
        "SubnetAllocationError"
    );
    assert_eq!(
        cut(&mut world, of("10.1.0.0/26")).unwrap_err().code,
        "SubnetAllocationError"
    );
    assert_eq!(
        world.fails(|tx| subnet_pool::delete(tx, &demo, pool.id)),
        "SubnetPoolDeleteError"
    );
}

#[test]
fn pools_are_checked() {
    let mut world = World::new();
    let bounds = |min, default, max| SubnetPoolSpec {
        min_prefixlen: min,
        default_prefixlen: default,
        max_prefixlen: max,
        ..prefixes(&["10.0.0.0/16"])
    };
    let cases = [
        (prefixes(&[]), "EmptySubnetPoolPrefixList"),
        (prefixes(&["10.0.0.0/8", "fd00::/48"]), "PrefixVersionMismatch"),
        (prefixes(&["224.0.0.0/8"]), "InvalidInput"),
        (bounds(Some(20), Some(18), None), "IllegalSubnetPoolPrefixBounds"),
        (bounds(Some(24), None, Some(20)), "IllegalSubnetPoolPrefixBounds"),
        (bounds(None, None, Some(33)), "IllegalSubnetPoolPrefixBounds"),
        (
            SubnetPoolSpec {
                shared: Some(true),
                ..prefixes(&["10.0.0.0/8"])
            },
            "PolicyNotAuthorized",
        ),
        (
            SubnetPoolSpec {
                is_default: Some(true),
                ..prefixes(&["10.0.0.0/8"])
            },
            "PolicyNotAuthorized",
        ),
    ];
    for (spec, code) in cases {
        assert_eq!(
            world.fails(|tx| subnet_pool::create(tx, &member("demo"), spec.clone())),
            code,
            "{spec:?}"
        );
    }
    let default = SubnetPoolSpec {
        is_default: Some(true),
        ..prefixes(&["10.0.0.0/16"])
    };
    world
        .run(|tx| subnet_pool::create(tx, &admin(), default.clone()))
        .unwrap();
    assert_eq!(
        world.fails(|tx| subnet_pool::create(tx, &admin(), default)),
        "InvalidInput"
    );
}

#[test]
fn a_pool_grows_but_never_shrinks_and_keeps_its_quota() {
    let mut world = World::new();
    let demo = member("demo");
    let spec = SubnetPoolSpec {
        default_quota: Some(Some(256)),
        ..prefixes(&["10.0.1.0/24", "10.0.0.0/24"])
    };
    let id = pool(&mut world, spec).id;
    assert_eq!(
        world.cloud.get::<SubnetPool>(&id).unwrap().prefixes.len(),
        1,
        "joined to a /23"
    );
    assert_eq!(
        world.fails(|tx| subnet_pool::update(tx, &demo, id, prefixes(&["10.0.0.0/24"]))),
        "IllegalSubnetPoolPrefixUpdate"
    );
    world
        .run(|tx| subnet_pool::update(tx, &demo, id, prefixes(&["10.0.0.0/16"])))
        .unwrap();
    let cut = |length| SubnetSpec {
        subnetpool_id: Some(id),
        prefixlen: Some(length),
        ..SubnetSpec::default()
    };
    let network = world.network(&demo, NetworkSpec::default()).id;
    world.run(|tx| subnet::create(tx, &demo, network, cut(25))).unwrap();
    assert_eq!(
        world.fails(|tx| subnet::create(tx, &demo, network, cut(24))),
        "SubnetPoolQuotaExceeded"
    );
    world.run(|tx| subnet::create(tx, &demo, network, cut(25))).unwrap();
    assert_eq!(
        world.fails(|tx| subnet::create(tx, &demo, network, of("192.168.0.0/24"))),
        "NetworkSubnetPoolAffinityError"
    );
    assert_eq!(
        world.fails(|tx| subnet::create(tx, &member("other"), network, cut(25))),
        "NetworkNotFound"
    );
}

#[test]
fn prefixes_are_added_and_taken_out() {
    let mut world = World::new();
    let demo = member("demo");
    let id = pool(&mut world, prefixes(&["10.0.0.0/22"])).id;
    let nets = |list: &[&str]| -> Vec<ipnet::IpNet> { list.iter().map(|text| text.parse().unwrap()).collect() };
    let add = |world: &mut World, list: &[&str]| {
        let added = world.run(|tx| subnet_pool::add_prefixes(tx, &demo, id, nets(list)));
        added.map(|pool| (pool.prefixes.clone(), pool.standard.revision_number))
    };
    let remove = |world: &mut World, list: &[&str]| {
        let left = world.run(|tx| subnet_pool::remove_prefixes(tx, &demo, id, &nets(list)));
        left.map(|pool| (pool.prefixes.clone(), pool.standard.revision_number))
    };
    assert_eq!(
        add(&mut world, &["10.0.4.0/22", "192.168.0.0/24"]).unwrap(),
        (nets(&["10.0.0.0/21", "192.168.0.0/24"]), 1)
    );
    assert_eq!(
        add(&mut world, &["fd00::/48"]).unwrap_err().code,
        "PrefixVersionMismatch"
    );
    // A subnet of the pool keeps its prefix there.
    let network = world.network(&demo, NetworkSpec::default()).id;
    let cut = SubnetSpec {
        subnetpool_id: Some(id),
        prefixlen: Some(26),
        ..SubnetSpec::default()
    };
    world.run(|tx| subnet::create(tx, &demo, network, cut.clone())).unwrap();
    for in_use in ["10.0.0.0/8", "10.0.0.0/26", "10.0.0.32/27"] {
        assert_eq!(
            remove(&mut world, &["192.168.0.0/24", in_use]).unwrap_err().code,
            "IllegalSubnetPoolPrefixUpdate"
        );
    }
    // What the pool does not have changes nothing, not even its revision.
    let (before, revision) = remove(&mut world, &["172.16.0.0/12", "fd00::/8"]).unwrap();
    assert_eq!((before, revision), (nets(&["10.0.0.0/21", "192.168.0.0/24"]), 1));
    assert_eq!(
        remove(&mut world, &["10.0.1.0/24", "10.0.4.0/22", "192.168.0.0/16"]).unwrap(),
        (nets(&["10.0.0.0/24", "10.0.2.0/23"]), 2)
    );
    let far = SubnetSpec {
        prefixlen: Some(23),
        ..cut
    };
    let subnet = world.run(|tx| subnet::create(tx, &demo, network, far)).unwrap();
    assert_eq!(subnet.cidr.to_string(), "10.0.2.0/23");
    assert_eq!(
        world.fails(|tx| subnet_pool::remove_prefixes(tx, &member("other"), id, &nets(&["10.0.0.0/8"]))),
        "SubnetPoolNotFound"
    );
}

#[test]
fn a_pool_without_prefixes_keeps_its_version_and_pieces_have_a_limit() {
    let mut world = World::new();
    let id = pool(&mut world, prefixes(&["fd00::/48"])).id;
    let nets = |list: &[&str]| -> Vec<ipnet::IpNet> { list.iter().map(|text| text.parse().unwrap()).collect() };
    let run = |world: &mut World, list: &[&str]| {
        world.run(|tx| subnet_pool::remove_prefixes(tx, &member("demo"), id, &nets(list)))
    };
    // A single address out of /48 would leave 80 pieces.
    assert_eq!(run(&mut world, &["fd00::1/128"]).unwrap_err().code, "InvalidInput");
    let many: Vec<String> = (0..200).map(|n| format!("fd00:0:0:{n:x}:8000::/128")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    assert_eq!(run(&mut world, &many).unwrap_err().code, "InvalidInput");
    let pool = run(&mut world, &["fd00::/16"]).unwrap();
    assert!(pool.prefixes.is_empty());
    assert_eq!(pool.ip_version(), 6);
    let network = world.network(&member("demo"), NetworkSpec::default()).id;
    let cut = SubnetSpec {
        subnetpool_id: Some(id),
        ..SubnetSpec::default()
    };
    assert_eq!(
        world.fails(|tx| subnet::create(tx, &member("demo"), network, cut.clone())),
        "SubnetAllocationError"
    );
    world
        .run(|tx| subnet_pool::add_prefixes(tx, &member("demo"), id, nets(&["fd01::/48"])))
        .unwrap();
    let subnet = world
        .run(|tx| subnet::create(tx, &member("demo"), network, cut))
        .unwrap();
    assert_eq!(subnet.cidr.to_string(), "fd01::/64");
}
