//! Answers to clients' messages, written and read by the published DHCP library.

use dhcproto::v4::{DhcpOption, Flags, Message, MessageType as Kind, OptionCode};
use dhcproto::{Decodable, Decoder, Encodable};
use model::host::ExtraDhcpOpt;
use proptest::prelude::*;

use super::*;
use crate::services::fixture::{VM, VM_MAC, change_vm, view};

/// A client's message with these options.
fn message(kind: Kind, mac: &str, options: Vec<DhcpOption>) -> Message {
    let mac: MacAddress = mac.parse().unwrap();
    let zero = Ipv4Addr::UNSPECIFIED;
    let mut message = Message::new_with_id(7, zero, zero, zero, zero, &mac.0);
    message.opts_mut().insert(DhcpOption::MessageType(kind));
    for option in options {
        message.opts_mut().insert(option);
    }
    message
}

fn exchange(network: &NetworkView, message: &Message) -> Option<Exchange> {
    handle(network, &message.to_vec().unwrap())
}

fn answered(network: &NetworkView, message: &Message) -> (Answer, Message) {
    let answer = exchange(network, message).unwrap().answer.unwrap();
    let decoded = Message::decode(&mut Decoder::new(&answer.payload)).unwrap();
    (answer, decoded)
}

fn vm_address() -> Ipv4Addr {
    [10, 0, 0, 5].into()
}

#[test]
fn a_discover_is_offered_the_ports_address_with_all_settings() {
    let network = view(|_| {});
    let (answer, offer) = answered(&network, &message(Kind::Discover, VM_MAC, vec![]));
    assert_eq!(answer.step, DhcpStep::Offer);
    assert_eq!(answer.from, Ipv4Addr::from([10, 0, 0, 2]));
    assert_eq!(answer.to, Destination::Unicast(VM_MAC.parse().unwrap(), vm_address()));
    assert_eq!(offer.xid(), 7);
    assert_eq!(offer.yiaddr(), vm_address());
    let server = Ipv4Addr::from([10, 0, 0, 2]);
    let gateway = Ipv4Addr::from([10, 0, 0, 1]);
    let expected = [
        DhcpOption::MessageType(Kind::Offer),
        DhcpOption::ServerIdentifier(server),
        DhcpOption::AddressLeaseTime(86_400),
        DhcpOption::Renewal(43_200),
        DhcpOption::Rebinding(75_600),
        DhcpOption::SubnetMask([255, 255, 255, 0].into()),
        DhcpOption::BroadcastAddr([10, 0, 0, 255].into()),
        DhcpOption::Router(vec![gateway]),
        DhcpOption::DomainNameServer(vec![server]),
        DhcpOption::DomainName("openstacklocal".to_owned()),
        DhcpOption::Hostname("vm1".to_owned()),
        DhcpOption::InterfaceMtu(1450),
        DhcpOption::ClasslessStaticRoute(vec![
            ("169.254.169.254/32".parse().unwrap(), server),
            ("192.168.8.0/22".parse().unwrap(), [10, 0, 0, 9].into()),
            ("0.0.0.0/0".parse().unwrap(), gateway),
        ]),
    ];
    for option in expected {
        assert_eq!(offer.opts().get(OptionCode::from(&option)), Some(&option));
    }
}

#[test]
fn strangers_relays_and_answers_are_ignored() {
    let network = view(|_| {});
    assert_eq!(
        exchange(&network, &message(Kind::Discover, "fa:16:3e:ff:ff:ff", vec![])),
        None
    );
    let mut relayed = message(Kind::Discover, VM_MAC, vec![]);
    relayed.set_giaddr([10, 0, 0, 77]);
    assert_eq!(exchange(&network, &relayed), None);
    assert_eq!(exchange(&network, &message(Kind::Offer, VM_MAC, vec![])), None);
}

