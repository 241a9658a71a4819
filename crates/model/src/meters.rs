//! What metering labels counted: asked of the host when somebody wants to know. The host keeps it; the cloud does not.

use std::collections::BTreeMap;
use std::future::Future;
use std::ops::AddAssign;
use std::pin::Pin;

use serde::{Deserialize, Serialize};

use crate::{MeteringLabelId, RouterId, Timestamp};

/// What was counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Count {
    /// Packets.
    pub packets: u64,
    /// Bytes of those packets, their IP headers included.
    pub bytes: u64,
}

impl AddAssign for Count {
    fn add_assign(&mut self, other: Self) {
        self.packets = self.packets.saturating_add(other.packets);
        self.bytes = self.bytes.saturating_add(other.bytes);
    }
}

/// What a router counted since it has each label.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouterReading {
    /// When the kernel was asked.
    pub read_at: Timestamp,
    /// By label.
    pub counts: BTreeMap<MeteringLabelId, Count>,
}

/// An answer that is on its way: of those of the routers that count anything.
pub type Answer<'a> = Pin<Box<dyn Future<Output = BTreeMap<RouterId, RouterReading>> + Send + 'a>>;

/// Whoever can tell what was counted: the host.
pub trait MeterSource: Send + Sync {
    /// What these routers counted.
    fn read(&self, routers: Vec<RouterId>) -> Answer<'_>;
}
