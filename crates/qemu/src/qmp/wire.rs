//! QMP's bytes: lines of JSON with a length limit, and descriptors that travel beside them.

use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags};
use serde::Deserialize;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader, Interest};
use tokio::net::UnixStream;
use tokio::net::unix::OwnedReadHalf;

use super::Event;
use crate::{Error, Result};

/// The longest answers (block job lists, schemas) are far below this.
const MAX_LINE_BYTES: u64 = 4 << 20;
/// `sun_path` holds 108 bytes with the final zero.
const MAX_SOCKET_PATH_BYTES: usize = 107;

/// Connects to a unix socket, also where the path is longer than a socket address can hold.
pub(super) async fn connect(path: &Path) -> io::Result<UnixStream> {
    if path.as_os_str().len() <= MAX_SOCKET_PATH_BYTES {
        return UnixStream::connect(path).await;
    }
    let (Some(directory), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    let directory: OwnedFd = rustix::fs::open(
        directory,
        rustix::fs::OFlags::PATH | rustix::fs::OFlags::DIRECTORY | rustix::fs::OFlags::CLOEXEC,
        rustix::fs::Mode::empty(),
    )?;
    let short = Path::new("/proc/self/fd")
        .join(directory.as_raw_fd().to_string())
        .join(name);
    UnixStream::connect(short).await
}

/// Writes all bytes; the descriptor goes with the first of them, as `getfd` wants.
pub(super) async fn write_all(stream: &UnixStream, mut bytes: &[u8], mut fd: Option<BorrowedFd<'_>>) -> io::Result<()> {
    while !bytes.is_empty() {
        stream.writable().await?;
        match stream.try_io(Interest::WRITABLE, || send(stream, bytes, fd)) {
            Ok(sent) => {
                bytes = bytes.get(sent..).unwrap_or_default();
                fd = None;
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn send(stream: &UnixStream, bytes: &[u8], fd: Option<BorrowedFd<'_>>) -> io::Result<usize> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    let fds: Vec<BorrowedFd<'_>> = fd.into_iter().collect();
    if !fds.is_empty() {
        ancillary.push(SendAncillaryMessage::ScmRights(&fds));
    }
    let slices = [IoSlice::new(bytes)];
    Ok(rustix::net::sendmsg(
        stream,
        &slices,
        &mut ancillary,
        SendFlags::NOSIGNAL,
    )?)
}

/// Cuts the stream into lines of bounded length.
pub(super) struct LineReader {
    reader: BufReader<OwnedReadHalf>,
}

impl LineReader {
    pub(super) fn new(reader: OwnedReadHalf) -> Self {
        Self {
            reader: BufReader::new(reader),
        }
    }

    /// The next line, or `None` at the end of the stream.
    pub(super) async fn next(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut line = Vec::new();
        (&mut self.reader)
            .take(MAX_LINE_BYTES)
            .read_until(b'\n', &mut line)
            .await?;
        if line.is_empty() {
            return Ok(None);
        }
        if line.last() != Some(&b'\n') {
            return Err(io::ErrorKind::InvalidData.into());
        }
        Ok(Some(line))
    }
}

/// One line from QEMU.
#[derive(Debug)]
pub(super) enum Incoming {
    Answer { id: u64, result: Result<Value, Refusal> },
    Event(Event),
    Other,
}

/// QMP's error object.
#[derive(Debug, Deserialize)]
pub(super) struct Refusal {
    pub(super) class: String,
    pub(super) desc: String,
}

#[derive(Deserialize)]
struct Line {
    id: Option<u64>,
    #[serde(rename = "return")]
    returned: Option<Value>,
    error: Option<Refusal>,
    event: Option<String>,
    #[serde(default)]
    data: Value,
}

pub(super) fn parse(line: &[u8]) -> Result<Incoming, serde_json::Error> {
    let line: Line = serde_json::from_slice(line)?;
    Ok(match (line.id, line.returned, line.error, line.event) {
        (_, _, _, Some(name)) => Incoming::Event(Event::parse(name, line.data)),
        (Some(id), _, Some(refusal), _) => Incoming::Answer {
            id,
            result: Err(refusal),
        },
        (Some(id), value, None, _) => Incoming::Answer {
            id,
            result: Ok(value.unwrap_or_default()),
        },
        (None, _, _, None) => Incoming::Other,
    })
}

/// Refuses a peer that is not QMP.
pub(super) fn check_greeting(line: &[u8]) -> Result<()> {
    #[derive(Deserialize)]
    struct Greeting {
        #[serde(rename = "QMP")]
        _qmp: Value,
    }
    serde_json::from_slice::<Greeting>(line)
        .map(|_| ())
        .map_err(|source| Error::Protocol {
            command: "greeting".into(),
            source,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_sorted() {
        let answer = parse(br#"{"return": {"a": 1}, "id": 3}"#).unwrap();
        assert!(matches!(answer, Incoming::Answer { id: 3, result: Ok(_) }));
        let refusal = parse(br#"{"id": 4, "error": {"class": "DeviceNotFound", "desc": "no"}}"#);
        assert!(matches!(refusal.unwrap(), Incoming::Answer { id: 4, result: Err(_) }));
        let event = parse(br#"{"event": "STOP", "timestamp": {"seconds": 1, "microseconds": 2}}"#);
        assert!(matches!(event.unwrap(), Incoming::Event(Event::Stop)));
        assert!(matches!(parse(b"{}").unwrap(), Incoming::Other));
        assert!(parse(b"nonsense").is_err());
        assert!(check_greeting(b"SSH-2.0").is_err());
    }
}
