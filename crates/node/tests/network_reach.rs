//! Whether what the model says of a packet's fate is what becomes of it: clouds by chance on the real kernel, real packets,
//! and the verdict of [`model::reach::walk()`] beside them. What differs is made smaller until nothing can be left out, and told.
//!
//! `MARU_REACH_SEED` asks the questions of one seed again.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

#[path = "network_reach_mutations/codes.rs"]
mod codes;
#[path = "network_reach/config.rs"]
mod config;
#[path = "network_reach/cost.rs"]
mod cost;
#[path = "network_reach/fixes.rs"]
mod fixes;
#[path = "network_reach/host_codes.rs"]
mod host_codes;
#[path = "network_reach/machine.rs"]
mod machine;
mod network_common;
#[path = "network_reach/plug.rs"]
mod plug;
#[path = "network_reach/question.rs"]
mod question;
#[path = "network_reach/rows.rs"]
mod rows;
#[path = "network_reach/scenes.rs"]
mod scenes;
#[path = "network_reach/shrink.rs"]
mod shrink;
#[path = "network_reach/stage.rs"]
mod stage;
#[path = "network_reach/topology.rs"]
mod topology;

use std::collections::BTreeMap;

use model::reach::Walk;
use question::Question;
use stage::Stage;
use topology::{Dice, Topology, generate};

/// Clouds of the default suite, and questions to each.
const CLOUDS: u64 = 12;
const QUESTIONS: usize = 60;
/// How many kinds of obstacles the default suite meets at least: so that a change of the dice does not make it easy.
const KINDS: usize = 15;

/// What the model said, and what the kernel did.
struct Outcome {
    question: Question,
    walk: Walk,
    is_expected: bool,
    is_answered: bool,
}

impl Outcome {
    fn disagrees(&self) -> bool {
        self.is_expected != self.is_answered
    }

    /// The kind of what was in the way.
    fn kind(&self) -> Option<String> {
        let blocked = self.walk.blocked.as_ref()?;
        let text = format!("{:?} of the {:?}", blocked.obstacle, blocked.way);
        let name = text.split([' ', '{']).next()?;
        Some(format!("{name} ({:?})", blocked.way))
    }
}

#[test]
fn the_model_and_the_kernel_agree() {
    let one: Option<u64> = std::env::var("MARU_REACH_SEED").ok().map(|seed| seed.parse().unwrap());
    let clouds = match std::env::var_os("MARU_TEST_LONG") {
        Some(_) => 20 * CLOUDS,
        None => CLOUDS,
    };
    let (mut asked, mut answered) = (0, 0);
    let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
    for seed in one.map_or(1..=clouds, |seed| seed..=seed) {
        let (topology, questions) = of_seed(seed);
        let stage = Stage::build(&topology);
        stage::settle();
        let outcomes = ask(&stage, &questions);
        drop(stage);
        if let Some(outcome) = outcomes.iter().find(|outcome| outcome.disagrees()) {
            shrink::tell(seed, topology, outcome);
        }
        asked += outcomes.len();
        answered += outcomes.iter().filter(|outcome| outcome.is_answered).count();
        for kind in outcomes.iter().filter_map(Outcome::kind) {
            *kinds.entry(kind).or_default() += 1;
        }
    }
    println!("{asked} questions asked, {answered} of them answered; in the way: {kinds:#?}");
    assert!(
        one.is_some() || answered * 5 > asked,
        "hardly any question was answered"
    );
    assert!(one.is_some() || kinds.len() >= KINDS, "hardly anything was in the way");
}

fn of_seed(seed: u64) -> (Topology, Vec<Question>) {
    let mut dice = Dice(seed);
    let topology = generate(&mut dice);
    let throws = std::iter::repeat_with(|| Question::throw(&mut dice, &topology));
    let questions = throws.take(20 * QUESTIONS).flatten().take(QUESTIONS).collect();
    (topology, questions)
}

/// Asks all questions at once, and those again whose answer should have come and did not: a packet may be lost where a
/// neighbour is looked for.
fn ask(stage: &Stage, questions: &[Question]) -> Vec<Outcome> {
    let one = |question: &Question| {
        let walk = question.walk(stage);
        let is_expected = question.expects(&walk);
        let tries = if is_expected { 2 } else { 1 };
        let is_answered = (0..tries).any(|_| question.is_answered(stage, is_expected));
        Outcome {
            question: *question,
            walk,
            is_expected,
            is_answered,
        }
    };
    std::thread::scope(|scope| {
        let asked: Vec<_> = questions
            .iter()
            .map(|question| scope.spawn(move || one(question)))
            .collect();
        asked.into_iter().map(|each| each.join().unwrap()).collect()
    })
}
