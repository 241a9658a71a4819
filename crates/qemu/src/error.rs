//! What can go wrong with a machine, in words fit for the log. `Display` leaves the cause to `source()`.

use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::Duration;

/// This crate's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Everything that this crate fails with.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file, socket or descriptor could not be used.
    #[error("cannot {action} {}", path.display())]
    File {
        /// A verb: "open", "read", "connect to".
        action: &'static str,
        /// What it was about.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A program could not be started at all.
    #[error("cannot start {program}")]
    Spawn {
        /// The program.
        program: String,
        /// Why.
        source: io::Error,
    },
    /// A program ran and failed.
    #[error("'{command}' failed with {status}: {stderr}")]
    Failed {
        /// The whole command line, words joined by blanks.
        command: String,
        /// How it ended.
        status: ExitStatus,
        /// The end of what it wrote to its error output, on one line.
        stderr: String,
    },
    /// A program was killed because it took too long.
    #[error("'{command}' did not finish within {} s", limit.as_secs())]
    TimedOut {
        /// The whole command line.
        command: String,
        /// The limit.
        limit: Duration,
    },
    /// What a program printed was not understood.
    #[error("cannot understand the output of '{command}'")]
    Output {
        /// The whole command line.
        command: String,
        /// Why.
        source: serde_json::Error,
    },
    /// QEMU ended before its monitor answered.
    #[error("QEMU ended while starting: {stderr}")]
    EarlyExit {
        /// The end of its error output, on one line; empty if it said nothing.
        stderr: String,
    },
    /// The trial guest of an accelerator ran too slowly or not at all.
    #[error("the trial guest did not greet within {} ms", limit.as_millis())]
    NoGreeting {
        /// The limit.
        limit: Duration,
    },
    /// QEMU runs but its monitor did not answer in time. Another client may hold it: a monitor serves one at a time.
    #[error("the QEMU monitor {} did not answer within {} ms", path.display(), limit.as_millis())]
    NoAnswer {
        /// The monitor's socket.
        path: PathBuf,
        /// The limit.
        limit: Duration,
    },
    /// The monitor's connection ended: QEMU is gone or closed it.
    #[error("the connection to the QEMU monitor ended during '{command}'")]
    Disconnected {
        /// The command that was under way.
        command: String,
    },
    /// QEMU refused a command.
    #[error("QEMU refused '{command}': {description}")]
    Refused {
        /// The command.
        command: String,
        /// QMP's error class, such as `DeviceNotFound`.
        class: String,
        /// QEMU's text.
        description: String,
    },
    /// A command was sent and not answered in time.
    #[error("QEMU did not answer '{command}' within {} ms", limit.as_millis())]
    CommandTimedOut {
        /// The command.
        command: String,
        /// The limit.
        limit: Duration,
    },
    /// The monitor sent something that is not QMP or not the answer that the command has.
    #[error("QEMU sent an answer that cannot be understood to '{command}'")]
    Protocol {
        /// The command.
        command: String,
        /// Why.
        source: serde_json::Error,
    },
    /// A value cannot be put on a command line.
    #[error("{what} cannot be used: {reason}")]
    Unusable {
        /// Which value.
        what: &'static str,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A call on a process or descriptor failed.
    #[error("cannot {action}")]
    System {
        /// A verb and what it was about.
        action: &'static str,
        /// Why.
        source: io::Error,
    },
}

impl Error {
    pub(crate) fn file(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { action, path, source }
    }

    pub(crate) fn system<E: Into<io::Error>>(action: &'static str) -> impl FnOnce(E) -> Self {
        move |source| Self::System {
            action,
            source: source.into(),
        }
    }

    /// QMP's class of a refusal, such as `DeviceNotFound`.
    pub fn refusal_class(&self) -> Option<&str> {
        match self {
            Self::Refused { class, .. } => Some(class),
            _ => None,
        }
    }
}