#[test]
fn a_request_is_acknowledged_only_for_the_ports_own_address() {
    let network = view(|_| {});
    let ask = |address: [u8; 4]| {
        message(
            Kind::Request,
            VM_MAC,
            vec![DhcpOption::RequestedIpAddress(address.into())],
        )
    };
    let (answer, ack) = answered(&network, &ask([10, 0, 0, 5]));
    assert_eq!((answer.step, ack.yiaddr()), (DhcpStep::Ack, vm_address()));
    for wrong in [[10, 0, 0, 6], [192, 168, 0, 1]] {
        let (answer, nak) = answered(&network, &ask(wrong));
        assert_eq!((answer.step, answer.to), (DhcpStep::Nak, Destination::Broadcast));
        assert_eq!(nak.opts().msg_type(), Some(Kind::Nak));
        assert_eq!(nak.yiaddr(), Ipv4Addr::UNSPECIFIED);
        assert!(!nak.opts().contains(OptionCode::AddressLeaseTime));
    }
}

#[test]
fn a_request_to_another_server_is_none_of_ours() {
    let network = view(|_| {});
    let chosen = |server: [u8; 4]| {
        let options = vec![
            DhcpOption::RequestedIpAddress(vm_address()),
            DhcpOption::ServerIdentifier(server.into()),
        ];
        exchange(&network, &message(Kind::Request, VM_MAC, options))
            .unwrap()
            .answer
    };
    assert!(chosen([10, 0, 0, 77]).is_none());
    assert!(chosen([10, 0, 0, 2]).is_some());
}

#[test]
fn a_renewal_goes_to_the_address_in_use() {
    let network = view(|_| {});
    let mut renewal = message(Kind::Request, VM_MAC, vec![]);
    renewal
        .set_ciaddr([10, 0, 0, 5])
        .set_flags(Flags::default().set_broadcast());
    let (answer, ack) = answered(&network, &renewal);
    assert_eq!(answer.to, Destination::Unicast(VM_MAC.parse().unwrap(), vm_address()));
    assert_eq!((ack.ciaddr(), ack.yiaddr()), (vm_address(), vm_address()));
}

#[test]
fn a_client_that_asks_for_broadcast_gets_it() {
    let network = view(|_| {});
    let mut discover = message(Kind::Discover, VM_MAC, vec![]);
    discover.set_flags(Flags::default().set_broadcast());
    let (answer, offer) = answered(&network, &discover);
    assert_eq!(answer.to, Destination::Broadcast);
    assert!(offer.flags().broadcast());
}

#[test]
fn inform_gets_settings_without_a_lease() {
    let network = view(|_| {});
    let mut inform = message(Kind::Inform, VM_MAC, vec![]);
    inform.set_ciaddr([10, 0, 0, 5]);
    let (_, ack) = answered(&network, &inform);
    assert_eq!(ack.yiaddr(), Ipv4Addr::UNSPECIFIED);
    assert!(!ack.opts().contains(OptionCode::AddressLeaseTime));
    assert!(ack.opts().contains(OptionCode::InterfaceMtu));
}

#[test]
fn release_and_decline_are_noted_only() {
    let network = view(|_| {});
    for (kind, step) in [(Kind::Release, DhcpStep::Release), (Kind::Decline, DhcpStep::Decline)] {
        let options = vec![DhcpOption::RequestedIpAddress(vm_address())];
        let exchange = exchange(&network, &message(kind, VM_MAC, options)).unwrap();
        assert_eq!((exchange.port, exchange.answer), (VM, None));
        assert_eq!(exchange.received, (step, Some(vm_address())));
    }
}

