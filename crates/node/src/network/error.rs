//! What can go wrong with a host's networks.

/// The result of a network operation.
pub type Result<T> = std::result::Result<T, Error>;

/// A network operation that failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The kernel refused something.
    #[error("cannot {doing}")]
    Kernel {
        /// What was being done, to what.
        doing: String,
        /// Why not.
        source: linux::Error,
    },
    /// A port asks for a network that is not on this host.
    #[error("the network {0} is not on this host, or could not be set up")]
    NetworkMissing(model::NetworkId),
    /// A port that is not on this host, or is no server's.
    #[error("the port {0} is not a server's port on this host")]
    NoTap(model::PortId),
    /// A trunk asks for a port that its network does not have as a subport here.
    #[error("the port {0} is not a subport of the trunk on this host, or not yet")]
    NoSubport(model::PortId),
    /// A namespace named by `maru port attach` does not exist.
    #[error("the network namespace {0} does not exist; make it with `ip netns add {0}`")]
    NamespaceMissing(String),
    /// The name is taken by something that this cloud did not make.
    #[error("{what} exists already and belongs to {owner}")]
    Foreign {
        /// The object.
        what: String,
        /// Whose it is.
        owner: String,
    },
}

/// Gives a kernel error what was being done.
pub(super) trait Doing<T> {
    /// `doing` completes "cannot ...".
    fn doing(self, doing: impl FnOnce() -> String) -> Result<T>;
}

impl<T> Doing<T> for linux::Result<T> {
    fn doing(self, doing: impl FnOnce() -> String) -> Result<T> {
        self.map_err(|source| Error::Kernel { doing: doing(), source })
    }
}

impl Error {
    /// The error and all its causes in one line, for a report.
    pub fn in_full(&self) -> String {
        let mut text = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            text.push_str(": ");
            text.push_str(&error.to_string());
            cause = error.source();
        }
        text
    }
}
