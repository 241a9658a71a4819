//! Causes and their fixes, made real: each code of the catalogue is produced, its verdict compared with a real packet, its fix
//! made by the rules that requests go by, and the packet sent again. It arrives if and only if that was promised.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use model::compute::VmState;
use model::host::{DesiredPower, EtherType};
use model::network::floating_ip::{self, FloatingIpSpec};
use model::network::network::NetworkSpec;
use model::network::port::PortSpec;
use model::network::router::{self, InterfaceSpec, RouterSpec};
use model::network::security_group::{RuleSpec, create_rule, delete_rule};
use model::network::{AllowedAddressPair, network, port};
use model::reach::{Code, Origin, Protocol, Question, Target, Which};
use model::{PortId, RouterId, ServerId};

use crate::codes;
use crate::host_codes::on_the_host;
use crate::network_common::net;
use crate::rows::{Rows, Trial, admin, gateway, question};
use crate::scenes::{Made, all, town};
use crate::topology::{BESIDE, Dice, WORLD};

/// Towns of the default suite, and questions in each.
const TOWNS: u64 = 4;
const QUESTIONS: usize = 12;
/// The same of the long one.
const LONG: (u64, usize) = (16, 60);
/// Scenes made at once.
const AT_ONCE: usize = 8;

/// Whom rules by chance let in, and addresses that are asked for.
const REMOTES: [&str; 3] = ["10.1.0.0/24", "192.0.2.0/24", "172.24.4.0/24"];
const TARGETS: [&str; 5] = [BESIDE[0], WORLD[0], "10.1.0.1", "10.1.0.250", "172.24.4.80"];

/// The names of all codes, as the catalogue itself tells them.
fn catalogue() -> BTreeSet<String> {
    let error = serde_json::from_str::<Code>("\"\"").unwrap_err().to_string();
    let names = error.split('`').skip(1).step_by(2).filter(|name| !name.is_empty());
    names.map(str::to_owned).collect()
}

#[test]
fn every_code_of_the_catalogue_is_produced() {
    let made: Vec<(Code, Made)> = all().into_iter().chain(on_the_host()).collect();
    let known: BTreeSet<String> = made.iter().map(|(code, _)| code.as_str()).collect();
    assert!(catalogue().len() >= 97, "the catalogue was not read");
    assert_eq!(made.len(), known.len(), "a code is named twice");
    assert_eq!(
        catalogue(),
        known,
        "add a scene, or name the test that produces the code"
    );
    let crates = Path::new(env!("CARGO_MANIFEST_DIR"));
    let tests: Vec<String> = ["tests", "../maru/src/doctor"]
        .iter()
        .flat_map(|directory| sources(&crates.join(directory)))
        .collect();
    let breakages = sources(&crates.join("tests/network_reach_mutations"));
    for (code, made) in &made {
        let word = format!("\"{}\"", code.as_str());
        match made {
            Made::Here(_) => {}
            Made::By(name) => {
                let mut bodies = tests.iter().filter_map(|text| test_of(text, name));
                let body = bodies
                    .next()
                    .unwrap_or_else(|| panic!("{word}: there is no test {name}"));
                assert!(body.contains(&word), "{word} is not in the test {name}");
            }
            Made::Breakage(name) => {
                assert_eq!(codes::expected(name, &[]), code.as_str(), "{name}");
                // As an argument: the table of codes names it, too.
                let made = format!("(\"{name}\",");
                let is_made = breakages.iter().any(|text| compact(text).contains(&made));
                assert!(is_made, "{word}: there is no breakage '{name}'");
            }
        }
    }
}

/// The text of a test function: from its head to the bracket that closes it.
fn test_of<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let at = text.find(&format!("fn {name}()"))?;
    let (before, body) = text.split_at(at);
    let (_, attributes) = before.rsplit_once("\n\n")?;
    let indent = before.rsplit('\n').next()?.len();
    let end = body.find(&format!("\n{}}}\n", " ".repeat(indent)))?;
    attributes.contains("#[test]").then(|| &body[..end])
}

