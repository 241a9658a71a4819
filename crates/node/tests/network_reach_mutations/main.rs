//! What the host really holds is read back, and what somebody broke is named: one thing is broken by hand at a time, and
//! exactly that thing must be found, and nothing on a host that nobody touched.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

#[path = "../network_common/mod.rs"]
mod network_common;

mod answers;
mod codes;
mod devices;
mod routers;
mod rules;
mod seen;
mod served;
mod stage;

use model::reach::look::code_of;
use model::reach::{Finding, Scope};
use stage::{In, Stage};

/// One thing that is broken.
pub struct Mutation {
    /// What it is.
    name: &'static str,
    /// How.
    acts: Vec<(In, String)>,
    /// How a person takes it back, where the reconciler does not: it neither looks at this, nor is it its own.
    takes_back: Vec<(In, String)>,
    /// Words that are in what must be found.
    found: Vec<String>,
    /// Words of what follows directly, each set for any number of findings.
    follows: Vec<Vec<String>>,
}

/// One act that breaks something. Findings are compared by the words of their `Debug` form.
pub fn broken(name: &'static str, place: In, command: impl Into<String>, found: &[&str]) -> Mutation {
    Mutation {
        name,
        acts: vec![(place, command.into())],
        takes_back: Vec::new(),
        found: found.iter().map(|word| (*word).to_owned()).collect(),
        follows: Vec::new(),
    }
}

impl Mutation {
    /// One more act.
    fn and(mut self, place: In, command: impl Into<String>) -> Self {
        self.acts.push((place, command.into()));
        self
    }

    /// What has these words follows.
    fn then(mut self, words: &[&str]) -> Self {
        self.follows.push(words.iter().map(|word| (*word).to_owned()).collect());
        self
    }

    /// The reconciler leaves it; a person takes it back so.
    fn stays(mut self, place: In, command: impl Into<String>) -> Self {
        self.takes_back.push((place, command.into()));
        self
    }

    /// Breaks it, looks, and has it mended. Gives what is wrong with what was found.
    fn wrong(&self, stage: &mut Stage) -> Vec<String> {
        let mut wrong = Vec::new();
        self.acts
            .iter()
            .for_each(|(place, command)| stage.hand(*place, command));
        let found = stage.inspect_all();
        if !found.iter().any(|finding| has(finding, &self.found)) {
            wrong.push(format!("{}: not found: {:?} in {found:#?}", self.name, self.found));
        }
        let code = codes::expected(self.name, &self.found);
        for finding in found.iter().filter(|finding| has(finding, &self.found)) {
            let called = code_of(&stage.cloud.config, finding).map(|code| code.as_str());
            if called.as_deref() != Some(code) {
                wrong.push(format!(
                    "{}: called {called:?} instead of {code}: {finding:?}",
                    self.name
                ));
            }
        }
        let expected =
            |finding: &&Finding| has(finding, &self.found) || self.follows.iter().any(|words| has(finding, words));
        for other in found.iter().filter(|finding| !expected(finding)) {
            wrong.push(format!("{}: found besides: {other:?}", self.name));
        }
        stage.mend();
        let left = stage.inspect_all();
        if left.is_empty() != self.takes_back.is_empty() {
            let word = if left.is_empty() {
                "mended after all"
            } else {
                "not mended"
            };
            wrong.push(format!("{}: {word}: {left:?}", self.name));
        }
        self.takes_back
            .iter()
            .for_each(|(place, command)| stage.hand(*place, command));
        let left = stage.inspect_all();
        assert!(
            left.is_empty(),
            "{}: still there: {left:#?}\n{}",
            self.name,
            wrong.join("\n")
        );
        wrong
    }
}

fn has(finding: &Finding, words: &[String]) -> bool {
    let text = format!("{finding:?}");
    words.iter().all(|word| text.contains(word.as_str()))
}

/// Breaks one after the other, and tells of all that were not found as they should be.
pub fn try_all(stage: &mut Stage, mutations: Vec<Mutation>) {
    assert_eq!(stage.inspect_all(), [], "nobody has touched anything yet");
    let count = mutations.len();
    let mut wrong = Vec::new();
    for mutation in &mutations {
        wrong.extend(mutation.wrong(stage));
    }
    assert!(
        wrong.is_empty(),
        "{} wrong of {count}:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    println!("{count} mutations named");
}

#[test]
fn nothing_is_found_where_nobody_touched_anything() {
    let mut stage = Stage::new();
    assert_eq!(stage.inspect_all(), []);
    // Nor after changes in parts, nor with a router that is down, nor with ports that are.
    stage.cloud.drop_floating_ip(stage.router, stage::FLOATING);
    let (b, web, network) = (stage.b.clone(), stage.web, stage.networks[0]);
    stage.cloud.edit_port(&b, |port| port.admin_state_up = false);
    stage.cloud.set_group(network, web, network_common::all_out());
    stage.cloud.apply();
    stage.cloud.part.settle();
    assert_eq!(stage.inspect_all(), []);
    stage.cloud.edit_port(&b, |port| {
        port.admin_state_up = true;
        port.qos = None;
        port.allowed_address_pairs.clear();
    });
    stage.cloud.edit_router(stage.router, |router| {
        router.admin_state_up = false;
        router.ndp_proxies = None;
        router.meters.clear();
        router.limits.clear();
        router.scopes.clear();
    });
    stage.cloud.apply();
    stage.cloud.part.settle();
    assert_eq!(stage.inspect_all(), []);
}

#[test]
fn only_what_is_asked_for_is_told() {
    let stage = Stage::new();
    let (a, b) = (stage.tap(stage.a.port), stage.tap(stage.b.port));
    let delete = |device: &str, vm: &network_common::Vm| {
        let (mac, ip) = (vm.mac, vm.ip);
        stage.hand(
            In::One,
            &format!("nft delete element bridge dp ok4 {{ \"{device}\" . {mac} . {ip} }}"),
        );
    };
    delete(&a, &stage.a);
    stage.hand(In::One, &format!("ip link set {b} down"));
    stage.hand(In::Router, "sysctl net/ipv4/ip_forward=0");
    let of = |ports: &[model::PortId]| Scope {
        ports: ports.iter().copied().collect(),
        ..Scope::default()
    };
    let found = stage.inspect(&of(&[stage.a.port]));
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(has(
        &found[0],
        &["Element".into(), a, stage.a.port.to_string(), "Missing".into()]
    ));
    let found = stage.inspect(&of(&[stage.b.port]));
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(has(&found[0], &["Up".into(), b, "down".into()]));
    assert_eq!(
        stage.inspect(&of(&[
            stage.open.port,
            stage.parent,
            stage.subport,
            stage.stateless.port
        ])),
        []
    );
    let router = Scope {
        routers: [stage.router].into(),
        ..Scope::default()
    };
    let found = stage.inspect(&router);
    assert!(
        found.iter().any(|finding| has(finding, &["ip_forward".into()])),
        "{found:?}"
    );
    assert!(!found.iter().any(|finding| has(finding, &["Up".into()])), "{found:?}");
    let external = Scope {
        externals: [stage.public].into(),
        ..Scope::default()
    };
    assert_eq!(stage.inspect(&external), []);
}
