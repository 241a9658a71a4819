//! Questions and answers, by tables.

use proptest::prelude::*;

use super::*;
use crate::services::fixture::view;

const CLIENT: &str = "10.0.0.5";

fn query(name: &str, kind: RecordType) -> Message {
    let mut message = Message::new(77, MessageType::Query, OpCode::Query);
    message.metadata.recursion_desired = true;
    message.add_query(Query::query(Name::from_ascii(name).unwrap(), kind));
    message
}

fn outcome(message: &Message) -> Outcome {
    handle(
        &view(|_| {}),
        CLIENT.parse().unwrap(),
        Transport::Udp,
        &message.to_vec().unwrap(),
    )
}

fn answer(message: &Message) -> Message {
    match outcome(message) {
        Outcome::Answer(bytes) => Message::from_vec(&bytes).unwrap(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn names_and_addresses_of_the_network() {
    let cases: &[(&str, RecordType, ResponseCode, &[&str])] = &[
        (
            "vm1.openstacklocal.",
            RecordType::A,
            ResponseCode::NoError,
            &["10.0.0.5"],
        ),
        (
            "VM1.OpenStackLocal.",
            RecordType::A,
            ResponseCode::NoError,
            &["10.0.0.5"],
        ),
        ("vm1.", RecordType::A, ResponseCode::NoError, &["10.0.0.5"]),
        (
            "vm1.openstacklocal.",
            RecordType::AAAA,
            ResponseCode::NoError,
            &["fd00:1::5"],
        ),
        ("vm1.openstacklocal.", RecordType::MX, ResponseCode::NoError, &[]),
        (
            "host-10-0-0-6.openstacklocal.",
            RecordType::A,
            ResponseCode::NoError,
            &["10.0.0.6"],
        ),
        (
            "host-10-0-0-6.openstacklocal.",
            RecordType::AAAA,
            ResponseCode::NoError,
            &[],
        ),
        ("nobody.openstacklocal.", RecordType::A, ResponseCode::NXDomain, &[]),
        ("a.vm1.openstacklocal.", RecordType::A, ResponseCode::NXDomain, &[]),
        ("openstacklocal.", RecordType::A, ResponseCode::NoError, &[]),
        (
            "5.0.0.10.in-addr.arpa.",
            RecordType::PTR,
            ResponseCode::NoError,
            &["vm1.openstacklocal."],
        ),
        (
            "6.0.0.10.in-addr.arpa.",
            RecordType::PTR,
            ResponseCode::NoError,
            &["host-10-0-0-6.openstacklocal."],
        ),
        ("99.0.0.10.in-addr.arpa.", RecordType::PTR, ResponseCode::NXDomain, &[]),
        (
            "5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.1.0.0.0.0.0.d.f.ip6.arpa.",
            RecordType::PTR,
            ResponseCode::NoError,
            &["vm1.openstacklocal."],
        ),
    ];
    for (name, kind, code, expected) in cases {
        let answer = answer(&query(name, *kind));
        assert_eq!(answer.metadata.response_code, *code, "{name} {kind}");
        assert_eq!(answer.metadata.id, 77);
        assert_eq!(answer.metadata.message_type, MessageType::Response);
        let found: Vec<String> = answer.answers.iter().map(|record| record.data.to_string()).collect();
        assert_eq!(found, *expected, "{name} {kind}");
        let has_soa = answer
            .authorities
            .iter()
            .any(|record| record.record_type() == RecordType::SOA);
        assert_eq!(has_soa, expected.is_empty(), "{name} {kind}");
    }
}

#[test]
fn other_names_are_forwarded() {
    for name in [
        "www.example.org.",
        "org.",
        "openstacklocal.example.",
        "1.1.1.1.in-addr.arpa.",
        ".",
    ] {
        assert_eq!(outcome(&query(name, RecordType::A)), Outcome::Forward, "{name}");
    }
}

#[test]
fn what_is_not_a_fair_question_is_refused_or_ignored() {
    let code = |message: &Message| answer(message).metadata.response_code;
    let mut update = query("vm1.openstacklocal.", RecordType::A);
    update.metadata.op_code = OpCode::Update;
    assert_eq!(code(&update), ResponseCode::NotImp);
    let mut chaos = query("version.bind.", RecordType::TXT);
    chaos.queries[0].set_query_class(DNSClass::CH);
    assert_eq!(code(&chaos), ResponseCode::Refused);
    let mut two = query("vm1.openstacklocal.", RecordType::A);
    two.add_query(Query::query(Name::from_ascii("x.").unwrap(), RecordType::A));
    assert_eq!(code(&two), ResponseCode::FormErr);
    let mut response = query("vm1.openstacklocal.", RecordType::A);
    response.metadata.message_type = MessageType::Response;
    assert_eq!(outcome(&response), Outcome::Ignore);

    let network = view(|_| {});
    let bytes = query("vm1.openstacklocal.", RecordType::A).to_vec().unwrap();
    let Outcome::Answer(refusal) = handle(&network, "8.8.8.8".parse().unwrap(), Transport::Udp, &bytes) else {
        panic!("an outsider was served");
    };
    let refusal = Message::from_vec(&refusal).unwrap();
    assert_eq!(refusal.metadata.response_code, ResponseCode::Refused);
    let refused = unanswerable(&bytes, ResponseCode::ServFail).unwrap();
    assert_eq!(
        Message::from_vec(&refused).unwrap().metadata.response_code,
        ResponseCode::ServFail
    );
}

#[test]
fn a_large_answer_is_cut_over_udp_only() {
    let network = view(|config| {
        let addresses = (0..200_u8).map(|last| IpAddr::from([10, 0, 0, last])).collect();
        config.names.insert("many".to_owned(), addresses);
    });
    let bytes = query("many.openstacklocal.", RecordType::A).to_vec().unwrap();
    let ask = |transport| match handle(&network, CLIENT.parse().unwrap(), transport, &bytes) {
        Outcome::Answer(bytes) => Message::from_vec(&bytes).unwrap(),
        other => panic!("{other:?}"),
    };
    let cut = ask(Transport::Udp);
    assert!(cut.metadata.truncation && cut.answers.is_empty());
    assert_eq!(ask(Transport::Tcp).answers.len(), 200);
}

proptest! {
    #[test]
    fn never_panics(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = handle(&view(|_| {}), CLIENT.parse().unwrap(), Transport::Udp, &bytes);
        let _ = unanswerable(&bytes, ResponseCode::ServFail);
    }

    #[test]
    fn never_panics_behind_a_right_head(tail in prop::collection::vec(any::<u8>(), 0..200), counts in any::<[u8; 4]>()) {
        let mut bytes = vec![0, 1, 1, 0, 0, counts[0] % 3, 0, counts[1] % 3, 0, counts[2] % 3, 0, counts[3] % 3];
        bytes.extend(tail);
        let _ = handle(&view(|_| {}), CLIENT.parse().unwrap(), Transport::Tcp, &bytes);
    }

    #[test]
    fn never_panics_on_names(name in "[a-zA-Z0-9.-]{1,80}") {
        if let Ok(name) = Name::from_ascii(&name) {
            let mut message = query(".", RecordType::ANY);
            message.queries[0].set_name(name);
            let bytes = message.to_vec().unwrap();
            let _ = handle(&view(|_| {}), CLIENT.parse().unwrap(), Transport::Udp, &bytes);
        }
    }
}
