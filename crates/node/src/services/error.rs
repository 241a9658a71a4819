//! What can go wrong when services are opened for a network or a router.

use std::io;

/// Why a fragment's services don't answer. They are tried again by themselves.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// The namespace or a device in it can't be used.
    #[error("could not {operation}")]
    Kernel {
        /// What was tried.
        operation: &'static str,
        /// Why not.
        #[source]
        source: linux::Error,
    },
    /// A socket can't be opened.
    #[error("could not {operation}")]
    Socket {
        /// What was tried.
        operation: &'static str,
        /// Why not.
        #[source]
        source: io::Error,
    },
}

impl ServiceError {
    pub(super) fn socket(operation: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Socket { operation, source }
    }

    pub(super) fn kernel(operation: &'static str) -> impl FnOnce(linux::Error) -> Self {
        move |source| Self::Kernel { operation, source }
    }

    /// The error with its cause, for a report that is one line of text.
    pub fn in_full(&self) -> String {
        match std::error::Error::source(self) {
            Some(cause) => format!("{self}: {cause}"),
            None => self.to_string(),
        }
    }
}
