use super::*;
use crate::QosPolicyId;
use crate::host::Direction;
use crate::network::access::Resource;
use crate::network::floating_ip::{self, FloatingIpSpec};
use crate::network::qos::{self, BandwidthLimitRule, DscpMarkingRule, QosPolicy, QosPolicySpec, RuleSpec};
use crate::network::rbac::{self, Action, ObjectType, RbacPolicySpec};
use crate::plan::{Planner, Settings};

fn policy(world: &mut World, spec: QosPolicySpec) -> Arc<QosPolicy> {
    world.run(|tx| qos::create(tx, &admin(), spec)).unwrap()
}

fn of_demo() -> QosPolicySpec {
    QosPolicySpec {
        project_id: Some("demo".into()),
        ..QosPolicySpec::default()
    }
}

fn with_policy(id: QosPolicyId) -> NetworkSpec {
    NetworkSpec {
        qos_policy_id: Some(Some(id)),
        ..NetworkSpec::default()
    }
}

fn limit(max: u32, direction: Direction) -> RuleSpec {
    RuleSpec {
        max: Some(max),
        direction: Some(direction),
        ..RuleSpec::default()
    }
}

#[test]
fn policies_are_the_administrators_to_make_and_everybodys_to_have_if_shared() {
    let mut world = World::new();
    let demo = member("demo");
    let code = world.fails(|tx| qos::create(tx, &demo, QosPolicySpec::default()));
    assert_eq!(code, "PolicyNotAuthorized");
    let hidden = policy(&mut world, QosPolicySpec::default());
    let code = world.fails(|tx| network::create(tx, &demo, with_policy(hidden.id)));
    assert_eq!(code, "QosPolicyNotFound");
    let own = policy(&mut world, of_demo());
    let code = world.fails(|tx| qos::update(tx, &demo, own.id, QosPolicySpec::default()));
    assert_eq!(code, "PolicyNotAuthorized");
    let code = world.fails(|tx| qos::create_rule::<BandwidthLimitRule>(tx, &demo, own.id, limit(1, Direction::Egress)));
    assert_eq!(code, "PolicyNotAuthorized");

    let network = world.network(&demo, with_policy(own.id));
    assert_eq!(world.fails(|tx| qos::delete(tx, &admin(), own.id)), "QosPolicyInUse");
    let change = |world: &mut World, actor: &Actor, policy: Option<QosPolicyId>| {
        let spec = NetworkSpec {
            qos_policy_id: Some(policy),
            ..NetworkSpec::default()
        };
        world.run(|tx| network::update(tx, actor, network.id, spec))
    };
    change(&mut world, &admin(), Some(hidden.id)).unwrap();
    let error = change(&mut world, &demo, None).unwrap_err();
    assert_eq!(error.code, "PolicyRemoveAuthorizationError");
    let share = QosPolicySpec {
        shared: Some(true),
        ..QosPolicySpec::default()
    };
    world.run(|tx| qos::update(tx, &admin(), hidden.id, share)).unwrap();
    assert!(hidden.visible_to(&world.cloud, &demo));
    let unshare = QosPolicySpec {
        shared: Some(false),
        ..QosPolicySpec::default()
    };
    let code = world.fails(|tx| qos::update(tx, &admin(), hidden.id, unshare.clone()));
    assert_eq!(code, "RbacPolicyInUse");
    change(&mut world, &demo, None).unwrap();
    world.run(|tx| qos::update(tx, &admin(), hidden.id, unshare)).unwrap();
    world.run(|tx| qos::delete(tx, &admin(), own.id)).unwrap();
}

#[test]
fn a_policy_has_one_rule_of_a_kind_and_direction() {
    let mut world = World::new();
    let root = admin();
    let id = policy(&mut world, QosPolicySpec::default()).id;
    let add = |world: &mut World, spec| world.run(|tx| qos::create_rule::<BandwidthLimitRule>(tx, &root, id, spec));
    let egress = add(&mut world, limit(1000, Direction::Egress)).unwrap();
    add(&mut world, limit(2000, Direction::Ingress)).unwrap();
    let error = add(&mut world, limit(3000, Direction::Egress)).unwrap_err();
    assert_eq!(error.code, "QoSRuleParameterConflict");
    assert_eq!(add(&mut world, RuleSpec::default()).unwrap_err().code, "HTTPBadRequest");
    let turn = limit(1000, Direction::Ingress);
    let code = world.fails(|tx| qos::update_rule::<BandwidthLimitRule>(tx, &root, egress.id, turn));
    assert_eq!(code, "QoSRuleParameterConflict");
    for (mark, good) in [(46, true), (44, false), (63, false)] {
        let spec = RuleSpec {
            dscp_mark: Some(mark),
            ..RuleSpec::default()
        };
        let made = world.run(|tx| {
            let rule = qos::create_rule::<DscpMarkingRule>(tx, &root, id, spec)?;
            qos::delete_rule::<DscpMarkingRule>(tx, &root, rule.id)
        });
        assert_eq!(made.is_ok(), good, "{mark}");
    }
    world.run(|tx| qos::delete(tx, &root, id)).unwrap();
    assert!(
        world.cloud.find::<BandwidthLimitRule>(&egress.id).is_none(),
        "rules go with their policy"
    );
}

