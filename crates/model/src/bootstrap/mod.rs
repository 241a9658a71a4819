//! What a new cloud holds, as DevStack leaves one: each service's part is one function over a [`crate::Tx`].

pub mod flavors;
pub mod identity;
pub mod network;

pub use flavors::flavors;
pub use identity::{IdentityIds, identity};
pub use network::network;

use crate::network::{agent, security_group, segment};
use crate::{HostId, Result, Tx, volume};

/// What every start of a cloud needs of block storage: the default type, and no copy that a stop cut off.
///
/// # Errors
/// None that a whole store can give.
pub fn volumes(tx: &mut Tx<'_>) -> Result<()> {
    volume::types::ensure_default(tx);
    volume::reset_interrupted_uploads(tx)
}

/// What every start of a cloud needs of networks: the built-in default rules of security groups, which older releases had not.
///
/// # Errors
/// None that a whole store can give.
pub fn security_groups(tx: &mut Tx<'_>) -> Result<()> {
    security_group::default_rule::ensure(tx);
    Ok(())
}

/// What every start of a cloud needs of networking: the host's agents, and a segment for each network of before there were
/// any. `true` when more networks lack one: then call it again.
pub fn agents_and_segments(tx: &mut Tx<'_>, host: &HostId) -> bool {
    agent::start(tx, host);
    segment::fill(tx)
}