#[test]
fn subnets_settings_reach_the_client() {
    let network = view(|config| {
        config.subnets[0].gateway = None;
        config.subnets[0].dns_nameservers = vec!["1.1.1.1".parse().unwrap(), "fd00::1".parse().unwrap()];
        let mut second = config.subnets[0].clone();
        second.id = model::SubnetId(uuid::Uuid::from_u128(99));
        second.cidr = "10.9.0.0/16".parse().unwrap();
        config.subnets.push(second);
        change_vm(config, |port| port.dns_name = None);
    });
    let (_, offer) = answered(&network, &message(Kind::Discover, VM_MAC, vec![]));
    assert_eq!(offer.opts().get(OptionCode::Router), None);
    let resolvers = DhcpOption::DomainNameServer(vec![[1, 1, 1, 1].into()]);
    assert_eq!(offer.opts().get(OptionCode::DomainNameServer), Some(&resolvers));
    let name = DhcpOption::Hostname("host-10-0-0-5".to_owned());
    assert_eq!(offer.opts().get(OptionCode::Hostname), Some(&name));
    let Some(DhcpOption::ClasslessStaticRoute(routes)) = offer.opts().get(OptionCode::ClasslessStaticRoute) else {
        panic!("no routes");
    };
    assert!(routes.contains(&("10.9.0.0/16".parse().unwrap(), Ipv4Addr::UNSPECIFIED)));
    assert!(
        !routes.iter().any(|(net, _)| net.prefix_len() == 0),
        "no gateway, no default route"
    );
}

#[test]
fn a_subnet_without_dhcp_is_not_served() {
    let network = view(|config| config.subnets[0].dhcp = false);
    let exchange = exchange(&network, &message(Kind::Discover, VM_MAC, vec![])).unwrap();
    assert_eq!(exchange.answer, None);
}

#[test]
fn extra_options_add_replace_and_remove() {
    let extra = |name: &str, value: Option<&str>| ExtraDhcpOpt {
        name: name.to_owned(),
        value: value.map(str::to_owned),
        ip_version: 4,
    };
    let network = view(|config| {
        change_vm(config, |port| {
            port.extra_dhcp_opts = vec![
                extra("mtu", Some("1300")),
                extra("router", None),
                extra("bootfile-name", Some("pxelinux.0")),
                extra("server-ip-address", Some("10.0.0.77")),
                extra("ntp-server", Some("10.0.0.78")),
            ];
        });
    });
    let (_, offer) = answered(&network, &message(Kind::Discover, VM_MAC, vec![]));
    assert_eq!(
        offer.opts().get(OptionCode::InterfaceMtu),
        Some(&DhcpOption::InterfaceMtu(1300))
    );
    assert_eq!(offer.opts().get(OptionCode::Router), None);
    assert_eq!(offer.fname(), Some(&b"pxelinux.0\0"[..]));
    assert_eq!(offer.siaddr(), Ipv4Addr::from([10, 0, 0, 77]));
    let ntp = DhcpOption::NtpServers(vec![[10, 0, 0, 78].into()]);
    assert_eq!(offer.opts().get(OptionCode::NtpServers), Some(&ntp));
}

#[test]
fn the_clients_identifier_comes_back() {
    let network = view(|_| {});
    let id = DhcpOption::ClientIdentifier(vec![1, 2, 3]);
    let (_, offer) = answered(&network, &message(Kind::Discover, VM_MAC, vec![id.clone()]));
    assert_eq!(offer.opts().get(OptionCode::ClientIdentifier), Some(&id));
}

proptest! {
    /// Whatever comes, an answer goes to the asking port's own MAC or to all, fits, and names an address of that port.
    #[test]
    fn answers_stay_within_the_port(
        kind in 0..10_u8,
        tail in prop::collection::vec(any::<u8>(), 0..64),
        flags in any::<u8>(),
        ciaddr in any::<[u8; 4]>(),
    ) {
        let network = view(|_| {});
        let mut bytes = message(Kind::Discover, VM_MAC, vec![]).to_vec().unwrap();
        bytes.truncate(240);
        bytes[10] = flags;
        bytes[12..16].copy_from_slice(&ciaddr);
        bytes.extend([53, 1, kind]);
        bytes.extend(tail);
        if let Some(answer) = handle(&network, &bytes).and_then(|exchange| exchange.answer) {
            let decoded = Message::decode(&mut Decoder::new(&answer.payload)).unwrap();
            prop_assert!([Ipv4Addr::UNSPECIFIED, vm_address()].contains(&decoded.yiaddr()));
            prop_assert!(answer.payload.len() <= 1372);
            if let Destination::Unicast(mac, _) = answer.to {
                prop_assert_eq!(mac.to_string(), VM_MAC);
            }
        }
    }
}