/// A text without blanks at the beginnings and ends of its lines, in one line.
fn compact(text: &str) -> String {
    text.lines().map(str::trim).collect()
}

/// The texts of all files in a directory.
fn sources(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let texts = entries.flat_map(|path| match path.is_dir() {
        true => sources(&path),
        false => std::fs::read_to_string(&path).into_iter().collect(),
    });
    texts.collect()
}

#[test]
fn each_cause_is_met_and_its_fixes_are_true() {
    let scenes: Vec<_> = all()
        .into_iter()
        .filter_map(|(code, made)| match made {
            Made::Here(scene) => Some((code, scene)),
            Made::By(_) | Made::Breakage(_) => None,
        })
        .collect();
    let mut failed = Vec::new();
    for some in scenes.chunks(AT_ONCE) {
        let told = std::thread::scope(|scope| {
            let running: Vec<_> = some
                .iter()
                .map(|(code, scene)| {
                    scope.spawn(move || {
                        let (mut rows, question) = scene();
                        let trial = Trial::of(&mut rows, &question);
                        let is_met = trial.codes().contains(code);
                        (!is_met || trial.error().is_some()).then(|| trial.tell(&code.as_str()))
                    })
                })
                .collect();
            running.into_iter().map(|thread| thread.join()).collect::<Vec<_>>()
        });
        for (told, (code, _)) in told.into_iter().zip(some) {
            match told {
                Ok(told) => failed.extend(told),
                Err(_) => failed.push(format!("{}: the scene can't be made", code.as_str())),
            }
        }
    }
    assert!(
        failed.is_empty(),
        "{} of {}:\n{}",
        failed.len(),
        scenes.len(),
        failed.join("\n")
    );
}

/// What was counted of a town.
#[derive(Default)]
struct Count {
    asked: usize,
    blocked: usize,
    opened: usize,
    codes: BTreeMap<String, usize>,
}

#[test]
fn fixes_by_chance_are_true() {
    let one: Option<u64> = std::env::var("MARU_REACH_SEED").ok().map(|seed| seed.parse().unwrap());
    let (towns, questions) = match std::env::var_os("MARU_TEST_LONG") {
        Some(_) => LONG,
        None => (TOWNS, QUESTIONS),
    };
    let seeds: Vec<u64> = one.map_or((1..=towns).collect(), |seed| vec![seed]);
    let mut total = Count::default();
    for some in seeds.chunks(4) {
        let counts = std::thread::scope(|scope| {
            let running: Vec<_> = some
                .iter()
                .map(|seed| scope.spawn(move || live(*seed, questions)))
                .collect();
            running
                .into_iter()
                .map(|thread| thread.join().unwrap())
                .collect::<Vec<_>>()
        });
        for count in counts {
            total.asked += count.asked;
            total.blocked += count.blocked;
            total.opened += count.opened;
            for (code, times) in count.codes {
                *total.codes.entry(code).or_default() += times;
            }
        }
    }
    println!(
        "{} questions asked, {} blocked, {} of them opened by their fixes; {:#?}",
        total.asked, total.blocked, total.opened, total.codes
    );
    assert!(
        one.is_some() || total.opened * 3 > total.blocked,
        "hardly anything was opened"
    );
    assert!(
        one.is_some() || total.blocked * 2 > total.asked,
        "hardly anything was in the way"
    );
}

/// A town where things are broken by chance, and mended as is advised.
fn live(seed: u64, questions: usize) -> Count {
    let mut dice = Dice(seed);
    let (rows, routers, ports, server) = town();
    let mut town = Town {
        rows,
        routers,
        ports,
        server,
    };
    let mut count = Count::default();
    let mut before: Vec<String> = Vec::new();
    for number in 0..questions {
        for _ in 0..1 + dice.below(3) {
            before.extend(town.spoil(&mut dice));
        }
        let question = town.throw(&mut dice);
        let trial = Trial::of(&mut town.rows, &question);
        assert!(
            trial.error().is_none(),
            "seed {seed}, question {number}, after {before:#?}: {}",
            trial.tell(&format!("{question:?}"))
        );
        count.asked += 1;
        count.blocked += usize::from(!trial.answer.is_reachable());
        count.opened += usize::from(trial.answer.opens);
        for code in trial.codes() {
            *count.codes.entry(code.as_str()).or_default() += 1;
        }
    }
    count
}

