//! What this host answers on why something can or can't be reached.

pub mod probe;
