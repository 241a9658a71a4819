//! The dashboard in memory: real store, real writer, the API, simulated host; requests without a socket or a browser.

// Helpers of tests stand outside of the functions that clippy takes for tests.
#![allow(clippy::unwrap_used)]

// The API's own harness: the dashboard changes things through the API and nothing else.
#[path = "../../../api/tests/it/cloud.rs"]
mod cloud;
mod consequences;
mod dialogs;
mod errors;
mod live;
mod pages;
mod reach;
mod readers;
mod seeds;
mod sign_in;
mod site;
mod storage;
