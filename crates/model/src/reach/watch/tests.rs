//! A path of one project's, and those who change it.

use std::sync::Arc;

use serde_json::json;

use super::*;
use crate::author::{Author, Requester};
use crate::host::{Direction, EtherType};
use crate::identity::User;
use crate::network::floating_ip::{self, FloatingIpSpec};
use crate::network::network::{self, NetworkSpec};
use crate::network::port::{self, PortSpec};
use crate::network::security_group::{RuleSpec, create_rule, delete_rule};
use crate::network::tests::{World as Rules, admin, member};
use crate::network::{NamespaceAttachment, Port};
use crate::plan::{Planner, Settings};
use crate::reach::{Origin, Protocol, Question, Target, Which};
use crate::{
    Actor, Cloud, HostId, NetworkId, PortId, ReachWatchId, Result, SecurityGroupRuleId, SeededIds, Timestamp, Tx,
};

/// A cloud in which `demo` watches whether its machine can be pinged from outside.
struct Story {
    cloud: Cloud,
    ids: SeededIds,
    number: u64,
    port: PortId,
    network: NetworkId,
    watch: ReachWatchId,
}

fn author(project: &str, is_admin: bool) -> Author {
    Author::Request(Requester {
        user_id: format!("{project}-user").as_str().into(),
        project_id: Some(project.into()),
        is_admin,
        request_id: "req-1".to_owned(),
        method: "DELETE".to_owned(),
        path: "/networking/v2.0/security-group-rules/1".to_owned(),
    })
}

fn question(port: PortId) -> Question {
    Question {
        from: Origin::Outside { address: None },
        to: Target::Port { id: port },
        which: Which::Usual,
        protocol: Protocol::Icmp,
        ip_version: None,
    }
}

fn spec(name: &str, port: PortId) -> WatchSpec {
    WatchSpec {
        name: (!name.is_empty()).then(|| name.to_owned()),
        question: question(port),
    }
}

impl Story {
    fn new() -> Self {
        let mut rules = Rules::new();
        let (external, _) = rules.public("172.24.4.0/24");
        let (network, subnet) = rules.private("10.0.0.0/24");
        let demo = member("demo");
        let port = rules.port(&demo, network, PortSpec::default()).id;
        let attachment = NamespaceAttachment {
            netns: "machine".to_owned(),
            ifname: "eth0".to_owned(),
        };
        rules
            .run(|tx| tx.update::<Port>(&port, |row| row.attachment = Some(attachment)))
            .unwrap();
        rules.router(external, subnet);
        let floating_ip = FloatingIpSpec {
            port_id: Some(Some(port)),
            ..FloatingIpSpec::default()
        };
        rules
            .run(|tx| floating_ip::create(tx, &demo, external, floating_ip))
            .unwrap();
        for project in ["demo", "admin"] {
            let user = user(project);
            rules.run(|tx| Ok(tx.put(user))).unwrap();
        }
        let watch = rules.run(|tx| create(tx, &demo, spec("ping", port))).unwrap().id;
        Self {
            cloud: rules.cloud.clone(),
            ids: SeededIds::new(99),
            number: 0,
            port,
            network,
            watch,
        }
    }

