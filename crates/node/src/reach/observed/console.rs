//! What a guest's console tells of how its start went: lines that common images print.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use model::reach::{ConsoleSign, SignKind};

/// How much of the end of a console is read, bytes.
const END: u64 = 256 * 1024;
/// Longest line told, in characters.
const LINE: usize = 200;

/// What a console's log tells; nothing where there is none.
///
/// # Errors
/// It is there and can't be read.
pub fn read(log: &Path) -> io::Result<Vec<ConsoleSign>> {
    let mut file = match File::open(log) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        file => file?,
    };
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(END)))?;
    let mut bytes = Vec::new();
    file.take(END).read_to_end(&mut bytes)?;
    Ok(signs(&String::from_utf8_lossy(&bytes)))
}

/// The last line of each kind since the guest's last start, in the order they were printed.
pub fn signs(text: &str) -> Vec<ConsoleSign> {
    let mut last: BTreeMap<SignKind, (usize, String)> = BTreeMap::new();
    for (place, line) in text.split(['\n', '\r']).enumerate() {
        let line = plain(line);
        // The firmware's first line: whatever was before it is an earlier start's, also where the kernel is told to be quiet.
        if line.to_lowercase().contains("seabios (version ") {
            last.clear();
        }
        let Some(kind) = kind_of(&line) else { continue };
        if kind == SignKind::KernelStarted {
            last.clear();
        }
        last.insert(kind, (place, line));
    }
    let mut signs: Vec<(usize, ConsoleSign)> = (last.into_iter())
        .map(|(kind, (place, line))| (place, ConsoleSign { kind, line }))
        .collect();
    signs.sort_by_key(|(place, _)| *place);
    signs.into_iter().map(|(_, sign)| sign).collect()
}

/// A line without colours and the like (ECMA-48, 5.4: control sequences), shortened.
fn plain(line: &str) -> String {
    let mut text = String::new();
    let mut characters = line.chars().peekable();
    while let Some(character) = characters.next() {
        if character == '\u{1b}' {
            if characters.next_if_eq(&'[').is_some() {
                while characters.next().is_some_and(|c| !('@'..='~').contains(&c)) {}
            }
        } else if !character.is_control() {
            text.push(character);
        }
    }
    text.trim().chars().take(LINE).collect()
}

/// Lines by what they have in them, all of a row's words; lower case.
const PATTERNS: &[(SignKind, &[&str])] = &[
    (SignKind::KernelStarted, &["linux version "]),
    (SignKind::KernelPanic, &["kernel panic"]),
    (SignKind::NoBootDisk, &["no bootable device"]),
    (SignKind::NoBootDisk, &["boot failed: not a bootable disk"]),
    // udhcpc, dhclient, dhcpcd, systemd-networkd.
    (SignKind::DhcpLease, &["lease of ", " obtained"]),
    (SignKind::DhcpLease, &["bound to ", "renewal in"]),
    (SignKind::DhcpLease, &[": leased ", " for "]),
    (SignKind::DhcpLease, &["dhcpv4 address ", " via "]),
    (SignKind::DhcpFailed, &["no lease, failing"]),
    (SignKind::DhcpFailed, &["no lease, forking to background"]),
    (SignKind::DhcpFailed, &["no dhcpoffers received"]),
    (SignKind::DhcpFailed, &["failed to get ip"]),
    // CirrOS, cloud-init.
    (SignKind::MetadataFailed, &["failed to read iid from metadata"]),
    (SignKind::MetadataFailed, &["giving up on md from"]),
    (SignKind::MetadataFailed, &["no instance datasource found"]),
    (SignKind::MetadataFailed, &["169.254.169.254", "failed"]),
    (SignKind::NoAuthorizedKey, &["no authorized ssh keys"]),
    (SignKind::NoAuthorizedKey, &["no authorized key"]),
    (SignKind::AuthorizedKeys, &["authorized keys from "]),
    (SignKind::CloudInitDone, &["cloud-init v.", " finished at "]),
    (SignKind::CloudInitFailed, &["failed to start ", "cloud-"]),
    (SignKind::CloudInitFailed, &["cloud-init", "failed"]),
    (SignKind::CloudInitFailed, &["cc_", "failed"]),
    (SignKind::SshStarted, &["started ", "openssh"]),
    (SignKind::SshStarted, &["starting dropbear sshd", "ok"]),
    (SignKind::SshStarted, &["starting sshd", "ok"]),
    // The project's own small guest (image/rootfs).
    (SignKind::DhcpLease, &["tiny [", ": ip ", " by dhcp"]),
    (SignKind::DhcpFailed, &["tiny [", ": no answer from dhcp"]),
    (SignKind::MetadataFailed, &["tiny [", "metadata: none;"]),
    (SignKind::NoAuthorizedKey, &["tiny [", "ssh keys: none given"]),
    (SignKind::AuthorizedKeys, &["tiny [", "ssh key installed for "]),
    (SignKind::SshStarted, &["tiny [", "sshd: listening on port "]),
];

