use super::*;
use crate::RbacPolicyId;
use crate::host::{Direction, EtherType};
use crate::network::access::Resource;
use crate::network::address_group::{self, AddressGroupSpec};
use crate::network::address_scope::{self, AddressScopeSpec};
use crate::network::rbac::{self, Action, ObjectType, RbacPolicySpec};
use crate::network::security_group::{self, RuleSpec, SecurityGroupSpec};
use crate::network::subnet_pool::{self, SubnetPoolSpec};
use crate::network::{AddressGroup, AddressScope};

fn share(
    world: &mut World,
    actor: &Actor,
    object_type: ObjectType,
    object_id: uuid::Uuid,
    target: Option<&str>,
) -> Result<RbacPolicyId> {
    let spec = RbacPolicySpec {
        project_id: None,
        object_type,
        object_id,
        action: Action::AccessAsShared,
        target: target.map(ProjectId::from),
    };
    world.run(|tx| rbac::create(tx, actor, spec)).map(|policy| policy.id)
}

fn addresses(world: &mut World, actor: &Actor, nets: &[&str]) -> Arc<AddressGroup> {
    let spec = AddressGroupSpec {
        addresses: nets.iter().map(|net| net.parse().unwrap()).collect(),
        ..AddressGroupSpec::default()
    };
    world.run(|tx| address_group::create(tx, actor, spec)).unwrap()
}

#[test]
fn a_rule_names_an_address_group_that_its_project_may_see() {
    let mut world = World::new();
    let (owner, guest) = (member("demo"), member("guest"));
    let group = addresses(&mut world, &owner, &["10.1.2.3/24", "2001:db8::/32"]);
    assert_eq!(group.addresses.iter().next().unwrap().to_string(), "10.1.2.0/24");
    let theirs = world
        .run(|tx| security_group::create(tx, &guest, SecurityGroupSpec::default()))
        .unwrap();
    let rule = RuleSpec {
        remote_address_group_id: Some(group.id),
        ..RuleSpec::new(theirs.id, Direction::Ingress, EtherType::IPv4)
    };
    let code = world.fails(|tx| security_group::create_rule(tx, &guest, rule.clone()));
    assert_eq!(code, "AddressGroupNotFound");
    let policy = share(&mut world, &owner, ObjectType::AddressGroup, group.id.0, Some("guest")).unwrap();
    let both = RuleSpec {
        remote_group_id: Some(theirs.id),
        ..rule.clone()
    };
    let code = world.fails(|tx| security_group::create_rule(tx, &guest, both));
    assert_eq!(code, "SecurityGroupMultipleRemoteEntites");
    let made = world.run(|tx| security_group::create_rule(tx, &guest, rule)).unwrap();
    assert_eq!(world.fails(|tx| rbac::delete(tx, &owner, policy)), "RbacPolicyInUse");
    assert_eq!(
        world.fails(|tx| address_group::delete(tx, &owner, group.id)),
        "AddressGroupInUse"
    );
    let rename = AddressGroupSpec {
        name: Some("mine".into()),
        ..AddressGroupSpec::default()
    };
    let code = world.fails(|tx| address_group::update(tx, &guest, group.id, rename));
    assert_eq!(code, "AddressGroupNotFound", "it is the owner's to change");
    world
        .run(|tx| security_group::delete_rule(tx, &guest, made.id))
        .unwrap();
    world.run(|tx| rbac::delete(tx, &owner, policy)).unwrap();
    world.run(|tx| address_group::delete(tx, &owner, group.id)).unwrap();
}

#[test]
fn addresses_come_and_go_once() {
    let mut world = World::new();
    let owner = member("demo");
    let id = addresses(&mut world, &owner, &["10.0.0.0/8"]).id;
    let (known, new) = (["10.9.9.9/8".parse().unwrap()], ["192.0.2.0/24".parse().unwrap()]);
    let code = world.fails(|tx| address_group::add_addresses(tx, &owner, id, &known));
    assert_eq!(code, "AddressesAlreadyExist");
    let code = world.fails(|tx| address_group::remove_addresses(tx, &owner, id, &new));
    assert_eq!(code, "AddressesNotFound");
    world
        .run(|tx| address_group::add_addresses(tx, &owner, id, &new))
        .unwrap();
    let left = world
        .run(|tx| address_group::remove_addresses(tx, &owner, id, &known))
        .unwrap();
    assert_eq!(left.addresses.len(), 1);
}

