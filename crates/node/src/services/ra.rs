//! Router advertisements (RFC 4861, section 4.2) as bytes: what a router's leg tells the hosts of its network. Pure.

use std::net::{IpAddr, Ipv6Addr};

use model::host::{Ipv6Mode, RouterLeg};

/// ICMPv6 types.
pub const ROUTER_SOLICITATION: u8 = 133;
const ROUTER_ADVERTISEMENT: u8 = 134;

/// Longest pause between unsolicited advertisements, seconds (Neutron gives radvd the same).
pub const INTERVAL_SECONDS: u64 = 100;
/// Pause between the first few ones (RFC 4861: MAX_INITIAL_RTR_ADVERT_INTERVAL), seconds.
pub const INITIAL_INTERVAL_SECONDS: u64 = 16;
/// Number of first ones (MAX_INITIAL_RTR_ADVERTISEMENTS).
pub const INITIAL_COUNT: u32 = 3;

/// How long hosts may use the router without hearing of it again, seconds.
const LIFETIME_SECONDS: u16 = 3 * INTERVAL_SECONDS as u16;
/// How long addresses from a prefix stay valid and preferred, seconds.
const VALID_SECONDS: u32 = 86_400;
const PREFERRED_SECONDS: u32 = 14_400;
/// IPv6's smallest MTU: an option below it would be ignored.
const SMALLEST_MTU: u32 = 1280;

/// Whether a leg has something to advertise.
pub fn is_advertised(leg: &RouterLeg) -> bool {
    !leg.advertise.is_empty()
}

/// The advertisement of a leg, checksum zero: the kernel fills it in for ICMPv6 sockets.
pub fn advertisement(leg: &RouterLeg) -> Vec<u8> {
    message(leg, LIFETIME_SECONDS)
}

/// The last advertisement: the router serves no more (RFC 4861, section 6.2.5).
pub fn farewell(leg: &RouterLeg) -> Vec<u8> {
    message(leg, 0)
}

fn message(leg: &RouterLeg, lifetime_seconds: u16) -> Vec<u8> {
    let has = |mode| leg.advertise.iter().any(|(_, advertised)| *advertised == mode);
    let managed = has(Ipv6Mode::Dhcpv6Stateful);
    let other = managed || has(Ipv6Mode::Dhcpv6Stateless);
    let flags = (u8::from(managed) << 7) | (u8::from(other) << 6);
    let mut bytes = vec![ROUTER_ADVERTISEMENT, 0, 0, 0, 64, flags];
    bytes.extend(lifetime_seconds.to_be_bytes());
    bytes.extend([0; 8]); // reachable time and retransmission timer: unspecified
    bytes.extend([1, 1]); // source link-layer address
    bytes.extend(leg.mac.0);
    if leg.mtu >= SMALLEST_MTU {
        bytes.extend([5, 1, 0, 0]);
        bytes.extend(leg.mtu.to_be_bytes());
    }
    for (prefix, mode) in &leg.advertise {
        push_prefix(&mut bytes, *prefix, *mode);
    }
    push_resolvers(&mut bytes, leg);
    bytes
}

/// Prefix information (section 4.6.2): on-link always; a host makes its address of it unless DHCPv6 gives one.
fn push_prefix(bytes: &mut Vec<u8>, prefix: ipnet::Ipv6Net, mode: Ipv6Mode) {
    let autonomous = mode != Ipv6Mode::Dhcpv6Stateful;
    bytes.extend([3, 4, prefix.prefix_len(), 0x80 | (u8::from(autonomous) << 6)]);
    bytes.extend(VALID_SECONDS.to_be_bytes());
    bytes.extend(PREFERRED_SECONDS.to_be_bytes());
    bytes.extend([0; 4]);
    bytes.extend(prefix.network().octets());
}

/// Recursive DNS servers (RFC 8106, section 5.1).
fn push_resolvers(bytes: &mut Vec<u8>, leg: &RouterLeg) {
    let servers: Vec<Ipv6Addr> = leg
        .advertise_dns
        .iter()
        .filter_map(|server| match server {
            IpAddr::V6(server) => Some(*server),
            IpAddr::V4(_) => None,
        })
        .take(8)
        .collect();
    if servers.is_empty() {
        return;
    }
    bytes.extend([25, 1 + 2 * servers.len() as u8, 0, 0]);
    bytes.extend(u32::from(LIFETIME_SECONDS).to_be_bytes());
    bytes.extend(servers.iter().flat_map(Ipv6Addr::octets));
}

#[cfg(test)]
mod tests {
    use etherparse::icmpv6::RouterAdvertisementHeader;
    use etherparse::{Icmpv6Slice, Icmpv6Type};

    use super::*;

    fn leg(advertise: &[(&str, Ipv6Mode)]) -> RouterLeg {
        RouterLeg {
            port_id: "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9".parse().unwrap(),
            network_id: "1a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9".parse().unwrap(),
            mac: "fa:16:3e:00:00:01".parse().unwrap(),
            addresses: Vec::new(),
            mtu: 1450,
            advertise: advertise
                .iter()
                .map(|(net, mode)| (net.parse().unwrap(), *mode))
                .collect(),
            advertise_dns: vec!["fd00::53".parse().unwrap(), "10.0.0.1".parse().unwrap()],
        }
    }

    fn header(bytes: &[u8]) -> RouterAdvertisementHeader {
        match Icmpv6Slice::from_slice(bytes).unwrap().icmp_type() {
            Icmpv6Type::RouterAdvertisement(header) => header,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn flags_say_how_addresses_are_made() {
        let cases = [
            (Ipv6Mode::Slaac, false, false, 0xc0),
            (Ipv6Mode::Dhcpv6Stateless, false, true, 0xc0),
            (Ipv6Mode::Dhcpv6Stateful, true, true, 0x80),
        ];
        for (mode, managed, other, prefix_flags) in cases {
            let bytes = advertisement(&leg(&[("fd00:1::/64", mode)]));
            let header = header(&bytes);
            assert_eq!(
                (header.managed_address_config, header.other_config),
                (managed, other),
                "{mode:?}"
            );
            assert_eq!(header.router_lifetime, 300);
            // 16 fixed, 8 link-layer address, 8 MTU: then the prefix.
            assert_eq!(bytes[32..36], [3, 4, 64, prefix_flags], "{mode:?}");
        }
    }

    #[test]
    fn options_are_whole() {
        let bytes = advertisement(&leg(&[
            ("fd00:1::/64", Ipv6Mode::Slaac),
            ("fd00:2::/64", Ipv6Mode::Slaac),
        ]));
        let mut rest = &bytes[16..];
        let mut kinds = Vec::new();
        while let [kind, length, ..] = rest {
            kinds.push(*kind);
            rest = &rest[usize::from(*length) * 8..];
        }
        assert_eq!(kinds, [1, 5, 3, 3, 25]);
        assert_eq!(bytes[28..32], 1450_u32.to_be_bytes());
        assert_eq!(
            bytes[bytes.len() - 16..],
            "fd00::53".parse::<Ipv6Addr>().unwrap().octets()
        );
    }

    #[test]
    fn a_leaving_router_says_so() {
        let leg = leg(&[("fd00:1::/64", Ipv6Mode::Slaac)]);
        assert_eq!(header(&farewell(&leg)).router_lifetime, 0);
    }
}
