//! What a new cloud holds, as DevStack leaves one: each service's part is one function over a [`crate::Tx`].

pub mod identity;

pub use identity::{IdentityIds, identity};
