//! Whether what the model says of a packet's fate is what becomes of it: clouds by chance on the real kernel, real packets,
//! and the verdict of [`model::reach::walk`] beside them. What differs is made smaller until nothing can be left out, and told.
//!
//! `MARU_REACH_SEED` asks the questions of one seed again.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

#[path = "network_reach/cost.rs"]
mod cost;
mod network_common;
#[path = "network_reach/question.rs"]
mod question;
#[path = "network_reach/shrink.rs"]
mod shrink;
#[path = "network_reach/stage.rs"]
mod stage;
#[path = "network_reach/topology.rs"]
mod topology;

use model::reach::Walk;
use question::Question;
use stage::Stage;
use topology::{Dice, Topology, generate};

/// Clouds of the default suite, and questions to each.
const CLOUDS: u64 = 12;
const QUESTIONS: usize = 60;

/// What the model said, and the kernel did otherwise.
struct Disagreement {
    question: Question,
    walk: Walk,
    answered: bool,
}

#[test]
fn the_model_and_the_kernel_agree() {
    let one = std::env::var("MARU_REACH_SEED").ok().map(|seed| seed.parse().unwrap());
    let clouds = if std::env::var_os("MARU_TEST_LONG").is_some() {
        20 * CLOUDS
    } else {
        CLOUDS
    };
    let seeds: Vec<u64> = one.map_or_else(|| (1..=clouds).collect(), |seed| vec![seed]);
    let (mut asked, mut answered) = (0, 0);
    for seed in seeds {
        let (topology, questions) = of_seed(seed);
        let stage = Stage::build(&topology);
        stage::settle();
        let found = ask(&stage, &questions);
        asked += questions.len();
        answered += questions
            .iter()
            .filter(|question| question.expects(&question.walk(&stage)))
            .count();
        drop(stage);
        if let Some(disagreement) = found.into_iter().next() {
            shrink::tell(seed, topology, &disagreement);
        }
    }
    println!("{asked} questions asked, {answered} of them answered");
    assert!(
        answered * 10 > asked,
        "hardly any question was answered: {answered} of {asked}"
    );
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
fn ask(stage: &Stage, questions: &[Question]) -> Vec<Disagreement> {
    std::thread::scope(|scope| {
        let asked: Vec<_> = questions
            .iter()
            .map(|question| {
                scope.spawn(move || {
                    let walk = question.walk(stage);
                    let expected = question.expects(&walk);
                    let answered = question.is_answered(stage, expected);
                    let answered = answered || (expected && question.is_answered(stage, expected));
                    (answered != expected).then_some(Disagreement {
                        question: *question,
                        walk,
                        answered,
                    })
                })
            })
            .collect();
        asked.into_iter().filter_map(|each| each.join().unwrap()).collect()
    })
}