struct Town {
    rows: Rows,
    routers: Vec<RouterId>,
    ports: Vec<PortId>,
    server: ServerId,
}

impl Town {
    /// Breaks something; tells what, if the rules let it.
    fn spoil(&mut self, dice: &mut Dice) -> Option<String> {
        let (port, router) = (*dice.pick(&self.ports), *dice.pick(&self.routers));
        let row = self.rows.cloud.ports.get(&port)?.clone();
        let group = row.security_groups.first().copied();
        let edit = |rows: &mut Rows, spec: PortSpec| rows.try_run(|tx| port::update(tx, &admin(), port, spec)).is_ok();
        let route =
            |rows: &mut Rows, spec: RouterSpec| rows.try_run(|tx| router::update(tx, &admin(), router, spec)).is_ok();
        let (what, is_done) = match dice.below(14) {
            0 => (
                "port down",
                edit(
                    &mut self.rows,
                    PortSpec {
                        admin_state_up: Some(false),
                        ..PortSpec::default()
                    },
                ),
            ),
            1 => (
                "no groups",
                edit(
                    &mut self.rows,
                    PortSpec {
                        security_groups: Some(Vec::new()),
                        ..PortSpec::default()
                    },
                ),
            ),
            2 => (
                "no port security",
                edit(
                    &mut self.rows,
                    PortSpec {
                        security_groups: Some(Vec::new()),
                        port_security_enabled: Some(false),
                        ..PortSpec::default()
                    },
                ),
            ),
            3 => (
                "router down",
                route(
                    &mut self.rows,
                    RouterSpec {
                        admin_state_up: Some(false),
                        ..RouterSpec::default()
                    },
                ),
            ),
            4 => (
                "no gateway",
                route(
                    &mut self.rows,
                    RouterSpec {
                        gateway: Some(None),
                        ..RouterSpec::default()
                    },
                ),
            ),
            5 => {
                let mut out = gateway(self.rows.external?);
                out.enable_snat = Some(dice.chance(70));
                (
                    "a gateway",
                    route(
                        &mut self.rows,
                        RouterSpec {
                            gateway: Some(Some(out)),
                            ..RouterSpec::default()
                        },
                    ),
                )
            }
            6 => {
                let (id, up) = (row.network_id, dice.chance(30));
                let spec = NetworkSpec {
                    admin_state_up: Some(up),
                    ..NetworkSpec::default()
                };
                (
                    "network up or down",
                    self.rows.try_run(|tx| network::update(tx, &admin(), id, spec)).is_ok(),
                )
            }
            7 => {
                let ids: Vec<_> = self.rows.cloud.floating_ips.iter().map(|row| row.id).collect();
                let id = *ids.get(dice.below(ids.len()))?;
                let spec = FloatingIpSpec {
                    port_id: Some(None),
                    ..FloatingIpSpec::default()
                };
                (
                    "no association",
                    self.rows
                        .try_run(|tx| floating_ip::update(tx, &admin(), id, spec))
                        .is_ok(),
                )
            }
            8 => {
                let ids: Vec<_> = self.rows.cloud.floating_ips.iter().map(|row| row.id).collect();
                let id = *ids.get(dice.below(ids.len()))?;
                (
                    "no floating IP",
                    self.rows.try_run(|tx| floating_ip::delete(tx, &admin(), id)).is_ok(),
                )
            }
            9 | 10 => {
                let rules: Vec<_> = self.rows.cloud.rules_of_group(group?).map(|rule| rule.id).collect();
                let id = *rules.get(dice.below(rules.len()))?;
                (
                    "a rule less",
                    self.rows.try_run(|tx| delete_rule(tx, &admin(), id)).is_ok(),
                )
            }
            11 => {
                let mut spec = RuleSpec::new(group?, model::host::Direction::Ingress, EtherType::IPv4);
                spec.protocol = Some((*dice.pick(&["tcp", "udp", "icmp"])).to_owned());
                spec.remote_ip_prefix = Some(net(REMOTES[dice.below(REMOTES.len())]));
                (
                    "another rule",
                    self.rows.try_run(|tx| create_rule(tx, &admin(), spec)).is_ok(),
                )
            }
            12 => {
                let power = *dice.pick(&[
                    (VmState::Stopped, DesiredPower::Off),
                    (VmState::Paused, DesiredPower::Paused),
                    (VmState::Suspended, DesiredPower::Suspended),
                ]);
                self.rows.set_power(self.server, power.0, power.1);
                ("server off", true)
            }
            _ => {
                let leg = self
                    .rows
                    .cloud
                    .ports_of_device(&router.to_string())
                    .find(|port| port.device_owner == "network:router_interface")
                    .map(|port| port.id)?;
                let spec = InterfaceSpec {
                    subnet_id: None,
                    port_id: Some(leg),
                };
                (
                    "a leg less",
                    self.rows
                        .try_run(|tx| router::remove_interface(tx, &admin(), router, spec))
                        .is_ok(),
                )
            }
        };
        is_done.then(|| format!("{what} (port {port}, router {router})"))
    }

