//! Packets are followed through rulesets, and frames are seen on devices. Run as root.
#![allow(clippy::unwrap_used)]

use std::net::{Ipv4Addr, UdpSocket};
use std::time::{Duration, Instant};

use linux::Netns;
use linux::netlink::{AddressFlags, Rtnl, Veth, VethEnd};
use linux::nft::{Generation, Nft};
use linux::pick::Field;
use linux::trace::{Entry, Event, Family, Header, Kind, Pick, Step, Tracer, Verdict};
use linux::watch::{Watch, Way};

const FILTER: &str = "
table ip t {
 chain judge { udp dport 9 counter drop; }
 chain out { type filter hook output priority 0; policy accept; jump judge; }
}
";

/// Two namespaces with a veth pair between them: 10.9.0.1 and 10.9.0.2.
fn pair() -> (Netns, Netns) {
    let (a, b) = (Netns::anonymous().unwrap(), Netns::anonymous().unwrap());
    let end = |name| VethEnd {
        name,
        mac: None,
        group: None,
    };
    let veth = Veth {
        near: end("va"),
        master: None,
        far: end("vb"),
        far_netns: Some(&b),
        mtu: None,
    };
    Rtnl::open(&a).unwrap().create_veth(&veth).unwrap();
    for (ns, name, net) in [(&a, "va", "10.9.0.1/24"), (&b, "vb", "10.9.0.2/24")] {
        let mut nl = Rtnl::open(ns).unwrap();
        let index = nl.link(name).unwrap().index;
        nl.set_up(index).unwrap();
        let flags = AddressFlags::default();
        nl.add_address(index, net.parse().unwrap(), flags).unwrap();
    }
    (a, b)
}

/// UDP whose data begins with a word.
fn pick(word: &[u8]) -> Pick {
    Pick {
        kind: Kind::Protocol(17),
        fields: vec![(Header::Transport, 8, word.to_vec())],
    }
}

fn say(from: &Netns, port: u16, words: &str) -> bool {
    let socket = from
        .run(|| UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)))
        .unwrap()
        .unwrap();
    socket.send_to(words.as_bytes(), ("10.9.0.2", port)).is_ok()
}

#[test]
fn a_packet_is_followed_to_the_rule_that_drops_it() {
    let (a, _b) = pair();
    let nft = Nft::open(&a).unwrap();
    nft.run(FILTER).unwrap();
    let before = nft.list().unwrap();
    let mut generation = Generation::open(&a).unwrap();
    let mut tracer = Tracer::open(&a, "follow").unwrap();
    let now = generation.read().unwrap();
    assert!(
        !tracer.arm(&[Entry::InetOut], &[pick(b"find")], now + 7).unwrap(),
        "of another generation"
    );
    assert_eq!(nft.list().unwrap(), before);
    assert!(tracer.arm(&[Entry::InetOut], &[pick(b"find")], now).unwrap());
    assert_eq!(generation.read().unwrap(), now + 1, "one step, and ours");
    assert!(nft.run("flush ruleset inet").is_ok());
    assert!(
        nft.run("delete table inet follow").is_err(),
        "nobody else can take it away"
    );

    assert!(!say(&a, 9, "find me"));
    assert!(say(&a, 10, "find me"));
    assert!(!say(&a, 9, "not me"));
    let events = tracer.take().unwrap();
    let own = |e: &&Event| e.table == "follow" && matches!(e.step, Step::Rule(_));
    assert_eq!(events.iter().filter(own).count(), 2, "two packets: {events:#?}");
    let drop = events.iter().find(|e| e.verdict == Verdict::Drop).unwrap();
    assert_eq!(
        (drop.family, drop.table.as_str(), drop.chain.as_str()),
        (Family::Ip, "t", "judge")
    );
    let Step::Rule(handle) = drop.step else {
        panic!("{drop:?}")
    };
    let path: Vec<_> = events
        .iter()
        .filter(|e| e.packet == drop.packet && e.table == "t")
        .collect();
    assert_eq!(path[0].verdict, Verdict::Jump("judge".into()));
    let look = path[0].look.as_ref().unwrap();
    assert_eq!(
        (&look.network[16..20], &look.transport[8..12]),
        (&[10, 9, 0, 2][..], &b"find"[..])
    );
    assert_eq!(look.to, Some(Rtnl::open(&a).unwrap().link("va").unwrap().index));
    let text = nft.rule(drop.family.word(), "t", "judge", handle).unwrap().unwrap();
    assert_eq!(text, "udp dport 9 counter drop");
    assert_eq!(nft.rule("ip", "t", "judge", 9999).unwrap(), None);

    let armed = generation.read().unwrap();
    drop_and_wait(tracer, &nft, &before);
    assert_eq!(generation.read().unwrap(), armed, "going away is no step");
}

