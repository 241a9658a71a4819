use super::*;
use crate::network::auto_allocation::{self, AutoAllocatedTopology};
use crate::network::subnet_pool::{self, SubnetPoolSpec};
use crate::network::{SubnetPool, device_owner};
use crate::{RouterId, SubnetPoolId};

fn default_pool(world: &mut World, prefix: &str, length: u8, shared: bool) -> SubnetPoolId {
    let spec = SubnetPoolSpec {
        prefixes: Some(vec![prefix.parse().unwrap()]),
        default_prefixlen: Some(length),
        is_default: Some(true),
        shared: Some(shared),
        ..SubnetPoolSpec::default()
    };
    world.run(|tx| subnet_pool::create(tx, &admin(), spec)).unwrap().id
}

fn default_public(world: &mut World, cidr: &str) -> NetworkId {
    let (id, _) = world.public(cidr);
    let spec = NetworkSpec {
        is_default: Some(true),
        ..NetworkSpec::default()
    };
    world.run(|tx| network::update(tx, &admin(), id, spec)).unwrap();
    id
}

/// A cloud where everybody can have a network.
fn ready() -> (World, NetworkId) {
    let mut world = World::new();
    let public = default_public(&mut world, "203.0.113.0/24");
    default_pool(&mut world, "10.0.0.0/22", 26, true);
    default_pool(&mut world, "fd00:1::/56", 64, true);
    (world, public)
}

fn ensure(world: &mut World, project: &str) -> Result<NetworkId> {
    world.run(|tx| auto_allocation::ensure(tx, &member(project), &project.into()))
}

fn topology(world: &World, project: &str) -> Option<AutoAllocatedTopology> {
    auto_allocation::find(&world.cloud, &project.into()).map(|row| AutoAllocatedTopology::clone(row))
}

#[test]
fn a_project_gets_one_network_with_a_way_out() {
    let (mut world, public) = ready();
    let id = ensure(&mut world, "demo").unwrap();
    assert_eq!(ensure(&mut world, "demo").unwrap(), id, "the second time there is one");
    let network = world.cloud.get::<Network>(&id).unwrap();
    assert_eq!(network.standard.name, "auto_allocated_network");
    assert_eq!(network.standard.project_id, "demo".into());
    assert!(network.admin_state_up && !network.shared && !network.external);
    let mut subnets: Vec<_> = world.cloud.subnets_of_network(id).collect();
    subnets.sort_by_key(|subnet| subnet.ip_version());
    let shown: Vec<_> = subnets
        .iter()
        .map(|subnet| (subnet.standard.name.as_str(), subnet.cidr.to_string()))
        .collect();
    assert_eq!(
        shown,
        [
            ("auto_allocated_subnet_v4", "10.0.0.0/26".to_owned()),
            ("auto_allocated_subnet_v6", "fd00:1::/64".to_owned())
        ]
    );
    let router_id = topology(&world, "demo").unwrap().router_id.unwrap();
    let router = world.cloud.get::<Router>(&router_id).unwrap();
    assert_eq!(router.standard.name, "auto_allocated_router");
    assert_eq!(router.standard.project_id, "demo".into());
    assert_eq!(router.gateway.as_ref().unwrap().network_id, public);
    let legs = world.cloud.ports_of_device(&router_id.to_string());
    let legs = legs.filter(|port| port.device_owner == device_owner::ROUTER_INTERFACE);
    let mut addresses: Vec<_> = legs
        .flat_map(|port| &port.fixed_ips)
        .map(|fixed| fixed.ip_address)
        .collect();
    addresses.sort();
    assert_eq!(addresses, [ip("10.0.0.1"), ip("fd00:1::1")]);

    // Another project's is its own, from what is left of the pools.
    let other = ensure(&mut world, "other").unwrap();
    assert_ne!(other, id);
    let cidrs = world
        .cloud
        .subnets_of_network(other)
        .map(|subnet| subnet.cidr.to_string());
    assert!(cidrs.into_iter().any(|cidr| cidr == "10.0.0.64/26"));
}

#[test]
fn what_the_cloud_lacks_is_told_and_leaves_no_trace() {
    let message = |world: &mut World| {
        let error = ensure(world, "demo").unwrap_err();
        assert_eq!(error.code, "AutoAllocationFailure");
        assert!(topology(world, "demo").is_none() && world.cloud.routers.is_empty());
        assert!(world.cloud.networks.iter().all(|network| network.external));
        error.message
    };
    let dry = |world: &World| {
        let checked = auto_allocation::check_requirements(&world.cloud, &member("demo"));
        checked.map_err(|error| error.message)
    };
    let mut world = World::new();
    // The only provider network is none that anybody chose for this.
    let (public, _) = world.public("203.0.113.0/24");
    let no_external = "Deployment error: No default router:external network.";
    assert_eq!(
        (message(&mut world), dry(&world)),
        (no_external.to_owned(), Err(no_external.to_owned()))
    );
    let spec = NetworkSpec {
        is_default: Some(true),
        ..NetworkSpec::default()
    };
    world.run(|tx| network::update(tx, &admin(), public, spec)).unwrap();

    let no_network = "Deployment error: Unable to provide project private network.";
    let no_pools = "Deployment error: No default subnetpools defined.";
    assert_eq!(
        (message(&mut world), dry(&world)),
        (no_network.to_owned(), Err(no_pools.to_owned()))
    );
    // A pool that only the administrator's project may use.
    let pool = default_pool(&mut world, "10.0.0.0/26", 26, false);
    assert_eq!(
        (message(&mut world), dry(&world)),
        (no_network.to_owned(), Err(no_pools.to_owned()))
    );
    world.run(|tx| subnet_pool::delete(tx, &admin(), pool)).unwrap();

    // A pool for one project only.
    let pool = default_pool(&mut world, "10.0.0.0/26", 26, true);
    assert_eq!(dry(&world), Ok(()));
    ensure(&mut world, "first").unwrap();
    let error = ensure(&mut world, "demo").unwrap_err();
    assert_eq!(
        (error.code, error.message.as_str()),
        ("AutoAllocationFailure", no_network)
    );
    world
        .run(|tx| auto_allocation::delete(tx, &member("first"), &"first".into()))
        .unwrap();
    world.run(|tx| subnet_pool::delete(tx, &admin(), pool)).unwrap();

    // A pool of what is outside already.
    default_pool(&mut world, "203.0.113.0/24", 26, true);
    let no_way = "Deployment error: Unable to provide external connectivity.";
    assert_eq!((message(&mut world), dry(&world)), (no_way.to_owned(), Ok(())));
}