#[test]
fn a_shared_security_group_is_for_ports_and_not_for_change() {
    let mut world = World::new();
    let (owner, guest) = (member("demo"), member("guest"));
    let group = world
        .run(|tx| security_group::create(tx, &owner, SecurityGroupSpec::default()))
        .unwrap();
    let policy = share(&mut world, &owner, ObjectType::SecurityGroup, group.id.0, Some("guest")).unwrap();
    assert!(group.visible_to(&world.cloud, &guest) && !group.visible_to(&world.cloud, &member("other")));
    let rule = RuleSpec::new(group.id, Direction::Ingress, EtherType::IPv4);
    let code = world.fails(|tx| security_group::create_rule(tx, &guest, rule));
    assert_eq!(code, "PolicyNotAuthorized");
    let network = world.network(&guest, NetworkSpec::default()).id;
    let spec = PortSpec {
        security_groups: Some(vec![group.id]),
        ..PortSpec::default()
    };
    let port = world.port(&guest, network, spec).id;
    assert_eq!(world.fails(|tx| rbac::delete(tx, &owner, policy)), "RbacPolicyInUse");
    world.run(|tx| port::delete(tx, &guest, port)).unwrap();
    world.run(|tx| rbac::delete(tx, &owner, policy)).unwrap();
    let external = RbacPolicySpec {
        project_id: None,
        object_type: ObjectType::SecurityGroup,
        object_id: group.id.0,
        action: Action::AccessAsExternal,
        target: None,
    };
    assert_eq!(world.fails(|tx| rbac::create(tx, &admin(), external)), "InvalidInput");
}

fn scope(world: &mut World, actor: &Actor, ip_version: u8, shared: bool) -> Result<Arc<AddressScope>> {
    let spec = AddressScopeSpec {
        ip_version: Some(ip_version),
        shared: Some(shared),
        ..AddressScopeSpec::default()
    };
    world.run(|tx| address_scope::create(tx, actor, spec))
}

fn pool(scope: Option<&AddressScope>, prefix: &str) -> SubnetPoolSpec {
    SubnetPoolSpec {
        prefixes: Some(vec![prefix.parse().unwrap()]),
        address_scope_id: Some(scope.map(|scope| scope.id)),
        ..SubnetPoolSpec::default()
    }
}

#[test]
fn pools_of_a_scope_do_not_overlap() {
    let mut world = World::new();
    let demo = member("demo");
    let (v4, v6) = (
        scope(&mut world, &demo, 4, false).unwrap(),
        scope(&mut world, &demo, 6, false).unwrap(),
    );
    assert_eq!(
        scope(&mut world, &demo, 4, true).unwrap_err().code,
        "PolicyNotAuthorized"
    );
    let first = pool(Some(&v4), "10.0.0.0/16");
    let first = world.run(|tx| subnet_pool::create(tx, &demo, first)).unwrap();
    for (spec, code) in [
        (pool(Some(&v4), "10.0.128.0/20"), "AddressScopePrefixConflict"),
        (
            pool(Some(&v6), "10.1.0.0/16"),
            "IllegalSubnetPoolIpVersionAssociationToAddressScope",
        ),
    ] {
        assert_eq!(world.fails(|tx| subnet_pool::create(tx, &demo, spec)), code);
    }
    let second = pool(Some(&v4), "10.1.0.0/16");
    let second = world.run(|tx| subnet_pool::create(tx, &demo, second)).unwrap();
    let wider = pool(Some(&v4), "10.0.0.0/15");
    let code = world.fails(|tx| subnet_pool::update(tx, &demo, second.id, wider));
    assert_eq!(code, "AddressScopePrefixConflict");
    assert_eq!(
        world.fails(|tx| address_scope::delete(tx, &demo, v4.id)),
        "AddressScopeInUse"
    );
    let out = SubnetPoolSpec {
        address_scope_id: Some(None),
        ..SubnetPoolSpec::default()
    };
    for id in [first.id, second.id] {
        world.run(|tx| subnet_pool::update(tx, &demo, id, out.clone())).unwrap();
    }
    world.run(|tx| address_scope::delete(tx, &demo, v4.id)).unwrap();
}

#[test]
fn a_pool_in_somebody_elses_scope_stays_as_it_is() {
    let mut world = World::new();
    let (admin, demo) = (admin(), member("demo"));
    let shared = scope(&mut world, &admin, 4, true).unwrap();
    let spec = pool(Some(&shared), "10.0.0.0/16");
    let own = world.run(|tx| subnet_pool::create(tx, &demo, spec)).unwrap();
    let code = world.fails(|tx| subnet_pool::update(tx, &demo, own.id, pool(Some(&shared), "10.0.0.0/15")));
    assert_eq!(code, "IllegalSubnetPoolUpdate");
    let unshare = AddressScopeSpec {
        shared: Some(false),
        ..AddressScopeSpec::default()
    };
    let code = world.fails(|tx| address_scope::update(tx, &admin, shared.id, unshare));
    assert_eq!(code, "AddressScopeUpdateError");
    let hidden = scope(&mut world, &admin, 4, false).unwrap();
    let spec = pool(Some(&hidden), "10.8.0.0/16");
    let theirs = world.run(|tx| subnet_pool::create(tx, &admin, spec)).unwrap();
    let error = share(&mut world, &admin, ObjectType::Subnetpool, theirs.id.0, Some("demo")).unwrap_err();
    assert_eq!(error.code, "InvalidInput", "a pool is of no use without its scope");
    let policy = rbac::of_object(&world.cloud, shared.id.0).next().unwrap().id;
    assert_eq!(world.fails(|tx| rbac::delete(tx, &admin, policy)), "RbacPolicyInUse");
    share(&mut world, &admin, ObjectType::AddressScope, shared.id.0, Some("demo")).unwrap();
    world
        .run(|tx| rbac::delete(tx, &admin, policy))
        .expect("another policy serves the only user");
}
