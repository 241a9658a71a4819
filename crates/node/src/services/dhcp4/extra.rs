//! Neutron's `extra_dhcp_opts`: options that a user names as dnsmasq does, or by number, with a text value.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use model::host::ExtraDhcpOpt;

/// How an option's text becomes bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Addresses,
    Text,
    Byte,
    Short,
    Long,
    /// Not known: guessed from the text, as dnsmasq does for options given by number.
    Guess,
}

/// dnsmasq's names for DHCPv4 options, with RFC 2132's codes.
const NAMES4: &[(&str, u8, Form)] = &[
    ("netmask", 1, Form::Addresses),
    ("time-offset", 2, Form::Long),
    ("router", 3, Form::Addresses),
    ("dns-server", 6, Form::Addresses),
    ("log-server", 7, Form::Addresses),
    ("lpr-server", 9, Form::Addresses),
    ("hostname", 12, Form::Text),
    ("boot-file-size", 13, Form::Short),
    ("domain-name", 15, Form::Text),
    ("swap-server", 16, Form::Addresses),
    ("root-path", 17, Form::Text),
    ("extension-path", 18, Form::Text),
    ("ip-forward-enable", 19, Form::Byte),
    ("non-local-source-routing", 20, Form::Byte),
    ("policy-filter", 21, Form::Addresses),
    ("max-datagram-reassembly", 22, Form::Short),
    ("default-ttl", 23, Form::Byte),
    ("mtu", 26, Form::Short),
    ("all-subnets-local", 27, Form::Byte),
    ("broadcast", 28, Form::Addresses),
    ("router-discovery", 31, Form::Byte),
    ("router-solicitation", 32, Form::Addresses),
    ("static-route", 33, Form::Addresses),
    ("trailer-encapsulation", 34, Form::Byte),
    ("arp-timeout", 35, Form::Long),
    ("ethernet-encap", 36, Form::Byte),
    ("tcp-ttl", 37, Form::Byte),
    ("tcp-keepalive", 38, Form::Long),
    ("nis-domain", 40, Form::Text),
    ("nis-server", 41, Form::Addresses),
    ("ntp-server", 42, Form::Addresses),
    ("netbios-ns", 44, Form::Addresses),
    ("netbios-dd", 45, Form::Addresses),
    ("netbios-nodetype", 46, Form::Byte),
    ("netbios-scope", 47, Form::Text),
    ("x-windows-fs", 48, Form::Addresses),
    ("x-windows-dm", 49, Form::Addresses),
    ("T1", 58, Form::Long),
    ("T2", 59, Form::Long),
    ("vendor-class", 60, Form::Text),
    ("nis+-domain", 64, Form::Text),
    ("nis+-server", 65, Form::Addresses),
    ("tftp-server", 66, Form::Text),
    ("tftp-server-name", 66, Form::Text),
    ("bootfile-name", 67, Form::Text),
    ("mobile-ip-home", 68, Form::Addresses),
    ("smtp-server", 69, Form::Addresses),
    ("pop3-server", 70, Form::Addresses),
    ("nntp-server", 71, Form::Addresses),
    ("irc-server", 74, Form::Addresses),
    ("user-class", 77, Form::Text),
    ("tftp-server-address", 150, Form::Addresses),
    ("server-ip-address", NEXT_SERVER, Form::Addresses),
];

/// dnsmasq's names for DHCPv6 options.
const NAMES6: &[(&str, u16, Form)] = &[
    ("sip-server", 22, Form::Addresses),
    ("dns-server", 23, Form::Addresses),
    ("nis-server", 27, Form::Addresses),
    ("nis+-server", 28, Form::Addresses),
    ("sntp-server", 31, Form::Addresses),
    ("information-refresh-time", 32, Form::Long),
    ("bootfile-url", 59, Form::Text),
    ("bootfile-param", 60, Form::Text),
];

/// Not an option (255 ends the list) but the `siaddr` field, which dnsmasq reaches under a name.
pub const NEXT_SERVER: u8 = 255;

/// A DHCPv4 option to set (`Some`) or to leave out (`None`); nothing if the name or the value means nothing in IPv4.
pub fn option4(extra: &ExtraDhcpOpt) -> Option<(u8, Option<Vec<u8>>)> {
    let named = NAMES4.iter().find(|(name, ..)| name.eq_ignore_ascii_case(&extra.name));
    let (code, form) = match named {
        Some((_, code, form)) => (*code, *form),
        None => {
            let code = extra.name.parse().ok().filter(|code| (1..=254).contains(code))?;
            let known = NAMES4.iter().find(|(_, known, _)| *known == code);
            (code, known.map_or(Form::Guess, |(.., form)| *form))
        }
    };
    if extra.ip_version != 4 || [50, 51, 52, 53, 54, 55, 57, 61].contains(&code) {
        return None;
    }
    encode(form, extra.value.as_deref(), IpVersion::V4).map(|value| (code, value))
}

