//! What a host reported becomes the status of rows: status is reported, never assumed.

use crate::host::HostReport;
use crate::{Cloud, HostId, Result, Tx};

/// Rows that one transaction brings up to date; small enough for the store's limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {}

/// What differs between the rows and the newest report, looking only at what changed since the one folded before.
pub fn pending(_cloud: &Cloud, _host: &HostId, _folded: &HostReport, _newest: &HostReport) -> Vec<Part> {
    Vec::new()
}

/// Enters one part.
pub fn fold(_tx: &mut Tx<'_>, _host: &HostId, _newest: &HostReport, _part: &Part) -> Result<()> {
    Ok(())
}
