use super::*;
use crate::RbacPolicyId;
use crate::network::access::Resource;
use crate::network::rbac::{self, Action, ObjectType, RbacPolicySpec};

fn grant(
    world: &mut World,
    actor: &Actor,
    network: NetworkId,
    action: Action,
    target: Option<&str>,
) -> Result<RbacPolicyId> {
    let spec = RbacPolicySpec {
        project_id: None,
        object_type: ObjectType::Network,
        object_id: network.0,
        action,
        target: target.map(ProjectId::from),
    };
    world.run(|tx| rbac::create(tx, actor, spec)).map(|policy| policy.id)
}

fn shared(world: &mut World, actor: &Actor, network: NetworkId, target: Option<&str>) -> Result<RbacPolicyId> {
    grant(world, actor, network, Action::AccessAsShared, target)
}

fn external(world: &mut World, network: NetworkId, target: Option<&str>) -> Result<RbacPolicyId> {
    grant(world, &admin(), network, Action::AccessAsExternal, target)
}

fn sees(world: &World, actor: &Actor, network: NetworkId) -> bool {
    world
        .cloud
        .networks
        .get(&network)
        .unwrap()
        .visible_to(&world.cloud, actor)
}

fn policies(world: &World, network: NetworkId) -> Vec<(Action, Option<ProjectId>)> {
    rbac::of_network(&world.cloud, network)
        .map(|policy| (policy.action, policy.target.clone()))
        .collect()
}

#[test]
fn a_network_is_shared_with_one_project_as_long_as_its_ports_do_not_need_it() {
    let mut world = World::new();
    let (owner, guest, other) = (member("demo"), member("guest"), member("other"));
    let (network, _) = world.private("10.0.0.0/24");
    assert!(!sees(&world, &guest, network));
    let policy = shared(&mut world, &owner, network, Some("guest")).unwrap();
    assert!(sees(&world, &guest, network) && !sees(&world, &other, network));
    assert_eq!(
        shared(&mut world, &owner, network, Some("guest")).unwrap_err().code,
        "DuplicateRbacPolicy"
    );
    assert_eq!(
        shared(&mut world, &guest, network, Some("other")).unwrap_err().code,
        "InvalidInput"
    );
    assert_eq!(
        shared(&mut world, &other, network, Some("other")).unwrap_err().code,
        "NetworkNotFound"
    );
    assert_eq!(
        shared(&mut world, &owner, network, None).unwrap_err().code,
        "PolicyNotAuthorized"
    );
    let port = world.port(&guest, network, PortSpec::default()).id;
    assert_eq!(world.fails(|tx| rbac::delete(tx, &owner, policy)), "RbacPolicyInUse");
    let target = Some(ProjectId::from("other"));
    assert_eq!(
        world.fails(|tx| rbac::update(tx, &owner, policy, target.clone())),
        "RbacPolicyInUse"
    );
    assert_eq!(
        world.fails(|tx| rbac::delete(tx, &guest, policy)),
        "RbacPolicyNotFound",
        "the guest sees the network, not the owner's policy"
    );
    world.run(|tx| port::delete(tx, &owner, port)).unwrap();
    world.run(|tx| rbac::update(tx, &owner, policy, target)).unwrap();
    assert!(!sees(&world, &guest, network) && sees(&world, &other, network));
    world.run(|tx| network::delete(tx, &owner, network)).unwrap();
    assert_eq!(
        world.cloud.rbac_policies.iter().count(),
        0,
        "a network's policies go with it"
    );
}

#[test]
fn shared_and_the_policy_for_all_are_one_thing() {
    let mut world = World::new();
    let admin = admin();
    let (network, _) = world.private("10.0.0.0/24");
    let flag = |world: &World| world.cloud.networks.get(&network).unwrap().shared;
    let set = |world: &mut World, shared| {
        let spec = NetworkSpec {
            shared: Some(shared),
            ..NetworkSpec::default()
        };
        world.run(|tx| network::update(tx, &admin, network, spec)).map(drop)
    };
    let policy = shared(&mut world, &admin, network, None).unwrap();
    assert!(flag(&world));
    world.run(|tx| rbac::delete(tx, &admin, policy)).unwrap();
    assert!(!flag(&world));
    set(&mut world, true).unwrap();
    assert_eq!(policies(&world, network), [(Action::AccessAsShared, None)]);
    let guest = member("guest");
    let port = world.port(&guest, network, PortSpec::default()).id;
    assert_eq!(set(&mut world, false).unwrap_err().code, "InvalidSharedSetting");
    shared(&mut world, &admin, network, Some("guest")).unwrap();
    set(&mut world, false).unwrap();
    assert_eq!(
        policies(&world, network),
        [(Action::AccessAsShared, Some("guest".into()))]
    );
    world.run(|tx| port::delete(tx, &guest, port)).unwrap();
}

#[test]
fn a_network_is_external_as_long_as_a_policy_says_so() {
    let mut world = World::new();
    let (admin, guest, demo) = (admin(), member("guest"), member("demo"));
    let (public, _) = world.public("172.24.4.0/24");
    assert_eq!(policies(&world, public), [(Action::AccessAsExternal, None)]);
    let is_external = |world: &World, id| world.cloud.networks.get(&id).unwrap().external;
    let own = world.network(&admin, NetworkSpec::default()).id;
    let for_guest = external(&mut world, own, Some("guest")).unwrap();
    assert!(is_external(&world, own));
    assert!(sees(&world, &guest, own) && !sees(&world, &demo, own));
    let use_it = |world: &mut World, actor: &Actor, id| {
        let spec = RouterSpec {
            gateway: Some(Some(gateway(id))),
            ..RouterSpec::default()
        };
        world.run(|tx| router::create(tx, actor, spec)).map(|router| router.id)
    };
    assert_eq!(use_it(&mut world, &demo, own).unwrap_err().code, "NetworkNotFound");
    shared(&mut world, &admin, own, Some("demo")).unwrap();
    assert_eq!(
        use_it(&mut world, &demo, own).unwrap_err().code,
        "BadRequest",
        "shared with it, but not external for it"
    );
    let router = use_it(&mut world, &guest, own).unwrap();
    assert_eq!(world.fails(|tx| rbac::delete(tx, &admin, for_guest)), "RbacPolicyInUse");
    let for_all = external(&mut world, own, None).unwrap();
    world.run(|tx| rbac::delete(tx, &admin, for_guest)).unwrap();
    assert_eq!(world.fails(|tx| rbac::delete(tx, &admin, for_all)), "RbacPolicyInUse");
    world.run(|tx| router::delete(tx, &guest, router)).unwrap();
    world.run(|tx| rbac::delete(tx, &admin, for_all)).unwrap();
    assert!(!is_external(&world, own));
    let spec = NetworkSpec {
        is_default: Some(true),
        ..NetworkSpec::default()
    };
    world.run(|tx| network::update(tx, &admin, public, spec)).unwrap();
    let policy = rbac::of_network(&world.cloud, public).next().unwrap().id;
    assert_eq!(world.fails(|tx| rbac::delete(tx, &admin, policy)), "RbacPolicyInUse");
    let spec = NetworkSpec {
        external: Some(false),
        ..NetworkSpec::default()
    };
    world.run(|tx| network::update(tx, &admin, public, spec)).unwrap();
    assert_eq!(policies(&world, public), []);
}
