//! What a probe leaves behind: nothing, however it ends; and the reconciler goes on as if it had not been.
#![allow(clippy::unwrap_used)]

mod network_common;
mod reach_common;

use std::time::{Duration, Instant};

use linux::Netns;
use linux::nft::{Generation, Nft};
use model::reach::probe::*;
use network_common::probe::{eventually, ping};
use network_common::*;
use reach_common::*;

/// A probe that has to wait for its whole time.
fn slow(stage: &Stage) -> ProbeRequest {
    let target = FLOATING.parse().unwrap();
    let request = stage.request(Place::Host, target, ProbeKind::Ping, stage.vm.ip);
    let patience_ms = Some(3000);
    ProbeRequest { patience_ms, ..request }
}

/// Makes the guest deaf, so that probes wait.
fn deafen(stage: &Stage) {
    let deaf = "add table inet deaf\nadd chain inet deaf in { type filter hook input priority 0; }\n\
                add rule inet deaf in meta l4proto { icmp, tcp } counter drop";
    Nft::open(&stage.vm.ns).unwrap().run(deaf).unwrap();
}

fn spaces(stage: &Stage) -> [Netns; 3] {
    [stage.cloud.host.clone(), stage.router_ns(), stage.network_ns()]
}

fn rulesets(stage: &Stage) -> Vec<String> {
    spaces(stage)
        .iter()
        .map(|ns| Nft::open(ns).unwrap().list().unwrap())
        .collect()
}

fn traced(stage: &Stage) -> usize {
    rulesets(stage)
        .iter()
        .filter(|rules| rules.contains("maru_trace"))
        .count()
}

#[test]
fn nothing_is_left_behind_and_nobody_is_disturbed() {
    let mut stage = Stage::new();
    assert_eq!(stage.cloud.part.audit(), Vec::<String>::new());
    let before = rulesets(&stage);
    let generations = |stage: &Stage| spaces(stage).map(|ns| Generation::open(&ns).unwrap().read().unwrap());
    let earlier = generations(&stage);
    for kind in [
        ProbeKind::Ping,
        ProbeKind::Tcp(22),
        ProbeKind::Tcp(23),
        ProbeKind::Udp(53),
    ] {
        stage.ask(Place::Host, FLOATING.parse().unwrap(), kind);
    }
    stage.ask(stage.place(), stage.vm.ip, ProbeKind::Neighbour);
    assert_eq!(rulesets(&stage), before);
    assert_ne!(generations(&stage), earlier, "this test would see nothing");
    assert_eq!(
        stage.cloud.part.audit(),
        Vec::<String>::new(),
        "our own changes are nobody else's"
    );
    let settled = generations(&stage);
    assert_eq!(stage.cloud.part.audit(), Vec::<String>::new());
    assert_eq!(generations(&stage), settled, "and nothing was loaded anew");
}

#[test]
fn in_the_midst_of_a_probe_the_reconciler_goes_on() {
    let mut stage = Stage::new();
    deafen(&stage);
    let (probes, request) = (stage.probes.clone(), slow(&stage));
    let running = std::thread::spawn(move || probes.make(&request).unwrap());
    assert!(eventually(|| traced(&stage) == 3), "{:#?}", rulesets(&stage));
    assert_eq!(stage.cloud.part.audit(), Vec::<String>::new());
    // A change of the same rulesets.
    let group = stage.group;
    stage
        .cloud
        .set_group(stage.network, group, with(all_out(), [allow_in(ports(6, 80, 80))]));
    stage.cloud.drop_floating_ip(stage.router, FLOATING);
    stage.cloud.apply();
    assert_eq!(stage.cloud.part.audit(), Vec::<String>::new());
    assert_eq!(traced(&stage), 3, "the probe goes on");
    assert!(rulesets(&stage)[2].contains("tcp dport 80 accept"));
    let result = running.join().unwrap();
    assert!(
        matches!(result.verdict, ProbeVerdict::SilentAfterDelivery { .. }),
        "{result:#?}"
    );
    assert_eq!(traced(&stage), 0);
    assert_eq!(stage.cloud.part.audit(), Vec::<String>::new());
}

