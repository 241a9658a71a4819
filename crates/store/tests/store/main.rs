//! The store on a real disk: what is acknowledged stays, what fails changes nothing, nobody else may write.

#![expect(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod backup;
mod crash;
mod disk_full;
mod migrate;
mod power_cut;
mod rows;
mod support;
