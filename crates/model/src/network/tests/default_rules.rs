use super::*;
use crate::host::{Direction, EtherType};
use crate::network::security_group::default_rule::{self, DefaultRuleSpec, PARENT};
use crate::network::security_group::{self, RuleSpec, SecurityGroupSpec};
use crate::network::{AddressGroup, DefaultSecurityGroupRule, SecurityGroup, address_group};
use crate::quota::Quota;

fn asked(rule: RuleSpec, in_default: bool, in_others: bool) -> DefaultRuleSpec {
    DefaultRuleSpec {
        rule,
        used_in_default_sg: in_default,
        used_in_non_default_sg: in_others,
    }
}

/// TCP to a port from everywhere.
fn tcp(port: u16) -> RuleSpec {
    RuleSpec {
        protocol: Some("tcp".into()),
        port_range_min: Some(port),
        port_range_max: Some(port),
        ..RuleSpec::new(PARENT, Direction::Ingress, EtherType::IPv4)
    }
}

impl World {
    fn default_rule(&mut self, spec: DefaultRuleSpec) -> Arc<DefaultSecurityGroupRule> {
        let made = self.run(|tx| default_rule::create(tx, &admin(), vec![spec])).unwrap();
        made[0].clone()
    }

    fn group(&mut self, project: &str) -> Arc<SecurityGroup> {
        let spec = SecurityGroupSpec {
            name: Some("web".into()),
            ..SecurityGroupSpec::default()
        };
        self.run(|tx| security_group::create(tx, &member(project), spec))
            .unwrap()
    }

    fn own_group(&mut self, project: &str) -> Arc<SecurityGroup> {
        self.run(|tx| Ok(security_group::ensure_default(tx, &project.into())))
            .unwrap()
    }

    /// A group's rules: direction, IP version, first port, whether the group itself is the other end.
    fn rules(&self, group: &SecurityGroup) -> BTreeSet<String> {
        let rules = self.cloud.rules_of_group(group.id);
        rules
            .map(|rule| {
                let inner = rule.remote_group_id == Some(group.id);
                let port = rule.port_range_min.unwrap_or_default();
                format!("{:?} {:?} {port} {inner}", rule.direction, rule.ethertype)
            })
            .collect()
    }
}

fn set(rules: &[&str]) -> BTreeSet<String> {
    rules.iter().map(|rule| (*rule).to_owned()).collect()
}

const BOTH_OUT: [&str; 2] = ["Egress IPv4 0 false", "Egress IPv6 0 false"];

#[test]
fn untouched_default_rules_give_what_groups_always_had() {
    let mut world = World::new();
    let (own, other) = (world.own_group("demo"), world.group("demo"));
    let both_in = ["Ingress IPv4 0 true", "Ingress IPv6 0 true"];
    assert_eq!(world.rules(&own), set(&[&BOTH_OUT[..], &both_in].concat()));
    assert_eq!(world.rules(&other), set(&BOTH_OUT));
    assert_eq!(world.cloud.default_security_group_rules.len(), 4);
}

#[test]
fn new_groups_get_the_rules_that_are_for_them_and_old_ones_stay() {
    let mut world = World::new();
    let before = world.group("demo");
    world.default_rule(asked(tcp(22), true, true));
    world.default_rule(asked(tcp(23), true, false));
    world.default_rule(asked(tcp(24), false, true));
    world.default_rule(asked(tcp(25), false, false));
    let among_members = RuleSpec {
        remote_group_id: Some(PARENT),
        ..tcp(26)
    };
    world.default_rule(asked(among_members, false, true));
    assert_eq!(world.rules(&before), set(&BOTH_OUT));
    let (own, other) = (world.own_group("new"), world.group("new"));
    let of_own = [
        "Ingress IPv4 0 true",
        "Ingress IPv6 0 true",
        "Ingress IPv4 22 false",
        "Ingress IPv4 23 false",
    ];
    assert_eq!(world.rules(&own), set(&[&BOTH_OUT[..], &of_own].concat()));
    let of_other = ["Ingress IPv4 22 false", "Ingress IPv4 24 false", "Ingress IPv4 26 true"];
    assert_eq!(world.rules(&other), set(&[&BOTH_OUT[..], &of_other].concat()));
    for rule in world.cloud.rules_of_group(other.id) {
        assert_eq!(rule.standard.project_id, "new".into());
    }
}

