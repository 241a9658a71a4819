//! QEMU as a process that outlives who started it: own session, own user, found again by its record.
//!
//! The record is a file that only we can write. The child itself writes its process id and start time into it, after
//! the fork and before it becomes QEMU, so there is no moment in which a QEMU runs that no record tells of. A process is
//! taken for ours only if the host's boot, the id and the start time all agree; it is then held by a pidfd, which can
//! never come to mean another process.

mod record;
mod spawn;

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::process::{PidfdFlags, Signal, WaitId, WaitIdOptions};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::sync::broadcast;
use tokio::time::{Instant, sleep};

use crate::qmp::{Event, Qmp};
use crate::{Error, Result};
pub use record::ProcessRecord;
pub(crate) use spawn::drop_rights;
pub use spawn::{Credentials, Launch};

/// How much of an error output is put into an error.
const STDERR_SHOWN_BYTES: u64 = 2000;

/// A process that we started or found again.
#[derive(Debug)]
pub struct Process {
    record: ProcessRecord,
    pidfd: AsyncFd<OwnedFd>,
}

impl Process {
    /// Starts a program. It goes on when we end. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// [`Error::Spawn`] when it cannot be started, [`Error::File`] when one of its files cannot be made.
    pub fn spawn(launch: &Launch<'_>) -> Result<Self> {
        let child = spawn::spawn(launch)?;
        let found = Self::find(&launch.record)?;
        // The child may have ended already; it is ours to reap then.
        match found {
            Some(process) => Ok(process),
            None => {
                let status = spawn::reap(child);
                tracing::debug!(?status, "A program ended as soon as it was started");
                Err(Error::EarlyExit {
                    stderr: tail(&launch.stderr),
                })
            }
        }
    }

    /// Finds the process that a record tells of, if it still runs. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// [`Error::File`] when the record cannot be read; a record that is missing or broken is no error, and neither is one
    /// from before the host's last boot.
    pub fn find(record: &Path) -> Result<Option<Self>> {
        let Some(record) = ProcessRecord::read(record)? else {
            return Ok(None);
        };
        let Some(pid) = rustix::process::Pid::from_raw(record.pid) else {
            return Ok(None);
        };
        let pidfd = match rustix::process::pidfd_open(pid, PidfdFlags::NONBLOCK) {
            Ok(pidfd) => pidfd,
            Err(rustix::io::Errno::SRCH) => return Ok(None),
            Err(error) => return Err(Error::system("open a process")(error)),
        };
        // Checked after the pidfd is open: from here on the id cannot pass to another process.
        if !record.is_alive()? {
            return Ok(None);
        }
        // SAFETY: an `OwnedFd` that the `AsyncFd` owns is open, and the same, for as long as it lives.
        #[allow(unsafe_code)]
        let pidfd = unsafe { AsyncFd::register_with_interest(pidfd, Interest::READABLE) }
            .map_err(|error| Error::system("watch a process")(io::Error::from(error)))?;
        Ok(Some(Self { record, pidfd }))
    }

    /// Process id, for people and logs.
    pub fn pid(&self) -> i32 {
        self.record.pid
    }

    /// Whether it has ended.
    pub fn has_ended(&self) -> bool {
        !self.record.is_alive().unwrap_or(false)
    }

    /// Waits until it has ended, and reaps it if it is our child.
    ///
    /// # Errors
    /// [`Error::System`] when the wait itself fails.
    pub async fn ended(&self) -> Result<()> {
        // A pidfd becomes readable when its process ends, and stays so.
        let _ready = self
            .pidfd
            .readable()
            .await
            .map_err(Error::system("wait for a process"))?;
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG;
        match rustix::process::waitid(WaitId::PidFd(self.pidfd.as_fd()), options) {
            // Not our child: it was adopted after a restart, and init reaps it.
            Ok(_) | Err(rustix::io::Errno::CHILD) => Ok(()),
            Err(error) => Err(Error::system("reap a process")(error)),
        }
    }

    /// Ends it at once (SIGKILL) and waits until it is gone.
    ///
    /// # Errors
    /// [`Error::System`]; that it is already gone is no error.
    pub async fn kill(&self) -> Result<()> {
        match rustix::process::pidfd_send_signal(self.pidfd.as_fd(), Signal::KILL) {
            Ok(()) | Err(rustix::io::Errno::SRCH) => {}
            Err(error) => return Err(Error::system("kill a process")(error)),
        }
        self.ended().await
    }
}

/// A QEMU whose monitor answers.
#[derive(Debug)]
pub struct Started {
    /// Its process.
    pub process: Process,
    /// Its monitor.
    pub qmp: Qmp,
    /// Its events since the connection was made.
    pub events: broadcast::Receiver<Event>,
}

/// Starts QEMU and waits until its monitor answers. If it does not within `limit`, QEMU is killed.
///
/// # Errors
/// [`Error::EarlyExit`] with QEMU's own words, [`Error::NoAnswer`], and those of [`Process::spawn`].
pub async fn start(launch: &Launch<'_>, monitor: &Path, limit: Duration) -> Result<Started> {
    let deadline = Instant::now() + limit;
    let process = Process::spawn(launch)?;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let connected = tokio::select! {
            connected = Qmp::connect(monitor, left) => connected,
            ended = process.ended() => {
                ended?;
                return Err(Error::EarlyExit { stderr: tail(&launch.stderr) });
            }
        };
        match connected {
            Ok((qmp, events)) => return Ok(Started { process, qmp, events }),
            // The socket appears some moments after the start.
            Err(Error::File { .. } | Error::Disconnected { .. }) if !left.is_zero() => {
                sleep(Duration::from_millis(10)).await;
            }
            Err(error) => {
                process.kill().await?;
                return Err(match error {
                    Error::File { .. } => Error::NoAnswer {
                        path: monitor.to_owned(),
                        limit,
                    },
                    other => other,
                });
            }
        }
    }
}

/// Finds a running QEMU again by its record and connects to its monitor.
///
/// `Ok(None)`: it does not run. A QEMU that runs but does not answer is an error, and keeps running.
///
/// # Errors
/// [`Error::NoAnswer`] and the errors of [`Process::find`].
pub async fn find(record: &Path, monitor: &Path, limit: Duration) -> Result<Option<Started>> {
    let Some(process) = Process::find(record)? else {
        return Ok(None);
    };
    let (qmp, events) = Qmp::connect(monitor, limit).await?;
    Ok(Some(Started { process, qmp, events }))
}

/// The end of a text file on one line, with unprintable characters replaced; empty if it cannot be read.
fn tail(path: &PathBuf) -> String {
    let read = || -> io::Result<Vec<u8>> {
        let mut file = File::open(path)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(STDERR_SHOWN_BYTES)))?;
        let mut bytes = Vec::new();
        file.take(STDERR_SHOWN_BYTES).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    one_line(&read().unwrap_or_default())
}

/// Makes foreign output fit for a log line.
pub(crate) fn one_line(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    lines
        .join("; ")
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

#[cfg(test)]
mod tests;
