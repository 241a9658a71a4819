//! Servers' consoles: what they wrote to the serial one, and the way to both. Files and sockets below the state directory of
//! the host.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use model::console::{ConsoleKind, ConsoleSource};
use model::{Error, Result, ServerId};
use rustix::fs::{Mode, OFlags};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};

use crate::Control;

/// Consoles as files of this machine: `<servers>/<server id>/console.log`, and sockets in `run/` beside it.
#[derive(Debug, Clone)]
pub struct ConsoleFiles {
    /// The directory that holds one directory a server.
    pub servers: PathBuf,
}

impl ConsoleSource for ConsoleFiles {
    fn tail(&self, server_id: ServerId, limit_bytes: u64) -> io::Result<Vec<u8>> {
        let path = self.servers.join(server_id.to_string()).join("console.log");
        let mut file = File::open(path)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(limit_bytes)))?;
        let mut bytes = Vec::new();
        file.take(limit_bytes).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn connect(&self, server_id: ServerId, kind: ConsoleKind) -> io::Result<UnixStream> {
        let run = self.servers.join(server_id.to_string()).join("run");
        connect(
            &run,
            match kind {
                ConsoleKind::Vnc => "vnc.sock",
                ConsoleKind::Serial => "console.sock",
            },
        )
    }
}

/// Connects to a socket of QEMU's in its directory, whose owner QEMU runs as. QEMU, which its guest may have taken over, can
/// put anything in that directory, a link to another server's socket too: so who listens must be the directory's owner.
fn connect(directory: &Path, name: &str) -> io::Result<UnixStream> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let opened = std::fs::File::from(rustix::fs::open(directory, flags, Mode::empty())?);
    let owner = opened.metadata()?.uid();
    // By descriptor: a socket's address holds 107 bytes, a state directory's path may be longer.
    let path = Path::new("/proc/self/fd")
        .join(opened.as_raw_fd().to_string())
        .join(name);
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let socket: OwnedFd = rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    rustix::net::connect(&socket, &SocketAddrUnix::new(&path)?)?;
    let peer = rustix::net::sockopt::socket_peercred(&socket)?;
    if peer.uid.as_raw() != owner {
        return Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            format!("user {} listens there, not {owner}", peer.uid.as_raw()),
        ));
    }
    Ok(socket.into())
}

impl Control {
    /// The last `limit_bytes` of a server's console; empty while it has written nothing.
    ///
    /// # Errors
    /// `Unavailable` when it can't be read; the cause is in the log.
    pub async fn console_tail(&self, server_id: ServerId, limit_bytes: u64) -> Result<Vec<u8>> {
        let source: Arc<dyn ConsoleSource> = self.inner.console.clone();
        let read = tokio::task::spawn_blocking(move || source.tail(server_id, limit_bytes)).await;
        match read {
            Ok(Ok(bytes)) => Ok(bytes),
            Ok(Err(error)) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            Ok(Err(error)) => {
                tracing::warn!(server.id = %server_id, "A console log can't be read: {error}");
                Err(unreadable(server_id))
            }
            Err(_) => Err(unreadable(server_id)),
        }
    }
}

impl Control {
    /// A connection to a running server's console.
    ///
    /// # Errors
    /// `Conflict` when its machine does not run or has no such console, `Unavailable` when too many wait for it.
    pub async fn connect_console(&self, server_id: ServerId, kind: ConsoleKind) -> Result<tokio::net::UnixStream> {
        let source: Arc<dyn ConsoleSource> = self.inner.console.clone();
        let connected = tokio::task::spawn_blocking(move || source.connect(server_id, kind)).await;
        let connected = connected.map_err(|_| unreadable(server_id))?;
        match connected.and_then(tokio::net::UnixStream::from_std) {
            Ok(stream) => Ok(stream),
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) => Err(
                Error::conflict("InstanceNotReady", format!("Instance {server_id} is not ready")),
            ),
            Err(error) => {
                tracing::warn!(server.id = %server_id, "A console can't be opened: {error}");
                Err(unreadable(server_id))
            }
        }
    }
}

fn unreadable(server_id: ServerId) -> Error {
    Error::unavailable(
        "ConsoleNotAvailable",
        format!("The console of instance {server_id} can't be read just now. Try again in a moment."),
    )
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::os::unix::net::UnixListener;

    use super::*;

    #[test]
    fn a_socket_is_reached_below_a_path_of_any_length() {
        let directory = tempfile::tempdir().unwrap();
        let run = directory.path().join("x".repeat(150)).join("run");
        std::fs::create_dir_all(&run).unwrap();
        // Bound by a short name and moved: the address is as short as QEMU's, which it gives relative to its directory.
        let short = directory.path().join("s");
        let listener = UnixListener::bind(&short).unwrap();
        std::fs::rename(&short, run.join("vnc.sock")).unwrap();
        let mut stream = connect(&run, "vnc.sock").unwrap();
        let accepted = listener.accept().unwrap();
        stream.write_all(b"hello").unwrap();
        assert_eq!(
            connect(&run, "console.sock").unwrap_err().kind(),
            io::ErrorKind::NotFound
        );
        drop((listener, stream, accepted));
        assert_eq!(
            connect(&run, "vnc.sock").unwrap_err().kind(),
            io::ErrorKind::ConnectionRefused
        );
    }

    /// A guest that took over its QEMU could else have its users type into another server's console.
    #[test]
    fn a_link_to_the_socket_of_another_user_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let (own, other) = (directory.path().join("own"), directory.path().join("other"));
        std::fs::create_dir_all(&own).unwrap();
        std::fs::create_dir_all(&other).unwrap();
        let _listener = UnixListener::bind(other.join("vnc.sock")).unwrap();
        assert!(connect(&other, "vnc.sock").is_ok());
        std::os::unix::fs::symlink(other.join("vnc.sock"), own.join("vnc.sock")).unwrap();
        // Who runs this test listens there; the server's user is another.
        if std::os::unix::fs::chown(&own, Some(54_321), None).is_err() {
            return; // not root
        }
        assert_eq!(
            connect(&own, "vnc.sock").unwrap_err().kind(),
            io::ErrorKind::PermissionDenied
        );
    }
}
