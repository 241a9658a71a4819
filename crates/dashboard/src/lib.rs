//! The cloud in a browser: pages made on the server, at `/dashboard/` of the API's own port.
//!
//! ```text
//!  GET a page   ──► Visit (cookie → token → caller, language) ──► reads the published Cloud ──► HTML
//!  POST a form  ──► Visit ──► one or more requests to the cloud's own API, in this process ──► Done or Problem
//!  GET /live    ──► the page's middle once more each time the cloud changed, as server-sent events
//! ```
//!
//! Whatever a page changes it changes as a client would: through the API, with the caller's own token. So there is one
//! place for rights, quotas and rules, and a page can name the `openstack` command that does the same. What it shows it
//! reads from the tables, since a list of a thousand servers must not be made into JSON first.
//!
//! All of it works without script, except what can't (consoles, live pages); scripts, styles and pictures are in the program.

mod assets;
mod backend;
mod crumbs;
mod form;
mod guard;
mod lang;
mod layout;
mod live;
mod messages;
mod outcome;
mod pages;
mod session;
mod sign_in;
mod site;
mod ui;
mod visit;

pub use backend::Backend;
pub use site::{Options, router};