    fn run_as<T>(&mut self, author: Author, rule: impl FnOnce(&mut Tx<'_>) -> Result<T>) -> (T, Step) {
        self.number += 1;
        let at = Timestamp::EPOCH.plus_seconds(i64::try_from(self.number).unwrap());
        let mut tx = Tx::begin(self.cloud.clone(), at, &mut self.ids);
        let out = rule(&mut tx).unwrap();
        let (cloud, changes) = tx.finish();
        self.cloud = cloud.clone();
        let done = Done {
            author: Arc::new(author),
            at,
            changes,
        };
        let step = Step {
            number: self.number,
            cloud,
            done: vec![done],
            more: 0,
            more_changes: Vec::new(),
        };
        (out, step)
    }

    fn run<T>(&mut self, rule: impl FnOnce(&mut Tx<'_>) -> Result<T>) -> (T, Step) {
        self.run_as(author("demo", false), rule)
    }

    fn position(&self) -> Position {
        Position {
            cloud: self.cloud.clone(),
            config: Planner::new(&self.cloud, HostId::from("host"), Settings::default())
                .config()
                .clone(),
        }
    }

    /// A follower that has looked once; what it found is entered.
    fn follower(&mut self) -> Follower {
        let now = Timestamp::EPOCH.plus_seconds(i64::try_from(self.number).unwrap());
        let mut follower = Follower::start(self.position(), ("host".into(), (true, true)), Settings::default(), now);
        self.enter(follower.take_findings());
        follower
    }

    fn enter(&mut self, findings: Vec<Finding>) {
        self.run_as(Author::Cloud, |tx| record(tx, findings, false));
    }

    fn allow(&mut self) -> (SecurityGroupRuleId, Step) {
        let group = *self
            .cloud
            .ports
            .get(&self.port)
            .unwrap()
            .security_groups
            .first()
            .unwrap();
        let spec = RuleSpec {
            protocol: Some("icmp".to_owned()),
            ..RuleSpec::new(group, Direction::Ingress, EtherType::IPv4)
        };
        let (rule, step) = self.run(|tx| create_rule(tx, &member("demo"), spec));
        (rule.id, step)
    }

    fn forbid(&mut self, rule: SecurityGroupRuleId) -> Step {
        self.run(|tx| delete_rule(tx, &member("demo"), rule)).1
    }

    /// A change that has nothing to do with the path, though it might.
    fn noise(&mut self, name: &str) -> Step {
        let spec = NetworkSpec {
            name: Some(name.to_owned()),
            ..NetworkSpec::default()
        };
        self.run_as(author("noise", false), |tx| network::create(tx, &member(name), spec))
            .1
    }

    fn standing(&self) -> Standing {
        self.cloud
            .reach_watches
            .get(&self.watch)
            .unwrap()
            .standing
            .clone()
            .unwrap()
    }

    fn network_down(&mut self) -> Step {
        let (id, change) = (
            self.network,
            NetworkSpec {
                admin_state_up: Some(false),
                ..NetworkSpec::default()
            },
        );
        self.run_as(author("admin", true), |tx| network::update(tx, &admin(), id, change))
            .1
    }
}

fn user(project: &str) -> User {
    serde_json::from_value(json!({
        "id": format!("{project}-user"), "name": format!("{project}-name"), "domain_id": "default", "enabled": true,
        "description": null, "email": null, "default_project_id": null, "password_hash": null, "password_created_at": null,
        "password_history": [], "failed_logins": 0, "last_failed_login": null, "options": {}, "extra": {},
    }))
    .unwrap()
}

fn codes(standing: &Standing) -> Vec<&str> {
    standing.causes.iter().map(|cause| cause.code.as_str()).collect()
}

/// The one deed of a finding.
#[track_caller]
fn deed(finding: &Finding) -> &Deed {
    match &finding.reason {
        Reason::Change(deed) => deed,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_change_that_opened_and_shut_a_path_is_named_and_nothing_else_is() {
    let mut story = Story::new();
    let mut follower = story.follower();
    assert_eq!(codes(&story.standing()), ["SG_NO_INGRESS_RULE"]);
    assert_eq!(
        story.cloud.reach_transitions.len(),
        0,
        "a first answer is no transition"
    );

    let (rule, opened) = story.allow();
    let noise = story.noise("other");
    let shut = story.forbid(rule);
    follower.follow(&[opened, noise, shut]);
    let findings = follower.take_findings();
    let states: Vec<(State, i64)> = findings
        .iter()
        .map(|finding| (finding.after.state, finding.at.unix_seconds()))
        .collect();
    let number = i64::try_from(story.number).unwrap();
    assert_eq!(states, [(State::Reachable, number - 2), (State::Blocked, number)]);
    let told = deed(&findings[1]);
    assert_eq!((told.user_name.as_str(), told.rows.len()), ("demo-name", 1));
    let row = &told.rows[0];
    assert_eq!(
        (row.action, row.kind.as_str(), row.id.clone()),
        (Action::Deleted, "security_group_rule", rule.to_string())
    );
    assert_eq!(row.name, "ingress icmp from 0.0.0.0/0 (default)");
    let protocol = row.fields.iter().find(|field| field.name == "protocol").unwrap();
    assert_eq!((&protocol.before, &protocol.after), (&json!("icmp"), &json!(null)));

    story.enter(findings);
    assert_eq!(story.standing().state, State::Blocked);
    let kept: Vec<(u64, State)> = in_order(&story.cloud, story.watch)
        .map(|row| (row.seq, row.to.state))
        .collect();
    assert_eq!(kept, [(1, State::Reachable), (2, State::Blocked)]);
    follower.follow(&[story.noise("another")]);
    assert!(follower.take_findings().is_empty());
}

#[test]
fn among_many_changes_that_wait_the_right_ones_are_found() {
    let mut story = Story::new();
    let mut follower = story.follower();
    let mut steps = Vec::new();
    for number in 0..150 {
        steps.push(story.noise(&format!("before {number}")));
    }
    let (rule, opened) = story.allow();
    let opened_at = opened.done[0].at;
    steps.push(opened);
    for number in 0..61 {
        steps.push(story.noise(&format!("behind {number}")));
    }
    follower.follow(&steps);
    let findings = follower.take_findings();
    assert_eq!(findings.len(), 1);
    assert_eq!((findings[0].at, findings[0].after.state), (opened_at, State::Reachable));
    assert_eq!(deed(&findings[0]).rows[0].id, rule.to_string());

    // What was there only in between is not told; where it ended is.
    let shut = story.forbid(rule);
    let (_, again) = story.allow();
    let mut steps = vec![shut, again];
    for number in 0..100 {
        steps.push(story.noise(&format!("later {number}")));
    }
    follower.follow(&steps);
    assert!(follower.take_findings().is_empty());
    let down = story.network_down();
    follower.follow(&[down]);
    assert_eq!(codes(&follower.take_findings()[0].after), ["NETWORK_ADMIN_DOWN"]);
}

#[test]
fn of_changes_that_can_not_be_told_apart_all_that_may_have_done_it_are_named() {
    let mut story = Story::new();
    let start = story.position();
    let mut step = story.noise("first");
    let name = |tx: &mut Tx<'_>| Ok(tx.put(user("third")));
    step.merge(story.run(name).1, 4);
    step.merge(story.allow().1, 4);
    let mut behind = step.clone();
    behind.merge(story.noise("beyond"), 3);
    for (step, more) in [(step, 0), (behind, 1)] {
        let mut follower = Follower::start(
            start.clone(),
            ("host".into(), (true, true)),
            Settings::default(),
            Timestamp::EPOCH,
        );
        follower.take_findings();
        follower.follow(std::slice::from_ref(&step));
        let findings = follower.take_findings();
        let Reason::OneOf {
            candidates,
            more: others,
        } = &findings[0].reason
        else {
            panic!("{:?}", findings[0]);
        };
        let kinds: Vec<&str> = candidates
            .iter()
            .map(|deed| deed.rows.last().unwrap().kind.as_str())
            .collect();
        assert_eq!(
            (kinds.as_slice(), *others),
            (&["network", "security_group_rule"][..], more)
        );
    }
}

#[test]
fn what_changed_while_nobody_looked_is_told_as_such() {
    let mut story = Story::new();
    story.follower();
    let _unseen = story.allow();
    let mut follower = Follower::start(
        story.position(),
        ("host".into(), (true, true)),
        Settings::default(),
        Timestamp::EPOCH.plus_seconds(500),
    );
    let findings = follower.take_findings();
    assert_eq!((findings.len(), &findings[0].reason), (1, &Reason::Unseen));
    assert_eq!(
        findings[0].before.as_ref().map(|before| before.state),
        Some(State::Blocked)
    );
    assert_eq!(
        (findings[0].after.state, findings[0].at.unix_seconds()),
        (State::Reachable, 500)
    );
    story.enter(findings);
    // Looked at once more, it is what was kept.
    let mut again = Follower::start(
        story.position(),
        ("host".into(), (true, true)),
        Settings::default(),
        Timestamp::EPOCH,
    );
    assert!(again.take_findings().is_empty());
}

#[test]
fn a_target_that_goes_is_told_and_the_path_stays_until_it_is_deleted() {
    let mut story = Story::new();
    let mut follower = story.follower();
    let port = story.port;
    let (_, gone) = story.run(|tx| port::delete(tx, &member("demo"), port));
    follower.follow(&[gone]);
    let findings = follower.take_findings();
    assert_eq!(
        (findings[0].after.state, codes(&findings[0].after)),
        (State::TargetGone, vec!["TARGET_GONE"])
    );
    assert!(
        findings[0].after.causes[0].message.en.contains("10.0.0."),
        "{findings:?}"
    );
    story.enter(findings);
    assert_eq!(story.standing().state, State::TargetGone);

    let (_, deleted) = story.run(|tx| delete(tx, &member("demo"), "ping"));
    assert!(story.cloud.reach_transitions.is_empty());
    follower.follow(&[deleted]);
    assert!(follower.is_idle());
}

#[test]
fn names_are_a_projects_own_and_numbers_have_a_limit() {
    let mut story = Story::new();
    let (demo, port) = (member("demo"), story.port);
    let mut tx = Tx::begin(story.cloud.clone(), Timestamp::EPOCH, &mut story.ids);
    let code = |result: Result<Arc<ReachWatch>>| result.unwrap_err().code;
    assert_eq!(code(create(&mut tx, &demo, spec("ping", port))), "Conflict");
    assert_eq!(code(create(&mut tx, &demo, spec(" ", port))), "BadRequest");
    assert_eq!(code(create(&mut tx, &demo, spec(&"x".repeat(256), port))), "BadRequest");
    assert_eq!(code(create(&mut tx, &member("other"), spec("ping", port))), "NotFound");
    assert_eq!(delete(&mut tx, &member("other"), "ping").unwrap_err().code, "NotFound");
    let names: Vec<String> = (0..3)
        .map(|_| create(&mut tx, &demo, spec("", port)).unwrap().name.clone())
        .collect();
    assert!(names[0].ends_with(" ping from outside"), "{names:?}");
    assert_eq!(names[2], format!("{} (3)", names[0]));
    for _ in 4..MOST_WATCHES {
        create(&mut tx, &demo, spec("", port)).unwrap();
    }
    assert_eq!(code(create(&mut tx, &demo, spec("", port))), "OverQuota");
    // An administrator may watch another project's things, for a project of their own.
    assert!(create(&mut tx, &admin(), spec("ping", port)).unwrap().by_admin);
    // With its project all of them go.
    while remove_of_project(&mut tx, &"demo".into()).is_some() {}
    let left: Vec<&str> = tx
        .cloud()
        .reach_watches
        .iter()
        .map(|row| row.project_id.as_str())
        .collect();
    assert_eq!(left.len(), 1);
}

#[test]
fn of_transitions_the_newest_are_kept() {
    let mut story = Story::new();
    story.follower();
    let finding = |state| Finding {
        watch: story.watch,
        at: Timestamp::EPOCH,
        before: Some(story.standing()),
        after: Standing {
            state,
            causes: Vec::new(),
        },
        reason: Reason::Unseen,
    };
    let many: Vec<Finding> = (0..MOST_TRANSITIONS + 5).map(|_| finding(State::Reachable)).collect();
    story.run_as(Author::Cloud, |tx| record(tx, many, true));
    let kept: Vec<u64> = in_order(&story.cloud, story.watch).map(|row| row.seq).collect();
    let last = MOST_TRANSITIONS as u64 + 5;
    assert_eq!(
        (kept.len(), kept[0], kept.last().copied()),
        (MOST_TRANSITIONS, 6, Some(last))
    );
    assert_eq!(story.cloud.reach_watches.get(&story.watch).unwrap().last_seq, last);
    // What is gone is no more to be told; what was told is not told again.
    assert_eq!(story.cloud.lookups.undelivered_transitions.len(), MOST_TRANSITIONS);
    let (_, oldest) = *story.cloud.lookups.undelivered_transitions.get_min().unwrap();
    story.run(|tx| delivered(tx, oldest));
    assert_eq!(story.cloud.lookups.undelivered_transitions.len(), MOST_TRANSITIONS - 1);
}

#[test]
fn rows_come_back_from_the_store_as_they_were() {
    let mut story = Story::new();
    let mut follower = story.follower();
    follower.follow(&[story.network_down()]);
    let findings = follower.take_findings();
    story.enter(findings);
    let mut loaded = Cloud::default();
    for row in story.cloud.rows() {
        assert!(loaded.load(row.kind(), &row.to_json().unwrap()).unwrap());
    }
    assert_eq!(
        loaded.reach_watches.get(&story.watch),
        story.cloud.reach_watches.get(&story.watch)
    );
    let rows = |cloud: &Cloud| in_order(cloud, story.watch).cloned().collect::<Vec<_>>();
    assert_eq!(rows(&loaded), rows(&story.cloud));
    assert_eq!(rows(&loaded).len(), 1);
}

#[test]
fn who_acted_elsewhere_is_not_named_to_a_project() {
    let mut story = Story::new();
    let mut follower = story.follower();
    let down = story.network_down();
    follower.follow(&[down]);
    let findings = follower.take_findings();
    story.enter(findings);
    let row = in_order(&story.cloud, story.watch).next().unwrap().clone();
    let seen = |actor: &Actor| show_transition(&row, actor);
    let told = seen(&member("demo"));
    assert!(
        !told.to_string().contains("admin-name") && !told.to_string().contains("req-1"),
        "{told:#}"
    );
    assert_eq!(told["changes"][0]["who"]["kind"], "administrator");
    assert!(
        told["message"]["en"]
            .as_str()
            .unwrap()
            .starts_with("An administrator of the cloud changed network"),
        "{told:#}"
    );
    assert!(
        told["message"]["ko"].as_str().unwrap().contains("클라우드 관리자가"),
        "{told:#}"
    );
    assert_eq!(
        told["changes"][0]["rows"][0]["fields"][0],
        json!({"name": "admin_state_up", "before": true, "after": false})
    );
    let told = seen(&admin());
    assert_eq!(told["changes"][0]["who"]["user_name"], "admin-name");
    assert_eq!(told["changes"][0]["request"]["id"], "req-1");
    // The same of somebody of another project without that role, and of the host.
    for (author, kind) in [
        (author("noise", false), "other_project"),
        (Author::Host, "host"),
        (Author::Cloud, "cloud"),
    ] {
        let mut row = ReachTransition::clone(&row);
        let Reason::Change(deed) = &mut row.reason else {
            panic!()
        };
        deed.author = author;
        assert_eq!(
            show_transition(&row, &member("demo"))["changes"][0]["who"]["kind"],
            kind
        );
    }
    // Of a row that is another project's, the kind alone.
    let mut row = ReachTransition::clone(&row);
    let Reason::Change(deed) = &mut row.reason else {
        panic!()
    };
    deed.rows[0].is_shown = false;
    deed.rows[0].name = "secret-name".to_owned();
    let told = show_transition(&row, &member("demo"));
    assert!(!told.to_string().contains("secret-name"), "{told:#}");
    assert_eq!(
        told["changes"][0]["rows"][0],
        json!({"action": "changed", "kind": "network", "id": null, "name": "", "fields": []})
    );
}

#[test]
fn what_an_administrator_watches_is_named_to_administrators_alone() {
    let mut story = Story::new();
    let port = story.port;
    // An administrator watches demo's machine for project admin: its other members see no names.
    let (made, _) = story.run(|tx| create(tx, &admin(), spec("theirs", port)));
    story.watch = made.id;
    story.follower();
    let watch = story.cloud.reach_watches.get(&story.watch).unwrap();
    let to_admin = show_watch(watch, &admin());
    assert_eq!(to_admin["causes"][0]["code"], "SG_NO_INGRESS_RULE");
    assert!(to_admin["causes"][0]["objects"][0]["id"].is_string());
    let reader = Actor {
        roles: ["reader".to_owned()].into(),
        ..admin()
    };
    let to_reader = show_watch(watch, &reader);
    assert_eq!(to_reader["causes"][0]["objects"][0]["id"], json!(null));
    assert!(
        to_reader["causes"][0]["message"]["en"]
            .as_str()
            .unwrap()
            .contains("another project"),
        "{to_reader:#}"
    );
}

#[test]
fn a_host_that_stops_to_forward_is_noticed_without_anybody_to_blame() {
    let mut story = Story::new();
    let mut follower = story.follower();
    let (_, step) = story.allow();
    follower.follow(&[step]);
    follower.take_findings();
    follower.set_forwards((true, true), Timestamp::EPOCH.plus_seconds(500));
    assert!(follower.take_findings().is_empty(), "as before");
    for (forwards, state) in [(false, State::Blocked), (true, State::Reachable)] {
        follower.set_forwards((forwards, true), Timestamp::EPOCH.plus_seconds(501));
        let findings = follower.take_findings();
        let told: Vec<_> = findings
            .iter()
            .map(|finding| (finding.after.state, &finding.reason))
            .collect();
        assert_eq!(told, [(state, &Reason::Unseen)]);
    }
}
