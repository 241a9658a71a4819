//! What can go wrong between a verb and the kernel.

use std::io;

/// The result of a verb.
pub type Result<T> = std::result::Result<T, Error>;

/// A verb that did not succeed. `doing` names the operation and its object ("create bridge br0").
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The object is there already (`EEXIST`).
    #[error("cannot {doing}: it exists already")]
    AlreadyExists {
        /// The operation and its object.
        doing: String,
    },
    /// The object, or one it depends on, is not there (`ENOENT`, `ENODEV`, `ESRCH`, ...).
    #[error("cannot {doing}: not found")]
    NotFound {
        /// The operation and its object.
        doing: String,
    },
    /// The kernel refused; `hint` is its extended acknowledgement, where it gave one.
    #[error("cannot {doing}{}", hint.as_ref().map(|h| format!(" ({h})")).unwrap_or_default())]
    Kernel {
        /// The operation and its object.
        doing: String,
        /// The kernel's own explanation.
        hint: Option<String>,
        /// The error number.
        source: io::Error,
    },
    /// The kernel answered with bytes that do not parse.
    #[error("cannot {doing}: the kernel's answer is malformed")]
    Malformed {
        /// The operation and its object.
        doing: String,
    },
    /// This host cannot do it at all (missing library, controller, kernel option).
    #[error("{what} is not available on this host: {why}")]
    Unavailable {
        /// The missing thing.
        what: String,
        /// What was seen, and what to do about it.
        why: String,
    },
    /// libnftables rejected a ruleset.
    #[error("nftables rejected the ruleset: {message}")]
    Nft {
        /// libnftables' error text: what, and where in the ruleset.
        message: String,
    },
}

impl Error {
    /// Wraps an IO error, telling "exists" and "not found" apart from the rest.
    pub(crate) fn io(doing: impl Into<String>, source: impl Into<io::Error>) -> Self {
        Self::with_hint(doing.into(), source.into(), None)
    }

    pub(crate) fn with_hint(doing: String, source: io::Error, hint: Option<String>) -> Self {
        match source.raw_os_error() {
            Some(libc::EEXIST) => Self::AlreadyExists { doing },
            // EADDRNOTAVAIL is what deleting an absent address answers, ENXIO what a gone tap does.
            Some(libc::ENOENT | libc::ENODEV | libc::ESRCH | libc::EADDRNOTAVAIL | libc::ENXIO) => {
                Self::NotFound { doing }
            }
            _ => Self::Kernel { doing, hint, source },
        }
    }

    /// Whether the object was there already.
    pub fn is_already_exists(&self) -> bool {
        matches!(self, Self::AlreadyExists { .. })
    }

    /// Whether the object was absent.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::NotFound { .. })
    }
}

/// Treats "already exists" as done.
pub(crate) fn unless_exists(result: Result<()>) -> Result<bool> {
    match result {
        Ok(()) => Ok(true),
        Err(Error::AlreadyExists { .. }) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Treats "not found" as done.
pub(crate) fn unless_gone(result: Result<()>) -> Result<bool> {
    match result {
        Ok(()) => Ok(true),
        Err(Error::NotFound { .. }) => Ok(false),
        Err(error) => Err(error),
    }
}
