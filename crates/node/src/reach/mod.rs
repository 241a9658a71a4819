//! Why something can't be reached, asked of the host: what it really holds, what was seen on it, and what became of a packet.
//!
//! Reading changes nothing, with sockets of its own, and waits for nobody; probes ([`probe`]) send packets of their own.

pub mod observed;
pub mod probe;
pub mod programmed;

mod ask;

pub use ask::Inspectors;
