//! Answers to clients' messages, written and read by the published DHCP library.

use dhcproto::v6::{DhcpOption, DhcpOptions, IAAddr, IANA, Message, MessageType as Kind, OptionCode, Status as Code};
use dhcproto::{Decodable, Decoder, Encodable};
use model::address::MacAddress;
use model::host::ExtraDhcpOpt;
use proptest::prelude::*;

use super::*;
use crate::services::fixture::{VM, VM_MAC, change_vm, view};

const CLIENT: &[u8] = &[0, 4, 1, 2, 3, 4];
const SERVER: &[u8] = &[0, 3, 0, 1, 0xfa, 0x16, 0x3e, 0, 0, 2];

fn source() -> Ipv6Addr {
    VM_MAC.parse::<MacAddress>().unwrap().link_local()
}

fn vm_address() -> Ipv6Addr {
    "fd00:1::5".parse().unwrap()
}

fn addresses(held: &[Ipv6Addr]) -> DhcpOption {
    let mut opts = DhcpOptions::new();
    for addr in held {
        opts.insert(DhcpOption::IAAddr(IAAddr {
            addr: *addr,
            preferred_life: 0,
            valid_life: 0,
            opts: DhcpOptions::new(),
        }));
    }
    DhcpOption::IANA(IANA {
        id: 9,
        t1: 0,
        t2: 0,
        opts,
    })
}

fn message(kind: Kind, options: Vec<DhcpOption>) -> Message {
    let mut message = Message::new_with_id(kind, [1, 2, 3]);
    message.opts_mut().insert(DhcpOption::ClientId(CLIENT.to_vec()));
    for option in options {
        message.opts_mut().insert(option);
    }
    message
}

fn exchange(network: &NetworkView, message: &Message) -> Option<Exchange> {
    handle(network, source(), &message.to_vec().unwrap())
}

fn answered(network: &NetworkView, message: &Message) -> Message {
    let bytes = exchange(network, message).unwrap().answer.unwrap();
    Message::decode(&mut Decoder::new(&bytes)).unwrap()
}

fn leased(message: &Message) -> Vec<(Ipv6Addr, u32)> {
    let Some(DhcpOption::IANA(association)) = message.opts().get(OptionCode::IANA) else {
        panic!("no IA_NA in {message:?}");
    };
    assert_eq!(association.id, 9);
    association
        .opts
        .iter()
        .filter_map(|option| match option {
            DhcpOption::IAAddr(address) => Some((address.addr, address.valid_life)),
            _ => None,
        })
        .collect()
}

#[test]
fn solicit_advertise_request_reply() {
    let network = view(|_| {});
    let advertise = answered(&network, &message(Kind::Solicit, vec![addresses(&[])]));
    assert_eq!((advertise.msg_type(), advertise.xid()), (Kind::Advertise, [1, 2, 3]));
    assert_eq!(leased(&advertise), [(vm_address(), 86_400)]);
    let server = advertise.opts().get(OptionCode::ServerId).unwrap().clone();
    assert_eq!(server, DhcpOption::ServerId(SERVER.to_vec()));

    let reply = answered(
        &network,
        &message(Kind::Request, vec![server, addresses(&[vm_address()])]),
    );
    assert_eq!(reply.msg_type(), Kind::Reply);
    assert_eq!(leased(&reply), [(vm_address(), 86_400)]);
    let client = DhcpOption::ClientId(CLIENT.to_vec());
    assert_eq!(reply.opts().get(OptionCode::ClientId), Some(&client));
    let resolvers = DhcpOption::DomainNameServers(vec!["fd00:1::2".parse().unwrap()]);
    assert_eq!(reply.opts().get(OptionCode::DomainNameServers), Some(&resolvers));
    let Some(DhcpOption::DomainSearchList(domains)) = reply.opts().get(OptionCode::DomainSearchList) else {
        panic!("no search list");
    };
    assert_eq!(domains[0].to_string(), "openstacklocal.");
}

#[test]
fn rapid_commit_answers_at_once() {
    let network = view(|_| {});
    let reply = answered(
        &network,
        &message(Kind::Solicit, vec![addresses(&[]), DhcpOption::RapidCommit]),
    );
    assert_eq!(reply.msg_type(), Kind::Reply);
    assert!(reply.opts().get(OptionCode::RapidCommit).is_some());
    assert_eq!(leased(&reply), [(vm_address(), 86_400)]);
}

#[test]
fn a_renewal_drops_what_is_not_the_ports() {
    let network = view(|_| {});
    let stale: Ipv6Addr = "fd00:1::77".parse().unwrap();
    let options = vec![DhcpOption::ServerId(SERVER.to_vec()), addresses(&[stale, vm_address()])];
    let reply = answered(&network, &message(Kind::Renew, options));
    assert_eq!(leased(&reply), [(vm_address(), 86_400), (stale, 0)]);
}

