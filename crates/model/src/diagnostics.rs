//! What a running server uses just now: asked of its host when somebody wants to know, never kept.

use std::future::Future;
use std::pin::Pin;

use serde::{Deserialize, Serialize};

use crate::{PortId, ServerId};

/// Figures of a running server.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Diagnostics {
    /// What runs it: `kvm`, or `qemu` where the processor is translated.
    pub hypervisor: String,
    /// Memory that its process holds, bytes.
    pub resident_bytes: u64,
    /// Time that each virtual processor has run, nanoseconds.
    pub cpu_nanoseconds: Vec<u64>,
    /// Its disks.
    pub disks: Vec<DiskFigures>,
    /// Its NICs, as the guest counts: what it received and what it sent.
    pub nics: Vec<(PortId, NicFigures)>,
}

/// What was read from and written to a disk since the machine started.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DiskFigures {
    /// Bytes read.
    pub read_bytes: u64,
    /// Reads.
    pub read_requests: u64,
    /// Bytes written.
    pub write_bytes: u64,
    /// Writes.
    pub write_requests: u64,
    /// Reads and writes that failed.
    pub errors: u64,
}

/// What passed one way through a NIC.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Traffic {
    /// Bytes.
    pub bytes: u64,
    /// Packets.
    pub packets: u64,
    /// Packets that were damaged.
    pub errors: u64,
    /// Packets that there was no room for.
    pub dropped: u64,
}

/// What passed through a NIC since it was made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NicFigures {
    /// Received by the guest.
    pub received: Traffic,
    /// Sent by the guest.
    pub sent: Traffic,
}

/// An answer that is on its way; `None`: the server does not run on the host just now.
pub type Answer<'a> = Pin<Box<dyn Future<Output = Option<Diagnostics>> + Send + 'a>>;

/// Whether something was done; on its way.
pub type Done<'a> = Pin<Box<dyn Future<Output = bool> + Send + 'a>>;

/// Whoever can tell of a server's figures: its host.
pub trait DiagnosticsSource: Send + Sync {
    /// The figures of a server.
    fn diagnostics(&self, server_id: ServerId) -> Answer<'_>;

    /// Sends a non-maskable interrupt, at which a guest that is set up for it dumps its memory and restarts. `false`: the
    /// server does not run on the host just now.
    fn interrupt(&self, server_id: ServerId) -> Done<'_>;
}