/// A DHCPv6 option, as [`option4`].
pub fn option6(extra: &ExtraDhcpOpt) -> Option<(u16, Option<Vec<u8>>)> {
    let named = NAMES6.iter().find(|(name, ..)| name.eq_ignore_ascii_case(&extra.name));
    let (code, form) = match named {
        Some((_, code, form)) => (*code, *form),
        None => {
            let code = extra.name.parse().ok()?;
            let known = NAMES6.iter().find(|(_, known, _)| *known == code);
            (code, known.map_or(Form::Guess, |(.., form)| *form))
        }
    };
    // 1 to 20 carry the protocol itself.
    if extra.ip_version != 6 || code <= 20 {
        return None;
    }
    encode(form, extra.value.as_deref(), IpVersion::V6).map(|value| (code, value))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum IpVersion {
    V4,
    V6,
}

/// `Some(None)` for "leave it out", `None` for a value that can't be meant.
fn encode(form: Form, value: Option<&str>, version: IpVersion) -> Option<Option<Vec<u8>>> {
    let Some(text) = value.map(str::trim).filter(|text| !text.is_empty()) else {
        return Some(None);
    };
    let bytes = match form {
        Form::Addresses => addresses(text, version)?,
        Form::Text => text.as_bytes().to_vec(),
        Form::Byte => vec![number(text)?],
        Form::Short => number::<u16>(text)?.to_be_bytes().to_vec(),
        Form::Long => number::<u32>(text)?.to_be_bytes().to_vec(),
        Form::Guess => guess(text, version),
    };
    Some(Some(bytes))
}

fn addresses(text: &str, version: IpVersion) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    for part in text.split(',').map(|part| part.trim().trim_matches(['[', ']'])) {
        match (part.parse().ok()?, version) {
            (IpAddr::V4(address), IpVersion::V4) => bytes.extend(Ipv4Addr::octets(&address)),
            (IpAddr::V6(address), IpVersion::V6) => bytes.extend(Ipv6Addr::octets(&address)),
            _ => return None,
        }
    }
    Some(bytes)
}

fn number<T: std::str::FromStr>(text: &str) -> Option<T> {
    text.parse().ok()
}

/// Addresses, then bytes in hexadecimal (`01:02:ff`), then the shortest number, else text.
fn guess(text: &str, version: IpVersion) -> Vec<u8> {
    if let Some(bytes) = addresses(text, version) {
        return bytes;
    }
    if let Some(bytes) = hexadecimal(text) {
        return bytes;
    }
    match text.parse::<u32>() {
        Ok(number) if number <= 0xff => vec![number as u8],
        Ok(number) if number <= 0xffff => (number as u16).to_be_bytes().to_vec(),
        Ok(number) => number.to_be_bytes().to_vec(),
        Err(_) => text.as_bytes().to_vec(),
    }
}

fn hexadecimal(text: &str) -> Option<Vec<u8>> {
    let pair = |part: &str| {
        let digits = part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_hexdigit());
        digits.then(|| u8::from_str_radix(part, 16).ok()).flatten()
    };
    text.contains(':')
        .then(|| text.split(':').map(pair).collect())
        .flatten()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn extra(name: &str, value: &str, ip_version: u8) -> ExtraDhcpOpt {
        ExtraDhcpOpt {
            name: name.to_owned(),
            value: Some(value.to_owned()),
            ip_version,
        }
    }

    #[test]
    fn names_numbers_and_guesses() {
        type Option4<'a> = Option<(u8, &'a [u8])>;
        let cases: &[(&str, &str, Option4<'_>)] = &[
            ("bootfile-name", "testfile.1", Some((67, b"testfile.1"))),
            ("tftp-server", "123.123.123.123", Some((66, b"123.123.123.123"))),
            (
                "ntp-server",
                "10.0.0.1, 10.0.0.2",
                Some((42, &[10, 0, 0, 1, 10, 0, 0, 2])),
            ),
            ("mtu", "1400", Some((26, &[5, 120]))),
            ("26", "1400", Some((26, &[5, 120]))),
            ("150", "10.0.0.9", Some((150, &[10, 0, 0, 9]))),
            ("224", "ab:cd", Some((224, &[0xab, 0xcd]))),
            ("224", "7", Some((224, &[7]))),
            ("224", "70000", Some((224, &[0, 1, 17, 112]))),
            ("224", "hello", Some((224, b"hello"))),
            ("mtu", "a lot", None),
            ("ntp-server", "fd00::1", None),
            ("no-such-option", "x", None),
            ("0", "x", None),
            ("53", "5", None),
        ];
        for (name, value, expected) in cases {
            let found = option4(&extra(name, value, 4));
            let expected = expected.map(|(code, bytes)| (code, Some(bytes.to_vec())));
            assert_eq!(found, expected, "{name}={value}");
        }
        assert_eq!(option4(&extra("mtu", "1400", 6)), None);
        let dns = option6(&extra("dns-server", "[fd00::1]", 6)).unwrap();
        assert_eq!(dns.0, 23);
        assert_eq!(dns.1.unwrap().len(), 16);
        assert_eq!(option6(&extra("3", "x", 6)), None);
    }

    #[test]
    fn an_empty_value_leaves_the_option_out() {
        assert_eq!(option4(&extra("router", "", 4)), Some((3, None)));
    }

    proptest! {
        #[test]
        fn never_panics(name in ".{0,12}|[0-9]{1,6}", value in ".{0,40}|[0-9a-f:.,]{0,40}", version in 0..9_u8) {
            let _ = option4(&extra(&name, &value, version));
            let _ = option6(&extra(&name, &value, version));
        }
    }
}
