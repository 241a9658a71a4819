//! Why a request can't be done, in the words of the domain; `api` turns it into each service's own fault.

use std::fmt;

/// What the reader can do about it; decides the HTTP status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// No such object, or not yours to see (404).
    NotFound,
    /// The state of something forbids it now (409).
    Conflict,
    /// The request must be mended (400).
    Invalid,
    /// You may not (403).
    Forbidden,
    /// Who are you? (401)
    Unauthorized,
    /// A quota is used up (403 in Nova, 409 in Neutron).
    OverQuota,
    /// Too many requests, or too large (413).
    OverLimit,
    /// No host has room (500/409 in Nova, with the reasons).
    NoCapacity,
    /// A precondition such as `If-Match` does not hold (412).
    PreconditionFailed,
    /// The store or a host can't be written just now; try again (503).
    Unavailable,
    /// A bug; the message goes to the log, never to the user (500).
    Internal,
}

/// An error a user is told: the kind, the exception name OpenStack's service uses (Neutron sends it as `type`), and a
/// sentence that says what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Error {
    /// Decides the status.
    pub kind: ErrorKind,
    /// The service's own name for it, such as `SubnetInUse` (neutron-lib `exceptions`).
    pub code: &'static str,
    /// A whole sentence for the user.
    pub message: String,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// What every rule returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;

macro_rules! constructors {
    ($($(#[$doc:meta])* $name:ident => $kind:ident;)*) => {
        impl Error {$(
            $(#[$doc])*
            pub fn $name(code: &'static str, message: impl Into<String>) -> Self {
                Self { kind: ErrorKind::$kind, code, message: message.into() }
            }
        )*}
    };
}

constructors! {
    /// See [`ErrorKind::NotFound`].
    not_found => NotFound;
    /// See [`ErrorKind::Conflict`].
    conflict => Conflict;
    /// See [`ErrorKind::Invalid`].
    invalid => Invalid;
    /// See [`ErrorKind::Forbidden`].
    forbidden => Forbidden;
    /// See [`ErrorKind::Unauthorized`].
    unauthorized => Unauthorized;
    /// See [`ErrorKind::OverQuota`].
    over_quota => OverQuota;
    /// See [`ErrorKind::OverLimit`].
    over_limit => OverLimit;
    /// See [`ErrorKind::NoCapacity`].
    no_capacity => NoCapacity;
    /// See [`ErrorKind::PreconditionFailed`].
    precondition_failed => PreconditionFailed;
    /// See [`ErrorKind::Unavailable`].
    unavailable => Unavailable;
    /// See [`ErrorKind::Internal`].
    internal => Internal;
}

impl Error {
    /// Whether the same request may succeed later without being changed.
    pub fn is_retryable(&self) -> bool {
        matches!(self.kind, ErrorKind::Unavailable | ErrorKind::OverLimit)
    }
}