#[test]
fn confirm_says_whether_the_link_is_the_same() {
    let network = view(|_| {});
    let status = |address: &str| {
        let confirm = message(Kind::Confirm, vec![addresses(&[address.parse().unwrap()])]);
        match answered(&network, &confirm).opts().get(OptionCode::StatusCode) {
            Some(DhcpOption::StatusCode(code)) => code.status,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(status("fd00:1::5"), Code::Success);
    assert_eq!(status("fd00:2::5"), Code::NotOnLink);
    assert_eq!(
        exchange(&network, &message(Kind::Confirm, vec![addresses(&[])]))
            .unwrap()
            .answer,
        None
    );
}

#[test]
fn messages_for_others_are_ignored() {
    let network = view(|_| {});
    let elsewhere = vec![DhcpOption::ServerId(vec![0, 3, 0, 1, 9, 9, 9, 9, 9, 9]), addresses(&[])];
    assert_eq!(
        exchange(&network, &message(Kind::Request, elsewhere)).unwrap().answer,
        None
    );
    // A solicitation names no server.
    let odd = vec![DhcpOption::ServerId(SERVER.to_vec()), addresses(&[])];
    assert_eq!(exchange(&network, &message(Kind::Solicit, odd)).unwrap().answer, None);
    let bytes = message(Kind::Solicit, vec![]).to_vec().unwrap();
    assert_eq!(handle(&network, "fe80::1".parse().unwrap(), &bytes), None, "a stranger");
}

#[test]
fn a_stateless_subnet_gives_settings_only() {
    let network = view(|config| {
        config.subnets[1].ipv6 = Some(Ipv6Mode::Dhcpv6Stateless);
        change_vm(config, |port| {
            port.extra_dhcp_opts.push(ExtraDhcpOpt {
                name: "ntp-server".to_owned(),
                value: Some("x".to_owned()),
                ip_version: 6,
            });
        });
    });
    let reply = answered(&network, &message(Kind::InformationRequest, vec![]));
    assert_eq!(reply.msg_type(), Kind::Reply);
    assert!(reply.opts().get(OptionCode::DomainNameServers).is_some());
    assert!(reply.opts().get(OptionCode::IANA).is_none());
    let advertise = answered(&network, &message(Kind::Solicit, vec![addresses(&[])]));
    assert_eq!(leased(&advertise), []);
    let Some(DhcpOption::IANA(association)) = advertise.opts().get(OptionCode::IANA) else {
        panic!("no IA_NA");
    };
    let Some(DhcpOption::StatusCode(code)) = association.opts.get(OptionCode::StatusCode) else {
        panic!("no status");
    };
    assert_eq!(code.status, Code::NoAddrsAvail);
}

#[test]
fn slaac_networks_have_no_dhcpv6() {
    let network = view(|config| config.subnets[1].ipv6 = Some(Ipv6Mode::Slaac));
    assert!(!is_served(&network.config));
    let exchange = exchange(&network, &message(Kind::Solicit, vec![addresses(&[])])).unwrap();
    assert_eq!((exchange.port, exchange.answer), (VM, None));
}

#[test]
fn a_duid_made_of_a_mac_tells_the_port() {
    let network = view(|_| {});
    let mut solicit = message(Kind::Solicit, vec![addresses(&[])]);
    solicit.opts_mut().remove(OptionCode::ClientId);
    let duid = vec![0, 1, 0, 1, 1, 2, 3, 4, 0xfa, 0x16, 0x3e, 0, 0, 5];
    solicit.opts_mut().insert(DhcpOption::ClientId(duid));
    let stable_privacy: Ipv6Addr = "fe80::1234:5678:9abc:def0".parse().unwrap();
    let exchange = handle(&network, stable_privacy, &solicit.to_vec().unwrap()).unwrap();
    assert_eq!((exchange.port, exchange.address), (VM, Some(vm_address())));
}

proptest! {
    #[test]
    fn never_panics(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = handle(&view(|_| {}), source(), &bytes);
    }

    /// Behind a right head and option codes that are looked into.
    #[test]
    fn never_panics_in_the_options(
        kind in 1..12_u8,
        options in prop::collection::vec((0..26_u16, prop::collection::vec(any::<u8>(), 0..60)), 0..8),
        cut in 0..500_usize,
    ) {
        let mut bytes = vec![kind, 0, 0, 1];
        for (code, value) in options {
            bytes.extend(code.to_be_bytes());
            bytes.extend((value.len() as u16).to_be_bytes());
            bytes.extend(value);
        }
        bytes.truncate(cut);
        if let Some(answer) = handle(&view(|_| {}), source(), &bytes).and_then(|exchange| exchange.answer) {
            prop_assert!(Message::decode(&mut Decoder::new(&answer)).is_ok());
        }
    }
}
