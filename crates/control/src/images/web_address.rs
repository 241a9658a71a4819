//! Where a download may go: the judge of addresses and URIs.
//!
//! A user names a URI, and this machine fetches it: so it must not become a way to what only this machine reaches. What
//! counts is the address that the connection is made to, whatever the URI calls it, so no spelling of an address (decimal,
//! octal, IPv6 with IPv4 inside) and no change of a name between question and connection gets past.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use hyper::Uri;
use ipnet::{IpNet, Ipv4Net};
use model::{Error, Result};

/// Which downloads are let through.
#[derive(Debug, Clone)]
pub struct WebSettings {
    /// Ports that may be connected to; none: there are no downloads.
    pub ports: Vec<u16>,
    /// Networks that may be connected to although they are not of the public internet.
    pub networks: Vec<IpNet>,
}

impl Default for WebSettings {
    /// The ports of HTTP and HTTPS, and public addresses only.
    fn default() -> Self {
        Self {
            ports: vec![80, 443],
            networks: Vec::new(),
        }
    }
}

/// A URI, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    /// HTTPS.
    pub(super) secure: bool,
    /// A name or an address, without the brackets of IPv6.
    pub(super) host: String,
    /// The port.
    pub(super) port: u16,
    /// Host and port as they stand in the URI.
    pub(super) authority: String,
    /// Path and query.
    pub(super) path: String,
}

/// The longest URI, as Glance's database has it.
const LONGEST: usize = 2000;

fn refused(why: &str) -> Error {
    Error::invalid(
        "HTTPBadRequest",
        format!("The URI of the import is not allowed: {why}."),
    )
}

impl WebSettings {
    /// Takes a URI apart, if its scheme and port are allowed.
    ///
    /// # Errors
    /// `Invalid`, with what is wrong.
    pub(super) fn place(&self, text: &str) -> Result<Place> {
        if text.len() > LONGEST {
            return Err(refused("it is longer than 2000 characters"));
        }
        let uri: Uri = text.parse().map_err(|_| refused("it is no valid URI"))?;
        let secure = match uri.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            _ => return Err(refused("its scheme must be http or https")),
        };
        let authority = uri.authority().ok_or_else(|| refused("it names no host"))?;
        if authority.as_str().contains('@') {
            return Err(refused("it must not hold a user or a password"));
        }
        // What is behind the host is read here: a port that is no port would else count as none.
        let port = match authority.as_str().strip_prefix(authority.host()) {
            Some("") => Some(if secure { 443 } else { 80 }),
            Some(rest) => rest.strip_prefix(':').and_then(|port| port.parse().ok()),
            None => None,
        };
        let host = authority.host().trim_start_matches('[').trim_end_matches(']');
        let port = port.filter(|_| !host.is_empty());
        let port: u16 = port.ok_or_else(|| refused("it names no host, or an odd port"))?;
        if !self.ports.contains(&port) {
            let ports: Vec<String> = self.ports.iter().map(ToString::to_string).collect();
            return Err(refused(&format!("its port must be one of {}", ports.join(", "))));
        }
        Ok(Place {
            secure,
            host: host.to_owned(),
            port,
            authority: authority.as_str().to_owned(),
            path: uri.path_and_query().map_or("/", |path| path.as_str()).to_owned(),
        })
    }

    /// Whether an address may be connected to. `own` are the networks of this cloud's outer side.
    pub(super) fn allows(&self, address: IpAddr, own: &[IpNet]) -> bool {
        let address = address.to_canonical();
        if self.networks.iter().any(|net| net.contains(&address)) {
            return true;
        }
        is_public(address) && !own.iter().any(|net| net.contains(&address))
    }

    /// Whether the operator named the network of an address.
    pub(super) fn names(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.networks.iter().any(|net| net.contains(&address))
    }
}

/// IPv4 ranges that are not of the public internet (IANA's special-purpose registry, and multicast).
const SPECIAL: [(Ipv4Addr, u8); 15] = [
    (Ipv4Addr::new(0, 0, 0, 0), 8),
    (Ipv4Addr::new(10, 0, 0, 0), 8),
    (Ipv4Addr::new(100, 64, 0, 0), 10),
    (Ipv4Addr::new(127, 0, 0, 0), 8),
    (Ipv4Addr::new(169, 254, 0, 0), 16),
    (Ipv4Addr::new(172, 16, 0, 0), 12),
    (Ipv4Addr::new(192, 0, 0, 0), 24),
    (Ipv4Addr::new(192, 0, 2, 0), 24),
    (Ipv4Addr::new(192, 88, 99, 0), 24),
    (Ipv4Addr::new(192, 168, 0, 0), 16),
    (Ipv4Addr::new(198, 18, 0, 0), 15),
    (Ipv4Addr::new(198, 51, 100, 0), 24),
    (Ipv4Addr::new(203, 0, 113, 0), 24),
    (Ipv4Addr::new(224, 0, 0, 0), 4),
    (Ipv4Addr::new(240, 0, 0, 0), 4),
];

fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => !SPECIAL
            .iter()
            .any(|(net, length)| Ipv4Net::new_assert(*net, *length).contains(&address)),
        IpAddr::V6(address) => is_public6(address),
    }
}

/// Of IPv6 only global unicast, less what is reserved there. An address that has an IPv4 address inside leads to that one.
fn is_public6(address: Ipv6Addr) -> bool {
    let parts = address.segments();
    let inner = |high: u16, low: u16| {
        let [a, b] = high.to_be_bytes();
        let [c, d] = low.to_be_bytes();
        is_public(IpAddr::V4(Ipv4Addr::new(a, b, c, d)))
    };
    match parts {
        // Mapped, and translated by NAT64 (RFC 6052).
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => inner(high, low),
        // 6to4 (RFC 3056).
        [0x2002, high, low, ..] => inner(high, low),
        // IETF's own (Teredo and the like), documentation.
        [0x2001, second, ..] if second < 0x200 || second == 0xdb8 => false,
        [0x3fff, second, ..] if second < 0x1000 => false,
        [first, ..] => first & 0xe000 == 0x2000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(settings: &WebSettings, text: &str) -> bool {
        settings.allows(text.parse().unwrap(), &["93.184.0.0/16".parse().unwrap()])
    }

    #[test]
    fn only_public_addresses_are_reached_unless_the_operator_says_so() {
        let settings = WebSettings::default();
        for text in [
            "8.8.8.8",
            "172.32.0.1",
            "2606:4700::1111",
            "64:ff9b::808:808",
            "::ffff:1.1.1.1",
        ] {
            assert!(allowed(&settings, text), "{text}");
        }
        for text in [
            "0.0.0.0",
            "10.0.0.1",
            "100.64.0.1",
            "127.0.0.1",
            "127.9.9.9",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.1",
            "192.168.1.1",
            "198.18.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "93.184.1.1",
            "::",
            "::1",
            "fe80::1",
            "fc00::1",
            "fd00::1",
            "fe80::a9fe:a9fe",
            "ff02::1",
            "2001:db8::1",
            "2001::1",
            "3fff:fff::1",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "::127.0.0.1",
            "64:ff9b::7f00:1",
            "64:ff9b:1::1",
            "2002:7f00:1::",
            "2002:a9fe:a9fe::1",
        ] {
            assert!(!allowed(&settings, text), "{text}");
        }
        let named = WebSettings {
            networks: vec!["127.0.0.0/30".parse().unwrap()],
            ..WebSettings::default()
        };
        assert!(allowed(&named, "127.0.0.1") && allowed(&named, "::ffff:127.0.0.1"));
        assert!(!allowed(&named, "127.0.0.9") && !allowed(&named, "10.0.0.1"));
    }

    #[test]
    fn uris_are_taken_apart_strictly() {
        let settings = WebSettings::default();
        let place = settings.place("https://example.org/a/b.qcow2?c=d#part").unwrap();
        let told = (place.secure, place.host.as_str(), place.port, place.path.as_str());
        assert_eq!(told, (true, "example.org", 443, "/a/b.qcow2?c=d"));
        let place = settings.place("http://[2606:4700::1111]:80").unwrap();
        assert_eq!((place.host.as_str(), place.path.as_str()), ("2606:4700::1111", "/"));
        for text in [
            "",
            "example.org/x",
            "/etc/passwd",
            "file:///etc/passwd",
            "ftp://example.org/x",
            "http://",
            "http:///x",
            "http://a@example.org/",
            "http://a:b@example.org/",
            "http://example.org:22/",
            "http://example.org:99999/",
            "http://example.org:/",
            "gopher://example.org/",
            "http://exa mple.org/",
            "http://example.org:8080/",
        ] {
            assert!(settings.place(text).is_err(), "{text}");
        }
        assert!(
            settings
                .place(&format!("http://example.org/{}", "a".repeat(2000)))
                .is_err()
        );
    }
}