#[test]
fn what_was_removed_stays_removed_also_after_a_start() {
    let mut world = World::new();
    world.run(crate::bootstrap::security_groups).unwrap();
    let made = world.default_rule(asked(tcp(22), true, true)).id;
    let all: Vec<_> = world
        .cloud
        .default_security_group_rules
        .iter()
        .map(|rule| rule.id)
        .collect();
    assert_eq!(all.len(), 5);
    for id in all {
        world.run(|tx| default_rule::delete(tx, &admin(), id)).unwrap();
        assert_eq!(
            world.fails(|tx| default_rule::delete(tx, &admin(), id)),
            "DefaultSecurityGroupRuleNotFound"
        );
    }
    assert!(!world.cloud.default_security_group_rules.contains(&made));
    world.run(crate::bootstrap::security_groups).unwrap();
    let (own, other) = (world.own_group("demo"), world.group("demo"));
    assert_eq!((world.rules(&own), world.rules(&other)), (set(&[]), set(&[])));
    // It can be made again, as one like any other.
    let out = RuleSpec::new(PARENT, Direction::Egress, EtherType::IPv4);
    let again = world.default_rule(asked(out, true, true)).id;
    let third = world.group("demo");
    assert_eq!(world.rules(&third), set(&["Egress IPv4 0 false"]));
    world.run(|tx| default_rule::delete(tx, &admin(), again)).unwrap();
    assert!(!world.cloud.default_security_group_rules.contains(&again));
}

#[test]
fn two_default_rules_are_never_the_same_for_a_group() {
    let mut world = World::new();
    world.default_rule(asked(tcp(22), true, true));
    let six = RuleSpec {
        protocol: Some("6".into()),
        ..tcp(22)
    };
    for same in [asked(tcp(22), true, false), asked(six, false, true)] {
        assert_eq!(
            world.fails(|tx| default_rule::create(tx, &admin(), vec![same.clone()])),
            "DefaultSecurityGroupRuleExists"
        );
    }
    let members = RuleSpec {
        remote_group_id: Some(PARENT),
        ..RuleSpec::new(PARENT, Direction::Ingress, EtherType::IPv4)
    };
    assert_eq!(
        world.fails(|tx| default_rule::create(tx, &admin(), vec![asked(members.clone(), true, false)])),
        "DefaultSecurityGroupRuleExists"
    );
    // The built-in one is for projects' own groups alone.
    world.default_rule(asked(members, false, true));
    // For different groups, the same rule may stand twice.
    world.default_rule(asked(tcp(23), true, false));
    world.default_rule(asked(tcp(23), false, true));
    let twice = vec![asked(tcp(24), false, true), asked(tcp(24), true, true)];
    assert_eq!(
        world.fails(|tx| default_rule::create(tx, &admin(), twice)),
        "DuplicateDefaultSgRuleInPost"
    );
}

