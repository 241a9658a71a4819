//! Names that are made, not given.

use crate::ServerId;

/// The longest host name, characters (a DNS label).
const HOSTNAME_LIMIT: usize = 63;

/// A host name from a server's name: lower case, letters, digits and `-`; `Server-<id>` when nothing is left of it
/// (Nova's `sanitize_hostname`).
pub fn hostname_of(name: &str, id: ServerId) -> String {
    let mut clean: String = name
        .chars()
        .map(|c| if matches!(c, ' ' | '_' | '.') { '-' } else { c })
        .filter(|c| c.is_ascii_alphanumeric() || *c == '-')
        .map(|c| c.to_ascii_lowercase())
        .collect();
    clean = clean.trim_matches('-').to_owned();
    clean.truncate(HOSTNAME_LIMIT);
    let clean = clean.trim_end_matches('-');
    if clean.is_empty() {
        return format!("Server-{id}");
    }
    clean.to_owned()
}

/// Base64 with padding (RFC 4648, section 4).
pub fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let group = chunk.iter().fold(0u32, |sum, byte| sum << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for place in 0..4 {
            if place <= chunk.len() {
                text.push(char::from(LETTERS[(group >> (18 - 6 * place)) as usize & 63]));
            } else {
                text.push('=');
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_names_are_dns_labels() {
        let id = ServerId(uuid::Uuid::nil());
        let cases = [
            ("web 1", "web-1"),
            ("My_Server.example", "my-server-example"),
            ("--a--", "a"),
            ("한글 db", "db"),
            ("한글", "Server-00000000-0000-0000-0000-000000000000"),
        ];
        for (name, hostname) in cases {
            assert_eq!(hostname_of(name, id), hostname, "{name}");
        }
        assert_eq!(hostname_of(&"a".repeat(70), id).len(), 63);
        assert_eq!(hostname_of(&format!("{}-b", "a".repeat(62)), id), "a".repeat(62));
    }

    #[test]
    fn base64_is_that_of_the_rfc() {
        let cases = [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
        ];
        for (plain, encoded) in cases {
            assert_eq!(base64(plain.as_bytes()), encoded);
        }
    }
}