#[test]
fn what_others_do_beside_a_probe_is_still_found() {
    let mut stage = Stage::new();
    let nft = Nft::open(&stage.network_ns()).unwrap();
    let foreign = "add rule bridge dp cfwd accept";
    stage.ask(Place::Host, FLOATING.parse().unwrap(), ProbeKind::Ping);
    nft.run(foreign).unwrap();
    stage.ask(Place::Host, FLOATING.parse().unwrap(), ProbeKind::Ping);
    let found = stage.cloud.part.audit();
    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(
        found[0].starts_with("somebody changed the ruleset of qdhcp-"),
        "{found:#?}"
    );
    assert_eq!(stage.cloud.part.audit(), Vec::<String>::new());
    assert!(ping(&stage.cloud.host, FLOATING.parse().unwrap(), true));
}

#[test]
fn a_probe_that_nobody_waits_for_ends_and_leaves_nothing() {
    let mut stage = Stage::new();
    deafen(&stage);
    let before = rulesets(&stage);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let mut probing = stage.probes.probe(slow(&stage));
        // Until its first packet has come.
        while heard(&stage) == 0 {
            let waited = tokio::time::timeout(Duration::from_millis(20), &mut probing).await;
            assert!(waited.is_err(), "it takes three seconds: {waited:?}");
        }
        assert_eq!(traced(&stage), 3);
    });
    assert!(eventually(|| traced(&stage) == 0));
    assert!(heard(&stage) < 3, "it ended before its last packet");
    assert_eq!(rulesets(&stage), before);
    assert_eq!(stage.cloud.part.audit(), Vec::<String>::new());
}

/// Packets that the deaf guest did not hear.
fn heard(stage: &Stage) -> u32 {
    let listed = Nft::open(&stage.vm.ns).unwrap().run("list table inet deaf").unwrap();
    let (_, counted) = listed.split_once("counter packets ").unwrap();
    counted.split_whitespace().next().unwrap().parse().unwrap()
}

#[test]
fn a_probe_that_is_refused_leaves_nothing() {
    let mut stage = Stage::new();
    let before = rulesets(&stage);
    let target = "198.51.100.7".parse().unwrap();
    let refused = stage.try_ask(stage.router_place(), target, ProbeKind::Ping);
    assert!(matches!(refused, Err(ProbeError::Refused(_))), "{refused:?}");
    assert_eq!(rulesets(&stage), before);
    assert_eq!(stage.cloud.part.audit(), Vec::<String>::new());
}

#[test]
fn probes_are_few() {
    let stage = Stage::new();
    let target = FLOATING.parse().unwrap();
    let request = stage.request(Place::Host, target, ProbeKind::Ping, stage.vm.ip);
    let begun = Instant::now();
    let made: Vec<_> = (0..12).map(|_| stage.probes.make(&request)).collect();
    let limited = |made: &Result<ProbeResult, ProbeError>| matches!(made, Err(ProbeError::RateLimited { .. }));
    let passed = made.iter().filter(|made| !limited(made)).count();
    // Four at once, and one more each quarter of a second.
    let most = 4 + begun.elapsed().as_millis() as usize / 250 + 1;
    assert!((4..=most).contains(&passed), "{passed} of {most}");

    deafen(&stage);
    let slow = slow(&stage);
    std::thread::scope(|scope| {
        let running: Vec<_> = (0..2).map(|_| scope.spawn(|| stage.make(&slow).unwrap())).collect();
        let tables = || rulesets(&stage)[0].matches("table inet maru_trace").count();
        assert!(eventually(|| tables() == 2));
        let third = stage.probes.make(&slow);
        assert!(limited(&third), "{third:?}");
        for result in running.into_iter().map(|thread| thread.join().unwrap()) {
            assert_eq!(result.delivered, Some(result.sent), "each counts its own: {result:#?}");
        }
    });
}