#[test]
fn default_rules_are_checked_and_the_administrators() {
    let mut world = World::new();
    let bad = [
        (
            RuleSpec {
                port_range_max: Some(21),
                ..tcp(22)
            },
            "SecurityGroupInvalidPortRange",
        ),
        (
            RuleSpec {
                remote_group_id: Some(PARENT),
                remote_ip_prefix: Some("10.0.0.0/8".parse().unwrap()),
                ..tcp(22)
            },
            "SecurityGroupMultipleRemoteEntites",
        ),
        (
            RuleSpec {
                remote_group_id: Some(crate::SecurityGroupId(uuid::Uuid::from_u128(5))),
                ..tcp(22)
            },
            "SecurityGroupNotFound",
        ),
        (
            RuleSpec {
                remote_address_group_id: Some(crate::AddressGroupId(uuid::Uuid::from_u128(5))),
                ..tcp(22)
            },
            "AddressGroupNotFound",
        ),
        (
            RuleSpec {
                remote_ip_prefix: Some("fd00::/64".parse().unwrap()),
                ..tcp(22)
            },
            "SecurityGroupRuleParameterConflict",
        ),
    ];
    for (rule, code) in bad {
        let spec = asked(rule, false, true);
        assert_eq!(
            world.fails(|tx| default_rule::create(tx, &admin(), vec![spec.clone()])),
            code,
            "{spec:?}"
        );
    }
    let id = world.default_rule(asked(tcp(22), false, true)).id;
    for actor in [member("demo"), manager("demo")] {
        let spec = asked(tcp(23), false, true);
        assert_eq!(
            world.fails(|tx| default_rule::create(tx, &actor, vec![spec])),
            "PolicyNotAuthorized"
        );
        assert_eq!(
            world.fails(|tx| default_rule::delete(tx, &actor, id)),
            "PolicyNotAuthorized"
        );
    }
}

#[test]
fn a_default_rule_about_something_gone_gives_no_rule() {
    let mut world = World::new();
    let bastion = world.group("demo");
    let spec = address_group::AddressGroupSpec::default();
    let offices: Arc<AddressGroup> = world.run(|tx| address_group::create(tx, &admin(), spec)).unwrap();
    let from_bastion = RuleSpec {
        remote_group_id: Some(bastion.id),
        ..tcp(22)
    };
    let from_offices = RuleSpec {
        remote_address_group_id: Some(offices.id),
        ..tcp(23)
    };
    world.default_rule(asked(from_bastion, false, true));
    world.default_rule(asked(from_offices, false, true));
    let of = ["Ingress IPv4 22 false", "Ingress IPv4 23 false"];
    let before = world.group("new");
    assert_eq!(world.rules(&before), set(&[&BOTH_OUT[..], &of].concat()));
    world
        .run(|tx| security_group::delete(tx, &member("new"), before.id))
        .unwrap();
    world
        .run(|tx| security_group::delete(tx, &member("demo"), bastion.id))
        .unwrap();
    world.run(|tx| address_group::delete(tx, &admin(), offices.id)).unwrap();
    let after = world.group("new");
    assert_eq!(world.rules(&after), set(&BOTH_OUT));
}

#[test]
fn the_first_rules_of_a_group_count_against_the_quota() {
    let mut world = World::new();
    world.own_group("demo");
    world.default_rule(asked(tcp(22), false, true));
    let limit = |rules: i64| Quota {
        project_id: "demo".into(),
        limits: [("security_group_rule".to_owned(), rules)].into(),
    };
    world.run(|tx| Ok(tx.put(limit(6)))).unwrap();
    let spec = SecurityGroupSpec::default();
    assert_eq!(
        world.fails(|tx| security_group::create(tx, &member("demo"), spec)),
        "OverQuota"
    );
    world.run(|tx| Ok(tx.put(limit(7)))).unwrap();
    world.group("demo");
}

#[test]
fn default_rules_are_kept_as_they_were_made() {
    let mut world = World::new();
    world.default_rule(asked(tcp(22), false, true));
    let mut copy = Cloud::default();
    for row in world.cloud.rows() {
        assert!(copy.load(row.kind(), &row.to_json().unwrap()).unwrap());
    }
    let all = |cloud: &Cloud| -> Vec<DefaultSecurityGroupRule> {
        let rules = cloud.default_security_group_rules.iter();
        rules.map(|rule| DefaultSecurityGroupRule::clone(rule)).collect()
    };
    assert_eq!(all(&copy), all(&world.cloud));
    assert_eq!(all(&copy).len(), 5);
}
