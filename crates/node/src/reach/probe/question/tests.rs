use super::*;

fn question(kind: ProbeKind, source: &str, target: &str) -> Question {
    Question {
        kind,
        token: 0x0102_0304,
        source: source.parse().unwrap(),
        source_port: 40_000,
        target: target.parse().unwrap(),
        inside: target.parse().unwrap(),
        mac: Mac([2, 0, 0, 0, 0, 1]),
    }
}

/// An Ethernet frame around what a raw socket sends.
fn framed(question: &Question) -> Vec<u8> {
    let message = question.message();
    let mut frame = vec![0; 12];
    match (question.source, question.target) {
        (IpAddr::V4(source), IpAddr::V4(target)) => {
            frame.extend([8, 0, 0x45, 0, 0, 0, 0, 0, 0, 0, 64, question.protocol(), 0, 0]);
            frame.extend(source.octets().iter().chain(&target.octets()));
        }
        (IpAddr::V6(source), IpAddr::V6(target)) => {
            frame.extend([0x86, 0xdd, 0x60, 0, 0, 0, 0, 0, question.protocol(), 64]);
            frame.extend(source.octets().iter().chain(&target.octets()));
        }
        _ => panic!("one family"),
    }
    frame.extend(message);
    frame
}

fn has(form: &Form, frame: &[u8]) -> bool {
    form.iter().all(|field| {
        let (at, size) = (field.offset as usize, usize::from(field.size));
        let found = frame.get(at..at + size);
        found == Some(&field.value.to_be_bytes()[4 - size..])
    })
}

#[test]
fn what_is_sent_is_recognised_on_devices() {
    for (source, target) in [("10.0.0.1", "10.0.0.2"), ("fd00::1", "fd00::2")] {
        for kind in [ProbeKind::Ping, ProbeKind::Tcp(22)] {
            let question = question(kind, source, target);
            let frame = framed(&question);
            assert_eq!(question.frames().iter().filter(|form| has(form, &frame)).count(), 1);
            assert_eq!(question.of_frame(&frame), Some(Seen::Request), "{kind:?} {target}");
            let other = Question {
                token: 5,
                ..question.clone()
            };
            assert!(!other.frames().iter().any(|form| has(form, &frame)));
        }
        let question = question(ProbeKind::Neighbour, source, target);
        let frame = question.frame();
        assert_eq!(question.frames().iter().filter(|form| has(form, &frame)).count(), 1);
        assert_eq!(question.of_frame(&frame), Some(Seen::Request));
    }
}

#[test]
fn replies_are_told_apart() {
    let ping = question(ProbeKind::Ping, "10.0.0.1", "10.0.0.2");
    let mut packet = vec![0x45; 1];
    packet.resize(20, 0);
    let with = |message: &[u8]| [packet.clone(), message.to_vec()].concat();
    assert_eq!(ping.reply(ICMP, &with(&[0, 0])), Some(Reply::Yes));
    assert_eq!(ping.reply(ICMP, &with(&[3, 1])), Some(Reply::Error(3, 1)));
    assert_eq!(ping.reply(ICMP, &[]), None);
    let tcp = question(ProbeKind::Tcp(22), "fd00::1", "fd00::2");
    let mut segment = [0; 20];
    segment[13] = 0x12;
    assert_eq!(tcp.reply(TCP, &segment), Some(Reply::Yes));
    segment[13] = 0x14;
    assert_eq!(tcp.reply(TCP, &segment), Some(Reply::Reset));
    assert_eq!(tcp.reply(ICMP6, &[1, 4]), Some(Reply::Error(1, 4)));
}

#[test]
fn a_segment_sums_to_zero() {
    let tcp = question(ProbeKind::Tcp(22), "fd00::1", "fd00::2");
    let segment = tcp.message();
    let (IpAddr::V6(source), IpAddr::V6(target)) = (tcp.source, tcp.target) else {
        panic!()
    };
    assert_eq!(packet::checksum6(source, target, TCP, &segment), 0);
}
