//! The one thing of a host that is read besides its [`HostReport`](crate::host::HostReport): a server's consoles. What it
//! wrote to the serial one is large and never in the store; who uses one by hand talks with the machine itself.

use std::io;
use std::os::unix::net::UnixStream;

use serde::{Deserialize, Serialize};

use crate::ServerId;

/// How much of a console the API shows at most, bytes (Nova's `MAX_CONSOLE_BYTES`).
pub const CONSOLE_LIMIT_BYTES: u64 = 100 * 1024;

/// A console that can be used by hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConsoleKind {
    /// The screen, keyboard and pointer, by the RFB protocol (RFC 6143).
    Vnc,
    /// The first serial port: bytes, both ways.
    Serial,
}

impl ConsoleKind {
    /// How many may use one at a time. A port's bytes go to one reader; a screen can be shared.
    pub fn most_users(self) -> usize {
        match self {
            Self::Vnc => 8,
            Self::Serial => 1,
        }
    }
}

/// Where consoles can be read and used.
pub trait ConsoleSource: Send + Sync {
    /// The last `limit_bytes` of what a server wrote; may block on a disk.
    ///
    /// # Errors
    /// `NotFound` when nothing is kept of this server (not started yet, or gone).
    fn tail(&self, server_id: ServerId, limit_bytes: u64) -> io::Result<Vec<u8>>;

    /// A connection to the running machine's console, non-blocking.
    ///
    /// # Errors
    /// `NotFound` or `ConnectionRefused` when the machine does not run or has no such console, `WouldBlock` when too many
    /// wait for it already.
    fn connect(&self, server_id: ServerId, kind: ConsoleKind) -> io::Result<UnixStream>;
}

/// A host that keeps no consoles.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoConsoles;

impl ConsoleSource for NoConsoles {
    fn tail(&self, _server_id: ServerId, _limit_bytes: u64) -> io::Result<Vec<u8>> {
        Err(io::ErrorKind::NotFound.into())
    }

    fn connect(&self, _server_id: ServerId, _kind: ConsoleKind) -> io::Result<UnixStream> {
        Err(io::ErrorKind::NotFound.into())
    }
}

/// The last `lines` lines of a console's text (all of it when `None`), bytes that are not UTF-8 replaced. As Nova counts, the
/// line that a guest is writing just now is one of them, also while there is nothing in it.
pub fn last_lines(bytes: &[u8], lines: Option<usize>) -> String {
    let text = String::from_utf8_lossy(bytes);
    let Some(lines) = lines else { return text.into_owned() };
    if lines == 0 {
        return String::new();
    }
    let start = text
        .rmatch_indices('\n')
        .nth(lines - 1)
        .map_or(0, |(index, _)| index + 1);
    text[start..].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_are_whole_lines() {
        let log = b"one\ntwo\nthree\n";
        assert_eq!(last_lines(log, None), "one\ntwo\nthree\n");
        assert_eq!(last_lines(log, Some(2)), "three\n");
        assert_eq!(last_lines(b"one\ntwo\nthr", Some(2)), "two\nthr");
        assert_eq!(last_lines(log, Some(9)), "one\ntwo\nthree\n");
        assert_eq!(last_lines(log, Some(0)), "");
        assert_eq!(last_lines(b"login: ", Some(1)), "login: ");
        assert_eq!(last_lines(b"a\n\n\n", Some(2)), "\n");
        assert_eq!(last_lines(b"ok\xff\n", Some(2)), "ok\u{fffd}\n");
    }
}
