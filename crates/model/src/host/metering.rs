//! What a router counts.

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::Direction;

/// What of a router's traffic a label counts, or leaves out. At least one of the prefixes is there, and both are of one IP
/// version. Addresses are those inside: not translated yet, or not any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MeterRule {
    /// Ingress comes in by the gateway, egress leaves by it.
    pub direction: Direction,
    /// Whether such packets are left out, whatever the label's other rules say.
    pub excluded: bool,
    /// Where packets come from; anywhere if `None`.
    pub source: Option<IpNet>,
    /// Where packets go to; anywhere if `None`.
    pub destination: Option<IpNet>,
}
