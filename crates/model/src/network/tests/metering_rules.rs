use super::*;
use crate::host::{Direction, MeterRule};
use crate::network::access::Resource;
use crate::network::metering::{self, MeteringLabel, MeteringLabelRuleSpec, MeteringLabelSpec};
use crate::plan::{Planner, Settings};
use crate::{MeteringLabelId, RouterId};

fn label_of(world: &mut World, project: &str, shared: bool) -> Arc<MeteringLabel> {
    let spec = MeteringLabelSpec {
        project_id: Some(project.into()),
        shared,
        ..MeteringLabelSpec::default()
    };
    world.run(|tx| metering::create_label(tx, &admin(), spec)).unwrap()
}

/// A rule of what leaves that says nothing yet.
fn rule(label: MeteringLabelId) -> MeteringLabelRuleSpec {
    MeteringLabelRuleSpec {
        metering_label_id: label,
        direction: Direction::Egress,
        remote_ip_prefix: None,
        source_ip_prefix: None,
        destination_ip_prefix: None,
        excluded: false,
    }
}

fn inside(label: MeteringLabelId, prefix: &str) -> MeteringLabelRuleSpec {
    MeteringLabelRuleSpec {
        remote_ip_prefix: Some(prefix.parse().unwrap()),
        ..rule(label)
    }
}

#[test]
fn managers_make_labels_members_see_them_and_others_do_not() {
    let mut world = World::new();
    let [manager, reader, other] = [manager("demo"), member("demo"), manager("other")];
    let code = world.fails(|tx| metering::create_label(tx, &reader, MeteringLabelSpec::default()));
    assert_eq!(code, "PolicyNotAuthorized");
    let shared = MeteringLabelSpec {
        shared: true,
        ..MeteringLabelSpec::default()
    };
    let code = world.fails(|tx| metering::create_label(tx, &manager, shared));
    assert_eq!(code, "PolicyNotAuthorized", "it would count for every project");
    let label = world.run(|tx| metering::create_label(tx, &manager, MeteringLabelSpec::default()));
    let label = label.unwrap();
    let some = || inside(label.id, "10.0.0.0/24");
    let made = world.run(|tx| metering::create_rule(tx, &manager, some())).unwrap();
    assert_eq!(made.standard.project_id, label.standard.project_id);

    assert!(label.visible_to(&world.cloud, &reader) && made.visible_to(&world.cloud, &reader));
    let second = || inside(label.id, "10.0.1.0/24");
    for (by, expected) in [
        (&reader, ["PolicyNotAuthorized"; 3]),
        (
            &other,
            [
                "MeteringLabelNotFound",
                "MeteringLabelRuleNotFound",
                "MeteringLabelNotFound",
            ],
        ),
    ] {
        let codes = [
            world.fails(|tx| metering::create_rule(tx, by, second())),
            world.fails(|tx| metering::delete_rule(tx, by, made.id)),
            world.fails(|tx| metering::delete_label(tx, by, label.id)),
        ];
        assert_eq!(codes, expected);
    }
    let of_admin = label_of(&mut world, "demo", true);
    assert!(
        !of_admin.visible_to(&world.cloud, &other),
        "shared labels count for all, and are their project's"
    );

    world.run(|tx| metering::delete_label(tx, &manager, label.id)).unwrap();
    assert!(world.cloud.metering_label_rules.is_empty(), "rules go with their label");
    assert_eq!(
        world.fails(|tx| metering::create_rule(tx, &admin(), inside(label.id, "10.0.0.0/24"))),
        "MeteringLabelNotFound"
    );
}

#[test]
fn a_rule_has_prefixes_that_go_together() {
    let mut world = World::new();
    let label = label_of(&mut world, "demo", false).id;
    let net = |text: &str| Some(text.parse().unwrap());
    let with = |remote, source, destination| MeteringLabelRuleSpec {
        remote_ip_prefix: remote,
        source_ip_prefix: source,
        destination_ip_prefix: destination,
        ..rule(label)
    };
    for spec in [
        with(None, None, None),
        with(net("10.0.0.0/24"), net("10.0.0.0/24"), None),
        with(net("10.0.0.0/24"), None, net("10.0.0.0/24")),
        with(None, net("10.0.0.0/24"), net("fd00::/64")),
    ] {
        assert_eq!(world.fails(|tx| metering::create_rule(tx, &admin(), spec)), "Invalid");
    }
    for spec in [
        with(net("10.0.0.0/24"), None, None),
        with(None, net("10.0.0.0/24"), None),
        with(None, None, net("10.0.0.0/24")),
        with(None, net("fd00::/64"), net("2001:db8::/32")),
    ] {
        world.run(|tx| metering::create_rule(tx, &admin(), spec)).unwrap();
    }
}

