//! What a new cloud holds, as DevStack leaves one: each service's part is one function over a [`crate::Tx`].

pub mod flavors;
pub mod identity;
pub mod network;

pub use flavors::flavors;
pub use identity::{IdentityIds, identity};
pub use network::network;
