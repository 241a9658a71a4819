//! Routers and provider networks: legs, addresses, routes, settings, neighbours.

use crate::devices::down;
use crate::stage::{FLOATING, FORWARDED, In, Stage};
use crate::{broken, try_all};

#[test]
fn devices_of_the_router_and_of_the_host() {
    let mut stage = Stage::new();
    let (qr, qg, tap_qg) = (stage.qr(), stage.qg(), stage.tap(stage.gateway_port()));
    let tap_qr = stage.tap(stage.leg(0));
    let floating = stage.floating.to_string();
    let all = vec![
        broken(
            "a leg is gone",
            In::Router,
            format!("ip link del {qr}"),
            &["Device(", &qr, "Missing"],
        )
        .then(&["Device(", &tap_qr, "Missing"]),
        broken(
            "the end of a leg is gone",
            In::One,
            format!("ip link del {tap_qr}"),
            &["Device(", &tap_qr, "Missing"],
        )
        .then(&["Device(", &qr, "Missing"]),
        down(
            broken(
                "a leg is down",
                In::Router,
                format!("ip link set {qr} down"),
                &["Up", &qr],
            ),
            &qr,
        )
        .then(&["BridgePortState", &tap_qr]),
        broken(
            "a leg has another MAC",
            In::Router,
            format!("ip link set {qr} address 02:00:00:00:00:04"),
            &["Mac", &qr],
        ),
        broken(
            "a leg has another MTU",
            In::Router,
            format!("ip link set {qr} mtu 1300"),
            &["Mtu", &qr, "1300"],
        ),
        broken(
            "a leg's end is on no bridge",
            In::One,
            format!("ip link set {tap_qr} nomaster"),
            &["Bridge", &tap_qr],
        ),
        broken(
            "the gateway is gone",
            In::Router,
            format!("ip link del {qg}"),
            &["Device(", &qg, "Missing"],
        )
        .then(&["Device(", &tap_qg, "Missing"]),
        down(
            broken(
                "the gateway is down",
                In::Router,
                format!("ip link set {qg} down"),
                &["Up", &qg],
            ),
            &qg,
        )
        .then(&["BridgePortState", &tap_qg]),
        broken(
            "the gateway's end is on no bridge",
            In::Host,
            format!("ip link set {tap_qg} nomaster"),
            &["Bridge", &tap_qg],
        ),
        broken(
            "the gateway's end is down",
            In::Host,
            format!("ip link set {tap_qg} down"),
            &["Up", &tap_qg],
        )
        .then(&["Route", "Missing"]),
        broken(
            "the gateway has another MAC",
            In::Router,
            format!("ip link set {qg} address 02:00:00:00:00:05"),
            &["Mac", &qg],
        )
        .then(&["Neighbour"]),
        broken(
            "a floating IP's address is gone",
            In::Router,
            format!("ip addr del {FLOATING}/32 dev {qg}"),
            &["Address", FLOATING, &floating, "Missing"],
        ),
        broken(
            "a forwarded floating IP's address is gone",
            In::Router,
            format!("ip addr del {FORWARDED}/32 dev {qg}"),
            &["Address", FORWARDED, "Missing"],
        ),
        broken(
            "a leg's address is gone",
            In::Router,
            format!("ip addr del fd00:1::1/64 dev {qr}"),
            &["Address", "fd00:1::1/64", "Missing"],
        ),
        broken(
            "a leg has one more address",
            In::Router,
            format!("ip addr add 10.1.0.9/32 dev {qr}"),
            &["Address", "10.1.0.9", "Unwanted"],
        ),
        broken(
            "the default route is gone",
            In::Router,
            "ip route del default",
            &["Route", "0.0.0.0/0", "Missing"],
        ),
        broken(
            "IPv6's default route is gone",
            In::Router,
            "ip -6 route del default",
            &["Route", "::/0", "Missing"],
        ),
        broken(
            "an extra route is gone",
            In::Router,
            "ip route del 192.168.7.0/24",
            &["Route", "192.168.7.0/24", "Missing"],
        ),
        broken(
            "an extra route leads elsewhere",
            In::Router,
            "ip route replace 192.168.7.0/24 via 10.1.0.11",
            &["Route", "192.168.7.0/24", "Missing"],
        )
        .then(&["Route", "10.1.0.11", "Unwanted"]),
        broken(
            "a leg's prefix leads nowhere",
            In::Router,
            "ip route del 10.1.0.0/24",
            &["Route", "10.1.0.0/24", "Missing"],
        )
        .stays(
            In::Router,
            format!("ip route add 10.1.0.0/24 dev {qr} proto kernel scope link src 10.1.0.1"),
        ),
        broken(
            "a route swallows an address",
            In::Router,
            "ip route add blackhole 10.1.0.10/32",
            &["Route", "10.1.0.10/32", "drops: true", "Unwanted"],
        )
        .stays(In::Router, "ip route del blackhole 10.1.0.10/32"),
        broken(
            "a route forbids an address",
            In::Router,
            "ip route add prohibit 10.1.0.10/32",
            &["Route", "10.1.0.10/32", "drops: true", "Unwanted"],
        )
        .stays(In::Router, "ip route del prohibit 10.1.0.10/32"),
        broken(
            "packets are routed by another table",
            In::Router,
            "ip rule add from 10.1.0.10 lookup 100 priority 500",
            &["RoutingRule", "500", "Unwanted"],
        )
        .stays(In::Router, "ip rule del priority 500"),
        broken(
            "nothing is forwarded",
            In::Router,
            "sysctl net/ipv4/ip_forward=0",
            &["Setting", "ip_forward"],
        ),
        broken(
            "no IPv6 is forwarded",
            In::Router,
            "sysctl net/ipv6/conf/all/forwarding=0",
            &["Setting", "ipv6/conf/all/forwarding"],
        ),
        broken(
            "a leg forwards nothing",
            In::Router,
            format!("sysctl net/ipv4/conf/{qr}/forwarding=0"),
            &["Setting", &format!("{qr}/forwarding")],
        )
        .stays(In::Router, format!("sysctl net/ipv4/conf/{qr}/forwarding=1")),
        broken(
            "sources are checked",
            In::Router,
            "sysctl net/ipv4/conf/all/rp_filter=1",
            &["Setting", "all/rp_filter"],
        ),
        broken(
            "sources are checked on a leg",
            In::Router,
            format!("sysctl net/ipv4/conf/{qg}/rp_filter=1"),
            &["Setting", &format!("{qg}/rp_filter")],
        )
        .stays(In::Router, format!("sysctl net/ipv4/conf/{qg}/rp_filter=0")),
        broken(
            "any leg answers for any address",
            In::Router,
            "sysctl net/ipv4/conf/all/arp_ignore=0",
            &["Setting", "arp_ignore"],
        ),
        broken(
            "nobody is answered for",
            In::Router,
            "sysctl net/ipv6/conf/all/proxy_ndp=0",
            &["Setting", "proxy_ndp"],
        ),
        broken(
            "an address is not answered for",
            In::Router,
            format!("ip -6 neigh del proxy fd00:1::10 dev {qg}"),
            &["NdpProxy", "fd00:1::10", "Missing"],
        ),
        broken(
            "one more address is answered for",
            In::Router,
            format!("ip -6 neigh add proxy fd00:1::99 dev {qg}"),
            &["NdpProxy", "fd00:1::99", "Unwanted"],
        ),
        broken(
            "a server is believed elsewhere",
            In::Router,
            format!("ip neigh replace 10.1.0.10 lladdr 02:00:00:00:00:06 dev {qr} nud permanent"),
            &["Neighbour", "10.1.0.10", "02:00"],
        )
        .stays(In::Router, format!("ip neigh del 10.1.0.10 dev {qr}")),
        broken(
            "the next hop is believed elsewhere",
            In::Router,
            format!("ip neigh replace 172.24.4.1 lladdr 02:00:00:00:00:07 dev {qg} nud permanent"),
            &["Neighbour", "172.24.4.1", "02:00"],
        )
        .stays(In::Router, format!("ip neigh del 172.24.4.1 dev {qg}")),
        broken(
            "packets of the gateway wait in somebody's queue",
            In::Router,
            format!("tc qdisc add dev {qg} root htb"),
            &["Discipline", &qg, "htb"],
        )
        .stays(In::Router, format!("tc qdisc del dev {qg} root")),
        broken(
            "a stranger is in the router",
            In::Router,
            "ip link add strange0 up type bridge",
            &["Device(", "strange0", "Unwanted"],
        )
        .stays(In::Router, "ip link del strange0"),
        broken(
            "the provider bridge is gone",
            In::Host,
            "ip link del br-ex",
            &["Device(", "br-ex", "Missing"],
        ),
        down(
            broken(
                "the provider bridge is down",
                In::Host,
                "ip link set br-ex down",
                &["Up", "br-ex"],
            ),
            "br-ex",
        ),
        broken(
            "the provider bridge has another MAC",
            In::Host,
            "ip link set br-ex address 02:00:00:00:00:08",
            &["Mac", "br-ex"],
        ),
        broken(
            "the provider bridge has another MTU",
            In::Host,
            "ip link set br-ex mtu 1400",
            &["Mtu", "br-ex"],
        ),
        broken(
            "the host's address is gone",
            In::Host,
            "ip addr del 172.24.4.1/24 dev br-ex",
            &["Address", "172.24.4.1/24", "Missing"],
        ),
        broken(
            "the host's bridge has one more address",
            In::Host,
            "ip addr add 172.24.4.7/32 dev br-ex",
            &["Address", "172.24.4.7", "Unwanted"],
        ),
        broken(
            "the host's route is gone",
            In::Host,
            "ip -6 route del fd00:1::/64",
            &["Route", "fd00:1::/64", "Missing"],
        ),
        broken(
            "a route of the host swallows a floating IP",
            In::Host,
            format!("ip route add blackhole {FLOATING}/32"),
            &["Route", FLOATING, "drops: true", "Unwanted"],
        )
        .stays(In::Host, format!("ip route del blackhole {FLOATING}/32")),
        broken(
            "a network of the host overlaps",
            In::Host,
            "ip link add other0 up type bridge",
            &["Route", "172.24.4.0/25", "Unwanted"],
        )
        .and(In::Host, "ip addr add 172.24.4.100/25 dev other0")
        .stays(In::Host, "ip link del other0"),
        broken(
            "a floating IP is believed elsewhere",
            In::Host,
            format!("ip neigh replace {FLOATING} lladdr 02:00:00:00:00:09 dev br-ex nud permanent"),
            &["Neighbour", FLOATING, "02:00"],
        )
        .stays(In::Host, format!("ip neigh del {FLOATING} dev br-ex")),
    ];
    try_all(&mut stage, all);
}