#[test]
fn quotas_hold_for_it_too() {
    let (mut world, _) = ready();
    let limits = [("router".to_owned(), 0)].into();
    world
        .run(|tx| crate::network::quota::set(tx, &"demo".into(), &limits, false))
        .unwrap();
    assert_eq!(ensure(&mut world, "demo").unwrap_err().code, "OverQuota");
    assert_eq!(world.cloud.networks.len(), 1, "the provider network");
}

#[test]
fn it_goes_as_a_whole_or_stays() {
    let (mut world, _) = ready();
    let demo = member("demo");
    let remove = |tx: &mut Tx<'_>| auto_allocation::delete(tx, &member("demo"), &"demo".into());
    world.run(remove).unwrap();
    let id = ensure(&mut world, "demo").unwrap();
    let port = world.port(&demo, id, PortSpec::default()).id;
    let router = |world: &World| topology(world, "demo").and_then(|topology| topology.router_id).unwrap();
    assert_eq!(world.fails(remove), "NetworkInUse");
    let legs = |world: &World, id: RouterId| world.cloud.ports_of_device(&id.to_string()).count();
    assert_eq!(legs(&world, router(&world)), 3, "nothing of it is gone");
    world.run(|tx| port::delete(tx, &demo, port)).unwrap();
    world.run(remove).unwrap();
    assert!(topology(&world, "demo").is_none() && world.cloud.routers.is_empty() && world.cloud.subnets.len() == 1);

    // A part that its owner removed is not missed.
    ensure(&mut world, "demo").unwrap();
    let router_id = router(&world);
    let network_id = topology(&world, "demo").unwrap().network_id;
    let subnets: Vec<_> = world
        .cloud
        .subnets_of_network(network_id)
        .map(|subnet| subnet.id)
        .collect();
    world
        .run(|tx| router::remove_interface(tx, &demo, router_id, by_subnet(subnets[0])))
        .unwrap();
    assert_eq!(legs(&world, router_id), 2);
    world
        .run(|tx| router::remove_interface(tx, &demo, router_id, by_subnet(subnets[1])))
        .unwrap();
    world.run(|tx| router::delete(tx, &demo, router_id)).unwrap();
    assert_eq!(topology(&world, "demo").unwrap().router_id, None);
    world.run(remove).unwrap();
    assert!(topology(&world, "demo").is_none());

    // With the network, the topology is forgotten: the next one is new.
    let id = ensure(&mut world, "demo").unwrap();
    let router_id = router(&world);
    let subnets: Vec<_> = world.cloud.subnets_of_network(id).map(|subnet| subnet.id).collect();
    for subnet in subnets {
        world
            .run(|tx| router::remove_interface(tx, &demo, router_id, by_subnet(subnet)))
            .unwrap();
    }
    world.run(|tx| network::delete(tx, &demo, id)).unwrap();
    assert!(topology(&world, "demo").is_none());
    assert_ne!(ensure(&mut world, "demo").unwrap(), id);
}

#[test]
fn a_topology_is_its_projects_and_the_administrators() {
    let (mut world, _) = ready();
    let cloud = world.cloud.clone();
    let of = |actor: &Actor, named: &str| auto_allocation::project_of(&cloud, actor, named);
    assert_eq!(of(&member("demo"), "None").unwrap(), "demo".into());
    assert_eq!(of(&member("demo"), "demo").unwrap(), "demo".into());
    assert_eq!(of(&member("demo"), "other").unwrap_err().code, "NotAuthorized");
    assert_eq!(of(&admin(), "nobody").unwrap_err().code, "ProjectNotFound");
    let mut system = admin();
    system.scope = Scope::System;
    assert_eq!(of(&system, "None").unwrap_err().code, "HTTPBadRequest");
    // What the administrator makes for a project is the project's.
    let id = world
        .run(|tx| auto_allocation::ensure(tx, &admin(), &"demo".into()))
        .unwrap();
    assert_eq!(ensure(&mut world, "demo").unwrap(), id);
    let owned = world
        .cloud
        .routers
        .iter()
        .all(|router| router.standard.project_id == "demo".into());
    assert!(owned && world.cloud.get::<Network>(&id).unwrap().standard.project_id == "demo".into());
    assert_eq!(world.cloud.count::<SubnetPool>(&"admin".into()), 2);
}
