use super::*;
use crate::SecurityGroupId;
use crate::host::{Direction, EtherType};
use crate::network::SecurityGroupRule;
use crate::network::security_group::{self, RuleSpec, SecurityGroupSpec};

fn named(name: &str) -> SecurityGroupSpec {
    SecurityGroupSpec {
        name: Some(name.into()),
        ..SecurityGroupSpec::default()
    }
}

#[test]
fn the_default_group_lets_out_everything_and_in_its_own_members() {
    let mut world = World::new();
    let group = world
        .run(|tx| Ok(security_group::ensure_default(tx, &"demo".into())))
        .unwrap();
    let again = world
        .run(|tx| Ok(security_group::ensure_default(tx, &"demo".into())))
        .unwrap();
    assert_eq!(group.id, again.id);
    let rules: Vec<&Arc<SecurityGroupRule>> = world.cloud.rules_of_group(group.id).collect();
    assert_eq!(rules.len(), 4);
    for rule in rules {
        match rule.direction {
            Direction::Egress => assert_eq!(rule.remote_group_id, None),
            Direction::Ingress => assert_eq!(rule.remote_group_id, Some(group.id)),
        }
        assert_eq!((&rule.protocol, rule.remote_ip_prefix), (&None, None));
    }
}

#[test]
fn the_default_group_is_the_projects_for_ever() {
    let mut world = World::new();
    let demo = member("demo");
    world.run(|tx| security_group::create(tx, &demo, named("web"))).unwrap();
    let default = security_group::default_of(&world.cloud, &"demo".into()).unwrap().id;
    assert_eq!(
        world.fails(|tx| security_group::create(tx, &demo, named("Default"))),
        "SecurityGroupDefaultAlreadyExists"
    );
    assert_eq!(
        world.fails(|tx| security_group::update(tx, &demo, default, named("mine"))),
        "SecurityGroupCannotUpdateDefault"
    );
    assert_eq!(
        world.fails(|tx| security_group::delete(tx, &demo, default)),
        "SecurityGroupCannotRemoveDefault"
    );
    world.run(|tx| security_group::delete(tx, &admin(), default)).unwrap();
    assert!(world.cloud.rules_of_group(default).next().is_none());
}

#[test]
fn groups_with_and_without_state_are_not_mixed_and_keep_to_it_while_in_use() {
    let mut world = World::new();
    let demo = member("demo");
    let (network, _) = world.private("10.0.0.0/24");
    let with = |stateful: Option<bool>| SecurityGroupSpec {
        stateful,
        ..SecurityGroupSpec::default()
    };
    let make = |world: &mut World, stateful| {
        let spec = with(stateful);
        world.run(|tx| security_group::create(tx, &demo, spec)).unwrap()
    };
    let (usual, stateless) = (make(&mut world, None), make(&mut world, Some(false)));
    assert_eq!((usual.stateful, stateless.stateful), (true, false));
    let (usual, stateless) = (usual.id, stateless.id);
    let in_groups = |groups: &[SecurityGroupId]| PortSpec {
        security_groups: Some(groups.to_vec()),
        ..PortSpec::default()
    };
    let mixed = in_groups(&[usual, stateless]);
    assert_eq!(
        world.fails(|tx| port::create(tx, &demo, network, mixed.clone())),
        "SecurityGroupConflict"
    );
    let port = world.port(&demo, network, in_groups(&[stateless])).id;
    assert_eq!(
        world.fails(|tx| port::update(tx, &demo, port, mixed)),
        "SecurityGroupConflict"
    );
    let change = |world: &mut World, id, stateful| {
        let spec = with(Some(stateful));
        world.run(|tx| security_group::update(tx, &demo, id, spec))
    };
    assert_eq!(
        change(&mut world, stateless, true).unwrap_err().code,
        "SecurityGroupInUse"
    );
    assert!(!change(&mut world, stateless, false).unwrap().stateful);
    assert!(!change(&mut world, usual, false).unwrap().stateful);
    // Now they are of one kind.
    world
        .run(|tx| port::update(tx, &demo, port, in_groups(&[usual, stateless])))
        .unwrap();
    world.run(|tx| port::update(tx, &demo, port, in_groups(&[]))).unwrap();
    assert!(change(&mut world, stateless, true).unwrap().stateful);
    let default = security_group::default_of(&world.cloud, &"demo".into()).unwrap().id;
    assert!(!change(&mut world, default, false).unwrap().stateful);
    assert!(
        !world
            .port(&demo, network, PortSpec::default())
            .security_groups
            .is_empty()
    );
}

