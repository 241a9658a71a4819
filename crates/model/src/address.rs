//! Addresses: MACs, ranges, and the EUI-64 form that stateless IPv6 uses.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

/// An Ethernet address.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MacAddress(pub [u8; 6]);

impl MacAddress {
    /// A fresh unicast address below `fa:16:3e`, OpenStack's own prefix.
    pub fn from_random(bytes: [u8; 16]) -> Self {
        Self([0xfa, 0x16, 0x3e, bytes[0], bytes[1], bytes[2]])
    }

    /// Whether it can belong to one station: not a group address and not all zeros.
    pub fn is_unicast(&self) -> bool {
        self.0[0] & 1 == 0 && self.0 != [0; 6]
    }

    /// The modified EUI-64 interface id (RFC 4291, appendix A).
    pub fn eui64(&self) -> u64 {
        let m = self.0;
        u64::from_be_bytes([m[0] ^ 2, m[1], m[2], 0xff, 0xfe, m[3], m[4], m[5]])
    }

    /// The link-local address a station with this MAC makes for itself (RFC 4862).
    pub fn link_local(&self) -> Ipv6Addr {
        Ipv6Addr::from((0xfe80_u128 << 112) | u128::from(self.eui64()))
    }

    /// The stateless address below a /64 prefix; `None` for another length.
    pub fn slaac(&self, prefix: ipnet::Ipv6Net) -> Option<Ipv6Addr> {
        (prefix.prefix_len() == 64).then(|| Ipv6Addr::from(u128::from(prefix.network()) | u128::from(self.eui64())))
    }
}

impl fmt::Display for MacAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let m = self.0;
        write!(
            f,
            "{:02x}:{:02x}:{:02x}:{:02x}:{:02x}:{:02x}",
            m[0], m[1], m[2], m[3], m[4], m[5]
        )
    }
}

impl fmt::Debug for MacAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The text is not an Ethernet address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not a valid MAC address")]
pub struct InvalidMac(pub String);

impl FromStr for MacAddress {
    type Err = InvalidMac;

    /// Six pairs of hexadecimal digits separated by `:` or `-`.
    fn from_str(s: &str) -> Result<Self, InvalidMac> {
        let mut mac = [0; 6];
        let mut parts = s.split([':', '-']);
        for byte in &mut mac {
            let part = parts
                .next()
                .filter(|p| p.len() == 2)
                .ok_or_else(|| InvalidMac(s.to_owned()))?;
            *byte = u8::from_str_radix(part, 16).map_err(|_| InvalidMac(s.to_owned()))?;
        }
        if parts.next().is_some() {
            Err(InvalidMac(s.to_owned()))
        } else {
            Ok(Self(mac))
        }
    }
}

impl Serialize for MacAddress {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for MacAddress {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

/// An inclusive range of addresses of one family: an allocation pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct AddressRange {
    /// The first address.
    pub start: IpAddr,
    /// The last address.
    pub end: IpAddr,
}

impl AddressRange {
    /// Whether the address lies inside.
    pub fn contains(&self, ip: IpAddr) -> bool {
        ip.is_ipv4() == self.start.is_ipv4() && self.start <= ip && ip <= self.end
    }

    /// Whether two ranges share an address.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.start.is_ipv4() == other.start.is_ipv4() && self.start <= other.end && other.start <= self.end
    }

    /// How many addresses it has, saturating.
    pub fn len(&self) -> u128 {
        ip_number(self.end)
            .saturating_sub(ip_number(self.start))
            .saturating_add(1)
    }

    /// Always false: a range has at least one address.
    pub fn is_empty(&self) -> bool {
        false
    }
}

/// The address as a number.
pub fn ip_number(ip: IpAddr) -> u128 {
    match ip {
        IpAddr::V4(v4) => u128::from(u32::from(v4)),
        IpAddr::V6(v6) => u128::from(v6),
    }
}

/// The address after this one, of the same family; `None` after the last.
pub fn next_ip(ip: IpAddr) -> Option<IpAddr> {
    match ip {
        IpAddr::V4(v4) => u32::from(v4).checked_add(1).map(|n| Ipv4Addr::from(n).into()),
        IpAddr::V6(v6) => u128::from(v6).checked_add(1).map(|n| Ipv6Addr::from(n).into()),
    }
}

/// The address with its network's prefix length, as it stands on an interface.
pub fn with_prefix(ip: IpAddr, net: &IpNet) -> IpNet {
    IpNet::new(ip, net.prefix_len()).unwrap_or_else(|_| IpNet::from(ip))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn macs_parse_and_print() {
        let mac: MacAddress = "fa:16:3E:00:01:02".parse().unwrap();
        assert_eq!(mac.to_string(), "fa:16:3e:00:01:02");
        assert_eq!(mac.link_local().to_string(), "fe80::f816:3eff:fe00:102");
        assert_eq!(
            mac.slaac("fd00:1::/64".parse().unwrap()).unwrap().to_string(),
            "fd00:1::f816:3eff:fe00:102"
        );
        for bad in [
            "",
            "fa:16:3e:00:01",
            "fa:16:3e:00:01:02:03",
            "fa:16:3e:00:01:0g",
            "fa163e000102",
        ] {
            assert!(bad.parse::<MacAddress>().is_err(), "{bad}");
        }
    }

    #[test]
    fn ranges_know_what_they_hold() {
        let range = |a: &str, b: &str| AddressRange {
            start: a.parse().unwrap(),
            end: b.parse().unwrap(),
        };
        let r = range("10.0.0.2", "10.0.0.254");
        assert_eq!(r.len(), 253);
        assert!(r.contains("10.0.0.2".parse().unwrap()) && !r.contains("10.0.0.1".parse().unwrap()));
        assert!(!r.contains("::1".parse().unwrap()));
        assert!(r.overlaps(&range("10.0.0.254", "10.0.1.1")) && !r.overlaps(&range("10.0.0.255", "10.0.1.1")));
    }
}