fn kind_of(line: &str) -> Option<SignKind> {
    let lower = line.to_lowercase();
    if lower.ends_with(" login:") {
        return Some(SignKind::LoginPrompt);
    }
    let found = PATTERNS
        .iter()
        .find(|(_, words)| words.iter().all(|word| lower.contains(word)));
    found.map(|(kind, _)| *kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(text: &str) -> Vec<SignKind> {
        signs(text).into_iter().map(|sign| sign.kind).collect()
    }

    #[test]
    fn a_cirros_that_comes_up_is_told() {
        let text = "[    0.000000] Linux version 5.3.0-26-generic (buildd@lcy01) \r\n\
                    Starting network: udhcpc: started, v1.29.3\n\
                    udhcpc: sending select for 10.1.0.10\n\
                    udhcpc: lease of 10.1.0.10 obtained, lease time 86400\n\
                    checking http://169.254.169.254/2009-04-04/instance-id\n\
                    Starting dropbear sshd: OK\n\
                    \u{1b}[32mcirros login: ";
        assert_eq!(
            kinds(text),
            [
                SignKind::KernelStarted,
                SignKind::DhcpLease,
                SignKind::SshStarted,
                SignKind::LoginPrompt
            ]
        );
        let signs = signs(text);
        assert_eq!(signs[1].line, "udhcpc: lease of 10.1.0.10 obtained, lease time 86400");
        assert_eq!(signs[3].line, "cirros login:");
    }

    #[test]
    fn what_went_wrong_is_told() {
        let text = "udhcpc: no lease, failing\n\
                    failed to read iid from metadata. tried 20\n\
                    ci-info: no authorized SSH keys fingerprints found for user ubuntu.\n\
                    [FAILED] Failed to start cloud-final.service - Cloud-init: Final Stage.\n\
                    Kernel panic - not syncing: VFS: Unable to mount root fs";
        assert_eq!(
            kinds(text),
            [
                SignKind::DhcpFailed,
                SignKind::MetadataFailed,
                SignKind::NoAuthorizedKey,
                SignKind::CloudInitFailed,
                SignKind::KernelPanic
            ]
        );
        assert_eq!(
            kinds("ci-info: ++++Authorized keys from /home/ubuntu/.ssh/authorized_keys for user ubuntu++++").len(),
            1
        );
        assert_eq!(
            kinds("Cloud-init v. 23.1 finished at Thu, 01 Jan 2026 00:00:00 +0000. Datasource DataSourceOpenStack"),
            [SignKind::CloudInitDone]
        );
    }

    #[test]
    fn our_own_guest_is_understood() {
        let text = "tiny [1.20] eth0: no answer from DHCP after 6 tries; still trying\n\
                    tiny [9.10] metadata: none; host name and keys stay as they are\n\
                    tiny [9.80] eth0: IP 10.1.0.10/24 by DHCP, gateway 10.1.0.1, MTU 1450\n\
                    tiny [9.90] ssh keys: none given; log in with the password\n\
                    tiny [9.95] sshd: listening on port 22";
        let expected = [
            SignKind::DhcpFailed,
            SignKind::MetadataFailed,
            SignKind::DhcpLease,
            SignKind::NoAuthorizedKey,
            SignKind::SshStarted,
        ];
        assert_eq!(kinds(text), expected);
        let text = "tiny [2.00] ssh key installed for cirros: ssh-ed25519 me@home";
        assert_eq!(kinds(text), [SignKind::AuthorizedKeys]);
    }

    #[test]
    fn only_the_last_start_counts() {
        let text = "Kernel panic - not syncing\nLinux version 6.1\nvm login:";
        assert_eq!(kinds(text), [SignKind::KernelStarted, SignKind::LoginPrompt]);
        let text = "No bootable device.\n\u{1b}c\u{1b}[?7l\u{1b}[2JSeaBIOS (version 1.16.2)\nBooting from Hard Disk...\nvm login:";
        assert_eq!(kinds(text), [SignKind::LoginPrompt], "a quiet kernel");
        assert_eq!(kinds(""), []);
        let long = format!("{} login:", "x".repeat(100_000));
        assert!(signs(&long).is_empty(), "a line is looked at as far as it is told");
    }

    #[test]
    fn a_log_is_read_from_its_end() {
        let directory = tempfile::tempdir().unwrap();
        let log = directory.path().join("console.log");
        assert_eq!(read(&log).unwrap(), []);
        std::fs::write(&log, format!("Kernel panic\n{}\nvm login:", "x\n".repeat(200_000))).unwrap();
        let signs = read(&log).unwrap();
        assert_eq!(signs.len(), 1);
        assert_eq!(signs[0].kind, SignKind::LoginPrompt);
    }
}
