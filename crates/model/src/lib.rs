//! What the cloud *is* and what may happen to it, as plain values and pure functions.
//!
//! No IO, no clock, no randomness: time and ids come in as arguments ([`Tx`] carries them), so that every rule can be
//! tested by the thousand, simulated, and replayed from a seed.
//!
//! ```text
//!  resources (network, port, server …)      one file each: the row, then its rules over a Tx
//!        │ rows live in
//!  Cloud (typed tables + look-ups)  ──Tx──►  changes  (committed by `control` before anyone sees them)
//!        │ plan
//!  HostConfig (what one host must look like)   HostReport (what it looks like)      → host.rs
//! ```

pub mod actor;
pub mod address;
pub mod author;
pub mod bootstrap;
pub mod cloud;
pub mod compute;
pub mod console;
pub mod diagnostics;
pub mod error;
pub mod host;
pub mod id;
pub mod identity;
pub mod image;
pub mod image_format;
pub mod meters;
pub mod network;
pub mod placement;
pub mod plan;
pub mod quota;
pub mod reach;
pub mod report;
pub mod time;
pub mod unowned;
pub mod volume;

mod tx;

pub use actor::{Actor, Scope};
pub use cloud::{AnyRow, Change, Cloud, Row, Table};
pub use error::{Error, ErrorKind, Result};
pub use id::*;
pub use time::Timestamp;
pub use tx::{IdSource, SeededIds, Tx};
