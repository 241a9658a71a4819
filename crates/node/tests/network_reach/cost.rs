//! What a question costs on a large host. Measures, so it is run by hand:
//! `cargo nextest run --release -p maru-node --run-ignored only -E 'binary(network_reach)' --no-capture`

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use ipnet::IpNet;
use model::PortId;
use model::host::*;
use model::reach::{Assumptions, Flow, Protocol, Start, walk};

use crate::network_common::*;

/// A network with so many ports, each with a floating IP, and rules that name them all as a remote group.
const PORTS: u32 = 10_000;

fn inside(number: u32) -> Ipv4Addr {
    Ipv4Addr::from(u32::from(Ipv4Addr::new(10, 64, 1, 0)) + number)
}

fn floating(number: u32) -> Ipv4Addr {
    Ipv4Addr::from(u32::from(Ipv4Addr::new(172, 24, 64, 0)) + number)
}

fn port_id(number: u32) -> PortId {
    PortId(uuid::Uuid::from_u128(u128::from(number + 1) << 64))
}

/// Never applied: only the configuration is asked.
fn large_cloud() -> Cloud {
    let mut cloud = Cloud::new();
    let public = cloud.external("br-ex", &["172.24.0.1/16"]);
    let network = cloud.network(&["10.64.0.0/16"]);
    let group = cloud.group(network, Vec::new());
    let by_port = (1..=20).flat_map(|port| {
        let of = |direction| rule(direction, EtherType::IPv4, ports(6, port, port), Remote::Group(group));
        [Direction::Ingress, Direction::Egress].map(of)
    });
    cloud.set_group(network, group, by_port.collect());
    let subnet = cloud.config.networks[&network].subnets[0].id;
    cloud.edit(network, |network| {
        for number in 0..PORTS {
            let port = PortConfig {
                id: port_id(number),
                network_id: network.id,
                mac: fresh_mac(),
                fixed_ips: vec![FixedIpConfig {
                    subnet_id: subnet,
                    address: IpNet::new(inside(number).into(), 16).unwrap(),
                }],
                binding: PortBinding::Namespace {
                    netns: format!("vm-{number}"),
                    ifname: "eth0".into(),
                },
                admin_state_up: true,
                port_security: true,
                allowed_address_pairs: Vec::new(),
                security_groups: [group].into(),
                dns_name: None,
                extra_dhcp_opts: Vec::new(),
                qos: None,
            };
            network.ports.insert(port.id, Arc::new(port));
        }
        let members = (0..PORTS).map(|number| IpNet::from(IpAddr::V4(inside(number))));
        network.members.insert(group, members.collect());
    });
    let router = cloud.router(&[network], Some((public, &["172.24.0.10/16"], &["172.24.0.1"])));
    let ip = |number| FloatingIpConfig {
        id: model::FloatingIpId(fresh()),
        floating: floating(number),
        fixed: inside(number),
        port_id: port_id(number),
    };
    cloud.edit_router(router, |router| router.floating_ips = (0..PORTS).map(ip).collect());
    cloud
}

#[test]
#[ignore = "measures"]
fn one_question_among_ten_thousand_ports() {
    let cloud = large_cloud();
    let network = *cloud.config.externals.keys().next().unwrap();
    let inner = Start::Port {
        id: port_id(0),
        address: inside(0).into(),
    };
    let outer = Start::Outside {
        network,
        address: "172.24.0.99".parse().unwrap(),
    };
    let last = PORTS - 1;
    for (what, start, to, port) in [
        ("to a neighbour, by the last rule", inner, inside(last), 20),
        ("to a neighbour, by no rule", inner, inside(last), 99),
        ("to a neighbour's floating IP", inner, floating(last), 20),
        ("from outside to a floating IP, by no rule", outer, floating(last), 20),
        ("to nobody", inner, Ipv4Addr::new(10, 64, 255, 1), 20),
    ] {
        let flow = Flow {
            start,
            destination: to.into(),
            protocol: Protocol::Tcp(port),
        };
        let (times, began) = (50, std::time::Instant::now());
        let walks = (0..times).map(|_| walk(&cloud.config, &flow, &Assumptions::default()));
        let answered = walks.filter(|walk| walk.is_answered()).count();
        let ms = began.elapsed().as_secs_f64() * 1000.0 / f64::from(times);
        println!("{what:45} {ms:7.3} ms, {answered} of {times} answered");
    }
}
