//! A small typed client of the QEMU Machine Protocol (QEMU's docs/interop/qmp-spec.rst) over a unix socket.
//!
//! A monitor serves one client at a time; who connects second waits for a greeting until its deadline. When a
//! connection ends (QEMU gone, Maru restarted) the owner calls [`Qmp::connect`] again.
//!
//! ```text
//!  Qmp::execute ──id──► socket ──► QEMU
//!       ▲ oneshot by id              │
//!       └───────── reader task ◄─────┘──► broadcast of Events (a slow listener loses the oldest and asks for the status)
//! ```
//!
//! QEMU itself is not trusted more than its guest: lines have a length limit and answers are checked.

mod block_copy;
mod commands;
mod event;
mod throttle;
mod wire;

use std::collections::HashMap;
use std::os::fd::BorrowedFd;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::net::UnixStream;
use tokio::net::unix::OwnedWriteHalf;
use tokio::sync::{broadcast, oneshot, watch};
use tokio::time::timeout;

use crate::{Error, Result};
pub use block_copy::DiskCopy;
pub use commands::{DiskCounters, RunState, Status};
pub use event::Event;
pub use throttle::{Limit, Throttle};
use wire::{Incoming, LineReader};

/// How long a command may take unless the caller says otherwise. Monitor commands take about a millisecond; a host
/// under heavy load has been seen to need seconds.
pub const COMMAND_LIMIT: Duration = Duration::from_secs(20);
const EVENTS_KEPT: usize = 256;

type Pending = HashMap<u64, oneshot::Sender<Result<Value, wire::Refusal>>>;

/// A connection to one QEMU's monitor. Clones share it.
#[derive(Clone, Debug)]
pub struct Qmp {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    path: PathBuf,
    writer: tokio::sync::Mutex<OwnedWriteHalf>,
    pending: Arc<Mutex<Pending>>,
    next_id: AtomicU64,
    events: broadcast::WeakSender<Event>,
    closed: watch::Receiver<bool>,
    reader: tokio::task::AbortHandle,
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

impl Qmp {
    /// Connects to the monitor at `path` and negotiates. Gives the client and its events from then on.
    ///
    /// # Errors
    /// [`Error::File`] when nothing listens there, [`Error::NoAnswer`] when no greeting comes within `limit`.
    pub async fn connect(path: &Path, limit: Duration) -> Result<(Self, broadcast::Receiver<Event>)> {
        let handshake = Self::handshake(path);
        timeout(limit, handshake).await.map_err(|_| Error::NoAnswer {
            path: path.to_owned(),
            limit,
        })?
    }

    async fn handshake(path: &Path) -> Result<(Self, broadcast::Receiver<Event>)> {
        let stream = wire::connect(path).await.map_err(Error::file("connect to", path))?;
        let (reader, writer) = stream.into_split();
        let mut lines = LineReader::new(reader);
        match lines.next().await.map_err(Error::file("read", path))? {
            Some(line) => wire::check_greeting(&line)?,
            None => {
                return Err(Error::Disconnected {
                    command: "greeting".into(),
                });
            }
        }
        let (sender, events) = broadcast::channel(EVENTS_KEPT);
        let (closed_sender, closed) = watch::channel(false);
        let pending = Arc::new(Mutex::new(Pending::new()));
        let shared = Shared {
            path: path.to_owned(),
            writer: tokio::sync::Mutex::new(writer),
            pending: Arc::clone(&pending),
            next_id: AtomicU64::new(1),
            events: sender.downgrade(),
            closed,
            reader: tokio::spawn(read_all(lines, pending, sender, closed_sender)).abort_handle(),
        };
        let qmp = Self {
            shared: Arc::new(shared),
        };
        qmp.execute::<Value>("qmp_capabilities", None).await?;
        Ok((qmp, events))
    }

    /// The socket that this client is connected to.
    pub fn path(&self) -> &Path {
        &self.shared.path
    }

    /// Whether the connection has ended.
    pub fn is_closed(&self) -> bool {
        *self.shared.closed.borrow()
    }

    /// Waits until the connection has ended.
    pub async fn closed(&self) {
        let mut closed = self.shared.closed.clone();
        // An error means that the reader is gone, which is the same.
        let _ = closed.wait_for(|closed| *closed).await;
    }

    /// One more listener to the events from now on; one that ends at once if the connection has ended.
    pub fn events(&self) -> broadcast::Receiver<Event> {
        match self.shared.events.upgrade() {
            Some(sender) => sender.subscribe(),
            None => broadcast::channel(1).1,
        }
    }