#[test]
fn the_same_rule_twice_is_a_conflict_however_it_is_written() {
    let mut world = World::new();
    let demo = member("demo");
    let group = world
        .run(|tx| security_group::create(tx, &demo, named("web")))
        .unwrap()
        .id;
    let rule = |protocol: &str, prefix: Option<&str>| RuleSpec {
        protocol: Some(protocol.into()),
        port_range_min: Some(22),
        port_range_max: Some(22),
        remote_ip_prefix: prefix.map(|prefix| prefix.parse().unwrap()),
        ..RuleSpec::new(group, Direction::Ingress, EtherType::IPv4)
    };
    world
        .run(|tx| security_group::create_rule(tx, &demo, rule("tcp", None)))
        .unwrap();
    for same in [rule("TCP", None), rule("6", None), rule("tcp", Some("0.0.0.0/0"))] {
        assert_eq!(
            world.fails(|tx| security_group::create_rule(tx, &demo, same)),
            "SecurityGroupRuleExists"
        );
    }
    world
        .run(|tx| security_group::create_rule(tx, &demo, rule("tcp", Some("10.0.0.0/8"))))
        .unwrap();
    let egress = RuleSpec::new(group, Direction::Egress, EtherType::IPv4);
    assert_eq!(
        world.fails(|tx| security_group::create_rule(tx, &demo, egress)),
        "SecurityGroupRuleExists"
    );
    let two = vec![rule("udp", None), rule("17", None)];
    assert_eq!(
        world.fails(|tx| security_group::create_rules(tx, &demo, two)),
        "DuplicateSecurityGroupRuleInPost"
    );
}

#[test]
fn rules_are_checked() {
    let mut world = World::new();
    let demo = member("demo");
    let group = world
        .run(|tx| security_group::create(tx, &demo, named("web")))
        .unwrap()
        .id;
    let theirs = world
        .run(|tx| Ok(security_group::ensure_default(tx, &"other".into())))
        .unwrap()
        .id;
    let base = || RuleSpec::new(group, Direction::Ingress, EtherType::IPv4);
    let cases = [
        (
            RuleSpec {
                remote_ip_prefix: Some("fd00::/64".parse().unwrap()),
                ..base()
            },
            "SecurityGroupRuleParameterConflict",
        ),
        (
            RuleSpec {
                remote_ip_prefix: Some("10.0.0.0/8".parse().unwrap()),
                remote_group_id: Some(group),
                ..base()
            },
            "SecurityGroupMultipleRemoteEntites",
        ),
        (
            RuleSpec {
                remote_group_id: Some(theirs),
                ..base()
            },
            "SecurityGroupNotFound",
        ),
        (
            RuleSpec::new(theirs, Direction::Ingress, EtherType::IPv4),
            "SecurityGroupNotFound",
        ),
        (
            RuleSpec {
                port_range_min: Some(1),
                port_range_max: Some(2),
                ..base()
            },
            "SecurityGroupProtocolRequiredWithPorts",
        ),
        (
            RuleSpec {
                protocol: Some("nonsense".into()),
                ..base()
            },
            "SecurityGroupRuleInvalidProtocol",
        ),
    ];
    for (spec, code) in cases {
        assert_eq!(
            world.fails(|tx| security_group::create_rule(tx, &demo, spec.clone())),
            code,
            "{spec:?}"
        );
    }
    let all_ports = RuleSpec {
        protocol: Some("tcp".into()),
        port_range_min: Some(1),
        port_range_max: Some(65535),
        ..base()
    };
    let rule = world
        .run(|tx| security_group::create_rule(tx, &demo, all_ports))
        .unwrap();
    assert_eq!((rule.port_range_min, rule.port_range_max), (None, None));
}

#[test]
fn a_group_in_use_stays_and_takes_its_mentions_with_it() {
    let mut world = World::new();
    let demo = member("demo");
    let (network, _) = world.private("10.0.0.0/24");
    let group = world
        .run(|tx| security_group::create(tx, &demo, named("web")))
        .unwrap()
        .id;
    let other = world
        .run(|tx| security_group::create(tx, &demo, named("db")))
        .unwrap()
        .id;
    let spec = PortSpec {
        security_groups: Some(vec![group]),
        ..PortSpec::default()
    };
    let port = world.port(&demo, network, spec).id;
    let mention = RuleSpec {
        remote_group_id: Some(group),
        ..RuleSpec::new(other, Direction::Ingress, EtherType::IPv4)
    };
    let mention = world
        .run(|tx| security_group::create_rule(tx, &demo, mention))
        .unwrap()
        .id;
    assert_eq!(
        world.fails(|tx| security_group::delete(tx, &demo, group)),
        "SecurityGroupInUse"
    );
    world.run(|tx| port::delete(tx, &demo, port)).unwrap();
    world.run(|tx| security_group::delete(tx, &demo, group)).unwrap();
    assert!(world.cloud.security_group_rules.get(&mention).is_none());
    assert_eq!(world.cloud.rules_of_group(other).count(), 2);
}