    fn throw(&self, dice: &mut Dice) -> Question {
        let outside = |dice: &mut Dice| {
            let near = if dice.chance(50) { BESIDE } else { WORLD };
            Some(net(near[0]).addr())
        };
        let from = match dice.below(10) {
            0..4 => Origin::Outside { address: outside(dice) },
            4 => Origin::Host,
            5 => Origin::Router { id: None },
            6 => Origin::Network { id: None },
            7 => Origin::Server { id: self.server },
            _ => Origin::Port {
                id: *dice.pick(&self.ports),
            },
        };
        let to = match dice.below(10) {
            0..6 => Target::Port {
                id: *dice.pick(&self.ports),
            },
            6 | 7 => Target::Server { id: self.server },
            8 => {
                let ids: Vec<_> = self.rows.cloud.floating_ips.iter().map(|row| row.id).collect();
                match ids.get(dice.below(ids.len())) {
                    Some(id) => Target::FloatingIp { id: *id },
                    None => Target::Server { id: self.server },
                }
            }
            _ => Target::Address {
                address: net(TARGETS[dice.below(TARGETS.len())]).addr(),
            },
        };
        let protocol = *dice.pick(&[Protocol::Icmp, Protocol::Tcp(22), Protocol::Tcp(80)]);
        let which = *dice.pick(&[Which::Usual, Which::Usual, Which::Fixed, Which::Floating]);
        Question {
            which,
            ip_version: Some(4),
            ..question(from, to, protocol)
        }
    }
}

/// A pair that lets a machine stand for an address: what a fix of that kind makes, as a person may have made it before.
#[test]
fn a_machine_stands_for_what_its_pairs_name() {
    let mut rows = Rows::new();
    let (network, _) = rows.network(&["10.0.0.0/24"]);
    let (asks, stands) = (rows.machine(network), rows.machine(network));
    rows.open(stands);
    let address = net("10.0.0.200");
    let pair = AllowedAddressPair {
        ip_address: address,
        mac_address: None,
    };
    let spec = PortSpec {
        allowed_address_pairs: Some(vec![pair]),
        ..PortSpec::default()
    };
    rows.edit_port(stands, spec);
    let target = Target::Address {
        address: address.addr(),
    };
    let question = question(Origin::Port { id: asks }, target, Protocol::Tcp(22));
    let trial = Trial::of(&mut rows, &question);
    assert!(
        trial.error().is_none() && trial.answer.is_reachable(),
        "{}",
        trial.tell("a pair")
    );
}