    /// Runs one command with the usual time limit.
    ///
    /// # Errors
    /// [`Error::Refused`] by QEMU, [`Error::Disconnected`], [`Error::CommandTimedOut`], [`Error::Protocol`].
    pub async fn execute<T: DeserializeOwned>(&self, command: &str, arguments: impl Into<Option<Value>>) -> Result<T> {
        self.send(command, arguments.into(), None, COMMAND_LIMIT).await
    }

    /// Runs one command with its own time limit.
    ///
    /// # Errors
    /// As [`Qmp::execute`].
    pub async fn execute_within<T: DeserializeOwned>(
        &self,
        command: &str,
        arguments: impl Into<Option<Value>>,
        limit: Duration,
    ) -> Result<T> {
        self.send(command, arguments.into(), None, limit).await
    }

    /// Gives QEMU a descriptor under a name (`getfd`), for `netdev_add` and the like. QEMU gets its own copy.
    ///
    /// # Errors
    /// As [`Qmp::execute`].
    pub async fn pass_fd(&self, name: &str, fd: BorrowedFd<'_>) -> Result<()> {
        let arguments = json!({ "fdname": name });
        self.send::<Value>("getfd", Some(arguments), Some(fd), COMMAND_LIMIT)
            .await?;
        Ok(())
    }

    /// Gives QEMU a descriptor that block nodes can open as `/dev/fdset/<number>`; gives the number.
    ///
    /// # Errors
    /// As [`Qmp::execute`].
    pub async fn add_fd(&self, fd: BorrowedFd<'_>) -> Result<u64> {
        #[derive(serde::Deserialize)]
        struct Added {
            #[serde(rename = "fdset-id")]
            set: u64,
        }
        let added: Added = self.send("add-fd", None, Some(fd), COMMAND_LIMIT).await?;
        Ok(added.set)
    }

    async fn send<T: DeserializeOwned>(
        &self,
        command: &str,
        arguments: Option<Value>,
        fd: Option<BorrowedFd<'_>>,
        limit: Duration,
    ) -> Result<T> {
        let id = self.shared.next_id.fetch_add(1, Ordering::Relaxed);
        let (sender, answer) = oneshot::channel();
        lock(&self.shared.pending).insert(id, sender);
        // Takes the entry away again however this ends, so that time-outs do not pile up.
        let _forget = Forget {
            pending: &self.shared.pending,
            id,
        };
        let exchange = async {
            self.write(id, command, arguments, fd).await?;
            answer.await.map_err(|_| Error::Disconnected {
                command: command.into(),
            })
        };
        let answer = timeout(limit, exchange).await.map_err(|_| Error::CommandTimedOut {
            command: command.into(),
            limit,
        })??;
        let value = answer.map_err(|refusal| Error::Refused {
            command: command.into(),
            class: refusal.class,
            description: refusal.desc,
        })?;
        serde_json::from_value(value).map_err(|source| Error::Protocol {
            command: command.into(),
            source,
        })
    }

    async fn write(&self, id: u64, command: &str, arguments: Option<Value>, fd: Option<BorrowedFd<'_>>) -> Result<()> {
        if self.is_closed() {
            return Err(Error::Disconnected {
                command: command.into(),
            });
        }
        let mut request = json!({ "execute": command, "id": id });
        if let Some(arguments) = arguments {
            request["arguments"] = arguments;
        }
        let mut line = request.to_string().into_bytes();
        line.push(b'\n');
        let writer = self.shared.writer.lock().await;
        let stream: &UnixStream = writer.as_ref();
        wire::write_all(stream, &line, fd)
            .await
            .map_err(|_| Error::Disconnected {
                command: command.into(),
            })
    }
}

struct Forget<'a> {
    pending: &'a Mutex<Pending>,
    id: u64,
}

impl Drop for Forget<'_> {
    fn drop(&mut self) {
        lock(self.pending).remove(&self.id);
    }
}

/// A panic while the map is held cannot leave it half changed.
fn lock(pending: &Mutex<Pending>) -> MutexGuard<'_, Pending> {
    pending.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Sorts what QEMU says until it stops: answers to those who wait for them, events to all.
async fn read_all(
    mut lines: LineReader,
    pending: Arc<Mutex<Pending>>,
    events: broadcast::Sender<Event>,
    closed: watch::Sender<bool>,
) {
    while let Ok(Some(line)) = lines.next().await {
        match wire::parse(&line) {
            Ok(Incoming::Answer { id, result }) => {
                if let Some(waiting) = lock(&pending).remove(&id) {
                    let _ = waiting.send(result);
                }
            }
            // No listener is fine.
            Ok(Incoming::Event(event)) => drop(events.send(event)),
            Ok(Incoming::Other) => {}
            Err(error) => tracing::warn!(%error, "Ignored a line of a QEMU monitor"),
        }
    }
    closed.send_replace(true);
    // Dropping the senders tells everyone who still waits.
    lock(&pending).clear();
}
