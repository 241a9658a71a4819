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