#[test]
fn inner_prefixes_of_one_kind_do_not_overlap_within_a_label() {
    let mut world = World::new();
    let (label, other) = (
        label_of(&mut world, "demo", false).id,
        label_of(&mut world, "demo", false).id,
    );
    let create = |world: &mut World, spec| world.run(|tx| metering::create_rule(tx, &admin(), spec));
    create(&mut world, inside(label, "10.0.0.7/24")).unwrap();
    for prefix in ["10.0.0.0/24", "10.0.0.128/25", "10.0.0.9/32", "10.0.0.0/8", "0.0.0.0/0"] {
        let error = create(&mut world, inside(label, prefix)).unwrap_err();
        assert_eq!(error.code, "MeteringLabelRuleOverlaps", "{prefix}");
    }
    for spec in [
        inside(label, "10.0.1.0/24"),
        inside(label, "::/0"),
        inside(other, "10.0.0.0/24"),
        MeteringLabelRuleSpec {
            direction: Direction::Ingress,
            ..inside(label, "10.0.0.0/24")
        },
        MeteringLabelRuleSpec {
            excluded: true,
            ..inside(label, "10.0.0.0/25")
        },
    ] {
        create(&mut world, spec).unwrap();
    }
}

/// What the host is told to count, after every change as if all were planned anew.
fn planned(world: &World, router: RouterId) -> Vec<(MeteringLabelId, Vec<MeterRule>)> {
    let planner = Planner::new(&world.cloud, "host-1".into(), Settings::default());
    let meters = planner.config().routers[&router].meters.clone();
    meters.into_iter().collect()
}

#[test]
fn a_label_counts_on_its_projects_routers_and_a_shared_one_on_all() {
    let mut world = World::new();
    let (public, _) = world.public("172.24.4.0/24");
    let (_, subnet) = world.private("10.0.0.0/24");
    let router = world.router(public, subnet);
    let own = label_of(&mut world, "demo", false);
    let foreign = label_of(&mut world, "other", false);
    let shared = label_of(&mut world, "other", true);
    let reached = |label: &MeteringLabel, world: &World| metering::routers_of_label(&world.cloud, label).count();
    assert_eq!(
        [&own, &foreign, &shared].map(|label| reached(label, &world)),
        [1, 0, 1],
        "routers that each counts on"
    );
    let demo = member("demo");
    assert_eq!(
        [&own, &foreign, &shared].map(|label| metering::counts_for(label, &demo)),
        [true, false, true],
        "whose counts the project reads"
    );

    let specs = [
        inside(own.id, "10.0.0.9/24"),
        MeteringLabelRuleSpec {
            direction: Direction::Ingress,
            excluded: true,
            ..inside(own.id, "10.0.0.128/25")
        },
        MeteringLabelRuleSpec {
            source_ip_prefix: Some("10.0.0.0/24".parse().unwrap()),
            destination_ip_prefix: Some("192.0.2.0/24".parse().unwrap()),
            ..rule(own.id)
        },
    ];
    for spec in specs {
        world.run(|tx| metering::create_rule(tx, &admin(), spec)).unwrap();
    }
    let mut meters = planned(&world, router.id);
    meters.sort_by_key(|(label, _)| *label == shared.id);
    let [(first, rules), (second, none)] = meters.as_slice() else {
        panic!("{meters:?}")
    };
    assert_eq!((*first, *second, none.len()), (own.id, shared.id, 0));
    let net = |text: &str| Some(text.parse().unwrap());
    let expected = |direction, excluded, source, destination| MeterRule {
        direction,
        excluded,
        source,
        destination,
    };
    for wanted in [
        expected(Direction::Egress, false, net("10.0.0.0/24"), None),
        expected(Direction::Ingress, true, None, net("10.0.0.128/25")),
        expected(Direction::Egress, false, net("10.0.0.0/24"), net("192.0.2.0/24")),
    ] {
        assert!(rules.contains(&wanted), "{wanted:?} is not in {rules:?}");
    }

    world.run(|tx| metering::delete_label(tx, &admin(), own.id)).unwrap();
    world.run(|tx| metering::delete_label(tx, &admin(), shared.id)).unwrap();
    assert_eq!(planned(&world, router.id), []);
}

#[test]
fn a_document_from_before_there_was_metering_counts_nothing() {
    let mut world = World::new();
    let (public, _) = world.public("172.24.4.0/24");
    let (_, subnet) = world.private("10.0.0.0/24");
    let router = world.router(public, subnet);
    let planner = Planner::new(&world.cloud, "host-1".into(), Settings::default());
    let config = &planner.config().routers[&router.id];
    let mut old = serde_json::to_value(&**config).unwrap();
    old.as_object_mut().unwrap().remove("meters").unwrap();
    let read: crate::host::RouterConfig = serde_json::from_value(old).unwrap();
    assert_eq!(read, **config);
}