/// Everything is as it was once the tracer is gone.
fn drop_and_wait(tracer: Tracer, nft: &Nft, before: &str) {
    drop(tracer);
    let deadline = Instant::now() + Duration::from_secs(10);
    while nft.list().unwrap() != before {
        assert!(Instant::now() < deadline, "{}", nft.list().unwrap());
    }
}

#[test]
fn frames_are_seen_on_both_their_ways_past_a_device() {
    let (a, b) = pair();
    let echo = b.run(|| UdpSocket::bind("10.9.0.2:11")).unwrap().unwrap();
    let form = vec![Field::short(12, 0x0800), Field::word(42, u32::from_be_bytes(*b"find"))];
    let watch = Watch::open(&a, "va", &[form]).unwrap();
    let asker = a.run(|| UdpSocket::bind("10.9.0.1:0")).unwrap().unwrap();
    for words in [&b"find me"[..], b"not me"] {
        asker.send_to(words, "10.9.0.2:11").unwrap();
        let mut buffer = [0; 64];
        echo.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let (length, peer) = echo.recv_from(&mut buffer).unwrap();
        echo.send_to(&buffer[..length], peer).unwrap();
        asker.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        assert_eq!(asker.recv(&mut buffer).unwrap(), words.len());
    }
    let mut seen = Vec::new();
    while let Some((way, frame)) = watch.take().unwrap() {
        assert_eq!(&frame[42..49], b"find me");
        seen.push(way);
    }
    assert_eq!(seen, [Way::Out, Way::In]);
}

#[test]
fn the_way_of_a_packet_is_looked_up() {
    let (a, _b) = pair();
    let mut nl = Rtnl::open(&a).unwrap();
    let link = nl.link("va").unwrap();
    let hop = nl.next_hop("10.9.0.2".parse().unwrap()).unwrap().unwrap();
    assert_eq!((hop.gateway, hop.link, hop.local), (None, link.index, false));
    assert_eq!(hop.source, Some("10.9.0.1".parse().unwrap()));
    assert!(nl.next_hop("10.9.0.1".parse().unwrap()).unwrap().unwrap().local);
    assert_eq!(nl.next_hop("10.10.0.1".parse().unwrap()).unwrap(), None);
    assert_eq!(nl.next_hop("2001:db8::1".parse().unwrap()).unwrap(), None);
    assert_eq!(nl.find_index(link.index).unwrap(), Some(link));
    assert_eq!(nl.find_index(4711).unwrap(), None);
}

/// The namespace that [`holds_a_table`] is to follow packets in.
const PLACE: &str = "MARU_TEST_TRACE_IN";

#[test]
#[ignore = "run by the test below, in a process of its own"]
fn holds_a_table() {
    let ns = Netns::open(&std::env::var(PLACE).unwrap()).unwrap();
    let mut tracer = Tracer::open(&ns, "held").unwrap();
    let now = Generation::open(&ns).unwrap().read().unwrap();
    assert!(
        tracer
            .arm(&[Entry::InetIn, Entry::BridgeIn], &[pick(b"find")], now)
            .unwrap()
    );
    std::thread::sleep(Duration::from_secs(60));
}

#[test]
fn a_killed_program_leaves_no_table() {
    let name = format!("marutest-{}-trace", std::process::id());
    let ns = Netns::create(&name).unwrap();
    let nft = Nft::open(&ns).unwrap();
    let listed = || nft.list().unwrap();
    let mut program = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "holds_a_table", "--ignored"])
        .env(PLACE, &name)
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let deadline = Instant::now() + Duration::from_secs(10);
    while !listed().contains("table bridge held") && Instant::now() < deadline {}
    let held = listed();
    program.kill().unwrap();
    program.wait().unwrap();
    while !listed().is_empty() && Instant::now() < deadline {}
    let left = listed();
    Netns::delete(&name).unwrap();
    assert!(
        held.contains("table inet held") && held.contains("table bridge held"),
        "{held}"
    );
    assert_eq!(left, "");
}
