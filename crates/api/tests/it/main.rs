//! The whole application in memory: real store, real writer, simulated host; requests without a socket.

// Helpers of tests stand outside of the functions that clippy takes for tests.
#![allow(clippy::unwrap_used)]

mod cloud;
mod compute;
mod every_route;
mod identity;
mod image;
mod image_data;