#[test]
fn new_networks_have_their_projects_default_and_ports_their_networks_policy() {
    let mut world = World::new();
    let demo = member("demo");
    let spec = QosPolicySpec {
        is_default: Some(true),
        ..of_demo()
    };
    let default = policy(&mut world, spec.clone());
    let code = world.fails(|tx| qos::create(tx, &admin(), spec));
    assert_eq!(code, "QoSPolicyDefaultAlreadyExists");
    let network = world.network(&demo, NetworkSpec::default());
    assert_eq!(network.qos_policy_id, Some(default.id));
    let port = world.port(&demo, network.id, PortSpec::default());
    assert_eq!(
        (port.qos_policy_id, qos::effective(&port, &network)),
        (None, Some(default.id))
    );
    let own = policy(&mut world, of_demo());
    let spec = PortSpec {
        qos_policy_id: Some(Some(own.id)),
        ..PortSpec::default()
    };
    let port = world.port(&demo, network.id, spec);
    assert_eq!(qos::effective(&port, &network), Some(own.id));
    let none = NetworkSpec {
        qos_policy_id: Some(None),
        ..NetworkSpec::default()
    };
    assert_eq!(world.network(&demo, none).qos_policy_id, None);
}

#[test]
fn a_policy_is_shared_while_somebody_needs_it() {
    let mut world = World::new();
    let root = admin();
    let id = policy(&mut world, QosPolicySpec::default()).id;
    let grant = |world: &mut World, target: Option<&str>| {
        let spec = RbacPolicySpec {
            project_id: None,
            object_type: ObjectType::QosPolicy,
            object_id: id.0,
            action: Action::AccessAsShared,
            target: target.map(ProjectId::from),
        };
        world.run(|tx| rbac::create(tx, &root, spec)).unwrap().id
    };
    let single = grant(&mut world, Some("demo"));
    world.network(&member("demo"), with_policy(id));
    assert_eq!(world.fails(|tx| rbac::delete(tx, &root, single)), "RbacPolicyInUse");
    let all = grant(&mut world, None);
    world.run(|tx| rbac::delete(tx, &root, single)).unwrap();
    assert_eq!(world.fails(|tx| rbac::delete(tx, &root, all)), "RbacPolicyInUse");
    let code = world.fails(|tx| rbac::update(tx, &root, all, Some("demo".into())));
    assert_eq!(code, "RbacPolicyInUse", "as with Neutron, whoever gets it instead");
}

#[test]
fn floating_ips_and_gateways_have_policies() {
    let mut world = World::new();
    let (demo, root) = (member("demo"), admin());
    let (public, _) = world.public("172.24.4.0/24");
    let hidden = policy(&mut world, QosPolicySpec::default());
    let own = policy(&mut world, of_demo());
    let add = limit(8000, Direction::Ingress);
    world
        .run(|tx| qos::create_rule::<BandwidthLimitRule>(tx, &root, own.id, add))
        .unwrap();
    let with = |id: Option<QosPolicyId>| FloatingIpSpec {
        qos_policy_id: Some(id),
        ..FloatingIpSpec::default()
    };
    let code = world.fails(|tx| floating_ip::create(tx, &demo, public, with(Some(hidden.id))));
    assert_eq!(code, "QosPolicyNotFound");
    let floating = world
        .run(|tx| floating_ip::create(tx, &demo, public, with(Some(own.id))))
        .unwrap();
    assert_eq!(floating.qos_policy_id, Some(own.id));
    assert_eq!(world.fails(|tx| qos::delete(tx, &root, own.id)), "QosPolicyInUse");
    world
        .run(|tx| floating_ip::update(tx, &demo, floating.id, with(None)))
        .unwrap();

    let spec = |qos_policy_id| RouterSpec {
        gateway: Some(Some(GatewaySpec {
            qos_policy_id,
            ..gateway(public)
        })),
        ..RouterSpec::default()
    };
    let router = world
        .run(|tx| router::create(tx, &demo, spec(Some(Some(own.id)))))
        .unwrap();
    let limits = |world: &World| {
        let planner = Planner::new(&world.cloud, "host".into(), Settings::default());
        planner.config().routers[&router.id].limits.clone()
    };
    let limit = &limits(&world)[0];
    assert_eq!((limit.ingress.unwrap().kbps, limit.egress), (8000, None));
    assert_eq!(world.fails(|tx| qos::delete(tx, &root, own.id)), "QosPolicyInUse");
    let kept = world
        .run(|tx| router::update(tx, &demo, router.id, spec(None)))
        .unwrap();
    assert_eq!(kept.gateway.as_ref().unwrap().qos_policy_id, Some(own.id));
    world
        .run(|tx| router::update(tx, &demo, router.id, spec(Some(None))))
        .unwrap();
    assert!(limits(&world).is_empty());
    world.run(|tx| qos::delete(tx, &root, own.id)).unwrap();
}
