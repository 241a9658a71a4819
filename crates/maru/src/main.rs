//! The Maru program.
fn main() {}
