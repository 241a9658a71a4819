//! Why something can't be reached, asked of the host: what it really holds, and what was seen on it.
//!
//! All of it reads only, with sockets of its own, so that it waits for nobody and changes nothing.

pub mod observed;
pub mod programmed;

mod ask;

pub use ask::Inspectors;
